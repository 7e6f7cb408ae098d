//! The first step of a reconcile: fetch what the spec points to (connections, Secrets, pricing objects)
//! and make the adapter. It reads from the cluster.
//!
//! It must not write anything, nor call the BSS. What it cannot find is a state of the upgrade, not an
//! error.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::access::{self, Refused};
use super::cache::{Basis, CacheEntry, HeldSeats};
use super::connections::{Adapter, Taken};
use super::context::{Context, Time};
use super::object;
use super::settings::{no_adapter, positive, settings};
use crate::api::{BssConnection, ConnectionRef, CustomerPricing, Reason, TenantResellerUpgrade};
use crate::bss::bindings::{Bindings, Bound, Unbound};
use crate::bss::connect::{Connector, concerns_the_tenant};
use crate::bss::limits::Access;
use crate::cluster::port::{Cluster, ClusterError};
use crate::upgrade::{
    REFERENCE_GUIDE, ReadyState, Realm, References, TenantConnection, Terms, held_connection,
    sentence,
};

/// So many requests a second are reckoned with where the connection declares no limit.
const UNKNOWN_RATE: u32 = 20;

/// So many calls of a sweep are under way at a time where the connection declares no limit. The limiter lets as
/// many of them go as it has found to be good.
const LEARNT_AT_ONCE: usize = 64;

/// What the spec points to.
pub(super) struct Fetched<B> {
    pub(super) connection: BssConnection,
    /// The tenant's own access, where the spec names one.
    pub(super) tenant: Option<TenantAccess>,
    pub(super) bss: Arc<B>,
    pub(super) references: References,
    /// The upgrades that share the claims of the connection's identity.
    pub(super) realm: Realm,
}

/// A tenant's own access.
pub(super) struct TenantAccess {
    pub(super) connection: BssConnection,
    /// What is known of it where calls are limited.
    pub(super) access: Option<Access>,
}

impl TenantAccess {
    /// Whether the tenant has accepted the credentials, as far as the limits of its origin know.
    pub(super) fn has_accepted(&self) -> bool {
        self.access.as_ref().is_some_and(Access::is_accepted)
    }
}

/// Why something that the spec points to was not fetched.
#[derive(Clone)]
pub(super) enum DereferenceError {
    /// It is missing or not in order, which is a state of the upgrade.
    Unworkable(Box<ReadyState>),
    /// The same, and it is this connection that cannot be used: a Secret of it is not there, for
    /// example, or not for this host.
    NoAccess(Box<NoAccess>),
    /// The API server refused or did not answer.
    Cluster(ClusterError),
}

/// A connection that cannot be used, and why.
#[derive(Clone)]
pub(super) struct NoAccess {
    pub(super) connection: String,
    pub(super) state: ReadyState,
}

impl From<Refused> for DereferenceError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Cluster(error) => Self::Cluster(error),
            Refused::NotReady {
                message,
                next_action,
            } => not_ready(message, next_action),
            Refused::Forbidden {
                message,
                next_action,
            } => unworkable(Reason::ConnectionForbidden, message, next_action),
        }
    }
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
    /// What certificates are measured by.
    now: Timestamp,
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
    let distributor = distributor(cluster, namespace, &upgrade.spec.connection_ref)?;
    entry.keep_seats_at(&address(&distributor));
    let tenant = match &upgrade.spec.tenant_connection_ref {
        None => None,
        Some(reference) => Some(tenant(cluster, reference, &distributor, namespace)?),
    };
    let connections = Connections {
        distributor,
        tenant,
        now: context.time.now().wall,
    };
    let realm = connections.realm(&context.bindings, namespace)?;
    let pricing = pricing(cluster, namespace, name).await?;
    let version = connections.version();
    let terms = connections.terms();
    let suspended = terms.suspension_of(upgrade);
    let basis = Basis::of(upgrade, suspended, &version);
    entry.revalidate(upgrade, basis, requested(upgrade, &pricing));
    let address = address(&connections.distributor);
    let reading = connections.connect(cluster, connector, namespace);
    let used = entry.uses(&version);
    let Adapter {
        bss,
        doubt: credential_doubt,
        ..
    } = {
        let adapter = used.connection.adapter(now, reading).await?;
        let taken = used.takes(&adapter);
        if taken == Taken::Another {
            // The former seats are given up after the new ones are taken, so that a BSS that was the
            // first of its identity stays the first.
            entry.seats = Some(HeldSeats {
                at: address,
                _seats: connector.seats(&adapter.bss),
            });
        }
        adapter
    };
    let references = References {
        identity: connections.distributor.spec.identity.clone(),
        pricing,
        pace: context.pacing.pace,
        terms,
        tenant_connection: match &connections.tenant {
            None => TenantConnection::NotNamed,
            Some(_) => TenantConnection::AtHand,
        },
        credential_doubt,
    };
    Ok(Fetched {
        connection: connections.distributor,
        tenant: connections.tenant.map(|connection| TenantAccess {
            connection,
            access: connector.tenant_access(&bss),
        }),
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

    /// What they say about the BSS. Its risks and limits are those of the distributor's.
    fn terms(&self) -> Terms {
        let spec = &self.distributor.spec;
        let limits = &spec.limits;
        let seconds = |number| Duration::from_secs(u64::from(positive(number)));
        let both = || std::iter::once(&self.distributor).chain(&self.tenant);
        Terms {
            accepted: spec.accepted_risks.iter().copied().collect(),
            settle: seconds(limits.settle_seconds),
            order_settle: seconds(limits.order_settle_seconds),
            rate: limits.requests_per_second.map_or(UNKNOWN_RATE, positive),
            at_once: limits
                .concurrency
                .map_or(LEARNT_AT_ONCE, |number| {
                    usize::try_from(number).unwrap_or(1)
                })
                .clamp(1, 256),
            guide: spec
                .adapter()
                .map_or(REFERENCE_GUIDE, |adapter| adapter.guide),
            only_reads: spec.adapter().is_some_and(|adapter| adapter.only_reads),
            logins: both()
                .flat_map(|connection| connection.spec.auth.ways())
                .collect(),
            held: both().find_map(held_connection),
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

    /// Reads the Secrets and makes the adapter; also says what looks wrong with the credentials.
    async fn connect<C: Cluster, K: Connector>(
        &self,
        cluster: &C,
        connector: &K,
        namespace: &str,
    ) -> Result<(Arc<K::Bss>, Option<String>), DereferenceError> {
        let mut doubts = Vec::new();
        let mut all = Vec::new();
        for connection in self.tenant.iter().chain([&self.distributor]) {
            let settings = settings(cluster, namespace, connection, self.now).await;
            let settings = settings.map_err(|error| of(connection, error))?;
            doubts.extend(access::doubt(&connection.spec.auth, &settings.login));
            all.push(settings);
        }
        let (Some(distributor), tenant) = (all.pop(), all.pop()) else {
            return Err(of(&self.distributor, no_adapter(&self.distributor)));
        };
        let bss = connector.connect(distributor, tenant).map_err(|error| {
            let whose = match &self.tenant {
                Some(tenant) if concerns_the_tenant(&error) => tenant,
                Some(_) | None => &self.distributor,
            };
            let state = unworkable(
                Reason::ConnectionForbidden,
                sentence(&error.to_string()),
                "Do what the message says, or correct the connection's URL or tls, the Secret's \
                 allowed hosts, or the operator's allowed address ranges."
                    .to_owned(),
            );
            of(whose, state)
        })?;
        doubts.dedup();
        Ok((bss, (!doubts.is_empty()).then(|| doubts.join(" "))))
    }
}

/// It is this connection that cannot be used.
fn of(connection: &BssConnection, error: DereferenceError) -> DereferenceError {
    match error {
        DereferenceError::Unworkable(state) => DereferenceError::NoAccess(Box::new(NoAccess {
            connection: name_of(connection).to_owned(),
            state: *state,
        })),
        DereferenceError::NoAccess(_) | DereferenceError::Cluster(_) => error,
    }
}

pub(super) fn name_of(connection: &BssConnection) -> &str {
    connection.metadata.name.as_deref().unwrap_or_default()
}

fn distributor<C: Cluster>(
    cluster: &C,
    namespace: &str,
    reference: &ConnectionRef,
) -> Result<BssConnection, DereferenceError> {
    let name = &reference.name;
    let connection = cluster.connection(namespace, name);
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
fn tenant<C: Cluster>(
    cluster: &C,
    reference: &ConnectionRef,
    distributor: &BssConnection,
    namespace: &str,
) -> Result<BssConnection, DereferenceError> {
    let name = &reference.name;
    if !cluster.connection_is_readable(namespace, name) {
        return Err(unreadable("BssConnection", name));
    }
    let Some(connection) = cluster.connection(namespace, name) else {
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

/// The identity is bound to other origins or namespaces. Which ones is not told: they are of no concern
/// to this namespace.
fn unbound(connection: &BssConnection, elsewhere: Unbound) -> DereferenceError {
    let name = name_of(connection);
    let identity = &connection.spec.identity;
    let state = unworkable(
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
    );
    of(connection, state)
}

fn not_ready(message: String, next_action: String) -> DereferenceError {
    unworkable(Reason::DependencyNotReady, message, next_action)
}

pub(super) fn unworkable(reason: Reason, message: String, next_action: String) -> DereferenceError {
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
