//! The adapter for interworks.cloud against the vendor's face of the sandbox, over real sockets: the two sides as
//! people press the vendor's buttons, and every way in which a listing may mislead.

mod calls;
mod confirmed;
mod probing;
mod slow;
mod witnesses;
mod world;

use serde_json::json;
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::adapters::interworks::{Calibration, Role, TenantDeclaration};
use tenant_reseller_operator::bss::port::{
    BackOrdering, Bss, CheckTarget, CopyListing, CopyState, Fence, Link, Mode, Purchase,
    PurchaseState, ResellerKind, SourceId, Strength, Unseen, WriteOperation,
};

use self::world::{
    BASIC, RESELLER, TENANT, World, copies, customers, purchases, request, reseller, tenant,
};
use super::limiter;

#[tokio::test]
async fn the_two_sides_are_told_as_people_press_the_buttons() {
    let world = World::new(|_| {}).await;
    let alone = world.distributor(|_| {});
    let seen = alone.get_reseller(&reseller()).await.unwrap();
    assert_eq!(
        (seen.account.as_str(), seen.kind, seen.back_ordering),
        (RESELLER, ResellerKind::Basic, BackOrdering::Off)
    );
    assert_eq!(alone.get_tenant(&reseller()).await, Ok(None));
    // A reseller is its own customer, and is not transferred.
    let mut before = customers(&alone).await.unwrap();
    before.retain(|one| one.id.as_str() != RESELLER && one.bill_to == reseller());
    assert!(!before.is_empty());
    assert!(before.iter().all(|one| one.link.is_none()));

    world.press("create-tenant").await;
    let bss = world.both();
    let shown = bss.get_tenant(&reseller()).await.unwrap().unwrap();
    assert_eq!((shown.id, shown.currency), (tenant(), None));
    assert_eq!(copies(&bss, CopyListing::Customers).await, Ok(Vec::new()));

    world.press("transfer-accounts").await;
    let now = customers(&bss).await.unwrap();
    let linked = now.iter().filter(|one| one.link.is_some()).count();
    let copied = copies(&bss, CopyListing::Customers).await.unwrap();
    assert_eq!(
        (linked, copied.len()),
        (before.len(), before.len()),
        "{copied:?}"
    );
    assert!(
        copied
            .iter()
            .all(|copy| copy.link == Link::Inferred && copy.state == CopyState::Live)
    );
    let missing = purchases(&bss).await.unwrap();
    assert_eq!(
        copies(&bss, CopyListing::Subscriptions).await,
        Ok(Vec::new())
    );

    let pressed = world.press("transfer-subscriptions").await;
    assert_eq!(pressed["switched"], true, "{pressed}");
    let seen = bss.get_reseller(&reseller()).await.unwrap();
    assert_eq!(
        (seen.kind, seen.back_ordering),
        (ResellerKind::Tenant, BackOrdering::On)
    );
    let after = purchases(&bss).await.unwrap();
    assert_eq!(after.len(), missing.len());
    let copied = copies(&bss, CopyListing::Subscriptions).await.unwrap();
    assert_eq!(pressed["copied"], copied.len());
    for copy in &copied {
        let source = after.iter().find(|one| one.id == copy.source).unwrap();
        assert_eq!(source.digest, copy.digest, "{copy:?}");
        assert_eq!(source.link, Some((tenant(), copy.id.clone())));
    }
    // The face has counted what was sent.
    let text = world.asked().await["calls"].to_string();
    assert!(text.contains("GET"), "{text}");
    for method in ["PUT", "PATCH", "DELETE"] {
        assert!(!text.contains(method), "{text}");
    }
    assert_eq!(
        text.matches("POST").count(),
        text.matches("oauth/token").count(),
        "{text}"
    );
}

#[tokio::test]
async fn what_only_people_can_do_is_said_in_words() {
    let world = World::new(|_| {}).await;
    let bss = world.distributor(|_| {});
    let can = bss.get_capabilities().await.unwrap();
    assert_eq!(
        can.operations[&WriteOperation::CopySubscriptions],
        Mode::WithSwitch
    );
    assert_eq!(
        can.operations[&WriteOperation::CreateTenant],
        Mode::ManualStep
    );
    assert_eq!(can.promises.orders, Strength::Strong);
    assert!(can.unseen.contains(&Unseen::TenantCurrency));
    let account = reseller();
    let fence = Fence {
        reseller: &account,
        epoch: None,
    };
    let told = bss
        .copy_subscriptions(fence, &tenant(), &[])
        .await
        .unwrap_err();
    let BssError::ManualStepNeeded { instruction } = told else {
        panic!("{told:?}");
    };
    assert!(
        instruction.contains("\"Transfer Subscriptions\""),
        "{instruction}"
    );
    assert!(instruction.contains(RESELLER), "{instruction}");
}

#[tokio::test]
async fn a_calibration_that_teaches_nothing_is_refused_by_name() {
    let world = World::new(|_| {}).await;
    let same = world.distributor(|options| {
        options.role = Role::Distributor(Calibration {
            basic: RESELLER.into(),
            tenant: RESELLER.into(),
        });
    });
    let said = same.get_capabilities().await.unwrap_err().to_string();
    assert!(
        said.contains("do not differ in isNetworkReseller"),
        "{said}"
    );
    let absent = world.distributor(|options| {
        options.role = Role::Distributor(Calibration {
            basic: "99999".into(),
            tenant: TENANT.into(),
        });
    });
    let said = absent.get_capabilities().await.unwrap_err().to_string();
    assert!(said.contains("there is no account 99999"), "{said}");
}

#[tokio::test]
async fn a_tenant_of_another_reseller_is_refused() {
    let world = World::new(|_| {}).await;
    world.press("create-tenant").await;
    let bss = world.both_of(BASIC);
    let said = bss.get_tenant(&reseller()).await.unwrap_err().to_string();
    assert!(
        said.contains(&format!("belongs to the reseller {BASIC}")),
        "{said}"
    );
    assert!(
        bss.list_customers(&reseller(), &request(None))
            .await
            .is_err()
    );
    // The distributor's own access in the tenant's place.
    let options = World::options(Role::Tenant(TenantDeclaration {
        id: "alpha".into(),
        reseller: RESELLER.into(),
        url: None,
    }));
    let own = world.distributor(|_| {});
    let own = own.with_tenant(options, world.login("distributor"), limiter().into());
    let said = own
        .unwrap()
        .get_tenant(&reseller())
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("leads to the distributor's BSS"), "{said}");
}

/// However a listing misleads, it is read whole or refused: the number of records never shrinks.
#[tokio::test]
async fn a_misleading_listing_never_leads_to_fewer_records() {
    let world = World::new(|config| config.subscriptions = 30).await;
    world.press("create-tenant").await;
    world.press("transfer-accounts").await;
    let honest = purchases(&world.both()).await.unwrap().len();
    let honest_customers = customers(&world.both()).await.unwrap().len();
    assert!(honest >= 30);
    for changes in [
        json!({ "filters": "Ignored" }),
        json!({ "filters": "AnswersNothing" }),
        json!({ "envelope": "Bare", "links": false, "totals": false }),
        json!({ "links": false, "totals": true }),
        json!({ "links": true, "totals": true }),
        json!({ "traps": ["RepeatedPage"] }),
        json!({ "traps": ["MovingTotal"], "totals": true }),
        json!({ "traps": ["SkippedRow"], "links": false }),
        json!({ "traps": ["UnstableOrder"] }),
        json!({ "failsAbove": 3 }),
    ] {
        world.switch(changes.clone()).await;
        let bss = world.both();
        match purchases(&bss).await {
            Ok(found) => assert_eq!(found.len(), honest, "{changes}"),
            Err(BssError::Malformed { .. } | BssError::Unavailable { .. }) => {}
            Err(other) => panic!("{changes}: {other:?}"),
        }
        match customers(&bss).await {
            Ok(found) => assert_eq!(found.len(), honest_customers, "{changes}"),
            Err(BssError::Malformed { .. } | BssError::Unavailable { .. }) => {}
            Err(other) => panic!("{changes}: {other:?}"),
        }
        world
            .switch(json!({
                "filters": "Applied", "envelope": "Data", "links": true, "totals": false, "traps": [],
                "failsAbove": null,
            }))
            .await;
    }
}

#[tokio::test]
async fn a_word_that_is_not_known_makes_a_record_unclear() {
    let world = World::new(|_| {}).await;
    world.switch(json!({ "traps": ["UnknownStates"] })).await;
    let found = purchases(&world.distributor(|_| {})).await.unwrap();
    let unclear = |one: &&Purchase| matches!(&one.state, PurchaseState::Unclear(said) if said == "Operational");
    assert!(found.iter().filter(unclear).count() > 0, "{found:?}");
    assert!(found.iter().all(|one| one.state != PurchaseState::Active));
}

#[tokio::test]
async fn a_right_that_is_missing_is_named_and_a_rate_is_waited_for() {
    let world = World::new(|_| {}).await;
    world.switch(json!({ "forbidden": ["orders"] })).await;
    let bss = world.distributor(|_| {});
    let refused = bss
        .list_open_orders(&reseller(), &request(None))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("may not read /api/orders"),
        "{refused}"
    );
    world.switch(json!({ "forbidden": [] })).await;
    assert_eq!(
        bss.list_open_orders(&reseller(), &request(None))
            .await
            .unwrap()
            .items,
        []
    );
    // Now the same status means something else.
    world.switch(json!({ "requestsPerMinute": 1 })).await;
    let slowed = bss
        .list_open_orders(&reseller(), &request(None))
        .await
        .unwrap_err();
    assert!(matches!(slowed, BssError::Throttled { .. }), "{slowed:?}");
}

#[tokio::test]
async fn what_the_tenant_does_not_sell_is_named_before_the_button_is_pressed() {
    let world = World::new(|config| {
        config.subscriptions = 60;
        config.defects = tenant_reseller_operator::sandbox::Defects::Demo;
    })
    .await;
    world.press("create-tenant").await;
    world.press("transfer-accounts").await;
    let bss = world.both();
    let found = purchases(&bss).await.unwrap();
    let items: Vec<SourceId> = found
        .iter()
        .filter(|one| one.state == PurchaseState::Active)
        .map(|one| one.id.clone())
        .collect();
    let target = CheckTarget::Tenant(tenant());
    let checked = bss
        .check_purchases(&reseller(), &target, &items)
        .await
        .unwrap();
    assert_eq!(checked.len(), items.len());
    let mut reasons: Vec<&str> = checked
        .values()
        .flatten()
        .map(|blocker| blocker.reason.as_str())
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    assert!(!reasons.is_empty());
    let stopped = world.press("transfer-subscriptions").await;
    for id in stopped["sourceIds"].as_array().unwrap() {
        let id = id.as_str().unwrap();
        let known = checked
            .iter()
            .find(|(source, _)| source.as_str().ends_with(id));
        assert!(
            known.is_none_or(|(_, blockers)| !blockers.is_empty()),
            "{id} {stopped}"
        );
    }
}
