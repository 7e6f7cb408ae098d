//! How a connection logs in, and whom it trusts: blocks that every adapter shares.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::rules;

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
