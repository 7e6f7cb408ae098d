//! The pass, as a page: dereference, validate, then decide, record, perform and record again until
//! there is nothing to do, the time slice is over or the world outside changed its mind.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::admission::{Panicked, Standing, Turns, Wake};
use super::api_backoff::{Away, Stopped, Told};
use super::cache::{Admitted, Asked, Life, Memory, Name};
use super::dereference::{Connector, Fetched, Missing, dereference};
use super::perform::Performer;
use super::publish::Compare;
use super::{publish, record};
use crate::api::{
    Condition, ConditionStatus, ConditionType, FINALIZER, Reason, StateClass, TenantResellerUpgrade,
};
use crate::bss::consent::Consent;
use crate::bss::error::BssError;
use crate::bss::port::{AccountId, Acquisition, Fence, TenantId};
use crate::cluster::Next as Rest;
use crate::cluster::port::{Cluster, ClusterError, Finalizer};
use crate::mutants::{Mutant, on};
use crate::observe::metrics::{Metrics, PassOutcome};
use crate::upgrade::{
    ClaimEdit, Decision, Effect, Next, Now, Outcome, Pace, Read, State, Suspension, Sweep, Tried,
    ValidUpgrade, at_rest, decide, fold, fold_all, success, suspension, validate,
};

/// The finalizer goes when the operator rests longer than this.
const SHORT_REST: Duration = Duration::from_secs(10);
/// A place is not kept over rests that are longer, even if polls are rarer.
const HELD_REST: Duration = Duration::from_secs(3);

/// Time, and nothing else that a machine could differ in.
pub trait Time: Send + Sync {
    /// The present moment.
    fn now(&self) -> Now;

    /// A number that no other process draws, for the names of what must differ between processes.
    fn random(&self) -> u64;
}

/// How much a pass does.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// How often to look while nothing is to be done.
    pub pace: Pace,
    /// How long one pass may begin effects.
    pub slice: Duration,
    /// How many upgrades work at a time; the others queue, first come, first served.
    pub at_once: usize,
}

/// The pass with all that it may touch.
pub struct Controller<C, K: Connector, T> {
    pub(super) cluster: Arc<C>,
    connector: K,
    pub(super) time: T,
    pacing: Pacing,
    pub(super) memory: Memory<K::Bss>,
    gate: Semaphore,
    turns: Turns,
    stop: CancellationToken,
    pub(super) metrics: Metrics,
    away: StdMutex<Away>,
}

/// How a pass ended that could not go on.
pub(super) enum Interrupted {
    /// The world changed: begin again at once.
    Again,
    /// The API server refused or did not answer.
    Cluster(ClusterError),
}

impl From<ClusterError> for Interrupted {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

/// What one pass works on.
pub(super) struct Scene<'a, B> {
    pub(super) upgrade: TenantResellerUpgrade,
    pub(super) valid: &'a ValidUpgrade,
    pub(super) fetched: &'a Fetched<B>,
}

impl<C: Cluster, K: Connector, T: Time> Controller<C, K, T> {
    /// A controller. When `stop` is cancelled, running calls are awaited and no effect is begun.
    /// `wake` asks for a pass of an upgrade whose turn it is.
    pub fn new(
        cluster: Arc<C>,
        (connector, time): (K, T),
        pacing: Pacing,
        (stop, metrics): (CancellationToken, Metrics),
        wake: Wake,
    ) -> Self {
        let drawn = time.random();
        Self {
            cluster,
            connector,
            time,
            gate: Semaphore::new(pacing.at_once.max(1)),
            pacing,
            memory: Memory::new(drawn),
            turns: Turns::new(wake),
            stop,
            metrics,
            away: StdMutex::default(),
        }
    }

    /// Forgets an upgrade that is gone or finished.
    pub fn forget(&self, uid: &str) {
        self.memory.forget(uid);
        self.turns.forget(uid);
    }

    /// Forgets everything: this process stopped to lead, and others act meanwhile.
    pub fn forget_all(&self) {
        self.memory.forget_all();
        self.turns.forget_all();
    }

    /// One pass over one upgrade.
    pub async fn pass(&self, seen: &TenantResellerUpgrade) -> Rest {
        let timer = self.metrics.pass();
        let uid = seen.metadata.uid.as_deref().unwrap_or_default();
        let guard = Panicked(&self.turns, uid);
        let ended = self.whole_pass(seen).await;
        drop(guard);
        if let Err(Interrupted::Cluster(ClusterError::Forbidden(_) | ClusterError::Invalid(_))) =
            &ended
        {
            // It may be like that for long; an API server that is away is away for all.
            self.turns.rest(uid);
        }
        timer.end(match &ended {
            Ok(Rest::After(wait)) if wait.is_zero() => PassOutcome::Worked,
            Ok(_) => PassOutcome::Waited,
            Err(Interrupted::Again | Interrupted::Cluster(ClusterError::Conflict)) => {
                PassOutcome::Conflict
            }
            Err(Interrupted::Cluster(_)) => PassOutcome::Failed,
        });
        match ended {
            Ok(rest) => {
                self.memory.ended(uid);
                rest
            }
            Err(Interrupted::Cluster(ClusterError::Gone)) if self.is_gone(seen) => Rest::Await,
            // Gone may be something that it refers to: the claim, when the cluster's state went back.
            Err(Interrupted::Again) => {
                let (wait, _) = self.memory.stopped(uid, Stopped::Again);
                Rest::After(wait)
            }
            Err(Interrupted::Cluster(error)) => Rest::After(self.not_served(uid, &error)),
        }
    }

    /// The API server did not do its part: tells it, as far as it is news, and answers how long to
    /// wait.
    fn not_served(&self, uid: &str, error: &ClusterError) -> Duration {
        self.metrics.cluster_error(error.class());
        let (wait, told) = self.memory.stopped(uid, Stopped::By(error));
        let now = self.time.now().monotonic;
        let away = || {
            self.away
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_news(now)
        };
        match told {
            Told::Loudly => tracing::error!(
                %error,
                "the API server refuses what the operator needs: nothing goes on with this upgrade \
                 before a person mends it; it is tried again, and not told again"
            ),
            Told::IfNews if away() => tracing::warn!(
                %error,
                retry_in = ?wait,
                "the API server did not do its part; every upgrade tries again by itself"
            ),
            Told::IfNews | Told::Not => {
                tracing::debug!(%error, retry_in = ?wait, "the pass begins again");
            }
        }
        wait
    }

    async fn whole_pass(&self, seen: &TenantResellerUpgrade) -> Result<Rest, Interrupted> {
        let uid = seen.metadata.uid.clone().unwrap_or_default();
        if seen.metadata.deletion_timestamp.is_some() {
            return self.let_go(seen, &uid).await;
        }
        if finished(seen) {
            return self.stays_done(seen, &uid).await;
        }
        let life = self.memory.of(&uid);
        let mut life = life.lock().await;
        let _permit = self.permit(seen).await;
        let upgrade = self.reread(seen)?;
        // dereference: cluster
        let time = (self.time.now().monotonic, self.pacing.pace);
        let fetched =
            match dereference(&*self.cluster, &self.connector, &upgrade, &mut life, time).await {
                Ok(fetched) => fetched,
                Err(Missing::Cluster(error)) => return Err(error.into()),
                Err(Missing::State(state)) => return self.rests(upgrade, &mut life, *state).await,
            };
        // validate: nothing
        let valid = match validate(&upgrade, &fetched.references) {
            Ok(valid) => valid,
            Err(wrong) => return self.rests(upgrade, &mut life, invalid(&wrong)).await,
        };
        let mut scene = Scene {
            upgrade,
            valid: &valid,
            fetched: &fetched,
        };
        self.work(&mut scene, &mut life).await
    }

    /// decide, record, perform, record: until nothing is to be done or the slice is over.
    async fn work(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        life: &mut Life<K::Bss>,
    ) -> Result<Rest, Interrupted> {
        let begun = self.time.now().monotonic;
        life.ahead = None;
        if self.turn(scene, life) == Standing::Waits {
            return self.awaits_turn(scene, life).await;
        }
        loop {
            let now = self.time.now();
            let decision = decide(scene.valid, &life.observed, now);
            let Some(effect) = decision.effect.clone() else {
                return self.rest(scene, life, &decision).await;
            };
            if takes_place(&effect) && self.turns.ask(&scene.valid.uid) == Standing::Waits {
                // When its turn comes, what it has seen by now is old.
                life.begin_anew();
                return self.awaits_turn(scene, life).await;
            }
            // A new spec is seen to be obeyed before the first call, which may take its time.
            if !is_observed(&scene.upgrade) {
                self.show(scene, life, &decision.state, None).await?;
            }
            // What a person was asked to do is not shown any more when something else is sent.
            let asked = ready(&scene.upgrade)
                .is_some_and(|ready| ready.reason == Reason::AwaitingManualStep.as_str());
            if asked && takes_place(&effect) && decision.state.reason != Reason::AwaitingManualStep
            {
                self.show(scene, life, &decision.state, None).await?;
            }
            if self.slice_is_over(begun) {
                self.show(scene, life, &decision.state, None).await?;
                return Ok(Rest::After(Duration::ZERO));
            }
            if !self.may_go_on(&scene.upgrade) {
                self.show(scene, life, &decision.state, None).await?;
                return Err(Interrupted::Again);
            }
            let consent = self.consent(&scene.upgrade);
            let performed = self.perform(scene, life, effect, (&decision, begun));
            let outcomes = consent.over(performed).await?;
            if matches!(outcomes.as_slice(), [Outcome::Identity(None)])
                && self.connector.must_tell_its_identity(&scene.fetched.bss)
            {
                // It may be the first one yet, but it never was: it keeps no seat.
                life.seated = None;
                return self.rests(scene.upgrade.clone(), life, unproven()).await;
            }
            if let [Outcome::Identity(told)] = outcomes.as_slice() {
                life.name = Name::Told(told.clone());
            }
            let now = self.time.now();
            for outcome in &outcomes {
                self.count(outcome);
                if credentials_rejected(outcome) {
                    // The Secret is read again with the next look, however fresh it was.
                    life.read_secret_again();
                }
            }
            fold_all(scene.valid, &mut life.observed, outcomes, now);
        }
    }

    async fn perform(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        life: &mut Life<K::Bss>,
        effect: Effect,
        (decision, begun): (&Decision, Duration),
    ) -> Result<Vec<Outcome>, Interrupted> {
        if let Some((request, pages)) = life.ahead.take()
            && matches!(&effect, Effect::Read(Read::Pages(wanted)) if *wanted == request)
        {
            return Ok(vec![Outcome::Pages(pages)]);
        }
        if let Effect::Claim(edit) = &effect {
            return self.edit(scene, life, edit).await;
        }
        life.asked = Asked::Yes;
        let writes = !matches!(effect, Effect::Read(_));
        if writes {
            self.hold(scene, Finalizer::Present).await?;
        }
        let account = account(scene.valid, life);
        let tenant = life
            .observed
            .tenant
            .clone()
            .flatten()
            .map(|tenant| tenant.id);
        let watches = matches!(effect, Effect::Read(Read::Watch(_)));
        let pinned = life.observed.claim.as_ref();
        let pinned = pinned.and_then(|claim| claim.tenant_id.as_deref());
        let tenant = tenant.or_else(|| pinned.filter(|_| watches).map(TenantId::from));
        let upgrade = without_status(&scene.upgrade);
        let go_on = || !self.slice_is_over(begun) && self.may_go_on(&upgrade);
        let bss = Performer {
            bss: &*scene.fetched.bss,
            account: &account,
            tenant: tenant.as_ref(),
            go_on: &go_on,
            at_once: concurrency(scene.fetched),
        };
        let fence = life.observed.may_write().then_some(Fence {
            reseller: &account,
            epoch: life.observed.epoch.filter(|_| !on(Mutant::EpochDropped)),
        });
        Ok(match (effect, fence) {
            (Effect::Read(read), _) => bss.read(&read).await,
            (Effect::Acquire { id, take_over }, _) => {
                let asked = Acquisition {
                    id: &id,
                    holder: self.cluster.installation(),
                    take_over: take_over.as_deref(),
                };
                vec![bss.acquire(asked).await]
            }
            (Effect::Work(work), Some(fence)) => {
                let ways = life.observed.ways.as_ref().ok_or(Interrupted::Again)?;
                let claim = life.claim.as_ref().ok_or(Interrupted::Again)?;
                let recorded = record::work(work, ways, claim).ok_or(Interrupted::Again)?;
                let ahead = life.observed.sweep.as_ref().and_then(Sweep::ahead);
                let (outcomes, pages) = bss.work(fence, recorded, ahead.as_ref()).await;
                life.ahead = ahead.zip(pages);
                outcomes
            }
            (Effect::CreateTenant(create), Some(fence)) => {
                // The intent, and with it the frozen settings, stand in status before the call.
                self.show(scene, life, &decision.state, None).await?;
                let claim = life.claim.as_ref().ok_or(Interrupted::Again)?;
                let recorded = record::creation(create, claim).ok_or(Interrupted::Again)?;
                self.stands(life).await?;
                self.still_ours(scene)?;
                vec![bss.create_tenant(fence, recorded).await]
            }
            (Effect::Activate(activate), Some(fence)) => {
                self.show(scene, life, &decision.state, None).await?;
                let claim = life.claim.as_ref().ok_or(Interrupted::Again)?;
                let (namespace, name) = place(&scene.upgrade);
                let present = self.cluster.upgrade(namespace, name).await?;
                let recorded =
                    record::activation(activate, claim, &scene.upgrade, present.as_ref())
                        .ok_or(Interrupted::Again)?;
                self.stands(life).await?;
                self.still_ours(scene)?;
                if life.observed.sweep_is_old(self.time.now().monotonic) {
                    return Err(Interrupted::Again);
                }
                vec![bss.activate(fence, recorded).await]
            }
            (Effect::Work(_), None) => impossible("a write without an epoch", Tried::Work),
            (Effect::CreateTenant(_), None) => {
                impossible("a tenant without an epoch", Tried::CreateTenant)
            }
            (Effect::Activate(_), None) => impossible("a switch without an epoch", Tried::Activate),
            // It was performed above.
            (Effect::Claim(_), _) => impossible("a record at the BSS", Tried::Read),
        })
    }

    /// Changes the record; what people read follows at once.
    async fn edit(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        life: &mut Life<K::Bss>,
        edit: &ClaimEdit,
    ) -> Result<Vec<Outcome>, Interrupted> {
        if is_the_last_word(edit) {
            // Whoever comes after this process may not look at what the reports tell again.
            let whose = (&scene.upgrade, scene.valid);
            let now = self.time.now();
            publish::reports(&*self.cluster, whose, life, (now, Compare::Now)).await?;
        }
        let now = self.time.now();
        let holding = record::claim(&*self.cluster, scene.valid, life, edit, now).await?;
        fold(
            scene.valid,
            &mut life.observed,
            Outcome::Claim(holding),
            now,
        );
        if matches!(
            edit,
            ClaimEdit::Milestone { .. } | ClaimEdit::DropTenantIntent | ClaimEdit::Withdraw
        ) {
            let state = decide(scene.valid, &life.observed, now).state;
            self.show(scene, life, &state, None).await?;
        }
        Ok(Vec::new())
    }

    /// Nothing to do for now: everything that people read is written, and the object is let go.
    async fn rest(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        life: &mut Life<K::Bss>,
        decision: &Decision,
    ) -> Result<Rest, Interrupted> {
        // What people read is when everything is looked at again, not the cheap looks before.
        let (rest, wait) = match decision.next {
            Next::AfterEffect => (Rest::After(Duration::ZERO), Some(Duration::ZERO)),
            Next::After(wait) => (Rest::After(wait), Some(wait)),
            Next::Watch { again, look } => (Rest::After(again), Some(look)),
            Next::OnChange => (Rest::Await, None),
        };
        let now = self.time.now();
        let compare = match rest {
            // It does not look again by itself.
            Rest::Await => Compare::Now,
            Rest::After(_) => Compare::WhenDue,
        };
        let whose = (&scene.upgrade, scene.valid);
        publish::reports(&*self.cluster, whose, life, (now, compare)).await?;
        let observed = &life.observed;
        let objects = &scene.fetched.references.pricing;
        publish::pricing(&*self.cluster, objects, scene.valid, observed, now).await?;
        // Only by whom has just asked it something: two upgrades would else contradict each other.
        if life.asked == Asked::Yes {
            let connection = &scene.fetched.connection;
            publish::connection(&*self.cluster, connection, life, None, now).await?;
            life.asked = Asked::No;
        }
        let held_back = self.show(scene, life, &decision.state, wait).await?;
        if gives_up(&decision.state, life, wait, self.pacing.pace) {
            self.turns.leave(&scene.valid.uid);
        }
        if wait.is_none_or(|wait| wait > SHORT_REST) {
            self.hold(scene, Finalizer::Absent).await?;
        }
        Ok(match (rest, held_back) {
            (Rest::After(wait), Some(figures)) => Rest::After(wait.min(figures)),
            (Rest::Await, Some(figures)) => Rest::After(figures),
            (rest, None) => rest,
        })
    }

    /// The upgrade cannot be worked on: its spec, or something that it refers to, is not in order.
    async fn rests(
        &self,
        mut upgrade: TenantResellerUpgrade,
        life: &mut Life<K::Bss>,
        state: State,
    ) -> Result<Rest, Interrupted> {
        // The credentials go; that its BSS was reached first is not forgotten.
        life.bss = None;
        self.turns
            .leave(upgrade.metadata.uid.as_deref().unwrap_or_default());
        let wait = match state.reason.class() {
            Some(StateClass::WaitsByItself) => self.pacing.pace.poll.max(SHORT_REST),
            _ => self.pacing.pace.recheck,
        };
        let (namespace, _) = place(&upgrade);
        let name = upgrade.spec.connection_ref.name.clone();
        if state.reason == Reason::ConnectionForbidden
            && let Some(connection) = self.cluster.connection(namespace, &name).await?
        {
            let trouble = Some((state.reason, state.message.as_str()));
            let now = self.time.now();
            publish::connection(&*self.cluster, &connection, life, trouble, now).await?;
        }
        let state = if suspension(&upgrade) == Suspension::Suspended {
            at_rest()
        } else {
            state
        };
        self.show_bare(&mut upgrade, life, &state, Some(wait))
            .await?;
        let wanted = Finalizer::Absent;
        if has_finalizer(&upgrade) {
            self.cluster.set_finalizer(&upgrade, wanted).await?;
        }
        Ok(Rest::After(wait))
    }

    /// Deletion orphans: nothing is undone, nothing is created, no credentials are needed. Passes
    /// of one upgrade never overlap, so no call is under way here.
    async fn let_go(
        &self,
        upgrade: &TenantResellerUpgrade,
        uid: &str,
    ) -> Result<Rest, Interrupted> {
        if has_finalizer(upgrade) {
            let mut upgrade = upgrade.clone();
            let state = State {
                reason: Reason::Deleting,
                message: "Being deleted; what was done in the BSS stays as it is.".to_owned(),
                next_action: String::new(),
            };
            let life = self.memory.of(uid);
            let mut life = life.lock().await;
            self.show_bare(&mut upgrade, &mut life, &state, None)
                .await?;
            self.cluster
                .set_finalizer(&upgrade, Finalizer::Absent)
                .await?;
        }
        self.forget(uid);
        Ok(Rest::Await)
    }

    /// A finished upgrade stays done whatever happens to its spec or connection.
    async fn stays_done(
        &self,
        upgrade: &TenantResellerUpgrade,
        uid: &str,
    ) -> Result<Rest, Interrupted> {
        if !is_observed(upgrade) {
            let mut upgrade = upgrade.clone();
            let state = State {
                reason: Reason::Succeeded,
                message: ready(&upgrade)
                    .map_or_else(|| success(None).to_owned(), |ready| ready.message.clone()),
                next_action: String::new(),
            };
            let life = self.memory.of(uid);
            let mut life = life.lock().await;
            self.show_bare(&mut upgrade, &mut life, &state, None)
                .await?;
        }
        if has_finalizer(upgrade) {
            self.cluster
                .set_finalizer(upgrade, Finalizer::Absent)
                .await?;
        }
        self.forget(uid);
        Ok(Rest::Await)
    }

    /// Whoever works takes a place at the gate; validation, suspension and deletion need none.
    async fn permit(
        &self,
        upgrade: &TenantResellerUpgrade,
    ) -> Option<tokio::sync::SemaphorePermit<'_>> {
        match suspension(upgrade) {
            Suspension::Suspended => None,
            // The semaphore is never closed.
            Suspension::Running => self.gate.acquire().await.ok(),
        }
    }

    /// What the upgrade has, now that it is there. Whoever may look needs no place before it has
    /// something to do; everybody else asks for one at once.
    fn turn(&self, scene: &Scene<'_, K::Bss>, life: &mut Life<K::Bss>) -> Standing {
        let uid = &scene.valid.uid;
        let limits = &scene.fetched.connection.spec.limits;
        let places = usize::try_from(limits.active_upgrades).unwrap_or(1);
        let identity = scene.valid.identity.as_str();
        let mut standing = self
            .turns
            .arrive(uid, place(&scene.upgrade), (identity, places));
        if scene.valid.suspended == Suspension::Suspended {
            self.turns.leave(uid);
            return Standing::Away;
        }
        let may_look = life.admitted == Admitted::Yes || waits_for_people(&scene.upgrade);
        if standing == Standing::Away && !may_look {
            standing = self.turns.ask(uid);
        }
        if standing == Standing::Holds {
            life.admitted = Admitted::Yes;
        }
        standing
    }

    /// As many as may be are at work. It is woken when its turn comes; the slow look is for the
    /// case that the world changed without anybody telling.
    async fn awaits_turn(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        life: &mut Life<K::Bss>,
    ) -> Result<Rest, Interrupted> {
        let state = State {
            reason: Reason::AwaitingTurn,
            message: "As many upgrades as the connection allows are at work on this BSS."
                .to_owned(),
            next_action: "Nothing: it goes on by itself, first come, first served. \
                          spec.limits.activeUpgrades of the connection says how many may be at \
                          work."
                .to_owned(),
        };
        self.show(scene, life, &state, None).await?;
        self.hold(scene, Finalizer::Absent).await?;
        Ok(Rest::After(self.pacing.pace.recheck))
    }

    fn is_gone(&self, seen: &TenantResellerUpgrade) -> bool {
        let (namespace, name) = place(seen);
        self.cluster.latest(namespace, name).is_none()
    }

    /// Whoever waited looks again before acting.
    fn reread(&self, seen: &TenantResellerUpgrade) -> Result<TenantResellerUpgrade, Interrupted> {
        let (namespace, name) = place(seen);
        let latest = self.cluster.latest(namespace, name);
        let latest = latest.ok_or(Interrupted::Cluster(ClusterError::Gone))?;
        if latest.metadata.deletion_timestamp.is_some() || latest.metadata.uid != seen.metadata.uid
        {
            return Err(Interrupted::Again);
        }
        Ok(Arc::unwrap_or_clone(latest))
    }

    /// Whether another effect may begin: this process leads, is not ending, and nobody changed
    /// their mind.
    fn may_go_on(&self, upgrade: &TenantResellerUpgrade) -> bool {
        still_wanted(&*self.cluster, &self.stop, upgrade)
    }

    /// The same question, for calls that wait for their turn. The time slice is no part of it: who
    /// waited that long would never be served.
    fn consent(&self, upgrade: &TenantResellerUpgrade) -> Consent {
        let (cluster, stop) = (Arc::clone(&self.cluster), self.stop.clone());
        let upgrade = without_status(upgrade);
        Consent::new(move || still_wanted(&*cluster, &stop, &upgrade))
    }

    /// Whether the record is still the one that was written, read live: the cluster's state may
    /// have gone back since, and then the intent is not on record.
    async fn stands(&self, life: &mut Life<K::Bss>) -> Result<(), Interrupted> {
        let written = life.claim.as_ref().map(|claim| claim.metadata.clone());
        let name = written.as_ref().and_then(|meta| meta.name.clone());
        let read = self.cluster.claim(&name.unwrap_or_default()).await?;
        let present = read.map(|claim| claim.metadata);
        let known =
            |meta: &kube::api::ObjectMeta| (meta.uid.clone(), meta.resource_version.clone());
        if present.as_ref().map(known) == written.as_ref().map(known) {
            return Ok(());
        }
        life.claim = None;
        life.observed.claim = None;
        Err(Interrupted::Again)
    }

    fn slice_is_over(&self, begun: Duration) -> bool {
        self.time.now().monotonic.saturating_sub(begun) >= self.pacing.slice
    }

    fn still_ours(&self, scene: &Scene<'_, K::Bss>) -> Result<(), Interrupted> {
        if self.may_go_on(&scene.upgrade) {
            Ok(())
        } else {
            Err(Interrupted::Again)
        }
    }

    async fn hold(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        wanted: Finalizer,
    ) -> Result<(), Interrupted> {
        let there = has_finalizer(&scene.upgrade);
        if there != (wanted == Finalizer::Present) {
            scene.upgrade = self.cluster.set_finalizer(&scene.upgrade, wanted).await?;
        }
        Ok(())
    }
}

fn still_wanted<C: Cluster>(
    cluster: &C,
    stop: &CancellationToken,
    upgrade: &TenantResellerUpgrade,
) -> bool {
    let leads = cluster.leads() || on(Mutant::LeaseNotAsked);
    if stop.is_cancelled() || !leads {
        return false;
    }
    let (namespace, name) = place(upgrade);
    cluster.latest(namespace, name).is_some_and(|latest| {
        latest.metadata.uid == upgrade.metadata.uid
            && latest.metadata.deletion_timestamp.is_none()
            && latest.metadata.generation == upgrade.metadata.generation
            && (suspension(&latest) == suspension(upgrade) || on(Mutant::SuspensionIgnored))
            // Another leader finished it while a call of this one waited for its turn.
            && !finished(&latest)
    })
}

/// What [`still_wanted`] compares, which is asked before every call: status, the largest part of it, is
/// none of that.
fn without_status(upgrade: &TenantResellerUpgrade) -> TenantResellerUpgrade {
    TenantResellerUpgrade {
        metadata: upgrade.metadata.clone(),
        spec: upgrade.spec.clone(),
        status: None,
    }
}

/// Whether what was seen of customers and subscriptions up to this edit is what counts: the sweep is
/// clean, or the switch is about to be asked for.
fn is_the_last_word(edit: &ClaimEdit) -> bool {
    matches!(
        edit,
        ClaimEdit::IntendActivation(_)
            | ClaimEdit::Milestone {
                milestone: ConditionType::SubscriptionsCopied,
                ..
            }
    )
}

/// An effect that `decide` never asks for: it is told and waited over, since an empty answer would ask
/// for it again at once.
fn impossible(what: &str, tried: Tried) -> Vec<Outcome> {
    tracing::error!(
        what,
        "an effect was decided on that is not possible; it was not sent"
    );
    let error = BssError::Unavailable {
        detail: format!("the operator decided on {what}, which it does not send"),
    };
    vec![Outcome::Failed { tried, error }]
}

/// What an upgrade does only with a place. Looking, and recording what was seen, is free for whoever
/// was let in once; an intent is not recorded before the call can follow at once.
fn takes_place(effect: &Effect) -> bool {
    match effect {
        Effect::Work(_) | Effect::CreateTenant(_) | Effect::Activate(_) => true,
        Effect::Claim(edit) => matches!(
            edit,
            ClaimEdit::IntendCopies { .. }
                | ClaimEdit::IntendTenant { .. }
                | ClaimEdit::IntendActivation(_)
        ),
        Effect::Read(_) | Effect::Acquire { .. } => false,
    }
}

/// Whether whoever rests like this gives its place up: nobody may starve because another waits for
/// people, for a tenant in the queue, for orders, or for calls that fail again and again. So it does
/// with every rest that is about as long as a poll, with two exceptions that have an end of their
/// own: a quiet time, and a request to create the tenant or to switch that is on record without an
/// outcome, which must not wait in a line. Where the BSS does not answer that, it answers nobody.
fn gives_up<B>(state: &State, life: &Life<B>, wait: Option<Duration>, pace: Pace) -> bool {
    let Some(wait) = wait else { return true };
    match state.reason.class() {
        Some(StateClass::Working | StateClass::WaitsByItself) => {
            let on_record = life.observed.claim.as_ref().is_some_and(|claim| {
                let creating = claim.intents.create_tenant.as_ref();
                let creating = creating.is_some_and(|intent| intent.operation_id.is_none());
                let failed = life.observed.trouble.is_some();
                (creating && claim.tenant_id.is_none())
                    || (claim.intents.activate.is_some() && failed)
            });
            // A part of the poll is over when it comes to this.
            let short = wait.saturating_mul(2) < pace.poll.min(HELD_REST);
            !short && state.reason != Reason::Settling && !on_record
        }
        _ => true,
    }
}

/// Whether the status says that the present spec waits for people: also after a restart such an
/// upgrade may look whether they have done their part, instead of hiding that behind a line.
fn waits_for_people(upgrade: &TenantResellerUpgrade) -> bool {
    let ready = ready(upgrade).map(|ready| ready.reason.as_str());
    let reason = Reason::ALL
        .into_iter()
        .find(|reason| Some(reason.as_str()) == ready);
    is_observed(upgrade)
        && reason.is_some_and(|reason| match reason.class() {
            Some(StateClass::WaitsForPeople) => true,
            // These two it had before anything was asked.
            Some(StateClass::MustFix) => {
                !matches!(reason, Reason::InvalidSpec | Reason::ConnectionForbidden)
            }
            _ => false,
        })
}

fn invalid(wrong: &[crate::upgrade::Invalid]) -> State {
    let all: Vec<String> = wrong
        .iter()
        .map(|w| format!("{} {}", w.field, w.detail))
        .collect();
    State {
        reason: Reason::InvalidSpec,
        message: format!("The spec is wrong: {}.", all.join("; ")),
        next_action: "Correct the fields that the message names.".to_owned(),
    }
}

/// Two origins that only call themselves one BSS would share limits, keys and claims.
fn unproven() -> State {
    State {
        reason: Reason::IdentityMismatch,
        message: "Another connection reaches a BSS of this identity at another address, and this \
                  one does not tell its identity."
            .to_owned(),
        next_action: "Correct the connection's URL; or make a connection with the BSS's own \
                      identity."
            .to_owned(),
    }
}

fn account<B>(valid: &ValidUpgrade, life: &Life<B>) -> AccountId {
    let read = life.observed.reseller.as_ref();
    let read = read.map(|reseller| &reseller.account);
    read.or(valid.pinned_account.as_ref())
        .unwrap_or(&valid.account)
        .clone()
}

fn concurrency<B>(fetched: &Fetched<B>) -> usize {
    usize::try_from(fetched.connection.spec.limits.concurrency)
        .unwrap_or(1)
        .clamp(1, 256)
}

fn place(upgrade: &TenantResellerUpgrade) -> (&str, &str) {
    (
        upgrade.metadata.namespace.as_deref().unwrap_or_default(),
        upgrade.metadata.name.as_deref().unwrap_or_default(),
    )
}

fn finished(upgrade: &TenantResellerUpgrade) -> bool {
    upgrade.status.as_ref().is_some_and(|status| {
        status.conditions.iter().any(|c| {
            c.type_ == ConditionType::Succeeded.as_str() && c.status == ConditionStatus::True
        })
    })
}

/// What `Ready` says.
fn ready(upgrade: &TenantResellerUpgrade) -> Option<&Condition> {
    let conditions = &upgrade.status.as_ref()?.conditions;
    conditions
        .iter()
        .find(|c| c.type_ == ConditionType::Ready.as_str())
}

/// Whether the BSS did not accept the credentials.
fn credentials_rejected(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed { error, .. } | Outcome::CopiesLost { error, .. }
            if matches!(error, BssError::AuthRejected | BssError::Forbidden { .. })
    )
}

/// Whether the status tells of the present spec.
fn is_observed(upgrade: &TenantResellerUpgrade) -> bool {
    let observed = upgrade.status.as_ref().and_then(|s| s.observed_generation);
    observed == upgrade.metadata.generation
}

fn has_finalizer(upgrade: &TenantResellerUpgrade) -> bool {
    upgrade
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == FINALIZER)
}

pub(super) fn annotation(upgrade: &TenantResellerUpgrade, name: &str) -> Option<String> {
    upgrade.metadata.annotations.as_ref()?.get(name).cloned()
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
