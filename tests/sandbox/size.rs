//! Large worlds: they are made fast, and no request of theirs walks through all of them.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::Defects;

use crate::support::{ACCOUNT, World, customer_item, key, text};

#[tokio::test]
async fn as_many_are_blocked_as_were_asked_for() {
    for (blocked, expected) in [(0, 0), (30, 30), (1000, 40)] {
        let world = World::with(|config| {
            config.subscriptions = 40;
            config.defects = Defects::Blocked(blocked);
        })
        .await
        .with_tenant()
        .await;
        let ids: Vec<Value> = world
            .eligible()
            .await
            .iter()
            .map(|each| each["id"].clone())
            .collect();
        let check = json!({ "target": { "tenantId": "tenant-1" }, "sourceIds": ids });
        let answer = world.post(&format!("{ACCOUNT}/checks"), &check).await.ok();
        let mut reasons = std::collections::BTreeMap::new();
        for result in answer["results"].as_array().unwrap() {
            for reason in result["reasons"].as_array().unwrap() {
                *reasons.entry(text(&reason["reason"])).or_insert(0_usize) += 1;
            }
        }
        assert_eq!(reasons.values().sum::<usize>(), expected, "{reasons:?}");
        assert_eq!(reasons.len(), if expected == 0 { 0 } else { 3 });
    }
}

/// The sandbox's own ceiling. Run it alone, with optimisation:
/// `cargo test --release --all-features --test sandbox ceiling -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a proof"]
async fn ceiling() {
    let began = Instant::now();
    let world = World::with(|config| {
        config.customers = 2000;
        config.subscriptions = 50_000;
    })
    .await;
    println!("seeding 50,000 subscriptions: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10));
    let world = world.with_tenant().await;
    let items: Vec<Value> = world.customers().await.iter().map(customer_item).collect();
    let began = Instant::now();
    for batch in items.chunks(100) {
        world.copy_customers(1, batch).await.ok();
    }
    println!(
        "copying 2,000 customers, one batch in flight: {:?}",
        began.elapsed()
    );
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    world.control("reseller-staff/pricing", options).await.ok();
    let began = Instant::now();
    let sources = world.eligible().await;
    println!(
        "listing {} subscriptions: {:?}",
        sources.len(),
        began.elapsed()
    );
    let pricing = world.pricing_digest("20001").await;
    let items: Vec<Value> = sources
        .iter()
        .take(5000)
        .map(|source| {
            json!({ "sourceId": source["id"], "kind": source["kind"], "businessKey": key(source),
                "expectedSource": source["digest"], "pricingDigest": pricing })
        })
        .collect();
    let began = Instant::now();
    stream::iter(items.chunks(100))
        .for_each_concurrent(8, async |batch| {
            let answer = world.copy_subscriptions(1, batch).await.ok();
            for result in answer["results"].as_array().unwrap() {
                assert_eq!(result["outcome"], "Created", "{result}");
            }
        })
        .await;
    let took = began.elapsed();
    println!(
        "copying 5,000 subscriptions, batches of 100, 8 in flight: {took:?}, {:.0} per second",
        5000.0 / took.as_secs_f64()
    );
    let began = Instant::now();
    let judged = world.judge().await;
    println!("judging: {:?}", began.elapsed());
    assert_eq!(judged["copied"], 5000);
}
