//! The names of the operations, one enum for all who speak of them: the published contract, the
//! errors of an adapter, metrics, logs, and the sandbox with its faults and its audit list. It may
//! touch nothing. It must not say how an operation is sent or what it answers.

use std::fmt;

/// An operation of the contract. The verbs of the port are these names in snake case.
#[expect(missing_docs, reason = "the contract says what each operation does")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    GetIdentity,
    GetCapabilities,
    GetReseller,
    AcquireEpoch,
    GetTenant,
    CreateTenant,
    GetOperation,
    ListCustomers,
    ListSubscriptions,
    ListOpenOrders,
    ListCopies,
    FindCopies,
    CopyCustomers,
    GetPricing,
    SetPricing,
    CheckPurchases,
    CopySubscriptions,
    ActivateBackOrdering,
}

impl Operation {
    /// Every operation, in the order in which an upgrade needs them.
    pub const ALL: [Self; 18] = [
        Self::GetIdentity,
        Self::GetCapabilities,
        Self::GetReseller,
        Self::AcquireEpoch,
        Self::GetTenant,
        Self::CreateTenant,
        Self::GetOperation,
        Self::ListCustomers,
        Self::ListSubscriptions,
        Self::ListOpenOrders,
        Self::ListCopies,
        Self::FindCopies,
        Self::CopyCustomers,
        Self::GetPricing,
        Self::SetPricing,
        Self::CheckPurchases,
        Self::CopySubscriptions,
        Self::ActivateBackOrdering,
    ];

    /// The `operationId` of the published contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetIdentity => "getIdentity",
            Self::GetCapabilities => "getCapabilities",
            Self::GetReseller => "getReseller",
            Self::AcquireEpoch => "acquireEpoch",
            Self::GetTenant => "getTenant",
            Self::CreateTenant => "createTenant",
            Self::GetOperation => "getOperation",
            Self::ListCustomers => "listCustomers",
            Self::ListSubscriptions => "listSubscriptions",
            Self::ListOpenOrders => "listOpenOrders",
            Self::ListCopies => "listCopies",
            Self::FindCopies => "findCopies",
            Self::CopyCustomers => "copyCustomers",
            Self::GetPricing => "getPricing",
            Self::SetPricing => "setPricing",
            Self::CheckPurchases => "checkPurchases",
            Self::CopySubscriptions => "copySubscriptions",
            Self::ActivateBackOrdering => "activateBackOrdering",
        }
    }

    /// Whether the operation changes something in the BSS, so that a lost reply leaves a doubt.
    #[must_use]
    pub const fn writes(self) -> bool {
        match self {
            Self::AcquireEpoch
            | Self::CreateTenant
            | Self::CopyCustomers
            | Self::SetPricing
            | Self::CopySubscriptions
            | Self::ActivateBackOrdering => true,
            Self::GetIdentity
            | Self::GetCapabilities
            | Self::GetReseller
            | Self::GetTenant
            | Self::GetOperation
            | Self::ListCustomers
            | Self::ListSubscriptions
            | Self::ListOpenOrders
            | Self::ListCopies
            | Self::FindCopies
            | Self::GetPricing
            | Self::CheckPurchases => false,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
