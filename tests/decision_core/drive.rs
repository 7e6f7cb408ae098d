//! Drives the decision core over the simulated BSS: decide, record, perform, observe, with faults.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use tenant_reseller_operator::api::{
    ClaimHolder, ConnectionKind, ConnectionRef, CustomerPricing, Invoicing, PricingPolicy, Reason,
    ResellerClaimSpec, ResellerRef, TenantResellerUpgrade, TenantResellerUpgradeSpec,
    TenantResellerUpgradeStatus, TenantSpec,
};
use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, ActivationTarget, CheckTarget, CopyListing, Epoch, SourceId, TenantId,
    WriteOperation,
};
use tenant_reseller_operator::upgrade::{
    Answered, Attempted, ClaimEdit, Copying, CreateTenant, Draft, Effect, Executor, Holding, Known,
    Next, Now, Outcome, Pace, Pages, PagesRequest, PreflightRequest, Read, References,
    TenantConnection, Terms, ValidUpgrade, Write, apply_claim_edit, compose, decide, observe_all,
    validate,
};

use crate::kstatus;
use crate::simulated_bss::World;

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
    let mut upgrade = TenantResellerUpgrade::new(
        "contoso",
        TenantResellerUpgradeSpec {
            connection_ref: ConnectionRef {
                kind: ConnectionKind::BssConnection,
                name: "distributor".to_owned(),
            },
            reseller: ResellerRef {
                account_id: " 10423 ".to_owned(),
                expected_name: None,
            },
            tenant: TenantSpec {
                price_list: "PL".to_owned(),
                edition: "Premium".to_owned(),
                language: "en-GB".to_owned(),
                time_zone: "Europe/Athens".to_owned(),
                date_format: "dd/MM/yyyy".to_owned(),
                invoicing: Invoicing::Combined,
            },
            tenant_connection_ref: None,
            pricing: PricingPolicy::default(),
            suspend: false,
            confirmed_copies: Vec::new(),
        },
    );
    upgrade.metadata.namespace = Some("resellers".to_owned());
    upgrade.metadata.uid = Some("uid-1".to_owned());
    upgrade.metadata.generation = Some(1);
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
    let references = References {
        terms: Terms::default(),
        tenant_connection: TenantConnection::NotNamed,
        identity: "acme".to_owned(),
        pricing,
        pace,
    };
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
        let wall = Timestamp::from_second(1_800_000_000).unwrap();
        Now {
            wall: wall
                .checked_add(jiff::SignedDuration::try_from(self.clock).unwrap())
                .unwrap(),
            monotonic: self.clock,
        }
    }

    /// Takes the claim, as the first edit does.
    pub(crate) fn upgrade_claim(&mut self) {
        self.edit(&ClaimEdit::Take);
    }

    pub(crate) fn kill(&mut self) {
        self.lives += 1;
        let acquisition = format!("life-{}.0", self.lives);
        self.known = Known::new([], acquisition.into());
    }

    pub(crate) fn reason(&self) -> Reason {
        decide(&self.valid, &self.known, self.now()).state.reason
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
            let _nobody_hears = reach(&mut self.line(world), effect, epoch);
        }
        let decision = decide(&self.valid, &self.known, self.now());
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
        let now = self.now();
        observe_all(&self.valid, &mut self.known, outcomes, now);
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

    fn line<'a>(&'a mut self, world: &'a mut World) -> Line<'a> {
        Line {
            world,
            calls: &mut self.calls,
            refuse: &mut *self.refuse,
        }
    }

    fn edit(&mut self, edit: &ClaimEdit) -> Outcome {
        let spec = self.claim.clone().unwrap_or_else(|| {
            let holder = ClaimHolder {
                namespace: "resellers".to_owned(),
                name: "contoso".to_owned(),
                uid: "uid-1".to_owned(),
            };
            ResellerClaimSpec::new("acme".to_owned(), "10423".to_owned(), holder)
        });
        let next = apply_claim_edit(edit, &spec, self.now().wall);
        self.claim = Some(next.clone());
        Outcome::Claim(Holding::Ours(Box::new(next)))
    }

    fn perform(&mut self, world: &mut World, effect: Effect, fault: Fault) -> Vec<Outcome> {
        if let Effect::Claim(edit) = &effect {
            return vec![self.edit(edit)];
        }
        let attempted = attempted(&effect);
        let error = match fault {
            Fault::Unavailable => Some(BssError::Unavailable {
                detail: "away".to_owned(),
            }),
            Fault::Throttled => Some(BssError::Throttled {
                after: Some(Duration::from_secs(3)),
            }),
            Fault::None
            | Fault::LostReply
            | Fault::KilledAfter
            | Fault::KilledBefore
            | Fault::Late
            | Fault::KilledLate => None,
        };
        if let Some(error) = error {
            return vec![Outcome::Failed { attempted, error }];
        }
        self.intent_first(&effect);
        let lost = BssError::OutcomeUnknown {
            detail: "reply lost".to_owned(),
        };
        let sources = sources(&effect);
        let epoch = self.known.fencing.epoch;
        if matches!(fault, Fault::Late | Fault::KilledLate) && !matches!(effect, Effect::Read(_)) {
            let at = self.clock + Duration::from_mins(1);
            self.late.push((at, effect, epoch));
        } else {
            let done = reach(&mut self.line(world), effect, epoch);
            if !matches!(fault, Fault::LostReply | Fault::Late) {
                return done;
            }
        }
        match sources {
            Some(batches) => batches
                .into_iter()
                .map(|sources| Outcome::CopyOutcomeUnknown {
                    sources,
                    error: lost.clone(),
                })
                .collect(),
            None => vec![Outcome::Failed {
                attempted,
                error: lost,
            }],
        }
    }

    /// An effect that must not be repeated blindly is on record before it goes out.
    fn intent_first(&mut self, effect: &Effect) {
        let intents = self.claim.as_ref().map(|claim| &claim.intents);
        let recorded = match effect {
            Effect::CreateTenant(create) => intents
                .and_then(|i| i.create_tenant.as_ref())
                .is_some_and(|i| i.settings_digest == create.digest),
            Effect::Activate(activate) => intents
                .and_then(|i| i.activate.as_ref())
                .is_some_and(|i| i.inventory_digest == activate.sweep().digest()),
            Effect::Acquire { id, .. } => self.claim.as_ref().is_some_and(|claim| {
                let last = claim.acquisitions.last();
                last.is_some_and(|last| last.id == id.as_str() && last.epoch.is_none())
            }),
            Effect::Write(Write::CopyCustomers(batches) | Write::CopySubscriptions(batches)) => {
                let strategy = self.known.bss.strategy.as_ref();
                let guarded = strategy.is_some_and(|strategy| strategy.copying == Copying::Guarded);
                let on_record = intents
                    .and_then(|i| i.copies.as_ref())
                    .map_or(&[][..], |i| &i.source_ids);
                let customers = matches!(effect, Effect::Write(Write::CopyCustomers(_)));
                let operation = if customers {
                    WriteOperation::CopyCustomers
                } else {
                    WriteOperation::CopySubscriptions
                };
                let asks_how =
                    strategy.is_some_and(|strategy| strategy.executor(operation) != Executor::Bss);
                guarded
                    || asks_how
                    || batches
                        .iter()
                        .flatten()
                        .all(|item| on_record.contains(&item.source.0))
            }
            Effect::Read(_) | Effect::Claim(_) | Effect::Write(Write::SetPricing(_)) => true,
        };
        if !recorded {
            let violation = format!("{} before its record", name(effect));
            self.violations.push(violation);
        }
    }
}

/// What reaches the BSS: the world, and what comes of each single call.
pub(crate) struct Line<'a> {
    world: &'a mut World,
    calls: &'a mut u64,
    refuse: &'a mut dyn FnMut(u64) -> Option<BssError>,
}

impl Line<'_> {
    /// One call, unless it is refused on its way.
    fn call<R>(&mut self, answer: impl FnOnce(&mut World) -> BssResult<R>) -> BssResult<R> {
        *self.calls += 1;
        match (self.refuse)(*self.calls) {
            Some(error) => Err(error),
            None => answer(self.world),
        }
    }
}

fn settled(answer: BssResult<Outcome>, attempted: Attempted) -> Outcome {
    answer.unwrap_or_else(|error| Outcome::Failed { attempted, error })
}

fn read(line: &mut Line<'_>, read: Read) -> Vec<Outcome> {
    let account = AccountId::from("10423");
    let tenant = line.world.live_tenant_id().unwrap_or_else(|| "none".into());
    let (account, tenant) = (&account, &tenant);
    let attempted = attempted(&Effect::Read(read.clone()));
    let one = match read {
        Read::Identity => line.call(World::identity).map(Outcome::Identity),
        Read::Capabilities => line.call(World::capabilities).map(Outcome::Capabilities),
        Read::Reseller => line.call(|world| world.reseller(account).map(Outcome::Reseller)),
        Read::Tenant => line.call(|world| world.tenant(account).map(Outcome::Tenant)),
        Read::Operation(id) => line.call(|world| world.operation(&id).map(Outcome::Operation)),
        Read::OpenOrders(page) => line.call(|world| {
            let orders = world.open_orders(account, &page);
            orders.map(Outcome::OpenOrders)
        }),
        Read::Pages(wanted) => return pages(line, (account, tenant), wanted),
        Read::Inspect(calls) => {
            let target = calls.target;
            let priced = calls.pricing.into_iter().map(|asked| {
                let answers = line.call(|world| world.pricing(tenant, &asked));
                answers.map(|answers| Outcome::Priced(Answered { asked, answers }))
            });
            let mut all: Vec<BssResult<Outcome>> = priced.collect();
            all.extend(calls.checks.into_iter().map(|asked| {
                let answers = line.call(|world| world.check(account, &target, &asked));
                answers.map(|answers| Outcome::Checked(Answered { asked, answers }))
            }));
            return all.into_iter().map(|one| settled(one, attempted)).collect();
        }
        Read::Find(batches) => {
            let found = batches.into_iter().map(|asked| {
                let found = line.call(|world| world.find(tenant, &asked));
                settled(
                    found.map(|found| Outcome::Found { asked, found }),
                    attempted,
                )
            });
            return found.collect();
        }
        Read::Watch(cheap) => {
            let answers = self::read(line, *cheap);
            for answer in &answers {
                if let Outcome::Failed { error, .. } = answer {
                    let (attempted, error) = (Attempted::Watch, error.clone());
                    return vec![Outcome::Failed { attempted, error }];
                }
            }
            let mut hasher = DefaultHasher::new();
            answers.hash(&mut hasher);
            return vec![Outcome::Watched(hasher.finish())];
        }
        Read::Preflight(PreflightRequest::Page(page)) => line.call(|world| {
            let page = world.subscriptions(account, &page);
            page.map(Outcome::PreflightPage)
        }),
        Read::Preflight(PreflightRequest::Checks {
            price_list,
            batches,
        }) => {
            let target = CheckTarget::PriceList(price_list);
            let checked = batches.into_iter().map(|asked| {
                let answers = line.call(|world| world.check(account, &target, &asked));
                let checked = answers.map(|answers| Answered { asked, answers });
                settled(checked.map(Outcome::PreflightChecks), attempted)
            });
            return checked.collect();
        }
    };
    vec![settled(one, attempted)]
}

/// Both sides; one that answers is known although the other does not.
fn pages(
    line: &mut Line<'_>,
    (account, tenant): (&AccountId, &TenantId),
    wanted: PagesRequest,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut heard = |error| {
        outcomes.push(Outcome::Failed {
            attempted: Attempted::Read,
            error,
        });
    };
    let listing = wanted.listing;
    let copies = wanted
        .copies
        .map(|page| line.call(|world| world.copies(tenant, listing, &page)));
    let copies = copies.and_then(|copies| copies.map_err(&mut heard).ok());
    let source = wanted.source.as_ref();
    let pages = match listing {
        CopyListing::Customers => {
            let source = source.map(|page| line.call(|world| world.customers(account, page)));
            let source = source.and_then(|source| source.map_err(&mut heard).ok());
            Pages::Customers { source, copies }
        }
        CopyListing::Subscriptions => {
            let source = source.map(|page| line.call(|world| world.subscriptions(account, page)));
            let source = source.and_then(|source| source.map_err(&mut heard).ok());
            Pages::Purchases { source, copies }
        }
    };
    let silent = matches!(
        pages,
        Pages::Customers {
            source: None,
            copies: None
        } | Pages::Purchases {
            source: None,
            copies: None
        }
    );
    if !silent {
        outcomes.push(Outcome::Pages(pages));
    }
    outcomes
}

fn reach(line: &mut Line<'_>, effect: Effect, epoch: Option<Epoch>) -> Vec<Outcome> {
    let account = AccountId::from("10423");
    let tenant = line.world.live_tenant_id().unwrap_or_else(|| "none".into());
    let (account, tenant) = (&account, &tenant);
    let attempted = attempted(&effect);
    let one = |answer| settled(answer, attempted);
    match effect {
        Effect::Read(wanted) => read(line, wanted),
        Effect::Claim(_) => Vec::new(),
        Effect::Acquire { id, take_over } => {
            let asked = Acquisition {
                id: &id,
                holder: "cluster",
                take_over: take_over.as_deref(),
            };
            let issued = line.call(|world| world.acquire(account, asked));
            vec![one(issued.map(Outcome::Acquired))]
        }
        Effect::Write(Write::SetPricing(batches)) => batches
            .into_iter()
            .map(|batch| {
                let set = line.call(|world| world.set_pricing(epoch, tenant, &batch));
                one(set.map(Outcome::PricingSet))
            })
            .collect(),
        Effect::Write(Write::CopyCustomers(batches)) => batches
            .into_iter()
            .map(|batch| {
                let copied = line.call(|world| world.copy_customers(epoch, tenant, &batch));
                one(copied.map(Outcome::Copied))
            })
            .collect(),
        Effect::Write(Write::CopySubscriptions(batches)) => batches
            .into_iter()
            .map(|batch| {
                let copied = line.call(|world| world.copy_subscriptions(epoch, tenant, &batch));
                one(copied.map(Outcome::Copied))
            })
            .collect(),
        Effect::CreateTenant(create) => {
            let CreateTenant {
                key,
                request,
                settings,
                ..
            } = &create;
            let made =
                line.call(|world| world.create_tenant(account, epoch, request, key, settings));
            vec![one(made.map(Outcome::TenantRequested))]
        }
        Effect::Activate(activate) => {
            let target = ActivationTarget {
                tenant: activate.tenant(),
                expected: activate.sweep().revision(),
            };
            let (request, key) = (activate.request(), activate.key());
            let how = line
                .call(|world| world.activate_back_ordering(account, epoch, request, key, target));
            vec![one(how.map(Outcome::Activation))]
        }
    }
}

fn attempted(effect: &Effect) -> Attempted {
    match effect {
        Effect::Read(Read::Reseller) => Attempted::Reseller,
        Effect::Read(Read::Preflight(_)) => Attempted::Preflight,
        Effect::Read(Read::Watch(_)) => Attempted::Watch,
        Effect::Read(_) | Effect::Claim(_) => Attempted::Read,
        Effect::Acquire { .. } => Attempted::Acquire,
        Effect::Write(_) => Attempted::Write,
        Effect::CreateTenant(_) => Attempted::CreateTenant,
        Effect::Activate(_) => Attempted::Activate,
    }
}

fn sources(effect: &Effect) -> Option<Vec<Vec<SourceId>>> {
    match effect {
        Effect::Write(Write::CopyCustomers(batches) | Write::CopySubscriptions(batches)) => Some(
            batches
                .iter()
                .map(|b| b.iter().map(|item| item.source.clone()).collect())
                .collect(),
        ),
        _ => None,
    }
}

/// Runs until the named effect is next.
pub(crate) fn until(mut world: World, wanted: &str) -> (World, Driver) {
    let mut driver = Driver::new();
    for _ in 0..500 {
        let next = decide(&driver.valid, &driver.known, driver.now()).effect;
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
        Effect::Claim(ClaimEdit::Take) => "claim: take",
        Effect::Claim(_) => "claim",
        Effect::Acquire { .. } => "acquire",
        Effect::Write(Write::CopyCustomers(_)) => "copy customers",
        Effect::Write(Write::CopySubscriptions(_)) => "copy subscriptions",
        Effect::Write(Write::SetPricing(_)) => "set pricing",
        Effect::CreateTenant(_) => "create tenant",
        Effect::Activate(_) => "activate",
    }
}
