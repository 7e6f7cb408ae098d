//! The reseller is held: the record in the cluster, the fencing epoch, and what a restore of the cluster
//! asks of people.

use crate::api::{CONFIRM_ANNOTATION, ClaimHolder, ConditionType, Reason, ResellerClaimSpec};
use crate::bss::port::{Reseller, Tenant};
use crate::upgrade::annotations::{Suspension, not_as_asked};
use crate::upgrade::claim::{Holding, knows_attempt, went_back};
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{ClaimEdit, Effect, WentBack};
use crate::upgrade::known::RecordAge;
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::telling::WasTold;
use crate::upgrade::report::ReadyState;
use crate::upgrade::report::messages::ready_state;
use crate::upgrade::strategy::{Copying, Fencing};

impl Decide<'_> {
    /// An epoch, issued and on record, before anything is written.
    pub(in crate::upgrade) fn epoch(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        (!self.known.may_write()).then(|| self.act(self.acquires(claim)))
    }

    /// The next step to an epoch. The attempt is on record before it is sent, so that an epoch whose
    /// number was never heard is known to be the operator's own.
    pub(super) fn acquires(&self, claim: &ResellerClaimSpec) -> Effect {
        let id = &self.known.fencing.acquisition;
        if let Some(issued) = &self.known.fencing.issued {
            return Effect::Claim(ClaimEdit::RecordEpoch {
                acquisition: id.clone(),
                epoch: issued.epoch.0,
                went_back: if self.known.fencing.record_age == RecordAge::Older {
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
        // A suspended upgrade takes nothing over.
        let works = self.upgrade.suspended == Suspension::Running;
        Effect::Acquire {
            id: id.clone(),
            take_over: self.upgrade.take_over.clone().filter(|_| works),
        }
    }

    /// A definite refusal goes on record at once, not after the wait: it unfreezes `spec.tenant`,
    /// which a person has to correct now.
    pub(in crate::upgrade) fn refusal_to_record(&self) -> Option<ClaimEdit> {
        let claim = self.known.fencing.claim.as_ref()?;
        let edit = self.known.fencing.refused.clone()?;
        concerns(&edit, claim).then_some(edit)
    }

    /// What happened and is not on record yet.
    pub(in crate::upgrade) fn open_records(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        if claim.unconfirmed_epoch.is_some() && !self.unconfirmed(claim) {
            return Some(ClaimEdit::Confirm);
        }
        if let Some(edit) = self.confirmed_copies(claim) {
            return Some(edit);
        }
        if let Some(token) = &self.known.pricing.confirmed
            && claim.confirmed_pricing.as_ref() != Some(token)
        {
            return Some(ClaimEdit::ConfirmPricing(token.clone()));
        }
        let operation = self.known.tenant.started.clone()?;
        Some(ClaimEdit::TenantStarted { operation })
    }

    /// Pairs that a person confirmed are on record before anything rests on them.
    fn confirmed_copies(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        let confirmed = &self.upgrade.confirmed_copies;
        let recorded = claim.confirmed_copies.iter();
        let recorded = recorded.map(|pair| (pair.source_id.as_str(), pair.copy_id.as_str()));
        let wanted = confirmed
            .iter()
            .map(|(source, copy)| (source.as_str(), copy.as_str()));
        (!recorded.eq(wanted)).then(|| ClaimEdit::ConfirmCopies(confirmed.clone()))
    }

    pub(in crate::upgrade) fn unrecorded_milestone(
        &self,
        claim: &ResellerClaimSpec,
    ) -> Option<ClaimEdit> {
        ConditionType::MILESTONES.into_iter().find_map(|milestone| {
            let items = *self.known.milestones.get(&milestone)?;
            let there = claim
                .timeline
                .iter()
                .any(|entry| entry.milestone == milestone.as_str());
            (!there).then_some(ClaimEdit::Milestone { milestone, items })
        })
    }

    /// Whether the cluster's state went back and no person has confirmed it yet.
    pub(super) fn unconfirmed(&self, claim: &ResellerClaimSpec) -> bool {
        claim
            .unconfirmed_epoch
            .is_some_and(|epoch| !self.upgrade.confirms(&epoch.to_string()))
    }

    /// Without epochs, a tenant under our own key of which the record knows nothing is the sign that
    /// the cluster's state went back.
    pub(in crate::upgrade) fn misses(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
        tenant: &Tenant,
    ) -> bool {
        let unfenced = self
            .known
            .bss
            .strategy
            .as_ref()
            .is_some_and(|strategy| strategy.fencing == Fencing::SingleOperator);
        unfenced
            // Once a person has confirmed it, the tenant is adopted.
            && claim.confirmed_epoch.is_none()
            && claim.tenant_id.is_none()
            && claim.unconfirmed_epoch.is_none()
            && claim.intents.create_tenant.is_none()
            && tenant.business_key.as_ref() == Some(&self.upgrade.keys(&reseller.account).tenant())
    }

    /// What an earlier process sent may still take effect where the BSS would make a second copy,
    /// or where nothing tells the BSS that its sender is not the present operator.
    pub(in crate::upgrade) fn settles_after_others(
        &self,
        claim: &ResellerClaimSpec,
    ) -> Option<Decision> {
        let strategy = self.known.bss.strategy.as_ref()?;
        let left = self.settling_since(self.known.began);
        // The record of open copies and these two quiet times both protect against copies that an earlier
        // operator sent. The quiet times still do so if the record was lost with the cluster's state.
        if strategy.fencing == Fencing::SingleOperator
            && let Some(left) = left
        {
            return Some(Self::settles(
                left,
                "what an earlier operator may have sent",
            ));
        }
        // An operator that worked before may have sent copies that reads do not show yet, and the record
        // that names them may be gone with the cluster's state, which shows no sign of it where no
        // epoch was issued in between.
        if strategy.copying == Copying::LookUpFirst
            && self.known.fencing.followed.is_some()
            && let Some(left) = self.settling_since(self.known.fencing.followed)
        {
            return Some(Self::settles(
                left,
                "copies of which the record may know nothing",
            ));
        }
        let open =
            claim.intents.copies.is_some() && self.known.fencing.copies_were_open == Some(true);
        if strategy.copying == Copying::LookUpFirst && open {
            return Some(match left {
                Some(left) => Self::settles(left, "copies that were sent before the restart"),
                None => self.act(Effect::Claim(ClaimEdit::SettleCopies)),
            });
        }
        None
    }
}

/// Whether the record is the one that this process knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    /// It is, or this process knew none.
    Continued,
    /// Another process acquired after this one, or the cluster's state went back.
    Replaced,
}

/// Whether the record still holds what a refusal is to strike from it.
fn concerns(refused: &ClaimEdit, claim: &ResellerClaimSpec) -> bool {
    match refused {
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
        | ClaimEdit::ConfirmCopies(_)
        | ClaimEdit::ConfirmPricing(_)
        | ClaimEdit::Milestone { .. }
        | ClaimEdit::Activated { .. } => false,
    }
}

fn claimed_by(other: &ClaimHolder) -> ReadyState {
    ready_state(
        Reason::ResellerClaimed,
        format!(
            "The upgrade {}/{} works on this reseller.",
            other.namespace, other.name
        ),
        "Delete one of the two upgrades.",
    )
}

impl Observe<'_> {
    pub(in crate::upgrade) fn claim(&mut self, holding: Holding) {
        let was_told = self.was_told();
        if let Some(other) = self.known.hold(holding) {
            self.stall(claimed_by(&other));
            return;
        }
        self.lift(&[Reason::ResellerClaimed]);
        // A write of the record may have taken its time: right before the switch it is looked again.
        self.known.activation.still_frozen = false;
        let spec = self.known.fencing.claim.clone();
        let spec = spec.as_ref();
        if self.compare_epochs(spec) == Record::Replaced {
            // It is not written over before the lease was asked and an epoch acquired anew, which also
            // tells how far the cluster's state went back.
            let copies = spec.is_some_and(|spec| spec.intents.copies.is_some());
            self.known.fencing.epoch = None;
            self.known.fencing.next_acquisition();
            self.known.fencing.copies_were_open = Some(copies);
            self.looks_are_old();
        }
        let intent = spec.and_then(|spec| spec.intents.create_tenant.as_ref());
        // An operation belongs to an open request. Where another process has closed it meanwhile, or
        // the record of it is gone, there is nothing to put on record any more.
        if intent.is_none_or(|intent| intent.operation_id.is_some()) {
            self.known.tenant.started = None;
        }
        let refused = self.known.fencing.refused.as_ref().zip(spec);
        if !refused.is_some_and(|(edit, spec)| concerns(edit, spec)) {
            self.known.fencing.refused = None;
        }
        self.told(was_told, spec);
        self.settle_on();
    }

    /// Whether the record, as it was known before, says that a person was told to press the switch.
    fn was_told(&self) -> WasTold {
        let before = self.known.fencing.claim.as_ref();
        if before.is_some_and(|claim| claim.told.is_some()) {
            WasTold::Yes
        } else {
            WasTold::NotKnown
        }
    }

    /// Compares the record with the epoch that this process was issued or works under. An issued epoch
    /// that is on record becomes the one that it works under.
    fn compare_epochs(&mut self, spec: Option<&ResellerClaimSpec>) -> Record {
        let fencing = &mut self.known.fencing;
        let epoch = spec
            .and_then(|spec| spec.epoch)
            .and_then(|epoch| u64::try_from(epoch).ok());
        let ours = spec.is_some_and(|spec| knows_attempt(spec, &fencing.acquisition));
        let issued = fencing.issued.as_ref().map(|issued| issued.epoch);
        let replaced = match (issued, fencing.epoch) {
            (Some(issued), _) if epoch == Some(issued.0) && ours => {
                fencing.epoch = Some(issued);
                fencing.next_acquisition();
                false
            }
            // Another process has recorded a later one, or the attempt is not on record any more.
            (Some(issued), _) => epoch >= Some(issued.0) || !ours,
            (None, Some(held)) => epoch != Some(held.0) || fencing.record_age == RecordAge::Older,
            (None, None) => false,
        };
        if replaced {
            Record::Replaced
        } else {
            Record::Continued
        }
    }

    /// The cluster's state went back: nothing irreversible until a person confirms.
    pub(super) fn unconfirmed(&self) -> Option<ReadyState> {
        let epoch = self.known.fencing.claim.as_ref()?.unconfirmed_epoch?;
        let confirmed = self.upgrade.confirms(&epoch.to_string());
        (!confirmed).then(|| {
            let other = not_as_asked(self.upgrade, &epoch.to_string());
            ready_state(
                Reason::AwaitingConfirmation,
                "The BSS knows a later epoch than the record in this cluster: the cluster's state \
                 went back, or another operator worked on this reseller; a suspension may be lost.",
                format!(
                    "{other}See that spec and suspension are as they should be, then confirm: \
                     kubectl annotate tru {} -n {} --overwrite {CONFIRM_ANNOTATION}={epoch}",
                    self.upgrade.name, self.upgrade.namespace
                ),
            )
        })
    }

    /// No epoch was issued for the attempt, and the record will say so.
    pub(super) fn ends_acquisition(&mut self) {
        let id = self.known.fencing.acquisition.clone();
        self.known.fencing.refused = Some(ClaimEdit::EndAcquire(id));
    }

    /// Others may write meanwhile: nothing that was looked up is good for a write any more.
    pub(super) fn looks_are_old(&mut self) {
        let past = self.known.stage.is_past_the_switch();
        if past {
            return;
        }
        let begin = self.known.stage.restart();
        self.known.enter(begin);
        self.known.tenant.seen = None;
        self.known.activation.sweeps_are_old();
    }
}
