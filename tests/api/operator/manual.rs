//! Writes that the BSS leaves to people: told exactly, seen when done, gone on from.

use serde_json::json;

use super::bss::Data;
use super::world::{World, options, until};

fn manual(weak: &'static [&'static str]) -> Data {
    Data {
        weak,
        ..Data::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_a_manual_step() {
    let weak = &[
        "operations.createTenant=ManualStep",
        "operations.copyCustomers=ManualStep",
        "operations.setPricing=ManualStep",
        "operations.copySubscriptions=ManualStep",
        "operations.activateBackOrdering=ManualStep",
    ];
    let world = World::of("byhand", manual(weak)).await;
    world.begin_weak(&[]).await;
    let tenant = world.upgrade()["spec"]["tenant"].clone();

    let view = world.until_reason("AwaitingManualStep").await;
    assert!(
        !view.is("Stalled") && !view.is("Reconciling"),
        "{:#}",
        view.0
    );
    for value in ["PL-RESELLER-EUR", "Premium", "Europe/Athens", "dd/MM/yyyy"] {
        assert!(view.next_action().contains(value), "{}", view.summary());
    }
    world
        .bss
        .act(
            "staff/tenant",
            json!({ "action": "Create", "settings": tenant }),
        )
        .await;

    // Partly, then twice.
    let awaited = |what: &'static str| {
        move |view: &super::view::View| {
            view.reason() == "AwaitingManualStep" && view.message().contains(what)
        }
    };
    world
        .until("customers by hand", awaited("copy customers"))
        .await;
    until("the report lists twelve", || async {
        let rows = world.rows("ManualSteps").await;
        (rows.len() == 12, format!("{rows:#?}"))
    })
    .await;
    world
        .bss
        .act("staff/copy-customers", json!({ "limit": 5 }))
        .await;
    until("the report lists seven", || async {
        let rows = world.rows("ManualSteps").await;
        (rows.len() == 7, format!("{rows:#?}"))
    })
    .await;
    for _ in 0..2 {
        world.bss.act("staff/copy-customers", json!({})).await;
    }

    let view = world.until_reason("AwaitingPricing").await;
    assert!(view.is("CustomersCopied"), "{:#}", view.0);
    world.bss.act("reseller-staff/pricing", options()).await;

    world
        .until("subscriptions by hand", awaited("subscriptions and assets"))
        .await;
    world.bss.act("staff/copy-subscriptions", json!({})).await;

    // A button compares nothing: ordering rests before a person is asked to press it.
    let rests = |view: &super::view::View| view.next_action().contains("Disable ordering");
    let ordering = |enabled: bool| {
        world
            .bss
            .act("staff/ordering", json!({ "enabled": enabled }))
    };
    world.until("ordering has to rest", rests).await;
    ordering(false).await;
    let view = world
        .until("the switch by hand", awaited("activate back ordering"))
        .await;
    assert!(view.is("SubscriptionsCopied"), "{:#}", view.0);
    // Before the button is pressed ordering is enabled, and an order comes: the message is taken back,
    // and comes again.
    ordering(true).await;
    world.bss.act("storefront/buy", json!({})).await;
    world
        .until("one more by hand", awaited("subscriptions and assets"))
        .await;
    world.bss.act("staff/copy-subscriptions", json!({})).await;
    world.until("ordering has to rest again", rests).await;
    ordering(false).await;
    world
        .until("the switch by hand", awaited("activate back ordering"))
        .await;
    world
        .bss
        .act("staff/activate-back-ordering", json!({}))
        .await;
    let view = world.until_succeeded().await;
    assert!(view.is("Verified"), "{:#}", view.0);
    world.bss.ledgers_clean().await;
    assert_eq!(
        world.claim().await.spec.approval.as_deref(),
        Some("ManualStep")
    );
    assert!(world.rows("ManualSteps").await.is_empty());
    for operation in ["createTenant", "copyCustomers", "copySubscriptions"] {
        assert_eq!(world.bss.by_operator(operation).await, 0, "{operation}");
    }
    world.holds().await;
}

/// A BSS that keeps no keys: what a repeat could double is done by people.
#[tokio::test(flavor = "multi_thread")]
async fn without_keys_people_create_and_copy() {
    let world = World::of("keyless", manual(&["keys=None"])).await;
    world.begin_weak(&[]).await;
    let tenant = world.upgrade()["spec"]["tenant"].clone();
    world.until_reason("AwaitingManualStep").await;
    world
        .bss
        .act(
            "staff/tenant",
            json!({ "action": "Create", "settings": tenant }),
        )
        .await;
    world
        .until("customers by hand", |view| {
            view.message().contains("copy customers")
        })
        .await;
    world.bss.act("staff/copy-customers", json!({})).await;
    world
        .until("subscriptions by hand", |view| {
            view.message().contains("subscriptions and assets")
        })
        .await;
    // One record that must not be copied, beside those that must.
    let suspended = world
        .bss
        .act("storefront/suspend", json!({ "pick": "Uncopied" }))
        .await;
    let wrong = suspended["sourceId"].as_str().unwrap().to_owned();
    world
        .bss
        .put("promises", json!({ "screens": "Careless" }))
        .await;
    world.bss.act("staff/copy-subscriptions", json!({})).await;
    let only = json!({ "sourceIds": [wrong] });
    world.bss.act("staff/copy-subscriptions", only).await;
    let view = world.until_reason("OrphanedCopy").await;
    assert_eq!(view.named("OrphanedCopy"), std::slice::from_ref(&wrong));
    let ended = json!({ "sourceId": wrong });
    world.bss.act("reseller-staff/end-copy", ended).await;
    world.until_succeeded().await;
    world.bss.ledgers_clean().await;
    world.holds().await;
}
