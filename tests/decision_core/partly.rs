//! Progress as long as the BSS answers at all: what was answered is kept, only what failed is asked
//! again, and what repeats without progress comes later each time and names its item in the end.

use std::time::Duration;

use proptest::prelude::*;
use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::error::{BlockerTally, BssError};
use tenant_reseller_operator::bss::port::{BlockerReason, Mode, SourceId, WriteOperation};
use tenant_reseller_operator::upgrade::{
    Attempted, Effect, Outcome, PreflightState, Read, Stage, SweepCall, decide, observe_all,
};

use crate::drive::{Driver, Fault, reads_a_page, until};
use crate::{complete, run};
use support::simulated_bss::{Action, Defect, Pick, World};

fn away() -> BssError {
    BssError::Unavailable {
        detail: "away".to_owned(),
    }
}

/// So many calls at most precede a try of the switch: reseller, tenant, orders, four pages, the record.
const LAST_SWEEP: f64 = 10.0;

/// A hash of a number: which calls fail is the same in each run of a seed.
fn share(seed: u64, call: u64) -> f64 {
    let mixed =
        (seed ^ call.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((mixed ^ (mixed >> 29)) >> 32).unwrap()) / f64::from(u32::MAX)
}

/// A reseller whose looks need many calls: pages of many, batches of few.
fn many_calls(purchases: u32) -> World {
    let mut world = World::new(6, purchases);
    world.eager_pricing = true;
    world.switches.page_size = 1_000;
    world.switches.largest_batch = 2;
    world
}

/// Runs to the end with calls failing at a rate; answers how many calls it took, and how often the
/// switch was asked for: a new last sweep precedes each try of that.
fn calls_at(rate: f64, seed: u64, error: fn() -> BssError) -> (f64, f64) {
    let mut world = many_calls(40);
    let mut driver = Driver::new();
    driver.refuse = Box::new(move |call| (share(seed, call) < rate).then(error));
    for _ in 0..20_000 {
        assert_eq!(world.violations_now(), Vec::<String>::new());
        if driver.step(&mut world, Fault::None) {
            complete(&world);
            let switches = driver.trace.iter().filter(|name| **name == "activate");
            let calls = u32::try_from(driver.calls).unwrap();
            return (
                f64::from(calls),
                f64::from(u32::try_from(switches.count()).unwrap()),
            );
        }
    }
    panic!(
        "rate {rate}, seed {seed}: no end after {} calls, {:?} in {:?}",
        driver.calls,
        driver.reason(),
        driver.known.stage
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// With any failure rate below 1 an upgrade ends, in calls bounded by the rate: each call is made
    /// until it is answered, and hardly another one besides.
    #[test]
    fn ends_at_any_rate_of_failures(
        rate in prop_oneof![Just(0.08), Just(0.5), Just(0.9), 0.0..0.9_f64],
        seed: u64,
        throttled: bool,
    ) {
        let (without, _) = calls_at(0.0, 0, away);
        let error = if throttled {
            || BssError::Throttled { after: Some(Duration::from_secs(1)) }
        } else {
            away
        };
        let (with, switches) = calls_at(rate, seed, error);
        let needed = without + (switches - 1.0) * LAST_SWEEP;
        let bound = needed / (1.0 - rate) * 1.6 + 150.0;
        prop_assert!(with <= bound, "{with} calls, {without} without failures, {switches} switches");
    }
}

#[test]
fn an_answer_beside_a_failure_keeps_the_wait_short() {
    let mut world = many_calls(40);
    let mut driver = Driver::new();
    // Every third call fails: each effect of several calls gets on.
    driver.refuse = Box::new(|call| (call % 3 == 0).then(away));
    let mut attempts = 0;
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, _, driver| {
            let failures = driver.known.waiting.failures.as_ref();
            attempts = attempts.max(failures.map_or(0, |failures| failures.attempts));
        },
    );
    assert!(done);
    assert!(attempts <= 2, "{attempts} failures in a row were counted");
    assert!(
        driver.clock < Duration::from_mins(2),
        "it took {:?}",
        driver.clock
    );
    complete(&world);
}

#[test]
fn one_side_of_two_pages_is_taken_in_although_the_other_failed() {
    let mut world = many_calls(10);
    let mut driver = Driver::new();
    let pages = |driver: &Driver| {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        next.is_some_and(|effect| reads_a_page(&effect))
    };
    while !pages(&driver) {
        driver.step(&mut world, Fault::None);
    }
    // The listing of the sources, which is asked for first, answers; that of the copies fails.
    let second = driver.calls + 2;
    driver.refuse = Box::new(move |call| (call == second).then(away));
    driver.step(&mut world, Fault::None);
    while !pages(&driver) {
        driver.step(&mut world, Fault::None);
    }
    let next = decide(&driver.valid, &driver.known, driver.now()).effect;
    let Some(Effect::Sweep(calls)) = next else {
        panic!("{next:?}");
    };
    assert!(
        matches!(calls.as_slice(), [SweepCall::Copies(..)]),
        "{calls:?}"
    );
}

/// The tenant is in the queue for so long.
fn queued(long: Duration) -> (World, Driver) {
    let mut world = many_calls(10);
    world.switches.tenant_queue = long;
    let mut driver = Driver::new();
    while driver.known.tenant.preflight == PreflightState::NotYet {
        driver.step(&mut world, Fault::None);
    }
    (world, driver)
}

#[test]
fn a_look_ahead_that_fails_holds_nothing_back_and_is_told() {
    let (mut world, mut driver) = queued(Duration::from_mins(1));
    // The BSS answers everything but the look ahead.
    let mut told = false;
    let begun = driver.calls;
    for _ in 0..200 {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        let ahead = matches!(next, Some(Effect::Read(Read::Preflight(_))));
        let fault = if ahead {
            Fault::Unavailable
        } else {
            Fault::None
        };
        driver.step(&mut world, fault);
        let ready = driver.status.conditions.iter().find(|c| c.type_ == "Ready");
        told = told
            || ready.is_some_and(|ready| {
                ready.reason == "Progressing"
                    && ready
                        .message
                        .contains("could not be made yet: The BSS is not available")
            });
        if driver.known.stage != Stage::Opening {
            break;
        }
    }
    assert!(told);
    assert_eq!(driver.known.stage, Stage::Customers);
    assert!(
        driver.clock < Duration::from_secs(70),
        "the tenant is seen with the next look, not after {:?}",
        driver.clock
    );
    assert!(driver.calls - begun < 40, "{} calls", driver.calls - begun);
}

/// A person may take days to create the tenant: what would block later is told meanwhile.
#[test]
fn while_a_person_has_to_create_the_tenant_the_look_ahead_is_made_and_told() {
    let mut world = many_calls(10);
    let by_hand = (WriteOperation::CreateTenant, Mode::ManualStep);
    world.switches.modes.extend([by_hand]);
    let (source, _) = world.eligible().next().unwrap();
    let source = source.clone();
    world
        .act(Action::Plant(Defect::Currency, source.clone()))
        .unwrap();
    let mut driver = Driver::new();
    let mut asked = false;
    for _ in 0..100 {
        driver.step(&mut world, Fault::None);
        asked |= driver.reason() == Reason::AwaitingManualStep;
        let ready = driver.status.conditions.iter().find(|c| c.type_ == "Ready");
        if ready.is_some_and(|ready| ready.message.contains("cannot be copied as they are")) {
            break;
        }
    }
    assert!(asked && world.tenants.is_empty());
    let failures = &driver.status.failures;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].reason, "CurrencyMismatch");
    assert_eq!(failures[0].examples[0].id, source.0);
    assert_eq!(driver.reason(), Reason::AwaitingManualStep);
    // It was made once, and nothing is asked that would not be asked without it.
    assert_eq!(driver.known.tenant.preflight, PreflightState::Over);
    let made = Action::ByHand(WriteOperation::CreateTenant, Pick::Needed);
    world.act(made).unwrap();
    for _ in 0..300 {
        driver.step(&mut world, Fault::None);
        if driver.reason() == Reason::PrecheckFailed {
            return;
        }
    }
    panic!("it ended with {:?}", driver.reason());
}

#[test]
fn a_look_ahead_that_keeps_failing_is_given_up_and_that_is_told() {
    let (mut world, mut driver) = queued(Duration::from_mins(20));
    let mut tries = 0;
    for _ in 0..600 {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        let ahead = matches!(next, Some(Effect::Read(Read::Preflight(_))));
        tries += usize::from(ahead);
        let fault = if ahead {
            Fault::Unavailable
        } else {
            Fault::None
        };
        driver.step(&mut world, fault);
        if matches!(
            driver.known.tenant.preflight,
            PreflightState::GivenUp { .. }
        ) {
            break;
        }
    }
    assert_eq!(tries, 7);
    for _ in 0..6 {
        driver.step(&mut world, Fault::None);
    }
    let ready = driver.status.conditions.iter().find(|c| c.type_ == "Ready");
    let ready = ready.unwrap();
    assert!(
        ready
            .message
            .contains("could not be made; phase 3 makes them"),
        "{ready:?}"
    );
}

/// Runs for so long, and answers how many calls that took.
fn for_a_while(world: &mut World, driver: &mut Driver, long: Duration) -> u64 {
    let (until, begun) = (driver.clock + long, driver.calls);
    while driver.clock < until {
        assert!(!driver.step(world, Fault::None), "it cannot end");
    }
    driver.calls - begun
}

#[test]
fn an_item_that_a_reply_leaves_out_is_named_and_asked_for_ever_more_rarely() {
    let mut world = many_calls(12);
    let gone = SourceId::from(world.purchases.keys().next().unwrap().as_str());
    world.unknown_to_checks.insert(gone.clone());
    let mut driver = Driver::new();
    for_a_while(&mut world, &mut driver, Duration::from_mins(5));
    assert_eq!(driver.reason(), Reason::ItemsFailed);
    let failure = driver.status.failures.first().unwrap();
    let example = failure.examples.first().unwrap();
    assert_eq!(
        (example.id.as_str(), example.detail.as_deref()),
        (
            gone.as_str(),
            Some("the reply of checkPurchases left it out")
        )
    );
    // One look each minute, which is the recheck interval here, and each needs some twenty calls.
    let calls = for_a_while(&mut world, &mut driver, Duration::from_mins(10));
    assert!(calls < 300, "{calls} calls in ten minutes");
    world.unknown_to_checks.clear();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn a_read_that_is_not_found_in_each_round_is_asked_ever_more_rarely() {
    let mut world = many_calls(12);
    let mut driver = Driver::new();
    while driver.known.stage != Stage::Check {
        driver.step(&mut world, Fault::None);
    }
    let (until, mut tries) = (driver.clock + Duration::from_mins(10), 0);
    while driver.clock < until {
        let inspects = driver.known.stage == Stage::Check
            && matches!(
                decide(&driver.valid, &driver.known, driver.now()).effect,
                Some(Effect::Sweep(calls))
                    if matches!(calls.first(), Some(SweepCall::Pricing(_) | SweepCall::Check(..)))
            );
        let first = driver.calls + 1;
        driver.refuse = Box::new(move |call| {
            (inspects && call == first).then(|| BssError::NotFound {
                what: "something".to_owned(),
            })
        });
        tries += usize::from(inspects);
        driver.step(&mut world, Fault::None);
    }
    assert!(tries < 25, "{tries} rounds in ten minutes");
}

#[test]
fn seven_refused_batches_are_one_failure() {
    for error in [
        BssError::Blocked(vec![BlockerTally {
            reason: BlockerReason::TenantSuspended,
            count: 1,
            examples: Vec::new(),
        }]),
        BssError::Conflict {
            detail: "moved".to_owned(),
        },
        away(),
    ] {
        let (_, mut driver) = until(many_calls(40), "copy subscriptions");
        let failure = || Outcome::Failed {
            attempted: Attempted::Write,
            error: error.clone(),
        };
        let mut once = driver.known.clone();
        let now = driver.now();
        observe_all(&driver.valid, &mut once, vec![failure()], now);
        let seven = (0..7).map(|_| failure()).collect();
        observe_all(&driver.valid, &mut driver.known, seven, now);
        assert_eq!(driver.known, once, "{error}");
    }
}
