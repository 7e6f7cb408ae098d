//! The adapter: the port over the reference contract.

use super::batch::{complete, matched, or_unknown};
use super::classify::{self, Asked, Refusal, malformed, quoted};
use super::contract::{self as wire, FENCING_EPOCH, IDEMPOTENCY_KEY};
use super::{replies, requests};
use crate::bss::error::BssError;
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BssResult, BusinessKey,
    ByItem, Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Fence, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, Operation, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};
use crate::bss::transport::{
    self, Effect, Failure, Media, Reply, ReplySize, Request, Settings, TRACEPARENT, Transport,
    call_span, clocked, ended,
};
use reqwest::Method;
use reqwest::header::HeaderName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A BSS that speaks the reference contract.
#[derive(Debug)]
pub struct ReferenceBss {
    distributor: Side,
    /// Where tenants have an access of their own.
    tenant: Option<Side>,
}

/// One access to the BSS.
#[derive(Debug)]
struct Side {
    transport: Transport,
    throttle_statuses: Vec<u16>,
}

impl Side {
    fn new(settings: Settings, access: impl Into<Access>) -> Result<Self, BssError> {
        Ok(Self {
            throttle_statuses: settings.throttle_statuses.clone(),
            transport: Transport::new(settings, access)?,
        })
    }
}

impl ReferenceBss {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the URL, its host, its address, the token or the CA may not be
    /// used.
    pub fn new(settings: Settings, access: impl Into<Access>) -> Result<Self, BssError> {
        Ok(Self {
            distributor: Side::new(settings, access)?,
            tenant: None,
        })
    }

    /// The same, with another login for everything below `/tenants`, under the same limits.
    ///
    /// # Errors
    ///
    /// As for [`ReferenceBss::new`].
    pub fn with_tenant(self, settings: Settings) -> Result<Self, BssError> {
        let access = self.distributor.transport.access().clone();
        self.with_tenant_through(settings, access)
    }

    /// The same, with another access for everything below `/tenants`. Each is called under its own
    /// limits: a tenant's host that is away slows no call to the distributor.
    ///
    /// # Errors
    ///
    /// As for [`ReferenceBss::new`].
    pub fn with_tenant_through(self, settings: Settings, access: Access) -> Result<Self, BssError> {
        let tenant = Side::new(settings, access)?;
        Ok(Self {
            tenant: Some(tenant),
            ..self
        })
    }

    /// The limiter of the calls to the distributor.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        self.distributor.transport.limiter()
    }

    /// Everything below `/tenants` is the tenant's.
    fn side(&self, request: &Request<'_>) -> &Side {
        let own = self.tenant.as_ref();
        own.filter(|_| request.path.first() == Some(&"tenants"))
            .unwrap_or(&self.distributor)
    }

    fn clean(&self) -> impl Fn(&str) -> String + '_ {
        |text| {
            let clean = self.distributor.transport.clean(text);
            match &self.tenant {
                None => clean,
                Some(tenant) => tenant.transport.clean(&clean),
            }
        }
    }

    /// Sends the call, and translates what comes back. The one place where an operation ends.
    async fn perform<T>(
        &self,
        call: Call<'_>,
        translate: impl FnOnce(Success) -> BssResult<T>,
    ) -> BssResult<T> {
        let Call { asked, mut request } = call;
        let operation = asked.operation;
        let side = self.side(&request);
        let span = call_span(operation.as_str());
        let trace = span.in_scope(|| side.transport.trace());
        request.headers.push((TRACEPARENT, trace.clone()));
        let throttles = |reply: &Reply| classify::throttles(reply, &side.throttle_statuses);
        let calling = side.transport.call(&request, throttles);
        let (reply, times) = clocked(&span, calling).await;
        let sent = !reply.as_ref().is_err_and(Failure::was_not_sent);
        let result = match reply {
            Ok(reply) => success(reply, &asked).and_then(translate),
            Err(failure) => Err(classify::failure(failure, asked.effect())),
        };
        let result =
            result.map_err(|error| classify::named(classify::cleaned(error, self.clean()), &asked));
        let outcome = result.as_ref().map_or_else(BssError::class, |_| "Ok");
        ended(&span, outcome, times);
        if sent {
            let figures = side.transport.limiter().figures();
            figures.called(operation.as_str(), outcome, times.took);
        }
        tracing::debug!(
            operation = operation.as_str(),
            outcome,
            took = ?times.took,
            waited = ?times.waited,
            traceparent = trace,
            "asked the BSS"
        );
        if let Err(
            error @ (BssError::Malformed { .. }
            | BssError::Unavailable { .. }
            | BssError::OutcomeUnknown { .. }),
        ) = &result
            && sent
        {
            // What changes with every call is told here and nowhere else: a status that named it
            // would be written with every call.
            tracing::info!(
                operation = operation.as_str(),
                subject = transport::fit(&asked.subject),
                page = asked.page,
                traceparent = trace,
                %error,
                "a call to the BSS failed; its owner finds it by the traceparent"
            );
        }
        result
    }

    async fn read<W: DeserializeOwned, T>(
        &self,
        call: Call<'_>,
        translate: impl FnOnce(W) -> BssResult<T>,
    ) -> BssResult<T> {
        self.perform(call, |success| translate(success.ok()?)).await
    }
}

/// What is asked, with its request.
struct Call<'a> {
    asked: Asked,
    request: Request<'a>,
}

impl<'a> Call<'a> {
    fn get(operation: Operation, path: &'a [&'a str]) -> Self {
        Self::new(operation, Method::GET, path)
    }

    /// A write, or a read whose question is too long for a URL.
    fn post(operation: Operation, path: &'a [&'a str], body: &impl Serialize) -> BssResult<Self> {
        Self::new(operation, Method::POST, path).with_body(body)
    }

    fn new(operation: Operation, method: Method, path: &'a [&'a str]) -> Self {
        Self {
            asked: Asked {
                operation,
                subject: path.join("/"),
                page: None,
            },
            request: Request {
                method,
                path,
                effect: if operation.writes() {
                    Effect::Write
                } else {
                    Effect::Read
                },
                query: Vec::new(),
                headers: Vec::new(),
                body: None,
                reply: reply_size(operation),
                within: None,
            },
        }
    }

    fn with_body(mut self, body: &impl Serialize) -> BssResult<Self> {
        let bytes = serde_json::to_vec(body)
            .map_err(|_| classify::failure(Failure::Unsendable("body".into()), Effect::Read))?;
        self.request.body = Some(bytes);
        Ok(self)
    }

    fn fenced(self, fence: Fence<'_>) -> Self {
        match fence.epoch {
            Some(epoch) => self.header(FENCING_EPOCH, epoch.0.to_string()),
            None => self,
        }
    }

    fn keyed(self, key: &RequestKey) -> Self {
        self.header(IDEMPOTENCY_KEY, key.0.clone())
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.request.headers.push((name, value));
        }
        self
    }

    fn page(mut self, page: &PageRequest) -> Self {
        self.request
            .query
            .push(("limit".into(), page.limit.to_string()));
        self.asked.page = Some(match &page.cursor {
            None => "the first page".to_owned(),
            Some(cursor) => format!("the page after {}", quoted(&cursor.0)),
        });
        if let Some(cursor) = &page.cursor {
            self.request.query.push(("cursor".into(), cursor.0.clone()));
        }
        self
    }
}

/// How large a reply to an operation may be.
fn reply_size(operation: Operation) -> ReplySize {
    match operation {
        Operation::GetIdentity
        | Operation::GetCapabilities
        | Operation::GetReseller
        | Operation::AcquireEpoch
        | Operation::GetTenant
        | Operation::CreateTenant
        | Operation::GetOperation
        | Operation::ActivateBackOrdering => ReplySize::One,
        Operation::ListCustomers
        | Operation::ListSubscriptions
        | Operation::ListOpenOrders
        | Operation::ListCopies
        | Operation::FindCopies
        | Operation::CopyCustomers
        | Operation::GetPricing
        | Operation::SetPricing
        | Operation::CheckPurchases
        | Operation::CopySubscriptions => ReplySize::Many,
    }
}

/// A success with its JSON body.
pub(super) struct Success {
    status: u16,
    body: Vec<u8>,
}

impl Success {
    /// The body of a 200, the only success of most operations.
    fn ok<W: DeserializeOwned>(self) -> BssResult<W> {
        match self.status {
            200 => replies::parse(&self.body),
            other => Err(malformed(format!(
                "status {other}, which this operation does not have"
            ))),
        }
    }
}

pub(super) fn success(reply: Reply, asked: &Asked) -> BssResult<Success> {
    let Reply {
        status,
        media,
        retry_after,
        throttled,
        // The transport has looked at it already.
        challenge: _,
        body,
    } = reply;
    if (200..300).contains(&status) {
        return match media {
            Media::Json => Ok(Success { status, body }),
            Media::Problem | Media::Markup | Media::Other | Media::Absent | Media::Encoded(_) => {
                Err(malformed(format!(
                    "status {status} with {}",
                    classify::not_json(media, &body)
                )))
            }
        };
    }
    let problem = classify::problem(media, &body).ok_or_else(|| classify::not_json(media, &body));
    Err(classify::refusal(
        Refusal {
            status,
            problem,
            retry_after,
            throttled,
        },
        asked,
    ))
}

impl Bss for ReferenceBss {
    async fn get_identity(&self) -> BssResult<Option<String>> {
        self.read(
            Call::get(Operation::GetIdentity, &["identity"]),
            replies::identity,
        )
        .await
    }

    async fn get_capabilities(&self) -> BssResult<Capabilities> {
        self.read(
            Call::get(Operation::GetCapabilities, &["capabilities"]),
            replies::capabilities,
        )
        .await
    }

    async fn get_reseller(&self, account: &AccountId) -> BssResult<Reseller> {
        let path = ["resellers", account.as_str()];
        self.read(Call::get(Operation::GetReseller, &path), replies::reseller)
            .await
    }

    async fn acquire_epoch(
        &self,
        account: &AccountId,
        acquisition: Acquisition<'_>,
    ) -> BssResult<IssuedEpoch> {
        let path = ["resellers", account.as_str(), "epoch"];
        let holder = acquisition.holder;
        let body = wire::AcquireEpoch {
            holder: holder.to_owned(),
            take_over: acquisition.take_over.map(str::to_owned),
            acquisition_id: Some(acquisition.id.0.clone()),
        };
        let call = Call::post(Operation::AcquireEpoch, &path, &body)?;
        self.read(call, |reply| replies::epoch(reply, holder)).await
    }

    async fn get_tenant(&self, account: &AccountId) -> BssResult<Option<Tenant>> {
        let path = ["resellers", account.as_str(), "tenant"];
        self.read(
            Call::get(Operation::GetTenant, &path),
            replies::tenant_lookup,
        )
        .await
    }

    async fn create_tenant(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        let path = ["resellers", fence.reseller.as_str(), "tenant"];
        let body = requests::create_tenant(key, settings);
        let call = Call::post(Operation::CreateTenant, &path, &body)?
            .fenced(fence)
            .keyed(request);
        self.perform(call, |success| match success.status {
            202 => replies::started(replies::parse(&success.body)?),
            _ => replies::created_tenant(success.ok()?, key),
        })
        .await
    }

    async fn get_operation(&self, id: &OperationId) -> BssResult<OperationState> {
        let path = ["operations", id.as_str()];
        let call = Call::get(Operation::GetOperation, &path);
        match self
            .read(call, |reply| replies::operation(reply, id, self.clean()))
            .await
        {
            Err(BssError::NotFound { .. }) => Ok(OperationState::Gone),
            other => other,
        }
    }

    async fn list_customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Customer>> {
        let path = ["resellers", account.as_str(), "customers"];
        let call = Call::get(Operation::ListCustomers, &path).page(page);
        self.read(call, |reply| replies::customers(reply, page))
            .await
    }

    async fn list_subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Purchase>> {
        let path = ["resellers", account.as_str(), "subscriptions"];
        let call = Call::get(Operation::ListSubscriptions, &path).page(page);
        self.read(call, |reply| {
            replies::subscriptions(reply, page, self.clean())
        })
        .await
    }

    async fn list_open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<OpenOrder>> {
        let path = ["resellers", account.as_str(), "open-orders"];
        let call = Call::get(Operation::ListOpenOrders, &path).page(page);
        self.read(call, |reply| replies::open_orders(reply, page))
            .await
    }

    async fn list_copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> BssResult<Page<CopyRecord>> {
        let path = ["tenants", tenant.as_str(), "copies"];
        let mut call = Call::get(Operation::ListCopies, &path).page(page);
        call.request
            .query
            .push(("kind".into(), requests::copy_kind(listing).to_owned()));
        self.read(call, |reply| replies::copies(reply, page, self.clean()))
            .await
    }

    async fn find_copies(
        &self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> BssResult<BTreeMap<BusinessKey, Found>> {
        let path = ["tenants", tenant.as_str(), "copies", "find"];
        let business_keys = keys.iter().map(|key| key.0.clone()).collect();
        let call = Call::post(Operation::FindCopies, &path, &wire::Find { business_keys })?;
        self.read(call, |reply: wire::Results<wire::Found>| {
            complete(
                keys,
                results(keys, reply, |found| replies::found(found, self.clean()))?,
            )
        })
        .await
    }

    async fn copy_customers(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        let path = ["tenants", tenant.as_str(), "customers", "copy"];
        let call = Call::post(
            Operation::CopyCustomers,
            &path,
            &requests::copy_customers(items)?,
        )?;
        self.read(call.fenced(fence), |reply| self.outcomes(items, reply))
            .await
    }

    async fn get_pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> BssResult<ByItem<PricingState>> {
        let path = ["tenants", tenant.as_str(), "pricing", "lookup"];
        let customer_ids = customers
            .iter()
            .map(|customer| customer.0.clone())
            .collect();
        let call = Call::post(
            Operation::GetPricing,
            &path,
            &wire::PricingLookup { customer_ids },
        )?;
        self.read(call, |reply: wire::Results<wire::PricingState>| {
            let states = results(customers, reply, |reply| {
                replies::pricing_state(reply, self.clean())
            })?;
            complete(customers, states)
        })
        .await
    }

    async fn set_pricing(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> BssResult<ByItem<PricingOutcome>> {
        let path = ["tenants", tenant.as_str(), "pricing"];
        let call = Call::post(
            Operation::SetPricing,
            &path,
            &requests::set_pricing(options),
        )?;
        let asked: Vec<SourceId> = options.keys().cloned().collect();
        self.read(
            call.fenced(fence),
            |reply: wire::Results<wire::PricingResult>| {
                let outcomes = results(&asked, reply, |reply| {
                    replies::pricing_result(reply, self.clean())
                })?;
                Ok(or_unknown(&asked, outcomes, &PricingOutcome::Unknown))
            },
        )
        .await
    }

    async fn check_purchases(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> BssResult<ByItem<Vec<Blocker>>> {
        let path = ["resellers", account.as_str(), "checks"];
        let call = Call::post(
            Operation::CheckPurchases,
            &path,
            &requests::check(target, items),
        )?;
        self.read(call, |reply: wire::Results<wire::CheckResult>| {
            // The contract leaves out what the BSS does not know any more.
            results(items, reply, |reply| {
                replies::check_result(reply, self.clean())
            })
        })
        .await
    }

    async fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        let path = ["tenants", tenant.as_str(), "subscriptions", "copy"];
        let call = Call::post(
            Operation::CopySubscriptions,
            &path,
            &requests::copy_subscriptions(items)?,
        )?;
        self.read(call.fenced(fence), |reply| self.outcomes(items, reply))
            .await
    }

    async fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> BssResult<Activation> {
        let ActivationTarget { tenant, expected } = target;
        let path = ["tenants", tenant.as_str(), "activation"];
        let body = wire::Activate {
            business_key: key.0.clone(),
            expected_revision: expected.map(|revision| revision.0),
        };
        let call = Call::post(Operation::ActivateBackOrdering, &path, &body)?
            .fenced(fence)
            .keyed(request);
        self.read(call, |reply| Ok(replies::activation(&reply)))
            .await
    }
}

impl ReferenceBss {
    fn outcomes(
        &self,
        items: &[CopyItem],
        reply: wire::Results<wire::CopyResult>,
    ) -> BssResult<ByItem<ItemOutcome>> {
        let asked: Vec<SourceId> = items.iter().map(|item| item.source.clone()).collect();
        let outcomes = results(&asked, reply, |reply| {
            replies::copy_result(reply, self.clean())
        })?;
        Ok(or_unknown(&asked, outcomes, &ItemOutcome::Unknown))
    }
}

pub(super) fn results<W, K: Ord + Clone + std::fmt::Display, V>(
    asked: &[K],
    reply: wire::Results<W>,
    translate: impl Fn(W) -> BssResult<(K, V)>,
) -> BssResult<BTreeMap<K, V>> {
    let translated = reply.results.into_iter().map(translate);
    matched(asked, translated.collect::<BssResult<Vec<_>>>()?)
}
