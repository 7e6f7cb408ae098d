//! The calls of a sweep are answered in any order. What comes of it is what one call after the other brings.

use tenant_reseller_operator::upgrade::{
    Effect, Known, Stage, SweepCall, decide, observe_one_of_many,
};

use crate::drive::{Driver, Fault};
use support::calls::{self, UnderWay};
use support::simulated_bss::World;

/// Small pages and batches, and so many calls at a time.
fn at(stage: Stage, at_once: usize) -> (World, Driver) {
    let mut world = World::new(3, 14);
    world.eager_pricing = true;
    world.switches.page_size = 2;
    world.switches.largest_batch = 2;
    let mut driver = Driver::new();
    driver.valid.terms.at_once = at_once;
    for _ in 0..2_000 {
        if driver.known.stage == stage {
            return (world, driver);
        }
        driver.step(&mut world, Fault::None);
    }
    panic!("it does not come to {stage:?}: {:?}", driver.reason());
}

/// Goes through a stage. `pick` says which of the calls under way is answered next.
fn through(stage: Stage, at_once: usize, pick: usize) -> Known {
    let (mut world, mut driver) = at(stage, at_once);
    let mut under_way: Vec<SweepCall> = Vec::new();
    for turn in 1..2_000 {
        if driver.known.stage != stage && under_way.is_empty() {
            return driver.known;
        }
        let decision = decide(&driver.valid, &driver.known, driver.now());
        match decision.effect {
            Some(Effect::Sweep(calls)) if driver.known.stage == stage => {
                driver.known.sweeps.begins(&calls);
                under_way.extend(calls);
            }
            _ if under_way.is_empty() => {
                driver.step(&mut world, Fault::None);
                continue;
            }
            _ => {}
        }
        assert!(under_way.len() <= at_once, "{under_way:?}");
        let call = under_way.remove(pick * turn % under_way.len());
        let tenant = world.live_tenant_id();
        let mut one = UnderWay::begin(Effect::Sweep(vec![call]), tenant.clone()).as_a_pipeline();
        let due = one.due().unwrap().clone();
        let epoch = driver.known.fencing.epoch;
        one.answered(calls::carried(&mut world, &due, (epoch, tenant.as_ref())));
        let (outcome, now) = (one.taken_in().unwrap(), driver.now());
        observe_one_of_many(&driver.valid, &mut driver.known, outcome, now);
    }
    panic!("{stage:?} does not end: {:?}", driver.reason());
}

/// A page that comes before its turn waits for the page that leads to it.
#[test]
pub(crate) fn pages_come_in_any_order() {
    let clean = |at_once, pick| {
        through(Stage::FinalPurchases, at_once, pick)
            .activation
            .clean
    };
    let one_by_one = clean(1, 0);
    assert!(one_by_one.is_some());
    for pick in 1..8 {
        assert_eq!(clean(8, pick), one_by_one, "{pick}");
    }
}

/// What came before its turn is read again when no call was under way for a while: what it says may be old.
#[test]
pub(crate) fn a_page_before_its_turn_is_read_again_after_a_pause() {
    let (mut world, mut driver) = at(Stage::FinalPurchases, 8);
    let wanted = |driver: &Driver| {
        let decision = decide(&driver.valid, &driver.known, driver.now());
        match decision.effect {
            Some(Effect::Sweep(calls)) => calls,
            other => panic!("no call of the sweep: {other:?}"),
        }
    };
    let calls = wanted(&driver);
    driver.known.sweeps.begins(&calls);
    let later = |call: &&SweepCall| match call {
        SweepCall::Sources(_, page) => page.cursor.is_some(),
        _ => false,
    };
    let early = calls.iter().rfind(later).expect("a page that is expected");
    let tenant = world.live_tenant_id();
    let alone = Effect::Sweep(vec![early.clone()]);
    let mut one = UnderWay::begin(alone, tenant.clone()).as_a_pipeline();
    let due = one.due().unwrap().clone();
    let epoch = driver.known.fencing.epoch;
    one.answered(calls::carried(&mut world, &due, (epoch, tenant.as_ref())));
    let (outcome, now) = (one.taken_in().unwrap(), driver.now());
    observe_one_of_many(&driver.valid, &mut driver.known, outcome, now);
    let sweep = driver.known.sweeps.current.as_mut().unwrap();
    sweep.nothing_under_way();
    assert!(
        wanted(&driver).contains(early),
        "{early:?} is not read again"
    );
}

/// An answer is taken for the items that were asked for, and for no other that waits.
#[test]
pub(crate) fn checks_come_in_any_order() {
    for pick in 1..8 {
        let known = through(Stage::Check, 8, pick);
        assert_eq!(known.stage, Stage::Copy, "{pick}: {:?}", known.waiting);
    }
}
