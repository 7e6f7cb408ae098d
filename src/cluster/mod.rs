//! The cluster side: the port that the controller sees, and its kube-rs side.
//!
//! What kube-rs lacks or gets wrong for us lives here too: clients with time-outs, pruned and
//! guarded watches, the lease, events. Nothing here may know of a BSS or decide anything about an
//! upgrade.

mod asked;
mod client;
mod error;
mod finalizers;
mod guarded;
mod kubernetes;
mod listening;
mod merge;
mod patience;
mod reconciles;
mod requests;
mod runner;
mod stores;
mod watch;
mod watch_health;
mod writes;

pub mod census;
pub mod crds;
pub mod events;
pub mod lease;
pub mod namespaces;
pub mod port;
pub mod review;

pub use client::{CALL_BOUND, Clients, ConnectError};
pub use finalizers::Finalizers;
pub use kubernetes::{
    Installation, KubeCluster, STATUS_MANAGER, UPGRADE_UID_LABEL, WRITE_MANAGER, report_metadata,
};
pub use reconciles::{Queued, Reconciles};
pub use requests::{Asked, Requests};
pub use runner::{Requeue, Runner, Waker};
pub use stores::Stores;
pub use watch::{Scope, Watches};
pub use watch_health::{KindHealth, WatchHealth};
