//! The kill matrix: the operator is killed at every single call.
//!
//! A scenario is run once to count its calls. Then for each of them it is run again with the
//! operator killed there: before the call, after its effect and before the reply, after the reply and
//! before anything is recorded; and for every write, to the BSS and to the API server, killed while
//! it is on its way, so that it takes effect at each of the later calls of that very run, as long as
//! a request may live, and after its end. All memory is gone, another process begins or a follower
//! takes over, and the run is taken to its end.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tenant_reseller_operator::api::ReportKind;

use super::core::Strike;
use super::faults::Fate;
use super::kill_scenarios::Case;
use super::port::Kind;
use super::run::{Record, run};
use super::scenario::{Ending, Scenario};

/// How much of the matrix is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// Late arrivals at every so many-th later call.
    pub(crate) late: usize,
    /// So many pairs of kills, evenly chosen from all of them.
    pub(crate) pairs: usize,
}

/// What is not tried, for people.
pub(crate) fn left_out() -> String {
    [
        "Pairs of kills are a sample: every so-many-th of all there are, in the order of the calls (the \
         figures are above, for each scenario). Three kills in one run are not tried.",
        "A late request is tried alone: no second kill and no other fault beside it, and one late request \
         in a run. In pairs each kill is clean: what was sent arrives at once or never.",
        "Nothing else goes wrong: no restore of the cluster, no lost reply without a kill, no second \
         leader, no refusal of the BSS beside those of the scenario. Those meet kills in the simulator.",
        "The process that takes over begins with nothing; no process stands still and goes on.",
        "A call is killed before it is sent, after its effect and after its reply. Between two calls there \
         is no place of its own: what a process did in between is in its memory alone.",
        "The sequence of calls is that of ten scenarios with small resellers; calls that are made at the \
         same moment keep one order.",
        "A page of a report may be an older one after a late write of it: a report that is on its way \
         carries no version.",
    ]
    .map(|line| format!("- {line}\n"))
    .concat()
}

/// What a matrix found.
pub(crate) struct Found {
    pub(crate) points: u64,
    pub(crate) runs: usize,
    /// Runs with a late request, and with two kills; of the latter, how many there could be.
    pub(crate) late: usize,
    pub(crate) pairs: (usize, usize),
    /// Late writes to the API server by name: those that it refused, and those that took effect.
    pub(crate) writes: BTreeMap<&'static str, (usize, usize)>,
    pub(crate) violations: Vec<String>,
}

/// So many calls at most are made in one moment besides another: a connection allows eight.
const SAME_MOMENT: u64 = 7;

const KILLS: [Fate; 3] = [Fate::KilledBefore, Fate::KilledAfter, Fate::KilledAtReply];

/// Runs all of these, on all cores; answers what `look` sees in each, in order.
fn each<T: Send>(
    scenario: &Scenario,
    all: &[Vec<Strike>],
    look: impl Fn(&[Strike], Record) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(strikes) = all.get(at) else { return };
                    let told = look(strikes, run(scenario, strikes, false));
                    seen.lock().unwrap().push((at, told));
                }
            });
        }
    });
    let mut seen = seen.into_inner().unwrap();
    seen.sort_by_key(|(at, _)| *at);
    seen.into_iter().map(|(_, told)| told).collect()
}

/// What is wrong with a struck run.
fn wrong(case: &Case, strikes: &[Strike], record: &Record) -> Option<String> {
    let mut told = record.violations.clone();
    let actions = case.scenario.script.len() + case.scenario.at_switch.len();
    if record.played.len() != actions {
        told.push(format!(
            "{} of {actions} actions were done",
            record.played.len()
        ));
    }
    let pids: Vec<usize> = record.leaders.iter().copied().take(2).collect();
    let last = strikes.last().map_or(0, |strike| strike.at);
    let all_was_over = record.calls <= last + 1;
    if case.scenario.processes > 1 && pids != [0, 1] && !all_was_over {
        told.push(format!("the follower did not take over: {pids:?}"));
    }
    (!told.is_empty()).then(|| format!("{strikes:?}: {}", told.join("; ")))
}

/// The undisturbed run, which has to contain what the case says.
fn undisturbed(case: &Case) -> Record {
    let name = case.name;
    let plain = run(&case.scenario, &[], false);
    assert_eq!(plain.violations, Vec::<String>::new(), "{name}, no kill");
    assert_eq!(plain.ended, Some(Ending::Upgraded), "{name}");
    let to_do = plain
        .reports
        .values()
        .find(|report| report.kind == ReportKind::ManualSteps);
    assert_eq!(to_do, None, "{name}: people are asked to do something");
    let refused = plain.played.iter().find(|played| !played.done);
    assert_eq!(refused, None, "{name}: an action was refused");
    for (action, phase) in &case.phases {
        let mut played = plain.played.iter().filter(|played| !played.at_switch);
        assert!(
            played.any(|played| played.action == *action && played.phase == *phase),
            "{name}: no {action} in {phase:?}: {:?}",
            plain.played
        );
    }
    let at_switch = plain.played.iter().filter(|played| played.at_switch);
    let at_switch: Vec<&str> = at_switch.map(|played| played.action).collect();
    assert_eq!(at_switch, case.before_the_switch, "{name}");
    for (effect, least) in &case.effects {
        let count = plain.effects.get(effect).copied().unwrap_or_default();
        assert!(count >= *least, "{name}: {effect} {count} times");
    }
    plain
}

/// The later calls at which a late write is tried, and the end of the run. What was sent never
/// arrives in `never`, until it has lived as long as it may.
fn arrivals(never: &Record, sent: u64, step: usize) -> Vec<u64> {
    let landed = never.landed.first().unwrap();
    let last = if landed.after_the_end {
        never.calls
    } else {
        landed.at
    };
    let step = step.max(1);
    let mut all: Vec<u64> = (sent + 1..=last).step_by(step).collect();
    all.push(u64::MAX);
    all
}

/// Runs the matrix of a case.
pub(crate) fn matrix(case: &Case, grain: Grain) -> Found {
    let plain = undisturbed(case);
    let scenario = &case.scenario;
    let mut found = Found {
        points: plain.calls,
        runs: 0,
        late: 0,
        pairs: (0, 0),
        writes: BTreeMap::new(),
        violations: Vec::new(),
    };
    // Killed once, and how many calls each of those runs has.
    let kills: Vec<Vec<Strike>> = (1..=plain.calls)
        .flat_map(|at| KILLS.map(|fate| vec![Strike { at, fate }]))
        .collect();
    let struck = each(scenario, &kills, |strikes, record| {
        (record.calls, wrong(case, strikes, &record))
    });
    found.runs += struck.len();
    found
        .violations
        .extend(struck.iter().filter_map(|(_, wrong)| wrong.clone()));

    // Killed while a write is on its way.
    let until = |at, until| {
        let fate = Fate::KilledUntil(until);
        vec![Strike { at, fate }]
    };
    let never: Vec<Vec<Strike>> = plain
        .writes
        .iter()
        .map(|write| until(write.number, u64::MAX))
        .collect();
    let late: Vec<Vec<Strike>> = each(scenario, &never, |strikes, record| {
        let at = strikes[0].at;
        let tried = arrivals(&record, at, grain.late).into_iter();
        tried.map(|call| until(at, call)).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    let landed = each(scenario, &late, |strikes, record| {
        let mut wrong = wrong(case, strikes, &record);
        // A page of a report carries no version that could be refused. The next reconcile that comes to
        // rest mends it; after the last one, a late page stays.
        let excused = record.landed.iter().any(|l| l.name.ends_with(" report"));
        let same = record.reports == plain.reports;
        if wrong.is_none() && case.told_at_last && !same && !excused {
            let reports = &record.reports;
            wrong = Some(format!("{strikes:?} leaves other reports: {reports:#?}"));
        }
        let landed = record.landed.clone();
        // It did arrive where it was to: at that very call or one that was made in the same moment,
        // or when it had lived as long as it may.
        let Fate::KilledUntil(call) = strikes[0].fate else {
            panic!("only late requests are tried here");
        };
        let there = |at: u64, end: bool| {
            call == u64::MAX || !end && (call..=call + SAME_MOMENT).contains(&at)
        };
        let well = landed.len() == 1 && landed.iter().all(|l| there(l.at, l.after_the_end));
        if !well && wrong.is_none() {
            wrong = Some(format!("{strikes:?} arrived elsewhere: {landed:?}"));
        }
        (landed, wrong)
    });
    found.late = landed.len();
    found.runs += landed.len();
    for (landed, wrong) in landed {
        found.violations.extend(wrong);
        for landed in landed.iter().filter(|l| l.kind == Kind::ApiWrite) {
            let (refused, done) = found.writes.entry(landed.name).or_default();
            *(if landed.refused { refused } else { done }) += 1;
        }
    }

    // Killed twice: the second kill falls into the run that the first one made.
    let mut pairs = Vec::new();
    for (strikes, (calls, _)) in kills.iter().zip(&struck) {
        for at in strikes[0].at + 1..=*calls {
            for fate in KILLS {
                pairs.push((strikes[0], Strike { at, fate }));
            }
        }
    }
    let step = (pairs.len() / grain.pairs.max(1)).max(1);
    // Odd, so that all fates of the second kill are among the chosen.
    let step = if step == 1 || !step.is_multiple_of(3) {
        step
    } else {
        step + 1
    };
    let chosen: Vec<Vec<Strike>> = pairs
        .iter()
        .step_by(step)
        .take(if grain.pairs == 0 { 0 } else { usize::MAX })
        .map(|(first, second)| vec![*first, *second])
        .collect();
    let told = each(scenario, &chosen, |strikes, record| {
        wrong(case, strikes, &record)
    });
    found.pairs = (chosen.len(), pairs.len());
    found.runs += chosen.len();
    found.violations.extend(told.into_iter().flatten());
    found
}
