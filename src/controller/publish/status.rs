//! The upgrade's own status, and one event for each transition of it. Touches the cluster.
//!
//! Transitions are written at once, counts at most every fifteen seconds, and what is there already is
//! not written: every write of status wakes the controller. [`status_of`] is the only function that
//! writes it.

use std::borrow::Cow;
use std::time::Duration;

use crate::api::{
    Change, ConditionList as _, ConditionStatus, ConditionType, Reason, StateClass,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, only,
};
use crate::cluster::port::{Cluster, ClusterError, ClusterResult, Event, EventKind};
use crate::controller::cache::CacheEntry;
use crate::controller::context::{Context, Scope, Time};
use crate::controller::object;
use crate::controller::publish::refusals::{OWN_CONDITIONS, OWN_STATUS, Refusals};
use crate::upgrade::{Draft, Now, ReadyState, compose};

/// Counts in status are written at most this often.
const COUNTS_EVERY: Duration = Duration::from_secs(15);

/// What is shown of an upgrade besides what was observed.
#[derive(Clone, Copy)]
pub(in crate::controller) struct Shown<'a> {
    pub(in crate::controller) state: &'a ReadyState,
    /// When the operator looks again, if it does so by itself.
    pub(in crate::controller) next_attempt: Option<Duration>,
    /// The BSS, if the spec is valid.
    pub(in crate::controller) identity: Option<&'a str>,
}

/// Shows the state of an upgrade in work. Answers as [`status_of`] does.
pub(in crate::controller) async fn status<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    state: &ReadyState,
    next_attempt: Option<Duration>,
) -> ClusterResult<Option<Duration>> {
    let shown = Shown {
        state,
        next_attempt,
        identity: Some(&scope.valid.identity),
    };
    status_of(context, &mut scope.upgrade, scope.entry, shown).await
}

/// Writes status if it changed, and publishes the events of the change. If nothing but counts changed
/// and those were written a moment ago, they are held back; the answer is then how long.
pub(in crate::controller) async fn status_of<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    upgrade: &mut TenantResellerUpgrade,
    entry: &mut CacheEntry<B>,
    shown: Shown<'_>,
) -> ClusterResult<Option<Duration>> {
    let now = context.time.now();
    let mut before = upgrade.status.clone().unwrap_or_default();
    only(
        &mut before.conditions,
        &ConditionType::ALL.map(ConditionType::as_str),
    );
    tell_refusals(context, upgrade, entry).await;
    let composing = Composing {
        before: &before,
        shown,
        now,
        operator: context.cluster.installation(),
    };
    let status = composing.status(upgrade, entry);
    // What was refused a moment ago is not sent again.
    if status == before || entry.refusals.refuses(&status, now.monotonic) {
        return Ok(None);
    }
    if differ_in_counts_alone(&before, &status) {
        let since = entry
            .counts_written
            .map(|then| now.monotonic.saturating_sub(then));
        if let Some(left) = since.and_then(|since| COUNTS_EVERY.checked_sub(since))
            && !left.is_zero()
        {
            return Ok(Some(left));
        }
    }
    match context.cluster.apply_status(upgrade, &status).await {
        Err(refused @ ClusterError::Invalid(_)) => {
            entry.refusals.take::<()>(OWN_STATUS, Err(refused))?;
            tell_refusals(context, upgrade, entry).await;
            write_conditions(context, upgrade, entry, composing).await?;
        }
        answer => {
            *upgrade = answer?;
            entry.refusals.take(OWN_STATUS, Ok(()))?;
        }
    }
    context.backoff.written(object::uid(upgrade));
    entry.counts_written = Some(now.monotonic);
    for event in events(&before, &status) {
        tracing::info!(reason = event.reason.as_str(), "{}", event.note);
        context.cluster.publish(upgrade, event).await;
    }
    Ok(None)
}

/// What a status is composed from, besides what is known.
#[derive(Clone, Copy)]
struct Composing<'a> {
    before: &'a TenantResellerUpgradeStatus,
    shown: Shown<'a>,
    now: Now,
    /// The uid of the operator's own namespace.
    operator: &'a str,
}

impl Composing<'_> {
    fn status<B>(
        self,
        upgrade: &TenantResellerUpgrade,
        entry: &CacheEntry<B>,
    ) -> TenantResellerUpgradeStatus {
        let state = with_refusals(self.shown.state, &entry.refusals);
        let handled = object::requested_at(upgrade);
        let draft = Draft {
            generation: upgrade.metadata.generation.unwrap_or_default(),
            known: Some(&entry.known),
            claim: entry.known.fencing.claim.as_ref(),
            state: &state,
            next_attempt: self.shown.next_attempt,
            handled: handled.as_deref(),
            identity: self.shown.identity,
        };
        let mut status = compose(self.before, draft, self.now);
        status.operator = Some(self.operator.to_owned());
        status
    }
}

/// The API server refuses the status: as much of it is written as says so, which is what was there before
/// with the conditions of now.
async fn write_conditions<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    upgrade: &mut TenantResellerUpgrade,
    entry: &mut CacheEntry<B>,
    composing: Composing<'_>,
) -> ClusterResult<()> {
    let status = composing.status(upgrade, entry);
    entry
        .refusals
        .status_refused(&status, composing.now.monotonic);
    let conditions = TenantResellerUpgradeStatus {
        observed_generation: status.observed_generation,
        conditions: status.conditions,
        ..composing.before.clone()
    };
    let answer = context.cluster.apply_status(upgrade, &conditions).await;
    if let Some(written) = entry.refusals.take(OWN_CONDITIONS, answer)? {
        *upgrade = written;
    }
    Ok(())
}

/// Tells each refusal once: in the log, in the metrics, and as an event about the upgrade.
pub(in crate::controller) async fn tell_refusals<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    upgrade: &TenantResellerUpgrade,
    entry: &mut CacheEntry<B>,
) {
    for refusal in entry.refusals.news() {
        tracing::error!("{}", refusal.note);
        context.metrics.cluster_error(refusal.class);
        let event = Event {
            kind: EventKind::Warning,
            reason: Reason::WriteRefused,
            note: refusal.note,
        };
        context.cluster.publish(upgrade, event).await;
    }
}

/// What people read, with what the API server refuses beside it.
fn with_refusals<'a>(state: &'a ReadyState, refusals: &Refusals) -> Cow<'a, ReadyState> {
    match refusals.standing() {
        None => Cow::Borrowed(state),
        Some(refused) => Cow::Owned(ReadyState {
            message: format!("{} {refused}", state.message),
            ..state.clone()
        }),
    }
}

/// The events of a change of status: one for each milestone that was reached, and one for a new reason
/// of `Ready`.
fn events(before: &TenantResellerUpgradeStatus, after: &TenantResellerUpgradeStatus) -> Vec<Event> {
    let (before, after) = (&before.conditions, &after.conditions);
    let mut events = Vec::new();
    for milestone in ConditionType::MILESTONES {
        if let Some(reached) = after.condition(milestone)
            && reached.status == ConditionStatus::True
            && reached.change_since(before.condition(milestone)) == Change::Transitioned
        {
            events.push(Event {
                kind: EventKind::Normal,
                reason: Reason::Completed,
                note: format!("{}: {}", milestone.as_str(), reached.message),
            });
        }
    }
    let reason_before = before
        .condition(ConditionType::Ready)
        .map(|ready| ready.reason.as_str());
    if let Some(ready) = after.condition(ConditionType::Ready)
        && reason_before != Some(ready.reason.as_str())
        && let Some(reason) = Reason::ALL.into_iter().find(|r| r.as_str() == ready.reason)
    {
        let kind = match reason.class() {
            Some(StateClass::MustFix | StateClass::DoneWithDifferences) => EventKind::Warning,
            _ => EventKind::Normal,
        };
        events.push(Event {
            kind,
            reason,
            note: ready.message.clone(),
        });
    }
    events
}

/// Whether two statuses differ in nothing but counts and what is made of them.
fn differ_in_counts_alone(
    before: &TenantResellerUpgradeStatus,
    after: &TenantResellerUpgradeStatus,
) -> bool {
    let without_counts = |status: &TenantResellerUpgradeStatus| {
        let mut status = status.clone();
        status.progress = None;
        status.failures.clear();
        status.inventory = None;
        if let Some(waiting) = &mut status.waiting_for {
            waiting.next_action.clear();
            waiting.next_attempt_time = None;
        }
        status
    };
    without_counts(before) == without_counts(after)
}
