//! Copies: the comparison with what the operator expected, the copy with its mark, record only.
//! Each item is looked at once more at the moment of its copy.

use std::collections::BTreeMap;

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::port::{
    Blocker, BlockerReason, ByItem, CopyItem, CopyListing, CopyState, Digest, Epoch, ItemKind,
    ItemOutcome, Mark, PurchaseState, SourceId, Sync, TenantId, WriteOperation,
};

use super::checks::blocker;
use super::pricing::listed;
use super::records::{CustomerRow, Owned, PurchaseRow};
use super::refusals::{Place, invalid};
use super::world::{CopyKey, World};
use super::wrong::Wrong;

/// What is to be done with an item.
enum ItemAction {
    Create,
    /// Half of the pair is missing: contacts or mark.
    Complete(CopyKey),
    /// The source moved on, the copy is still as it was copied.
    Update(CopyKey),
    Unchanged,
    Refuse(ItemOutcome),
}

fn blocked(reason: BlockerReason, detail: Option<&str>) -> ItemOutcome {
    ItemOutcome::Blocked(vec![blocker(reason, detail)])
}

fn conflict(detail: &str) -> ItemOutcome {
    ItemOutcome::Conflict(detail.to_owned())
}

fn failed(class: &'static str, detail: &str) -> ItemOutcome {
    ItemOutcome::Failed {
        class,
        detail: detail.to_owned(),
    }
}

impl World {
    /// Copies customers with their contacts and marks them.
    pub fn copy_customers(
        &mut self,
        epoch: Option<Epoch>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        self.settle();
        self.automatic(
            WriteOperation::CopyCustomers,
            &listed(items.iter().map(|item| &item.source)),
        )?;
        if items.iter().any(|item| item.kind != ItemKind::Customer) {
            return Err(invalid(
                "items",
                "of another kind than this operation copies",
            ));
        }
        let place = self.batch(epoch, tenant, items)?;
        let mut outcomes = BTreeMap::new();
        for item in items {
            let outcome = if self.uncopyable.contains(&item.source) {
                failed("Internal", "it cannot be stored")
            } else {
                self.copy_customer(&place, item, epoch)
            };
            outcomes.insert(item.source.clone(), outcome);
        }
        Ok(outcomes)
    }

    /// Copies subscriptions and assets.
    pub fn copy_subscriptions(
        &mut self,
        epoch: Option<Epoch>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        self.settle();
        self.automatic(
            WriteOperation::CopySubscriptions,
            &listed(items.iter().map(|item| &item.source)),
        )?;
        if items
            .iter()
            .any(|item| item.kind == ItemKind::Customer || item.pricing.is_none())
        {
            return Err(invalid("items", "of another kind, or without pricing"));
        }
        let place = self.batch(epoch, tenant, items)?;
        let mut outcomes = BTreeMap::new();
        for item in items {
            let outcome = self.copy_purchase(&place, item, epoch);
            outcomes.insert(item.source.clone(), outcome);
        }
        Ok(outcomes)
    }

    fn batch(
        &self,
        epoch: Option<Epoch>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<Place> {
        self.carried(epoch)?;
        self.list(items.iter().map(|item| &item.source))?;
        let place = self.place(tenant)?;
        self.guard(epoch)?;
        Ok(place)
    }

    /// Why nothing at all is copied into this tenant at the moment.
    pub(super) fn closed(place: &Place) -> Vec<Blocker> {
        let mut reasons = Vec::new();
        if place.closed {
            reasons.push(blocker(BlockerReason::BackOrderingActive, None));
        }
        if !place.active {
            reasons.push(blocker(BlockerReason::TenantSuspended, None));
        }
        reasons
    }

    fn copy_customer(
        &mut self,
        place: &Place,
        item: &CopyItem,
        epoch: Option<Epoch>,
    ) -> ItemOutcome {
        let closed = Self::closed(place);
        if !closed.is_empty() {
            return ItemOutcome::Blocked(closed);
        }
        let repeated = self.is_copied(&place.tenant, &item.source);
        let source = self.customers.get(&item.source);
        let aliens = self.does(Wrong::CopiesAliens);
        let ours = |row: &&CustomerRow| aliens || row.fields.bill_to == self.reseller;
        let Some(source) = source.filter(ours) else {
            return if repeated {
                blocked(BlockerReason::OrphanedCopy, None)
            } else {
                failed("NotFound", "it is no customer of this reseller")
            };
        };
        let fields = Owned::Customer(source.fields.clone());
        let marked = source.mark == Mark::Marked;
        match self.compare(
            place,
            CopyListing::Customers,
            item,
            (&fields.digest(), marked),
        ) {
            ItemAction::Refuse(outcome) => outcome,
            ItemAction::Unchanged => ItemOutcome::Unchanged,
            ItemAction::Create => {
                let by = Some((item, epoch));
                self.create_copy(place, &item.source, by, fields);
                self.first_mark(&item.source, repeated);
                ItemOutcome::Created
            }
            ItemAction::Complete(key) => {
                self.complete_copy(&key);
                self.mark(&item.source);
                self.judge_effect("copyCustomers", epoch);
                ItemOutcome::Created
            }
            ItemAction::Update(key) => {
                self.update_copy(&key, fields, epoch);
                self.mark(&item.source);
                ItemOutcome::Updated
            }
        }
    }

    fn copy_purchase(
        &mut self,
        place: &Place,
        item: &CopyItem,
        epoch: Option<Epoch>,
    ) -> ItemOutcome {
        let closed = Self::closed(place);
        if !closed.is_empty() {
            return ItemOutcome::Blocked(closed);
        }
        let copies = self.copies_of(&place.tenant, CopyListing::Subscriptions, &item.source);
        let source = match self.copyable(item, copies.is_empty()) {
            Ok(source) => source.clone(),
            Err(refused) => return refused,
        };
        let fields = Owned::Purchase(source.fields.clone());
        let digest = fields.digest();
        let action = self.compare(place, CopyListing::Subscriptions, item, (&digest, true));
        if matches!(
            action,
            ItemAction::Create | ItemAction::Complete(_) | ItemAction::Update(_)
        ) {
            let reasons = self.stands_against(place, &source);
            if !reasons.is_empty() {
                return ItemOutcome::Blocked(reasons);
            }
            let priced = self.pricing_digest(&place.tenant, &source.customer) == item.pricing;
            if !priced && !self.does(Wrong::IgnoresPricing) {
                return conflict("the pricing options are not as checked");
            }
        }
        match action {
            ItemAction::Refuse(outcome) => outcome,
            ItemAction::Unchanged => ItemOutcome::Unchanged,
            ItemAction::Create => {
                self.create_copy(place, &item.source, Some((item, epoch)), fields);
                ItemOutcome::Created
            }
            ItemAction::Complete(key) => {
                self.complete_copy(&key);
                self.judge_effect("copySubscriptions", epoch);
                ItemOutcome::Created
            }
            ItemAction::Update(key) => {
                self.update_copy(&key, fields, epoch);
                ItemOutcome::Updated
            }
        }
    }

    /// The source, if it is one that may be copied at all.
    fn copyable(&self, item: &CopyItem, uncopied: bool) -> Result<&PurchaseRow, ItemOutcome> {
        let orphaned = || blocked(BlockerReason::OrphanedCopy, None);
        let source = self
            .purchases
            .get(&item.source)
            .filter(|row| self.is_resellers(row) || self.does(Wrong::CopiesAliens));
        let Some(source) = source else {
            return Err(if uncopied {
                failed("NotFound", "it is no purchase of this reseller's customers")
            } else {
                orphaned()
            });
        };
        if self.is_own(source) && !self.does(Wrong::CopiesAliens) {
            return Err(failed("Forbidden", "it is the reseller's own purchase"));
        }
        if source.kind != item.kind {
            return Err(failed("Invalid", "it is of another kind"));
        }
        if source.state != PurchaseState::Active && !self.does(Wrong::CopiesInactive) {
            return Err(if uncopied {
                conflict("the source is not Active")
            } else {
                orphaned()
            });
        }
        Ok(source)
    }

    pub(super) fn pricing_digest(&self, tenant: &TenantId, customer: &SourceId) -> Option<Digest> {
        let row = self.pricing.get(&(tenant.clone(), customer.clone()))?;
        row.stored.digest()
    }

    /// Everything that stands against this copy.
    pub(super) fn stands_against(&self, place: &Place, source: &PurchaseRow) -> Vec<Blocker> {
        let catalogue = &self.tenants[&place.tenant].catalogue;
        let tenant = Some(&place.tenant);
        let mut reasons = self.unfit((catalogue, &place.currency), tenant, source);
        if self.does(Wrong::IgnoresCatalogue) {
            reasons.clear();
        }
        let customer = self.customers.get(&source.customer);
        if !customer.is_some_and(|row| row.sync == Sync::Synced) {
            reasons.push(blocker(BlockerReason::AccountNotSynced, None));
        }
        let unpriced = self
            .pricing_digest(&place.tenant, &source.customer)
            .is_none();
        if unpriced && !self.does(Wrong::IgnoresPricing) {
            reasons.push(blocker(BlockerReason::PricingIncomplete, None));
        }
        let copies = self.copies_of(&place.tenant, CopyListing::Customers, &source.customer);
        let owner = copies.iter().any(|(_, row)| row.state == CopyState::Live);
        if !owner && !self.does(Wrong::CopiesBeforeCustomer) {
            reasons.push(blocker(BlockerReason::CustomerNotCopied, None));
        }
        reasons
    }

    /// Compares an item with what is there.
    fn compare(
        &self,
        place: &Place,
        listing: CopyListing,
        item: &CopyItem,
        (digest, marked): (&Digest, bool),
    ) -> ItemAction {
        let guarded = self.switches.unique();
        let copies = self.copies_of(&place.tenant, listing, &item.source);
        let in_use = copies
            .iter()
            .filter(|(_, row)| row.state != CopyState::Ended);
        let twice = self.does(Wrong::CopiesTwice) || self.does(Wrong::CopiesAgain);
        if twice && item.expected_source == *digest {
            return ItemAction::Create;
        }
        if guarded && in_use.count() > 1 {
            return ItemAction::Refuse(blocked(BlockerReason::DuplicateCopy, None));
        }
        if item.expected_source != *digest {
            return ItemAction::Refuse(conflict("the source is not as expected"));
        }
        if !guarded && item.expected_copy.is_none() {
            // One more record: without a guard it is not checked whether there is one.
            return ItemAction::Create;
        }
        let Some((key, copy)) = copies.into_iter().next() else {
            return match (self.key_is_taken(&item.key), &item.expected_copy) {
                (true, _) => {
                    ItemAction::Refuse(conflict("the business key belongs to another record"))
                }
                (false, Some(_)) => ItemAction::Refuse(conflict("there is no copy")),
                (false, None) => ItemAction::Create,
            };
        };
        if guarded && copy.key.as_ref() != Some(&item.key) {
            return ItemAction::Refuse(conflict("the source is linked already, under another key"));
        }
        let now = copy.fields.digest();
        let equal = now == *digest;
        if equal && (copy.state == CopyState::Ended || (copy.state == CopyState::Live && marked)) {
            return ItemAction::Unchanged;
        }
        if copy.state == CopyState::Ended && self.does(Wrong::UpdatesEnded) {
            return ItemAction::Update(key.clone());
        }
        if copy.state == CopyState::Ended {
            let detail = Some("its copy was ended before");
            return ItemAction::Refuse(blocked(BlockerReason::SourceChanged, detail));
        }
        // A request that expects no copy may still complete one: that overwrites no field.
        let as_expected = item
            .expected_copy
            .as_ref()
            .map_or(equal, |expected| *expected == now);
        if !as_expected {
            return ItemAction::Refuse(conflict("the copy is not as expected"));
        }
        if equal {
            return ItemAction::Complete(key.clone());
        }
        let amended = copy.source_digest.as_ref() != Some(&now);
        if !amended || self.does(Wrong::OverwritesAmendments) {
            return ItemAction::Update(key.clone());
        }
        let detail = Some("source and copy both changed since the copy was made");
        ItemAction::Refuse(blocked(BlockerReason::SourceChanged, detail))
    }
}
