//! What a connection says, as the controller hands it in: plain values, with what stands in its Secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::bss::adapters::AdapterSettings;
use crate::bss::limits::Fingerprint;
use crate::bss::transport::{ClientAuthentication, Grant, Tls};

/// What a connection says, with what stands in its Secrets.
#[derive(Debug)]
pub struct ConnectionSettings {
    /// The connection's namespace and name.
    pub connection: String,
    /// The BSS's declared name.
    pub identity: String,
    /// The adapter, with what only concerns it.
    pub adapter: AdapterSettings,
    /// The base URL.
    pub url: String,
    /// How to log in.
    pub login: Login,
    /// The hosts that what is in the Secret may be sent to, as it says itself.
    pub allowed_hosts: String,
    /// Whom to trust at the BSS, and how to prove oneself there.
    pub tls: Tls,
    /// The status codes that mean *too many requests*, besides 429.
    pub throttle_statuses: Vec<u16>,
    /// Requests per second, if they are declared.
    pub requests_per_second: Option<u32>,
    /// Requests at a time, if they are declared.
    pub concurrency: Option<u32>,
    /// The bound on one request.
    pub timeout: Duration,
}

impl ConnectionSettings {
    /// The connection's namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        // No namespace's name holds a slash.
        let parts = self.connection.split_once('/');
        parts.map_or("", |(namespace, _)| namespace)
    }
}

/// How to log in.
#[derive(Debug)]
pub enum Login {
    /// A token that lasts.
    Bearer(SecretString),
    /// OAuth 2: tokens that are fetched and renewed.
    OAuth2 {
        /// The token endpoint.
        token_url: String,
        /// On whose behalf tokens are asked for.
        grant: Grant,
        /// The scopes to ask for.
        scopes: Vec<String>,
        /// The client that asks.
        id: SecretString,
        /// The proof that it is this client.
        secret: SecretString,
        /// The rest of what concerns the token endpoint.
        endpoint: Box<TokenEndpoint>,
    },
}

impl Login {
    /// Tells these credentials from others.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = Sha256::new();
        let mut add = |part: &str| {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        };
        match self {
            Self::Bearer(token) => add(token.expose_secret()),
            Self::OAuth2 {
                token_url,
                grant,
                scopes,
                id,
                secret,
                endpoint: _,
            } => {
                let credentials = [token_url, id.expose_secret(), secret.expose_secret()];
                credentials.into_iter().for_each(&mut add);
                for scope in scopes {
                    add(scope);
                }
                if let Grant::Password { user, password } = grant {
                    add(user.expose_secret());
                    add(password.expose_secret());
                }
            }
        }
        hasher.finalize().into()
    }
}

/// How a token endpoint is asked.
#[derive(Debug, Default)]
pub struct TokenEndpoint {
    /// Where id and secret stand in the request.
    pub authentication: ClientAuthentication,
    /// Further parameters of the request.
    pub parameters: BTreeMap<String, String>,
    /// Whom to trust there, and how to prove oneself.
    pub tls: Tls,
    /// The hosts that id and secret may be sent to, as their Secret says itself.
    pub allowed_hosts: String,
}
