//! What a sweep saw, folded: counts, what is in the way, and a digest that no order can change.

use std::collections::{BTreeMap, BTreeSet};

use super::classify::Exclusion;
use crate::bss::port::{BlockerReason, Digest, ItemKind, Revision, SourceId};
use crate::upgrade::keys::hash128;

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

/// Something about one item that people must know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// The reason, as reports and status name it.
    pub reason: &'static str,
    /// What it is about.
    pub kind: Subject,
    /// Its id.
    pub source: SourceId,
    /// What it is about.
    pub detail: Option<String>,
}

impl Finding {
    pub(in crate::upgrade) fn new(
        reason: &'static str,
        about: impl Into<Subject>,
        source: SourceId,
    ) -> Self {
        Self {
            reason,
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
    pub counts: BTreeMap<&'static str, i64>,
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
        self.counts.contains_key(reason.as_str())
    }

    /// Takes in those of another sweep.
    pub(in crate::upgrade) fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.counts {
            let mine = self.counts.entry(reason).or_default();
            *mine = mine.saturating_add(*count);
        }
        let room = MAX_ROWS.saturating_sub(self.rows.len());
        self.rows.extend(other.rows.iter().take(room).cloned());
    }
}

/// Counts of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Items that are to be copied.
    pub eligible: i64,
    /// Items that have their copy, those of this sweep included.
    pub copied: i64,
    /// Items that are in the way.
    pub failed: i64,
    /// Items that are left out.
    pub excluded: BTreeMap<&'static str, i64>,
}

/// An order-independent digest over items: a sum of hashes with the count, so that two equal items
/// do not cancel each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InventoryDigest {
    sum: u128,
    count: u64,
}

impl InventoryDigest {
    pub(in crate::upgrade) fn add(&mut self, kind: ItemKind, source: &SourceId, digest: &Digest) {
        let hash = hash128(&[kind.as_str(), source.as_str(), digest.as_str()]);
        self.sum = self.sum.wrapping_add(hash);
        self.count = self.count.saturating_add(1);
    }

    pub(in crate::upgrade) fn combine(self, other: Self) -> Self {
        Self {
            sum: self.sum.wrapping_add(other.sum),
            count: self.count.saturating_add(other.count),
        }
    }

    /// The text of status and claim.
    #[must_use]
    pub fn text(&self) -> String {
        format!("sum128-{:032x}-{}", self.sum, self.count)
    }
}

/// The revisions that the pages of a sweep carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevisionSeen {
    /// No page yet.
    #[default]
    None,
    /// One and the same on all pages so far.
    One(Revision),
    /// Different ones, or a page without: something moved, or cannot be told to have not.
    Moved,
}

impl RevisionSeen {
    pub(in crate::upgrade) fn page(self, revision: Option<Revision>) -> Self {
        match (self, revision) {
            (Self::None, Some(seen)) => Self::One(seen),
            (Self::One(before), Some(seen)) if before == seen => self,
            (Self::None | Self::One(_) | Self::Moved, _) => Self::Moved,
        }
    }

    pub(in crate::upgrade) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, seen) | (seen, Self::None) => seen,
            (Self::One(a), Self::One(b)) if a == b => self,
            (Self::One(_) | Self::Moved, Self::One(_) | Self::Moved) => Self::Moved,
        }
    }
}

/// What a sweep saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// Counts by kind.
    pub counts: BTreeMap<ItemKind, Counts>,
    /// What is in the way.
    pub blockers: Findings,
    /// How many of those are copies of subscriptions and assets that exist already: orphaned, changed or
    /// made twice. They hold the switch, and the copying of nothing else.
    pub copies_in_doubt: i64,
    /// What was left out.
    pub exclusions: Findings,
    /// Eligible items without a copy that this sweep did not copy (because it only looked).
    pub missing: i64,
    /// Copies that this sweep made.
    pub created: i64,
    /// Items that this sweep sent, and that the BSS has copied, marked or brought up to their source. How
    /// they look now, the next sweep sees.
    pub written: i64,
    /// Items about which the next sweep will know: conflicts, unknown outcomes, listings that
    /// disagree.
    pub unsettled: i64,
    /// Those items, should they stay so.
    pub unsettled_items: Findings,
    /// Items that a person has to copy.
    pub by_hand: Findings,
    /// Customers that could not be copied; they only count if they own something to copy (I-13).
    pub failed_customers: BTreeMap<SourceId, Finding>,
    /// Customers whose provisioning sync is not in order.
    pub unsynced: BTreeSet<SourceId>,
    /// Customers that own something to copy and lack pricing options, with their names.
    pub unpriced: BTreeMap<SourceId, Option<String>>,
    /// Digest over every eligible item.
    pub digest: InventoryDigest,
    /// Revisions of the pages.
    pub revision: RevisionSeen,
}

impl Tally {
    pub(in crate::upgrade) fn of(&mut self, kind: ItemKind) -> &mut Counts {
        self.counts.entry(kind).or_default()
    }

    pub(in crate::upgrade) fn exclude(&mut self, kind: ItemKind, source: SourceId, why: Exclusion) {
        let count = self.of(kind).excluded.entry(why.as_str()).or_default();
        *count = count.saturating_add(1);
        let finding = Finding::new(why.as_str(), kind, source);
        self.exclusions.add(finding.saying(why.remedy()));
    }

    pub(in crate::upgrade) fn eligible(
        &mut self,
        kind: ItemKind,
        source: &SourceId,
        digest: &Digest,
    ) {
        let counts = self.of(kind);
        counts.eligible = counts.eligible.saturating_add(1);
        self.digest.add(kind, source, digest);
    }

    pub(in crate::upgrade) fn copied(&mut self, kind: ItemKind) {
        let counts = self.of(kind);
        counts.copied = counts.copied.saturating_add(1);
    }

    /// Counts an item that the BSS says it has copied, just now.
    pub(in crate::upgrade) fn written(&mut self, kind: ItemKind) {
        self.copied(kind);
        self.written = self.written.saturating_add(1);
    }

    pub(in crate::upgrade) fn block(&mut self, finding: Finding) {
        self.blockers.add(finding);
    }

    /// A copy that exists already is in the way of the switch.
    pub(in crate::upgrade) fn doubt(&mut self, finding: Finding) {
        if finding.kind.kind() != Some(ItemKind::Customer) {
            self.copies_in_doubt = self.copies_in_doubt.saturating_add(1);
        }
        self.block(finding);
    }

    /// Counts an item that is in the way, once however many reasons it has.
    pub(in crate::upgrade) fn failed(&mut self, kind: ItemKind) {
        let counts = self.of(kind);
        counts.failed = counts.failed.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digest_ignores_order_but_not_content(
            mut items in proptest::collection::vec(("[a-c]{1,2}", "[x-z]{1,2}"), 0..8),
            other in ("[a-c]{1,2}", "[x-z]{1,2}"),
        ) {
            let digest = |list: &[(String, String)]| {
                let mut d = InventoryDigest::default();
                for (id, value) in list {
                    d.add(ItemKind::Asset, &SourceId(id.clone()), &Digest(value.clone()));
                }
                d
            };
            let one = digest(&items);
            items.reverse();
            prop_assert_eq!(one, digest(&items));
            items.push(other.clone());
            items.push(other);
            prop_assert_ne!(one, digest(&items));
        }
    }

    #[test]
    fn a_page_without_revision_counts_as_moved() {
        let one = RevisionSeen::None.page(Some(Revision(1)));
        assert_eq!(one, RevisionSeen::One(Revision(1)));
        assert_eq!(one.page(Some(Revision(1))), one);
        assert_eq!(one.page(Some(Revision(2))), RevisionSeen::Moved);
        assert_eq!(one.page(None), RevisionSeen::Moved);
        assert_eq!(RevisionSeen::None.page(None), RevisionSeen::Moved);
        assert_eq!(
            RevisionSeen::Moved.page(Some(Revision(1))),
            RevisionSeen::Moved
        );
        assert_eq!(one.and(RevisionSeen::One(Revision(2))), RevisionSeen::Moved);
    }
}
