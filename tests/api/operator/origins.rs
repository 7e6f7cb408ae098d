//! Two addresses under one declared identity: the second must tell who it is.

use serde_json::json;

use super::bss::{Bss, Data};
use super::view::View;
use super::world::{World, options, until};

const SECOND: &str = "fabrikam";

/// The first works on its reseller; then another BSS is declared to be the same one, and another
/// upgrade is to work there.
async fn declared_the_same(label: &str, weak: &'static [&'static str]) -> (World, Bss) {
    let world = World::start(label).await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;

    let data = Data {
        weak,
        ..Data::default()
    };
    let other = Bss::start(world.plane, &format!("{label}-other"), &data).await;
    let mut credentials = world.credentials(&other.token);
    let mut authority = world.authority();
    let mut connection = world.connection();
    for object in [&mut credentials, &mut authority, &mut connection] {
        let name = object["metadata"]["name"].as_str().unwrap();
        object["metadata"]["name"] = json!(format!("other-{name}"));
    }
    credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] =
        json!(other.authority_of_url());
    authority["stringData"]["ca.crt"] = json!(other.authority);
    let spec = &mut connection["spec"];
    spec["reference"]["url"] = json!(format!("{}/tenant-reseller/v1", other.url));
    spec["auth"]["bearer"]["secretRef"]["name"] = json!("other-credentials");
    spec["tls"]["caSecretRef"]["name"] = json!("other-authority");
    let mut upgrade = world.upgrade();
    upgrade["metadata"]["name"] = json!(SECOND);
    upgrade["spec"]["connectionRef"]["name"] = json!("other-distributor");
    upgrade["spec"]["reseller"] = json!({ "accountId": "10777" });
    world
        .apply(&[credentials, authority, connection, upgrade])
        .await;
    (world, other)
}

async fn refused(world: &World, so: impl Fn(&View) -> bool) -> View {
    until("the other address is refused", || async {
        let view = world.view_of(SECOND).await;
        let so = view.reason() == "IdentityMismatch" && so(&view);
        (so, world.history.told())
    })
    .await;
    let view = world.view_of(SECOND).await;
    assert!(view.is("Stalled") && !view.is("Accepted"), "{:#}", view.0);
    assert!(!view.next_action().is_empty(), "{}", view.summary());
    view
}

/// Nothing was written there, and the first one is not concerned.
async fn only_the_first_is_worked_on(world: World, other: Bss) {
    assert_eq!(other.writes().await, 0);
    assert!(other.audit("acquireEpoch").await.is_empty());
    assert_eq!(world.claims().await.len(), 1, "of the first reseller");
    world.bss.act("reseller-staff/pricing", options()).await;
    world.ends_well().await;
    assert_eq!(other.writes().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_does_not_tell_who_it_is_comes_second() {
    let (world, other) = declared_the_same("nameless", &["nameless=true"]).await;
    let unproven = |view: &View| view.message().contains("does not tell its identity");
    refused(&world, unproven).await;
    world.heartbeats(3).await;
    refused(&world, unproven).await;
    // Now it tells its identity, and that is another one.
    other.put("promises", json!({ "nameless": false })).await;
    refused(&world, |view| view.message().contains(&other.identity)).await;
    only_the_first_is_worked_on(world, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_tells_another_name_is_another_bss() {
    let (world, other) = declared_the_same("othername", &[]).await;
    let view = refused(&world, |view| view.message().contains(&other.identity)).await;
    assert!(
        view.message().contains(&world.bss.identity),
        "{}",
        view.summary()
    );
    only_the_first_is_worked_on(world, other).await;
}
