//! The pre-checks: can this be copied into that catalogue? All reasons at once, nothing written.

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::port::{
    AccountId, Blocker, BlockerReason, ByItem, CheckTarget, SourceId, TenantId, TenantStatus,
};

use super::records::{Catalogue, PurchaseRow};
use super::refusals::{invalid, not_found};
use super::world::World;

pub(super) fn blocker(reason: BlockerReason, detail: Option<&str>) -> Blocker {
    Blocker {
        reason,
        detail: detail.map(str::to_owned),
    }
}

impl World {
    /// Why items could not be copied; an empty list is *could be*.
    pub fn check(
        &mut self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> BssResult<ByItem<Vec<Blocker>>> {
        self.settle();
        self.list(items.iter())?;
        self.known(account)?;
        let (catalogue, currency, tenant) = match target {
            CheckTarget::Tenant(id) => {
                let live = self.tenants.get(id);
                let live = live.filter(|row| row.tenant.status != TenantStatus::MarkedAsDeleted);
                let row = live.ok_or_else(|| not_found("the reseller has no such tenant"))?;
                (&row.catalogue, row.currency(), Some(id))
            }
            CheckTarget::PriceList(id) => {
                let list = self.price_lists.get(id).filter(|list| list.active);
                let list =
                    list.ok_or_else(|| invalid("target.priceList", "is not an active price list"))?;
                (&list.catalogue, list.currency, None)
            }
        };
        let known = items.iter().filter_map(|id| {
            let row = self.purchases.get(id);
            // What this reseller does not have any more has no result.
            let row = row.filter(|row| self.is_resellers(row) && !self.is_own(row))?;
            if self.unknown_to_checks.contains(id) {
                return None;
            }
            Some((id.clone(), self.unfit((catalogue, currency), tenant, row)))
        });
        Ok(known.collect())
    }

    /// Every reason why a purchase does not fit a catalogue.
    pub(super) fn unfit(
        &self,
        (catalogue, currency): (&Catalogue, &str),
        tenant: Option<&TenantId>,
        row: &PurchaseRow,
    ) -> Vec<Blocker> {
        let fields = &row.fields;
        let mut found = Vec::new();
        if fields.currency != currency {
            let detail = format!("{} instead of {currency}", fields.currency);
            found.push(blocker(BlockerReason::CurrencyMismatch, Some(&detail)));
        }
        let mut cycles = catalogue
            .products
            .iter()
            .filter(|(product, _)| *product == fields.product);
        if cycles.clone().next().is_none() {
            found.push(blocker(BlockerReason::ProductMissing, Some(fields.product)));
        } else if !cycles.any(|(_, cycle)| *cycle == fields.cycle) {
            let detail = format!("{} {}", fields.product, fields.cycle);
            found.push(blocker(BlockerReason::BillingCycleMissing, Some(&detail)));
        }
        if let Some(addon) = fields.addon
            && !catalogue.addons.contains(addon)
        {
            found.push(blocker(BlockerReason::AddonMissing, Some(addon)));
        }
        if let Some(tenant) = tenant {
            found.extend(self.unpriced(tenant, row));
        }
        found
    }

    /// The customer has a price list, and it has no price for the product.
    fn unpriced(&self, tenant: &TenantId, row: &PurchaseRow) -> Option<Blocker> {
        let pricing = self.pricing.get(&(tenant.clone(), row.customer.clone()))?;
        let list = pricing.stored.price_list.as_ref()?;
        let listed = self.resale.get(list);
        let known = listed.is_some_and(|prices| prices.contains_key(row.fields.product));
        let detail = format!("{list} has no price for {}", row.fields.product);
        (!known).then(|| blocker(BlockerReason::PricingIncomplete, Some(&detail)))
    }
}
