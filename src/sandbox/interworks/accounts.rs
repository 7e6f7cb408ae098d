//! `/api/accounts`: resellers and end customers at the distributor, end customers in a tenant.

use rusqlite::{Row, params};
use serde_json::{Map, Value, json};

use super::odata::{Field, Kind};
use super::organisation::Organisation;
use super::rows::{Version, instant, record};
use super::switches::{ExternalIds, NetworkReseller};
use super::{ids, systems};
use crate::sandbox::store::Tx;

pub(super) const FILTERS: &[Field] = &[
    Field::new("id", Kind::Number),
    Field::new("name", Kind::Text),
    Field::new("code", Kind::Text),
    Field::new("registrationNumber", Kind::Text),
    Field {
        name: "billToAccountId",
        member: "billToAccount/id",
        kind: Kind::Number,
    },
    Field::new("isBackOrdering", Kind::Bool),
    Field::new("isNetworkReseller", Kind::Bool),
    Field::new("resellingEnabled", Kind::Bool),
    Field::new("orderingEnabled", Kind::Bool),
    Field::new("transactionCurrency", Kind::Text),
    Field::new("creditLimit", Kind::Number),
    Field::new("paymentMethod", Kind::Text),
];
/// The vendor names these, and never the id.
pub(super) const ORDERS: &[Field] = &[
    Field::new("name", Kind::Text),
    Field::new("code", Kind::Text),
    Field::new("creditLimit", Kind::Number),
    Field::new("updatedAt", Kind::Instant),
];

/// The accounts of an organisation, or the one with an id.
pub(super) fn rows(
    tx: &Tx<'_>,
    organisation: &Organisation,
    (version, only): (Version, Option<u64>),
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    let accounts = match organisation {
        Organisation::Distributor => distributors(tx, only)?,
        Organisation::Tenant { id, .. } => tenants(tx, id, only)?,
    };
    Ok(accounts
        .into_iter()
        .map(|account| account.shown(tx, version))
        .collect())
}

/// An account, before it is known how much of it is shown.
struct Account {
    id: u64,
    name: String,
    /// What code and registration number are made from: the two sides have the same.
    root: String,
    bill_to: u64,
    currency: String,
    ordering: bool,
    back_ordering: bool,
    reseller: Option<Reseller>,
    pricing: Pricing,
    updated_ms: Option<i64>,
}

struct Reseller {
    tenant: bool,
    network: bool,
}

#[derive(Default)]
struct Pricing {
    price_list: Option<String>,
    payment_method: Option<String>,
    billing_day: Option<i64>,
    separate_invoices: bool,
    credit_limit: Option<f64>,
}

impl Account {
    fn shown(self, tx: &Tx<'_>, version: Version) -> Map<String, Value> {
        let coded = tx.switches.interworks.account_codes;
        let code = |prefix: &str| {
            let text = || format!("{prefix}{}", ids::external("account", &self.root));
            coded.then(|| text().chars().take(12).collect::<String>())
        };
        let mut shown = record(json!({
            "id": self.id,
            "name": self.name,
            "code": code("C-"),
            "registrationNumber": code("RN"),
            "paymentMethod": self.pricing.payment_method,
            "creditLimit": self.pricing.credit_limit,
            "prorateBillingEnabled": self.pricing.billing_day.is_some(),
            "prorateBillingDate": self.pricing.billing_day,
            "separateInvoicesEnabled": self.pricing.separate_invoices,
            "partialChargesInvoicing": false,
        }));
        let more = match version {
            Version::First => json!({
                "billToAccountId": self.bill_to,
                "enableOrdering": self.ordering,
                "currency": self.currency,
            }),
            Version::Third => json!({
                "billToAccount": { "id": self.bill_to },
                "orderingEnabled": self.ordering,
                "transactionCurrency": self.currency,
                "isBackOrdering": self.back_ordering,
                "isNetworkReseller": self.reseller.as_ref().is_some_and(|it| it.network),
                "resellingEnabled": self.reseller.is_some(),
                "resellerType": self.reseller.as_ref()
                    .map(|it| if it.tenant { "Tenant Reseller" } else { "Basic Reseller" }),
                "priceList": self.pricing.price_list,
                "updatedAt": instant(self.updated_ms),
            }),
        };
        shown.extend(record(more));
        shown
    }
}

fn distributors(tx: &Tx<'_>, only: Option<u64>) -> rusqlite::Result<Vec<Account>> {
    let early = tx.switches.interworks.network_reseller == NetworkReseller::AtTenant;
    let mut accounts = tx.all(
        "SELECT id, name, currency, ordering_enabled, back_ordering = 'On', kind = 'Tenant',
            price_list, EXISTS (SELECT 1 FROM tenants WHERE reseller_id = resellers.id
                AND status IN ('Active', 'Suspended')),
            (SELECT time_ms FROM changes WHERE changes.id = resellers.id)
         FROM resellers WHERE ?1 IS NULL OR id = ?1",
        [only.map(|id| id.to_string())],
        |row| {
            let id: String = row.get(0)?;
            let tenant: bool = row.get(5)?;
            let number = id.parse().unwrap_or(0);
            Ok(Account {
                id: number,
                name: row.get(1)?,
                bill_to: number,
                root: id,
                currency: row.get(2)?,
                ordering: row.get(3)?,
                back_ordering: row.get(4)?,
                reseller: Some(Reseller {
                    tenant,
                    network: tenant || (early && row.get(7)?),
                }),
                pricing: Pricing {
                    price_list: row.get(6)?,
                    ..usual()
                },
                updated_ms: row.get(8)?,
            })
        },
    )?;
    accounts.extend(tx.all(
        "SELECT id, name, currency, bill_to, marked,
            (SELECT time_ms FROM changes WHERE changes.id = customers.id)
         FROM customers WHERE ?1 IS NULL OR id = ?1",
        [only.map(|id| id.to_string())],
        |row| {
            let id: String = row.get(0)?;
            Ok(Account {
                id: id.parse().unwrap_or(0),
                name: row.get(1)?,
                root: id,
                currency: row.get(2)?,
                bill_to: number_in(row, 3)?,
                ordering: true,
                back_ordering: row.get(4)?,
                reseller: None,
                pricing: usual(),
                updated_ms: row.get(5)?,
            })
        },
    )?);
    Ok(accounts)
}

/// What the distributor set for an account.
fn usual() -> Pricing {
    Pricing {
        payment_method: Some("Invoice".to_owned()),
        credit_limit: Some(0.0),
        ..Pricing::default()
    }
}

fn number_in(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, String>(column)?.parse().unwrap_or(0))
}

/// What finds the copy that is shown with a number, by its id: the index of the table, and not its rows.
fn by_number(only: Option<u64>) -> (&'static str, Option<i64>) {
    let digits = only.map(|number| i64::try_from(ids::digits_of(number)).unwrap_or(0));
    let which = if digits.is_some() {
        "copies.id IN (printf('CC-%07d', ?2), printf('XC-%07d', ?2))"
    } else {
        "?2 IS NULL"
    };
    (which, digits)
}

fn tenants(tx: &Tx<'_>, tenant: &str, only: Option<u64>) -> rusqlite::Result<Vec<Account>> {
    let (which, digits) = by_number(only);
    let mut accounts = tx.all(
        &format!(
            "SELECT copies.id, customers.name, source_id, json_extract(fields, '$.currency'),
            pricing.price_list, payment_method, json_extract(billing, '$.day'),
            invoicing = 'Separate', credit_limit,
            (SELECT time_ms FROM changes WHERE changes.id = copies.id)
         FROM copies JOIN customers ON customers.id = source_id
         LEFT JOIN pricing ON pricing.tenant_id = copies.tenant_id AND customer_id = source_id
         WHERE copies.tenant_id = ?1 AND copies.kind = 'Customers' AND copies.state <> 'Ended'
           AND {which}"
        ),
        params![tenant, digits],
        |row| {
            let id = ids::number(&row.get::<_, String>(0)?);
            Ok(Account {
                id,
                name: row.get(1)?,
                root: row.get(2)?,
                bill_to: id,
                currency: row.get(3)?,
                // Nothing can be ordered here before the switch; the flag says so only then.
                ordering: true,
                back_ordering: false,
                reseller: None,
                pricing: Pricing {
                    price_list: row.get(4)?,
                    payment_method: row.get(5)?,
                    billing_day: row.get(6)?,
                    separate_invoices: row.get::<_, Option<bool>>(7)?.unwrap_or(false),
                    credit_limit: row
                        .get::<_, Option<String>>(8)?
                        .and_then(|text| text.parse().ok()),
                },
                updated_ms: row.get(9)?,
            })
        },
    )?;
    accounts.extend(tx.all(
        "SELECT id, name FROM test_records WHERE tenant_id = ?1",
        [tenant],
        |row| {
            let id = ids::number(&own(row.get(0)?));
            Ok(Account {
                id,
                name: row.get(1)?,
                root: format!("own-{id}"),
                bill_to: id,
                currency: "EUR".to_owned(),
                ordering: true,
                back_ordering: false,
                reseller: None,
                pricing: usual(),
                updated_ms: None,
            })
        },
    )?);
    if let Some(only) = only {
        accounts.retain(|account| account.id == only);
    }
    Ok(accounts)
}

/// `/api/accounts/{id}/syncoptions`: how an account stands with each provisioning system in which it
/// owns something.
pub(super) fn sync_options(
    tx: &Tx<'_>,
    organisation: &Organisation,
    account: u64,
) -> rusqlite::Result<Option<Vec<Map<String, Value>>>> {
    let source: Option<String> = match organisation {
        Organisation::Distributor => Some(account.to_string()),
        Organisation::Tenant { id, .. } => {
            let (which, digits) = by_number(Some(account));
            tx.one(
                &format!(
                    "SELECT source_id FROM copies WHERE tenant_id = ?1 AND kind = 'Customers'
                         AND state <> 'Ended' AND {which}"
                ),
                params![id, digits],
                |row| row.get(0),
            )?
        }
    };
    let Some(source) = source else {
        // The reseller's own trials are synced nowhere.
        let own = rows(tx, organisation, (Version::First, Some(account)))?;
        return Ok((!own.is_empty()).then(Vec::new));
    };
    let Some(synced) = tx.one(
        "SELECT sync = 'Synced' FROM customers WHERE id = ?1",
        [&source],
        |row| row.get::<_, bool>(0),
    )?
    else {
        return Ok(Some(Vec::new()));
    };
    let products: Vec<String> = tx.all(
        "SELECT DISTINCT product FROM purchases WHERE customer_id = ?1",
        [&source],
        |row| row.get(0),
    )?;
    let mut codes: Vec<&str> = products.iter().map(|code| systems::of(code)).collect();
    codes.sort_unstable();
    codes.dedup();
    let known = tx.switches.interworks.external_ids != ExternalIds::None;
    Ok(Some(
        codes
            .into_iter()
            .map(|system| {
                record(json!({
                    "systemCode": system,
                    "externalId": known.then(|| ids::external(system, &source)),
                    "status": if synced { "Synchronized" } else { "Failed" },
                }))
            })
            .collect(),
    ))
}

/// The id of a record that the reseller made itself; no copy has such a number.
pub(super) fn own(number: i64) -> String {
    format!("OWN-{}", number.saturating_add(900_000))
}
