//! Puts the operator together: clients, health, lease, watches, the controller and its end.
//!
//! It decides nothing; it is the one place that knows every part by name.

mod figures;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bss::bindings::{BindingError, Bindings};
use crate::bss::connect::AdapterConnector;
use crate::bss::limits::{Load, Snapshot};
use crate::bss::transport::Proxies;
use crate::cli::{MetricsAuth, Settings};
use crate::cluster::lease::{Elector, Leadership, LeaseSettings, Timings, process_identity};
use crate::cluster::namespaces::NamespacesAwaited;
use crate::cluster::port::ClusterError;
use crate::cluster::review::{Reviewed, Reviewer};
use crate::cluster::{
    Clients, Installation, KubeCluster, Reconciles, Runner, Scope, Watches, crds, namespaces,
};
use crate::controller::{Controller, Pacing, Ports, Process, Time};
use crate::observe::health::{Access, Health, HealthServer, MetricsGuard};
use crate::observe::metrics::{Live, Metrics, PREFIX};
use crate::observe::tracing as logs;
use crate::upgrade::{Now, Pace};
use figures::LateSlots;

/// A reconcile that runs longer than this is stuck: calls are bounded far below.
const STUCK: Duration = Duration::from_secs(900);
/// How long a process that ends waits for its last events to be sent.
const LAST_EVENTS: Duration = Duration::from_secs(3);
/// How long the operator removes its finalizers when it ends.
const LETTING_GO: Duration = Duration::from_secs(20);
/// How long one reconcile may begin effects.
const SLICE: Duration = Duration::from_secs(5);

/// Why the operator could not run.
#[derive(Debug, Error)]
enum Broken {
    #[error("logging cannot be set up")]
    Logs(#[source] logs::LogError),
    #[error("--allow-address: {0}")]
    AllowAddress(String),
    #[error("--deny-address: {0}")]
    DenyAddress(String),
    #[error("--bind-identity")]
    BindIdentity(#[from] BindingError),
    #[error("--https-proxy: {0}")]
    HttpsProxy(String),
    #[error("no connection to a cluster")]
    Connect(#[from] crate::cluster::ConnectError),
    #[error("--lease-seconds")]
    Lease(#[from] crate::cluster::lease::TimingsError),
    #[error("the health server cannot listen")]
    Health(#[source] std::io::Error),
    #[error("the operator's namespace {0}")]
    Namespace(String, #[source] ClusterError),
    #[error("signals cannot be listened for")]
    Signals(#[source] std::io::Error),
}

/// The machine's time.
#[derive(Debug)]
pub struct SystemTime {
    began: Instant,
}

impl Default for SystemTime {
    fn default() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Time for SystemTime {
    fn now(&self) -> Now {
        Now {
            // Whole seconds, as everywhere in Kubernetes.
            wall: Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default(),
            monotonic: self.began.elapsed(),
        }
    }

    fn random(&self) -> u64 {
        use std::hash::BuildHasher as _;
        // The keys of the standard library's hash maps come from the machine's source of randomness.
        std::hash::RandomState::new().hash_one(std::process::id())
    }
}

/// Prints the custom resource definitions.
#[must_use]
pub fn print_crds() -> ExitCode {
    let Ok(files) = crate::api::crd_yaml() else {
        return ExitCode::FAILURE;
    };
    let mut out = std::io::stdout().lock();
    for (_, yaml) in files {
        if write!(out, "---\n{yaml}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Runs until SIGTERM or Ctrl-C; then begins no effect, awaits the calls that run, and returns.
pub async fn run(settings: Settings) -> ExitCode {
    let traces = settings.traces();
    let observing = logs::init(
        settings.log_format.into(),
        &settings.log_filter,
        traces.as_ref(),
    );
    let (observing, ended) = match observing {
        Ok(observing) => (observing, operate(settings).await),
        Err(error) => (logs::Observing::default(), Err(Broken::Logs(error))),
    };
    let code = told(ended);
    observing.end().await;
    code
}

fn told(ended: Result<(), Broken>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            let mut text = broken.to_string();
            let mut source = std::error::Error::source(&broken);
            while let Some(error) = source {
                text.push_str(": ");
                text.push_str(&error.to_string());
                source = error.source();
            }
            tracing::error!("{text}");
            // Also if no log is set up yet.
            let _written = writeln!(std::io::stderr(), "tenant-reseller-operator: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn operate(settings: Settings) -> Result<(), Broken> {
    // One TLS provider in the process. It fails only if one was installed already.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let stop = CancellationToken::new();
    on_signal(stop.clone())?;
    let connector = AdapterConnector::new(&settings.allow_address)
        .map_err(Broken::AllowAddress)?
        .denying(&settings.deny_address)
        .map_err(Broken::DenyAddress)?
        .through(way_out(&settings)?);
    let bindings = Bindings::parse(settings.bind_identity.iter().map(String::as_str))?;
    let clients = Clients::from_environment().await?;
    let mut registry = Registry::with_prefix(PREFIX);
    let metrics = Metrics::new(&mut registry, &ClusterError::CLASSES);

    let scope = Scope::of(settings.watch_namespaces.clone());
    let watches = Watches::new(&clients, &scope);
    let (elector, leadership) = Elector::new(
        clients.calls.clone(),
        LeaseSettings {
            namespace: settings.namespace.clone(),
            name: "tenant-reseller-operator".to_owned(),
            identity: process_identity(&settings.instance),
            timings: timings(settings.lease_seconds),
        },
    )?;
    let runner = Runner::new(watches, leadership.clone());
    let kinds = crds::KindsAwaited::default();
    let slots = LateSlots::default();
    let figures = Figures {
        calls: Box::new(connector.figures()),
        slots: slots.clone(),
    };
    let parts = Parts {
        clients: &clients,
        leadership: &leadership,
        kinds: &kinds,
        namespaces: look_at_namespaces(&clients, &scope, &stop),
    };
    parts.serve(&settings, (registry, figures), &runner, &stop)?;

    // The lease outlives the runner: it is released only when nothing works under it any more.
    let lease_stop = CancellationToken::new();
    let lease = tokio::spawn(elector.run(lease_stop.clone()));
    crds::wait(&clients.calls, &kinds, &stop).await;
    let mut told_by = None;
    let outcome = match look_up(&clients, &settings, &stop).await {
        Ok(Some(installation)) => {
            let cluster = Arc::new(KubeCluster::new(
                &clients,
                runner.stores(),
                leadership.clone(),
                installation,
            ));
            let pacing = Pacing {
                pace: Pace {
                    poll: settings.poll(),
                    recheck: settings.recheck(),
                    ..Pace::default()
                },
                slice: SLICE,
                at_once: usize::from(settings.working_at_once),
            };
            let waker = runner.waker();
            let (finalizers, stores) = (runner.finalizers(), runner.stores());
            let controller = Controller::new(
                Ports {
                    cluster: Arc::clone(&cluster),
                    connector,
                    time: SystemTime::default(),
                },
                pacing,
                Process {
                    stop: stop.clone(),
                    metrics,
                    reconciles: runner.reconciles(),
                    wake: Box::new(move |namespace, name| waker.wake(namespace, name)),
                },
            );
            let controller = Arc::new(controller.with_bindings(bindings));
            let counted = Arc::clone(&controller);
            slots.come_from(move || counted.slots());
            work(runner, controller, &leadership, &stop).await;
            if leadership.leads() {
                finalizers.remove_all(&stores, LETTING_GO).await;
            }
            told_by = Some(cluster);
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(Broken::Namespace(settings.namespace.clone(), error)),
    };
    stop.cancel();
    lease_stop.cancel();
    // It ends within its own bound; a panic in it has been logged.
    let _ended = lease.await;
    if let Some(cluster) = told_by {
        cluster.events_sent(LAST_EVENTS).await;
    }
    tracing::info!("ended");
    outcome
}

/// The proxy that the administrator names. The usual variables are not enough: through a proxy the
/// address guard sees less, which is decided on purpose or not at all.
fn way_out(settings: &Settings) -> Result<Proxies, Broken> {
    let proxies = Proxies::read(settings.https_proxy.as_deref(), &settings.no_proxy)
        .map_err(Broken::HttpsProxy)?;
    let named = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let ignored = named
        .into_iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    match (proxies.authority(), ignored) {
        (Some(proxy), _) => {
            tracing::info!(proxy, "BSSs and token endpoints are called through a proxy");
        }
        (None, Some(variable)) => tracing::warn!(
            variable,
            "the variable is set and not used: BSSs and token endpoints are called directly; to call \
             them through a proxy, set --https-proxy (BSS_HTTPS_PROXY) and --no-proxy \
             (BSS_NO_PROXY)"
        ),
        (None, None) => {}
    }
    Ok(proxies)
}

/// Runs the runner, and forgets what was observed whenever leadership begins anew.
async fn work<T: Time + 'static>(
    runner: Runner,
    controller: Arc<Controller<KubeCluster, AdapterConnector, T>>,
    leadership: &Leadership,
    stop: &CancellationToken,
) {
    let mut view = leadership.view();
    let (forgetful, ending) = (Arc::clone(&controller), stop.clone());
    let terms = tokio::spawn(async move {
        let mut term = view.borrow().term;
        loop {
            tokio::select! {
                () = ending.cancelled() => return,
                changed = view.changed() => if changed.is_err() { return },
            }
            let now = view.borrow().term;
            if now != term {
                term = now;
                forgetful.forget_all();
            }
        }
    });
    let gone = Arc::clone(&controller);
    runner
        .on_gone(move |uid| gone.forget(uid))
        .run(
            move |upgrade| {
                let controller = Arc::clone(&controller);
                async move { Box::pin(controller.reconcile(&upgrade)).await }
            },
            stop.clone(),
        )
        .await;
    terms.abort();
}

/// What the health server reports on.
struct Parts<'a> {
    clients: &'a Clients,
    leadership: &'a Leadership,
    kinds: &'a crds::KindsAwaited,
    namespaces: NamespacesAwaited,
}

/// Where the figures of parts come from that the health server does not know.
struct Figures {
    calls: Box<dyn Fn() -> (Snapshot, Load) + Send + Sync>,
    slots: LateSlots,
}

/// Looks at the namespaces that are watched by name.
fn look_at_namespaces(
    clients: &Clients,
    scope: &Scope,
    stop: &CancellationToken,
) -> NamespacesAwaited {
    let awaited = NamespacesAwaited::default();
    if let Some(namespaces) = scope.namespaces() {
        tokio::spawn(namespaces::look(
            clients.calls.clone(),
            namespaces.clone(),
            awaited.clone(),
            stop.clone(),
        ));
    }
    awaited
}

/// Who may read the metrics, as the flag says.
fn metrics_guard(settings: &Settings, clients: &Clients) -> Option<MetricsGuard> {
    if settings.metrics_auth == MetricsAuth::None {
        return None;
    }
    let reviewer = Reviewer::new(clients.calls.clone(), "/metrics");
    Some(Box::new(move |token| {
        let reviewer = reviewer.clone();
        Box::pin(async move {
            let Some(token) = token else {
                return Access::Unauthenticated;
            };
            match reviewer.review(&SecretString::from(token)).await {
                Ok(Reviewed::Allowed) => Access::Allowed,
                Ok(Reviewed::Unauthenticated) => Access::Unauthenticated,
                Ok(Reviewed::Denied) => Access::Denied,
                Err(error) => Access::Unknown(error.to_string()),
            }
        })
    }))
}

impl Parts<'_> {
    fn serve(
        &self,
        settings: &Settings,
        (mut registry, Figures { calls, slots }): (Registry, Figures),
        runner: &Runner,
        stop: &CancellationToken,
    ) -> Result<(), Broken> {
        let reconciles: Reconciles = runner.reconciles();
        let (leads, running) = (self.leadership.clone(), reconciles.clone());
        let requests = self.clients.requests.clone();
        Live {
            leads: Box::new(move || leads.leads()),
            reconciles: Box::new(move || figures::reconciles(&running)),
            slots: Box::new(move || slots.now()),
            upgrades: Box::new(figures::upgrades(runner.stores())),
            bss: Box::new(move || figures::bss(calls())),
            api: Box::new(move || figures::api(&requests)),
        }
        .register(&mut registry);
        let (watch_health, namespaces, kinds, view) = (
            Arc::clone(&self.clients.watch_health),
            self.namespaces.clone(),
            self.kinds.clone(),
            self.leadership.view(),
        );
        let health = Health {
            stuck: Box::new(move || {
                let still = reconciles.stillest().filter(|still| *still > STUCK);
                still
                    .map(|still| format!("a reconcile has not moved for {} s", still.as_secs()))
                    .into_iter()
                    .collect()
            }),
            awaited: Box::new(move || {
                let mut awaited: Vec<String> = kinds.awaited().into_iter().collect();
                awaited.extend(namespaces.awaited());
                awaited.extend(watch_health.awaited());
                awaited.extend(view.borrow().failure.clone().map(|t| format!("lease: {t}")));
                awaited
            }),
            metrics: registry,
            metrics_guard: metrics_guard(settings, self.clients),
        };
        let server = HealthServer::bind(settings.health_listen).map_err(Broken::Health)?;
        tokio::spawn(server.serve(health, stop.clone()));
        Ok(())
    }
}

/// Looks the operator's namespace up, until it is there: the API server may come later.
async fn look_up(
    clients: &Clients,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<Option<Installation>, ClusterError> {
    loop {
        match Installation::look_up(clients, &settings.namespace, &settings.instance).await {
            Ok(found) => return Ok(Some(found)),
            Err(error @ (ClusterError::Gone | ClusterError::Forbidden(_))) => return Err(error),
            Err(error) => tracing::warn!(%error, "the operator's namespace cannot be read yet"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}

fn timings(seconds: u64) -> Timings {
    Timings {
        duration: Duration::from_secs(seconds),
        renew_deadline: Duration::from_millis(seconds.saturating_mul(667)),
        retry_period: Duration::from_millis(seconds.saturating_mul(133)),
    }
}

fn on_signal(stop: CancellationToken) -> Result<(), Broken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Broken::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Broken::Signals)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending: no new effect; running calls are awaited");
        stop.cancel();
    });
    Ok(())
}
