//! What the project ships beside its program: definitions, charts, examples; and that they agree
//! with the types. No API server is needed here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests, which clippy does not take for tests"
)]

mod alerts;
mod chart;
mod chart_readme;
mod chart_values;
mod examples;
mod generated;
mod gitops;
mod guarantees;
mod image;
mod metrics_page;
mod pages;
mod reasons;
mod reference;
mod release;
mod schema;
mod schema_history;
mod states;
mod values;

use std::path::PathBuf;

/// What the project holds, somebody wrote: no archive, program or picture of others comes in by accident.
#[test]
fn every_file_is_text() {
    // What tools keep for themselves, and bytes for the parsers.
    const ELSEWHERE: [&str; 3] = ["target", "__pycache__", "fuzz"];
    let (mut folders, mut seen) = (vec![project("")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let (path, name) = entry
                .map(|entry| (entry.path(), entry.file_name()))
                .unwrap();
            let name = name.to_string_lossy();
            if name.starts_with('.') || ELSEWHERE.contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let is_text = std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'));
            assert!(is_text, "{} is no text", path.display());
            seen += 1;
        }
    }
    assert!(seen > 600, "the walk lost its way: {seen}");
}

/// A path inside the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the project.
fn read(path: &str) -> String {
    generated::written();
    std::fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
