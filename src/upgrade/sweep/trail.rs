//! Where the pages of a listing begin, as one sweep has seen it, for the sweeps after it: they read several
//! pages side by side. It is a guess that saves time. A page counts only when the page before it leads to
//! it ([`super::merge`]), so a listing that has changed costs some calls and nothing else.

use std::collections::BTreeMap;

use crate::bss::port::{CopyListing, Cursor};

/// So many bytes of cursors are kept of one listing: those of about 4,000 pages, and never of fewer than 60.
const MOST_BYTES: usize = 256 * 1024;

/// Where the pages of one listing begin, from the second on. Beyond [`MOST_BYTES`] they are not kept, and the
/// rest is read page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::upgrade) struct Trail {
    cursors: Vec<Cursor>,
    bytes: usize,
    reach: Reach,
}

/// How far a trail reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// Other pages may follow.
    #[default]
    SoFar,
    /// To the last page.
    ToTheEnd,
}

impl Trail {
    /// The next page begins here.
    pub(super) fn add(&mut self, cursor: &Cursor) {
        self.bytes = self.bytes.saturating_add(cursor.as_str().len());
        if self.bytes <= MOST_BYTES {
            self.cursors.push(cursor.clone());
        }
    }

    /// No other page follows.
    pub(super) fn ends(&mut self) {
        if self.bytes <= MOST_BYTES {
            self.reach = Reach::ToTheEnd;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.cursors.len()
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    pub(super) fn cursors(&self) -> impl Iterator<Item = &Cursor> {
        self.cursors.iter()
    }
}

/// The trails of all listings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) enum Trails {
    /// They are kept, of sources and of copies.
    Kept(BTreeMap<CopyListing, (Trail, Trail)>),
    /// The BSS has refused a page: none is kept any more.
    NotKept,
}

impl Default for Trails {
    fn default() -> Self {
        Self::Kept(BTreeMap::new())
    }
}

impl Trails {
    /// Those of one listing.
    pub(in crate::upgrade) fn of(&self, listing: CopyListing) -> Option<&(Trail, Trail)> {
        match self {
            Self::Kept(trails) => trails.get(&listing),
            Self::NotKept => None,
        }
    }

    /// Whether it is of use to learn where pages begin.
    pub(in crate::upgrade) fn are_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// A sweep over a listing has come to its end.
    pub(in crate::upgrade) fn keep(&mut self, listing: CopyListing, trails: (Trail, Trail)) {
        if let Self::Kept(kept) = self {
            kept.insert(listing, trails);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_listing_is_kept_up_to_a_bound() {
        let mut trail = Trail::default();
        let cursor = Cursor("c".repeat(4096));
        for _ in 0..1000 {
            trail.add(&cursor);
        }
        trail.ends();
        assert_eq!((trail.cursors().count(), trail.reach()), (64, Reach::SoFar));
    }

    #[test]
    fn where_a_page_was_refused_nothing_is_kept() {
        let mut trails = Trails::default();
        trails.keep(CopyListing::Customers, Default::default());
        assert!(trails.of(CopyListing::Customers).is_some());
        let mut trails = Trails::NotKept;
        trails.keep(CopyListing::Customers, Default::default());
        assert_eq!(trails.of(CopyListing::Customers), None);
    }
}
