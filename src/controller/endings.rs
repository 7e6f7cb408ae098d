//! How a reconcile ends, one function for each way: left to another operator, deleted, finished, unworkable, queued for a slot,
//! waiting, interrupted, failed. An ending publishes what people read and says when to reconcile again.
//!
//! Endings touch the cluster and never the BSS. They decide nothing: the state comes from `decide`, or
//! from the step that could not go on.

use std::time::Duration;

use super::admission::gives_slot_back;
use super::api_backoff::LogAs;
use super::cache::{Cache, CacheEntry, Called};
use super::context::{Context, Pause, Scope, Time};
use super::dereference::NoAccess;
use super::object;
use super::publish::{self, ConnectionFacts, Reported, Resync, Shown, Side, TenantLogin};
use super::reconcile::ReconcileError;
use super::record::finalizer;
use crate::api::{Reason, StateClass, TAKE_OVER_ANNOTATION, TenantResellerUpgrade};
use crate::cluster::Requeue;
use crate::cluster::port::{Cluster, ClusterError, ClusterResult, Event, EventKind, Finalizer};
use crate::upgrade::{
    Decision, Next, ReadyState, SuspendedBy, Suspension, at_rest, not_understood, success,
    suspension,
};

/// A Secret that a connection may not be used with is read again after this long at most.
const SECRET_RECHECK: Duration = Duration::from_secs(60);
/// The finalizer is removed before waits that are longer.
const SHORT_WAIT: Duration = Duration::from_secs(10);

/// Another operator of this cluster works on the upgrade: this one writes nothing to it, and tells so.
pub(super) async fn stands_back<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    cache: &Cache<B>,
    seen: &TenantResellerUpgrade,
    other: &str,
) -> Requeue {
    forget(context, cache, object::uid(seen));
    let object::Key { namespace, name } = object::key(seen);
    if context.backoff.may_warn(context.time.now().monotonic) {
        tracing::warn!(
            other,
            "another operator of this cluster works here; this one stands back"
        );
    }
    let event = Event {
        kind: EventKind::Warning,
        reason: Reason::AnotherOperator,
        note: format!(
            "Another operator of this cluster, whose own namespace has the uid {other}, works on this \
             upgrade; this one stands back. Uninstall one of the two. If the other one is gone for good: \
             kubectl annotate tru {name} -n {namespace} --overwrite \
             {TAKE_OVER_ANNOTATION}={other}.{namespace}"
        ),
    };
    context.cluster.publish(seen, event).await;
    Requeue::After(context.pacing.pace.recheck)
}

/// A deletion leaves the BSS as it is: nothing is undone, nothing is created, no credentials are
/// needed. Reconciles of one upgrade never overlap, so no call is under way here.
pub(super) async fn deleted<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    cache: &Cache<B>,
    seen: &TenantResellerUpgrade,
) -> Result<Requeue, ReconcileError> {
    if object::has_finalizer(seen) {
        let state = ReadyState {
            reason: Reason::Deleting,
            message: "Being deleted; what was done in the BSS stays as it is.".to_owned(),
            next_action: String::new(),
        };
        let mut upgrade = seen.clone();
        show_last(context, cache, &mut upgrade, &state).await?;
        finalizer(&*context.cluster, &mut upgrade, Finalizer::Absent).await?;
    }
    forget(context, cache, object::uid(seen));
    Ok(Requeue::Await)
}

/// A finished upgrade stays finished, whatever happens to its spec or its connection.
pub(super) async fn finished<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    cache: &Cache<B>,
    seen: &TenantResellerUpgrade,
) -> Result<Requeue, ReconcileError> {
    let mut upgrade = seen.clone();
    if !object::is_observed(seen) {
        let ready = object::ready(seen);
        let state = ReadyState {
            reason: Reason::Succeeded,
            message: ready.map_or_else(|| success(None).to_owned(), |ready| ready.message.clone()),
            next_action: String::new(),
        };
        show_last(context, cache, &mut upgrade, &state).await?;
    }
    finalizer(&*context.cluster, &mut upgrade, Finalizer::Absent).await?;
    forget(context, cache, object::uid(seen));
    Ok(Requeue::Await)
}

/// Says in the status of a connection why it cannot be used.
pub(super) async fn tell_connection<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    upgrade: &TenantResellerUpgrade,
    entry: &mut CacheEntry<B>,
    fault: &NoAccess,
) -> Result<(), ReconcileError> {
    let cluster = &*context.cluster;
    let namespace = object::key(upgrade).namespace;
    let name = &fault.connection;
    let side = if *name == upgrade.spec.connection_ref.name {
        Side::Distributor
    } else {
        Side::Tenant(TenantLogin::NotShown)
    };
    if let Some(connection) = cluster.connection(namespace, name) {
        let known = ConnectionFacts {
            connection: &connection,
            side,
            entry,
            unusable: Some(&fault.state),
        };
        publish::connection(cluster, known, context.time.now()).await?;
    }
    Ok(())
}

/// The upgrade cannot be worked on: its spec, or something that it refers to, is not in order.
pub(super) async fn unworkable<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    mut upgrade: TenantResellerUpgrade,
    entry: &mut CacheEntry<B>,
    state: ReadyState,
) -> Result<Requeue, ReconcileError> {
    let cluster = &*context.cluster;
    // The credentials are given up. The seats are not: this BSS stays the first of its identity.
    entry.lets_go();
    context.admission.release(object::uid(&upgrade));
    let pace = context.pacing.pace;
    let wait = match state.reason.class() {
        Some(StateClass::WaitsByItself) => pace.poll.max(SHORT_WAIT),
        // What is wrong may be what stands in a Secret, and Secrets are not watched.
        _ if state.reason == Reason::ConnectionForbidden => pace.recheck.min(SECRET_RECHECK),
        _ => pace.recheck,
    };
    let state = match suspension(&upgrade) {
        Suspension::Suspended => at_rest(SuspendedBy {
            not_understood: not_understood(&upgrade).as_deref(),
            connection: None,
        }),
        Suspension::Running => state,
    };
    let shown = Shown {
        state: &state,
        next_attempt: Some(wait),
        identity: None,
    };
    publish::status_of(context, &mut upgrade, entry, shown).await?;
    finalizer(cluster, &mut upgrade, Finalizer::Absent).await?;
    Ok(Requeue::After(wait))
}

/// All slots of the BSS are in use. The upgrade is woken when one is reserved for it; it is reconciled
/// after a long wait all the same, in case something changed that wakes no upgrade.
pub(super) async fn queued<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
) -> Result<Requeue, ReconcileError> {
    let state = ReadyState {
        reason: Reason::AwaitingTurn,
        message: "As many upgrades as the connection allows are at work on this BSS.".to_owned(),
        next_action: "Nothing: it goes on by itself, first come, first served. \
                      spec.limits.activeUpgrades of the connection says how many may be at work."
            .to_owned(),
    };
    publish::status(context, scope, &state, None).await?;
    finalizer(&*context.cluster, &mut scope.upgrade, Finalizer::Absent).await?;
    Ok(Requeue::After(context.pacing.pace.recheck))
}

/// There is nothing to do for now: everything that people read is written, and before a long wait the
/// finalizer is removed.
pub(super) async fn waiting<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    decision: &Decision,
) -> Result<Requeue, ReconcileError> {
    // Status names the time at which everything is looked at again, not that of the next cheap look.
    let (requeue, wait) = match decision.next {
        Next::AfterEffect => (Requeue::After(Duration::ZERO), Some(Duration::ZERO)),
        Next::After(wait) => (Requeue::After(wait), Some(wait)),
        Next::Watch { again, look } => (Requeue::After(again), Some(look)),
        Next::OnChange => (Requeue::Await, None),
    };
    publish_around(context, scope, requeue).await?;
    let held_back = publish::status(context, scope, &decision.state, wait).await?;
    if gives_slot_back(&decision.state, scope.entry, wait, context.pacing.pace) {
        context.admission.release(&scope.valid.uid);
    }
    if wait.is_none_or(|wait| wait > SHORT_WAIT) {
        finalizer(&*context.cluster, &mut scope.upgrade, Finalizer::Absent).await?;
    }
    Ok(match (requeue, held_back) {
        (Requeue::After(wait), Some(counts)) => Requeue::After(wait.min(counts)),
        (Requeue::Await, Some(counts)) => Requeue::After(counts),
        (requeue, None) => requeue,
    })
}

/// Publishes what stands beside the upgrade's own status.
async fn publish_around<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    requeue: Requeue,
) -> ClusterResult<()> {
    let cluster = &*context.cluster;
    let now = context.time.now();
    let resync = match requeue {
        // The operator does not look again by itself.
        Requeue::Await => Resync::Now,
        Requeue::After(_) => Resync::WhenDue,
    };
    publish::reports(cluster, Reported::of(scope), now, resync).await?;
    publish::pricing(cluster, scope, now).await?;
    // Only an upgrade that has just called the BSS writes the connection's status: otherwise two
    // upgrades would contradict each other.
    if scope.entry.called == Called::Yes {
        let known = ConnectionFacts {
            connection: &scope.fetched.connection,
            side: Side::Distributor,
            entry: scope.entry,
            unusable: None,
        };
        publish::connection(cluster, known, now).await?;
        if let Some(tenant) = &scope.fetched.tenant {
            let login = if tenant.has_accepted() {
                TenantLogin::Accepted
            } else {
                TenantLogin::NotShown
            };
            let known = ConnectionFacts {
                connection: &tenant.connection,
                side: Side::Tenant(login),
                entry: scope.entry,
                unusable: None,
            };
            publish::connection(cluster, known, now).await?;
        }
        scope.entry.called = Called::No;
    }
    Ok(())
}

/// There is an effect, but this reconcile must not begin it.
pub(super) async fn interrupted<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    state: &ReadyState,
    pause: Pause,
) -> Result<Requeue, ReconcileError> {
    publish::status(context, scope, state, None).await?;
    match pause {
        Pause::SliceOver => Ok(Requeue::After(Duration::ZERO)),
        Pause::NotWanted => Err(ReconcileError::Stale),
    }
}

/// The reconcile failed: the failure is counted and, as far as it is new, logged.
pub(super) fn failed<C: Cluster, T: Time>(
    context: &Context<C, T>,
    seen: &TenantResellerUpgrade,
    failure: &ReconcileError,
) -> Requeue {
    let uid = object::uid(seen);
    let error = match failure {
        ReconcileError::Stale => {
            return Requeue::After(context.backoff.failed(uid, failure).after);
        }
        // The object that is gone may also be the claim, when the cluster's state went back.
        ReconcileError::Cluster(ClusterError::Gone) if context.is_gone(seen) => {
            return Requeue::Await;
        }
        ReconcileError::Cluster(error) => error,
    };
    if let ClusterError::Forbidden(_) | ClusterError::Invalid(_) = error {
        // This may last, and it need not concern the other upgrades. An API server that is away is
        // away for all of them.
        context.admission.release_held(uid);
    }
    context.metrics.cluster_error(error.class());
    let retry = context.backoff.failed(uid, failure);
    let now = context.time.now().monotonic;
    match retry.log_as {
        LogAs::Error => tracing::error!(
            %error,
            "the API server refuses what the operator needs: nothing goes on with this upgrade \
             before a person mends it; it is tried again, and not told again"
        ),
        LogAs::Warning if context.backoff.may_warn(now) => tracing::warn!(
            %error,
            retry_in = ?retry.after,
            "the API server did not do its part; every upgrade tries again by itself"
        ),
        LogAs::Warning | LogAs::Debug => {
            tracing::debug!(%error, retry_in = ?retry.after, "the reconcile begins again");
        }
    }
    Requeue::After(retry.after)
}

/// Drops everything that this process keeps of an upgrade that is gone, finished, or left to
/// another operator.
pub(super) fn forget<C, T, B>(context: &Context<C, T>, cache: &Cache<B>, uid: &str) {
    context.backoff.forget(uid);
    cache.forget(uid);
    context.admission.forget(uid);
}

/// Shows a state that needs no references.
async fn show_last<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    cache: &Cache<B>,
    upgrade: &mut TenantResellerUpgrade,
    state: &ReadyState,
) -> ClusterResult<()> {
    let entry = cache.entry(object::uid(upgrade));
    let mut entry = entry.lock().await;
    let shown = Shown {
        state,
        next_attempt: None,
        identity: None,
    };
    // Whatever the API server refuses of a status, the finalizer is removed after it.
    let written = publish::status_of(context, upgrade, &mut entry, shown).await;
    entry.refusals.take(publish::OWN_STATUS, written)?;
    publish::tell_refusals(context, upgrade, &mut entry).await;
    Ok(())
}
