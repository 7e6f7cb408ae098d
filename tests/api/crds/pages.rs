//! Every command of every page that people read, typed into a real shell, against a cluster that has the charts
//! and the examples; and every block of YAML.
//!
//! What writes is tried only: `kubectl` and `helm` are found through two small scripts that add a dry run by
//! the server. What cannot be tried so says in a comment before it why (`tests/artefacts/pages.rs`).

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::control_plane::TestNamespace;
use support::pages::{Block, blocks, pages};
use tokio::process::Command;

use super::{Objects as _, connection, customer, pricing, upgrade};

/// What a person's `kubectl` does here: writes are dry runs, watches look once, and the plugin is asked without
/// a person at a terminal.
const KUBECTL: &str = r#"#!/usr/bin/env bash
words=() verb= value=
for word in "$@"; do
  if [ -n "$value" ]; then value=
  else case $word in
    -n|--namespace|--context|--kubeconfig) value=1 ;;
    -w|--watch) continue ;;
    -*) ;;
    *) [ -n "$verb" ] || verb=$word ;;
  esac; fi
  words+=("$word")
done
case $verb in
  apply|create|delete|patch|annotate|label|scale|replace) exec "$REAL_KUBECTL" "${words[@]}" --dry-run=server ;;
  wait)
    said=$("$REAL_KUBECTL" "${words[@]}" --timeout=0s 2>&1) && exit
    [[ $said == *"timed out waiting"* || $said == *"condition not met"* ]] && exit
    printf '%s\n' "$said" >&2; exit 1 ;;
  tru)
    case "${words[1]}" in
      suspend|resume|retry|confirm|take-over) words+=(--dry-run) ;;
      watch) words+=(--timeout 1s) ;;
    esac
    "$PLUGIN" "${words[@]:1}"; code=$?
    # Done, a person must act, still working: each is an answer.
    [[ $code == [034] ]] ;;
  *) exec "$REAL_KUBECTL" "${words[@]}" ;;
esac
"#;

/// What a person's `helm` does here. The releases are there already, the definitions under another name.
const HELM: &str = r#"#!/usr/bin/env bash
verb=$1; shift
case $verb in
  install|upgrade) exec "$REAL_HELM" upgrade --install --take-ownership --dry-run=server "$@" ;;
  uninstall) exec "$REAL_HELM" uninstall --dry-run "$@" ;;
  *) exec "$REAL_HELM" "$verb" "$@" ;;
esac
"#;

/// A folder in which a person types.
struct Shell {
    folder: tempfile::TempDir,
    kubeconfig: PathBuf,
}

impl Shell {
    fn open(at: &TestNamespace) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["examples", "charts", "crds", "docs"] {
            symlink(project.join(name), folder.path().join(name)).unwrap();
        }
        let programs = folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        for (name, text) in [("kubectl", KUBECTL), ("helm", HELM)] {
            let path = programs.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            folder,
            kubeconfig: at.plane.kubeconfig().to_path_buf(),
        }
    }

    /// Types lines; answers what went wrong.
    async fn typed(&self, lines: &str) -> Option<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let assets = PathBuf::from(assets());
        let programs = self.folder.path().join("programs");
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", lines])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("REAL_KUBECTL", assets.join("kubectl"))
            .env("REAL_HELM", assets.join("helm"))
            .env("PLUGIN", env!("CARGO_BIN_EXE_kubectl-tru"))
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(std::time::Duration::from_secs(60), command.output());
        match output.await {
            Ok(output) => {
                let output = output.unwrap();
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                (!output.status.success()).then(|| format!("{}: {told}", output.status))
            }
            Err(_) => Some("it does not end within a minute".to_owned()),
        }
    }
}

/// The folder with kubectl and helm.
fn assets() -> String {
    let built = std::process::Command::new("hack/control-plane/build")
        .output()
        .unwrap();
    assert!(built.status.success(), "no control plane");
    String::from_utf8(built.stdout).unwrap().trim().to_owned()
}

/// All blocks of all pages, and the commands within the lines of the two pages that are read in a hurry.
fn every_block() -> Vec<Block> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for page in pages(project) {
        let text = std::fs::read_to_string(project.join(&page)).unwrap();
        all.extend(blocks(&page, &text));
        if !["docs/reasons.md", "docs/undo.md"].contains(&&*page) {
            continue;
        }
        let fences = text.split("```").step_by(2);
        let spans = fences.flat_map(|part| part.split('`').skip(1).step_by(2));
        // What opens an editor, the report of an upgrade that is not there, and the name of a command alone.
        let whole = |line: &&str| {
            line.starts_with("kubectl ")
                && line.split(' ').count() > 2
                && !line.contains(" edit ")
                && !line.contains("contoso-blockers-1")
        };
        all.extend(spans.filter(whole).map(|line| Block {
            page: page.clone(),
            line: 0,
            language: "sh".to_owned(),
            text: line.replace('\n', " "),
            comment: String::new(),
        }));
    }
    all
}

/// Needs the examples in the cluster.
pub(super) async fn are_true(at: &TestNamespace) {
    let shell = Shell::open(at);
    let (mut typed, mut applied) = (0, 0);
    let mut wrong = Vec::new();
    for block in every_block() {
        let place = block.place();
        if block.is_commands() && block.not_run().is_none() {
            typed += 1;
            let told = shell.typed(&block.text).await;
            wrong.extend(told.map(|told| format!("{place}: {told}\n{}", block.text)));
        } else if block.language == "yaml" && !block.comment.starts_with("not applied: ") {
            applied += 1;
            let told = taken(at, &block).await;
            wrong.extend(
                told.err()
                    .map(|told| format!("{place}: {told}\n{}", block.text)),
            );
        }
    }
    println!("{typed} blocks of commands were typed, {applied} of YAML were applied");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(typed > 40 && applied > 3, "{typed} and {applied}");
}

/// Whether the API server would take a block of YAML: whole, or as a part of an object that is right.
async fn taken(at: &TestNamespace, block: &Block) -> Result<(), String> {
    let Some(part) = block.comment.strip_prefix("part of ") else {
        let dry = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
        let kubectl = at.plane.kubectl().unwrap();
        let applied = kubectl.run_with_input(dry, &block.text).await;
        return applied.map(|_| ()).map_err(|error| error.chain());
    };
    let mut object = match part {
        "BssConnection spec" => connection("part"),
        "TenantResellerUpgrade spec" => upgrade("part"),
        "CustomerPricing spec" => pricing("part", &[customer("20001")]),
        other => return Err(format!("{other} is no part that is known here")),
    };
    let members: Value = serde_yaml::from_str(&block.text).map_err(|error| error.to_string())?;
    for (name, value) in members.as_object().ok_or("no members")? {
        object["spec"][name] = value.clone();
    }
    let stored = at.try_create(&object).await?;
    // A field that the definition does not know would be dropped without a word.
    for (name, value) in members.as_object().ok_or("no members")? {
        contained(name, value, &stored["spec"][name])?;
    }
    Ok(())
}

fn contained(path: &str, written: &Value, stored: &Value) -> Result<(), String> {
    match written {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            contained(&format!("{path}.{name}"), value, &stored[name])
        }),
        written if written == stored => Ok(()),
        written => Err(format!("{path}: {written} is stored as {stored}")),
    }
}
