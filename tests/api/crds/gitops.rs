//! The examples for GitOps tools, built by the real kustomize and applied to a real API server.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::namespace;
use support::control_plane::TestNamespace;
use tenant_reseller_operator::api;

/// Every folder below the examples that kustomize builds.
fn folders(below: &Path, found: &mut Vec<PathBuf>) {
    let file = below.join("kustomization.yaml");
    let component = |file: &Path| {
        let text = std::fs::read_to_string(file).unwrap();
        text.contains("kind: Component")
    };
    if file.is_file() && !component(&file) {
        found.push(below.to_path_buf());
    }
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            folders(&path, found);
        }
    }
}

/// What kustomize makes of a folder, in this test's namespace.
async fn built(at: &TestNamespace, folder: &Path) -> Vec<Value> {
    let kubectl = at.plane.kubectl().unwrap();
    let yaml = kubectl
        .run(["kustomize", folder.to_str().unwrap()])
        .await
        .unwrap();
    let mut objects: Vec<Value> = serde_yaml::from_multiple(&yaml).unwrap();
    assert!(!objects.is_empty(), "{}", folder.display());
    objects.retain(|object| object["kind"] != "Namespace");
    for object in &mut objects {
        object["metadata"]["namespace"] = json!(at.name);
    }
    objects
}

async fn versions(at: &TestNamespace) -> String {
    at.kubectl(&[
        "get",
        "tenantreseller,secrets",
        "--output=jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.generation} {.metadata.resourceVersion}{\"\\n\"}{end}",
    ])
    .await
    .unwrap()
}

/// Everything that is there, without what counts the writes.
async fn shown(at: &TestNamespace) -> Vec<Value> {
    let all = ["get", "tenantreseller,secrets", "--output=json"];
    let list: Value = serde_json::from_str(&at.kubectl(&all).await.unwrap()).unwrap();
    let mut items = list["items"].as_array().unwrap().clone();
    for item in &mut items {
        let metadata = item["metadata"].as_object_mut().unwrap();
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
    }
    items
}

/// Each folder is built and taken; a hashed Secret is the one that the connection names; applied again by
/// the server side nothing changes, and no difference is seen.
#[tokio::test(flavor = "multi_thread")]
async fn examples_of_gitops_tools_are_built_and_applied_again_without_a_change() {
    let at = namespace("gitops").await;
    let kubectl = at.plane.kubectl().unwrap();
    let mut all = Vec::new();
    folders(Path::new("examples/gitops"), &mut all);
    // Ten waves, their sum, and how the BSS is reached.
    assert_eq!(all.len(), 12, "{all:?}");
    let mut upgrades = 0;
    for folder in &all {
        let objects = built(&at, folder).await;
        upgrades += objects
            .iter()
            .filter(|object| object["kind"] == "TenantResellerUpgrade")
            .count();
        if let Some(connection) = objects.iter().find(|o| o["kind"] == "BssConnection") {
            for pointer in [
                "/spec/auth/bearer/secretRef/name",
                "/spec/tls/caSecretRef/name",
            ] {
                let name = connection.pointer(pointer).unwrap();
                let secrets = objects.iter().filter(|o| o["kind"] == "Secret");
                let mut named = secrets.filter(|o| o["metadata"]["name"] == *name);
                assert!(named.next().is_some(), "{pointer} names {name}");
            }
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        let apply = [
            "apply",
            "--server-side",
            "--field-manager=gitops",
            "--validate=strict",
            "-f",
            "-",
        ];
        kubectl.run_with_input(apply, &list).await.unwrap();
        let first = shown(&at).await;
        // Where no operator has written a status yet, the API server stores its default with the second
        // write. Nothing that anybody reads of the object changes.
        kubectl.run_with_input(apply, &list).await.unwrap();
        assert_eq!(shown(&at).await, first, "{}", folder.display());
        let before = versions(&at).await;
        kubectl.run_with_input(apply, &list).await.unwrap();
        assert_eq!(versions(&at).await, before, "{}", folder.display());
        let diff = ["diff", "--server-side", "--field-manager=gitops", "-f", "-"];
        let diff = kubectl.output(diff, &list).await.unwrap();
        assert!(
            diff.success && diff.stdout.is_empty(),
            "{}{}",
            diff.stdout,
            diff.stderr
        );
    }
    assert_eq!(upgrades, 100, "fifty in their waves, and fifty in the sum");
}

/// What Argo CD, Flux and the makers of Secrets read is not of this cluster's kinds. It is YAML, each document
/// with kind and name, and a Secret's template holds the annotation.
#[tokio::test(flavor = "multi_thread")]
async fn the_health_scripts_are_taken_as_a_patch() {
    let at = namespace("argocd").await;
    at.kubectl(&[
        "create",
        "configmap",
        "argocd-cm",
        "--from-literal=url=https://argocd.example.com",
    ])
    .await
    .unwrap();
    let patch = "--patch-file=examples/gitops/argocd/health.yaml";
    at.kubectl(&["patch", "configmap", "argocd-cm", patch])
        .await
        .unwrap();
    let stored = at
        .kubectl(&["get", "configmap", "argocd-cm", "-o", "json"])
        .await
        .unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let keys = stored["data"].as_object().unwrap();
    assert_eq!(
        keys["url"], "https://argocd.example.com",
        "what was there stays"
    );
    let of_ours = |key: &&String| key.contains(api::GROUP);
    assert_eq!(keys.keys().filter(of_ours).count(), 3, "{keys:?}");
}
