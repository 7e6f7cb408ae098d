//! What people read in the cluster: the upgrade's status and events, its reports, the status of its
//! pricing objects and of its connection. Each has a file; each is written only on change.
//!
//! Publishing touches the cluster and never the BSS. It decides nothing: the state comes from `decide`.

mod connection;
mod pricing;
mod refusals;
mod reports;
mod status;

pub(super) use connection::{ConnectionFacts, Side, TenantLogin, connection};
pub(super) use pricing::pricing;
pub(super) use refusals::{OWN_STATUS, Refusals};
pub(super) use reports::{Reported, Resync, reports};
pub(super) use status::{Shown, status, status_of, tell_refusals};
