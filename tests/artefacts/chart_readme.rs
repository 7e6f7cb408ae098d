//! The tables of values in the charts' READMEs are made of `values.yaml`: each value's own comment is
//! its description. `UPDATE_GENERATED=1` writes them anew.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use super::chart::{CRDS, OPERATOR};
use super::{project, read};

const BEGIN: &str = "<!-- values: made by the tests from values.yaml -->\n";
const END: &str = "<!-- end of values -->\n";

/// A key of `values.yaml` with the comment above it.
struct Line {
    path: Vec<String>,
    comment: String,
}

/// The keys of the file. Items of lists, and what is inside of them, are values and no keys.
fn lines(text: &str) -> Vec<Line> {
    let (mut found, mut comment) = (Vec::new(), Vec::new());
    let mut path: Vec<String> = Vec::new();
    let mut inside_list: Option<usize> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let depth = line.len() - trimmed.len();
        if inside_list.is_some_and(|list| depth < list) {
            inside_list = None;
        }
        if trimmed.starts_with("- ") && inside_list.is_none() {
            inside_list = Some(depth);
        }
        if trimmed.is_empty() {
            comment.clear();
        } else if let Some(words) = trimmed.strip_prefix('#') {
            comment.push(words.trim().to_owned());
        } else if inside_list.is_none() {
            let (key, _) = trimmed.split_once(':').expect("a key");
            path.truncate(depth / 2);
            path.push(key.to_owned());
            found.push(Line {
                path: path.clone(),
                comment: comment.join(" "),
            });
            comment.clear();
        }
    }
    found
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The table of a chart.
fn table(chart: &str) -> String {
    let text = fs::read_to_string(project(chart).join("values.yaml")).unwrap();
    let values: Value = serde_yaml::from_str(&text).unwrap();
    let lines = lines(&text);
    let below = |path: &[String]| {
        let path = path.to_vec();
        lines
            .iter()
            .filter(move |line| line.path.len() > path.len() && line.path.starts_with(&path))
    };
    let mut table = "| value | as shipped | what it is |\n| --- | --- | --- |\n".to_owned();
    for line in &lines {
        let path = line.path.join(".");
        let described_by = (1..=line.path.len())
            .rev()
            .map(|length| &line.path[..length])
            .find(|above| {
                lines
                    .iter()
                    .any(|l| l.path == **above && !l.comment.is_empty())
            });
        let group = below(&line.path).any(|inner| !inner.comment.is_empty());
        if line.comment.is_empty() {
            assert!(
                group || described_by.is_some(),
                "{chart}/values.yaml: {path} has no comment"
            );
            continue;
        }
        assert!(
            line.comment.ends_with(['.', ')', '`', '?']),
            "{chart}/values.yaml: {path}: {:?} is no sentence",
            line.comment
        );
        let value = values
            .pointer(&format!("/{}", line.path.join("/")))
            .unwrap();
        let shipped = cell(&value.to_string());
        let about = cell(&line.comment);
        writeln!(table, "| `{path}` | `{shipped}` | {about} |").unwrap();
    }
    table
}

fn with_table(chart: &str, page: &str) -> String {
    let (head, rest) = page.split_once(BEGIN).expect("the mark where values begin");
    let (_, tail) = rest.split_once(END).expect("the mark where values end");
    format!("{head}{BEGIN}\n{}\n{END}{tail}", table(chart))
}

/// Writes the tables anew.
pub(super) fn write() {
    for chart in [OPERATOR, CRDS] {
        let path = project(chart).join("README.md");
        let page = fs::read_to_string(&path).unwrap();
        fs::write(path, with_table(chart, &page)).unwrap();
    }
}

#[test]
fn the_readmes_describe_every_value_as_values_yaml_does() {
    for chart in [OPERATOR, CRDS] {
        let page = read(&format!("{chart}/README.md"));
        assert!(
            with_table(chart, &page) == page,
            "{chart}/README.md is not what values.yaml says: run `make generate`"
        );
    }
}

/// The lines are read as YAML reads them.
#[test]
fn every_key_of_the_values_is_found() {
    fn keys(value: &Value, path: &str, into: &mut Vec<String>) {
        for (name, member) in value.as_object().into_iter().flatten() {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            into.push(path.clone());
            keys(member, &path, into);
        }
    }
    for chart in [OPERATOR, CRDS] {
        let text = read(&format!("{chart}/values.yaml"));
        let (mut all, values) = (Vec::new(), serde_yaml::from_str(&text).unwrap());
        keys(&values, "", &mut all);
        let mut found: Vec<String> = lines(&text)
            .iter()
            .map(|line| line.path.join("."))
            .collect();
        all.sort();
        found.sort();
        assert_eq!(all, found, "{chart}");
    }
}
