//! The phases of an upgrade, one file each, with both halves: what to do next (`impl Decide`) and what an
//! outcome means (`impl Observe`). Everything here is pure: a phase may read the spec, what is known and the
//! present moment, and may touch nothing else. A phase must not keep knowledge of its own: that is
//! `known/`.

pub(super) mod activate;
mod before_the_switch;
mod cheap_look;
mod connect;
mod copy_customers;
mod copy_subscriptions;
mod copying;
mod create_tenant;
mod failures;
mod look_while_suspended;
mod preflight;
mod pricing_gate;
mod reseller_claim;
mod stage;
pub(super) mod suspend;
mod sweeps;
pub(super) mod telling;
pub(super) mod verify;
pub(super) mod waiting;

pub(super) use stage::Part;
pub use stage::Stage;
