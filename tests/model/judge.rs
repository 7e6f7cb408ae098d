//! What must hold: before a call is sent, while it takes effect, and in every state.
//!
//! It judges by the record in the cluster and by what the BSS holds, never by what an operator
//! believes.

use tenant_reseller_operator::api::{ConditionType, Reason, ResellerClaimSpec, StateClass};
use tenant_reseller_operator::bss::port::{
    BlockerReason, CheckTarget, CopyItem, ItemKind, Keys, Mode, OperationState, SourceId, Sync,
    TenantId, TenantStatus, WriteOperation,
};
use tenant_reseller_operator::upgrade::{Copying, Decision, Executor, Known, Stage, Strategy};

use crate::state::State;
use support::calls::Call;
use support::simulated_bss::World;

/// Before a call is sent: its record stands, and the phases before it are on record (I-1, I-20).
pub(crate) fn before_sending(
    call: &Call,
    seen: &Known,
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
            .bss
            .strategy
            .as_ref()
            .is_some_and(|strategy| strategy.copying == Copying::Guarded);
        // One that leaves it to people is only asked how.
        let asks = seen.bss.strategy.as_ref().is_some_and(|strategy| {
            let customers = items.iter().any(|item| item.kind == ItemKind::Customer);
            let operation = if customers {
                WriteOperation::CopyCustomers
            } else {
                WriteOperation::CopySubscriptions
            };
            strategy.executor(operation) != Executor::Bss
        });
        let on_record = intents.and_then(|intents| intents.copies.as_ref());
        guarded
            || asks
            || on_record.is_some_and(|copies| {
                let mut items = items.iter();
                items.all(|item| copies.source_ids.contains(&item.source.0))
            })
    };
    let recorded = match call {
        // Of two leaders the new one may rest on what the old one had put on record when it read
        // it: an epoch that is lost then is no danger, only a question to people
        // (AwaitingConfirmation).
        Call::Acquire(id, _) => seen.fencing.claim.as_ref().is_some_and(|known| {
            let last = known.acquisitions.last();
            last.is_some_and(|last| last.id == id.as_str() && last.epoch.is_none())
        }),
        Call::CreateTenant(create) => intents
            .and_then(|intents| intents.create_tenant.as_ref())
            .is_some_and(|intent| intent.settings_digest == create.digest),
        Call::Activate(activate) => record.is_some_and(|record| activate.is_recorded(record)),
        Call::CopyCustomers(items) | Call::CopySubscriptions(items) => copies_on_record(items),
        _ => true,
    };
    if !recorded {
        wrong.push(format!("{} is sent before its record", call.name()));
    }
    let strategy = seen.bss.strategy.as_ref();
    let one_button = strategy.is_some_and(Strategy::copies_with_the_switch);
    if one_button && matches!(call, Call::CopySubscriptions(_)) {
        wrong.push("a copy is sent although the act that switches copies".to_owned());
    }
    let before: &[ConditionType] = match call {
        Call::CopyCustomers(_) | Call::SetPricing(_) => &[ConditionType::TenantCreated],
        Call::CopySubscriptions(_) => &[
            ConditionType::TenantCreated,
            ConditionType::CustomersCopied,
            ConditionType::PricingReady,
        ],
        // It only asks how a person does it.
        Call::Activate(_) if one_button => &[
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

/// What the BSS's own judge found: at an effect, or in its records.
pub(crate) fn of_the_world(world: &World, accepted_risks: AcceptedRisks) -> Vec<String> {
    let mut found = world.violations_now();
    found.retain(|finding| {
        let early = finding.starts_with("SwitchedTooEarly") && accepted_risks.unguarded;
        let pressed = finding.starts_with("PressedTooEarly") && accepted_risks.pressed;
        !early && !pressed
    });
    found
}

/// What somebody else answers for. It may be lost, but never unnamed: see [`told`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AcceptedRisks {
    /// The connection accepts the risk of a switch that nobody guards, or of orders unseen.
    pub(crate) unguarded: bool,
    /// A person presses the switch at any moment.
    pub(crate) pressed: bool,
}

/// In every state, of what people read: a state of the table, and who must act.
pub(crate) fn told(decision: &Decision, state: &State, seen: &Known) -> Vec<String> {
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
            // A cluster that went back may have lost it from its record.
            let lost = state.went_back;
            if !lost && record.is_none_or(|record| record.activation_time.is_none()) {
                wrong.push("done, and the switch is not on record (I-20)".to_owned());
            }
            // Who finds back ordering on has nothing to compare with.
            let ours =
                record.is_some_and(|record| record.approval.as_deref() != Some("FoundActive"));
            if ours && !state.overtaken {
                let ledgers = state.world.ledgers(2).into_iter();
                wrong.extend(ledgers.map(|what| format!("done, and nobody is told: {what}")));
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
pub(crate) fn is_so(reason: Reason, state: &State, seen: &Known) -> bool {
    let world = &*state.world;
    let record = state.record.as_deref();
    let tenant = world.live_tenant_id();
    let stands = |reason: BlockerReason| {
        let tenant = tenant.as_ref();
        tenant.is_some_and(|tenant| world.blockers(tenant).iter().any(|b| b.reason == reason))
    };
    match reason {
        Reason::AwaitingPricing => world.eligible().any(|(_, purchase)| {
            let place = tenant
                .clone()
                .map(|tenant| (tenant, purchase.customer.clone()));
            let options = place.and_then(|place| world.pricing.get(&place));
            options.is_none_or(|row| row.stored.digest().is_none())
        }),
        Reason::TenantReplaced => {
            let pinned = record.and_then(|record| record.tenant_id.as_deref());
            pinned.is_some() && tenant.is_some() && tenant.as_ref().map(TenantId::as_str) != pinned
        }
        Reason::TenantMissing => tenant.is_none(),
        Reason::TenantSuspended => world
            .live_tenant()
            .is_some_and(|row| row.tenant.status == TenantStatus::Suspended),
        Reason::TenantCreationFailed => world
            .operations
            .values()
            .any(|operation| matches!(operation, OperationState::Failed { .. })),
        Reason::OrphanedCopy => stands(BlockerReason::OrphanedCopy),
        Reason::SourceChanged => stands(BlockerReason::SourceChanged),
        Reason::DuplicateCopy => stands(BlockerReason::DuplicateCopy),
        Reason::VerificationFailed => !world.ledgers(2).is_empty(),
        Reason::AwaitingManualStep => {
            let modes = &world.switches.modes;
            let no_keys = world.switches.promises.keys == Keys::None;
            let by_hand = |operation: WriteOperation| {
                let makes = matches!(
                    operation,
                    WriteOperation::CreateTenant
                        | WriteOperation::CopyCustomers
                        | WriteOperation::CopySubscriptions
                );
                modes.get(&operation) == Some(&Mode::ManualStep) || (no_keys && makes)
            };
            let copies_left = [
                BlockerReason::NotCopied,
                BlockerReason::HalfMarked,
                BlockerReason::SourceChanged,
            ]
            .into_iter()
            .any(stands);
            let freezes = seen.bss.strategy.as_ref().is_some_and(Strategy::freezes);
            by_hand(WriteOperation::CreateTenant) && tenant.is_none()
                || (by_hand(WriteOperation::CopyCustomers)
                    || by_hand(WriteOperation::CopySubscriptions))
                    && copies_left
                || by_hand(WriteOperation::SetPricing)
                || by_hand(WriteOperation::ActivateBackOrdering) && !world.on
                || freezes && world.ordering_enabled && !world.on
        }
        // An epoch that nobody accounts for; a request of which nobody knows what became.
        Reason::AwaitingConfirmation => record.is_some_and(|record| {
            let creation = record.intents.create_tenant.as_ref();
            let unknown = creation.is_some_and(|intent| intent.operation_id.is_none());
            record.unconfirmed_epoch.is_some() || (unknown && tenant.is_none())
        }),
        Reason::ResellerClaimed => world
            .holder
            .as_ref()
            .is_some_and(|holder| holder != support::calls::INSTALLATION),
        Reason::RiskNotAccepted => seen.bss.capabilities.is_some() && seen.bss.strategy.is_none(),
        Reason::PrecheckFailed => (tenant.is_none() && !world.ordering_enabled) || unfit(world),
        _ => false,
    }
}

/// Whether something may not be copied as it is.
fn unfit(world: &World) -> bool {
    let out_of_sync = |id: &SourceId| world.customers.get(id).map(|row| row.sync);
    let Some(tenant) = world.live_tenant_id() else {
        return false;
    };
    let target = CheckTarget::Tenant(tenant);
    world.eligible().any(|(id, purchase)| {
        let checked = world
            .clone()
            .check(&world.reseller, &target, std::slice::from_ref(id));
        out_of_sync(&purchase.customer) == Some(Sync::NotSynced)
            || checked.is_ok_and(|reasons| reasons.values().any(|reasons| !reasons.is_empty()))
    })
}
