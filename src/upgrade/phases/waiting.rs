//! Waiting: for people, for the BSS, for a quiet time. While people have to act, a cheap look now and then
//! tells that they have; it only brings the look at everything forward, and nothing is decided by it.

use std::time::Duration;

use crate::api::Reason;
use crate::bss::port::{
    AccountId, BlockerReason, BusinessKey, CheckTarget, CopyListing, ItemKind, PageRequest,
    SourceId, TenantId,
};
use crate::upgrade::backoff;
use crate::upgrade::decide::{Decide, Decision, Next};
use crate::upgrade::effect::{Effect, InspectCalls, PagesRequest, Read};
use crate::upgrade::observe::Fold;
use crate::upgrade::observed::{Observed, Watched};
use crate::upgrade::phases::Stage;
use crate::upgrade::report::ReadyState;
use crate::upgrade::validated::ValidUpgrade;

/// A look that took a second is taken again after so many at the soonest.
const MOST_LOOKING: u32 = 100;

/// What a person may have done is looked at after this part of the slow interval at the soonest: after
/// half a minute, unless people chose another pace.
const SOONEST_LOOK: u32 = 10;

/// What counts once in each effect, however many of its calls tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::upgrade) enum Counter {
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
pub(in crate::upgrade) enum Counted {
    Now,
    Before,
}

impl Decide<'_> {
    /// Nothing to do for a while. Where a cheap look tells that people have done their part, one is
    /// taken now and then.
    pub(in crate::upgrade) fn rests(&self, wait: Duration) -> Decision {
        let watch = self.cheap_look(wait);
        let due = watch.as_ref().map(|(_, due)| *due);
        let (effect, next) = match (watch, due) {
            (Some((read, due)), _) if due.is_zero() => (
                Some(Effect::Read(Read::Watch(Box::new(read)))),
                Next::AfterEffect,
            ),
            (_, Some(due)) if due < wait => (
                None,
                Next::Watch {
                    again: due,
                    look: wait,
                },
            ),
            (_, _) => (None, Next::After(wait)),
        };
        Decision {
            effect,
            state: self.state(),
            next,
        }
    }

    /// The cheap look, and how long until it is due. Where everything is looked at again as soon, none
    /// is taken.
    fn cheap_look(&self, wait: Duration) -> Option<(Read, Duration)> {
        let pace = &self.upgrade.pace;
        let soon = wait <= pace.watch && self.seen.watched.is_none();
        if soon || pace.watch >= pace.recheck || self.seen.trouble.is_some() {
            return None;
        }
        let verdict = self.seen.verdict.as_ref()?;
        let read = telling_read(self.upgrade, self.seen, verdict.reason)?;
        let due = self.seen.watched.map_or(Duration::ZERO, |watched| {
            let next = watched.at.saturating_add(pace.watch);
            next.saturating_sub(self.now.monotonic)
        });
        Some((read, due))
    }

    /// How long until nothing from before that moment can take effect any more.
    pub(super) fn settling_since(&self, moment: Option<Duration>) -> Option<Duration> {
        let until = moment
            .unwrap_or(self.now.monotonic)
            .saturating_add(self.upgrade.terms.settle);
        until
            .checked_sub(self.now.monotonic)
            .filter(|left| !left.is_zero())
    }

    pub(super) fn settles(left: Duration, what: &str) -> Decision {
        Decision {
            effect: None,
            state: ReadyState {
                reason: Reason::Settling,
                message: format!("A quiet time runs, until nothing of {what} can be under way."),
                next_action: "Nothing: the operator goes on by itself. The time is \
                              limits.settleSeconds of the connection."
                    .to_owned(),
            },
            next: Next::After(left),
        }
    }
}

impl Fold<'_> {
    pub(super) fn once(&mut self, counter: Counter) -> Counted {
        if self.counted.insert(counter) {
            Counted::Now
        } else {
            Counted::Before
        }
    }

    /// A person must act: the verdict stands until the next slow look.
    pub(in crate::upgrade) fn stall(&mut self, verdict: ReadyState) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.recheck);
        self.seen.wait(verdict, until);
    }

    /// A person must do something that a look tells: it is seen after a tenth of the slow interval (half a
    /// minute, as it is shipped) if the look is cheap.
    /// The look takes no more than a hundredth of the time, so that upgrades which wait for people
    /// take the BSS from none that works.
    pub(super) fn watch(&mut self, verdict: ReadyState) {
        let now = self.now.monotonic;
        let begun = self.seen.reseller_read.unwrap_or(now);
        let rest = now.saturating_sub(begun).saturating_mul(MOST_LOOKING);
        let pace = &self.upgrade.pace;
        let soonest = pace.recheck.checked_div(SOONEST_LOOK).unwrap_or(pace.poll);
        let wait = rest.max(soonest).max(pace.poll).min(pace.recheck);
        self.seen.wait(verdict, now.saturating_add(wait));
    }

    /// Something is on its way: look again soon.
    pub(super) fn poll(&mut self, verdict: ReadyState) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.poll);
        self.seen.wait(verdict, until);
    }

    /// Another round of the same, later each time.
    pub(super) fn again(&mut self, stage: Stage) {
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
    pub(super) fn retreat(&mut self, stage: Stage) {
        self.seen.held_at = self.seen.held_at.max(self.seen.stage);
        self.seen.enter(stage);
    }

    /// Something changed for the better: repetitions begin to be counted anew.
    pub(in crate::upgrade) fn progressed(&mut self) {
        self.seen.stumbles = 0;
        self.seen.rounds = 0;
        self.seen.held_at = Stage::Opening;
    }

    /// Comes to a stage.
    pub(super) fn comes_to(&mut self, stage: Stage) {
        if stage > self.seen.held_at {
            self.progressed();
        }
    }

    /// What was in the way is not any more.
    pub(in crate::upgrade) fn lift(&mut self, reasons: &[Reason]) {
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
    pub(super) fn clear_verdict_but(&mut self, keep: &[Reason]) {
        if self
            .seen
            .verdict
            .as_ref()
            .is_some_and(|verdict| !keep.contains(&verdict.reason))
        {
            self.seen.verdict = None;
        }
    }

    /// A cheap look was taken. An answer that is not the first one's means that people have acted.
    pub(in crate::upgrade) fn watched(&mut self, answer: Option<u64>) {
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
}

/// The read that tells whether people have done their part, if a single one can.
pub(super) fn telling_read(
    upgrade: &ValidUpgrade,
    seen: &Observed,
    reason: Reason,
) -> Option<Read> {
    let capabilities = seen.capabilities.as_ref()?;
    let batch = usize::from(capabilities.largest_batch);
    let first_page = |listing| {
        Read::Pages(PagesRequest {
            listing,
            source: Some(PageRequest {
                cursor: None,
                limit: capabilities.page_size,
            }),
            copies: None,
        })
    };
    let claim = seen.claim.as_ref();
    let tenant = claim.and_then(|claim| claim.tenant_id.as_deref());
    let tenant = tenant.map(TenantId::from);
    match reason {
        Reason::TenantSuspended
        | Reason::TenantMissing
        | Reason::TenantReplaced
        | Reason::TenantSettingsDiffer => Some(Read::Tenant),
        Reason::ResellerNotFound | Reason::ResellerNotBasic | Reason::ResellerMismatch => {
            Some(Read::Reseller)
        }
        // Copies that people make show as links of their sources.
        Reason::AwaitingManualStep => Some(
            match seen.manual.rows.first().and_then(|row| row.kind.kind()) {
                Some(ItemKind::Customer) => first_page(CopyListing::Customers),
                Some(ItemKind::Subscription | ItemKind::Asset) => {
                    first_page(CopyListing::Subscriptions)
                }
                // The tenant, ordering and back ordering show at the reseller.
                None => Read::Reseller,
            },
        ),
        Reason::AwaitingPricing => {
            let first: Vec<SourceId> = seen.unpriced.iter().take(batch).cloned().collect();
            let target = CheckTarget::Tenant(tenant?);
            (!first.is_empty()).then(|| {
                Read::Inspect(InspectCalls {
                    target,
                    pricing: vec![first],
                    checks: Vec::new(),
                })
            })
        }
        Reason::PrecheckFailed => Some(match tenant {
            None => Read::Reseller,
            Some(_) if seen.blockers.has(BlockerReason::AccountNotSynced) => {
                first_page(CopyListing::Customers)
            }
            Some(tenant) => Read::Inspect(InspectCalls {
                target: CheckTarget::Tenant(tenant),
                pricing: Vec::new(),
                checks: vec![first_purchases(seen, batch)?],
            }),
        }),
        Reason::OrphanedCopy | Reason::DuplicateCopy | Reason::SourceChanged => {
            let account = claim.map(|claim| AccountId::from(claim.reseller_account_id.as_str()))?;
            let keys = upgrade.keys(&account);
            let tenant = tenant?;
            let rows = seen.blockers.rows.iter().take(batch);
            let first: Vec<BusinessKey> = rows
                .filter_map(|row| Some(keys.item(&tenant, row.kind.kind()?, &row.source)))
                .collect();
            (!first.is_empty()).then(|| Read::Find(vec![first]))
        }
        Reason::Accepted
        | Reason::Completed
        | Reason::Pending
        | Reason::NotCompared
        | Reason::Progressing
        | Reason::ProgressingWithRetry
        | Reason::Throttled
        | Reason::BssUnavailable
        | Reason::DependencyNotReady
        | Reason::AwaitingTurn
        | Reason::AwaitingOrders
        | Reason::Settling
        | Reason::AwaitingTenantConnection
        | Reason::AwaitingConfirmation
        | Reason::Suspended
        | Reason::Suspending
        | Reason::InvalidSpec
        | Reason::ConnectionForbidden
        | Reason::CredentialsRejected
        | Reason::IdentityMismatch
        | Reason::RiskNotAccepted
        | Reason::ContractViolated
        | Reason::ResellerClaimed
        | Reason::TenantCreationFailed
        | Reason::ItemsFailed
        | Reason::Succeeded
        | Reason::VerificationFailed
        | Reason::Deleting
        | Reason::Active
        | Reason::Closed
        | Reason::Ready => None,
    }
}

/// The first subscriptions and assets that something holds back, as many as one call takes.
fn first_purchases(seen: &Observed, batch: usize) -> Option<Vec<SourceId>> {
    let rows = seen.blockers.rows.iter();
    let mut first: Vec<SourceId> = rows
        .filter(|row| row.kind.kind() != Some(ItemKind::Customer))
        .map(|row| row.source.clone())
        .collect();
    // One item may be held back for several reasons.
    first.dedup();
    first.truncate(batch);
    (!first.is_empty()).then_some(first)
}
