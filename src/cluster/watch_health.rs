//! How fresh the watches are.
//!
//! kube-rs never says that a cache is not synced or that a watch has gone silent, and keeps
//! bookmarks and reconnections to itself. So freshness is taken where it cannot be missed: from
//! the answers of the HTTP client. Each watch is asked anew every minute, so a healthy one gets an
//! answer at least that often, whether or not anything changes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{Request, Response};
use kube::client::Body;
use tokio::time::Instant;
use tower::{Layer, Service};

/// A watch without an answer for so long is stale: two watches and a reconnection.
const STALE: Duration = Duration::from_secs(150);

/// The health of the watch of one kind.
#[derive(Debug)]
pub struct KindHealth {
    /// As people call the kind: `upgrades`.
    name: &'static str,
    /// As the API server calls it, the last part of its path: `tenantresellerupgrades`.
    plural: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    synced: bool,
    last: Option<Instant>,
    failure: Option<String>,
}

impl KindHealth {
    fn new(name: &'static str, plural: &'static str) -> Self {
        Self {
            name,
            plural,
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
        self.name
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
        if !state.synced {
            return Some(format!("cache of {} not synced{because}", self.name));
        }
        let silent = now.saturating_duration_since(state.last?);
        (silent > STALE).then(|| {
            format!(
                "watch of {} silent for {} s{because}",
                self.name,
                silent.as_secs()
            )
        })
    }
}

/// The health of the watches, kind by kind.
#[derive(Debug)]
pub struct WatchHealth {
    /// Of upgrades.
    pub upgrades: KindHealth,
    /// Of connections.
    pub connections: KindHealth,
    /// Of pricing objects.
    pub pricing: KindHealth,
}

impl Default for WatchHealth {
    fn default() -> Self {
        Self {
            upgrades: KindHealth::new("upgrades", "tenantresellerupgrades"),
            connections: KindHealth::new("connections", "bssconnections"),
            pricing: KindHealth::new("customer pricing", "customerpricings"),
        }
    }
}

impl WatchHealth {
    fn all(&self) -> [&KindHealth; 3] {
        [&self.upgrades, &self.connections, &self.pricing]
    }

    /// What is awaited of the watches, in words.
    #[must_use]
    pub fn awaited(&self) -> Vec<String> {
        self.all()
            .into_iter()
            .filter_map(KindHealth::awaited)
            .collect()
    }

    fn of_path(&self, path: &str) -> Option<&KindHealth> {
        let last = path.rsplit('/').next()?;
        self.all().into_iter().find(|health| health.plural == last)
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
    type Service = Listening<S>;

    fn layer(&self, inner: S) -> Listening<S> {
        Listening {
            inner,
            watch_health: Arc::clone(&self.watch_health),
        }
    }
}

/// The watch client's service, listened at.
#[derive(Clone)]
pub(super) struct Listening<S> {
    inner: S,
    watch_health: Arc<WatchHealth>,
}

impl<S, B> Service<Request<Body>> for Listening<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let watch_health = Arc::clone(&self.watch_health);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if let (Ok(response), Some(health)) = (&answer, watch_health.of_path(&path))
                && response.status().is_success()
            {
                health.answered();
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_awaited() {
        let watch_health = WatchHealth::default();
        assert_eq!(watch_health.awaited().len(), 3);
        let health = &watch_health.upgrades;
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
    fn a_path_names_its_kind() {
        let watch_health = WatchHealth::default();
        let of = |path: &str| watch_health.of_path(path).map(KindHealth::name);
        let group = "/apis/tenantreseller.io/v1alpha1";
        assert_eq!(
            of(&format!("{group}/tenantresellerupgrades")),
            Some("upgrades")
        );
        assert_eq!(
            of(&format!("{group}/namespaces/a/bssconnections")),
            Some("connections")
        );
        assert_eq!(of(&format!("{group}/resellerclaims")), None);
    }
}
