//! The stage in memory.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Stage, Turn};
use support::simulated_bss::{Action, Marks, Screens, SharedWorld, World, wanted_settings};
use tenant_reseller_operator::bss::port::{SourceId, TenantSettings};

/// The simulated BSS.
pub(crate) struct Simulated(SharedWorld);

impl Simulated {
    pub(crate) fn new() -> Self {
        Self::of(World::new(6, 12).with_decoys())
    }

    /// Three customers who own nothing yet.
    pub(crate) fn small() -> Self {
        Self::of(World::new(3, 0))
    }

    fn of(mut world: World) -> Self {
        world.switches.largest_batch = 100;
        world.switches.page_size = 500;
        world.switches.order_pending = Duration::ZERO;
        world.now = Duration::from_secs(1);
        Self(SharedWorld::new(world))
    }
}

impl Stage for Simulated {
    type Bss = SharedWorld;

    fn bss(&self) -> &SharedWorld {
        &self.0
    }

    fn settings(&self) -> TenantSettings {
        wanted_settings()
    }

    fn alien(&self) -> SourceId {
        "x000".into()
    }

    async fn turn(&self, turns: &[Turn]) {
        let mut world = self.0.lock();
        let switches = &mut world.switches;
        let promises = &mut switches.promises;
        for turn in turns {
            match *turn {
                Turn::Keys(keys) => promises.keys = keys,
                Turn::Epochs(form) => promises.epochs = form,
                Turn::Revision(form) => promises.revision = form,
                Turn::Compares(form) => promises.compares = form,
                Turn::Orders(form) => promises.orders = form,
                Turn::OffGuard(form) => promises.off_guard = form,
                Turn::Mode(operation, mode) => {
                    switches.modes.insert(operation, mode);
                }
                Turn::ReplayedRefusals(replayed) => switches.replayed_refusals = replayed,
                Turn::KeysForgotten => switches.request_key_life = Some(Duration::ZERO),
                Turn::Lag(true) => switches.lag = Duration::from_hours(1000),
                Turn::Lag(false) => switches.lag = Duration::ZERO,
                Turn::MarksLater => switches.marks = Marks::Later(None),
                Turn::OffsetPaging(offset) => switches.offset_paging = offset,
                Turn::Careless => switches.screens = Screens::Careless,
            }
        }
    }

    async fn act(&self, action: Action) -> Result<(), String> {
        self.0.lock().act(action).map(drop)
    }

    async fn pass(&self) {
        self.0.lock().now += Duration::from_secs(3);
    }

    async fn harm(&self) -> BTreeSet<String> {
        let world = self.0.lock();
        let mut found = world.violations_now();
        found.extend(world.ledgers(2));
        if let Some(tenant) = world.live_tenant_id() {
            let tallies = world.blockers(&tenant).into_iter();
            found.extend(tallies.map(|tally| tally.reason.as_str().to_owned()));
        }
        let name = |finding: &String| figure(finding.split(':').next().unwrap_or_default());
        found.iter().filter_map(name).map(str::to_owned).collect()
    }
}

/// What the sandbox's judge calls it, if it counts that.
fn figure(rule: &str) -> Option<&'static str> {
    Some(match rule {
        "DuplicateCopy" => "duplicated",
        "Lost" => "lost",
        "CustomerNotCharged" => "missingCharges",
        "CustomerChargedTwice" => "doubleCharges",
        "ChargedAfterCancellation" => "chargesAfterCancellation",
        "ChargedDifferently" => "differingCharges",
        "CopyAfterSwitch" => "sales",
        "Ordered" => "orders",
        "Provisioned" => "vendorProvisionings",
        "HalfMarked" => "halfMarked",
        "Differs" | "SourceChanged" => "differing",
        "Orphaned" | "OrphanedCopy" => "orphaned",
        "AlienCopy" | "AlienCharged" => "foreign",
        "Unmarked" => "unmarked",
        "Mail" => "mails",
        "SecondActivation" => "activations",
        _ => return None,
    })
}
