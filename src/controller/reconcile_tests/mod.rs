//! The controller over a cluster that does as it is told, and connections that lead nowhere: nothing is
//! asked of a BSS here.

mod api_server;
mod connections;
mod endings;
mod lanes;
mod publishing;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use prometheus_client::registry::Registry;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::{
    ALLOWED_HOSTS_ANNOTATION, BssConnection, BssConnectionStatus, Condition, ConditionStatus,
    CustomerPricing, CustomerPricingStatus, FINALIZER, ReportKind, ResellerClaim,
    SUSPEND_ANNOTATION, TenantResellerUpgradeStatus, UpgradeReport,
};
use crate::bss::adapters::Adapter;
use crate::bss::connect::{AdapterConnector, ConnectionSettings, Login};
use crate::bss::port::{BlockerReason, ItemKind, SourceId};
use crate::bss::transport::Tls;
use crate::cluster::port::{ClusterResult, Event, Finalizer, SecretView};
use crate::controller::cache::{CacheEntry, ToldIdentity};
use crate::controller::publish::{self, ConnectionFacts, Reported, Resync};
use crate::observe::metrics::Metrics;
use crate::upgrade::{
    Finding, Findings, Now, Pace, References, TenantConnection, Terms, ValidUpgrade,
};

const TOKEN: &str = "token-of-the-test";

/// A Secret, if it is there.
type TenantSecret = Option<(BTreeMap<String, String>, &'static str)>;

#[derive(Default)]
struct Scripted {
    /// What the API server does instead of its part.
    fails: StdMutex<Option<ClusterError>>,
    token: StdMutex<Option<String>>,
    /// The Secret of a tenant's own connection, which the upgrade names if it is set: its keys, and the
    /// hosts that it allows.
    tenant_secret: StdMutex<Option<TenantSecret>>,
    tenant_status: StdMutex<Option<BssConnectionStatus>>,
    url: StdMutex<String>,
    /// The connection is of a version that knows another adapter.
    other_adapter: AtomicBool,
    /// What the connections are annotated with to suspend all upgrades.
    holds: StdMutex<Option<String>>,
    /// A person changed the spec and deleted the upgrade right after.
    deleted: AtomicBool,
    status: StdMutex<Option<TenantResellerUpgradeStatus>>,
    connection_status: StdMutex<Option<BssConnectionStatus>>,
    reports: StdMutex<BTreeMap<String, UpgradeReport>>,
    calls: StdMutex<Vec<&'static str>>,
    /// Calls that the API server refuses, and how.
    refuses: StdMutex<BTreeMap<&'static str, ClusterError>>,
    /// It refuses a status that differs in more than its conditions.
    refuses_whole: AtomicBool,
    term: AtomicU64,
    annotations: StdMutex<Option<BTreeMap<String, String>>>,
    /// Pricing objects of another version.
    unreadable: StdMutex<Vec<String>>,
    pricing: StdMutex<Vec<CustomerPricing>>,
    events: StdMutex<Vec<Event>>,
}

impl Scripted {
    fn does<T>(&self, call: &'static str, answer: T) -> ClusterResult<T> {
        self.calls.lock().unwrap().push(call);
        let refused = self.refuses.lock().unwrap().get(call).cloned();
        match self.fails.lock().unwrap().clone().or(refused) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    fn present(&self) -> TenantResellerUpgrade {
        let mut upgrade: TenantResellerUpgrade = serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "TenantResellerUpgrade",
            "metadata": { "name": "contoso", "namespace": "n", "uid": "u-1", "generation": 1,
                          "resourceVersion": "1" },
            "spec": {
                "connectionRef": { "name": "distributor" },
                "reseller": { "accountId": "10423" },
                "tenant": {
                    "priceList": "PL", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy",
                    "invoicing": "Combined",
                },
            },
        }))
        .unwrap();
        if self.tenant_secret.lock().unwrap().is_some() {
            let reference = json!({ "name": "tenant" });
            upgrade.spec.tenant_connection_ref = Some(serde_json::from_value(reference).unwrap());
        }
        upgrade.status = self.status.lock().unwrap().clone();
        upgrade.metadata.annotations = self.annotations.lock().unwrap().clone();
        if self.deleted.load(Ordering::Relaxed) {
            let deleted = json!({
                "name": "contoso", "namespace": "n", "uid": "u-1", "generation": 3,
                "resourceVersion": "3", "deletionTimestamp": "2026-12-05T20:00:00Z",
                "finalizers": [FINALIZER],
            });
            upgrade.metadata = serde_json::from_value(deleted).unwrap();
        }
        upgrade
    }

    fn connection(&self) -> BssConnection {
        self.connection_named("distributor")
    }

    fn connection_named(&self, name: &str) -> BssConnection {
        let adapter = if self.other_adapter.load(Ordering::Relaxed) {
            "pigeons"
        } else {
            "reference"
        };
        let mut connection: BssConnection = serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "BssConnection",
            "metadata": { "name": name, "namespace": "n", "uid": "c-1", "generation": 1,
                          "resourceVersion": "1" },
            "spec": {
                "identity": "acme",
                adapter: { "url": *self.url.lock().unwrap() },
                "auth": { "bearer": { "secretRef": {
                    "name": if name == "tenant" { "tenant-login" } else { "credentials" },
                } } },
            },
        }))
        .unwrap();
        let holds = self.holds.lock().unwrap().clone();
        connection.metadata.annotations =
            holds.map(|value| [(SUSPEND_ANNOTATION.to_owned(), value)].into());
        connection
    }
}

impl Cluster for Scripted {
    async fn upgrade(&self, _: &str, _: &str) -> ClusterResult<Option<TenantResellerUpgrade>> {
        self.does("get upgrade", Some(self.present()))
    }

    fn latest(&self, _: &str, _: &str) -> Option<Arc<TenantResellerUpgrade>> {
        Some(Arc::new(self.present()))
    }

    fn connection(&self, _: &str, name: &str) -> Option<BssConnection> {
        Some(self.connection_named(name))
    }

    async fn secret(&self, _: &str, name: &str) -> ClusterResult<Option<SecretView>> {
        if name == "tenant-login" {
            let secret = self.tenant_secret.lock().unwrap().clone().flatten();
            return self.does(
                "get secret",
                secret.map(|(data, hosts)| SecretView {
                    annotations: [(ALLOWED_HOSTS_ANNOTATION.to_owned(), hosts.to_owned())].into(),
                    data: data
                        .into_iter()
                        .map(|(key, value)| (key, value.into_bytes().into()))
                        .collect(),
                    resource_version: "1".to_owned(),
                }),
            );
        }
        let token = self.token.lock().unwrap().clone();
        let hosts = "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3".to_owned();
        let hosts = (ALLOWED_HOSTS_ANNOTATION.to_owned(), hosts);
        let secret = token.map(|token| SecretView {
            annotations: BTreeMap::from([hosts]),
            data: BTreeMap::from([("token".to_owned(), token.into_bytes().into())]),
            resource_version: "1".to_owned(),
        });
        self.does("get secret", secret)
    }

    fn unreadable_pricing(&self, _: &str) -> Vec<String> {
        self.unreadable.lock().unwrap().clone()
    }

    fn connection_is_readable(&self, _: &str, _: &str) -> bool {
        true
    }

    async fn pricing_of(&self, _: &str, _: &str) -> ClusterResult<Vec<CustomerPricing>> {
        Ok(self.pricing.lock().unwrap().clone())
    }

    async fn claim(&self, _: &str) -> ClusterResult<Option<ResellerClaim>> {
        self.does("get claim", None)
    }

    async fn create_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        self.does("create claim", claim.clone())
    }

    async fn replace_claim(&self, claim: &ResellerClaim) -> ClusterResult<ResellerClaim> {
        self.does("replace claim", claim.clone())
    }

    async fn apply_status(
        &self,
        seen: &TenantResellerUpgrade,
        status: &TenantResellerUpgradeStatus,
    ) -> ClusterResult<TenantResellerUpgrade> {
        self.does("apply status", ())?;
        let before = self.status.lock().unwrap().clone().unwrap_or_default();
        if self.refuses_whole.load(Ordering::Relaxed) && before.waiting_for != status.waiting_for {
            return Err(ClusterError::Invalid("status.waitingFor: no".to_owned()));
        }
        *self.status.lock().unwrap() = Some(status.clone());
        let mut written = seen.clone();
        written.status = Some(status.clone());
        Ok(written)
    }

    async fn apply_connection_status(
        &self,
        connection: &BssConnection,
        status: &BssConnectionStatus,
    ) -> ClusterResult<()> {
        self.does("apply connection status", ())?;
        let shown = match connection.metadata.name.as_deref() {
            Some("tenant") => &self.tenant_status,
            _ => &self.connection_status,
        };
        *shown.lock().unwrap() = Some(status.clone());
        Ok(())
    }

    async fn apply_pricing_status(
        &self,
        _: &CustomerPricing,
        _: &CustomerPricingStatus,
    ) -> ClusterResult<()> {
        self.does("apply pricing status", ())
    }

    async fn reports_of(&self, _: &TenantResellerUpgrade) -> ClusterResult<Vec<UpgradeReport>> {
        let all = self.reports.lock().unwrap().values().cloned().collect();
        self.does("list reports", all)
    }

    async fn apply_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        self.does("apply report", ())?;
        let name = report.metadata.name.clone().unwrap();
        self.reports.lock().unwrap().insert(name, report.clone());
        Ok(())
    }

    async fn delete_report(&self, report: &UpgradeReport) -> ClusterResult<()> {
        self.does("delete report", ())?;
        let name = report.metadata.name.as_ref().unwrap();
        self.reports.lock().unwrap().remove(name);
        Ok(())
    }

    async fn set_finalizer(
        &self,
        seen: &TenantResellerUpgrade,
        _: Finalizer,
    ) -> ClusterResult<TenantResellerUpgrade> {
        self.does("set finalizer", seen.clone())
    }

    async fn publish(&self, _: &TenantResellerUpgrade, event: Event) {
        self.events.lock().unwrap().push(event);
    }

    fn leads(&self) -> bool {
        true
    }

    fn term(&self) -> u64 {
        self.term.load(Ordering::Relaxed)
    }

    fn installation(&self) -> &'static str {
        "installation"
    }
}

/// A clock that the test sets, in seconds.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn at(&self, seconds: u64) -> Now {
        self.0.store(seconds, Ordering::Relaxed);
        self.now()
    }
}

impl Time for Clock {
    fn now(&self) -> Now {
        let seconds = self.0.load(Ordering::Relaxed);
        Now {
            wall: jiff::Timestamp::from_second(1_800_000_000)
                .unwrap()
                .saturating_add(Duration::from_secs(seconds))
                .unwrap(),
            monotonic: Duration::from_secs(seconds),
        }
    }

    fn random(&self) -> u64 {
        7
    }
}

struct Bench {
    cluster: Arc<Scripted>,
    clock: Clock,
    controller: Controller<Scripted, AdapterConnector, Clock>,
    metrics: Registry,
}

const PACE: Pace = Pace {
    poll: Duration::from_secs(15),
    recheck: Duration::from_mins(5),
    watch: Duration::from_mins(5),
};

fn bench() -> Bench {
    let cluster = Arc::new(Scripted::default());
    *cluster.token.lock().unwrap() = Some(TOKEN.to_owned());
    // No server listens there.
    *cluster.url.lock().unwrap() = "https://127.0.0.1:1/v1".to_owned();
    let clock = Clock::default();
    let mut metrics = Registry::default();
    let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
    let controller = Controller::new(
        Ports {
            cluster: Arc::clone(&cluster),
            connector,
            time: clock.clone(),
        },
        Pacing {
            pace: PACE,
            slice: Duration::from_secs(5),
            at_once: 4,
        },
        Process {
            stop: CancellationToken::new(),
            metrics: Metrics::new(&mut metrics, &ClusterError::CLASSES),
            reconciles: crate::cluster::Reconciles::default(),
            wake: Box::new(|_, _| {}),
        },
    );
    Bench {
        cluster,
        clock,
        controller,
        metrics,
    }
}

impl Bench {
    async fn reconcile(&self) -> Requeue {
        Box::pin(self.controller.reconcile(&self.cluster.present())).await
    }

    async fn waits(&self) -> Duration {
        match self.reconcile().await {
            Requeue::After(wait) => wait,
            Requeue::Await => panic!("it does not come back by itself"),
        }
    }

    fn fails(&self, error: Option<ClusterError>) {
        *self.cluster.fails.lock().unwrap() = error;
    }

    fn shown(&self) -> (String, String, String) {
        let status = self.cluster.status.lock().unwrap().clone().unwrap();
        let ready = status.conditions.iter().find(|c| c.type_ == "Ready");
        let ready = ready.unwrap().clone();
        let next = status.waiting_for.map(|waiting| waiting.next_action);
        (ready.reason, ready.message, next.unwrap_or_default())
    }
}
