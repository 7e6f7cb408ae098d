//! Copying customers: the copy with its contacts, the mark on the account and the marks on its
//! orders, all in one transaction.

use rusqlite::params;

use super::copying::{self, ByHand, Expected, ItemAction, NewCopy};
use super::{Needs, Place, Reply, Request, fencing, list_problems, place};
use crate::bss::adapters::reference::contract::{
    Batch, BlockerReason, CopyCustomer, CopyKind, CopyOutcome, CopyResult, ErrorClass, Results,
};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Store, Tx, to_json};
use crate::sandbox::switches::{Marks, Screens};
use crate::sandbox::world::purchases::{self, CustomerFields};

struct Source {
    fields: CustomerFields,
    marked: bool,
    digest: String,
}

pub(super) fn copy(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let batch = request.read_checked(Needs::Epoch, |batch: &Batch<CopyCustomer>| {
        list_problems(
            store.largest_batch(),
            "items",
            batch.items.iter().map(|item| item.source_id.as_str()),
        )
    })?;
    store.transact(|tx| {
        let place = place(tx, &request.call.id)?;
        fencing::guard(tx, &place.reseller_id, request.epoch())?;
        let mut results = Vec::with_capacity(batch.items.len());
        for item in &batch.items {
            let expected = Expected {
                kind: CopyKind::Customers,
                source_id: &item.source_id,
                business_key: &item.business_key,
                source_digest: &item.expected_source,
                copy_digest: item.expected_copy.as_deref(),
            };
            let result = copy_one(tx, &place, &expected)?;
            copying::audit(tx, &place, &expected, (&result, request.epoch()))?;
            results.push(result);
        }
        Reply::ok(&Results { results })
    })
}

fn copy_one(tx: &Tx<'_>, place: &Place, item: &Expected<'_>) -> Result<CopyResult, Refusal> {
    let closed = copying::closed(place);
    if !closed.is_empty() {
        return Ok(copying::blocked(item, closed));
    }
    let copies = copying::present(tx, place, item)?;
    let source = source(tx, item.source_id)?;
    let Some(source) = source.filter(|source| source.fields.bill_to == place.reseller_id) else {
        return Ok(if copies.is_empty() {
            copying::failed(
                item,
                ErrorClass::NotFound,
                "it is no customer of this reseller",
            )
        } else {
            copying::blocked(
                item,
                vec![copying::blocker(BlockerReason::OrphanedCopy, None)],
            )
        });
    };
    let repeated = !copies.is_empty();
    let outcome = match copying::compare(tx, item, (&source.digest, source.marked), copies)? {
        ItemAction::Refuse(result) => return Ok(*result),
        ItemAction::Unchanged => CopyOutcome::Unchanged,
        ItemAction::Create => {
            create(tx, place, item, (&source, repeated))?;
            CopyOutcome::Created
        }
        ItemAction::Complete(copy) => {
            complete(tx, &copy.id, item.source_id)?;
            purchases::mark(tx, item.source_id)?;
            CopyOutcome::Created
        }
        ItemAction::Update(copy) => {
            tx.run(
                "UPDATE copies SET fields = ?2, digest = ?3, source_digest = ?3 WHERE id = ?1",
                params![copy.id, to_json(&source.fields)?, source.digest],
            )?;
            complete(tx, &copy.id, item.source_id)?;
            purchases::mark(tx, item.source_id)?;
            CopyOutcome::Updated
        }
    };
    Ok(copying::done(item, outcome))
}

fn create(
    tx: &Tx<'_>,
    place: &Place,
    item: &Expected<'_>,
    (source, repeated): (&Source, bool),
) -> rusqlite::Result<String> {
    let copy = NewCopy {
        id: tx.new_id("CC", "copy", 7)?,
        digest: &source.digest,
        fields: to_json(&source.fields)?,
        purchase_kind: None,
        quantity: 0,
        sell_price: 0,
    };
    copying::insert(tx, place, item, &copy)?;
    complete(tx, &copy.id, item.source_id)?;
    mark(tx, item.source_id, repeated)?;
    Ok(copy.id)
}

/// A person copies a customer on screen.
pub(crate) fn by_hand(tx: &Tx<'_>, tenant: &str, customer: &str) -> Result<ByHand, Refusal> {
    let place = place(tx, tenant)?;
    let item = copying::hand_item(CopyKind::Customers, customer);
    let source =
        source(tx, customer)?.ok_or_else(|| Refusal::not_found("there is no such customer"))?;
    let copies = copying::present(tx, &place, &item)?;
    let mut reasons = copying::words(&copying::closed(&place));
    if tx.switches.screens == Screens::Guarded && source.fields.bill_to != place.reseller_id {
        reasons.push("NotThisReseller".to_owned());
    }
    let done = match copies.first() {
        _ if !reasons.is_empty() => ByHand::Refused(reasons),
        // Copied already: the button does the other half, if that is missing.
        Some(copy) if tx.switches.unique() && !source.marked => {
            complete(tx, &copy.id, customer)?;
            purchases::mark(tx, customer)?;
            ByHand::Copied(copy.id.clone())
        }
        Some(_) if tx.switches.unique() => ByHand::Refused(vec!["AlreadyCopied".to_owned()]),
        _ => ByHand::Copied(create(tx, &place, &item, (&source, !copies.is_empty()))?),
    };
    copying::audit_hand(tx, &place, &item, &done)?;
    Ok(done)
}

fn source(tx: &Tx<'_>, id: &str) -> rusqlite::Result<Option<Source>> {
    tx.one(
        "SELECT bill_to, currency, marked, digest FROM customers WHERE id = ?1",
        [id],
        |row| {
            Ok(Source {
                fields: CustomerFields {
                    bill_to: row.get(0)?,
                    currency: row.get(1)?,
                },
                marked: row.get(2)?,
                digest: row.get(3)?,
            })
        },
    )
}

/// What belongs to a customer's copy itself: contacts where it has none of its own.
fn complete(tx: &Tx<'_>, copy: &str, customer: &str) -> rusqlite::Result<()> {
    tx.run(
        "INSERT INTO copy_contacts SELECT ?1, position, name, email FROM contacts
         WHERE customer_id = ?2 AND NOT EXISTS (SELECT 1 FROM copy_contacts WHERE copy_id = ?1)",
        [copy, customer],
    )?;
    tx.run("UPDATE copies SET state = 'Live' WHERE id = ?1", [copy])?;
    Ok(())
}

/// The mark of a new copy: at once, or later where copy and mark are two steps.
fn mark(tx: &Tx<'_>, customer: &str, repeated: bool) -> rusqlite::Result<()> {
    if repeated || tx.switches.marks == Marks::WithCopy {
        return purchases::mark(tx, customer);
    }
    if let Some(delay) = tx.switches.mark_delay_ms {
        tx.run(
            "INSERT OR REPLACE INTO marks_due VALUES (?1, ?2)",
            params![customer, tx.now.saturating_add(delay.into())],
        )?;
    }
    Ok(())
}
