//! The watches: pruned, guarded, and each with its cache.
//!
//! Pruned, because managedFields are most of the memory of a cached object. Guarded, because one
//! object written by a newer or older version must not stop the others. Each stream keeps its
//! errors to itself: in kube-rs' controller an error of one stream pauses all of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::{Api, ObjectMeta};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::Clients;
use super::error::chain;
use super::merge::{Source, merged};
use super::watch_health::{Kind, KindHealth};
use crate::api::{
    BssConnection, ConditionType, CustomerPricing, FINALIZER, Phase, TenantResellerUpgrade,
};

/// How long one watch lasts before it is asked anew, in seconds. Also bounds how long a connection
/// that died without a word goes unnoticed.
pub(super) const WATCH_SECONDS: u32 = 60;

/// `kubectl apply` keeps a whole copy of the object here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object that may be unreadable for this version.
pub(super) type Guarded<K> = DeserializeGuard<K>;

/// Where upgrades are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the whole cluster.
    Cluster,
    /// In these namespaces, each by watches of its own.
    Namespaces(BTreeSet<String>),
}

impl Scope {
    /// These namespaces; without any the whole cluster.
    pub fn of<S: Into<String>>(namespaces: impl IntoIterator<Item = S>) -> Self {
        let namespaces: BTreeSet<String> = namespaces.into_iter().map(Into::into).collect();
        if namespaces.is_empty() {
            Self::Cluster
        } else {
            Self::Namespaces(namespaces)
        }
    }

    /// The namespaces, if they are named.
    #[must_use]
    pub fn namespaces(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::Cluster => None,
            Self::Namespaces(namespaces) => Some(namespaces),
        }
    }
}

/// The caches that the watches fill.
#[derive(Clone)]
pub struct Stores {
    pub(super) upgrades: Store<Guarded<TenantResellerUpgrade>>,
    pub(super) connections: Store<Guarded<BssConnection>>,
    pub(super) pricing: Store<Guarded<CustomerPricing>>,
    filled: Arc<Filled>,
}

/// Tells that a cache was filled.
pub(super) type Fill = tokio::sync::watch::Sender<bool>;

/// Whether each cache was filled, by the namespace that is watched; `None` is the whole cluster.
///
/// Not kube-rs' `wait_until_ready`: of several tasks that wait for one store it wakes only the one
/// that looked last (5.0.0), and here every reconcile waits.
type Filled = BTreeMap<Option<String>, Vec<tokio::sync::watch::Receiver<bool>>>;

impl Stores {
    /// Waits until every cache was filled once with what is in this namespace. A reconcile before that
    /// would take what it has not seen for missing. False if the watches ended before, or if the
    /// namespace is not watched.
    pub async fn filled(&self, namespace: &str) -> bool {
        let place = Some(namespace.to_owned());
        let Some(filled) = self.filled.get(&place).or_else(|| self.filled.get(&None)) else {
            return false;
        };
        for filled in filled {
            if filled.clone().wait_for(|filled| *filled).await.is_err() {
                return false;
            }
        }
        true
    }

    /// An upgrade as the watch saw it last; `None` also if this version cannot read it.
    #[must_use]
    pub fn upgrade(&self, namespace: &str, name: &str) -> Option<TenantResellerUpgrade> {
        readable(&self.upgrades, namespace, name)
    }

    /// A connection as the watch saw it last.
    #[must_use]
    pub fn connection(&self, namespace: &str, name: &str) -> Option<BssConnection> {
        readable(&self.connections, namespace, name)
    }

    /// The pricing objects that refer to an upgrade, by name.
    #[must_use]
    pub fn pricing_of(&self, namespace: &str, upgrade: &str) -> Vec<CustomerPricing> {
        let mut found: Vec<CustomerPricing> = self
            .pricing
            .state_filter(|guarded| {
                guarded.0.as_ref().is_ok_and(|pricing| {
                    pricing.metadata.namespace.as_deref() == Some(namespace)
                        && pricing.spec.upgrade_ref.name == upgrade
                })
            })
            .iter()
            .filter_map(|guarded| guarded.0.as_ref().ok().cloned())
            .collect();
        found.sort_by_key(ResourceExt::name_any);
        found
    }

    /// The pricing objects of a namespace that this version cannot read, by name.
    #[must_use]
    pub fn unreadable_pricing(&self, namespace: &str) -> Vec<String> {
        let unreadable = self.pricing.state_filter(|guarded| {
            guarded.0.is_err() && guarded.meta().namespace.as_deref() == Some(namespace)
        });
        let names = unreadable.iter().map(|object| object.name_any());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Whether this version can read a connection. One that does not exist can be read.
    #[must_use]
    pub fn connection_is_readable(&self, namespace: &str, name: &str) -> bool {
        let found = self
            .connections
            .get(&ObjectRef::new(name).within(namespace));
        found.is_none_or(|found| found.0.is_ok())
    }

    /// How many upgrades there are, by phase and reason of `Ready`, for gauges.
    #[must_use]
    pub fn upgrade_counts(&self) -> BTreeMap<(String, String), i64> {
        let mut counts = BTreeMap::new();
        for guarded in self.upgrades.state() {
            let count: &mut i64 = counts.entry(phase_and_reason(&guarded)).or_default();
            *count = count.saturating_add(1);
        }
        counts
    }

    /// Whether this very upgrade is there, not another of its name.
    pub(super) fn is_there(&self, upgrade: &TenantResellerUpgrade) -> bool {
        self.upgrades
            .get(
                &ObjectRef::new(&upgrade.name_any())
                    .within(&upgrade.namespace().unwrap_or_default()),
            )
            .is_some_and(|there| there.meta().uid == upgrade.metadata.uid)
    }

    /// The metadata of all upgrades, readable or not, on which the operator's finalizer stands.
    pub(super) fn with_finalizer(&self) -> Vec<ObjectMeta> {
        let there = self.upgrades.state();
        let held = there.iter().map(|upgrade| upgrade.meta());
        let held = held.filter(|meta| {
            let finalizers = meta.finalizers.iter().flatten();
            finalizers.into_iter().any(|name| name == FINALIZER)
        });
        held.cloned().collect()
    }

    /// The uids of all upgrades that are there.
    pub(super) fn uids(&self) -> HashSet<String> {
        let there = self.upgrades.state();
        there
            .iter()
            .filter_map(|there| there.meta().uid.clone())
            .collect()
    }

    /// The upgrades of a namespace.
    pub(super) fn upgrades_in(
        &self,
        namespace: &str,
    ) -> Vec<ObjectRef<Guarded<TenantResellerUpgrade>>> {
        let there = |upgrade: &Guarded<TenantResellerUpgrade>| {
            upgrade.meta().namespace.as_deref() == Some(namespace)
        };
        let there = self.upgrades.state_filter(there);
        let there = there.iter();
        there
            .map(|upgrade| ObjectRef::from_obj(upgrade.as_ref()))
            .collect()
    }

    /// The upgrades that refer to a connection.
    pub(super) fn upgrades_using(
        &self,
        connection: &Guarded<BssConnection>,
    ) -> Vec<ObjectRef<Guarded<TenantResellerUpgrade>>> {
        let (namespace, name) = (connection.namespace(), connection.name_any());
        self.upgrades
            .state_filter(|guarded| {
                guarded.namespace() == namespace
                    && guarded.0.as_ref().is_ok_and(|upgrade| {
                        let tenants = upgrade.spec.tenant_connection_ref.as_ref();
                        upgrade.spec.connection_ref.name == name
                            || tenants.is_some_and(|tenants| tenants.name == name)
                    })
            })
            .iter()
            .map(|upgrade| ObjectRef::from_obj(upgrade.as_ref()))
            .collect()
    }
}

fn phase_and_reason(guarded: &Guarded<TenantResellerUpgrade>) -> (String, String) {
    let Ok(upgrade) = &guarded.0 else {
        return ("Unreadable".to_owned(), "Unreadable".to_owned());
    };
    let status = upgrade.status.as_ref();
    let phase = status
        .and_then(|status| status.phase)
        .unwrap_or(Phase::Pending);
    let ready = ConditionType::Ready.as_str();
    let reason = status
        .and_then(|status| status.conditions.iter().find(|c| c.type_ == ready))
        .map_or("Unseen", |condition| condition.reason.as_str());
    (phase.as_str().to_owned(), reason.to_owned())
}

fn readable<K>(store: &Store<Guarded<K>>, namespace: &str, name: &str) -> Option<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + 'static,
{
    let found = store.get(&ObjectRef::new(name).within(namespace))?;
    found.0.as_ref().ok().cloned()
}

/// A stream of what happens to one kind; it never ends and never fails.
pub(super) type Happenings<K> =
    std::pin::Pin<Box<dyn Stream<Item = Event<Guarded<K>>> + Send + 'static>>;

/// The watches, not running yet: a [`super::Runner`] runs them.
pub struct Watches {
    pub(super) stores: Stores,
    /// For single calls; the watches have one of their own.
    pub(super) client: Client,
    /// Begins all of them anew, with a list.
    pub(super) anew: Anew,
    pub(super) upgrades: Happenings<TenantResellerUpgrade>,
    pub(super) connections: Happenings<BssConnection>,
    pub(super) pricing: Happenings<CustomerPricing>,
}

impl Watches {
    /// Prepares the watches.
    #[must_use]
    pub fn new(clients: &Clients, scope: &Scope) -> Self {
        let mut making = Making {
            clients,
            scope,
            anew: Anew::new(0),
            filled: Filled::new(),
        };
        let (upgrades, upgrade_events) = making.watched(Kind::Upgrades);
        let (connections, connection_events) = making.watched(Kind::Connections);
        let (pricing, pricing_events) = making.watched(Kind::Pricing);
        Self {
            anew: making.anew,
            client: clients.calls.clone(),
            stores: Stores {
                upgrades,
                connections,
                pricing,
                filled: Arc::new(making.filled),
            },
            upgrades: upgrade_events,
            connections: connection_events,
            pricing: pricing_events,
        }
    }

    /// The caches.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.stores.clone()
    }
}

/// Asks for a new beginning of the watches, by a number that changes.
pub(super) type Anew = tokio::sync::watch::Sender<u64>;

/// A stream that begins anew whenever it is asked to. What begins lists first, so that its
/// consumer forgets what is not there any more.
fn restarted<S>(
    begin: impl Fn() -> S + Send + 'static,
    asked: tokio::sync::watch::Receiver<u64>,
) -> impl Stream<Item = S::Item> + Send + 'static
where
    S: Stream + Unpin + Send + 'static,
    S::Item: Send,
{
    let first = (begin(), asked);
    futures::stream::unfold((first, begin), |((mut present, mut asked), begin)| async {
        loop {
            tokio::select! {
                biased;
                // When the sender is gone, it goes on as it is.
                Ok(()) = asked.changed() => present = begin(),
                event = present.next() => return Some((event?, ((present, asked), begin))),
            }
        }
    })
}

/// The events, each in the cache before it is told.
fn kept<K>(
    events: impl Stream<Item = Event<Guarded<K>>> + Send,
    writer: Writer<Guarded<K>>,
) -> impl Stream<Item = Event<Guarded<K>>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    // An error is never among them; the shape is that of kube-rs.
    let events = events.map(Ok::<_, watcher::Error>).reflect(writer);
    events.filter_map(|event| std::future::ready(event.ok()))
}

/// What the watches are made of.
struct Making<'a> {
    clients: &'a Clients,
    scope: &'a Scope,
    anew: Anew,
    filled: Filled,
}

impl Making<'_> {
    /// The cache and the events of one kind.
    fn watched<K>(&mut self, kind: Kind) -> (Store<Guarded<K>>, Happenings<K>)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug,
        K: DeserializeOwned + Send + Sync + 'static,
    {
        let (store, writer) = reflector::store();
        let client = &self.clients.watches;
        let events = match self.scope {
            Scope::Cluster => {
                let (fill, filled) = tokio::sync::watch::channel(false);
                self.filled.entry(None).or_default().push(filled);
                let events = self.source(Api::all(client.clone()), (kind, None));
                kept(events, writer)
                    .inspect(move |event| {
                        if matches!(event, Event::InitDone) {
                            fill.send_replace(true);
                        }
                    })
                    .boxed()
            }
            Scope::Namespaces(namespaces) => {
                let mut sources = Vec::new();
                for namespace in namespaces {
                    let (fill, filled) = tokio::sync::watch::channel(false);
                    let place = Some(namespace.clone());
                    self.filled.entry(place).or_default().push(filled);
                    let api = Api::namespaced(client.clone(), namespace);
                    sources.push(Source {
                        namespace: namespace.clone(),
                        events: self.source(api, (kind, Some(namespace))),
                        fill,
                    });
                }
                kept(merged(sources, &store), writer).boxed()
            }
        };
        (store, events)
    }

    /// The events of one watch, pruned, without errors.
    fn source<K>(
        &self,
        api: Api<Guarded<K>>,
        (kind, namespace): (Kind, Option<&str>),
    ) -> Happenings<K>
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync,
        K: 'static,
    {
        let health = self.clients.watch_health.add(kind, namespace);
        let begin = move || {
            watcher(
                api.clone(),
                watcher::Config::default().timeout(WATCH_SECONDS),
            )
            .backoff(Patience::default())
            .boxed()
        };
        restarted(begin, self.anew.subscribe())
            .modify(prune)
            .filter_map(move |happened| std::future::ready(observe(&health, happened)))
            .boxed()
    }
}

/// Notes from each event how healthy the watch is, and keeps errors from going further.
fn observe<K: Resource>(
    health: &KindHealth,
    happened: watcher::Result<Event<Guarded<K>>>,
) -> Option<Event<Guarded<K>>> {
    match happened {
        Ok(event) => {
            match &event {
                // Said before each attempt to list, so it says nothing about the API server.
                Event::Init => {}
                Event::InitDone => {
                    health.synced();
                    health.answered();
                }
                Event::Apply(object) | Event::InitApply(object) => {
                    health.answered();
                    warn_unreadable(health, object);
                }
                Event::Delete(_) => health.answered(),
            }
            Some(event)
        }
        Err(error) => {
            if let Some(said) = health.failed(explain(health, &error)) {
                tracing::warn!(
                    kind = health.name(),
                    watched = health.namespace().unwrap_or("all namespaces"),
                    error = said,
                    "watch failed; trying again"
                );
            }
            None
        }
    }
}

fn warn_unreadable<K: Resource>(health: &KindHealth, object: &Guarded<K>) {
    if let Err(invalid) = &object.0 {
        tracing::warn!(
            kind = health.name(),
            namespace = invalid.metadata.namespace.as_deref().unwrap_or_default(),
            name = invalid.metadata.name.as_deref().unwrap_or_default(),
            error = invalid.error,
            "this version cannot read the object; it is left alone until it changes"
        );
    }
}

fn explain(health: &KindHealth, error: &watcher::Error) -> String {
    let answered = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    };
    match answered.map(|status| (status.code, &status.message)) {
        Some((404, _)) => "the API server does not serve this kind: are the CRDs installed?".into(),
        Some((401 | 403, said)) => match health.namespace() {
            Some(namespace) => format!(
                "RBAC forbids it: does the namespace {namespace} exist, and has the operator's \
                 account a RoleBinding there? {said}"
            ),
            None => format!("RBAC forbids it: {said}"),
        },
        Some((410, _)) => "the API server has forgotten where the watch was; listing again".into(),
        Some((code, said)) => format!("{code}: {said}"),
        None => chain(error),
    }
}

fn prune<K: Resource>(object: &mut Guarded<K>) {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

/// How long a failed watch rests: half a second, doubled up to ten.
///
/// kube-rs resets its own back-off with each success and counts the beginning of a list as one, so
/// that a list that always fails would never be asked more slowly. This one forgets failures only
/// after a quiet minute.
#[derive(Debug, Default)]
struct Patience {
    failures: u32,
    last: Option<Instant>,
}

const QUIET: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_secs(10);

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.failed_at(Instant::now()))
    }
}

impl Patience {
    fn failed_at(&mut self, now: Instant) -> Duration {
        let quiet = |last| now.saturating_duration_since(last) > QUIET;
        if self.last.is_some_and(quiet) {
            self.failures = 0;
        }
        self.last = Some(now);
        let rest = Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1).min(16);
        rest.min(LONGEST)
    }
}

impl Backoff for Patience {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_begins_anew_when_it_is_asked_to() {
        let anew = Anew::new(0);
        let begin = || futures::stream::iter(["list", "a", "b"]).chain(futures::stream::pending());
        let mut events = Box::pin(restarted(begin, anew.subscribe()));
        assert_eq!(events.next().await, Some("list"));
        assert_eq!(events.next().await, Some("a"));
        anew.send_replace(1);
        let mut after = Vec::new();
        for _ in 0..3 {
            after.extend(events.next().await);
        }
        assert_eq!(after, ["list", "a", "b"]);
        // When the sender is gone, it goes on as it is.
        let mut alone = Box::pin(restarted(begin, Anew::new(0).subscribe()));
        assert_eq!(alone.next().await, Some("list"));
        assert_eq!(alone.next().await, Some("a"));
    }

    #[test]
    fn patience_grows_and_forgets() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        let rests: Vec<u128> = (0..6)
            .map(|_| patience.failed_at(now).as_millis())
            .collect();
        assert_eq!(rests, [500, 1000, 2000, 4000, 8000, 10000]);
        patience.reset();
        assert_eq!(patience.failed_at(now), LONGEST, "a success is no reset");
        let later = now + QUIET + Duration::from_secs(1);
        assert_eq!(patience.failed_at(later), Duration::from_millis(500));
    }

    #[test]
    fn pruning_leaves_what_people_wrote() {
        let mut object: Guarded<BssConnection> = serde_json::from_value(serde_json::json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "BssConnection",
            "metadata": {
                "name": "distributor",
                "managedFields": [{ "manager": "kubectl" }],
                "annotations": { LAST_APPLIED: "{}", "mine": "kept" },
            },
        }))
        .expect("metadata is readable");
        assert!(object.0.is_err(), "without a spec it is unreadable");
        prune(&mut object);
        assert_eq!(object.managed_fields(), []);
        assert_eq!(
            object.annotations().iter().collect::<Vec<_>>(),
            [(&"mine".to_owned(), &"kept".to_owned())]
        );
    }
}
