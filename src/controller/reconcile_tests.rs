//! The controller over a cluster that does as it is told, and connections that lead nowhere: nothing is
//! asked of a BSS here.

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
    TenantResellerUpgradeStatus, UpgradeReport,
};
use crate::bss::connect::{Adapter, AdapterConnector, ConnectionSettings, Login};
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

#[derive(Default)]
struct Scripted {
    /// What the API server does instead of its part.
    fails: StdMutex<Option<ClusterError>>,
    token: StdMutex<Option<String>>,
    url: StdMutex<String>,
    /// The connection is of a version that knows another adapter.
    other_adapter: AtomicBool,
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
        let adapter = if self.other_adapter.load(Ordering::Relaxed) {
            "pigeons"
        } else {
            "reference"
        };
        serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "BssConnection",
            "metadata": { "name": "distributor", "namespace": "n", "uid": "c-1", "generation": 1,
                          "resourceVersion": "1" },
            "spec": {
                "identity": "acme",
                adapter: { "url": *self.url.lock().unwrap() },
                "auth": { "bearer": { "secretRef": { "name": "credentials" } } },
            },
        }))
        .unwrap()
    }
}

impl Cluster for Scripted {
    async fn upgrade(&self, _: &str, _: &str) -> ClusterResult<Option<TenantResellerUpgrade>> {
        self.does("get upgrade", Some(self.present()))
    }

    fn latest(&self, _: &str, _: &str) -> Option<Arc<TenantResellerUpgrade>> {
        Some(Arc::new(self.present()))
    }

    async fn connection(&self, _: &str, _: &str) -> ClusterResult<Option<BssConnection>> {
        Ok(Some(self.connection()))
    }

    async fn secret(&self, _: &str, _: &str) -> ClusterResult<Option<SecretView>> {
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
        _: &BssConnection,
        status: &BssConnectionStatus,
    ) -> ClusterResult<()> {
        self.does("apply connection status", ())?;
        *self.connection_status.lock().unwrap() = Some(status.clone());
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
            metrics: Metrics::new(&mut metrics),
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

/// What was logged, as lines.
#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begins() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn count(&self, words: &str) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

#[tokio::test]
async fn an_api_server_that_is_away_is_asked_less_and_less_and_logged_once_a_minute() {
    let bench = bench();
    let (log, _guard) = Log::begins();
    bench.fails(Some(ClusterError::Unavailable("503".to_owned())));
    let (mut now, mut waits) = (0, Vec::new());
    for _ in 0..10 {
        bench.clock.at(now);
        let wait = bench.waits().await;
        now += wait.as_secs().max(1);
        waits.push(wait);
    }
    assert!(waits[0] <= Duration::from_secs(2), "{waits:?}");
    assert!(waits[9] >= Duration::from_secs(30), "{waits:?}");
    assert!(waits[9] <= Duration::from_mins(1), "{waits:?}");
    let told = log.count("WARN");
    assert!((2..=8).contains(&told), "{told} warnings in {now} s");

    bench.fails(None);
    *bench.cluster.token.lock().unwrap() = None;
    bench.reconcile().await;
    assert_eq!(
        bench.shown().0,
        "DependencyNotReady",
        "it goes on by itself"
    );
    let after = Duration::from_secs(40);
    bench.fails(Some(ClusterError::Busy {
        said: "429".to_owned(),
        after,
    }));
    assert_eq!(
        bench.waits().await,
        after,
        "a new row, and what was asked for"
    );
}

#[tokio::test]
async fn a_missing_right_is_logged_once_as_an_error() {
    let bench = bench();
    let (log, _guard) = Log::begins();
    let forbidden = |what: &str| Some(ClusterError::Forbidden(what.to_owned()));
    bench.fails(forbidden("secrets is forbidden"));
    for _ in 0..20 {
        bench.waits().await;
    }
    let told = || (log.count("ERROR"), log.count("WARN"));
    assert_eq!(told(), (1, 0));
    bench.fails(forbidden("upgrades/status is forbidden"));
    for _ in 0..20 {
        bench.waits().await;
    }
    assert_eq!(told(), (2, 0), "another one");
    assert!(bench.waits().await >= Duration::from_secs(30));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &bench.metrics).unwrap();
    let line = r#"cluster_errors_total{class="Forbidden"} 41"#;
    assert!(text.contains(line), "{text}");
}

/// The guard of an identity against a second origin: whether a BSS at another address would have to
/// prove that it is the same one.
fn guarded(bench: &Bench) -> bool {
    let settings = ConnectionSettings {
        connection: "n/other".to_owned(),
        identity: "acme".to_owned(),
        adapter: crate::bss::connect::AdapterSettings::Reference,
        url: "https://127.0.0.1:2/v1".to_owned(),
        login: Login::Bearer(TOKEN.to_owned().into()),
        throttle_statuses: Vec::new(),
        allowed_hosts: "127.0.0.1:2".to_owned(),
        tls: Tls::default(),
        requests_per_second: 1,
        concurrency: 1,
        timeout: Duration::from_secs(1),
    };
    let connector = &bench.controller.connector;
    let other = connector.connect(settings, None).unwrap();
    connector.must_tell_its_identity(&other)
}

#[tokio::test]
async fn nothing_that_makes_an_upgrade_wait_lifts_the_guard_of_an_identity() {
    let bench = bench();
    assert!(!guarded(&bench), "no connection yet");
    bench.reconcile().await;
    assert!(guarded(&bench), "it was the first");

    // The Secret is read again after a minute, and is away.
    *bench.cluster.token.lock().unwrap() = None;
    bench.clock.at(120);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "DependencyNotReady");
    assert!(guarded(&bench), "it only waits");

    // It is wrong, and the connection may not be used.
    *bench.cluster.token.lock().unwrap() = Some("short".to_owned());
    bench.clock.at(240);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "ConnectionForbidden");
    assert!(guarded(&bench), "it only waits");

    // The connection leads elsewhere now: a connection to the former address is the first there.
    *bench.cluster.url.lock().unwrap() = "https://127.0.0.1:3/v1".to_owned();
    bench.clock.at(360);
    bench.reconcile().await;
    assert!(
        !guarded(&bench),
        "the connection does not lead there any more"
    );

    *bench.cluster.token.lock().unwrap() = Some(TOKEN.to_owned());
    bench.clock.at(480);
    bench.reconcile().await;
    assert!(guarded(&bench), "it is there again");
    bench.controller.forget("u-1");
    assert!(!guarded(&bench), "the upgrade is gone");
}

#[tokio::test]
async fn a_token_that_is_too_short_is_refused_and_not_repeated() {
    let bench = bench();
    *bench.cluster.token.lock().unwrap() = Some("hunter2".to_owned());
    bench.reconcile().await;
    let (reason, message, next) = bench.shown();
    assert_eq!(reason, "ConnectionForbidden");
    assert_eq!(
        message,
        "The key token of the Secret credentials holds fewer than 8 characters, too few to be kept \
         out of logs and messages."
    );
    assert!(
        next.contains("the key token of the Secret credentials"),
        "{next}"
    );
    let status = bench.cluster.status.lock().unwrap().clone();
    assert!(!format!("{status:?}").contains("hunter2"));
}

/// An object that another version of the operator was made for. No adapter is taken for granted, and
/// no Secret is read for one.
#[tokio::test]
async fn a_connection_without_a_known_adapter_is_refused_by_its_name() {
    let bench = bench();
    bench.cluster.other_adapter.store(true, Ordering::Relaxed);
    assert_eq!(bench.waits().await, Duration::from_secs(60));
    let (reason, message, next) = bench.shown();
    assert_eq!(reason, "ConnectionForbidden");
    assert_eq!(
        message,
        "The spec of the BssConnection distributor does not have exactly one adapter that this \
         version of the operator knows."
    );
    let known = crate::api::BssConnectionSpec::ADAPTERS.join(", ");
    let expected =
        format!("Give the spec of the BssConnection distributor exactly one adapter: {known}.");
    assert!(next.starts_with(&expected), "{next}");
    assert!(!bench.cluster.calls().contains(&"get secret"));
    let shown = bench.cluster.connection_status.lock().unwrap().clone();
    let shown = shown.unwrap();
    assert_eq!(shown.adapter, None);
    let ready = shown.conditions.iter().find(|c| c.type_ == "Ready");
    let ready = ready.unwrap();
    assert_eq!(
        (ready.status, &ready.message),
        (ConditionStatus::False, &message)
    );

    bench.cluster.other_adapter.store(false, Ordering::Relaxed);
    bench.clock.at(600);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "BssUnavailable", "it goes on by itself");
}

#[tokio::test]
async fn the_connection_shows_the_name_that_the_bss_tells_and_no_other() {
    let bench = bench();
    let entry = bench.controller.cache.entry("u-1");
    let mut entry = entry.lock().await;
    let shows = async |entry: &mut CacheEntry<Adapter>, before: Option<&str>| {
        let mut connection = bench.cluster.connection();
        connection.status = before.map(|name| BssConnectionStatus {
            identity: Some(name.to_owned()),
            ..BssConnectionStatus::default()
        });
        let state = ReadyState {
            reason: Reason::BssUnavailable,
            message: "Away.".to_owned(),
            next_action: String::new(),
        };
        let known = ConnectionFacts {
            connection: &connection,
            entry,
            unusable: Some(&state),
        };
        let now = bench.clock.now();
        publish::connection(&*bench.cluster, known, now)
            .await
            .unwrap();
        let written = bench.cluster.connection_status.lock().unwrap().clone();
        written.unwrap().identity
    };
    entry.known.bss.identity_agrees = true;
    assert_eq!(shows(&mut entry, None).await, None, "it was not asked yet");
    assert_eq!(
        shows(&mut entry, Some("acme")).await.as_deref(),
        Some("acme")
    );
    entry.told_identity = ToldIdentity::Told(None);
    assert_eq!(shows(&mut entry, Some("acme")).await, None, "it tells none");
    entry.told_identity = ToldIdentity::Told(Some("acme".to_owned()));
    assert_eq!(shows(&mut entry, None).await.as_deref(), Some("acme"));
}

#[tokio::test]
async fn a_deletion_leaves_no_condition_at_an_older_generation() {
    let bench = bench();
    bench.reconcile().await;
    let conditions = || {
        let status = bench.cluster.status.lock().unwrap().clone().unwrap();
        let seen = status.observed_generation;
        let all = status.conditions.into_iter();
        let all: BTreeMap<String, Condition> = all.map(|c| (c.type_.clone(), c)).collect();
        assert!(all.values().all(|c| Some(c.observed_generation) == seen));
        (seen, all)
    };
    let (seen, before) = conditions();
    assert_eq!(seen, Some(1));
    bench.cluster.deleted.store(true, Ordering::Relaxed);
    assert_eq!(bench.reconcile().await, Requeue::Await);
    let (seen, after) = conditions();
    assert_eq!(seen, Some(3));
    assert_eq!(after["Ready"].reason, "Deleting");
    for kept in ["Succeeded", "Suspended"] {
        let told = |all: &BTreeMap<String, Condition>| {
            let Condition { status, reason, .. } = &all[kept];
            (*status, reason.clone())
        };
        assert_eq!(told(&after), told(&before), "{kept}");
    }
}

/// A blocker of one item.
fn blocked(id: &str) -> Findings {
    let reason = BlockerReason::CurrencyMismatch.into();
    Findings {
        rows: vec![Finding {
            reason,
            kind: ItemKind::Subscription.into(),
            source: SourceId(id.to_owned()),
            detail: None,
        }],
        counts: BTreeMap::from([(reason, 1)]),
    }
}

fn reported_upgrade(bench: &Bench) -> (TenantResellerUpgrade, ValidUpgrade) {
    let upgrade = bench.cluster.present();
    let references = References {
        identity: "acme".to_owned(),
        pricing: Vec::new(),
        pace: PACE,
        terms: Terms::default(),
        tenant_connection: TenantConnection::NotNamed,
    };
    let valid = validate(&upgrade, &references).unwrap();
    (upgrade, valid)
}

fn finds_a_blocker(entry: &mut CacheEntry<Adapter>) {
    entry.known.fencing.claim = Some(
        serde_json::from_value(json!({
            "bssIdentity": "acme", "resellerAccountId": "10423",
            "holder": { "namespace": "n", "name": "contoso", "uid": "u-1" },
        }))
        .unwrap(),
    );
    entry.known.findings.looked_at_purchases = true;
    entry.known.findings.blockers = blocked("S-1");
}

#[tokio::test]
async fn reports_are_compared_when_they_change_and_now_and_then() {
    let bench = bench();
    let (upgrade, valid) = reported_upgrade(&bench);
    let entry = bench.controller.cache.entry("u-1");
    let mut entry = entry.lock().await;
    finds_a_blocker(&mut entry);
    let writes = async |entry: &mut CacheEntry<Adapter>, at: u64, resync: Resync| {
        let now = bench.clock.at(at);
        let reported = Reported {
            upgrade: &upgrade,
            valid: &valid,
            entry,
        };
        let result = publish::reports(&*bench.cluster, reported, now, resync).await;
        (result.is_ok(), bench.cluster.calls())
    };
    let due = Resync::WhenDue;
    let written = (true, vec!["list reports", "apply report"]);
    let listed = (true, vec!["list reports"]);
    let nothing = (true, Vec::new());
    assert_eq!(writes(&mut entry, 0, due).await, written);
    for at in 1..40 {
        assert_eq!(writes(&mut entry, 15 * at, due).await, nothing, "idle");
    }
    assert_eq!(writes(&mut entry, 600, due).await, listed, "now and then");
    assert_eq!(writes(&mut entry, 601, Resync::Now).await, listed);

    entry.known.findings.blockers = blocked("S-2");
    assert_eq!(writes(&mut entry, 602, due).await, written, "another one");
    // What is not known of a write is not remembered: not what was to be written, nor what was before.
    entry.known.findings.blockers = blocked("S-3");
    bench.fails(Some(ClusterError::Unavailable("no reply".to_owned())));
    let failed = (false, vec!["list reports"]);
    assert_eq!(writes(&mut entry, 603, due).await, failed);
    bench.fails(None);
    entry.known.findings.blockers = blocked("S-2");
    assert_eq!(
        writes(&mut entry, 604, due).await,
        listed,
        "it may have changed"
    );

    entry.known.findings.blockers = Findings::default();
    let deleted = (true, vec!["list reports", "delete report"]);
    assert_eq!(writes(&mut entry, 605, due).await, deleted);
    assert_eq!(writes(&mut entry, 606, due).await, nothing);

    // Another process wrote a page that is not what was seen, a write that came late for example.
    let mut late = UpgradeReport::new(
        "contoso-blockers-1",
        crate::api::UpgradeReportSpec {
            kind: ReportKind::Blockers,
            page: 1,
            count: 0,
            truncated: 0,
            rows: Vec::new(),
        },
    );
    late.metadata.namespace = Some("n".to_owned());
    let name = "contoso-blockers-1".to_owned();
    bench.cluster.reports.lock().unwrap().insert(name, late);
    assert_eq!(writes(&mut entry, 1300, due).await, deleted, "it is mended");
}

#[tokio::test]
async fn a_call_that_waits_is_taken_back_when_another_leader_has_finished() {
    let bench = bench();
    let cancellation = bench
        .controller
        .context
        .cancellation(&bench.cluster.present(), 0);
    let succeeded = |status: &str| -> TenantResellerUpgradeStatus {
        serde_json::from_value(json!({ "conditions": [{
            "type": "Succeeded", "status": status, "reason": "Succeeded", "message": "",
            "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 1,
        }] }))
        .unwrap()
    };
    let is_cancelled = || async { crate::bss::cancellation::is_cancelled() };
    for (status, cancelled) in [("Unknown", false), ("True", true)] {
        *bench.cluster.status.lock().unwrap() = Some(succeeded(status));
        assert_eq!(
            cancellation.clone().over(is_cancelled()).await,
            cancelled,
            "{status}"
        );
    }
    *bench.cluster.status.lock().unwrap() = Some(succeeded("Unknown"));
    bench.cluster.term.store(1, Ordering::Relaxed);
    assert!(
        cancellation.over(is_cancelled()).await,
        "another process may have led since the reconcile began"
    );
}

fn refused(said: &str) -> ClusterError {
    ClusterError::Invalid(said.to_owned())
}

impl Bench {
    fn refuses(&self, call: &'static str, error: ClusterError) {
        self.cluster.refuses.lock().unwrap().insert(call, error);
    }

    fn refusals_told(&self) -> usize {
        let events = self.cluster.events.lock().unwrap();
        let told = events
            .iter()
            .filter(|event| event.reason == Reason::WriteRefused);
        told.count()
    }
}

#[tokio::test]
async fn no_status_that_is_refused_holds_a_deletion() {
    for error in [
        refused("too long"),
        ClusterError::Forbidden("no right".to_owned()),
    ] {
        let bench = bench();
        bench.cluster.deleted.store(true, Ordering::Relaxed);
        bench.refuses("apply status", error);
        assert_eq!(bench.reconcile().await, Requeue::Await);
        let calls = bench.cluster.calls();
        assert_eq!(calls.last(), Some(&"set finalizer"), "{calls:?}");
        assert!(bench.refusals_told() >= 1);
    }
}

#[tokio::test]
async fn a_status_that_is_refused_holds_back_no_other_and_is_told_once() {
    let bench = bench();
    bench.cluster.other_adapter.store(true, Ordering::Relaxed);
    bench.refuses(
        "apply connection status",
        refused("status.identity: Too long"),
    );
    for at in 1..4 {
        bench.clock.at(at * 400);
        bench.waits().await;
    }
    let (reason, message, _) = bench.shown();
    assert_eq!(reason, "ConnectionForbidden");
    let told = "The API server refuses what the operator writes to BssConnection distributor: \
                status.identity: Too long";
    assert!(message.ends_with(told), "{message}");
    assert_eq!(bench.refusals_told(), 1);

    bench.cluster.refuses.lock().unwrap().clear();
    bench.clock.at(2000);
    bench.reconcile().await;
    assert!(!bench.shown().1.contains("refuses"), "{}", bench.shown().1);
}

#[tokio::test]
async fn the_own_status_that_is_refused_is_told_by_its_conditions_and_not_sent_again_at_once() {
    let bench = bench();
    *bench.cluster.token.lock().unwrap() = None;
    bench.reconcile().await;
    let before = bench.cluster.status.lock().unwrap().clone().unwrap();
    // Another state, of which all but the conditions is refused.
    *bench.cluster.token.lock().unwrap() = Some("short".to_owned());
    bench.cluster.refuses_whole.store(true, Ordering::Relaxed);
    bench.clock.at(120);
    bench.reconcile().await;
    let written = bench.cluster.status.lock().unwrap().clone().unwrap();
    let ready = written
        .conditions
        .iter()
        .find(|c| c.type_ == "Ready")
        .unwrap();
    assert_eq!(
        ready.reason, "ConnectionForbidden",
        "the conditions are those of now"
    );
    assert_eq!(
        written.waiting_for, before.waiting_for,
        "the rest is as it was"
    );
    assert_eq!(bench.refusals_told(), 1);
    bench.cluster.calls();
    bench.reconcile().await;
    let calls = bench.cluster.calls();
    assert!(!calls.contains(&"apply status"), "{calls:?}");

    bench.cluster.refuses_whole.store(false, Ordering::Relaxed);
    bench.clock.at(300);
    bench.reconcile().await;
    let written = bench.cluster.status.lock().unwrap().clone().unwrap();
    assert_eq!(written.waiting_for.unwrap().reason, "ConnectionForbidden");
}

#[tokio::test]
async fn one_report_that_is_refused_holds_back_no_other() {
    let bench = bench();
    bench.refuses("apply report", refused("rows[0].businessKey: Too long"));
    let (upgrade, valid) = reported_upgrade(&bench);
    let entry = bench.controller.cache.entry("u-1");
    let mut entry = entry.lock().await;
    finds_a_blocker(&mut entry);
    let reported = Reported {
        upgrade: &upgrade,
        valid: &valid,
        entry: &mut entry,
    };
    let now = bench.clock.now();
    publish::reports(&*bench.cluster, reported, now, Resync::Now)
        .await
        .expect("a refusal is no failure");
    assert_eq!(bench.cluster.calls(), ["list reports", "apply report"]);
}

#[tokio::test]
async fn a_pricing_object_that_cannot_be_read_is_not_taken_for_absent() {
    let bench = bench();
    *bench.cluster.unreadable.lock().unwrap() = vec!["prices".to_owned(), "more".to_owned()];
    bench.reconcile().await;
    let (reason, message, next) = bench.shown();
    assert_eq!(reason, "InvalidSpec");
    assert!(
        message.starts_with("The CustomerPricing prices (and 1 more)"),
        "{message}"
    );
    assert!(next.contains("goes on by itself"), "{next}");
    assert!(!bench.cluster.calls().contains(&"get secret"));

    bench.cluster.unreadable.lock().unwrap().clear();
    bench.clock.at(600);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "BssUnavailable");
}

#[tokio::test]
async fn a_second_operator_of_the_cluster_stands_back_until_it_is_handed_over() {
    let bench = bench();
    let other = TenantResellerUpgradeStatus {
        operator: Some("other".to_owned()),
        ..TenantResellerUpgradeStatus::default()
    };
    *bench.cluster.status.lock().unwrap() = Some(other);
    for deleted in [false, true] {
        bench.cluster.deleted.store(deleted, Ordering::Relaxed);
        assert_eq!(bench.waits().await, PACE.recheck);
        assert_eq!(
            bench.cluster.calls(),
            Vec::<&str>::new(),
            "nothing is written"
        );
    }
    let event = bench.cluster.events.lock().unwrap().pop().unwrap();
    assert_eq!(event.reason, Reason::AnotherOperator);
    let command =
        "kubectl annotate tru contoso -n n --overwrite tenantreseller.io/take-over=other.n";
    assert!(event.note.ends_with(command), "{}", event.note);
    bench.cluster.deleted.store(false, Ordering::Relaxed);

    let mut handed_over = bench.cluster.present();
    let word = (
        "tenantreseller.io/take-over".to_owned(),
        "other.n".to_owned(),
    );
    handed_over.metadata.annotations = Some([word].into());
    *bench.cluster.annotations.lock().unwrap() = handed_over.metadata.annotations.clone();
    bench.reconcile().await;
    let status = bench.cluster.status.lock().unwrap().clone().unwrap();
    assert_eq!(status.operator.as_deref(), Some("installation"));
}
