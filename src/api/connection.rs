//! `BssConnection`: how to reach a BSS.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Condition;

/// How to reach a BSS: its identity, adapter, credentials, trust and limits.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "BssConnection",
    namespaced,
    status = "BssConnectionStatus",
    shortname = "bssc",
    category = "tenantreseller",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct BssConnectionSpec {
    /// This BSS's lasting name, part of every business key, the same in every cluster. Immutable;
    /// compared with what the BSS tells of itself. Example: `acme-distribution`.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    )]
    pub identity: String,
    /// The reference adapter: the BSS (or a service before it) speaks the project's own contract.
    pub reference: ReferenceAdapter,
    /// How to log in.
    pub auth: Auth,
    /// Whom to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// How hard the BSS may be asked, by all upgrades together.
    #[serde(default)]
    pub limits: ConnectionLimits,
}

/// The reference adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceAdapter {
    /// Base URL of the contract, `https`, without credentials, query or fragment. Example:
    /// `https://bss.example.com/tenant-reseller/v1`.
    #[schemars(length(min = 9, max = 2048))]
    pub url: String,
}

/// How to log in: exactly one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// A bearer token.
    pub bearer: BearerAuth,
}

/// A bearer token from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BearerAuth {
    /// The Secret with the key `token`. It must name the hosts that it may be sent to in its
    /// annotation `tenantreseller.io/allowed-hosts`.
    pub secret_ref: SecretRef,
}

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The Secret whose key `ca.crt` holds the certificate authority of the BSS, PEM.
    pub ca_secret_ref: SecretRef,
}

/// How hard a BSS may be asked. Of several connections with one identity the strictest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionLimits {
    /// Requests per second.
    #[serde(default = "default_requests_per_second")]
    #[schemars(range(min = 1, max = 10000))]
    pub requests_per_second: i32,
    /// Requests at a time.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: i32,
    /// How long one request may take as a whole, in seconds.
    #[serde(default = "default_request_timeout_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub request_timeout_seconds: i32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            requests_per_second: default_requests_per_second(),
            concurrency: default_concurrency(),
            request_timeout_seconds: default_request_timeout_seconds(),
        }
    }
}

fn default_requests_per_second() -> i32 {
    20
}

fn default_concurrency() -> i32 {
    8
}

fn default_request_timeout_seconds() -> i32 {
    30
}

/// What was found about the connection. Written on change only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BssConnectionStatus {
    /// The generation of the spec that this status was computed from; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Reachable`, `Authenticated`, `Conforming`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
    /// The BSS's name, as it tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub identity: Option<String>,
    /// What it can do and promises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub capabilities: Vec<CapabilityStatus>,
}

/// One capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapabilityStatus {
    /// An operation (`createTenant`) or a promise (`keys`).
    #[schemars(length(max = 64))]
    pub name: String,
    /// `Automatic`, `ManualStep`, `Unsupported`; or `Strong`, `Weak`, and of `keys` `Unique`,
    /// `Findable`, `None`.
    #[schemars(length(max = 32))]
    pub value: String,
}
