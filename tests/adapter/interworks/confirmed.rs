//! Pairs that a person confirmed, where the records of the two sides do not tell which is the copy of which.

use std::collections::BTreeMap;

use serde_json::json;
use tenant_reseller_operator::bss::adapters::interworks::InterworksBss;
use tenant_reseller_operator::bss::port::{
    Bss, CopyId, CopyListing, CopyRecord, CopyState, Link, PricingState, PurchaseState, SourceId,
};

use super::world::{World, copies, customers, purchases, reseller, tenant};

/// Nothing but names on both sides: no external ids, no codes, no registration numbers.
async fn names_alone() -> World {
    let world = World::new(|_| {}).await;
    world
        .switch(json!({ "externalIds": "None", "accountCodes": false }))
        .await;
    world.press("create-tenant").await;
    world.press("transfer-accounts").await;
    world
}

/// Every pair that the adapter names as a candidate, as a person would confirm it.
fn all_of(copies: &[CopyRecord]) -> BTreeMap<SourceId, CopyId> {
    let pairs = copies.iter();
    pairs
        .map(|copy| (copy.source.clone(), copy.id.clone()))
        .collect()
}

async fn pricing(bss: &InterworksBss, customers: &[SourceId]) -> Vec<PricingState> {
    let states = bss.get_pricing(&tenant(), customers).await.unwrap();
    states.into_values().collect()
}

#[tokio::test]
async fn customers_that_a_person_confirmed_own_what_is_copied_for_them() {
    let world = names_alone().await;
    let bss = world.both();
    let unclear = copies(&bss, CopyListing::Customers).await.unwrap();
    assert!(!unclear.is_empty());
    for copy in &unclear {
        let CopyState::Unclear(why) = &copy.state else {
            panic!("{copy:?}");
        };
        assert!(why.contains(copy.id.as_str()), "{why}");
        assert_eq!(copy.link, Link::Inferred);
    }
    let sources = customers(&bss).await.unwrap();
    assert!(sources.iter().all(|one| one.link.is_none()));
    let ids: Vec<SourceId> = sources.iter().map(|one| one.id.clone()).collect();
    let unseen = pricing(&bss, &ids).await;
    let is_unseen = |one: &PricingState| matches!(one, PricingState::Unseen { .. });
    assert!(unseen.iter().all(is_unseen), "{unseen:?}");
    // A run that stopped half way: records are there whose owners are not known.
    let half = world
        .control("screens/transfer-subscriptions", json!({ "stopAfter": 5 }))
        .await;
    assert_eq!(half["copied"], 5, "{half}");
    assert_eq!(copies(&bss, CopyListing::Subscriptions).await, Ok(vec![]));

    let confirmed = all_of(&unclear);
    assert_eq!(confirmed.len(), unclear.len(), "one candidate each");
    bss.confirm_copies(&confirmed);
    for one in customers(&bss).await.unwrap() {
        assert_eq!(
            one.link,
            Some((tenant(), confirmed[&one.id].clone())),
            "{one:?}"
        );
    }
    let now = copies(&bss, CopyListing::Customers).await.unwrap();
    assert!(now.iter().all(|copy| copy.state == CopyState::Live));
    let seen = pricing(&bss, &ids).await;
    assert!(!seen.iter().any(is_unseen), "{seen:?}");
    let copied = copies(&bss, CopyListing::Subscriptions).await.unwrap();
    let listed = purchases(&bss).await.unwrap();
    let live = copied
        .iter()
        .filter(|copy| copy.state == CopyState::Live)
        .count();
    assert_eq!(live, 5, "{copied:?}");
    for copy in &copied {
        let source = listed.iter().find(|one| one.id == copy.source).unwrap();
        assert_eq!(source.digest, copy.digest, "{copy:?}");
    }
    // Taken back, nothing is certain again.
    bss.confirm_copies(&BTreeMap::new());
    assert_eq!(copies(&bss, CopyListing::Subscriptions).await, Ok(vec![]));
    assert_eq!(copies(&bss, CopyListing::Customers).await, Ok(unclear));
}

#[tokio::test]
async fn a_purchase_whose_copy_was_changed_is_unclear_until_a_person_confirms_the_pair() {
    let world = World::new(|_| {}).await;
    world.switch(json!({ "externalIds": "None" })).await;
    world.press("create-tenant").await;
    world.press("transfer-accounts").await;
    // Before the switch: what the reseller changes after it happens at the distributor too.
    let some = world
        .control("screens/transfer-subscriptions", json!({ "stopAfter": 9 }))
        .await;
    assert_eq!(some["copied"], 9, "{some}");
    let bss = world.both();
    let before = copies(&bss, CopyListing::Subscriptions).await.unwrap();
    assert!(before.iter().all(|copy| copy.state == CopyState::Live));
    // The reseller sells one more than it bought: nothing says any more which record that was.
    let changed = world.a_subscription().await;
    let amended = json!({ "sourceId": changed, "quantity": 777 });
    world.control("reseller-staff/amend", amended).await;

    let unclear = |copies: &[CopyRecord]| -> Vec<CopyRecord> {
        let is = |copy: &&CopyRecord| matches!(copy.state, CopyState::Unclear(_));
        copies.iter().filter(is).cloned().collect()
    };
    let now = copies(&bss, CopyListing::Subscriptions).await.unwrap();
    let doubtful = unclear(&now);
    assert!(!doubtful.is_empty(), "{now:?}");
    let pair = doubtful[0].clone();
    // A pair that nothing speaks for is not believed.
    let wrong = BTreeMap::from([(pair.source.clone(), CopyId::from("elsewhere"))]);
    bss.confirm_copies(&wrong);
    let now = copies(&bss, CopyListing::Subscriptions).await.unwrap();
    assert_eq!(unclear(&now), doubtful);

    bss.confirm_copies(&BTreeMap::from([(pair.source.clone(), pair.id.clone())]));
    let now = copies(&bss, CopyListing::Subscriptions).await.unwrap();
    let settled = now.iter().find(|copy| copy.source == pair.source).unwrap();
    assert_eq!(
        (settled.state.clone(), &settled.id),
        (CopyState::Live, &pair.id)
    );
    let listed = purchases(&bss).await.unwrap();
    let source = listed.iter().find(|one| one.id == pair.source).unwrap();
    assert_eq!(source.state, PurchaseState::Active);
    assert_eq!(source.link, Some((tenant(), pair.id.clone())));
    assert_ne!(
        source.digest, settled.digest,
        "the difference is still told"
    );
    assert_eq!(
        bss.get_reseller(&reseller()).await.unwrap().account,
        reseller()
    );
}
