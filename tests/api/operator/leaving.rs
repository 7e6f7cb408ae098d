//! The operator leaves: nothing that it put on objects holds anything up. It meets objects of a newer
//! version: it touches none of them, and takes none of them for absent.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::bss::Data;
use super::leaders::begin_serially;
use super::world::{NAME, Options, World, own_plane, until};

const FINALIZER: &str = "tenantreseller.io/work-in-progress";

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_ends_in_the_middle_leaves_no_finalizer() {
    let data = Data {
        customers: 20,
        subscriptions: 400,
        ..Data::default()
    };
    let mut world = World::of("leaving", data).await;
    let slow = json!({ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 800 } } });
    world.bss.faults(json!([slow])).await;
    begin_serially(&world).await;
    world
        .until("a call under way", |view| {
            view.0["metadata"]["finalizers"] == json!([FINALIZER])
                && view.reason() == "Progressing"
                && view.is("PricingReady")
        })
        .await;
    world.operator.terminate().await.unwrap();
    assert!(world.log().contains("ended"), "it came to its own end");
    let view = world.view().await;
    assert_eq!(
        view.0["metadata"]["finalizers"],
        Value::Null,
        "{:#}",
        view.0
    );
    // Nothing is there that could remove one: a deletion, of the namespace for example, ends all the same.
    let took = world.delete().await;
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// Definitions of a newer version, which know another word.
async fn with_another_invoicing(world: &World, name: &str, pointer: &str) {
    let api: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    let mut crd = serde_json::to_value(api.get(name).await.unwrap()).unwrap();
    let words = crd.pointer_mut(pointer).unwrap().as_array_mut().unwrap();
    words.push(json!("Quarterly"));
    crd["metadata"]["managedFields"] = Value::Null;
    let how = PatchParams::default();
    api.patch(name, &how, &Patch::Merge(&crd)).await.unwrap();
}

const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_wrote_is_neither_held_nor_taken_for_absent() {
    let world = World::on(own_plane(Vec::new()).await, "newer", Options::default()).await;
    let of_upgrades = format!("{SPEC}/tenant/properties/invoicing/enum");
    with_another_invoicing(
        &world,
        "tenantresellerupgrades.tenantreseller.io",
        &of_upgrades,
    )
    .await;
    let of_pricing = format!("{SPEC}/customers/items/properties/invoicing/enum");
    with_another_invoicing(&world, "customerpricings.tenantreseller.io", &of_pricing).await;

    let pricing = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": "newer", "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": [{
            "accountId": "20001", "priceList": "PL-RETAIL", "billing": { "day": 1 },
            "paymentMethod": "Invoice", "invoicing": "Quarterly",
        }] },
    });
    until("the newer word is accepted", || async {
        let api = world.api("CustomerPricing");
        let how = PatchParams::apply("tests").force();
        let applied = api.patch("newer", &how, &Patch::Apply(&pricing)).await;
        (applied.is_ok(), format!("{applied:?}"))
    })
    .await;
    world.connect().await;
    world.apply(&[world.upgrade()]).await;
    let view = world.until_reason("InvalidSpec").await;
    assert!(
        view.message().contains("CustomerPricing newer"),
        "{}",
        view.message()
    );
    world.heartbeats(2).await;
    assert_eq!(world.bss.writes().await, 0, "no default price was written");

    // An upgrade of the newer version, held by the finalizer since an operator before.
    let mut unreadable = world.upgrade();
    unreadable["metadata"]["name"] = json!("unreadable");
    unreadable["metadata"]["finalizers"] = json!([FINALIZER]);
    unreadable["spec"]["tenant"]["invoicing"] = json!("Quarterly");
    until("the newer upgrade is accepted", || async {
        let how = PatchParams::apply("tests").force();
        let patch = Patch::Apply(&unreadable);
        let applied = world.upgrades().patch("unreadable", &how, &patch).await;
        (applied.is_ok(), format!("{applied:?}"))
    })
    .await;
    let took = world.delete_named("unreadable").await;
    assert!(took < Duration::from_secs(8), "{took:?}");

    // Once it is gone, the upgrade goes on by itself and soon.
    let delete = kube::api::DeleteParams::default();
    world
        .api("CustomerPricing")
        .delete("newer", &delete)
        .await
        .unwrap();
    world.ends_well().await;
}
