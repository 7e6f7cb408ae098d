//! Every promise, switched: the strong form refuses, the weak form does the harm, and the judge sees
//! it. The capabilities say which form it is.

use serde_json::{Value, json};

use crate::support::{
    ACCOUNT, World, but, create_tenant, customer_item, key, reasons, text, until,
};

/// The figures of the judge that are not as in a clean and complete world.
async fn harm(world: &World) -> Value {
    let judged = world.judge().await;
    let mut wrong = serde_json::Map::new();
    for (figure, count) in judged.as_object().unwrap() {
        let normal = [
            "eligible",
            "copied",
            "activations",
            "marked",
            "periods",
            "periodsAfterActivation",
        ];
        if !normal.contains(&figure.as_str()) && count != 0 {
            wrong.insert(figure.clone(), count.clone());
        }
    }
    Value::Object(wrong)
}

#[tokio::test]
async fn capabilities_tell_each_switch_and_a_restart_keeps_them() {
    let mut world = World::new().await;
    let strong = world.get("/capabilities").await.ok();
    let before = world.look("promises").await;
    let weak = json!({
        "keys": "None", "epochs": "None", "revision": "None", "compares": "None", "orders": "None",
        "offGuard": "None", "tenantAccess": "Shared",
        "operations": { "createTenant": "ManualStep", "copyCustomers": "Unsupported" },
        "replayedRefusals": true, "requestKeyMs": 86_400_000, "lagMs": 7, "marks": "Later",
        "markDelayMs": 60_000, "offsetPaging": true, "nameless": true,
        "screens": "Careless",
    });
    let mut expected = before;
    for (name, value) in weak.as_object().unwrap() {
        if name != "operations" {
            expected[name] = value.clone();
        }
    }
    expected["operations"]["createTenant"] = json!("ManualStep");
    expected["operations"]["copyCustomers"] = json!("Unsupported");
    assert_eq!(world.switch(weak.clone()).await, expected);

    let mut told = strong;
    for name in [
        "keys", "epochs", "revision", "compares", "orders", "offGuard",
    ] {
        assert_ne!(told["promises"][name], "None");
        told["promises"][name] = json!("None");
    }
    told["operations"] = expected["operations"].clone();
    assert_eq!(world.get("/capabilities").await.ok(), told);
    world.restart().await;
    assert_eq!(world.look("promises").await, expected);
    assert_eq!(world.get("/capabilities").await.ok(), told);
}

#[tokio::test]
async fn who_tells_no_identity_says_nothing_instead() {
    let world = World::new().await;
    let told = world.get("/identity").await.ok();
    assert!(told["identity"].is_string(), "{told}");
    world.switch(json!({ "nameless": true })).await;
    assert_eq!(world.get("/identity").await.ok(), json!({}));
    world.switch(json!({ "nameless": false })).await;
    assert_eq!(world.get("/identity").await.ok(), told);
}

#[tokio::test]
async fn a_wrong_or_false_switch_changes_nothing() {
    let world = World::new().await;
    let before = world.look("promises").await;
    for wrong in [
        json!({ "keys": "Perhaps" }),
        json!({ "keys": "None", "orders": null }),
        json!({ "kees": "None" }),
        json!({ "operations": { "identity": "ManualStep" } }),
        json!({ "operations": "ManualStep" }),
        json!({ "lagMs": 5 }),
        json!({ "offsetPaging": true }),
        json!([]),
    ] {
        let answer = world.put("promises", &wrong).await;
        assert_eq!(answer.invalid(), ["body"], "{wrong}");
    }
    assert_eq!(world.look("promises").await, before);
}

#[tokio::test]
async fn findable_keys_are_found_and_refuse_nothing() {
    let world = World::new().await.with_pricing().await;
    let source = world.first_subscription().await;
    let item = world.subscription_item(&source).await;
    let customer = customer_item(&world.customer("20001").await);
    assert_eq!(world.copy_customer(&customer).await["outcome"], "Unchanged");
    world.switch(json!({ "keys": "Findable" })).await;
    for _ in 0..2 {
        assert_eq!(world.copy_subscription(&item).await["outcome"], "Created");
    }
    assert_eq!(world.copy_customer(&customer).await["outcome"], "Created");
    let keys = json!({ "businessKeys": [key(&source), "k/20001"] });
    let found = world
        .post("/tenants/tenant-1/copies/find", &keys)
        .await
        .ok();
    for result in found["results"].as_array().unwrap() {
        assert_eq!(result["copies"].as_array().unwrap().len(), 2, "{result}");
    }
    let judged = world.judge().await;
    assert_eq!(judged["duplicated"], 2);
    // Who names the copy that it saw still means that one.
    let digest = found["results"][0]["copies"][0]["digest"].clone();
    let update = world
        .copy_subscription(&but(&item, "expectedCopy", digest))
        .await;
    assert_eq!(update["outcome"], "Unchanged");
    assert_eq!(world.judge().await, judged);
    // Unique again: the same is refused.
    world.switch(json!({ "keys": "Unique" })).await;
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["DuplicateCopy"]
    );
}

#[tokio::test]
async fn one_key_for_two_sources_is_refused_by_unique_keys_only() {
    let world = World::new().await.with_tenant().await;
    let all = world.customers().await;
    let first = customer_item(&all[0]);
    let same = but(
        &customer_item(&all[1]),
        "businessKey",
        first["businessKey"].clone(),
    );
    assert_eq!(world.copy_customer(&first).await["outcome"], "Created");
    assert_eq!(world.copy_customer(&same).await["outcome"], "Conflict");
    world.switch(json!({ "keys": "Findable" })).await;
    assert_eq!(world.copy_customer(&same).await["outcome"], "Created");
    let keys = json!({ "businessKeys": [first["businessKey"]] });
    let found = world
        .post("/tenants/tenant-1/copies/find", &keys)
        .await
        .ok();
    assert_eq!(found["results"][0]["copies"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn without_keys_nothing_is_stored_found_or_told() {
    let world = World::with(|config| {
        config.switches = config.switches.with_texts(&["keys=None"]).unwrap();
    })
    .await
    .with_customers()
    .await;
    let keys: Vec<String> = world.customers().await.iter().map(key).collect();
    let find = json!({ "businessKeys": keys });
    let found = world
        .post("/tenants/tenant-1/copies/find", &find)
        .await
        .ok();
    for result in found["results"].as_array().unwrap() {
        assert_eq!(result["copies"], json!([]));
    }
    for copy in world.copies("Customers").await {
        assert_eq!(copy.get("businessKey"), None, "{copy}");
    }
    let tenant = world.get(&format!("{ACCOUNT}/tenant")).await.ok();
    assert_eq!(tenant["tenant"].get("businessKey"), None);
    let item = customer_item(&world.customer("20001").await);
    assert_eq!(world.copy_customer(&item).await["outcome"], "Created");
    assert_eq!(world.judge().await["duplicated"], 1);
}

#[tokio::test]
async fn a_weak_creation_knows_its_request_key_only_and_not_for_long() {
    let world = World::with(|config| {
        config.tenant_queue = std::time::Duration::from_secs(3600);
        config.switches = config.switches.with_texts(&["keys=Findable"]).unwrap();
    })
    .await;
    let epoch = json!({ "holder": "tests" });
    world.post(&format!("{ACCOUNT}/epoch"), &epoch).await.ok();
    let ask = async |request_key: &str| {
        let path = format!("{ACCOUNT}/tenant");
        world.write((1, request_key), &path, &create_tenant()).await
    };
    assert_eq!(ask("a").await.status, 202);
    let again = ask("a").await;
    assert_eq!((again.status, &again.body["id"]), (202, &json!("op-1")));
    ask("b").await.refused(409, "Conflict");
    world.switch(json!({ "requestKeyMs": 0 })).await;
    until("the request key is forgotten", async || {
        ask("a").await.status == 409
    })
    .await;
    // Deleted, it is made again under the same key.
    world
        .control("staff/tenant", json!({ "action": "Delete" }))
        .await
        .ok();
    assert_eq!(ask("a").await.status, 202);
    let tenant = world.get(&format!("{ACCOUNT}/tenant")).await.ok();
    assert_eq!(
        (&tenant["tenant"]["id"], &tenant["tenant"]["businessKey"]),
        (&json!("tenant-2"), &json!("k/tenant"))
    );
    assert_eq!(world.look("state").await["tenantsRequested"], 2);
}

#[tokio::test]
async fn without_epochs_an_old_writer_writes() {
    let world = World::new().await.with_tenant().await;
    let epoch = json!({ "holder": "tests" });
    world.post(&format!("{ACCOUNT}/epoch"), &epoch).await.ok();
    let all = world.customers().await;
    let item = |index: usize| [customer_item(&all[index])];
    world
        .copy_customers(1, &item(0))
        .await
        .refused(409, "StaleEpoch");
    world.switch(json!({ "epochs": "None" })).await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &epoch)
        .await
        .refused(501, "Unsupported");
    world.copy_customers(1, &item(0)).await.ok();
    world.copy_customers(99, &item(1)).await.ok();
    let body = json!({ "items": item(2) });
    let bare = world.post("/tenants/tenant-1/customers/copy", &body).await;
    assert_eq!(bare.ok()["results"][0]["outcome"], "Created");
    assert_eq!(world.copies("Customers").await.len(), 3);
    let audit = world.look("audit?operation=copyCustomers").await;
    assert_eq!(audit["entries"][3]["epoch"], Value::Null);
}

#[tokio::test]
async fn without_a_revision_no_page_carries_one() {
    let world = World::new().await.with_customers().await;
    let pages = [
        format!("{ACCOUNT}/customers"),
        format!("{ACCOUNT}/subscriptions"),
        format!("{ACCOUNT}/open-orders"),
        "/tenants/tenant-1/copies?kind=Customers".to_owned(),
    ];
    for (form, carried) in [("Carried", true), ("None", false)] {
        world.switch(json!({ "revision": form })).await;
        for page in &pages {
            let page = world.get(page).await.ok();
            assert_eq!(page.get("inventoryRevision").is_some(), carried);
        }
    }
}

#[tokio::test]
async fn offsets_skip_and_repeat_where_positions_do_not() {
    let world = World::new().await;
    let path = format!("{ACCOUNT}/customers");
    let moved = |away: bool| {
        let to = if away { "10777" } else { "10423" };
        json!({ "customerId": "20001", "billTo": to })
    };
    for (offset, skipped, repeated) in [(false, 0, 0), (true, 1, 1)] {
        world
            .switch(json!({ "revision": "None", "offsetPaging": offset }))
            .await;
        let walk = async |leave_first: bool| {
            world
                .control("staff/bill-to", moved(!leave_first))
                .await
                .ok();
            let first = world.get(&format!("{path}?limit=3")).await.ok();
            world
                .control("staff/bill-to", moved(leave_first))
                .await
                .ok();
            let next = text(&first["nextCursor"]);
            let second = world
                .get(&format!("{path}?limit=3&cursor={next}"))
                .await
                .ok();
            let ids = |page: &Value| -> Vec<String> {
                let items = page["items"].as_array().unwrap();
                items.iter().map(|each| text(&each["id"])).collect()
            };
            let mut seen = ids(&first);
            seen.extend(ids(&second));
            seen
        };
        // Five that are there all the time, whatever the sixth does.
        let steady: Vec<String> = (20002..=20006).map(|id| id.to_string()).collect();
        let seen = walk(true).await;
        let missing = steady.iter().filter(|id| !seen.contains(id)).count();
        assert_eq!(missing, skipped, "{seen:?}");
        let seen = walk(false).await;
        let twice = seen
            .iter()
            .filter(|id| seen.iter().filter(|other| other == id).count() == 2)
            .count();
        assert_eq!(twice, 2 * repeated, "{seen:?}");
        world.control("staff/bill-to", moved(false)).await.ok();
    }
    world.switch(json!({ "offsetPaging": false })).await;
    let stale = world.get(&format!("{path}?cursor=o3")).await;
    assert_eq!(stale.invalid(), ["cursor"]);
}

#[tokio::test]
async fn a_switch_that_compares_nothing_loses_what_was_bought() {
    let world = World::new().await.complete().await;
    let revision = world.revision().await;
    world.control("storefront/buy", json!({})).await.ok();
    world
        .activate_at(revision, "a")
        .await
        .refused(409, "Conflict");
    assert_eq!(world.activate("b").await.blocked(), ["NotCopied"]);
    world.switch(json!({ "compares": "None" })).await;
    let switched = world.activate_at(revision, "a").await.ok();
    assert_eq!(switched["outcome"], "Activated");
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    assert_eq!(
        harm(&world).await,
        json!({ "lost": 1, "missingCharges": 2 })
    );
}

#[tokio::test]
async fn an_expected_revision_may_be_left_out_only_where_nobody_compares() {
    let world = World::new().await.complete().await;
    let bare = json!({ "businessKey": "k/activation" });
    let ask = async || {
        let path = "/tenants/tenant-1/activation";
        world.write((1, "a"), path, &bare).await
    };
    assert_eq!(ask().await.invalid(), ["expectedRevision"]);
    world.switch(json!({ "revision": "None" })).await;
    // Who compares still examines.
    world.control("storefront/buy", json!({})).await.ok();
    assert_eq!(ask().await.blocked(), ["NotCopied"]);
    world
        .switch(json!({ "revision": "Carried", "compares": "None" }))
        .await;
    assert_eq!(ask().await.ok()["outcome"], "Activated");
}

#[tokio::test]
async fn an_order_that_nobody_sees_becomes_a_loss_after_the_switch() {
    let world = World::new().await.complete().await;
    world
        .control("storefront/buy", json!({ "hold": true }))
        .await
        .ok();
    let listed = world.get(&format!("{ACCOUNT}/open-orders")).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let revision = world.revision().await;
    let refused = world.activate_at(revision, "a").await;
    assert_eq!(refused.blocked(), ["OrderNotFinal"]);
    world.switch(json!({ "orders": "None" })).await;
    world
        .get(&format!("{ACCOUNT}/open-orders"))
        .await
        .refused(501, "Unsupported");
    world.activate_at(revision, "a").await.ok();
    world.control("staff/finish-order", json!({})).await.ok();
    assert_eq!(harm(&world).await, json!({ "lost": 1 }));
}

#[tokio::test]
async fn a_copy_after_the_switch_is_a_sale_without_the_guard() {
    let world = World::new().await.complete().await;
    world.control("storefront/buy", json!({})).await.ok();
    let bought = world.eligible().await.into_iter();
    let mut bought = bought.filter(|each| each.get("copy").is_none());
    let item = world.subscription_item(&bought.next().unwrap()).await;
    world.switch(json!({ "compares": "None" })).await;
    world.activate("a").await.ok();
    assert_eq!(
        reasons(&world.copy_subscription(&item).await),
        ["BackOrderingActive"]
    );
    world.switch(json!({ "offGuard": "None" })).await;
    assert_eq!(world.copy_subscription(&item).await["outcome"], "Created");
    assert_eq!(
        harm(&world).await,
        json!({ "sales": 1, "orders": 1, "vendorProvisionings": 1 })
    );
}

#[tokio::test]
async fn a_sale_in_the_reseller_bss_is_no_harm() {
    let world = World::new().await.complete().await;
    world.activate("a").await.ok();
    world.control("reseller-staff/order", json!({})).await.ok();
    assert_eq!(harm(&world).await, json!({}));
}

#[tokio::test]
async fn refusals_are_replayed_until_their_key_is_forgotten() {
    let world = World::new().await.complete().await;
    let revision = world.revision().await;
    let behind = async || world.activate_at(revision - 1, "a").await;
    behind().await.refused(409, "Conflict");
    world
        .switch(json!({ "replayedRefusals": true, "compares": "None" }))
        .await;
    // Nothing was stored before.
    world.switch(json!({ "compares": "Atomic" })).await;
    let first = behind().await.refused(409, "Conflict");
    // It would be done now, were it examined.
    world.switch(json!({ "compares": "None" })).await;
    assert_eq!(behind().await.refused(409, "Conflict"), first);
    assert_eq!(world.judge().await["activations"], 0);
    world.switch(json!({ "requestKeyMs": 0 })).await;
    until("the refusal is forgotten", async || {
        behind().await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_look_up_that_lags_sees_what_is_new_later() {
    let world = World::new().await.with_tenant().await;
    world
        .switch(json!({ "revision": "None", "lagMs": 4_000_000_000_u32 }))
        .await;
    let customer = world.customer("20001").await;
    let item = customer_item(&customer);
    assert_eq!(world.copy_customer(&item).await["outcome"], "Created");
    let keys = json!({ "businessKeys": [item["businessKey"]] });
    let find = async || {
        let answer = world.post("/tenants/tenant-1/copies/find", &keys).await;
        answer.ok()["results"][0]["copies"]
            .as_array()
            .unwrap()
            .len()
    };
    let seen = async || {
        let tenant = world.get(&format!("{ACCOUNT}/tenant")).await.ok();
        let reseller = world.get(ACCOUNT).await.ok();
        (
            tenant.get("tenant").is_some(),
            reseller.get("tenantId").is_some(),
            world.customer("20001").await.get("copy").is_some(),
            world.copies("Customers").await.len(),
            find().await,
        )
    };
    assert_eq!(seen().await, (false, false, false, 0, 0));
    // Unique keys hold all the same.
    assert_eq!(world.copy_customer(&item).await["outcome"], "Unchanged");
    world.switch(json!({ "lagMs": 1 })).await;
    until("everything is seen", async || {
        seen().await == (true, true, true, 1, 1)
    })
    .await;
}

#[tokio::test]
async fn copy_and_mark_in_two_steps() {
    let world = World::new().await.with_tenant().await;
    world.switch(json!({ "marks": "Later" })).await;
    let items: Vec<Value> = world.customers().await.iter().map(customer_item).collect();
    let marked = async |id: &str| world.customer(id).await["marked"] == true;
    assert_eq!(world.copy_customer(&items[0]).await["outcome"], "Created");
    assert!(!marked("20001").await);
    assert_eq!(world.judge().await["halfMarked"], 1);
    assert_eq!(world.copy_customer(&items[0]).await["outcome"], "Created");
    assert!(marked("20001").await);
    assert_eq!(harm(&world).await, json!({ "lost": 12 }));
    // Or by itself, after a while.
    world.switch(json!({ "markDelayMs": 1 })).await;
    world.copy_customer(&items[1]).await;
    until("the mark comes by itself", async || marked("20002").await).await;
    assert_eq!(world.copies("Customers").await.len(), 2);
}

#[tokio::test]
async fn a_switch_is_replayed_under_its_request_key_while_that_is_known() {
    let world = World::new().await.complete().await;
    let revision = world.revision().await;
    let ask = async || world.activate_at(revision, "a").await.ok()["outcome"].clone();
    assert_eq!(ask().await, "Activated");
    assert_eq!(ask().await, "Activated");
    world.switch(json!({ "requestKeyMs": 0 })).await;
    until("the request key is forgotten", async || {
        ask().await == "AlreadyActive"
    })
    .await;
    assert_eq!(world.judge().await["activations"], 1);
}
