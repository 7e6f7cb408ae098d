//! Effects: what a reconcile may do next, and what came of it.

use std::collections::BTreeMap;

use super::annotations::Suspension;
use super::claim::Holding;
use super::known::{Approval, CleanFinalSweep};
use crate::api::ConditionType;
use crate::bss::error::BssError;
use crate::bss::port::{
    AcquisitionId, Activation, Blocker, BusinessKey, ByItem, Capabilities, CheckTarget, CopyId,
    CopyItem, CopyListing, CopyRecord, Cursor, Customer, Found, IssuedEpoch, ItemOutcome,
    OpenOrder, OperationId, OperationState, Page, PageRequest, PriceListId, PricingOptions,
    PricingOutcome, PricingState, Purchase, RequestKey, Reseller, Revision, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};

/// what a reconcile may do next: one of these at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Look at the BSS. Needs no record.
    Read(Read),
    /// Change the record in the cluster.
    Claim(ClaimEdit),
    /// Ask the BSS for a fencing epoch; the attempt is on record.
    Acquire {
        /// The attempt.
        id: AcquisitionId,
        /// The holder that a person decided to take over from.
        take_over: Option<String>,
    },
    /// Calls of a sweep, all independent of each other. While they are under way, more may follow.
    Sweep(Vec<SweepCall>),
    /// Store pricing options where there are none, in batches: repeatable, needs no record.
    SetPricing(Vec<BTreeMap<SourceId, PricingOptions>>),
    /// Request the tenant; the intent is on record.
    CreateTenant(CreateTenant),
    /// Activate back ordering; the intent is on record. It cannot be undone.
    Activate(Activate),
}

/// A look at the BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// Its own name.
    Identity,
    /// What it can do and promises.
    Capabilities,
    /// The reseller.
    Reseller,
    /// The reseller's tenant.
    Tenant,
    /// A long-running operation.
    Operation(OperationId),
    /// Orders that are not final.
    OpenOrders(PageRequest),
    /// A cheap look while people have to act: whether this read answers anything else than before.
    Watch(CheapLook),
    /// What can be known before the tenant exists.
    Preflight(PreflightRequest),
}

/// What the look before the tenant exists needs next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PreflightRequest {
    /// A page of subscriptions and assets.
    Page(PageRequest),
    /// Checks against the price list of the tenant-to-be, in batches.
    Checks {
        /// The price list.
        price_list: PriceListId,
        /// Subscriptions and assets.
        batches: Vec<Vec<SourceId>>,
    },
}

/// The read of a cheap look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheapLook {
    /// The reseller.
    Reseller,
    /// The reseller's tenant.
    Tenant,
    /// One call of those that a sweep makes.
    Call(SweepCall),
}

/// One call of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SweepCall {
    /// A page of sources.
    Sources(CopyListing, PageRequest),
    /// A page of copies.
    Copies(CopyListing, PageRequest),
    /// The pricing options of these customers.
    Pricing(Vec<SourceId>),
    /// Pricing options to store where there are none: repeatable, needs no record.
    SetPricing(BTreeMap<SourceId, PricingOptions>),
    /// Every pre-check of these subscriptions and assets.
    Check(CheckTarget, Vec<SourceId>),
    /// The copies with these keys.
    Find(Vec<BusinessKey>),
    /// A batch of copies to make.
    Copy(CopyListing, Vec<CopyItem>),
}

impl SweepCall {
    /// Whether it changes the BSS.
    #[must_use]
    pub fn writes(&self) -> bool {
        match self {
            Self::Copy(..) | Self::SetPricing(_) => true,
            Self::Sources(..)
            | Self::Copies(..)
            | Self::Pricing(_)
            | Self::Check(..)
            | Self::Find(_) => false,
        }
    }

    /// What a failure of this call is a failure of.
    #[must_use]
    pub fn attempted(&self) -> Attempted {
        if self.writes() {
            Attempted::Write
        } else {
            Attempted::Read
        }
    }
}

impl Effect {
    /// Whether it changes the tenant or the reseller in the BSS.
    #[must_use]
    pub fn changes_the_bss(&self) -> bool {
        match self {
            Self::Sweep(calls) => calls.iter().any(SweepCall::writes),
            Self::SetPricing(_) | Self::CreateTenant(_) | Self::Activate(_) => true,
            Self::Read(_) | Self::Claim(_) | Self::Acquire { .. } => false,
        }
    }
}

/// A tenant creation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreateTenant {
    /// The business key.
    pub key: BusinessKey,
    /// The request key.
    pub request: RequestKey,
    /// The settings.
    pub settings: TenantSettings,
    /// The settings' digest, as it stands in the intent.
    pub digest: String,
}

/// An activation. Only the decision core makes one, and it asks for a clean final sweep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Activate {
    key: BusinessKey,
    request: RequestKey,
    tenant: TenantId,
    sweep: CleanFinalSweep,
}

impl Activate {
    pub(super) fn new(
        keys: &super::Keys,
        tenant: &TenantId,
        sweep: CleanFinalSweep,
        intended: &str,
    ) -> Self {
        Self {
            key: keys.activation(tenant),
            request: keys.activation_request(tenant, sweep.revision(), intended),
            tenant: tenant.clone(),
            sweep,
        }
    }

    /// The business key.
    #[must_use]
    pub fn key(&self) -> &BusinessKey {
        &self.key
    }

    /// The request key.
    #[must_use]
    pub fn request(&self) -> &RequestKey {
        &self.request
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The final sweep that it rests on.
    #[must_use]
    pub fn sweep(&self) -> &CleanFinalSweep {
        &self.sweep
    }
}

/// A change of the record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClaimEdit {
    /// Take the reseller: create the claim, or take it over from a holder that is gone.
    Take,
    /// An epoch is about to be asked for, by this attempt.
    BeginAcquire(AcquisitionId),
    /// No epoch was issued for this attempt: it was refused, or never sent.
    EndAcquire(AcquisitionId),
    /// This epoch was issued.
    RecordEpoch {
        /// The attempt that asked for it.
        acquisition: AcquisitionId,
        /// The epoch.
        epoch: u64,
        /// Whether the BSS had issued a higher one before than the record knew.
        went_back: WentBack,
        /// Whether work goes on under it, or rests.
        suspension: Suspension,
    },
    /// The record was found older than the BSS or this process knows it.
    WentBack,
    /// A person confirmed that the record may go on from where it is.
    Confirm,
    /// The BSS does not know the operation any more that it had begun for our request.
    ForgetOperation,
    /// Copies are about to be sent to a BSS that would make a second one.
    IntendCopies {
        /// The sources.
        sources: Vec<SourceId>,
    },
    /// Nothing of the copies on record can take effect any more.
    SettleCopies,
    /// A tenant is about to be requested.
    IntendTenant {
        /// Digest of its settings.
        digest: String,
    },
    /// The request started this operation.
    TenantStarted {
        /// The operation.
        operation: OperationId,
    },
    /// The request was refused or failed: nothing came of it.
    DropTenantIntent,
    /// The tenant is known.
    PinTenant {
        /// Which.
        tenant: TenantId,
        /// The currency of its price list, which must not change any more (I-17), where the BSS shows it.
        currency: Option<String>,
    },
    /// Activation is about to be requested.
    IntendActivation(CleanFinalSweep),
    /// The activation was refused: nothing came of it.
    DropActivationIntent,
    /// A person is about to be told that every gate is passed and the switch may be pressed.
    Tell {
        /// The digest of the inventory that the last sweep saw.
        digest: String,
        /// The digest of the pricing options that it saw, where the switch copies too.
        pricing: Option<String>,
    },
    /// A person confirmed pairs of source and copy.
    ConfirmCopies(BTreeMap<SourceId, CopyId>),
    /// A person confirmed that pricing options are set which the BSS does not show.
    ConfirmPricing(String),
    /// What a person was told stands no longer.
    Withdraw,
    /// A milestone was reached.
    Milestone {
        /// Which.
        milestone: ConditionType,
        /// How many items it covered.
        items: i64,
    },
    /// Back ordering is on.
    Activated {
        /// The approval under which it was switched on; none if it was found on.
        approval: Option<Approval>,
    },
}

/// Whether the cluster's record was found older than the BSS knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WentBack {
    /// It was.
    Yes,
    /// It was not.
    #[default]
    No,
}

/// A page that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Listed {
    /// Of customers.
    Customers(Page<Customer>),
    /// Of subscriptions and assets.
    Purchases(Page<Purchase>),
    /// Of copies.
    Copies(CopyListing, Page<CopyRecord>),
}

impl Listed {
    /// The revision that it shows.
    pub(super) fn revision(&self) -> Option<Revision> {
        match self {
            Self::Customers(page) => page.revision,
            Self::Purchases(page) => page.revision,
            Self::Copies(_, page) => page.revision,
        }
    }

    /// The same page without its revision.
    pub(super) fn without_revision(self) -> Self {
        fn bare<T>(page: Page<T>) -> Page<T> {
            let revision = None;
            Page { revision, ..page }
        }
        match self {
            Self::Customers(page) => Self::Customers(bare(page)),
            Self::Purchases(page) => Self::Purchases(bare(page)),
            Self::Copies(listing, page) => Self::Copies(listing, bare(page)),
        }
    }
}

/// What came of an effect: one outcome a call. What was answered is known although another call of
/// the same effect failed, so that only what failed is asked again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The BSS's own name.
    Identity(Option<String>),
    /// What it can do and promises.
    Capabilities(Capabilities),
    /// The reseller.
    Reseller(Reseller),
    /// The reseller's tenant.
    Tenant(Option<Tenant>),
    /// A long-running operation.
    Operation(OperationState),
    /// A page of open orders.
    OpenOrders(Page<OpenOrder>),
    /// A page of a sweep.
    Page {
        /// Where it begins; none for the first one.
        from: Option<Cursor>,
        /// The page.
        page: Listed,
    },
    /// One batch of pricing states.
    Priced(Answered<PricingState>),
    /// One batch of checks.
    Checked(Answered<Vec<Blocker>>),
    /// One batch of copies by key.
    Found {
        /// The keys that were asked for.
        asked: Vec<BusinessKey>,
        /// What was found.
        found: BTreeMap<BusinessKey, Found>,
    },
    /// A page of subscriptions and assets, before the tenant exists.
    PreflightPage(Page<Purchase>),
    /// One batch of checks against the price list of the tenant-to-be.
    PreflightChecks(Answered<Vec<Blocker>>),
    /// One batch of copies.
    Copied(ByItem<ItemOutcome>),
    /// The outcome of one batch of copies is unknown.
    CopyOutcomeUnknown {
        /// Its items.
        sources: Vec<SourceId>,
        /// How.
        error: BssError,
    },
    /// One batch of pricing options.
    PricingSet(ByItem<PricingOutcome>),
    /// The claim, as it stands now.
    Claim(Holding),
    /// An epoch.
    Acquired(IssuedEpoch),
    /// The tenant was requested.
    TenantRequested(TenantCreation),
    /// Activation was requested.
    Activation(Activation),
    /// A cheap look, as a hash of what it answered.
    Watched(u64),
    /// The effect failed.
    Failed {
        /// What was tried.
        attempted: Attempted,
        /// How it failed.
        error: BssError,
    },
}

impl Outcome {
    /// Whether it is a failure.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::CopyOutcomeUnknown { .. })
    }

    /// Whether waits that were asked for are over. A record in the cluster says nothing about the BSS,
    /// and the look ahead has waits of its own: those of the work stand.
    pub(super) fn ends_waits(&self) -> bool {
        !self.failed()
            && !matches!(
                self,
                Self::Claim(_)
                    | Self::PreflightPage(_)
                    | Self::PreflightChecks(_)
                    | Self::Watched(_)
            )
    }

    /// Whether something is in the BSS now that was not there before. What is unchanged, or follows
    /// its source, may come back with every round.
    pub(super) fn changed_something(&self) -> bool {
        match self {
            Self::TenantRequested(_) | Self::Activation(_) => true,
            Self::Copied(items) => items.values().any(|how| *how == ItemOutcome::Created),
            Self::PricingSet(customers) => customers
                .values()
                .any(|how| *how == PricingOutcome::Written),
            Self::Identity(_)
            | Self::Capabilities(_)
            | Self::Reseller(_)
            | Self::Tenant(_)
            | Self::Operation(_)
            | Self::OpenOrders(_)
            | Self::Page { .. }
            | Self::Priced(_)
            | Self::Checked(_)
            | Self::Found { .. }
            | Self::PreflightPage(_)
            | Self::PreflightChecks(_)
            | Self::Watched(_)
            | Self::CopyOutcomeUnknown { .. }
            | Self::Claim(_)
            | Self::Acquired(_)
            | Self::Failed { .. } => false,
        }
    }
}

/// What a call answered about the items that it was asked for. An item that the reply leaves out is
/// something else than one whose call failed: the one is looked at anew, the other asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answered<T> {
    /// The items that were asked for.
    pub asked: Vec<SourceId>,
    /// The answers, by item.
    pub answers: ByItem<T>,
}

/// Which kind of effect failed: what a failure means depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempted {
    /// A look at the reseller.
    Reseller,
    /// Any other look.
    Read,
    /// A cheap look while people have to act.
    Watch,
    /// A look at what can be known before the tenant exists.
    Preflight,
    /// Acquiring an epoch.
    Acquire,
    /// Repeatable work: nothing was done, or it is looked up.
    Write,
    /// The tenant's creation.
    CreateTenant,
    /// The activation.
    Activate,
}
