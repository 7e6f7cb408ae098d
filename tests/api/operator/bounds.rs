//! Texts of people that are longer or odder than what a status may hold.

use super::world::World;

const REQUESTED: &str = "tenantreseller.io/requestedAt";

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_requested_at_stops_an_upgrade_or_its_deletion() {
    let world = World::start("bounds").await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    let long = format!("{}\u{202e}\u{1f4b6}\n\"", "é\u{200b}".repeat(3000));
    upgrade["metadata"]["annotations"] = serde_json::json!({ REQUESTED: long });
    upgrade["spec"]["pricing"] = serde_json::json!({ "whenMissing": "Wait" });
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
