//! The watches, each with its cache. Each stream keeps its errors to itself: in kube-rs' controller an
//! error of one stream pauses all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use kube::api::Api;
use kube::core::NamespaceResourceScope;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use super::client::Clients;
use super::error::chain;
use super::guarded::{Guarded, Kept};
use super::merge::{Source, merged};
use super::patience::Patience;
use super::stores::{Filled, Stores};
use super::watch_health::{Kind, KindHealth};
use crate::api::{BssConnection, CustomerPricing, TenantResellerUpgrade};

/// How long one watch lasts before it is asked anew, in seconds. Also bounds how long a connection
/// that died without a word goes unnoticed.
pub(super) const WATCH_SECONDS: u32 = 60;

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
        K: Kept + DeserializeOwned + Send + Sync + 'static,
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

    /// The events of one watch, without errors.
    fn source<K>(
        &self,
        api: Api<Guarded<K>>,
        (kind, namespace): (Kind, Option<&str>),
    ) -> Happenings<K>
    where
        K: Resource<DynamicType = ()> + Kept + Clone + std::fmt::Debug,
        K: DeserializeOwned + Send + Sync + 'static,
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
            .filter_map(move |happened| std::future::ready(observe(&health, happened)))
            .boxed()
    }
}

/// Notes from each event how healthy the watch is, and keeps errors from going further.
fn observe<K: Resource + Clone>(
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

fn warn_unreadable<K: Resource + Clone>(health: &KindHealth, object: &Guarded<K>) {
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
}
