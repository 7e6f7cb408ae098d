//! Step 1: fetch what the spec points to. Touches the cluster, and makes the adapter.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::cache::{Life, Linked, Seated};
use crate::api::{
    ALLOWED_HOSTS_ANNOTATION, BssConnection, ConnectionRef, CustomerPricing, Reason,
    TenantResellerUpgrade,
};
use crate::bss::error::BssError;
use crate::bss::limits::Seat;
use crate::bss::port::Bss;
use crate::bss::transport::SHORTEST_SECRET;
use crate::cluster::port::{Cluster, ClusterError, SecretView};
use crate::upgrade::{Pace, References, State, TenantConnection, Terms, sentence};

/// A Secret is read again after this long.
const SECRET_LIFE: Duration = Duration::from_secs(60);

/// What an adapter is made of.
#[derive(Debug)]
pub struct ConnectionSettings {
    /// The connection's namespace and name.
    pub connection: String,
    /// The BSS's declared name.
    pub identity: String,
    /// Base URL.
    pub url: String,
    /// How to log in.
    pub login: Login,
    /// The hosts that what is in the Secret may be sent to, as it says itself.
    pub allowed_hosts: String,
    /// The CA to trust besides the usual ones, PEM.
    pub ca: Option<String>,
    /// The status codes that mean *too many requests*, besides 429.
    pub throttle_statuses: Vec<u16>,
    /// Requests per second.
    pub requests_per_second: u32,
    /// Requests at a time.
    pub concurrency: u32,
    /// Bound on one request.
    pub timeout: Duration,
}

/// How to log in.
#[derive(Debug)]
pub enum Login {
    /// A token that lasts.
    Bearer(SecretString),
    /// OAuth 2 client credentials.
    ClientCredentials {
        /// The token endpoint.
        token_url: String,
        /// The scopes to ask for.
        scopes: Vec<String>,
        /// Who asks.
        id: SecretString,
        /// The proof of it.
        secret: SecretString,
    },
}

/// Makes adapters.
pub trait Connector: Send + Sync {
    /// The adapter.
    type Bss: Bss;

    /// Makes one, or says why a connection may not be used. Where a tenant has an access of its
    /// own, what concerns it goes there.
    fn connect(
        &self,
        distributor: ConnectionSettings,
        tenant: Option<ConnectionSettings>,
    ) -> Result<Arc<Self::Bss>, BssError>;

    /// Whether the BSS behind this adapter has to tell its identity itself, because the same one is
    /// reached at another origin already.
    fn must_tell_its_identity(&self, bss: &Arc<Self::Bss>) -> bool;

    /// What keeps the adapter's origins known after the adapter was given up.
    fn seats(&self, _bss: &Arc<Self::Bss>) -> Vec<Seat> {
        Vec::new()
    }
}

/// What the spec points to.
pub(super) struct Fetched<B> {
    pub(super) connection: BssConnection,
    pub(super) bss: Arc<B>,
    pub(super) references: References,
}

/// Why something that the spec points to cannot be used (yet).
pub(super) enum Missing {
    /// A state of the upgrade.
    State(Box<State>),
    /// The API server did not answer.
    Cluster(ClusterError),
}

impl From<ClusterError> for Missing {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// Fetches connection and pricing objects, and the Secrets if they are not fresh, and settles the
/// upgrade's life on what was found.
pub(super) async fn dereference<C: Cluster, K: Connector>(
    cluster: &C,
    connector: &K,
    upgrade: &TenantResellerUpgrade,
    life: &mut Life<K::Bss>,
    (now, pace): (Duration, Pace),
) -> Result<Fetched<K::Bss>, Missing> {
    let namespace = upgrade.metadata.namespace.as_deref().unwrap_or_default();
    let name = upgrade.metadata.name.as_deref().unwrap_or_default();
    let wanted = &upgrade.spec.connection_ref.name;
    let Some(connection) = cluster.connection(namespace, wanted).await? else {
        return Err(not_ready(
            format!("The BssConnection {wanted} does not exist in this namespace."),
            format!("Create the BssConnection {wanted}; the operator goes on by itself."),
        ));
    };
    life.keep_seats_at(&address(&connection));
    let tenants = match &upgrade.spec.tenant_connection_ref {
        None => None,
        Some(reference) => Some(tenants(cluster, namespace, reference, &connection).await?),
    };
    let pricing = cluster.pricing_of(namespace, name).await?;
    let made_of = match &tenants {
        None => version(&connection),
        Some(tenants) => format!("{} {}", version(&connection), version(tenants)),
    };
    life.settle(upgrade, &made_of, nudge(upgrade, &pricing));
    let fresh = life.bss.as_ref().filter(|linked| {
        linked.made_of == made_of && now.saturating_sub(linked.made_at) < SECRET_LIFE
    });
    let bss = if let Some(linked) = fresh {
        Arc::clone(&linked.bss)
    } else {
        let own = match &tenants {
            None => None,
            Some(tenants) => Some(settings(cluster, namespace, tenants).await?),
        };
        let bss = connector
            .connect(settings(cluster, namespace, &connection).await?, own)
            .map_err(|error| forbidden(&error))?;
        // The seats before go after the new ones are taken: whoever was first stays the first.
        life.seated = Some(Seated {
            at: address(&connection),
            _seats: connector.seats(&bss),
        });
        life.bss = Some(Linked {
            bss: Arc::clone(&bss),
            made_of,
            made_at: now,
        });
        bss
    };
    let references = References {
        identity: connection.spec.identity.clone(),
        pricing,
        pace,
        terms: terms(&connection),
        tenant_connection: match &tenants {
            None => TenantConnection::NotNamed,
            Some(_) => TenantConnection::AtHand,
        },
    };
    Ok(Fetched {
        connection,
        bss,
        references,
    })
}

/// The connection to the tenant's side: another access to the same BSS.
async fn tenants<C: Cluster>(
    cluster: &C,
    namespace: &str,
    reference: &ConnectionRef,
    distributor: &BssConnection,
) -> Result<BssConnection, Missing> {
    let name = &reference.name;
    let Some(connection) = cluster.connection(namespace, name).await? else {
        return Err(not_ready(
            format!(
                "The BssConnection {name} of spec.tenantConnectionRef does not exist in this \
                 namespace."
            ),
            format!("Create the BssConnection {name}; the operator goes on by itself."),
        ));
    };
    let (wanted, has) = (&distributor.spec.identity, &connection.spec.identity);
    if wanted != has {
        return Err(state(
            Reason::InvalidSpec,
            format!(
                "spec.tenantConnectionRef leads to another BSS: the identity of {name} is {has}, \
                 that of connectionRef is {wanted}."
            ),
            format!(
                "Name a connection to the tenant whose identity is {wanted}: create a new one, an \
                 identity cannot be changed."
            ),
        ));
    }
    Ok(connection)
}

async fn settings<C: Cluster>(
    cluster: &C,
    namespace: &str,
    connection: &BssConnection,
) -> Result<ConnectionSettings, Missing> {
    let spec = &connection.spec;
    let (secret_ref, hosts_of) = match (&spec.auth.bearer, &spec.auth.oauth2_client_credentials) {
        (Some(bearer), None) => (&bearer.secret_ref, "the BSS's host"),
        (None, Some(oauth)) => (
            &oauth.secret_ref,
            "the hosts of the BSS and of the token endpoint",
        ),
        // The definition lets only one of the two in.
        (Some(_), Some(_)) | (None, None) => {
            return Err(state(
                Reason::ConnectionForbidden,
                "The connection does not say in one way how to log in.".to_owned(),
                "Give spec.auth exactly one of bearer and oauth2ClientCredentials.".to_owned(),
            ));
        }
    };
    let name = &secret_ref.name;
    let secret = secret(cluster, namespace, name).await?;
    let login = match &spec.auth.oauth2_client_credentials {
        None => Login::Bearer(confidential(&secret, name, "token")?),
        Some(oauth) => Login::ClientCredentials {
            token_url: oauth.token_url.clone(),
            scopes: oauth.scopes.clone(),
            id: value(&secret, name, "clientId")?,
            secret: confidential(&secret, name, "clientSecret")?,
        },
    };
    let Some(hosts) = secret.annotations.get(ALLOWED_HOSTS_ANNOTATION) else {
        return Err(state(
            Reason::ConnectionForbidden,
            format!("The Secret {name} does not say which hosts it may be sent to."),
            format!(
                "Annotate it with {hosts_of}: kubectl annotate secret {name} -n {namespace} \
                 {ALLOWED_HOSTS_ANNOTATION}=HOST"
            ),
        ));
    };
    let ca = match &spec.tls {
        None => None,
        Some(tls) => {
            let name = &tls.ca_secret_ref.name;
            let secret = self::secret(cluster, namespace, name).await?;
            Some(value(&secret, name, "ca.crt")?.expose_secret().to_owned())
        }
    };
    Ok(ConnectionSettings {
        connection: format!(
            "{namespace}/{}",
            connection.metadata.name.as_deref().unwrap_or_default()
        ),
        identity: spec.identity.clone(),
        url: spec.reference.url.clone(),
        login,
        allowed_hosts: hosts.clone(),
        ca,
        throttle_statuses: throttle_statuses(&spec.limits.throttle_status_codes),
        requests_per_second: positive(spec.limits.requests_per_second),
        concurrency: positive(spec.limits.concurrency),
        timeout: Duration::from_secs(u64::from(positive(spec.limits.request_timeout_seconds))),
    })
}

fn terms(connection: &BssConnection) -> Terms {
    let limits = &connection.spec.limits;
    let seconds = |number| Duration::from_secs(u64::from(positive(number)));
    Terms {
        accepted: connection.spec.accepted_risks.iter().copied().collect(),
        settle: seconds(limits.settle_seconds),
        order_settle: seconds(limits.order_settle_seconds),
    }
}

fn throttle_statuses(codes: &[i32]) -> Vec<u16> {
    let codes = codes.iter().copied();
    codes.filter_map(|code| u16::try_from(code).ok()).collect()
}

fn positive(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(1).max(1)
}

async fn secret<C: Cluster>(
    cluster: &C,
    namespace: &str,
    name: &str,
) -> Result<SecretView, Missing> {
    cluster.secret(namespace, name).await?.ok_or_else(|| {
        not_ready(
            format!("The Secret {name} does not exist in this namespace."),
            format!("Create the Secret {name}; the operator goes on by itself."),
        )
    })
}

fn value(secret: &SecretView, name: &str, key: &str) -> Result<SecretString, Missing> {
    secret.data.get(key).cloned().ok_or_else(|| {
        not_ready(
            format!("The Secret {name} has no key {key}."),
            format!("Add the key {key} to the Secret {name}."),
        )
    })
}

/// The same, of what nobody may see. What is very short stands in many words by chance, and could not
/// be kept out of what people read without hiding parts of them.
fn confidential(secret: &SecretView, name: &str, key: &str) -> Result<SecretString, Missing> {
    let value = value(secret, name, key)?;
    if value.expose_secret().trim().chars().count() >= SHORTEST_SECRET {
        return Ok(value);
    }
    Err(state(
        Reason::ConnectionForbidden,
        format!(
            "The key {key} of the Secret {name} holds fewer than {SHORTEST_SECRET} characters, too \
             few to be kept out of logs and messages."
        ),
        format!(
            "Put the whole value into the key {key} of the Secret {name}; if it really is that \
             short, have a longer one issued."
        ),
    ))
}

fn not_ready(message: String, next_action: String) -> Missing {
    state(Reason::DependencyNotReady, message, next_action)
}

fn state(reason: Reason, message: String, next_action: String) -> Missing {
    Missing::State(Box::new(State {
        reason,
        message,
        next_action,
    }))
}

fn forbidden(error: &BssError) -> Missing {
    state(
        Reason::ConnectionForbidden,
        sentence(&error.to_string()),
        "Correct the connection's URL or CA, the Secret's allowed hosts, or the operator's \
         allowed address ranges."
            .to_owned(),
    )
}

/// Where a connection object leads to: another object, or another address, is another one.
fn address(connection: &BssConnection) -> String {
    let uid = connection.metadata.uid.as_deref().unwrap_or_default();
    format!("{uid} {}", connection.spec.reference.url)
}

/// What an adapter is made on: another connection object or generation makes another.
fn version(connection: &BssConnection) -> String {
    let uid = connection.metadata.uid.as_deref().unwrap_or_default();
    format!(
        "{uid}/{}",
        connection.metadata.generation.unwrap_or_default()
    )
}

/// What people can change without changing the spec, and what the operator obeys at once.
fn nudge(upgrade: &TenantResellerUpgrade, pricing: &[CustomerPricing]) -> String {
    let mut text = String::new();
    let annotations = upgrade.metadata.annotations.iter().flatten();
    for (key, value) in annotations.filter(|(key, _)| key.starts_with("tenantreseller.io/")) {
        text.extend([key.as_str(), "=", value.as_str(), ";"]);
    }
    for object in pricing {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let generation = object.metadata.generation.unwrap_or_default().to_string();
        text.extend([uid, "/", &generation, ";"]);
    }
    text
}
