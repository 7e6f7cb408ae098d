//! What a 403 means. The vendor answers 403 both to who has no right and to who asks too often. Pure, with an
//! explicit clock.
//!
//! Where the collection could be read before in this process, a 403 is taken for throttling, for ten minutes at
//! most. After that, and where the collection was never read, the cheapest read of the same collection tells: if it is
//! refused as well, the right is missing.

use std::collections::BTreeMap;
use std::time::Duration;

/// So long is a 403 taken for throttling.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is known of the collections that were asked for.
#[derive(Debug, Default)]
pub(super) struct Rights {
    collections: BTreeMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    readable: bool,
    refused_since: Option<Duration>,
}

/// What to make of a 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Too many requests.
    Throttling,
    /// The cheapest read of the collection has to tell.
    AskCheaply,
}

impl Rights {
    /// A reply of the collection was a success.
    pub(super) fn readable(&mut self, collection: &str) {
        let known = self.collections.entry(collection.to_owned()).or_default();
        *known = Known {
            readable: true,
            refused_since: None,
        };
    }

    /// A reply of the collection was a 403.
    pub(super) fn refused(&mut self, collection: &str, now: Duration) -> Meaning {
        let known = self.collections.entry(collection.to_owned()).or_default();
        let since = *known.refused_since.get_or_insert(now);
        if known.readable && now.saturating_sub(since) <= PATIENCE {
            Meaning::Throttling
        } else {
            Meaning::AskCheaply
        }
    }

    /// The cheapest read was refused as well.
    pub(super) fn forbidden(&mut self, collection: &str) {
        self.collections.remove(collection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_403_is_throttling_for_ten_minutes_where_the_collection_was_read() {
        let mut rights = Rights::default();
        assert_eq!(rights.refused("orders", at(0)), Meaning::AskCheaply);
        rights.readable("orders");
        assert_eq!(rights.refused("orders", at(100)), Meaning::Throttling);
        assert_eq!(rights.refused("orders", at(700)), Meaning::Throttling);
        assert_eq!(rights.refused("orders", at(701)), Meaning::AskCheaply);
        // Another collection says nothing about this one.
        assert_eq!(rights.refused("assets", at(701)), Meaning::AskCheaply);
        rights.readable("orders");
        assert_eq!(rights.refused("orders", at(5000)), Meaning::Throttling);
        rights.forbidden("orders");
        assert_eq!(rights.refused("orders", at(5001)), Meaning::AskCheaply);
    }
}
