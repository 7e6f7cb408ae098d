//! What is measured: the operator and a sandbox of its own for each run, on one control plane. The
//! one place of the bench that knows their arguments.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::local::control_plane::{ControlPlane, ControlPlaneOptions};
use crate::local::demo::commands::Tokens;
use crate::local::demo::manifests::{self, Target};
use crate::local::demo::sandbox_control::SandboxControl;
use crate::local::demo::world::{
    SYSTEM_NAMESPACE, install_charts, operator_kubeconfig, until_ready,
};
use crate::local::error::{LocalError, LocalResult};
use crate::local::ports;
use crate::local::process::{Process, ProcessSpec, Rank};
use crate::local::project;
use crate::local::supervisor::random_hex;

/// Requests at a time that the connection allows.
pub(super) const CONCURRENCY: u16 = 8;
/// More than this machine can ask: the concurrency is what limits.
const REQUESTS_PER_SECOND: u32 = 10_000;
const SANDBOX_READY: Duration = Duration::from_mins(1);
/// Subscriptions of one customer, on average.
const PER_CUSTOMER: u32 = 20;

/// What a run works on.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Names it on the control plane and in the BSS: unlike every other run's.
    pub(super) name: String,
    /// Subscriptions and assets to copy.
    pub(super) items: u32,
    /// The most items of a batch.
    pub(super) batch: u16,
    /// How long the BSS lets each request wait.
    pub(super) latency: Duration,
}

/// A BSS that serves.
pub(super) struct Bss {
    pub(super) process: Process,
    pub(super) control: SandboxControl,
    pub(super) target: Target,
}

/// An operator that is ready.
pub(super) struct Operator {
    pub(super) process: Process,
    pub(super) health_port: u16,
}

/// A control plane that writes down what the operator writes, with the charts installed.
pub(super) async fn control_plane() -> LocalResult<ControlPlane> {
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
    install_charts(&plane).await?;
    Ok(plane)
}

/// What the API server has written so far, the audit log included.
pub(super) fn api_server_log(plane: &ControlPlane) -> LocalResult<String> {
    let file = plane.supervisor().folder().join("logs/kube-apiserver.log");
    let bytes = std::fs::read(&file).map_err(LocalError::io("reading", &file))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Starts a sandbox without defects, over TLS.
pub(super) async fn bss(plane: &ControlPlane, load: &Load) -> LocalResult<Bss> {
    let folder = plane
        .supervisor()
        .subfolder(&format!("sandbox-{}", load.name))?;
    let tokens = Tokens {
        logins: None,
        contract: random_hex()?,
        control: random_hex()?,
    };
    let spec = sandbox(&folder, &tokens, load)?;
    let mut process = plane.supervisor().start(spec)?;
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
        process,
        control,
        target,
    })
}

fn sandbox(folder: &Path, tokens: &Tokens, load: &Load) -> LocalResult<ProcessSpec> {
    let database = folder.join("bss.sqlite");
    let customers = load.items.div_ceil(PER_CUSTOMER);
    let name = format!("bss-sandbox-{}", load.name);
    Ok(ProcessSpec::new(name, project::program("bss-sandbox")?)
        .arg("--listen=127.0.0.1:0")
        .arg(format!("--database={}", database.display()))
        .arg(format!("--self-signed={}", folder.display()))
        .arg(format!("--identity={}", load.name))
        .arg(format!("--customers={customers}"))
        .arg(format!("--subscriptions={}", load.items))
        .args(["--defects=none", "--tenant-queue-ms=0"])
        .arg(format!("--largest-batch={}", load.batch))
        .arg(format!("--latency-ms={}", load.latency.as_millis()))
        .env("BSS_SANDBOX_TOKEN", &tokens.contract)
        .env("BSS_SANDBOX_CONTROL_TOKEN", &tokens.control)
        .rank(Rank::Client))
}

/// Starts the operator as a deployment would: the chart's service account, the usual pace.
pub(super) async fn operator(plane: &ControlPlane, load: &Load) -> LocalResult<Operator> {
    let kubeconfig: PathBuf = operator_kubeconfig(plane).await?;
    let [health_port] = ports::free()?;
    let program = project::program("tenant-reseller-operator")?;
    let spec = ProcessSpec::new(format!("operator-{}", load.name), program)
        .arg("run")
        // The sandbox is on loopback, which the address guard refuses otherwise.
        .arg("--allow-address=127.0.0.0/8")
        .arg(format!("--health-listen=127.0.0.1:{health_port}"))
        .env("KUBECONFIG", &kubeconfig)
        .env("POD_NAMESPACE", SYSTEM_NAMESPACE)
        .env("POD_NAME", "operator-0")
        .rank(Rank::Outer)
        .grace(Duration::from_secs(10));
    let mut process = plane.supervisor().start(spec)?;
    until_ready(&mut process, health_port).await?;
    Ok(Operator {
        process,
        health_port,
    })
}

/// The examples in a namespace of this run: its connection, and an upgrade that waits for no person.
/// Answers the upgrade's name.
pub(super) async fn apply(plane: &ControlPlane, bss: &Bss, load: &Load) -> LocalResult<String> {
    let kubectl = plane.kubectl()?;
    let examples = project::folder().join("examples");
    let mut objects = manifests::read(&kubectl, &examples.join("connection.yaml")).await?;
    let upgrade = manifests::read(&kubectl, &examples.join("upgrade.yaml")).await?;
    let pricing = manifests::read(&kubectl, &examples.join("upgrade-default-pricing.yaml")).await?;
    objects.extend(upgrade);
    manifests::point_at(&mut objects, &bss.target);
    let pricing = pricing
        .iter()
        .find_map(|object| object.pointer("/spec/pricing"))
        .ok_or_else(|| unlike("spec.pricing"))?;
    let name = adapt(&mut objects, &load.name, pricing).ok_or_else(|| unlike("an upgrade"))?;
    manifests::apply(&kubectl, &objects).await?;
    Ok(name)
}

fn unlike(what: &str) -> LocalError {
    LocalError::Unexpected(format!("examples/ hold no {what}"))
}

/// Moves the objects to a namespace and sets what a measurement needs.
fn adapt(objects: &mut [Value], namespace: &str, pricing: &Value) -> Option<String> {
    let mut upgrade = None;
    for object in objects {
        let kind = object.pointer("/kind").and_then(Value::as_str);
        let kind = kind.unwrap_or_default().to_owned();
        let place = if kind == "Namespace" {
            "/metadata/name"
        } else {
            "/metadata/namespace"
        };
        if let Some(told) = object.pointer_mut(place) {
            *told = json!(namespace);
        }
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.map(str::to_owned);
        let Some(spec) = object.pointer_mut("/spec").and_then(Value::as_object_mut) else {
            continue;
        };
        if kind == "BssConnection" {
            spec.insert("identity".into(), json!(namespace));
            let limits = json!({
                "concurrency": CONCURRENCY,
                "requestsPerSecond": REQUESTS_PER_SECOND,
                "requestTimeoutSeconds": 30,
            });
            spec.insert("limits".into(), limits);
        }
        if kind == "TenantResellerUpgrade" {
            spec.insert("pricing".into(), pricing.clone());
            upgrade = name;
        }
    }
    upgrade
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_are_moved_and_limited_by_concurrency_alone() {
        let mut objects = [
            json!({"kind": "Namespace", "metadata": {"name": "resellers"}}),
            json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "resellers"}}),
            json!({"kind": "BssConnection", "metadata": {"name": "c", "namespace": "resellers"},
                "spec": {"identity": "acme", "limits": {"requestsPerSecond": 20}}}),
            json!({"kind": "TenantResellerUpgrade",
                "metadata": {"name": "u", "namespace": "resellers"},
                "spec": {"pricing": {"whenMissing": "Wait"}, "suspend": false}}),
        ];
        let pricing = json!({"whenMissing": "UseDefault"});
        let name = adapt(&mut objects, "bench-1", &pricing);
        assert_eq!(name.as_deref(), Some("u"));
        assert_eq!(
            objects,
            [
                json!({"kind": "Namespace", "metadata": {"name": "bench-1"}}),
                json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "bench-1"}}),
                json!({"kind": "BssConnection", "metadata": {"name": "c", "namespace": "bench-1"},
                    "spec": {"identity": "bench-1", "limits": {"concurrency": 8,
                        "requestsPerSecond": 10_000, "requestTimeoutSeconds": 30}}}),
                json!({"kind": "TenantResellerUpgrade",
                    "metadata": {"name": "u", "namespace": "bench-1"},
                    "spec": {"pricing": {"whenMissing": "UseDefault"}, "suspend": false}}),
            ]
        );
        assert_eq!(adapt(&mut objects[..3], "bench-1", &pricing), None);
    }
}
