//! Listings: order, pages, the revision, and their weaknesses.

use super::scene::{Scene, class, window};
use super::{Stage, Turn};
use support::simulated_bss::{Action, TenantVerb};
use tenant_reseller_operator::bss::port::{
    Bss, CopyListing, Found, ItemOutcome, SourceId, Strength,
};

pub(super) async fn pages_are_in_order_and_complete<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let (bss, account, tenant) = (scene.bss(), &scene.account, &scene.tenant);
    let customers: Vec<SourceId> = scene.customers().await.into_iter().map(|c| c.id).collect();
    assert_eq!(customers.len(), 6);
    assert!(customers.is_sorted());
    let purchases: Vec<SourceId> = scene.purchases().await.into_iter().map(|p| p.id).collect();
    assert!(purchases.len() > 12 && purchases.is_sorted());
    let copies = scene.copies(CopyListing::Subscriptions).await;
    assert!(copies.len() == 12 && copies.is_sorted_by_key(|copy| copy.source.clone()));
    let whole = bss.list_customers(account, &window(None, 6)).await.unwrap();
    assert_eq!(
        (whole.items.len(), whole.next),
        (6, None),
        "nothing is behind the last row"
    );
    let first = bss.list_customers(account, &window(None, 5)).await.unwrap();
    assert!(first.next.is_some());
    let limits = [0, 501];
    for limit in limits {
        let page = window(None, limit);
        assert_eq!(class(bss.list_customers(account, &page).await), "Invalid");
        assert_eq!(
            class(bss.list_subscriptions(account, &page).await),
            "Invalid"
        );
        assert_eq!(class(bss.list_open_orders(account, &page).await), "Invalid");
        let copies = bss.list_copies(tenant, CopyListing::Customers, &page).await;
        assert_eq!(class(copies), "Invalid");
    }
    let odd = window(Some("o3".into()), 3);
    assert_eq!(
        class(bss.list_customers(account, &odd).await),
        "Invalid",
        "no offsets here"
    );
    assert_eq!(
        class(
            bss.list_customers(account, &window(Some("?".into()), 3))
                .await
        ),
        "Invalid"
    );
    let nowhere = bss
        .list_copies(&"none".into(), CopyListing::Customers, &window(None, 3))
        .await;
    assert_eq!(class(nowhere), "NotFound");
}

pub(super) async fn the_revision_moves_with_the_inventory<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let purchase = scene.first().await;
    let customer = purchase.customer.clone();
    let item = scene.item(&purchase).await;
    let mut last = scene.revision().await;
    macro_rules! moves {
        ($moves:expr, $what:expr) => {
            let now = scene.revision().await;
            assert_eq!(now > last, $moves, "{}", $what);
            assert!(now.is_some());
            last = now;
        };
    }
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Created);
    moves!(true, "a copy");
    scene.copy(item).await;
    moves!(false, "a repeated copy");
    let quantity = Action::Quantity(purchase.id.clone(), 77);
    for (action, expected) in [
        (quantity.clone(), true),
        (Action::AmendQuantity(purchase.id.clone(), 5), true),
        (Action::AmendPrice(purchase.id.clone(), 5), false),
        (Action::Suspend(purchase.id.clone()), true),
        (Action::Resume(purchase.id.clone()), true),
        (Action::BuyHeld(customer.clone()), true),
        (Action::FinishOrders, true),
        (Action::BuyHeld(customer.clone()), true),
        (Action::CancelOrders, true),
        (Action::Sync(customer.clone(), false), true),
        (Action::Sync(customer.clone(), true), true),
        (Action::PriceOtherwise(None), false),
        (Action::Price(None), false),
        (Action::Ordering(false), false),
        (Action::Ordering(true), false),
        (Action::Tenant(TenantVerb::Suspend), false),
        (Action::Tenant(TenantVerb::Resume), false),
        (Action::EndCopy(purchase.id.clone()), true),
        (Action::BillTo(customer.clone(), "10777".into()), true),
        (Action::BillTo(customer.clone(), "10423".into()), true),
        (Action::StaffCancels(purchase.id.clone()), true),
        (Action::Tenant(TenantVerb::Delete), true),
    ] {
        let told = format!("{action:?}");
        scene.act(action).await;
        moves!(expected, told);
    }
    scene.turn(Turn::Revision(Strength::Weak)).await;
    assert_eq!(scene.revision().await, None);
    assert!(last.is_some());
}

pub(super) async fn offsets_skip_and_repeat<S: Stage>(stage: &S) {
    for (offset, wrong) in [(false, 0), (true, 1)] {
        let turns = [Turn::Revision(Strength::Weak), Turn::OffsetPaging(offset)];
        stage.turn(&turns).await;
        let account = "10423".into();
        let whole = stage
            .bss()
            .list_customers(&account, &window(None, 500))
            .await
            .unwrap();
        let ids: Vec<SourceId> = whole.items.into_iter().map(|each| each.id).collect();
        let walk = async |there: &str, then: &str| {
            let moved = |to: &str| Action::BillTo(ids[0].clone(), to.into());
            stage.act(moved(there)).await.unwrap();
            let first = stage
                .bss()
                .list_customers(&account, &window(None, 3))
                .await
                .unwrap();
            stage.act(moved(then)).await.unwrap();
            let rest = window(first.next, 3);
            let second = stage.bss().list_customers(&account, &rest).await.unwrap();
            let both = first.items.into_iter().chain(second.items);
            both.map(|each| each.id).collect::<Vec<_>>()
        };
        // Five are there all the time, whatever the first one does.
        let seen = walk("10423", "10777").await;
        let missing = ids[1..].iter().filter(|id| !seen.contains(id)).count();
        assert_eq!(missing, wrong, "{seen:?}");
        let seen = walk("10777", "10423").await;
        let count = |id: &SourceId| seen.iter().filter(|other| *other == id).count();
        let twice = ids[1..].iter().filter(|id| count(id) > 1).count();
        assert_eq!(twice, wrong, "{seen:?}");
    }
}

pub(super) async fn what_is_new_lags<S: Stage>(stage: &S) {
    let turns = [Turn::Revision(Strength::Weak), Turn::Lag(true)];
    let scene = Scene::with_tenant(stage).await;
    stage.turn(&turns).await;
    let customer = scene.customers().await.remove(0);
    let item = scene.customer_item(&customer);
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Created);
    let find = async || {
        let keys = [item.key.clone()];
        let mut found = scene.bss().find_copies(&scene.tenant, &keys).await.unwrap();
        found.remove(&item.key).unwrap()
    };
    assert_eq!(find().await, Found::None);
    assert_eq!(scene.copies(CopyListing::Customers).await, []);
    assert_eq!(scene.customer(&customer.id).await.link, None);
    // Unique keys hold all the same.
    assert_eq!(scene.copy(item.clone()).await, ItemOutcome::Unchanged);
    scene.turn(Turn::Lag(false)).await;
    assert!(matches!(find().await, Found::One(_)));
    assert_eq!(scene.copies(CopyListing::Customers).await.len(), 1);
    assert!(scene.customer(&customer.id).await.link.is_some());
    // The tenant, too.
    scene.turn(Turn::Lag(true)).await;
    scene.act(Action::Tenant(TenantVerb::Replace)).await;
    assert_eq!(scene.bss().get_tenant(&scene.account).await, Ok(None));
    assert_eq!(
        scene
            .bss()
            .get_reseller(&scene.account)
            .await
            .unwrap()
            .tenant,
        None
    );
    scene.turn(Turn::Lag(false)).await;
    assert!(
        scene
            .bss()
            .get_tenant(&scene.account)
            .await
            .unwrap()
            .is_some()
    );
}

pub(super) async fn links_lead_into_the_live_tenant_only<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let old = scene.tenant.clone();
    scene.act(Action::Tenant(TenantVerb::Replace)).await;
    let new = scene
        .bss()
        .get_tenant(&scene.account)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(new.id, old);
    assert_eq!(
        (&new.settings, &new.business_key),
        (&stage.settings().into(), &None)
    );
    assert!(
        scene
            .customers()
            .await
            .iter()
            .all(|each| each.link.is_none())
    );
    assert!(
        scene
            .purchases()
            .await
            .iter()
            .all(|each| each.link.is_none())
    );
    let page = window(None, 3);
    let into_old = scene
        .bss()
        .list_copies(&old, CopyListing::Customers, &page)
        .await;
    assert_eq!(class(into_old), "NotFound");
    let into_new = scene
        .bss()
        .list_copies(&new.id, CopyListing::Customers, &page)
        .await
        .unwrap();
    assert!(into_new.items.is_empty());
}

pub(super) async fn orders_that_cannot_be_seen<S: Stage>(stage: &S) {
    let scene = Scene::complete(stage).await;
    let customer = scene.customers().await.remove(0).id;
    scene.act(Action::BuyHeld(customer.clone())).await;
    let orders = scene.orders().await;
    assert_eq!((orders.len(), &orders[0].customer), (1, &customer));
    let refused = super::scene::tallies(scene.switches("a").await);
    let open = tenant_reseller_operator::bss::port::BlockerReason::OrderNotFinal;
    assert_eq!(refused, [(open, 1)]);
    scene.turn(Turn::Orders(Strength::Weak)).await;
    let listed = scene
        .bss()
        .list_open_orders(&scene.account, &window(None, 3))
        .await;
    assert_eq!(class(listed), "Unsupported");
    // Where orders cannot be listed, the switch does not see them either.
    scene.switches("b").await.unwrap();
    scene.act(Action::FinishOrders).await;
    assert_eq!(scene.harm().await, ["lost", "missingCharges"]);
}
