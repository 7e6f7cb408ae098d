//! Sweeps: what follows when one is over. A phase is a sweep, repeated until a whole one finds
//! nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fold, MANY_ROUNDS};
use crate::api::{ConditionType, Reason};
use crate::bss::port::{CopyListing, ItemKind, PricingOutcome, SourceId, WriteOperation};
use crate::mutants::{Mutant, on};
use crate::upgrade::foresight::{Foreseeing, Foresight};
use crate::upgrade::observed::{BlockersTold, Stage, Verdict};
use crate::upgrade::sweep::{Hand, Sweep, SweepMode, Wanted};
use crate::upgrade::tally::{Findings, Tally};
use crate::upgrade::verdict::{self, verdict};
use crate::upgrade::ways::Copying;

impl Fold<'_> {
    /// Makes the sweep of the present stage, once everything that it rests on is known.
    pub(super) fn begin_sweep(&mut self) {
        if self.seen.sweep.is_some() {
            return;
        }
        let Some(scope) = self.seen.scope(self.upgrade) else {
            return;
        };
        let customers = &self.seen.customers;
        self.seen.sweep = match self.seen.stage {
            Stage::Customers | Stage::CheckCustomers => {
                Some(Sweep::customers(SweepMode::Copy, scope).by(self.hand(CopyListing::Customers)))
            }
            Stage::Owners | Stage::FinalPurchases => {
                Some(Sweep::purchases(SweepMode::Final, scope, customers))
            }
            Stage::Pricing => Some(Sweep::purchases(SweepMode::Pricing, scope, customers)),
            Stage::Check => Some(Sweep::purchases(SweepMode::Check, scope, customers)),
            Stage::Copy => Some(
                Sweep::purchases(SweepMode::Copy, scope, customers)
                    .by(self.hand(CopyListing::Subscriptions)),
            ),
            Stage::VerifyCustomers => Some(Sweep::customers(SweepMode::Verify, scope)),
            Stage::VerifyPurchases => Some(Sweep::purchases(SweepMode::Verify, scope, customers)),
            Stage::FinalCustomers => {
                Some(Sweep::customers(SweepMode::Final, scope).knowing(customers))
            }
            Stage::Opening | Stage::Orders | Stage::Activate | Stage::Done => None,
        };
    }

    /// Who copies, and what happens before.
    fn hand(&self, listing: CopyListing) -> Hand {
        let operation = match listing {
            CopyListing::Customers => WriteOperation::CopyCustomers,
            CopyListing::Subscriptions => WriteOperation::CopySubscriptions,
        };
        if self.by_hand(operation) {
            return Hand::Person;
        }
        match self.seen.ways.as_ref().map(|ways| ways.copying) {
            Some(Copying::Guarded) => Hand::Bss,
            Some(Copying::LookUpFirst) | None => Hand::BssAfterLookUp,
        }
    }

    /// The look at what the price list permits begins, once, while the tenant is queued; one that
    /// rests after failures comes nearer to its next try.
    pub(super) fn foresees(&mut self) {
        if let Foreseeing::Looking(look) = &mut self.seen.foresight {
            look.tenant_looked_at();
        }
        let sizes = self
            .seen
            .capabilities
            .as_ref()
            .map(|c| (c.page_size, c.largest_batch));
        let (Foreseeing::NotYet, Some(reseller), Some(sizes)) =
            (&self.seen.foresight, self.seen.reseller.as_ref(), sizes)
        else {
            return;
        };
        let list = &self.upgrade.tenant.price_list;
        let look = Foresight::new(&reseller.account, list, sizes);
        self.seen.foresight = Foreseeing::Looking(Box::new(look));
    }

    pub(super) fn with_foresight(&mut self, act: impl FnOnce(&mut Foresight)) {
        let before = std::mem::replace(&mut self.seen.foresight, Foreseeing::Over);
        let Foreseeing::Looking(mut look) = before else {
            return;
        };
        act(&mut look);
        if look.wanted().is_none() {
            let found = look.found();
            if found.total() > 0 {
                self.seen.foreseen = found;
                self.tell_blockers(&Findings::default());
            }
        } else {
            self.seen.foresight = Foreseeing::Looking(look);
        }
    }

    /// Tells what is in the way before subscriptions and assets were looked at as a whole: of customers,
    /// and what was foreseen.
    fn tell_blockers(&mut self, of_customers: &Findings) {
        let mut all = of_customers.clone();
        all.merge(&self.seen.foreseen);
        self.seen.blockers = all;
        self.seen.told = BlockersTold::OfCustomers;
    }

    /// A person has to copy: says what, and looks again meanwhile.
    fn awaits_hands(&mut self, stage: Stage, operation: WriteOperation, by_hand: Findings) {
        let instruction = self.seen.instructions.get(&operation).cloned();
        let tenant = self.seen.tenant.clone().flatten().map(|tenant| tenant.id);
        let step = verdict::copy_by_hand(
            operation,
            (instruction.as_deref(), tenant.as_ref()),
            &by_hand,
        );
        self.seen.manual = by_hand;
        self.seen.enter(stage);
        self.watch(step);
    }

    pub(super) fn with_sweep(&mut self, act: impl FnOnce(&mut Sweep)) {
        let Some(mut sweep) = self.seen.sweep.take() else {
            return;
        };
        act(&mut sweep);
        if let Some(refused) = sweep.refused_as_a_whole() {
            // What it rests on changed under our hands: a look at reseller and tenant tells how.
            self.write_refused(&[refused]);
            return;
        }
        if sweep.disordered() {
            let begin = self.seen.stage.begin();
            self.seen.enter(begin);
            self.stall(verdict(
                Reason::ContractViolated,
                "A listing repeated rows or lost its order between two pages.",
                "Mend the listing's paging: ascending by the bytes of the id, each item once.",
            ));
            return;
        }
        let over = sweep.wanted() == Wanted::Nothing;
        if over {
            self.sweep_over(sweep.into_tally());
        } else {
            self.seen.sweep = Some(sweep);
        }
    }

    pub(super) fn sweep_over(&mut self, tally: Tally) {
        match self.seen.stage {
            Stage::Customers => self.customers_over(tally, Stage::Owners, Stage::Pricing),
            Stage::CheckCustomers => {
                let next = if self.declared_is_news() {
                    Stage::Pricing
                } else {
                    Stage::Check
                };
                self.customers_over(tally, next, next);
            }
            Stage::Owners => self.owners_over(&tally),
            Stage::Pricing => self.pricing_over(tally),
            Stage::Check => self.check_over(&tally),
            Stage::Copy => self.copy_over(&tally),
            Stage::FinalCustomers => {
                self.count(&tally);
                self.seen.customers = tally;
                self.go(Stage::FinalPurchases);
            }
            Stage::FinalPurchases => self.final_over(&tally),
            Stage::VerifyCustomers => self.verified_customers(tally),
            Stage::VerifyPurchases => self.verified_purchases(&tally),
            Stage::Opening | Stage::Orders | Stage::Activate | Stage::Done => {}
        }
    }

    pub(super) fn count(&mut self, tally: &Tally) {
        self.seen.counts.extend(tally.counts.clone());
    }

    /// Looks again at items that could not be settled; after many rounds people are told which.
    fn look_again(&mut self, stage: Stage, unsettled: &Findings) {
        if self.seen.rounds < MANY_ROUNDS {
            self.again(stage);
            return;
        }
        let found = verdict::of_blockers(unsettled);
        self.tell_blockers(unsettled);
        match found {
            Some(found) => {
                self.seen.enter(stage);
                self.stall(found);
            }
            None => self.again(stage),
        }
    }

    /// Takes over what is in the way and what was left out, of customers and purchases together.
    pub(super) fn publish(&mut self, purchases: &Tally) {
        self.seen.looked_at_purchases = true;
        self.seen.told = BlockersTold::OfAll;
        self.seen.foreseen = Findings::default();
        self.count(purchases);
        let mut blockers = self.seen.customers.blockers.clone();
        blockers.merge(&purchases.blockers);
        self.seen.blockers = blockers;
        let mut exclusions = self.seen.customers.exclusions.clone();
        exclusions.merge(&purchases.exclusions);
        self.seen.exclusions = exclusions;
    }

    pub(super) fn customers_over(&mut self, tally: Tally, with_failures: Stage, without: Stage) {
        let stage = self.seen.stage;
        if stage == Stage::Customers && on(Mutant::CustomersGateDropped) {
            self.customers_copied();
            self.go(without);
            return;
        }
        if tally.created > 0 {
            self.progressed();
        }
        let unsettled = tally.unsettled > 0;
        // In phase 3 the check names everything in one go, customers and purchases together.
        let blocked = verdict::of_blockers(&tally.blockers).filter(|_| stage == Stage::Customers);
        let failures = !tally.failed_customers.is_empty();
        self.count(&tally);
        self.seen.customers = tally;
        if unsettled {
            let unsettled = self.seen.customers.unsettled_items.clone();
            self.look_again(stage, &unsettled);
        } else if let Some(blocked) = blocked {
            let blockers = self.seen.customers.blockers.clone();
            self.tell_blockers(&blockers);
            self.seen.enter(stage);
            self.watch(blocked);
        } else if self.seen.customers.by_hand.total() > 0 {
            let by_hand = self.seen.customers.by_hand.clone();
            self.awaits_hands(stage, WriteOperation::CopyCustomers, by_hand);
        } else if failures && stage == Stage::Customers {
            self.go(with_failures);
        } else {
            if stage == Stage::Customers {
                self.customers_copied();
            }
            self.go(without);
        }
    }

    pub(super) fn customers_copied(&mut self) {
        let items = self
            .seen
            .counts
            .get(&ItemKind::Customer)
            .map_or(0, |c| c.copied);
        self.seen
            .milestones
            .entry(ConditionType::CustomersCopied)
            .or_insert(items);
        self.seen.manual = Findings::default();
        self.nothing_of_customers();
        // The wait for pricing options stands until the gate itself was looked at again.
        self.clear_verdict_but(&[Reason::AwaitingPricing]);
    }

    /// Nothing of the customers is in the way any more.
    fn nothing_of_customers(&mut self) {
        if self.seen.told == BlockersTold::OfCustomers {
            self.tell_blockers(&Findings::default());
        }
    }

    /// Customers failed: only those that own something to copy are in the way (I-13).
    pub(super) fn owners_over(&mut self, tally: &Tally) {
        let mut in_the_way = Findings::default();
        for finding in tally
            .blockers
            .rows
            .iter()
            .filter(|f| f.kind.kind() == Some(ItemKind::Customer))
        {
            in_the_way.add(finding.clone());
        }
        // This was a look at everything: what the others lack is told before the gate.
        self.seen.looked_at_purchases = true;
        let mut exclusions = self.seen.customers.exclusions.clone();
        exclusions.merge(&tally.exclusions);
        self.seen.exclusions = exclusions;
        self.count(tally);
        if let Some(blocked) = verdict::of_blockers(&in_the_way) {
            self.tell_blockers(&in_the_way);
            self.seen.enter(Stage::Customers);
            self.watch(blocked);
        } else {
            self.customers_copied();
            self.go(Stage::Pricing);
        }
    }

    pub(super) fn pricing_over(&mut self, tally: Tally) {
        if tally.unsettled > 0 {
            self.look_again(Stage::Customers, &tally.unsettled_items);
            return;
        }
        // What is to come after the gate: people shall not take it for done.
        self.count(&tally);
        let unpriced = tally.unpriced;
        if unpriced.is_empty() || on(Mutant::PricingGateDropped) {
            self.seen
                .milestones
                .entry(ConditionType::PricingReady)
                .or_insert(0);
            self.clear_verdict_but(&[Reason::AwaitingManualStep]);
            // What was looked at is minutes old at most; the check looks at everything anyway.
            self.go(Stage::Check);
        } else if let Some(to_default) = self.untried_defaults(&unpriced) {
            self.seen.to_default = to_default;
            self.seen.stage = Stage::Pricing;
            self.seen.sweep = None;
        } else {
            // Looks at everything again meanwhile: customers come, options are set by people.
            self.seen.enter(Stage::Customers);
            self.lacks_pricing(&unpriced);
            let wait = self.awaiting_pricing(&unpriced);
            self.stall(wait);
        }
    }

    /// The wait for pricing options; what was declared is of no use where people have to set them.
    fn awaiting_pricing(&self, unpriced: &BTreeMap<SourceId, Option<String>>) -> Verdict {
        let mut wait = verdict::awaiting_pricing(self.upgrade, unpriced);
        if self.by_hand(WriteOperation::SetPricing) {
            let instruction = self.seen.instructions.get(&WriteOperation::SetPricing);
            wait.next_action = verdict::price_by_hand(instruction.map(String::as_str), &wait);
        }
        wait
    }

    /// Keeps the first customers without options, as many as a cheap look asks for.
    fn lacks_pricing(&mut self, unpriced: &BTreeMap<SourceId, Option<String>>) {
        let batch = self
            .seen
            .capabilities
            .as_ref()
            .map_or(1, |c| c.largest_batch);
        let first = unpriced.keys().take(usize::from(batch));
        self.seen.unpriced = first.cloned().collect();
    }

    /// Whether options were declared that were not sent in this life.
    fn declared_is_news(&self) -> bool {
        !self.seen.reached(ConditionType::SubscriptionsCopied)
            && self.upgrade.declared.iter().any(|(customer, declared)| {
                let applied = self.seen.applied.get(customer);
                applied.is_none_or(|(options, _)| *options != declared.options)
            })
    }

    /// Customers that get the default options, except those that it was refused for just now, and
    /// those for whom somebody declared others: a refusal of these is for people.
    pub(super) fn untried_defaults(
        &self,
        unpriced: &BTreeMap<SourceId, Option<String>>,
    ) -> Option<BTreeSet<SourceId>> {
        let default = self.upgrade.default_pricing.as_ref()?;
        if self.by_hand(WriteOperation::SetPricing) {
            return None;
        }
        let declared = |id: &SourceId| {
            let twice = self.upgrade.declared_twice.contains_key(id);
            twice || self.upgrade.declared.contains_key(id)
        };
        let untried: BTreeSet<SourceId> = unpriced
            .keys()
            .filter(|id| self.seen.tried_now.get(*id) != Some(default) && !declared(id))
            .cloned()
            .collect();
        (!untried.is_empty()).then_some(untried)
    }

    pub(super) fn pricing_set(&mut self, results: BTreeMap<SourceId, PricingOutcome>) {
        for (customer, outcome) in results {
            let was_default = self.seen.to_default.remove(&customer);
            let options = if was_default {
                self.upgrade.default_pricing.clone()
            } else {
                self.upgrade
                    .declared
                    .get(&customer)
                    .map(|declared| declared.options.clone())
            };
            if let Some(options) = options {
                self.seen
                    .tried_now
                    .insert(customer.clone(), options.clone());
                self.seen.applied.insert(customer, (options, outcome));
            }
        }
        self.begin_sweep();
    }

    pub(super) fn check_over(&mut self, tally: &Tally) {
        self.publish(tally);
        if tally.unsettled > 0 {
            self.look_again(Stage::CheckCustomers, &tally.unsettled_items);
        } else if tally.missing > 0 && tally.unpriced.is_empty() && self.only_copies_in_doubt(tally)
        {
            // No pre-check failed (I-7): what is clean is copied. The doubt holds the switch (I-12).
            self.go(Stage::Copy);
        } else if let Some(blocked) = verdict::of_blockers(&self.seen.blockers)
            && !on(Mutant::CheckSweepDropped)
        {
            self.seen.enter(Stage::CheckCustomers);
            self.watch(blocked);
        } else if !tally.unpriced.is_empty() && self.upgrade.default_pricing.is_some() {
            // The gate sets the default.
            self.again(Stage::Customers);
        } else if !tally.unpriced.is_empty() {
            self.seen.enter(Stage::Customers);
            self.lacks_pricing(&tally.unpriced);
            let wait = self.awaiting_pricing(&tally.unpriced);
            self.stall(wait);
        } else if tally.missing > 0 {
            self.clear_verdict_but(&[Reason::AwaitingManualStep]);
            self.go(Stage::Copy);
        } else {
            self.subscriptions_copied();
        }
    }

    /// Whether something is in the way, and nothing but copies of subscriptions and assets that exist
    /// already.
    fn only_copies_in_doubt(&self, tally: &Tally) -> bool {
        let all = self.seen.blockers.total();
        all > 0 && all == tally.copies_in_doubt
    }

    pub(super) fn subscriptions_copied(&mut self) {
        let items = [ItemKind::Subscription, ItemKind::Asset]
            .iter()
            .filter_map(|kind| self.seen.counts.get(kind))
            .map(|counts| counts.copied)
            .sum();
        self.seen
            .milestones
            .entry(ConditionType::PricingReady)
            .or_insert(0);
        self.seen
            .milestones
            .entry(ConditionType::SubscriptionsCopied)
            .or_insert(items);
        self.seen.manual = Findings::default();
        // These waits stand until what they wait for was looked at again.
        self.clear_verdict_but(&[
            Reason::AwaitingOrders,
            Reason::AwaitingManualStep,
            Reason::Settling,
        ]);
        self.seen.final_before = None;
        self.comes_to(Stage::Orders);
        self.seen.enter(Stage::Orders);
    }

    pub(super) fn copy_over(&mut self, tally: &Tally) {
        if tally.created > 0 {
            self.progressed();
        }
        self.publish(tally);
        if tally.unsettled > 0 {
            self.look_again(Stage::CheckCustomers, &tally.unsettled_items);
        } else if tally.by_hand.total() > 0
            && (self.seen.blockers.total() == 0 || self.only_copies_in_doubt(tally))
        {
            // A doubtful copy is in the report; what people have to do holds up more.
            let by_hand = tally.by_hand.clone();
            self.awaits_hands(
                Stage::CheckCustomers,
                WriteOperation::CopySubscriptions,
                by_hand,
            );
        } else if let Some(blocked) = verdict::of_blockers(&self.seen.blockers) {
            self.seen.enter(Stage::CheckCustomers);
            self.watch(blocked);
        } else if tally.missing > 0 {
            // Pricing options went away under our hands: the gate looks again.
            self.again(Stage::CheckCustomers);
        } else if self.seen.copies_before > 0
            || self.seen.reached(ConditionType::SubscriptionsCopied)
        {
            self.subscriptions_copied();
        } else {
            // Copying took its time: look once more at what was cancelled, changed or bought in
            // the meantime.
            self.seen.copies_before = self.seen.copies_before.saturating_add(1);
            self.seen.enter(Stage::CheckCustomers);
        }
    }
}
