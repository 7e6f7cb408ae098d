//! The health server: `/livez`, `/readyz`, `/metrics`.
//!
//! Live and ready differ. Live means that this process serves and that no reconcile is stuck: if not,
//! a restart may help. Ready means that it sees the cluster: if not, a restart would not help, and
//! the answer says in words what is awaited. Up before the lease is won, so that a standby is as
//! healthy as the leader. Every client that reaches the port can ask, so the server is bounded: see
//! `serving.rs`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serving;

/// Whether the metrics may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// They may.
    Allowed,
    /// Who asks sent no bearer token, or one that is not known.
    Unauthenticated,
    /// Who asks is known and may not read them.
    Denied,
    /// It cannot be told now; why, in words.
    Unknown(String),
}

/// Decides by the bearer token of a request, if it has one.
pub type MetricsGuard =
    Box<dyn Fn(Option<String>) -> Pin<Box<dyn Future<Output = Access> + Send>> + Send + Sync>;

/// What the server asks when a probe comes.
pub struct Health {
    /// What is wrong with this process so that a restart may help; empty if nothing.
    pub stuck: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// What is awaited, in words, for example `cache of upgrades not synced`; empty if nothing.
    pub awaited: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// The metrics.
    pub metrics: Registry,
    /// Who may read the metrics; without it every client that reaches the port.
    pub metrics_guard: Option<MetricsGuard>,
}

/// The health server, bound and not serving yet.
#[derive(Debug)]
pub struct HealthServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl HealthServer {
    /// Binds the address; with port 0 a free one, told by [`HealthServer::address`] and logged.
    /// `[::]` serves IPv4 too, and IPv4 alone where there is no IPv6.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = serving::listen(address)?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "health and metrics are served");
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; requests that are under way are answered.
    pub async fn serve(self, health: Health, stop: CancellationToken) {
        let routes = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(health));
        serving::serve(self.listener, routes, stop).await;
    }
}

async fn livez(State(health): State<Arc<Health>>) -> Response {
    answer("stuck", &(health.stuck)())
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    answer("waiting", &(health.awaited)())
}

async fn metrics(State(health): State<Arc<Health>>, headers: HeaderMap) -> Response {
    if let Some(guard) = &health.metrics_guard {
        let access = guard(bearer(&headers)).await;
        if let Some(refusal) = refusal(access) {
            return refusal;
        }
    }
    let mut text = String::new();
    match encode(&mut text, &health.metrics) {
        Ok(()) => (
            [(
                header::CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The bearer token of a request (RFC 6750): the scheme is compared without regard to case.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn refusal(access: Access) -> Option<Response> {
    match access {
        Access::Allowed => None,
        Access::Unauthenticated => Some(
            (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, "Bearer")],
                "a bearer token that this cluster's API server knows is needed\n",
            )
                .into_response(),
        ),
        Access::Denied => Some(
            (
                StatusCode::FORBIDDEN,
                "this account may not get the non-resource URL /metrics\n",
            )
                .into_response(),
        ),
        Access::Unknown(why) => {
            tracing::warn!(error = why, "who asks for the metrics cannot be checked");
            let said = "the API server could not check the token; see the operator's log\n";
            Some((StatusCode::SERVICE_UNAVAILABLE, said).into_response())
        }
    }
}

fn answer(word: &str, why: &[String]) -> Response {
    if why.is_empty() {
        return "ok\n".into_response();
    }
    let lines: Vec<String> = why.iter().map(|why| format!("{word}: {why}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines.concat()).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    async fn ask(address: SocketAddr, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{address}{path}"))
            .await
            .expect("the server answers");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("an answer is text"))
    }

    #[tokio::test]
    async fn says_what_is_awaited_and_ends_when_told() {
        let server = HealthServer::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = server.address();
        assert_ne!(address.port(), 0);
        let awaited = Arc::new(Mutex::new(vec![
            "cache of upgrades not synced".to_owned(),
            "cache of connections not synced".to_owned(),
        ]));
        let (asked, stop) = (Arc::clone(&awaited), CancellationToken::new());
        let health = Health {
            stuck: Box::new(Vec::new),
            awaited: Box::new(move || asked.lock().expect("no panic").clone()),
            metrics: Registry::default(),
            metrics_guard: None,
        };
        let serving = tokio::spawn(server.serve(health, stop.clone()));
        assert_eq!(ask(address, "/livez").await, (200, "ok\n".into()));
        assert_eq!(
            ask(address, "/readyz").await,
            (
                503,
                "waiting: cache of upgrades not synced\n\
                 waiting: cache of connections not synced\n"
                    .into()
            )
        );
        awaited.lock().expect("no panic").clear();
        assert_eq!(ask(address, "/readyz").await, (200, "ok\n".into()));
        assert_eq!(ask(address, "/metrics").await, (200, "# EOF\n".into()));
        assert_eq!(ask(address, "/").await.0, 404);
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), serving)
            .await
            .expect("it ends")
            .expect("it does not panic");
    }

    #[tokio::test]
    async fn metrics_are_shown_to_those_who_may_read_them() {
        let server = HealthServer::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let (address, stop) = (server.address(), CancellationToken::new());
        let health = Health {
            stuck: Box::new(Vec::new),
            awaited: Box::new(Vec::new),
            metrics: Registry::default(),
            metrics_guard: Some(Box::new(|token| {
                Box::pin(async move {
                    match token.as_deref() {
                        None => Access::Unauthenticated,
                        Some("reader") => Access::Allowed,
                        Some("away") => Access::Unknown("no answer".into()),
                        Some(_) => Access::Denied,
                    }
                })
            })),
        };
        let serving = tokio::spawn(server.serve(health, stop.clone()));
        let client = reqwest::Client::new();
        for (authorization, status) in [
            (None, 401),
            (Some("Basic cmVhZGVy"), 401),
            (Some("Bearer"), 401),
            (Some("Bearer "), 401),
            (Some("Bearer reader"), 200),
            (Some("bearer   reader"), 200),
            (Some("Bearer other"), 403),
            (Some("Bearer away"), 503),
        ] {
            let mut asked = client.get(format!("http://{address}/metrics"));
            if let Some(authorization) = authorization {
                asked = asked.header(header::AUTHORIZATION, authorization);
            }
            let answer = asked.send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status, "{authorization:?}");
            let challenged = answer.headers().contains_key(header::WWW_AUTHENTICATE);
            assert_eq!(challenged, status == 401, "{authorization:?}");
        }
        // Probes need no token.
        assert_eq!(ask(address, "/livez").await.0, 200);
        assert_eq!(ask(address, "/readyz").await.0, 200);
        stop.cancel();
        serving.await.expect("it ends");
    }
}
