//! What was called, how it ended and how long it was held back.

use super::core::PauseReason;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Calls of one operation with one outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTally {
    /// How many.
    pub count: u64,
    /// Time from the call to its end, the wait for its turn included, all together.
    pub elapsed: Duration,
}

/// The figures at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// By operation (as the contract names it, or `requestToken` for a login) and outcome: `Ok` or the class of the error. A call
    /// that was deferred was not sent and is not in here.
    pub calls: BTreeMap<(&'static str, &'static str), CallTally>,
    /// Time in which nothing was sent because the BSS throttled.
    pub throttled: Duration,
    /// Time in which nothing was sent because the BSS was not available.
    pub unavailable: Duration,
    /// Time that calls waited for their turn, all together.
    pub waited: Duration,
    /// Calls that came back unsent because the BSS wants to be left alone for longer.
    pub deferred: u64,
}

/// Counters of one BSS, for the metrics.
#[derive(Debug, Default)]
pub struct Figures {
    now: Mutex<Snapshot>,
}

impl Figures {
    /// The figures so far. They only grow.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.with(|now| now.clone())
    }

    pub(crate) fn called(&self, operation: &'static str, outcome: &'static str, elapsed: Duration) {
        self.with(|now| {
            let tally = now.calls.entry((operation, outcome)).or_default();
            tally.count = tally.count.saturating_add(1);
            tally.elapsed = tally.elapsed.saturating_add(elapsed);
        });
    }

    pub(super) fn waited(&self, time: Duration) {
        self.with(|now| now.waited = now.waited.saturating_add(time));
    }

    pub(super) fn deferred(&self) {
        self.with(|now| now.deferred = now.deferred.saturating_add(1));
    }

    pub(super) fn paused(&self, reason: PauseReason, time: Duration) {
        self.with(|now| {
            let total = match reason {
                PauseReason::Throttled => &mut now.throttled,
                PauseReason::Unavailable => &mut now.unavailable,
            };
            *total = total.saturating_add(time);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Snapshot) -> T) -> T {
        act(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
