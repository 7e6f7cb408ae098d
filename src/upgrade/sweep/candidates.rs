//! Items that wait for their owner's pricing options or for a check, before the sweep can settle them.

use std::collections::{BTreeMap, BTreeSet};

use super::classify::HalfMarked;
use super::findings::{Finding, ManualStep};
use super::scope::Scope;
use super::{Sweep, SweepMode};
use crate::bss::port::{
    Blocker, BlockerReason, CheckTarget, CopyItem, Digest, ItemKind, PricingState, SourceId,
};
use crate::upgrade::effect::{Answered, InspectCalls, Read};
use crate::upgrade::keys::hash128;

/// So many digests of pricing options are kept: memory is bounded, whatever the reseller's size.
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
    /// Its call was answered, and the reply left this item out.
    LeftOut,
    /// This was answered.
    Answered(T),
}

impl<T> Asked<T> {
    /// Takes the answer of a call that asked for this item.
    fn answered(&mut self, answer: Option<T>) {
        if matches!(self, Self::Awaited) {
            *self = answer.map_or(Self::LeftOut, Self::Answered);
        }
    }

    fn awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }
}

/// The items of the present window that wait, and the pricing options that this sweep knows already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Candidates {
    waiting: Vec<Candidate>,
    /// Owners whose pricing was asked for already in this sweep, by hash.
    owners_seen: BTreeSet<u128>,
    /// Owners of the present window whose options are digested.
    owners: BTreeMap<SourceId, Asked<PricingState>>,
    /// Digests of pricing options that this sweep has seen, by owner. The BSS compares them with each
    /// copy, so that one which has changed since costs a conflict and another sweep, nothing else.
    prices: BTreeMap<SourceId, Digest>,
}

impl Candidates {
    /// Whether no item waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.owners.is_empty()
    }

    /// Adds an owner whose options are digested, once in a sweep.
    pub(super) fn add_owner(&mut self, owner: &SourceId) {
        if self.owners_seen.insert(hash128(&[owner.as_str()])) {
            self.owners.insert(owner.clone(), Asked::Awaited);
        }
    }

    pub(super) fn add(&mut self, candidate: Candidate) {
        self.waiting.push(candidate);
    }

    /// Adds a candidate if it is the first of its owner in this sweep.
    pub(super) fn add_first_of_owner(&mut self, candidate: Candidate) {
        if let Some(owner) = &candidate.owner
            && self.owners_seen.insert(hash128(&[owner.as_str()]))
        {
            self.add(candidate);
        }
    }

    /// The pricing options of an owner, if this sweep has seen them.
    pub(super) fn options_of(&self, owner: &SourceId) -> Option<Digest> {
        self.prices.get(owner).cloned()
    }

    fn keep_options(&mut self, owner: SourceId, options: Digest) {
        if self.prices.len() < MOST_PRICES {
            self.prices.insert(owner, options);
        }
    }

    /// The calls that tell what is still awaited.
    pub(super) fn to_inspect(&self, scope: &Scope) -> Option<Read> {
        if self.is_empty() {
            return None;
        }
        let owners: BTreeSet<&SourceId> = self
            .waiting
            .iter()
            .filter(|candidate| candidate.pricing.awaited())
            .filter_map(|candidate| candidate.owner.as_ref())
            .collect();
        let digested = self.owners.iter().filter(|(_, asked)| asked.awaited());
        let owners: BTreeSet<&SourceId> = digested.map(|(owner, _)| owner).chain(owners).collect();
        let sources = self
            .waiting
            .iter()
            .filter(|candidate| candidate.check.awaited())
            .map(|candidate| &candidate.item.source);
        Some(Read::Inspect(InspectCalls {
            target: CheckTarget::Tenant(scope.tenant.clone()),
            pricing: scope.batches(owners.into_iter().cloned()),
            checks: scope.batches(sources.cloned()),
        }))
    }

    /// Several candidates may have one owner, and each takes the owner's answer.
    fn took_pricing(&mut self, batch: &Answered<PricingState>) {
        let asked: BTreeSet<&SourceId> = batch.asked.iter().collect();
        for candidate in &mut self.waiting {
            if let Some(owner) = candidate.owner.as_ref().filter(|id| asked.contains(id)) {
                candidate
                    .pricing
                    .answered(batch.answers.get(owner).cloned());
            }
        }
        for owner in &batch.asked {
            if let Some(digested) = self.owners.get_mut(owner) {
                digested.answered(batch.answers.get(owner).cloned());
            }
        }
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

    fn is_awaited(&self) -> bool {
        let awaited =
            |candidate: &Candidate| candidate.pricing.awaited() || candidate.check.awaited();
        self.waiting.iter().any(awaited) || self.owners.values().any(Asked::awaited)
    }

    /// The window, once nothing of it is awaited any more; nothing before.
    fn answered(&mut self) -> Vec<Candidate> {
        if self.is_awaited() {
            return Vec::new();
        }
        std::mem::take(&mut self.waiting)
    }

    /// The owners whose options are digested, once nothing is awaited any more.
    fn answered_owners(&mut self) -> BTreeMap<SourceId, Asked<PricingState>> {
        if self.is_awaited() {
            return BTreeMap::new();
        }
        std::mem::take(&mut self.owners)
    }
}

impl Sweep {
    /// Takes one batch of pricing states in.
    pub fn took_pricing(&mut self, batch: &Answered<PricingState>) {
        self.candidates.took_pricing(batch);
        self.settle_candidates();
    }

    /// Takes one batch of checks in.
    pub fn took_checks(&mut self, batch: Answered<Vec<Blocker>>) {
        self.candidates.took_checks(batch);
        self.settle_candidates();
    }

    fn settle_candidates(&mut self) {
        for (owner, options) in self.candidates.answered_owners() {
            self.digest_options(owner, options);
        }
        for candidate in self.candidates.answered() {
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
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
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
                if let Some(owner) = candidate.owner {
                    self.candidates.keep_options(owner, options.clone());
                }
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
            | Asked::Awaited => {
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
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
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
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
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
            Asked::LeftOut | Asked::Needless | Asked::Awaited => {
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
