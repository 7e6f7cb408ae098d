//! `UpgradeReport`: exceptions in pages.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Exceptions of an upgrade in pages: what is in the way and what was left out, item by item.
/// Written by the operator, owned by the upgrade, rewritten only when the content changed.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "UpgradeReport",
    namespaced,
    shortname = "trur",
    category = "tenantreseller",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeReportSpec {
    /// What the rows are.
    pub kind: ReportKind,
    /// This page, from 1.
    #[schemars(range(min = 1, max = 8))]
    pub page: i32,
    /// How many rows this page has.
    pub count: i32,
    /// How many rows did not fit into the last page; 0 on the others.
    #[serde(default)]
    pub truncated: i64,
    /// The rows.
    #[schemars(length(max = 1000))]
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
}

impl ReportKind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blockers => "Blockers",
            Self::Exclusions => "Exclusions",
        }
    }
}

/// One item. No personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    /// `customer`, `subscription` or `asset`.
    #[schemars(length(max = 16))]
    pub item: String,
    /// Its id in the distributor's BSS.
    #[schemars(length(max = 128))]
    pub id: String,
    /// Its business key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub business_key: Option<String>,
    /// `Blocked` or `Excluded`.
    #[schemars(length(max = 32))]
    pub verdict: String,
    /// Why, for example `CurrencyMismatch`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// What it is about, and what people do about it.
    #[schemars(length(max = 512))]
    pub remedy: String,
}
