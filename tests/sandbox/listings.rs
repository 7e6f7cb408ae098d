//! Listings: keyset paging over moving data, and the revision.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, but, customer_item, text};

#[tokio::test]
async fn pages_are_ordered_bounded_and_complete() {
    let world = World::new().await.complete().await;
    for path in [
        format!("{ACCOUNT}/customers"),
        format!("{ACCOUNT}/subscriptions"),
        "/tenants/tenant-1/copies?kind=Customers".to_owned(),
        "/tenants/tenant-1/copies?kind=Subscriptions".to_owned(),
    ] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let whole = world.list(&path).await;
        let by_one = world.list(&format!("{path}{sign}limit=1")).await;
        let by_five = world.list(&format!("{path}{sign}limit=5")).await;
        assert_eq!(whole, by_one);
        assert_eq!(whole, by_five);
        let ids: Vec<String> = whole
            .iter()
            .map(|each| text(each.get("sourceId").unwrap_or(&each["id"])))
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
        let exact = format!("{path}{sign}limit={}", whole.len());
        assert!(world.get(&exact).await.ok().get("nextCursor").is_none());
    }
}

#[tokio::test]
async fn an_item_that_stays_is_listed_exactly_once_while_others_come_and_go() {
    let world = World::with(|config| config.subscriptions = 40)
        .await
        .with_customers()
        .await;
    let stable: Vec<String> = world
        .subscriptions()
        .await
        .iter()
        .map(|each| text(&each["id"]))
        .collect();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("{ACCOUNT}/subscriptions?limit=3{cursor}");
        let page = world.get(&path).await.ok();
        for item in page["items"].as_array().unwrap() {
            *seen.entry(text(&item["id"])).or_default() += 1;
        }
        // New ids are scattered over the order: before, behind and within what is being listed.
        world
            .control("staff/order", json!({ "customerId": "10423" }))
            .await
            .ok();
        world
            .control("storefront/buy", json!({ "customerId": "20002" }))
            .await
            .ok();
        let change = json!({ "pick": "Uncopied" });
        world.control("storefront/quantity", change).await.ok();
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    for id in &stable {
        assert_eq!(seen.get(id), Some(&1), "{id}");
    }
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test]
async fn copies_come_and_go_without_disturbing_the_listing_of_copies() {
    let world = World::with(|config| config.subscriptions = 30)
        .await
        .with_pricing()
        .await;
    let items = world.subscription_items().await;
    world.copy_subscriptions(1, &items[10..]).await.ok();
    let stable: Vec<String> = world
        .copies("Subscriptions")
        .await
        .iter()
        .map(|each| text(&each["id"]))
        .collect();
    let mut late = items[..10].iter();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/tenants/tenant-1/copies?kind=Subscriptions&limit=3{cursor}");
        let page = world.get(&path).await.ok();
        for item in page["items"].as_array().unwrap() {
            *seen.entry(text(&item["id"])).or_default() += 1;
        }
        if let Some(item) = late.next() {
            assert_eq!(world.copy_subscription(item).await["outcome"], "Created");
        }
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    for id in &stable {
        assert_eq!(seen.get(id), Some(&1), "{id}");
    }
}

#[tokio::test]
async fn two_copies_of_one_source_are_both_listed_across_a_page_border() {
    let world = World::new().await.with_customers().await;
    world
        .control("plant", json!({ "DuplicateCopy": { "sourceId": "20003" } }))
        .await
        .ok();
    let listed = world
        .list("/tenants/tenant-1/copies?kind=Customers&limit=1")
        .await;
    assert_eq!(listed.len(), 7);
    let twice = listed
        .iter()
        .filter(|each| each["sourceId"] == "20003")
        .count();
    assert_eq!(twice, 2);
}

#[tokio::test]
async fn open_orders_are_listed_until_they_are_final() {
    let world = World::new().await;
    let path = format!("{ACCOUNT}/open-orders");
    assert!(world.list(&path).await.is_empty());
    let held = json!({ "customerId": "20002", "hold": true });
    let first = world.control("storefront/buy", held.clone()).await.ok();
    let second = world.control("storefront/buy", held).await.ok();
    let open = world.list(&format!("{path}?limit=1")).await;
    assert_eq!(open.len(), 2);
    assert_eq!(
        (&open[0]["id"], &open[0]["customerId"]),
        (&first["orderId"], &json!("20002"))
    );
    let finished = json!({ "orderId": first["orderId"] });
    let made = world.control("staff/finish-order", finished).await.ok();
    let bought = world.subscription(&text(&made["sourceIds"][0])).await;
    assert_eq!(bought["state"], "Active");
    let cancelled = json!({ "orderId": second["orderId"] });
    let before = world.subscriptions().await.len();
    world.control("staff/cancel-order", cancelled).await.ok();
    assert!(world.list(&path).await.is_empty());
    assert_eq!(world.subscriptions().await.len(), before);
}

#[tokio::test]
async fn every_listing_carries_one_and_the_same_revision_while_nothing_moves() {
    let world = World::new().await.complete().await;
    let revision = world.revision().await;
    for path in [
        format!("{ACCOUNT}/customers?limit=2"),
        format!("{ACCOUNT}/subscriptions?limit=2"),
        format!("{ACCOUNT}/open-orders"),
        "/tenants/tenant-1/copies?kind=Customers".to_owned(),
        "/tenants/tenant-1/copies?kind=Subscriptions".to_owned(),
    ] {
        assert_eq!(world.get(&path).await.ok()["inventoryRevision"], revision);
    }
    assert_eq!(world.revision().await, revision, "reading changes nothing");
}

#[tokio::test]
async fn each_change_of_the_inventory_raises_the_revision() {
    let world = World::new().await.complete().await;
    let first = world.first_subscription().await;
    let id = first["id"].clone();
    let customer = first["customerId"].clone();
    let changes: Vec<(&str, Value)> = vec![
        ("storefront/buy", json!({ "hold": true })),
        ("staff/finish-order", json!({})),
        ("storefront/buy", json!({ "hold": true })),
        ("staff/cancel-order", json!({})),
        ("storefront/quantity", json!({ "sourceId": id })),
        ("storefront/suspend", json!({ "sourceId": id })),
        ("storefront/resume", json!({ "sourceId": id })),
        (
            "staff/redenominate",
            json!({ "sourceId": id, "currency": "USD" }),
        ),
        (
            "staff/sync",
            json!({ "customerId": customer, "state": "NotSynced" }),
        ),
        (
            "staff/sync",
            json!({ "customerId": customer, "state": "Synced" }),
        ),
        (
            "reseller-staff/amend",
            json!({ "sourceId": id, "quantity": 77 }),
        ),
        (
            "plant",
            json!({ "UnmarkedCustomer": { "customerId": customer } }),
        ),
        (
            "plant",
            json!({ "IncompleteCustomer": { "customerId": customer } }),
        ),
        ("plant", json!({ "DuplicateCopy": { "sourceId": id } })),
        ("reseller-staff/end-copy", json!({ "sourceId": id })),
        ("plant", json!({ "LostCopy": { "sourceId": id } })),
        (
            "staff/bill-to",
            json!({ "customerId": "20006", "billTo": "10777" }),
        ),
        (
            "staff/bill-to",
            json!({ "customerId": "20006", "billTo": "10423" }),
        ),
        ("staff/cancel", json!({ "sourceId": id })),
        ("staff/tenant", json!({ "action": "Replace" })),
    ];
    for (path, body) in changes {
        let before = world.revision().await;
        world.control(path, body.clone()).await.ok();
        assert!(world.revision().await > before, "{path} {body}");
    }
}

#[tokio::test]
async fn nothing_else_raises_the_revision() {
    let world = World::new().await.complete().await;
    let first = world.first_subscription().await;
    let id = first["id"].clone();
    let before = world.revision().await;
    for (path, body) in [
        (
            "reseller-staff/amend",
            json!({ "sourceId": id, "sellPrice": 1 }),
        ),
        (
            "reseller-staff/pricing",
            json!({ "priceList": "PL-WHOLESALE" }),
        ),
        ("reseller-staff/remove-pricing", json!({})),
        ("staff/ordering", json!({ "enabled": false })),
        (
            "staff/extend-price-list",
            json!({ "addons": ["X"], "updateTenant": true }),
        ),
        ("staff/tenant", json!({ "action": "Suspend" })),
        ("staff/tenant", json!({ "action": "Resume" })),
        ("run-billing-cycles", json!({ "count": 1 })),
        // The inventory of another reseller.
        (
            "storefront/cancel?accountId=10777",
            json!({ "pick": "Uncopied" }),
        ),
    ] {
        world.control(path, body.clone()).await.ok();
        assert_eq!(world.revision().await, before, "{path} {body}");
    }
    // Repeats, refusals, epochs.
    let customer = world.customers().await[0].clone();
    assert_eq!(
        world.copy_customer(&customer_item(&customer)).await["outcome"],
        "Unchanged"
    );
    let wrong = but(&customer_item(&customer), "expectedSource", "other");
    assert_eq!(world.copy_customer(&wrong).await["outcome"], "Conflict");
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    world.set_faults(json!([])).await.ok();
    assert_eq!(world.revision().await, before);
}
