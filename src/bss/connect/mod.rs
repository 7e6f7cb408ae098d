//! From a connection to an adapter: which adapter a connection names, and how its BSS is reached. It
//! may touch every adapter and what adapters share. It must not know a cluster, a custom resource or
//! an upgrade: what a connection says is handed in.

mod adapter;
mod connector;
mod settings;

pub use adapter::Adapter;
pub use connector::{AdapterConnector, Connector, concerns_the_tenant};
pub use settings::{AdapterSettings, ConnectionSettings, Login, TokenEndpoint};
