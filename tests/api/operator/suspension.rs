//! Suspension, and a change of the spec, in the middle of 400 items.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bss::Data;
use super::world::World;

const SUSPEND: &str = "tenantreseller.io/suspend";

/// A connection by which one batch follows the other: no chunk holds everything at once.
fn one_at_a_time(world: &World) -> Value {
    let mut connection = world.connection();
    connection["spec"]["limits"]["concurrency"] = json!(1);
    connection
}

/// 400 items in batches that take a while.
async fn in_the_middle(label: &str) -> World {
    let data = Data {
        customers: 20,
        subscriptions: 400,
        ..Data::default()
    };
    let world = World::of(label, data).await;
    // The first batch goes through, then one after the other waits long enough to be met.
    let slow = json!({ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 2500 } } });
    let throttled = json!({ "operation": "copySubscriptions", "times": 3,
        "kind": { "Throttle": {} } });
    world.bss.faults(json!([throttled, slow])).await;
    let token = world.bss.token.clone();
    world
        .apply(&[
            world.credentials(&token),
            world.authority(),
            one_at_a_time(&world),
            world.upgrade(),
        ])
        .await;
    world.bss.struck(1, 1).await;
    world
}

/// The upgrade says that it rests, and from then on nothing is written.
async fn rests(world: &World) {
    let asked = Instant::now();
    let view = world.until_reason("Suspended").await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(10), "obeyed after {took:?}");
    assert!(view.is("Suspended"), "{:#}", view.0);
    assert!(!view.is("SubscriptionsCopied"), "{:#}", view.0);
    let writes = world.bss.writes().await;
    let copied = world.bss.created("copySubscriptions").await.len();
    assert!(copied < 400, "there was no middle: {copied} copied");
    world.heartbeats(5).await;
    assert_eq!(
        world.bss.writes().await,
        writes,
        "something was written while suspended"
    );
    assert_eq!(world.bss.state().await["backOrdering"], "Off");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_field_is_obeyed_and_lifted() {
    let world = in_the_middle("suspendfield").await;
    world.patch(json!({ "spec": { "suspend": true } })).await;
    rests(&world).await;
    let view = world.view().await;
    assert_eq!(
        view.number("/status/observedGeneration"),
        view.number("/metadata/generation")
    );
    world.bss.faults(json!([])).await;
    world.patch(json!({ "spec": { "suspend": false } })).await;
    let view = world.ends_well().await;
    assert_eq!(view.condition("Suspended").unwrap()["status"], "False");
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_annotation_is_obeyed_and_lifted() {
    let world = in_the_middle("suspendnote").await;
    world.annotate(SUSPEND, Some("true")).await;
    rests(&world).await;
    world.bss.faults(json!([])).await;
    world.annotate(SUSPEND, None).await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_annotation_of_the_connection_is_obeyed_and_lifted() {
    let world = in_the_middle("suspendall").await;
    let mut connection = one_at_a_time(&world);
    connection["metadata"]["annotations"] = json!({ SUSPEND: "true" });
    world.apply(&[connection.clone()]).await;
    rests(&world).await;
    let view = world.view().await;
    let named = format!(
        "BssConnection {}",
        connection["metadata"]["name"].as_str().unwrap()
    );
    assert!(view.message().contains(&named), "{}", view.message());
    world.bss.faults(json!([])).await;
    connection["metadata"]["annotations"] = json!({ SUSPEND: "false" });
    world.apply(&[connection]).await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_look_nothing_is_asked_of_the_bss() {
    let world = World::start("suspendfirst").await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    upgrade["spec"]["suspend"] = json!(true);
    world.apply(&[upgrade]).await;
    world.until_reason("Suspended").await;
    assert!(world.claims().await.is_empty());
    assert_eq!(world.bss.writes().await, 0);
    assert_eq!(world.bss.count("/epoch").await, 0);
    world.patch(json!({ "spec": { "suspend": false } })).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_is_not_understood_holds_and_is_named() {
    let world = World::start("suspendword").await;
    world.connect().await;
    for (value, named) in [
        ("treu", true),
        ("TRUE", false),
        ("", true),
        (" yes ", false),
    ] {
        let mut upgrade = world.upgrade();
        upgrade["metadata"]["annotations"] = json!({ SUSPEND: value });
        world.apply(&[upgrade]).await;
        let view = world
            .until("a suspension that speaks of this value", |view| {
                view.is("Suspended")
                    && view.message().contains("not understood") == named
                    && (!named || view.message().contains(&format!("{value:?}")))
            })
            .await;
        assert!(view.message().contains("rests"), "{}", view.message());
        assert_eq!(world.bss.writes().await, 0);
    }
    world.annotate(SUSPEND, Some("false")).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_spec_is_observed_in_the_middle() {
    let world = in_the_middle("specchange").await;
    world
        .patch(json!({ "spec": { "pricing": { "default": { "billing": { "day": 7 } } } } }))
        .await;
    let asked = Instant::now();
    let view = world
        .until("the new generation", |view| {
            view.number("/status/observedGeneration") == 2
        })
        .await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(10), "seen after {took:?}");
    assert!(!view.is("SubscriptionsCopied"), "{:#}", view.0);
    world.bss.faults(json!([])).await;
    let view = world.ends_well().await;
    assert_eq!(view.number("/status/observedGeneration"), 2);
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 400);
}
