//! What the API server bounds of an object, read from the definitions of this build: lengths of texts and
//! lists. Texts are held to their bound in bytes, which is never more than in letters.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

/// What is over its bound in a part (`spec` or `status`) of a kind.
pub fn over_bounds(kind: &str, part: &str, value: &Value) -> Vec<String> {
    let crds = tenant_reseller_operator::api::crds();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let version = crd.spec.versions.first().unwrap();
    let schema = version
        .schema
        .as_ref()
        .unwrap()
        .open_api_v3_schema
        .as_ref()
        .unwrap();
    let schema = &schema.properties.as_ref().unwrap()[part];
    let mut over = Vec::new();
    walk(schema, value, part, &mut over);
    over
}

fn walk(schema: &JSONSchemaProps, value: &Value, at: &str, over: &mut Vec<String>) {
    let mut bound = |size: usize, most: Option<i64>| {
        if most.is_some_and(|most| i64::try_from(size).unwrap() > most) {
            over.push(format!("{at}: {size} of {most:?}"));
        }
    };
    match value {
        Value::String(text) => {
            assert!(
                schema.max_length.is_some() || schema.enum_.is_some(),
                "{at} has no bound"
            );
            bound(text.len(), schema.max_length);
        }
        Value::Array(items) => {
            bound(items.len(), schema.max_items);
            let Some(JSONSchemaPropsOrArray::Schema(each)) = &schema.items else {
                panic!("{at} has no schema of its items");
            };
            for (n, item) in items.iter().enumerate() {
                walk(each, item, &format!("{at}[{n}]"), over);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let own = schema.properties.as_ref().and_then(|all| all.get(name));
                let any = match &schema.additional_properties {
                    Some(JSONSchemaPropsOrBool::Schema(any)) => Some(&**any),
                    Some(JSONSchemaPropsOrBool::Bool(_)) | None => None,
                };
                let schema = own.or(any);
                let schema = schema.unwrap_or_else(|| panic!("{at}.{name} is not in the schema"));
                walk(schema, member, &format!("{at}.{name}"), over);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
