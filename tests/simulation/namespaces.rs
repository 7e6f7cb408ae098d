//! Two namespaces of one cluster have each an upgrade of one reseller of one BSS. The BSS knows them as two
//! holders: one works, and the other stands back and says so, whichever was first and whatever goes wrong.
//! Where the neighbours were first, people take over from them in the middle of their work.

use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::port::{Mode, Strength};

use super::faults::Fault;
use super::scenario::{Ending, Scenario};
use super::{run, seeds};
use support::simulated_bss::World;

/// So many seeds; most of their worlds have a BSS that issues epochs.
const SEEDS: u64 = 30;

/// What may go wrong here. Suspensions, other specs and restores are of one upgrade, and their judges
/// suppose that there is no other.
const FAULTS: [Fault; 15] = [
    Fault::BssUnavailable,
    Fault::BssThrottled,
    Fault::BssRequestLost,
    Fault::BssReplyLost,
    Fault::BssRequestLate,
    Fault::BssReplyMalformed,
    Fault::BssReplySlow,
    Fault::BssQueue,
    Fault::ApiUnavailable,
    Fault::ApiReplyLost,
    Fault::WatchLags,
    Fault::WatchCut,
    Fault::Killed,
    Fault::KilledLate,
    Fault::LeaseLost,
];

/// The run of a seed, if its BSS issues epochs: without them one operator per BSS is an accepted risk. The
/// neighbours' namespace sorts before the other in half of the runs, and behind it in the others.
fn of(seed: u64) -> Option<Scenario> {
    let mut scenario = Scenario::of(seed);
    scenario.faults.retain(|fault| FAULTS.contains(fault));
    scenario.neighbour = Some(if seed.is_multiple_of(2) {
        "neighbours"
    } else {
        "strangers"
    });
    let switches = &scenario.world.switches;
    let automatic = switches.modes.values().any(|mode| *mode == Mode::Automatic);
    (switches.promises.epochs == Strength::Strong && automatic).then_some(scenario)
}

#[test]
fn one_namespace_works_and_the_other_stands_back() {
    let records = seeds::in_parallel(1..=SEEDS, |seed| {
        let scenario = of(seed).unwrap_or_else(|| Scenario::plain(World::new(1, 1)));
        run::run(&scenario, &[], false)
    });
    let mut violations = Vec::new();
    let (mut two, mut held, mut upgraded) = (0, 0, 0);
    for (seed, record) in records.iter().filter(|(seed, _)| of(**seed).is_some()) {
        two += 1;
        held += u64::from(record.reasons.contains(&Reason::ResellerClaimed));
        upgraded += u64::from(record.ended == Some(Ending::Upgraded));
        let of_seed = record.violations.iter();
        violations.extend(of_seed.map(|what| format!("seed {seed}: {what}")));
    }
    println!("{two} runs with two namespaces, {held} with one held back, {upgraded} upgraded");
    assert_eq!(violations, Vec::<String>::new());
    assert!(two > 20, "{two}");
    assert_eq!((held, upgraded), (two, two));
}
