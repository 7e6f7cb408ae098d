//! What others wrote examines what the adapter sends and what the face answers: an OData parser reads every
//! filter, an OAuth library logs in. `hack/witnesses/build` installs them; `make test` calls it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tenant_reseller_operator::bss::port::{Bss as _, CheckTarget, CopyListing};

use super::world::{
    BASIC, RESELLER, TENANT, World, all, copies, customers, purchases, request, reseller, tenant,
};

/// The Python of the witnesses; none if they are not installed here. Only a developer's machine may lack them.
fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hack/witnesses/build");
    let found = Command::new(script).arg("--cached").output().unwrap();
    if found.status.success() {
        let folder = String::from_utf8(found.stdout).unwrap();
        return Some(Path::new(folder.trim()).join("bin/python"));
    }
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let why = String::from_utf8_lossy(&found.stderr).into_owned();
    assert!(!in_ci, "{why}");
    println!("not examined: {why}");
    None
}

/// Gives a witness its lines and answers with its own.
fn ask(python: &Path, script: &str, lines: &[Value]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/adapter/interworks");
    let mut child = Command::new(python)
        .arg("-B")
        .arg(folder.join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The filters that came to the face, each once.
async fn filters(world: &World) -> Vec<String> {
    let asked = world.asked().await;
    let all = asked["parameters"].as_array().unwrap();
    let filters = all.iter().filter(|one| one["name"] == "$filter");
    let mut texts: Vec<String> = filters
        .map(|one| one["value"].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

#[tokio::test]
async fn a_parser_of_others_reads_every_filter_that_is_sent() {
    let world = World::new(|_| {}).await;
    world.press("create-tenant").await;
    world.press("transfer-accounts").await;
    world.forget_asked().await;
    let bss = world.both();
    customers(&bss).await.unwrap();
    let listed = purchases(&bss).await.unwrap();
    copies(&bss, CopyListing::Subscriptions).await.unwrap();
    let account = reseller();
    all(|page| {
        let (bss, account) = (&bss, &account);
        async move { bss.list_open_orders(account, &page).await }
    })
    .await
    .unwrap();
    let items: Vec<_> = listed.iter().map(|one| one.id.clone()).collect();
    let target = CheckTarget::Tenant(tenant());
    bss.check_purchases(&account, &target, &items)
        .await
        .unwrap();
    bss.get_capabilities().await.unwrap();
    // An account whose id would end the quotes of a filter, if it could. The face knows none such.
    let odd = "x' or id gt 0 or code eq 'y";
    let (account, page) = (odd.into(), request(None));
    let alone = world.distributor(|_| {});
    drop(alone.list_open_orders(&account, &page).await);
    let sent = filters(&world).await;
    assert!(sent.len() > 4, "{sent:?}");

    let Some(python) = python() else { return };
    let lines: Vec<Value> = sent.iter().map(|text| json!(text)).collect();
    let read = ask(&python, "filters.py", &lines);
    assert_eq!(read.len(), sent.len());
    let known = ["billToAccountId", "billingToId"];
    let values = [RESELLER, BASIC, TENANT, odd];
    for (text, tree) in sent.iter().zip(&read) {
        let field = tree["field"].as_str().unwrap();
        assert!(known.contains(&field), "{text}: {tree}");
        assert_eq!(tree["operator"], "Eq", "{text}");
        let value = tree["value"].as_str().unwrap();
        assert!(
            values.contains(&value) || value.parse::<u64>().is_ok(),
            "{text}: {tree}"
        );
        let kind = if value == odd { "String" } else { "Integer" };
        assert_eq!(tree["kind"], kind, "{text}");
    }
    assert!(read.iter().any(|tree| tree["value"] == odd), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oauth_library_of_others_logs_in_at_the_face() {
    let world = World::new(|_| {}).await;
    let Some(python) = python() else { return };
    let given = json!({
        "url": world.server.url(), "client": "distributor-client", "secret": "distributor-secret",
        "user": "distributor-user", "password": "distributor pass&word",
    });
    let told = ask(&python, "login.py", &[given]);
    let expected = json!({ "token_type": "bearer", "expires_in": 3600, "rows": 1 });
    assert_eq!(told, [expected]);
}
