//! What is tried: every property of a definition with values of its type, and whole other specs that no
//! single property makes.

use serde_json::{Value, json};

/// One change of one object that people write.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) kind: &'static str,
    /// The property, if it is one: an API server that refuses the value must name it.
    pub(super) path: Vec<String>,
    pub(super) label: String,
    /// The whole spec that is written.
    pub(super) spec: Value,
}

impl Trial {
    pub(super) fn told(&self) -> String {
        format!("{} {}: {}", self.kind, self.path.join("."), self.label)
    }
}

/// Every value of every property of this kind, made of a spec that is in force.
pub(super) fn of_properties(kind: &'static str, spec: &Value) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (path, schema) in properties(kind, spec) {
        for (label, value) in values(&schema) {
            if let Some(changed) = set(spec, &path, value) {
                trials.push(Trial {
                    kind,
                    path: path.clone(),
                    label,
                    spec: changed,
                });
            }
        }
    }
    trials
}

/// Other specs as a whole: what takes more than one property to write.
pub(super) fn of_specs(kind: &'static str, spec: &Value, others: &[(&str, Value)]) -> Vec<Trial> {
    let trial = |(label, patch): &(&str, Value)| {
        let mut changed = spec.clone();
        json_merge(&mut changed, patch);
        Trial {
            kind,
            path: Vec::new(),
            label: (*label).to_owned(),
            spec: changed,
        }
    };
    others.iter().map(trial).collect()
}

/// A place in a spec, and its schema.
type Property = (Vec<String>, Value);

/// A value to try; none removes the property.
type Tried = (String, Option<Value>);

fn properties(kind: &str, spec: &Value) -> Vec<Property> {
    let crds = tenant_reseller_operator::api::crds();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let crd = serde_json::to_value(crd).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut found = Vec::new();
    walk(schema, spec, &mut Vec::new(), &mut |path, schema| {
        found.push((path.to_vec(), schema.clone()));
    });
    assert!(
        found.len() > 8,
        "{kind} has only {} properties",
        found.len()
    );
    found
}

/// Every property of an object, and of the first item of a list of objects.
fn walk(
    schema: &Value,
    there: &Value,
    path: &mut Vec<String>,
    found: &mut impl FnMut(&[String], &Value),
) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name.clone());
        found(path, inner);
        walk(inner, &there[name], path, found);
        if there[name][0].is_object() {
            path.push("0".to_owned());
            walk(&inner["items"], &there[name][0], path, found);
            path.pop();
        }
        path.pop();
    }
}

/// What a property is set to.
fn values(schema: &Value) -> Vec<Tried> {
    let mut all: Vec<Tried> = vec![
        ("removed".to_owned(), None),
        ("null".to_owned(), Some(Value::Null)),
    ];
    let mut add = |label: &str, value: Value| all.push((label.to_owned(), Some(value)));
    match schema["type"].as_str() {
        Some("string") => {
            let words = schema["enum"].as_array().into_iter().flatten();
            words.for_each(|word| add("another word", word.clone()));
            add("an unknown word", json!("NoSuchWord"));
            add("another text", json!("other-1"));
            add("empty", json!(""));
            add("blank", json!(" "));
            add("odd", json!("\u{202e}\u{1f4b6} \u{200b}"));
            if let Some(longest) = schema["maxLength"].as_u64() {
                let longest = usize::try_from(longest).unwrap();
                add("longest", json!("x".repeat(longest)));
                add("too long", json!("é".repeat(longest + 1)));
            }
            add("a number", json!(5));
        }
        Some("integer" | "number") => {
            for (bound, beyond) in [("minimum", -1), ("maximum", 1)] {
                if let Some(bound) = schema[bound].as_i64() {
                    add("at its bound", json!(bound));
                    add("beyond its bound", json!(bound + beyond));
                }
            }
            add("a text", json!("7"));
        }
        Some("boolean") => {
            add("true", json!(true));
            add("a word", json!("yes"));
        }
        Some("array") => {
            add("empty", json!([]));
            add("an object", json!({}));
            add("null inside", json!([null]));
            if let Some(words) = schema["items"]["enum"].as_array() {
                add("all words", json!(words));
                add("a word twice", json!([words[0], words[0]]));
            }
        }
        _ => {
            add("empty", json!({}));
            add("a text", json!("x"));
        }
    }
    all
}

fn set(spec: &Value, path: &[String], value: Option<Value>) -> Option<Value> {
    let mut spec = spec.clone();
    let (last, above) = path.split_last()?;
    let mut place = &mut spec;
    for name in above {
        place = if place.is_array() {
            place.get_mut(name.parse::<usize>().ok()?)?
        } else {
            let members = place.as_object_mut()?;
            members.entry(name.clone()).or_insert_with(|| json!({}))
        };
    }
    let members = place.as_object_mut()?;
    match value {
        Some(value) => members.insert(last.clone(), value),
        None => members.remove(last),
    };
    Some(spec)
}

/// A merge patch (RFC 7396), as `kubectl patch --type=merge` has it.
fn json_merge(into: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let members = into.as_object_mut().unwrap();
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            json_merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
