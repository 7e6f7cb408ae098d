//! A BSS that throttles, fails, loses and mangles replies, at rates: the upgrade ends all the same.

use serde_json::{Value, json};

use super::bss::Data;
use super::world::World;

/// Every kind strikes once for certain and then at a rate, on every operation.
fn rules(kinds: &[Value], operations: &[&str], rate: f64) -> Vec<Value> {
    let mut rules = Vec::new();
    for (seed, kind) in kinds.iter().enumerate() {
        for operation in operations {
            rules.push(json!({ "operation": operation, "kind": kind, "times": 1 }));
        }
        rules.push(json!({ "operation": "*", "kind": kind, "probability": rate, "seed": seed }));
    }
    rules
}

async fn survives(label: &str, kinds: &[Value], operations: &[&str], rate: f64) {
    let data = Data {
        customers: 12,
        subscriptions: 120,
        ..Data::default()
    };
    let world = World::of(label, data).await;
    world
        .bss
        .faults(json!(rules(kinds, operations, rate)))
        .await;
    world.begin().await;
    world.until_succeeded().await;
    let fired = world.bss.get("faults").await;
    world.bss.faults(json!([])).await;
    for kind in kinds {
        let name = kind.as_str().map_or_else(
            || kind.as_object().unwrap().keys().next().unwrap().clone(),
            str::to_owned,
        );
        let times: u64 = fired["rules"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|rule| rule["kind"] == *kind)
            .map(|rule| rule["fired"].as_u64().unwrap())
            .sum();
        assert!(
            times >= operations.len() as u64,
            "{name} struck {times} times"
        );
    }
    world.bss.judged_clean().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 120);
    world.holds().await;
}

const WRITES: [&str; 4] = [
    "createTenant",
    "copyCustomers",
    "copySubscriptions",
    "activateBackOrdering",
];

#[tokio::test(flavor = "multi_thread")]
async fn throttled_with_and_without_a_time() {
    let kinds = [
        json!({ "Throttle": { "retryAfterSeconds": 1 } }),
        json!({ "Throttle": {} }),
    ];
    survives(
        "throttled",
        &kinds,
        &["copySubscriptions", "listCopies"],
        0.05,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_and_failing_after_the_effect() {
    let kinds = [
        json!("Unavailable503"),
        json!({ "Error500": { "afterEffect": true } }),
    ];
    survives(
        "unavailable",
        &kinds,
        &["copySubscriptions", "createTenant"],
        0.03,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_lost_after_the_effect() {
    let kinds = [json!("LoseReplyAfterEffect")];
    survives("lost", &kinds, &WRITES, 0.03).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_cut_in_the_middle() {
    survives("cut", &[json!("CutBody")], &WRITES, 0.03).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_of_another_type() {
    survives("typed", &[json!("WrongContentType")], &WRITES, 0.03).await;
}
