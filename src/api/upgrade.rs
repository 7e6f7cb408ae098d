//! `TenantResellerUpgrade`: the desired upgrade of one reseller.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claim::TimelineEntry;
use super::conditions::Condition;
use super::pricing::Billing;
use super::rules;

/// The desired upgrade of one reseller from Basic reseller to tenant reseller.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "TenantResellerUpgrade",
    doc = "Takes one reseller of a distributor from Basic reseller to tenant reseller: creates its tenant, copies its customers and subscriptions, and activates back ordering.",
    namespaced,
    status = "TenantResellerUpgradeStatus",
    shortname = "tru",
    category = "tenantreseller",
    derive = "PartialEq",
    selectable = ".status.phase",
    selectable = ".spec.reseller.accountId",
    selectable = ".spec.connectionRef.name",
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.tenant) || \
         !has(oldSelf.status.tenant.requestedTime) || self.spec.tenant == oldSelf.spec.tenant"
    )
    .message(
        "spec.tenant is frozen: the tenant was requested with these settings, and they may change \
         only if the BSS refuses them"
    )
    .field_path(".spec.tenant"),
    printcolumn = r#"{ "name": "Ready", "type": "string",
        "description": "Whether the upgrade is complete",
        "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" }"#,
    printcolumn = r#"{ "name": "Phase", "type": "string",
        "description": "Where the upgrade is",
        "jsonPath": ".status.phase" }"#,
    printcolumn = r#"{ "name": "Progress", "type": "string",
        "description": "Items that have their copy, of those to copy",
        "jsonPath": ".status.progress.display" }"#,
    printcolumn = r#"{ "name": "Failed", "type": "integer",
        "description": "Items that cannot be copied as they are",
        "jsonPath": ".status.progress.failed" }"#,
    printcolumn = r#"{ "name": "Waiting-For", "type": "string",
        "description": "What the upgrade waits for",
        "jsonPath": ".status.waitingFor.reason" }"#,
    printcolumn = r#"{ "name": "Reseller", "type": "string", "priority": 1,
        "description": "The reseller's account in the distributor's BSS",
        "jsonPath": ".spec.reseller.accountId" }"#,
    printcolumn = r#"{ "name": "Connection", "type": "string", "priority": 1,
        "description": "The connection to the distributor's BSS",
        "jsonPath": ".spec.connectionRef.name" }"#,
    printcolumn = r#"{ "name": "Tenant", "type": "string", "priority": 1,
        "description": "The reseller's tenant",
        "jsonPath": ".status.tenant.id" }"#,
    printcolumn = r#"{ "name": "Next-Attempt", "type": "string", "priority": 1,
        "description": "When the operator looks again by itself",
        "jsonPath": ".status.waitingFor.nextAttemptTime" }"#,
    printcolumn = r#"{ "name": "Message", "type": "string", "priority": 1,
        "description": "The present, in a sentence",
        "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message" }"#,
    printcolumn = r#"{ "name": "Age", "type": "date",
        "jsonPath": ".metadata.creationTimestamp" }"#
)]
#[serde(rename_all = "camelCase")]
pub struct TenantResellerUpgradeSpec {
    /// The connection to the distributor's BSS. It is immutable, because every record of the
    /// upgrade carries the name of that BSS.
    #[schemars(extend("x-kubernetes-validations" = rules::immutable("connectionRef")))]
    pub connection_ref: ConnectionRef,
    /// The reseller to upgrade.
    pub reseller: ResellerRef,
    /// The tenant that the reseller gets. Frozen from the moment it was requested
    /// (`status.tenant.requestedTime`); a refusal by the BSS thaws it.
    pub tenant: TenantSpec,
    /// The connection to the tenant, where the tenant has an access of its own: the distributor's
    /// credentials are not enough for the reseller's BSS. It may be added late, once the tenant is
    /// there; until then the upgrade waits (`AwaitingTenantConnection`). Its identity must be the
    /// same as that of `connectionRef`: both are sides of one BSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ConnectionRef")]
    pub tenant_connection_ref: Option<ConnectionRef>,
    /// What to do about customers that own a copyable subscription and have no pricing options.
    #[serde(default)]
    pub pricing: PricingPolicy,
    /// Whether all work on this upgrade rests. A call that was sent already is awaited, so
    /// `Ready` may say `Suspending` for a moment. The annotation
    /// `tenantreseller.io/suspend: "true"` does the same beside a spec that Git manages; any value of
    /// it but `false` suspends.
    /// Example: `true`
    #[serde(default)]
    pub suspend: bool,
    /// Pairs of a source and its copy that a person confirms, where the BSS shows no link and it cannot be
    /// told otherwise which record is the copy of which source (`CopyUnclear`). Each source and each
    /// copy stands here once. What was confirmed is kept in the record of the upgrade.
    /// Example: `[{sourceId: S-00042, copyId: c-17}]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map"),
        extend("x-kubernetes-list-map-keys" = ["sourceId"])
    )]
    pub confirmed_copies: Vec<ConfirmedCopy>,
}

/// A source and its copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmedCopy {
    /// The customer, subscription or asset in the distributor's BSS. Example: `S-00042`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::text("sourceId"))
    )]
    pub source_id: String,
    /// Its copy in the reseller's BSS. Example: `c-17`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::text("copyId"))
    )]
    pub copy_id: String,
}

/// The kinds of connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConnectionKind {
    /// A connection in the upgrade's own namespace.
    #[default]
    BssConnection,
}

/// A reference to a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRef {
    /// The kind of the connection. `BssConnection` is one in the upgrade's own namespace.
    #[serde(default)]
    pub kind: ConnectionKind,
    /// The name of the connection, in the upgrade's namespace. Example: `distributor`
    #[schemars(
        length(min = 1, max = 253),
        extend("x-kubernetes-validations" = rules::object_name("name"))
    )]
    pub name: String,
}

/// The reseller to upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResellerRef {
    /// The reseller's account id in the distributor's BSS, as text. Immutable. Example: `"10423"`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::all(&[
            rules::text("reseller.accountId"),
            rules::immutable("reseller.accountId"),
        ]))
    )]
    pub account_id: String,
    /// A guard against a mistyped account id: if the account has another name in the BSS,
    /// everything stops with the reason `ResellerMismatch`. Without it the name is not looked at.
    /// Example: `Contoso Ltd`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 256),
        extend("x-kubernetes-validations" = rules::text("reseller.expectedName"))
    )]
    pub expected_name: Option<String>,
}

/// How accounts are invoiced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Invoicing {
    /// One invoice for all.
    Combined,
    /// One invoice per account.
    Separate,
}

/// The tenant's settings. They are frozen once its creation was requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// A price list of the distributor. It fixes the tenant's catalogue, its cost prices and the
    /// currency that the tenant is billed in. Example: `PL-RESELLER-EUR`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::text("tenant.priceList"))
    )]
    pub price_list: String,
    /// The edition of the tenant, one of those that the BSS sells. Example: `Premium`
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-validations" = rules::text("tenant.edition"))
    )]
    pub edition: String,
    /// The tenant's language, a BCP 47 tag that the BSS knows. Example: `en-GB`
    #[schemars(
        length(min = 2, max = 35),
        extend("x-kubernetes-validations" = rules::language("tenant.language"))
    )]
    pub language: String,
    /// The tenant's time zone, by its name in the IANA time zone database; billing days begin and
    /// end in it. An offset such as +02:00 is no name. Example: `Europe/Athens`
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-validations" = rules::time_zone("tenant.timeZone"))
    )]
    pub time_zone: String,
    /// How the tenant shows dates, in the BSS's own notation. Example: `dd/MM/yyyy`
    #[schemars(
        length(min = 1, max = 32),
        extend("x-kubernetes-validations" = rules::text("tenant.dateFormat"))
    )]
    pub date_format: String,
    /// How the accounts of the tenant are invoiced unless they say otherwise: `Combined` is one
    /// invoice for all, `Separate` one per account.
    pub invoicing: Invoicing,
}

/// What to do about customers without pricing options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenMissing {
    /// Wait until they have them.
    #[default]
    Wait,
    /// Give them the default.
    UseDefault,
}

/// The policy for customers without pricing options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::all(&[
    rules::rule(
        "self.whenMissing != 'UseDefault' || has(self.default)",
        "pricing.default must be set when pricing.whenMissing is UseDefault",
    ),
    rules::rule(
        "self.whenMissing == 'UseDefault' || !has(self.default)",
        "pricing.default must not be set unless pricing.whenMissing is UseDefault",
    ),
])))]
pub struct PricingPolicy {
    /// What to do about a customer that owns a copyable subscription and has no pricing options:
    /// `Wait` until a person sets them, in the reseller's BSS or by a `CustomerPricing` object, or
    /// `UseDefault`.
    #[serde(default)]
    pub when_missing: WhenMissing,
    /// The options that such a customer gets with `UseDefault`; required then, and refused
    /// otherwise. They never overwrite what a person set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PricingDefault")]
    pub default: Option<PricingDefault>,
}

/// Default pricing options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingDefault {
    /// The price list of the reseller's BSS that the customer buys from. Example: `PL-RETAIL`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::text("pricing.default.priceList"))
    )]
    pub price_list: String,
    /// When the customer is billed: exactly one of `day` and `anchor`.
    pub billing: Billing,
    /// The customer's payment method, one of those of the reseller's BSS. Example: `Invoice`
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-validations" = rules::text("pricing.default.paymentMethod"))
    )]
    pub payment_method: String,
    /// How the customer is invoiced: `Combined` is one invoice for all its subscriptions,
    /// `Separate` one for each.
    pub invoicing: Invoicing,
}

/// Where an upgrade is. Computed from the conditions, never read back.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Not begun.
    Pending,
    /// Phase 1.
    TenantCreation,
    /// Phase 2.
    CustomerCopy,
    /// The gate before phase 3.
    PricingGate,
    /// Phase 3.
    SubscriptionCopy,
    /// Phase 4.
    Activation,
    /// Back ordering is on; both sides are compared.
    Verification,
    /// Complete.
    Done,
}

impl Phase {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::TenantCreation => "TenantCreation",
            Self::CustomerCopy => "CustomerCopy",
            Self::PricingGate => "PricingGate",
            Self::SubscriptionCopy => "SubscriptionCopy",
            Self::Activation => "Activation",
            Self::Verification => "Verification",
            Self::Done => "Done",
        }
    }
}

/// The upgrade as the operator sees it; never more than 16 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::milestones()))]
pub struct TenantResellerUpgradeStatus {
    /// The generation of the spec that this status was computed from; -1 before the first look.
    /// Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The operator that works on this upgrade, by the uid of its own namespace. Another operator in the same
    /// cluster stands back until the annotation `tenantreseller.io/take-over` names this value.
    /// Example: `3f0c9f6e-6d0b-4c57-9a35-0d2f6d1b1f52`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub operator: Option<String>,
    /// Where the upgrade is: not begun, one of the four phases, the gate before phase 3, the
    /// comparison after the switch, or done.
    /// Computed from the conditions, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Phase")]
    pub phase: Option<Phase>,
    /// The milestones `TenantCreated`, `CustomersCopied`, `PricingReady`, `SubscriptionsCopied`,
    /// `BackOrderingActivated` and `Verified`, which stay True once they are, and the summary:
    /// `Accepted`, `Ready`, `Succeeded`, `Suspended`, and `Reconciling` or `Stalled` while they are True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// The tenant, as far as the operator knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TenantView", extend("x-kubernetes-map-type" = "atomic"))]
    pub tenant: Option<TenantView>,
    /// The BSS's lasting name, as in every business key. Example: `acme-distribution`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub bss_identity: Option<String>,
    /// The reseller's account id as the BSS writes it. Example: `"10423"`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reseller_account_id: Option<String>,
    /// How far the copies are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Progress", extend("x-kubernetes-map-type" = "atomic"))]
    pub progress: Option<Progress>,
    /// What the last final sweep over both sides saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Inventory", extend("x-kubernetes-map-type" = "atomic"))]
    pub inventory: Option<Inventory>,
    /// What the upgrade waits for, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WaitingFor", extend("x-kubernetes-map-type" = "atomic"))]
    pub waiting_for: Option<WaitingFor>,
    /// What is in the way, by reason, with a few examples. All of it is in the `UpgradeReport`
    /// objects that this upgrade owns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub failures: Vec<FailureGroup>,
    /// Milestones, as they were reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub timeline: Vec<TimelineEntry>,
    /// The value of the annotation `tenantreseller.io/requestedAt` that was obeyed last.
    /// Example: `2026-12-05T20:00:00Z`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The tenant, as far as the operator knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// The tenant's id in the BSS. Example: `t-7001`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub id: Option<String>,
    /// Where people reach the tenant. Example: `https://contoso.bss.example.com`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// When its creation was requested; `spec.tenant` is frozen while this stands.
    /// Example: `2026-12-05T20:00:00Z`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub requested_time: Option<String>,
}

/// Progress per kind, and a text for the column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Customers: accounts whose Bill To is the reseller.
    #[serde(default)]
    pub customers: KindProgress,
    /// Subscriptions: recurring purchases, with their add-ons.
    #[serde(default)]
    pub subscriptions: KindProgress,
    /// Assets: one-off or legacy purchases.
    #[serde(default)]
    pub assets: KindProgress,
    /// Items of all kinds that cannot be copied as they are, for the column `FAILED`. Example: `3`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub failed: i64,
    /// Items that have their copy and items to copy, for the column `PROGRESS`.
    /// Example: `1,204/3,000`
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub display: String,
}

/// Progress of one kind of item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindProgress {
    /// How many items are to be copied. Example: `3000`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub eligible: i64,
    /// How many of them have their copy. Example: `1204`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub copied: i64,
    /// How many cannot be copied as they are. Example: `3`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub failed: i64,
    /// How many items are left out, by reason. Example: `{"Suspended": 4, "Trial": 2}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10, "x-kubernetes-map-type" = "atomic"))]
    pub excluded: BTreeMap<String, i64>,
}

/// What the final sweep saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// A digest over all eligible items that does not depend on their order.
    /// Example: `sum128-9f2c64d15b0f5c5e0d7b4a869d0e3f9d-520`
    #[serde(default)]
    #[schemars(length(max = 80))]
    pub digest: String,
    /// How many customers it covers. Example: `120`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub customers: i64,
    /// How many subscriptions it covers. Example: `360`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub subscriptions: i64,
    /// How many assets it covers. Example: `40`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub assets: i64,
}

/// What the upgrade waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// The reason, the same word as in the condition `Ready`. Example: `AwaitingPricing`
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Who has to do what, in a sentence.
    /// Example: `Set pricing options for 2 customers in the reseller's BSS, or apply a CustomerPricing that names the upgrade contoso: 20001, 20002.`
    #[schemars(length(max = 1024))]
    pub next_action: String,
    /// Since when it waits. Example: `2026-12-05T20:00:00Z`
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub since: String,
    /// When the operator looks again by itself, if that is more than 30 s away.
    /// Example: `2026-12-05T20:05:00Z`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub next_attempt_time: Option<String>,
}

/// What is in the way, of one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureGroup {
    /// Why, one word. Example: `CurrencyMismatch`
    #[schemars(length(max = 64))]
    pub reason: String,
    /// How many items are concerned. Example: `12`
    #[schemars(range(min = 0))]
    pub count: i64,
    /// A few of them: at most 10 over all groups together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub examples: Vec<FailureExample>,
}

/// One item that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureExample {
    /// What it is: customer, subscription or asset; purchase, where nothing tells which of the latter
    /// two. Example: `subscription`
    #[schemars(length(max = 16))]
    pub kind: String,
    /// Its id in the distributor's BSS. Example: `S-00042`
    #[schemars(length(max = 128))]
    pub id: String,
    /// What is wrong with it, mostly in the words of the BSS. Example: `USD instead of EUR`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub detail: Option<String>,
}
