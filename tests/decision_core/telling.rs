//! A person presses the switch: what is told is on record before it is shown, taken back before
//! anything is sent, and known after a restart. And the looks on which a switch rests are young.

use std::time::Duration;

use tenant_reseller_operator::api::{ConditionType, Reason};
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::port::{Mode, PurchaseState, SourceId, WriteOperation};
use tenant_reseller_operator::upgrade::{
    Attempted, ClaimEdit, Effect, Outcome, Stage, decide, observe,
};

use crate::drive::{Driver, Fault, reads_a_page};
use crate::{complete, run};
use support::simulated_bss::{Action, Pick, TenantVerb, World};

fn by_hand() -> (World, Driver) {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    let switch = WriteOperation::ActivateBackOrdering;
    world.switches.modes.insert(switch, Mode::ManualStep);
    (world, Driver::new())
}

fn next(driver: &Driver) -> Option<Effect> {
    decide(&driver.valid, &driver.known, driver.now()).effect
}

fn is_told(driver: &Driver) -> bool {
    let state = decide(&driver.valid, &driver.known, driver.now()).state;
    state.reason == Reason::AwaitingManualStep && state.next_action.contains("cannot be undone")
}

/// Goes on until a person is told to press the switch.
fn until_told(world: &mut World, driver: &mut Driver) {
    for _ in 0..2_000 {
        let freeze = decide(&driver.valid, &driver.known, driver.now()).state;
        if freeze.next_action.contains("Disable ordering") {
            world.act(Action::Ordering(false)).unwrap();
        }
        if is_told(driver) {
            return;
        }
        driver.step(world, Fault::None);
    }
    panic!("nobody is told: {:?}", driver.reason());
}

#[test]
fn what_is_told_is_on_record_first() {
    let (mut world, mut driver) = by_hand();
    let mut recorded = false;
    for _ in 0..2_000 {
        if driver.reason() == Reason::AwaitingManualStep && !is_told(&driver) {
            world.act(Action::Ordering(false)).unwrap();
        }
        recorded |= driver
            .claim
            .as_ref()
            .is_some_and(|claim| claim.told.is_some());
        if is_told(&driver) {
            break;
        }
        driver.step(&mut world, Fault::None);
    }
    assert!(is_told(&driver) && recorded);
    let told = driver.claim.clone().unwrap().told.unwrap();
    assert_eq!(told.operation, "activateBackOrdering");
    // Looking again and finding the same leaves the record as it is.
    for _ in 0..60 {
        driver.step(&mut world, Fault::None);
    }
    until_told(&mut world, &mut driver);
    assert_eq!(driver.claim.as_ref().unwrap().told.as_ref(), Some(&told));
}

#[test]
fn it_is_taken_back_before_anything_is_sent() {
    let (mut world, mut driver) = by_hand();
    until_told(&mut world, &mut driver);
    world.act(Action::Ordering(true)).unwrap();
    let bought = world.buy(0);
    let copied = |world: &World| {
        let copies = world.copy_records();
        copies.iter().any(|(_, copy)| copy.source == bought)
    };
    for _ in 0..2_000 {
        if next(&driver).is_some_and(|effect| effect.changes_the_bss()) {
            let told = driver.claim.as_ref().unwrap().told.as_ref();
            assert_eq!(told, None, "something is sent while it stands");
            assert!(!is_told(&driver), "something is sent while it is shown");
        }
        driver.step(&mut world, Fault::None);
        if copied(&world) {
            break;
        }
    }
    assert!(copied(&world));
    until_told(&mut world, &mut driver);
    let press = Action::ByHand(WriteOperation::ActivateBackOrdering, Pick::Needed);
    world.act(press).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn the_first_sign_of_a_change_takes_it_back() {
    let (mut world, mut driver) = by_hand();
    until_told(&mut world, &mut driver);
    world.act(Action::Tenant(TenantVerb::Suspend)).unwrap();
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
        if driver.reason() == Reason::TenantSuspended {
            break;
        }
    }
    // It is asked whether the switch was pressed, and then it is taken back.
    for _ in 0..2 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.claim.as_ref().unwrap().told, None);
}

/// Goes on until a page is the next thing to be read.
fn until_a_page_is_read(world: &mut World, driver: &mut Driver) {
    for _ in 0..500 {
        if next(driver).is_some_and(|effect| reads_a_page(&effect)) {
            return;
        }
        driver.step(world, Fault::None);
    }
    panic!("no page is read");
}

/// The press moves the revision that the look in progress sees next.
#[test]
fn a_press_in_the_middle_of_a_look_is_recorded_with_what_was_told() {
    let (mut world, mut driver) = by_hand();
    until_told(&mut world, &mut driver);
    let told = driver.claim.clone().unwrap().told.unwrap();
    until_a_page_is_read(&mut world, &mut driver);
    let press = Action::ByHand(WriteOperation::ActivateBackOrdering, Pick::Needed);
    world.act(press).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    let claim = driver.claim.unwrap();
    assert_eq!(claim.approval.as_deref(), Some("ManualStep"));
    assert_eq!(claim.inventory_digest, Some(told.inventory_digest));
}

/// The look tells of another revision, and then the BSS does not answer any more: the person is not told
/// from the first page on. What was told stays on record until it is known that it was not the press.
#[test]
fn the_first_page_of_another_revision_takes_it_back() {
    let (mut world, mut driver) = by_hand();
    until_told(&mut world, &mut driver);
    let source: SourceId = world.purchases.keys().next().unwrap().clone();
    world.set_state(&source, PurchaseState::Suspended);
    until_a_page_is_read(&mut world, &mut driver);
    driver.step(&mut world, Fault::None);
    assert!(!is_told(&driver));
    for _ in 0..20 {
        driver.step(&mut world, Fault::Unavailable);
        assert!(!is_told(&driver));
    }
    let told = |driver: &Driver| driver.claim.as_ref().unwrap().told.clone();
    assert_ne!(told(&driver), None, "it may have been the press");
    for _ in 0..50 {
        if told(&driver).is_none() {
            return;
        }
        driver.step(&mut world, Fault::None);
    }
    panic!("what was told stays on record");
}

/// The press is seen together with an answer of the BSS that stops the work: the operator waits, and does
/// not ask again and again.
#[test]
fn a_press_beside_another_name_of_the_account_asks_no_faster() {
    let (mut world, mut driver) = by_hand();
    until_told(&mut world, &mut driver);
    until_a_page_is_read(&mut world, &mut driver);
    let press = Action::ByHand(WriteOperation::ActivateBackOrdering, Pick::Needed);
    world.act(press).unwrap();
    driver.valid.expected_name = Some("another name".to_owned());
    driver.trace.clear();
    let began = driver.clock;
    while driver.clock < began + Duration::from_mins(10) {
        driver.step(&mut world, Fault::None);
        assert!(driver.trace.len() < 50, "{:?}", driver.trace);
    }
    assert_eq!(driver.reason(), Reason::ResellerMismatch);
}

#[test]
fn a_press_that_is_seen_after_a_restart_is_recorded_with_what_was_told() {
    let (mut world, mut driver) = by_hand();
    until_told(&mut world, &mut driver);
    let told = driver.claim.clone().unwrap().told.unwrap();
    driver.kill();
    let press = Action::ByHand(WriteOperation::ActivateBackOrdering, Pick::Needed);
    world.act(press).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    let claim = driver.claim.unwrap();
    assert_eq!(claim.approval.as_deref(), Some("ManualStep"));
    assert_eq!(claim.inventory_digest, Some(told.inventory_digest));
    assert_eq!(claim.told, None);
    let verified = ConditionType::Verified.as_str();
    assert!(
        claim
            .timeline
            .iter()
            .any(|entry| entry.milestone == verified)
    );
}

/// The Secret was away for hours between the last sweep and the switch, for example.
#[test]
fn a_final_sweep_that_is_old_is_taken_again() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    while driver.known.stage != Stage::Activate {
        driver.step(&mut world, Fault::None);
    }
    driver.clock += Duration::from_hours(3);
    let mut listed = 0;
    while !world.on {
        listed += i32::from(next(&driver).is_some_and(|effect| reads_a_page(&effect)));
        driver.step(&mut world, Fault::None);
    }
    assert!(listed > 0, "nothing was looked at again");
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

/// What people mended is seen by one cheap read, long before everything is looked at again.
#[test]
fn what_people_did_is_seen_soon() {
    let look = |mend: fn(&mut World), corrupt: fn(&mut World), reason: Reason| {
        let mut world = World::new(2, 4);
        world.eager_pricing = reason != Reason::AwaitingPricing;
        let mut driver = Driver::new();
        // Everything is looked at after a tenth of that at the soonest: not while this test looks.
        driver.valid.pace.recheck = Duration::from_hours(2);
        driver.valid.pace.watch = Duration::from_secs(30);
        corrupt(&mut world);
        for _ in 0..500 {
            let waits = next(&driver).is_none() && driver.reason() == reason;
            if waits && driver.known.waiting.watched.is_some() {
                break;
            }
            driver.step(&mut world, Fault::None);
        }
        assert_eq!(driver.reason(), reason);
        let waiting = driver.clock;
        // Nothing but one read a time is asked meanwhile.
        driver.trace.clear();
        while driver.clock < waiting + Duration::from_mins(10) {
            driver.step(&mut world, Fault::None);
        }
        assert!(driver.trace.len() <= 20, "{reason:?}: {:?}", driver.trace);
        mend(&mut world);
        let mended = driver.clock;
        while driver
            .known
            .waiting
            .ready_state
            .as_ref()
            .is_some_and(|v| v.reason == reason)
        {
            driver.step(&mut world, Fault::None);
            assert!(driver.clock < mended + Duration::from_mins(1), "{reason:?}");
        }
    };
    look(
        |world| drop(world.act(Action::Ordering(true))),
        |world| drop(world.act(Action::Ordering(false))),
        Reason::PrecheckFailed,
    );
    look(
        |world| drop(world.act(Action::Price(None))),
        |_| {},
        Reason::AwaitingPricing,
    );
    look(
        |world| drop(world.act(Action::Repair)),
        |world| {
            let first: SourceId = world.purchases.keys().next().unwrap().clone();
            let planted = Action::Plant(support::simulated_bss::Defect::Currency, first);
            world.act(planted).unwrap();
        },
        Reason::PrecheckFailed,
    );
}

/// Waits for people, and a cheap look was taken already.
fn watching() -> (World, Driver) {
    let mut world = World::new(2, 4);
    let mut driver = Driver::new();
    driver.valid.pace.recheck = Duration::from_hours(2);
    driver.valid.pace.watch = Duration::from_secs(30);
    for _ in 0..500 {
        let waits = next(&driver).is_none() && driver.reason() == Reason::AwaitingPricing;
        if waits && driver.known.waiting.watched.is_some() {
            break;
        }
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::AwaitingPricing);
    (world, driver)
}

fn fails(driver: &mut Driver, attempted: Attempted, error: &BssError) {
    let error = error.clone();
    let now = driver.now();
    let failed = Outcome::Failed { attempted, error };
    observe(&driver.valid, &mut driver.known, failed, now);
}

/// What looks wrong with credentials is said once they are refused, and not before.
#[test]
fn a_doubt_about_the_credentials_stands_beside_their_refusal() {
    const DOUBT: &str = "The key token of the Secret login looks like the base64 of a text.";
    for (error, told) in [
        (BssError::AuthRejected, true),
        (
            BssError::ClientRejected {
                detail: "invalid_client".to_owned(),
            },
            true,
        ),
        (
            BssError::Unavailable {
                detail: "away".to_owned(),
            },
            false,
        ),
    ] {
        let (_, mut driver) = watching();
        driver.valid.credential_doubt = Some(DOUBT.to_owned());
        for _ in 0..2 {
            driver.clock += Duration::from_mins(2);
            fails(&mut driver, Attempted::Read, &error);
        }
        let state = decide(&driver.valid, &driver.known, driver.now()).state;
        assert_eq!(
            state.reason == Reason::CredentialsRejected,
            told,
            "{state:?}"
        );
        assert_eq!(state.message.ends_with(DOUBT), told, "{}", state.message);
    }
}

/// The record knows no attempt to tell anybody anything where the operator switches by itself.
#[test]
fn nobody_is_told_where_the_operator_switches() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    let mut edits = 0;
    let count = |_: usize, _: &mut World, driver: &mut Driver| {
        let tells = |edit: &ClaimEdit| matches!(edit, ClaimEdit::Tell { .. });
        edits += i32::from(matches!(next(driver), Some(Effect::Claim(edit)) if tells(&edit)));
    };
    assert!(run(&mut world, &mut driver, |_| Fault::None, count));
    assert_eq!(edits, 0);
}
