//! The status of the pricing objects of an upgrade. Touches the cluster; only on change.

use super::ready_condition;
use crate::api::{
    ConditionStatus, ConditionType, CustomerPricing, CustomerPricingStatus, PricingFailure, Reason,
    only,
};
use crate::bss::port::{PricingOutcome, SourceId};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::upgrade::{Now, Observed, ValidUpgrade};

/// Writes the status of every pricing object of the upgrade.
pub(in crate::controller) async fn pricing<C: Cluster>(
    cluster: &C,
    objects: &[CustomerPricing],
    valid: &ValidUpgrade,
    observed: &Observed,
    now: Now,
) -> ClusterResult<()> {
    let closed = observed.reached(ConditionType::SubscriptionsCopied);
    for object in objects {
        let generation = object.metadata.generation.unwrap_or_default();
        let before = status_of(object);
        let already_closed = before
            .conditions
            .iter()
            .any(|c| c.reason == Reason::Closed.as_str());
        if already_closed && before.observed_generation == Some(generation) {
            continue;
        }
        let status = pricing_status(object, (valid, observed), closed, now);
        if status != before {
            cluster.apply_pricing_status(object, &status).await?;
        }
    }
    Ok(())
}

/// The status as the operator wrote it.
fn status_of(object: &CustomerPricing) -> CustomerPricingStatus {
    let mut status = object.status.clone().unwrap_or_default();
    only(&mut status.conditions, &[ConditionType::Ready.as_str()]);
    status
}

fn pricing_status(
    object: &CustomerPricing,
    (valid, observed): (&ValidUpgrade, &Observed),
    closed: bool,
    now: Now,
) -> CustomerPricingStatus {
    let before = status_of(object);
    let generation = object.metadata.generation.unwrap_or_default();
    let mut status = CustomerPricingStatus {
        observed_generation: Some(generation),
        conditions: before.conditions,
        declared: i64::try_from(object.spec.customers.len()).unwrap_or(i64::MAX),
        ..CustomerPricingStatus::default()
    };
    let mut open = 0_i64;
    for customer in &object.spec.customers {
        let id = SourceId(customer.account_id.trim().to_owned());
        match fate(&id, valid, observed) {
            Fate::Applied => status.applied = status.applied.saturating_add(1),
            Fate::Open => open = open.saturating_add(1),
            Fate::Failed(detail) => {
                status.failed = status.failed.saturating_add(1);
                if status.failures.len() < 10 {
                    let account_id = customer.account_id.clone();
                    status.failures.push(PricingFailure { account_id, detail });
                }
            }
        }
    }
    let (ready, reason, message) = if closed {
        (
            ConditionStatus::True,
            Reason::Closed,
            "The subscriptions were copied: later changes are made in the reseller's BSS.",
        )
    } else if status.failed > 0 {
        (
            ConditionStatus::False,
            Reason::ItemsFailed,
            "Some options could not be applied; status.failures names the first of them.",
        )
    } else if open > 0 {
        (ConditionStatus::False, Reason::Pending, "Not applied yet.")
    } else {
        (ConditionStatus::True, Reason::Ready, "Applied.")
    };
    let _change =
        ready_condition(ready, reason, message).set(&mut status.conditions, generation, now.wall);
    status
}

enum Fate {
    Applied,
    Open,
    Failed(String),
}

fn fate(customer: &SourceId, valid: &ValidUpgrade, observed: &Observed) -> Fate {
    if let Some(objects) = valid.declared_twice.get(customer) {
        return Fate::Failed(format!(
            "Declared by {}: none of them is applied. Leave the customer in one of them.",
            objects.join(" and ")
        ));
    }
    let declared = valid.declared.get(customer);
    match observed.applied.get(customer) {
        Some((options, outcome)) if declared.is_some_and(|d| d.options == *options) => {
            match outcome {
                PricingOutcome::Written | PricingOutcome::Unchanged => Fate::Applied,
                PricingOutcome::Differs(fields) => Fate::Failed(format!(
                    "Other options are set in the reseller's BSS and stand ({}). Change the \
                     object to them, or change them there.",
                    fields.join(", ")
                )),
                PricingOutcome::Failed(why) => Fate::Failed(why.clone()),
                PricingOutcome::Unknown => Fate::Open,
            }
        }
        Some(_) | None => Fate::Open,
    }
}
