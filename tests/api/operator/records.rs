//! Arriving by kubectl and going over to helm; leaving, and coming back with the records: the commands
//! of README and docs/records.md as they stand there.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tenant_reseller_operator::local::{ControlPlane, ControlPlaneOptions, Tool};

use super::world::{NAME, Options, World, install, options, until};

/// The commands of a page's blocks, each line one, that begin with these words.
fn commands(page: &str, beginning: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap().replace("\\\n", " ");
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(|block| block.lines().map(str::trim).collect::<Vec<_>>());
    let found: Vec<String> = lines
        .filter(|line| line.starts_with(beginning))
        .map(str::to_owned)
        .collect();
    assert!(!found.is_empty(), "{page} has no command {beginning}");
    found
}

/// Runs a command of a page in a shell, with the names of this test's namespaces.
fn typed(world: &World, command: &str, folder: &Path) -> String {
    let command = command
        .replace("tenant-reseller-system", &world.system)
        .replace("-n resellers", &format!("-n {}", world.namespace));
    let programs = world.plane.program("kubectl");
    let path = format!(
        "{}:{}",
        programs.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder)
        .env("PATH", path)
        .env("KUBECONFIG", world.plane.kubeconfig())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

async fn specs(kubectl: &Tool, system: &str) -> Vec<Value> {
    let all = [
        "get",
        "resellerclaims",
        "--output=json",
        "--namespace",
        system,
    ];
    let all: Value = serde_json::from_str(&kubectl.run(all).await.unwrap()).unwrap();
    let items = all["items"].as_array().unwrap().iter();
    items
        .map(|claim| json!([claim["metadata"]["name"], claim["spec"]]))
        .collect()
}

/// The definitions by kubectl, and then by the chart, with an object between.
async fn definitions_go_over_to_helm(plane: &ControlPlane) {
    let (kubectl, helm) = (plane.kubectl().unwrap(), plane.helm().unwrap());
    kubectl.run(["apply", "--filename=crds/"]).await.unwrap();
    let wait = [
        "wait",
        "--for=condition=Established",
        "crd",
        "--all",
        "--timeout=30s",
    ];
    kubectl.run(wait).await.unwrap();
    let object = crate::crds::upgrade("before").to_string();
    kubectl
        .run_with_input(["create", "-f", "-"], &object)
        .await
        .unwrap();
    let uid = ["get", "tru", "before", "--output=jsonpath={.metadata.uid}"];
    let before = kubectl.run(uid).await.unwrap();
    let refused = helm
        .run([
            "install",
            "definitions",
            "charts/tenant-reseller-operator-crds",
        ])
        .await
        .unwrap_err()
        .chain();
    assert!(refused.contains("tenantreseller.io"), "{refused}");
    let way = "helm install tenant-reseller-operator-crds charts/tenant-reseller-operator-crds --take-ownership";
    for page in [
        "docs/howto/install.md",
        "charts/tenant-reseller-operator-crds/README.md",
    ] {
        assert!(
            std::fs::read_to_string(page).unwrap().contains(way),
            "{page}"
        );
    }
    helm.run(way.split(' ').skip(1)).await.unwrap();
    assert_eq!(kubectl.run(uid).await.unwrap(), before);
    kubectl.run(["delete", "tru", "before"]).await.unwrap();
}

/// A finalizer that the operator left behind is taken off as the page about removing says, and only that one.
async fn the_way_out_is_open(world: &World, folder: &Path) {
    let command = &commands(
        "docs/howto/remove.md",
        "kubectl -n resellers patch tru contoso",
    )[0];
    let mut upgrade = world.upgrade();
    upgrade["metadata"]["finalizers"] = json!(["tenantreseller.io/work-in-progress"]);
    world.apply(&[upgrade]).await;
    world
        .kubectl(&["delete", "tru", NAME, "--wait=false"])
        .await;
    typed(world, command, folder);
    until("it is gone", || async {
        let left = world.kubectl(&["get", "tru", "--output=name"]).await;
        (left.is_empty(), left)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_exported_and_brought_back_after_everything_was_removed() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let plane = ControlPlane::start(ControlPlaneOptions::default())
        .await
        .unwrap();
    // It lives as long as the test binary, and ends with it by its guardian.
    let plane: &'static ControlPlane = Box::leak(Box::new(plane));
    definitions_go_over_to_helm(plane).await;
    let mut world = World::on(plane, "leaving", Options::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let kubectl = plane.kubectl().unwrap();
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;

    // Leaving, in the order of the page.
    let delete = commands(
        "docs/howto/remove.md",
        "kubectl delete tenantresellerupgrades",
    )
    .remove(0);
    typed(&world, &delete, folder.path());
    let records = specs(&kubectl, &world.system).await;
    assert_eq!(records.len(), 1, "{records:#?}");
    let export = commands("docs/records.md", "kubectl -n tenant-reseller-system get").remove(0);
    typed(&world, &export, folder.path());
    world.operator.terminate().await.unwrap();
    let uninstall = commands(
        "docs/howto/remove.md",
        "helm uninstall tenant-reseller-operator ",
    )
    .remove(0);
    let uninstall = uninstall.replace("tenant-reseller-system", &world.system);
    plane
        .helm()
        .unwrap()
        .run(uninstall.split(' ').skip(1))
        .await
        .unwrap();
    assert_eq!(
        specs(&kubectl, &world.system).await,
        records,
        "they outlive the release"
    );
    the_way_out_is_open(&world, folder.path()).await;
    typed(
        &world,
        "kubectl delete namespace tenant-reseller-system",
        folder.path(),
    );

    // Coming back.
    let create = commands("docs/records.md", "kubectl create namespace").remove(0);
    let bring = commands(
        "docs/records.md",
        "kubectl -n tenant-reseller-system create",
    )
    .remove(0);
    typed(&world, &create, folder.path());
    assert_eq!(specs(&kubectl, &world.system).await, Vec::<Value>::new());
    typed(&world, &bring, folder.path());
    assert_eq!(specs(&kubectl, &world.system).await, records);
    world.operator_kubeconfig = install(plane, &world.system, &[]).await;
    world.operator.start_again().unwrap();
    world.ready().await;
    world.watch_anew("leaving");
    world.apply(&[world.waiting_upgrade()]).await;
    // The namespace has another uid, so the BSS may take this for another operator, and ask.
    let view = world
        .until("it waits for pricing, or asks", |view| {
            ["AwaitingPricing", "ResellerClaimed"].contains(&view.reason())
        })
        .await;
    if view.reason() == "ResellerClaimed" {
        let action = view.next_action().to_owned();
        let (_, command) = action.split_once("kubectl ").expect("a command");
        assert!(command.contains("take-over="), "{action}");
        typed(&world, &format!("kubectl {command}"), folder.path());
        world.until_reason("AwaitingPricing").await;
    }
    world.bss.act("reseller-staff/pricing", options()).await;
    world.ends_well().await;
}
