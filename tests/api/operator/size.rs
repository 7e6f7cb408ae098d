//! What the operator writes stays small and still, whatever the size of the reseller.

use std::time::Duration;

use kube::api::ListParams;
use serde_json::{Value, json};

use super::bss::Data;
use super::view::same_but_figures;
use super::world::{NAME, World};

/// More than the reports have room for.
const BLOCKED: u32 = 9_000;
const KIB: usize = 1024;

fn bytes(value: &Value) -> usize {
    serde_json::to_vec(value).unwrap().len()
}

fn version(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
    (text("name"), text("resourceVersion"))
}

/// The report pages as they are stored, by name.
async fn reports(world: &World) -> Vec<Value> {
    let list = world
        .api("UpgradeReport")
        .list(&ListParams::default())
        .await;
    let mut all: Vec<Value> = list
        .unwrap()
        .items
        .into_iter()
        .map(|report| serde_json::to_value(report).unwrap())
        .collect();
    all.sort_by_key(|report| report["spec"]["page"].as_i64());
    all
}

/// A tenant on a price list of another currency: nothing that the customers own may be copied.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_blockers_fit_and_lie_still() {
    let data = Data {
        customers: 12,
        subscriptions: BLOCKED,
        ..Data::default()
    };
    let world = World::of("size", data).await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    upgrade["spec"]["tenant"]["priceList"] = json!("PL-RESELLER-USD");
    world.apply(&[upgrade.clone()]).await;
    let of_all = |view: &super::view::View| {
        view.reason() == "PrecheckFailed"
            && view.failures() == [("CurrencyMismatch".to_owned(), i64::from(BLOCKED))]
    };
    let view = world.until("all blockers", of_all).await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 0);

    // Status: within its budget, with a few examples.
    let status = &view.0["status"];
    assert!(bytes(status) <= 16 * KIB, "{} bytes", bytes(status));
    assert_eq!(view.named("CurrencyMismatch").len(), 10);
    assert_eq!(view.number("/status/progress/failed"), i64::from(BLOCKED));

    // Reports: full, bounded, and truthful about what they leave out.
    let blockers: Vec<Value> = reports(&world)
        .await
        .into_iter()
        .filter(|report| report["spec"]["kind"] == "Blockers")
        .collect();
    assert!(
        (2..=8).contains(&blockers.len()),
        "{} pages",
        blockers.len()
    );
    let mut named = Vec::new();
    let mut truncated = 0;
    for (number, page) in (1..).zip(&blockers) {
        assert!(bytes(page) <= 256 * KIB, "{} bytes", bytes(page));
        let spec = &page["spec"];
        assert_eq!(spec["page"], number);
        let rows = spec["rows"].as_array().unwrap();
        assert_eq!(spec["count"], rows.len());
        truncated += spec["truncated"].as_i64().unwrap();
        for row in rows {
            assert_eq!(row["reason"], "CurrencyMismatch", "{row}");
            assert_eq!(row["verdict"], "Blocked", "{row}");
            assert!(!row["remedy"].as_str().unwrap().is_empty(), "{row}");
            named.push(row["id"].as_str().unwrap().to_owned());
        }
        let owner = &page["metadata"]["ownerReferences"][0];
        assert_eq!(owner["uid"], view.0["metadata"]["uid"]);
    }
    let kept = i64::try_from(named.len()).unwrap();
    assert_eq!(
        truncated + kept,
        i64::from(BLOCKED),
        "nothing is silently left out"
    );
    assert!(truncated > 0, "the reports were not filled");
    named.sort_unstable();
    named.dedup();
    assert_eq!(i64::try_from(named.len()).unwrap(), kept, "an item twice");

    // What the API server keeps beside it about who wrote what is small.
    let managed = bytes(&view.0["metadata"]["managedFields"]);
    assert!(
        managed <= 4 * KIB,
        "managedFields of the upgrade: {managed} bytes"
    );
    for page in &blockers {
        let managed = bytes(&page["metadata"]["managedFields"]);
        assert!(
            managed <= KIB / 2,
            "managedFields of a report: {managed} bytes"
        );
    }

    lies_still(&world, &upgrade).await;
    world.holds().await;
}

/// Two more whole looks write nothing, and neither does the same manifest applied again.
async fn lies_still(world: &World, upgrade: &Value) {
    let all = async || {
        let mut all: Vec<_> = reports(world).await.iter().map(version).collect();
        all.push(version(&world.view().await.0));
        all
    };
    let before = all().await;
    // It harms nothing, and counts: a look has a check for every hundred items.
    let count = json!([{ "operation": "checkPurchases", "kind": { "Latency": { "ms": 1 } } }]);
    world.bss.faults(count).await;
    world.bss.struck(0, 2 * u64::from(BLOCKED) / 100 + 1).await;
    world.bss.faults(json!([])).await;
    assert_eq!(all().await, before, "a look wrote although nothing changed");

    world.apply(std::slice::from_ref(upgrade)).await;
    assert_eq!(all().await, before, "the same manifest again");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [upgrade] });
    let kubectl = world.plane.kubectl().unwrap();
    let diff = kubectl
        .output(["diff", "-f", "-"], &list.to_string())
        .await
        .unwrap();
    assert!(diff.success, "{}{}", diff.stdout, diff.stderr);
    assert_eq!(world.view().await.number("/metadata/generation"), 1);
}

/// Figures move at most every fifteen seconds; every change of state is shown at once.
#[tokio::test(flavor = "multi_thread")]
async fn figures_are_written_seldom_and_transitions_at_once() {
    let data = Data {
        customers: 12,
        subscriptions: 900,
        ..Data::default()
    };
    let world = World::of("figures", data).await;
    // Slow enough to be at work for longer than figures may be held back.
    let slow = json!([{ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 5000 } } }]);
    world.bss.faults(slow).await;
    world.connect().await;
    let mut connection = world.connection();
    connection["spec"]["limits"]["concurrency"] = json!(1);
    world.apply(&[connection, world.upgrade()]).await;
    // In the middle of the copying: a change of state does not wait for the figures' turn.
    world.bss.struck(0, 1).await;
    for (suspended, reason) in [
        (true, "Suspended"),
        (false, "Progressing"),
        (true, "Suspended"),
    ] {
        world
            .patch(json!({ "spec": { "suspend": suspended } }))
            .await;
        world.until_reason(reason).await;
    }
    world.patch(json!({ "spec": { "suspend": false } })).await;
    world.ends_well().await;

    let writes = world.history.writes(NAME);
    let mut figures = 0;
    let mut quick = 0;
    for pair in writes.windows(2) {
        let ((then, before), (now, after)) = (&pair[0], &pair[1]);
        let apart = now.duration_since(*then);
        if same_but_figures(before, after) {
            figures += 1;
            // What is measured is the arrival of the news, which may be late by a moment.
            assert!(
                apart >= Duration::from_secs(14),
                "figures after {apart:?}: {:#}\n{:#}",
                before["status"],
                after["status"]
            );
        } else if apart < Duration::from_secs(14) {
            quick += 1;
        }
    }
    let took = writes.last().unwrap().0.duration_since(writes[0].0);
    assert!(
        took > Duration::from_secs(15),
        "too quick to tell: {took:?}"
    );
    assert!(figures > 0, "no figures were shown in {took:?}");
    assert!(quick >= 6, "{quick} transitions at once");
}
