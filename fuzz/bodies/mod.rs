//! One body per fuzz target: what must hold of any bytes at all.
//!
//! `make fuzz` runs them under libFuzzer, `src/fuzzing/replay.rs` on the kept corpus and on a few thousand
//! mutations of it with every test run. A body panics where the operator is wrong, never because the
//! bytes are.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a body that panics has found something"
)]
#![allow(
    unreachable_pub,
    reason = "a library of its own, and a module of a test"
)]

mod merge;
mod oauth;
mod refusals;
mod replies;
mod validate;

pub use replies::asked;

use tenant_reseller_operator::bss::transport::{Challenge, Media, Reply};

/// What takes the bytes.
pub type Body = fn(&[u8]);

/// The targets, by the names of their corpora.
pub const TARGETS: &[(&str, Body)] = &[
    ("replies", replies::run),
    ("refusals", refusals::run),
    ("oauth", oauth::run),
    ("validate", validate::run),
    ("merge", merge::run),
];

/// The body of a target.
#[must_use]
pub fn body(target: &str) -> Body {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.expect("a target of the list").1
}

/// The first line, and the rest.
fn head(data: &[u8]) -> (&str, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (line, rest) = match end {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&data[..0], data),
    };
    (std::str::from_utf8(line).unwrap_or_default(), rest)
}

/// A reply as the corpora write it: `409 problem` and more words, a line break, the body.
fn reply(data: &[u8]) -> (Reply, Vec<&str>) {
    let (line, body) = head(data);
    let mut words = line.split(' ');
    let status = words.next().and_then(|word| word.parse().ok());
    let media = match words.next() {
        Some("problem") => Media::Problem,
        Some("other") => Media::Other,
        _ => Media::Json,
    };
    let reply = Reply {
        status: status.unwrap_or(200),
        media,
        retry_after: None,
        throttled: false,
        challenge: Challenge::None,
        body: body.to_vec(),
    };
    (reply, words.collect())
}

/// A text that was made fit for people: no longer than 512 characters, none of them a control
/// character.
fn assert_fit(text: &str) {
    assert!(text.chars().count() <= 512, "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
