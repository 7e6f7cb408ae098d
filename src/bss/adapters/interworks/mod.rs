//! The adapter for interworks.cloud, by the vendor's public REST API. It reads, checks, watches and compares, and
//! writes nothing: its transport can form no request but GET and that for a token. What the vendor offers on
//! screen only is a step for people, which it words.
//!
//! Pure: `options` what a connection says, `envelope` how replies are wrapped, `wire` what is in them, `filter`
//! what is asked, `words` what an installation's words mean, `listing` when a listing is complete, `records` what
//! is compared, `pairing` which record is the copy of which, `checks` the catalogue, `steps` the words for people,
//! `forbidden` what a 403 means. `client` sends, `collecting` and `reader` read what a look needs, `look` is one
//! look at both sides, `kept` outlives an adapter, `installation` what is learnt of it, `adapter` is the adapter
//! with the pages that it serves, `bss` the port over it; `probe` tells people which assumptions hold. It may
//! touch the port and the transport; it must not know an upgrade or a cluster.

mod adapter;
mod bss;
mod checks;
mod client;
mod collecting;
mod envelope;
mod filter;
mod forbidden;
mod installation;
mod kept;
mod listing;
mod look;
mod options;
mod pairing;
mod probe;
mod reader;
mod records;
mod steps;
mod wire;
mod words;

pub use adapter::InterworksBss;
pub use kept::Kept;
pub use options::{
    Bundles, Calibration, Options, Paging, Reading, Role, Switch, TenantDeclaration, Words,
};
pub use probe::{Probe, Values, probe};
