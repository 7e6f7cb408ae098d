//! What the API server did not do, upgrade by upgrade: how long to wait, and what is told of it.
//! Pure; it touches nothing.
//!
//! Waits grow, are spread, and last at least as long as the API server asked for, so that an API
//! server in trouble is not held down by those that wait for it. What a person has to mend, a
//! missing right or a refused object, is told once and loudly, and again only when it changes; an
//! API server that is away is away for all upgrades, and is told once a minute for all of them.

use std::time::Duration;

use crate::cluster::port::ClusterError;
use crate::upgrade::backoff_delay;

/// A write that met another one is tried again soon, however often: the wait does not double more
/// often than this.
const CONFLICT_STEPS: u32 = 4;
/// Whoever failed waits at least the third step of the back-off: one second.
const FIRST_STEP: u32 = 2;
/// The API server is not obeyed if it asks for more.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// An API server that stays away is told again after this long.
const TOLD_AGAIN: Duration = Duration::from_mins(1);

/// Why a pass did not come to its end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopped<'a> {
    /// It has to begin again: what it saw is not so any more.
    Again,
    /// The API server did not do its part.
    By(&'a ClusterError),
}

/// How loudly a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A person has to mend it, and was not told yet.
    Loudly,
    /// It passes by itself; whether it is told depends on whether it was told for another upgrade.
    IfNews,
    /// It was told already, or is nothing that anybody has to know.
    Not,
}

/// Failures of one upgrade's passes in a row.
#[derive(Debug, Default)]
pub(super) struct Unserved {
    failures: u32,
    /// What a person was told.
    told: Option<String>,
}

impl Unserved {
    /// A pass did not come to its end: how long to wait, and how loudly it is told.
    pub(super) fn stopped(&mut self, why: Stopped<'_>, seed: u64) -> (Duration, Told) {
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        let longer = || backoff_delay(failures.saturating_add(FIRST_STEP), seed);
        match why {
            Stopped::Again
            | Stopped::By(ClusterError::Conflict | ClusterError::Gone | ClusterError::Exists) => {
                (backoff_delay(failures.min(CONFLICT_STEPS), seed), Told::Not)
            }
            Stopped::By(error @ (ClusterError::Forbidden(_) | ClusterError::Invalid(_))) => {
                let text = error.to_string();
                let told = if self.told.as_ref() == Some(&text) {
                    Told::Not
                } else {
                    Told::Loudly
                };
                self.told = Some(text);
                (longer(), told)
            }
            Stopped::By(ClusterError::Unavailable(_)) => (longer(), Told::IfNews),
            Stopped::By(ClusterError::Busy { after, .. }) => {
                (longer().max((*after).min(LONGEST_PAUSE)), Told::IfNews)
            }
        }
    }

    /// The API server took a write of the upgrade: the next failure is the first of a new row. What a
    /// person was told stands until a whole pass comes to its end.
    pub(super) fn served(&mut self) {
        self.failures = 0;
    }
}

/// When the last failure was told that is the same for all upgrades.
#[derive(Debug, Default)]
pub(super) struct Away {
    told: Option<Duration>,
}

impl Away {
    /// Whether it is to be told now.
    pub(super) fn is_news(&mut self, now: Duration) -> bool {
        let recent = self
            .told
            .is_some_and(|told| now.saturating_sub(told) < TOLD_AGAIN);
        if !recent {
            self.told = Some(now);
        }
        !recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unavailable() -> ClusterError {
        ClusterError::Unavailable("503".to_owned())
    }

    fn forbidden(what: &str) -> ClusterError {
        ClusterError::Forbidden(what.to_owned())
    }

    proptest! {
        #[test]
        fn waits_grow_to_a_minute_and_never_stop(seed: u64, failures in 1_usize..200) {
            let mut unserved = Unserved::default();
            let error = unavailable();
            let mut waits: Vec<Duration> = Vec::new();
            for _ in 0..failures {
                let (wait, told) = unserved.stopped(Stopped::By(&error), seed);
                prop_assert_eq!(told, Told::IfNews);
                prop_assert!(wait >= Duration::from_secs(1) && wait <= Duration::from_mins(1));
                if let Some(before) = waits.len().checked_sub(2).and_then(|n| waits.get(n)) {
                    prop_assert!(wait.saturating_mul(2) >= *before);
                }
                waits.push(wait);
            }
            if failures > 6 {
                prop_assert!(waits.last() >= Some(&Duration::from_secs(30)));
            }
            unserved.served();
            let (wait, _) = unserved.stopped(Stopped::By(&error), seed);
            prop_assert!(wait <= Duration::from_secs(2), "a success begins a new row");
        }

        #[test]
        fn conflicts_stay_short(seed: u64, conflicts in 1_usize..200) {
            let mut unserved = Unserved::default();
            let why = [Stopped::Again, Stopped::By(&ClusterError::Conflict)];
            let mut last = Duration::ZERO;
            for n in 0..conflicts {
                (last, _) = unserved.stopped(why[n % 2], seed);
                prop_assert!(last <= Duration::from_secs(8));
            }
            if conflicts > 4 {
                prop_assert!(last >= Duration::from_secs(4), "but they do not spin");
            }
        }
    }

    #[test]
    fn upgrades_that_failed_together_do_not_come_back_together() {
        let error = unavailable();
        let wait = |seed| Unserved::default().stopped(Stopped::By(&error), seed).0;
        let mut waits: Vec<Duration> = (0..100).map(wait).collect();
        waits.sort();
        waits.dedup();
        assert!(waits.len() > 80, "{} different waits", waits.len());
    }

    #[test]
    fn what_the_api_server_asks_for_is_granted_within_reason() {
        let asked = |seconds| {
            let error = ClusterError::Busy {
                said: "429".to_owned(),
                after: Duration::from_secs(seconds),
            };
            Unserved::default().stopped(Stopped::By(&error), 7).0
        };
        assert_eq!(asked(40), Duration::from_secs(40));
        assert_eq!(asked(86_400), LONGEST_PAUSE);
        assert!(asked(0) >= Duration::from_secs(1));
    }

    #[test]
    fn a_missing_right_is_told_once_and_again_when_it_is_another() {
        let mut unserved = Unserved::default();
        let mut told = |error: &ClusterError| unserved.stopped(Stopped::By(error), 7).1;
        assert_eq!(told(&forbidden("patch status")), Told::Loudly);
        for _ in 0..50 {
            assert_eq!(told(&forbidden("patch status")), Told::Not);
            assert_eq!(told(&unavailable()), Told::IfNews);
        }
        assert_eq!(told(&forbidden("list reports")), Told::Loudly);
        let refused = ClusterError::Invalid("patch status".to_owned());
        assert_eq!(told(&refused), Told::Loudly);
    }

    #[test]
    fn an_api_server_that_is_away_is_told_once_a_minute_for_all() {
        let mut away = Away::default();
        let told: Vec<u64> = (0..200)
            .filter(|second| away.is_news(Duration::from_secs(*second)))
            .collect();
        assert_eq!(told, [0, 60, 120, 180]);
    }
}
