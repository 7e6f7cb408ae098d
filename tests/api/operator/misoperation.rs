//! Misoperation, generated from the definitions: every property that people write, one after the other, is
//! set to other values, to wrong ones, to its bounds, to null, and removed, while an upgrade waits in its
//! pricing gate. Each time the API server or the operator refuses in words or goes on; once the former value
//! is back the upgrade is well again by itself; and at the end nothing was lost or repeated, by the ledgers.
//!
//! The short form takes two of the values of each property. `MISOPERATE=all` takes them all.

use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tenant_reseller_operator::api::{Reason, StateClass};

use super::view::View;
use super::world::{NAME, World, until};

const REQUESTED: &str = "tenantreseller.io/requestedAt";

/// A place in a spec, with its schema.
struct Property {
    kind: &'static str,
    object: &'static str,
    path: Vec<String>,
    schema: Value,
}

/// A value to try; none removes the property.
type Tried = (String, Option<Value>);

fn properties(kind: &'static str, object: &'static str, spec: &Value) -> Vec<Property> {
    let crds = tenant_reseller_operator::api::crds();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let crd = serde_json::to_value(crd).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut found = Vec::new();
    walk(schema, spec, &mut Vec::new(), &mut |path, schema| {
        found.push(Property {
            kind,
            object,
            path: path.to_vec(),
            schema: schema.clone(),
        });
    });
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

/// Writes a spec as an editor does: the whole object as it is, with another spec.
async fn replace(world: &World, kind: &str, name: &str, spec: &Value) -> Result<(), String> {
    let api = world.api(kind);
    for _ in 0..20 {
        let mut there = api.get(name).await.unwrap();
        there.data["spec"] = spec.clone();
        match api.replace(name, &PostParams::default(), &there).await {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(kube::Error::Api(status)) => return Err(status.message.clone()),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{kind} {name} always changes meanwhile");
}

/// Asks for a look, and waits until the operator took it.
async fn looked_at(world: &World, number: &mut u32) -> View {
    *number += 1;
    let asked = format!("look-{number}");
    world.annotate(REQUESTED, Some(&asked)).await;
    world
        .until("a look that was asked for", |view| {
            view.text("/status/lastHandledReconcileAt") == asked
        })
        .await
}

/// The upgrade waits for nothing that a person has to mend.
async fn well_again(world: &World, what: &str) {
    world
        .until(what, |view| {
            let reason = Reason::ALL
                .into_iter()
                .find(|r| r.as_str() == view.reason());
            let class = reason.and_then(Reason::class);
            let waits = [
                StateClass::Working,
                StateClass::WaitsByItself,
                StateClass::WaitsForPeople,
            ];
            class.is_some_and(|class| waits.contains(&class))
                && view.reason() != "DependencyNotReady"
                && view.is("Accepted")
                && view.number("/status/observedGeneration") == view.number("/metadata/generation")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_property_that_people_write_harms_an_upgrade_for_good() {
    let world = World::start("misoperation").await;
    world.connect().await;
    let pricing = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": "prices", "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": [{
            "accountId": "no-such-customer", "priceList": "PL-RETAIL", "billing": { "day": 1 },
            "paymentMethod": "Invoice", "invoicing": "Combined", "creditLimit": "5000.00",
        }] },
    });
    world.apply(&[pricing, world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;
    let all = std::env::var("MISOPERATE").is_ok_and(|word| word == "all");
    let (mut look, mut tried, mut refused, mut accepted) = (0, 0, 0, 0);
    for (kind, object) in [
        ("TenantResellerUpgrade", NAME),
        ("BssConnection", "distributor"),
        ("CustomerPricing", "prices"),
    ] {
        let before = world.api(kind).get(object).await.unwrap().data["spec"].clone();
        let properties = properties(kind, object, &before);
        assert!(
            properties.len() > 8,
            "{kind} has {} properties",
            properties.len()
        );
        for (n, property) in properties.iter().enumerate() {
            let values = values(&property.schema);
            let (first, second) = (n % values.len(), (n * 3 + 2) % values.len());
            for (m, (label, value)) in values.into_iter().enumerate() {
                if !all && m != first && m != second {
                    continue;
                }
                let Some(spec) = set(&before, &property.path, value) else {
                    continue;
                };
                tried += 1;
                let what = format!("{kind} {}: {label}", property.path.join("."));
                if let Err(said) = replace(&world, property.kind, property.object, &spec).await {
                    refused += 1;
                    let named = property
                        .path
                        .iter()
                        .any(|name| said.contains(name.as_str()));
                    assert!(named, "{what}: the API server says {said}");
                } else {
                    accepted += 1;
                    let view = looked_at(&world, &mut look).await;
                    assert!(!view.message().is_empty(), "{what}: {:#}", view.0);
                    assert!(!view.is("Succeeded"), "{what}: {:#}", view.0);
                    replace(&world, kind, object, &before).await.unwrap();
                    looked_at(&world, &mut look).await;
                    well_again(&world, &format!("an upgrade that is well after {what}")).await;
                }
            }
        }
    }
    println!("{tried} values tried: {refused} refused by the API server, {accepted} taken");
    assert!(
        tried > 80 && refused > 30 && accepted > 15,
        "{tried} {refused} {accepted}"
    );

    what_it_refers_to_goes_and_comes(&world, &mut look).await;
    two_write_at_once(&world).await;
    well_again(&world, "an upgrade that is well after two writers").await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 0);
    world.apply(&[world.upgrade()]).await;
    world.ends_well().await;
}

/// What the upgrade refers to is deleted and made again.
async fn what_it_refers_to_goes_and_comes(world: &World, look: &mut u32) {
    let (kind, name) = ("BssConnection", "distributor");
    let delete = DeleteParams::default();
    world.api(kind).delete(name, &delete).await.unwrap();
    until("the connection is gone", || async {
        let there = world.api(kind).get_opt(name).await.unwrap();
        (there.is_none(), format!("{there:?}"))
    })
    .await;
    let view = looked_at(world, look).await;
    assert_eq!(view.reason(), "DependencyNotReady", "{:#}", view.0);
    assert!(view.message().contains(name), "{}", view.message());
    world.apply(&[world.connection()]).await;
    well_again(world, "an upgrade that is well with its connection").await;
    world
        .api("CustomerPricing")
        .delete("prices", &delete)
        .await
        .unwrap();
    looked_at(world, look).await;
    well_again(world, "an upgrade that is well without the pricing object").await;
}

/// Two people, or a person and GitOps, write against each other.
async fn two_write_at_once(world: &World) {
    let writes = |suspend: bool| async move {
        let api = world.upgrades();
        let how = PatchParams::default();
        for n in 0..25 {
            let patch = json!({
                "metadata": { "annotations": { REQUESTED: format!("{suspend}-{n}") } },
                "spec": { "suspend": suspend },
            });
            api.patch(NAME, &how, &Patch::Merge(&patch)).await.unwrap();
        }
    };
    futures::future::join(writes(true), writes(false)).await;
    world.patch(json!({ "spec": { "suspend": false } })).await;
}
