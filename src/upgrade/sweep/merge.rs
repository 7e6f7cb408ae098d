//! Merges two listings that are ordered by the same id: sources and their copies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::trail::{Reach, Trail};
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

/// So many rows wait for the pages that lead to them before the reading looks further ahead: about 3 MB.
const MOST_ROWS_EARLY: usize = 8_000;

/// One listing, read page by page.
///
/// The cursor of a page comes with the page before it. Where an earlier sweep has learnt where the pages
/// begin, several are read side by side; a page counts only when the page before it leads to it, so that
/// the pages which are taken are those that a reading one by one would have brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stream<T> {
    rows: VecDeque<T>,
    next: Option<Cursor>,
    begun: Begun,
    /// The pages that were asked for and have not come yet, by where they begin.
    under_way: BTreeSet<Option<Cursor>>,
    /// Where the pages after the next one are expected to begin.
    expected: VecDeque<Cursor>,
    /// Whether these are all that are left.
    reach: Reach,
    /// Pages that came before those that lead to them.
    early: BTreeMap<Cursor, Page<T>>,
    /// Where the pages begin in this reading.
    trail: Trail,
    last: Option<(SourceId, Option<CopyId>)>,
    idle: Idle,
}

/// How far a listing is read ahead of what is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) enum Ahead {
    /// A page is read when no row of the one before is left.
    Nothing,
    /// A page is read while the rows of the one before wait; so many are read side by side where it is
    /// known where they begin.
    Pages(usize),
}

/// Pages without a row, one after another. Such pages have no order by which a circle of cursors could be
/// told from a long listing, so one of their cursors is remembered, and replaced by a later one each time
/// the number of pages has doubled. In a circle the remembered cursor comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Idle {
    pages: u64,
    remembered: Option<Cursor>,
}

/// Whether the rows of a listing came in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) enum Order {
    /// The rows came in order.
    Kept,
    /// The rows did not come in order: nothing can be told from a merge of them.
    Broken,
}

impl Order {
    /// The order of two pages after each other.
    pub(in crate::upgrade) fn and(self, other: Self) -> Self {
        match self {
            Self::Kept => other,
            Self::Broken => Self::Broken,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Begun {
    NotYet,
    Yes,
}

impl<T> Stream<T> {
    fn new() -> Self {
        Self {
            rows: VecDeque::new(),
            next: None,
            begun: Begun::NotYet,
            under_way: BTreeSet::new(),
            expected: VecDeque::new(),
            reach: Reach::ToTheEnd,
            early: BTreeMap::new(),
            trail: Trail::default(),
            last: None,
            idle: Idle::default(),
        }
    }

    /// Where the pages began in an earlier reading.
    fn expects(&mut self, trail: &Trail) {
        self.expected = trail.cursors().cloned().collect();
        self.reach = trail.reach();
    }

    /// Whether every row was read from the BSS.
    fn exhausted(&self) -> bool {
        self.begun == Begun::Yes && self.next.is_none()
    }

    /// The pages that can be asked for, the next one first.
    fn wanted(&self, limit: u16, freshness: Freshness, ahead: Ahead) -> Vec<PageRequest> {
        if self.exhausted() {
            return Vec::new();
        }
        let (most, pages) = match ahead {
            Ahead::Nothing => (1, 1),
            Ahead::Pages(pages) => (usize::from(limit.max(1)), pages.max(1)),
        };
        let next = (self.rows.len() < most).then_some(&self.next);
        let next = next.filter(|next| !self.under_way.contains(*next)).cloned();
        let expected = self.expected.iter().take(pages.saturating_sub(1));
        // Where others follow the last one that is expected, it leads to them: it comes right after the next.
        let more = self.leads_on(pages).into_iter().chain(expected);
        let mut seen = BTreeSet::new();
        let more = more
            .filter(|cursor| seen.insert(*cursor))
            .filter(|cursor| !self.early.contains_key(*cursor))
            .map(|cursor| Some(cursor.clone()))
            .filter(|cursor| !self.under_way.contains(cursor));
        let request = |cursor| PageRequest {
            cursor,
            limit,
            freshness,
        };
        next.into_iter().chain(more).map(request).collect()
    }
}

impl<T> Stream<T> {
    /// The last page that is expected, where it is of use to know soon what follows it.
    fn leads_on(&self, pages: usize) -> Option<&Cursor> {
        let early: usize = self.early.values().map(|page| page.items.len()).sum();
        let room = pages > 1 && early < MOST_ROWS_EARLY;
        let last = self.expected.back();
        last.filter(|_| room && self.reach == Reach::SoFar)
    }
}

impl<T: Keyed> Stream<T> {
    /// Takes a page that begins at a cursor, and those that came before it and that it leads to. A page to
    /// which no page leads any more says nothing.
    fn take(&mut self, from: Option<Cursor>, page: Page<T>) -> Order {
        let asked = self.under_way.remove(&from);
        if self.exhausted() {
            return Order::Kept;
        }
        if from != self.next {
            let early = from.filter(|from| asked && self.expected.contains(from));
            if let Some(from) = early {
                self.expects_after(&from, page.next.as_ref());
                self.early.insert(from, page);
            }
            return Order::Kept;
        }
        let mut order = self.append(page);
        while let Some(page) = self.next.as_ref().and_then(|next| self.early.remove(next)) {
            order = order.and(self.append(page));
        }
        order
    }

    /// What the last page that is expected leads to is expected too.
    fn expects_after(&mut self, from: &Cursor, next: Option<&Cursor>) {
        if self.reach == Reach::ToTheEnd || self.expected.back() != Some(from) {
            return;
        }
        match next {
            Some(next) => self.expected.push_back(next.clone()),
            None => self.reach = Reach::ToTheEnd,
        }
    }

    /// Takes the next page.
    fn append(&mut self, page: Page<T>) -> Order {
        let order = self.follows(&page);
        self.begun = Begun::Yes;
        self.next = page.next;
        self.rows.extend(page.items);
        match &self.next {
            Some(next) => self.trail.add(next),
            None => self.trail.ends(),
        }
        // Where it leads elsewhere than expected, the listing has changed: it is read page by page.
        if self.next.is_none() || self.expected.pop_front() != self.next {
            self.expected.clear();
            self.early.clear();
        }
        order
    }

    /// Whether a page continues the listing: every row comes after all rows before it, and no cursor of a
    /// page without rows comes again.
    fn follows(&mut self, page: &Page<T>) -> Order {
        for row in &page.items {
            let position = (row.source_id().clone(), row.copy_id().cloned());
            if self.last.as_ref().is_some_and(|last| *last >= position) {
                return Order::Broken;
            }
            self.last = Some(position);
        }
        match &page.next {
            Some(next) if page.items.is_empty() => self.idle.next(next),
            Some(_) | None => {
                self.idle = Idle::default();
                Order::Kept
            }
        }
    }
}

impl Idle {
    fn next(&mut self, cursor: &Cursor) -> Order {
        if self.remembered.as_ref() == Some(cursor) {
            return Order::Broken;
        }
        self.pages = self.pages.saturating_add(1);
        if self.pages.is_power_of_two() {
            self.remembered = Some(cursor.clone());
        }
        Order::Kept
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
        (self.sources.trail.clone(), self.copies.trail.clone())
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
        self.sources.under_way.insert(page.cursor.clone());
    }

    /// A page of copies is under way.
    pub(in crate::upgrade) fn asked_for_copies(&mut self, page: &PageRequest) {
        self.copies.under_way.insert(page.cursor.clone());
    }

    /// Whether a page is under way.
    pub(in crate::upgrade) fn is_read(&self) -> bool {
        !self.sources.under_way.is_empty() || !self.copies.under_way.is_empty()
    }

    /// Whether the page of copies that begins here was asked for, and has not come.
    pub(in crate::upgrade) fn awaits_copies(&self, from: Option<&Cursor>) -> bool {
        self.copies.under_way.contains(&from.cloned())
    }

    /// Whether the listing of copies was read to its end.
    pub(in crate::upgrade) fn has_all_copies(&self) -> bool {
        self.copies.exhausted()
    }

    /// No page is under way: what did not come is asked for again. What came before its turn is too: the
    /// next calls may be a long wait away.
    pub(in crate::upgrade) fn nothing_under_way(&mut self) {
        self.sources.under_way.clear();
        self.sources.early.clear();
        self.copies.under_way.clear();
        self.copies.early.clear();
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

    /// The next page of sources comes.
    fn sources(merge: &mut Merge<Row>, page: Page<Row>) -> Order {
        let next = merge.sources.next.clone();
        merge.sources.under_way.insert(next.clone());
        merge.take_sources(next, page).order
    }

    /// The next page of copies comes.
    fn copies(merge: &mut Merge<Row>, page: Page<CopyRecord>) -> Order {
        let next = merge.copies.next.clone();
        merge.copies.under_way.insert(next.clone());
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
        let none = copies(
            &mut merge,
            page(
                &[],
                &PageRequest {
                    cursor: None,
                    limit: 9,
                    freshness: Freshness::Fresh,
                },
                9,
            ),
        );
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
