//! The kill matrix: the operator is killed at every single call.
//!
//! A scenario is run once to count its calls. Then for each of them it is run again with the
//! operator killed there: before the call, after its effect and before the reply, after the reply and
//! before anything is recorded; and for every write killed while it is on its way, so that it takes
//! effect at each of the later calls. All memory is gone, another process begins, and the run is
//! taken to its end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::core::Strike;
use super::faults::Fate;
use super::run::{Record, run};
use super::scenario::{Ending, Scenario};

/// How much of the matrix is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// Late arrivals at every so many-th later call.
    pub(crate) late: usize,
    /// Pairs of kills at every so many-th pair; none for 0.
    pub(crate) pairs: usize,
}

/// What a matrix found.
pub(crate) struct Found {
    pub(crate) points: u64,
    pub(crate) runs: usize,
    pub(crate) violations: Vec<String>,
}

/// The runs of a scenario's matrix.
fn strikes(plain: &Record, grain: Grain) -> Vec<Vec<Strike>> {
    let mut all = Vec::new();
    for at in 1..=plain.calls {
        for fate in [Fate::KilledBefore, Fate::KilledAfter, Fate::KilledAtReply] {
            all.push(vec![Strike { at, fate }]);
        }
    }
    for &at in &plain.writes {
        // Later calls are those of the next process, which looks at everything first.
        for until in (at + 1..=plain.calls + 60).step_by(grain.late) {
            let fate = Fate::KilledUntil(until);
            all.push(vec![Strike { at, fate }]);
        }
    }
    if grain.pairs > 0 {
        let pairs = (1..=plain.calls).flat_map(|a| (a + 1..=plain.calls + 20).map(move |b| (a, b)));
        for (first, second) in pairs.step_by(grain.pairs) {
            for fate in [Fate::KilledBefore, Fate::KilledAfter] {
                let strike = |at| Strike { at, fate };
                all.push(vec![strike(first), strike(second)]);
            }
        }
    }
    all
}

/// Runs the matrix of a scenario.
pub(crate) fn matrix(scenario: &Scenario, grain: Grain) -> Found {
    let plain = run(scenario, &[], false);
    assert_eq!(plain.violations, Vec::<String>::new(), "without a kill");
    assert_eq!(plain.ended, Some(Ending::Upgraded));
    let all = strikes(&plain, grain);
    let violations = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(strikes) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let record = run(scenario, strikes, false);
                    if !record.violations.is_empty() {
                        let mut found = violations.lock().unwrap();
                        found.push(format!("{strikes:?}: {}", record.violations.join("; ")));
                        if found.len() >= 10 {
                            return;
                        }
                    }
                }
            });
        }
    });
    Found {
        points: plain.calls,
        runs: all.len(),
        violations: violations.into_inner().unwrap(),
    }
}
