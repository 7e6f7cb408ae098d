//! The gate between phases 2 and 3: every customer that owns something to copy has pricing options. The
//! operator sets those that were declared, then the default, and else waits for people.

use std::collections::BTreeMap;

use crate::api::{ConditionType, Reason};
use crate::bss::port::{PricingOptions, PricingOutcome, SourceId, WriteOperation};
use crate::upgrade::decide::Decide;
use crate::upgrade::keys::hash128;
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::{ReadyState, messages};
use crate::upgrade::sweep::Sweep;
use crate::upgrade::sweep::defaults::Defaults;
use crate::upgrade::sweep::tally::Tally;

impl Decide<'_> {
    /// Declared options that this process has not sent. What failed is tried again with the next look, not in
    /// this one. Defaults are set by the check.
    pub(super) fn pricing_to_set(&self) -> Option<Vec<BTreeMap<SourceId, PricingOptions>>> {
        if self.known.sweeps.current.as_ref().is_some_and(Sweep::begun)
            || self.by_hand(WriteOperation::SetPricing)
        {
            return None;
        }
        let untried = |customer: &SourceId, options: &PricingOptions| {
            self.known.pricing.tried_now.get(customer) != Some(options)
        };
        let closed = self.known.reached(ConditionType::SubscriptionsCopied);
        let declared = self.upgrade.declared.iter().filter(|_| !closed);
        let wanted: BTreeMap<SourceId, PricingOptions> = declared
            .map(|(customer, declared)| (customer, &declared.options))
            .filter(|(customer, options)| {
                let applied = self.known.pricing.applied.get(*customer);
                let done = applied.is_some_and(|(sent, how)| sent == *options && settled(how));
                !done && untried(customer, options)
            })
            .map(|(customer, options)| (customer.clone(), options.clone()))
            .collect();
        if wanted.is_empty() {
            return None;
        }
        let batch = self
            .known
            .bss
            .capabilities
            .as_ref()
            .map_or(1, |c| usize::from(c.largest_batch));
        let all: Vec<(SourceId, PricingOptions)> = wanted.into_iter().collect();
        let batches = all.chunks(batch.max(1));
        Some(batches.map(|c| c.iter().cloned().collect()).collect())
    }
}

impl Observe<'_> {
    /// The check asks for the options of every owner too, so that the gate needs a look of its own only
    /// where declared options are to be set, or where options were missing before.
    pub(super) fn after_the_customers(&self) -> Stage {
        if self.declared_is_news() || !self.known.pricing.unpriced.is_empty() {
            Stage::Pricing
        } else {
            Stage::Check
        }
    }

    /// The check is the gate's look as well: options that are missing come before everything else that it
    /// found. Answers whether the gate is passed.
    pub(super) fn passes_the_gate(&mut self, tally: &Tally) -> bool {
        let lacks = !tally.unpriced.is_empty() || !tally.unseen_pricing.is_empty();
        if lacks && !self.known.reached(ConditionType::PricingReady) {
            self.pricing_over(tally.clone());
            return false;
        }
        self.known.pricing.unpriced.clear();
        self.known
            .milestones
            .entry(ConditionType::PricingReady)
            .or_insert(0);
        true
    }

    pub(super) fn pricing_over(&mut self, tally: Tally) {
        if tally.unsettled > 0 {
            self.look_again(Stage::Customers, &tally.unsettled_items);
            return;
        }
        // What is to come after the gate: people shall not take it for done.
        self.count(&tally);
        let unpriced = tally.unpriced;
        if unpriced.is_empty()
            && let Some(ask) = self.unconfirmed_pricing(&tally.unseen_pricing)
        {
            self.known.enter(Stage::Customers);
            self.stall(ask);
        } else if unpriced.is_empty() {
            self.known.pricing.unpriced.clear();
            self.known
                .milestones
                .entry(ConditionType::PricingReady)
                .or_insert(0);
            self.clear_ready_state_but(&[Reason::AwaitingManualStep]);
            // What was looked at is minutes old at most; the check looks at everything anyway.
            self.go(Stage::Check);
        } else if self.known.stage == Stage::Pricing && self.get_defaults(&unpriced) {
            // The check sets them.
            self.go(Stage::Check);
        } else {
            // Looks at everything again meanwhile: customers come, options are set by people.
            self.known.enter(Stage::Customers);
            self.lacks_pricing(&unpriced);
            let wait = self.awaiting_pricing(&unpriced);
            self.stall(wait);
        }
    }

    /// The BSS does not show the pricing options of these customers: a person says that they are set. The
    /// token names the customers, so that others are asked about anew. What a person said goes on record
    /// before anything rests on it.
    pub(super) fn unconfirmed_pricing(
        &mut self,
        unseen: &BTreeMap<SourceId, Option<String>>,
    ) -> Option<ReadyState> {
        if unseen.is_empty() {
            return None;
        }
        let token = unseen_token(unseen.keys());
        let claim = self.known.fencing.claim.as_ref();
        if claim.is_some_and(|claim| claim.confirmed_pricing.as_deref() == Some(token.as_str())) {
            return None;
        }
        if self.upgrade.confirms(&token) {
            self.known.pricing.confirmed = Some(token);
            return None;
        }
        Some(messages::confirm_pricing(self.upgrade, unseen, &token))
    }

    /// The wait for pricing options; what was declared is of no use where people have to set them.
    pub(super) fn awaiting_pricing(
        &self,
        unpriced: &BTreeMap<SourceId, Option<String>>,
    ) -> ReadyState {
        if self.by_hand(WriteOperation::SetPricing) {
            let instruction = self.known.bss.instructions.get(&WriteOperation::SetPricing);
            let instruction = instruction.map(String::as_str);
            messages::price_by_hand(instruction, self.upgrade, unpriced)
        } else {
            messages::awaiting_pricing(self.upgrade, unpriced)
        }
    }

    /// Keeps the first customers without options, as many as a cheap look asks for.
    pub(super) fn lacks_pricing(&mut self, unpriced: &BTreeMap<SourceId, Option<String>>) {
        let batch = self
            .known
            .bss
            .capabilities
            .as_ref()
            .map_or(1, |c| c.largest_batch);
        let first = unpriced.keys().take(usize::from(batch));
        self.known.pricing.unpriced = first.cloned().collect();
    }

    /// Whether options were declared that this process has not sent.
    pub(super) fn declared_is_news(&self) -> bool {
        !self.known.reached(ConditionType::SubscriptionsCopied)
            && self.upgrade.declared.iter().any(|(customer, declared)| {
                let applied = self.known.pricing.applied.get(customer);
                applied.is_none_or(|(options, _)| *options != declared.options)
            })
    }

    /// The default options, and the customers that do not get them: those for whom they were refused just now,
    /// and those for whom other options were declared: a refusal of these is for people.
    pub(super) fn defaults(&self) -> Option<Defaults> {
        let options = self.upgrade.default_pricing.as_ref()?;
        if self.by_hand(WriteOperation::SetPricing) {
            return None;
        }
        let declared = self.upgrade.declared.keys();
        let declared = declared.chain(self.upgrade.declared_twice.keys());
        let tried = self.known.pricing.tried_now.iter();
        let tried = tried.filter(|(_, tried)| *tried == options);
        let but_for = declared.chain(tried.map(|(id, _)| id)).cloned().collect();
        let options = options.clone();
        Some(Defaults { options, but_for })
    }

    /// Whether one of these customers gets default options.
    fn get_defaults(&self, unpriced: &BTreeMap<SourceId, Option<String>>) -> bool {
        let defaults = self.defaults();
        defaults.is_some_and(|defaults| unpriced.keys().any(|id| !defaults.but_for.contains(id)))
    }

    /// Options were set: the declared ones before the gate is looked at, default ones by the check.
    pub(in crate::upgrade) fn pricing_set(&mut self, results: BTreeMap<SourceId, PricingOutcome>) {
        let by_the_check = self.known.stage == Stage::Check;
        if by_the_check {
            self.with_sweep(|sweep| sweep.took_set(results.keys()));
        }
        for (customer, outcome) in results {
            let options = if by_the_check {
                self.upgrade.default_pricing.clone()
            } else {
                self.upgrade
                    .declared
                    .get(&customer)
                    .map(|declared| declared.options.clone())
            };
            if let Some(options) = options {
                self.known
                    .pricing
                    .tried_now
                    .insert(customer.clone(), options.clone());
                self.known
                    .pricing
                    .applied
                    .insert(customer, (options, outcome));
            }
        }
        self.begin_sweep();
    }
}

/// Names the customers whose options a person confirms, shortly enough to be typed.
fn unseen_token<'a>(customers: impl Iterator<Item = &'a SourceId>) -> String {
    let ids: Vec<&str> = customers.map(SourceId::as_str).collect();
    let hash = format!("{:032x}", hash128(&ids));
    format!("pricing-{}", hash.get(..16).unwrap_or(&hash))
}

/// Whether declared options need not be sent again.
fn settled(outcome: &PricingOutcome) -> bool {
    match outcome {
        PricingOutcome::Written | PricingOutcome::Unchanged => true,
        PricingOutcome::Differs(_) | PricingOutcome::Failed(_) | PricingOutcome::Unknown => false,
    }
}
