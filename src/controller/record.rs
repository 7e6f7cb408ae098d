//! Steps 4 and 6: put on record what is about to happen and what happened. Touches the cluster.

use super::cache::Life;
use crate::api::{ClaimHolder, ResellerClaim, ResellerClaimSpec, TenantResellerUpgrade};
use crate::bss::port::{AccountId, WriteOperation};
use crate::cluster::port::{Cluster, ClusterError, ClusterResult};
use crate::mutants::{Mutant, on};
use crate::upgrade::{
    Activate, ClaimEdit, Copying, CreateTenant, Doer, Holding, Now, Suspension, ValidUpgrade, Ways,
    Work, apply_claim_edit, claim_name, intends, may_take_over, suspension,
};

/// An effect whose intent is on record. `perform` takes nothing else for an effect that must not
/// be repeated blindly.
#[derive(Debug)]
pub(super) struct Recorded<T>(T);

impl<T> Recorded<T> {
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

/// A creation is recorded if the claim, as the API server returned it, carries its intent.
pub(super) fn creation(
    effect: CreateTenant,
    claim: &ResellerClaim,
) -> Option<Recorded<CreateTenant>> {
    if on(Mutant::TenantBeforeRecord) {
        return Some(Recorded(effect));
    }
    let intent = claim.spec.intents.create_tenant.as_ref()?;
    (intent.settings_digest == effect.digest).then_some(Recorded(effect))
}

/// Copies under unique keys may be repeated and need no record. A BSS that would make a second copy
/// is sent only what the claim, as the API server returned it, names one by one.
pub(super) fn work(effect: Work, ways: &Ways, claim: &ResellerClaim) -> Option<Recorded<Work>> {
    let (operation, batches) = match &effect {
        Work::SetPricing(_) => return Some(Recorded(effect)),
        Work::CopyCustomers(batches) => (WriteOperation::CopyCustomers, batches),
        Work::CopySubscriptions(batches) => (WriteOperation::CopySubscriptions, batches),
    };
    // One that leaves it to people is only asked how.
    if ways.copying == Copying::Guarded
        || ways.doer(operation) != Doer::Bss
        || on(Mutant::CopiesBeforeRecord)
    {
        return Some(Recorded(effect));
    }
    let on_record = &claim.spec.intents.copies.as_ref()?.source_ids;
    let all = batches
        .iter()
        .flatten()
        .all(|item| on_record.contains(&item.source.0));
    all.then_some(Recorded(effect))
}

/// An activation is recorded if the claim carries its intent, and if the upgrade, read live a
/// moment ago, still is what was decided on: the cache may not have seen a suspension yet.
pub(super) fn activation(
    effect: Activate,
    claim: &ResellerClaim,
    decided_on: &TenantResellerUpgrade,
    live: Option<&TenantResellerUpgrade>,
) -> Option<Recorded<Activate>> {
    let intent = claim.spec.intents.activate.as_ref()?;
    let live = live?;
    let same = live.metadata.uid == decided_on.metadata.uid
        && live.metadata.generation == decided_on.metadata.generation
        && live.metadata.deletion_timestamp.is_none()
        && suspension(live) == Suspension::Running;
    let same = same || on(Mutant::SwitchWithoutLiveRead);
    (same && intends(intent, effect.sweep())).then_some(Recorded(effect))
}

/// Edits the claim, or takes it.
pub(super) async fn claim<C: Cluster, B>(
    cluster: &C,
    valid: &ValidUpgrade,
    life: &mut Life<B>,
    edit: &ClaimEdit,
    now: Now,
) -> ClusterResult<Holding> {
    let claim = match (edit, life.claim.clone()) {
        (ClaimEdit::Take, _) | (_, None) => {
            // The claim's name is made of the canonical account id, which only the BSS tells.
            let reseller = life
                .observed
                .reseller
                .as_ref()
                .map(|reseller| reseller.account.clone())
                .or_else(|| valid.pinned_account.clone());
            let reseller = reseller.ok_or(ClusterError::Conflict)?;
            match take(cluster, valid, &reseller).await? {
                Taken::Ours(claim) => *claim,
                Taken::Other(holder) => {
                    life.claim = None;
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
                // Whatever happened, the record is read again before anything rests on it.
                life.claim = None;
                life.observed.claim = None;
                if matches!(edit, ClaimEdit::BeginAcquire(_)) {
                    // The write may land late, even on a record that went back meanwhile: an attempt
                    // under the same name would then be taken for one of that record.
                    life.observed.next_acquisition();
                }
                return Err(error);
            }
        }
    };
    let holding = Holding::Ours(Box::new(claim.spec.clone()));
    life.claim = Some(claim);
    Ok(holding)
}

enum Taken {
    Ours(Box<ResellerClaim>),
    Other(ClaimHolder),
}

async fn take<C: Cluster>(
    cluster: &C,
    valid: &ValidUpgrade,
    reseller: &AccountId,
) -> ClusterResult<Taken> {
    let name = claim_name(&valid.identity, reseller);
    let me = ClaimHolder {
        namespace: valid.namespace.clone(),
        name: valid.name.clone(),
        uid: valid.uid.clone(),
    };
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
    if claim.spec.holder.uid == me.uid {
        return Ok(Taken::Ours(Box::new(claim)));
    }
    let holder = claim.spec.holder.clone();
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
