//! Copies of customers, their keys, their marks and their pricing options.

use super::scene::{Scene, class, failure, reasons, tallies};
use super::{Stage, Turn};
use support::simulated_bss::{Action, TenantVerb};
use tenant_reseller_operator::bss::port::{
    BlockerReason, Bss, CopyItem, CopyListing, CopyState, Digest, Found, ItemOutcome, Keys, Mark,
    PricingOutcome, PricingState,
};

pub(super) async fn customers_are_copied_and_marked_once<S: Stage>(stage: &S) {
    let scene = Scene::with_tenant(stage).await;
    let customers = scene.customers().await;
    assert_eq!(customers.len(), 6);
    let first = &customers[0];
    assert_eq!((first.mark, &first.link), (Mark::Unmarked, &None));
    let item = scene.customer_item(first);
    for wrong in [
        CopyItem {
            expected_source: "other".into(),
            ..item.clone()
        },
        CopyItem {
            expected_copy: Some("other".into()),
            ..item.clone()
        },
    ] {
        assert!(matches!(scene.copy(wrong).await, ItemOutcome::Conflict(_)));
    }
    for id in [stage.alien(), "unknown".into()] {
        let alien = CopyItem {
            source: id,
            ..item.clone()
        };
        assert_eq!(failure(scene.copy(alien).await), "NotFound");
    }
    assert_eq!(scene.copies(CopyListing::Customers).await, []);
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Created);
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Unchanged);
    let now = scene.customer(&first.id).await;
    let made = scene.copies_of(&first.id).await;
    assert_eq!(now.mark, Mark::Marked);
    assert_eq!(now.link, Some((scene.tenant.clone(), made[0].id.clone())));
    assert_eq!((made.len(), made[0].state.clone()), (1, CopyState::Live));
    assert_eq!(made[0].digest, first.digest);
    assert_eq!(made[0].source_digest, Some(first.digest.clone()));
    assert_eq!(made[0].business_key, Some(item.key.clone()));
    let found = scene
        .bss()
        .find_copies(&scene.tenant, std::slice::from_ref(&item.key))
        .await
        .unwrap();
    assert_eq!(found[&item.key], Found::One(made[0].clone()));
}

pub(super) async fn a_second_create_makes_two_where_keys_are_findable<S: Stage>(stage: &S) {
    stage.turn(&[Turn::Keys(Keys::Findable)]).await;
    let scene = Scene::complete(stage).await;
    let purchase = scene.first().await;
    let item = scene.item(&purchase).await;
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Created);
    let copies = scene.copies_of(&purchase.id).await;
    assert_eq!(copies.len(), 2);
    let found = scene
        .bss()
        .find_copies(&scene.tenant, std::slice::from_ref(&item.key))
        .await
        .unwrap();
    assert_eq!(found[&item.key], Found::Many(copies.clone()));
    // Who names the copy that is there repeats nothing.
    let named = CopyItem {
        expected_copy: Some(copies[0].digest.clone()),
        ..item.clone()
    };
    assert_eq!(scene.copy(named).await, ItemOutcome::Unchanged);
    scene.turn(Turn::Keys(Keys::Unique)).await;
    assert_eq!(
        reasons(scene.copy(item).await),
        [BlockerReason::DuplicateCopy]
    );
    let against = tallies(scene.switches("a").await);
    assert_eq!(against, [(BlockerReason::DuplicateCopy, 1)]);
    scene
        .turn(Turn::Compares(
            tenant_reseller_operator::bss::port::Strength::Weak,
        ))
        .await;
    scene.switches("b").await.unwrap();
    assert_eq!(scene.harm().await, ["doubleCharges", "duplicated"]);
}

pub(super) async fn without_keys_nothing_is_found<S: Stage>(stage: &S) {
    stage.turn(&[Turn::Keys(Keys::None)]).await;
    let scene = Scene::with_customers(stage).await;
    let customer = scene.customers().await.remove(0);
    let item = scene.customer_item(&customer);
    let found = scene
        .bss()
        .find_copies(&scene.tenant, std::slice::from_ref(&item.key))
        .await
        .unwrap();
    assert_eq!(found[&item.key], Found::None);
    let copies = scene.copies(CopyListing::Customers).await;
    assert!(
        copies.iter().all(|copy| copy.business_key.is_none()),
        "{copies:?}"
    );
    let tenant = scene
        .bss()
        .get_tenant(&scene.account)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(tenant.business_key, None);
    assert_eq!(scene.copy(item).await, ItemOutcome::Created);
    assert_eq!(scene.harm().await, ["duplicated"]);
}

pub(super) async fn one_key_names_one_record_where_keys_are_unique<S: Stage>(stage: &S) {
    let scene = Scene::with_tenant(stage).await;
    let customers = scene.customers().await;
    let first = scene.customer_item(&customers[0]);
    let second = CopyItem {
        key: first.key.clone(),
        ..scene.customer_item(&customers[1])
    };
    let tenants = CopyItem {
        key: "k/tenant".into(),
        ..first.clone()
    };
    let other = CopyItem {
        key: "k/other".into(),
        ..first.clone()
    };
    assert!(matches!(
        scene.copy(tenants).await,
        ItemOutcome::Conflict(_)
    ));
    assert_eq!(scene.copy(first.clone()).await, ItemOutcome::Created);
    assert!(matches!(
        scene.copy(second.clone()).await,
        ItemOutcome::Conflict(_)
    ));
    assert!(
        matches!(scene.copy(other).await, ItemOutcome::Conflict(_)),
        "linked already"
    );
    scene.turn(Turn::Keys(Keys::Findable)).await;
    assert_eq!(scene.copy(second).await, ItemOutcome::Created);
    let found = scene
        .bss()
        .find_copies(&scene.tenant, std::slice::from_ref(&first.key))
        .await
        .unwrap();
    assert!(matches!(&found[&first.key], Found::Many(both) if both.len() == 2));
}

pub(super) async fn copy_and_mark_in_two_steps<S: Stage>(stage: &S) {
    stage.turn(&[Turn::MarksLater]).await;
    let scene = Scene::with_tenant(stage).await;
    let customer = scene.customers().await.remove(0);
    let item = scene.customer_item(&customer);
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Created);
    assert_eq!(scene.customer(&customer.id).await.mark, Mark::Unmarked);
    assert_eq!(scene.harm().await, ["halfMarked"]);
    assert_eq!(
        scene.copy(item.clone()).await,
        ItemOutcome::Created,
        "the other half"
    );
    assert_eq!(scene.customer(&customer.id).await.mark, Mark::Marked);
    assert_eq!(scene.copy(item).await, ItemOutcome::Unchanged);
    assert_eq!(scene.copies(CopyListing::Customers).await.len(), 1);
    assert!(scene.harm().await.is_empty());
}

pub(super) async fn a_moved_customer_is_an_orphan<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let purchase = scene.first().await;
    let customer = scene.customer(&purchase.customer).await;
    let (person, item) = (scene.customer_item(&customer), scene.item(&purchase).await);
    scene
        .act(Action::BillTo(customer.id.clone(), "10777".into()))
        .await;
    assert!(
        scene
            .customers()
            .await
            .iter()
            .all(|each| each.id != customer.id)
    );
    assert!(
        scene
            .purchases()
            .await
            .iter()
            .all(|each| each.customer != customer.id)
    );
    assert_eq!(
        reasons(scene.copy(person).await),
        [BlockerReason::OrphanedCopy]
    );
    assert_eq!(
        reasons(scene.copy(item).await),
        [BlockerReason::OrphanedCopy]
    );
    let against = tallies(scene.switches("a").await);
    let orphaned = against
        .iter()
        .any(|(reason, _)| *reason == BlockerReason::OrphanedCopy);
    assert!(orphaned, "{against:?}");
    scene.act(Action::BillTo(customer.id, "10423".into())).await;
    scene.switches("a").await.unwrap();
}

pub(super) async fn pricing_is_never_overwritten<S: Stage>(stage: &S) {
    let scene = Scene::with_tenant(stage).await;
    let customers = scene.customers().await;
    let ids: Vec<_> = customers.iter().map(|each| each.id.clone()).collect();
    let needed = ["priceList", "billing", "paymentMethod", "invoicing"];
    let missing = async |at: usize| {
        let mut states = scene.bss().get_pricing(&scene.tenant, &ids).await.unwrap();
        match states.remove(&ids[at]).unwrap() {
            PricingState::Missing { options, .. } => options,
            PricingState::Set(_) | PricingState::Unseen { .. } => Vec::new(),
        }
    };
    assert_eq!(missing(0).await[0], "copy");
    assert!(matches!(
        scene.prices(&ids[0]).await,
        Ok(PricingOutcome::Failed(_))
    ));
    assert!(
        stage
            .act(Action::Price(Some(ids[0].clone())))
            .await
            .is_err(),
        "not copied yet"
    );
    for customer in &customers {
        scene.copy(scene.customer_item(customer)).await;
    }
    assert_eq!(missing(0).await, needed);
    let before = scene.revision().await;
    assert_eq!(scene.prices(&ids[0]).await, Ok(PricingOutcome::Written));
    assert_eq!(scene.prices(&ids[0]).await, Ok(PricingOutcome::Unchanged));
    assert_eq!(missing(0).await, Vec::<String>::new());
    scene
        .act(Action::PriceOtherwise(Some(ids[1].clone())))
        .await;
    let differs = PricingOutcome::Differs(vec!["paymentMethod".to_owned()]);
    assert_eq!(scene.prices(&ids[1]).await, Ok(differs));
    scene.act(Action::PricePartly(ids[2].clone())).await;
    assert_eq!(missing(2).await, needed[1..]);
    let outcome = scene.prices(&ids[2]).await.unwrap();
    let PricingOutcome::Differs(fields) = outcome else {
        panic!("what a person had set in part was filled in: {outcome:?}")
    };
    assert_eq!(fields, needed[1..]);
    scene.act(Action::RemovePricing(Some(ids[1].clone()))).await;
    assert_eq!(scene.prices(&ids[1]).await, Ok(PricingOutcome::Written));
    assert_eq!(
        scene.revision().await,
        before,
        "pricing is no part of the inventory"
    );
    scene.act(Action::Tenant(TenantVerb::Suspend)).await;
    let refused = tallies(scene.prices(&ids[3]).await);
    assert_eq!(refused, [(BlockerReason::TenantSuspended, 1)]);
}

pub(super) async fn batches_have_bounds<S: Stage>(stage: &S) {
    let scene = Scene::with_tenant(stage).await;
    let (bss, tenant) = (scene.bss(), &scene.tenant);
    let customer = scene.customers().await.remove(0);
    let item = scene.customer_item(&customer);
    let twice = [item.clone(), item.clone()];
    let many: Vec<CopyItem> = (0..101)
        .map(|n| CopyItem {
            source: format!("s{n}").into(),
            ..item.clone()
        })
        .collect();
    for batch in [&[][..], &twice[..], &many[..]] {
        let refused = bss.copy_customers(scene.fence(), tenant, batch).await;
        assert_eq!(class(refused), "Invalid", "{} items", batch.len());
    }
    let purchase = scene.first().await;
    let bare = CopyItem {
        pricing: None,
        ..scene.item(&purchase).await
    };
    assert_eq!(class(scene.try_copy(bare).await), "Invalid");
    let wrong = CopyItem {
        kind: purchase.kind,
        pricing: Some(Digest::from("p")),
        ..item
    };
    let refused = bss.copy_customers(scene.fence(), tenant, &[wrong]).await;
    assert_eq!(class(refused), "Invalid");
    assert_eq!(class(bss.find_copies(tenant, &[]).await), "Invalid");
    assert_eq!(class(bss.get_pricing(tenant, &[]).await), "Invalid");
    assert_eq!(scene.copies(CopyListing::Customers).await, []);
}
