//! The judge. It reads source ids and ledgers, never a business key, a request key or an epoch:
//! what the operator believes about itself is no evidence.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::contract::eligible_sql;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::Tx;

/// Every figure is a count over the reseller `?1`. `CROSS JOIN` fixes the order of a join: walk what is
/// the reseller's own, look the rest up. Left to itself the planner walks a hundred thousand rows per
/// row, or the ledgers of all other resellers.
const FIGURES: &[(&str, &str)] = &[
    (
        "duplicated",
        "SELECT COUNT(*) FROM (
        SELECT source_id FROM tenants CROSS JOIN copies ON tenants.id = tenant_id
        WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted' AND copies.state <> 'Ended'
        GROUP BY kind, source_id HAVING COUNT(*) > 1)",
    ),
    // Eligible now, or eligible at the switch, and nowhere in the reseller BSS.
    (
        "lost",
        "SELECT COUNT(*) FROM (
        SELECT id FROM purchases
        WHERE reseller_id = ?1 AND customer_id <> ?1 AND state = 'Active'
        UNION SELECT source_id FROM switch_inventory WHERE reseller_id = ?1) sources
        WHERE NOT EXISTS (SELECT 1 FROM copies CROSS JOIN tenants ON tenants.id = tenant_id
            WHERE source_id = sources.id AND reseller_id = ?1 AND status <> 'MarkedAsDeleted')",
    ),
    (
        "doubleCharges",
        "SELECT COALESCE(SUM(times - 1), 0) FROM (
        SELECT COUNT(*) AS times FROM purchases CROSS JOIN charges ON purchases.id = source_id
        WHERE reseller_id = ?1 GROUP BY side, period, source_id HAVING COUNT(*) > 1)",
    ),
    // The vendor served it: the reseller owes it, and after the switch its customer does. A copy
    // that the reseller's staff ended is the staff's own decision not to bill.
    (
        "missingCharges",
        "SELECT
        (SELECT COUNT(*) FROM purchases CROSS JOIN vendor_usage served ON purchases.id = served.source_id
         WHERE reseller_id = ?1 AND NOT EXISTS (SELECT 1 FROM charges WHERE side = 'Distributor'
             AND charges.period = served.period AND charges.source_id = served.source_id))
      + (SELECT COUNT(*) FROM purchases CROSS JOIN vendor_usage served ON purchases.id = served.source_id
         CROSS JOIN period_switches ON period_switches.period = served.period
             AND period_switches.reseller_id = ?1
         WHERE purchases.reseller_id = ?1 AND customer_id <> ?1
           AND NOT EXISTS (SELECT 1 FROM charges WHERE side = 'Reseller'
             AND charges.period = served.period AND charges.source_id = served.source_id)
           AND NOT EXISTS (SELECT 1 FROM copies WHERE copies.source_id = served.source_id
             AND copies.state = 'Ended'))",
    ),
    (
        "chargesAfterCancellation",
        "SELECT COUNT(*) FROM purchases
        CROSS JOIN charges ON purchases.id = charges.source_id
        WHERE reseller_id = ?1 AND NOT EXISTS (SELECT 1 FROM vendor_usage served
            WHERE served.period = charges.period AND served.source_id = charges.source_id)",
    ),
    (
        "differingCharges",
        "SELECT COUNT(*) FROM purchases
        CROSS JOIN charges ON purchases.id = charges.source_id
        CROSS JOIN vendor_usage served ON served.period = charges.period
            AND served.source_id = charges.source_id
        WHERE reseller_id = ?1 AND charges.quantity <> served.quantity",
    ),
    // The vendor provisions a purchase once; whatever is more was provisioned by copying it.
    (
        "vendorProvisionings",
        "SELECT COALESCE(SUM(times - 1), 0) FROM (
        SELECT COUNT(*) AS times FROM purchases
        CROSS JOIN vendor_subscriptions ON purchases.id = source_id
        WHERE reseller_id = ?1 GROUP BY source_id HAVING COUNT(*) > 1)",
    ),
    // An order for something new that names a purchase which did not come from it.
    (
        "orders",
        "SELECT COUNT(*) FROM orders JOIN purchases ON purchases.id = orders.purchase_id
        WHERE orders.reseller_id = ?1 AND action = 'New'
          AND purchases.order_id IS NOT orders.id",
    ),
    (
        "mails",
        "SELECT COUNT(*) FROM mails JOIN customers ON customers.id = customer_id
        WHERE bill_to = ?1",
    ),
    (
        "activations",
        "SELECT COUNT(*) FROM activations WHERE reseller_id = ?1",
    ),
    (
        "marked",
        "SELECT COUNT(*) FROM customers WHERE bill_to = ?1 AND marked = 1",
    ),
    (
        "halfMarked",
        "SELECT COUNT(*) FROM customers WHERE bill_to = ?1
        AND marked <> EXISTS (SELECT 1 FROM copies CROSS JOIN tenants ON tenants.id = tenant_id
            WHERE copies.kind = 'Customers' AND source_id = customers.id AND reseller_id = ?1
              AND status <> 'MarkedAsDeleted')",
    ),
    (
        "endedByReseller",
        "SELECT COUNT(DISTINCT source_id) FROM tenants
        CROSS JOIN copies ON tenants.id = tenant_id
        WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted' AND copies.state = 'Ended'",
    ),
    // Came into the reseller BSS after the switch, and not by an order there: a second sale.
    (
        "sales",
        "SELECT COUNT(*) FROM late_copies WHERE reseller_id = ?1
          AND NOT EXISTS (SELECT 1 FROM purchases JOIN orders ON orders.id = purchases.order_id
              WHERE purchases.id = source_id AND channel = 'ResellerBss')",
    ),
    // In use, of an active source, and not like it in what belongs to the source.
    (
        "differing",
        "SELECT
        (SELECT COUNT(*) FROM tenants CROSS JOIN copies ON tenants.id = tenant_id
         CROSS JOIN purchases ON purchases.id = source_id
         WHERE tenants.reseller_id = ?1 AND status <> 'MarkedAsDeleted'
           AND copies.kind = 'Subscriptions' AND copies.state <> 'Ended'
           AND purchases.state = 'Active' AND copies.digest <> purchases.digest)
      + (SELECT COUNT(*) FROM tenants CROSS JOIN copies ON tenants.id = tenant_id
         CROSS JOIN customers ON customers.id = source_id
         WHERE tenants.reseller_id = ?1 AND status <> 'MarkedAsDeleted'
           AND copies.kind = 'Customers' AND copies.state <> 'Ended'
           AND copies.digest <> customers.digest)",
    ),
    // In use, of a source that is not active or not there.
    (
        "orphaned",
        "SELECT COUNT(*) FROM tenants CROSS JOIN copies ON tenants.id = tenant_id
        WHERE tenants.reseller_id = ?1 AND status <> 'MarkedAsDeleted'
          AND copies.kind = 'Subscriptions' AND copies.state <> 'Ended'
          AND NOT EXISTS (SELECT 1 FROM purchases WHERE purchases.id = source_id
              AND purchases.state = 'Active')",
    ),
    // A record of another reseller, or the reseller's own purchase.
    (
        "foreign",
        "SELECT COUNT(*) FROM tenants CROSS JOIN copies ON tenants.id = tenant_id
        WHERE tenants.reseller_id = ?1 AND status <> 'MarkedAsDeleted' AND copies.state <> 'Ended'
          AND (EXISTS (SELECT 1 FROM purchases WHERE purchases.id = source_id
                   AND (purchases.reseller_id <> ?1 OR purchases.customer_id = ?1))
            OR EXISTS (SELECT 1 FROM customers WHERE customers.id = source_id AND bill_to <> ?1))",
    ),
    // After the switch every purchase of its customers is a back-ordering record.
    (
        "unmarked",
        "SELECT COUNT(*) FROM purchases JOIN resellers ON resellers.id = reseller_id
        WHERE reseller_id = ?1 AND customer_id <> ?1 AND back_ordering = 'On' AND marked = 0
          AND state = 'Active'",
    ),
    (
        "periods",
        "SELECT COUNT(*) FROM periods WHERE reseller_id IS NULL OR reseller_id = ?1",
    ),
    (
        "periodsAfterActivation",
        "SELECT COUNT(*) FROM period_switches WHERE reseller_id = ?1",
    ),
];

/// What the judge finds of each reseller that could be upgraded or was, by its account, and the sums over all.
pub(super) fn all(tx: &Tx<'_>) -> Result<Value, Refusal> {
    let accounts: Vec<String> =
        tx.all("SELECT id FROM resellers ORDER BY id", [], |row| row.get(0))?;
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut all_found = serde_json::Map::new();
    for account in accounts {
        let found = judge(tx, &account)?;
        for (figure, count) in found.as_object().into_iter().flatten() {
            let sum = sums.entry(figure.clone()).or_default();
            *sum = sum.saturating_add(count.as_i64().unwrap_or(0));
        }
        all_found.insert(account, found);
    }
    Ok(json!({ "all": sums, "resellers": all_found }))
}

/// What the judge finds of one reseller.
pub(super) fn judge(tx: &Tx<'_>, account: &str) -> Result<Value, Refusal> {
    let mut found = serde_json::Map::new();
    let eligible = eligible_sql();
    let count = tx.number(&format!("SELECT COUNT(*) FROM ({eligible})"), [account])?;
    found.insert("eligible".to_owned(), json!(count));
    let copied = tx.number(
        &format!(
            "SELECT COUNT(*) FROM ({eligible}) sources WHERE EXISTS (
                SELECT 1 FROM copies CROSS JOIN tenants ON tenants.id = tenant_id
                WHERE source_id = sources.id AND reseller_id = ?1
                  AND status <> 'MarkedAsDeleted')"
        ),
        [account],
    )?;
    found.insert("copied".to_owned(), json!(copied));
    for (name, sql) in FIGURES {
        found.insert((*name).to_owned(), json!(tx.number(sql, [account])?));
    }
    Ok(Value::Object(found))
}
