//! Performs an effect through the BSS port. Touches the BSS and nothing else.
//!
//! Calls run side by side, as many as the connection allows; the limiter, which every call passes,
//! may let fewer go. Before each batch the reconcile is asked whether it may go on, so that a suspension
//! or a lost lease is obeyed between two calls and not after four hundred. A call that waits in the
//! limiter's queue meanwhile is stopped by the cancellation that the reconcile puts over all calls.

mod reads;
mod writes;

use super::context::Scope;
use super::record::Prepared;
use crate::bss::error::BssError;
use crate::bss::port::{AccountId, Acquisition, Bss, Epoch, Fence, TenantId};
use crate::upgrade::{Attempted, Outcome};

/// On whose behalf the BSS is called.
pub(super) struct Caller {
    /// The reseller.
    account: AccountId,
    tenant: Option<TenantId>,
    epoch: Option<Epoch>,
    /// The holder that asks for an epoch.
    holder: String,
    /// Batches under way at a time. It is no more than the connection allows, so that few of them wait
    /// in the limiter's queue after the reconcile was asked whether it may go on.
    at_once: usize,
}

impl Caller {
    pub(super) fn of<B>(scope: &Scope<'_, B>, installation: &str) -> Self {
        let known = &scope.entry.known;
        let read = known.bss.reseller.as_ref();
        let read = read.map(|reseller| &reseller.account);
        let account = read.or(scope.valid.pinned_account.as_ref());
        let tenant = known.tenant.seen.as_ref().and_then(Option::as_ref);
        // A cheap look may come before the tenant was read: the claim names it.
        let claimed = known.fencing.claim.as_ref();
        let claimed = claimed.and_then(|claim| claim.tenant_id.as_deref());
        Self {
            account: account.unwrap_or(&scope.valid.account).clone(),
            tenant: tenant
                .map(|tenant| tenant.id.clone())
                .or_else(|| claimed.map(TenantId::from)),
            epoch: known.fencing.epoch,
            holder: scope.fetched.realm.holder(installation),
            at_once: scope.valid.terms.at_once,
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

/// The BSS, as one effect uses it.
pub(super) struct Performer<'a, B, G> {
    pub(super) bss: &'a B,
    pub(super) caller: &'a Caller,
    /// Whether another batch may begin.
    pub(super) go_on: &'a G,
}

impl<B: Bss, G: Fn() -> bool + Sync> Performer<'_, B, G> {
    /// Performs one effect.
    pub(super) async fn perform(&self, effect: Prepared) -> Vec<Outcome> {
        match effect {
            Prepared::Read(read) => self.read(&read).await,
            Prepared::Acquire { id, take_over } => {
                let asked = Acquisition {
                    id: &id,
                    holder: &self.caller.holder,
                    take_over: take_over.as_deref(),
                };
                let issued = self.bss.acquire_epoch(&self.caller.account, asked).await;
                vec![Outcome::of(
                    issued.map(Outcome::Acquired),
                    Attempted::Acquire,
                )]
            }
            Prepared::SetPricing(batches) => self.set_pricing(&batches).await,
            Prepared::CreateTenant(create) => vec![self.create_tenant(create).await],
            Prepared::Activate(activate) => vec![self.activate(activate).await],
        }
    }

    fn tenant(&self) -> Result<&TenantId, BssError> {
        let tenant = self.caller.tenant.as_ref();
        tenant.ok_or_else(|| BssError::NotFound {
            what: "the tenant".to_owned(),
        })
    }
}
