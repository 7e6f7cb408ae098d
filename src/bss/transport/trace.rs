//! The header `traceparent` (W3C Trace Context): which trace a call belongs to.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Span;

use crate::spans;

/// Makes ids that no other process makes: a keyed hash over a counter, the keys being random per
/// generator. They need to be distinct, not secret.
pub(super) struct TraceIds {
    keys: [RandomState; 3],
    counter: AtomicU64,
}

impl TraceIds {
    pub(super) fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new(), RandomState::new()],
            counter: AtomicU64::new(0),
        }
    }

    /// A header value for the call of the present span: where traces are exported, its place in the trace;
    /// otherwise a new one.
    pub(super) fn next(&self) -> String {
        match spans::trace_of(&Span::current()) {
            Some(place) => {
                let sampled = u8::from(place.sampled);
                format!("00-{}-{}-{sampled:02x}", place.trace_id, place.span_id)
            }
            None => self.fresh(),
        }
    }

    fn fresh(&self) -> String {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        // All zero is not allowed.
        let [high, low, span] = self.keys.each_ref().map(|key| key.hash_one(count).max(1));
        format!("00-{high:016x}{low:016x}-{span:016x}-01")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn values_are_well_formed_and_distinct() {
        let (one, two) = (TraceIds::new(), TraceIds::new());
        let values: BTreeSet<String> = (0..1000).flat_map(|_| [one.next(), two.next()]).collect();
        assert_eq!(values.len(), 2000);
        for value in values {
            let parts: Vec<&str> = value.split('-').collect();
            assert_eq!(
                parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
                [2, 32, 16, 2]
            );
            assert!(
                value.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()),
                "{value}"
            );
        }
    }
}
