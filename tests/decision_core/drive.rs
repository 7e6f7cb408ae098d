//! Drives the decision core over the simulated BSS: decide, record, perform, observe, with faults.

use std::time::Duration;

use tenant_reseller_operator::api::{
    CustomerPricing, Reason, ResellerClaimSpec, TenantResellerUpgrade, TenantResellerUpgradeStatus,
};
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    CopyListing, CopyRecord, CopyState, Epoch, ItemKind, ResellerKind, TenantId,
};
use tenant_reseller_operator::upgrade::{
    ClaimEdit, Draft, Effect, Known, Next, Now, Outcome, Pace, SweepCall, Terms, ValidUpgrade,
    compose, validate,
};

use support::calls::{self, Call, Reply, UnderWay};
use support::driver::{self, Driven};
use support::simulated_bss::{RESELLER, World};
use support::{kstatus, sample};

/// What may go wrong with one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The effect happens, the reply is lost.
    LostReply,
    /// Nothing happens.
    Unavailable,
    Throttled,
    /// The effect happens, then the operator dies.
    KilledAfter,
    /// The operator dies before the effect.
    KilledBefore,
    /// The reply is lost; the request takes effect a minute later.
    Late,
    /// The operator dies; the request takes effect a minute later.
    KilledLate,
}

pub(crate) fn upgrade() -> TenantResellerUpgrade {
    let mut upgrade = sample::stored();
    upgrade.spec.reseller.account_id = format!(" {RESELLER} ");
    upgrade
}

pub(crate) fn valid_with(
    pricing: Vec<CustomerPricing>,
    upgrade: &TenantResellerUpgrade,
) -> ValidUpgrade {
    let pace = Pace {
        poll: Duration::from_secs(5),
        recheck: Duration::from_secs(60),
        // As rare as the look at everything: none is taken.
        watch: Duration::from_secs(60),
    };
    let mut references = sample::references(pace, Terms::default());
    references.pricing = pricing;
    validate(upgrade, &references).unwrap()
}

/// The operator of one upgrade, without cluster and network.
pub(crate) struct Driver {
    pub(crate) valid: ValidUpgrade,
    pub(crate) known: Known,
    /// Processes so far.
    lives: u32,
    pub(crate) claim: Option<ResellerClaimSpec>,
    pub(crate) status: TenantResellerUpgradeStatus,
    pub(crate) clock: Duration,
    /// Effects in the order in which they were begun, by name.
    pub(crate) trace: Vec<&'static str>,
    pub(crate) statuses: Vec<TenantResellerUpgradeStatus>,
    /// Requests on their way, with the time at which they take effect and their epoch.
    pub(crate) late: Vec<(Duration, Effect, Option<Epoch>)>,
    /// What the operator itself did against its rules; must stay empty.
    pub(crate) violations: Vec<String>,
    /// Calls of the BSS.
    pub(crate) calls: u64,
    /// Which of them, by their number, is refused.
    pub(crate) refuse: Box<dyn FnMut(u64) -> Option<BssError>>,
}

impl Driven for Driver {
    fn known(&self) -> &Known {
        &self.known
    }

    fn now(&self) -> Now {
        driver::at(self.clock)
    }

    fn edit(&mut self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known);
    }
}

impl Driver {
    pub(crate) fn new() -> Self {
        let upgrade = upgrade();
        Self {
            valid: valid_with(Vec::new(), &upgrade),
            known: Known::new([], "first.0".into()),
            lives: 1,
            claim: None,
            status: TenantResellerUpgradeStatus::default(),
            clock: Duration::ZERO,
            trace: Vec::new(),
            statuses: Vec::new(),
            late: Vec::new(),
            violations: Vec::new(),
            calls: 0,
            refuse: Box::new(|_| None),
        }
    }

    pub(crate) fn now(&self) -> Now {
        driver::at(self.clock)
    }

    /// Takes the claim, as the first edit does.
    pub(crate) fn upgrade_claim(&mut self) {
        self.edit_record(&ClaimEdit::Take);
    }

    pub(crate) fn kill(&mut self) {
        self.lives += 1;
        let acquisition = format!("life-{}.0", self.lives);
        self.known = Known::new([], acquisition.into());
    }

    pub(crate) fn reason(&self) -> Reason {
        self.decide(&self.valid).state.reason
    }

    /// One decision and its effect; answers whether the upgrade is done.
    pub(crate) fn step(&mut self, world: &mut World, fault: Fault) -> bool {
        world.now = self.clock;
        let due: Vec<_> = {
            let clock = self.clock;
            let (due, later) = std::mem::take(&mut self.late)
                .into_iter()
                .partition(|(at, _, _)| *at <= clock);
            self.late = later;
            due
        };
        for (_, effect, epoch) in due {
            let _unheard = self.send(world, (effect, epoch), None);
        }
        let decision = self.decide(&self.valid);
        self.show(
            &decision.state,
            match decision.next {
                Next::After(wait) | Next::Watch { look: wait, .. } => Some(wait),
                Next::AfterEffect | Next::OnChange => None,
            },
        );
        let Some(effect) = decision.effect else {
            match decision.next {
                Next::After(wait) | Next::Watch { again: wait, .. } => {
                    assert!(!wait.is_zero(), "a wait of nothing would spin");
                    self.clock += wait;
                }
                Next::OnChange => return decision.state.reason == Reason::Succeeded,
                Next::AfterEffect => panic!("waits for an effect that is not there"),
            }
            return false;
        };
        self.clock += Duration::from_millis(10);
        self.trace.push(name(&effect));
        if fault == Fault::KilledBefore {
            self.kill();
            return false;
        }
        let outcomes = self.perform(world, effect, fault);
        if matches!(fault, Fault::KilledAfter | Fault::KilledLate) {
            self.kill();
            return false;
        }
        let valid = self.valid.clone();
        self.observe(&valid, outcomes);
        false
    }

    fn show(
        &mut self,
        state: &tenant_reseller_operator::upgrade::ReadyState,
        wait: Option<Duration>,
    ) {
        let draft = Draft {
            generation: 1,
            known: Some(&self.known),
            claim: self.known.fencing.claim.as_ref(),
            state,
            next_attempt: wait,
            handled: None,
            identity: Some("acme"),
        };
        let status = compose(&self.status, draft, self.now());
        if status != self.status {
            let object = serde_json::json!({ "metadata": { "generation": 1 }, "status": status });
            kstatus::assert_state(&object);
            self.status = status;
            self.statuses.push(self.status.clone());
        }
    }

    /// Every call of an effect and what it comes to; with no answer given, the world answers.
    fn send(
        &mut self,
        world: &mut World,
        (effect, epoch): (Effect, Option<Epoch>),
        instead: Option<fn() -> Reply>,
    ) -> Vec<Outcome> {
        let tenant = world.live_tenant_id().unwrap_or_else(|| "none".into());
        let mut under_way = UnderWay::begin(effect, Some(tenant.clone()));
        while let Some(call) = under_way.due() {
            let reply = match instead {
                Some(reply) => reply(),
                None => self.carry(world, call, (epoch, &tenant)),
            };
            let valid = self.valid.clone();
            self.answered(&valid, &mut under_way, reply);
        }
        under_way.outcomes()
    }

    /// One call, unless it is refused on its way.
    fn carry(
        &mut self,
        world: &mut World,
        call: &Call,
        (epoch, tenant): (Option<Epoch>, &TenantId),
    ) -> Reply {
        self.calls += 1;
        match (self.refuse)(self.calls) {
            Some(error) => Err(error),
            None => calls::carried(world, call, (epoch, Some(tenant))),
        }
    }

    fn edit_record(&mut self, edit: &ClaimEdit) -> Outcome {
        let now = self.now();
        driver::edit_record(&self.valid, &mut self.claim, edit, now)
    }

    fn perform(&mut self, world: &mut World, effect: Effect, fault: Fault) -> Vec<Outcome> {
        if let Effect::Claim(edit) = &effect {
            return vec![self.edit_record(edit)];
        }
        let epoch = self.known.fencing.epoch;
        match fault {
            Fault::Unavailable => {
                return self.send(world, (effect, epoch), Some(calls::unavailable));
            }
            Fault::Throttled => return self.send(world, (effect, epoch), Some(throttled)),
            Fault::None
            | Fault::LostReply
            | Fault::KilledAfter
            | Fault::KilledBefore
            | Fault::Late
            | Fault::KilledLate => {}
        }
        self.intent_first(&effect);
        if matches!(fault, Fault::Late | Fault::KilledLate) && !reads(&effect) {
            let at = self.clock + Duration::from_mins(1);
            self.late.push((at, effect.clone(), epoch));
        } else {
            let done = self.send(world, (effect.clone(), epoch), None);
            if !matches!(fault, Fault::LostReply | Fault::Late) {
                return done;
            }
        }
        self.send(world, (effect, epoch), Some(calls::lost))
    }

    /// An effect that must not be repeated blindly is on record before it goes out.
    fn intent_first(&mut self, effect: &Effect) {
        let recorded = self.claim.as_ref().is_some_and(|claim| match effect {
            Effect::CreateTenant(create) => create.is_recorded(claim),
            Effect::Activate(activate) => activate.is_recorded(claim),
            Effect::Acquire { id, .. } => {
                let last = claim.acquisitions.last();
                last.is_some_and(|last| last.id == id.as_str() && last.epoch.is_none())
            }
            Effect::Sweep(calls) => {
                let strategy = self.known.bss.strategy.as_ref();
                let recorded = |call: &SweepCall| {
                    strategy.is_some_and(|strategy| call.is_recorded(strategy, claim))
                };
                calls.iter().all(recorded)
            }
            Effect::SetPricing(_) | Effect::Read(_) | Effect::Claim(_) => true,
        });
        let recorded = recorded || reads(effect);
        if !recorded {
            let violation = format!("{} before its record", name(effect));
            self.violations.push(violation);
        }
    }
}

fn throttled() -> Reply {
    Err(BssError::Throttled {
        after: Some(Duration::from_secs(3)),
    })
}

/// Runs until the named effect is next.
pub(crate) fn until(mut world: World, wanted: &str) -> (World, Driver) {
    let mut driver = Driver::new();
    for _ in 0..500 {
        let next = driver.decide(&driver.valid).effect;
        if next.as_ref().is_some_and(|effect| name(effect) == wanted) {
            return (world, driver);
        }
        driver.step(&mut world, Fault::None);
    }
    panic!("never came to {wanted}");
}

pub(crate) fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Read(_) => "read",
        Effect::Sweep(_) => match copied_by(effect) {
            None => "read",
            Some(CopyListing::Customers) => "copy customers",
            Some(CopyListing::Subscriptions) => "copy subscriptions",
        },
        Effect::Claim(ClaimEdit::Take) => "claim: take",
        Effect::Claim(_) => "claim",
        Effect::Acquire { .. } => "acquire",
        Effect::SetPricing(_) => "set pricing",
        Effect::CreateTenant(_) => "create tenant",
        Effect::Activate(_) => "activate",
    }
}

/// What an effect copies, if it copies.
pub(crate) fn copied_by(effect: &Effect) -> Option<CopyListing> {
    let Effect::Sweep(calls) = effect else {
        return None;
    };
    calls.iter().find_map(|call| match call {
        SweepCall::Copy(listing, _) => Some(*listing),
        _ => None,
    })
}

/// Whether an effect reads a page.
pub(crate) fn reads_a_page(effect: &Effect) -> bool {
    let page = |call: &SweepCall| matches!(call, SweepCall::Sources(..) | SweepCall::Copies(..));
    matches!(effect, Effect::Sweep(calls) if calls.iter().any(page))
}

/// Whether an effect only reads.
pub(crate) fn reads(effect: &Effect) -> bool {
    matches!(effect, Effect::Read(_) | Effect::Sweep(_)) && copied_by(effect).is_none()
}

/// Runs until done; people act through `meddle`, called before each step.
pub(crate) fn run(
    world: &mut World,
    driver: &mut Driver,
    mut fault: impl FnMut(usize) -> Fault,
    mut meddle: impl FnMut(usize, &mut World, &mut Driver),
) -> bool {
    for step in 0..3_000 {
        meddle(step, world, driver);
        let done = driver.step(world, fault(step));
        let mut violations = world.violations_now();
        violations.append(&mut driver.violations);
        assert!(violations.is_empty(), "step {step}: {violations:?}");
        if done {
            return true;
        }
    }
    false
}

pub(crate) fn complete(world: &World) {
    assert!(world.on, "back ordering is on");
    assert_eq!(world.kind, ResellerKind::Tenant);
    assert_eq!((world.tenants.len(), world.activations), (1, 1));
    let copies = world.copy_records();
    for (id, _) in world.eligible() {
        let in_use = |copy: &&(ItemKind, CopyRecord)| {
            copy.1.source == *id && copy.1.state != CopyState::Ended
        };
        let count = copies.iter().filter(in_use).count();
        assert_eq!(count, 1, "{id} has {count} copies");
    }
    assert_eq!(world.ledgers(2), Vec::<String>::new());
}
