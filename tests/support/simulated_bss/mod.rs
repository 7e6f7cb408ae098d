//! One BSS in memory, as strict or as weak as its switches say, and the people in it.
//!
//! It plays the same rules as the sandbox, without sockets, store or clock: it is a plain value
//! that can be cloned, compared and hashed, every call is a function of it, and time is what it is
//! told. It must not know of the operator: it is called through the arguments of the port alone.
//! What breaks an invariant is told by [`World::violations_now`] and [`World::ledgers`], which
//! know source ids and ledgers, never keys.
#![allow(
    dead_code,
    unused_imports,
    clippy::unnecessary_wraps,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "each test binary uses its own part of this; every operation answers as in the \
              port, and a defect of the simulation itself may panic"
)]

mod activation;
mod by_hand;
mod checks;
mod copying;
mod corruptions;
pub(crate) mod disabled_rule;
mod judge;
mod listings;
mod people;
mod port;
mod pricing;
mod records;
mod refusals;
mod resellers_staff;
mod seed;
mod staff;
mod storing;
mod switches;
mod tenant;
mod world;
mod wrong;

pub(crate) use by_hand::Pick;
pub(crate) use corruptions::{Corruption, CorruptionKind};
pub(crate) use disabled_rule::DisabledRule;
pub(crate) use people::{Action, Defect, TenantVerb};
pub(crate) use port::SharedWorld;
pub(crate) use records::{
    Catalogue, CopyRow, CustomerFields, CustomerRow, Fields, Maker, OrderRow, Owned, PriceList,
    PricingRow, PurchaseRow, Stored, TenantRow,
};
pub(crate) use switches::{Attempts, Marks, Screens, Switches};
pub(crate) use world::{CopyKey, OTHER_RESELLER, RESELLER, World, retail, wanted_settings};
pub(crate) use wrong::Wrong;
