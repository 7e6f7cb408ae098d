//! The BSS sandbox: a distributor's BSS and its tenants, strict, over one SQLite file.
//!
//! It speaks the reference contract (`contract`) and, over the same data, a vendor's API
//! (`interworks`), plays people through a control API (`control`),
//! injects faults (`faults`) and judges by source ids and ledgers. It may use the contract's types
//! and nothing else of this crate: a judge that shares code with what it judges is none.

mod bodies;
mod config;
mod contract;
mod control;
mod corruptions;
mod faults;
mod http;
mod interworks;
mod oauth;
mod problem;
mod seen;
mod serve;
mod store;
mod switches;
mod tls;
mod world;

pub use self::config::{Config, Defects, Ids, InterworksLogin, OAuthClient, Size, Transport};
pub use self::interworks::{
    Envelope, ExternalIds, Filters, InterworksSwitches, NetworkReseller, Trap, Versions,
};
pub use self::serve::{Server, ServerError};
pub use self::switches::{Marks, Screens, Switches};
pub use self::tls::TlsError;
