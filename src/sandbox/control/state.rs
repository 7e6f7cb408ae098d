//! To look: an overview of one reseller, and the audit list.

use rusqlite::params;
use serde_json::{Value, json};

use super::Request;
use crate::sandbox::contract::{canonical_account, count_blockers, eligible_sql};
use crate::sandbox::oauth;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Tx, rfc3339};

/// The most lines of the audit list in one reply.
const AUDIT_PAGE: i64 = 1000;

/// The state of the sandbox for one reseller.
pub(super) fn overview(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let account = request.account();
    let mut reseller = tx
        .one(
            "SELECT name, kind, back_ordering, ordering_enabled, revision, epoch, holder
             FROM resellers WHERE id = ?1",
            [&account],
            |row| {
                Ok(json!({
                    "accountId": account,
                    "name": row.get::<_, String>(0)?,
                    "kind": row.get::<_, String>(1)?,
                    "backOrdering": row.get::<_, String>(2)?,
                    "orderingEnabled": row.get::<_, bool>(3)?,
                    "inventoryRevision": row.get::<_, i64>(4)?,
                    "epoch": row.get::<_, i64>(5)?,
                    "holder": row.get::<_, Option<String>>(6)?,
                }))
            },
        )?
        .ok_or_else(|| Refusal::not_found("there is no such reseller"))?;
    let (tenant_id, tenant) = tenant(tx, &account)?;
    let parts = json!({
        "tenant": tenant,
        "customers": customers(tx, &account, &tenant_id)?,
        "subscriptions": subscriptions(tx, &account, &tenant_id)?,
        "pricingSet": tx.number(
            "SELECT COUNT(*) FROM pricing WHERE tenant_id = ?1 AND digest IS NOT NULL",
            [&tenant_id],
        )?,
        "openOrders": tx.number(
            "SELECT COUNT(*) FROM orders WHERE reseller_id = ?1 AND state = 'Pending'",
            [&account],
        )?,
        "tenantsRequested": tx.number(
            "SELECT COUNT(*) FROM audit WHERE operation = 'createTenant' AND account_id = ?1
                 AND outcome = 'Accepted'",
            [&account],
        )?,
        "activations": tx.number(
            "SELECT COUNT(*) FROM activations WHERE reseller_id = ?1",
            [&account],
        )?,
        "periods": tx.number("SELECT COUNT(*) FROM periods", [])?,
        "oauth": oauth::overview(tx)?,
        "blockers": if tenant_id.is_empty() { json!([]) } else {
            json!(count_blockers(tx, &account, &tenant_id)?)
        },
    });
    if let (Value::Object(all), Value::Object(parts)) = (&mut reseller, parts) {
        all.extend(parts);
    }
    Ok(reseller)
}

fn tenant(tx: &Tx<'_>, account: &str) -> rusqlite::Result<(String, Value)> {
    let found = tx.one(
        "SELECT id, status, business_key, currency FROM tenants
         WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted'",
        [account],
        |row| {
            let id: String = row.get(0)?;
            let shown = json!({
                "id": id,
                "status": row.get::<_, String>(1)?,
                "businessKey": row.get::<_, Option<String>>(2)?,
                "currency": row.get::<_, String>(3)?,
            });
            Ok((id, shown))
        },
    )?;
    Ok(found.unwrap_or((String::new(), Value::Null)))
}

fn customers(tx: &Tx<'_>, account: &str, tenant: &str) -> rusqlite::Result<Value> {
    let copies = "SELECT COUNT(DISTINCT source_id) FROM copies
        WHERE tenant_id = ?1 AND kind = 'Customers' AND state = ?2";
    Ok(json!({
        "total": tx.number("SELECT COUNT(*) FROM customers WHERE bill_to = ?1", [account])?,
        "marked": tx.number(
            "SELECT COUNT(*) FROM customers WHERE bill_to = ?1 AND marked = 1",
            [account],
        )?,
        "copied": tx.number(copies, [tenant, "Live"])?,
        "incomplete": tx.number(copies, [tenant, "Incomplete"])?,
        "contacts": tx.number(
            "SELECT COUNT(*) FROM copy_contacts JOIN copies ON copies.id = copy_id
             WHERE tenant_id = ?1",
            [tenant],
        )?,
    }))
}

fn subscriptions(tx: &Tx<'_>, account: &str, tenant: &str) -> rusqlite::Result<Value> {
    let copies = "SELECT COUNT(DISTINCT source_id) FROM copies
        WHERE tenant_id = ?1 AND kind = 'Subscriptions' AND state = ?2";
    Ok(json!({
        "total": tx.number("SELECT COUNT(*) FROM purchases WHERE reseller_id = ?1", [account])?,
        "eligible": tx.number(
            &format!("SELECT COUNT(*) FROM ({})", eligible_sql()),
            [account],
        )?,
        "marked": tx.number(
            "SELECT COUNT(*) FROM purchases WHERE reseller_id = ?1 AND marked = 1",
            [account],
        )?,
        "copied": tx.number(copies, [tenant, "Live"])?,
        "ended": tx.number(copies, [tenant, "Ended"])?,
    }))
}

/// All resellers with what became of each.
pub(super) fn resellers(tx: &Tx<'_>) -> Result<Value, Refusal> {
    let all: Vec<Value> = tx.all(
        "SELECT id, name, kind, back_ordering, epoch,
            (SELECT COUNT(*) FROM customers WHERE bill_to = resellers.id),
            (SELECT COUNT(*) FROM purchases WHERE reseller_id = resellers.id
                AND customer_id <> resellers.id AND state = 'Active')
         FROM resellers ORDER BY id",
        [],
        |row| {
            Ok(json!({
                "accountId": row.get::<_, String>(0)?,
                "name": row.get::<_, String>(1)?,
                "kind": row.get::<_, String>(2)?,
                "backOrdering": row.get::<_, String>(3)?,
                "epoch": row.get::<_, i64>(4)?,
                "customers": row.get::<_, i64>(5)?,
                "eligible": row.get::<_, i64>(6)?,
            }))
        },
    )?;
    Ok(json!({ "resellers": all }))
}

/// The audit list, oldest first: `after` names the last line seen, `operation`, `actor`, `sourceId` and
/// `accountId` choose, `limit` bounds. A line is a reseller's if it names the reseller or one of its records.
pub(super) fn audit(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let number = |name: &str, default: i64| match request.parameter(name).map(str::parse) {
        None => Ok(default),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(Refusal::invalid_field(name, "is not a number")),
    };
    let after = number("after", 0)?;
    let limit = number("limit", AUDIT_PAGE)?.clamp(1, AUDIT_PAGE);
    let entries = tx.all(
        "SELECT audit.id, time_ms, actor, operation, account_id, source_id, business_key, epoch, outcome,
            detail FROM audit
         WHERE audit.id > ?1 AND (?3 IS NULL OR operation = ?3) AND (?4 IS NULL OR source_id = ?4)
           AND (?5 IS NULL OR actor = ?5)
           AND (?6 IS NULL OR account_id = ?6 OR audit.source_id = ?6
                OR EXISTS (SELECT 1 FROM purchases WHERE purchases.id = audit.source_id AND reseller_id = ?6)
                OR EXISTS (SELECT 1 FROM customers WHERE customers.id = audit.source_id AND bill_to = ?6))
         ORDER BY audit.id LIMIT ?2",
        params![
            after,
            limit,
            request.parameter("operation"),
            request.parameter("sourceId"),
            request.parameter("actor"),
            request.parameter("accountId").map(canonical_account),
        ],
        |row| {
            Ok(json!({
                "id": row.get::<_, i64>(0)?,
                "time": rfc3339(row.get(1)?),
                "actor": row.get::<_, String>(2)?,
                "operation": row.get::<_, String>(3)?,
                "accountId": row.get::<_, Option<String>>(4)?,
                "sourceId": row.get::<_, Option<String>>(5)?,
                "businessKey": row.get::<_, Option<String>>(6)?,
                "epoch": row.get::<_, Option<i64>>(7)?,
                "outcome": row.get::<_, String>(8)?,
                "detail": row.get::<_, Option<String>>(9)?,
            }))
        },
    )?;
    let full = i64::try_from(entries.len()).unwrap_or(i64::MAX) >= limit;
    let next = entries
        .last()
        .filter(|_| full)
        .and_then(|last| last.get("id"))
        .cloned();
    Ok(json!({ "entries": entries, "next": next }))
}
