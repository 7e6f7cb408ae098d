//! The state of the simulated BSS, how it begins, and what happens in it by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, BillingDay, CopyId, CopyListing, CopyRecord, CopyState, EarlierEpoch, Invoicing,
    ItemKind, Link, Mark, OperationId, OperationState, PriceListId, PricingOptions, PurchaseState,
    RequestKey, ResellerKind, SourceId, TenantId, TenantSettings, TenantStatus,
};

use super::corruptions::Corruption;
use super::records::{
    CopyRow, CustomerRow, Fields, OrderRow, PriceList, PricingRow, PurchaseRow, TenantRow,
};
use super::refusals::Known;
use super::switches::Switches;
use super::wrong::Wrong;

/// The account of the reseller.
pub const RESELLER: &str = "10423";
/// Another reseller, whose customers must never be touched.
pub const OTHER_RESELLER: &str = "10777";

/// Where a copy is: its tenant, listing and source, and which one of that source's copies.
pub type CopyKey = (TenantId, CopyListing, SourceId, u8);

/// A whole simulated BSS, both sides, with its people.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The time, as it was told last.
    pub now: Duration,
    pub switches: Switches,
    pub reseller: AccountId,
    pub kind: ResellerKind,
    pub ordering_enabled: bool,
    /// Whether back ordering is on.
    pub on: bool,
    pub activations: u32,
    /// The highest epoch issued.
    pub epoch: u64,
    /// The last epochs with the attempts that asked for them, the latest first.
    pub issued: VecDeque<EarlierEpoch>,
    pub holder: Option<String>,
    pub revision: u64,
    pub tenants: BTreeMap<TenantId, TenantRow>,
    pub operations: BTreeMap<OperationId, OperationState>,
    pub customers: BTreeMap<SourceId, CustomerRow>,
    pub purchases: BTreeMap<SourceId, PurchaseRow>,
    /// Orders that are not final.
    pub orders: BTreeMap<String, OrderRow>,
    pub copies: BTreeMap<CopyKey, CopyRow>,
    pub pricing: BTreeMap<(TenantId, SourceId), PricingRow>,
    /// Customers whose options this BSS refuses, whatever they are.
    pub refuses_pricing: BTreeSet<SourceId>,
    /// Customers whose copy fails, for no reason that can be told.
    pub uncopyable: BTreeSet<SourceId>,
    /// Items that its checks do not know, although they are listed.
    pub unknown_to_checks: BTreeSet<SourceId>,
    /// The reseller's staff sets options as soon as a customer is copied.
    pub eager_pricing: bool,
    pub price_lists: Arc<BTreeMap<PriceListId, PriceList>>,
    /// Price lists of the reseller BSS: a price per product.
    pub resale: Arc<BTreeMap<PriceListId, BTreeMap<&'static str, u32>>>,
    /// What people give a tenant that they make by hand.
    pub wanted: Arc<TenantSettings>,
    /// What the switch itself will corrupt.
    pub corruption: Option<Corruption>,
    /// The mistake that this BSS makes.
    pub wrong: Option<Wrong>,
    /// Messages sent to end customers.
    pub mails: u32,
    /// What the judge saw at the moment of an effect.
    pub(super) seen: Vec<String>,
    pub(super) request_keys: BTreeMap<RequestKey, Known>,
    pub(super) refusals: BTreeMap<(RequestKey, String), (BssError, Duration)>,
    pub(super) purchases_made: u32,
    pub(super) orders_made: u32,
    pub(super) tenants_made: u32,
    pub(super) operations_made: u32,
}

/// The settings that the world's people give a tenant.
pub fn wanted_settings() -> TenantSettings {
    TenantSettings {
        price_list: "PL".into(),
        edition: "Premium".to_owned(),
        language: "en-GB".to_owned(),
        time_zone: "Europe/Athens".to_owned(),
        date_format: "dd/MM/yyyy".to_owned(),
        invoicing: Invoicing::Combined,
    }
}

/// Options that every customer may have.
pub fn retail() -> PricingOptions {
    PricingOptions {
        price_list: "PL-RETAIL".into(),
        billing: BillingDay::Day(1),
        payment_method: "Invoice".to_owned(),
        invoicing: Invoicing::Combined,
        credit_limit: None,
    }
}

pub(super) const PRODUCT: (&str, &str) = ("OFFICE-BASIC", "Monthly");
pub(super) const ASSET: (&str, &str) = ("ROUTER-R1", "OneOff");
pub(super) const ADDON: &str = "EXTRA-SEATS";

impl World {
    /// An order of the customer with this number that is complete at once; the purchase's id.
    pub fn buy(&mut self, customer: u32) -> SourceId {
        let kind = if self.purchases_made % 4 == 3 {
            ItemKind::Asset
        } else {
            ItemKind::Subscription
        };
        self.purchase(SourceId(format!("c{customer:03}")), kind)
    }

    /// A new active purchase. It inherits its account's mark. Ids are scattered, so that it lands
    /// before, within or behind whatever was listed already.
    pub(super) fn purchase(&mut self, customer: SourceId, kind: ItemKind) -> SourceId {
        let scattered = (u64::from(self.purchases_made) * 36_787 + 12_577) % 100_000;
        self.purchases_made += 1;
        let id = SourceId(format!("p{scattered:05}"));
        let (product, cycle) = if kind == ItemKind::Asset {
            ASSET
        } else {
            PRODUCT
        };
        let mark = self
            .customers
            .get(&customer)
            .map_or(Mark::Unmarked, |row| row.mark);
        let row = PurchaseRow {
            kind,
            customer,
            fields: Fields {
                product,
                addon: (scattered % 3 == 0 && kind != ItemKind::Asset).then_some(ADDON),
                cycle,
                quantity: 1,
                cost: 560,
                currency: "EUR",
                start: 0,
                anchor: 1,
            },
            state: PurchaseState::Active,
            mark,
            was_marked: mark == Mark::Marked,
            provisioned: 1,
            sales: 0,
        };
        let customer = row.customer.clone();
        self.purchases.insert(id.clone(), row);
        self.moved_for(&customer);
        id
    }

    pub(super) fn order(&mut self, customer: SourceId, ready: Option<Duration>) -> String {
        self.orders_made += 1;
        let id = format!("o{:03}", self.orders_made);
        let mark = self
            .customers
            .get(&customer)
            .map_or(Mark::Unmarked, |row| row.mark);
        self.moved_for(&customer);
        let row = OrderRow {
            customer,
            ready,
            mark,
        };
        self.orders.insert(id.clone(), row);
        id
    }

    pub(super) fn complete_order(&mut self, id: &str) -> Option<SourceId> {
        let order = self.orders.remove(id)?;
        Some(self.purchase(order.customer, ItemKind::Subscription))
    }

    /// The inventory changed. A BSS that never tells its revision keeps none.
    pub(super) fn moved(&mut self) {
        if self.switches.promises.revision == tenant_reseller_operator::bss::port::Strength::Strong
        {
            self.revision += 1;
        }
    }

    /// The same, if the customer is this reseller's.
    pub(super) fn moved_for(&mut self, customer: &SourceId) {
        if self.payer(customer) == Some(&self.reseller) {
            self.moved();
        }
    }

    /// Lets everything happen that is due: queued tenants, pending orders, late marks, keys that
    /// are known no longer. Every call begins with it.
    pub fn settle(&mut self) {
        self.switches.honest();
        let now = self.now;
        if let Some(life) = self.switches.request_key_life {
            self.request_keys
                .retain(|_, known| known.since + life > now);
            self.refusals.retain(|_, (_, since)| *since + life > now);
        }
        if self.next_due().is_none_or(|next| next > now) {
            return;
        }
        let due = |at: &Option<Duration>| at.is_some_and(|at| at <= now);
        for row in self.tenants.values_mut() {
            if row.tenant.status == TenantStatus::InProgress && due(&row.ready) {
                row.tenant.status = TenantStatus::Active;
                row.ready = None;
                if let Some(operation) = &row.operation {
                    self.operations
                        .insert(operation.clone(), OperationState::Succeeded);
                }
            }
        }
        let mut ready: Vec<(Option<Duration>, String)> = Vec::new();
        for (id, order) in &self.orders {
            if due(&order.ready) {
                ready.push((order.ready, id.clone()));
            }
        }
        ready.sort();
        for (_, id) in ready {
            self.complete_order(&id);
        }
        let marks: Vec<SourceId> = self
            .customers
            .iter()
            .filter(|(_, row)| due(&row.mark_due))
            .map(|(id, _)| id.clone())
            .collect();
        for id in marks {
            self.mark(&id);
        }
    }

    /// When something happens by itself next.
    fn next_due(&self) -> Option<Duration> {
        let tenants = self.tenants.values().filter_map(|row| row.ready);
        let orders = self.orders.values().filter_map(|order| order.ready);
        let marks = self.customers.values().filter_map(|row| row.mark_due);
        tenants.chain(orders).chain(marks).min()
    }

    /// Marks an account and its orders.
    pub(super) fn mark(&mut self, customer: &SourceId) {
        let mut moves = false;
        if let Some(row) = self.customers.get_mut(customer) {
            moves |= row.mark == Mark::Unmarked;
            row.mark = Mark::Marked;
            row.was_marked = true;
            row.mark_due = None;
        }
        for order in self.orders.values_mut() {
            if order.customer == *customer {
                moves |= order.mark == Mark::Unmarked;
                order.mark = Mark::Marked;
            }
        }
        if moves {
            self.moved_for(customer);
        }
    }

    /// The account that is invoiced for a customer; a reseller is invoiced for itself.
    pub fn payer(&self, customer: &SourceId) -> Option<&AccountId> {
        match self.customers.get(customer) {
            Some(row) => Some(&row.fields.bill_to),
            None => (customer.as_str() == self.reseller.as_str()).then_some(&self.reseller),
        }
    }

    /// Whether a purchase is the reseller's, its own included.
    pub(super) fn is_resellers(&self, purchase: &PurchaseRow) -> bool {
        self.payer(&purchase.customer) == Some(&self.reseller)
    }

    /// Whether a purchase is for the reseller's own use.
    pub(super) fn is_own(&self, purchase: &PurchaseRow) -> bool {
        purchase.customer.as_str() == self.reseller.as_str()
    }

    /// What has to be copied: active purchases of the reseller's customers.
    pub fn eligible(&self) -> impl Iterator<Item = (&SourceId, &PurchaseRow)> {
        self.purchases.iter().filter(|(_, row)| {
            row.state == PurchaseState::Active && self.is_resellers(row) && !self.is_own(row)
        })
    }

    /// The reseller's tenant that is not marked as deleted.
    pub fn live_tenant(&self) -> Option<&TenantRow> {
        let live = |row: &&TenantRow| row.tenant.status != TenantStatus::MarkedAsDeleted;
        self.tenants.values().find(live)
    }

    pub fn live_tenant_id(&self) -> Option<TenantId> {
        self.live_tenant().map(|row| row.tenant.id.clone())
    }

    pub(super) fn new_operation(&mut self) -> OperationId {
        self.operations_made += 1;
        OperationId(format!("op-{}", self.operations_made))
    }

    pub(super) fn new_tenant(&mut self) -> TenantId {
        self.tenants_made += 1;
        TenantId(format!("T{}", self.tenants_made))
    }

    /// The moment from which a key that is used now is known; always zero where it is known for ever, so
    /// that equal states stay equal.
    pub(super) fn known_since(&self) -> Duration {
        match self.switches.request_key_life {
            Some(_) => self.now,
            None => Duration::ZERO,
        }
    }

    /// The moment at which something is made now; always zero where nothing lags, so that equal states stay
    /// equal.
    pub(super) fn made_now(&self) -> Duration {
        if self.switches.lag.max(self.switches.listing_lag).is_zero() {
            Duration::ZERO
        } else {
            self.now.max(Duration::from_nanos(1))
        }
    }

    /// Whether what was made then can be seen by a look-up.
    pub(super) fn is_seen(&self, made: Duration) -> bool {
        self.seen_after(made, self.switches.lag)
    }

    /// Whether what was made then is listed, and told by its source.
    pub(super) fn is_listed(&self, made: Duration) -> bool {
        self.seen_after(made, self.switches.lag.max(self.switches.listing_lag))
    }

    fn seen_after(&self, made: Duration, lag: Duration) -> bool {
        lag.is_zero() || made.is_zero() || made + lag <= self.now
    }

    /// Every copy in the live tenant, for tests.
    pub fn copy_records(&self) -> Vec<(ItemKind, CopyRecord)> {
        let live = self.live_tenant_id();
        let rows = self
            .copies
            .iter()
            .filter(|((tenant, ..), _)| Some(tenant) == live.as_ref());
        rows.map(|(key, row)| (row.kind, row.record(key))).collect()
    }

    /// The copies of a source, in its order of precedence: in use before ended.
    pub(super) fn copies_of(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        source: &SourceId,
    ) -> Vec<(&CopyKey, &CopyRow)> {
        let from = (tenant.clone(), listing, source.clone(), 0);
        let to = (tenant.clone(), listing, source.clone(), u8::MAX);
        let mut found: Vec<_> = self.copies.range(from..=to).collect();
        found.sort_by_key(|(key, row)| (row.state == CopyState::Ended, row.unguarded, key.3));
        found
    }
}

/// The id of a copy.
pub(super) fn copy_id(key: &CopyKey) -> CopyId {
    CopyId(format!("{}.{}.{}", key.0, key.2, key.3))
}

impl CopyRow {
    pub fn record(&self, key: &CopyKey) -> CopyRecord {
        CopyRecord {
            id: copy_id(key),
            kind: self.key.is_some().then_some(self.kind),
            link: Link::Stored,
            business_key: self.key.clone(),
            source: key.2.clone(),
            source_digest: self.source_digest.clone(),
            digest: self.fields.digest(),
            state: self.state.clone(),
        }
    }
}
