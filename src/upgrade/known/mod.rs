//! What the operator knows of one upgrade: in memory, per upgrade, empty after a restart. Each part keeps its
//! own invariants by its methods. Only `observe` and the phases change it, by the outcomes of effects; nothing
//! here may read a clock, the cluster or the BSS.

mod activation;
mod bss;
mod ended;
mod fencing;
mod findings;
mod pricing;
mod sweeps;
mod tenant;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use super::claim::Holding;
use super::effect::ClaimEdit;
use super::phases::Stage;
use super::report::ReadyState;
use super::strategy::Fencing;
use super::sweep::{Scope, Sweep};
use super::validated::ValidUpgrade;
use crate::api::{ClaimHolder, ConditionType, ResellerClaimSpec};
use crate::bss::port::AcquisitionId;

pub use activation::{Approval, CleanFinalSweep, KnownActivation, Telling};
pub(in crate::upgrade) use activation::{FinalSweepResult, FinalSweeps, LeftToTheSwitch, Uncopied};
pub use bss::KnownBss;
pub use ended::EndedSweep;
pub use fencing::{KnownFencing, RecordAge, RecordMark};
pub use findings::{BlockersTold, KnownFindings};
pub use pricing::KnownPricing;
pub use sweeps::KnownSweeps;
pub use tenant::KnownTenant;
pub use waiting::{Alike, CallFailures, KnownWaits, Watched};

/// What is known at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    /// When this process began to work on the upgrade.
    pub began: Option<Duration>,
    /// Where the work is.
    pub stage: Stage,
    /// Milestones reached, with the items that they covered.
    pub milestones: BTreeMap<ConditionType, i64>,
    /// What the BSS told of itself and the reseller.
    pub bss: KnownBss,
    /// The hold on the reseller.
    pub fencing: KnownFencing,
    /// The tenant.
    pub tenant: KnownTenant,
    /// Pricing options.
    pub pricing: KnownPricing,
    /// The sweeps.
    pub sweeps: KnownSweeps,
    /// The way to the switch.
    pub activation: KnownActivation,
    /// Waits.
    pub waiting: KnownWaits,
    /// What people are told of items.
    pub findings: KnownFindings,
}

impl Known {
    /// What the work on an upgrade begins with: milestones that status or claim show as reached, and the
    /// name of the first attempt to acquire an epoch, which no other process uses.
    #[must_use]
    pub fn new(
        milestones: impl IntoIterator<Item = ConditionType>,
        acquisition: AcquisitionId,
    ) -> Self {
        let mut known = Self::default();
        known.fencing.acquisition = acquisition;
        let milestones = milestones.into_iter().map(|milestone| (milestone, 0));
        known.milestones.extend(milestones);
        known
    }

    /// Whether writers are kept apart, so that this process may write.
    #[must_use]
    pub fn may_write(&self) -> bool {
        match self.bss.strategy.as_ref().map(|strategy| strategy.fencing) {
            Some(Fencing::Epochs) => self.fencing.epoch.is_some(),
            Some(Fencing::SingleOperator | Fencing::NothingToFence) => true,
            None => false,
        }
    }

    /// Whether a milestone was reached.
    #[must_use]
    pub fn reached(&self, milestone: ConditionType) -> bool {
        self.milestones.contains_key(&milestone)
    }

    /// Goes to a stage; most begin with a fresh look at reseller and tenant.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.sweeps.current = None;
        if stage.looks_afresh() {
            self.bss.reseller = None;
            self.tenant.seen = None;
            self.pricing.tried_now.clear();
        }
        if stage == Stage::Orders {
            self.activation.begin_final_sweep();
        }
    }

    /// People have declared other pricing options, or ask for a look: a check begins again, so that it sets no
    /// default where options are declared by now.
    pub fn declared_anew(&mut self) {
        if self.stage == Stage::Check {
            self.enter(self.stage.restart());
        }
    }

    /// A reconcile ended while its calls were under way. What became of them is not known: the sweep begins
    /// again, and copies may have been sent.
    pub fn calls_were_abandoned(&mut self, now: Duration) {
        let current = self.sweeps.current.as_ref();
        if current.is_some_and(Sweep::is_under_way) {
            self.sweeps.sent = Some(now);
            self.enter(self.stage.restart());
        }
    }

    /// Waits, with a ready state that stands meanwhile.
    pub(super) fn wait(&mut self, ready_state: ReadyState, until: Duration) {
        self.waiting.watched = None;
        self.moved();
        self.waiting.ready_state = Some(ready_state);
        self.waiting.not_before = Some(until);
    }

    /// Something is not any more as it was when a person was told to press the switch.
    pub(super) fn moved(&mut self) {
        if self.fencing.tells() && !self.stage.is_past_the_switch() {
            self.activation.telling = Telling::Moved;
        }
    }

    /// The scope of a sweep, once reseller, tenant and capabilities are known.
    pub(super) fn scope(&self, upgrade: &ValidUpgrade) -> Option<Scope> {
        let reseller = &self.bss.reseller.as_ref()?.account;
        let tenant = self.tenant.seen.as_ref()?.as_ref()?;
        let capabilities = self.bss.capabilities.as_ref()?;
        Some(Scope {
            reseller: reseller.clone(),
            tenant: tenant.id.clone(),
            keys: upgrade.keys(reseller),
            confirmed: upgrade.confirmed_copies.clone(),
            unseen: capabilities.unseen.clone(),
            items: capabilities.promises.items,
            page_size: capabilities.page_size,
            batch: capabilities.largest_batch,
            at_once: upgrade.terms.at_once,
        })
    }

    /// What stays known while an upgrade is suspended: its record. Whether a switch took effect is read
    /// again.
    pub fn rest_of(&mut self, known: Self) {
        self.waiting.failures = known.waiting.failures;
        let activating = |claim: &ResellerClaimSpec| claim.intents.activate.is_some();
        self.bss.reseller = known
            .bss
            .reseller
            .filter(|_| !known.fencing.claim.as_ref().is_some_and(activating));
        self.fencing.claim = known.fencing.claim;
    }

    /// Takes the record as it stands now; answers with the holder if it is another upgrade.
    pub(super) fn hold(&mut self, holding: Holding) -> Option<ClaimHolder> {
        if let Holding::Ours(record) = &holding {
            let dropped = self.fencing.refused == Some(ClaimEdit::DropTenantIntent);
            self.tenant.on_record(record, dropped);
        }
        self.fencing.hold(holding)
    }
}
