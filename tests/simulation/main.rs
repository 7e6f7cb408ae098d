//! The deterministic simulator: the operator's own controller over a simulated cluster, BSS, clock and
//! randomness, with every fault alone and in pairs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, and prints what it found; most reasons and faults do \
              not matter here"
)]

mod accepted_risks;
mod actions;
mod aim;
mod bss;
mod clockwork;
mod cluster;
mod core;
mod coverage;
mod etcd;
mod faults;
mod guarantees;
mod kill_scenarios;
mod kills;
mod matrix;
mod namespaces;
mod operator;
mod page;
mod people;
mod played;
mod port;
mod run;
mod scenario;
mod seeds;
mod shrink;
mod status_checks;
mod upgrade_path;

use scenario::{Ending, Scenario};
use seeds::Worlds;
use tenant_reseller_operator::api::Reason;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Writes the page of a long run, if one is wanted, from what it was before.
fn write_page(text: impl FnOnce(&str) -> String) {
    let path = std::env::var("PAGE").unwrap_or_default();
    if !path.is_empty() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, text(&before)).unwrap();
    }
}

/// Seeds that no run had: those that begin with the time. A second has a thousand of them, more than
/// are run in it.
fn from_the_clock() -> u64 {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_secs() * 1_000
}

/// `SEED=n` replays one run with its trace, `WITH` lets go wrong only what it names; `FIRST` (or
/// `clock`) and `SEEDS` choose the seeds.
#[test]
fn seeds() {
    if let Some(seed) = number("SEED") {
        let told = std::env::var("WITH").ok().filter(|with| !with.is_empty());
        let told = told.map(|with| with.split(',').filter_map(faults::Drawn::parse).collect());
        let record = seeds::replay(seed, told);
        assert_eq!(record.violations, Vec::<String>::new());
        return;
    }
    let fresh = std::env::var("FIRST").is_ok_and(|first| first == "clock");
    let first = if fresh {
        from_the_clock()
    } else {
        number("FIRST").unwrap_or(1)
    };
    let count = number("SEEDS").unwrap_or(300);
    let worlds = Worlds::chosen();
    let word = worlds.word();
    let repeat =
        format!("first seed {first}; repeat with make simulate {word}FIRST={first} SEEDS={count}");
    println!("{repeat}");
    let sum = seeds::run_seeds(first, count);
    println!("{repeat}");
    write_page(|before| {
        let anew = std::env::var("FRESH_PAGE").is_ok_and(|anew| !anew.is_empty());
        page::with(if anew { "" } else { before }, first, &sum, worlds)
    });
    assert_eq!(
        sum.violations.keys().collect::<Vec<_>>(),
        Vec::<&u64>::new()
    );
    // A few fresh seeds may never draw one of the faults.
    if count >= if fresh { 3_000 } else { 300 } {
        assert_eq!(sum.never(), Vec::<&str>::new(), "faults that never fired");
    }
    // Every write meets every fault. At the screens the operator sends few of them.
    let enough = match worlds {
        Worlds::All => 3_000,
        Worlds::AtTheScreens => 10_000,
    };
    if count >= enough {
        assert_eq!(sum.spared(), Vec::<String>::new());
    }
}

/// People are at the screens: they do their steps late, twice, in part and before they are told, and the last
/// step copies and switches. `SCREENS=1 SEED=…` shows one run, `SCREENS=1 SEEDS=…` runs many.
#[test]
fn people_at_the_screens() {
    let records = seeds::in_parallel(1..=100, |seed| {
        run::run(&Scenario::at_the_screens(seed), &[], false)
    });
    let (mut told, mut upgraded, mut done) = (0, 0, 0);
    let mut violations = Vec::new();
    for (seed, record) in &records {
        told += u64::from(record.reasons.contains(&Reason::AwaitingManualStep));
        upgraded += u64::from(record.ended == Some(Ending::Upgraded));
        done += record.actions.get("ByHand").copied().unwrap_or_default();
        violations.extend(
            record
                .violations
                .iter()
                .map(|what| format!("seed {seed}: {what}")),
        );
    }
    println!("100 runs, {upgraded} upgraded, {told} with steps of people, {done} steps done");
    assert_eq!(violations, Vec::<String>::new());
    assert!(
        upgraded > 40 && told > 50 && done > 100,
        "{upgraded} {told}"
    );
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
    let began = std::time::Instant::now();
    let (mut points, mut runs) = (0, 0);
    let mut violations = Vec::new();
    let mut told = String::new();
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut writes = std::collections::BTreeMap::new();
    for case in kill_scenarios::all() {
        let name = case.name;
        if !name.contains(&only) {
            continue;
        }
        let began = std::time::Instant::now();
        let grain = kills::Grain {
            late: if long { 1 } else { 31 },
            pairs: if long { 6_000 } else { 100 },
        };
        let found = kills::matrix(&case, grain);
        let line = format!(
            "{name:<27} {:>4} kill points, {:>6} runs, of which {:>6} with a late request and {:>5} \
             of {:>7} pairs, {} violations, {:.0} s\n",
            found.points,
            found.runs,
            found.late,
            found.pairs.0,
            found.pairs.1,
            found.violations.len(),
            began.elapsed().as_secs_f64()
        );
        print!("{line}");
        told.push_str(&line);
        points += found.points;
        runs += found.runs;
        for (write, (refused, done)) in found.writes {
            let sum: &mut (usize, usize) = writes.entry(write).or_default();
            *sum = (sum.0 + refused, sum.1 + done);
        }
        violations.extend(found.violations.into_iter().map(|v| format!("{name}: {v}")));
    }
    for (write, (refused, done)) in writes {
        let line = format!("late {write:<22} {refused:>6} refused, {done:>6} took effect\n");
        print!("{line}");
        told.push_str(&line);
    }
    let line = format!(
        "{:<27} {points:>4} kill points, {runs:>6} runs, {} violations, {:.0} s\n",
        "together",
        violations.len(),
        began.elapsed().as_secs_f64()
    );
    print!("{line}");
    told.push_str(&line);
    assert_eq!(violations, Vec::<String>::new());
    write_page(|_| {
        format!(
            "<!-- Written by `make kill-matrix`. -->\n\n# The kill matrix\n\nThe last run of `make \
             kill-matrix`:\n\n```text\n{told}```\n\n## What it leaves out\n\n{}",
            kills::left_out()
        )
    });
}

/// Pages are read while copies are under way, but not where the BSS would make a second copy: there nothing
/// rests on a look that is a moment older.
#[test]
fn reads_ahead_only_where_a_second_copy_is_refused() {
    use tenant_reseller_operator::bss::port::Keys;
    let ahead = |keys: Keys| {
        let mut scenario = Scenario::plain(support::simulated_bss::World::new(3, 200));
        scenario.world.eager_pricing = true;
        scenario.world.switches.page_size = 4;
        scenario.world.switches.largest_batch = 1;
        scenario.world.switches.promises.keys = keys;
        let record = run::run(&scenario, &[], true);
        assert_eq!(record.violations, Vec::<String>::new());
        let (mut copies, mut looks) = (0_i32, 0);
        for line in &record.trace {
            let mut words = line.split_whitespace().skip(1);
            let asked = words.next().is_some_and(|word| word.starts_with('p'));
            match (asked, line.contains(" copy subscriptions ")) {
                (true, true) => copies += 1,
                (false, true) => copies -= 1,
                (true, false) if copies > 0 && line.contains(" subscriptions ") => looks += 1,
                _ => {}
            }
        }
        assert_eq!(copies, 0, "each copy was answered");
        looks
    };
    assert!(ahead(Keys::Unique) > 0);
    assert_eq!(ahead(Keys::Findable), 0);
}

/// Each promise weak alone and in pairs, with its risk accepted and without, with every fault that the
/// promises allow. `docs/guarantees.md` carries the tables; `UPDATE_GENERATED=1` writes them again.
#[test]
fn matrix_of_promises() {
    let (written, violations) = matrix::matrix(12);
    assert_eq!(violations, Vec::<String>::new());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guarantees.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    for (what, table) in [
        ("guarantees", written.guarantees),
        ("promises", written.promises),
    ] {
        let begin = format!("<!-- begin: {what}, written by the matrix of promises -->\n");
        let end = "<!-- end -->";
        let (head, rest) = page.split_once(&begin).expect("the page has its place");
        let (before, tail) = rest.split_once(end).expect("the place has its end");
        let table = format!("\n{table}\n");
        if std::env::var_os("UPDATE_GENERATED").is_none() {
            assert_eq!(before, table, "run `make generate`");
        }
        page = format!("{head}{begin}{table}{end}{tail}");
    }
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, page).unwrap();
    }
}
