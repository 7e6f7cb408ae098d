//! The BSS side: the port that the operator sees, and what stands behind it.
//!
//! `port` is the trait with its plain value types; `error` its error classes; `operation` the names of
//! the operations; `cancellation` how a caller stops what was not sent yet; `bindings` which connections may
//! declare an identity that the administrator bound; `transport` and `limits` are shared by every adapter;
//! `adapters` has a folder for each adapter, and `connect` makes the one that a connection names. Nothing here
//! may know of the cluster or of an upgrade; `adapters/mod.rs` alone knows custom resources.

pub mod adapters;
pub mod bindings;
pub mod cancellation;
pub mod connect;
pub mod error;
pub mod limits;
pub mod operation;
pub mod port;
pub mod transport;

pub use error::BssError;
pub use port::{Bss, BssResult};
