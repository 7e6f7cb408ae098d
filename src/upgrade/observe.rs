//! `observe`: the only way by which the outcome of an effect becomes knowledge.
//!
//! This is the page: what an outcome means to a phase stands in its file in `phases/`.

use std::collections::BTreeSet;

use crate::api::Reason;
use crate::bss::port::WriteOperation;
use crate::upgrade::Now;
use crate::upgrade::effect::Outcome;
use crate::upgrade::known::Known;
use crate::upgrade::phases::waiting::Counter;
use crate::upgrade::strategy::{Executor, Strategy};
use crate::upgrade::validated::ValidUpgrade;

/// Takes all outcomes of one effect into what is known. Failures come last: an answer beside them must
/// not wipe the wait that they ask for. However many calls of it failed, the effect failed once.
pub fn observe_all(upgrade: &ValidUpgrade, known: &mut Known, outcomes: Vec<Outcome>, now: Now) {
    let mut observe = Observe {
        upgrade,
        known,
        now,
        counted: BTreeSet::new(),
    };
    let (failures, answers): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Outcome::failed);
    if answers.iter().any(Outcome::ends_waits) {
        observe.known.waiting.failures = None;
        observe.known.waiting.not_before = None;
    }
    for outcome in answers.into_iter().chain(failures) {
        observe.take(outcome);
    }
    observe.known.sweeps.nothing_under_way();
    observe.ends_the_sweep();
}

/// Takes the answer of one call of a sweep into what is known, while others are under way. Failures are
/// taken in by [`observe_all`], when no call is under way any more.
pub fn observe_one_of_many(upgrade: &ValidUpgrade, known: &mut Known, answer: Outcome, now: Now) {
    let mut observe = Observe {
        upgrade,
        known,
        now,
        counted: BTreeSet::new(),
    };
    if answer.ends_waits() {
        observe.known.waiting.failures = None;
        observe.known.waiting.not_before = None;
    }
    observe.take(answer);
}

/// Takes the outcome of an effect of one call into what is known.
pub fn observe(upgrade: &ValidUpgrade, known: &mut Known, outcome: Outcome, now: Now) {
    observe_all(upgrade, known, vec![outcome], now);
}

/// After so many looks in a row that ended in another look, people are told.
pub(super) const MANY_ROUNDS: u32 = 6;

/// What an outcome is taken into.
pub(super) struct Observe<'a> {
    pub(super) upgrade: &'a ValidUpgrade,
    pub(super) known: &'a mut Known,
    pub(super) now: Now,
    /// What was counted of the present effect already.
    pub(super) counted: BTreeSet<Counter>,
}

impl Observe<'_> {
    fn take(&mut self, outcome: Outcome) {
        let now = self.now;
        self.known.began.get_or_insert(now.monotonic);
        if matches!(
            outcome,
            Outcome::Copied(_) | Outcome::CopyOutcomeUnknown { .. }
        ) {
            self.known.sweeps.sent = Some(now.monotonic);
            self.known.activation.final_before = None;
        }
        if outcome.changed_something() {
            self.progressed();
        }
        match outcome {
            Outcome::Identity(told) => self.identity(told),
            Outcome::Capabilities(capabilities) => {
                match Strategy::of(&capabilities, &self.upgrade.terms) {
                    Err(refused) => self.stall(refused),
                    Ok(strategy) => {
                        self.lift(&[Reason::RiskNotAccepted]);
                        self.known.bss.strategy = Some(strategy);
                    }
                }
                self.known.bss.capabilities = Some(capabilities);
            }
            Outcome::Reseller(reseller) => self.reseller(reseller),
            Outcome::Claim(holding) => self.claim(holding),
            Outcome::Acquired(issued) => self.known.fencing.acquired(issued, now.monotonic),
            Outcome::Tenant(tenant) => self.tenant(tenant),
            Outcome::TenantRequested(creation) => self.tenant_requested(creation),
            Outcome::Operation(state) => self.operation(state),
            Outcome::OpenOrders(page) => self.orders(page),
            Outcome::PreflightPage(page) => self.with_preflight(|look| look.took_page(page)),
            Outcome::PreflightChecks(batch) => self.with_preflight(|look| look.took_checks(batch)),
            Outcome::Page { from, page } => {
                self.compares_with_what_is_told(page.revision());
                self.with_sweep(|sweep| sweep.took_page(from, page));
            }
            Outcome::Priced(batch) => self.with_sweep(|sweep| sweep.took_pricing(batch)),
            Outcome::Checked(batch) => self.with_sweep(|sweep| sweep.took_checks(batch)),
            Outcome::Found { asked, found } => {
                self.with_sweep(|sweep| sweep.took_found(asked, found));
            }
            Outcome::Copied(items) => self.with_sweep(|sweep| sweep.took_copies(items)),
            Outcome::CopyOutcomeUnknown { sources, error } => {
                self.with_sweep(|sweep| sweep.lost_copies(&sources));
                self.call_failed(&error);
            }
            Outcome::PricingSet(results) => self.pricing_set(results),
            Outcome::Activation(how) => self.activated(how),
            Outcome::Watched(answer) => self.watched(Some(answer)),
            Outcome::Failed { attempted, error } => self.failed(attempted, &error),
        }
    }

    /// Whether the act that activates back ordering copies the subscriptions too.
    pub(super) fn copies_with_the_switch(&self) -> bool {
        let strategy = self.known.bss.strategy.as_ref();
        strategy.is_some_and(Strategy::copies_with_the_switch)
    }

    /// Whether a person does an operation, and how is known already.
    pub(super) fn by_hand(&self, operation: WriteOperation) -> bool {
        let executor = self
            .known
            .bss
            .strategy
            .as_ref()
            .map(|strategy| strategy.executor(operation));
        executor == Some(Executor::Person) || self.known.bss.instructions.contains_key(&operation)
    }
}
