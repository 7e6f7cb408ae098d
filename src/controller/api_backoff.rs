//! How the operator backs off from an API server that refuses or does not answer, upgrade by upgrade:
//! how long to wait, and how loudly to log it. It touches neither the cluster nor the BSS.
//!
//! Waits grow, are spread, and last at least as long as the API server asked for, so that an API
//! server in trouble is not kept down by the upgrades that wait for it. What a person has to mend (a
//! missing right, a refused object) is logged once as an error, and again only when it changes. An
//! API server that is away is away for all upgrades, and is logged once a minute for all of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::reconcile::ReconcileError;
use crate::cluster::port::ClusterError;
use crate::upgrade::{backoff_delay, seed};

/// A write that met another one is tried again soon, however often it does: the wait does not double
/// more often than this.
const CONFLICT_STEPS: u32 = 4;
/// After any other failure an upgrade waits at least the third step of the back-off: one second.
const FIRST_STEP: u32 = 2;
/// The longest pause that the operator grants an API server which asks for one.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// An API server that stays away is logged again after this long.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// How a failure is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogAs {
    /// As an error: a person has to mend it, and it was not logged yet.
    Error,
    /// As a warning, unless another upgrade was warned about within the last minute: it passes by
    /// itself.
    Warning,
    /// Only for debugging: it was logged already, or no person has to know.
    Debug,
}

/// What follows a reconcile that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    /// How long to wait.
    pub(super) after: Duration,
    pub(super) log_as: LogAs,
}

/// The failures of all upgrades, by uid.
#[derive(Debug, Default)]
pub(super) struct ApiBackoff {
    /// The upgrades whose last reconcile failed.
    upgrades: Mutex<HashMap<String, Failures>>,
    warnings: Mutex<WarningLimit>,
}

impl ApiBackoff {
    /// A reconcile failed.
    pub(super) fn failed(&self, uid: &str, error: &ReconcileError) -> Retry {
        let mut upgrades = self.upgrades();
        let failures = upgrades.entry(uid.to_owned()).or_default();
        failures.failed(error, seed(uid))
    }

    /// The API server took a write of the upgrade.
    pub(super) fn written(&self, uid: &str) {
        if let Some(failures) = self.upgrades().get_mut(uid) {
            failures.written();
        }
    }

    /// A reconcile succeeded, or the upgrade is gone.
    pub(super) fn forget(&self, uid: &str) {
        self.upgrades().remove(uid);
    }

    /// This process lost the lease.
    pub(super) fn forget_all(&self) {
        self.upgrades().clear();
    }

    /// Whether a failure that is the same for all upgrades is to be logged as a warning now.
    pub(super) fn may_warn(&self, now: Duration) -> bool {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.may_warn(now)
    }

    fn upgrades(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        self.upgrades.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Failed reconciles of one upgrade in a row.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    /// The error that was logged for a person.
    logged: Option<String>,
}

impl Failures {
    fn failed(&mut self, error: &ReconcileError, seed: u64) -> Retry {
        let count = self.count;
        self.count = count.saturating_add(1);
        let longer = || backoff_delay(count.saturating_add(FIRST_STEP), seed);
        let retry = |after, log_as| Retry { after, log_as };
        let ReconcileError::Cluster(error) = error else {
            return retry(soon(count, seed), LogAs::Debug);
        };
        match error {
            ClusterError::Conflict | ClusterError::Gone | ClusterError::Exists => {
                retry(soon(count, seed), LogAs::Debug)
            }
            ClusterError::Forbidden(_) | ClusterError::Invalid(_) => {
                let text = error.to_string();
                let log_as = if self.logged.as_ref() == Some(&text) {
                    LogAs::Debug
                } else {
                    LogAs::Error
                };
                self.logged = Some(text);
                retry(longer(), log_as)
            }
            ClusterError::Unavailable(_) => retry(longer(), LogAs::Warning),
            ClusterError::Busy { after, .. } => {
                retry(longer().max((*after).min(LONGEST_PAUSE)), LogAs::Warning)
            }
        }
    }

    /// The next failure is the first of a new row. What was logged for a person stays known until a
    /// reconcile succeeds.
    fn written(&mut self) {
        self.count = 0;
    }
}

fn soon(failures: u32, seed: u64) -> Duration {
    backoff_delay(failures.min(CONFLICT_STEPS), seed)
}

/// When a failure that is the same for all upgrades was logged last.
#[derive(Debug, Default)]
struct WarningLimit {
    last: Option<Duration>,
}

impl WarningLimit {
    fn may_warn(&mut self, now: Duration) -> bool {
        let recent = self
            .last
            .is_some_and(|last| now.saturating_sub(last) < WARN_EVERY);
        if !recent {
            self.last = Some(now);
        }
        !recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unavailable() -> ReconcileError {
        ClusterError::Unavailable("503".to_owned()).into()
    }

    fn forbidden(what: &str) -> ReconcileError {
        ClusterError::Forbidden(what.to_owned()).into()
    }

    proptest! {
        #[test]
        fn waits_grow_to_a_minute_and_never_stop(seed: u64, count in 1_usize..200) {
            let mut failures = Failures::default();
            let error = unavailable();
            let mut waits: Vec<Duration> = Vec::new();
            for _ in 0..count {
                let Retry { after: wait, log_as } = failures.failed(&error, seed);
                prop_assert_eq!(log_as, LogAs::Warning);
                prop_assert!(wait >= Duration::from_secs(1) && wait <= Duration::from_mins(1));
                if let Some(before) = waits.len().checked_sub(2).and_then(|n| waits.get(n)) {
                    prop_assert!(wait.saturating_mul(2) >= *before);
                }
                waits.push(wait);
            }
            if count > 6 {
                prop_assert!(waits.last() >= Some(&Duration::from_secs(30)));
            }
            failures.written();
            let wait = failures.failed(&error, seed).after;
            prop_assert!(wait <= Duration::from_secs(2), "a success begins a new row");
        }

        #[test]
        fn conflicts_stay_short(seed: u64, conflicts in 1_usize..200) {
            let mut failures = Failures::default();
            let errors = [ReconcileError::Stale, ClusterError::Conflict.into()];
            let mut last = Duration::ZERO;
            for n in 0..conflicts {
                last = failures.failed(&errors[n % 2], seed).after;
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
        let wait = |seed| Failures::default().failed(&error, seed).after;
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
            Failures::default().failed(&error.into(), 7).after
        };
        assert_eq!(asked(40), Duration::from_secs(40));
        assert_eq!(asked(86_400), LONGEST_PAUSE);
        assert!(asked(0) >= Duration::from_secs(1));
    }

    #[test]
    fn a_missing_right_is_logged_once_and_again_when_it_is_another() {
        let mut failures = Failures::default();
        let mut logged = |error: &ReconcileError| failures.failed(error, 7).log_as;
        assert_eq!(logged(&forbidden("patch status")), LogAs::Error);
        for _ in 0..50 {
            assert_eq!(logged(&forbidden("patch status")), LogAs::Debug);
            assert_eq!(logged(&unavailable()), LogAs::Warning);
        }
        assert_eq!(logged(&forbidden("list reports")), LogAs::Error);
        let refused = ClusterError::Invalid("patch status".to_owned());
        assert_eq!(logged(&refused.into()), LogAs::Error);
    }

    #[test]
    fn an_api_server_that_is_away_is_logged_once_a_minute_for_all() {
        let mut warnings = WarningLimit::default();
        let logged: Vec<u64> = (0..200)
            .filter(|second| warnings.may_warn(Duration::from_secs(*second)))
            .collect();
        assert_eq!(logged, [0, 60, 120, 180]);
    }
}
