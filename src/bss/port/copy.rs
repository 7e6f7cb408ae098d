//! Copying: what is sent for an item, what became of it, and what may stand in its way.

#![expect(
    missing_docs,
    reason = "most fields and variants say by their name what they are"
)]

use super::ids::{BusinessKey, Digest, PriceListId, SourceId, TenantId};
use super::listing::ItemKind;

/// One item to copy. The BSS compares the digests atomically with the copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CopyItem {
    pub source: SourceId,
    pub kind: ItemKind,
    pub key: BusinessKey,
    /// The source digest that was seen.
    pub expected_source: Digest,
    /// The digest of the copy that was seen; `None` is *absent*.
    pub expected_copy: Option<Digest>,
    /// The digest of the owner's pricing options; present for subscriptions and assets.
    pub pricing: Option<Digest>,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemOutcome {
    /// The copy was made, or one that was begun was completed.
    Created,
    /// The copy was there, and equal.
    Unchanged,
    /// The copy was brought up to its source.
    Updated,
    /// The item must not be copied as things are.
    Blocked(Vec<Blocker>),
    /// Something differs from what was expected; it is named for people.
    Conflict(String),
    /// The item could not be copied; nothing was written.
    Failed {
        /// The class, as the contract names it.
        class: &'static str,
        /// For people.
        detail: String,
    },
    /// The reply lacked the item.
    Unknown,
}

impl ItemOutcome {
    /// The word of metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Unchanged => "Unchanged",
            Self::Updated => "Updated",
            Self::Blocked(_) => "Blocked",
            Self::Conflict(_) => "Conflict",
            Self::Failed { .. } => "Failed",
            Self::Unknown => "Unknown",
        }
    }
}

/// What items are checked against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckTarget {
    /// The catalogue of a tenant.
    Tenant(TenantId),
    /// A price list, before the tenant exists.
    PriceList(PriceListId),
}

/// A reason with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blocker {
    pub reason: BlockerReason,
    /// What it is about, for people.
    pub detail: Option<String>,
}

/// Why an item or a reseller cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockerReason {
    /// The currency is another one than that of the tenant's price list.
    CurrencyMismatch,
    /// The product is not in the tenant's catalogue.
    ProductMissing,
    /// The add-on is not in the tenant's catalogue.
    AddonMissing,
    /// The billing cycle is not in the tenant's catalogue.
    BillingCycleMissing,
    /// The provisioning sync of the account is not in order.
    AccountNotSynced,
    /// Pricing options are missing, or the product has no price in their list.
    PricingIncomplete,
    OrderNotFinal,
    /// One source has two copies.
    DuplicateCopy,
    /// A copy has no active source.
    OrphanedCopy,
    /// The source changed after it was copied.
    SourceChanged,
    /// The item could be copied and has no copy.
    NotCopied,
    /// The item is copied and unmarked, or marked and not copied.
    HalfMarked,
    /// The owner has no copy.
    CustomerNotCopied,
    ResellerNotBasic,
    TenantSuspended,
    /// The reseller may not order.
    OrderingDisabled,
    PriceListInactive,
    /// Back ordering is On.
    BackOrderingActive,
    /// It cannot be told which source a copy belongs to, or in which state the copy is.
    CopyUnclear,
    /// The state of a source is a word that the adapter does not know.
    StateUnclear,
}

/// What a blocker is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The item that it is told for.
    TheItem,
    /// A copy that exists.
    ItsCopy,
    /// The tenant or the reseller, and so every item alike.
    Everything,
}

impl BlockerReason {
    /// What it is about: what people read, and what the operator does next, depend on it.
    #[must_use]
    pub fn about(self) -> About {
        match self {
            Self::DuplicateCopy | Self::OrphanedCopy | Self::SourceChanged | Self::CopyUnclear => {
                About::ItsCopy
            }
            Self::TenantSuspended | Self::BackOrderingActive => About::Everything,
            Self::CurrencyMismatch
            | Self::ProductMissing
            | Self::AddonMissing
            | Self::BillingCycleMissing
            | Self::AccountNotSynced
            | Self::PricingIncomplete
            | Self::OrderNotFinal
            | Self::NotCopied
            | Self::HalfMarked
            | Self::CustomerNotCopied
            | Self::ResellerNotBasic
            | Self::OrderingDisabled
            | Self::PriceListInactive
            | Self::StateUnclear => About::TheItem,
        }
    }

    /// The word of status, reports and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CurrencyMismatch => "CurrencyMismatch",
            Self::ProductMissing => "ProductMissing",
            Self::AddonMissing => "AddonMissing",
            Self::BillingCycleMissing => "BillingCycleMissing",
            Self::AccountNotSynced => "AccountNotSynced",
            Self::PricingIncomplete => "PricingIncomplete",
            Self::OrderNotFinal => "OrderNotFinal",
            Self::DuplicateCopy => "DuplicateCopy",
            Self::OrphanedCopy => "OrphanedCopy",
            Self::SourceChanged => "SourceChanged",
            Self::NotCopied => "NotCopied",
            Self::HalfMarked => "HalfMarked",
            Self::CustomerNotCopied => "CustomerNotCopied",
            Self::ResellerNotBasic => "ResellerNotBasic",
            Self::TenantSuspended => "TenantSuspended",
            Self::OrderingDisabled => "OrderingDisabled",
            Self::PriceListInactive => "PriceListInactive",
            Self::BackOrderingActive => "BackOrderingActive",
            Self::CopyUnclear => "CopyUnclear",
            Self::StateUnclear => "StateUnclear",
        }
    }
}
