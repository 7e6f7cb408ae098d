//! The wire types of the reference contract: what a BSS sends and receives, and nothing else.
//!
//! These types are shared by the adapter and the sandbox, and the published `OpenAPI` document is
//! generated from them, so every doc comment here is a sentence of the contract. Nothing in this
//! file may know of the operator, of the port or of the sandbox; the names of the operations are a leaf
//! that all of them share.
//!
//! Conventions: JSON with camelCase members; an absent value is left out, never `null`; enum
//! values are CamelCase strings; money is a decimal string; instants are RFC 3339 in UTC; dates
//! are `YYYY-MM-DD`; ids, digests and cursors are opaque strings which the operator returns as it
//! got them.

use schemars::JsonSchema;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

pub use crate::bss::operation::Operation;

/// The header that carries the fencing epoch on every write.
pub const FENCING_EPOCH: &str = "Fencing-Epoch";
/// The header that carries the request key on `createTenant` and `activateBackOrdering`.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The media type of every error reply (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The pattern of an id: no control character, and neither `.` nor `..`, which the path of a URL cannot
/// hold as names. Written without a look-ahead, which many libraries do not have.
pub(crate) const ID: &str =
    r"^(\.?[^.\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*|\.\.[^\x00-\x1f\x7f-\x9f]+)$";
/// The pattern of other texts that the operator keeps as it got them, such as a digest: no control character.
pub(crate) const PRINTABLE: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";
/// The pattern of a business key and of a cursor: they stand in headers, queries and columns.
pub(crate) const VISIBLE_ASCII: &str = "^[!-~]+$";
/// The pattern of money.
const MONEY: &str = r"^[0-9]{1,15}(\.[0-9]{1,6})?$";

/// Who this BSS is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The BSS's own lasting name, for example `acme-distribution`. It must never change, whatever
    /// host the BSS is reached under: it is part of every business key. Leave it out if the BSS
    /// has none; the operator then trusts the name that its connection declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = PRINTABLE))]
    pub identity: Option<String>,
}

impl<'de> Deserialize<'de> for Identity {
    /// *Nothing* is an answer here, so that a reply without the member must be empty: whatever else
    /// it says, it does not say that there is none.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Reply {
            identity: Option<String>,
            #[serde(flatten)]
            other: serde_json::Map<String, serde_json::Value>,
        }
        let Reply { identity, other } = Reply::deserialize(deserializer)?;
        if identity.is_none() && !other.is_empty() {
            return Err(D::Error::custom(
                "neither empty nor with the member `identity`",
            ));
        }
        Ok(Self { identity })
    }
}

/// How an operation that writes is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OperationMode {
    /// The server does it when asked.
    Automatic,
    /// A person does it on a screen; asked over HTTP the server answers 501 with the class
    /// `ManualStepNeeded` and an instruction.
    ManualStep,
    /// A person does it on a screen, by the very act that activates back ordering: the one button copies
    /// and switches. Only for `copySubscriptions`, and only where `activateBackOrdering` is a
    /// `ManualStep`. Asked over HTTP the server answers as for a `ManualStep`.
    WithSwitch,
    /// It cannot be done at all.
    Unsupported,
}

/// The mode of each operation that writes. Reads have none: all of them must work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationModes {
    /// Mode of `createTenant`.
    pub create_tenant: OperationMode,
    /// Mode of `copyCustomers`.
    pub copy_customers: OperationMode,
    /// Mode of `setPricing`.
    pub set_pricing: OperationMode,
    /// Mode of `copySubscriptions`.
    pub copy_subscriptions: OperationMode,
    /// Mode of `activateBackOrdering`.
    pub activate_back_ordering: OperationMode,
}

/// What the BSS does with a business key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyPromise {
    /// It refuses, atomically, a second record with the same business key and a second record for
    /// a source that is already linked in this tenant.
    Unique,
    /// It stores the key so that `findCopies` can look it up, but does not refuse a second record.
    Findable,
    /// It does not store keys.
    None,
}

/// Whether the BSS fences writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EpochPromise {
    /// It issues epochs and refuses a write with an epoch lower than the highest issued for that
    /// reseller, atomically with the write.
    Issued,
    /// It does not.
    None,
}

/// Whether listings tell that something moved between their pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RevisionPromise {
    /// Every page of every listing carries `inventoryRevision`.
    Carried,
    /// Pages carry no revision.
    None,
}

/// Whether the switch refuses when something moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ComparePromise {
    /// `activateBackOrdering` compares `expectedRevision` and switches in one atomic step.
    Atomic,
    /// It switches whatever the revision is.
    None,
}

/// Whether orders that are not final can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OrderPromise {
    /// `listOpenOrders` lists every order of the reseller that is not final.
    Listed,
    /// Open orders cannot be seen.
    None,
}

/// Whether a copy can still land after back ordering was switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OffGuardPromise {
    /// Every copy is refused, atomically, once back ordering is On.
    Atomic,
    /// A copy that was under way may land after the switch.
    None,
}

/// Whether a write of an item compares its source and its copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ItemPromise {
    /// `expectedSource` and `expectedCopy` of an item are compared in the same atomic step that writes it.
    #[default]
    Compared,
    /// They are not. The operator makes copies and updates none: what the reseller changed between the
    /// look and the write would be overwritten. People bring such copies up to their sources.
    None,
}

impl ItemPromise {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    fn is_compared(&self) -> bool {
        *self == Self::Compared
    }
}

/// What this BSS promises. State only what is true under concurrency, restart and lost
/// connections: the operator relies on it with other people's billing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Promises {
    /// What happens with business keys.
    pub keys: KeyPromise,
    /// Whether writers are fenced.
    pub epochs: EpochPromise,
    /// Whether listings carry the inventory revision.
    pub revision: RevisionPromise,
    /// Whether activation compares the revision.
    pub compares: ComparePromise,
    /// Whether open orders are listed.
    pub orders: OrderPromise,
    /// Whether copies are refused once On.
    pub off_guard: OffGuardPromise,
    /// Whether a write of an item compares. Left out: `Compared`.
    #[serde(default, skip_serializing_if = "ItemPromise::is_compared")]
    pub items: ItemPromise,
}

/// A fact that this BSS does not show. The member that would show it is left out wherever it belongs. The
/// operator does not compare it, does not count it as agreeing, and names it to people.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Unseen {
    /// `settings.priceList` of a tenant.
    PriceList,
    /// `settings.edition` of a tenant.
    Edition,
    /// `settings.language` of a tenant.
    Language,
    /// `settings.timeZone` of a tenant.
    TimeZone,
    /// `settings.dateFormat` of a tenant.
    DateFormat,
    /// `settings.invoicing` of a tenant.
    Invoicing,
    /// `currency` of a tenant.
    TenantCurrency,
    /// `sync` of a customer.
    Sync,
    /// `marked` of a customer. Only where `copyCustomers` is not `Automatic`.
    CustomerMark,
    /// `marked` of a subscription or an asset.
    PurchaseMark,
    /// The pricing options of a customer: `getPricing` answers `unseen`. Only where `copySubscriptions`
    /// is not `Automatic`. A person confirms that the options are set.
    PricingOptions,
    /// A part of what `checkPurchases` checks.
    PurchaseChecks,
}

/// What a fresh look at one record costs this BSS, beyond its page: how many calls to systems behind it.
/// The operator tells people from it how long ordering has to rest, and rests nothing else on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailCalls {
    /// For each customer, both sides together.
    #[schemars(range(max = 100))]
    pub per_customer: u16,
    /// For each subscription or asset, both sides together.
    #[schemars(range(max = 100))]
    pub per_subscription: u16,
}

/// Who may call the operations below `/tenants`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TenantAccess {
    /// The credentials of the distributor's side.
    #[default]
    Shared,
    /// Each tenant has credentials of its own, and perhaps another address of the same contract;
    /// those of the distributor's side are answered with 403. The operator needs a second
    /// connection for such a tenant.
    Own,
    /// The same, and only that connection can tell about the tenant: `getTenant` of the distributor's
    /// side does not know it.
    OwnAndOnly,
}

impl TenantAccess {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    fn is_shared(&self) -> bool {
        *self == Self::Shared
    }
}

/// What this BSS can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// How each writing operation is carried out.
    pub operations: OperationModes,
    /// What the BSS promises.
    pub promises: Promises,
    /// Who may call the operations below `/tenants`. Left out: `Shared`.
    #[serde(default, skip_serializing_if = "TenantAccess::is_shared")]
    pub tenant_access: TenantAccess,
    /// The facts that the BSS does not show. Left out: it shows all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 12))]
    pub unseen: Vec<Unseen>,
    /// What a fresh look costs. Left out: nothing beyond the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_calls: Option<DetailCalls>,
    /// The most items that one batch request may hold.
    #[schemars(range(min = 1, max = 500))]
    pub largest_batch: u16,
    /// The most items that a page of a listing holds. The operator asks for at most this many.
    #[schemars(range(min = 1, max = 1000))]
    pub page_size: u16,
}

/// The kind of a reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ResellerKind {
    /// An account that orders through the distributor's Storefront. It stays Basic, with a tenant
    /// or without, until back ordering is activated.
    Basic,
    /// A reseller on a plan between Basic and tenant reseller. It cannot be upgraded.
    Standard,
    /// A tenant reseller: back ordering is On.
    Tenant,
}

/// The state of back ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BackOrdering {
    /// Not activated.
    Off,
    /// Activated, for good.
    On,
    /// The BSS cannot tell at the moment. The operator waits.
    Unknown,
}

/// A reseller account in the distributor BSS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reseller {
    /// The canonical account id: one and the same text however the id was written in the request.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub account_id: String,
    /// The account's name.
    #[schemars(length(max = 256))]
    pub name: String,
    /// Its kind.
    pub kind: ResellerKind,
    /// Whether the account may order. A tenant can only be created while it may.
    pub ordering_enabled: bool,
    /// ISO 4217 code of the currency that the reseller is billed in.
    #[schemars(length(equal = 3))]
    pub currency: String,
    /// The price list assigned to the account, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub price_list: Option<String>,
    /// The id of its tenant, if it has one that is not marked as deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub tenant_id: Option<String>,
    /// The state of back ordering.
    pub back_ordering: BackOrdering,
}

/// A request for a fencing epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcquireEpoch {
    /// Who asks: a lasting id of one operator installation, with the namespace that it works for. Two
    /// namespaces of one cluster are two holders.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub holder: String,
    /// Names the present holder whose hold a person decided to take over. Without it a reseller
    /// that is held by another holder is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub take_over: Option<String>,
    /// Names this attempt; the operator sends another one with each. The server keeps it with the epoch
    /// that it issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub acquisition_id: Option<String>,
}

/// A fencing epoch, issued by the BSS for one reseller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Epoch {
    /// The new epoch, higher than every epoch that was ever issued for this reseller.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    pub epoch: u64,
    /// The highest epoch issued before this one; 0 if there was none.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub previous_epoch: u64,
    /// The holder it was issued to.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub holder: String,
    /// Every epoch that was issued before this one, the latest first, the last 16 at most. The operator
    /// tells from it whether an epoch that it does not know was issued to itself, and the reply was
    /// lost, or to another caller. Left out by a server that does not remember attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub earlier: Vec<EarlierEpoch>,
}

/// An epoch that was issued before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierEpoch {
    /// The epoch.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    pub epoch: u64,
    /// The attempt for which it was issued; absent if the request named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub acquisition_id: Option<String>,
}

/// How the distributor invoices for the accounts of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Invoicing {
    /// One invoice for all.
    Combined,
    /// One invoice per account.
    Separate,
}

/// The settings of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantSettings {
    /// The distributor's price list: it fixes the tenant's catalogue, its cost prices and its
    /// currency.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub price_list: String,
    /// The edition, one of those that the BSS sells.
    #[schemars(length(min = 1, max = 64))]
    pub edition: String,
    /// BCP 47 language tag.
    #[schemars(length(min = 2, max = 35))]
    pub language: String,
    /// IANA time zone.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Date format in the BSS's own notation.
    #[schemars(length(min = 1, max = 32))]
    pub date_format: String,
    /// Default invoicing of the tenant's accounts.
    pub invoicing: Invoicing,
}

/// The settings of a tenant as the BSS shows them. A member is left out only if the capabilities name it as
/// unseen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenSettings {
    /// The distributor's price list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub price_list: Option<String>,
    /// The edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub edition: Option<String>,
    /// BCP 47 language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 35))]
    pub language: Option<String>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// Date format in the BSS's own notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub date_format: Option<String>,
    /// Default invoicing of the tenant's accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoicing: Option<Invoicing>,
}

impl From<TenantSettings> for SeenSettings {
    fn from(settings: TenantSettings) -> Self {
        Self {
            price_list: Some(settings.price_list),
            edition: Some(settings.edition),
            language: Some(settings.language),
            time_zone: Some(settings.time_zone),
            date_format: Some(settings.date_format),
            invoicing: Some(settings.invoicing),
        }
    }
}

/// The status of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TenantStatus {
    /// Queued or being created.
    InProgress,
    /// Ready for use.
    Active,
    /// Suspended: nothing is copied into it until it is Active again.
    Suspended,
    /// Marked as deleted. It no longer counts as the reseller's tenant.
    MarkedAsDeleted,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id. A tenant that replaces another has another id, and the business key of the old one
    /// is never used again: `createTenant` under it is a `Conflict`.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub id: String,
    /// Where people reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = PRINTABLE))]
    pub url: Option<String>,
    /// Its settings as they are now.
    pub settings: SeenSettings,
    /// ISO 4217 code of the currency of its price list. Left out only if the capabilities name
    /// `TenantCurrency` as unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(equal = 3))]
    pub currency: Option<String>,
    /// The business key that it was created under; absent if a person created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: Option<String>,
    /// Its status.
    pub status: TenantStatus,
}

/// The answer to the question for a reseller's tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantLookup {
    /// The reseller's tenant; absent if it has none, and then the object is empty: a reply that
    /// says something else is no answer. From the moment in which a creation was
    /// accepted the tenant is listed here, `InProgress`; after the creation failed it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
}

impl<'de> Deserialize<'de> for TenantLookup {
    /// *Nothing* is an answer here, so that a reply without the member must be empty: whatever else
    /// it says, it does not say that there is none.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Reply {
            tenant: Option<Tenant>,
            #[serde(flatten)]
            other: serde_json::Map<String, serde_json::Value>,
        }
        let Reply { tenant, other } = Reply::deserialize(deserializer)?;
        if tenant.is_none() && !other.is_empty() {
            return Err(D::Error::custom(
                "neither empty nor with the member `tenant`",
            ));
        }
        Ok(Self { tenant })
    }
}

/// A request to create a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTenant {
    /// Stored with the tenant for ever.
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: String,
    /// The settings.
    pub settings: TenantSettings,
}

/// The state of a long-running operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OperationState {
    /// Queued or under way.
    Running,
    /// Done: the effect can be seen.
    Succeeded,
    /// Given up: there is no effect, now or later.
    Failed,
}

/// A long-running operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Operation")]
pub struct LongRunning {
    /// Its id.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub id: String,
    /// Its state.
    pub state: OperationState,
    /// Why it failed, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub detail: Option<String>,
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The items, in the listing's order.
    #[schemars(length(max = 1000))]
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last page. A cursor names a position in the
    /// order ("after this id"), never an offset: an item that is there during the whole listing
    /// is listed exactly once, whatever is added or removed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = VISIBLE_ASCII))]
    pub next_cursor: Option<String>,
    /// The revision of the reseller's inventory at the moment in which this page was read, in the
    /// same snapshot as its items. One counter per reseller, raised by every change of anything
    /// that a page of its listings shows (section 8); not by pricing options or other
    /// reseller-owned fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub inventory_revision: Option<u64>,
}

/// The provisioning sync of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyncState {
    /// In order.
    Synced,
    /// Failed or still under way: subscriptions of this account cannot be copied.
    NotSynced,
}

/// The link from a source record to its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyLink {
    /// The tenant that holds the copy.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub tenant_id: String,
    /// The copy.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub copy_id: String,
}

/// A customer of the reseller in the distributor BSS: an account whose Bill To is the reseller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Its immutable id.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub id: String,
    /// The account that is invoiced for it. The operator copies it only if this is the reseller.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub bill_to: String,
    /// ISO 4217 code of its currency.
    #[schemars(length(equal = 3))]
    pub currency: String,
    /// Its provisioning sync. Left out only if the capabilities name `Sync` as unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncState>,
    /// Whether the account is marked as a back-ordering record. Left out only if the capabilities name
    /// `CustomerMark` as unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<bool>,
    /// Its copy in the reseller's present tenant, if it has one. A link into another tenant is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyLink>,
    /// Opaque digest over the source-owned fields: Bill To, currency.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub digest: String,
}

/// Whether a purchase recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PurchaseKind {
    /// Recurring.
    Subscription,
    /// One-off or legacy.
    Asset,
}

/// The state of a subscription or asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PurchaseState {
    /// Active and paid: it is copied.
    Active,
    /// Suspended: not copied, but it may come back to life.
    Suspended,
    /// Starts in the future: not copied yet.
    FutureDated,
    /// A trial: not copied until it is paid for.
    Trial,
    /// Cancelled: never copied.
    Cancelled,
    /// Expired: never copied.
    Expired,
    /// The system behind this BSS uses a word that the server does not know; `stateWord` is that word.
    /// It holds the upgrade until people have clarified it.
    Unclear,
}

/// A subscription or an asset of one of the reseller's customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its immutable id, unique over subscriptions and assets together.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub id: String,
    /// Subscription or asset.
    pub kind: PurchaseKind,
    /// The customer that owns it. The reseller's own purchases carry the reseller's account id and
    /// are never copied.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub customer_id: String,
    /// Product code.
    #[schemars(length(min = 1, max = 128))]
    pub product: String,
    /// Codes of its add-ons.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128)))]
    pub addons: Vec<String>,
    /// Billing cycle, for example `Monthly`; of an asset `OneOff`.
    #[schemars(length(min = 1, max = 64))]
    pub billing_cycle: String,
    /// Quantity.
    pub quantity: u32,
    /// What the reseller pays per unit and cycle, a decimal string.
    #[schemars(regex(pattern = MONEY))]
    pub cost_price: String,
    /// ISO 4217 code of the currency that it is charged in.
    #[schemars(length(equal = 3))]
    pub currency: String,
    /// First day, `YYYY-MM-DD`.
    #[schemars(length(equal = 10))]
    pub start_date: String,
    /// The day that its charges are aligned to, for example `15` (not the next charge's date,
    /// which moves).
    #[schemars(length(min = 1, max = 32))]
    pub billing_anchor: String,
    /// Its state.
    pub state: PurchaseState,
    /// The word for the state that the server does not know. Exactly where the state is `Unclear`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub state_word: Option<String>,
    /// Whether it is marked as a back-ordering record. Left out only if the capabilities name
    /// `PurchaseMark` as unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<bool>,
    /// Its copy in the reseller's present tenant, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyLink>,
    /// Opaque digest over the source-owned fields: product, add-ons, billing cycle, quantity,
    /// start date, billing anchor, currency, cost price.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub digest: String,
}

/// An order that is neither completed nor cancelled: it may still become a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenOrder {
    /// Its immutable id.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub id: String,
    /// The customer that it is for, or the reseller's own account id.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub customer_id: String,
    /// When it was placed, RFC 3339.
    #[schemars(length(min = 20, max = 35))]
    pub placed_time: String,
}

/// The two listings of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CopyKind {
    /// Copies of customers.
    Customers,
    /// Copies of subscriptions and assets.
    Subscriptions,
}

/// The state of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CopyState {
    /// Complete and in use.
    Live,
    /// Made without its contacts. Copying it again under its key completes it.
    Incomplete,
    /// Ended by the reseller. It still counts as the copy of its source, is never written again,
    /// and blocks nothing: it is neither orphaned nor changed, and beside one that is not ended it
    /// is no duplicate.
    Ended,
    /// The server cannot tell whether it is a copy of this source, or in which state it is; `unclear` says
    /// why. It counts neither as copied nor as missing, and holds the switch until a person says which
    /// it is. A record that may be the copy of several sources is listed under each of them.
    Unclear,
}

/// How a server knows that a copy belongs to its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LinkKind {
    /// The BSS keeps the link with the copy.
    #[default]
    Stored,
    /// The server derived it, because the BSS keeps none. The operator writes nothing that rests on it.
    Inferred,
}

impl LinkKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    fn is_stored(&self) -> bool {
        *self == Self::Stored
    }
}

/// What a copy is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CopiedKind {
    /// A customer.
    Customer,
    /// A subscription.
    Subscription,
    /// An asset.
    Asset,
}

/// A record in the reseller BSS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// Its id in the reseller BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub id: String,
    /// What it is a copy of. Left out: the business key tells, if it is one of the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CopiedKind>,
    /// The business key that it was made under, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: Option<String>,
    /// The source that it was copied from. A record without a source is the reseller's own; it may
    /// be left out of the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub source_id: Option<String>,
    /// How it is known that this is its source. Left out: `Stored`.
    #[serde(default, skip_serializing_if = "LinkKind::is_stored")]
    pub link: LinkKind,
    /// The source's digest at the time of the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub source_digest: Option<String>,
    /// The digest of the copy's source-owned fields as they are now, computed as the source's
    /// digest is: copy and source agree exactly if the two digests are equal.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub digest: String,
    /// Its state.
    pub state: CopyState,
    /// Why it is unclear, for people: the candidates, or the word that is not known. Exactly where the
    /// state is `Unclear`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub unclear: Option<String>,
}

/// A request to look copies up by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// Business keys, at most `largestBatch`.
    #[schemars(length(min = 1, max = 500), inner(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII)))]
    pub business_keys: Vec<String>,
}

/// What was found under one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The key.
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: String,
    /// Every record under it: none, one, or (a defect) several.
    #[schemars(length(max = 100))]
    pub copies: Vec<Copy>,
}

/// One customer to copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyCustomer {
    /// The customer in the distributor BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub source_id: String,
    /// Stored with the copy for ever.
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: String,
    /// The source's digest as the operator saw it. Another one now: `Conflict`.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub expected_source: String,
    /// The present copy's digest as the operator saw it; left out if it saw none. A different
    /// state of affairs now: `Conflict`. It is compared only where there is something to write:
    /// an item whose copy is there under this key, complete and equal to the source, is
    /// `Unchanged` whatever is given here, so that a repeated request does no harm; and where
    /// nothing but the other half of a pair is missing, it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub expected_copy: Option<String>,
}

/// One subscription or asset to copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopySubscription {
    /// The subscription or asset in the distributor BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub source_id: String,
    /// Subscription or asset.
    pub kind: PurchaseKind,
    /// Stored with the copy for ever.
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: String,
    /// The source's digest as the operator saw it. Another one now: `Conflict`.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub expected_source: String,
    /// The present copy's digest as the operator saw it; left out if it saw none. A different
    /// state of affairs now: `Conflict`. It is compared only where there is something to write:
    /// an item whose copy is there under this key, complete and equal to the source, is
    /// `Unchanged` whatever is given here, so that a repeated request does no harm; and where
    /// nothing but the other half of a pair is missing, it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub expected_copy: Option<String>,
    /// The digest of the customer's pricing options that were checked. Others now: `Conflict`.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub pricing_digest: String,
}

/// A batch of items, each decided for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Batch")]
pub struct Batch<T> {
    /// The items, at most `largestBatch`, no source twice.
    #[schemars(length(min = 1, max = 500))]
    pub items: Vec<T>,
}

/// What became of one item of a copy batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CopyOutcome {
    /// The copy was made (or completed), and with it everything that belongs to it.
    Created,
    /// There was nothing to do: the copy under this key is there, complete and equal.
    Unchanged,
    /// The copy's source-owned fields were brought up to the source.
    Updated,
    /// It must not be copied as things are; `reasons` says why. Nothing was written. Also where
    /// nothing at all may be copied (`BackOrderingActive`, `TenantSuspended`) each item is answered
    /// so, with status 200.
    Blocked,
    /// Something differs from what the item expected; also a source without a copy that is not
    /// `Active`, a business key that another record has, a source that is linked under another key.
    /// Nothing was written.
    Conflict,
    /// It could not be done; `class` and `detail` say why: `NotFound` if it is no customer of this
    /// reseller or no purchase of one, `Forbidden` if it is the reseller's own purchase, `Invalid`
    /// if it is of the other kind. Nothing was written.
    Failed,
}

/// Why an item or a reseller cannot go on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum BlockerReason {
    /// The subscription's currency is not the currency of the tenant's price list.
    CurrencyMismatch,
    /// The product is not in the tenant's catalogue.
    ProductMissing,
    /// One of its add-ons is not in the tenant's catalogue.
    AddonMissing,
    /// The product is there, but not for this billing cycle.
    BillingCycleMissing,
    /// The account's provisioning sync is not in order.
    AccountNotSynced,
    /// The customer's pricing options are missing or have no price for the product.
    PricingIncomplete,
    /// An order is not final.
    OrderNotFinal,
    /// A source has two copies that are not ended.
    DuplicateCopy,
    /// A copy's source is not active any more, was moved to another Bill To, or is gone.
    OrphanedCopy,
    /// The source changed after it was copied.
    SourceChanged,
    /// Something eligible has no copy yet.
    NotCopied,
    /// An account is copied but not marked, or marked but not copied.
    HalfMarked,
    /// The customer that owns the subscription has no copy.
    CustomerNotCopied,
    /// The reseller is not a Basic reseller.
    ResellerNotBasic,
    /// The tenant is suspended.
    TenantSuspended,
    /// The account may not order. Only tenant creation minds.
    OrderingDisabled,
    /// The price list is not active.
    PriceListInactive,
    /// Back ordering is On: nothing is copied any more.
    BackOrderingActive,
    /// It cannot be told which source a copy belongs to, or in which state the copy is.
    CopyUnclear,
    /// The state of a source is a word that is not known.
    StateUnclear,
}

/// A reason with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// The reason.
    pub reason: BlockerReason,
    /// What it is about, for people: product and add-on codes, currencies, cycles; no personal
    /// data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub detail: Option<String>,
}

/// The result of one item of a copy batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopyResult {
    /// The item's source.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub source_id: String,
    /// What became of it.
    pub outcome: CopyOutcome,
    /// With `Blocked`: every reason, not only the first; if there are more than 100, any 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub reasons: Vec<Blocker>,
    /// With `Failed`: the class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// With `Conflict` or `Failed`: what differs or went wrong, for people; no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub detail: Option<String>,
}

/// Results of a batch: at most one per item that was asked for, and one for each whose fate is known. Of a
/// write, an item that is missing here counts as *outcome unknown*: the operator looks up what became of
/// it. Of a read it breaks the contract, with one exception: `checkPurchases` leaves out what is not known (any more).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}s")]
pub struct Results<T> {
    /// The results, in any order.
    #[schemars(length(max = 500))]
    pub results: Vec<T>,
}

/// A request for pricing options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingLookup {
    /// Ids of customers in the distributor BSS, at most `largestBatch`.
    #[schemars(length(min = 1, max = 500), inner(length(min = 1, max = 128), regex(pattern = ID)))]
    pub customer_ids: Vec<String>,
}

/// Whether a customer's pricing options are set in the reseller BSS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingState {
    /// The customer's id in the distributor BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub customer_id: String,
    /// What people call this customer. It is shown to all readers of the upgrade while the
    /// operator waits for pricing options; leave it out where names are personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub display_name: Option<String>,
    /// Opaque digest over the stored options; absent while they are incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub digest: Option<String>,
    /// The options that are missing, for example `priceList`, `billing`, `copy` (the customer has
    /// no copy yet). Empty exactly if `digest` is there or the options are unseen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 64)))]
    pub missing: Vec<String>,
    /// The BSS does not show the options of this customer. Only if the capabilities name
    /// `PricingOptions` as unseen; then neither `digest` nor `missing` is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// The anchor of a billing period that is not a day of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BillingAnchor {
    /// The last day of each month.
    LastDayOfMonth,
}

/// When a customer is billed: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Billing {
    /// Day of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 28))]
    pub day: Option<u8>,
    /// A named day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<BillingAnchor>,
}

/// A customer's pricing options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingOptions {
    /// A price list of the reseller BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub price_list: String,
    /// When the customer is billed.
    pub billing: Billing,
    /// A payment method of the reseller BSS.
    #[schemars(length(min = 1, max = 64))]
    pub payment_method: String,
    /// How the customer is invoiced.
    pub invoicing: Invoicing,
    /// Credit limit in the price list's currency, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = MONEY))]
    pub credit_limit: Option<String>,
}

/// Pricing options to set for one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetPricing {
    /// The customer's id in the distributor BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub customer_id: String,
    /// The options.
    pub options: PricingOptions,
}

/// What became of the pricing options of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PricingOutcome {
    /// There were none; they were stored.
    Written,
    /// Exactly these were stored already.
    Unchanged,
    /// Others are stored, or only some. They stand: what a person set is never overwritten, and
    /// what a person left out is not filled in.
    Differs,
    /// They could not be stored; `class`, `fields` and `detail` say why.
    Failed,
}

/// The result of setting the pricing options of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingResult {
    /// The customer's id in the distributor BSS.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub customer_id: String,
    /// What became of it.
    pub outcome: PricingOutcome,
    /// With `Differs` or an invalid option: the names of the options concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 64)))]
    pub fields: Vec<String>,
    /// With `Failed`: the class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// For people; no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub detail: Option<String>,
}

/// What to check against: exactly one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckTarget {
    /// The reseller's tenant with its catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub tenant_id: Option<String>,
    /// A price list of the distributor, before the tenant exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub price_list: Option<String>,
}

/// A request to check subscriptions and assets, without copying them. A source that the reseller
/// does not have (any more) gets no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What to check against.
    pub target: CheckTarget,
    /// Ids of subscriptions and assets, at most `largestBatch`.
    #[schemars(length(min = 1, max = 500), inner(length(min = 1, max = 128), regex(pattern = ID)))]
    pub source_ids: Vec<String>,
}

/// The result of the check of one subscription or asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// Its id.
    #[schemars(length(min = 1, max = 128), regex(pattern = ID))]
    pub source_id: String,
    /// Every reason why it could not be copied: `CurrencyMismatch`, `ProductMissing`,
    /// `AddonMissing`, `BillingCycleMissing`; against a tenant also `PricingIncomplete` where the
    /// customer's price list has no price for the product. Empty if it could be copied.
    #[schemars(length(max = 100))]
    pub reasons: Vec<Blocker>,
}

/// A request to activate back ordering. It cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activate {
    /// Stored with the activation for ever.
    #[schemars(length(min = 1, max = 1024), regex(pattern = VISIBLE_ASCII))]
    pub business_key: String,
    /// The inventory revision under which the operator found everything in order. Left out only if
    /// the server promises `revision: None` or `compares: None`; a server that promises both in
    /// their strong form refuses a request without it (422).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub expected_revision: Option<u64>,
}

/// How the activation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActivationOutcome {
    /// This request switched back ordering on.
    Activated,
    /// It was on already.
    AlreadyActive,
}

/// The reply to an activation that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// How it went.
    pub outcome: ActivationOutcome,
    /// When back ordering was switched on, RFC 3339.
    #[schemars(length(min = 20, max = 35))]
    pub activated_time: String,
}

/// The class of an error: what the operator may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ErrorClass {
    /// Too many requests; nothing was done. Status 429, with `Retry-After` if the server knows.
    Throttled,
    /// Not available at the moment; nothing was done and nothing will be. Status 503. A server (or
    /// proxy) that cannot be sure of that must answer with another 5xx and without this class.
    Unavailable,
    /// The credentials were not accepted. Status 401.
    AuthRejected,
    /// The credentials do not allow this operation. Status 403.
    Forbidden,
    /// There is no such thing, path or method. Status 404.
    NotFound,
    /// Something differs from what the request expected; nothing was done. Status 409.
    Conflict,
    /// The epoch is older than the highest one issued, which `highestEpoch` tells; nothing was
    /// done. Status 409.
    StaleEpoch,
    /// The reseller is held by another holder, which `holder` names. Status 409.
    HeldByAnother,
    /// It must not be done as things are; `blockers` says why, all of it; nothing was done.
    /// Status 409.
    Blocked,
    /// The request is wrong; `fields` says where, all of it at once; nothing was done. Status 422;
    /// of a body that is larger than 2 MiB, 413. A `null`, a missing header, an epoch that was
    /// never issued and, where the server minds, an unknown member or query parameter are faults of
    /// this class.
    Invalid,
    /// A person has to do it; `instruction` says how. Status 501.
    ManualStepNeeded,
    /// This server cannot do it at all. Status 501.
    Unsupported,
    /// Something went wrong and the server cannot tell whether the request took effect.
    /// Status 500.
    Internal,
}

/// A field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldProblem {
    /// The member's name, or the header's, or the path of a nested member (`settings.edition`,
    /// `items[3].sourceId`); `body` for the body as a whole.
    #[schemars(length(min = 1, max = 256))]
    pub field: String,
    /// What is wrong.
    #[schemars(length(max = 512))]
    pub detail: String,
    /// The values that are allowed, where they can be listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 128)))]
    pub allowed: Vec<String>,
}

/// Blockers of one reason, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockerCount {
    /// The reason.
    pub reason: BlockerReason,
    /// How many records it concerns.
    pub count: u32,
    /// Ids of the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 128)))]
    pub examples: Vec<String>,
}

/// The body of every error reply: RFC 9457 problem details with a `class`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that names the problem type, or `about:blank`.
    #[serde(rename = "type", default = "about_blank")]
    #[schemars(length(max = 2048))]
    pub problem_type: String,
    /// A short summary.
    #[schemars(length(max = 256))]
    pub title: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// What happened, for people; no personal data and no credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub detail: Option<String>,
    /// The class.
    pub class: ErrorClass,
    /// With `Invalid`: what is wrong where; if there are more than 50 faults, any 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub fields: Vec<FieldProblem>,
    /// With `Blocked`: every reason with its count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub blockers: Vec<BlockerCount>,
    /// With `StaleEpoch`: the highest epoch issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_epoch: Option<u64>,
    /// With `HeldByAnother`: the present holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub holder: Option<String>,
    /// With `ManualStepNeeded`: what a person has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub instruction: Option<String>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}
