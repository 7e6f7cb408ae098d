//! Whether the proofs find mistakes: every small mistake of the operator, of the BSS and of the
//! judges, one at a time, against the proofs in order of cost.
//!
//! A mistake is found if a proof that holds without it fails with it. `make mutants` is the long form
//! and writes `docs/proofs/mutants.md`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    clippy::unreachable,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, and prints what it found; of each proof this binary \
              uses a part"
)]

mod cases;
mod directed;
mod harness;
mod of_the_bss;
mod of_the_judges;
mod of_the_operator;
mod page;
mod proofs;
mod seeded;
mod source;
mod switch;
mod tables;

// The simulator, as it is.
#[path = "../simulation"]
mod simulation {
    mod accepted_risks;
    mod actions;
    mod aim;
    mod bss;
    mod clockwork;
    mod cluster;
    pub(crate) mod core;
    mod etcd;
    pub(crate) mod faults;
    mod guarantees;
    pub(crate) mod kill_scenarios;
    pub(crate) mod kills;
    mod operator;
    pub(crate) mod people;
    mod played;
    mod port;
    pub(crate) mod run;
    pub(crate) mod scenario;
    mod status_checks;
}

// The act that copies and switches, as the decision core alone shows it.
#[path = "../decision_core/drive.rs"]
mod drive;
#[path = "../decision_core/pipeline.rs"]
mod pipeline;
#[path = "../decision_core/with_switch.rs"]
mod with_switch;

// The model check, as it is.
#[path = "../model/attempts.rs"]
mod attempts;
#[path = "../model/bss.rs"]
mod bss;
#[path = "../model/configurations.rs"]
mod configurations;
#[path = "../model/explore.rs"]
mod explore;
#[path = "../model/guards.rs"]
mod guards;
#[path = "../model/judge.rs"]
mod judge;
#[path = "../model/keyed.rs"]
mod keyed;
#[path = "../model/model.rs"]
mod model;
#[path = "../model/operator.rs"]
mod operator;
#[path = "../model/people.rs"]
mod people;
#[path = "../model/state.rs"]
mod state;
#[path = "../model/table.rs"]
mod table;

// The tests of the judges, as they are.
#[path = "../decision_core/judges.rs"]
mod judges;

use harness::Effort;

/// Each judge of the simulator is tripped once, and what must stop a run does.
#[test]
fn judges_of_the_simulator() {
    seeded::status_rules();
    seeded::lies();
    seeded::expectations();
    seeded::suspensions();
    seeded::leases();
    seeded::confirmation();
    seeded::endlessness();
    seeded::what_the_switch_corrupts_is_found();
    seeded::a_reseller_is_held_by_one_upgrade();
    seeded::a_replaced_tenant_stops_everything();
}

#[test]
fn every_mutant_is_found() {
    let effort = if std::env::var_os("LONG").is_some() {
        Effort::Long
    } else {
        Effort::Short
    };
    let only = std::env::var("ONLY").unwrap_or_default();
    if switch::IN_THE_COPY {
        let mut mutants = source::cases_in_the_copy();
        mutants.retain(|mutant| mutant.name.contains(&only));
        harness::run_all(&mutants, effort)
            .iter()
            .for_each(source::tell);
        return;
    }
    let mut mutants = of_the_operator::all();
    mutants.extend(of_the_bss::all());
    mutants.extend(of_the_judges::all());
    mutants.retain(|mutant| mutant.name.contains(&only));
    let mut rows = source::run_the_copy(&only, effort);
    for row in &rows {
        println!("{}", page::line(row));
    }
    rows.extend(harness::run_all(&mutants, effort));
    let whole = only.is_empty();
    assert!(!whole || rows.len() >= 80, "{}", rows.len());
    let survived: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.found.is_err().then_some(row.name))
        .collect();
    if let Some(place) = std::env::var_os("PAGE").filter(|_| whole) {
        std::fs::write(place, page::written(&rows, effort)).unwrap();
    }
    println!(
        "{} passed, {} failed",
        rows.len() - survived.len(),
        survived.len()
    );
    assert_eq!(survived, Vec::<&str>::new(), "nothing finds these");
}
