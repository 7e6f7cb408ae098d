//! Both listings of a sweep, whichever kind they are of.

use super::merge::Merge;
use super::reading::Ahead;
use super::trail::Trail;
use super::{Scope, SweepMode};
use crate::bss::port::{CopyListing, Cursor, Customer, PageRequest, Purchase};
use crate::upgrade::effect::SweepCall;

/// Both listings, of one kind or the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sides {
    Customers(Merge<Customer>),
    Purchases(Merge<Purchase>),
}

impl Sides {
    pub(super) fn listing(&self) -> CopyListing {
        match self {
            Self::Customers(_) => CopyListing::Customers,
            Self::Purchases(_) => CopyListing::Subscriptions,
        }
    }

    /// The pages that are needed before the next pairs can be told, and are not under way.
    pub(super) fn wanted(&self, scope: &Scope, mode: SweepMode, ahead: Ahead) -> Vec<SweepCall> {
        let (limit, freshness) = (scope.page_size, mode.freshness());
        let (sources, copies): (Vec<PageRequest>, Vec<PageRequest>) = match self {
            Self::Customers(merge) => merge.wanted(limit, freshness, ahead),
            Self::Purchases(merge) => merge.wanted(limit, freshness, ahead),
        };
        let listing = self.listing();
        let mut sources = sources
            .into_iter()
            .map(|page| SweepCall::Sources(listing, page));
        let mut copies = copies
            .into_iter()
            .map(|page| SweepCall::Copies(listing, page));
        let mut wanted = Vec::new();
        // Of both sides in turn: pairs need both.
        loop {
            let pages = [sources.next(), copies.next()];
            if pages.iter().all(Option::is_none) {
                return wanted;
            }
            wanted.extend(pages.into_iter().flatten());
        }
    }

    pub(super) fn expecting(self, (sources, copies): &(Trail, Trail)) -> Self {
        match self {
            Self::Customers(merge) => Self::Customers(merge.expecting(sources, copies)),
            Self::Purchases(merge) => Self::Purchases(merge.expecting(sources, copies)),
        }
    }

    pub(super) fn trails(&self) -> (Trail, Trail) {
        match self {
            Self::Customers(merge) => merge.trails(),
            Self::Purchases(merge) => merge.trails(),
        }
    }

    pub(super) fn asked_for_sources(&mut self, page: &PageRequest) {
        match self {
            Self::Customers(merge) => merge.asked_for_sources(page),
            Self::Purchases(merge) => merge.asked_for_sources(page),
        }
    }

    pub(super) fn asked_for_copies(&mut self, page: &PageRequest) {
        match self {
            Self::Customers(merge) => merge.asked_for_copies(page),
            Self::Purchases(merge) => merge.asked_for_copies(page),
        }
    }

    pub(super) fn are_read(&self) -> bool {
        match self {
            Self::Customers(merge) => merge.is_read(),
            Self::Purchases(merge) => merge.is_read(),
        }
    }

    /// Whether the page of copies that begins here was asked for, and has not come.
    pub(super) fn awaits_copies(&self, from: Option<&Cursor>) -> bool {
        match self {
            Self::Customers(merge) => merge.awaits_copies(from),
            Self::Purchases(merge) => merge.awaits_copies(from),
        }
    }

    /// Whether the listing of copies was read to its end.
    pub(super) fn has_all_copies(&self) -> bool {
        match self {
            Self::Customers(merge) => merge.has_all_copies(),
            Self::Purchases(merge) => merge.has_all_copies(),
        }
    }

    pub(super) fn nothing_under_way(&mut self) {
        match self {
            Self::Customers(merge) => merge.nothing_under_way(),
            Self::Purchases(merge) => merge.nothing_under_way(),
        }
    }

    pub(super) fn are_finished(&self) -> bool {
        match self {
            Self::Customers(merge) => merge.finished(),
            Self::Purchases(merge) => merge.finished(),
        }
    }
}
