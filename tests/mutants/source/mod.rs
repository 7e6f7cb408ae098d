//! Mistakes of the operator's inner order, which no lie at a port can make: small changes of its
//! sources.
//!
//! The sources themselves have no switch. The changes are made in a copy of them below the target
//! directory, all at once and each behind a run-time switch that exists in that copy alone; the copy
//! is compiled once, with the dependencies that are built already, and runs this binary's own proofs
//! against each of its mistakes. A change finds its place by its text.

mod copy;

use serde_json::{Value, json};

use crate::harness::{Armed, Case, Effort, Found, Proof, Row};
use crate::proofs::{simulation, test};
use crate::{cases, tables};

/// A mistake in the sources.
pub(crate) struct Change {
    name: &'static str,
    about: &'static str,
    /// The text that is found exactly once in all sources.
    find: &'static str,
    /// What stands there instead. `MISTAKE` is whether the mistake is made at the moment.
    put: &'static str,
    proofs: fn() -> Vec<Proof>,
}

/// All of them.
const ALL: &[Change] = &[
    // Both sides see one key only, which does its work in every run: an upgrade works on one tenant,
    // and a replaced one stops it. What a key says is a matter of the function that makes it.
    Change {
        name: "KeyWithoutTenant",
        about: "Keys of items do not name the tenant.",
        find: "BusinessKey(self.path(&[tenant.as_str(), kind.as_str(), source.as_str()]))",
        put: "BusinessKey(if MISTAKE { self.path(&[kind.as_str(), source.as_str()]) } \
              else { self.path(&[tenant.as_str(), kind.as_str(), source.as_str()]) })",
        proofs: || vec![test("table of keys", tables::keys_name_the_tenant)],
    },
    // The operator is shown what is true, and tells it; only the gate behind the sweep is open. A lie
    // could show it another inventory, which is a mistake of a listing.
    Change {
        name: "FinalSweepDropped",
        about: "What the last sweep before the switch finds is not minded.",
        find: "if in_the_way",
        put: "if !MISTAKE && in_the_way",
        proofs: || {
            vec![
                simulation("cancelled at the end", cases::cancelled_at_the_end),
                simulation("late changes", cases::late_changes),
            ]
        },
    },
];

/// The mistakes, in the copy.
pub(crate) fn cases_in_the_copy() -> Vec<Case> {
    let all = ALL.iter().map(|change| Case {
        of: "operator",
        name: change.name,
        about: change.about.to_owned(),
        armed: Armed {
            source: Some(change.name),
            ..Armed::default()
        },
        proofs: (change.proofs)(),
    });
    all.collect()
}

/// Makes the copy, and lets it look for those of its mistakes whose names have this in them.
pub(crate) fn run_the_copy(only: &str, effort: Effort) -> Vec<Row> {
    let wanted = ALL.iter().filter(|change| change.name.contains(only));
    let wanted: Vec<&Change> = wanted.collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let said = copy::made_and_run(ALL, only, effort);
    let rows = said.lines().filter_map(|line| line.split_once(ROW));
    let rows: Vec<Value> = rows
        .map(|(_, row)| serde_json::from_str(row).unwrap())
        .collect();
    let of = |change: &&Change| {
        let own = rows.iter().find(|row| row["name"] == change.name);
        let own = own.unwrap_or_else(|| panic!("the copy says nothing of {}", change.name));
        heard(change, own)
    };
    wanted.iter().map(of).collect()
}

/// Before a row of the copy.
const ROW: &str = "of the copy: ";

/// What the copy says of one mistake, to the run that made it.
pub(crate) fn tell(row: &Row) {
    let (found, why) = match &row.found {
        Ok(found) => (json!({ "by": found.by, "said": found.said }), Value::Null),
        Err(why) => (Value::Null, json!(why)),
    };
    let seconds = row.took.as_secs_f64();
    let row = json!({ "name": row.name, "found": found, "why": why, "seconds": seconds });
    println!("{ROW}{row}");
}

fn heard(change: &Change, row: &Value) -> Row {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = match row["found"] {
        Value::Null => Err(text(&row["why"])),
        ref found => Ok(Found {
            by: text(&found["by"]),
            said: text(&found["said"]),
            by_judges_alone: false,
        }),
    };
    Row {
        of: "operator",
        name: change.name,
        about: change.about.to_owned(),
        found,
        took: std::time::Duration::from_secs_f64(row["seconds"].as_f64().unwrap_or_default()),
    }
}
