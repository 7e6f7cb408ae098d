//! What happens by itself as time goes on: queued tenants become Active, pending orders become
//! subscriptions. It is settled before the data is read the next time, so a caller cannot tell
//! the difference from a clock that ticks, and a restart loses nothing.

use rusqlite::{Connection, params};

use super::{Audit, Millis, Tx};
use crate::sandbox::world::purchases;

/// Whether anything is due.
pub(super) fn anything(connection: &Connection, now: Millis) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tenants WHERE status = 'InProgress' AND ready_ms <= ?1)
                 OR EXISTS (SELECT 1 FROM orders WHERE state = 'Pending' AND ready_ms IS NOT NULL
                            AND ready_ms <= ?1)
                 OR EXISTS (SELECT 1 FROM marks_due WHERE ready_ms <= ?1)",
        )?
        .query_row([now], |row| row.get(0))
}

/// Lets everything happen that is due.
pub(super) fn settle(tx: &Tx<'_>) -> rusqlite::Result<()> {
    let tenants: Vec<(String, String, String)> = tx.all(
        "SELECT id, operation_id, reseller_id FROM tenants
         WHERE status = 'InProgress' AND ready_ms <= ?1",
        [tx.now],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (tenant, operation, reseller) in tenants {
        tx.run(
            "UPDATE tenants SET status = 'Active', ready_ms = NULL WHERE id = ?1",
            [&tenant],
        )?;
        tx.run(
            "UPDATE operations SET state = 'Succeeded' WHERE id = ?1",
            [&operation],
        )?;
        tx.audit(&Audit {
            actor: "System",
            operation: "tenantReady",
            account_id: Some(&reseller),
            outcome: "Active",
            detail: Some(&tenant),
            ..Audit::default()
        })?;
    }
    let orders: Vec<String> = tx.all(
        "SELECT id FROM orders WHERE state = 'Pending' AND ready_ms IS NOT NULL AND ready_ms <= ?1
         ORDER BY ready_ms, id",
        params![tx.now],
        |row| row.get(0),
    )?;
    for order in orders {
        purchases::complete_order(tx, &order)?;
    }
    let customers: Vec<String> = tx.all(
        "DELETE FROM marks_due WHERE ready_ms <= ?1 RETURNING customer_id",
        [tx.now],
        |row| row.get(0),
    )?;
    for customer in customers {
        purchases::mark(tx, &customer)?;
    }
    Ok(())
}
