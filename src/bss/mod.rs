//! The BSS side: the port that the operator sees, and what stands behind it.
//!
//! `port` is the trait with its plain value types; `error` its error classes; `operation` the names of
//! the operations; `cancellation` how a caller stops what was not sent yet; `bindings` which connections may
//! declare an identity that the administrator bound; `transport` and `limits` are shared by every adapter;
//! each adapter has a folder of its own, and `connect` makes the one that a connection names. Nothing here
//! may know of the cluster, of custom resources or of an upgrade.

pub mod bindings;
pub mod cancellation;
pub mod connect;
pub mod error;
pub mod interworks;
pub mod limits;
pub mod operation;
pub mod port;
pub mod reference;
pub mod transport;

pub use error::BssError;
pub use port::{Bss, BssResult};
