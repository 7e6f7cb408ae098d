//! The pass: dereference, validate, decide, record, perform, record. The only place where the
//! cluster, the BSS and the heart meet.
//!
//! It is generic over three ports: the cluster, the BSS and time. What it keeps in memory of an
//! upgrade may be lost at any moment: the BSS is the ledger, the claim is the record, status is a
//! view. It must not decide: what to do next is the heart's to say.

mod admission;
mod api_backoff;
mod cache;
mod dereference;
mod perform;
mod publish;
mod reconcile;
mod record;
mod wiring;

pub use admission::Wake;
pub use cache::Memory;
pub use dereference::{ConnectionSettings, Connector, Login};
pub use reconcile::{Controller, Pacing, Time};
pub use wiring::AdapterConnector;
