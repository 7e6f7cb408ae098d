//! Defects that no caller can make by following the rules, planted for tests: in the sandbox's data,
//! to see them refused, and in the ledgers, to see the judge report them.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{copy_of, purchase};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Audit, Tx};

/// A defect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Plant {
    /// A second copy of a source, by default under no key.
    #[serde(rename_all = "camelCase")]
    DuplicateCopy {
        source_id: String,
        business_key: Option<String>,
    },
    /// A copied account without its mark.
    #[serde(rename_all = "camelCase")]
    UnmarkedCustomer { customer_id: String },
    /// A marked account without a copy.
    #[serde(rename_all = "camelCase")]
    MarkedUncopied { customer_id: String },
    /// A customer's copy without its contacts.
    #[serde(rename_all = "camelCase")]
    IncompleteCustomer { customer_id: String },
    /// A copy that is gone.
    #[serde(rename_all = "camelCase")]
    LostCopy { source_id: String },
    /// A purchase provisioned a second time at the vendor.
    #[serde(rename_all = "camelCase")]
    Provisioning { source_id: String },
    /// An order that copying a purchase made.
    #[serde(rename_all = "camelCase")]
    Order { source_id: String },
    /// A mail to an end customer.
    #[serde(rename_all = "camelCase")]
    Mail { customer_id: String },
    /// One more activation in the ledger.
    Activation {},
    /// The BSS shows this word for the state of a source; it is in no list of words.
    #[serde(rename_all = "camelCase")]
    UnclearState { source_id: String, word: String },
    /// The BSS cannot tell whether the copy of a source is its copy; `why` is for people.
    #[serde(rename_all = "camelCase")]
    UnclearCopy { source_id: String, why: String },
    /// The copy of a source may as well be that of another one, and is listed under both; `why` is for people.
    #[serde(rename_all = "camelCase")]
    SharedCopy {
        source_id: String,
        also_of: String,
        why: String,
    },
    /// People cleared it up: source and copy are shown as they are.
    #[serde(rename_all = "camelCase")]
    Clear { source_id: String },
    /// The last charge of a side, once more.
    #[serde(rename_all = "camelCase")]
    DoubleCharge { source_id: String, side: String },
    /// The charges of a side, gone.
    #[serde(rename_all = "camelCase")]
    MissingCharge { source_id: String, side: String },
    /// A charge of the last period for what the vendor does not serve any more.
    #[serde(rename_all = "camelCase")]
    ChargeAfterCancellation { source_id: String, side: String },
    /// Charges of a side for one unit too many.
    #[serde(rename_all = "camelCase")]
    DifferingCharge { source_id: String, side: String },
}

/// Plants a defect; `account` is the reseller of one that names no record.
pub(super) fn plant(tx: &Tx<'_>, account: &str, defect: &Plant) -> Result<Value, Refusal> {
    let changed = match defect {
        Plant::DuplicateCopy {
            source_id,
            business_key,
        } => {
            return duplicate(tx, source_id, business_key.as_deref());
        }
        Plant::UnmarkedCustomer { customer_id } => tx.run(
            "UPDATE customers SET marked = 0 WHERE id = ?1",
            [customer_id],
        )?,
        Plant::MarkedUncopied { customer_id } => tx.run(
            "UPDATE customers SET marked = 1 WHERE id = ?1",
            [customer_id],
        )?,
        Plant::IncompleteCustomer { customer_id } => {
            let copy = copy_of(tx, customer_id)?;
            tx.run("DELETE FROM copy_contacts WHERE copy_id = ?1", [&copy])?;
            tx.run(
                "UPDATE copies SET state = 'Incomplete' WHERE id = ?1",
                [&copy],
            )?
        }
        Plant::LostCopy { source_id } => {
            tx.run("DELETE FROM copies WHERE source_id = ?1", [source_id])?
        }
        Plant::Provisioning { source_id } => tx.run(
            "INSERT INTO vendor_subscriptions (source_id, live, time_ms) VALUES (?1, 1, ?2)",
            params![source_id, tx.now],
        )?,
        Plant::Order { source_id } => order(tx, source_id)?,
        Plant::Mail { customer_id } => tx.run(
            "INSERT INTO mails (customer_id, subject, time_ms) VALUES (?1, 'Welcome', ?2)",
            params![customer_id, tx.now],
        )?,
        Plant::Activation {} => tx.run(
            "INSERT INTO activations (reseller_id, time_ms, revision, business_key)
             VALUES (?1, ?2, 0, 'planted')",
            params![account, tx.now],
        )?,
        Plant::UnclearState { source_id, word } => doubt(tx, source_id, word)?,
        Plant::UnclearCopy { source_id, why } => doubt(tx, &copy_of(tx, source_id)?, why)?,
        Plant::SharedCopy {
            source_id,
            also_of,
            why,
        } => {
            let copy = copy_of(tx, source_id)?;
            tx.run(
                "INSERT OR REPLACE INTO shared_copies VALUES (?1, ?2)",
                [&copy, also_of],
            )?;
            doubt(tx, &copy, why)?
        }
        Plant::Clear { source_id } => clear(tx, source_id)?,
        Plant::DoubleCharge { source_id, side } => tx.run(
            "INSERT INTO charges (side, period, source_id, record_id, quantity, amount)
             SELECT side, period, source_id, record_id, quantity, amount FROM charges
             WHERE source_id = ?1 AND side = ?2 ORDER BY period DESC LIMIT 1",
            [source_id, side],
        )?,
        Plant::MissingCharge { source_id, side } => tx.run(
            "DELETE FROM charges WHERE source_id = ?1 AND side = ?2",
            [source_id, side],
        )?,
        Plant::ChargeAfterCancellation { source_id, side } => tx.run(
            "INSERT INTO charges (side, period, source_id, record_id, quantity, amount)
             SELECT ?2, MAX(period), ?1, ?1, 1, 100 FROM periods",
            [source_id, side],
        )?,
        Plant::DifferingCharge { source_id, side } => tx.run(
            "UPDATE charges SET quantity = quantity + 1 WHERE source_id = ?1 AND side = ?2",
            [source_id, side],
        )?,
    };
    if changed == 0 {
        return Err(Refusal::not_found(
            "there is nothing to plant this defect in",
        ));
    }
    told(tx, defect)?;
    Ok(json!({ "changed": changed }))
}

/// What is shown changes, and so does the inventory: see the triggers.
fn doubt(tx: &Tx<'_>, id: &str, why: &str) -> rusqlite::Result<usize> {
    tx.run("INSERT OR REPLACE INTO doubts VALUES (?1, ?2)", [id, why])
}

fn clear(tx: &Tx<'_>, source: &str) -> rusqlite::Result<usize> {
    tx.run(
        "DELETE FROM shared_copies WHERE copy_id IN (SELECT id FROM copies WHERE source_id = ?1)",
        [source],
    )?;
    tx.run(
        "DELETE FROM doubts WHERE id = ?1 OR id IN (SELECT id FROM copies WHERE source_id = ?1)",
        [source],
    )
}

fn told(tx: &Tx<'_>, defect: &Plant) -> rusqlite::Result<()> {
    tx.audit(&Audit {
        actor: "Planted",
        operation: "plant",
        outcome: "Done",
        detail: Some(&format!("{defect:?}")),
        ..Audit::default()
    })
}

fn duplicate(tx: &Tx<'_>, source: &str, key: Option<&str>) -> Result<Value, Refusal> {
    let first = copy_of(tx, source)?;
    let id = tx.new_id("XC", "copy", 7)?;
    tx.run(
        "INSERT INTO copies SELECT ?2, tenant_id, kind, ?3, source_id, source_digest, digest, fields,
            'Live', 1, purchase_kind, quantity, sell_price, ?4 FROM copies WHERE id = ?1",
        params![first, id, key, tx.now],
    )?;
    // This defect alone: not that it came late as well.
    tx.run("DELETE FROM late_copies WHERE copy_id = ?1", [&id])?;
    told(
        tx,
        &Plant::DuplicateCopy {
            source_id: source.to_owned(),
            business_key: key.map(ToOwned::to_owned),
        },
    )?;
    Ok(json!({ "copyId": id }))
}

fn order(tx: &Tx<'_>, source: &str) -> Result<usize, Refusal> {
    let found = purchase(tx, source)?;
    let id = tx.new_id("ORD", "order", 7)?;
    Ok(tx.run(
        "INSERT INTO orders VALUES
            (?1, ?2, ?3, 'ResellerBss', 'New', 'Completed', ?4, NULL, 1, ?5, '{}')",
        params![id, found.reseller_id, found.customer_id, tx.now, source],
    )?)
}
