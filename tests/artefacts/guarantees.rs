//! `docs/guarantees.md` names every promise and every risk, and only tests that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tenant_reseller_operator::api::Risk;
use tenant_reseller_operator::bss::adapters::reference::contract::Promises;

const PAGE: &str = include_str!("../../docs/guarantees.md");

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Every function that is a test, by name.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let mut marked = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if let Some((_, rest)) = line.split_once("fn ")
                && marked
            {
                names.insert(rest.split('(').next().unwrap().to_owned());
                marked = false;
            }
        }
    }
    names
}

#[test]
fn only_tests_that_exist_are_named() {
    let there = tests();
    let mut named = 0;
    let paragraphs = PAGE.split("\n\n");
    let lists = paragraphs.filter_map(|paragraph| paragraph.split_once("Shown by"));
    // The last column of the guarantees.
    let rows = PAGE.lines().filter(|line| line.starts_with("| **"));
    let rows = rows.map(|row| row.trim_end_matches(" |").rsplit_once(" | ").unwrap());
    for (_, list) in lists.chain(rows) {
        assert!(list.contains('`'), "nothing shows it: {list}");
        for name in list.split('`').skip(1).step_by(2) {
            assert!(there.contains(name), "no test is called {name}");
            named += 1;
        }
    }
    assert!(named >= 50, "{named}");
}

#[test]
fn every_promise_and_every_risk_is_explained() {
    for risk in [
        Risk::UnguardedSwitch,
        Risk::SingleOperator,
        Risk::UnseenOrders,
    ] {
        assert!(PAGE.contains(&format!("**`{}`**", risk.as_str())));
    }
    let schema = schemars::schema_for!(Promises);
    let promises = schema.as_value()["properties"].as_object().unwrap();
    assert_eq!(promises.len(), 7);
    for promise in promises.keys() {
        assert!(PAGE.contains(&format!("`{promise}: ")), "{promise}");
    }
}
