//! The claim: the lock and the record of one reseller. It is taken and edited here, in the cluster.
//!
//! Nothing here calls the BSS or decides what to write: the edits come from `decide`.

use super::cache::CacheEntry;
use super::context::{Context, Scope, Time};
use super::publish::{self, Reported, Resync};
use super::reconcile::ReconcileError;
use crate::api::{ClaimHolder, ConditionType, ResellerClaim, ResellerClaimSpec};
use crate::bss::port::AccountId;
use crate::cluster::port::{Cluster, ClusterError, ClusterResult};
use crate::upgrade::{
    ClaimEdit, Holding, Now, Outcome, Realm, ValidUpgrade, apply_claim_edit, claim_name, decide,
    may_take_over, observe,
};

/// Edits the claim. Where people read of the edit in status, it is shown at once.
pub(super) async fn edit<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    edit: &ClaimEdit,
) -> Result<(), ReconcileError> {
    let cluster = &*context.cluster;
    if settles_reports(edit) {
        // The next process may not look at what the reports tell again.
        let now = context.time.now();
        publish::reports(cluster, Reported::of(scope), now, Resync::Now).await?;
    }
    let now = context.time.now();
    let holding = write(cluster, scope, edit, now).await?;
    let known = &mut scope.entry.known;
    observe(scope.valid, known, Outcome::Claim(holding), now);
    if matches!(
        edit,
        ClaimEdit::Milestone { .. } | ClaimEdit::DropTenantIntent | ClaimEdit::Withdraw
    ) {
        let state = decide(scope.valid, known, now).state;
        publish::status(context, scope, &state, None).await?;
    }
    Ok(())
}

/// Whether what was seen of customers and subscriptions up to this edit is what counts: the copying is
/// complete, or the switch is about to be asked for.
fn settles_reports(edit: &ClaimEdit) -> bool {
    matches!(
        edit,
        ClaimEdit::IntendActivation(_)
            | ClaimEdit::Milestone {
                milestone: ConditionType::SubscriptionsCopied,
                ..
            }
    )
}

/// Writes the edit, and takes the claim before if this process does not hold it.
async fn write<C: Cluster, B>(
    cluster: &C,
    scope: &mut Scope<'_, B>,
    edit: &ClaimEdit,
    now: Now,
) -> ClusterResult<Holding> {
    let entry = &mut *scope.entry;
    let claim = match (edit, entry.claim.clone()) {
        (ClaimEdit::Take, _) | (_, None) => {
            // The claim's name is made of the canonical account id, which only the BSS tells.
            let reseller = entry.known.bss.reseller.as_ref();
            let reseller = reseller.map(|reseller| &reseller.account);
            let reseller = reseller.or(scope.valid.pinned_account.as_ref());
            let reseller = reseller.ok_or(ClusterError::Conflict)?;
            match take(cluster, scope.valid, &scope.fetched.realm, reseller).await? {
                Taken::Ours(claim) => *claim,
                Taken::Other(holder) => {
                    entry.claim = None;
                    return Ok(Holding::Other(holder));
                }
            }
        }
        (_, Some(claim)) => claim,
    };
    let spec = apply_claim_edit(edit, &claim.spec, now.wall);
    let claim = if spec == claim.spec {
        claim
    } else {
        let next = ResellerClaim { spec, ..claim };
        match cluster.replace_claim(&next).await {
            Ok(written) => written,
            Err(error) => {
                write_is_unknown(entry, edit);
                return Err(error);
            }
        }
    };
    let holding = Holding::Ours(Box::new(claim.spec.clone()));
    entry.claim = Some(claim);
    Ok(holding)
}

/// Whatever became of the write, the record is read again before anything rests on it.
fn write_is_unknown<B>(entry: &mut CacheEntry<B>, edit: &ClaimEdit) {
    entry.claim = None;
    entry.known.fencing.claim = None;
    if matches!(edit, ClaimEdit::BeginAcquire(_)) {
        // The write may land late, even on a record that went back meanwhile: an attempt under the
        // same name would then be taken for one of that record.
        entry.known.fencing.next_acquisition();
    }
}

/// Fails unless the claim, read live, is the one that was written: the cluster's state may have gone
/// back since, and then the intent is not on record.
pub(super) async fn must_be_current<C: Cluster, B>(
    cluster: &C,
    entry: &mut CacheEntry<B>,
) -> Result<(), ReconcileError> {
    let written = entry.claim.as_ref().map(|claim| claim.metadata.clone());
    let name = written.as_ref().and_then(|meta| meta.name.clone());
    let read = cluster.claim(&name.unwrap_or_default()).await?;
    let present = read.map(|claim| claim.metadata);
    let version = |meta: &kube::api::ObjectMeta| (meta.uid.clone(), meta.resource_version.clone());
    if present.as_ref().map(version) == written.as_ref().map(version) {
        return Ok(());
    }
    entry.claim = None;
    entry.known.fencing.claim = None;
    Err(ReconcileError::Stale)
}

enum Taken {
    Ours(Box<ResellerClaim>),
    Other(ClaimHolder),
}

async fn take<C: Cluster>(
    cluster: &C,
    valid: &ValidUpgrade,
    realm: &Realm,
    reseller: &AccountId,
) -> ClusterResult<Taken> {
    let name = claim_name(realm, &valid.identity, reseller);
    let me = valid.holder();
    let Some(claim) = cluster.claim(&name).await? else {
        let fresh = ResellerClaim::new(
            &name,
            ResellerClaimSpec::new(valid.identity.clone(), reseller.0.clone(), me),
        );
        return cluster
            .create_claim(&fresh)
            .await
            .map(|claim| Taken::Ours(Box::new(claim)));
    };
    let holder = claim.spec.holder.clone();
    if !realm.has(&claim.spec, &valid.identity, reseller) {
        return Ok(Taken::Other(holder));
    }
    if holder.uid == me.uid {
        return Ok(Taken::Ours(Box::new(claim)));
    }
    let live = cluster.upgrade(&holder.namespace, &holder.name).await?;
    if !may_take_over(&holder, live.as_ref()) {
        return Ok(Taken::Other(holder));
    }
    let spec = ResellerClaimSpec {
        holder: me,
        ..claim.spec
    };
    let taken = ResellerClaim {
        metadata: claim.metadata,
        spec,
    };
    cluster
        .replace_claim(&taken)
        .await
        .map(|claim| Taken::Ours(Box::new(claim)))
}
