//! What people are told: reports, figures and reasons say what is so, and nothing else.

use std::time::Duration;

use tenant_reseller_operator::api::{Reason, ReportKind, ReportRow};
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, CopyListing, Mark, Mode, SourceId, TenantStatus, WriteOperation,
};
use tenant_reseller_operator::upgrade::{Attempted, Outcome, Stage, decide, observe, report_rows};

use crate::drive::{Driver, Fault, copied_by};
use crate::{complete, run};
use support::simulated_bss::{Action, Defect, Pick, World};

fn rows(driver: &Driver, kind: ReportKind) -> Vec<ReportRow> {
    let keys = driver.valid.keys(&AccountId::from("10423"));
    report_rows(kind, &driver.known, &keys, None).0
}

fn message(driver: &Driver, condition: &str) -> String {
    let found = driver.status.conditions.iter();
    let found = found.into_iter().find(|c| c.type_ == condition);
    found.map(|c| c.message.clone()).unwrap_or_default()
}

/// Runs until a person is called for a reason.
fn until(world: &mut World, driver: &mut Driver, reason: Reason) {
    for _ in 0..500 {
        driver.step(world, Fault::None);
        if driver.reason() == reason {
            driver.step(world, Fault::None);
            return;
        }
    }
    panic!("{:?} instead of {reason:?}", driver.reason());
}

#[test]
fn a_customer_that_owns_nothing_and_cannot_be_copied_is_reported_and_holds_nothing_back() {
    let mut world = World::new(4, 3);
    world.eager_pricing = true;
    let owners: Vec<SourceId> = world
        .purchases
        .values()
        .map(|row| row.customer.clone())
        .collect();
    let idle = world.customers.keys().find(|id| !owners.contains(id));
    let idle = idle.unwrap().clone();
    world.uncopyable.insert(idle.clone());
    let mut driver = Driver::new();
    let mut at_the_milestone = None;
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, _, driver| {
            if driver.known.stage == Stage::Check && at_the_milestone.is_none() {
                at_the_milestone = Some(rows(driver, ReportKind::Exclusions));
            }
        },
    );
    assert!(done);
    complete(&world);
    for told in [
        at_the_milestone.unwrap(),
        rows(&driver, ReportKind::Exclusions),
    ] {
        let row = told.iter().find(|row| row.id == idle.0).unwrap();
        assert_eq!(
            (row.item.as_str(), row.reason.as_str()),
            ("customer", "ItemsFailed")
        );
        assert_eq!(
            row.remedy,
            "It could not be copied (Internal: it cannot be stored). It owns nothing to copy and \
             holds nothing back."
        );
    }
    let progress = driver.status.progress.clone().unwrap();
    assert_eq!((progress.customers.failed, progress.failed), (1, 1));
    assert_eq!(
        message(&driver, "CustomersCopied"),
        "Every customer that owns something to copy was copied and marked; the reports name the \
         others."
    );
}

#[test]
fn customers_in_the_way_of_phase_2_are_told_and_taken_back() {
    let mut world = World::new(4, 12);
    world.eager_pricing = true;
    let owner = world.purchases.values().next().unwrap().customer.clone();
    world.uncopyable.insert(owner.clone());
    let mut driver = Driver::new();
    until(&mut world, &mut driver, Reason::ItemsFailed);
    assert_eq!(driver.known.stage, Stage::Customers);
    let told = rows(&driver, ReportKind::Blockers);
    assert_eq!(
        told.iter().map(|row| &row.id).collect::<Vec<_>>(),
        [&owner.0]
    );
    let failure = driver.status.failures.first().unwrap();
    assert_eq!((failure.reason.as_str(), failure.count), ("ItemsFailed", 1));
    world.uncopyable.clear();
    for _ in 0..100 {
        driver.step(&mut world, Fault::None);
        if driver.known.stage >= Stage::Pricing {
            break;
        }
    }
    driver.step(&mut world, Fault::None);
    assert!(driver.status.failures.is_empty(), "it stands no more");
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    assert_eq!(
        message(&driver, "CustomersCopied"),
        "Every customer was copied and marked."
    );
}

#[test]
fn progress_never_exceeds_its_whole_and_survives_a_restart() {
    let mut world = World::new(4, 24);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    let (mut killed, mut acts) = (false, 0);
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |step, world, driver| {
            let copied = world.copies.len();
            if copied > 12 && step % 7 == 0 && acts < 8 && !world.on {
                acts += 1;
                // Bought and cancelled in turn, so that figures of two sweeps would disagree.
                if step % 2 == 0 {
                    world.buy(0);
                } else if let Some(id) = world.purchases.keys().next_back().cloned() {
                    drop(world.act(Action::Cancel(id)));
                }
            }
            if world.on {
                return;
            }
            let progress = driver.status.progress.clone().unwrap_or_default();
            for kind in [
                &progress.customers,
                &progress.subscriptions,
                &progress.assets,
            ] {
                assert!(kind.copied <= kind.eligible, "{progress:?}");
            }
            let copied = progress.subscriptions.copied + progress.assets.copied;
            if copied > 8 && !killed {
                killed = true;
                driver.kill();
            }
            if killed {
                assert!(!progress.display.starts_with("0/"), "{progress:?}");
            }
            if driver.reason() == Reason::OrphanedCopy {
                world.end_orphans();
            }
        },
    );
    assert!(done && killed);
}

#[test]
fn the_pricing_gate_shows_what_is_to_come() {
    let mut world = World::new(3, 9);
    let mut driver = Driver::new();
    until(&mut world, &mut driver, Reason::AwaitingPricing);
    let progress = driver.status.progress.clone().unwrap();
    assert_eq!(progress.display, "0/9", "{progress:?}");
    assert_eq!(
        (progress.customers.copied, progress.customers.eligible),
        (3, 3)
    );
}

#[test]
fn a_tenant_that_is_suspended_in_phase_3_is_called_so() {
    let mut world = World::new(3, 12);
    world.eager_pricing = true;
    // One call after another, so that some copies are there before the others are sent.
    world.switches.largest_batch = 4;
    let mut driver = Driver::new();
    driver.valid.terms.at_once = 1;
    let copies = |driver: &Driver| {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        next.as_ref().and_then(copied_by) == Some(CopyListing::Subscriptions)
    };
    while !copies(&driver) || world.copies.len() < 5 {
        driver.step(&mut world, Fault::None);
    }
    for row in world.tenants.values_mut() {
        row.tenant.status = TenantStatus::Suspended;
    }
    let mut reasons = Vec::new();
    for _ in 0..40 {
        driver.step(&mut world, Fault::None);
        reasons.push(driver.reason());
    }
    assert_eq!(driver.reason(), Reason::TenantSuspended);
    assert!(!reasons.contains(&Reason::PrecheckFailed), "{reasons:?}");
    for row in world.tenants.values_mut() {
        row.tenant.status = TenantStatus::Active;
    }
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn an_account_that_is_not_in_sync_is_named() {
    let mut world = World::new(3, 9);
    world.eager_pricing = true;
    let (id, owner) = {
        let (id, row) = world.purchases.iter().next().unwrap();
        (id.clone(), row.customer.clone())
    };
    world.act(Action::Plant(Defect::Sync, id)).unwrap();
    let mut driver = Driver::new();
    until(&mut world, &mut driver, Reason::PrecheckFailed);
    let failure = driver.status.failures.first().unwrap();
    assert_eq!(failure.reason, "AccountNotSynced");
    let expected = format!("the account of customer \"{owner}\"");
    for example in &failure.examples {
        assert_eq!(example.detail.as_deref(), Some(expected.as_str()));
    }
}

/// Comes to the look after the copying, when everything is copied.
fn copied(world: &mut World, driver: &mut Driver) {
    for _ in 0..500 {
        if driver.known.stage == Stage::Orders && driver.known.sweeps.copies_before > 0 {
            return;
        }
        driver.step(world, Fault::None);
    }
    panic!("it never copied");
}

#[test]
fn a_copy_without_source_and_key_is_not_called_a_subscription() {
    let mut world = World::new(2, 6);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    copied(&mut world, &mut driver);
    let (key, _) = world
        .copies
        .iter()
        .find(|(key, _)| world.purchases.contains_key(&key.2))
        .unwrap();
    let key = key.clone();
    world.copies.get_mut(&key).unwrap().key = None;
    world.purchases.remove(&key.2);
    until(&mut world, &mut driver, Reason::OrphanedCopy);
    let row = rows(&driver, ReportKind::Blockers).remove(0);
    assert_eq!(
        (row.item.as_str(), row.reason.as_str(), row.business_key),
        ("purchase", "OrphanedCopy", None)
    );
    let failure = driver.status.failures.first().unwrap();
    assert_eq!(failure.examples.first().unwrap().kind, "purchase");
}

#[test]
fn a_changed_copy_says_what_differs_and_nobody_is_told_to_end_it() {
    let mut world = World::new(2, 6);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    copied(&mut world, &mut driver);
    let mut ids = world
        .eligible()
        .map(|(id, _)| id.clone())
        .collect::<Vec<_>>();
    let (one, other, third) = (ids.remove(0), ids.remove(0), ids.remove(0));
    world.act(Action::AmendQuantity(one.clone(), 77)).unwrap();
    world.act(Action::AmendQuantity(other.clone(), 77)).unwrap();
    world.act(Action::Quantity(other.clone(), 78)).unwrap();
    // Its digest moves, and nothing says from what it was made.
    world.act(Action::AmendQuantity(third.clone(), 79)).unwrap();
    let key = world
        .copies
        .keys()
        .find(|key| key.2 == third)
        .unwrap()
        .clone();
    world.copies.get_mut(&key).unwrap().source_digest = None;
    until(&mut world, &mut driver, Reason::SourceChanged);
    let told = rows(&driver, ReportKind::Blockers);
    for (id, what) in [
        (
            one,
            "The source is as it was copied; the copy was changed. Make",
        ),
        (
            other,
            "Copy and source both changed since the copy was made. Make",
        ),
        (
            third,
            "Copy and source differ, and the copy does not say what it was copied from. Make",
        ),
    ] {
        let row = told.iter().find(|row| row.id == id.0).unwrap();
        assert!(row.remedy.starts_with(what), "{row:?}");
        assert!(
            row.remedy
                .ends_with("Do not end the copy: what is ended is not made again.")
        );
    }
}

#[test]
fn a_copied_account_without_its_mark_is_to_be_marked() {
    let mut world = World::new(3, 4);
    world.eager_pricing = true;
    let modes = &mut world.switches.modes;
    modes.insert(WriteOperation::CopyCustomers, Mode::ManualStep);
    let mut driver = Driver::new();
    until(&mut world, &mut driver, Reason::AwaitingManualStep);
    // People copy all of them and forget one mark.
    let copied = Action::ByHand(WriteOperation::CopyCustomers, Pick::Needed);
    world.act(copied).unwrap();
    let row = world
        .customers
        .iter_mut()
        .find(|(_, row)| row.mark == Mark::Marked);
    let (unmarked, row) = row.unwrap();
    row.mark = Mark::Unmarked;
    let unmarked = unmarked.clone();
    let asked = driver.clock;
    for _ in 0..100 {
        driver.step(&mut world, Fault::None);
        if rows(&driver, ReportKind::ManualSteps).len() == 1 {
            break;
        }
    }
    assert!(
        driver.clock - asked < Duration::from_secs(35),
        "what people did is seen within half a minute where the look is cheap"
    );
    let row = rows(&driver, ReportKind::ManualSteps).remove(0);
    assert_eq!(
        (row.id, row.reason.as_str()),
        (unmarked.0.clone(), "MarkByHand")
    );
    assert_eq!(
        row.remedy,
        "Its copy is there: mark the account and its orders as back-ordering records."
    );
    driver.step(&mut world, Fault::None);
    let waiting = driver.status.waiting_for.clone().unwrap();
    let asked = format!("To mark, since the copy is there: {unmarked}.");
    assert!(waiting.next_action.contains(&asked), "{waiting:?}");
    world.act(Action::MarkByHand(unmarked)).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn an_orphan_holds_the_switch_and_not_the_copying_of_others() {
    let mut world = World::new(2, 6);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    copied(&mut world, &mut driver);
    let orphan = world.eligible().next().unwrap().0.clone();
    world.act(Action::Cancel(orphan)).unwrap();
    until(&mut world, &mut driver, Reason::OrphanedCopy);
    let bought = world.buy(0);
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::OrphanedCopy, "it stands");
    assert!(!world.on);
    let copies = world.copy_records();
    assert!(copies.iter().any(|(_, copy)| copy.source == bought));
    // A failing pre-check copies nothing, whatever else is in the way.
    let unfit = world.buy(1);
    world.act(Action::Plant(Defect::Currency, unfit)).unwrap();
    let fit = world.buy(1);
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
    }
    let copies = world.copy_records();
    assert!(copies.iter().all(|(_, copy)| copy.source != fit));
    world.act(Action::Repair).unwrap();
    world.end_orphans();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

/// While the token endpoint is away, an upgrade that waits for people says so.
#[test]
fn a_cheap_look_that_fails_brings_the_look_at_everything_forward() {
    let (mut world, mut driver) = (World::new(3, 6), Driver::new());
    until(&mut world, &mut driver, Reason::AwaitingPricing);
    let fails = |driver: &mut Driver, attempted| {
        let error = BssError::TokenEndpointAway {
            detail: "it does not answer".to_owned(),
        };
        let failed = Outcome::Failed { attempted, error };
        let now = driver.now();
        observe(&driver.valid, &mut driver.known, failed, now);
    };
    driver.known.waiting.watched = None;
    fails(&mut driver, Attempted::Watch);
    let waits = driver.known.waiting.not_before;
    assert!(waits.is_some(), "the look before it went well");
    fails(&mut driver, Attempted::Watch);
    assert_eq!(driver.known.waiting.not_before, None);
    fails(&mut driver, Attempted::Read);
    let state = decide(&driver.valid, &driver.known, driver.now()).state;
    assert_eq!(state.reason, Reason::AwaitingPricing);
    let beside = "The last look at the BSS failed: ";
    assert!(state.message.contains(beside), "{}", state.message);
    assert!(
        state.message.contains("it does not answer"),
        "{}",
        state.message
    );
}
