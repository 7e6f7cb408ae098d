//! Many runs, one for each seed, and what they add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::bearing::Losses;
use super::faults::Fault;
use super::port::{Kind, faults_of};
use super::run::{Record, run};
use super::scenario::{Ending, Scenario};

/// What many runs add up to.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) runs: u64,
    pub(crate) upgraded: u64,
    pub(crate) refused: u64,
    calls: u64,
    losses: Losses,
    struck: BTreeMap<(&'static str, Fault), u64>,
    took: f64,
    pub(crate) fired: BTreeMap<Fault, u64>,
    effects: BTreeMap<&'static str, u64>,
    pub(crate) deeds: BTreeMap<&'static str, u64>,
    pub(crate) reasons: BTreeSet<&'static str>,
    /// Seeds with what was violated.
    pub(crate) violations: BTreeMap<u64, Vec<String>>,
}

impl Sum {
    fn add(&mut self, seed: u64, record: &Record) {
        self.runs += 1;
        match record.ended {
            Some(Ending::Upgraded) => self.upgraded += 1,
            Some(Ending::Refused) => self.refused += 1,
            None => {}
        }
        self.calls += record.calls;
        self.losses.add(&record.losses);
        for (place, count) in &record.struck {
            *self.struck.entry(*place).or_default() += count;
        }
        for (fault, count) in &record.fired {
            *self.fired.entry(*fault).or_default() += count;
        }
        for (effect, count) in &record.effects {
            *self.effects.entry(effect).or_default() += count;
        }
        for (deed, count) in &record.deeds {
            *self.deeds.entry(deed).or_default() += count;
        }
        self.reasons
            .extend(record.reasons.iter().map(|reason| reason.as_str()));
        if !record.violations.is_empty() {
            self.violations.insert(seed, record.violations.clone());
        }
    }

    /// The faults that never happened.
    pub(crate) fn never(&self) -> Vec<&'static str> {
        let all = Fault::ALL.iter().filter(|f| !self.fired.contains_key(f));
        all.map(|fault| fault.name()).collect()
    }

    /// The writes that a fault never struck, each with the faults that it can meet.
    pub(crate) fn spared(&self) -> Vec<String> {
        let writes = [
            "acquire",
            "create tenant",
            "copy customers",
            "set pricing",
            "copy subscriptions",
            "activate",
        ];
        let mut spared = Vec::new();
        for write in writes {
            for fault in faults_of(Kind::BssWrite) {
                if !self.struck.contains_key(&(write, *fault)) {
                    spared.push(format!("{write}: {}", fault.name()));
                }
            }
        }
        spared
    }

    /// Which calls were struck by what.
    fn table(&self) -> String {
        let faults: BTreeSet<Fault> = self.struck.keys().map(|(_, fault)| *fault).collect();
        let calls: BTreeSet<&str> = self.struck.keys().map(|(call, _)| *call).collect();
        let mut text = String::from("struck\n");
        for call in calls {
            let of = faults.iter().filter_map(|fault| {
                let count = self.struck.get(&(call, *fault))?;
                Some(format!("{} {count}", fault.name()))
            });
            writeln!(text, "  {call:<24} {}", of.collect::<Vec<_>>().join(", ")).unwrap();
        }
        text
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        let line = |text: &mut String, what: &str, told: String| {
            writeln!(text, "{what:<12} {told}").unwrap();
        };
        let counts = |all: &mut dyn Iterator<Item = (&'static str, u64)>| {
            let told: Vec<String> = all.map(|(name, n)| format!("{name} {n}")).collect();
            told.join(", ")
        };
        line(
            &mut text,
            "runs",
            format!(
                "{} ({} upgraded, {} refused before anything was done)",
                self.runs, self.upgraded, self.refused
            ),
        );
        line(&mut text, "calls", self.calls.to_string());
        line(
            &mut text,
            "faults",
            counts(&mut self.fired.iter().map(|(fault, n)| (fault.name(), *n))),
        );
        line(
            &mut text,
            "people",
            counts(&mut self.deeds.iter().map(|(deed, n)| (*deed, *n))),
        );
        line(
            &mut text,
            "effects",
            counts(&mut self.effects.iter().map(|(effect, n)| (*effect, *n))),
        );
        line(
            &mut text,
            "states",
            self.reasons.iter().copied().collect::<Vec<_>>().join(", "),
        );
        line(
            &mut text,
            "losses",
            format!(
                "under an accepted risk: {} named by the comparison, {} that came after it",
                self.losses.named, self.losses.unnamed
            ),
        );
        text.push_str(&self.table());
        line(&mut text, "violations", self.violations.len().to_string());
        line(&mut text, "took", format!("{:.0} s", self.took));
        text
    }
}

/// Runs the seeds from `first` on, on all cores. It stops early when many of them fail.
pub(crate) fn run_seeds(first: u64, count: u64) -> Sum {
    let began = Instant::now();
    let sum = Mutex::new(Sum::default());
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || sum.lock().unwrap().violations.len() >= 10 {
                        return;
                    }
                    let record = run(&Scenario::of(seed), &[], false);
                    sum.lock().unwrap().add(seed, &record);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap();
    sum.took = began.elapsed().as_secs_f64();
    print!("{}", sum.told());
    for (seed, violations) in &sum.violations {
        println!("seed {seed}: {}", violations.join("; "));
    }
    sum
}

/// Runs one seed with its trace.
pub(crate) fn replay(seed: u64) -> Record {
    let record = run(&Scenario::of(seed), &[], true);
    for line in &record.trace {
        println!("{line}");
    }
    println!(
        "seed {seed}: {} calls, {:?}, {} violations",
        record.calls,
        record.ended,
        record.violations.len()
    );
    record
}
