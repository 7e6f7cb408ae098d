//! `ResellerClaim`: the lock on one reseller, and the record that outlives the upgrade.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use super::upgrade::ConfirmedCopy;

/// The lock on one reseller of one BSS, and the record of what was done to it. Written by the
/// operator alone, in its own namespace; deleting the upgrade leaves it.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "ResellerClaim",
    doc = "The lock on one reseller of one BSS, and the record of what was done to it and when. Written by the operator alone, in its own namespace; it outlives the upgrade.",
    namespaced,
    shortname = "trc",
    category = "tenantreseller",
    derive = "PartialEq",
    selectable = ".spec.bssIdentity",
    selectable = ".spec.resellerAccountId",
    printcolumn = r#"{ "name": "Identity", "type": "string",
        "description": "The BSS's lasting name",
        "jsonPath": ".spec.bssIdentity" }"#,
    printcolumn = r#"{ "name": "Reseller", "type": "string",
        "description": "The reseller's account",
        "jsonPath": ".spec.resellerAccountId" }"#,
    printcolumn = r#"{ "name": "Holder", "type": "string",
        "description": "The upgrade that holds the reseller",
        "jsonPath": ".spec.holder.name" }"#,
    printcolumn = r#"{ "name": "Epoch", "type": "integer",
        "description": "The fencing epoch that the BSS issued last",
        "jsonPath": ".spec.epoch" }"#,
    printcolumn = r#"{ "name": "Tenant", "type": "string",
        "description": "The reseller's tenant",
        "jsonPath": ".spec.tenantId" }"#,
    printcolumn = r#"{ "name": "Activated", "type": "string",
        "description": "When back ordering was activated",
        "jsonPath": ".spec.activationTime" }"#,
    printcolumn = r#"{ "name": "Holder-Namespace", "type": "string", "priority": 1,
        "description": "The namespace of that upgrade",
        "jsonPath": ".spec.holder.namespace" }"#,
    printcolumn = r#"{ "name": "Approval", "type": "string", "priority": 1,
        "description": "Under which approval back ordering was activated",
        "jsonPath": ".spec.approval" }"#,
    printcolumn = r#"{ "name": "Age", "type": "date",
        "jsonPath": ".metadata.creationTimestamp" }"#
)]
#[serde(rename_all = "camelCase")]
pub struct ResellerClaimSpec {
    /// The BSS's lasting name. Immutable. Example: `acme-distribution`
    #[schemars(
        length(min = 1, max = 63),
        extend("x-kubernetes-validations" = rules::immutable("bssIdentity"))
    )]
    pub bss_identity: String,
    /// The reseller's account id as the BSS writes it. Immutable. Example: `"10423"`
    #[schemars(
        length(min = 1, max = 128),
        extend("x-kubernetes-validations" = rules::immutable("resellerAccountId"))
    )]
    pub reseller_account_id: String,
    /// The upgrade that holds the reseller, or held it last.
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub holder: ClaimHolder,
    /// The highest fencing epoch that the BSS issued to this operator; absent before the first.
    /// Example: `7`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Whether the latest attempt to acquire an epoch has no answer on record yet. The BSS may have
    /// issued an epoch all the same, for example if its answer was lost. Example: `false`
    #[serde(default)]
    pub acquisition_pending: bool,
    /// The last attempts to acquire an epoch, the latest last. Each stands here before it is sent. An
    /// epoch that the BSS issued for an attempt that is not here was issued to another operator, or to
    /// a later state of this cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub acquisitions: Vec<ClaimAcquisition>,
    /// The epoch that a person has to confirm before anything irreversible happens: the BSS had
    /// issued a higher one than this record knows, so the cluster's state went back. Example: `9`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_epoch: Option<i64>,
    /// What a person confirmed last: an epoch, or, where the BSS issues none, the number that was asked
    /// about. Example: `9`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_epoch: Option<i64>,
    /// Whether the upgrade was suspended when the latest epoch was issued. The BSS then refuses
    /// every write that was sent under an earlier one. Example: `false`
    #[serde(default)]
    pub suspended: bool,
    /// The tenant's id, once it is known. Example: `t-7001`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub tenant_id: Option<String>,
    /// The currency of the tenant's price list, an ISO 4217 code; it must not change while the
    /// upgrade runs. Example: `EUR`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 3))]
    pub tenant_currency: Option<String>,
    /// Effects that must not be repeated blindly and have no known outcome yet, with what is
    /// needed to find out.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub intents: ClaimIntents,
    /// What a person was told to do that cannot be undone. It stands here before it is shown, and is
    /// taken back here before anything is sent that it does not cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClaimTold")]
    pub told: Option<ClaimTold>,
    /// Pairs of source and copy that a person confirmed, because the BSS shows no link.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub confirmed_copies: Vec<ConfirmedCopy>,
    /// What a person confirmed of pricing options that the BSS does not show: the token that names the
    /// customers. Example: `pricing-3f9d6f6a2f115b0f`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub confirmed_pricing: Option<String>,
    /// Milestones, as they were reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub timeline: Vec<TimelineEntry>,
    /// When back ordering was activated. Example: `2026-12-05T21:14:03Z`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub activation_time: Option<String>,
    /// The digest of the inventory that back ordering was activated on.
    /// Example: `sum128-9f2c64d15b0f5c5e0d7b4a869d0e3f9d-520`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub inventory_digest: Option<String>,
    /// The digest of the pricing options that the last look saw before a person was told to do the step
    /// that copies and activates. Example: `sum128-5b0f5c5e0d7b4a869d0e3f9d6f6a2f11-120`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub pricing_digest: Option<String>,
    /// How back ordering was activated: `Automatic` is by the operator, `ManualStep` by a person whom
    /// the operator had told to, `FoundActive` before the operator came to it. Example: `Automatic`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub approval: Option<String>,
}

impl ResellerClaimSpec {
    /// The first record of a reseller: who holds it, and nothing done yet.
    #[must_use]
    pub fn new(bss_identity: String, reseller_account_id: String, holder: ClaimHolder) -> Self {
        Self {
            bss_identity,
            reseller_account_id,
            holder,
            epoch: None,
            acquisition_pending: false,
            acquisitions: Vec::new(),
            unconfirmed_epoch: None,
            confirmed_epoch: None,
            suspended: false,
            tenant_id: None,
            tenant_currency: None,
            intents: ClaimIntents::default(),
            told: None,
            confirmed_copies: Vec::new(),
            confirmed_pricing: None,
            timeline: Vec::new(),
            activation_time: None,
            inventory_digest: None,
            pricing_digest: None,
            approval: None,
        }
    }
}

/// An upgrade that holds a reseller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimHolder {
    /// The namespace of the upgrade. Example: `resellers`
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The name of the upgrade. Example: `contoso`
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The uid of the upgrade, which tells it from a later one of the same name.
    /// Example: `5b0f5c5e-0d7b-4a86-9d0e-3f9d6f6a2f11`
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// What a person was told to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimTold {
    /// The operation, as the contract names it. Example: `activateBackOrdering`
    #[schemars(length(max = 64))]
    pub operation: String,
    /// The digest of the inventory that the last sweep before it saw.
    /// Example: `sum128-9f2c64d15b0f5c5e0d7b4a869d0e3f9d-520`
    #[schemars(length(max = 80))]
    pub inventory_digest: String,
    /// The digest of the pricing options that the same sweep saw, where the step copies too.
    /// Example: `sum128-5b0f5c5e0d7b4a869d0e3f9d6f6a2f11-120`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub pricing_digest: Option<String>,
    /// When it was recorded. Example: `2026-12-05T21:14:02Z`
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub recorded_time: String,
}

/// An attempt to acquire an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimAcquisition {
    /// The attempt's id, which no other attempt has. Example: `9f2c64d15b0f5c5e.0.2`
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
    /// The epoch that the BSS issued for it; absent as long as no answer was heard. Example: `7`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
}

/// Open intents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimIntents {
    /// The creation of the tenant was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CreateTenantIntent")]
    pub create_tenant: Option<CreateTenantIntent>,
    /// The activation of back ordering was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ActivationIntent")]
    pub activate: Option<ActivationIntent>,
    /// Copies were sent to a BSS that would make a second one of the same source. What a process
    /// left here when it ended may still take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CopiesIntent")]
    pub copies: Option<CopiesIntent>,
}

/// Copies that were sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CopiesIntent {
    /// The source ids. Example: `[S-00042]`
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub source_ids: Vec<String>,
    /// When the intent was recorded. Example: `2026-12-05T20:30:00Z`
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub recorded_time: String,
}

/// A tenant that was requested.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTenantIntent {
    /// The digest of the settings that were sent.
    /// Example: `sha256-681c55803a689e446fed7f08d6a8fd62`
    #[schemars(length(max = 80))]
    pub settings_digest: String,
    /// The BSS's id of the operation, once it is known. Example: `op-31`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub operation_id: Option<String>,
    /// When the intent was recorded. Example: `2026-12-05T20:00:00Z`
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub recorded_time: String,
}

/// An activation that was requested.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivationIntent {
    /// The revision of the reseller's inventory that the final sweep saw; absent where the BSS has
    /// none. Example: `48213`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The digest of the inventory that the final sweep saw.
    /// Example: `sum128-9f2c64d15b0f5c5e0d7b4a869d0e3f9d-520`
    #[schemars(length(max = 80))]
    pub inventory_digest: String,
    /// When the intent was recorded. Example: `2026-12-05T21:14:02Z`
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub recorded_time: String,
}

/// A milestone that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// The milestone, as its condition is called. Example: `CustomersCopied`
    #[schemars(length(max = 64))]
    pub milestone: String,
    /// When work on it began. Example: `2026-12-05T20:00:31Z`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub started_time: Option<String>,
    /// When it was reached. Example: `2026-12-05T20:04:10Z`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub completed_time: Option<String>,
    /// How many items it covered. Example: `120`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub items: i64,
}
