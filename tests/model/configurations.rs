//! The small worlds: each is gone through to its end, and together they cover every pair that
//! matters.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::api::Risk;
use tenant_reseller_operator::bss::port::{Keys, Mode, Promises, Strength, WriteOperation};
use tenant_reseller_operator::upgrade::{Pace, Stage, Terms, ValidUpgrade, validate};

use crate::explore::Model;
use crate::guards::Guards;
use crate::judge::AcceptedRisks;
use crate::keyed::Keyed;
use crate::model::Small;
use crate::operator::{NOW, Operator, TICK};
use crate::people::Act;
use crate::state::{Budget, State};
use support::sample;
use support::simulated_bss::World;

/// A small world, and what may happen in it.
#[derive(Clone)]
pub(crate) struct Configuration {
    pub(crate) name: &'static str,
    pub(crate) customers: u32,
    pub(crate) purchases: u32,
    /// Whether pricing options are there from the beginning.
    pub(crate) priced: bool,
    /// Whether another cluster holds the reseller.
    pub(crate) held: bool,
    pub(crate) promises: Promises,
    pub(crate) by_hand: &'static [WriteOperation],
    /// How subscriptions are copied, where people do not.
    pub(crate) copies: Mode,
    pub(crate) risks: &'static [Risk],
    pub(crate) crashes: u8,
    pub(crate) lost: u8,
    pub(crate) leaders: u8,
    pub(crate) restores: u8,
    pub(crate) acts: Vec<(Act, u8)>,
    /// How many acts all in all.
    pub(crate) acts_in_all: u8,
    pub(crate) batch: u16,
    pub(crate) page: u16,
    /// Nothing goes wrong before this stage.
    pub(crate) from: Stage,
    /// The old leader learns that it is one before the new one gets beyond this stage, and the cluster goes
    /// back no later than in it.
    pub(crate) horizon: Stage,
    /// Explored by the long form only.
    pub(crate) long: bool,
}

/// How long a request lives at most, where a quiet time rests on that: many times a short wait.
const SETTLE: Duration = Duration::from_secs(300);
/// How long an order takes at most, where a quiet time rests on that.
const ORDER_SETTLE: Duration = Duration::from_secs(180);

pub(crate) const STRONG: Promises = Promises {
    keys: Keys::Unique,
    epochs: Strength::Strong,
    revision: Strength::Strong,
    compares: Strength::Strong,
    orders: Strength::Strong,
    off_guard: Strength::Strong,
    items: Strength::Strong,
};

impl Configuration {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            customers: 2,
            purchases: 3,
            priced: true,
            held: false,
            promises: STRONG,
            by_hand: &[],
            copies: Mode::Automatic,
            risks: &[],
            crashes: 0,
            lost: 0,
            leaders: 0,
            restores: 0,
            acts: Vec::new(),
            acts_in_all: 9,
            batch: 2,
            page: 2,
            from: Stage::Opening,
            horizon: Stage::Done,
            long: false,
        }
    }

    pub(crate) fn world(&self) -> World {
        let mut world = World::new(self.customers, self.purchases);
        world.now = NOW;
        world.holder = self.held.then(|| "elsewhere".to_owned());
        world.eager_pricing = self.priced;
        let switches = &mut world.switches;
        switches.promises = self.promises;
        let copies = WriteOperation::CopySubscriptions;
        switches.modes.insert(copies, self.copies);
        for operation in self.by_hand {
            switches.modes.insert(*operation, Mode::ManualStep);
        }
        switches.tenant_queue = TICK;
        switches.order_pending = ORDER_SETTLE;
        switches.largest_batch = self.batch;
        switches.page_size = self.page;
        world
    }

    pub(crate) fn model(&self) -> Small {
        let upgrade = upgrade(self.risks);
        let budget = Budget {
            crashes: self.crashes,
            lost: self.lost,
            leaders: self.leaders,
            restores: self.restores,
            acts: self.acts.clone(),
            acts_in_all: self.acts_in_all,
        };
        let unguarded = self.risks.contains(&Risk::UnguardedSwitch)
            && (self.promises.compares == Strength::Weak
                || self.promises.revision == Strength::Weak);
        let unseen =
            self.risks.contains(&Risk::UnseenOrders) && self.promises.orders == Strength::Weak;
        let first = State {
            world: Keyed::new(self.world()),
            record: None,
            operators: vec![Operator::new(None)],
            late: Vec::new(),
            snapshot: None,
            unconfirmed: false,
            went_back: false,
            budget: Budget::default(),
            intents: 0,
            overtaken: false,
        };
        let mut small = Small {
            upgrade,
            first,
            accepted_risks: AcceptedRisks {
                unguarded: unguarded || unseen,
                pressed: budget
                    .acts
                    .iter()
                    .any(|(act, _)| *act == Act::ByHand(WriteOperation::ActivateBackOrdering)),
            },
            alone: self.leaders == 0 && self.restores == 0,
            horizon: self.horizon,
            mortal: self.promises.keys != Keys::Unique
                || self.promises.epochs == Strength::Weak
                || self.promises.off_guard == Strength::Weak,
            guards: Guards::default(),
        };
        while small.first.operators[0].known.stage < self.from {
            let first = small.first.clone();
            let expansion = small.expand(&first);
            let calm = expansion.calm.unwrap();
            small.first = expansion.successors.into_iter().nth(calm).unwrap().state;
        }
        small.first.budget = budget;
        small.guards = Guards::default();
        small
    }
}

fn upgrade(risks: &[Risk]) -> ValidUpgrade {
    // No cheap looks: they would only bring forward what comes anyway.
    let pace = Pace {
        poll: TICK,
        recheck: TICK,
        watch: TICK,
    };
    let terms = Terms {
        accepted: risks.iter().copied().collect::<BTreeSet<_>>(),
        settle: SETTLE,
        order_settle: ORDER_SETTLE,
        ..Terms::default()
    };
    validate(&sample::stored(), &sample::references(pace, terms)).unwrap()
}
