//! The pre-checks, before and after the tenant exists, and the seeded defects that they find.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::Defects;

use crate::support::{ACCOUNT, World, text};

async fn check(world: &World, target: Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let ids: Vec<Value> = world
        .eligible()
        .await
        .into_iter()
        .map(|each| each["id"].clone())
        .collect();
    for part in ids.chunks(100) {
        let body = json!({ "target": target, "sourceIds": part });
        let answer = world.post(&format!("{ACCOUNT}/checks"), &body).await.ok();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), part.len());
        for reason in results
            .iter()
            .flat_map(|each| each["reasons"].as_array().unwrap())
        {
            *counts.entry(text(&reason["reason"])).or_default() += 1;
        }
    }
    counts
}

fn expected(each: usize) -> BTreeMap<String, usize> {
    ["AddonMissing", "BillingCycleMissing", "CurrencyMismatch"]
        .into_iter()
        .map(|reason| (reason.to_owned(), each))
        .collect()
}

async fn defective(subscriptions: u32) -> World {
    World::with(|config| {
        config.customers = 20;
        config.subscriptions = subscriptions;
        config.defects = Defects::Demo;
    })
    .await
}

#[tokio::test]
async fn seeded_defects_are_found_before_the_tenant_exists_and_after_and_go_when_fixed() {
    let world = defective(120).await;
    let list = json!({ "priceList": "PL-RESELLER-EUR" });
    assert_eq!(check(&world, list.clone()).await, expected(2));
    let world = world.with_tenant().await;
    let tenant = json!({ "tenantId": "tenant-1" });
    assert_eq!(check(&world, tenant.clone()).await, expected(2));
    assert_eq!(
        world.eligible().await.len(),
        120,
        "the defective ones are among the active"
    );
    world.control("fix-defects", json!({})).await.ok();
    assert_eq!(check(&world, list).await, BTreeMap::new());
    assert_eq!(check(&world, tenant).await, BTreeMap::new());
    assert_eq!(world.eligible().await.len(), 120);
}

#[tokio::test]
async fn defects_grow_with_the_reseller() {
    let world = defective(400).await;
    let list = json!({ "priceList": "PL-RESELLER-EUR" });
    assert_eq!(check(&world, list).await, expected(4));
    let world = World::with(|config| config.subscriptions = 60).await;
    assert_eq!(
        check(&world, json!({ "priceList": "PL-RESELLER-EUR" })).await,
        BTreeMap::new()
    );
}

#[tokio::test]
async fn the_target_is_one_that_exists() {
    let world = World::new().await.with_tenant().await;
    let ask = async |target: Value| {
        let body = json!({ "target": target, "sourceIds": ["x"] });
        world.post(&format!("{ACCOUNT}/checks"), &body).await
    };
    assert_eq!(ask(json!({})).await.invalid(), ["target"]);
    let both = json!({ "tenantId": "tenant-1", "priceList": "PL-RESELLER-EUR" });
    assert_eq!(ask(both).await.invalid(), ["target"]);
    assert_eq!(
        ask(json!({ "priceList": "PL-NONE" })).await.invalid(),
        ["target.priceList"]
    );
    assert_eq!(
        ask(json!({ "priceList": "PL-OLD-EUR" })).await.invalid(),
        ["target.priceList"]
    );
    ask(json!({ "tenantId": "tenant-9" }))
        .await
        .refused(404, "NotFound");
    let unknown = ask(json!({ "tenantId": "tenant-1" })).await.ok();
    assert_eq!(
        unknown,
        json!({ "results": [] }),
        "whose fate is not known gets no result"
    );
}

#[tokio::test]
async fn a_missing_product_and_another_currency_are_found() {
    let world = World::new().await;
    let made = world
        .control("staff/order", json!({ "product": "NO-SUCH" }))
        .await
        .ok();
    let body =
        json!({ "target": { "priceList": "PL-RESELLER-USD" }, "sourceIds": [made["sourceId"]] });
    let answer = world.post(&format!("{ACCOUNT}/checks"), &body).await.ok();
    assert_eq!(
        answer["results"][0]["reasons"],
        json!([
            { "reason": "CurrencyMismatch", "detail": "EUR instead of USD" },
            { "reason": "ProductMissing", "detail": "NO-SUCH" },
        ])
    );
}

#[tokio::test]
async fn the_same_seed_makes_the_same_world_and_another_another() {
    let first = defective(60).await;
    let second = defective(60).await;
    assert_eq!(first.subscriptions().await, second.subscriptions().await);
    assert_eq!(first.customers().await, second.customers().await);
    let third = World::with(|config| {
        config.seed = 2;
        config.customers = 20;
        config.subscriptions = 60;
        config.defects = Defects::Demo;
    })
    .await;
    assert_ne!(first.subscriptions().await, third.subscriptions().await);
    assert_eq!(third.eligible().await.len(), 60);
}
