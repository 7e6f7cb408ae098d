//! Records of the reseller BSS that go wrong on purpose: now, or in the very call of the switch.

use tenant_reseller_operator::bss::port::{
    CopyListing, CopyState, ItemKind, Mark, PurchaseState, SourceId,
};

use super::people::{Done, refused};
use super::records::{Maker, Owned};
use super::world::{CopyKey, OTHER_RESELLER, World};

/// What is spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SpoilKind {
    /// The copy has another product, or the customer's copy another currency.
    Product,
    Addon,
    Cycle,
    Quantity,
    CostPrice,
    Currency,
    Start,
    Anchor,
    /// The copy of a customer has another Bill To.
    CustomerBillTo,
    /// The copy is gone.
    CopyDeleted,
    /// There is a second one.
    SecondCopy,
    /// It is ended, its source lives on.
    CopyEnded,
    /// It lost its contacts.
    Incomplete,
    /// It is linked to another source.
    OtherSource,
    /// The source lost its mark.
    Unmarked,
    /// The source is cancelled behind everybody's back.
    SourceEnded,
}

impl SpoilKind {
    /// Every one.
    pub(crate) const ALL: [Self; 16] = [
        Self::Product,
        Self::Addon,
        Self::Cycle,
        Self::Quantity,
        Self::CostPrice,
        Self::Currency,
        Self::Start,
        Self::Anchor,
        Self::CustomerBillTo,
        Self::CopyDeleted,
        Self::SecondCopy,
        Self::CopyEnded,
        Self::Incomplete,
        Self::OtherSource,
        Self::Unmarked,
        Self::SourceEnded,
    ];
}

/// A spoil: of the source that is named, else of the first of a kind that has a copy in use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Spoil {
    pub(crate) kind: SpoilKind,
    pub(crate) item: ItemKind,
    pub(crate) source: Option<SourceId>,
}

impl World {
    /// Spoils something now.
    pub(super) fn spoil_now(&mut self, spoil: &Spoil) -> Done {
        let Some(key) = self.target(spoil) else {
            return refused("there is no such copy to spoil");
        };
        let source = key.2.clone();
        match spoil.kind {
            SpoilKind::CopyDeleted => {
                self.copies.remove(&key);
            }
            SpoilKind::SecondCopy => {
                let mut second = self.copies[&key].clone();
                second.by = Maker::Spoil;
                second.unguarded = true;
                let (tenant, listing, source, _) = key;
                let free = (1..u8::MAX).find(|number| {
                    let key = (tenant.clone(), listing, source.clone(), *number);
                    !self.copies.contains_key(&key)
                });
                self.copies
                    .insert((tenant, listing, source, free.unwrap_or(u8::MAX)), second);
            }
            SpoilKind::CopyEnded => self.copies.get_mut(&key).unwrap().state = CopyState::Ended,
            SpoilKind::Incomplete => {
                self.copies.get_mut(&key).unwrap().state = CopyState::Incomplete;
            }
            SpoilKind::OtherSource => {
                let other = self
                    .eligible()
                    .map(|(id, _)| id)
                    .find(|id| **id != source)
                    .cloned();
                let Some(other) = other else {
                    return refused("there is no other source");
                };
                let mut row = self.copies.remove(&key).unwrap();
                row.by = Maker::Spoil;
                row.unguarded = true;
                self.copies.insert((key.0, key.1, other, 9), row);
            }
            SpoilKind::Unmarked => {
                if let Some(row) = self.purchases.get_mut(&source) {
                    row.mark = Mark::Unmarked;
                }
                if let Some(row) = self.customers.get_mut(&source) {
                    row.mark = Mark::Unmarked;
                }
            }
            SpoilKind::SourceEnded => self.set_state(&source, PurchaseState::Cancelled),
            field => self.spoil_field(&key, field),
        }
        self.moved();
        Ok(Some(source.0))
    }

    fn spoil_field(&mut self, key: &CopyKey, kind: SpoilKind) {
        match &mut self.copies.get_mut(key).unwrap().fields {
            Owned::Customer(fields) if kind == SpoilKind::CustomerBillTo => {
                fields.bill_to = OTHER_RESELLER.into();
            }
            Owned::Customer(fields) => fields.currency = "USD",
            Owned::Purchase(fields) => match kind {
                SpoilKind::Product => fields.product = "VOICE-LINE",
                SpoilKind::Addon => fields.addon = Some("ADV-THREAT"),
                SpoilKind::Cycle => fields.cycle = "Triennial",
                SpoilKind::Quantity => fields.quantity += 1,
                SpoilKind::CostPrice => fields.cost += 1,
                SpoilKind::Currency => fields.currency = "USD",
                SpoilKind::Start => fields.start += 1,
                _ => fields.anchor += 1,
            },
        }
    }

    fn target(&self, spoil: &Spoil) -> Option<CopyKey> {
        let tenant = self.live_tenant_id()?;
        let active = |row: &super::PurchaseRow| row.state == PurchaseState::Active;
        let lives = |key: &CopyKey| {
            key.1 == CopyListing::Customers || self.purchases.get(&key.2).is_some_and(active)
        };
        let fits = |key: &CopyKey| {
            let named = spoil.source.as_ref().map(|source| key.2 == *source);
            named.unwrap_or_else(|| lives(key))
        };
        let mut found = self.copies.iter().filter(|(key, row)| {
            key.0 == tenant
                && row.state != CopyState::Ended
                && (row.kind == spoil.item || spoil.source.is_some())
                && fits(key)
        });
        found.next().map(|(key, _)| key.clone())
    }
}
