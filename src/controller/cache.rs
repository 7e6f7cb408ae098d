//! What a process keeps of the upgrades that it works on, by uid. The cache may be lost at any moment,
//! which costs a few reads: the BSS is the ledger and the claim is the record.
//!
//! An entry knows what it rests on, and begins anew when that changes. Nothing here touches the
//! cluster or the BSS.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::connections::{Asking, Connections, Used};
use super::object;
use super::publish::Refusals;
use crate::api::{ResellerClaim, TenantResellerUpgrade};
use crate::bss::limits::Seat;
use crate::bss::port::AcquisitionId;
use crate::upgrade::{Known, Suspension};

/// What is known of one upgrade.
pub(super) struct CacheEntry<B> {
    /// What was observed.
    pub(super) known: Known,
    /// The claim as it was read or written last.
    pub(super) claim: Option<ResellerClaim>,
    /// The connection, which it shares with other upgrades.
    pub(super) used: Option<Used<B>>,
    /// A question to the BSS that the other upgrades of the connection wait for too.
    pub(super) asking: Option<Asking>,
    pub(super) seats: Option<HeldSeats>,
    /// What the BSS calls itself.
    pub(super) told_identity: ToldIdentity,
    /// The reports as this process wrote or found them last.
    pub(super) reports: Option<PublishedReports>,
    /// What the API server refuses of what this process publishes.
    pub(super) refusals: Refusals,
    /// Whether the BSS was called since the connection's status was written last.
    pub(super) called: Called,
    /// When counts were written to status last.
    pub(super) counts_written: Option<Duration>,
    /// Whether the upgrade held a slot on this basis. Since then it may read without one.
    pub(super) admitted: Admitted,
    /// What the observations rest on.
    basis: Option<Basis>,
    /// What people changed without changing the spec.
    requested: Option<String>,
    freshness: Freshness,
    connections: Arc<Connections<B>>,
}

/// What the observations rest on. If it changes they are worthless, and an epoch is acquired anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Basis {
    generation: i64,
    suspension: Suspension,
    /// The version of the connections.
    connections: String,
}

impl Basis {
    /// The upgrade and the connections as they are now.
    pub(super) fn of(
        upgrade: &TenantResellerUpgrade,
        suspension: Suspension,
        connections: &str,
    ) -> Self {
        Self {
            generation: upgrade.metadata.generation.unwrap_or_default(),
            suspension,
            connections: connections.to_owned(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    Fresh,
    /// The observations are old although their basis is the same.
    Stale,
}

/// Whether an upgrade held a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    Yes,
    NotYet,
}

/// Whether the BSS was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    Yes,
    No,
}

/// What a BSS calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToldIdentity {
    /// It was not asked yet.
    NotAsked,
    /// It was asked, and tells its identity or none.
    Told(Option<String>),
}

/// The seats of a connection. They guard the identity against a second origin while the adapter is
/// given up: an upgrade that waits for a Secret or for a correction of its spec must not let another
/// BSS become the first one of this identity.
pub(super) struct HeldSeats {
    /// The connection object and its address.
    pub(super) at: String,
    pub(super) _seats: Vec<Seat>,
}

/// The reports that were written or found last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublishedReports {
    /// The digest of all pages.
    pub(super) digest: [u8; 32],
    /// When they were compared with what the API server has.
    pub(super) compared_at: Duration,
}

impl<B> CacheEntry<B> {
    fn new(acquisition: AcquisitionId, connections: &Arc<Connections<B>>) -> Self {
        Self {
            known: Known::new([], acquisition),
            claim: None,
            used: None,
            asking: None,
            seats: None,
            told_identity: ToldIdentity::NotAsked,
            reports: None,
            refusals: Refusals::default(),
            called: Called::No,
            counts_written: None,
            admitted: Admitted::NotYet,
            basis: None,
            requested: None,
            freshness: Freshness::Fresh,
            connections: Arc::clone(connections),
        }
    }

    /// The upgrade uses this version of a connection from now on.
    pub(super) fn uses(&mut self, version: &str) -> &mut Used<B> {
        Used::at(&mut self.used, &self.connections, version)
    }

    /// Lets go of the connection and of its credentials.
    pub(super) fn lets_go(&mut self) {
        self.used = None;
        self.asking = None;
    }

    /// The connection leads here now. Seats that were taken at another address are given up.
    pub(super) fn keep_seats_at(&mut self, address: &str) {
        self.seats.take_if(|seats| seats.at != address);
    }

    /// The next reconcile begins anew: what is known may be old by then.
    pub(super) fn mark_stale(&mut self) {
        self.freshness = Freshness::Stale;
    }

    /// Begins anew if the basis changed. Looks again at once if a person requested it, by an
    /// annotation or a pricing object.
    pub(super) fn revalidate(
        &mut self,
        upgrade: &TenantResellerUpgrade,
        basis: Basis,
        requested: String,
    ) {
        if self.basis.as_ref() != Some(&basis) || self.freshness == Freshness::Stale {
            self.begin_anew(upgrade, basis);
        }
        if self.requested.as_ref() != Some(&requested) {
            if self.requested.is_some() {
                self.known.waiting.look_now();
                self.known.declared_anew();
                if let Some(used) = &self.used {
                    used.renew();
                }
            }
            self.requested = Some(requested);
        }
    }

    fn begin_anew(&mut self, upgrade: &TenantResellerUpgrade, basis: Basis) {
        self.freshness = Freshness::Fresh;
        // Whatever became of the attempt to acquire that is under way, its name is not used again.
        self.known.fencing.next_acquisition();
        let known = std::mem::take(&mut self.known);
        let mut fresh = Known::new(
            object::milestones(upgrade),
            known.fencing.acquisition.clone(),
        );
        fresh.milestones.extend(&known.milestones);
        fresh.fencing.refused.clone_from(&known.fencing.refused);
        fresh.fencing.record_seen = known.fencing.record_seen;
        fresh.fencing.record_of.clone_from(&known.fencing.record_of);
        let before = self.basis.as_ref();
        if let (Some(used), Some(before)) = (&mut self.used, before)
            && *before != basis
        {
            used.hear_anew();
        }
        if before.is_none_or(|before| before.connections != basis.connections) {
            self.told_identity = ToldIdentity::NotAsked;
        }
        if basis.suspension == Suspension::Suspended {
            // The outcome of a call that has none is still to be looked up; nothing else is done.
            fresh.rest_of(known);
        } else {
            self.claim = None;
        }
        self.known = fresh;
        self.admitted = Admitted::NotYet;
        self.basis = Some(basis);
    }
}

/// The entries of all upgrades, by uid.
pub(super) struct Cache<B> {
    /// A number that no other process has drawn.
    drawn: u64,
    /// Entries that this process made.
    made: AtomicU64,
    connections: Arc<Connections<B>>,
    entries: StdMutex<HashMap<String, Arc<Mutex<CacheEntry<B>>>>>,
}

impl<B> Cache<B> {
    /// An empty cache. No other process has drawn the same number.
    pub(super) fn new(drawn: u64) -> Self {
        Self {
            drawn,
            made: AtomicU64::new(0),
            connections: Arc::default(),
            entries: StdMutex::default(),
        }
    }

    /// The entry of an upgrade.
    pub(super) fn entry(&self, uid: &str) -> Arc<Mutex<CacheEntry<B>>> {
        let mut entries = self.entries();
        let make = || {
            let nth = self.made.fetch_add(1, Ordering::Relaxed);
            let first = AcquisitionId(format!("{:016x}.{nth}.0", self.drawn));
            Arc::new(Mutex::new(CacheEntry::new(first, &self.connections)))
        };
        Arc::clone(entries.entry(uid.to_owned()).or_insert_with(make))
    }

    /// The upgrade is gone, finished, or left to another operator.
    pub(super) fn forget(&self, uid: &str) {
        self.entries().remove(uid);
    }

    /// This process lost the lease, and another one acts meanwhile.
    pub(super) fn forget_all(&self) {
        self.entries().clear();
        self.connections.forget_all();
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Arc<Mutex<CacheEntry<B>>>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ClaimHolder, ResellerClaimSpec, TenantResellerUpgradeSpec};
    use crate::upgrade::{
        Holding, Now, Outcome, RecordAge, References, TenantConnection, Terms, observe,
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

    /// An entry that begins anew, after waiting for a slot or for another spec, still knows an older
    /// record for what it is; at another BSS the record is another one. And no attempt to acquire has
    /// the name of an earlier one.
    #[test]
    fn what_this_process_saw_on_record_outlives_an_entry_that_begins_anew() {
        let references = References {
            identity: "acme".to_owned(),
            pricing: Vec::new(),
            pace: crate::upgrade::Pace::default(),
            terms: Terms::default(),
            credential_doubt: None,
            tenant_connection: TenantConnection::NotNamed,
        };
        let mut upgrade = upgrade();
        let valid = crate::upgrade::validate(&upgrade, &references).unwrap();
        let now = Now {
            wall: jiff::Timestamp::UNIX_EPOCH,
            monotonic: Duration::ZERO,
        };
        let cache = Cache::<()>::new(7);
        let entry = cache.entry("uid-1");
        let mut entry = entry.try_lock().unwrap();
        let mut names = vec![entry.known.fencing.acquisition.clone()];
        entry.revalidate(
            &upgrade,
            Basis::of(&upgrade, Suspension::Running, "one"),
            String::new(),
        );
        observe(&valid, &mut entry.known, record(7), now);
        for again in 0..2 {
            if again == 0 {
                entry.mark_stale();
            } else {
                upgrade.metadata.generation = Some(2);
            }
            entry.revalidate(
                &upgrade,
                Basis::of(&upgrade, Suspension::Running, "one"),
                String::new(),
            );
            observe(&valid, &mut entry.known, record(3), now);
            assert_eq!(entry.known.fencing.record_age, RecordAge::Older);
            names.push(entry.known.fencing.acquisition.clone());
        }
        entry.revalidate(
            &upgrade,
            Basis::of(&upgrade, Suspension::Running, "the same, edited"),
            String::new(),
        );
        observe(&valid, &mut entry.known, record(3), now);
        assert_eq!(entry.known.fencing.record_age, RecordAge::Older);
        let Outcome::Claim(Holding::Ours(mut other)) = record(3) else {
            panic!("a record");
        };
        other.bss_identity = "another".to_owned();
        let other = Outcome::Claim(Holding::Ours(other));
        observe(&valid, &mut entry.known, other, now);
        assert_eq!(
            entry.known.fencing.record_age,
            RecordAge::Present,
            "of another BSS"
        );
        names.push(entry.known.fencing.acquisition.clone());
        drop(entry);
        cache.forget("uid-1");
        names.push(
            cache
                .entry("uid-1")
                .try_lock()
                .unwrap()
                .known
                .fencing
                .acquisition
                .clone(),
        );
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }
}
