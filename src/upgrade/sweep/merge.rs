//! Merges two listings that are ordered by the same id: sources and their copies.

use super::reading::{Ahead, Order, Stream};
use super::trail::Trail;
use crate::bss::port::{CopyId, CopyRecord, Cursor, Freshness, Page, PageRequest, SourceId};

/// What a listing row is ordered by.
pub(in crate::upgrade) trait Keyed: Sized {
    /// The id that both sides are ordered by.
    fn source_id(&self) -> &SourceId;

    /// The same, of a row that is not needed any more.
    fn into_source_id(self) -> SourceId;

    /// What orders the rows of one id; a source has one row.
    fn copy_id(&self) -> Option<&CopyId> {
        None
    }
}

impl Keyed for CopyRecord {
    fn source_id(&self) -> &SourceId {
        &self.source
    }

    fn into_source_id(self) -> SourceId {
        self.source
    }

    fn copy_id(&self) -> Option<&CopyId> {
        Some(&self.id)
    }
}

/// A source with the copies that refer to it; one of the two sides may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) struct Pair<T> {
    /// The source, if it is listed.
    pub(in crate::upgrade) source: Option<T>,
    /// The copies that name it.
    pub(in crate::upgrade) copies: Vec<CopyRecord>,
}

impl<T: Keyed> Pair<T> {
    /// The id that both sides have.
    pub(in crate::upgrade) fn into_id(self) -> Option<SourceId> {
        let Self { source, copies } = self;
        source.map(Keyed::into_source_id).or_else(|| {
            let copy = copies.into_iter().next();
            copy.map(Keyed::into_source_id)
        })
    }
}

/// What pages brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::upgrade) struct Taken<T> {
    /// Whether they kept their listing's order.
    pub(in crate::upgrade) order: Order,
    /// The pairs that they completed; none if they did not.
    pub(in crate::upgrade) pairs: Vec<Pair<T>>,
}

/// Two listings side by side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) struct Merge<T> {
    sources: Stream<T>,
    copies: Stream<CopyRecord>,
    /// Copies of one source that were taken from the listing already; the group is complete only
    /// when a row of another source follows or the listing ends.
    group: Vec<CopyRecord>,
}

impl<T: Keyed> Merge<T> {
    pub(in crate::upgrade) fn new() -> Self {
        Self {
            sources: Stream::new(),
            copies: Stream::new(),
            group: Vec::new(),
        }
    }

    /// Says where the pages of both sides began in an earlier reading.
    pub(in crate::upgrade) fn expecting(mut self, sources: &Trail, copies: &Trail) -> Self {
        self.sources.expects(sources);
        self.copies.expects(copies);
        self
    }

    /// Where the pages of both sides began in this reading.
    pub(in crate::upgrade) fn trails(&self) -> (Trail, Trail) {
        (self.sources.trail().clone(), self.copies.trail().clone())
    }

    /// The pages that are needed before the next pairs can be told, and are not under way; of each side the
    /// next one first.
    pub(in crate::upgrade) fn wanted(
        &self,
        limit: u16,
        freshness: Freshness,
        ahead: Ahead,
    ) -> (Vec<PageRequest>, Vec<PageRequest>) {
        (
            self.sources.wanted(limit, freshness, ahead),
            self.copies.wanted(limit, freshness, ahead),
        )
    }

    /// A page of sources is under way.
    pub(in crate::upgrade) fn asked_for_sources(&mut self, page: &PageRequest) {
        self.sources.asked(page);
    }

    /// A page of copies is under way.
    pub(in crate::upgrade) fn asked_for_copies(&mut self, page: &PageRequest) {
        self.copies.asked(page);
    }

    /// Whether a page is under way.
    pub(in crate::upgrade) fn is_read(&self) -> bool {
        self.sources.is_read() || self.copies.is_read()
    }

    /// Whether the page of copies that begins here was asked for, and has not come.
    pub(in crate::upgrade) fn awaits_copies(&self, from: Option<&Cursor>) -> bool {
        self.copies.awaits(from)
    }

    /// Whether the listing of copies was read to its end.
    pub(in crate::upgrade) fn has_all_copies(&self) -> bool {
        self.copies.exhausted()
    }

    /// No page is under way.
    pub(in crate::upgrade) fn nothing_under_way(&mut self) {
        self.sources.nothing_under_way();
        self.copies.nothing_under_way();
    }

    /// Takes the page of sources that begins at a cursor, and hands out every pair that it completes; each
    /// source comes once.
    #[must_use]
    pub(in crate::upgrade) fn take_sources(
        &mut self,
        from: Option<Cursor>,
        page: Page<T>,
    ) -> Taken<T> {
        let order = self.sources.take(from, page);
        self.taken(order)
    }

    /// The same of copies; a source may (as a defect) have several.
    #[must_use]
    pub(in crate::upgrade) fn take_copies(
        &mut self,
        from: Option<Cursor>,
        page: Page<CopyRecord>,
    ) -> Taken<T> {
        let order = self.copies.take(from, page);
        self.taken(order)
    }

    fn taken(&mut self, order: Order) -> Taken<T> {
        let pairs = match order {
            Order::Kept => std::iter::from_fn(|| self.next_pair()).collect(),
            Order::Broken => Vec::new(),
        };
        Taken { order, pairs }
    }

    /// Whether both listings were read to their end and every pair was taken.
    pub(in crate::upgrade) fn finished(&self) -> bool {
        self.sources.exhausted()
            && self.copies.exhausted()
            && self.sources.rows.is_empty()
            && self.copies.rows.is_empty()
            && self.group.is_empty()
    }

    /// The next pair, if it can be told from what was read.
    pub(in crate::upgrade) fn next_pair(&mut self) -> Option<Pair<T>> {
        self.gather_group();
        let group_open = self.copies.rows.is_empty() && !self.copies.exhausted();
        if group_open || (self.sources.rows.is_empty() && !self.sources.exhausted()) {
            return None;
        }
        let group_id = self.group.first().map(|copy| copy.source.clone());
        let source_id = self.sources.rows.front().map(|row| row.source_id().clone());
        match (source_id, group_id) {
            (None, None) => None,
            (Some(_), None) => Some(Pair {
                source: self.sources.rows.pop_front(),
                copies: vec![],
            }),
            (None, Some(_)) => Some(Pair {
                source: None,
                copies: std::mem::take(&mut self.group),
            }),
            (Some(source), Some(copied)) if source < copied => Some(Pair {
                source: self.sources.rows.pop_front(),
                copies: vec![],
            }),
            (Some(source), Some(copied)) if source > copied => Some(Pair {
                source: None,
                copies: std::mem::take(&mut self.group),
            }),
            (Some(_), Some(_)) => Some(Pair {
                source: self.sources.rows.pop_front(),
                copies: std::mem::take(&mut self.group),
            }),
        }
    }

    /// Moves the copies of the next source into the group.
    fn gather_group(&mut self) {
        while let Some(front) = self.copies.rows.front() {
            let same = self
                .group
                .first()
                .is_none_or(|first| first.source == front.source);
            if !same {
                return;
            }
            if let Some(copy) = self.copies.rows.pop_front() {
                self.group.push(copy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::port::{CopyState, Digest, Link};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Clone, Debug, PartialEq)]
    struct Row(SourceId);

    impl Keyed for Row {
        fn source_id(&self) -> &SourceId {
            &self.0
        }

        fn into_source_id(self) -> SourceId {
            self.0
        }
    }

    fn copy(source: &str, n: usize) -> CopyRecord {
        CopyRecord {
            id: CopyId(format!("{source}-{n:03}")),
            kind: None,
            link: Link::Stored,
            business_key: None,
            source: SourceId::from(source),
            source_digest: None,
            digest: Digest::from("d"),
            state: CopyState::Live,
        }
    }

    /// Serves a list in pages of a given size.
    fn page<T: Clone>(all: &[T], request: &PageRequest, size: usize) -> Page<T> {
        let from = request
            .cursor
            .as_ref()
            .map_or(0, |c| c.0.parse::<usize>().unwrap().min(all.len()));
        let to = from.saturating_add(size).min(all.len());
        let next = (to < all.len()).then(|| Cursor(to.to_string()));
        Page {
            items: all[from..to].to_vec(),
            next,
            revision: None,
        }
    }

    fn asked(cursor: Option<Cursor>) -> PageRequest {
        PageRequest {
            cursor,
            limit: 9,
            freshness: Freshness::Fresh,
        }
    }

    /// The next page of sources comes.
    fn sources(merge: &mut Merge<Row>, page: Page<Row>) -> Order {
        let next = merge.sources.next.clone();
        merge.asked_for_sources(&asked(next.clone()));
        merge.take_sources(next, page).order
    }

    /// The next page of copies comes.
    fn copies(merge: &mut Merge<Row>, page: Page<CopyRecord>) -> Order {
        let next = merge.copies.next.clone();
        merge.asked_for_copies(&asked(next.clone()));
        merge.take_copies(next, page).order
    }

    #[test]
    fn rows_out_of_order_are_noticed_across_pages() {
        let page = |ids: &[&str]| Page {
            items: ids.iter().map(|id| Row(SourceId::from(*id))).collect(),
            next: Some(Cursor("c".to_owned())),
            revision: None,
        };
        let mut merge: Merge<Row> = Merge::new();
        assert_eq!(sources(&mut merge, page(&["a", "b"])), Order::Kept);
        assert_eq!(sources(&mut merge, page(&["c"])), Order::Kept);
        assert_eq!(
            sources(&mut merge, page(&["c", "d"])),
            Order::Broken,
            "a page that repeats"
        );
    }

    #[test]
    fn a_copy_that_comes_again_and_a_circle_without_rows_are_noticed() {
        let page = |rows: &[CopyRecord], next: &str| Page {
            items: rows.to_vec(),
            next: Some(Cursor(next.to_owned())),
            revision: None,
        };
        let mut merge: Merge<Row> = Merge::new();
        let kept = page(&[copy("a", 1), copy("a", 2)], "1");
        assert_eq!(copies(&mut merge, kept), Order::Kept);
        let again = page(&[copy("a", 2)], "2");
        assert_eq!(copies(&mut merge.clone(), again), Order::Broken);

        // A long way without rows is none, if it ends.
        for n in 0..100 {
            assert_eq!(copies(&mut merge, page(&[], &n.to_string())), Order::Kept);
        }
        assert_eq!(copies(&mut merge, page(&[copy("b", 1)], "0")), Order::Kept);
        let orders: Vec<Order> = (0..20)
            .map(|n| copies(&mut merge, page(&[], &(n % 3).to_string())))
            .collect();
        assert!(orders.contains(&Order::Broken));
        assert_eq!(orders[..3], [Order::Kept; 3]);
    }

    proptest! {
        /// Whatever the page sizes, each source comes once, with exactly its copies, in order.
        #[test]
        fn equals_a_join(
            sources in proptest::collection::btree_set(0_u8..40, 0..20),
            copies in proptest::collection::vec(0_u8..40, 0..30),
            source_page in 1_usize..7,
            copy_page in 1_usize..7,
        ) {
            let rows: Vec<Row> = sources.iter().map(|n| Row(SourceId(format!("{n:03}")))).collect();
            let mut sorted = copies.clone();
            sorted.sort_unstable();
            let copies: Vec<CopyRecord> =
                sorted.iter().enumerate().map(|(i, n)| copy(&format!("{n:03}"), i)).collect();
            let mut merge = Merge::new();
            let mut seen = Vec::new();
            for _ in 0..1000 {
                let (s, c) = merge.wanted(9, Freshness::Fresh, Ahead::Nothing);
                for asked in s {
                    merge.asked_for_sources(&asked);
                    let taken = merge.take_sources(asked.cursor.clone(), page(&rows, &asked, source_page));
                    prop_assert_eq!(taken.order, Order::Kept);
                    seen.extend(taken.pairs);
                }
                for asked in c {
                    merge.asked_for_copies(&asked);
                    let taken = merge.take_copies(asked.cursor.clone(), page(&copies, &asked, copy_page));
                    prop_assert_eq!(taken.order, Order::Kept);
                    seen.extend(taken.pairs);
                }
                if merge.finished() { break; }
            }
            prop_assert!(merge.finished());
            let ids: BTreeSet<SourceId> = rows.iter().map(|r| r.0.clone())
                .chain(copies.iter().map(|c| c.source.clone())).collect();
            let mut by_source: BTreeMap<SourceId, Vec<CopyRecord>> = BTreeMap::new();
            for c in &copies { by_source.entry(c.source.clone()).or_default().push(c.clone()); }
            prop_assert_eq!(seen.len(), ids.len());
            for (pair, id) in seen.iter().zip(&ids) {
                prop_assert_eq!(pair.source.clone().map(|r| r.0), rows.iter().find(|r| &r.0 == id).map(|r| r.0.clone()));
                let expected = by_source.get(id).cloned().unwrap_or_default();
                prop_assert_eq!(&pair.copies, &expected);
            }
        }

        /// Pages that are read side by side, by where an earlier reading found them, come to the same pairs as
        /// pages that are read one by one, whatever was added and removed since and in whatever order they
        /// come.
        #[test]
        fn side_by_side_comes_to_the_same(
            before in proptest::collection::btree_set(0_u8..60, 0..40),
            now in proptest::collection::btree_set(0_u8..60, 0..40),
            same in any::<bool>(),
            (source_page, ahead) in (1_usize..7, 1_usize..6),
            known in proptest::option::of(0_usize..8),
            order in proptest::collection::vec(any::<usize>(), 200),
        ) {
            let rows = |ids: &BTreeSet<u8>| -> Vec<Row> {
                ids.iter().map(|n| Row(SourceId(format!("{n:03}")))).collect()
            };
            let earlier = read(Merge::new(), &rows(&before), source_page, 1, &mut std::iter::repeat(0));
            let now = rows(if same { &before } else { &now });
            let mut order = order.into_iter().cycle();
            // Perhaps only the first pages are known.
            let mut trail = earlier.trail.clone();
            if let Some(known) = known {
                trail = Trail::default();
                earlier.trail.cursors().take(known).for_each(|cursor| trail.add(cursor));
            }
            let expecting = Merge::new().expecting(&trail, &Trail::default());
            let side_by_side = read(expecting, &now, source_page, ahead, &mut order);
            let one_by_one = read(Merge::new(), &now, source_page, 1, &mut std::iter::repeat(0));
            prop_assert_eq!(side_by_side.pairs, one_by_one.pairs);
            prop_assert_eq!(side_by_side.trail, one_by_one.trail);
            let most = ahead.saturating_add(usize::from(known.is_some()));
            prop_assert!(side_by_side.most <= most);
            if same {
                prop_assert_eq!(side_by_side.calls, one_by_one.calls);
            }
        }
    }

    /// What a reading came to.
    struct Reading {
        pairs: Vec<Pair<Row>>,
        trail: Trail,
        calls: usize,
        /// The most calls that were under way.
        most: usize,
    }

    /// Reads sources to their end. `order` says which of the pages under way comes next.
    fn read(
        mut merge: Merge<Row>,
        rows: &[Row],
        size: usize,
        ahead: usize,
        order: &mut impl Iterator<Item = usize>,
    ) -> Reading {
        let none = copies(&mut merge, page(&[], &asked(None), 9));
        assert_eq!(none, Order::Kept);
        let (mut pairs, mut calls, mut most) = (Vec::new(), 0, 0);
        let mut under_way: Vec<PageRequest> = Vec::new();
        for _ in 0..1000 {
            let (wanted, _) = merge.wanted(9, Freshness::Fresh, Ahead::Pages(ahead));
            for asked in &wanted {
                merge.asked_for_sources(asked);
            }
            under_way.extend(wanted);
            most = most.max(under_way.len());
            if under_way.is_empty() {
                break;
            }
            let asked = under_way.remove(order.next().unwrap().rem_euclid(under_way.len()));
            calls = usize::saturating_add(calls, 1);
            let taken = merge.take_sources(asked.cursor.clone(), page(rows, &asked, size));
            assert_eq!(taken.order, Order::Kept);
            pairs.extend(taken.pairs);
        }
        assert!(merge.finished() && !merge.is_read());
        let (trail, _) = merge.trails();
        Reading {
            pairs,
            trail,
            calls,
            most,
        }
    }

    /// A page that comes before its turn is none of the sweep's until the page before leads to it; after a
    /// wait it is read again.
    #[test]
    fn a_page_before_its_turn_waits_and_grows_not_old() {
        let rows: Vec<Row> = (0..6).map(|n| Row(SourceId(format!("{n:03}")))).collect();
        let fixed = || std::iter::repeat(0);
        let earlier = read(Merge::new(), &rows, 2, 1, &mut fixed());
        let mut merge = Merge::new().expecting(&earlier.trail, &Trail::default());
        let (wanted, _) = merge.wanted(9, Freshness::Fresh, Ahead::Pages(3));
        assert_eq!(wanted.len(), 3);
        for asked in &wanted {
            merge.asked_for_sources(asked);
        }
        let third = wanted[2].clone();
        let taken = merge.take_sources(third.cursor.clone(), page(&rows, &third, 2));
        assert_eq!(taken.pairs, []);
        assert_eq!(
            merge.wanted(9, Freshness::Fresh, Ahead::Pages(3)).0,
            [],
            "asked once"
        );
        merge.nothing_under_way();
        assert_eq!(merge.wanted(9, Freshness::Fresh, Ahead::Pages(3)).0, wanted);
        let again = merge.take_sources(third.cursor.clone(), page(&rows, &third, 2));
        assert_eq!(
            (again.order, again.pairs),
            (Order::Kept, Vec::new()),
            "an answer to nothing"
        );
    }
}
