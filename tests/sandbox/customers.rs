//! Copying customers: copy, contacts and marks as one.

use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, but, customer_item, reasons, text};

#[tokio::test]
async fn a_copy_comes_with_contacts_and_marks() {
    let world = World::new().await.with_tenant().await;
    let order = json!({ "customerId": "20001", "hold": true });
    world.control("storefront/buy", order).await.ok();
    let customer = world.customer("20001").await;
    assert_eq!(customer["marked"], false);
    let result = world.copy_customer(&customer_item(&customer)).await;
    assert_eq!(result, json!({ "sourceId": "20001", "outcome": "Created" }));
    let copied = world.customer("20001").await;
    let link = json!({ "tenantId": "tenant-1", "copyId": "CC-0000001" });
    assert_eq!((&copied["marked"], &copied["copy"]), (&json!(true), &link));
    assert_eq!(
        world.copies("Customers").await,
        [json!({
            "id": "CC-0000001", "businessKey": "k/20001", "sourceId": "20001",
            "sourceDigest": customer["digest"], "digest": customer["digest"], "state": "Live",
        })]
    );
    let state = world.look("state").await;
    assert!(state["customers"]["contacts"].as_i64().unwrap() >= 1);
    assert_eq!(state["customers"]["marked"], 1);
    // The mark is inherited by what comes later: first by the pending order, then by its result.
    let done = world.control("staff/finish-order", json!({})).await.ok();
    let bought = world.subscription(&text(&done["sourceIds"][0])).await;
    assert_eq!(bought["marked"], true);
    let old = world.eligible().await;
    let old = old
        .iter()
        .find(|each| each["customerId"] == "20001" && each["id"] != bought["id"]);
    assert_eq!(
        old.unwrap()["marked"],
        false,
        "the switch marks these, not the copy"
    );
}

#[tokio::test]
async fn a_repeat_is_a_no_op() {
    let world = World::new().await.with_tenant().await;
    let item = customer_item(&world.customer("20001").await);
    world.copy_customer(&item).await;
    let before = world.look("state").await;
    let digest = item["expectedSource"].clone();
    for repeat in [
        item.clone(),
        but(&item, "expectedCopy", digest),
        but(&item, "expectedCopy", "?"),
    ] {
        assert_eq!(world.copy_customer(&repeat).await["outcome"], "Unchanged");
    }
    assert_eq!(world.look("state").await, before);
}

#[tokio::test]
async fn what_was_expected_is_compared() {
    let world = World::new().await.with_tenant().await;
    let item = customer_item(&world.customer("20001").await);
    for wrong in [
        but(&item, "expectedSource", "other"),
        but(&item, "expectedCopy", "something"),
    ] {
        assert_eq!(world.copy_customer(&wrong).await["outcome"], "Conflict");
    }
    assert!(world.copies("Customers").await.is_empty());
    assert_eq!(world.customer("20001").await["marked"], false);
}

#[tokio::test]
async fn one_record_per_key_and_per_source() {
    let world = World::new().await.with_tenant().await;
    let first = customer_item(&world.customer("20001").await);
    let second = customer_item(&world.customer("20002").await);
    assert_eq!(world.copy_customer(&first).await["outcome"], "Created");
    let same_key = but(&second, "businessKey", first["businessKey"].clone());
    assert_eq!(world.copy_customer(&same_key).await["outcome"], "Conflict");
    let same_source = but(&first, "businessKey", "k/again");
    assert_eq!(
        world.copy_customer(&same_source).await["outcome"],
        "Conflict"
    );
    assert_eq!(world.copies("Customers").await.len(), 1);
}

#[tokio::test]
async fn within_one_batch_a_key_is_used_once() {
    let world = World::new().await.with_tenant().await;
    let first = customer_item(&world.customer("20001").await);
    let second = customer_item(&world.customer("20002").await);
    let second = but(&second, "businessKey", first["businessKey"].clone());
    let results = world.copy_customers(1, &[first, second]).await.ok();
    assert_eq!(results["results"][0]["outcome"], "Created");
    assert_eq!(results["results"][1]["outcome"], "Conflict");
}

#[tokio::test]
async fn only_customers_of_this_reseller() {
    let world = World::new().await.with_tenant().await;
    let decoy = world.list("/resellers/10777/customers").await[0].clone();
    assert_eq!(decoy["billTo"], "10777");
    for (source, digest) in [
        (decoy["id"].clone(), decoy["digest"].clone()),
        (json!("10423"), json!("d")),
        (json!("1"), json!("d")),
    ] {
        let item = json!({ "sourceId": source, "businessKey": "k", "expectedSource": digest });
        let result = world.copy_customer(&item).await;
        assert_eq!(
            (&result["outcome"], &result["class"]),
            (&json!("Failed"), &json!("NotFound"))
        );
    }
    assert!(world.copies("Customers").await.is_empty());
    assert!(
        world
            .customers()
            .await
            .iter()
            .all(|each| each["billTo"] == "10423")
    );
    let own = world.list("/resellers/10777/customers").await;
    assert!(own.iter().all(|each| each["marked"] == false));
}

#[tokio::test]
async fn half_done_pairs_are_repeated() {
    let world = World::new().await.with_customers().await;
    let contacts = world.look("state").await["customers"]["contacts"].clone();
    let customer = world.customer("20001").await;
    world
        .control(
            "plant",
            json!({ "IncompleteCustomer": { "customerId": "20001" } }),
        )
        .await
        .ok();
    assert_eq!(world.copy_of("20001").await["state"], "Incomplete");
    assert_ne!(world.look("state").await["customers"]["contacts"], contacts);
    let repeat = but(
        &customer_item(&customer),
        "expectedCopy",
        customer["digest"].clone(),
    );
    assert_eq!(world.copy_customer(&repeat).await["outcome"], "Created");
    assert_eq!(world.copy_of("20001").await["state"], "Live");
    assert_eq!(world.look("state").await["customers"]["contacts"], contacts);

    world
        .control(
            "plant",
            json!({ "UnmarkedCustomer": { "customerId": "20002" } }),
        )
        .await
        .ok();
    let customer = world.customer("20002").await;
    assert_eq!(customer["marked"], false);
    let repeat = but(
        &customer_item(&customer),
        "expectedCopy",
        customer["digest"].clone(),
    );
    assert_eq!(
        world
            .copy_customer(&but(&repeat, "expectedCopy", "?"))
            .await["outcome"],
        "Conflict"
    );
    assert_eq!(world.copy_customer(&repeat).await["outcome"], "Created");
    assert_eq!(world.customer("20002").await["marked"], true);
    assert_eq!(world.copies("Customers").await.len(), 6);
}

#[tokio::test]
async fn a_customer_that_moved_away_is_orphaned() {
    let world = World::new().await.with_customers().await;
    let customer = world.customer("20001").await;
    let moved = json!({ "customerId": "20001", "billTo": "10777" });
    world.control("staff/bill-to", moved).await.ok();
    assert_eq!(
        reasons(&world.copy_customer(&customer_item(&customer)).await),
        ["OrphanedCopy"]
    );
    assert_eq!(world.customers().await.len(), 5);
    assert_eq!(
        world.copy_of("20001").await["state"],
        "Live",
        "nothing was destroyed"
    );
}

#[tokio::test]
async fn two_copies_of_a_customer_are_a_duplicate_until_one_is_ended() {
    let world = World::new().await.with_customers().await;
    let item = customer_item(&world.customer("20001").await);
    let second = world
        .control("plant", json!({ "DuplicateCopy": { "sourceId": "20001" } }))
        .await
        .ok();
    assert_eq!(
        reasons(&world.copy_customer(&item).await),
        ["DuplicateCopy"]
    );
    world
        .control(
            "reseller-staff/end-copy",
            json!({ "copyId": second["copyId"] }),
        )
        .await
        .ok();
    assert_eq!(world.copy_customer(&item).await["outcome"], "Unchanged");
}

#[tokio::test]
async fn find_shows_every_record_under_a_key() {
    let world = World::new().await.with_customers().await;
    let plant = json!({ "DuplicateCopy": { "sourceId": "20001", "businessKey": "k/20001" } });
    world.control("plant", plant).await.ok();
    let body = json!({ "businessKeys": ["k/20001", "k/20002", "k/none"] });
    let found = world
        .post("/tenants/tenant-1/copies/find", &body)
        .await
        .ok();
    let counts: Vec<_> = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| {
            (
                text(&each["businessKey"]),
                each["copies"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("k/20001".to_owned(), 2),
            ("k/20002".to_owned(), 1),
            ("k/none".to_owned(), 0)
        ]
    );
    assert_eq!(
        found["results"][1]["copies"][0],
        world.copy_of("20002").await
    );
}

#[tokio::test]
async fn nothing_is_copied_while_the_tenant_is_suspended() {
    let world = World::new().await.with_tenant().await;
    let item = customer_item(&world.customer("20001").await);
    world
        .control("staff/tenant", json!({ "action": "Suspend" }))
        .await
        .ok();
    assert_eq!(
        reasons(&world.copy_customer(&item).await),
        ["TenantSuspended"]
    );
    assert_eq!(world.customer("20001").await["marked"], false);
    world
        .control("staff/tenant", json!({ "action": "Resume" }))
        .await
        .ok();
    assert_eq!(world.copy_customer(&item).await["outcome"], "Created");
}

#[tokio::test]
async fn nothing_is_copied_into_a_queued_tenant() {
    let world = World::with(|config| config.tenant_queue = std::time::Duration::from_mins(1)).await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    let body = crate::support::create_tenant();
    world
        .write((1, "a"), &format!("{ACCOUNT}/tenant"), &body)
        .await
        .ok();
    let item = customer_item(&world.customer("20001").await);
    assert_eq!(
        reasons(&world.copy_customer(&item).await),
        ["TenantSuspended"]
    );
}

#[tokio::test]
async fn twenty_equal_requests_at_once_make_one_copy_each() {
    let world = World::new().await.with_tenant().await;
    let items: Vec<Value> = world.customers().await.iter().map(customer_item).collect();
    let answers = (0..20).map(|_| world.copy_customers(1, &items));
    let mut created = 0;
    for answer in futures::future::join_all(answers).await {
        for result in answer.ok()["results"].as_array().unwrap() {
            match result["outcome"].as_str() {
                Some("Created") => created += 1,
                Some("Unchanged") => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(created, 6);
    assert_eq!(world.copies("Customers").await.len(), 6);
}

#[tokio::test]
async fn pricing_is_written_only_where_none_is() {
    let world = World::new().await.with_customers().await;
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "anchor": "LastDayOfMonth" },
        "paymentMethod": "Invoice", "invoicing": "Separate", "creditLimit": "5000.00" });
    let set = async |customer: &str, options: &Value| {
        let body = json!({ "items": [{ "customerId": customer, "options": options }] });
        let answer = world
            .write((1, "x"), "/tenants/tenant-1/pricing", &body)
            .await
            .ok();
        answer["results"][0].clone()
    };
    let look = async |customer: &str| {
        let body = json!({ "customerIds": [customer] });
        world
            .post("/tenants/tenant-1/pricing/lookup", &body)
            .await
            .ok()["results"][0]
            .clone()
    };
    let state = look("20001").await;
    assert_eq!(
        state["missing"],
        json!(["priceList", "billing", "paymentMethod", "invoicing"])
    );
    assert!(state.get("digest").is_none() && state["displayName"].is_string());
    let before = world.revision().await;
    let written = json!({ "customerId": "20001", "outcome": "Written" });
    assert_eq!(set("20001", &options).await, written);
    assert_eq!(set("20001", &options).await["outcome"], "Unchanged");
    let digest = look("20001").await["digest"].clone();
    assert!(digest.is_string());
    let other = but(
        &but(&options, "creditLimit", "9"),
        "priceList",
        "PL-WHOLESALE",
    );
    let differs = set("20001", &other).await;
    assert_eq!(differs["outcome"], "Differs");
    assert_eq!(differs["fields"], json!(["priceList", "creditLimit"]));
    assert_eq!(look("20001").await["digest"], digest, "it stands");
    assert_eq!(
        world.revision().await,
        before,
        "pricing is no part of the inventory"
    );

    let partly = json!({ "customerIds": ["20002"], "priceList": "PL-RETAIL" });
    world.control("reseller-staff/pricing", partly).await.ok();
    assert_eq!(
        look("20002").await["missing"],
        json!(["billing", "paymentMethod", "invoicing"])
    );
    assert_eq!(set("20002", &options).await["outcome"], "Differs");

    let wrong = json!({ "priceList": "PL-NONE", "billing": { "day": 1, "anchor": "LastDayOfMonth" },
        "paymentMethod": "Gold", "invoicing": "Combined" });
    let failed = set("20003", &wrong).await;
    assert_eq!(
        (&failed["outcome"], &failed["class"]),
        (&json!("Failed"), &json!("Invalid"))
    );
    assert_eq!(
        failed["fields"],
        json!(["priceList", "billing", "paymentMethod"])
    );
    let unknown = set("99999", &options).await;
    assert_eq!(
        (&unknown["class"], &unknown["fields"]),
        (&json!("NotFound"), &json!(["copy"]))
    );
    assert_eq!(look("99999").await["missing"][0], "copy");
    let money = json!({ "items": [{ "customerId": "20004",
        "options": but(&options, "creditLimit", "1,5") }] });
    let answer = world
        .write((1, "x"), "/tenants/tenant-1/pricing", &money)
        .await;
    assert_eq!(answer.invalid(), ["items[0].options.creditLimit"]);
}
