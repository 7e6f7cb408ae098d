//! What a BSS can do and what it promises.

#![expect(
    missing_docs,
    reason = "most variants say by their name what they mean"
)]

use std::collections::BTreeMap;

use crate::bss::operation::Operation;

/// How a writing operation is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The BSS does it when it is asked.
    Automatic,
    /// A person does it on a screen.
    ManualStep,
    Unsupported,
}

/// The operations whose mode a BSS declares: those that write to a reseller or its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteOperation {
    CreateTenant,
    CopyCustomers,
    SetPricing,
    CopySubscriptions,
    ActivateBackOrdering,
}

impl WriteOperation {
    /// Every one, in the order of an upgrade.
    pub const ALL: [Self; 5] = [
        Self::CreateTenant,
        Self::CopyCustomers,
        Self::SetPricing,
        Self::CopySubscriptions,
        Self::ActivateBackOrdering,
    ];

    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::CreateTenant => Operation::CreateTenant,
            Self::CopyCustomers => Operation::CopyCustomers,
            Self::SetPricing => Operation::SetPricing,
            Self::CopySubscriptions => Operation::CopySubscriptions,
            Self::ActivateBackOrdering => Operation::ActivateBackOrdering,
        }
    }

    /// The name that the contract and people use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.operation().as_str()
    }
}

/// What a BSS does with business keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keys {
    /// The BSS refuses a second record of a key, or of a source that is linked already.
    Unique,
    /// The BSS stores keys, so that a record is found by its key, and refuses nothing.
    Findable,
    /// The BSS does not store keys.
    None,
}

/// Whether a promise is given in its strong form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    Strong,
    Weak,
}

/// What a BSS promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Promises {
    pub keys: Keys,
    /// The BSS issues epochs, and refuses a write under an older one.
    pub epochs: Strength,
    /// Every page of a listing carries the revision of the inventory.
    pub revision: Strength,
    /// The activation refuses if the inventory has another revision than was expected.
    pub compares: Strength,
    /// Orders that are not final can be listed.
    pub orders: Strength,
    /// Copies are refused once back ordering is On.
    pub off_guard: Strength,
}

/// Who may call the tenant's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantAccess {
    /// A connection that may call the distributor's side.
    Shared,
    /// Only a connection of the tenant's own.
    Own,
}

/// What a BSS can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    pub operations: BTreeMap<WriteOperation, Mode>,
    pub promises: Promises,
    pub tenant_access: TenantAccess,
    /// The most items of a batch, at least 1.
    pub largest_batch: u16,
    /// The most items of a page, at least 1.
    pub page_size: u16,
}
