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

/// A path inside the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the project.
fn read(path: &str) -> String {
    generated::written();
    std::fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
