//! The effects that write. Every write carries the fence, and what must not be repeated blindly is on
//! record.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::Performer;
use crate::bss::error::BssError;
use crate::bss::port::{ActivationTarget, Bss, CopyItem, CopyListing, PricingOptions, SourceId};
use crate::controller::record::Recorded;
use crate::upgrade::{Activate, Attempted, CreateTenant, Outcome, SweepCall};

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Makes one call of a sweep. One that was not begun, because the upgrade changed, has no outcome: it is
    /// still to do.
    pub(in crate::controller) async fn call(&self, call: SweepCall) -> Option<Outcome> {
        if !(self.go_on)() {
            return None;
        }
        begun(match call {
            SweepCall::Copy(listing, items) => self.copy(listing, items).await,
            SweepCall::SetPricing(options) => self.store_options(&options).await,
            SweepCall::Sources(..)
            | SweepCall::Copies(..)
            | SweepCall::Pricing(_)
            | SweepCall::Check(..)
            | SweepCall::Find(_) => Outcome::of(self.look(call).await, Attempted::Read),
        })
    }

    async fn copy(&self, listing: CopyListing, items: Vec<CopyItem>) -> Outcome {
        let fence = self.caller.fence();
        let copied = match (self.tenant(), listing) {
            (Err(error), _) => Err(error),
            (Ok(tenant), CopyListing::Customers) => {
                self.bss.copy_customers(fence, tenant, &items).await
            }
            (Ok(tenant), CopyListing::Subscriptions) => {
                self.bss.copy_subscriptions(fence, tenant, &items).await
            }
        };
        let sources = items.into_iter().map(|item| item.source).collect();
        Outcome::of_copies(sources, copied)
    }

    /// Stores pricing options. A batch that was not begun has no outcome; it is still to do.
    pub(super) async fn set_pricing(
        &self,
        batches: &[BTreeMap<SourceId, PricingOptions>],
    ) -> Vec<Outcome> {
        let calls: Vec<_> = batches
            .iter()
            .map(|options| async move {
                if !(self.go_on)() {
                    return None;
                }
                begun(self.store_options(options).await)
            })
            .collect();
        let outcomes = stream::iter(calls).buffer_unordered(self.caller.at_once);
        outcomes.filter_map(std::future::ready).collect().await
    }

    async fn store_options(&self, options: &BTreeMap<SourceId, PricingOptions>) -> Outcome {
        let fence = self.caller.fence();
        let set = match self.tenant() {
            Ok(tenant) => self.bss.set_pricing(fence, tenant, options).await,
            Err(error) => Err(error),
        };
        Outcome::of(set.map(Outcome::PricingSet), Attempted::Write)
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
