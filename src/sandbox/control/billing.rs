//! Billing cycles. The vendor reports what it served, the distributor charges the reseller, and
//! once back ordering is on the reseller BSS charges the customers, each from its own records.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::problem::Refusal;
use crate::sandbox::store::Tx;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cycles {
    count: u32,
}

/// Runs `count` billing cycles on. In each, every recurring purchase renews once.
pub(super) fn run(tx: &Tx<'_>, body: &Cycles) -> Result<Value, Refusal> {
    let mut last = 0;
    for _ in 0..body.count.min(120) {
        last = tx.next("period")?;
        cycle(tx, last)?;
    }
    Ok(json!({ "lastPeriod": last }))
}

fn cycle(tx: &Tx<'_>, period: i64) -> rusqlite::Result<()> {
    tx.run("INSERT INTO periods VALUES (?1, ?2)", [period, tx.now])?;
    tx.run(
        "INSERT INTO period_switches SELECT ?1, id FROM resellers WHERE back_ordering = 'On'",
        [period],
    )?;
    tx.run(
        "INSERT INTO vendor_usage SELECT ?1, source_id, purchases.quantity
         FROM vendor_subscriptions JOIN purchases ON purchases.id = source_id
         WHERE live = 1 GROUP BY source_id",
        [period],
    )?;
    tx.run(
        "INSERT INTO charges (side, period, source_id, record_id, quantity, amount)
         SELECT 'Distributor', ?1, id, id, quantity, quantity * cost FROM purchases
         WHERE state = 'Active' AND kind = 'Subscription'",
        [period],
    )?;
    // The first charge on a copy is at its next renewal: a cycle that ran before the switch is
    // never charged again here.
    tx.run(
        "INSERT INTO charges (side, period, source_id, record_id, quantity, amount)
         SELECT 'Reseller', ?1, source_id, copies.id, quantity, quantity * sell_price
         FROM copies JOIN tenants ON tenants.id = tenant_id
         JOIN resellers ON resellers.id = reseller_id
         WHERE copies.kind = 'Subscriptions' AND purchase_kind = 'Subscription'
           AND copies.state = 'Live' AND status <> 'MarkedAsDeleted' AND back_ordering = 'On'",
        [period],
    )?;
    Ok(())
}
