//! The decision core: what to do next about one upgrade, as pure functions.
//!
//! `validate` turns a spec and what it refers to into [`ValidUpgrade`]; [`decide`] turns that and
//! what was observed into one effect at most, a state to show and a time to look again; [`observe`]
//! takes the outcome of an effect in. It sees the custom resources' types and the plain values of
//! the BSS port; it must not know Kubernetes clients, tokio, a clock or an error of either side's
//! transport.

mod alike;
mod annotations;
mod backoff;
mod claim;
mod decide;
mod effect;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod known;
mod observe;
mod performed;
mod phases;
mod realm;
mod report;
mod strategy;
mod sweep;
mod validated;

pub use annotations::{
    HeldConnection, Suspension, another_operator, held_connection, not_understood, suspension,
};
pub use backoff::delay as backoff_delay;
pub use claim::{Holding, apply as apply_claim_edit, may_take_over};
pub use decide::{Decision, Next, decide};
pub use effect::{
    Activate, Answered, Attempted, CheapLook, ClaimEdit, CreateTenant, Effect, Listed, Outcome,
    PreflightRequest, Read, SweepCall,
};
pub use keys::{Keys, claim_name};
pub use known::{
    Alike, Approval, BlockersTold, CallFailures, CleanFinalSweep, EndedSweep, Known,
    KnownActivation, KnownBss, KnownFencing, KnownFindings, KnownPricing, KnownSweeps, KnownTenant,
    KnownWaits, RecordAge, RecordMark, Telling, Watched,
};
pub use observe::{observe, observe_all, observe_one_of_many};
pub use phases::Stage;
pub use phases::suspend::{SuspendedBy, at_rest};
pub use phases::verify::success;
pub use realm::Realm;
pub use report::{Draft, ReadyState, compose, cut, report_rows, sentence};
pub use strategy::{ActivationGuard, Copying, Executor, Fencing, Orders, SnapshotProof, Strategy};
pub use sweep::classify::Exclusion;
pub use sweep::compare::Difference;
pub use sweep::findings::{Finding, FindingReason, Findings, ManualStep, Subject};
pub use sweep::preflight::{Preflight, PreflightState};
pub use sweep::tally::{Counts, InventoryDigest, RevisionSeen, Tally};
pub use sweep::{CopyMethod, Sweep, SweepMode};
pub use validated::{
    Declared, Invalid, Pace, REFERENCE_GUIDE, References, TenantConnection, Terms, ValidUpgrade,
    pinned_account, seed, validate,
};

/// A moment: wall time for what people read, a monotonic one for every wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall time.
    pub wall: jiff::Timestamp,
    /// Time since the process started; never goes back.
    pub monotonic: std::time::Duration,
}
