//! What this BSS does not show, and what it cannot tell for certain: the last step of every reply that
//! would show it. The data underneath is as exact as ever.

use crate::bss::reference::contract::{
    Blocker, BlockerReason, Copy, CopyState, Customer, LinkKind, PricingState, PurchaseState,
    Subscription, Tenant, Unseen,
};
use crate::sandbox::store::Tx;

/// A tenant as it is shown.
pub(super) fn tenant(tx: &Tx<'_>, mut tenant: Tenant) -> Tenant {
    let hides = |fact: Unseen| tx.switches.unseen.contains(&fact);
    let settings = &mut tenant.settings;
    if hides(Unseen::PriceList) {
        settings.price_list = None;
    }
    if hides(Unseen::Edition) {
        settings.edition = None;
    }
    if hides(Unseen::Language) {
        settings.language = None;
    }
    if hides(Unseen::TimeZone) {
        settings.time_zone = None;
    }
    if hides(Unseen::DateFormat) {
        settings.date_format = None;
    }
    if hides(Unseen::Invoicing) {
        settings.invoicing = None;
    }
    if hides(Unseen::TenantCurrency) {
        tenant.currency = None;
    }
    tenant
}

/// A customer as it is shown.
pub(super) fn customer(tx: &Tx<'_>, mut customer: Customer) -> Customer {
    if tx.switches.unseen.contains(&Unseen::Sync) {
        customer.sync = None;
    }
    if tx.switches.unseen.contains(&Unseen::CustomerMark) {
        customer.marked = None;
    }
    customer
}

/// A subscription or asset as it is shown.
pub(super) fn purchase(tx: &Tx<'_>, mut purchase: Subscription) -> rusqlite::Result<Subscription> {
    if tx.switches.unseen.contains(&Unseen::PurchaseMark) {
        purchase.marked = None;
    }
    if let Some(word) = doubt(tx, &purchase.id)? {
        purchase.state = PurchaseState::Unclear;
        purchase.state_word = Some(word);
    }
    Ok(purchase)
}

/// A copy as it is shown.
pub(super) fn copy(tx: &Tx<'_>, mut copy: Copy) -> rusqlite::Result<Copy> {
    match tx.switches.links {
        // Where the link is kept, so is the key that tells what it is a copy of.
        LinkKind::Stored => copy.kind = None,
        LinkKind::Inferred => {
            copy.link = LinkKind::Inferred;
            copy.business_key = None;
            copy.source_digest = None;
        }
    }
    if let Some(why) = doubt(tx, &copy.id)? {
        copy.state = CopyState::Unclear;
        copy.unclear = Some(why);
    }
    Ok(copy)
}

/// What makes a record unclear: the word for its state, or why its source cannot be told.
fn doubt(tx: &Tx<'_>, id: &str) -> rusqlite::Result<Option<String>> {
    tx.one("SELECT why FROM doubts WHERE id = ?1", [id], |row| {
        row.get(0)
    })
}

/// Pricing options as they are shown.
pub(super) fn pricing(tx: &Tx<'_>, state: PricingState) -> PricingState {
    if !tx.switches.unseen.contains(&Unseen::PricingOptions) {
        return state;
    }
    PricingState {
        digest: None,
        missing: Vec::new(),
        unseen: true,
        ..state
    }
}

/// The reasons of a check as far as it looks: the rest is for the screen that copies.
pub(super) fn checked(tx: &Tx<'_>, mut reasons: Vec<Blocker>) -> Vec<Blocker> {
    if tx.switches.unseen.contains(&Unseen::PurchaseChecks) {
        reasons.retain(|blocker| {
            !matches!(
                blocker.reason,
                BlockerReason::BillingCycleMissing | BlockerReason::AddonMissing
            )
        });
    }
    reasons
}
