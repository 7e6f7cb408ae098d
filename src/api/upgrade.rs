//! `TenantResellerUpgrade`: the desired upgrade of one reseller.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claim::TimelineEntry;
use super::conditions::Condition;
use super::pricing::Billing;

/// The desired upgrade of one reseller from Basic reseller to tenant reseller.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "TenantResellerUpgrade",
    namespaced,
    status = "TenantResellerUpgradeStatus",
    shortname = "tru",
    category = "tenantreseller",
    derive = "PartialEq",
    selectable = ".status.phase",
    selectable = ".spec.reseller.accountId",
    selectable = ".spec.connectionRef.name"
)]
#[serde(rename_all = "camelCase")]
pub struct TenantResellerUpgradeSpec {
    /// The connection to the distributor's BSS. Immutable.
    pub connection_ref: ConnectionRef,
    /// The reseller to upgrade.
    pub reseller: ResellerRef,
    /// The tenant that the reseller gets.
    pub tenant: TenantSpec,
    /// What to do about customers without pricing options.
    #[serde(default)]
    pub pricing: PricingPolicy,
    /// Whether all work on this upgrade rests. A call that was sent already is awaited.
    #[serde(default)]
    pub suspend: bool,
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
    /// The kind of the connection.
    #[serde(default)]
    pub kind: ConnectionKind,
    /// The connection's name, in the upgrade's namespace, for example `distributor`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The reseller to upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResellerRef {
    /// The reseller's account id in the distributor's BSS, for example `"10423"`. Immutable.
    #[schemars(length(min = 1, max = 128))]
    pub account_id: String,
    /// If set, another name of the account in the BSS stops everything: a guard against a
    /// mistyped id. Example: `Contoso Ltd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
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
    /// The distributor's price list: it fixes the tenant's catalogue, its cost prices and its
    /// currency. Example: `PL-RESELLER-EUR`.
    #[schemars(length(min = 1, max = 128))]
    pub price_list: String,
    /// The edition, one of those that the BSS sells. Example: `Premium`.
    #[schemars(length(min = 1, max = 64))]
    pub edition: String,
    /// Language, a BCP 47 tag. Example: `en-GB`.
    #[schemars(length(min = 2, max = 35))]
    pub language: String,
    /// Time zone, an IANA name. Example: `Europe/Athens`.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Date format in the BSS's own notation. Example: `dd/MM/yyyy`.
    #[schemars(length(min = 1, max = 32))]
    pub date_format: String,
    /// How the distributor invoices for the tenant's accounts; the default that they inherit.
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
pub struct PricingPolicy {
    /// What to do about a customer that owns a copyable subscription and has no pricing options.
    #[serde(default)]
    pub when_missing: WhenMissing,
    /// The options that such a customer gets with `UseDefault`. They never overwrite what was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<PricingDefault>,
}

/// Default pricing options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingDefault {
    /// A price list of the reseller's BSS. Example: `PL-RETAIL`.
    #[schemars(length(min = 1, max = 128))]
    pub price_list: String,
    /// When the customer is billed.
    pub billing: Billing,
    /// A payment method of the reseller's BSS. Example: `Invoice`.
    #[schemars(length(min = 1, max = 64))]
    pub payment_method: String,
    /// How the customer is invoiced.
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
            Self::Done => "Done",
        }
    }
}

/// The upgrade as the operator sees it; never more than 16 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantResellerUpgradeStatus {
    /// The generation of the spec that this status was computed from; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the upgrade is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The conditions: milestones that stay True once they are, and the summary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantView>,
    /// The BSS's name, as in every business key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub bss_identity: Option<String>,
    /// The reseller's canonical account id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reseller_account_id: Option<String>,
    /// How far the copies are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What the last final sweep saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// What the upgrade waits for, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// What is in the way, by reason, with a few examples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub failures: Vec<FailureGroup>,
    /// Milestones, as they were reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub timeline: Vec<TimelineEntry>,
    /// The value of the annotation `tenantreseller.io/requestedAt` that was obeyed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The tenant, as far as the operator knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub id: Option<String>,
    /// Where people reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// When its creation was requested; `spec.tenant` is frozen while this stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub requested_time: Option<String>,
}

/// Progress per kind, and a text for the column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Customers.
    #[serde(default)]
    pub customers: KindProgress,
    /// Subscriptions.
    #[serde(default)]
    pub subscriptions: KindProgress,
    /// Assets.
    #[serde(default)]
    pub assets: KindProgress,
    /// Items of all kinds that are in the way, for the column `FAILED`.
    #[serde(default)]
    pub failed: i64,
    /// For the column `PROGRESS`, for example `1,204/3,000`.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub display: String,
}

/// Progress of one kind of item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KindProgress {
    /// Items that are to be copied.
    #[serde(default)]
    pub eligible: i64,
    /// Items that have their copy.
    #[serde(default)]
    pub copied: i64,
    /// Items that cannot be copied as they are.
    #[serde(default)]
    pub failed: i64,
    /// Items that are left out, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 10))]
    pub excluded: BTreeMap<String, i64>,
}

/// What the final sweep saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Order-independent digest over all eligible items.
    #[serde(default)]
    #[schemars(length(max = 80))]
    pub digest: String,
    /// Customers.
    #[serde(default)]
    pub customers: i64,
    /// Subscriptions.
    #[serde(default)]
    pub subscriptions: i64,
    /// Assets.
    #[serde(default)]
    pub assets: i64,
}

/// What the upgrade waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// The reason, as in `Ready`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Who must do what.
    #[schemars(length(max = 1024))]
    pub next_action: String,
    /// Since when, RFC 3339.
    #[schemars(length(max = 40))]
    pub since: String,
    /// When the operator looks again by itself, if that is more than 30 s away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub next_attempt_time: Option<String>,
}

/// What is in the way, of one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureGroup {
    /// The reason, for example `CurrencyMismatch`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// How many items.
    pub count: i64,
    /// A few of them; at most 10 over all groups. The rest is in the reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub examples: Vec<FailureExample>,
}

/// One item that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureExample {
    /// `customer`, `subscription` or `asset`.
    #[schemars(length(max = 16))]
    pub kind: String,
    /// Its id in the distributor's BSS.
    #[schemars(length(max = 128))]
    pub id: String,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub detail: Option<String>,
}
