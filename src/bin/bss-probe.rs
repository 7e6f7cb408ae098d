//! `bss-probe`: looks at a BSS of a vendor and tells which assumptions of its adapter hold there. It sends GETs
//! only, and shows no value unless it is told to. See `tenant_reseller_operator::bss::adapters::interworks`.

use std::num::{NonZeroU16, NonZeroU32};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::adapters::interworks::{Probe, Values, probe};
use tenant_reseller_operator::bss::limits::{Limiter, Settings as Limits};
use tenant_reseller_operator::bss::transport::{
    AllowedHosts, AllowedRanges, Cleartext, ClientAuthentication, Credentials, Grant, Proxies,
    Settings, Timeouts, Tls, TokenSettings, TokenSource,
};

/// Looks at a BSS of a vendor and tells which assumptions of its adapter hold there.
#[derive(Parser)]
#[command(name = "bss-probe", version)]
struct Options {
    #[command(subcommand)]
    vendor: Vendor,
}

#[derive(Subcommand)]
enum Vendor {
    /// interworks.cloud. User, password and the client's pair come from the environment.
    Interworks(Interworks),
}

#[derive(clap::Args)]
struct Interworks {
    /// The address of the BSS, without /api.
    #[arg(long)]
    url: String,
    /// Where tokens are issued; without it, /oauth/token below the address.
    #[arg(long)]
    token_url: Option<String>,
    /// An account that is known to be a Basic reseller.
    #[arg(long)]
    basic_account: String,
    /// An account that is known to be a tenant reseller.
    #[arg(long)]
    tenant_account: String,
    /// The version of the API.
    #[arg(long, default_value = "3.0")]
    api_version: String,
    /// Show values too. They are those of your customers.
    #[arg(long)]
    values: bool,
    /// The most requests in a second. A look takes about twenty.
    #[arg(long, default_value = "1")]
    requests_per_second: NonZeroU32,
    /// An address range that may be called although it is internal, for example 10.20.0.0/16.
    #[arg(long)]
    allow_range: Vec<String>,
    #[arg(long, env = "BSS_PROBE_USERNAME", hide_env_values = true)]
    username: String,
    #[arg(long, env = "BSS_PROBE_PASSWORD", hide_env_values = true)]
    password: String,
    #[arg(long, env = "BSS_PROBE_CLIENT_ID", hide_env_values = true)]
    client_id: String,
    #[arg(long, env = "BSS_PROBE_CLIENT_SECRET", hide_env_values = true)]
    client_secret: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Vendor::Interworks(options) = Options::parse().vendor;
    // A provider that was installed before serves as well.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match run(options).await {
        Ok(lines) => {
            println!("{}", lines.join("\n"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Interworks) -> Result<Vec<String>, BssError> {
    let ranges = AllowedRanges::parse(options.allow_range.iter().map(String::as_str));
    let ranges = ranges.map_err(|detail| BssError::Refused { detail })?;
    let timeouts = Timeouts::within(Duration::from_secs(240));
    let token_url = options
        .token_url
        .unwrap_or_else(|| format!("{}/oauth/token", options.url.trim_end_matches('/')));
    let tokens = TokenSource::new(TokenSettings {
        allowed_hosts: AllowedHosts::entry_for(&token_url),
        token_url,
        grant: Grant::Password {
            user: options.username.into(),
            password: options.password.into(),
        },
        scopes: Vec::new(),
        client_id: options.client_id.into(),
        client_secret: options.client_secret.into(),
        authentication: ClientAuthentication::Basic,
        parameters: std::collections::BTreeMap::new(),
        tls: Tls::default(),
        proxies: Proxies::default(),
        allowed_ranges: ranges.clone(),
        cleartext: Cleartext::OnLoopback,
        timeouts,
    })?;
    let settings = Settings {
        allowed_hosts: AllowedHosts::entry_for(&options.url),
        url: options.url,
        credentials: Credentials::OAuth(tokens),
        tls: Tls::default(),
        proxies: Proxies::default(),
        allowed_ranges: ranges,
        cleartext: Cleartext::OnLoopback,
        throttle_statuses: vec![429],
        timeouts,
        reply_limit: Settings::REPLY_LIMIT,
    };
    let limiter = Limiter::new(Limits {
        per_second: options.requests_per_second,
        concurrency: NonZeroU16::MIN,
    });
    let wanted = Probe {
        api_version: options.api_version,
        basic: options.basic_account,
        tenant: options.tenant_account,
        values: if options.values {
            Values::Shown
        } else {
            Values::Hidden
        },
    };
    probe(&wanted, settings, limiter.into()).await
}
