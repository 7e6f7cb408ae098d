//! The deterministic simulator: the operator's own pass over a simulated cluster, BSS, clock and
//! randomness, with every fault alone and in pairs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a test that panics has failed, and prints what it found"
)]

mod bss;
mod clockwork;
mod cluster;
mod core;
mod deeds;
mod etcd;
mod faults;
mod kills;
#[path = "../support/kstatus.rs"]
mod kstatus;
mod operator;
mod people;
mod port;
mod run;
mod scenario;
mod seeds;
#[path = "../support/simulated_bss/mod.rs"]
mod simulated_bss;
mod truths;

use scenario::Scenario;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// `SEED=n` replays one run with its trace; `FIRST` and `SEEDS` choose the seeds.
#[test]
fn seeds() {
    if let Some(seed) = number("SEED") {
        assert_eq!(seeds::replay(seed).violations, Vec::<String>::new());
        return;
    }
    let count = number("SEEDS").unwrap_or(300);
    let sum = seeds::run_seeds(number("FIRST").unwrap_or(1), count);
    assert!(sum.violations.is_empty());
    if count >= 300 {
        assert_eq!(sum.never(), Vec::<&str>::new(), "faults that never fired");
    }
}

#[test]
fn two_runs_of_a_seed_are_equal_byte_for_byte() {
    for seed in 1..=20 {
        let scenario = Scenario::of(seed);
        let (one, two) = (
            run::run(&scenario, &[], true),
            run::run(&scenario, &[], true),
        );
        assert!(!one.trace.is_empty());
        assert_eq!(one, two, "seed {seed}");
    }
}

/// The operator is killed at every call of every scenario. `LONG=1` tries every arrival of every late
/// request, and pairs of kills.
#[test]
fn kill_matrix() {
    let long = number("LONG").is_some();
    let (mut points, mut runs) = (0, 0);
    let mut violations = Vec::new();
    for (name, scenario) in kills::scenarios() {
        let grain = kills::Grain {
            late: if long { 1 } else { 9 },
            pairs: if long { 7 } else { 0 },
        };
        let found = kills::matrix(&scenario, grain);
        println!(
            "{name}: {} kill points, {} runs, {} violations",
            found.points,
            found.runs,
            found.violations.len()
        );
        points += found.points;
        runs += found.runs;
        violations.extend(found.violations.into_iter().map(|v| format!("{name}: {v}")));
    }
    println!(
        "kill matrix: {points} kill points, {runs} runs, {} violations",
        violations.len()
    );
    assert_eq!(violations, Vec::<String>::new());
}
