//! `hack/preflight` and `hack/test`: what `make` says before and after everything else.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the scripts may take for granted on any machine.
const ALWAYS_THERE: &[&str] = &[
    "awk",
    "bash",
    "cat",
    "cut",
    "df",
    "dirname",
    "env",
    "grep",
    "head",
    "sed",
    "sha256sum",
    "shasum",
    "sort",
    "tr",
];

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// A machine on which nothing was installed.
    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ALWAYS_THERE {
            if let Some(path) = find(name) {
                symlink(path, folder.path().join(name)).unwrap();
            }
        }
        Self { folder }
    }

    /// Adds a program that does what a line of shell says.
    fn with(self, name: &str, line: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{line}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn run(&self, script: &str) -> Output {
        Command::new(find("bash").unwrap())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
            .env_clear()
            .env("PATH", self.folder.path())
            .env("HOME", self.folder.path())
            .output()
            .unwrap()
    }
}

fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn missing(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter_map(|line| line.strip_prefix("missing: "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let output = Machine::bare().run("hack/preflight");
    assert!(!output.status.success());
    assert_eq!(
        missing(&output),
        ["Rust 1.95.0", "a C compiler (cc)", "make", "Go 1.26"]
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for way_round in [
        "rustup.rs",
        "apt-get install build-essential",
        "go.dev/dl",
        "KUBEBUILDER_ASSETS",
    ] {
        assert!(said.contains(way_round), "{way_round} in:\n{said}");
    }
}

#[test]
fn an_older_version_is_missing_too() {
    let output = Machine::bare()
        .with("cargo", "echo cargo 1.94.1")
        .with("cc", "")
        .with("make", "")
        .with("go", "echo go1.25.7")
        .run("hack/preflight");
    assert_eq!(
        missing(&output),
        [
            "Rust 1.95.0 (cargo 1.94.1 is there)",
            "Go 1.26 (go 1.25.7 is there)"
        ]
    );
}

#[test]
fn what_takes_long_is_said_before_it_starts() {
    let output = Machine::bare()
        .with("cargo", "echo must not be called >&2; exit 1")
        .with("rustup", "echo 1.94.0-x86_64-unknown-linux-gnu")
        .with("cc", "")
        .with("make", "")
        .with("go", "echo go1.26.8")
        .run("hack/preflight");
    assert_eq!(missing(&output), Vec::<String>::new());
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("rustup fetches Rust 1.95.0"), "{said}");
    assert!(
        said.contains("about 15 minutes on 2 cores, then cached"),
        "{said}"
    );
    assert!(!said.contains("must not be called"), "{said}");
}

#[test]
fn the_end_of_a_test_run_is_the_sum_and_the_tests_own_exit_code() {
    let run = |results: &str, code: u8| {
        let machine = Machine::bare().with("cargo", &format!("printf '{results}'; exit {code}"));
        let output = machine.run("hack/test");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = said.lines().last().unwrap_or_default().to_owned();
        (output.status.code(), last)
    };
    let line = |passed, failed| {
        format!("test result: ok. {passed} passed; {failed} failed; 0 ignored; 0 measured\\n")
    };
    assert_eq!(
        run(&[line(7, 0), line(5, 0)].concat(), 0),
        (Some(0), "12 passed, 0 failed".to_owned())
    );
    assert_eq!(
        run(&[line(7, 2), line(5, 0)].concat(), 101),
        (Some(101), "12 passed, 2 failed".to_owned())
    );
    // A build that fails, or a test binary that is killed, reports no failed test.
    assert_eq!(
        run("error: could not compile\\n", 101),
        (Some(101), "0 passed, 1 failed".to_owned())
    );
}
