//! The cheap look while people have to act: which single read answers differently once they have. It brings
//! the look at everything forward, and decides nothing.

use crate::api::Reason;
use crate::bss::port::{
    AccountId, BlockerReason, BusinessKey, CheckTarget, CopyListing, Freshness, ItemKind, Keys,
    PageRequest, SourceId, TenantId,
};
use crate::upgrade::effect::{CheapLook, SweepCall};
use crate::upgrade::known::{Known, Telling};
use crate::upgrade::validated::ValidUpgrade;

/// Where it shows that people have done their part.
enum Sign {
    /// At the tenant.
    Tenant,
    /// At the reseller.
    Reseller,
    /// At what a person had to do by hand.
    ManualStep,
    /// At pricing options that were missing.
    Pricing,
    /// At the checks that failed.
    Checks,
    /// At the copies that are in doubt.
    Copies,
}

fn sign_of(reason: Reason) -> Option<Sign> {
    match reason {
        Reason::TenantSuspended
        | Reason::TenantMissing
        | Reason::TenantReplaced
        | Reason::TenantSettingsDiffer => Some(Sign::Tenant),
        Reason::ResellerNotFound | Reason::ResellerNotBasic | Reason::ResellerMismatch => {
            Some(Sign::Reseller)
        }
        Reason::AwaitingManualStep => Some(Sign::ManualStep),
        Reason::AwaitingPricing => Some(Sign::Pricing),
        Reason::PrecheckFailed => Some(Sign::Checks),
        Reason::OrphanedCopy
        | Reason::DuplicateCopy
        | Reason::SourceChanged
        | Reason::CopyUnclear => Some(Sign::Copies),
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
        | Reason::Ready
        | Reason::WriteRefused
        | Reason::AnotherOperator => None,
    }
}

/// The read that tells whether people have done their part, if a single one can.
pub(super) fn telling_read(
    upgrade: &ValidUpgrade,
    known: &Known,
    reason: Reason,
) -> Option<CheapLook> {
    let capabilities = known.bss.capabilities.as_ref()?;
    let batch = usize::from(capabilities.largest_batch);
    let claim = known.fencing.claim.as_ref();
    let tenant = claim.and_then(|claim| claim.tenant_id.as_deref());
    let tenant = tenant.map(TenantId::from);
    match sign_of(reason)? {
        Sign::Tenant => Some(CheapLook::Tenant),
        Sign::Reseller => Some(CheapLook::Reseller),
        Sign::ManualStep => Some(manual_step(known, capabilities.page_size)),
        Sign::Pricing => {
            let unpriced = known.pricing.unpriced.iter().take(batch);
            let first: Vec<SourceId> = unpriced.cloned().collect();
            let at_hand = tenant.is_some() && !first.is_empty();
            at_hand.then_some(CheapLook::Call(SweepCall::Pricing(first)))
        }
        Sign::Checks => Some(match tenant {
            None => CheapLook::Reseller,
            Some(_) if known.findings.blockers.has(BlockerReason::AccountNotSynced) => {
                first_page(CopyListing::Customers, capabilities.page_size)
            }
            Some(tenant) => {
                let first = first_purchases(known, batch)?;
                CheapLook::Call(SweepCall::Check(CheckTarget::Tenant(tenant), first))
            }
        }),
        // Without keys nothing can be looked up by them.
        Sign::Copies if capabilities.promises.keys == Keys::None => None,
        Sign::Copies => {
            let account = AccountId::from(claim?.reseller_account_id.as_str());
            let keys = upgrade.keys(&account);
            let tenant = tenant?;
            let rows = known.findings.blockers.rows.iter().take(batch);
            let first: Vec<BusinessKey> = rows
                .filter_map(|row| Some(keys.item(&tenant, row.kind.kind()?, &row.source)))
                .collect();
            (!first.is_empty()).then_some(CheapLook::Call(SweepCall::Find(first)))
        }
    }
}

/// Copies that people make show as links of their sources; the tenant, ordering and back ordering show at
/// the reseller.
fn manual_step(known: &Known, page_size: u16) -> CheapLook {
    // The switch shows at the reseller, also where it copies.
    if known.activation.telling == Telling::Yes {
        return CheapLook::Reseller;
    }
    let first = known.findings.manual.rows.first();
    match first.and_then(|row| row.kind.kind()) {
        Some(ItemKind::Customer) => first_page(CopyListing::Customers, page_size),
        Some(ItemKind::Subscription | ItemKind::Asset) => {
            first_page(CopyListing::Subscriptions, page_size)
        }
        None => CheapLook::Reseller,
    }
}

fn first_page(listing: CopyListing, limit: u16) -> CheapLook {
    let page = PageRequest {
        cursor: None,
        limit,
        freshness: Freshness::Fresh,
    };
    CheapLook::Call(SweepCall::Sources(listing, page))
}

/// The first subscriptions and assets that something holds back, as many as one call takes.
fn first_purchases(known: &Known, batch: usize) -> Option<Vec<SourceId>> {
    let rows = known.findings.blockers.rows.iter();
    let mut first: Vec<SourceId> = rows
        .filter(|row| row.kind.kind() != Some(ItemKind::Customer))
        .map(|row| row.source.clone())
        .collect();
    // One item may be held back for several reasons.
    first.dedup();
    first.truncate(batch);
    (!first.is_empty()).then_some(first)
}
