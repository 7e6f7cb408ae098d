//! What customers and subscriptions have in common when they are copied: the comparison with what
//! the operator expected, what is to be done, the result, the line in the audit list.

use rusqlite::params;

use super::{KEY_IS_TAKEN, Place};
use crate::bss::adapters::reference::contract::{
    Blocker, BlockerReason, CopyKind, CopyOutcome, CopyResult, CopyState, ErrorClass, ItemPromise,
    Operation,
};
use crate::sandbox::problem::{Refusal, shorten};
use crate::sandbox::store::{Audit, Tx, from_word, word};

/// An item of either batch, reduced to what is compared.
pub(super) struct Expected<'a> {
    pub(super) kind: CopyKind,
    pub(super) source_id: &'a str,
    pub(super) business_key: &'a str,
    pub(super) source_digest: &'a str,
    pub(super) copy_digest: Option<&'a str>,
}

/// A copy as the comparison sees it.
pub(super) struct Present {
    pub(super) id: String,
    business_key: Option<String>,
    copied_digest: Option<String>,
    digest: String,
    state: CopyState,
}

/// What is to be done with an item.
pub(super) enum ItemAction {
    /// There is no copy yet.
    Create,
    /// Half of the pair is missing: contacts or mark.
    Complete(Present),
    /// The source moved on, the copy is still as it was copied.
    Update(Present),
    /// Nothing.
    Unchanged,
    /// It is refused.
    Refuse(Box<CopyResult>),
}

/// Every copy of a source in this tenant, those in use first.
pub(super) fn present(
    tx: &Tx<'_>,
    place: &Place,
    item: &Expected<'_>,
) -> rusqlite::Result<Vec<Present>> {
    tx.all(
        "SELECT id, business_key, source_digest, digest, state FROM copies
         WHERE tenant_id = ?1 AND kind = ?2 AND source_id = ?3
         ORDER BY state = 'Ended', unguarded, id",
        params![place.tenant_id, word(&item.kind), item.source_id],
        |row| {
            Ok(Present {
                id: row.get(0)?,
                business_key: row.get(1)?,
                copied_digest: row.get(2)?,
                digest: row.get(3)?,
                state: from_word(row.get(4)?)?,
            })
        },
    )
}

/// Compares an item with what is there. `digest` is the source's own, `marked` whether the mark
/// that belongs to the copy is set.
pub(super) fn compare(
    tx: &Tx<'_>,
    item: &Expected<'_>,
    (digest, marked): (&str, bool),
    copies: Vec<Present>,
) -> rusqlite::Result<ItemAction> {
    let refuse = |result| Ok(ItemAction::Refuse(Box::new(result)));
    let guarded = tx.switches.unique();
    let in_use = copies
        .iter()
        .filter(|copy| copy.state != CopyState::Ended)
        .count();
    if guarded && in_use > 1 {
        return refuse(blocked(
            item,
            vec![blocker(BlockerReason::DuplicateCopy, None)],
        ));
    }
    let compared = tx.switches.items == ItemPromise::Compared;
    if compared && item.source_digest != digest {
        return refuse(conflict(item, "the source is not as expected"));
    }
    if !guarded && item.copy_digest.is_none() {
        // One more record: such a BSS does not look whether there is one.
        return Ok(ItemAction::Create);
    }
    let Some(copy) = copies.into_iter().next() else {
        let taken = guarded && tx.exists(KEY_IS_TAKEN, [item.business_key])?;
        return match (taken, item.copy_digest) {
            (true, _) => refuse(conflict(item, "the business key belongs to another record")),
            (false, Some(_)) => refuse(conflict(item, "there is no copy")),
            (false, None) => Ok(ItemAction::Create),
        };
    };
    if guarded && copy.business_key.as_deref() != Some(item.business_key) {
        return refuse(conflict(
            item,
            "the source is linked already, under another key",
        ));
    }
    let equal = copy.digest == digest;
    if equal && (copy.state == CopyState::Ended || (copy.state == CopyState::Live && marked)) {
        return Ok(ItemAction::Unchanged);
    }
    if copy.state == CopyState::Ended {
        let detail = Some("its copy was ended before");
        return refuse(blocked(
            item,
            vec![blocker(BlockerReason::SourceChanged, detail)],
        ));
    }
    // A caller that saw no copy may still complete one: that overwrites nothing of the reseller's.
    let as_expected = item
        .copy_digest
        .map_or(equal, |expected| expected == copy.digest);
    if compared && !as_expected {
        return refuse(conflict(item, "the copy is not as expected"));
    }
    if equal {
        return Ok(ItemAction::Complete(copy));
    }
    if !compared || copy.copied_digest.as_deref() == Some(copy.digest.as_str()) {
        return Ok(ItemAction::Update(copy));
    }
    let detail = Some("source and copy both changed since the copy was made");
    refuse(blocked(
        item,
        vec![blocker(BlockerReason::SourceChanged, detail)],
    ))
}

/// Why nothing at all is copied into this tenant at the moment.
pub(super) fn closed(place: &Place) -> Vec<Blocker> {
    let mut reasons = Vec::new();
    if place.closed {
        reasons.push(blocker(BlockerReason::BackOrderingActive, None));
    }
    if !place.active {
        reasons.push(blocker(BlockerReason::TenantSuspended, None));
    }
    reasons
}

/// Writes the result of an item into the audit list.
pub(super) fn audit(
    tx: &Tx<'_>,
    place: &Place,
    item: &Expected<'_>,
    (result, epoch): (&CopyResult, u64),
) -> Result<(), Refusal> {
    let reasons: Vec<String> = result
        .reasons
        .iter()
        .map(|blocker| word(&blocker.reason))
        .collect();
    let reasons = reasons.join(",");
    tx.audit(&Audit {
        actor: "Operator",
        operation: operation(item.kind),
        account_id: Some(&place.reseller_id),
        source_id: Some(item.source_id),
        business_key: Some(item.business_key),
        epoch: Some(epoch),
        outcome: &word(&result.outcome),
        detail: result.detail.as_deref().or(Some(reasons.as_str())),
    })?;
    Ok(())
}

pub(super) fn blocker(reason: BlockerReason, detail: Option<&str>) -> Blocker {
    Blocker {
        reason,
        detail: detail.map(|text| shorten(text, 512)),
    }
}

pub(super) fn done(item: &Expected<'_>, outcome: CopyOutcome) -> CopyResult {
    CopyResult {
        source_id: item.source_id.to_owned(),
        outcome,
        reasons: vec![],
        class: None,
        detail: None,
    }
}

pub(super) fn blocked(item: &Expected<'_>, reasons: Vec<Blocker>) -> CopyResult {
    CopyResult {
        reasons,
        ..done(item, CopyOutcome::Blocked)
    }
}

pub(super) fn conflict(item: &Expected<'_>, detail: &str) -> CopyResult {
    CopyResult {
        detail: Some(detail.to_owned()),
        ..done(item, CopyOutcome::Conflict)
    }
}

pub(super) fn failed(item: &Expected<'_>, class: ErrorClass, detail: &str) -> CopyResult {
    CopyResult {
        class: Some(class),
        detail: Some(detail.to_owned()),
        ..done(item, CopyOutcome::Failed)
    }
}

/// What became of a copy that a person asked for on screen.
pub(crate) enum ByHand {
    /// There is one now; its id.
    Copied(String),
    /// The screen refused, for these reasons.
    Refused(Vec<String>),
}

/// The item that a person stands for: no key, nothing expected.
pub(super) fn hand_item(kind: CopyKind, source_id: &str) -> Expected<'_> {
    Expected {
        kind,
        source_id,
        business_key: "",
        source_digest: "",
        copy_digest: None,
    }
}

/// What the reasons say on screen.
pub(super) fn words(reasons: &[Blocker]) -> Vec<String> {
    reasons.iter().map(|reason| word(&reason.reason)).collect()
}

/// Tells the audit list what a person did on screen.
pub(super) fn audit_hand(
    tx: &Tx<'_>,
    place: &Place,
    item: &Expected<'_>,
    done: &ByHand,
) -> Result<(), Refusal> {
    let (outcome, detail) = match done {
        ByHand::Copied(copy) => ("Created", copy.clone()),
        ByHand::Refused(reasons) => ("Blocked", reasons.join(",")),
    };
    tx.audit(&Audit {
        actor: "Staff",
        operation: operation(item.kind),
        account_id: Some(&place.reseller_id),
        source_id: Some(item.source_id),
        outcome,
        detail: Some(&detail),
        ..Audit::default()
    })?;
    Ok(())
}

fn operation(kind: CopyKind) -> &'static str {
    match kind {
        CopyKind::Customers => Operation::CopyCustomers.as_str(),
        CopyKind::Subscriptions => Operation::CopySubscriptions.as_str(),
    }
}

/// A copy to be stored.
pub(super) struct NewCopy<'a> {
    pub(super) id: String,
    pub(super) digest: &'a str,
    pub(super) fields: String,
    pub(super) purchase_kind: Option<String>,
    pub(super) quantity: u32,
    pub(super) sell_price: i64,
}

/// Stores a new copy. The unique indexes have the last word.
pub(super) fn insert(
    tx: &Tx<'_>,
    place: &Place,
    item: &Expected<'_>,
    copy: &NewCopy<'_>,
) -> rusqlite::Result<()> {
    tx.run(
        "INSERT INTO copies
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, 'Live', ?11, ?8, ?9, ?10, ?12)",
        params![
            copy.id,
            place.tenant_id,
            word(&item.kind),
            tx.switches
                .stored_key(item.business_key)
                .filter(|key| !key.is_empty()),
            item.source_id,
            copy.digest,
            copy.fields,
            copy.purchase_kind,
            copy.quantity,
            copy.sell_price,
            !tx.switches.unique(),
            tx.now,
        ],
    )?;
    if place.on {
        sale(tx, place, item)?;
    }
    Ok(())
}

/// Once back ordering is on, a new record in the reseller BSS is a sale: it is ordered upstream and
/// provisioned. With the guard nothing comes here.
fn sale(tx: &Tx<'_>, place: &Place, item: &Expected<'_>) -> rusqlite::Result<()> {
    if item.kind != CopyKind::Subscriptions {
        return Ok(());
    }
    let order = tx.new_id("ORD", "order", 7)?;
    tx.run(
        "INSERT INTO orders SELECT ?1, ?2, customer_id, 'ResellerBss', 'New', 'Completed', ?3, NULL,
            1, id, '{}' FROM purchases WHERE id = ?4",
        params![order, place.reseller_id, tx.now, item.source_id],
    )?;
    tx.run(
        "INSERT INTO vendor_subscriptions (source_id, live, time_ms) VALUES (?1, 1, ?2)",
        params![item.source_id, tx.now],
    )?;
    Ok(())
}
