//! Two operator processes and one lease: the leader dies, or stands still and comes back, in the
//! middle of a chunk. The other one takes over; nothing that the first had sent or would still send
//! is accepted afterwards.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::beside::{Beside, figure, leads};
use super::bss::Data;
use super::world::{Options, World, until};

/// What a process of another version may take at worst; what it takes is printed.
const GENEROUS: Duration = Duration::from_secs(60);
const ITEMS: usize = 250;

/// Two operators, and a chunk of several batches that are sent one after the other.
async fn two(label: &str, lease_seconds: u16) -> (World, Beside) {
    let options = Options {
        data: Data {
            customers: 20,
            subscriptions: 250,
            ..Data::default()
        },
        lease_seconds: Some(lease_seconds),
        ..Options::default()
    };
    let world = World::with(label, options).await;
    let follower = world.followed().await;
    (world, follower)
}

/// Everything that an upgrade needs; calls may take long, and one is made at a time.
pub(super) async fn begin_serially(world: &World) {
    let token = world.bss.token.clone();
    let mut connection = world.connection();
    connection["spec"]["limits"]["concurrency"] = json!(1);
    connection["spec"]["limits"]["requestTimeoutSeconds"] = json!(60);
    world
        .apply(&[
            world.credentials(&token),
            world.authority(),
            connection,
            world.upgrade(),
        ])
        .await;
}

fn slow(operation: &str, ms: u64, times: u64) -> Value {
    json!({ "operation": operation, "kind": { "Latency": { "ms": ms } }, "times": times })
}

/// The highest epoch that was issued.
async fn epoch(world: &World) -> i64 {
    let issued = world.bss.audit("acquireEpoch").await;
    issued.last().unwrap()["epoch"].as_i64().unwrap()
}

/// When the first copy was made under an epoch that was issued after this one.
async fn first_effect_after(world: &World, former: i64) -> Timestamp {
    let made = || async {
        let lines = world.bss.audit("copySubscriptions").await;
        let line = lines
            .into_iter()
            .find(|line| line["outcome"] == "Created" && line["epoch"].as_i64().unwrap() > former);
        line.map(|line| line["time"].as_str().unwrap().parse::<Timestamp>().unwrap())
    };
    until("the follower's first effect", || async {
        (made().await.is_some(), format!("none after epoch {former}"))
    })
    .await;
    made().await.unwrap()
}

fn told(what: &str, lease_seconds: u16, from: Timestamp, to: Timestamp) {
    let took = Duration::try_from(to.duration_since(from)).unwrap();
    println!("{what}, lease of {lease_seconds} s: first effect of the follower after {took:.1?}");
    assert!(took < GENEROUS, "it took {took:?}");
}

/// From the moment at which a new epoch was issued nothing was accepted under an older one.
async fn accepted_in_order(world: &World) {
    let page = world.bss.get("audit?actor=Operator&limit=10000").await;
    let mut lines = page["entries"].as_array().unwrap().clone();
    assert!(page["next"].is_null() || lines.len() >= ITEMS, "{page:#}");
    lines.retain(|line| {
        let outcome = line["outcome"].as_str().unwrap();
        [
            "Issued",
            "Accepted",
            "Created",
            "Updated",
            "Written",
            "Activated",
        ]
        .contains(&outcome)
    });
    let epochs: Vec<i64> = lines
        .iter()
        .map(|line| line["epoch"].as_i64().unwrap())
        .collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
}

/// SIGKILL, with the lease as it is in production.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_chunk() {
    let lease = 15;
    let (mut world, follower) = two("leaderkilled", lease).await;
    world
        .bss
        .faults(json!([slow("copySubscriptions", 1500, 9)]))
        .await;
    begin_serially(&world).await;
    // The first batch is done, the second is under way.
    world.bss.struck(0, 2).await;
    let former = epoch(&world).await;
    world.operator.kill().unwrap();
    let killed = Timestamp::now();
    let copied = world.bss.created("copySubscriptions").await.len();
    assert!(copied > 0 && copied < ITEMS, "no middle: {copied} copied");
    world.bss.faults(json!([])).await;
    let worked = first_effect_after(&world, former).await;
    told("the leader was killed", lease, killed, worked);
    leads(&follower.health).await;
    world.ends_well().await;
    accepted_in_order(&world).await;
    follower.holds();
    assert_eq!(world.bss.created("copySubscriptions").await.len(), ITEMS);
}

/// SIGSTOP, and SIGCONT when the other one has made all copies: the call that was under way comes
/// to be looked at then, and those that were to follow are never sent.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_of_a_chunk_and_resumed() {
    let lease = 3;
    let (world, follower) = two("leaderstopped", lease).await;
    let held = json!({ "operation": "activateBackOrdering", "kind": "Unavailable503" });
    world
        .bss
        .faults(json!([slow("copySubscriptions", 12_000, 1), held]))
        .await;
    begin_serially(&world).await;
    world.bss.struck(0, 1).await;
    let former = epoch(&world).await;
    world.operator.pause().await.unwrap();
    let stopped = Timestamp::now();
    let worked = first_effect_after(&world, former).await;
    told("the leader stood still", lease, stopped, worked);
    leads(&follower.health).await;
    world.bss.struck(1, 1).await;
    let created = world.bss.created("copySubscriptions").await;
    assert_eq!(created.len(), ITEMS);
    let held_by_the_follower = epoch(&world).await;
    assert_eq!(held_by_the_follower, former + 1);

    world.operator.resume().unwrap();
    let calls = r#"bss_call_duration_seconds_count{operation="copySubscriptions""#;
    let stale = format!(r#"{calls},outcome="StaleEpoch"}}"#);
    until("the old leader is refused", || async {
        let refused = figure(&world.health, &stale).await;
        (refused == 1, format!("{refused} refused"))
    })
    .await;
    world.heartbeats(3).await;
    assert_eq!(figure(&world.health, "leader").await, 0);
    assert_eq!(figure(&world.health, calls).await, 1, "it went on sending");
    let acquired = r#"bss_call_duration_seconds_count{operation="acquireEpoch""#;
    let acquired = figure(&world.health, acquired).await;
    assert_eq!(acquired, 1, "it acquired without leading");
    world.bss.faults(json!([])).await;
    world.ends_well().await;
    accepted_in_order(&world).await;
    follower.holds();
    assert_eq!(world.bss.created("copySubscriptions").await, created);
}
