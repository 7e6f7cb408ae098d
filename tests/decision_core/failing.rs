//! What people read of calls that fail, and after how many of them.

use std::time::Duration;

use jiff::Timestamp;
use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::upgrade::{Attempted, Known, Now, Outcome, observe};

use crate::drive::{upgrade, valid_with};

fn garbled() -> BssError {
    BssError::Malformed {
        detail: "getReseller: status 200 with a body that is not JSON".to_owned(),
    }
}

fn away() -> BssError {
    BssError::Unavailable {
        detail: "status 503".to_owned(),
    }
}

/// The reason that is shown after effects that failed so, one list for each effect.
fn shown(effects: &[&[BssError]]) -> Vec<Reason> {
    let valid = valid_with(Vec::new(), &upgrade());
    let mut known = Known::default();
    let effect = |(minute, errors): (u64, &&[BssError])| {
        let now = Now {
            wall: Timestamp::from_second(1_800_000_000).unwrap(),
            monotonic: Duration::from_secs(60 * minute),
        };
        for error in *errors {
            let outcome = Outcome::Failed {
                attempted: Attempted::Read,
                error: error.clone(),
            };
            observe(&valid, &mut known, outcome, now);
        }
        known.waiting.failures.as_ref().unwrap().ready_state.reason
    };
    (1_u64..).zip(effects).map(effect).collect()
}

#[test]
fn one_garbled_reply_among_others_that_failed_calls_nobody() {
    let (garbled, away) = (garbled(), away());
    let one: &[BssError] = std::slice::from_ref(&garbled);
    let other: &[BssError] = std::slice::from_ref(&away);
    let after_others = shown(&[other, other, other, one]);
    assert_eq!(after_others[3], Reason::ProgressingWithRetry);
    let in_a_row = shown(&[one, one, one, one]);
    assert_eq!(
        in_a_row,
        [
            Reason::ProgressingWithRetry,
            Reason::ProgressingWithRetry,
            Reason::ProgressingWithRetry,
            Reason::ContractViolated
        ]
    );
    // Nothing came in between that was right.
    let with_others = shown(&[one, other, one, other, one, other, one]);
    assert_eq!(with_others[6], Reason::ContractViolated);
    assert_eq!(with_others[4], Reason::ProgressingWithRetry);
}

#[test]
fn four_garbled_replies_of_one_effect_are_one_failure() {
    let four = [garbled(), garbled(), garbled(), garbled()];
    let mixed = [garbled(), away(), garbled()];
    let shown = shown(&[&four, &mixed, &four]);
    assert!(
        !shown.contains(&Reason::ContractViolated),
        "three effects: {shown:?}"
    );
}

#[test]
fn the_first_rejection_of_the_credentials_after_another_failure_is_the_first() {
    let (away, rejected) = ([away()], [BssError::AuthRejected]);
    let shown = shown(&[&away, &rejected, &rejected]);
    assert_eq!(
        shown[1..],
        [Reason::ProgressingWithRetry, Reason::CredentialsRejected]
    );
}
