//! The API server goes away while the BSS is asked for something: its answer comes when it
//! cannot be recorded.
//!
//! The control plane is the test's own: what is done to it concerns every object in it.

use std::time::Duration;

use serde_json::json;

use super::beside::figure;
use super::bss::Data;
use super::world::{Options, World, own_plane, until};

const ITEMS: usize = 250;
const LEASE: u16 = 3;
/// How long each call waits at the BSS: longer than the lease, so that its effect comes when the
/// operator has ceased to lead.
const WAITS_MS: u64 = 6000;
/// Long enough for the effect, and for a process that would act after it without leading.
const SHORT: Duration = Duration::from_secs(10);
/// Only one of the three lasts so long: the other tests go on beside it, and it costs nothing but
/// the wait.
const LONG: Duration = Duration::from_secs(60);

/// How an API server is away.
#[derive(Clone, Copy)]
enum Away {
    /// No process listens: every call is refused at once.
    Ended,
    /// It takes calls and does not answer; it answers them late, when it goes on.
    StandsStill,
}

async fn alive(world: &World) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = http.get(format!("{}/livez", world.health)).send().await;
    reply.unwrap().status().as_u16()
}

/// Waits until the rule has struck, and takes the API server away for so long. What the operator
/// has asked for by then happens; nothing is asked for after that.
async fn away_during(
    world: &mut World,
    (rule, operation): (usize, &str),
    (how, long): (Away, Duration),
) {
    world.bss.struck(rule, 1).await;
    let plane = world.plane;
    let before = world.bss.by_operator(operation).await;
    match how {
        Away::Ended => drop(plane.stop_api_server().await.unwrap()),
        Away::StandsStill => plane.pause_api_server().await.unwrap(),
    }
    let away = tokio::time::Instant::now();
    until("the effect", || async {
        let now = world.bss.by_operator(operation).await;
        (now > before, format!("{operation}: {before}, then {now}"))
    })
    .await;
    assert_eq!(
        figure(&world.health, "leader").await,
        0,
        "{operation}: it led"
    );
    until("the reply", || async {
        let told = format!(r#"bss_call_duration_seconds_count{{operation="{operation}""#);
        let ended = figure(&world.health, &told).await;
        (ended == 1, format!("{ended} calls ended"))
    })
    .await;
    let (calls, writes) = (
        figure(&world.health, "bss_call_duration_seconds_count").await,
        world.bss.writes().await,
    );
    // The fault itself: it is away for this time.
    tokio::time::sleep_until(away + long).await;
    assert_eq!(alive(world).await, 200, "{operation}: it wants a restart");
    assert_eq!(
        figure(&world.health, "bss_call_duration_seconds_count").await,
        calls,
        "{operation}: it asked without leading"
    );
    assert_eq!(
        world.bss.writes().await,
        writes,
        "{operation}: a late write"
    );
    match how {
        Away::Ended => {
            plane.start_api_server().await.unwrap();
            // The test's own watch was sent away as well.
            world.watch_anew(&world.namespace.clone());
        }
        Away::StandsStill => plane.resume_api_server().await.unwrap(),
    }
}

/// During the request for the tenant, during a chunk of copies, and during the switch.
#[tokio::test(flavor = "multi_thread")]
async fn during_each_call_that_matters() {
    let options = Options {
        data: Data {
            customers: 20,
            subscriptions: 250,
            ..Data::default()
        },
        lease_seconds: Some(LEASE),
        ..Options::default()
    };
    let mut world = World::on(own_plane(Vec::new()).await, "away", options).await;
    let slow = |operation: &str| json!({ "operation": operation, "kind": { "Latency": { "ms": WAITS_MS } }, "times": 1 });
    let calls = ["createTenant", "copySubscriptions", "activateBackOrdering"];
    world.bss.faults(json!(calls.map(slow))).await;
    super::leaders::begin_serially(&world).await;
    let ways = [
        (Away::StandsStill, SHORT),
        (Away::Ended, LONG),
        (Away::StandsStill, SHORT),
    ];
    for (call, way) in calls.into_iter().enumerate().zip(ways) {
        away_during(&mut world, call, way).await;
    }
    world.until_succeeded().await;
    world.bss.judged_clean().await;
    world
        .history
        .assert_conventions(&["-secret-of", "PRIVATE KEY"]);
    // Not `holds`: an API server that has just started knows no rules yet, and for a moment refuses
    // what it allows later.
    let log = world.log();
    for wrong in ["panicked", "-secret-of"] {
        assert!(!log.contains(wrong), "{wrong}:\n{log}");
    }
    // Not even asked for again: what was done is found by looking.
    for (operation, items) in calls.into_iter().zip([1, ITEMS, 1]) {
        let lines = world.bss.audit(operation).await;
        assert_eq!(lines.len(), items, "{operation}: {lines:#?}");
    }
    assert_eq!(world.bss.fired().await, [1, 1, 1]);
}
