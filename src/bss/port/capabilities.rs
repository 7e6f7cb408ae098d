//! What a BSS can do and what it promises.

#![expect(
    missing_docs,
    reason = "most variants say by their name what they mean"
)]

use std::collections::{BTreeMap, BTreeSet};

use crate::bss::operation::Operation;

/// How a writing operation is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The BSS does it when it is asked.
    Automatic,
    /// A person does it on a screen.
    ManualStep,
    /// A person does it on a screen, by the very act that activates back ordering. Only subscriptions can
    /// be copied so, and only where that activation is a manual step.
    WithSwitch,
    Unsupported,
}

/// The operations whose mode a BSS declares: those that write to a reseller or its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteOperation {
    CreateTenant,
    CopyCustomers,
    SetPricing,
    CopySubscriptions,
    ActivateBackOrdering,
}

impl WriteOperation {
    /// Every one, in the order of an upgrade.
    pub const ALL: [Self; 5] = [
        Self::CreateTenant,
        Self::CopyCustomers,
        Self::SetPricing,
        Self::CopySubscriptions,
        Self::ActivateBackOrdering,
    ];

    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::CreateTenant => Operation::CreateTenant,
            Self::CopyCustomers => Operation::CopyCustomers,
            Self::SetPricing => Operation::SetPricing,
            Self::CopySubscriptions => Operation::CopySubscriptions,
            Self::ActivateBackOrdering => Operation::ActivateBackOrdering,
        }
    }

    /// The name that the contract and people use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.operation().as_str()
    }
}

/// What a BSS does with business keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keys {
    /// The BSS refuses a second record of a key, or of a source that is linked already.
    Unique,
    /// The BSS stores keys, so that a record is found by its key, and refuses nothing.
    Findable,
    /// The BSS does not store keys.
    None,
}

/// Whether a promise is given in its strong form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    Strong,
    Weak,
}

/// What a BSS promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promises {
    pub keys: Keys,
    /// The BSS issues epochs, and refuses a write under an older one.
    pub epochs: Strength,
    /// Every page of a listing carries the revision of the inventory.
    pub revision: Strength,
    /// The activation refuses if the inventory has another revision than was expected.
    pub compares: Strength,
    /// Orders that are not final can be listed.
    pub orders: Strength,
    /// Copies are refused once back ordering is On.
    pub off_guard: Strength,
    /// A write of an item compares the digests of its source and of its copy, atomically. Without it the
    /// operator makes copies and updates none: it would overwrite what the reseller changed in between.
    pub items: Strength,
}

/// A fact that a BSS may not show. What is not shown is not compared, and does not count as agreeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unseen {
    /// The tenant's price list.
    PriceList,
    /// The tenant's edition.
    Edition,
    /// The tenant's language.
    Language,
    /// The tenant's time zone.
    TimeZone,
    /// The tenant's date format.
    DateFormat,
    /// How the accounts of the tenant are invoiced.
    Invoicing,
    /// The currency of the tenant's price list.
    TenantCurrency,
    /// Whether the provisioning sync of an account is in order.
    Sync,
    /// Whether a customer is marked as a back-ordering record.
    CustomerMark,
    /// Whether a subscription or an asset is marked as a back-ordering record.
    PurchaseMark,
    /// The pricing options of a customer.
    PricingOptions,
    /// A part of what is checked of a subscription or an asset before it is copied.
    PurchaseChecks,
}

impl Unseen {
    /// Every one, in the order in which people read them.
    pub const ALL: [Self; 12] = [
        Self::PriceList,
        Self::Edition,
        Self::Language,
        Self::TimeZone,
        Self::DateFormat,
        Self::Invoicing,
        Self::TenantCurrency,
        Self::Sync,
        Self::CustomerMark,
        Self::PurchaseMark,
        Self::PricingOptions,
        Self::PurchaseChecks,
    ];

    /// The word of the contract and of status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PriceList => "PriceList",
            Self::Edition => "Edition",
            Self::Language => "Language",
            Self::TimeZone => "TimeZone",
            Self::DateFormat => "DateFormat",
            Self::Invoicing => "Invoicing",
            Self::TenantCurrency => "TenantCurrency",
            Self::Sync => "Sync",
            Self::CustomerMark => "CustomerMark",
            Self::PurchaseMark => "PurchaseMark",
            Self::PricingOptions => "PricingOptions",
            Self::PurchaseChecks => "PurchaseChecks",
        }
    }
}

/// How long a cursor of a listing is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cursors {
    /// It is a position in the order, and good for any later reading too.
    Lasting,
    /// It is good for the reading that brought it, and perhaps for no other.
    OfOneReading,
}

/// How many calls one fresh look at a record takes beyond its page, where the details of a record come one
/// by one. It tells how long a look takes, and nothing else rests on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DetailCalls {
    /// For each customer, both sides together.
    pub per_customer: u16,
    /// For each subscription or asset, both sides together.
    pub per_purchase: u16,
}

/// Who may call the tenant's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantAccess {
    /// A connection that may call the distributor's side.
    Shared,
    /// Only a connection of the tenant's own.
    Own,
    /// Only a connection of the tenant's own, and it is also the only one that can tell about the tenant:
    /// the distributor's side does not know it.
    OwnAndOnly,
}

/// What a BSS can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    pub operations: BTreeMap<WriteOperation, Mode>,
    pub promises: Promises,
    pub tenant_access: TenantAccess,
    /// The facts that it does not show.
    pub unseen: BTreeSet<Unseen>,
    /// How long its cursors are good.
    pub cursors: Cursors,
    /// What a fresh look costs.
    pub detail_calls: DetailCalls,
    /// The most items of a batch, at least 1.
    pub largest_batch: u16,
    /// The most items of a page, at least 1.
    pub page_size: u16,
}
