//! The command line: flags, each also by environment, typed and checked once.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::observe::tracing::LogFormat;

/// Takes a cloud distributor's reseller from Basic reseller to tenant reseller.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the operator.
    Run(Box<Settings>),
    /// Prints the custom resource definitions as YAML.
    Crds,
}

/// How logs look.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Text => Self::Text,
        }
    }
}

/// How the operator runs.
#[derive(Args, Debug)]
pub struct Settings {
    /// The operator's own namespace: its lease and the claims live there.
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: String,
    /// The name of this process, for events and the lease.
    #[arg(long, env = "POD_NAME", default_value = "tenant-reseller-operator")]
    pub instance: String,
    /// Watches one namespace instead of the whole cluster.
    #[arg(long, env = "WATCH_NAMESPACE")]
    pub watch_namespace: Option<String>,
    /// Where health and metrics are served.
    #[arg(long, env = "HEALTH_LISTEN", default_value = "0.0.0.0:8080")]
    pub health_listen: SocketAddr,
    /// An address range that a BSS may be in although the guard refuses it otherwise (loopback,
    /// link-local, private, metadata), for example 10.0.0.0/8; or for the connections of one namespace
    /// only, for example 10.20.0.0/16@resellers. May be given several times.
    #[arg(long = "allow-address", env = "ALLOW_ADDRESS", value_delimiter = ',')]
    pub allow_address: Vec<String>,
    /// An address range that no BSS may be in, although it be public or allowed: the addresses of pods,
    /// services and nodes, for example. May be given several times.
    #[arg(long = "deny-address", env = "DENY_ADDRESS", value_delimiter = ',')]
    pub deny_address: Vec<String>,
    /// Binds an identity of a BSS to origins and namespaces: no connection elsewhere may declare it,
    /// and its namespaces share its claims. Without it every namespace has claims of its own. For
    /// example acme-distribution=https://bss.example.com@resellers,partners. May be given several
    /// times; in the environment separated by semicolons.
    #[arg(long = "bind-identity", env = "BIND_IDENTITY", value_delimiter = ';')]
    pub bind_identity: Vec<String>,
    /// How often an upgrade that people have to act on is looked at again, in seconds.
    #[arg(long, env = "RECHECK_SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub recheck_seconds: u64,
    /// How often something that is on its way in the BSS is looked at, in seconds.
    #[arg(long, env = "POLL_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub poll_seconds: u64,
    /// How many upgrades this process works on at a time, whatever their BSS; the others queue. One
    /// connection has at most a third of these places and one namespace half, so that calls that hang
    /// stop no other connection or namespace; a namespace that has no place gets one at once.
    #[arg(long, env = "WORKING_AT_ONCE", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub working_at_once: u16,
    /// How logs look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: Format,
    /// What is logged, for example `info` or `info,tenant_reseller_operator=debug`.
    #[arg(long, env = "LOG_FILTER", default_value = "info")]
    pub log_filter: String,
    /// How long the lease is valid without being renewed, in seconds.
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(3..=300))]
    pub lease_seconds: u64,
}

impl Settings {
    /// How often an upgrade that people have to act on is looked at again.
    #[must_use]
    pub fn recheck(&self) -> Duration {
        Duration::from_secs(self.recheck_seconds)
    }

    /// How often something that is on its way is looked at.
    #[must_use]
    pub fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds)
    }
}
