//! The vendor's buttons, and people who press them.

use serde_json::{Value, json};

use super::{Side, press, switch, world};
use crate::support::{World, text};

/// A tenant, and every account in it.
async fn with_accounts(world: World) -> World {
    press(&world, "create-tenant", json!({})).await;
    press(&world, "transfer-accounts", json!({})).await;
    world
}

async fn plain() -> World {
    with_accounts(world(|_| {}).await).await
}

/// What the reseller's account says of itself.
async fn reseller(world: &World) -> (Value, Value, Value) {
    let side = Side::of(world, "distributor").await;
    let own = side.get("accounts/10423", &[]).await.ok();
    (
        own["isNetworkReseller"].clone(),
        own["resellerType"].clone(),
        own["isBackOrdering"].clone(),
    )
}

fn basic() -> (Value, Value, Value) {
    (json!(false), json!("Basic Reseller"), json!(false))
}

#[tokio::test]
async fn accounts_are_offered_once_and_only_the_resellers_own() {
    let world = world(|_| {}).await;
    let refused = world.control("screens/transfer-accounts", json!({})).await;
    refused.refused(404, "NotFound");
    press(&world, "create-tenant", json!({})).await;
    let chosen = json!({ "accountIds": ["20001", "20002", "20007"] });
    let done = press(&world, "transfer-accounts", chosen.clone()).await;
    assert_eq!(
        done,
        json!({ "transferred": ["20001", "20002"], "notOffered": ["20007"] })
    );
    let again = press(&world, "transfer-accounts", chosen).await;
    assert_eq!(again["transferred"], json!([]));
    let distributor = Side::of(&world, "distributor").await;
    for (id, marked) in [(20001, true), (20002, true), (20003, false)] {
        let account = distributor.get(&format!("accounts/{id}"), &[]).await.ok();
        assert_eq!(account["isBackOrdering"], marked, "{id}");
    }
    let tenant = Side::of(&world, "tenant").await;
    assert_eq!(tenant.all("accounts", "").await.len(), 2);
    assert_eq!(world.judge().await["halfMarked"], 0);
}

#[tokio::test]
async fn the_button_copies_and_switches() {
    let world = plain().await;
    assert_eq!(reseller(&world).await, basic());
    let done = press(&world, "transfer-subscriptions", json!({})).await;
    assert_eq!(
        done,
        json!({ "copied": 12, "switched": true, "stoppedBy": null, "sourceIds": [] })
    );
    let now = reseller(&world).await;
    assert_eq!(now, (json!(true), json!("Tenant Reseller"), json!(true)));
    let judge = world.judge().await;
    assert_eq!(
        (&judge["copied"], &judge["activations"]),
        (&json!(12), &json!(1))
    );
    let again = world
        .control("screens/transfer-subscriptions", json!({}))
        .await;
    again.refused(409, "Blocked");
}

#[tokio::test]
async fn it_stops_at_the_first_kind_of_check_that_fails() {
    let world = with_accounts(
        world(|config| {
            config.subscriptions = 60;
            config.defects = tenant_reseller_operator::sandbox::Defects::Demo;
        })
        .await,
    )
    .await;
    let unsynced = world.first_subscription().await["customerId"].clone();
    let sync = json!({ "customerId": unsynced, "state": "NotSynced" });
    world.control("staff/sync", sync).await.ok();
    let mut stops = Vec::new();
    for _ in 0..3 {
        let stopped = press(&world, "transfer-subscriptions", json!({})).await;
        assert_eq!(
            (&stopped["copied"], &stopped["switched"]),
            (&json!(0), &json!(false))
        );
        let check = text(&stopped["stoppedBy"]);
        assert!(
            !stopped["sourceIds"].as_array().unwrap().is_empty(),
            "{check}"
        );
        match check.as_str() {
            "currency" => {
                for id in stopped["sourceIds"].as_array().unwrap() {
                    let euro = json!({ "sourceId": id, "currency": "EUR" });
                    world.control("staff/redenominate", euro).await.ok();
                }
            }
            "products" => {
                world.control("fix-defects", json!({})).await.ok();
                let sync = json!({ "customerId": unsynced, "state": "NotSynced" });
                world.control("staff/sync", sync).await.ok();
            }
            _ => {
                let sync = json!({ "customerId": unsynced, "state": "Synced" });
                world.control("staff/sync", sync).await.ok();
            }
        }
        stops.push(check);
    }
    assert_eq!(stops, ["currency", "products", "synchronization"]);
    assert_eq!(
        press(&world, "transfer-subscriptions", json!({})).await["switched"],
        true
    );
}

#[tokio::test]
async fn it_asks_neither_for_open_orders_nor_for_pricing_options() {
    let world = plain().await;
    let held = json!({ "hold": true });
    world.control("storefront/buy", held).await.ok();
    assert_eq!(
        press(&world, "transfer-subscriptions", json!({})).await["switched"],
        true
    );
    world.control("staff/finish-order", json!({})).await.ok();
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    // What the order became is charged to the reseller, and to no customer.
    let judge = world.judge().await;
    assert!(judge["missingCharges"].as_i64().unwrap() > 0, "{judge}");
}

#[tokio::test]
async fn a_person_who_is_interrupted_has_copied_and_not_switched() {
    let world = plain().await;
    let half = press(&world, "transfer-subscriptions", json!({ "stopAfter": 5 })).await;
    assert_eq!(
        (&half["copied"], &half["stoppedBy"]),
        (&json!(5), &json!("interrupted"))
    );
    assert_eq!(reseller(&world).await, basic());
    let tenant = Side::of(&world, "tenant").await;
    let there = tenant.all("subscriptions", "").await.len() + tenant.all("assets", "").await.len();
    assert_eq!(there, 5);
    let rest = press(&world, "transfer-subscriptions", json!({ "stopAfter": 7 })).await;
    assert_eq!(
        (&rest["copied"], &rest["switched"]),
        (&json!(7), &json!(false))
    );
    let last = press(&world, "transfer-subscriptions", json!({})).await;
    assert_eq!(
        (&last["copied"], &last["switched"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(world.judge().await["duplicated"], 0);
}

#[tokio::test]
async fn an_account_that_is_not_transferred_holds_the_switch_if_it_owns_something() {
    let world = world(|config| config.customers = 25).await;
    press(&world, "create-tenant", json!({})).await;
    let owner = text(&world.first_subscription().await["customerId"]);
    let owners: Vec<String> = world
        .eligible()
        .await
        .iter()
        .map(|each| text(&each["customerId"]))
        .collect();
    let all = world.customers().await;
    let chosen: Vec<String> = all
        .iter()
        .map(|each| text(&each["id"]))
        .filter(|id| *id != owner && owners.contains(id))
        .collect();
    press(&world, "transfer-accounts", json!({ "accountIds": chosen })).await;
    let held = press(&world, "transfer-subscriptions", json!({})).await;
    assert_eq!(
        (&held["switched"], &held["stoppedBy"]),
        (&json!(false), &json!("notTransferred"))
    );
    assert!(
        held["copied"].as_u64().unwrap() > 0,
        "the others are copied: {held}"
    );
    assert_eq!(reseller(&world).await, basic());
    press(
        &world,
        "transfer-accounts",
        json!({ "accountIds": [owner] }),
    )
    .await;
    assert_eq!(
        press(&world, "transfer-subscriptions", json!({})).await["switched"],
        true
    );
    // Accounts without subscriptions came along.
    let tenant = Side::of(&world, "tenant").await;
    assert_eq!(tenant.all("accounts", "").await.len(), all.len());
    assert_eq!(world.judge().await["halfMarked"], 0);
}

#[tokio::test]
async fn ordering_can_be_disabled_and_is_seen() {
    let world = plain().await;
    let side = Side::of(&world, "distributor").await;
    for enabled in [false, true] {
        world
            .control("staff/ordering", json!({ "enabled": enabled }))
            .await
            .ok();
        let own = side.get("accounts/10423", &[]).await.ok();
        assert_eq!(own["orderingEnabled"], enabled);
    }
    // Without it no tenant is created.
    let body = json!({ "enabled": false });
    world
        .control("staff/ordering?accountId=10777", body)
        .await
        .ok();
    let refused = world
        .control("screens/create-tenant?accountId=10777", json!({}))
        .await;
    refused.refused(409, "Blocked");
}

#[tokio::test]
async fn one_sign_may_come_before_the_switch() {
    let world = plain().await;
    switch(&world, json!({ "networkReseller": "AtTenant" })).await;
    let early = reseller(&world).await;
    assert_eq!(early, (json!(true), json!("Basic Reseller"), json!(false)));
}

#[tokio::test]
async fn the_two_accounts_of_a_calibration_differ() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let basic = side.get("accounts/10777", &[]).await.ok();
    let tenant = side.get("accounts/10900", &[]).await.ok();
    for field in ["isNetworkReseller", "resellerType"] {
        assert_ne!(basic[field], tenant[field], "{field}");
    }
    assert_eq!(basic["resellingEnabled"], tenant["resellingEnabled"]);
}

#[tokio::test]
async fn pricing_options_of_a_customer_are_those_of_its_account_in_the_tenant() {
    let world = plain().await;
    let side = Side::of(&world, "tenant").await;
    let before = side.all("accounts", "").await;
    assert!(
        before
            .iter()
            .all(|row| row["priceList"].is_null() && row["paymentMethod"].is_null())
    );
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Separate" });
    world.control("reseller-staff/pricing", options).await.ok();
    for (row, before) in side.all("accounts", "").await.iter().zip(before) {
        assert_eq!(row["priceList"], "PL-RETAIL");
        assert_eq!(
            (&row["prorateBillingDate"], &row["separateInvoicesEnabled"]),
            (&json!(1), &json!(true))
        );
        assert_ne!(row["updatedAt"], before["updatedAt"]);
    }
}
