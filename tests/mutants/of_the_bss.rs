//! Mistakes of the BSS: a promise that it gives and breaks.

use crate::harness::{Armed, Case, Proof};
use crate::cases;
use crate::proofs::simulation_but;
use crate::simulated_bss::Wrong;
use crate::simulation::scenario::Scenario;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let all = Wrong::ALL.iter().map(|&wrong| Case {
        of: "BSS",
        name: wrong.name(),
        about: wrong.about().trim().to_owned(),
        armed: Armed::default(),
        proofs: proofs(wrong),
    });
    all.collect()
}

fn proofs(wrong: Wrong) -> Vec<Proof> {
    let kinds: [(&'static str, fn(u64) -> Scenario); 12] = [
        ("any", cases::any),
        ("busy", cases::busy),
        ("busy_and_priced", cases::busy_and_priced),
        ("decoys", cases::decoys),
        ("findable", cases::findable),
        ("findable_and_late", cases::findable_and_late),
        ("frozen", cases::frozen),
        ("unguarded", cases::unguarded),
        ("two_leaders", cases::two_leaders),
        ("restored", cases::restored),
        ("moved", cases::moved),
        ("amended", cases::amended),
    ];
    let proofs = kinds.into_iter().map(|(name, build)| {
        simulation_but(name, build, move |scenario| scenario.world.wrong = Some(wrong))
    });
    proofs.collect()
}
