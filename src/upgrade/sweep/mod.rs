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

pub(super) mod classify;
mod compare;
pub(super) mod merge;
pub(super) mod preflight;
pub(super) mod tally;

use super::effect::{Answered, InspectCalls, Pages, PagesRequest};
use super::keys::{Keys, hash128};
use crate::bss::error::BlockerTally;
use crate::bss::port::{
    AccountId, Blocker, BlockerReason, BusinessKey, ByItem, CheckTarget, CopyItem, CopyListing,
    CopyState, Customer, Digest, Found, ItemKind, ItemOutcome, PricingState, Purchase, SourceId,
    Sync, TenantId,
};
use classify::{Class, HalfMarked};
use compare::Compared;
use merge::{Keyed, Merge, Order, Pair};
use tally::{Finding, RevisionSeen, Subject, Tally};

/// So many digests of pricing options are kept: memory is bounded, whatever the reseller's size.
const MOST_PRICES: usize = 20_000;
/// So many letters of a customer's name are kept.
const LONGEST_NAME: usize = 60;

/// What a sweep may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SweepMode {
    /// Copy what is missing.
    Copy,
    /// Look whether the customers that own something to copy have their pricing options.
    Pricing,
    /// Look, with every pre-check.
    Check,
    /// Look, and see that nothing moves: the last one before the switch. Also finds the owners of
    /// what is to be copied.
    Final,
    /// Look whether both sides agree, after the switch.
    Verify,
}

/// Who copies, and what happens before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hand {
    /// The BSS, which refuses a second copy.
    Bss,
    /// The BSS, which would make a second copy: each item is looked up first.
    BssAfterLookUp,
    /// A person: what is missing is listed.
    Person,
}

/// What a sweep is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The reseller.
    pub reseller: AccountId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its keys.
    pub keys: Keys,
    /// Most items of a page.
    pub page_size: u16,
    /// Most items of a batch.
    pub batch: u16,
}

/// Both listings, of one kind or the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sides {
    Customers(Merge<Customer>),
    Purchases(Merge<Purchase>),
}

/// An item that waits for its pricing or check before it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Candidate {
    item: CopyItem,
    owner: Option<SourceId>,
    half_marked: HalfMarked,
    pricing: Asked<PricingState>,
    check: Asked<Vec<Blocker>>,
}

/// What is known of something that a candidate waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked<T> {
    /// It is not needed.
    Needless,
    /// It was not asked for yet, or its call failed: it is asked for again.
    Awaited,
    /// Its call was answered, and the reply left this item out.
    LeftOut,
    /// This was answered.
    Answered(T),
}

impl<T: Clone> Asked<T> {
    /// Takes the answer of a call that asked for this item.
    fn answered(&mut self, answer: Option<&T>) {
        if matches!(self, Self::Awaited) {
            *self = answer.cloned().map_or(Self::LeftOut, Self::Answered);
        }
    }

    fn awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }
}

/// Why the outcome of a copy is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lost {
    /// The reply of its batch was lost or broken.
    Reply,
    /// The reply of its batch left this item out.
    Item,
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

    fn customer(&mut self, pair: &Pair<Customer>) {
        let Some(id) = id_of(pair) else { return };
        if self.mode == SweepMode::Verify {
            let compared = compare::compare_customer(pair, &self.scope.reseller);
            self.compared(ItemKind::Customer.into(), &id, compared);
            return;
        }
        let class = classify::customer(pair, &self.scope.reseller);
        if let Some(source) = &pair.source {
            if source.sync == Sync::NotSynced {
                self.tally.unsynced.insert(source.id.clone());
            }
            if !matches!(class, Class::Excluded(_)) {
                self.tally
                    .eligible(ItemKind::Customer, &source.id, &source.digest);
            }
        }
        self.settle(
            ItemKind::Customer.into(),
            &id,
            &class,
            pair.source.as_ref().map(|s| &s.digest),
            None,
        );
    }

    fn purchase(&mut self, pair: &Pair<Purchase>) {
        let Some(id) = id_of(pair) else { return };
        let subject = classify::subject_of_purchase(pair);
        if self.mode == SweepMode::Verify {
            let compared = compare::compare_purchase(pair, &self.scope.reseller);
            self.compared(subject, &id, compared);
            return;
        }
        let class = classify::purchase(pair, &self.scope.reseller);
        let to_copy = matches!(
            class,
            Class::Linked
                | Class::Missing { .. }
                | Class::Duplicate
                | Class::Changed(_)
                | Class::Unsettled
        );
        if let Some(source) = pair.source.as_ref().filter(|_| to_copy) {
            self.tally
                .eligible(subject.counted(), &source.id, &source.digest);
            self.owner_of_failed(&source.customer);
        }
        let source = pair.source.as_ref();
        self.settle(
            subject,
            &id,
            &class,
            source.map(|s| &s.digest),
            source.map(|s| &s.customer),
        );
    }

    fn compared(&mut self, kind: Subject, id: &SourceId, compared: Compared) {
        match compared {
            Compared::Nothing => {}
            Compared::Agrees => self.tally.copied(kind.counted()),
            Compared::Differs(how) => self.tally.block(Finding {
                reason: how.as_str(),
                kind,
                source: id.clone(),
                detail: None,
            }),
        }
    }

    /// A customer that could not be copied counts only now that it owns something to copy (I-13).
    fn owner_of_failed(&mut self, owner: &SourceId) {
        if let Some(finding) = self.failed_customers.remove(owner) {
            self.tally.block(finding);
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

    fn settle(
        &mut self,
        subject: Subject,
        id: &SourceId,
        class: &Class,
        digest: Option<&Digest>,
        owner: Option<&SourceId>,
    ) {
        let kind = subject.counted();
        match class {
            Class::Nothing => {}
            Class::Excluded(why) => self.tally.exclude(kind, id, *why),
            Class::Linked => self.tally.copied(kind),
            Class::Unsettled => self.unsettled(kind, id, "source and copies disagree"),
            Class::Duplicate => {
                self.tally.failed(kind);
                self.tally.doubt(Finding {
                    reason: BlockerReason::DuplicateCopy.as_str(),
                    kind: subject,
                    source: id.clone(),
                    detail: None,
                });
            }
            Class::Changed(change) => {
                let finding = Finding {
                    reason: BlockerReason::SourceChanged.as_str(),
                    kind: subject,
                    source: id.clone(),
                    detail: Some(change.told().to_owned()),
                };
                self.tally.failed(kind);
                // A customer counts only if it owns something to copy (I-13).
                if kind == ItemKind::Customer {
                    self.tally.failed_customers.insert(id.clone(), finding);
                } else {
                    self.tally.doubt(finding);
                }
            }
            Class::Orphaned if kind == ItemKind::Customer => self.tally.exclusions.add(Finding {
                reason: BlockerReason::OrphanedCopy.as_str(),
                kind: subject,
                source: id.clone(),
                detail: Some("The customer left the reseller; its copy stays.".to_owned()),
            }),
            Class::Orphaned => {
                self.tally.failed(kind);
                self.tally.doubt(Finding {
                    reason: BlockerReason::OrphanedCopy.as_str(),
                    kind: subject,
                    source: id.clone(),
                    detail: None,
                });
            }
            Class::Missing { copy, half_marked } => {
                let Some(expected_source) = digest.cloned() else {
                    return;
                };
                let item = CopyItem {
                    source: id.clone(),
                    kind,
                    key: self.scope.keys.item(&self.scope.tenant, kind, id),
                    expected_source,
                    expected_copy: copy.clone(),
                    pricing: None,
                };
                let check = match self.mode {
                    SweepMode::Check => Asked::Awaited,
                    SweepMode::Copy | SweepMode::Pricing | SweepMode::Final | SweepMode::Verify => {
                        Asked::Needless
                    }
                };
                self.missing(Candidate {
                    item,
                    owner: owner.cloned(),
                    half_marked: *half_marked,
                    pricing: Asked::Awaited,
                    check,
                });
            }
        }
    }

    fn missing(&mut self, candidate: Candidate) {
        match (self.mode, &candidate.owner) {
            (SweepMode::Copy, _) if self.hand == Hand::Person => {
                self.left_to_people(&candidate);
            }
            (SweepMode::Copy, None) => self.copy(candidate.item),
            (SweepMode::Verify, _) => {}
            (SweepMode::Pricing | SweepMode::Check, None) | (SweepMode::Final, _) => {
                let CopyItem { kind, source, .. } = &candidate.item;
                if candidate.half_marked == HalfMarked::Yes {
                    self.blocked(*kind, source, BlockerReason::HalfMarked);
                } else if *kind == ItemKind::Customer
                    && let Some(finding) = self.failed_customers.remove(source)
                {
                    self.tally.failed(ItemKind::Customer);
                    self.tally.failed_customers.insert(source.clone(), finding);
                }
                self.tally.missing = self.tally.missing.saturating_add(1);
            }
            (SweepMode::Copy, Some(owner)) => match self.prices.get(owner).cloned() {
                Some(digest) => self.copy_at(candidate.item, digest),
                None => self.candidates.push(candidate),
            },
            (SweepMode::Check, Some(_)) => self.candidates.push(candidate),
            (SweepMode::Pricing, Some(owner)) => {
                self.tally.missing = self.tally.missing.saturating_add(1);
                if self.owners_seen.insert(hash128(&[owner.as_str()])) {
                    self.candidates.push(candidate);
                }
            }
        }
    }

    /// Copies an item under the pricing options that were seen.
    fn copy_at(&mut self, mut item: CopyItem, pricing: Digest) {
        item.pricing = Some(pricing);
        self.copy(item);
    }

    /// Copies an item, after a look-up where the BSS would make a second copy.
    fn copy(&mut self, item: CopyItem) {
        if self.hand == Hand::BssAfterLookUp && item.expected_copy.is_none() {
            self.to_look.insert(item.key.clone(), item);
        } else {
            self.to_copy.insert(item.source.clone(), item);
        }
    }

    fn left_to_people(&mut self, candidate: &Candidate) {
        let item = &candidate.item;
        let reason = match (&item.expected_copy, candidate.half_marked) {
            (None, _) => "CopyByHand",
            // Its copy is there, and only its mark is missing.
            (Some(_), HalfMarked::Yes) => "MarkByHand",
            (Some(_), HalfMarked::No) => "UpdateByHand",
        };
        self.tally.by_hand.add(Finding {
            reason,
            kind: item.kind.into(),
            source: item.source.clone(),
            detail: None,
        });
    }

    fn blocked(&mut self, kind: ItemKind, source: &SourceId, reason: BlockerReason) {
        self.tally.failed(kind);
        self.tally.block(Finding {
            reason: reason.as_str(),
            kind: kind.into(),
            source: source.clone(),
            detail: None,
        });
    }

    fn left_out(&mut self, candidate: &Candidate, operation: &str) {
        let CopyItem { kind, source, .. } = &candidate.item;
        let why = format!("the reply of {operation} left it out");
        self.unsettled(*kind, source, &why);
    }

    /// The next sweep will know more.
    fn unsettled(&mut self, kind: ItemKind, source: &SourceId, why: &str) {
        self.tally.unsettled = self.tally.unsettled.saturating_add(1);
        self.tally.unsettled_items.add(Finding {
            reason: "ItemsFailed",
            kind: kind.into(),
            source: source.clone(),
            detail: Some(why.to_owned()),
        });
    }

    fn inspection(&self) -> InspectCalls {
        let owners: BTreeSet<SourceId> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.pricing.awaited())
            .filter_map(|candidate| candidate.owner.clone())
            .collect();
        let owners: Vec<SourceId> = owners.into_iter().collect();
        let sources: Vec<SourceId> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.check.awaited())
            .map(|candidate| candidate.item.source.clone())
            .collect();
        InspectCalls {
            target: CheckTarget::Tenant(self.scope.tenant.clone()),
            pricing: self.batches(&owners),
            checks: self.batches(&sources),
        }
    }

    /// Takes one batch of pricing states in.
    pub fn took_pricing(&mut self, batch: &Answered<PricingState>) {
        let asked: BTreeSet<&SourceId> = batch.asked.iter().collect();
        for candidate in &mut self.candidates {
            if let Some(owner) = candidate.owner.as_ref().filter(|id| asked.contains(id)) {
                candidate.pricing.answered(batch.answers.get(owner));
            }
        }
        self.settle_candidates();
    }

    /// Takes one batch of checks in.
    pub fn took_checks(&mut self, batch: &Answered<Vec<Blocker>>) {
        let asked: BTreeSet<&SourceId> = batch.asked.iter().collect();
        for candidate in &mut self.candidates {
            let source = &candidate.item.source;
            if asked.contains(source) {
                candidate.check.answered(batch.answers.get(source));
            }
        }
        self.settle_candidates();
    }

    /// Settles the window once nothing of it is awaited any more.
    fn settle_candidates(&mut self) {
        let awaited =
            |candidate: &Candidate| candidate.pricing.awaited() || candidate.check.awaited();
        if self.candidates.iter().any(awaited) {
            return;
        }
        for candidate in std::mem::take(&mut self.candidates) {
            match self.mode {
                SweepMode::Copy => self.priced(candidate),
                SweepMode::Pricing => self.pricing_seen(&candidate),
                SweepMode::Check => self.checked(&candidate),
                SweepMode::Final | SweepMode::Verify => {}
            }
        }
    }

    fn priced(&mut self, candidate: Candidate) {
        match &candidate.pricing {
            Asked::Answered(PricingState::Set(digest)) => {
                let digest = digest.clone();
                if let Some(owner) = candidate.owner
                    && self.prices.len() < MOST_PRICES
                {
                    self.prices.insert(owner, digest.clone());
                }
                self.copy_at(candidate.item, digest);
            }
            Asked::Answered(PricingState::Missing { name, .. }) => {
                self.unpriced(&candidate, name.clone());
                self.tally.missing = self.tally.missing.saturating_add(1);
            }
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
                self.left_out(&candidate, "getPricing");
            }
        }
    }

    fn pricing_seen(&mut self, candidate: &Candidate) {
        match &candidate.pricing {
            Asked::Answered(PricingState::Set(_)) => {}
            Asked::Answered(PricingState::Missing { name, .. }) => {
                self.unpriced(candidate, name.clone());
            }
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
                self.left_out(candidate, "getPricing");
            }
        }
    }

    fn unpriced(&mut self, candidate: &Candidate, name: Option<String>) {
        if let Some(owner) = &candidate.owner {
            // People are shown no more of it.
            let name = name.map(|name| name.chars().take(LONGEST_NAME).collect());
            self.tally.unpriced.insert(owner.clone(), name);
        }
    }

    fn checked(&mut self, candidate: &Candidate) {
        let CopyItem { kind, source, .. } = &candidate.item;
        self.tally.missing = self.tally.missing.saturating_add(1);
        let mut all: Vec<Blocker> = match &candidate.check {
            Asked::Answered(reasons) => reasons.clone(),
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
                self.left_out(candidate, "checkPurchases");
                return;
            }
        };
        match &candidate.pricing {
            Asked::Answered(PricingState::Set(_)) => {}
            // Missing options are the gate's affair: they send the upgrade back there.
            Asked::Answered(PricingState::Missing { name, .. }) => {
                all.retain(|b| b.reason != BlockerReason::PricingIncomplete);
                self.unpriced(candidate, name.clone());
            }
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
                self.left_out(candidate, "getPricing");
            }
        }
        let owner = candidate.owner.as_ref();
        if let Some(owner) = owner.filter(|owner| self.unsynced.contains(owner)) {
            all.push(Blocker {
                reason: BlockerReason::AccountNotSynced,
                detail: Some(format!("the account of customer \"{owner}\"")),
            });
        }
        self.blocked_by(*kind, source, all);
    }

    fn blocked_by(&mut self, kind: ItemKind, source: &SourceId, mut reasons: Vec<Blocker>) {
        reasons.sort();
        reasons.dedup();
        if !reasons.is_empty() {
            self.tally.failed(kind);
        }
        for Blocker { reason, detail } in reasons {
            self.tally.block(Finding {
                reason: reason.as_str(),
                kind: kind.into(),
                source: source.clone(),
                detail,
            });
        }
    }

    /// Takes the outcomes of one batch in. Items that the batch did not settle stay.
    pub fn took_copies(&mut self, outcomes: &ByItem<ItemOutcome>) {
        for (source, outcome) in outcomes {
            let Some(item) = self.to_copy.remove(source) else {
                continue;
            };
            match outcome {
                ItemOutcome::Created => {
                    self.tally.written(item.kind);
                    self.tally.created = self.tally.created.saturating_add(1);
                }
                // No progress of its own: it may come back with every sweep.
                ItemOutcome::Unchanged | ItemOutcome::Updated => self.tally.written(item.kind),
                ItemOutcome::Blocked(reasons) => match reasons.iter().find(|b| of_all(b.reason)) {
                    Some(Blocker { reason, .. }) => self.refused_for_all(*reason),
                    None => self.copy_blocked(&item, reasons),
                },
                ItemOutcome::Conflict(why) => self.unsettled(item.kind, source, why),
                ItemOutcome::Failed { class, detail } => {
                    let finding = Finding {
                        reason: "ItemsFailed",
                        kind: item.kind.into(),
                        source: source.clone(),
                        detail: Some(format!("{class}: {detail}")),
                    };
                    self.copy_failed(&item, finding);
                }
                ItemOutcome::Unknown => {
                    self.unknown.insert(item.key.clone(), (item, Lost::Item));
                }
            }
        }
    }

    fn refused_for_all(&mut self, reason: BlockerReason) {
        let (reason, count) = self.refused.unwrap_or((reason, 0));
        self.refused = Some((reason, count.saturating_add(1)));
    }

    fn copy_blocked(&mut self, item: &CopyItem, reasons: &[Blocker]) {
        if item.kind == ItemKind::Customer {
            let text: Vec<&str> = reasons.iter().map(|b| b.reason.as_str()).collect();
            let reason = reasons.first().map_or("ItemsFailed", |b| b.reason.as_str());
            let finding = Finding {
                reason,
                kind: item.kind.into(),
                source: item.source.clone(),
                detail: Some(text.join(", ")),
            };
            self.copy_failed(item, finding);
        } else {
            self.blocked_by(item.kind, &item.source, reasons.to_vec());
        }
    }

    fn copy_failed(&mut self, item: &CopyItem, finding: Finding) {
        self.tally.failed(item.kind);
        if item.kind == ItemKind::Customer {
            self.tally
                .failed_customers
                .insert(item.source.clone(), finding);
        } else {
            self.tally.block(finding);
        }
    }

    /// The outcome of these items is unknown: the reply of their batch was lost or broken.
    pub fn lost_copies(&mut self, sources: &[SourceId]) {
        for source in sources {
            if let Some(item) = self.to_copy.remove(source) {
                self.unknown.insert(item.key.clone(), (item, Lost::Reply));
            }
        }
    }

    /// Takes one batch of look-ups in: what became of items whose outcome was unknown, and what is
    /// there already of those that are to be copied.
    pub fn took_found(&mut self, asked: &[BusinessKey], found: &BTreeMap<BusinessKey, Found>) {
        for key in asked {
            let what = found.get(key);
            if let Some(item) = self.to_look.remove(key) {
                match what {
                    Some(what) => self.looked_up(item, what),
                    None => self.not_looked_up(&item),
                }
            } else if let Some((item, lost)) = self.unknown.remove(key) {
                match what {
                    Some(what) => self.became(&item, lost, what),
                    None => self.not_looked_up(&item),
                }
            }
        }
    }

    fn not_looked_up(&mut self, item: &CopyItem) {
        let why = "the reply of findCopies left it out";
        self.unsettled(item.kind, &item.source, why);
    }

    /// What became of an item whose outcome was unknown.
    fn became(&mut self, item: &CopyItem, lost: Lost, what: &Found) {
        let why = match (lost, self.listing()) {
            (Lost::Reply, CopyListing::Customers) => "the reply of copyCustomers was lost",
            (Lost::Reply, CopyListing::Subscriptions) => "the reply of copySubscriptions was lost",
            (Lost::Item, CopyListing::Customers) => "the reply of copyCustomers left it out",
            (Lost::Item, CopyListing::Subscriptions) => {
                "the reply of copySubscriptions left it out"
            }
        };
        match what {
            Found::One(copy)
                if copy.digest == item.expected_source && copy.state != CopyState::Incomplete =>
            {
                self.tally.written(item.kind);
                self.tally.created = self.tally.created.saturating_add(1);
            }
            // Not there, or not as it should be: the next sweep sees what is true then.
            Found::One(_) | Found::None => self.unsettled(item.kind, &item.source, why),
            Found::Many(_) => {
                self.blocked(item.kind, &item.source, BlockerReason::DuplicateCopy);
            }
        }
    }

    /// A look-up before the copy: only what is not there is copied.
    fn looked_up(&mut self, item: CopyItem, what: &Found) {
        match what {
            Found::None => {
                self.to_copy.insert(item.source.clone(), item);
            }
            Found::One(_) => self.unsettled(
                item.kind,
                &item.source,
                "its copy is found by key and missing in the listing",
            ),
            Found::Many(_) => self.blocked(item.kind, &item.source, BlockerReason::DuplicateCopy),
        }
    }

    fn batches<T: Clone>(&self, all: &[T]) -> Vec<Vec<T>> {
        all.chunks(usize::from(self.scope.batch.max(1)))
            .map(<[T]>::to_vec)
            .collect()
    }
}

/// Whether a reason is about the tenant or the reseller, and not about the item that it is told for.
fn of_all(reason: BlockerReason) -> bool {
    match reason {
        BlockerReason::TenantSuspended | BlockerReason::BackOrderingActive => true,
        BlockerReason::CurrencyMismatch
        | BlockerReason::ProductMissing
        | BlockerReason::AddonMissing
        | BlockerReason::BillingCycleMissing
        | BlockerReason::AccountNotSynced
        | BlockerReason::PricingIncomplete
        | BlockerReason::OrderNotFinal
        | BlockerReason::DuplicateCopy
        | BlockerReason::OrphanedCopy
        | BlockerReason::SourceChanged
        | BlockerReason::NotCopied
        | BlockerReason::HalfMarked
        | BlockerReason::CustomerNotCopied
        | BlockerReason::ResellerNotBasic
        | BlockerReason::OrderingDisabled
        | BlockerReason::PriceListInactive => false,
    }
}

fn worse(one: Order, other: Order) -> Order {
    if one == Order::Broken { one } else { other }
}

enum Either {
    Customer(Pair<Customer>),
    Purchase(Pair<Purchase>),
}

fn id_of<T: Keyed>(pair: &Pair<T>) -> Option<SourceId> {
    pair.source
        .as_ref()
        .map(|source| source.source_id().clone())
        .or_else(|| pair.copies.first().map(|copy| copy.source.clone()))
}
