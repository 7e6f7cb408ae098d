//! The demo's story with an end at any moment: the operator, or the BSS, is ended by SIGKILL again
//! and again at moments drawn from a seed, while the BSS throttles, fails and loses replies and the
//! Storefront buys and cancels. The ledgers judge.
//!
//! One run each in the whole suite; `make endure RUNS=20 FIRST=1` does many.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bss::Data;
use super::world::{World, options};

/// Numbers from a seed: small, and the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    fn moment(&mut self) -> Instant {
        Instant::now() + Duration::from_millis(self.between(100, 2_500))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Operator,
    Bss,
}

fn from_env(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

async fn runs(victim: Victim) {
    let first = from_env("FIRST", 1);
    let mut kills = 0;
    let runs = from_env("RUNS", 1);
    for seed in first..first + runs {
        let began = Instant::now();
        let killed = one(victim, seed).await;
        kills += killed;
        println!(
            "seed {seed}: {victim:?} killed {killed} times, ledgers clean, {} s",
            began.elapsed().as_secs()
        );
    }
    println!("{runs} runs, {kills} kills of {victim:?}, 0 violations");
    assert!(kills >= runs, "hardly anything was killed");
}

async fn one(victim: Victim, seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let data = Data {
        customers: 30,
        subscriptions: 120,
        defects: "demo",
        tenant_queue_ms: 800,
        order_ms: 150,
        ..Data::default()
    };
    let label = format!("endure-{victim:?}-{seed}").to_lowercase();
    let mut world = World::of(&label, data).await;
    let often = |kind: Value| json!({ "operation": "*", "kind": kind, "probability": 0.02 });
    let slow =
        |operation: &str| json!({ "operation": operation, "kind": { "Latency": { "ms": 120 } } });
    world
        .bss
        .faults(json!([
            often(json!({ "Throttle": {} })),
            often(json!("Unavailable503")),
            often(json!("LoseReplyAfterEffect")),
            slow("copyCustomers"),
            slow("copySubscriptions"),
            slow("listSubscriptions"),
        ]))
        .await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    let most = dice.between(4, 10);
    let mut killed = 0;
    let mut next = dice.moment();
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        let view = world.view().await;
        if view.is("Succeeded") {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "seed {seed}: not done; it went\n{}",
            world.history.told()
        );
        match view.reason() {
            "AwaitingPricing" => {
                world.bss.act("reseller-staff/pricing", options()).await;
            }
            "PrecheckFailed" => {
                world.bss.act("fix-defects", json!({})).await;
            }
            "OrphanedCopy" => {
                for source in view.named("OrphanedCopy") {
                    let ended = json!({ "sourceId": source });
                    let _gone_already = world.bss.try_act("reseller-staff/end-copy", ended).await;
                }
            }
            _ => {}
        }
        if Instant::now() >= next && killed < most {
            killed += 1;
            match victim {
                Victim::Operator => world.kill().await,
                Victim::Bss => world.bss.kill().await,
            }
            next = dice.moment();
            // The Storefront goes on meanwhile; what it may not do any more is refused.
            let act = match dice.between(0, 3) {
                0 => Some(("storefront/buy", json!({}))),
                1 => Some(("storefront/cancel", json!({ "pick": "Copied" }))),
                _ => None,
            };
            if let Some((path, body)) = act {
                let _perhaps_refused = world.bss.try_act(path, body).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.bss.faults(json!([])).await;
    world.ends_well().await;
    killed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_killed_at_random() {
    runs(Victim::Operator).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bss_is_killed_at_random() {
    runs(Victim::Bss).await;
}
