//! `bss-sandbox`: a BSS to try and test against. See `tenant_reseller_operator::sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgGroup, CommandFactory, Parser, ValueEnum};
use tenant_reseller_operator::sandbox::{
    Config, Defects, Ids, InterworksLogin, OAuthClient, Server, ServerError, Size, Switches,
    Transport,
};
use tokio::signal::unix::{SignalKind, signal};

/// A BSS sandbox that speaks the reference contract, and a vendor's API beside it, over one SQLite file.
#[derive(Parser)]
#[command(name = "bss-sandbox", version, group = ArgGroup::new("transport").required(true)
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
    /// The bearer token of the tenants' own side, which `--weak=tenantAccess=Own` needs.
    #[arg(long, env = "BSS_SANDBOX_TENANT_TOKEN", hide_env_values = true)]
    tenant_token: Option<String>,
    /// A client of the token endpoint `/oauth2/token`, as `ID:SECRET`, for the distributor's side.
    #[arg(long, env = "BSS_SANDBOX_OAUTH_CLIENT", hide_env_values = true)]
    oauth_client: Option<String>,
    /// A client of the token endpoint for the tenants' own side.
    #[arg(long, env = "BSS_SANDBOX_OAUTH_TENANT_CLIENT", hide_env_values = true)]
    oauth_tenant_client: Option<String>,
    /// A scope that clients may ask for.
    #[arg(long, default_value = "upgrade")]
    oauth_scope: Vec<String>,
    /// A login at the vendor's face, as `CLIENT:SECRET:USER:PASSWORD`, for the distributor's side.
    #[arg(long, env = "BSS_SANDBOX_INTERWORKS_LOGIN", hide_env_values = true)]
    interworks_login: Option<String>,
    /// The same for the tenant of a reseller, as `CLIENT:SECRET:USER:PASSWORD:RESELLER`.
    #[arg(
        long,
        env = "BSS_SANDBOX_INTERWORKS_TENANT_LOGIN",
        hide_env_values = true
    )]
    interworks_tenant_login: Option<String>,
    /// The bearer token of the control API.
    #[arg(long, env = "BSS_SANDBOX_CONTROL_TOKEN", hide_env_values = true)]
    control_token: String,
    /// The BSS's own name.
    #[arg(long, default_value = "acme-distribution")]
    identity: String,
    /// How long the ids of all records are.
    #[arg(long, value_enum, default_value_t = IdsOption::Usual)]
    ids: IdsOption,
    /// The seed of the world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Resellers to upgrade, each with data of its own: account 10423, then 100001, 100002 and so on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    resellers: u32,
    /// Customers of each reseller.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    customers: u32,
    /// Active subscriptions and assets of the customers of each reseller.
    #[arg(long, default_value_t = 400)]
    subscriptions: u32,
    /// Customers of each reseller but the first, if they are not to be as many as the first one's.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    other_customers: Option<u32>,
    /// The same for their subscriptions and assets.
    #[arg(long)]
    other_subscriptions: Option<u32>,
    /// Defects among them.
    #[arg(long, value_enum, default_value_t = DefectsOption::Demo)]
    defects: DefectsOption,
    /// So many purchases are blocked, instead of `--defects`.
    #[arg(long, value_name = "COUNT", conflicts_with = "defects")]
    blocked: Option<u32>,
    /// How long a tenant is queued, in milliseconds.
    #[arg(long, default_value_t = 3000)]
    tenant_queue_ms: u64,
    /// How long a Storefront order is pending, in milliseconds.
    #[arg(long, default_value_t = 1500)]
    order_ms: u64,
    /// The most items of a batch.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    largest_batch: u16,
    /// How long each request of the contract takes at least, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
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

/// Ends the process with a wrong option.
fn refuse(text: &str) -> ! {
    Options::command()
        .error(ErrorKind::ValueValidation, text)
        .exit()
}

fn oauth_client(text: &str, scopes: &[String], tenant: bool) -> OAuthClient {
    let Some((id, secret)) = text.split_once(':') else {
        refuse("a client is written ID:SECRET");
    };
    OAuthClient {
        id: id.to_owned(),
        secret: secret.to_owned(),
        scopes: scopes.to_vec(),
        tenant,
    }
}

/// A login at the vendor's face; the fifth part, if there is one, is the reseller.
fn interworks_login(text: &str, parts: usize) -> InterworksLogin {
    let mut words = text.split(':').map(ToOwned::to_owned);
    if words.clone().count() != parts {
        refuse("a login is written CLIENT:SECRET:USER:PASSWORD, a tenant's with :RESELLER behind");
    }
    let mut next = || words.next().unwrap_or_default();
    InterworksLogin {
        client_id: next(),
        client_secret: next(),
        user: next(),
        password: next(),
        reseller: words.next(),
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum DefectsOption {
    None,
    Demo,
}

#[derive(Clone, Copy, ValueEnum)]
enum IdsOption {
    /// Short and readable.
    Usual,
    /// 128 characters of four bytes each, the most that the contract allows.
    Longest,
}

impl Options {
    fn into_config(self) -> Config {
        let switches = Switches::default()
            .with_texts(&self.weak)
            .unwrap_or_else(|wrong| refuse(&format!("--weak: {wrong}")));
        let clients = [(self.oauth_client, false), (self.oauth_tenant_client, true)];
        let oauth_clients: Vec<OAuthClient> = clients
            .into_iter()
            .filter_map(|(client, tenant)| Some(oauth_client(&client?, &self.oauth_scope, tenant)))
            .collect();
        let interworks_logins = [
            (self.interworks_login, 4),
            (self.interworks_tenant_login, 5),
        ]
        .into_iter()
        .filter_map(|(login, parts)| Some(interworks_login(&login?, parts)))
        .collect();
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
            tenant_token: self.tenant_token,
            oauth_clients,
            interworks_logins,
            control_token: self.control_token,
            identity: self.identity,
            ids: match self.ids {
                IdsOption::Usual => Ids::Usual,
                IdsOption::Longest => Ids::Longest,
            },
            seed: self.seed,
            customers: self.customers,
            subscriptions: self.subscriptions,
            resellers: self.resellers,
            others: Some(Size {
                customers: self.other_customers.unwrap_or(self.customers),
                subscriptions: self.other_subscriptions.unwrap_or(self.subscriptions),
            }),
            defects: match (self.blocked, self.defects) {
                (Some(count), _) => Defects::Blocked(count),
                (None, DefectsOption::None) => Defects::None,
                (None, DefectsOption::Demo) => Defects::Demo,
            },
            tenant_queue: Duration::from_millis(self.tenant_queue_ms),
            order_time: Duration::from_millis(self.order_ms),
            largest_batch: self.largest_batch,
            latency: Duration::from_millis(self.latency_ms),
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
    // A provider that was installed before serves as well.
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
