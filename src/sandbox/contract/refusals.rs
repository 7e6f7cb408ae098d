//! Refusals that are stored under their request key and given again. The contract forbids it; many
//! servers do it all the same, so it can be switched on.

use rusqlite::params;

use super::Call;
use crate::bss::adapters::reference::contract::{ErrorClass, Operation, Problem};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Store, Tx, from_json, to_json};
use crate::sandbox::switches::Switches;
use crate::sandbox::world::purchases;

/// Key and fingerprint of a request that may carry a request key.
fn identity(call: &Call) -> Option<(&str, String)> {
    if !matches!(
        call.operation,
        Operation::CreateTenant | Operation::ActivateBackOrdering
    ) {
        return None;
    }
    let key = call.idempotency_key.as_deref()?;
    let body = String::from_utf8_lossy(&call.body);
    let request = format!("{} {} {body}", call.operation.as_str(), call.id);
    Some((key, purchases::digest(&request)))
}

/// Refuses a request as an equal one was refused before, if the sandbox is switched so.
pub(super) fn replayed(store: &Store, switches: &Switches, call: &Call) -> Result<(), Refusal> {
    let Some((key, fingerprint)) = identity(call).filter(|_| switches.replayed_refusals) else {
        return Ok(());
    };
    let stored: Option<String> = store.transact(|tx| {
        Ok(tx.one(
            "SELECT problem FROM refusals WHERE key = ?1 AND fingerprint = ?2 AND time_ms >= ?3",
            params![key, fingerprint, tx.keys_known_from()],
            |row| row.get(0),
        )?)
    })?;
    match stored {
        None => Ok(()),
        Some(stored) => Err(Refusal::Problem(from_json(&stored)?)),
    }
}

/// Keeps a refusal that says something of the business, if the sandbox is switched so.
pub(super) fn keep(tx: &Tx<'_>, call: &Call, problem: &Problem) -> rusqlite::Result<()> {
    let lasting = matches!(
        problem.class,
        ErrorClass::Blocked | ErrorClass::Conflict | ErrorClass::Invalid
    );
    if let Some((key, fingerprint)) = identity(call)
        && lasting
        && tx.switches.replayed_refusals
    {
        // The first refusal stands as long as its key is known.
        tx.run(
            "INSERT INTO refusals VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE
             SET problem = excluded.problem, time_ms = excluded.time_ms WHERE time_ms < ?5",
            params![
                key,
                fingerprint,
                to_json(problem)?,
                tx.now,
                tx.keys_known_from()
            ],
        )?;
    }
    Ok(())
}
