//! What the grammar takes, what it refuses, and what a filter lets through.

use serde_json::{Map, Value, json};

use super::{Field, Filter, Kind, Order};

const FIELDS: &[Field] = &[
    Field::new("id", Kind::Number),
    Field::new("name", Kind::Text),
    Field::new("isBackOrdering", Kind::Bool),
    Field::new("createdAt", Kind::Instant),
    Field::new("code", Kind::Text),
    Field::new("creditLimit", Kind::Number),
    Field {
        name: "accountId",
        member: "account/id",
        kind: Kind::Number,
    },
];

fn records() -> Vec<Map<String, Value>> {
    let all = json!([
        { "id": 1, "name": "O'Hara", "isBackOrdering": true, "code": "A",
          "createdAt": "2024-03-01T00:00:00Z", "account": { "id": 7 }, "creditLimit": 2.5 },
        { "id": 2, "name": "Baltic Foods", "isBackOrdering": false, "code": null,
          "createdAt": "2024-03-02T10:00:00Z", "account": { "id": 8 }, "creditLimit": -3 },
        { "id": 3, "name": "and or not", "isBackOrdering": false, "code": "C",
          "createdAt": "2025-01-01T00:00:00Z", "account": { "id": 7 }, "creditLimit": 0 },
    ]);
    let Value::Array(all) = all else {
        return vec![];
    };
    all.into_iter()
        .filter_map(|each| each.as_object().cloned())
        .collect()
}

fn ids(filter: &str) -> Vec<i64> {
    let filter = Filter::read(filter, FIELDS).unwrap_or_else(|wrong| panic!("{filter}: {wrong}"));
    records()
        .iter()
        .filter(|record| filter.accepts(record))
        .filter_map(|record| record.get("id")?.as_i64())
        .collect()
}

#[test]
fn each_operator_and_each_literal() {
    for (filter, expected) in [
        ("id eq 2", vec![2]),
        ("ID eq 2", vec![2]),
        ("id ne 2", vec![1, 3]),
        ("id gt 1", vec![2, 3]),
        ("id ge 2", vec![2, 3]),
        ("id lt 2", vec![1]),
        ("id le 2", vec![1, 2]),
        ("creditLimit lt 0", vec![2]),
        ("creditLimit eq 2.5", vec![1]),
        ("creditLimit eq -3", vec![2]),
        ("name eq 'O''Hara'", vec![1]),
        ("name eq 'and or not'", vec![3]),
        ("isBackOrdering eq true", vec![1]),
        ("isBackOrdering ne true", vec![2, 3]),
        ("code eq null", vec![2]),
        ("code ne null", vec![1, 3]),
        ("code gt 'A'", vec![3]),
        ("createdAt ge 2024-03-02", vec![2, 3]),
        ("createdAt eq datetime'2024-03-02T10:00:00'", vec![2]),
        ("createdAt lt 2024-03-02T11:00:00+02:00", vec![1]),
        ("accountId eq 7", vec![1, 3]),
        ("contains(name,'foods')", vec![2]),
        ("startswith(name, 'o''')", vec![1]),
        ("endswith(name,'not')", vec![3]),
    ] {
        assert_eq!(ids(filter), expected, "{filter}");
    }
}

#[test]
fn and_binds_more_than_or_and_not_more_than_both() {
    for (filter, expected) in [
        ("id eq 1 or id eq 2 and isBackOrdering eq true", vec![1]),
        ("(id eq 1 or id eq 2) and isBackOrdering eq false", vec![2]),
        ("not (id eq 1) and accountId eq 7", vec![3]),
        ("not contains(name,'HAR') or id eq 1", vec![1, 2, 3]),
        ("not (id eq 1 or id eq 2)", vec![3]),
        ("not not (id eq 1)", vec![1]),
        ("((id gt 1) and (id le 3))", vec![2, 3]),
    ] {
        assert_eq!(ids(filter), expected, "{filter}");
    }
}

#[test]
fn what_is_not_known_is_an_error() {
    let deep = format!("{}id eq 1{}", "(".repeat(60), ")".repeat(60));
    for wrong in [
        "",
        "id",
        "id eq",
        "id eq 1 id eq 2",
        "id eq 1 and",
        "id is 1",
        "id EQ 1",
        "nothing eq 1",
        "id eq '1'",
        "name eq 1",
        "name eq Baltic",
        "isBackOrdering gt true",
        "createdAt gt '2024-01-01'",
        "creditLimit gt null",
        "not id eq 1",
        "name eq 'open",
        "(id eq 1",
        "id eq 1)",
        "id in (1,2)",
        "length(name) eq 3",
        "contains(id,'1')",
        "contains(name)",
        "id eq 1 && id eq 2",
        "id add 1 eq 2",
        "createdAt eq datetime'yesterday'",
        "1 eq id",
        &deep,
    ] {
        assert!(Filter::read(wrong, FIELDS).is_err(), "{wrong}");
    }
}

#[test]
fn records_are_ordered_by_allowed_fields_alone() {
    let mut all = records();
    let order = Order::read("code desc, name", FIELDS).unwrap();
    all.sort_by(|left, right| order.compare(left, right));
    let names: Vec<_> = all.iter().map(|record| record["id"].clone()).collect();
    assert_eq!(names, [3, 1, 2]);
    for wrong in ["", "nothing", "name up", "name desc desc", "name,,code"] {
        assert!(Order::read(wrong, FIELDS).is_err(), "{wrong}");
    }
}
