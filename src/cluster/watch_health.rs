//! How fresh the watches are.
//!
//! kube-rs never says that a cache is not synced or that a watch has gone silent, and keeps
//! bookmarks and reconnections to itself. So freshness is taken where it cannot be missed: from
//! the answers of the HTTP client. Each watch is asked anew every minute, so a healthy one gets an
//! answer at least that often, whether or not anything changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Request, StatusCode};
use kube::client::Body;
use tokio::time::Instant;
use tower::Layer;

use super::listening::{Ear, Heard, Listening};

/// A watch without an answer for so long is stale: two watches and a reconnection.
const STALE: Duration = Duration::from_secs(150);

/// A kind that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Upgrades,
    Connections,
    Pricing,
}

impl Kind {
    /// As people call it.
    fn name(self) -> &'static str {
        match self {
            Self::Upgrades => "upgrades",
            Self::Connections => "connections",
            Self::Pricing => "customer pricing",
        }
    }

    /// As the API server calls it, the last part of its path.
    fn plural(self) -> &'static str {
        match self {
            Self::Upgrades => "tenantresellerupgrades",
            Self::Connections => "bssconnections",
            Self::Pricing => "customerpricings",
        }
    }
}

/// The health of the watch of one kind, in one namespace or in all.
#[derive(Debug)]
pub struct KindHealth {
    kind: Kind,
    namespace: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    synced: bool,
    last: Option<Instant>,
    failure: Option<String>,
}

impl KindHealth {
    fn new(kind: Kind, namespace: Option<&str>) -> Self {
        Self {
            kind,
            namespace: namespace.map(str::to_owned),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The API server answered a list or watch of this kind well.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.last = Some(Instant::now());
        state.failure = None;
    }

    /// The cache was filled.
    pub(super) fn synced(&self) {
        self.state().synced = true;
    }

    /// The watch failed. Answers with the text if it is news, so that a long failure is logged once.
    pub(super) fn failed(&self, said: String) -> Option<String> {
        let mut state = self.state();
        if state.failure.as_ref() == Some(&said) {
            return None;
        }
        state.failure = Some(said.clone());
        Some(said)
    }

    /// As people call the kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The namespace that is watched; `None` if it is the whole cluster.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// What is awaited of this watch, in words; `None` if all is well.
    #[must_use]
    pub fn awaited(&self) -> Option<String> {
        self.awaited_at(Instant::now())
    }

    fn awaited_at(&self, now: Instant) -> Option<String> {
        let state = self.state();
        let because = match &state.failure {
            Some(failure) => format!(" ({failure})"),
            None => String::new(),
        };
        let place = match &self.namespace {
            Some(namespace) => format!("namespace {namespace}: "),
            None => String::new(),
        };
        let name = self.name();
        if !state.synced {
            return Some(format!("{place}cache of {name} not synced{because}"));
        }
        let silent = now.saturating_duration_since(state.last?);
        (silent > STALE).then(|| {
            format!(
                "{place}watch of {name} silent for {} s{because}",
                silent.as_secs()
            )
        })
    }
}

/// The health of all watches that there are.
#[derive(Debug, Default)]
pub struct WatchHealth {
    watches: Mutex<Vec<Arc<KindHealth>>>,
}

impl WatchHealth {
    fn watches(&self) -> MutexGuard<'_, Vec<Arc<KindHealth>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more watch, of a kind in one namespace or in all.
    pub(super) fn add(&self, kind: Kind, namespace: Option<&str>) -> Arc<KindHealth> {
        let health = Arc::new(KindHealth::new(kind, namespace));
        self.watches().push(Arc::clone(&health));
        health
    }

    /// What is awaited of the watches, in words.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        self.watches()
            .iter()
            .filter_map(|health| health.awaited())
            .collect()
    }

    /// The watch that a request belongs to: `.../namespaces/NAMESPACE/PLURAL` or `.../PLURAL`.
    fn of_path(&self, path: &str) -> Option<Arc<KindHealth>> {
        let mut parts = path.rsplit('/');
        let (last, before, word) = (parts.next()?, parts.next(), parts.next());
        let namespace = before.filter(|_| word == Some("namespaces"));
        let watches = self.watches();
        let found = watches
            .iter()
            .find(|health| health.kind.plural() == last && health.namespace() == namespace);
        found.map(Arc::clone)
    }
}

/// Listens at the watch client.
#[derive(Clone)]
pub(super) struct WatchHealthLayer {
    watch_health: Arc<WatchHealth>,
}

impl WatchHealthLayer {
    pub(super) fn new(watch_health: Arc<WatchHealth>) -> Self {
        Self { watch_health }
    }
}

impl<S> Layer<S> for WatchHealthLayer {
    type Service = Listening<S, Self>;

    fn layer(&self, inner: S) -> Listening<S, Self> {
        Listening::new(inner, self.clone())
    }
}

impl Ear for WatchHealthLayer {
    type OneCall = OfWatch;

    fn asked(&self, request: &Request<Body>) -> OfWatch {
        OfWatch {
            path: request.uri().path().to_owned(),
            watch_health: Arc::clone(&self.watch_health),
        }
    }
}

/// A request of a watch.
pub(super) struct OfWatch {
    path: String,
    watch_health: Arc<WatchHealth>,
}

impl Heard for OfWatch {
    fn answered(&mut self, status: StatusCode, _: &HeaderMap) {
        if let Some(health) = self.watch_health.of_path(&self.path)
            && status.is_success()
        {
            health.answered();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_awaited() {
        let watch_health = WatchHealth::default();
        let health = watch_health.add(Kind::Upgrades, None);
        watch_health.add(Kind::Pricing, Some("b"));
        assert_eq!(
            watch_health.awaited(),
            [
                "cache of upgrades not synced",
                "namespace b: cache of customer pricing not synced"
            ]
        );
        assert_eq!(
            health.awaited().as_deref(),
            Some("cache of upgrades not synced")
        );
        assert_eq!(health.failed("refused".into()).as_deref(), Some("refused"));
        assert_eq!(health.failed("refused".into()), None, "said once");
        assert_eq!(
            health.awaited().as_deref(),
            Some("cache of upgrades not synced (refused)")
        );
        health.answered();
        health.synced();
        assert_eq!(health.awaited(), None);
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert_eq!(health.awaited_at(later(149)), None);
        assert_eq!(
            health.awaited_at(later(151)).as_deref(),
            Some("watch of upgrades silent for 151 s")
        );
    }

    #[test]
    fn a_path_names_its_watch() {
        let watch_health = WatchHealth::default();
        watch_health.add(Kind::Upgrades, None);
        watch_health.add(Kind::Connections, Some("a"));
        watch_health.add(Kind::Connections, Some("b"));
        let of = |path: &str| {
            let path = format!("/apis/tenantreseller.io/v1alpha1/{path}");
            let health = watch_health.of_path(&path)?;
            Some((health.name(), health.namespace().map(str::to_owned)))
        };
        assert_eq!(of("tenantresellerupgrades"), Some(("upgrades", None)));
        for namespace in ["a", "b"] {
            assert_eq!(
                of(&format!("namespaces/{namespace}/bssconnections")),
                Some(("connections", Some(namespace.to_owned())))
            );
        }
        assert_eq!(of("namespaces/c/bssconnections"), None);
        assert_eq!(of("bssconnections"), None);
        assert_eq!(of("resellerclaims"), None);
    }
}
