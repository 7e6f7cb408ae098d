//! Small mistakes on purpose, one at a time, to see that the proofs find them.
//!
//! A proof is worth what it can catch. Each [`Mutant`] is one place at which the operator, while the
//! mutant is armed, does what a careless change could make it do. They are armed by tests only, for
//! one thread, in memory. A release build has neither the switch nor the code behind it: there
//! [`on`] is the constant *no*.

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// The mistakes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant { $($(#[doc = $doc])+ $name,)* }

        #[cfg(debug_assertions)]
        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it does.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)* }
            }
        }
    };
}

mutants! {
    /// Open orders do not hold the switch.
    OrdersGateDropped,
    /// The pricing gate lets everybody through.
    PricingGateDropped,
    /// Phase 2 is called complete before anything was copied.
    CustomersGateDropped,
    /// Subscriptions are copied although a check named a blocker.
    CheckSweepDropped,
    /// Nothing is looked up by key before it is copied.
    LookUpSkipped,
    /// Keys of items do not name the tenant.
    KeyWithoutTenant,
    /// A tenant is requested before its intent is on record.
    TenantBeforeRecord,
    /// Copies are sent before they are on record, where a second one could be made, and a new
    /// process waits for those alone that are.
    CopiesBeforeRecord,
    /// A copy that the reseller changed is overwritten.
    AmendmentOverwritten,
    /// Copies without a source are not looked at.
    ReverseSweepLeftOut,
    /// A second copy of one source is overlooked.
    DuplicateOverlooked,
    /// On is not noticed, and copying goes on.
    CopiesAfterOn,
    /// No quiet time is kept.
    QuietTimeSkipped,
    /// Nobody asks whether this process leads.
    LeaseNotAsked,
    /// A marked account without a copy is accepted.
    MarkedUncopiedAccepted,
    /// A copied account without its mark is accepted.
    CopiedUnmarkedAccepted,
    /// Suspended subscriptions are copied.
    SuspendedCopied,
    /// Accounts that another one pays for are copied.
    OthersAccountsCopied,
    /// The reseller's own purchases are copied.
    OwnPurchasesCopied,
    /// What the last sweep before the switch finds is not minded.
    FinalSweepDropped,
    /// One final sweep is enough where two equal ones are needed.
    OneFinalSweepIsEnough,
    /// The final sweep's pages may be of several revisions.
    RevisionsMayDiffer,
    /// The switch is asked for without the revision that was swept.
    ExpectedRevisionDropped,
    /// Writes carry no epoch.
    EpochDropped,
    /// Nobody freezes ordering where the switch does not compare.
    OrderingNotFrozen,
    /// A replaced tenant is taken for the first one.
    ReplacementUnnoticed,
    /// A suspension is not obeyed.
    SuspensionIgnored,
    /// The cluster went back, and nobody is asked.
    RestoreUnconfirmed,
    /// An epoch that was issued for an attempt of somebody else is taken for an own one.
    AcquisitionNotCompared,
    /// A claim is taken from a holder that is alive.
    ClaimTaken,
    /// The upgrade is not read live before the switch.
    SwitchWithoutLiveRead,
    /// A request for a tenant without an outcome is repeated at once.
    UnknownCreationRepeated,
    /// Both sides are called equal without being compared.
    VerificationSkipped,
    /// A copy without an outcome is taken for made.
    LostCopyTakenForMade,
    /// The switch without an outcome is taken for done.
    LostSwitchTakenForDone,
}

#[cfg(debug_assertions)]
mod armed {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        static ARMED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Whether this mutant is armed in this thread.
    #[must_use]
    pub fn on(mutant: Mutant) -> bool {
        ARMED.get() == Some(mutant)
    }

    /// Arms a mutant for the present thread, or none.
    pub fn arm(mutant: Option<Mutant>) {
        ARMED.set(mutant);
    }
}

#[cfg(debug_assertions)]
pub use armed::{arm, on};

/// No mutant lives in a release.
#[cfg(not(debug_assertions))]
#[must_use]
pub const fn on(_mutant: Mutant) -> bool {
    false
}
