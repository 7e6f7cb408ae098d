//! The adapter for interworks.cloud in a connection: which installation it is, and what its words mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// The adapter for interworks.cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterworksAdapter {
    /// The address of the BSS, without `/api`: https, without credentials, query or fragment. Its host
    /// must be among those that the Secrets of this connection allow.
    /// Example: `https://bss.example.com`
    #[schemars(
        length(min = 9, max = 2048),
        extend("x-kubernetes-validations" = rules::base_url("interworks.url"))
    )]
    pub url: String,
    /// Of the distributor's connection: two accounts of resellers by which the operator learns what tells
    /// a Basic reseller from a tenant reseller, because no public text says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksCalibration")]
    pub calibration: Option<InterworksCalibration>,
    /// Of a tenant's connection: which tenant it is, because the API has no call that tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksTenant")]
    pub tenant: Option<InterworksTenant>,
    /// The version of the API that each request asks for. Example: `3.0`
    #[serde(default = "default_api_version")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-validations" = rules::matches(
            "^[0-9]+([.][0-9]+)?$",
            "interworks.apiVersion must be a number, for example 3.0",
        ))
    )]
    pub api_version: String,
    /// What the words of this installation mean. Words are compared without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksWords")]
    pub words: Option<InterworksWords>,
    /// The words for orders that are final. Any other order is open and holds the last button back.
    /// Without this list open orders cannot be told at all. Example: `[Completed, Cancelled]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 64)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub final_order_statuses: Vec<String>,
    /// Which button activates back ordering: `WithTransfer`, the one that transfers the subscriptions (the
    /// default, and the safe one), or `Separate`, a button of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksSwitch")]
    pub switch: Option<InterworksSwitch>,
    /// Whether bundles are looked for: `Read` (the default), or `None`, by which you say that no customer
    /// has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksBundles")]
    pub bundles: Option<InterworksBundles>,
    /// The field of an account that holds its price list. Without it the operator does not see whether a
    /// customer's pricing options are complete, and asks a person. Example: `priceList`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 64),
        extend("x-kubernetes-validations" = rules::matches(
            "^[A-Za-z][A-Za-z0-9]*$",
            "interworks.priceListField must be the name of a field, for example priceList",
        ))
    )]
    pub price_list_field: Option<String>,
    /// How listings are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksReading")]
    pub reading: Option<InterworksReading>,
}

fn default_api_version() -> String {
    "3.0".to_owned()
}

/// Two accounts of resellers in the distributor's BSS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterworksCalibration {
    /// The id of an account that is known to be a Basic reseller. Example: `1201`
    #[schemars(length(min = 1, max = 20), extend("x-kubernetes-validations" = rules::matches(
        "^[0-9]+$", "interworks.calibration.basicAccountId must be a number",
    )))]
    pub basic_account_id: String,
    /// The id of an account that is known to be a tenant reseller with back ordering on.
    /// Example: `1077`
    #[schemars(length(min = 1, max = 20), extend("x-kubernetes-validations" = rules::matches(
        "^[0-9]+$", "interworks.calibration.tenantAccountId must be a number",
    )))]
    pub tenant_account_id: String,
}

/// Which tenant a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterworksTenant {
    /// What the tenant is called for good: a part of the operator's records. The name of its
    /// organisation serves well. Immutable. Example: `alpha-it`
    #[schemars(
        length(min = 1, max = 63),
        extend("x-kubernetes-validations" = rules::all(&[
            rules::object_name("interworks.tenant.id"),
            rules::immutable("interworks.tenant.id"),
        ]))
    )]
    pub id: String,
    /// The id of the reseller's account in the distributor's BSS. An upgrade of another reseller does not
    /// use the connection. Immutable. Example: `1340`
    #[schemars(
        length(min = 1, max = 20),
        extend("x-kubernetes-validations" = rules::all(&[
            rules::matches("^[0-9]+$", "interworks.tenant.resellerAccountId must be a number"),
            rules::immutable("interworks.tenant.resellerAccountId"),
        ]))
    )]
    pub reseller_account_id: String,
    /// Where people reach the tenant. Example: `https://shop.alpha-it.example`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 9, max = 2048),
        extend("x-kubernetes-validations" = rules::base_url("interworks.tenant.url"))
    )]
    pub url: Option<String>,
}

/// What the words of an installation mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterworksWords {
    /// Words for subscriptions and assets that are active, beside `Active`. Example: `[Provisioned]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub active: Vec<String>,
    /// Words for those that are suspended, beside `Suspended`. Example: `[On Hold]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub suspended: Vec<String>,
    /// Words for those that have ended, beside `Cancelled`, `Canceled` and `Expired`.
    /// Example: `[In-Active]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub ended: Vec<String>,
    /// Words for trials, beside `Trial`. Example: `[Evaluation]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub trial: Vec<String>,
    /// Words for those whose start lies in the future. Example: `[Scheduled]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub future_dated: Vec<String>,
    /// Words for an account whose sync with a provisioning system is in order.
    /// Example: `[Synchronized]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub synced: Vec<String>,
    /// Words for an account whose sync is not in order. A word in neither list is not seen.
    /// Example: `[Failed]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub not_synced: Vec<String>,
}

/// Which button activates back ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InterworksSwitch {
    /// The one that transfers the subscriptions.
    WithTransfer,
    /// One of its own.
    Separate,
}

/// Whether bundles are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InterworksBundles {
    /// They are.
    Read,
    /// No customer has one.
    None,
}

/// How an installation pages its listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InterworksPaging {
    /// By links to the next page, or by numbers.
    Pages,
    /// Not at all: one reply holds everything.
    Whole,
}

/// How listings are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterworksReading {
    /// How many rows of a listing are asked for at a time. On a time-out the operator asks for half as
    /// many. Example: `500`
    #[serde(default = "default_page_size")]
    #[schemars(range(min = 10, max = 1000))]
    pub page_size: i32,
    /// How long a page of a listing may take, in seconds; the vendor's lists are slow. Single records are
    /// bound by `limits.requestTimeoutSeconds`. Example: `240`
    #[serde(default = "default_list_timeout_seconds")]
    #[schemars(range(min = 1, max = 600))]
    pub list_timeout_seconds: i32,
    /// The most rows of one listing that are looked at, where the BSS does not heed a filter and sends
    /// the whole of its records. Example: `200000`
    #[serde(default = "default_max_scanned")]
    #[schemars(range(min = 1000, max = 2_000_000))]
    pub max_scanned: i32,
    /// How this installation pages its listings: `Pages` (the default), or `Whole` if one reply holds
    /// everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "InterworksPaging")]
    pub paging: Option<InterworksPaging>,
}

impl Default for InterworksReading {
    fn default() -> Self {
        Self {
            page_size: default_page_size(),
            list_timeout_seconds: default_list_timeout_seconds(),
            max_scanned: default_max_scanned(),
            paging: None,
        }
    }
}

fn default_page_size() -> i32 {
    500
}

fn default_list_timeout_seconds() -> i32 {
    240
}

fn default_max_scanned() -> i32 {
    200_000
}
