//! Deletion leaves the business as it is; applied again, the upgrade adopts what is there.

use std::time::Duration;

use serde_json::{Value, json};

use super::bss::Data;
use super::world::World;

/// "Within seconds": far above what it takes, far below any time-out that it could have waited for.
const SOON: Duration = Duration::from_secs(8);

/// Deletes the upgrade, sees that the BSS is left as it is, and applies it again.
async fn deleted_and_applied_again(world: &World) {
    let took = world.delete().await;
    assert!(took < SOON, "deletion took {took:?}");
    // Calls in flight were awaited: nothing comes after them.
    let left = touched(world).await;
    world.heartbeats(3).await;
    assert_eq!(touched(world).await, left, "the operator still writes");
    world.apply(&[world.upgrade()]).await;
}

/// What the operator may have changed.
async fn touched(world: &World) -> Value {
    let state = world.bss.state().await;
    json!([
        state["tenant"],
        state["customers"],
        state["subscriptions"],
        world.bss.writes().await
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_phase_and_nothing_is_repeated() {
    let data = Data {
        tenant_queue_ms: 1500,
        ..Data::default()
    };
    let world = World::of("deletion", data).await;
    // Everything that follows a milestone is held, so that it is met right after it.
    let hold = |operation: &str| json!([{ "operation": operation, "kind": "Unavailable503" }]);
    world.connect().await;
    for (milestone, next) in [
        ("TenantCreated", "copyCustomers"),
        ("CustomersCopied", "setPricing"),
        ("PricingReady", "copySubscriptions"),
        ("SubscriptionsCopied", "activateBackOrdering"),
    ] {
        world.bss.faults(hold(next)).await;
        world.apply(&[world.upgrade()]).await;
        world.until(milestone, |view| view.is(milestone)).await;
        world.bss.struck(0, 1).await;
        deleted_and_applied_again(&world).await;
        // The milestone was reached for good: it is there again although the way is still barred.
        world.until(milestone, |view| view.is(milestone)).await;
    }
    world.bss.faults(json!([])).await;
    let first = world.ends_well().await;

    // And once more after the end.
    let before = world.bss.writes().await;
    world.delete().await;
    world.apply(&[world.upgrade()]).await;
    let second = world.until_succeeded().await;
    assert_ne!(second.text("/metadata/uid"), first.text("/metadata/uid"));
    assert_eq!(
        world.bss.writes().await,
        before,
        "something was written again"
    );
    for milestone in super::view::MILESTONES {
        assert!(second.is(milestone), "{:#}", second.0);
    }
    let claim = world.claim().await.spec;
    assert_eq!(claim.holder.uid, second.text("/metadata/uid"));
    assert_eq!(
        claim.approval.as_deref(),
        Some("Automatic"),
        "the record of the switch stays"
    );
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_works_ends_within_seconds() {
    let data = Data {
        subscriptions: 400,
        ..Data::default()
    };
    let world = World::of("deletionworking", data).await;
    let slow = json!({ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 1500 } } });
    world.bss.faults(json!([slow])).await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    // A user's delete waits for the finalizer; so do we.
    deleted_and_applied_again(&world).await;
    world.bss.faults(json!([])).await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 400);
}

/// Suspended and without credentials: deletion needs neither.
#[tokio::test(flavor = "multi_thread")]
async fn beats_suspension_and_needs_no_credentials() {
    let world = World::start("deletionbare").await;
    let slow = json!({ "operation": "copySubscriptions", "kind": "Unavailable503" });
    world.bss.faults(json!([slow])).await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    world.patch(json!({ "spec": { "suspend": true } })).await;
    world.until_reason("Suspended").await;
    world
        .kubectl(&["delete", "secret", "credentials", "authority"])
        .await;
    world.kubectl(&["delete", "bssc", "distributor"]).await;
    let took = world.delete().await;
    assert!(took < SOON, "deletion took {took:?}");
    assert_eq!(world.bss.state().await["backOrdering"], "Off");
    let claim = world.claim().await;
    assert!(claim.spec.epoch.is_some(), "the record stays: {claim:?}");
    world.bss.faults(json!([])).await;
    world.begin().await;
    world.ends_well().await;
}
