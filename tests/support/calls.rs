//! An effect as the calls that it is made of: between two of them the world may move.
//!
//! The same as the operator's `perform`, one call at a time: what is asked side by side there is
//! asked in some order here. What the answers come to is the operator's own code.

use std::collections::BTreeMap;

use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, AcquisitionId, Activation, ActivationTarget, Blocker, BusinessKey,
    ByItem, Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Epoch, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, Reseller, SourceId, Tenant,
    TenantCreation, TenantId,
};
use tenant_reseller_operator::upgrade::{
    Activate, Answered, Attempted, CheapLook, CreateTenant, Effect, Listed, Outcome,
    PreflightRequest, Read, SweepCall,
};

use crate::simulated_bss::{RESELLER, World};

/// One call of the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Identity,
    Capabilities,
    Reseller,
    Tenant,
    Operation(OperationId),
    OpenOrders(PageRequest),
    Customers(PageRequest),
    Purchases(PageRequest),
    Copies(CopyListing, PageRequest),
    Find(Vec<BusinessKey>),
    Pricing(Vec<SourceId>),
    Check(CheckTarget, Vec<SourceId>),
    /// The attempt, and the holder that a person decided to take over from.
    Acquire(AcquisitionId, Option<String>),
    CreateTenant(CreateTenant),
    CopyCustomers(Vec<CopyItem>),
    CopySubscriptions(Vec<CopyItem>),
    SetPricing(BTreeMap<SourceId, PricingOptions>),
    Activate(Activate),
}

impl Call {
    /// Whether it may change something at the BSS.
    pub fn writes(&self) -> bool {
        match self {
            Self::Acquire(..)
            | Self::CreateTenant(_)
            | Self::CopyCustomers(_)
            | Self::CopySubscriptions(_)
            | Self::SetPricing(_)
            | Self::Activate(_) => true,
            Self::Identity
            | Self::Capabilities
            | Self::Reseller
            | Self::Tenant
            | Self::Operation(_)
            | Self::OpenOrders(_)
            | Self::Customers(_)
            | Self::Purchases(_)
            | Self::Copies(..)
            | Self::Find(_)
            | Self::Pricing(_)
            | Self::Check(..) => false,
        }
    }

    /// In a word or two.
    pub fn name(&self) -> String {
        let of = |items: &[CopyItem]| {
            let ids: Vec<&str> = items.iter().map(|i| i.source.as_str()).collect();
            ids.join(" ")
        };
        match self {
            Self::Identity => "read identity".to_owned(),
            Self::Capabilities => "read capabilities".to_owned(),
            Self::Reseller => "read reseller".to_owned(),
            Self::Tenant => "read tenant".to_owned(),
            Self::Operation(_) => "read operation".to_owned(),
            Self::OpenOrders(_) => "list open orders".to_owned(),
            Self::Customers(page) => format!("list customers{}", from(page)),
            Self::Purchases(page) => format!("list purchases{}", from(page)),
            Self::Copies(listing, page) => format!("list copies of {listing:?}{}", from(page)),
            Self::Find(_) => "find by key".to_owned(),
            Self::Pricing(_) => "read pricing".to_owned(),
            Self::Check(CheckTarget::Tenant(_), _) => "check".to_owned(),
            Self::Check(CheckTarget::PriceList(_), _) => "check ahead".to_owned(),
            Self::Acquire(..) => "acquire".to_owned(),
            Self::CreateTenant(_) => "create tenant".to_owned(),
            Self::CopyCustomers(items) => format!("copy customers {}", of(items)),
            Self::CopySubscriptions(items) => format!("copy subscriptions {}", of(items)),
            Self::SetPricing(_) => "set pricing".to_owned(),
            Self::Activate(_) => "activate".to_owned(),
        }
    }
}

fn from(page: &PageRequest) -> String {
    page.cursor
        .as_ref()
        .map_or_else(String::new, |cursor| format!(" after {cursor}"))
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Identity(Option<String>),
    Capabilities(Capabilities),
    Reseller(Reseller),
    Tenant(Option<Tenant>),
    Operation(OperationState),
    OpenOrders(Page<OpenOrder>),
    Customers(Page<Customer>),
    Purchases(Page<Purchase>),
    Copies(Page<CopyRecord>),
    Found(BTreeMap<BusinessKey, Found>),
    Pricing(ByItem<PricingState>),
    Checked(ByItem<Vec<Blocker>>),
    Acquired(IssuedEpoch),
    Requested(TenantCreation),
    Copied(ByItem<ItemOutcome>),
    Priced(ByItem<PricingOutcome>),
    Activated(Activation),
}

/// What a call came to.
pub type Reply = Result<Answer, BssError>;

/// An effect under way: some of its calls are answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnderWay {
    effect: Effect,
    /// The tenant that was known when it began.
    pub tenant: Option<TenantId>,
    todo: Vec<Call>,
    replies: Vec<(Call, Reply)>,
    /// Whether the effect is a sweep whose answers are taken in as they come.
    pipeline: bool,
    /// The failure that ended the pipeline.
    left: Vec<Outcome>,
}

impl UnderWay {
    /// Begins an effect.
    pub fn begin(effect: Effect, tenant: Option<TenantId>) -> Self {
        let mut todo = calls(&effect, tenant.as_ref());
        todo.reverse();
        Self {
            effect,
            tenant,
            todo,
            replies: Vec::new(),
            pipeline: false,
            left: Vec::new(),
        }
    }

    /// Takes the answers of a sweep in as they come, as the operator does.
    #[must_use]
    pub fn as_a_pipeline(mut self) -> Self {
        self.pipeline = matches!(self.effect, Effect::Sweep(_));
        self
    }

    /// Another call than the one that was sent first is answered next.
    pub fn turn(&mut self) {
        self.todo.rotate_left(1);
    }

    /// Whether several calls of a sweep are under way, which are answered in any order.
    pub fn has_orders(&self) -> bool {
        self.pipeline && self.todo.len() > 1
    }

    /// The answer of a sweep's call, which is taken in at once; none once a call has failed.
    pub fn taken_in(&mut self) -> Option<Outcome> {
        if !self.pipeline {
            return None;
        }
        let outcome = swept(self.replies.pop()?);
        if outcome.failed() {
            self.pipeline = false;
            self.left.push(outcome);
            return None;
        }
        Some(outcome)
    }

    /// What `decide` asks for next: calls of the sweep join those under way, and anything else waits until
    /// these are answered.
    pub fn goes_on(&mut self, effect: Option<&Effect>) {
        let Some(Effect::Sweep(calls)) = effect else {
            self.pipeline = false;
            return;
        };
        let more = calls
            .iter()
            .map(|call| of_a_sweep(call, self.tenant.as_ref()));
        let mut more: Vec<Call> = more.collect();
        more.reverse();
        more.append(&mut self.todo);
        self.todo = more;
    }

    /// The call that is due.
    pub fn due(&self) -> Option<&Call> {
        self.todo.last()
    }

    /// Everything that was not sent yet.
    pub fn unsent(self) -> Vec<Call> {
        self.todo
    }

    /// Attempts have other names now.
    pub fn rename(&mut self, names: &BTreeMap<String, String>) {
        let other = |id: &mut AcquisitionId| {
            if let Some(name) = names.get(&id.0) {
                *id = AcquisitionId(name.clone());
            }
        };
        for call in &mut self.todo {
            if let Call::Acquire(id, _) = call {
                other(id);
            }
        }
        if let Effect::Acquire { id, .. } = &mut self.effect {
            other(id);
        }
    }

    /// Takes the reply of the call that was due.
    pub fn answered(&mut self, reply: Reply) {
        if let Some(call) = self.todo.pop() {
            self.replies.push((call, reply));
        }
    }

    /// What the effect came to, once every call is answered.
    pub fn outcomes(self) -> Vec<Outcome> {
        match &self.effect {
            Effect::Read(read) => looked(read, self.replies),
            Effect::Claim(_) => Vec::new(),
            Effect::Sweep(_) => {
                let replies = self.replies.into_iter().map(swept);
                self.left.into_iter().chain(replies).collect()
            }
            Effect::Acquire { .. }
            | Effect::SetPricing(_)
            | Effect::CreateTenant(_)
            | Effect::Activate(_) => self.replies.into_iter().map(wrote).collect(),
        }
    }
}

fn calls(effect: &Effect, tenant: Option<&TenantId>) -> Vec<Call> {
    match effect {
        Effect::Claim(_) => Vec::new(),
        Effect::Acquire { id, take_over } => {
            vec![Call::Acquire(id.clone(), take_over.clone())]
        }
        Effect::CreateTenant(create) => vec![Call::CreateTenant(create.clone())],
        Effect::Activate(activate) => vec![Call::Activate(activate.clone())],
        Effect::Sweep(all) => {
            assert!(!all.is_empty(), "a sweep without a call");
            all.iter().map(|call| of_a_sweep(call, tenant)).collect()
        }
        Effect::SetPricing(batches) => batches
            .iter()
            .map(|b| Call::SetPricing(b.clone()))
            .collect(),
        Effect::Read(read) => match read {
            Read::Identity => vec![Call::Identity],
            Read::Capabilities => vec![Call::Capabilities],
            Read::Reseller | Read::Watch(CheapLook::Reseller) => vec![Call::Reseller],
            Read::Tenant | Read::Watch(CheapLook::Tenant) => vec![Call::Tenant],
            Read::Operation(id) => vec![Call::Operation(id.clone())],
            Read::OpenOrders(page) => vec![Call::OpenOrders(page.clone())],
            Read::Watch(CheapLook::Call(call)) => vec![of_a_sweep(call, tenant)],
            Read::Preflight(PreflightRequest::Page(page)) => vec![Call::Purchases(page.clone())],
            Read::Preflight(PreflightRequest::Checks {
                price_list,
                batches,
            }) => batches
                .iter()
                .map(|ids| Call::Check(CheckTarget::PriceList(price_list.clone()), ids.clone()))
                .collect(),
        },
    }
}

fn of_a_sweep(call: &SweepCall, tenant: Option<&TenantId>) -> Call {
    match call.clone() {
        SweepCall::Sources(CopyListing::Customers, page) => Call::Customers(page),
        SweepCall::Sources(CopyListing::Subscriptions, page) => Call::Purchases(page),
        SweepCall::Copies(listing, page) => {
            assert!(tenant.is_some(), "whose copies?");
            Call::Copies(listing, page)
        }
        SweepCall::Pricing(ids) => Call::Pricing(ids),
        SweepCall::SetPricing(batch) => Call::SetPricing(batch),
        SweepCall::Check(target, ids) => Call::Check(target, ids),
        SweepCall::Find(keys) => Call::Find(keys),
        SweepCall::Copy(CopyListing::Customers, items) => Call::CopyCustomers(items),
        SweepCall::Copy(CopyListing::Subscriptions, items) => Call::CopySubscriptions(items),
    }
}

/// What one call of a sweep came to.
fn swept((call, reply): (Call, Reply)) -> Outcome {
    if call.writes() {
        return wrote((call, reply));
    }
    let outcome = reply.map(|answer| of_a_look(call, answer));
    Outcome::of(outcome, Attempted::Read)
}

fn wrote((call, reply): (Call, Reply)) -> Outcome {
    let attempted = match &call {
        Call::Acquire(..) => Attempted::Acquire,
        Call::CreateTenant(_) => Attempted::CreateTenant,
        Call::Activate(_) => Attempted::Activate,
        _ => Attempted::Write,
    };
    if let Call::CopyCustomers(items) | Call::CopySubscriptions(items) = call {
        let sources = items.into_iter().map(|item| item.source).collect();
        return Outcome::of_copies(sources, reply.map(copied));
    }
    let outcome = reply.map(|answer| match answer {
        Answer::Acquired(issued) => Outcome::Acquired(issued),
        Answer::Requested(creation) => Outcome::TenantRequested(creation),
        Answer::Priced(items) => Outcome::PricingSet(items),
        Answer::Activated(how) => Outcome::Activation(how),
        answer => panic!("{} answered {answer:?}", call.name()),
    });
    Outcome::of(outcome, attempted)
}

fn copied(answer: Answer) -> ByItem<ItemOutcome> {
    match answer {
        Answer::Copied(items) => items,
        answer => panic!("copies were answered with {answer:?}"),
    }
}

/// What a look came to: what was answered, and what failed.
fn looked(read: &Read, replies: Vec<(Call, Reply)>) -> Vec<Outcome> {
    let ahead = matches!(read, Read::Preflight(_));
    let outcomes = replies.into_iter().map(|(call, reply)| {
        let outcome = reply.map(|answer| match (call, answer) {
            (_, Answer::Purchases(page)) if ahead => Outcome::PreflightPage(page),
            (Call::Check(_, asked), Answer::Checked(answers)) if ahead => {
                Outcome::PreflightChecks(Answered { asked, answers })
            }
            (call, answer) => of_a_look(call, answer),
        });
        Outcome::of(outcome, read.attempted())
    });
    if matches!(read, Read::Watch(_)) {
        outcomes.map(Outcome::of_watch).collect()
    } else {
        outcomes.collect()
    }
}

fn of_a_look(call: Call, answer: Answer) -> Outcome {
    match (call, answer) {
        (_, Answer::Identity(told)) => Outcome::Identity(told),
        (_, Answer::Capabilities(can)) => Outcome::Capabilities(can),
        (_, Answer::Reseller(reseller)) => Outcome::Reseller(reseller),
        (_, Answer::Tenant(tenant)) => Outcome::Tenant(tenant),
        (_, Answer::Operation(state)) => Outcome::Operation(state),
        (_, Answer::OpenOrders(page)) => Outcome::OpenOrders(page),
        (Call::Customers(asked), Answer::Customers(page)) => {
            Outcome::page(asked, Listed::Customers(page))
        }
        (Call::Purchases(asked), Answer::Purchases(page)) => {
            Outcome::page(asked, Listed::Purchases(page))
        }
        (Call::Copies(listing, asked), Answer::Copies(page)) => {
            Outcome::page(asked, Listed::Copies(listing, page))
        }
        (Call::Pricing(asked), Answer::Pricing(answers)) => {
            Outcome::Priced(Answered { asked, answers })
        }
        (Call::Check(_, asked), Answer::Checked(answers)) => {
            Outcome::Checked(Answered { asked, answers })
        }
        (Call::Find(asked), Answer::Found(found)) => Outcome::Found { asked, found },
        (call, answer) => panic!("{} answered {answer:?}", call.name()),
    }
}

/// Under this name the operator's installation acquires.
pub const INSTALLATION: &str = "cluster";

/// A call takes effect at the simulated BSS.
pub fn carried(
    world: &mut World,
    call: &Call,
    (epoch, tenant): (Option<Epoch>, Option<&TenantId>),
) -> Reply {
    let account = &AccountId::from(RESELLER);
    let none = TenantId::from("none");
    let tenant = tenant.unwrap_or(&none);
    Ok(match call {
        Call::Identity => Answer::Identity(world.identity()?),
        Call::Capabilities => Answer::Capabilities(world.capabilities()?),
        Call::Reseller => Answer::Reseller(world.reseller(account)?),
        Call::Tenant => Answer::Tenant(world.tenant(account)?),
        Call::Operation(id) => Answer::Operation(world.operation(id)?),
        Call::OpenOrders(page) => Answer::OpenOrders(world.open_orders(account, page)?),
        Call::Customers(page) => Answer::Customers(world.customers(account, page)?),
        Call::Purchases(page) => Answer::Purchases(world.subscriptions(account, page)?),
        Call::Copies(listing, page) => Answer::Copies(world.copies(tenant, *listing, page)?),
        Call::Find(keys) => Answer::Found(world.find(tenant, keys)?),
        Call::Pricing(ids) => Answer::Pricing(world.pricing(tenant, ids)?),
        Call::Check(target, ids) => Answer::Checked(world.check(account, target, ids)?),
        Call::Acquire(id, take_over) => {
            let asked = Acquisition {
                id,
                holder: INSTALLATION,
                take_over: take_over.as_deref(),
            };
            Answer::Acquired(world.acquire(account, asked)?)
        }
        Call::CreateTenant(create) => Answer::Requested(world.create_tenant(
            account,
            epoch,
            &create.request,
            &create.key,
            &create.settings,
        )?),
        Call::CopyCustomers(items) => Answer::Copied(world.copy_customers(epoch, tenant, items)?),
        Call::CopySubscriptions(items) => {
            Answer::Copied(world.copy_subscriptions(epoch, tenant, items)?)
        }
        Call::SetPricing(options) => Answer::Priced(world.set_pricing(epoch, tenant, options)?),
        Call::Activate(activate) => {
            let target = ActivationTarget {
                tenant: activate.tenant(),
                expected: activate.sweep().revision(),
            };
            Answer::Activated(world.activate_back_ordering(
                account,
                epoch,
                activate.request(),
                activate.key(),
                target,
            )?)
        }
    })
}

/// What the sender of a call sees whose reply is lost.
pub fn lost() -> Reply {
    Err(BssError::OutcomeUnknown {
        detail: "reply lost".to_owned(),
    })
}

/// What the sender of a call sees that never got there.
pub fn unavailable() -> Reply {
    Err(BssError::Unavailable {
        detail: "away".to_owned(),
    })
}
