//! The effects that write. Every write carries the fence, and what must not be repeated blindly is on
//! record.

use std::future::Future;

use futures::stream::{self, StreamExt};

use super::{Performed, Performer};
use crate::bss::error::BssError;
use crate::bss::port::{ActivationTarget, Bss, ByItem, CopyItem, ItemOutcome, SourceId};
use crate::controller::cache::ReadAhead;
use crate::controller::record::Recorded;
use crate::upgrade::{Activate, Attempted, CreateTenant, Outcome, PagesRequest, Write};

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Does repeatable work. A batch that was not begun has no outcome; it is still to do. With the last
    /// copies the pages are read that follow them, if there are any: otherwise the BSS would have a
    /// single call to answer between two windows, and not as many as it may be asked at a time. If
    /// reading ahead fails, the pages are read again when they are needed.
    pub(super) async fn write(
        &self,
        recorded: Recorded<Write>,
        ahead: Option<&PagesRequest>,
    ) -> Performed {
        let fence = self.caller.fence();
        let write = &recorded.into_inner();
        let tenant = match self.tenant() {
            Ok(tenant) => tenant,
            Err(error) => {
                tracing::error!("a write was decided on without a tenant; it was not sent");
                let attempted = Attempted::Write;
                return Performed {
                    outcomes: vec![Outcome::Failed { attempted, error }],
                    ahead: None,
                };
            }
        };
        match write {
            Write::CopyCustomers(batches) => {
                let copy = |items: Vec<CopyItem>| async move {
                    self.bss.copy_customers(fence, tenant, &items).await
                };
                self.copies(batches, ahead, copy).await
            }
            Write::CopySubscriptions(batches) => {
                let copy = |items: Vec<CopyItem>| async move {
                    self.bss.copy_subscriptions(fence, tenant, &items).await
                };
                self.copies(batches, ahead, copy).await
            }
            Write::SetPricing(batches) => {
                let calls: Vec<_> = batches
                    .iter()
                    .map(|options| async move {
                        if !(self.go_on)() {
                            return None;
                        }
                        let set = self.bss.set_pricing(fence, tenant, options).await;
                        begun(Outcome::of(set.map(Outcome::PricingSet), Attempted::Write))
                    })
                    .collect();
                let outcomes: Vec<Option<Outcome>> = stream::iter(calls)
                    .buffer_unordered(self.caller.at_once)
                    .collect()
                    .await;
                Performed {
                    outcomes: outcomes.into_iter().flatten().collect(),
                    ahead: None,
                }
            }
        }
    }

    async fn copies<F>(
        &self,
        batches: &[Vec<CopyItem>],
        ahead: Option<&PagesRequest>,
        copy: impl Fn(Vec<CopyItem>) -> F,
    ) -> Performed
    where
        F: Future<Output = Result<ByItem<ItemOutcome>, BssError>>,
    {
        let copy = &copy;
        // Reading ahead is the last call, and the only one that is no batch.
        let looks = ahead.map(|_| None);
        let calls: Vec<_> = batches
            .iter()
            .map(Some)
            .chain(looks)
            .map(|items| async move {
                if !(self.go_on)() {
                    return None;
                }
                let Some(items) = items else {
                    let read = self.pages(ahead?).await;
                    return read.into_iter().find(|outcome| !failed(outcome));
                };
                let sources: Vec<SourceId> = items.iter().map(|item| item.source.clone()).collect();
                begun(Outcome::of_copies(sources, copy(items.clone()).await))
            })
            .collect();
        let mut all = stream::iter(calls).buffer_unordered(self.caller.at_once);
        let (mut outcomes, mut pages) = (Vec::with_capacity(batches.len()), None);
        while let Some(outcome) = all.next().await {
            match outcome {
                Some(Outcome::Pages(read)) => pages = Some(read),
                Some(outcome) => outcomes.push(outcome),
                None => {}
            }
        }
        let ahead = ahead.cloned().zip(pages);
        Performed {
            outcomes,
            ahead: ahead.map(|(request, pages)| ReadAhead { request, pages }),
        }
    }

    /// Requests the tenant, whose intent is on record.
    pub(super) async fn create_tenant(&self, recorded: Recorded<CreateTenant>) -> Outcome {
        let CreateTenant {
            key,
            request,
            settings,
            digest: _,
        } = recorded.into_inner();
        let creation = self
            .bss
            .create_tenant(self.caller.fence(), &request, &key, &settings)
            .await;
        Outcome::of(
            creation.map(Outcome::TenantRequested),
            Attempted::CreateTenant,
        )
    }

    /// Activates back ordering, whose intent is on record.
    pub(super) async fn activate(&self, recorded: Recorded<Activate>) -> Outcome {
        let fence = self.caller.fence();
        let activate = recorded.into_inner();
        let target = ActivationTarget {
            tenant: activate.tenant(),
            expected: activate.sweep().revision(),
        };
        let activation = self
            .bss
            .activate_back_ordering(fence, activate.request(), activate.key(), target)
            .await;
        Outcome::of(activation.map(Outcome::Activation), Attempted::Activate)
    }
}

fn failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}

/// The outcome of a batch, unless the batch was cancelled while it waited: then it was not begun.
fn begun(outcome: Outcome) -> Option<Outcome> {
    let cancelled = matches!(
        outcome,
        Outcome::Failed {
            error: BssError::Cancelled,
            ..
        }
    );
    (!cancelled).then_some(outcome)
}
