//! Copies of subscriptions and assets: what is copied, what stands against it, what it follows.

use super::Stage;
use super::scene::{Scene, class, failure, reasons, tallies};
use support::simulated_bss::{Action, Defect, TenantVerb};
use tenant_reseller_operator::bss::port::{
    BlockerReason, Bss, CheckTarget, CopyItem, CopyListing, CopyState, ItemKind, ItemOutcome,
    PurchaseState, SourceId,
};

pub(super) async fn a_purchase_is_copied_once<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let eligible = scene.eligible().await;
    assert_eq!(eligible.len(), 12);
    for purchase in &eligible {
        let item = scene.item(purchase).await;
        assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Created);
        assert_eq!(scene.copy(item).await, ItemOutcome::Unchanged);
        let copies = scene.copies_of(&purchase.id).await;
        assert_eq!(
            (copies.len(), copies[0].state.clone()),
            (1, CopyState::Live)
        );
        assert_eq!(copies[0].digest, purchase.digest);
        let link = scene.purchase(&purchase.id).await.link;
        assert_eq!(link, Some((scene.tenant.clone(), copies[0].id.clone())));
    }
    assert_eq!(scene.copies(CopyListing::Subscriptions).await.len(), 12);
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn what_stands_against_a_copy<S: Stage>(stage: &S) {
    let scene = Scene::with_tenant(stage).await;
    let purchase = scene.first().await;
    let customer = scene.customer(&purchase.customer).await;
    let item = scene.item(&purchase).await;
    // Neither its owner nor its options are there.
    let both = [
        BlockerReason::PricingIncomplete,
        BlockerReason::CustomerNotCopied,
    ];
    assert_eq!(reasons(scene.copy(item.clone()).await), both);
    scene.copy(scene.customer_item(&customer)).await;
    let one = [BlockerReason::PricingIncomplete];
    assert_eq!(reasons(scene.copy(item.clone()).await), one);
    scene.act(Action::Price(None)).await;
    // It was checked under other options.
    assert!(matches!(scene.copy(item).await, ItemOutcome::Conflict(_)));
    let item = scene.item(&purchase).await;
    scene.act(Action::PriceOtherwise(None)).await;
    assert!(matches!(scene.copy(item).await, ItemOutcome::Conflict(_)));
    scene.act(Action::Price(None)).await;
    // Everything is looked at once more, and every reason told.
    scene.act(Action::Sync(customer.id.clone(), false)).await;
    scene
        .act(Action::Plant(Defect::Currency, purchase.id.clone()))
        .await;
    let item = scene.item(&scene.purchase(&purchase.id).await).await;
    let two = [
        BlockerReason::CurrencyMismatch,
        BlockerReason::AccountNotSynced,
    ];
    assert_eq!(reasons(scene.copy(item).await), two);
    scene.act(Action::Repair).await;
    let item = scene.item(&scene.purchase(&purchase.id).await).await;
    assert_eq!(scene.copy(item).await, ItemOutcome::Created);
}

pub(super) async fn what_is_never_copied<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let purchases = scene.purchases().await;
    let mut inactive = 0;
    for purchase in &purchases {
        let item = scene.item(purchase).await;
        if purchase.customer == SourceId(scene.account.0.clone()) {
            assert_eq!(failure(scene.copy(item).await), "Forbidden");
        } else if purchase.state != PurchaseState::Active {
            inactive += 1;
            assert!(matches!(scene.copy(item).await, ItemOutcome::Conflict(_)));
        }
    }
    assert_eq!(inactive, 5, "one of each state");
    let first = scene.first().await;
    let item = scene.item(&first).await;
    let asset = CopyItem {
        kind: ItemKind::Asset,
        ..item.clone()
    };
    assert_eq!(failure(scene.copy(asset).await), "Invalid");
    let unknown = CopyItem {
        source: "unknown".into(),
        ..item.clone()
    };
    assert_eq!(failure(scene.copy(unknown).await), "NotFound");
    scene.act(Action::Quantity(first.id.clone(), 99)).await;
    assert!(
        matches!(scene.copy(item.clone()).await, ItemOutcome::Conflict(_)),
        "it moved on"
    );
    scene.act(Action::Cancel(first.id.clone())).await;
    let item = scene.item(&scene.purchase(&first.id).await).await;
    assert!(matches!(scene.copy(item).await, ItemOutcome::Conflict(_)));
    assert_eq!(scene.copies(CopyListing::Subscriptions).await, []);
    // A trial that is paid, and what was suspended and is not any more, can be copied.
    for state in [
        PurchaseState::Trial,
        PurchaseState::Suspended,
        PurchaseState::FutureDated,
    ] {
        let asleep = purchases.iter().find(|each| each.state == state).unwrap();
        scene.act(Action::Resume(asleep.id.clone())).await;
        let item = scene.item(&scene.purchase(&asleep.id).await).await;
        assert_eq!(scene.copy(item).await, ItemOutcome::Created, "{state:?}");
    }
    for state in [PurchaseState::Cancelled, PurchaseState::Expired] {
        let gone = purchases.iter().find(|each| each.state == state).unwrap();
        assert!(
            stage.act(Action::Resume(gone.id.clone())).await.is_err(),
            "{state:?}"
        );
        assert!(
            stage.act(Action::Cancel(gone.id.clone())).await.is_err(),
            "{state:?}"
        );
    }
}

pub(super) async fn a_copy_follows_its_source_until_it_is_amended<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let id = scene.first().await.id;
    // Quantity 2, 3, 2 is three honest updates, each expecting what was there.
    for quantity in [102, 103, 102] {
        scene.act(Action::Quantity(id.clone(), quantity)).await;
        let bare = scene.item(&scene.purchase(&id).await).await;
        assert!(
            matches!(scene.copy(bare).await, ItemOutcome::Conflict(_)),
            "nothing expected"
        );
        let update = scene.update(&id).await;
        assert_eq!(scene.copy(update.clone()).await, ItemOutcome::Updated);
        let copies = scene.copies_of(&id).await;
        assert_eq!(
            (copies.len(), &copies[0].digest),
            (1, &update.expected_source)
        );
        assert_eq!(
            copies[0].source_digest,
            Some(update.expected_source.clone())
        );
        assert_eq!(scene.copy(update).await, ItemOutcome::Unchanged);
    }
    // The sell price belongs to the reseller: it is not compared.
    scene.act(Action::AmendPrice(id.clone(), 4_242)).await;
    assert_eq!(
        scene.copy(scene.update(&id).await).await,
        ItemOutcome::Unchanged
    );
    // The copy itself was amended and the source moved on: people decide.
    scene.act(Action::AmendQuantity(id.clone(), 7)).await;
    scene.act(Action::Quantity(id.clone(), 8)).await;
    let refused = scene.copy(scene.update(&id).await).await;
    assert_eq!(reasons(refused), [BlockerReason::SourceChanged]);
    assert_eq!(
        tallies(scene.switches("a").await),
        [(BlockerReason::SourceChanged, 1)]
    );
    scene.act(Action::AmendQuantity(id.clone(), 8)).await;
    assert_eq!(
        scene.copy(scene.update(&id).await).await,
        ItemOutcome::Unchanged
    );
    // What is not active is updated no more.
    scene.act(Action::Suspend(id.clone())).await;
    let orphaned = scene.copy(scene.update(&id).await).await;
    assert_eq!(reasons(orphaned), [BlockerReason::OrphanedCopy]);
    assert_eq!(
        tallies(scene.switches("b").await),
        [(BlockerReason::OrphanedCopy, 1)]
    );
    scene.act(Action::Resume(id)).await;
    scene.switches("c").await.unwrap();
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn an_ended_copy_stays_ended<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let id = scene.first().await.id;
    scene.act(Action::EndCopy(id.clone())).await;
    assert_eq!(
        scene.copy(scene.update(&id).await).await,
        ItemOutcome::Unchanged
    );
    assert_eq!(scene.copies_of(&id).await[0].state, CopyState::Ended);
    scene.act(Action::Quantity(id.clone(), 55)).await;
    let refused = scene.copy(scene.update(&id).await).await;
    assert_eq!(reasons(refused), [BlockerReason::SourceChanged]);
    scene.act(Action::Cancel(id.clone())).await;
    let orphaned = scene.copy(scene.update(&id).await).await;
    assert_eq!(reasons(orphaned), [BlockerReason::OrphanedCopy]);
    scene.switches("a").await.unwrap();
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn checks_before_and_after_the_tenant<S: Stage>(stage: &S) {
    let scene = Scene::held(stage).await;
    let bss = scene.bss();
    let list = stage.settings().price_list;
    let ids: Vec<SourceId> = scene
        .eligible()
        .await
        .into_iter()
        .map(|each| each.id)
        .collect();
    let bad = &ids[1];
    scene
        .act(Action::Plant(Defect::Currency, bad.clone()))
        .await;
    let check = async |target: &CheckTarget| {
        let found = bss
            .check_purchases(&scene.account, target, &ids)
            .await
            .unwrap();
        assert_eq!(found.len(), ids.len());
        let found = found.into_iter().filter(|(_, reasons)| !reasons.is_empty());
        found
            .map(|(id, reasons)| (id, reasons[0].reason))
            .collect::<Vec<_>>()
    };
    let early = CheckTarget::PriceList(list.clone());
    let expected = [(bad.clone(), BlockerReason::CurrencyMismatch)];
    assert_eq!(check(&early).await, expected);
    scene.creates("r", "k/tenant").await.unwrap();
    let target = CheckTarget::Tenant(scene.active().await);
    assert_eq!(check(&target).await, expected);
    scene.act(Action::Repair).await;
    assert_eq!(check(&target).await, []);
    // It says nothing of who is not there, nor of the reseller's own.
    let own = scene.purchases().await.into_iter();
    let mut own = own.filter(|each| each.customer.as_str() == scene.account.as_str());
    for id in ["unknown".into(), own.next().unwrap().id] {
        let left_out = bss
            .check_purchases(&scene.account, &target, &[id])
            .await
            .unwrap();
        assert_eq!(left_out.len(), 0);
    }
    let nowhere = CheckTarget::Tenant("none".into());
    assert_eq!(
        class(bss.check_purchases(&scene.account, &nowhere, &ids).await),
        "NotFound"
    );
    let unlisted = CheckTarget::PriceList("PL-NONE".into());
    assert_eq!(
        class(bss.check_purchases(&scene.account, &unlisted, &ids).await),
        "Invalid"
    );
    scene.act(Action::PriceList(list, false)).await;
    assert_eq!(
        class(bss.check_purchases(&scene.account, &early, &ids).await),
        "Invalid"
    );
}

pub(super) async fn a_suspended_tenant_takes_nothing<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let item = scene.item(&scene.first().await).await;
    scene.act(Action::Tenant(TenantVerb::Suspend)).await;
    assert_eq!(
        reasons(scene.copy(item.clone()).await),
        [BlockerReason::TenantSuspended]
    );
    let against = tallies(scene.switches("a").await);
    assert!(
        against.contains(&(BlockerReason::TenantSuspended, 1)),
        "{against:?}"
    );
    assert!(
        stage
            .act(Action::Tenant(TenantVerb::Suspend))
            .await
            .is_err()
    );
    scene.act(Action::Tenant(TenantVerb::Resume)).await;
    assert_eq!(scene.copy(item).await, ItemOutcome::Created);
}
