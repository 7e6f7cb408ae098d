//! Reports, and writes that the API server refuses.

use super::*;

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
        credential_doubt: None,
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
