//! Copying: what is sent, what became of it, what was lost on the way and is looked up, and what is looked
//! up before it is sent.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Finding, FindingReason};
use super::scope::{Rest, Scope};
use super::{CopyMethod, Sweep};
use crate::bss::error::BlockerTally;
use crate::bss::port::{
    About, Blocker, BlockerReason, BusinessKey, ByItem, CopyItem, CopyListing, CopyState, Digest,
    Found, ItemKind, ItemOutcome, SourceId,
};
use crate::upgrade::effect::SweepCall;

/// Why the outcome of a copy is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lost {
    /// The reply of its batch was lost or broken.
    Reply,
    /// The reply of its batch left this item out.
    Item,
}

/// The items that are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Copies {
    /// Those that are looked up before.
    to_look: BTreeMap<BusinessKey, CopyItem>,
    /// Those that are to be sent.
    to_copy: BTreeMap<SourceId, CopyItem>,
    /// Those whose call is under way.
    under_way: BTreeMap<SourceId, CopyItem>,
    /// Those that were sent and whose outcome is unknown.
    unknown: BTreeMap<BusinessKey, (CopyItem, Lost)>,
    /// The keys that are being looked up.
    looking_up: BTreeSet<BusinessKey>,
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
        self.len() == 0
    }

    /// How many items are not settled.
    pub(super) fn len(&self) -> usize {
        let sent = self.under_way.len().saturating_add(self.unknown.len());
        let unsent = self.to_look.len().saturating_add(self.to_copy.len());
        sent.saturating_add(unsent)
    }

    /// The first item that is not settled.
    pub(super) fn first(&self) -> Option<&SourceId> {
        let looked_for = self.to_look.values();
        let unknown = self.unknown.values().map(|(item, _)| item);
        let by_key = looked_for.chain(unknown).map(|item| &item.source).min();
        let sent = self.under_way.keys().next();
        let unsent = self.to_copy.keys().next();
        by_key.into_iter().chain(sent).chain(unsent).min()
    }

    /// Whether the outcome of every item that was sent is known.
    pub(super) fn are_known(&self) -> bool {
        self.unknown.is_empty()
    }

    /// Whether every item was looked up that has to be.
    pub(super) fn are_looked_up(&self) -> bool {
        self.to_look.is_empty()
    }

    /// Whether copies are under way.
    pub(super) fn are_sent(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// The look-ups of items whose outcome is unknown.
    pub(super) fn to_find(&self, scope: &Scope) -> impl Iterator<Item = SweepCall> {
        self.look_ups(scope, self.unknown.keys())
    }

    /// The look-ups that come before the copies.
    pub(super) fn to_look_up(&self, scope: &Scope) -> impl Iterator<Item = SweepCall> {
        self.look_ups(scope, self.to_look.keys())
    }

    fn look_ups<'a>(
        &'a self,
        scope: &Scope,
        keys: impl Iterator<Item = &'a BusinessKey>,
    ) -> impl Iterator<Item = SweepCall> {
        let awaited = keys.filter(|key| !self.looking_up.contains(*key)).cloned();
        scope.batches(awaited, Rest::Goes).map(SweepCall::Find)
    }

    /// The copies.
    pub(super) fn to_copy(&self, scope: &Scope, rest: Rest) -> impl Iterator<Item = Vec<CopyItem>> {
        scope.batches(self.to_copy.values().cloned(), rest)
    }

    /// The items that will be sent next.
    pub(super) fn next(&self, most: usize) -> Vec<SourceId> {
        self.to_copy.keys().take(most).cloned().collect()
    }

    /// These keys are being looked up.
    pub(super) fn looks_up(&mut self, keys: &[BusinessKey]) {
        self.looking_up.extend(keys.iter().cloned());
    }

    /// These items are being sent.
    pub(super) fn sends(&mut self, items: &[CopyItem]) {
        for item in items {
            if let Some(item) = self.to_copy.remove(&item.source) {
                self.under_way.insert(item.source.clone(), item);
            }
        }
    }

    /// No call is under way. What was sent and is still not settled was certainly not done: it is sent
    /// again.
    pub(super) fn nothing_under_way(&mut self) {
        self.looking_up.clear();
        self.to_copy.append(&mut self.under_way);
    }

    /// An item that was sent, or is about to be.
    fn sent(&mut self, source: &SourceId) -> Option<CopyItem> {
        let under_way = self.under_way.remove(source);
        under_way.or_else(|| self.to_copy.remove(source))
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
        self.a_call_came_back();
        for (source, outcome) in outcomes {
            if let Some(item) = self.copies.sent(&source) {
                self.took_copy(item, outcome);
            }
        }
    }

    fn took_copy(&mut self, item: CopyItem, outcome: ItemOutcome) {
        match outcome {
            ItemOutcome::Created => self.created(item.kind),
            // No progress of its own: it may come back with every sweep.
            ItemOutcome::Unchanged | ItemOutcome::Updated => self.tally.written(item.kind),
            ItemOutcome::Blocked(reasons) => match reasons
                .iter()
                .find(|b| b.reason.about() == About::Everything)
            {
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
        self.a_call_came_back();
        for source in sources {
            if let Some(item) = self.copies.sent(source) {
                let key = item.key.clone();
                self.copies.unknown.insert(key, (item, Lost::Reply));
            }
        }
    }

    /// Takes one batch of look-ups in: what became of items whose outcome was unknown, and what is
    /// there already of those that are to be copied.
    pub fn took_found(&mut self, asked: Vec<BusinessKey>, mut found: BTreeMap<BusinessKey, Found>) {
        self.a_call_came_back();
        for key in asked {
            self.copies.looking_up.remove(&key);
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
