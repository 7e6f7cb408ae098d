//! The BSS port: all that the operator knows of a BSS, as one trait and plain values. It may touch
//! nothing but the error classes and the names of operations beside it. It must not know a wire format, a network or a cluster:
//! an adapter translates, and `docs/reference-contract.yaml` says what each operation must do.

mod capabilities;
mod copy;
mod ids;
mod listing;
mod pricing;
mod reseller;

use std::collections::BTreeMap;
use std::future::Future;

pub use capabilities::{
    Capabilities, Cursors, DetailCalls, Keys, Mode, Promises, Strength, TenantAccess, Unseen,
    WriteOperation,
};
pub use copy::{About, Blocker, BlockerReason, CheckTarget, CopyItem, ItemOutcome};
pub use ids::{
    AccountId, AcquisitionId, BusinessKey, CopyId, Cursor, Digest, Epoch, OperationId, PriceListId,
    RequestKey, Revision, SourceId, TenantId,
};
pub use listing::{
    CopyListing, CopyRecord, CopyState, Customer, Found, Freshness, ItemKind, Link, Mark,
    OpenOrder, Page, PageRequest, Purchase, PurchaseState, Sync,
};
pub use pricing::{BillingDay, PricingOptions, PricingOutcome, PricingState};
pub use reseller::{
    Acquisition, Activation, ActivationTarget, BackOrdering, EarlierEpoch, Fence, Invoicing,
    IssuedEpoch, OperationState, Reseller, ResellerKind, SeenSettings, Tenant, TenantCreation,
    TenantSettings, TenantStatus,
};

pub use super::operation::Operation;

use super::error::BssError;

/// Results of a batch, by source id. Every item that was asked for is in it, where the operation does
/// not say otherwise.
pub type ByItem<T> = BTreeMap<SourceId, T>;

/// What every call answers.
pub type BssResult<T> = Result<T, BssError>;

/// A BSS, both sides of it.
pub trait Bss: Send + std::marker::Sync {
    /// The BSS's own lasting name, if it has one.
    fn get_identity(&self) -> impl Future<Output = BssResult<Option<String>>> + Send;

    /// What it can do and promises.
    fn get_capabilities(&self) -> impl Future<Output = BssResult<Capabilities>> + Send;

    /// A reseller account.
    fn get_reseller(&self, account: &AccountId)
    -> impl Future<Output = BssResult<Reseller>> + Send;

    /// A new fencing epoch for the reseller.
    fn acquire_epoch(
        &self,
        account: &AccountId,
        acquisition: Acquisition<'_>,
    ) -> impl Future<Output = BssResult<IssuedEpoch>> + Send;

    /// The reseller's tenant, if it has one.
    fn get_tenant(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = BssResult<Option<Tenant>>> + Send;

    /// Requests a tenant.
    fn create_tenant(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> impl Future<Output = BssResult<TenantCreation>> + Send;

    /// The state of a long-running operation.
    fn get_operation(
        &self,
        id: &OperationId,
    ) -> impl Future<Output = BssResult<OperationState>> + Send;

    /// A page of the reseller's customers.
    fn list_customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<Customer>>> + Send;

    /// A page of the reseller's subscriptions and assets.
    fn list_subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<Purchase>>> + Send;

    /// A page of the reseller's orders that are not final.
    fn list_open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<OpenOrder>>> + Send;

    /// A page of copies, ordered by source id.
    fn list_copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> impl Future<Output = BssResult<Page<CopyRecord>>> + Send;

    /// Hands over the pairs of source and copy that a person confirmed; those before are forgotten. An adapter
    /// that has to find out itself which record is the copy of which goes by them where it is not certain.
    /// Where the BSS keeps its links there is nothing to do.
    fn confirm_copies(&self, _confirmed: &BTreeMap<SourceId, CopyId>) {}

    /// Copies by business key.
    fn find_copies(
        &self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> impl Future<Output = BssResult<BTreeMap<BusinessKey, Found>>> + Send;

    /// Copies customers with their contacts and marks them.
    fn copy_customers(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> impl Future<Output = BssResult<ByItem<ItemOutcome>>> + Send;

    /// The pricing options of customers, by customer.
    fn get_pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> impl Future<Output = BssResult<ByItem<PricingState>>> + Send;

    /// Stores pricing options where there are none.
    fn set_pricing(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> impl Future<Output = BssResult<ByItem<PricingOutcome>>> + Send;

    /// Why items could not be copied; an empty list is *could be*. An item that the BSS does not know
    /// (any more) as one of this reseller's customers is left out.
    fn check_purchases(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> impl Future<Output = BssResult<ByItem<Vec<Blocker>>>> + Send;

    /// Copies subscriptions and assets.
    fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> impl Future<Output = BssResult<ByItem<ItemOutcome>>> + Send;

    /// Activates back ordering. It cannot be undone.
    fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> impl Future<Output = BssResult<Activation>> + Send;
}
