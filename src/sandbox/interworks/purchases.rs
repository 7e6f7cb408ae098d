//! `/api/subscriptions` and `/api/assets`.
//!
//! A copy shows the thing at the provisioning system that its source shows, and nothing else of the
//! source: no id, no link, no digest.

use rusqlite::{Row, params};
use serde_json::{Map, Value, json};

use super::accounts::own;
use super::odata::{Field, Kind};
use super::organisation::Organisation;
use super::rows::{external_id, instant, record};
use super::switches::Trap;
use super::{ids, systems};
use crate::bss::adapters::reference::contract::{PurchaseKind, PurchaseState};
use crate::sandbox::store::{Tx, from_json, from_word, word};
use crate::sandbox::world::purchases::SourceFields;

pub(super) const FILTERS: &[Field] = &[
    Field::new("id", Kind::Text),
    Field::new("name", Kind::Text),
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
    Field::new("updatedAt", Kind::Instant),
];
/// Assets can be ordered by a few fields; subscriptions by none.
pub(super) const ASSET_ORDERS: &[Field] = &[
    Field::new("name", Kind::Text),
    Field::new("updatedAt", Kind::Instant),
];

/// The subscriptions or assets of an organisation, or the one with an id.
pub(super) fn rows(
    tx: &Tx<'_>,
    organisation: &Organisation,
    (kind, only): (PurchaseKind, Option<&str>),
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    let found = match organisation {
        Organisation::Distributor => distributors(tx, kind, only)?,
        Organisation::Tenant { id, .. } => tenants(tx, id, (kind, only))?,
    };
    Ok(found
        .into_iter()
        .filter(|each| only.is_none_or(|only| each.id == only))
        .map(|each| each.shown(tx))
        .collect())
}

/// A subscription or asset of either side.
struct Shown {
    id: String,
    name: String,
    account: u64,
    billing_to: u64,
    source: String,
    kind: PurchaseKind,
    state: PurchaseState,
    fields: SourceFields,
    marked: bool,
    bundle: Option<i64>,
    /// A state word that is none of the vendor's.
    word: Option<String>,
    updated_ms: Option<i64>,
}

impl Shown {
    fn shown(self, tx: &Tx<'_>) -> Map<String, Value> {
        let system = systems::of(&self.fields.product);
        let switches = &tx.switches.interworks;
        let external = external_id(switches, system, &self.source);
        let status = status(self.kind, self.state, switches.has(Trap::UnknownStates));
        let start = format!("{}T00:00:00Z", self.fields.start_date);
        let mut shown = record(json!({
            "id": self.id,
            "name": self.name,
            "account": { "id": self.account },
            "billingTo": { "id": self.billing_to },
            "status": self.word.as_deref().unwrap_or(status),
            "quantity": self.fields.quantity,
            "externalId": external,
            "startDate": start,
            "product": { "code": self.fields.product, "system": system },
            "currency": self.fields.currency,
            "isBackOrdering": self.marked,
            "updatedAt": instant(self.updated_ms),
        }));
        shown.extend(record(match self.kind {
            PurchaseKind::Subscription => json!({
                "activationDate": start,
                "productType": system,
                "billingCycle": self.fields.billing_cycle,
                "isTrial": self.state == PurchaseState::Trial,
                "bundleId": self.bundle,
            }),
            PurchaseKind::Asset => json!({
                "customer": { "id": self.account },
                "serialNumber": external.map(|id| format!("SN{id}")),
            }),
        }));
        shown
    }
}

/// The state word on screen, and so in the API.
fn status(kind: PurchaseKind, state: PurchaseState, unknown: bool) -> &'static str {
    match state {
        PurchaseState::Active | PurchaseState::Trial if unknown => "Operational",
        PurchaseState::Active | PurchaseState::Trial => "Active",
        PurchaseState::Suspended => "Suspended",
        // The second is never stored: a doubt is kept beside the state.
        PurchaseState::FutureDated | PurchaseState::Unclear => "In-Active",
        PurchaseState::Expired if kind == PurchaseKind::Asset => "Expired",
        PurchaseState::Cancelled | PurchaseState::Expired => "Cancelled",
    }
}

fn distributors(
    tx: &Tx<'_>,
    kind: PurchaseKind,
    only: Option<&str>,
) -> rusqlite::Result<Vec<Shown>> {
    let prefix = match kind {
        PurchaseKind::Subscription => "SUB",
        PurchaseKind::Asset => "AST",
    };
    let only = only.map(|guid| {
        let number = ids::number_of(guid).unwrap_or(0);
        format!("{prefix}-{number:07}")
    });
    tx.all(
        "SELECT purchases.id, COALESCE(customers.name, resellers.name), customer_id, reseller_id,
            state, purchases.marked, product, addons, cycle, quantity, cost, purchases.currency, start_date,
            anchor, (SELECT bundle FROM bundle_children WHERE source_id = purchases.id),
            (SELECT time_ms FROM changes WHERE changes.id = purchases.id),
            (SELECT why FROM doubts WHERE doubts.id = purchases.id)
         FROM purchases LEFT JOIN customers ON customers.id = customer_id
         LEFT JOIN resellers ON resellers.id = customer_id
         WHERE purchases.kind = ?1 AND (?2 IS NULL OR purchases.id = ?2)",
        params![word(&kind), only],
        |row| {
            let source: String = row.get(0)?;
            let fields = SourceFields {
                product: row.get(6)?,
                addons: from_json(&row.get::<_, String>(7)?)?,
                billing_cycle: row.get(8)?,
                quantity: row.get(9)?,
                cost: row.get(10)?,
                currency: row.get(11)?,
                start_date: row.get(12)?,
                billing_anchor: row.get(13)?,
            };
            Ok(Shown {
                id: ids::guid(&source),
                name: format!("{} - {}", row.get::<_, String>(1)?, fields.product),
                account: account(row, 2)?,
                billing_to: account(row, 3)?,
                source,
                kind,
                state: from_word(row.get(4)?)?,
                fields,
                marked: row.get(5)?,
                bundle: row.get(14)?,
                updated_ms: row.get(15)?,
                word: row.get(16)?,
            })
        },
    )
}

fn account(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, String>(column)?.parse().unwrap_or(0))
}

fn tenants(
    tx: &Tx<'_>,
    tenant: &str,
    (kind, only): (PurchaseKind, Option<&str>),
) -> rusqlite::Result<Vec<Shown>> {
    let only = only.map(|guid| i64::try_from(ids::number_of(guid).unwrap_or(0)).unwrap_or(0));
    // The owner is the copy of the source's customer, whichever came first.
    // One is found by its id: the index of the table, and not its rows.
    let which = if only.is_some() {
        "copies.id IN (printf('SC-%07d', ?3), printf('XC-%07d', ?3))"
    } else {
        "?3 IS NULL"
    };
    let mut found = tx.all(
        &format!(
            "SELECT copies.id, source_id, copies.state = 'Ended', copies.fields,
            (SELECT MIN(owners.id) FROM copies owners WHERE owners.tenant_id = copies.tenant_id
                AND owners.kind = 'Customers' AND owners.source_id = purchases.customer_id
                AND owners.state <> 'Ended'),
            (SELECT time_ms FROM changes WHERE changes.id = copies.id)
         FROM copies LEFT JOIN purchases ON purchases.id = source_id
         WHERE copies.tenant_id = ?1 AND copies.kind = 'Subscriptions' AND purchase_kind = ?2
           AND {which}"
        ),
        params![tenant, word(&kind), only],
        |row| {
            let id: String = row.get(0)?;
            let fields: SourceFields = from_json(&row.get::<_, String>(3)?)?;
            let owner: Option<String> = row.get(4)?;
            let account = owner.map_or(0, |owner| ids::number(&owner));
            let ended: bool = row.get(2)?;
            Ok(Shown {
                id: ids::guid(&id),
                name: fields.product.clone(),
                account,
                billing_to: account,
                source: row.get(1)?,
                kind,
                state: if ended {
                    PurchaseState::Cancelled
                } else {
                    PurchaseState::Active
                },
                fields,
                marked: false,
                bundle: None,
                word: None,
                updated_ms: row.get(5)?,
            })
        },
    )?;
    if kind == PurchaseKind::Subscription {
        found.extend(own_records(tx, tenant)?);
    }
    Ok(found)
}

/// What the reseller made in its own BSS to try it out. It has no source anywhere.
fn own_records(tx: &Tx<'_>, tenant: &str) -> rusqlite::Result<Vec<Shown>> {
    tx.all(
        "SELECT id, fields FROM test_records WHERE tenant_id = ?1",
        [tenant],
        |row| {
            let id = own(row.get(0)?);
            let fields: SourceFields = from_json(&row.get::<_, String>(1)?)?;
            let account = ids::number(&id);
            Ok(Shown {
                id: ids::guid(&id),
                name: fields.product.clone(),
                account,
                billing_to: account,
                source: format!("{tenant} {id}"),
                kind: PurchaseKind::Subscription,
                state: PurchaseState::Active,
                fields,
                marked: false,
                bundle: None,
                word: None,
                updated_ms: None,
            })
        },
    )
}

/// `/api/subscriptions/{id}/addons`; none where there is no such subscription.
pub(super) fn addons(
    tx: &Tx<'_>,
    organisation: &Organisation,
    subscription: &str,
) -> rusqlite::Result<Option<Vec<Map<String, Value>>>> {
    let chosen = (PurchaseKind::Subscription, Some(subscription));
    let found = match organisation {
        Organisation::Distributor => distributors(tx, chosen.0, chosen.1)?,
        Organisation::Tenant { id, .. } => tenants(tx, id, chosen)?,
    };
    let found = found.into_iter().find(|each| each.id == subscription);
    Ok(found.map(|found| {
        found
            .fields
            .addons
            .iter()
            .map(|code| {
                record(json!({
                    "product": { "code": code },
                    "quantity": 1,
                    "status": status(found.kind, found.state, tx.switches.interworks.has(Trap::UnknownStates)),
                }))
            })
            .collect()
    }))
}
