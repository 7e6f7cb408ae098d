//! Step 5: perform an effect through the port. Touches the BSS only.
//!
//! Batches run side by side, as many as the connection lets the BSS be asked at one time; the
//! limiter, which every call passes, may let fewer go. Before each batch the pass is asked whether it
//! may go on, so that a suspension or a lost lease is obeyed between two calls and not after four
//! hundred. What waits in the limiter's queue by then is taken back by the consent that the pass puts
//! over all calls.

use std::future::Future;
use std::hash::{Hash, Hasher};

use futures::stream::{self, StreamExt};

use super::record::Recorded;
use crate::bss::error::BssError;
use crate::bss::port::{
    Acquisition, Bss, ByItem, CopyItem, CopyListing, Fence, Page, PageRequest, SourceId, TenantId,
};
use crate::mutants::{Mutant, on};
use crate::upgrade::{
    Activate, CreateTenant, InspectCalls, Outcome, Pages, PagesRequest, Read, Tried, Work,
};

/// Who asks, and whether it may go on.
pub(super) struct Performer<'a, B, G> {
    pub(super) bss: &'a B,
    pub(super) account: &'a crate::bss::port::AccountId,
    pub(super) tenant: Option<&'a TenantId>,
    pub(super) go_on: &'a G,
    /// Batches under way at a time: no more than the connection allows, so that few of them wait
    /// in the limiter's queue after they were asked whether they may go on.
    pub(super) at_once: usize,
}

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Looks at the BSS.
    pub(super) async fn read(&self, read: &Read) -> Vec<Outcome> {
        if let Read::Watch(cheap) = read {
            return vec![watched(self.look(cheap).await)];
        }
        let tried = match read {
            Read::Reseller => Tried::Reseller,
            Read::Identity
            | Read::Capabilities
            | Read::Tenant
            | Read::Operation(_)
            | Read::OpenOrders(_)
            | Read::Pages(_)
            | Read::Inspect(_)
            | Read::Find(_)
            | Read::Watch(_) => Tried::Read,
        };
        vec![settle(self.look(read).await, tried)]
    }

    async fn look(&self, read: &Read) -> Result<Outcome, BssError> {
        match read {
            Read::Identity => self.bss.identity().await.map(Outcome::Identity),
            Read::Capabilities => self.bss.capabilities().await.map(Outcome::Capabilities),
            Read::Reseller => self.bss.reseller(self.account).await.map(Outcome::Reseller),
            Read::Tenant => self.bss.tenant(self.account).await.map(Outcome::Tenant),
            Read::Operation(id) => self.bss.operation(id).await.map(Outcome::Operation),
            Read::OpenOrders(page) => self
                .bss
                .open_orders(self.account, page)
                .await
                .map(Outcome::OpenOrders),
            Read::Pages(pages) => self.pages(pages).await.map(Outcome::Pages),
            Read::Inspect(calls) => self.inspect(calls).await,
            Read::Find(batches) => {
                let found = self.batches(batches, |keys| async move {
                    self.bss.find(self.tenant()?, &keys).await
                });
                found
                    .await
                    .map(|maps| Outcome::Found(maps.into_iter().flatten().collect()))
            }
            // A cheap look is one look at something.
            Read::Watch(_) => Err(BssError::Unsupported { operation: "watch" }),
        }
    }

    fn tenant(&self) -> Result<&TenantId, BssError> {
        self.tenant.ok_or_else(|| BssError::NotFound {
            what: "the tenant".to_owned(),
        })
    }

    async fn pages(&self, wanted: &PagesRequest) -> Result<Pages, BssError> {
        let copies = async {
            match &wanted.copies {
                None => Ok(None),
                Some(page) => self
                    .bss
                    .copies(self.tenant()?, wanted.listing, page)
                    .await
                    .map(Some),
            }
        };
        match wanted.listing {
            CopyListing::Customers => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.customers(self.account, page)
                });
                let (source, copies) = futures::future::try_join(source, copies).await?;
                Ok(Pages::Customers { source, copies })
            }
            CopyListing::Subscriptions => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.subscriptions(self.account, page)
                });
                let (source, copies) = futures::future::try_join(source, copies).await?;
                Ok(Pages::Purchases { source, copies })
            }
        }
    }

    async fn inspect(&self, calls: &InspectCalls) -> Result<Outcome, BssError> {
        let pricing = self.batches(&calls.pricing, |owners| async move {
            self.bss.pricing(self.tenant()?, &owners).await
        });
        let checks = self.batches(&calls.checks, |sources| async move {
            self.bss.check(self.account, &calls.target, &sources).await
        });
        let (pricing, checks) = futures::future::try_join(pricing, checks).await?;
        Ok(Outcome::Inspected {
            pricing: pricing.into_iter().flatten().collect(),
            checks: checks.into_iter().flatten().collect(),
        })
    }

    /// Reads batches side by side; one failure fails the look, which is taken again as a whole.
    async fn batches<T: Clone, R, F>(
        &self,
        batches: &[T],
        call: impl Fn(T) -> F,
    ) -> Result<Vec<R>, BssError>
    where
        F: Future<Output = Result<R, BssError>>,
    {
        let calls: Vec<F> = batches.iter().cloned().map(&call).collect();
        let results: Vec<Result<R, BssError>> = stream::iter(calls)
            .buffer_unordered(self.at_once)
            .collect()
            .await;
        results.into_iter().collect()
    }

    /// Does repeatable work. A batch that was not begun has no outcome; it is still to do. With the last
    /// copies the pages are read that come after them, if there are any: between two windows the BSS
    /// would else have one call to answer, and not as many as it may be asked at a time. That look is
    /// taken again if it fails, by whoever needs it.
    pub(super) async fn work(
        &self,
        fence: Fence<'_>,
        recorded: Recorded<Work>,
        ahead: Option<&PagesRequest>,
    ) -> (Vec<Outcome>, Option<Pages>) {
        let work = &recorded.into_inner();
        let Ok(tenant) = self.tenant() else {
            return (Vec::new(), None);
        };
        match work {
            Work::CopyCustomers(batches) => {
                let copy = |items: Vec<CopyItem>| async move {
                    self.bss.copy_customers(fence, tenant, &items).await
                };
                self.copies(batches, ahead, copy).await
            }
            Work::CopySubscriptions(batches) => {
                let copy = |items: Vec<CopyItem>| async move {
                    self.bss.copy_subscriptions(fence, tenant, &items).await
                };
                self.copies(batches, ahead, copy).await
            }
            Work::SetPricing(batches) => {
                let calls: Vec<_> = batches
                    .iter()
                    .map(|options| async move {
                        if !(self.go_on)() {
                            return None;
                        }
                        let set = self.bss.set_pricing(fence, tenant, options).await;
                        begun(settle(set.map(Outcome::PricingSet), Tried::Work))
                    })
                    .collect();
                let outcomes: Vec<Option<Outcome>> = stream::iter(calls)
                    .buffer_unordered(self.at_once)
                    .collect()
                    .await;
                (outcomes.into_iter().flatten().collect(), None)
            }
        }
    }

    async fn copies<F>(
        &self,
        batches: &[Vec<CopyItem>],
        ahead: Option<&PagesRequest>,
        copy: impl Fn(Vec<CopyItem>) -> F,
    ) -> (Vec<Outcome>, Option<Pages>)
    where
        F: Future<Output = Result<ByItem<crate::bss::port::ItemOutcome>, BssError>>,
    {
        let copy = &copy;
        // The last call of all, and the only one that is no batch.
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
                    return self.pages(ahead?).await.map(Outcome::Pages).ok();
                };
                let sources: Vec<SourceId> = items.iter().map(|item| item.source.clone()).collect();
                begun(match copy(items.clone()).await {
                    Ok(outcomes) => Outcome::Copied(outcomes),
                    Err(error) if error.effect_unknown() => Outcome::CopiesLost { sources, error },
                    Err(error) => Outcome::Failed {
                        tried: Tried::Work,
                        error,
                    },
                })
            })
            .collect();
        let mut all = stream::iter(calls).buffer_unordered(self.at_once);
        let (mut outcomes, mut pages) = (Vec::with_capacity(batches.len()), None);
        while let Some(outcome) = all.next().await {
            match outcome {
                Some(Outcome::Pages(read)) => pages = Some(read),
                Some(outcome) => outcomes.push(outcome),
                None => {}
            }
        }
        (outcomes, pages)
    }

    /// Asks for an epoch; the attempt is on record.
    pub(super) async fn acquire(&self, asked: Acquisition<'_>) -> Outcome {
        let issued = self.bss.acquire(self.account, asked).await;
        settle(issued.map(Outcome::Acquired), Tried::Acquire)
    }

    /// Requests the tenant, whose intent is on record.
    pub(super) async fn create_tenant(
        &self,
        fence: Fence<'_>,
        recorded: Recorded<CreateTenant>,
    ) -> Outcome {
        let CreateTenant {
            key,
            request,
            settings,
            digest: _,
        } = recorded.into_inner();
        let creation = self
            .bss
            .create_tenant(fence, &request, &key, &settings)
            .await;
        settle(creation.map(Outcome::TenantRequested), Tried::CreateTenant)
    }

    /// Activates back ordering, whose intent is on record.
    pub(super) async fn activate(&self, fence: Fence<'_>, recorded: Recorded<Activate>) -> Outcome {
        let activate = recorded.into_inner();
        let target = crate::bss::port::ActivationTarget {
            tenant: activate.tenant(),
            expected: activate
                .sweep()
                .revision()
                .filter(|_| !on(Mutant::ExpectedRevisionDropped)),
        };
        let activation = self
            .bss
            .activate_back_ordering(fence, activate.request(), activate.key(), target)
            .await;
        settle(activation.map(Outcome::Activation), Tried::Activate)
    }
}

/// What a cheap look answered, as a number that is another one when the answer is. A revision is left
/// out: it moves with everything.
fn watched(answer: Result<Outcome, BssError>) -> Outcome {
    let still = match answer {
        Ok(Outcome::Pages(Pages::Customers { source, copies })) => {
            Outcome::Pages(Pages::Customers {
                source: source.map(without_revision),
                copies: copies.map(without_revision),
            })
        }
        Ok(Outcome::Pages(Pages::Purchases { source, copies })) => {
            Outcome::Pages(Pages::Purchases {
                source: source.map(without_revision),
                copies: copies.map(without_revision),
            })
        }
        Ok(other) => other,
        // Something that is not there is an answer too.
        Err(BssError::NotFound { .. }) => return Outcome::Watched(0),
        Err(error) => {
            return Outcome::Failed {
                tried: Tried::Watch,
                error,
            };
        }
    };
    let mut hasher = std::hash::DefaultHasher::new();
    still.hash(&mut hasher);
    Outcome::Watched(hasher.finish())
}

fn without_revision<T>(page: Page<T>) -> Page<T> {
    Page {
        revision: None,
        ..page
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

/// A batch that was taken back while it waited was not begun.
fn begun(outcome: Outcome) -> Option<Outcome> {
    let taken_back = matches!(
        outcome,
        Outcome::Failed {
            error: BssError::Withdrawn,
            ..
        }
    );
    (!taken_back).then_some(outcome)
}

fn settle(result: Result<Outcome, BssError>, tried: Tried) -> Outcome {
    result.unwrap_or_else(|error| Outcome::Failed { tried, error })
}
