//! `BssConnection`: how to reach a BSS. What a new adapter adds is here: its member in the spec, its name in
//! [`BssConnectionSpec::ADAPTERS`] and in the column `URL`, its line in [`BssConnectionSpec::adapter`], and its
//! block, in a file of its own if it is large.

mod interworks;
mod limits;
mod login;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Condition;
use super::rules;

pub use interworks::{
    InterworksAdapter, InterworksBundles, InterworksCalibration, InterworksPaging,
    InterworksReading, InterworksSwitch, InterworksTenant, InterworksWords,
};
pub use limits::ConnectionLimits;
pub use login::{
    Auth, BearerAuth, ClientAuthentication, LoginWay, OAuth2ClientCredentials, OAuth2Password,
    SecretRef, SystemRoots, Tls,
};

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
        "jsonPath": ".spec['reference','interworks'].url" }"#,
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
#[schemars(extend("x-kubernetes-validations" = rules::all(&[
    rules::one_of("adapter", BssConnectionSpec::ADAPTERS),
    rules::rule(
        "!has(self.interworks) || has(self.auth.oauth2Password)",
        "auth must have oauth2Password beside interworks: the vendor has no other way to log in",
    ),
])))]
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
    /// contract. A connection has exactly one adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ReferenceAdapter")]
    pub reference: Option<ReferenceAdapter>,
    /// The adapter for interworks.cloud: the operator reads, checks and compares by the vendor's public
    /// REST API, and says which button a person presses when. It sends no write. A connection has exactly
    /// one adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "InterworksAdapter",
        extend("x-kubernetes-validations" = rules::rule(
            "has(self.calibration) != has(self.tenant)",
            "interworks must have exactly one of calibration (the distributor's connection) and tenant \
             (the connection of a tenant)",
        ))
    )]
    pub interworks: Option<InterworksAdapter>,
    /// How to log in: exactly one of `bearer`, `oauth2ClientCredentials` and `oauth2Password`.
    #[schemars(extend("x-kubernetes-validations" = rules::rule(
        "[has(self.bearer), has(self.oauth2ClientCredentials), has(self.oauth2Password)]\
         .exists_one(given, given)",
        "auth must have exactly one of bearer, oauth2ClientCredentials and oauth2Password",
    )))]
    pub auth: Auth,
    /// Whom to trust at the BSS, and how to prove oneself there. Without it, the certificate
    /// authorities of the operator's machine. It does not concern the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tls", extend("x-kubernetes-validations" = rules::tls()))]
    pub tls: Option<Tls>,
    /// How hard the BSS may be asked, by all upgrades of this namespace together. Of several
    /// connections of one namespace with one identity and one scheme, host and port the strictest
    /// counts. Connections of other namespaces have limits of their own.
    #[serde(default)]
    pub limits: ConnectionLimits,
    /// Risks that you accept because this BSS gives a promise only in its weak form; what each
    /// means is written in docs/guarantees.md. Without them the operator refuses to work, or waits
    /// for a person where there is a safe way. Example: `[UnguardedSwitch]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub accepted_risks: Vec<Risk>,
}

impl BssConnectionSpec {
    /// The adapters that there are, by the names of their members. The API server admits a connection
    /// only with exactly one of them.
    pub const ADAPTERS: &[&str] = &["reference", "interworks"];

    /// The adapter that the connection names; none unless it is exactly one. An object that was
    /// written for another version of the operator may name one that is not known here.
    #[must_use]
    pub fn adapter(&self) -> Option<AdapterChoice<'_>> {
        let reference = self.reference.as_ref().map(|adapter| AdapterChoice {
            name: "reference",
            url: &adapter.url,
            guide: "docs/reference-contract.yaml",
            only_reads: false,
        });
        let interworks = self.interworks.as_ref().map(|adapter| AdapterChoice {
            name: "interworks",
            url: &adapter.url,
            guide: "docs/adapters/interworks.md",
            only_reads: true,
        });
        let mut named = [reference, interworks].into_iter().flatten();
        named.next().filter(|_| named.next().is_none())
    }
}

/// The adapter that a connection names, with where it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdapterChoice<'a> {
    /// The name of the adapter: that of its member in the spec.
    pub name: &'static str,
    /// The base URL.
    pub url: &'a str,
    /// The page that says what the adapter expects of the BSS.
    pub guide: &'static str,
    /// Whether the operator only reads through it, so that people do every write.
    pub only_reads: bool,
}

/// A risk that only the owner of the billing can accept.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Risk {
    /// The BSS does not compare when back ordering is switched on, and ordering is not frozen:
    /// what is bought, cancelled or changed in the last moments before the switch may stay
    /// uncopied or outdated.
    UnguardedSwitch,
    /// The BSS does not fence writers: nothing but your care keeps a second operator away.
    SingleOperator,
    /// Open orders cannot be seen: one that completes after the switch stays uncopied.
    UnseenOrders,
}

impl Risk {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnguardedSwitch => "UnguardedSwitch",
            Self::SingleOperator => "SingleOperator",
            Self::UnseenOrders => "UnseenOrders",
        }
    }
}

/// The reference adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceAdapter {
    /// The address that the contract's paths are appended to: https, without credentials, query
    /// or fragment. Its host must be among those that the Secrets of this connection allow; a port
    /// other than 443 is written out there. Example: `https://bss.example.com/tenant-reseller/v1`
    #[schemars(
        length(min = 9, max = 2048),
        extend("x-kubernetes-validations" = rules::base_url("reference.url"))
    )]
    pub url: String,
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
    /// Of an operation: `Automatic`, `ManualStep`, `WithSwitch` or `Unsupported`. Of a promise: `Strong` or
    /// `Weak`; of keys: `Unique`, `Findable` or `None`. Of `unseen`: the facts that the BSS does not show.
    /// Example: `Unique`
    #[schemars(length(max = 256))]
    pub value: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_adapter_that_the_rule_admits_is_picked_and_no_other() {
        let picked = |name: &str| {
            let spec: BssConnectionSpec = serde_json::from_value(json!({
                "identity": "acme",
                "auth": {},
                name: { "url": "https://bss.example.com" },
            }))
            .unwrap();
            spec.adapter().map(|adapter| adapter.name)
        };
        for name in BssConnectionSpec::ADAPTERS {
            assert_eq!(picked(name), Some(*name));
        }
        assert_eq!(picked("another"), None);
    }
}
