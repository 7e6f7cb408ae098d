//! The pass: dereference, validate, decide, record, perform, record. The only place where the
//! cluster, the BSS and the heart meet.
//!
//! It is generic over three ports: the cluster, the BSS and time. What it keeps in memory of an
//! upgrade may be lost at any moment: the BSS is the ledger, the claim is the record, status is a
//! view. It must not decide: what to do next is the heart's to say.

mod dependents;
mod dereference;
mod memory;
mod pass;
mod perform;
mod record;
mod show;
mod turns;
mod unserved;

pub use memory::Memory;
pub use pass::{Controller, Pacing, Time};
pub use turns::Wake;
