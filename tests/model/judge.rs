//! What must hold: before a call is sent, while it takes effect, and in every state.
//!
//! It judges by the record in the cluster and by what the BSS holds, never by what an operator
//! believes.

use tenant_reseller_operator::api::{ConditionType, Reason, ResellerClaimSpec, StateClass};
use tenant_reseller_operator::bss::port::{
    CopyItem, CopyState, ItemKind, Mode, PurchaseState, WriteOperation,
};
use tenant_reseller_operator::upgrade::{Copying, Decision, Observed, Stage, Switch, intends};

use crate::calls::Call;
use crate::state::State;
use crate::world::World;

/// Before a call is sent: its record stands, and the phases before it are on record (I-1, I-20).
pub(crate) fn before_sending(
    call: &Call,
    seen: &Observed,
    record: Option<&ResellerClaimSpec>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let reached = |milestone: ConditionType| {
        record.is_some_and(|record| {
            let mut timeline = record.timeline.iter();
            timeline.any(|entry| entry.milestone == milestone.as_str())
        })
    };
    let intents = record.map(|record| &record.intents);
    let copies_on_record = |items: &[CopyItem]| {
        let guarded = seen
            .ways
            .as_ref()
            .is_some_and(|ways| ways.copying == Copying::Guarded);
        let on_record = intents.and_then(|intents| intents.copies.as_ref());
        guarded
            || on_record.is_some_and(|copies| {
                let mut items = items.iter();
                items.all(|item| copies.source_ids.contains(&item.source.0))
            })
    };
    let recorded = match call {
        // Of two leaders the second may rest on what the first had put on record when it read it:
        // an epoch that is lost then is no danger, only a question to people (AwaitingConfirmation).
        Call::Acquire => seen.claim.as_ref().is_some_and(|known| known.acquiring),
        Call::CreateTenant(create) => intents
            .and_then(|intents| intents.create_tenant.as_ref())
            .is_some_and(|intent| intent.settings_digest == create.digest),
        Call::Activate(activate) => intents
            .and_then(|intents| intents.activate.as_ref())
            .is_some_and(|intent| intends(intent, activate.sweep())),
        Call::CopyCustomers(items) | Call::CopySubscriptions(items) => copies_on_record(items),
        _ => true,
    };
    if !recorded {
        wrong.push(format!("{} is sent before its record", call.name()));
    }
    let before: &[ConditionType] = match call {
        Call::CopyCustomers(_) | Call::SetPricing(_) => &[ConditionType::TenantCreated],
        Call::CopySubscriptions(_) => &[
            ConditionType::TenantCreated,
            ConditionType::CustomersCopied,
            ConditionType::PricingReady,
        ],
        Call::Activate(_) => &[
            ConditionType::TenantCreated,
            ConditionType::CustomersCopied,
            ConditionType::PricingReady,
            ConditionType::SubscriptionsCopied,
        ],
        _ => &[],
    };
    for phase in before {
        if !reached(*phase) {
            wrong.push(format!(
                "{} is sent before {} is on record",
                call.name(),
                phase.as_str()
            ));
        }
    }
    wrong
}

/// While a call takes effect: what was before, and what is after.
pub(crate) fn at_effect(before: &World, after: &World, risky: Risky) -> Vec<String> {
    let mut wrong = Vec::new();
    if before.on && after.copies.len() > before.copies.len() {
        wrong.push("copied after back ordering was on (I-11)".to_owned());
    }
    if after.tenants_made > before.tenants_made && before.tenant.is_some() {
        wrong.push("a second tenant was made (I-2)".to_owned());
    }
    if before.on && !after.on {
        wrong.push("back ordering was switched off (I-15)".to_owned());
    }
    if !before.on && after.on && risky == Risky::No {
        wrong.extend(in_the_way(before).into_iter().map(|what| {
            format!("switched on although {what} (I-12)")
        }));
    }
    wrong
}

/// Whether something may be lost at the switch: a risk that the connection accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Risky {
    No,
    Accepted,
}

/// What forbids the switch.
fn in_the_way(world: &World) -> Vec<String> {
    let mut found = uncopied(world);
    if !world.orders.is_empty() {
        found.push("an order is open".to_owned());
    }
    found.extend(orphans(world));
    for (kind, copy) in &world.copies {
        if *kind == ItemKind::Customer
            && world
                .customers
                .get(&copy.source)
                .is_some_and(|c| c.mark != tenant_reseller_operator::bss::port::Mark::Marked)
        {
            found.push(format!("{} is half marked", copy.source));
        }
    }
    found
}

fn uncopied(world: &World) -> Vec<String> {
    let active = world
        .purchases
        .values()
        .filter(|purchase| purchase.state == PurchaseState::Active);
    active
        .filter(|purchase| !world.copies.iter().any(|(_, copy)| copy.source == purchase.id))
        .map(|purchase| format!("{} has no copy", purchase.id))
        .collect()
}

fn orphans(world: &World) -> Vec<String> {
    let live = world
        .copies
        .iter()
        .filter(|(kind, copy)| *kind != ItemKind::Customer && copy.state == CopyState::Live);
    live.filter(|(_, copy)| {
        let source = world.purchases.get(&copy.source);
        source.is_none_or(|source| source.state != PurchaseState::Active)
    })
    .map(|(_, copy)| format!("the copy of {} is an orphan", copy.source))
    .collect()
}

/// In every state, of the BSS.
pub(crate) fn always(world: &World) -> Vec<String> {
    let mut wrong = world.violations.clone();
    for (n, (_, copy)) in world.copies.iter().enumerate() {
        let twice = world.copies[..n]
            .iter()
            .any(|(_, other)| other.source == copy.source);
        if twice {
            wrong.push(format!("two copies of {} (I-9)", copy.source));
        }
    }
    if world.activations > 1 {
        wrong.push("switched on twice".to_owned());
    }
    wrong
}

/// In every state, of what people read: a state of the table, and who must act.
pub(crate) fn told(decision: &Decision, state: &State, seen: &Observed) -> Vec<String> {
    let mut wrong = Vec::new();
    let reason = decision.state.reason;
    match reason.class() {
        None => wrong.push(format!("{} is no reason of Ready", reason.as_str())),
        Some(StateClass::WaitsForPeople | StateClass::MustFix)
            if decision.state.next_action.is_empty() =>
        {
            wrong.push(format!("{} does not tell who must act", reason.as_str()));
        }
        Some(StateClass::Done) => {
            let record = state.record.as_ref();
            if !state.world.on {
                wrong.push("done, and back ordering is off".to_owned());
            }
            if record.is_none_or(|record| record.activation_time.is_none()) {
                wrong.push("done, and the switch is not on record (I-20)".to_owned());
            }
            let ours = record.is_some_and(|record| record.approval.as_deref() != Some("FoundActive"));
            if ours {
                let lost = uncopied(&state.world).into_iter().chain(orphans(&state.world));
                wrong.extend(lost.map(|what| format!("done, although {what}, and nobody is told")));
            }
            if decision.effect.is_some() && seen.stage != Stage::Done {
                wrong.push("done, and goes on working".to_owned());
            }
        }
        Some(_) => {}
    }
    wrong
}

/// Whether what people are told is so: a wait for something that is there already is a lie.
pub(crate) fn is_so(reason: Reason, state: &State, seen: &Observed) -> bool {
    let world = &*state.world;
    let record = state.record.as_deref();
    match reason {
        Reason::AwaitingPricing => world.purchases.values().any(|purchase| {
            purchase.state == PurchaseState::Active && !world.priced.contains(&purchase.customer)
        }),
        Reason::TenantReplaced => {
            let tenant = world.tenant.as_ref().map(|(tenant, _)| tenant.id.as_str());
            let pinned = record.and_then(|record| record.tenant_id.as_deref());
            pinned.is_some() && tenant.is_some() && tenant != pinned
        }
        Reason::TenantMissing => world.tenant.is_none(),
        Reason::OrphanedCopy => !orphans(world).is_empty(),
        Reason::SourceChanged => world.copies.iter().any(|(_, copy)| {
            world
                .purchases
                .get(&copy.source)
                .is_some_and(|source| source.digest != copy.digest)
        }),
        Reason::VerificationFailed => {
            !uncopied(world).is_empty() || !orphans(world).is_empty() || differs(world)
        }
        Reason::AwaitingManualStep => {
            let left = |operation| world.modes.get(&operation) == Some(&Mode::ManualStep);
            let by_hand = WriteOperation::ALL.into_iter().any(left)
                || world.promises.keys == tenant_reseller_operator::bss::port::Keys::None;
            let freezes = seen.ways.as_ref().is_some_and(|ways| {
                ways.switch == Switch::Frozen
                    || ways.orders == tenant_reseller_operator::upgrade::Orders::QuietTime
            });
            by_hand || (freezes && world.ordering_enabled)
        }
        Reason::AwaitingConfirmation => record.is_some_and(|record| {
            record.unconfirmed_epoch.is_some() || record.intents.create_tenant.is_some()
        }),
        Reason::PrecheckFailed => !world.defects.is_empty() || !world.ordering_enabled,
        _ => false,
    }
}

fn differs(world: &World) -> bool {
    world.copies.iter().any(|(_, copy)| {
        world
            .purchases
            .get(&copy.source)
            .is_some_and(|source| source.digest != copy.digest)
    })
}
