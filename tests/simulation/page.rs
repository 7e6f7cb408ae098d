//! The page of the simulator: a table of runs that grows until it is begun anew, what they found, and
//! the counts of the last one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::seeds::{Sum, Worlds};
use super::shrink::kind;

const RUNS: &str = "| first seed | seeds | aimed | upgraded | refused | calls | violations | new kinds | \
                    without a new kind | seconds |";
const FOUND: &str = "| seed | kind |";

/// The rows of a table on the page as it was.
fn rows<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let lines = page.lines().skip_while(|line| *line != head).skip(2);
    lines.take_while(|line| line.starts_with('|')).collect()
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

fn number(row: &str, column: usize) -> u64 {
    let cells = cells(row);
    cells
        .get(column)
        .and_then(|cell| cell.parse().ok())
        .unwrap_or_default()
}

/// The page with one run more.
pub(crate) fn with(before: &str, first: u64, sum: &Sum, worlds: Worlds) -> String {
    let mut runs: Vec<String> = rows(before, RUNS).into_iter().map(str::to_owned).collect();
    let mut found: Vec<String> = rows(before, FOUND).into_iter().map(str::to_owned).collect();
    let mut kinds: BTreeSet<String> = found
        .iter()
        .filter_map(|row| cells(row).get(1).map(|kind| (*kind).to_owned()))
        .collect();
    let known = kinds.len();
    // In the order in which they were run.
    let mut without = runs.last().map_or(0, |row| number(row, 8)) + sum.runs;
    let mut violations: Vec<_> = sum.violations.iter().collect();
    violations.sort_by_key(|(seed, _)| sum.position(**seed));
    for (seed, violations) in violations {
        let kind = violations
            .first()
            .map(|first| kind(first))
            .unwrap_or_default();
        found.push(format!("| {seed} | {kind} |"));
        if kinds.insert(kind) {
            without = sum.runs - sum.position(*seed) - 1;
        }
    }
    runs.push(format!(
        "| {first} | {} | {} | {} | {} | {} | {} | {} | {without} | {:.0} |",
        sum.runs - sum.aimed,
        sum.aimed,
        sum.upgraded,
        sum.refused,
        sum.calls,
        sum.violations.len(),
        kinds.len() - known,
        sum.took
    ));
    let word = worlds.word();
    let title = match worlds {
        Worlds::All => "The simulator",
        Worlds::AtTheScreens => "The simulator, with people at the screens",
    };
    let of = |column| runs.iter().map(|row| number(row, column)).sum::<u64>();
    let mut page = format!(
        "<!-- Written by `make simulate`: each run adds a row, and `FRESH_PAGE=1` begins the tables anew, \
         as after a change of the core. -->\n\n# {title}\n\n{} seeds in {} runs, and {} runs that \
         aimed at what no seed had reached: {} violations of {} kinds. The last {without} runs brought no \
         new kind. Every run is repeated by `make simulate {word}FIRST=… SEEDS=…`, each seed with its trace by \
         `make simulate {word}SEED=…`.\n\n{RUNS}\n|{}\n",
        of(1),
        runs.len(),
        of(2),
        of(6),
        kinds.len(),
        " ---: |".repeat(10)
    );
    for row in &runs {
        writeln!(page, "{row}").unwrap();
    }
    page.push_str("\n## Violations\n\n");
    if found.is_empty() {
        page.push_str("None.\n");
    } else {
        writeln!(page, "{FOUND}\n| ---: | --- |\n{}", found.join("\n")).unwrap();
    }
    write!(page, "\n## The last run\n\n```text\n{}```\n", sum.told()).unwrap();
    page
}

#[test]
fn a_page_grows_by_a_row_with_each_run() {
    let mut sum = Sum::default();
    (sum.runs, sum.aimed) = (1_100, 100);
    let page = with("", 5_000, &sum, Worlds::All);
    assert!(page.contains("1000 seeds in 1 runs"), "{page}");
    assert!(page.contains("None."), "{page}");
    // One that fails, as the 301st of 1,100.
    let violation = "CopiedTwice: p12577".to_owned();
    sum.violations.insert(6_300, vec![violation]);
    sum.positions.insert(6_300, 300);
    let page = with(&page, 6_000, &sum, Worlds::All);
    assert!(page.contains("2000 seeds in 2 runs"), "{page}");
    assert!(
        page.contains("1 violations of 1 kinds. The last 799 runs"),
        "{page}"
    );
    assert!(page.contains("| 6300 | CopiedTwice |"), "{page}");
    // The same kind once more is not a new one.
    let page = with(&page, 7_000, &sum, Worlds::All);
    assert!(
        page.contains("2 violations of 1 kinds. The last 1899 runs"),
        "{page}"
    );
    assert_eq!(rows(&page, RUNS).len(), 3);
    assert_eq!(rows(&page, FOUND).len(), 2);
}
