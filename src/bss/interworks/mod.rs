//! The adapter for interworks.cloud, by the vendor's public REST API. It reads, checks, watches and compares, and
//! writes nothing: its transport can form no request but GET and that for a token. What the vendor offers on
//! screen only is a step for people, which it words.
//!
//! Pure: `options` what a connection says, `wire` what replies look like. It may touch the port and the
//! transport; it must not know an upgrade or a cluster.
#![allow(dead_code)]

mod bss;
mod options;
mod wire;

pub use bss::InterworksBss;
pub use options::{
    Bundles, Calibration, Options, Paging, Reading, Role, Switch, TenantDeclaration, Words,
};
