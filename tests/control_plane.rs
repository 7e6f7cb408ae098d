//! The launcher itself: what it starts works, and what it started is gone afterwards, whichever
//! way its owner ended.
#![cfg(feature = "local")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tenant_reseller_operator::local::process::Ending;
use tenant_reseller_operator::local::{
    ControlPlane, ControlPlaneOptions, LocalError, LocalResult, Observation, ProcessSpec,
    Supervisor, eventually, kubeconfig,
};

const BOUND: Duration = Duration::from_mins(1);

/// Whether a process of that number runs; one that only waits to be reaped does not.
fn runs(pid: u32) -> bool {
    if Path::new("/proc/self/stat").exists() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        return stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with('Z'));
    }
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

async fn until_gone(pids: &[u32], folder: &Path) -> LocalResult<()> {
    eventually("an end without leftovers", BOUND, || async {
        let left: Vec<_> = pids.iter().copied().filter(|pid| runs(*pid)).collect();
        if left.is_empty() && !folder.exists() {
            return Ok(Observation::Done(()));
        }
        Ok(Observation::NotYet(format!(
            "running {left:?}, folder there: {}",
            folder.exists()
        )))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_from_start_to_stop() {
    let mut plane = ControlPlane::start(ControlPlaneOptions::default())
        .await
        .unwrap_or_else(|error| panic!("{}", error.chain()));
    let pids = plane.pids();
    let folder = plane.supervisor().folder().to_path_buf();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| runs(*pid)));

    a_token_has_exactly_its_rbac(&plane).await;
    owned_objects_and_namespaces_go_away(&plane).await;
    the_tools_speak_to_it(&plane).await;
    the_api_server_may_go_away_and_come_back(&mut plane).await;

    let pids = plane.pids();
    let began = std::time::Instant::now();
    plane.stop();
    println!("stopped in {:?}", began.elapsed());
    assert!(!folder.exists());
    assert!(pids.iter().all(|pid| !runs(*pid)));
}

async fn a_token_has_exactly_its_rbac(plane: &ControlPlane) {
    let client = plane.client().await.unwrap();
    create(&client, None, json!({"metadata": {"name": "rbac"}}), ns).await;
    create(
        &client,
        Some("rbac"),
        json!({"metadata": {"name": "reader"}}),
        Api::<ServiceAccount>::namespaced,
    )
    .await;
    create(
        &client,
        Some("rbac"),
        json!({"metadata": {"name": "reader"}, "rules": [
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
        ]}),
        Api::<Role>::namespaced,
    )
    .await;
    create(
        &client,
        Some("rbac"),
        json!({"metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "rbac"}]}),
        Api::<RoleBinding>::namespaced,
    )
    .await;

    let file = plane.kubeconfig_for("rbac", "reader").await.unwrap();
    let reader = kubeconfig::client(&file).await.unwrap();
    let allowed: Api<ConfigMap> = Api::namespaced(reader.clone(), "rbac");
    // The authorizer of the API server sees a new role a moment later.
    eventually("the role to be in force", BOUND, || async {
        let list = allowed
            .list(&kube::api::ListParams::default())
            .await
            .map_err(LocalError::kube("listing"))?;
        Ok(Observation::Done(list.items.len()))
    })
    .await
    .unwrap();
    let elsewhere: Api<ConfigMap> = Api::namespaced(reader.clone(), "default");
    let secrets: Api<Secret> = Api::namespaced(reader, "rbac");
    assert_forbidden(
        elsewhere
            .list(&kube::api::ListParams::default())
            .await
            .err(),
    );
    assert_forbidden(secrets.list(&kube::api::ListParams::default()).await.err());
    assert_forbidden(allowed.get("kube-root-ca.crt").await.err());
}

fn ns(client: kube::Client, _namespace: &str) -> Api<Namespace> {
    Api::all(client)
}

async fn create<K>(
    client: &kube::Client,
    namespace: Option<&str>,
    value: serde_json::Value,
    api: impl Fn(kube::Client, &str) -> Api<K>,
) where
    K: serde::de::DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(value).unwrap();
    api(client.clone(), namespace.unwrap_or_default())
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
}

fn assert_forbidden(error: Option<kube::Error>) {
    match error {
        Some(kube::Error::Api(status)) => assert_eq!(status.code, 403, "{status:?}"),
        other => panic!("should be forbidden, was {other:?}"),
    }
}

async fn owned_objects_and_namespaces_go_away(plane: &ControlPlane) {
    let client = plane.client().await.unwrap();
    create(&client, None, json!({"metadata": {"name": "owners"}}), ns).await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "owners");
    let owner = serde_json::from_value(json!({"metadata": {"name": "owner"}})).unwrap();
    let owner: ConfigMap = maps.create(&PostParams::default(), &owner).await.unwrap();
    let dependent =
        serde_json::from_value(json!({"metadata": {"name": "owned", "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid,
        }]}}))
        .unwrap();
    maps.create(&PostParams::default(), &dependent)
        .await
        .unwrap();
    maps.delete("owner", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    eventually("garbage collection", BOUND, || async {
        let found = maps
            .get_opt("owned")
            .await
            .map_err(LocalError::kube("reading"))?;
        Ok(Observation::when(found.is_none(), found.is_none()))
    })
    .await
    .unwrap();
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces
        .delete("owners", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    eventually("the namespace to be gone", BOUND, || async {
        let found = namespaces
            .get_opt("owners")
            .await
            .map_err(LocalError::kube("reading"))?;
        Ok(Observation::when(found.is_none(), found.is_none()))
    })
    .await
    .unwrap();
}

async fn the_tools_speak_to_it(plane: &ControlPlane) {
    let kubectl = plane.kubectl().unwrap();
    let manifest = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"applied"}}"#;
    let said = kubectl
        .run_with_input(["apply", "-f", "-"], manifest)
        .await
        .unwrap();
    assert_eq!(said.trim(), "namespace/applied created");
    let error = kubectl
        .run(["get", "namespace", "absent"])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("NotFound"), "{error}");
    let helm = plane.helm().unwrap();
    let releases = helm.run(["list", "-A", "-o", "json"]).await.unwrap();
    assert_eq!(releases.trim(), "[]");
}

async fn the_api_server_may_go_away_and_come_back(plane: &mut ControlPlane) {
    let ending = plane.stop_api_server().await.unwrap();
    assert!(!matches!(ending, Ending::Before(_)), "{ending:?}");
    let kubectl = plane.kubectl().unwrap();
    kubectl.run(["get", "namespaces"]).await.unwrap_err();
    plane.start_api_server().await.unwrap();
    let said = kubectl
        .run(["get", "namespace", "applied", "-o", "name"])
        .await
        .unwrap();
    assert_eq!(said.trim(), "namespace/applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_parent_leaves_nothing_behind() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_tru-local"))
        .arg("up")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (folder, pids) = read_announcement(parent.stdout.take().unwrap());
    assert!(!pids.is_empty());
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    assert!(folder.exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    until_gone(&pids, &folder).await.unwrap();
}

#[test]
fn an_interrupted_parent_ends_everything_before_it_ends() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_tru-local"))
        .arg("up")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (folder, pids) = read_announcement(parent.stdout.take().unwrap());
    let interrupted = Command::new("sh")
        .args(["-c", r#"kill -INT "$0""#, &parent.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert_eq!(parent.wait().unwrap().code(), Some(130));
    let left: Vec<_> = pids.into_iter().filter(|pid| runs(*pid)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!folder.exists());
}

/// `tru-local up` prints `folder PATH` and `pids N N N` once everything is ready.
fn read_announcement(stdout: std::process::ChildStdout) -> (PathBuf, Vec<u32>) {
    use std::io::BufRead as _;
    let mut folder = PathBuf::new();
    for line in std::io::BufReader::new(stdout).lines() {
        let line = line.unwrap();
        if let Some(path) = line.strip_prefix("folder ") {
            folder = PathBuf::from(path);
        }
        if let Some(pids) = line.strip_prefix("pids ") {
            return (
                folder,
                pids.split(' ').map(|pid| pid.parse().unwrap()).collect(),
            );
        }
    }
    panic!("`tru-local up` ended without being ready");
}

#[tokio::test]
async fn a_part_that_fails_shows_its_last_lines() {
    let error = ControlPlane::start(ControlPlaneOptions {
        api_server_arguments: vec!["--no-such-flag".into()],
        ..ControlPlaneOptions::default()
    })
    .await
    .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("kube-apiserver ended"), "{text}");
    assert!(text.contains("no-such-flag"), "{text}");
}

#[tokio::test]
async fn a_process_that_ignores_sigterm_is_killed_within_its_grace() {
    let supervisor = Supervisor::new().unwrap();
    let script = r#"trap "" TERM; echo deaf; while :; do sleep 1; done"#;
    let mut deaf = supervisor
        .start(
            ProcessSpec::new("deaf", "/bin/sh")
                .args(["-c", script])
                .grace(Duration::from_millis(200)),
        )
        .unwrap();
    deaf.wait_for_line("its word", BOUND, |line| (line == "deaf").then_some(()))
        .await
        .unwrap();
    let pid = deaf.pid().unwrap();
    assert_eq!(deaf.terminate().await.unwrap(), Ending::Killed);
    assert!(!runs(pid));

    // Started again it is another process, and its earlier lines no longer count.
    deaf.start_again().unwrap();
    deaf.wait_for_line("its word", BOUND, |line| (line == "deaf").then_some(()))
        .await
        .unwrap();
    assert_ne!(deaf.pid(), Some(pid));
    assert_eq!(deaf.output().unwrap(), "deaf\n");
}

#[tokio::test]
async fn what_never_gets_ready_says_what_was_awaited() {
    let supervisor = Supervisor::new().unwrap();
    let mut process = supervisor
        .start(ProcessSpec::new("mute", "/bin/sh").args(["-c", "echo nothing of use; sleep 60"]))
        .unwrap();
    let error = process
        .wait_for_line("a greeting", Duration::from_millis(300), |line| {
            (line == "hello").then_some(())
        })
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("a greeting"), "{error}");
    assert!(error.contains("nothing of use"), "{error}");
    let mut gone = supervisor
        .start(ProcessSpec::new("gone", "/bin/sh").args(["-c", "echo last words >&2; exit 7"]))
        .unwrap();
    let error = gone
        .wait_for_line("a greeting", BOUND, |_| None::<()>)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("exit status: 7"), "{error}");
    assert!(error.contains("last words"), "{error}");
}

#[tokio::test]
async fn what_was_kept_is_ended_by_its_file_alone() {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("kept");
    let supervisor = Supervisor::new().unwrap();
    let folder = supervisor.folder().to_path_buf();
    let process = supervisor
        .start(ProcessSpec::new("kept", "/bin/sh").args(["-c", "exec sleep 600"]))
        .unwrap();
    let pid = process.pid().unwrap();
    supervisor.keep(&file).unwrap();
    drop((process, supervisor));
    assert!(runs(pid));
    assert_eq!(Supervisor::end_kept(&file).unwrap(), Some(folder.clone()));
    assert!(!runs(pid));
    assert!(!folder.exists());
    assert_eq!(Supervisor::end_kept(&file).unwrap(), None);
}

#[tokio::test]
async fn a_number_that_belongs_to_somebody_else_is_left_alone() {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("kept");
    let mut bystander = Command::new("sleep").arg("600").spawn().unwrap();
    let folder = outside.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    let text = format!(
        "folder {}\nwatch 3 {} 1\n",
        folder.display(),
        bystander.id()
    );
    std::fs::write(&file, text).unwrap();
    Supervisor::end_kept(&file).unwrap();
    assert!(runs(bystander.id()));
    assert!(!folder.exists());
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn tests_share_a_control_plane_and_keep_apart_by_namespace() {
    let one = support::control_plane::namespace("apart").await;
    let other = support::control_plane::namespace("apart").await;
    assert!(std::ptr::eq(one.plane, other.plane));
    assert_ne!(one.name, other.name);
    one.apply(r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"mine"}}"#)
        .await
        .unwrap();
    assert!(
        one.api::<ConfigMap>()
            .get_opt("mine")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        other.api::<ConfigMap>().get_opt("mine").await.unwrap(),
        None
    );
    let said = one
        .kubectl(&["get", "configmap", "mine", "-o", "name"])
        .await;
    assert_eq!(said.unwrap(), "configmap/mine\n");
    let refused = one.apply("kind: ConfigMap").await.unwrap_err().to_string();
    assert!(refused.contains("apiVersion"), "{refused}");
}
