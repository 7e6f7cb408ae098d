//! The first step of a reconcile: fetch what the spec points to (connections, Secrets, pricing objects)
//! and make the adapter. It reads from the cluster.
//!
//! It must not write anything, nor call the BSS. What it cannot find is a state of the upgrade, not an
//! error.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::cache::{Adapter, CacheEntry, HeldSeats};
use super::context::{Context, Time};
use super::object;
use crate::api::{
    ALLOWED_HOSTS_ANNOTATION, AdapterChoice, BssConnection, BssConnectionSpec, ConnectionRef,
    CustomerPricing, Reason, TenantResellerUpgrade,
};
use crate::bss::bindings::{Bindings, Bound, Unbound};
use crate::bss::connect::{ConnectionSettings, Connector, Login};
use crate::bss::transport::SHORTEST_SECRET;
use crate::cluster::port::{Cluster, ClusterError, SecretView};
use crate::upgrade::{ReadyState, Realm, References, TenantConnection, Terms, sentence};

/// A Secret is read again after this long.
const SECRET_LIFE: Duration = Duration::from_secs(60);

/// What the spec points to.
pub(super) struct Fetched<B> {
    pub(super) connection: BssConnection,
    pub(super) bss: Arc<B>,
    pub(super) references: References,
    /// The upgrades that share the claims of the connection's identity.
    pub(super) realm: Realm,
}

/// Why something that the spec points to was not fetched.
pub(super) enum DereferenceError {
    /// It is missing or not in order, which is a state of the upgrade.
    Unworkable(Box<ReadyState>),
    /// The API server refused or did not answer.
    Cluster(ClusterError),
}

impl From<ClusterError> for DereferenceError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// The connections that an upgrade names.
struct Connections {
    distributor: BssConnection,
    /// Another access to the same BSS, for what concerns the tenant.
    tenant: Option<BssConnection>,
}

/// Fetches connections and pricing objects, and the Secrets if they are not fresh. The cache entry
/// begins anew if it does not rest on what was found.
pub(super) async fn dereference<C: Cluster, K: Connector, T: Time>(
    context: &Context<C, T>,
    connector: &K,
    upgrade: &TenantResellerUpgrade,
    entry: &mut CacheEntry<K::Bss>,
) -> Result<Fetched<K::Bss>, DereferenceError> {
    let now = context.time.now().monotonic;
    let cluster = &*context.cluster;
    let object::Key { namespace, name } = object::key(upgrade);
    let distributor = distributor(cluster, namespace, &upgrade.spec.connection_ref).await?;
    entry.keep_seats_at(&address(&distributor));
    let tenant = match &upgrade.spec.tenant_connection_ref {
        None => None,
        Some(reference) => Some(tenant(cluster, reference, &distributor, namespace).await?),
    };
    let connections = Connections {
        distributor,
        tenant,
    };
    let realm = connections.realm(&context.bindings, namespace)?;
    let pricing = pricing(cluster, namespace, name).await?;
    let version = connections.version();
    entry.revalidate(upgrade, &version, requested(upgrade, &pricing));
    let at_hand = entry.adapter.as_ref().filter(|adapter| {
        adapter.made_from == version && now.saturating_sub(adapter.made_at) < SECRET_LIFE
    });
    let bss = if let Some(adapter) = at_hand {
        Arc::clone(&adapter.bss)
    } else {
        let bss = connections.connect(cluster, connector, namespace).await?;
        // The former seats are given up after the new ones are taken, so that a BSS that was the
        // first of its identity stays the first.
        entry.seats = Some(HeldSeats {
            at: address(&connections.distributor),
            _seats: connector.seats(&bss),
        });
        entry.adapter = Some(Adapter {
            bss: Arc::clone(&bss),
            made_from: version,
            made_at: now,
        });
        bss
    };
    let references = References {
        identity: connections.distributor.spec.identity.clone(),
        pricing,
        pace: context.pacing.pace,
        terms: terms(&connections.distributor),
        tenant_connection: match &connections.tenant {
            None => TenantConnection::NotNamed,
            Some(_) => TenantConnection::AtHand,
        },
    };
    Ok(Fetched {
        connection: connections.distributor,
        bss,
        references,
        realm,
    })
}

/// The pricing objects of the upgrade. One that this version cannot read may declare options for its
/// customers: to take it for absent would put the default in their place.
async fn pricing<C: Cluster>(
    cluster: &C,
    namespace: &str,
    name: &str,
) -> Result<Vec<CustomerPricing>, DereferenceError> {
    if let [first, others @ ..] = &cluster.unreadable_pricing(namespace)[..] {
        let more = match others.len() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        return Err(unreadable("CustomerPricing", &format!("{first}{more}")));
    }
    Ok(cluster.pricing_of(namespace, name).await?)
}

/// An object of another version of the operator and its CRDs.
fn unreadable(kind: &str, name: &str) -> DereferenceError {
    unworkable(
        Reason::InvalidSpec,
        format!(
            "The {kind} {name} in this namespace cannot be read by this version of the operator: it has \
             something that this version does not know, and nothing goes on without it."
        ),
        format!(
            "Install the version of the operator that the CRDs were made for; or correct the {kind} \
             {name}, or delete it. The operator goes on by itself."
        ),
    )
}

impl Connections {
    /// Other connection objects or generations are another version.
    fn version(&self) -> String {
        let of = |connection: &BssConnection| {
            let uid = connection.metadata.uid.as_deref().unwrap_or_default();
            let generation = connection.metadata.generation.unwrap_or_default();
            format!("{uid}/{generation}")
        };
        match &self.tenant {
            None => of(&self.distributor),
            Some(tenant) => format!("{} {}", of(&self.distributor), of(tenant)),
        }
    }

    /// Which upgrades share the claims of the identity, if the connections may declare it.
    fn realm(&self, bindings: &Bindings, namespace: &str) -> Result<Realm, DereferenceError> {
        let mut realm = Realm::Namespace(namespace.to_owned());
        for connection in std::iter::once(&self.distributor).chain(&self.tenant) {
            let spec = &connection.spec;
            let Some(adapter) = spec.adapter() else {
                continue;
            };
            match bindings.check(&spec.identity, namespace, adapter.url) {
                Ok(Bound::No) => {}
                Ok(Bound::Yes) => realm = Realm::Bound,
                Err(elsewhere) => return Err(unbound(connection, elsewhere)),
            }
        }
        Ok(realm)
    }

    /// Reads the Secrets and makes the adapter.
    async fn connect<C: Cluster, K: Connector>(
        &self,
        cluster: &C,
        connector: &K,
        namespace: &str,
    ) -> Result<Arc<K::Bss>, DereferenceError> {
        let tenant = match &self.tenant {
            None => None,
            Some(tenant) => Some(settings(cluster, namespace, tenant).await?),
        };
        let distributor = settings(cluster, namespace, &self.distributor).await?;
        connector.connect(distributor, tenant).map_err(|error| {
            unworkable(
                Reason::ConnectionForbidden,
                sentence(&error.to_string()),
                "Correct the connection's URL or CA, the Secret's allowed hosts, or the operator's \
                 allowed address ranges."
                    .to_owned(),
            )
        })
    }
}

async fn distributor<C: Cluster>(
    cluster: &C,
    namespace: &str,
    reference: &ConnectionRef,
) -> Result<BssConnection, DereferenceError> {
    let name = &reference.name;
    let connection = cluster.connection(namespace, name).await?;
    if !cluster.connection_is_readable(namespace, name) {
        return Err(unreadable("BssConnection", name));
    }
    connection.ok_or_else(|| {
        not_ready(
            format!("The BssConnection {name} does not exist in this namespace."),
            format!("Create the BssConnection {name}; the operator goes on by itself."),
        )
    })
}

/// The connection to the tenant, which is another access to the distributor's BSS.
async fn tenant<C: Cluster>(
    cluster: &C,
    reference: &ConnectionRef,
    distributor: &BssConnection,
    namespace: &str,
) -> Result<BssConnection, DereferenceError> {
    let name = &reference.name;
    if !cluster.connection_is_readable(namespace, name) {
        return Err(unreadable("BssConnection", name));
    }
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
        return Err(unworkable(
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
) -> Result<ConnectionSettings, DereferenceError> {
    let spec = &connection.spec;
    let adapter = adapter(connection)?;
    let credentials = Credentials::of(spec)?;
    let name = credentials.secret;
    let secret = secret(cluster, namespace, name).await?;
    let login = login(spec, &secret, name)?;
    let Some(allowed_hosts) = secret.annotations.get(ALLOWED_HOSTS_ANNOTATION) else {
        return Err(unworkable(
            Reason::ConnectionForbidden,
            format!("The Secret {name} does not say which hosts it may be sent to."),
            format!(
                "Annotate it with {}: kubectl annotate secret {name} -n {namespace} \
                 {ALLOWED_HOSTS_ANNOTATION}=HOST",
                credentials.sent_to
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
        adapter: adapter.name,
        url: adapter.url.to_owned(),
        login,
        allowed_hosts: allowed_hosts.clone(),
        ca,
        throttle_statuses: throttle_statuses(&spec.limits.throttle_status_codes),
        requests_per_second: positive(spec.limits.requests_per_second),
        concurrency: positive(spec.limits.concurrency),
        timeout: Duration::from_secs(u64::from(positive(spec.limits.request_timeout_seconds))),
    })
}

/// The adapter that a connection names. The API server admits a connection only with one; an object
/// that an older or a newer version of the operator knows may have another one or none.
fn adapter(connection: &BssConnection) -> Result<AdapterChoice<'_>, DereferenceError> {
    connection.spec.adapter().ok_or_else(|| {
        let name = connection.metadata.name.as_deref().unwrap_or_default();
        let known = BssConnectionSpec::ADAPTERS.join(", ");
        unworkable(
            Reason::ConnectionForbidden,
            format!(
                "The spec of the BssConnection {name} does not have exactly one adapter that this \
                 version of the operator knows."
            ),
            format!(
                "Give the spec of the BssConnection {name} exactly one adapter: {known}. If it has \
                 another one, install the version of the operator and of its CRDs that knows it."
            ),
        )
    })
}

/// Where the credentials of a connection are.
struct Credentials<'a> {
    /// The Secret's name.
    secret: &'a str,
    /// The hosts that they are sent to, in words.
    sent_to: &'static str,
}

impl<'a> Credentials<'a> {
    fn of(spec: &'a BssConnectionSpec) -> Result<Self, DereferenceError> {
        match (&spec.auth.bearer, &spec.auth.oauth2_client_credentials) {
            (Some(bearer), None) => Ok(Self {
                secret: &bearer.secret_ref.name,
                sent_to: "the BSS's host",
            }),
            (None, Some(oauth)) => Ok(Self {
                secret: &oauth.secret_ref.name,
                sent_to: "the hosts of the BSS and of the token endpoint",
            }),
            // The API server admits a connection only with one of the two.
            (Some(_), Some(_)) | (None, None) => Err(unworkable(
                Reason::ConnectionForbidden,
                "The connection does not say in one way how to log in.".to_owned(),
                "Give spec.auth exactly one of bearer and oauth2ClientCredentials.".to_owned(),
            )),
        }
    }
}

fn login(
    spec: &BssConnectionSpec,
    secret: &SecretView,
    name: &str,
) -> Result<Login, DereferenceError> {
    Ok(match &spec.auth.oauth2_client_credentials {
        None => Login::Bearer(confidential(secret, name, "token")?),
        Some(oauth) => Login::ClientCredentials {
            token_url: oauth.token_url.clone(),
            scopes: oauth.scopes.clone(),
            id: value(secret, name, "clientId")?,
            secret: confidential(secret, name, "clientSecret")?,
        },
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
) -> Result<SecretView, DereferenceError> {
    cluster.secret(namespace, name).await?.ok_or_else(|| {
        not_ready(
            format!("The Secret {name} does not exist in this namespace."),
            format!("Create the Secret {name}; the operator goes on by itself."),
        )
    })
}

fn value(secret: &SecretView, name: &str, key: &str) -> Result<SecretString, DereferenceError> {
    secret.data.get(key).cloned().ok_or_else(|| {
        not_ready(
            format!("The Secret {name} has no key {key}."),
            format!("Add the key {key} to the Secret {name}."),
        )
    })
}

/// A value that no person may see. A very short one would occur in ordinary words by chance, and could
/// not be kept out of messages without hiding parts of those.
fn confidential(
    secret: &SecretView,
    name: &str,
    key: &str,
) -> Result<SecretString, DereferenceError> {
    let value = value(secret, name, key)?;
    if value.expose_secret().trim().chars().count() >= SHORTEST_SECRET {
        return Ok(value);
    }
    Err(unworkable(
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

/// The identity is bound to other origins or namespaces. Which ones is not told: they are of no concern
/// to this namespace.
fn unbound(connection: &BssConnection, elsewhere: Unbound) -> DereferenceError {
    let name = connection.metadata.name.as_deref().unwrap_or_default();
    let identity = &connection.spec.identity;
    unworkable(
        Reason::ConnectionForbidden,
        format!(
            "The BssConnection {name} declares the identity {identity}, which the administrator of \
             the operator bound to {elsewhere}."
        ),
        format!(
            "Ask the administrator to bind the identity {identity} to this namespace and to the \
             connection's address too (the chart's boundIdentities); or make a connection with the \
             BSS's own identity."
        ),
    )
}

fn not_ready(message: String, next_action: String) -> DereferenceError {
    unworkable(Reason::DependencyNotReady, message, next_action)
}

fn unworkable(reason: Reason, message: String, next_action: String) -> DereferenceError {
    DereferenceError::Unworkable(Box::new(ReadyState {
        reason,
        message,
        next_action,
    }))
}

/// Where a connection leads. Another object or another URL is another address; without an adapter it
/// leads nowhere.
fn address(connection: &BssConnection) -> String {
    let uid = connection.metadata.uid.as_deref().unwrap_or_default();
    let url = connection.spec.adapter().map(|adapter| adapter.url);
    format!("{uid} {}", url.unwrap_or_default())
}

/// What people can change without changing the spec, and what the operator obeys at once: annotations
/// and pricing objects.
fn requested(upgrade: &TenantResellerUpgrade, pricing: &[CustomerPricing]) -> String {
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
