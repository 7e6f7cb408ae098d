//! Two upgrades for one reseller, in two namespaces that the identity of the BSS is bound to.

use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::view::View;
use super::world::{NAME, Options, World, own_plane, until};

const RIVAL: &str = "rival";

fn moved(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(RIVAL);
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_waits_for_the_first_and_adopts_what_it_left() {
    let options = Options {
        watches_all: true,
        bound_to: "rivals,rival",
        ..Options::default()
    };
    let world = World::on(own_plane(Vec::new()).await, "rivals", options).await;
    // The first stays in the middle for as long as it is there.
    let held = json!({ "operation": "copySubscriptions", "kind": "Unavailable503" });
    world.bss.faults(json!([held])).await;
    world.begin().await;
    world.bss.struck(0, 1).await;

    let token = world.bss.token.clone();
    world
        .apply(&[
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": RIVAL } }),
            moved(world.credentials(&token)),
            moved(world.authority()),
            moved(world.connection()),
            moved(world.upgrade()),
        ])
        .await;
    let kind = kube::core::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
        "tenantreseller.io",
        "v1alpha1",
        "TenantResellerUpgrade",
    ));
    let rivals: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), RIVAL, &kind);
    let rival = || async {
        let object = rivals.get(NAME).await.unwrap();
        View(serde_json::to_value(object).unwrap())
    };
    until("the second is refused", || async {
        let view = rival().await;
        (view.reason() == "ResellerClaimed", view.summary())
    })
    .await;
    let view = rival().await;
    assert!(view.is("Stalled") && !view.is("Accepted"), "{:#}", view.0);
    assert!(
        view.message()
            .contains(&format!("{}/{NAME}", world.namespace)),
        "{}",
        view.message()
    );
    assert_eq!(world.claim().await.spec.holder.namespace, world.namespace);

    world.delete().await;
    until("the second holds the claim", || async {
        let holder = world.claim().await.spec.holder;
        (holder.namespace == RIVAL, format!("{holder:?}"))
    })
    .await;
    world.bss.faults(json!([])).await;
    until("the second succeeds", || async {
        let view = rival().await;
        (view.is("Succeeded"), view.summary())
    })
    .await;
    world.bss.judged_clean().await;
    world.holds().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 40);

    // A third finds everything done, and adopts it without an effect.
    let before = world.bss.writes().await;
    world.begin().await;
    world.until_succeeded().await;
    assert_eq!(world.bss.writes().await, before);
}
