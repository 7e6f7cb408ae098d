//! The listener: sockets, TLS, the end of the process.

use std::convert::Infallible;
use std::future::Ready;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinHandle;
use tower_service::Service;

use super::config::{Config, Transport};
use super::contract::Schemas;
use super::faults::Faults;
use super::http::{Aborted, App, answer};
use super::interworks::Face;
use super::seen::Seen;
use super::store::Store;
use super::tls;
use crate::bss::adapters::reference::contract::TenantAccess;

/// How long running requests may take after the end was asked for.
const GRACE: Duration = Duration::from_secs(5);

/// Why a sandbox does not start or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The SQLite file cannot be used.
    #[error("the SQLite file cannot be used")]
    Store(#[from] rusqlite::Error),
    /// The stored faults cannot be read.
    #[error("the stored faults cannot be read: {0}")]
    Faults(String),
    /// No caller could use the operations below `/tenants`.
    #[error("tenantAccess is Own, and there is neither a token nor a client for tenants")]
    TenantAccess,
    /// The certificate cannot be used.
    #[error("TLS cannot be set up")]
    Tls(#[from] tls::TlsError),
    /// The socket failed.
    #[error("the listener failed")]
    Listener(#[from] std::io::Error),
    /// The server's task ended in an unexpected way.
    #[error("the server's task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

/// A running sandbox.
#[derive(Debug)]
pub struct Server {
    url: String,
    handle: Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Opens the sandbox's data and listens. When this returns, requests are answered.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let tls = tls::server_config(&config.transport)?;
        let listener = TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let app = tokio::task::spawn_blocking(move || open(config)).await??;
        let front = Make(Front(Arc::new(app)));
        let handle = Handle::new();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = if let Some(tls) = tls {
            let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(tls))?;
            tokio::spawn(server.http1_only().handle(handle.clone()).serve(front))
        } else {
            let server = axum_server::from_tcp(listener)?;
            tokio::spawn(server.http1_only().handle(handle.clone()).serve(front))
        };
        Ok(Self {
            url: format!("{scheme}://{address}"),
            handle,
            task,
        })
    }

    /// Where it is reached, without a path: the contract lies under `/tenant-reseller/v1`, the
    /// control API under `/control/v1`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it: no new requests, running ones get a few seconds.
    pub async fn shutdown(self) -> Result<(), ServerError> {
        self.handle.graceful_shutdown(Some(GRACE));
        self.task.await??;
        Ok(())
    }

    /// Serves until `end` happens, then ends gracefully.
    pub async fn run_until(self, end: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self {
            handle, mut task, ..
        } = self;
        tokio::select! {
            ended = &mut task => ended??,
            () = end => {
                handle.graceful_shutdown(Some(GRACE));
                task.await??;
            }
        }
        Ok(())
    }
}

fn open(config: Config) -> Result<App, ServerError> {
    let store = Store::open(&config)?;
    let faults = Faults::load(&store)
        .map_err(|refusal| ServerError::Faults(refusal.into_problem().title))?;
    let scheme = match config.transport {
        Transport::InsecureHttp => "http",
        Transport::Files { .. } | Transport::SelfSigned { .. } => "https",
    };
    let app = App {
        store,
        schemas: Schemas::default(),
        faults,
        seen: Seen::default(),
        latency: config.latency,
        token: config.token,
        tenant_token: config.tenant_token,
        oauth_clients: config.oauth_clients,
        control_token: config.control_token,
        interworks: Face::new(config.interworks_logins, scheme),
    };
    if app.store.switches().tenant_access != TenantAccess::Shared && !app.opens_tenants() {
        return Err(ServerError::TenantAccess);
    }
    Ok(app)
}

/// Makes the service of each connection.
#[derive(Clone)]
struct Make(Front);

impl Service<SocketAddr> for Make {
    type Response = Front;
    type Error = Infallible;
    type Future = Ready<Result<Front, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: SocketAddr) -> Self::Future {
        std::future::ready(Ok(self.0.clone()))
    }
}

/// The service of a connection. Unlike a framework's it can fail, which closes the connection
/// without a reply: that is how a lost reply is made.
#[derive(Clone)]
struct Front(Arc<App>);

impl<B> Service<Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Aborted;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Aborted>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Aborted>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(answer(Arc::clone(&self.0), request.map(Body::new)))
    }
}
