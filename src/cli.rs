//! The command line: flags, each also by environment, typed and checked once.
//!
//! A flag that is given twice counts as it was given last, so that a chart's own arguments can be
//! overridden by more of them; a flag for several values collects them all.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use url::Url;

use crate::observe::tracing::{LogFormat, TraceSettings};

/// Takes a cloud distributor's reseller from Basic reseller to tenant reseller.
#[derive(Debug, Parser)]
#[command(version, about, args_override_self = true)]
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

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricsAuth {
    /// Every client that reaches the port.
    None,
    /// Whose bearer token the API server knows (TokenReview), and whom its authorizer lets `get`
    /// the path `/metrics` (SubjectAccessReview), as controller-runtime does it.
    TokenReview,
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
    /// Watches this namespace instead of the whole cluster. May be given several times; each
    /// namespace then has watches of its own.
    #[arg(long = "watch-namespace", env = "WATCH_NAMESPACE", value_delimiter = ',', value_parser = namespace_name)]
    pub watch_namespaces: Vec<String>,
    /// Where health and metrics are served. The default serves IPv4 and IPv6; where the kernel has
    /// no IPv6, IPv4 alone.
    #[arg(long, env = "HEALTH_LISTEN", default_value = "[::]:8080")]
    pub health_listen: SocketAddr,
    /// Who may read the metrics. With token-review the operator needs leave to create
    /// TokenReviews and SubjectAccessReviews.
    #[arg(long, env = "METRICS_AUTH", value_enum, default_value = "none")]
    pub metrics_auth: MetricsAuth,
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
    /// example `acme-distribution=https://bss.example.com@resellers,partners`. May be given several
    /// times; in the environment separated by semicolons.
    #[arg(long = "bind-identity", env = "BIND_IDENTITY", value_delimiter = ';')]
    pub bind_identity: Vec<String>,
    /// The HTTP proxy through which BSSs and token endpoints are called, for example
    /// `http://proxy.example.com:3128`. It resolves their names, so that the address guard checks only
    /// what a URL shows; its own address is not checked. The variable HTTPS_PROXY is not read.
    #[arg(long, env = "BSS_HTTPS_PROXY", hide_env_values = true)]
    pub https_proxy: Option<String>,
    /// Hosts that are called without the proxy: names (with those below them), addresses and address
    /// ranges, separated by commas. May be given several times.
    #[arg(long, env = "BSS_NO_PROXY", value_delimiter = ',')]
    pub no_proxy: Vec<String>,
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
    /// Sends traces to this collector, by OTLP over HTTP, for example `http://collector:4318`; without it
    /// there are none. Headers for it are taken from OTEL_EXPORTER_OTLP_HEADERS.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true, value_parser = collector)]
    pub otlp_endpoint: Option<String>,
    /// The share of reconciles that are traced: 1 is all of them.
    #[arg(long, env = "TRACE_RATIO", default_value_t = 1.0, value_parser = ratio)]
    pub trace_ratio: f64,
    /// How long the lease is valid without being renewed, in seconds.
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(3..=300))]
    pub lease_seconds: u64,
}

impl Settings {
    /// Where traces go, if they go anywhere.
    #[must_use]
    pub fn traces(&self) -> Option<TraceSettings> {
        Some(TraceSettings {
            endpoint: self.otlp_endpoint.clone()?,
            ratio: self.trace_ratio,
            instance: self.instance.clone(),
        })
    }

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

/// The address of a collector of traces.
fn collector(text: &str) -> Result<String, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        Ok(_) => Err("the collector's address begins with http:// or https://".to_owned()),
        Err(error) => Err(format!("not the address of a collector: {error}")),
    }
}

/// A share between none and all.
fn ratio(text: &str) -> Result<f64, String> {
    let ratio: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&ratio) {
        Ok(ratio)
    } else {
        Err("a share lies between 0 and 1".to_owned())
    }
}

/// The name of a namespace: an RFC 1123 label.
fn namespace_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(
            "the name of a namespace is empty; to watch the whole cluster, leave --watch-namespace \
             and WATCH_NAMESPACE out"
                .to_owned(),
        );
    }
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = text.len() <= 63
        && text.chars().all(|c| inside(c) || c == '-')
        && text.starts_with(inside)
        && text.ends_with(inside);
    if label {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} cannot be the name of a namespace: at most 63 of a-z, 0-9 and '-', with a \
             letter or digit at both ends"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &[&str]) -> Result<Settings, String> {
        let line = ["tenant-reseller-operator", "run", "--namespace=system"];
        let line = line.iter().chain(more);
        match Cli::try_parse_from(line)
            .map_err(|error| error.to_string())?
            .command
        {
            Command::Run(settings) => Ok(*settings),
            Command::Crds => Err("another command".to_owned()),
        }
    }

    #[test]
    fn health_is_served_for_both_kinds_of_addresses_unless_told_otherwise() {
        let told = |more: &[&str]| settings(more).expect("settings").health_listen.to_string();
        assert_eq!(told(&[]), "[::]:8080");
        let other = "--health-listen=127.0.0.1:9090";
        assert_eq!(told(&[other]), "127.0.0.1:9090");
        assert_eq!(
            told(&["--health-listen=[::]:8080", other]),
            "127.0.0.1:9090"
        );
    }

    /// A chart gives some flags itself, and people add theirs behind.
    #[test]
    fn of_a_flag_that_is_given_twice_the_last_counts_and_lists_collect() {
        let settings = settings(&[
            "--recheck-seconds=300",
            "--log-format=json",
            "--allow-address=10.0.0.0/8",
            "--watch-namespace=a",
            "--recheck-seconds=20",
            "--log-format=text",
            "--allow-address=fd00::/8",
            "--watch-namespace=b,c",
        ])
        .expect("settings");
        assert_eq!(settings.recheck_seconds, 20);
        assert!(matches!(settings.log_format, Format::Text));
        assert_eq!(settings.allow_address, ["10.0.0.0/8", "fd00::/8"]);
        assert_eq!(settings.watch_namespaces, ["a", "b", "c"]);
    }

    #[test]
    fn what_is_no_name_of_a_namespace_is_refused_in_words() {
        for (name, said) in [
            ("", "leave --watch-namespace"),
            ("a,,b", "leave --watch-namespace"),
            ("Resellers", "cannot be the name of a namespace"),
            ("-a", "letter or digit at both ends"),
            ("a.b", "cannot be the name of a namespace"),
            ("*", "cannot be the name of a namespace"),
        ] {
            let refused = settings(&[&format!("--watch-namespace={name}")]);
            let words = refused.map(|_| ()).expect_err("refused");
            assert!(words.contains(said), "{name:?}: {words}");
        }
        let long = format!("--watch-namespace={}", "a".repeat(64));
        assert!(settings(&[&long]).is_err());
        assert!(settings(&["--watch-namespace= a "]).is_ok());
    }
}
