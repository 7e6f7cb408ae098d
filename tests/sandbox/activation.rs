//! The switch, asked for directly: refused for each reason, done once, never undone.

use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, customer_item, reasons, text};

/// Asks for the switch and expects these blockers, and that nothing happened.
#[track_caller]
fn assert_counts(body: &Value, expected: &[(&str, u64)]) {
    let counts: Vec<(String, u64)> = body["blockers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (text(&each["reason"]), each["count"].as_u64().unwrap()))
        .collect();
    let expected: Vec<(String, u64)> = expected
        .iter()
        .map(|(reason, count)| ((*reason).to_owned(), *count))
        .collect();
    assert_eq!(counts, expected, "{body}");
}

async fn refused(world: &World, expected: &[(&str, u64)]) {
    let body = world.activate("refused").await.refused(409, "Blocked");
    assert_counts(&body, expected);
    let state = world.look("state").await;
    assert_eq!(
        (
            &state["backOrdering"],
            &state["kind"],
            &state["activations"]
        ),
        (&json!("Off"), &json!("Basic"), &json!(0))
    );
}

#[tokio::test]
async fn a_complete_reseller_is_switched_once_and_for_good() {
    let world = World::new().await.complete().await;
    let revision = world.revision().await;
    world
        .activate_at(revision + 1, "a")
        .await
        .refused(409, "Conflict");
    world
        .activate_at(revision - 1, "a")
        .await
        .refused(409, "Conflict");
    let activation = world.activate_at(revision, "a").await.ok();
    assert_eq!(activation["outcome"], "Activated");
    let reseller = world.get(ACCOUNT).await.ok();
    assert_eq!(
        (&reseller["kind"], &reseller["backOrdering"]),
        (&json!("Tenant"), &json!("On"))
    );
    for source in world.subscriptions().await {
        assert_eq!(
            source["marked"],
            source["customerId"] != "10423",
            "{source}"
        );
    }
    assert_eq!(
        world.activate_at(revision, "a").await.ok(),
        activation,
        "replayed"
    );
    let again = world.activate_at(revision, "b").await.ok();
    assert_eq!(again["outcome"], "AlreadyActive");
    assert_eq!(again["activatedTime"], activation["activatedTime"]);
    let other = json!({ "businessKey": "k/other", "expectedRevision": revision });
    let reused = world
        .write((1, "a"), "/tenants/tenant-1/activation", &other)
        .await;
    reused.refused(409, "Conflict");
    assert_eq!(world.judge().await["activations"], 1);
    let kind = world
        .control("staff/reseller-kind", json!({ "kind": "Basic" }))
        .await;
    kind.refused(409, "Blocked");
}

#[tokio::test]
async fn nothing_is_copied_once_it_is_on() {
    let world = World::new().await.complete().await;
    let subscription = world.first_subscription().await;
    world.activate("a").await.ok();
    let item = world.subscription_item(&subscription).await;
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["BackOrderingActive"]
    );
    let item = customer_item(&world.customers().await[0]);
    assert_eq!(
        reasons(&world.copy_customer(&item).await),
        ["BackOrderingActive"]
    );
}

#[tokio::test]
async fn an_empty_tenant_is_refused_with_everything_counted() {
    let world = World::new().await.with_tenant().await;
    let owners: std::collections::BTreeSet<String> = world
        .eligible()
        .await
        .iter()
        .map(|each| text(&each["customerId"]))
        .collect();
    refused(&world, &[("NotCopied", 12 + owners.len() as u64)]).await;
}

#[tokio::test]
async fn one_uncopied_purchase_is_enough() {
    let world = World::new().await.complete().await;
    let bought = world.control("storefront/buy", json!({})).await.ok();
    assert!(bought["orderId"].is_string());
    refused(&world, &[("NotCopied", 1)]).await;
}

#[tokio::test]
async fn two_copies_are_refused_until_one_is_ended() {
    let world = World::new().await.complete().await;
    let id = world.first_subscription().await["id"].clone();
    let copy = world
        .control("plant", json!({ "DuplicateCopy": { "sourceId": id } }))
        .await
        .ok();
    refused(&world, &[("DuplicateCopy", 1)]).await;
    let end = json!({ "copyId": copy["copyId"] });
    world.control("reseller-staff/end-copy", end).await.ok();
    assert_eq!(
        world.activate("refused").await.ok()["outcome"],
        "Activated",
        "not replayed"
    );
}

#[tokio::test]
async fn an_orphan_is_refused_until_it_is_ended_or_lives_again() {
    let world = World::new().await.complete().await;
    let pick = json!({ "pick": "Copied" });
    let cancelled = world.control("storefront/cancel", pick.clone()).await.ok();
    let suspended = world.control("storefront/suspend", pick).await.ok();
    refused(&world, &[("OrphanedCopy", 2)]).await;
    let end = json!({ "sourceId": cancelled["sourceId"] });
    world.control("reseller-staff/end-copy", end).await.ok();
    refused(&world, &[("OrphanedCopy", 1)]).await;
    let resume = json!({ "sourceId": suspended["sourceId"] });
    world.control("storefront/resume", resume).await.ok();
    world.activate("a").await.ok();
}

#[tokio::test]
async fn a_customer_that_moved_away_with_purchases_is_an_orphan() {
    let world = World::new().await.complete().await;
    let customer = world.first_subscription().await["customerId"].clone();
    let eligible = world.eligible().await;
    let owned = eligible
        .iter()
        .filter(|each| each["customerId"] == customer)
        .count() as u64;
    let moved = json!({ "customerId": customer, "billTo": "10777" });
    world.control("staff/bill-to", moved).await.ok();
    // The copy of the customer itself is no charge, so that only its subscriptions count as orphaned.
    refused(&world, &[("OrphanedCopy", owned)]).await;
}

#[tokio::test]
async fn a_changed_source_is_refused() {
    let world = World::new().await.complete().await;
    let changed = world
        .control("storefront/quantity", json!({ "pick": "Copied" }))
        .await
        .ok();
    refused(&world, &[("SourceChanged", 1)]).await;
    let end = json!({ "sourceId": changed["sourceId"] });
    world.control("reseller-staff/end-copy", end).await.ok();
    world.activate("a").await.ok();
}

#[tokio::test]
async fn a_half_marked_account_is_refused_in_either_half() {
    let world = World::new().await.complete().await;
    world
        .control(
            "plant",
            json!({ "UnmarkedCustomer": { "customerId": "20001" } }),
        )
        .await
        .ok();
    refused(&world, &[("HalfMarked", 1)]).await;
    let idle = world.customers().await;
    let owners: Vec<Value> = world
        .eligible()
        .await
        .iter()
        .map(|each| each["customerId"].clone())
        .collect();
    let idle = idle
        .iter()
        .find(|each| !owners.contains(&each["id"]))
        .unwrap();
    world
        .control("plant", json!({ "LostCopy": { "sourceId": idle["id"] } }))
        .await
        .ok();
    refused(&world, &[("HalfMarked", 2)]).await;
    let item = customer_item(idle);
    assert_eq!(world.copy_customer(&item).await["outcome"], "Created");
    let item = customer_item(&world.customer("20001").await);
    assert_eq!(world.copy_customer(&item).await["outcome"], "Created");
    world.activate("a").await.ok();
}

#[tokio::test]
async fn an_incomplete_customer_with_purchases_is_not_copied() {
    let world = World::new().await.complete().await;
    let customer = world.first_subscription().await["customerId"].clone();
    let plant = json!({ "IncompleteCustomer": { "customerId": customer } });
    world.control("plant", plant).await.ok();
    refused(&world, &[("NotCopied", 1)]).await;
}

#[tokio::test]
async fn a_pending_order_is_refused_also_the_resellers_own() {
    let world = World::new().await.complete().await;
    for customer in ["20001", "10423"] {
        let held = json!({ "customerId": customer, "hold": true });
        world.control("storefront/buy", held).await.ok();
        refused(&world, &[("OrderNotFinal", 1)]).await;
        world.control("staff/cancel-order", json!({})).await.ok();
    }
    world.activate("a").await.ok();
}

#[tokio::test]
async fn a_suspended_tenant_is_refused() {
    let world = World::new().await.complete().await;
    world
        .control("staff/tenant", json!({ "action": "Suspend" }))
        .await
        .ok();
    refused(&world, &[("TenantSuspended", 1)]).await;
}

#[tokio::test]
async fn a_reseller_on_another_plan_is_refused() {
    let world = World::new().await.complete().await;
    world
        .control("staff/reseller-kind", json!({ "kind": "Standard" }))
        .await
        .ok();
    let body = world.activate("a").await.refused(409, "Blocked");
    assert_counts(&body, &[("ResellerNotBasic", 1)]);
}

#[tokio::test]
async fn customers_without_copyable_subscriptions_never_block() {
    let world = World::new().await.with_pricing().await;
    // One idle customer was never copied and is unmarked: it counts neither as uncopied ...
    let owners: Vec<Value> = world
        .eligible()
        .await
        .iter()
        .map(|each| each["customerId"].clone())
        .collect();
    let all = world.customers().await;
    let idle = all
        .iter()
        .find(|each| !owners.contains(&each["id"]))
        .unwrap()["id"]
        .clone();
    world
        .control("plant", json!({ "LostCopy": { "sourceId": idle } }))
        .await
        .ok();
    world
        .control(
            "plant",
            json!({ "UnmarkedCustomer": { "customerId": idle } }),
        )
        .await
        .ok();
    for item in world.subscription_items().await {
        world.copy_subscription(&item).await;
    }
    let state = world.look("state").await;
    assert_eq!(state["blockers"], json!([]));
    world.activate("a").await.ok();
}

#[tokio::test]
async fn the_switch_and_a_purchase_race_and_nothing_slips_through() {
    let world = World::new().await.complete().await;
    let revision = world.revision().await;
    let (switched, bought) = tokio::join!(
        world.activate_at(revision, "a"),
        world.control("storefront/buy", json!({}))
    );
    // One of the two came first, and the other was refused.
    assert_ne!(
        switched.status == 200,
        bought.status == 200,
        "{switched:?} {bought:?}"
    );
}
