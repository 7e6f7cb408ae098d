//! What the operator knows of one upgrade at the moment: in memory, empty after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::claim::{Holding, epoch_of};
use super::effect::ClaimEdit;
use super::phases::Stage;
use super::report::ReadyState;
use super::strategy::{Fencing, Stillness, Ways};
use super::sweep::findings::Findings;
use super::sweep::preflight::Foreseeing;
use super::sweep::tally::{Counts, InventoryDigest, RevisionSeen, Tally};
use super::sweep::{Scope, Sweep};
use super::validated::ValidUpgrade;
use crate::api::{ConditionType, ResellerClaimSpec};
use crate::bss::port::{
    AcquisitionId, Capabilities, Epoch, IssuedEpoch, ItemKind, PricingOptions, PricingOutcome,
    Reseller, Revision, SourceId, Tenant, WriteOperation,
};

/// Whether a person is told to press the switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Telling {
    /// Nobody is, by this process.
    #[default]
    No,
    /// A person is told now.
    Yes,
    /// Something moved. The press itself moves things: whether back ordering is on is asked before what
    /// was told is taken back, or the record of what the person was told would be lost.
    Doubted,
    /// What a person was told stands no longer, and the record is to say so.
    Moved,
}

/// What a cheap look answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watched {
    /// When.
    pub at: Duration,
    /// A hash of the first answer; none if no look has succeeded yet.
    pub answer: Option<u64>,
}

/// How far a record has come, in what never goes back unless the cluster's state does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordMark {
    epoch: u64,
    tenant: bool,
    milestones: usize,
    activated: bool,
}

/// How a record compares with what was seen of it before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RecordAge {
    /// It lacks nothing that was seen.
    #[default]
    Present,
    /// It lacks something that was seen: the cluster's state went back.
    Older,
}

impl RecordMark {
    fn of(claim: &ResellerClaimSpec) -> Self {
        Self {
            epoch: epoch_of(claim),
            tenant: claim.tenant_id.is_some(),
            milestones: claim.timeline.len(),
            activated: claim.activation_time.is_some(),
        }
    }

    /// Whether another mark has something that this one lacks.
    fn is_before(self, other: Self) -> bool {
        self.max(other) != self
    }

    fn max(self, other: Self) -> Self {
        Self {
            epoch: self.epoch.max(other.epoch),
            tenant: self.tenant || other.tenant,
            milestones: self.milestones.max(other.milestones),
            activated: self.activated || other.activated,
        }
    }
}

/// Calls that failed in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// What it means.
    pub verdict: ReadyState,
    /// How many effects in a row, less one; the calls of one effect count once.
    pub attempts: u32,
    /// Those among them that people are called for only when they come again and again.
    pub alike: Option<Alike>,
}

/// Failures of one class since the last call that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alike {
    /// The class of their error.
    pub class: &'static str,
    /// In how many effects before the last one.
    pub before: u32,
    /// When the last one was.
    pub at: Duration,
}

/// Under which approval back ordering is activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Approval {
    /// The spec's mode is automatic: the gates are the approval.
    Automatic,
    /// A person pressed the switch, after the operator had said that every gate is passed.
    ManualStep,
}

/// A final sweep over everything that found nothing to do, under one revision. Only the end of
/// such a sweep makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CleanFinalSweep {
    revision: Option<Revision>,
    digest: String,
    counts: BTreeMap<ItemKind, i64>,
}

impl CleanFinalSweep {
    /// Judges a final sweep: clean only if nothing at all was in the way (I-12), and if every page
    /// of every listing carried one revision or, where the BSS has none, the sweep before saw the
    /// very same.
    pub(super) fn judge(
        stillness: Stillness,
        orders: RevisionSeen,
        (customers, purchases): (&Tally, &Tally),
        before: Option<&Self>,
    ) -> Judged {
        let revision = match (
            stillness,
            orders.and(customers.revision).and(purchases.revision),
        ) {
            (Stillness::OneRevision, RevisionSeen::One(revision)) => Some(revision),
            (Stillness::OneRevision, RevisionSeen::None | RevisionSeen::Moved) => {
                return Judged::Moved;
            }
            (Stillness::TwoEqualSweeps, _) => None,
        };
        let open = |tally: &Tally| tally.blockers.total() > 0 || tally.unsettled > 0;
        let missing = customers.by_hand.total() > 0 || purchases.by_hand.total() > 0;
        let in_the_way = open(customers) || open(purchases) || purchases.missing > 0 || missing;
        if in_the_way {
            return Judged::Moved;
        }
        let digest = customers.digest.combine(purchases.digest);
        let counts = customers
            .counts
            .iter()
            .chain(&purchases.counts)
            .map(|(kind, counts)| (*kind, counts.eligible))
            .collect();
        let seen = Self {
            revision,
            digest: InventoryDigest::text(&digest),
            counts,
        };
        match stillness {
            Stillness::TwoEqualSweeps if before != Some(&seen) => Judged::Once(seen),
            Stillness::OneRevision | Stillness::TwoEqualSweeps => Judged::Clean(seen),
        }
    }

    /// The revision that all listings carried, where the BSS has one.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// The digest of the inventory.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Eligible items of a kind.
    #[must_use]
    pub fn count(&self, kind: ItemKind) -> i64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }
}

/// What a final sweep is worth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Judged {
    /// Something is in the way, or moved.
    Moved,
    /// Nothing is in the way; another sweep must see the same.
    Once(CleanFinalSweep),
    /// The switch may rest on it.
    Clean(CleanFinalSweep),
}

/// What the blockers are about that a process tells. What another one told stands until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BlockersTold {
    /// It has told none.
    #[default]
    Nothing,
    /// Customers, and what was foreseen of their subscriptions and assets.
    OfCustomers,
    /// Everything.
    OfAll,
}

/// A final sweep that is older is taken again.
const OLDEST_SWEEP: Duration = Duration::from_mins(2);

/// What is known at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The BSS's own name agrees with the declared one (or it has none).
    pub identity_agrees: bool,
    /// When this life began.
    pub begun: Option<Duration>,
    /// The BSS's capabilities.
    pub capabilities: Option<Capabilities>,
    /// How to work with it.
    pub ways: Option<Ways>,
    /// When copies were sent last in this life.
    pub sent: Option<Duration>,
    /// Whether the record had copies open when this life began.
    pub copies_were_open: Option<bool>,
    /// Whether a tenant was requested and nobody knows what came of it: on record when this life
    /// began, or the reply was lost.
    pub creation_unknown: Option<bool>,
    /// How people do what the BSS leaves to them, in its own words.
    pub instructions: BTreeMap<WriteOperation, String>,
    /// Since when ordering was seen disabled without a break.
    pub frozen: Option<Duration>,
    /// Whether ordering was still disabled after the final sweep.
    pub still_frozen: bool,
    /// The final sweep before this one, if nothing was in its way.
    pub final_before: Option<CleanFinalSweep>,
    /// Whether a person is told to press the switch.
    pub telling: Telling,
    /// The revision of the final sweep on which a person is told to press the switch.
    pub told_revision: Option<Revision>,
    /// When the final sweep was clean.
    pub clean_since: Option<Duration>,
    /// What a cheap look answered while people have to act.
    pub watched: Option<Watched>,
    /// Customers that lack pricing options, as many as one call takes.
    pub unpriced: Vec<SourceId>,
    /// The look at what the price list permits, before the tenant exists.
    pub foresight: Foreseeing,
    /// The reseller, if it was looked at in this stage.
    pub reseller: Option<Reseller>,
    /// When it was looked at last.
    pub reseller_read: Option<Duration>,
    /// The claim.
    pub claim: Option<ResellerClaimSpec>,
    /// The attempt to acquire an epoch that is under way, or the next one.
    pub acquisition: AcquisitionId,
    /// An epoch that was issued for it and is not on record yet.
    pub issued: Option<IssuedEpoch>,
    /// How far the record was when this process saw it last.
    pub record_seen: RecordMark,
    /// The BSS whose record that was.
    pub record_of: Option<String>,
    /// How the record compares with what this process saw of it before.
    pub record_age: RecordAge,
    /// When the epoch was issued that followed another one: somebody may have written before.
    pub followed: Option<Duration>,
    /// The epoch under which this life works.
    pub epoch: Option<Epoch>,
    /// The tenant, if it was looked at in this stage; the inner `None` is *there is none*.
    pub tenant: Option<Option<Tenant>>,
    /// Something on record was refused for certain: the record must say so before anything else.
    pub refused: Option<ClaimEdit>,
    /// An operation that was started and is not on record yet.
    pub started: Option<crate::bss::port::OperationId>,
    /// Where the work is.
    pub stage: Stage,
    /// The sweep under way.
    pub sweep: Option<Sweep>,
    /// The last sweep over customers.
    pub customers: Tally,
    /// What became of declared options in this life.
    pub applied: BTreeMap<SourceId, (PricingOptions, PricingOutcome)>,
    /// Options that were sent since the gate was entered: a failure is not repeated before people
    /// had time to act.
    pub tried_now: BTreeMap<SourceId, PricingOptions>,
    /// Default options that are to be set.
    pub to_default: BTreeSet<SourceId>,
    /// Revisions of their pages.
    pub orders_revision: RevisionSeen,
    /// The final sweep, once it was clean.
    pub clean: Option<CleanFinalSweep>,
    /// How this life switched back ordering on.
    pub approval: Option<Approval>,
    /// Milestones reached, with the items that they covered.
    pub milestones: BTreeMap<ConditionType, i64>,
    /// What stands until the next look.
    pub verdict: Option<ReadyState>,
    /// Calls that failed in a row.
    pub trouble: Option<Trouble>,
    /// Nothing is done before this moment.
    pub not_before: Option<Duration>,
    /// Looks in a row that ended in another look.
    pub rounds: u32,
    /// How often in a row something failed that was tried again only after a look that succeeded.
    pub stumbles: u32,
    /// The furthest stage from where the work went back: only beyond it the rounds and stumbles are
    /// over.
    pub held_at: Stage,
    /// Counts as the last whole sweeps saw them.
    pub counts: BTreeMap<ItemKind, Counts>,
    /// Sweeps of phase 2 in a row that sent customers to be copied or marked. The phase is over after one
    /// that found everything copied and marked; after many, what is left is left to the later sweeps.
    pub customer_copies: u32,
    /// Whole copies of subscriptions before the present one. After the first, everything is looked
    /// at once more; after another, what came since is left to the later sweeps, so that a steady
    /// buyer holds nothing up.
    pub copies_before: u32,
    /// Whether a whole look at subscriptions and assets has been taken in this life.
    pub looked_at_purchases: bool,
    /// What the blockers are about that this process tells.
    pub told: BlockersTold,
    /// What the look before the tenant existed found in the way of subscriptions and assets. It is
    /// told until a whole look at them was taken.
    pub foreseen: Findings,
    /// What is in the way, as the last whole look saw it.
    pub blockers: Findings,
    /// What was left out, as the last whole look saw it.
    pub exclusions: Findings,
    /// The records of the step that a person has to do.
    pub manual: Findings,
    /// The differences that the comparison after the switch found.
    pub differences: Findings,
}

impl Observed {
    /// What a life begins with: milestones that status or claim show as reached, and the name of its
    /// first attempt to acquire an epoch, which nobody else has.
    #[must_use]
    pub fn new(
        milestones: impl IntoIterator<Item = ConditionType>,
        acquisition: AcquisitionId,
    ) -> Self {
        Self {
            acquisition,
            milestones: milestones
                .into_iter()
                .map(|milestone| (milestone, 0))
                .collect(),
            ..Self::default()
        }
    }

    /// Whether the final sweep is so old that it proves nothing any more: it is taken again.
    #[must_use]
    pub fn sweep_is_old(&self, now: Duration) -> bool {
        let since = self.clean_since.unwrap_or(now);
        now.saturating_sub(since) > OLDEST_SWEEP
    }

    /// Whether writers are kept apart, so that this life may write.
    #[must_use]
    pub fn may_write(&self) -> bool {
        match self.ways.as_ref().map(|ways| ways.fencing) {
            Some(Fencing::Epochs) => self.epoch.is_some(),
            Some(Fencing::SingleOperator) => true,
            None => false,
        }
    }

    /// Whether a milestone was reached.
    #[must_use]
    pub fn reached(&self, milestone: ConditionType) -> bool {
        self.milestones.contains_key(&milestone)
    }

    /// Looks at everything again at once: a person asked for it.
    pub fn look_now(&mut self) {
        self.not_before = None;
        self.trouble = None;
    }

    /// Goes to a stage with a fresh look at reseller and tenant.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.sweep = None;
        if matches!(
            stage,
            Stage::Customers | Stage::CheckCustomers | Stage::Orders | Stage::VerifyCustomers
        ) {
            self.reseller = None;
            self.tenant = None;
            self.tried_now.clear();
        }
        if stage == Stage::Orders {
            self.orders_revision = RevisionSeen::None;
            self.clean = None;
            self.clean_since = None;
            self.still_frozen = false;
        }
    }

    /// Waits, with a verdict that stands meanwhile.
    pub(super) fn wait(&mut self, verdict: ReadyState, until: Duration) {
        self.watched = None;
        self.moved();
        self.verdict = Some(verdict);
        self.not_before = Some(until);
    }

    /// Something is not any more as it was when a person was told to press the switch.
    pub(super) fn moved(&mut self) {
        if self
            .claim
            .as_ref()
            .is_some_and(|claim| claim.told.is_some())
            && self.telling != Telling::Moved
        {
            self.telling = Telling::Doubted;
        }
    }

    /// The scope of a sweep, once reseller, tenant and capabilities are known.
    pub(super) fn scope(&self, upgrade: &ValidUpgrade) -> Option<Scope> {
        let reseller = &self.reseller.as_ref()?.account;
        let tenant = self.tenant.as_ref()?.as_ref()?;
        let capabilities = self.capabilities.as_ref()?;
        Some(Scope {
            reseller: reseller.clone(),
            tenant: tenant.id.clone(),
            keys: upgrade.keys(reseller),
            page_size: capabilities.page_size,
            batch: capabilities.largest_batch,
        })
    }

    /// What a life that was suspended still knows: its record. Whether a switch took effect it does
    /// not.
    pub fn rest_of(&mut self, known: Self) {
        self.trouble = known.trouble;
        let activating = |claim: &ResellerClaimSpec| claim.intents.activate.is_some();
        self.reseller = known
            .reseller
            .filter(|_| !known.claim.as_ref().is_some_and(activating));
        self.claim = known.claim;
    }

    /// The attempt to acquire an epoch is over: its epoch is on record, or it is not waited for any
    /// more. The next one has a name of its own.
    pub fn next_acquisition(&mut self) {
        self.issued = None;
        let id = self.acquisition.as_str();
        let (life, number) = id.rsplit_once('.').unwrap_or((id, "0"));
        let next = number.parse::<u64>().unwrap_or(0).saturating_add(1);
        self.acquisition = AcquisitionId(format!("{life}.{next}"));
    }

    /// An epoch was issued.
    pub(super) fn acquired(&mut self, issued: IssuedEpoch, now: Duration) {
        self.followed = (issued.previous.0 > 0).then_some(now);
        self.issued = Some(issued);
    }

    pub(super) fn hold(&mut self, holding: Holding) -> Option<crate::api::ClaimHolder> {
        match holding {
            Holding::Ours(spec) => {
                let copies = spec.intents.copies.is_some();
                if !copies || self.copies_were_open.is_none() {
                    self.copies_were_open = Some(copies && self.copies_were_open.is_none());
                }
                let creation = spec.intents.create_tenant.as_ref();
                let unknown = creation.is_some_and(|intent| intent.operation_id.is_none());
                // A request that is gone from the record without this process's doing may still have
                // been sent: the cluster's state may have gone back.
                let struck = creation.is_some()
                    || spec.tenant_id.is_some()
                    || self.refused == Some(ClaimEdit::DropTenantIntent);
                if self.creation_unknown.is_none() || (!unknown && struck) {
                    self.creation_unknown = Some(unknown);
                }
                if self.record_of.as_ref() != Some(&spec.bss_identity) {
                    self.record_seen = RecordMark::default();
                    self.record_of = Some(spec.bss_identity.clone());
                }
                let mark = RecordMark::of(&spec);
                if spec.unconfirmed_epoch.is_some() {
                    // People are asked already, about the record as it is now.
                    self.record_seen = mark;
                }
                self.record_age = if mark.is_before(self.record_seen) {
                    RecordAge::Older
                } else {
                    RecordAge::Present
                };
                self.record_seen = self.record_seen.max(mark);
                self.claim = Some(*spec);
                None
            }
            Holding::Other(holder) => {
                self.claim = None;
                Some(holder)
            }
        }
    }
}
