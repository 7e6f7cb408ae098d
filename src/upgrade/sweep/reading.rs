//! One listing, read page by page, or several pages side by side where it is known where they begin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::merge::Keyed;
use super::trail::{Reach, Trail};
use crate::bss::port::{CopyId, Cursor, Freshness, Page, PageRequest, SourceId};

/// So many rows wait for the pages that lead to them before the reading looks further ahead: about 3 MB.
const MOST_ROWS_EARLY: usize = 8_000;

/// One listing, read page by page.
///
/// The cursor of a page comes with the page before it. Where an earlier sweep has learnt where the pages
/// begin, several are read side by side; a page counts only when the page before it leads to it, so that
/// the pages which are taken are those that a reading one by one would have brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stream<T> {
    /// What was read and is not merged yet.
    pub(super) rows: VecDeque<T>,
    /// Where the next page begins.
    pub(super) next: Option<Cursor>,
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
    pub(super) fn new() -> Self {
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
    pub(super) fn expects(&mut self, trail: &Trail) {
        self.expected = trail.cursors().cloned().collect();
        self.reach = trail.reach();
    }

    /// Whether every row was read from the BSS.
    pub(super) fn exhausted(&self) -> bool {
        self.begun == Begun::Yes && self.next.is_none()
    }

    /// Where the pages begin, as far as it was read.
    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// This page is under way.
    pub(super) fn asked(&mut self, page: &PageRequest) {
        self.under_way.insert(page.cursor.clone());
    }

    /// Whether the page that begins here was asked for, and has not come.
    pub(super) fn awaits(&self, from: Option<&Cursor>) -> bool {
        self.under_way.contains(&from.cloned())
    }

    /// Whether a page is under way.
    pub(super) fn is_read(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// No page is under way: what did not come is asked for again. What came before its turn is too: the
    /// next calls may be a long wait away.
    pub(super) fn nothing_under_way(&mut self) {
        self.under_way.clear();
        self.early.clear();
    }

    /// The pages that can be asked for, the next one first.
    pub(super) fn wanted(
        &self,
        limit: u16,
        freshness: Freshness,
        ahead: Ahead,
    ) -> Vec<PageRequest> {
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
    pub(super) fn take(&mut self, from: Option<Cursor>, page: Page<T>) -> Order {
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
