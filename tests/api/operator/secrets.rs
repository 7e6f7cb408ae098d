//! The token is changed, or taken away, in the middle of phase 3: what is missing or wrong is named,
//! and when it is right the work goes on by itself.

use serde_json::json;

use super::bss::Data;
use super::view::View;
use super::world::{World, until};

const ITEMS: usize = 250;
/// Begins as every token does, so that it is looked for wherever it must not be.
const NEW: &str = "contract-secret-of-tomorrow";

/// A part of the subscriptions is copied, though its reply was lost, and the rest is barred.
async fn in_the_middle(label: &str) -> World {
    let data = Data {
        customers: 20,
        subscriptions: 250,
        ..Data::default()
    };
    let world = World::of(label, data).await;
    let operation = "copySubscriptions";
    world
        .bss
        .faults(json!([
            { "operation": operation, "kind": "LoseReplyAfterEffect", "times": 1 },
            // Not away but slow to serve, so that it is asked again soon.
            { "operation": operation, "kind": { "Throttle": { "retryAfterSeconds": 1 } } },
        ]))
        .await;
    world.begin().await;
    world.bss.struck(1, 1).await;
    until("a part is copied", || async {
        let copied = world.bss.created(operation).await.len();
        (copied > 0 && copied < ITEMS, format!("{copied} copied"))
    })
    .await;
    world
}

/// Nothing bars the way any more but the credentials, and nothing is written.
async fn barred(world: &World, reason: &str) -> View {
    let before = world.bss.writes().await;
    world.bss.faults(json!([])).await;
    world.heartbeats(3).await;
    let view = world.until_reason(reason).await;
    assert_eq!(world.bss.writes().await, before, "{reason}: it wrote");
    for milestone in ["TenantCreated", "CustomersCopied", "PricingReady"] {
        assert!(view.is(milestone), "{:#}", view.0);
    }
    view
}

/// A person must change the Secret: the status says so.
async fn rejected(world: &World) {
    let view = barred(world, "CredentialsRejected").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert!(view.next_action().contains("Secret"), "{}", view.summary());
}

/// A person must give the Secret: the status names it.
async fn missing(world: &World) {
    let view = barred(world, "DependencyNotReady").await;
    assert!(view.is("Reconciling"), "{:#}", view.0);
    assert!(view.message().contains("credentials"), "{}", view.summary());
}

async fn ends(world: &World) {
    let token = &world.bss.token;
    world.ends_well().await;
    assert_eq!(world.bss.created("copySubscriptions").await.len(), ITEMS);
    let log = world.log();
    assert!(!log.contains(token), "a token in the log");
}

async fn give(world: &World, token: &str) {
    world.apply(&[world.credentials(token)]).await;
}

/// A Secret that works is kept for a minute, and longer while the BSS is not asked.
async fn read_again(world: &World) {
    world
        .annotate("tenantreseller.io/requestedAt", Some("first"))
        .await;
}

async fn take_away(world: &World) {
    world.kubectl(&["delete", "secret", "credentials"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_at_the_bss_first() {
    let mut world = in_the_middle("rotatedthere").await;
    world.bss.rotate(NEW).await;
    world.until_reason("CredentialsRejected").await;
    rejected(&world).await;
    give(&world, NEW).await;
    ends(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_in_the_secret_first() {
    let mut world = in_the_middle("rotatedhere").await;
    give(&world, NEW).await;
    read_again(&world).await;
    world.until_reason("CredentialsRejected").await;
    rejected(&world).await;
    world.bss.rotate(NEW).await;
    ends(&world).await;
}

/// The former token would still be accepted.
#[tokio::test(flavor = "multi_thread")]
async fn removed_and_given_back() {
    let world = in_the_middle("secretremoved").await;
    take_away(&world).await;
    read_again(&world).await;
    world.until_reason("DependencyNotReady").await;
    missing(&world).await;
    give(&world, &world.bss.token).await;
    ends(&world).await;
}

/// The former token is refused, and there is no other to read. The Secret itself has not changed.
#[tokio::test(flavor = "multi_thread")]
async fn removed_and_changed_at_the_bss() {
    let mut world = in_the_middle("removedchanged").await;
    take_away(&world).await;
    world.bss.rotate(NEW).await;
    world.until_reason("DependencyNotReady").await;
    missing(&world).await;
    give(&world, NEW).await;
    ends(&world).await;
}
