//! Where the pages of copies begin, learnt while the copies are made. The sweeps after the copying read the copies
//! page by page otherwise, for no sweep before them has seen any.
//!
//! Nothing is judged by these pages: what counts is read afresh, by the sweeps that rest on it. A page is asked for
//! when enough copies are there to fill it and everything before them is settled; if something before its last
//! row is not, the page will be another one, and it is asked for again later.

use super::trail::Trail;
use super::{Sweep, SweepMode};
use crate::bss::port::{CopyRecord, Cursor, Freshness, Page, PageRequest, SourceId};
use crate::upgrade::effect::SweepCall;

/// The reading behind the copying.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Following {
    trail: Trail,
    /// How many pages it has passed.
    pages: i64,
    /// Where the next page begins.
    next: Option<Cursor>,
    under_way: bool,
    /// The page reaches to this row, before which not everything is settled.
    not_before: Option<SourceId>,
    /// So many copies were made when the page was asked for last, and was not full.
    short_at: i64,
}

impl Following {
    /// The next page, if it can be full and stays as it is. `made` is how many items have their copy, `unsettled`
    /// the first one of which that is open, and `sent` how many are under way at a time: as many may be made
    /// behind it.
    pub(super) fn wanted(
        &self,
        made: i64,
        (unsettled, sent): (Option<&SourceId>, i64),
        limit: u16,
    ) -> Option<PageRequest> {
        let page = i64::from(limit.max(1));
        let full = self.pages.saturating_add(1).saturating_mul(page);
        let behind = unsettled.map_or(0, |_| sent);
        let enough =
            made > full.saturating_add(behind) && made >= self.short_at.saturating_add(page);
        let open = self.not_before.as_ref().zip(unsettled);
        let settled = open.is_none_or(|(last, unsettled)| last < unsettled);
        (enough && settled && !self.under_way).then(|| PageRequest {
            cursor: self.next.clone(),
            limit,
            freshness: Freshness::Fresh,
        })
    }

    /// Its page is under way.
    pub(super) fn asked(&mut self) {
        self.under_way = true;
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Takes the page that begins at a cursor. Another one is of the reading before, and says nothing.
    pub(super) fn take(
        &mut self,
        from: Option<&Cursor>,
        page: Page<CopyRecord>,
        made: i64,
        unsettled: Option<&SourceId>,
    ) {
        self.under_way = false;
        if from != self.next.as_ref() {
            return;
        }
        let last = page.items.into_iter().next_back().map(|row| row.source);
        let (Some(last), Some(next)) = (last, page.next) else {
            self.short_at = made;
            return;
        };
        if unsettled.is_some_and(|unsettled| *unsettled <= last) {
            self.not_before = Some(last);
            return;
        }
        self.trail.add(&next);
        self.pages = self.pages.saturating_add(1);
        self.next = Some(next);
        self.not_before = None;
    }

    /// Where the pages begin, as far as it has come.
    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }
}

impl Sweep {
    /// Learns where the pages of the copies that it makes begin, for the sweeps after it. Where one step follows
    /// another, or one page is read at a time, nothing is gained by it.
    #[must_use]
    pub(in crate::upgrade) fn learning(mut self) -> Self {
        if self.mode == SweepMode::Copy && self.scope.pages_ahead() > 1 {
            self.following = Some(Following::default());
        }
        self
    }

    /// Where the pages began in this sweep, and where those of the copies that it made begin.
    pub(in crate::upgrade) fn trails(&self) -> (Trail, Trail) {
        let (sources, copies) = self.sides.trails();
        match &self.following {
            Some(following) if following.trail().len() > copies.len() => {
                (sources, following.trail().clone())
            }
            Some(_) | None => (sources, copies),
        }
    }

    /// The page of copies that can be read behind the copying.
    pub(super) fn behind(&self) -> Option<SweepCall> {
        let following = self.following.as_ref()?;
        // At the end it would only hold the sweep up.
        let copying = !self.candidates.is_empty() || !self.copies.is_empty();
        if !copying || !self.sides.has_all_copies() {
            return None;
        }
        let scope = &self.scope;
        let sent = usize::from(scope.batch).saturating_mul(scope.at_once);
        let sent = i64::try_from(sent).unwrap_or(i64::MAX);
        let page = following.wanted(self.made(), (self.unsettled_from(), sent), scope.page_size)?;
        Some(SweepCall::Copies(self.listing(), page))
    }

    /// How many items have their copy.
    fn made(&self) -> i64 {
        let counts = self.tally.counts.values();
        counts.map(|counts| counts.copied).sum()
    }

    /// The first item of which it is open whether it has its copy; what is not read yet comes after all of them.
    fn unsettled_from(&self) -> Option<&SourceId> {
        let candidate = self.candidates.first();
        candidate.into_iter().chain(self.copies.first()).min()
    }

    /// Whether the page of copies that begins here was read behind the copying.
    pub(super) fn is_behind(&self, from: Option<&Cursor>) -> bool {
        let sides = &self.sides;
        self.following.is_some() && sides.has_all_copies() && !sides.awaits_copies(from)
    }

    pub(super) fn took_page_behind(&mut self, from: Option<&Cursor>, page: Page<CopyRecord>) {
        let Some(mut following) = self.following.take() else {
            return;
        };
        following.take(from, page, self.made(), self.unsettled_from());
        self.following = Some(following);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::port::{CopyId, CopyState, Digest, Link};

    fn id(number: usize) -> SourceId {
        SourceId(format!("{number:03}"))
    }

    fn page(rows: std::ops::Range<usize>, next: Option<&str>) -> Page<CopyRecord> {
        let copy = |number| CopyRecord {
            source: id(number),
            id: CopyId(format!("c{number}")),
            kind: None,
            business_key: None,
            link: Link::Stored,
            source_digest: None,
            digest: Digest("d".into()),
            state: CopyState::Live,
        };
        Page {
            items: rows.map(copy).collect(),
            next: next.map(|next| Cursor(next.into())),
            revision: None,
        }
    }

    fn cursors(following: &Following) -> Vec<&str> {
        following.trail().cursors().map(Cursor::as_str).collect()
    }

    #[test]
    fn a_page_is_asked_for_when_it_is_full_and_counts_when_everything_before_its_end_is_settled() {
        let mut following = Following::default();
        assert_eq!(
            following.wanted(10, (None, 0), 10),
            None,
            "a page has another one behind it"
        );
        let asked = following.wanted(11, (Some(&id(4)), 0), 10).expect("a page");
        assert_eq!(asked.cursor, None);
        following.asked();
        let one_more = following.wanted(30, (None, 0), 10);
        assert_eq!(one_more, None, "one at a time");
        following.take(None, page(0..10, Some("a")), 11, Some(&id(4)));
        assert_eq!(
            cursors(&following),
            [""; 0],
            "another copy comes into this page"
        );
        assert_eq!(following.wanted(20, (Some(&id(9)), 0), 10), None);
        assert_eq!(following.wanted(20, (Some(&id(10)), 10), 10), None, "sent");
        assert!(following.wanted(20, (Some(&id(10)), 9), 10).is_some());
        following.asked();
        following.take(None, page(0..10, Some("b")), 20, Some(&id(12)));
        assert_eq!(cursors(&following), ["b"]);
        let asked = following
            .wanted(21, (None, 0), 10)
            .expect("the page after it");
        assert_eq!(asked.cursor, Some(Cursor("b".into())));
    }

    #[test]
    fn the_last_page_says_nothing_and_is_asked_for_again_when_another_page_is_there() {
        let mut following = Following::default();
        following.asked();
        following.take(None, page(0..9, None), 11, None);
        assert_eq!(cursors(&following), [""; 0]);
        assert_eq!(following.wanted(20, (None, 0), 10), None);
        assert!(following.wanted(21, (None, 0), 10).is_some());
    }

    #[test]
    fn a_page_that_begins_elsewhere_says_nothing() {
        let mut following = Following::default();
        following.asked();
        let other = Cursor("x".into());
        following.take(Some(&other), page(0..10, Some("a")), 11, None);
        assert_eq!(cursors(&following), [""; 0]);
    }
}
