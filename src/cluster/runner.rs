//! The runner: kube-rs' controller over the watches, with what it lacks.
//!
//! Unlimited concurrency, because its own limit starves objects; a fair gate inside a reconcile does
//! better. A panic ends one reconcile, not the process. Reconciles begin only when every cache was filled
//! and this process leads, and all upgrades are looked at when it begins to lead.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::mpsc;
use futures::{FutureExt, Stream, StreamExt, stream};
use kube::api::ObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field};

use super::finalizers::Finalizers;
use super::guarded::Guarded;
use super::lease::{Leadership, LeaseView};
use super::reconciles::Reconciles;
use super::stores::Stores;
use super::watch::{Anew, Happenings, Watches};
use crate::api::TenantResellerUpgrade;
use crate::spans;

type Upgrade = Guarded<TenantResellerUpgrade>;

/// When an upgrade wants its next reconcile, if nothing else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// After so long.
    After(Duration),
    /// When it, or something that it refers to, changes.
    Await,
}

/// Asks for a reconcile of an upgrade at once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Waker {
    queue: mpsc::UnboundedSender<ObjectRef<Upgrade>>,
}

impl Waker {
    /// Asks for a reconcile. One that runs already is followed by another.
    pub fn wake(&self, namespace: &str, name: &str) {
        // It fails only when the runner has ended, and then there is nothing to wake.
        self.queue
            .unbounded_send(ObjectRef::new(name).within(namespace))
            .ok();
    }
}

/// Runs reconciles.
pub struct Runner {
    watches: Watches,
    leadership: Leadership,
    reconciles: Reconciles,
    wakers: (Waker, mpsc::UnboundedReceiver<ObjectRef<Upgrade>>),
    gone: Box<dyn Fn(&str) + Send + Sync>,
    finalizers: Finalizers,
}

impl Runner {
    /// A runner over these watches; it begins reconciles only while this process leads.
    #[must_use]
    pub fn new(watches: Watches, leadership: Leadership) -> Self {
        let (queue, waiting) = mpsc::unbounded();
        let finalizers = Finalizers::new(watches.client.clone());
        Self {
            watches,
            leadership,
            reconciles: Reconciles::default(),
            wakers: (Waker { queue }, waiting),
            gone: Box::new(|_| {}),
            finalizers,
        }
    }

    /// Calls `gone` with the uid of an upgrade that was reconciled and does not exist any more, so that
    /// what is kept in memory of it can be dropped. It may come more than once.
    #[must_use]
    pub fn on_gone(mut self, gone: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.gone = Box::new(gone);
        self
    }

    /// Removes the operator's finalizer.
    #[must_use]
    pub fn finalizers(&self) -> Finalizers {
        self.finalizers.clone()
    }

    /// The caches that the watches fill.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.watches.stores()
    }

    /// The reconciles that run.
    #[must_use]
    pub fn reconciles(&self) -> Reconciles {
        self.reconciles.clone()
    }

    /// Asks for reconciles.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.wakers.0.clone()
    }

    /// Runs until `stop`; then begins no new reconcile, awaits those that run, and returns. Dropping it
    /// instead ends every reconcile at its next await.
    pub async fn run<F, Fut>(self, reconcile: F, stop: CancellationToken)
    where
        F: Fn(Arc<TenantResellerUpgrade>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Requeue> + Send + 'static,
    {
        let Self {
            watches,
            leadership,
            reconciles,
            wakers,
            gone,
            finalizers,
        } = self;
        let stores = watches.stores();
        let listed_anew = list_anew(leadership.view(), watches.anew);
        let boundary = Arc::new(Boundary {
            known: Known {
                stores: stores.clone(),
                panics: Mutex::default(),
                gone,
            },
            stores: stores.clone(),
            leadership: leadership.clone(),
            reconciles,
            finalizers,
            reconcile,
        });
        let (of_connection, of_pricing) = (stores.clone(), stores.clone());
        let controller = Controller::for_stream(
            upgrades(watches.upgrades, Arc::clone(&boundary)),
            stores.upgrades,
        )
        .watches_stream(touched(watches.connections), move |connection| {
            of_connection.upgrades_using(&connection)
        })
        .watches_stream(touched(watches.pricing), move |pricing| {
            upgrades_of_pricing(&pricing, &of_pricing)
        })
        .reconcile_on(wakers.1)
        .reconcile_all_on(terms(&leadership))
        .graceful_shutdown_on(stop.cancelled_owned());
        let work = controller
            .run(
                |upgrade, boundary: Arc<Boundary<F>>| async move {
                    Ok::<_, Infallible>(boundary.reconcile(upgrade).await)
                },
                |_, never, _| match *never {},
                boundary,
            )
            .for_each(|_| ready(()));
        tokio::select! {
            () = work => {}
            never = listed_anew => match never {},
        }
    }
}

/// Whenever the cluster's state went back, everything is listed anew: a watch would not tell.
async fn list_anew(mut view: tokio::sync::watch::Receiver<LeaseView>, anew: Anew) -> Infallible {
    loop {
        let known = *anew.borrow();
        let Ok(view) = view.wait_for(|view| view.went_back != known).await else {
            // The election has ended; no further restore will be noticed.
            return std::future::pending().await;
        };
        anew.send_replace(view.went_back);
    }
}

/// What surrounds each reconcile.
struct Boundary<F> {
    stores: Stores,
    leadership: Leadership,
    reconciles: Reconciles,
    finalizers: Finalizers,
    known: Known,
    reconcile: F,
}

impl<F, Fut> Boundary<F>
where
    F: Fn(Arc<TenantResellerUpgrade>) -> Fut,
    Fut: Future<Output = Requeue>,
{
    async fn reconcile(&self, upgrade: Arc<Upgrade>) -> Action {
        let namespace = upgrade.meta().namespace.clone().unwrap_or_default();
        if !self.stores.filled(&namespace).await || !self.leadership.leads() {
            // A process that begins to lead reconciles every upgrade.
            return Action::await_change();
        }
        let upgrade = match &upgrade.0 {
            Ok(upgrade) => Arc::clone(upgrade),
            // The watch logged it as unreadable; it is looked at again when it changes. Of its own, so that
            // thousands of reconciles that begin at once do not each hold what only this one needs.
            Err(unreadable) => return Box::pin(self.unreadable(&unreadable.metadata)).await,
        };
        let uid = upgrade.uid().unwrap_or_default();
        let span = tracing::info_span!(
            "reconcile",
            namespace = upgrade.namespace().unwrap_or_default(),
            // Not `name`: in JSON that is the span's own.
            upgrade = upgrade.name_any(),
            phase = upgrade
                .status
                .as_ref()
                .and_then(|status| status.phase)
                .map_or("Pending", |phase| phase.as_str()),
            trace_id = field::Empty,
        );
        if let Some(trace) = spans::trace_of(&span) {
            span.record("trace_id", trace.trace_id);
        }
        self.known.begin(&uid);
        let running = self.reconciles.begin(&uid);
        let reconcile = async { running.watch((self.reconcile)(Arc::clone(&upgrade))).await };
        let ended = AssertUnwindSafe(reconcile)
            .catch_unwind()
            .instrument(span.clone())
            .await;
        drop(running);
        match ended {
            Ok(next) => {
                self.known.ended_well(&uid, &upgrade);
                match next {
                    Requeue::After(rest) => Action::requeue(rest),
                    Requeue::Await => Action::await_change(),
                }
            }
            Err(_panic) => {
                let rest = self.known.panicked(&uid);
                // The panic hook has told where; the payload may hold anything, so it stays here.
                span.in_scope(|| {
                    tracing::error!(retry_in = ?rest, "a reconcile panicked: a defect of the operator");
                });
                Action::requeue(rest)
            }
        }
    }
}

impl<F> Boundary<F> {
    /// An upgrade that this version cannot read is left alone. Its deletion is not held up: nothing that
    /// was sent for it is under way in this process, and what was sent before is on the claim.
    async fn unreadable(&self, metadata: &ObjectMeta) -> Action {
        if metadata.deletion_timestamp.is_none() {
            return Action::await_change();
        }
        match self.finalizers.remove(metadata).await {
            Ok(()) => Action::await_change(),
            Err(error) => {
                let name = metadata.name.as_deref().unwrap_or_default();
                tracing::warn!(name, %error, "the finalizer of an unreadable upgrade stands");
                Action::requeue(FIRST_REST)
            }
        }
    }
}

/// The upgrades that were reconciled, with their panics in a row.
struct Known {
    stores: Stores,
    panics: Mutex<HashMap<String, u32>>,
    gone: Box<dyn Fn(&str) + Send + Sync>,
}

const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_mins(5);

impl Known {
    fn panics(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, uid: &str) {
        self.panics().entry(uid.to_owned()).or_default();
    }

    fn ended_well(&self, uid: &str, upgrade: &TenantResellerUpgrade) {
        self.panics().insert(uid.to_owned(), 0);
        // It was deleted while its reconcile ran, and the reconcile may have left something behind.
        if !self.stores.is_there(upgrade) {
            self.forget(uid);
        }
    }

    fn panicked(&self, uid: &str) -> Duration {
        let mut panics = self.panics();
        let count = panics.entry(uid.to_owned()).or_default();
        let rest = FIRST_REST.saturating_mul(2_u32.saturating_pow(*count));
        *count = count.saturating_add(1).min(16);
        rest.min(LONGEST_REST)
    }

    fn forget(&self, uid: &str) {
        if self.panics().remove(uid).is_some() {
            (self.gone)(uid);
        }
    }

    /// After a new list, deletions between the lists are not told one by one.
    fn forget_missing(&self) {
        let there = self.stores.uids();
        let known: Vec<String> = self.panics().keys().cloned().collect();
        for uid in known.iter().filter(|uid| !there.contains(*uid)) {
            self.forget(uid);
        }
    }
}

/// The upgrades that appear or change, minding those that go.
fn upgrades<F: Send + Sync + 'static>(
    events: Happenings<TenantResellerUpgrade>,
    boundary: Arc<Boundary<F>>,
) -> impl Stream<Item = Result<Upgrade, watcher::Error>> + Send + 'static {
    events.filter_map(move |event| {
        ready(match event {
            Event::Apply(upgrade) | Event::InitApply(upgrade) => Some(Ok(upgrade)),
            Event::Delete(upgrade) => {
                boundary
                    .known
                    .forget(upgrade.meta().uid.as_deref().unwrap_or_default());
                None
            }
            Event::InitDone => {
                boundary.known.forget_missing();
                None
            }
            Event::Init => None,
        })
    })
}

/// The objects that appear, change or go.
fn touched<K: Send + Sync + 'static>(
    events: Happenings<K>,
) -> impl Stream<Item = Result<Guarded<K>, watcher::Error>> + Send + 'static {
    events.filter_map(|event| {
        ready(match event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
                Some(Ok(object))
            }
            Event::Init | Event::InitDone => None,
        })
    })
}

/// The upgrade that a pricing object names; of one that this version cannot read, all of its namespace.
fn upgrades_of_pricing(
    pricing: &Guarded<crate::api::CustomerPricing>,
    stores: &Stores,
) -> Vec<ObjectRef<Upgrade>> {
    let Some(namespace) = pricing.meta().namespace.as_deref() else {
        return Vec::new();
    };
    match &pricing.0 {
        Ok(pricing) => {
            vec![ObjectRef::new(&pricing.spec.upgrade_ref.name).within(namespace)]
        }
        Err(_) => stores.upgrades_in(namespace),
    }
}

/// Says whenever this process begins to lead.
fn terms(leadership: &Leadership) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold((leadership.view(), 0), |(mut view, term)| async move {
        let now = view
            .wait_for(|view| view.term != term)
            .await
            .ok()
            .map(|view| view.term)?;
        Some(((), (view, now)))
    })
}
