//! What people do in the BSS, by themselves or because status asks for it.

use std::time::Duration;

use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::port::{
    AccountId, BlockerReason, Keys, Mode, PurchaseState, ResellerKind, SourceId, Strength,
    TenantStatus, Unseen, WriteOperation,
};

use super::clockwork::Rng;
use super::core::Core;
use super::faults::Fault;
use super::scenario::SETTLE;
use support::simulated_bss::{
    Action, Defect, Marks, OTHER_RESELLER, Pick, RESELLER, Screens, TenantVerb, World,
};

/// A small reseller, whose BSS has this weakness or that besides its promises.
pub(crate) fn world(rng: &mut Rng) -> World {
    let customers = 1 + u32::try_from(rng.below(4)).unwrap();
    let purchases = 1 + u32::try_from(rng.below(9)).unwrap();
    let mut world = World::new(customers, purchases);
    if rng.once_in(2) {
        world = world.with_decoys();
    }
    world.eager_pricing = rng.once_in(3);
    let switches = &mut world.switches;
    switches.largest_batch = 1 + u16::try_from(rng.below(4)).unwrap();
    switches.page_size = 1 + u16::try_from(rng.below(6)).unwrap();
    switches.tenant_queue = rng.between(Duration::from_secs(1), Duration::from_mins(30));
    switches.order_pending = rng.between(Duration::from_secs(1), Duration::from_hours(1));
    switches.replayed_refusals = rng.once_in(4);
    if rng.once_in(4) {
        switches.request_key_life = Some(Duration::from_mins(10));
    }
    if rng.once_in(5) {
        let later = rng.between(Duration::from_secs(1), Duration::from_mins(10));
        switches.marks = Marks::Later(rng.once_in(2).then_some(later));
    }
    if rng.once_in(6) {
        let step = *rng.one_of(&WriteOperation::ALL);
        switches.modes.insert(step, Mode::ManualStep);
        if rng.once_in(2) {
            switches.screens = Screens::Careless;
        }
    }
    world
}

/// Weaknesses that need another one: listings that skip, and look-ups that lag.
pub(crate) fn weaken_further(world: &mut World, rng: &mut Rng) {
    let promises = world.switches.promises;
    if promises.revision == Strength::Weak && promises.compares == Strength::Weak {
        world.switches.offset_paging = rng.once_in(3);
    }
    if promises.revision == Strength::Weak && promises.keys == Keys::Findable && rng.once_in(2) {
        // The settling time is the longest life of a request and this lag.
        world.switches.lag = SETTLE / 8;
    }
    if promises.revision == Strength::Weak && rng.once_in(4) {
        // Nothing bounds this: a listing may be behind for longer than anything settles.
        world.switches.listing_lag = SETTLE * 3;
    }
}

impl Core {
    /// People act while a call is on its way.
    pub(crate) fn bystanders(&mut self) {
        self.world.now = self.agenda.now;
        while let Some(at) = self.script.iter().position(|(call, _)| *call <= self.calls) {
            let (_, action) = self.script.remove(at);
            self.play(action, false);
        }
        if !self.faults.a_person_acts() {
            return;
        }
        // People who froze ordering for a switch that compares nothing change nothing else either.
        let by_hand = self.world.switches.modes[&WriteOperation::ActivateBackOrdering];
        let weak = self.world.switches.promises.compares == Strength::Weak
            || self.world.switches.promises.revision == Strength::Weak
            || self.world.switches.promises.orders == Strength::Weak
            || by_hand == Mode::ManualStep;
        if weak && !self.world.ordering_enabled {
            return;
        }
        let Some(action) = self.some_action() else {
            return;
        };
        self.faults.acted(name(&action));
        if self.act(action) {
            self.faults.fired(Fault::PeopleAct);
        }
    }

    /// The reseller orders when everything is copied, once; the order is delivered later.
    pub(crate) fn orders_before_the_switch(&mut self) {
        if std::mem::take(&mut self.orders_before_switch)
            && self.faults.happens("OrdersBeforeSwitch")
            && let Some(customer) = self.some_customer()
        {
            self.act(Action::Buy(customer));
        }
    }

    /// The reseller buys while the switch is being asked for, once.
    pub(crate) fn buys_at_the_switch(&mut self) {
        let buys = std::mem::take(&mut self.buys_at_switch);
        if !buys || !self.faults.happens("BuysAtSwitch") {
            return;
        }
        let mut eligible = self.world.eligible();
        let customer = eligible.next().map(|(_, row)| row.customer.clone());
        drop(eligible);
        if let Some(customer) = customer {
            self.act(Action::Buy(customer));
            self.act(Action::FinishOrders);
        }
    }

    /// A person acts; answers whether the BSS let them.
    pub(crate) fn act(&mut self, action: Action) -> bool {
        let name = name(&action);
        let takes = matches!(
            action,
            Action::Tenant(TenantVerb::Replace | TenantVerb::Delete)
        );
        self.world.now = self.agenda.now;
        let told = self.trace.is_some().then(|| format!("{action:?}"));
        let before = self.world.clone();
        let done = self.world.act(action);
        let done = done.and_then(|told| {
            let changed = self.world != before;
            changed
                .then_some(told)
                .ok_or_else(|| "it was so already".to_owned())
        });
        self.people.took_tenant |= takes && done.is_ok();
        self.say(|| format!("a person: {} -> {done:?}", told.unwrap_or_default()));
        if done.is_ok() {
            *self.actions.entry(name).or_default() += 1;
        }
        done.is_ok()
    }

    fn some_customer(&mut self) -> Option<SourceId> {
        let all: Vec<SourceId> = self.world.customers.keys().cloned().collect();
        (!all.is_empty()).then(|| self.rng.one_of(&all).clone())
    }

    fn some_purchase(&mut self) -> Option<SourceId> {
        let all: Vec<SourceId> = self.world.purchases.keys().cloned().collect();
        (!all.is_empty()).then(|| self.rng.one_of(&all).clone())
    }

    fn some_action(&mut self) -> Option<Action> {
        let customer = self.some_customer()?;
        let purchase = self.some_purchase()?;
        let other = |core: &mut Self| {
            if core.rng.once_in(2) {
                AccountId::from(OTHER_RESELLER)
            } else {
                AccountId::from(RESELLER)
            }
        };
        let listed = self.world.switches.promises.orders == Strength::Strong;
        // The record of a second cluster does not know of the former tenant.
        let alone = self.clusters.len() == 1 && !self.faults.may(Fault::AnotherCluster);
        let tenant = self.world.live_tenant();
        let active = tenant.is_some_and(|row| row.tenant.status == TenantStatus::Active);
        if active && self.rng.once_in(60) && !self.world.on && alone {
            let verb = if self.rng.once_in(2) {
                TenantVerb::Replace
            } else {
                TenantVerb::Delete
            };
            return Some(Action::Tenant(verb));
        }
        Some(match self.rng.below(26) {
            0..5 => Action::Buy(customer),
            5 if listed => Action::BuyHeld(customer),
            6 | 7 => Action::Cancel(purchase),
            8 => Action::Suspend(purchase),
            9 | 10 => Action::Resume(purchase),
            11 | 12 => Action::Quantity(purchase, 1 + u32::try_from(self.rng.below(5)).unwrap()),
            13 => Action::FinishOrders,
            14 => Action::CancelOrders,
            15 => Action::StaffCancels(purchase),
            16 if !self.world.on => {
                let payer = other(self);
                Action::BillTo(customer, payer)
            }
            17 => Action::AmendPrice(purchase, 1_234),
            18 => Action::AmendQuantity(purchase, 7),
            19 => Action::RemovePricing(Some(customer)),
            20 => Action::PriceOtherwise(Some(customer)),
            21 => Action::Tenant(TenantVerb::Suspend),
            22 if !self.world.on => Action::Plant(
                *self.rng.one_of(&[
                    Defect::Currency,
                    Defect::Addon,
                    Defect::Cycle,
                    Defect::Product,
                    Defect::Sync,
                ]),
                purchase,
            ),
            23 => Action::EndCopy(purchase),
            24 => Action::PricePartly(customer),
            _ => Action::MarkByHand(customer),
        })
    }

    /// A person does in the BSS what status asks for.
    pub(crate) fn bss_people(&mut self, reason: Reason, action: &str) -> Option<String> {
        let actions = match reason {
            Reason::AwaitingPricing => vec![Action::Price(None)],
            Reason::OrphanedCopy | Reason::DuplicateCopy => vec![Action::EndOrphans],
            Reason::VerificationFailed if action.contains("end all copies but one") => {
                vec![Action::EndOrphans]
            }
            Reason::SourceChanged => self.quantities_back(),
            Reason::PrecheckFailed if action.contains("Enable ordering") => {
                vec![Action::Ordering(true)]
            }
            Reason::PrecheckFailed | Reason::ItemsFailed => {
                vec![Action::PriceList("PL".into(), true), Action::Repair]
            }
            Reason::AwaitingOrders if self.rng.once_in(2) => vec![Action::FinishOrders],
            Reason::AwaitingOrders => vec![Action::CancelOrders],
            Reason::TenantSuspended => vec![Action::Tenant(TenantVerb::Resume)],
            Reason::ResellerNotBasic => vec![Action::Kind(ResellerKind::Basic)],
            Reason::AwaitingManualStep => {
                let step = self.manual_step(action);
                let press = WriteOperation::ActivateBackOrdering;
                let unseen = &self.world.switches.unseen;
                let mut steps = Vec::new();
                if matches!(step, Action::ByHand(of, _) if of == press) {
                    // What the operator cannot see, the screen refuses; the person sees to it first.
                    if unseen.contains(&Unseen::CustomerMark) {
                        let copy = WriteOperation::CopyCustomers;
                        steps.push(Action::ByHand(copy, Pick::Needed));
                    }
                    if unseen.contains(&Unseen::PricingOptions) {
                        steps.push(Action::Price(None));
                    }
                }
                steps.push(step);
                steps
            }
            _ => return None,
        };
        let mut told = Vec::new();
        for action in actions {
            told.push(format!("{action:?}"));
            self.act(action);
        }
        Some(told.join(", "))
    }

    /// The reseller's staff sets the quantities of its copies back to those of their sources; where
    /// something else differs, it ends the copy.
    fn quantities_back(&mut self) -> Vec<Action> {
        if self.rng.once_in(2)
            && let Some(tenant) = self.world.live_tenant_id()
        {
            let named = self.world.blockers(&tenant).into_iter();
            let changed = named.filter(|tally| tally.reason == BlockerReason::SourceChanged);
            let ends: Vec<Action> = changed
                .flat_map(|tally| tally.examples)
                .map(|id| Action::EndCopy(SourceId(id)))
                .collect();
            if !ends.is_empty() {
                return ends;
            }
        }
        let all = self.world.purchases.iter();
        let active = all.filter(|(_, row)| row.state == PurchaseState::Active);
        active
            .map(|(id, row)| Action::AmendQuantity(id.clone(), row.fields.quantity))
            .collect()
    }

    /// A person reads the instruction, and does it: all of it, a part, once too often.
    fn manual_step(&mut self, action: &str) -> Action {
        if action.contains("Disable ordering") {
            return Action::Ordering(false);
        }
        let step = if action.contains("Create the tenant") || action.contains("createTenant") {
            WriteOperation::CreateTenant
        } else if action.contains("copyCustomers")
            || action.contains("contacts")
            || action.contains("these customers")
        {
            WriteOperation::CopyCustomers
        } else if action.contains("copySubscriptions")
            || action.contains("provisioning")
            || action.contains("these subscriptions")
        {
            WriteOperation::CopySubscriptions
        } else if action.contains("activateBackOrdering") {
            WriteOperation::ActivateBackOrdering
        } else {
            self.broken(format!("no write is named: {action}"));
            WriteOperation::SetPricing
        };
        let mends = action.contains("these customers") || action.contains("these subscriptions");
        let pick = match self.rng.below(6) {
            0 => Pick::One,
            // Who is asked to mend copies that are there makes no second ones.
            1 if self.world.switches.screens == Screens::Guarded && !mends => Pick::Again,
            _ => Pick::Needed,
        };
        Action::ByHand(step, pick)
    }

    pub(crate) fn tenant_is_missing(&self) -> bool {
        self.world.live_tenant().is_none()
    }
}

/// Its name.
pub(crate) fn name(action: &Action) -> &'static str {
    match action {
        Action::Buy(_) => "Buy",
        Action::BuyHeld(_) => "BuyHeld",
        Action::Cancel(_) => "Cancel",
        Action::Suspend(_) => "Suspend",
        Action::Resume(_) => "Resume",
        Action::Quantity(..) => "Quantity",
        Action::FinishOrders => "FinishOrders",
        Action::CancelOrders => "CancelOrders",
        Action::StaffCancels(_) => "StaffCancels",
        Action::StaffOrders(_) => "StaffOrders",
        Action::Ordering(_) => "Ordering",
        Action::BillTo(..) => "BillTo",
        Action::PriceList(..) => "PriceList",
        Action::Kind(_) => "Kind",
        Action::Tenant(TenantVerb::Replace) => "Tenant replaced",
        Action::Tenant(TenantVerb::Delete) => "Tenant deleted",
        Action::Tenant(_) => "Tenant",
        Action::Repair => "Repair",
        Action::Sync(..) => "Sync",
        Action::MarkByHand(_) => "MarkByHand",
        Action::ByHand(..) => "ByHand",
        Action::Price(_) => "Price",
        Action::PriceOtherwise(_) => "PriceOtherwise",
        Action::PricePartly(_) => "PricePartly",
        Action::RemovePricing(_) => "RemovePricing",
        Action::AmendPrice(..) => "AmendPrice",
        Action::AmendQuantity(..) => "AmendQuantity",
        Action::EndCopy(_) => "EndCopy",
        Action::EndOrphans => "EndOrphans",
        Action::OrderInOwnBss(_) => "OrderInOwnBss",
        Action::Plant(..) => "Plant",
        Action::Corrupt(_) => "Corrupt",
        Action::CorruptAtSwitch(_) => "CorruptAtSwitch",
    }
}
