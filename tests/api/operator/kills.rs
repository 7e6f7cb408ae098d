//! The operator ended by SIGKILL in each phase, while the call that matters is under way.

use serde_json::{Value, json};

use super::bss::Data;
use super::world::World;

/// Many enough for several batches, so that there is a middle.
fn many() -> Data {
    Data {
        customers: 150,
        subscriptions: 250,
        tenant_queue_ms: 1500,
        ..Data::default()
    }
}

fn rule(operation: &str, kind: &Value, times: u64) -> Value {
    json!({ "operation": operation, "kind": kind, "times": times })
}

fn slow(ms: u64) -> Value {
    json!({ "Latency": { "ms": ms } })
}

/// Kills the operator when the first rule has struck, and lets the BSS behave from then on.
async fn killed_when_struck(world: &mut World, rules: Value) {
    world.bss.faults(rules).await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    world.operator.kill().unwrap();
    world.bss.faults(json!([])).await;
    assert!(!world.view().await.is("Succeeded"));
    world.operator.start_again().unwrap();
    world.ready().await;
}

/// Before the effect: the request dies with its sender.
#[tokio::test(flavor = "multi_thread")]
async fn in_phase_1_before_the_tenant_is_asked_for() {
    let mut world = World::start("kill1a").await;
    killed_when_struck(&mut world, json!([rule("createTenant", &slow(5000), 1)])).await;
    world.ends_well().await;
}

/// After the effect, before the reply.
#[tokio::test(flavor = "multi_thread")]
async fn in_phase_1_after_the_tenant_was_asked_for() {
    let mut world = World::of("kill1b", many()).await;
    let lost = json!([rule("createTenant", &json!("LoseReplyAfterEffect"), 1)]);
    killed_when_struck(&mut world, lost).await;
    world.ends_well().await;
}

/// The request takes effect after its sender is gone and the next one has looked.
#[tokio::test(flavor = "multi_thread")]
async fn in_phase_1_with_a_request_that_takes_effect_late() {
    let mut world = World::start("kill1c").await;
    let late = json!({ "LateEffect": { "delayMs": 1500 } });
    killed_when_struck(&mut world, json!([rule("createTenant", &late, 1)])).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_phase_2() {
    let mut world = World::of("kill2", many()).await;
    let rules = json!([
        rule("copyCustomers", &json!("LoseReplyAfterEffect"), 1),
        rule("copyCustomers", &slow(5000), 9),
    ]);
    killed_when_struck(&mut world, rules).await;
    let view = world.ends_well().await;
    assert_eq!(view.number("/status/progress/customers/copied"), 150);
    assert_eq!(world.bss.created("copyCustomers").await.len(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_phase_3() {
    let mut world = World::of("kill3", many()).await;
    let rules = json!([
        rule("copySubscriptions", &json!("LoseReplyAfterEffect"), 1),
        rule("copySubscriptions", &slow(5000), 9),
    ]);
    killed_when_struck(&mut world, rules).await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 250);
}

/// A copy takes effect after its sender is gone, beside the copies of its successor.
#[tokio::test(flavor = "multi_thread")]
async fn in_phase_3_with_a_request_that_takes_effect_late() {
    let mut world = World::of("kill3late", many()).await;
    let late = json!({ "LateEffect": { "delayMs": 700 } });
    killed_when_struck(&mut world, json!([rule("copySubscriptions", &late, 2)])).await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_phase_4_after_the_switch_and_before_its_reply() {
    let mut world = World::start("kill4").await;
    let lost = json!([rule(
        "activateBackOrdering",
        &json!("LoseReplyAfterEffect"),
        1
    )]);
    killed_when_struck(&mut world, lost).await;
    world.ends_well().await;
    recorded(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_phase_4_with_a_switch_that_takes_effect_late() {
    let mut world = World::start("kill4late").await;
    let late = json!({ "LateEffect": { "delayMs": 1500 } });
    killed_when_struck(&mut world, json!([rule("activateBackOrdering", &late, 1)])).await;
    world.ends_well().await;
    recorded(&world).await;
}

/// The record is complete, although the process that switched was killed before it could write it.
async fn recorded(world: &World) {
    let claim = world.claim().await.spec;
    assert!(claim.activation_time.is_some(), "{claim:?}");
    assert!(claim.inventory_digest.is_some(), "{claim:?}");
    assert_eq!(claim.approval.as_deref(), Some("Automatic"), "{claim:?}");
    assert!(claim.intents.activate.is_none(), "{claim:?}");
    assert_eq!(
        claim.timeline.len(),
        super::view::MILESTONES.len(),
        "{claim:?}"
    );
}

/// Killed again and again, at moments that the test does not choose.
#[tokio::test(flavor = "multi_thread")]
async fn again_and_again() {
    let mut world = World::of("killmany", many()).await;
    let slow = |operation: &str| json!({ "operation": operation, "kind": slow(150) });
    world
        .bss
        .faults(json!([
            slow("copyCustomers"),
            slow("copySubscriptions"),
            slow("listCopies")
        ]))
        .await;
    world.begin().await;
    for writes in [20, 120, 200, 330, 420] {
        super::world::until("some more writes", || async {
            let now = world.bss.writes().await;
            let done = world.view().await.is("Succeeded");
            (now >= writes || done, format!("{now} writes"))
        })
        .await;
        world.kill().await;
    }
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 250);
}
