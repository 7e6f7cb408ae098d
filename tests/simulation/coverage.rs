//! Which faults met which calls at which stage of an upgrade, and which faults met each other in one
//! run; and seeds that aim at what was never reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::aim::{Aim, CALLS};
use super::faults::{Beginning, DISTURBANCES, Fault, Place};
use super::port::faults_of;
use super::run::Record;

/// What runs reached.
#[derive(Default)]
pub(crate) struct Coverage {
    runs: u64,
    /// The calls that were made, by stage.
    calls: BTreeSet<Place>,
    /// The faults that struck there.
    reached: BTreeSet<(Fault, Place)>,
    /// The faults that struck in one run, the lesser one first; a fault with itself if it came twice.
    pairs: BTreeSet<(Fault, Fault)>,
    /// How often seeds aimed at something.
    aimed: BTreeMap<Target, u64>,
}

/// Something that was not reached yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Place(Fault, Place),
    Pair(Fault, Fault),
}

impl Target {
    /// How it is aimed at, the first time and later.
    fn aim(self, tried: u64) -> Aim {
        match self {
            // Some calls are made at some stages only after something else went wrong.
            Self::Place(fault, _) if !tried.is_multiple_of(2) => Aim {
                faults: (fault, Fault::Killed),
                beginning: None,
            },
            // Named twice it comes for certain at that call.
            Self::Place(fault, (call, stage)) => Aim {
                faults: (fault, fault),
                beginning: Some(Beginning {
                    call,
                    stage: Some(stage),
                }),
            },
            Self::Pair(one, other) => Aim {
                faults: (one, other),
                beginning: None,
            },
        }
    }
}

/// Whether a fault may strike a call.
fn may_strike(fault: Fault, call: &str) -> bool {
    let kind = CALLS.iter().find(|(name, _)| *name == call);
    DISTURBANCES.contains(&fault) || kind.is_some_and(|(_, kind)| faults_of(*kind).contains(&fault))
}

fn all_pairs() -> impl Iterator<Item = (Fault, Fault)> {
    let all = Fault::ALL.iter();
    all.flat_map(|one| {
        let others = Fault::ALL.iter().filter(move |other| one <= *other);
        others.map(|other| (*one, *other))
    })
}

impl Coverage {
    pub(crate) fn add(&mut self, record: &Record) {
        self.runs += 1;
        self.calls.extend(&record.places);
        self.reached.extend(&record.reached);
        for (one, times) in &record.fired {
            let others = record.fired.keys().filter(|other| one < *other);
            self.pairs.extend(others.map(|other| (*one, *other)));
            if *times > 1 {
                self.pairs.insert((*one, *one));
            }
        }
    }

    /// Every fault at every call and stage that any run made and that it may strike.
    fn places(&self) -> impl Iterator<Item = (Fault, Place)> {
        let all = self.calls.iter();
        all.flat_map(|place| {
            let may = Fault::ALL.iter().filter(|f| may_strike(**f, place.0));
            may.map(|fault| (*fault, *place))
        })
    }

    fn never(&self) -> Vec<Target> {
        let places = self.places().filter(|place| !self.reached.contains(place));
        let pairs = all_pairs().filter(|pair| !self.pairs.contains(pair));
        let pairs = pairs.map(|(one, other)| Target::Pair(one, other));
        let places = places.map(|(fault, place)| Target::Place(fault, place));
        pairs.chain(places).collect()
    }

    /// So many seeds at most that aim at what was never reached, least tried first. `number` makes
    /// those of one run differ from those of another.
    pub(crate) fn aims(&mut self, most: usize, number: u64) -> Vec<u64> {
        let mut targets = self.never();
        targets.sort_by_key(|target| self.aimed.get(target).copied());
        let mut seeds = Vec::new();
        for (of_many, target) in (number..).zip(targets.into_iter().cycle().take(most)) {
            let tried = self.aimed.entry(target).or_default();
            seeds.push(target.aim(*tried).seed(of_many));
            *tried += 1;
        }
        seeds
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let possible = self.places().count();
        let reached = self.places().filter(|place| self.reached.contains(place));
        let pairs = all_pairs().count();
        let mut text = format!(
            "reached      {} of {possible} (fault, call, stage), {} of {pairs} (fault, fault)\n",
            reached.count(),
            self.pairs.len()
        );
        // A short run misses most of it.
        if self.runs < 3_000 {
            return text;
        }
        let mut never: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for target in self.never() {
            match target {
                Target::Pair(one, other) => {
                    let with = format!("with {}", one.name());
                    never.entry(with).or_default().push(other.name());
                }
                Target::Place(fault, (call, stage)) => {
                    let place = format!("{call}, {}", stage.as_str());
                    never.entry(place).or_default().push(fault.name());
                }
            }
        }
        let lines = never.len();
        for (place, faults) in never.into_iter().take(40) {
            let few: Vec<&str> = faults.iter().copied().take(8).collect();
            let more = faults.len() - few.len();
            let more = (more > 0).then(|| format!(" and {more} more"));
            let more = more.unwrap_or_default();
            writeln!(text, "  never      {place}: {}{more}", few.join(", ")).unwrap();
        }
        if lines > 40 {
            writeln!(text, "  never      and {} lines more", lines - 40).unwrap();
        }
        text
    }
}

#[test]
fn every_call_has_a_number_and_a_kind() {
    let mut coverage = Coverage::default();
    for seed in 1..=40 {
        let scenario = super::Scenario::of(seed);
        coverage.add(&super::run::run(&scenario, &[], false));
    }
    for (call, _) in &coverage.calls {
        assert!(CALLS.iter().any(|(known, _)| known == call), "{call}");
    }
}

/// A seed that aims at a fault at a call and a stage brings about just that, where its BSS allows it.
#[test]
fn a_seed_reaches_what_it_aims_at() {
    use tenant_reseller_operator::api::Phase;
    let place = ("copy subscriptions", Phase::SubscriptionCopy);
    let target = Target::Place(Fault::BssReplySlow, place);
    let mut reached = Coverage::default();
    let hit = (Fault::BssReplySlow, place);
    for seed in (1..=40).map(|of_many| target.aim(0).seed(of_many)) {
        if reached.reached.contains(&hit) {
            break;
        }
        let record = super::run::run(&super::Scenario::of(seed), &[], false);
        assert_eq!(record.violations, Vec::<String>::new());
        reached.add(&record);
    }
    assert!(reached.reached.contains(&hit), "{:?}", reached.reached);
}
