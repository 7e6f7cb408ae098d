//! Conventions that every schema keeps, checked on what is generated.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use tenant_reseller_operator::api;

/// One place in a schema.
struct Place<'a> {
    path: String,
    schema: &'a JSONSchemaProps,
    is_property: bool,
}

fn walk<'a>(path: &str, schema: &'a JSONSchemaProps, is_property: bool, into: &mut Vec<Place<'a>>) {
    into.push(Place {
        path: path.to_owned(),
        schema,
        is_property,
    });
    for (name, property) in schema.properties.iter().flatten() {
        walk(&format!("{path}.{name}"), property, true, into);
    }
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => {
            walk(&format!("{path}[]"), items, false, into);
        }
        Some(JSONSchemaPropsOrArray::Schemas(_)) => panic!("{path}: a tuple"),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        walk(&format!("{path}{{}}"), values, false, into);
    }
}

fn root(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    assert_eq!(crd.spec.versions.len(), 1);
    crd.spec.versions[0]
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref())
        .unwrap()
}

/// Runs a check over every place of every schema and shows all that break it at once.
fn lint(check: impl Fn(&Place<'_>) -> Option<String>) {
    let crds = api::crds();
    let mut places = Vec::new();
    for crd in &crds {
        walk(&crd.spec.names.kind, root(crd), false, &mut places);
    }
    assert!(places.len() > 100, "the walk lost its way");
    let broken: Vec<String> = places
        .iter()
        .filter_map(|place| check(place).map(|what| format!("{}: {what}", place.path)))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The examples beside fields, with where the fields are.
pub(super) fn examples() -> Vec<(String, String)> {
    let crds = api::crds();
    let mut places = Vec::new();
    for crd in &crds {
        walk(&crd.spec.names.kind, root(crd), false, &mut places);
    }
    places
        .into_iter()
        .filter_map(|place| {
            let (_, example) = place
                .schema
                .description
                .as_ref()?
                .rsplit_once(" Example: ")?;
            Some((place.path, example.to_owned()))
        })
        .collect()
}

fn kind<'a>(place: &'a Place<'_>) -> &'a str {
    place.schema.type_.as_deref().unwrap_or_default()
}

#[test]
fn nothing_is_nullable_or_open() {
    lint(|place| {
        let schema = place.schema;
        (schema.nullable.is_some()
            || schema.x_kubernetes_preserve_unknown_fields.is_some()
            || schema.x_kubernetes_embedded_resource.is_some()
            || schema.any_of.is_some()
            || schema.one_of.is_some()
            || matches!(
                schema.additional_properties,
                Some(JSONSchemaPropsOrBool::Bool(true))
            ))
        .then(|| "accepts more than it says".to_owned())
    });
}

#[test]
fn every_text_list_and_map_is_bounded() {
    lint(|place| {
        let schema = place.schema;
        let bounded = match kind(place) {
            "string" => schema.max_length.is_some() || schema.enum_.is_some(),
            "array" => schema.max_items.is_some(),
            "object" if schema.additional_properties.is_some() => schema.max_properties.is_some(),
            "object" => schema.properties.is_some() || place.path.ends_with(".metadata"),
            "integer" | "boolean" => true,
            other => return Some(format!("of the type {other:?}")),
        };
        (!bounded).then(|| "has no bound".to_owned())
    });
}

#[test]
fn numbers_are_whole_and_signed() {
    lint(|place| {
        let wrong = match kind(place) {
            "number" => true,
            "integer" => !matches!(place.schema.format.as_deref(), Some("int32" | "int64")),
            _ => false,
        };
        wrong.then(|| format!("{} of format {:?}", kind(place), place.schema.format))
    });
}

#[test]
fn every_field_explains_itself() {
    lint(|place| {
        let structural = ["spec", "status", "metadata", "apiVersion", "kind"];
        let depth = place.path.matches('.').count();
        let name = place.path.rsplit('.').next().unwrap_or_default();
        if !place.is_property || depth == 1 && structural.contains(&name) {
            return None;
        }
        let text = place.schema.description.clone().unwrap_or_default();
        if text.len() < 20
            || !text.trim_start_matches('`').starts_with(char::is_uppercase)
            || text.contains('\n')
        {
            return Some(format!("says only {text:?}"));
        }
        for rustism in [
            "::", "Option<", "Vec<", "[`", "i64", "i32", "struct", "enum ",
        ] {
            if text.contains(rustism) {
                return Some(format!("speaks Rust: {text:?}"));
            }
        }
        let leaf = matches!(kind(place), "string" | "integer") && place.schema.enum_.is_none();
        (leaf && !text.contains("Example: ")).then(|| format!("gives no example: {text:?}"))
    });
}

#[test]
fn limits_are_told_as_they_are_enforced() {
    lint(|place| {
        let text = place.schema.description.clone().unwrap_or_default();
        let max = place.schema.max_length.or(place.schema.max_items);
        let told = max.is_none_or(|max| text.contains(&format!("{max} ")));
        let values = place
            .schema
            .enum_
            .iter()
            .flatten()
            .filter_map(|value| value.0.as_str());
        let listed = values.into_iter().all(|value| text.contains(value));
        (place.is_property && !(told && listed)).then(|| format!("keeps a limit secret: {text:?}"))
    });
}

#[test]
fn a_list_says_how_it_is_merged_and_rules_have_messages() {
    lint(|place| {
        let schema = place.schema;
        if kind(place) == "array" && schema.x_kubernetes_list_type.is_none() {
            return Some("has no list type".to_owned());
        }
        let rules = schema.x_kubernetes_validations.iter().flatten();
        rules
            .into_iter()
            .find(|rule| rule.message.is_none())
            .map(|rule| format!("no message beside {}", rule.rule))
    });
}

#[test]
fn an_unseen_object_is_no_done_object() {
    for crd in api::crds() {
        let status = root(&crd)
            .properties
            .as_ref()
            .and_then(|all| all.get("status"));
        let has_subresource = crd.spec.versions[0]
            .subresources
            .as_ref()
            .is_some_and(|subresources| subresources.status.is_some());
        assert_eq!(status.is_some(), has_subresource, "{}", crd.spec.names.kind);
        if let Some(status) = status {
            let default = status.default.as_ref().map(|json| json.0.to_string());
            assert_eq!(default.as_deref(), Some(r#"{"observedGeneration":-1}"#));
        }
    }
}

/// Nothing is filled in below a status: what the operator has not written yet is absent.
#[test]
fn a_status_has_no_other_default() {
    lint(|place| {
        let below = place.path.contains(".status.");
        (below && place.schema.default.is_some()).then(|| "is filled in".to_owned())
    });
}

/// What people see of a kind, as one text.
fn looks(crd: &CustomResourceDefinition) -> String {
    let (names, version) = (&crd.spec.names, &crd.spec.versions[0]);
    let columns = |wide: bool| -> String {
        let all = version.additional_printer_columns.iter().flatten();
        all.filter(|column| (column.priority.unwrap_or_default() > 0) == wide)
            .map(|column| column.name.to_uppercase())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let short: String = names.short_names.iter().flatten().cloned().collect();
    let fields = version.selectable_fields.iter().flatten();
    let fields: Vec<&str> = fields.map(|field| field.json_path.as_str()).collect();
    format!(
        "{}/{short} {} | wide {} | by {}",
        names.kind,
        columns(false),
        columns(true),
        fields.join(" ")
    )
}

#[test]
fn names_columns_and_selectable_fields() {
    let crds = api::crds();
    for crd in &crds {
        let names = &crd.spec.names;
        assert_eq!(names.categories, Some(vec!["tenantreseller".to_owned()]));
        assert_eq!(crd.spec.group, api::GROUP);
        assert_eq!(crd.spec.scope, "Namespaced");
        assert_eq!(crd.spec.versions[0].name, api::VERSION);
    }
    assert_eq!(
        crds.iter().map(looks).collect::<Vec<_>>(),
        [
            "TenantResellerUpgrade/tru READY PHASE PROGRESS FAILED WAITING-FOR AGE \
             | wide RESELLER CONNECTION TENANT NEXT-ATTEMPT MESSAGE \
             | by .status.phase .spec.reseller.accountId .spec.connectionRef.name",
            "BssConnection/bssc READY ADAPTER URL IDENTITY AGE | wide MESSAGE | by ",
            "CustomerPricing/cpr DECLARED APPLIED FAILED READY AGE | wide UPGRADE MESSAGE \
             | by .spec.upgradeRef.name",
            "UpgradeReport/trur KIND PAGE ROWS TRUNCATED AGE | wide  | by .spec.kind",
            "ResellerClaim/trc IDENTITY RESELLER HOLDER EPOCH TENANT ACTIVATED AGE \
             | wide HOLDER-NAMESPACE APPROVAL | by .spec.bssIdentity .spec.resellerAccountId",
        ]
    );
}
