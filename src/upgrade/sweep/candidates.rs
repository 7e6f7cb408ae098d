//! Items that wait for their owner's pricing options or for a check, before the sweep can settle them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::classify::HalfMarked;
use super::defaults::Setting;
use super::findings::{Finding, ManualStep};
use super::scope::{Rest, Scope};
use super::{PricingDigest, Sweep, SweepMode};
use crate::bss::port::{
    Blocker, BlockerReason, CheckTarget, CopyItem, Digest, ItemKind, PricingState, SourceId,
};
use crate::upgrade::effect::{Answered, SweepCall};
use crate::upgrade::keys::hash128;

/// The pricing options of so many owners are kept: memory is bounded, whatever the reseller's size.
const MOST_PRICES: usize = 20_000;
/// So many letters of a customer's name are kept.
const LONGEST_NAME: usize = 60;

/// An item that waits for its pricing or check before it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Candidate {
    pub(super) item: CopyItem,
    pub(super) owner: Option<SourceId>,
    pub(super) half_marked: HalfMarked,
    pub(super) writer: Writer,
    pub(super) pricing: Asked<PricingState>,
    pub(super) check: Asked<Vec<Blocker>>,
}

/// Who writes an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Writer {
    /// The operator asks the BSS for it.
    Operator,
    /// A person does it on a screen.
    Person,
}

/// What is known of something that a candidate waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked<T> {
    /// It is not needed.
    Needless,
    /// It was not asked for yet, or its call failed: it is asked for again.
    Awaited,
    /// Its call is under way.
    UnderWay,
    /// Its call was answered, and the reply left this item out.
    LeftOut,
    /// This was answered.
    Answered(T),
}

impl<T> Asked<T> {
    /// Takes the answer of a call that asked for this item.
    fn answered(&mut self, answer: Option<T>) {
        if self.is_open() {
            *self = answer.map_or(Self::LeftOut, Self::Answered);
        }
    }

    fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }

    /// Whether its answer is still to come.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Awaited | Self::UnderWay)
    }

    fn goes_out(&mut self) {
        if self.is_awaited() {
            *self = Self::UnderWay;
        }
    }

    fn is_not_under_way(&mut self) {
        if matches!(self, Self::UnderWay) {
            *self = Self::Awaited;
        }
    }
}

/// Whether owners are asked for their pricing options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// No owner is to be asked.
    Nobody,
    /// Owners are to be asked, and no call is under way.
    NotYet,
    /// Owners are being asked.
    UnderWay,
}

/// An owner whose pricing options are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner {
    options: Asked<PricingState>,
    /// Whether its options are digested.
    digested: PricingDigest,
}

/// The items that wait, in the order of the listing, and the pricing options that this sweep knows already.
/// An item is settled when its answers are there and every item before it is settled: what people read does
/// not depend on which of two calls was answered first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Candidates {
    waiting: VecDeque<Candidate>,
    /// Owners whose options are asked for.
    owners: BTreeMap<SourceId, Owner>,
    /// Owners that were taken into account already in this sweep, by hash.
    owners_seen: BTreeSet<u128>,
    /// Pricing options that this sweep has seen, by owner. The BSS compares them with each copy, so that
    /// options which have changed since cost a conflict and another sweep, nothing else.
    seen: BTreeMap<SourceId, PricingState>,
    /// The owners that get default options, where there are any.
    pub(super) setting: Option<Setting>,
}

impl Candidates {
    /// Takes options over that another sweep has seen.
    pub(super) fn have_options(&mut self, options: BTreeMap<SourceId, PricingState>) {
        self.seen = options;
    }

    /// The options that were seen.
    pub(super) fn into_options(self) -> BTreeMap<SourceId, PricingState> {
        self.seen
    }

    /// Whether owners are asked for their options.
    pub(super) fn asks_for_options(&self) -> Asking {
        let owners = || self.owners.values().map(|owner| &owner.options);
        if owners().any(|options| matches!(options, Asked::UnderWay)) {
            Asking::UnderWay
        } else if owners().any(Asked::is_awaited) {
            Asking::NotYet
        } else {
            Asking::Nobody
        }
    }

    /// Whether a check waits for the options of an owner.
    pub(super) fn waits_for_options(&self) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|candidate| self.waits_for_defaults(candidate))
    }

    /// An owner is asked for its options again.
    pub(super) fn asks_again(&mut self, owner: &SourceId) {
        if let Some(owner) = self.owners.get_mut(owner) {
            owner.options = Asked::Awaited;
        }
    }

    /// Whether no item waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.owners.is_empty()
    }

    /// The first item that waits.
    pub(super) fn first(&self) -> Option<&SourceId> {
        self.waiting.front().map(|candidate| &candidate.item.source)
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds an owner whose options are digested, once in a sweep.
    pub(super) fn add_owner(&mut self, owner: &SourceId) {
        if self.owners_seen.insert(hash128(&[owner.as_str()])) {
            let options = Asked::Awaited;
            let digested = PricingDigest::Made;
            self.owners
                .insert(owner.clone(), Owner { options, digested });
        }
    }

    /// Adds an item. The options of its owner are asked for once.
    pub(super) fn add(&mut self, mut candidate: Candidate) {
        if let Some(owner) = candidate
            .owner
            .as_ref()
            .filter(|_| candidate.pricing.is_open())
        {
            match self.seen.get(owner) {
                Some(seen) => candidate.pricing = Asked::Answered(seen.clone()),
                None => {
                    self.owners.entry(owner.clone()).or_insert(Owner {
                        options: Asked::Awaited,
                        digested: PricingDigest::NotMade,
                    });
                }
            }
        }
        self.waiting.push_back(candidate);
    }

    /// Adds a candidate if it is the first of its owner in this sweep.
    pub(super) fn add_first_of_owner(&mut self, candidate: Candidate) {
        if let Some(owner) = &candidate.owner
            && self.owners_seen.insert(hash128(&[owner.as_str()]))
        {
            self.add(candidate);
        }
    }

    /// The calls that ask for pricing options.
    pub(super) fn pricing(&self, scope: &Scope, rest: Rest) -> impl Iterator<Item = SweepCall> {
        let owners = self.owners.iter();
        let awaited = owners.filter(|(_, owner)| owner.options.is_awaited());
        let owners = awaited.map(|(id, _)| id.clone());
        scope.batches(owners, rest).map(SweepCall::Pricing)
    }

    /// The calls that check.
    pub(super) fn checks(&self, scope: &Scope, rest: Rest) -> impl Iterator<Item = SweepCall> {
        let waiting = self.waiting.iter();
        let awaited = waiting.filter(|candidate| {
            candidate.check.is_awaited() && !self.waits_for_defaults(candidate)
        });
        let sources = awaited.map(|candidate| candidate.item.source.clone());
        let target = CheckTarget::Tenant(scope.tenant.clone());
        scope
            .batches(sources, rest)
            .map(move |batch| SweepCall::Check(target.clone(), batch))
    }

    /// The options of these owners are being asked for.
    pub(super) fn asks_for_pricing(&mut self, owners: &[SourceId]) {
        for id in owners {
            if let Some(owner) = self.owners.get_mut(id) {
                owner.options.goes_out();
            }
        }
    }

    /// These items are being checked.
    pub(super) fn asks_for_checks(&mut self, sources: &[SourceId]) {
        let asked: BTreeSet<&SourceId> = sources.iter().collect();
        for candidate in &mut self.waiting {
            if asked.contains(&candidate.item.source) {
                candidate.check.goes_out();
            }
        }
    }

    /// No call is under way: what was not answered is asked for again.
    pub(super) fn nothing_under_way(&mut self) {
        for owner in self.owners.values_mut() {
            owner.options.is_not_under_way();
        }
        if let Some(setting) = &mut self.setting {
            setting.nothing_under_way();
        }
        for candidate in &mut self.waiting {
            candidate.check.is_not_under_way();
        }
    }

    /// Several candidates may have one owner, and each takes the owner's answer. Answers with the owners
    /// whose options are digested.
    fn took_pricing(
        &mut self,
        mut batch: Answered<PricingState>,
    ) -> Vec<(SourceId, Asked<PricingState>)> {
        for id in std::mem::take(&mut batch.asked) {
            if self.gets_defaults(&id, batch.answers.get(&id)) {
                if let Some(owner) = self.owners.get_mut(&id) {
                    owner.options = Asked::Needless;
                }
            } else {
                batch.asked.push(id);
            }
        }
        let asked: BTreeSet<&SourceId> = batch.asked.iter().collect();
        for candidate in &mut self.waiting {
            if let Some(owner) = candidate.owner.as_ref().filter(|id| asked.contains(id)) {
                candidate
                    .pricing
                    .answered(batch.answers.get(owner).cloned());
            }
        }
        let mut digested = Vec::new();
        for id in batch.asked {
            let Some(mut owner) = self.owners.remove(&id) else {
                continue;
            };
            let answer = batch.answers.remove(&id);
            if let Some(options) = &answer
                && self.seen.len() < MOST_PRICES
            {
                self.seen.insert(id.clone(), options.clone());
            }
            owner.options.answered(answer);
            if owner.digested == PricingDigest::Made {
                digested.push((id, owner.options));
            }
        }
        digested
    }

    fn took_checks(&mut self, mut batch: Answered<Vec<Blocker>>) {
        let asked: BTreeSet<&SourceId> = batch.asked.iter().collect();
        for candidate in &mut self.waiting {
            let source = &candidate.item.source;
            if asked.contains(source) {
                candidate.check.answered(batch.answers.remove(source));
            }
        }
    }

    /// The next item, if its answers are there.
    fn next_answered(&mut self) -> Option<Candidate> {
        self.waiting
            .pop_front_if(|candidate| !candidate.pricing.is_open() && !candidate.check.is_open())
    }
}

impl Sweep {
    /// Takes one batch of pricing states in.
    pub fn took_pricing(&mut self, batch: Answered<PricingState>) {
        self.a_call_came_back();
        for (owner, options) in self.candidates.took_pricing(batch) {
            self.digest_options(owner, options);
        }
        self.settle_candidates();
    }

    /// Takes one batch of checks in.
    pub fn took_checks(&mut self, batch: Answered<Vec<Blocker>>) {
        self.a_call_came_back();
        self.candidates.took_checks(batch);
        self.settle_candidates();
    }

    pub(super) fn settle_candidates(&mut self) {
        while let Some(candidate) = self.candidates.next_answered() {
            match self.mode {
                SweepMode::Copy => self.priced(candidate),
                SweepMode::Pricing => self.pricing_seen(candidate),
                SweepMode::Check => self.checked(candidate),
                SweepMode::Last => self.left_to_the_switch(candidate),
                SweepMode::Final | SweepMode::Verify => {}
            }
        }
    }

    /// Takes the options of one owner into the digest.
    fn digest_options(&mut self, owner: SourceId, options: Asked<PricingState>) {
        let digest = match options {
            Asked::Answered(PricingState::Set(digest)) => digest,
            Asked::Answered(PricingState::Missing { .. }) => Digest::from("missing"),
            Asked::Answered(PricingState::Unseen { .. }) => Digest::from("unseen"),
            Asked::LeftOut | Asked::Needless | Asked::Awaited | Asked::UnderWay => {
                let why = "the reply of getPricing left it out";
                self.unsettled(ItemKind::Customer, owner, why);
                return;
            }
        };
        self.tally
            .pricing_digest
            .add(ItemKind::Customer, &owner, &digest);
    }

    /// What the switch copies is checked as for a copy that the operator makes, and listed for people.
    fn left_to_the_switch(&mut self, candidate: Candidate) {
        let item = &candidate.item;
        if item.expected_copy.is_some() && candidate.half_marked == HalfMarked::No {
            // The act copies what has no copy, and brings none up to its source.
            let finding =
                Finding::new(BlockerReason::SourceChanged, item.kind, item.source.clone());
            let behind =
                "its copy is behind it, and the act that switches copies only what has none";
            self.tally.failed(item.kind);
            self.tally.doubt(finding.saying(behind));
            return;
        }
        let owner = candidate.owner.as_ref();
        let count = self.tally.uncopied.entry(item.kind).or_default();
        *count = count.saturating_add(1);
        let step = Finding::new(ManualStep::Copy, item.kind, item.source.clone());
        self.tally.with_the_switch.add(step);
        if let Some(owner) = owner {
            let hash = hash128(&[owner.as_str()]);
            self.tally.uncopied_owners.insert(hash);
            // It is copied into the account of its owner (I-5): that must be there.
            if !self.copied_customers.contains(&hash) {
                let finding = Finding::new(
                    BlockerReason::CustomerNotCopied,
                    item.kind,
                    item.source.clone(),
                );
                self.tally
                    .block(finding.saying(format!("its customer \"{owner}\" has no copy")));
            }
        }
        self.checked(candidate);
    }

    fn priced(&mut self, candidate: Candidate) {
        match candidate.pricing {
            Asked::Answered(PricingState::Set(options)) => {
                self.copies.add_at(candidate.item, options, self.method);
            }
            Asked::Answered(PricingState::Missing { name, .. }) => {
                self.unpriced(candidate.owner, name);
                self.tally.missing = self.tally.missing.saturating_add(1);
            }
            // Copies rest on the options that were checked (I-10): what is not shown cannot be checked.
            Asked::Answered(PricingState::Unseen { .. })
            | Asked::LeftOut
            | Asked::Needless
            | Asked::Awaited
            | Asked::UnderWay => {
                self.left_out(candidate.item, "getPricing");
            }
        }
    }

    fn pricing_seen(&mut self, candidate: Candidate) {
        match candidate.pricing {
            Asked::Answered(PricingState::Set(_)) => {}
            Asked::Answered(PricingState::Missing { name, .. }) => {
                self.unpriced(candidate.owner, name);
            }
            Asked::Answered(PricingState::Unseen { name }) => {
                self.pricing_unseen(candidate.owner, name);
            }
            Asked::LeftOut | Asked::Needless | Asked::Awaited | Asked::UnderWay => {
                self.left_out(candidate.item, "getPricing");
            }
        }
    }

    /// The BSS does not show the options of this owner: a person confirms that they are set.
    fn pricing_unseen(&mut self, owner: Option<SourceId>, name: Option<String>) {
        if let Some(owner) = owner {
            let name = name.map(|name| name.chars().take(LONGEST_NAME).collect());
            self.tally.unseen_pricing.insert(owner, name);
        }
    }

    fn unpriced(&mut self, owner: Option<SourceId>, name: Option<String>) {
        if let Some(owner) = owner {
            // People are shown no more of it.
            let name = name.map(|name| name.chars().take(LONGEST_NAME).collect());
            self.tally.unpriced.insert(owner, name);
        }
    }

    fn checked(&mut self, candidate: Candidate) {
        let Candidate {
            item,
            owner,
            half_marked: _,
            writer: _,
            pricing,
            check,
        } = candidate;
        self.tally.missing = self.tally.missing.saturating_add(1);
        let mut all = match check {
            Asked::Answered(blockers) => blockers,
            Asked::LeftOut | Asked::Needless | Asked::Awaited | Asked::UnderWay => {
                self.left_out(item, "checkPurchases");
                return;
            }
        };
        if let Some(owner) = owner.as_ref().filter(|id| self.unsynced.contains(id)) {
            all.push(Blocker {
                reason: BlockerReason::AccountNotSynced,
                detail: Some(format!("the account of customer \"{owner}\"")),
            });
        }
        match pricing {
            Asked::Answered(PricingState::Set(_)) => {}
            // Missing options send the upgrade back to the gate, which tells of them.
            Asked::Answered(PricingState::Missing { name, .. }) => {
                all.retain(|blocker| blocker.reason != BlockerReason::PricingIncomplete);
                self.unpriced(owner, name);
            }
            Asked::Answered(PricingState::Unseen { name }) => self.pricing_unseen(owner, name),
            Asked::LeftOut | Asked::Needless | Asked::Awaited | Asked::UnderWay => {
                self.left_out(item.clone(), "getPricing");
            }
        }
        self.blocked_by(item.kind, &item.source, all);
    }

    fn left_out(&mut self, item: CopyItem, operation: &str) {
        let why = format!("the reply of {operation} left it out");
        self.unsettled(item.kind, item.source, &why);
    }
}
