//! `bss-sandbox`: a BSS to try and test against. See `tenant_reseller_operator::sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgGroup, CommandFactory, Parser, ValueEnum};
use tenant_reseller_operator::sandbox::{
    Config, Defects, Server, ServerError, Switches, Transport,
};
use tokio::signal::unix::{SignalKind, signal};

/// A BSS sandbox that speaks the reference contract, over one SQLite file.
#[derive(Parser)]
#[command(version, group = ArgGroup::new("transport").required(true)
    .args(["tls_cert", "self_signed", "insecure_http"]))]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The SQLite file, made and seeded if it is not there.
    #[arg(long)]
    database: PathBuf,
    /// The bearer token of the reference contract.
    #[arg(long, env = "BSS_SANDBOX_TOKEN", hide_env_values = true)]
    token: String,
    /// The bearer token of the control API.
    #[arg(long, env = "BSS_SANDBOX_CONTROL_TOKEN", hide_env_values = true)]
    control_token: String,
    /// The BSS's own name.
    #[arg(long, default_value = "acme-distribution")]
    identity: String,
    /// The seed of the world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Customers of the reseller.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    customers: u32,
    /// Active subscriptions and assets of its customers.
    #[arg(long, default_value_t = 400)]
    subscriptions: u32,
    /// Defects among them.
    #[arg(long, value_enum, default_value_t = DefectsOption::Demo)]
    defects: DefectsOption,
    /// How long a tenant is queued, in milliseconds.
    #[arg(long, default_value_t = 3000)]
    tenant_queue_ms: u64,
    /// How long a Storefront order is pending, in milliseconds.
    #[arg(long, default_value_t = 1500)]
    order_ms: u64,
    /// The most items of a batch.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    largest_batch: u16,
    /// A promise to break, as the control API names it, for example `keys=Findable`, `lagMs=500` or
    /// `operations.createTenant=ManualStep`. Counts while the file is new.
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    weak: Vec<String>,
    /// PEM file with the certificate chain.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Folder for a certificate authority of its own: `ca.crt`, `server.crt`, `server.key`.
    #[arg(long, value_name = "DIR")]
    self_signed: Option<PathBuf>,
    /// Another name or address in the self-signed certificate.
    #[arg(long, requires = "self_signed")]
    host: Vec<String>,
    /// Plain HTTP, for tests on loopback.
    #[arg(long)]
    insecure_http: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum DefectsOption {
    None,
    Demo,
}

impl Options {
    fn into_config(self) -> Config {
        let switches = Switches::default()
            .with_texts(&self.weak)
            .unwrap_or_else(|wrong| {
                let text = format!("--weak: {wrong}");
                Self::command()
                    .error(ErrorKind::ValueValidation, text)
                    .exit()
            });
        let transport = match (self.tls_cert, self.tls_key, self.self_signed) {
            (Some(certificate), Some(key), _) => Transport::Files { certificate, key },
            (_, _, Some(folder)) => {
                let mut hosts = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
                hosts.extend(self.host);
                Transport::SelfSigned { folder, hosts }
            }
            (_, _, None) => Transport::InsecureHttp,
        };
        Config {
            listen: self.listen,
            database: self.database,
            token: self.token,
            control_token: self.control_token,
            identity: self.identity,
            seed: self.seed,
            customers: self.customers,
            subscriptions: self.subscriptions,
            defects: match self.defects {
                DefectsOption::None => Defects::None,
                DefectsOption::Demo => Defects::Demo,
            },
            tenant_queue: Duration::from_millis(self.tenant_queue_ms),
            order_time: Duration::from_millis(self.order_ms),
            largest_batch: self.largest_batch,
            switches,
            transport,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .init();
    // A provider that somebody installed before serves as well.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match serve(Options::parse().into_config()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), ServerError> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let server = Server::start(config).await?;
    println!("listening on {}", server.url());
    server
        .run_until(async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
        })
        .await
}

fn report(error: &ServerError) {
    eprintln!("bss-sandbox: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
