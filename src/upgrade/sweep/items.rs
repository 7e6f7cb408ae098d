//! What one item means for the sweep: it is counted, told of, copied, or waits for an answer.

use std::collections::BTreeSet;

use super::candidates::{Asked, Candidate, Writer};
use super::classify::{self, Change, Class, HalfMarked, Present};
use super::compare::{self, Compared, Difference};
use super::findings::{Finding, FindingReason, ManualStep, Subject};
use super::merge::{Keyed, Pair};
use super::{CopyMethod, PricingDigest, Sweep, SweepMode};
use crate::bss::port::{
    AccountId, Blocker, BlockerReason, CopyItem, CopyState, Customer, Digest, ItemKind, Link, Mark,
    Purchase, SourceId, Strength, Sync, Unseen,
};
use crate::upgrade::keys::hash128;

/// A source of either listing, with the rules of the business that are its own.
pub(super) trait Source: Keyed + Sized {
    /// What a pair is about.
    fn subject(pair: &Pair<Self>) -> Subject;

    /// What the BSS does not show of it and does not name among what it does not show.
    fn undeclared(&self, unseen: &BTreeSet<Unseen>) -> Option<Unseen>;

    /// What a pair means before the switch.
    fn class(pair: &Pair<Self>, reseller: &AccountId) -> Class;

    /// Whether a pair agrees, after the switch.
    fn compared(pair: &Pair<Self>, reseller: &AccountId) -> Compared;

    /// The customer that owns it, if it is not a customer itself.
    fn owner(&self) -> Option<&SourceId>;

    /// What a sweep keeps of it.
    fn listed(self) -> Listed;
}

/// What a sweep keeps of a source.
pub(super) struct Listed {
    id: SourceId,
    digest: Digest,
    /// The customer that owns it, if it is not a customer itself.
    owner: Option<SourceId>,
    /// The provisioning sync of a customer.
    sync: Option<Sync>,
}

impl Source for Customer {
    fn subject(_: &Pair<Self>) -> Subject {
        ItemKind::Customer.into()
    }

    fn undeclared(&self, unseen: &BTreeSet<Unseen>) -> Option<Unseen> {
        let sync = (self.sync == Sync::Unseen).then_some(Unseen::Sync);
        let mark = (self.mark == Mark::Unseen).then_some(Unseen::CustomerMark);
        let facts = [sync, mark].into_iter().flatten();
        facts.into_iter().find(|fact| !unseen.contains(fact))
    }

    fn class(pair: &Pair<Self>, reseller: &AccountId) -> Class {
        classify::customer(pair, reseller)
    }

    fn compared(pair: &Pair<Self>, reseller: &AccountId) -> Compared {
        compare::compare_customer(pair, reseller)
    }

    fn owner(&self) -> Option<&SourceId> {
        None
    }

    fn listed(self) -> Listed {
        Listed {
            id: self.id,
            digest: self.digest,
            owner: None,
            sync: Some(self.sync),
        }
    }
}

impl Source for Purchase {
    fn subject(pair: &Pair<Self>) -> Subject {
        classify::subject_of_purchase(pair)
    }

    fn undeclared(&self, unseen: &BTreeSet<Unseen>) -> Option<Unseen> {
        let mark = (self.mark == Mark::Unseen).then_some(Unseen::PurchaseMark);
        mark.filter(|fact| !unseen.contains(fact))
    }

    fn class(pair: &Pair<Self>, reseller: &AccountId) -> Class {
        classify::purchase(pair, reseller)
    }

    fn compared(pair: &Pair<Self>, reseller: &AccountId) -> Compared {
        compare::compare_purchase(pair, reseller)
    }

    fn owner(&self) -> Option<&SourceId> {
        Some(&self.customer)
    }

    fn listed(self) -> Listed {
        Listed {
            id: self.id,
            digest: self.digest,
            owner: Some(self.customer),
            sync: None,
        }
    }
}

/// One item: its source, or what its copies tell of a source that is not listed any more.
struct Item {
    subject: Subject,
    id: SourceId,
    /// The digest of its source, if that is listed.
    digest: Option<Digest>,
    /// The customer that owns it, if its source tells.
    owner: Option<SourceId>,
}

impl Item {
    fn finding(self, reason: BlockerReason) -> Finding {
        Finding::new(reason, self.subject, self.id)
    }
}

impl Sweep {
    /// Takes one pair in.
    pub(super) fn pair<T: Source>(&mut self, pair: Pair<T>) {
        let subject = T::subject(&pair);
        let source = pair.source.as_ref();
        if let Some(fact) = source.and_then(|source| source.undeclared(&self.scope.unseen)) {
            if let Some(id) = pair.into_id() {
                self.undeclared(subject, id, fact);
            }
            return;
        }
        let pair = self.confirmed(pair);
        if self.mode == SweepMode::Verify {
            self.digest_options_behind(&pair);
            let compared = T::compared(&pair, &self.scope.reseller);
            if let Some(id) = pair.into_id() {
                self.compared(subject, id, compared);
            }
            return;
        }
        let class = T::class(&pair, &self.scope.reseller);
        if let Some(source) = pair.source {
            self.customer_with_its_copy(&class, subject, source.source_id());
            self.listed(subject, source.listed(), class);
        } else if let Some(copy) = pair.copies.into_iter().next() {
            let item = Item {
                subject,
                id: copy.source,
                digest: None,
                owner: None,
            };
            self.settle(item, class);
        }
    }

    fn listed(&mut self, subject: Subject, listed: Listed, class: Class) {
        let Listed {
            id,
            digest,
            owner,
            sync,
        } = listed;
        if sync == Some(Sync::NotSynced) {
            self.tally.unsynced.insert(id.clone());
        }
        if class.is_eligible() {
            self.tally.eligible(subject.counted(), &id, &digest);
            if let Some(owner) = &owner {
                self.owner_of_failed(owner);
                self.digest_options_of(owner);
            }
        }
        let item = Item {
            subject,
            id,
            digest: Some(digest),
            owner,
        };
        self.settle(item, class);
    }

    /// What a person confirmed: of two copies of one source, or of one copy of two sources, which belong
    /// together.
    fn confirmed<T: Source>(&self, mut pair: Pair<T>) -> Pair<T> {
        let confirmed = &self.scope.confirmed;
        if confirmed.is_empty() {
            return pair;
        }
        pair.copies.retain_mut(|copy| {
            if !matches!(copy.state, CopyState::Unclear(_)) {
                return true;
            }
            let of_this = confirmed.get(&copy.source);
            if of_this == Some(&copy.id) {
                copy.state = CopyState::Live;
                return true;
            }
            // Another copy is this source's, or this copy is another source's.
            of_this.is_none() && !confirmed.values().any(|other| *other == copy.id)
        });
        pair
    }

    /// Has the options of the owner digested, after a switch that copied under them.
    fn digest_options_behind<T: Source>(&mut self, pair: &Pair<T>) {
        if self.pricing == PricingDigest::Made
            && T::class(pair, &self.scope.reseller).is_eligible()
            && let Some(owner) = pair.source.as_ref().and_then(Source::owner).cloned()
        {
            self.candidates.add_owner(&owner);
        }
    }

    /// A fact is missing that the BSS says it shows. Without it nothing can be told of the item.
    fn undeclared(&mut self, subject: Subject, id: SourceId, fact: Unseen) {
        let why = format!(
            "the BSS does not show {} of it, and does not name that among what it does not show",
            fact.as_str()
        );
        if self.mode == SweepMode::Verify {
            let finding = Finding::new(Difference::Unclear, subject, id).saying(why);
            self.tally.block(finding);
        } else {
            self.unsettled(subject.counted(), id, &why);
        }
    }

    fn compared(&mut self, subject: Subject, id: SourceId, compared: Compared) {
        match compared {
            Compared::Nothing => {}
            Compared::Agrees => self.tally.copied(subject.counted()),
            Compared::Differs(how) => {
                self.tally.block(Finding::new(how, subject, id));
            }
        }
    }

    /// Keeps that a customer has its copy, where the switch copies what it owns.
    fn customer_with_its_copy(&mut self, class: &Class, subject: Subject, id: &SourceId) {
        let customer = subject.kind() == Some(ItemKind::Customer);
        if self.mode == SweepMode::Last && customer && *class == Class::Linked {
            let hash = hash128(&[id.as_str()]);
            self.tally.copied_customers.insert(hash);
        }
    }

    /// Has the options of an owner digested, where the switch copies under them.
    fn digest_options_of(&mut self, owner: &SourceId) {
        if self.pricing == PricingDigest::Made {
            self.candidates.add_owner(owner);
        }
    }

    /// A customer that could not be copied counts only now that it owns something to copy (I-13).
    fn owner_of_failed(&mut self, owner: &SourceId) {
        if let Some(finding) = self.failed_customers.remove(owner) {
            self.tally.block(finding);
        }
    }

    fn settle(&mut self, item: Item, class: Class) {
        let kind = item.subject.counted();
        match class {
            Class::Nothing => {}
            Class::Excluded(why) => self.tally.exclude(kind, item.id, why),
            Class::Linked => self.tally.copied(kind),
            Class::Unsettled => self.unsettled(kind, item.id, "source and copies disagree"),
            Class::Duplicate => {
                self.tally.failed(kind);
                self.tally.doubt(item.finding(BlockerReason::DuplicateCopy));
            }
            Class::Changed(change) => self.changed(item, change),
            Class::Orphaned => self.orphaned(item),
            Class::CopyUnclear { why, source: _ } => {
                let finding = item.finding(BlockerReason::CopyUnclear).saying(why);
                self.held_by_its_copy(finding);
            }
            Class::StateUnclear(word) => {
                self.tally.failed(kind);
                let finding = item.finding(BlockerReason::StateUnclear);
                let said = format!("its state is \"{word}\", which is not known");
                self.tally.block(finding.saying(said));
            }
            Class::Missing { copy, half_marked } => {
                if let Some(candidate) = self.candidate(item, copy, half_marked) {
                    self.missing(candidate);
                }
            }
        }
    }

    fn changed(&mut self, item: Item, change: Change) {
        let finding = item
            .finding(BlockerReason::SourceChanged)
            .saying(change.told());
        self.held_by_its_copy(finding);
    }

    /// A copy that exists is in the way.
    fn held_by_its_copy(&mut self, finding: Finding) {
        let kind = finding.kind.counted();
        self.tally.failed(kind);
        // A customer counts only if it owns something to copy (I-13).
        if kind == ItemKind::Customer {
            let id = finding.source.clone();
            self.tally.failed_customers.insert(id, finding);
        } else {
            self.tally.doubt(finding);
        }
    }

    fn orphaned(&mut self, item: Item) {
        let kind = item.subject.counted();
        let finding = item.finding(BlockerReason::OrphanedCopy);
        if kind == ItemKind::Customer {
            let left = finding.saying("The customer left the reseller; its copy stays.");
            self.tally.exclusions.add(left);
        } else {
            self.tally.failed(kind);
            self.tally.doubt(finding);
        }
    }

    /// The candidate that an item without a whole copy is; none without its source.
    fn candidate(
        &self,
        item: Item,
        present: Option<Present>,
        half_marked: HalfMarked,
    ) -> Option<Candidate> {
        let writer = self.writer(present.as_ref());
        let Item {
            subject,
            id,
            digest,
            owner,
        } = item;
        let kind = subject.counted();
        let check = match self.mode {
            SweepMode::Check | SweepMode::Last => Asked::Awaited,
            SweepMode::Copy | SweepMode::Pricing | SweepMode::Final | SweepMode::Verify => {
                Asked::Needless
            }
        };
        Some(Candidate {
            item: CopyItem {
                key: self.scope.keys.item(&self.scope.tenant, kind, &id),
                source: id,
                kind,
                expected_source: digest?,
                expected_copy: present.map(|copy| copy.digest),
                pricing: None,
            },
            owner,
            half_marked,
            writer,
            pricing: Asked::Awaited,
            check,
        })
    }

    /// Who writes an item. A copy that is there is written only where the BSS keeps its link to the source
    /// (I-9), and compares it with what was seen: else what the reseller changed would be overwritten.
    fn writer(&self, present: Option<&Present>) -> Writer {
        let safe = present
            .is_none_or(|copy| copy.link == Link::Stored && self.scope.items == Strength::Strong);
        if safe && self.method != CopyMethod::Person {
            Writer::Operator
        } else {
            Writer::Person
        }
    }

    fn missing(&mut self, candidate: Candidate) {
        match (self.mode, &candidate.owner) {
            (SweepMode::Copy, _) if candidate.writer == Writer::Person => {
                self.left_to_people(candidate);
            }
            (SweepMode::Copy, None) => self.copies.add(candidate.item, self.method),
            (SweepMode::Verify, _) => {}
            (SweepMode::Pricing | SweepMode::Check | SweepMode::Last, None)
            | (SweepMode::Final, _) => {
                self.only_counted(candidate);
            }
            (SweepMode::Copy | SweepMode::Check | SweepMode::Last, Some(_)) => {
                self.candidates.add(candidate);
            }
            (SweepMode::Pricing, Some(_)) => {
                self.tally.missing = self.tally.missing.saturating_add(1);
                self.candidates.add_first_of_owner(candidate);
            }
        }
    }

    /// A sweep that only looks counts what is missing. A customer that failed before is still one that
    /// failed.
    fn only_counted(&mut self, candidate: Candidate) {
        let CopyItem { kind, source, .. } = candidate.item;
        self.tally.missing = self.tally.missing.saturating_add(1);
        if candidate.half_marked == HalfMarked::Yes {
            self.blocked(kind, source, BlockerReason::HalfMarked);
        } else if kind == ItemKind::Customer
            && let Some(finding) = self.failed_customers.remove(&source)
        {
            self.tally.failed(ItemKind::Customer);
            self.tally.failed_customers.insert(source, finding);
        }
    }

    fn left_to_people(&mut self, candidate: Candidate) {
        let item = candidate.item;
        let step = match (&item.expected_copy, candidate.half_marked) {
            (None, _) => ManualStep::Copy,
            // Its copy is there, and only its mark is missing.
            (Some(_), HalfMarked::Yes) => ManualStep::Mark,
            (Some(_), HalfMarked::No) => ManualStep::Update,
        };
        let finding = Finding::new(step, item.kind, item.source);
        self.tally.by_hand.add(finding);
    }

    pub(super) fn blocked(&mut self, kind: ItemKind, source: SourceId, reason: BlockerReason) {
        self.tally.failed(kind);
        self.tally.block(Finding::new(reason, kind, source));
    }

    pub(super) fn blocked_by(
        &mut self,
        kind: ItemKind,
        source: &SourceId,
        mut reasons: Vec<Blocker>,
    ) {
        reasons.sort();
        reasons.dedup();
        if !reasons.is_empty() {
            self.tally.failed(kind);
        }
        for Blocker { reason, detail } in reasons {
            self.tally.block(Finding {
                detail,
                ..Finding::new(reason, kind, source.clone())
            });
        }
    }

    /// The next sweep will know more.
    pub(super) fn unsettled(&mut self, kind: ItemKind, source: SourceId, why: &str) {
        self.tally.unsettled = self.tally.unsettled.saturating_add(1);
        let finding = Finding::new(FindingReason::ItemsFailed, kind, source).saying(why);
        self.tally.unsettled_items.add(finding);
    }
}
