//! `BssConnection`: how to reach a BSS.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Condition;
use super::rules;

/// How to reach a BSS: its identity, adapter, credentials, trust and limits.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "tenantreseller.io",
    version = "v1alpha1",
    kind = "BssConnection",
    doc = "How to reach a distributor's BSS: its lasting name, where and how it is called, credentials, trust and limits.",
    namespaced,
    status = "BssConnectionStatus",
    shortname = "bssc",
    category = "tenantreseller",
    derive = "PartialEq",
    printcolumn = r#"{ "name": "Ready", "type": "string",
        "description": "Whether the BSS can be used",
        "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" }"#,
    printcolumn = r#"{ "name": "Adapter", "type": "string",
        "description": "How the operator speaks to the BSS",
        "jsonPath": ".status.adapter" }"#,
    printcolumn = r#"{ "name": "URL", "type": "string",
        "description": "Where the BSS is called",
        "jsonPath": ".spec.reference.url" }"#,
    printcolumn = r#"{ "name": "Identity", "type": "string",
        "description": "The BSS's lasting name",
        "jsonPath": ".spec.identity" }"#,
    printcolumn = r#"{ "name": "Message", "type": "string", "priority": 1,
        "description": "The present, in a sentence",
        "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message" }"#,
    printcolumn = r#"{ "name": "Age", "type": "date",
        "jsonPath": ".metadata.creationTimestamp" }"#
)]
#[serde(rename_all = "camelCase")]
pub struct BssConnectionSpec {
    /// This BSS's lasting name: a part of every business key, the same in every cluster and
    /// namespace, and compared with what the BSS tells of itself. Immutable; a new host name or
    /// another adapter is no reason for another identity. Lower case letters, digits, '-' and '.'.
    /// Example: `acme-distribution`
    #[schemars(
        length(min = 1, max = 63),
        extend("x-kubernetes-validations" = rules::all(&[
            rules::object_name("identity"),
            rules::immutable("identity"),
        ]))
    )]
    pub identity: String,
    /// The reference adapter: the BSS, or a service in front of it, speaks this project's own HTTP
    /// contract.
    pub reference: ReferenceAdapter,
    /// How to log in: exactly one method, so far `bearer`.
    pub auth: Auth,
    /// Whom to trust. Without it, the certificate authorities of the operator's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tls")]
    pub tls: Option<Tls>,
    /// How hard the BSS may be asked, by all upgrades together. Of several connections with one
    /// identity the strictest counts.
    #[serde(default)]
    pub limits: ConnectionLimits,
}

/// The reference adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceAdapter {
    /// The address that the contract's paths are appended to: https, without credentials, query
    /// or fragment. Its host must be among those that the Secrets of this connection allow.
    /// Example: `https://bss.example.com/tenant-reseller/v1`
    #[schemars(
        length(min = 9, max = 2048),
        extend("x-kubernetes-validations" = rules::base_url("reference.url"))
    )]
    pub url: String,
}

/// How to log in: exactly one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// A bearer token, sent with every request to the BSS and nowhere else.
    pub bearer: BearerAuth,
}

/// A bearer token from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BearerAuth {
    /// The Secret with the token under the key `token`, in the connection's namespace. Its
    /// annotation `tenantreseller.io/allowed-hosts` must name the host of the BSS, so that nobody
    /// can send it elsewhere by writing a connection.
    pub secret_ref: SecretRef,
}

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The name of the Secret. Example: `distributor-credentials`
    #[schemars(
        length(min = 1, max = 253),
        extend("x-kubernetes-validations" = rules::object_name("secretRef.name"))
    )]
    pub name: String,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The Secret with the certificate authority of the BSS under the key `ca.crt`, PEM, in the
    /// connection's namespace. It is trusted instead of the machine's own authorities.
    pub ca_secret_ref: SecretRef,
}

/// How hard a BSS may be asked. Of several connections with one identity the strictest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionLimits {
    /// How many requests a second the BSS gets at most. Example: `20`
    #[serde(default = "default_requests_per_second")]
    #[schemars(range(min = 1, max = 10000))]
    pub requests_per_second: i32,
    /// How many requests are under way at one time at most. Example: `8`
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: i32,
    /// How long one request may take as a whole, in seconds. Deletion and the operator's own end
    /// wait no longer than this. Example: `30`
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
    /// Example: `1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, and what it rests on: `Reachable`, `Authenticated` and `Conforming`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,
    /// How the operator speaks to the BSS, for the column `ADAPTER`. Example: `reference`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub adapter: Option<String>,
    /// The BSS's lasting name, as it tells it itself; absent if it tells none.
    /// Example: `acme-distribution`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub identity: Option<String>,
    /// What the BSS can do and what it promises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub capabilities: Vec<CapabilityStatus>,
}

/// One capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapabilityStatus {
    /// An operation, such as createTenant, or a promise, such as keys. Example: `keys`
    #[schemars(length(max = 64))]
    pub name: String,
    /// Of an operation: `Automatic`, `ManualStep` or `Unsupported`. Of a promise: `Strong` or
    /// `Weak`; of keys: `Unique`, `Findable` or `None`. Example: `Unique`
    #[schemars(length(max = 32))]
    pub value: String,
}
