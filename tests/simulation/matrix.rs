//! The matrix of promises: what becomes of each guarantee where a promise is weak, with its risk
//! accepted and without. It is run, not written down: the page of guarantees carries what came out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use tenant_reseller_operator::api::{Reason, Risk};

use super::accepted_risks::Losses;
use super::faults::Fault;
use super::guarantees::{GUARANTEES, Guarantee};
use super::run::run;
use super::scenario::{Ending, STRONG, Scenario, Weaken, weakened};
use support::simulated_bss::Action;

/// What came out of the runs of one row.
#[derive(Default)]
struct Row {
    runs: u64,
    refused: u64,
    losses: Losses,
    people: u64,
    waited: u64,
    violations: Vec<String>,
}

impl Row {
    /// In the words of the page, with the losses of all guarantees.
    fn outcome(&self) -> String {
        self.told(self.losses.named, self.losses.unnamed)
    }

    /// The same, with the losses of one.
    fn outcome_of(&self, guarantee: &str) -> String {
        let of = self.losses.of.get(guarantee).copied();
        let (named, unnamed) = of.unwrap_or_default();
        // A loss without a name counts for another guarantee; that it has no name counts for this one.
        let silent = guarantee == "told";
        let unnamed = if silent { self.losses.unnamed } else { unnamed };
        self.told(named, unnamed)
    }

    fn told(&self, named: u64, unnamed: u64) -> String {
        if self.refused == self.runs {
            return "**refuses** before the first record".to_owned();
        }
        let mut told = vec![if named + unnamed > 0 {
            "holds but for that risk"
        } else {
            "holds"
        }];
        if self.waited > 0 {
            told.push("**waits**");
        }
        if self.people > 0 {
            told.push("asks **a person**");
        }
        if named > 0 {
            told.push("**names the loss** that was accepted");
        }
        if unnamed > 0 {
            told.push("a loss may come that only **the risk itself** names");
        }
        told.join(", ")
    }
}

fn runs(weaken: &[Weaken], risks: &BTreeSet<Risk>, seeds: u64) -> Row {
    let mut row = Row::default();
    for seed in 1..=seeds {
        let mut promises = STRONG;
        for weaken in weaken {
            weaken(&mut promises);
        }
        let faults = Fault::ALL.to_vec();
        let mut scenario = Scenario::with(seed, promises, risks.clone(), &faults);
        scenario.buys_at_switch = seed % 3 == 2;
        if seed % 3 == 1 {
            // Accepted right before the switch, and delivered long after everything was swept.
            scenario.world.switches.order_pending = Duration::from_hours(1);
            scenario.orders_before_switch = true;
        }
        if seed % 3 == 0 {
            // Changed and cancelled in that moment.
            let sources = scenario.world.eligible().map(|(id, _)| id.clone());
            let mut sources = sources.take(2);
            let changed = sources.next().map(|id| Action::Quantity(id, 9));
            let cancelled = sources.next().map(Action::Cancel);
            scenario.at_switch = changed.into_iter().chain(cancelled).collect();
        }
        let record = run(&scenario, &[], false);
        row.runs += 1;
        row.refused += u64::from(record.ended == Some(Ending::Refused));
        row.losses.add(&record.losses);
        row.people += u64::from(record.reasons.contains(&Reason::AwaitingManualStep));
        row.waited += u64::from(record.reasons.contains(&Reason::Settling));
        let told = record.violations.into_iter();
        row.violations
            .extend(told.map(|v| format!("seed {seed}: {v}")));
    }
    row
}

/// Which risk stands for a promise, if there is one.
fn risk_of(promise: &str) -> Option<Risk> {
    match promise {
        "epochs" => Some(Risk::SingleOperator),
        "revision" | "compares" => Some(Risk::UnguardedSwitch),
        "orders" => Some(Risk::UnseenOrders),
        _ => None,
    }
}

/// What came out where certain promises are weak.
struct Weak {
    names: Vec<&'static str>,
    bare: Row,
    risks: Vec<&'static str>,
    accepted: Option<Row>,
}

impl Weak {
    fn run(weak: &[(&'static str, Weaken)], seeds: u64) -> Self {
        let names: Vec<&'static str> = weak.iter().map(|(name, _)| *name).collect();
        let weaken: Vec<Weaken> = weak.iter().map(|(_, weaken)| *weaken).collect();
        let risks: BTreeSet<Risk> = names.iter().filter_map(|name| risk_of(name)).collect();
        let accepted = (!risks.is_empty()).then(|| runs(&weaken, &risks, seeds));
        Self {
            names,
            bare: runs(&weaken, &BTreeSet::new(), seeds),
            risks: risks.into_iter().map(Risk::as_str).collect(),
            accepted,
        }
    }

    fn name(&self) -> String {
        if self.names.is_empty() {
            "nothing".to_owned()
        } else {
            self.names.join(" and ")
        }
    }

    /// What the judges say, and losses of a guarantee that does not rest on any of these promises.
    fn violations(&self) -> Vec<String> {
        let rows = [Some(&self.bare), self.accepted.as_ref()];
        let rows = || rows.into_iter().flatten();
        let of_judges = rows().flat_map(|row| row.violations.iter().cloned());
        let rests = |guarantee: &str| {
            let all = GUARANTEES.iter().find(|one| one.name == guarantee).unwrap();
            let mut names = self.names.iter().map(|name| promise_of(name));
            names.any(|name| all.rests_on.contains(&name))
        };
        let lost = rows().flat_map(|row| row.losses.of.keys());
        let lost = lost.filter(|guarantee| !rests(guarantee));
        let lost = lost.map(|guarantee| format!("{guarantee:?} is lost and does not rest on it"));
        let all = of_judges.chain(lost);
        all.map(|what| format!("{}: {what}", self.name())).collect()
    }

    fn line(&self) -> String {
        let (name, bare) = (self.name(), self.bare.outcome());
        let accepted = match &self.accepted {
            None => "(none is needed)".to_owned(),
            Some(row) => format!("{}: {}", self.risks.join(", "), row.outcome()),
        };
        format!("| {name} | {bare} | {accepted} |\n")
    }

    /// What becomes of one guarantee.
    fn of(&self, guarantee: &Guarantee) -> String {
        let bare = self.bare.outcome_of(guarantee.name);
        let accepted = self.accepted.as_ref().map_or_else(String::new, |row| {
            let outcome = row.outcome_of(guarantee.name);
            format!("; at the risk {} {outcome}", self.risks.join(", "))
        });
        format!("*{}*: {bare}{accepted}", self.name())
    }
}

/// The promise that a way to weaken it is about.
fn promise_of(weak: &str) -> &str {
    weak.split(' ').next().unwrap_or(weak)
}

/// What the page carries.
pub(crate) struct Written {
    /// Each guarantee, what it rests on, and what shows it.
    pub(crate) guarantees: String,
    /// Each promise weak, alone and in pairs.
    pub(crate) promises: String,
}

/// Runs the matrix, each promise weak alone and all pairs of them, so many seeds each; answers what
/// the page carries and what was violated.
pub(crate) fn matrix(seeds: u64) -> (Written, Vec<String>) {
    let weak = weakened();
    let mut rows = vec![Weak::run(&[], seeds)];
    rows.extend(weak.iter().map(|one| Weak::run(&[*one], seeds)));
    for (at, one) in weak.iter().enumerate() {
        for other in &weak[at + 1..] {
            if promise_of(one.0) != promise_of(other.0) {
                rows.push(Weak::run(&[*one, *other], seeds));
            }
        }
    }
    let mut promises =
        String::from("| weak | no risk accepted | its risk accepted |\n| --- | --- | --- |\n");
    promises.extend(rows.iter().map(Weak::line));
    let mut guarantees = String::from(
        "| guarantee | rests on | where that is weak | shown by |\n| --- | --- | --- | --- |\n",
    );
    for guarantee in &GUARANTEES {
        let alone = rows.iter().filter(|row| {
            let only = row.names.len() == 1;
            only && guarantee.rests_on.contains(&promise_of(row.names[0]))
        });
        let alone: Vec<String> = alone.map(|row| row.of(guarantee)).collect();
        let (rests_on, weak) = if alone.is_empty() {
            ("no promise".to_owned(), "holds".to_owned())
        } else {
            (guarantee.rests_on.join(", "), alone.join("<br>"))
        };
        let tests: Vec<String> = guarantee
            .shown_by
            .iter()
            .map(|t| format!("`{t}`"))
            .collect();
        writeln!(
            guarantees,
            "| **{}**: {} | {rests_on} | {weak} | {} |",
            guarantee.name,
            guarantee.sentence,
            tests.join(", ")
        )
        .unwrap();
    }
    let violations = rows.iter().flat_map(Weak::violations).collect();
    let written = Written {
        guarantees,
        promises,
    };
    (written, violations)
}
