//! Customers go on buying: whatever is bought before the switch is copied before the switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::bss::Data;
use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn buying_until_phase_3_is_complete() {
    let data = Data {
        order_ms: 100,
        ..Data::default()
    };
    let world = Arc::new(World::of("buying", data).await);
    world
        .bss
        .faults(json!([{ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 150 } } }]))
        .await;
    world.begin().await;
    world
        .until("CustomersCopied", |view| view.is("CustomersCopied"))
        .await;
    let enough = Arc::new(AtomicBool::new(false));
    let buyer = {
        let (world, enough) = (Arc::clone(&world), Arc::clone(&enough));
        tokio::spawn(async move {
            let mut orders = 0_usize;
            while !enough.load(Ordering::Relaxed) {
                world.bss.act("storefront/buy", json!({})).await;
                orders += 1;
                // A pace, not a wait: a customer who buys ten times a second is steady enough.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            orders
        })
    };
    // A steady buyer cannot hold a phase up.
    world
        .until("SubscriptionsCopied", |view| view.is("SubscriptionsCopied"))
        .await;
    enough.store(true, Ordering::Relaxed);
    let orders = buyer.await.unwrap();
    assert!(orders > 2, "{orders} orders");
    world.ends_well().await;
    let created = world.bss.created("copySubscriptions").await;
    assert_eq!(created.len(), 40 + orders, "everything bought was copied");
}

/// Right in the middle of a final sweep: its listings belong to two revisions, it does not count.
#[tokio::test(flavor = "multi_thread")]
async fn buying_in_the_middle_of_a_final_sweep() {
    let world = World::start("buyingfinal").await;
    world.begin().await;
    // Open orders are only listed once everything is copied; what follows them is a final sweep.
    let rules = json!([
        { "operation": "listOpenOrders", "kind": { "Latency": { "ms": 1500 } }, "times": 1 },
        { "operation": "listSubscriptions", "kind": { "Latency": { "ms": 10 } } },
    ]);
    world.bss.faults(rules).await;
    world.bss.struck(0, 1).await;
    let rules = json!([
        { "operation": "listSubscriptions", "kind": { "Latency": { "ms": 2000 } }, "times": 1 },
    ]);
    world.bss.faults(rules).await;
    // Orders and customers were listed, the subscriptions are being listed.
    world.bss.struck(0, 1).await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 40);
    let bought = bought(&world).await;
    world.ends_well().await;
    let created = world.bss.created("copySubscriptions").await;
    assert!(created.contains(&bought), "{bought} was not copied");
    assert_eq!(created.len(), 41);
    // The operator saw by itself that the sweep does not count: the BSS did not have to refuse.
    assert_eq!(
        world.bss.effects("activateBackOrdering", "Conflict").await,
        0
    );
}

/// Between the last look and the switch: the BSS compares the revision and refuses.
#[tokio::test(flavor = "multi_thread")]
async fn buying_while_the_switch_is_asked_for() {
    let world = World::start("buyingswitch").await;
    let slow = json!({ "operation": "activateBackOrdering", "times": 1,
        "kind": { "Latency": { "ms": 2000 } } });
    world.bss.faults(json!([slow])).await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    let bought = bought(&world).await;
    world.ends_well().await;
    let created = world.bss.created("copySubscriptions").await;
    assert!(created.contains(&bought), "{bought} was not copied");
    assert!(
        world.bss.effects("activateBackOrdering", "Conflict").await >= 1,
        "the switch was never refused: {:#?}",
        world.bss.audit("activateBackOrdering").await
    );
}

/// Buys one that is delivered at once; answers what it is.
async fn bought(world: &World) -> String {
    let bought = world
        .bss
        .act("storefront/buy", json!({ "hold": true }))
        .await;
    let order = json!({ "orderId": bought["orderId"] });
    let finished = world.bss.act("staff/finish-order", order).await;
    finished["sourceIds"][0].as_str().unwrap().to_owned()
}

/// A quantity that changes after its copy is named, and what is cancelled before it is not copied.
#[tokio::test(flavor = "multi_thread")]
async fn changing_and_cancelling_meanwhile() {
    let world = World::start("changing").await;
    let slow = json!({ "operation": "listOpenOrders", "times": 1,
        "kind": { "Latency": { "ms": 2500 } } });
    world.bss.faults(json!([slow])).await;
    let cancelled = world
        .bss
        .act("storefront/cancel", json!({ "pick": "Uncopied" }))
        .await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    let changed = world
        .bss
        .act(
            "storefront/quantity",
            json!({ "pick": "Copied", "quantity": 77 }),
        )
        .await;
    world.ends_well().await;
    let created = world.bss.created("copySubscriptions").await;
    assert!(!created.contains(&text(&cancelled["sourceId"])));
    let lines = world.bss.audit("copySubscriptions").await;
    let updated: Vec<&Value> = lines
        .iter()
        .filter(|line| line["outcome"] == "Updated")
        .map(|line| &line["sourceId"])
        .collect();
    assert_eq!(
        updated,
        [&changed["sourceId"]],
        "its copy followed it, once"
    );
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
