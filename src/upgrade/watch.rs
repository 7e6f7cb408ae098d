//! The cheap look while people have to act: one read that answers differently once they have. It only
//! brings the look at everything forward; nothing is decided by it.

use super::effect::{InspectCalls, PagesRequest, Read};
use super::observed::Observed;
use super::valid::ValidUpgrade;
use crate::api::Reason;
use crate::bss::port::{
    AccountId, BlockerReason, BusinessKey, CheckTarget, CopyListing, ItemKind, PageRequest,
    SourceId, TenantId,
};

/// The read that tells whether people have done their part, if a single one can.
pub(super) fn cheap_look(upgrade: &ValidUpgrade, seen: &Observed, reason: Reason) -> Option<Read> {
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
