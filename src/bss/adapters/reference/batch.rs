//! Matching the results of a batch with what was asked for.

use super::classify::{malformed, quoted};
use crate::bss::error::BssError;
use crate::bss::port::{ByItem, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// Results by key. A result for something that was not asked for, or a second one for the same
/// thing, is no reply to this request.
pub(super) fn matched<K: Ord + Clone + std::fmt::Display, V>(
    asked: &[K],
    results: impl IntoIterator<Item = (K, V)>,
) -> Result<BTreeMap<K, V>, BssError> {
    let asked: BTreeSet<&K> = asked.iter().collect();
    let mut all = BTreeMap::new();
    for (key, value) in results {
        if !asked.contains(&key) {
            return Err(malformed(format!(
                "a result for {}, which was not asked for",
                quoted(&key)
            )));
        }
        if all.contains_key(&key) {
            return Err(malformed(format!("two results for {}", quoted(&key))));
        }
        all.insert(key, value);
    }
    Ok(all)
}

/// Of a write, an item that the reply lacks may have been done.
pub(super) fn or_unknown<V: Clone>(
    asked: &[SourceId],
    mut results: ByItem<V>,
    unknown: &V,
) -> ByItem<V> {
    for key in asked {
        if !results.contains_key(key) {
            results.insert(key.clone(), unknown.clone());
        }
    }
    results
}

/// Of a read, a reply that lacks an item is none.
pub(super) fn complete<K: Ord + std::fmt::Display, V>(
    asked: &[K],
    results: BTreeMap<K, V>,
) -> Result<BTreeMap<K, V>, BssError> {
    match asked.iter().find(|key| !results.contains_key(key)) {
        Some(missing) => Err(malformed(format!("no result for {}", quoted(missing)))),
        None => Ok(results),
    }
}
