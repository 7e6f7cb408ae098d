//! The effects that only read. Reads need no record and no epoch.

use std::future::Future;

use futures::stream::{self, StreamExt};

use super::Performer;
use crate::bss::BssResult;
use crate::bss::error::{BssError, FieldError};
use crate::bss::port::{Bss, CheckTarget, CopyListing, SourceId};
use crate::upgrade::{
    Answered, Attempted, CheapLook, Listed, Outcome, PreflightRequest, Read, SweepCall,
};

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Reads from the BSS.
    pub(super) async fn read(&self, read: &Read) -> Vec<Outcome> {
        let outcome = match read {
            Read::Identity => self.bss.get_identity().await.map(Outcome::Identity),
            Read::Capabilities => self.bss.get_capabilities().await.map(Outcome::Capabilities),
            Read::Reseller => self.reseller().await,
            Read::Tenant => self.tenant_of_the_reseller().await,
            Read::Operation(id) => self.bss.get_operation(id).await.map(Outcome::Operation),
            Read::OpenOrders(page) => self
                .bss
                .list_open_orders(&self.caller.account, page)
                .await
                .map(Outcome::OpenOrders),
            Read::Preflight(look) => return self.preflight(look).await,
            Read::Watch(look) => return vec![Outcome::of_watch(self.watch(look).await)],
        };
        vec![Outcome::of(outcome, read.attempted())]
    }

    async fn reseller(&self) -> BssResult<Outcome> {
        let reseller = self.bss.get_reseller(&self.caller.account).await;
        reseller.map(Outcome::Reseller)
    }

    async fn tenant_of_the_reseller(&self) -> BssResult<Outcome> {
        let tenant = self.bss.get_tenant(&self.caller.account).await;
        tenant.map(Outcome::Tenant)
    }

    async fn watch(&self, look: &CheapLook) -> Outcome {
        let outcome = match look {
            CheapLook::Reseller => self.reseller().await,
            CheapLook::Tenant => self.tenant_of_the_reseller().await,
            CheapLook::Call(call) => self.look(call.clone()).await,
        };
        Outcome::of(outcome, Attempted::Watch)
    }

    /// Makes one reading call of a sweep.
    pub(super) async fn look(&self, call: SweepCall) -> BssResult<Outcome> {
        Ok(match call {
            SweepCall::Sources(CopyListing::Customers, asked) => {
                let account = &self.caller.account;
                let page = self.bss.list_customers(account, &asked).await?;
                Outcome::page(asked, Listed::Customers(page))
            }
            SweepCall::Sources(CopyListing::Subscriptions, asked) => {
                let account = &self.caller.account;
                let page = self.bss.list_subscriptions(account, &asked).await?;
                Outcome::page(asked, Listed::Purchases(page))
            }
            SweepCall::Copies(listing, asked) => {
                let page = self
                    .bss
                    .list_copies(self.tenant()?, listing, &asked)
                    .await?;
                Outcome::page(asked, Listed::Copies(listing, page))
            }
            SweepCall::Pricing(asked) => {
                let answers = self.bss.get_pricing(self.tenant()?, &asked).await?;
                Outcome::Priced(Answered { asked, answers })
            }
            SweepCall::Check(target, asked) => {
                let account = &self.caller.account;
                let answers = self.bss.check_purchases(account, &target, &asked).await?;
                Outcome::Checked(Answered { asked, answers })
            }
            SweepCall::Find(asked) => {
                let found = self.bss.find_copies(self.tenant()?, &asked).await?;
                Outcome::Found { asked, found }
            }
            // What writes is in `writes`, with its fence.
            SweepCall::Copy(..) | SweepCall::SetPricing(_) => {
                return Err(BssError::Invalid(vec![FieldError {
                    field: "call".to_owned(),
                    detail: "a write where a look was asked for".to_owned(),
                    allowed: Vec::new(),
                }]));
            }
        })
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
