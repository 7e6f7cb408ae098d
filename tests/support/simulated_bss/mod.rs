//! One BSS in memory, as strict or as weak as its switches say, and the people in it.
//!
//! It plays the same rules as the sandbox, without sockets, store or clock: it is a plain value
//! that can be cloned, compared and hashed, every call is a function of it, and time is what it is
//! told. It must not know of the operator: it is called through the arguments of the port alone.
//! What breaks an invariant is told by [`World::violations_now`] and [`World::ledgers`], which
//! know source ids and ledgers, never keys.

mod activation;
mod by_hand;
mod checks;
mod copying;
mod corruptions;
pub mod disabled_rule;
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

pub use by_hand::Pick;
pub use corruptions::{Corruption, CorruptionKind};
pub use disabled_rule::DisabledRule;
pub use people::{Action, Defect, TenantVerb};
pub use port::SharedWorld;
pub use records::{CopyRow, CustomerRow, Owned, PriceList, PurchaseRow, Stored};
pub use switches::{Attempts, Marks, Screens, Switches};
pub use world::{CopyKey, OTHER_RESELLER, RESELLER, World, retail, wanted_settings};
pub use wrong::Wrong;
