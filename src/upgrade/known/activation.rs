//! The way to the switch: what rests, the final sweeps, and what a person is told.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bss::port::{ItemKind, Revision};
use crate::upgrade::strategy::SnapshotProof;
use crate::upgrade::sweep::tally::{InventoryDigest, RevisionSeen, Tally};

/// What the switch rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownActivation {
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
    /// The revision of the page of open orders.
    pub orders_revision: RevisionSeen,
    /// The final sweep, once it was clean.
    pub clean: Option<CleanFinalSweep>,
    /// The digest of the pricing options after a switch that copies.
    pub pricing_after: Option<String>,
    /// How this process switched back ordering on.
    pub approval: Option<Approval>,
}

impl KnownActivation {
    /// Whether the final sweep is so old that it proves nothing any more: it is taken again.
    #[must_use]
    pub fn sweep_is_old(&self, now: Duration) -> bool {
        let since = self.clean_since.unwrap_or(now);
        now.saturating_sub(since) > OLDEST_SWEEP
    }

    /// The final sweep begins anew.
    pub(in crate::upgrade) fn begin_final_sweep(&mut self) {
        self.orders_revision = RevisionSeen::None;
        self.clean = None;
        self.clean_since = None;
        self.still_frozen = false;
    }

    /// Other processes may write meanwhile: no sweep that was taken is good for a switch any more.
    pub(in crate::upgrade) fn sweeps_are_old(&mut self) {
        self.clean = None;
        self.final_before = None;
        self.still_frozen = false;
    }
}

/// Whether a person is told to press the switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Telling {
    /// No person is told, by this process.
    #[default]
    No,
    /// A person is told now.
    Yes,
    /// Something moved, and that may have been the press. A person is not told any more; what was told
    /// stays on record until the reseller was looked at.
    Doubted,
    /// What a person was told stands no longer, and the record is to say so.
    Moved,
}

/// Under which approval back ordering is activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Approval {
    /// The spec's mode is automatic: the gates are the approval.
    Automatic,
    /// A person pressed the switch, after the operator had said that every gate is passed.
    ManualStep,
}

impl Approval {
    /// Its name on record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "Automatic",
            Self::ManualStep => "ManualStep",
        }
    }
}

/// A final sweep over everything that found nothing to do, under one revision. Only the end of
/// such a sweep makes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CleanFinalSweep {
    revision: Option<Revision>,
    digest: String,
    counts: BTreeMap<ItemKind, i64>,
    with_the_switch: Option<LeftToTheSwitch>,
}

/// What the act that activates back ordering also copies, and under which options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeftToTheSwitch {
    /// The digest of the pricing options of every owner.
    pub pricing: String,
    /// How many subscriptions are to be copied.
    pub subscriptions: i64,
    /// How many assets.
    pub assets: i64,
    /// How many customers own them.
    pub owners: i64,
}

/// What may be left uncopied by the last sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Uncopied {
    /// Nothing (I-12).
    MustBeNone,
    /// What the very act that activates also copies, once every check of it passed.
    WithTheSwitch,
}

impl CleanFinalSweep {
    /// Judges a final sweep: clean only if nothing at all was in the way (I-12), and if every page
    /// of every listing carried one revision or, where the BSS has none, the sweep before saw the
    /// very same.
    pub(in crate::upgrade) fn judge(
        snapshot_proof: SnapshotProof,
        uncopied: Uncopied,
        sweeps: &FinalSweeps<'_>,
        before: Option<&Self>,
    ) -> FinalSweepResult {
        let FinalSweeps {
            orders,
            customers,
            purchases,
        } = *sweeps;
        let revision = match (
            snapshot_proof,
            orders.and(customers.revision).and(purchases.revision),
        ) {
            (SnapshotProof::OneRevision, RevisionSeen::One(revision)) => Some(revision),
            (SnapshotProof::OneRevision, RevisionSeen::None | RevisionSeen::Moved) => {
                return FinalSweepResult::Moved;
            }
            (SnapshotProof::TwoEqualSweeps, _) => None,
        };
        let open = |tally: &Tally| tally.blockers.total() > 0 || tally.unsettled > 0;
        let left_to_people = customers.by_hand.total() > 0 || purchases.by_hand.total() > 0;
        let not_copied = match uncopied {
            Uncopied::MustBeNone => purchases.missing > 0,
            // Every one was checked by the sweep itself; what failed is among the blockers.
            Uncopied::WithTheSwitch => !purchases.unpriced.is_empty(),
        };
        let in_the_way = open(customers) || open(purchases) || not_copied || left_to_people;
        if in_the_way {
            return FinalSweepResult::Moved;
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
            with_the_switch: match uncopied {
                Uncopied::MustBeNone => None,
                Uncopied::WithTheSwitch => Some(LeftToTheSwitch::of(purchases)),
            },
        };
        match snapshot_proof {
            SnapshotProof::TwoEqualSweeps if before != Some(&seen) => FinalSweepResult::Once(seen),
            SnapshotProof::OneRevision | SnapshotProof::TwoEqualSweeps => {
                FinalSweepResult::Clean(seen)
            }
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

    /// What the switch copies too, where it does.
    #[must_use]
    pub fn with_the_switch(&self) -> Option<&LeftToTheSwitch> {
        self.with_the_switch.as_ref()
    }

    /// The digest of the pricing options, where the switch copies too.
    #[must_use]
    pub fn pricing(&self) -> Option<&str> {
        let with = self.with_the_switch.as_ref();
        with.map(|with| with.pricing.as_str())
    }

    /// Eligible items of a kind.
    #[must_use]
    pub fn count(&self, kind: ItemKind) -> i64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }
}

impl LeftToTheSwitch {
    fn of(purchases: &Tally) -> Self {
        let left = |kind: ItemKind| purchases.uncopied.get(&kind).copied().unwrap_or(0);
        Self {
            pricing: purchases.pricing_digest.text(),
            subscriptions: left(ItemKind::Subscription),
            assets: left(ItemKind::Asset),
            owners: i64::try_from(purchases.uncopied_owners.len()).unwrap_or(i64::MAX),
        }
    }
}

/// What was seen last of everything, right before the switch.
#[derive(Clone, Copy, Debug)]
pub(in crate::upgrade) struct FinalSweeps<'a> {
    /// The revision of the listing of open orders.
    pub(in crate::upgrade) orders: RevisionSeen,
    /// The sweep over customers.
    pub(in crate::upgrade) customers: &'a Tally,
    /// The sweep over subscriptions and assets.
    pub(in crate::upgrade) purchases: &'a Tally,
}

/// What a final sweep is worth.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) enum FinalSweepResult {
    /// Something is in the way, or moved.
    Moved,
    /// Nothing is in the way; another sweep must see the same.
    Once(CleanFinalSweep),
    /// The switch may rest on it.
    Clean(CleanFinalSweep),
}

/// A final sweep that is older is taken again.
const OLDEST_SWEEP: Duration = Duration::from_mins(2);
