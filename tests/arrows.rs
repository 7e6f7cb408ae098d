//! Dependencies between folders point one way: each room lists what it may know, and the sources
//! are read to see that it knows nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the paths below `crate::` that it may name besides its own.
const ROOMS: [(&str, &[&str]); 17] = [
    ("src/api", &[]),
    ("src/mutants.rs", &[]),
    ("src/bss/port.rs", &["bss::error", "bss::port"]),
    ("src/bss/error.rs", &["bss::port"]),
    ("src/bss/reference/contract.rs", &[]),
    (
        "src/bss/limits",
        &["bss::limits", "bss::error", "bss::port"],
    ),
    (
        "src/bss/transport",
        &[
            "bss::transport",
            "bss::limits",
            "bss::error",
            "bss::consent",
        ],
    ),
    ("src/bss/reference", &["bss"]),
    (
        "src/upgrade",
        &["api", "bss::port", "bss::error", "mutants", "upgrade"],
    ),
    ("src/cluster", &["api", "cluster"]),
    ("src/observe", &["observe"]),
    (
        "src/controller",
        &[
            "api",
            "bss",
            "cluster",
            "controller",
            "mutants",
            "observe",
            "upgrade",
        ],
    ),
    // Effects are performed without the cluster; what people read is written without a BSS.
    (
        "src/controller/perform",
        &["bss", "controller", "mutants", "upgrade"],
    ),
    (
        "src/controller/publish",
        &["api", "bss::port", "cluster", "controller", "upgrade"],
    ),
    ("src/controller/endings.rs", &["api", "cluster", "upgrade"]),
    ("src/sandbox", &["bss::reference::contract", "sandbox"]),
    ("src/cli.rs", &["observe::tracing"]),
];

/// Crates that a room must not touch.
const PURE: [(&str, &[&str]); 3] = [
    (
        "src/upgrade",
        &[
            "kube",
            "tokio",
            "reqwest",
            "axum",
            "std::time::Instant",
            "async fn",
        ],
    ),
    (
        "src/bss/port.rs",
        &["kube", "tokio", "reqwest", "serde", "axum"],
    ),
    ("src/api", &["tokio", "reqwest", "axum", "async fn"]),
];

fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    fs::read_dir(place)
        .unwrap()
        .flat_map(|entry| sources(&entry.unwrap().path()))
        .collect()
}

/// The code of a file, without comments and without its tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .to_owned();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that a file names below `crate::`, groups spread out one level.
fn named(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let head: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':')
            .collect();
        let after = rest.get(head.len()..).unwrap_or_default();
        let head = head.trim_end_matches(':').to_owned();
        match after.strip_prefix('{') {
            Some(group) => {
                let inner = group.split('}').next().unwrap_or_default();
                for item in inner
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                {
                    let item = item.split(['{', ' ']).next().unwrap_or_default();
                    found.push(format!("{head}::{}", item.trim_end_matches(':')));
                }
            }
            None => found.push(head),
        }
    }
    found
}

fn covers(allowed: &str, path: &str) -> bool {
    path == allowed || path.starts_with(&format!("{allowed}::"))
}

#[test]
fn rooms_know_only_what_they_may() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (room, allowed) in ROOMS {
        for file in sources(Path::new(room)) {
            // A file with a line of its own in the list is judged there.
            let own = ROOMS
                .iter()
                .any(|(other, _)| *other != room && Path::new(other) == file);
            if own || file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            looked_at += 1;
            for path in named(&code(&file)) {
                if !allowed.iter().any(|allowed| covers(allowed, &path)) {
                    wrong.push(format!("{} names crate::{path}", file.display()));
                }
            }
        }
    }
    assert!(looked_at > 40, "only {looked_at} files were looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_stay_pure() {
    let mut wrong = Vec::new();
    for (room, forbidden) in PURE {
        for file in sources(Path::new(room)) {
            let code = code(&file);
            for word in forbidden {
                let uses =
                    code.contains(&format!("{word}::")) || code.contains(&format!("{word} "));
                let derive_only = *word == "kube" && room == "src/api";
                if uses && !derive_only {
                    wrong.push(format!("{} touches {word}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_paths_sees_groups() {
    let code = "use crate::bss::{port, error::BssError};\nlet x = crate::api::Reason::Ready;";
    assert_eq!(
        named(code),
        ["bss::port", "bss::error::BssError", "api::Reason::Ready"]
    );
}
