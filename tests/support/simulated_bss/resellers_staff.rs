//! The reseller's staff, in the reseller BSS.

use tenant_reseller_operator::bss::port::{
    CopyListing, CopyState, ItemKind, PurchaseState, SourceId,
};

use super::people::{Action, Done, refused};
use super::records::{Owned, Stored};
use super::world::{CopyKey, World, retail};

impl World {
    pub(super) fn resellers_staff(&mut self, action: Action) -> Done {
        let tenant = self.live_tenant_id().ok_or("the reseller has no tenant")?;
        match action {
            Action::Price(who) => self.prices(who.as_ref(), &Stored::of(&retail())),
            Action::PriceOtherwise(who) => {
                let mut other = Stored::of(&retail());
                other.payment_method = Some("DirectDebit".to_owned());
                self.prices(who.as_ref(), &other)
            }
            Action::PricePartly(customer) => {
                let begun = Stored {
                    price_list: Some("PL-RETAIL".into()),
                    ..Stored::default()
                };
                self.prices(Some(&customer), &begun)
            }
            Action::RemovePricing(who) => {
                let copied = |who: &SourceId| self.is_copied(&tenant, who);
                if !who.as_ref().is_none_or(copied) {
                    return refused("a customer is not in the reseller BSS");
                }
                let mine = |of: &SourceId| who.as_ref().is_none_or(|who| who == of);
                self.pricing
                    .retain(|(of, customer), _| *of != tenant || !mine(customer));
                Ok(None)
            }
            Action::AmendPrice(source, price) => {
                let key = self.copy_in_use(&source)?;
                let row = self.copies.get_mut(&key).unwrap();
                row.sell_price = price;
                row.amended_price = Some(price);
                Ok(None)
            }
            Action::AmendQuantity(source, quantity) => {
                let key = self.copy_in_use(&source)?;
                let Owned::Purchase(fields) = &mut self.copies.get_mut(&key).unwrap().fields else {
                    return refused("it is no copy of a subscription");
                };
                let moves = fields.quantity != quantity;
                fields.quantity = quantity;
                // What is done in the reseller BSS flows up once back ordering is on.
                if self.on {
                    self.set_quantity(&source, quantity);
                }
                if moves {
                    self.moved();
                }
                Ok(None)
            }
            Action::EndCopy(source) => {
                let key = self.copy_in_use(&source)?;
                self.end(&key);
                Ok(None)
            }
            Action::EndOrphans => {
                self.end_orphans();
                Ok(None)
            }
            Action::OrderInOwnBss(customer) => {
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
        let row = self.copies.get_mut(key).unwrap();
        if std::mem::replace(&mut row.state, CopyState::Ended) != CopyState::Ended {
            self.moved();
        }
        if self.on {
            self.set_state(&key.2, PurchaseState::Cancelled);
        }
    }

    /// Ends what has no active source, and what is there a second time.
    pub fn end_orphans(&mut self) {
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
