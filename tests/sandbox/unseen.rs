//! What a BSS does not show or cannot tell, and the button that copies and switches in one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, but, read, text};

/// Everything by hand, and the last button does two things.
async fn one_button() -> World {
    let world = World::new().await;
    let operations = json!({
        "createTenant": "ManualStep", "copyCustomers": "ManualStep", "setPricing": "ManualStep",
        "copySubscriptions": "WithSwitch", "activateBackOrdering": "ManualStep",
    });
    world.switch(json!({ "operations": operations })).await;
    world
        .control("staff/tenant", json!({ "action": "Create" }))
        .await
        .ok();
    world.control("staff/copy-customers", json!({})).await.ok();
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    world.control("reseller-staff/pricing", options).await.ok();
    world
}

async fn press(world: &World, body: Value) -> Value {
    world.control("staff/copy-and-switch", body).await.ok()
}

async fn state_of(world: &World) -> Value {
    let state = world.get(ACCOUNT).await.ok();
    state["backOrdering"].clone()
}

#[tokio::test]
async fn one_button_copies_and_switches() {
    let world = one_button().await;
    let told = world.get("/capabilities").await.ok();
    assert_eq!(told["operations"]["copySubscriptions"], "WithSwitch");
    for path in ["subscriptions/copy", "activation"] {
        let asked = world
            .write((1, "a"), &format!("/tenants/tenant-1/{path}"), &json!({}))
            .await;
        let refused = asked.refused(501, "ManualStepNeeded");
        let instruction = text(&refused["instruction"]);
        assert!(
            instruction.contains("button Copy and Activate"),
            "{instruction}"
        );
        assert!(instruction.contains("cannot be undone"), "{instruction}");
    }
    let done = press(&world, json!({})).await;
    assert_eq!(done["copied"].as_array().unwrap().len(), 12);
    assert_eq!(
        (&done["outcome"], state_of(&world).await),
        (&json!("Activated"), json!("On"))
    );
    // Once more: nothing happens.
    let again = press(&world, json!({})).await;
    assert_eq!(
        (&again["copied"], &again["outcome"]),
        (&json!([]), &json!("AlreadyActive"))
    );
    let judge = world.judge().await;
    let figures = ["activations", "duplicated", "lost", "sales"].map(|name| judge[name].clone());
    assert_eq!(json!(figures), json!([1, 0, 0, 0]));
}

#[tokio::test]
async fn a_run_that_stops_half_way_has_copied_and_not_switched() {
    let world = one_button().await;
    let half = press(&world, json!({ "limit": 5 })).await;
    assert_eq!(half["copied"].as_array().unwrap().len(), 5);
    assert_eq!(
        (&half["outcome"], state_of(&world).await),
        (&json!("Interrupted"), json!("Off"))
    );
    let rest = press(&world, json!({})).await;
    assert_eq!(
        (&rest["outcome"], rest["copied"].as_array().unwrap().len()),
        (&json!("Activated"), 7)
    );
    assert_eq!(world.judge().await["duplicated"], 0);
}

#[tokio::test]
async fn for_some_records_only_it_depends_on_what_the_screen_examines() {
    for (compares, outcome, switched) in [("Atomic", "Refused", 0), ("None", "Activated", 1)] {
        let world = one_button().await;
        world.switch(json!({ "compares": compares })).await;
        let chosen = world.first_subscription().await["id"].clone();
        let done = press(&world, json!({ "sourceIds": [chosen] })).await;
        assert_eq!(done["outcome"], outcome);
        assert_eq!(
            done["copied"].as_array().unwrap().len(),
            1,
            "what was copied stays"
        );
        assert_eq!(world.copies("Subscriptions").await.len(), 1);
        let judge = world.judge().await;
        assert_eq!(
            (&judge["activations"], &judge["lost"]),
            (&json!(switched), &json!(11))
        );
    }
}

#[tokio::test]
async fn impossible_combinations_are_refused() {
    let world = World::new().await;
    for wrong in [
        json!({ "operations": { "copySubscriptions": "WithSwitch" } }),
        json!({ "operations": { "activateBackOrdering": "WithSwitch" } }),
        json!({ "operations": { "copyCustomers": "WithSwitch" } }),
        json!({ "unseen": ["CustomerMark"] }),
        json!({ "unseen": ["PricingOptions"] }),
        json!({ "unseen": ["Everything"] }),
        json!({ "links": "Inferred" }),
    ] {
        assert_eq!(
            world.put("promises", &wrong).await.invalid(),
            ["body"],
            "{wrong}"
        );
    }
}

const ALL: [&str; 12] = [
    "PriceList",
    "Edition",
    "Language",
    "TimeZone",
    "DateFormat",
    "Invoicing",
    "TenantCurrency",
    "Sync",
    "CustomerMark",
    "PurchaseMark",
    "PricingOptions",
    "PurchaseChecks",
];

/// One look at everything that a fact could show in.
async fn everything(world: &World) -> Value {
    let customer = world.customers().await[0].clone();
    let lookup = json!({ "customerIds": [customer["id"]] });
    let pricing = world
        .post("/tenants/tenant-1/pricing/lookup", &lookup)
        .await
        .ok();
    let source = world.first_subscription().await;
    let check = json!({ "target": { "tenantId": "tenant-1" }, "sourceIds": [source["id"]] });
    let checked = world.post(&format!("{ACCOUNT}/checks"), &check).await.ok();
    json!({
        "tenant": world.get(&format!("{ACCOUNT}/tenant")).await.ok()["tenant"],
        "customer": customer,
        "purchase": source,
        "pricing": pricing["results"][0],
        "check": checked["results"][0]["reasons"],
    })
}

#[tokio::test]
async fn each_fact_is_hidden_alone_and_nothing_else_with_it() {
    let world = one_button().await;
    let source = world.first_subscription().await["id"].clone();
    let plan = json!({ "priceList": "PL-RESELLER-EUR", "products": [], "addons": [] });
    world.control("staff/extend-price-list", plan).await.ok();
    // Something for the check to find: a currency, which is always looked at.
    let dollars = json!({ "sourceId": source, "currency": "USD" });
    world.control("staff/redenominate", dollars).await.ok();
    let shown = everything(&world).await;
    for (fact, place) in ALL.iter().zip([
        "/tenant/settings/priceList",
        "/tenant/settings/edition",
        "/tenant/settings/language",
        "/tenant/settings/timeZone",
        "/tenant/settings/dateFormat",
        "/tenant/settings/invoicing",
        "/tenant/currency",
        "/customer/sync",
        "/customer/marked",
        "/purchase/marked",
        "/pricing/digest",
    ]) {
        world.switch(json!({ "unseen": [fact] })).await;
        let told = world.get("/capabilities").await.ok();
        assert_eq!(told["unseen"], json!([fact]));
        let mut now = everything(&world).await;
        let (parent, member) = place.rsplit_once('/').unwrap();
        assert!(shown.pointer(place).is_some(), "{fact}");
        assert_eq!(now.pointer(place), None, "{fact}");
        let value = shown.pointer(place).unwrap().clone();
        let parent = now.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if *fact == "PricingOptions" {
            assert_eq!(parent.remove("unseen"), Some(json!(true)));
        }
        parent.insert(member.to_owned(), value);
        assert_eq!(now, shown, "{fact}");
    }
    world.switch(json!({ "unseen": [] })).await;
    assert_eq!(world.get("/capabilities").await.ok().get("unseen"), None);
    assert_eq!(everything(&world).await, shown);
}

#[tokio::test]
async fn a_check_that_sees_a_part_only() {
    let world = World::with(|config| {
        config.subscriptions = 40;
        config.defects = tenant_reseller_operator::sandbox::Defects::Blocked(30);
    })
    .await
    .with_tenant()
    .await;
    let ids: Vec<Value> = world
        .eligible()
        .await
        .iter()
        .map(|each| each["id"].clone())
        .collect();
    let check = json!({ "target": { "tenantId": "tenant-1" }, "sourceIds": ids });
    let reasons = async || {
        let answer = world.post(&format!("{ACCOUNT}/checks"), &check).await.ok();
        let results = answer["results"].as_array().unwrap().clone();
        let found = results
            .iter()
            .flat_map(|result| result["reasons"].as_array().unwrap().clone());
        let words: std::collections::BTreeSet<String> =
            found.map(|reason| text(&reason["reason"])).collect();
        words.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        reasons().await,
        ["AddonMissing", "BillingCycleMissing", "CurrencyMismatch"]
    );
    world.switch(json!({ "unseen": ["PurchaseChecks"] })).await;
    assert_eq!(reasons().await, ["CurrencyMismatch"]);
}

#[tokio::test]
async fn states_and_copies_are_unclear_until_people_clear_them_up() {
    let world = World::new().await.complete().await;
    let source = world.first_subscription().await;
    let (plain, copy) = (source.clone(), world.copy_of(&text(&source["id"])).await);
    let id = source["id"].clone();
    let revision = world.revision().await;
    let state = json!({ "UnclearState": { "sourceId": id, "word": "In review" } });
    world.control("plant", state).await.ok();
    let why = json!({ "UnclearCopy": { "sourceId": id, "why": "it may belong to two" } });
    world.control("plant", why).await.ok();
    assert!(world.revision().await > revision, "what is shown changed");
    let now = world.subscription(&text(&id)).await;
    assert_eq!(
        (&now["state"], &now["stateWord"]),
        (&json!("Unclear"), &json!("In review"))
    );
    let doubtful = world.copy_of(&text(&id)).await;
    assert_eq!(
        (&doubtful["state"], &doubtful["unclear"]),
        (&json!("Unclear"), &json!("it may belong to two"))
    );
    world
        .control("plant", json!({ "Clear": { "sourceId": id } }))
        .await
        .ok();
    assert_eq!(world.subscription(&text(&id)).await, plain);
    assert_eq!(world.copy_of(&text(&id)).await, copy);
    assert_eq!(world.judge().await["lost"], 0);
}

#[tokio::test]
async fn a_copy_that_may_be_of_two_sources_is_listed_under_both() {
    let world = one_button().await;
    press(&world, json!({ "limit": 5 })).await;
    world
        .switch(json!({ "keys": "None", "links": "Inferred" }))
        .await;
    let before = world.copies("Subscriptions").await;
    let source = before[0]["sourceId"].clone();
    let uncopied = {
        let all = world.subscriptions().await;
        let has_no_copy = |one: &&Value| {
            one["copy"].is_null() && before.iter().all(|copy| copy["sourceId"] != one["id"])
        };
        all.iter().find(has_no_copy).unwrap()["id"].clone()
    };
    let revision = world.revision().await;
    let shared = json!({ "SharedCopy": {
        "sourceId": source, "alsoOf": uncopied, "why": "the two agree in everything",
    } });
    world.control("plant", shared).await.ok();
    let mut held = Vec::new();
    for copy in world.copies("Subscriptions").await {
        if copy["id"] == before[0]["id"] {
            assert_eq!(copy["state"], "Unclear", "{copy}");
            assert_eq!(copy["unclear"], "the two agree in everything");
            held.push(copy["sourceId"].clone());
        }
    }
    let mut expected = vec![source.clone(), uncopied];
    expected.sort_by_key(Value::to_string);
    assert_eq!(held, expected);
    assert!(world.revision().await > revision, "what is shown changed");
    let clear = json!({ "Clear": { "sourceId": source } });
    world.control("plant", clear).await.ok();
    assert_eq!(world.copies("Subscriptions").await, before);
}

#[tokio::test]
async fn an_inferred_link_has_no_key_and_no_digest_of_its_source() {
    let world = one_button().await;
    press(&world, json!({ "limit": 5 })).await;
    let stored = world.copies("Subscriptions").await;
    world
        .switch(json!({ "keys": "None", "links": "Inferred" }))
        .await;
    for (copy, stored) in world.copies("Subscriptions").await.iter().zip(&stored) {
        assert_eq!(copy["link"], "Inferred");
        assert_eq!(copy["sourceId"], stored["sourceId"]);
        assert!(
            copy["kind"] == "Subscription" || copy["kind"] == "Asset",
            "{copy}"
        );
        assert_eq!(
            (copy.get("businessKey"), copy.get("sourceDigest")),
            (None, None)
        );
    }
    assert_eq!(world.copies("Customers").await[0]["kind"], "Customer");
}

#[tokio::test]
async fn without_comparison_of_items_an_amendment_is_overwritten() {
    for (items, outcome, overwritten) in [("Compared", "Blocked", false), ("None", "Updated", true)]
    {
        let world = World::new().await.complete().await;
        world.switch(json!({ "items": items })).await;
        let told = world.get("/capabilities").await.ok();
        let expected = if overwritten {
            json!("None")
        } else {
            Value::Null
        };
        assert_eq!(told["promises"]["items"], expected);
        let source = world.first_subscription().await;
        let id = source["id"].clone();
        let copy = world.copy_of(&text(&id)).await;
        let amended = json!({ "sourceId": id, "quantity": 99 });
        world.control("reseller-staff/amend", amended).await.ok();
        let sold = json!({ "sourceId": id, "quantity": 50 });
        world.control("storefront/quantity", sold).await.ok();
        let source = world.subscription(&text(&id)).await;
        let item = world.subscription_item(&source).await;
        let amended = world.copy_of(&text(&id)).await["digest"].clone();
        assert_ne!(amended, copy["digest"]);
        let result = world
            .copy_subscription(&but(&item, "expectedCopy", amended))
            .await;
        assert_eq!(result["outcome"], outcome, "{result}");
        let now = world.copy_of(&text(&id)).await;
        assert_eq!(now["digest"] == source["digest"], overwritten);
    }
}

#[tokio::test]
async fn only_the_tenant_can_tell_about_itself() {
    let world = World::new().await.with_tenant().await;
    world.switch(json!({ "tenantAccess": "OwnAndOnly" })).await;
    let lookup = format!("{ACCOUNT}/tenant");
    assert_eq!(
        world
            .get(&lookup)
            .await
            .ok()
            .get("tenant")
            .cloned()
            .unwrap_or_default(),
        Value::Null
    );
    assert_eq!(world.get(ACCOUNT).await.ok().get("tenantId"), None);
    let own = world.config.tenant_token.clone().unwrap();
    let with_own = async |method: Method, path: &str| {
        let url = format!("{}/tenant-reseller/v1{path}", world.url);
        let request = world.client.request(method, url).bearer_auth(&own);
        read(request.send().await.unwrap()).await
    };
    let told = with_own(Method::GET, &lookup).await.ok();
    assert_eq!(told["tenant"]["id"], "tenant-1");
    with_own(Method::POST, &lookup)
        .await
        .refused(403, "Forbidden");
    with_own(Method::GET, ACCOUNT)
        .await
        .refused(403, "Forbidden");
}

#[tokio::test]
async fn what_a_look_costs_is_told_as_it_is_switched() {
    let world = World::new().await;
    assert_eq!(
        world.get("/capabilities").await.ok().get("detailCalls"),
        None
    );
    let calls = json!({ "perCustomer": 2, "perSubscription": 4 });
    world.switch(json!({ "detailCalls": calls })).await;
    assert_eq!(world.get("/capabilities").await.ok()["detailCalls"], calls);
}
