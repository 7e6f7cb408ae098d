//! Texts of people that are longer or odder than what a status may hold.

use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::Ids;

use super::bss::Data;
use super::world::{NAME, World, until};

const REQUESTED: &str = "tenantreseller.io/requestedAt";

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_requested_at_stops_an_upgrade_or_its_deletion() {
    let world = World::start("bounds").await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    let long = format!("{}\u{202e}\u{1f4b6}\n\"", "é\u{200b}".repeat(3000));
    upgrade["metadata"]["annotations"] = json!({ REQUESTED: long });
    upgrade["spec"]["pricing"] = json!({ "whenMissing": "Wait" });
    world.apply(&[upgrade]).await;
    let view = world.until_reason("AwaitingPricing").await;
    let handled = view.text("/status/lastHandledReconcileAt").to_owned();
    assert!(
        !handled.is_empty() && long.starts_with(&handled),
        "{handled}"
    );
    world.annotate(REQUESTED, Some(&"x".repeat(129))).await;
    world
        .until("another value", |view| {
            view.text("/status/lastHandledReconcileAt") == "x".repeat(128)
        })
        .await;
    world.delete().await;
}

/// Every id of the BSS is as long as the contract allows: 128 characters of four bytes each.
fn longest() -> Data {
    Data {
        defects: "demo",
        subscriptions: 60,
        more: vec!["--ids=longest".to_owned()],
        ..Data::default()
    }
}

/// Pricing options that a person declares for this customer.
fn declared(world: &World, customer: &str) -> Value {
    json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": "first", "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": [{
            "accountId": customer, "priceList": "PL-RETAIL", "billing": { "day": 1 },
            "paymentMethod": "Invoice", "invoicing": "Combined",
        }] },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_with_the_longest_ids_waits_reports_and_ends_as_any_other() {
    let world = World::of("longest", longest()).await;
    let account = Ids::Longest.of("10423");
    world.connect().await;
    let mut upgrade = world.waiting_upgrade();
    upgrade["spec"]["reseller"]["accountId"] = json!(account);
    world.apply(&[upgrade]).await;

    // A gate: the status names customers whose pricing options are missing.
    let view = world.until_reason("AwaitingPricing").await;
    assert_eq!(view.text("/status/resellerAccountId"), account);
    let customers = world.bss.created("copyCustomers").await;
    assert_eq!(customers.len(), 12);
    assert!(
        customers
            .iter()
            .all(|id| id.chars().count() == 128 && id.len() == 512)
    );
    let waiting = serde_json::to_string(&view.0["status"]).unwrap();
    assert!(
        customers.iter().any(|id| waiting.contains(id)),
        "{:#}",
        view.0
    );
    world.apply(&[declared(&world, &customers[0])]).await;
    until("the first is applied", || async {
        let set = world.bss.count("/pricingSet").await;
        (set == 1, format!("{set} set"))
    })
    .await;
    // The rest is set on screen.
    let options = super::world::options();
    world.bss.act("reseller-staff/pricing", options).await;

    // Blockers: each has its row, with its whole id and its key.
    let view = world.until_reason("PrecheckFailed").await;
    let total: i64 = view.failures().iter().map(|(_, count)| count).sum();
    until("the report lists all", || async {
        let rows = world.rows("Blockers").await;
        (i64::try_from(rows.len()) == Ok(total), format!("{rows:#?}"))
    })
    .await;
    for row in world.rows("Blockers").await {
        let id = row["id"].as_str().unwrap();
        assert_eq!(id.chars().count(), 128, "{row:#}");
        let key = row["businessKey"].as_str().unwrap();
        assert!(key.len() <= 1024 && key.starts_with("tru/"), "{row:#}");
    }
    world.bss.act("fix-defects", json!({})).await;

    let view = world.ends_well().await;
    assert_eq!(view.text("/status/phase"), "Done");
    let size = serde_json::to_string(&view.0["status"]).unwrap().len();
    assert!(size <= 16 * 1024, "{size} bytes of status");
    assert!(!world.rows("Exclusions").await.is_empty());
    let claim = world.claim().await.spec;
    assert_eq!(claim.reseller_account_id, account);
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 60);
    let declared = world.kubectl(&["get", "cpr", "first", "-o", "json"]).await;
    let declared: Value = serde_json::from_str(&declared).unwrap();
    assert_eq!(declared["status"]["applied"], 1, "{declared:#}");
    let shown = world.kubectl(&["get", "tru", NAME]).await;
    assert!(shown.contains("60/60"), "{shown}");
    world.delete().await;
}
