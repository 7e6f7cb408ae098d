//! The shortest run that still fails: what was drawn is left out, by halves and then one by one, while
//! the same kind of violation remains.

use std::fmt::Write as _;

use super::clockwork::Rng;
use super::faults::Drawn;
use super::run::{Record, run};
use super::scenario::Scenario;

/// No run is tried any more when so many calls were made.
const MOST_CALLS: u64 = 3_000_000;

/// What remained of a run.
pub(crate) struct Shrunk {
    pub(crate) seed: u64,
    /// The run, with its trace.
    pub(crate) record: Record,
    /// How much was drawn in the run as it was.
    pub(crate) before: usize,
    pub(crate) tried: u32,
}

/// What kind of violation it is: the rule, without the ids and words that differ from run to run.
pub(crate) fn kind(violation: &str) -> String {
    let (head, rest) = violation.split_once(": ").unwrap_or((violation, ""));
    let plain = |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || "[]\"()".contains(c));
    let mut words: Vec<&str> = head.split_whitespace().filter(plain).collect();
    // The name of a rule alone says too little of the moment of the switch.
    if words.len() == 1 {
        words.extend(rest.split_whitespace().take(1).filter(plain));
    }
    words.join(" ")
}

/// A run that still fails while more and more is left out of it.
struct Search {
    wanted: String,
    best: Scenario,
    /// What is drawn in the best run.
    drawn: Vec<Drawn>,
    most: u32,
    tried: u32,
    calls: u64,
}

impl Search {
    fn may_try(&self) -> bool {
        self.tried < self.most && self.calls < MOST_CALLS
    }

    /// Whether the run still fails with these only, and is shorter than before.
    fn is_enough(&mut self, part: Vec<Drawn>) -> bool {
        let mut shorter = self.best.clone();
        shorter.told = Some(part);
        let record = run(&shorter, &[], false);
        self.tried += 1;
        self.calls += record.calls;
        let fails = record.violations.iter().any(|v| kind(v) == self.wanted);
        let does = fails && record.drawn.len() < self.drawn.len();
        if does {
            self.best = shorter;
            self.drawn = record.drawn;
        }
        does
    }

    /// Parts of this size in turn; answers whether one of them was not needed.
    fn parts(&mut self, size: usize) -> bool {
        let (mut progress, mut from) = (false, 0);
        while from < self.drawn.len() && self.may_try() {
            let (before, rest) = self.drawn.split_at(from);
            let rest = rest.iter().skip(size);
            if self.is_enough(before.iter().chain(rest).cloned().collect()) {
                progress = true;
            } else {
                from += size;
            }
        }
        progress
    }
}

/// Leaves out of a run that failed what it can do without: by halves, then one by one, then whatever
/// chance names, since every omission moves in time what comes after it.
/// At most so many runs are made for it.
pub(crate) fn shrink(scenario: &Scenario, failed: &Record, most: u32) -> Option<Shrunk> {
    let mut search = Search {
        wanted: kind(failed.violations.first()?),
        best: scenario.clone(),
        drawn: failed.drawn.clone(),
        most,
        tried: 0,
        calls: 0,
    };
    let mut size = search.drawn.len().div_ceil(2).max(1);
    while size > 1 {
        search.parts(size);
        size = size.div_ceil(2);
    }
    while search.parts(1) {}
    let mut rng = Rng::new(scenario.seed);
    while search.may_try() && !search.drawn.is_empty() {
        let chosen = search.drawn.iter().filter(|_| rng.once_in(2));
        let chosen = chosen.cloned().collect();
        search.is_enough(chosen);
    }
    Some(Shrunk {
        seed: scenario.seed,
        record: run(&search.best, &[], true),
        before: failed.drawn.len(),
        tried: search.tried,
    })
}

/// What went wrong, and where, a line each.
pub(crate) fn list(drawn: &[Drawn]) -> String {
    let lines = drawn.iter().map(|one| {
        let ((call, number), action) = (one.call, one.action.unwrap_or_default());
        format!("    at call {number:>4} ({call}): {} {action}\n", one.what)
    });
    lines.collect()
}

impl Shrunk {
    /// The command that prints its trace.
    pub(crate) fn command(&self) -> String {
        let all: Vec<String> = self.record.drawn.iter().map(Drawn::word).collect();
        format!("make simulate SEED={} WITH={}", self.seed, all.join(","))
    }

    /// For people: what is left, and how the trace ends.
    pub(crate) fn told(&self) -> String {
        let drawn = &self.record.drawn;
        let mut text = format!(
            "  shortest of {} runs: {} of {} faults and acts, {} calls; its trace: {}\n",
            self.tried,
            drawn.len(),
            self.before,
            self.record.calls,
            self.command()
        );
        text.push_str(&list(drawn));
        let trace = &self.record.trace;
        let end = trace.iter().position(|line| line.contains(" VIOLATION "));
        let end = end.map_or(trace.len(), |at| at + 1);
        for line in trace.iter().take(end).skip(end.saturating_sub(15)) {
            let line: String = line.chars().take(200).collect();
            writeln!(text, "    {line}").unwrap();
        }
        text
    }
}

#[test]
fn the_kind_of_a_violation_has_no_ids() {
    for (violation, of) in [
        (
            "SwitchedTooEarly: SourceChanged [\"p12577\"]",
            "SwitchedTooEarly SourceChanged",
        ),
        ("CopiedTwice: p12577", "CopiedTwice"),
        (
            "it does not end: contoso: Some(Suspended), ",
            "it does not end",
        ),
        (
            "activate was sent after the end",
            "activate was sent after the end",
        ),
    ] {
        assert_eq!(kind(violation), of);
    }
}

/// An operator that does not ask for its lease is caught, and what is left of the run is what it takes:
/// another process that leads.
#[test]
fn a_failing_run_is_shrunk_to_what_it_takes() {
    use super::faults::Fault;
    use support::lies::{Lie, arm};

    let words = "by a process that does not lead";
    arm(Some(Lie::LeaseNotAsked));
    let mut found = None;
    for seed in 1..=60 {
        let mut scenario = Scenario::of(seed);
        scenario.processes = 2;
        scenario.budget = 12;
        scenario.faults = vec![
            Fault::LeaseLost,
            Fault::BssQueue,
            Fault::BssReplySlow,
            Fault::ApiUnavailable,
            Fault::PeopleAct,
        ];
        let record = run(&scenario, &[], false);
        let fails = record.violations.iter().any(|v| v.contains(words));
        if fails && record.drawn.len() > 4 {
            found = shrink(&scenario, &record, 60).map(|shrunk| (scenario, shrunk));
            break;
        }
    }
    let (scenario, shrunk) = found.expect("a run that fails");
    assert!(shrunk.record.violations.iter().any(|v| v.contains(words)));
    assert!(
        shrunk.record.drawn.len() < shrunk.before,
        "{}",
        shrunk.told()
    );
    let lost = |drawn: &Drawn| drawn.what == Fault::LeaseLost.name();
    assert!(shrunk.record.drawn.iter().any(lost), "{}", shrunk.told());
    // The same run again, by the words of its command.
    let (_, words) = shrunk
        .command()
        .split_once("WITH=")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let mut again = scenario;
    again.told = Some(words.split(',').filter_map(Drawn::parse).collect());
    assert_eq!(run(&again, &[], true), shrunk.record);
    assert!(shrunk.told().contains(" VIOLATION "));
    arm(None);
}
