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
const ROOMS: [(&str, &[&str]); 22] = [
    ("src/api", &[]),
    ("src/legible.rs", &[]),
    ("src/spans.rs", &[]),
    ("src/bss/operation.rs", &[]),
    (
        "src/bss/port",
        &["bss::error", "bss::operation", "bss::port"],
    ),
    ("src/bss/error.rs", &["bss::operation", "bss::port"]),
    (
        "src/bss/adapters/reference/contract.rs",
        &["bss::operation"],
    ),
    (
        "src/bss/limits",
        // The calls of one caller are those under one cancellation: callers are served in turn.
        &[
            "bss::limits",
            "bss::error",
            "bss::port",
            "bss::cancellation",
        ],
    ),
    (
        "src/bss/transport",
        &[
            "bss::transport",
            "bss::limits",
            "bss::error",
            "bss::cancellation",
            "legible",
            "spans",
        ],
    ),
    ("src/bss/connect", &["bss"]),
    // The list of adapters makes their settings of the blocks in custom resources; the adapters do not.
    ("src/bss/adapters/mod.rs", &["api", "bss"]),
    // The rest of the folder; its adapters have rooms of their own, see `rooms`.
    ("src/bss", &["bss"]),
    (
        "src/upgrade",
        &["api", "bss::port", "bss::error", "legible", "upgrade"],
    ),
    ("src/cluster", &["api", "cluster", "spans"]),
    ("src/observe", &["observe"]),
    (
        "src/controller",
        &["api", "bss", "cluster", "controller", "observe", "upgrade"],
    ),
    // Effects are performed without the cluster; what people read is written without a BSS.
    ("src/controller/perform", &["bss", "controller", "upgrade"]),
    (
        "src/controller/publish",
        &["api", "bss::port", "cluster", "controller", "upgrade"],
    ),
    ("src/controller/endings.rs", &["api", "cluster", "upgrade"]),
    (
        "src/sandbox",
        &["bss::adapters::reference::contract", "sandbox"],
    ),
    ("src/cli.rs", &["observe::tracing"]),
    // What a person is shown, the API server has.
    ("src/plugin", &["api", "legible", "plugin"]),
];

/// What every adapter may know besides its own folder. Another adapter is not among it.
const SHARED_BY_ADAPTERS: [&str; 4] = ["bss::port", "bss::error", "bss::limits", "bss::transport"];

/// The rooms of the list, and one for each adapter: every folder in `src/bss/adapters`.
fn rooms() -> Vec<(PathBuf, Vec<String>)> {
    let mut rooms: Vec<(PathBuf, Vec<String>)> = ROOMS
        .iter()
        .map(|(room, allowed)| {
            let allowed = allowed.iter().map(|path| (*path).to_owned());
            (PathBuf::from(room), allowed.collect())
        })
        .collect();
    for entry in fs::read_dir("src/bss/adapters").unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let name = folder.file_name().unwrap().to_string_lossy();
            let own = format!("bss::adapters::{name}");
            let shared = SHARED_BY_ADAPTERS.map(str::to_owned);
            let allowed = std::iter::once(own).chain(shared).collect();
            rooms.push((folder, allowed));
        }
    }
    rooms
}

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
        "src/bss/port",
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
    let rooms = rooms();
    for (room, allowed) in &rooms {
        for file in sources(room) {
            // What lies in a smaller room is judged there.
            let smaller = rooms.iter().any(|(other, _)| {
                other != room && other.starts_with(room) && file.starts_with(other)
            });
            if smaller || file.extension().is_none_or(|extension| extension != "rs") {
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

/// The decision core and the controller work with any BSS: no vendor's word stands there.
#[test]
fn no_vendor_is_named_where_it_does_not_matter() {
    let mut looked_at = 0;
    for room in ["src/upgrade", "src/controller"] {
        for file in sources(Path::new(room)) {
            let text = fs::read_to_string(&file).unwrap().to_lowercase();
            for word in ["interworks", "odata", "tmf"] {
                assert!(!text.contains(word), "{} says {word}", file.display());
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 40, "only {looked_at} files were looked at");
}

/// An adapter that writes nothing has nothing to write with: it names neither a method nor the transport that
/// could send one.
#[test]
fn the_adapter_that_only_reads_has_nothing_to_write_with() {
    let files = sources(Path::new("src/bss/adapters/interworks"));
    assert!(files.len() > 10);
    for file in files {
        let code = code(&file);
        for word in [
            "Method::",
            "reqwest::Method",
            "Transport",
            "transport::Request",
            "reqwest::Client",
            "hyper",
        ] {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
    let read_only = code(Path::new("src/bss/transport/read_only.rs"));
    assert_eq!(read_only.matches("Method::").count(), 1);
    assert!(read_only.contains("method: Method::GET,"));
}

#[test]
fn the_reader_of_paths_sees_groups() {
    let code = "use crate::bss::{port, error::BssError};\nlet x = crate::api::Reason::Ready;";
    assert_eq!(
        named(code),
        ["bss::port", "bss::error::BssError", "api::Reason::Ready"]
    );
}
