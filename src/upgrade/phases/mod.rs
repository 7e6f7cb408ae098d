//! The phases of an upgrade, one file each, with both halves: what to do next (`impl Decide`) and what an
//! outcome means (`impl Fold`). Everything here is pure: a phase may read the spec, what is known and the
//! present moment, and may touch nothing else. A phase must not keep knowledge of its own: that is
//! `known/`.

pub(super) mod activate;
mod connect;
mod copy_customers;
mod copy_subscriptions;
mod copying;
mod create_tenant;
mod failures;
mod hold;
mod preflight;
mod pricing_gate;
pub(super) mod suspend;
mod sweeps;
pub(super) mod verify;
pub(super) mod waiting;

/// Where the work is. Every stage but the first begins with a fresh look at reseller and tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Identity, capabilities, reseller, claim, epoch, tenant.
    #[default]
    Opening,
    /// Phase 2: copy customers.
    Customers,
    /// Phase 2, when customers failed: whether they own something to copy.
    Owners,
    /// The gate: apply what was declared, then look who lacks options.
    Pricing,
    /// Before the check: stragglers among the customers.
    CheckCustomers,
    /// Phase 3: every pre-check, nothing copied.
    Check,
    /// Phase 3: copy subscriptions and assets.
    Copy,
    /// Phase 4: orders that are not final.
    Orders,
    /// Phase 4: the final sweep over customers.
    FinalCustomers,
    /// Phase 4: the final sweep over subscriptions and assets.
    FinalPurchases,
    /// Phase 4: the switch.
    Activate,
    /// Back ordering is on: both sides of the customers are compared.
    VerifyCustomers,
    /// Back ordering is on: both sides of subscriptions and assets are compared.
    VerifyPurchases,
    /// Back ordering is on, and nothing is left to do.
    Done,
}

impl Stage {
    /// Where a sweep that lost its ground begins again.
    pub(super) fn begin(self) -> Self {
        match self {
            Self::Opening => Self::Opening,
            Self::Customers | Self::Owners | Self::Pricing => Self::Customers,
            Self::CheckCustomers
            | Self::Check
            | Self::Copy
            | Self::Orders
            | Self::FinalCustomers
            | Self::FinalPurchases
            | Self::Activate => Self::CheckCustomers,
            Self::VerifyCustomers | Self::VerifyPurchases => Self::VerifyCustomers,
            Self::Done => Self::Done,
        }
    }
}

pub(super) fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "Looking at the reseller and its tenant.",
        Stage::Customers | Stage::Owners => "Copying customers.",
        Stage::Pricing => "Looking at the customers' pricing options.",
        Stage::CheckCustomers | Stage::Check => "Checking every subscription and asset.",
        Stage::Copy => "Copying subscriptions and assets.",
        Stage::Orders | Stage::FinalCustomers | Stage::FinalPurchases => {
            "Looking at everything once more before the switch."
        }
        Stage::Activate => "Activating back ordering.",
        Stage::VerifyCustomers | Stage::VerifyPurchases => {
            "Back ordering is on; comparing both sides item by item."
        }
        Stage::Done => "Back ordering is on; putting it on record.",
    }
}
