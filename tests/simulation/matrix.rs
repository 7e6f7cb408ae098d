//! The matrix of promises: what becomes of each guarantee where a promise is weak, with its risk
//! accepted and without. It is run, not written down: the page of guarantees carries what came out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use tenant_reseller_operator::api::{Reason, Risk};

use super::faults::Fault;
use super::run::run;
use super::scenario::{Ending, STRONG, Scenario, Weaken, weakened};

/// What came out of the runs of one row.
#[derive(Default)]
struct Row {
    runs: u64,
    refused: u64,
    named: u64,
    unnamed: u64,
    people: u64,
    waited: u64,
    violations: Vec<String>,
}

impl Row {
    /// In the words of the page.
    fn outcome(&self) -> String {
        if self.refused == self.runs {
            return "**refuses** before the first record".to_owned();
        }
        let mut told = vec!["holds"];
        if self.waited > 0 {
            told.push("**waits**");
        }
        if self.people > 0 {
            told.push("asks **a person**");
        }
        if self.named > 0 {
            told.push("**names the loss** that was accepted");
        }
        if self.unnamed > 0 {
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
        let record = run(&scenario, &[], false);
        row.runs += 1;
        row.refused += u64::from(record.ended == Some(Ending::Refused));
        row.named += record.losses.named;
        row.unnamed += record.losses.unnamed;
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

/// Runs the matrix, each promise weak alone and all pairs of them; answers the table of the page and
/// what was violated.
pub(crate) fn matrix(seeds: u64) -> (String, Vec<String>) {
    let weak = weakened();
    let mut table =
        String::from("| weak | no risk accepted | its risk accepted |\n| --- | --- | --- |\n");
    let mut violations = Vec::new();
    let mut row = |name: &str, weaken: &[Weaken], risks: BTreeSet<Risk>| {
        let bare = runs(weaken, &BTreeSet::new(), seeds);
        violations.extend(bare.violations.iter().map(|v| format!("{name}: {v}")));
        let accepted = if risks.is_empty() {
            "(none is needed)".to_owned()
        } else {
            let accepted = runs(weaken, &risks, seeds);
            violations.extend(accepted.violations.iter().map(|v| format!("{name}: {v}")));
            let names: Vec<&str> = risks.iter().map(|risk| risk.as_str()).collect();
            format!("{}: {}", names.join(", "), accepted.outcome())
        };
        writeln!(table, "| {name} | {} | {accepted} |", bare.outcome()).unwrap();
    };
    row("nothing", &[], BTreeSet::new());
    for (name, weaken) in &weak {
        row(name, &[*weaken], risk_of(name).into_iter().collect());
    }
    for (at, (one, first)) in weak.iter().enumerate() {
        for (other, second) in &weak[at + 1..] {
            if one.starts_with("keys") && other.starts_with("keys") {
                continue;
            }
            let risks = [risk_of(one), risk_of(other)].into_iter().flatten();
            row(
                &format!("{one} and {other}"),
                &[*first, *second],
                risks.collect(),
            );
        }
    }
    (table, violations)
}
