//! What a sweep saw, folded: counts, what is in the way, and a digest that no order can change.

use std::collections::{BTreeMap, BTreeSet};

use super::classify::Exclusion;
use super::findings::{Finding, Findings};
use crate::bss::port::{Digest, ItemKind, PricingState, Revision, SourceId};
use crate::upgrade::keys::hash128;

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
    pub excluded: BTreeMap<Exclusion, i64>,
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
    /// Pages carried different ones, or a page carried none: something moved, or it cannot be told that
    /// nothing did.
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
    /// Items that the next sweep looks at again: conflicts, unknown outcomes, listings that disagree.
    pub unsettled: i64,
    /// The findings that people are told if these items stay unsettled.
    pub unsettled_items: Findings,
    /// Items that a person has to copy.
    pub by_hand: Findings,
    /// Customers that could not be copied; they only count if they own something to copy (I-13).
    pub failed_customers: BTreeMap<SourceId, Finding>,
    /// Customers whose provisioning sync is not in order.
    pub unsynced: BTreeSet<SourceId>,
    /// Of the customers that were looked for, those that the listing has not shown.
    pub unlisted: BTreeSet<SourceId>,
    /// Customers that own something to copy and lack pricing options, with their names.
    pub unpriced: BTreeMap<SourceId, Option<String>>,
    /// Customers that own something to copy and whose pricing options the BSS does not show, with their
    /// names.
    pub unseen_pricing: BTreeMap<SourceId, Option<String>>,
    /// Customers that have their copy, by hash: only where the switch copies what they own.
    pub copied_customers: BTreeSet<u128>,
    /// Items that the switch is to copy, by kind: only where it does.
    pub uncopied: BTreeMap<ItemKind, i64>,
    /// The owners of these items, by hash.
    pub uncopied_owners: BTreeSet<u128>,
    /// These items, for the person who copies them with the switch.
    pub with_the_switch: Findings,
    /// Digest over the pricing options of the owners of every eligible item: only where the switch copies.
    pub pricing_digest: InventoryDigest,
    /// The pricing options that were seen, for the copying that follows a check.
    pub options: BTreeMap<SourceId, PricingState>,
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
        let count = self.of(kind).excluded.entry(why).or_default();
        *count = count.saturating_add(1);
        let finding = Finding::new(why, kind, source);
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
