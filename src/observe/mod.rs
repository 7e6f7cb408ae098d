//! What people see of a running operator: logs, metrics, traces, health.
//!
//! Everything is passed by value, nothing is global but the log itself. Nothing here knows what is
//! observed: it is told, or asks through functions that it was given. No names of objects in
//! metrics, no secrets anywhere.

pub mod health;
pub mod metrics;
mod serving;
#[cfg(feature = "traces")]
mod traces;
pub mod tracing;
