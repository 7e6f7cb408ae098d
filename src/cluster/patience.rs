//! How long a watch that failed rests.

use std::time::Duration;

use kube::runtime::utils::Backoff;
use tokio::time::Instant;

/// How long a failed watch rests: half a second, doubled up to ten.
///
/// kube-rs resets its own back-off with each success and counts the beginning of a list as one, so
/// that a list that always fails would never be asked more slowly. This one forgets failures only
/// after a quiet minute.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
    last: Option<Instant>,
}

const QUIET: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_secs(10);

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.failed_at(Instant::now()))
    }
}

impl Patience {
    fn failed_at(&mut self, now: Instant) -> Duration {
        let quiet = |last| now.saturating_duration_since(last) > QUIET;
        if self.last.is_some_and(quiet) {
            self.failures = 0;
        }
        self.last = Some(now);
        let rest = Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1).min(16);
        rest.min(LONGEST)
    }
}

impl Backoff for Patience {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_and_forgets() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        let rests: Vec<u128> = (0..6)
            .map(|_| patience.failed_at(now).as_millis())
            .collect();
        assert_eq!(rests, [500, 1000, 2000, 4000, 8000, 10000]);
        patience.reset();
        assert_eq!(patience.failed_at(now), LONGEST, "a success is no reset");
        let later = now + QUIET + Duration::from_secs(1);
        assert_eq!(patience.failed_at(later), Duration::from_millis(500));
    }
}
