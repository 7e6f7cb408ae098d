//! Findings: what people must know of single items, and why.

use std::collections::BTreeMap;

use super::classify::Exclusion;
use super::compare::Difference;
use crate::bss::port::{BlockerReason, ItemKind, SourceId};

/// Rows of one kind of report that are kept: eight pages of a thousand.
pub(in crate::upgrade) const MAX_ROWS: usize = 8_000;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An item whose kind is known.
    Item(ItemKind),
    /// A subscription or an asset: the source is gone, and its copy does not tell which of the two.
    Purchase,
}

impl Subject {
    /// The word of status and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Item(kind) => kind.as_str(),
            Self::Purchase => "purchase",
        }
    }

    /// Its kind, if it is known.
    #[must_use]
    pub fn kind(self) -> Option<ItemKind> {
        match self {
            Self::Item(kind) => Some(kind),
            Self::Purchase => None,
        }
    }

    /// Where it is counted: progress has no other place for subscriptions and assets together.
    pub(in crate::upgrade) fn counted(self) -> ItemKind {
        self.kind().unwrap_or(ItemKind::Subscription)
    }
}

impl From<ItemKind> for Subject {
    fn from(kind: ItemKind) -> Self {
        Self::Item(kind)
    }
}

/// What a person has to do with an item by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManualStep {
    /// Copy it.
    Copy,
    /// Bring its copy up to its source, or complete it.
    Update,
    /// Mark it: its copy is there.
    Mark,
}

impl ManualStep {
    /// The word of reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "CopyByHand",
            Self::Update => "UpdateByHand",
            Self::Mark => "MarkByHand",
        }
    }
}

/// Why people must know of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingReason {
    /// It is in the way.
    Blocked(BlockerReason),
    /// It is left out.
    Excluded(Exclusion),
    /// Its source and its copy differ after the switch.
    Differs(Difference),
    /// A person has to do it.
    ByHand(ManualStep),
    /// Its copy failed, or it could not be settled.
    ItemsFailed,
}

impl FindingReason {
    /// The word of status, reports and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked(reason) => reason.as_str(),
            Self::Excluded(why) => why.as_str(),
            Self::Differs(how) => how.as_str(),
            Self::ByHand(step) => step.as_str(),
            Self::ItemsFailed => "ItemsFailed",
        }
    }
}

impl From<BlockerReason> for FindingReason {
    fn from(reason: BlockerReason) -> Self {
        Self::Blocked(reason)
    }
}

impl From<Exclusion> for FindingReason {
    fn from(why: Exclusion) -> Self {
        Self::Excluded(why)
    }
}

impl From<Difference> for FindingReason {
    fn from(how: Difference) -> Self {
        Self::Differs(how)
    }
}

impl From<ManualStep> for FindingReason {
    fn from(step: ManualStep) -> Self {
        Self::ByHand(step)
    }
}

/// Something about one item that people must know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// Why.
    pub reason: FindingReason,
    /// What it is about.
    pub kind: Subject,
    /// Its id.
    pub source: SourceId,
    /// What else is known of it.
    pub detail: Option<String>,
}

impl Finding {
    pub(in crate::upgrade) fn new(
        reason: impl Into<FindingReason>,
        about: impl Into<Subject>,
        source: SourceId,
    ) -> Self {
        Self {
            reason: reason.into(),
            kind: about.into(),
            source,
            detail: None,
        }
    }

    pub(in crate::upgrade) fn saying(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// Findings with a bound: all are counted, the first 8,000 are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Findings {
    /// Those that are kept, in the order in which they were found.
    pub rows: Vec<Finding>,
    /// How many there are of each reason.
    pub counts: BTreeMap<FindingReason, i64>,
}

impl Findings {
    /// Adds one.
    pub(in crate::upgrade) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.reason).or_default();
        *count = count.saturating_add(1);
        if self.rows.len() < MAX_ROWS {
            self.rows.push(finding);
        }
    }

    /// How many there are of each reason, as people read them: ordered by name.
    #[must_use]
    pub fn by_name(&self) -> Vec<(FindingReason, i64)> {
        let mut counts: Vec<(FindingReason, i64)> = self
            .counts
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect();
        counts.sort_by_key(|(reason, _)| reason.as_str());
        counts
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.counts.values().sum()
    }

    /// How many were not kept.
    #[must_use]
    pub fn truncated(&self) -> i64 {
        self.total()
            .saturating_sub(i64::try_from(self.rows.len()).unwrap_or(i64::MAX))
    }

    /// Whether there is one of this reason.
    #[must_use]
    pub fn has(&self, reason: BlockerReason) -> bool {
        self.counts.contains_key(&reason.into())
    }

    /// Takes in those of another sweep.
    pub(in crate::upgrade) fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.counts {
            let mine = self.counts.entry(*reason).or_default();
            *mine = mine.saturating_add(*count);
        }
        let room = MAX_ROWS.saturating_sub(self.rows.len());
        self.rows.extend(other.rows.iter().take(room).cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_reasons_in_the_order_of_their_names() {
        let reasons: [FindingReason; 5] = [
            BlockerReason::SourceChanged.into(),
            ManualStep::Mark.into(),
            FindingReason::ItemsFailed,
            Exclusion::Cancelled.into(),
            BlockerReason::AddonMissing.into(),
        ];
        let mut findings = Findings::default();
        for reason in reasons {
            findings.add(Finding::new(reason, ItemKind::Asset, SourceId::from("A-1")));
        }
        let names: Vec<&str> = findings
            .by_name()
            .into_iter()
            .map(|(reason, _)| reason.as_str())
            .collect();
        let ordered = [
            "AddonMissing",
            "Cancelled",
            "ItemsFailed",
            "MarkByHand",
            "SourceChanged",
        ];
        assert_eq!(names, ordered);
    }
}
