//! The port over a shared world: what an operator that runs in tasks calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BusinessKey, ByItem,
    Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Fence, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};

use super::world::World;

/// A world that several can reach.
#[derive(Clone)]
pub struct SharedWorld(Arc<Mutex<World>>);

impl SharedWorld {
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// The world itself. No holder of the guard waits for anything else.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bss for SharedWorld {
    async fn get_identity(&self) -> BssResult<Option<String>> {
        self.lock().identity()
    }

    async fn get_capabilities(&self) -> BssResult<Capabilities> {
        self.lock().capabilities()
    }

    async fn get_reseller(&self, account: &AccountId) -> BssResult<Reseller> {
        self.lock().reseller(account)
    }

    async fn acquire_epoch(
        &self,
        account: &AccountId,
        asked: Acquisition<'_>,
    ) -> BssResult<IssuedEpoch> {
        self.lock().acquire(account, asked)
    }

    async fn get_tenant(&self, account: &AccountId) -> BssResult<Option<Tenant>> {
        self.lock().tenant(account)
    }

    async fn create_tenant(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        let mut world = self.lock();
        world.create_tenant(fence.reseller, fence.epoch, request, key, settings)
    }

    async fn get_operation(&self, id: &OperationId) -> BssResult<OperationState> {
        self.lock().operation(id)
    }

    async fn list_customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Customer>> {
        self.lock().customers(account, page)
    }

    async fn list_subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Purchase>> {
        self.lock().subscriptions(account, page)
    }

    async fn list_open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<OpenOrder>> {
        self.lock().open_orders(account, page)
    }

    async fn list_copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> BssResult<Page<CopyRecord>> {
        self.lock().copies(tenant, listing, page)
    }

    async fn find_copies(
        &self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> BssResult<BTreeMap<BusinessKey, Found>> {
        self.lock().find(tenant, keys)
    }

    async fn copy_customers(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        self.lock().copy_customers(fence.epoch, tenant, items)
    }

    async fn get_pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> BssResult<ByItem<PricingState>> {
        self.lock().pricing(tenant, customers)
    }

    async fn set_pricing(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> BssResult<ByItem<PricingOutcome>> {
        self.lock().set_pricing(fence.epoch, tenant, options)
    }

    async fn check_purchases(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> BssResult<ByItem<Vec<Blocker>>> {
        self.lock().check(account, target, items)
    }

    async fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        self.lock().copy_subscriptions(fence.epoch, tenant, items)
    }

    async fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> BssResult<Activation> {
        let mut world = self.lock();
        world.activate_back_ordering(fence.reseller, fence.epoch, request, key, target)
    }
}
