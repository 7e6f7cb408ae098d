//! A BSS that takes connections and never answers, and 64 upgrades that call it, beside an upgrade of a
//! BSS that is well, under one operator: what hangs takes no time of the other.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::bss::Data;
use super::world::{World, until};

const HANGING: usize = 64;

/// Takes every connection, holds it and says nothing; not even TLS begins.
struct BlackHole {
    address: String,
    /// Connections that are open now.
    open: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl BlackHole {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // What comes is read, until the caller hangs up.
                    let mut ignored = [0; 4096];
                    loop {
                        let ready = socket.readable().await;
                        match socket.try_read(&mut ignored) {
                            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                            Ok(1..) if ready.is_ok() => {}
                            Ok(_) | Err(_) => break,
                        }
                    }
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            open,
            task,
        }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// A connection to it with all that it needs, as greedy as can be, and its upgrades.
    fn objects(&self, world: &World) -> Vec<Value> {
        let mut credentials = world.credentials("a-token-that-goes-nowhere");
        credentials["metadata"]["name"] = json!("nowhere");
        credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] =
            json!(self.address);
        let mut connection = world.connection();
        connection["metadata"]["name"] = json!("nowhere");
        let spec = &mut connection["spec"];
        spec["identity"] = json!("nowhere");
        spec["reference"]["url"] = json!(format!("https://{}/tenant-reseller/v1", self.address));
        spec["auth"]["bearer"]["secretRef"]["name"] = json!("nowhere");
        spec["limits"] = json!({ "requestsPerSecond": 1000, "concurrency": 256,
                                 "activeUpgrades": 1000, "requestTimeoutSeconds": 30 });
        let upgrade = |number: usize| {
            let mut upgrade = world.upgrade();
            upgrade["metadata"]["name"] = json!(format!("hanging-{number}"));
            upgrade["spec"]["connectionRef"]["name"] = json!("nowhere");
            upgrade["spec"]["reseller"] = json!({ "accountId": format!("n-{number}") });
            upgrade
        };
        let mut objects = vec![credentials, connection];
        objects.extend((0..HANGING).map(upgrade));
        objects
    }
}

/// How the upgrade of the BSS that is well fared.
#[derive(Debug)]
struct Fared {
    took: Duration,
    calls: u64,
    /// Connections to the black hole while it ran, at least.
    hanging: usize,
}

async fn fares(label: &str, hole: Option<&BlackHole>) -> Fared {
    // What it takes is mostly the BSS's own time: 20 ms for each of some 300 calls, one at a time.
    let data = Data {
        subscriptions: 200,
        more: vec!["--largest-batch=1".to_owned(), "--latency-ms=20".to_owned()],
        ..Data::default()
    };
    let world = World::of(label, data).await;
    if let Some(hole) = hole {
        world.connect().await;
        world.apply(&hole.objects(&world)).await;
        until("calls hang", || async {
            (hole.open() >= 8, format!("{} connections", hole.open()))
        })
        .await;
    }
    // It never strikes, and counts.
    let counts = json!({ "operation": "*", "kind": "Unavailable503", "probability": 0.0 });
    world.bss.faults(json!([counts])).await;
    let mut connection = world.connection();
    connection["spec"]["limits"]["concurrency"] = json!(1);
    let token = world.bss.token.clone();
    let began = Instant::now();
    world
        .apply(&[
            world.credentials(&token),
            world.authority(),
            connection,
            world.upgrade(),
        ])
        .await;
    let hanging = Cell::new(hole.map_or(0, BlackHole::open));
    world
        .until("Succeeded", |view| {
            hanging.set(hanging.get().min(hole.map_or(0, BlackHole::open)));
            view.is("Succeeded")
        })
        .await;
    let took = began.elapsed();
    let rules = world.bss.get("faults").await;
    let calls = rules["rules"][0]["matched"].as_u64().unwrap();
    world.bss.judged_clean().await;
    Fared {
        took,
        calls,
        hanging: hanging.get(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_hang_take_no_time_of_another_connection() {
    let alone = fares("hole-alone", None).await;
    let hole = BlackHole::start().await;
    let beside = fares("hole-beside", Some(&hole)).await;
    println!("alone {alone:?}, beside {HANGING} upgrades that hang {beside:?}");
    assert!(alone.calls > 200, "{alone:?}");
    assert!(beside.hanging > 0, "nothing hung all the time: {beside:?}");
    // It asks as often, and goes as fast: one call that hangs takes 30 s, the whole upgrade some 7 s.
    assert!(
        beside.calls <= alone.calls + alone.calls / 4,
        "{beside:?} {alone:?}"
    );
    assert!(beside.took < alone.took * 3, "{beside:?} {alone:?}");
}
