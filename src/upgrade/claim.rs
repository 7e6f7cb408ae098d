//! The record: what an edit makes of a claim, and who may take one over.

use jiff::Timestamp;

use super::effect::{ClaimEdit, WentBack};
use super::observed::Approval;
use crate::api::{
    ActivationIntent, ClaimHolder, CreateTenantIntent, ResellerClaimSpec, TenantResellerUpgrade,
    TenantResellerUpgradeStatus, TimelineEntry,
};

/// Who holds the reseller.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The record after an edit. `Take` leaves all but the holder as it is.
#[must_use]
pub fn apply(edit: &ClaimEdit, claim: &ResellerClaimSpec, now: Timestamp) -> ResellerClaimSpec {
    let mut next = claim.clone();
    match edit {
        ClaimEdit::Take => {}
        ClaimEdit::BeginAcquire => next.acquiring = true,
        ClaimEdit::RecordEpoch { epoch, went_back } => {
            let epoch = i64::try_from(*epoch).unwrap_or(i64::MAX);
            next.acquiring = false;
            next.epoch = Some(epoch);
            if *went_back == WentBack::Yes {
                next.unconfirmed_epoch = Some(epoch);
            }
        }
        ClaimEdit::Confirm => next.unconfirmed_epoch = None,
        ClaimEdit::IntendTenant { digest } => {
            next.intents.create_tenant = Some(CreateTenantIntent {
                settings_digest: digest.clone(),
                operation_id: None,
                recorded_time: now.to_string(),
            });
        }
        ClaimEdit::TenantStarted { operation } => {
            if let Some(intent) = &mut next.intents.create_tenant {
                intent.operation_id = Some(operation.0.clone());
            }
        }
        ClaimEdit::DropTenantIntent => next.intents.create_tenant = None,
        ClaimEdit::PinTenant(tenant) => {
            next.tenant_id = Some(tenant.0.clone());
        }
        ClaimEdit::IntendActivation(sweep) => {
            next.intents.activate = Some(ActivationIntent {
                revision: i64::try_from(sweep.revision().0).unwrap_or(i64::MAX),
                inventory_digest: sweep.digest().to_owned(),
                recorded_time: now.to_string(),
            });
        }
        ClaimEdit::Milestone { milestone, items } => {
            if !next
                .timeline
                .iter()
                .any(|entry| entry.milestone == milestone.as_str())
            {
                let started = next
                    .timeline
                    .last()
                    .and_then(|entry| entry.completed_time.clone());
                next.timeline.push(TimelineEntry {
                    milestone: milestone.as_str().to_owned(),
                    started_time: started,
                    completed_time: Some(now.to_string()),
                    items: *items,
                });
            }
        }
        ClaimEdit::Activated { approval } => {
            next.activation_time = Some(now.to_string());
            let intent = next.intents.activate.take();
            // An intent that stands was recorded under an approval, and whoever recorded it may
            // not have lived to see the reply.
            let intended = intent.is_some().then_some(Approval::Automatic);
            next.inventory_digest = intent.map(|intent| intent.inventory_digest);
            next.approval = Some(
                match approval.or(intended) {
                    Some(Approval::Automatic) => "Automatic",
                    None => "FoundActive",
                }
                .to_owned(),
            );
            next.intents.create_tenant = None;
        }
    }
    next
}
