//! One run from its beginning to its end, and what the judges say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenant_reseller_operator::api::{Reason, TenantResellerUpgrade, UpgradeReportSpec};

use super::accepted_risks::Losses;
use super::core::{Core, Pid, Shared, Strike};
use super::faults::{Drawn, Fault, Place};
use super::operator::Operator;
use super::people;
use super::played::{Landed, Played, Written};
use super::port::Kind;
use super::scenario::{Ending, Scenario};

/// More calls than any run needs.
const MANY_CALLS: u64 = 30_000;
/// Longer than any run takes, besides the time that people take.
const LONG: Duration = Duration::from_hours(24);
/// So many times people look, at most.
const LOOKS: u32 = 30;
/// How long processes and people stay after the end: a process that was paused has come back by then.
const AFTERMATH: Duration = Duration::from_hours(1);

/// What a run was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) calls: u64,
    pub(crate) took: Duration,
    pub(crate) effects: BTreeMap<&'static str, u64>,
    /// The calls that wrote, on either side.
    pub(crate) writes: Vec<Written>,
    /// Writes that arrived after their sender was killed.
    pub(crate) landed: Vec<Landed>,
    /// What was done of the script, and when.
    pub(crate) played: Vec<Played>,
    /// Who led the first cluster, in order.
    pub(crate) leaders: Vec<Pid>,
    pub(crate) fired: BTreeMap<Fault, u64>,
    pub(crate) actions: BTreeMap<&'static str, u64>,
    pub(crate) reasons: BTreeSet<Reason>,
    pub(crate) violations: Vec<String>,
    pub(crate) ended: Option<Ending>,
    /// Where the faults struck, by call.
    pub(crate) struck: BTreeMap<(&'static str, Fault), u64>,
    /// The calls that were made, by stage, and the faults that struck there.
    pub(crate) places: BTreeSet<Place>,
    pub(crate) reached: BTreeSet<(Fault, Place)>,
    /// What was drawn and did happen, in order.
    pub(crate) drawn: Vec<Drawn>,
    /// What was lost under a risk that was accepted.
    pub(crate) losses: Losses,
    pub(crate) trace: Vec<String>,
    /// The reports as they are in the end, by name.
    pub(crate) reports: BTreeMap<String, UpgradeReportSpec>,
}

/// Runs a scenario. The same scenario and strikes give the same record, byte for byte.
pub(crate) fn run(scenario: &Scenario, strikes: &[Strike], traced: bool) -> Record {
    let mut core = scenario.begin(traced);
    core.strikes = strikes.to_vec();
    run_on(core, scenario)
}

/// Goes on with a scenario until something is so; answers whether it came to that. Everything stands still
/// then, in the middle of whatever was under way.
pub(crate) fn until(scenario: &Scenario, so: impl Fn(&Core) -> bool) -> Option<Shared> {
    let shared = Shared::new(scenario.begin(false));
    let mut operators: Vec<Operator> = Vec::new();
    loop {
        attend(&shared, &mut operators, scenario);
        let mut core = shared.lock();
        if so(&core) {
            break;
        }
        if core.calls > MANY_CALLS {
            return None;
        }
        let event = core.agenda.next()?;
        core.glances = 0;
        event(&mut core);
        core.arrive_held();
    }
    // The processes are gone, without the lock that their calls may want.
    drop(operators);
    Some(shared)
}

/// The same from what is there already.
pub(crate) fn run_on(core: Core, scenario: &Scenario) -> Record {
    let shared = Shared::new(core);
    let mut operators: Vec<Operator> = Vec::new();
    let mut idle = (Duration::ZERO, 0);
    let long = LONG + scenario.looks.1 * LOOKS;
    // Where people take hours to look, the operator looks for them meanwhile.
    let slowly = scenario.looks.1.as_secs() / 3_600;
    let most_calls = MANY_CALLS * (1 + slowly.min(8));
    let mut end: Option<(Ending, u64, Duration)> = None;
    let ended = loop {
        attend(&shared, &mut operators, scenario);
        let mut core = shared.lock();
        let now = core.now();
        if core.reopened.take().is_some() {
            core.aftermath = None;
            end = None;
        }
        match end {
            None => {
                if let Some(ending) = people::ended(&core) {
                    core.ends(scenario.seed);
                    end = Some((ending, core.calls, now + AFTERMATH + scenario.looks.1 * 3));
                }
            }
            Some((ending, _, until)) if now >= until => {
                if people::ended(&core) != Some(ending) {
                    let state = people::state(&core);
                    core.broken(format!("it does not stay at its end: {state}"));
                }
                break Some(ending);
            }
            Some(_) => {}
        }
        let Some(event) = core.agenda.next() else {
            break None;
        };
        core.glances = 0;
        event(&mut core);
        core.arrive_held();
        // Reconciles that neither call nor wait would follow each other for ever.
        if core.now() != idle.0 {
            idle = (core.now(), core.reconciles);
        } else if core.reconciles - idle.1 > 200 {
            core.broken("it spins: passes follow each other without a wait".to_owned());
        }
        let over = end.is_none() && (core.calls > most_calls || core.now() > long + core.held_for);
        if over || !core.violations.is_empty() {
            break None;
        }
    };
    drop(operators);
    let mut core = shared.lock();
    let mut losses = Losses::default();
    let calls = end.map_or(core.calls, |(_, calls, _)| calls);
    if core.violations.is_empty() {
        if ended.is_none() {
            let state = people::state(&core);
            core.broken(format!("it does not end: {state}"));
        }
        core.land();
        // Whatever was accepted before is delivered by now.
        core.world.now = core.now() + Duration::from_hours(24);
        core.world.settle();
        core.judge();
        losses = core.judge_the_end(ended);
    }
    Record {
        calls,
        took: core.now(),
        effects: core.effects.clone(),
        writes: core.writes.clone(),
        landed: core.landed.clone(),
        played: core.played.clone(),
        leaders: core.leaders.clone(),
        fired: core.faults.counts().clone(),
        actions: core.actions.clone(),
        reasons: core.reasons.clone(),
        violations: core.violations.clone(),
        ended,
        struck: core.faults.strikes().clone(),
        places: core.faults.places().0.clone(),
        reached: core.faults.places().1.clone(),
        drawn: core.faults.drawn().to_vec(),
        losses,
        reports: core.reports(),
        trace: core.trace.take().unwrap_or_default(),
    }
}

/// Processes that died are dropped, new ones begin, and all that live go on as far as they can.
fn attend(shared: &Shared, operators: &mut Vec<Operator>, scenario: &Scenario) {
    loop {
        let (alive, starts_due) = {
            let mut core = shared.lock();
            let alive: Vec<bool> = core.machines.iter().map(|machine| machine.alive).collect();
            (alive, std::mem::take(&mut core.starts_due))
        };
        // Dropped without the lock: a reconcile may hold calls that want it.
        operators.retain(|operator| alive[operator.pid]);
        for cluster in starts_due {
            let pid = shared.lock().begin(cluster);
            operators.push(Operator::new(shared, pid, scenario.pace));
        }
        let mut active = false;
        for operator in operators.iter_mut() {
            active |= operator.go_on();
        }
        if !active {
            return;
        }
    }
}

impl Core {
    /// The run came to its end. Processes and people are still there, and now and then a person applies the
    /// upgrade once more.
    fn ends(&mut self, seed: u64) {
        self.faults.end();
        self.aftermath = Some(self.now());
        // Where the cluster went back, an upgrade that is applied again may know nothing of the tenant
        // that people took away: it begins anew then.
        let anew = self.people.took_tenant && self.moments.restored.is_some();
        let again = seed.is_multiple_of(5) && self.people.ending == Ending::Upgraded && !anew;
        if again && self.faults.happens("AppliedAgain") {
            self.delete_one(0);
        }
    }

    /// After the end the leader writes nothing more to the BSS; an epoch is no effect. Where people took
    /// the tenant away, an open request for it goes out now and then: the BSS refuses it, or makes a
    /// tenant, and then the run does not stay at its end.
    pub(crate) fn judge_aftermath(&mut self, pid: Pid, name: &str, kind: Kind) {
        let cluster = self.machines[pid].cluster;
        let leads = self.clusters[cluster].holder == Some(pid);
        let asks_again = name == "create tenant" && self.people.took_tenant;
        let harmless = name == "acquire" || asks_again;
        if self.aftermath.is_some() && leads && kind == Kind::BssWrite && !harmless {
            self.broken(format!("{name} was sent after the end"));
        }
    }

    /// Everything that is still on its way arrives.
    fn land(&mut self) {
        let end = self.now() + Duration::from_hours(3);
        self.faults.end();
        self.over = true;
        while self.unawaited > 0 && self.now() < end {
            let Some(event) = self.agenda.next() else {
                return;
            };
            event(self);
            self.calls += 1_000;
            self.arrive_held();
        }
    }
}

/// What `Ready` says of an upgrade.
pub(crate) fn reason(upgrade: &TenantResellerUpgrade) -> Option<Reason> {
    let conditions = &upgrade.status.as_ref()?.conditions;
    let ready = conditions.iter().find(|c| c.type_ == "Ready")?;
    Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == ready.reason)
}
