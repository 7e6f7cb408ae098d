//! Items that wait for their owner's pricing options or for a check, before the sweep can settle them.

use std::collections::BTreeSet;

use super::classify::HalfMarked;
use super::{Sweep, SweepMode};
use crate::bss::port::{Blocker, BlockerReason, CheckTarget, CopyItem, PricingState, SourceId};
use crate::upgrade::effect::{Answered, InspectCalls};

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
    pub(super) pricing: Asked<PricingState>,
    pub(super) check: Asked<Vec<Blocker>>,
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

impl Sweep {
    pub(super) fn inspection(&self) -> InspectCalls {
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

    fn left_out(&mut self, candidate: &Candidate, operation: &str) {
        let CopyItem { kind, source, .. } = &candidate.item;
        let why = format!("the reply of {operation} left it out");
        self.unsettled(*kind, source, &why);
    }
}
