//! The published document of the reference contract equals the types, and holds together.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tenant_reseller_operator::bss::adapters::reference::openapi;
use tenant_reseller_operator::bss::operation::Operation;

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference-contract.yaml");

fn document() -> Value {
    let yaml = openapi::render().expect("it renders");
    serde_yaml::from_str(&yaml).expect("it is YAML")
}

#[test]
fn the_published_document_is_the_generated_one() {
    let generated = openapi::render().expect("it renders");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(Path::new(PUBLISHED).parent().expect("a folder")).expect("made");
        std::fs::write(PUBLISHED, &generated).expect("written");
    }
    let published = std::fs::read_to_string(PUBLISHED).unwrap_or_default();
    assert!(
        published == generated,
        "docs/reference-contract.yaml is not what the types say; \
         UPDATE_GENERATED=1 cargo test --all-features --test contract writes it anew"
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut references = BTreeSet::new();
    collect(&document, &mut |key, value| {
        if key == "$ref" {
            references.insert(value.as_str().expect("a text").to_owned());
        }
    });
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    for part in ["schemas", "parameters", "responses"] {
        for name in document["components"][part]
            .as_object()
            .expect("a map")
            .keys()
        {
            let reference = format!("#/components/{part}/{name}");
            assert!(references.contains(&reference), "{reference} is not used");
        }
    }
}

#[test]
fn null_is_nowhere_and_everything_is_bounded_and_explained() {
    let document = document();
    collect(&document["components"]["schemas"], &mut |key, value| {
        assert!(!value.is_null(), "{key} is null");
        if key == "type" {
            assert!(
                !value.is_array(),
                "type {value}: an absent value is left out, never null"
            );
        }
        if key == "properties" {
            for (name, schema) in value.as_object().expect("a map") {
                let explained = schema["description"]
                    .as_str()
                    .is_some_and(|text| text.len() > 3);
                assert!(explained, "{name} is not explained");
                bounded(name, schema);
            }
        }
    });
}

fn bounded(name: &str, schema: &Value) {
    match schema["type"].as_str() {
        Some("string") => assert!(
            schema["maxLength"].is_u64() || schema["pattern"].is_string(),
            "{name} has no bound"
        ),
        Some("array") => assert!(schema["maxItems"].is_u64(), "{name} has no bound"),
        _ => {}
    }
}

/// What stands in a path, a header, a key or a column says by its pattern which characters it may have.
#[test]
fn every_id_digest_key_and_cursor_has_its_pattern() {
    let document = document();
    let pattern_of = |schema: &Value| {
        let one = if schema["type"] == "array" {
            &schema["items"]
        } else {
            schema
        };
        one["pattern"].as_str().map(str::to_owned)
    };
    let mut patterns: BTreeMap<&str, BTreeSet<Option<String>>> = BTreeMap::new();
    collect(&document["components"]["schemas"], &mut |key, value| {
        if key != "properties" {
            return;
        }
        for (name, schema) in value.as_object().expect("a map") {
            let kind = match name.as_str() {
                "acquisitionId" => "printable",
                "id" | "billTo" => "id",
                name if name.ends_with("Id") || name.ends_with("Ids") => "id",
                "holder"
                    if schema["description"] == "With `HeldByAnother`: the present holder." =>
                {
                    continue;
                }
                "digest" | "sourceDigest" | "pricingDigest" | "expectedSource" | "expectedCopy"
                | "priceList" | "holder" | "takeOver" => "printable",
                "businessKey" | "businessKeys" | "nextCursor" => "visible",
                _ => continue,
            };
            patterns.entry(kind).or_default().insert(pattern_of(schema));
        }
    });
    for operation in document["paths"].as_object().expect("paths").values() {
        collect(operation, &mut |key, value| {
            if key == "parameters" {
                for parameter in value.as_array().into_iter().flatten() {
                    if parameter["in"] == "path" {
                        patterns
                            .entry("id")
                            .or_default()
                            .insert(pattern_of(&parameter["schema"]));
                    }
                }
            }
        });
    }
    for name in ["Cursor", "IdempotencyKey"] {
        let schema = &document["components"]["parameters"][name]["schema"];
        assert!(schema["pattern"].is_string(), "{name}");
    }
    assert_eq!(patterns.len(), 3, "{patterns:?}");
    for (kind, found) in patterns {
        assert_eq!(found.len(), 1, "{kind}: {found:?}");
        assert!(found.iter().all(Option::is_some), "{kind}: {found:?}");
    }
}

#[test]
fn every_operation_says_what_it_answers_when() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (id, method, path) in openapi::routes() {
        assert!(seen.insert(id), "{id} comes twice");
        let operation = &document["paths"][path][method];
        assert_eq!(operation["operationId"], id);
        assert!(
            operation["description"]
                .as_str()
                .is_some_and(|text| text.len() > 100),
            "{id}"
        );
        let responses = operation["responses"].as_object().expect("responses");
        for status in ["200", "401", "403", "429", "500", "503"] {
            assert!(
                responses.contains_key(status),
                "{id} does not say when {status}"
            );
        }
        assert_eq!(
            path_parameters(path),
            declared_path_parameters(operation),
            "{id}"
        );
        let fenced =
            parameters(operation).any(|p| p["$ref"] == "#/components/parameters/FencingEpoch");
        assert_eq!(fenced, FENCED.contains(&id), "{id}");
    }
    let paths = document["paths"].as_object().expect("paths");
    let count: usize = paths
        .values()
        .map(|item| item.as_object().expect("a map").len())
        .sum();
    assert_eq!(count, seen.len());
}

#[test]
fn every_operation_is_described_under_its_name() {
    let described: Vec<&str> = openapi::routes().map(|(id, _, _)| id).collect();
    assert_eq!(described, Operation::ALL.map(Operation::as_str));
}

const FENCED: [&str; 5] = [
    "createTenant",
    "copyCustomers",
    "setPricing",
    "copySubscriptions",
    "activateBackOrdering",
];

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

fn declared_path_parameters(operation: &Value) -> BTreeSet<&str> {
    parameters(operation)
        .filter(|parameter| parameter["in"] == "path")
        .filter_map(|parameter| parameter["name"].as_str())
        .collect()
}

fn path_parameters(path: &str) -> BTreeSet<&str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}

fn collect(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                visit(key, member);
                collect(member, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
