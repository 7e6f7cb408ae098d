//! Resellers, holders, epochs, tenants.

use super::scene::{Scene, class, tallies};
use super::{Stage, Turn};
use crate::asked;
use support::simulated_bss::{Action, TenantVerb};
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::port::{
    BackOrdering, BlockerReason, Bss, EarlierEpoch, Epoch, ItemOutcome, Keys, OperationState,
    ResellerKind, Revision, Strength, TenantCreation, TenantSettings, TenantStatus,
};

pub(super) async fn a_reseller_is_found_however_it_is_written<S: Stage>(stage: &S) {
    for text in ["10423", "0010423", " 10423 "] {
        let found = stage.bss().get_reseller(&text.into()).await.unwrap();
        assert_eq!(found.account.as_str(), "10423");
        assert_eq!(
            (found.kind, found.back_ordering),
            (ResellerKind::Basic, BackOrdering::Off)
        );
        assert_eq!((found.tenant, found.ordering_enabled), (None, true));
    }
    for text in ["10424", "1042 3", "x10423"] {
        assert_eq!(
            class(stage.bss().get_reseller(&text.into()).await),
            "NotFound"
        );
        assert_eq!(
            class(
                stage
                    .bss()
                    .acquire_epoch(&text.into(), asked("us", None))
                    .await
            ),
            "NotFound"
        );
    }
    let unknown = stage.bss().get_operation(&"op-999".into()).await;
    assert_eq!(unknown, Ok(OperationState::Gone));
}

pub(super) async fn holders_and_epochs<S: Stage>(stage: &S) {
    let (bss, account) = (stage.bss(), "10423".into());
    let first = bss
        .acquire_epoch(&account, asked("one", None))
        .await
        .unwrap();
    assert_eq!((first.epoch, first.previous), (Epoch(1), Epoch(0)));
    let again = bss
        .acquire_epoch(&account, asked("one", None))
        .await
        .unwrap();
    assert_eq!((again.epoch, again.previous), (Epoch(2), Epoch(1)));
    let earlier = |epoch| EarlierEpoch {
        epoch: Epoch(epoch),
        acquisition: Some("attempt".into()),
    };
    assert_eq!((first.earlier, again.earlier), (vec![], vec![earlier(1)]));
    let held = Err(BssError::HeldByAnother {
        holder: "one".to_owned(),
    });
    assert_eq!(bss.acquire_epoch(&account, asked("two", None)).await, held);
    assert_eq!(
        bss.acquire_epoch(&account, asked("two", Some("three")))
            .await,
        held
    );
    let taken = bss
        .acquire_epoch(&account, asked("two", Some("one")))
        .await
        .unwrap();
    assert_eq!((taken.epoch, taken.previous), (Epoch(3), Epoch(2)));
    assert_eq!(taken.earlier, [earlier(2), earlier(1)]);
    let back = bss.acquire_epoch(&account, asked("one", None)).await;
    assert_eq!(class(back), "HeldByAnother");
    assert_eq!(
        class(bss.acquire_epoch(&account, asked("", Some("two"))).await),
        "Invalid"
    );
}

pub(super) async fn every_write_refuses_a_stale_epoch<S: Stage>(stage: &S) {
    let mut scene = Scene::with_customers(stage).await;
    let purchase = scene.first().await;
    let customer = scene.customers().await.remove(0);
    let (asset, person) = (scene.item(&purchase).await, scene.customer_item(&customer));
    let old = scene.epoch;
    let taken = scene
        .bss()
        .acquire_epoch(&scene.account, asked("us", None))
        .await
        .unwrap();
    for (epoch, expected) in [
        (old, "StaleEpoch"),
        (Some(Epoch(taken.epoch.0 + 1)), "Invalid"),
        (None, "Invalid"),
        (Some(Epoch(0)), "Invalid"),
    ] {
        scene.epoch = epoch;
        assert_eq!(
            class(scene.creates("r", "k/tenant").await),
            expected,
            "{epoch:?}"
        );
        assert_eq!(class(scene.try_copy(person.clone()).await), expected);
        assert_eq!(class(scene.try_copy(asset.clone()).await), expected);
        assert_eq!(class(scene.prices(&customer.id).await), expected);
        assert_eq!(
            class(scene.activates("a", Some(Revision(1))).await),
            expected
        );
    }
    scene.epoch = old;
    let refused = scene.try_copy(asset.clone()).await;
    let highest = taken.epoch.0;
    assert_eq!(refused, Err(BssError::StaleEpoch { highest }));
    assert_eq!(scene.copies_of(&purchase.id).await, []);
    scene.epoch = Some(taken.epoch);
    assert_eq!(scene.copy(asset).await, ItemOutcome::Created);
}

pub(super) async fn without_epochs_an_old_writer_writes<S: Stage>(stage: &S) {
    let mut scene = Scene::with_customers(stage).await;
    scene
        .bss()
        .acquire_epoch(&scene.account, asked("us", None))
        .await
        .unwrap();
    scene.turn(Turn::Epochs(Strength::Weak)).await;
    let refused = scene
        .bss()
        .acquire_epoch(&scene.account, asked("us", None))
        .await;
    assert_eq!(class(refused), "Unsupported");
    let all = scene.eligible().await;
    for (purchase, epoch) in all.iter().zip([scene.epoch, Some(Epoch(77)), None]) {
        scene.epoch = epoch;
        let item = scene.item(purchase).await;
        assert_eq!(scene.copy(item).await, ItemOutcome::Created, "{epoch:?}");
    }
}

pub(super) async fn a_tenant_is_requested_once<S: Stage>(stage: &S) {
    let scene = Scene::held(stage).await;
    let (bss, account) = (scene.bss(), &scene.account);
    assert_eq!(bss.get_tenant(account).await, Ok(None));
    let TenantCreation::Started(operation) = scene.creates("a", "k/tenant").await.unwrap() else {
        panic!("a new tenant is not done at once")
    };
    let listed = bss.get_tenant(account).await.unwrap().unwrap();
    assert_eq!(
        bss.get_reseller(account).await.unwrap().tenant,
        Some(listed.id.clone())
    );
    // Under the same business key, with the same request key and with another.
    for request in ["a", "b"] {
        match scene.creates(request, "k/tenant").await.unwrap() {
            TenantCreation::Started(same) => assert_eq!(same, operation),
            TenantCreation::Done(tenant) => assert_eq!(tenant.id, listed.id),
        }
    }
    assert_eq!(
        class(scene.creates("a", "k/other").await),
        "Conflict",
        "a key names one request"
    );
    assert_eq!(
        class(scene.creates("c", "k/other").await),
        "Conflict",
        "one live tenant"
    );
    let other = TenantSettings {
        edition: "Enterprise".to_owned(),
        ..stage.settings()
    };
    let (request, key) = ("d".into(), "k/tenant".into());
    let differs = bss
        .create_tenant(scene.fence(), &request, &key, &other)
        .await;
    assert_eq!(class(differs), "Conflict");
    scene.active().await;
    assert_eq!(
        bss.get_operation(&operation).await,
        Ok(OperationState::Succeeded)
    );
    let TenantCreation::Done(done) = scene.creates("a", "k/tenant").await.unwrap() else {
        panic!("an Active tenant is done")
    };
    assert_eq!(
        (done.id, done.business_key),
        (listed.id, Some("k/tenant".into()))
    );
    assert_eq!(
        (done.settings, done.status),
        (stage.settings().into(), TenantStatus::Active)
    );
}

pub(super) async fn wrong_settings_are_named<S: Stage>(stage: &S) {
    let scene = Scene::held(stage).await;
    let wrong = TenantSettings {
        price_list: "PL-NONE".into(),
        edition: "Imaginary".to_owned(),
        language: "tlh".to_owned(),
        time_zone: "Mars/Olympus".to_owned(),
        date_format: "yy".to_owned(),
        ..stage.settings()
    };
    let (request, key) = ("a".into(), "k/tenant".into());
    let refused = scene
        .bss()
        .create_tenant(scene.fence(), &request, &key, &wrong)
        .await;
    let Err(BssError::Invalid(fields)) = refused else {
        panic!("taken: {refused:?}")
    };
    let mut names: Vec<&str> = fields.iter().map(|each| each.field.as_str()).collect();
    names.sort_unstable();
    let expected = ["dateFormat", "edition", "language", "priceList", "timeZone"];
    assert_eq!(names, expected.map(|name| format!("settings.{name}")));
    assert!(
        fields.iter().all(|each| !each.allowed.is_empty()),
        "{fields:?}"
    );
    let list = stage.settings().price_list;
    scene.act(Action::PriceList(list.clone(), false)).await;
    assert_eq!(class(scene.creates("a", "k/tenant").await), "Invalid");
    scene.act(Action::PriceList(list, true)).await;
    scene.act(Action::Ordering(false)).await;
    scene.act(Action::Kind(ResellerKind::Standard)).await;
    let expected = [
        (BlockerReason::ResellerNotBasic, 1),
        (BlockerReason::OrderingDisabled, 1),
    ];
    assert_eq!(tallies(scene.creates("a", "k/tenant").await), expected);
    scene.act(Action::Ordering(true)).await;
    scene.act(Action::Kind(ResellerKind::Basic)).await;
    scene.creates("a", "k/tenant").await.unwrap();
}

pub(super) async fn a_failed_creation_leaves_nothing<S: Stage>(stage: &S) {
    let scene = Scene::held(stage).await;
    let TenantCreation::Started(operation) = scene.creates("a", "k/tenant").await.unwrap() else {
        panic!("a new tenant is not done at once")
    };
    scene.act(Action::Tenant(TenantVerb::FailCreation)).await;
    let found = scene.bss().get_operation(&operation).await.unwrap();
    assert!(matches!(found, OperationState::Failed { .. }), "{found:?}");
    assert_eq!(scene.bss().get_tenant(&scene.account).await, Ok(None));
    let TenantCreation::Started(second) = scene.creates("a", "k/tenant").await.unwrap() else {
        panic!("a new tenant is not done at once")
    };
    assert_ne!(second, operation);
    scene.active().await;
}

pub(super) async fn a_deleted_tenant_is_gone<S: Stage>(stage: &S) {
    let scene = Scene::with_customers(stage).await;
    let customer = scene.customers().await.remove(0);
    scene.act(Action::Tenant(TenantVerb::Delete)).await;
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
    assert_eq!(
        class(scene.try_copy(scene.customer_item(&customer)).await),
        "NotFound"
    );
    assert_eq!(
        class(scene.activates("a", Some(Revision(1))).await),
        "NotFound"
    );
    // Its key is taken for ever, where keys are unique.
    assert_eq!(class(scene.creates("r", "k/tenant").await), "Conflict");
    assert_eq!(class(scene.creates("s", "k/tenant").await), "Conflict");
    scene.act(Action::Tenant(TenantVerb::Create)).await;
    let made = scene
        .bss()
        .get_tenant(&scene.account)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(made.id, scene.tenant);
    assert_eq!(
        (made.business_key, made.status),
        (None, TenantStatus::Active)
    );
    assert_eq!(class(scene.creates("t", "k/other").await), "Conflict");
}

pub(super) async fn a_weak_creation_knows_its_request_key_only<S: Stage>(stage: &S) {
    stage.turn(&[Turn::Keys(Keys::Findable)]).await;
    let scene = Scene::held(stage).await;
    let first = scene.creates("a", "k/tenant").await.unwrap();
    assert!(matches!(first, TenantCreation::Started(_)), "{first:?}");
    scene.active().await;
    let again = scene.creates("a", "k/tenant").await.unwrap();
    assert!(matches!(again, TenantCreation::Done(_)), "{again:?}");
    assert_eq!(class(scene.creates("b", "k/tenant").await), "Conflict");
    scene.turn(Turn::KeysForgotten).await;
    stage.pass().await;
    assert_eq!(class(scene.creates("a", "k/tenant").await), "Conflict");
    // Deleted, it is made again under the same key.
    scene.act(Action::Tenant(TenantVerb::Delete)).await;
    let second = scene.creates("a", "k/tenant").await.unwrap();
    assert!(matches!(second, TenantCreation::Started(_)), "{second:?}");
}
