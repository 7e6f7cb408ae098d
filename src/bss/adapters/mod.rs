//! The adapters that there are: a folder for each, and what is made of the one that a connection names. All
//! that a new adapter needs in `src/bss` besides its folder is in this file. It sees custom resources, to make
//! an adapter's settings of its block; the folders do not, nor one another, a cluster or an upgrade.

pub mod interworks;
pub mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use self::interworks::{
    Bundles, Calibration, InterworksBss, Options, Paging, Reading, Role, Switch, TenantDeclaration,
    Words,
};
use self::reference::ReferenceBss;
use crate::api::{
    BssConnectionSpec, InterworksAdapter, InterworksBundles, InterworksPaging, InterworksSwitch,
    InterworksWords,
};
use crate::bss::error::BssError;
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BssResult, BusinessKey,
    ByItem, Capabilities, CheckTarget, CopyId, CopyItem, CopyListing, CopyRecord, Customer, Fence,
    Found, IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, PurchaseState, RequestKey, Reseller,
    SourceId, Tenant, TenantCreation, TenantId, TenantSettings,
};
use crate::bss::transport::Settings;

/// What adapters of the same connections share. One adapter alone keeps something so far.
pub(super) use self::interworks::Kept;

/// The adapter that a connection names, with what only concerns this one.
#[derive(Clone, Debug)]
pub enum AdapterSettings {
    /// The project's own contract.
    Reference,
    /// The REST API of interworks.cloud.
    Interworks(Box<Options>),
}

impl AdapterSettings {
    /// The name of the adapter: that of its member in a connection.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Interworks(_) => "interworks",
        }
    }
}

/// What the adapter of a connection needs; none unless the spec names exactly one adapter that is known
/// here, whole.
#[must_use]
pub fn settings(spec: &BssConnectionSpec) -> Option<AdapterSettings> {
    match (&spec.reference, &spec.interworks) {
        (Some(_), None) => Some(AdapterSettings::Reference),
        (None, Some(adapter)) => {
            let record = seconds(spec.limits.request_timeout_seconds);
            interworks(adapter, record)
                .map(|options| AdapterSettings::Interworks(Box::new(options)))
        }
        (Some(_), Some(_)) | (None, None) => None,
    }
}

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

fn interworks(adapter: &InterworksAdapter, record_timeout: Duration) -> Option<Options> {
    let role = match (&adapter.calibration, &adapter.tenant) {
        (Some(calibration), None) => Role::Distributor(Calibration {
            basic: calibration.basic_account_id.as_str().into(),
            tenant: calibration.tenant_account_id.as_str().into(),
        }),
        (None, Some(tenant)) => Role::Tenant(TenantDeclaration {
            id: tenant.id.as_str().into(),
            reseller: tenant.reseller_account_id.as_str().into(),
            url: tenant.url.clone(),
        }),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let reading = adapter.reading.clone().unwrap_or_default();
    Some(Options {
        api_version: adapter.api_version.clone(),
        role,
        words: words(adapter.words.as_ref(), &adapter.final_order_statuses),
        reading: Reading {
            page_size: u16::try_from(reading.page_size).unwrap_or(1).max(1),
            list_timeout: seconds(reading.list_timeout_seconds),
            record_timeout,
            max_scanned: u32::try_from(reading.max_scanned).unwrap_or(1).max(1),
            paging: match reading.paging {
                None | Some(InterworksPaging::Pages) => Paging::Pages,
                Some(InterworksPaging::Whole) => Paging::Whole,
            },
        },
        switch: match adapter.switch {
            None | Some(InterworksSwitch::WithTransfer) => Switch::WithTransfer,
            Some(InterworksSwitch::Separate) => Switch::Separate,
        },
        bundles: match adapter.bundles {
            None | Some(InterworksBundles::Read) => Bundles::Read,
            Some(InterworksBundles::None) => Bundles::None,
        },
        price_list_field: adapter.price_list_field.clone(),
    })
}

fn words(words: Option<&InterworksWords>, final_orders: &[String]) -> Words {
    let Some(words) = words else {
        return Words {
            final_orders: final_orders.to_vec(),
            ..Words::default()
        };
    };
    let states = [
        (&words.active, PurchaseState::Active),
        (&words.suspended, PurchaseState::Suspended),
        (&words.ended, PurchaseState::Cancelled),
        (&words.trial, PurchaseState::Trial),
        (&words.future_dated, PurchaseState::FutureDated),
    ];
    let states = states
        .into_iter()
        .flat_map(|(words, state)| words.iter().map(move |word| (word.clone(), state.clone())));
    Words {
        states: states.collect(),
        synced: words.synced.clone(),
        not_synced: words.not_synced.clone(),
        final_orders: final_orders.to_vec(),
    }
}

fn seconds(number: i32) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(1).max(1))
}
