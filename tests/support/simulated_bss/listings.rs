//! Listings, ordered by immutable id, each page with the revision; and the look-up of copies by
//! key. With offset paging they skip and repeat, with lag they do not see what is new.

use std::collections::BTreeMap;

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, BusinessKey, CopyId, CopyListing, CopyRecord, CopyState, Cursor, Customer, Found,
    Link, Mark, OpenOrder, Operation, Page, PageRequest, Purchase, Revision, SourceId, Strength,
    Sync, TenantId, Unseen,
};

use super::records::Owned;
use super::refusals::invalid;
use super::world::{CopyKey, World, copy_id};

/// A listing's rows and where each of them is.
struct Listing<K> {
    keys: Vec<K>,
    /// The place as a cursor says it.
    name: fn(&K) -> String,
    /// Whether a place is behind the one that a cursor says.
    behind: fn(&K, &str) -> bool,
}

/// What a cursor that says a place begins with.
const PLACE: &str = "v1.";

fn by_id(keys: Vec<SourceId>) -> Listing<SourceId> {
    Listing {
        keys,
        name: |id| id.0.clone(),
        behind: |id, text| id.as_str() > text,
    }
}

impl World {
    fn page<K, T>(
        &self,
        listing: &Listing<K>,
        page: &PageRequest,
        row: impl Fn(&K) -> T,
    ) -> BssResult<Page<T>> {
        if page.limit == 0 || page.limit > self.switches.page_size {
            return Err(invalid("limit", "is not a size of a page"));
        }
        let wrong = || invalid("cursor", "is not a cursor of this listing");
        let keys = &listing.keys;
        let begin = match page.cursor.as_ref().map(|cursor| cursor.0.as_str()) {
            None => 0,
            Some(cursor) => {
                if let Some(place) = cursor.strip_prefix(PLACE) {
                    let behind = keys.iter().position(|key| (listing.behind)(key, place));
                    behind.unwrap_or(keys.len())
                } else {
                    let offset = cursor.strip_prefix('o');
                    let offset = offset.filter(|_| self.switches.offset_paging);
                    let offset = offset.and_then(|offset| offset.parse::<usize>().ok());
                    offset.ok_or_else(wrong)?.min(keys.len())
                }
            }
        };
        let end = (begin + usize::from(page.limit)).min(keys.len());
        let shown = &keys[begin..end];
        let next = shown.last().filter(|_| end < keys.len()).map(|last| {
            Cursor(if self.switches.offset_paging {
                format!("o{end}")
            } else {
                format!("{PLACE}{}", (listing.name)(last))
            })
        });
        Ok(Page {
            items: shown.iter().map(row).collect(),
            next,
            revision: (self.switches.promises.revision == Strength::Strong)
                .then_some(Revision(self.revision)),
        })
    }

    /// The tenant that can be seen.
    pub(super) fn seen_tenant(&self) -> Option<TenantId> {
        let live = self.live_tenant().filter(|row| self.is_seen(row.made));
        live.map(|row| row.tenant.id.clone())
    }

    fn link(
        &self,
        tenant: Option<&TenantId>,
        listing: CopyListing,
        source: &SourceId,
    ) -> Option<(TenantId, CopyId)> {
        let tenant = tenant?;
        let copies = self.copies_of(tenant, listing, source);
        let seen = copies.iter().find(|(_, row)| self.is_listed(row.made));
        seen.map(|(key, _)| (tenant.clone(), copy_id(key)))
    }

    /// A page of the reseller's customers.
    pub fn customers(
        &mut self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Customer>> {
        self.settle();
        self.known(account)?;
        let tenant = self.seen_tenant();
        let ours = self
            .customers
            .iter()
            .filter(|(_, row)| row.fields.bill_to == self.reseller || self.switches.lists_others);
        let listing = by_id(ours.map(|(id, _)| id.clone()).collect());
        self.page(&listing, page, |id| {
            let row = &self.customers[id];
            Customer {
                id: id.clone(),
                bill_to: row.fields.bill_to.clone(),
                sync: self.shows(Unseen::Sync, row.sync, Sync::Unseen),
                mark: self.shows(Unseen::CustomerMark, row.mark, Mark::Unseen),
                link: self.link(tenant.as_ref(), CopyListing::Customers, id),
                digest: Owned::Customer(row.fields.clone()).digest(),
            }
        })
    }

    /// A page of the reseller's subscriptions and assets, its own among them.
    pub fn subscriptions(
        &mut self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Purchase>> {
        self.settle();
        self.known(account)?;
        let tenant = self.seen_tenant();
        let ours = self
            .purchases
            .iter()
            .filter(|(_, row)| self.is_resellers(row));
        let listing = by_id(ours.map(|(id, _)| id.clone()).collect());
        self.page(&listing, page, |id| {
            let row = &self.purchases[id];
            Purchase {
                id: id.clone(),
                kind: row.kind,
                customer: row.customer.clone(),
                state: row.state.clone(),
                mark: self.shows(Unseen::PurchaseMark, row.mark, Mark::Unseen),
                link: self.link(tenant.as_ref(), CopyListing::Subscriptions, id),
                digest: Owned::Purchase(row.fields.clone()).digest(),
            }
        })
    }

    /// A fact, or the value that says that it is not shown.
    fn shows<T>(&self, fact: Unseen, value: T, unseen: T) -> T {
        if self.switches.unseen.contains(&fact) {
            unseen
        } else {
            value
        }
    }

    /// A page of the reseller's orders that are not final.
    pub fn open_orders(
        &mut self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<OpenOrder>> {
        self.settle();
        if self.switches.promises.orders == Strength::Weak {
            return Err(BssError::Unsupported {
                operation: Operation::ListOpenOrders,
            });
        }
        self.known(account)?;
        let ours = self
            .orders
            .iter()
            .filter(|(_, order)| self.is_open(&order.customer));
        let listing = by_id(ours.map(|(id, _)| SourceId(id.clone())).collect());
        self.page(&listing, page, |id| OpenOrder {
            id: id.0.clone(),
            customer: self.orders[&id.0].customer.clone(),
        })
    }

    /// Whether an order for this customer is the reseller's.
    pub(super) fn is_open(&self, customer: &SourceId) -> bool {
        self.payer(customer) == Some(&self.reseller)
    }

    /// A page of copies, ordered by source id.
    pub fn copies(
        &mut self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> BssResult<Page<CopyRecord>> {
        self.settle();
        let place = self.place(tenant)?;
        let seen = self.copies.iter().filter(|((tenant, kind, ..), row)| {
            *tenant == place.tenant && *kind == listing && self.is_listed(row.made)
        });
        let listing: Listing<&CopyKey> = Listing {
            keys: seen.map(|(key, _)| key).collect(),
            name: |key| format!("{}/{}", key.2, key.3),
            behind: |key, text| {
                let (source, number) = text.rsplit_once('/').unwrap_or((text, "0"));
                let number = number.parse::<u8>().unwrap_or(0);
                (key.2.as_str(), key.3) > (source, number)
            },
        };
        self.page(&listing, page, |key| self.shown(key))
    }

    /// A copy as this BSS shows it: perhaps it cannot tell whose it is.
    fn shown(&self, key: &CopyKey) -> CopyRecord {
        let record = self.copies[key].record(key);
        if !self.switches.unclear.contains(&record.source) {
            return record;
        }
        CopyRecord {
            link: Link::Inferred,
            state: CopyState::Unclear("it may be the copy of another source".to_owned()),
            ..record
        }
    }

    /// Copies by business key.
    pub fn find(
        &mut self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> BssResult<BTreeMap<BusinessKey, Found>> {
        self.settle();
        self.list(keys.iter())?;
        let place = self.place(tenant)?;
        let look_up = |wanted: &BusinessKey| {
            let copies = self.copies.iter().filter(|((tenant, ..), row)| {
                *tenant == place.tenant
                    && row.key.as_ref() == Some(wanted)
                    && self.is_seen(row.made)
            });
            let mut found: Vec<CopyRecord> = copies.map(|(key, row)| row.record(key)).collect();
            match found.len() {
                0 => Found::None,
                1 => Found::One(found.remove(0)),
                _ => Found::Many(found),
            }
        };
        Ok(keys.iter().map(|key| (key.clone(), look_up(key))).collect())
    }
}
