//! Failures: what each means for the effect that was tried, and how long the operator waits.

use std::time::Duration;

use crate::api::{Reason, StateClass};
use crate::bss::error::{BssError, Cause};
use crate::bss::port::WriteOperation;
use crate::upgrade::backoff;
use crate::upgrade::effect::{Attempted, ClaimEdit};
use crate::upgrade::known::{Alike, CallFailures};
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::waiting::{Counted, Counter};
use crate::upgrade::report::messages;
use crate::upgrade::report::messages::ready_state;
use crate::upgrade::sweep::Trails;

/// Rejected credentials are tried again after this long at most.
const SECRET_RECHECK: Duration = Duration::from_secs(60);
/// A connection that may not be used is tried again after this long at most: its server's certificate
/// may be another one by then, of which the cluster tells nothing.
const CONNECTION_RECHECK: Duration = Duration::from_secs(30);

impl Observe<'_> {
    pub(in crate::upgrade) fn failed(&mut self, attempted: Attempted, error: &BssError) {
        match (attempted, error) {
            (Attempted::Watch, BssError::Cancelled) => self.watched(None),
            (Attempted::Watch, _) => self.watch_failed(error),
            (_, BssError::Cancelled) => self.cancelled(attempted),
            (_, BssError::StaleEpoch { .. }) => self.fenced_off(error),
            (Attempted::Acquire, _) => self.acquisition_failed(error),
            (Attempted::Reseller, BssError::NotFound { .. }) => self.stall(ready_state(
                Reason::ResellerNotFound,
                "The BSS does not know this account.",
                "Correct spec.reseller.accountId (a new upgrade object), or create the account.",
            )),
            (_, BssError::ManualStepNeeded { instruction }) => {
                self.left_to_people(attempted, instruction);
            }
            (Attempted::CreateTenant, BssError::Invalid(fields)) => {
                self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
                self.stall(messages::invalid_settings(fields));
            }
            (Attempted::CreateTenant, BssError::Blocked(tallies)) => {
                self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
                self.stall(messages::creation_blocked(tallies));
            }
            (Attempted::CreateTenant, _) => self.creation_failed(error),
            (Attempted::Activate, _) => self.activation_failed(error),
            // Something that the sweep rests on changed: a tenant that was suspended, for example,
            // which a look at it tells.
            (Attempted::Write, BssError::Blocked(tallies)) => self.write_refused(tallies),
            (Attempted::Write, BssError::Conflict { .. } | BssError::NotFound { .. }) => {
                let begin = self.known.stage.restart();
                self.again(begin);
            }
            (Attempted::Preflight, _) => self.preflight_failed(error),
            (
                Attempted::Read,
                BssError::NotFound { .. } | BssError::Invalid(_) | BssError::Conflict { .. },
            ) => self.read_refused(error),
            (Attempted::Write, _) => self.write_failed(error),
            (Attempted::Read | Attempted::Reseller, _) => self.call_failed(error),
        }
    }

    /// A cheap look failed. What is wrong is told by the look at everything, which is taken at once if an earlier
    /// cheap look of this wait went well, or if no call can go well. The first one of a wait follows such a look,
    /// and is not followed by another.
    fn watch_failed(&mut self, error: &BssError) {
        let before = self.known.waiting.watched;
        self.watched(None);
        if before.is_some_and(|before| before.answer.is_some() || concerns_every_call(error)) {
            self.known.waiting.not_before = None;
        }
    }

    /// Another process acquired after this one. Whether it may is the lease's to say, which is asked before
    /// anything else is sent.
    fn fenced_off(&mut self, error: &BssError) {
        self.known.fencing.lost_epoch();
        self.looks_are_old();
        self.call_failed(error);
    }

    fn acquisition_failed(&mut self, error: &BssError) {
        if let BssError::HeldByAnother { .. } = error {
            // The other operator that holds it may bring the reseller to its end meanwhile.
            self.looks_are_old();
            self.known.bss.reseller = None;
        }
        // An attempt whose outcome is not known stays on record, so that its epoch is no sign of a
        // restore.
        if !error.effect_unknown() {
            self.ends_acquisition();
        }
        self.known.fencing.next_acquisition();
        self.call_failed(error);
    }

    /// What the sweep rests on is not there any more, or its cursor is not: reseller and tenant are looked
    /// at again.
    fn read_refused(&mut self, error: &BssError) {
        // It may have been a cursor of an earlier sweep.
        self.known.sweeps.trails = Trails::NotKept;
        let begin = self.known.stage.restart();
        self.retreat(begin);
        self.call_failed(error);
        self.later_each_time();
    }

    fn write_failed(&mut self, error: &BssError) {
        self.call_failed(error);
        // A wait for people is long, and they may copy on screen meanwhile.
        let failures = self.known.waiting.failures.as_ref();
        let class = failures.and_then(|failures| failures.ready_state.reason.class());
        if class == Some(StateClass::MustFix) {
            self.looks_are_old();
        }
    }

    /// The BSS leaves it to people and says how; nothing was done. From now on they are asked.
    fn left_to_people(&mut self, attempted: Attempted, instruction: &str) {
        let operation = match (attempted, self.known.stage.writes()) {
            (Attempted::CreateTenant, _) => WriteOperation::CreateTenant,
            (Attempted::Activate, _) => WriteOperation::ActivateBackOrdering,
            (Attempted::Write, Some(operation)) => operation,
            // No read and no acquisition is a step for people.
            (
                Attempted::Write
                | Attempted::Read
                | Attempted::Watch
                | Attempted::Reseller
                | Attempted::Preflight
                | Attempted::Acquire,
                _,
            ) => {
                let instruction = instruction.to_owned();
                self.call_failed(&BssError::ManualStepNeeded { instruction });
                return;
            }
        };
        self.known
            .bss
            .instructions
            .insert(operation, instruction.to_owned());
        match operation {
            WriteOperation::CreateTenant => {
                self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
                self.known.tenant.seen = None;
            }
            WriteOperation::ActivateBackOrdering => {
                // With its instruction known the person is told, once that is on record.
                self.known.fencing.refused = Some(ClaimEdit::DropActivationIntent);
            }
            WriteOperation::CopyCustomers
            | WriteOperation::SetPricing
            | WriteOperation::CopySubscriptions => {
                self.known.sweeps.current = None;
                self.begin_sweep();
            }
        }
    }

    /// What failed is tried again only after a look that succeeds, and that look clears the failures. So
    /// the waits grow here, until a write is taken or the next stage begins.
    pub(super) fn later_each_time(&mut self) {
        if self.once(Counter::Stumble) == Counted::Before {
            return;
        }
        let delay = backoff::delay(self.known.waiting.stumbles, self.upgrade.seed);
        self.known.waiting.stumbles = self.known.waiting.stumbles.saturating_add(1);
        let until = self.now.monotonic.saturating_add(delay);
        self.known.waiting.not_before(until);
    }

    pub(in crate::upgrade) fn call_failed(&mut self, error: &BssError) {
        let before = self.known.waiting.failures.take();
        // Many calls of one effect fail together; that is one failure.
        let counted = self.once(Counter::CallFailures);
        let attempts = match (&before, counted) {
            (None, _) => 0,
            (Some(failures), Counted::Before) => failures.attempts,
            (Some(failures), Counted::Now) => failures.attempts.saturating_add(1),
        };
        let alike = self.alike(before.as_ref(), error);
        let mut ready_state = messages::of_error(error, self.upgrade);
        if patience(error) > 0 && alike.is_some_and(|alike| alike.before < patience(error)) {
            ready_state.reason = Reason::ProgressingWithRetry;
            "Nothing: the operator tries again by itself.".clone_into(&mut ready_state.next_action);
        }
        let asked = if let BssError::Throttled { after } = error {
            after.unwrap_or(Duration::ZERO)
        } else {
            Duration::ZERO
        };
        let delay = match (ready_state.reason, ready_state.reason.class()) {
            // A Secret is not watched: a person who replaces it should not wait for long.
            (Reason::CredentialsRejected, _) => self.upgrade.pace.recheck.min(SECRET_RECHECK),
            (Reason::ConnectionForbidden, _) => self.upgrade.pace.recheck.min(CONNECTION_RECHECK),
            (_, Some(StateClass::MustFix)) => self.upgrade.pace.recheck,
            (_, _) => backoff::delay(attempts, self.upgrade.seed).max(asked),
        };
        let until = self.now.monotonic.saturating_add(delay);
        self.known.waiting.not_before(until);
        // Of failures that came together the gravest is shown.
        let grave = |reason: Reason| reason.class() == Some(StateClass::MustFix);
        let ready_state = match before {
            Some(before)
                if counted == Counted::Before
                    && grave(before.ready_state.reason)
                    && !grave(ready_state.reason) =>
            {
                before.ready_state
            }
            Some(_) | None => ready_state,
        };
        self.known.waiting.failures = Some(CallFailures {
            ready_state,
            attempts,
            alike,
        });
    }

    /// Counts the failures that have to come several times before people are called. Only their own
    /// count: a garbled reply after three refused connections is the first of its kind.
    fn alike(&self, before: Option<&CallFailures>, error: &BssError) -> Option<Alike> {
        let counted = before.and_then(|failures| failures.alike);
        if patience(error) == 0 {
            return counted;
        }
        let (class, at) = (error.class(), self.now.monotonic);
        let before = match counted {
            Some(counted) if counted.class == class && counted.at == at => counted.before,
            Some(counted) if counted.class == class => counted.before.saturating_add(1),
            Some(_) | None => 0,
        };
        Some(Alike { class, before, at })
    }
}

/// Whether it is the connection that fails, whatever is asked through it.
fn concerns_every_call(error: &BssError) -> bool {
    match error.cause() {
        Cause::TokenEndpoint | Cause::Token | Cause::Credentials | Cause::Connection => true,
        Cause::Moment | Cause::Reply | Cause::Request => false,
    }
}

/// How many failures in a row may pass before people are called: a garbled reply is a proxy's bad
/// moment more often than a broken contract, and rejected credentials may be those of a Secret
/// that was replaced just now and is read again before the next try.
fn patience(error: &BssError) -> u32 {
    match error.cause() {
        Cause::Reply | Cause::Token => 3,
        Cause::Credentials => 1,
        Cause::Moment | Cause::TokenEndpoint | Cause::Connection | Cause::Request => 0,
    }
}
