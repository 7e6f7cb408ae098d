//! The tenant: requested once, queued, observed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ACCOUNT, Answer, World, but, create_tenant, settings, text, until};

async fn request(world: &World, key: &str, body: &Value) -> Answer {
    world
        .write((1, key), &format!("{ACCOUNT}/tenant"), body)
        .await
}

async fn queued() -> World {
    let world = World::with(|config| config.tenant_queue = Duration::from_mins(1)).await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    world
}

async fn fresh() -> World {
    let world = World::new().await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    world
}

#[tokio::test]
async fn creation_is_queued_then_active() {
    let world = World::with(|config| config.tenant_queue = Duration::from_millis(200)).await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    assert_eq!(
        world.get(&format!("{ACCOUNT}/tenant")).await.ok(),
        json!({})
    );
    let sent = world
        .request(reqwest::Method::POST, &format!("{ACCOUNT}/tenant"))
        .header("Fencing-Epoch", 1)
        .header("Idempotency-Key", "a")
        .json(&create_tenant())
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202);
    assert_eq!(
        sent.headers()["location"],
        "/tenant-reseller/v1/operations/op-1"
    );
    assert_eq!(
        sent.json::<Value>().await.unwrap(),
        json!({ "id": "op-1", "state": "Running" })
    );
    let seen = world.get(&format!("{ACCOUNT}/tenant")).await.ok();
    assert_eq!(seen["tenant"]["status"], "InProgress");
    until("the tenant is Active", async || {
        world.get("/operations/op-1").await.ok()["state"] == "Succeeded"
    })
    .await;
    assert_eq!(
        world.get(&format!("{ACCOUNT}/tenant")).await.ok(),
        json!({ "tenant": {
            "id": "tenant-1", "url": "https://tenant-1.tenants.example", "settings": settings(),
            "currency": "EUR", "businessKey": "k/tenant", "status": "Active",
        } })
    );
    let reseller = world.get(ACCOUNT).await.ok();
    assert_eq!(
        (&reseller["tenantId"], &reseller["kind"]),
        (&json!("tenant-1"), &json!("Basic"))
    );
}

#[tokio::test]
async fn a_repeated_request_starts_nothing() {
    let world = queued().await;
    for key in ["a", "a", "another"] {
        let answer = request(&world, key, &create_tenant()).await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.body["id"], "op-1");
    }
    assert_eq!(world.look("state").await["tenantsRequested"], 1);
    let world = fresh().await;
    request(&world, "a", &create_tenant()).await.ok();
    for key in ["a", "another"] {
        let answer = request(&world, key, &create_tenant()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["id"], "tenant-1");
        assert_eq!(answer.body["status"], "Active");
    }
    assert_eq!(world.look("state").await["tenantsRequested"], 1);
}

#[tokio::test]
async fn other_settings_or_another_key_conflict() {
    let world = queued().await;
    request(&world, "a", &create_tenant()).await.ok();
    let other = but(
        &create_tenant(),
        "settings",
        but(&settings(), "edition", "Essential"),
    );
    request(&world, "b", &other).await.refused(409, "Conflict");
    let second = but(&create_tenant(), "businessKey", "k/second");
    request(&world, "c", &second).await.refused(409, "Conflict");
    request(&world, "a", &second).await.refused(409, "Conflict");
    assert_eq!(world.look("state").await["tenantsRequested"], 1);
}

#[tokio::test]
async fn a_tenant_made_by_hand_is_in_the_way_of_another() {
    let world = fresh().await;
    world
        .control("staff/tenant", json!({ "action": "Create" }))
        .await
        .ok();
    let seen = world.get(&format!("{ACCOUNT}/tenant")).await.ok();
    assert_eq!(seen["tenant"].get("businessKey"), None);
    request(&world, "a", &create_tenant())
        .await
        .refused(409, "Conflict");
}

#[tokio::test]
async fn all_wrong_settings_are_named_with_what_is_allowed() {
    let world = fresh().await;
    let wrong = json!({ "priceList": "PL-NONE", "edition": "Gold", "language": "tlh",
        "timeZone": "Mars/Olympus", "dateFormat": "yyyymmdd", "invoicing": "Combined" });
    let answer = request(&world, "a", &but(&create_tenant(), "settings", wrong)).await;
    let problem = answer.refused(422, "Invalid");
    let fields = problem["fields"].as_array().unwrap();
    let names: Vec<_> = fields.iter().map(|field| text(&field["field"])).collect();
    assert_eq!(
        names,
        [
            "settings.priceList",
            "settings.edition",
            "settings.language",
            "settings.timeZone",
            "settings.dateFormat"
        ]
    );
    assert_eq!(
        fields[0]["allowed"],
        json!(["PL-RESELLER-EUR", "PL-RESELLER-USD"])
    );
    assert!(
        fields
            .iter()
            .all(|field| !field["allowed"].as_array().unwrap().is_empty())
    );
    let inactive = but(&settings(), "priceList", "PL-OLD-EUR");
    let answer = request(&world, "a", &but(&create_tenant(), "settings", inactive)).await;
    assert_eq!(answer.invalid(), ["settings.priceList"]);
    // A refusal is not replayed: the same request key works once the request is right.
    assert_eq!(request(&world, "a", &create_tenant()).await.status, 202);
}

#[tokio::test]
async fn only_a_basic_reseller_that_may_order_gets_a_tenant() {
    let world = fresh().await;
    world
        .control("staff/ordering", json!({ "enabled": false }))
        .await
        .ok();
    world
        .control("staff/reseller-kind", json!({ "kind": "Standard" }))
        .await
        .ok();
    assert_eq!(
        request(&world, "a", &create_tenant()).await.blocked(),
        ["ResellerNotBasic", "OrderingDisabled"]
    );
    world
        .control("staff/ordering", json!({ "enabled": true }))
        .await
        .ok();
    world
        .control("staff/reseller-kind", json!({ "kind": "Basic" }))
        .await
        .ok();
    assert_eq!(request(&world, "a", &create_tenant()).await.status, 202);
}

#[tokio::test]
async fn a_failed_creation_leaves_nothing_and_frees_its_keys() {
    let world = queued().await;
    request(&world, "a", &create_tenant()).await.ok();
    let failure = json!({ "action": "FailCreation", "detail": "no capacity" });
    world.control("staff/tenant", failure).await.ok();
    assert_eq!(
        world.get("/operations/op-1").await.ok(),
        json!({ "id": "op-1", "state": "Failed", "detail": "no capacity" })
    );
    assert_eq!(
        world.get(&format!("{ACCOUNT}/tenant")).await.ok(),
        json!({})
    );
    let again = request(&world, "a", &create_tenant()).await;
    assert_eq!((again.status, &again.body["id"]), (202, &json!("op-2")));
}

#[tokio::test]
async fn a_replaced_tenant_takes_its_links_along_and_keeps_its_key() {
    let world = World::new().await.with_customers().await;
    let linked = async || {
        world
            .customers()
            .await
            .iter()
            .filter(|each| each.get("copy").is_some())
            .count()
    };
    assert_eq!(linked().await, 6);
    let before = world.revision().await;
    world
        .control("staff/tenant", json!({ "action": "Replace" }))
        .await
        .ok();
    assert!(world.revision().await > before, "the links went");
    assert_eq!(linked().await, 0);
    let seen = world.get(&format!("{ACCOUNT}/tenant")).await.ok();
    assert_eq!(seen["tenant"]["id"], "tenant-2");
    world
        .get("/tenants/tenant-1/copies?kind=Customers")
        .await
        .refused(404, "NotFound");
    world
        .control("staff/tenant", json!({ "action": "Delete" }))
        .await
        .ok();
    assert_eq!(
        world.get(&format!("{ACCOUNT}/tenant")).await.ok(),
        json!({})
    );
    request(&world, "tenant", &create_tenant())
        .await
        .refused(409, "Conflict");
}

#[tokio::test]
async fn the_catalogue_is_that_of_the_creation_until_update_tenant() {
    let world = World::new().await.with_tenant().await;
    let order = json!({ "product": "NEW-THING", "billingCycle": "Monthly" });
    let made = world.control("staff/order", order).await.ok();
    let check = json!({ "target": { "tenantId": "tenant-1" }, "sourceIds": [made["sourceId"]] });
    let ask = async || {
        let answer = world.post(&format!("{ACCOUNT}/checks"), &check).await.ok();
        answer["results"][0]["reasons"].as_array().unwrap().len()
    };
    assert_eq!(ask().await, 1);
    let extension = json!({ "products": [{ "product": "NEW-THING", "billingCycle": "Monthly" }] });
    world
        .control("staff/extend-price-list", extension)
        .await
        .ok();
    assert_eq!(ask().await, 1, "the tenant does not have it yet");
    world.control("staff/update-tenant", json!({})).await.ok();
    assert_eq!(ask().await, 0);
}
