//! The process: health, figures, and its end.

use std::time::{Duration, Instant};

use serde_json::json;
use tenant_reseller_operator::local::process::Ending;

use super::bss::Data;
use super::world::{World, until};

async fn ask(world: &World, path: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = http
        .get(format!("{}{path}", world.health))
        .send()
        .await
        .unwrap();
    let status = reply.status().as_u16();
    (status, reply.text().await.unwrap())
}

async fn lease_holder(world: &World) -> String {
    let path = "jsonpath={.items[0].spec.holderIdentity}";
    world
        .plane
        .kubectl()
        .unwrap()
        .run(["-n", &world.system, "get", "lease", "-o", path])
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_figures_tell_what_happens() {
    let world = World::start("health").await;
    assert_eq!(ask(&world, "/livez").await, (200, "ok\n".to_owned()));
    assert_eq!(ask(&world, "/readyz").await, (200, "ok\n".to_owned()));
    until("it leads", || async {
        let (_, text) = ask(&world, "/metrics").await;
        (text.contains("tenant_reseller_operator_leader 1"), text)
    })
    .await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;
    until("the figures show the gate", || async {
        let (_, text) = ask(&world, "/metrics").await;
        let gate = r#"upgrades_by_reason{reason="AwaitingPricing",class="WaitsForPeople",connection="health/distributor"} 1"#;
        (text.contains(gate), text)
    })
    .await;
    let (status, text) = ask(&world, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"tenant_reseller_operator_effects_total{operation="createTenant",outcome="ok"} 1"#,
        r#"tenant_reseller_operator_effect_items_total{operation="copyCustomers",outcome="Created"} 12"#,
        r#"tenant_reseller_operator_bss_call_duration_seconds_count{operation="copyCustomers",outcome="Ok"} 1"#,
        r#"tenant_reseller_operator_reconciles_total{outcome="waited"}"#,
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let options = json!({
        "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined",
    });
    world.bss.act("reseller-staff/pricing", options).await;
    world.ends_well().await;
    // Each line of the log is one JSON object, and the upgrade is named where it is concerned.
    let log = world.log();
    let mut named = 0;
    for line in log.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        named += usize::from(line.to_string().contains("contoso"));
    }
    assert!(named > 5, "{log}");
}

/// SIGTERM in the middle: the running call is awaited, nothing new begins, the lease is released.
#[tokio::test(flavor = "multi_thread")]
async fn ends_gracefully_in_the_middle_and_goes_on_later() {
    let data = Data {
        subscriptions: 400,
        ..Data::default()
    };
    let mut world = World::of("graceful", data).await;
    let slow = json!({ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 1500 } } });
    world.bss.faults(json!([slow])).await;
    world.begin().await;
    world.bss.struck(0, 1).await;
    assert!(!lease_holder(&world).await.is_empty());
    let began = Instant::now();
    let ending = world.operator.terminate().await.unwrap();
    let took = began.elapsed();
    assert!(
        matches!(ending, Ending::Gracefully(status) if status.success()),
        "{ending:?}"
    );
    assert!(took < Duration::from_secs(12), "it took {took:?}");
    // Its calls were awaited: what was sent is done, and nothing comes after it.
    let left = world.bss.writes().await;
    let copied = world.bss.created("copySubscriptions").await.len();
    assert!(copied > 0, "the call under way was not awaited");
    assert_eq!(lease_holder(&world).await, "", "the lease is not released");
    assert!(world.log().contains("ended"), "{}", world.operator.tail());
    assert_eq!(world.bss.writes().await, left);
    world.bss.faults(json!([])).await;
    world.operator.start_again().unwrap();
    world.ready().await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 400);
}
