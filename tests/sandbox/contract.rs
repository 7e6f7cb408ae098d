//! The shape of requests and replies.

use reqwest::Method;
use serde_json::json;

use crate::support::{ACCOUNT, World, create_tenant, customer_item, read};

#[tokio::test]
async fn a_wrong_or_missing_token_is_refused_everywhere() {
    let world = World::new().await;
    for path in [
        "tenant-reseller/v1/identity",
        "tenant-reseller/v1/nowhere",
        "control/v1/state",
    ] {
        let url = format!("{}/{path}", world.url);
        for token in [None, Some("wrong"), Some(""), Some("test-token2")] {
            let mut request = world.client.get(&url);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            read(request.send().await.unwrap())
                .await
                .refused(401, "AuthRejected");
        }
    }
    // Neither token opens the other door.
    let url = format!("{}/control/v1/state", world.url);
    let request = world.client.get(url).bearer_auth(&world.config.token);
    read(request.send().await.unwrap())
        .await
        .refused(401, "AuthRejected");
    let url = format!("{}/tenant-reseller/v1/identity", world.url);
    let request = world
        .client
        .get(url)
        .bearer_auth(&world.config.control_token);
    read(request.send().await.unwrap())
        .await
        .refused(401, "AuthRejected");
}

#[tokio::test]
async fn identity_and_capabilities_are_told() {
    let world = World::new().await;
    assert_eq!(
        world.get("/identity").await.ok(),
        json!({ "identity": "acme-distribution" })
    );
    assert_eq!(
        world.get("/capabilities").await.ok(),
        json!({
            "operations": {
                "createTenant": "Automatic", "copyCustomers": "Automatic",
                "setPricing": "Automatic", "copySubscriptions": "Automatic",
                "activateBackOrdering": "Automatic",
            },
            "promises": {
                "keys": "Unique", "epochs": "Issued", "revision": "Carried",
                "compares": "Atomic", "orders": "Listed", "offGuard": "Atomic",
            },
            "largestBatch": 100,
            "pageSize": 500,
        })
    );
}

#[tokio::test]
async fn what_is_not_served_is_a_problem_document() {
    let world = World::new().await;
    world.get("/nowhere").await.refused(404, "NotFound");
    world.get("/resellers/99999").await.refused(404, "NotFound");
    world
        .get("/resellers/99999/customers")
        .await
        .refused(404, "NotFound");
    world
        .get("/operations/op-77")
        .await
        .refused(404, "NotFound");
    world
        .get("/tenants/tenant-77/copies?kind=Customers")
        .await
        .refused(404, "NotFound");
    world
        .get(&format!("{ACCOUNT}/epoch"))
        .await
        .refused(404, "NotFound");
    let deleted = world.request(Method::DELETE, ACCOUNT).send().await.unwrap();
    read(deleted).await.refused(404, "NotFound");
}

#[tokio::test]
async fn what_comes_twice_is_wrong_and_another_spelling_of_a_path_is_another_path() {
    let world = World::new().await;
    let listed = world
        .get(&format!("{ACCOUNT}/customers?limit=5&limit=5"))
        .await;
    assert_eq!(
        listed.refused(422, "Invalid")["fields"][0]["field"],
        "limit"
    );
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "a" }))
        .await
        .ok();
    let twice = world
        .request(Method::POST, &format!("{ACCOUNT}/tenant"))
        .header("Fencing-Epoch", "1")
        .header("Fencing-Epoch", "1")
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "a")
        .header("Content-Type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    let refused = read(twice).await.refused(422, "Invalid");
    let named: Vec<&str> = refused["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|field| field["field"].as_str())
        .collect();
    for field in [
        "Fencing-Epoch",
        "Idempotency-Key",
        "businessKey",
        "settings",
    ] {
        assert!(named.contains(&field), "{named:?}");
    }
    for path in ["/identity/", "//identity", &format!("{ACCOUNT}/customers/")] {
        world.get(path).await.refused(404, "NotFound");
    }
    let head = world
        .request(Method::HEAD, "/identity")
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 404);
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn account_ids_may_be_written_loosely_and_come_back_canonical() {
    let world = World::new().await;
    for written in ["10423", "%2010423%20", "00010423", "%09010423"] {
        let reseller = world.get(&format!("/resellers/{written}")).await.ok();
        assert_eq!(
            reseller,
            json!({
                "accountId": "10423", "name": "Contoso Ltd", "kind": "Basic",
                "orderingEnabled": true, "currency": "EUR", "priceList": "PL-RESELLER-EUR",
                "backOrdering": "Off",
            })
        );
    }
    world
        .post("/resellers/%20010423/epoch", &json!({ "holder": "a" }))
        .await
        .ok();
    assert_eq!(world.look("state").await["epoch"], 1);
    world.get("/resellers/1042").await.refused(404, "NotFound");
    world
        .get("/resellers/10423x")
        .await
        .refused(404, "NotFound");
}

#[tokio::test]
async fn every_wrong_member_and_header_is_named_at_once() {
    let world = World::new().await;
    let body = json!({
        "businessKey": "",
        "settings": { "priceList": 7, "edition": null, "language": "x", "timeZone": "UTC",
            "invoicing": "Sometimes", "colour": "red" },
        "extra": true,
    });
    let answer = world.post(&format!("{ACCOUNT}/tenant"), &body).await;
    let mut fields = answer.invalid();
    fields.sort();
    assert_eq!(
        fields,
        [
            "Fencing-Epoch",
            "Idempotency-Key",
            "businessKey",
            "extra",
            "settings.colour",
            "settings.dateFormat",
            "settings.edition",
            "settings.invoicing",
            "settings.language",
            "settings.priceList",
        ]
    );
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be_are_invalid_never_a_framework_error() {
    let world = World::new().await;
    let path = format!("{ACCOUNT}/epoch");
    for body in [
        "",
        "{",
        "[]",
        "7",
        "null",
        "\"text\"",
        "{\"holder\": \"a\"} trailing",
    ] {
        let sent = world
            .request(Method::POST, &path)
            .body(body)
            .send()
            .await
            .unwrap();
        read(sent).await.invalid();
    }
    assert_eq!(world.post(&path, &json!({})).await.invalid(), ["holder"]);
    assert_eq!(
        world
            .post(&path, &json!({ "holder": "x".repeat(129) }))
            .await
            .invalid(),
        ["holder"]
    );
    assert_eq!(
        world
            .post(&path, &json!({ "holder": "a", "takeOver": null }))
            .await
            .invalid(),
        ["takeOver"]
    );
    assert_eq!(
        world.look("state").await["epoch"],
        0,
        "nothing of it was done"
    );
}

#[tokio::test]
async fn numbers_are_whole_and_in_bounds() {
    let world = World::new().await.with_tenant().await;
    for wrong in [
        json!(-1),
        json!(1.5),
        json!("3"),
        json!(9_007_199_254_740_992_u64),
    ] {
        let body = json!({ "businessKey": "k", "expectedRevision": wrong });
        let answer = world
            .write((1, "a"), "/tenants/tenant-1/activation", &body)
            .await;
        assert_eq!(answer.invalid(), ["expectedRevision"]);
    }
}

#[tokio::test]
async fn an_oversized_body_is_413() {
    let world = World::new().await;
    let body = json!({ "holder": "x".repeat(3 * 1024 * 1024) });
    world
        .post(&format!("{ACCOUNT}/epoch"), &body)
        .await
        .refused(413, "Invalid");
}

#[tokio::test]
async fn batches_are_bounded_and_name_each_source_once() {
    let world = World::new().await.with_tenant().await;
    let customers = world.customers().await;
    let item = customer_item(&customers[0]);
    let twice = world.copy_customers(1, &[item.clone(), item.clone()]).await;
    assert_eq!(twice.invalid(), ["items"]);
    let many: Vec<_> = (0..101)
        .map(|n| json!({ "sourceId": format!("{n}"), "businessKey": "k", "expectedSource": "d" }))
        .collect();
    assert_eq!(world.copy_customers(1, &many).await.invalid(), ["items"]);
    assert_eq!(world.copy_customers(1, &[]).await.invalid(), ["items"]);
    let ids: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    let lookup = json!({ "customerIds": ids });
    let answer = world
        .post("/tenants/tenant-1/pricing/lookup", &lookup)
        .await;
    assert_eq!(answer.invalid(), ["customerIds"]);
    let check = json!({ "target": { "tenantId": "tenant-1" }, "sourceIds": ["a", "a"] });
    let answer = world.post(&format!("{ACCOUNT}/checks"), &check).await;
    assert_eq!(answer.invalid(), ["sourceIds"]);
    assert!(
        world.copies("Customers").await.is_empty(),
        "nothing of it was done"
    );
}

#[tokio::test]
async fn parameters_are_checked() {
    let world = World::new().await.with_tenant().await;
    let wrong = async |query: &str| world.get(&format!("{ACCOUNT}/customers?{query}")).await;
    assert_eq!(wrong("limit=0").await.invalid(), ["limit"]);
    assert_eq!(wrong("limit=501").await.invalid(), ["limit"]);
    assert_eq!(
        wrong("limit=abc&offset=3").await.invalid(),
        ["offset", "limit"]
    );
    assert_eq!(wrong("cursor=20001").await.invalid(), ["cursor"]);
    assert_eq!(wrong("cursor=v1.zz").await.invalid(), ["cursor"]);
    assert_eq!(wrong("limit=1&limit=2").await.invalid(), ["limit"]);
    let copies = async |query: &str| world.get(&format!("/tenants/tenant-1/copies{query}")).await;
    assert_eq!(copies("").await.invalid(), ["kind"]);
    assert_eq!(copies("?kind=customers").await.invalid(), ["kind"]);
    assert_eq!(
        copies("?kind=Customers&cursor=v1.3130").await.invalid(),
        ["cursor"]
    );
}

#[tokio::test]
async fn the_control_api_refuses_what_it_does_not_know() {
    let world = World::new().await;
    world
        .control("storefront/buy", json!({ "typo": 1 }))
        .await
        .invalid();
    world
        .control("storefront/steal", json!({}))
        .await
        .refused(404, "NotFound");
    world
        .control("nothing", json!({}))
        .await
        .refused(404, "NotFound");
    world
        .post(&format!("{ACCOUNT}/tenant"), &create_tenant())
        .await
        .invalid();
}
