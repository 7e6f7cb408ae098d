//! What a person must fix: named, obeyed, and gone on from by itself.

use serde_json::{Value, json};

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn another_name_stops_everything() {
    let world = World::start("mismatch").await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    upgrade["spec"]["reseller"]["expectedName"] = json!("Fabrikam SA");
    world.apply(&[upgrade]).await;
    let view = world.until_reason("ResellerMismatch").await;
    assert!(view.is("Stalled") && !view.is("Accepted"), "{:#}", view.0);
    assert!(view.message().contains("Fabrikam SA"), "{}", view.summary());
    assert!(world.claims().await.is_empty());
    assert_eq!(world.bss.writes().await, 0);
    world
        .patch(json!({ "spec": { "reseller": { "expectedName": "Contoso Ltd" } } }))
        .await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_knows() {
    let world = World::start("unknown").await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    upgrade["spec"]["reseller"] = json!({ "accountId": "99999" });
    world.apply(&[upgrade]).await;
    let view = world.until_reason("ResellerNotFound").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert!(!view.next_action().is_empty(), "{}", view.summary());
    assert!(world.claims().await.is_empty());
    assert_eq!(world.bss.writes().await, 0);
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_identity_than_the_bss_tells() {
    let world = World::start("identity").await;
    let token = world.bss.token.clone();
    let mut connection = world.connection();
    connection["spec"]["identity"] = json!("another-bss");
    world
        .apply(&[
            world.credentials(&token),
            world.authority(),
            connection,
            world.upgrade(),
        ])
        .await;
    let view = world.until_reason("IdentityMismatch").await;
    assert!(
        view.message().contains("acme-identity"),
        "{}",
        view.summary()
    );
    assert!(world.claims().await.is_empty());
    assert_eq!(world.bss.writes().await, 0);
    world.holds().await;
}

/// Everything is copied, and an order that is pending holds the switch.
async fn held(label: &str) -> World {
    let world = World::start(label).await;
    world
        .bss
        .act("storefront/buy", json!({ "hold": true }))
        .await;
    world.begin().await;
    world.until_reason("AwaitingOrders").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphaned_copy_is_named_until_the_reseller_ends_it() {
    let world = held("orphan").await;
    let cancelled = world
        .bss
        .act("storefront/cancel", json!({ "pick": "Copied" }))
        .await;
    let source = text(&cancelled["sourceId"]);
    world.bss.act("staff/cancel-order", json!({})).await;
    let view = world.until_reason("OrphanedCopy").await;
    assert!(
        view.is("Stalled") && view.is("SubscriptionsCopied"),
        "{:#}",
        view.0
    );
    assert_eq!(view.named("OrphanedCopy"), std::slice::from_ref(&source));
    assert_eq!(view.failures(), [("OrphanedCopy".to_owned(), 1)]);
    assert_eq!(world.bss.count("/activations").await, 0);
    let ended = json!({ "sourceId": source });
    world.bss.act("reseller-staff/end-copy", ended).await;
    let view = world.ends_well().await;
    assert!(view.failures().is_empty(), "{:#}", view.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_copy_is_named_until_one_is_ended() {
    let world = held("duplicate").await;
    let source = world.bss.created("copySubscriptions").await.remove(7);
    let planted = json!({ "DuplicateCopy": { "sourceId": source } });
    let planted = world.bss.act("plant", planted).await;
    world.bss.act("staff/cancel-order", json!({})).await;
    let view = world.until_reason("DuplicateCopy").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(view.named("DuplicateCopy"), std::slice::from_ref(&source));
    assert_eq!(world.bss.count("/activations").await, 0);
    let ended = json!({ "copyId": planted["copyId"] });
    world.bss.act("reseller-staff/end-copy", ended).await;
    world.ends_well().await;
}

/// A source that changed, and its copy that the reseller amended in what belongs to the source: the
/// operator overwrites neither.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_and_its_copy_that_both_changed() {
    let world = held("changed").await;
    let source = world.bss.created("copySubscriptions").await.remove(3);
    let amended = json!({ "sourceId": source, "quantity": 76 });
    world.bss.act("reseller-staff/amend", amended).await;
    let changed = json!({ "sourceId": source, "quantity": 77 });
    let changed = world.bss.act("storefront/quantity", changed).await;
    world.bss.act("staff/cancel-order", json!({})).await;
    let view = world.until_reason("SourceChanged").await;
    assert_eq!(text(&changed["sourceId"]), source);
    assert_eq!(view.named("SourceChanged"), std::slice::from_ref(&source));
    assert_eq!(world.bss.count("/activations").await, 0);
    let amended = json!({ "sourceId": source, "quantity": 77 });
    world.bss.act("reseller-staff/amend", amended).await;
    world.ends_well().await;
}

/// A definite refusal unfreezes the tenant's settings: all of them that are wrong are named.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_the_bss_refuses() {
    let world = World::start("settings").await;
    world.connect().await;
    let mut upgrade = world.upgrade();
    let right = upgrade["spec"]["tenant"].clone();
    upgrade["spec"]["tenant"]["priceList"] = json!("PL-NOWHERE");
    upgrade["spec"]["tenant"]["edition"] = json!("Gold");
    upgrade["spec"]["tenant"]["timeZone"] = json!("Mars/Olympus_Mons");
    world.apply(&[upgrade]).await;
    let view = world.until_reason("InvalidSpec").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    for field in ["priceList", "edition", "timeZone"] {
        let named = format!("spec.tenant.{field} ");
        assert!(view.message().contains(&named), "{}", view.summary());
    }
    world
        .until("the settings are not frozen", |view| {
            view.0.pointer("/status/tenant/requestedTime").is_none()
        })
        .await;
    world.patch(json!({ "spec": { "tenant": right } })).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_suspended_pauses_the_upgrade() {
    let world = held("tenantsuspended").await;
    world
        .bss
        .act("staff/tenant", json!({ "action": "Suspend" }))
        .await;
    world.until_reason("TenantSuspended").await;
    world
        .bss
        .act("staff/tenant", json!({ "action": "Resume" }))
        .await;
    world.bss.act("staff/cancel-order", json!({})).await;
    world.ends_well().await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
