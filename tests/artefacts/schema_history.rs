//! The definitions stay compatible with those of every version that was recorded: what a cluster has
//! stored is still valid, and nothing that people read is gone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::project;

const RECORDED: &str = "tests/fixtures";

/// What of a schema would refuse or lose something that the former one took.
fn incompatible(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let mut say = |what: String| found.push(format!("{path}: {what}"));
    for word in [
        "type",
        "format",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
    ] {
        if before.get(word) != after.get(word) && before.get(word).is_some() {
            say(format!("{word} is another one"));
        }
    }
    for (word, tighter) in [
        ("maxLength", -1),
        ("maxItems", -1),
        ("maxProperties", -1),
        ("maximum", -1),
        ("minLength", 1),
        ("minItems", 1),
        ("minimum", 1),
    ] {
        let number = |schema: &Value| schema.get(word).and_then(Value::as_f64);
        match (number(before), number(after)) {
            (Some(before), Some(after)) if (after - before) * f64::from(tighter) > 0.0 => {
                say(format!("{word} is tighter: {before}, now {after}"));
            }
            (None, Some(after)) => say(format!("{word} is new: {after}")),
            _ => {}
        }
    }
    let words = |schema: &Value, word: &str| -> BTreeSet<String> {
        let list = schema.get(word).and_then(Value::as_array);
        list.into_iter().flatten().map(Value::to_string).collect()
    };
    for gone in words(before, "enum").difference(&words(after, "enum")) {
        say(format!("the value {gone} is gone"));
    }
    for new in words(after, "required").difference(&words(before, "required")) {
        say(format!("{new} is required now"));
    }
    let rules = |schema: &Value| -> BTreeSet<String> {
        let list = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array);
        let rules = list.into_iter().flatten();
        rules.map(|rule| rule["rule"].to_string()).collect()
    };
    for new in rules(after).difference(&rules(before)) {
        say(format!("the rule {new} is new"));
    }
    for word in ["items", "additionalProperties"] {
        match (before.get(word), after.get(word)) {
            (Some(before), Some(after)) => {
                incompatible(&format!("{path}.{word}"), before, after, found);
            }
            (Some(_), None) => found.push(format!("{path}: {word} is gone")),
            (None, _) => {}
        }
    }
    for (name, before) in before
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = format!("{path}.{name}");
        match after.get("properties").and_then(|all| all.get(name)) {
            Some(after) => incompatible(&path, before, after, found),
            None => found.push(format!("{path} is gone")),
        }
    }
}

fn schemas(text: &str) -> Vec<(String, Value)> {
    let definition: Value = serde_yaml::from_str(text).unwrap();
    let versions = definition["spec"]["versions"].as_array().unwrap();
    versions
        .iter()
        .map(|version| {
            let name = version["name"].as_str().unwrap().to_owned();
            (name, version["schema"]["openAPIV3Schema"].clone())
        })
        .collect()
}

#[test]
fn no_definition_refuses_or_loses_what_a_recorded_version_took() {
    let mut found = Vec::new();
    let mut compared = 0;
    for version in std::fs::read_dir(project(RECORDED)).unwrap() {
        let folder = version.unwrap().path().join("crds");
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let present = std::fs::read_to_string(project("crds").join(&name));
            let present = present.unwrap_or_else(|_| panic!("the definition {name} is gone"));
            let present = schemas(&present);
            for (version, before) in schemas(&std::fs::read_to_string(&file).unwrap()) {
                compared += 1;
                match present.iter().find(|(name, _)| *name == version) {
                    Some((_, after)) => {
                        incompatible(&format!("{name} {version}"), &before, after, &mut found);
                    }
                    None => found.push(format!("{name}: {version} is not served any more")),
                }
            }
        }
    }
    assert!(compared >= 5, "only {compared} were compared");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The judge is judged: each kind of change is found, and an addition is none.
#[test]
fn every_kind_of_incompatible_change_is_found() {
    let before = json!({ "type": "object", "required": ["a"], "properties": {
        "a": { "type": "string", "maxLength": 10, "enum": ["X", "Y"] },
        "b": { "type": "array", "items": { "type": "integer", "minimum": 1 } },
    } });
    let changed = |pointer: &str, value: Value| {
        let mut after = before.clone();
        *after.pointer_mut(pointer).unwrap() = value;
        let mut found = Vec::new();
        incompatible("it", &before, &after, &mut found);
        found
    };
    for (pointer, value) in [
        ("/required", json!(["a", "b"])),
        ("/properties/a/type", json!("integer")),
        ("/properties/a/maxLength", json!(9)),
        ("/properties/a/enum", json!(["X"])),
        ("/properties/b/items/minimum", json!(2)),
        ("/properties/b", json!({ "type": "array" })),
        ("/properties", json!({ "b": before["properties"]["b"] })),
        (
            "/properties/a",
            json!({ "type": "string", "maxLength": 10, "enum": ["X", "Y"],
                "x-kubernetes-validations": [{ "rule": "self != 'X'" }] }),
        ),
    ] {
        assert_eq!(
            changed(pointer, value.clone()).len(),
            1,
            "{pointer} {value}"
        );
    }
    for (pointer, value) in [
        ("/required", json!([])),
        ("/properties/a/maxLength", json!(11)),
        ("/properties/a/enum", json!(["X", "Y", "Z"])),
        ("/properties/b/items/minimum", json!(0)),
    ] {
        assert_eq!(changed(pointer, value), Vec::<String>::new(), "{pointer}");
    }
}
