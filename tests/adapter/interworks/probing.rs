//! `bss-probe interworks` against the face: the program itself, as a user runs it.

use std::process::{Command, Output, Stdio};

use serde_json::json;

use super::world::{BASIC, TENANT, World};

async fn probed(world: &World, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bss-probe"));
    command
        .args(["interworks", "--url", world.server.url()])
        .args([
            "--allow-range",
            "127.0.0.0/8",
            "--requests-per-second",
            "1000",
        ])
        .args(["--basic-account", BASIC, "--tenant-account", TENANT])
        .args(more)
        .env("BSS_PROBE_USERNAME", "distributor-user")
        .env("BSS_PROBE_PASSWORD", "distributor pass&word")
        .env("BSS_PROBE_CLIENT_ID", "distributor-client")
        .env("BSS_PROBE_CLIENT_SECRET", "distributor-secret")
        .stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sends_gets_only_and_shows_names_and_types() {
    let world = World::new(|_| {}).await;
    world.forget_asked().await;
    let told = text(&probed(&world, &[]).await);
    for line in [
        "GET /api/accounts/10777: status 200",
        "  calibration: isNetworkReseller tells the two accounts apart",
        "  calibration: resellingEnabled is the same at both",
        "  envelope: an object; total: no; link to the next page: no",
        "  registrationNumber: text",
        "  product: object with code, system",
        "  quantity: number",
        "GET /api/subscriptions/ID/addons: status 200",
        "GET /api/pricelists/ID/items: status 200",
    ] {
        assert!(told.lines().any(|one| one == line), "{line} in:\n{told}");
    }
    let calls = world.asked().await;
    for call in calls["calls"].as_array().unwrap() {
        let allowed =
            call["method"] == "GET" || (call["method"] == "POST" && call["path"] == "/oauth/token");
        assert!(allowed, "{call}");
    }
    // Names and e-mail addresses of customers, codes, prices: nothing of it.
    let rows = world.rows("accounts").await;
    assert!(!rows.is_empty());
    for row in rows {
        for field in ["name", "code", "registrationNumber"] {
            let value = row[field].as_str().unwrap();
            assert!(!told.contains(value), "{field} {value} in:\n{told}");
        }
    }
    let shown = text(&probed(&world, &["--values"]).await);
    let code = shown
        .lines()
        .find(|line| line.starts_with("  registrationNumber: text: \"RN"));
    assert!(code.is_some(), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_which_assumptions_do_not_hold() {
    let world = World::new(|_| {}).await;
    world
        .switch(json!({
            "envelope": "Bare", "missingFields": ["billingCycle", "updatedAt", "isNetworkReseller"],
            "forbidden": ["bundles"], "filters": "Ignored",
        }))
        .await;
    let told = text(&probed(&world, &[]).await);
    let lacking: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("  does not hold: "))
        .collect();
    assert!(
        lacking
            .iter()
            .any(|line| line.contains("billingCycle") && line.contains("updatedAt")),
        "{told}"
    );
    for line in [
        "  calibration: isNetworkReseller is absent",
        "  envelope: a bare array; total: no; link to the next page: no",
        "GET /api/bundles: status 403",
    ] {
        assert!(told.lines().any(|one| one == line), "{line} in:\n{told}");
    }
    let filter = told
        .lines()
        .find(|line| line.starts_with("  filter billToAccountId: "))
        .unwrap();
    assert!(filter.contains("the filter is not heeded"), "{filter}");
    let wrong = probed(&world, &["--token-url", "http://127.0.0.1:9/oauth/token"]).await;
    assert!(!wrong.status.success());
    let errors = String::from_utf8_lossy(&wrong.stderr);
    assert!(errors.contains("token endpoint"), "{errors}");
    assert!(!errors.contains("pass&word"), "{errors}");
}
