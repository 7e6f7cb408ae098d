//! The scenarios of the kill matrix, each with what it claims to contain.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::api::{Phase, Risk};
use tenant_reseller_operator::bss::port::{
    Keys, Mode, Promises, SourceId, Strength, Unseen, WriteOperation,
};

use super::run::run;
use super::scenario::{Scenario, declared as declare, the_default};
use support::simulated_bss::{Action, Defect, World};

/// A scenario, and what its undisturbed run has to show, or the matrix of it proves less than it says.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) scenario: Scenario,
    /// Actions of the script that succeed in these phases of the upgrade.
    pub(crate) phases: Vec<(&'static str, Phase)>,
    /// Actions that succeed while the switch is on its way, after the last sweep.
    pub(crate) before_the_switch: Vec<&'static str>,
    /// The reports are the same in the end, whatever is struck.
    pub(crate) told_at_last: bool,
    /// Effects that take place so often at least.
    pub(crate) effects: Vec<(&'static str, u64)>,
}

impl Case {
    fn new(name: &'static str, scenario: Scenario) -> Self {
        Self {
            name,
            scenario,
            phases: Vec::new(),
            before_the_switch: Vec::new(),
            told_at_last: true,
            effects: vec![
                ("create tenant", 1),
                ("copy customers", 1),
                ("copy subscriptions", 2),
                ("activate", 1),
            ],
        }
    }
}

fn small() -> World {
    let mut world = World::new(2, 4);
    world.switches.page_size = 3;
    world.switches.largest_batch = 2;
    world
}

fn priced() -> World {
    let mut world = small();
    world.eager_pricing = true;
    world
}

fn purchase(world: &World, n: usize) -> SourceId {
    let ids: Vec<SourceId> = world.purchases.keys().cloned().collect();
    ids[n % ids.len()].clone()
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    vec![
        Case::new("plain", Scenario::plain(priced())),
        blocked(),
        pricing(),
        declared(),
        storefront(),
        manual(),
        screens(),
        Case::new("no promise kept", weak()),
        Case::new("a follower takes over", followed(Scenario::plain(priced()))),
        Case::new("a follower, and no promise", followed(weak())),
    ]
}

/// One product is not in the price list, and one account is not in sync, until staff repairs it.
fn blocked() -> Case {
    let mut scenario = Scenario::plain(priced());
    scenario.script = vec![
        (
            1,
            Action::Plant(Defect::Product, purchase(&scenario.world, 0)),
        ),
        (1, Action::Plant(Defect::Sync, purchase(&scenario.world, 1))),
    ];
    let mut case = Case::new("blocked and repaired", scenario);
    case.phases = vec![("Plant", Phase::Pending)];
    case
}

/// People set pricing options when they are asked to, and one customer's are removed later.
fn pricing() -> Case {
    let mut scenario = Scenario::plain(small());
    let plain = run(&scenario, &[], false);
    let mut writes = plain.writes.iter();
    let copies = writes.find(|write| write.name == "copy subscriptions");
    let before = copies.unwrap().number;
    scenario.script = vec![(before, Action::RemovePricing(Some("c000".into())))];
    let mut case = Case::new("pricing in the middle", scenario);
    case.phases = vec![("RemovePricing", Phase::SubscriptionCopy)];
    case
}

/// The operator sets pricing options: those that are declared, and the default for all others,
/// but for the customer to whom a person gave others in that very moment.
fn declared() -> Case {
    let mut world = World::new(4, 4);
    world.switches.page_size = 3;
    world.switches.largest_batch = 2;
    let mut scenario = Scenario::plain(world);
    scenario.pricing = the_default();
    scenario.declared = vec![declare("c000")];
    let plain = run(&scenario, &[], false);
    let sets = plain.writes.iter();
    let mut sets = sets.filter(|write| write.name == "set pricing");
    // First what is declared, then the default.
    let default = sets.nth(1).unwrap().number;
    scenario.script = vec![(default, Action::PriceOtherwise(Some("c001".into())))];
    let mut case = Case::new("pricing by the operator", scenario);
    case.phases = vec![("PriceOtherwise", Phase::PricingGate)];
    case.effects.push(("set pricing", 2));
    case
}

/// The reseller buys, cancels, changes and orders all along: in phase 2, in phase 3, and right before
/// the switch, where every one of its acts undoes the last sweep.
fn storefront() -> Case {
    let mut scenario = Scenario::plain(priced());
    scenario.world.switches.order_pending = Duration::from_secs(2);
    let of = |n| purchase(&scenario.world, n);
    // The acts are told by the calls since the first customers are copied.
    let plain = run(&scenario, &[], false);
    let mut writes = plain.writes.iter();
    let first = writes.find(|write| write.name == "copy customers");
    let begun = first.unwrap().number;
    let script = [
        (0, Action::Buy("c000".into())),
        (0, Action::Cancel(of(0))),
        (1, Action::Buy("c001".into())),
        (1, Action::BuyHeld("c001".into())),
        (5, Action::Quantity(of(1), 5)),
        (18, Action::FinishOrders),
        (24, Action::Suspend(of(2))),
        (30, Action::Resume(of(2))),
        (34, Action::Buy("c001".into())),
        (38, Action::BuyHeld("c000".into())),
        (42, Action::Cancel(of(2))),
        (58, Action::Quantity(of(3), 3)),
        (78, Action::Buy("c000".into())),
    ];
    let script = script.into_iter().map(|(since, act)| (begun + since, act));
    let script = script.collect();
    let at_switch = vec![
        Action::Buy("c001".into()),
        Action::Cancel(of(1)),
        Action::BuyHeld("c000".into()),
        Action::Quantity(of(3), 4),
    ];
    // People are quick, so that the run does not sweep for minutes until an order is finished.
    scenario.looks = (Duration::from_secs(2), Duration::from_secs(8));
    scenario.script = script;
    scenario.at_switch = at_switch;
    let mut case = Case::new("Storefront", scenario);
    case.phases = vec![
        ("Buy", Phase::CustomerCopy),
        ("Cancel", Phase::CustomerCopy),
        ("BuyHeld", Phase::CustomerCopy),
        ("Buy", Phase::SubscriptionCopy),
        ("Cancel", Phase::SubscriptionCopy),
        ("BuyHeld", Phase::SubscriptionCopy),
    ];
    // What is excluded, and which order was seen, depends on the moment.
    case.told_at_last = false;
    case.before_the_switch = vec!["Buy", "Cancel", "BuyHeld", "Quantity"];
    case.effects.push(("activate", 5));
    case
}

/// Every write is a manual step.
fn manual() -> Case {
    let mut scenario = Scenario::plain(priced());
    for step in WriteOperation::ALL {
        scenario.world.switches.modes.insert(step, Mode::ManualStep);
    }
    let mut case = Case::new("manual steps", scenario);
    case.effects = Vec::new();
    case
}

/// Nothing is sent: people do every write, and the last of their acts copies the subscriptions and switches.
fn screens() -> Case {
    let mut scenario = Scenario::plain(priced());
    let switches = &mut scenario.world.switches;
    for step in WriteOperation::ALL {
        switches.modes.insert(step, Mode::ManualStep);
    }
    let copy = WriteOperation::CopySubscriptions;
    switches.modes.insert(copy, Mode::WithSwitch);
    switches.promises = Promises {
        keys: Keys::None,
        epochs: Strength::Weak,
        revision: Strength::Weak,
        compares: Strength::Weak,
        orders: Strength::Strong,
        off_guard: Strength::Weak,
        items: Strength::Weak,
    };
    switches.unseen = [Unseen::PricingOptions, Unseen::PurchaseMark].into();
    let mut case = Case::new("people at the screens", scenario);
    case.effects = Vec::new();
    case
}

/// A BSS without a single promise, every risk accepted.
fn weak() -> Scenario {
    let mut scenario = Scenario::plain(priced());
    scenario.world.switches.promises = Promises {
        keys: Keys::Findable,
        epochs: Strength::Weak,
        revision: Strength::Weak,
        compares: Strength::Weak,
        orders: Strength::Weak,
        off_guard: Strength::Weak,
        items: Strength::Strong,
    };
    scenario.risks = BTreeSet::from([
        Risk::UnguardedSwitch,
        Risk::SingleOperator,
        Risk::UnseenOrders,
    ]);
    scenario
}

/// A second process waits for the lease, and has watched all along.
fn followed(mut scenario: Scenario) -> Scenario {
    scenario.processes = 2;
    scenario
}
