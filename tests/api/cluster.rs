//! The cluster side on a real API server: the port, the election, the runner.

mod election;
mod port;
mod records;
mod runner;

use std::path::Path;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Config;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tenant_reseller_operator::api::{Phase, TenantResellerUpgrade, TenantResellerUpgradeStatus};
use tenant_reseller_operator::cluster::lease::Leadership;
use tenant_reseller_operator::cluster::{Clients, Installation, KubeCluster, Scope, Watches, crds};
use tokio_util::sync::CancellationToken;

use support::control_plane::{self, TestNamespace};

const SOON: Duration = Duration::from_secs(20);

/// Clients as the operator makes them, for the account of the kubeconfig.
async fn clients(kubeconfig: &Path) -> Clients {
    let read = Kubeconfig::read_from(kubeconfig).expect("the launcher wrote a kubeconfig");
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .expect("the kubeconfig is complete");
    Clients::from_config(config).expect("clients are made without a request")
}

/// Installs the custom resources of this build, and waits until they are served.
async fn install_crds(clients: &Clients, change: impl Fn(&mut serde_json::Value)) {
    let api: Api<CustomResourceDefinition> = Api::all(clients.calls.clone());
    for crd in tenant_reseller_operator::api::crds() {
        let mut crd = serde_json::to_value(crd).expect("a CRD is JSON");
        change(&mut crd);
        let name = crd["metadata"]["name"].as_str().expect("a name").to_owned();
        let how = PatchParams::apply("tests").force();
        api.patch(&name, &how, &Patch::Apply(&crd))
            .await
            .unwrap_or_else(|error| panic!("{name} is refused: {error}"));
    }
    let (awaited, never) = (crds::KindsAwaited::default(), CancellationToken::new());
    tokio::time::timeout(SOON, crds::wait(&clients.calls, &awaited, &never))
        .await
        .expect("the CRDs are served soon");
    assert_eq!(awaited.awaited(), None);
}

/// A namespace with the CRDs, and the port on it. The watches do not run.
async fn world(label: &str) -> (TestNamespace, KubeCluster) {
    let namespace = control_plane::namespace(label).await;
    let clients = clients(namespace.plane.kubeconfig()).await;
    install_crds(&clients, |_| {}).await;
    let watches = Watches::new(&clients, &Scope::of([&namespace.name]));
    let installation = Installation::look_up(&clients, &namespace.name, "operator-0")
        .await
        .expect("the namespace is there");
    assert!(!installation.uid.is_empty());
    let leadership = Leadership::undisputed();
    let cluster = KubeCluster::new(&clients, watches.stores(), leadership, installation);
    (namespace, cluster)
}

fn upgrade_json(name: &str, namespace: &str) -> serde_json::Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "TenantResellerUpgrade",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "connectionRef": { "kind": "BssConnection", "name": "distributor" },
            "reseller": { "accountId": "10423" },
            "tenant": {
                "priceList": "PL-RESELLER-EUR",
                "edition": "Premium",
                "language": "en-GB",
                "timeZone": "Europe/Athens",
                "dateFormat": "dd/MM/yyyy",
                "invoicing": "Combined",
            },
        },
    })
}

async fn create_upgrade(namespace: &TestNamespace, name: &str) -> TenantResellerUpgrade {
    let wanted = serde_json::from_value(upgrade_json(name, &namespace.name)).expect("an upgrade");
    namespace
        .api::<TenantResellerUpgrade>()
        .create(&PostParams::default(), &wanted)
        .await
        .expect("the upgrade is accepted")
}

fn status(phase: Phase) -> TenantResellerUpgradeStatus {
    TenantResellerUpgradeStatus {
        observed_generation: Some(1),
        phase: Some(phase),
        ..TenantResellerUpgradeStatus::default()
    }
}
