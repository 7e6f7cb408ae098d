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
use crate::bss::error::{BssError, FieldError};
use crate::bss::port::{
    Acquisition, Bss, BusinessKey, ByItem, CheckTarget, CopyItem, CopyListing, Fence, Page,
    PageRequest, SourceId, TenantId,
};
use crate::mutants::{Mutant, on};
use crate::upgrade::{
    Activate, Answered, CreateTenant, Foresee, InspectCalls, Outcome, Pages, PagesRequest, Read,
    Tried, Work,
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
        self.look(read).await
    }

    async fn look(&self, read: &Read) -> Vec<Outcome> {
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
            | Read::Foresee(_)
            | Read::Watch(_) => Tried::Read,
        };
        let outcome = match read {
            Read::Identity => self.bss.get_identity().await.map(Outcome::Identity),
            Read::Capabilities => self.bss.get_capabilities().await.map(Outcome::Capabilities),
            Read::Reseller => self
                .bss
                .get_reseller(self.account)
                .await
                .map(Outcome::Reseller),
            Read::Tenant => self.bss.get_tenant(self.account).await.map(Outcome::Tenant),
            Read::Operation(id) => self.bss.get_operation(id).await.map(Outcome::Operation),
            Read::OpenOrders(page) => self
                .bss
                .list_open_orders(self.account, page)
                .await
                .map(Outcome::OpenOrders),
            Read::Pages(pages) => return self.pages(pages).await,
            Read::Inspect(calls) => return self.inspect(calls).await,
            Read::Find(batches) => {
                let found = |asked: Vec<BusinessKey>| async move {
                    let found = self.bss.find_copies(self.tenant()?, &asked).await?;
                    Ok(Outcome::Found { asked, found })
                };
                return self.batches(batches, Tried::Read, found).await;
            }
            Read::Foresee(look) => return self.foresee(look).await,
            // A cheap look is one look at something.
            Read::Watch(_) => Err(BssError::Invalid(vec![FieldError {
                field: "watch".to_owned(),
                detail: "a cheap look within a cheap look".to_owned(),
                allowed: Vec::new(),
            }])),
        };
        vec![settle(outcome, tried)]
    }

    fn tenant(&self) -> Result<&TenantId, BssError> {
        self.tenant.ok_or_else(|| BssError::NotFound {
            what: "the tenant".to_owned(),
        })
    }

    /// Reads both sides. One that answered is known although the other failed.
    async fn pages(&self, wanted: &PagesRequest) -> Vec<Outcome> {
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
                    self.bss.list_customers(self.account, page)
                });
                let (source, copies) = futures::future::join(source, copies).await;
                both(source, copies, |source, copies| Pages::Customers {
                    source,
                    copies,
                })
            }
            CopyListing::Subscriptions => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.list_subscriptions(self.account, page)
                });
                let (source, copies) = futures::future::join(source, copies).await;
                both(source, copies, |source, copies| Pages::Purchases {
                    source,
                    copies,
                })
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
                .check_purchases(self.account, &calls.target, &asked)
                .await?;
            Ok(Outcome::Checked(Answered { asked, answers }))
        };
        let priced = self.batches(&calls.pricing, Tried::Read, priced);
        let checked = self.batches(&calls.checks, Tried::Read, checked);
        let (mut outcomes, mut checked) = futures::future::join(priced, checked).await;
        outcomes.append(&mut checked);
        outcomes
    }

    /// Looks at what can be known before the tenant exists.
    async fn foresee(&self, look: &Foresee) -> Vec<Outcome> {
        match look {
            Foresee::Page(page) => {
                let page = self.bss.list_subscriptions(self.account, page).await;
                vec![settle(page.map(Outcome::ForeseenPage), Tried::Foresee)]
            }
            Foresee::Checks {
                price_list,
                batches,
            } => {
                let target = &CheckTarget::PriceList(price_list.clone());
                let checked = |asked: Vec<SourceId>| async move {
                    let answers = self
                        .bss
                        .check_purchases(self.account, target, &asked)
                        .await?;
                    Ok(Outcome::ForeseenChecks(Answered { asked, answers }))
                };
                self.batches(batches, Tried::Foresee, checked).await
            }
        }
    }

    /// Reads batches side by side, one outcome each: what failed is asked again, and nothing else.
    async fn batches<T: Clone, F>(
        &self,
        batches: &[T],
        tried: Tried,
        call: impl Fn(T) -> F,
    ) -> Vec<Outcome>
    where
        F: Future<Output = Result<Outcome, BssError>>,
    {
        let calls: Vec<F> = batches.iter().cloned().map(&call).collect();
        stream::iter(calls)
            .buffer_unordered(self.at_once)
            .map(|result| settle(result, tried))
            .collect()
            .await
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
        let tenant = match self.tenant() {
            Ok(tenant) => tenant,
            Err(error) => {
                tracing::error!("a write was decided on without a tenant; it was not sent");
                let tried = Tried::Work;
                return (vec![Outcome::Failed { tried, error }], None);
            }
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
                    let read = self.pages(ahead?).await;
                    return read.into_iter().find(|outcome| !failed(outcome));
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
        let issued = self.bss.acquire_epoch(self.account, asked).await;
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
fn watched(answers: Vec<Outcome>) -> Outcome {
    let mut hasher = std::hash::DefaultHasher::new();
    for answer in answers {
        let still = if let Outcome::Pages(pages) = answer {
            Outcome::Pages(match pages {
                Pages::Customers { source, copies } => Pages::Customers {
                    source: source.map(without_revision),
                    copies: copies.map(without_revision),
                },
                Pages::Purchases { source, copies } => Pages::Purchases {
                    source: source.map(without_revision),
                    copies: copies.map(without_revision),
                },
            })
        } else if let Outcome::Failed { error, .. } = answer {
            // That something is not there is an answer too.
            if matches!(error, BssError::NotFound { .. }) {
                continue;
            }
            return Outcome::Failed {
                tried: Tried::Watch,
                error,
            };
        } else {
            answer
        };
        still.hash(&mut hasher);
    }
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

/// What came of the two sides: one outcome with what was answered, and one for each failure.
fn both<T, C>(
    source: Result<Option<T>, BssError>,
    copies: Result<Option<C>, BssError>,
    pages: impl FnOnce(Option<T>, Option<C>) -> Pages,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut lost = |error| {
        let tried = Tried::Read;
        outcomes.push(Outcome::Failed { tried, error });
    };
    let source = source.map_err(&mut lost).ok().flatten();
    let copies = copies.map_err(&mut lost).ok().flatten();
    if source.is_some() || copies.is_some() {
        outcomes.push(Outcome::Pages(pages(source, copies)));
    }
    outcomes
}

fn failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
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
