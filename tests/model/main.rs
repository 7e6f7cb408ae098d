//! The model check: over a small world every order in which things can happen is gone through, with
//! the real `decide` and `fold`, and every state is held against the invariants.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, as it should"
)]

mod bss;
mod calls;
mod explore;
mod judge;
mod keyed;
mod model;
mod operator;
mod people;
mod state;
#[path = "../support/simulated_bss/mod.rs"]
mod simulated_bss;
mod configurations;
mod guards;

use configurations::Configuration;
use people::Act;

fn run(configuration: &Configuration) {
    let mut model = configuration.model();
    let begun = std::time::Instant::now();
    let found = explore::explore(&mut model, 4_000_000);
    let time = begun.elapsed();
    match found {
        Ok(found) => println!("{}: {found:?} {time:?}", configuration.name),
        Err(wrong) => panic!("{}: {wrong}", configuration.name),
    }
    for row in model.guards.rows() {
        println!("   {row:?}");
    }
}

#[test]
fn quiet() {
    run(&Configuration::new("quiet"));
}

#[test]
fn one_crash() {
    let mut c = Configuration::new("crash");
    c.crashes = 1;
    run(&c);
}

#[test]
fn lost_and_crash() {
    let mut c = Configuration::new("crash and lost");
    c.crashes = 1;
    c.lost = 1;
    run(&c);
}

#[test]
fn storefront() {
    let mut c = Configuration::new("storefront");
    c.acts = vec![(Act::Buy(0), 1), (Act::Cancel(0), 1), (Act::Change(1), 1), (Act::Order(1), 1)];
    c.acts_in_all = 2;
    run(&c);
}

#[test]
fn leaders() {
    let mut c = Configuration::new("leaders");
    c.leaders = 1;
    run(&c);
}

#[test]
fn leaders_and_storefront() {
    let mut c = Configuration::new("leaders and storefront");
    c.leaders = 1;
    c.purchases = 2;
    c.acts = vec![(Act::Buy(0), 1), (Act::Cancel(0), 1), (Act::Change(1), 1), (Act::Order(1), 1)];
    c.acts_in_all = 1;
    run(&c);
}

#[test]
fn leaders_and_crash() {
    let mut c = Configuration::new("leaders and lost");
    c.leaders = 1;
    c.lost = 1;
    c.purchases = 2;
    run(&c);
}

#[test]
fn pricing() {
    let mut c = Configuration::new("pricing");
    c.priced = false;
    c.acts = vec![(Act::Price(0), 2), (Act::Price(1), 2), (Act::Unprice(0), 1), (Act::Unprice(1), 1), (Act::Replace, 1)];
    c.acts_in_all = 4;
    run(&c);
}

#[test]
fn reseller_side() {
    let mut c = Configuration::new("reseller");
    c.acts = vec![(Act::Amend(0), 1), (Act::End(0), 1), (Act::Cancel(0), 1), (Act::Change(0), 1), (Act::Buy(1), 1), (Act::Replace, 1)];
    c.acts_in_all = 3;
    run(&c);
}
