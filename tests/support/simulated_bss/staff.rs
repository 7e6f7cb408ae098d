//! The distributor's staff: it repairs, moves, replaces, and is locked out of what the reseller BSS
//! manages.

use std::sync::Arc;

use tenant_reseller_operator::bss::port::{
    ItemKind, Mark, OperationState, PurchaseState, ResellerKind, SourceId, Sync, TenantSettings,
    TenantStatus,
};

use super::people::{Action, Defect, Done, TenantVerb, refused};
use super::records::Maker;
use super::world::World;

impl World {
    pub(super) fn staff(&mut self, action: Action) -> Done {
        match action {
            Action::StaffCancels(id) => {
                if self.on {
                    return refused("the record is a back-ordering record");
                }
                self.set_state(&id, PurchaseState::Cancelled);
                Ok(None)
            }
            Action::StaffOrders(customer) => {
                let row = self
                    .customers
                    .get(&customer)
                    .ok_or("there is no such customer")?;
                if row.mark == Mark::Marked || (self.on && row.fields.bill_to == self.reseller) {
                    return refused("the account is managed from the reseller BSS");
                }
                Ok(Some(self.purchase(customer, ItemKind::Subscription).0))
            }
            Action::Ordering(enabled) => {
                self.ordering_enabled = enabled;
                Ok(None)
            }
            Action::BillTo(customer, payer) => {
                let row = self
                    .customers
                    .get_mut(&customer)
                    .ok_or("there is no such customer")?;
                let before = std::mem::replace(&mut row.fields.bill_to, payer.clone());
                if before != payer && [&before, &payer].contains(&&self.reseller) {
                    self.moved();
                }
                Ok(None)
            }
            Action::PriceList(id, active) => {
                let lists = Arc::make_mut(&mut self.price_lists);
                lists
                    .get_mut(&id)
                    .ok_or("there is no such price list")?
                    .active = active;
                Ok(None)
            }
            Action::Kind(kind) => {
                if kind == ResellerKind::Tenant || self.on {
                    return refused("a tenant reseller becomes one by activation only, for good");
                }
                self.kind = kind;
                Ok(None)
            }
            _ => refused("the staff has no such action"),
        }
    }

    pub(super) fn with_tenant(&mut self, verb: TenantVerb) -> Done {
        match verb {
            TenantVerb::Suspend => self.turn(TenantStatus::Active, TenantStatus::Suspended),
            TenantVerb::Resume => self.turn(TenantStatus::Suspended, TenantStatus::Active),
            TenantVerb::Delete => self.delete_tenant().map(|_| None),
            TenantVerb::Replace => {
                let settings = self.delete_tenant()?;
                self.make_tenant(&settings)
            }
            TenantVerb::Create => {
                let settings = Arc::clone(&self.wanted);
                self.make_tenant(&settings)
            }
            TenantVerb::FailCreation => {
                let row = self.some_tenant().map_err(|error| error.to_string())?;
                if row.tenant.status != TenantStatus::InProgress {
                    return refused("no creation is under way");
                }
                let (id, operation) = (row.tenant.id.clone(), row.operation.clone());
                self.tenants.remove(&id);
                if let Some(operation) = operation {
                    self.request_keys
                        .retain(|_, known| known.began.as_ref() != Some(&operation));
                    let detail = "the queue gave up".to_owned();
                    self.operations
                        .insert(operation, OperationState::Failed { detail });
                }
                Ok(Some(id.0))
            }
            TenantVerb::Change(settings) => {
                let list = self.price_lists.get(&settings.price_list);
                let currency = list.map(|list| list.currency.to_owned());
                let row = self.some_tenant().map_err(|error| error.to_string())?;
                row.tenant.settings = (*settings).into();
                if let Some(currency) = currency {
                    row.tenant.currency = Some(currency);
                }
                Ok(None)
            }
        }
    }

    fn turn(&mut self, from: TenantStatus, to: TenantStatus) -> Done {
        let row = self.some_tenant().map_err(|error| error.to_string())?;
        if row.tenant.status != from {
            return Err(format!("the tenant is not {from:?}"));
        }
        row.tenant.status = to;
        Ok(None)
    }

    /// Marks the tenant as deleted; every link into it goes along.
    fn delete_tenant(&mut self) -> Result<TenantSettings, String> {
        let row = self.some_tenant().map_err(|error| error.to_string())?;
        row.tenant.status = TenantStatus::MarkedAsDeleted;
        row.ready = None;
        let settings = row.settings();
        self.moved();
        Ok(settings)
    }

    pub(super) fn make_tenant(&mut self, settings: &TenantSettings) -> Done {
        if self.live_tenant().is_some() {
            return refused("the reseller has a tenant");
        }
        if !self.price_lists.contains_key(&settings.price_list) {
            return refused("there is no such price list");
        }
        self.insert_tenant(settings, (None, Maker::Person), None, None);
        Ok(self.live_tenant_id().map(|id| id.0))
    }

    /// Every remedy that the check's reasons ask for.
    pub(super) fn repair(&mut self) {
        let list = self.live_tenant().map_or_else(
            || self.wanted.price_list.clone(),
            |row| row.settings().price_list,
        );
        let ids: Vec<SourceId> = self.eligible().map(|(id, _)| id.clone()).collect();
        let Some(currency) = self.price_lists.get(&list).map(|list| list.currency) else {
            return;
        };
        for id in ids {
            let row = self.purchases.get_mut(&id).unwrap();
            let redenominated = row.fields.currency != currency;
            row.fields.currency = currency;
            let catalogue = &mut Arc::make_mut(&mut self.price_lists)
                .get_mut(&list)
                .unwrap()
                .catalogue;
            catalogue
                .products
                .insert((row.fields.product, row.fields.cycle));
            catalogue.addons.extend(row.fields.addon);
            let (product, cost) = (row.fields.product, row.fields.cost);
            for prices in Arc::make_mut(&mut self.resale).values_mut() {
                prices.entry(product).or_insert(cost);
            }
            if redenominated {
                self.moved();
            }
        }
        let mut synced = false;
        for row in self.customers.values_mut() {
            if row.fields.bill_to == self.reseller && row.sync == Sync::NotSynced {
                row.sync = Sync::Synced;
                synced = true;
            }
        }
        if synced {
            self.moved();
        }
        let catalogue = self.price_lists[&list].catalogue.clone();
        if let Ok(row) = self.some_tenant() {
            row.catalogue = catalogue;
        }
    }

    pub(super) fn plant(&mut self, defect: Defect, id: &SourceId) -> Done {
        let row = self
            .purchases
            .get_mut(id)
            .ok_or("there is no such purchase")?;
        match defect {
            Defect::Currency => row.fields.currency = "USD",
            Defect::Addon => row.fields.addon = Some("ADV-THREAT"),
            Defect::Cycle => row.fields.cycle = "Triennial",
            Defect::Product => row.fields.product = "FAX-LINE",
            Defect::Sync => {
                let customer = row.customer.clone();
                return self.act(Action::Sync(customer, false));
            }
        }
        self.moved();
        Ok(None)
    }
}
