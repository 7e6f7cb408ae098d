//! What people do: the reseller in the Storefront, its staff in the reseller BSS, the
//! distributor's staff. Locks hold for them as in the sandbox; what a lock refuses changes nothing.

use std::sync::Arc;

use tenant_reseller_operator::bss::port::{
    AccountId, CopyListing, CopyState, ItemKind, OperationState, PriceListId, PurchaseState,
    ResellerKind, SourceId, Sync, TenantSettings, TenantStatus, WriteOperation,
};

use super::by_hand::Pick;
use super::records::{Maker, Owned, Stored};
use super::spoils::Spoil;
use super::world::{CopyKey, World, retail};

/// What the staff does with the tenant itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TenantVerb {
    /// Suspends an Active one.
    Suspend,
    /// Makes a suspended one Active again.
    Resume,
    /// Marks it as deleted.
    Delete,
    /// Deletes it and makes another by hand, with the same settings.
    Replace,
    /// Makes one by hand, with the world's wanted settings.
    Create,
    /// The queued creation fails for good and leaves nothing behind.
    FailCreation,
    /// Changes its settings.
    Change(Box<TenantSettings>),
}

/// A defect of a source, as real data has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Defect {
    /// A currency that is not the price list's.
    Currency,
    /// An add-on that the price list lacks.
    Addon,
    /// A billing cycle that it lacks.
    Cycle,
    /// A product that it lacks.
    Product,
    /// The owner's account is not in sync.
    Sync,
}

/// One act of a person. `None` for a customer means all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    /// Storefront: orders a subscription for a customer; pending for the world's time.
    Buy(SourceId),
    /// Storefront: the same; the order stays pending until somebody finishes or cancels it.
    BuyHeld(SourceId),
    /// Storefront: cancels a purchase.
    Cancel(SourceId),
    /// Storefront: suspends an active purchase.
    Suspend(SourceId),
    /// Storefront: a suspended one comes back, a trial is paid, a future one begins.
    Resume(SourceId),
    /// Storefront: changes the quantity.
    Quantity(SourceId, u32),
    /// Staff: every pending order becomes a purchase.
    FinishOrders,
    /// Staff: every pending order is cancelled.
    CancelOrders,
    /// Staff: cancels a purchase.
    StaffCancels(SourceId),
    /// Staff: enables or disables the reseller's ordering.
    Ordering(bool),
    /// Staff: moves a customer to another payer.
    BillTo(SourceId, AccountId),
    /// Staff: (de)activates a price list.
    PriceList(PriceListId, bool),
    /// Staff: the reseller is on another plan.
    Kind(ResellerKind),
    /// Staff: does something with the tenant itself.
    Tenant(TenantVerb),
    /// Staff: repairs every defect that a check names, and updates the tenant.
    Repair,
    /// Staff: an account's sync is in order, or not.
    Sync(SourceId, bool),
    /// Staff: marks an account that may not be copied at all.
    MarkByHand(SourceId),
    /// Somebody carries out a write on screen.
    ByHand(WriteOperation, Pick),
    /// Reseller's staff: complete options for a copied customer.
    Price(Option<SourceId>),
    /// Reseller's staff: other complete options.
    PriceOtherwise(Option<SourceId>),
    /// Reseller's staff: begins and does not finish.
    PricePartly(SourceId),
    /// Reseller's staff: removes the options.
    RemovePricing(Option<SourceId>),
    /// Reseller's staff: another sell price on a copy, which is the reseller's own field.
    AmendPrice(SourceId, u32),
    /// Reseller's staff: another quantity on a copy, which belongs to the source.
    AmendQuantity(SourceId, u32),
    /// Reseller's staff: ends the copy of a source.
    EndCopy(SourceId),
    /// Reseller's staff: ends every copy whose source is not active, and every second copy.
    EndOrphans,
    /// Reseller's staff: orders in its own BSS, once back ordering is on.
    OrderInOwnBss(SourceId),
    /// A source gets a defect.
    Plant(Defect, SourceId),
    /// Something goes wrong in the reseller BSS, now.
    Spoil(Spoil),
    /// The same, in the very call of the switch.
    SpoilAtSwitch(Option<Spoil>),
}

/// Why a person could not do it.
pub(super) type Done = Result<Option<String>, String>;

pub(super) fn refused(reason: &str) -> Done {
    Err(reason.to_owned())
}

impl World {
    /// Lets a person act. Answers the id of what was made, if anything, or why it was refused.
    pub(crate) fn act(&mut self, deed: Deed) -> Done {
        self.settle();
        match deed {
            Deed::Buy(customer) => {
                let ready = self.now + self.switches.order_pending;
                self.storefront_buys(customer, Some(ready))
            }
            Deed::BuyHeld(customer) => self.storefront_buys(customer, None),
            Deed::Cancel(id) => self.changes(&id, PurchaseState::Cancelled),
            Deed::Suspend(id) => self.changes(&id, PurchaseState::Suspended),
            Deed::Resume(id) => self.changes(&id, PurchaseState::Active),
            Deed::Quantity(id, quantity) => {
                self.open(&id)?;
                self.purchases.get_mut(&id).unwrap().fields.quantity = quantity;
                self.moved();
                Ok(None)
            }
            Deed::FinishOrders => {
                for id in self.pending() {
                    self.complete_order(&id);
                }
                Ok(None)
            }
            Deed::CancelOrders => {
                for id in self.pending() {
                    self.orders.remove(&id);
                    self.moved();
                }
                Ok(None)
            }
            Deed::StaffCancels(id) => {
                if self.on {
                    return refused("the record is a back-ordering record");
                }
                self.set_state(&id, PurchaseState::Cancelled);
                Ok(None)
            }
            Deed::Ordering(enabled) => {
                self.ordering_enabled = enabled;
                Ok(None)
            }
            Deed::BillTo(customer, payer) => {
                let row = self
                    .customers
                    .get_mut(&customer)
                    .ok_or("there is no such customer")?;
                row.fields.bill_to = payer;
                self.moved();
                Ok(None)
            }
            Deed::PriceList(id, active) => {
                let lists = Arc::make_mut(&mut self.price_lists);
                lists
                    .get_mut(&id)
                    .ok_or("there is no such price list")?
                    .active = active;
                Ok(None)
            }
            Deed::Kind(kind) => {
                if kind == ResellerKind::Tenant || self.on {
                    return refused("a tenant reseller becomes one by activation only, for good");
                }
                self.kind = kind;
                Ok(None)
            }
            Deed::Tenant(verb) => self.with_tenant(verb),
            Deed::Repair => {
                self.repair();
                Ok(None)
            }
            Deed::Sync(id, synced) => {
                let row = self
                    .customers
                    .get_mut(&id)
                    .ok_or("there is no such customer")?;
                row.sync = if synced {
                    Sync::Synced
                } else {
                    Sync::NotSynced
                };
                self.moved();
                Ok(None)
            }
            Deed::MarkByHand(id) => {
                self.mark(&id);
                Ok(None)
            }
            Deed::ByHand(step, pick) => self.by_hand(step, pick),
            Deed::Plant(defect, id) => self.plant(defect, &id),
            Deed::Spoil(spoil) => self.spoil_now(&spoil),
            Deed::SpoilAtSwitch(spoil) => {
                self.spoil = spoil;
                Ok(None)
            }
            Deed::Price(_)
            | Deed::PriceOtherwise(_)
            | Deed::PricePartly(_)
            | Deed::RemovePricing(_)
            | Deed::AmendPrice(..)
            | Deed::AmendQuantity(..)
            | Deed::EndCopy(_)
            | Deed::EndOrphans
            | Deed::OrderInOwnBss(_) => self.resellers_staff(deed),
        }
    }

    /// The Storefront is locked once back ordering is on, or where ordering is disabled.
    fn unlocked(&self, customer: &SourceId) -> Result<(), String> {
        match self.payer(customer) {
            None if self.customers.contains_key(customer) => Ok(()),
            None => Err("there is no such customer".to_owned()),
            Some(payer) if *payer != self.reseller => Ok(()),
            Some(_) if self.on => {
                Err("a tenant reseller manages its customers in its own BSS".to_owned())
            }
            Some(_) if !self.ordering_enabled => {
                Err("ordering is disabled for this account".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    fn open(&self, id: &SourceId) -> Result<(), String> {
        let row = self.purchases.get(id).ok_or("there is no such purchase")?;
        self.unlocked(&row.customer)
    }

    fn storefront_buys(&mut self, customer: SourceId, ready: Option<std::time::Duration>) -> Done {
        self.unlocked(&customer)?;
        Ok(Some(self.order(customer, ready)))
    }

    fn changes(&mut self, id: &SourceId, to: PurchaseState) -> Done {
        self.open(id)?;
        let now = self.purchases[id].state;
        let allowed = match to {
            PurchaseState::Active => matches!(
                now,
                PurchaseState::Suspended | PurchaseState::Trial | PurchaseState::FutureDated
            ),
            PurchaseState::Suspended => now == PurchaseState::Active,
            _ => !matches!(now, PurchaseState::Cancelled | PurchaseState::Expired),
        };
        if !allowed {
            return Err(format!("the purchase is {now:?}"));
        }
        self.set_state(id, to);
        Ok(None)
    }

    /// Changes a state past all locks, for tests and for what flows up.
    pub(crate) fn set_state(&mut self, id: &SourceId, state: PurchaseState) {
        if let Some(row) = self.purchases.get_mut(id)
            && row.state != state
        {
            row.state = state;
            self.moved();
        }
    }

    fn pending(&self) -> Vec<String> {
        let ours = self
            .orders
            .iter()
            .filter(|(_, order)| self.is_open(&order.customer));
        ours.map(|(id, _)| id.clone()).collect()
    }

    fn with_tenant(&mut self, verb: TenantVerb) -> Done {
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
                row.tenant.settings = *settings;
                if let Some(currency) = currency {
                    row.tenant.currency = currency;
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
        let settings = row.tenant.settings.clone();
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
    fn repair(&mut self) {
        let list = self.live_tenant().map_or_else(
            || self.wanted.price_list.clone(),
            |row| row.tenant.settings.price_list.clone(),
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
        for row in self.customers.values_mut() {
            if row.fields.bill_to == self.reseller && row.sync == Sync::NotSynced {
                row.sync = Sync::Synced;
                self.revision += 1;
            }
        }
        let catalogue = self.price_lists[&list].catalogue.clone();
        if let Ok(row) = self.some_tenant() {
            row.catalogue = catalogue;
        }
    }

    fn plant(&mut self, defect: Defect, id: &SourceId) -> Done {
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
                return self.act(Deed::Sync(customer, false));
            }
        }
        self.moved();
        Ok(None)
    }

    fn resellers_staff(&mut self, deed: Deed) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        match deed {
            Deed::Price(who) => self.prices(who.as_ref(), &Stored::of(&retail())),
            Deed::PriceOtherwise(who) => {
                let mut other = Stored::of(&retail());
                other.payment_method = Some("DirectDebit".to_owned());
                self.prices(who.as_ref(), &other)
            }
            Deed::PricePartly(customer) => {
                let begun = Stored {
                    price_list: Some("PL-RETAIL".into()),
                    ..Stored::default()
                };
                self.prices(Some(&customer), &begun)
            }
            Deed::RemovePricing(who) => {
                let mine = |of: &SourceId| who.as_ref().is_none_or(|who| who == of);
                self.pricing
                    .retain(|(of, customer), _| *of != tenant || !mine(customer));
                Ok(None)
            }
            Deed::AmendPrice(source, price) => {
                let key = self.copy_in_use(&source)?;
                let row = self.copies.get_mut(&key).unwrap();
                row.sell_price = price;
                row.amended_price = Some(price);
                Ok(None)
            }
            Deed::AmendQuantity(source, quantity) => {
                let key = self.copy_in_use(&source)?;
                let Owned::Purchase(fields) = &mut self.copies.get_mut(&key).unwrap().fields else {
                    return refused("it is no copy of a subscription");
                };
                fields.quantity = quantity;
                // What is done in the reseller BSS flows up once back ordering is on.
                if self.on {
                    self.purchases.get_mut(&source).unwrap().fields.quantity = quantity;
                }
                self.moved();
                Ok(None)
            }
            Deed::EndCopy(source) => {
                let key = self.copy_in_use(&source)?;
                self.end(&key);
                Ok(None)
            }
            Deed::EndOrphans => {
                self.end_orphans();
                Ok(None)
            }
            Deed::OrderInOwnBss(customer) => {
                if !self.on {
                    return refused(
                        "back ordering is not active: copied customers cannot order here",
                    );
                }
                let place = self.place(&tenant).map_err(|error| error.to_string())?;
                let id = self.purchase(customer, ItemKind::Subscription);
                let fields = Owned::Purchase(self.purchases[&id].fields.clone());
                // It is a sale of its own: the copy and the purchase come of one order.
                self.create_copy(&place, &id, None, fields);
                let row = self.purchases.get_mut(&id).unwrap();
                (row.sales, row.provisioned) = (0, 1);
                Ok(Some(id.0))
            }
            _ => refused("the reseller's staff has no such action"),
        }
    }

    /// Sets options for copied customers, whatever is there.
    pub(super) fn prices(&mut self, who: Option<&SourceId>, options: &Stored) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let copied: Vec<SourceId> = self
            .customers
            .keys()
            .filter(|id| who.is_none_or(|who| who == *id) && self.is_copied(&tenant, id))
            .cloned()
            .collect();
        if copied.is_empty() && who.is_some() {
            return refused("a customer is not in the reseller BSS");
        }
        for id in copied {
            self.price(&tenant, &id, options.clone());
        }
        Ok(None)
    }

    /// The copy of a source that is in use, else the ended one.
    pub(super) fn copy_in_use(&self, source: &SourceId) -> Result<CopyKey, String> {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let listings = [CopyListing::Subscriptions, CopyListing::Customers];
        let mut copies = listings
            .into_iter()
            .flat_map(|of| self.copies_of(&tenant, of, source));
        let first = copies.next().map(|(key, _)| key.clone());
        first.ok_or_else(|| "the source has no copy".to_owned())
    }

    fn end(&mut self, key: &CopyKey) {
        self.copies.get_mut(key).unwrap().state = CopyState::Ended;
        self.moved();
        if self.on {
            self.set_state(&key.2, PurchaseState::Cancelled);
        }
    }

    /// Ends what has no active source, and what is there a second time.
    pub(crate) fn end_orphans(&mut self) {
        let Some(tenant) = self.live_tenant_id() else {
            return;
        };
        let orphans = self.orphans(&tenant);
        let mut seen = std::collections::BTreeSet::new();
        let ended: Vec<CopyKey> = self
            .copies
            .iter()
            .filter(|((of, ..), row)| *of == tenant && row.state != CopyState::Ended)
            .filter(|((_, listing, source, _), _)| {
                let second = !seen.insert((*listing, source.clone()));
                second || orphans.contains(&source.0)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            self.end(&key);
        }
    }
}
