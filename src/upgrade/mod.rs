//! The decision core: what to do next about one upgrade, as pure functions.
//!
//! `validate` turns a spec and what it refers to into [`ValidUpgrade`]; [`decide`] turns that and
//! what was observed into one effect at most, a state to show and a time to look again; [`observe`]
//! takes the outcome of an effect in. It sees the custom resources' types and the plain values of
//! the BSS port; it must not know Kubernetes clients, tokio, a clock or an error of either side's
//! transport.

mod backoff;
mod claim;
mod decide;
mod effect;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod known;
mod observe;
mod phases;
mod realm;
mod report;
mod strategy;
mod sweep;
mod validated;

pub use backoff::delay as backoff_delay;
pub use claim::{Holding, apply as apply_claim_edit, may_take_over};
pub use decide::{Decision, Next, decide};
pub use effect::{
    Activate, Answered, ClaimEdit, CreateTenant, Effect, Foresee, InspectCalls, Outcome, Pages,
    PagesRequest, Read, Tried, Work,
};
pub use keys::{Keys, claim_name};
pub use known::{
    Alike, Approval, BlockersTold, CleanFinalSweep, Known, KnownActivation, KnownBss, KnownFencing,
    KnownFindings, KnownPricing, KnownSweeps, KnownTenant, KnownWaits, RecordAge, RecordMark,
    Telling, Trouble, Watched,
};
pub use observe::{observe, observe_all};
pub use phases::Stage;
pub use phases::activate::intends;
pub use phases::suspend::at_rest;
pub use phases::verify::success;
pub use realm::Realm;
pub use report::{Draft, ReadyState, compose, report_rows, sentence};
pub use strategy::{Copying, Doer, Fencing, Orders, Stillness, Switch, Ways};
pub use sweep::classify::Exclusion;
pub use sweep::compare::Difference;
pub use sweep::findings::{Finding, FindingReason, Findings, ManualStep, Subject};
pub use sweep::preflight::{Foreseeing, Foresight};
pub use sweep::tally::{Counts, InventoryDigest, RevisionSeen, Tally};
pub use sweep::{Hand, Sweep, SweepMode};
pub use validated::{
    Declared, Invalid, Pace, References, Suspension, TenantConnection, Terms, ValidUpgrade, seed,
    suspension, validate,
};

/// A moment: wall time for what people read, a monotonic one for every wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall time.
    pub wall: jiff::Timestamp,
    /// Time since the process started; never goes back.
    pub monotonic: std::time::Duration,
}
