//! The whole simulated world: the BSS, the clusters, the processes as far as others see them.
//!
//! Everything in it changes by events only, one at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tenant_reseller_operator::api::{Reason, Risk, TenantResellerUpgrade};

use super::accepted_risks::Moments;
use super::clockwork::{Agenda, Event, Rng};
use super::etcd::{Etcd, Key};
use super::faults::{Fate, Fault, Faults};
use super::people::People;
use super::played::{Landed, Played, Written};
use support::simulated_bss::disabled_rule::overlooks;
use support::simulated_bss::{Action, World};

/// A process, by the order in which they began.
pub(crate) type Pid = usize;

/// How long a lease lasts after its holder was heard last.
const LEASE: Duration = Duration::from_secs(15);
/// How long a caller waits for a reply.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// What happens at a given call, for runs that try every call in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    /// The call, from 1.
    pub(crate) at: u64,
    pub(crate) fate: Fate,
}

/// A process as the world sees it.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) cluster: usize,
    pub(crate) began: Duration,
    pub(crate) alive: bool,
    pub(crate) still_until: Duration,
    /// How often it began to lead.
    pub(crate) term: u64,
    /// It believes that it leads, whatever the lease says.
    pub(crate) believes_until: Duration,
    pub(crate) watch_cut_until: Duration,
    pub(crate) wall_skew: i64,
    /// The version at which everything was listed anew: what a watch tells of an earlier one is old.
    pub(crate) listed: u64,
    /// What its watch has shown.
    pub(crate) cache: BTreeMap<Key, (u64, Option<Arc<TenantResellerUpgrade>>)>,
    /// What wants a reconcile.
    pub(crate) dirty: BTreeSet<Key>,
    /// It is killed with its next call.
    pub(crate) doomed: bool,
    /// It forgets everything: it began or ceased to lead.
    pub(crate) forgets: bool,
    /// The timer that counts, by upgrade.
    pub(crate) timers: BTreeMap<Key, u64>,
}

/// One cluster as the world sees it.
pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    pub(crate) installation: String,
    pub(crate) holder: Option<Pid>,
    pub(crate) snapshot: Option<Etcd>,
    /// How often it went back.
    pub(crate) restores: u32,
}

pub(crate) struct Core {
    pub(crate) agenda: Agenda<Self>,
    pub(crate) rng: Rng,
    pub(crate) world: World,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) faults: Faults,
    pub(crate) strikes: Vec<Strike>,
    /// Calls made so far, by all processes.
    pub(crate) calls: u64,
    /// Requests that are on their way although no process waits for them any more.
    pub(crate) unawaited: u64,
    /// How many processes are to begin, by cluster.
    pub(crate) starts_due: Vec<usize>,
    /// Effects that took place, by operation.
    pub(crate) effects: BTreeMap<&'static str, u64>,
    pub(crate) violations: Vec<String>,
    /// Every reason that status showed.
    pub(crate) reasons: BTreeSet<Reason>,
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) people: People,
    /// What people do when so many calls were made.
    pub(crate) script: Vec<(u64, Action)>,
    /// The reseller buys in the very moment of the switch.
    pub(crate) buys_at_switch: bool,
    /// The reseller orders as soon as status says that everything is copied.
    pub(crate) orders_before_switch: bool,
    /// When the cluster goes back, by number of calls.
    pub(crate) restore_at: Option<u64>,
    /// Requests that arrive when so many calls were made.
    pub(crate) held: Vec<(u64, Event<Self>)>,
    /// The run came to its end, and what is still on its way arrives.
    pub(crate) over: bool,
    /// The call whose write takes effect now, after its sender was killed.
    pub(crate) landing: Option<u64>,
    /// The calls that wrote, on either side.
    pub(crate) writes: Vec<Written>,
    /// Writes that took effect after their sender was killed, or were refused then.
    pub(crate) landed: Vec<Landed>,
    /// What was done of the script, and when.
    pub(crate) played: Vec<Played>,
    /// The call at which a person suspends the upgrade, while no watch shows anything.
    pub(crate) suspends_unseen: Option<u64>,
    /// What people do in the moment of the switch, one action each time it is asked for.
    pub(crate) at_switch: VecDeque<Action>,
    /// Who led the first cluster, in order.
    pub(crate) leaders: Vec<Pid>,
    /// What people did unasked, by name.
    pub(crate) actions: BTreeMap<&'static str, u64>,
    versions: u64,
    /// Reconciles that began so far.
    pub(crate) reconciles: usize,
    /// The risks that the connection accepts.
    pub(crate) risks: BTreeSet<Risk>,
    /// The sources at the moments that count for what a risk excuses.
    pub(crate) moments: Moments,
    /// When the run came to its end; processes and people are still there.
    pub(crate) aftermath: Option<Duration>,
    /// The cluster that went back, since when, while the BSS knows a later epoch and no person has
    /// confirmed it.
    pub(crate) unconfirmed: Option<(usize, Duration)>,
    /// When the cluster went back after the end, to when the tenant that people took away was still
    /// to be made: the run goes on to another end.
    pub(crate) reopened: Option<Duration>,
    /// How long people held the upgrade suspended, all in all.
    pub(crate) held_for: Duration,
    /// Since when the upgrade is suspended.
    pub(crate) suspended: Option<Duration>,
    /// How often a process looked at its clock since the last event.
    pub(crate) glances: u32,
}

/// The world, shared by the ports of all processes.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Core>>);

impl Shared {
    pub(crate) fn new(core: Core) -> Self {
        Self(Arc::new(Mutex::new(core)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap()
    }
}

impl Core {
    pub(crate) fn new(
        world: World,
        rng: Rng,
        (faults, people): (Faults, People),
        traced: bool,
    ) -> Self {
        Self {
            agenda: Agenda::new(),
            rng,
            world,
            clusters: Vec::new(),
            machines: Vec::new(),
            faults,
            strikes: Vec::new(),
            calls: 0,
            unawaited: 0,
            starts_due: Vec::new(),
            effects: BTreeMap::new(),
            violations: Vec::new(),
            reasons: BTreeSet::new(),
            trace: traced.then(Vec::new),
            people,
            script: Vec::new(),
            buys_at_switch: false,
            orders_before_switch: false,
            restore_at: None,
            held: Vec::new(),
            over: false,
            landing: None,
            writes: Vec::new(),
            landed: Vec::new(),
            played: Vec::new(),
            at_switch: VecDeque::new(),
            suspends_unseen: None,
            leaders: Vec::new(),
            actions: BTreeMap::new(),
            versions: 0,
            glances: 0,
            reconciles: 0,
            risks: BTreeSet::new(),
            moments: Moments::default(),
            aftermath: None,
            unconfirmed: None,
            reopened: None,
            held_for: Duration::ZERO,
            suspended: None,
        }
    }

    /// A process looks at its clock. One that does nothing else would do so for ever: here no time
    /// passes meanwhile.
    pub(crate) fn glanced(&mut self) {
        self.glances += 1;
        if self.glances > 5_000 {
            self.broken("it spins: a reconcile goes on without a call".to_owned());
            self.agenda.now += Duration::from_secs(1);
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.agenda.now
    }

    /// Whether a violation is what an accepted risk is about: the switch came too early for what
    /// moved since the last sweep, and for nothing else. The judge of the moment tells what the
    /// ledgers and the comparison after the switch have to name.
    fn accepted(&self, what: &str) -> bool {
        let Some(what) = ["SwitchedTooEarly: ", "PressedTooEarly: "]
            .iter()
            .find_map(|rule| what.strip_prefix(rule))
        else {
            return false;
        };
        let unseen = self.accepts(Risk::UnseenOrders) && what.starts_with("OrderNotFinal");
        if unseen {
            return true;
        }
        let ids: Vec<&str> = what.split('"').skip(1).step_by(2).collect();
        self.accepts(Risk::UnguardedSwitch)
            && !ids.is_empty()
            && ids.iter().all(|id| self.moved_since_the_sweep(id))
    }

    /// What was held back until so many calls were made arrives.
    pub(crate) fn arrive_held(&mut self) {
        while let Some(at) = self.held.iter().position(|(call, _)| *call <= self.calls) {
            let (_, event) = self.held.swap_remove(at);
            event(self);
        }
    }

    /// Puts a line into the trace, if there is one.
    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12.3} {}", now.as_secs_f64(), line()));
        }
    }

    pub(crate) fn broken(&mut self, what: String) {
        if self.accepted(&what) || overlooks(&what) {
            return;
        }
        self.say(|| format!("VIOLATION {what}"));
        if self.violations.len() < 20 && !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    /// A new process in a cluster.
    pub(crate) fn begin(&mut self, cluster: usize) -> Pid {
        let pid = self.machines.len();
        let began = self.now();
        self.machines.push(Machine {
            cluster,
            began,
            alive: true,
            still_until: Duration::ZERO,
            term: 0,
            believes_until: Duration::ZERO,
            watch_cut_until: Duration::ZERO,
            wall_skew: 0,
            listed: 0,
            cache: BTreeMap::new(),
            dirty: BTreeSet::new(),
            doomed: false,
            forgets: false,
            timers: BTreeMap::new(),
        });
        self.say(|| format!("p{pid} begins in cluster {cluster}"));
        self.list_anew(pid);
        // It waits for the lease as every process does that finds it taken.
        self.agenda.after(LEASE, move |core| core.elect(cluster));
        pid
    }

    /// The first process that can lead becomes the leader, if there is none.
    pub(crate) fn elect(&mut self, cluster: usize) {
        let now = self.now();
        let fit = |machine: &Machine| {
            machine.alive && machine.cluster == cluster && machine.still_until <= now
        };
        let holder = self.clusters[cluster].holder;
        if holder.is_some_and(|pid| fit(&self.machines[pid])) {
            return;
        }
        let next = self.machines.iter().position(fit);
        self.clusters[cluster].holder = next;
        if let Some(pid) = next {
            self.say(|| format!("p{pid} leads"));
            if cluster == 0 {
                self.leaders.push(pid);
            }
            self.take_over(pid);
        }
    }

    fn take_over(&mut self, pid: Pid) {
        let machine = &mut self.machines[pid];
        machine.forgets = true;
        machine.term += 1;
        let all: Vec<Key> = machine.cache.keys().cloned().collect();
        machine.dirty.extend(all);
    }

    /// The lease goes to another process that could lead, if there is one.
    pub(crate) fn depose(&mut self, pid: Pid) -> bool {
        let (cluster, now) = (self.machines[pid].cluster, self.now());
        let next = self.machines.iter().enumerate().position(|(other, m)| {
            other != pid && m.alive && m.cluster == cluster && m.still_until <= now
        });
        let Some(next) = next else { return false };
        self.machines[pid].forgets = true;
        self.clusters[cluster].holder = Some(next);
        self.say(|| format!("p{pid} loses the lease to p{next}"));
        self.take_over(next);
        true
    }

    pub(crate) fn leads(&self, pid: Pid) -> bool {
        let machine = &self.machines[pid];
        machine.alive
            && (self.clusters[machine.cluster].holder == Some(pid)
                || machine.believes_until > self.now())
    }

    /// The process ends without a word; another one begins after a while.
    pub(crate) fn kill(&mut self, pid: Pid) {
        let machine = &mut self.machines[pid];
        if !machine.alive {
            return;
        }
        machine.alive = false;
        let cluster = machine.cluster;
        self.say(|| format!("p{pid} is killed"));
        self.agenda.after(LEASE, move |core| core.elect(cluster));
        let pause = self
            .rng
            .between(Duration::from_millis(200), Duration::from_secs(20));
        self.agenda
            .after(pause, move |core| core.starts_due.push(cluster));
    }

    /// The process stands still for a while.
    pub(crate) fn stop(&mut self, pid: Pid, pause: Duration) {
        let until = self.now() + pause;
        self.machines[pid].still_until = until;
        let cluster = self.machines[pid].cluster;
        self.say(|| format!("p{pid} stands still for {pause:?}"));
        self.agenda.after(LEASE, move |core| core.elect(cluster));
        self.agenda.after(pause, move |core| {
            core.say(|| format!("p{pid} goes on"));
            core.elect(cluster);
        });
    }

    /// The watch of a process shows everything as it is now.
    pub(crate) fn list_anew(&mut self, pid: Pid) {
        self.versions += 1;
        let version = self.versions;
        let machine = &mut self.machines[pid];
        machine.listed = version;
        let there = &self.clusters[machine.cluster].etcd.upgrades;
        let gone: Vec<Key> = machine
            .cache
            .keys()
            .filter(|key| !there.contains_key(*key))
            .cloned()
            .collect();
        for key in gone {
            machine.cache.insert(key.clone(), (version, None));
            machine.dirty.insert(key);
        }
        for (key, upgrade) in there {
            machine
                .cache
                .insert(key.clone(), (version, Some(upgrade.clone())));
            machine.dirty.insert(key.clone());
        }
    }

    /// An upgrade changed: the watches of the cluster's processes will show it.
    pub(crate) fn changed(&mut self, cluster: usize, key: &Key) {
        self.versions += 1;
        let version = self.versions;
        let seen = self.clusters[cluster].etcd.upgrades.get(key).cloned();
        for pid in 0..self.machines.len() {
            if !self.machines[pid].alive || self.machines[pid].cluster != cluster {
                continue;
            }
            let mut lag = self
                .rng
                .between(Duration::from_millis(1), Duration::from_millis(40));
            // A follower does nothing with what it sees.
            let watches = [Fault::WatchLags, Fault::WatchCut];
            let drawn = if self.leads(pid) {
                self.faults.draw(&watches, 60)
            } else {
                None
            };
            match drawn {
                Some(Fault::WatchLags) => {
                    self.faults.fired(Fault::WatchLags);
                    lag = Duration::from_secs(20);
                }
                Some(_) => {
                    self.faults.fired(Fault::WatchCut);
                    let until = self.now() + Duration::from_mins(3);
                    self.machines[pid].watch_cut_until = until;
                    self.agenda.after(Duration::from_mins(3), move |core| {
                        core.list_anew(pid);
                    });
                }
                None => {}
            }
            let (key, seen) = (key.clone(), seen.clone());
            self.agenda.after(lag, move |core| {
                core.shows(pid, key, version, seen);
            });
        }
    }

    fn shows(
        &mut self,
        pid: Pid,
        key: Key,
        version: u64,
        seen: Option<Arc<TenantResellerUpgrade>>,
    ) {
        let now = self.now();
        let machine = &mut self.machines[pid];
        let newer = machine
            .cache
            .get(&key)
            .is_none_or(|(old, _)| *old < version);
        if machine.alive && machine.watch_cut_until <= now && newer && machine.listed < version {
            machine.cache.insert(key.clone(), (version, seen));
            machine.dirty.insert(key);
        }
    }

    /// Asks for a reconcile when a rest is over, unless another one came between.
    pub(crate) fn set_timer(&mut self, pid: Pid, key: Key, rest: Option<Duration>) {
        let machine = &mut self.machines[pid];
        let timer = machine.timers.entry(key.clone()).or_default();
        *timer += 1;
        let set = *timer;
        if let Some(rest) = rest {
            self.agenda.after(rest, move |core| {
                let machine = &mut core.machines[pid];
                if machine.timers.get(&key) == Some(&set) {
                    machine.dirty.insert(key);
                }
            });
        }
    }
}
