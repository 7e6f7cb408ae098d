//! What the fuzz targets see of this folder: a merge of two listings, read to its end. A
//! normal build has none of it.

use super::sweep::merge::Merge;
use super::sweep::reading::{Ahead, Order};
use crate::bss::port::{CopyRecord, Customer, Freshness, Page, PageRequest, SourceId};

/// A merge that came to its end, or to the last page that it may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Each id with whether its source is listed, and its copies.
    pub pairs: Vec<(SourceId, bool, Vec<CopyRecord>)>,
    /// Whether both listings kept their order.
    pub ordered: bool,
    /// Whether both were read to their end.
    pub finished: bool,
}

/// Merges two listings as a sweep does, asking for pages in `rounds` at most.
pub fn merge(
    mut sources: impl FnMut(PageRequest) -> Page<Customer>,
    mut copies: impl FnMut(PageRequest) -> Page<CopyRecord>,
    rounds: usize,
) -> Merged {
    let mut merge = Merge::new();
    let mut merged = Merged {
        pairs: Vec::new(),
        ordered: true,
        finished: false,
    };
    for _ in 0..rounds {
        let (asked_sources, asked_copies) = merge.wanted(100, Freshness::Fresh, Ahead::Nothing);
        let mut taken = Vec::new();
        for asked in asked_sources {
            merge.asked_for_sources(&asked);
            taken.push(merge.take_sources(asked.cursor.clone(), sources(asked)));
        }
        for asked in asked_copies {
            merge.asked_for_copies(&asked);
            taken.push(merge.take_copies(asked.cursor.clone(), copies(asked)));
        }
        if taken.iter().any(|taken| taken.order == Order::Broken) {
            merged.ordered = false;
            return merged;
        }
        for pair in taken.into_iter().flat_map(|taken| taken.pairs) {
            let listed = pair.source.map(|source| source.id);
            let source = pair.copies.first().map(|copy| copy.source.clone());
            let is_listed = listed.is_some();
            merged
                .pairs
                .extend(listed.or(source).map(|id| (id, is_listed, pair.copies)));
        }
        if merge.finished() {
            merged.finished = true;
            return merged;
        }
    }
    merged
}
