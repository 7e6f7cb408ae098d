//! The decision core alone, over the simulated BSS: whole runs, with faults at every step.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unchecked_time_subtraction,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, as it should"
)]

mod acquisitions;
mod attempts;
mod budget;
mod claims;
mod drive;
mod failing;
mod guards;
mod judges;
mod looks_at_rest;
mod partly;
mod pipeline;
mod rests;
mod status_checks;
mod table;
mod telling;
mod weak;
mod with_switch;
mod words;

use drive::{Driver, Fault, complete, run};
use proptest::prelude::*;
use support::simulated_bss::{Action, Defect, World};
use tenant_reseller_operator::api::{ConditionStatus, Reason};
use tenant_reseller_operator::bss::port::PurchaseState;

#[test]
fn runs_through_all_four_phases() {
    let mut world = World::new(5, 11);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    let writes: Vec<&str> = driver
        .trace
        .iter()
        .copied()
        .filter(|name| !matches!(*name, "read" | "claim"))
        .collect();
    assert_eq!(
        writes,
        [
            "claim: take",
            "acquire",
            "create tenant",
            "copy customers",
            "copy customers",
            "copy subscriptions",
            "activate",
        ]
    );
    let claim = driver.claim.unwrap();
    assert!(claim.activation_time.is_some());
    assert_eq!(claim.approval.as_deref(), Some("Automatic"));
    assert_eq!(claim.timeline.len(), 6);
}

#[test]
fn every_kill_point_ends_the_same() {
    let mut world = World::new(3, 7);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    let steps = driver.trace.len();
    assert!(steps > 20);
    let mut runs = 0;
    for at in 0..steps + 8 {
        for kind in [
            Fault::KilledBefore,
            Fault::KilledAfter,
            Fault::LostReply,
            Fault::Unavailable,
        ] {
            let mut world = World::new(3, 7);
            world.eager_pricing = true;
            let mut driver = Driver::new();
            let fault = |step| if step == at { kind } else { Fault::None };
            assert!(
                run(&mut world, &mut driver, fault, |_, _, _| {}),
                "{kind:?} at {at}"
            );
            complete(&world);
            runs += 1;
        }
    }
    println!("{runs} runs, one fault each, {steps} effects");
}

#[test]
fn waits_for_pricing_and_says_for_whom() {
    let mut world = World::new(3, 4);
    let mut driver = Driver::new();
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
        if driver.reason() == Reason::AwaitingPricing {
            break;
        }
    }
    driver.step(&mut world, Fault::None);
    let waiting = driver.status.waiting_for.clone().unwrap();
    assert_eq!(waiting.reason, "AwaitingPricing");
    assert!(
        waiting.next_action.contains("3 customers"),
        "{}",
        waiting.next_action
    );
    assert!(
        waiting.next_action.contains("Customer c000 (c000)"),
        "{}",
        waiting.next_action
    );
    assert!(
        world
            .copy_records()
            .iter()
            .all(|(kind, _)| kind.as_str() == "customer")
    );
    world.act(Action::Price(None)).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn one_blocker_copies_nothing_and_all_are_named() {
    let mut world = World::new(3, 9);
    world.eager_pricing = true;
    let ids: Vec<_> = world.purchases.keys().cloned().collect();
    for (at, defect) in [
        (1, Defect::Currency),
        (4, Defect::Addon),
        (8, Defect::Cycle),
    ] {
        world.act(Action::Plant(defect, ids[at].clone())).unwrap();
    }
    let mut driver = Driver::new();
    for _ in 0..300 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::PrecheckFailed);
    let reasons: Vec<(String, i64)> = driver
        .status
        .failures
        .iter()
        .map(|f| (f.reason.clone(), f.count))
        .collect();
    let expected = [
        ("AddonMissing", 1),
        ("BillingCycleMissing", 1),
        ("CurrencyMismatch", 1),
    ]
    .map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(reasons, expected);
    assert!(
        world
            .copy_records()
            .iter()
            .all(|(kind, _)| kind.as_str() == "customer"),
        "nothing copied"
    );
    world.act(Action::Repair).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    assert!(driver.status.failures.is_empty());
}

#[test]
fn a_buyer_in_the_middle_is_copied_and_an_orphan_is_named() {
    let mut world = World::new(3, 9);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    let mut bought = 0;
    let mut cancelled = false;
    let mut named = false;
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, world, driver| {
            let copied = world.copies.len();
            if copied > 4 && bought < 3 {
                world.buy(bought);
                bought += 1;
            }
            if copied >= 8 && !cancelled {
                let records = world.copy_records();
                let (_, copy) = records
                    .iter()
                    .find(|(k, _)| k.as_str() != "customer")
                    .unwrap();
                world.act(Action::Cancel(copy.source.clone())).unwrap();
                cancelled = true;
            }
            if driver.reason() == Reason::OrphanedCopy && !named {
                named = true;
                world.end_orphans();
            }
        },
    );
    assert!(done && named && bought == 3);
    complete(&world);
}

#[test]
fn open_orders_hold_the_switch() {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    world.act(Action::BuyHeld("c000".into())).unwrap();
    let mut driver = Driver::new();
    for _ in 0..400 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::AwaitingOrders);
    assert!(!world.on);
    world.act(Action::CancelOrders).unwrap();
    world.buy(1);
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn an_upgraded_reseller_is_adopted_without_an_effect() {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    let mut first = Driver::new();
    assert!(run(&mut world, &mut first, |_| Fault::None, |_, _, _| {}));
    let mut second = Driver::new();
    assert!(run(&mut world, &mut second, |_| Fault::None, |_, _, _| {}));
    assert!(
        second
            .trace
            .iter()
            .all(|name| matches!(*name, "read" | "claim" | "claim: take"))
    );
    complete(&world);
}

fn faults() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((0_u8..100, 0_u8..6), 30..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever fails and whatever people do meanwhile: nothing twice, nothing lost, it ends.
    #[test]
    fn faults_and_people(
        customers in 1_u32..5,
        purchases in 0_u32..12,
        faults in faults(),
        acts in proptest::collection::vec((0_usize..160, 0_u8..5), 0..8),
    ) {
        let mut world = World::new(customers, purchases);
        let mut driver = Driver::new();
        let fault = |step: usize| match faults.get(step) {
            Some((chance, kind)) if *chance < 40 => match kind {
                0 => Fault::LostReply,
                1 => Fault::Unavailable,
                2 => Fault::Throttled,
                3 => Fault::KilledAfter,
                4 => Fault::KilledBefore,
                _ => Fault::None,
            },
            _ => Fault::None,
        };
        let done = run(&mut world, &mut driver, fault, |step, world, driver| {
            for (_, act) in acts.iter().filter(|(at, _)| *at == step) {
                let ids: Vec<_> = world.purchases.keys().cloned().collect();
                match act {
                    0 if !world.on => { world.buy(0); }
                    1 if !world.on => if let Some(id) = ids.first() {
                        world.set_state(id, PurchaseState::Cancelled);
                    },
                    2 => drop(world.act(Action::BuyHeld("c000".into()))),
                    3 if !world.on => if let Some(id) = ids.last() {
                        world.set_state(id, PurchaseState::Suspended);
                    },
                    _ => {}
                }
            }
            // People do, after a while, what status asks for.
            match driver.reason() {
                Reason::AwaitingPricing => drop(world.act(Action::Price(None))),
                Reason::OrphanedCopy => world.end_orphans(),
                Reason::AwaitingOrders => drop(world.act(Action::CancelOrders)),
                // Killed twice while it acquired: that looks like a cluster that went back.
                Reason::AwaitingConfirmation => {
                    let epoch = driver.claim.as_ref().and_then(|claim| claim.unconfirmed_epoch);
                    driver.valid.confirmed = epoch.map(|epoch| epoch.to_string());
                }
                _ => {}
            }
        });
        prop_assert!(done, "ended in {:?}", driver.reason());
        complete(&world);
        // Milestones never go back, and the summary obeys the table in every status.
        let mut true_before: Vec<&'static str> = Vec::new();
        for status in &driver.statuses {
            let is_true = |name: &str| status.conditions.iter()
                .any(|c| c.type_ == name && c.status == ConditionStatus::True);
            for name in &true_before {
                prop_assert!(is_true(name), "{name} went back");
            }
            for name in ["TenantCreated", "CustomersCopied", "PricingReady", "SubscriptionsCopied", "BackOrderingActivated", "Verified"] {
                if is_true(name) && !true_before.contains(&name) { true_before.push(name); }
            }
            prop_assert!(!(is_true("Reconciling") && is_true("Stalled")));
        }
    }
}
