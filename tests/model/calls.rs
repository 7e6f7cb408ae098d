//! An effect as the calls that it is made of: between two of them the world may move.
//!
//! The same as the operator's `perform`, one call at a time: what is asked side by side there is
//! asked in some order here.

use std::collections::BTreeMap;

use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    AcquisitionId, Activation, Blocker, BusinessKey, ByItem, Capabilities, CheckTarget, CopyItem,
    CopyListing, CopyRecord, Customer, Found, IssuedEpoch, ItemOutcome, OpenOrder, OperationId,
    OperationState, Page, PageRequest, PricingOptions, PricingOutcome, PricingState, Purchase,
    Reseller, SourceId, Tenant, TenantCreation, TenantId,
};
use tenant_reseller_operator::upgrade::{
    Activate, Answered, Attempted, CreateTenant, Effect, Outcome, Pages, PreflightRequest, Read,
    Write,
};

/// One call of the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
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
    Acquire(AcquisitionId),
    CreateTenant(CreateTenant),
    CopyCustomers(Vec<CopyItem>),
    CopySubscriptions(Vec<CopyItem>),
    SetPricing(BTreeMap<SourceId, PricingOptions>),
    Activate(Activate),
}

impl Call {
    /// Whether it may change something at the BSS.
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Acquire(_)
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
    pub(crate) fn name(&self) -> String {
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
            Self::Acquire(_) => "acquire".to_owned(),
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
pub(crate) enum Answer {
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
pub(crate) type Reply = Result<Answer, BssError>;

/// An effect under way: some of its calls are answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UnderWay {
    effect: Effect,
    /// The tenant that was known when it began.
    pub(crate) tenant: Option<TenantId>,
    todo: Vec<Call>,
    replies: Vec<(Call, Reply)>,
}

impl UnderWay {
    /// Begins an effect. With `turned` the two sides of a sweep are read the other way round.
    pub(crate) fn begin(effect: Effect, tenant: Option<TenantId>, turned: bool) -> Self {
        let mut todo = calls(&effect, tenant.as_ref());
        if !turned {
            todo.reverse();
        }
        Self {
            effect,
            tenant,
            todo,
            replies: Vec::new(),
        }
    }

    /// The call that is due.
    pub(crate) fn due(&self) -> Option<&Call> {
        self.todo.last()
    }

    /// Everything that was not sent yet.
    pub(crate) fn unsent(self) -> Vec<Call> {
        self.todo
    }

    /// Attempts have other names now.
    pub(crate) fn rename(&mut self, names: &BTreeMap<String, String>) {
        let other = |id: &mut AcquisitionId| {
            if let Some(name) = names.get(&id.0) {
                *id = AcquisitionId(name.clone());
            }
        };
        for call in &mut self.todo {
            if let Call::Acquire(id) = call {
                other(id);
            }
        }
        if let Effect::Acquire { id, .. } = &mut self.effect {
            other(id);
        }
    }

    /// Takes the reply of the call that was due.
    pub(crate) fn answered(&mut self, reply: Reply) {
        if let Some(call) = self.todo.pop() {
            self.replies.push((call, reply));
        }
    }

    /// What the effect came to, once every call is answered.
    pub(crate) fn outcomes(self) -> Vec<Outcome> {
        match &self.effect {
            Effect::Read(read) => looked(read, self.replies),
            Effect::Claim(_) => Vec::new(),
            Effect::Acquire { .. }
            | Effect::Write(_)
            | Effect::CreateTenant(_)
            | Effect::Activate(_) => self.replies.into_iter().map(wrote).collect(),
        }
    }
}

fn calls(effect: &Effect, tenant: Option<&TenantId>) -> Vec<Call> {
    match effect {
        Effect::Claim(_) => Vec::new(),
        Effect::Acquire { id, .. } => vec![Call::Acquire(id.clone())],
        Effect::CreateTenant(create) => vec![Call::CreateTenant(create.clone())],
        Effect::Activate(activate) => vec![Call::Activate(activate.clone())],
        Effect::Write(Write::CopyCustomers(batches)) => batches
            .iter()
            .map(|b| Call::CopyCustomers(b.clone()))
            .collect(),
        Effect::Write(Write::CopySubscriptions(batches)) => batches
            .iter()
            .map(|b| Call::CopySubscriptions(b.clone()))
            .collect(),
        Effect::Write(Write::SetPricing(batches)) => batches
            .iter()
            .map(|b| Call::SetPricing(b.clone()))
            .collect(),
        Effect::Read(read) => match read {
            Read::Identity => vec![Call::Identity],
            Read::Capabilities => vec![Call::Capabilities],
            Read::Reseller => vec![Call::Reseller],
            Read::Tenant => vec![Call::Tenant],
            Read::Operation(id) => vec![Call::Operation(id.clone())],
            Read::OpenOrders(page) => vec![Call::OpenOrders(page.clone())],
            Read::Pages(wanted) => {
                let source = wanted.source.clone().map(|page| match wanted.listing {
                    CopyListing::Customers => Call::Customers(page),
                    CopyListing::Subscriptions => Call::Purchases(page),
                });
                assert!(wanted.copies.is_none() || tenant.is_some(), "whose copies?");
                let copies = wanted
                    .copies
                    .clone()
                    .map(|page| Call::Copies(wanted.listing, page));
                source.into_iter().chain(copies).collect()
            }
            Read::Inspect(calls) => calls
                .pricing
                .iter()
                .map(|ids| Call::Pricing(ids.clone()))
                .chain(
                    calls
                        .checks
                        .iter()
                        .map(|ids| Call::Check(calls.target.clone(), ids.clone())),
                )
                .collect(),
            Read::Find(batches) => batches
                .iter()
                .map(|keys| Call::Find(keys.clone()))
                .collect(),
            Read::Watch(_) => panic!("no cheap looks are taken here"),
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

fn wrote((call, reply): (Call, Reply)) -> Outcome {
    let attempted = match &call {
        Call::Acquire(_) => Attempted::Acquire,
        Call::CreateTenant(_) => Attempted::CreateTenant,
        Call::Activate(_) => Attempted::Activate,
        _ => Attempted::Write,
    };
    match (call, reply) {
        (Call::CopyCustomers(items) | Call::CopySubscriptions(items), Err(error))
            if error.effect_unknown() =>
        {
            let sources = items.into_iter().map(|item| item.source).collect();
            Outcome::CopyOutcomeUnknown { sources, error }
        }
        (_, Err(error)) => Outcome::Failed { attempted, error },
        (_, Ok(Answer::Acquired(issued))) => Outcome::Acquired(issued),
        (_, Ok(Answer::Requested(creation))) => Outcome::TenantRequested(creation),
        (_, Ok(Answer::Copied(items))) => Outcome::Copied(items),
        (_, Ok(Answer::Priced(items))) => Outcome::PricingSet(items),
        (_, Ok(Answer::Activated(how))) => Outcome::Activation(how),
        (call, Ok(answer)) => panic!("{} answered {answer:?}", call.name()),
    }
}

/// What a look came to: what was answered, and what failed.
fn looked(read: &Read, replies: Vec<(Call, Reply)>) -> Vec<Outcome> {
    let attempted = match read {
        Read::Reseller => Attempted::Reseller,
        Read::Preflight(_) => Attempted::Preflight,
        _ => Attempted::Read,
    };
    let ahead = matches!(read, Read::Preflight(_));
    let mut outcomes = Vec::new();
    let mut source_customers = None;
    let mut source_purchases = None;
    let mut copies = None;
    for (call, reply) in replies {
        outcomes.push(match (call, reply) {
            (_, Err(error)) => Outcome::Failed { attempted, error },
            (_, Ok(Answer::Identity(told))) => Outcome::Identity(told),
            (_, Ok(Answer::Capabilities(can))) => Outcome::Capabilities(can),
            (_, Ok(Answer::Reseller(reseller))) => Outcome::Reseller(reseller),
            (_, Ok(Answer::Tenant(tenant))) => Outcome::Tenant(tenant),
            (_, Ok(Answer::Operation(state))) => Outcome::Operation(state),
            (_, Ok(Answer::OpenOrders(page))) => Outcome::OpenOrders(page),
            (_, Ok(Answer::Purchases(page))) if ahead => Outcome::PreflightPage(page),
            (_, Ok(Answer::Customers(page))) => {
                source_customers = Some(page);
                continue;
            }
            (_, Ok(Answer::Purchases(page))) => {
                source_purchases = Some(page);
                continue;
            }
            (_, Ok(Answer::Copies(page))) => {
                copies = Some(page);
                continue;
            }
            (Call::Pricing(asked), Ok(Answer::Pricing(answers))) => {
                Outcome::Priced(Answered { asked, answers })
            }
            (Call::Check(_, asked), Ok(Answer::Checked(answers))) if ahead => {
                Outcome::PreflightChecks(Answered { asked, answers })
            }
            (Call::Check(_, asked), Ok(Answer::Checked(answers))) => {
                Outcome::Checked(Answered { asked, answers })
            }
            (Call::Find(asked), Ok(Answer::Found(found))) => Outcome::Found { asked, found },
            (call, Ok(answer)) => panic!("{} answered {answer:?}", call.name()),
        });
    }
    let heard = source_customers.is_some() || source_purchases.is_some() || copies.is_some();
    if let Read::Pages(wanted) = read
        && heard
    {
        outcomes.push(Outcome::Pages(match wanted.listing {
            CopyListing::Customers => Pages::Customers {
                source: source_customers,
                copies,
            },
            CopyListing::Subscriptions => Pages::Purchases {
                source: source_purchases,
                copies,
            },
        }));
    }
    outcomes
}
