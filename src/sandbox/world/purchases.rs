//! Subscriptions and assets, and the orders that they come from.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bss::adapters::reference::contract::{PurchaseKind, PurchaseState};
use crate::sandbox::store::{Audit, Tx, from_json, from_word, to_json, word};

/// The fields of a purchase that belong to the source. A copy holds the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceFields {
    pub(crate) product: String,
    pub(crate) addons: Vec<String>,
    pub(crate) billing_cycle: String,
    pub(crate) quantity: u32,
    pub(crate) start_date: String,
    pub(crate) billing_anchor: String,
    pub(crate) currency: String,
    /// Per unit and cycle, in hundredths.
    pub(crate) cost: i64,
}

impl SourceFields {
    /// The digest over these fields.
    pub(crate) fn digest(&self) -> rusqlite::Result<String> {
        let mut canonical = self.clone();
        canonical.addons.sort();
        Ok(digest(&to_json(&canonical)?))
    }
}

/// The source-owned fields of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerFields {
    pub(crate) bill_to: String,
    pub(crate) currency: String,
}

impl CustomerFields {
    /// The digest over these fields.
    pub(crate) fn digest(&self) -> rusqlite::Result<String> {
        Ok(digest(&to_json(self)?))
    }
}

/// An opaque digest of a text.
pub(crate) fn digest(text: &str) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(text.as_bytes());
    hash.iter()
        .take(16)
        .fold(String::with_capacity(32), |mut hex, byte| {
            // Writing to a String cannot fail.
            if write!(hex, "{byte:02x}").is_err() {
                hex.clear();
            }
            hex
        })
}

/// A subscription or an asset.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) id: String,
    pub(crate) reseller_id: String,
    pub(crate) customer_id: String,
    pub(crate) kind: PurchaseKind,
    pub(crate) fields: SourceFields,
    pub(crate) state: PurchaseState,
    pub(crate) marked: bool,
    pub(crate) digest: String,
}

/// The columns that [`Purchase::read`] expects, in its order.
pub(crate) const COLUMNS: &str = "id, reseller_id, customer_id, kind, product, addons, cycle, \
     quantity, cost, currency, start_date, anchor, state, marked, digest";

impl Purchase {
    /// Reads a row of [`COLUMNS`].
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            reseller_id: row.get(1)?,
            customer_id: row.get(2)?,
            kind: from_word(row.get(3)?)?,
            fields: SourceFields {
                product: row.get(4)?,
                addons: from_json(&row.get::<_, String>(5)?)?,
                billing_cycle: row.get(6)?,
                quantity: row.get(7)?,
                cost: row.get(8)?,
                currency: row.get(9)?,
                start_date: row.get(10)?,
                billing_anchor: row.get(11)?,
            },
            state: from_word(row.get(12)?)?,
            marked: row.get(13)?,
            digest: row.get(14)?,
        })
    }

    /// Whether it is the reseller's own, not a customer's.
    pub(crate) fn is_own(&self) -> bool {
        self.customer_id == self.reseller_id
    }
}

/// The purchase with this id.
pub(crate) fn find(tx: &Tx<'_>, id: &str) -> rusqlite::Result<Option<Purchase>> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM purchases WHERE id = ?1"),
        [id],
        Purchase::read,
    )
}

/// An id that no purchase has yet. Ids are scattered over the listing's order, so that a new purchase
/// may land before, within or behind whatever was listed already.
pub(crate) fn new_id(tx: &Tx<'_>, kind: PurchaseKind) -> rusqlite::Result<String> {
    let scattered = tx
        .next("purchase")?
        .wrapping_mul(7_368_787)
        .wrapping_add(1_234_577)
        .rem_euclid(10_000_000);
    Ok(tx.id(&match kind {
        PurchaseKind::Subscription => format!("SUB-{scattered:07}"),
        PurchaseKind::Asset => format!("AST-{scattered:07}"),
    }))
}

/// Stores a new purchase; a recurring one gets its subscription at the vendor.
pub(crate) fn insert(
    tx: &Tx<'_>,
    purchase: &Purchase,
    order: Option<&str>,
) -> rusqlite::Result<()> {
    let fields = &purchase.fields;
    tx.run(
        "INSERT INTO purchases VALUES
            (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            purchase.id,
            purchase.reseller_id,
            purchase.customer_id,
            word(&purchase.kind),
            fields.product,
            to_json(&fields.addons)?,
            fields.billing_cycle,
            fields.quantity,
            fields.cost,
            fields.currency,
            fields.start_date,
            fields.billing_anchor,
            word(&purchase.state),
            purchase.marked,
            purchase.digest,
            order,
        ],
    )?;
    if purchase.kind == PurchaseKind::Subscription {
        tx.run(
            "INSERT INTO vendor_subscriptions (source_id, live, time_ms) VALUES (?1, ?2, ?3)",
            params![purchase.id, purchase.state == PurchaseState::Active, tx.now],
        )?;
    }
    Ok(())
}

/// Changes the state, here and at the vendor.
pub(crate) fn set_state(tx: &Tx<'_>, id: &str, state: PurchaseState) -> rusqlite::Result<()> {
    tx.run(
        "UPDATE purchases SET state = ?2 WHERE id = ?1",
        params![id, word(&state)],
    )?;
    tx.run(
        "UPDATE vendor_subscriptions SET live = ?2 WHERE source_id = ?1",
        params![id, state == PurchaseState::Active],
    )?;
    Ok(())
}

/// Changes the source-owned fields, and the digest with them.
pub(crate) fn set_fields(tx: &Tx<'_>, id: &str, fields: &SourceFields) -> rusqlite::Result<()> {
    tx.run(
        "UPDATE purchases SET product = ?2, addons = ?3, cycle = ?4, quantity = ?5, cost = ?6,
            currency = ?7, start_date = ?8, anchor = ?9, digest = ?10 WHERE id = ?1",
        params![
            id,
            fields.product,
            to_json(&fields.addons)?,
            fields.billing_cycle,
            fields.quantity,
            fields.cost,
            fields.currency,
            fields.start_date,
            fields.billing_anchor,
            fields.digest()?,
        ],
    )?;
    Ok(())
}

/// Marks an account and its orders as back-ordering records.
pub(crate) fn mark(tx: &Tx<'_>, customer: &str) -> rusqlite::Result<()> {
    tx.run("UPDATE customers SET marked = 1 WHERE id = ?1", [customer])?;
    tx.run(
        "UPDATE orders SET marked = 1 WHERE customer_id = ?1",
        [customer],
    )?;
    Ok(())
}

/// What an order is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wish {
    pub(crate) kind: PurchaseKind,
    pub(crate) product: String,
    pub(crate) addons: Vec<String>,
    pub(crate) billing_cycle: String,
    pub(crate) quantity: u32,
}

/// Who places an order for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buyer<'a> {
    pub(crate) reseller_id: &'a str,
    pub(crate) customer_id: &'a str,
    /// `Storefront`, `Staff` or `ResellerBss`.
    pub(crate) channel: &'a str,
}

/// Places an order. Without `ready_ms` it stays pending until the control API finishes it.
pub(crate) fn place_order(
    tx: &Tx<'_>,
    buyer: Buyer<'_>,
    wish: &Wish,
    ready_ms: Option<i64>,
) -> rusqlite::Result<String> {
    let id = tx.new_id("ORD", "order", 7)?;
    let marked = is_marked(tx, buyer.customer_id)?;
    tx.run(
        "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, 'New', 'Pending', ?5, ?6, ?7, NULL, ?8)",
        params![
            id,
            buyer.reseller_id,
            buyer.customer_id,
            buyer.channel,
            tx.now,
            ready_ms,
            marked,
            to_json(wish)?,
        ],
    )?;
    Ok(id)
}

/// Turns a pending order into a subscription or asset, which inherits its account's mark. Returns
/// the new id, or none if the order was not pending.
pub(crate) fn complete_order(tx: &Tx<'_>, order: &str) -> rusqlite::Result<Option<String>> {
    let found: Option<(String, String, String)> = tx.one(
        "SELECT reseller_id, customer_id, wish FROM orders WHERE id = ?1 AND state = 'Pending'",
        [order],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let Some((reseller, customer, wish)) = found else {
        return Ok(None);
    };
    let wish: Wish = from_json(&wish)?;
    let currency: String = tx
        .one(
            "SELECT currency FROM resellers WHERE id = ?1",
            [&reseller],
            |row| row.get(0),
        )?
        .unwrap_or_else(|| "EUR".to_owned());
    let today = super::super::store::rfc3339(tx.now);
    let start_date: String = today.chars().take(10).collect();
    let fields = SourceFields {
        cost: cost(tx, &reseller, &wish)?,
        product: wish.product,
        addons: wish.addons,
        billing_cycle: wish.billing_cycle,
        quantity: wish.quantity,
        billing_anchor: start_date.chars().skip(8).collect(),
        start_date,
        currency,
    };
    let purchase = Purchase {
        id: new_id(tx, wish.kind)?,
        customer_id: customer.clone(),
        kind: wish.kind,
        digest: fields.digest()?,
        fields,
        state: PurchaseState::Active,
        marked: is_marked(tx, &customer)?,
        reseller_id: reseller,
    };
    insert(tx, &purchase, Some(order))?;
    tx.run(
        "UPDATE orders SET state = 'Completed', ready_ms = NULL, purchase_id = ?2 WHERE id = ?1",
        [order, &purchase.id],
    )?;
    tx.audit(&Audit {
        actor: "System",
        operation: "orderCompleted",
        account_id: Some(&customer),
        source_id: Some(&purchase.id),
        outcome: "Completed",
        detail: Some(order),
        ..Audit::default()
    })?;
    Ok(Some(purchase.id))
}

fn is_marked(tx: &Tx<'_>, customer: &str) -> rusqlite::Result<bool> {
    tx.exists(
        "SELECT 1 FROM customers WHERE id = ?1 AND marked = 1",
        [customer],
    )
}

fn cost(tx: &Tx<'_>, reseller: &str, wish: &Wish) -> rusqlite::Result<i64> {
    let listed = tx.one(
        "SELECT cost FROM price_list_products WHERE product = ?2 AND cycle = ?3
             AND price_list = (SELECT price_list FROM resellers WHERE id = ?1)",
        [reseller, &wish.product, &wish.billing_cycle],
        |row| row.get(0),
    )?;
    Ok(listed.unwrap_or(1000))
}

/// Hundredths as the contract writes money.
pub(crate) fn money(hundredths: i64) -> String {
    let whole = hundredths.checked_div(100).unwrap_or(0);
    let rest = hundredths.checked_rem(100).unwrap_or(0).abs();
    format!("{whole}.{rest:02}")
}
