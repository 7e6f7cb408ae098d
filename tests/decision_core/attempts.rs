//! When the operator looks again, as people read it.

use std::time::Duration;

use jiff::Timestamp;
use tenant_reseller_operator::api::{Reason, TenantResellerUpgradeStatus};
use tenant_reseller_operator::upgrade::{Draft, Now, ReadyState, compose};

const WALL: i64 = 1_800_000_000;

/// The status of a wait, so long after the beginning, in milliseconds both.
fn waits(before: &TenantResellerUpgradeStatus, at: i64, wait: u64) -> TenantResellerUpgradeStatus {
    let state = ReadyState {
        reason: Reason::BssUnavailable,
        message: "The BSS is not available.".to_owned(),
        next_action: "Wait.".to_owned(),
    };
    let draft = Draft {
        generation: 1,
        known: None,
        claim: None,
        state: &state,
        next_attempt: Some(Duration::from_millis(wait)),
        handled: None,
        identity: None,
    };
    let now = Now {
        wall: Timestamp::from_millisecond(WALL * 1000 + at).unwrap(),
        monotonic: Duration::ZERO,
    };
    compose(before, draft, now)
}

/// The next attempt that a status shows, in seconds after the beginning.
fn shown(status: &TenantResellerUpgradeStatus) -> Option<i64> {
    let text = status.waiting_for.as_ref()?.next_attempt_time.clone()?;
    assert!(!text.contains('.'), "whole seconds: {text}");
    let time: Timestamp = text.parse().unwrap();
    Some(time.as_second() - WALL)
}

#[test]
fn an_attempt_that_becomes_earlier_is_shown_at_once() {
    let first = waits(&TenantResellerUpgradeStatus::default(), 0, 300_000);
    assert_eq!(shown(&first), Some(300));
    let later = waits(&first, 10_000, 300_000);
    assert_eq!(shown(&later), Some(300), "one that moves on is no write");
    assert_eq!(later, first);
    let about = waits(&first, 10_000, 286_000);
    assert_eq!(about, first, "seconds are no write either");
    let earlier = waits(&first, 10_000, 60_000);
    assert_eq!(shown(&earlier), Some(70));
    let past = waits(&first, 301_000, 60_000);
    assert_eq!(shown(&past), Some(361));
}

#[test]
fn every_instant_has_whole_seconds() {
    let status = waits(&TenantResellerUpgradeStatus::default(), 1, 45_987);
    assert_eq!(shown(&status), Some(45));
    let since = &status.waiting_for.unwrap().since;
    assert!(!since.contains('.'), "{since}");
}
