//! What several test binaries share: one simulated BSS, the lies that an operator is told, what other
//! tools make of a status, and the control plane of the tests on a real API server.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics has failed, as it should; a lie is about a few of many variants"
)]

pub mod calls;
pub mod control_plane;
pub mod driver;
pub mod kstatus;
pub mod lies;
pub mod pages;
pub mod sample;
pub mod schema;
pub mod simulated_bss;
