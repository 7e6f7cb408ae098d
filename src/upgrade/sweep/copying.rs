//! Copying: what is sent, what became of it, what was lost on the way and is looked up, and what is looked
//! up before it is sent.

use std::collections::BTreeMap;

use super::tally::Finding;
use super::{Hand, Sweep};
use crate::bss::port::{
    Blocker, BlockerReason, BusinessKey, ByItem, CopyItem, CopyListing, CopyState, Digest, Found,
    ItemKind, ItemOutcome, SourceId,
};

/// Why the outcome of a copy is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lost {
    /// The reply of its batch was lost or broken.
    Reply,
    /// The reply of its batch left this item out.
    Item,
}

impl Sweep {
    /// Copies an item under the pricing options that were seen.
    pub(super) fn copy_at(&mut self, mut item: CopyItem, pricing: Digest) {
        item.pricing = Some(pricing);
        self.copy(item);
    }

    /// Copies an item, after a look-up where the BSS would make a second copy.
    pub(super) fn copy(&mut self, item: CopyItem) {
        if self.hand == Hand::BssAfterLookUp && item.expected_copy.is_none() {
            self.to_look.insert(item.key.clone(), item);
        } else {
            self.to_copy.insert(item.source.clone(), item);
        }
    }

    /// Takes the outcomes of one batch in. Items that the batch did not settle stay.
    pub fn took_copies(&mut self, outcomes: &ByItem<ItemOutcome>) {
        for (source, outcome) in outcomes {
            let Some(item) = self.to_copy.remove(source) else {
                continue;
            };
            match outcome {
                ItemOutcome::Created => {
                    self.tally.written(item.kind);
                    self.tally.created = self.tally.created.saturating_add(1);
                }
                // No progress of its own: it may come back with every sweep.
                ItemOutcome::Unchanged | ItemOutcome::Updated => self.tally.written(item.kind),
                ItemOutcome::Blocked(reasons) => match reasons.iter().find(|b| of_all(b.reason)) {
                    Some(Blocker { reason, .. }) => self.refused_for_all(*reason),
                    None => self.copy_blocked(&item, reasons),
                },
                ItemOutcome::Conflict(why) => self.unsettled(item.kind, source, why),
                ItemOutcome::Failed { class, detail } => {
                    let finding = Finding {
                        reason: "ItemsFailed",
                        kind: item.kind.into(),
                        source: source.clone(),
                        detail: Some(format!("{class}: {detail}")),
                    };
                    self.copy_failed(&item, finding);
                }
                ItemOutcome::Unknown => {
                    self.unknown.insert(item.key.clone(), (item, Lost::Item));
                }
            }
        }
    }

    fn refused_for_all(&mut self, reason: BlockerReason) {
        let (reason, count) = self.refused.unwrap_or((reason, 0));
        self.refused = Some((reason, count.saturating_add(1)));
    }

    fn copy_blocked(&mut self, item: &CopyItem, reasons: &[Blocker]) {
        if item.kind == ItemKind::Customer {
            let text: Vec<&str> = reasons.iter().map(|b| b.reason.as_str()).collect();
            let reason = reasons.first().map_or("ItemsFailed", |b| b.reason.as_str());
            let finding = Finding {
                reason,
                kind: item.kind.into(),
                source: item.source.clone(),
                detail: Some(text.join(", ")),
            };
            self.copy_failed(item, finding);
        } else {
            self.blocked_by(item.kind, &item.source, reasons.to_vec());
        }
    }

    fn copy_failed(&mut self, item: &CopyItem, finding: Finding) {
        self.tally.failed(item.kind);
        if item.kind == ItemKind::Customer {
            self.tally
                .failed_customers
                .insert(item.source.clone(), finding);
        } else {
            self.tally.block(finding);
        }
    }

    /// The outcome of these items is unknown: the reply of their batch was lost or broken.
    pub fn lost_copies(&mut self, sources: &[SourceId]) {
        for source in sources {
            if let Some(item) = self.to_copy.remove(source) {
                self.unknown.insert(item.key.clone(), (item, Lost::Reply));
            }
        }
    }

    /// Takes one batch of look-ups in: what became of items whose outcome was unknown, and what is
    /// there already of those that are to be copied.
    pub fn took_found(&mut self, asked: &[BusinessKey], found: &BTreeMap<BusinessKey, Found>) {
        for key in asked {
            let what = found.get(key);
            if let Some(item) = self.to_look.remove(key) {
                match what {
                    Some(what) => self.looked_up(item, what),
                    None => self.not_looked_up(&item),
                }
            } else if let Some((item, lost)) = self.unknown.remove(key) {
                match what {
                    Some(what) => self.became(&item, lost, what),
                    None => self.not_looked_up(&item),
                }
            }
        }
    }

    fn not_looked_up(&mut self, item: &CopyItem) {
        let why = "the reply of findCopies left it out";
        self.unsettled(item.kind, &item.source, why);
    }

    /// What became of an item whose outcome was unknown.
    fn became(&mut self, item: &CopyItem, lost: Lost, what: &Found) {
        let why = match (lost, self.listing()) {
            (Lost::Reply, CopyListing::Customers) => "the reply of copyCustomers was lost",
            (Lost::Reply, CopyListing::Subscriptions) => "the reply of copySubscriptions was lost",
            (Lost::Item, CopyListing::Customers) => "the reply of copyCustomers left it out",
            (Lost::Item, CopyListing::Subscriptions) => {
                "the reply of copySubscriptions left it out"
            }
        };
        match what {
            Found::One(copy)
                if copy.digest == item.expected_source && copy.state != CopyState::Incomplete =>
            {
                self.tally.written(item.kind);
                self.tally.created = self.tally.created.saturating_add(1);
            }
            // Not there, or not as it should be: the next sweep sees what is true then.
            Found::One(_) | Found::None => self.unsettled(item.kind, &item.source, why),
            Found::Many(_) => {
                self.blocked(item.kind, &item.source, BlockerReason::DuplicateCopy);
            }
        }
    }

    /// A look-up before the copy: only what is not there is copied.
    fn looked_up(&mut self, item: CopyItem, what: &Found) {
        match what {
            Found::None => {
                self.to_copy.insert(item.source.clone(), item);
            }
            Found::One(_) => self.unsettled(
                item.kind,
                &item.source,
                "its copy is found by key and missing in the listing",
            ),
            Found::Many(_) => self.blocked(item.kind, &item.source, BlockerReason::DuplicateCopy),
        }
    }
}

/// Whether a reason is about the tenant or the reseller, and not about the item that it is told for.
fn of_all(reason: BlockerReason) -> bool {
    match reason {
        BlockerReason::TenantSuspended | BlockerReason::BackOrderingActive => true,
        BlockerReason::CurrencyMismatch
        | BlockerReason::ProductMissing
        | BlockerReason::AddonMissing
        | BlockerReason::BillingCycleMissing
        | BlockerReason::AccountNotSynced
        | BlockerReason::PricingIncomplete
        | BlockerReason::OrderNotFinal
        | BlockerReason::DuplicateCopy
        | BlockerReason::OrphanedCopy
        | BlockerReason::SourceChanged
        | BlockerReason::NotCopied
        | BlockerReason::HalfMarked
        | BlockerReason::CustomerNotCopied
        | BlockerReason::ResellerNotBasic
        | BlockerReason::OrderingDisabled
        | BlockerReason::PriceListInactive => false,
    }
}
