//! What the fuzz targets see of this folder: every reply parser as the adapter composes it, behind
//! one type. A normal build has none of it.

use super::batch::{complete, or_unknown};
use super::classify::{self, Asked as Question};
use super::client::{results, success};
use super::{contract as wire, replies};
use crate::bss::error::BssError;
use crate::bss::port;
use crate::bss::transport::{Effect, Reply, fit};

/// What a parser made of a body, in the port's values.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "named like the operations")]
pub enum Answer {
    Identity(Option<String>),
    Capabilities(port::Capabilities),
    Reseller(port::Reseller),
    Epoch(port::IssuedEpoch),
    Tenant(Option<port::Tenant>),
    Creation(port::TenantCreation),
    Operation(port::OperationState),
    Customers(port::Page<port::Customer>),
    Purchases(port::Page<port::Purchase>),
    OpenOrders(port::Page<port::OpenOrder>),
    Copies(port::Page<port::CopyRecord>),
    Found(Vec<(port::BusinessKey, port::Found)>),
    Outcomes(port::ByItem<port::ItemOutcome>),
    Pricing(port::ByItem<port::PricingState>),
    PricingOutcomes(port::ByItem<port::PricingOutcome>),
    Checks(port::ByItem<Vec<port::Blocker>>),
    Activation(port::Activation),
}

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The page.
    pub page: port::PageRequest,
    /// The items of a batch.
    pub items: Vec<port::SourceId>,
    /// The keys of a look-up; the first one is also a tenant's.
    pub keys: Vec<port::BusinessKey>,
    /// The holder of an epoch.
    pub holder: String,
    /// The operation under way.
    pub operation: port::OperationId,
}

/// A parser: the body of a success, and what was asked for.
pub type Parser = fn(&[u8], &Asked) -> Result<Answer, BssError>;

/// All of them, by name.
pub const PARSERS: &[(&str, Parser)] = &[
    ("identity", |b, _| {
        replies::identity(replies::parse(b)?).map(Answer::Identity)
    }),
    ("capabilities", |b, _| {
        replies::capabilities(replies::parse(b)?).map(Answer::Capabilities)
    }),
    ("reseller", |b, _| {
        replies::reseller(replies::parse(b)?).map(Answer::Reseller)
    }),
    ("epoch", |b, asked| {
        replies::epoch(replies::parse(b)?, &asked.holder).map(Answer::Epoch)
    }),
    ("tenant", |b, _| {
        replies::tenant_lookup(replies::parse(b)?).map(Answer::Tenant)
    }),
    ("created", |b, asked| {
        let key = asked.keys.first().cloned();
        let key = key.unwrap_or_else(|| port::BusinessKey(String::new()));
        replies::created_tenant(replies::parse(b)?, &key).map(Answer::Creation)
    }),
    ("started", |b, _| {
        replies::started(replies::parse(b)?).map(Answer::Creation)
    }),
    ("operation", |b, asked| {
        replies::operation(replies::parse(b)?, &asked.operation, fit).map(Answer::Operation)
    }),
    ("customers", |b, asked| {
        replies::customers(replies::parse(b)?, &asked.page).map(Answer::Customers)
    }),
    ("subscriptions", |b, asked| {
        replies::subscriptions(replies::parse(b)?, &asked.page, fit).map(Answer::Purchases)
    }),
    ("orders", |b, asked| {
        replies::open_orders(replies::parse(b)?, &asked.page).map(Answer::OpenOrders)
    }),
    ("copies", |b, asked| {
        replies::copies(replies::parse(b)?, &asked.page, fit).map(Answer::Copies)
    }),
    ("found", |b, asked| {
        let found = results(&asked.keys, replies::parse(b)?, |found| {
            replies::found(found, fit)
        })?;
        complete(&asked.keys, found).map(|found| Answer::Found(found.into_iter().collect()))
    }),
    ("outcomes", |b, asked| {
        let translate = |item: wire::CopyResult| replies::copy_result(item, fit);
        let outcomes = results(&asked.items, replies::parse(b)?, translate)?;
        let outcomes = or_unknown(&asked.items, outcomes, &port::ItemOutcome::Unknown);
        Ok(Answer::Outcomes(outcomes))
    }),
    ("pricing", |b, asked| {
        let translate = |item: wire::PricingState| replies::pricing_state(item, fit);
        let states = results(&asked.items, replies::parse(b)?, translate)?;
        complete(&asked.items, states).map(Answer::Pricing)
    }),
    ("priced", |b, asked| {
        let translate = |item: wire::PricingResult| replies::pricing_result(item, fit);
        let outcomes = results(&asked.items, replies::parse(b)?, translate)?;
        let outcomes = or_unknown(&asked.items, outcomes, &port::PricingOutcome::Unknown);
        Ok(Answer::PricingOutcomes(outcomes))
    }),
    ("checks", |b, asked| {
        let translate = |item: wire::CheckResult| replies::check_result(item, fit);
        results(&asked.items, replies::parse(b)?, translate).map(Answer::Checks)
    }),
    ("activation", |b, _| {
        let reply = replies::parse(b)?;
        Ok(Answer::Activation(replies::activation(&reply)))
    }),
];

/// What a reply that is no success of its operation means; `None` if it is one. `throttles` are the
/// statuses that the connection counts as *too many requests*.
#[must_use]
pub fn refused(mut reply: Reply, throttles: &[u16], effect: Effect) -> Option<BssError> {
    let question = Question {
        operation: match effect {
            Effect::Read => port::Operation::ListCopies,
            Effect::Write => port::Operation::CopyCustomers,
        },
        subject: "tenant T-1".to_owned(),
        page: None,
    };
    reply.throttled = classify::throttles(&reply, throttles);
    let error = success(reply, &question).err()?;
    Some(classify::cleaned(error, fit))
}
