//! Pricing options in the reseller BSS: looked up, and written only where a customer has none.

use std::collections::BTreeMap;

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::port::{
    BlockerReason, ByItem, CopyListing, Epoch, PricingOptions, PricingOutcome, PricingState,
    SourceId, TenantId, Unseen, WriteOperation,
};

use super::records::{PricingRow, Stored};
use super::refusals::{Place, blocked_by};
use super::world::World;
use super::wrong::Wrong;

const PAYMENT_METHODS: [&str; 3] = ["Invoice", "DirectDebit", "CreditCard"];

impl World {
    /// The pricing options of customers, by customer.
    pub fn pricing(
        &mut self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> BssResult<ByItem<PricingState>> {
        self.settle();
        self.list(customers.iter())?;
        let place = self.place(tenant)?;
        let states = customers
            .iter()
            .map(|id| (id.clone(), self.pricing_of(&place, id)));
        Ok(states.collect())
    }

    fn pricing_of(&self, place: &Place, customer: &SourceId) -> PricingState {
        if self.switches.unseen.contains(&Unseen::PricingOptions) {
            return PricingState::Unseen {
                name: Some(format!("Customer {customer}")),
            };
        }
        let row = self.pricing.get(&(place.tenant.clone(), customer.clone()));
        let stored = row.map(|row| row.stored.clone()).unwrap_or_default();
        let copied = self.is_copied(&place.tenant, customer);
        if let Some(digest) = stored.digest().filter(|_| copied) {
            return PricingState::Set(digest);
        }
        let ours = self.customers.get(customer);
        let ours = ours.filter(|row| row.fields.bill_to == self.reseller);
        let mut options = stored.missing();
        if !copied {
            options.insert(0, "copy".to_owned());
        }
        PricingState::Missing {
            name: ours.map(|_| format!("Customer {customer}")),
            options,
        }
    }

    pub(super) fn is_copied(&self, tenant: &TenantId, customer: &SourceId) -> bool {
        !self
            .copies_of(tenant, CopyListing::Customers, customer)
            .is_empty()
    }

    /// Stores pricing options where there are none.
    pub fn set_pricing(
        &mut self,
        epoch: Option<Epoch>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> BssResult<ByItem<PricingOutcome>> {
        self.settle();
        self.automatic(WriteOperation::SetPricing, &listed(options.keys()))?;
        self.carried(epoch)?;
        self.list(options.keys())?;
        let place = self.place(tenant)?;
        self.guard(epoch)?;
        if !place.active {
            return Err(blocked_by(BlockerReason::TenantSuspended, tenant.as_str()));
        }
        let mut outcomes = BTreeMap::new();
        for (customer, options) in options {
            let outcome = self.set_one(&place, customer, options);
            if outcome == PricingOutcome::Written {
                self.judge_effect("setPricing", epoch);
            }
            outcomes.insert(customer.clone(), outcome);
        }
        Ok(outcomes)
    }

    fn set_one(
        &mut self,
        place: &Place,
        customer: &SourceId,
        options: &PricingOptions,
    ) -> PricingOutcome {
        if !self.is_copied(&place.tenant, customer) {
            return PricingOutcome::Failed("the customer has no copy".to_owned());
        }
        let offered = self.resale.contains_key(&options.price_list)
            && PAYMENT_METHODS.contains(&options.payment_method.as_str());
        if !offered || self.refuses_pricing.contains(customer) {
            return PricingOutcome::Failed("these options are not offered".to_owned());
        }
        let wanted = Stored::of(options);
        match self.pricing.get(&(place.tenant.clone(), customer.clone())) {
            None => {
                self.store_pricing(&place.tenant, customer, wanted);
                PricingOutcome::Written
            }
            Some(_) if self.does(Wrong::OverwritesPricing) => {
                self.store_pricing(&place.tenant, customer, wanted);
                PricingOutcome::Written
            }
            Some(row) => match row.stored.differences(&wanted) {
                same if same.is_empty() => PricingOutcome::Unchanged,
                differences => PricingOutcome::Differs(differences),
            },
        }
    }

    fn store_pricing(&mut self, tenant: &TenantId, customer: &SourceId, stored: Stored) {
        let place = (tenant.clone(), customer.clone());
        let person = self.pricing.get(&place).and_then(|row| row.person.clone());
        self.pricing.insert(place, PricingRow { stored, person });
    }

    /// A person sets these options on screen, whatever is there.
    pub(super) fn price(&mut self, tenant: &TenantId, customer: &SourceId, stored: Stored) {
        let row = PricingRow {
            person: Some(stored.clone()),
            stored,
        };
        self.pricing.insert((tenant.clone(), customer.clone()), row);
    }
}

/// How an instruction names ids.
pub(super) fn listed<'a>(ids: impl Iterator<Item = &'a SourceId>) -> String {
    let ids: Vec<&str> = ids.map(SourceId::as_str).collect();
    ids.join(", ")
}
