//! What people do: manual steps, the Storefront, the staff on both sides, and the locks between
//! them.

use super::scene::{Scene, class};
use super::{Stage, Turn};
use support::simulated_bss::{Action, Pick, TenantVerb};
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::port::{
    BackOrdering, Bss, CopyListing, ItemOutcome, Keys, Mark, Mode, PurchaseState, Revision,
    WriteOperation,
};

pub(super) async fn manual_steps_are_told_and_change_nothing<S: Stage>(stage: &S) {
    let mut scene = Scene::with_customers(stage).await;
    let purchase = scene.first().await;
    let customer = scene.customer(&purchase.customer).await;
    let (person, item) = (scene.customer_item(&customer), scene.item(&purchase).await);
    let before = scene.revision().await;
    for mode in [Mode::ManualStep, Mode::Unsupported] {
        let turns = WriteOperation::ALL.map(|operation| Turn::Mode(operation, mode));
        stage.turn(&turns).await;
        let capabilities = scene.bss().get_capabilities().await.unwrap();
        assert!(capabilities.operations.values().all(|each| *each == mode));
        // It comes before any look at the request, a stale epoch included.
        scene.epoch = None;
        let answers = [
            scene.creates("r", "k/tenant").await.map(drop),
            scene.try_copy(person.clone()).await.map(drop),
            scene.prices(&customer.id).await.map(drop),
            scene.try_copy(item.clone()).await.map(drop),
            scene.activates("a", Some(Revision(1))).await.map(drop),
        ];
        for answer in answers {
            match (mode, answer.unwrap_err()) {
                (Mode::ManualStep, BssError::ManualStepNeeded { instruction }) => {
                    assert!(instruction.len() > 20, "{instruction}");
                }
                (Mode::Unsupported, BssError::Unsupported { .. }) => {}
                (_, other) => panic!("{mode:?}: {other:?}"),
            }
        }
    }
    assert_eq!(scene.revision().await, before);
}

pub(super) async fn people_can_do_the_whole_upgrade_on_screen<S: Stage>(stage: &S) {
    let mut scene = Scene::held(stage).await;
    for step in WriteOperation::ALL {
        scene.act(Action::ByHand(step, Pick::Needed)).await;
        if step == WriteOperation::CreateTenant {
            scene.tenant = scene.active().await;
        }
    }
    let copies = scene.copies(CopyListing::Subscriptions).await;
    assert_eq!(copies.len(), 12);
    assert!(copies.iter().all(|copy| copy.business_key.is_none()));
    let reseller = scene.bss().get_reseller(&scene.account).await.unwrap();
    assert_eq!(reseller.back_ordering, BackOrdering::On);
    assert!(
        scene
            .customers()
            .await
            .iter()
            .all(|each| each.mark == Mark::Marked)
    );
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn pressing_twice_is_refused_by_unique_keys_only<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let again = |step| Action::ByHand(step, Pick::Again);
    assert!(
        stage
            .act(again(WriteOperation::CreateTenant))
            .await
            .is_err()
    );
    assert!(
        stage
            .act(again(WriteOperation::CopyCustomers))
            .await
            .is_err()
    );
    assert!(
        stage
            .act(again(WriteOperation::CopySubscriptions))
            .await
            .is_err()
    );
    // A copy of the operator's is not copied by hand, and the other way round.
    let customer = scene.customers().await.remove(0);
    assert_eq!(
        scene.copy(scene.customer_item(&customer)).await,
        ItemOutcome::Unchanged
    );
    scene.turn(Turn::Keys(Keys::Findable)).await;
    scene.act(again(WriteOperation::CopyCustomers)).await;
    scene.act(again(WriteOperation::CopySubscriptions)).await;
    assert_eq!(scene.copies(CopyListing::Customers).await.len(), 12);
    assert_eq!(scene.copies(CopyListing::Subscriptions).await.len(), 24);
    assert_eq!(scene.harm().await, ["duplicated"]);
}

pub(super) async fn careless_screens_take_anything<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let wrong = |step| Action::ByHand(step, Pick::Wrong);
    assert!(
        stage
            .act(wrong(WriteOperation::CopyCustomers))
            .await
            .is_err()
    );
    assert!(
        stage
            .act(wrong(WriteOperation::CopySubscriptions))
            .await
            .is_err()
    );
    let press = Action::ByHand(WriteOperation::ActivateBackOrdering, Pick::Needed);
    assert!(stage.act(press).await.is_err(), "the button examines, too");
    scene.turn(Turn::Careless).await;
    scene.act(wrong(WriteOperation::CopyCustomers)).await;
    let aliens = async || {
        let copies = scene.copies(CopyListing::Customers).await.into_iter();
        copies.filter(|copy| copy.source == stage.alien()).count()
    };
    assert_eq!(aliens().await, 1);
    scene.act(wrong(WriteOperation::CopySubscriptions)).await;
    assert_eq!(scene.copies(CopyListing::Subscriptions).await.len(), 1);
}

pub(super) async fn ordering_that_is_disabled_freezes_the_storefront<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let purchase = scene.first().await;
    let id = &purchase.id;
    scene.act(Action::Ordering(false)).await;
    assert!(
        !scene
            .bss()
            .get_reseller(&scene.account)
            .await
            .unwrap()
            .ordering_enabled
    );
    let before = scene.revision().await;
    for action in [
        Action::Buy(purchase.customer.clone()),
        Action::BuyHeld(purchase.customer.clone()),
        Action::Cancel(id.clone()),
        Action::Suspend(id.clone()),
        Action::Quantity(id.clone(), 9),
    ] {
        let told = format!("{action:?}");
        assert!(stage.act(action).await.is_err(), "{told}");
    }
    assert_eq!(scene.revision().await, before);
    scene.act(Action::Ordering(true)).await;
    scene.act(Action::Quantity(id.clone(), 9)).await;
    // Only a customer of this reseller can order.
    assert!(stage.act(Action::Buy("unknown".into())).await.is_err());
}

pub(super) async fn locks_after_the_copy_and_after_the_switch<S: Stage>(stage: &S) {
    let scene = Scene::with_tenant(stage).await;
    let customers = scene.customers().await;
    let (copied, other) = (&customers[0], &customers[1]);
    assert_eq!(
        scene.copy(scene.customer_item(copied)).await,
        ItemOutcome::Created
    );
    assert!(
        stage
            .act(Action::StaffOrders(copied.id.clone()))
            .await
            .is_err(),
        "the partial lock"
    );
    scene.act(Action::StaffOrders(other.id.clone())).await;
    assert!(
        stage
            .act(Action::OrderInOwnBss(copied.id.clone()))
            .await
            .is_err()
    );
    scene.bought(&copied.id).await;
    for customer in &customers[1..] {
        scene.copy(scene.customer_item(customer)).await;
    }
    scene.act(Action::Price(None)).await;
    for purchase in scene.eligible().await {
        let item = scene.item(&purchase).await;
        assert_eq!(scene.copy(item).await, ItemOutcome::Created);
    }
    let id = scene.first().await.id;
    scene.switches("a").await.unwrap();
    for action in [
        Action::Buy(copied.id.clone()),
        Action::Cancel(id.clone()),
        Action::Suspend(id.clone()),
        Action::Quantity(id.clone(), 9),
        Action::StaffCancels(id.clone()),
        Action::StaffOrders(other.id.clone()),
        Action::Kind(tenant_reseller_operator::bss::port::ResellerKind::Basic),
    ] {
        let told = format!("{action:?}");
        assert!(stage.act(action).await.is_err(), "{told}");
    }
    // From now on the reseller orders, changes and ends in its own BSS, and all of it flows up.
    scene.act(Action::OrderInOwnBss(copied.id.clone())).await;
    scene.act(Action::AmendQuantity(id.clone(), 31)).await;
    let (purchase, records) = (scene.purchase(&id).await, scene.copies_of(&id).await);
    assert_eq!(records[0].digest, purchase.digest);
    scene.act(Action::EndCopy(id.clone())).await;
    assert_eq!(scene.purchase(&id).await.state, PurchaseState::Cancelled);
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn amendments_are_the_resellers<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let purchase = scene.first().await;
    for action in [
        Action::AmendPrice(purchase.id.clone(), 5),
        Action::AmendQuantity(purchase.id.clone(), 5),
        Action::EndCopy(purchase.id.clone()),
    ] {
        assert!(stage.act(action).await.is_err(), "there is no copy yet");
    }
    let item = scene.item(&purchase).await;
    scene.copy(item).await;
    scene
        .act(Action::AmendQuantity(purchase.id.clone(), 41))
        .await;
    let copy = scene.copies_of(&purchase.id).await.remove(0);
    assert_ne!(copy.digest, purchase.digest);
    assert_eq!(copy.source_digest, Some(purchase.digest.clone()));
    assert_eq!(
        scene.purchase(&purchase.id).await.digest,
        purchase.digest,
        "it does not flow up"
    );
    assert!(stage.act(Action::Tenant(TenantVerb::Create)).await.is_err());
    assert_eq!(class(scene.switches("a").await), "Blocked");
    scene.act(Action::RemovePricing(None)).await;
    let other = scene
        .eligible()
        .await
        .into_iter()
        .find(|each| each.id != purchase.id);
    let item = scene.item(&other.unwrap()).await;
    let refused = super::scene::reasons(scene.copy(item).await);
    let incomplete = tenant_reseller_operator::bss::port::BlockerReason::PricingIncomplete;
    assert_eq!(refused, [incomplete]);
}
