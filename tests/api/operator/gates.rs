//! What waits for people: pricing options, blockers, orders. Each goes on by itself.

use serde_json::{Value, json};

use super::bss::Data;
use super::world::{NAME, World, until};

fn demo() -> Data {
    Data {
        defects: "demo",
        subscriptions: 60,
        ..Data::default()
    }
}

/// Options for these customers, declared.
fn pricing(world: &World, name: &str, customers: &[String]) -> Value {
    let rows: Vec<Value> = customers
        .iter()
        .map(|customer| {
            json!({
                "accountId": customer, "priceList": "PL-RETAIL", "billing": { "day": 1 },
                "paymentMethod": "Invoice", "invoicing": "Combined",
            })
        })
        .collect();
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": name, "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": rows },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn pricing_and_blockers_hold_phase_3_and_are_named_in_one_go() {
    let world = World::of("gates", demo()).await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;

    let view = world.until_reason("AwaitingPricing").await;
    assert_eq!(view.text("/status/phase"), "PricingGate");
    assert!(view.is("CustomersCopied") && !view.is("PricingReady"));
    let customers = world.bss.created("copyCustomers").await;
    assert_eq!(customers.len(), 12);
    assert!(
        view.next_action().contains(&customers[0]),
        "{}",
        view.summary()
    );

    // Nothing is written while it waits.
    idle(&world).await;

    let (first, rest) = customers.split_at(2);
    world.apply(&[pricing(&world, "first", first)]).await;
    until("the first are applied", || async {
        let set = world.bss.count("/pricingSet").await;
        (set == 2, format!("{set} set"))
    })
    .await;
    let view = world.until_reason("AwaitingPricing").await;
    assert!(!view.is("PricingReady"));
    world.apply(&[pricing(&world, "rest", rest)]).await;

    let view = world.until_reason("PrecheckFailed").await;
    assert!(view.is("PricingReady"), "{:#}", view.0);
    assert_eq!(
        view.condition("Stalled").unwrap()["reason"],
        "PrecheckFailed"
    );
    let failures = view.failures();
    let kinds: Vec<&str> = failures.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(
        kinds,
        ["AddonMissing", "BillingCycleMissing", "CurrencyMismatch"]
    );
    let state = world.bss.state().await;
    for blocker in state["blockers"].as_array().unwrap() {
        // The sandbox counts what an activation would meet, too: nothing is copied yet.
        if blocker["reason"] == "NotCopied" {
            continue;
        }
        let named = failures
            .iter()
            .find(|(reason, _)| blocker["reason"] == reason.as_str());
        assert_eq!(
            json!(named.map(|(_, count)| count)),
            blocker["count"],
            "{blocker}"
        );
    }
    let total: i64 = failures.iter().map(|(_, count)| count).sum();
    until("the report lists all", || async {
        let rows = world.rows("Blockers").await;
        (i64::try_from(rows.len()) == Ok(total), format!("{rows:#?}"))
    })
    .await;
    for row in world.rows("Blockers").await {
        assert!(!row["remedy"].as_str().unwrap().is_empty(), "{row}");
    }
    assert!(
        world.bss.audit("copySubscriptions").await.is_empty(),
        "nothing is copied"
    );

    world.bss.act("fix-defects", json!({})).await;
    world.ends_well().await;
    until("the report of blockers goes", || async {
        let rows = world.rows("Blockers").await;
        (rows.is_empty(), format!("{rows:#?}"))
    })
    .await;
    let declared = world.kubectl(&["get", "cpr", "-o", "json"]).await;
    let declared: Value = serde_json::from_str(&declared).unwrap();
    for object in declared["items"].as_array().unwrap() {
        let status = &object["status"];
        assert_eq!(status["declared"], status["applied"], "{object:#}");
        assert_eq!(status["conditions"][0]["reason"], "Closed", "{object:#}");
    }
    let reasons = world.history.reasons(NAME);
    let gates: Vec<&String> = reasons
        .iter()
        .filter(|reason| !matches!(reason.as_str(), "Progressing" | "ProgressingWithRetry"))
        .collect();
    assert_eq!(
        gates,
        ["AwaitingPricing", "PrecheckFailed", "Succeeded"],
        "{reasons:?}"
    );
}

/// No object of ours changes while nothing happens, however often the operator looks.
async fn idle(world: &World) {
    let versions = || async {
        let all = world
            .kubectl(&["get", "tru,bssc,cpr,trur", "-o", "json"])
            .await;
        let all: Value = serde_json::from_str(&all).unwrap();
        let items = all["items"].as_array().unwrap();
        let mut found: Vec<(String, String)> = items
            .iter()
            .map(|item| {
                let text = |member: &str| item["metadata"][member].as_str().unwrap().to_owned();
                (
                    format!("{}/{}", item["kind"], text("name")),
                    text("resourceVersion"),
                )
            })
            .collect();
        found.sort();
        found
    };
    // What the wait itself writes, report and finalizer, comes right after the status.
    let mut before = versions().await;
    until("it comes to rest", || {
        let last = std::mem::take(&mut before);
        let now = versions();
        async move { (now.await == last, format!("{last:?}")) }
    })
    .await;
    let before = versions().await;
    let looks = || async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let text = http
            .get(format!("{}/metrics", world.health))
            .send()
            .await
            .unwrap();
        let text = text.text().await.unwrap();
        let line = text
            .lines()
            .find(|line| {
                line.contains("bss_call_duration_seconds_count")
                    && line.contains(r#"operation="listCustomers""#)
            })
            .unwrap_or_else(|| panic!("no calls in {text}"));
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let begun = looks().await;
    until("five more looks", || async {
        let now = looks().await;
        (now >= begun + 5, format!("{now} after {begun}"))
    })
    .await;
    assert_eq!(versions().await, before, "{}", world.history.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_order_holds_the_switch_and_what_it_becomes_is_copied() {
    let world = World::start("orders").await;
    let order = world
        .bss
        .act("storefront/buy", json!({ "hold": true }))
        .await;
    let order = order["orderId"].as_str().unwrap().to_owned();
    world.begin().await;
    let view = world.until_reason("AwaitingOrders").await;
    assert!(view.is("SubscriptionsCopied"), "{:#}", view.0);
    assert!(
        view.is("Reconciling") && !view.is("Stalled"),
        "{:#}",
        view.0
    );
    assert!(view.next_action().contains(&order), "{}", view.summary());
    assert_eq!(world.bss.count("/activations").await, 0);
    let finished = world.bss.act("staff/finish-order", json!({})).await;
    let source = finished["sourceIds"][0].as_str().unwrap().to_owned();
    world.ends_well().await;
    let created = world.bss.created("copySubscriptions").await;
    assert!(
        created.contains(&source),
        "{source} is not among {created:?}"
    );
    assert_eq!(created.len(), 41);
}
