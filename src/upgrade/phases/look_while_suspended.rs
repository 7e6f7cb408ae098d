//! The look of an upgrade that rests. Where the operator only reads, there is nothing to suspend but what it
//! tells people to do. So an upgrade that has not begun, and holds no record, looks at what can be checked
//! before its tenant exists, and reports it. It tells no person to do anything.

use std::time::Duration;

use crate::api::{Reason, StateClass};
use crate::bss::port::BackOrdering;
use crate::upgrade::annotations::Suspension;
use crate::upgrade::decide::{Decide, Decision, Next};
use crate::upgrade::effect::{Effect, Read};
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::suspend::{SuspendedBy, at_rest};
use crate::upgrade::report::ReadyState;
use crate::upgrade::sweep::preflight::PreflightState;

/// So many slow intervals pass before an upgrade that rests looks again: an hour, as it is shipped.
const LOOKS_AT_REST: u32 = 12;

impl Decide<'_> {
    fn only_looks(&self) -> bool {
        let begun = self.known.fencing.claim.is_some() || self.upgrade.pinned_account.is_some();
        // A connection that people hold is not called.
        let held = self.upgrade.terms.held.is_some();
        self.upgrade.terms.only_reads && !begun && !held
    }

    pub(super) fn looks_at_rest(&self, wait: Option<Duration>) -> Option<Decision> {
        if !self.only_looks() {
            return None;
        }
        let state = self.seen_at_rest();
        let read = match (wait, self.preflight_request()) {
            (Some(_), Some(look)) => Read::Preflight(look),
            (Some(wait), None) => {
                return Some(Decision {
                    effect: None,
                    state,
                    next: Next::After(wait),
                });
            }
            (None, _) if !self.known.bss.identity_agrees => Read::Identity,
            (None, _) if self.known.bss.strategy.is_none() => Read::Capabilities,
            (None, _) => Read::Reseller,
        };
        Some(Decision {
            effect: Some(Effect::Read(read)),
            state,
            next: Next::AfterEffect,
        })
    }

    /// What the looks have found so far, beside the word that the upgrade rests.
    fn seen_at_rest(&self) -> ReadyState {
        let mut state = self.suspended_by().state(
            Reason::Suspended,
            "All work on this upgrade rests; the operator only looks.",
        );
        let waiting = &self.known.waiting;
        let in_the_way = waiting
            .ready_state
            .as_ref()
            .filter(|ready_state| ready_state.reason.class() == Some(StateClass::MustFix));
        let mut say = |sentence: &str| {
            state.message.push(' ');
            state.message.push_str(sentence);
        };
        if let Some(failures) = &waiting.failures {
            say("The last look at the BSS failed:");
            say(&failures.ready_state.message);
        }
        if let Some(in_the_way) = in_the_way {
            say("This would hold it:");
            say(&in_the_way.message);
        }
        let preflight = &self.known.tenant.preflight;
        if let Some(failure) = preflight.failure_message() {
            say(&failure);
        }
        if self.known.findings.preflight.total() > 0 {
            say(
                "Some subscriptions or assets cannot be copied as they are; status.failures names them.",
            );
        } else if *preflight == PreflightState::Over {
            say("The checks that are possible before the tenant exists found nothing in the way.");
        }
        state
    }
}

impl Observe<'_> {
    /// The reseller was seen, and the upgrade rests: the checks that are possible now begin, or come nearer to
    /// their next try.
    pub(super) fn seen_while_at_rest(&mut self) {
        let rests = self.upgrade.suspended == Suspension::Suspended;
        if !rests || !self.upgrade.terms.only_reads {
            return;
        }
        let basic = self.known.bss.reseller.as_ref().is_some_and(|reseller| {
            reseller.back_ordering == BackOrdering::Off && reseller.tenant.is_none()
        });
        if self.known.tenant.preflight.looking().is_none() {
            self.known.tenant.preflight = PreflightState::NotYet;
        }
        if basic {
            self.advance_preflight();
        }
        // Many are suspended at once, for example while a roll-out is prepared: they do not all look at once.
        let later = u32::try_from(self.upgrade.seed & 0x3).unwrap_or_default();
        let looks = LOOKS_AT_REST.saturating_add(later);
        let pause = self.upgrade.pace.recheck.saturating_mul(looks);
        self.known.wait(
            at_rest(SuspendedBy::default()),
            self.now.monotonic.saturating_add(pause),
        );
    }

    /// A look of an upgrade that rests failed: it is tried again after the slow interval.
    pub(super) fn failed_while_at_rest(&mut self) {
        if self.upgrade.suspended == Suspension::Suspended && self.upgrade.terms.only_reads {
            let until = self.now.monotonic.saturating_add(self.upgrade.pace.recheck);
            self.known.wait(at_rest(SuspendedBy::default()), until);
        }
    }
}
