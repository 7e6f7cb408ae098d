//! The port over the vendor's API.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::options::Options;
use crate::bss::error::BssError;
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BssResult, BusinessKey,
    ByItem, Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Fence, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, Operation, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};
use crate::bss::transport::{ReadOnly, Settings};

/// interworks.cloud.
#[derive(Debug)]
pub struct InterworksBss {
    options: Options,
    distributor: ReadOnly,
    tenant: Option<(Options, ReadOnly)>,
}

impl InterworksBss {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the connection may not be used.
    pub fn new(options: Options, settings: Settings, access: Access) -> Result<Self, BssError> {
        Ok(Self {
            options,
            distributor: ReadOnly::new(settings, access)?,
            tenant: None,
        })
    }

    /// The same, with the access to the tenant.
    ///
    /// # Errors
    ///
    /// As for [`InterworksBss::new`].
    pub fn with_tenant(
        self,
        options: Options,
        settings: Settings,
        access: Access,
    ) -> Result<Self, BssError> {
        let tenant = ReadOnly::new(settings, access)?;
        Ok(Self {
            tenant: Some((options, tenant)),
            ..self
        })
    }

    /// The limiter of the calls to the distributor.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        self.distributor.limiter()
    }
}

macro_rules! not_yet {
    ($($verb:ident($($argument:ident: $kind:ty),*) -> $answer:ty, $operation:ident;)*) => {$(
        async fn $verb(&self, $($argument: $kind),*) -> BssResult<$answer> {
            $(let _ = $argument;)*
            Err(BssError::Unsupported { operation: Operation::$operation })
        }
    )*};
}

#[rustfmt::skip]
impl Bss for InterworksBss {
    not_yet! {
        get_identity() -> Option<String>, GetIdentity;
        get_capabilities() -> Capabilities, GetCapabilities;
        get_reseller(account: &AccountId) -> Reseller, GetReseller;
        acquire_epoch(account: &AccountId, acquisition: Acquisition<'_>) -> IssuedEpoch, AcquireEpoch;
        get_tenant(account: &AccountId) -> Option<Tenant>, GetTenant;
        create_tenant(fence: Fence<'_>, request: &RequestKey, key: &BusinessKey, settings: &TenantSettings) -> TenantCreation, CreateTenant;
        get_operation(id: &OperationId) -> OperationState, GetOperation;
        list_customers(account: &AccountId, page: &PageRequest) -> Page<Customer>, ListCustomers;
        list_subscriptions(account: &AccountId, page: &PageRequest) -> Page<Purchase>, ListSubscriptions;
        list_open_orders(account: &AccountId, page: &PageRequest) -> Page<OpenOrder>, ListOpenOrders;
        list_copies(tenant: &TenantId, listing: CopyListing, page: &PageRequest) -> Page<CopyRecord>, ListCopies;
        find_copies(tenant: &TenantId, keys: &[BusinessKey]) -> BTreeMap<BusinessKey, Found>, FindCopies;
        copy_customers(fence: Fence<'_>, tenant: &TenantId, items: &[CopyItem]) -> ByItem<ItemOutcome>, CopyCustomers;
        get_pricing(tenant: &TenantId, customers: &[SourceId]) -> ByItem<PricingState>, GetPricing;
        set_pricing(fence: Fence<'_>, tenant: &TenantId, options: &BTreeMap<SourceId, PricingOptions>) -> ByItem<PricingOutcome>, SetPricing;
        check_purchases(account: &AccountId, target: &CheckTarget, items: &[SourceId]) -> ByItem<Vec<Blocker>>, CheckPurchases;
        copy_subscriptions(fence: Fence<'_>, tenant: &TenantId, items: &[CopyItem]) -> ByItem<ItemOutcome>, CopySubscriptions;
        activate_back_ordering(fence: Fence<'_>, request: &RequestKey, key: &BusinessKey, target: ActivationTarget<'_>) -> Activation, ActivateBackOrdering;
    }
}
