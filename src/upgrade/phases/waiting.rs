//! Waiting: for people, for the BSS, for a quiet time. While people have to act, a cheap look now and then
//! tells that they have; it only brings the look at everything forward, and nothing is decided by it.

use std::time::Duration;

use crate::api::Reason;
use crate::upgrade::backoff;
use crate::upgrade::decide::{Decide, Decision, Next};
use crate::upgrade::effect::{CheapLook, Effect, Read};
use crate::upgrade::known::Watched;
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::{Stage, cheap_look};
use crate::upgrade::report::ReadyState;

/// The operator rests so many times as long as a look took before it takes the next one.
const REST_PER_LOOK: u32 = 100;

/// What a person may have done is looked at after this part of the slow interval at the soonest: after
/// half a minute, unless people chose another pace.
const SOONEST_LOOK: u32 = 10;

/// What counts once in each effect, however many of its calls tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::upgrade) enum Counter {
    /// Failures in a row.
    CallFailures,
    /// Rounds in a row.
    Round,
    /// Failures that are tried again only after a look that succeeds.
    Stumble,
    /// Failures of the look ahead.
    Preflight,
}

/// Whether something was counted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Counted {
    Now,
    Before,
}

impl Decide<'_> {
    /// Nothing to do for a while. Where a cheap look tells that people have done their part, one is
    /// taken now and then.
    pub(in crate::upgrade) fn rests(&self, wait: Duration) -> Decision {
        let watch = self.cheap_look(wait);
        let due = watch.as_ref().map(|(_, due)| *due);
        let (effect, next) = match (watch, due) {
            (Some((read, due)), _) if due.is_zero() => {
                (Some(Effect::Read(Read::Watch(read))), Next::AfterEffect)
            }
            (_, Some(due)) if due < wait => (
                None,
                Next::Watch {
                    again: due,
                    look: wait,
                },
            ),
            (_, _) => (None, Next::After(wait)),
        };
        Decision {
            effect,
            state: self.state(),
            next,
        }
    }

    /// The cheap look, and how long until it is due. Where everything is looked at again as soon, none
    /// is taken.
    fn cheap_look(&self, wait: Duration) -> Option<(CheapLook, Duration)> {
        let pace = &self.upgrade.pace;
        let soon = wait <= pace.watch && self.known.waiting.watched.is_none();
        if soon || pace.watch >= pace.recheck || self.known.waiting.failures.is_some() {
            return None;
        }
        let ready_state = self.known.waiting.ready_state.as_ref()?;
        let read = cheap_look::telling_read(self.upgrade, self.known, ready_state.reason)?;
        let due = self
            .known
            .waiting
            .watched
            .map_or(Duration::ZERO, |watched| {
                let next = watched.at.saturating_add(pace.watch);
                next.saturating_sub(self.now.monotonic)
            });
        Some((read, due))
    }

    /// How long until nothing from before that moment can take effect any more.
    pub(super) fn settling_since(&self, moment: Option<Duration>) -> Option<Duration> {
        let until = moment
            .unwrap_or(self.now.monotonic)
            .saturating_add(self.upgrade.terms.settle);
        until
            .checked_sub(self.now.monotonic)
            .filter(|left| !left.is_zero())
    }

    pub(super) fn settles(left: Duration, what: &str) -> Decision {
        Decision {
            effect: None,
            state: ReadyState {
                reason: Reason::Settling,
                message: format!("A quiet time runs, until nothing of {what} can be under way."),
                next_action: "Nothing: the operator goes on by itself. The time is \
                              limits.settleSeconds of the connection."
                    .to_owned(),
            },
            next: Next::After(left),
        }
    }
}

impl Observe<'_> {
    pub(super) fn once(&mut self, counter: Counter) -> Counted {
        if self.counted.insert(counter) {
            Counted::Now
        } else {
            Counted::Before
        }
    }

    /// A person must act: the ready state stands until the next slow look.
    pub(in crate::upgrade) fn stall(&mut self, ready_state: ReadyState) {
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.recheck);
        self.known.wait(ready_state, until);
    }

    /// A person must do something that a look tells: it is seen after a tenth of the slow interval (half a
    /// minute, as it is shipped) if the look is cheap.
    /// The look takes no more than a hundredth of the time, so that upgrades which wait for people
    /// take the BSS from none that works.
    pub(super) fn watch(&mut self, ready_state: ReadyState) {
        let now = self.now.monotonic;
        let begun = self.known.bss.reseller_read.unwrap_or(now);
        let rest = now.saturating_sub(begun).saturating_mul(REST_PER_LOOK);
        let pace = &self.upgrade.pace;
        let soonest = pace.recheck.checked_div(SOONEST_LOOK).unwrap_or(pace.poll);
        let wait = rest.max(soonest).max(pace.poll).min(pace.recheck);
        self.known.wait(ready_state, now.saturating_add(wait));
    }

    /// Something is on its way: look again soon, and later each time.
    pub(super) fn poll(&mut self, ready_state: ReadyState) {
        let wait = self.known.waiting.next_poll(self.upgrade.pace.poll);
        let until = self.now.monotonic.saturating_add(wait);
        self.known.wait(ready_state, until);
    }

    /// Another round of the same, later each time.
    pub(super) fn again(&mut self, stage: Stage) {
        self.retreat(stage);
        if self.once(Counter::Round) == Counted::Now {
            let delay = backoff::delay(self.known.waiting.rounds, self.upgrade.seed);
            self.known.waiting.rounds = self.known.waiting.rounds.saturating_add(1);
            let until = self.now.monotonic.saturating_add(delay);
            self.known.waiting.not_before(until);
        }
    }

    /// Goes back to a stage from where the work could not go on. Repetitions are
    /// counted on until the work is beyond that place: the stages on the way there are no progress.
    pub(super) fn retreat(&mut self, stage: Stage) {
        self.known.waiting.held_at = self.known.waiting.held_at.max(self.known.stage);
        self.known.enter(stage);
    }

    /// Something changed for the better: repetitions begin to be counted anew.
    pub(in crate::upgrade) fn progressed(&mut self) {
        self.known.waiting.progressed();
    }

    /// Comes to a stage.
    pub(super) fn comes_to(&mut self, stage: Stage) {
        if stage > self.known.waiting.held_at {
            self.progressed();
        }
    }

    /// What was in the way is not any more.
    pub(in crate::upgrade) fn lift(&mut self, reasons: &[Reason]) {
        if self
            .known
            .waiting
            .ready_state
            .as_ref()
            .is_some_and(|ready_state| reasons.contains(&ready_state.reason))
        {
            self.known.waiting.ready_state = None;
        }
    }

    /// Work goes on: only what still waits for something else keeps being shown.
    pub(super) fn clear_ready_state_but(&mut self, keep: &[Reason]) {
        if self
            .known
            .waiting
            .ready_state
            .as_ref()
            .is_some_and(|ready_state| !keep.contains(&ready_state.reason))
        {
            self.known.waiting.ready_state = None;
        }
    }

    /// A cheap look was taken. An answer that is not the first one's means that people have acted.
    pub(in crate::upgrade) fn watched(&mut self, answer: Option<u64>) {
        let before = self
            .known
            .waiting
            .watched
            .and_then(|watched| watched.answer);
        if let (Some(before), Some(answer)) = (before, answer)
            && before != answer
        {
            self.known.waiting.not_before = None;
        }
        self.known.waiting.watched = Some(Watched {
            at: self.now.monotonic,
            answer: before.or(answer),
        });
    }
}
