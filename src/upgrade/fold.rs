//! `fold`: the only way by which an outcome becomes knowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::claim::Holding;
use super::effect::{Outcome, Tried};
use super::observed::{CleanFinalSweep, Observed, Stage, Trouble, Verdict};
use super::sweep::{Sweep, SweepMode};
use super::tally::{Findings, Tally};
use super::valid::ValidUpgrade;
use super::verdict::{self, verdict};
use super::{Now, backoff};
use crate::api::{ConditionType, Reason, StateClass};
use crate::bss::error::BssError;
use crate::bss::port::{
    Activation, BackOrdering, ItemKind, OpenOrder, OperationState, Page, PricingOutcome, Reseller,
    ResellerKind, SourceId, Tenant, TenantCreation, TenantStatus,
};

/// Takes the outcome of an effect into what is known.
pub fn fold(upgrade: &ValidUpgrade, observed: &mut Observed, outcome: Outcome, now: Now) {
    let mut fold = Fold {
        upgrade,
        seen: observed,
        now,
    };
    // A record in the cluster says nothing about the BSS: waits stand.
    if !matches!(
        outcome,
        Outcome::Failed { .. } | Outcome::CopiesLost { .. } | Outcome::Claim(_)
    ) {
        fold.seen.trouble = None;
        fold.seen.not_before = None;
    }
    match outcome {
        Outcome::Identity(told) => fold.identity(told),
        Outcome::Capabilities(capabilities) => match verdict::weak(&capabilities) {
            Some(weak) => fold.stall(weak),
            None => {
                fold.lift(&[Reason::RiskNotAccepted]);
                fold.seen.capabilities = Some(capabilities);
            }
        },
        Outcome::Reseller(reseller) => fold.reseller(reseller),
        Outcome::Claim(holding) => fold.claim(holding),
        Outcome::Acquired(issued) => fold.seen.issued = Some(issued),
        Outcome::Tenant(tenant) => fold.tenant(tenant),
        Outcome::TenantRequested(creation) => fold.tenant_requested(creation),
        Outcome::Operation(state) => fold.operation(state),
        Outcome::OpenOrders(page) => fold.orders(page),
        Outcome::Pages(pages) => fold.with_sweep(|sweep| sweep.took_pages(pages)),
        Outcome::Inspected { pricing, checks } => {
            fold.with_sweep(|sweep| sweep.took_inspection(&pricing, &checks));
        }
        Outcome::Found(found) => fold.with_sweep(|sweep| sweep.took_found(&found)),
        Outcome::Copied(items) => fold.with_sweep(|sweep| sweep.took_copies(&items)),
        Outcome::CopiesLost { sources, error } => {
            fold.with_sweep(|sweep| sweep.lost_copies(&sources));
            fold.trouble(&error);
        }
        Outcome::PricingSet(results) => fold.pricing_set(results),
        Outcome::Activation(how) => fold.activated(how),
        Outcome::Failed { tried, error } => fold.failed(tried, error),
    }
}

struct Fold<'a> {
    upgrade: &'a ValidUpgrade,
    seen: &'a mut Observed,
    now: Now,
}

impl Fold<'_> {
    /// A person must act: the verdict stands until the next slow look.
    fn stall(&mut self, verdict: Verdict) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.recheck);
        self.seen.wait(verdict, until);
    }

    /// Something is on its way: look again soon.
    fn poll(&mut self, verdict: Verdict) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.poll);
        self.seen.wait(verdict, until);
    }

    /// Another round of the same, later each time.
    fn again(&mut self, stage: Stage) {
        self.seen.enter(stage);
        let delay = backoff::delay(self.seen.rounds, self.upgrade.seed);
        self.seen.rounds = self.seen.rounds.saturating_add(1);
        self.seen.not_before = Some(self.now.monotonic.saturating_add(delay));
    }

    fn identity(&mut self, told: Option<String>) {
        match told {
            Some(told) if told != self.upgrade.identity => self.stall(verdict(
                Reason::IdentityMismatch,
                format!(
                    "The BSS calls itself {told}, the connection says {}.",
                    self.upgrade.identity
                ),
                "Correct the connection's URL; or make a connection with the BSS's identity.",
            )),
            Some(_) | None => {
                self.lift(&[Reason::IdentityMismatch]);
                self.seen.identity_agrees = true;
            }
        }
    }

    /// What was in the way is not any more.
    fn lift(&mut self, reasons: &[Reason]) {
        if self
            .seen
            .verdict
            .as_ref()
            .is_some_and(|verdict| reasons.contains(&verdict.reason))
        {
            self.seen.verdict = None;
        }
    }

    fn reseller(&mut self, reseller: Reseller) {
        let other_name = self
            .upgrade
            .expected_name
            .as_ref()
            .filter(|expected| **expected != reseller.name);
        if let Some(expected) = other_name {
            self.stall(verdict(
                Reason::ResellerMismatch,
                format!(
                    "Account {} has another name in the BSS than spec.reseller.expectedName, {expected}.",
                    reseller.account
                ),
                "Correct spec.reseller: the account id or the expected name.",
            ));
            return;
        }
        match (reseller.back_ordering, reseller.kind) {
            (BackOrdering::Unknown, _) => self.poll(verdict(
                Reason::ProgressingWithRetry,
                "The BSS cannot tell at the moment whether back ordering is on.",
                "Nothing: the operator looks again by itself.",
            )),
            (BackOrdering::Off, ResellerKind::Standard | ResellerKind::Tenant) => {
                self.stall(verdict(
                    Reason::ResellerNotBasic,
                    "Only a Basic reseller can be upgraded; this one is on another plan.",
                    "Return the reseller to Basic in the distributor's BSS, or delete this upgrade.",
                ));
            }
            (BackOrdering::On, _) | (BackOrdering::Off, ResellerKind::Basic) => {
                self.lift(&[
                    Reason::ResellerNotFound,
                    Reason::ResellerMismatch,
                    Reason::ResellerNotBasic,
                    Reason::ProgressingWithRetry,
                ]);
                self.seen.reseller = Some(reseller);
                self.settle_on();
            }
        }
    }

    /// Back ordering is on already, under our claim: adopt and end, without one effect.
    fn settle_on(&mut self) {
        let on = self
            .seen
            .reseller
            .as_ref()
            .is_some_and(|reseller| reseller.back_ordering == BackOrdering::On);
        if on && self.seen.claim.is_some() && self.seen.stage != Stage::Done {
            for milestone in ConditionType::MILESTONES {
                self.seen.milestones.entry(milestone).or_insert(0);
            }
            self.seen.verdict = None;
            self.seen.enter(Stage::Done);
        }
    }

    fn claim(&mut self, holding: Holding) {
        if let Some(other) = self.seen.hold(holding) {
            self.stall(verdict(
                Reason::ResellerClaimed,
                format!(
                    "The upgrade {}/{} works on this reseller.",
                    other.namespace, other.name
                ),
                "Delete one of the two upgrades.",
            ));
            return;
        }
        self.lift(&[Reason::ResellerClaimed]);
        let spec = self.seen.claim.as_ref();
        let epoch = spec
            .and_then(|spec| spec.epoch)
            .and_then(|epoch| u64::try_from(epoch).ok());
        if let Some(issued) = self.seen.issued
            && epoch == Some(issued.epoch.0)
        {
            self.seen.epoch = Some(issued.epoch);
            self.seen.issued = None;
        }
        let intent = spec.and_then(|spec| spec.intents.create_tenant.as_ref());
        if intent.is_none() {
            self.seen.drop_intent = false;
        }
        if intent.is_some_and(|intent| intent.operation_id.is_some()) {
            self.seen.started = None;
        }
        self.settle_on();
    }

    fn tenant(&mut self, tenant: Option<Tenant>) {
        let pinned = self
            .seen
            .claim
            .as_ref()
            .and_then(|claim| claim.tenant_id.clone());
        let alive = tenant.filter(|tenant| tenant.status != TenantStatus::MarkedAsDeleted);
        let Some(tenant) = alive else {
            if pinned.is_some() {
                self.stall(verdict(
                    Reason::TenantMissing,
                    "The tenant that this upgrade worked on is gone.",
                    "Restore the tenant in the distributor's BSS. The operator makes no second one.",
                ));
            } else {
                self.seen.tenant = Some(None);
            }
            return;
        };
        if pinned.is_some_and(|pinned| pinned != tenant.id.as_str()) {
            self.stall(verdict(
                Reason::TenantReplaced,
                "The reseller's tenant is another one than this upgrade worked on.",
                "Restore the former tenant in the distributor's BSS. Nothing is copied into the new one.",
            ));
            return;
        }
        let list = tenant.settings.price_list.0.clone();
        let first = self
            .seen
            .tenant_pinned
            .get_or_insert((tenant.currency.clone(), list.clone()))
            .clone();
        if first != (tenant.currency.clone(), list) {
            self.stall(verdict(
                Reason::TenantSettingsDiffer,
                format!(
                    "The tenant's price list or currency changed; it was {} in {}.",
                    first.1, first.0
                ),
                "Change it back in the distributor's BSS.",
            ));
            return;
        }
        if let Some(differ) = verdict::settings_differ(&tenant, &self.upgrade.tenant) {
            self.stall(differ);
            return;
        }
        match tenant.status {
            TenantStatus::InProgress => self.poll(verdict(
                Reason::Progressing,
                "The tenant is being created.",
                "Nothing: the BSS works on it.",
            )),
            TenantStatus::Suspended => self.stall(verdict(
                Reason::TenantSuspended,
                "The tenant is suspended.",
                "Reactivate the tenant in the distributor's BSS; the operator goes on by itself.",
            )),
            TenantStatus::Active | TenantStatus::MarkedAsDeleted => self.tenant_active(tenant),
        }
    }

    fn tenant_active(&mut self, tenant: Tenant) {
        self.seen.tenant = Some(Some(tenant));
        self.seen
            .milestones
            .entry(ConditionType::TenantCreated)
            .or_insert(1);
        self.lift(&[
            Reason::Progressing,
            Reason::TenantSuspended,
            Reason::TenantMissing,
            Reason::TenantReplaced,
            Reason::TenantSettingsDiffer,
            Reason::TenantCreationFailed,
        ]);
        if self.seen.stage == Stage::Opening {
            self.seen.stage = Stage::Customers;
        }
        self.begin_sweep();
    }

    /// Makes the sweep of the present stage, once everything that it rests on is known.
    fn begin_sweep(&mut self) {
        if self.seen.sweep.is_some() {
            return;
        }
        let Some(scope) = self.seen.scope(self.upgrade) else {
            return;
        };
        let customers = &self.seen.customers;
        self.seen.sweep = match self.seen.stage {
            Stage::Customers | Stage::CheckCustomers => {
                Some(Sweep::customers(SweepMode::Copy, scope))
            }
            Stage::Owners | Stage::FinalPurchases => {
                Some(Sweep::purchases(SweepMode::Final, scope, customers))
            }
            Stage::Pricing => Some(Sweep::purchases(SweepMode::Pricing, scope, customers)),
            Stage::Check => Some(Sweep::purchases(SweepMode::Check, scope, customers)),
            Stage::Copy => Some(Sweep::purchases(SweepMode::Copy, scope, customers)),
            Stage::FinalCustomers => Some(Sweep::customers(SweepMode::Final, scope)),
            Stage::Opening | Stage::Orders | Stage::Activate | Stage::Done => None,
        };
    }

    /// Goes to a stage that rests on the same look at reseller and tenant.
    fn go(&mut self, stage: Stage) {
        self.seen.enter(stage);
        self.begin_sweep();
    }

    fn tenant_requested(&mut self, creation: TenantCreation) {
        match creation {
            TenantCreation::Started(operation) => self.seen.started = Some(operation),
            // Read it like any other tenant: settings and status are judged in one place.
            TenantCreation::Done(_) => self.seen.tenant = None,
        }
    }

    fn operation(&mut self, state: OperationState) {
        match state {
            OperationState::Running => {
                self.seen.tenant = None;
                self.poll(verdict(
                    Reason::Progressing,
                    "The tenant is in the BSS's queue.",
                    "Nothing: the BSS works on it.",
                ));
            }
            OperationState::Succeeded | OperationState::Gone => {
                self.seen.tenant = None;
                // An operation that nobody knows while the tenant is not listed would be asked for
                // ever: without it the same request goes out again, under the same keys.
                self.seen.drop_intent = state == OperationState::Gone;
                self.poll(verdict(
                    Reason::Progressing,
                    "The tenant's creation has ended; looking for the tenant.",
                    "Nothing: the operator looks by itself.",
                ));
            }
            OperationState::Failed { detail } => {
                self.seen.drop_intent = true;
                self.seen.tenant = None;
                self.stall(verdict(
                    Reason::TenantCreationFailed,
                    format!("The BSS gave up creating the tenant: {detail}"),
                    "See the BSS's reason; the operator asks again by itself, spec.tenant may be changed.",
                ));
            }
        }
    }

    fn orders(&mut self, page: Page<OpenOrder>) {
        self.seen.orders_revision = self.seen.orders_revision.page(page.revision);
        self.seen
            .open_orders
            .extend(page.items.into_iter().take(20).map(|order| order.id));
        self.seen.orders_cursor = page.next;
        if self.seen.orders_cursor.is_some() {
            return;
        }
        if self.seen.open_orders.is_empty() {
            self.lift(&[Reason::AwaitingOrders]);
            self.go(Stage::FinalCustomers);
            return;
        }
        let first: Vec<&str> = self
            .seen
            .open_orders
            .iter()
            .take(5)
            .map(String::as_str)
            .collect();
        let text = format!(
            "The operator waits until these orders are completed or cancelled: {}{}.",
            first.join(", "),
            if self.seen.open_orders.len() > 5 {
                ", ..."
            } else {
                ""
            }
        );
        // What an order becomes is copied before the switch: begin with the check again.
        self.seen.enter(Stage::CheckCustomers);
        self.poll(verdict(
            Reason::AwaitingOrders,
            "Orders of the reseller are not final.",
            text,
        ));
    }

    fn with_sweep(&mut self, act: impl FnOnce(&mut Sweep)) {
        let Some(mut sweep) = self.seen.sweep.take() else {
            return;
        };
        act(&mut sweep);
        let over = sweep.wanted() == super::sweep::Wanted::Nothing;
        if over {
            self.sweep_over(sweep.tally);
        } else {
            self.seen.sweep = Some(sweep);
        }
    }

    fn sweep_over(&mut self, tally: Tally) {
        match self.seen.stage {
            Stage::Customers => self.customers_over(tally, Stage::Owners, Stage::Pricing),
            Stage::CheckCustomers => self.customers_over(tally, Stage::Check, Stage::Check),
            Stage::Owners => self.owners_over(&tally),
            Stage::Pricing => self.pricing_over(tally),
            Stage::Check => self.check_over(tally),
            Stage::Copy => self.copy_over(tally),
            Stage::FinalCustomers => {
                self.count(&tally);
                self.seen.customers = tally;
                self.go(Stage::FinalPurchases);
            }
            Stage::FinalPurchases => self.final_over(tally),
            Stage::Opening | Stage::Orders | Stage::Activate | Stage::Done => {}
        }
    }

    fn count(&mut self, tally: &Tally) {
        self.seen.counts.extend(tally.counts.clone());
    }

    /// Takes over what is in the way and what was left out, of customers and purchases together.
    fn publish(&mut self, purchases: &Tally) {
        self.seen.looked_at_purchases = true;
        self.count(purchases);
        let mut blockers = self.seen.customers.blockers.clone();
        blockers.merge(&purchases.blockers);
        self.seen.blockers = blockers;
        let mut exclusions = self.seen.customers.exclusions.clone();
        exclusions.merge(&purchases.exclusions);
        self.seen.exclusions = exclusions;
    }

    fn customers_over(&mut self, tally: Tally, with_failures: Stage, without: Stage) {
        let stage = self.seen.stage;
        if tally.created > 0 {
            self.seen.rounds = 0;
        }
        let unsettled = tally.unsettled > 0;
        let blocked = verdict::of_blockers(&tally.blockers);
        let failures = !tally.failed_customers.is_empty();
        self.count(&tally);
        self.seen.customers = tally;
        if unsettled {
            self.again(stage);
        } else if let Some(blocked) = blocked {
            self.seen.blockers = self.seen.customers.blockers.clone();
            self.seen.exclusions = self.seen.customers.exclusions.clone();
            self.seen.enter(stage);
            self.stall(blocked);
        } else if failures && stage == Stage::Customers {
            self.go(with_failures);
        } else {
            if stage == Stage::Customers {
                self.customers_copied();
            }
            self.go(without);
        }
    }

    fn customers_copied(&mut self) {
        let items = self
            .seen
            .counts
            .get(&ItemKind::Customer)
            .map_or(0, |c| c.copied);
        self.seen
            .milestones
            .entry(ConditionType::CustomersCopied)
            .or_insert(items);
        self.seen.rounds = 0;
        // The wait for pricing options stands until the gate itself was looked at again.
        if self
            .seen
            .verdict
            .as_ref()
            .is_some_and(|v| v.reason != Reason::AwaitingPricing)
        {
            self.seen.verdict = None;
        }
    }

    /// Customers failed: only those that own something to copy are in the way (I-13).
    fn owners_over(&mut self, tally: &Tally) {
        let mut in_the_way = Findings::default();
        for finding in tally
            .blockers
            .rows
            .iter()
            .filter(|f| f.kind == ItemKind::Customer)
        {
            in_the_way.add(finding.clone());
        }
        self.seen.exclusions = tally.exclusions.clone();
        match verdict::of_blockers(&in_the_way) {
            Some(blocked) => {
                self.seen.blockers = in_the_way;
                self.seen.enter(Stage::Customers);
                self.stall(blocked);
            }
            None => {
                self.customers_copied();
                self.go(Stage::Pricing);
            }
        }
    }

    fn pricing_over(&mut self, tally: Tally) {
        if tally.unsettled > 0 {
            self.again(Stage::Customers);
            return;
        }
        let unpriced = tally.unpriced;
        if unpriced.is_empty() {
            self.seen
                .milestones
                .entry(ConditionType::PricingReady)
                .or_insert(0);
            self.seen.verdict = None;
            self.seen.rounds = 0;
            // What was looked at is minutes old at most; the check looks at everything anyway.
            self.go(Stage::Check);
        } else if let Some(to_default) = self.untried_defaults(&unpriced) {
            self.seen.to_default = to_default;
            self.seen.stage = Stage::Pricing;
            self.seen.sweep = None;
        } else {
            // Looks at everything again meanwhile: customers come, options are set by people.
            self.seen.enter(Stage::Customers);
            let wait = verdict::awaiting_pricing(self.upgrade, &unpriced);
            self.stall(wait);
        }
    }

    /// Customers that get the default options, except those that it was refused for just now.
    fn untried_defaults(
        &self,
        unpriced: &BTreeMap<SourceId, Option<String>>,
    ) -> Option<BTreeSet<SourceId>> {
        let default = self.upgrade.default_pricing.as_ref()?;
        let untried: BTreeSet<SourceId> = unpriced
            .keys()
            .filter(|id| self.seen.tried_now.get(*id) != Some(default))
            .cloned()
            .collect();
        (!untried.is_empty()).then_some(untried)
    }

    fn pricing_set(&mut self, results: BTreeMap<SourceId, PricingOutcome>) {
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

    fn check_over(&mut self, tally: Tally) {
        self.publish(&tally);
        if tally.unsettled > 0 {
            self.again(Stage::CheckCustomers);
        } else if let Some(blocked) = verdict::of_blockers(&self.seen.blockers) {
            self.seen.enter(Stage::CheckCustomers);
            self.stall(blocked);
        } else if !tally.unpriced.is_empty() {
            self.seen.enter(Stage::Customers);
            if self.upgrade.default_pricing.is_none() {
                let wait = verdict::awaiting_pricing(self.upgrade, &tally.unpriced);
                self.stall(wait);
            }
        } else if tally.missing > 0 {
            self.seen.verdict = None;
            self.go(Stage::Copy);
        } else {
            self.subscriptions_copied();
        }
    }

    fn subscriptions_copied(&mut self) {
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
        // The wait for orders stands until the orders themselves were looked at again.
        if self
            .seen
            .verdict
            .as_ref()
            .is_some_and(|v| v.reason != Reason::AwaitingOrders)
        {
            self.seen.verdict = None;
        }
        self.seen.enter(Stage::Orders);
    }

    fn copy_over(&mut self, tally: Tally) {
        if tally.created > 0 {
            self.seen.rounds = 0;
        }
        self.publish(&tally);
        if tally.unsettled > 0 {
            self.again(Stage::CheckCustomers);
        } else if let Some(blocked) = verdict::of_blockers(&self.seen.blockers) {
            self.seen.enter(Stage::CheckCustomers);
            self.stall(blocked);
        } else if tally.missing > 0 {
            // Pricing options went away under our hands: the gate looks again.
            self.again(Stage::CheckCustomers);
        } else {
            self.subscriptions_copied();
        }
    }

    fn final_over(&mut self, tally: Tally) {
        self.publish(&tally);
        let clean = CleanFinalSweep::judge(self.seen.orders_revision, &self.seen.customers, &tally);
        if let Some(clean) = clean {
            self.seen.rounds = 0;
            self.seen.verdict = None;
            self.seen.clean = Some(clean);
            self.seen.stage = Stage::Activate;
            self.seen.sweep = None;
            return;
        }
        let half_marked = self
            .seen
            .blockers
            .has(crate::bss::port::BlockerReason::HalfMarked);
        let blocked = verdict::of_blockers(&self.seen.blockers);
        match blocked {
            // A half-marked account is repaired by the next copy of the customers.
            Some(blocked) if !half_marked => {
                self.seen.enter(Stage::CheckCustomers);
                self.stall(blocked);
            }
            Some(_) | None if tally.missing > 0 || half_marked => self.again(Stage::CheckCustomers),
            Some(_) | None => self.again(Stage::Orders),
        }
    }

    fn activated(&mut self, how: Activation) {
        for milestone in ConditionType::MILESTONES {
            self.seen.milestones.entry(milestone).or_insert(0);
        }
        if how == Activation::Activated {
            self.seen.approval = Some(super::observed::Approval::Automatic);
        }
        self.seen.verdict = None;
        self.seen.enter(Stage::Done);
    }

    fn failed(&mut self, tried: Tried, error: BssError) {
        match (tried, &error) {
            (_, BssError::StaleEpoch { .. }) => {
                // Somebody acquired after us. Whether that was right is the lease's to say, which
                // is asked before anything else is sent.
                // The record is read again: who acquired in between has written it.
                self.seen.epoch = None;
                self.seen.issued = None;
                self.seen.claim = None;
                self.seen.acquire_was_open = None;
                self.trouble(&error);
            }
            (Tried::Acquire, _) => {
                // The epoch of a lost reply is the previous one of the next: no sign of a restore.
                self.seen.acquire_was_open = Some(true);
                self.trouble(&error);
            }
            (Tried::Reseller, BssError::NotFound { .. }) => self.stall(verdict(
                Reason::ResellerNotFound,
                "The BSS does not know this account.",
                "Correct spec.reseller.accountId (a new upgrade object), or create the account.",
            )),
            (Tried::CreateTenant, BssError::Invalid(_) | BssError::Blocked(_)) => {
                self.seen.drop_intent = true;
                self.stall(verdict(
                    Reason::TenantCreationFailed,
                    format!("The BSS refuses to create the tenant: {error}"),
                    "Correct spec.tenant: every field that the message names.",
                ));
            }
            (Tried::CreateTenant, _) => {
                self.seen.tenant = None;
                self.trouble(&error);
            }
            (Tried::Activate, BssError::Conflict { .. }) => self.again(Stage::Orders),
            (Tried::Activate, BssError::Blocked(_)) => self.again(Stage::CheckCustomers),
            (Tried::Activate, _) => {
                // Sent, and perhaps done: the reseller's state tells, and a new final sweep
                // precedes any other try.
                self.seen.enter(Stage::Orders);
                self.trouble(&error);
            }
            (Tried::Work, BssError::Conflict { .. } | BssError::NotFound { .. }) => {
                self.again(Stage::CheckCustomers);
            }
            (Tried::Read | Tried::Reseller | Tried::Work, _) => {
                self.trouble(&error);
            }
        }
    }

    fn trouble(&mut self, error: &BssError) {
        let verdict = verdict::of_error(error);
        let attempts = self
            .seen
            .trouble
            .as_ref()
            .map_or(0, |t| t.attempts.saturating_add(1));
        let asked = match error {
            BssError::Throttled { after } => after.unwrap_or(Duration::ZERO),
            _ => Duration::ZERO,
        };
        let delay = if verdict.reason.class() == Some(StateClass::MustFix) {
            self.upgrade.pace.recheck
        } else {
            backoff::delay(attempts, self.upgrade.seed).max(asked)
        };
        let until = self.now.monotonic.saturating_add(delay);
        let before = self.seen.not_before.unwrap_or(Duration::ZERO);
        self.seen.not_before = Some(until.max(before));
        self.seen.trouble = Some(Trouble { verdict, attempts });
    }
}
