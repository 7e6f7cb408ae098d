//! The cluster side: the port that the pass sees, and its kube-rs side.
//!
//! What kube-rs lacks or gets wrong for us lives here too: clients with time-outs, pruned and
//! guarded watches, the lease, events. Nothing here may know of a BSS or decide anything about an
//! upgrade.

pub mod port;
