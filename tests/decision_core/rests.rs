//! A suspension: what was sent before it is shut out, and the BSS remembers it when the cluster does
//! not.

use tenant_reseller_operator::api::{Reason, TenantResellerUpgrade};
use tenant_reseller_operator::bss::port::AccountId;
use tenant_reseller_operator::upgrade::{ClaimEdit, Effect, Stage, decide};

use crate::drive::{Driver, Fault, upgrade, valid_with};
use crate::{complete, run};
use support::simulated_bss::World;

fn world() -> World {
    let mut world = World::new(3, 6);
    world.eager_pricing = true;
    world
}

/// The spec as it is now; the account under which work has begun is known from status.
fn set(driver: &mut Driver, upgrade: &TenantResellerUpgrade, begun: bool) {
    driver.valid = valid_with(Vec::new(), upgrade);
    driver.valid.pinned_account = begun.then(|| AccountId("10423".to_owned()));
    driver.kill();
}

fn suspended() -> TenantResellerUpgrade {
    let mut suspended = upgrade();
    suspended.spec.suspend = true;
    suspended
}

/// Steps until it rests.
fn rests(world: &mut World, driver: &mut Driver) {
    for _ in 0..40 {
        driver.step(world, Fault::None);
        if driver.reason() == Reason::Suspended {
            return;
        }
    }
    panic!("it does not rest: {:?}", driver.trace);
}

/// Goes on until something of the last phase but one is about to be sent.
fn copying(world: &mut World, driver: &mut Driver) {
    for _ in 0..400 {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        if driver.known.stage == Stage::Copy && next.is_some_and(|effect| effect.changes_the_bss())
        {
            return;
        }
        driver.step(world, Fault::None);
    }
    panic!("it does not copy: {:?}", driver.trace);
}

#[test]
fn what_was_sent_before_is_shut_out() {
    let (mut world, mut driver) = (world(), Driver::new());
    copying(&mut world, &mut driver);
    let there = world.copies.len();
    // It dies, and its request is still on its way.
    driver.step(&mut world, Fault::KilledLate);
    assert_eq!(driver.late.len(), 1);
    set(&mut driver, &suspended(), true);
    rests(&mut world, &mut driver);
    let due = driver.late[0].0;
    driver.clock = due + std::time::Duration::from_secs(1);
    driver.step(&mut world, Fault::None);
    assert!(driver.late.is_empty(), "it arrived");
    assert_eq!(world.copies.len(), there, "and was refused");

    // A process that begins later asks the BSS nothing any more.
    driver.trace.clear();
    driver.kill();
    rests(&mut world, &mut driver);
    assert_eq!(driver.trace, ["claim: take"]);

    set(&mut driver, &upgrade(), true);
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    assert!(!driver.claim.unwrap().suspended);
}

#[test]
fn it_is_remembered_when_the_cluster_went_back_to_before_it() {
    let (mut world, mut driver) = (world(), Driver::new());
    copying(&mut world, &mut driver);
    let before = driver.claim.clone();
    set(&mut driver, &suspended(), true);
    rests(&mut world, &mut driver);

    driver.claim = before;
    set(&mut driver, &upgrade(), true);
    for _ in 0..3_000 {
        driver.step(&mut world, Fault::None);
        if driver.reason() == Reason::AwaitingConfirmation {
            break;
        }
    }
    assert_eq!(driver.reason(), Reason::AwaitingConfirmation);
    assert!(!world.on, "nothing irreversible happened");
}

#[test]
fn a_process_that_runs_on_knows_an_older_record_whatever_is_open_on_it() {
    let (mut world, mut driver) = (world(), Driver::new());
    copying(&mut world, &mut driver);
    let mut before = driver.claim.clone().unwrap();
    driver.kill();
    copying(&mut world, &mut driver);
    assert!(driver.claim.as_ref().unwrap().epoch > before.epoch);

    // With the state went the epoch; a request of somebody who is gone opens an acquisition on it.
    before.acquisition_pending = true;
    driver.claim = Some(before);
    for _ in 0..3_000 {
        driver.step(&mut world, Fault::None);
        if driver.reason() == Reason::AwaitingConfirmation {
            break;
        }
    }
    assert_eq!(driver.reason(), Reason::AwaitingConfirmation);
    assert!(!world.on, "nothing irreversible happened");
}

#[test]
fn what_never_began_asks_nobody() {
    let (mut world, mut driver) = (world(), Driver::new());
    set(&mut driver, &suspended(), false);
    driver.step(&mut world, Fault::None);
    assert_eq!(driver.reason(), Reason::Suspended);
    assert!(driver.trace.is_empty(), "{:?}", driver.trace);

    // Work has begun by status, but the record says that nothing was sent under it.
    driver.valid.pinned_account = Some(AccountId("10423".to_owned()));
    rests(&mut world, &mut driver);
    assert!(driver.claim.is_none_or(|claim| claim.epoch.is_none()));
    assert_eq!(world.epoch, 0);
}

#[test]
fn a_bss_that_is_away_holds_nobody_up() {
    let (mut world, mut driver) = (world(), Driver::new());
    copying(&mut world, &mut driver);
    set(&mut driver, &suspended(), true);
    let mut said = Vec::new();
    for _ in 0..60 {
        driver.step(&mut world, Fault::Unavailable);
        said.push(driver.reason());
    }
    assert_eq!(driver.reason(), Reason::Suspended, "{said:?}");
    let waiting = driver.clock;
    assert!(waiting.as_secs() > 60, "it rests between its tries");
    rests(&mut world, &mut driver);
    for _ in 0..20 {
        driver.step(&mut world, Fault::None);
    }
    assert!(driver.claim.as_ref().unwrap().suspended);
    let edits = |edit: &ClaimEdit| matches!(edit, ClaimEdit::RecordEpoch { .. });
    let next = decide(&driver.valid, &driver.known, driver.now()).effect;
    assert!(!matches!(next, Some(Effect::Claim(edit)) if edits(&edit)));
}
