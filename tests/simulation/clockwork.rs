//! Virtual time, randomness from a seed, and calls that arrive: the machinery under a run.
//!
//! It knows neither cluster nor BSS. One event happens at a time, in the order of virtual time and,
//! at the same moment, of scheduling; nothing reads a real clock, and no map has a random order, so
//! that two runs of one seed are equal byte for byte.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Randomness from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x5eed_5eed_5eed_5eed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A time between two, in milliseconds.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from((most.saturating_sub(least)).as_millis()).unwrap();
        least + Duration::from_millis(self.below(span + 1))
    }

    /// One of a slice that is not empty.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(u64::try_from(all.len()).unwrap());
        &all[usize::try_from(at).unwrap()]
    }
}

/// What happens at a moment.
pub(crate) type Event<S> = Box<dyn FnOnce(&mut S) + Send>;

/// What is to happen, in order.
pub(crate) struct Agenda<S> {
    pub(crate) now: Duration,
    scheduled: u64,
    events: BTreeMap<(Duration, u64), Event<S>>,
}

impl<S> Agenda<S> {
    pub(crate) fn new() -> Self {
        Self {
            now: Duration::ZERO,
            scheduled: 0,
            events: BTreeMap::new(),
        }
    }

    /// Lets something happen later.
    pub(crate) fn after(&mut self, wait: Duration, event: impl FnOnce(&mut S) + Send + 'static) {
        self.scheduled += 1;
        let at = (self.now + wait, self.scheduled);
        self.events.insert(at, Box::new(event));
    }

    /// The next event; time moves on to it.
    pub(crate) fn next(&mut self) -> Option<Event<S>> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = self.now.max(at);
        Some(event)
    }
}

struct Slot<R> {
    value: Option<R>,
    waker: Option<Waker>,
}

/// The caller's end of a call.
pub(crate) struct Reply<R>(Arc<Mutex<Slot<R>>>);

/// The other end, which answers once; a second answer is not heard.
pub(crate) struct Answer<R>(Arc<Mutex<Slot<R>>>);

impl<R> Clone for Answer<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A call that was made and not answered yet.
pub(crate) fn call<R>() -> (Answer<R>, Reply<R>) {
    let slot = Arc::new(Mutex::new(Slot {
        value: None,
        waker: None,
    }));
    (Answer(Arc::clone(&slot)), Reply(slot))
}

impl<R> Answer<R> {
    pub(crate) fn give(&self, value: R) {
        let mut slot = self.0.lock().unwrap();
        slot.value.get_or_insert(value);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }
}

impl<R> Future for Reply<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let mut slot = self.0.lock().unwrap();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(value);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
