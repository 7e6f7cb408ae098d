//! The custom resources as the real API server takes them, installed by helm from the charts.
//!
//! These tests have a control plane of their own: others install the definitions in their own way,
//! and to install them is what is tested here.

mod bad_input;
mod charts;
mod gitops;
mod looks;
mod pages;
mod rules;
mod transitions;

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};
use tenant_reseller_operator::api;
use tenant_reseller_operator::local::{ControlPlane, ControlPlaneOptions};
use tokio::sync::OnceCell;

use support::control_plane::TestNamespace;

const SYSTEM: &str = "tenant-reseller-system";
const OPERATOR: &str = "tenant-reseller-operator";
const DEFINITIONS: &str = "tenant-reseller-crds";

/// The control plane with both charts.
pub(crate) async fn plane() -> &'static ControlPlane {
    static SHARED: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();
    let shared = SHARED
        .get_or_init(|| async {
            // One TLS provider in the process; an error means that there is one already.
            let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let plane = ControlPlane::start(ControlPlaneOptions::default())
                .await
                .map_err(|error| error.chain())?;
            install(&plane).await.map_err(|error| error.chain())?;
            Ok(plane)
        })
        .await;
    match shared {
        Ok(plane) => plane,
        Err(reason) => panic!("no control plane with the charts: {reason}"),
    }
}

async fn install(plane: &ControlPlane) -> tenant_reseller_operator::local::LocalResult<()> {
    let helm = plane.helm()?;
    for (release, chart) in [
        (DEFINITIONS, "charts/tenant-reseller-operator-crds"),
        (OPERATOR, "charts/tenant-reseller-operator"),
    ] {
        let namespace = format!("--namespace={SYSTEM}");
        helm.run(["install", release, chart, &namespace, "--create-namespace"])
            .await?;
    }
    plane
        .kubectl()?
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

/// A namespace that no other test uses.
pub(crate) async fn namespace(label: &str) -> TestNamespace {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let plane = plane().await;
    let client = plane.client().await.unwrap();
    let name = format!("{label}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let wanted: Namespace =
        serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
    Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &wanted)
        .await
        .unwrap();
    TestNamespace {
        plane,
        name,
        client,
    }
}

/// What the tests do with any kind, as JSON.
pub(crate) trait Objects {
    fn of(&self, kind: &str) -> Api<DynamicObject>;
    async fn create(&self, object: &Value) -> Result<Value, String>;
    /// Whether it would be accepted; nothing is stored.
    async fn try_create(&self, object: &Value) -> Result<Value, String>;
    async fn try_merge(&self, object: &Value, patch: Value) -> Result<Value, String>;
    async fn merge(&self, object: &Value, patch: Value) -> Result<Value, String>;
    async fn merge_status(&self, object: &Value, patch: Value) -> Result<Value, String>;
}

impl Objects for TestNamespace {
    fn of(&self, kind: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(api::GROUP, api::VERSION, kind);
        let resource = ApiResource::from_gvk(&kind);
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    async fn create(&self, object: &Value) -> Result<Value, String> {
        created(self, object, &PostParams::default()).await
    }

    async fn try_create(&self, object: &Value) -> Result<Value, String> {
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        created(self, object, &dry).await
    }

    async fn try_merge(&self, object: &Value, patch: Value) -> Result<Value, String> {
        merged(self, object, patch, &PatchParams::default().dry_run()).await
    }

    async fn merge(&self, object: &Value, patch: Value) -> Result<Value, String> {
        merged(self, object, patch, &PatchParams::default()).await
    }

    async fn merge_status(&self, object: &Value, patch: Value) -> Result<Value, String> {
        let (kind, name) = place(object);
        let patch = Patch::Merge(json!({ "status": patch }));
        self.of(kind)
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .map_err(|error| error.to_string())
            .map(|object| serde_json::to_value(object).unwrap())
    }
}

fn place(object: &Value) -> (&str, &str) {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap();
    (text("/kind"), text("/metadata/name"))
}

async fn created(at: &TestNamespace, object: &Value, how: &PostParams) -> Result<Value, String> {
    let wanted: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    at.of(place(object).0)
        .create(how, &wanted)
        .await
        .map_err(|error| error.to_string())
        .map(|object| serde_json::to_value(object).unwrap())
}

async fn merged(
    at: &TestNamespace,
    object: &Value,
    patch: Value,
    how: &PatchParams,
) -> Result<Value, String> {
    let (kind, name) = place(object);
    at.of(kind)
        .patch(name, how, &Patch::Merge(patch))
        .await
        .map_err(|error| error.to_string())
        .map(|object| serde_json::to_value(object).unwrap())
}

pub(crate) fn upgrade(name: &str) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "TenantResellerUpgrade",
        "metadata": { "name": name },
        "spec": {
            "connectionRef": { "name": "distributor" },
            "reseller": { "accountId": "10423", "expectedName": "Contoso Ltd" },
            "tenant": {
                "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
                "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined",
            },
        },
    })
}

fn connection(name: &str) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "BssConnection",
        "metadata": { "name": name },
        "spec": {
            "identity": "acme-distribution",
            "reference": { "url": "https://bss.example.com/tenant-reseller/v1" },
            "auth": { "bearer": { "secretRef": { "name": "distributor-credentials" } } },
            "tls": { "caSecretRef": { "name": "distributor-ca" } },
        },
    })
}

fn customer(account: &str) -> Value {
    json!({
        "accountId": account, "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined", "creditLimit": "5000.00",
    })
}

fn pricing(name: &str, customers: &[Value]) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "CustomerPricing",
        "metadata": { "name": name },
        "spec": { "upgradeRef": { "name": "contoso" }, "customers": customers },
    })
}

fn claim(name: &str) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "ResellerClaim",
        "metadata": { "name": name },
        "spec": {
            "bssIdentity": "acme-distribution", "resellerAccountId": "10423",
            "holder": { "namespace": "resellers", "name": "contoso", "uid": "u-1" },
            "epoch": 7, "tenantId": "t-7001", "activationTime": "2026-12-05T21:14:03Z",
        },
    })
}

fn report(name: &str) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "UpgradeReport",
        "metadata": { "name": name },
        "spec": {
            "kind": "Blockers", "page": 1, "count": 1, "truncated": 0,
            "rows": [{ "item": "subscription", "id": "S-00042", "verdict": "Blocked",
                       "reason": "CurrencyMismatch", "remedy": "Billed in USD." }],
        },
    })
}
