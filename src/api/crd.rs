//! The definitions of the custom resources, as they are installed: what the derive macro makes of
//! the types, finished by what the macro cannot say.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, JSON, JSONSchemaProps,
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::{Number, Value, json};
use thiserror::Error;

use super::claim::ResellerClaim;
use super::connection::BssConnection;
use super::pricing::CustomerPricing;
use super::report::UpgradeReport;
use super::upgrade::TenantResellerUpgrade;

/// A definition could not be written down.
#[derive(Debug, Error)]
pub enum CrdYamlError {
    /// As JSON.
    #[error("the definition of {name} cannot be written as JSON")]
    Json {
        /// The definition's name.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// As YAML.
    #[error("the definition of {name} cannot be written as YAML")]
    Yaml {
        /// The definition's name.
        name: String,
        /// Why.
        #[source]
        source: serde_yaml::ser::Error,
    },
}

/// The definitions of all custom resources, ready to be installed.
///
/// Always these and never a type's own `crd()`, which lacks the default of `status` and still has
/// `nullable` in it.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    [
        TenantResellerUpgrade::crd(),
        BssConnection::crd(),
        CustomerPricing::crd(),
        UpgradeReport::crd(),
        ResellerClaim::crd(),
    ]
    .map(finished)
    .into()
}

/// The same as YAML, each with the name of its file.
pub fn crd_yaml() -> Result<Vec<(String, String)>, CrdYamlError> {
    crds()
        .into_iter()
        .map(|crd| {
            let name = crd.metadata.name.clone().unwrap_or_default();
            let mut value = serde_json::to_value(&crd).map_err(|source| CrdYamlError::Json {
                name: name.clone(),
                source,
            })?;
            whole_numbers(&mut value);
            let text = serde_yaml::to_string(&value).map_err(|source| CrdYamlError::Yaml {
                name: name.clone(),
                source,
            })?;
            Ok((format!("{}.yaml", crd.spec.names.plural), text))
        })
        .collect()
}

fn finished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    crd.spec.conversion = Some(CustomResourceConversion {
        strategy: "None".to_owned(),
        webhook: None,
    });
    let schemas = crd
        .spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        default_status(schema);
        finish(schema);
    }
    crd
}

/// An object that no operator has looked at yet must not look done: tools compare
/// `observedGeneration` with the generation, and without a status have nothing to compare.
fn default_status(root: &mut JSONSchemaProps) {
    let status = root
        .properties
        .as_mut()
        .and_then(|properties| properties.get_mut("status"));
    if let Some(status) = status {
        strip_defaults(status);
        status.default = Some(JSON(json!({ "observedGeneration": -1 })));
    }
}

/// Below it, a field that was not written yet is absent: a zero would look like a count.
fn strip_defaults(schema: &mut JSONSchemaProps) {
    schema.default = None;
    each_child(schema, strip_defaults);
}

fn each_child(schema: &mut JSONSchemaProps, mut act: impl FnMut(&mut JSONSchemaProps)) {
    let properties = schema.properties.iter_mut();
    properties
        .flat_map(|all| all.values_mut())
        .for_each(&mut act);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => act(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(&mut act),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        act(values);
    }
}

/// No `nullable`: a `null` would be stored and skip the default. And descriptions as people read
/// them, with limits, since `kubectl explain` shows nothing else.
fn finish(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.description = schema
        .description
        .as_deref()
        .map(|description| described(description, limits(schema).as_deref()));
    each_child(schema, finish);
}

/// Unwraps the lines of a doc comment, and puts the limits in. The example stays last and bare: it
/// is there to be copied, and it may be a URL, to which no full stop belongs.
fn described(doc: &str, limits: Option<&str>) -> String {
    let text = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let (meaning, example) = text
        .rsplit_once(" Example: ")
        .map_or((text.as_str(), None), |(meaning, example)| {
            (meaning, Some(example.trim_matches('`')))
        });
    let parts = [
        Some(meaning.to_owned()),
        limits.map(|limits| format!("Limits: {limits}")),
        example.map(|example| format!("Example: {example}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The limits of a field in words, from the very numbers that the API server enforces.
fn limits(schema: &JSONSchemaProps) -> Option<String> {
    let range = |low: Option<i64>, high: Option<i64>, unit: &str| match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}{unit}")),
        (None, Some(high)) => Some(format!("at most {high}{unit}")),
        (Some(low), None) => Some(format!("at least {low}{unit}")),
        (None, None) => None,
    };
    let mut words: Vec<String> = Vec::new();
    words.extend(range(schema.min_length, schema.max_length, " characters"));
    words.extend(range(schema.min_items, schema.max_items, " items"));
    words.extend(range(
        schema.min_properties,
        schema.max_properties,
        " entries",
    ));
    words.extend(range(whole(schema.minimum), whole(schema.maximum), ""));
    if let Some(values) = &schema.enum_ {
        let values: Vec<_> = values.iter().filter_map(|value| value.0.as_str()).collect();
        words.push(format!("one of {}", values.join(", ")));
    }
    if let Some(default) = schema
        .default
        .as_ref()
        .filter(|default| !default.0.is_object())
    {
        let default = default
            .0
            .as_str()
            .map_or_else(|| default.0.to_string(), str::to_owned);
        words.push(format!("default {default}"));
    }
    (!words.is_empty()).then(|| format!("{}.", words.join("; ")))
}

/// A number of the schema, which holds them all as floats, as the whole number that it is.
fn whole(number: Option<f64>) -> Option<i64> {
    number.and_then(|number| format!("{number:.0}").parse().ok())
}

/// Writes `1.0` as `1`, throughout.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().filter(|float| float.fract() == 0.0);
            if let Some(whole) = whole(float) {
                *number = Number::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
