//! `fold`: the only way by which an outcome becomes knowledge.

mod activation;
mod failure;
mod opening;
mod sweeps;

use super::effect::Outcome;
use super::observed::{Approval, Observed, Stage, Verdict, Watched};
use super::valid::ValidUpgrade;
use super::ways::{Doer, Ways};
use super::{Now, backoff};
use crate::api::{ConditionType, Reason};
use crate::bss::port::{Activation, WriteOperation};

/// Takes the outcome of an effect into what is known.
pub fn fold(upgrade: &ValidUpgrade, observed: &mut Observed, outcome: Outcome, now: Now) {
    let mut fold = Fold {
        upgrade,
        seen: observed,
        now,
    };
    fold.seen.begun.get_or_insert(now.monotonic);
    if matches!(outcome, Outcome::Copied(_) | Outcome::CopiesLost { .. }) {
        fold.seen.sent = Some(now.monotonic);
        fold.seen.final_before = None;
    }
    if matches!(
        outcome,
        Outcome::TenantRequested(_)
            | Outcome::Copied(_)
            | Outcome::PricingSet(_)
            | Outcome::Activation(_)
    ) {
        fold.seen.stumbles = 0;
    }
    // A record in the cluster says nothing about the BSS: waits stand.
    if !matches!(
        outcome,
        Outcome::Failed { .. }
            | Outcome::CopiesLost { .. }
            | Outcome::Claim(_)
            | Outcome::Watched(_)
    ) {
        fold.seen.trouble = None;
        fold.seen.not_before = None;
    }
    match outcome {
        Outcome::Identity(told) => fold.identity(told),
        Outcome::Capabilities(capabilities) => {
            match Ways::of(&capabilities, &upgrade.terms) {
                Err(refused) => fold.stall(refused),
                Ok(ways) => {
                    fold.lift(&[Reason::RiskNotAccepted]);
                    fold.seen.ways = Some(ways);
                }
            }
            fold.seen.capabilities = Some(capabilities);
        }
        Outcome::Reseller(reseller) => fold.reseller(reseller),
        Outcome::Claim(holding) => fold.claim(holding),
        Outcome::Acquired(issued) => fold.seen.acquired(issued, now.monotonic),
        Outcome::Tenant(tenant) => fold.tenant(tenant),
        Outcome::TenantRequested(creation) => fold.tenant_requested(creation),
        Outcome::Operation(state) => fold.operation(state),
        Outcome::OpenOrders(page) => fold.orders(page),
        Outcome::Pages(pages) if fold.seen.foresight.looking().is_some() => {
            fold.with_foresight(|look| look.took_pages(pages));
        }
        Outcome::Inspected { checks, .. } if fold.seen.foresight.looking().is_some() => {
            fold.with_foresight(|look| look.took_checks(&checks));
        }
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
        Outcome::Watched(answer) => fold.watched(Some(answer)),
        Outcome::Failed { tried, error } => fold.failed(tried, &error),
    }
}

/// After so many looks in a row that ended in another look, people are told.
const MANY_ROUNDS: u32 = 6;

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

    /// Work goes on: only what still waits for something else keeps being shown.
    fn clear_verdict_but(&mut self, keep: &[Reason]) {
        if self
            .seen
            .verdict
            .as_ref()
            .is_some_and(|verdict| !keep.contains(&verdict.reason))
        {
            self.seen.verdict = None;
        }
    }

    /// Whether a person does an operation, and how is known already.
    fn by_hand(&self, operation: WriteOperation) -> bool {
        let doer = self.seen.ways.as_ref().map(|ways| ways.doer(operation));
        doer == Some(Doer::Person) || self.seen.instructions.contains_key(&operation)
    }

    /// A cheap look was taken. An answer that is not the first one's means that people have acted.
    fn watched(&mut self, answer: Option<u64>) {
        let before = self.seen.watched.and_then(|watched| watched.answer);
        if let (Some(before), Some(answer)) = (before, answer)
            && before != answer
        {
            self.seen.not_before = None;
        }
        self.seen.watched = Some(Watched {
            at: self.now.monotonic,
            answer: before.or(answer),
        });
    }

    /// Goes to a stage that rests on the same look at reseller and tenant.
    fn go(&mut self, stage: Stage) {
        self.seen.stumbles = 0;
        self.seen.enter(stage);
        self.begin_sweep();
    }

    fn activated(&mut self, how: Activation) {
        self.reached_the_switch();
        if how == Activation::Activated {
            self.seen.approval = Some(Approval::Automatic);
        }
        self.seen.verdict = None;
        self.seen.rounds = 0;
        self.seen.enter(Stage::VerifyCustomers);
    }

    /// Back ordering is on: whatever came before it is past.
    fn reached_the_switch(&mut self) {
        for milestone in ConditionType::MILESTONES {
            if milestone != ConditionType::Verified {
                self.seen.milestones.entry(milestone).or_insert(0);
            }
        }
    }
}
