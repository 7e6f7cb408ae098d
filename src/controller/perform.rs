//! Performs an effect through the BSS port. Touches the BSS and nothing else.
//!
//! Batches run side by side, as many as the connection allows; the limiter, which every call passes,
//! may let fewer go. Before each batch the reconcile is asked whether it may go on, so that a suspension
//! or a lost lease is obeyed between two calls and not after four hundred. A call that waits in the
//! limiter's queue meanwhile is withdrawn by the consent that the reconcile puts over all calls.

use std::future::Future;
use std::hash::{Hash, Hasher};

use futures::stream::{self, StreamExt};

use super::cache::ReadAhead;
use super::context::Scope;
use super::record::{Prepared, Recorded};
use crate::bss::error::BssError;
use crate::bss::port::{
    AccountId, Acquisition, ActivationTarget, Bss, BusinessKey, ByItem, CheckTarget, CopyItem,
    CopyListing, Epoch, Fence, ItemOutcome, Page, PageRequest, SourceId, TenantId,
};
use crate::mutants::{Mutant, on};
use crate::upgrade::{
    Activate, Answered, CreateTenant, Foresee, InspectCalls, Outcome, Pages, PagesRequest, Read,
    Tried, Work,
};

/// On whose behalf the BSS is called.
pub(super) struct Caller<'a> {
    /// The reseller.
    account: AccountId,
    tenant: Option<TenantId>,
    epoch: Option<Epoch>,
    /// Who holds the reseller.
    installation: &'a str,
    /// Batches under way at a time. It is no more than the connection allows, so that few of them wait
    /// in the limiter's queue after the reconcile was asked whether it may go on.
    at_once: usize,
}

impl<'a> Caller<'a> {
    pub(super) fn of<B>(scope: &Scope<'_, B>, effect: &Prepared, installation: &'a str) -> Self {
        let observed = &scope.entry.observed;
        let read = observed.reseller.as_ref();
        let read = read.map(|reseller| &reseller.account);
        let account = read.or(scope.valid.pinned_account.as_ref());
        let tenant = observed.tenant.as_ref().and_then(Option::as_ref);
        // A cheap look may come before the tenant was read: the claim names it.
        let watches = matches!(effect, Prepared::Read(Read::Watch(_)));
        let claimed = observed.claim.as_ref().filter(|_| watches);
        let claimed = claimed.and_then(|claim| claim.tenant_id.as_deref());
        let limits = &scope.fetched.connection.spec.limits;
        Self {
            account: account.unwrap_or(&scope.valid.account).clone(),
            tenant: tenant
                .map(|tenant| tenant.id.clone())
                .or_else(|| claimed.map(TenantId::from)),
            epoch: observed.epoch.filter(|_| !on(Mutant::EpochDropped)),
            installation,
            at_once: usize::try_from(limits.concurrency)
                .unwrap_or(1)
                .clamp(1, 256),
        }
    }

    /// What goes along with every write.
    fn fence(&self) -> Fence<'_> {
        Fence {
            reseller: &self.account,
            epoch: self.epoch,
        }
    }
}

/// What came of an effect.
pub(super) struct Performed {
    pub(super) outcomes: Vec<Outcome>,
    /// The pages that follow the last copies, if they were read.
    pub(super) ahead: Option<ReadAhead>,
}

/// The BSS, as one effect uses it.
pub(super) struct Performer<'a, B, G> {
    pub(super) bss: &'a B,
    pub(super) caller: &'a Caller<'a>,
    /// Whether another batch may begin.
    pub(super) go_on: &'a G,
}

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Performs one effect.
    pub(super) async fn perform(&self, effect: Prepared) -> Performed {
        let outcomes = match effect {
            Prepared::Read(read) => self.read(&read).await,
            Prepared::Acquire { id, take_over } => {
                let asked = Acquisition {
                    id: &id,
                    holder: self.caller.installation,
                    take_over: take_over.as_deref(),
                };
                let issued = self.bss.acquire(&self.caller.account, asked).await;
                vec![settle(issued.map(Outcome::Acquired), Tried::Acquire)]
            }
            Prepared::Work { work, ahead } => return self.work(work, ahead.as_ref()).await,
            Prepared::CreateTenant(create) => vec![self.create_tenant(create).await],
            Prepared::Activate(activate) => vec![self.activate(activate).await],
        };
        Performed {
            outcomes,
            ahead: None,
        }
    }

    /// Looks at the BSS.
    async fn read(&self, read: &Read) -> Vec<Outcome> {
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
            Read::Identity => self.bss.identity().await.map(Outcome::Identity),
            Read::Capabilities => self.bss.capabilities().await.map(Outcome::Capabilities),
            Read::Reseller => self
                .bss
                .reseller(&self.caller.account)
                .await
                .map(Outcome::Reseller),
            Read::Tenant => self
                .bss
                .tenant(&self.caller.account)
                .await
                .map(Outcome::Tenant),
            Read::Operation(id) => self.bss.operation(id).await.map(Outcome::Operation),
            Read::OpenOrders(page) => self
                .bss
                .open_orders(&self.caller.account, page)
                .await
                .map(Outcome::OpenOrders),
            Read::Pages(pages) => return self.pages(pages).await,
            Read::Inspect(calls) => return self.inspect(calls).await,
            Read::Find(batches) => {
                let found = |asked: Vec<BusinessKey>| async move {
                    let found = self.bss.find(self.tenant()?, &asked).await?;
                    Ok(Outcome::Found { asked, found })
                };
                return self.batches(batches, Tried::Read, found).await;
            }
            Read::Foresee(look) => return self.foresee(look).await,
            // A cheap look is one look at something.
            Read::Watch(_) => Err(BssError::Unsupported { operation: "watch" }),
        };
        vec![settle(outcome, tried)]
    }

    fn tenant(&self) -> Result<&TenantId, BssError> {
        let tenant = self.caller.tenant.as_ref();
        tenant.ok_or_else(|| BssError::NotFound {
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
                    .copies(self.tenant()?, wanted.listing, page)
                    .await
                    .map(Some),
            }
        };
        match wanted.listing {
            CopyListing::Customers => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.customers(&self.caller.account, page)
                });
                let (source, copies) = futures::future::join(source, copies).await;
                both(source, copies, |source, copies| Pages::Customers {
                    source,
                    copies,
                })
            }
            CopyListing::Subscriptions => {
                let source = maybe(wanted.source.as_ref(), |page| {
                    self.bss.subscriptions(&self.caller.account, page)
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
            let answers = self.bss.pricing(self.tenant()?, &asked).await?;
            Ok(Outcome::Priced(Answered { asked, answers }))
        };
        let checked = |asked: Vec<SourceId>| async move {
            let answers = self
                .bss
                .check(&self.caller.account, &calls.target, &asked)
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
                let page = self.bss.subscriptions(&self.caller.account, page).await;
                vec![settle(page.map(Outcome::ForeseenPage), Tried::Foresee)]
            }
            Foresee::Checks {
                price_list,
                batches,
            } => {
                let target = &CheckTarget::PriceList(price_list.clone());
                let checked = |asked: Vec<SourceId>| async move {
                    let answers = self.bss.check(&self.caller.account, target, &asked).await?;
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
            .buffer_unordered(self.caller.at_once)
            .map(|result| settle(result, tried))
            .collect()
            .await
    }

    /// Does repeatable work. A batch that was not begun has no outcome; it is still to do. With the last
    /// copies the pages are read that follow them, if there are any: otherwise the BSS would have a
    /// single call to answer between two windows, and not as many as it may be asked at a time. If
    /// reading ahead fails, the pages are read again when they are needed.
    async fn work(&self, recorded: Recorded<Work>, ahead: Option<&PagesRequest>) -> Performed {
        let fence = self.caller.fence();
        let work = &recorded.into_inner();
        let tenant = match self.tenant() {
            Ok(tenant) => tenant,
            Err(error) => {
                tracing::error!("a write was decided on without a tenant; it was not sent");
                let tried = Tried::Work;
                return Performed {
                    outcomes: vec![Outcome::Failed { tried, error }],
                    ahead: None,
                };
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
    async fn create_tenant(&self, recorded: Recorded<CreateTenant>) -> Outcome {
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
        settle(creation.map(Outcome::TenantRequested), Tried::CreateTenant)
    }

    /// Activates back ordering, whose intent is on record.
    async fn activate(&self, recorded: Recorded<Activate>) -> Outcome {
        let fence = self.caller.fence();
        let activate = recorded.into_inner();
        let target = ActivationTarget {
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
