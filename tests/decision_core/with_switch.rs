//! The act that copies and switches: one button of a person's copies the subscriptions and activates back
//! ordering. Every gate comes before the person is told, and the operator never sends a copy.

use std::collections::BTreeMap;
use std::time::Duration;

use tenant_reseller_operator::api::{CONFIRM_ANNOTATION, ConditionType, Reason, Risk};
use tenant_reseller_operator::bss::port::{
    ItemKind, Keys, Mode, SourceId, Strength, Unseen, WriteOperation,
};
use tenant_reseller_operator::upgrade::{Fencing, Stage, Strategy, Terms, decide};

use crate::drive::{Driver, Fault, complete, run};
use support::simulated_bss::{Action, Corruption, CorruptionKind, Defect, Pick, World};

const PRESS: WriteOperation = WriteOperation::ActivateBackOrdering;

/// A BSS of which the operator only reads: every write is a person's, and the last two are one.
pub(crate) fn read_only() -> World {
    let mut world = World::new(3, 7);
    for operation in WriteOperation::ALL {
        world.switches.modes.insert(operation, Mode::ManualStep);
    }
    let with = WriteOperation::CopySubscriptions;
    world.switches.modes.insert(with, Mode::WithSwitch);
    let promises = &mut world.switches.promises;
    promises.keys = Keys::None;
    promises.epochs = Strength::Weak;
    promises.revision = Strength::Weak;
    promises.compares = Strength::Weak;
    promises.off_guard = Strength::Weak;
    promises.items = Strength::Weak;
    world
}

fn next_action(driver: &Driver) -> String {
    let decision = decide(&driver.valid, &driver.known, driver.now());
    decision.state.next_action
}

/// Whether a person is told to press the button that cannot be undone.
fn told(driver: &Driver) -> bool {
    driver.reason() == Reason::AwaitingManualStep
        && next_action(driver).contains("cannot be undone")
}

/// People do what they are told but for the last step.
pub(crate) fn up_to_the_switch(world: &mut World, driver: &mut Driver) {
    if told(driver) {
        return;
    }
    let action = next_action(driver);
    match driver.reason() {
        Reason::AwaitingPricing => drop(world.act(Action::Price(None))),
        Reason::AwaitingManualStep if action.contains("Disable ordering") => {
            drop(world.act(Action::Ordering(false)));
        }
        Reason::AwaitingManualStep if action.contains("createTenant") => {
            drop(world.act(Action::ByHand(WriteOperation::CreateTenant, Pick::Needed)));
        }
        Reason::AwaitingManualStep => {
            drop(world.act(Action::ByHand(WriteOperation::CopyCustomers, Pick::Needed)));
        }
        Reason::AwaitingConfirmation => {
            let asked = format!("{CONFIRM_ANNOTATION}=");
            let (_, what) = action.split_once(&asked).unwrap();
            driver.valid.confirmed = Some(what.to_owned());
        }
        _ => {}
    }
}

/// Runs until a person is told to press the button.
pub(crate) fn until_told(world: &mut World, driver: &mut Driver) {
    for _ in 0..2_000 {
        if told(driver) {
            assert!(
                !world.ordering_enabled,
                "ordering rests before a person is told"
            );
            return;
        }
        up_to_the_switch(world, driver);
        driver.step(world, Fault::None);
        assert_eq!(world.violations_now(), Vec::<String>::new());
    }
    panic!(
        "no person is told: {:?}, {}",
        driver.reason(),
        next_action(driver)
    );
}

/// The first subscription that is to be copied.
fn first(world: &World) -> SourceId {
    let mut eligible = world.eligible();
    let (id, _) = eligible
        .find(|(_, row)| row.kind == ItemKind::Subscription)
        .unwrap();
    id.clone()
}

fn corrupt(world: &mut World, kind: CorruptionKind, item: ItemKind, source: &SourceId) {
    let source = Some(source.clone());
    world
        .act(Action::Corrupt(Corruption { kind, item, source }))
        .unwrap();
}

fn reached(driver: &Driver, milestone: ConditionType) -> Option<i64> {
    driver.known.milestones.get(&milestone).copied()
}

#[test]
pub(crate) fn nothing_is_copied_before_the_act_that_switches() {
    let mut world = read_only();
    let mut driver = Driver::new();
    let mut before = 0;
    let mut idle = 0;
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, world, driver| {
            let purchases = world
                .copy_records()
                .iter()
                .filter(|(kind, _)| *kind != ItemKind::Customer)
                .count();
            if !world.on {
                before += purchases;
                assert_eq!(reached(driver, ConditionType::SubscriptionsCopied), None);
            }
            if told(driver) {
                let claim = driver.claim.as_ref().unwrap();
                let told = claim.told.as_ref().unwrap();
                assert!(
                    told.pricing_digest.is_some(),
                    "the options are part of what is told"
                );
                assert_eq!(
                    driver.known.findings.manual.total(),
                    7,
                    "every record is listed"
                );
                let action = next_action(driver);
                assert!(
                    action.contains("copies 6 subscriptions and 1 asset of 3 customers"),
                    "{action}"
                );
                idle += 1;
                if idle > 20 {
                    drop(world.act(Action::ByHand(PRESS, Pick::Needed)));
                }
            } else {
                up_to_the_switch(world, driver);
            }
        },
    );
    assert!(done, "{:?}", driver.reason());
    assert_eq!(
        driver.known.findings.manual.total(),
        0,
        "no list asks people to copy once more"
    );
    complete(&world);
    assert_eq!(before, 0, "the operator sends no copy");
    assert_eq!(
        reached(&driver, ConditionType::SubscriptionsCopied),
        Some(7)
    );
    let claim = driver.claim.unwrap();
    assert_eq!(claim.approval.as_deref(), Some("ManualStep"));
    assert!(claim.inventory_digest.is_some() && claim.pricing_digest.is_some());
    let sent = driver
        .trace
        .iter()
        .filter(|name| name.starts_with("copy subs"));
    assert_eq!(sent.count(), 0);
}

#[test]
pub(crate) fn every_gate_comes_before_a_person_is_told() {
    let orders: (&str, fn(&mut World), Reason) = (
        "an order",
        |world| drop(world.act(Action::BuyHeld("c000".into())).unwrap()),
        Reason::AwaitingOrders,
    );
    let currency: (&str, fn(&mut World), Reason) = (
        "a currency",
        |world| {
            let id = first(world);
            world.act(Action::Plant(Defect::Currency, id)).unwrap();
        },
        Reason::PrecheckFailed,
    );
    let sync: (&str, fn(&mut World), Reason) = (
        "a sync",
        |world| {
            let id = first(world);
            world.act(Action::Plant(Defect::Sync, id)).unwrap();
        },
        Reason::PrecheckFailed,
    );
    for (what, plant, reason) in [orders, currency, sync] {
        let mut world = read_only();
        plant(&mut world);
        let mut driver = Driver::new();
        let mut held = 0;
        for _ in 0..800 {
            assert!(!told(&driver), "{what}: told too early");
            up_to_the_switch(&mut world, &mut driver);
            driver.step(&mut world, Fault::None);
            held += usize::from(driver.reason() == reason);
        }
        assert!(held > 0, "{what}: {:?}", driver.reason());
        drop(world.act(Action::CancelOrders));
        drop(world.act(Action::Repair));
        until_told(&mut world, &mut driver);
    }
}

/// The last sweep checks by itself: what changes after the check sweep is seen by it.
#[test]
pub(crate) fn what_changes_after_the_telling_takes_it_back() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    let before = driver.claim.as_ref().unwrap().told.clone().unwrap();
    // Other prices: nothing of the inventory moved.
    world
        .act(Action::PriceOtherwise(Some("c000".into())))
        .unwrap();
    let mut stood = true;
    for _ in 0..400 {
        up_to_the_switch(&mut world, &mut driver);
        driver.step(&mut world, Fault::None);
        let on_record = driver.claim.as_ref().unwrap().told.as_ref();
        stood &= on_record == Some(&before);
        // The list of records goes with the word of the operator.
        let listed = driver.known.findings.manual.total() > 0;
        assert!(!listed || on_record.is_some() || driver.known.stage == Stage::Activate);
    }
    assert!(!stood, "what was told about the prices does not stand");
    until_told(&mut world, &mut driver);
    let after = driver.claim.as_ref().unwrap().told.clone().unwrap();
    assert_eq!(before.inventory_digest, after.inventory_digest);
    assert_ne!(before.pricing_digest, after.pricing_digest);
}

#[test]
pub(crate) fn a_run_that_stops_half_way_is_told_again_with_what_is_left() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    assert!(
        world.act(Action::ByHand(PRESS, Pick::One)).is_err(),
        "it is interrupted"
    );
    assert!(!world.on);
    let action = next_action(&driver);
    assert!(action.contains("copies 6 subscriptions"), "{action}");
    for _ in 0..400 {
        driver.step(&mut world, Fault::None);
    }
    until_told(&mut world, &mut driver);
    let action = next_action(&driver);
    assert!(
        action.contains("copies 5 subscriptions and 1 asset"),
        "{action}"
    );
    assert_eq!(driver.known.findings.manual.total(), 6);
    drop(world.act(Action::ByHand(PRESS, Pick::Needed)));
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

/// Between telling and pressing the process ends; the record says under which approval.
#[test]
pub(crate) fn a_press_after_a_restart_has_its_record() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    let told = driver.claim.as_ref().unwrap().told.clone().unwrap();
    driver.kill();
    drop(world.act(Action::ByHand(PRESS, Pick::Needed)));
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    let claim = driver.claim.unwrap();
    assert_eq!(claim.approval.as_deref(), Some("ManualStep"));
    assert_eq!(claim.inventory_digest, Some(told.inventory_digest));
    assert_eq!(claim.pricing_digest, told.pricing_digest);
}

/// What the vendor's run has left out is named, and nothing is copied after the switch.
#[test]
pub(crate) fn what_a_run_leaves_out_is_named_after_the_switch() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    drop(world.act(Action::ByHand(PRESS, Pick::Needed)));
    let lost = first(&world);
    corrupt(
        &mut world,
        CorruptionKind::CopyDeleted,
        ItemKind::Subscription,
        &lost,
    );
    for _ in 0..400 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::VerificationFailed);
    let rows = &driver.known.findings.differences.rows;
    assert_eq!(
        rows.iter()
            .map(|row| row.source.clone())
            .collect::<Vec<_>>(),
        [lost]
    );
    assert_eq!(reached(&driver, ConditionType::SubscriptionsCopied), None);
    assert_eq!(
        world.copy_records().len(),
        3 + 6,
        "nothing is copied once it is On"
    );
}

#[test]
pub(crate) fn an_owner_without_a_copy_is_named_by_the_last_sweep() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    let owner = SourceId::from("c000");
    corrupt(
        &mut world,
        CorruptionKind::CopyDeleted,
        ItemKind::Customer,
        &owner,
    );
    let mut named = false;
    for _ in 0..600 {
        driver.step(&mut world, Fault::None);
        named |= driver.reason() == Reason::AwaitingManualStep && !told(&driver);
    }
    assert!(named && !told(&driver), "{:?}", driver.reason());
    until_told(&mut world, &mut driver);
}

#[test]
pub(crate) fn where_nothing_is_automatic_nothing_is_fenced() {
    let mut world = read_only();
    let capabilities = world.capabilities().unwrap();
    let strategy = Strategy::of(&capabilities, &Terms::default()).unwrap();
    assert_eq!(strategy.fencing, Fencing::NothingToFence);
    assert!(strategy.copies_with_the_switch() && strategy.freezes());
    // One write of its own, and the risk has to be accepted.
    let mut automatic = capabilities.clone();
    automatic
        .operations
        .insert(WriteOperation::SetPricing, Mode::Automatic);
    assert!(Strategy::of(&automatic, &Terms::default()).is_err());
    let risks = Terms {
        accepted: [Risk::SingleOperator].into(),
        ..Terms::default()
    };
    assert!(Strategy::of(&automatic, &risks).is_ok());
    // The word is legal in one place only.
    for operation in WriteOperation::ALL {
        let mut odd = capabilities.clone();
        odd.operations.insert(operation, Mode::WithSwitch);
        let legal = operation == WriteOperation::CopySubscriptions;
        assert_eq!(Strategy::of(&odd, &risks).is_ok(), legal, "{operation:?}");
    }
    let mut pressed = capabilities;
    pressed.operations.insert(PRESS, Mode::Automatic);
    assert!(
        Strategy::of(&pressed, &risks).is_err(),
        "the operator presses nothing that copies"
    );
}

#[test]
pub(crate) fn what_is_not_shown_is_confirmed_by_a_person_or_refused() {
    let mut world = read_only();
    let unseen = [
        Unseen::PricingOptions,
        Unseen::CustomerMark,
        Unseen::TenantCurrency,
        Unseen::Language,
    ];
    world.switches.unseen = unseen.into();
    let mut driver = Driver::new();
    let mut asked = Vec::new();
    for _ in 0..2_000 {
        if told(&driver) {
            break;
        }
        if driver.reason() == Reason::AwaitingConfirmation {
            asked.push(next_action(&driver));
        }
        up_to_the_switch(&mut world, &mut driver);
        driver.step(&mut world, Fault::None);
    }
    assert!(
        told(&driver),
        "{:?} {}",
        driver.reason(),
        next_action(&driver)
    );
    assert!(
        asked.iter().any(|asked| asked.contains("pricing-")),
        "{asked:?}"
    );
    let claim = driver.claim.as_ref().unwrap();
    assert!(
        claim
            .confirmed_pricing
            .as_ref()
            .unwrap()
            .starts_with("pricing-")
    );
    assert_eq!(claim.tenant_currency, None, "it is not made up");
    let message = decide(&driver.valid, &driver.known, driver.now())
        .state
        .message;
    for fact in unseen {
        assert!(message.contains(fact.as_str()), "{message}");
    }
    // Where the operator would write, it has to see.
    for operation in [
        WriteOperation::CopyCustomers,
        WriteOperation::CopySubscriptions,
    ] {
        let mut writes = world.capabilities().unwrap();
        writes.promises.keys = Keys::Unique;
        writes.operations.insert(operation, Mode::Automatic);
        let risks = Terms {
            accepted: [Risk::SingleOperator].into(),
            ..Terms::default()
        };
        assert!(Strategy::of(&writes, &risks).is_err(), "{operation:?}");
    }
}

#[test]
pub(crate) fn what_is_unclear_holds_the_switch_until_a_person_says() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    assert!(world.act(Action::ByHand(PRESS, Pick::One)).is_err());
    let copies = world.copy_records();
    let purchase = copies.iter().find(|(kind, _)| *kind != ItemKind::Customer);
    let (source, copy) = purchase
        .map(|(_, copy)| (copy.source.clone(), copy.id.clone()))
        .unwrap();
    world.switches.unclear.insert(source.clone());
    let mut shown = false;
    for _ in 0..800 {
        up_to_the_switch(&mut world, &mut driver);
        driver.step(&mut world, Fault::None);
        shown |= driver.reason() == Reason::CopyUnclear;
    }
    assert!(shown, "{:?}", driver.reason());
    assert!(!told(&driver));
    let counts = &driver.known.findings.counts[&ItemKind::Subscription];
    assert_eq!(
        (counts.eligible, counts.copied, counts.failed),
        (6, 0, 1),
        "neither copied nor missing"
    );
    driver.valid.confirmed_copies = BTreeMap::from([(source.clone(), copy)]);
    until_told(&mut world, &mut driver);
    let claim = driver.claim.as_ref().unwrap();
    assert_eq!(claim.confirmed_copies.len(), 1);
    assert_eq!(claim.confirmed_copies[0].source_id, source.as_str());
}

/// Options that go away behind the check are missed by the last sweep itself.
#[test]
pub(crate) fn options_that_go_away_before_the_last_sweep_hold_it() {
    let mut world = read_only();
    let mut driver = Driver::new();
    let mut removed = false;
    for _ in 0..2_000 {
        assert!(!told(&driver), "told without pricing options");
        if !removed && driver.known.stage == Stage::FinalCustomers {
            world.act(Action::RemovePricing(None)).unwrap();
            removed = true;
        }
        if removed && driver.reason() == Reason::AwaitingPricing {
            return;
        }
        up_to_the_switch(&mut world, &mut driver);
        driver.step(&mut world, Fault::None);
    }
    panic!(
        "the options were not missed: {removed} {:?}",
        driver.reason()
    );
}

/// The copy of an owner goes away behind the check, where nothing else tells of it.
#[test]
pub(crate) fn an_owner_whose_copy_goes_away_before_the_last_sweep_holds_it() {
    let mut world = read_only();
    world.switches.unseen = [Unseen::PricingOptions, Unseen::CustomerMark].into();
    let mut driver = Driver::new();
    let mut removed = false;
    for _ in 0..800 {
        assert!(!told(&driver), "told although an owner has no copy");
        if !removed && driver.known.stage == Stage::FinalCustomers {
            let owner = SourceId::from("c000");
            let (kind, item) = (CorruptionKind::CopyDeleted, ItemKind::Customer);
            corrupt(&mut world, kind, item, &owner);
            removed = true;
        }
        let asked = next_action(&driver).contains("copyCustomers");
        if removed && asked && driver.reason() == Reason::AwaitingManualStep {
            return;
        }
        up_to_the_switch(&mut world, &mut driver);
        driver.step(&mut world, Fault::None);
    }
    panic!("the owner was not missed: {removed} {:?}", driver.reason());
}

/// After a restore of the cluster a person confirms it before a person is told to switch.
#[test]
pub(crate) fn a_restore_is_confirmed_before_a_person_is_told() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    driver.kill();
    let claim = driver.claim.as_mut().unwrap();
    claim.unconfirmed_epoch = Some(99);
    claim.told = None;
    let mut asked = 0;
    for _ in 0..600 {
        assert!(!told(&driver), "told before the restore was confirmed");
        if driver.reason() == Reason::AwaitingConfirmation {
            asked += 1;
        } else {
            up_to_the_switch(&mut world, &mut driver);
        }
        driver.step(&mut world, Fault::None);
    }
    assert!(asked > 0, "{:?}", driver.reason());
    until_told(&mut world, &mut driver);
}

/// What a run that stopped half way has copied falls behind its source: the act would not bring it up.
#[test]
pub(crate) fn a_copy_that_is_behind_its_source_holds_the_act() {
    let mut world = read_only();
    let mut driver = Driver::new();
    until_told(&mut world, &mut driver);
    assert!(world.act(Action::ByHand(PRESS, Pick::One)).is_err());
    let copies = world.copy_records();
    let purchase = copies.iter().find(|(kind, _)| *kind != ItemKind::Customer);
    let source = purchase.map(|(_, copy)| copy.source.clone()).unwrap();
    world.act(Action::Ordering(true)).unwrap();
    world.act(Action::Quantity(source.clone(), 7)).unwrap();
    let mut named = false;
    for _ in 0..800 {
        up_to_the_switch(&mut world, &mut driver);
        driver.step(&mut world, Fault::None);
        named |= driver.reason() == Reason::SourceChanged;
        assert!(!named || !told(&driver), "told although a copy is behind");
    }
    assert!(named, "{:?} {}", driver.reason(), next_action(&driver));
    world.act(Action::Ordering(true)).unwrap();
    world.act(Action::Quantity(source, 1)).unwrap();
    until_told(&mut world, &mut driver);
}

/// A second person copies what the first one did already, because no listing shows it yet. The last sweep rests
/// until the listing must show both.
#[test]
pub(crate) fn a_second_copy_that_is_listed_late_is_seen_before_a_person_is_told() {
    for restarts in [false, true] {
        a_second_copy_is_listed_late(restarts);
    }
}

/// The process may begin anew after it, and has then asked for no copy itself. Options are there from the
/// beginning, so that little but the quiet time lies between the copies and the last sweep.
fn a_second_copy_is_listed_late(restarts: bool) {
    let mut world = read_only();
    // What lands late is another matter: here nothing does.
    world.switches.promises.off_guard = Strength::Strong;
    let mut driver = Driver::new();
    let settle = driver.valid.terms.settle;
    world.switches.listing_lag = settle.saturating_sub(Duration::from_secs(1));
    world.eager_pricing = true;
    let (mut first_copy, mut second) = (None, false);
    for _ in 0..4_000 {
        assert!(!told(&driver), "told although a customer is copied twice");
        if driver.reason() == Reason::DuplicateCopy {
            assert!(second);
            return;
        }
        let step = driver.reason() == Reason::AwaitingManualStep;
        let asked = step && next_action(&driver).contains("copyCustomers");
        world.now = driver.clock;
        if !asked {
            up_to_the_switch(&mut world, &mut driver);
        } else if let Some(at) = first_copy {
            // The last moment at which people are still asked.
            if !second && driver.clock + Duration::from_secs(40) > at + world.switches.listing_lag {
                let again = Action::ByHand(WriteOperation::CopyCustomers, Pick::Again);
                second = world.act(again).is_ok();
                if restarts {
                    driver.kill();
                }
            }
        } else {
            up_to_the_switch(&mut world, &mut driver);
            first_copy = Some(driver.clock);
        }
        driver.step(&mut world, Fault::None);
    }
    panic!("the second copy was not seen: {:?}", driver.reason());
}
