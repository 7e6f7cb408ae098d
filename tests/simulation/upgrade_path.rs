//! An operator of this version takes over from one of a recorded version, in the middle of each phase.
//!
//! `tests/fixtures/VERSION/running/` holds what an operator of that version left in the cluster, and what it
//! had done in the BSS: keys and source ids. A test puts both into a simulated world, starts the present
//! operator there, and lets it go on to the end, judged as every run is. `RECORD=0.1.0` writes the recordings
//! of the present version; a release records its own, and a recording is never changed afterwards.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenant_reseller_operator::api::{
    BssConnection, ConditionStatus, Phase, Reason, ResellerClaim, StateClass,
    TenantResellerUpgrade, UpgradeReport,
};
use tenant_reseller_operator::bss::port::{
    AcquisitionId, ActivationTarget, BusinessKey, CopyItem, CopyListing, EarlierEpoch, Epoch,
    ItemKind, ItemOutcome, RequestKey, Revision, SourceId, TenantId, TenantStatus,
};

use super::core::Core;
use super::etcd::key;
use super::run::{run_on, until};
use super::scenario::{Ending, Scenario};
use support::simulated_bss::{Action, World};

/// What an operator left behind.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    /// Seconds since the beginning of the run.
    seconds: u64,
    upgrade: TenantResellerUpgrade,
    connection: BssConnection,
    claims: Vec<ResellerClaim>,
    reports: Vec<UpgradeReport>,
    bss: Done,
}

/// What it had done in the BSS.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Done {
    holder: Option<String>,
    epoch: u64,
    /// The epochs that were issued last with the attempts that asked for them.
    issued: Vec<(u64, Option<String>)>,
    tenant_key: Option<String>,
    tenant_is_active: bool,
    /// Source ids and business keys.
    customers: BTreeMap<String, String>,
    /// Customers with pricing options.
    priced: Vec<String>,
    purchases: BTreeMap<String, String>,
    switched: bool,
}

/// The moments that are recorded: each in the middle of a phase or at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Tenant,
    Customers,
    Pricing,
    Subscriptions,
    BeforeTheSwitch,
    AfterTheSwitch,
    Complete,
}

impl Moment {
    const ALL: [Self; 7] = [
        Self::Tenant,
        Self::Customers,
        Self::Pricing,
        Self::Subscriptions,
        Self::BeforeTheSwitch,
        Self::AfterTheSwitch,
        Self::Complete,
    ];

    fn file(self) -> &'static str {
        match self {
            Self::Tenant => "1-tenant-requested",
            Self::Customers => "2-customers-half-copied",
            Self::Pricing => "3-pricing-gate",
            Self::Subscriptions => "4-subscriptions-half-copied",
            Self::BeforeTheSwitch => "5-switch-on-record",
            Self::AfterTheSwitch => "6-switched-not-compared",
            Self::Complete => "7-complete",
        }
    }

    /// Whether a world stands there.
    fn is_now(self, core: &Core) -> bool {
        let Some(upgrade) = core.clusters[0].etcd.upgrades.values().next() else {
            return false;
        };
        let Some(status) = upgrade.status.as_ref() else {
            return false;
        };
        let claim = core.clusters[0].etcd.claims.values().next();
        let copied = |listing| {
            core.world
                .copies
                .keys()
                .filter(move |k| k.1 == listing)
                .count()
        };
        let eligible = core.world.eligible().count();
        let reached = |type_: &str| {
            let mut all = status.conditions.iter();
            all.any(|c| c.type_ == type_ && c.status == ConditionStatus::True)
        };
        match self {
            Self::Tenant => {
                core.world
                    .live_tenant()
                    .is_some_and(|row| row.ready.is_some())
                    && status.phase == Some(Phase::TenantCreation)
            }
            Self::Customers => {
                copied(CopyListing::Customers) == 2 && status.phase == Some(Phase::CustomerCopy)
            }
            Self::Pricing => status
                .conditions
                .iter()
                .any(|c| c.type_ == "Ready" && c.reason == "AwaitingPricing"),
            Self::Subscriptions => (1..eligible).contains(&copied(CopyListing::Subscriptions)),
            Self::BeforeTheSwitch => {
                claim.is_some_and(|claim| claim.spec.intents.activate.is_some()) && !core.world.on
            }
            Self::AfterTheSwitch => core.world.on && !reached("BackOrderingActivated"),
            Self::Complete => reached("Succeeded") && upgrade.metadata.finalizers.is_none(),
        }
    }
}

fn scenario() -> Scenario {
    let mut world = World::new(4, 6);
    world.switches.page_size = 3;
    world.switches.largest_batch = 2;
    world.switches.tenant_queue = Duration::from_mins(5);
    Scenario::plain(world)
}

fn folder(version: &str) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(version).join("running")
}

fn recorded(core: &Core) -> Recording {
    let etcd = &core.clusters[0].etcd;
    let world = &core.world;
    let copies = |wanted: CopyListing| {
        let rows = world.copies.iter().filter(move |(key, _)| key.1 == wanted);
        rows.map(|(key, row)| (key.2.0.clone(), row.key.as_ref().unwrap().0.clone()))
            .collect()
    };
    let live = world.live_tenant();
    Recording {
        seconds: core.now().as_secs(),
        upgrade: TenantResellerUpgrade::clone(etcd.upgrades.values().next().unwrap()),
        connection: etcd.connections.values().next().unwrap().clone(),
        claims: etcd.claims.values().cloned().collect(),
        reports: etcd.reports.values().cloned().collect(),
        bss: Done {
            holder: world.holder.clone(),
            epoch: world.epoch,
            issued: world
                .issued
                .iter()
                .map(|one| (one.epoch.0, one.acquisition.as_ref().map(|id| id.0.clone())))
                .collect(),
            tenant_key: live
                .and_then(|row| row.tenant.business_key.as_ref().map(|key| key.0.clone())),
            tenant_is_active: live.is_some_and(|row| row.tenant.status == TenantStatus::Active),
            customers: copies(CopyListing::Customers),
            priced: world.pricing.keys().map(|(_, id)| id.0.clone()).collect(),
            purchases: copies(CopyListing::Subscriptions),
            switched: world.on,
        },
    }
}

/// Makes of a fresh world one in which the operator of that version did what it did, by the calls that it made.
fn done_again(world: &mut World, done: &Done, at: Duration) {
    world.holder.clone_from(&done.holder);
    world.epoch = done.epoch;
    let issued = done.issued.iter().map(|(epoch, attempt)| EarlierEpoch {
        epoch: Epoch(*epoch),
        acquisition: attempt.clone().map(AcquisitionId),
    });
    world.issued = issued.collect::<VecDeque<_>>();
    let Some(tenant_key) = &done.tenant_key else {
        return;
    };
    let epoch = Some(Epoch(done.epoch));
    let account = world.reseller.clone();
    // So that what was queued is there by now.
    if done.tenant_is_active {
        world.now = at.saturating_sub(world.switches.tenant_queue);
    } else {
        world.now = at;
    }
    let wanted = world.wanted.clone();
    let tenant_key = BusinessKey(tenant_key.clone());
    let request = RequestKey("of-the-former-version".to_owned());
    world
        .create_tenant(&account, epoch, &request, &tenant_key, &wanted)
        .unwrap();
    world.now = at;
    world.settle();
    let tenant = world.live_tenant_id().unwrap();
    for (source, key) in &done.customers {
        let item = item(world, source, key, &tenant);
        copied(world.copy_customers(epoch, &tenant, &[item]));
    }
    for customer in &done.priced {
        world
            .act(Action::Price(Some(SourceId(customer.clone()))))
            .unwrap();
    }
    for (source, key) in &done.purchases {
        let item = item(world, source, key, &tenant);
        copied(world.copy_subscriptions(epoch, &tenant, &[item]));
    }
    if done.switched {
        let key = BusinessKey(format!("{}/activation", key_of_tenant(&done.customers)));
        let target = ActivationTarget {
            tenant: &tenant,
            expected: Some(Revision(world.revision)),
        };
        let request = RequestKey("the-switch-of-the-former-version".to_owned());
        world
            .activate_back_ordering(&account, epoch, &request, &key, target)
            .unwrap();
    }
}

/// What the keys of everything in the tenant begin with.
fn key_of_tenant(customers: &BTreeMap<String, String>) -> String {
    let key = customers.values().next().unwrap();
    key.split('/').take(4).collect::<Vec<_>>().join("/")
}

fn copied(outcomes: tenant_reseller_operator::bss::BssResult<BTreeMap<SourceId, ItemOutcome>>) {
    let outcomes: Vec<ItemOutcome> = outcomes.unwrap().into_values().collect();
    assert_eq!(outcomes, [ItemOutcome::Created]);
}

fn item(world: &mut World, source: &str, key: &str, tenant: &TenantId) -> CopyItem {
    let source = SourceId(source.to_owned());
    let (kind, digest, owner) = match (world.customers.get(&source), world.purchases.get(&source)) {
        (Some(row), _) => {
            let owned = support::simulated_bss::Owned::Customer(row.fields.clone());
            (ItemKind::Customer, owned.digest(), None)
        }
        (None, Some(row)) => {
            let owned = support::simulated_bss::Owned::Purchase(row.fields.clone());
            (row.kind, owned.digest(), Some(row.customer.clone()))
        }
        (None, None) => panic!("{source} is no source of this world"),
    };
    let pricing = owner.and_then(|owner| {
        let row = world.pricing.get(&(tenant.clone(), owner))?;
        row.stored.digest()
    });
    CopyItem {
        source,
        kind,
        key: BusinessKey(key.to_owned()),
        expected_source: digest,
        expected_copy: None,
        pricing,
    }
}

/// The world of a recording, with a process of the present version about to begin.
fn taken_over(recording: &Recording) -> (Core, Scenario) {
    let mut scenario = scenario();
    let at = Duration::from_secs(recording.seconds);
    done_again(&mut scenario.world, &recording.bss, at);
    let mut core = scenario.begin(false);
    core.agenda.now = at;
    let etcd = &mut core.clusters[0].etcd;
    etcd.upgrades.clear();
    etcd.connections.clear();
    let upgrade = recording.upgrade.clone();
    etcd.upgrades
        .insert(key(&upgrade.metadata), Arc::new(upgrade));
    let connection = recording.connection.clone();
    etcd.connections
        .insert(key(&connection.metadata), connection);
    for claim in &recording.claims {
        etcd.claims.insert(key(&claim.metadata).1, claim.clone());
    }
    for report in &recording.reports {
        etcd.reports.insert(key(&report.metadata), report.clone());
    }
    // What is made from now on is younger than what was recorded.
    etcd.revision = 1_000_000;
    etcd.uids = 1_000_000;
    (core, scenario)
}

/// `RECORD=VERSION` writes what the present operator leaves at each moment.
#[test]
fn record_the_present_version() {
    let Ok(version) = std::env::var("RECORD") else {
        return;
    };
    for moment in Moment::ALL {
        let shared = until(&scenario(), |core| moment.is_now(core));
        let shared = shared.unwrap_or_else(|| panic!("{moment:?} never came"));
        let recording = recorded(&shared.lock());
        let text = serde_json::to_string_pretty(&recording).unwrap();
        std::fs::create_dir_all(folder(&version)).unwrap();
        let file = folder(&version).join(format!("{}.json", moment.file()));
        std::fs::write(file, format!("{text}\n")).unwrap();
    }
}

/// Every moment of every recorded version: the present operator goes on from there to the end. It asks for no
/// second tenant and copies nothing twice, by source id and ledger; it switches once; and a finished upgrade
/// is left as it is.
#[test]
fn the_present_operator_takes_over_from_every_recorded_version() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut taken = 0;
    for version in std::fs::read_dir(fixtures).unwrap() {
        let version = version.unwrap().file_name().to_string_lossy().into_owned();
        for moment in Moment::ALL {
            let file = folder(&version).join(format!("{}.json", moment.file()));
            let text = std::fs::read_to_string(&file)
                .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            let recording: Recording = serde_json::from_str(&text).unwrap();
            unchanged_by_reading(&text, &recording);
            let (core, scenario) = taken_over(&recording);
            assert_eq!(recorded(&core).bss, recording.bss, "{version} {moment:?}");
            let before = recording.bss;
            let record = run_on(core, &scenario);
            let told = format!("{version} {moment:?}: {record:#?}");
            assert_eq!(
                record.violations,
                Vec::<String>::new(),
                "{version} {moment:?}"
            );
            assert_eq!(record.ended, Some(Ending::Upgraded), "{told}");
            let effect = |name: &str| record.effects.get(name).copied().unwrap_or_default();
            // Nobody is asked for anything that the recorded version would not have asked for.
            for reason in &record.reasons {
                let asks = *reason == Reason::AwaitingConfirmation
                    || reason.class() == Some(StateClass::MustFix);
                assert!(!asks, "{told}");
            }
            let tenants = u64::from(before.tenant_key.is_none());
            assert_eq!(effect("create tenant"), tenants, "{told}");
            assert_eq!(effect("activate"), u64::from(!before.switched), "{told}");
            if moment == Moment::Complete {
                assert_eq!(record.writes.len(), 0, "{told}");
            }
            taken += 1;
        }
    }
    assert!(taken >= Moment::ALL.len());
}

/// Nothing of a recorded object is lost when the present types read it: an operator that dropped a member of
/// a status or a record would write the object without it.
fn unchanged_by_reading(text: &str, recording: &Recording) {
    let written: Value = serde_json::from_str(text).unwrap();
    let read = serde_json::to_value(recording).unwrap();
    assert_eq!(read, written);
}
