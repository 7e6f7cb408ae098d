//! The table of stages: for each its part of the work, its sweep, where a lost sweep begins again, the
//! sentence that people read, and what follows. No other place lists them all. The table decides nothing: what
//! follows is a function of the phase that the stage belongs to.

use crate::bss::port::WriteOperation;
use crate::upgrade::observe::Observe;
use crate::upgrade::sweep::tally::Tally;
use crate::upgrade::sweep::{Scope, Sweep, SweepMode};

/// Where the work is. The order here is the order of the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Identity, capabilities, reseller, claim, epoch, tenant.
    #[default]
    Opening,
    /// Phase 2: copy customers.
    Customers,
    /// Phase 2, when customers failed: whether they own something to copy.
    Owners,
    /// The gate: apply what was declared, then look who lacks options.
    Pricing,
    /// Before the check: stragglers among the customers.
    CheckCustomers,
    /// Phase 3: every pre-check, nothing copied.
    Check,
    /// Phase 3: copy subscriptions and assets.
    Copy,
    /// Phase 4: orders that are not final.
    Orders,
    /// Phase 4: the final sweep over customers.
    FinalCustomers,
    /// Phase 4: the final sweep over subscriptions and assets.
    FinalPurchases,
    /// Phase 4: the switch.
    Activate,
    /// Back ordering is on: both sides of the customers are compared.
    VerifyCustomers,
    /// Back ordering is on: both sides of subscriptions and assets are compared.
    VerifyPurchases,
    /// Back ordering is on, and nothing is left to do.
    Done,
}

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Part {
    /// Up to the tenant.
    Opening,
    /// Phases 2 and 3 and the gate between them: copies may be sent.
    Copying,
    /// From the open orders to the switch.
    Switching,
    /// The comparison after the switch.
    Comparing,
    /// Nothing is left.
    Done,
}

/// What a stage begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// A fresh look at reseller and tenant.
    Afresh,
    /// The look of the stage before.
    OnTheLook,
}

/// The sweep of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StageSweep {
    /// None.
    Nothing,
    /// Over customers.
    Customers(SweepMode),
    /// Over customers, knowing which could not be copied before.
    CustomersAgain(SweepMode),
    /// Over subscriptions and assets.
    Purchases(SweepMode),
}

/// What the table says of a stage.
struct Row {
    part: Part,
    begins: Begins,
    /// Where a sweep that lost its ground begins again.
    restart: Stage,
    /// What people read while work goes on.
    sentence: &'static str,
    sweep: StageSweep,
    /// What the stage writes to the BSS in batches.
    writes: Option<WriteOperation>,
    /// What follows when its sweep is over.
    over: fn(&mut Observe<'_>, Tally),
    /// What follows when the tenant was seen Active.
    tenant_seen: fn(&mut Observe<'_>),
}

/// What most stages share.
const PLAIN: Row = Row {
    part: Part::Copying,
    begins: Begins::OnTheLook,
    restart: Stage::CheckCustomers,
    sentence: "",
    sweep: StageSweep::Nothing,
    writes: None,
    over: |_, _| {},
    tenant_seen: |_| {},
};

const LAST_LOOK: &str = "Looking at everything once more before the switch.";
const COMPARING: &str = "Back ordering is on; comparing both sides item by item.";

impl Stage {
    #[expect(clippy::too_many_lines, reason = "a flat table")]
    fn row(self) -> Row {
        match self {
            Self::Opening => Row {
                part: Part::Opening,
                restart: Self::Opening,
                sentence: "Looking at the reseller and its tenant.",
                ..PLAIN
            },
            Self::Customers => Row {
                begins: Begins::Afresh,
                restart: Self::Customers,
                sentence: "Copying customers.",
                sweep: StageSweep::Customers(SweepMode::Copy),
                writes: Some(WriteOperation::CopyCustomers),
                over: |observe, tally| observe.customers_copied_or_not(tally),
                ..PLAIN
            },
            Self::Owners => Row {
                restart: Self::Customers,
                sentence: "Copying customers.",
                sweep: StageSweep::Purchases(SweepMode::Final),
                over: |observe, tally| observe.owners_over(&tally),
                ..PLAIN
            },
            Self::Pricing => Row {
                restart: Self::Customers,
                sentence: "Looking at the customers' pricing options.",
                sweep: StageSweep::Purchases(SweepMode::Pricing),
                writes: Some(WriteOperation::SetPricing),
                over: |observe, tally| observe.pricing_over(tally),
                ..PLAIN
            },
            Self::CheckCustomers => Row {
                begins: Begins::Afresh,
                sentence: "Checking every subscription and asset.",
                sweep: StageSweep::Customers(SweepMode::Copy),
                writes: Some(WriteOperation::CopyCustomers),
                over: |observe, tally| observe.stragglers_copied_or_not(tally),
                ..PLAIN
            },
            Self::Check => Row {
                sentence: "Checking every subscription and asset.",
                sweep: StageSweep::Purchases(SweepMode::Check),
                writes: Some(WriteOperation::SetPricing),
                over: |observe, tally| observe.check_over(&tally),
                ..PLAIN
            },
            Self::Copy => Row {
                sentence: "Copying subscriptions and assets.",
                sweep: StageSweep::Purchases(SweepMode::Copy),
                writes: Some(WriteOperation::CopySubscriptions),
                over: |observe, tally| observe.copy_over(&tally),
                ..PLAIN
            },
            Self::Orders => Row {
                part: Part::Switching,
                begins: Begins::Afresh,
                sentence: LAST_LOOK,
                tenant_seen: |observe| observe.before_the_final_sweep(),
                ..PLAIN
            },
            Self::FinalCustomers => Row {
                part: Part::Switching,
                sentence: LAST_LOOK,
                sweep: StageSweep::CustomersAgain(SweepMode::Final),
                over: |observe, tally| observe.final_customers_over(tally),
                ..PLAIN
            },
            Self::FinalPurchases => Row {
                part: Part::Switching,
                sentence: LAST_LOOK,
                sweep: StageSweep::Purchases(SweepMode::Final),
                over: |observe, tally| observe.final_over(&tally),
                ..PLAIN
            },
            Self::Activate => Row {
                part: Part::Switching,
                sentence: "Activating back ordering.",
                // The tenant is read here only if something is uncertain: all gates are passed again.
                tenant_seen: |observe| observe.known.enter(Self::Orders),
                ..PLAIN
            },
            Self::VerifyCustomers => Row {
                part: Part::Comparing,
                begins: Begins::Afresh,
                restart: Self::VerifyCustomers,
                sentence: COMPARING,
                sweep: StageSweep::Customers(SweepMode::Verify),
                over: |observe, tally| observe.verified_customers(tally),
                ..PLAIN
            },
            Self::VerifyPurchases => Row {
                part: Part::Comparing,
                restart: Self::VerifyCustomers,
                sentence: COMPARING,
                sweep: StageSweep::Purchases(SweepMode::Verify),
                over: |observe, tally| observe.verified_purchases(&tally),
                ..PLAIN
            },
            Self::Done => Row {
                part: Part::Done,
                restart: Self::Done,
                sentence: "Back ordering is on; putting it on record.",
                ..PLAIN
            },
        }
    }

    /// Which part of the work it belongs to.
    pub(in crate::upgrade) fn part(self) -> Part {
        self.row().part
    }

    /// Whether back ordering is on.
    pub(in crate::upgrade) fn is_past_the_switch(self) -> bool {
        match self.part() {
            Part::Comparing | Part::Done => true,
            Part::Opening | Part::Copying | Part::Switching => false,
        }
    }

    /// Whether it begins with a fresh look at reseller and tenant.
    pub(in crate::upgrade) fn looks_afresh(self) -> bool {
        self.row().begins == Begins::Afresh
    }

    /// Where a sweep that lost its ground begins again.
    pub(in crate::upgrade) fn restart(self) -> Self {
        self.row().restart
    }

    /// What people read while work goes on.
    pub(in crate::upgrade) fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// What it writes to the BSS in batches.
    pub(super) fn writes(self) -> Option<WriteOperation> {
        self.row().writes
    }

    /// Its sweep, after one over customers with the tally given.
    pub(super) fn sweep(self, scope: Scope, customers: &Tally) -> Option<Sweep> {
        match self.row().sweep {
            StageSweep::Nothing => None,
            StageSweep::Customers(mode) => Some(Sweep::customers(mode, scope)),
            StageSweep::CustomersAgain(mode) => {
                Some(Sweep::customers(mode, scope).knowing(customers))
            }
            StageSweep::Purchases(mode) => Some(Sweep::purchases(mode, scope, customers)),
        }
    }

    /// The operation that it copies by, if it copies.
    pub(super) fn copies(self) -> Option<WriteOperation> {
        self.writes().filter(|operation| match operation {
            WriteOperation::CopyCustomers | WriteOperation::CopySubscriptions => true,
            WriteOperation::CreateTenant
            | WriteOperation::SetPricing
            | WriteOperation::ActivateBackOrdering => false,
        })
    }
}

impl Observe<'_> {
    /// The sweep of the present stage is over.
    pub(super) fn sweep_over(&mut self, tally: Tally) {
        (self.known.stage.row().over)(self, tally);
    }

    /// The tenant was seen Active in the present stage.
    pub(super) fn tenant_seen(&mut self) {
        (self.known.stage.row().tenant_seen)(self);
    }
}
