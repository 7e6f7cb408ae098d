//! Billing cycles, of one reseller or of all. The vendor reports what it served, the distributor charges the reseller, and
//! once back ordering is on the reseller BSS charges the customers, each from its own records.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::problem::Refusal;
use crate::sandbox::store::Tx;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cycles {
    count: u32,
}

/// Runs `count` billing cycles on, of one reseller if one is named. In each, every recurring purchase
/// renews once.
pub(super) fn run(tx: &Tx<'_>, reseller: Option<&str>, body: &Cycles) -> Result<Value, Refusal> {
    let mut last = 0;
    for _ in 0..body.count.min(120) {
        last = tx.next("period")?;
        cycle(tx, last, reseller)?;
    }
    Ok(json!({ "lastPeriod": last }))
}

fn cycle(tx: &Tx<'_>, period: i64, reseller: Option<&str>) -> rusqlite::Result<()> {
    tx.run(
        "INSERT INTO periods VALUES (?1, ?2, ?3)",
        params![period, tx.now, reseller],
    )?;
    tx.run(
        "INSERT INTO period_switches SELECT ?1, id FROM resellers
         WHERE back_ordering = 'On' AND (?2 IS NULL OR id = ?2)",
        params![period, reseller],
    )?;
    tx.run(
        "INSERT INTO vendor_usage (period, source_id, quantity)
         SELECT ?1, source_id, purchases.quantity
         FROM vendor_subscriptions JOIN purchases ON purchases.id = source_id
         WHERE live = 1 AND (?2 IS NULL OR reseller_id = ?2) GROUP BY source_id",
        params![period, reseller],
    )?;
    tx.run(
        "INSERT INTO charges (side, period, source_id, record_id, quantity, amount)
         SELECT 'Distributor', ?1, id, id, quantity, quantity * cost FROM purchases
         WHERE state = 'Active' AND kind = 'Subscription' AND (?2 IS NULL OR reseller_id = ?2)",
        params![period, reseller],
    )?;
    // The first charge on a copy is at its next renewal: a cycle that ran before the switch is
    // never charged again here.
    tx.run(
        "INSERT INTO charges (side, period, source_id, record_id, quantity, amount)
         SELECT 'Reseller', ?1, source_id, copies.id, quantity, quantity * sell_price
         FROM copies JOIN tenants ON tenants.id = tenant_id
         JOIN resellers ON resellers.id = reseller_id
         WHERE copies.kind = 'Subscriptions' AND purchase_kind = 'Subscription'
           AND copies.state = 'Live' AND status <> 'MarkedAsDeleted' AND back_ordering = 'On'
           AND (?2 IS NULL OR reseller_id = ?2)",
        params![period, reseller],
    )?;
    Ok(())
}
