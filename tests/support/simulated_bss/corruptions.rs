//! Records of the reseller BSS that go wrong on purpose: now, or in the very call of the switch.

use tenant_reseller_operator::bss::port::{
    CopyListing, CopyState, ItemKind, Mark, PurchaseState, SourceId,
};

use super::people::{Done, refused};
use super::records::{Maker, Owned};
use super::world::{CopyKey, OTHER_RESELLER, World};

/// What is corrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CorruptionKind {
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
    /// The source is cancelled without a word to the operator.
    SourceEnded,
}

impl CorruptionKind {
    /// Every one.
    pub const ALL: [Self; 16] = [
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

/// A corruption: of the source that is named, else of the first of a kind that has a copy in use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Corruption {
    pub kind: CorruptionKind,
    pub item: ItemKind,
    pub source: Option<SourceId>,
}

impl World {
    /// Corrupts something now.
    pub(super) fn corrupt_now(&mut self, corruption: &Corruption) -> Done {
        let Some(key) = self.target(corruption) else {
            return refused("there is no such copy to corrupt");
        };
        let source = key.2.clone();
        match corruption.kind {
            CorruptionKind::CopyDeleted => {
                self.copies.remove(&key);
            }
            CorruptionKind::SecondCopy => {
                let mut second = self.copies[&key].clone();
                second.by = Maker::Corruption;
                second.unguarded = true;
                let (tenant, listing, source, _) = key;
                let free = (1..u8::MAX).find(|number| {
                    let key = (tenant.clone(), listing, source.clone(), *number);
                    !self.copies.contains_key(&key)
                });
                self.copies
                    .insert((tenant, listing, source, free.unwrap_or(u8::MAX)), second);
            }
            CorruptionKind::CopyEnded => {
                self.copies.get_mut(&key).unwrap().state = CopyState::Ended;
            }
            CorruptionKind::Incomplete => {
                self.copies.get_mut(&key).unwrap().state = CopyState::Incomplete;
            }
            CorruptionKind::OtherSource => {
                let other = self
                    .eligible()
                    .map(|(id, _)| id)
                    .find(|id| **id != source)
                    .cloned();
                let Some(other) = other else {
                    return refused("there is no other source");
                };
                let mut row = self.copies.remove(&key).unwrap();
                row.by = Maker::Corruption;
                row.unguarded = true;
                self.copies.insert((key.0, key.1, other, 9), row);
            }
            CorruptionKind::Unmarked => {
                if let Some(row) = self.purchases.get_mut(&source) {
                    row.mark = Mark::Unmarked;
                }
                if let Some(row) = self.customers.get_mut(&source) {
                    row.mark = Mark::Unmarked;
                }
            }
            CorruptionKind::SourceEnded => self.set_state(&source, PurchaseState::Cancelled),
            field => self.corrupt_field(&key, field),
        }
        self.moved();
        Ok(Some(source.0))
    }

    fn corrupt_field(&mut self, key: &CopyKey, kind: CorruptionKind) {
        match &mut self.copies.get_mut(key).unwrap().fields {
            Owned::Customer(fields) if kind == CorruptionKind::CustomerBillTo => {
                fields.bill_to = OTHER_RESELLER.into();
            }
            Owned::Customer(fields) => fields.currency = "USD",
            Owned::Purchase(fields) => match kind {
                CorruptionKind::Product => fields.product = "VOICE-LINE",
                CorruptionKind::Addon => fields.addon = Some("ADV-THREAT"),
                CorruptionKind::Cycle => fields.cycle = "Triennial",
                CorruptionKind::Quantity => fields.quantity += 1,
                CorruptionKind::CostPrice => fields.cost += 1,
                CorruptionKind::Currency => fields.currency = "USD",
                CorruptionKind::Start => fields.start += 1,
                _ => fields.anchor += 1,
            },
        }
    }

    fn target(&self, corruption: &Corruption) -> Option<CopyKey> {
        let tenant = self.live_tenant_id()?;
        let active = |row: &super::PurchaseRow| row.state == PurchaseState::Active;
        let lives = |key: &CopyKey| {
            key.1 == CopyListing::Customers || self.purchases.get(&key.2).is_some_and(active)
        };
        let fits = |key: &CopyKey| {
            let named = corruption.source.as_ref().map(|source| key.2 == *source);
            named.unwrap_or_else(|| lives(key))
        };
        let mut found = self.copies.iter().filter(|(key, row)| {
            key.0 == tenant
                && row.state != CopyState::Ended
                && (row.kind == corruption.item || corruption.source.is_some())
                && fits(key)
        });
        found.next().map(|(key, _)| key.clone())
    }
}
