//! `decide`: total and pure. What is known goes in; one effect at most, what people read, and
//! when to look again come out. Waiting, blocked and gated are decisions, not errors.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Now;
use super::claim::{knows_attempt, went_back};
use super::effect::{Activate, ClaimEdit, CreateTenant, Effect, Foresee, Read, WentBack, Work};
use super::keys::settings_digest;
use super::observed::{CleanFinalSweep, Observed, RecordAge, Stage, Telling, Verdict};
use super::sweep::Wanted;
use super::valid::{Suspension, TenantConnection, ValidUpgrade};
use super::ways::{Copying, Doer, Fencing, Ways};
use crate::api::{
    ActivationIntent, ConditionType, CreateTenantIntent, Reason, ResellerClaimSpec, StateClass,
};
use crate::bss::port::{
    BackOrdering, CopyItem, CopyListing, OperationId, PageRequest, PricingOptions, PricingOutcome,
    Reseller, SourceId, Strength, Tenant, TenantAccess, TenantId, WriteOperation,
};
use crate::mutants::{Mutant, on};

/// So many copies stand on record at a time, where the BSS would make a second one.
const MOST_COPIES_ON_RECORD: usize = 200;

/// What whoever suspended an upgrade does next.
const RESUME: &str = "Set spec.suspend to false and remove the annotation \
                                 tenantreseller.io/suspend to go on.";

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The effect, if there is one.
    pub effect: Option<Effect>,
    /// What people read.
    pub state: State,
    /// When to decide again.
    pub next: Next,
}

/// What people read: the reason of `Ready`, its message, and who must do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Why the upgrade is as it is.
    pub reason: Reason,
    /// In a sentence.
    pub message: String,
    /// Who must do what; empty while work goes on.
    pub next_action: String,
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
pub fn decide(upgrade: &ValidUpgrade, observed: &Observed, now: Now) -> Decision {
    let decide = Decide {
        upgrade,
        seen: observed,
        now,
    };
    let wait = observed
        .not_before
        .and_then(|until| until.checked_sub(now.monotonic));
    let wait = wait.filter(|wait| !wait.is_zero());
    if observed.stage == Stage::Done {
        return match wait {
            Some(wait) => decide.rests(wait),
            None => decide.done(),
        };
    }
    if upgrade.suspended == Suspension::Suspended && !on(Mutant::SuspensionIgnored) {
        return decide.suspended(wait);
    }
    if let Some(edit) = decide.refusal_to_record() {
        return decide.act(Effect::Claim(edit));
    }
    if decide.told_and_moved() {
        return decide.act(Effect::Claim(ClaimEdit::Withdraw));
    }
    if let Some(wait) = wait {
        return match decide.foresee() {
            Some(look) => decide.act(Effect::Read(Read::Foresee(look))),
            None => decide.rests(wait),
        };
    }
    let decision = decide.work();
    // What a person was told to press covers what the last sweep saw, and nothing that is sent later.
    match decision.effect {
        Some(Effect::Work(_) | Effect::CreateTenant(_) | Effect::Activate(_))
            if decide.is_told() =>
        {
            decide.act(Effect::Claim(ClaimEdit::Withdraw))
        }
        Some(_) | None => decision,
    }
}

struct Decide<'a> {
    upgrade: &'a ValidUpgrade,
    seen: &'a Observed,
    now: Now,
}

impl Decide<'_> {
    fn done(&self) -> Decision {
        if self.seen.claim.is_none() {
            // A write of the record failed: it is read again before anything is called done.
            return self.act(Effect::Claim(ClaimEdit::Take));
        }
        let edit = self
            .seen
            .claim
            .as_ref()
            .and_then(|claim| self.record_of_end(claim));
        if let Some(edit) = edit {
            return self.act(Effect::Claim(edit));
        }
        let state = State {
            reason: Reason::Succeeded,
            message: success(self.seen.reseller.as_ref()).to_owned(),
            next_action: String::new(),
        };
        Decision {
            effect: None,
            state,
            next: Next::OnChange,
        }
    }

    /// The record is complete before the upgrade is called done.
    fn record_of_end(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        self.unrecorded_milestone(claim).or_else(|| {
            claim
                .activation_time
                .is_none()
                .then_some(ClaimEdit::Activated {
                    approval: self.seen.approval,
                })
        })
    }

    /// Suspended: nothing is begun. A call that was sent and has no outcome yet is looked up; then
    /// an epoch is acquired, under which nothing is sent.
    fn suspended(&self, wait: Option<Duration>) -> Decision {
        self.looks_up(wait)
            .or_else(|| self.shuts_out(wait))
            .unwrap_or_else(|| Decision {
                effect: None,
                state: at_rest(),
                next: Next::OnChange,
            })
    }

    /// A call without an outcome that must not be repeated blindly: what became of it is looked up
    /// once, and again after a failure.
    fn looks_up(&self, wait: Option<Duration>) -> Option<Decision> {
        let intents = &self.seen.claim.as_ref()?.intents;
        let creating = intents.create_tenant.as_ref();
        let creating = creating.is_some_and(|intent| intent.operation_id.is_none());
        let activating = intents.activate.is_some();
        let looked = if activating {
            self.seen.reseller.is_some()
        } else {
            self.seen.tenant.is_some() || self.seen.verdict.is_some()
        };
        let settled = looked && self.seen.trouble.is_none();
        if settled || !(creating || activating) {
            return None;
        }
        let state = suspending("A call that was sent has no outcome yet; nothing new is begun.");
        if let Some(wait) = wait {
            return Some(Decision {
                effect: None,
                state,
                next: Next::After(wait),
            });
        }
        let look = match (self.seen.identity_agrees, activating) {
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
    /// when the cluster's state goes back to where nobody had suspended yet: the record knows less
    /// than the BSS then, and a person is asked before anything irreversible happens.
    fn shuts_out(&self, wait: Option<Duration>) -> Option<Decision> {
        let begun = self.seen.claim.is_some() || self.upgrade.pinned_account.is_some();
        let single = self.seen.ways.as_ref().map(|ways| ways.fencing);
        if !begun || single == Some(Fencing::SingleOperator) {
            return None;
        }
        let claim = self.seen.claim.as_ref();
        // Without an epoch on record nothing was ever sent, and after the switch nothing is.
        let shut = |claim: &ResellerClaimSpec| {
            claim.resting
                || claim.activation_time.is_some()
                || (claim.epoch.is_none() && !claim.acquiring)
        };
        if claim.is_some_and(shut) {
            return None;
        }
        if let Some(wait) = wait {
            let state = suspended(
                "All work on this upgrade rests. What was sent before could not be shut out yet.",
            );
            return Some(Decision {
                effect: None,
                state,
                next: Next::After(wait),
            });
        }
        let effect = match claim {
            None => Effect::Claim(ClaimEdit::Take),
            Some(_) if !self.seen.identity_agrees => Effect::Read(Read::Identity),
            Some(_) if self.seen.ways.is_none() => Effect::Read(Read::Capabilities),
            Some(claim) => match self.refusal_to_record() {
                Some(edit) => Effect::Claim(edit),
                None => self.acquires(claim),
            },
        };
        Some(Decision {
            effect: Some(effect),
            state: suspending("Nothing new is begun, and what was sent before is shut out."),
            next: Next::AfterEffect,
        })
    }

    /// Nothing to do for a while. Where a cheap look tells that people have done their part, one is
    /// taken now and then.
    fn rests(&self, wait: Duration) -> Decision {
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
        let read = super::watch::cheap_look(self.upgrade, self.seen, verdict.reason)?;
        let due = self.seen.watched.map_or(Duration::ZERO, |watched| {
            let next = watched.at.saturating_add(pace.watch);
            next.saturating_sub(self.now.monotonic)
        });
        Some((read, due))
    }

    fn is_told(&self) -> bool {
        let claim = self.seen.claim.as_ref();
        claim.is_some_and(|claim| claim.told.is_some() && claim.activation_time.is_none())
    }

    fn told_and_moved(&self) -> bool {
        self.is_told() && self.seen.telling == Telling::Moved
    }

    fn act(&self, effect: Effect) -> Decision {
        Decision {
            effect: Some(effect),
            state: self.state(),
            next: Next::AfterEffect,
        }
    }

    /// What people read while work goes on: the verdict that stands, else the trouble, else what
    /// is being done. What a person must fix comes first.
    fn state(&self) -> State {
        let trouble = self.seen.trouble.as_ref().map(|trouble| &trouble.verdict);
        let must_fix = |v: &&Verdict| v.reason.class() == Some(StateClass::MustFix);
        let shown = trouble
            .filter(must_fix)
            .or(self.seen.verdict.as_ref())
            .or(trouble);
        match shown {
            Some(Verdict {
                reason,
                message,
                next_action,
            }) => State {
                reason: *reason,
                message: message.clone(),
                next_action: next_action.clone(),
            },
            None => State {
                reason: Reason::Progressing,
                message: doing(self.seen.stage).to_owned(),
                next_action: String::new(),
            },
        }
    }

    fn work(&self) -> Decision {
        if !self.seen.identity_agrees {
            return self.act(Effect::Read(Read::Identity));
        }
        if self.seen.ways.is_none() {
            return self.act(Effect::Read(Read::Capabilities));
        }
        let Some(reseller) = &self.seen.reseller else {
            return self.act(Effect::Read(Read::Reseller));
        };
        let Some(claim) = &self.seen.claim else {
            return self.act(Effect::Claim(ClaimEdit::Take));
        };
        if matches!(
            self.seen.stage,
            Stage::VerifyCustomers | Stage::VerifyPurchases
        ) {
            return self.verify(claim);
        }
        // Where epochs are issued, the next one names it.
        let fenced = self.seen.ways.as_ref().map(|ways| ways.fencing) == Some(Fencing::Epochs);
        let older = self.seen.record_age == RecordAge::Older;
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
        match &self.seen.tenant {
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

    /// An epoch, issued and on record, before anything is written.
    fn epoch(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        (!self.seen.may_write()).then(|| self.act(self.acquires(claim)))
    }

    /// The next step to an epoch. The attempt is on record before it is sent, so that an epoch whose
    /// number nobody heard is known to be the operator's own.
    fn acquires(&self, claim: &ResellerClaimSpec) -> Effect {
        let id = &self.seen.acquisition;
        if let Some(issued) = &self.seen.issued {
            return Effect::Claim(ClaimEdit::RecordEpoch {
                acquisition: id.clone(),
                epoch: issued.epoch.0,
                went_back: if self.seen.record_age == RecordAge::Older {
                    WentBack::Yes
                } else {
                    went_back(claim, issued)
                },
                suspension: self.upgrade.suspended,
            });
        }
        let last = claim.acquisitions.last();
        if !last.is_some_and(|last| last.id == id.as_str() && last.epoch.is_none()) {
            return Effect::Claim(ClaimEdit::BeginAcquire(id.clone()));
        }
        // Whoever rests takes nothing over.
        let works = self.upgrade.suspended == Suspension::Running;
        Effect::Acquire {
            id: id.clone(),
            take_over: self.upgrade.take_over.clone().filter(|_| works),
        }
    }

    /// A definite refusal goes on record at once, not after the wait: it unfreezes `spec.tenant`,
    /// which a person has to correct now.
    fn refusal_to_record(&self) -> Option<ClaimEdit> {
        let claim = self.seen.claim.as_ref()?;
        let edit = self.seen.refused.clone()?;
        let stands = match &edit {
            ClaimEdit::DropTenantIntent => claim.intents.create_tenant.is_some(),
            ClaimEdit::ForgetOperation => {
                let intent = claim.intents.create_tenant.as_ref();
                intent.is_some_and(|intent| intent.operation_id.is_some())
            }
            ClaimEdit::DropActivationIntent => claim.intents.activate.is_some(),
            ClaimEdit::EndAcquire(id) => knows_attempt(claim, id),
            ClaimEdit::Take
            | ClaimEdit::BeginAcquire(_)
            | ClaimEdit::RecordEpoch { .. }
            | ClaimEdit::WentBack
            | ClaimEdit::Confirm
            | ClaimEdit::IntendCopies { .. }
            | ClaimEdit::SettleCopies
            | ClaimEdit::IntendTenant { .. }
            | ClaimEdit::TenantStarted { .. }
            | ClaimEdit::PinTenant { .. }
            | ClaimEdit::IntendActivation(_)
            | ClaimEdit::Tell { .. }
            | ClaimEdit::Withdraw
            | ClaimEdit::Milestone { .. }
            | ClaimEdit::Activated { .. } => false,
        };
        stands.then_some(edit)
    }

    /// What happened and is not on record yet.
    fn open_records(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        if claim.unconfirmed_epoch.is_some() && !self.unconfirmed(claim) {
            return Some(ClaimEdit::Confirm);
        }
        let operation = self.seen.started.clone()?;
        Some(ClaimEdit::TenantStarted { operation })
    }

    fn unrecorded_milestone(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        ConditionType::MILESTONES.into_iter().find_map(|milestone| {
            let items = *self.seen.milestones.get(&milestone)?;
            let there = claim
                .timeline
                .iter()
                .any(|entry| entry.milestone == milestone.as_str());
            (!there).then_some(ClaimEdit::Milestone { milestone, items })
        })
    }

    /// There is no tenant, and nothing speaks against requesting one: `fold` has seen to that.
    fn create_tenant(&self, claim: &ResellerClaimSpec, reseller: &Reseller) -> Decision {
        let digest = settings_digest(&self.upgrade.tenant);
        match &claim.intents.create_tenant {
            Some(CreateTenantIntent {
                operation_id: Some(id),
                ..
            }) => self.act(Effect::Read(Read::Operation(OperationId(id.clone())))),
            Some(intent) if intent.settings_digest == digest => {
                if self.asks_about_creation() {
                    return self.look_afresh();
                }
                let keys = self.upgrade.keys(&reseller.account);
                self.act(Effect::CreateTenant(CreateTenant {
                    key: keys.tenant(),
                    request: keys.tenant_request(&self.upgrade.tenant, &intent.recorded_time),
                    settings: self.upgrade.tenant.clone(),
                    digest,
                }))
            }
            Some(_) => self.look_afresh(),
            None if self.unconfirmed(claim) => self.look_afresh(),
            None if on(Mutant::TenantBeforeRecord) => {
                let keys = self.upgrade.keys(&reseller.account);
                self.act(Effect::CreateTenant(CreateTenant {
                    key: keys.tenant(),
                    request: keys.tenant_request(&self.upgrade.tenant, "unrecorded"),
                    settings: self.upgrade.tenant.clone(),
                    digest,
                }))
            }
            None => self.act(Effect::Claim(ClaimEdit::IntendTenant { digest })),
        }
    }

    /// Whether the cluster's state went back and nobody has confirmed it yet.
    fn unconfirmed(&self, claim: &ResellerClaimSpec) -> bool {
        claim
            .unconfirmed_epoch
            .is_some_and(|epoch| !self.upgrade.confirms(&epoch.to_string()))
            && !on(Mutant::RestoreUnconfirmed)
    }

    /// Without epochs, a tenant under our own key of which the record knows nothing is the sign that
    /// the cluster's state went back.
    fn misses(&self, claim: &ResellerClaimSpec, reseller: &Reseller, tenant: &Tenant) -> bool {
        let unfenced = self
            .seen
            .ways
            .as_ref()
            .is_some_and(|ways| ways.fencing == Fencing::SingleOperator);
        unfenced
            // Once a person has confirmed it, the tenant is adopted.
            && claim.confirmed_epoch.is_none()
            && claim.tenant_id.is_none()
            && claim.unconfirmed_epoch.is_none()
            && claim.intents.create_tenant.is_none()
            && tenant.business_key.as_ref() == Some(&self.upgrade.keys(&reseller.account).tenant())
    }

    /// The tenant wants an access of its own, and the spec names none yet.
    fn awaits_tenant_connection(&self, tenant: &TenantId) -> Option<Decision> {
        let own = self.seen.ways.as_ref()?.tenant_access == TenantAccess::Own;
        let missing = self.upgrade.tenant_connection == TenantConnection::NotNamed;
        (own && missing).then(|| Decision {
            effect: None,
            state: State {
                reason: Reason::AwaitingTenantConnection,
                message: "The tenant has an access of its own; the distributor's is not enough."
                    .to_owned(),
                next_action: format!(
                    "Create a BssConnection with the access of tenant {tenant} and name it in \
                     spec.tenantConnectionRef; the operator goes on by itself."
                ),
            },
            next: Next::After(self.upgrade.pace.recheck),
        })
    }

    fn stage(&self, claim: &ResellerClaimSpec, reseller: &Reseller, tenant: &TenantId) -> Decision {
        if let Some(decision) = self.awaits_tenant_connection(tenant) {
            return decision;
        }
        if self.seen.stage == Stage::Pricing
            && let Some(work) = self.pricing_to_set()
        {
            return self.act(Effect::Work(work));
        }
        if let Some(sweep) = &self.seen.sweep {
            if !sweep.begun()
                && let Some(decision) = self.settles_after_copies(claim)
            {
                return decision;
            }
            return match sweep.wanted() {
                Wanted::Pages(pages) => self.act(Effect::Read(Read::Pages(pages))),
                Wanted::Inspect(calls) => self.act(Effect::Read(Read::Inspect(calls))),
                Wanted::Find(keys) => self.act(Effect::Read(Read::Find(keys))),
                Wanted::Copy(batches) => self.copy(claim, sweep.listing(), batches),
                Wanted::Nothing => self.look_afresh(),
            };
        }
        match (self.seen.stage, &self.seen.clean) {
            (Stage::Orders, _) => {
                let limit = self.seen.capabilities.as_ref().map_or(1, |c| c.page_size);
                self.act(Effect::Read(Read::OpenOrders(PageRequest {
                    cursor: None,
                    limit,
                })))
            }
            (Stage::Activate, Some(clean)) => self.activate(claim, reseller, tenant, clean),
            (
                Stage::Opening
                | Stage::Customers
                | Stage::Owners
                | Stage::Pricing
                | Stage::CheckCustomers
                | Stage::Check
                | Stage::Copy
                | Stage::FinalCustomers
                | Stage::FinalPurchases
                | Stage::Activate
                | Stage::VerifyCustomers
                | Stage::VerifyPurchases
                | Stage::Done,
                _,
            ) => self.look_afresh(),
        }
    }

    /// Back ordering is on: the switch goes on record, then both sides are compared. Nothing is
    /// written to the BSS any more, so nothing of what writers need is asked for.
    fn verify(&self, claim: &ResellerClaimSpec) -> Decision {
        if let Some(edit) = self.record_of_end(claim) {
            return self.act(Effect::Claim(edit));
        }
        match (&self.seen.tenant, &self.seen.sweep) {
            (Some(Some(_)), Some(sweep)) => match sweep.wanted() {
                Wanted::Pages(pages) => self.act(Effect::Read(Read::Pages(pages))),
                Wanted::Inspect(_) | Wanted::Find(_) | Wanted::Copy(_) | Wanted::Nothing => {
                    self.look_afresh()
                }
            },
            (Some(_) | None, _) => self.look_afresh(),
        }
    }

    /// What an earlier process sent may still take effect where the BSS would make a second copy,
    /// or where nothing tells the BSS that its sender is not the present operator.
    fn settles_after_others(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        let ways = self.seen.ways.as_ref()?;
        let left = self.settling_since(self.seen.begun);
        // The record and these two quiet times guard the same moment: whoever came before may have
        // sent copies. Either is enough as long as the cluster's state does not go back, so that a
        // missing record does harm only where they are missing too.
        let on_record_alone = on(Mutant::CopiesBeforeRecord);
        if !on_record_alone
            && ways.fencing == Fencing::SingleOperator
            && let Some(left) = left
        {
            return Some(Self::settles(
                left,
                "what an earlier operator may have sent",
            ));
        }
        // Whoever was at work before may have sent copies that reads do not show yet, and the record
        // that names them may be gone with the cluster's state, which shows no sign of it where no
        // epoch was issued in between.
        if !on_record_alone
            && ways.copying == Copying::LookUpFirst
            && self.seen.followed.is_some()
            && let Some(left) = self.settling_since(self.seen.followed)
        {
            return Some(Self::settles(
                left,
                "copies of which the record may know nothing",
            ));
        }
        let open = claim.intents.copies.is_some() && self.seen.copies_were_open == Some(true);
        if ways.copying == Copying::LookUpFirst && open {
            return Some(match left {
                Some(left) => Self::settles(left, "copies that were sent before the restart"),
                None => self.act(Effect::Claim(ClaimEdit::SettleCopies)),
            });
        }
        None
    }

    /// A switch that an earlier life asked for may still take effect. Where copies are not refused
    /// after it, none is made before that time is over and the reseller was looked at again.
    fn settles_after_a_switch(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        let ways = self.seen.ways.as_ref()?;
        let copies = matches!(
            self.seen.stage,
            Stage::Opening
                | Stage::Customers
                | Stage::Owners
                | Stage::Pricing
                | Stage::CheckCustomers
                | Stage::Check
                | Stage::Copy
        );
        if ways.off_guard != Strength::Weak || claim.intents.activate.is_none() || !copies {
            return None;
        }
        // Another leader may have asked for it in the middle of this life.
        let followed = self.seen.followed.unwrap_or_default();
        let begun = self.seen.begun?.max(followed);
        if let Some(left) = self.settling_since(Some(begun)) {
            return Some(Self::settles(left, "a switch that was asked for before"));
        }
        let settled = begun.saturating_add(self.upgrade.terms.settle);
        let fresh = self.seen.reseller_read.is_some_and(|read| read >= settled);
        (!fresh).then(|| self.act(Effect::Read(Read::Reseller)))
    }

    /// Where the BSS would make a second copy, a sweep begins only when what this process sent has
    /// taken effect or never will, and when reads show it.
    fn settles_after_copies(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        let ways = self.seen.ways.as_ref()?;
        if ways.copying != Copying::LookUpFirst {
            return None;
        }
        let sent = self.seen.sent;
        if let Some(left) = sent.and_then(|sent| self.settling_since(Some(sent))) {
            return Some(Self::settles(left, "the copies that were sent"));
        }
        (claim.intents.copies.is_some()).then(|| self.act(Effect::Claim(ClaimEdit::SettleCopies)))
    }

    /// How long until nothing from before that moment can take effect any more.
    fn settling_since(&self, moment: Option<Duration>) -> Option<Duration> {
        if on(Mutant::QuietTimeSkipped) {
            return None;
        }
        let until = moment
            .unwrap_or(self.now.monotonic)
            .saturating_add(self.upgrade.terms.settle);
        until
            .checked_sub(self.now.monotonic)
            .filter(|left| !left.is_zero())
    }

    fn settles(left: Duration, what: &str) -> Decision {
        Decision {
            effect: None,
            state: State {
                reason: Reason::Settling,
                message: format!("A quiet time runs, until nothing of {what} can be under way."),
                next_action: "Nothing: the operator goes on by itself. The time is \
                              limits.settleSeconds of the connection."
                    .to_owned(),
            },
            next: Next::After(left),
        }
    }

    /// What the price list permits: looked at between two looks at the tenant that is queued, as long
    /// as these succeed.
    fn foresee(&self) -> Option<Foresee> {
        let look = self.seen.foresight.looking()?;
        let waits = self.seen.trouble.is_none() && self.seen.may_write();
        (waits && !look.rests()).then(|| look.wanted()).flatten()
    }

    /// Whether a person has to say what came of a creation whose outcome is unknown.
    fn asks_about_creation(&self) -> bool {
        self.seen.creation_unknown == Some(true)
            && self
                .seen
                .ways
                .as_ref()
                .is_none_or(|ways| ways.copying == Copying::LookUpFirst)
    }

    /// Whether a person does an operation, and how is known already.
    fn by_hand(&self, operation: WriteOperation) -> bool {
        let doer = self.seen.ways.as_ref().map(|ways| ways.doer(operation));
        doer == Some(Doer::Person) || self.seen.instructions.contains_key(&operation)
    }

    /// Copies. A BSS that leaves it to people is asked with one item, for its instruction; one that
    /// would make a second copy is asked for no more than what stands on record.
    fn copy(
        &self,
        claim: &ResellerClaimSpec,
        listing: CopyListing,
        mut batches: Vec<Vec<CopyItem>>,
    ) -> Decision {
        let operation = match listing {
            CopyListing::Customers => WriteOperation::CopyCustomers,
            CopyListing::Subscriptions => WriteOperation::CopySubscriptions,
        };
        let ways = self.seen.ways.as_ref();
        if ways.is_some_and(|ways| ways.doer(operation) == Doer::PersonByInstruction) {
            batches.truncate(1);
            if let Some(batch) = batches.first_mut() {
                batch.truncate(1);
            }
        } else if ways.is_none_or(|ways| ways.copying == Copying::LookUpFirst) {
            let mut room = MOST_COPIES_ON_RECORD;
            for batch in &mut batches {
                batch.truncate(room);
                room = room.saturating_sub(batch.len());
            }
            batches.retain(|batch| !batch.is_empty());
            let sources: Vec<SourceId> = batches
                .iter()
                .flatten()
                .map(|item| item.source.clone())
                .collect();
            let recorded = claim.intents.copies.as_ref().is_some_and(|intent| {
                let on_record = intent.source_ids.iter().map(String::as_str);
                on_record.eq(sources.iter().map(SourceId::as_str))
            });
            if !recorded && !on(Mutant::CopiesBeforeRecord) {
                return self.act(Effect::Claim(ClaimEdit::IntendCopies { sources }));
            }
        }
        self.act(Effect::Work(match listing {
            CopyListing::Customers => Work::CopyCustomers(batches),
            CopyListing::Subscriptions => Work::CopySubscriptions(batches),
        }))
    }

    /// A stage without its sweep: reading the tenant begins it.
    fn look_afresh(&self) -> Decision {
        self.act(Effect::Read(Read::Tenant))
    }

    /// Declared options that were not sent in this life, then defaults. What failed is tried again
    /// with the next look, not in this one.
    fn pricing_to_set(&self) -> Option<Work> {
        if self.seen.sweep.as_ref().is_some_and(super::Sweep::begun)
            || self.by_hand(WriteOperation::SetPricing)
        {
            return None;
        }
        let untried = |customer: &SourceId, options: &PricingOptions| {
            self.seen.tried_now.get(customer) != Some(options)
        };
        let closed = self.seen.reached(ConditionType::SubscriptionsCopied);
        let declared = self.upgrade.declared.iter().filter(|_| !closed);
        let mut wanted: BTreeMap<SourceId, PricingOptions> = declared
            .map(|(customer, declared)| (customer, &declared.options))
            .filter(|(customer, options)| {
                let applied = self.seen.applied.get(*customer);
                let done = applied.is_some_and(|(sent, how)| sent == *options && settled(how));
                !done && untried(customer, options)
            })
            .map(|(customer, options)| (customer.clone(), options.clone()))
            .collect();
        if wanted.is_empty()
            && let Some(default) = &self.upgrade.default_pricing
        {
            let customers = self
                .seen
                .to_default
                .iter()
                .filter(|id| untried(id, default));
            wanted = customers.map(|id| (id.clone(), default.clone())).collect();
        }
        if wanted.is_empty() {
            return None;
        }
        let batch = self
            .seen
            .capabilities
            .as_ref()
            .map_or(1, |c| usize::from(c.largest_batch));
        let all: Vec<(SourceId, PricingOptions)> = wanted.into_iter().collect();
        let batches = all
            .chunks(batch.max(1))
            .map(|c| c.iter().cloned().collect())
            .collect();
        Some(Work::SetPricing(batches))
    }

    fn activate(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
        tenant: &TenantId,
        clean: &CleanFinalSweep,
    ) -> Decision {
        if self.seen.sweep_is_old(self.now.monotonic)
            || self.unconfirmed(claim)
            || reseller.back_ordering != BackOrdering::Off
        {
            return self.look_afresh();
        }
        if self.by_hand(WriteOperation::ActivateBackOrdering) {
            return self.act(Effect::Claim(ClaimEdit::Tell {
                digest: clean.digest().to_owned(),
            }));
        }
        let intent = claim
            .intents
            .activate
            .as_ref()
            .filter(|intent| intends(intent, clean));
        let Some(intent) = intent else {
            return self.act(Effect::Claim(ClaimEdit::IntendActivation(clean.clone())));
        };
        let freezes = self.seen.ways.as_ref().is_none_or(Ways::freezes);
        if freezes && !self.seen.still_frozen && !on(Mutant::OrderingNotFrozen) {
            return self.act(Effect::Read(Read::Reseller));
        }
        let keys = self.upgrade.keys(&reseller.account);
        self.act(Effect::Activate(Activate::new(
            &keys,
            tenant,
            (clean.clone(), &intent.recorded_time),
        )))
    }
}

/// Whether an intent is that of a final sweep.
#[must_use]
pub fn intends(intent: &ActivationIntent, sweep: &CleanFinalSweep) -> bool {
    let revision = intent.revision.and_then(|r| u64::try_from(r).ok());
    revision == sweep.revision().map(|r| r.0) && intent.inventory_digest == sweep.digest()
}

/// What people read at the end.
#[must_use]
pub fn success(reseller: Option<&Reseller>) -> &'static str {
    if reseller.is_some_and(|reseller| !reseller.ordering_enabled) {
        "The reseller is a tenant reseller; back ordering is on. Ordering is still disabled for its \
         account in the distributor's BSS."
    } else {
        "The reseller is a tenant reseller; back ordering is on."
    }
}

/// Whether declared options need not be sent again.
fn settled(outcome: &PricingOutcome) -> bool {
    match outcome {
        PricingOutcome::Written | PricingOutcome::Unchanged => true,
        PricingOutcome::Differs(_) | PricingOutcome::Failed(_) | PricingOutcome::Unknown => false,
    }
}

/// What people read of an upgrade that is suspended.
#[must_use]
pub fn at_rest() -> State {
    suspended("All work on this upgrade rests.")
}

fn suspended(message: &str) -> State {
    State {
        reason: Reason::Suspended,
        message: message.to_owned(),
        next_action: RESUME.to_owned(),
    }
}

fn suspending(message: &str) -> State {
    State {
        reason: Reason::Suspending,
        message: message.to_owned(),
        next_action: RESUME.to_owned(),
    }
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "Looking at the reseller and its tenant.",
        Stage::Customers | Stage::Owners => "Copying customers.",
        Stage::Pricing => "Looking at the customers' pricing options.",
        Stage::CheckCustomers | Stage::Check => "Checking every subscription and asset.",
        Stage::Copy => "Copying subscriptions and assets.",
        Stage::Orders | Stage::FinalCustomers | Stage::FinalPurchases => {
            "Looking at everything once more before the switch."
        }
        Stage::Activate => "Activating back ordering.",
        Stage::VerifyCustomers | Stage::VerifyPurchases => {
            "Back ordering is on; comparing both sides item by item."
        }
        Stage::Done => "Back ordering is on; putting it on record.",
    }
}
