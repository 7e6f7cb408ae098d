//! `decide`: total and pure. What is known goes in; one effect at most, what people read, and
//! when to look again come out. Waiting, blocked and gated are decisions, not errors.
//!
//! This is the page: what each phase does next stands in its file in `phases/`.

use std::time::Duration;

use crate::api::{Reason, StateClass};
use crate::bss::port::WriteOperation;
use crate::upgrade::Now;
use crate::upgrade::annotations::Suspension;
use crate::upgrade::effect::{ClaimEdit, Effect, Read};
use crate::upgrade::known::{Known, RecordAge};
use crate::upgrade::phases::{Part, Stage};
use crate::upgrade::report::ReadyState;
use crate::upgrade::strategy::{Executor, Fencing};
use crate::upgrade::validated::ValidUpgrade;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The effect, if there is one.
    pub effect: Option<Effect>,
    /// What people read.
    pub state: ReadyState,
    /// When to decide again.
    pub next: Next,
}

/// When to decide again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the effect.
    AfterEffect,
    /// After a while, and at once if something changed.
    After(Duration),
    /// The same; before that, a cheap look is due.
    Watch {
        /// When the cheap look is due.
        again: Duration,
        /// When everything is looked at again.
        look: Duration,
    },
    /// Only if something changed.
    OnChange,
}

/// Decides what to do next.
#[must_use]
pub fn decide(upgrade: &ValidUpgrade, known: &Known, now: Now) -> Decision {
    let decide = Decide {
        upgrade,
        known,
        now,
    };
    let wait = known
        .waiting
        .not_before
        .and_then(|until| until.checked_sub(now.monotonic));
    let wait = wait.filter(|wait| !wait.is_zero());
    if known.stage == Stage::Done {
        return match wait {
            Some(wait) => decide.rests(wait),
            None => decide.done(),
        };
    }
    if upgrade.suspended == Suspension::Suspended {
        return decide.suspended(wait);
    }
    if let Some(edit) = decide.refusal_to_record() {
        return decide.act(Effect::Claim(edit));
    }
    if decide.told_and_moved() {
        return decide.act(Effect::Claim(ClaimEdit::Withdraw));
    }
    if let Some(wait) = wait {
        return match decide.preflight_request() {
            Some(look) => decide.act(Effect::Read(Read::Preflight(look))),
            None => decide.rests(wait),
        };
    }
    let decision = decide.work();
    // What a person was told to press covers what the last sweep saw, and nothing that is sent later.
    match &decision.effect {
        Some(effect) if effect.changes_the_bss() && decide.is_told() => {
            decide.act(Effect::Claim(ClaimEdit::Withdraw))
        }
        Some(_) | None => decision,
    }
}

/// While people have to act, they are told beside it that the BSS cannot be asked whether they have.
fn told_with(shown: &ReadyState, failure: Option<&ReadyState>) -> ReadyState {
    let waits = shown.reason.class() == Some(StateClass::WaitsForPeople);
    let mut told = shown.clone();
    if let Some(failure) = failure.filter(|failure| waits && *failure != shown) {
        told.message.push_str(" The last look at the BSS failed: ");
        told.message.push_str(&failure.message);
    }
    told
}

/// What a decision is made of.
pub(super) struct Decide<'a> {
    pub(super) upgrade: &'a ValidUpgrade,
    pub(super) known: &'a Known,
    pub(super) now: Now,
}

impl Decide<'_> {
    fn work(&self) -> Decision {
        if !self.known.bss.identity_agrees {
            return self.act(Effect::Read(Read::Identity));
        }
        if self.known.bss.strategy.is_none() {
            return self.act(Effect::Read(Read::Capabilities));
        }
        let Some(reseller) = &self.known.bss.reseller else {
            return self.act(Effect::Read(Read::Reseller));
        };
        let Some(claim) = &self.known.fencing.claim else {
            return self.act(Effect::Claim(ClaimEdit::Take));
        };
        if self.known.stage.part() == Part::Comparing {
            return self.verify(claim);
        }
        // Where epochs are issued, the next one names it.
        let fenced = self
            .known
            .bss
            .strategy
            .as_ref()
            .map(|strategy| strategy.fencing)
            == Some(Fencing::Epochs);
        let older = self.known.fencing.record_age == RecordAge::Older;
        if older && !fenced && claim.unconfirmed_epoch.is_none() {
            return self.act(Effect::Claim(ClaimEdit::WentBack));
        }
        if let Some(decision) = self.epoch(claim) {
            return decision;
        }
        if let Some(edit) = self.open_records(claim) {
            return self.act(Effect::Claim(edit));
        }
        if let Some(decision) = self.settles_after_others(claim) {
            return decision;
        }
        if let Some(decision) = self.settles_after_a_switch(claim) {
            return decision;
        }
        match &self.known.tenant.seen {
            None => self.act(Effect::Read(Read::Tenant)),
            Some(None) => self.create_tenant(claim, reseller),
            Some(Some(tenant)) => {
                if self.misses(claim, reseller, tenant) {
                    return self.act(Effect::Claim(ClaimEdit::WentBack));
                }
                if claim.tenant_id.is_none() {
                    return self.act(Effect::Claim(ClaimEdit::PinTenant {
                        tenant: tenant.id.clone(),
                        currency: tenant.currency.clone(),
                    }));
                }
                if let Some(edit) = self.unrecorded_milestone(claim) {
                    return self.act(Effect::Claim(edit));
                }
                self.stage(claim, reseller, &tenant.id)
            }
        }
    }

    pub(super) fn act(&self, effect: Effect) -> Decision {
        Decision {
            effect: Some(effect),
            state: self.state(),
            next: Next::AfterEffect,
        }
    }

    /// What people read while work goes on: the ready state that stands, else the failures of calls,
    /// else what is being done. What a person must fix comes first.
    pub(super) fn state(&self) -> ReadyState {
        let failures = self
            .known
            .waiting
            .failures
            .as_ref()
            .map(|failures| &failures.ready_state);
        let must_fix = |v: &&ReadyState| v.reason.class() == Some(StateClass::MustFix);
        let shown = failures
            .filter(must_fix)
            .or(self.known.waiting.ready_state.as_ref())
            .or(failures);
        match shown {
            Some(shown) => told_with(shown, failures),
            None => ReadyState {
                reason: Reason::Progressing,
                message: self.known.stage.sentence().to_owned(),
                next_action: String::new(),
            },
        }
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
