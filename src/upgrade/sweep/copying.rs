//! Copying: what is sent, what became of it, what was lost on the way and is looked up, and what is looked
//! up before it is sent.

use std::collections::BTreeMap;

use super::findings::{Finding, FindingReason};
use super::scope::Scope;
use super::{CopyMethod, Sweep};
use crate::bss::error::BlockerTally;
use crate::bss::port::{
    Blocker, BlockerReason, BusinessKey, ByItem, CopyItem, CopyListing, CopyState, Digest, Found,
    ItemKind, ItemOutcome, SourceId,
};
use crate::upgrade::effect::Read;

/// Why the outcome of a copy is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lost {
    /// The reply of its batch was lost or broken.
    Reply,
    /// The reply of its batch left this item out.
    Item,
}

/// The items of the present window that are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Copies {
    /// Those that are looked up before.
    to_look: BTreeMap<BusinessKey, CopyItem>,
    /// Those that are to be sent.
    to_copy: BTreeMap<SourceId, CopyItem>,
    /// Those that were sent and whose outcome is unknown.
    unknown: BTreeMap<BusinessKey, (CopyItem, Lost)>,
    /// Why the BSS refused items for what they all rest on, and how many it did.
    refused: Option<(BlockerReason, u32)>,
}

impl Copies {
    /// Adds an item, which is looked up before where the BSS would make a second copy.
    pub(super) fn add(&mut self, item: CopyItem, method: CopyMethod) {
        if method == CopyMethod::BssAfterLookUp && item.expected_copy.is_none() {
            self.to_look.insert(item.key.clone(), item);
        } else {
            self.to_copy.insert(item.source.clone(), item);
        }
    }

    /// Adds an item that is copied under the pricing options that were seen.
    pub(super) fn add_at(&mut self, item: CopyItem, options: Digest, method: CopyMethod) {
        let pricing = Some(options);
        self.add(CopyItem { pricing, ..item }, method);
    }

    /// Whether every item was settled.
    pub(super) fn is_empty(&self) -> bool {
        self.to_look.is_empty() && self.to_copy.is_empty() && self.unknown.is_empty()
    }

    /// Whether the outcome of every item that was sent is known.
    pub(super) fn are_known(&self) -> bool {
        self.unknown.is_empty()
    }

    /// The look-ups of items whose outcome is unknown.
    pub(super) fn to_find(&self, scope: &Scope) -> Option<Read> {
        let keys = self.unknown.keys().cloned();
        (!self.unknown.is_empty()).then(|| Read::Find(scope.batches(keys)))
    }

    /// The look-ups that come before the copies.
    pub(super) fn to_look_up(&self, scope: &Scope) -> Option<Read> {
        let keys = self.to_look.keys().cloned();
        (!self.to_look.is_empty()).then(|| Read::Find(scope.batches(keys)))
    }

    /// The copies.
    pub(super) fn to_copy(&self, scope: &Scope) -> Option<Vec<Vec<CopyItem>>> {
        let items = self.to_copy.values().cloned();
        (!self.to_copy.is_empty()).then(|| scope.batches(items))
    }

    fn refused(&mut self, reason: BlockerReason) {
        let (reason, count) = self.refused.unwrap_or((reason, 0));
        self.refused = Some((reason, count.saturating_add(1)));
    }
}

impl Sweep {
    /// Whether items were refused for what all of them rest on: a tenant that was suspended, back
    /// ordering that is on. That says nothing about the items.
    #[must_use]
    pub fn refused_as_a_whole(&self) -> Option<BlockerTally> {
        self.copies.refused.map(|(reason, count)| BlockerTally {
            reason,
            count,
            examples: Vec::new(),
        })
    }

    /// Takes the outcomes of one batch in. Items that the batch did not settle stay.
    pub fn took_copies(&mut self, outcomes: ByItem<ItemOutcome>) {
        for (source, outcome) in outcomes {
            if let Some(item) = self.copies.to_copy.remove(&source) {
                self.took_copy(item, outcome);
            }
        }
    }

    fn took_copy(&mut self, item: CopyItem, outcome: ItemOutcome) {
        match outcome {
            ItemOutcome::Created => self.created(item.kind),
            // No progress of its own: it may come back with every sweep.
            ItemOutcome::Unchanged | ItemOutcome::Updated => self.tally.written(item.kind),
            ItemOutcome::Blocked(reasons) => match reasons.iter().find(|b| of_all(b.reason)) {
                Some(Blocker { reason, .. }) => self.copies.refused(*reason),
                None => self.copy_blocked(item, reasons),
            },
            ItemOutcome::Conflict(why) => self.unsettled(item.kind, item.source, &why),
            ItemOutcome::Failed { class, detail } => {
                let finding = Finding::new(FindingReason::ItemsFailed, item.kind, item.source)
                    .saying(format!("{class}: {detail}"));
                self.copy_failed(item.kind, finding);
            }
            ItemOutcome::Unknown => {
                let key = item.key.clone();
                self.copies.unknown.insert(key, (item, Lost::Item));
            }
        }
    }

    fn created(&mut self, kind: ItemKind) {
        self.tally.written(kind);
        self.tally.created = self.tally.created.saturating_add(1);
    }

    fn copy_blocked(&mut self, item: CopyItem, reasons: Vec<Blocker>) {
        if item.kind == ItemKind::Customer {
            let text: Vec<&str> = reasons.iter().map(|b| b.reason.as_str()).collect();
            let first = reasons.first();
            let reason = first.map_or(FindingReason::ItemsFailed, |b| b.reason.into());
            let finding = Finding::new(reason, item.kind, item.source).saying(text.join(", "));
            self.copy_failed(item.kind, finding);
        } else {
            self.blocked_by(item.kind, &item.source, reasons);
        }
    }

    fn copy_failed(&mut self, kind: ItemKind, finding: Finding) {
        self.tally.failed(kind);
        if kind == ItemKind::Customer {
            let customer = finding.source.clone();
            self.tally.failed_customers.insert(customer, finding);
        } else {
            self.tally.block(finding);
        }
    }

    /// The outcome of these items is unknown: the reply of their batch was lost or broken.
    pub fn lost_copies(&mut self, sources: &[SourceId]) {
        for source in sources {
            if let Some(item) = self.copies.to_copy.remove(source) {
                let key = item.key.clone();
                self.copies.unknown.insert(key, (item, Lost::Reply));
            }
        }
    }

    /// Takes one batch of look-ups in: what became of items whose outcome was unknown, and what is
    /// there already of those that are to be copied.
    pub fn took_found(&mut self, asked: Vec<BusinessKey>, mut found: BTreeMap<BusinessKey, Found>) {
        for key in asked {
            let what = found.remove(&key);
            if let Some(item) = self.copies.to_look.remove(&key) {
                match what {
                    Some(what) => self.looked_up(item, &what),
                    None => self.not_looked_up(item),
                }
            } else if let Some((item, lost)) = self.copies.unknown.remove(&key) {
                match what {
                    Some(what) => self.became(item, lost, &what),
                    None => self.not_looked_up(item),
                }
            }
        }
    }

    fn not_looked_up(&mut self, item: CopyItem) {
        let why = "the reply of findCopies left it out";
        self.unsettled(item.kind, item.source, why);
    }

    /// What became of an item whose outcome was unknown.
    fn became(&mut self, item: CopyItem, lost: Lost, what: &Found) {
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
                if copy.digest == item.expected_source
                    && matches!(copy.state, CopyState::Live | CopyState::Ended) =>
            {
                self.created(item.kind);
            }
            // Not there, or not as it should be: the next sweep sees what is true then.
            Found::One(_) | Found::None => self.unsettled(item.kind, item.source, why),
            Found::Many(_) => self.blocked(item.kind, item.source, BlockerReason::DuplicateCopy),
        }
    }

    /// A look-up before the copy: only what is not there is copied.
    fn looked_up(&mut self, item: CopyItem, what: &Found) {
        match what {
            Found::None => {
                self.copies.to_copy.insert(item.source.clone(), item);
            }
            Found::One(_) => self.unsettled(
                item.kind,
                item.source,
                "its copy is found by key and missing in the listing",
            ),
            Found::Many(_) => self.blocked(item.kind, item.source, BlockerReason::DuplicateCopy),
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
        | BlockerReason::PriceListInactive
        | BlockerReason::CopyUnclear
        | BlockerReason::StateUnclear => false,
    }
}
