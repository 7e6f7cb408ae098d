//! What the project may depend on: licences, sources, one TLS provider, and an operator without
//! the sandbox's and the terminal's weight.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::collections::BTreeSet;
use std::process::Command;

/// Licences that Apache-2.0 software may be shipped with. An expression needs one alternative of
/// which every part is here.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix=none",
            "--no-dedupe",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect();
    assert!(
        lines.len() > 50,
        "a tree of {} lines is no tree",
        lines.len()
    );
    lines
}

fn names(arguments: &[&str]) -> BTreeSet<String> {
    tree(&[arguments, &["--format={p}"]].concat())
        .iter()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn assert_absent(tree: &BTreeSet<String>, unwanted: &[&str]) {
    let found: Vec<_> = unwanted
        .iter()
        .filter(|name| tree.contains(**name))
        .collect();
    assert!(found.is_empty(), "should not be there: {found:?}");
}

#[test]
fn the_operator_carries_no_database_no_server_and_no_terminal() {
    let operator = names(&["--edges=normal"]);
    assert_absent(
        &operator,
        &[
            "rusqlite",
            "libsqlite3-sys",
            "axum-server",
            "rcgen",
            "indicatif",
            "console",
            "clap_complete",
            "opentelemetry",
            "opentelemetry-otlp",
            "tracing-opentelemetry",
        ],
    );
    // The same question finds them where they belong: the names are right.
    let all = names(&["--edges=normal", "--all-features"]);
    for name in [
        "rusqlite",
        "libsqlite3-sys",
        "axum-server",
        "rcgen",
        "indicatif",
        "console",
        "clap_complete",
        "opentelemetry",
        "opentelemetry-otlp",
        "tracing-opentelemetry",
    ] {
        assert!(all.contains(name), "{name} is not even in the sandbox");
    }
}

/// Traces cost 15 small crates: no gRPC, no second HTTP client, no metrics or logs of OpenTelemetry.
#[test]
fn traces_bring_no_second_way_to_send() {
    let with = names(&["--edges=normal", "--features=traces"]);
    assert!(with.contains("opentelemetry-otlp"));
    assert_absent(&with, &["tonic", "opentelemetry-appender-tracing"]);
    let without = names(&["--edges=normal"]);
    let more: Vec<&String> = with.difference(&without).collect();
    assert!(more.len() <= 15, "{more:?}");
}

#[test]
fn there_is_one_tls_provider() {
    let all = names(&["--edges=normal", "--all-features"]);
    assert!(all.contains("aws-lc-rs"));
    assert_absent(&all, &["ring", "openssl", "openssl-sys", "native-tls"]);
}

#[test]
fn every_licence_is_allowed() {
    let refused: Vec<String> =
        tree(&["--edges=normal,build", "--all-features", "--format={p}|{l}"])
            .into_iter()
            .filter(|line| {
                let licence = line.rsplit('|').next().unwrap_or_default();
                !satisfied(licence)
            })
            .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Whether an SPDX expression can be satisfied with the allowed licences. `A/B` is the old
/// spelling of `A OR B`.
fn satisfied(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = any_of(&mut words);
    allowed && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut allowed = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all_of(words);
    }
    allowed
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Words<'_>) -> bool {
    let Some(word) = words.next() else {
        return false;
    };
    if word == "(" {
        let allowed = any_of(words);
        return words.next() == Some(")") && allowed;
    }
    if words.next_if_eq(&"WITH").is_some() {
        let exception = words.next().unwrap_or_default();
        return LICENCES.contains(&format!("{word} WITH {exception}").as_str());
    }
    LICENCES.contains(&word)
}

#[test]
fn licence_expressions_are_understood() {
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/Apache-2.0",
        "(GPL-3.0 OR MIT) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
    ] {
        assert!(satisfied(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Apache-2.0) AND GPL-3.0",
        "GPL-2.0 WITH LLVM-exception",
        "MIT Apache-2.0",
    ] {
        assert!(!satisfied(bad), "{bad}");
    }
}

#[test]
fn everything_comes_from_the_public_registry() {
    let lock = include_str!("../Cargo.lock");
    let strange: BTreeSet<_> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .filter(|source| !source.starts_with("\"registry+"))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}
