//! `UpgradeReport`: exceptions in pages.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Exceptions of an upgrade in pages: what is in the way and what was left out, item by item.
/// Written by the operator, owned by the upgrade, rewritten only when the content changed.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "UpgradeReport",
    doc = "One page of what is in the way of an upgrade or is left out by it, item by item. Written by the operator and owned by the upgrade.",
    namespaced,
    shortname = "trur",
    category = "tenantreseller",
    derive = "PartialEq",
    selectable = ".spec.kind",
    printcolumn = r#"{ "name": "Kind", "type": "string",
        "description": "What the rows are",
        "jsonPath": ".spec.kind" }"#,
    printcolumn = r#"{ "name": "Page", "type": "integer",
        "description": "This page, from 1",
        "jsonPath": ".spec.page" }"#,
    printcolumn = r#"{ "name": "Rows", "type": "integer",
        "description": "Rows on this page",
        "jsonPath": ".spec.count" }"#,
    printcolumn = r#"{ "name": "Truncated", "type": "integer",
        "description": "Rows that did not fit",
        "jsonPath": ".spec.truncated" }"#,
    printcolumn = r#"{ "name": "Age", "type": "date",
        "jsonPath": ".metadata.creationTimestamp" }"#
)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeReportSpec {
    /// What the rows are: `Blockers` are items that cannot be copied as they are and what blocks
    /// activation, `Exclusions` are items that are left out, `ManualSteps` are the records of the
    /// step that a person has to do, `Verification` are the differences that the comparison after
    /// the switch found.
    pub kind: ReportKind,
    /// The number of this page, from 1. Example: `1`
    #[schemars(range(min = 1, max = 8))]
    pub page: i32,
    /// How many rows this page has. Example: `42`
    #[schemars(range(min = 0, max = 1000))]
    pub count: i32,
    /// How many rows did not fit into the last page; 0 on the others. Example: `0`
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub truncated: i64,
    /// The rows, one for each item and reason. No personal data.
    #[schemars(length(max = 1000), extend("x-kubernetes-list-type" = "atomic"))]
    pub rows: Vec<ReportRow>,
}

/// What the rows of a report are.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ReportKind {
    /// Items that cannot be copied as they are, and what blocks activation.
    Blockers,
    /// Items that are left out.
    Exclusions,
    /// Records of the step that a person has to do.
    ManualSteps,
    /// Differences that the comparison after the switch found.
    Verification,
}

impl ReportKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Blockers,
        Self::Exclusions,
        Self::ManualSteps,
        Self::Verification,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blockers => "Blockers",
            Self::Exclusions => "Exclusions",
            Self::ManualSteps => "ManualSteps",
            Self::Verification => "Verification",
        }
    }
}

/// One item. No personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    /// What it is: customer, subscription or asset; purchase, where nothing tells which of the latter
    /// two. Example: `subscription`
    #[schemars(length(max = 16))]
    pub item: String,
    /// Its id in the distributor's BSS. Example: `S-00042`
    #[schemars(length(max = 128))]
    pub id: String,
    /// The key under which its copy is found in the reseller's BSS.
    /// Example: `tru/acme-distribution/10423/t-7001/subscription/S-00042`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub business_key: Option<String>,
    /// What became of it: Blocked, Excluded, ToDo or Differs. Example: `Blocked`
    #[schemars(length(max = 32))]
    pub verdict: String,
    /// Why, one word. Example: `CurrencyMismatch`
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What it is about, and what people do about it.
    /// Example: `USD instead of EUR. Cancel the subscription in the distributor's BSS or sell it again in the price list's currency.`
    #[schemars(length(max = 512))]
    pub remedy: String,
}
