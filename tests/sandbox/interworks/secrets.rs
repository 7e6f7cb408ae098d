//! What the vendor does not show is not shown here either.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Side, press, switch, world};
use crate::support::World;

/// A world in which everything is transferred, with the reseller's own trials beside it.
async fn transferred() -> World {
    let world = world(|_| {}).await;
    press(&world, "create-tenant", json!({})).await;
    press(&world, "test-record", json!({ "count": 3 })).await;
    press(&world, "transfer-accounts", json!({})).await;
    press(&world, "transfer-subscriptions", json!({})).await;
    world
}

fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Number(number) => {
            found.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|item| texts(item, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

const COLLECTIONS: [&str; 4] = ["accounts", "subscriptions", "assets", "orders"];

#[tokio::test]
async fn a_copy_tells_no_id_of_its_source_and_none_of_the_sandboxs_own() {
    let world = transferred().await;
    let distributor = Side::of(&world, "distributor").await;
    let tenant = Side::of(&world, "tenant").await;
    let mut hidden = BTreeSet::new();
    for path in COLLECTIONS {
        for row in distributor.all(path, "").await {
            hidden.insert(row["id"].to_string().replace('"', ""));
        }
    }
    for source in world.subscriptions().await {
        texts(&source["id"], &mut hidden);
        texts(&source["digest"], &mut hidden);
    }
    for copy in world.copies("Customers").await {
        texts(&copy, &mut hidden);
    }
    for copy in world.copies("Subscriptions").await {
        texts(&copy, &mut hidden);
    }
    // These are states and not ids.
    for word in [
        "Live",
        "Customers",
        "Subscriptions",
        "Subscription",
        "Asset",
    ] {
        hidden.remove(word);
    }
    assert!(hidden.len() > 60, "{}", hidden.len());
    let mut shown = BTreeSet::new();
    for path in COLLECTIONS {
        for row in tenant.all(path, "").await {
            texts(&row, &mut shown);
        }
    }
    let told: Vec<&String> = shown.intersection(&hidden).collect();
    assert_eq!(told, [""; 0]);
    // Nor does the distributor's side tell what became of it.
    let mut shown = BTreeSet::new();
    for path in COLLECTIONS {
        for row in distributor.all(path, "").await {
            texts(&row, &mut shown);
        }
    }
    for row in tenant.all("subscriptions", "").await {
        assert!(!shown.contains(row["id"].as_str().unwrap()));
    }
}

fn by_thing(rows: &[Value]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for row in rows {
        let thing = format!("{} {}", row["product"]["system"], row["externalId"]);
        *found.entry(thing).or_default() += 1;
    }
    found
}

#[tokio::test]
async fn a_copy_is_the_same_thing_at_the_provisioning_system() {
    let world = transferred().await;
    let distributor = Side::of(&world, "distributor").await;
    let tenant = Side::of(&world, "tenant").await;
    for path in ["subscriptions", "assets"] {
        let sources = distributor.all(path, "billingToId eq 10423").await;
        let sources: Vec<Value> = sources
            .into_iter()
            .filter(|row| {
                row["account"]["id"] != 10423 && row["status"] == "Active" && row["isTrial"] != true
            })
            .collect();
        let copies = tenant.all(path, "").await;
        let trials = usize::from(path == "subscriptions") * 3;
        assert_eq!(copies.len(), sources.len() + trials);
        let (sources, copies) = (by_thing(&sources), by_thing(&copies));
        for thing in sources.keys() {
            assert_eq!((sources[thing], copies[thing]), (1, 1), "{thing}");
        }
    }
    // The same holds for accounts at each system.
    let mut sides = Vec::new();
    for side in [&distributor, &tenant] {
        let mut things = BTreeSet::new();
        for account in side.all("accounts", "").await {
            let own = account["billToAccount"]["id"] == account["id"];
            if account["billToAccount"]["id"] == 10423 || own {
                let path = format!("accounts/{}/syncoptions", account["id"]);
                for row in side.get(&path, &[]).await.rows() {
                    things.insert(row.to_string());
                }
            }
        }
        sides.push(things);
    }
    assert!(!sides[1].is_empty());
    assert_eq!(sides[0], sides[1]);
}

#[tokio::test]
async fn ids_of_the_provisioning_system_may_be_unknown() {
    let world = transferred().await;
    let tenant = Side::of(&world, "tenant").await;
    let mut known = Vec::new();
    for ids in ["All", "Half", "None"] {
        switch(
            &world,
            json!({ "externalIds": ids, "accountCodes": ids == "All" }),
        )
        .await;
        let rows = tenant.all("subscriptions", "").await;
        known.push(
            rows.iter()
                .filter(|row| row["externalId"].is_string())
                .count(),
        );
        for row in tenant.all("accounts", "").await {
            assert_eq!(row["code"].is_string(), ids == "All");
        }
    }
    assert!(
        known[0] > known[1] && known[1] > known[2] && known[2] == 0,
        "{known:?}"
    );
}

#[tokio::test]
async fn the_catalogue_says_what_fits() {
    let world = transferred().await;
    for who in ["distributor", "tenant"] {
        let side = Side::of(&world, who).await;
        let products = side.all("products", "").await;
        let codes: BTreeSet<&str> = products
            .iter()
            .map(|row| row["code"].as_str().unwrap())
            .collect();
        assert!(
            codes.contains("OFFICE-PRO") && codes.contains("GEO-BACKUP"),
            "{codes:?}"
        );
        assert!(!codes.contains("ADV-THREAT"));
        let lists = side.all("pricelists", "currency eq 'EUR'").await;
        let list = format!("pricelists/{}/items", lists[0]["id"]);
        let items = side.all(&list, "").await;
        let has = |code: &str, cycle: &str| {
            let mut items = items.iter();
            items.any(|row| row["product"]["code"] == code && row["billingCycle"] == cycle)
        };
        assert!(
            has("OFFICE-PRO", "Annual") && !has("OFFICE-PRO", "Triennial"),
            "{who}"
        );
    }
}
