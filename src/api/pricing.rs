//! `CustomerPricing`: declared pricing options for customers of one upgrade.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Condition;
use super::rules;
use super::upgrade::Invoicing;

/// Declared pricing options for customers of one upgrade. Optional: they may as well be set in the
/// reseller's BSS, and what is set there is never overwritten.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "CustomerPricing",
    doc = "Declares pricing options for customers of one upgrade. They are applied where a customer has none yet, and never overwrite what was set in the reseller's BSS.",
    plural = "customerpricings",
    namespaced,
    status = "CustomerPricingStatus",
    shortname = "cpr",
    category = "tenantreseller",
    derive = "PartialEq",
    selectable = ".spec.upgradeRef.name",
    printcolumn = r#"{ "name": "Declared", "type": "integer",
        "description": "Customers in the spec",
        "jsonPath": ".status.declared" }"#,
    printcolumn = r#"{ "name": "Applied", "type": "integer",
        "description": "Customers whose options are exactly these",
        "jsonPath": ".status.applied" }"#,
    printcolumn = r#"{ "name": "Failed", "type": "integer",
        "description": "Customers whose options could not be applied",
        "jsonPath": ".status.failed" }"#,
    printcolumn = r#"{ "name": "Ready", "type": "string",
        "description": "Whether all of them are applied",
        "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" }"#,
    printcolumn = r#"{ "name": "Upgrade", "type": "string", "priority": 1,
        "description": "The upgrade that they are for",
        "jsonPath": ".spec.upgradeRef.name" }"#,
    printcolumn = r#"{ "name": "Message", "type": "string", "priority": 1,
        "description": "The present, in a sentence",
        "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message" }"#,
    printcolumn = r#"{ "name": "Age", "type": "date",
        "jsonPath": ".metadata.creationTimestamp" }"#
)]
#[serde(rename_all = "camelCase")]
pub struct CustomerPricingSpec {
    /// The upgrade that the options are for, in the same namespace. Immutable.
    #[schemars(extend("x-kubernetes-validations" = rules::immutable("upgradeRef")))]
    pub upgrade_ref: UpgradeRef,
    /// The customers and their options, each customer once. A customer that comes in two objects
    /// gets neither, and both say so.
    #[schemars(
        length(min = 1, max = 500),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["accountId"])
    )]
    pub customers: Vec<DeclaredPricing>,
}

/// A reference to an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeRef {
    /// The name of the upgrade. Example: `contoso`
    #[schemars(
        length(min = 1, max = 253),
        extend("x-kubernetes-validations" = rules::object_name("name"))
    )]
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
#[schemars(extend("x-kubernetes-validations" = rules::rule(
    "has(self.day) != has(self.anchor)",
    "billing must have exactly one of day and anchor",
)))]
pub struct Billing {
    /// The day of the month. The days after the 28th, which not every month has, are what
    /// `anchor` is for. Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 28))]
    pub day: Option<i32>,
    /// A named day. `LastDayOfMonth` is the 28th, 29th, 30th or 31st, whichever the month ends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BillingAnchor")]
    pub anchor: Option<BillingAnchor>,
}

/// Pricing options of one customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredPricing {
    /// The customer's account id in the distributor's BSS, as text. Example: `"20001"`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::text("accountId"))
    )]
    pub account_id: String,
    /// The price list of the reseller's BSS that the customer buys from. Example: `PL-RETAIL`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::text("priceList"))
    )]
    pub price_list: String,
    /// When the customer is billed: exactly one of `day` and `anchor`.
    pub billing: Billing,
    /// The customer's payment method, one of those of the reseller's BSS. Example: `Invoice`
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-validations" = rules::text("paymentMethod"))
    )]
    pub payment_method: String,
    /// How the customer is invoiced: `Combined` is one invoice for all its subscriptions,
    /// `Separate` one for each.
    pub invoicing: Invoicing,
    /// The customer's credit limit in the currency of its price list, a decimal number as text
    /// with at most 15 digits before and 6 after the point. Without it there is no limit of its
    /// own. Example: `"5000.00"`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 22),
        extend("x-kubernetes-validations" = rules::matches(
            "^[0-9]{1,15}([.][0-9]{1,6})?$",
            "creditLimit must be a decimal number as text, for example \"5000.00\"",
        ))
    )]
    pub credit_limit: Option<String>,
}

/// What became of the declared options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerPricingStatus {
    /// The generation of the spec that this status was computed from; -1 before the first look.
    /// Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`: True once the options of every customer are applied; with the reason `Closed` once
    /// the subscriptions are copied and changes are the reseller's, in its own BSS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// How many customers the spec declares. Example: `120`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub declared: i64,
    /// How many customers have exactly these options in the reseller's BSS. Example: `118`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub applied: i64,
    /// How many customers' options could not be applied. Example: `2`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub failed: i64,
    /// The first of those that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub failures: Vec<PricingFailure>,
}

/// A customer whose options could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricingFailure {
    /// The customer's account id. Example: `"20001"`
    #[schemars(length(max = 128))]
    pub account_id: String,
    /// Why, and what to do about it.
    /// Example: `Declared by retail-a and retail-b: none of them is applied. Leave the customer in one of them.`
    #[schemars(length(max = 512))]
    pub detail: String,
}
