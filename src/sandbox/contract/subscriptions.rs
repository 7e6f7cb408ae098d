//! Copying subscriptions and assets: record only. No vendor is called, no order is placed, and no
//! notification goes out.

use rusqlite::params;

use super::checks::{self, Catalogue};
use super::copying::{self, ByHand, Expected, ItemAction, NewCopy};
use super::{Needs, Place, Reply, Request, fencing, list_problems, place};
use crate::bss::adapters::reference::contract::{
    Batch, Blocker, BlockerReason, CopyKind, CopyOutcome, CopyResult, CopySubscription, ErrorClass,
    PurchaseState, Results,
};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Store, Tx, to_json, word};
use crate::sandbox::switches::Screens;
use crate::sandbox::world::purchases::{self, Purchase};

pub(super) fn copy(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let batch = request.read_checked(Needs::Epoch, |batch: &Batch<CopySubscription>| {
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
                kind: CopyKind::Subscriptions,
                source_id: &item.source_id,
                business_key: &item.business_key,
                source_digest: &item.expected_source,
                copy_digest: item.expected_copy.as_deref(),
            };
            let result = copy_one(tx, &place, &expected, item)?;
            copying::audit(tx, &place, &expected, (&result, request.epoch()))?;
            results.push(result);
        }
        Reply::ok(&Results { results })
    })
}

fn copy_one(
    tx: &Tx<'_>,
    place: &Place,
    expected: &Expected<'_>,
    item: &CopySubscription,
) -> Result<CopyResult, Refusal> {
    let closed = copying::closed(place);
    if !closed.is_empty() {
        return Ok(copying::blocked(expected, closed));
    }
    let copies = copying::present(tx, place, expected)?;
    let purchase = purchases::find(tx, &item.source_id)?
        .filter(|purchase| purchase.reseller_id == place.reseller_id);
    let source = match source(expected, item, purchase, copies.is_empty()) {
        Ok(source) => source,
        Err(refused) => return Ok(refused),
    };
    // The account's mark belongs to its own copy, so there is none to be missing here.
    let action = copying::compare(tx, expected, (&source.digest, true), copies)?;
    match &action {
        ItemAction::Refuse(_) | ItemAction::Unchanged => {}
        ItemAction::Create | ItemAction::Complete(_) | ItemAction::Update(_) => {
            let pricing = pricing_digest(tx, place, &source)?;
            let reasons = blockers(tx, place, &source, pricing.as_ref())?;
            if !reasons.is_empty() {
                return Ok(copying::blocked(expected, reasons));
            }
            if pricing.as_deref() != Some(item.pricing_digest.as_str()) {
                return Ok(copying::conflict(
                    expected,
                    "the pricing options are not as checked",
                ));
            }
        }
    }
    write(tx, place, expected, (&source, action))
}

/// The source, if it is one that may be copied at all.
fn source(
    expected: &Expected<'_>,
    item: &CopySubscription,
    purchase: Option<Purchase>,
    uncopied: bool,
) -> Result<Purchase, CopyResult> {
    let orphaned = || {
        copying::blocked(
            expected,
            vec![copying::blocker(BlockerReason::OrphanedCopy, None)],
        )
    };
    let Some(purchase) = purchase else {
        return Err(if uncopied {
            let detail = "it is no purchase of this reseller's customers";
            copying::failed(expected, ErrorClass::NotFound, detail)
        } else {
            orphaned()
        });
    };
    if purchase.is_own() {
        let detail = "it is the reseller's own purchase";
        return Err(copying::failed(expected, ErrorClass::Forbidden, detail));
    }
    if purchase.kind != item.kind {
        let detail = format!("it is no {}", word(&item.kind));
        return Err(copying::failed(expected, ErrorClass::Invalid, &detail));
    }
    if purchase.state != PurchaseState::Active {
        return Err(if uncopied {
            let detail = format!("the source is {}, not Active", word(&purchase.state));
            copying::conflict(expected, &detail)
        } else {
            orphaned()
        });
    }
    Ok(purchase)
}

fn pricing_digest(
    tx: &Tx<'_>,
    place: &Place,
    source: &Purchase,
) -> rusqlite::Result<Option<String>> {
    Ok(tx
        .one(
            "SELECT digest FROM pricing WHERE tenant_id = ?1 AND customer_id = ?2",
            [&place.tenant_id, &source.customer_id],
            |row| row.get(0),
        )?
        .flatten())
}

/// Everything that stands against this copy, looked at once more at the moment of the copy.
fn blockers(
    tx: &Tx<'_>,
    place: &Place,
    source: &Purchase,
    pricing: Option<&String>,
) -> rusqlite::Result<Vec<Blocker>> {
    let catalogue = Catalogue::Tenant {
        id: &place.tenant_id,
        currency: &place.currency,
    };
    let mut reasons = checks::reasons(tx, &catalogue, source)?;
    if !tx.exists(
        "SELECT 1 FROM customers WHERE id = ?1 AND sync = 'Synced'",
        [&source.customer_id],
    )? {
        reasons.push(copying::blocker(BlockerReason::AccountNotSynced, None));
    }
    if pricing.is_none() {
        reasons.push(copying::blocker(BlockerReason::PricingIncomplete, None));
    }
    if !tx.exists(
        "SELECT 1 FROM copies WHERE tenant_id = ?1 AND kind = 'Customers' AND source_id = ?2
             AND state = 'Live'",
        [&place.tenant_id, &source.customer_id],
    )? {
        reasons.push(copying::blocker(BlockerReason::CustomerNotCopied, None));
    }
    Ok(reasons)
}

fn write(
    tx: &Tx<'_>,
    place: &Place,
    expected: &Expected<'_>,
    (source, action): (&Purchase, ItemAction),
) -> Result<CopyResult, Refusal> {
    let outcome = match action {
        ItemAction::Refuse(result) => return Ok(*result),
        ItemAction::Unchanged => CopyOutcome::Unchanged,
        ItemAction::Create => {
            create(tx, place, expected, source)?;
            CopyOutcome::Created
        }
        ItemAction::Complete(copy) => {
            tx.run("UPDATE copies SET state = 'Live' WHERE id = ?1", [&copy.id])?;
            CopyOutcome::Created
        }
        ItemAction::Update(copy) => {
            // The sell price is the reseller's from the creation of the copy on: it stays.
            tx.run(
                "UPDATE copies SET fields = ?2, digest = ?3, source_digest = ?3, quantity = ?4,
                    state = 'Live' WHERE id = ?1",
                params![
                    copy.id,
                    to_json(&source.fields)?,
                    source.digest,
                    source.fields.quantity
                ],
            )?;
            CopyOutcome::Updated
        }
    };
    Ok(copying::done(expected, outcome))
}

fn create(
    tx: &Tx<'_>,
    place: &Place,
    item: &Expected<'_>,
    source: &Purchase,
) -> rusqlite::Result<String> {
    let copy = NewCopy {
        id: tx.new_id("SC", "copy", 7)?,
        digest: &source.digest,
        fields: to_json(&source.fields)?,
        purchase_kind: Some(word(&source.kind)),
        quantity: source.fields.quantity,
        sell_price: sell_price(tx, place, source)?,
    };
    copying::insert(tx, place, item, &copy)?;
    Ok(copy.id)
}

/// A person copies a subscription or asset on screen.
pub(crate) fn by_hand(tx: &Tx<'_>, tenant: &str, id: &str) -> Result<ByHand, Refusal> {
    let place = place(tx, tenant)?;
    let item = copying::hand_item(CopyKind::Subscriptions, id);
    let source =
        purchases::find(tx, id)?.ok_or_else(|| Refusal::not_found("there is no such purchase"))?;
    let mut reasons = copying::words(&copying::closed(&place));
    if tx.switches.screens == Screens::Guarded {
        if source.reseller_id != place.reseller_id || source.is_own() {
            reasons.push("NotThisReseller".to_owned());
            // What it lacks beyond that is not this reseller's business.
            let done = ByHand::Refused(reasons);
            copying::audit_hand(tx, &place, &item, &done)?;
            return Ok(done);
        }
        if source.state != PurchaseState::Active {
            reasons.push(word(&source.state));
        }
        let pricing = pricing_digest(tx, &place, &source)?;
        reasons.extend(copying::words(&blockers(
            tx,
            &place,
            &source,
            pricing.as_ref(),
        )?));
    }
    if tx.switches.unique() && !copying::present(tx, &place, &item)?.is_empty() {
        reasons.push("AlreadyCopied".to_owned());
    }
    let done = if reasons.is_empty() {
        ByHand::Copied(create(tx, &place, &item, &source)?)
    } else {
        ByHand::Refused(reasons)
    };
    copying::audit_hand(tx, &place, &item, &done)?;
    Ok(done)
}

/// A screen that checked a whole list before copies one of it: nothing is looked at again but whether
/// there is a copy already. Returns the new copy.
pub(crate) fn transfer(tx: &Tx<'_>, tenant: &str, id: &str) -> Result<Option<String>, Refusal> {
    let place = place(tx, tenant)?;
    let item = copying::hand_item(CopyKind::Subscriptions, id);
    let source =
        purchases::find(tx, id)?.ok_or_else(|| Refusal::not_found("there is no such purchase"))?;
    if !copying::present(tx, &place, &item)?.is_empty() {
        return Ok(None);
    }
    let copy = create(tx, &place, &item, &source)?;
    copying::audit_hand(tx, &place, &item, &ByHand::Copied(copy.clone()))?;
    Ok(Some(copy))
}

/// The first sell price, from the price list of the customer's pricing options.
fn sell_price(tx: &Tx<'_>, place: &Place, source: &Purchase) -> rusqlite::Result<i64> {
    tx.number(
        "SELECT price FROM resale_prices WHERE product = ?3 AND price_list =
            (SELECT price_list FROM pricing WHERE tenant_id = ?1 AND customer_id = ?2)",
        [
            &place.tenant_id,
            &source.customer_id,
            &source.fields.product,
        ],
    )
}
