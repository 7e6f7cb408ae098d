//! The switch: what it compares and examines, its keys, and what comes after it.

use super::scene::{Scene, class, reasons, tallies};
use super::{Stage, Turn};
use support::simulated_bss::{Action, Corruption, CorruptionKind};
use tenant_reseller_operator::bss::port::{
    Activation, BackOrdering, BlockerReason, Bss, CopyListing, ItemKind, ItemOutcome, Mark,
    ResellerKind, Revision, Strength,
};

pub(super) async fn the_switch_compares_and_examines<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    // Twelve purchases; their owners are copied.
    assert_eq!(
        tallies(scene.switches("a").await),
        [(BlockerReason::NotCopied, 12)]
    );
    for purchase in scene.eligible().await {
        let item = scene.item(&purchase).await;
        scene.copy(item).await;
    }
    let before = scene.revision().await;
    let customer = scene.customers().await.remove(0).id;
    let new = scene.bought(&customer).await;
    assert_eq!(new.mark, Mark::Marked, "it inherits its account's mark");
    assert_eq!(class(scene.activates("b", before).await), "Conflict");
    assert_eq!(
        tallies(scene.switches("b").await),
        [(BlockerReason::NotCopied, 1)]
    );
    assert_eq!(class(scene.activates("c", None).await), "Invalid");
    let ahead = before.map(|revision| Revision(revision.0 + 1_000));
    assert_eq!(class(scene.activates("d", ahead).await), "Conflict");
    let still = scene.bss().get_reseller(&scene.account).await.unwrap();
    assert_eq!(
        (still.kind, still.back_ordering),
        (ResellerKind::Basic, BackOrdering::Off)
    );
    scene.copy(scene.item(&new).await).await;
    scene.act(Action::Kind(ResellerKind::Standard)).await;
    assert_eq!(
        tallies(scene.switches("e").await),
        [(BlockerReason::ResellerNotBasic, 1)]
    );
    scene.act(Action::Kind(ResellerKind::Basic)).await;
    assert_eq!(scene.switches("e").await, Ok(Activation::Activated));
    let after = scene.bss().get_reseller(&scene.account).await.unwrap();
    assert_eq!(
        (after.kind, after.back_ordering),
        (ResellerKind::Tenant, BackOrdering::On)
    );
    for purchase in scene.purchases().await {
        let own = purchase.customer.as_str() == scene.account.as_str();
        assert_eq!(purchase.mark == Mark::Marked, !own, "{purchase:?}");
    }
    assert_eq!(scene.switches("f").await, Ok(Activation::AlreadyActive));
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn a_switch_that_compares_nothing_goes_through<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let before = scene.revision().await;
    let customer = scene.customers().await.remove(0).id;
    scene.bought(&customer).await;
    scene.turn(Turn::Compares(Strength::Weak)).await;
    assert_eq!(
        scene.activates("a", before).await,
        Ok(Activation::Activated)
    );
    assert_eq!(scene.harm().await, ["lost", "missingCharges"]);
}

pub(super) async fn a_copy_after_the_switch_is_refused<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let purchase = scene.first().await;
    let customer = scene.customer(&purchase.customer).await;
    scene.switches("a").await.unwrap();
    let count = scene.copies(CopyListing::Subscriptions).await.len();
    let item = scene.item(&purchase).await;
    let active = [BlockerReason::BackOrderingActive];
    assert_eq!(reasons(scene.copy(item).await), active);
    assert_eq!(
        reasons(scene.copy(scene.customer_item(&customer)).await),
        active
    );
    assert_eq!(scene.copies(CopyListing::Subscriptions).await.len(), count);
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn a_copy_after_the_switch_is_a_sale_without_the_guard<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let customer = scene.customers().await.remove(0).id;
    let late = scene.bought(&customer).await;
    let item = scene.item(&late).await;
    stage
        .turn(&[
            Turn::Compares(Strength::Weak),
            Turn::OffGuard(Strength::Weak),
        ])
        .await;
    scene.switches("a").await.unwrap();
    assert_eq!(scene.copy(item).await, ItemOutcome::Created);
    assert_eq!(
        scene.harm().await,
        ["orders", "sales", "vendorProvisionings"]
    );
}

pub(super) async fn a_switch_is_replayed_under_its_request_key<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let revision = scene.revision().await;
    for _ in 0..2 {
        assert_eq!(
            scene.activates("a", revision).await,
            Ok(Activation::Activated)
        );
    }
    let other = revision.map(|revision| Revision(revision.0 + 1));
    assert_eq!(
        class(scene.activates("a", other).await),
        "Conflict",
        "a key names one request"
    );
    assert_eq!(
        scene.activates("b", other).await,
        Ok(Activation::AlreadyActive)
    );
    assert_eq!(class(scene.creates("a", "k/tenant").await), "Conflict");
    scene.turn(Turn::KeysForgotten).await;
    for _ in 0..1_000 {
        stage.pass().await;
        match scene.activates("a", revision).await.unwrap() {
            Activation::Activated => {}
            Activation::AlreadyActive => return,
        }
    }
    panic!("the request key is never forgotten")
}

pub(super) async fn refusals_are_replayed_until_their_key_is_forgotten<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let revision = scene.revision().await.unwrap();
    let behind = Some(Revision(revision.0 - 1));
    let customer = scene.customers().await.remove(0).id;
    // Without the switch a refusal is not given again.
    scene.act(Action::BuyHeld(customer)).await;
    let open = [(BlockerReason::OrderNotFinal, 1)];
    assert_eq!(tallies(scene.switches("a").await), open);
    scene.act(Action::CancelOrders).await;
    scene.turn(Turn::ReplayedRefusals(true)).await;
    let first = scene.activates("b", behind).await;
    assert_eq!(class(first.clone()), "Conflict");
    scene.turn(Turn::Compares(Strength::Weak)).await;
    // It would be done now, were it looked at.
    assert_eq!(scene.activates("b", behind).await, first);
    let still = scene.bss().get_reseller(&scene.account).await.unwrap();
    assert_eq!(still.back_ordering, BackOrdering::Off);
    scene.turn(Turn::KeysForgotten).await;
    for _ in 0..1_000 {
        stage.pass().await;
        if scene.activates("b", behind).await == Ok(Activation::Activated) {
            return;
        }
    }
    panic!("the refusal is never forgotten")
}

pub(super) async fn what_the_switch_corrupts_is_seen<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let purchase = scene.first().await;
    let corruption = Corruption {
        kind: CorruptionKind::Quantity,
        item: ItemKind::Subscription,
        source: Some(purchase.id.clone()),
    };
    scene
        .act(Action::CorruptAtSwitch(Some(corruption.clone())))
        .await;
    assert_eq!(
        scene.copies_of(&purchase.id).await[0].digest,
        purchase.digest
    );
    scene.switches("a").await.unwrap();
    assert_ne!(
        scene.copies_of(&purchase.id).await[0].digest,
        purchase.digest
    );
    let second = Corruption {
        kind: CorruptionKind::SecondCopy,
        ..corruption.clone()
    };
    scene.act(Action::Corrupt(second)).await;
    assert_eq!(scene.copies_of(&purchase.id).await.len(), 2);
    let mut others = scene.eligible().await;
    others.retain(|each| each.kind == ItemKind::Subscription && each.id != purchase.id);
    let of = |kind, at: usize| {
        Action::Corrupt(Corruption {
            kind,
            item: ItemKind::Subscription,
            source: Some(others[at].id.clone()),
        })
    };
    scene.act(of(CorruptionKind::CopyDeleted, 0)).await;
    scene.act(of(CorruptionKind::Unmarked, 1)).await;
    let account = Corruption {
        kind: CorruptionKind::Unmarked,
        item: ItemKind::Customer,
        source: Some(purchase.customer),
    };
    scene.act(Action::Corrupt(account)).await;
    let found = scene.harm().await;
    let expected = [
        "differing",
        "differingCharges",
        "doubleCharges",
        "duplicated",
        "halfMarked",
        "lost",
        "missingCharges",
        "unmarked",
    ];
    assert_eq!(found, expected);
}
