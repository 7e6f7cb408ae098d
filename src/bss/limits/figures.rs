//! What was called, how it ended and how long it was held back.

use super::core::PauseReason;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The upper bounds of the ranges by which times are counted. A call may wait in a queue, and a BSS may
/// take minutes for a batch.
pub const BOUNDS: [Duration; 16] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// Times of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// All together.
    pub elapsed: Duration,
    /// How many were at most as long as each of the [`BOUNDS`] and longer than the one before.
    pub within: [u64; BOUNDS.len()],
}

impl Times {
    fn take(&mut self, time: Duration) {
        self.count = self.count.saturating_add(1);
        self.elapsed = self.elapsed.saturating_add(time);
        let mut ranges = BOUNDS.iter().zip(&mut self.within);
        if let Some((_, within)) = ranges.find(|(bound, _)| time <= **bound) {
            *within = within.saturating_add(1);
        }
    }
}

/// The figures at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// By operation (as the contract names it, or `requestToken` for a login) and outcome: `Ok` or the
    /// class of the error; without the wait for their turn. A call that was deferred was not sent and is
    /// not in here.
    pub calls: BTreeMap<(&'static str, &'static str), Times>,
    /// Time in which nothing was sent because the BSS throttled.
    pub throttled: Duration,
    /// Time in which nothing was sent because the BSS was not available.
    pub unavailable: Duration,
    /// How long calls waited for their turn.
    pub waits: Times,
    /// Calls that came back unsent because the BSS wants to be left alone for longer.
    pub deferred: u64,
}

/// Counters, for the metrics. Limiters come and go; what counts for several of them outlives each.
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

    pub(crate) fn called(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.with(|now| {
            let times = now.calls.entry((operation, outcome)).or_default();
            times.take(took);
        });
    }

    pub(super) fn waited(&self, time: Duration) {
        self.with(|now| now.waits.take(time));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_its_range_and_one_beyond_all_ranges_in_the_sum() {
        let figures = Figures::default();
        for millis in [5, 6, 400_000] {
            figures.called("getTenant", "Ok", Duration::from_millis(millis));
        }
        let times = figures.snapshot().calls[&("getTenant", "Ok")];
        assert_eq!((times.count, times.elapsed.as_millis()), (3, 400_011));
        assert_eq!((times.within[0], times.within[1]), (1, 1));
        assert_eq!(times.within.iter().sum::<u64>(), 2);
        assert!(BOUNDS.is_sorted());
    }
}
