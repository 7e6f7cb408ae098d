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
mod configurations;
mod explore;
mod guards;
mod judge;
mod keyed;
mod model;
mod operator;
mod people;
#[path = "../support/simulated_bss/mod.rs"]
mod simulated_bss;
mod state;
mod table;

#[test]
fn sizes() {
    let only = std::env::var("ONLY").unwrap_or_default();
    for configuration in table::every() {
        if !configuration.name.contains(&only) {
            continue;
        }
        let mut model = configuration.model();
        let begun = std::time::Instant::now();
        let found = explore::explore(&mut model, 150_000);
        println!("{}: {:?}", configuration.name, begun.elapsed());
        match found {
            Ok(found) => println!("   {found:?}"),
            Err(wrong) => println!("   WRONG {wrong}"),
        }
    }
}
