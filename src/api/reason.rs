//! The reasons: one vocabulary for conditions, events and metrics.

/// Why an upgrade is as it is. On the wire a plain string, so that an object written by another
/// version stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Work goes on.
    Progressing,
    /// A call failed in a way that passes; the operator tries again.
    ProgressingWithRetry,
    /// The BSS asked to slow down.
    Throttled,
    /// The BSS cannot be reached or says that it is not available.
    BssUnavailable,
    /// A connection or Secret is not there yet.
    DependencyNotReady,
    /// Orders of the reseller are not final yet.
    AwaitingOrders,
    /// A quiet time runs.
    Settling,
    /// As many upgrades as the connection allows are at work on this BSS.
    AwaitingTurn,
    /// Customers lack their pricing options.
    AwaitingPricing,
    /// A person has to do something in the BSS that it leaves to people.
    AwaitingManualStep,
    /// The tenant wants an access of its own, and the spec names none.
    AwaitingTenantConnection,
    /// The cluster's state went back: a person has to confirm before anything irreversible.
    AwaitingConfirmation,
    /// The tenant is suspended.
    TenantSuspended,
    /// Suspended by spec or annotation.
    Suspended,
    /// Being suspended: a call that was sent has no outcome yet.
    Suspending,
    /// The spec is wrong.
    InvalidSpec,
    /// The connection may not be used so: address guard, allowed hosts, TLS trust.
    ConnectionForbidden,
    /// The BSS rejects the credentials, or they do not allow an operation.
    CredentialsRejected,
    /// The BSS is another one than the connection says.
    IdentityMismatch,
    /// The BSS gives a promise only in a weak form, or leaves a step to people.
    RiskNotAccepted,
    /// A reply broke the contract.
    ContractViolated,
    /// Another upgrade or operator works on this reseller.
    ResellerClaimed,
    /// The BSS does not know the reseller.
    ResellerNotFound,
    /// The reseller is not a Basic reseller.
    ResellerNotBasic,
    /// The reseller has another name than expected.
    ResellerMismatch,
    /// The BSS refused to create the tenant or gave up.
    TenantCreationFailed,
    /// The tenant's settings differ from the spec.
    TenantSettingsDiffer,
    /// The tenant vanished.
    TenantMissing,
    /// The tenant is another one than before.
    TenantReplaced,
    /// Something may not be copied as it is.
    PrecheckFailed,
    /// Items could not be copied.
    ItemsFailed,
    /// A source has two copies.
    DuplicateCopy,
    /// A copy's source is not active any more.
    OrphanedCopy,
    /// A source changed after it was copied.
    SourceChanged,
    /// It cannot be told which copy belongs to which source.
    CopyUnclear,
    /// Done.
    Succeeded,
    /// Done, but the comparison of both sides after the switch found differences.
    VerificationFailed,
    /// Being deleted.
    Deleting,
    /// Spec valid, references resolved, connection probed, reseller claimed.
    Accepted,
    /// A phase or gate has been passed.
    Completed,
    /// A phase or gate is still ahead.
    Pending,
    /// Verified: back ordering was on before this operator looked, so there is nothing to compare.
    NotCompared,
    /// Not suspended.
    Active,
    /// Pricing objects: later changes are the reseller's, in its BSS.
    Closed,
    /// Connections: all is well.
    Ready,
    /// Events: the API server refuses an object that the operator publishes.
    WriteRefused,
    /// Events: another operator in this cluster works on the upgrade, and this one stands back.
    AnotherOperator,
}

/// The class of a reason of `Ready`: what `Ready`, `Reconciling`, `Stalled` and `Succeeded` are
/// while it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateClass {
    /// Ready Unknown, Reconciling True.
    Working,
    /// Ready False, Reconciling True.
    WaitsByItself,
    /// Ready False.
    WaitsForPeople,
    /// Ready False, Suspended True.
    Suspended,
    /// Ready False, Stalled True.
    MustFix,
    /// Ready True, Succeeded True.
    Done,
    /// Ready False, Stalled True, Succeeded False.
    DoneWithDifferences,
    /// Ready False; the rest as it was.
    Deleting,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 47] = [
        Self::Progressing,
        Self::ProgressingWithRetry,
        Self::Throttled,
        Self::BssUnavailable,
        Self::DependencyNotReady,
        Self::AwaitingOrders,
        Self::Settling,
        Self::AwaitingTurn,
        Self::AwaitingPricing,
        Self::AwaitingManualStep,
        Self::AwaitingTenantConnection,
        Self::AwaitingConfirmation,
        Self::TenantSuspended,
        Self::Suspended,
        Self::Suspending,
        Self::InvalidSpec,
        Self::ConnectionForbidden,
        Self::CredentialsRejected,
        Self::IdentityMismatch,
        Self::RiskNotAccepted,
        Self::ContractViolated,
        Self::ResellerClaimed,
        Self::ResellerNotFound,
        Self::ResellerNotBasic,
        Self::ResellerMismatch,
        Self::TenantCreationFailed,
        Self::TenantSettingsDiffer,
        Self::TenantMissing,
        Self::TenantReplaced,
        Self::PrecheckFailed,
        Self::ItemsFailed,
        Self::DuplicateCopy,
        Self::OrphanedCopy,
        Self::SourceChanged,
        Self::CopyUnclear,
        Self::Succeeded,
        Self::VerificationFailed,
        Self::Deleting,
        Self::Accepted,
        Self::Completed,
        Self::Pending,
        Self::NotCompared,
        Self::Active,
        Self::Closed,
        Self::Ready,
        Self::WriteRefused,
        Self::AnotherOperator,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Progressing => "Progressing",
            Self::ProgressingWithRetry => "ProgressingWithRetry",
            Self::Throttled => "Throttled",
            Self::BssUnavailable => "BssUnavailable",
            Self::DependencyNotReady => "DependencyNotReady",
            Self::AwaitingOrders => "AwaitingOrders",
            Self::Settling => "Settling",
            Self::AwaitingTurn => "AwaitingTurn",
            Self::AwaitingPricing => "AwaitingPricing",
            Self::AwaitingManualStep => "AwaitingManualStep",
            Self::AwaitingTenantConnection => "AwaitingTenantConnection",
            Self::AwaitingConfirmation => "AwaitingConfirmation",
            Self::TenantSuspended => "TenantSuspended",
            Self::Suspended => "Suspended",
            Self::Suspending => "Suspending",
            Self::InvalidSpec => "InvalidSpec",
            Self::ConnectionForbidden => "ConnectionForbidden",
            Self::CredentialsRejected => "CredentialsRejected",
            Self::IdentityMismatch => "IdentityMismatch",
            Self::RiskNotAccepted => "RiskNotAccepted",
            Self::ContractViolated => "ContractViolated",
            Self::ResellerClaimed => "ResellerClaimed",
            Self::ResellerNotFound => "ResellerNotFound",
            Self::ResellerNotBasic => "ResellerNotBasic",
            Self::ResellerMismatch => "ResellerMismatch",
            Self::TenantCreationFailed => "TenantCreationFailed",
            Self::TenantSettingsDiffer => "TenantSettingsDiffer",
            Self::TenantMissing => "TenantMissing",
            Self::TenantReplaced => "TenantReplaced",
            Self::PrecheckFailed => "PrecheckFailed",
            Self::ItemsFailed => "ItemsFailed",
            Self::DuplicateCopy => "DuplicateCopy",
            Self::OrphanedCopy => "OrphanedCopy",
            Self::SourceChanged => "SourceChanged",
            Self::CopyUnclear => "CopyUnclear",
            Self::Succeeded => "Succeeded",
            Self::VerificationFailed => "VerificationFailed",
            Self::Deleting => "Deleting",
            Self::Accepted => "Accepted",
            Self::Completed => "Completed",
            Self::Pending => "Pending",
            Self::NotCompared => "NotCompared",
            Self::Active => "Active",
            Self::Closed => "Closed",
            Self::Ready => "Ready",
            Self::WriteRefused => "WriteRefused",
            Self::AnotherOperator => "AnotherOperator",
        }
    }

    /// The class, if the reason can be the reason of an upgrade's `Ready`.
    #[must_use]
    pub fn class(self) -> Option<StateClass> {
        Some(match self {
            Self::Progressing => StateClass::Working,
            Self::ProgressingWithRetry
            | Self::Throttled
            | Self::BssUnavailable
            | Self::DependencyNotReady
            | Self::AwaitingOrders
            | Self::Settling
            | Self::AwaitingTurn => StateClass::WaitsByItself,
            Self::AwaitingPricing
            | Self::AwaitingManualStep
            | Self::AwaitingTenantConnection
            | Self::AwaitingConfirmation
            | Self::TenantSuspended => StateClass::WaitsForPeople,
            Self::Suspended | Self::Suspending => StateClass::Suspended,
            Self::InvalidSpec
            | Self::ConnectionForbidden
            | Self::CredentialsRejected
            | Self::IdentityMismatch
            | Self::RiskNotAccepted
            | Self::ContractViolated
            | Self::ResellerClaimed
            | Self::ResellerNotFound
            | Self::ResellerNotBasic
            | Self::ResellerMismatch
            | Self::TenantCreationFailed
            | Self::TenantSettingsDiffer
            | Self::TenantMissing
            | Self::TenantReplaced
            | Self::PrecheckFailed
            | Self::ItemsFailed
            | Self::DuplicateCopy
            | Self::OrphanedCopy
            | Self::SourceChanged
            | Self::CopyUnclear => StateClass::MustFix,
            Self::Succeeded => StateClass::Done,
            Self::VerificationFailed => StateClass::DoneWithDifferences,
            Self::Deleting => StateClass::Deleting,
            Self::Accepted
            | Self::Completed
            | Self::Pending
            | Self::NotCompared
            | Self::Active
            | Self::Closed
            | Self::Ready
            | Self::WriteRefused
            | Self::AnotherOperator => return None,
        })
    }
}
