//! The decision of one candidate, as a pure function of what it heard and when.

use std::time::Duration;

use thiserror::Error;

/// A moment on the candidate's own monotonic clock: the time since some origin of its own. Moments
/// of two candidates are never compared.
pub type Moment = Duration;

/// No lease lasts longer, whatever a record says: a mistyped duration must not lock all candidates out.
const LONGEST: Duration = Duration::from_mins(10);

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long the others wait, after they saw the lease change last, before they take it.
    pub duration: Duration,
    /// How long a leader believes in its lease, counted from before it *sent* the last renewal
    /// that succeeded.
    pub renew_deadline: Duration,
    /// How often the leader renews, and the others look.
    pub retry_period: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Why timings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the lease needs whole seconds of duration, at most 600, and duration > renew deadline > \
     retry period > 0, each at least a fifth longer than the next; got {0:?}"
)]
pub struct TimingsError(Timings);

impl Timings {
    /// Checks that the others wait longer than the leader believes, with a margin for clocks that
    /// run at different rates.
    pub fn checked(self) -> Result<Self, TimingsError> {
        let longer = |long: Duration, short: Duration| {
            long.as_millis().saturating_mul(5) >= short.as_millis().saturating_mul(6)
        };
        let sound = !self.retry_period.is_zero()
            && longer(self.renew_deadline, self.retry_period)
            && longer(self.duration, self.renew_deadline)
            && self.duration.subsec_nanos() == 0
            && self.duration <= LONGEST;
        if sound {
            Ok(self)
        } else {
            Err(TimingsError(self))
        }
    }
}

/// The lease, as far as the decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its resource version.
    pub version: String,
    /// Who holds it; `None` if it was released.
    pub holder: Option<String>,
    /// For how long, as the holder wrote it.
    pub duration: Option<Duration>,
    /// How often it changed hands.
    pub transitions: i32,
}

/// What the candidate heard since its last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: it is the beginning, or a sleep is over.
    Nothing,
    /// There is no lease.
    Absent,
    /// The lease, as read.
    Lease(Record),
    /// The lease, as written by this candidate's last call.
    Written(Record),
    /// The write was refused: another process wrote meanwhile.
    Refused,
    /// The call failed or was given up; a write may have taken effect, or may still.
    Failed,
}

/// What the candidate does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read the lease.
    Read,
    /// Create the lease; it must not exist.
    Create,
    /// Take the lease as it was heard last, by its version.
    Take {
        /// How often it will have changed hands.
        transitions: i32,
    },
    /// Renew the lease as it was heard last, by its version.
    Renew,
    /// Wait.
    Sleep(Duration),
}

#[derive(Clone, Debug)]
struct Seen {
    record: Record,
    /// When this very version was heard first: it is at least as old as that.
    since: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knowledge {
    /// What was heard last may be out of date.
    Stale,
    /// There was no lease a moment ago.
    Absent,
    /// `seen` was heard a moment ago.
    Fresh,
}

/// One candidate.
#[derive(Clone, Debug)]
pub struct Election {
    me: String,
    timings: Timings,
    knowledge: Knowledge,
    seen: Option<Seen>,
    sent: Moment,
    rest_until: Moment,
    valid_until: Option<Moment>,
    term: u64,
}

impl Election {
    /// A candidate that knows nothing yet. `me` must be unique among all candidates that ever run
    /// at a time; a new process is a new candidate.
    #[must_use]
    pub fn new(me: String, timings: Timings) -> Self {
        Self {
            me,
            timings,
            knowledge: Knowledge::Stale,
            seen: None,
            sent: Moment::ZERO,
            rest_until: Moment::ZERO,
            valid_until: None,
            term: 0,
        }
    }

    /// Until when this candidate may believe that it leads.
    #[must_use]
    pub fn valid_until(&self) -> Option<Moment> {
        self.valid_until
    }

    /// Counts how often this candidate began to lead; also when it led, fell silent, and came
    /// back before another candidate led.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Who holds the lease, as heard last.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.record.holder.as_deref()
    }

    /// Takes in what was heard, and says what to do next. `now` is read after it was heard; a call
    /// that is returned counts as sent at `now`, that is, before it is really sent.
    pub fn step(&mut self, heard: Heard, now: Moment) -> Action {
        self.hear(heard, now);
        if self.valid_until.is_some_and(|until| until <= now) {
            self.valid_until = None;
        }
        self.choose(now)
    }

    /// Stops believing. To be called before the release is sent, so that no process leads while it
    /// is under way.
    pub fn resign(&mut self) {
        self.valid_until = None;
    }

    fn hear(&mut self, heard: Heard, now: Moment) {
        match heard {
            // A leader renews from what it wrote itself; if another writer was faster, the API
            // server refuses that and the lease is read again.
            Heard::Nothing => {
                if self.valid_until.is_none() {
                    self.knowledge = Knowledge::Stale;
                }
            }
            Heard::Absent => {
                self.knowledge = Knowledge::Absent;
                self.seen = None;
            }
            Heard::Lease(record) => {
                // Another process may act already, whatever time this one would have had left.
                if record.holder.as_deref() != Some(self.me.as_str()) {
                    self.valid_until = None;
                }
                self.note(record, now);
            }
            Heard::Written(record) => {
                // From before the request was sent: the API server may have written it at any
                // moment since, and the others count from that moment on.
                let until = self.sent.saturating_add(self.timings.renew_deadline);
                if until > now {
                    if self.valid_until.is_none_or(|lapsed| lapsed <= now) {
                        self.term = self.term.saturating_add(1);
                    }
                    self.valid_until = Some(until);
                    self.rest_until = self.sent.saturating_add(self.timings.retry_period);
                }
                self.note(record, now);
            }
            Heard::Refused => self.knowledge = Knowledge::Stale,
            Heard::Failed => {
                self.knowledge = Knowledge::Stale;
                self.rest_until = now.saturating_add(self.timings.retry_period);
            }
        }
    }

    fn note(&mut self, record: Record, now: Moment) {
        self.knowledge = Knowledge::Fresh;
        match &mut self.seen {
            Some(seen) if seen.record.version == record.version => seen.record = record,
            _ => self.seen = Some(Seen { record, since: now }),
        }
    }

    fn choose(&mut self, now: Moment) -> Action {
        if let Some(rest) = self.rest_until.checked_sub(now).filter(|d| !d.is_zero()) {
            return Action::Sleep(rest);
        }
        let action = match (self.knowledge, &self.seen) {
            (Knowledge::Absent, _) => Action::Create,
            (Knowledge::Fresh, Some(seen)) => self.about(seen, now),
            (Knowledge::Stale | Knowledge::Fresh, _) => Action::Read,
        };
        if !matches!(action, Action::Sleep(_)) {
            self.sent = now;
        }
        action
    }

    fn about(&self, seen: &Seen, now: Moment) -> Action {
        let take = Action::Take {
            transitions: seen.record.transitions.saturating_add(1),
        };
        match seen.record.holder.as_deref() {
            None | Some("") => take,
            // Only a write of our own proves that we lead; to read our name does not.
            Some(holder) if holder == self.me => Action::Renew,
            Some(_other) => {
                let expires = seen.since.saturating_add(self.patience(&seen.record));
                match expires.checked_sub(now).filter(|d| !d.is_zero()) {
                    Some(left) => Action::Sleep(left.min(self.timings.retry_period)),
                    None => take,
                }
            }
        }
    }

    /// How long an unchanged lease is left to its holder: what the holder wrote, but never less
    /// than what this candidate would claim for itself.
    fn patience(&self, record: &Record) -> Duration {
        record
            .duration
            .unwrap_or_default()
            .clamp(self.timings.duration, LONGEST.max(self.timings.duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn held(version: &str, holder: Option<&str>) -> Record {
        Record {
            version: version.into(),
            holder: holder.map(Into::into),
            duration: Some(s(15)),
            transitions: 3,
        }
    }

    #[test]
    fn creates_then_renews_counting_from_before_the_request() {
        let mut me = Election::new("a".into(), Timings::default());
        assert_eq!(me.step(Heard::Nothing, s(100)), Action::Read);
        assert_eq!(me.step(Heard::Absent, s(101)), Action::Create);
        let wait = me.step(Heard::Written(held("1", Some("a"))), s(102));
        assert_eq!(me.valid_until(), Some(s(111)), "sent at 101");
        assert_eq!((me.term(), wait), (1, Action::Sleep(s(1))));
        assert_eq!(me.step(Heard::Nothing, s(103)), Action::Renew);
        me.step(Heard::Written(held("2", Some("a"))), s(105));
        assert_eq!((me.valid_until(), me.term()), (Some(s(113)), 1));
        // A person wrote the lease by hand.
        assert_eq!(me.step(Heard::Nothing, s(106)), Action::Renew);
        assert_eq!(me.step(Heard::Refused, s(107)), Action::Read);
        let renew = me.step(Heard::Lease(held("4", Some("a"))), s(107));
        assert_eq!((renew, me.term()), (Action::Renew, 1));
    }

    #[test]
    fn a_late_answer_is_no_leadership() {
        let mut me = Election::new("a".into(), Timings::default());
        me.step(Heard::Nothing, s(0));
        assert_eq!(me.step(Heard::Absent, s(0)), Action::Create);
        let next = me.step(Heard::Written(held("1", Some("a"))), s(10));
        assert_eq!((me.valid_until(), me.term()), (None, 0));
        assert_eq!(next, Action::Renew, "but the lease is ours to renew");
    }

    #[test]
    fn waits_until_the_lease_stayed_unchanged_on_the_own_clock() {
        let mut me = Election::new("b".into(), Timings::default());
        me.step(Heard::Nothing, s(0));
        let wait = me.step(Heard::Lease(held("1", Some("a"))), s(1));
        assert_eq!(wait, Action::Sleep(s(2)));
        me.step(Heard::Lease(held("1", Some("a"))), s(15));
        // A renewal begins the wait again.
        me.step(Heard::Lease(held("2", Some("a"))), s(16));
        let wait = me.step(Heard::Lease(held("2", Some("a"))), s(30));
        assert_eq!(wait, Action::Sleep(s(1)));
        let take = me.step(Heard::Lease(held("2", Some("a"))), s(31));
        assert_eq!(take, Action::Take { transitions: 4 });
        assert_eq!(me.step(Heard::Refused, s(32)), Action::Read);
        assert_eq!(me.valid_until(), None);
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let mut me = Election::new("b".into(), Timings::default());
        me.step(Heard::Nothing, s(0));
        let take = me.step(Heard::Lease(held("1", None)), s(1));
        assert_eq!(take, Action::Take { transitions: 4 });
    }

    #[test]
    fn leadership_lapses_and_a_comeback_is_a_new_term() {
        let mut me = Election::new("a".into(), Timings::default());
        me.step(Heard::Nothing, s(0));
        me.step(Heard::Absent, s(0));
        me.step(Heard::Written(held("1", Some("a"))), s(1));
        assert_eq!(me.valid_until(), Some(s(10)));
        me.step(Heard::Failed, s(8));
        assert_eq!(me.valid_until(), Some(s(10)), "one failure loses nothing");
        assert_eq!(me.step(Heard::Nothing, s(11)), Action::Read);
        assert_eq!(me.valid_until(), None, "it lapsed by itself");
        let renew = me.step(Heard::Lease(held("1", Some("a"))), s(11));
        assert_eq!(renew, Action::Renew);
        me.step(Heard::Written(held("2", Some("a"))), s(12));
        assert_eq!((me.term(), me.valid_until()), (2, Some(s(21))));
    }

    #[test]
    fn timings_are_checked() {
        let with = |duration, renew_deadline, retry_period| {
            Timings {
                duration,
                renew_deadline,
                retry_period,
            }
            .checked()
            .is_ok()
        };
        assert!(with(s(15), s(10), s(2)));
        assert!(with(s(3), s(2), Duration::from_millis(400)));
        assert!(!with(s(10), s(10), s(2)));
        assert!(!with(s(15), s(10), s(9)));
        assert!(!with(s(15), s(10), s(0)));
        assert!(!with(s(601), s(10), s(2)));
        assert!(!with(Duration::from_millis(15_500), s(10), s(2)));
    }
}
