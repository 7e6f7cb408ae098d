//! Epochs: issued by the BSS, per reseller, always growing, and enforced on every write.

use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, create_tenant, customer_item};

async fn acquire(world: &World, body: Value) -> crate::support::Answer {
    world.post(&format!("{ACCOUNT}/epoch"), &body).await
}

#[tokio::test]
async fn epochs_grow_and_belong_to_one_holder() {
    let world = World::new().await;
    assert_eq!(
        acquire(&world, json!({ "holder": "a" })).await.ok(),
        json!({ "epoch": 1, "previousEpoch": 0, "holder": "a" })
    );
    assert_eq!(
        acquire(&world, json!({ "holder": "a" })).await.ok(),
        json!({ "epoch": 2, "previousEpoch": 1, "holder": "a", "earlier": [{ "epoch": 1 }] })
    );
    for body in [
        json!({ "holder": "b" }),
        json!({ "holder": "b", "takeOver": "c" }),
        json!({ "holder": "b", "takeOver": "b" }),
    ] {
        let refused = acquire(&world, body).await.refused(409, "HeldByAnother");
        assert_eq!(refused["holder"], "a");
    }
    assert_eq!(
        acquire(&world, json!({ "holder": "b", "takeOver": "a" }))
            .await
            .ok(),
        json!({ "epoch": 3, "previousEpoch": 2, "holder": "b",
                "earlier": [{ "epoch": 2 }, { "epoch": 1 }] })
    );
    acquire(&world, json!({ "holder": "a" }))
        .await
        .refused(409, "HeldByAnother");
}

#[tokio::test]
async fn epochs_of_two_resellers_are_apart() {
    let world = World::new().await;
    acquire(&world, json!({ "holder": "a" })).await.ok();
    let other = world
        .post("/resellers/10777/epoch", &json!({ "holder": "b" }))
        .await
        .ok();
    assert_eq!(
        other,
        json!({ "epoch": 1, "previousEpoch": 0, "holder": "b" })
    );
}

#[tokio::test]
async fn every_write_with_an_older_epoch_is_refused_and_does_nothing() {
    let world = World::new().await.with_pricing().await;
    acquire(&world, json!({ "holder": "tests" })).await.ok();
    let before = world.look("state").await;
    let eligible = world.first_subscription().await;
    let subscription = world.subscription_item(&eligible).await;
    let customer = customer_item(&world.customers().await[0]);
    let pricing = json!({ "items": [{ "customerId": "20001", "options": {
        "priceList": "PL-RETAIL", "billing": { "day": 2 }, "paymentMethod": "Invoice",
        "invoicing": "Combined" } }] });
    let activation = json!({ "businessKey": "k", "expectedRevision": 1 });
    for answer in [
        world.copy_customers(1, &[customer]).await,
        world.copy_subscriptions(1, &[subscription]).await,
        world
            .write((1, "x"), "/tenants/tenant-1/pricing", &pricing)
            .await,
        world
            .write((1, "x"), "/tenants/tenant-1/activation", &activation)
            .await,
        world
            .write((1, "x"), &format!("{ACCOUNT}/tenant"), &create_tenant())
            .await,
    ] {
        assert_eq!(answer.refused(409, "StaleEpoch")["highestEpoch"], 2);
    }
    assert_eq!(world.look("state").await, before);
    let audit = world.look("audit?actor=Operator").await;
    let stale = audit["entries"].as_array().unwrap().iter();
    assert_eq!(
        stale
            .filter(|entry| entry["outcome"] == "StaleEpoch")
            .count(),
        5
    );
}

#[tokio::test]
async fn a_missing_or_impossible_epoch_is_invalid() {
    let world = World::new().await.with_tenant().await;
    let body = json!({ "items": [customer_item(&world.customers().await[0])] });
    let path = "/tenants/tenant-1/customers/copy";
    assert_eq!(world.post(path, &body).await.invalid(), ["Fencing-Epoch"]);
    for epoch in ["", "0", "-1", "one", "1.0", "2"] {
        let request = world
            .request(reqwest::Method::POST, path)
            .header("Fencing-Epoch", epoch)
            .json(&body);
        let answer = crate::support::read(request.send().await.unwrap()).await;
        assert_eq!(answer.invalid(), ["Fencing-Epoch"], "epoch {epoch:?}");
    }
    assert!(world.copies("Customers").await.is_empty());
}
