//! Whole sweeps that ended, for the metrics. This is no knowledge: no decision rests on it, and two states
//! that differ in it alone are one state.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::bss::port::ItemKind;
use crate::upgrade::sweep::tally::Tally;
use crate::upgrade::sweep::{Sweep, SweepMode};

/// A sweep that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSweep {
    /// What it was for, one word.
    pub mode: &'static str,
    /// How long it took.
    pub took: Duration,
    /// How many items it saw, by kind and by what it found of them: `copied`, `failed` or `excluded`.
    pub items: Vec<(ItemKind, &'static str, u64)>,
}

/// The sweeps that ended since they were taken last. They are only kept where they are listened for.
#[derive(Clone, Debug, Default)]
pub struct EndedSweeps {
    began: Option<Duration>,
    heard: Option<Vec<EndedSweep>>,
}

impl EndedSweeps {
    /// From now on they are kept.
    pub fn listen(&mut self) {
        self.heard.get_or_insert_default();
    }

    /// Those that ended since.
    pub fn take(&mut self) -> Vec<EndedSweep> {
        self.heard.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A sweep begins.
    pub(in crate::upgrade) fn begun(&mut self, now: Duration) {
        self.began = Some(now);
    }

    /// The sweep has seen everything.
    pub(in crate::upgrade) fn ended(&mut self, sweep: &Sweep, now: Duration) {
        let Some(heard) = &mut self.heard else { return };
        heard.push(EndedSweep {
            mode: word(sweep.mode),
            took: now.saturating_sub(self.began.take().unwrap_or(now)),
            items: items(&sweep.tally),
        });
    }
}

impl PartialEq for EndedSweeps {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for EndedSweeps {}

impl Hash for EndedSweeps {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

fn word(mode: SweepMode) -> &'static str {
    match mode {
        SweepMode::Copy => "copy",
        SweepMode::Pricing => "pricing",
        SweepMode::Check => "check",
        SweepMode::Final | SweepMode::Last => "final",
        SweepMode::Verify => "verify",
    }
}

fn items(tally: &Tally) -> Vec<(ItemKind, &'static str, u64)> {
    let mut items = Vec::new();
    for (kind, counts) in &tally.counts {
        let excluded = counts.excluded.values().sum();
        for (state, count) in [
            ("copied", counts.copied),
            ("failed", counts.failed),
            ("excluded", excluded),
        ] {
            items.push((*kind, state, u64::try_from(count).unwrap_or_default()));
        }
    }
    items
}
