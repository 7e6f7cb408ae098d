//! The phases of an upgrade, one file each, with both halves: what to do next (`impl Decide`) and what an
//! outcome means (`impl Observe`). Everything here is pure: a phase may read the spec, what is known and the
//! present moment, and may touch nothing else. A phase must not keep knowledge of its own: that is
//! `known/`.

pub(super) mod activate;
mod cheap_look;
mod connect;
mod copy_customers;
mod copy_subscriptions;
mod copying;
mod create_tenant;
mod failures;
mod hold;
mod look_at_rest;
mod preflight;
mod pricing_gate;
mod stage;
pub(super) mod suspend;
mod sweeps;
pub(super) mod verify;
pub(super) mod waiting;

pub(super) use stage::Part;
pub use stage::Stage;
