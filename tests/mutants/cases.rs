//! Kinds of scenarios, each made to bring one weakness of the operator or of the BSS to light.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::api::{PricingPolicy, Risk};
use tenant_reseller_operator::bss::port::{
    ItemKind, Keys, Mode, Promises, SourceId, Strength, WriteOperation,
};

use crate::simulation::faults::Fault;
use crate::simulation::run::run;
use crate::simulation::scenario::{STRONG, Scenario};
use support::simulated_bss::{
    Action, Corruption, CorruptionKind, Defect, Marks, OTHER_RESELLER, Pick, Screens, World, Wrong,
};

/// Whatever a seed stands for.
pub(crate) fn any(seed: u64) -> Scenario {
    Scenario::of(seed)
}

/// A strong BSS, one process, nothing goes wrong; how many customers, how large pages are and what
/// else is in the BSS is the seed's.
pub(crate) fn calm(seed: u64) -> Scenario {
    let mut scenario = Scenario::of(seed);
    let switches = &mut scenario.world.switches;
    switches.promises = STRONG;
    switches.offset_paging = false;
    switches.lag = Duration::ZERO;
    switches.request_key_life = None;
    switches.marks = Marks::WithCopy;
    switches.screens = Screens::Guarded;
    switches.replayed_refusals = false;
    for mode in switches.modes.values_mut() {
        *mode = Mode::Automatic;
    }
    scenario.risks = BTreeSet::new();
    scenario.faults = Vec::new();
    scenario.budget = 0;
    scenario.quiet_until = None;
    scenario.pricing = PricingPolicy::default();
    scenario.declared = Vec::new();
    scenario.processes = 1;
    scenario.pace.poll = Duration::from_secs(5);
    scenario.pace.recheck = Duration::from_mins(5);
    scenario.looks = (Duration::from_secs(20), Duration::from_mins(3));
    scenario.script = Vec::new();
    scenario
}

/// The same with faults, so many of them.
pub(crate) fn faulty(seed: u64, faults: &[Fault], budget: u32) -> Scenario {
    let mut scenario = calm(seed);
    scenario.faults = faults.to_vec();
    scenario.budget = budget;
    scenario.processes = 2;
    scenario
}

/// People act all along.
pub(crate) fn busy(seed: u64) -> Scenario {
    faulty(seed, &[Fault::PeopleAct], 40)
}

/// The same, and pricing is there as soon as it can be.
pub(crate) fn busy_and_priced(seed: u64) -> Scenario {
    let mut scenario = busy(seed);
    scenario.world.eager_pricing = true;
    scenario
}

/// What must never be copied is in every world.
pub(crate) fn decoys(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    if scenario
        .world
        .purchases
        .values()
        .all(|row| row.customer.as_str() != "x000")
    {
        scenario.world = scenario.world.with_decoys();
    }
    scenario
}

/// Some promises are weak.
pub(crate) fn weak(mut scenario: Scenario, weaken: impl Fn(&mut Promises)) -> Scenario {
    weaken(&mut scenario.world.switches.promises);
    scenario
}

/// A BSS whose records are not unique by key, and replies that are lost.
pub(crate) fn findable(seed: u64) -> Scenario {
    let faults = [Fault::BssReplyLost, Fault::BssReplyMalformed, Fault::Killed];
    weak(faulty(seed, &faults, 12), |promises| {
        promises.keys = Keys::Findable;
    })
}

/// The same, and requests arrive late.
pub(crate) fn findable_and_late(seed: u64) -> Scenario {
    let faults = [Fault::BssRequestLate, Fault::KilledLate];
    weak(faulty(seed, &faults, 12), |promises| {
        promises.keys = Keys::Findable;
    })
}

/// The switch compares nothing, so that people disable ordering for it; the Storefront acts until
/// then, and leaves an order pending.
pub(crate) fn frozen(seed: u64) -> Scenario {
    let mut scenario = busy_and_priced(seed);
    scenario.world.switches.promises.compares = Strength::Weak;
    let customer = customer(&scenario, seed);
    scenario.script = vec![(10 + seed % 60, Action::BuyHeld(customer))];
    scenario
}

/// The same without orders that can be seen.
pub(crate) fn frozen_and_unseen(seed: u64) -> Scenario {
    let mut scenario = frozen(seed);
    scenario.world.switches.promises.orders = Strength::Weak;
    scenario.world.switches.order_pending = Duration::from_mins(50);
    let customer = customer(&scenario, seed);
    scenario.script = vec![
        (10 + seed % 60, Action::Buy(customer.clone())),
        (20 + seed % 60, Action::Buy(customer)),
    ];
    scenario
}

/// There is no revision, so that two final sweeps have to agree.
pub(crate) fn without_revision(seed: u64) -> Scenario {
    let mut scenario = busy_and_priced(seed);
    scenario.world.switches.promises.revision = Strength::Weak;
    scenario
}

/// Copies are not refused after the switch, and requests come late.
pub(crate) fn unguarded(seed: u64) -> Scenario {
    let faults = [Fault::BssRequestLate, Fault::KilledLate, Fault::TwoLeaders];
    let mut scenario = faulty(seed, &faults, 12);
    scenario.world.eager_pricing = true;
    scenario.world.switches.promises.off_guard = Strength::Weak;
    scenario
}

/// Two processes believe that they lead; one stands still now and then.
pub(crate) fn two_leaders(seed: u64) -> Scenario {
    let faults = [Fault::TwoLeaders, Fault::Paused, Fault::LeaseLost];
    let mut scenario = faulty(seed, &faults, 15);
    scenario.world.eager_pricing = true;
    scenario
}

/// The cluster goes back, and upgrades are suspended, deleted, renamed.
pub(crate) fn restored(seed: u64) -> Scenario {
    faulty(seed, &[Fault::ClusterBack, Fault::BssReplyLost], 8)
}

/// A person suspends the upgrade now and then.
pub(crate) fn suspended(seed: u64) -> Scenario {
    faulty(seed, &[Fault::SuspendedMeanwhile], 10)
}

/// The upgrade is applied under another name, and in another cluster.
pub(crate) fn moved(seed: u64) -> Scenario {
    faulty(
        seed,
        &[Fault::Renamed, Fault::Reapplied, Fault::AnotherCluster],
        8,
    )
}

/// Accounts get their mark in a second step.
pub(crate) fn marked_later(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    scenario.world.switches.marks = Marks::Later(None);
    scenario
}

/// Somebody marks accounts by hand before they are copied.
pub(crate) fn marked_by_hand(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    let all: Vec<SourceId> = scenario.world.customers.keys().cloned().collect();
    scenario.script = all
        .into_iter()
        .filter(|id| id.as_str().starts_with('c'))
        .map(|id| (1, Action::MarkByHand(id)))
        .collect();
    scenario
}

/// Customers and subscriptions are copied by hand, carelessly.
pub(crate) fn by_hand(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    for step in [
        WriteOperation::CopyCustomers,
        WriteOperation::CopySubscriptions,
    ] {
        scenario.world.switches.modes.insert(step, Mode::ManualStep);
    }
    scenario.world.switches.promises.keys = Keys::None;
    scenario.world.switches.screens = Screens::Careless;
    scenario
}

/// People press the switch.
pub(crate) fn pressed(seed: u64) -> Scenario {
    let mut scenario = frozen(seed);
    let step = WriteOperation::ActivateBackOrdering;
    scenario.world.switches.modes.insert(step, Mode::ManualStep);
    scenario
}

/// Something may not be copied as it is until people repair it.
pub(crate) fn defects(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    let (one, other) = (purchase(&scenario, seed), purchase(&scenario, seed + 1));
    scenario.script = vec![
        (1, Action::Plant(Defect::Product, one)),
        (1, Action::Plant(Defect::Sync, other)),
    ];
    scenario
}

/// The reseller amends copies, and their sources change afterwards.
pub(crate) fn amended(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    scenario.world.eager_pricing = true;
    scenario.script = Vec::new();
    let all: Vec<SourceId> = scenario.world.purchases.keys().cloned().collect();
    for call in (25 + seed % 5..120).step_by(5) {
        for id in &all {
            let quantity = 2 + u32::try_from(call % 3).unwrap();
            let id = || id.clone();
            scenario.script.push((call, Action::AmendQuantity(id(), 7)));
            scenario
                .script
                .push((call, Action::AmendPrice(id(), 1_234)));
            scenario
                .script
                .push((call + 2, Action::Quantity(id(), quantity)));
        }
    }
    scenario
}

/// Nobody sets pricing options before status asks for them.
pub(crate) fn unpriced(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    scenario.world.eager_pricing = false;
    scenario
}

/// Nobody disturbs anything, and pricing is there.
pub(crate) fn priced(seed: u64) -> Scenario {
    let mut scenario = calm(seed);
    scenario.world.eager_pricing = true;
    scenario
}

/// Listings are offsets and lag, keys are only findable, and replies are lost.
pub(crate) fn skipping(seed: u64) -> Scenario {
    let mut scenario = findable(seed);
    scenario.faults.push(Fault::PeopleAct);
    scenario.budget = 30;
    scenario.world.eager_pricing = true;
    let switches = &mut scenario.world.switches;
    switches.promises.revision = Strength::Weak;
    switches.promises.compares = Strength::Weak;
    switches.offset_paging = true;
    switches.page_size = 1;
    scenario
}

/// No fence: the lease alone keeps two processes apart.
pub(crate) fn deposed(seed: u64) -> Scenario {
    let mut scenario = faulty(seed, &[Fault::LeaseLost, Fault::BssReplySlow], 20);
    scenario.world.eager_pricing = true;
    scenario.world.switches.promises.epochs = Strength::Weak;
    scenario.world.switches.promises.keys = Keys::Findable;
    scenario.risks = BTreeSet::from([Risk::SingleOperator]);
    scenario
}

/// Purchases that were copied are cancelled before a switch that compares nothing.
pub(crate) fn orphaned(seed: u64) -> Scenario {
    let mut scenario = priced(seed);
    scenario.world.switches.promises.compares = Strength::Weak;
    let all: Vec<SourceId> = scenario.world.purchases.keys().cloned().collect();
    let call = 25 + seed % 50;
    scenario.script = all
        .into_iter()
        .map(|id| (call, Action::Cancel(id)))
        .collect();
    scenario
}

/// People copy by hand once too often, and the switch compares nothing.
pub(crate) fn duplicated(seed: u64) -> Scenario {
    let mut scenario = priced(seed);
    let switches = &mut scenario.world.switches;
    switches.promises.compares = Strength::Weak;
    switches.promises.keys = Keys::Findable;
    switches.screens = Screens::Careless;
    let call = 25 + seed % 50;
    scenario.script = vec![
        (
            call,
            Action::ByHand(WriteOperation::CopyCustomers, Pick::Again),
        ),
        (
            call,
            Action::ByHand(WriteOperation::CopySubscriptions, Pick::Again),
        ),
    ];
    scenario
}

/// Customers are moved to another reseller.
pub(crate) fn moved_away(seed: u64) -> Scenario {
    let mut scenario = decoys(seed);
    scenario.world.eager_pricing = true;
    let one = customer(&scenario, seed);
    scenario.script = vec![(seed % 40, Action::BillTo(one, OTHER_RESELLER.into()))];
    scenario
}

/// The Storefront buys and changes right before a switch that compares nothing, at an accepted risk.
pub(crate) fn late_changes(seed: u64) -> Scenario {
    let mut scenario = priced(seed);
    scenario.world.switches.promises.compares = Strength::Weak;
    let (id, one) = (purchase(&scenario, seed), customer(&scenario, seed));
    let call = 30 + seed;
    scenario.script = vec![
        (call, Action::Quantity(id, 5)),
        (call, Action::StaffOrders(one)),
    ];
    scenario
}

/// The call of the switch itself corrupts something, at an accepted risk.
pub(crate) fn corrupted(seed: u64) -> Scenario {
    let mut scenario = priced(seed);
    scenario.world.switches.promises.compares = Strength::Weak;
    scenario.risks = all_risks();
    let corruption = Corruption {
        kind: CorruptionKind::Quantity,
        item: ItemKind::Subscription,
        source: None,
    };
    scenario.script = vec![(1, Action::CorruptAtSwitch(Some(corruption)))];
    scenario
}

/// Requests and replies are lost.
pub(crate) fn lossy(seed: u64) -> Scenario {
    let mut scenario = faulty(seed, &[Fault::BssRequestLost, Fault::BssReplyLost], 20);
    scenario.world.eager_pricing = true;
    scenario
}

/// Requests take effect late, and records are not unique.
pub(crate) fn late(seed: u64) -> Scenario {
    weak(faulty(seed, &[Fault::BssRequestLate], 20), |promises| {
        promises.keys = Keys::Findable;
    })
}

/// A person suspends the upgrade, and the watch does not show it.
pub(crate) fn suspended_unseen(seed: u64) -> Scenario {
    faulty(
        seed,
        &[Fault::SuspendedMeanwhile, Fault::WatchCut, Fault::WatchLags],
        20,
    )
}

/// The world of one seed, in which something happens at each of the last calls in turn: the later,
/// the lower the seed.
fn near_the_end(seed: u64, base: &Scenario, action: impl Fn(&Scenario) -> Action) -> Scenario {
    let calls = run(base, &[], false).calls;
    let mut scenario = base.clone();
    let call = calls.saturating_sub(12 + seed);
    scenario.script = vec![(call, action(base))];
    scenario
}

/// The same world for every seed.
pub(crate) fn one_world() -> Scenario {
    let mut scenario = priced(3);
    scenario.world = World::new(2, 4);
    scenario.world.eager_pricing = true;
    scenario.world.switches.page_size = 1;
    scenario
}

/// Staff cancels a purchase right before a switch that compares nothing, although ordering is
/// disabled.
pub(crate) fn cancelled_at_the_end(seed: u64) -> Scenario {
    let mut base = one_world();
    base.world.switches.promises.compares = Strength::Weak;
    near_the_end(seed, &base, |base| Action::StaffCancels(purchase(base, 0)))
}

/// The same where there is no revision.
pub(crate) fn cancelled_between_sweeps(seed: u64) -> Scenario {
    let mut base = one_world();
    base.world.switches.promises.revision = Strength::Weak;
    base.world.switches.promises.compares = Strength::Weak;
    near_the_end(seed, &base, |base| Action::StaffCancels(purchase(base, 0)))
}

/// The Storefront buys right before a switch that compares nothing, if it can.
pub(crate) fn never_still(seed: u64) -> Scenario {
    let mut base = one_world();
    base.world.switches.promises.compares = Strength::Weak;
    near_the_end(seed, &base, |base| Action::BuyHeld(customer(base, 0)))
}

/// The Storefront acts very often, and pages are small.
pub(crate) fn restless(seed: u64) -> Scenario {
    let mut scenario = busy_and_priced(seed);
    scenario.budget = 120;
    scenario.world.switches.page_size = 1;
    scenario
}

/// Customers of others are listed too, with who pays for them, and copied for whoever asks.
pub(crate) fn others_listed(seed: u64) -> Scenario {
    let mut scenario = decoys(seed);
    scenario.world.switches.lists_others = true;
    scenario.world.wrong = Some(Wrong::CopiesAliens);
    scenario
}

/// What does not fit is taken by the BSS, so that the check of the operator alone stands before it.
pub(crate) fn unfit_and_taken(seed: u64) -> Scenario {
    let mut scenario = defects(seed);
    scenario.world.wrong = Some(Wrong::IgnoresCatalogue);
    scenario
}

/// Amended copies are overwritten by whoever asks for it.
pub(crate) fn amended_and_taken(seed: u64) -> Scenario {
    let mut scenario = amended(seed);
    scenario.world.wrong = Some(Wrong::OverwritesAmendments);
    scenario
}

/// A second tenant is made for whoever asks again.
pub(crate) fn tenants_twice(seed: u64) -> Scenario {
    let mut scenario = faulty(seed, &[Fault::BssRequestLate; 30], 3);
    scenario.world.wrong = Some(Wrong::MakesSecondTenant);
    scenario.world.switches.promises.keys = Keys::Findable;
    scenario.world.switches.request_key_life = Some(Duration::from_secs(1));
    scenario
}

/// The operator is killed while a copy is on its way, and records are not unique.
pub(crate) fn killed_late(seed: u64) -> Scenario {
    let mut scenario = faulty(seed, &[Fault::KilledLate; 12], 6);
    scenario.world.switches.promises.keys = Keys::Findable;
    scenario.world.switches.promises.epochs = Strength::Weak;
    scenario.risks = BTreeSet::from([Risk::SingleOperator]);
    scenario
}

/// A person suspends the upgrade, and no watch shows it in time.
pub(crate) fn unseen(seed: u64) -> Scenario {
    let mut scenario = faulty(seed, &[Fault::WatchLags; 60], 300);
    scenario.faults.extend([Fault::SuspendedMeanwhile; 2]);
    scenario.world.eager_pricing = true;
    scenario
}

/// Sources change after the reseller has set other prices on their copies.
pub(crate) fn repriced_copies(seed: u64) -> Scenario {
    let mut scenario = amended(seed);
    scenario
        .script
        .retain(|(_, action)| !matches!(action, Action::AmendQuantity(..)));
    scenario
}

/// Pricing options and price lists change while subscriptions are copied.
pub(crate) fn shifting(seed: u64) -> Scenario {
    let mut scenario = one_world();
    scenario.world.switches.largest_batch = 1;
    let call = 20 + seed;
    let (one, other) = (purchase(&scenario, seed), purchase(&scenario, seed + 1));
    scenario.script = vec![
        (call, Action::PriceOtherwise(None)),
        (call, Action::Plant(Defect::Product, one)),
        (call, Action::Plant(Defect::Addon, other)),
    ];
    scenario
}

/// Everything is weak, every risk accepted, and the switch corrupts something.
pub(crate) fn all_risks() -> BTreeSet<Risk> {
    BTreeSet::from([
        Risk::UnguardedSwitch,
        Risk::SingleOperator,
        Risk::UnseenOrders,
    ])
}

/// One customer of the reseller.
pub(crate) fn customer(scenario: &Scenario, n: u64) -> SourceId {
    let all = scenario.world.customers.keys();
    let own: Vec<&SourceId> = all.filter(|id| id.as_str().starts_with('c')).collect();
    own[usize::try_from(n).unwrap() % own.len()].clone()
}

/// One purchase that is to be copied.
pub(crate) fn purchase(scenario: &Scenario, n: u64) -> SourceId {
    let own: Vec<SourceId> = scenario
        .world
        .eligible()
        .map(|(id, _)| id.clone())
        .collect();
    own[usize::try_from(n).unwrap() % own.len()].clone()
}
