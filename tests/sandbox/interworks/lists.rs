//! Lists: filters, order, pages, envelopes, versions; and each way to mislead.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Side, press, switch, world};
use crate::support::World;

const MINE: &str = "billToAccountId eq 10423";

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].to_string()).collect()
}

async fn page(side: &Side<'_>, number: u32) -> Vec<Value> {
    let number = number.to_string();
    let query = [
        ("page", number.as_str()),
        ("pageSize", "4"),
        ("$filter", MINE),
    ];
    side.get("accounts", &query).await.rows()
}

#[tokio::test]
async fn filters_choose_rows_and_wrong_ones_are_refused() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    // Its own account is billed to the reseller as well.
    assert_eq!(side.all("accounts", MINE).await.len(), 7);
    assert_eq!(side.all("accounts", "Id eq 20003").await[0]["id"], 20003);
    let both = "billToAccountId eq 10423 and not (id eq 10423 or name eq 'nothing')";
    assert_eq!(side.all("accounts", both).await.len(), 6);
    assert_eq!(
        side.all("accounts", "isNetworkReseller eq true")
            .await
            .len(),
        1
    );
    let sold = side.all("subscriptions", "billingToId eq 10777").await;
    assert_eq!(sold.len(), 10);
    for wrong in [
        "sourceId eq 1",
        "billToAccountId eq '10423'",
        "billToAccountId = 10423",
        "name eq Contoso",
        "name eq 'O'Hara'",
        "",
    ] {
        let refused = side.get("accounts", &[("$filter", wrong)]).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn order_is_by_allowed_fields_and_never_by_id() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let rows = side
        .get("accounts", &[("$orderby", "name desc"), ("$filter", MINE)])
        .await
        .rows();
    let names: Vec<String> = rows
        .iter()
        .map(|row| row["name"].to_string().to_lowercase())
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    sorted.reverse();
    assert_eq!(names, sorted);
    for (path, wrong) in [
        ("accounts", "id"),
        ("accounts", "billToAccountId"),
        ("subscriptions", "name"),
        ("assets", "id"),
        ("orders", "id"),
    ] {
        let refused = side.get(path, &[("$orderby", wrong)]).await;
        assert_eq!(refused.status, 400, "{path} by {wrong}");
    }
    side.get("assets", &[("$orderby", "updatedAt,name desc")])
        .await
        .ok();
    // Unasked, rows come in no order of their ids.
    let plain = ids(&side.all("accounts", MINE).await);
    let mut sorted = plain.clone();
    sorted.sort();
    assert_ne!(plain, sorted);
}

#[tokio::test]
async fn pages_are_numbered_from_one_and_the_server_has_its_own_limit() {
    let world = world(|config| config.customers = 9).await;
    let side = Side::of(&world, "distributor").await;
    let sizes = [
        page(&side, 1).await,
        page(&side, 2).await,
        page(&side, 3).await,
        page(&side, 4).await,
    ];
    assert_eq!(sizes.clone().map(|page| page.len()), [4, 4, 2, 0]);
    let all: BTreeSet<String> = sizes.iter().flat_map(|page| ids(page)).collect();
    assert_eq!(all.len(), 10);
    switch(&world, json!({ "largestPage": 3 })).await;
    assert_eq!(page(&side, 1).await.len(), 3, "whatever was asked for");
    for wrong in [("page", "0"), ("page", "x"), ("pageSize", "-1")] {
        assert_eq!(
            side.get("accounts", &[wrong]).await.status,
            400,
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn both_envelopes_totals_and_links() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let query = [("pageSize", "4"), ("$filter", MINE)];
    let plain = side.get("accounts", &query).await.ok();
    let members: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["data"],
        "no total and no link unless they are switched on"
    );
    switch(&world, json!({ "totals": true, "links": true })).await;
    let told = side.get("accounts", &query).await.ok();
    assert_eq!(told["paging"], json!({ "totalRecords": 7 }));
    let next = told["links"]["next"].as_str().unwrap();
    assert!(
        next.starts_with(&format!("{}/api/accounts?", world.url)),
        "{next}"
    );
    let (_, query) = next.split_once('?').unwrap();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let last = side.get("accounts", &pairs).await.ok();
    assert_eq!(last["data"].as_array().unwrap().len(), 3);
    assert_eq!(last["links"]["next"], Value::Null);
    switch(&world, json!({ "envelope": "Bare" })).await;
    let bare = side.get("accounts", &[("$filter", MINE)]).await.ok();
    assert_eq!(bare.as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn an_old_organisation_answers_with_fewer_fields() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let at = async |version: Option<&str>, path: &str| {
        let url = format!("{}/api/{path}", world.url);
        let mut request = world.client.get(url).bearer_auth(&side.token);
        if let Some(version) = version {
            request = request.header("X-Api-Version", version);
        }
        super::seen(request).await
    };
    let third = at(Some("3.0"), "accounts/10423").await.ok();
    assert_eq!(third["isNetworkReseller"], false);
    for version in [None, Some("1"), Some("2.2"), Some("latest")] {
        let old = at(version, "accounts/10423").await.ok();
        assert_eq!(old["enableOrdering"], true);
        for newer in [
            "isNetworkReseller",
            "resellerType",
            "orderingEnabled",
            "billToAccount",
            "updatedAt",
        ] {
            assert_eq!(old.get(newer), None, "{version:?} {newer}");
            assert!(third.get(newer).is_some(), "{newer}");
        }
        assert!(at(version, "accounts").await.ok().is_array());
        assert_eq!(at(version, "subscriptions").await.status, 405);
    }
    switch(&world, json!({ "versions": "Ignored" })).await;
    let old = at(Some("3.0"), "accounts/10423").await.ok();
    assert_eq!(old.get("isNetworkReseller"), None);
}

#[tokio::test]
async fn a_filter_that_is_ignored_or_answers_nothing() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    switch(&world, json!({ "filters": "Ignored" })).await;
    let all = side.all("accounts", MINE).await;
    assert_eq!(all.len(), 14, "customers of others, and resellers");
    side.get("accounts", &[("$filter", "rubbish")]).await.ok();
    switch(&world, json!({ "filters": "AnswersNothing" })).await;
    assert_eq!(side.all("accounts", MINE).await.len(), 0);
    let none = side.get("accounts", &[("$filter", MINE)]).await;
    assert_eq!((none.status, none.body), (200, json!({ "data": [] })));
    assert_eq!(side.all("accounts", "").await.len(), 14);
}

#[tokio::test]
async fn pages_that_repeat_skip_or_move() {
    let world = world(|config| config.customers = 9).await;
    let side = Side::of(&world, "distributor").await;
    switch(&world, json!({ "traps": ["RepeatedPage"] })).await;
    assert_eq!(page(&side, 3).await, page(&side, 1).await);
    switch(&world, json!({ "traps": ["SkippedRow"] })).await;
    let mut seen = BTreeSet::new();
    for number in 1..=3 {
        seen.extend(ids(&page(&side, number).await));
    }
    assert_eq!(seen.len(), 9, "one of ten never comes");
    assert_eq!(page(&side, 1).await.len(), 4);
    switch(&world, json!({ "traps": ["MovingTotal"], "totals": true })).await;
    let total = async |number: &str| {
        let query = [("page", number), ("pageSize", "4"), ("$filter", MINE)];
        side.get("accounts", &query).await.ok()["paging"]["totalRecords"].clone()
    };
    assert_ne!(total("1").await, total("2").await);
    switch(&world, json!({ "traps": ["UnstableOrder"] })).await;
    let mut orders = BTreeSet::new();
    for _ in 0..5 {
        orders.insert(ids(&page(&side, 1).await));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(orders.len() > 1, "{orders:?}");
}

#[tokio::test]
async fn lists_are_slow_or_too_large() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    switch(&world, json!({ "slowListMs": 120, "failsAbove": 5 })).await;
    let began = Instant::now();
    assert_eq!(page(&side, 1).await.len(), 4);
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert_eq!(side.get("accounts", &[("pageSize", "6")]).await.status, 500);
    let began = Instant::now();
    side.get("accounts/10423", &[]).await.ok();
    assert!(
        began.elapsed() < Duration::from_millis(100),
        "one record is no list"
    );
}

#[tokio::test]
async fn fields_go_missing_and_words_are_strange() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let missing = ["updatedAt", "product.code", "isNetworkReseller"];
    switch(
        &world,
        json!({ "missingFields": missing, "traps": ["UnknownStates"] }),
    )
    .await;
    let own = side.get("accounts/10423", &[]).await.ok();
    assert_eq!(
        (own.get("updatedAt"), own.get("isNetworkReseller")),
        (None, None)
    );
    for row in side.all("subscriptions", "").await {
        assert_eq!(row["product"].get("code"), None);
        assert!(row["product"]["system"].is_string());
        assert_ne!(row["status"], "Active");
    }
}

#[tokio::test]
async fn orders_have_the_words_of_an_administrator() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let words = json!({ "orderPending": "En attente", "orderDone": "Livrée" });
    switch(&world, words).await;
    world
        .control("storefront/buy", json!({ "hold": true }))
        .await
        .ok();
    let order = side.all("orders", "billingToId eq 10423").await;
    assert_eq!(
        (order.len(), &order[0]["status"]),
        (1, &json!("En attente"))
    );
    world.control("staff/finish-order", json!({})).await.ok();
    let done = side.all("orders", "status eq 'Livrée'").await;
    assert_eq!(super::super::support::text(&done[0]["status"]), "Livrée");
    assert_eq!(done[0]["id"], order[0]["id"]);
}

#[tokio::test]
async fn what_changed_says_so_and_nothing_else_does() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let before = side.all("subscriptions", "billingToId eq 10423").await;
    let source = world.first_subscription().await;
    let quantity = json!({ "sourceId": source["id"], "quantity": 77 });
    world.control("storefront/quantity", quantity).await.ok();
    let after = side.all("subscriptions", "billingToId eq 10423").await;
    let changed: Vec<(&Value, &Value)> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].1["quantity"], 77);
    assert_ne!(changed[0].0["updatedAt"], changed[0].1["updatedAt"]);
}

#[tokio::test]
async fn bundles_are_a_collection_of_their_own() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    assert_eq!(side.all("bundles", "").await.len(), 0);
    let source = first(&world).await;
    let made = press(&world, "bundle", json!({ "sourceIds": [source] })).await;
    let bundles = side.all("bundles", "billingToId eq 10423").await;
    assert_eq!(
        (bundles.len(), &bundles[0]["status"]),
        (1, &json!("Active"))
    );
    let children = side.all("subscriptions", "").await.into_iter();
    let children = children
        .filter(|row| row["bundleId"] == made["bundleId"])
        .count();
    assert_eq!(children, 1);
    press(
        &world,
        "end-bundle",
        json!({ "bundleId": made["bundleId"] }),
    )
    .await;
    assert_eq!(side.all("bundles", "").await[0]["status"], "Cancelled");
}

async fn first(world: &World) -> Value {
    world.first_subscription().await["id"].clone()
}
