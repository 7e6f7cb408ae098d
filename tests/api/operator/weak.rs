//! BSSs that give a promise only in its weak form: refused, waited for, or worked with, and nothing
//! doubled or lost.

use serde_json::{Value, json};

use super::bss::Data;
use super::world::World;

fn weak(weak: &'static [&'static str]) -> Data {
    Data {
        weak,
        ..Data::default()
    }
}

fn rule(operation: &str, kind: &Value, times: u64) -> Value {
    json!({ "operation": operation, "kind": kind, "times": times })
}

/// What a person is asked for before the switch.
async fn freezes(world: &World) {
    let view = world.until_reason("AwaitingManualStep").await;
    assert!(view.is("SubscriptionsCopied"), "{:#}", view.0);
    let action = view.next_action();
    assert!(
        action.contains("Disable ordering for the account 10423"),
        "{action}"
    );
    assert_eq!(world.bss.count("/activations").await, 0);
    let frozen = json!({ "enabled": false });
    world.bss.act("staff/ordering", frozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_can_only_be_found_with_look_ups_that_lag() {
    let mut world = World::of(
        "findable",
        weak(&["keys=Findable", "revision=None", "lagMs=700"]),
    )
    .await;
    // A copy that takes effect when its sender is long gone.
    let late = json!({ "LateEffect": { "delayMs": 1500 } });
    let rules = json!([
        rule("copySubscriptions", &late, 1),
        rule("copyCustomers", &json!("LoseReplyAfterEffect"), 1),
    ]);
    world.bss.faults(rules).await;
    world.begin_weak(&["UnguardedSwitch"]).await;
    world.bss.struck(0, 1).await;
    world.operator.kill().unwrap();
    let claim = world.claim().await;
    let open = claim.spec.intents.copies.clone().unwrap();
    assert!(!open.source_ids.is_empty(), "what was sent is on record");
    world.operator.start_again().unwrap();
    world.ready().await;
    world.until_reason("Settling").await;
    let view = world.until_succeeded().await;
    assert!(view.is("Verified"), "{:#}", view.0);
    world.bss.ledgers_clean().await;
    world.bss.effects_once().await;
    assert_eq!(world.claim().await.spec.intents.copies, None);
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_without_an_answer_asks_a_person() {
    let world = World::of("asks", weak(&["keys=Findable"])).await;
    let rules = json!([rule("createTenant", &json!({ "Error500": {} }), 1)]);
    world.bss.faults(rules).await;
    world.begin_weak(&[]).await;
    let view = world.until_reason("AwaitingConfirmation").await;
    assert!(!view.is("Stalled") && !view.is("Ready"), "{:#}", view.0);
    assert_eq!(world.bss.effects("createTenant", "Accepted").await, 0);
    // The command that status shows, as it stands there.
    let action = view.next_action().to_owned();
    let (_, command) = action.split_once("kubectl ").unwrap();
    let words: Vec<&str> = command.split_whitespace().collect();
    world.plane.kubectl().unwrap().run(words).await.unwrap();
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fences_writers() {
    let world = World::of("unfenced", weak(&["epochs=None"])).await;
    world.begin_weak(&[]).await;
    let view = world.until_reason("RiskNotAccepted").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert!(
        view.message().contains("SingleOperator"),
        "{}",
        view.summary()
    );
    assert_eq!(world.bss.writes().await, 0);
    assert!(world.claims().await.is_empty(), "before phase 1");
    world
        .apply(&[world.weak_connection(&["SingleOperator"])])
        .await;
    world.until_reason("Settling").await;
    world.ends_well().await;
    assert_eq!(world.claim().await.spec.epoch, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_compares_nothing_waits_until_ordering_rests() {
    let world = World::of("frozen", weak(&["compares=None"])).await;
    world.begin_weak(&[]).await;
    let view = world.until_reason("AwaitingManualStep").await;
    assert!(view.is("SubscriptionsCopied"), "{:#}", view.0);
    // What is bought while it waits is copied before the switch.
    world.bss.act("storefront/buy", json!({})).await;
    freezes(&world).await;
    let view = world.ends_well().await;
    assert!(
        view.message().contains("Ordering is still disabled"),
        "{}",
        view.summary()
    );
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unguarded_switch_is_a_risk_that_is_accepted() {
    let world = World::of("unguarded", weak(&["compares=None", "revision=None"])).await;
    world.begin_weak(&["UnguardedSwitch"]).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_nobody_can_see() {
    let world = World::of("unseen", weak(&["orders=None"])).await;
    world.begin_weak(&[]).await;
    freezes(&world).await;
    let view = world.until_reason("Settling").await;
    assert!(view.is("Reconciling"), "{:#}", view.0);
    assert_eq!(world.bss.count("/activations").await, 0);
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_could_land_after_the_switch() {
    let world = World::of("offguard", weak(&["offGuard=None"])).await;
    world.begin_weak(&[]).await;
    let view = world.until_reason("Settling").await;
    assert!(view.is("SubscriptionsCopied"), "{:#}", view.0);
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_and_mark_in_two_steps() {
    let world = World::of("twosteps", weak(&["marks=Later"])).await;
    world.begin_weak(&[]).await;
    world.until_succeeded().await;
    world.bss.ledgers_clean().await;
    world.holds().await;
}

/// Paging by offset: rows are skipped and repeated while the reseller buys.
#[tokio::test(flavor = "multi_thread")]
async fn pages_that_skip_while_the_reseller_buys() {
    let data = Data {
        customers: 30,
        subscriptions: 300,
        ..weak(&["revision=None", "offsetPaging=true"])
    };
    let world = World::of("offsets", data).await;
    world.begin_weak(&["UnguardedSwitch"]).await;
    for _ in 0..25 {
        world.bss.act("storefront/buy", json!({})).await;
    }
    world.until_succeeded().await;
    world.bss.ledgers_clean().await;
    world.bss.effects_once().await;
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_are_replayed_and_request_keys_that_expire() {
    let world = World::of(
        "replays",
        weak(&["replayedRefusals=true", "requestKeyMs=1"]),
    )
    .await;
    world
        .bss
        .act("staff/ordering", json!({ "enabled": false }))
        .await;
    world.begin_weak(&[]).await;
    world.until_reason("PrecheckFailed").await;
    world
        .bss
        .act("staff/ordering", json!({ "enabled": true }))
        .await;
    world.ends_well().await;
}
