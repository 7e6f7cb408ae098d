//! The hold on the reseller: the record in the cluster, the epoch, and how the two compare.

use std::time::Duration;

use crate::api::{ClaimHolder, ResellerClaimSpec};
use crate::bss::port::{AcquisitionId, Epoch, IssuedEpoch};
use crate::upgrade::claim::{Holding, epoch_of};
use crate::upgrade::effect::ClaimEdit;

/// The record, and what keeps writers apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownFencing {
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
    /// When the epoch was issued that followed another one: another operator may have written before.
    pub followed: Option<Duration>,
    /// The epoch under which this process works.
    pub epoch: Option<Epoch>,
    /// Something on record was refused for certain: the record must say so before anything else.
    pub refused: Option<ClaimEdit>,
    /// Whether the record had copies open when this process began.
    pub copies_were_open: Option<bool>,
}

impl KnownFencing {
    /// The attempt to acquire an epoch is over: its epoch is on record, or the operator does not wait
    /// for it any more. The next one has a name of its own.
    pub fn next_acquisition(&mut self) {
        self.issued = None;
        let id = self.acquisition.as_str();
        let (process, number) = id.rsplit_once('.').unwrap_or((id, "0"));
        let next = number.parse::<u64>().unwrap_or(0).saturating_add(1);
        self.acquisition = AcquisitionId(format!("{process}.{next}"));
    }

    /// An epoch was issued.
    pub(in crate::upgrade) fn acquired(&mut self, issued: IssuedEpoch, now: Duration) {
        self.followed = (issued.previous.0 > 0).then_some(now);
        self.issued = Some(issued);
    }

    /// The BSS refused the epoch as an old one: another process acquired after this one. The record is
    /// read again, since that process has written it.
    pub(in crate::upgrade) fn lost_epoch(&mut self) {
        self.epoch = None;
        if self.issued.is_some() {
            self.next_acquisition();
        }
        self.claim = None;
        self.copies_were_open = None;
    }

    /// Takes the record as it stands now; answers with the holder if it is another upgrade.
    pub(in crate::upgrade) fn hold(&mut self, holding: Holding) -> Option<ClaimHolder> {
        let spec = match holding {
            Holding::Ours(spec) => spec,
            Holding::Other(holder) => {
                self.claim = None;
                return Some(holder);
            }
        };
        let copies = spec.intents.copies.is_some();
        if !copies || self.copies_were_open.is_none() {
            self.copies_were_open = Some(copies && self.copies_were_open.is_none());
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

    /// Whether the record says that a person was told to press the switch.
    pub(in crate::upgrade) fn tells(&self) -> bool {
        let claim = self.claim.as_ref();
        claim.is_some_and(|claim| claim.told.is_some())
    }
}

/// How far a record has come, in what never goes back unless the cluster's state does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordMark {
    epoch: u64,
    tenant: bool,
    milestones: usize,
    activated: bool,
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

/// How a record compares with what was seen of it before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RecordAge {
    /// It lacks nothing that was seen.
    #[default]
    Present,
    /// It lacks something that was seen: the cluster's state went back.
    Older,
}
