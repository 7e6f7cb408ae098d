//! What the careful client reads and sends, and no member more: what it need not keep costs it nothing.

use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Customer {
    pub(in crate::local::bench) id: String,
    pub(in crate::local::bench) bill_to: String,
    pub(in crate::local::bench) digest: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Purchase {
    pub(in crate::local::bench) id: String,
    pub(in crate::local::bench) kind: String,
    pub(in crate::local::bench) customer_id: String,
    pub(in crate::local::bench) state: String,
    pub(in crate::local::bench) digest: String,
}

impl Purchase {
    /// Whether it is to be copied: active, and not the reseller's own.
    pub(in crate::local::bench) fn counts(&self, reseller: &str) -> bool {
        self.state == "Active" && self.customer_id != reseller
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Copied {
    pub(in crate::local::bench) source_id: Option<String>,
    pub(in crate::local::bench) digest: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Priced {
    pub(in crate::local::bench) customer_id: String,
    pub(in crate::local::bench) digest: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Checked {
    pub(in crate::local::bench) source_id: String,
    #[serde(default)]
    pub(in crate::local::bench) reasons: Vec<serde_json::Value>,
}

/// What became of an item of a batch.
#[derive(Debug, Deserialize)]
pub(in crate::local::bench) struct Outcome {
    pub(in crate::local::bench) outcome: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct CopyItem<'a> {
    pub(in crate::local::bench) source_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::local::bench) kind: Option<&'a str>,
    pub(in crate::local::bench) business_key: String,
    pub(in crate::local::bench) expected_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::local::bench) pricing_digest: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(in crate::local::bench) struct Batch<T> {
    pub(in crate::local::bench) items: Vec<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Capabilities {
    pub(in crate::local::bench) largest_batch: u16,
}

#[derive(Debug, Deserialize)]
pub(in crate::local::bench) struct TenantLookup {
    pub(in crate::local::bench) tenant: Option<Tenant>,
}

#[derive(Debug, Deserialize)]
pub(in crate::local::bench) struct Tenant {
    pub(in crate::local::bench) id: String,
    pub(in crate::local::bench) status: String,
}
