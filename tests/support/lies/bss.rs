//! The BSS port of a process that is lied to.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::connect::{ConnectionSettings, Connector};
use tenant_reseller_operator::bss::limits::Seat;
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BusinessKey, ByItem,
    Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Fence, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};

use super::Liar;

/// Makes adapters that lie.
pub struct LyingConnector<K>(pub K, pub Liar);

impl<K: Connector<Bss: Sync>> Connector for LyingConnector<K> {
    type Bss = LyingBss<K::Bss>;

    fn connect(
        &self,
        distributor: ConnectionSettings,
        tenant: Option<ConnectionSettings>,
    ) -> BssResult<Arc<Self::Bss>> {
        let honest = self.0.connect(distributor, tenant)?;
        let liar = self.1.clone();
        Ok(Arc::new(LyingBss { honest, liar }))
    }

    fn must_tell_its_identity(&self, bss: &Arc<Self::Bss>) -> bool {
        self.0.must_tell_its_identity(&bss.honest)
    }

    fn seats(&self, bss: &Arc<Self::Bss>) -> Vec<Seat> {
        self.0.seats(&bss.honest)
    }
}

/// The BSS, with a liar before it.
pub struct LyingBss<B> {
    honest: Arc<B>,
    liar: Liar,
}

impl<B> LyingBss<B> {
    fn fence<'a>(&self, fence: Fence<'a>) -> Fence<'a> {
        Fence {
            epoch: self.liar.epoch(fence.epoch),
            ..fence
        }
    }
}

fn sources(items: &[CopyItem]) -> Vec<SourceId> {
    items.iter().map(|item| item.source.clone()).collect()
}

impl<B: Bss> Bss for LyingBss<B> {
    async fn get_identity(&self) -> BssResult<Option<String>> {
        self.honest.get_identity().await
    }

    async fn get_capabilities(&self) -> BssResult<Capabilities> {
        let can = self.honest.get_capabilities().await?;
        Ok(self.liar.capabilities(can))
    }

    async fn get_reseller(&self, account: &AccountId) -> BssResult<Reseller> {
        let reseller = self.honest.get_reseller(account).await?;
        Ok(self.liar.reseller(reseller))
    }

    async fn acquire_epoch(
        &self,
        account: &AccountId,
        asked: Acquisition<'_>,
    ) -> BssResult<IssuedEpoch> {
        let issued = self.honest.acquire_epoch(account, asked).await?;
        Ok(self.liar.issued(issued, asked.id))
    }

    async fn get_tenant(&self, account: &AccountId) -> BssResult<Option<Tenant>> {
        let tenant = self.honest.get_tenant(account).await?;
        Ok(self.liar.tenant(tenant))
    }

    async fn create_tenant(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        let fence = self.fence(fence);
        let creation = self.honest.create_tenant(fence, request, key, settings);
        self.liar.created(creation.await)
    }

    async fn get_operation(&self, id: &OperationId) -> BssResult<OperationState> {
        self.honest.get_operation(id).await
    }

    async fn list_customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Customer>> {
        let customers = self.honest.list_customers(account, page).await?;
        Ok(self.liar.customers(account, customers))
    }

    async fn list_subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Purchase>> {
        let purchases = self.honest.list_subscriptions(account, page).await?;
        Ok(self.liar.subscriptions((account, page), purchases))
    }

    async fn list_open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<OpenOrder>> {
        let orders = self.honest.list_open_orders(account, page).await?;
        Ok(self.liar.open_orders(orders))
    }

    async fn list_copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> BssResult<Page<CopyRecord>> {
        let tenant = self.liar.meant(tenant);
        let copies = self.honest.list_copies(&tenant, listing, page).await?;
        Ok(self.liar.copies(listing, copies))
    }

    async fn find_copies(
        &self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> BssResult<BTreeMap<BusinessKey, Found>> {
        let tenant = self.liar.meant(tenant);
        let found = self.honest.find_copies(&tenant, keys).await?;
        Ok(self.liar.found(found))
    }

    async fn copy_customers(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        let sources = sources(items);
        if let Some(made_up) = self.liar.holds_back(&sources) {
            return Ok(made_up);
        }
        let (fence, tenant) = (self.fence(fence), self.liar.meant(tenant));
        let copied = self.honest.copy_customers(fence, &tenant, items).await;
        self.liar.copied(&sources, copied)
    }

    async fn get_pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> BssResult<ByItem<PricingState>> {
        let tenant = self.liar.meant(tenant);
        let states = self.honest.get_pricing(&tenant, customers).await?;
        Ok(self.liar.pricing(states))
    }

    async fn set_pricing(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> BssResult<ByItem<PricingOutcome>> {
        let (fence, tenant) = (self.fence(fence), self.liar.meant(tenant));
        self.honest.set_pricing(fence, &tenant, options).await
    }

    async fn check_purchases(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> BssResult<ByItem<Vec<Blocker>>> {
        let target = match target {
            CheckTarget::Tenant(tenant) => CheckTarget::Tenant(self.liar.meant(tenant)),
            CheckTarget::PriceList(_) => target.clone(),
        };
        let blockers = self.honest.check_purchases(account, &target, items).await?;
        Ok(self.liar.checked(blockers))
    }

    async fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        let sources = sources(items);
        if let Some(made_up) = self.liar.holds_lost(&sources) {
            return Ok(made_up);
        }
        let (fence, tenant) = (self.fence(fence), self.liar.meant(tenant));
        let copied = self.honest.copy_subscriptions(fence, &tenant, items).await;
        self.liar.copied(&sources, copied)
    }

    async fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> BssResult<Activation> {
        let (fence, tenant) = (self.fence(fence), self.liar.meant(target.tenant));
        let target = ActivationTarget {
            tenant: &tenant,
            expected: self.liar.expected(target.expected),
        };
        let switched = self
            .honest
            .activate_back_ordering(fence, request, key, target);
        self.liar.switched(switched.await)
    }
}
