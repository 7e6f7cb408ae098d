//! No field may stand on the face that `docs/adapters/interworks.md` does not list, and none of its
//! fields may be missing there: the table is what the operator relies on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Side, grant, press, seen, switch, world};

/// The fields of each table, under the paths of its heading.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string("docs/adapters/interworks.md").unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut headings: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            headings = words(heading)
                .into_iter()
                .filter_map(|word| Some(word.split_once(' ')?.1.to_owned()))
                .collect();
            if heading == "The envelope of a list" {
                headings = vec!["envelope".to_owned()];
            }
        }
        let Some(cell) = line.strip_prefix("| `") else {
            continue;
        };
        let Some((field, _)) = cell.split_once('`') else {
            continue;
        };
        for heading in &headings {
            tables
                .entry(heading.clone())
                .or_default()
                .insert(field.to_owned());
        }
    }
    tables
}

/// What stands between backticks.
fn words(line: &str) -> Vec<String> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .map(ToOwned::to_owned)
        .collect()
}

/// The names of a record's leaves: `product.code`.
fn leaves(value: &Value, before: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if before.is_empty() {
                    name.clone()
                } else {
                    format!("{before}.{name}")
                };
                leaves(value, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, before, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.insert(before.to_owned());
        }
    }
}

#[tokio::test]
async fn the_face_has_the_fields_of_the_documents_and_no_other() {
    let documented = documented();
    let world = world(|_| {}).await;
    press(&world, "create-tenant", json!({})).await;
    press(&world, "transfer-accounts", json!({})).await;
    world
        .control("storefront/buy", json!({ "hold": true }))
        .await
        .ok();
    let source = world.first_subscription().await["id"].clone();
    press(&world, "bundle", json!({ "sourceIds": [source] })).await;
    press(&world, "transfer-subscriptions", json!({})).await;
    let mut shown: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let token = seen(grant(&world, "distributor")).await.ok();
    leaves(&token, "", shown.entry("/oauth/token").or_default());
    for who in ["distributor", "tenant"] {
        let side = Side::of(&world, who).await;
        for version in ["1.0", "3.0"] {
            for path in [
                "accounts",
                "subscriptions",
                "assets",
                "bundles",
                "orders",
                "products",
                "pricelists",
            ] {
                let url = format!("{}/api/{path}?pageSize=100", world.url);
                let request = world.client.get(url).bearer_auth(&side.token);
                let reply = seen(request.header("X-Api-Version", version)).await;
                if reply.status == 405 {
                    continue;
                }
                let rows = reply.rows();
                let key = match path {
                    "accounts" => "/api/accounts",
                    "subscriptions" => "/api/subscriptions",
                    "assets" => "/api/assets",
                    "bundles" => "/api/bundles",
                    "orders" => "/api/orders",
                    // One table for the three collections of the catalogue.
                    _ => "/api/products",
                };
                leaves(&json!(rows), "", shown.entry(key).or_default());
                for row in rows {
                    let id = row["id"].to_string().replace('"', "");
                    let (below, key) = match path {
                        "accounts" => ("syncoptions", "/api/accounts/{id}/syncoptions"),
                        "subscriptions" => ("addons", "/api/subscriptions/{id}/addons"),
                        "pricelists" => ("items", "/api/products"),
                        _ => continue,
                    };
                    let more = side.get(&format!("{path}/{id}/{below}"), &[]).await.rows();
                    leaves(&json!(more), "", shown.entry(key).or_default());
                }
            }
        }
    }
    switch(&world, json!({ "totals": true, "links": true })).await;
    let side = Side::of(&world, "distributor").await;
    let mut list = side.get("accounts", &[]).await.ok();
    list["data"] = json!({});
    let envelope = shown.entry("envelope").or_default();
    leaves(&list, "", envelope);
    envelope.insert("data[]".to_owned());
    for (path, shown) in shown {
        let listed = &documented[path];
        let invented: Vec<&String> = shown.difference(listed).collect();
        assert_eq!(invented, [""; 0], "{path} shows what the documents lack");
        let lacking: Vec<&String> = listed.difference(&shown).collect();
        assert_eq!(lacking, [""; 0], "{path} lacks what the documents list");
    }
}
