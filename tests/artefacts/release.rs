//! The scripts of a release: what may be tagged, what the plugin's archives hold, what krew reads.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::{project, read};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn ran(inside: &Path, arguments: &[&str]) -> Output {
    Command::new("bash")
        .args(arguments)
        .current_dir(inside)
        .output()
        .unwrap()
}

/// A copy of what the check reads, in which everything is as it should be.
fn ready() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for file in [
        "Cargo.toml",
        "hack/release/check",
        "charts/tenant-reseller-operator/Chart.yaml",
        "charts/tenant-reseller-operator-crds/Chart.yaml",
    ] {
        fs::create_dir_all(at(file).parent().unwrap()).unwrap();
        fs::copy(project(file), at(file)).unwrap();
    }
    for recorded in ["crds", "running"] {
        let there = format!("tests/fixtures/{VERSION}/{recorded}");
        fs::create_dir_all(at(&there)).unwrap();
        fs::write(at(&there).join("one"), "").unwrap();
    }
    let log = format!("# Changes\n\n## {VERSION}, 2027-02-01\n");
    fs::write(at("CHANGELOG.md"), log).unwrap();
    folder
}

fn said(folder: &Path, tag: &str) -> (bool, String) {
    let output = ran(folder, &["hack/release/check", tag]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

#[test]
fn a_tag_is_released_only_if_everything_has_its_version() {
    let tag = format!("v{VERSION}");
    let folder = ready();
    assert_eq!(said(folder.path(), &tag), (true, String::new()));
    let (good, told) = said(folder.path(), "v9.9.9");
    assert!(!good);
    for part in [
        "Cargo.toml says",
        "version is",
        "appVersion is",
        "no heading",
        "crds is missing",
        "running is missing",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let (good, told) = said(folder.path(), VERSION);
    assert!(!good && told.contains("begins with v"), "{told}");
    for (file, from, to) in [
        ("CHANGELOG.md", ", 2027-02-01", ": not released"),
        (
            "charts/tenant-reseller-operator/Chart.yaml",
            "appVersion",
            "other",
        ),
    ] {
        let folder = ready();
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(text.contains(from), "{file}");
        fs::write(folder.path().join(file), text.replace(from, to)).unwrap();
        assert!(!said(folder.path(), &tag).0, "{file}");
    }
}

/// The archive has the program alone, is the same each time, and the manifest has its sum.
#[test]
fn the_plugin_is_packed_as_krew_unpacks_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\necho it runs\n").unwrap();
    let packed = folder.path().join("packed");
    let pack = |os: &str, arch: &str| {
        let script = project("hack/release/plugin-archive");
        let to = packed.to_str().unwrap();
        let all = [
            script.to_str().unwrap(),
            VERSION,
            os,
            arch,
            program.to_str().unwrap(),
            to,
        ];
        let output = ran(folder.path(), &all);
        assert!(output.status.success(), "{output:?}");
        let path = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        fs::read(path).unwrap()
    };
    let first = pack("linux", "amd64");
    assert_eq!(pack("linux", "amd64"), first);
    pack("darwin", "arm64");

    let manifest = project("hack/release/krew-manifest");
    let url = "https://downloads.example.com/it";
    let all = [
        manifest.to_str().unwrap(),
        VERSION,
        url,
        packed.to_str().unwrap(),
    ];
    let output = ran(folder.path(), &all);
    let manifest: Value = serde_yaml::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(
        manifest["apiVersion"],
        "krew.googlecontainertools.github.com/v1alpha2"
    );
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["spec"]["version"], format!("v{VERSION}"));
    let short = manifest["spec"]["shortDescription"].as_str().unwrap();
    assert!(short.len() <= 50 && !short.ends_with('.'), "{short}");
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 2);
    for platform in platforms {
        let labels = &platform["selector"]["matchLabels"];
        let name = format!(
            "kubectl-tru_{VERSION}_{}_{}.tar.gz",
            labels["os"].as_str().unwrap(),
            labels["arch"].as_str().unwrap()
        );
        assert_eq!(platform["uri"], format!("{url}/{name}"));
        assert_eq!(platform["bin"], "kubectl-tru");
        let check = ran(
            &packed,
            &[
                "-c",
                &format!(
                    "echo '{}  {name}' | sha256sum --check",
                    platform["sha256"].as_str().unwrap()
                ),
            ],
        );
        assert!(check.status.success(), "{check:?}");
    }
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let archive = format!("kubectl-tru_{VERSION}_linux_amd64.tar.gz");
    let tar = format!("tar -xzf {}/{archive} && ls", packed.display());
    assert_eq!(ran(&unpacked, &["-c", &tar]).stdout, b"kubectl-tru\n");
    let mode = fs::metadata(unpacked.join("kubectl-tru"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(
        ran(&unpacked, &["-c", "./kubectl-tru"]).stdout,
        b"it runs\n"
    );
    // Without an archive there is no manifest that lacks one.
    let none = [all[0], "9.9.9", url, all[3]];
    assert!(!ran(folder.path(), &none).status.success());
}

/// The workflow runs the scripts, and a tag is checked before anything is built.
#[test]
fn the_workflow_checks_first_and_uses_the_scripts() {
    let workflow: Value = serde_yaml::from_str(&read(".github/workflows/release.yml")).unwrap();
    let jobs = workflow["jobs"].as_object().unwrap();
    for (name, job) in jobs {
        if name != "check" {
            let needs = job["needs"].to_string();
            assert!(needs.contains("check"), "{name}");
        }
        for step in job["steps"].as_array().unwrap() {
            if let Some(uses) = step["uses"].as_str() {
                let (_, version) = uses.split_once('@').unwrap_or_else(|| panic!("{uses}"));
                assert!(version.starts_with('v') || version.len() == 40, "{uses}");
            }
        }
    }
    let text = workflow.to_string();
    for script in ["check", "plugin-archive", "krew-manifest"] {
        assert!(text.contains(&format!("hack/release/{script}")), "{script}");
    }
}
