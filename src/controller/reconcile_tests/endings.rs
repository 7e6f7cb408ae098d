//! Deletions, other leaders, other operators, and objects of another version.

use super::*;
use crate::controller::context::Premises;
use crate::upgrade::Suspension;

/// A reconcile of the first leader, of an upgrade that is not suspended.
const WORKS: Premises = Premises {
    term: 0,
    suspension: Suspension::Running,
};

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

#[tokio::test]
async fn a_call_that_waits_is_taken_back_when_another_leader_has_finished() {
    let bench = bench();
    let cancellation = bench.controller.context.cancellation(
        &bench.cluster.present(),
        Premises {
            term: 0,
            suspension: Suspension::Running,
        },
    );
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

#[tokio::test]
async fn a_word_on_a_connection_holds_every_upgrade_that_names_it() {
    let bench = bench();
    let upgrade = bench.cluster.present();
    let is_cancelled = || async { crate::bss::cancellation::is_cancelled() };
    let waiting = || {
        let context = &bench.controller.context;
        context.cancellation(&upgrade, WORKS).over(is_cancelled())
    };
    assert!(!waiting().await);
    for (value, says) in [("true", "is suspended"), ("treu", "\"treu\"")] {
        *bench.cluster.holds.lock().unwrap() = Some(value.to_owned());
        // A call that waits for its turn is not sent any more.
        assert!(waiting().await, "{value}");
        bench.reconcile().await;
        let (reason, message, next) = bench.shown();
        assert_eq!(reason, "Suspended", "{message}");
        assert!(message.contains("BssConnection distributor") && message.contains(says));
        assert!(next.contains("BssConnection distributor"), "{next}");
    }
    *bench.cluster.holds.lock().unwrap() = Some("false".to_owned());
    assert!(!waiting().await);
    bench.reconcile().await;
    assert_ne!(bench.shown().0, "Suspended");
}
