//! Where runs happen: a control plane with the charts of one version, and for each run a sandbox and an
//! operator of its own. The one place of the bench that knows their arguments.

use std::path::PathBuf;
use std::time::Duration;

use super::careful::client::Place;
use super::careful::{Order, Took};
use super::objects::{Examples, Limits};
use super::version::Version;
use crate::api::{GROUP, VERSION};
use crate::local::control_plane::{ControlPlane, ControlPlaneOptions};
use crate::local::demo::commands::Tokens;
use crate::local::demo::manifests::{self, Target};
use crate::local::demo::sandbox_control::SandboxControl;
use crate::local::demo::world::{
    SYSTEM_NAMESPACE, install_charts_of, operator_kubeconfig, until_ready,
};
use crate::local::error::{LocalError, LocalResult};
use crate::local::eventually::{Observation, eventually};
use crate::local::ports;
use crate::local::process::{Process, ProcessSpec, Rank};
use crate::local::project;
use crate::local::supervisor::random_hex;

/// Requests at a time that a connection allows.
pub(super) const CONCURRENCY: u16 = 8;
/// A sandbox with 100,000 subscriptions is made in some seconds.
const SANDBOX_READY: Duration = Duration::from_mins(3);
/// An API server takes about a second to store a kind.
const LISTED: Duration = Duration::from_secs(30);
/// No client here takes longer unless something is wrong.
const CLIENT_BOUND: Duration = Duration::from_mins(40);
/// Subscriptions of one customer, on average.
const PER_CUSTOMER: u32 = 20;

/// What a run works on.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Names it on the control plane and in the BSS: unlike every other run's.
    pub(super) name: String,
    /// Subscriptions and assets to copy, of the first reseller.
    pub(super) items: u32,
    /// The most items of a batch.
    pub(super) batch: u16,
    /// How long the BSS lets each request wait.
    pub(super) latency: Duration,
    /// How many resellers there are beside the first, and the items of each.
    pub(super) others: (u32, u32),
}

impl Load {
    /// One reseller.
    pub(super) fn new(name: impl Into<String>, items: u32) -> Self {
        Self {
            name: name.into(),
            items,
            batch: 100,
            latency: Duration::ZERO,
            others: (0, 0),
        }
    }

    pub(super) fn batch(self, batch: u16) -> Self {
        Self { batch, ..self }
    }

    pub(super) fn latency_ms(self, ms: u16) -> Self {
        let latency = Duration::from_millis(u64::from(ms));
        Self { latency, ..self }
    }

    pub(super) fn others(self, count: u32, items: u32) -> Self {
        let others = (count, items);
        Self { others, ..self }
    }
}

/// The account of a reseller of the sandbox; the first one is number 0.
pub(super) fn account(number: u32) -> String {
    if number == 0 {
        "10423".to_owned()
    } else {
        number.saturating_add(100_000).to_string()
    }
}

/// A BSS that serves.
pub(super) struct Bss {
    // Ended with this value.
    _process: Process,
    pub(super) control: SandboxControl,
    pub(super) target: Target,
    folder: PathBuf,
}

impl Bss {
    /// Where clients of the bench reach it.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            url: &self.target.url,
            authority: &self.target.authority,
            token: &self.target.token,
            concurrency: usize::from(CONCURRENCY),
        }
    }
}

/// An operator that is ready.
pub(super) struct Operator {
    pub(super) process: Process,
    pub(super) health_port: u16,
}

/// Waits until the API server lists every kind: it begins to store one when it is first asked for it, and answers
/// 429 meanwhile. That is its own start, and no time of an upgrade.
async fn until_listed(client: &kube::Client) -> LocalResult<()> {
    let kinds = [
        "bssconnections",
        "customerpricings",
        "resellerclaims",
        "tenantresellerupgrades",
        "upgradereports",
    ];
    for kind in kinds {
        eventually("a list of each kind", LISTED, || async move {
            let path = format!("/apis/{GROUP}/{VERSION}/{kind}?limit=1");
            let request = axum::http::Request::get(path).body(Vec::new());
            let request = request.map_err(|error| LocalError::Unexpected(error.to_string()))?;
            let listed = client.request::<serde_json::Value>(request).await;
            let said = listed.as_ref().err().map(ToString::to_string);
            Ok(Observation::when(listed.is_ok(), said))
        })
        .await?;
    }
    Ok(())
}

/// A control plane for one version.
pub(super) struct Stage {
    pub(super) version: Version,
    pub(super) plane: ControlPlane,
    pub(super) client: kube::Client,
    pub(super) examples: Examples,
}

impl Stage {
    /// A control plane that writes down what the operator writes, with the charts installed.
    pub(super) async fn start(version: Version) -> LocalResult<Self> {
        let policy = project::folder().join("src/local/bench/audit-policy.yaml");
        let plane = ControlPlane::start(ControlPlaneOptions {
            api_server_arguments: vec![
                format!("--audit-policy-file={}", policy.display()),
                // To its own log, which is gone with everything else.
                "--audit-log-path=-".to_owned(),
            ],
            ..ControlPlaneOptions::default()
        })
        .await?;
        install_charts_of(&plane, &version.file("")).await?;
        let client = plane.client().await?;
        until_listed(&client).await?;
        let examples = Examples::read(&version, &plane.kubectl()?).await?;
        Ok(Self {
            version,
            plane,
            client,
            examples,
        })
    }

    /// How tables name what this stage runs.
    pub(super) fn operator_name(&self) -> String {
        match self.version.name.as_str() {
            "this" => "the operator".to_owned(),
            other => format!("the operator of {other}"),
        }
    }

    /// What the API server has written so far, the audit log included.
    pub(super) fn api_server_log(&self) -> LocalResult<String> {
        let folder = self.plane.supervisor().folder();
        let file = folder.join("logs/kube-apiserver.log");
        let bytes = std::fs::read(&file).map_err(LocalError::io("reading", &file))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Starts a sandbox without defects, over TLS: the one of this program, whatever the version.
    pub(super) async fn bss(&self, load: &Load) -> LocalResult<Bss> {
        self.bss_of(&Version::this()?, load).await
    }

    /// The same with the program of another version.
    pub(super) async fn bss_of(&self, version: &Version, load: &Load) -> LocalResult<Bss> {
        let name = format!("sandbox-{}-{}", version.name, load.name);
        let folder = self.plane.supervisor().subfolder(&name)?;
        let tokens = Tokens {
            logins: None,
            contract: random_hex()?,
            control: random_hex()?,
        };
        let spec = ProcessSpec::new(name, version.program("bss-sandbox")?)
            .arg("--listen=127.0.0.1:0")
            .arg(format!(
                "--database={}",
                folder.join("bss.sqlite").display()
            ))
            .arg(format!("--self-signed={}", folder.display()))
            .args(sandbox_arguments(load))
            .env("BSS_SANDBOX_TOKEN", &tokens.contract)
            .env("BSS_SANDBOX_CONTROL_TOKEN", &tokens.control)
            .rank(Rank::Client);
        let mut process = self.plane.supervisor().start(spec)?;
        let url = process
            .wait_for_line("its address", SANDBOX_READY, |line| {
                line.strip_prefix("listening on ").map(str::to_owned)
            })
            .await?;
        let file = folder.join("ca.crt");
        let authority = std::fs::read_to_string(&file).map_err(LocalError::io("reading", &file))?;
        let control = SandboxControl::new(&url, authority.as_bytes(), tokens.control)?;
        let target = Target {
            url,
            token: tokens.contract,
            authority,
            logins: None,
        };
        Ok(Bss {
            _process: process,
            control,
            target,
            folder,
        })
    }

    /// Starts the operator as a deployment would: the chart's service account, the usual pace.
    pub(super) async fn operator(&self, name: &str) -> LocalResult<Operator> {
        let kubeconfig: PathBuf = operator_kubeconfig(&self.plane).await?;
        let [health_port] = ports::free()?;
        let program = self.version.program("tenant-reseller-operator")?;
        let spec = ProcessSpec::new(format!("operator-{name}"), program)
            .arg("run")
            // The sandbox is on loopback, which the address guard refuses otherwise.
            .arg("--allow-address=127.0.0.0/8")
            .arg(format!("--health-listen=127.0.0.1:{health_port}"))
            .env("KUBECONFIG", &kubeconfig)
            .env("POD_NAMESPACE", SYSTEM_NAMESPACE)
            .env("POD_NAME", "operator-0")
            .rank(Rank::Outer)
            .grace(Duration::from_secs(10));
        let mut process = self.plane.supervisor().start(spec)?;
        until_ready(&mut process, health_port).await?;
        Ok(Operator {
            process,
            health_port,
        })
    }

    /// Applies a namespace with a connection to a sandbox.
    pub(super) async fn connect(
        &self,
        namespace: &str,
        (bss, load): (&Bss, &Load),
        limits: Limits,
    ) -> LocalResult<()> {
        let at = (&bss.target, load.name.as_str());
        let objects = self.examples.connection(namespace, at, limits);
        manifests::apply(&self.plane.kubectl()?, &objects).await?;
        Ok(())
    }

    /// Runs the careful client against a sandbox.
    pub(super) async fn careful(&self, bss: &Bss, load: &Load, order: Order) -> LocalResult<Took> {
        let program = std::env::current_exe().map_err(|source| LocalError::Io {
            doing: "asking for this program's own path".into(),
            source,
        })?;
        let name = format!("careful-{}-{}", load.name, order.argument());
        let spec = ProcessSpec::new(name, program)
            .arg("careful-client")
            .arg(format!("--url={}", bss.target.url))
            .arg(format!(
                "--authority={}",
                bss.folder.join("ca.crt").display()
            ))
            .arg(format!("--concurrency={CONCURRENCY}"))
            .arg(format!("--order={}", order.argument()))
            .env("BSS_TOKEN", &bss.target.token)
            .rank(Rank::Outer);
        let mut process = self.plane.supervisor().start(spec)?;
        process
            .wait_for_line("its figures", CLIENT_BOUND, |line| {
                serde_json::from_str(line).ok()
            })
            .await
    }

    /// The upgrades of an earlier run are no part of the next one: they go while the next one is set up.
    pub(super) async fn remove(&self, namespace: &str) -> LocalResult<()> {
        let arguments = ["delete", "namespace", namespace, "--wait=false"];
        self.plane.kubectl()?.run(arguments).await?;
        Ok(())
    }
}

fn sandbox_arguments(load: &Load) -> Vec<String> {
    let customers = |items: u32| items.div_ceil(PER_CUSTOMER).max(1);
    let mut arguments = vec![
        format!("--identity={}", load.name),
        format!("--customers={}", customers(load.items)),
        format!("--subscriptions={}", load.items),
        "--defects=none".to_owned(),
        "--tenant-queue-ms=0".to_owned(),
        format!("--largest-batch={}", load.batch),
        format!("--latency-ms={}", load.latency.as_millis()),
    ];
    let (others, items) = load.others;
    if others > 0 {
        arguments.extend([
            format!("--resellers={}", others.saturating_add(1)),
            format!("--other-customers={}", customers(items)),
            format!("--other-subscriptions={items}"),
        ]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_what_the_sandbox_is_seeded_with() {
        let load = Load::new("x", 100).batch(1).latency_ms(50);
        let alone = sandbox_arguments(&load);
        assert_eq!(
            alone,
            [
                "--identity=x",
                "--customers=5",
                "--subscriptions=100",
                "--defects=none",
                "--tenant-queue-ms=0",
                "--largest-batch=1",
                "--latency-ms=50"
            ]
        );
        let many = sandbox_arguments(&load.others(49, 40));
        assert_eq!(
            many[alone.len()..],
            [
                "--resellers=50",
                "--other-customers=2",
                "--other-subscriptions=40"
            ]
        );
        assert_eq!((account(0), account(7)), ("10423".into(), "100007".into()));
    }
}
