//! Every reply parser against good bodies, mutated ones, and any bytes at all.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn page_request() -> port::PageRequest {
    port::PageRequest {
        cursor: Some(port::Cursor("after-1".into())),
        limit: 3,
        freshness: port::Freshness::Fresh,
    }
}

fn clean(text: &str) -> String {
    text.to_owned()
}

/// A parser with everything behind it; the error's class, or `Ok`.
type Parser = fn(&[u8]) -> Checked<()>;

fn tenant_body(status: &str) -> Value {
    json!({
        "id": "T-1", "url": "https://t", "currency": "EUR", "businessKey": "k", "status": status,
        "settings": {"priceList": "PL", "edition": "Premium", "language": "en-GB",
            "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined"},
    })
}

fn customer(id: &str) -> Value {
    json!({"id": id, "billTo": "R-1", "currency": "EUR", "sync": "Synced", "marked": true,
        "copy": {"tenantId": "T-1", "copyId": "C-1"}, "digest": "d"})
}

fn subscription(id: &str) -> Value {
    json!({"id": id, "kind": "Asset", "customerId": "K-1", "product": "P", "addons": ["A"],
        "billingCycle": "Monthly", "quantity": 2, "costPrice": "1.50", "currency": "EUR",
        "startDate": "2026-01-01", "billingAnchor": "15", "state": "Active", "marked": false,
        "digest": "d"})
}

fn copy_of(source: &str, id: &str) -> Value {
    json!({"id": id, "businessKey": "k", "sourceId": source, "sourceDigest": "d", "digest": "d",
        "state": "Live"})
}

fn capabilities_body() -> Value {
    json!({
        "operations": {"createTenant": "Automatic", "copyCustomers": "ManualStep",
            "setPricing": "Unsupported", "copySubscriptions": "Automatic",
            "activateBackOrdering": "Automatic"},
        "promises": {"keys": "Unique", "epochs": "Issued", "revision": "Carried",
            "compares": "Atomic", "orders": "Listed", "offGuard": "Atomic"},
        "largestBatch": 50, "pageSize": 200,
    })
}

fn listing_parsers() -> Vec<(&'static str, Parser, Value)> {
    let page = |items: Value| json!({"items": items, "nextCursor": "n", "inventoryRevision": 7});
    vec![
        (
            "customers",
            |b| customers(parse(b)?, &page_request()).map(drop),
            page(json!([customer("1"), customer("10"), customer("9")])),
        ),
        (
            "subscriptions",
            |b| subscriptions(parse(b)?, &page_request(), clean).map(drop),
            page(json!([subscription("a"), subscription("b")])),
        ),
        (
            "open orders",
            |b| open_orders(parse(b)?, &page_request()).map(drop),
            page(json!([{"id": "o", "customerId": "c", "placedTime": "2026-01-01T00:00:00Z"}])),
        ),
        (
            "copies",
            |b| copies(parse(b)?, &page_request(), clean).map(drop),
            page(json!([
                copy_of("1", "b"),
                copy_of("1", "c"),
                copy_of("2", "a")
            ])),
        ),
    ]
}

fn other_parsers() -> Vec<(&'static str, Parser, Value)> {
    vec![
        (
            "identity",
            |b| identity(parse(b)?).map(drop),
            json!({"identity": "acme"}),
        ),
        (
            "capabilities",
            |b| capabilities(parse(b)?).map(drop),
            capabilities_body(),
        ),
        (
            "reseller",
            |b| reseller(parse(b)?).map(drop),
            json!({"accountId": "R-1", "name": "n", "kind": "Basic", "orderingEnabled": true,
                "currency": "EUR", "tenantId": "T-1", "backOrdering": "Off"}),
        ),
        (
            "epoch",
            |b| epoch(parse(b)?, "h").map(drop),
            json!({"epoch": 2, "previousEpoch": 1, "holder": "h"}),
        ),
        (
            "tenant",
            |b| tenant_lookup(parse(b)?).map(drop),
            json!({"tenant": tenant_body("InProgress")}),
        ),
        (
            "created tenant",
            |b| created_tenant(parse(b)?, &"k".into()).map(drop),
            tenant_body("Active"),
        ),
        (
            "started",
            |b| started(parse(b)?).map(drop),
            json!({"id": "op", "state": "Running"}),
        ),
        (
            "operation",
            |b| operation(parse(b)?, &"op".into(), clean).map(drop),
            json!({"id": "op", "state": "Failed", "detail": "no"}),
        ),
        (
            "found",
            |b| found(parse(b)?, clean).map(drop),
            json!({"businessKey": "k", "copies": [copy_of("1", "a"), copy_of("1", "b")]}),
        ),
        (
            "copy result",
            |b| copy_result(parse(b)?, clean).map(drop),
            json!({"sourceId": "1", "outcome": "Blocked",
                "reasons": [{"reason": "AddonMissing", "detail": "A"}]}),
        ),
        (
            "pricing state",
            |b| pricing_state(parse(b)?, clean).map(drop),
            json!({"customerId": "1", "displayName": "n", "missing": ["billing"]}),
        ),
        (
            "pricing result",
            |b| pricing_result(parse(b)?, clean).map(drop),
            json!({"customerId": "1", "outcome": "Failed", "class": "Invalid", "fields": ["x"]}),
        ),
        (
            "check result",
            |b| check_result(parse(b)?, clean).map(drop),
            json!({"sourceId": "1", "reasons": [{"reason": "ProductMissing"}]}),
        ),
        (
            "activation",
            |b| {
                activation(&parse(b)?);
                Ok(())
            },
            json!({"outcome": "Activated", "activatedTime": "2026-01-01T00:00:00Z"}),
        ),
        (
            "problem",
            |b| parse::<wire::Problem>(b).map(drop),
            json!({"title": "t", "status": 409, "class": "Conflict"}),
        ),
    ]
}

fn parsers() -> Vec<(&'static str, Parser, Value)> {
    listing_parsers()
        .into_iter()
        .chain(other_parsers())
        .collect()
}

#[test]
fn good_bodies_are_taken_also_with_members_of_a_later_version() {
    for (name, parser, body) in parsers() {
        parser(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut later = body.clone();
        later["addedLater"] = json!({"deep": [1, 2]});
        parser(later.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn what_breaks_the_contract_is_refused() {
    let refused = |name: &str, change: fn(&mut Value)| {
        let (_, parser, mut body) = parsers()
            .into_iter()
            .find(|(known, ..)| *known == name)
            .unwrap();
        change(&mut body);
        let error = parser(body.to_string().as_bytes()).expect_err(&format!("{name}: {body}"));
        assert_eq!(error.class(), "Malformed");
    };
    refused("customers", |body| {
        body["items"].as_array_mut().unwrap().swap(0, 1);
    });
    refused("customers", |body| body["items"][1]["id"] = json!("1"));
    refused("customers", |body| body["items"][0]["id"] = json!(""));
    refused("customers", |body| body["items"][0]["id"] = json!("a\nb"));
    refused("customers", |body| {
        body["items"][0]["id"] = json!("x".repeat(129));
    });
    // The path of a URL cannot hold these, so that they are no ids.
    for one in [".", ".."] {
        let (_, parser, mut body) = parsers()
            .into_iter()
            .find(|(known, ..)| *known == "reseller")
            .unwrap();
        body["tenantId"] = json!(one);
        let error = parser(body.to_string().as_bytes()).expect_err(one);
        assert!(error.to_string().contains("the path of a URL"), "{error}");
    }
    refused("customers", |body| body["items"][0]["id"] = json!("."));
    refused("copies", |body| body["items"][0]["id"] = json!(".."));
    refused("customers", |body| {
        body["items"].as_array_mut().unwrap().push(customer("99"));
    });
    refused("customers", |body| body["items"] = json!([]));
    refused("customers", |body| body["nextCursor"] = json!("after-1"));
    refused("customers", |body| {
        body["inventoryRevision"] = json!(9_007_199_254_740_992_u64);
    });
    refused("subscriptions", |body| {
        body["items"][0]["state"] = json!("Sleeping");
    });
    refused("copies", |body| {
        body["items"].as_array_mut().unwrap().swap(0, 1);
    });
    refused("copies", |body| {
        body["items"].as_array_mut().unwrap().swap(1, 2);
    });
    refused("copies", |body| body["items"][1]["id"] = json!("b"));
    refused("capabilities", |body| body["largestBatch"] = json!(0));
    refused("capabilities", |body| body["pageSize"] = json!(1001));
    refused("epoch", |body| body["epoch"] = json!(1));
    refused("epoch", |body| body["holder"] = json!("another"));
    refused("reseller", |body| body["currency"] = json!("euro"));
    refused("created tenant", |body| {
        body["businessKey"] = json!("another");
    });
    refused("created tenant", |body| {
        body["status"] = json!("InProgress");
    });
    refused("operation", |body| body["id"] = json!("another"));
    refused("found", |body| {
        body["copies"][0]["businessKey"] = json!("another");
    });
    refused("copy result", |body| body["reasons"] = json!([]));
    refused("copy result", |body| body["outcome"] = json!("Failed"));
    refused("pricing state", |body| body["missing"] = json!([]));
    refused("pricing state", |body| body["digest"] = json!("d"));
}

#[test]
fn rows_without_a_source_are_the_resellers_own() {
    let body = json!({"items": [{"id": "own", "digest": "d", "state": "Live"}, copy_of("1", "a")],
        "nextCursor": "n"});
    let page = copies(
        parse(body.to_string().as_bytes()).unwrap(),
        &page_request(),
        clean,
    )
    .unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].source.as_str(), "1");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof![Just("Blocked"), Just("Failed"), Just("Live"), Just("1")].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z]{1,10}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Replaces, removes or repeats the n-th value of a body.
fn mutate(value: &mut Value, at: &mut usize, with: Option<&Value>) {
    if *at == 0 {
        *value = with.cloned().unwrap_or(Value::Null);
        *at = usize::MAX;
        return;
    }
    *at = at.saturating_sub(1);
    match value {
        Value::Array(items) => {
            if *at == 0 && with.is_none() && !items.is_empty() {
                items.push(items[0].clone());
            }
            for item in items {
                mutate(item, at, with);
            }
        }
        Value::Object(members) => {
            if *at == 0 && with.is_none() {
                let first = members.keys().next().cloned();
                first.map(|key| members.remove(&key));
            }
            for member in members.values_mut() {
                mutate(member, at, with);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (_, parser, _) in parsers() {
            drop(parser(&bytes));
        }
    }

    #[test]
    fn mutated_bodies(at in 0_usize..60, with in proptest::option::of(any_json())) {
        for (name, parser, mut body) in parsers() {
            let mut at = at;
            mutate(&mut body, &mut at, with.as_ref());
            if let Err(error) = parser(body.to_string().as_bytes()) {
                prop_assert_eq!(error.class(), "Malformed", "{}", name);
            }
        }
    }

    #[test]
    fn cut_and_flipped_bodies(cut in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>()) {
        for (_, parser, body) in parsers() {
            let mut bytes = body.to_string().into_bytes();
            let at = flip.0.index(bytes.len());
            bytes[at] ^= flip.1;
            drop(parser(&bytes));
            bytes.truncate(cut.index(bytes.len()));
            drop(parser(&bytes));
        }
    }
}
