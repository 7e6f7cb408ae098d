//! What a reconcile puts on record: before an effect its intent, after it the outcome. Touches the
//! cluster (the finalizer, which it also removes, the claim and, before what cannot be undone, status); it does
//! not call the BSS.
//!
//! `perform` accepts only what was prepared here, and what must not be repeated blindly is prepared
//! only from the claim as the API server returned it.

use std::collections::BTreeMap;

use super::admission::needs_slot;
use super::cache::{CacheEntry, Called, ToldIdentity};
use super::connections::{Asked, Question};
use super::context::{Context, Scope, Time};
use super::reconcile::ReconcileError;
use super::{claim, object, publish};
use crate::api::{Reason, ResellerClaim, TenantResellerUpgrade};
use crate::bss::error::BssError;
use crate::bss::port::{AcquisitionId, Operation, PricingOptions, SourceId};
use crate::cluster::port::{Cluster, ClusterError, ClusterResult, Finalizer};
use crate::observe::metrics::Metrics;
use crate::upgrade::{
    Activate, Attempted, CreateTenant, Effect, Now, Outcome, Read, ReadyState, Strategy,
    Suspension, SweepCall, observe_all, observe_one_of_many, suspension,
};

/// An effect whose intent is on record, or that needs none. `perform` accepts nothing else of what
/// must not be repeated blindly.
#[derive(Debug)]
pub(super) struct Recorded<T>(T);

impl<T> Recorded<T> {
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

/// A creation is recorded if the claim, as the API server returned it, carries its intent.
pub(super) fn creation(
    effect: CreateTenant,
    claim: &ResellerClaim,
) -> Option<Recorded<CreateTenant>> {
    effect.is_recorded(&claim.spec).then_some(Recorded(effect))
}

/// Calls of a sweep are recorded if the claim, as the API server returned it, carries what they need.
/// Reads need nothing.
pub(super) fn recorded_calls(
    calls: Vec<SweepCall>,
    strategy: Option<&Strategy>,
    claim: Option<&ResellerClaim>,
) -> Option<Recorded<Vec<SweepCall>>> {
    let recorded = |call: &SweepCall| {
        let by = strategy.zip(claim);
        !call.writes()
            || by.is_some_and(|(strategy, claim)| call.is_recorded(strategy, &claim.spec))
    };
    calls.iter().all(recorded).then_some(Recorded(calls))
}

/// An activation is recorded if the claim carries its intent, and if the upgrade, read live a moment
/// ago, is still what was decided on: the watch may not have seen a suspension yet.
pub(super) fn activation(
    effect: Activate,
    claim: &ResellerClaim,
    decided_on: &TenantResellerUpgrade,
    live: Option<&TenantResellerUpgrade>,
) -> Option<Recorded<Activate>> {
    let live = live?;
    let same = live.metadata.uid == decided_on.metadata.uid
        && live.metadata.generation == decided_on.metadata.generation
        && live.metadata.deletion_timestamp.is_none()
        && suspension(live) == Suspension::Running;
    (same && effect.is_recorded(&claim.spec)).then_some(Recorded(effect))
}

/// An effect that may be performed.
pub(super) enum Prepared {
    Read(Read),
    Acquire {
        /// The attempt, which is on record.
        id: AcquisitionId,
        take_over: Option<String>,
    },
    SetPricing(Vec<BTreeMap<SourceId, PricingOptions>>),
    CreateTenant(Recorded<CreateTenant>),
    Activate(Recorded<Activate>),
}

/// What an effect has come to before the BSS is called.
pub(super) enum Intent {
    /// Its intent is on record: it may be performed.
    Prepared(Prepared),
    /// Calls of a sweep, which have what they need on record: they may be made.
    Calls(Recorded<Vec<SweepCall>>),
    /// The BSS need not be called.
    Answered(Vec<Outcome>),
}

/// Shows the state before an effect where what status shows would mislead people: a new spec is shown
/// to be observed before the first call, which may take its time; and the request to do something by
/// hand is taken back before the operator sends something else.
pub(super) async fn state_before<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    effect: &Effect,
    state: &ReadyState,
) -> ClusterResult<()> {
    if is_outdated(&scope.upgrade, effect, state) || !object::is_observed(&scope.upgrade) {
        publish::status(context, scope, state, None).await?;
    }
    Ok(())
}

/// Whether status asks a person to do by hand what is not asked for any more before this effect.
fn is_outdated(upgrade: &TenantResellerUpgrade, effect: &Effect, state: &ReadyState) -> bool {
    let asked = object::ready_reason(upgrade) == Some(Reason::AwaitingManualStep);
    asked && state.reason != Reason::AwaitingManualStep && needs_slot(effect)
}

/// Puts the intent of an effect on record.
pub(super) async fn intent<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    effect: Effect,
    state: &ReadyState,
) -> Result<Intent, ReconcileError> {
    match effect {
        Effect::Claim(edit) => {
            claim::edit(context, scope, &edit).await?;
            Ok(Intent::Answered(Vec::new()))
        }
        Effect::Read(read) => {
            if let Some(told) = told_before(context, scope.entry, &read).await {
                return Ok(Intent::Answered(vec![told]));
            }
            scope.entry.called = Called::Yes;
            Ok(Intent::Prepared(Prepared::Read(read)))
        }
        Effect::Acquire { id, take_over } => {
            write_begins(&*context.cluster, scope).await?;
            Ok(Intent::Prepared(Prepared::Acquire { id, take_over }))
        }
        Effect::Sweep(calls) => {
            if calls.iter().any(SweepCall::writes) {
                write_begins(&*context.cluster, scope).await?;
            }
            scope.entry.called = Called::Yes;
            prepared_calls(scope, calls)
        }
        Effect::SetPricing(batches) => {
            write_begins(&*context.cluster, scope).await?;
            if !scope.entry.known.may_write() {
                let what = "pricing options without an epoch";
                return Ok(impossible(what, Attempted::Write));
            }
            Ok(Intent::Prepared(Prepared::SetPricing(batches)))
        }
        Effect::CreateTenant(create) => {
            write_begins(&*context.cluster, scope).await?;
            prepared_creation(context, scope, create, state).await
        }
        Effect::Activate(activate) => {
            write_begins(&*context.cluster, scope).await?;
            prepared_activation(context, scope, activate, state).await
        }
    }
}

/// What the BSS told another upgrade of the connection a moment ago. Otherwise this one asks, and others that
/// have the same question wait for its answer.
async fn told_before<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    entry: &mut CacheEntry<B>,
    read: &Read,
) -> Option<Outcome> {
    let question = Question::of(read)?;
    let used = entry.used.as_ref()?;
    match used.ask(question, context.time.now().monotonic).await {
        Asked::Told(told) => Some(*told),
        Asked::NotYet(asking) => {
            entry.asking = Some(asking);
            None
        }
    }
}

/// From now on a deletion waits until the reconcile has ended.
async fn write_begins<C: Cluster, B>(cluster: &C, scope: &mut Scope<'_, B>) -> ClusterResult<()> {
    scope.entry.called = Called::Yes;
    finalizer(cluster, &mut scope.upgrade, Finalizer::Present).await
}

fn prepared_calls<B>(
    scope: &Scope<'_, B>,
    calls: Vec<SweepCall>,
) -> Result<Intent, ReconcileError> {
    let known = &scope.entry.known;
    let writes = calls.iter().any(SweepCall::writes);
    if writes && !known.may_write() {
        return Ok(impossible("copies without an epoch", Attempted::Write));
    }
    if calls.is_empty() {
        return Ok(impossible("a sweep without a call", Attempted::Read));
    }
    let strategy = known.bss.strategy.as_ref();
    let recorded = recorded_calls(calls, strategy, scope.entry.claim.as_ref());
    let recorded = recorded.ok_or(ReconcileError::Stale)?;
    Ok(Intent::Calls(recorded))
}

/// The same for calls that follow while others are under way: none, if something in the cluster comes
/// before them.
pub(super) fn more_calls<B>(
    scope: &Scope<'_, B>,
    effect: Effect,
    state: &ReadyState,
) -> Option<Recorded<Vec<SweepCall>>> {
    if is_outdated(&scope.upgrade, &effect, state) {
        return None;
    }
    let Effect::Sweep(calls) = effect else {
        return None;
    };
    let known = &scope.entry.known;
    let writes = calls.iter().any(SweepCall::writes);
    if writes && !(known.may_write() && object::has_finalizer(&scope.upgrade)) {
        return None;
    }
    recorded_calls(
        calls,
        known.bss.strategy.as_ref(),
        scope.entry.claim.as_ref(),
    )
}

async fn prepared_creation<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    effect: CreateTenant,
    state: &ReadyState,
) -> Result<Intent, ReconcileError> {
    if !scope.entry.known.may_write() {
        return Ok(impossible(
            "a tenant without an epoch",
            Attempted::CreateTenant,
        ));
    }
    // The intent, and with it the frozen settings, stand in status before the call.
    publish::status(context, scope, state, None).await?;
    status_stands(scope.entry)?;
    let recorded = creation(effect, held(scope)?).ok_or(ReconcileError::Stale)?;
    claim::must_be_current(&*context.cluster, scope.entry).await?;
    context.must_be_wanted(&scope.upgrade, scope.premises())?;
    Ok(Intent::Prepared(Prepared::CreateTenant(recorded)))
}

async fn prepared_activation<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    effect: Activate,
    state: &ReadyState,
) -> Result<Intent, ReconcileError> {
    if !scope.entry.known.may_write() {
        return Ok(impossible("a switch without an epoch", Attempted::Activate));
    }
    publish::status(context, scope, state, None).await?;
    status_stands(scope.entry)?;
    let claim = held(scope)?;
    let object::Key { namespace, name } = object::key(&scope.upgrade);
    let live = context.cluster.upgrade(namespace, name).await?;
    let recorded = activation(effect, claim, &scope.upgrade, live.as_ref());
    let recorded = recorded.ok_or(ReconcileError::Stale)?;
    claim::must_be_current(&*context.cluster, scope.entry).await?;
    context.must_be_wanted(&scope.upgrade, scope.premises())?;
    if scope
        .entry
        .known
        .activation
        .sweep_is_old(context.time.now().monotonic)
    {
        return Err(ReconcileError::Stale);
    }
    Ok(Intent::Prepared(Prepared::Activate(recorded)))
}

/// Nothing irreversible is done while the API server refuses the status that tells of it.
fn status_stands<B>(entry: &CacheEntry<B>) -> ClusterResult<()> {
    match entry.refusals.of_the_status() {
        None => Ok(()),
        Some(said) => Err(ClusterError::Invalid(said.to_owned())),
    }
}

/// The claim that this upgrade holds.
fn held<'a, B>(scope: &'a Scope<'_, B>) -> Result<&'a ResellerClaim, ReconcileError> {
    scope.entry.claim.as_ref().ok_or(ReconcileError::Stale)
}

/// An effect that `decide` never asks for. It is logged and waited over: an empty answer would make
/// `decide` ask for it again at once.
fn impossible(what: &str, attempted: Attempted) -> Intent {
    tracing::error!(
        what,
        "an effect was decided on that is not possible; it was not sent"
    );
    let error = BssError::Unavailable {
        detail: format!("the operator decided on {what}, which it does not send"),
    };
    Intent::Answered(vec![Outcome::Failed { attempted, error }])
}

/// Adds the finalizer, or removes it, if that is not so already.
pub(super) async fn finalizer<C: Cluster>(
    cluster: &C,
    upgrade: &mut TenantResellerUpgrade,
    wanted: Finalizer,
) -> ClusterResult<()> {
    if object::has_finalizer(upgrade) != (wanted == Finalizer::Present) {
        *upgrade = cluster.set_finalizer(upgrade, wanted).await?;
    }
    Ok(())
}

/// Takes the outcomes of an effect into what is known, and counts the sweeps that ended with them. Touches
/// nothing else.
pub(super) fn outcomes<B>(
    scope: &mut Scope<'_, B>,
    outcomes: Vec<Outcome>,
    now: Now,
    metrics: &Metrics,
) {
    let entry = &mut *scope.entry;
    if let [Outcome::Identity(told)] = outcomes.as_slice() {
        entry.told_identity = ToldIdentity::Told(told.clone());
    }
    if let Some(used) = &entry.used {
        // Those that wait for the answer go on when the question is dropped.
        if let (Some(_asked), [outcome]) = (entry.asking.take(), outcomes.as_slice()) {
            used.learn(outcome, now.monotonic);
        }
        if outcomes.iter().any(credentials_rejected) {
            // The Secret is read again before the next call, however fresh it was.
            used.refused();
        }
    }
    entry.known.sweeps.ended.listen();
    observe_all(scope.valid, &mut entry.known, outcomes, now);
    for sweep in entry.known.sweeps.ended.take() {
        metrics.sweep(sweep.mode, sweep.took);
        for (kind, state, count) in sweep.items {
            metrics.sweep_items(sweep.mode, (kind.as_str(), state), count);
        }
    }
}

/// Takes the answer of one call into what is known, while others are under way.
pub(super) fn one_of_many<B>(scope: &mut Scope<'_, B>, answer: Outcome, now: Now) {
    observe_one_of_many(scope.valid, &mut scope.entry.known, answer, now);
}

fn credentials_rejected(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed { error, .. } | Outcome::CopyOutcomeUnknown { error, .. }
            if matches!(
                error,
                BssError::AuthRejected
                    | BssError::ClientRejected { .. }
                    | BssError::Forbidden { .. }
                    // A certificate, for example, which the Secret with the authorities may trust
                    // meanwhile.
                    | BssError::Refused { .. }
            )
    )
}

/// The operation of the BSS by which an effect writes, if it writes there.
pub(super) fn written(effect: &Effect) -> Option<Operation> {
    match effect {
        Effect::Acquire { .. } => Some(Operation::AcquireEpoch),
        Effect::CreateTenant(_) => Some(Operation::CreateTenant),
        Effect::SetPricing(_) => Some(Operation::SetPricing),
        Effect::Activate(_) => Some(Operation::ActivateBackOrdering),
        // The pipeline counts each copy.
        Effect::Sweep(_) | Effect::Read(_) | Effect::Claim(_) => None,
    }
}

/// Counts the outcomes of a write to the BSS; reads are counted by the limiter.
pub(super) fn count(operation: Option<Operation>, outcomes: &[Outcome], metrics: &Metrics) {
    let Some(operation) = operation else { return };
    for outcome in outcomes {
        let read = matches!(
            outcome,
            Outcome::Failed {
                attempted: Attempted::Read,
                ..
            }
        );
        if !read {
            count_one(operation.as_str(), outcome, metrics);
        }
    }
}

fn count_one(operation: &'static str, outcome: &Outcome, metrics: &Metrics) {
    match outcome {
        Outcome::Copied(items) => {
            for item in items.values() {
                metrics.effect_items(operation, item.word(), 1);
            }
        }
        Outcome::PricingSet(items) => {
            let items = u64::try_from(items.len()).unwrap_or(u64::MAX);
            metrics.effect_items(operation, "answered", items);
        }
        Outcome::TenantRequested(_) | Outcome::Activation(_) | Outcome::Acquired(_) => {
            metrics.effect(operation, "ok");
        }
        Outcome::CopyOutcomeUnknown { error, .. } | Outcome::Failed { error, .. } => {
            metrics.effect(operation, error.class());
        }
        Outcome::Identity(_)
        | Outcome::Capabilities(_)
        | Outcome::Reseller(_)
        | Outcome::Tenant(_)
        | Outcome::Operation(_)
        | Outcome::OpenOrders(_)
        | Outcome::Page { .. }
        | Outcome::Priced(_)
        | Outcome::Checked(_)
        | Outcome::Found { .. }
        | Outcome::PreflightPage(_)
        | Outcome::PreflightChecks(_)
        | Outcome::Watched(_)
        | Outcome::Claim(_) => {}
    }
}
