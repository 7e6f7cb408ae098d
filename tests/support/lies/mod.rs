//! An operator that is lied to: mistakes on purpose that need no change of the operator.
//!
//! A proof is worth what it can catch. Each [`Lie`] makes the operator do what a careless change of
//! it could make it do, without a switch in the operator: what it asks through its ports, or what it
//! is answered, is falsified. [`values`] holds every lie once, at the plain values of the ports;
//! [`bss`] and [`cluster`] are decorators that pass the calls of a process through it, and [`decision_core`]
//! does so for the proofs that call `decide` and `observe` themselves. A lie is armed for one thread, by
//! tests of the proofs alone.

pub mod bss;
pub mod cluster;
pub mod decision_core;
mod values;

use std::cell::Cell;
use std::sync::{Arc, Mutex};

macro_rules! lies {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// The mistakes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Lie { $($(#[doc = $doc])+ $name,)* }

        impl Lie {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What the operator does that is lied to like this.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)* }
            }
        }
    };
}

lies! {
    /// Open orders do not hold the switch.
    OrdersGateDropped,
    /// Subscriptions are copied although customers have no pricing options.
    PricingGateDropped,
    /// Phase 2 is called complete before anything was copied.
    CustomersGateDropped,
    /// Subscriptions are copied although a check named a blocker.
    CheckSweepDropped,
    /// Nothing is looked up by key before it is copied.
    LookUpSkipped,
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
    /// It is not asked whether this process leads.
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
    /// One final sweep is enough where two equal ones are needed.
    OneFinalSweepIsEnough,
    /// The final sweep's pages may be of several revisions.
    RevisionsMayDiffer,
    /// The switch is asked for without the revision that was swept.
    ExpectedRevisionDropped,
    /// Writes carry no epoch.
    EpochDropped,
    /// Ordering is not frozen where the switch does not compare.
    OrderingNotFrozen,
    /// A replaced tenant is taken for the first one.
    ReplacementUnnoticed,
    /// A suspension is not obeyed.
    SuspensionIgnored,
    /// The cluster went back, and no person is asked to confirm it.
    RestoreUnconfirmed,
    /// An epoch that was issued for another caller's attempt is taken for an own one.
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

thread_local! {
    static ARMED: Cell<Option<Lie>> = const { Cell::new(None) };
}

/// Arms a lie for the present thread, or none.
pub fn arm(lie: Option<Lie>) {
    ARMED.set(lie);
}

/// The lie that is armed in this thread.
fn armed() -> Option<Lie> {
    ARMED.get()
}

/// Who stands between one process and its ports. It tells the lie that was armed when the process
/// began, or none, and knows what it told that process before.
#[derive(Clone, Debug)]
pub struct Liar {
    lie: Option<Lie>,
    memory: Arc<Mutex<values::Memory>>,
}

impl Liar {
    /// One for a process that begins.
    pub fn armed() -> Self {
        Self {
            lie: armed(),
            memory: Arc::default(),
        }
    }

    fn tells(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }
}
