//! Locks by actor and channel: who may do what before and after a copy, before and after the
//! switch.

use serde_json::{Value, json};

use crate::support::{World, customer_item, text};

#[tokio::test]
async fn staff_is_locked_out_of_a_copied_account_the_storefront_is_not() {
    let world = World::new().await.with_tenant().await;
    let order = json!({ "customerId": "20001" });
    world.control("staff/order", order.clone()).await.ok();
    let item = customer_item(&world.customer("20001").await);
    assert_eq!(world.copy_customer(&item).await["outcome"], "Created");
    let refusal = world
        .control("staff/order", order.clone())
        .await
        .refused(409, "Blocked");
    assert!(text(&refusal["detail"]).contains("back-ordering record"));
    world
        .control("staff/order", json!({ "customerId": "20002" }))
        .await
        .ok();
    let before = world.subscriptions().await.len();
    world.control("storefront/buy", order.clone()).await.ok();
    assert_eq!(world.subscriptions().await.len(), before + 1);
    let own = world
        .control("reseller-staff/order", order)
        .await
        .refused(409, "Blocked");
    assert!(text(&own["detail"]).contains("not active"));
}

#[tokio::test]
async fn after_the_switch_only_the_reseller_bss_orders_and_it_flows_up() {
    let world = World::new().await.complete().await;
    let id = world.first_subscription().await["id"].clone();
    world.activate("a").await.ok();
    let before = world.look("state").await;
    for (path, body) in [
        ("storefront/buy", json!({})),
        ("storefront/buy", json!({ "customerId": "10423" })),
        ("storefront/cancel", json!({ "sourceId": id })),
        ("storefront/suspend", json!({ "sourceId": id })),
        ("storefront/resume", json!({ "pick": "Suspended" })),
        ("storefront/quantity", json!({ "sourceId": id })),
        ("staff/order", json!({})),
        ("staff/cancel", json!({ "sourceId": id })),
        (
            "staff/redenominate",
            json!({ "sourceId": id, "currency": "USD" }),
        ),
    ] {
        world.control(path, body).await.refused(409, "Blocked");
    }
    assert_eq!(world.look("state").await, before);

    let sale = world.control("reseller-staff/order", json!({})).await.ok();
    let sold = world.subscription(&text(&sale["sourceId"])).await;
    assert_eq!(
        (&sold["marked"], &sold["copy"]["copyId"]),
        (&json!(true), &sale["copyId"])
    );
    world
        .control(
            "reseller-staff/amend",
            json!({ "sourceId": id, "quantity": 3 }),
        )
        .await
        .ok();
    assert_eq!(world.subscription(&text(&id)).await["quantity"], 3);
    world
        .control("reseller-staff/end-copy", json!({ "sourceId": id }))
        .await
        .ok();
    assert_eq!(world.subscription(&text(&id)).await["state"], "Cancelled");
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    let judge = world.judge().await;
    for figure in [
        "doubleCharges",
        "missingCharges",
        "chargesAfterCancellation",
        "differingCharges",
        "orders",
        "vendorProvisionings",
        "lost",
    ] {
        assert_eq!(judge[figure], 0, "{figure}");
    }
}

#[tokio::test]
async fn orders_are_pending_for_a_while_and_then_become_purchases() {
    let world =
        World::with(|config| config.order_time = std::time::Duration::from_millis(150)).await;
    let before = world.subscriptions().await.len();
    let bought = json!({ "product": "VOICE-LINE", "quantity": 4, "addons": ["GEO-BACKUP"] });
    world.control("storefront/buy", bought).await.ok();
    assert_eq!(world.look("state").await["openOrders"], 1);
    crate::support::until("the order is final", async || {
        world.look("state").await["openOrders"] == 0
    })
    .await;
    let now = world.subscriptions().await;
    assert_eq!(now.len(), before + 1);
    let made = now
        .iter()
        .find(|each| each["product"] == "VOICE-LINE" && each["quantity"] == 4);
    assert_eq!(made.unwrap()["addons"], json!(["GEO-BACKUP"]));
    assert_eq!(made.unwrap()["costPrice"], "6.40");
}

#[tokio::test]
async fn a_disabled_account_does_not_order() {
    let world = World::new().await;
    world
        .control("staff/ordering", json!({ "enabled": false }))
        .await
        .ok();
    world
        .control("storefront/buy", json!({}))
        .await
        .refused(409, "Blocked");
    assert_eq!(
        world.get("/resellers/10423").await.ok()["orderingEnabled"],
        false
    );
}

#[tokio::test]
async fn states_change_only_as_they_can() {
    let world = World::new().await;
    let by_state = |all: &[Value], state: &str| {
        all.iter().find(|each| each["state"] == state).unwrap()["id"].clone()
    };
    let all = world.subscriptions().await;
    for (action, state) in [
        ("suspend", "Suspended"),
        ("suspend", "Cancelled"),
        ("resume", "Cancelled"),
        ("resume", "Expired"),
        ("cancel", "Cancelled"),
        ("cancel", "Expired"),
    ] {
        let body = json!({ "sourceId": by_state(&all, state) });
        world
            .control(&format!("storefront/{action}"), body)
            .await
            .refused(409, "Conflict");
    }
    for state in ["Suspended", "Trial", "FutureDated"] {
        let id = by_state(&all, state);
        world
            .control("storefront/resume", json!({ "sourceId": id }))
            .await
            .ok();
        assert_eq!(world.subscription(&text(&id)).await["state"], "Active");
    }
}

#[tokio::test]
async fn the_audit_list_tells_every_effect() {
    let world = World::new().await.complete().await;
    world.activate("a").await.ok();
    let operator = world.look("audit?actor=Operator").await;
    let count = |operation: &str, outcome: &str| {
        let entries = operator["entries"].as_array().unwrap().iter();
        entries
            .filter(|each| each["operation"] == operation && each["outcome"] == outcome)
            .count()
    };
    assert_eq!(count("acquireEpoch", "Issued"), 1);
    assert_eq!(count("createTenant", "Accepted"), 1);
    assert_eq!(count("copyCustomers", "Created"), 6);
    assert_eq!(count("copySubscriptions", "Created"), 12);
    assert_eq!(count("activateBackOrdering", "Activated"), 1);
    assert_eq!(operator["entries"].as_array().unwrap().len(), 21);
    let one = world
        .look("audit?sourceId=20001&operation=copyCustomers")
        .await;
    let entry = &one["entries"][0];
    assert_eq!(
        (&entry["businessKey"], &entry["epoch"]),
        (&json!("k/20001"), &json!(1))
    );
    let page = world.look("audit?limit=5").await;
    assert_eq!(page["entries"].as_array().unwrap().len(), 5);
    let rest = world.look(&format!("audit?after={}", page["next"])).await;
    assert_eq!(
        rest["entries"][0]["id"].as_i64().unwrap(),
        page["next"].as_i64().unwrap() + 1
    );
}
