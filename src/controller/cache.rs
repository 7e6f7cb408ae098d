//! What a process keeps of the upgrades that it works on. Losing it costs a few reads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::api_backoff::{Stopped, Told, Unserved};
use crate::api::{ConditionStatus, ConditionType, ResellerClaim, TenantResellerUpgrade};
use crate::bss::limits::Seat;
use crate::bss::port::AcquisitionId;
use crate::upgrade::{Observed, Pages, PagesRequest, Suspension, seed, suspension};

/// What makes everything that was observed worthless if it changes: an epoch is acquired anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ground {
    generation: i64,
    suspension: Suspension,
    connection: String,
}

/// The life of one upgrade in this process.
pub(super) struct Life<B> {
    /// What is known.
    pub(super) observed: Observed,
    /// The claim as it was read or written last.
    pub(super) claim: Option<ResellerClaim>,
    /// The adapter, with the ground that it was made on and when.
    pub(super) bss: Option<Linked<B>>,
    /// What keeps the guard against a second origin up while the adapter is given up: a Secret that
    /// is away, or a spec that is wrong, makes the upgrade rest and no other BSS the first.
    pub(super) seated: Option<Seated>,
    /// What the BSS calls itself.
    pub(super) name: Name,
    /// The reports as this process wrote or found them last.
    pub(super) reports: Option<Reported>,
    /// What the observations rest on.
    ground: Option<Ground>,
    /// What people changed without changing the spec.
    nudge: Option<String>,
    /// Whether the BSS was asked something since the connection's status was written last.
    pub(super) asked: Asked,
    /// When figures were written last.
    pub(super) figures_written: Option<Duration>,
    /// Pages that were read while the last copies before them were under way: for the very next effect,
    /// and for nothing later.
    pub(super) ahead: Option<(PagesRequest, Pages)>,
    /// Whether it had a place on this ground: since then it may look without one.
    pub(super) admitted: Admitted,
    /// Whether what is known is old, on the same ground.
    old: Old,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Old {
    Yes,
    No,
}

/// Whether an upgrade had a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    Yes,
    NotYet,
}

/// Whether the BSS was asked something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Yes,
    No,
}

/// An adapter that is at hand.
pub(super) struct Linked<B> {
    pub(super) bss: Arc<B>,
    pub(super) made_of: String,
    pub(super) made_at: Duration,
}

/// What a BSS calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// It was not asked yet.
    NotAsked,
    /// It was asked, and tells its name or none.
    Told(Option<String>),
}

/// The seats of a connection.
pub(super) struct Seated {
    /// The connection object and its address.
    pub(super) at: String,
    pub(super) _seats: Vec<Seat>,
}

/// What the reports tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reported {
    /// The digest of all pages.
    pub(super) digest: [u8; 32],
    /// When they were compared with what the API server has.
    pub(super) at: Duration,
}

impl<B> Life<B> {
    fn new(acquisition: AcquisitionId) -> Self {
        Self {
            observed: Observed::new([], acquisition),
            claim: None,
            bss: None,
            seated: None,
            name: Name::NotAsked,
            reports: None,
            ground: None,
            nudge: None,
            asked: Asked::No,
            figures_written: None,
            ahead: None,
            admitted: Admitted::NotYet,
            old: Old::No,
        }
    }

    /// The connection leads here now. Seats that were taken elsewhere hold nobody up.
    pub(super) fn keep_seats_at(&mut self, address: &str) {
        self.seated.take_if(|seated| seated.at != address);
    }

    /// The next pass begins anew: what is known may be old by then.
    pub(super) fn begin_anew(&mut self) {
        self.old = Old::Yes;
    }

    /// Begins anew if the ground changed; looks again at once if somebody nudged.
    pub(super) fn settle(
        &mut self,
        upgrade: &TenantResellerUpgrade,
        connection: &str,
        nudge: String,
    ) {
        let ground = Ground {
            generation: upgrade.metadata.generation.unwrap_or_default(),
            suspension: suspension(upgrade),
            connection: connection.to_owned(),
        };
        if self.ground.as_ref() != Some(&ground) || self.old == Old::Yes {
            self.old = Old::No;
            // Whatever the attempt under way has come to, its name is not used again.
            self.observed.next_acquisition();
            let known = std::mem::take(&mut self.observed);
            let mut fresh = Observed::new(milestones(upgrade), known.acquisition.clone());
            fresh.milestones.extend(&known.milestones);
            fresh.refused.clone_from(&known.refused);
            fresh.record_seen = known.record_seen;
            fresh.record_of.clone_from(&known.record_of);
            let before = self.ground.as_ref();
            if before.is_none_or(|before| before.connection != ground.connection) {
                self.name = Name::NotAsked;
            }
            if ground.suspension == Suspension::Suspended {
                // A call without an outcome is still to be looked up; nothing else is done.
                fresh.rest_of(known);
            } else {
                self.claim = None;
            }
            self.observed = fresh;
            self.admitted = Admitted::NotYet;
            self.ground = Some(ground);
        }
        if self.nudge.as_ref() != Some(&nudge) {
            if self.nudge.is_some() {
                self.observed.look_now();
                self.read_secret_again();
            }
            self.nudge = Some(nudge);
        }
    }
}

impl<B> Life<B> {
    /// The adapter is made anew before the next call, however fresh it is. Until then it stays: with
    /// it would go its part in the limits, and another address could take its place as the one that
    /// this identity is known by.
    pub(super) fn read_secret_again(&mut self) {
        if let Some(linked) = &mut self.bss {
            linked.made_of.clear();
        }
    }
}

fn milestones(upgrade: &TenantResellerUpgrade) -> Vec<ConditionType> {
    let conditions = upgrade
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    ConditionType::MILESTONES
        .into_iter()
        .filter(|milestone| {
            conditions.iter().any(|condition| {
                condition.type_ == milestone.as_str() && condition.status == ConditionStatus::True
            })
        })
        .collect()
}

/// The lives of all upgrades, by uid.
pub struct Memory<B> {
    /// What no other process has drawn.
    drawn: u64,
    /// Lives that began in this process.
    begun: AtomicU64,
    lives: StdMutex<HashMap<String, Arc<Mutex<Life<B>>>>>,
    /// Those that the API server did not serve since their last pass that came to its end.
    unserved: StdMutex<HashMap<String, Unserved>>,
}

impl<B> Memory<B> {
    /// Nothing yet. No other process has drawn the same number.
    #[must_use]
    pub fn new(drawn: u64) -> Self {
        Self {
            drawn,
            begun: AtomicU64::new(0),
            lives: StdMutex::default(),
            unserved: StdMutex::default(),
        }
    }
}

impl<B> Memory<B> {
    /// The life of an upgrade.
    pub(super) fn of(&self, uid: &str) -> Arc<Mutex<Life<B>>> {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives
            .entry(uid.to_owned())
            .or_insert_with(|| {
                let nth = self.begun.fetch_add(1, Ordering::Relaxed);
                let first = AcquisitionId(format!("{:016x}.{nth}.0", self.drawn));
                Arc::new(Mutex::new(Life::new(first)))
            })
            .clone()
    }

    /// A pass did not come to its end: how long to wait, and how loudly it is told.
    pub(super) fn stopped(&self, uid: &str, why: Stopped<'_>) -> (Duration, Told) {
        let mut all = self.unserved();
        let unserved = all.entry(uid.to_owned()).or_default();
        unserved.stopped(why, seed(uid))
    }

    /// The API server took a write of the upgrade.
    pub(super) fn served(&self, uid: &str) {
        if let Some(unserved) = self.unserved().get_mut(uid) {
            unserved.served();
        }
    }

    /// A pass came to its end.
    pub(super) fn ended(&self, uid: &str) {
        self.unserved().remove(uid);
    }

    fn unserved(&self) -> MutexGuard<'_, HashMap<String, Unserved>> {
        self.unserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets an upgrade that is gone or finished.
    pub fn forget(&self, uid: &str) {
        self.ended(uid);
        self.lives
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(uid);
    }

    /// Forgets everything: this process stopped to lead, and others act meanwhile.
    pub fn forget_all(&self) {
        self.unserved().clear();
        self.lives
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ClaimHolder, ResellerClaimSpec, TenantResellerUpgradeSpec};
    use crate::upgrade::{
        Holding, Now, Outcome, RecordAge, References, TenantConnection, Terms, fold,
    };

    fn upgrade() -> TenantResellerUpgrade {
        let spec: TenantResellerUpgradeSpec = serde_json::from_value(serde_json::json!({
            "connectionRef": { "kind": "BssConnection", "name": "distributor" },
            "reseller": { "accountId": "10423" },
            "tenant": { "priceList": "PL", "edition": "Premium", "language": "en-GB",
                "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined" }
        }))
        .unwrap();
        let mut upgrade = TenantResellerUpgrade::new("contoso", spec);
        upgrade.metadata.generation = Some(1);
        upgrade
    }

    fn record(epoch: i64) -> Outcome {
        let holder = ClaimHolder {
            namespace: "resellers".to_owned(),
            name: "contoso".to_owned(),
            uid: "uid-1".to_owned(),
        };
        let mut record = ResellerClaimSpec::new("acme".to_owned(), "10423".to_owned(), holder);
        record.epoch = Some(epoch);
        Outcome::Claim(Holding::Ours(Box::new(record)))
    }

    /// A look that begins anew, after waiting for a place or for another spec, still knows an older
    /// record for what it is; over another connection the record is another one. And no attempt to
    /// acquire has the name of one before.
    #[test]
    fn what_this_process_saw_on_record_outlives_a_look_that_begins_anew() {
        let references = References {
            identity: "acme".to_owned(),
            pricing: Vec::new(),
            pace: crate::upgrade::Pace::default(),
            terms: Terms::default(),
            tenant_connection: TenantConnection::NotNamed,
        };
        let mut upgrade = upgrade();
        let valid = crate::upgrade::validate(&upgrade, &references).unwrap();
        let now = Now {
            wall: jiff::Timestamp::UNIX_EPOCH,
            monotonic: Duration::ZERO,
        };
        let memory = Memory::<()>::new(7);
        let life = memory.of("uid-1");
        let mut life = life.try_lock().unwrap();
        let mut names = vec![life.observed.acquisition.clone()];
        life.settle(&upgrade, "one", String::new());
        fold(&valid, &mut life.observed, record(7), now);
        for again in 0..2 {
            if again == 0 {
                life.begin_anew();
            } else {
                upgrade.metadata.generation = Some(2);
            }
            life.settle(&upgrade, "one", String::new());
            fold(&valid, &mut life.observed, record(3), now);
            assert_eq!(life.observed.record_age, RecordAge::Older);
            names.push(life.observed.acquisition.clone());
        }
        life.settle(&upgrade, "the same, edited", String::new());
        fold(&valid, &mut life.observed, record(3), now);
        assert_eq!(life.observed.record_age, RecordAge::Older);
        let Outcome::Claim(Holding::Ours(mut other)) = record(3) else {
            panic!("a record");
        };
        other.bss_identity = "another".to_owned();
        let other = Outcome::Claim(Holding::Ours(other));
        fold(&valid, &mut life.observed, other, now);
        assert_eq!(
            life.observed.record_age,
            RecordAge::Present,
            "of another BSS"
        );
        names.push(life.observed.acquisition.clone());
        drop(life);
        memory.forget("uid-1");
        names.push(
            memory
                .of("uid-1")
                .try_lock()
                .unwrap()
                .observed
                .acquisition
                .clone(),
        );
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }
}
