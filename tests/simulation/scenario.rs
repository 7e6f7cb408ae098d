//! What a run begins with: the BSS and what it promises, the people, the faults that may come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenant_reseller_operator::api::{
    Auth, BearerAuth, Billing, BssConnection, BssConnectionSpec, ConnectionLimits, DeclaredPricing,
    Invoicing, PricingDefault, PricingPolicy, ReferenceAdapter, Risk, SecretRef, WhenMissing,
};
use tenant_reseller_operator::bss::port::{Keys, Mode, Promises, Strength, Unseen, WriteOperation};
use tenant_reseller_operator::upgrade::Pace;

use super::aim::Aim;
use super::clockwork::Rng;
use super::core::{Cluster, Core};
use super::etcd::Etcd;
use super::faults::{BEGINNINGS, Beginning, Drawn, Fault, Faults};
use super::people::People;
use support::sample;
use support::simulated_bss::{Action, World};

/// `limits.settleSeconds` of every connection here.
pub(crate) const SETTLE: Duration = Duration::from_secs(120);

/// `limits.orderSettleSeconds` of every connection here.
pub(crate) const ORDER_SETTLE: Duration = Duration::from_secs(7_200);

/// How a run ends when all goes as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The reseller is a tenant reseller.
    Upgraded,
    /// Nothing was done, because the connection does not accept a risk.
    Refused,
}

/// What a run begins with.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) world: World,
    pub(crate) risks: BTreeSet<Risk>,
    pub(crate) processes: usize,
    pub(crate) faults: Vec<Fault>,
    /// The call before which none of them fires.
    pub(crate) quiet_until: Option<Beginning>,
    /// What goes wrong, and nothing else; as chance wants it if this is not told.
    pub(crate) told: Option<Vec<Drawn>>,
    /// How many of them fire at most.
    pub(crate) budget: u32,
    pub(crate) pace: Pace,
    pub(crate) looks: (Duration, Duration),
    /// What people do, whatever status says, when so many calls were made.
    pub(crate) script: Vec<(u64, Action)>,
    /// What people do in the moment of the switch, one action each time it is asked for.
    pub(crate) at_switch: Vec<Action>,
    /// A person suspends the upgrade at this call, and no watch shows it for minutes.
    pub(crate) suspends_unseen: Option<u64>,
    /// Another upgrade of the same reseller is there from the beginning, by this name.
    pub(crate) rival: Option<&'static str>,
    /// Another upgrade of the same reseller is there from the beginning, in this namespace, with a
    /// connection of its own to the same BSS.
    pub(crate) neighbour: Option<&'static str>,
    /// What the upgrade says of customers without pricing options.
    pub(crate) pricing: PricingPolicy,
    /// The pricing options that are declared.
    pub(crate) declared: Vec<DeclaredPricing>,
    /// The reseller buys in the very moment of the switch.
    pub(crate) buys_at_switch: bool,
    /// The reseller orders as soon as everything is copied.
    pub(crate) orders_before_switch: bool,
}

/// Every promise kept.
pub(crate) const STRONG: Promises = Promises {
    keys: Keys::Unique,
    epochs: Strength::Strong,
    revision: Strength::Strong,
    compares: Strength::Strong,
    orders: Strength::Strong,
    off_guard: Strength::Strong,
    items: Strength::Strong,
};

/// Makes promises weak.
pub(crate) type Weaken = fn(&mut Promises);

/// The promises, each weak alone.
pub(crate) fn weakened() -> Vec<(&'static str, Weaken)> {
    vec![
        ("keys", |p| p.keys = Keys::Findable),
        ("keys None", |p| p.keys = Keys::None),
        ("epochs", |p| p.epochs = Strength::Weak),
        ("revision", |p| p.revision = Strength::Weak),
        ("compares", |p| p.compares = Strength::Weak),
        ("orders", |p| p.orders = Strength::Weak),
        ("offGuard", |p| p.off_guard = Strength::Weak),
    ]
}

impl Scenario {
    /// Without faults and without people who act unasked.
    pub(crate) fn plain(world: World) -> Self {
        Self {
            seed: 1,
            world,
            risks: BTreeSet::new(),
            processes: 1,
            faults: Vec::new(),
            quiet_until: None,
            told: None,
            budget: 0,
            pace: Pace {
                poll: Duration::from_secs(5),
                recheck: Duration::from_mins(5),
                watch: second_look(Duration::from_secs(5)),
            },
            looks: (Duration::from_secs(20), Duration::from_mins(3)),
            script: Vec::new(),
            at_switch: Vec::new(),
            suspends_unseen: None,
            rival: None,
            neighbour: None,
            pricing: PricingPolicy::default(),
            declared: Vec::new(),
            buys_at_switch: false,
            orders_before_switch: false,
        }
    }

    /// What a seed stands for: a small reseller, a BSS strong or weak, faults alone, in pairs or all.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut world = super::actions::world(&mut rng);
        let mut promises = STRONG;
        let weak = weakened();
        let weaknesses = [0, 0, 0, 1, 1, 2][usize::try_from(rng.below(6)).unwrap()];
        for _ in 0..weaknesses {
            rng.one_of(&weak).1(&mut promises);
        }
        world.switches.promises = promises;
        super::actions::weaken_further(&mut world, &mut rng);
        let all_risks = BTreeSet::from([
            Risk::UnguardedSwitch,
            Risk::SingleOperator,
            Risk::UnseenOrders,
        ]);
        // A risk is accepted, or the operator refuses or waits with ordering frozen.
        let risks = if rng.below(4) < 3 {
            all_risks
        } else {
            BTreeSet::new()
        };
        let faults = match rng.below(10) {
            0 => Vec::new(),
            1..4 => vec![*rng.one_of(Fault::ALL)],
            4..7 => vec![*rng.one_of(Fault::ALL), *rng.one_of(Fault::ALL)],
            _ => Fault::ALL.to_vec(),
        };
        let faults = faults
            .into_iter()
            .filter(|fault| allowed(*fault, promises))
            .collect();
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        // Who waits for weeks looks rarely; poll, recheck, and how soon people look again.
        let tempo = *rng.one_of(&[
            (second * 5, second * 300, second * 5, second * 120),
            (second * 120, second * 900, second * 60, hour * 6),
            (hour * 6, hour * 12, hour * 24, hour * 24 * 21),
        ]);
        let processes = 1 + usize::try_from(rng.below(2)).unwrap();
        let quiet_until = (!rng.once_in(4)).then(|| Beginning {
            call: rng.one_of::<&str>(&BEGINNINGS),
            stage: None,
        });
        let mut pricing = PricingPolicy::default();
        if rng.once_in(3) {
            pricing = the_default();
        }
        let mut options = Vec::new();
        if rng.once_in(4) {
            options.push(declared("c000"));
        }
        let mut scenario = Self {
            seed,
            world,
            risks,
            processes,
            faults,
            quiet_until,
            told: None,
            budget: 3 + u32::try_from(rng.below(14)).unwrap(),
            pace: Pace {
                poll: tempo.0,
                recheck: tempo.1,
                watch: second_look(tempo.0),
            },
            looks: (tempo.2, tempo.3),
            script: Vec::new(),
            at_switch: Vec::new(),
            suspends_unseen: None,
            rival: None,
            neighbour: None,
            pricing,
            declared: options,
            buys_at_switch: rng.once_in(8),
            orders_before_switch: rng.once_in(8),
        };
        if let Some(aim) = Aim::of(seed) {
            scenario.quiet_until = aim.beginning;
            scenario.faults = aim.faults();
            let fits = |fault: &Fault| allowed(*fault, promises);
            scenario.faults.retain(fits);
        }
        scenario
    }

    /// What a seed stands for where people are at the screens: the act that copies and switches is theirs,
    /// and so is most of the rest. The BSS shows less than the contract has members for.
    pub(crate) fn at_the_screens(seed: u64) -> Self {
        let mut scenario = Self::of(seed);
        let mut rng = Rng::new(seed ^ 0x05c7_ee45);
        let switches = &mut scenario.world.switches;
        let automatic = rng.once_in(3);
        for operation in WriteOperation::ALL {
            let mode = if automatic && rng.once_in(2) {
                Mode::Automatic
            } else {
                Mode::ManualStep
            };
            switches.modes.insert(operation, mode);
        }
        let (copy, press) = (
            WriteOperation::CopySubscriptions,
            WriteOperation::ActivateBackOrdering,
        );
        switches.modes.insert(copy, Mode::WithSwitch);
        switches.modes.insert(press, Mode::ManualStep);
        if !automatic && rng.once_in(2) {
            switches.promises.keys = Keys::None;
        }
        if rng.once_in(2) {
            switches.promises.items = Strength::Weak;
        }
        let facts = [
            Unseen::PriceList,
            Unseen::Language,
            Unseen::TimeZone,
            Unseen::TenantCurrency,
            Unseen::PurchaseMark,
            Unseen::PricingOptions,
        ];
        switches.unseen = facts.into_iter().filter(|_| rng.once_in(3)).collect();
        if switches.modes[&WriteOperation::CopyCustomers] == Mode::ManualStep && rng.once_in(3) {
            switches.unseen.insert(Unseen::CustomerMark);
        }
        // An accepted risk of a weak switch is not what these runs are about.
        if rng.once_in(2) {
            scenario.risks.remove(&Risk::UnguardedSwitch);
        }
        scenario
    }

    /// What a seed stands for, with these promises, risks and faults.
    pub(crate) fn with(
        seed: u64,
        promises: Promises,
        risks: BTreeSet<Risk>,
        faults: &[Fault],
    ) -> Self {
        let mut scenario = Self::of(seed);
        let switches = &mut scenario.world.switches;
        switches.promises = promises;
        // What needs a weak promise besides.
        let revision = promises.revision == Strength::Weak;
        let lags = revision && promises.keys == Keys::Findable;
        switches.offset_paging &= revision && promises.compares == Strength::Weak;
        if !revision {
            switches.listing_lag = Duration::ZERO;
        }
        switches.lag = switches.lag.min(if lags { SETTLE } else { Duration::ZERO });
        let faults = faults.iter().copied();
        scenario.faults = faults.filter(|fault| allowed(*fault, promises)).collect();
        scenario.risks = risks;
        scenario
    }

    /// The world as the run finds it.
    pub(crate) fn begin(&self, traced: bool) -> Core {
        let rng = Rng::new(self.seed.wrapping_mul(0x1_0000_0001));
        let faults = Faults::new(
            self.faults.clone(),
            Rng::new(self.seed ^ 0xfa17),
            self.budget,
        )
        .quiet_until(self.quiet_until)
        .told(self.told.as_ref());
        let mut etcd = Etcd {
            lives: "uid".to_owned(),
            ..Etcd::default()
        };
        etcd.put_connection(connection(&self.risks));
        let place = ("resellers".to_owned(), "credentials".to_owned());
        etcd.secrets.insert(place, "simulated-token".to_owned());
        let mut manifest = sample::applied();
        manifest.spec.pricing = self.pricing.clone();
        etcd.declare(&manifest, &self.declared);
        etcd.apply(manifest.clone());
        if let Some(name) = self.rival {
            let mut rival = manifest.clone();
            rival.metadata.name = Some(name.to_owned());
            etcd.apply(rival);
        }
        if let Some(namespace) = self.neighbour {
            let mut own = connection(&self.risks);
            own.metadata.namespace = Some(namespace.to_owned());
            etcd.put_connection(own);
            let place = (namespace.to_owned(), "credentials".to_owned());
            etcd.secrets.insert(place, "simulated-token".to_owned());
            let mut neighbour = manifest.clone();
            neighbour.metadata.namespace = Some(namespace.to_owned());
            etcd.apply(neighbour);
        }
        let people = People {
            neighbour: self.neighbour,
            looks: self.looks,
            manifests: BTreeMap::from([(0, manifest)]),
            took_over: false,
            took_tenant: false,
            holds: false,
            ending: self.ending(),
        };
        let mut core = Core::new(self.world.clone(), rng, (faults, people), traced);
        core.script.clone_from(&self.script);
        core.suspends_unseen = self.suspends_unseen;
        core.at_switch = self.at_switch.iter().cloned().collect();
        core.buys_at_switch = self.buys_at_switch;
        core.orders_before_switch = self.orders_before_switch;
        core.risks.clone_from(&self.risks);
        core.clusters.push(Cluster {
            etcd,
            installation: "installation-0".to_owned(),
            holder: None,
            snapshot: None,
            restores: 0,
        });
        for _ in 0..self.processes {
            core.starts_due.push(0);
        }
        core.people_look();
        core
    }

    fn ending(&self) -> Ending {
        let unfenced = self.world.switches.promises.epochs == Strength::Weak;
        // Without keys people do what would be sent under one.
        let keyless = self.world.switches.promises.keys == Keys::None;
        let sent = |operation: &WriteOperation| {
            !keyless
                || matches!(
                    operation,
                    WriteOperation::SetPricing | WriteOperation::ActivateBackOrdering
                )
        };
        let mut modes = self.world.switches.modes.iter();
        let writes = modes.any(|(operation, mode)| *mode == Mode::Automatic && sent(operation));
        // Where the operator writes nothing, nothing has to be fenced.
        if unfenced && writes && !self.risks.contains(&Risk::SingleOperator) {
            Ending::Refused
        } else {
            Ending::Upgraded
        }
    }
}

/// How often a cheap look is taken: no more often than anything else where everything is slow.
fn second_look(poll: Duration) -> Duration {
    poll.max(Duration::from_secs(30))
}

/// What a promise excludes, or what a risk is about: with it, the run would prove nothing.
fn allowed(fault: Fault, promises: Promises) -> bool {
    let fenced = promises.epochs == Strength::Strong;
    match fault {
        // The risk says that there is one operator per BSS: no second one, and none that comes back after a pause.
        Fault::TwoLeaders | Fault::AnotherCluster | Fault::Paused => fenced,
        // A proxy that repeats what it was sent once is what unique keys are for.
        Fault::BssRequestTwice => promises.keys == Keys::Unique && fenced,
        _ => true,
    }
}

fn first_of_the_month() -> Billing {
    Billing {
        day: Some(1),
        anchor: None,
    }
}

/// The operator sets the same options for every customer that has none.
pub(crate) fn the_default() -> PricingPolicy {
    PricingPolicy {
        when_missing: WhenMissing::UseDefault,
        default: Some(PricingDefault {
            price_list: "PL-RETAIL".to_owned(),
            billing: first_of_the_month(),
            payment_method: "Invoice".to_owned(),
            invoicing: Invoicing::Combined,
        }),
    }
}

/// Options that are declared for a customer.
pub(crate) fn declared(customer: &str) -> DeclaredPricing {
    DeclaredPricing {
        account_id: customer.to_owned(),
        price_list: "PL-RETAIL".to_owned(),
        billing: first_of_the_month(),
        payment_method: "DirectDebit".to_owned(),
        invoicing: Invoicing::Separate,
        credit_limit: Some("5000.00".to_owned()),
    }
}

fn connection(risks: &BTreeSet<Risk>) -> BssConnection {
    let mut connection = BssConnection::new(
        "distributor",
        BssConnectionSpec {
            identity: "acme".to_owned(),
            reference: Some(ReferenceAdapter {
                url: "https://bss.example".to_owned(),
            }),
            interworks: None,
            auth: Auth {
                bearer: Some(BearerAuth {
                    secret_ref: SecretRef {
                        name: "credentials".to_owned(),
                    },
                }),
                oauth2_client_credentials: None,
                oauth2_password: None,
            },
            tls: None,
            limits: ConnectionLimits {
                settle_seconds: i32::try_from(SETTLE.as_secs()).unwrap(),
                order_settle_seconds: i32::try_from(ORDER_SETTLE.as_secs()).unwrap(),
                ..ConnectionLimits::default()
            },
            accepted_risks: risks.iter().copied().collect(),
        },
    );
    connection.metadata.namespace = Some("resellers".to_owned());
    connection
}
