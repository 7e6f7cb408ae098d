//! Everything survives the end of the process, the orderly one and the other.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ACCOUNT, World, create_tenant, customer_item, read, until};

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut world = World::new().await.complete().await;
    world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
        .await
        .ok();
    world
        .control("storefront/buy", json!({ "hold": true }))
        .await
        .ok();
    world
        .control("run-billing-cycles", json!({ "count": 1 }))
        .await
        .ok();
    let rule = json!({ "operation": "listCopies", "kind": "Unavailable503", "times": 2 });
    world.set_faults(json!([rule])).await.ok();
    world
        .get("/tenants/tenant-1/copies?kind=Customers")
        .await
        .refused(503, "Unavailable");
    let mut before = Vec::new();
    for path in ["state", "judge", "audit", "faults"] {
        before.push(world.look(path).await);
    }
    let listed = world.subscriptions().await;
    world.restart().await;
    for (path, before) in ["state", "judge", "audit", "faults"]
        .into_iter()
        .zip(before)
    {
        assert_eq!(world.look(path).await, before, "{path}");
    }
    assert_eq!(world.subscriptions().await, listed);
    // One firing is left, then the rule is spent.
    world
        .get("/tenants/tenant-1/copies?kind=Customers")
        .await
        .refused(503, "Unavailable");
    world
        .get("/tenants/tenant-1/copies?kind=Customers")
        .await
        .ok();
    let held = world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "other" }))
        .await;
    held.refused(409, "HeldByAnother");
}

#[tokio::test]
async fn request_keys_and_the_switch_survive_a_restart() {
    let mut world = World::new().await.complete().await;
    let revision = world.revision().await;
    let first = world.activate_at(revision, "a").await.ok();
    world.restart().await;
    assert_eq!(world.activate_at(revision, "a").await.ok(), first);
    assert_eq!(world.get(ACCOUNT).await.ok()["backOrdering"], "On");
}

/// The real binary, ended whatever happens to the test.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bss-sandbox"))
            .args(["--token", "t", "--control-token", "c", "--customers", "10"])
            .args([
                "--subscriptions",
                "30",
                "--tenant-queue-ms",
                "700",
                "--defects",
                "none",
            ])
            .arg("--database")
            .arg(folder.join("world.db"))
            .arg("--self-signed")
            .arg(folder.join("tls"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .expect(&line)
            .to_owned();
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
        Self { child, url }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client(folder: &Path) -> reqwest::Client {
    let pem = std::fs::read(folder.join("tls/ca.crt")).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([authority])
        .build()
        .unwrap()
}

#[tokio::test]
async fn killed_in_the_middle_it_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let client = client(folder.path());
    let call = async |process: &Process, path: &str, body: Option<Value>| {
        let url = format!("{}/tenant-reseller/v1{path}", process.url);
        let request = match body {
            None => client.get(url),
            Some(body) => client.post(url).json(&body),
        };
        let request = request
            .bearer_auth("t")
            .header("Fencing-Epoch", 1)
            .header("Idempotency-Key", "k");
        read(request.send().await.unwrap()).await
    };
    call(
        &process,
        &format!("{ACCOUNT}/epoch"),
        Some(json!({ "holder": "a" })),
    )
    .await
    .ok();
    let queued = call(
        &process,
        &format!("{ACCOUNT}/tenant"),
        Some(create_tenant()),
    )
    .await;
    assert_eq!(queued.status, 202);
    process.kill();

    // The queue goes on, the authority is the same one, so the client still trusts it.
    let process = Process::start(folder.path());
    let again = call(
        &process,
        &format!("{ACCOUNT}/tenant"),
        Some(create_tenant()),
    )
    .await;
    assert!(again.status == 202 && again.body["id"] == "op-1" || again.status == 200);
    until("the tenant is Active", async || {
        call(&process, "/operations/op-1", None).await.ok()["state"] == "Succeeded"
    })
    .await;
    let customers = call(&process, &format!("{ACCOUNT}/customers"), None)
        .await
        .ok();
    let items: Vec<Value> = customers["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(customer_item)
        .collect();
    let body = json!({ "items": items });
    call(
        &process,
        "/tenants/tenant-1/customers/copy",
        Some(body.clone()),
    )
    .await
    .ok();
    process.kill();

    let process = Process::start(folder.path());
    let repeated = call(&process, "/tenants/tenant-1/customers/copy", Some(body))
        .await
        .ok();
    let results = repeated["results"].as_array().unwrap();
    assert_eq!(results.len(), 10);
    assert!(
        results
            .iter()
            .all(|result| result["outcome"] == "Unchanged"),
        "{repeated}"
    );
}

#[tokio::test]
async fn it_ends_gracefully_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path());
    let killed = Command::new("kill")
        .arg(process.child.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    let mut status = None;
    until("it ended", async || {
        status = process.child.try_wait().unwrap();
        status.is_some()
    })
    .await;
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn running_requests_are_answered_before_the_end() {
    let mut world = World::new().await;
    let slow = json!({ "operation": "getIdentity", "kind": { "Latency": { "ms": 400 } } });
    world.set_faults(json!([slow])).await.ok();
    let request = world.request(reqwest::Method::GET, "/identity").send();
    let asked = tokio::spawn(request);
    until("the request arrived", async || {
        world.look("faults").await["rules"][0]["fired"] == 1
    })
    .await;
    world.server.take().unwrap().shutdown().await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), asked)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        read(answer.unwrap()).await.ok()["identity"],
        "acme-distribution"
    );
}

#[test]
fn without_a_transport_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bss-sandbox"))
        .args(["--token", "t", "--control-token", "c", "--database"])
        .arg(folder.path().join("world.db"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--insecure-http"));
}
