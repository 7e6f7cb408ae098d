//! Waits: what stands until the next look, and failures and repetitions in a row.

use std::time::Duration;

use crate::upgrade::backoff;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::ReadyState;

/// Why and how long the operator waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownWaits {
    /// What a cheap look answered while people have to act.
    pub watched: Option<Watched>,
    /// What stands until the next look.
    pub ready_state: Option<ReadyState>,
    /// Calls that failed in a row.
    pub failures: Option<CallFailures>,
    /// Nothing is done before this moment.
    pub not_before: Option<Duration>,
    /// Looks in a row that ended in another look.
    pub rounds: u32,
    /// How often in a row something failed that was tried again only after a look that succeeded.
    pub stumbles: u32,
    /// Looks in a row at something that is on its way in the BSS. They are not counted beyond the longest wait.
    pub polls: u32,
    /// The furthest stage from where the work went back: only beyond it the rounds and stumbles are
    /// over.
    pub held_at: Stage,
}

impl KnownWaits {
    /// Looks at everything again at once: a person asked for it.
    pub fn look_now(&mut self) {
        self.not_before = None;
        self.failures = None;
    }

    /// Nothing is done before this moment, nor before the one that was asked for already.
    pub(in crate::upgrade) fn not_before(&mut self, until: Duration) {
        let stands = self.not_before.unwrap_or_default();
        self.not_before = Some(until.max(stands));
    }

    /// How long to wait for something that is on its way: longer each time, up to the interval.
    pub(in crate::upgrade) fn next_poll(&mut self, interval: Duration) -> Duration {
        let wait = backoff::poll(self.polls, interval);
        if !self.polls_slowly(interval) {
            self.polls = self.polls.saturating_add(1);
        }
        wait
    }

    /// Whether the waits for something that is on its way have grown to the interval.
    pub(in crate::upgrade) fn polls_slowly(&self, interval: Duration) -> bool {
        backoff::poll(self.polls, interval) >= interval
    }

    /// Something changed for the better: repetitions are counted anew.
    pub(in crate::upgrade) fn progressed(&mut self) {
        self.stumbles = 0;
        self.rounds = 0;
        self.polls = 0;
        self.held_at = Stage::Opening;
    }
}

/// What a cheap look answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watched {
    /// When.
    pub at: Duration,
    /// A hash of the first answer; none if no look has succeeded yet.
    pub answer: Option<u64>,
}

/// Calls that failed in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallFailures {
    /// What it means.
    pub ready_state: ReadyState,
    /// How many effects in a row, less one; the calls of one effect count once.
    pub attempts: u32,
    /// Those among them that people are called for only when they come again and again.
    pub alike: Option<Alike>,
}

/// Failures of one class since the last call that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alike {
    /// The class of their error.
    pub class: &'static str,
    /// In how many effects before the last one.
    pub before: u32,
    /// When the last one was.
    pub at: Duration,
}
