//! Rows of the state table that no other test reaches, each gone on from by itself.

use serde_json::{Value, json};

use super::bss::Data;
use super::world::{NAME, World, options};

fn always(operation: &str, kind: &Value) -> Value {
    json!([{ "operation": operation, "kind": kind }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bss_that_is_away_slow_or_broken_and_a_reseller_that_is_not_basic() {
    let data = Data {
        tenant_queue_ms: 4000,
        ..Data::default()
    };
    let world = World::of("states", data).await;
    let bss = &world.bss;
    bss.faults(always("getReseller", &json!("Unavailable503")))
        .await;
    world.begin().await;
    let view = world.until_reason("BssUnavailable").await;
    assert!(
        view.is("Reconciling") && !view.is("Stalled"),
        "{:#}",
        view.0
    );

    let throttle = json!({ "Throttle": { "retryAfterSeconds": 1 } });
    bss.faults(always("getReseller", &throttle)).await;
    let view = world.until_reason("Throttled").await;
    assert!(view.is("Reconciling"), "{:#}", view.0);

    bss.faults(always("getReseller", &json!("WrongJson"))).await;
    let view = world.until_reason("ContractViolated").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert!(
        view.next_action().contains("reference-contract.yaml"),
        "{}",
        view.summary()
    );

    bss.act("staff/reseller-kind", json!({ "kind": "Standard" }))
        .await;
    bss.faults(json!([])).await;
    let view = world.until_reason("ResellerNotBasic").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(bss.writes().await, 0);
    bss.act("staff/reseller-kind", json!({ "kind": "Basic" }))
        .await;

    world
        .until("the tenant is requested", |view| {
            view.0.pointer("/status/tenant/requestedTime").is_some()
        })
        .await;
    super::world::until("the tenant is queued", || async {
        let failed = json!({ "action": "FailCreation", "detail": "no capacity" });
        let (status, told) = bss.try_act("staff/tenant", failed).await;
        (status == 200, told.to_string())
    })
    .await;
    let view = world.until_reason("TenantCreationFailed").await;
    assert!(view.message().contains("no capacity"), "{}", view.summary());
    world.until_succeeded().await;
    bss.ledgers_clean().await;
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_gone() {
    let data = Data {
        defects: "demo",
        ..Data::default()
    };
    let world = World::of("gone", data).await;
    world.begin().await;
    world.until_reason("PrecheckFailed").await;
    world
        .bss
        .act("staff/tenant", json!({ "action": "Delete" }))
        .await;
    let view = world.until_reason("TenantMissing").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    world.heartbeats(2).await;
    assert_eq!(
        world.bss.effects("createTenant", "Accepted").await,
        1,
        "no second one is made"
    );
    world.holds().await;
}

/// Copies that people made carry no key: the BSS does not let the operator bring them up to their
/// source, and people are told which.
#[tokio::test(flavor = "multi_thread")]
async fn items_that_fail_again_and_again() {
    let world = World::start("failing").await;
    let bss = &world.bss;
    let settings = world.upgrade()["spec"]["tenant"].clone();
    let by_hand = json!({ "settings": settings, "customers": 12, "subscriptions": 0 });
    bss.act("staff/adoption", by_hand).await;
    bss.act("reseller-staff/pricing", options()).await;
    bss.act("staff/copy-subscriptions", json!({ "limit": 20 }))
        .await;
    let changed = json!({ "pick": "Copied", "quantity": 33 });
    let changed = bss.act("storefront/quantity", changed).await;
    let source = changed["sourceId"].as_str().unwrap().to_owned();
    world.begin().await;
    let view = world.until_reason("ItemsFailed").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(view.named("ItemsFailed"), std::slice::from_ref(&source));
    let amended = json!({ "sourceId": source, "quantity": 33 });
    bss.act("reseller-staff/amend", amended).await;
    world.until_succeeded().await;
    bss.ledgers_clean().await;
    world.holds().await;
}

/// Suspended while a request has no answer and cannot be looked up.
#[tokio::test(flavor = "multi_thread")]
async fn suspending_until_the_outcome_is_known() {
    let world = World::start("suspending").await;
    world
        .bss
        .faults(json!([{ "operation": "createTenant", "kind": "LoseReplyAfterEffect" }]))
        .await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    world
        .bss
        .faults(json!([{ "operation": "*", "kind": "Unavailable503" }]))
        .await;
    world.patch(json!({ "spec": { "suspend": true } })).await;
    let view = world.until_reason("Suspending").await;
    assert!(!view.is("Suspended"), "{:#}", view.0);
    world.bss.faults(json!([])).await;
    let view = world.until_reason("Suspended").await;
    assert!(view.is("Suspended"), "{:#}", view.0);
    world.patch(json!({ "spec": { "suspend": false } })).await;
    world.ends_well().await;
}

/// Deleted in the middle of the copy: the last status that a watcher sees says so.
#[tokio::test(flavor = "multi_thread")]
async fn deleting_is_shown() {
    let world = World::start("deletes").await;
    let slow = json!({ "Latency": { "ms": 400 } });
    world.bss.faults(always("copyCustomers", &slow)).await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    world.delete().await;
    let reasons = world.history.reasons(NAME);
    assert_eq!(
        reasons.last().map(String::as_str),
        Some("Deleting"),
        "{reasons:?}"
    );
    world.bss.faults(json!([])).await;
    world.apply(&[world.upgrade()]).await;
    world.ends_well().await;
}
