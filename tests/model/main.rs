//! The model check: over a small world every order in which things can happen is gone through, with
//! the real `decide` and `observe`, and every state is held against the invariants.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    clippy::unreachable,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, as it should"
)]

mod attempts;
mod bss;
mod configurations;
mod explore;
mod guards;
mod judge;
mod keyed;
mod model;
mod never_stops;
mod operator;
mod page;
mod people;
mod state;
mod table;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use configurations::Configuration;
use explore::Explored;
use guards::Guards;

/// More is a world that grows without bound, or one that is too large for this proof.
const MOST_STATES: usize = 1_000_000;

/// What came of one small world.
pub(crate) struct Gone {
    name: &'static str,
    found: Explored,
    time: Duration,
}

/// Goes through all these worlds, two at a time.
fn go_through(worlds: Vec<Configuration>) -> (Vec<Gone>, Guards) {
    let guards = Mutex::new(Guards::default());
    let gone = Mutex::new(Vec::new());
    let wrong = Mutex::new(Vec::new());
    let left = Mutex::new(worlds.into_iter().enumerate().rev().collect::<Vec<_>>());
    let worker = || {
        loop {
            let Some((nth, world)) = left.lock().unwrap().pop() else {
                return;
            };
            let mut model = world.model();
            let begun = Instant::now();
            match explore::explore(&mut model, MOST_STATES) {
                Ok(found) => {
                    let time = begun.elapsed();
                    println!("{}: {} states, {time:.1?}", world.name, found.states);
                    guards.lock().unwrap().merge(&model.guards);
                    let name = world.name;
                    gone.lock().unwrap().push((nth, Gone { name, found, time }));
                }
                Err(found) => wrong
                    .lock()
                    .unwrap()
                    .push(format!("{}: {found}", world.name)),
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(worker);
        worker();
        other.join().unwrap();
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut gone = gone.into_inner().unwrap();
    gone.sort_by_key(|(nth, _)| *nth);
    let gone = gone.into_iter().map(|(_, gone)| gone).collect();
    (gone, guards.into_inner().unwrap())
}

fn worlds(long: bool) -> Vec<Configuration> {
    let only = std::env::var("ONLY").unwrap_or_default();
    table::every()
        .into_iter()
        .filter(|world| (long || !world.long) && world.name.contains(&only))
        .collect()
}

#[test]
fn every_order_of_things_in_the_small_worlds() {
    let (gone, guards) = go_through(worlds(false));
    println!("{}", page::of(&gone, &guards));
}

/// `make model`: all of them, and the page that says so.
#[test]
#[ignore = "the long form: `make model`"]
fn every_order_of_things_in_all_small_worlds() {
    let (gone, guards) = go_through(worlds(true));
    let page = page::of(&gone, &guards);
    println!("{page}");
    if std::env::var_os("ONLY").is_none() {
        page::check(&guards);
        page::keep(&page);
    }
}
