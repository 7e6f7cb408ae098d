//! Another writer who never leaves the upgrade alone: labels, annotations and a condition of its
//! own, through all phases. Neither of the two overwrites the other, and nothing is repeated.
//!
//! Watches that were cut and whose place is forgotten (410) are met in `restore`, in
//! `a_change_behind_a_forgotten_watch_is_seen`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::beside::figure;
use super::bss::Data;
use super::world::{NAME, World};

const WRITER: &str = "catalogue";
const STATUS_WRITER: &str = "catalogue/status";
const CONDITION: &str = "example.com/Reviewed";
/// It leaves the API server some time for others; a reconcile takes longer than that.
const REST: Duration = Duration::from_millis(15);
/// Far more than an upgrade has writes of status.
const ENOUGH: u64 = 30;

fn applied(kind: &str, rest: &Value) -> Patch<Value> {
    let mut patch = json!({ "apiVersion": "tenantreseller.io/v1alpha1", "kind": kind });
    let members = rest.as_object().unwrap().clone();
    patch.as_object_mut().unwrap().extend(members);
    Patch::Apply(patch)
}

/// Sets the condition that is not the operator's. It must not be refused, and it is without force:
/// the operator claims none of its fields.
async fn review(api: &Api<DynamicObject>, (kind, name): (&str, &str), told: &str) {
    let condition = json!({ "status": { "conditions": [{
        "type": CONDITION, "status": "True", "reason": "Counted", "message": told,
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    }] } });
    let how = PatchParams::apply(STATUS_WRITER);
    api.patch_status(name, &how, &applied(kind, &condition))
        .await
        .unwrap();
}

/// Writes until it is told to end.
async fn writes(upgrades: Api<DynamicObject>, ends: Arc<AtomicBool>, done: Arc<AtomicU64>) {
    let kind = "TenantResellerUpgrade";
    while !ends.load(Ordering::Relaxed) {
        let count = done.load(Ordering::Relaxed) + 1;
        let told = count.to_string();
        let meta = json!({ "metadata": {
            "labels": { "example.com/count": told },
            "annotations": { "example.com/count": told },
        } });
        let how = PatchParams::apply(WRITER);
        upgrades
            .patch(NAME, &how, &applied(kind, &meta))
            .await
            .unwrap();
        review(&upgrades, (kind, NAME), &told).await;
        done.store(count, Ordering::Relaxed);
        tokio::time::sleep(REST).await;
    }
}

/// Both writers have a condition in this object, and each has its own alone.
fn kept_apart(object: &Value) {
    let all = object["metadata"]["managedFields"].as_array().unwrap();
    let conditions = |manager: &str| {
        let found = all.iter().find(|entry| entry["manager"] == manager);
        let fields = &found.unwrap_or_else(|| panic!("no {manager}: {all:#?}"))["fieldsV1"];
        fields["f:status"]["f:conditions"].clone()
    };
    let of = |type_: &str| format!(r#"k:{{"type":"{type_}"}}"#);
    let (theirs, ours) = (
        conditions(STATUS_WRITER),
        conditions("tenant-reseller-operator/status"),
    );
    assert!(theirs[of(CONDITION)].is_object(), "{theirs:#}");
    assert_eq!(theirs[of("Ready")], Value::Null, "{theirs:#}");
    assert!(ours[of("Ready")].is_object(), "{ours:#}");
    assert_eq!(
        ours[of(CONDITION)],
        Value::Null,
        "the operator took what is another's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_writer_all_the_time() {
    let data = Data {
        customers: 20,
        subscriptions: 250,
        ..Data::default()
    };
    let world = World::of("conflicts", data).await;
    world.connect().await;
    let (kind, name) = ("BssConnection", "distributor");
    review(&world.api(kind), (kind, name), "once").await;
    world.apply(&[world.waiting_upgrade()]).await;
    let (ends, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let writer = tokio::spawn(writes(
        world.upgrades(),
        Arc::clone(&ends),
        Arc::clone(&done),
    ));
    world.until_reason("AwaitingPricing").await;
    let customers = world.bss.created("copyCustomers").await;
    let mut row = super::world::options();
    let rows = customers.into_iter().map(|customer| {
        row["accountId"] = json!(customer);
        row.clone()
    });
    let pricing = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": "all", "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": rows.collect::<Vec<_>>() },
    });
    world.apply(&[pricing]).await;
    // Before its last status, which says that it is closed.
    let (kind, name) = ("CustomerPricing", "all");
    review(&world.api(kind), (kind, name), "once").await;

    world.until_succeeded().await;
    ends.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let count = done.load(Ordering::Relaxed);
    let conflicts = figure(&world.health, r#"reconciles_total{outcome="conflict""#).await;
    println!("{count} rounds of another writer, {conflicts} passes met a conflict");
    assert!(count >= ENOUGH, "{count} rounds");
    assert!(conflicts > 0, "no write met another one");
    world.ends_well().await;
    for (operation, items) in [
        ("createTenant", 1),
        ("copyCustomers", 20),
        ("copySubscriptions", 250),
        ("activateBackOrdering", 1),
    ] {
        let lines = world.bss.audit(operation).await;
        assert_eq!(lines.len(), items, "{operation}: {lines:#?}");
    }

    let view = world.view().await;
    let told = json!(count.to_string());
    for place in ["labels", "annotations"] {
        assert_eq!(view.0["metadata"][place]["example.com/count"], told);
    }
    assert_eq!(view.condition(CONDITION).unwrap()["message"], told);
    kept_apart(&view.0);
    for (kind, name) in [("BssConnection", "distributor"), ("CustomerPricing", "all")] {
        let object = world.api(kind).get(name).await.unwrap();
        kept_apart(&serde_json::to_value(object).unwrap());
    }
}
