//! `fold`: the only way by which an outcome becomes knowledge.

mod activation;
mod failure;
mod opening;
mod sweeps;

use std::collections::BTreeSet;

use super::effect::Outcome;
use super::observed::{Approval, Observed, Stage, Verdict, Watched};
use super::valid::ValidUpgrade;
use super::ways::{Doer, Ways};
use super::{Now, backoff};
use crate::api::{ConditionType, Reason};
use crate::bss::port::{Activation, WriteOperation};

/// Takes all outcomes of one effect into what is known. Failures come last: an answer beside them must
/// not wipe the wait that they ask for. However many calls of it failed, the effect failed once.
pub fn fold_all(upgrade: &ValidUpgrade, observed: &mut Observed, outcomes: Vec<Outcome>, now: Now) {
    let mut fold = Fold {
        upgrade,
        seen: observed,
        now,
        counted: BTreeSet::new(),
    };
    let (failures, answers): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Outcome::failed);
    if answers.iter().any(Outcome::ends_waits) {
        fold.seen.trouble = None;
        fold.seen.not_before = None;
    }
    for outcome in answers.into_iter().chain(failures) {
        fold.take(outcome);
    }
}

/// Takes the outcome of an effect of one call into what is known.
pub fn fold(upgrade: &ValidUpgrade, observed: &mut Observed, outcome: Outcome, now: Now) {
    fold_all(upgrade, observed, vec![outcome], now);
}

/// A look that took a second is taken again after so many at the soonest.
const MOST_LOOKING: u32 = 100;
/// What a person may have done is looked at after this part of the slow interval at the soonest: after
/// half a minute, unless people chose another pace.
const SOONEST_LOOK: u32 = 10;
/// After so many looks in a row that ended in another look, people are told.
const MANY_ROUNDS: u32 = 6;

struct Fold<'a> {
    upgrade: &'a ValidUpgrade,
    seen: &'a mut Observed,
    now: Now,
    /// What was counted of the present effect already.
    counted: BTreeSet<Counter>,
}

/// What counts once in each effect, however many of its calls tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counter {
    /// Failures in a row.
    Trouble,
    /// Rounds in a row.
    Round,
    /// Failures that are tried again only after a look that succeeds.
    Stumble,
    /// Failures of the look ahead.
    Foresight,
}

/// Whether something was counted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Now,
    Before,
}

impl Fold<'_> {
    fn take(&mut self, outcome: Outcome) {
        let fold = self;
        let now = fold.now;
        fold.seen.begun.get_or_insert(now.monotonic);
        if matches!(outcome, Outcome::Copied(_) | Outcome::CopiesLost { .. }) {
            fold.seen.sent = Some(now.monotonic);
            fold.seen.final_before = None;
        }
        if outcome.changed_something() {
            fold.progressed();
        }
        match outcome {
            Outcome::Identity(told) => fold.identity(told),
            Outcome::Capabilities(capabilities) => {
                match Ways::of(&capabilities, &fold.upgrade.terms) {
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
            Outcome::ForeseenPage(page) => fold.with_foresight(|look| look.took_page(page)),
            Outcome::ForeseenChecks(batch) => fold.with_foresight(|look| look.took_checks(&batch)),
            Outcome::Pages(pages) => fold.with_sweep(|sweep| sweep.took_pages(pages)),
            Outcome::Priced(batch) => fold.with_sweep(|sweep| sweep.took_pricing(&batch)),
            Outcome::Checked(batch) => fold.with_sweep(|sweep| sweep.took_checks(&batch)),
            Outcome::Found { asked, found } => {
                fold.with_sweep(|sweep| sweep.took_found(&asked, &found));
            }
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

    fn once(&mut self, counter: Counter) -> Counted {
        if self.counted.insert(counter) {
            Counted::Now
        } else {
            Counted::Before
        }
    }

    /// A person must act: the verdict stands until the next slow look.
    fn stall(&mut self, verdict: Verdict) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.recheck);
        self.seen.wait(verdict, until);
    }

    /// A person must do something that a look tells: it is seen after a tenth of the slow interval (half a
    /// minute, as it is shipped) if the look is cheap.
    /// The look takes no more than a hundredth of the time, so that upgrades which wait for people
    /// take the BSS from none that works.
    fn watch(&mut self, verdict: Verdict) {
        let now = self.now.monotonic;
        let begun = self.seen.reseller_read.unwrap_or(now);
        let rest = now.saturating_sub(begun).saturating_mul(MOST_LOOKING);
        let pace = &self.upgrade.pace;
        let soonest = pace.recheck.checked_div(SOONEST_LOOK).unwrap_or(pace.poll);
        let wait = rest.max(soonest).max(pace.poll).min(pace.recheck);
        self.seen.wait(verdict, now.saturating_add(wait));
    }

    /// Something is on its way: look again soon.
    fn poll(&mut self, verdict: Verdict) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.poll);
        self.seen.wait(verdict, until);
    }

    /// Another round of the same, later each time.
    fn again(&mut self, stage: Stage) {
        self.retreat(stage);
        if self.once(Counter::Round) == Counted::Now {
            let delay = backoff::delay(self.seen.rounds, self.upgrade.seed);
            self.seen.rounds = self.seen.rounds.saturating_add(1);
            let until = self.now.monotonic.saturating_add(delay);
            let stands = self.seen.not_before.unwrap_or_default();
            self.seen.not_before = Some(until.max(stands));
        }
    }

    /// Goes back to a stage from where the work could not go on. What repeats is over only when that
    /// place is passed: the stages that are passed on the way there are no progress.
    fn retreat(&mut self, stage: Stage) {
        self.seen.held_at = self.seen.held_at.max(self.seen.stage);
        self.seen.enter(stage);
    }

    /// Something changed for the better: repetitions begin to be counted anew.
    fn progressed(&mut self) {
        self.seen.stumbles = 0;
        self.seen.rounds = 0;
        self.seen.held_at = Stage::Opening;
    }

    /// Comes to a stage.
    fn comes_to(&mut self, stage: Stage) {
        if stage > self.seen.held_at {
            self.progressed();
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
        self.comes_to(stage);
        self.seen.enter(stage);
        self.begin_sweep();
    }

    fn activated(&mut self, how: Activation) {
        self.reached_the_switch();
        if how == Activation::Activated {
            self.seen.approval = Some(Approval::Automatic);
        }
        self.seen.verdict = None;
        self.progressed();
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
