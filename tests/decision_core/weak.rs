//! Weak promises: what the operator does in each case, with every fault, and that nothing is
//! doubled or lost without its name.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tenant_reseller_operator::api::{CONFIRM_ANNOTATION, ConditionStatus, Phase, Reason, Risk};
use tenant_reseller_operator::bss::port::{
    ItemKind, Keys, Mode, Promises, PurchaseState, Strength, TenantAccess, WriteOperation,
};
use tenant_reseller_operator::upgrade::{
    ActivationGuard, Effect, Orders, Strategy, TenantConnection, Terms, decide,
};

use crate::drive::{Driver, Fault};
use crate::{complete, run};
use support::simulated_bss::{Action, Corruption, CorruptionKind, Defect, Owned, Pick, World};

const RISKS: [Risk; 3] = [
    Risk::UnguardedSwitch,
    Risk::SingleOperator,
    Risk::UnseenOrders,
];

fn driver_with(risks: &[Risk]) -> Driver {
    let mut driver = Driver::new();
    driver.valid.terms = Terms {
        accepted: risks.iter().copied().collect::<BTreeSet<_>>(),
        ..driver.valid.terms.clone()
    };
    driver
}

fn next_action(driver: &Driver) -> String {
    decide(&driver.valid, &driver.known, driver.now())
        .state
        .next_action
}

/// People do what status asks for, as far as it is theirs to do.
fn people(world: &mut World, driver: &mut Driver, much: Pick) {
    let action = next_action(driver);
    match driver.reason() {
        Reason::AwaitingPricing => drop(world.act(Action::Price(None))),
        Reason::OrphanedCopy => world.end_orphans(),
        Reason::AwaitingOrders => {
            drop(world.act(Action::CancelOrders));
        }
        Reason::AwaitingManualStep => {
            let operation = if action.contains("Disable ordering") {
                drop(world.act(Action::Ordering(false)));
                return;
            } else if action.contains("Create the tenant") || action.contains("createTenant") {
                WriteOperation::CreateTenant
            } else if action.contains("copyCustomers")
                || action.contains("contacts")
                || action.contains("these customers")
            {
                WriteOperation::CopyCustomers
            } else if action.contains("copySubscriptions")
                || action.contains("provisioning")
                || action.contains("these subscriptions")
            {
                WriteOperation::CopySubscriptions
            } else if action.contains("activateBackOrdering") {
                WriteOperation::ActivateBackOrdering
            } else {
                panic!("nobody knows what to do: {action}");
            };
            drop(world.act(Action::ByHand(operation, much)));
        }
        Reason::AwaitingConfirmation if driver.late.is_empty() => {
            let (_, what) = action
                .split_once(&format!("{CONFIRM_ANNOTATION}="))
                .unwrap();
            driver.valid.confirmed = Some(what.to_owned());
        }
        _ => {}
    }
}

fn every() -> Vec<Promises> {
    let both = [Strength::Strong, Strength::Weak];
    let mut all = Vec::new();
    for keys in [Keys::Unique, Keys::Findable, Keys::None] {
        for epochs in both {
            for revision in both {
                for compares in both {
                    for orders in both {
                        for off_guard in both {
                            all.push(Promises {
                                keys,
                                epochs,
                                revision,
                                compares,
                                orders,
                                off_guard,
                                items: Strength::Strong,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

/// Every combination of promises, with no risk and with all risks accepted, without a fault and
/// with each fault in the middle of each kind of write.
#[test]
fn every_combination_ends_or_refuses() {
    let (mut runs, mut refusals) = (0, 0);
    for promises in every() {
        for risks in [&[][..], &RISKS[..]] {
            for fault in [
                Fault::None,
                Fault::LostReply,
                Fault::Late,
                Fault::KilledAfter,
                Fault::KilledLate,
            ] {
                let mut world = World::new(3, 6);
                world.switches.promises = promises;
                let mut driver = driver_with(risks);
                if promises.epochs == Strength::Weak && risks.is_empty() {
                    for _ in 0..40 {
                        driver.step(&mut world, Fault::None);
                    }
                    assert_eq!(driver.reason(), Reason::RiskNotAccepted);
                    assert!(world.tenants.is_empty() && world.copies.is_empty());
                    refusals += 1;
                    continue;
                }
                let mut hit = BTreeSet::new();
                let mut writes = 0;
                let done = run(
                    &mut world,
                    &mut driver,
                    |_| Fault::None,
                    |_, world, driver| people(world, driver, Pick::Needed),
                );
                assert!(done, "{promises:?} {risks:?} {:?}", driver.reason());
                complete(&world);
                // The same once more, with the fault at the first write of each kind.
                let mut world = World::new(3, 6);
                world.switches.promises = promises;
                let mut driver = driver_with(risks);
                for _ in 0..4_000 {
                    people(&mut world, &mut driver, Pick::Needed);
                    let next = decide(&driver.valid, &driver.known, driver.now()).effect;
                    let name = next.as_ref().map(crate::drive::name);
                    let writes_now = matches!(
                        next,
                        Some(effect) if effect.changes_the_bss()
                    );
                    let first = writes_now && hit.insert(name);
                    writes += usize::from(first);
                    let now = if first { fault } else { Fault::None };
                    let done = driver.step(&mut world, now);
                    let violations = world.violations_now();
                    assert!(
                        violations.is_empty(),
                        "{promises:?} {fault:?}: {violations:?}"
                    );
                    if done {
                        break;
                    }
                }
                assert_eq!(
                    driver.reason(),
                    Reason::Succeeded,
                    "{promises:?} {risks:?} {fault:?}: {}",
                    next_action(&driver)
                );
                complete(&world);
                assert!(writes > 0);
                runs += 1;
            }
        }
    }
    println!("{runs} runs, {refusals} refusals");
    assert_eq!((runs, refusals), (96 * 5 + 48 * 5, 48 * 5));
}

#[test]
fn a_second_copy_is_made_by_a_weak_bss_if_nobody_waits() {
    // The harm is real in this world: without it the other tests would prove nothing.
    let mut world = World::new(1, 1);
    world.switches.promises.keys = Keys::Findable;
    let mut driver = driver_with(&[]);
    let copies = |effect: &Effect| crate::drive::name(effect) == "copy customers";
    while !decide(&driver.valid, &driver.known, driver.now())
        .effect
        .as_ref()
        .is_some_and(copies)
    {
        driver.step(&mut world, Fault::None);
    }
    // Somebody sends it twice.
    let effect = decide(&driver.valid, &driver.known, driver.now())
        .effect
        .unwrap();
    driver
        .late
        .push((driver.clock, effect, driver.known.fencing.epoch));
    driver.step(&mut world, Fault::None);
    let violations = world.violations_now();
    assert!(
        violations.iter().any(|v| v.starts_with("DuplicateCopy")),
        "{violations:?}"
    );
}

#[test]
fn looks_up_and_settles_before_a_copy_is_sent_again() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    world.switches.promises.keys = Keys::Findable;
    let mut driver = driver_with(&[]);
    let mut reasons = Vec::new();
    let mut killed = false;
    for _ in 0..2_000 {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        let copies = next
            .as_ref()
            .is_some_and(|e| crate::drive::name(e) == "copy subscriptions");
        let fault = if copies && !killed {
            killed = true;
            Fault::KilledLate
        } else {
            Fault::None
        };
        if reasons.last() != Some(&driver.reason()) {
            reasons.push(driver.reason());
        }
        if driver.step(&mut world, fault) {
            break;
        }
        assert_eq!(world.violations_now(), Vec::<String>::new());
    }
    assert!(killed && reasons.contains(&Reason::Settling), "{reasons:?}");
    assert_eq!(driver.reason(), Reason::Succeeded);
    complete(&world);
    let claim = driver.claim.unwrap();
    assert_eq!(claim.intents.copies, None, "nothing is left open on record");
}

#[test]
fn a_lost_creation_asks_a_person_by_name() {
    let mut world = World::new(1, 1);
    world.eager_pricing = true;
    world.switches.promises.keys = Keys::Findable;
    let mut driver = driver_with(&[]);
    while !matches!(
        decide(&driver.valid, &driver.known, driver.now()).effect,
        Some(Effect::CreateTenant(_))
    ) {
        driver.step(&mut world, Fault::None);
    }
    // It never arrives.
    driver.step(&mut world, Fault::Late);
    driver.late.clear();
    for _ in 0..20 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::AwaitingConfirmation);
    assert_eq!(
        world.tenants.len(),
        0,
        "it is not asked for again by itself"
    );
    let asked = next_action(&driver);
    driver.valid.confirmed = Some("something else".to_owned());
    for _ in 0..20 {
        driver.step(&mut world, Fault::None);
    }
    let other = "The annotation tenantreseller.io/confirm says \"something else\", which is not what \
                 is asked for now. ";
    assert_eq!(next_action(&driver), format!("{other}{asked}"));
    people(&mut world, &mut driver, Pick::Needed);
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn ordering_rests_from_the_last_sweep_to_the_switch() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    world.switches.promises.compares = Strength::Weak;
    let mut driver = driver_with(&[]);
    let mut asked = false;
    let mut opened = false;
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, world, driver| {
            if driver.reason() == Reason::AwaitingManualStep {
                asked = true;
                // Bought in the last moment before ordering is disabled.
                if world.ordering_enabled {
                    world.buy(0);
                }
                world.ordering_enabled = false;
            }
            // Somebody enables ordering once more, right after the last sweep.
            let before_the_switch = matches!(
                decide(&driver.valid, &driver.known, driver.now()).effect,
                Some(Effect::Read(_))
            ) && driver.known.activation.clean.is_some()
                && !driver.known.activation.still_frozen
                && !world.on;
            if before_the_switch && !opened {
                opened = true;
                world.ordering_enabled = true;
                world.buy(1);
            }
        },
    );
    assert!(done && asked && opened);
    assert_eq!(
        world.purchases.len(),
        4 + 1 + 1 + 1,
        "each time before it rests"
    );
    complete(&world);
    let ready = driver.status.conditions.iter().find(|c| c.type_ == "Ready");
    assert!(
        ready
            .unwrap()
            .message
            .contains("Ordering is still disabled"),
        "{ready:?}"
    );
}

#[test]
fn an_accepted_risk_that_comes_true_is_named() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    world.switches.promises.compares = Strength::Weak;
    world.switches.promises.revision = Strength::Weak;
    let mut driver = driver_with(&[Risk::UnguardedSwitch]);
    while !matches!(
        decide(&driver.valid, &driver.known, driver.now()).effect,
        Some(Effect::Activate(_))
    ) {
        driver.step(&mut world, Fault::None);
    }
    let lost = world.buy(0);
    driver.step(&mut world, Fault::None);
    for _ in 0..60 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::VerificationFailed);
    let rows: Vec<_> = driver
        .known
        .findings
        .differences
        .rows
        .iter()
        .map(|row| (row.reason.as_str(), row.source.clone()))
        .collect();
    assert_eq!(rows, [("NotCopied", lost)]);
    assert!(world.on, "and nothing is copied after the switch");
}

#[test]
fn quiet_time_for_orders_that_nobody_can_see() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    world.switches.promises.orders = Strength::Weak;
    let mut driver = driver_with(&[]);
    let mut since = None;
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, world, driver| {
            if driver.reason() == Reason::AwaitingManualStep && world.ordering_enabled {
                world.ordering_enabled = false;
                since = Some(driver.clock);
            }
        },
    );
    assert!(done);
    let quiet = driver.clock - since.unwrap();
    assert!(quiet >= driver.valid.terms.order_settle, "{quiet:?}");
}

#[test]
fn the_tenants_own_access_is_waited_for() {
    let mut world = World::new(1, 2);
    world.eager_pricing = true;
    world.switches.tenant_access = TenantAccess::Own;
    let mut driver = driver_with(&[]);
    for _ in 0..60 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::AwaitingTenantConnection);
    assert!(world.copies.is_empty());
    let created = driver
        .status
        .conditions
        .iter()
        .any(|c| c.type_ == "TenantCreated" && c.status == ConditionStatus::True);
    assert!(created, "phase 1 is complete and on record");
    assert!(driver.claim.as_ref().unwrap().tenant_id.is_some());
    driver.valid.tenant_connection = TenantConnection::AtHand;
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

/// Each write as a manual step: told exactly, done partly, late and twice, seen, and gone on from.
#[test]
fn manual_steps() {
    for operation in WriteOperation::ALL {
        for much in [Pick::Needed, Pick::One] {
            let mut world = World::new(3, 6);
            world.switches.modes.insert(operation, Mode::ManualStep);
            let mut driver = driver_with(&[]);
            let mut told = BTreeSet::new();
            let mut idle = 0;
            let done = run(
                &mut world,
                &mut driver,
                |_| Fault::None,
                |_, world, driver| {
                    if driver.reason() == Reason::AwaitingManualStep {
                        told.insert(next_action(driver));
                        // People take their time, and press a button twice.
                        idle += 1;
                        if idle % 5 == 0 {
                            people(world, driver, much);
                            let freezes = next_action(driver).contains("Disable ordering");
                            if much == Pick::Needed && !freezes {
                                drop(world.act(Action::ByHand(operation, much)));
                            }
                        }
                    } else {
                        people(world, driver, much);
                    }
                },
            );
            assert!(done, "{operation:?}: {:?} {told:?}", driver.reason());
            complete(&world);
            let instructed = told
                .iter()
                .any(|action| action.contains(operation.as_str()));
            // Pricing options are asked for in any case, with the instruction.
            assert_eq!(
                instructed,
                operation != WriteOperation::SetPricing,
                "{operation:?}: {told:?}"
            );
            if operation == WriteOperation::ActivateBackOrdering {
                let claim = driver.claim.unwrap();
                assert_eq!(claim.approval.as_deref(), Some("ManualStep"));
                assert!(claim.inventory_digest.is_some());
            }
            assert_eq!(
                driver.known.findings.manual.total(),
                0,
                "nothing left to do"
            );
        }
    }
}

#[test]
fn a_manual_step_on_the_wrong_record_is_named() {
    let mut world = World::new(2, 5);
    world.eager_pricing = true;
    world
        .switches
        .modes
        .insert(WriteOperation::CopySubscriptions, Mode::ManualStep);
    let wrong = world.purchases.keys().next().unwrap().clone();
    world.set_state(&wrong, PurchaseState::Suspended);
    let mut driver = driver_with(&[]);
    while driver.reason() != Reason::AwaitingManualStep {
        driver.step(&mut world, Fault::None);
    }
    let row = driver.known.findings.manual.rows.first().unwrap();
    assert_eq!(row.reason.as_str(), "CopyByHand");
    assert_eq!(driver.known.findings.manual.total(), 4);
    // Somebody copies all five, the suspended one included.
    world.set_state(&wrong, PurchaseState::Active);
    world
        .act(Action::ByHand(
            WriteOperation::CopySubscriptions,
            Pick::Needed,
        ))
        .unwrap();
    world.set_state(&wrong, PurchaseState::Suspended);
    for _ in 0..60 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::OrphanedCopy);
    assert!(!world.on);
    world.end_orphans();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
}

/// Every kind of corruption is found and named, and the upgrade never says that it succeeded.
#[test]
fn what_the_switch_corrupts_is_found() {
    for kind in [ItemKind::Customer, ItemKind::Subscription, ItemKind::Asset] {
        for (how, name) in [
            (CorruptionKind::Currency, "FieldsDiffer"),
            (CorruptionKind::CopyDeleted, "NotCopied"),
            (CorruptionKind::SecondCopy, "DuplicateCopy"),
            (CorruptionKind::Incomplete, "IncompleteCopy"),
            (CorruptionKind::Unmarked, "NotMarked"),
            (CorruptionKind::SourceEnded, "OrphanedCopy"),
        ] {
            let customer = kind == ItemKind::Customer;
            if customer
                && matches!(
                    how,
                    CorruptionKind::CopyDeleted | CorruptionKind::SourceEnded
                )
            {
                continue;
            }
            let mut world = World::new(2, 8);
            world.eager_pricing = true;
            world.corruption = Some(Corruption {
                kind: how,
                item: kind,
                source: None,
            });
            let mut driver = driver_with(&[]);
            for _ in 0..400 {
                driver.step(&mut world, Fault::None);
            }
            assert_eq!(
                driver.reason(),
                Reason::VerificationFailed,
                "{kind:?} {how:?}"
            );
            let rows = &driver.known.findings.differences.rows;
            assert_eq!(rows.len(), 1, "{kind:?} {how:?}: {rows:?}");
            assert_eq!((rows[0].reason.as_str(), rows[0].kind), (name, kind.into()));
            let of = |name: &str| {
                let conditions = &driver.status.conditions;
                conditions.iter().find(|c| c.type_ == name).cloned()
            };
            assert_eq!(of("Succeeded").unwrap().status, ConditionStatus::False);
            assert_eq!(of("Verified").unwrap().reason, "VerificationFailed");
            assert!(of("Stalled").is_some());
            assert_eq!(
                driver.claim.as_ref().unwrap().approval.as_deref(),
                Some("Automatic"),
                "the switch itself is on record"
            );
        }
    }
}

#[test]
fn a_difference_that_is_mended_ends_well() {
    let mut world = World::new(2, 8);
    world.eager_pricing = true;
    world.corruption = Some(Corruption {
        kind: CorruptionKind::Quantity,
        item: ItemKind::Subscription,
        source: None,
    });
    let mut driver = driver_with(&[]);
    while driver.reason() != Reason::VerificationFailed {
        driver.step(&mut world, Fault::None);
    }
    let corrupted = driver.known.findings.differences.rows[0].source.clone();
    world.act(Action::AmendQuantity(corrupted, 1)).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    let verified = driver
        .status
        .conditions
        .iter()
        .find(|c| c.type_ == "Verified");
    assert_eq!(verified.unwrap().status, ConditionStatus::True);
}

#[test]
fn a_copy_follows_its_source_until_somebody_amends_it() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    world.act(Action::BuyHeld("c000".into())).unwrap();
    let mut driver = driver_with(&[]);
    while driver.reason() != Reason::AwaitingOrders {
        driver.step(&mut world, Fault::None);
    }
    let ids: Vec<_> = world.purchases.keys().cloned().collect();
    for id in &ids[..2] {
        world.act(Action::Quantity(id.clone(), 2)).unwrap();
    }
    // The reseller amended the second copy itself.
    world.act(Action::AmendQuantity(ids[1].clone(), 7)).unwrap();
    world.act(Action::CancelOrders).unwrap();
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::SourceChanged);
    let digest = |world: &World, at: usize| {
        let copies = world.copy_records();
        let copy = copies.iter().find(|(_, c)| c.source == ids[at]);
        copy.unwrap().1.digest.clone()
    };
    let source = |world: &World, at: usize| {
        Owned::Purchase(world.purchases[&ids[at]].fields.clone()).digest()
    };
    let amended = digest(&world, 1);
    let named: Vec<_> = driver
        .known
        .findings
        .blockers
        .rows
        .iter()
        .map(|r| r.source.clone())
        .collect();
    assert_eq!(named, [ids[1].clone()]);
    assert_eq!(digest(&world, 1), amended, "never reverted");
    world.act(Action::Quantity(ids[1].clone(), 7)).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    assert_eq!(digest(&world, 0), source(&world, 0));
    assert_eq!(digest(&world, 1), source(&world, 1));
}

/// A source changes after it was copied, and the reseller may change the copy at any moment: without a
/// comparison in the write itself, the update is a person's.
#[test]
fn a_copy_is_not_updated_where_nothing_compares_it() {
    let mut world = World::new(2, 4);
    world.eager_pricing = true;
    world.switches.promises.items = Strength::Weak;
    world.act(Action::BuyHeld("c000".into())).unwrap();
    let mut driver = driver_with(&[]);
    while driver.reason() != Reason::AwaitingOrders {
        driver.step(&mut world, Fault::None);
    }
    let changed = world.purchases.keys().next().cloned().unwrap();
    world.act(Action::Quantity(changed.clone(), 2)).unwrap();
    world.act(Action::CancelOrders).unwrap();
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::AwaitingManualStep);
    let asked = next_action(&driver);
    assert!(
        asked.contains(&format!("To bring up to the source: {changed}.")),
        "{asked}"
    );
    assert!(!asked.contains("keeps no keys"), "{asked}");
    let by_hand = Action::ByHand(WriteOperation::CopySubscriptions, Pick::Needed);
    world.act(by_hand).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

#[test]
fn what_the_price_list_does_not_permit_is_told_while_the_tenant_is_queued() {
    let mut world = World::new(2, 6);
    world.eager_pricing = true;
    let id = world.purchases.keys().nth(2).unwrap().clone();
    world.act(Action::Plant(Defect::Currency, id)).unwrap();
    let mut driver = driver_with(&[]);
    let mut told = false;
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
        let queued = driver.status.phase == Some(Phase::TenantCreation);
        if queued && !driver.status.failures.is_empty() {
            told = true;
            assert_eq!(driver.status.failures[0].reason, "CurrencyMismatch");
            assert_eq!(driver.reason(), Reason::Progressing);
        }
    }
    assert!(told);
    assert_eq!(
        driver.reason(),
        Reason::PrecheckFailed,
        "and again before the copy"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any promises, any faults, late requests among them, people buying meanwhile: nothing twice,
    /// nothing lost, nothing copied after the switch, and it ends.
    #[test]
    fn weak_worlds_with_faults(
        which in 0_usize..96,
        manual in proptest::option::of(0_usize..5),
        faults in proptest::collection::vec((0_u8..100, 0_u8..7), 30..150),
        acts in proptest::collection::vec((0_usize..200, 0_u8..4), 0..8),
    ) {
        let promises = every()[which];
        let mut world = World::new(3, 5);
        world.switches.promises = promises;
        if let Some(manual) = manual {
            world.switches.modes.insert(WriteOperation::ALL[manual], Mode::ManualStep);
        }
        let mut driver = driver_with(&[Risk::SingleOperator]);
        let strategy = Strategy::of(&world.capabilities().unwrap(), &driver.valid.terms).unwrap();
        prop_assert!(strategy.activation_guard != ActivationGuard::Unguarded && strategy.orders != Orders::Unseen);
        let fault = |step: usize| match faults.get(step) {
            Some((chance, kind)) if *chance < 40 => match kind {
                0 => Fault::LostReply,
                1 => Fault::Unavailable,
                2 => Fault::Throttled,
                3 => Fault::KilledAfter,
                4 => Fault::KilledBefore,
                5 => Fault::Late,
                _ => Fault::KilledLate,
            },
            _ => Fault::None,
        };
        let done = run(&mut world, &mut driver, fault, |step, world, driver| {
            for (_, act) in acts.iter().filter(|(at, _)| *at == step) {
                let first = world.purchases.keys().next().cloned();
                match act {
                    0 if !world.on && world.ordering_enabled => { world.buy(0); }
                    1 if !world.on && world.ordering_enabled => if let Some(id) = first {
                        world.set_state(&id, PurchaseState::Cancelled);
                    },
                    2 if !world.on && world.ordering_enabled => if let Some(id) = first
                        && world.purchases[&id].state == PurchaseState::Active {
                        let quantity = u32::try_from(step).unwrap() + 2;
                        drop(world.act(Action::Quantity(id, quantity)));
                    },
                    _ => {}
                }
            }
            people(world, driver, Pick::Needed);
        });
        prop_assert!(done, "{promises:?} {manual:?} ended in {:?}: {}", driver.reason(), next_action(&driver));
        complete(&world);
    }
}
