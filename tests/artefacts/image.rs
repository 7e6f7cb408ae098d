//! The image: what the Containerfile says, what is in the file tree, that `make image` works with any builder
//! and says so when there is none, and what a real builder makes where there is one. tests/api starts the
//! operator in the tree.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::chart::{of_kind, rendered};
use super::{project, read};

fn instructions() -> Vec<(String, String)> {
    let text = read("Containerfile").replace("\\\n", " ");
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap();
            (word.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

#[test]
fn the_containerfile_agrees_with_the_project() {
    let all = instructions();
    let of = |word: &str| -> Vec<&str> {
        let found = all.iter().filter(|(name, _)| name == word);
        found.map(|(_, rest)| rest.as_str()).collect()
    };
    let pinned = read("rust-toolchain.toml");
    let (_, version) = pinned.split_once("channel = \"").unwrap();
    let version = version.split('"').next().unwrap();
    assert!(
        of("ARG")[0].contains(&format!("/rust:{version}-")),
        "not Rust {version}"
    );
    assert_eq!(of("FROM").last(), Some(&"scratch"));
    let deployment = &of_kind(&rendered(&[]), "Deployment")[0].clone();
    let user = &deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"];
    assert_eq!(of("USER"), [format!("{user}:{user}")]);
    assert_eq!(of("ENTRYPOINT"), ["[\"/tenant-reseller-operator\"]"]);
    for label in ["title", "description", "licenses", "version", "revision"] {
        assert!(
            of("LABEL")[0].contains(&format!("org.opencontainers.image.{label}=")),
            "{label}"
        );
    }
    // What is copied is there, and is let through to the builder.
    let ignored = read(".dockerignore");
    for word in copied(&all) {
        assert!(project(word).exists(), "{word}");
        assert!(
            ignored.lines().any(|line| line == format!("!{word}")),
            "{word} is ignored"
        );
    }
}

/// What the Containerfile copies out of the project.
fn copied(instructions: &[(String, String)]) -> Vec<&str> {
    let mut copied = Vec::new();
    for (word, rest) in instructions {
        if word == "COPY" && !rest.starts_with("--from") {
            let mut words: Vec<&str> = rest.split_whitespace().collect();
            words.pop();
            copied.extend(words);
        }
    }
    copied
}

#[test]
fn what_the_containerfile_copies_is_enough_for_cargo() {
    let folder = tempfile::tempdir().unwrap();
    for word in copied(&instructions()) {
        let place = folder.path().join(word);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let copied = Command::new("cp")
            .arg("-r")
            .args([&project(word), &place])
            .status();
        assert!(copied.unwrap().success(), "{word}");
    }
    // It reads the manifests, and compiles nothing.
    let read = Command::new(env!("CARGO"))
        .current_dir(folder.path())
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges=normal",
            "--depth=0",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{said}");
}

/// The program, and no other than this, needs what is in the tree.
fn tree(binary: &Path, into: &Path, most: &str) -> Output {
    Command::new(project("hack/image/rootfs"))
        .args([binary, into])
        .env("MOST_MB", most)
        .output()
        .unwrap()
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => size(&entry.path()),
            _ => entry.metadata().unwrap().len(),
        })
        .sum()
}

#[cfg(target_os = "linux")]
#[test]
fn the_file_tree_holds_what_the_program_needs_and_little_more() {
    let binary = Path::new(env!("CARGO_BIN_EXE_tenant-reseller-operator"));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    // A debug build is about twice as large as a release.
    let made = tree(binary, &root, "200");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let program = root.join("tenant-reseller-operator");
    // The release build is 23 MB; with all else it stays far below 40.
    let beside = size(&root) - fs::metadata(&program).unwrap().len();
    assert!(beside < 8_000_000, "{beside} bytes beside the program");
    let linked = Command::new("ldd").arg(binary).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    let mut libraries = 0;
    for path in linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        libraries += 1;
        assert!(root.join(path.trim_start_matches('/')).exists(), "{path}");
    }
    assert!(libraries >= 2, "{linked}");
    let roots = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(roots.matches("BEGIN CERTIFICATE").count() > 50);
    let users = fs::read_to_string(root.join("etc/passwd")).unwrap();
    assert!(users.contains(":65532:65532:"), "{users}");
    assert!(root.join("etc/nsswitch.conf").exists());
    // It refuses to be larger than it may be, and to write over something.
    let refused = tree(binary, &folder.path().join("small"), "1");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("more than 1 MB"));
    assert!(!tree(binary, &root, "200").status.success());
}

/// A folder in the place of `PATH`: what the script itself needs, and these builders, each of which
/// writes down how it was called. One that is `away` fails, as a client without its daemon.
fn build_with(builders: &[(&str, bool)]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for tool in ["bash", "sed", "head", "git", "dirname", "env"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        std::os::unix::fs::symlink(found.trim(), folder.path().join(tool)).unwrap();
    }
    for (builder, works) in builders {
        let path = folder.path().join(builder);
        let code = u8::from(!works);
        fs::write(
            &path,
            format!("#!/bin/sh\necho {builder} \"$@\"\nexit {code}\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new(project("hack/image/build"))
        .arg("registry.example.com/tro:1")
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn whichever_builder_works_is_used_and_none_is_said() {
    for builder in ["podman", "buildah", "docker", "nerdctl"] {
        let (built, said) = build_with(&[(builder, true)]);
        assert!(built, "{said}");
        let called =
            format!("{builder} build --file Containerfile --tag registry.example.com/tro:1");
        assert!(said.contains(&called), "{said}");
    }
    // A builder that fails is asked no further, and the way without a registry is named.
    let (built, said) = build_with(&[("podman", true)]);
    assert!(built && !said.contains("HERE=1"), "{said}");
    let (built, said) = build_with(&[("docker", false), ("nerdctl", true)]);
    assert!(built && said.contains("nerdctl build"), "{said}");
    let (built, said) = build_with(&[("docker", false)]);
    assert!(
        !built && said.contains("its daemon does not answer"),
        "{said}"
    );
    let (built, said) = build_with(&[]);
    assert!(
        !built && said.contains("install podman, buildah, docker or nerdctl"),
        "{said}"
    );
}

/// A real builder with a store of its own, which is gone with the folder.
#[cfg(target_os = "linux")]
struct Builder {
    home: tempfile::TempDir,
    program: String,
}

#[cfg(target_os = "linux")]
impl Builder {
    /// The one of this machine or of the cache. Only a developer's machine may lack it.
    fn found() -> Option<Self> {
        let script = Command::new(project("hack/image/builder"))
            .arg("--cached")
            .output()
            .unwrap();
        if !script.status.success() {
            let said = String::from_utf8_lossy(&script.stderr).into_owned();
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{said}");
            println!("{said}");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let settings = home.path().join(".config/containers");
        fs::create_dir_all(&settings).unwrap();
        fs::write(
            settings.join("policy.json"),
            r#"{ "default": [{ "type": "insecureAcceptAnything" }] }"#,
        )
        .unwrap();
        let folder = home.path().display();
        fs::write(
            home.path().join("storage.conf"),
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{folder}/graph\"\nrunroot = \"{folder}/run\"\n"),
        )
        .unwrap();
        let program = String::from_utf8(script.stdout).unwrap().trim().to_owned();
        Some(Self { home, program })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let folder = Path::new(&self.program).parent().unwrap().display();
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{folder}:{path}"))
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join(".config"))
            .env(
                "CONTAINERS_STORAGE_CONF",
                self.home.path().join("storage.conf"),
            )
            .env("BUILDAH_ISOLATION", "chroot");
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self
            .command(&self.program)
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Built as `make image HERE=1` builds it, with no registry; then looked at and started.
#[cfg(target_os = "linux")]
#[test]
fn a_real_builder_makes_the_image_that_the_chart_runs() {
    let Some(builder) = Builder::found() else {
        return;
    };
    let made = builder
        .command(project("hack/image/build"))
        .args([
            "example.test/tro:1",
            env!("CARGO_BIN_EXE_tenant-reseller-operator"),
        ])
        .env("MOST_MB", "200")
        .env("ONLY", "buildah")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
    let image: Value =
        serde_json::from_str(&builder.run(&["inspect", "--type=image", "example.test/tro:1"]))
            .unwrap();
    let config = &image["OCIv1"]["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(
        config["Entrypoint"],
        serde_json::json!(["/tenant-reseller-operator"])
    );
    assert_eq!(config["Cmd"], serde_json::json!(["run"]));
    assert_eq!(
        config["ExposedPorts"],
        serde_json::json!({ "8080/tcp": {} })
    );
    let label = |name: &str| {
        let label = &config["Labels"][format!("org.opencontainers.image.{name}")];
        label.as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("title"), env!("CARGO_PKG_NAME"));
    assert!(label("revision").len() >= 7, "{}", label("revision"));
    assert_eq!(
        image["OCIv1"]["rootfs"]["diff_ids"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let container = builder.run(&["from", "example.test/tro:1"]);
    let container = container.trim();
    let started = builder.run(&[
        "run",
        container,
        "--",
        "/tenant-reseller-operator",
        "--version",
    ]);
    assert!(started.contains(env!("CARGO_PKG_VERSION")), "{started}");
}

/// The tag that the page about installing builds is the one that the chart asks for.
#[test]
fn the_image_of_the_readme_is_the_image_of_the_chart() {
    let readme = read("docs/howto/install.md");
    let chart: Value =
        serde_yaml::from_str(&read("charts/tenant-reseller-operator/Chart.yaml")).unwrap();
    let name = "registry.example.com/team/tenant-reseller-operator";
    let tagged = format!("{name}:{}", chart["appVersion"].as_str().unwrap());
    assert!(
        readme.contains(&format!("make image IMAGE={tagged}")),
        "{tagged}"
    );
    assert!(readme.contains(&format!("podman push {tagged}")));
    assert!(readme.contains(&format!("--set image.repository={name}\n")));
    let objects = rendered(&[&format!("--set=image.repository={name}")]);
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["image"], tagged);
}
