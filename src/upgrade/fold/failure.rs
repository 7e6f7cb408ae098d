//! Failures: what each means for the effect that was tried, and how long to wait.

use std::time::Duration;

use super::Fold;
use crate::api::{Reason, StateClass};
use crate::bss::error::BssError;
use crate::upgrade::backoff;
use crate::upgrade::effect::Tried;
use crate::upgrade::observed::{Stage, Trouble};
use crate::upgrade::verdict::{self, verdict};

/// Rejected credentials are tried again after this long at most.
const SECRET_RECHECK: Duration = Duration::from_secs(60);

impl Fold<'_> {
    pub(super) fn failed(&mut self, tried: Tried, error: &BssError) {
        match (tried, error) {
            (_, BssError::StaleEpoch { .. }) => {
                // Somebody acquired after us. Whether that was right is the lease's to say, which
                // is asked before anything else is sent.
                // The record is read again: who acquired in between has written it.
                self.seen.epoch = None;
                self.seen.issued = None;
                self.seen.claim = None;
                self.seen.acquire_was_open = None;
                self.trouble(error);
            }
            (Tried::Acquire, _) => {
                // The epoch of a lost reply is the previous one of the next: no sign of a restore.
                self.seen.acquire_was_open = Some(true);
                self.trouble(error);
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
                self.trouble(error);
            }
            (Tried::Activate, BssError::Conflict { .. }) => self.again(Stage::Orders),
            (Tried::Activate, BssError::Blocked(_)) => self.again(Stage::CheckCustomers),
            (Tried::Activate, _) => {
                // Sent, and perhaps done: the reseller's state tells, and a new final sweep
                // precedes any other try.
                self.seen.enter(Stage::Orders);
                self.trouble(error);
            }
            (Tried::Work, BssError::Conflict { .. } | BssError::NotFound { .. }) => {
                self.again(Stage::CheckCustomers);
            }
            (Tried::Read | Tried::Reseller | Tried::Work, _) => {
                self.trouble(error);
            }
        }
    }

    pub(super) fn trouble(&mut self, error: &BssError) {
        let attempts = self
            .seen
            .trouble
            .as_ref()
            .map_or(0, |t| t.attempts.saturating_add(1));
        let mut verdict = verdict::of_error(error);
        if attempts < patience(error) {
            verdict.reason = Reason::ProgressingWithRetry;
            "Nothing: the operator tries again by itself.".clone_into(&mut verdict.next_action);
        }
        let asked = if let BssError::Throttled { after } = error {
            after.unwrap_or(Duration::ZERO)
        } else {
            Duration::ZERO
        };
        let delay = match (verdict.reason, verdict.reason.class()) {
            // A Secret is not watched: whoever replaces it should not wait for long.
            (Reason::CredentialsRejected, _) => self.upgrade.pace.recheck.min(SECRET_RECHECK),
            (_, Some(StateClass::MustFix)) => self.upgrade.pace.recheck,
            (_, _) => backoff::delay(attempts, self.upgrade.seed).max(asked),
        };
        let until = self.now.monotonic.saturating_add(delay);
        let before = self.seen.not_before.unwrap_or(Duration::ZERO);
        self.seen.not_before = Some(until.max(before));
        self.seen.trouble = Some(Trouble { verdict, attempts });
    }
}

/// How many failures in a row may pass before people are called: a garbled reply is a proxy's bad
/// moment more often than a broken contract, and rejected credentials may be those of a Secret
/// that was replaced just now and is read again before the next try.
fn patience(error: &BssError) -> u32 {
    match error {
        BssError::Malformed { .. } => 3,
        BssError::AuthRejected => 1,
        BssError::Throttled { .. }
        | BssError::Unavailable { .. }
        | BssError::OutcomeUnknown { .. }
        | BssError::Forbidden { .. }
        | BssError::NotFound { .. }
        | BssError::Conflict { .. }
        | BssError::StaleEpoch { .. }
        | BssError::HeldByAnother { .. }
        | BssError::Blocked(_)
        | BssError::Invalid(_)
        | BssError::ManualStepNeeded { .. }
        | BssError::Unsupported { .. }
        | BssError::Refused { .. } => 0,
    }
}
