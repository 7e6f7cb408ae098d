//! A sweep: one run over both sides of one listing, page by page.
//!
//! It is a state machine without I/O: [`Sweep::wanted`] says which calls it needs next, and the
//! `took_*` functions take their outcomes in. What it cannot settle it counts as unsettled, so that the
//! next sweep looks again; it never guesses.
//!
//! Of subscriptions and assets it keeps a window: a page of each side and the items of one page that
//! wait for an answer, at about 400 bytes each; of what people are told the first 8,000 rows of a
//! report. Of customers it keeps what the gates need and a count cannot tell, which grows with the
//! reseller: for each that owns something uncopied and was asked for its options 16 bytes, and
//! a digest (about 150 bytes) for the first 20,000 of them; for each that lacks options its id and name
//! (about 200 bytes); for each that is not in sync its id (about 60 bytes); for each whose copy failed
//! one finding (about 300 bytes). A reseller with 100,000 customers that all lack options costs 20 MB
//! while it waits for them, and one that is in order 2 MB. An id has at most 128 bytes by the contract, and
//! of a name 60 letters are kept, so there is no more to it.

use std::collections::{BTreeMap, BTreeSet};

mod candidates;
pub(super) mod classify;
mod compare;
mod copying;
mod items;
pub(super) mod merge;
pub(super) mod preflight;
mod scope;
pub(super) mod tally;

pub(super) use scope::Scope;
pub use scope::{Hand, SweepMode};

use super::effect::{InspectCalls, Pages, PagesRequest};
use crate::bss::error::BlockerTally;
use crate::bss::port::{
    BlockerReason, BusinessKey, CopyItem, CopyListing, Customer, Digest, Purchase, SourceId,
};
use candidates::Candidate;
use copying::Lost;
use merge::{Merge, Order, Pair};
use tally::{Finding, RevisionSeen, Tally};

/// Both listings, of one kind or the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sides {
    Customers(Merge<Customer>),
    Purchases(Merge<Purchase>),
}

/// What a sweep needs next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Pages of the two listings.
    Pages(PagesRequest),
    /// Pricing states and checks.
    Inspect(InspectCalls),
    /// Copies, in batches.
    Copy(Vec<Vec<CopyItem>>),
    /// Look-ups of copies whose outcome is unknown.
    Find(Vec<Vec<BusinessKey>>),
    /// Nothing: it is over.
    Nothing,
}

/// One run over both sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    /// What it may do.
    pub mode: SweepMode,
    hand: Hand,
    scope: Scope,
    sides: Sides,
    /// Items of the present window that still need their owner's pricing or a check.
    candidates: Vec<Candidate>,
    /// Items of the present window that are looked up before they are copied.
    to_look: BTreeMap<BusinessKey, CopyItem>,
    /// Items of the present window that are to be copied.
    to_copy: BTreeMap<SourceId, CopyItem>,
    /// Items whose copy was sent and whose outcome is unknown.
    unknown: BTreeMap<BusinessKey, (CopyItem, Lost)>,
    /// Owners whose pricing was asked for already in this sweep, by hash.
    owners_seen: BTreeSet<u128>,
    /// Digests of pricing options that this sweep has seen, by owner. The BSS compares them with each
    /// copy, so that one which has changed since costs a conflict and another sweep, nothing else.
    prices: BTreeMap<SourceId, Digest>,
    /// Customers that lack something, from the sweep over customers before this one.
    unsynced: BTreeSet<SourceId>,
    /// Owners of something to copy among the customers that could not be copied.
    failed_customers: BTreeMap<SourceId, Finding>,
    /// Whether the listings kept their order.
    order: Order,
    /// Why the BSS refused items for what they all rest on, and how many it did.
    refused: Option<(BlockerReason, u32)>,
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
    }

    fn new(mode: SweepMode, scope: Scope, sides: Sides) -> Self {
        Self {
            mode,
            hand: Hand::Bss,
            scope,
            sides,
            candidates: Vec::new(),
            to_look: BTreeMap::new(),
            to_copy: BTreeMap::new(),
            unknown: BTreeMap::new(),
            owners_seen: BTreeSet::new(),
            prices: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            failed_customers: BTreeMap::new(),
            order: Order::Kept,
            refused: None,
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

    /// Says who copies.
    #[must_use]
    pub fn by(self, hand: Hand) -> Self {
        Self { hand, ..self }
    }

    /// Which listing it runs over.
    #[must_use]
    pub fn listing(&self) -> CopyListing {
        match self.sides {
            Sides::Customers(_) => CopyListing::Customers,
            Sides::Purchases(_) => CopyListing::Subscriptions,
        }
    }

    /// Whether a page was read.
    #[must_use]
    pub fn begun(&self) -> bool {
        self.tally.revision != RevisionSeen::None
    }

    /// What it needs next.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        if !self.unknown.is_empty() {
            let keys: Vec<BusinessKey> = self.unknown.keys().cloned().collect();
            return Wanted::Find(self.batches(&keys));
        }
        // First all that is to be known of the window, then all that is to be copied of it: halves
        // of batches would leave the BSS idle.
        if !self.candidates.is_empty() {
            return Wanted::Inspect(self.inspection());
        }
        if !self.to_look.is_empty() {
            let keys: Vec<BusinessKey> = self.to_look.keys().cloned().collect();
            return Wanted::Find(self.batches(&keys));
        }
        if !self.to_copy.is_empty() {
            let items: Vec<CopyItem> = self.to_copy.values().cloned().collect();
            return Wanted::Copy(self.batches(&items));
        }
        self.pages().map_or(Wanted::Nothing, Wanted::Pages)
    }

    /// The pages that it will need when what is to be copied now is copied. They can be read while the
    /// last copies are under way: what they list lies behind everything that this window copies.
    ///
    /// Only where the BSS refuses a second copy: a look that is a moment older costs nothing there.
    #[must_use]
    pub fn ahead(&self) -> Option<PagesRequest> {
        let copies = self.mode == SweepMode::Copy && self.hand == Hand::Bss;
        let known = self.unknown.is_empty() && self.candidates.is_empty();
        (copies && known).then(|| self.pages()).flatten()
    }

    /// The next pages of both sides; none when all were read.
    fn pages(&self) -> Option<PagesRequest> {
        let limit = self.scope.page_size;
        let ((source, copies), finished) = match &self.sides {
            Sides::Customers(merge) => (merge.wanted(limit), merge.finished()),
            Sides::Purchases(merge) => (merge.wanted(limit), merge.finished()),
        };
        (!finished).then(|| PagesRequest {
            listing: self.listing(),
            source,
            copies,
        })
    }

    /// Takes pages in and works off every pair that they complete.
    pub fn took_pages(&mut self, pages: Pages) {
        match (pages, &mut self.sides) {
            (Pages::Customers { source, copies }, Sides::Customers(merge)) => {
                if let Some(page) = source {
                    self.tally.revision = self.tally.revision.page(page.revision);
                    self.order = worse(self.order, merge.push_sources(page));
                }
                if let Some(page) = copies {
                    self.tally.revision = self.tally.revision.page(page.revision);
                    self.order = worse(self.order, merge.push_copies(page));
                }
            }
            (Pages::Purchases { source, copies }, Sides::Purchases(merge)) => {
                if let Some(page) = source {
                    self.tally.revision = self.tally.revision.page(page.revision);
                    self.order = worse(self.order, merge.push_sources(page));
                }
                if let Some(page) = copies {
                    self.tally.revision = self.tally.revision.page(page.revision);
                    self.order = worse(self.order, merge.push_copies(page));
                }
            }
            // Pages of the other listing are of an earlier sweep: they say nothing here.
            (Pages::Customers { .. } | Pages::Purchases { .. }, _) => return,
        }
        if self.order == Order::Kept {
            self.drain();
        }
    }

    /// Whether items were refused for what all of them rest on: a tenant that was suspended, back
    /// ordering that is on. That says nothing about the items.
    #[must_use]
    pub fn refused_as_a_whole(&self) -> Option<BlockerTally> {
        self.refused.map(|(reason, count)| BlockerTally {
            reason,
            count,
            examples: Vec::new(),
        })
    }

    /// Whether a listing lost its order, so that this sweep proves nothing.
    #[must_use]
    pub fn disordered(&self) -> bool {
        self.order == Order::Broken
    }

    fn drain(&mut self) {
        loop {
            let next = match &mut self.sides {
                Sides::Customers(merge) => merge.next_pair().map(Either::Customer),
                Sides::Purchases(merge) => merge.next_pair().map(Either::Purchase),
            };
            match next {
                Some(Either::Customer(pair)) => self.customer(&pair),
                Some(Either::Purchase(pair)) => self.purchase(&pair),
                None => return,
            }
        }
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

    fn batches<T: Clone>(&self, all: &[T]) -> Vec<Vec<T>> {
        all.chunks(usize::from(self.scope.batch.max(1)))
            .map(<[T]>::to_vec)
            .collect()
    }
}

fn worse(one: Order, other: Order) -> Order {
    if one == Order::Broken { one } else { other }
}

enum Either {
    Customer(Pair<Customer>),
    Purchase(Pair<Purchase>),
}
