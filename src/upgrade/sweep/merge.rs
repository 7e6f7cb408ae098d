//! Merges two listings that are ordered by the same id: sources and their copies.

use std::collections::VecDeque;

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

/// One listing, read page by page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stream<T> {
    rows: VecDeque<T>,
    next: Option<Cursor>,
    begun: Begun,
    /// Whether its next page is under way: the cursor of the page after it comes with it.
    under_way: UnderWay,
    last: Option<(SourceId, Option<CopyId>)>,
    idle: Idle,
}

/// Whether a page was asked for and has not come yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum UnderWay {
    No,
    Yes,
}

/// How far a listing is read ahead of what is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) enum Ahead {
    /// A page is read when no row of the one before is left.
    Nothing,
    /// A page is read while the rows of the one before wait.
    APage,
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
            under_way: UnderWay::No,
            last: None,
            idle: Idle::default(),
        }
    }

    /// Whether every row was read from the BSS.
    fn exhausted(&self) -> bool {
        self.begun == Begun::Yes && self.next.is_none()
    }

    /// The page that is needed next, unless it is under way.
    fn wanted(&self, limit: u16, freshness: Freshness, ahead: Ahead) -> Option<PageRequest> {
        let most = match ahead {
            Ahead::Nothing => 1,
            Ahead::APage => usize::from(limit.max(1)),
        };
        let wanted = self.rows.len() < most && !self.exhausted();
        (wanted && self.under_way == UnderWay::No).then(|| PageRequest {
            cursor: self.next.clone(),
            limit,
            freshness,
        })
    }

    fn push(&mut self, page: Page<T>) {
        self.begun = Begun::Yes;
        self.under_way = UnderWay::No;
        self.next = page.next;
        self.rows.extend(page.items);
    }
}

impl<T: Keyed> Stream<T> {
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

    /// The pages that are needed before the next pairs can be told, and are not under way.
    pub(in crate::upgrade) fn wanted(
        &self,
        limit: u16,
        freshness: Freshness,
        ahead: Ahead,
    ) -> (Option<PageRequest>, Option<PageRequest>) {
        (
            self.sources.wanted(limit, freshness, ahead),
            self.copies.wanted(limit, freshness, ahead),
        )
    }

    /// The page of sources is under way.
    pub(in crate::upgrade) fn asked_for_sources(&mut self) {
        self.sources.under_way = UnderWay::Yes;
    }

    /// The page of copies is under way.
    pub(in crate::upgrade) fn asked_for_copies(&mut self) {
        self.copies.under_way = UnderWay::Yes;
    }

    /// Whether a page is under way.
    pub(in crate::upgrade) fn is_read(&self) -> bool {
        self.sources.under_way == UnderWay::Yes || self.copies.under_way == UnderWay::Yes
    }

    /// No page is under way: what did not come is asked for again.
    pub(in crate::upgrade) fn nothing_under_way(&mut self) {
        self.sources.under_way = UnderWay::No;
        self.copies.under_way = UnderWay::No;
    }

    /// Takes a page of sources; each source comes once.
    #[must_use]
    pub(in crate::upgrade) fn push_sources(&mut self, page: Page<T>) -> Order {
        let order = self.sources.follows(&page);
        self.sources.push(page);
        order
    }

    /// Takes a page of copies; a source may (as a defect) have several.
    #[must_use]
    pub(in crate::upgrade) fn push_copies(&mut self, page: Page<CopyRecord>) -> Order {
        let order = self.copies.follows(&page);
        self.copies.push(page);
        order
    }

    /// Takes pages of both sides in, and hands out every pair that they complete.
    #[must_use]
    pub(in crate::upgrade) fn take(
        &mut self,
        sources: Option<Page<T>>,
        copies: Option<Page<CopyRecord>>,
    ) -> Taken<T> {
        let mut order = Order::Kept;
        if let Some(page) = sources {
            order = order.and(self.push_sources(page));
        }
        if let Some(page) = copies {
            order = order.and(self.push_copies(page));
        }
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
            .map_or(0, |c| c.0.parse::<usize>().unwrap());
        let to = from.saturating_add(size).min(all.len());
        let next = (to < all.len()).then(|| Cursor(to.to_string()));
        Page {
            items: all[from..to].to_vec(),
            next,
            revision: None,
        }
    }

    #[test]
    fn rows_out_of_order_are_noticed_across_pages() {
        let page = |ids: &[&str]| Page {
            items: ids.iter().map(|id| Row(SourceId::from(*id))).collect(),
            next: Some(Cursor("c".to_owned())),
            revision: None,
        };
        let mut merge = Merge::new();
        assert_eq!(merge.push_sources(page(&["a", "b"])), Order::Kept);
        assert_eq!(merge.push_sources(page(&["c"])), Order::Kept);
        assert_eq!(
            merge.push_sources(page(&["c", "d"])),
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
        assert_eq!(merge.push_copies(kept), Order::Kept);
        let again = page(&[copy("a", 2)], "2");
        assert_eq!(merge.clone().push_copies(again), Order::Broken);

        // A long way without rows is none, if it ends.
        for n in 0..100 {
            assert_eq!(merge.push_copies(page(&[], &n.to_string())), Order::Kept);
        }
        assert_eq!(merge.push_copies(page(&[copy("b", 1)], "0")), Order::Kept);
        let orders: Vec<Order> = (0..20)
            .map(|n| merge.push_copies(page(&[], &(n % 3).to_string())))
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
                if let Some(request) = s { prop_assert_eq!(merge.push_sources(page(&rows, &request, source_page)), Order::Kept); }
                if let Some(request) = c { prop_assert_eq!(merge.push_copies(page(&copies, &request, copy_page)), Order::Kept); }
                while let Some(pair) = merge.next_pair() { seen.push(pair); }
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
    }
}
