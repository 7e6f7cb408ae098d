//! What this BSS does not show, and what it cannot tell for certain: the last step of every reply that
//! would show it. The data underneath is as exact as ever.

use std::collections::BTreeMap;

use crate::bss::adapters::reference::contract::{
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

/// What makes records unclear, by id: the word for a state, or why a source cannot be told. There are few,
/// and a page asks about each of its rows.
pub(super) struct Doubts(BTreeMap<String, String>);

impl Doubts {
    /// All of them.
    pub(super) fn of(tx: &Tx<'_>) -> rusqlite::Result<Self> {
        let all = tx.all("SELECT id, why FROM doubts", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(Self(all.into_iter().collect()))
    }

    fn about(&self, id: &str) -> Option<String> {
        self.0.get(id).cloned()
    }
}

/// A subscription or asset as it is shown.
pub(super) fn purchase(tx: &Tx<'_>, doubts: &Doubts, mut purchase: Subscription) -> Subscription {
    if tx.switches.unseen.contains(&Unseen::PurchaseMark) {
        purchase.marked = None;
    }
    if let Some(word) = doubts.about(&purchase.id) {
        purchase.state = PurchaseState::Unclear;
        purchase.state_word = Some(word);
    }
    purchase
}

/// A copy as it is shown.
pub(super) fn copy(tx: &Tx<'_>, doubts: &Doubts, mut copy: Copy) -> Copy {
    match tx.switches.links {
        // Where the link is kept, so is the key that tells what it is a copy of.
        LinkKind::Stored => copy.kind = None,
        LinkKind::Inferred => {
            copy.link = LinkKind::Inferred;
            copy.business_key = None;
            copy.source_digest = None;
        }
    }
    if let Some(why) = doubts.about(&copy.id) {
        copy.state = CopyState::Unclear;
        copy.unclear = Some(why);
    }
    copy
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
