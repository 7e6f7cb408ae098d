//! From a connection to an adapter: how its BSS is reached, and what connections share. It may touch the list
//! of adapters (`bss/adapters/mod.rs`) and what adapters share. It must not know a cluster, a custom resource
//! or an upgrade: what a connection says is handed in.

mod connector;
mod settings;

pub use connector::{AdapterConnector, Connector, concerns_the_tenant};
pub use settings::{ConnectionSettings, Login, TokenEndpoint};
