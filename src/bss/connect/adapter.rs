//! The adapters that there are, as one BSS: what is asked of it is handed on to the adapter that the
//! connection names. Another adapter is another variant here and in [`AdapterSettings`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::settings::AdapterSettings;
use crate::bss::error::BssError;
use crate::bss::interworks::{InterworksBss, Kept};
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BssResult, BusinessKey,
    ByItem, Capabilities, CheckTarget, CopyId, CopyItem, CopyListing, CopyRecord, Customer, Fence,
    Found, IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};
use crate::bss::reference::ReferenceBss;
use crate::bss::transport::Settings;

/// One access to a BSS: which adapter it is for, how it is reached, and what it calls through.
pub(super) struct Side<'a> {
    pub(super) adapter: AdapterSettings,
    pub(super) transport: Settings,
    pub(super) access: &'a Access,
    /// What adapters of the same connections share.
    pub(super) kept: Arc<Kept>,
}

/// The adapter that a connection names.
#[derive(Debug)]
pub enum Adapter {
    /// A BSS, or a service in front of it, that speaks the project's own contract.
    Reference(Box<ReferenceBss>),
    /// interworks.cloud by its public REST API.
    Interworks(Box<InterworksBss>),
}

impl Adapter {
    /// Makes the adapter. Nothing is sent.
    pub(super) fn of(distributor: Side<'_>) -> Result<Self, BssError> {
        let Side {
            adapter,
            transport,
            access,
            kept,
        } = distributor;
        match adapter {
            AdapterSettings::Reference => ReferenceBss::new(transport, access.clone())
                .map(|bss| Self::Reference(Box::new(bss))),
            AdapterSettings::Interworks(options) => {
                InterworksBss::new(*options, transport, access.clone(), kept)
                    .map(|bss| Self::Interworks(Box::new(bss)))
            }
        }
    }

    /// The same, with the access of a tenant that has one of its own. Both sides of a BSS are reached by
    /// one kind of adapter.
    pub(super) fn with_tenant(self, tenant: Side<'_>) -> Result<Self, BssError> {
        let Side {
            adapter,
            transport,
            access,
            kept: _,
        } = tenant;
        match (self, adapter) {
            (Self::Reference(bss), AdapterSettings::Reference) => bss
                .with_tenant_through(transport, access.clone())
                .map(|bss| Self::Reference(Box::new(bss))),
            (Self::Interworks(bss), AdapterSettings::Interworks(options)) => bss
                .with_tenant(*options, transport, access.clone())
                .map(|bss| Self::Interworks(Box::new(bss))),
            (Self::Reference(_), adapter @ AdapterSettings::Interworks(_))
            | (Self::Interworks(_), adapter @ AdapterSettings::Reference) => {
                Err(BssError::Refused {
                    detail: format!(
                        "its adapter is {}, that of the distributor's connection is another one",
                        adapter.name()
                    ),
                })
            }
        }
    }

    /// The limiter of the calls to the distributor.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        match self {
            Self::Reference(bss) => bss.limiter(),
            Self::Interworks(bss) => bss.limiter(),
        }
    }
}

/// Hands the verbs of the port on to the adapter.
macro_rules! hand_on {
    ($($verb:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        async fn $verb(&self, $($argument: $kind),*) -> BssResult<$answer> {
            match self {
                Self::Reference(bss) => bss.$verb($($argument),*).await,
                Self::Interworks(bss) => bss.$verb($($argument),*).await,
            }
        }
    )*};
}

#[rustfmt::skip]
impl Bss for Adapter {
    fn confirm_copies(&self, confirmed: &BTreeMap<SourceId, CopyId>) {
        match self {
            Self::Reference(bss) => bss.confirm_copies(confirmed),
            Self::Interworks(bss) => bss.confirm_copies(confirmed),
        }
    }

    hand_on! {
        get_identity() -> Option<String>;
        get_capabilities() -> Capabilities;
        get_reseller(account: &AccountId) -> Reseller;
        acquire_epoch(account: &AccountId, acquisition: Acquisition<'_>) -> IssuedEpoch;
        get_tenant(account: &AccountId) -> Option<Tenant>;
        create_tenant(
            fence: Fence<'_>, request: &RequestKey, key: &BusinessKey, settings: &TenantSettings
        ) -> TenantCreation;
        get_operation(id: &OperationId) -> OperationState;
        list_customers(account: &AccountId, page: &PageRequest) -> Page<Customer>;
        list_subscriptions(account: &AccountId, page: &PageRequest) -> Page<Purchase>;
        list_open_orders(account: &AccountId, page: &PageRequest) -> Page<OpenOrder>;
        list_copies(tenant: &TenantId, listing: CopyListing, page: &PageRequest) -> Page<CopyRecord>;
        find_copies(tenant: &TenantId, keys: &[BusinessKey]) -> BTreeMap<BusinessKey, Found>;
        copy_customers(
            fence: Fence<'_>, tenant: &TenantId, items: &[CopyItem]
        ) -> ByItem<ItemOutcome>;
        get_pricing(tenant: &TenantId, customers: &[SourceId]) -> ByItem<PricingState>;
        set_pricing(
            fence: Fence<'_>, tenant: &TenantId, options: &BTreeMap<SourceId, PricingOptions>
        ) -> ByItem<PricingOutcome>;
        check_purchases(
            account: &AccountId, target: &CheckTarget, items: &[SourceId]
        ) -> ByItem<Vec<Blocker>>;
        copy_subscriptions(
            fence: Fence<'_>, tenant: &TenantId, items: &[CopyItem]
        ) -> ByItem<ItemOutcome>;
        activate_back_ordering(
            fence: Fence<'_>, request: &RequestKey, key: &BusinessKey, target: ActivationTarget<'_>
        ) -> Activation;
    }
}
