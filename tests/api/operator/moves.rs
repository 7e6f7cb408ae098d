//! An upgrade that goes on elsewhere: under another name, in another namespace, in another cluster,
//! or by another way to the same BSS. Its keys are made of the BSS's identity and the account alone,
//! so nothing is done twice.

use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::bss::Data;
use super::view::View;
use super::world::{NAME, Options, World, own_plane, until};

/// Many enough for several batches, so that there is a middle.
fn many() -> Data {
    Data {
        customers: 150,
        subscriptions: 250,
        ..Data::default()
    }
}

/// The upgrade is held in the middle of an operation: a part took effect, though its reply was
/// lost, and the rest is barred.
async fn held_after_an_effect(world: &World, operation: &str) {
    world
        .bss
        .faults(json!([
            { "operation": operation, "kind": "LoseReplyAfterEffect", "times": 1 },
            { "operation": operation, "kind": "Unavailable503" },
        ]))
        .await;
}

/// No operator writes to the BSS.
async fn rests(world: &World) {
    let before = world.bss.writes().await;
    world.heartbeats(3).await;
    assert_eq!(world.bss.writes().await, before, "an operator still writes");
}

fn moved(mut object: Value, namespace: &str) -> Value {
    object["metadata"]["namespace"] = json!(namespace);
    object
}

fn renamed(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object
}

async fn until_it_is(
    upgrades: &Api<DynamicObject>,
    name: &str,
    so: impl Fn(&View) -> bool,
) -> View {
    let look = || async {
        let object = upgrades.get(name).await.unwrap();
        View(serde_json::to_value(object).unwrap())
    };
    until(name, || async {
        let view = look().await;
        (so(&view), view.summary())
    })
    .await;
    look().await
}

/// First under another name, then with its whole namespace gone. The identity of the BSS is bound to
/// both namespaces.
#[tokio::test(flavor = "multi_thread")]
async fn to_another_name_and_to_another_namespace() {
    let options = Options {
        watches_all: true,
        data: many(),
        bound_to: "moves,elsewhere",
        ..Options::default()
    };
    let world = World::on(own_plane(Vec::new()).await, "moves", options).await;
    held_after_an_effect(&world, "copyCustomers").await;
    world.begin().await;
    world.bss.struck(1, 1).await;
    world.delete().await;
    rests(&world).await;
    held_after_an_effect(&world, "copySubscriptions").await;
    world.apply(&[renamed(world.upgrade(), "again")]).await;
    world.bss.struck(1, 1).await;
    let first = world.claim().await.spec;
    assert_eq!(first.holder.name, "again");

    // As a person does who takes the namespace for unused: everything in it goes, in any order.
    let plane = world.plane;
    plane
        .kubectl()
        .unwrap()
        .run(["delete", "namespace", "moves", "--timeout=60s"])
        .await
        .unwrap();
    rests(&world).await;
    let claim = world.claim().await.spec;
    assert_eq!(claim, first, "the record is not in that namespace");
    world.bss.faults(json!([])).await;

    let elsewhere = "elsewhere";
    let token = world.bss.token.clone();
    world
        .apply(&[
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": elsewhere } }),
            moved(world.credentials(&token), elsewhere),
            moved(world.authority(), elsewhere),
            moved(world.connection(), elsewhere),
            moved(world.upgrade(), elsewhere),
        ])
        .await;
    let resource =
        kube::core::ApiResource::erase::<tenant_reseller_operator::api::TenantResellerUpgrade>(&());
    let upgrades: Api<DynamicObject> =
        Api::namespaced_with(world.client.clone(), elsewhere, &resource);
    until_it_is(&upgrades, NAME, |view| view.is("Succeeded")).await;
    assert_eq!(world.claim().await.spec.holder.namespace, elsewhere);
    world.bss.judged_clean().await;
}

/// The same BSS by another host name.
#[tokio::test(flavor = "multi_thread")]
async fn by_another_url_to_the_same_bss() {
    let world = World::of("renamed", many()).await;
    held_after_an_effect(&world, "copySubscriptions").await;
    world.begin().await;
    world.bss.struck(1, 1).await;
    let token = world.bss.token.clone();
    let mut credentials = world.credentials(&token);
    let own = world.bss.authority_of_url();
    credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] =
        json!(format!("{own},{}", own.replace("127.0.0.1", "localhost")));
    let mut connection = world.connection();
    let url = connection["spec"]["reference"]["url"].as_str().unwrap();
    connection["spec"]["reference"]["url"] = json!(url.replace("127.0.0.1", "localhost"));
    world.apply(&[credentials, connection]).await;
    world.bss.faults(json!([])).await;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), 250);
}

/// The upgrade is applied in a second cluster while the operator of the first is at work. The BSS
/// keeps them apart until a person decides; the first sees by itself that all is done.
#[tokio::test(flavor = "multi_thread")]
async fn to_another_cluster_by_a_persons_word() {
    let here = World::of("here", many()).await;
    let there = World::on(own_plane(Vec::new()).await, "there", Options::default()).await;
    // Not away but slow to serve, so that it is asked again soon.
    let busy = |operation: &str| json!({ "operation": operation, "kind": { "Throttle": { "retryAfterSeconds": 1 } } });
    let lost = json!({ "operation": "copySubscriptions", "kind": "LoseReplyAfterEffect",
        "times": 1 });
    here.bss
        .faults(json!([lost, busy("copySubscriptions")]))
        .await;
    here.begin().await;
    here.bss.struck(1, 1).await;

    let token = here.bss.token.clone();
    let objects = [
        here.credentials(&token),
        here.authority(),
        here.connection(),
        here.upgrade(),
    ];
    there
        .apply(&objects.map(|object| moved(object, "there")))
        .await;
    let view = there.until_reason("ResellerClaimed").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    there.heartbeats(3).await;
    assert_eq!(there.view().await.reason(), "ResellerClaimed");

    let said = view.next_action();
    let (_, word) = said.split_once("tenantreseller.io/take-over=").unwrap();
    there
        .annotate("tenantreseller.io/take-over", Some(word.trim()))
        .await;
    // The one that lost it is told so at its next write, while the other one goes on.
    here.bss.faults(json!([busy("activateBackOrdering")])).await;
    let view = here.until_reason("ResellerClaimed").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    here.bss.faults(json!([])).await;
    // There the record begins anew, and with it the knowledge of who suspended what.
    let view = there.until_reason("AwaitingConfirmation").await;
    assert_eq!(here.bss.state().await["backOrdering"], "Off");
    there.confirmed(&view).await;
    there.until_succeeded().await;
    here.bss.judged_clean().await;
    here.until_succeeded().await;
    assert_eq!(
        here.bss.effects("activateBackOrdering", "Activated").await,
        1
    );
    here.holds().await;
    there.holds().await;
}
