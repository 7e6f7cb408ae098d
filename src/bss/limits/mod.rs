//! Who may call which BSS when. A namespace is the boundary of trust: nothing that stands in one
//! namespace slows a call of another.
//!
//! `core` decides, pure and with an explicit clock, who may call when; `limiter` lets callers wait
//! for that; `learned` finds limits that are not declared. `registry` keeps one limiter per namespace, identity and origin, under the strictest of
//! the limits that the connections there declare, and says which connections an origin has accepted;
//! `access` is what one connection calls through. `identities` knows at which origins a namespace
//! reaches an identity. `budget` bounds the bytes of replies that the process holds. `figures` counts what others publish as metrics. Nothing here knows what a
//! call does: it hands out permits, and the transport sends nothing without one.

mod access;
mod budget;
pub mod core;
mod figures;
mod identities;
mod learned;
mod limiter;
mod registry;
mod settings;

pub use self::core::{Feedback, PauseReason};
pub use access::{Access, Reach, Turn};
pub use budget::{FREE, Purse, ReplyBudget, Reservation};
pub use figures::{BOUNDS, Figures, Snapshot, Times};
pub use identities::{Identities, Place, Seat};
pub use learned::Kind;
pub use limiter::{Breaker, Deferred, Limiter, Permit};
pub use registry::{Fingerprint, LimiterRegistry, Load, Membership, Party};
pub use settings::{Declared, Settings};
