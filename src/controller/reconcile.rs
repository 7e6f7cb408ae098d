//! One reconcile, as a page: dereference, validate, then decide, record, perform and record again, until
//! there is nothing to do, the time slice is over or the work is not wanted any more.
//!
//! Each line is a step in a module of its own, and its arguments say what it touches: a [`Context`] is
//! the cluster, a [`Performer`] is the BSS, and a function that is given neither touches nothing. What
//! happens next is decided in `upgrade`, not here.

use super::admission::{Admission, Lane, Slot, Turn, admit, calls_the_bss, needs_slot};
use super::api_backoff::ApiBackoff;
use super::cache::{Cache, CacheEntry};
use super::context::{Context, Pacing, Ports, Process, Scope, Time};
use super::dereference::{DereferenceError, dereference};
use super::perform::{Caller, Performer};
use super::record::{Intent, Prepared};
use super::{endings, object, pipeline, record};
use crate::api::{Reason, TenantResellerUpgrade};
use crate::bss::bindings::Bindings;
use crate::bss::cancellation::Cancellation;
use crate::bss::connect::Connector;
use crate::bss::port::Bss as _;
use crate::cluster::Requeue;
use crate::cluster::port::{Cluster, ClusterError};
use crate::observe::metrics::ReconcileOutcome;
use crate::upgrade::{Invalid, Outcome, ReadyState, another_operator, decide, validate};

/// Reconciles upgrades.
pub struct Controller<C, K: Connector, T> {
    context: Context<C, T>,
    connector: K,
    cache: Cache<K::Bss>,
}

/// Why a reconcile could not come to an end.
#[derive(Debug)]
pub(super) enum ReconcileError {
    /// What it rests on is not so any more: it has to begin again.
    Stale,
    /// The API server refused or did not answer.
    Cluster(ClusterError),
}

/// How far a reconcile has come.
enum Pass {
    Ended(Requeue),
    /// It told what the cluster shows; now the BSS has to be called, for which it begins again.
    CallsTheBss(Box<TenantResellerUpgrade>),
}

/// The upgrade as the first pass wrote it.
struct Written {
    /// The version that the pass began with. While the watch shows that, it has not seen the write.
    read: Option<String>,
    upgrade: TenantResellerUpgrade,
}

impl From<ClusterError> for ReconcileError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

impl<C: Cluster, K: Connector, T: Time> Controller<C, K, T> {
    /// A controller over these ports.
    pub fn new(ports: Ports<C, K, T>, pacing: Pacing, process: Process) -> Self {
        Self {
            cache: Cache::new(ports.time.random()),
            connector: ports.connector,
            context: Context {
                cluster: ports.cluster,
                time: ports.time,
                pacing,
                admission: Admission::new(pacing.at_once, process.wake),
                backoff: ApiBackoff::default(),
                stop: process.stop,
                metrics: process.metrics,
                reconciles: process.reconciles,
                bindings: Bindings::default(),
            },
        }
    }

    /// The same, where the administrator bound identities to origins and namespaces.
    #[must_use]
    pub fn with_bindings(mut self, bindings: Bindings) -> Self {
        self.context.bindings = bindings;
        self
    }

    /// Drops what is kept of an upgrade that is gone.
    pub fn forget(&self, uid: &str) {
        endings::forget(&self.context, &self.cache, uid);
    }

    /// Drops everything that is kept: this process lost the lease, and another one acts meanwhile.
    pub fn forget_all(&self) {
        self.context.backoff.forget_all();
        self.cache.forget_all();
        self.context.admission.forget_all();
    }

    /// How many slots are in use, and how many upgrades are queued for one.
    pub fn slots(&self) -> (usize, usize) {
        self.context.admission.slots()
    }

    /// Reconciles one upgrade and says when to do so again.
    pub async fn reconcile(&self, seen: &TenantResellerUpgrade) -> Requeue {
        let timer = self.context.metrics.reconcile();
        let slot = self.context.admission.release_on_panic(object::uid(seen));
        let ended = self.run(seen).await;
        drop(slot);
        timer.end(outcome(&ended));
        match ended {
            Ok(requeue) => {
                self.context.backoff.forget(object::uid(seen));
                requeue
            }
            Err(error) => endings::failed(&self.context, seen, &error),
        }
    }

    /// Endings that need no place; then one pass over the cluster alone and, if the BSS has to be called,
    /// another one in the lane for that: what was fetched before the wait may be old.
    async fn run(&self, seen: &TenantResellerUpgrade) -> Result<Requeue, ReconcileError> {
        let context = &self.context;
        if let Some(other) = another_operator(seen, context.cluster.installation()) {
            let ended = Box::pin(endings::stands_back(context, &self.cache, seen, other));
            return Ok(ended.await);
        }
        if object::is_being_deleted(seen) {
            return Box::pin(endings::deleted(context, &self.cache, seen)).await;
        }
        if object::has_succeeded(seen) {
            return Box::pin(endings::finished(context, &self.cache, seen)).await;
        }
        let term = context.cluster.term();
        let entry = self.cache.entry(object::uid(seen));
        let mut entry = entry.lock().await;
        let mut written: Option<Written> = None;
        loop {
            let lane = written.as_ref().map_or(Lane::Cluster, |_| Lane::Bss);
            let queued = context.reconciles.queued(object::uid(seen));
            let turn = context.admission.turn(seen, lane).await;
            drop(queued);
            let latest = context.reread(seen)?;
            let read = latest.metadata.resource_version.clone();
            let unseen = written.take().filter(|written| written.read == read);
            let upgrade = unseen.map_or(latest, |written| written.upgrade);
            // Of its own, so that those that wait for a place do not hold the memory of those that work.
            let pass = Box::pin(self.pass(upgrade, &mut entry, (&turn, term)));
            match pass.await? {
                Pass::Ended(requeue) => return Ok(requeue),
                Pass::CallsTheBss(upgrade) => {
                    let upgrade = *upgrade;
                    written = Some(Written { read, upgrade });
                }
            }
        }
    }

    /// Up to a valid spec, which needs no slot; then `work`.
    async fn pass(
        &self,
        upgrade: TenantResellerUpgrade,
        entry: &mut CacheEntry<K::Bss>,
        (turn, term): (&Turn<'_>, u64),
    ) -> Result<Pass, ReconcileError> {
        let context = &self.context;
        // dereference: reads from the cluster
        let fetched = match dereference(context, &self.connector, &upgrade, entry).await {
            Ok(fetched) => fetched,
            Err(DereferenceError::Cluster(error)) => return Err(error.into()),
            Err(DereferenceError::Unworkable(state)) => {
                return endings::unworkable(context, upgrade, entry, *state)
                    .await
                    .map(Pass::Ended);
            }
            Err(DereferenceError::NoAccess(fault)) => {
                endings::tell_connection(context, &upgrade, entry, &fault).await?;
                let ended = endings::unworkable(context, upgrade, entry, fault.state).await;
                return ended.map(Pass::Ended);
            }
        };
        // validate: touches nothing
        let valid = match validate(&upgrade, &fetched.references) {
            Ok(valid) => valid,
            Err(wrong) => {
                let state = invalid(&wrong);
                return endings::unworkable(context, upgrade, entry, state)
                    .await
                    .map(Pass::Ended);
            }
        };
        fetched.bss.confirm_copies(&valid.confirmed_copies);
        let mut scope = Scope {
            upgrade,
            entry,
            valid: &valid,
            fetched: &fetched,
            began: context.time.now().monotonic,
            turn,
            term,
        };
        self.work(&mut scope, turn.lane).await
    }

    /// Decides, records, performs and records again, until an ending.
    async fn work(
        &self,
        scope: &mut Scope<'_, K::Bss>,
        lane: Lane,
    ) -> Result<Pass, ReconcileError> {
        let context = &self.context;
        scope
            .entry
            .known
            .calls_were_abandoned(context.time.now().monotonic);
        if admit(&context.admission, scope) == Slot::Queued {
            return endings::queued(context, scope).await.map(Pass::Ended);
        }
        loop {
            // decide: touches nothing
            let decision = decide(scope.valid, &scope.entry.known, context.time.now());
            let Some(effect) = decision.effect.clone() else {
                return endings::waiting(context, scope, &decision)
                    .await
                    .map(Pass::Ended);
            };
            if needs_slot(&effect) && context.admission.request(&scope.valid.uid) == Slot::Queued {
                // When a slot is free, what is known now will be old.
                scope.entry.mark_stale();
                return endings::queued(context, scope).await.map(Pass::Ended);
            }
            // record: writes to the cluster
            record::state_before(context, scope, &effect, &decision.state).await?;
            if lane == Lane::Cluster && calls_the_bss(&effect) {
                return Ok(Pass::CallsTheBss(Box::new(scope.upgrade.clone())));
            }
            if let Some(pause) = context.pause(scope) {
                let ended = endings::interrupted(context, scope, &decision.state, pause).await;
                return ended.map(Pass::Ended);
            }
            let cancellation = context.cancellation(&scope.upgrade, scope.premises());
            let operation = record::written(&effect);
            let outcomes = match record::intent(context, scope, effect, &decision.state).await? {
                Intent::Answered(outcomes) => outcomes,
                // perform: calls the BSS
                Intent::Prepared(effect) => self.perform(scope, effect, cancellation).await,
                Intent::Calls(calls) => {
                    let turn = scope.turn;
                    let calls = pipeline::run(context, scope, calls);
                    turn.lending(cancellation.over(calls)).await
                }
            };
            if self.lacks_identity(scope, &outcomes) {
                // It gives up its seats too: it was never the first BSS of this identity.
                scope.entry.seats = None;
                let (upgrade, state) = (scope.upgrade.clone(), unproven());
                let ended = endings::unworkable(context, upgrade, scope.entry, state).await;
                return ended.map(Pass::Ended);
            }
            // record: touches nothing but the cache and metrics
            record::count(operation, &outcomes, &context.metrics);
            record::outcomes(scope, outcomes, context.time.now(), &context.metrics);
        }
    }

    /// Performs one effect. Every call asks before it is sent whether it was cancelled while it waited.
    async fn perform(
        &self,
        scope: &mut Scope<'_, K::Bss>,
        effect: Prepared,
        cancellation: Cancellation,
    ) -> Vec<Outcome> {
        let context = &self.context;
        let upgrade = object::without_status(&scope.upgrade);
        let premises = scope.premises();
        let bss = Performer {
            bss: &*scope.fetched.bss,
            caller: &Caller::of(scope, context.cluster.installation()),
            go_on: &|| {
                !context.slice_is_over(scope.began, scope.turn)
                    && context.is_wanted(&upgrade, premises)
            },
        };
        let calls = cancellation.over(bss.perform(effect));
        scope.turn.lending(calls).await
    }

    /// Whether the BSS was asked for its identity and tells none, although the same identity is
    /// already known by another address.
    fn lacks_identity(&self, scope: &Scope<'_, K::Bss>, outcomes: &[Outcome]) -> bool {
        matches!(outcomes, [Outcome::Identity(None)])
            && self.connector.must_tell_its_identity(&scope.fetched.bss)
    }
}

/// How a reconcile ended, as metrics name it.
fn outcome(ended: &Result<Requeue, ReconcileError>) -> ReconcileOutcome {
    match ended {
        Ok(Requeue::After(wait)) if wait.is_zero() => ReconcileOutcome::Worked,
        Ok(_) => ReconcileOutcome::Waited,
        Err(ReconcileError::Stale | ReconcileError::Cluster(ClusterError::Conflict)) => {
            ReconcileOutcome::Conflict
        }
        Err(ReconcileError::Cluster(_)) => ReconcileOutcome::Failed,
    }
}

fn invalid(wrong: &[Invalid]) -> ReadyState {
    let all: Vec<String> = wrong
        .iter()
        .map(|w| format!("{} {}", w.field, w.detail))
        .collect();
    ReadyState {
        reason: Reason::InvalidSpec,
        message: format!("The spec is wrong: {}.", all.join("; ")),
        next_action: "Correct the fields that the message names.".to_owned(),
    }
}

/// Two addresses that merely call themselves one BSS would share limits, keys and claims.
fn unproven() -> ReadyState {
    ReadyState {
        reason: Reason::IdentityMismatch,
        message: "Another connection reaches a BSS of this identity at another address, and this \
                  one does not tell its identity."
            .to_owned(),
        next_action:
            "Correct the connection's URL. If it is the right BSS, delete the BssConnection \
                      and create it again under its name with the BSS's own identity: it cannot be \
                      changed."
                .to_owned(),
    }
}

#[cfg(test)]
#[path = "reconcile_tests/mod.rs"]
mod tests;
