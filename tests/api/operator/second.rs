//! One whole upgrade by the operator against the second server, which was written from the
//! published document alone.

use std::time::Duration;

use serde_json::{Value, json};
use tenant_reseller_operator::local::{ProcessSpec, Rank};

use super::world::World;

const TOKEN: &str = "second-token";
const ADMIN_TOKEN: &str = "second-admin-token";

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upgrade_against_the_second_server() {
    let Ok(python) = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
    else {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        println!("skipped: python3 is missing");
        return;
    };
    let python = String::from_utf8(python.stdout).unwrap().trim().to_owned();
    let world = World::start("second").await;
    let folder = tempfile::tempdir().unwrap();
    let hosts = vec!["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/reference-server");
    let spec = ProcessSpec::new("second-server", &python)
        .arg(format!("{examples}/server.py"))
        .args(["--listen=127.0.0.1:0", "--queue-seconds=0.5"])
        .args([
            format!("--token={TOKEN}"),
            format!("--admin-token={ADMIN_TOKEN}"),
        ])
        .arg(format!("--seed-data={examples}/example-data.json"))
        .arg(format!("--tls-cert={}", cert.display()))
        .arg(format!("--tls-key={}", key.display()))
        .rank(Rank::Client);
    let mut server = world.plane.supervisor().start(spec).unwrap();
    let url = server
        .wait_for_line("its address", Duration::from_secs(20), |line| {
            line.strip_prefix("listening on ").map(str::to_owned)
        })
        .await
        .unwrap();

    let mut authority = world.authority();
    authority["stringData"]["ca.crt"] = json!(made.cert.pem());
    let mut connection = world.connection();
    connection["spec"]["reference"]["url"] = json!(url);
    connection["spec"]["identity"] = json!("second-server");
    let mut credentials = world.credentials(TOKEN);
    let host = url.split('/').nth(2).unwrap();
    credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] = json!(host);
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_merge([reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()])
        .build()
        .unwrap();
    let told = http
        .get(format!("{url}/identity"))
        .bearer_auth(TOKEN)
        .send()
        .await
        .unwrap();
    let told: Value = serde_json::from_str(&told.text().await.unwrap()).unwrap();
    if let Some(identity) = told["identity"].as_str() {
        connection["spec"]["identity"] = json!(identity);
    }
    world
        .apply(&[credentials, authority, connection, world.upgrade()])
        .await;
    world.until_succeeded().await;

    let state = http
        .get(url.replace("/tenant-reseller/v1", "/admin/state"))
        .bearer_auth(ADMIN_TOKEN)
        .send()
        .await
        .unwrap();
    let state: Value = serde_json::from_str(&state.text().await.unwrap()).unwrap();
    let reseller = state["resellers"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["reseller"] == "10423"))
        .cloned()
        .unwrap();
    assert_eq!(reseller["backOrdering"], "On", "{reseller:#}");
    assert_eq!(reseller["duplicates"], json!({}), "{reseller:#}");
    assert_eq!(reseller["activations"], 1, "{reseller:#}");
    assert_eq!(reseller["tenantCreations"], 1, "{reseller:#}");
    let by_kind = &reseller["copies"];
    let copied: Vec<i64> = by_kind
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_i64)
        .collect();
    assert_eq!(copied.iter().sum::<i64>(), 12 + 30, "{reseller:#}");
}
