//! A small world for the heart: a BSS in memory, as strong or weak as a test wants it, and people
//! in it.
//!
//! It judges by source ids: what was copied, how often, and what was on record before.

use std::collections::{BTreeMap, BTreeSet};

use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, Activation, BackOrdering, Blocker, BlockerReason, BusinessKey, Capabilities, CopyId,
    CopyItem, CopyRecord, CopyState, Cursor, Customer, Digest, Epoch, Found, Invoicing,
    IssuedEpoch, ItemKind, ItemOutcome, Keys, Mark, Mode, OpenOrder, OperationId, OperationState,
    Page, PageRequest, PricingOutcome, PricingState, Promises, Purchase, PurchaseState, Reseller,
    ResellerKind, Revision, SourceId, Strength, Sync, Tenant, TenantAccess, TenantCreation,
    TenantId, TenantSettings, TenantStatus, WriteOperation,
};

/// How much a person does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Much {
    All,
    One,
}

/// What the switch spoils.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Spoil {
    pub(crate) kind: ItemKind,
    pub(crate) how: How,
}

/// How it spoils it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    Field,
    Gone,
    Twice,
    Incomplete,
    Unmarked,
    SourceEnded,
}

/// The settings of the upgrade's spec.
pub(crate) fn wanted_settings() -> TenantSettings {
    TenantSettings {
        price_list: "PL".into(),
        edition: "Premium".to_owned(),
        language: "en-GB".to_owned(),
        time_zone: "Europe/Athens".to_owned(),
        date_format: "dd/MM/yyyy".to_owned(),
        invoicing: Invoicing::Combined,
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) reseller: AccountId,
    pub(crate) kind: ResellerKind,
    pub(crate) on: bool,
    pub(crate) epoch: u64,
    pub(crate) tenant: Option<(Tenant, u32)>,
    pub(crate) tenants_made: u32,
    pub(crate) activations: u32,
    pub(crate) customers: BTreeMap<SourceId, Customer>,
    pub(crate) purchases: BTreeMap<SourceId, Purchase>,
    pub(crate) copies: Vec<(ItemKind, CopyRecord)>,
    pub(crate) priced: BTreeSet<SourceId>,
    pub(crate) refuses_pricing: BTreeSet<SourceId>,
    pub(crate) defects: BTreeMap<SourceId, BlockerReason>,
    pub(crate) orders: BTreeSet<String>,
    pub(crate) revision: u64,
    pub(crate) promises: Promises,
    pub(crate) modes: BTreeMap<WriteOperation, Mode>,
    pub(crate) tenant_access: TenantAccess,
    pub(crate) ordering_enabled: bool,
    /// What the switch itself spoils.
    pub(crate) spoil: Option<Spoil>,
    /// What broke the rules; must stay empty.
    pub(crate) violations: Vec<String>,
    pub(crate) batch: u16,
    pub(crate) page: u16,
    next: u32,
}

impl World {
    pub(crate) fn new(customers: u32, purchases: u32) -> Self {
        let mut world = Self {
            reseller: AccountId::from("10423"),
            kind: ResellerKind::Basic,
            on: false,
            epoch: 0,
            tenant: None,
            tenants_made: 0,
            activations: 0,
            customers: BTreeMap::new(),
            purchases: BTreeMap::new(),
            copies: Vec::new(),
            priced: BTreeSet::new(),
            refuses_pricing: BTreeSet::new(),
            defects: BTreeMap::new(),
            orders: BTreeSet::new(),
            revision: 1,
            promises: Promises {
                keys: Keys::Unique,
                epochs: Strength::Strong,
                revision: Strength::Strong,
                compares: Strength::Strong,
                orders: Strength::Strong,
                off_guard: Strength::Strong,
            },
            modes: WriteOperation::ALL
                .into_iter()
                .map(|operation| (operation, Mode::Automatic))
                .collect(),
            tenant_access: TenantAccess::Shared,
            ordering_enabled: true,
            spoil: None,
            violations: Vec::new(),
            batch: 2,
            page: 2,
            next: 0,
        };
        for n in 0..customers {
            let id = SourceId(format!("c{n:03}"));
            world.customers.insert(
                id.clone(),
                Customer {
                    id,
                    bill_to: world.reseller.clone(),
                    sync: Sync::Synced,
                    mark: Mark::Unmarked,
                    link: None,
                    digest: Digest::from("c"),
                },
            );
        }
        for n in 0..purchases {
            world.buy(n % customers.max(1));
        }
        world
    }

    pub(crate) fn buy(&mut self, customer: u32) -> SourceId {
        let id = SourceId(format!("p{:03}", self.next));
        let kind = if self.next % 4 == 3 {
            ItemKind::Asset
        } else {
            ItemKind::Subscription
        };
        self.next += 1;
        self.revision += 1;
        self.purchases.insert(
            id.clone(),
            Purchase {
                id: id.clone(),
                kind,
                customer: SourceId(format!("c{customer:03}")),
                state: PurchaseState::Active,
                mark: Mark::Unmarked,
                link: None,
                digest: Digest::from("v1"),
            },
        );
        id
    }

    pub(crate) fn set_state(&mut self, id: &SourceId, state: PurchaseState) {
        self.revision += 1;
        self.purchases.get_mut(id).unwrap().state = state;
    }

    pub(crate) fn price_all(&mut self) {
        self.priced = self.customers.keys().cloned().collect();
    }

    pub(crate) fn end_orphans(&mut self) {
        let dead: BTreeSet<SourceId> = self
            .purchases
            .values()
            .filter(|p| p.state != PurchaseState::Active)
            .map(|p| p.id.clone())
            .collect();
        for (_, copy) in &mut self.copies {
            if dead.contains(&copy.source) {
                copy.state = CopyState::Ended;
                self.revision += 1;
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        if let Some((tenant, left)) = &mut self.tenant
            && tenant.status == TenantStatus::InProgress
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                tenant.status = TenantStatus::Active;
            }
        }
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            operations: self.modes.clone(),
            promises: self.promises,
            tenant_access: self.tenant_access,
            largest_batch: self.batch,
            page_size: self.page,
        }
    }

    pub(crate) fn reseller(&self) -> Reseller {
        Reseller {
            account: self.reseller.clone(),
            name: "Contoso Ltd".to_owned(),
            kind: self.kind,
            ordering_enabled: self.ordering_enabled,
            currency: "EUR".to_owned(),
            tenant: self.tenant.as_ref().map(|(tenant, _)| tenant.id.clone()),
            back_ordering: if self.on {
                BackOrdering::On
            } else {
                BackOrdering::Off
            },
        }
    }

    pub(crate) fn acquire(&mut self) -> IssuedEpoch {
        let previous = Epoch(self.epoch);
        self.epoch += 1;
        IssuedEpoch {
            epoch: Epoch(self.epoch),
            previous,
        }
    }

    /// Whether an operation is left to people.
    fn manual(&self, operation: WriteOperation) -> Result<(), BssError> {
        match self.modes.get(&operation) {
            Some(Mode::ManualStep) => Err(BssError::ManualStepNeeded {
                instruction: format!("Press {}.", operation.as_str()),
            }),
            _ => Ok(()),
        }
    }

    fn fenced(&self, epoch: Epoch) -> Result<(), BssError> {
        if self.promises.epochs == Strength::Weak {
            return Ok(());
        }
        if epoch.0 < self.epoch {
            return Err(BssError::StaleEpoch {
                highest: self.epoch,
            });
        }
        Ok(())
    }

    pub(crate) fn create_tenant(
        &mut self,
        epoch: Epoch,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> Result<TenantCreation, BssError> {
        self.manual(WriteOperation::CreateTenant)?;
        self.fenced(epoch)?;
        if let Some((tenant, _)) = &self.tenant {
            return if tenant.business_key.as_ref() == Some(key) {
                Ok(TenantCreation::Started(OperationId::from("op")))
            } else {
                Err(BssError::Conflict {
                    detail: "a tenant exists".to_owned(),
                })
            };
        }
        self.tenants_made += 1;
        self.revision += 1;
        let tenant = Tenant {
            id: TenantId::from("T1"),
            url: None,
            settings: settings.clone(),
            currency: "EUR".to_owned(),
            business_key: Some(key.clone()),
            status: TenantStatus::InProgress,
        };
        self.tenant = Some((tenant, 2));
        Ok(TenantCreation::Started(OperationId::from("op")))
    }

    pub(crate) fn operation(&self) -> OperationState {
        match &self.tenant {
            Some((tenant, _)) if tenant.status == TenantStatus::Active => OperationState::Succeeded,
            Some(_) => OperationState::Running,
            None => OperationState::Gone,
        }
    }

    pub(crate) fn customers(&self, page: &PageRequest) -> Page<Customer> {
        self.page(
            self.customers
                .values()
                .map(|c| (c.id.clone(), c.clone()))
                .collect(),
            page,
        )
    }

    pub(crate) fn purchases(&self, page: &PageRequest) -> Page<Purchase> {
        self.page(
            self.purchases
                .values()
                .map(|p| (p.id.clone(), p.clone()))
                .collect(),
            page,
        )
    }

    pub(crate) fn open_orders(&self, page: &PageRequest) -> Page<OpenOrder> {
        let orders = self.orders.iter().map(|id| {
            let order = OpenOrder {
                id: id.clone(),
                customer: SourceId::from("c000"),
            };
            (SourceId(id.clone()), order)
        });
        self.page(orders.collect(), page)
    }

    pub(crate) fn copies(&self, customers: bool, page: &PageRequest) -> Page<CopyRecord> {
        let mut rows: Vec<(SourceId, CopyRecord)> = self
            .copies
            .iter()
            .filter(|(kind, _)| (*kind == ItemKind::Customer) == customers)
            .map(|(_, copy)| {
                (
                    SourceId(format!("{}/{}", copy.source, copy.id)),
                    copy.clone(),
                )
            })
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        self.page(rows, page)
    }

    fn page<T>(&self, rows: Vec<(SourceId, T)>, page: &PageRequest) -> Page<T> {
        let after = page.cursor.as_ref().map(|c| SourceId(c.0.clone()));
        let mut rest: Vec<(SourceId, T)> = rows
            .into_iter()
            .filter(|(id, _)| after.as_ref().is_none_or(|a| id > a))
            .collect();
        let more = rest.len() > usize::from(page.limit);
        rest.truncate(usize::from(page.limit));
        let next = more.then(|| Cursor(rest.last().unwrap().0.0.clone()));
        Page {
            items: rest.into_iter().map(|(_, row)| row).collect(),
            next,
            revision: (self.promises.revision == Strength::Strong)
                .then_some(Revision(self.revision)),
        }
    }

    pub(crate) fn find(&self, keys: &[BusinessKey]) -> BTreeMap<BusinessKey, Found> {
        keys.iter()
            .map(|key| {
                let mut found: Vec<CopyRecord> = self
                    .copies
                    .iter()
                    .filter(|(_, copy)| copy.business_key.as_ref() == Some(key))
                    .map(|(_, copy)| copy.clone())
                    .collect();
                let what = match found.len() {
                    0 => Found::None,
                    1 => Found::One(found.remove(0)),
                    _ => Found::Many(found),
                };
                (key.clone(), what)
            })
            .collect()
    }

    pub(crate) fn pricing(&self, ids: &[SourceId]) -> BTreeMap<SourceId, PricingState> {
        ids.iter()
            .map(|id| {
                let state = if self.priced.contains(id) {
                    PricingState::Set(Digest::from("pr"))
                } else {
                    PricingState::Missing {
                        name: Some(format!("Customer {id}")),
                        options: vec!["priceList".to_owned()],
                    }
                };
                (id.clone(), state)
            })
            .collect()
    }

    pub(crate) fn set_pricing(
        &mut self,
        ids: Vec<SourceId>,
    ) -> Result<BTreeMap<SourceId, PricingOutcome>, BssError> {
        self.manual(WriteOperation::SetPricing)?;
        Ok(self.store_pricing(ids))
    }

    fn store_pricing(&mut self, ids: Vec<SourceId>) -> BTreeMap<SourceId, PricingOutcome> {
        ids.into_iter()
            .map(|id| {
                if self.refuses_pricing.contains(&id) {
                    return (id, PricingOutcome::Failed("no such price list".to_owned()));
                }
                let fresh = self.priced.insert(id.clone());
                (
                    id,
                    if fresh {
                        PricingOutcome::Written
                    } else {
                        PricingOutcome::Unchanged
                    },
                )
            })
            .collect()
    }

    pub(crate) fn check(&self, ids: &[SourceId]) -> BTreeMap<SourceId, Vec<Blocker>> {
        ids.iter()
            .map(|id| {
                let reasons = self.defects.get(id).map(|reason| Blocker {
                    reason: *reason,
                    detail: None,
                });
                (id.clone(), reasons.into_iter().collect())
            })
            .collect()
    }

    pub(crate) fn copy(
        &mut self,
        epoch: Epoch,
        items: &[CopyItem],
    ) -> Result<BTreeMap<SourceId, ItemOutcome>, BssError> {
        let customers = items.iter().any(|item| item.kind == ItemKind::Customer);
        self.manual(if customers {
            WriteOperation::CopyCustomers
        } else {
            WriteOperation::CopySubscriptions
        })?;
        self.fenced(epoch)?;
        Ok(items
            .iter()
            .map(|item| (item.source.clone(), self.copy_one(item)))
            .collect())
    }

    fn copy_one(&mut self, item: &CopyItem) -> ItemOutcome {
        if self.on && self.promises.off_guard == Strength::Strong {
            return ItemOutcome::Blocked(vec![Blocker {
                reason: BlockerReason::BackOrderingActive,
                detail: None,
            }]);
        }
        let there: Option<Digest> = self
            .copies
            .iter()
            .find(|(_, copy)| copy.source == item.source)
            .map(|(_, copy)| copy.digest.clone());
        let source = match item.kind {
            ItemKind::Customer => self.customers.get(&item.source).map(|c| c.digest.clone()),
            ItemKind::Subscription | ItemKind::Asset => {
                let Some(purchase) = self.purchases.get(&item.source) else {
                    return ItemOutcome::Conflict("gone".to_owned());
                };
                if purchase.state != PurchaseState::Active {
                    return ItemOutcome::Conflict("not active".to_owned());
                }
                if !self
                    .copies
                    .iter()
                    .any(|(_, copy)| copy.source == purchase.customer)
                {
                    self.violations
                        .push(format!("{} before its customer", item.source));
                }
                if let Some(reason) = self.defects.get(&item.source) {
                    return ItemOutcome::Blocked(vec![Blocker {
                        reason: *reason,
                        detail: None,
                    }]);
                }
                if !self.priced.contains(&purchase.customer) {
                    return ItemOutcome::Conflict("pricing changed".to_owned());
                }
                Some(purchase.digest.clone())
            }
        };
        if source.as_ref() != Some(&item.expected_source) {
            return ItemOutcome::Conflict("source changed".to_owned());
        }
        let guarded = self.promises.keys == Keys::Unique;
        if let Some(there) = there.filter(|_| guarded || item.expected_copy.is_some()) {
            if there != item.expected_source {
                if item.expected_copy.as_ref() != Some(&there) {
                    return ItemOutcome::Conflict("copy differs".to_owned());
                }
                self.revision += 1;
                for (_, copy) in &mut self.copies {
                    if copy.source == item.source {
                        copy.digest = item.expected_source.clone();
                        copy.source_digest = Some(item.expected_source.clone());
                    }
                }
                return ItemOutcome::Updated;
            }
            if let Some(customer) = self.customers.get_mut(&item.source) {
                customer.mark = Mark::Marked;
            }
            return ItemOutcome::Unchanged;
        }
        let copy = CopyRecord {
            id: CopyId(format!("copy-{}", self.copies.len())),
            business_key: Some(item.key.clone()),
            source: item.source.clone(),
            source_digest: Some(item.expected_source.clone()),
            digest: item.expected_source.clone(),
            state: CopyState::Live,
        };
        let link = Some((TenantId::from("T1"), copy.id.clone()));
        if let Some(customer) = self.customers.get_mut(&item.source) {
            customer.mark = Mark::Marked;
            customer.link = link;
        } else if let Some(purchase) = self.purchases.get_mut(&item.source) {
            purchase.link = link;
        }
        self.copies.push((item.kind, copy));
        self.revision += 1;
        ItemOutcome::Created
    }

    pub(crate) fn activate(
        &mut self,
        epoch: Epoch,
        expected: Option<Revision>,
    ) -> Result<Activation, BssError> {
        self.manual(WriteOperation::ActivateBackOrdering)?;
        self.fenced(epoch)?;
        if self.on {
            return Ok(Activation::AlreadyActive);
        }
        let compares = self.promises.compares == Strength::Strong;
        if compares && expected.is_some_and(|expected| expected.0 != self.revision) {
            return Err(BssError::Conflict {
                detail: "the revision moved".to_owned(),
            });
        }
        let uncopied = self.purchases.values().any(|p| {
            p.state == PurchaseState::Active && !self.copies.iter().any(|(_, c)| c.source == p.id)
        });
        if uncopied || !self.orders.is_empty() {
            self.violations
                .push("activation was asked for too early".to_owned());
        }
        self.switch();
        Ok(Activation::Activated)
    }

    fn switch(&mut self) {
        self.on = true;
        self.kind = ResellerKind::Tenant;
        self.activations += 1;
        self.revision += 1;
        for purchase in self.purchases.values_mut() {
            purchase.mark = Mark::Marked;
        }
        if let Some(spoil) = self.spoil {
            self.spoils(spoil);
        }
    }

    fn spoils(&mut self, spoil: Spoil) {
        let at = self.copies.iter().position(|(kind, _)| *kind == spoil.kind);
        let at = at.unwrap();
        let source = self.copies[at].1.source.clone();
        match spoil.how {
            How::Field => self.copies[at].1.digest = Digest::from("spoiled"),
            How::Gone => {
                self.copies.remove(at);
            }
            How::Twice => {
                let mut second = self.copies[at].clone();
                second.1.id = CopyId::from("second");
                self.copies.push(second);
            }
            How::Incomplete => self.copies[at].1.state = CopyState::Incomplete,
            How::Unmarked => {
                if let Some(customer) = self.customers.get_mut(&source) {
                    customer.mark = Mark::Unmarked;
                }
                if let Some(purchase) = self.purchases.get_mut(&source) {
                    purchase.mark = Mark::Unmarked;
                }
            }
            How::SourceEnded => {
                self.purchases.get_mut(&source).unwrap().state = PurchaseState::Cancelled;
            }
        }
    }

    /// A person does by hand what is left to people: everything, or one record only.
    pub(crate) fn by_hand(&mut self, operation: WriteOperation, much: Much) {
        match operation {
            WriteOperation::CreateTenant if self.tenant.is_none() => {
                self.tenants_made += 1;
                let tenant = Tenant {
                    id: TenantId::from("T1"),
                    url: None,
                    settings: wanted_settings(),
                    currency: "EUR".to_owned(),
                    business_key: None,
                    status: TenantStatus::Active,
                };
                self.tenant = Some((tenant, 0));
            }
            WriteOperation::CreateTenant => {}
            WriteOperation::CopyCustomers => {
                let ids: Vec<_> = self.customers.keys().cloned().collect();
                for id in ids {
                    let digest = self.customers[&id].digest.clone();
                    if self.on_screen(ItemKind::Customer, &id, &digest) {
                        self.customers.get_mut(&id).unwrap().mark = Mark::Marked;
                        if much == Much::One {
                            return;
                        }
                    }
                }
            }
            WriteOperation::CopySubscriptions => {
                let all: Vec<_> = self.purchases.values().cloned().collect();
                for purchase in all {
                    if purchase.state == PurchaseState::Active
                        && self.on_screen(purchase.kind, &purchase.id, &purchase.digest)
                        && much == Much::One
                    {
                        return;
                    }
                }
            }
            WriteOperation::SetPricing => self.price_all(),
            WriteOperation::ActivateBackOrdering => {
                if !self.on {
                    self.switch();
                }
            }
        }
    }

    fn on_screen(&mut self, kind: ItemKind, source: &SourceId, digest: &Digest) -> bool {
        let there = self
            .copies
            .iter_mut()
            .find(|(_, copy)| copy.source == *source);
        if let Some((_, copy)) = there {
            let behind = copy.digest != *digest;
            copy.digest = digest.clone();
            copy.source_digest = Some(digest.clone());
            self.revision += u64::from(behind);
            return behind;
        }
        self.revision += 1;
        let copy = CopyRecord {
            id: CopyId(format!("copy-{}", self.copies.len())),
            business_key: None,
            source: source.clone(),
            source_digest: Some(digest.clone()),
            digest: digest.clone(),
            state: CopyState::Live,
        };
        self.copies.push((kind, copy));
        true
    }

    /// Everything that must hold at every moment.
    pub(crate) fn judge(&mut self) {
        let mut sources = BTreeSet::new();
        for (_, copy) in &self.copies {
            if !sources.insert(copy.source.clone()) {
                self.violations
                    .push(format!("two copies of {}", copy.source));
            }
        }
        if self.tenants_made > 1 {
            self.violations.push("two tenants".to_owned());
        }
        if self.activations > 1 {
            self.violations.push("two activations".to_owned());
        }
    }
}
