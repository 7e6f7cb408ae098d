//! A reseller, its epochs, its tenant, and the switch to back ordering.

#![expect(
    missing_docs,
    reason = "most fields and variants say by their name what they are"
)]

use super::ids::{
    AccountId, AcquisitionId, BusinessKey, Epoch, OperationId, PriceListId, Revision, TenantId,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResellerKind {
    Basic,
    /// A reseller on a plan between Basic and tenant reseller.
    Standard,
    Tenant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackOrdering {
    Off,
    On,
    /// The BSS cannot tell at the moment.
    Unknown,
}

/// A reseller account in the distributor BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reseller {
    /// The canonical id, however the id was written that was asked for.
    pub account: AccountId,
    pub name: String,
    pub kind: ResellerKind,
    pub ordering_enabled: bool,
    /// The currency that the reseller is billed in, ISO 4217.
    pub currency: String,
    /// The tenant that the account is linked to.
    pub tenant: Option<TenantId>,
    pub back_ordering: BackOrdering,
}

/// A request for an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acquisition<'a> {
    /// This attempt. The BSS keeps it with the epoch that it issues.
    pub id: &'a AcquisitionId,
    /// The operator's installation that asks, with the namespace that it works for.
    pub holder: &'a str,
    /// The holder that a person decided to take over from.
    pub take_over: Option<&'a str>,
}

/// An epoch as issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuedEpoch {
    pub epoch: Epoch,
    /// The highest epoch before it; 0 if there was none.
    pub previous: Epoch,
    /// The epochs that were issued before it, with the attempts that asked for them: the latest first,
    /// the last 16 at most. Empty where the BSS remembers no attempts.
    pub earlier: Vec<EarlierEpoch>,
}

/// An epoch that was issued before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EarlierEpoch {
    pub epoch: Epoch,
    /// The attempt that asked for it, if it had a name.
    pub acquisition: Option<AcquisitionId>,
}

/// The reseller and epoch that every write carries.
#[derive(Clone, Copy, Debug)]
pub struct Fence<'a> {
    pub reseller: &'a AccountId,
    /// The epoch under which the operator works on the reseller; none where the BSS issues none.
    pub epoch: Option<Epoch>,
}

/// How the accounts of a tenant are invoiced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invoicing {
    /// One invoice for all accounts.
    Combined,
    /// One invoice for each account.
    Separate,
}

impl Invoicing {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Combined => "Combined",
            Self::Separate => "Separate",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantSettings {
    pub price_list: PriceListId,
    pub edition: String,
    /// A BCP 47 tag.
    pub language: String,
    /// An IANA name.
    pub time_zone: String,
    /// In the notation of the BSS.
    pub date_format: String,
    pub invoicing: Invoicing,
}

/// The settings of a tenant as its BSS shows them; none of what it does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeenSettings {
    pub price_list: Option<PriceListId>,
    pub edition: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub date_format: Option<String>,
    pub invoicing: Option<Invoicing>,
}

impl From<TenantSettings> for SeenSettings {
    fn from(settings: TenantSettings) -> Self {
        Self {
            price_list: Some(settings.price_list),
            edition: Some(settings.edition),
            language: Some(settings.language),
            time_zone: Some(settings.time_zone),
            date_format: Some(settings.date_format),
            invoicing: Some(settings.invoicing),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantStatus {
    /// The creation waits in a queue, or is under way.
    InProgress,
    Active,
    Suspended,
    MarkedAsDeleted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub id: TenantId,
    /// Where people reach the tenant.
    pub url: Option<String>,
    /// The settings that the tenant has now.
    pub settings: SeenSettings,
    /// The currency of its price list, ISO 4217; none where the BSS does not show it.
    pub currency: Option<String>,
    /// The key that the tenant was created under.
    pub business_key: Option<BusinessKey>,
    pub status: TenantStatus,
}

/// How the creation of a tenant began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantCreation {
    /// The creation is under way.
    Started(OperationId),
    /// The tenant exists: it was created now, or before under the same key.
    Done(Box<Tenant>),
}

/// The state of an operation that runs on in the BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    Running,
    Succeeded,
    /// The BSS has given up.
    Failed {
        detail: String,
    },
    /// The BSS does not know the operation, or does not know it any more.
    Gone,
}

/// What is activated, as the operator saw it last.
#[derive(Clone, Copy, Debug)]
pub struct ActivationTarget<'a> {
    pub tenant: &'a TenantId,
    /// The inventory revision of the final sweep, where the BSS compares it.
    pub expected: Option<Revision>,
}

/// How an activation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// This call switched back ordering on.
    Activated,
    AlreadyActive,
}
