//! Bad input, field by field: the rows are made of the definitions themselves, so that no field is
//! left out. Each refusal must name the field by its path and say what is allowed.
//!
//! What no schema can say (a malformed time zone, two exclusive blocks) is in `rules`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::api::PostParams;
use kube::core::Request;
use serde_json::{Value, json};
use tenant_reseller_operator::api;

use super::{claim, connection, customer, namespace, pricing, report, upgrade};
use support::control_plane::TestNamespace;

/// Objects that together use every field of every kind that people or the operator write.
fn good() -> Vec<Value> {
    let options = |billing: Value| {
        json!({ "whenMissing": "UseDefault", "default": {
            "priceList": "PL-RETAIL", "billing": billing, "paymentMethod": "Invoice",
            "invoicing": "Combined" } })
    };
    let mut by_day = upgrade("u");
    by_day["spec"]["connectionRef"]["kind"] = json!("BssConnection");
    by_day["spec"]["suspend"] = json!(false);
    by_day["spec"]["confirmedCopies"] = json!([{ "sourceId": "S-00042", "copyId": "c-17" }]);
    by_day["spec"]["tenantConnectionRef"] = json!({ "kind": "BssConnection", "name": "tenant" });
    by_day["spec"]["pricing"] = options(json!({ "day": 28 }));
    let mut by_anchor = by_day.clone();
    by_anchor["spec"]["pricing"] = options(json!({ "anchor": "LastDayOfMonth" }));

    let mut bearer = connection("c");
    bearer["spec"]["limits"] = json!({
        "requestsPerSecond": 20, "concurrency": 8, "requestTimeoutSeconds": 30,
        "settleSeconds": 120, "orderSettleSeconds": 7200, "activeUpgrades": 5,
        "throttleStatusCodes": [429, 403],
    });
    bearer["spec"]["acceptedRisks"] = json!(["SingleOperator"]);
    let tls = json!({
        "caSecretRef": { "name": "ca" }, "systemRoots": "Included",
        "clientCertificateSecretRef": { "name": "own" },
    });
    bearer["spec"]["tls"] = tls.clone();
    let mut oauth2 = bearer.clone();
    oauth2["spec"]["auth"] = json!({ "oauth2ClientCredentials": {
        "tokenUrl": "https://login.example.com/oauth2/token", "scopes": ["upgrade"],
        "clientAuthentication": "Body", "tls": tls,
        "endpointParameters": { "audience": "https://bss.example.com/" },
        "secretRef": { "name": "distributor-credentials" } } });

    let mut vendor = connection("b");
    vendor["spec"].as_object_mut().unwrap().remove("reference");
    vendor["spec"]["auth"] = json!({ "oauth2Password": {
        "tokenUrl": "https://bss.example.com/oauth/token", "clientAuthentication": "Basic",
        "tls": tls, "userSecretRef": { "name": "user" }, "clientSecretRef": { "name": "client" } } });
    vendor["spec"]["interworks"] = json!({
        "url": "https://bss.example.com", "apiVersion": "3.0",
        "calibration": { "basicAccountId": "1201", "tenantAccountId": "1077" },
        "words": {
            "active": ["Provisioned"], "suspended": ["On Hold"], "ended": ["In-Active"],
            "trial": ["Evaluation"], "futureDated": ["Scheduled"],
            "synced": ["Synchronized"], "notSynced": ["Failed"],
        },
        "finalOrderStatuses": ["Completed"], "switch": "Separate", "bundles": "Read",
        "priceListField": "priceList",
        "reading": {
            "pageSize": 500, "listTimeoutSeconds": 240, "maxScanned": 200_000, "paging": "Pages",
        },
    });
    let mut of_tenant = vendor.clone();
    let adapter = of_tenant["spec"]["interworks"].as_object_mut().unwrap();
    adapter.remove("calibration");
    adapter.insert(
        "tenant".to_owned(),
        json!({
            "id": "alpha-it", "resellerAccountId": "1340", "url": "https://shop.alpha-it.example",
        }),
    );

    let mut anchored = customer("20002");
    anchored["billing"] = json!({ "anchor": "LastDayOfMonth" });
    vec![
        by_day,
        by_anchor,
        bearer,
        oauth2,
        vendor,
        of_tenant,
        pricing("p", &[customer("20001")]),
        pricing("p", &[anchored]),
    ]
}

/// One thing wrong with an object, and what the refusal must say of it.
struct Row {
    object: Value,
    says: Vec<String>,
}

/// Where a walk through a good object is.
struct Place<'a> {
    /// As a pointer into the object.
    pointer: String,
    /// As the API server writes it.
    path: String,
    schema: &'a JSONSchemaProps,
}

fn schema_of(kind: &str) -> JSONSchemaProps {
    let crds = api::crds();
    let crd = crds
        .iter()
        .find(|crd| crd.spec.names.kind == kind)
        .unwrap_or_else(|| panic!("no {kind}"));
    let version = crd.spec.versions[0].schema.clone().unwrap();
    let mut root = version.open_api_v3_schema.unwrap();
    root.properties.as_mut().unwrap().remove("spec").unwrap()
}

fn set(object: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut object = object.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match (object.pointer_mut(parent).unwrap(), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(field.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(field)),
        (Value::Array(items), Some(value)) => items[field.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{pointer} in {other}"),
    }
    object
}

/// The schema holds all numbers as floats.
fn whole(number: f64) -> i64 {
    format!("{number:.0}").parse().unwrap()
}

/// Every way in which one place can be wrong by its schema.
fn rows(object: &Value, place: &Place<'_>, seen: &mut Vec<String>) -> Vec<Row> {
    let Place {
        pointer,
        path,
        schema,
    } = place;
    seen.push(path.replace("[0]", "[]").replace("[1]", "[]"));
    let here = object.pointer(pointer).unwrap();
    let mut rows = Vec::new();
    let mut row = |value: Value, says: &[String]| {
        let mut says = says.to_vec();
        says.insert(0, path.clone());
        rows.push(Row {
            object: set(object, pointer, Some(value)),
            says,
        });
    };
    if let Some(allowed) = &schema.enum_ {
        let words: Vec<String> = allowed.iter().map(|word| word.0.to_string()).collect();
        let says = format!(
            "{path}: Unsupported value: \"Bogus\": supported values: {}",
            words.join(", ")
        );
        row(json!("Bogus"), &[says]);
    } else if let Some(max) = schema.max_length {
        let text = "x".repeat(usize::try_from(max).unwrap() + 1);
        row(json!(text), &["Too long".to_owned(), max.to_string()]);
    }
    if schema.min_length.is_some_and(|min| min > 0) {
        row(json!(""), &["at least".to_owned()]);
    }
    if let Some(min) = schema.minimum {
        row(
            json!(whole(min) - 1),
            &[format!("greater than or equal to {min}")],
        );
    }
    if let Some(max) = schema.maximum {
        row(
            json!(whole(max) + 1),
            &[format!("less than or equal to {max}")],
        );
    }
    if let (Some(max), Value::Array(items)) = (schema.max_items, here) {
        let item = &items[0];
        let many: Vec<Value> = (0..=max).map(|n| numbered(item, n)).collect();
        row(json!(many), &[format!("must have at most {max} items")]);
    }
    if schema.min_items.is_some_and(|min| min > 0) {
        row(json!([]), &["should have at least 1 items".to_owned()]);
    }
    let kind = schema.type_.as_deref().unwrap();
    let other = match kind {
        "string" => json!(7),
        "integer" | "boolean" | "object" | "array" => json!("seven"),
        other => panic!("{path}: {other}"),
    };
    row(other, &[format!("must be of type {kind}")]);
    if kind == "integer" {
        row(json!(1.5), &["must be of type integer".to_owned()]);
    }
    if let Some(properties) = &schema.properties {
        let surplus = set(object, &format!("{pointer}/surplus"), Some(json!(1)));
        rows.push(Row {
            object: surplus,
            says: vec![format!("unknown field \"{path}.surplus\"")],
        });
        for required in schema.required.iter().flatten() {
            rows.push(Row {
                object: set(object, &format!("{pointer}/{required}"), None),
                says: vec![format!("{path}.{required}: Required value")],
            });
        }
        for (name, schema) in properties {
            if here.get(name).is_some() {
                let below = Place {
                    pointer: format!("{pointer}/{name}"),
                    path: format!("{path}.{name}"),
                    schema,
                };
                rows.extend(self::rows(object, &below, seen));
            }
        }
    }
    if let (Some(JSONSchemaPropsOrArray::Schema(items)), Value::Array(there)) =
        (&schema.items, here)
    {
        assert!(!there.is_empty(), "{path}");
        let below = Place {
            pointer: format!("{pointer}/0"),
            path: format!("{path}[0]"),
            schema: items,
        };
        rows.extend(self::rows(object, &below, seen));
    }
    rows
}

/// The same item, but another one.
fn numbered(item: &Value, n: i64) -> Value {
    match item {
        // The member by which the items of a list are told apart.
        Value::Object(members) => {
            let keys = ["accountId", "sourceId"];
            let key = keys.into_iter().find(|key| members.contains_key(*key));
            let pointer = format!("/{}", key.unwrap());
            set(item, &pointer, Some(json!(n.to_string())))
        }
        Value::String(_) => json!(format!("s{n}")),
        Value::Number(_) => json!(400 + n),
        Value::Null | Value::Bool(_) | Value::Array(_) => item.clone(),
    }
}

/// All paths of a schema, as the walk above writes them.
fn paths(path: &str, schema: &JSONSchemaProps, into: &mut Vec<String>) {
    into.push(path.to_owned());
    for (name, schema) in schema.properties.iter().flatten() {
        paths(&format!("{path}.{name}"), schema, into);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        paths(&format!("{path}[]"), items, into);
    }
}

/// Creates as `kubectl` does: a field that the schema does not know is refused. Nothing is stored.
async fn strictly(at: &TestNamespace, object: &Value) -> Result<(), String> {
    let crds = api::crds();
    let crd = crds
        .iter()
        .find(|crd| object["kind"] == crd.spec.names.kind.as_str())
        .unwrap();
    let url = format!(
        "/apis/{}/{}/namespaces/{}/{}",
        api::GROUP,
        api::VERSION,
        at.name,
        crd.spec.names.plural
    );
    let data = serde_json::to_vec(object).unwrap();
    let mut request = Request::new(url)
        .create(&PostParams::default(), data)
        .unwrap();
    let strict = format!("{}dryRun=All&fieldValidation=Strict", request.uri());
    *request.uri_mut() = strict.parse().unwrap();
    at.client
        .request::<Value>(request)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_refuses_what_its_schema_forbids_by_name() {
    let namespace = namespace("field").await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    let mut seen: Vec<String> = Vec::new();
    let mut all: Vec<String> = Vec::new();
    for object in good() {
        let kind = object["kind"].as_str().unwrap();
        strictly(&namespace, &object).await.unwrap();
        let schema = schema_of(kind);
        let mut here = Vec::new();
        let place = Place {
            pointer: "/spec".to_owned(),
            path: "spec".to_owned(),
            schema: &schema,
        };
        for row in rows(&object, &place, &mut here) {
            tried += 1;
            match strictly(&namespace, &row.object).await {
                Ok(()) => wrong.push(format!("accepted, without {:?}", row.says)),
                Err(said) if !row.says.iter().all(|says| said.contains(says)) => {
                    wrong.push(format!("wanted {:?}, got {said}", row.says));
                }
                Err(_) => {}
            }
        }
        seen.extend(here.into_iter().map(|path| format!("{kind} {path}")));
        let mut there = Vec::new();
        paths("spec", &schema, &mut there);
        all.extend(there.into_iter().map(|path| format!("{kind} {path}")));
    }
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for list in [&mut seen, &mut all] {
        list.sort();
        list.dedup();
    }
    assert_eq!(seen, all, "a field that no row is about");
    assert!(tried > 150, "the walk lost its way: {tried}");
}

/// What the operator writes is checked as strictly, but those refusals are not read by field.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_refused_in_every_kind() {
    let namespace = namespace("unknown").await;
    for mut object in [
        upgrade("u"),
        connection("c"),
        pricing("p", &[customer("20001")]),
        claim("l"),
        report("r"),
    ] {
        strictly(&namespace, &object).await.unwrap();
        object["spec"]["colour"] = json!("red");
        let said = strictly(&namespace, &object).await.unwrap_err();
        assert!(said.contains("unknown field \"spec.colour\""), "{said}");
    }
}

/// As a person sees it: all mistakes of a manifest at once, each with its field.
#[tokio::test(flavor = "multi_thread")]
async fn kubectl_names_every_mistake_at_once() {
    let namespace = namespace("kubectl").await;
    let mut object = upgrade("u");
    object["spec"]["tenant"]["language"] = json!("english!");
    object["spec"]["tenant"]["timeZone"] = json!("+02:00");
    object["spec"]["tenant"]["edition"] = json!(" Premium");
    object["spec"]["pricing"] = json!({ "whenMissing": "UseDefault" });
    let said = namespace
        .apply(&object.to_string())
        .await
        .unwrap_err()
        .chain();
    for part in [
        "tenant.language must be a BCP 47 language tag, for example en-GB",
        "tenant.timeZone must be an IANA time zone name, for example Europe/Athens",
        "tenant.edition must not be blank, nor begin or end with white space",
        "pricing.default must be set when pricing.whenMissing is UseDefault",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let mut misspelt = upgrade("u");
    misspelt["spec"]["tenant"]["timezone"] = json!("Europe/Athens");
    misspelt["spec"]["whenMissing"] = json!("Wait");
    let said = namespace
        .apply(&misspelt.to_string())
        .await
        .unwrap_err()
        .chain();
    for field in ["spec.tenant.timezone", "spec.whenMissing"] {
        assert!(
            said.contains(&format!("unknown field \"{field}\"")),
            "{said}"
        );
    }
}
