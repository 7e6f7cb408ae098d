//! Default pricing options, set beside a check: an owner of something to copy that has no options gets them,
//! and is asked for its options again. The checks of its subscriptions and assets wait until they are set.

use std::collections::{BTreeMap, BTreeSet};

use super::Sweep;
use super::candidates::{Candidate, Candidates};
use super::scope::{Rest, Scope};
use crate::bss::port::{PricingOptions, PricingState, SourceId};
use crate::upgrade::effect::SweepCall;

/// Which options a sweep sets, and for whom not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) struct Defaults {
    /// The options.
    pub(in crate::upgrade) options: PricingOptions,
    /// Customers for whom others were declared, or who were tried before.
    pub(in crate::upgrade) but_for: BTreeSet<SourceId>,
}

/// The owners that get the default options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Setting {
    defaults: Defaults,
    /// They lack options.
    waiting: BTreeSet<SourceId>,
    /// Their options are being set.
    under_way: BTreeSet<SourceId>,
}

impl Setting {
    pub(super) fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            waiting: BTreeSet::new(),
            under_way: BTreeSet::new(),
        }
    }

    /// An owner lacks options. Answers whether it gets them; once in a sweep.
    pub(super) fn takes(&mut self, owner: &SourceId) -> bool {
        let new = !self.defaults.but_for.contains(owner);
        if new {
            self.defaults.but_for.insert(owner.clone());
            self.waiting.insert(owner.clone());
        }
        new
    }

    /// The calls that set options.
    pub(super) fn calls(&self, scope: &Scope, rest: Rest) -> impl Iterator<Item = SweepCall> {
        let options = &self.defaults.options;
        let batches = scope.batches(self.waiting.iter().cloned(), rest);
        batches.map(|owners| {
            let all = owners.into_iter().map(|id| (id, options.clone()));
            SweepCall::SetPricing(all.collect())
        })
    }

    /// These are being set.
    pub(super) fn goes_out(&mut self, batch: &BTreeMap<SourceId, PricingOptions>) {
        for owner in batch.keys() {
            if self.waiting.remove(owner) {
                self.under_way.insert(owner.clone());
            }
        }
    }

    /// An owner's options were set, or refused. Answers whether it was one of these owners.
    pub(super) fn answered(&mut self, owner: &SourceId) -> bool {
        self.under_way.remove(owner) || self.waiting.remove(owner)
    }

    /// Whether an owner's options are still to be set.
    pub(super) fn awaits(&self, owner: &SourceId) -> bool {
        self.waiting.contains(owner) || self.under_way.contains(owner)
    }

    /// Whether an owner was among those that lack options.
    pub(super) fn took(&self, owner: &SourceId) -> bool {
        self.defaults.but_for.contains(owner)
    }

    /// No call is under way: what was not answered is set again, which changes nothing where it was done.
    pub(super) fn nothing_under_way(&mut self) {
        self.waiting.append(&mut self.under_way);
    }
}

impl Candidates {
    /// The calls that set default options.
    pub(super) fn defaults(&self, scope: &Scope, rest: Rest) -> impl Iterator<Item = SweepCall> {
        let setting = self.setting.iter();
        setting.flat_map(move |setting| setting.calls(scope, rest))
    }

    /// The options of these owners are being set.
    pub(super) fn sets(&mut self, batch: &BTreeMap<SourceId, PricingOptions>) {
        if let Some(setting) = &mut self.setting {
            setting.goes_out(batch);
        }
    }

    /// The options of an owner were set, or refused: they are asked for again.
    fn is_set(&mut self, owner: &SourceId) {
        let setting = self.setting.as_mut();
        if setting.is_some_and(|setting| setting.answered(owner)) {
            self.asks_again(owner);
        }
    }

    /// Whether the check of an item waits: options that are missing would be among what it finds.
    pub(super) fn waits_for_defaults(&self, candidate: &Candidate) -> bool {
        let open = candidate.pricing.is_open();
        let setting = self.setting.as_ref().filter(|_| open);
        let both = setting.zip(candidate.owner.as_ref());
        both.is_some_and(|(setting, owner)| {
            // Before its options were asked for it is not known whether it lacks some.
            setting.awaits(owner) || !setting.took(owner)
        })
    }

    /// Whether an owner lacks options and gets the default ones.
    pub(super) fn gets_defaults(
        &mut self,
        owner: &SourceId,
        answer: Option<&PricingState>,
    ) -> bool {
        let setting = self.setting.as_mut();
        let missing = matches!(answer, Some(PricingState::Missing { .. }));
        missing && setting.is_some_and(|setting| setting.takes(owner))
    }
}

impl Sweep {
    /// Says which options are set where an owner has none.
    #[must_use]
    pub(in crate::upgrade) fn setting(mut self, defaults: Option<Defaults>) -> Self {
        self.candidates.setting = defaults.map(Setting::new);
        self
    }

    /// Takes one batch of options in that were set: how the owners look now is asked again.
    pub(in crate::upgrade) fn took_set<'a>(&mut self, owners: impl Iterator<Item = &'a SourceId>) {
        self.a_call_came_back();
        for owner in owners {
            self.candidates.is_set(owner);
        }
    }
}
