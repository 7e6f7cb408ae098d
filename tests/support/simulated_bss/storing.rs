//! How a copy is stored: record only, with its mark, by a request or by a person.

use tenant_reseller_operator::bss::port::{
    CopyItem, CopyListing, CopyState, Epoch, ItemKind, Keys, Mark, SourceId, TenantId,
};

use super::records::{CopyRow, Maker, Owned, Stored};
use super::refusals::Place;
use super::switches::Marks;
use super::world::{CopyKey, World, retail};
use super::wrong::Wrong;

impl World {
    /// Stores a new copy: by a request, or by a person where there is none.
    pub(super) fn create_copy(
        &mut self,
        place: &Place,
        source: &SourceId,
        request: Option<(&CopyItem, Option<Epoch>)>,
        fields: Owned,
    ) -> CopyKey {
        let (listing, kind) = match (&fields, self.purchases.get(source)) {
            (Owned::Purchase(_), Some(row)) => (CopyListing::Subscriptions, row.kind),
            _ => (CopyListing::Customers, ItemKind::Customer),
        };
        let others = self.copies_of(&place.tenant, listing, source);
        let number = others.iter().map(|(key, _)| key.3).max().unwrap_or(0) + 1;
        let key = (place.tenant.clone(), listing, source.clone(), number);
        let stored = request.filter(|_| self.switches.promises.keys != Keys::None);
        let mut row = CopyRow {
            kind,
            key: stored.map(|(item, _)| item.key.clone()),
            source_digest: Some(fields.digest()),
            sell_price: self.sell_price(&place.tenant, source),
            fields,
            state: CopyState::Live,
            unguarded: !self.switches.unique(),
            amended_price: None,
            made: self.made_now(),
            by: if request.is_some() {
                Maker::Operator
            } else {
                Maker::Person
            },
        };
        if let Some((item, epoch)) = request {
            self.does_more(&mut row);
            self.judge_effect("copy", epoch);
            self.judge_creation(place, &key, &row, item.pricing.as_ref());
        }
        self.copies.insert(key.clone(), row);
        self.moved();
        if request.is_some() {
            self.tells_the_world(source);
        }
        let sale = self.on && !self.does(Wrong::CopiesAfterSwitch);
        if sale && listing == CopyListing::Subscriptions {
            self.sale(source);
        }
        if listing == CopyListing::Customers
            && self.eager_pricing
            && !self
                .pricing
                .contains_key(&(place.tenant.clone(), source.clone()))
        {
            self.price(&place.tenant, source, Stored::of(&retail()));
        }
        key
    }

    /// A mistake in the record itself.
    fn does_more(&self, row: &mut CopyRow) {
        if self.does(Wrong::CopiesWrongly)
            && let Owned::Purchase(fields) = &mut row.fields
        {
            fields.quantity += 1;
        }
    }

    /// A mistake beside the copy: an honest BSS orders, provisions and sends nothing when it copies.
    fn tells_the_world(&mut self, source: &SourceId) {
        let (orders, provisions) = (self.does(Wrong::PlacesOrders), self.does(Wrong::Provisions));
        if self.does(Wrong::SendsMail) {
            self.mails += 1;
        }
        if let Some(row) = self.purchases.get_mut(source) {
            row.sales += u8::from(orders);
            row.provisioned += u8::from(provisions);
        }
    }

    /// Once back ordering is on, a new record in the reseller BSS is a sale: it is ordered
    /// upstream and provisioned.
    fn sale(&mut self, source: &SourceId) {
        if let Some(row) = self.purchases.get_mut(source) {
            row.sales += 1;
            row.provisioned += 1;
        }
        self.moved();
    }

    /// The mark of a new copy: at once, or later where copy and mark are two steps.
    pub(super) fn first_mark(&mut self, customer: &SourceId, repeated: bool) {
        match self.switches.marks {
            Marks::Later(by_itself) if !repeated => {
                let due = by_itself.map(|delay| self.now + delay);
                if let Some(row) = self.customers.get_mut(customer)
                    && row.mark == Mark::Unmarked
                {
                    row.mark_due = due;
                }
            }
            Marks::WithCopy | Marks::Later(_) => self.mark(customer),
        }
    }

    /// Contacts for a copy that was made without them.
    pub(super) fn complete_copy(&mut self, key: &CopyKey) {
        let row = self.copies.get_mut(key).unwrap();
        if row.state != CopyState::Live {
            row.state = CopyState::Live;
            self.moved();
        }
    }

    pub(super) fn update_copy(&mut self, key: &CopyKey, fields: Owned, epoch: Option<Epoch>) {
        let before = self.copies[key].clone();
        let row = self.copies.get_mut(key).unwrap();
        row.source_digest = Some(fields.digest());
        row.fields = fields;
        row.state = CopyState::Live;
        if self.wrong == Some(Wrong::RewritesSellPrice) {
            row.sell_price += 1;
        }
        self.moved();
        self.judge_effect("copy", epoch);
        if self.does(Wrong::ForgetsMarks)
            && let Some(row) = self.purchases.get(&key.2)
        {
            let owner = row.customer.clone();
            self.customers.get_mut(&owner).unwrap().mark = Mark::Unmarked;
        }
        self.judge_update(key, &before);
    }

    /// The first sell price, from the price list of the customer's pricing options.
    fn sell_price(&self, tenant: &TenantId, source: &SourceId) -> u32 {
        let Some(row) = self.purchases.get(source) else {
            return 0;
        };
        let pricing = self.pricing.get(&(tenant.clone(), row.customer.clone()));
        let list = pricing.and_then(|pricing| pricing.stored.price_list.as_ref());
        let prices = list.and_then(|list| self.resale.get(list));
        prices
            .and_then(|prices| prices.get(row.fields.product))
            .copied()
            .unwrap_or(0)
    }
}
