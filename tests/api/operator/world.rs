//! A test's own world: namespace, sandbox, operator.

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tenant_reseller_operator::api::ResellerClaim;
use tenant_reseller_operator::local::{
    ControlPlane, ControlPlaneOptions, Process, ProcessSpec, Rank, ports,
};

use super::bss::{Bss, Data};
use super::view::{History, View};
use crate::crds;

/// No step takes longer unless something is wrong. Generous: the machine may be busy.
pub(super) const STEP: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(30);
/// The upgrade's name where there is one.
pub(super) const NAME: &str = "contoso";

/// Looks until it is so; panics with what was seen last.
pub(super) async fn until<F, Fut>(awaited: &str, mut look: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = (bool, String)>,
{
    let deadline = Instant::now() + STEP;
    loop {
        let (so, seen) = look().await;
        if so {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "waited {STEP:?} for {awaited}; last seen: {seen}"
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Waits for an operator's `/readyz`.
pub(super) async fn ready(health: &str, operator: &Process) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    until("/readyz", || async {
        match http.get(format!("{health}/readyz")).send().await {
            Ok(reply) => (reply.status().is_success(), reply.text().await.unwrap()),
            Err(error) => (false, format!("{error}; {}", operator.tail())),
        }
    })
    .await;
}

/// Pricing options, as the reseller's staff sets them for all.
pub(super) fn options() -> Value {
    json!({
        "priceList": "PL-RETAIL", "billing": { "day": 1 }, "paymentMethod": "Invoice",
        "invoicing": "Combined",
    })
}

/// How a world differs from the usual one.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) data: Data,
    /// The whole cluster instead of the test's namespace.
    pub(super) watches_all: bool,
    /// How long the lease lasts, if not as short as can be.
    pub(super) lease_seconds: Option<u16>,
    /// The namespaces that the BSS's identity is bound to, if it is.
    pub(super) bound_to: &'static str,
    /// Values of the chart besides those as shipped.
    pub(super) values: Vec<String>,
    /// More arguments of the operator, as the chart makes them of such values.
    pub(super) arguments: Vec<String>,
}

/// How the operators of a world run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    kubeconfig: PathBuf,
    system: String,
    watched: Option<String>,
    lease_seconds: u16,
    bound: Option<String>,
    arguments: Vec<String>,
}

impl Run {
    /// One of them: the name of its process, its own name, and where it tells how it is.
    pub(super) fn spec(&self, process: &str, instance: &str, health: u16) -> ProcessSpec {
        let program = env!("CARGO_BIN_EXE_tenant-reseller-operator");
        let watched = self.watched.iter();
        ProcessSpec::new(process, program)
            .arg("run")
            .arg("--allow-address=127.0.0.0/8")
            .arg(format!("--health-listen=127.0.0.1:{health}"))
            .args(["--recheck-seconds=1", "--poll-seconds=1"])
            .arg(format!("--lease-seconds={}", self.lease_seconds))
            .args(self.bound.iter())
            .args(watched.map(|namespace| format!("--watch-namespace={namespace}")))
            .args(self.arguments.iter())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("POD_NAMESPACE", &self.system)
            .env("POD_NAME", instance)
            .rank(Rank::Outer)
            .grace(Duration::from_secs(20))
    }
}

/// Everything that a test works with. Dropped, its processes end.
pub(super) struct World {
    pub(super) plane: &'static ControlPlane,
    /// Where the upgrade lies.
    pub(super) namespace: String,
    /// Where the operator is installed.
    pub(super) system: String,
    pub(super) client: kube::Client,
    pub(super) history: History,
    pub(super) operator: Process,
    pub(super) operator_kubeconfig: PathBuf,
    pub(super) health: String,
    pub(super) run: Run,
    pub(super) bss: Bss,
}

impl World {
    /// The usual one.
    pub(super) async fn start(label: &str) -> Self {
        Self::with(label, Options::default()).await
    }

    pub(super) async fn of(label: &str, data: Data) -> Self {
        Self::with(
            label,
            Options {
                data,
                ..Options::default()
            },
        )
        .await
    }

    pub(super) async fn with(label: &str, options: Options) -> Self {
        Self::on(crds::plane().await, label, options).await
    }

    /// On a control plane where the definitions are installed.
    pub(super) async fn on(plane: &'static ControlPlane, label: &str, options: Options) -> Self {
        let namespace = label.to_owned();
        let system = format!("{label}-system");
        plane
            .kubectl()
            .unwrap()
            .run(["create", "namespace", &namespace])
            .await
            .unwrap();
        let client = plane.client().await.unwrap();
        let history = History::watch(&client, &namespace);
        let bss = Bss::start(plane, label, &options.data).await;
        let operator_kubeconfig = install(plane, &system, &options.values).await;
        let [port] = ports::free().unwrap();
        let run = Run {
            kubeconfig: operator_kubeconfig.clone(),
            system: system.clone(),
            watched: (!options.watches_all).then(|| namespace.clone()),
            lease_seconds: options.lease_seconds.unwrap_or(3),
            bound: (!options.bound_to.is_empty()).then(|| {
                let (identity, origin) = (&bss.identity, &bss.url);
                format!("--bind-identity={identity}={origin}@{}", options.bound_to)
            }),
            arguments: options.arguments,
        };
        let spec = run.spec(&format!("operator-{label}"), "operator-0", port);
        let operator = plane.supervisor().start(spec).unwrap();
        let world = Self {
            plane,
            namespace,
            system,
            client,
            history,
            operator,
            operator_kubeconfig,
            health: format!("http://127.0.0.1:{port}"),
            run,
            bss,
        };
        world.ready().await;
        world
    }

    /// Waits for the operator's `/readyz`.
    pub(super) async fn ready(&self) {
        ready(&self.health, &self.operator).await;
    }

    /// Ends the operator with SIGKILL and starts it again.
    pub(super) async fn kill(&mut self) {
        self.operator.kill().unwrap();
        self.operator.start_again().unwrap();
        self.ready().await;
    }

    pub(super) fn upgrades(&self) -> Api<DynamicObject> {
        self.api("TenantResellerUpgrade")
    }

    /// An API of one of our kinds in the test's namespace.
    pub(super) fn api(&self, kind: &str) -> Api<DynamicObject> {
        let resource = kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
            "tenantreseller.io",
            "v1alpha1",
            kind,
        ));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    pub(super) async fn kubectl(&self, arguments: &[&str]) -> String {
        let all = ["-n", &self.namespace]
            .into_iter()
            .chain(arguments.iter().copied());
        self.plane.kubectl().unwrap().run(all).await.unwrap()
    }

    /// Applies objects as a user does.
    pub(super) async fn apply(&self, objects: &[Value]) {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        self.plane
            .kubectl()
            .unwrap()
            .run_with_input(["apply", "-f", "-"], &list.to_string())
            .await
            .unwrap();
    }

    pub(super) fn credentials(&self, token: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "credentials", "namespace": self.namespace,
                "annotations": { "tenantreseller.io/allowed-hosts": self.bss.authority_of_url() },
            },
            "stringData": { "token": token },
        })
    }

    pub(super) fn authority(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "authority", "namespace": self.namespace },
            "stringData": { "ca.crt": self.bss.authority },
        })
    }

    pub(super) fn connection(&self) -> Value {
        json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "BssConnection",
            "metadata": { "name": "distributor", "namespace": self.namespace },
            "spec": {
                "identity": self.bss.identity,
                "reference": { "url": format!("{}/tenant-reseller/v1", self.bss.url) },
                "auth": { "bearer": { "secretRef": { "name": "credentials" } } },
                "tls": { "caSecretRef": { "name": "authority" } },
                "limits": {
                    "requestsPerSecond": 200, "concurrency": 8, "requestTimeoutSeconds": 10,
                },
            },
        })
    }

    /// The connection with other limits and accepted risks: short quiet times.
    pub(super) fn weak_connection(&self, risks: &[&str]) -> Value {
        let mut connection = self.connection();
        connection["spec"]["acceptedRisks"] = json!(risks);
        connection["spec"]["limits"]["settleSeconds"] = json!(3);
        connection["spec"]["limits"]["orderSettleSeconds"] = json!(4);
        connection
    }

    /// Everything that one upgrade needs, for a BSS that is weak.
    pub(super) async fn begin_weak(&self, risks: &[&str]) {
        let token = self.bss.token.clone();
        self.apply(&[
            self.credentials(&token),
            self.authority(),
            self.weak_connection(risks),
            self.upgrade(),
        ])
        .await;
    }

    /// An upgrade whose customers get default pricing options.
    pub(super) fn upgrade(&self) -> Value {
        let mut upgrade = self.waiting_upgrade();
        upgrade["spec"]["pricing"] = json!({
            "whenMissing": "UseDefault",
            "default": {
                "priceList": "PL-RETAIL", "billing": { "day": 1 },
                "paymentMethod": "Invoice", "invoicing": "Combined",
            },
        });
        upgrade
    }

    /// An upgrade that waits for pricing options.
    pub(super) fn waiting_upgrade(&self) -> Value {
        json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
            "metadata": { "name": NAME, "namespace": self.namespace },
            "spec": {
                "connectionRef": { "kind": "BssConnection", "name": "distributor" },
                "reseller": { "accountId": "10423", "expectedName": "Contoso Ltd" },
                "tenant": {
                    "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy",
                    "invoicing": "Combined",
                },
            },
        })
    }

    /// Connection and Secrets.
    pub(super) async fn connect(&self) {
        let token = self.bss.token.clone();
        self.apply(&[
            self.credentials(&token),
            self.authority(),
            self.connection(),
        ])
        .await;
    }

    /// Everything that one upgrade needs, with default pricing options.
    pub(super) async fn begin(&self) {
        self.connect().await;
        self.apply(&[self.upgrade()]).await;
    }

    pub(super) async fn view(&self) -> View {
        self.view_of(NAME).await
    }

    pub(super) async fn view_of(&self, name: &str) -> View {
        let object = self.upgrades().get(name).await.unwrap();
        View(serde_json::to_value(object).unwrap())
    }

    /// Waits until the upgrade is so.
    pub(super) async fn until(&self, awaited: &str, so: impl Fn(&View) -> bool) -> View {
        let deadline = Instant::now() + STEP;
        loop {
            let view = self.view().await;
            if so(&view) {
                return view;
            }
            assert!(
                Instant::now() < deadline,
                "waited {STEP:?} for {awaited}; it went\n{}\noperator:\n{}",
                self.history.told(),
                self.operator.tail()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) async fn until_reason(&self, reason: &str) -> View {
        self.until(reason, |view| view.reason() == reason).await
    }

    pub(super) async fn until_succeeded(&self) -> View {
        let view = self.until("Succeeded", |view| view.is("Succeeded")).await;
        assert!(view.is("Ready"), "{:#}", view.0);
        view
    }

    /// Merges into the upgrade.
    pub(super) async fn patch(&self, patch: Value) {
        self.upgrades()
            .patch(NAME, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub(super) async fn annotate(&self, name: &str, value: Option<&str>) {
        self.patch(json!({ "metadata": { "annotations": { name: value } } }))
            .await;
    }

    /// Deletes the upgrade, and answers how long it took until it was gone.
    pub(super) async fn delete(&self) -> Duration {
        self.delete_named(NAME).await
    }

    pub(super) async fn delete_named(&self, name: &str) -> Duration {
        let began = Instant::now();
        self.upgrades()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
        until("the upgrade is gone", || async {
            let there = self.upgrades().get_opt(name).await.unwrap();
            (there.is_none(), format!("{there:?}"))
        })
        .await;
        began.elapsed()
    }

    /// Comes back after the operator has renewed its lease so often: a sign that it was alive and
    /// had time to do what it should not.
    pub(super) async fn heartbeats(&self, count: usize) {
        let renewed = || async {
            self.plane
                .kubectl()
                .unwrap()
                .run([
                    "-n",
                    &self.system,
                    "get",
                    "lease",
                    "-o",
                    "jsonpath={.items[0].spec.renewTime}",
                ])
                .await
                .unwrap()
        };
        for _ in 0..count {
            let before = renewed().await;
            until("the lease is renewed", || async {
                let now = renewed().await;
                (now != before, now)
            })
            .await;
        }
    }

    /// The claims of this operator.
    pub(super) async fn claims(&self) -> Vec<ResellerClaim> {
        let api: Api<ResellerClaim> = Api::namespaced(self.client.clone(), &self.system);
        api.list(&ListParams::default()).await.unwrap().items
    }

    pub(super) async fn claim(&self) -> ResellerClaim {
        let mut claims = self.claims().await;
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims.remove(0)
    }

    /// The rows of one kind of report about the upgrade.
    pub(super) async fn rows(&self, kind: &str) -> Vec<Value> {
        let list = self
            .api("UpgradeReport")
            .list(&ListParams::default())
            .await
            .unwrap();
        list.items
            .iter()
            .filter(|report| report.data["spec"]["kind"] == kind)
            .flat_map(|report| {
                let rows = report.data["spec"]["rows"].as_array();
                rows.cloned().unwrap_or_default()
            })
            .collect()
    }

    /// Everything that the operator wrote to its log, over all its starts.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.operator.log()).unwrap()
    }

    /// What has to hold at the end of every test: the conventions of every status seen, nothing
    /// refused by RBAC, nothing secret in logs, events or any object.
    pub(super) async fn holds(&self) {
        let secrets = ["contract-secret-of", "control-secret-of", "PRIVATE KEY"];
        // The watch has seen all that is there, so that no state escapes the checks.
        for upgrade in self.upgrades().list(&ListParams::default()).await.unwrap() {
            let version = upgrade.metadata.resource_version.unwrap();
            until("the watch keeps pace", || async {
                (self.history.has(&version), version.clone())
            })
            .await;
        }
        self.history.assert_conventions(&secrets);
        let log = self.log();
        let events = self.kubectl(&["get", "events", "-o", "json"]).await;
        let ours = "tru,bssc,cpr,trur";
        let objects = self.kubectl(&["get", ours, "-o", "json"]).await;
        for secret in secrets {
            assert!(!log.contains(secret), "{secret} in the log");
            assert!(!events.contains(secret), "{secret} in an event");
            assert!(!objects.contains(secret), "{secret} in an object");
        }
        for wrong in ["panicked", "orbidden by RBAC", "is forbidden"] {
            assert!(!log.contains(wrong), "{wrong}:\n{log}");
        }
    }

    /// The upgrade ends Succeeded, the ledgers are clean, and everything above holds.
    pub(super) async fn ends_well(&self) -> View {
        let view = self.until_succeeded().await;
        self.bss.judged_clean().await;
        self.holds().await;
        view
    }
}

/// Installs the operator's chart by helm; answers a kubeconfig with a token of its service account
/// and nothing more.
pub(super) async fn install(plane: &ControlPlane, system: &str, values: &[String]) -> PathBuf {
    let namespace = format!("--namespace={system}");
    let mut arguments = vec![
        "install".to_owned(),
        "tenant-reseller-operator".to_owned(),
        "charts/tenant-reseller-operator".to_owned(),
        namespace.clone(),
        "--create-namespace".to_owned(),
    ];
    arguments.extend(values.iter().map(|value| format!("--set={value}")));
    plane.helm().unwrap().run(arguments).await.unwrap();
    let account = plane
        .kubectl()
        .unwrap()
        .run([
            &namespace,
            "get",
            "deployments",
            "--output=jsonpath={.items[0].spec.template.spec.serviceAccountName}",
        ])
        .await
        .unwrap();
    plane.kubeconfig_for(system, account.trim()).await.unwrap()
}

/// A control plane for one test, with the definitions: for an operator that watches the whole
/// cluster, or for an API server with more arguments.
pub(super) async fn own_plane(api_server_arguments: Vec<String>) -> &'static ControlPlane {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = ControlPlaneOptions {
        api_server_arguments,
        ..ControlPlaneOptions::default()
    };
    let plane = ControlPlane::start(options).await.unwrap();
    plane
        .helm()
        .unwrap()
        .run([
            "install",
            "definitions",
            "charts/tenant-reseller-operator-crds",
            "--namespace=definitions",
            "--create-namespace",
        ])
        .await
        .unwrap();
    let wait = [
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=30s",
    ];
    plane.kubectl().unwrap().run(wait).await.unwrap();
    // It lives as long as the test binary, and ends with it by its guardian.
    Box::leak(Box::new(plane))
}
