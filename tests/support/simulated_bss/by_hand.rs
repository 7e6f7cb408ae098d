//! The writes that a person carries out on screen: all that is needed, one record, once more, or
//! the wrong record. On screen there is no key, and how much the screen examines is a switch.

use std::sync::Arc;

use tenant_reseller_operator::bss::port::{
    CopyListing, CopyState, Mark, Mode, PurchaseState, SourceId, WriteOperation,
};

use super::people::{Done, refused};
use super::records::{Owned, Stored};
use super::switches::Screens;
use super::world::{World, retail};

/// What the person picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pick {
    /// Everything that lacks it, or is behind its source.
    Needed,
    /// One of those.
    One,
    /// Everything, whether it is there or not.
    Again,
    /// Something that must not be.
    Wrong,
}

impl World {
    pub(super) fn by_hand(&mut self, step: WriteOperation, pick: Pick) -> Done {
        match step {
            WriteOperation::CreateTenant => {
                let mut settings = Arc::clone(&self.wanted);
                if pick == Pick::Wrong {
                    Arc::make_mut(&mut settings).price_list = "PL-USD".into();
                }
                self.make_tenant(&settings)
            }
            WriteOperation::CopyCustomers => self.copies_customers(pick),
            WriteOperation::CopySubscriptions => self.copies_purchases(pick),
            WriteOperation::SetPricing => self.prices_by_hand(pick),
            WriteOperation::ActivateBackOrdering => {
                let copies = self.switches.modes.get(&WriteOperation::CopySubscriptions);
                if copies == Some(&Mode::WithSwitch) && !self.on {
                    self.copies_before_the_switch(pick)?;
                    if pick == Pick::One {
                        return Err("the run was stopped half way".to_owned());
                    }
                }
                match self.press() {
                    Ok(_) => Ok(None),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }

    /// The first half of the button that copies and switches. It checks everything, stops at the first
    /// record that a check stands against, and then copies what has no copy: all of it, or, where the
    /// person is interrupted, one.
    fn copies_before_the_switch(&mut self, pick: Pick) -> Result<(), String> {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let place = self.place(&tenant).map_err(|error| error.to_string())?;
        let missing: Vec<SourceId> = self
            .eligible()
            .map(|(id, _)| id.clone())
            .filter(|id| {
                let copies = self.copies_of(&tenant, CopyListing::Subscriptions, id);
                copies.is_empty()
            })
            .collect();
        for id in &missing {
            if let Some(reason) = self.stands_against(&place, &self.purchases[id]).first() {
                return Err(reason.reason.as_str().to_owned());
            }
        }
        let many = if pick == Pick::One { 1 } else { missing.len() };
        for id in missing.iter().take(many) {
            self.copy_purchase_by_hand(id, Pick::Needed)?;
        }
        Ok(())
    }

    fn copies_customers(&mut self, pick: Pick) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let lacks = |world: &Self, id: &SourceId| {
            let copies = world.copies_of(&tenant, CopyListing::Customers, id);
            let done = copies
                .iter()
                .any(|(_, row)| row.state != CopyState::Incomplete);
            !done || world.customers[id].mark == Mark::Unmarked
        };
        let ids: Vec<SourceId> = self
            .customers
            .iter()
            .filter(|(id, row)| match pick {
                Pick::Needed | Pick::One => row.fields.bill_to == self.reseller && lacks(self, id),
                Pick::Again => row.fields.bill_to == self.reseller,
                Pick::Wrong => row.fields.bill_to != self.reseller,
            })
            .map(|(id, _)| id.clone())
            .collect();
        each(&ids, pick, |id| self.copy_customer_by_hand(id, pick))
    }

    fn copy_customer_by_hand(&mut self, id: &SourceId, pick: Pick) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let place = self.place(&tenant).map_err(|error| error.to_string())?;
        let row = self
            .customers
            .get(id)
            .ok_or("there is no such customer")?
            .clone();
        let closed = Self::closed(&place);
        if let Some(reason) = closed.first() {
            return refused(reason.reason.as_str());
        }
        if self.switches.screens == Screens::Guarded && row.fields.bill_to != self.reseller {
            return refused("NotThisReseller");
        }
        let copies = self.copies_of(&tenant, CopyListing::Customers, id);
        let first = copies
            .first()
            .map(|(key, row)| ((*key).clone(), row.state.clone()));
        let careful = matches!(pick, Pick::Needed | Pick::One);
        let halfway = row.mark == Mark::Unmarked;
        match first {
            // Copied already: the button does the other half, if that is missing.
            Some((key, state))
                if (careful && (halfway || state == CopyState::Incomplete))
                    || (self.switches.unique() && halfway) =>
            {
                self.complete_copy(&key);
                self.mark(id);
                Ok(None)
            }
            Some(_) if self.switches.unique() => refused("AlreadyCopied"),
            repeated => {
                let fields = Owned::Customer(row.fields);
                self.create_copy(&place, id, None, fields);
                self.first_mark(id, repeated.is_some());
                Ok(None)
            }
        }
    }

    fn copies_purchases(&mut self, pick: Pick) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let needs = |world: &Self, id: &SourceId| {
            let copies = world.copies_of(&tenant, CopyListing::Subscriptions, id);
            let fields = &world.purchases[id].fields;
            let behind = |owned: &Owned| *owned != Owned::Purchase(fields.clone());
            copies.first().is_none_or(|(_, row)| {
                row.state == CopyState::Incomplete
                    || (row.state == CopyState::Live && behind(&row.fields))
            })
        };
        let ids: Vec<SourceId> = match pick {
            Pick::Needed | Pick::One => self
                .eligible()
                .map(|(id, _)| id.clone())
                .filter(|id| needs(self, id))
                .collect(),
            Pick::Again => self.eligible().map(|(id, _)| id.clone()).collect(),
            Pick::Wrong => {
                let wrong = self.purchases.iter().filter(|(_, row)| {
                    !self.is_resellers(row)
                        || self.is_own(row)
                        || row.state != PurchaseState::Active
                });
                wrong.map(|(id, _)| id.clone()).take(1).collect()
            }
        };
        each(&ids, pick, |id| self.copy_purchase_by_hand(id, pick))
    }

    fn copy_purchase_by_hand(&mut self, id: &SourceId, pick: Pick) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let place = self.place(&tenant).map_err(|error| error.to_string())?;
        let row = self
            .purchases
            .get(id)
            .ok_or("there is no such purchase")?
            .clone();
        let closed = Self::closed(&place);
        if let Some(reason) = closed.first() {
            return refused(reason.reason.as_str());
        }
        if self.switches.screens == Screens::Guarded {
            if !self.is_resellers(&row) || self.is_own(&row) {
                return refused("NotThisReseller");
            }
            if row.state != PurchaseState::Active {
                return Err(format!("{:?}", row.state));
            }
            if let Some(reason) = self.stands_against(&place, &row).first() {
                return refused(reason.reason.as_str());
            }
        }
        let copies = self.copies_of(&tenant, CopyListing::Subscriptions, id);
        let first = copies.first().map(|(key, _)| (*key).clone());
        let fields = Owned::Purchase(row.fields);
        match first {
            // The one that is there is brought up to its source, as the instruction says.
            Some(key) if pick != Pick::Again => {
                let copy = self.copies.get_mut(&key).unwrap();
                copy.fields = fields;
                copy.source_digest = Some(copy.fields.digest());
                copy.state = CopyState::Live;
                self.moved();
                Ok(None)
            }
            Some(_) if self.switches.unique() => refused("AlreadyCopied"),
            _ => {
                self.create_copy(&place, id, None, fields);
                Ok(None)
            }
        }
    }

    fn prices_by_hand(&mut self, pick: Pick) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        let unpriced = |world: &Self, id: &SourceId| {
            world.is_copied(&tenant, id) && world.pricing_digest(&tenant, id).is_none()
        };
        let ids: Vec<SourceId> = self
            .customers
            .keys()
            .filter(|id| match pick {
                Pick::Again => self.is_copied(&tenant, id),
                Pick::Needed | Pick::One | Pick::Wrong => unpriced(self, id),
            })
            .cloned()
            .collect();
        let mut options = Stored::of(&retail());
        if pick == Pick::Wrong {
            options.payment_method = None;
        }
        each(&ids, pick, |id| self.prices(Some(id), &options))
    }
}

/// Does it for each, or for the first; what the screen refuses for one does not stop the others.
fn each(ids: &[SourceId], pick: Pick, mut act: impl FnMut(&SourceId) -> Done) -> Done {
    let mut last = refused("there is nothing to do");
    let many = if matches!(pick, Pick::One | Pick::Wrong) {
        1
    } else {
        ids.len()
    };
    for id in ids.iter().take(many) {
        last = act(id);
    }
    last
}
