//! Two clients: one for watches, which must be patient, one for calls, which must not be.

use std::sync::Arc;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use thiserror::Error;

use super::asked::AskedLayer;
use super::requests::Requests;
use super::watch::WATCH_SECONDS;
use super::watch_health::{WatchHealth, WatchHealthLayer};

/// The longest that one call to the API server may take, everything included.
pub const CALL_BOUND: Duration = Duration::from_secs(15);

const CONNECT: Duration = Duration::from_secs(5);
const WRITE: Duration = Duration::from_secs(10);

/// Why there is no connection to the API server.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// `KUBECONFIG` is set and cannot be used.
    #[error("the file that KUBECONFIG names cannot be used")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// There is neither a kubeconfig nor a service account.
    #[error("neither a kubeconfig nor the service account of a pod was found")]
    Nowhere(#[source] kube::config::InferConfigError),
    /// The configuration was read, but no client could be made from it.
    #[error("no client could be made from the configuration")]
    Client(#[source] kube::Error),
}

/// The clients of the operator.
#[derive(Clone)]
pub struct Clients {
    /// For reads and writes: no retry of its own (the default policy hides a 503 for minutes, also
    /// from a lease renewal), and a time-out on every step.
    pub calls: Client,
    /// For watches: silence is normal there, up to a little more than one watch.
    pub watches: Client,
    /// What the watch client was last answered.
    pub watch_health: Arc<WatchHealth>,
    /// What was asked through both.
    pub requests: Requests,
    /// The namespace of the kubeconfig's context or of the service account.
    pub default_namespace: String,
}

impl Clients {
    /// Connects as `KUBECONFIG` says; without it as a local kubeconfig or the pod's service
    /// account says.
    ///
    /// No request is sent: that the API server is away is for `/readyz` to tell.
    pub async fn from_environment() -> Result<Self, ConnectError> {
        let config = if std::env::var_os("KUBECONFIG").is_some() {
            // A kubeconfig that was asked for is never replaced by something else in silence.
            Config::from_kubeconfig(&KubeConfigOptions::default())
                .await
                .map_err(ConnectError::Kubeconfig)?
        } else {
            Config::infer().await.map_err(ConnectError::Nowhere)?
        };
        Self::from_config(config)
    }

    /// Makes both clients from one configuration.
    pub fn from_config(mut config: Config) -> Result<Self, ConnectError> {
        config.default_retry = false;
        // HTTPS_PROXY is meant for hosts outside of the cluster; kube-rs takes it for the API server
        // too and then refuses to start, for it was built without proxies.
        if config.proxy_url.take().is_some() {
            tracing::warn!("the API server is reached directly: no proxy is used for it");
        }
        config.connect_timeout = Some(CONNECT);
        config.write_timeout = Some(WRITE);
        // Otherwise the time that a pooled connection lay idle would count.
        config.reset_reader_on_write = true;
        let default_namespace = config.default_namespace.clone();
        let watch_health = Arc::new(WatchHealth::default());
        let requests = Requests::default();

        let mut calls = config.clone();
        calls.read_timeout = Some(CALL_BOUND);
        let mut watches = config;
        // The watcher's own limit covers an open watch, but neither its opening nor a list.
        let patience = Duration::from_secs(u64::from(WATCH_SECONDS));
        watches.read_timeout = Some(patience.saturating_add(Duration::from_secs(15)));

        Ok(Self {
            calls: ClientBuilder::try_from(calls)
                .map_err(ConnectError::Client)?
                .with_layer(&AskedLayer)
                .with_layer(&requests)
                .build(),
            watches: ClientBuilder::try_from(watches)
                .map_err(ConnectError::Client)?
                .with_layer(&WatchHealthLayer::new(Arc::clone(&watch_health)))
                .with_layer(&requests)
                .build(),
            watch_health,
            requests,
            default_namespace,
        })
    }
}
