//! Which methods came to which paths, and with which parameters, whatever became of them. The operator may send
//! GETs, and POSTs for tokens: this is where a test sees it, and what its filters look like.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Millis, Tx};

/// Counts a call under its path with `{id}` for every id.
pub(super) fn count(tx: &Tx<'_>, method: &str, path: &str) -> rusqlite::Result<()> {
    tx.run(
        "INSERT INTO vendor_calls VALUES (?1, ?2, 1)
         ON CONFLICT (method, path) DO UPDATE SET calls = calls + 1",
        [method, path],
    )?;
    Ok(())
}

/// Keeps the parameters that a call of a path came with. The number of a page says nothing, and is left out.
pub(super) fn keep_parameters(
    tx: &Tx<'_>,
    path: &str,
    parameters: &[(String, String)],
) -> rusqlite::Result<()> {
    for (name, value) in parameters.iter().filter(|(name, _)| name != "page") {
        tx.run(
            "INSERT OR IGNORE INTO vendor_parameters VALUES (?1, ?2, ?3)",
            [path, name, value],
        )?;
    }
    Ok(())
}

/// What came so far.
pub(in crate::sandbox) fn counted(tx: &Tx<'_>) -> Result<Value, Refusal> {
    let calls = tx.all(
        "SELECT method, path, calls FROM vendor_calls ORDER BY path, method",
        [],
        |row| {
            Ok(json!({
                "method": row.get::<_, String>(0)?,
                "path": row.get::<_, String>(1)?,
                "calls": row.get::<_, i64>(2)?,
            }))
        },
    )?;
    let parameters = tx.all(
        "SELECT path, name, value FROM vendor_parameters ORDER BY path, name, value",
        [],
        |row| {
            Ok(json!({
                "path": row.get::<_, String>(0)?,
                "name": row.get::<_, String>(1)?,
                "value": row.get::<_, String>(2)?,
            }))
        },
    )?;
    Ok(json!({ "calls": calls, "parameters": parameters }))
}

/// Forgets them.
pub(in crate::sandbox) fn forget(tx: &Tx<'_>) -> Result<Value, Refusal> {
    tx.run("DELETE FROM vendor_calls", [])?;
    tx.run("DELETE FROM vendor_parameters", [])?;
    Ok(json!({ "calls": [], "parameters": [] }))
}

/// The requests of the last minute.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<VecDeque<Millis>>);

impl Pace {
    /// Whether one more request is within the limit. One that is refused counts as well: a client that
    /// goes on asking goes on being refused.
    pub(super) fn allows(&self, now: Millis, limit: Option<u32>) -> bool {
        let Some(limit) = limit else { return true };
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = now.saturating_sub(60_000);
        while times.front().is_some_and(|time| *time <= from) {
            times.pop_front();
        }
        times.push_back(now);
        times.len() <= usize::try_from(limit).unwrap_or(usize::MAX)
    }
}
