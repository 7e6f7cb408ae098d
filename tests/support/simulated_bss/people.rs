//! What people do: the reseller in the Storefront, its staff in the reseller BSS, the
//! distributor's staff. Locks hold for them as in the sandbox; what a lock refuses changes nothing.

use tenant_reseller_operator::bss::port::{
    AccountId, PriceListId, PurchaseState, ResellerKind, SourceId, Sync, TenantSettings,
    WriteOperation,
};

use super::by_hand::Pick;
use super::corruptions::Corruption;
use super::world::World;

/// What the staff does with the tenant itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantVerb {
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
pub enum Defect {
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
pub enum Action {
    /// Storefront: orders a subscription for a customer; pending for the world's time.
    Buy(SourceId),
    /// Storefront: the same; the order stays pending until a person finishes or cancels it.
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
    /// Staff: orders for an account that is not a back-ordering record; complete at once.
    StaffOrders(SourceId),
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
    /// A person carries out a write on screen.
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
    Corrupt(Corruption),
    /// The same, in the very call of the switch.
    CorruptAtSwitch(Option<Corruption>),
}

/// Why a person could not do it.
pub(super) type Done = Result<Option<String>, String>;

pub(super) fn refused(reason: &str) -> Done {
    Err(reason.to_owned())
}

impl World {
    /// Lets a person act. Answers the id of what was made, if anything, or why it was refused.
    pub fn act(&mut self, action: Action) -> Done {
        self.settle();
        match action {
            Action::Buy(customer) => {
                let ready = self.now + self.switches.order_pending;
                self.storefront_buys(customer, Some(ready))
            }
            Action::BuyHeld(customer) => self.storefront_buys(customer, None),
            Action::Cancel(id) => self.changes(&id, PurchaseState::Cancelled),
            Action::Suspend(id) => self.changes(&id, PurchaseState::Suspended),
            Action::Resume(id) => self.changes(&id, PurchaseState::Active),
            Action::Quantity(id, quantity) => {
                self.open(&id)?;
                self.set_quantity(&id, quantity);
                Ok(None)
            }
            Action::FinishOrders => {
                for id in self.pending() {
                    self.complete_order(&id);
                }
                Ok(None)
            }
            Action::CancelOrders => {
                for id in self.pending() {
                    self.orders.remove(&id);
                    self.moved();
                }
                Ok(None)
            }
            Action::StaffCancels(_)
            | Action::StaffOrders(_)
            | Action::Ordering(_)
            | Action::BillTo(..)
            | Action::PriceList(..)
            | Action::Kind(_) => self.staff(action),
            Action::Tenant(verb) => self.with_tenant(verb),
            Action::Repair => {
                self.repair();
                Ok(None)
            }
            Action::Sync(id, synced) => {
                let row = self
                    .customers
                    .get_mut(&id)
                    .ok_or("there is no such customer")?;
                let state = if synced {
                    Sync::Synced
                } else {
                    Sync::NotSynced
                };
                let moves = row.sync != state;
                row.sync = state;
                if moves {
                    self.moved_for(&id);
                }
                Ok(None)
            }
            Action::MarkByHand(id) => {
                self.mark(&id);
                Ok(None)
            }
            Action::ByHand(step, pick) => self.by_hand(step, pick),
            Action::Plant(defect, id) => self.plant(defect, &id),
            Action::Corrupt(corruption) => self.corrupt_now(&corruption),
            Action::CorruptAtSwitch(corruption) => {
                self.corruption = corruption;
                Ok(None)
            }
            Action::Price(_)
            | Action::PriceOtherwise(_)
            | Action::PricePartly(_)
            | Action::RemovePricing(_)
            | Action::AmendPrice(..)
            | Action::AmendQuantity(..)
            | Action::EndCopy(_)
            | Action::EndOrphans
            | Action::OrderInOwnBss(_) => self.resellers_staff(action),
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
        let now = &self.purchases[id].state;
        let allowed = match to {
            PurchaseState::Active => matches!(
                now,
                PurchaseState::Suspended | PurchaseState::Trial | PurchaseState::FutureDated
            ),
            PurchaseState::Suspended => *now == PurchaseState::Active,
            _ => !matches!(now, PurchaseState::Cancelled | PurchaseState::Expired),
        };
        if !allowed {
            return Err(format!("the purchase is {now:?}"));
        }
        self.set_state(id, to);
        Ok(None)
    }

    /// Changes a state past all locks, for tests and for what flows up.
    pub fn set_state(&mut self, id: &SourceId, state: PurchaseState) {
        if let Some(row) = self.purchases.get_mut(id)
            && row.state != state
        {
            row.state = state;
            let customer = row.customer.clone();
            self.moved_for(&customer);
        }
    }

    pub(super) fn set_quantity(&mut self, id: &SourceId, quantity: u32) {
        if let Some(row) = self.purchases.get_mut(id)
            && row.fields.quantity != quantity
        {
            row.fields.quantity = quantity;
            let customer = row.customer.clone();
            self.moved_for(&customer);
        }
    }

    fn pending(&self) -> Vec<String> {
        let ours = self
            .orders
            .iter()
            .filter(|(_, order)| self.is_open(&order.customer));
        ours.map(|(id, _)| id.clone()).collect()
    }
}
