//! Directed cases: one request that is late, lost or sent twice, and what people do meanwhile, at the
//! very moment at which a mistake does harm. Seeds would have to be very lucky to meet them.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::api::Risk;
use tenant_reseller_operator::bss::port::{ItemKind, Keys, SourceId, Strength};

use crate::cases::one_world;
use crate::harness::Armed;
use crate::simulation::core::Strike;
use crate::simulation::faults::Fate;
use crate::simulation::kill_scenarios;
use crate::simulation::run::{Record, run};
use crate::simulation::scenario::Scenario;
use support::simulated_bss::{Action, Corruption, CorruptionKind, OTHER_RESELLER, Wrong};

/// A scenario and what happens to which of its calls.
pub(crate) type Directed = (Scenario, Vec<Strike>);

/// The undisturbed run, by the operator as it is armed: a mistake may move the numbers of calls.
fn calm(scenario: &Scenario) -> Record {
    run(scenario, &[], false)
}

/// The number of the nth write of this name, from 0.
fn write(scenario: &Scenario, name: &str, n: usize) -> u64 {
    let all = calm(scenario).writes;
    let mut named = all.iter().filter(|write| write.name == name);
    named.nth(n).unwrap().number
}

fn first_purchase(scenario: &Scenario) -> SourceId {
    scenario.world.eligible().next().unwrap().0.clone()
}

/// The request takes effect so late; nobody awaits its reply for longer than half a minute.
fn late(at: u64, later: Duration) -> Vec<Strike> {
    let fate = Fate::Late(later);
    vec![Strike { at, fate }]
}

/// A proxy sends the request once more.
fn twice(at: u64, later: Duration) -> Vec<Strike> {
    let fate = Fate::Twice(later);
    vec![Strike { at, fate }]
}

/// Only what is findable, nobody fenced: the process is killed while a copy is on its way, which takes
/// effect when the next one has looked.
pub(crate) fn killed_while_copying(seed: u64) -> Directed {
    let mut scenario = one_world();
    scenario.world.switches.promises.keys = Keys::Findable;
    scenario.world.switches.promises.epochs = Strength::Weak;
    scenario.risks = BTreeSet::from([Risk::SingleOperator]);
    let at = write(&scenario, "copy customers", 0);
    let fate = Fate::KilledUntil(at + 10 + seed);
    (scenario, vec![Strike { at, fate }])
}

/// A person suspends the upgrade right before the switch, no watch shows it, and the API server is
/// slow to say how the upgrade is now.
pub(crate) fn suspended_before_the_switch(seed: u64) -> Directed {
    let mut scenario = one_world();
    let at = write(&scenario, "activate", 0) - seed;
    scenario.suspends_unseen = Some(at);
    let back = Duration::from_secs(3);
    let fate = Fate::Fine { back };
    (scenario, vec![Strike { at, fate }])
}

/// The request for a tenant comes late, its key is known for a moment only, and the BSS makes a
/// second tenant for whoever asks.
pub(crate) fn creation_comes_late(_: u64) -> Directed {
    let mut scenario = one_world();
    scenario.world.switches.promises.keys = Keys::Findable;
    scenario.world.wrong = Some(Wrong::MakesSecondTenant);
    scenario.world.switches.request_key_life = Some(Duration::from_secs(1));
    let at = write(&scenario, "create tenant", 0);
    (scenario, late(at, Duration::from_secs(50)))
}

/// The request for a tenant arrives twice.
pub(crate) fn creation_comes_twice(_: u64) -> Directed {
    let scenario = one_world();
    let at = write(&scenario, "create tenant", 0);
    (scenario, twice(at, Duration::from_secs(3)))
}

/// The switch is asked for twice by a proxy, when its key is known no longer.
pub(crate) fn switch_comes_twice(_: u64) -> Directed {
    let mut scenario = one_world();
    scenario.world.switches.request_key_life = Some(Duration::from_secs(1));
    let at = write(&scenario, "activate", 0);
    (scenario, twice(at, Duration::from_secs(3)))
}

/// A copy is on its way when its source is suspended, and comes when back ordering is on. In between,
/// at an accepted risk, its source came back in the moment of the switch.
pub(crate) fn copy_comes_after_the_switch(_: u64) -> Directed {
    let mut scenario = one_world();
    scenario.world.switches.largest_batch = 1;
    scenario.world.switches.promises.compares = Strength::Weak;
    scenario.risks = BTreeSet::from([Risk::UnguardedSwitch]);
    let id = first_purchase(&scenario);
    let at = write(&scenario, "copy subscriptions", 0);
    scenario.script = vec![(at + 1, Action::Suspend(id.clone()))];
    scenario.at_switch = vec![Action::Resume(id)];
    (scenario, late(at, Duration::from_secs(7_000)))
}

/// A copy arrives once more after its reseller has ended it.
pub(crate) fn copy_comes_again(_: u64) -> Directed {
    let mut scenario = one_world();
    let id = first_purchase(&scenario);
    let at = write(&scenario, "copy subscriptions", 0);
    scenario.script = vec![(at + 2, Action::EndCopy(id))];
    (scenario, twice(at, Duration::from_millis(100)))
}

/// The source of a copy changes; answers the call of the copy's update.
fn with_an_update(scenario: &mut Scenario, id: &SourceId) -> u64 {
    let copied = write(scenario, "copy subscriptions", 0);
    scenario.script = vec![(copied + 2, Action::Quantity(id.clone(), 5))];
    last_copy(&calm(scenario))
}

fn last_copy(record: &Record) -> u64 {
    let all = record.writes.iter();
    let mut copies = all.filter(|write| write.name == "copy subscriptions");
    copies.next_back().unwrap().number
}

/// The update of a copy comes when the reseller has ended the copy, and before the switch.
pub(crate) fn update_of_an_ended_copy(_: u64) -> Directed {
    let mut scenario = one_world();
    let id = first_purchase(&scenario);
    let at = with_an_update(&mut scenario, &id);
    scenario.script.push((at + 1, Action::EndCopy(id)));
    (scenario, late(at, Duration::from_secs(31)))
}

/// An update is late; its source changed once more, the copy followed, the reseller amended the copy
/// to what it was, and the source went back: when the update comes, both are as it expects, and the
/// copy is the reseller's.
pub(crate) fn update_of_an_amended_copy(_: u64) -> Directed {
    let mut scenario = one_world();
    let id = first_purchase(&scenario);
    let at = with_an_update(&mut scenario, &id);
    scenario
        .script
        .push((at + 1, Action::Quantity(id.clone(), 3)));
    let strikes = late(at, Duration::from_millis(32_000));
    let second = last_copy(&run(&scenario, &strikes, false));
    scenario
        .script
        .push((second + 2, Action::AmendQuantity(id.clone(), 1)));
    scenario.script.push((second + 2, Action::Quantity(id, 5)));
    (scenario, strikes)
}

/// The copy of an owner is deleted on screen while the copies of its purchases are on their way.
pub(crate) fn owner_vanishes(_: u64) -> Directed {
    let mut scenario = one_world();
    let at = write(&scenario, "copy subscriptions", 0);
    let id = first_purchase(&scenario);
    let owner = scenario.world.purchases[&id].customer.clone();
    let deleted = Corruption {
        kind: CorruptionKind::CopyDeleted,
        item: ItemKind::Customer,
        source: Some(owner),
    };
    scenario.script = vec![(at, Action::Corrupt(deleted))];
    (scenario, Vec::new())
}

/// A person sets other pricing options in the moment in which the operator sets the default.
pub(crate) fn priced_by_two(_: u64) -> Directed {
    let all = Armed::without(kill_scenarios::all);
    let mut declared = all.into_iter();
    let declared = declared.find(|case| case.name == "pricing by the operator");
    (declared.unwrap().scenario, Vec::new())
}

/// Every purchase is suspended when the first copies are on their way.
pub(crate) fn suspended_on_the_way(_: u64) -> Directed {
    let mut scenario = one_world();
    let at = write(&scenario, "copy subscriptions", 0);
    let all = scenario.world.eligible();
    let all = all.map(|(id, _)| (at, Action::Suspend(id.clone())));
    scenario.script = all.collect();
    (scenario, Vec::new())
}

/// Another reseller pays for every customer when the first copies of its purchases are on their way.
pub(crate) fn moved_on_the_way(_: u64) -> Directed {
    let mut scenario = one_world();
    let at = write(&scenario, "copy subscriptions", 0);
    let all = scenario.world.customers.keys();
    let all = all.filter(|id| id.as_str().starts_with('c'));
    let all = all.map(|id| (at, Action::BillTo(id.clone(), OTHER_RESELLER.into())));
    scenario.script = all.collect();
    (scenario, Vec::new())
}

/// Records are only findable, and listings are minutes behind; the process is killed when all
/// customers are copied, and the next one sees none of the copies listed.
pub(crate) fn listed_late(_: u64) -> Directed {
    let mut scenario = one_world();
    let switches = &mut scenario.world.switches;
    switches.promises.keys = Keys::Findable;
    switches.promises.revision = Strength::Weak;
    switches.promises.compares = Strength::Weak;
    switches.listing_lag = Duration::from_secs(600);
    let at = write(&scenario, "copy customers", 1);
    let fate = Fate::KilledAfter;
    (scenario, vec![Strike { at, fate }])
}

/// The request for the switch never arrives.
pub(crate) fn switch_is_lost(_: u64) -> Directed {
    let scenario = one_world();
    let at = write(&scenario, "activate", 0);
    let fate = Fate::Lost;
    (scenario, vec![Strike { at, fate }])
}
