//! Two upgrades of one BSS whose connection lets one work at a time.

use serde_json::{Value, json};

use super::view::View;
use super::world::{NAME, World, until};

const SECOND: &str = "fabrikam";
const SECOND_ACCOUNT: &str = "10777";

fn second(world: &World) -> Value {
    let mut upgrade = world.upgrade();
    upgrade["metadata"]["name"] = json!(SECOND);
    upgrade["spec"]["reseller"] =
        json!({ "accountId": SECOND_ACCOUNT, "expectedName": "Fabrikam SA" });
    upgrade
}

async fn until_second(world: &World, awaited: &str, so: impl Fn(&View) -> bool) -> View {
    until(awaited, || async {
        let view = world.view_of(SECOND).await;
        (so(&view), world.history.told())
    })
    .await;
    world.view_of(SECOND).await
}

/// The ids of all lines of the audit list about this reseller, of the operator's writes.
async fn writes(world: &World, account: &str) -> Vec<u64> {
    let mut ids = Vec::new();
    for operation in [
        "createTenant",
        "copyCustomers",
        "setPricing",
        "copySubscriptions",
        "activateBackOrdering",
    ] {
        let lines = world.bss.audit(operation).await;
        let ours = lines.iter().filter(|line| line["accountId"] == account);
        ids.extend(ours.map(|line| line["id"].as_u64().unwrap()));
    }
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_waits_for_its_turn_and_both_succeed() {
    let world = World::start("turns").await;
    // Nothing but time holds the first: a call that fails would make it give its place up.
    let slow = json!({ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 2500 } } });
    world.bss.faults(json!([slow])).await;
    let token = world.bss.token.clone();
    let mut connection = world.connection();
    connection["spec"]["limits"]["activeUpgrades"] = json!(1);
    connection["spec"]["limits"]["concurrency"] = json!(1);
    world
        .apply(&[
            world.credentials(&token),
            world.authority(),
            connection,
            world.upgrade(),
        ])
        .await;
    world.bss.struck(0, 1).await;

    world.apply(&[second(&world)]).await;
    let waits = |view: &View| view.reason() == "AwaitingTurn";
    let view = until_second(&world, "AwaitingTurn", waits).await;
    assert!(
        view.is("Reconciling") && !view.is("Stalled"),
        "{:#}",
        view.0
    );
    assert!(!view.is("Accepted"), "nothing was asked yet: {:#}", view.0);
    assert_eq!(
        view.text("/status/waitingFor/reason"),
        "AwaitingTurn",
        "{:#}",
        view.0
    );
    assert!(
        view.next_action().contains("activeUpgrades"),
        "{:#}",
        view.0
    );
    assert_eq!(view.0.pointer("/metadata/finalizers"), None);
    assert_eq!(writes(&world, SECOND_ACCOUNT).await, Vec::<u64>::new());

    world.bss.faults(json!([])).await;
    until_second(&world, "the second succeeds", |view| view.is("Succeeded")).await;
    world.until_succeeded().await;
    for account in ["10423", SECOND_ACCOUNT] {
        let judged = world.bss.get(&format!("judge?accountId={account}")).await;
        assert_eq!(judged["copied"], judged["eligible"], "{judged:#}");
        for (figure, wanted) in [("duplicated", 0), ("lost", 0), ("activations", 1)] {
            assert_eq!(judged[figure], wanted, "{figure}: {judged:#}");
        }
    }
    world.bss.effects_once().await;
    let (first, second) = (
        writes(&world, "10423").await,
        writes(&world, SECOND_ACCOUNT).await,
    );
    assert!(
        first.last().unwrap() < second.first().unwrap(),
        "the second began before the first was through: {first:?} {second:?}"
    );
    let went = world.history.reasons(SECOND);
    assert_eq!(went.first().unwrap(), "AwaitingTurn", "{went:?}");
    let waited = world.history.reasons(NAME);
    assert!(!waited.contains(&"AwaitingTurn".to_owned()), "{waited:?}");
    world.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_people_gives_its_place_up_and_who_is_deleted_leaves_the_line() {
    let world = World::start("turnspark").await;
    let token = world.bss.token.clone();
    let mut connection = world.connection();
    connection["spec"]["limits"]["activeUpgrades"] = json!(1);
    world
        .apply(&[
            world.credentials(&token),
            world.authority(),
            connection,
            world.waiting_upgrade(),
        ])
        .await;
    world.until_reason("AwaitingPricing").await;
    // It looks again every second all the while, and the second upgrade need not wait for that.
    world.apply(&[second(&world)]).await;
    until_second(&world, "the second succeeds", |view| view.is("Succeeded")).await;
    let went = world.history.reasons(NAME);
    let parked = went.iter().position(|reason| reason == "AwaitingPricing");
    assert_eq!(went[parked.unwrap()..], ["AwaitingPricing"], "{went:?}");

    // Its pricing is at hand: it has the place now. The other is deleted meanwhile.
    world.patch(world.upgrade()).await;
    world.delete_named(SECOND).await;
    world.until_succeeded().await;
    world.holds().await;
}
