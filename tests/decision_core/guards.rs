//! Guards that a review found missing once: each test is a sequence that broke them.

use tenant_reseller_operator::api::{
    ActivationIntent, CONFIRM_ANNOTATION, ClaimAcquisition, ConditionType, CustomerPricing,
    CustomerPricingSpec, DeclaredPricing, PricingDefault, PricingPolicy, Reason, UpgradeRef,
    WhenMissing,
};
use tenant_reseller_operator::bss::port::{Acquisition, Mark, SourceId};
use tenant_reseller_operator::upgrade::{
    ClaimEdit, Effect, Holding, Outcome, Read, Stage, SweepCall, decide, observe,
};

use crate::drive::{Driver, Fault, copied_by, upgrade, valid_with};
use crate::{complete, run};
use support::simulated_bss::{Action, Marks, TenantVerb, World};

/// A cluster that went back: the record knows epoch 3, the BSS has issued 7.
fn went_back() -> (World, Driver) {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    world.epoch = 7;
    let mut driver = Driver::new();
    driver.upgrade_claim();
    if let Some(claim) = &mut driver.claim {
        claim.epoch = Some(3);
    }
    (world, driver)
}

#[test]
fn a_restored_cluster_waits_for_a_person_whatever_fails_before() {
    for fault in [Fault::None, Fault::Unavailable, Fault::Throttled] {
        let (mut world, mut driver) = went_back();
        let mut failed = false;
        for _ in 0..200 {
            let acquires = matches!(
                decide(&driver.valid, &driver.known, driver.now()).effect,
                Some(Effect::Acquire { .. })
            );
            let now = if acquires && !failed {
                fault
            } else {
                Fault::None
            };
            failed |= acquires;
            driver.step(&mut world, now);
        }
        assert_eq!(driver.reason(), Reason::AwaitingConfirmation, "{fault:?}");
        assert!(world.tenants.is_empty());
        // The person confirms, as the next action says.
        let action = driver.status.waiting_for.clone().unwrap().next_action;
        assert!(
            action.contains(&format!("{CONFIRM_ANNOTATION}=8")),
            "{action}"
        );
        let mut confirmed = upgrade();
        confirmed.metadata.annotations =
            Some([(CONFIRM_ANNOTATION.to_owned(), "8".to_owned())].into());
        driver.valid = valid_with(Vec::new(), &confirmed);
        assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
        complete(&world);
    }
}

#[test]
fn done_is_said_only_with_the_record_in_hand() {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    while driver.known.stage != Stage::Done {
        driver.step(&mut world, Fault::None);
    }
    // The write of the record failed: what was read of it is dropped.
    driver.known.fencing.claim = None;
    let decision = decide(&driver.valid, &driver.known, driver.now());
    assert_eq!(decision.effect, Some(Effect::Claim(ClaimEdit::Take)));
    assert_ne!(decision.state.reason, Reason::Succeeded);
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    assert!(driver.claim.unwrap().activation_time.is_some());
}

#[test]
fn a_suspended_upgrade_does_not_ask_a_dead_bss_without_end() {
    let mut world = World::new(2, 3);
    let mut driver = Driver::new();
    while !matches!(
        decide(&driver.valid, &driver.known, driver.now()).effect,
        Some(Effect::CreateTenant(_))
    ) {
        driver.step(&mut world, Fault::None);
    }
    driver.step(&mut world, Fault::LostReply);
    let mut suspended = upgrade();
    suspended.spec.suspend = true;
    driver.valid = valid_with(Vec::new(), &suspended);
    assert_eq!(driver.reason(), Reason::Suspending);
    let before = driver.clock;
    for _ in 0..40 {
        driver.step(&mut world, Fault::Unavailable);
    }
    assert!(
        driver.clock.saturating_sub(before).as_secs() > 30,
        "it rests between its looks"
    );
    // The look-up succeeds: nothing is open any more, and what may still be on its way is shut out.
    for _ in 0..8 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::Suspended);
    let record = driver.claim.as_ref().unwrap();
    assert!(record.suspended, "{record:?}");
    assert_eq!(record.epoch, Some(2));
}

#[test]
fn the_default_reaches_others_when_one_customer_is_refused() {
    let mut world = World::new(3, 6);
    world.refuses_pricing.insert(SourceId::from("c000"));
    let mut upgrade = upgrade();
    upgrade.spec.pricing = PricingPolicy {
        when_missing: WhenMissing::UseDefault,
        default: Some(PricingDefault {
            price_list: "PL-RETAIL".to_owned(),
            billing: tenant_reseller_operator::api::Billing {
                day: Some(1),
                anchor: None,
            },
            payment_method: "Invoice".to_owned(),
            invoicing: tenant_reseller_operator::api::Invoicing::Combined,
        }),
    };
    let mut driver = Driver::new();
    driver.valid = valid_with(Vec::new(), &upgrade);
    for _ in 0..200 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::AwaitingPricing);
    assert_eq!(world.pricing.len(), 2, "the others have the default");
    let waiting = driver.status.waiting_for.clone().unwrap();
    assert!(
        waiting.next_action.contains("1 customer "),
        "{}",
        waiting.next_action
    );
    world.refuses_pricing.clear();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

/// Options are declared for a customer while the check is about to set the default for it: the check begins
/// again, and the default is not set.
#[test]
fn what_is_declared_during_a_check_is_set_and_not_the_default() {
    let mut world = World::new(3, 6);
    let mut upgrade = upgrade();
    let billing = tenant_reseller_operator::api::Billing {
        day: Some(1),
        anchor: None,
    };
    upgrade.spec.pricing = PricingPolicy {
        when_missing: WhenMissing::UseDefault,
        default: Some(PricingDefault {
            price_list: "PL-RETAIL".to_owned(),
            billing: billing.clone(),
            payment_method: "Invoice".to_owned(),
            invoicing: tenant_reseller_operator::api::Invoicing::Combined,
        }),
    };
    let mut driver = Driver::new();
    driver.valid = valid_with(Vec::new(), &upgrade);
    let sets_the_default =
        |driver: &Driver| match decide(&driver.valid, &driver.known, driver.now()).effect {
            Some(Effect::Sweep(calls)) => calls
                .iter()
                .any(|call| matches!(call, SweepCall::SetPricing(_))),
            _ => false,
        };
    while !sets_the_default(&driver) {
        driver.step(&mut world, Fault::None);
    }
    let mut object = CustomerPricing::new(
        "of-c000",
        CustomerPricingSpec {
            upgrade_ref: UpgradeRef {
                name: "contoso".to_owned(),
            },
            customers: vec![DeclaredPricing {
                account_id: "c000".to_owned(),
                price_list: "PL-RETAIL".to_owned(),
                billing,
                payment_method: "DirectDebit".to_owned(),
                invoicing: tenant_reseller_operator::api::Invoicing::Separate,
                credit_limit: None,
            }],
        },
    );
    object.metadata.namespace = Some("resellers".to_owned());
    object.metadata.generation = Some(1);
    driver.valid = valid_with(vec![object], &upgrade);
    driver.known.declared_anew();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
    let stored = world
        .pricing
        .iter()
        .find(|((_, customer), _)| customer.as_str() == "c000");
    let payment = stored.unwrap().1.stored.payment_method.clone();
    assert_eq!(payment.as_deref(), Some("DirectDebit"));
}

/// Found by the model check: another process ended the upgrade while this one held the operation of
/// its request in its hand.
#[test]
fn an_operation_without_an_open_request_is_not_put_on_record_for_ever() {
    let mut world = World::new(1, 1);
    let mut driver = Driver::new();
    while driver.known.tenant.started.is_none() {
        driver.step(&mut world, Fault::None);
    }
    let mut record = driver.claim.clone().unwrap();
    record.intents.create_tenant = None;
    let holding = Outcome::Claim(Holding::Ours(Box::new(record)));
    let now = driver.now();
    observe(&driver.valid, &mut driver.known, holding, now);
    let next = decide(&driver.valid, &driver.known, now).effect;
    assert!(
        !matches!(next, Some(Effect::Claim(ClaimEdit::TenantStarted { .. }))),
        "{next:?}"
    );
}

/// Found by the model check: a process that was outrun wrote its own, older intent over that of the
/// one which acquired after it, and the record then named another inventory than the one switched
/// on.
#[test]
fn a_record_of_a_later_epoch_is_not_written_over() {
    let mut world = World::new(1, 1);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    while driver.known.stage != Stage::Activate {
        driver.step(&mut world, Fault::None);
    }
    let mut record = driver.claim.clone().unwrap();
    record.epoch = record.epoch.map(|epoch| epoch + 1);
    let holding = Outcome::Claim(Holding::Ours(Box::new(record)));
    let now = driver.now();
    observe(&driver.valid, &mut driver.known, holding, now);
    // Everything is looked at anew; the first thing that is put on record is an attempt to acquire.
    for _ in 0..5 {
        match decide(&driver.valid, &driver.known, driver.now()).effect {
            Some(Effect::Read(_)) => {
                driver.step(&mut world, Fault::None);
            }
            next => {
                assert!(
                    matches!(next, Some(Effect::Claim(ClaimEdit::BeginAcquire(_)))),
                    "{next:?}"
                );
                return;
            }
        }
    }
    panic!("it does not acquire");
}

/// The tenant is created and deleted again before anybody looked: the BSS goes on saying that its
/// creation ended well.
#[test]
fn a_tenant_that_was_created_and_is_not_there_is_told_to_people() {
    let mut world = World::new(1, 1);
    world.eager_pricing = true;
    let mut driver = Driver::new();
    while world.tenants.is_empty() {
        driver.step(&mut world, Fault::None);
    }
    driver.step(&mut world, Fault::None);
    world.now = driver.clock + world.switches.tenant_queue;
    world.settle();
    world.act(Action::Tenant(TenantVerb::Delete)).unwrap();
    for _ in 0..100 {
        driver.step(&mut world, Fault::None);
    }
    assert_eq!(driver.reason(), Reason::TenantMissing);
    assert_eq!(world.tenants.len(), 1, "no second one is made");
    world.act(Action::Tenant(TenantVerb::Create)).unwrap();
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
}

/// Where the BSS would make a second copy: another leader has copied in between, after this one looked
/// up what it was about to copy, and the record says so. What was looked up is good for no write.
#[test]
fn a_record_of_another_leader_makes_every_look_up_old() {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    world.switches.promises.keys = tenant_reseller_operator::bss::port::Keys::Findable;
    let mut driver = Driver::new();
    let items = loop {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
        if driver.known.stage == Stage::Copy
            && let Some(Effect::Sweep(calls)) = next
            && calls.iter().any(SweepCall::writes)
        {
            let items = calls.into_iter().filter_map(|call| match call {
                SweepCall::Copy(_, items) => Some(items),
                _ => None,
            });
            break items.flatten().collect::<Vec<_>>();
        }
        driver.step(&mut world, Fault::None);
    };
    // The other one acquires, copies the same and settles its record.
    let id = "another.0".into();
    let asked = Acquisition {
        id: &id,
        holder: "cluster",
        take_over: None,
    };
    let issued = world.acquire(&"10423".into(), asked).unwrap();
    let tenant = world.live_tenant_id().unwrap();
    world
        .copy_subscriptions(Some(issued.epoch), &tenant, &items)
        .unwrap();
    let record = driver.claim.as_mut().unwrap();
    record.epoch = record.epoch.map(|epoch| epoch + 1);
    record.acquisitions.push(ClaimAcquisition {
        id: id.0.clone(),
        epoch: record.epoch,
    });
    record.intents.copies = None;
    let holding = Outcome::Claim(Holding::Ours(Box::new(record.clone())));
    let now = driver.now();
    observe(&driver.valid, &mut driver.known, holding, now);
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}

/// Another leader asked for the switch in the middle of a long life, and it may have taken effect since
/// the reseller was looked at: where a copy after it would be a sale, the look counts no more.
#[test]
fn after_a_switch_of_another_leader_the_reseller_is_looked_at_before_anything_is_copied() {
    let mut world = World::new(2, 3);
    world.eager_pricing = true;
    world.switches.promises.off_guard = tenant_reseller_operator::bss::port::Strength::Weak;
    let mut driver = Driver::new();
    while driver.known.stage != Stage::Copy {
        driver.step(&mut world, Fault::None);
    }
    driver.clock += std::time::Duration::from_hours(5);
    let id = "another.0".into();
    let asked = Acquisition {
        id: &id,
        holder: "cluster",
        take_over: None,
    };
    world.acquire(&"10423".into(), asked).unwrap();
    let record = driver.claim.as_mut().unwrap();
    record.epoch = record.epoch.map(|epoch| epoch + 1);
    record.acquisitions.push(ClaimAcquisition {
        id: id.0.clone(),
        epoch: record.epoch,
    });
    record.intents.activate = Some(ActivationIntent {
        revision: None,
        inventory_digest: "sum128-9f2c64d15b0f5c5e0d7b4a869d0e3f9d-520".to_owned(),
        recorded_time: "2026-12-05T21:14:02Z".to_owned(),
    });
    let holding = Outcome::Claim(Holding::Ours(Box::new(record.clone())));
    let now = driver.now();
    observe(&driver.valid, &mut driver.known, holding, now);
    let (mut acquired, mut looked) = (false, false);
    for _ in 0..400 {
        match decide(&driver.valid, &driver.known, driver.now()).effect {
            Some(Effect::Acquire { .. }) => acquired = true,
            Some(Effect::Read(Read::Reseller)) => looked = acquired,
            Some(effect) if copied_by(&effect).is_some() => {
                assert!(
                    looked,
                    "the reseller was looked at before the epoch was issued"
                );
                return;
            }
            _ => {}
        }
        driver.step(&mut world, Fault::None);
    }
    panic!("nothing is copied");
}

/// Some BSSs mark an account when the copy is asked for once more. The phase ends when it was seen marked,
/// not when the copies were sent (I-4).
#[test]
fn phase_2_is_over_when_every_account_was_seen_marked() {
    let mut world = World::new(3, 6);
    world.eager_pricing = true;
    world.switches.marks = Marks::Later(None);
    let mut driver = Driver::new();
    while !driver.known.reached(ConditionType::CustomersCopied) {
        driver.step(&mut world, Fault::None);
    }
    let own = |id: &SourceId| id.as_str().starts_with('c');
    let unmarked = world.customers.iter().filter(|(id, _)| own(id));
    let unmarked: Vec<&SourceId> = unmarked
        .filter(|(_, row)| row.mark == Mark::Unmarked)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(unmarked, Vec::<&SourceId>::new());
    assert!(run(&mut world, &mut driver, |_| Fault::None, |_, _, _| {}));
    complete(&world);
}
