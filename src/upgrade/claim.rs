//! The record: what an edit makes of a claim, and who may take one over.

use jiff::Timestamp;

use super::annotations::Suspension;
use super::effect::{ClaimEdit, WentBack};
use super::known::{Approval, CleanFinalSweep};
use crate::api::{
    ActivationIntent, ClaimAcquisition, ClaimHolder, ClaimTold, ConfirmedCopy, CopiesIntent,
    CreateTenantIntent, ResellerClaimSpec, TenantResellerUpgrade, TenantResellerUpgradeStatus,
    TimelineEntry,
};
use crate::bss::port::{AcquisitionId, EarlierEpoch, IssuedEpoch, WriteOperation};

/// The approval of a switch that this record did not bring about.
pub(super) const FOUND_ACTIVE: &str = "FoundActive";

/// Who holds the reseller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holding {
    /// This upgrade, with the record as it stands.
    Ours(Box<ResellerClaimSpec>),
    /// Another upgrade.
    Other(ClaimHolder),
}

/// Whether a claim may be taken from its holder, which was just read live: only if the holder is
/// gone, is another object of the same name, or has finished. Never by age.
#[must_use]
pub fn may_take_over(holder: &ClaimHolder, live: Option<&TenantResellerUpgrade>) -> bool {
    let Some(upgrade) = live else { return true };
    if upgrade.metadata.uid.as_deref() != Some(holder.uid.as_str()) {
        return true;
    }
    upgrade.status.as_ref().is_some_and(finished)
}

/// Whether an upgrade is done.
#[must_use]
pub(super) fn finished(status: &TenantResellerUpgradeStatus) -> bool {
    status.conditions.iter().any(|c| {
        c.type_ == crate::api::ConditionType::Succeeded.as_str()
            && c.status == crate::api::ConditionStatus::True
    })
}

/// So many attempts to acquire an epoch stay on record.
const MOST_ACQUISITIONS: usize = 16;

/// The attempt is the latest one on record.
fn acquires(claim: &mut ResellerClaimSpec, id: &AcquisitionId, epoch: Option<i64>) {
    let all = &mut claim.acquisitions;
    all.retain(|known| known.id != id.as_str());
    all.push(ClaimAcquisition {
        id: id.0.clone(),
        epoch,
    });
    let surplus = all.len().saturating_sub(MOST_ACQUISITIONS);
    all.drain(..surplus);
    claim.acquisition_pending = is_open(all);
}

/// Whether the outcome of the latest attempt was not heard yet.
fn is_open(acquisitions: &[ClaimAcquisition]) -> bool {
    acquisitions.last().is_some_and(|last| last.epoch.is_none())
}

/// The epoch of a record; 0 if none was issued for it.
pub(super) fn epoch_of(claim: &ResellerClaimSpec) -> u64 {
    let epoch = claim.epoch.and_then(|epoch| u64::try_from(epoch).ok());
    epoch.unwrap_or(0)
}

/// Whether this attempt is on record.
pub(super) fn knows_attempt(claim: &ResellerClaimSpec, id: &AcquisitionId) -> bool {
    let mut all = claim.acquisitions.iter();
    all.any(|known| known.id == id.as_str())
}

/// Whether the BSS has issued epochs of which the record knows nothing: then the record is older than
/// the BSS, because the cluster's state went back or another operator was at work.
///
/// Each attempt is on record before it is sent. So an epoch whose attempt is on record is this
/// operator's own: its reply was lost, or it took effect late. A BSS that remembers no attempts leaves
/// only their number: there may be as many epochs as there are attempts without an answer.
pub(super) fn went_back(claim: &ResellerClaimSpec, issued: &IssuedEpoch) -> WentBack {
    let known = epoch_of(claim);
    if issued.previous.0 <= known {
        return WentBack::No;
    }
    let own = if issued.earlier.is_empty() {
        // Attempts without an answer since the last one that was answered; the present one is the last
        // of them.
        let unheard = claim.acquisitions.iter().rev();
        let unheard = unheard
            .take_while(|attempt| attempt.epoch.is_none())
            .count();
        let between = issued.previous.0.saturating_sub(known);
        between < u64::try_from(unheard).unwrap_or(u64::MAX)
    } else {
        let own = |earlier: &EarlierEpoch| {
            let attempt = earlier.acquisition.as_ref();
            attempt.is_some_and(|attempt| knows_attempt(claim, attempt))
        };
        let told = &issued.earlier;
        let mut since = told.iter().filter(|earlier| earlier.epoch.0 > known);
        // The list reaches back as far as the record, unless it is cut.
        let whole = told.len() < MOST_ACQUISITIONS || told.iter().any(|e| e.epoch.0 <= known);
        let latest = told.first().map(|latest| latest.epoch);
        whole && latest == Some(issued.previous) && since.all(own)
    };
    if own { WentBack::No } else { WentBack::Yes }
}

/// The record after an edit. `Take` leaves all but the holder as it is.
#[must_use]
pub fn apply(edit: &ClaimEdit, claim: &ResellerClaimSpec, now: Timestamp) -> ResellerClaimSpec {
    let mut next = claim.clone();
    match edit {
        ClaimEdit::Take => {}
        ClaimEdit::BeginAcquire(id) => acquires(&mut next, id, None),
        ClaimEdit::EndAcquire(id) => acquisition_ended(&mut next, id),
        ClaimEdit::RecordEpoch {
            acquisition,
            epoch,
            went_back,
            suspension,
        } => {
            record_epoch(&mut next, acquisition, *epoch);
            next.suspended = *suspension == Suspension::Suspended;
            if *went_back == WentBack::Yes {
                next.unconfirmed_epoch = next.epoch;
            }
        }
        // There is no epoch to name. A number that comes only once, so that what a person confirmed
        // before confirms nothing now.
        ClaimEdit::WentBack => next.unconfirmed_epoch = Some(now.as_second()),
        ClaimEdit::Confirm => next.confirmed_epoch = next.unconfirmed_epoch.take(),
        ClaimEdit::IntendCopies { sources } => {
            next.intents.copies = Some(CopiesIntent {
                source_ids: sources.iter().map(|id| id.0.clone()).collect(),
                recorded_time: now.to_string(),
            });
        }
        ClaimEdit::SettleCopies => next.intents.copies = None,
        ClaimEdit::IntendTenant { digest } => {
            // What was confirmed before knew nothing of this tenant: another restore is asked about.
            next.confirmed_epoch = None;
            next.intents.create_tenant = Some(CreateTenantIntent {
                settings_digest: digest.clone(),
                operation_id: None,
                recorded_time: now.to_string(),
            });
        }
        ClaimEdit::TenantStarted { operation } => {
            of_creation(&mut next, Some(operation.0.clone()));
        }
        ClaimEdit::ForgetOperation => of_creation(&mut next, None),
        ClaimEdit::DropTenantIntent => next.intents.create_tenant = None,
        ClaimEdit::PinTenant { tenant, currency } => {
            next.tenant_id = Some(tenant.0.clone());
            next.tenant_currency.clone_from(currency);
        }
        ClaimEdit::DropActivationIntent => next.intents.activate = None,
        ClaimEdit::IntendActivation(sweep) => intend_activation(&mut next, sweep, now),
        ClaimEdit::Tell { digest, pricing } => tell(&mut next, digest, pricing.as_deref(), now),
        ClaimEdit::ConfirmCopies(pairs) => {
            next.confirmed_copies = pairs
                .iter()
                .map(|(source, copy)| ConfirmedCopy {
                    source_id: source.0.clone(),
                    copy_id: copy.0.clone(),
                })
                .collect();
        }
        ClaimEdit::ConfirmPricing(token) => next.confirmed_pricing = Some(token.clone()),
        ClaimEdit::Withdraw => next.told = None,
        ClaimEdit::Milestone { milestone, items } => reached(&mut next, *milestone, *items, now),
        ClaimEdit::Activated { approval } => activated(&mut next, *approval, now),
    }
    next
}

fn acquisition_ended(claim: &mut ResellerClaimSpec, id: &AcquisitionId) {
    claim.acquisitions.retain(|known| known.id != id.as_str());
    claim.acquisition_pending = is_open(&claim.acquisitions);
}

fn record_epoch(claim: &mut ResellerClaimSpec, acquisition: &AcquisitionId, epoch: u64) {
    let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
    acquires(claim, acquisition, Some(epoch));
    claim.epoch = Some(epoch);
}

/// The operation that creates the tenant, if the request for it stands.
fn of_creation(claim: &mut ResellerClaimSpec, operation: Option<String>) {
    if let Some(intent) = &mut claim.intents.create_tenant {
        intent.operation_id = operation;
    }
}

fn intend_activation(claim: &mut ResellerClaimSpec, sweep: &CleanFinalSweep, now: Timestamp) {
    claim.intents.activate = Some(ActivationIntent {
        revision: sweep
            .revision()
            .and_then(|revision| i64::try_from(revision.0).ok()),
        inventory_digest: sweep.digest().to_owned(),
        recorded_time: now.to_string(),
    });
}

/// A person is told of an inventory once: what was told of the same one keeps its time.
fn tell(claim: &mut ResellerClaimSpec, digest: &str, pricing: Option<&str>, now: Timestamp) {
    let stands = claim.told.as_ref();
    let same = |told: &ClaimTold| {
        told.inventory_digest == digest && told.pricing_digest.as_deref() == pricing
    };
    if !stands.is_some_and(same) {
        claim.told = Some(ClaimTold {
            operation: WriteOperation::ActivateBackOrdering.as_str().to_owned(),
            inventory_digest: digest.to_owned(),
            pricing_digest: pricing.map(str::to_owned),
            recorded_time: now.to_string(),
        });
    }
}

fn reached(
    claim: &mut ResellerClaimSpec,
    milestone: crate::api::ConditionType,
    items: i64,
    now: Timestamp,
) {
    let known = &claim.timeline;
    if known
        .iter()
        .any(|entry| entry.milestone == milestone.as_str())
    {
        return;
    }
    let started = known
        .last()
        .and_then(|entry| entry.completed_time.clone())
        .or_else(|| {
            let intent = claim.intents.create_tenant.as_ref();
            intent.map(|intent| intent.recorded_time.clone())
        });
    claim.timeline.push(TimelineEntry {
        milestone: milestone.as_str().to_owned(),
        started_time: started,
        completed_time: Some(now.to_string()),
        items,
    });
}

fn activated(claim: &mut ResellerClaimSpec, approval: Option<Approval>, now: Timestamp) {
    claim.activation_time = Some(now.to_string());
    // An open intent means that this operator asked for it, though the reply was lost. What a person
    // was told is taken back before the operator asks, so that only one of them stands.
    let intent = claim.intents.activate.take();
    let told = claim.told.take();
    let approval = match (approval, &intent, &told) {
        (Some(approval), _, _) => approval.as_str(),
        (None, Some(_), _) => Approval::Automatic.as_str(),
        (None, None, Some(_)) => Approval::ManualStep.as_str(),
        (None, None, None) => FOUND_ACTIVE,
    };
    claim.approval = Some(approval.to_owned());
    claim.pricing_digest = told.as_ref().and_then(|told| told.pricing_digest.clone());
    claim.inventory_digest = intent
        .map(|intent| intent.inventory_digest)
        .or_else(|| told.map(|told| told.inventory_digest));
    claim.intents.create_tenant = None;
}
