//! Records of the reseller BSS that go wrong on purpose: now, or in the very transaction of the
//! switch, where no earlier look could have seen it. The verification after the switch has to find
//! each of them.

use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::Refusal;
use super::store::{Audit, Tx, from_json, to_json, word};
use super::world::OTHER_RESELLER;
use super::world::catalogue::{MISSING_ADDON, MISSING_CYCLE, WRONG_CURRENCY};
use super::world::purchases::{CustomerFields, SourceFields};

/// What is corrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The copy of a subscription has another product.
    Product,
    /// It has one more add-on.
    Addon,
    /// It has another billing cycle.
    Cycle,
    /// It has one unit more.
    Quantity,
    /// It has another cost price.
    CostPrice,
    /// It has another currency.
    Currency,
    /// It has another start date.
    Start,
    /// It has another billing anchor.
    Anchor,
    /// The copy of a customer has another currency.
    CustomerCurrency,
    /// It has another Bill To.
    CustomerBillTo,
    /// The copy is gone.
    CopyDeleted,
    /// There is a second one.
    SecondCopy,
    /// It is ended, its source lives on.
    CopyEnded,
    /// It is linked to another source.
    OtherSource,
    /// The subscription lost its mark.
    SubscriptionUnmarked,
    /// The account lost its mark.
    AccountUnmarked,
}

/// A corruption: of the source that is named, else of the first that has a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Corruption {
    pub(crate) kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_id: Option<String>,
}

/// What the next switch will corrupt.
pub(crate) fn planned(tx: &Tx<'_>) -> rusqlite::Result<Option<Corruption>> {
    let stored: Option<String> =
        tx.one("SELECT corruption FROM corruptions", [], |row| row.get(0))?;
    stored.map(|stored| from_json(&stored)).transpose()
}

/// Corrupts something at the next switch, or nothing any more.
pub(crate) fn plan(tx: &Tx<'_>, corruption: Option<&Corruption>) -> rusqlite::Result<()> {
    tx.run("DELETE FROM corruptions", [])?;
    if let Some(corruption) = corruption {
        tx.run(
            "INSERT INTO corruptions VALUES (1, ?1)",
            [to_json(corruption)?],
        )?;
    }
    Ok(())
}

/// The switch happened in this transaction: corrupts what was planned, once.
pub(crate) fn at_switch(tx: &Tx<'_>, reseller: &str) -> Result<(), Refusal> {
    let Some(planned) = planned(tx)? else {
        return Ok(());
    };
    plan(tx, None)?;
    corrupt(tx, reseller, &planned)?;
    Ok(())
}

/// A copy in use.
struct Target {
    copy: String,
    source: String,
    fields: String,
}

/// Corrupts something now.
pub(crate) fn corrupt(
    tx: &Tx<'_>,
    reseller: &str,
    corruption: &Corruption,
) -> Result<Value, Refusal> {
    let target = target(tx, reseller, corruption)?;
    match corruption.kind {
        Kind::CustomerCurrency => customer(tx, &target, |fields| {
            WRONG_CURRENCY.clone_into(&mut fields.currency);
        })?,
        Kind::CustomerBillTo => customer(tx, &target, |fields| {
            OTHER_RESELLER.clone_into(&mut fields.bill_to);
        })?,
        Kind::Product => subscription(tx, &target, |fields| {
            other(&mut fields.product, "VOICE-LINE", "BACKUP-100");
        })?,
        Kind::Addon => subscription(tx, &target, |fields| {
            fields.addons.push(MISSING_ADDON.to_owned());
        })?,
        Kind::Cycle => subscription(tx, &target, |fields| {
            other(&mut fields.billing_cycle, MISSING_CYCLE, "Monthly");
        })?,
        Kind::Quantity => subscription(tx, &target, |fields| {
            fields.quantity = fields.quantity.saturating_add(1);
        })?,
        Kind::CostPrice => subscription(tx, &target, |fields| {
            fields.cost = fields.cost.saturating_add(1);
        })?,
        Kind::Currency => subscription(tx, &target, |fields| {
            other(&mut fields.currency, WRONG_CURRENCY, "EUR");
        })?,
        Kind::Start => subscription(tx, &target, |fields| {
            other(&mut fields.start_date, "2020-02-29", "2020-03-01");
        })?,
        Kind::Anchor => subscription(tx, &target, |fields| {
            other(&mut fields.billing_anchor, "28", "01");
        })?,
        Kind::CopyDeleted => {
            tx.run("DELETE FROM copies WHERE id = ?1", [&target.copy])?;
        }
        Kind::SecondCopy => second(tx, &target)?,
        Kind::CopyEnded => {
            tx.run(
                "UPDATE copies SET state = 'Ended' WHERE id = ?1",
                [&target.copy],
            )?;
        }
        Kind::OtherSource => other_source(tx, reseller, &target)?,
        Kind::SubscriptionUnmarked => {
            tx.run(
                "UPDATE purchases SET marked = 0 WHERE id = ?1",
                [&target.source],
            )?;
        }
        Kind::AccountUnmarked => {
            tx.run(
                "UPDATE customers SET marked = 0 WHERE id = ?1",
                [&target.source],
            )?;
        }
    }
    tx.audit(&Audit {
        actor: "Planted",
        operation: "corrupt",
        account_id: Some(reseller),
        source_id: Some(&target.source),
        outcome: "Done",
        detail: Some(&word(&corruption.kind)),
        ..Audit::default()
    })?;
    Ok(json!({ "kind": corruption.kind, "sourceId": target.source, "copyId": target.copy }))
}

fn target(tx: &Tx<'_>, reseller: &str, corruption: &Corruption) -> Result<Target, Refusal> {
    let customers = matches!(
        corruption.kind,
        Kind::CustomerCurrency | Kind::CustomerBillTo | Kind::AccountUnmarked
    );
    let active = if customers {
        "copies.kind = 'Customers'"
    } else {
        "copies.kind = 'Subscriptions' AND EXISTS (SELECT 1 FROM purchases
            WHERE purchases.id = source_id AND purchases.state = 'Active')"
    };
    // A name counts for both kinds, so that a customer's copy can go as well.
    let rule = if corruption.source_id.is_some() {
        "source_id = ?2"
    } else {
        active
    };
    tx.one(
        &format!(
            "SELECT copies.id, source_id, fields FROM copies
             WHERE tenant_id = (SELECT id FROM tenants WHERE reseller_id = ?1
                 AND status <> 'MarkedAsDeleted')
               AND copies.state <> 'Ended' AND ?2 IS ?2 AND {rule}
             ORDER BY source_id, copies.id LIMIT 1"
        ),
        params![reseller, corruption.source_id],
        |row| {
            Ok(Target {
                copy: row.get(0)?,
                source: row.get(1)?,
                fields: row.get(2)?,
            })
        },
    )?
    .ok_or_else(|| Refusal::not_found("there is no such copy to corrupt"))
}

/// Another value than the one that is there.
fn other(now: &mut String, first: &str, second: &str) {
    let next = if *now == first { second } else { first };
    next.clone_into(now);
}

fn subscription(
    tx: &Tx<'_>,
    target: &Target,
    change: impl FnOnce(&mut SourceFields),
) -> Result<(), Refusal> {
    let mut fields: SourceFields = from_json(&target.fields)
        .map_err(|_| Refusal::invalid_field("sourceId", "is no subscription"))?;
    change(&mut fields);
    tx.run(
        "UPDATE copies SET fields = ?2, digest = ?3, quantity = ?4 WHERE id = ?1",
        params![
            target.copy,
            to_json(&fields)?,
            fields.digest()?,
            fields.quantity
        ],
    )?;
    Ok(())
}

fn customer(
    tx: &Tx<'_>,
    target: &Target,
    change: impl FnOnce(&mut CustomerFields),
) -> Result<(), Refusal> {
    let mut fields: CustomerFields = from_json(&target.fields)
        .map_err(|_| Refusal::invalid_field("sourceId", "is no customer"))?;
    change(&mut fields);
    tx.run(
        "UPDATE copies SET fields = ?2, digest = ?3 WHERE id = ?1",
        params![target.copy, to_json(&fields)?, fields.digest()?],
    )?;
    Ok(())
}

fn second(tx: &Tx<'_>, target: &Target) -> rusqlite::Result<()> {
    let id = tx.new_id("XC", "copy", 7)?;
    tx.run(
        "INSERT INTO copies SELECT ?2, tenant_id, kind, business_key, source_id, source_digest,
            digest, fields, 'Live', 1, purchase_kind, quantity, sell_price, ?3 FROM copies
         WHERE id = ?1",
        params![target.copy, id, tx.now],
    )?;
    // It belongs to the switch, it did not come after it.
    tx.run("DELETE FROM late_copies WHERE copy_id = ?1", [&id])?;
    Ok(())
}

fn other_source(tx: &Tx<'_>, reseller: &str, target: &Target) -> Result<(), Refusal> {
    let other: String = tx
        .one(
            "SELECT id FROM purchases WHERE reseller_id = ?1 AND customer_id <> ?1
                 AND state = 'Active' AND id <> ?2 ORDER BY id LIMIT 1",
            [reseller, &target.source],
            |row| row.get(0),
        )?
        .ok_or_else(|| Refusal::not_found("there is no other source"))?;
    tx.run(
        "UPDATE copies SET source_id = ?2, unguarded = 1 WHERE id = ?1",
        [&target.copy, &other],
    )?;
    Ok(())
}
