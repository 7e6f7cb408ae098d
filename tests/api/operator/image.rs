//! The operator in the image's file tree, as a kubelet starts it: as user 65532, in a root that nothing
//! can be written to, with the service account's token and nothing else of this machine.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tenant_reseller_operator::local::{ProcessSpec, Rank, ports};

use super::world::{World, ready};

/// Where a kubelet puts the account's token.
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";

/// Enters the tree and starts the operator: a mount of its own that is read-only, then the user. As
/// root the tree is entered by chroot; without root by namespaces of users, in which 65532 is who
/// runs the test.
const ENTER: &str = r#"
root=$1 outer=$2; shift 2
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && cd / || exit 1
if [ "$outer" = 0 ]; then
  exec env -i "$@" "$(command -v chroot)" --userspec=65532:65532 "$root" /tenant-reseller-operator run
fi
exec env -i "$@" "$(command -v unshare)" --user --map-user=65532 --map-group=65532 --root="$root" --wd=/ \
  /tenant-reseller-operator run
"#;

/// The tree with the account's token in it.
async fn tree(world: &World, folder: &Path) -> PathBuf {
    let root = folder.join("root");
    let binary = env!("CARGO_BIN_EXE_tenant-reseller-operator");
    let made = Command::new("hack/image/rootfs")
        .args([Path::new(binary), &root])
        // A debug build is about twice as large as the release that an image holds.
        .env("MOST_MB", "200")
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let account = root.join(ACCOUNT);
    fs::create_dir_all(&account).unwrap();
    let token = world
        .plane
        .token_for(&world.system, "tenant-reseller-operator")
        .await
        .unwrap();
    let config = fs::read_to_string(&world.operator_kubeconfig).unwrap();
    let config: serde_json::Value = serde_yaml::from_str(&config).unwrap();
    let cluster = &config["clusters"][0]["cluster"];
    let authority = cluster["certificate-authority"].as_str().unwrap();
    fs::copy(authority, account.join("ca.crt")).unwrap();
    fs::write(account.join("token"), token).unwrap();
    fs::write(account.join("namespace"), &world.system).unwrap();
    // The folders of a test belong to its user alone; a pod's do not.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for file in ["ca.crt", "token", "namespace"] {
        fs::set_permissions(account.join(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    root
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_runs_in_the_tree_and_an_upgrade_goes_to_its_end() {
    let mut world = World::start("image").await;
    world.operator.terminate().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = tree(&world, folder.path()).await;
    let uid = Command::new("id").arg("-u").output().unwrap();
    let uid = String::from_utf8(uid.stdout).unwrap().trim().to_owned();
    let [port] = ports::free().unwrap();
    let (_, api_server) = world.plane.server().rsplit_once(':').unwrap();
    let mut spec = ProcessSpec::new("operator-image", "unshare");
    if uid != "0" {
        spec = spec.args(["--user", "--map-root-user"]);
    }
    let spec = spec
        .args([
            "--mount",
            "--propagation=private",
            "sh",
            "-c",
            ENTER,
            "enter",
        ])
        .arg(&root)
        .arg(&uid)
        .arg("KUBERNETES_SERVICE_HOST=127.0.0.1")
        .arg(format!("KUBERNETES_SERVICE_PORT={api_server}"))
        .arg(format!("POD_NAMESPACE={}", world.system))
        .arg("POD_NAME=operator-in-image")
        .arg(format!("WATCH_NAMESPACE={}", world.namespace))
        .arg(format!("HEALTH_LISTEN=127.0.0.1:{port}"))
        .args([
            "ALLOW_ADDRESS=127.0.0.0/8",
            "RECHECK_SECONDS=1",
            "POLL_SECONDS=1",
        ])
        .rank(Rank::Outer)
        .grace(Duration::from_secs(20));
    world.operator = world.plane.supervisor().start(spec).unwrap();
    world.health = format!("http://127.0.0.1:{port}");
    ready(&world.health, &world.operator).await;

    let pid = world.operator.pid().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    if uid == "0" {
        assert!(
            status.contains("Uid:\t65532\t65532\t65532\t65532"),
            "{status}"
        );
        let root_mount = mounts
            .lines()
            .find(|line| line.split(' ').nth(4) == Some("/"));
        assert!(
            root_mount
                .unwrap()
                .split(' ')
                .nth(5)
                .unwrap()
                .contains("ro"),
            "{mounts}"
        );
    }
    let executable = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert!(
        executable.ends_with("tenant-reseller-operator"),
        "{executable:?}"
    );
    world.begin().await;
    world.ends_well().await;
    let ending = world.operator.terminate().await.unwrap();
    let ending = format!("{ending:?}");
    assert_eq!(ending, "Gracefully(ExitStatus(unix_wait_status(0)))");
}
