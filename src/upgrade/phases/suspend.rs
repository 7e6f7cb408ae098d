//! Suspension: nothing is begun. What was sent is looked up, and what may still be on its way is shut out
//! by an epoch under which nothing is sent.

use std::time::Duration;

use crate::api::{Reason, ResellerClaimSpec, SUSPEND_ANNOTATION, StateClass};
use crate::bss::port::BackOrdering;
use crate::upgrade::annotations::{HeldConnection, Suspension};
use crate::upgrade::decide::{Decide, Decision, Next};
use crate::upgrade::effect::{Attempted, ClaimEdit, Effect, Read};
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::ReadyState;
use crate::upgrade::strategy::Fencing;
use crate::upgrade::sweep::preflight::PreflightState;

/// Who suspends an upgrade, as far as people read of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SuspendedBy<'a> {
    /// What of the words on the upgrade is not understood.
    pub not_understood: Option<&'a str>,
    /// The connection by which people hold all upgrades that name it.
    pub connection: Option<&'a HeldConnection>,
}

impl Decide<'_> {
    /// Suspended: nothing is begun. A call that was sent and has no outcome yet is looked up; then
    /// an epoch is acquired, under which nothing is sent.
    pub(in crate::upgrade) fn suspended(&self, wait: Option<Duration>) -> Decision {
        self.looks_up(wait)
            .or_else(|| self.shuts_out(wait))
            .or_else(|| self.looks_at_rest(wait))
            .unwrap_or_else(|| Decision {
                effect: None,
                state: at_rest(self.suspended_by()),
                next: Next::OnChange,
            })
    }

    fn suspended_by(&self) -> SuspendedBy<'_> {
        SuspendedBy {
            not_understood: self.upgrade.suspended_by_unknown.as_deref(),
            connection: self.upgrade.terms.held.as_ref(),
        }
    }

    /// A call without an outcome that must not be repeated blindly: what became of it is looked up
    /// once, and again after a failure.
    fn looks_up(&self, wait: Option<Duration>) -> Option<Decision> {
        let intents = &self.known.fencing.claim.as_ref()?.intents;
        let creating = intents.create_tenant.as_ref();
        let creating = creating.is_some_and(|intent| intent.operation_id.is_none());
        let activating = intents.activate.is_some();
        let looked = if activating {
            self.known.bss.reseller.is_some()
        } else {
            self.known.tenant.seen.is_some() || self.known.waiting.ready_state.is_some()
        };
        let settled = looked && self.known.waiting.failures.is_none();
        if settled || !(creating || activating) {
            return None;
        }
        let message = "A call that was sent has no outcome yet; nothing new is begun.";
        let state = self.suspended_by().state(Reason::Suspending, message);
        if let Some(wait) = wait {
            return Some(Decision {
                effect: None,
                state,
                next: Next::After(wait),
            });
        }
        let look = match (self.known.bss.identity_agrees, activating) {
            (false, _) => Read::Identity,
            (true, true) => Read::Reseller,
            (true, false) => Read::Tenant,
        };
        Some(Decision {
            effect: Some(Effect::Read(look)),
            state,
            next: Next::AfterEffect,
        })
    }

    /// A new epoch makes an end of what was sent before and may still be on its way. It also stays
    /// when the cluster's state goes back to before the suspension: the record knows less
    /// than the BSS then, and a person is asked before anything irreversible happens.
    fn shuts_out(&self, wait: Option<Duration>) -> Option<Decision> {
        let begun = self.known.fencing.claim.is_some() || self.upgrade.pinned_account.is_some();
        let single = self
            .known
            .bss
            .strategy
            .as_ref()
            .map(|strategy| strategy.fencing);
        if !begun || single == Some(Fencing::SingleOperator) {
            return None;
        }
        let claim = self.known.fencing.claim.as_ref();
        // Without an epoch on record nothing was ever sent, and after the switch nothing is.
        let shut = |claim: &ResellerClaimSpec| {
            claim.suspended
                || claim.activation_time.is_some()
                || (claim.epoch.is_none() && !claim.acquisition_pending)
        };
        if claim.is_some_and(shut) {
            return None;
        }
        if let Some(wait) = wait {
            let message =
                "All work on this upgrade rests. What was sent before could not be shut out yet.";
            let state = self.suspended_by().state(Reason::Suspended, message);
            return Some(Decision {
                effect: None,
                state,
                next: Next::After(wait),
            });
        }
        let effect = match claim {
            None => Effect::Claim(ClaimEdit::Take),
            Some(_) if !self.known.bss.identity_agrees => Effect::Read(Read::Identity),
            Some(_) if self.known.bss.strategy.is_none() => Effect::Read(Read::Capabilities),
            Some(claim) => match self.refusal_to_record() {
                Some(edit) => Effect::Claim(edit),
                None => self.acquires(claim),
            },
        };
        let message = "Nothing new is begun, and what was sent before is shut out.";
        Some(Decision {
            effect: Some(effect),
            state: self.suspended_by().state(Reason::Suspending, message),
            next: Next::AfterEffect,
        })
    }
}

/// So many slow intervals pass before an upgrade that rests looks again: an hour, as it is shipped.
const LOOKS_AT_REST: u32 = 12;

/// The look of an upgrade that rests. Where the operator only reads, there is nothing to suspend but what it
/// tells people to do. So an upgrade that has not begun, and holds no record, looks at what can be checked
/// before its tenant exists, and reports it. It tells no person to do anything.
impl Decide<'_> {
    fn only_looks(&self) -> bool {
        let begun = self.known.fencing.claim.is_some() || self.upgrade.pinned_account.is_some();
        self.upgrade.terms.only_reads && !begun
    }

    fn looks_at_rest(&self, wait: Option<Duration>) -> Option<Decision> {
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
        let pause = self.upgrade.pace.recheck.saturating_mul(LOOKS_AT_REST);
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

    /// Taken back before it was sent: the upgrade changed meanwhile, and the BSS knows of nothing. That
    /// is no failure, and what is certain not to have been made is struck from the record.
    pub(super) fn cancelled(&mut self, attempted: Attempted) {
        match attempted {
            Attempted::Acquire => {
                self.ends_acquisition();
                self.known.fencing.next_acquisition();
            }
            Attempted::CreateTenant => {
                // Unless an earlier request was sent and its outcome is not known.
                if self.known.tenant.creation_unknown != Some(true) {
                    self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
                }
                self.known.tenant.seen = None;
            }
            Attempted::Activate => {
                // An earlier try may have been sent: the intent stands, the reseller's state tells.
                self.known.enter(Stage::Orders);
            }
            Attempted::Read
            | Attempted::Watch
            | Attempted::Reseller
            | Attempted::Preflight
            | Attempted::Write => {}
        }
    }
}

/// What people read of an upgrade that is suspended, perhaps by a word that is not understood.
#[must_use]
pub fn at_rest(by: SuspendedBy<'_>) -> ReadyState {
    by.state(Reason::Suspended, "All work on this upgrade rests.")
}

impl SuspendedBy<'_> {
    fn state(self, reason: Reason, message: &str) -> ReadyState {
        let mut said = vec![message.to_owned()];
        if let Some(HeldConnection {
            name,
            not_understood,
        }) = self.connection
        {
            said.push(format!(
                "The BssConnection {name} is suspended, and with it every upgrade that names it."
            ));
            said.extend(not_understood.clone());
        }
        said.extend(self.not_understood.map(str::to_owned));
        let next_action = match self.connection {
            None => format!(
                "Set spec.suspend to false and remove the annotation {SUSPEND_ANNOTATION} to go on."
            ),
            Some(HeldConnection { name, .. }) => format!(
                "Remove the annotation {SUSPEND_ANNOTATION} of the BssConnection {name}: the upgrades that are \
                 not suspended themselves go on."
            ),
        };
        ReadyState {
            reason,
            message: said.join(" "),
            next_action,
        }
    }
}
