//! A suspended upgrade on a connection through which the operator only reads: it looks and reports before
//! anything has begun, and tells no person to do anything.

use std::time::Duration;

use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::ResellerKind;
use tenant_reseller_operator::upgrade::decide;

use crate::drive::{Driver, Fault, upgrade, valid_with};
use crate::with_switch::{read_only, until_told};
use support::simulated_bss::{Action, Defect, World};

/// A suspended upgrade; whether its connection only reads is said.
fn at_rest(only_reads: bool) -> Driver {
    let mut suspended = upgrade();
    suspended.spec.suspend = true;
    let mut driver = Driver::new();
    driver.valid = valid_with(Vec::new(), &suspended);
    driver.valid.terms.only_reads = only_reads;
    driver
}

fn message(driver: &Driver) -> String {
    decide(&driver.valid, &driver.known, driver.now())
        .state
        .message
}

/// Runs for so long, and sees at each step that the upgrade rests and holds nothing.
fn rests_for(world: &mut World, driver: &mut Driver, time: Duration) {
    let until = driver.clock + time;
    for _ in 0..2_000 {
        if driver.clock >= until {
            return;
        }
        driver.step(world, Fault::None);
        assert_eq!(driver.reason(), Reason::Suspended);
        assert!(driver.claim.is_none(), "it takes no claim");
        assert!(
            driver.trace.iter().all(|effect| *effect == "read"),
            "{:?}",
            driver.trace
        );
    }
    panic!("it asks without end: {}", driver.calls);
}

#[test]
fn it_reports_what_could_not_be_copied_and_sees_it_mended() {
    let mut world = read_only();
    let planted = world.eligible().next().unwrap().0.clone();
    world.act(Action::Plant(Defect::Cycle, planted)).unwrap();
    let mut driver = at_rest(true);
    let slow = driver.valid.pace.recheck;
    rests_for(&mut world, &mut driver, slow);
    assert!(
        message(&driver).contains("status.failures names them"),
        "{}",
        message(&driver)
    );
    assert_eq!(driver.known.findings.preflight.total(), 1);
    let after_one_look = driver.calls;

    world.act(Action::Repair).unwrap();
    rests_for(&mut world, &mut driver, slow * 18);
    assert!(
        message(&driver).contains("found nothing in the way"),
        "{}",
        message(&driver)
    );
    assert_eq!(driver.known.findings.preflight.total(), 0);
    assert!(
        driver.calls <= after_one_look * 3,
        "twelve slow intervals lie between its looks: {} and {after_one_look}",
        driver.calls
    );

    // Then it goes on as if it had never rested.
    let mut going = Driver::new();
    going.valid.terms.only_reads = true;
    going.clock = driver.clock;
    until_told(&mut world, &mut going);
}

#[test]
fn where_the_operator_writes_it_asks_nothing() {
    let mut world = read_only();
    let mut driver = at_rest(false);
    for _ in 0..20 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!((driver.reason(), driver.calls), (Reason::Suspended, 0));
    assert_eq!(message(&driver), "All work on this upgrade rests.");
}

#[test]
fn a_look_that_fails_is_told_and_tried_again_at_the_slow_interval() {
    let mut world = read_only();
    let mut driver = at_rest(true);
    let slow = driver.valid.pace.recheck;
    // The first three calls tell who answers; the checks after them fail.
    driver.refuse = Box::new(|call| (call > 3).then_some(BssError::Throttled { after: None }));
    rests_for(&mut world, &mut driver, slow * 24);
    assert!(
        message(&driver).contains("could not be made"),
        "{}",
        message(&driver)
    );
    assert!(driver.calls < 60, "{}", driver.calls);

    driver.refuse = Box::new(|_| None);
    rests_for(&mut world, &mut driver, slow * 24);
    assert!(
        message(&driver).contains("found nothing in the way"),
        "{}",
        message(&driver)
    );
}

#[test]
fn what_is_wrong_with_the_account_is_told() {
    let mut world = read_only();
    world.act(Action::Kind(ResellerKind::Standard)).unwrap();
    let mut driver = at_rest(true);
    let slow = driver.valid.pace.recheck;
    rests_for(&mut world, &mut driver, slow);
    assert!(
        message(&driver).contains("This would hold it: Only a Basic reseller can be upgraded"),
        "{}",
        message(&driver)
    );
}
