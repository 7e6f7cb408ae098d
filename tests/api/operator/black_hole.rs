//! A BSS that takes every call and never answers, and 64 upgrades that call it, beside an upgrade of a BSS
//! that is well: one operator, one namespace, real sockets. What hangs takes no time of the other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bss::{Bss, Data};
use super::world::{Options, World, until};

const HANGING: usize = 64;

/// Longer than the test: whatever was sent hangs to its end.
const FOR_EVER_MS: u32 = 3_600_000;

/// What stands beside the upgrade that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    BlackHole,
}

/// How the upgrade of the BSS that is well fared.
#[derive(Debug)]
struct Fared {
    took: Duration,
    calls: u64,
    /// Calls that hung before it began.
    hanging: u64,
}

async fn black_hole(world: &World) -> Bss {
    let label = format!("{}-hole", world.namespace);
    let hole = Bss::start(world.plane, &label, &Data::default()).await;
    let silent = json!({ "operation": "*", "kind": { "Latency": { "ms": FOR_EVER_MS } } });
    hole.faults(json!([silent])).await;
    hole
}

/// A connection to the black hole with all that it needs, as greedy and as patient as can be, and its
/// upgrades.
fn objects(world: &World, hole: &Bss) -> Vec<Value> {
    let mut credentials = world.credentials(&hole.token);
    credentials["metadata"]["name"] = json!("hole");
    credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] =
        json!(hole.authority_of_url());
    let mut authority = world.authority();
    authority["metadata"]["name"] = json!("hole-authority");
    authority["stringData"]["ca.crt"] = json!(hole.authority);
    let mut connection = world.connection();
    connection["metadata"]["name"] = json!("hole");
    let spec = &mut connection["spec"];
    spec["identity"] = json!(hole.identity);
    spec["reference"]["url"] = json!(format!("{}/tenant-reseller/v1", hole.url));
    spec["auth"]["bearer"]["secretRef"]["name"] = json!("hole");
    spec["tls"]["caSecretRef"]["name"] = json!("hole-authority");
    spec["limits"] = json!({ "requestsPerSecond": 1000, "concurrency": 256,
                             "activeUpgrades": 1000, "requestTimeoutSeconds": 300 });
    let upgrade = |number: usize| {
        let mut upgrade = world.upgrade();
        upgrade["metadata"]["name"] = json!(format!("hanging-{number}"));
        upgrade["spec"]["connectionRef"]["name"] = json!("hole");
        upgrade["spec"]["reseller"] = json!({ "accountId": format!("n-{number}") });
        upgrade
    };
    let mut objects = vec![credentials, authority, connection];
    objects.extend((0..HANGING).map(upgrade));
    objects
}

async fn fares(label: &str, beside: Beside, arguments: &[&str]) -> Fared {
    // What it takes is mostly the BSS's own time: 20 ms for each call, one at a time.
    let data = Data {
        more: vec!["--largest-batch=1".to_owned(), "--latency-ms=20".to_owned()],
        ..Data::default()
    };
    let arguments = arguments.iter().map(|&argument| argument.to_owned());
    let options = Options {
        data,
        arguments: arguments.collect(),
        ..Options::default()
    };
    let mut world = World::with(label, options).await;
    world.connect().await;
    let hole = match beside {
        Beside::Nothing => None,
        Beside::BlackHole => Some(black_hole(&world).await),
    };
    let mut hanging = 0;
    if let Some(hole) = &hole {
        world.apply(&objects(&world, hole)).await;
        hole.struck(0, 1).await;
        // All of them are known to the operator, and what it lets through hangs or waits for its turn.
        until("as many calls hang as come through", || async {
            let before = hole.fired().await;
            world.heartbeats(2).await;
            let now = hole.fired().await;
            (now == before, format!("{now:?}"))
        })
        .await;
        hanging = hole.fired().await[0];
    }
    // It never strikes, and counts.
    let counts = json!({ "operation": "*", "kind": "Unavailable503", "probability": 0.0 });
    world.bss.faults(json!([counts])).await;
    let mut connection = world.connection();
    connection["spec"]["limits"]["concurrency"] = json!(1);
    let began = Instant::now();
    world.apply(&[connection, world.upgrade()]).await;
    world.until_succeeded().await;
    let took = began.elapsed();
    let rules = world.bss.get("faults").await;
    let calls = rules["rules"][0]["matched"].as_u64().unwrap();
    world.bss.judged_clean().await;
    // It would wait for the calls that hang.
    world.operator.kill().unwrap();
    Fared {
        took,
        calls,
        hanging,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_hang_take_no_time_of_another_connection() {
    hang_beside("hole", &[]).await;
}

/// The only place is held by a call that hangs, until it is lent.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_hang_take_no_time_of_another_connection_where_one_works_at_a_time() {
    hang_beside("hole-one", &["--working-at-once=1"]).await;
}

async fn hang_beside(label: &str, arguments: &[&str]) {
    let alone = fares(&format!("{label}-alone"), Beside::Nothing, arguments).await;
    let beside = fares(&format!("{label}-beside"), Beside::BlackHole, arguments).await;
    println!("alone {alone:?}, beside {HANGING} upgrades of a black hole {beside:?}");
    assert!(alone.calls > 100, "{alone:?}");
    assert!(beside.hanging > 0, "nothing hung: {beside:?}");
    // It asks as often, give or take what it looks at again, and goes as fast: a call that hangs takes
    // 300 s. The bound is generous, since the machine may be busy with one and not with the other.
    let more = beside.calls.saturating_sub(alone.calls);
    assert!(more <= alone.calls / 2, "{beside:?} {alone:?}");
    assert!(beside.took < alone.took * 4, "{beside:?} {alone:?}");
}
