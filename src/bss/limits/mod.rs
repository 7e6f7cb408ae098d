//! The limits of one BSS, shared by everything that calls it.
//!
//! `core` decides, pure and with an explicit clock, who may call when; `limiter` lets callers wait
//! for that; `registry` keeps one limiter per BSS identity, under the strictest limits of its
//! connections; `figures` counts what others publish as metrics. Nothing here knows what a call
//! does: it hands out permits, and the transport sends nothing without one.

pub mod core;
mod figures;
mod limiter;
mod registry;

pub use self::core::{Feedback, PauseReason, Settings};
pub use figures::{CallTally, Figures, Snapshot};
pub use limiter::{Deferred, Limiter, Permit};
pub use registry::{LimiterRegistry, Membership, Seat};
