//! The tutorial is a test: every command of `docs/tutorial.md`, typed into one shell from top to bottom, with
//! the real programs. What its steps wait for is what it asserts; the judge of the BSS has the last word.
#![cfg(all(feature = "local", feature = "plugin"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::pages::blocks;

const PAGE: &str = "docs/tutorial.md";
const MARK: &str = "tests/tutorial.rs types this page from top to bottom";
/// Longer than it takes on a busy machine.
const BOUND: Duration = Duration::from_secs(600);

/// What a person types, with the place of each block for one who looks for what failed.
fn typed() -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(project.join(PAGE)).unwrap();
    let mut script = "set -euo pipefail\n".to_owned();
    let mut count = 0;
    for block in blocks(PAGE, &text) {
        if block.not_run() == Some(MARK) {
            count += 1;
            write!(script, "echo '=== {}'\n{}", block.place(), block.text).unwrap();
        }
    }
    assert!(count >= 10, "only {count} blocks");
    script
}

#[test]
fn the_tutorial_is_typed_from_top_to_bottom() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_tru-local")).parent().unwrap();
    assert!(programs.join("kubectl-tru").is_file() && programs.join("bss-sandbox").is_file());
    let path = std::env::var("PATH").unwrap();
    let output = folder.path().join("output");
    let told = std::fs::File::create(&output).unwrap();
    let mut shell = Command::new("bash")
        .args(["-c", &typed()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("TMPDIR", folder.path())
        .env("HELM_CACHE_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(told.try_clone().unwrap())
        .stderr(told)
        .process_group(0)
        .spawn()
        .unwrap();
    let began = Instant::now();
    let status = loop {
        if let Some(status) = shell.try_wait().unwrap() {
            break Some(status);
        }
        if began.elapsed() > BOUND {
            break None;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    // Where a step failed, what the page started is still there: it ends with its group.
    let group = format!("-{}", shell.id());
    let _ended = Command::new("kill")
        .args(["-TERM", "--", &group])
        .stderr(Stdio::null())
        .status();
    let said = std::fs::read_to_string(&output).unwrap();
    let tail: Vec<&str> = said.lines().rev().take(60).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{}",
        tail.join("\n")
    );
    // The judge was asked twice, and told the same: all is copied, nothing is wrong, nothing was repeated.
    let verdicts: Vec<serde_json::Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|value| value.get("duplicated").is_some())
        .collect();
    assert_eq!(verdicts.len(), 2, "{said}");
    assert_eq!(verdicts.first(), verdicts.last());
    let verdict = verdicts.first().unwrap();
    assert_eq!(verdict["activations"], 1, "{verdict:#}");
    for nothing in [
        "duplicated",
        "lost",
        "doubleCharges",
        "missingCharges",
        "mails",
    ] {
        assert_eq!(verdict[nothing], 0, "{nothing} {verdict:#}");
    }
}
