//! Every fault, seen from a client, with the effect that it leaves or does not leave.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, customer_item, until};

async fn fault(world: &World, operation: &str, kind: Value) {
    let rule = json!({ "operation": operation, "kind": kind, "times": 1 });
    world.set_faults(json!([rule])).await.ok();
}

async fn fired(world: &World) -> u64 {
    world.look("faults").await["rules"][0]["fired"]
        .as_u64()
        .unwrap()
}

fn copy(world: &World, item: &Value) -> reqwest::RequestBuilder {
    world
        .request(Method::POST, "/tenants/tenant-1/customers/copy")
        .header("Fencing-Epoch", 1)
        .json(&json!({ "items": [item] }))
}

async fn item(world: &World) -> Value {
    customer_item(&world.customer("20001").await)
}

async fn copied(world: &World) -> usize {
    world.copies("Customers").await.len()
}

#[tokio::test]
async fn throttling_with_and_without_a_time() {
    let world = World::new().await.with_tenant().await;
    for (kind, header) in [
        (json!({ "Throttle": { "retryAfterSeconds": 7 } }), Some("7")),
        (json!({ "Throttle": {} }), None),
    ] {
        fault(&world, "copyCustomers", kind).await;
        let reply = copy(&world, &item(&world).await).send().await.unwrap();
        let told = reply
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(told.as_deref(), header);
        crate::support::read(reply).await.refused(429, "Throttled");
        assert_eq!((copied(&world).await, fired(&world).await), (0, 1));
    }
    assert_eq!(
        world.copy_customer(&item(&world).await).await["outcome"],
        "Created"
    );
}

#[tokio::test]
async fn unavailable_and_failed_with_and_without_the_effect() {
    let world = World::new().await.with_tenant().await;
    let item = item(&world).await;
    for (kind, status, class, effect) in [
        (json!("Unavailable503"), 503, "Unavailable", 0),
        (json!({ "Error500": {} }), 500, "Internal", 0),
        (
            json!({ "Error500": { "afterEffect": true } }),
            500,
            "Internal",
            1,
        ),
    ] {
        fault(&world, "copyCustomers", kind).await;
        world
            .copy_customers(1, std::slice::from_ref(&item))
            .await
            .refused(status, class);
        assert_eq!((copied(&world).await, fired(&world).await), (effect, 1));
    }
}

#[tokio::test]
async fn a_lost_reply_comes_after_the_effect() {
    let world = World::new().await.with_tenant().await;
    fault(&world, "copyCustomers", json!("LoseReplyAfterEffect")).await;
    let error = copy(&world, &item(&world).await).send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert_eq!((copied(&world).await, fired(&world).await), (1, 1));
    assert_eq!(
        world.copy_customer(&item(&world).await).await["outcome"],
        "Unchanged"
    );
}

#[tokio::test]
async fn a_late_effect_comes_when_its_sender_is_gone() {
    let world = World::new().await.with_tenant().await;
    fault(
        &world,
        "copyCustomers",
        json!({ "LateEffect": { "delayMs": 300 } }),
    )
    .await;
    let item = item(&world).await;
    assert!(copy(&world, &item).send().await.is_err());
    assert_eq!((copied(&world).await, fired(&world).await), (0, 1));
    until("the effect came", async || copied(&world).await == 1).await;
    assert_eq!(world.customer("20001").await["marked"], true);
}

#[tokio::test]
async fn a_late_effect_is_fenced_like_any_other() {
    let world = World::new().await.with_tenant().await;
    fault(
        &world,
        "copyCustomers",
        json!({ "LateEffect": { "delayMs": 100 } }),
    )
    .await;
    assert!(copy(&world, &item(&world).await).send().await.is_err());
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    until("the late request was refused", async || {
        let audit = world.look("audit?operation=copyCustomers").await;
        audit["entries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|each| each["outcome"] == "StaleEpoch")
    })
    .await;
    assert_eq!(copied(&world).await, 0);
}

#[tokio::test]
async fn a_cut_body_ends_in_the_middle() {
    let world = World::new().await.with_tenant().await;
    fault(&world, "copyCustomers", json!("CutBody")).await;
    let reply = copy(&world, &item(&world).await).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert!(reply.bytes().await.is_err());
    assert_eq!((copied(&world).await, fired(&world).await), (1, 1));
}

#[tokio::test]
async fn a_wrong_content_type_is_an_html_page() {
    let world = World::new().await;
    fault(&world, "getReseller", json!("WrongContentType")).await;
    let reply = world.request(Method::GET, ACCOUNT).send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["content-type"]),
        (200, &"text/html".parse().unwrap())
    );
    assert!(reply.text().await.unwrap().contains("sign in"));
    assert_eq!(fired(&world).await, 1);
}

#[tokio::test]
async fn an_oversized_reply_is_as_large_as_asked() {
    let world = World::new().await;
    fault(
        &world,
        "getReseller",
        json!({ "Oversized": { "bytes": 5_000_000 } }),
    )
    .await;
    let reply = world.request(Method::GET, ACCOUNT).send().await.unwrap();
    assert!(reply.bytes().await.unwrap().len() >= 5_000_000);
    assert_eq!(fired(&world).await, 1);
}

#[tokio::test]
async fn slow_bytes_come_one_by_one() {
    let world = World::new().await;
    fault(
        &world,
        "getIdentity",
        json!({ "SlowBytes": { "delayMs": 10 } }),
    )
    .await;
    let began = Instant::now();
    let reply = world
        .request(Method::GET, "/identity")
        .send()
        .await
        .unwrap();
    let body = reply.bytes().await.unwrap();
    assert_eq!(body, r#"{"identity":"acme-distribution"}"#);
    assert!(
        began.elapsed() >= Duration::from_millis(10 * 32),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(fired(&world).await, 1);
}

#[tokio::test]
async fn latency_goes_together_with_another_fault() {
    let world = World::new().await;
    let rules = json!([
        { "operation": "*", "kind": { "Latency": { "ms": 200 } }, "times": 1 },
        { "operation": "getIdentity", "kind": "Unavailable503", "times": 1 },
    ]);
    world.set_faults(rules).await.ok();
    let began = Instant::now();
    world.get("/identity").await.refused(503, "Unavailable");
    assert!(began.elapsed() >= Duration::from_millis(200));
    let standing = world.look("faults").await;
    assert_eq!(
        (
            &standing["rules"][0]["fired"],
            &standing["rules"][1]["fired"]
        ),
        (&json!(1), &json!(1))
    );
    world.get("/identity").await.ok();
}

#[tokio::test]
async fn a_page_is_duplicated() {
    let world = World::new().await.with_customers().await;
    for (path, all) in [
        (format!("{ACCOUNT}/customers?limit=2"), 6),
        (
            "/tenants/tenant-1/copies?kind=Customers&limit=2".to_owned(),
            6,
        ),
    ] {
        let rule = json!({ "operation": "*", "kind": "DuplicatePage", "times": 1 });
        world.set_faults(json!([rule])).await.ok();
        let listed = world.list(&path).await;
        assert_eq!(listed.len(), all + 2, "{path}");
        assert_eq!(listed[..2], listed[2..4]);
        assert_eq!(world.list(&path).await.len(), all);
        assert_eq!(fired(&world).await, 1);
    }
}

#[tokio::test]
async fn a_page_in_the_middle_is_duplicated() {
    let world = World::new().await;
    let page = async |cursor: &Value| {
        let cursor = cursor.as_str().unwrap();
        world
            .get(&format!("{ACCOUNT}/customers?limit=2&cursor={cursor}"))
            .await
            .ok()
    };
    let first = world
        .get(&format!("{ACCOUNT}/customers?limit=2"))
        .await
        .ok();
    fault(&world, "listCustomers", json!("DuplicatePage")).await;
    let second = page(&first["nextCursor"]).await;
    let again = page(&second["nextCursor"]).await;
    assert_eq!(second["items"], again["items"]);
    assert_ne!(first["items"], second["items"]);
    assert_eq!(page(&again["nextCursor"]).await["items"][1]["id"], "20006");
}

#[tokio::test]
async fn a_redirect_leads_elsewhere_without_an_effect() {
    let world = World::new().await.with_tenant().await;
    let to = "https://elsewhere.example/steal";
    fault(&world, "copyCustomers", json!({ "Redirect": { "to": to } })).await;
    let reply = copy(&world, &item(&world).await).send().await.unwrap();
    assert_eq!(
        (
            reply.status().as_u16(),
            reply.headers()["location"].to_str().unwrap()
        ),
        (307, to)
    );
    assert_eq!((copied(&world).await, fired(&world).await), (0, 1));
}

#[tokio::test]
async fn rules_are_counted_bounded_and_drawn_by_seed() {
    let world = World::new().await;
    let run = async |seed: u64| {
        let rule = json!({ "operation": "getIdentity", "kind": "Unavailable503",
            "probability": 0.5, "seed": seed });
        world.set_faults(json!([rule])).await.ok();
        let mut outcomes = Vec::new();
        for _ in 0..60 {
            outcomes.push(world.get("/identity").await.status);
        }
        let hits = outcomes.iter().filter(|status| **status == 503).count() as u64;
        assert_eq!(fired(&world).await, hits);
        assert!((15..=45).contains(&hits), "{hits}");
        outcomes
    };
    let first = run(1).await;
    assert_eq!(run(1).await, first);
    assert_ne!(run(2).await, first);
    let rule = json!({ "operation": "getIdentity", "kind": "Unavailable503", "times": 3 });
    world.set_faults(json!([rule])).await.ok();
    for expected in [503, 503, 503, 200, 200] {
        assert_eq!(world.get("/identity").await.status, expected);
    }
    world.get(ACCOUNT).await.ok();
    world.set_faults(json!([])).await.ok();
    assert_eq!(world.look("faults").await, json!({ "rules": [] }));
}

#[tokio::test]
async fn faults_do_not_touch_who_is_not_let_in_nor_the_control_api() {
    let world = World::new().await;
    let rule = json!({ "operation": "*", "kind": "Unavailable503" });
    world.set_faults(json!([rule])).await.ok();
    let url = format!("{}/tenant-reseller/v1/identity", world.url);
    let reply = world.client.get(url).send().await.unwrap();
    crate::support::read(reply)
        .await
        .refused(401, "AuthRejected");
    assert_eq!(fired(&world).await, 0);
    world.get("/identity").await.refused(503, "Unavailable");
}

#[tokio::test]
async fn unknown_faults_are_refused() {
    let world = World::new().await;
    for rule in [
        json!({ "operation": "nothing", "kind": "CutBody" }),
        json!({ "operation": "*", "kind": "Earthquake" }),
        json!({ "operation": "*", "kind": "CutBody", "probability": 2.0 }),
        json!({ "operation": "*", "kind": "CutBody", "tmies": 1 }),
        json!({ "operation": "*", "kind": { "Throttle": { "retryAfter": 1 } } }),
    ] {
        world.set_faults(json!([rule])).await.invalid();
    }
}
