//! Work that people did before: adopted, completed, never repeated.

use serde_json::json;

use super::bss::Data;
use super::world::{World, options};

fn large() -> Data {
    Data {
        customers: 120,
        subscriptions: 150,
        ..Data::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_made_by_hand_with_forty_customers() {
    let world = World::of("adopts", large()).await;
    let settings = world.upgrade()["spec"]["tenant"].clone();
    let by_hand = json!({ "settings": settings, "customers": 40, "subscriptions": 0 });
    let adopted = world.bss.act("staff/adoption", by_hand).await;
    world.begin().await;
    let view = world.until_succeeded().await;
    assert!(view.is("Verified"), "{:#}", view.0);
    assert_eq!(
        view.text("/status/tenant/id"),
        adopted["tenantId"].as_str().unwrap()
    );
    assert_eq!(world.bss.by_operator("copyCustomers").await, 80);
    assert_eq!(world.bss.effects("createTenant", "Accepted").await, 0);
    assert_eq!(view.number("/status/progress/customers/copied"), 120);
    world.bss.ledgers_clean().await;
    world.bss.effects_once().await;
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_other_settings_is_named_field_by_field() {
    let world = World::start("differs").await;
    let wanted = world.upgrade()["spec"]["tenant"].clone();
    let mut settings = wanted.clone();
    settings["edition"] = json!("Basic");
    settings["timeZone"] = json!("Europe/London");
    let by_hand = json!({ "settings": settings, "customers": 3, "subscriptions": 0 });
    world.bss.act("staff/adoption", by_hand).await;
    world.begin().await;
    let view = world.until_reason("TenantSettingsDiffer").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    for part in [
        "edition is \"Basic\", spec.tenant.edition is \"Premium\"",
        "timeZone is \"Europe/London\", spec.tenant.timeZone is \"Europe/Athens\"",
    ] {
        assert!(view.message().contains(part), "{}", view.summary());
    }
    assert!(!view.message().contains("language"), "{}", view.summary());
    assert_eq!(world.bss.by_operator("copyCustomers").await, 0);
    world.patch(json!({ "spec": { "tenant": settings } })).await;
    world.until_succeeded().await;
    world.bss.ledgers_clean().await;
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reseller_that_was_upgraded_by_hand_ends_without_one_effect() {
    let world = World::start("wasdone").await;
    let settings = world.upgrade()["spec"]["tenant"].clone();
    let by_hand = json!({ "settings": settings, "customers": 12, "subscriptions": 0 });
    world.bss.act("staff/adoption", by_hand).await;
    world.bss.act("reseller-staff/pricing", options()).await;
    world.bss.act("staff/copy-subscriptions", json!({})).await;
    world
        .bss
        .act("staff/activate-back-ordering", json!({}))
        .await;
    world.begin().await;
    let view = world.until_succeeded().await;
    for operation in [
        "createTenant",
        "copyCustomers",
        "setPricing",
        "copySubscriptions",
    ] {
        assert_eq!(world.bss.by_operator(operation).await, 0, "{operation}");
    }
    assert_eq!(world.bss.count("/activations").await, 1);
    let verified = view.condition("Verified").unwrap();
    assert_eq!(
        (&verified["status"], &verified["reason"]),
        (&json!("False"), &json!("NotCompared"))
    );
    let claim = world.claim().await;
    assert_eq!(claim.spec.approval.as_deref(), Some("FoundActive"));
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_replaced_or_deleted_in_the_middle() {
    let world = World::of(
        "replaced",
        Data {
            defects: "demo",
            ..Data::default()
        },
    )
    .await;
    world.begin().await;
    let before = world.until_reason("PrecheckFailed").await;
    let former = before.text("/status/tenant/id").to_owned();
    world
        .bss
        .act("staff/tenant", json!({ "action": "Replace" }))
        .await;
    let view = world.until_reason("TenantReplaced").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(view.text("/status/tenant/id"), former);
    world.bss.act("fix-defects", json!({})).await;
    world.heartbeats(3).await;
    assert_eq!(world.view().await.reason(), "TenantReplaced");
    assert!(world.bss.audit("copySubscriptions").await.is_empty());
    assert_eq!(
        world.bss.created("copyCustomers").await.len(),
        12,
        "no second time"
    );
    world.holds().await;
}
