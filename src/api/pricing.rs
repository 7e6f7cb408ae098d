//! `CustomerPricing`: declared pricing options for customers of one upgrade.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Condition;
use super::upgrade::Invoicing;

/// Declared pricing options for customers of one upgrade. Optional: they may as well be set in the
/// reseller's BSS, and what is set there is never overwritten.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "CustomerPricing",
    plural = "customerpricings",
    namespaced,
    status = "CustomerPricingStatus",
    shortname = "cpr",
    category = "tenantreseller",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct CustomerPricingSpec {
    /// The upgrade, in the same namespace. Immutable.
    pub upgrade_ref: UpgradeRef,
    /// The customers, each once.
    #[schemars(length(min = 1, max = 500))]
    pub customers: Vec<DeclaredPricing>,
}

/// A reference to an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A named day that a customer is billed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BillingAnchor {
    /// The last day of each month.
    LastDayOfMonth,
}

/// When a customer is billed: exactly one of `day` and `anchor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Billing {
    /// Day of the month, 1 to 28.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 28))]
    pub day: Option<i32>,
    /// A named day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<BillingAnchor>,
}

/// Pricing options of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredPricing {
    /// The customer's account id in the distributor's BSS, for example `"20001"`.
    #[schemars(length(min = 1, max = 128))]
    pub account_id: String,
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
    /// Credit limit in the price list's currency, a decimal string. Example: `"5000.00"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 22), regex(pattern = r"^[0-9]{1,15}(\.[0-9]{1,6})?$"))]
    pub credit_limit: Option<String>,
}

/// What became of the declared options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerPricingStatus {
    /// The generation of the spec that this status was computed from; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
    /// Customers in the spec.
    #[serde(default)]
    pub declared: i64,
    /// Customers whose options in the reseller's BSS are exactly these.
    #[serde(default)]
    pub applied: i64,
    /// Customers whose options could not be applied.
    #[serde(default)]
    pub failed: i64,
    /// The first of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub failures: Vec<PricingFailure>,
}

/// A customer whose options could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingFailure {
    /// The customer.
    #[schemars(length(max = 128))]
    pub account_id: String,
    /// Why, and what to do.
    #[schemars(length(max = 512))]
    pub detail: String,
}
