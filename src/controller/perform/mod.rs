//! Performs an effect through the BSS port. Touches the BSS and nothing else.
//!
//! Batches run side by side, as many as the connection allows; the limiter, which every call passes,
//! may let fewer go. Before each batch the reconcile is asked whether it may go on, so that a suspension
//! or a lost lease is obeyed between two calls and not after four hundred. A call that waits in the
//! limiter's queue meanwhile is stopped by the cancellation that the reconcile puts over all calls.

mod reads;
mod writes;

use super::cache::ReadAhead;
use super::context::Scope;
use super::record::Prepared;
use crate::bss::error::BssError;
use crate::bss::port::{AccountId, Acquisition, Bss, Epoch, Fence, TenantId};
use crate::upgrade::{Attempted, Outcome, Read};

/// Batches under way at a time where the connection declares no limit. The limiter lets as many of their calls go
/// as it has found to be good.
const LEARNT_AT_ONCE: usize = 64;

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
    pub(super) fn of<B>(scope: &Scope<'_, B>, effect: &Prepared, installation: &str) -> Self {
        let known = &scope.entry.known;
        let read = known.bss.reseller.as_ref();
        let read = read.map(|reseller| &reseller.account);
        let account = read.or(scope.valid.pinned_account.as_ref());
        let tenant = known.tenant.seen.as_ref().and_then(Option::as_ref);
        // A cheap look may come before the tenant was read: the claim names it.
        let watches = matches!(effect, Prepared::Read(Read::Watch(_)));
        let claimed = known.fencing.claim.as_ref().filter(|_| watches);
        let claimed = claimed.and_then(|claim| claim.tenant_id.as_deref());
        let limits = &scope.fetched.connection.spec.limits;
        Self {
            account: account.unwrap_or(&scope.valid.account).clone(),
            tenant: tenant
                .map(|tenant| tenant.id.clone())
                .or_else(|| claimed.map(TenantId::from)),
            epoch: known.fencing.epoch,
            holder: scope.fetched.realm.holder(installation),
            at_once: limits
                .concurrency
                .map_or(LEARNT_AT_ONCE, |number| {
                    usize::try_from(number).unwrap_or(1)
                })
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
    pub(super) caller: &'a Caller,
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
                    holder: &self.caller.holder,
                    take_over: take_over.as_deref(),
                };
                let issued = self.bss.acquire_epoch(&self.caller.account, asked).await;
                vec![Outcome::of(
                    issued.map(Outcome::Acquired),
                    Attempted::Acquire,
                )]
            }
            Prepared::Write { write, ahead } => return self.write(write, ahead.as_ref()).await,
            Prepared::CreateTenant(create) => vec![self.create_tenant(create).await],
            Prepared::Activate(activate) => vec![self.activate(activate).await],
        };
        Performed {
            outcomes,
            ahead: None,
        }
    }

    fn tenant(&self) -> Result<&TenantId, BssError> {
        let tenant = self.caller.tenant.as_ref();
        tenant.ok_or_else(|| BssError::NotFound {
            what: "the tenant".to_owned(),
        })
    }
}
