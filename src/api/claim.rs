//! `ResellerClaim`: the lock on one reseller, and the record that outlives the upgrade.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The lock on one reseller of one BSS, and the record of what was done to it. Written by the
/// operator alone, in its own namespace; deleting the upgrade leaves it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "ResellerClaim",
    namespaced,
    shortname = "trc",
    category = "tenantreseller",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ResellerClaimSpec {
    /// The BSS's name.
    #[schemars(length(min = 1, max = 63))]
    pub bss_identity: String,
    /// The reseller's canonical account id.
    #[schemars(length(min = 1, max = 128))]
    pub reseller_account_id: String,
    /// The upgrade that holds the reseller.
    pub holder: ClaimHolder,
    /// The highest fencing epoch that the BSS issued to this operator; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// True while the operator asks for an epoch: the answer may have been lost.
    #[serde(default)]
    pub acquiring: bool,
    /// The epoch that a person has to confirm, because the BSS had issued a higher one than this
    /// record knows: the cluster's state went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_epoch: Option<i64>,
    /// The tenant, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub tenant_id: Option<String>,
    /// Effects that must not be repeated blindly and have no known outcome yet.
    #[serde(default)]
    pub intents: ClaimIntents,
    /// Milestones, as they were reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub timeline: Vec<TimelineEntry>,
    /// When back ordering was activated, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub activation_time: Option<String>,
    /// The digest of the inventory that back ordering was activated on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub inventory_digest: Option<String>,
    /// Under which approval back ordering was activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub approval: Option<String>,
}

/// An upgrade that holds a reseller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimHolder {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its uid.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// Open intents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimIntents {
    /// The tenant was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_tenant: Option<CreateTenantIntent>,
    /// Activation was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate: Option<ActivationIntent>,
}

/// A tenant that was requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTenantIntent {
    /// Digest of the settings that were sent.
    #[schemars(length(max = 80))]
    pub settings_digest: String,
    /// The BSS's operation, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub operation_id: Option<String>,
    /// When the intent was recorded, RFC 3339.
    #[schemars(length(max = 40))]
    pub recorded_time: String,
}

/// An activation that was requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivationIntent {
    /// The revision of the final sweep.
    pub revision: i64,
    /// The digest of the inventory of the final sweep.
    #[schemars(length(max = 80))]
    pub inventory_digest: String,
    /// When the intent was recorded, RFC 3339.
    #[schemars(length(max = 40))]
    pub recorded_time: String,
}

/// A milestone that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// The milestone, as the condition is called.
    #[schemars(length(max = 64))]
    pub milestone: String,
    /// When work on it began, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub started_time: Option<String>,
    /// When it was reached, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub completed_time: Option<String>,
    /// How many items it covered.
    #[serde(default)]
    pub items: i64,
}
