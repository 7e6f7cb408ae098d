//! Who may write: fencing epochs, and the one way to write an account id.

use crate::bss::adapters::reference::contract::{EpochPromise, FENCING_EPOCH};
use crate::sandbox::problem::{Refusal, field_problem};
use crate::sandbox::store::Tx;

/// The canonical form of an account id: without blanks around it and without leading zeros.
pub(crate) fn canonical_account(text: &str) -> &str {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let stripped = text.trim_start_matches('0');
        if stripped.is_empty() { text } else { stripped }
    } else {
        text
    }
}

/// The canonical id of a reseller that exists.
pub(super) fn reseller(tx: &Tx<'_>, text: &str) -> Result<String, Refusal> {
    tx.one(
        "SELECT id FROM resellers WHERE id = ?1",
        [canonical_account(text)],
        |row| row.get(0),
    )?
    .ok_or_else(|| Refusal::not_found("there is no such reseller"))
}

/// Refuses an epoch that is not the highest issued, if epochs are issued at all. The caller writes
/// in the same transaction.
pub(super) fn guard(tx: &Tx<'_>, reseller: &str, epoch: u64) -> Result<(), Refusal> {
    if tx.switches.epochs == EpochPromise::None {
        return Ok(());
    }
    let highest = tx.number("SELECT epoch FROM resellers WHERE id = ?1", [reseller])?;
    let highest = u64::try_from(highest).unwrap_or(0);
    if epoch < highest {
        return Err(Refusal::stale_epoch(highest));
    }
    if epoch > highest {
        return Err(Refusal::invalid(vec![field_problem(
            FENCING_EPOCH,
            "is higher than any epoch that was issued",
        )]));
    }
    Ok(())
}
