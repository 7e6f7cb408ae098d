//! What the steps of a reconcile are given: the [`Context`], which all reconciles of a process share,
//! and the [`Scope`], which is one upgrade in work.
//!
//! The context also answers whether a reconcile may go on. It holds the cluster and time, and on
//! purpose no BSS: a function that is given no more than a context cannot call one.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::admission::{Admission, Turn, Wake};
use super::api_backoff::ApiBackoff;
use super::cache::CacheEntry;
use super::dereference::Fetched;
use super::object;
use super::reconcile::ReconcileError;
use crate::api::{ConnectionRef, TenantResellerUpgrade};
use crate::bss::bindings::Bindings;
use crate::bss::cancellation::Cancellation;
use crate::cluster::Reconciles;
use crate::cluster::port::{Cluster, ClusterError};
use crate::observe::metrics::Metrics;
use crate::upgrade::{
    Now, Pace, Suspension, ValidUpgrade, another_operator, held_connection, suspension,
};

/// Time and randomness: everything in which two machines differ.
pub trait Time: Send + Sync {
    /// The present moment.
    fn now(&self) -> Now;

    /// A number that no other process draws. It becomes part of names that must differ between
    /// processes.
    fn random(&self) -> u64;
}

/// The three ports of the controller.
pub struct Ports<C, K, T> {
    /// The cluster.
    pub cluster: Arc<C>,
    /// Makes the adapter that reaches a BSS.
    pub connector: K,
    /// Time and randomness.
    pub time: T,
}

/// What the controller shares with the rest of its process.
pub struct Process {
    /// When this is cancelled, running calls are awaited and no effect is begun.
    pub stop: CancellationToken,
    /// Where reconciles and effects are counted.
    pub metrics: Metrics,
    /// The reconciles that run: those that wait for a permit say so.
    pub reconciles: Reconciles,
    /// Asks for a reconcile of an upgrade for which a slot became free.
    pub wake: Wake,
}

/// How much a reconcile does, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// How often to look while there is nothing to do.
    pub pace: Pace,
    /// How long one reconcile may begin effects.
    pub slice: Duration,
    /// About how many upgrades this process works on at a time; the others queue, and namespaces and
    /// connections are served in turn.
    pub at_once: usize,
}

/// What all reconciles of a process share.
pub(super) struct Context<C, T> {
    pub(super) cluster: Arc<C>,
    pub(super) time: T,
    pub(super) pacing: Pacing,
    pub(super) admission: Admission,
    pub(super) backoff: ApiBackoff,
    pub(super) stop: CancellationToken,
    pub(super) metrics: Metrics,
    pub(super) reconciles: Reconciles,
    /// The identities that not every connection may declare.
    pub(super) bindings: Bindings,
}

/// One upgrade in work: its spec is valid and everything that it refers to was found.
pub(super) struct Scope<'a, B> {
    /// The object as it was read or written last.
    pub(super) upgrade: TenantResellerUpgrade,
    pub(super) entry: &'a mut CacheEntry<B>,
    pub(super) valid: &'a ValidUpgrade,
    pub(super) fetched: &'a Fetched<B>,
    /// When this reconcile began to work.
    pub(super) began: Duration,
    /// Its place among those that work.
    pub(super) turn: &'a Turn<'a>,
    /// The term of leadership in which it began.
    pub(super) term: u64,
}

impl<B> Scope<'_, B> {
    pub(super) fn premises(&self) -> Premises {
        Premises {
            term: self.term,
            suspension: self.valid.suspended,
        }
    }
}

/// What a reconcile began under. It begins no further effect once that is otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Premises {
    /// The term of leadership.
    pub(super) term: u64,
    /// Whether all work rests, by a word on the upgrade or on a connection that it names.
    pub(super) suspension: Suspension,
}

/// Why a reconcile begins no further effect although there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Its time slice is over.
    SliceOver,
    /// What it was asked to do is not wanted any more, or not of this process.
    NotWanted,
}

impl<C: Cluster, T: Time> Context<C, T> {
    /// Whether the upgrade is gone, as far as the watch knows.
    pub(super) fn is_gone(&self, upgrade: &TenantResellerUpgrade) -> bool {
        let object::Key { namespace, name } = object::key(upgrade);
        self.cluster.latest(namespace, name).is_none()
    }

    /// The upgrade as the watch saw it last. A reconcile that waited for a permit reads it before it
    /// acts.
    pub(super) fn reread(
        &self,
        seen: &TenantResellerUpgrade,
    ) -> Result<TenantResellerUpgrade, ReconcileError> {
        let object::Key { namespace, name } = object::key(seen);
        let latest = self.cluster.latest(namespace, name);
        let latest = latest.ok_or(ReconcileError::Cluster(ClusterError::Gone))?;
        // Of a finished upgrade there is not all that a reconcile works with, and nothing is left to do.
        if object::is_being_deleted(&latest)
            || object::has_succeeded(&latest)
            || latest.metadata.uid != seen.metadata.uid
        {
            return Err(ReconcileError::Stale);
        }
        Ok(Arc::unwrap_or_clone(latest))
    }

    /// Whether the reconcile must begin no further effect.
    pub(super) fn pause<B>(&self, scope: &Scope<'_, B>) -> Option<Pause> {
        if self.slice_is_over(scope.began, scope.turn) {
            Some(Pause::SliceOver)
        } else if self.is_wanted(&scope.upgrade, scope.premises()) {
            None
        } else {
            Some(Pause::NotWanted)
        }
    }

    pub(super) fn slice_is_over(&self, began: Duration, turn: &Turn<'_>) -> bool {
        self.time.now().monotonic.saturating_sub(began) >= turn.slice(self.pacing.slice)
    }

    /// Whether another effect of this upgrade may begin: this process leads, has led since the reconcile
    /// began, and is not stopping; and the upgrade is neither changed, suspended, deleted nor finished.
    pub(super) fn is_wanted(&self, upgrade: &TenantResellerUpgrade, premises: Premises) -> bool {
        is_wanted(&*self.cluster, &self.stop, upgrade, premises)
    }

    /// The same, as an error.
    pub(super) fn must_be_wanted(
        &self,
        upgrade: &TenantResellerUpgrade,
        premises: Premises,
    ) -> Result<(), ReconcileError> {
        if self.is_wanted(upgrade, premises) {
            Ok(())
        } else {
            Err(ReconcileError::Stale)
        }
    }

    /// The same question, asked by every call to the BSS when it leaves the limiter's queue. The time
    /// slice is left out of it: a call that waited longer than a slice would never be sent.
    pub(super) fn cancellation(
        &self,
        upgrade: &TenantResellerUpgrade,
        premises: Premises,
    ) -> Cancellation {
        let (cluster, stop) = (Arc::clone(&self.cluster), self.stop.clone());
        let upgrade = object::without_status(upgrade);
        let caller = caller(object::uid(&upgrade));
        Cancellation::unless(move || is_wanted(&*cluster, &stop, &upgrade, premises)).of(caller)
    }
}

/// Tells one upgrade's calls from another's.
fn caller(uid: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    hasher.finish()
}

fn is_wanted<C: Cluster>(
    cluster: &C,
    stop: &CancellationToken,
    upgrade: &TenantResellerUpgrade,
    premises: Premises,
) -> bool {
    let leads = cluster.leads() && cluster.term() == premises.term;
    if stop.is_cancelled() || !leads {
        return false;
    }
    let object::Key { namespace, name } = object::key(upgrade);
    cluster.latest(namespace, name).is_some_and(|latest| {
        latest.metadata.uid == upgrade.metadata.uid
            && latest.metadata.deletion_timestamp.is_none()
            && latest.metadata.generation == upgrade.metadata.generation
            && suspension_now(cluster, &latest) == premises.suspension
            && another_operator(&latest, cluster.installation()).is_none()
            // Another leader may have finished the upgrade while a call of this process waited.
            && !object::has_succeeded(&latest)
    })
}

/// Whether all work on an upgrade rests, as far as the watches know: by a word on itself, or on a connection that
/// it names.
fn suspension_now<C: Cluster>(cluster: &C, upgrade: &TenantResellerUpgrade) -> Suspension {
    let namespace = object::key(upgrade).namespace;
    let is_held = |reference: &ConnectionRef| {
        // One that cannot be read, or is gone, may be held: nothing is begun on it.
        let connection = cluster.connection(namespace, &reference.name);
        connection.is_none_or(|connection| held_connection(&connection).is_some())
    };
    let mut connections =
        std::iter::once(&upgrade.spec.connection_ref).chain(&upgrade.spec.tenant_connection_ref);
    if connections.any(is_held) {
        Suspension::Suspended
    } else {
        suspension(upgrade)
    }
}
