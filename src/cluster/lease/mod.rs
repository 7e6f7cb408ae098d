//! One leader at a time: client-go's lease protocol.
//!
//! [`Election`] decides, without clock or I/O; [`Elector`] asks the API server and waits;
//! [`Leadership`] is what all other parts hold: a question that is asked before every effect.
//!
//! What it promises: while clocks run at about the same rate, at most one process answers *yes* at
//! any moment. What it cannot promise: that an effect which was allowed a moment ago has landed. A
//! request that is under way is fenced by the epoch that the BSS issues, never by a lease.

mod election;
mod elector;

pub use election::{Action, Election, Heard, Moment, Record, Timings, TimingsError};
pub use elector::{Elector, Leadership, LeaseSettings, LeaseView, process_identity};
