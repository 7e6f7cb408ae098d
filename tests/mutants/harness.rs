//! Runs mutants, each against its proofs, until one of them fails.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

use crate::switch;
use support::lies::{self, Lie};
use support::simulated_bss::{DisabledRule, disabled_rule};

/// How hard a mutant is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Part of every test run.
    Short,
    /// `make mutants`.
    Long,
}

/// A proof: what it is called, and what it says under a mutant. It answers with what it found.
pub(crate) type Proof = Box<dyn Fn(Effort) -> Option<Found> + Send + Sync>;

/// One mistake.
pub(crate) struct Case {
    /// Whose mistake it is.
    pub(crate) of: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) about: String,
    /// What arms it in a thread.
    pub(crate) armed: Armed,
    /// What is to find it, the cheapest first.
    pub(crate) proofs: Vec<Proof>,
}

/// What is armed while the proofs of a case run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Armed {
    pub(crate) lie: Option<Lie>,
    /// A mistake in the sources, by its name.
    pub(crate) source: Option<&'static str>,
    pub(crate) disabled_rule: Option<DisabledRule>,
}

impl Armed {
    pub(crate) fn arm(self) {
        NOW.set(self);
        lies::arm(self.lie);
        switch::arm(self.source);
        disabled_rule::arm(self.disabled_rule);
    }

    /// Does something without any mutant.
    pub(crate) fn without<T>(action: impl FnOnce() -> T) -> T {
        let before = NOW.replace(Self::default());
        Self::default().arm();
        let result = action();
        before.arm();
        result
    }
}

/// What found a mutant.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Which proof, and where in it.
    pub(crate) by: String,
    /// What it said first.
    pub(crate) said: String,
    /// Only a test of the judges themselves asks for it: no run of the operator meets it.
    pub(crate) by_judges_alone: bool,
}

/// What became of a mutant.
pub(crate) struct Row {
    pub(crate) of: &'static str,
    pub(crate) name: &'static str,
    pub(crate) about: String,
    /// What found it, or why nothing did.
    pub(crate) found: Result<Found, String>,
    pub(crate) took: Duration,
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<Armed> = const { Cell::new(Armed { lie: None, source: None, disabled_rule: None }) };
}

/// A panic under a mutant is a finding; nobody needs its message on the screen.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
}

/// What an action answers, or with which words it panicked.
pub(crate) fn tried<T>(action: impl FnOnce() -> T) -> Result<T, String> {
    hush();
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(action));
    QUIET.set(false);
    result.map_err(|panic| words(&*panic))
}

fn words(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<String>() {
        return text.clone();
    }
    panic
        .downcast_ref::<&str>()
        .map_or_else(|| "it panics".to_owned(), |text| (*text).to_owned())
}

fn try_one(case: &Case, effort: Effort) -> Row {
    let began = Instant::now();
    case.armed.arm();
    let found = case.proofs.iter().find_map(|proof| proof(effort));
    Armed::default().arm();
    Row {
        of: case.of,
        name: case.name,
        about: case.about.clone(),
        found: found.ok_or_else(|| "nothing finds it".to_owned()),
        took: began.elapsed(),
    }
}

/// Runs all of them, on all cores.
pub(crate) fn run_all(cases: &[Case], effort: Effort) -> Vec<Row> {
    let rows: Mutex<Vec<(usize, Row)>> = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(nth) else { return };
                    let row = try_one(case, effort);
                    println!("{}", crate::page::line(&row));
                    rows.lock().unwrap().push((nth, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(nth, _)| *nth);
    rows.into_iter().map(|(_, row)| row).collect()
}
