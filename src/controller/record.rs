//! What a reconcile puts on record: before an effect its intent, after it the outcome. Touches the
//! cluster (the finalizer, the claim and, before what cannot be undone, status); it does not call the
//! BSS.
//!
//! `perform` accepts only what was prepared here, and what must not be repeated blindly is prepared
//! only from the claim as the API server returned it.

use super::admission::needs_slot;
use super::cache::{CacheEntry, Called, ToldIdentity};
use super::context::{Context, Scope, Time};
use super::reconcile::ReconcileError;
use super::{claim, object, publish};
use crate::api::{Reason, ResellerClaim, TenantResellerUpgrade};
use crate::bss::error::BssError;
use crate::bss::port::{AcquisitionId, Operation};
use crate::cluster::port::{Cluster, ClusterError, ClusterResult, Finalizer};
use crate::observe::metrics::Metrics;
use crate::upgrade::{
    Activate, Attempted, CreateTenant, Effect, Now, Outcome, PagesRequest, Read, ReadyState,
    Strategy, Suspension, Sweep, Write, observe_all, suspension,
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

/// A write is recorded if the claim, as the API server returned it, carries what it needs.
pub(super) fn recorded_write(
    effect: Write,
    strategy: &Strategy,
    claim: &ResellerClaim,
) -> Option<Recorded<Write>> {
    effect
        .is_recorded(strategy, &claim.spec)
        .then_some(Recorded(effect))
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
    Write {
        write: Recorded<Write>,
        /// The pages that follow the last copies, if there are any.
        ahead: Option<PagesRequest>,
    },
    CreateTenant(Recorded<CreateTenant>),
    Activate(Recorded<Activate>),
}

/// What an effect has come to before the BSS is called.
pub(super) enum Intent {
    /// Its intent is on record: it may be performed.
    Prepared(Prepared),
    /// The BSS need not be called.
    Answered(Vec<Outcome>),
}

/// Shows the state before an effect where what status shows would mislead people: a new spec is shown
/// to be observed before the first call, which may take its time; and the request to do something by
/// hand is withdrawn before the operator sends something else.
pub(super) async fn state_before<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    effect: &Effect,
    state: &ReadyState,
) -> ClusterResult<()> {
    let asked = object::ready_reason(&scope.upgrade) == Some(Reason::AwaitingManualStep);
    let withdrawn = asked && state.reason != Reason::AwaitingManualStep && needs_slot(effect);
    if withdrawn || !object::is_observed(&scope.upgrade) {
        publish::status(context, scope, state, None).await?;
    }
    Ok(())
}

/// Puts the intent of an effect on record.
pub(super) async fn intent<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    effect: Effect,
    state: &ReadyState,
) -> Result<Intent, ReconcileError> {
    if let Some(pages) = scope.entry.take_read_ahead(&effect) {
        return Ok(Intent::Answered(vec![pages]));
    }
    match effect {
        Effect::Claim(edit) => {
            claim::edit(context, scope, &edit).await?;
            Ok(Intent::Answered(Vec::new()))
        }
        Effect::Read(read) => {
            scope.entry.called = Called::Yes;
            Ok(Intent::Prepared(Prepared::Read(read)))
        }
        Effect::Acquire { id, take_over } => {
            write_begins(&*context.cluster, scope).await?;
            Ok(Intent::Prepared(Prepared::Acquire { id, take_over }))
        }
        Effect::Write(write) => {
            write_begins(&*context.cluster, scope).await?;
            prepared_write(scope, write)
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

/// From now on a deletion waits until the reconcile has ended.
async fn write_begins<C: Cluster, B>(cluster: &C, scope: &mut Scope<'_, B>) -> ClusterResult<()> {
    scope.entry.called = Called::Yes;
    finalizer(cluster, &mut scope.upgrade, Finalizer::Present).await
}

fn prepared_write<B>(scope: &Scope<'_, B>, effect: Write) -> Result<Intent, ReconcileError> {
    let known = &scope.entry.known;
    if !known.may_write() {
        return Ok(impossible("a write without an epoch", Attempted::Write));
    }
    let strategy = known.bss.strategy.as_ref().ok_or(ReconcileError::Stale)?;
    let recorded = recorded_write(effect, strategy, held(scope)?).ok_or(ReconcileError::Stale)?;
    Ok(Intent::Prepared(Prepared::Write {
        write: recorded,
        ahead: known.sweeps.current.as_ref().and_then(Sweep::ahead),
    }))
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
    context.must_be_wanted(&scope.upgrade, scope.term)?;
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
    context.must_be_wanted(&scope.upgrade, scope.term)?;
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
    for outcome in &outcomes {
        if credentials_rejected(outcome) {
            // The Secret is read again before the next call, however fresh it was.
            entry.read_secret_again();
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
        Effect::Write(Write::CopyCustomers(_)) => Some(Operation::CopyCustomers),
        Effect::Write(Write::CopySubscriptions(_)) => Some(Operation::CopySubscriptions),
        Effect::Write(Write::SetPricing(_)) => Some(Operation::SetPricing),
        Effect::Activate(_) => Some(Operation::ActivateBackOrdering),
        Effect::Read(_) | Effect::Claim(_) => None,
    }
}

/// Counts the outcomes of a write to the BSS; reads are counted by the limiter.
pub(super) fn count(operation: Option<Operation>, outcomes: &[Outcome], metrics: &Metrics) {
    let Some(operation) = operation else { return };
    for outcome in outcomes {
        count_one(operation.as_str(), outcome, metrics);
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
        | Outcome::Pages(_)
        | Outcome::Priced(_)
        | Outcome::Checked(_)
        | Outcome::Found { .. }
        | Outcome::PreflightPage(_)
        | Outcome::PreflightChecks(_)
        | Outcome::Watched(_)
        | Outcome::Claim(_) => {}
    }
}
