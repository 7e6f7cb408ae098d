//! An upgrade through a commit: a bare repository, and a tool that pulls it, builds it with kustomize and
//! applies it by the server side, as Argo CD and Flux do.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::world::{NAME, World};

const COMPONENT: &str = "components:\n  - held\n";

/// A repository, a platform team's clone of it, and the tool's.
pub(super) struct Git {
    folder: tempfile::TempDir,
    /// The kustomization without the component that holds the upgrade.
    kustomization: String,
}

impl Git {
    fn run(&self, inside: &str, arguments: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args([
                "-c",
                "user.name=platform",
                "-c",
                "user.email=platform@example.com",
            ])
            .args(arguments)
            .current_dir(self.folder.path().join(inside))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn start() -> Self {
        let git = Self {
            folder: tempfile::tempdir().unwrap(),
            kustomization: String::new(),
        };
        git.run(
            "",
            &[
                "init",
                "--quiet",
                "--bare",
                "--initial-branch=main",
                "origin.git",
            ],
        );
        for clone in ["team", "tool"] {
            git.run("", &["clone", "--quiet", "origin.git", clone]);
        }
        git
    }

    /// The files of one upgrade, written and not yet committed: those of the examples, with this world's BSS.
    pub(super) fn with_upgrade(world: &World, upgrade: &Value) -> Self {
        let mut git = Self::start();
        let team = git.team();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops");
        for (from, to) in [
            ("rollout/held/kustomization.yaml", "held/kustomization.yaml"),
            ("kustomize/names.yaml", "names.yaml"),
        ] {
            let text = std::fs::read_to_string(examples.join(from)).unwrap();
            write(&team, to, &text);
        }
        for (file, object) in [
            ("connection.yaml", &world.connection()),
            ("contoso.yaml", upgrade),
        ] {
            write(&team, file, &object.to_string());
        }
        write(&team, "ca.crt", &world.bss.authority);
        let hosts = world.bss.authority_of_url();
        git.kustomization = format!(
            "resources:\n  - connection.yaml\n  - contoso.yaml\nconfigurations:\n  - names.yaml\n\
             namespace: {}\nsecretGenerator:\n  - name: credentials\n    literals:\n      - token={}\n    \
             options:\n      annotations:\n        tenantreseller.io/allowed-hosts: \"{hosts}\"\n  - name: \
             authority\n    files:\n      - ca.crt\n",
            world.namespace, world.bss.token
        );
        git
    }

    /// A commit that holds the upgrade by the component of the examples, or lets it go.
    pub(super) fn hold(&self, held: bool) {
        let component = if held { COMPONENT } else { "" };
        let text = format!("{}{component}", self.kustomization);
        write(&self.team(), "kustomization.yaml", &text);
        self.commit(if held {
            "Contoso is held"
        } else {
            "Contoso begins"
        });
    }

    fn team(&self) -> PathBuf {
        self.folder.path().join("team")
    }

    /// The team commits what it changed and pushes it.
    fn commit(&self, why: &str) {
        self.run("team", &["add", "--all"]);
        self.run("team", &["commit", "--quiet", "--message", why]);
        self.run("team", &["push", "--quiet", "origin", "HEAD:main"]);
    }

    /// The tool sees what is there now.
    fn pulled(&self) -> PathBuf {
        self.run("tool", &["pull", "--quiet", "origin", "main"]);
        self.folder.path().join("tool")
    }
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl World {
    /// One run of the tool.
    pub(super) async fn synchronised(&self, git: &Git) {
        let kubectl = self.plane.kubectl().unwrap();
        let folder = git.pulled();
        let built = kubectl.run(["kustomize", folder.to_str().unwrap()]);
        let built = built.await.unwrap();
        let apply = [
            "apply",
            "--server-side",
            "--field-manager=gitops",
            "-f",
            "-",
        ];
        kubectl.run_with_input(apply, &built).await.unwrap();
    }

    /// What a tool would see as its own doing: versions of the spec.
    async fn object_as_git_sees_it(&self) -> (i64, Value) {
        let view = self.view().await;
        (view.number("/metadata/generation"), view.0["spec"].clone())
    }
}

/// Held by the component of the examples, released by a commit that takes two lines away, complete without
/// another touch; and each run of the tool in between changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_begins_and_ends_by_a_commit() {
    let world = World::start("gitcommit").await;
    let git = Git::with_upgrade(&world, &world.upgrade());
    git.hold(true);
    world.synchronised(&git).await;
    world.until_reason("Suspended").await;
    assert_eq!(world.bss.writes().await, 0);
    let held = world.object_as_git_sees_it().await;
    world.synchronised(&git).await;
    assert_eq!(world.object_as_git_sees_it().await, held);

    git.hold(false);
    world.synchronised(&git).await;
    world.until_succeeded().await;
    // The last thing that the operator does with it.
    let free = |view: &super::view::View| view.0.pointer("/metadata/finalizers").is_none();
    world.until("it lets go", free).await;
    let done = world.object_as_git_sees_it().await;
    assert_eq!(done.0, held.0 + 1, "the switch in Git, and nothing else");
    let version = world.view().await.0["metadata"]["resourceVersion"].clone();
    world.synchronised(&git).await;
    let after = world.view().await;
    assert_eq!(after.0["metadata"]["resourceVersion"], version);
    let shown = world.kubectl(&["get", "tru", NAME, "--no-headers"]).await;
    let columns: Vec<&str> = shown.split_whitespace().take(3).collect();
    assert_eq!(columns, [NAME, "True", "Done"], "{shown}");
    let fields = json!(after.0["metadata"]["managedFields"]).to_string();
    assert!(fields.contains("\"manager\":\"gitops\""), "{fields}");
    world.bss.judged_clean().await;
    world.holds().await;
}
