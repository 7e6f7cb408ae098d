//! What stands against the switch: every reason, counted, computed from the records themselves.

use crate::bss::adapters::reference::contract::{BlockerCount, BlockerReason};
use crate::sandbox::store::Tx;

/// The ids of what counts as eligible: active purchases of customers whose Bill To is reseller
/// `?1`, never the reseller's own.
pub(crate) fn eligible_sql() -> &'static str {
    "SELECT id FROM purchases WHERE reseller_id = ?1 AND customer_id <> ?1 AND state = 'Active'"
}

const NOT_COPIED: &str = "
    SELECT id FROM purchases
    WHERE reseller_id = ?1 AND customer_id <> ?1 AND state = 'Active'
      AND NOT EXISTS (SELECT 1 FROM copies WHERE tenant_id = ?2 AND copies.kind = 'Subscriptions'
                      AND source_id = purchases.id)
    UNION ALL
    SELECT DISTINCT customer_id FROM purchases
    WHERE reseller_id = ?1 AND customer_id <> ?1 AND state = 'Active'
      AND NOT EXISTS (SELECT 1 FROM copies WHERE tenant_id = ?2 AND copies.kind = 'Customers'
                      AND source_id = purchases.customer_id AND copies.state <> 'Incomplete')";

// Two records of which at most one is in use are no duplicate: ending one is the remedy.
const DUPLICATE: &str = "
    SELECT source_id FROM copies WHERE tenant_id = ?2 AND state <> 'Ended' AND ?1 <> ''
    GROUP BY kind, source_id HAVING COUNT(*) > 1";

// A customer that left has nothing copyable here, so that its own record never counts (I-13); the
// records of its purchases do.
const ORPHANED: &str = "
    SELECT source_id FROM copies
    WHERE tenant_id = ?2 AND kind = 'Subscriptions' AND state <> 'Ended'
      AND NOT EXISTS (SELECT 1 FROM purchases WHERE purchases.id = source_id
                      AND reseller_id = ?1 AND customer_id <> ?1 AND purchases.state = 'Active')";

const CHANGED: &str = "
    SELECT source_id FROM copies JOIN purchases ON purchases.id = source_id
    WHERE tenant_id = ?2 AND copies.kind = 'Subscriptions' AND copies.state <> 'Ended'
      AND purchases.state = 'Active' AND reseller_id = ?1 AND copies.digest <> purchases.digest
    UNION ALL
    SELECT source_id FROM copies JOIN customers ON customers.id = source_id
    WHERE tenant_id = ?2 AND copies.kind = 'Customers' AND copies.state <> 'Ended'
      AND bill_to = ?1 AND copies.digest <> customers.digest
      AND EXISTS (SELECT 1 FROM purchases WHERE customer_id = source_id
                  AND purchases.state = 'Active')";

const HALF_MARKED: &str = "
    SELECT id FROM customers WHERE bill_to = ?1
      AND marked <> EXISTS (SELECT 1 FROM copies WHERE tenant_id = ?2 AND kind = 'Customers'
                            AND source_id = customers.id)";

const OPEN_ORDERS: &str =
    "SELECT id FROM orders WHERE reseller_id = ?1 AND state = 'Pending' AND ?2 <> ''";

const SUSPENDED: &str =
    "SELECT id FROM tenants WHERE reseller_id = ?1 AND id = ?2 AND status <> 'Active'";

const NOT_BASIC: &str = "SELECT id FROM resellers WHERE id = ?1 AND kind <> 'Basic' AND ?2 <> ''";

/// Counts every blocker of the switch for a reseller and its tenant.
pub(crate) fn count(
    tx: &Tx<'_>,
    reseller: &str,
    tenant: &str,
) -> rusqlite::Result<Vec<BlockerCount>> {
    let mut counts = Vec::new();
    for (reason, sql) in [
        (BlockerReason::NotCopied, NOT_COPIED),
        (BlockerReason::DuplicateCopy, DUPLICATE),
        (BlockerReason::OrphanedCopy, ORPHANED),
        (BlockerReason::SourceChanged, CHANGED),
        (BlockerReason::HalfMarked, HALF_MARKED),
        (BlockerReason::OrderNotFinal, OPEN_ORDERS),
        (BlockerReason::TenantSuspended, SUSPENDED),
        (BlockerReason::ResellerNotBasic, NOT_BASIC),
    ] {
        let mut ids: Vec<String> = tx.all(sql, [reseller, tenant], |row| row.get(0))?;
        if !ids.is_empty() {
            let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            ids.sort();
            ids.truncate(10);
            counts.push(BlockerCount {
                reason,
                count,
                examples: ids,
            });
        }
    }
    Ok(counts)
}
