//! Everything that the demo runs: the control plane, the sandbox, the operator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::DemoAdapter;
use super::commands::{self, Data, Login, Logins, OperatorPlace, Tokens};
use super::manifests::{self, Target};
use super::narrator::Narrator;
use super::sandbox_control::SandboxControl;
use super::upgrade_view::UpgradeReader;
use crate::local::control_plane::{ControlPlane, ControlPlaneOptions};
use crate::local::error::{LocalError, LocalResult};
use crate::local::eventually::{Observation, eventually};
use crate::local::ports;
use crate::local::process::Process;
use crate::local::project;
use crate::local::supervisor::random_hex;

const READY_WITHIN: Duration = Duration::from_secs(30);
/// Where the operator's chart is installed to.
pub(in crate::local) const SYSTEM_NAMESPACE: &str = "tenant-reseller-system";

/// The running world. Dropped, all of it ends.
pub(in crate::local) struct World {
    operator_health: u16,
    /// The operator.
    pub(in crate::local) operator: Process,
    _sandbox: Process,
    /// The sandbox's control API.
    pub(in crate::local) control: SandboxControl,
    target: Target,
    /// The control plane.
    pub(in crate::local) plane: ControlPlane,
}

impl World {
    /// Starts all of it, and tells what is ready.
    pub(in crate::local) async fn start(
        (data, adapter): (Data, DemoAdapter),
        narrator: &mut Narrator<std::io::Stdout>,
    ) -> LocalResult<Self> {
        let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
        narrator.fact("etcd, kube-apiserver and kube-controller-manager are ready")?;
        let (sandbox, control, target) = start_sandbox(&plane, data, adapter).await?;
        narrator.fact(&format!(
            "the BSS sandbox serves {} customers and {} subscriptions and assets over TLS",
            data.customers, data.subscriptions
        ))?;
        install_charts(&plane).await?;
        narrator.fact("helm installed the charts: custom resources, service account, RBAC")?;
        let (operator, operator_health) = start_operator(&plane).await?;
        narrator.fact("the operator runs, with a token of the chart's service account alone")?;
        Ok(Self {
            operator_health,
            operator,
            _sandbox: sandbox,
            control,
            target,
            plane,
        })
    }

    /// The objects in a file of `examples/`, pointed at this world.
    pub(in crate::local) async fn example(&self, file: &str) -> LocalResult<Vec<Value>> {
        self.manifests(&Path::new("examples").join(file)).await
    }

    /// The objects in a file of the project, pointed at this world.
    pub(super) async fn manifests(&self, file: &Path) -> LocalResult<Vec<Value>> {
        let path = project::folder().join(file);
        let mut objects = manifests::read(&self.plane.kubectl()?, &path).await?;
        manifests::point_at(&mut objects, &self.target);
        Ok(objects)
    }

    /// The authority of the sandbox's certificate, PEM.
    pub(super) fn authority(&self) -> &str {
        &self.target.authority
    }

    /// The same, applied.
    pub(in crate::local) async fn apply_example(&self, file: &str) -> LocalResult<Vec<Value>> {
        let objects = self.example(file).await?;
        self.apply(&objects).await?;
        Ok(objects)
    }

    /// Applies a file of the project, pointed at this world.
    pub(in crate::local) async fn apply_file(&self, file: &str) -> LocalResult<Vec<Value>> {
        let objects = self.manifests(Path::new(file)).await?;
        self.apply(&objects).await?;
        Ok(objects)
    }

    /// Applies objects made here.
    pub(in crate::local) async fn apply(&self, objects: &[Value]) -> LocalResult<()> {
        manifests::apply(&self.plane.kubectl()?, objects).await?;
        Ok(())
    }

    /// Reads an upgrade.
    pub(in crate::local) async fn upgrade(
        &self,
        namespace: &str,
        name: &str,
    ) -> LocalResult<UpgradeReader> {
        let client = self.plane.client().await?;
        Ok(UpgradeReader::new(&client, namespace, name))
    }

    /// Ends the operator with SIGKILL and starts it again.
    pub(in crate::local) async fn kill_operator(&mut self) -> LocalResult<()> {
        self.operator.kill()?;
        self.operator.start_again()?;
        until_ready(&mut self.operator, self.operator_health).await
    }
}

async fn start_sandbox(
    plane: &ControlPlane,
    data: Data,
    adapter: DemoAdapter,
) -> LocalResult<(Process, SandboxControl, Target)> {
    let supervisor = plane.supervisor();
    let folder = supervisor.subfolder("sandbox")?;
    let logins = match adapter {
        DemoAdapter::Reference | DemoAdapter::ByHand => None,
        DemoAdapter::Interworks => Some(Logins {
            distributor: login()?,
            tenant: login()?,
        }),
    };
    let tokens = Tokens {
        logins: logins.clone(),
        contract: random_hex()?,
        control: random_hex()?,
    };
    let mut spec = commands::sandbox(&folder, &tokens, data)?;
    if adapter == DemoAdapter::ByHand {
        spec = spec.arg(format!("--weak={}", commands::BY_HAND.join(",")));
    }
    let mut sandbox = supervisor.start(spec)?;
    let url = sandbox
        .wait_for_line("its address", READY_WITHIN, |line| {
            line.strip_prefix("listening on ").map(str::to_owned)
        })
        .await?;
    let authority = read(&folder.join("ca.crt"))?;
    let control = SandboxControl::new(&url, authority.as_bytes(), tokens.control)?;
    let target = Target {
        url,
        token: tokens.contract,
        authority,
        logins,
    };
    Ok((sandbox, control, target))
}

/// A user and a client that were never used before.
fn login() -> LocalResult<Login> {
    Ok(Login {
        client: random_hex()?,
        secret: random_hex()?,
        user: random_hex()?,
        password: random_hex()?,
    })
}

fn read(file: &Path) -> LocalResult<String> {
    std::fs::read_to_string(file).map_err(LocalError::io("reading", file))
}

pub(in crate::local) async fn install_charts(plane: &ControlPlane) -> LocalResult<()> {
    install_charts_of(plane, project::folder()).await
}

/// The same, of a checkout of the project in another folder.
pub(in crate::local) async fn install_charts_of(
    plane: &ControlPlane,
    folder: &Path,
) -> LocalResult<()> {
    let helm = plane.helm()?;
    for (release, chart) in [
        (
            "tenant-reseller-crds",
            "charts/tenant-reseller-operator-crds",
        ),
        (
            "tenant-reseller-operator",
            "charts/tenant-reseller-operator",
        ),
    ] {
        let namespace = format!("--namespace={SYSTEM_NAMESPACE}");
        let chart = folder.join(chart).display().to_string();
        helm.run(["install", release, &chart, &namespace, "--create-namespace"])
            .await?;
    }
    let kubectl = plane.kubectl()?;
    kubectl
        .run([
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=30s",
        ])
        .await?;
    Ok(())
}

async fn start_operator(plane: &ControlPlane) -> LocalResult<(Process, u16)> {
    let kubeconfig = operator_kubeconfig(plane).await?;
    let [health_port] = ports::free()?;
    let installed = OperatorPlace {
        kubeconfig: &kubeconfig,
        namespace: SYSTEM_NAMESPACE,
        health_port,
    };
    let mut operator = plane.supervisor().start(commands::operator(installed)?)?;
    until_ready(&mut operator, health_port).await?;
    Ok((operator, health_port))
}

/// The service account is the one that the chart's deployment names: what a pod would run as.
pub(in crate::local) async fn operator_kubeconfig(plane: &ControlPlane) -> LocalResult<PathBuf> {
    let account = plane
        .kubectl()?
        .run([
            "--namespace",
            SYSTEM_NAMESPACE,
            "get",
            "deployments",
            "--output=jsonpath={.items[0].spec.template.spec.serviceAccountName}",
        ])
        .await?;
    plane.kubeconfig_for(SYSTEM_NAMESPACE, account.trim()).await
}

pub(in crate::local) async fn until_ready(
    operator: &mut Process,
    health_port: u16,
) -> LocalResult<()> {
    let url = format!("http://127.0.0.1:{health_port}/readyz");
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(LocalError::http("preparing to ask the operator"))?;
    let ready = eventually("the operator's /readyz", READY_WITHIN, || async {
        let doing = || LocalError::http("asking the operator whether it is ready");
        let reply = http.get(&url).send().await.map_err(doing())?;
        let ready = reply.status().is_success();
        let said = reply.text().await.map_err(doing())?;
        Ok(if ready {
            Observation::Done(())
        } else {
            Observation::NotYet(said)
        })
    });
    tokio::select! {
        ready = ready => ready,
        // Its last log lines say more than that it does not answer.
        error = operator.ended() => Err(error),
    }
}
