//! What one item means for the sweep: it is counted, told of, copied, or waits for an answer.

use super::candidates::{Asked, Candidate};
use super::classify::{self, Class, HalfMarked};
use super::compare::{self, Compared};
use super::merge::{Keyed, Pair};
use super::tally::{Finding, Subject};
use super::{Hand, Sweep, SweepMode};
use crate::bss::port::{
    Blocker, BlockerReason, CopyItem, Customer, Digest, ItemKind, Purchase, SourceId, Sync,
};
use crate::upgrade::keys::hash128;

impl Sweep {
    pub(super) fn customer(&mut self, pair: &Pair<Customer>) {
        let Some(id) = id_of(pair) else { return };
        if self.mode == SweepMode::Verify {
            let compared = compare::compare_customer(pair, &self.scope.reseller);
            self.compared(ItemKind::Customer.into(), &id, compared);
            return;
        }
        let class = classify::customer(pair, &self.scope.reseller);
        if let Some(source) = &pair.source {
            if source.sync == Sync::NotSynced {
                self.tally.unsynced.insert(source.id.clone());
            }
            if !matches!(class, Class::Excluded(_)) {
                self.tally
                    .eligible(ItemKind::Customer, &source.id, &source.digest);
            }
        }
        self.settle(
            ItemKind::Customer.into(),
            &id,
            &class,
            pair.source.as_ref().map(|s| &s.digest),
            None,
        );
    }

    pub(super) fn purchase(&mut self, pair: &Pair<Purchase>) {
        let Some(id) = id_of(pair) else { return };
        let subject = classify::subject_of_purchase(pair);
        if self.mode == SweepMode::Verify {
            let compared = compare::compare_purchase(pair, &self.scope.reseller);
            self.compared(subject, &id, compared);
            return;
        }
        let class = classify::purchase(pair, &self.scope.reseller);
        let to_copy = matches!(
            class,
            Class::Linked
                | Class::Missing { .. }
                | Class::Duplicate
                | Class::Changed(_)
                | Class::Unsettled
        );
        if let Some(source) = pair.source.as_ref().filter(|_| to_copy) {
            self.tally
                .eligible(subject.counted(), &source.id, &source.digest);
            self.owner_of_failed(&source.customer);
        }
        let source = pair.source.as_ref();
        self.settle(
            subject,
            &id,
            &class,
            source.map(|s| &s.digest),
            source.map(|s| &s.customer),
        );
    }

    fn compared(&mut self, kind: Subject, id: &SourceId, compared: Compared) {
        match compared {
            Compared::Nothing => {}
            Compared::Agrees => self.tally.copied(kind.counted()),
            Compared::Differs(how) => self.tally.block(Finding {
                reason: how.as_str(),
                kind,
                source: id.clone(),
                detail: None,
            }),
        }
    }

    /// A customer that could not be copied counts only now that it owns something to copy (I-13).
    fn owner_of_failed(&mut self, owner: &SourceId) {
        if let Some(finding) = self.failed_customers.remove(owner) {
            self.tally.block(finding);
        }
    }

    fn settle(
        &mut self,
        subject: Subject,
        id: &SourceId,
        class: &Class,
        digest: Option<&Digest>,
        owner: Option<&SourceId>,
    ) {
        let kind = subject.counted();
        match class {
            Class::Nothing => {}
            Class::Excluded(why) => self.tally.exclude(kind, id, *why),
            Class::Linked => self.tally.copied(kind),
            Class::Unsettled => self.unsettled(kind, id, "source and copies disagree"),
            Class::Duplicate => {
                self.tally.failed(kind);
                self.tally.doubt(Finding {
                    reason: BlockerReason::DuplicateCopy.as_str(),
                    kind: subject,
                    source: id.clone(),
                    detail: None,
                });
            }
            Class::Changed(change) => {
                let finding = Finding {
                    reason: BlockerReason::SourceChanged.as_str(),
                    kind: subject,
                    source: id.clone(),
                    detail: Some(change.told().to_owned()),
                };
                self.tally.failed(kind);
                // A customer counts only if it owns something to copy (I-13).
                if kind == ItemKind::Customer {
                    self.tally.failed_customers.insert(id.clone(), finding);
                } else {
                    self.tally.doubt(finding);
                }
            }
            Class::Orphaned if kind == ItemKind::Customer => self.tally.exclusions.add(Finding {
                reason: BlockerReason::OrphanedCopy.as_str(),
                kind: subject,
                source: id.clone(),
                detail: Some("The customer left the reseller; its copy stays.".to_owned()),
            }),
            Class::Orphaned => {
                self.tally.failed(kind);
                self.tally.doubt(Finding {
                    reason: BlockerReason::OrphanedCopy.as_str(),
                    kind: subject,
                    source: id.clone(),
                    detail: None,
                });
            }
            Class::Missing { copy, half_marked } => {
                let Some(expected_source) = digest.cloned() else {
                    return;
                };
                let item = CopyItem {
                    source: id.clone(),
                    kind,
                    key: self.scope.keys.item(&self.scope.tenant, kind, id),
                    expected_source,
                    expected_copy: copy.clone(),
                    pricing: None,
                };
                let check = match self.mode {
                    SweepMode::Check => Asked::Awaited,
                    SweepMode::Copy | SweepMode::Pricing | SweepMode::Final | SweepMode::Verify => {
                        Asked::Needless
                    }
                };
                self.missing(Candidate {
                    item,
                    owner: owner.cloned(),
                    half_marked: *half_marked,
                    pricing: Asked::Awaited,
                    check,
                });
            }
        }
    }

    fn missing(&mut self, candidate: Candidate) {
        match (self.mode, &candidate.owner) {
            (SweepMode::Copy, _) if self.hand == Hand::Person => {
                self.left_to_people(&candidate);
            }
            (SweepMode::Copy, None) => self.copy(candidate.item),
            (SweepMode::Verify, _) => {}
            (SweepMode::Pricing | SweepMode::Check, None) | (SweepMode::Final, _) => {
                let CopyItem { kind, source, .. } = &candidate.item;
                if candidate.half_marked == HalfMarked::Yes {
                    self.blocked(*kind, source, BlockerReason::HalfMarked);
                } else if *kind == ItemKind::Customer
                    && let Some(finding) = self.failed_customers.remove(source)
                {
                    self.tally.failed(ItemKind::Customer);
                    self.tally.failed_customers.insert(source.clone(), finding);
                }
                self.tally.missing = self.tally.missing.saturating_add(1);
            }
            (SweepMode::Copy, Some(owner)) => match self.prices.get(owner).cloned() {
                Some(digest) => self.copy_at(candidate.item, digest),
                None => self.candidates.push(candidate),
            },
            (SweepMode::Check, Some(_)) => self.candidates.push(candidate),
            (SweepMode::Pricing, Some(owner)) => {
                self.tally.missing = self.tally.missing.saturating_add(1);
                if self.owners_seen.insert(hash128(&[owner.as_str()])) {
                    self.candidates.push(candidate);
                }
            }
        }
    }

    fn left_to_people(&mut self, candidate: &Candidate) {
        let item = &candidate.item;
        let reason = match (&item.expected_copy, candidate.half_marked) {
            (None, _) => "CopyByHand",
            // Its copy is there, and only its mark is missing.
            (Some(_), HalfMarked::Yes) => "MarkByHand",
            (Some(_), HalfMarked::No) => "UpdateByHand",
        };
        self.tally.by_hand.add(Finding {
            reason,
            kind: item.kind.into(),
            source: item.source.clone(),
            detail: None,
        });
    }

    pub(super) fn blocked(&mut self, kind: ItemKind, source: &SourceId, reason: BlockerReason) {
        self.tally.failed(kind);
        self.tally.block(Finding {
            reason: reason.as_str(),
            kind: kind.into(),
            source: source.clone(),
            detail: None,
        });
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
                reason: reason.as_str(),
                kind: kind.into(),
                source: source.clone(),
                detail,
            });
        }
    }

    /// The next sweep will know more.
    pub(super) fn unsettled(&mut self, kind: ItemKind, source: &SourceId, why: &str) {
        self.tally.unsettled = self.tally.unsettled.saturating_add(1);
        self.tally.unsettled_items.add(Finding {
            reason: "ItemsFailed",
            kind: kind.into(),
            source: source.clone(),
            detail: Some(why.to_owned()),
        });
    }
}

fn id_of<T: Keyed>(pair: &Pair<T>) -> Option<SourceId> {
    pair.source
        .as_ref()
        .map(|source| source.source_id().clone())
        .or_else(|| pair.copies.first().map(|copy| copy.source.clone()))
}
