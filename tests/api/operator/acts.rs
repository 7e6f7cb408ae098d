//! What others do in the middle: the Storefront, the distributor's staff, the reseller.

use serde_json::{Value, json};

use super::world::{World, options};

/// Everything is copied, and an order that is pending holds the switch.
async fn held(label: &str) -> World {
    let world = World::start(label).await;
    let order = json!({ "hold": true });
    world.bss.act("storefront/buy", order).await;
    world.begin().await;
    world.until_reason("AwaitingOrders").await;
    world
}

/// Every act at once, while the upgrade waits with everything copied: copies follow what the source
/// changed, what came to life is copied, what the reseller amended stays.
#[tokio::test(flavor = "multi_thread")]
async fn bought_changed_suspended_resumed_and_amended() {
    let world = held("acts").await;
    let bss = &world.bss;
    let sources = bss.created("copySubscriptions").await;
    let changed = json!({ "sourceId": sources[0], "quantity": 41 });
    bss.act("storefront/quantity", changed).await;
    let suspended = json!({ "sourceId": sources[1] });
    bss.act("storefront/suspend", suspended.clone()).await;
    // Its own affair: the price that it takes from its customer.
    let amended = json!({ "sourceId": sources[2], "sellPrice": 12345 });
    bss.act("reseller-staff/amend", amended).await;
    bss.act("storefront/buy", json!({})).await;
    bss.act("staff/cancel-order", json!({})).await;

    let view = world.until_reason("OrphanedCopy").await;
    assert_eq!(view.named("OrphanedCopy"), [sources[1].clone()]);
    bss.act("storefront/resume", suspended).await;
    world.ends_well().await;
    let updated: Vec<Value> = bss
        .audit("copySubscriptions")
        .await
        .into_iter()
        .filter(|line| line["outcome"] == "Updated")
        .map(|line| line["sourceId"].clone())
        .collect();
    assert_eq!(updated, [json!(sources[0])], "and nothing else was touched");
    assert_eq!(bss.created("copySubscriptions").await.len(), 41);
}

/// An account that moves to another Bill To takes its subscriptions along.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_moves_to_another_bill_to() {
    let world = held("moves").await;
    let copied = world.bss.created("copySubscriptions").await;
    let customer = world.bss.created("copyCustomers").await.remove(5);
    let moved = json!({ "customerId": customer, "billTo": "10424" });
    world.bss.act("staff/bill-to", moved).await;
    world.bss.act("staff/cancel-order", json!({})).await;
    let view = world.until_reason("OrphanedCopy").await;
    let orphans = view.named("OrphanedCopy");
    assert!(!orphans.is_empty() && orphans.iter().all(|id| copied.contains(id)));
    let moved = json!({ "customerId": customer, "billTo": "10423" });
    world.bss.act("staff/bill-to", moved).await;
    world.ends_well().await;
}

/// Pricing options that are taken away before the copy send the upgrade back to its gate.
#[tokio::test(flavor = "multi_thread")]
async fn pricing_that_the_reseller_removes() {
    let data = super::bss::Data {
        defects: "demo",
        subscriptions: 60,
        ..super::bss::Data::default()
    };
    let world = World::of("removed", data).await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;
    world.bss.act("reseller-staff/pricing", options()).await;
    let view = world.until_reason("PrecheckFailed").await;
    assert!(view.is("PricingReady"), "{:#}", view.0);
    world
        .bss
        .act("reseller-staff/remove-pricing", json!({}))
        .await;
    world.bss.act("fix-defects", json!({})).await;
    let view = world.until_reason("AwaitingPricing").await;
    assert!(view.is("PricingReady"), "a milestone stays: {:#}", view.0);
    assert!(world.bss.audit("copySubscriptions").await.is_empty());
    world.bss.act("reseller-staff/pricing", options()).await;
    world.ends_well().await;
}
