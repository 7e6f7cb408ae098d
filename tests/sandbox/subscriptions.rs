//! Copying subscriptions and assets: record only, each item checked once more.

use serde_json::{Value, json};

use crate::support::{World, but, reasons, text};

#[tokio::test]
async fn everything_eligible_is_copied_one_to_one_without_a_side_effect() {
    let world = World::new().await.complete().await;
    let eligible = world.eligible().await;
    assert_eq!(eligible.len(), 12);
    let copies = world.copies("Subscriptions").await;
    assert_eq!(copies.len(), 12);
    for source in &eligible {
        let copy = copies
            .iter()
            .find(|copy| copy["sourceId"] == source["id"])
            .unwrap();
        assert_eq!(
            (&copy["digest"], &copy["sourceDigest"], &copy["state"]),
            (&source["digest"], &source["digest"], &json!("Live"))
        );
        assert_eq!(
            source["copy"],
            json!({ "tenantId": "tenant-1", "copyId": copy["id"] })
        );
        assert_eq!(
            source["marked"], false,
            "subscriptions are marked by the switch"
        );
    }
    let judge = world.judge().await;
    for (figure, expected) in [
        ("eligible", 12),
        ("copied", 12),
        ("lost", 0),
        ("duplicated", 0),
        ("vendorProvisionings", 0),
        ("orders", 0),
        ("mails", 0),
        ("activations", 0),
        ("marked", 6),
    ] {
        assert_eq!(judge[figure], expected, "{figure}");
    }
    for item in world.subscription_items().await {
        assert_eq!(world.copy_subscription(&item).await["outcome"], "Unchanged");
    }
}

#[tokio::test]
async fn only_active_sources_of_customers() {
    let world = World::new().await.with_pricing().await;
    let mut states = std::collections::BTreeSet::new();
    for source in world.subscriptions().await {
        let own = source["customerId"] == "10423";
        if source["state"] == "Active" && !own {
            continue;
        }
        states.insert(text(&source["state"]));
        let result = world
            .copy_subscription(&world.subscription_item(&source).await)
            .await;
        if own {
            assert_eq!(
                (&result["outcome"], &result["class"]),
                (&json!("Failed"), &json!("Forbidden"))
            );
        } else {
            assert_eq!(result["outcome"], "Conflict", "{source}");
        }
    }
    let seeded = [
        "Active",
        "Cancelled",
        "Expired",
        "FutureDated",
        "Suspended",
        "Trial",
    ];
    assert_eq!(
        states.iter().map(String::as_str).collect::<Vec<_>>(),
        seeded
    );
    let decoy = world.list("/resellers/10777/subscriptions").await[0].clone();
    let result = world
        .copy_subscription(&world.subscription_item(&decoy).await)
        .await;
    assert_eq!(
        (&result["outcome"], &result["class"]),
        (&json!("Failed"), &json!("NotFound"))
    );
    let first = world
        .subscription_item(&world.first_subscription().await)
        .await;
    let result = world.copy_subscription(&but(&first, "kind", "Asset")).await;
    assert_eq!(
        (&result["outcome"], &result["class"]),
        (&json!("Failed"), &json!("Invalid"))
    );
    assert!(world.copies("Subscriptions").await.is_empty());
}

#[tokio::test]
async fn all_reasons_are_told_at_once() {
    let world = World::new().await.with_tenant().await;
    let bought = json!({ "customerId": "20001", "product": "OFFICE-PRO", "billingCycle": "Weekly",
        "addons": ["NO-SUCH", "NEITHER"] });
    let made = world.control("staff/order", bought).await.ok();
    let id = text(&made["sourceId"]);
    let wrong = json!({ "sourceId": id, "currency": "USD" });
    world.control("staff/redenominate", wrong).await.ok();
    let unsynced = json!({ "customerId": "20001", "state": "NotSynced" });
    world.control("staff/sync", unsynced).await.ok();
    let item = world
        .subscription_item(&world.subscription(&id).await)
        .await;
    let result = world.copy_subscription(&item).await;
    assert_eq!(
        reasons(&result),
        [
            "CurrencyMismatch",
            "BillingCycleMissing",
            "AddonMissing",
            "AddonMissing",
            "AccountNotSynced",
            "PricingIncomplete",
            "CustomerNotCopied",
        ]
    );
    assert_eq!(result["reasons"][0]["detail"], "USD instead of EUR");
    assert_eq!(result["reasons"][3]["detail"], "NEITHER");
    assert!(world.copies("Subscriptions").await.is_empty());
}

#[tokio::test]
async fn the_pricing_that_was_checked_is_compared() {
    let world = World::new().await.with_pricing().await;
    let source = world.first_subscription().await;
    let customer = source["customerId"].clone();
    let item = world.subscription_item(&source).await;
    let changed = json!({ "customerIds": [customer], "priceList": "PL-WHOLESALE",
        "billing": { "day": 9 }, "paymentMethod": "Invoice", "invoicing": "Combined" });
    world.control("reseller-staff/pricing", changed).await.ok();
    assert_eq!(world.copy_subscription(&item).await["outcome"], "Conflict");
    let removed = json!({ "customerIds": [customer] });
    world
        .control("reseller-staff/remove-pricing", removed)
        .await
        .ok();
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["PricingIncomplete"]
    );
    let limited = json!({ "customerIds": [customer], "priceList": "PL-LIMITED",
        "billing": { "day": 9 }, "paymentMethod": "Invoice", "invoicing": "Combined" });
    world.control("reseller-staff/pricing", limited).await.ok();
    let made = json!({ "customerId": customer, "product": "CLOUD-VM-S" });
    let bought = world.control("storefront/buy", made).await.ok();
    assert!(bought["orderId"].is_string());
    let cloud = world.eligible().await;
    let cloud = cloud
        .iter()
        .find(|each| each["customerId"] == customer && each["product"] == "CLOUD-VM-S")
        .unwrap();
    let result = world
        .copy_subscription(&world.subscription_item(cloud).await)
        .await;
    assert_eq!(reasons(&result), ["PricingIncomplete"]);
    assert!(world.copies("Subscriptions").await.is_empty());
}

async fn set_quantity(world: &World, id: &str, quantity: u32) -> Value {
    let change = json!({ "sourceId": id, "quantity": quantity });
    world.control("storefront/quantity", change).await.ok();
    world.subscription(id).await
}

#[tokio::test]
async fn quantity_one_two_one_is_three_honest_steps() {
    let world = World::new().await.with_pricing().await;
    let id = text(&world.first_subscription().await["id"]);
    let one = set_quantity(&world, &id, 1).await;
    let item_one = world.subscription_item(&one).await;
    assert_eq!(
        world.copy_subscription(&item_one).await["outcome"],
        "Created"
    );
    world
        .control(
            "reseller-staff/amend",
            json!({ "sourceId": id, "sellPrice": 7777 }),
        )
        .await
        .ok();

    let two = set_quantity(&world, &id, 2).await;
    assert_ne!(two["digest"], one["digest"]);
    let item_two = world.subscription_item(&two).await;
    assert_eq!(
        world.copy_subscription(&item_two).await["outcome"],
        "Conflict",
        "a copy is there"
    );
    let update = but(&item_two, "expectedCopy", one["digest"].clone());
    assert_eq!(world.copy_subscription(&update).await["outcome"], "Updated");
    assert_eq!(world.copy_of(&id).await["digest"], two["digest"]);

    let back = set_quantity(&world, &id, 1).await;
    assert_eq!(back["digest"], one["digest"]);
    assert_eq!(
        world.copy_subscription(&update).await["outcome"],
        "Conflict",
        "it came late"
    );
    let downdate = but(&item_one, "expectedCopy", two["digest"].clone());
    assert_eq!(
        world.copy_subscription(&downdate).await["outcome"],
        "Updated"
    );
    assert_eq!(
        world.copy_subscription(&downdate).await["outcome"],
        "Unchanged"
    );
    assert_eq!(world.copies("Subscriptions").await.len(), 1);
}

#[tokio::test]
async fn an_amended_copy_is_never_overwritten() {
    let world = World::new().await.complete().await;
    let source = world.first_subscription().await;
    let id = text(&source["id"]);
    world
        .control(
            "reseller-staff/amend",
            json!({ "sourceId": id, "quantity": 99 }),
        )
        .await
        .ok();
    let amended = world.copy_of(&id).await;
    assert_eq!(amended["sourceDigest"], source["digest"]);
    assert_ne!(amended["digest"], source["digest"]);
    let item = world.subscription_item(&source).await;
    let blocked = but(&item, "expectedCopy", amended["digest"].clone());
    assert_eq!(
        reasons(&world.copy_subscription(&blocked).await),
        ["SourceChanged"]
    );
    let stale = but(&item, "expectedCopy", source["digest"].clone());
    assert_eq!(world.copy_subscription(&stale).await["outcome"], "Conflict");
    assert_eq!(world.copy_subscription(&item).await["outcome"], "Conflict");
    assert_eq!(world.copy_of(&id).await, amended);
}

#[tokio::test]
async fn orphans_and_duplicates_are_for_people() {
    let world = World::new().await.complete().await;
    let source = world.first_subscription().await;
    let id = text(&source["id"]);
    let item = world.subscription_item(&source).await;
    world
        .control("plant", json!({ "DuplicateCopy": { "sourceId": id } }))
        .await
        .ok();
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["DuplicateCopy"]
    );

    let cancelled = world
        .control("storefront/cancel", json!({ "pick": "Copied" }))
        .await
        .ok();
    let id = text(&cancelled["sourceId"]);
    let item = world
        .subscription_item(&world.subscription(&id).await)
        .await;
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["OrphanedCopy"]
    );
    world
        .control("reseller-staff/end-copy", json!({ "sourceId": id }))
        .await
        .ok();
    assert_eq!(world.subscription(&id).await["state"], "Cancelled");
}

#[tokio::test]
async fn an_ended_copy_still_counts_and_is_left_alone() {
    let world = World::new().await.complete().await;
    let source = world.first_subscription().await;
    let id = text(&source["id"]);
    world
        .control("reseller-staff/end-copy", json!({ "sourceId": id }))
        .await
        .ok();
    let ended = world.copy_of(&id).await;
    assert_eq!(ended["state"], "Ended");
    let item = world.subscription_item(&source).await;
    assert_eq!(world.copy_subscription(&item).await["outcome"], "Unchanged");
    let changed = set_quantity(&world, &id, 55).await;
    let item = but(
        &world.subscription_item(&changed).await,
        "expectedCopy",
        source["digest"].clone(),
    );
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["SourceChanged"]
    );
    assert_eq!(world.copy_of(&id).await, ended);
    assert_eq!(
        world.subscription(&id).await["state"],
        "Active",
        "back ordering is off"
    );
}

#[tokio::test]
async fn each_item_of_a_batch_is_decided_for_itself() {
    let world = World::new().await.with_pricing().await;
    let mut items = world.subscription_items().await;
    items[1] = but(&items[1], "expectedSource", "other");
    items[2] = but(&items[2], "businessKey", items[0]["businessKey"].clone());
    let results = world.copy_subscriptions(1, &items).await.ok();
    let outcomes: Vec<_> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| text(&each["outcome"]))
        .collect();
    assert_eq!(
        outcomes[..4],
        ["Created", "Conflict", "Conflict", "Created"]
    );
    assert_eq!(world.copies("Subscriptions").await.len(), 10);
}
