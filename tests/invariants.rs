//! Comments, tests and pages cite the invariants of the business by number. `docs/domain.md` defines
//! each of them once, and `docs/proofs/README.md` says which proof owns it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/domain.md";
const PROOFS: &str = "docs/proofs/README.md";
/// The heading of the table of owners, and what the next section begins with.
const OWNERS: (&str, &str) = ("## Which proof owns which claim", "\n## ");
/// Where invariants are cited.
const PLACES: [&str; 6] = [
    "src",
    "tests",
    "docs",
    "charts",
    "README.md",
    "CONTRIBUTING.md",
];
/// What is read there.
const TEXTS: [&str; 6] = ["rs", "md", "yaml", "tpl", "txt", "sql"];
/// This file names numbers that are none.
const OWN: &str = "tests/invariants.rs";
/// The invariants are I-1 to this one.
const LAST: u32 = 22;

fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    fs::read_dir(place)
        .unwrap()
        .flat_map(|entry| sources(&entry.unwrap().path()))
        .collect()
}

/// Every text of the project that may cite an invariant, with its path.
fn texts() -> Vec<(PathBuf, String)> {
    let files = PLACES.iter().flat_map(|place| sources(Path::new(place)));
    let read = |file: &PathBuf| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| TEXTS.contains(&extension)) && file != Path::new(OWN)
    };
    files
        .filter(read)
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            (file, text)
        })
        .collect()
}

/// The numbers of the invariants that a text cites. A number that is too long for one is none of
/// those that are defined.
fn cited(text: &str) -> Vec<u32> {
    let of_a_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices("I-")
        .filter_map(|(at, mark)| {
            let before = text.get(..at)?.chars().next_back();
            let rest = text.get(at..)?.strip_prefix(mark)?;
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            let after = rest.get(digits.len()..)?.chars().next();
            let whole = !before.is_some_and(of_a_word) && !after.is_some_and(char::is_alphanumeric);
            (whole && !digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
        })
        .collect()
}

/// The numbers that a page defines: each has a heading that begins with it.
fn defined(page: &str) -> Vec<u32> {
    page.lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter(|heading| heading.starts_with("I-"))
        .filter_map(|heading| cited(heading).first().copied())
        .collect()
}

/// What a text cites and a page does not define exactly once.
fn undefined(text: &str, page: &str) -> BTreeSet<u32> {
    let defined = defined(page);
    let times = |number: &u32| defined.iter().filter(|known| *known == number).count();
    cited(text)
        .into_iter()
        .filter(|number| times(number) != 1)
        .collect()
}

/// The rows of the table of owners, without its head.
fn owners(page: &str) -> Vec<&str> {
    let (_, section) = page.split_once(OWNERS.0).unwrap();
    let section = section.split(OWNERS.1).next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.filter(|row| !row.starts_with("| ---") && !row.starts_with("| claim"))
        .collect()
}

/// Whether a text has this word, with nothing of a word on either side.
fn has_word(text: &str, word: &str) -> bool {
    let of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at..).and_then(|text| text.strip_prefix(word));
        let after = after.and_then(|text| text.chars().next());
        !before.is_some_and(of_a_word) && !after.is_some_and(of_a_word)
    })
}

#[test]
fn every_invariant_is_defined_exactly_once() {
    let page = fs::read_to_string(PAGE).unwrap();
    let all: Vec<u32> = (1..=LAST).collect();
    assert_eq!(defined(&page), all, "{PAGE}: in order, each once");
}

#[test]
fn only_invariants_that_are_defined_are_cited() {
    let page = fs::read_to_string(PAGE).unwrap();
    let texts = texts();
    let mut wrong = Vec::new();
    let mut citing = 0;
    for (file, text) in &texts {
        citing += usize::from(!cited(text).is_empty());
        for number in undefined(text, &page) {
            wrong.push(format!("{} cites I-{number}", file.display()));
        }
    }
    assert!(texts.len() > 200, "only {} files were read", texts.len());
    assert!(citing > 5, "only {citing} files cite an invariant");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each invariant has one owner row, and what the rows name in code exists: tests as functions, rules
/// of the judges, reasons and mutants as words of the code.
#[test]
fn every_invariant_has_a_proof_that_exists() {
    let page = fs::read_to_string(PROOFS).unwrap();
    let rows = owners(&page);
    let first = |row: &&str| row.split('|').nth(1).map(cited).unwrap_or_default();
    let owned: Vec<u32> = rows.iter().flat_map(first).collect();
    let all: Vec<u32> = (1..=LAST).collect();
    assert_eq!(owned, all, "{PROOFS}: in order, each once");

    let code: Vec<String> = texts()
        .into_iter()
        .filter(|(file, _)| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|(_, text)| text)
        .collect();
    let mut wrong = Vec::new();
    let mut named = 0;
    for row in rows {
        for name in row.split('`').skip(1).step_by(2) {
            named += 1;
            let a_function = name.starts_with(|c: char| c.is_ascii_lowercase());
            let wanted = if a_function {
                format!("fn {name}")
            } else {
                name.to_owned()
            };
            if !code.iter().any(|text| has_word(text, &wanted)) {
                wrong.push(format!("{PROOFS} names {name}, and the code does not"));
            }
        }
    }
    assert!(named > 100, "only {named} names were looked for");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_finder_sees_numbers_and_nothing_else() {
    assert_eq!(
        cited("Half marked (I-4). I-7's check, I-1 to I-22; see domain.md#i-13 and `I-12`."),
        [4, 7, 1, 22, 12]
    );
    assert_eq!(
        cited("API-1, MQ-I-2, I-x, I-, I-3a, I-99999999999"),
        [u32::MAX]
    );
}

#[test]
fn an_unknown_number_and_one_that_is_defined_twice_are_told() {
    let page = "### I-1: one\n\nSee I-3.\n\n### I-2: two\n\n### I-2: again\n";
    assert_eq!(defined(page), [1, 2, 2]);
    assert_eq!(undefined("I-1 and I-2 and I-23", page), [2, 23].into());
}

#[test]
fn words_are_whole() {
    assert!(has_word("async fn seeds() {", "fn seeds"));
    assert!(!has_word("async fn seeds_again() {", "fn seeds"));
}
