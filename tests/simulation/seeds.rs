//! Many runs, one for each seed, and what they add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::accepted_risks::Losses;
use super::coverage::Coverage;
use super::faults::{Drawn, Fault};
use super::port::{Kind, faults_of};
use super::run::{Record, run};
use super::scenario::{Ending, Scenario};
use super::shrink::{list, shrink};

/// A run of seeds ends when so many of them failed.
const ENOUGH: usize = 10;
/// The shortest run that fails is looked for in so many.
const SHRINKS: u32 = 400;
/// After so many seeds, one aimed run for every ten of them.
const ROUND: u64 = 2_000;

/// What many runs add up to.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) runs: u64,
    pub(crate) upgraded: u64,
    pub(crate) refused: u64,
    /// Runs of seeds that aimed at what none had reached.
    pub(crate) aimed: u64,
    pub(crate) calls: u64,
    coverage: Coverage,
    /// It ended early: how many seeds were to be run.
    stopped: Option<u64>,
    losses: Losses,
    struck: BTreeMap<(&'static str, Fault), u64>,
    pub(crate) took: f64,
    pub(crate) fired: BTreeMap<Fault, u64>,
    effects: BTreeMap<&'static str, u64>,
    pub(crate) actions: BTreeMap<&'static str, u64>,
    pub(crate) reasons: BTreeSet<&'static str>,
    /// Seeds with what was violated.
    pub(crate) violations: BTreeMap<u64, Vec<String>>,
    /// The places of those seeds among all that were run.
    pub(crate) positions: BTreeMap<u64, u64>,
}

impl Sum {
    /// The place of a seed that failed among all that were run.
    pub(crate) fn position(&self, seed: u64) -> u64 {
        self.positions.get(&seed).copied().unwrap_or_default()
    }

    fn add(&mut self, (seed, position): (u64, u64), record: &Record) {
        self.runs += 1;
        self.coverage.add(record);
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
        for (action, count) in &record.actions {
            *self.actions.entry(action).or_default() += count;
        }
        self.reasons
            .extend(record.reasons.iter().map(|reason| reason.as_str()));
        if !record.violations.is_empty() {
            self.violations.insert(seed, record.violations.clone());
            self.positions.insert(seed, position);
        }
    }

    /// The faults that never happened.
    pub(crate) fn never(&self) -> Vec<&'static str> {
        let all = Fault::ALL.iter().filter(|f| !self.fired.contains_key(f));
        all.map(|fault| fault.name()).collect()
    }

    /// The writes that a fault never struck, each with the faults that it can meet.
    pub(crate) fn spared(&self) -> Vec<String> {
        let mut spared = Vec::new();
        for write in Worlds::chosen().writes() {
            for fault in faults_of(Kind::BssWrite) {
                if !self.struck.contains_key(&(*write, *fault)) {
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
                "{} ({} upgraded, {} refused before anything was done), {} of them aimed",
                self.runs, self.upgraded, self.refused, self.aimed
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
            counts(&mut self.actions.iter().map(|(action, n)| (*action, *n))),
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
        text.push_str(&self.coverage.told());
        line(&mut text, "violations", self.violations.len().to_string());
        if let Some(wanted) = self.stopped {
            let last = self.positions.iter().max_by_key(|(_, position)| **position);
            let told = format!(
                "early, with {} of {wanted} seeds run: {ENOUGH} of them failed, the last of these is {}",
                self.runs - self.aimed,
                last.map_or(0, |(seed, _)| *seed)
            );
            line(&mut text, "ended", told);
        }
        line(&mut text, "took", format!("{:.0} s", self.took));
        text
    }
}

/// Which worlds the seeds of a run stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worlds {
    /// All kinds of BSS and of people.
    All,
    /// People are at the screens: the act that copies the subscriptions and switches is theirs.
    AtTheScreens,
}

impl Worlds {
    /// `SCREENS=1` chooses.
    pub(crate) fn chosen() -> Self {
        match std::env::var("SCREENS") {
            Ok(screens) if screens == "1" => Self::AtTheScreens,
            _ => Self::All,
        }
    }

    /// What `make` is told to choose them, with a blank behind it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::AtTheScreens => "SCREENS=1 ",
        }
    }

    /// The writes that the operator sends in them.
    fn writes(self) -> &'static [&'static str] {
        match self {
            Self::All => &[
                "acquire",
                "create tenant",
                "copy customers",
                "set pricing",
                "copy subscriptions",
                "activate",
            ],
            // It is only asked how people do the rest.
            Self::AtTheScreens => &["acquire", "create tenant", "copy customers", "set pricing"],
        }
    }
}

/// What a seed stands for in this run.
fn scenario(seed: u64) -> Scenario {
    match Worlds::chosen() {
        Worlds::All => Scenario::of(seed),
        Worlds::AtTheScreens => Scenario::at_the_screens(seed),
    }
}

/// Runs these seeds on all cores, until enough of them failed.
fn run_all(seeds: &[u64], sum: &Mutex<Sum>) {
    let next = AtomicUsize::new(0);
    let before = sum.lock().unwrap().runs;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    if sum.lock().unwrap().violations.len() >= ENOUGH {
                        return;
                    }
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(at) else { return };
                    let record = run(&scenario(*seed), &[], false);
                    let position = before + u64::try_from(at).unwrap();
                    sum.lock().unwrap().add((*seed, position), &record);
                }
            });
        }
    });
}

/// Runs each seed on one of the cores.
pub(crate) fn in_parallel(
    seeds: std::ops::RangeInclusive<u64>,
    run: impl Fn(u64) -> Record + Sync,
) -> BTreeMap<u64, Record> {
    let left = Mutex::new(seeds);
    let records = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(seed) = left.lock().unwrap().next() else {
                        return;
                    };
                    let record = run(seed);
                    records.lock().unwrap().insert(seed, record);
                }
            });
        }
    });
    records.into_inner().unwrap()
}

/// Runs the seeds from `first` on, and between them some that aim at what was never reached: which
/// these are rests on whole rounds, so that the same first seed brings the same ones again.
pub(crate) fn run_seeds(first: u64, count: u64) -> Sum {
    let began = Instant::now();
    let sum = Mutex::new(Sum::default());
    let mut from = 0;
    while from < count && sum.lock().unwrap().violations.len() < ENOUGH {
        let size = ROUND.min(count - from);
        let seeds: Vec<u64> = (first + from..first + from + size).collect();
        run_all(&seeds, &sum);
        from += size;
        if size == ROUND {
            let most = usize::try_from(ROUND / 10).unwrap();
            let aims = sum.lock().unwrap().coverage.aims(most, first + from);
            let before = sum.lock().unwrap().runs;
            run_all(&aims, &sum);
            let mut sum = sum.lock().unwrap();
            sum.aimed += sum.runs - before;
        }
    }
    let mut sum = sum.into_inner().unwrap();
    if sum.violations.len() >= ENOUGH && sum.runs - sum.aimed < count {
        sum.stopped = Some(count);
    }
    sum.took = began.elapsed().as_secs_f64();
    print!("{}", sum.told());
    for (seed, violations) in &sum.violations {
        println!("seed {seed}: {}", violations.join("; "));
        println!("  as it was: make simulate SEED={seed}");
        let scenario = scenario(*seed);
        if let Some(shrunk) = shrink(&scenario, &run(&scenario, &[], false), SHRINKS) {
            print!("{}", shrunk.told());
        }
    }
    sum
}

/// Runs one seed with its trace; with these faults and acts only, if they are told.
pub(crate) fn replay(seed: u64, told: Option<Vec<Drawn>>) -> Record {
    let mut scenario = scenario(seed);
    scenario.told = told;
    let record = run(&scenario, &[], true);
    for line in &record.trace {
        println!("{line}");
    }
    print!("{}", list(&record.drawn));
    println!(
        "seed {seed}: {} calls, {:?}, {} violations",
        record.calls,
        record.ended,
        record.violations.len()
    );
    record
}
