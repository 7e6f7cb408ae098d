//! The controller: one upgrade is dereferenced, validated, decided on, recorded, worked on and recorded
//! again. It is the only place where the cluster, the BSS and `upgrade` meet.
//!
//! It is generic over three ports: the cluster, the BSS and time. Whatever it keeps in memory may be
//! lost at any moment: the BSS is the ledger, the claim is the record, status is a view. It must not
//! decide: what to do next is said by `upgrade`.

mod access;
mod admission;
mod api_backoff;
mod cache;
mod claim;
mod connections;
mod context;
mod dereference;
mod endings;
mod object;
mod perform;
mod pipeline;
mod publish;
mod reconcile;
mod record;
mod secrets;
mod settings;

pub use admission::Wake;
pub use context::{Pacing, Ports, Process, Time};
pub use reconcile::Controller;
