//! People: those who read status and do what it asks for, those who act on either side without
//! being asked to, and the GitOps tool that applies the manifest again when it is missing.
//!
//! They know what people know: the status of the upgrade and the screens of the BSS.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tenant_reseller_operator::api::{
    CONFIRM_ANNOTATION, Condition, ConditionStatus, Reason, Risk, SUSPEND_ANNOTATION, StateClass,
    TAKE_OVER_ANNOTATION, TenantResellerUpgrade,
};
use tenant_reseller_operator::bss::port::{Mode, WriteOperation};

use serde_json::{Value, json};

use super::core::{Cluster, Core};
use super::etcd::Key;
use super::faults::{DISTURBANCES, Fault};
use super::run::reason;
use super::scenario::Ending;
use support::kstatus::{assert_follows, assert_state};
use support::simulated_bss::Action;

/// What the people of a run are like.
#[derive(Clone, Debug)]
pub(crate) struct People {
    /// The namespace of other people, who have an upgrade of the same reseller there.
    pub(crate) neighbour: Option<&'static str>,
    /// How soon they look again, at least and at most.
    pub(crate) looks: (Duration, Duration),
    /// What the manifest in Git says, by cluster.
    pub(crate) manifests: BTreeMap<usize, TenantResellerUpgrade>,
    /// A person took the reseller over to another cluster.
    pub(crate) took_over: bool,
    /// A person deleted or replaced the tenant.
    pub(crate) took_tenant: bool,
    /// An upgrade that people hold suspended.
    pub(crate) holds: bool,
    /// The run is to end with these.
    pub(crate) ending: Ending,
}

/// Whether everything came to its end.
pub(crate) fn ended(core: &Core) -> Option<Ending> {
    let wanted = core.people.ending;
    let all = core.clusters.iter().flat_map(|c| c.etcd.upgrades.values());
    let mut any = false;
    for upgrade in all {
        if core.people.neighbour == upgrade.metadata.namespace.as_deref() {
            let stands_back = reason(upgrade) == Some(Reason::ResellerClaimed);
            if stands_back || succeeded(upgrade) {
                continue;
            }
            return None;
        }
        any = true;
        let fits = match wanted {
            // A loss that an accepted risk names is named, and stays with people. A person who takes the
            // tenant away is told so.
            Ending::Upgraded => {
                succeeded(upgrade) || named(core, upgrade) || without_tenant(core, upgrade)
            }
            Ending::Refused => reason(upgrade) == Some(Reason::RiskNotAccepted),
        };
        if !fits || upgrade.metadata.deletion_timestamp.is_some() {
            return None;
        }
    }
    let manifests = core.people.manifests.len();
    let there: usize = core.clusters.iter().map(|c| c.etcd.upgrades.len()).sum();
    (any && there >= manifests).then_some(wanted)
}

fn named(core: &Core, upgrade: &TenantResellerUpgrade) -> bool {
    let accepts = core.accepts(Risk::UnguardedSwitch) || core.accepts(Risk::UnseenOrders);
    reason(upgrade) == Some(Reason::VerificationFailed) && accepts
}

fn without_tenant(core: &Core, upgrade: &TenantResellerUpgrade) -> bool {
    core.people.took_tenant
        && matches!(
            reason(upgrade),
            Some(Reason::TenantReplaced | Reason::TenantMissing)
        )
}

fn succeeded(upgrade: &TenantResellerUpgrade) -> bool {
    is_true(upgrade, "Succeeded")
}

fn is_true(upgrade: &TenantResellerUpgrade, type_: &str) -> bool {
    let conditions = upgrade.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|c| c.type_ == type_ && c.status == ConditionStatus::True)
}

/// Every upgrade with what it says, for a person who reads a violation.
pub(crate) fn state(core: &Core) -> String {
    let upgrades = core.clusters.iter().flat_map(|c| c.etcd.upgrades.iter());
    let told = upgrades.map(|((_, name), upgrade)| {
        let action = next_action(upgrade);
        format!("{name}: {:?}, {action}", reason(upgrade))
    });
    told.collect::<Vec<_>>().join("; ")
}

fn next_action(upgrade: &TenantResellerUpgrade) -> String {
    let waiting = upgrade.status.as_ref().and_then(|s| s.waiting_for.as_ref());
    waiting.map(|w| w.next_action.clone()).unwrap_or_default()
}

/// An upgrade as tools get it.
fn whole(upgrade: &TenantResellerUpgrade) -> Value {
    serde_json::to_value(upgrade).unwrap()
}

/// The parts of it that the rules of tools are about.
fn what_tools_read(upgrade: &TenantResellerUpgrade) -> Value {
    let meta = &upgrade.metadata;
    let status = upgrade.status.as_ref();
    let mut metadata = json!({ "generation": meta.generation });
    // What is not set is not there.
    if let Some(at) = &meta.deletion_timestamp {
        metadata["deletionTimestamp"] = json!(at);
    }
    json!({
        "metadata": metadata,
        "status": status.map(|status| json!({
            "observedGeneration": status.observed_generation,
            "conditions": status.conditions.iter().map(what_is_compared).collect::<Value>(),
        })),
    })
}

/// A condition without what it tells people.
fn what_is_compared(condition: &Condition) -> Value {
    json!({
        "type": condition.type_,
        "status": condition.status,
        "reason": condition.reason,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": condition.last_transition_time,
    })
}

/// Whether the rules of tools say the same of both: they differ in figures and words.
fn alike(one: &TenantResellerUpgrade, other: &TenantResellerUpgrade) -> bool {
    let (Some(a), Some(b)) = (&one.status, &other.status) else {
        return false;
    };
    let same = |(a, b): (&Condition, &Condition)| {
        a.type_ == b.type_
            && a.status == b.status
            && a.reason == b.reason
            && a.observed_generation == b.observed_generation
            && a.last_transition_time == b.last_transition_time
    };
    a.observed_generation == b.observed_generation
        && one.metadata.generation == other.metadata.generation
        && one.metadata.deletion_timestamp == other.metadata.deletion_timestamp
        && a.conditions.len() == b.conditions.len()
        && a.conditions.iter().zip(&b.conditions).all(same)
}

impl Core {
    /// People begin to look, and go on doing so.
    pub(crate) fn people_look(&mut self) {
        let (least, most) = self.people.looks;
        let pause = self.rng.between(least, most);
        self.agenda.after(pause, |core| {
            core.look();
            core.people_look();
        });
    }

    fn look(&mut self) {
        for cluster in 0..self.clusters.len() {
            if self.apply_manifest(cluster) {
                continue;
            }
            let all: Vec<(Key, Arc<TenantResellerUpgrade>)> = {
                let upgrades = &self.clusters[cluster].etcd.upgrades;
                upgrades
                    .iter()
                    .map(|(k, u)| (k.clone(), u.clone()))
                    .collect()
            };
            for (key, upgrade) in all {
                if let Some(reason) = reason(&upgrade) {
                    self.answer(cluster, &key, &upgrade, reason);
                }
            }
        }
        self.judge();
    }

    /// GitOps: what is missing is applied.
    fn apply_manifest(&mut self, cluster: usize) -> bool {
        let Some(manifest) = self.people.manifests.get(&cluster).cloned() else {
            return false;
        };
        let key = super::etcd::key(&manifest.metadata);
        if self.clusters[cluster].etcd.upgrades.contains_key(&key) {
            return false;
        }
        self.say(|| format!("the manifest {} is applied", key.1));
        // A new object, which is not suspended yet.
        self.suspended = None;
        self.clusters[cluster].etcd.apply(manifest);
        self.changed(cluster, &key);
        true
    }

    /// A person does what status asks for, as far as it is theirs to do.
    fn answer(
        &mut self,
        cluster: usize,
        key: &Key,
        upgrade: &TenantResellerUpgrade,
        reason: Reason,
    ) {
        let action = next_action(upgrade);
        let annotation = |name: &str| {
            let (_, rest) = action.split_once(&format!("{name}="))?;
            Some(
                rest.split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        };
        match reason {
            // A person who confirms has looked: nothing is on its way any more.
            Reason::AwaitingConfirmation if self.unawaited == 0 => {
                let what = annotation(CONFIRM_ANNOTATION);
                if what.is_none() {
                    self.broken(format!("what is to be confirmed is not named: {action}"));
                }
                if action.contains("pricing options") {
                    // What the BSS does not show, the person has seen to.
                    self.act(Action::Price(None));
                }
                self.unconfirmed = self.unconfirmed.filter(|(other, _)| *other != cluster);
                self.set(cluster, key, CONFIRM_ANNOTATION, what.as_deref());
            }
            Reason::ResellerClaimed if !self.people.took_over && cluster > 0 => {
                if let Some(holder) = annotation(TAKE_OVER_ANNOTATION) {
                    self.people.took_over = true;
                    self.set(cluster, key, TAKE_OVER_ANNOTATION, Some(&holder));
                }
            }
            // Of two namespaces the one of these people takes over: the neighbours' is left alone.
            Reason::ResellerClaimed if self.people.neighbour.is_some() => {
                let theirs = self.people.neighbour == Some(key.0.as_str());
                if let Some(holder) = annotation(TAKE_OVER_ANNOTATION).filter(|_| !theirs) {
                    self.people.took_over = true;
                    self.set(
                        cluster,
                        key,
                        TAKE_OVER_ANNOTATION,
                        Some(holder.trim_matches('\'')),
                    );
                }
            }
            // Of two in one cluster the one that Git does not know any more is deleted.
            Reason::ResellerClaimed if cluster == 0 => {
                let known = self.people.manifests.get(&cluster);
                let known = known.map(|manifest| super::etcd::key(&manifest.metadata));
                let all = self.clusters[cluster].etcd.upgrades.keys();
                let stray: Vec<Key> = all
                    .filter(|key| Some(*key) != known.as_ref())
                    .cloned()
                    .collect();
                for key in stray {
                    self.delete(cluster, &key);
                }
            }
            Reason::Suspended if !self.people.holds => {
                self.set(cluster, key, SUSPEND_ANNOTATION, None);
            }
            _ if reason == Reason::VerificationFailed
                || matches!(
                    reason.class(),
                    Some(
                        StateClass::WaitsForPeople
                            | StateClass::MustFix
                            | StateClass::WaitsByItself
                    )
                ) =>
            {
                if let Some(done) = self.bss_people(reason, &action) {
                    self.say(|| format!("a person answers {}: {done}", reason.as_str()));
                }
            }
            _ => {}
        }
    }

    pub(crate) fn set(&mut self, cluster: usize, key: &Key, name: &str, value: Option<&str>) {
        let there = self.clusters[cluster].etcd.upgrades.get(key);
        let before = there.and_then(|u| u.metadata.annotations.as_ref()?.get(name).cloned());
        if there.is_none() || before.as_deref() == value {
            return;
        }
        self.say(|| format!("{} is annotated {name}={value:?}", key.1));
        if name == SUSPEND_ANNOTATION {
            self.suspended = value.map(|_| self.agenda.now);
        }
        self.clusters[cluster].etcd.annotate(key, name, value);
        self.changed(cluster, key);
    }

    /// Another client writes to the upgrade at this very moment.
    pub(crate) fn another_client_writes(&mut self, cluster: usize, key: &Key) {
        if self.faults.draw(&[Fault::ApiConflict], 10).is_some()
            && self.clusters[cluster].etcd.upgrades.contains_key(key)
        {
            self.faults.fired(Fault::ApiConflict);
            let calls = self.calls.to_string();
            let name = "example.com/touched";
            self.set(cluster, key, name, Some(&calls));
        }
    }

    /// A status was written: it is held against the rules and against the world.
    pub(crate) fn shown(
        &mut self,
        cluster: usize,
        key: &Key,
        before: Option<&TenantResellerUpgrade>,
    ) {
        let Some(upgrade) = self.clusters[cluster].etcd.upgrades.get(key).cloned() else {
            return;
        };
        if before.is_some_and(|before| before.status == upgrade.status) {
            return;
        }
        if let Some(reason) = reason(&upgrade) {
            self.reasons.insert(reason);
            let action = next_action(&upgrade);
            self.say(|| format!("{} is {}: {action}", key.1, reason.as_str()));
        }
        if is_true(&upgrade, "SubscriptionsCopied") {
            self.orders_before_the_switch();
        }
        let jumps = self.faults.counts().contains_key(&Fault::ClockJumps);
        // What was composed before the cluster went back falls on an older object than it is of.
        let back = self.moments.restored;
        let just_back = back.is_some_and(|at| self.now() < at + Duration::from_mins(3));
        let known = upgrade
            .status
            .as_ref()
            .and_then(|status| status.observed_generation);
        let of_another = known > upgrade.metadata.generation
            || (reason(&upgrade) == Some(Reason::Deleting)
                && upgrade.metadata.deletion_timestamp.is_none());
        let stray = just_back && of_another;
        // What a clock that jumped says is what it says.
        let steady = !jumps && !just_back;
        let before_it = before.filter(|b| steady && b.status.is_some());
        let hold = |json: fn(&TenantResellerUpgrade) -> Value| {
            catch_unwind(AssertUnwindSafe(|| {
                if stray {
                    return;
                }
                let after = json(&upgrade);
                assert_state(&after);
                if let Some(before) = before_it {
                    assert_follows(&json(before), &after);
                }
            }))
        };
        // The whole object is for people who read what went wrong.
        // What was held against the rules already is not held again, but for a write that was let off.
        let again = before.is_some_and(|before| alike(before, &upgrade));
        let kept = if again && reason(&upgrade) != Some(Reason::Deleting) {
            Ok(())
        } else {
            hold(what_tools_read).or_else(|_| hold(whole))
        };
        if let Err(panic) = kept {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            self.broken(format!("status against its rules: {text}"));
        }
        let lie = self.lie(&upgrade).map(str::to_owned);
        if let Some(lie) = lie.or_else(|| self.too_early(before, &upgrade)) {
            self.broken(format!("status does not tell the truth: {lie}"));
        }
    }

    /// What the status says and the BSS knows better.
    fn lie(&self, upgrade: &TenantResellerUpgrade) -> Option<&'static str> {
        let says = |type_| is_true(upgrade, type_);
        let mut order = [
            "TenantCreated",
            "CustomersCopied",
            "SubscriptionsCopied",
            "BackOrderingActivated",
            "Succeeded",
        ];
        let modes = &self.world.switches.modes;
        if modes.get(&WriteOperation::CopySubscriptions) == Some(&Mode::WithSwitch) {
            // Nothing is copied before the act that also switches, and the comparison behind it counts.
            order.swap(2, 3);
        }
        if says("BackOrderingActivated") && !self.world.on {
            return Some("back ordering is not on");
        }
        if says("TenantCreated") && self.tenant_is_missing() && !self.people.took_tenant {
            return Some("there is no tenant");
        }
        // A tenant reseller from before has no phases of its own.
        let own = says("CustomersCopied") || !says("BackOrderingActivated");
        let skipped = order
            .windows(2)
            .any(|pair| own && says(pair[1]) && !says(pair[0]));
        skipped.then_some("a phase is complete before the one ahead of it")
    }

    /// Processes are disturbed, and the cluster.
    pub(crate) fn disturb(&mut self, pid: usize) {
        let cluster = self.machines[pid].cluster;
        if self.restore_at == Some(self.calls) {
            self.restore_at = None;
            self.restore(cluster);
        }
        let Some(fault) = self.faults.draw(&DISTURBANCES, 40) else {
            return;
        };
        let happened = match fault {
            Fault::Paused => {
                let pause = self
                    .rng
                    .between(Duration::from_secs(1), Duration::from_mins(4));
                self.stop(pid, pause);
                true
            }
            Fault::LeaseLost => self.depose(pid),
            Fault::TwoLeaders => {
                let until = self.now() + Duration::from_mins(5);
                let there = self.depose(pid);
                if there {
                    self.machines[pid].believes_until = until;
                    self.machines[pid].forgets = false;
                }
                there
            }
            Fault::ClockJumps => {
                let jump = self.rng.below(7_200);
                self.machines[pid].wall_skew += i64::try_from(jump).unwrap() - 3_600;
                true
            }
            Fault::ClusterBack => {
                self.clusters[cluster].snapshot = Some(self.clusters[cluster].etcd.clone());
                self.restore_at = Some(self.calls + 3 + self.rng.below(60));
                // It counts when it goes back.
                false
            }
            Fault::Reapplied => self.delete_one(cluster),
            Fault::Renamed => self.rename(cluster),
            Fault::AnotherCluster => self.another_cluster(),
            Fault::SuspendedMeanwhile => self.suspend_for_a_while(cluster),
            Fault::SpecChanged => self.change_spec(cluster),
            _ => false,
        };
        if happened {
            self.faults.fired(fault);
        }
    }

    fn one(&self, cluster: usize) -> Option<Key> {
        self.clusters[cluster].etcd.upgrades.keys().next().cloned()
    }

    fn restore(&mut self, cluster: usize) {
        let Some(mut snapshot) = self.clusters[cluster].snapshot.take() else {
            return;
        };
        self.say(|| format!("cluster {cluster} goes back"));
        self.faults.fired(Fault::ClusterBack);
        self.moments.restored = Some(self.agenda.now);
        snapshot.lives.push('r');
        // An epoch that was issued for an attempt of which the older record knows nothing is the sign.
        let claims = || snapshot.claims.values().map(|claim| &claim.spec);
        let known = claims().filter_map(|claim| claim.epoch).max();
        let known = u64::try_from(known.unwrap_or(0)).unwrap();
        let attempt = |id: &str| {
            let mut all = claims().flat_map(|claim| &claim.acquisitions);
            all.any(|attempt| attempt.id == id)
        };
        // One that was issued in another cluster says nothing of this one's record.
        let here = |id: &str| {
            let present = self.clusters[cluster].etcd.claims.values();
            let mut all = present.flat_map(|claim| &claim.spec.acquisitions);
            all.any(|attempt| attempt.id == id)
        };
        let mut issued = self.world.issued.iter();
        if issued.any(|one| {
            let id = one.acquisition.as_ref().unwrap().as_str();
            one.epoch.0 > known && here(id) && !attempt(id)
        }) {
            self.unconfirmed = Some((cluster, self.agenda.now));
        }
        // The versions of objects go on from above the present one, as a restore of etcd with
        // `--bump-revision` has it: a version that a running process holds does not come again.
        snapshot.revision = snapshot.revision.max(self.clusters[cluster].etcd.revision);
        self.clusters[cluster].etcd = snapshot;
        self.clusters[cluster].restores += 1;
        self.suspended = None;
        if self.aftermath.is_some() && self.people.took_tenant {
            self.reopened = self.moments.restored;
        }
        for pid in 0..self.machines.len() {
            if self.machines[pid].alive && self.machines[pid].cluster == cluster {
                self.list_anew(pid);
            }
        }
    }

    pub(crate) fn delete_one(&mut self, cluster: usize) -> bool {
        let key = self.one(cluster);
        key.is_some_and(|key| self.delete(cluster, &key))
    }

    fn delete(&mut self, cluster: usize, key: &Key) -> bool {
        if !self.clusters[cluster].etcd.upgrades.contains_key(key) {
            return false;
        }
        self.say(|| format!("{} is deleted", key.1));
        self.suspended = None;
        self.clusters[cluster].etcd.delete(key);
        self.changed(cluster, key);
        true
    }

    fn rename(&mut self, cluster: usize) -> bool {
        let Some(manifest) = self.people.manifests.get_mut(&cluster) else {
            return false;
        };
        let before = super::etcd::key(&manifest.metadata);
        let name = format!("{}-x", manifest.metadata.name.clone().unwrap_or_default());
        manifest.metadata.name = Some(name);
        self.delete(cluster, &before);
        self.apply_manifest(cluster);
        true
    }

    fn another_cluster(&mut self) -> bool {
        if self.clusters.len() > 1 {
            return false;
        }
        let Some(manifest) = self.people.manifests.get(&0).cloned() else {
            return false;
        };
        let mut etcd = super::etcd::Etcd {
            lives: "other".to_owned(),
            connections: self.clusters[0].etcd.connections.clone(),
            secrets: self.clusters[0].etcd.secrets.clone(),
            ..super::etcd::Etcd::default()
        };
        etcd.apply(manifest.clone());
        self.clusters.push(Cluster {
            etcd,
            installation: "installation-1".to_owned(),
            holder: None,
            snapshot: None,
            restores: 0,
        });
        self.people.manifests.insert(1, manifest);
        self.starts_due.push(1);
        true
    }

    fn suspend_for_a_while(&mut self, cluster: usize) -> bool {
        let manifest = self.people.manifests.get(&cluster);
        let key = manifest.map(|manifest| super::etcd::key(&manifest.metadata));
        let all = &self.clusters[cluster].etcd.upgrades;
        let works = |key: &Key| {
            let there = all.get(key);
            there.is_some_and(|there| there.metadata.deletion_timestamp.is_none())
        };
        let Some(key) = key.filter(|key| !self.people.holds && works(key)) else {
            return false;
        };
        self.people.holds = true;
        self.set(cluster, &key, SUSPEND_ANNOTATION, Some("true"));
        let pause = self
            .rng
            .between(Duration::from_secs(1), Duration::from_hours(3));
        self.held_for += pause;
        self.agenda.after(pause, move |core| {
            core.people.holds = false;
            core.set(cluster, &key, SUSPEND_ANNOTATION, None);
        });
        true
    }

    fn change_spec(&mut self, cluster: usize) -> bool {
        let Some(manifest) = self.people.manifests.get_mut(&cluster) else {
            return false;
        };
        let key = super::etcd::key(&manifest.metadata);
        manifest.spec.reseller.expected_name = match manifest.spec.reseller.expected_name {
            None => Some("Contoso Ltd".to_owned()),
            Some(_) => None,
        };
        let manifest = manifest.clone();
        self.clusters[cluster].etcd.apply(manifest);
        self.changed(cluster, &key);
        true
    }
}
