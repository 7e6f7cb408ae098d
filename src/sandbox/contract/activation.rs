//! The switch. One transaction decides and does it; there is no way back.

use rusqlite::params;

use super::{KEY_IS_TAKEN, Needs, Reply, Request, blockers, eligible_sql, fencing, place};
use crate::bss::reference::contract::{Activate, Activation, ActivationOutcome};
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
        if tx.exists(KEY_IS_TAKEN, [&body.business_key])? {
            return Err(Refusal::conflict(
                "the business key belongs to another record",
            ));
        }
        let revision = tx.number(
            "SELECT revision FROM resellers WHERE id = ?1",
            [&place.reseller_id],
        )?;
        let Some(expected) = body.expected_revision else {
            return Err(Refusal::invalid_field("expectedRevision", "is missing"));
        };
        if u64::try_from(revision).ok() != Some(expected) {
            return Err(Refusal::conflict(format!(
                "the inventory is at revision {revision}, not at {expected}"
            )));
        }
        let counts = blockers::count(tx, &place.reseller_id, &place.tenant_id)?;
        if !counts.is_empty() {
            return Err(Refusal::blocked(
                counts,
                "back ordering cannot be activated",
            ));
        }
        switch(tx, &place.reseller_id, &body, revision)?;
        tx.audit(&Audit {
            actor: "Operator",
            operation: "activateBackOrdering",
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
            "INSERT INTO request_keys VALUES (?1, 'activateBackOrdering', ?2, ?3)",
            params![
                request.call.idempotency_key,
                fingerprint,
                to_json(&activation)?
            ],
        )?;
        Reply::ok(&activation)
    })
}

/// The stored success under this request key.
fn replay(tx: &Tx<'_>, request: &Request<'_>, fingerprint: &str) -> Result<Option<Reply>, Refusal> {
    let key = request.call.idempotency_key.as_deref().unwrap_or_default();
    let stored: Option<(String, String, String)> = tx.one(
        "SELECT operation, fingerprint, reply FROM request_keys WHERE key = ?1",
        [key],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    match stored {
        None => Ok(None),
        Some((operation, same, reply))
            if operation == "activateBackOrdering" && same == fingerprint =>
        {
            Reply::ok(&from_json::<Activation>(&reply)?).map(Some)
        }
        Some(_) => Err(Refusal::conflict(
            "the request key was used for another request",
        )),
    }
}

fn switch(tx: &Tx<'_>, reseller: &str, body: &Activate, revision: i64) -> rusqlite::Result<()> {
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
        params![reseller, tx.now, revision, body.business_key],
    )?;
    Ok(())
}
