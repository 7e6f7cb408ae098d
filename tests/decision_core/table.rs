//! Tables: what every failure of every kind of effect means, and what a whole run does step by
//! step. The snapshots are the specification; read them before accepting a change.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use tenant_reseller_operator::bss::error::{BlockerTally, BssError, FieldError};
use tenant_reseller_operator::bss::port::{BlockerReason, Operation};
use tenant_reseller_operator::upgrade::{
    Attempted, Next, Outcome, Stage, decide, observe, observe_all,
};

use crate::drive::{Driver, Fault, name, until};
use support::simulated_bss::World;

fn errors() -> Vec<BssError> {
    let text = || "seen".to_owned();
    vec![
        BssError::Throttled { after: None },
        BssError::Throttled {
            after: Some(Duration::from_secs(7)),
        },
        BssError::Unavailable { detail: text() },
        BssError::OutcomeUnknown { detail: text() },
        BssError::AuthRejected,
        BssError::ClientRejected { detail: text() },
        BssError::TokenEndpointAway { detail: text() },
        BssError::Forbidden {
            operation: Operation::CopyCustomers,
            right: None,
        },
        BssError::NotFound { what: text() },
        BssError::Conflict { detail: text() },
        BssError::StaleEpoch { highest: 9 },
        BssError::HeldByAnother { holder: text() },
        BssError::Blocked(vec![BlockerTally {
            reason: BlockerReason::NotCopied,
            count: 1,
            examples: Vec::new(),
        }]),
        BssError::Invalid(vec![FieldError {
            field: text(),
            detail: text(),
            allowed: Vec::new(),
        }]),
        BssError::ManualStepNeeded {
            instruction: text(),
        },
        BssError::Unsupported {
            operation: Operation::CopyCustomers,
        },
        BssError::Malformed { detail: text() },
        BssError::NoToken { detail: text() },
        BssError::Cancelled,
        BssError::Refused { detail: text() },
    ]
}

fn small() -> World {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    world
}

#[test]
fn what_every_failure_means() {
    let mut table = String::new();
    for (at, attempted) in [
        ("read", Attempted::Reseller),
        ("read", Attempted::Read),
        ("acquire", Attempted::Acquire),
        ("create tenant", Attempted::CreateTenant),
        ("copy subscriptions", Attempted::Write),
        ("activate", Attempted::Activate),
    ] {
        for error in errors() {
            let (_, mut driver) = until(small(), at);
            let class = error.class();
            let now = driver.now();
            let outcome = Outcome::Failed { attempted, error };
            let mut several = driver.known.clone();
            observe(&driver.valid, &mut driver.known, outcome.clone(), now);
            // Several calls of one effect may fail so: that is one failure.
            if matches!(attempted, Attempted::Read | Attempted::Write) {
                let calls = vec![outcome; 7];
                observe_all(&driver.valid, &mut several, calls, now);
                assert_eq!(several, driver.known, "{attempted:?} {class}");
            }
            let first = decide(&driver.valid, &driver.known, now);
            let wait = match first.next {
                Next::After(wait) | Next::Watch { look: wait, .. } => {
                    format!("waits {}", slot(wait))
                }
                Next::AfterEffect => "goes on".to_owned(),
                Next::OnChange => "rests".to_owned(),
            };
            driver.clock += Duration::from_secs(61);
            let then = decide(&driver.valid, &driver.known, driver.now());
            let then = then.effect.as_ref().map_or("-", name);
            let reason = first.state.reason.as_str();
            writeln!(
                table,
                "{attempted:?} {class}: {reason}, {wait}, then {then}"
            )
            .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// Jitter is no part of the specification.
fn slot(wait: Duration) -> &'static str {
    match wait.as_millis() {
        0..1_000 => "under a second",
        1_000..10_000 => "seconds",
        10_000..60_000 => "under a minute",
        _ => "the recheck interval",
    }
}

#[test]
fn a_whole_run_step_by_step() {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    let mut table = String::new();
    let mut stages = BTreeSet::new();
    for _ in 0..500 {
        let stage = driver.known.stage;
        stages.insert(stage);
        let decision = decide(&driver.valid, &driver.known, driver.now());
        let effect = decision.effect.as_ref().map_or_else(
            || format!("{:?}", decision.next),
            |effect| match effect {
                tenant_reseller_operator::upgrade::Effect::Read(read) => {
                    let read = format!("{read:?}");
                    format!(
                        "read {}",
                        read.split(['(', ' ', '{']).next().unwrap_or_default()
                    )
                }
                tenant_reseller_operator::upgrade::Effect::Claim(edit) => {
                    let edit = format!("{edit:?}");
                    let words = edit.split(['(', ' ', '{']).next().unwrap_or_default();
                    format!("record {words}")
                }
                tenant_reseller_operator::upgrade::Effect::Sweep(calls) => {
                    let calls = calls.iter().map(|call| {
                        let call = format!("{call:?}");
                        call.split('(').next().unwrap_or_default().to_owned()
                    });
                    format!("calls {}", calls.collect::<Vec<_>>().join(" "))
                }
                other => name(other).to_owned(),
            },
        );
        let reason = decision.state.reason.as_str();
        writeln!(table, "{stage:?}: {effect} [{reason}]").unwrap();
        if driver.step(&mut world, Fault::None) {
            break;
        }
    }
    assert!(stages.contains(&Stage::Activate) && stages.contains(&Stage::Done));
    insta::assert_snapshot!(table);
}
