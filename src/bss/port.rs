//! The port: all that the operator knows of a BSS.
//!
//! Plain values and one trait. It knows no wire format, no HTTP, no Kubernetes; an adapter
//! translates. What each operation must do is said in `docs/reference-contract.yaml`, which
//! the reference adapter speaks.

use super::error::BssError;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id!(
    /// An account in the distributor BSS: a reseller or one of its customers.
    AccountId
);
text_id!(
    /// A tenant.
    TenantId
);
text_id!(
    /// A source record in the distributor BSS: a customer, a subscription or an asset.
    SourceId
);
text_id!(
    /// A record in the reseller BSS.
    CopyId
);
text_id!(
    /// A permanent business key, stored with what it made.
    BusinessKey
);
text_id!(
    /// A request key, for the two calls that must not be repeated blindly.
    RequestKey
);
text_id!(
    /// An opaque digest made by the BSS.
    Digest
);
text_id!(
    /// A position in a listing.
    Cursor
);
text_id!(
    /// A long-running operation.
    OperationId
);
text_id!(
    /// A price list.
    PriceListId
);
text_id!(
    /// One attempt to acquire an epoch. No two attempts have the same.
    #[derive(Default)]
    AcquisitionId
);

/// A fencing epoch, issued by the BSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// A revision of a reseller's inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// How a writing operation is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// By the BSS, when asked.
    Automatic,
    /// By a person.
    ManualStep,
    /// Not at all.
    Unsupported,
}

/// The operations that write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteOperation {
    /// Create the tenant.
    CreateTenant,
    /// Copy customers.
    CopyCustomers,
    /// Set pricing options.
    SetPricing,
    /// Copy subscriptions and assets.
    CopySubscriptions,
    /// Activate back ordering.
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

    /// The name that the contract and people use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateTenant => "createTenant",
            Self::CopyCustomers => "copyCustomers",
            Self::SetPricing => "setPricing",
            Self::CopySubscriptions => "copySubscriptions",
            Self::ActivateBackOrdering => "activateBackOrdering",
        }
    }
}

/// What a BSS does with business keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keys {
    /// Refuses a second record of a key or of a linked source.
    Unique,
    /// Stores keys only.
    Findable,
    /// Does not store them.
    None,
}

/// Whether a promise is given in its strong form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// The strong form.
    Strong,
    /// The weak form.
    Weak,
}

/// What a BSS promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promises {
    /// Business keys.
    pub keys: Keys,
    /// Issued and enforced epochs.
    pub epochs: Strength,
    /// Listings that carry the revision.
    pub revision: Strength,
    /// Activation that compares the revision.
    pub compares: Strength,
    /// Open orders that can be listed.
    pub orders: Strength,
    /// Copies refused once On.
    pub off_guard: Strength,
}

/// Who may call the tenant's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantAccess {
    /// Whoever may call the distributor's side.
    Shared,
    /// Only a connection of the tenant's own.
    Own,
}

/// What a BSS can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Per writing operation, how it is done.
    pub operations: BTreeMap<WriteOperation, Mode>,
    /// What it promises.
    pub promises: Promises,
    /// Who may call the tenant's side.
    pub tenant_access: TenantAccess,
    /// Most items of a batch, at least 1.
    pub largest_batch: u16,
    /// Most items of a page, at least 1.
    pub page_size: u16,
}

/// The kind of a reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResellerKind {
    /// Basic.
    Basic,
    /// On a plan in between.
    Standard,
    /// Tenant reseller.
    Tenant,
}

/// The state of back ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackOrdering {
    /// Off.
    Off,
    /// On.
    On,
    /// Not known at the moment.
    Unknown,
}

/// A reseller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reseller {
    /// Canonical id.
    pub account: AccountId,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: ResellerKind,
    /// Whether it may order.
    pub ordering_enabled: bool,
    /// Currency that it is billed in.
    pub currency: String,
    /// Link to its tenant.
    pub tenant: Option<TenantId>,
    /// State of back ordering.
    pub back_ordering: BackOrdering,
}

/// A request for an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquisition<'a> {
    /// This attempt. The BSS keeps it with the epoch that it issues.
    pub id: &'a AcquisitionId,
    /// The operator's installation that asks.
    pub holder: &'a str,
    /// The holder that a person decided to take over from.
    pub take_over: Option<&'a str>,
}

/// An epoch as issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuedEpoch {
    /// The new one.
    pub epoch: Epoch,
    /// The highest before it; 0 if none.
    pub previous: Epoch,
    /// The epochs that were issued before it, with the attempts that asked for them: the latest first,
    /// the last 16 at most. Empty where the BSS remembers no attempts.
    pub earlier: Vec<EarlierEpoch>,
}

/// An epoch that was issued before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EarlierEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// The attempt that asked for it, if it had a name.
    pub acquisition: Option<AcquisitionId>,
}

/// How accounts are invoiced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invoicing {
    /// One invoice for all.
    Combined,
    /// One per account.
    Separate,
}

impl Invoicing {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Combined => "Combined",
            Self::Separate => "Separate",
        }
    }
}

/// Settings of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantSettings {
    /// Price list.
    pub price_list: PriceListId,
    /// Edition.
    pub edition: String,
    /// BCP 47 language.
    pub language: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Date format.
    pub date_format: String,
    /// Default invoicing.
    pub invoicing: Invoicing,
}

/// Status of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// Queued or being created.
    InProgress,
    /// Ready.
    Active,
    /// Suspended.
    Suspended,
    /// Marked as deleted.
    MarkedAsDeleted,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// Id.
    pub id: TenantId,
    /// Where people reach it.
    pub url: Option<String>,
    /// Settings as they are.
    pub settings: TenantSettings,
    /// Currency of its price list.
    pub currency: String,
    /// Key that it was made under.
    pub business_key: Option<BusinessKey>,
    /// Status.
    pub status: TenantStatus,
}

/// How a tenant creation began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantCreation {
    /// Under way.
    Started(OperationId),
    /// Done (or found done).
    Done(Box<Tenant>),
}

/// State of a long-running operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Under way.
    Running,
    /// Done.
    Succeeded,
    /// Given up.
    Failed {
        /// Why.
        detail: String,
    },
    /// The BSS does not know it (any more).
    Gone,
}

/// A page of a listing, ordered by immutable id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page<T> {
    /// Items.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Revision of the inventory, where the BSS has one.
    pub revision: Option<Revision>,
}

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// Where it begins; the first page without.
    pub cursor: Option<Cursor>,
    /// Most items.
    pub limit: u16,
}

/// Provisioning sync of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sync {
    /// In order.
    Synced,
    /// Not in order.
    NotSynced,
}

/// Whether a record is marked as a back-ordering record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Marked.
    Marked,
    /// Not marked.
    Unmarked,
}

/// A customer of the reseller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Customer {
    /// Id.
    pub id: SourceId,
    /// Account that is invoiced for it.
    pub bill_to: AccountId,
    /// Provisioning sync.
    pub sync: Sync,
    /// Mark.
    pub mark: Mark,
    /// Link to its copy.
    pub link: Option<(TenantId, CopyId)>,
    /// Digest of the source-owned fields.
    pub digest: Digest,
}

/// Kinds of item that are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A customer.
    Customer,
    /// A subscription.
    Subscription,
    /// An asset.
    Asset,
}

impl ItemKind {
    /// The word of keys, reports and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Asset => "asset",
        }
    }
}

/// State of a subscription or asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PurchaseState {
    /// Active.
    Active,
    /// Suspended.
    Suspended,
    /// Starts in the future.
    FutureDated,
    /// Trial.
    Trial,
    /// Cancelled.
    Cancelled,
    /// Expired.
    Expired,
}

/// A subscription or asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purchase {
    /// Id.
    pub id: SourceId,
    /// `Subscription` or `Asset`, never `Customer`.
    pub kind: ItemKind,
    /// Owner.
    pub customer: SourceId,
    /// State.
    pub state: PurchaseState,
    /// Mark.
    pub mark: Mark,
    /// Link to its copy.
    pub link: Option<(TenantId, CopyId)>,
    /// Digest of the source-owned fields.
    pub digest: Digest,
}

/// An order that is not final.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenOrder {
    /// Id.
    pub id: String,
    /// Customer that it is for.
    pub customer: SourceId,
}

/// The two listings of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CopyListing {
    /// Copies of customers.
    Customers,
    /// Copies of subscriptions and assets.
    Subscriptions,
}

/// State of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyState {
    /// Complete.
    Live,
    /// Made without its contacts.
    Incomplete,
    /// Ended by the reseller.
    Ended,
}

/// A copy. Records without a source are left out by the adapter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CopyRecord {
    /// Id in the reseller BSS.
    pub id: CopyId,
    /// Key that it was made under.
    pub business_key: Option<BusinessKey>,
    /// Source that it was copied from.
    pub source: SourceId,
    /// The source's digest at the time of the copy.
    pub source_digest: Option<Digest>,
    /// Digest of the source-owned fields now.
    pub digest: Digest,
    /// State.
    pub state: CopyState,
}

/// One item to copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CopyItem {
    /// Source.
    pub source: SourceId,
    /// Kind.
    pub kind: ItemKind,
    /// Permanent key.
    pub key: BusinessKey,
    /// Source digest that was seen.
    pub expected_source: Digest,
    /// Digest of the copy that was seen; `None` is *absent*.
    pub expected_copy: Option<Digest>,
    /// Digest of the owner's pricing options; present for subscriptions and assets.
    pub pricing: Option<Digest>,
}

/// Why an item or a reseller cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockerReason {
    /// Other currency than the tenant's price list.
    CurrencyMismatch,
    /// Product not in the catalogue.
    ProductMissing,
    /// Add-on not in the catalogue.
    AddonMissing,
    /// Billing cycle not in the catalogue.
    BillingCycleMissing,
    /// Provisioning sync not in order.
    AccountNotSynced,
    /// Pricing options missing, or no price in them.
    PricingIncomplete,
    /// An order is not final.
    OrderNotFinal,
    /// Two copies of one source.
    DuplicateCopy,
    /// Copy without an active source.
    OrphanedCopy,
    /// Source changed after its copy.
    SourceChanged,
    /// Eligible, without a copy.
    NotCopied,
    /// Copied but unmarked, or marked but uncopied.
    HalfMarked,
    /// Owner without a copy.
    CustomerNotCopied,
    /// Not a Basic reseller.
    ResellerNotBasic,
    /// Tenant suspended.
    TenantSuspended,
    /// May not order.
    OrderingDisabled,
    /// Price list inactive.
    PriceListInactive,
    /// Back ordering is On.
    BackOrderingActive,
}

impl BlockerReason {
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
        }
    }
}

/// A reason with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blocker {
    /// Reason.
    pub reason: BlockerReason,
    /// What it is about, for people.
    pub detail: Option<String>,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemOutcome {
    /// Made or completed.
    Created,
    /// Was there, equal.
    Unchanged,
    /// Brought up to the source.
    Updated,
    /// Must not be copied as things are.
    Blocked(Vec<Blocker>),
    /// Differs from what was expected.
    Conflict(String),
    /// Could not be done; nothing was written.
    Failed {
        /// Class, as the contract names it.
        class: &'static str,
        /// For people.
        detail: String,
    },
    /// The reply lacked this item.
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

/// Pricing options of one customer, as stored in the reseller BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PricingState {
    /// Complete.
    Set(Digest),
    /// Not complete.
    Missing {
        /// What people call the customer, where the BSS tells.
        name: Option<String>,
        /// What is missing.
        options: Vec<String>,
    },
}

/// When a customer is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BillingDay {
    /// A day of the month, 1 to 28.
    Day(u8),
    /// The last day.
    LastDayOfMonth,
}

/// Pricing options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PricingOptions {
    /// Price list of the reseller BSS.
    pub price_list: PriceListId,
    /// When billed.
    pub billing: BillingDay,
    /// Payment method.
    pub payment_method: String,
    /// Invoicing.
    pub invoicing: Invoicing,
    /// Credit limit, a decimal string.
    pub credit_limit: Option<String>,
}

/// What became of setting one customer's options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PricingOutcome {
    /// Stored.
    Written,
    /// Exactly these were there.
    Unchanged,
    /// Others are there and stand.
    Differs(Vec<String>),
    /// Could not be stored.
    Failed(String),
    /// The reply lacked this customer.
    Unknown,
}

/// What is checked against.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckTarget {
    /// A tenant's catalogue.
    Tenant(TenantId),
    /// A price list, before the tenant exists.
    PriceList(PriceListId),
}

/// What was found under one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// Nothing.
    None,
    /// One record.
    One(CopyRecord),
    /// Several: a defect.
    Many(Vec<CopyRecord>),
}

/// How an activation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// This call switched it on.
    Activated,
    /// It was on already.
    AlreadyActive,
}

/// The reseller and epoch that every write carries.
#[derive(Clone, Copy, Debug)]
pub struct Fence<'a> {
    /// The reseller.
    pub reseller: &'a AccountId,
    /// The epoch under which the operator works on it; none where the BSS issues none.
    pub epoch: Option<Epoch>,
}

/// Results of a batch, by source id. Every item that was asked for is in it.
pub type ByItem<T> = BTreeMap<SourceId, T>;

/// What every call answers.
pub type BssResult<T> = Result<T, BssError>;

/// A BSS, both sides of it.
pub trait Bss: Send + std::marker::Sync {
    /// The BSS's own lasting name, if it has one.
    fn identity(&self) -> impl Future<Output = BssResult<Option<String>>> + Send;

    /// What it can do and promises.
    fn capabilities(&self) -> impl Future<Output = BssResult<Capabilities>> + Send;

    /// A reseller account.
    fn reseller(&self, account: &AccountId) -> impl Future<Output = BssResult<Reseller>> + Send;

    /// A new fencing epoch for the reseller.
    fn acquire(
        &self,
        account: &AccountId,
        acquisition: Acquisition<'_>,
    ) -> impl Future<Output = BssResult<IssuedEpoch>> + Send;

    /// The reseller's tenant, if it has one.
    fn tenant(&self, account: &AccountId)
    -> impl Future<Output = BssResult<Option<Tenant>>> + Send;

    /// Requests a tenant.
    fn create_tenant(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> impl Future<Output = BssResult<TenantCreation>> + Send;

    /// The state of a long-running operation.
    fn operation(&self, id: &OperationId)
    -> impl Future<Output = BssResult<OperationState>> + Send;

    /// A page of the reseller's customers.
    fn customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<Customer>>> + Send;

    /// A page of the reseller's subscriptions and assets.
    fn subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<Purchase>>> + Send;

    /// A page of the reseller's orders that are not final.
    fn open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<OpenOrder>>> + Send;

    /// A page of copies, ordered by source id.
    fn copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<CopyRecord>>> + Send;

    /// Copies by business key.
    fn find(
        &self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> impl Future<Output = BssResult<BTreeMap<BusinessKey, Found>>> + Send;

    /// Copies customers with their contacts and marks them.
    fn copy_customers(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> impl Future<Output = BssResult<ByItem<ItemOutcome>>> + Send;

    /// The pricing options of customers, by customer.
    fn pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> impl Future<Output = BssResult<ByItem<PricingState>>> + Send;

    /// Stores pricing options where there are none.
    fn set_pricing(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> impl Future<Output = BssResult<ByItem<PricingOutcome>>> + Send;

    /// Why items could not be copied; an empty list is *could be*. An item that the BSS does not know
    /// (any more) as one of this reseller's customers is left out.
    fn check(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> impl Future<Output = BssResult<ByItem<Vec<Blocker>>>> + Send;

    /// Copies subscriptions and assets.
    fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> impl Future<Output = BssResult<ByItem<ItemOutcome>>> + Send;

    /// Activates back ordering. It cannot be undone.
    fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> impl Future<Output = BssResult<Activation>> + Send;
}

/// What is activated, as the operator saw it last.
#[derive(Clone, Copy, Debug)]
pub struct ActivationTarget<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The inventory revision of the final sweep, where the BSS compares it.
    pub expected: Option<Revision>,
}
