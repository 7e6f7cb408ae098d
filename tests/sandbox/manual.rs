//! Writes that are a person's: the contract says how they are done, the staff does them on screen,
//! well or badly.

use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, create_tenant, customer_item, text};

/// A world in which every write is one mode.
async fn all(mode: &str) -> World {
    let world = World::new().await;
    let operations = json!({ "createTenant": mode, "copyCustomers": mode, "setPricing": mode,
        "copySubscriptions": mode, "activateBackOrdering": mode });
    world.switch(json!({ "operations": operations })).await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    world
}

/// Every write of the contract, with what its instruction has to name.
async fn writes(world: &World) -> Vec<(String, Value, Vec<String>)> {
    let customer = customer_item(&world.customers().await[0]);
    let source = world.eligible().await[0].clone();
    let subscription = json!({ "sourceId": source["id"], "kind": source["kind"],
        "businessKey": "k", "expectedSource": source["digest"], "pricingDigest": "none" });
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        (
            format!("{ACCOUNT}/tenant"),
            create_tenant(),
            names(&[
                "10423",
                "Create Tenant",
                "PL-RESELLER-EUR",
                "Premium",
                "en-GB",
                "Europe/Athens",
                "dd/MM/yyyy",
                "Combined",
            ]),
        ),
        (
            "/tenants/tenant-1/customers/copy".to_owned(),
            json!({ "items": [customer] }),
            names(&["10423", "tenant-1", "Copy Customers", "20001"]),
        ),
        (
            "/tenants/tenant-1/pricing".to_owned(),
            json!({ "items": [{ "customerId": "20001", "options": options }] }),
            names(&[
                "tenant-1",
                "Pricing Options",
                "PL-RETAIL",
                "Invoice",
                "20001",
            ]),
        ),
        (
            "/tenants/tenant-1/subscriptions/copy".to_owned(),
            json!({ "items": [subscription] }),
            names(&[
                "10423",
                "tenant-1",
                "Copy Subscriptions",
                &text(&source["id"]),
            ]),
        ),
        (
            "/tenants/tenant-1/activation".to_owned(),
            json!({ "businessKey": "k/activation", "expectedRevision": 1 }),
            names(&["10423", "tenant-1", "Activate Back Ordering"]),
        ),
    ]
}

#[tokio::test]
async fn a_manual_step_is_told_exactly_and_changes_nothing() {
    let world = all("ManualStep").await;
    world
        .control("staff/tenant", json!({ "action": "Create" }))
        .await
        .ok();
    let before = world.look("state").await;
    for (path, body, names) in writes(&world).await {
        let refusal = world.write((1, "a"), &path, &body).await;
        let refusal = refusal.refused(501, "ManualStepNeeded");
        let instruction = text(&refusal["instruction"]);
        for name in names {
            assert!(instruction.contains(&name), "{name} in {instruction}");
        }
    }
    assert_eq!(world.look("state").await, before);
}

#[tokio::test]
async fn what_there_is_not_is_unsupported() {
    let world = all("Unsupported").await;
    let before = world.look("state").await;
    for (path, body, _) in writes(&world).await {
        let refusal = world.write((1, "a"), &path, &body).await;
        let refusal = refusal.refused(501, "Unsupported");
        assert_eq!(refusal.get("instruction"), None);
    }
    assert_eq!(world.look("state").await, before);
}

#[tokio::test]
async fn a_long_instruction_is_shortened_and_says_so() {
    let world = World::with(|config| config.customers = 60)
        .await
        .with_tenant()
        .await;
    let operations = json!({ "operations": { "copyCustomers": "ManualStep" } });
    world.switch(operations).await;
    let items: Vec<Value> = world.customers().await.iter().map(customer_item).collect();
    let refusal = world
        .copy_customers(1, &items)
        .await
        .refused(501, "ManualStepNeeded");
    let instruction = text(&refusal["instruction"]);
    assert!(instruction.ends_with("20020 and 40 more."), "{instruction}");
}

/// Everything by hand, from the first button to the last.
async fn by_hand(world: &World) -> Value {
    world
        .control("staff/tenant", json!({ "action": "Create" }))
        .await
        .ok();
    world.control("staff/copy-customers", json!({})).await.ok();
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    world.control("reseller-staff/pricing", options).await.ok();
    world
        .control("staff/copy-subscriptions", json!({}))
        .await
        .ok()
}

#[tokio::test]
async fn people_can_do_the_whole_upgrade_on_screen() {
    let world = all("ManualStep").await;
    let copied = by_hand(&world).await;
    assert_eq!(
        (
            copied["copied"].as_array().unwrap().len(),
            &copied["refused"]
        ),
        (12, &json!([]))
    );
    for copy in world.copies("Subscriptions").await {
        assert_eq!(copy.get("businessKey"), None);
    }
    let switched = world
        .control("staff/activate-back-ordering", json!({}))
        .await
        .ok();
    assert_eq!(switched["outcome"], "Activated");
    let again = world
        .control("staff/activate-back-ordering", json!({}))
        .await
        .ok();
    assert_eq!(again["outcome"], "AlreadyActive");
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    let judged = world.judge().await;
    let expected = json!({ "eligible": 12, "copied": 12, "activations": 1, "marked": 6,
        "periods": 2, "periodsAfterActivation": 2 });
    for (figure, count) in judged.as_object().unwrap() {
        let expected = expected.get(figure).unwrap_or(&json!(0)).clone();
        assert_eq!(count, &expected, "{figure}");
    }
}

#[tokio::test]
async fn guarded_screens_hold_the_same_rules() {
    let world = all("ManualStep").await;
    by_hand(&world).await;
    let copied = world.first_subscription().await["id"].clone();
    let all = world.subscriptions().await;
    let suspended = all
        .iter()
        .find(|each| each["state"] == "Suspended")
        .unwrap();
    let own = all
        .iter()
        .find(|each| each["customerId"] == "10423")
        .unwrap();
    let chosen = json!({ "sourceIds": [copied, suspended["id"], own["id"]] });
    let answer = world.control("staff/copy-subscriptions", chosen).await.ok();
    let refused = json!([
        { "sourceId": copied, "reasons": ["AlreadyCopied"] },
        { "sourceId": suspended["id"], "reasons": ["Suspended"] },
        { "sourceId": own["id"], "reasons": ["NotThisReseller"] },
    ]);
    assert_eq!(answer, json!({ "copied": [], "refused": refused }));
    let chosen = json!({ "customerIds": ["20001", "20007"] });
    let answer = world.control("staff/copy-customers", chosen).await.ok();
    let refused = json!([
        { "sourceId": "20001", "reasons": ["AlreadyCopied"] },
        { "sourceId": "20007", "reasons": ["NotThisReseller"] },
    ]);
    assert_eq!(answer, json!({ "copied": [], "refused": refused }));
    world.control("storefront/buy", json!({})).await.ok();
    let pressed = world
        .control("staff/activate-back-ordering", json!({}))
        .await;
    assert_eq!(pressed.blocked(), ["NotCopied"]);
}

#[tokio::test]
async fn careless_screens_take_anything_twice_and_the_judge_sees_it() {
    let world = all("ManualStep").await;
    by_hand(&world).await;
    world
        .switch(
            json!({ "keys": "None", "compares": "None", "offGuard": "None",
            "screens": "Careless" }),
        )
        .await;
    let all = world.subscriptions().await;
    let of = |state: &str| all.iter().find(|each| each["state"] == state).unwrap()["id"].clone();
    let own = all
        .iter()
        .find(|each| each["customerId"] == "10423")
        .unwrap()["id"]
        .clone();
    let twice = world.first_subscription().await["id"].clone();
    let chosen = json!({ "sourceIds": [twice, of("Suspended"), of("Cancelled"), own] });
    let answer = world.control("staff/copy-subscriptions", chosen).await.ok();
    assert_eq!(answer["copied"].as_array().unwrap().len(), 4, "{answer}");
    // A customer of another reseller.
    let foreign = json!({ "customerIds": ["20007"] });
    world.control("staff/copy-customers", foreign).await.ok();
    world.control("storefront/buy", json!({})).await.ok();
    world
        .control("staff/activate-back-ordering", json!({}))
        .await
        .ok();
    let judged = world.judge().await;
    for (figure, count) in [
        ("duplicated", 1),
        ("orphaned", 2),
        ("foreign", 2),
        ("lost", 1),
        ("sales", 0),
        ("activations", 1),
    ] {
        assert_eq!(judged[figure], count, "{figure}: {judged}");
    }
    // And once more, after the switch.
    let late = json!({ "sourceIds": [twice] });
    world.control("staff/copy-subscriptions", late).await.ok();
    assert_eq!(world.judge().await["sales"], 1);
}

#[tokio::test]
async fn a_part_is_a_part_and_another_tenant_is_another() {
    let world = all("ManualStep").await;
    world
        .control("staff/tenant", json!({ "action": "Create" }))
        .await
        .ok();
    let part = world
        .control("staff/copy-customers", json!({ "limit": 2 }))
        .await
        .ok();
    assert_eq!(part["copied"].as_array().unwrap().len(), 2);
    assert_eq!(world.copies("Customers").await.len(), 2);
    world
        .control(
            "staff/tenant?accountId=10777",
            json!({ "action": "Create" }),
        )
        .await
        .ok();
    let other = json!({ "tenantId": "tenant-2", "customerIds": ["20003"] });
    let answer = world
        .control("staff/copy-customers", other.clone())
        .await
        .ok();
    assert_eq!(answer["refused"][0]["reasons"], json!(["NotThisReseller"]));
    world.switch(json!({ "screens": "Careless" })).await;
    world.control("staff/copy-customers", other).await.ok();
    let judged = world.look("judge?accountId=10777").await;
    assert_eq!(judged["foreign"], 1);
    assert_eq!(
        world.judge().await["halfMarked"],
        1,
        "marked, and no copy here"
    );
}

#[tokio::test]
async fn a_tenant_that_people_began_is_there_to_be_adopted() {
    let world = World::new().await;
    let mut settings = crate::support::settings();
    settings["edition"] = json!("Enterprise");
    let begun = json!({ "settings": settings, "customers": 4 });
    let made = world.control("staff/adoption", begun).await.ok();
    assert_eq!(made["tenantId"], "tenant-1");
    let tenant = world.get(&format!("{ACCOUNT}/tenant")).await.ok()["tenant"].clone();
    assert_eq!(
        (
            &tenant["status"],
            &tenant["settings"],
            tenant.get("businessKey")
        ),
        (&json!("Active"), &settings, None)
    );
    let customers = world.customers().await;
    let copies = world.copies("Customers").await;
    assert_eq!(copies.len(), 4);
    for (index, customer) in customers.iter().enumerate() {
        let done = index < 4;
        assert_eq!(customer["marked"], done, "{customer}");
        assert_eq!(customer.get("copy").is_some(), done, "{customer}");
        if done {
            assert_eq!(copies[index]["sourceId"], customer["id"]);
            assert_eq!(copies[index]["digest"], customer["digest"]);
            assert_eq!(copies[index]["state"], "Live");
            assert_eq!(copies[index].get("businessKey"), None);
        }
    }
    assert_eq!(world.judge().await["halfMarked"], 0);
}

#[tokio::test]
async fn ordering_that_is_disabled_freezes_the_whole_storefront() {
    let world = World::new().await.complete().await;
    let freeze = async |enabled: bool| {
        let body = json!({ "enabled": enabled });
        world.control("staff/ordering", body).await.ok();
    };
    freeze(false).await;
    let revision = world.revision().await;
    let source = world.first_subscription().await["id"].clone();
    for action in ["buy", "cancel", "suspend", "quantity"] {
        let body = match action {
            "buy" => json!({}),
            _ => json!({ "sourceId": source }),
        };
        world
            .control(&format!("storefront/{action}"), body)
            .await
            .refused(409, "Blocked");
    }
    assert_eq!(world.revision().await, revision);
    freeze(true).await;
    let cancel = json!({ "sourceId": source });
    world.control("storefront/cancel", cancel).await.ok();
}
