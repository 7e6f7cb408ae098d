//! A Storefront that never stops: it acts between every two steps of the operator. Phases 2 and 3
//! end all the same, nothing spins, and once it pauses the upgrade ends.

use tenant_reseller_operator::api::{ConditionType, Reason};
use tenant_reseller_operator::upgrade::Next;

use crate::configurations::Configuration;
use crate::explore::Model;
use crate::model::Small;
use crate::operator::decides_the_same;
use crate::people::Act;
use support::driver::Driven;

/// Steps in a row without a wait, however much is bought meanwhile, of a whole run of phases.
const MOST_IN_A_ROW: usize = 400;

/// One calm step, after an act of the Storefront.
fn step(small: &mut Small, act: Option<Act>) -> bool {
    if let Some(act) = act {
        small.first.world.edit(|world| act.done(world));
    }
    let state = small.first.clone();
    let expansion = small.expand(&state);
    let Some(calm) = expansion.calm else {
        return false;
    };
    let on = expansion.successors.into_iter().nth(calm).unwrap();
    assert!(on.wrong.is_empty(), "{}: {:?}", on.label, on.wrong);
    small.first = on.state;
    true
}

fn goes_on(act: impl Fn(usize) -> Act, steps: usize, reached: &[ConditionType]) {
    let mut configuration = Configuration::new("never stops");
    // A window is worked off faster than it fills.
    configuration.page = 16;
    configuration.batch = 16;
    let mut small = configuration.model();
    let mut in_a_row = 0;
    let mut waits = 0;
    for n in 0..steps {
        let decision = small.first.operators[0].decide(&small.upgrade);
        let waiting = matches!(decision.next, Next::After(_));
        in_a_row = if waiting { 0 } else { in_a_row + 1 };
        waits += usize::from(waiting);
        assert!(in_a_row < MOST_IN_A_ROW, "works without a pause");
        // A wait is no step of the operator, and says what it waits for.
        let reason = decision.state.reason;
        assert!(!waiting || reason != Reason::Succeeded);
        assert!(step(&mut small, (!waiting).then(|| act(n))));
    }
    let record = small.first.record.as_deref().unwrap();
    for milestone in reached {
        let mut timeline = record.timeline.iter();
        assert!(
            timeline.any(|entry| entry.milestone == milestone.as_str()),
            "{milestone:?} is reached although the Storefront never stops"
        );
    }
    assert!(
        !small.first.world.on,
        "nothing is switched on under its hands"
    );
    assert!(waits > 0, "it waits between its looks");
    // The Storefront pauses.
    for _ in 0..2_000 {
        if !step(&mut small, None) {
            break;
        }
    }
    let decision = small.first.operators[0].decide(&small.upgrade);
    assert_eq!(decision.state.reason, Reason::Succeeded);
}

#[test]
fn a_steady_buyer_holds_up_neither_the_phases_nor_the_end_after_a_pause() {
    let both = [
        ConditionType::CustomersCopied,
        ConditionType::SubscriptionsCopied,
    ];
    goes_on(|n| Act::Buy(u8::try_from(n % 2).unwrap()), 300, &both);
}

/// What changes between its listing and its copy is copied in neither form, again and again.
#[test]
fn nor_does_one_who_changes_quantities_all_the_time() {
    let customers = [ConditionType::CustomersCopied];
    goes_on(
        |n| Act::Change(u8::try_from(n % 3).unwrap()),
        300,
        &customers,
    );
}

/// What the normal form of an operator's knowledge leaves out changes no decision: over walks through
/// every small world, in which people act, replies are lost and processes take over, one that keeps
/// everything decides the same.
#[test]
fn the_normal_form_changes_no_decision() {
    for world in crate::table::every() {
        let mut compared = 0;
        for seed in 0..4_u64 {
            let mut small = world.model();
            small.first.operators[0].told = Some(Vec::new());
            let from = (*small.first.operators[0].known).clone();
            let mut random = seed;
            for _ in 0..120 {
                let state = small.first.clone();
                let expansion = small.expand(&state);
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let ways = expansion.successors.len();
                let dice = usize::try_from(random >> 33).unwrap();
                // Mostly on, sometimes aside.
                let nth = match expansion.calm {
                    Some(calm) if dice % 8 > 0 => calm,
                    _ if ways > 0 => (dice >> 3) % ways,
                    _ => break,
                };
                let next = expansion.successors.into_iter().nth(nth).unwrap().state;
                // The one that was listened to has died.
                if next.operators[0].told.is_none() {
                    break;
                }
                small.first = next;
            }
            let told = small.first.operators[0].told.take().unwrap();
            println!("{}: walk {seed}", world.name);
            compared += decides_the_same(&small.upgrade, &from, told);
        }
        assert!(
            compared > 4,
            "{}: {compared} decisions compared",
            world.name
        );
    }
}
