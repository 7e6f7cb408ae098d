//! `BssConnection`: how to reach a BSS.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::conditions::Condition;
use super::interworks::InterworksAdapter;
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

/// How to log in: exactly one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// A bearer token, sent with every request to the BSS and nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BearerAuth")]
    pub bearer: Option<BearerAuth>,
    /// OAuth 2 client credentials (RFC 6749, 4.4): the operator fetches tokens by itself and
    /// renews them before they expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OAuth2ClientCredentials")]
    pub oauth2_client_credentials: Option<OAuth2ClientCredentials>,
    /// OAuth 2 with the password of a user (RFC 6749, 4.3), for servers that have no other way: the
    /// operator fetches tokens by itself and renews them before they expire. Give the operator a user of
    /// its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OAuth2Password")]
    pub oauth2_password: Option<OAuth2Password>,
}

/// A way to log in, as the member of `auth` that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoginWay {
    /// `bearer`.
    Bearer,
    /// `oauth2ClientCredentials`.
    ClientCredentials,
    /// `oauth2Password`.
    Password,
}

impl LoginWay {
    /// The name of its block in a connection's spec.
    #[must_use]
    pub fn block(self) -> &'static str {
        match self {
            Self::Bearer => "auth.bearer",
            Self::ClientCredentials => "auth.oauth2ClientCredentials",
            Self::Password => "auth.oauth2Password",
        }
    }
}

impl Auth {
    /// The ways to log in that it names. The API server admits exactly one.
    pub fn ways(&self) -> impl Iterator<Item = LoginWay> {
        let bearer = self.bearer.is_some().then_some(LoginWay::Bearer);
        let client = self.oauth2_client_credentials.is_some();
        let client = client.then_some(LoginWay::ClientCredentials);
        let password = self.oauth2_password.is_some().then_some(LoginWay::Password);
        [bearer, client, password].into_iter().flatten()
    }
}

/// A user, its password and the client that asks for it, from Secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2Password {
    /// Where tokens are issued: https, without credentials, query or fragment, called exactly as it
    /// is written. Its host must be among those that both Secrets allow.
    /// Example: `https://bss.example.com/oauth/token`
    #[schemars(
        length(min = 9, max = 2048),
        extend("x-kubernetes-validations" = rules::base_url("auth.oauth2Password.tokenUrl"))
    )]
    pub token_url: String,
    /// Where the client's id and secret stand in the request for a token: `Basic` (HTTP Basic, both
    /// form-encoded as RFC 6749, 2.3.1, has it; the default), `BasicUnencoded` (HTTP Basic, both as
    /// they are), or `Body` (`client_id` and `client_secret` in the body).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClientAuthentication")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Whom to trust at the token endpoint, and how to prove oneself there. Without it, the
    /// certificate authorities of the operator's machine, whatever `spec.tls` says of the BSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tls", extend("x-kubernetes-validations" = rules::tls()))]
    pub tls: Option<Tls>,
    /// The Secret with the keys `username` and `password`, in the connection's namespace; line breaks
    /// around them are not a part of them. Its annotation `tenantreseller.io/allowed-hosts` must name the
    /// host of the BSS and that of `tokenUrl`. If it has the annotation
    /// `tenantreseller.io/allowed-token-hosts` too, user and password go only to the hosts that are named
    /// there.
    pub user_secret_ref: SecretRef,
    /// The Secret with the keys `clientId` and `clientSecret`, under the same rules. It may be the same
    /// Secret.
    pub client_secret_ref: SecretRef,
}

/// OAuth 2 client credentials from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2ClientCredentials {
    /// Where tokens are issued: https, without credentials or a fragment, called exactly as it is
    /// written, with its query. Its host must be among those that the Secret allows.
    /// Example: `https://login.example.com/oauth2/token`
    #[schemars(
        length(min = 9, max = 2048),
        extend("x-kubernetes-validations" = rules::token_url("auth.oauth2ClientCredentials.tokenUrl"))
    )]
    pub token_url: String,
    /// The scopes to ask for; without them, whatever the client gets by default.
    /// Example: `[upgrade]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        inner(length(min = 1, max = 128)),
        extend(
            "x-kubernetes-list-type" = "set",
            "x-kubernetes-validations" = rules::scopes("auth.oauth2ClientCredentials.scopes")
        )
    )]
    pub scopes: Vec<String>,
    /// Where the client's id and secret stand in the request for a token: `Basic` (HTTP Basic, both
    /// form-encoded as RFC 6749, 2.3.1, has it; the default), `BasicUnencoded` (HTTP Basic, both as
    /// they are), or `Body` (`client_id` and `client_secret` in the body).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClientAuthentication")]
    pub client_authentication: Option<ClientAuthentication>,
    /// Further parameters of the request for a token, for example `audience` or `resource`. They can
    /// be read by all who may read the connection, and must not set `grant_type`, `client_id`,
    /// `client_secret` or `scope`. Example: `{"audience": "https://bss.example.com/"}`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "endpoint_parameters")]
    pub endpoint_parameters: BTreeMap<String, String>,
    /// Whom to trust at the token endpoint, and how to prove oneself there. Without it, the
    /// certificate authorities of the operator's machine, whatever `spec.tls` says of the BSS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tls", extend("x-kubernetes-validations" = rules::tls()))]
    pub tls: Option<Tls>,
    /// The Secret with the keys `clientId` and `clientSecret`, in the connection's namespace; line
    /// breaks around them are not a part of them. Its annotation `tenantreseller.io/allowed-hosts`
    /// must name the host of the BSS and that of `tokenUrl`, for example
    /// `bss.example.com,login.example.com:8443`. If it has the annotation
    /// `tenantreseller.io/allowed-token-hosts` too, id and secret go only to the hosts that are named
    /// there.
    pub secret_ref: SecretRef,
}

/// Where the client's id and secret stand in a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientAuthentication {
    /// HTTP Basic, both form-encoded (RFC 6749, 2.3.1).
    Basic,
    /// HTTP Basic, both as they are.
    BasicUnencoded,
    /// In the body.
    Body,
}

fn endpoint_parameters(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": { "type": "string", "maxLength": 1024 },
        "x-kubernetes-map-type": "granular",
        "x-kubernetes-validations":
            rules::endpoint_parameters("auth.oauth2ClientCredentials.endpointParameters"),
    })
}

/// A bearer token from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BearerAuth {
    /// The Secret with the token under the key `token`, in the connection's namespace; white space
    /// around it and the word `Bearer` before it are not a part of it. Its annotation
    /// `tenantreseller.io/allowed-hosts` must name the host of the BSS, so that writing a
    /// connection is not enough to send it elsewhere: `bss.example.com` means port 443 and every path, another
    /// port or the beginning of a path is written out (`bss.example.com:8443/tenant-reseller`). A
    /// Secret without it, one that names other hosts and one that does not exist are all answered in
    /// the same words.
    pub secret_ref: SecretRef,
}

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The name of the Secret. Example: `distributor-credentials`
    #[schemars(
        length(min = 1, max = 253),
        extend("x-kubernetes-validations" = rules::object_name("name"))
    )]
    pub name: String,
}

/// Whom to trust at one host, and how to prove oneself there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The Secret with certificate authorities under the key `ca.crt`, in the connection's namespace:
    /// PEM, or one certificate as DER. They are trusted instead of the machine's own, unless
    /// `systemRoots` is `Included`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub ca_secret_ref: Option<SecretRef>,
    /// Whether the authorities of the operator's machine are trusted beside those of `caSecretRef`:
    /// `Excluded` (the default) or `Included`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SystemRoots")]
    pub system_roots: Option<SystemRoots>,
    /// The Secret with the certificate that is shown to the server if it asks for one, and its key:
    /// `tls.crt` and `tls.key` (type `kubernetes.io/tls`), in the connection's namespace. Its
    /// annotation `tenantreseller.io/allowed-hosts` must name the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub client_certificate_secret_ref: Option<SecretRef>,
}

/// Whether the authorities of the operator's machine are trusted beside one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SystemRoots {
    /// They are not.
    Excluded,
    /// They are.
    Included,
}

/// How hard a BSS may be asked. A limit of requests that is not set is learnt: the operator finds out how many
/// the BSS answers without letting them wait. Of several connections of one namespace with one identity and one
/// scheme, host and port the strictest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionLimits {
    /// How many requests a second the BSS gets at most. Without it there is no limit before the BSS answers that
    /// there are too many; then one is learnt. Example: `20`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub requests_per_second: Option<i32>,
    /// How many requests are under way at one time at most. Without it this is learnt: as many as the BSS answers
    /// about as fast as one alone, 64 at most. Example: `8`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: Option<i32>,
    /// How long one request may take as a whole, in seconds. Deletion and the operator's own end
    /// wait no longer than this. Example: `30`
    #[serde(default = "default_request_timeout_seconds")]
    #[schemars(range(min = 1, max = 300))]
    pub request_timeout_seconds: i32,
    /// How long a request may live at most, proxies included, plus how far the BSS's reads lag
    /// behind its writes, in seconds. The operator waits this long where the BSS gives a promise
    /// only in its weak form. Example: `120`
    #[serde(default = "default_settle_seconds")]
    #[schemars(range(min = 1, max = 86400))]
    pub settle_seconds: i32,
    /// How long an accepted order may take to become a subscription, in seconds: the quiet time
    /// before the switch where the BSS cannot list open orders. Example: `7200`
    #[serde(default = "default_order_settle_seconds")]
    #[schemars(range(min = 1, max = 604_800))]
    pub order_settle_seconds: i32,
    /// How many upgrades of this namespace work on the BSS at one time at most; the others wait
    /// (`AwaitingTurn`), first come, first served. Of several connections of one namespace with one
    /// identity the strictest counts. Example: `5`
    #[serde(default = "default_active_upgrades")]
    #[schemars(range(min = 1, max = 1000))]
    pub active_upgrades: i32,
    /// The status codes that mean *too many requests, nothing was done*. Some systems say so with
    /// 403. A 5xx is none: it leaves in doubt whether something was done.
    /// Example: `[429]`
    #[serde(default = "default_throttle_status_codes")]
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"), inner(range(min = 400, max = 499)))]
    pub throttle_status_codes: Vec<i32>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            requests_per_second: None,
            concurrency: None,
            request_timeout_seconds: default_request_timeout_seconds(),
            settle_seconds: default_settle_seconds(),
            order_settle_seconds: default_order_settle_seconds(),
            active_upgrades: default_active_upgrades(),
            throttle_status_codes: default_throttle_status_codes(),
        }
    }
}

fn default_request_timeout_seconds() -> i32 {
    30
}

fn default_settle_seconds() -> i32 {
    120
}

fn default_order_settle_seconds() -> i32 {
    7200
}

fn default_active_upgrades() -> i32 {
    5
}

fn default_throttle_status_codes() -> Vec<i32> {
    vec![429]
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
