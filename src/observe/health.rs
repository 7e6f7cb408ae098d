//! The health server: `/livez`, `/readyz`, `/metrics`.
//!
//! Live and ready differ. Live means that this process serves and that no reconcile is stuck: if not,
//! a restart may help. Ready means that it sees the cluster: if not, a restart would not help, and
//! the answer says in words what is awaited. Up before the lease is won, so that a standby is as
//! healthy as the leader.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the server asks when a probe comes.
pub struct Health {
    /// What is wrong with this process so that a restart may help; empty if nothing.
    pub stuck: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// What is awaited, in words, for example `cache of upgrades not synced`; empty if nothing.
    pub awaited: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// The metrics.
    pub metrics: Registry,
}

/// The health server, bound and not serving yet.
#[derive(Debug)]
pub struct HealthServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl HealthServer {
    /// Binds the address; with port 0 a free one, told by [`HealthServer::address`] and logged.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
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
    pub async fn serve(self, health: Health, stop: CancellationToken) -> io::Result<()> {
        let routes = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(health));
        axum::serve(self.listener, routes)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

async fn livez(State(health): State<Arc<Health>>) -> Response {
    answer("stuck", &(health.stuck)())
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    answer("waiting", &(health.awaited)())
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
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
        let server = HealthServer::bind(([127, 0, 0, 1], 0).into())
            .await
            .expect("a free port");
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
            .expect("it does not panic")
            .expect("it ends well");
    }
}
