//! `/api/orders` and `/api/bundles`.

use serde_json::{Map, Value, json};

use super::ids;
use super::odata::{Field, Kind};
use super::organisation::Organisation;
use super::rows::record;
use crate::sandbox::store::Tx;

pub(super) const FILTERS: &[Field] = &[
    Field::new("id", Kind::Number),
    Field {
        name: "accountId",
        member: "account/id",
        kind: Kind::Number,
    },
    Field {
        name: "billingToId",
        member: "billingTo/id",
        kind: Kind::Number,
    },
    Field::new("status", Kind::Text),
];

/// Every order, with the words that an administrator of this installation chose.
pub(super) fn rows(
    tx: &Tx<'_>,
    organisation: &Organisation,
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    if *organisation != Organisation::Distributor {
        return Ok(Vec::new());
    }
    let switches = &tx.switches.interworks;
    tx.all(
        "SELECT id, customer_id, reseller_id, state FROM orders",
        [],
        |row| {
            let number = |text: String| text.parse::<u64>().unwrap_or(0);
            let status = match row.get::<_, String>(3)?.as_str() {
                "Pending" => &switches.order_pending,
                "Completed" => &switches.order_done,
                _ => &switches.order_cancelled,
            };
            Ok(record(json!({
                "id": ids::number(&row.get::<_, String>(0)?),
                "account": { "id": number(row.get(1)?) },
                "billingTo": { "id": number(row.get(2)?) },
                "status": status,
            })))
        },
    )
}

/// Bundles: sold together, with children among the subscriptions.
pub(super) fn bundles(
    tx: &Tx<'_>,
    organisation: &Organisation,
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    if *organisation != Organisation::Distributor {
        return Ok(Vec::new());
    }
    tx.all(
        "SELECT id, name, customer_id, reseller_id, ended FROM bundles",
        [],
        |row| {
            let number = |text: String| text.parse::<u64>().unwrap_or(0);
            let ended: bool = row.get(4)?;
            Ok(record(json!({
                "id": row.get::<_, i64>(0)?,
                "name": row.get::<_, String>(1)?,
                "account": { "id": number(row.get(2)?) },
                "billingTo": { "id": number(row.get(3)?) },
                "status": if ended { "Cancelled" } else { "Active" },
            })))
        },
    )
}
