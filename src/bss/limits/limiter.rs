//! Waiting for a turn.

use super::core::{Core, Feedback, Neighbour, Pause, PauseReason, Ticket};
use super::figures::Figures;
use super::learned::Kind;
use super::settings::{Declared, Settings};
use crate::bss::cancellation;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a call waits for a pause, or another's probe, to end. What takes longer comes back, so that its caller can
/// look at other things (a suspension, a lost lease) and say in its status what it waits for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A call that waits in the queue looks again after this long, whatever happens.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// The BSS wants to be left alone for longer than a call would wait. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferred {
    /// Why.
    pub reason: PauseReason,
    /// For how long.
    pub after: Duration,
}

/// The limiter of one BSS.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
    origin: Instant,
    figures: Arc<Figures>,
}

#[derive(Debug)]
struct State {
    core: Core,
    waiting: HashMap<Ticket, Arc<Notify>>,
    granted: HashSet<Ticket>,
}

impl Limiter {
    /// A limiter that no registry knows.
    #[must_use]
    pub fn new(limits: impl Into<Declared>) -> Arc<Self> {
        Self::counting_in(limits, Arc::default())
    }

    /// A limiter whose figures outlive it.
    pub(super) fn counting_in(limits: impl Into<Declared>, figures: Arc<Figures>) -> Arc<Self> {
        let state = State {
            core: Core::new(limits),
            waiting: HashMap::new(),
            granted: HashSet::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            origin: Instant::now(),
            figures,
        })
    }

    /// Waits for a turn. Dropping the future gives the place up.
    ///
    /// # Errors
    ///
    /// [`Deferred`] if the BSS wants to be left alone for longer than a call waits.
    pub async fn acquire(self: &Arc<Self>) -> Result<Permit, Deferred> {
        let mut place = Place::take(self);
        let since = self.now();
        loop {
            match place.step() {
                Step::Go => {
                    let granted = self.now();
                    self.figures.waited(granted.saturating_sub(since));
                    return Ok(Permit {
                        limiter: Arc::clone(self),
                        granted,
                        open: true,
                    });
                }
                Step::Deferred(deferred) => {
                    self.figures.deferred();
                    return Err(deferred);
                }
                Step::WaitFor(end) => place.signal.notified_until(self.origin, end).await,
                // It looks again now and then, so that a call in a long queue is seen to be alive.
                Step::Wait => {
                    drop(tokio::time::timeout(LOOK_AGAIN, place.signal.0.notified()).await);
                }
            }
        }
    }

    /// For how long the BSS wants to be left alone, if it does.
    #[must_use]
    pub fn paused(&self) -> Option<Deferred> {
        let now = self.now();
        self.lock()
            .core
            .pause(now)
            .map(|pause| deferred(pause, now))
    }

    /// The limits that are not exceeded.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.lock().core.settings()
    }

    /// What was called and how it ended.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What it does to the calls at this moment.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        let now = self.now();
        let state = self.lock();
        match (state.core.pause(now), state.core.probing(now)) {
            (Some(pause), _) => Breaker::Open(pause.reason),
            (None, Some(_)) => Breaker::Probing,
            (None, None) => Breaker::Closed,
        }
    }

    /// Callers that wait and calls under way.
    #[must_use]
    pub fn load(&self) -> (usize, u32) {
        let state = self.lock();
        (state.core.waiting(), state.core.in_flight())
    }

    pub(super) fn set(&self, limits: Declared) {
        self.lock().core.set(limits);
        self.pump(None);
    }

    pub(super) fn at_rest(&self) -> bool {
        let now = self.now();
        self.lock().core.at_rest(now)
    }

    fn finish(&self, granted: Duration, feedback: Feedback) {
        self.change(|core, now| core.finish(now, granted, feedback));
    }

    /// What the origin said to a neighbour whose call was sent at `sent`.
    pub(super) fn hear(&self, sent: Instant, said: (Feedback, Neighbour)) {
        let granted = sent.saturating_duration_since(self.origin);
        self.change(|core, now| core.hear(now, granted, said));
    }

    /// Changes the state, and lets those who wait know of a pause that began.
    fn change(&self, act: impl FnOnce(&mut Core, Duration)) {
        let now = self.now();
        {
            let mut state = self.lock();
            let before = state.core.pause(now);
            act(&mut state.core, now);
            if let Some(pause) = state.core.pause(now) {
                let counted = before.map_or(now, |pause| pause.until);
                self.figures
                    .paused(pause.reason, pause.until.saturating_sub(counted));
                // A pause concerns all who wait, not only the first.
                state
                    .waiting
                    .values()
                    .for_each(|signal| signal.notify_one());
            }
        }
        self.pump(None);
    }

    /// Lets go the callers that may go, and wakes the new head so that it watches the clock; unless the head
    /// is the caller itself, which is awake (waking it would make it loop).
    fn pump(&self, caller: Option<Ticket>) {
        let now = self.now();
        let mut state = self.lock();
        while let Some(ticket) = state.core.grant(now) {
            state.granted.insert(ticket);
            if let Some(signal) = state.waiting.get(&ticket) {
                signal.notify_one();
            }
        }
        let asleep = state.core.head().filter(|head| Some(*head) != caller);
        if let Some(signal) = asleep.and_then(|head| state.waiting.get(&head)) {
            signal.notify_one();
        }
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deferred(pause: Pause, now: Duration) -> Deferred {
    Deferred {
        reason: pause.reason,
        after: pause.until.saturating_sub(now),
    }
}

/// Whether calls go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// They do.
    Closed,
    /// One does, and the others wait for its outcome.
    Probing,
    /// None does.
    Open(PauseReason),
}

enum Step {
    Go,
    Deferred(Deferred),
    WaitFor(Duration),
    Wait,
}

struct Signal(Arc<Notify>);

impl Signal {
    async fn notified_until(&self, origin: Instant, end: Duration) {
        let end = origin.checked_add(end).unwrap_or_else(Instant::now);
        // Which of the two it was does not matter: the next step looks at the state.
        drop(tokio::time::timeout_at(end, self.0.notified()).await);
    }
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    limiter: &'a Arc<Limiter>,
    ticket: Ticket,
    signal: Signal,
    since: Duration,
    over: bool,
}

impl<'a> Place<'a> {
    fn take(limiter: &'a Arc<Limiter>) -> Self {
        let signal = Arc::new(Notify::new());
        let mut state = limiter.lock();
        let ticket = state.core.enqueue(cancellation::caller());
        state.waiting.insert(ticket, Arc::clone(&signal));
        Self {
            limiter,
            ticket,
            signal: Signal(signal),
            since: limiter.now(),
            over: false,
        }
    }

    fn step(&mut self) -> Step {
        self.limiter.pump(Some(self.ticket));
        let now = self.limiter.now();
        let mut state = self.limiter.lock();
        if state.granted.remove(&self.ticket) {
            state.waiting.remove(&self.ticket);
            self.over = true;
            return Step::Go;
        }
        if let Some(pause) = state.core.pause(now) {
            let deferred = deferred(pause, now);
            if deferred.after > PATIENCE {
                return Step::Deferred(deferred);
            }
        }
        // A probe may take as long as a request may: no caller waits longer behind it.
        if let Some(probing) = state.core.probing(now) {
            let end = self.since.saturating_add(PATIENCE);
            return if now >= end {
                Step::Deferred(deferred(probing, now))
            } else {
                Step::WaitFor(end)
            };
        }
        if state.core.head() != Some(self.ticket) {
            return Step::Wait;
        }
        state.core.wake(now).map_or(Step::Wait, Step::WaitFor)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let granted = {
            let mut state = self.limiter.lock();
            state.core.leave(self.ticket);
            state.waiting.remove(&self.ticket);
            state.granted.remove(&self.ticket)
        };
        if granted {
            self.limiter.finish(self.limiter.now(), Feedback::Nothing);
        } else {
            self.limiter.pump(None);
        }
    }
}

/// The right to send one request. It counts as under way until it is finished or dropped.
#[derive(Debug)]
#[must_use = "a permit that is not used blocks a place"]
pub struct Permit {
    limiter: Arc<Limiter>,
    granted: Duration,
    open: bool,
}

impl Permit {
    /// When the turn came.
    pub(super) fn sent(&self) -> Instant {
        let sent = self.limiter.origin.checked_add(self.granted);
        sent.unwrap_or(self.limiter.origin)
    }

    /// The BSS is answering the call: what its kind takes is learnt.
    pub(super) fn learn(&self, kind: Kind) {
        let granted = self.granted;
        self.limiter
            .change(|core, now| core.learn(now, granted, kind));
    }

    /// The call ended.
    pub fn finish(mut self, feedback: Feedback) {
        self.open = false;
        self.limiter.finish(self.granted, feedback);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            self.limiter.finish(self.granted, Feedback::Nothing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::{NonZeroU16, NonZeroU32};

    fn limiter(per_second: u32, concurrency: u16) -> Arc<Limiter> {
        Limiter::new(Settings {
            per_second: NonZeroU32::new(per_second).unwrap(),
            concurrency: NonZeroU16::new(concurrency).unwrap(),
        })
    }

    #[tokio::test]
    async fn many_callers_share_rate_and_slots_in_order() {
        let limiter = limiter(50, 2);
        let order = Arc::new(Mutex::new(Vec::new()));
        let start = Instant::now();
        let calls = (0..40).map(|i| {
            let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
            async move {
                let permit = limiter.acquire().await.unwrap();
                order.lock().unwrap().push(i);
                assert!(limiter.load().1 <= 2);
                tokio::task::yield_now().await;
                permit.finish(Feedback::Answered);
            }
        });
        futures::future::join_all(calls).await;
        assert_eq!(*order.lock().unwrap(), (0..40).collect::<Vec<_>>());
        // 40 calls, 5 of them at once: 35 intervals of 20 ms. How much later does not matter.
        assert!(
            start.elapsed() >= Duration::from_millis(699),
            "{:?}",
            start.elapsed()
        );
        assert!(limiter.figures().snapshot().waits.elapsed >= Duration::from_millis(699));
    }

    #[tokio::test]
    async fn who_gives_up_holds_nobody_back() {
        let limiter = limiter(1000, 1);
        let first = limiter.acquire().await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(20), limiter.acquire()).await;
        assert!(second.is_err());
        assert_eq!(limiter.load(), (0, 1));
        let third = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.acquire().await.map(drop) }
        });
        while limiter.load().0 == 0 {
            tokio::task::yield_now().await;
        }
        drop(first);
        third.await.unwrap().unwrap();
        assert_eq!(limiter.load(), (0, 0));
    }

    #[tokio::test]
    async fn a_place_that_was_granted_and_never_taken_is_given_back() {
        let limiter = limiter(1000, 1);
        let first = limiter.acquire().await.unwrap();
        let mut second = Box::pin(limiter.acquire());
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(
            limiter.load(),
            (0, 1),
            "granted, but its future was not polled again"
        );
        drop(second);
        assert_eq!(limiter.load(), (0, 0));
        drop(limiter.acquire().await.unwrap());
    }

    #[tokio::test]
    async fn a_long_pause_comes_back_also_for_those_who_wait_already() {
        let limiter = limiter(1000, 1);
        let permit = limiter.acquire().await.unwrap();
        let mut behind: Vec<_> = (0..5).map(|_| Box::pin(limiter.acquire())).collect();
        for waiting in &mut behind {
            assert!(futures::poll!(waiting).is_pending());
        }
        permit.finish(Feedback::Throttled {
            after: Some(Duration::from_mins(10)),
        });
        for deferred in futures::future::join_all(behind).await {
            let deferred = deferred.unwrap_err();
            assert_eq!(deferred.reason, PauseReason::Throttled);
            assert!(deferred.after > Duration::from_secs(500));
        }
        assert!(limiter.paused().is_some());
        assert_eq!(limiter.breaker(), Breaker::Open(PauseReason::Throttled));
        let figures = limiter.figures().snapshot();
        assert_eq!(
            (figures.throttled, figures.deferred),
            (Duration::from_mins(10), 5)
        );
    }

    #[tokio::test]
    async fn nobody_hangs_behind_a_probe() {
        let limiter = limiter(1000, 8);
        for _ in 0..super::super::core::LOST_IN_A_ROW {
            let permit = limiter.acquire().await.unwrap();
            permit.finish(Feedback::Lost);
        }
        let probe = limiter.acquire().await.unwrap();
        let began = Instant::now();
        let behind: Vec<_> = (0..3).map(|_| Box::pin(limiter.acquire())).collect();
        for deferred in futures::future::join_all(behind).await {
            let deferred = deferred.unwrap_err();
            assert_eq!(deferred.reason, PauseReason::Unavailable);
            assert!(deferred.after >= Duration::from_millis(500));
        }
        assert!(began.elapsed() >= PATIENCE);
        assert_eq!(limiter.load(), (0, 1));
        assert_eq!(limiter.breaker(), Breaker::Probing);
        let mut quick = Box::pin(limiter.acquire());
        assert!(futures::poll!(&mut quick).is_pending());
        probe.finish(Feedback::Answered);
        drop(quick.await.unwrap());
        assert_eq!(limiter.breaker(), Breaker::Closed);
    }

    #[tokio::test]
    async fn a_short_pause_is_waited_for() {
        let limiter = limiter(1000, 1);
        let permit = limiter.acquire().await.unwrap();
        let start = Instant::now();
        permit.finish(Feedback::Unavailable {
            after: Some(Duration::from_millis(200)),
        });
        drop(limiter.acquire().await.unwrap());
        assert!(start.elapsed() >= Duration::from_millis(200));
    }
}
