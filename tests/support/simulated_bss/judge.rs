//! The judge. It reads source ids and ledgers, never a business key, a request key or a digest of
//! the operator's: what the operator believes about itself is no evidence.
//!
//! Some rules can be judged at any moment from the records alone; others only at the moment of an
//! effect, from what was there before and after it. Every finding begins with the name of its rule.

use std::collections::BTreeMap;

use tenant_reseller_operator::bss::port::{
    BlockerReason, CopyListing, CopyState, Digest, Epoch, Mark, PurchaseState, Revision, SourceId,
    Strength, TenantId, TenantStatus,
};

use super::disabled_rule::overlooks;
use super::records::{CopyRow, Maker, Owned, TenantRow};
use super::refusals::Place;
use super::world::{CopyKey, World};

/// At the moment of an effect of the operator's.
impl World {
    fn saw(&mut self, rule: &str, what: impl std::fmt::Display) {
        let finding = format!("{rule}: {what}");
        if !self.seen.contains(&finding) && !overlooks(&finding) {
            self.seen.push(finding);
        }
    }

    /// Only who holds the reseller may have an effect, where the BSS tells who does.
    pub(super) fn judge_effect(&mut self, what: &str, epoch: Option<Epoch>) {
        if self.switches.fenced() && epoch != Some(Epoch(self.epoch)) {
            self.saw("StaleEffect", what);
        }
    }

    /// A second tenant is never made by itself, not even in the place of one that is gone.
    pub(super) fn judge_tenant(&mut self) {
        let made = self
            .tenants
            .values()
            .filter(|row| row.by == Maker::Operator)
            .count();
        if made > 1 {
            self.saw("SecondTenant", made);
        }
        if self.on {
            self.saw("TenantAfterSwitch", made);
        }
    }

    /// A copy is about to be stored.
    pub(super) fn judge_creation(
        &mut self,
        place: &Place,
        key: &CopyKey,
        row: &CopyRow,
        pricing: Option<&Digest>,
    ) {
        let source = key.2.clone();
        if self.on {
            self.saw("CopyAfterSwitch", &source);
        }
        if self.tenants[&place.tenant].tenant.status != TenantStatus::Active {
            self.saw("CopyIntoInactiveTenant", &source);
        }
        let others = self.copies_of(&place.tenant, key.1, &source);
        let ended = others
            .iter()
            .any(|(_, other)| other.state == CopyState::Ended);
        let in_use = others
            .iter()
            .any(|(_, other)| other.state != CopyState::Ended);
        if in_use {
            self.saw("CopiedTwice", &source);
        } else if ended {
            self.saw("CopiedAgain", &source);
        }
        let Some(now) = self.source_of(key) else {
            self.saw("AlienCopy", &source);
            return;
        };
        if now != row.fields {
            self.saw("FreshCopyDiffers", &source);
        }
        if key.1 == CopyListing::Subscriptions {
            self.judge_purchase(place, &source, pricing);
        } else if self.payer(&source) != Some(&self.reseller) {
            self.saw("AlienCopy", &source);
        }
    }

    fn judge_purchase(&mut self, place: &Place, source: &SourceId, pricing: Option<&Digest>) {
        let row = self.purchases[source].clone();
        if !self.is_resellers(&row) || self.is_own(&row) {
            self.saw("AlienCopy", source);
        }
        if row.state != PurchaseState::Active {
            self.saw("InactiveCopy", source);
        }
        if !self.is_copied(&place.tenant, &row.customer) {
            self.saw("CopyBeforeCustomer", source);
        }
        let now = self.pricing_digest(&place.tenant, &row.customer);
        if now.is_none() || now.as_ref() != pricing {
            self.saw("CopyUnderOtherPricing", source);
        }
        let catalogue = self.tenants[&place.tenant].catalogue.clone();
        let target = (&catalogue, place.currency.as_str());
        if !self.unfit(target, Some(&place.tenant), &row).is_empty() {
            self.saw("UnfitCopy", source);
        }
    }

    /// A copy was brought up to its source.
    pub(super) fn judge_update(&mut self, key: &CopyKey, before: &CopyRow) {
        let source = key.2.clone();
        let after = self.copies[key].clone();
        if self.on {
            self.saw("CopyAfterSwitch", &source);
        }
        if before.source_digest != Some(before.fields.digest()) {
            self.saw("AmendmentOverwritten", &source);
        }
        if after.sell_price != before.sell_price {
            self.saw("ResellersFieldRewritten", &source);
        }
        if before.state == CopyState::Ended {
            self.saw("EndedCopyUpdated", &source);
        }
        let active = self
            .purchases
            .get(&source)
            .is_none_or(|row| row.state == PurchaseState::Active && self.is_resellers(row));
        if !active {
            self.saw("OrphanUpdated", &source);
        }
        if self.source_of(key).as_ref() != Some(&after.fields) {
            self.saw("FreshCopyDiffers", &source);
        }
    }

    /// Who is told the revision says which one the switch is asked for on.
    pub(super) fn judge_expectation(&mut self, expected: Option<Revision>) {
        let promises = self.switches.promises;
        let told = promises.revision == Strength::Strong && promises.compares == Strength::Strong;
        if told && expected.is_none() && !self.on {
            self.saw("SwitchWithoutRevision", self.revision);
        }
    }

    /// Back ordering is about to be switched on by the operator.
    pub(super) fn judge_switch(&mut self, tenant: &TenantId) {
        self.judge_moment("SwitchedTooEarly", tenant);
    }

    /// The same, by a person.
    pub(super) fn judge_press(&mut self, tenant: &TenantId) {
        self.judge_moment("PressedTooEarly", tenant);
    }

    fn judge_moment(&mut self, rule: &str, tenant: &TenantId) {
        for mut tally in self.blockers(tenant) {
            if tally.reason == BlockerReason::DuplicateCopy {
                tally
                    .examples
                    .retain(|source| !self.only_people_could_know(tenant, source));
                if tally.examples.is_empty() {
                    continue;
                }
            }
            let what = format!("{} {:?}", tally.reason.as_str(), tally.examples);
            self.saw(rule, what);
        }
    }

    /// People alone made the copies of this source, and the listing, which is behind for longer than any time
    /// that a connection can name, does not show all of them: no sweep can tell. The comparison after the
    /// switch does.
    fn only_people_could_know(&self, tenant: &TenantId, source: &str) -> bool {
        let hidden = self.copies.iter().any(|((of, _, id, _), row)| {
            of == tenant
                && id.as_str() == source
                && row.state != CopyState::Ended
                && !self.is_listed(row.made)
        });
        hidden && !self.not_by_people_alone(tenant, source)
    }

    fn source_of(&self, key: &CopyKey) -> Option<Owned> {
        match key.1 {
            CopyListing::Customers => {
                let row = self.customers.get(&key.2);
                row.map(|row| Owned::Customer(row.fields.clone()))
            }
            CopyListing::Subscriptions => {
                let row = self.purchases.get(&key.2);
                row.map(|row| Owned::Purchase(row.fields.clone()))
            }
        }
    }
}

/// From the records alone.
impl World {
    /// What breaks an invariant, now or at the moment of an effect before.
    pub fn violations_now(&self) -> Vec<String> {
        let mut found = self.seen.clone();
        let mut saw = |rule: &str, what: &dyn std::fmt::Display| {
            found.push(format!("{rule}: {what}"));
        };
        if self.activations > 1 {
            saw("SecondActivation", &self.activations);
        }
        if self.mails > 0 {
            saw("Mail", &self.mails);
        }
        let live = |row: &&TenantRow| row.tenant.status != TenantStatus::MarkedAsDeleted;
        if self.tenants.values().filter(live).count() > 1 {
            saw("TwoLiveTenants", &self.tenants.len());
        }
        for (id, row) in &self.customers {
            if row.was_marked && row.mark == Mark::Unmarked {
                saw("MarkLost", id);
            }
        }
        for (id, row) in &self.purchases {
            if row.was_marked && row.mark == Mark::Unmarked {
                saw("MarkLost", id);
            }
            if row.provisioned > 1 {
                saw("Provisioned", id);
            }
            if row.sales > 0 {
                saw("Ordered", id);
            }
        }
        for ((_, id), row) in &self.pricing {
            if row
                .person
                .as_ref()
                .is_some_and(|person| *person != row.stored)
            {
                saw("PersonsPricingOverwritten", id);
            }
        }
        for (key, row) in &self.copies {
            if row
                .amended_price
                .is_some_and(|price| price != row.sell_price)
            {
                saw("ResellersFieldRewritten", &key.2);
            }
        }
        for (tenant, _) in self.tenants.iter().filter(|(_, row)| live(row)) {
            for source in self.duplicates(tenant) {
                if self.not_by_people_alone(tenant, &source) {
                    saw("DuplicateCopy", &source);
                }
            }
        }
        found.retain(|finding| !overlooks(finding));
        found
    }

    /// Two records that people made are the people's; one of the operator's among them is its own.
    fn not_by_people_alone(&self, tenant: &TenantId, source: &str) -> bool {
        self.copies.iter().any(|((of, _, id, _), row)| {
            of == tenant
                && id.as_str() == source
                && row.state != CopyState::Ended
                && row.by != Maker::Person
        })
    }

    /// Both ledgers, run on for so many billing cycles: for each vendor subscription and period
    /// there is exactly one charge to the reseller and exactly one to its customer, of the same
    /// quantity, none after a cancellation. An end that is no end (the switch still off) charges
    /// no customer in the reseller BSS.
    pub fn ledgers(&self, cycles: u32) -> Vec<String> {
        let mut found = self.whole_ledgers(cycles);
        found.retain(|finding| !overlooks(finding));
        found
    }

    fn whole_ledgers(&self, cycles: u32) -> Vec<String> {
        let mut found = Vec::new();
        for period in 1..=cycles {
            self.period(period, &mut found);
        }
        let Some(tenant) = self.live_tenant_id().filter(|_| self.on) else {
            return found;
        };
        // What no cycle charges, an asset, may be lost as well; and what is not like its source.
        for (id, _) in self.eligible() {
            if self
                .copies_of(&tenant, CopyListing::Subscriptions, id)
                .is_empty()
            {
                found.push(format!("Lost: {id}"));
            }
        }
        for id in self.changed(&tenant) {
            found.push(format!("Differs: {id}"));
        }
        for id in self.orphans(&tenant) {
            found.push(format!("Orphaned: {id}"));
        }
        for id in self.half_marked(&tenant) {
            found.push(format!("HalfMarked: {id}"));
        }
        for (id, row) in self.eligible() {
            if row.mark == Mark::Unmarked {
                found.push(format!("Unmarked: {id}"));
            }
        }
        found
    }

    fn period(&self, period: u32, found: &mut Vec<String>) {
        let tenant = self.live_tenant_id().filter(|_| self.on);
        let customers = self.customer_charges(tenant.as_ref());
        for (id, row) in &self.purchases {
            if row.kind == tenant_reseller_operator::bss::port::ItemKind::Asset {
                continue;
            }
            let served = row.state == PurchaseState::Active;
            let mut say = |rule: &str| found.push(format!("{rule}: {id} in period {period}"));
            // Each of the vendor's subscriptions is charged upward; there must be one.
            let to_reseller = u32::from(served) * u32::from(row.provisioned);
            if served && to_reseller != 1 {
                say("ResellerChargedTwice");
            }
            let charges = customers.get(id).map_or(&[][..], Vec::as_slice);
            if !self.is_resellers(row) || self.is_own(row) {
                if !charges.is_empty() {
                    say("AlienCharged");
                }
                continue;
            }
            if !served && !charges.is_empty() {
                say("ChargedAfterCancellation");
            }
            if served && charges.len() > 1 {
                say("CustomerChargedTwice");
            }
            if served
                && charges
                    .iter()
                    .any(|quantity| *quantity != row.fields.quantity)
            {
                say("ChargedDifferently");
            }
            if served
                && charges.is_empty()
                && tenant
                    .as_ref()
                    .is_some_and(|tenant| !self.was_ended(tenant, id))
            {
                say("CustomerNotCharged");
            }
        }
    }

    /// What the reseller BSS charges in a cycle: every complete record of a subscription.
    fn customer_charges(&self, tenant: Option<&TenantId>) -> BTreeMap<SourceId, Vec<u32>> {
        let mut charges: BTreeMap<SourceId, Vec<u32>> = BTreeMap::new();
        for ((of, _, source, _), row) in &self.copies {
            if let Owned::Purchase(fields) = &row.fields
                && row.kind == tenant_reseller_operator::bss::port::ItemKind::Subscription
                && row.state == CopyState::Live
                && Some(of) == tenant
            {
                charges
                    .entry(source.clone())
                    .or_default()
                    .push(fields.quantity);
            }
        }
        charges
    }

    /// A copy that the reseller's staff ended is the staff's own decision not to bill.
    fn was_ended(&self, tenant: &TenantId, source: &SourceId) -> bool {
        let copies = self.copies_of(tenant, CopyListing::Subscriptions, source);
        copies.iter().any(|(_, row)| row.state == CopyState::Ended)
    }
}
