//! The effects that only read. Reads need no record and no epoch.

use std::future::Future;

use futures::stream::{self, StreamExt};

use super::Performer;
use crate::bss::error::{BssError, FieldError};
use crate::bss::port::{Bss, BusinessKey, CheckTarget, CopyListing, PageRequest, SourceId};
use crate::upgrade::{
    Answered, Attempted, InspectCalls, Outcome, PagesRequest, PreflightRequest, Read,
};

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Reads from the BSS.
    pub(super) async fn read(&self, read: &Read) -> Vec<Outcome> {
        if let Read::Watch(cheap) = read {
            return vec![Outcome::of_watch(self.look(cheap).await)];
        }
        self.look(read).await
    }

    async fn look(&self, read: &Read) -> Vec<Outcome> {
        let outcome = match read {
            Read::Identity => self.bss.get_identity().await.map(Outcome::Identity),
            Read::Capabilities => self.bss.get_capabilities().await.map(Outcome::Capabilities),
            Read::Reseller => self
                .bss
                .get_reseller(&self.caller.account)
                .await
                .map(Outcome::Reseller),
            Read::Tenant => self
                .bss
                .get_tenant(&self.caller.account)
                .await
                .map(Outcome::Tenant),
            Read::Operation(id) => self.bss.get_operation(id).await.map(Outcome::Operation),
            Read::OpenOrders(page) => self
                .bss
                .list_open_orders(&self.caller.account, page)
                .await
                .map(Outcome::OpenOrders),
            Read::Pages(pages) => return self.pages(pages).await,
            Read::Inspect(calls) => return self.inspect(calls).await,
            Read::Find(batches) => {
                let found = |asked: Vec<BusinessKey>| async move {
                    let found = self.bss.find_copies(self.tenant()?, &asked).await?;
                    Ok(Outcome::Found { asked, found })
                };
                return self.batches(batches, Attempted::Read, found).await;
            }
            Read::Preflight(look) => return self.preflight(look).await,
            // A cheap look is never nested in another one.
            Read::Watch(_) => Err(BssError::Invalid(vec![FieldError {
                field: "watch".to_owned(),
                detail: "a cheap look within a cheap look".to_owned(),
                allowed: Vec::new(),
            }])),
        };
        vec![Outcome::of(outcome, read.attempted())]
    }

    /// Reads both sides. One that answered is known although the other failed.
    pub(super) async fn pages(&self, wanted: &PagesRequest) -> Vec<Outcome> {
        let copies = async {
            match &wanted.copies {
                None => Ok(None),
                Some(page) => self
                    .bss
                    .list_copies(self.tenant()?, wanted.listing, page)
                    .await
                    .map(Some),
            }
        };
        match wanted.listing {
            CopyListing::Customers => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.list_customers(&self.caller.account, page)
                });
                let (source, copies) = futures::future::join(source, copies).await;
                Outcome::of_customers(source, copies)
            }
            CopyListing::Subscriptions => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.list_subscriptions(&self.caller.account, page)
                });
                let (source, copies) = futures::future::join(source, copies).await;
                Outcome::of_purchases(source, copies)
            }
        }
    }

    async fn inspect(&self, calls: &InspectCalls) -> Vec<Outcome> {
        let priced = |asked: Vec<SourceId>| async move {
            let answers = self.bss.get_pricing(self.tenant()?, &asked).await?;
            Ok(Outcome::Priced(Answered { asked, answers }))
        };
        let checked = |asked: Vec<SourceId>| async move {
            let answers = self
                .bss
                .check_purchases(&self.caller.account, &calls.target, &asked)
                .await?;
            Ok(Outcome::Checked(Answered { asked, answers }))
        };
        let priced = self.batches(&calls.pricing, Attempted::Read, priced);
        let checked = self.batches(&calls.checks, Attempted::Read, checked);
        let (mut outcomes, mut checked) = futures::future::join(priced, checked).await;
        outcomes.append(&mut checked);
        outcomes
    }

    /// Reads what can be known before the tenant exists.
    async fn preflight(&self, look: &PreflightRequest) -> Vec<Outcome> {
        match look {
            PreflightRequest::Page(page) => {
                let page = self
                    .bss
                    .list_subscriptions(&self.caller.account, page)
                    .await;
                vec![Outcome::of(
                    page.map(Outcome::PreflightPage),
                    Attempted::Preflight,
                )]
            }
            PreflightRequest::Checks {
                price_list,
                batches,
            } => {
                let target = &CheckTarget::PriceList(price_list.clone());
                let checked = |asked: Vec<SourceId>| async move {
                    let answers = self
                        .bss
                        .check_purchases(&self.caller.account, target, &asked)
                        .await?;
                    Ok(Outcome::PreflightChecks(Answered { asked, answers }))
                };
                self.batches(batches, Attempted::Preflight, checked).await
            }
        }
    }

    /// Reads batches side by side, one outcome each: only a batch that failed is read again. A batch that
    /// was not begun, because the slice is over or the upgrade changed, has no outcome; it is still to do.
    async fn batches<T: Clone, F>(
        &self,
        batches: &[T],
        attempted: Attempted,
        call: impl Fn(T) -> F,
    ) -> Vec<Outcome>
    where
        F: Future<Output = Result<Outcome, BssError>>,
    {
        let call = &call;
        let calls: Vec<_> = batches
            .iter()
            .cloned()
            .map(|batch| async move {
                if (self.go_on)() {
                    Some(Outcome::of(call(batch).await, attempted))
                } else {
                    None
                }
            })
            .collect();
        let outcomes = stream::iter(calls).buffer_unordered(self.caller.at_once);
        outcomes.filter_map(std::future::ready).collect().await
    }
}

async fn maybe<'a, T, F>(
    page: Option<&'a PageRequest>,
    call: impl FnOnce(&'a PageRequest) -> F,
) -> Result<Option<T>, BssError>
where
    F: Future<Output = Result<T, BssError>>,
{
    match page {
        None => Ok(None),
        Some(page) => call(page).await.map(Some),
    }
}
