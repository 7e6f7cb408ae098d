//! The sweep lives here: one run over both sides of one listing, page by page, and the rules by which it
//! judges an item. It may touch the values of the BSS port, the keys of an upgrade and the requests of an
//! effect. It must not call anything, know a phase, or decide what the upgrade does next.
//!
//! A sweep is a pipeline. [`Sweep::wanted`] hands out the calls that can be made now, [`Sweep::begins`] says
//! which of them are under way, and the `took_*` functions take their outcomes in, in whatever order they
//! come. Pages of both sides are read ahead; look-ups, checks and copies of many items run side by side, up
//! to the calls that the connection allows. An item that a sweep cannot settle is counted as unsettled, so
//! that the next sweep looks again; a sweep never guesses.
//!
//! A page that is read behind the copying tells where pages begin, and nothing else (`following`).
//!
//! The files: `reading` reads a listing, `merge` joins the two, `classify` and `compare` judge a pair, `items` draws the
//! consequences, `candidates` and `copying` hold the items that wait for an answer, `tally` and
//! `findings` hold what was seen, `scope` says what the sweep is about. `preflight` is a smaller look, at
//! what can be known before the tenant exists.
//!
//! Of subscriptions and assets a sweep keeps a few pages: two of each side, and the items that wait for an
//! answer, at about 400 bytes each ([`Scope::room`]); of what people are told the first 8,000 rows of a
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
pub(super) mod defaults;
pub(super) mod findings;
mod following;
mod items;
pub(super) mod merge;
pub(super) mod preflight;
pub(super) mod reading;
mod scope;
mod sides;
pub(super) mod tally;
mod trail;

pub(super) use scope::Scope;
pub use scope::{CopyMethod, SweepMode};
pub(super) use trail::Trails;

use super::effect::{Listed, SweepCall};
use crate::bss::port::{CopyListing, Cursor, PricingState, SourceId, Strength};
use candidates::{Asking, Candidates};
use copying::Copies;
use findings::Finding;
use following::Following;
use items::Source;
use merge::{Merge, Taken};
use reading::{Ahead, Order};
use scope::Rest;
use sides::Sides;
use tally::{RevisionSeen, Tally};
use trail::Trail;

/// How the steps of a sweep follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    SideBySide,
    OneAfterAnother,
}

/// Whether a sweep digests the pricing options of the owners that it comes across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum PricingDigest {
    Made,
    NotMade,
}

/// One run over both sides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    /// What it may do.
    pub mode: SweepMode,
    method: CopyMethod,
    scope: Scope,
    sides: Sides,
    /// How many of its calls are under way.
    under_way: usize,
    /// Items that still need their owner's pricing or a check.
    candidates: Candidates,
    /// Items that are copied.
    copies: Copies,
    /// Customers that lack something, from the sweep over customers before this one.
    unsynced: BTreeSet<SourceId>,
    /// Owners of something to copy among the customers that could not be copied.
    failed_customers: BTreeMap<SourceId, Finding>,
    /// Customers that have their copy, by hash, from the sweep over customers before this one.
    copied_customers: BTreeSet<u128>,
    /// The reading behind the copying, where it is of use.
    following: Option<Following>,
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
            under_way: 0,
            candidates: Candidates::default(),
            copies: Copies::default(),
            unsynced: BTreeSet::new(),
            failed_customers: BTreeMap::new(),
            copied_customers: BTreeSet::new(),
            following: None,
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

    /// Says which options the sweep before this one has seen. A copy is made under the options that were
    /// checked (I-10); where the BSS compares them with each copy, other ones cost a conflict.
    #[must_use]
    pub fn under(mut self, options: BTreeMap<SourceId, PricingState>) -> Self {
        if self.mode == SweepMode::Copy && self.scope.items == Strength::Strong {
            self.candidates.have_options(options);
        }
        self
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

    /// Says where the pages began in an earlier sweep over the same listing.
    #[must_use]
    pub(super) fn expecting(self, trails: Option<&(Trail, Trail)>) -> Self {
        match trails {
            Some(trails) => Self {
                sides: self.sides.expecting(trails),
                ..self
            },
            None => self,
        }
    }

    /// Which listing it runs over.
    #[must_use]
    pub fn listing(&self) -> CopyListing {
        self.sides.listing()
    }

    /// Whether a page was read or asked for.
    #[must_use]
    pub fn begun(&self) -> bool {
        self.under_way > 0 || self.tally.revision != RevisionSeen::None
    }

    /// The calls that can be made now beside those under way; none when it is over, and no call when it
    /// waits for those under way.
    #[must_use]
    pub fn wanted(&self) -> Option<Vec<SweepCall>> {
        if self.is_finished() {
            return None;
        }
        let room = self.scope.at_once.max(1).saturating_sub(self.under_way);
        Some(if self.steps() == Steps::OneAfterAnother {
            self.next_step(room)
        } else {
            self.side_by_side(room)
        })
    }

    /// Where the BSS refuses a second copy, a look that is a moment older costs nothing. Else one step
    /// follows another, so that a look-up is followed by its copies and by nothing else.
    fn steps(&self) -> Steps {
        let careful = match self.method {
            CopyMethod::BssAfterLookUp | CopyMethod::Asked => true,
            CopyMethod::Bss | CopyMethod::Person => false,
        };
        if careful && self.mode == SweepMode::Copy {
            Steps::OneAfterAnother
        } else {
            Steps::SideBySide
        }
    }

    /// Every step at the same time: full batches, and what fills none when no other item can come.
    fn side_by_side(&self, room: usize) -> Vec<SweepCall> {
        let scope = &self.scope;
        let at_hand = self.candidates.len().saturating_add(self.copies.len());
        let pages = if at_hand < scope.room() {
            let ahead = Ahead::Pages(scope.pages_ahead());
            self.sides.wanted(scope, self.mode, ahead)
        } else {
            Vec::new()
        };
        let no_page = pages.is_empty() && !self.sides.are_read();
        let nothing_before = no_page && self.candidates.is_empty();
        // Items are settled in their order, and many may wait for few owners, which fill no batch.
        let many = at_hand >= scope.room() / 4;
        let asking = self.candidates.asks_for_options();
        let rest = Rest::goes_if(no_page || (many && asking != Asking::UnderWay));
        let listing = self.listing();
        let copies = self.copies.to_copy(scope, Rest::goes_if(nothing_before));
        let copies = copies.map(|batch| SweepCall::Copy(listing, batch));
        let found = self.copies.to_find(scope);
        // What is checked may wait for options, and these for others that are asked for.
        let nobody_asked = (no_page || many) && asking == Asking::Nobody;
        let none_awaited = no_page && nobody_asked && !self.candidates.waits_for_options();
        let asked = self.candidates.pricing(scope, rest);
        let set = self.candidates.defaults(scope, Rest::goes_if(nobody_asked));
        let checked = self.candidates.checks(scope, Rest::goes_if(none_awaited));
        let pages = pages.into_iter().chain(self.behind());
        let calls = found.chain(pages).chain(copies).chain(asked);
        calls.chain(set).chain(checked).take(room).collect()
    }

    /// What became of lost copies, then what is to be known, then the look-ups, then the copies, and only
    /// then other pages.
    fn next_step(&self, room: usize) -> Vec<SweepCall> {
        let scope = &self.scope;
        if !self.copies.are_known() {
            return self.copies.to_find(scope).take(room).collect();
        }
        if !self.candidates.is_empty() {
            let asked = self.candidates.pricing(scope, Rest::Goes);
            let checked = self.candidates.checks(scope, Rest::Goes);
            return asked.chain(checked).take(room).collect();
        }
        if !self.copies.are_looked_up() {
            return self.copies.to_look_up(scope).take(room).collect();
        }
        if !self.copies.is_empty() {
            let listing = self.listing();
            let copies = self.copies.to_copy(scope, Rest::Goes);
            let room = if self.method == CopyMethod::Asked {
                usize::from(!self.copies.are_sent())
            } else {
                room
            };
            let asked = copies.map(|mut batch| {
                if self.method == CopyMethod::Asked {
                    batch.truncate(1);
                }
                SweepCall::Copy(listing, batch)
            });
            return asked.take(room).collect();
        }
        let pages = self.sides.wanted(scope, self.mode, Ahead::Nothing);
        pages.into_iter().take(room).collect()
    }

    /// These of its calls are under way from now on.
    pub fn begins(&mut self, calls: &[SweepCall]) {
        self.under_way = self.under_way.saturating_add(calls.len());
        for call in calls {
            match call {
                SweepCall::Sources(_, page) => self.sides.asked_for_sources(page),
                SweepCall::Copies(_, page) => match &mut self.following {
                    Some(following) if self.sides.has_all_copies() => following.asked(),
                    Some(_) | None => self.sides.asked_for_copies(page),
                },
                SweepCall::Pricing(owners) => self.candidates.asks_for_pricing(owners),
                SweepCall::SetPricing(batch) => self.candidates.sets(batch),
                SweepCall::Check(_, sources) => self.candidates.asks_for_checks(sources),
                SweepCall::Find(keys) => self.copies.looks_up(keys),
                SweepCall::Copy(_, items) => self.copies.sends(items),
            }
        }
    }

    /// No call is under way any more. What was not answered was not done, or is asked for again.
    pub fn nothing_under_way(&mut self) {
        self.under_way = 0;
        // Its page did not come. What only saves time later must not hold the copying up a second time.
        self.following.take_if(|following| following.is_under_way());
        self.sides.nothing_under_way();
        self.candidates.nothing_under_way();
        self.copies.nothing_under_way();
    }

    fn a_call_came_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether calls are under way.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.under_way > 0
    }

    /// The items that are copied next, as many as stand on record at a time.
    #[must_use]
    pub fn next_copies(&self, most: usize) -> Vec<SourceId> {
        self.copies.next(most)
    }

    /// Whether it needs nothing any more. Pages that are under way belong to it: the next sweep must not
    /// take them for its own.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.copies.is_empty()
            && self.candidates.is_empty()
            && self.sides.are_finished()
            && !self.sides.are_read()
            && !self.following.as_ref().is_some_and(Following::is_under_way)
    }

    /// Takes the page that begins at a cursor in, and works off every pair that it completes.
    pub fn took_page(&mut self, from: Option<Cursor>, page: Listed) {
        let revision = RevisionSeen::page(RevisionSeen::None, page.revision());
        self.a_call_came_back();
        let behind = self.is_behind(from.as_ref());
        match (&mut self.sides, page) {
            (Sides::Customers(_), Listed::Copies(CopyListing::Customers, page))
            | (Sides::Purchases(_), Listed::Copies(CopyListing::Subscriptions, page))
                if behind =>
            {
                self.took_page_behind(from.as_ref(), page);
            }
            (Sides::Customers(merge), Listed::Customers(page)) => {
                for customer in &page.items {
                    self.tally.unlisted.remove(&customer.id);
                }
                let taken = merge.take_sources(from, page);
                self.took(revision, taken);
            }
            (Sides::Purchases(merge), Listed::Purchases(page)) => {
                let taken = merge.take_sources(from, page);
                self.took(revision, taken);
            }
            (Sides::Customers(merge), Listed::Copies(CopyListing::Customers, page)) => {
                let taken = merge.take_copies(from, page);
                self.took(revision, taken);
            }
            (Sides::Purchases(merge), Listed::Copies(CopyListing::Subscriptions, page)) => {
                let taken = merge.take_copies(from, page);
                self.took(revision, taken);
            }
            // A page of the other listing is of an earlier sweep: it says nothing here.
            (
                Sides::Customers(_),
                Listed::Purchases(_) | Listed::Copies(CopyListing::Subscriptions, _),
            )
            | (
                Sides::Purchases(_),
                Listed::Customers(_) | Listed::Copies(CopyListing::Customers, _),
            ) => {}
        }
    }

    fn took<T: Source>(&mut self, revision: RevisionSeen, taken: Taken<T>) {
        self.tally.revision = self.tally.revision.and(revision);
        self.order = self.order.and(taken.order);
        if self.order == Order::Kept {
            for pair in taken.pairs {
                self.pair(pair);
            }
            // Their owners' options may be known already.
            self.settle_candidates();
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
        tally.options = self.candidates.into_options();
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

#[cfg(test)]
mod pipeline_tests;
