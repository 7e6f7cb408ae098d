//! Epochs whose reply nobody heard, and a record that is older than the BSS: the first ask nobody, the
//! second asks a person before anything that cannot be undone.

use std::time::Duration;

use proptest::prelude::*;
use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::port::{AccountId, Acquisition, AcquisitionId};
use tenant_reseller_operator::upgrade::{Effect, decide};

use crate::drive::{Driver, Fault};
use crate::{complete, run};
use support::simulated_bss::{Attempts, RESELLER, World};

fn world() -> World {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    world
}

fn acquires(driver: &Driver) -> bool {
    let next = decide(&driver.valid, &driver.known, driver.now()).effect;
    matches!(next, Some(Effect::Acquire { .. }))
}

/// Goes on until an epoch is about to be asked for, which then goes like this.
fn acquisition(world: &mut World, driver: &mut Driver, how: Fault) {
    for _ in 0..200 {
        let now = acquires(driver);
        driver.step(world, if now { how } else { Fault::None });
        if now {
            return;
        }
    }
    panic!("it does not acquire: {:?}", driver.trace);
}

/// Somebody acquires an epoch under a name that is on nobody's record.
fn stranger(world: &mut World, name: &str) {
    let id = AcquisitionId::from(name);
    let asked = Acquisition {
        id: &id,
        holder: "cluster",
        take_over: None,
    };
    world.acquire(&AccountId::from(RESELLER), asked).unwrap();
}

/// Goes on for long; answers whether a person was asked, with nothing done before.
fn asks_a_person(world: &mut World, driver: &mut Driver) -> bool {
    for _ in 0..3_000 {
        if driver.step(world, Fault::None) {
            return false;
        }
        if driver.reason() == Reason::AwaitingConfirmation {
            assert!(!world.on, "nothing irreversible happened");
            return true;
        }
    }
    panic!("it does not end: {:?}", driver.reason());
}

#[test]
fn crashes_and_lost_replies_in_the_moment_of_acquiring_ask_nobody() {
    for how in [
        Fault::LostReply,
        Fault::KilledAfter,
        Fault::Late,
        Fault::KilledLate,
    ] {
        for times in 1..5 {
            let (mut world, mut driver) = (world(), Driver::new());
            for _ in 0..times {
                acquisition(&mut world, &mut driver, how);
            }
            // The spec is edited besides: what is known begins anew.
            driver.kill();
            let asked = |_: usize, _: &mut World, driver: &mut Driver| {
                assert_ne!(driver.reason(), Reason::AwaitingConfirmation, "{how:?}");
            };
            assert!(run(&mut world, &mut driver, |_| Fault::None, asked));
            complete(&world);
        }
    }
}

/// The cluster goes back, a process opens an attempt on the older record and dies, and its request
/// arrives late: the epoch that is missing on the record is not taken for that attempt's.
#[test]
fn a_late_attempt_hides_no_restore() {
    let (mut world, mut driver) = (world(), Driver::new());
    acquisition(&mut world, &mut driver, Fault::None);
    driver.step(&mut world, Fault::None);
    let before = driver.claim.clone();
    stranger(&mut world, "after the snapshot");
    driver.claim = before;
    driver.kill();
    acquisition(&mut world, &mut driver, Fault::KilledLate);
    assert!(asks_a_person(&mut world, &mut driver));
}

/// As many attempts without an answer as epochs that the record does not know are no excuse.
#[test]
fn names_are_compared_and_not_numbers() {
    let (mut world, mut driver) = (world(), Driver::new());
    for _ in 0..3 {
        acquisition(&mut world, &mut driver, Fault::KilledBefore);
    }
    stranger(&mut world, "one");
    stranger(&mut world, "two");
    assert!(asks_a_person(&mut world, &mut driver));
}

/// A BSS that does not remember for which attempt an epoch was issued leaves the numbers.
#[test]
fn without_names_the_numbers_are_compared() {
    let (mut world, mut driver) = (world(), Driver::new());
    world.switches.attempts = Attempts::Forgotten;
    acquisition(&mut world, &mut driver, Fault::LostReply);
    acquisition(&mut world, &mut driver, Fault::KilledAfter);
    assert!(!asks_a_person(&mut world, &mut driver));

    let (mut world, mut driver) = (self::world(), Driver::new());
    world.switches.attempts = Attempts::Forgotten;
    acquisition(&mut world, &mut driver, Fault::LostReply);
    stranger(&mut world, "one");
    stranger(&mut world, "two");
    assert!(asks_a_person(&mut world, &mut driver));
}

/// A process that saw more on record than is there now knows that the record went back, whatever the
/// BSS says: here one that issues no epochs.
#[test]
fn a_record_that_lost_what_this_process_saw_on_it_is_an_older_one() {
    let mut world = world();
    world.switches.promises.epochs = tenant_reseller_operator::bss::port::Strength::Weak;
    let mut driver = Driver::new();
    let risks = [tenant_reseller_operator::api::Risk::SingleOperator];
    driver.valid.terms.accepted = risks.into_iter().collect();
    let mut before = None;
    for _ in 0..500 {
        driver.step(&mut world, Fault::None);
        let claim = driver.claim.as_ref();
        if claim.is_some_and(|claim| claim.tenant_id.is_none()) {
            before = driver.claim.clone();
        }
        if claim.is_some_and(|claim| claim.timeline.len() > 1) {
            break;
        }
    }
    // Its own claim is read again after a failed write.
    driver.claim = before;
    driver.known.fencing.claim = None;
    assert!(asks_a_person(&mut world, &mut driver));
}

proptest! {
    /// Whatever is lost, late or killed while epochs are acquired, and whenever the cluster goes back
    /// meanwhile: a person is asked exactly if an epoch was issued of which the record knew nothing.
    #[test]
    fn a_person_is_asked_exactly_if_the_record_is_older(
        moments in proptest::collection::vec(0_u8..6, 1..9),
        back_at in 0_usize..9,
        back_to in 0_usize..9,
    ) {
        let (mut world, mut driver) = (world(), Driver::new());
        driver.upgrade_claim();
        let mut records = vec![driver.claim.clone()];
        let mut older = false;
        for (n, moment) in moments.iter().enumerate() {
            let how = match moment {
                0 => Fault::None,
                1 => Fault::LostReply,
                2 => Fault::Late,
                3 => Fault::KilledAfter,
                4 => Fault::KilledBefore,
                _ => Fault::KilledLate,
            };
            acquisition(&mut world, &mut driver, how);
            if how == Fault::None {
                // Its number goes on record.
                driver.step(&mut world, Fault::None);
            }
            // Each begins anew, so that each acquires.
            driver.kill();
            records.push(driver.claim.clone());
            if n == back_at {
                let to = back_to.min(n);
                driver.claim.clone_from(&records[to]);
                let claim = driver.claim.as_ref().unwrap();
                let known = claim.epoch.and_then(|e| u64::try_from(e).ok()).unwrap_or(0);
                older = world.issued.iter().any(|issued| {
                    let id = issued.acquisition.as_ref().unwrap().as_str();
                    issued.epoch.0 > known && !claim.acquisitions.iter().any(|a| a.id == id)
                });
            }
        }
        // Whoever confirms has waited until nothing is under way any more.
        driver.clock += Duration::from_mins(5);
        let mut asked = false;
        for _ in 0..3_000 {
            asked |= driver.claim.as_ref().is_some_and(|c| c.unconfirmed_epoch.is_some());
            if asked || driver.step(&mut world, Fault::None) {
                break;
            }
        }
        // What lands late on an older record may add a sign, and takes none away.
        prop_assert!(asked || !older, "nobody was asked");
        if back_at >= moments.len() {
            prop_assert!(!asked, "a person was asked, and nothing went back");
        }
    }
}

/// Where the BSS issues no epochs, a tenant under the upgrade's key that the record does not know asks
/// a person; once confirmed it is adopted, and nobody is asked in a circle.
#[test]
fn a_confirmed_restore_adopts_the_tenant() {
    let mut world = world();
    world.switches.promises.epochs = tenant_reseller_operator::bss::port::Strength::Weak;
    let mut driver = Driver::new();
    let risks = [tenant_reseller_operator::api::Risk::SingleOperator];
    driver.valid.terms.accepted = risks.into_iter().collect();
    driver.upgrade_claim();
    let before = driver.claim.clone();
    while driver
        .claim
        .as_ref()
        .is_some_and(|claim| claim.tenant_id.is_none())
    {
        driver.step(&mut world, Fault::None);
    }
    driver.claim = before;
    driver.kill();
    assert!(asks_a_person(&mut world, &mut driver));
    let asked = driver.claim.as_ref().unwrap().unconfirmed_epoch.unwrap();
    driver.valid.confirmed = Some(asked.to_string());
    driver.trace.clear();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    let edits = driver.trace.iter().filter(|name| **name == "claim");
    assert!(edits.count() < 20, "{:?}", driver.trace);
}

/// Where no epochs are issued a confirmation lets the tenant be adopted that stood there when a person
/// confirmed. A tenant that is requested later is none of that.
#[test]
fn a_confirmation_covers_no_tenant_that_is_requested_after_it() {
    let (mut world, mut driver) = (world(), Driver::new());
    driver.upgrade_claim();
    driver.claim.as_mut().unwrap().confirmed_epoch = Some(1_764_285_600);
    let on_record = |driver: &Driver| driver.claim.clone().unwrap();
    while on_record(&driver).intents.create_tenant.is_none() {
        assert!(on_record(&driver).confirmed_epoch.is_some());
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(on_record(&driver).confirmed_epoch, None);
}
