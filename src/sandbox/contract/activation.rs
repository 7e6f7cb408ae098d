//! The switch. One transaction decides and does it; there is no way back.

use rusqlite::params;

use super::{KEY_IS_TAKEN, Needs, Place, Reply, Request, blockers, eligible_sql, fencing, place};
use crate::bss::adapters::reference::contract::{
    Activate, Activation, ActivationOutcome, BlockerReason, ComparePromise, Operation,
    OrderPromise, RevisionPromise,
};
use crate::sandbox::corruptions;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Audit, Store, Tx, from_json, rfc3339, to_json};
use crate::sandbox::world::purchases;

pub(super) fn activate(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body: Activate = request.read(Needs::EpochAndKey)?;
    store.transact(|tx| {
        let place = place(tx, &request.call.id)?;
        fencing::guard(tx, &place.reseller_id, request.epoch())?;
        let fingerprint = purchases::digest(&format!("{} {}", place.tenant_id, to_json(&body)?));
        if let Some(reply) = replay(tx, request, &fingerprint)? {
            return Ok(reply);
        }
        if place.on {
            let at = tx.number(
                "SELECT activated_ms FROM resellers WHERE id = ?1",
                [&place.reseller_id],
            )?;
            return Reply::ok(&Activation {
                outcome: ActivationOutcome::AlreadyActive,
                activated_time: rfc3339(at),
            });
        }
        if tx.switches.unique() && tx.exists(KEY_IS_TAKEN, [&body.business_key])? {
            return Err(Refusal::conflict(
                "the business key belongs to another record",
            ));
        }
        let revision = tx.number(
            "SELECT revision FROM resellers WHERE id = ?1",
            [&place.reseller_id],
        )?;
        if tx.switches.compares == ComparePromise::Atomic {
            compare(tx, revision, body.expected_revision)?;
            examine(tx, &place)?;
        }
        let key = tx.switches.stored_key(&body.business_key);
        switch(tx, &place.reseller_id, key, revision)?;
        tx.audit(&Audit {
            actor: "Operator",
            operation: Operation::ActivateBackOrdering.as_str(),
            account_id: Some(&place.reseller_id),
            business_key: Some(&body.business_key),
            epoch: Some(request.epoch()),
            outcome: "Activated",
            ..Audit::default()
        })?;
        let activation = Activation {
            outcome: ActivationOutcome::Activated,
            activated_time: rfc3339(tx.now),
        };
        tx.run(
            "INSERT OR REPLACE INTO request_keys VALUES (?1, 'activateBackOrdering', ?2, ?3, ?4)",
            params![
                request.call.idempotency_key,
                fingerprint,
                to_json(&activation)?,
                tx.now
            ],
        )?;
        Reply::ok(&activation)
    })
}

/// The stored success under this request key.
fn replay(tx: &Tx<'_>, request: &Request<'_>, fingerprint: &str) -> Result<Option<Reply>, Refusal> {
    let key = request.call.idempotency_key.as_deref().unwrap_or_default();
    let stored: Option<(String, String, String)> = tx.one(
        "SELECT operation, fingerprint, reply FROM request_keys WHERE key = ?1 AND time_ms >= ?2",
        params![key, tx.keys_known_from()],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    match stored {
        None => Ok(None),
        Some((operation, same, reply))
            if operation == Operation::ActivateBackOrdering.as_str() && same == fingerprint =>
        {
            Reply::ok(&from_json::<Activation>(&reply)?).map(Some)
        }
        Some(_) => Err(Refusal::conflict(
            "the request key was used for another request",
        )),
    }
}

/// The button on the screen: no key, no expected revision, and as much examination as this BSS has.
pub(crate) fn press(tx: &Tx<'_>, tenant: &str) -> Result<ActivationOutcome, Refusal> {
    let place = place(tx, tenant)?;
    if place.on {
        return Ok(ActivationOutcome::AlreadyActive);
    }
    if tx.switches.compares == ComparePromise::Atomic {
        examine(tx, &place)?;
    }
    let revision = tx.number(
        "SELECT revision FROM resellers WHERE id = ?1",
        [&place.reseller_id],
    )?;
    switch(tx, &place.reseller_id, None, revision)?;
    Ok(ActivationOutcome::Activated)
}

/// The end of a screen that copies and switches in one: it made its own examination before.
pub(crate) fn switch_after_transfer(tx: &Tx<'_>, tenant: &str) -> Result<(), Refusal> {
    let place = place(tx, tenant)?;
    let revision = tx.number(
        "SELECT revision FROM resellers WHERE id = ?1",
        [&place.reseller_id],
    )?;
    switch(tx, &place.reseller_id, None, revision)
}

fn compare(tx: &Tx<'_>, revision: i64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        // Who was never told a revision cannot expect one.
        None if tx.switches.revision == RevisionPromise::None => Ok(()),
        None => Err(Refusal::invalid_field("expectedRevision", "is missing")),
        Some(expected) if u64::try_from(revision).ok() == Some(expected) => Ok(()),
        Some(expected) => Err(Refusal::conflict(format!(
            "the inventory is at revision {revision}, not at {expected}"
        ))),
    }
}

fn examine(tx: &Tx<'_>, place: &Place) -> Result<(), Refusal> {
    let mut counts = blockers::count(tx, &place.reseller_id, &place.tenant_id)?;
    // Where open orders cannot be seen, the switch does not see them either.
    counts.retain(|count| {
        tx.switches.orders == OrderPromise::Listed || count.reason != BlockerReason::OrderNotFinal
    });
    if counts.is_empty() {
        Ok(())
    } else {
        Err(Refusal::blocked(
            counts,
            "back ordering cannot be activated",
        ))
    }
}

fn switch(
    tx: &Tx<'_>,
    reseller: &str,
    business_key: Option<&str>,
    revision: i64,
) -> Result<(), Refusal> {
    tx.run(
        "UPDATE resellers SET kind = 'Tenant', back_ordering = 'On', activated_ms = ?2
         WHERE id = ?1",
        params![reseller, tx.now],
    )?;
    tx.run(
        &format!(
            "INSERT INTO switch_inventory SELECT ?1, id FROM ({})",
            eligible_sql()
        ),
        [reseller],
    )?;
    tx.run(
        "UPDATE purchases SET marked = 1 WHERE reseller_id = ?1 AND customer_id <> ?1",
        [reseller],
    )?;
    tx.run(
        "INSERT INTO activations (reseller_id, time_ms, revision, business_key)
         VALUES (?1, ?2, ?3, ?4)",
        params![reseller, tx.now, revision, business_key.unwrap_or_default()],
    )?;
    corruptions::at_switch(tx, reseller)
}
