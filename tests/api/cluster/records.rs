//! What the port leaves for people: reports and events.

use k8s_openapi::api::events::v1::Event as ApiEvent;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use tenant_reseller_operator::api::{
    Reason, ReportKind, ReportRow, TenantResellerUpgrade, UpgradeReport, UpgradeReportSpec,
};
use tenant_reseller_operator::cluster::port::{Cluster, ClusterError, Event, EventKind};
use tenant_reseller_operator::cluster::report_metadata;
use tenant_reseller_operator::local::{Observation, eventually};

use super::{SOON, create_upgrade, world};

fn page(upgrade: &TenantResellerUpgrade, reasons: &[&str]) -> UpgradeReport {
    let row = |reason: &&str| ReportRow {
        item: "subscription".into(),
        id: "S-1".into(),
        business_key: None,
        verdict: "Blocked".into(),
        reason: (*reason).to_owned(),
        remedy: "extend the price list".into(),
    };
    UpgradeReport {
        metadata: report_metadata(upgrade, "blockers-1"),
        spec: UpgradeReportSpec {
            kind: ReportKind::Blockers,
            page: 1,
            count: i32::try_from(reasons.len()).expect("few"),
            truncated: 0,
            rows: reasons.iter().map(row).collect(),
        },
    }
}

#[tokio::test]
async fn reports_are_found_by_their_owner_and_go_with_it() {
    let (namespace, cluster) = world("reports").await;
    let owner = create_upgrade(&namespace, "contoso").await;
    let other = create_upgrade(&namespace, "fabrikam").await;
    for report in [
        page(&owner, &["CurrencyMismatch", "AddonMissing"]),
        page(&other, &["ProductMissing"]),
        page(&owner, &["BillingCycleMissing"]),
    ] {
        cluster.apply_report(&report).await.expect("applied");
    }
    let found = cluster.reports_of(&owner).await.expect("listed");
    let rows = found.iter().flat_map(|report| &report.spec.rows);
    let reasons: Vec<&str> = rows.map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons, ["BillingCycleMissing"]);

    let mut lost = page(&owner, &[]);
    lost.metadata.labels = None;
    let refused = cluster.apply_report(&lost).await;
    assert!(matches!(refused, Err(ClusterError::Invalid(_))));
    let mut another = found[0].clone();
    another.metadata.uid = other.uid();
    let kept = cluster.delete_report(&another).await;
    assert!(matches!(kept, Err(ClusterError::Conflict)), "{kept:?}");
    cluster.delete_report(&found[0]).await.expect("deleted");
    let again = cluster.delete_report(&found[0]).await;
    again.expect("gone is as good as deleted");
    assert_eq!(cluster.reports_of(&owner).await.expect("listed"), []);

    let api = namespace.api::<TenantResellerUpgrade>();
    let deleted = api.delete("fabrikam", &DeleteParams::default()).await;
    deleted.expect("deleted");
    // The garbage collector looks for new kinds every half a minute.
    let collected = SOON.saturating_mul(4);
    eventually("the report goes with its owner", collected, || async {
        let left = cluster.reports_of(&other).await.expect("listed");
        Ok(Observation::when(left.is_empty(), left))
    })
    .await
    .expect("garbage collection");
}

#[tokio::test]
async fn equal_events_are_one_series_and_different_ones_are_not() {
    let (namespace, cluster) = world("events").await;
    let about = create_upgrade(&namespace, "contoso").await;
    let long = "ö".repeat(2000);
    for note in ["refused", "refused", "timed out", "refused", &long] {
        let event = Event {
            kind: EventKind::Warning,
            reason: Reason::BssUnavailable,
            note: note.to_owned(),
        };
        cluster.publish(&about, event).await;
    }
    cluster.events_sent(SOON).await;
    let events = namespace.api::<ApiEvent>();
    let events = events.list(&ListParams::default()).await.expect("listed");
    let mut seen = Vec::new();
    for event in events.items {
        assert_eq!(event.reason.as_deref(), Some("BssUnavailable"));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        let controller = event.reporting_controller.as_deref();
        assert_eq!(controller, Some("tenant-reseller-operator"));
        assert_eq!(event.reporting_instance.as_deref(), Some("operator-0"));
        let regarding = event.regarding.expect("about something");
        assert_eq!(regarding.uid, about.uid());
        assert_eq!(regarding.kind.as_deref(), Some("TenantResellerUpgrade"));
        let count = event.series.map(|series| series.count);
        seen.push((event.note.expect("a note"), count));
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            ("refused".to_owned(), Some(3)),
            ("timed out".to_owned(), None),
            ("ö".repeat(512), None),
        ]
    );
    let told = namespace.kubectl(&["describe", "tru", "contoso"]).await;
    let told = told.expect("described");
    assert!(told.contains("BssUnavailable"), "{told}");
    assert!(told.contains("timed out"), "{told}");
}

/// An event that expired in the API server is told anew.
#[tokio::test]
async fn a_series_that_expired_begins_again() {
    let (namespace, cluster) = world("expired").await;
    let about = create_upgrade(&namespace, "contoso").await;
    let (api, all) = (namespace.api::<ApiEvent>(), ListParams::default());
    for _ in 0..2 {
        let deleted = api.delete_collection(&DeleteParams::default(), &all).await;
        deleted.expect("deleted");
        let event = Event {
            kind: EventKind::Normal,
            reason: Reason::Progressing,
            note: "copying".into(),
        };
        cluster.publish(&about, event).await;
        cluster.events_sent(SOON).await;
    }
    let left = api.list(&all).await.expect("listed").items;
    let series: Vec<bool> = left.iter().map(|event| event.series.is_some()).collect();
    assert_eq!(series, [false]);
}
