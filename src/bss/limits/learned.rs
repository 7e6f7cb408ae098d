//! Limits that no connection declares: found by what the BSS answers. Pure, with an explicit clock.
//!
//! *Calls at once* grow by one each time that all of them were answered, and shrink in the same steps where calls
//! take more than twice as long as they do when few are under way: more of them would only wait for each other
//! inside the BSS. What a call takes when few are under way is measured now and then, with a quarter of the calls,
//! for each kind of call by itself. 429, 503 and lost replies halve the calls at once.
//!
//! *Calls a second* have no limit before the BSS says 429. Then the limit is a part of what it was asked in the
//! second before, and grows by a twentieth a second, more slowly where it was refused before.

use std::collections::BTreeMap;
use std::time::Duration;

/// A call, in thousandths.
const ONE: u64 = 1000;
/// So many calls at once in the beginning.
const FIRST: u64 = 4 * ONE;
/// More calls at once are never tried.
const MOST: u64 = 64 * ONE;
/// How often it is measured what a call takes when few are under way.
const MEASURED_EVERY: Duration = Duration::from_secs(30);
/// How often at most, where the limit sinks.
const MEASURED_AGAIN: Duration = Duration::from_secs(5);
/// A measurement ends after this, even if few calls were made.
const MEASURING: Duration = Duration::from_secs(5);
/// Differences below this say nothing.
const NOISE: Duration = Duration::from_millis(2);
/// The slowest rate, in calls per 1,000 seconds.
const LEAST_RATE: u64 = ONE;
/// Further kinds of calls count as one.
const MOST_KINDS: usize = 64;

/// What tells calls apart that take differently long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(pub u64);

/// How many calls at once a BSS answers without letting them wait.
#[derive(Debug, Clone)]
pub(super) struct LearnedConcurrency {
    /// In thousandths.
    limit: u64,
    /// Whether the limit doubles, as it does until calls take longer for the first time.
    doubles: bool,
    took: BTreeMap<Kind, Took>,
    measured: Duration,
    /// The limit when it was measured last.
    limit_measured: u64,
    measuring: Option<Measuring>,
}

/// How long the calls of a kind take.
#[derive(Clone, Copy, Debug)]
struct Took {
    /// When few are under way.
    alone: Duration,
    /// Of late.
    recent: Duration,
}

#[derive(Debug, Clone)]
struct Measuring {
    since: Duration,
    /// Calls that are still to be measured.
    left: u64,
    /// Sum and number.
    seen: BTreeMap<Kind, (Duration, u32)>,
}

impl Default for LearnedConcurrency {
    fn default() -> Self {
        Self {
            limit: FIRST,
            doubles: true,
            took: BTreeMap::new(),
            measured: Duration::ZERO,
            limit_measured: FIRST,
            measuring: None,
        }
    }
}

impl LearnedConcurrency {
    /// Calls that may be under way now.
    pub(super) fn now(&self) -> u32 {
        let limit = match self.measuring {
            Some(_) => self.limit / 4,
            None => self.limit,
        };
        u32::try_from(limit / ONE).unwrap_or(u32::MAX).max(1)
    }

    /// A call that was granted at `granted` was answered, when so many others were under way.
    pub(super) fn answered(
        &mut self,
        now: Duration,
        (kind, granted): (Kind, Duration),
        others: u32,
    ) {
        let took = now.saturating_sub(granted);
        let full = self.took.len() >= MOST_KINDS && !self.took.contains_key(&kind);
        let kind = if full { Kind::default() } else { kind };
        if self.measuring.is_some() {
            self.measures(now, (kind, granted), took);
            return;
        }
        let known = self.took.entry(kind).or_insert(Took {
            alone: took,
            recent: took,
        });
        let sum = known.recent.saturating_mul(3).saturating_add(took);
        known.recent = sum.checked_div(4).unwrap_or(took);
        known.alone = known.alone.min(known.recent);
        let slow = known.recent > known.alone.saturating_mul(2).saturating_add(NOISE);
        let step = ONE
            .saturating_mul(ONE)
            .checked_div(self.limit)
            .unwrap_or(1)
            .max(1);
        if slow {
            self.doubles = false;
            self.limit = self.limit.saturating_sub(step).max(ONE);
        } else if u64::from(others).saturating_add(1).saturating_mul(2 * ONE) > self.limit {
            // Where fewer are asked for, a higher limit would say nothing.
            let step = if self.doubles { ONE } else { step };
            self.limit = self.limit.saturating_add(step).min(MOST);
        }
        self.measure_if_due(now);
    }

    /// The BSS refused, or did not answer.
    pub(super) fn halve(&mut self) {
        self.doubles = false;
        self.limit = (self.limit / 2).max(ONE);
    }

    fn measure_if_due(&mut self, now: Duration) {
        let since = now.saturating_sub(self.measured);
        let sinks = self.limit.saturating_mul(2) <= self.limit_measured;
        if !self.doubles && (since >= MEASURED_EVERY || sinks && since >= MEASURED_AGAIN) {
            self.measuring = Some(Measuring {
                since: now,
                left: (self.limit / ONE).max(4),
                seen: BTreeMap::new(),
            });
        }
    }

    fn measures(&mut self, now: Duration, (kind, granted): (Kind, Duration), took: Duration) {
        let Some(measuring) = &mut self.measuring else {
            return;
        };
        // A call from before was one of many.
        if granted > measuring.since {
            let (sum, number) = measuring.seen.entry(kind).or_default();
            *sum = sum.saturating_add(took);
            *number = number.saturating_add(1);
            measuring.left = measuring.left.saturating_sub(1);
        }
        if measuring.left > 0 && now.saturating_sub(measuring.since) < MEASURING {
            return;
        }
        for (kind, (sum, number)) in std::mem::take(&mut measuring.seen) {
            if let Some(alone) = sum.checked_div(number) {
                let known = Took {
                    alone,
                    recent: alone,
                };
                self.took.insert(kind, known);
            }
        }
        self.measuring = None;
        self.measured = now;
        self.limit_measured = self.limit;
    }
}

/// How many calls a second a BSS takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LearnedRate {
    /// In calls per 1,000 seconds; none before the first refusal.
    limit: Option<u64>,
    /// Where it was refused last.
    refused_at: u64,
    grown: Duration,
    /// The second that runs, and the calls in it and in the one before.
    second: u64,
    calls: u64,
    calls_before: u64,
}

impl LearnedRate {
    /// The interval between two calls, if there is a limit.
    pub(super) fn interval(&self) -> Option<Duration> {
        let limit = self.limit?.max(LEAST_RATE);
        let nanos = 1_000_000_000_000_u64.div_ceil(limit);
        Some(Duration::from_nanos(nanos))
    }

    /// A call was let go.
    pub(super) fn granted(&mut self, now: Duration) {
        self.turns(now);
        self.calls = self.calls.saturating_add(1);
    }

    /// A call was answered: the limit may have grown since.
    pub(super) fn grows(&mut self, now: Duration) {
        let Some(limit) = self.limit else { return };
        let since = now.saturating_sub(self.grown).min(Duration::from_secs(1));
        let millis = u64::try_from(since.as_millis()).unwrap_or(ONE);
        // Near the rate that was refused it grows five times more slowly.
        let near = limit.saturating_mul(10) > self.refused_at.saturating_mul(9);
        let part = if near { 100 * ONE } else { 20 * ONE };
        let growth = limit.saturating_mul(millis).checked_div(part).unwrap_or(0);
        if growth > 0 {
            self.limit = Some(limit.saturating_add(growth));
            self.grown = now;
        }
    }

    /// The BSS says that it is asked too often.
    pub(super) fn refused(&mut self, now: Duration) {
        self.turns(now);
        let asked = self.calls.max(self.calls_before).saturating_mul(ONE);
        let at = self
            .limit
            .map_or(asked, |limit| limit.min(asked.max(LEAST_RATE)));
        self.refused_at = at;
        self.limit = Some((at.saturating_mul(7) / 10).max(LEAST_RATE));
        self.grown = now;
    }

    fn turns(&mut self, now: Duration) {
        let second = now.as_secs();
        if second != self.second {
            let follows = second == self.second.saturating_add(1);
            self.calls_before = if follows { self.calls } else { 0 };
            self.calls = 0;
            self.second = second;
        }
    }
}

#[cfg(test)]
#[path = "learned_tests.rs"]
mod tests;
