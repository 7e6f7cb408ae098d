//! How long to wait after the n-th failure in a row.

use std::time::Duration;

/// The longest wait.
const CAP_MS: u64 = 60_000;
/// The first wait.
const BASE_MS: u64 = 500;

/// Delay before attempt `attempt + 1`: doubles from half a second to a minute, and of each step a
/// random share between a half and the whole, so that upgrades that failed together do not come
/// back together. The share is a function of the seed: the same run again waits the same.
#[must_use]
pub fn delay(attempt: u32, seed: u64) -> Duration {
    let step = BASE_MS.saturating_mul(1_u64 << attempt.min(20)).min(CAP_MS);
    let half = step / 2;
    let jitter = mix(seed ^ u64::from(attempt))
        .checked_rem(half.saturating_add(1))
        .unwrap_or(0);
    Duration::from_millis(half.saturating_add(jitter))
}

/// The first wait for something that is on its way.
const FIRST_POLL: Duration = Duration::from_millis(200);

/// How long to wait after `looks` looks in a row at something that is on its way in the BSS: from a fifth of a
/// second on, half as much again each time, up to the interval that the administrator set. What is ready at once
/// costs no whole interval, and what takes long is not asked for more often than that.
#[must_use]
pub(super) fn poll(looks: u32, interval: Duration) -> Duration {
    let mut wait = FIRST_POLL;
    for _ in 0..looks {
        if wait >= interval {
            break;
        }
        wait = wait.saturating_mul(3).checked_div(2).unwrap_or(wait);
    }
    wait.min(interval)
}

/// The finalizer of splitmix64: spreads a counter over all bits.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounded_and_growing(attempt in 0_u32..200, seed: u64) {
            let wait = delay(attempt, seed);
            prop_assert!(wait >= Duration::from_millis(BASE_MS / 2));
            prop_assert!(wait <= Duration::from_millis(CAP_MS));
            prop_assert!(delay(attempt.saturating_add(2), seed) >= wait.min(Duration::from_millis(CAP_MS / 2)));
        }

        #[test]
        fn polls_begin_at_once_and_end_at_the_interval(looks in 0_u32..200, interval in 1_u64..3_600_000) {
            let interval = Duration::from_millis(interval);
            let (wait, next) = (poll(looks, interval), poll(looks.saturating_add(1), interval));
            prop_assert_eq!(poll(0, interval), FIRST_POLL.min(interval));
            prop_assert!(wait <= next && next <= interval);
            prop_assert!(next <= wait.saturating_mul(2));
            prop_assert_eq!(poll(40, interval), interval);
        }
    }

    #[test]
    fn as_it_is_shipped_a_poll_is_slow_after_ten_seconds() {
        let interval = Duration::from_secs(5);
        let waits: Vec<u128> = (0..10)
            .map(|looks| poll(looks, interval).as_millis())
            .collect();
        assert_eq!(
            waits,
            [200, 300, 450, 675, 1012, 1518, 2278, 3417, 5000, 5000]
        );
    }
}
