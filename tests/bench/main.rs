//! The bench in its quick form: every part comes to its end, says what it has to say, and leaves nothing
//! behind. No time is asserted: a figure belongs to the machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

#[path = "../../benches/driver.rs"]
mod driver;

/// The parts in their quick form, with a folder of its own for everything that they make.
fn bench(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tru-local"))
        .args(["bench", "--quick"])
        .args(arguments)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    let (out, errors) = (
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(errors),
    );
    format!("{out}{errors}")
}

/// The cells of the first row that begins like this.
fn row<'a>(told: &'a str, begin: &str) -> Vec<&'a str> {
    let row = told.lines().find(|line| line.starts_with(begin));
    let row = row.unwrap_or_else(|| panic!("{begin} is missing in:\n{told}"));
    row.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn every_part_comes_to_its_end_and_writes_its_own_place_of_the_page() {
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("page.md");
    let parts = ["ceiling", "endpoint", "sizes", "fairness", "crowd"];
    let places: Vec<String> = parts
        .iter()
        .map(|part| {
            format!(
                "<!-- figures of {part}: begin (written by `make bench`) -->\nold\n\
                 <!-- figures of {part}: end -->\n"
            )
        })
        .collect();
    fs::write(&page, places.concat()).unwrap();
    let shown = page.display();
    let output = bench(
        folder.path(),
        &[
            &format!("--only={}", parts.join(",")),
            &format!("--page={shown}"),
        ],
    );
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let page_text = fs::read_to_string(&page).unwrap();
    assert!(!page_text.contains("\nold\n"), "{page_text}");
    assert_eq!(page_text.matches("Machine: ").count(), parts.len());
    for begin in [
        "| this version's | list | 500 |",
        "| this version's | check | 100 |",
        "| this version's | copy | 1 |",
        "| the operator | 100 | 10 |",
        "| a plain loop | 100 | 10 |",
        "| 40 | 100 | 5 ms | careful client, phase by phase |",
        "| 40 | 100 | 5 ms | careful client |",
        "| 80 | 100 | 5 ms | the operator |",
        "| careful client | 100 | 5 ms |",
        "| the operator | 3 | 20 |",
        "| the operator | 20 | 400 |",
        "| the operator | ready after a start beside the finished ones |",
        "| the operator | idle processor, finished ones |",
        "| the operator | until all waiting ones wait |",
        "| the operator | first status of a burst, P99 |",
        "| the operator | memory, finished, waiting and working ones |",
        "| the operator | all working ones looked at again after a kill |",
    ] {
        row(&page_text, begin);
    }
    // The same work for both: every item once.
    let copied = |begin: &str| row(&page_text, begin)[1].to_owned();
    assert_eq!(copied("| the operator | 100 | 10 |"), "100");
    assert_eq!(copied("| a plain loop | 100 | 10 |"), "100");
    let jain: f64 = row(&page_text, "| the operator | 3 | 20 |")[5]
        .parse()
        .unwrap();
    assert!((1.0 / 3.0..=1.0).contains(&jain), "{jain}");
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["page.md"]);
}

#[test]
fn a_page_without_a_place_is_found_before_anything_is_measured() {
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("page.md");
    fs::write(&page, "# Nothing\n").unwrap();
    let output = bench(
        folder.path(),
        &["--only=sizes", &format!("--page={}", page.display())],
    );
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("has no place for the figures of sizes"),
        "{told}"
    );
}

#[test]
fn what_is_counted_is_a_whole_upgrade() {
    use driver::{Half, run};
    let items = 1200;
    let whole = run(Half::Decide, items);
    // Every item and every customer has one copy, and back ordering is on.
    assert_eq!(whole.copies, 1260);
    assert!(whole.switched && whole.decisions > 0 && whole.outcomes > 0);
    let sweep = run(Half::named("sweep").unwrap(), items);
    assert_eq!(sweep.copies, 1260);
    assert!(!sweep.switched, "it ends before the switch");
    assert!(sweep.calls < whole.calls, "{sweep:?} {whole:?}");
    assert_eq!(Half::named("both"), None);
}
