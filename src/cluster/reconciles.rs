//! The reconciles that run at this moment, and when each of them moved last.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The reconciles that run at this moment, for liveness. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reconciles {
    running: Arc<Mutex<RunningReconciles>>,
}

#[derive(Debug, Default)]
struct RunningReconciles {
    /// Whose they are, and when each of them moved last.
    moved: HashMap<u64, (String, Instant)>,
    /// The upgrades that only stand in a queue: they need not move.
    queued: HashSet<String>,
    last: u64,
}

impl Reconciles {
    /// For how long a running reconcile has not moved, at most. One that waits moves: each time that
    /// something it waits for comes, and at least once a minute in the limiter's queue.
    #[must_use]
    pub fn stillest(&self) -> Option<Duration> {
        let running = self.running();
        let working = running.moved.values();
        let working = working.filter(|(uid, _)| !running.queued.contains(uid));
        working.map(|(_, moved)| moved.elapsed()).max()
    }

    /// How many reconciles run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.running().moved.len()
    }

    /// How many of them only wait for a place at the gate.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.running().queued.len()
    }

    fn running(&self) -> MutexGuard<'_, RunningReconciles> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reconcile of an upgrade stands in a queue for as long as the answer lives.
    #[must_use]
    pub fn queued(&self, uid: &str) -> Queued {
        self.running().queued.insert(uid.to_owned());
        Queued {
            reconciles: self.clone(),
            uid: uid.to_owned(),
        }
    }

    pub(super) fn begin(&self, uid: &str) -> Running {
        let mut running = self.running();
        let id = running.last.wrapping_add(1);
        running.last = id;
        running.moved.insert(id, (uid.to_owned(), Instant::now()));
        Running {
            reconciles: self.clone(),
            id,
        }
    }
}

/// Counts as standing in a queue until it is dropped.
#[derive(Debug)]
pub struct Queued {
    reconciles: Reconciles,
    uid: String,
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut running = self.reconciles.running();
        running.queued.remove(&self.uid);
        // From now on it has to move.
        let own = running
            .moved
            .values_mut()
            .filter(|(uid, _)| *uid == self.uid);
        own.for_each(|(_, moved)| *moved = Instant::now());
    }
}

/// Counts as running until it is dropped, however the reconcile ends.
pub(super) struct Running {
    reconciles: Reconciles,
    id: u64,
}

impl Running {
    /// The reconcile, which counts as moved whenever it is woken.
    pub(super) async fn watch<F: Future>(&self, reconcile: F) -> F::Output {
        let mut reconcile = std::pin::pin!(reconcile);
        std::future::poll_fn(|context| {
            let mut running = self.reconciles.running();
            if let Some((_, moved)) = running.moved.get_mut(&self.id) {
                *moved = Instant::now();
            }
            drop(running);
            reconcile.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reconciles.running().moved.remove(&self.id);
    }
}
