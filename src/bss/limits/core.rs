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
use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
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

/// No more calls a second, where none are declared.
const FASTEST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9_999);
/// No more calls at once, where none are declared.
const MOST_AT_ONCE: NonZeroU16 = NonZeroU16::MIN.saturating_add(63);

/// The limits of a BSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Calls per second.
    pub per_second: NonZeroU32,
    /// Calls at once.
    pub concurrency: NonZeroU16,
}

impl Settings {
    /// How many calls may go at once after a rest: a tenth of a second's worth, 1 to 10.
    #[must_use]
    pub fn burst(self) -> u32 {
        (self.per_second.get() / 10).clamp(1, 10)
    }

    /// The stricter of the two in each figure.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            per_second: self.per_second.min(other.per_second),
            concurrency: self.concurrency.min(other.concurrency),
        }
    }
}

/// The limits that connections declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Calls per second.
    pub per_second: Option<NonZeroU32>,
    /// Calls at once.
    pub concurrency: Option<NonZeroU16>,
}

impl Declared {
    /// The stricter of the two in each figure. What one of them does not declare, the other does.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        fn lesser<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            per_second: lesser(self.per_second, other.per_second),
            concurrency: lesser(self.concurrency, other.concurrency),
        }
    }

    /// What is never exceeded. Limits that are learnt stay below the greatest that may be declared.
    #[must_use]
    pub fn bounds(self) -> Settings {
        Settings {
            per_second: self.per_second.unwrap_or(FASTEST),
            concurrency: self.concurrency.unwrap_or(MOST_AT_ONCE),
        }
    }
}

impl From<Settings> for Declared {
    fn from(settings: Settings) -> Self {
        Self {
            per_second: Some(settings.per_second),
            concurrency: Some(settings.concurrency),
        }
    }
}

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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn settings(per_second: u32, concurrency: u16) -> Settings {
        Settings {
            per_second: NonZeroU32::new(per_second).unwrap(),
            concurrency: NonZeroU16::new(concurrency).unwrap(),
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn rate_then_concurrency_hold_the_head_back() {
        let mut core = Core::new(settings(10, 2));
        let tickets = [core.enqueue(0), core.enqueue(0), core.enqueue(0)];
        assert_eq!(core.grant(ms(0)), Some(tickets[0]));
        assert_eq!(core.grant(ms(0)), None);
        assert_eq!(core.wake(ms(0)), Some(ms(100)));
        assert_eq!(core.grant(ms(100)), Some(tickets[1]));
        assert_eq!((core.grant(ms(900)), core.wake(ms(900))), (None, None));
        core.finish(ms(900), ms(0), Feedback::Answered);
        assert_eq!(core.grant(ms(900)), Some(tickets[2]));
    }

    #[test]
    fn retry_after_is_obeyed_and_bounded() {
        let mut core = Core::new(settings(10, 8));
        core.enqueue(0);
        core.grant(ms(0)).unwrap();
        core.enqueue(0);
        let asked = Some(Duration::from_secs(7));
        core.finish(ms(1), ms(0), Feedback::Throttled { after: asked });
        assert_eq!(core.wake(ms(500)), Some(ms(7001)));
        assert_eq!(core.grant(ms(7000)), None);
        core.grant(ms(7001)).unwrap();
        let asked = Some(Duration::from_secs(u64::MAX));
        core.finish(ms(7002), ms(7001), Feedback::Throttled { after: asked });
        let pause = core.pause(ms(7002)).unwrap();
        assert_eq!(pause.until, ms(7002) + LONGEST_RETRY_AFTER);
        assert_eq!(pause.reason, PauseReason::Throttled);
    }

    #[test]
    fn a_window_of_429s_is_one_setback_and_one_probe_follows() {
        let mut core = Core::new(settings(100, 8));
        for _ in 0..8 {
            core.enqueue(0);
        }
        let granted: Vec<Ticket> = std::iter::from_fn(|| core.grant(ms(0))).collect();
        assert_eq!(granted.len(), 8);
        for _ in 0..8 {
            core.finish(ms(5), ms(0), Feedback::Throttled { after: None });
        }
        assert_eq!((core.share, core.setbacks), (500, 1));
        assert_eq!(core.pause(ms(5)).unwrap().until, ms(505));
        core.enqueue(0);
        core.enqueue(0);
        core.grant(ms(505)).unwrap();
        assert_eq!((core.grant(ms(600)), core.wake(ms(600))), (None, None));
        core.finish(ms(600), ms(505), Feedback::Answered);
        assert_eq!(core.concurrency(), 5, "half of 8, and a little grown");
        core.grant(ms(600)).unwrap();
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_success_ends_the_row() {
        let mut core = Core::new(settings(100, 1));
        let mut now = ms(0);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            core.enqueue(0);
            now = core.wake(now).unwrap().max(now) + ms(1);
            core.grant(now).unwrap();
            core.finish(now + ms(1), now, Feedback::Unavailable { after: None });
            pauses.push(core.pause(now + ms(1)).unwrap().until - now - ms(1));
            now = core.pause(now + ms(1)).unwrap().until;
        }
        assert_eq!(pauses[..4], [ms(500), ms(1000), ms(2000), ms(4000)]);
        assert_eq!(pauses[11], LONGEST_PAUSE);
        assert_eq!(core.share, LEAST);
        core.enqueue(0);
        now = core.wake(now).unwrap().max(now) + ms(1);
        core.grant(now).unwrap();
        core.finish(now + ms(1), now, Feedback::Answered);
        assert_eq!(core.setbacks, 0);
    }

    #[test]
    fn success_brings_the_full_limits_back() {
        let mut core = Core::new(settings(20, 4));
        core.share = LEAST;
        let mut now = ms(0);
        for _ in 0..400 {
            core.enqueue(0);
            now = core.wake(now).unwrap().max(now);
            core.grant(now).unwrap();
            core.finish(now, now, Feedback::Answered);
        }
        assert_eq!(core.share, FULL);
        assert!(core.at_rest(now));
    }

    /// Sends one call as soon as it may go; when it was granted and ended.
    fn call(core: &mut Core, now: Duration, feedback: Feedback) -> Duration {
        core.enqueue(0);
        let granted = core.wake(now).unwrap().max(now) + ms(1);
        core.grant(granted).unwrap();
        core.finish(granted + ms(1), granted, feedback);
        granted + ms(1)
    }

    #[test]
    fn several_lost_replies_in_a_row_open_the_breaker_and_one_answer_closes_it() {
        let mut core = Core::new(settings(1000, 8));
        let mut now = ms(0);
        for _ in 1..LOST_IN_A_ROW {
            now = call(&mut core, now, Feedback::Lost);
        }
        now = call(&mut core, now, Feedback::Answered);
        for _ in 1..LOST_IN_A_ROW {
            now = call(&mut core, now, Feedback::Lost);
        }
        now = call(&mut core, now, Feedback::Nothing);
        assert_eq!((core.pause(now), core.concurrency()), (None, 8));
        let mut open = Vec::new();
        for _ in 0..10 {
            now = call(&mut core, now, Feedback::Lost);
            let pause = core.pause(now).unwrap();
            assert_eq!(pause.reason, PauseReason::Unavailable);
            open.push(pause.until - now);
        }
        assert_eq!(open[..3], [ms(500), ms(1000), ms(2000)]);
        assert_eq!(open[9], LONGEST_PAUSE);
        // Half open: one probe, the others stay behind it, and are told how long.
        core.enqueue(0);
        core.enqueue(0);
        now = core.pause(now).unwrap().until;
        assert_eq!(core.probing(now), None);
        core.grant(now).unwrap();
        assert_eq!((core.grant(now), core.wake(now)), (None, None));
        let behind = core.probing(now).unwrap();
        assert_eq!(
            (behind.until - now, behind.reason),
            (LONGEST_PAUSE, PauseReason::Unavailable)
        );
        core.finish(now + ms(1), now, Feedback::Answered);
        assert_eq!(
            (core.pause(now + ms(1)), core.probing(now + ms(1))),
            (None, None)
        );
        // The row begins anew.
        assert_eq!(core.lost, 0);
        core.grant(now + ms(100)).unwrap();
        core.finish(now + ms(101), now + ms(100), Feedback::Lost);
        assert_eq!(core.pause(now + ms(101)), None);
    }

    #[test]
    fn a_window_of_lost_replies_is_one_setback() {
        let mut core = Core::new(settings(1000, 8));
        for _ in 0..8 {
            core.enqueue(0);
        }
        for _ in 0..8 {
            core.grant(ms(0)).unwrap();
        }
        for _ in 0..8 {
            core.finish(ms(5), ms(0), Feedback::Lost);
        }
        assert_eq!((core.setbacks, core.share), (1, 500));
        assert_eq!(core.pause(ms(5)).unwrap().until, ms(505));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Enqueue,
        Leave(usize),
        Advance(u64),
        Finish(usize, Feedback),
        Set(u32, u16),
    }

    fn feedback() -> impl Strategy<Value = Feedback> {
        let after = || proptest::option::of((0_u64..5000).prop_map(ms));
        prop_oneof![
            4 => Just(Feedback::Answered),
            1 => after().prop_map(|after| Feedback::Throttled { after }),
            1 => after().prop_map(|after| Feedback::Unavailable { after }),
            1 => Just(Feedback::Lost),
            1 => Just(Feedback::Nothing),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => Just(Step::Enqueue),
            1 => any::<usize>().prop_map(Step::Leave),
            6 => (0_u64..400).prop_map(Step::Advance),
            5 => (any::<usize>(), feedback()).prop_map(|(i, f)| Step::Finish(i, f)),
            1 => (1_u32..60, 1_u16..6).prop_map(|(r, c)| Step::Set(r, c)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn no_rule_is_ever_broken(
            first in (1_u32..60, 1_u16..6),
            steps in proptest::collection::vec(step(), 1..250),
        ) {
            let mut core = Core::new(settings(first.0, first.1));
            let (mut rate, mut slots) = first;
            let mut now = Duration::ZERO;
            let mut expected: VecDeque<Ticket> = VecDeque::new();
            let mut running: Vec<Duration> = Vec::new();
            let mut grants: Vec<Duration> = Vec::new();
            let mut forbidden_until = Duration::ZERO;
            for step in steps {
                match step {
                    Step::Enqueue => expected.push_back(core.enqueue(0)),
                    Step::Leave(i) if !expected.is_empty() => {
                        let ticket = expected.remove(i % expected.len()).unwrap();
                        core.leave(ticket);
                    }
                    Step::Advance(millis) => now += ms(millis),
                    Step::Finish(i, feedback) if !running.is_empty() => {
                        let granted = running.remove(i % running.len());
                        core.finish(now, granted, feedback);
                        if let Feedback::Throttled { after: Some(after) }
                        | Feedback::Unavailable { after: Some(after) } = feedback
                        {
                            forbidden_until = forbidden_until.max(now + after);
                        }
                    }
                    Step::Leave(_) | Step::Finish(..) => {}
                    Step::Set(r, c) => {
                        // The law of the rate is checked within one setting.
                        (rate, slots) = (r, c);
                        core.set(settings(r, c));
                        grants.clear();
                        core.scheduled = core.scheduled.max(now);
                    }
                }
                let wake = core.wake(now);
                let before = running.len();
                while let Some(ticket) = core.grant(now) {
                    prop_assert_eq!(Some(ticket), expected.pop_front(), "first come, first served");
                    prop_assert!(now >= forbidden_until, "granted during a pause");
                    running.push(now);
                    grants.push(now);
                    prop_assert!(running.len() <= usize::from(slots));
                }
                if running.len() > before {
                    prop_assert!(wake.is_some_and(|wake| wake <= now), "woken too late");
                } else if let Some(wake) = core.wake(now) {
                    prop_assert!(wake > now, "the head may go, but did not");
                }
                let burst = f64::from(settings(rate, 1).burst());
                for (i, from) in grants.iter().enumerate() {
                    let seconds = (now - *from).as_secs_f64();
                    let most = f64::from(rate) * seconds + burst + 1e-6;
                    prop_assert!((grants.len() - i) as f64 <= most, "more than the rate allows");
                }
            }
        }

        /// One call after the other, against a model of the breaker.
        #[test]
        fn the_breaker_opens_for_a_reason_and_closes_with_an_answer(
            feedbacks in proptest::collection::vec(
                prop_oneof![
                    2 => Just(Feedback::Answered),
                    6 => Just(Feedback::Lost),
                    1 => Just(Feedback::Unavailable { after: None }),
                    1 => Just(Feedback::Nothing),
                ],
                1..120,
            ),
        ) {
            let mut core = Core::new(settings(1000, 4));
            let mut now = Duration::ZERO;
            let (mut lost, mut open) = (0, 0_u32);
            for feedback in feedbacks {
                let slots = core.concurrency();
                prop_assert_eq!(slots == 1, open > 0 || core.share <= 250, "one probe at a time");
                now = call(&mut core, now, feedback);
                match feedback {
                    Feedback::Answered => (lost, open) = (0, 0),
                    Feedback::Nothing => {}
                    Feedback::Unavailable { .. } => open += 1,
                    Feedback::Lost | Feedback::Throttled { .. } => {
                        lost += 1;
                        if lost >= LOST_IN_A_ROW || open > 0 {
                            open += 1;
                        }
                    }
                }
                let opened = !matches!(feedback, Feedback::Answered | Feedback::Nothing) && open > 0;
                let expected = opened.then(|| {
                    let doubled = FIRST_PAUSE * 2_u32.pow((open - 1).min(16));
                    Pause {
                        until: now + doubled.min(LONGEST_PAUSE),
                        reason: PauseReason::Unavailable,
                    }
                });
                prop_assert_eq!(core.pause(now), expected);
            }
        }

        /// A rate that is shared: a caller with one call at a time, beside others that always have some in the queue.
        #[test]
        fn a_caller_with_few_calls_waits_for_one_of_each_other_caller(
            others in proptest::collection::vec(1_usize..40, 1..6),
        ) {
            let mut core = Core::new(settings(10, 64));
            let mut now = ms(0);
            let mut callers: BTreeMap<Ticket, u64> = BTreeMap::new();
            for (caller, calls) in (1..).zip(&others) {
                for _ in 0..*calls {
                    callers.insert(core.enqueue(caller), caller);
                }
            }
            for _ in 0..10 {
                let own = core.enqueue(0);
                let mut served = Vec::new();
                loop {
                    now = core.wake(now).unwrap().max(now);
                    let granted = core.grant(now).unwrap();
                    core.finish(now, now, Feedback::Answered);
                    if granted == own {
                        break;
                    }
                    let caller = callers[&granted];
                    callers.insert(core.enqueue(caller), caller);
                    served.push(caller);
                }
                served.sort_unstable();
                let before = served.len();
                served.dedup();
                prop_assert_eq!(served.len(), before, "one of each at most");
            }
        }

        #[test]
        fn whoever_waits_goes_in_the_end(
            feedbacks in proptest::collection::vec(feedback(), 1..60),
        ) {
            let mut core = Core::new(settings(5, 2));
            let mut now = Duration::ZERO;
            for feedback in feedbacks {
                core.enqueue(0);
                now = core.wake(now).unwrap().max(now);
                prop_assert!(core.grant(now).is_some());
                now += ms(1);
                core.finish(now, now - ms(1), feedback);
            }
            prop_assert!(core.waiting() == 0 && core.in_flight() == 0);
        }
    }
}
