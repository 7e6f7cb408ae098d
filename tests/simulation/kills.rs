//! The kill matrix: the operator is killed at every single call.
//!
//! A scenario is run once to count its calls. Then for each of them it is run again with the
//! operator killed there: before the call, after its effect and before the reply, after the reply and
//! before anything is recorded; and for every write killed while it is on its way, so that it takes
//! effect at each of the later calls. All memory is gone, another process begins, and the run is
//! taken to its end.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use tenant_reseller_operator::api::Risk;
use tenant_reseller_operator::bss::port::{
    Keys, Mode, Promises, SourceId, Strength, WriteOperation,
};

use super::core::Strike;
use super::faults::Fate;
use super::run::{Record, run};
use super::scenario::{Ending, STRONG, Scenario};
use crate::simulated_bss::{Deed, Defect, World};

/// How much of the matrix is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// Late arrivals at every so many-th later call.
    pub(crate) late: usize,
    /// Pairs of kills at every so many-th pair; none for 0.
    pub(crate) pairs: usize,
}

/// What a matrix found.
pub(crate) struct Found {
    pub(crate) points: u64,
    pub(crate) runs: usize,
    pub(crate) violations: Vec<String>,
}

/// The runs of a scenario's matrix.
fn strikes(plain: &Record, strong: bool, grain: Grain) -> Vec<Vec<Strike>> {
    let mut all = Vec::new();
    for at in 1..=plain.calls {
        for fate in [Fate::KilledBefore, Fate::KilledAfter, Fate::KilledAtReply] {
            all.push(vec![Strike { at, fate }]);
        }
    }
    // Where keys do not protect, a request may not come later than the connection says; the seeds try
    // those.
    let late: &[u64] = if strong { &plain.writes } else { &[] };
    for &at in late {
        // Later calls are those of the next process, which looks at everything first.
        for until in (at + 1..=plain.calls + 60).step_by(grain.late) {
            let fate = Fate::KilledUntil(until);
            all.push(vec![Strike { at, fate }]);
        }
    }
    if grain.pairs > 0 {
        let pairs = (1..=plain.calls).flat_map(|a| (a + 1..=plain.calls + 20).map(move |b| (a, b)));
        for (first, second) in pairs.step_by(grain.pairs) {
            for fate in [Fate::KilledBefore, Fate::KilledAfter] {
                let strike = |at| Strike { at, fate };
                all.push(vec![strike(first), strike(second)]);
            }
        }
    }
    all
}

/// Runs the matrix of a scenario.
pub(crate) fn matrix(scenario: &Scenario, grain: Grain) -> Found {
    let plain = run(scenario, &[], false);
    assert_eq!(plain.violations, Vec::<String>::new(), "without a kill");
    assert_eq!(plain.ended, Some(Ending::Upgraded));
    for (call, deed) in &scenario.script {
        let name = super::deeds::name(deed);
        assert!(plain.deeds.contains_key(name), "{name} at call {call} was refused");
    }
    let strong = scenario.world.switches.promises == STRONG;
    let all = strikes(&plain, strong, grain);
    let violations = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(strikes) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let record = run(scenario, strikes, false);
                    if !record.violations.is_empty() {
                        let mut found = violations.lock().unwrap();
                        found.push(format!("{strikes:?}: {}", record.violations.join("; ")));
                        if found.len() >= 10 {
                            return;
                        }
                    }
                }
            });
        }
    });
    Found {
        points: plain.calls,
        runs: all.len(),
        violations: violations.into_inner().unwrap(),
    }
}

/// The scenarios of the matrix, by name.
pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    let small = || {
        let mut world = World::new(2, 4);
        world.switches.page_size = 3;
        world.switches.largest_batch = 2;
        world
    };
    let priced = || {
        let mut world = small();
        world.eager_pricing = true;
        world
    };
    let purchase = |world: &World, n: usize| -> SourceId {
        let ids: Vec<SourceId> = world.purchases.keys().cloned().collect();
        ids[n % ids.len()].clone()
    };
    let plain = Scenario::plain(priced());

    // One product is not in the price list, and one account is not in sync, until staff repairs it.
    let mut blocked = Scenario::plain(priced());
    blocked.script = vec![
        (1, Deed::Plant(Defect::Product, purchase(&blocked.world, 0))),
        (1, Deed::Plant(Defect::Sync, purchase(&blocked.world, 1))),
    ];

    // People set pricing options when they are asked to, and one customer's are removed later.
    let mut pricing = Scenario::plain(small());
    pricing.script = vec![(60, Deed::RemovePricing(Some("c000".into())))];

    // The reseller buys, cancels, changes and orders all along: in phase 2, in phase 3, and right
    // before the switch.
    let mut storefront = Scenario::plain(priced());
    storefront.world.switches.order_pending = Duration::from_secs(2);
    storefront.script = vec![
        (16, Deed::Buy("c000".into())),
        (24, Deed::Cancel(purchase(&storefront.world, 0))),
        (30, Deed::BuyHeld("c001".into())),
        (34, Deed::Quantity(purchase(&storefront.world, 1), 5)),
        (40, Deed::Buy("c001".into())),
        (46, Deed::FinishOrders),
        (54, Deed::Suspend(purchase(&storefront.world, 2))),
        (60, Deed::Resume(purchase(&storefront.world, 2))),
        (70, Deed::BuyHeld("c000".into())),
        (90, Deed::Quantity(purchase(&storefront.world, 3), 3)),
        (110, Deed::Buy("c000".into())),
    ];

    // Every write is a manual step.
    let mut manual = Scenario::plain(priced());
    for step in WriteOperation::ALL {
        manual.world.switches.modes.insert(step, Mode::ManualStep);
    }

    // A BSS without a single promise, every risk accepted.
    let mut weak = Scenario::plain(priced());
    weak.world.switches.promises = Promises {
        keys: Keys::Findable,
        epochs: Strength::Weak,
        revision: Strength::Weak,
        compares: Strength::Weak,
        orders: Strength::Weak,
        off_guard: Strength::Weak,
    };
    weak.risks = BTreeSet::from([
        Risk::UnguardedSwitch,
        Risk::SingleOperator,
        Risk::UnseenOrders,
    ]);

    vec![
        ("plain", plain),
        ("blocked and repaired", blocked),
        ("pricing in the middle", pricing),
        ("Storefront", storefront),
        ("manual steps", manual),
        ("no promise kept", weak),
    ]
}
