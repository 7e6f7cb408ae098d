//! What people are told: reports, figures and reasons say what is so, and nothing else.

use tenant_reseller_operator::api::{Reason, ReportKind, ReportRow};
use tenant_reseller_operator::bss::port::{AccountId, SourceId, TenantStatus};
use tenant_reseller_operator::upgrade::{Effect, Stage, Work, decide, report_rows};

use crate::drive::{Driver, Fault};
use crate::simulated_bss::{Deed, Defect, World};
use crate::{complete, run};

fn rows(driver: &Driver, kind: ReportKind) -> Vec<ReportRow> {
    let keys = driver.valid.keys(&AccountId::from("10423"));
    report_rows(kind, &driver.observed, &keys, None).0
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
            if driver.observed.stage == Stage::Pricing && at_the_milestone.is_none() {
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
    assert_eq!(driver.observed.stage, Stage::Customers);
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
        if driver.observed.stage >= Stage::Pricing {
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
                    drop(world.act(Deed::Cancel(id)));
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
    let mut driver = Driver::new();
    let copies = |driver: &Driver| {
        let next = decide(&driver.valid, &driver.observed, driver.now()).effect;
        matches!(next, Some(Effect::Work(Work::CopySubscriptions(_))))
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
    world.act(Deed::Plant(Defect::Sync, id)).unwrap();
    let mut driver = Driver::new();
    until(&mut world, &mut driver, Reason::PrecheckFailed);
    let failure = driver.status.failures.first().unwrap();
    assert_eq!(failure.reason, "AccountNotSynced");
    let expected = format!("the account of customer \"{owner}\"");
    for example in &failure.examples {
        assert_eq!(example.detail.as_deref(), Some(expected.as_str()));
    }
}
