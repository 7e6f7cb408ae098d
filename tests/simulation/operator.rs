//! One operator process: the real controller over the simulated ports, and the little of the runner
//! that reconciles rest on: one of an upgrade at a time, another when something changed meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;
use tenant_reseller_operator::cluster::{Reconciles, Requeue};
use tenant_reseller_operator::controller::{Controller, Pacing, Ports, Process, Time};
use tenant_reseller_operator::observe::metrics::Metrics;
use tenant_reseller_operator::upgrade::{Now, Pace};
use tokio_util::sync::CancellationToken;

use super::bss::SimulatedConnector;
use super::cluster::SimulatedCluster;
use super::core::{Pid, Shared};
use super::etcd::Key;
use super::port::Port;
use support::lies::Liar;
use support::lies::bss::LyingConnector;
use support::lies::cluster::LyingCluster;

type Cluster = LyingCluster<SimulatedCluster>;
type Reconciling = Pin<Box<dyn Future<Output = Requeue> + Send>>;
type Ready = Arc<Mutex<VecDeque<Key>>>;

/// The time of one process.
struct SimulatedTime(Port);

/// When the simulated world began.
pub(crate) fn wall(after: Duration) -> Timestamp {
    let began = Timestamp::from_second(1_800_000_000).unwrap();
    began
        .checked_add(SignedDuration::try_from(after).unwrap())
        .unwrap()
}

impl Time for SimulatedTime {
    fn now(&self) -> Now {
        let mut core = self.0.shared.lock();
        core.glanced();
        let machine = &core.machines[self.0.pid];
        let skewed = wall(core.now()).as_second() + machine.wall_skew;
        Now {
            wall: Timestamp::from_second(skewed).unwrap(),
            monotonic: core.now().saturating_sub(machine.began),
        }
    }

    fn random(&self) -> u64 {
        u64::try_from(self.0.pid).unwrap()
    }
}

struct Woken {
    ready: Ready,
    key: Key,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.key.clone());
    }
}

/// A process that is alive.
pub(crate) struct Operator {
    pub(crate) pid: Pid,
    shared: Shared,
    controller: Arc<Controller<Cluster, LyingConnector<SimulatedConnector>, SimulatedTime>>,
    /// Who stands between it and its ports; honest but where a test wants to see a lie found.
    liar: Liar,
    running: BTreeMap<Key, Reconciling>,
    /// The uid of each upgrade that was reconciled.
    uids: BTreeMap<Key, String>,
    ready: Ready,
}

impl Operator {
    pub(crate) fn new(shared: &Shared, pid: Pid, pace: Pace) -> Self {
        let port = Port {
            shared: shared.clone(),
            pid,
        };
        let (cluster, installation) = {
            let core = shared.lock();
            let cluster = core.machines[pid].cluster;
            (cluster, core.clusters[cluster].installation.clone())
        };
        let liar = Liar::armed();
        let simulated = LyingCluster {
            honest: SimulatedCluster {
                port: port.clone(),
                cluster,
                installation,
            },
            liar: liar.clone(),
        };
        let connector = LyingConnector(SimulatedConnector(port.clone()), liar.clone());
        let pacing = Pacing {
            pace,
            slice: Duration::from_secs(5),
            // One connection has four of them.
            at_once: 10,
        };
        let woken = shared.clone();
        let controller = Controller::new(
            Ports {
                cluster: Arc::new(simulated),
                connector,
                time: SimulatedTime(port),
            },
            pacing,
            Process {
                stop: CancellationToken::new(),
                metrics: Metrics::new(&mut Registry::default(), &[]),
                reconciles: Reconciles::default(),
                wake: Box::new(move |namespace, name| {
                    let key = (namespace.to_owned(), name.to_owned());
                    woken.lock().machines[pid].dirty.insert(key);
                }),
            },
        );
        Self {
            pid,
            shared: shared.clone(),
            controller: Arc::new(controller),
            liar,
            running: BTreeMap::new(),
            uids: BTreeMap::new(),
            ready: Arc::default(),
        }
    }

    /// Begins the reconciles that are wanted and lets all go on as far as they can; answers whether
    /// anything happened.
    pub(crate) fn go_on(&mut self) -> bool {
        let wanted = {
            let mut core = self.shared.lock();
            let now = core.now();
            let machine = &mut core.machines[self.pid];
            if machine.still_until > now {
                return false;
            }
            if std::mem::take(&mut machine.forgets) {
                self.controller.forget_all();
            }
            if core.leads(self.pid) {
                let busy = &self.running;
                let machine = &mut core.machines[self.pid];
                let wanted: Vec<Key> = machine
                    .dirty
                    .iter()
                    .filter(|key| !busy.contains_key(*key))
                    .cloned()
                    .collect();
                let mut begun = Vec::new();
                for key in wanted {
                    machine.dirty.remove(&key);
                    let seen = machine.cache.get(&key).and_then(|(_, seen)| seen.clone());
                    begun.push((key, seen));
                }
                begun
            } else {
                Vec::new()
            }
        };
        let mut active = !wanted.is_empty();
        self.shared.lock().reconciles += wanted.len();
        for (key, seen) in wanted {
            let uid = seen.as_ref().and_then(|seen| seen.metadata.uid.clone());
            let before = match &uid {
                Some(uid) => self.uids.insert(key.clone(), uid.clone()),
                None => self.uids.remove(&key),
            };
            if let Some(gone) = before.filter(|before| Some(before) != uid.as_ref()) {
                self.controller.forget(&gone);
            }
            let Some(seen) = seen else { continue };
            let seen = self.liar.watched(seen);
            let controller = Arc::clone(&self.controller);
            let reconcile = Box::pin(async move { Box::pin(controller.reconcile(&seen)).await });
            self.running.insert(key.clone(), reconcile);
            self.ready.lock().unwrap().push_back(key);
        }
        loop {
            let next = self.ready.lock().unwrap().pop_front();
            let Some(key) = next else { return active };
            active = true;
            self.poll(&key);
            if !self.shared.lock().machines[self.pid].alive {
                return true;
            }
        }
    }

    fn poll(&mut self, key: &Key) {
        let Some(reconcile) = self.running.get_mut(key) else {
            return;
        };
        let waker = Waker::from(Arc::new(Woken {
            ready: Arc::clone(&self.ready),
            key: key.clone(),
        }));
        if let Poll::Ready(next) = reconcile.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.running.remove(key);
            let rest = match next {
                Requeue::After(rest) => Some(rest),
                Requeue::Await => None,
            };
            let mut core = self.shared.lock();
            let pid = self.pid;
            core.say(|| format!("p{pid} {} rests {rest:?}", key.1));
            core.set_timer(pid, key.clone(), rest);
        }
    }
}
