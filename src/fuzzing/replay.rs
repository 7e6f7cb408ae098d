//! The fuzz targets on stable Rust: the kept corpus again, and a few thousand mutations of it. What
//! `make fuzz` finds becomes a small file of the corpus.
//!
//! These are tests of the library, and not beside it in `tests/`, because the doors are a part of no
//! build that others link.

#[path = "../../fuzz/bodies/mod.rs"]
mod bodies;

use bodies::{TARGETS, body};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The kept inputs of a target, by file name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 5, "a corpus of {} files", files.len());
    files
}

#[test]
fn the_kept_corpus_holds() {
    let mut wrong = Vec::new();
    for (target, body) in TARGETS {
        for (name, bytes) in corpus(target) {
            if catch_unwind(AssertUnwindSafe(|| body(&bytes))).is_err() {
                wrong.push(format!("{target}/{name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_target_has_a_program_and_a_corpus_and_no_corpus_is_left_over() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| name(&entry.unwrap().path())).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("tests/corpus"), targets);
    assert_eq!(names("fuzz/fuzz_targets"), targets);
}

/// A seed that its parser refuses leads a fuzzer nowhere: `customers.last.json` is one of `customers`.
#[test]
fn every_reply_of_the_corpus_is_taken_by_its_parser() {
    let corpus = corpus("replies");
    for (name, parser) in super::PARSERS {
        let own = corpus
            .iter()
            .filter(|(file, _)| file.split('.').next() == Some(name));
        let mut any = false;
        for (file, bytes) in own {
            any = true;
            parser(bytes, &bodies::asked()).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        assert!(any, "no reply for {name}");
    }
}

/// A change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index),
    Insert(Index, Vec<u8>),
    /// From here on another file of the corpus, from there on.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let words = [
        "\"",
        "{",
        "]",
        ",",
        "null",
        "-1",
        "18446744073709551616",
        "\\u0000",
        "\n",
        " > 0\n",
    ];
    let word = prop_oneof![
        proptest::sample::select(words.map(|word| word.as_bytes().to_vec()).to_vec()),
        proptest::collection::vec(any::<u8>(), 1..6),
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(a, byte)| Change::Flip(a, byte)),
        at().prop_map(Change::Cut),
        (at(), at()).prop_map(|(a, b)| Change::Remove(a, b)),
        (at(), at()).prop_map(|(a, b)| Change::Repeat(a, b)),
        (at(), word).prop_map(|(a, word)| Change::Insert(a, word)),
        (at(), at(), at()).prop_map(|(a, b, c)| Change::Splice(a, b, c)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change, corpus: &[(String, Vec<u8>)]) {
    if bytes.is_empty() {
        bytes.push(b'\n');
    }
    let span = |a: &Index, b: &Index, len| {
        let (a, b) = (a.index(len), b.index(len));
        a.min(b)..a.max(b)
    };
    match change {
        Change::Flip(at, mask) => {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }
        Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Change::Remove(a, b) => drop(bytes.drain(span(a, b, bytes.len()))),
        Change::Repeat(a, b) => {
            let span = span(a, b, bytes.len());
            let piece = bytes[span.clone()].to_vec();
            bytes.splice(span.end..span.end, piece);
        }
        Change::Insert(at, word) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, word.iter().copied());
        }
        Change::Splice(at, which, from) => {
            let (_, other) = &corpus[which.index(corpus.len())];
            bytes.truncate(at.index(bytes.len()));
            bytes.extend_from_slice(&other[from.index(other.len().saturating_add(1))..]);
        }
    }
}

fn mutations(target: &str, cases: u32) {
    let (body, corpus) = (body(target), corpus(target));
    let changes = proptest::collection::vec(change(), 1..5);
    proptest!(ProptestConfig::with_cases(cases), |(file in any::<Index>(), changes in changes)| {
        let (_, mut bytes) = corpus[file.index(corpus.len())].clone();
        for change in &changes {
            apply(&mut bytes, change, &corpus);
        }
        let held = catch_unwind(AssertUnwindSafe(|| body(&bytes))).is_ok();
        prop_assert!(held, "{}", String::from_utf8_lossy(&bytes));
    });
}

#[test]
fn mutated_replies() {
    mutations("replies", 2000);
}

#[test]
fn mutated_refusals() {
    mutations("refusals", 2000);
}

#[test]
fn mutated_replies_of_a_token_endpoint() {
    mutations("oauth", 2000);
}

#[test]
fn mutated_specs() {
    mutations("validate", 2000);
}

#[test]
fn mutated_listings() {
    mutations("merge", 2000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (target, body) in TARGETS {
            let held = catch_unwind(AssertUnwindSafe(|| body(&bytes))).is_ok();
            prop_assert!(held, "{}", target);
        }
    }
}
