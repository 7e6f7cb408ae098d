//! The sweep lives here: one run over both sides of one listing, page by page, and the rules by which it
//! judges an item. It may touch the values of the BSS port, the keys of an upgrade and the requests of an
//! effect. It must not call anything, know a phase, or decide what the upgrade does next.
//!
//! A sweep is a state machine: [`Sweep::wanted`] says which calls it needs next, and the `took_*`
//! functions take their outcomes in. An item that a sweep cannot settle is counted as unsettled, so that
//! the next sweep looks again; a sweep never guesses.
//!
//! The files: `merge` joins the two listings, `classify` and `compare` judge a pair, `items` draws the
//! consequences, `candidates` and `copying` hold the items that wait for an answer, `tally` and
//! `findings` hold what was seen, `scope` says what the sweep is about. `preflight` is a smaller look, at
//! what can be known before the tenant exists.
//!
//! Of subscriptions and assets a sweep keeps a window: a page of each side and the items of one page that
//! wait for an answer, at about 400 bytes each; of what people are told the first 8,000 rows of a
//! report. Of customers a sweep keeps what the gates need and a count cannot tell, which grows with the
//! reseller: for each that owns something uncopied and was asked for its options 16 bytes, and
//! a digest (about 150 bytes) for the first 20,000 of them; for each that lacks options its id and name
//! (about 200 bytes); for each that is not in sync its id (about 60 bytes); for each whose copy failed
//! one finding (about 300 bytes). A reseller with 100,000 customers that all lack options costs 20 MB
//! while it waits for them, and one that is in order 2 MB. An id has at most 128 bytes by the contract, and
//! of a name 60 letters are kept, so there is no more to it.

use std::collections::{BTreeMap, BTreeSet};

mod candidates;
pub(super) mod classify;
pub(super) mod compare;
mod copying;
pub(super) mod findings;
mod items;
pub(super) mod merge;
pub(super) mod preflight;
mod scope;
pub(super) mod tally;

pub(super) use scope::Scope;
pub use scope::{CopyMethod, SweepMode};

use super::effect::{Pages, PagesRequest, Read};
use crate::bss::port::{
    CopyItem, CopyListing, Customer, Freshness, PageRequest, Purchase, SourceId,
};
use candidates::Candidates;
use copying::Copies;
use findings::Finding;
use items::Source;
use merge::{Merge, Order, Taken};
use tally::{RevisionSeen, Tally};

/// Both listings, of one kind or the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sides {
    Customers(Merge<Customer>),
    Purchases(Merge<Purchase>),
}

impl Sides {
    fn listing(&self) -> CopyListing {
        match self {
            Self::Customers(_) => CopyListing::Customers,
            Self::Purchases(_) => CopyListing::Subscriptions,
        }
    }

    /// The pages that are needed before the next pair can be told.
    fn wanted(
        &self,
        limit: u16,
        freshness: Freshness,
    ) -> (Option<PageRequest>, Option<PageRequest>) {
        match self {
            Self::Customers(merge) => merge.wanted(limit, freshness),
            Self::Purchases(merge) => merge.wanted(limit, freshness),
        }
    }

    fn are_finished(&self) -> bool {
        match self {
            Self::Customers(merge) => merge.finished(),
            Self::Purchases(merge) => merge.finished(),
        }
    }
}

/// Whether a sweep digests the pricing options of the owners that it comes across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum PricingDigest {
    Made,
    NotMade,
}

/// What a sweep needs next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// A look at the BSS.
    Read(Read),
    /// Copies, in batches.
    Copy(Vec<Vec<CopyItem>>),
}

/// One run over both sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    /// What it may do.
    pub mode: SweepMode,
    method: CopyMethod,
    scope: Scope,
    sides: Sides,
    /// Items of the present window that still need their owner's pricing or a check.
    candidates: Candidates,
    /// Items of the present window that are copied.
    copies: Copies,
    /// Customers that lack something, from the sweep over customers before this one.
    unsynced: BTreeSet<SourceId>,
    /// Owners of something to copy among the customers that could not be copied.
    failed_customers: BTreeMap<SourceId, Finding>,
    /// Customers that have their copy, by hash, from the sweep over customers before this one.
    copied_customers: BTreeSet<u128>,
    /// Whether the pricing options of the owners are digested.
    pricing: PricingDigest,
    /// Whether the listings kept their order.
    order: Order,
    /// What was seen.
    pub tally: Tally,
}

impl Sweep {
    /// A sweep over customers.
    #[must_use]
    pub fn customers(mode: SweepMode, scope: Scope) -> Self {
        Self::new(mode, scope, Sides::Customers(Merge::new()))
    }

    /// A sweep over subscriptions and assets, after one over customers with the tally given.
    #[must_use]
    pub fn purchases(mode: SweepMode, scope: Scope, customers: &Tally) -> Self {
        let mut sweep = Self::new(mode, scope, Sides::Purchases(Merge::new()));
        sweep.unsynced.clone_from(&customers.unsynced);
        sweep
            .failed_customers
            .clone_from(&customers.failed_customers);
        sweep
            .copied_customers
            .clone_from(&customers.copied_customers);
        sweep
    }

    fn new(mode: SweepMode, scope: Scope, sides: Sides) -> Self {
        Self {
            mode,
            method: CopyMethod::Bss,
            scope,
            sides,
            candidates: Candidates::default(),
            copies: Copies::default(),
            unsynced: BTreeSet::new(),
            failed_customers: BTreeMap::new(),
            copied_customers: BTreeSet::new(),
            pricing: PricingDigest::NotMade,
            order: Order::Kept,
            tally: Tally::default(),
        }
    }

    /// Says which customers could not be copied before. A sweep that only looks cannot find that out
    /// again.
    #[must_use]
    pub fn knowing(self, before: &Tally) -> Self {
        let failed_customers = before.failed_customers.clone();
        Self {
            failed_customers,
            ..self
        }
    }

    /// Says that the act that switches also copies what is missing: a final sweep then also runs every
    /// pre-check.
    #[must_use]
    pub fn before_a_switch_that_copies(self) -> Self {
        let mode = match self.mode {
            SweepMode::Final => SweepMode::Last,
            SweepMode::Copy
            | SweepMode::Pricing
            | SweepMode::Check
            | SweepMode::Last
            | SweepMode::Verify => self.mode,
        };
        let pricing = match mode {
            SweepMode::Last | SweepMode::Verify => PricingDigest::Made,
            SweepMode::Copy | SweepMode::Pricing | SweepMode::Check | SweepMode::Final => {
                self.pricing
            }
        };
        Self {
            mode,
            pricing,
            ..self
        }
    }

    /// Says for which customers the listing is searched.
    #[must_use]
    pub fn looking_for(mut self, customers: BTreeSet<SourceId>) -> Self {
        if self.listing() == CopyListing::Customers {
            self.tally.unlisted = customers;
        }
        self
    }

    /// Says who copies.
    #[must_use]
    pub fn by(self, method: CopyMethod) -> Self {
        Self { method, ..self }
    }

    /// Which listing it runs over.
    #[must_use]
    pub fn listing(&self) -> CopyListing {
        self.sides.listing()
    }

    /// Whether a page was read.
    #[must_use]
    pub fn begun(&self) -> bool {
        self.tally.revision != RevisionSeen::None
    }

    /// What it needs next; nothing when it is over.
    ///
    /// First all that is to be known of the window, then all that is to be copied of it: halves of
    /// batches would leave the BSS idle.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let unknown = self.copies.to_find(&self.scope);
        unknown
            .or_else(|| self.candidates.to_inspect(&self.scope))
            .or_else(|| self.copies.to_look_up(&self.scope))
            .map(Wanted::Read)
            .or_else(|| self.copies.to_copy(&self.scope).map(Wanted::Copy))
            .or_else(|| Some(Wanted::Read(Read::Pages(self.pages()?))))
    }

    /// Whether it needs nothing any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.copies.is_empty() && self.candidates.is_empty() && self.sides.are_finished()
    }

    /// The pages that it will need when what is to be copied now is copied. They can be read while the
    /// last copies are under way: what they list lies behind everything that this window copies.
    ///
    /// Only where the BSS refuses a second copy: a look that is a moment older costs nothing there.
    #[must_use]
    pub fn ahead(&self) -> Option<PagesRequest> {
        let copies = self.mode == SweepMode::Copy && self.method == CopyMethod::Bss;
        let known = self.copies.are_known() && self.candidates.is_empty();
        (copies && known).then(|| self.pages()).flatten()
    }

    /// The next pages of both sides; none when all were read.
    fn pages(&self) -> Option<PagesRequest> {
        let (source, copies) = self
            .sides
            .wanted(self.scope.page_size, self.mode.freshness());
        (!self.sides.are_finished()).then(|| PagesRequest {
            listing: self.listing(),
            source,
            copies,
        })
    }

    /// Takes pages in and works off every pair that they complete.
    pub fn took_pages(&mut self, pages: Pages) {
        let revision = pages
            .revisions()
            .fold(RevisionSeen::None, RevisionSeen::page);
        match (&mut self.sides, pages) {
            (Sides::Customers(merge), Pages::Customers { source, copies }) => {
                for customer in source.iter().flat_map(|page| &page.items) {
                    self.tally.unlisted.remove(&customer.id);
                }
                let taken = merge.take(source, copies);
                self.took(revision, taken);
            }
            (Sides::Purchases(merge), Pages::Purchases { source, copies }) => {
                let taken = merge.take(source, copies);
                self.took(revision, taken);
            }
            // Pages of the other listing are of an earlier sweep: they say nothing here.
            (Sides::Customers(_), Pages::Purchases { .. })
            | (Sides::Purchases(_), Pages::Customers { .. }) => {}
        }
    }

    fn took<T: Source>(&mut self, revision: RevisionSeen, taken: Taken<T>) {
        self.tally.revision = self.tally.revision.and(revision);
        self.order = self.order.and(taken.order);
        if self.order == Order::Kept {
            for pair in taken.pairs {
                self.pair(pair);
            }
        }
    }

    /// Whether a listing lost its order, so that this sweep proves nothing.
    #[must_use]
    pub fn disordered(&self) -> bool {
        self.order == Order::Broken
    }

    /// What it saw. Customers that could not be copied and own nothing to copy hold nothing back
    /// (I-13): what is wrong with them is reported among what was left out.
    #[must_use]
    pub fn into_tally(self) -> Tally {
        let mut tally = self.tally;
        let of_purchases = match self.sides {
            Sides::Purchases(_) => self.failed_customers,
            Sides::Customers(_) => BTreeMap::new(),
        };
        for (_, finding) in of_purchases {
            let why = finding
                .detail
                .map_or_else(String::new, |detail| format!(" ({detail})"));
            tally.exclusions.add(Finding {
                detail: Some(format!(
                    "It could not be copied{why}. It owns nothing to copy and holds nothing back."
                )),
                ..finding
            });
        }
        tally
    }
}
