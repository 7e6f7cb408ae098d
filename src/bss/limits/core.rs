//! Who may call when: pure, with an explicit clock.
//!
//! Four rules, each of which can hold a call back:
//!
//! - *rate*: at most `per_second` calls a second and a small burst, as a virtual schedule: every
//!   call moves the schedule on by one interval, and a call may be ahead of it by the burst only;
//! - *concurrency*: at most so many calls at once;
//! - *pause*: after 429 or 503 nothing at all until the time that the BSS asked for has passed, or
//!   one that grows with every setback where it did not say;
//! - *order*: callers are served in turn, and the calls of one caller in their order: a caller with few calls does
//!   not wait for all of one that has many.
//!
//! 429 and 503 halve both limits (once for all the calls that were under way together), success
//! raises them again by a twentieth of the full limit a second.
//!
//! Where no connection declares a rate, or how many calls may be under way, `learned` finds it: it takes the place
//! of the limit and of its share.
//!
//! The *breaker* is the same with replies that are lost: one says little, several in a row without
//! any answer between them open it. While it is open nothing is sent; then, as after every setback,
//! one single call is a probe, and the others wait until it was answered. An answer closes it, a
//! probe that is lost, too, opens it for twice as long, a minute at most. A refusal is an answer.

use super::learned::{Kind, LearnedConcurrency, LearnedRate};
use super::settings::{Declared, Settings};
use std::collections::VecDeque;
use std::time::Duration;

/// The full share, in thousandths.
const FULL: u32 = 1000;
/// The smallest share: a fiftieth of the limits.
const LEAST: u32 = 20;
/// How much the share grows per second of success: a twentieth.
const GROWTH_PER_SECOND: u32 = 50;
/// The pause after the first setback, where the BSS does not say; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause of our own.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So many lost replies in a row open the breaker.
pub const LOST_IN_A_ROW: u32 = 5;
/// The longest pause that a BSS may ask for.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(15);
/// For so long after an answer of its own a limiter does not heed what another namespace was told.
const FIRST_HAND: Duration = Duration::from_secs(10);

/// What a call that ended says about the BSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// It answered, whatever the answer was.
    Answered,
    /// It throttles (429).
    Throttled {
        /// What it asked for in `Retry-After`.
        after: Option<Duration>,
    },
    /// It is not available (503), or cannot be reached.
    Unavailable {
        /// What it asked for in `Retry-After`.
        after: Option<Duration>,
    },
    /// No reply came in time, or only a part of one, or a gateway's that got none.
    Lost,
    /// Nothing can be said: the caller gave up, or nothing was sent.
    Nothing,
}

/// Whose call it was to which the origin answered 429 or 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// A connection of the same namespace.
    SameNamespace,
    /// A connection of another namespace.
    OtherNamespace,
}

/// Why nothing is sent for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// The BSS throttles.
    Throttled,
    /// The BSS is not available.
    Unavailable,
}

/// A time in which nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it ends.
    pub until: Duration,
    /// Why it is.
    pub reason: PauseReason,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The state of the limits of one BSS. Times are since any fixed moment.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    /// Where no limit is declared.
    learned_concurrency: Option<LearnedConcurrency>,
    learned_rate: Option<LearnedRate>,
    /// Present share of the limits, in thousandths.
    share: u32,
    /// When the schedule would be free again if every call kept to its interval.
    scheduled: Duration,
    pause: Option<Pause>,
    in_flight: u32,
    /// Those that wait, by caller. The caller that was served last is the last.
    queue: VecDeque<(u64, VecDeque<Ticket>)>,
    next_ticket: u64,
    /// Setbacks in a row.
    setbacks: u32,
    last_setback: Option<Duration>,
    last_reason: PauseReason,
    /// Replies lost in a row.
    lost: u32,
    last_growth: Duration,
    last_answer: Option<Duration>,
}

impl Core {
    /// Full limits, no caller waiting.
    #[must_use]
    pub fn new(limits: impl Into<Declared>) -> Self {
        let declared = limits.into();
        Self {
            settings: declared.bounds(),
            learned_concurrency: declared.concurrency.is_none().then(Default::default),
            learned_rate: declared.per_second.is_none().then(Default::default),
            share: FULL,
            scheduled: Duration::ZERO,
            pause: None,
            in_flight: 0,
            queue: VecDeque::new(),
            next_ticket: 0,
            setbacks: 0,
            last_setback: None,
            last_reason: PauseReason::Unavailable,
            lost: 0,
            last_growth: Duration::ZERO,
            last_answer: None,
        }
    }

    /// Changes the limits from now on; the present share and what was learnt stay.
    pub fn set(&mut self, limits: impl Into<Declared>) {
        let declared = limits.into();
        self.settings = declared.bounds();
        match declared.concurrency {
            Some(_) => self.learned_concurrency = None,
            None => drop(self.learned_concurrency.get_or_insert_default()),
        }
        match declared.per_second {
            Some(_) => self.learned_rate = None,
            None => drop(self.learned_rate.get_or_insert_default()),
        }
    }

    /// A call that was granted at `granted` is being answered now: how long it took tells where the limits are
    /// that no connection declares. Its end is told by `finish`.
    pub fn learn(&mut self, now: Duration, granted: Duration, kind: Kind) {
        let others = self.in_flight.saturating_sub(1);
        if let Some(learned) = &mut self.learned_concurrency {
            learned.answered(now, (kind, granted), others);
        }
        if let Some(learned) = &mut self.learned_rate {
            learned.grows(now);
        }
    }

    /// The bounds of the limits.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// A new place behind the other calls of the caller.
    pub fn enqueue(&mut self, caller: u64) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        match self.queue.iter_mut().find(|(other, _)| *other == caller) {
            Some((_, tickets)) => tickets.push_back(ticket),
            None => self.queue.push_back((caller, [ticket].into())),
        }
        ticket
    }

    /// Gives a place up.
    pub fn leave(&mut self, ticket: Ticket) {
        for (_, tickets) in &mut self.queue {
            tickets.retain(|other| *other != ticket);
        }
        self.queue.retain(|(_, tickets)| !tickets.is_empty());
    }

    /// Who is next.
    #[must_use]
    pub fn head(&self) -> Option<Ticket> {
        let (_, tickets) = self.queue.front()?;
        tickets.front().copied()
    }

    /// Lets the head of the queue go, if all rules allow it now.
    pub fn grant(&mut self, now: Duration) -> Option<Ticket> {
        let head = self.head()?;
        if self.in_flight >= self.concurrency() || self.earliest(now) > now {
            return None;
        }
        if let Some((caller, mut tickets)) = self.queue.pop_front() {
            tickets.pop_front();
            if !tickets.is_empty() {
                self.queue.push_back((caller, tickets));
            }
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.scheduled = self.scheduled.max(now).saturating_add(self.interval());
        if let Some(learned) = &mut self.learned_rate {
            learned.granted(now);
        }
        Some(head)
    }

    /// When the head may go at the earliest, as far as the clock decides; `None` if no caller waits
    /// or a call has to end first.
    #[must_use]
    pub fn wake(&self, now: Duration) -> Option<Duration> {
        self.head()?;
        (self.in_flight < self.concurrency()).then(|| self.earliest(now))
    }

    /// A call that was granted at `granted` ended.
    pub fn finish(&mut self, now: Duration, granted: Duration, feedback: Feedback) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match feedback {
            Feedback::Answered => {
                self.last_answer = Some(now);
                self.grow(now, granted);
            }
            Feedback::Throttled { after } => {
                self.setback(now, granted, after, PauseReason::Throttled);
            }
            Feedback::Unavailable { after } => {
                self.setback(now, granted, after, PauseReason::Unavailable);
            }
            Feedback::Lost => self.lose(now, granted),
            Feedback::Nothing => {}
        }
    }

    /// The origin answered a neighbour's call, which was granted at `granted`, with 429 or 503.
    ///
    /// What another namespace was told counts for less than what the origin answers to this limiter
    /// itself: it is not heeded shortly after an answer, and never for longer than a pause of the
    /// limiter's own. So a namespace cannot stop another one by making the origin throttle it.
    pub fn hear(
        &mut self,
        now: Duration,
        granted: Duration,
        (feedback, from): (Feedback, Neighbour),
    ) {
        let bound = match from {
            Neighbour::SameNamespace => LONGEST_RETRY_AFTER,
            Neighbour::OtherNamespace => {
                let recent = |answer: Duration| now.saturating_sub(answer) < FIRST_HAND;
                if self.last_answer.is_some_and(recent) {
                    return;
                }
                LONGEST_PAUSE
            }
        };
        match feedback {
            Feedback::Throttled { after } => {
                let after = after.map(|after| after.min(bound));
                self.setback(now, granted, after, PauseReason::Throttled);
            }
            Feedback::Unavailable { after } => {
                let after = after.map(|after| after.min(bound));
                self.setback(now, granted, after, PauseReason::Unavailable);
            }
            Feedback::Answered | Feedback::Lost | Feedback::Nothing => {}
        }
    }

    /// Whether a probe is under way that all others wait for; how long they had better stay away
    /// if it takes its time.
    #[must_use]
    pub fn probing(&self, now: Duration) -> Option<Pause> {
        (self.setbacks > 0 && self.in_flight > 0).then(|| Pause {
            until: now.saturating_add(self.own_pause()),
            reason: self.last_reason,
        })
    }

    /// The pause that is on.
    #[must_use]
    pub fn pause(&self, now: Duration) -> Option<Pause> {
        self.pause.filter(|pause| pause.until > now)
    }

    /// Whether no caller waits, nothing is under way and nothing is remembered.
    #[must_use]
    pub fn at_rest(&self, now: Duration) -> bool {
        self.queue.is_empty()
            && self.in_flight == 0
            && self.share == FULL
            && self.setbacks == 0
            && self.lost == 0
            && self.pause(now).is_none()
    }

    /// Calls under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Callers waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.iter().map(|(_, tickets)| tickets.len()).sum()
    }

    /// Calls that may be under way at present.
    #[must_use]
    pub fn concurrency(&self) -> u32 {
        if self.setbacks > 0 {
            return 1;
        }
        let full = u32::from(self.settings.concurrency.get());
        if let Some(learned) = &self.learned_concurrency {
            return learned.now().min(full);
        }
        full.saturating_mul(self.share).div_ceil(FULL).max(1)
    }

    fn earliest(&self, now: Duration) -> Duration {
        let lead = match self.learned_interval() {
            Some(_) => Duration::ZERO,
            None => self
                .full_interval()
                .saturating_mul(self.settings.burst().saturating_sub(1)),
        };
        let by_rate = self.scheduled.saturating_sub(lead);
        let by_pause = self.pause(now).map_or(Duration::ZERO, |pause| pause.until);
        by_rate.max(by_pause)
    }

    fn full_interval(&self) -> Duration {
        // Rounded up: a nanosecond lost per call would add up to a call too many.
        Duration::from_nanos(1_000_000_000_u64.div_ceil(u64::from(self.settings.per_second.get())))
    }

    fn learned_interval(&self) -> Option<Duration> {
        self.learned_rate.as_ref().and_then(LearnedRate::interval)
    }

    fn interval(&self) -> Duration {
        if self.learned_rate.is_some() {
            return self
                .learned_interval()
                .unwrap_or_default()
                .max(self.full_interval());
        }
        let full = u64::try_from(self.full_interval().as_nanos()).unwrap_or(u64::MAX);
        let share = u64::from(self.share.max(LEAST));
        Duration::from_nanos(full.saturating_mul(u64::from(FULL)).div_ceil(share))
    }

    fn grow(&mut self, now: Duration, granted: Duration) {
        // An answer to a call from before the setback says nothing about the time after it.
        if self.last_setback.is_some_and(|setback| granted <= setback) {
            return;
        }
        self.setbacks = 0;
        self.lost = 0;
        let elapsed = now
            .saturating_sub(self.last_growth)
            .min(Duration::from_secs(1));
        let millis = u32::try_from(elapsed.as_millis()).unwrap_or(FULL);
        let growth = GROWTH_PER_SECOND.saturating_mul(millis) / 1000;
        if growth > 0 {
            self.share = self.share.saturating_add(growth).min(FULL);
            self.last_growth = now;
        }
    }

    fn lose(&mut self, now: Duration, granted: Duration) {
        // One from before the last setback is of the row that ended in it.
        if self.last_setback.is_some_and(|setback| granted <= setback) {
            return;
        }
        self.lost = self.lost.saturating_add(1);
        if self.lost >= LOST_IN_A_ROW || self.setbacks > 0 {
            self.setback(now, granted, None, PauseReason::Unavailable);
        }
    }

    fn setback(
        &mut self,
        now: Duration,
        granted: Duration,
        after: Option<Duration>,
        reason: PauseReason,
    ) {
        let first_of_its_window = self.last_setback.is_none_or(|setback| granted > setback);
        if first_of_its_window {
            if let Some(learned) = &mut self.learned_concurrency {
                learned.halve();
            }
            if let (PauseReason::Throttled, Some(learned)) = (reason, &mut self.learned_rate) {
                learned.refused(now);
            }
            self.share = (self.share / 2).max(LEAST);
            self.setbacks = self.setbacks.saturating_add(1);
            self.last_setback = Some(now);
            self.last_reason = reason;
            self.last_growth = now;
        }
        let length = match after {
            Some(asked) => asked.min(LONGEST_RETRY_AFTER),
            None if first_of_its_window => self.own_pause(),
            None => return,
        };
        let until = now.saturating_add(length);
        if self.pause.is_none_or(|pause| pause.until < until) {
            self.pause = Some(Pause { until, reason });
        }
    }

    fn own_pause(&self) -> Duration {
        let doublings = self.setbacks.saturating_sub(1).min(16);
        FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::unchecked_time_subtraction,
    clippy::cast_precision_loss,
    reason = "an overflow fails the test, and the counts are small"
)]
#[path = "core_tests.rs"]
mod tests;
