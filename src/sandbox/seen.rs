//! Which resellers were asked about, how often and when last. Counted in memory and forgotten with the
//! process: it says what a client does, and nothing of the data rests on it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::store::{Millis, now, rfc3339};

#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    calls: u64,
    last: Millis,
}

/// Requests that name a reseller, by its account.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<BTreeMap<String, Asked>>);

impl Seen {
    /// Counts a request.
    pub(super) fn note(&self, account: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(account) {
            all.insert(account.to_owned(), Asked::default());
        }
        if let Some(asked) = all.get_mut(account) {
            asked.calls = asked.calls.saturating_add(1);
            asked.last = now();
        }
    }

    /// Those that were asked about after a moment.
    pub(super) fn after(&self, moment: Millis) -> Value {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown: serde_json::Map<String, Value> = all
            .iter()
            .filter(|(_, asked)| asked.last > moment)
            .map(|(account, asked)| {
                let last = rfc3339(asked.last);
                (
                    account.clone(),
                    json!({ "calls": asked.calls, "last": last }),
                )
            })
            .collect();
        json!({ "resellers": shown })
    }
}
