//! The status of the pricing objects of an upgrade: how many of the declared options were applied, and
//! why the others were not. Touches the cluster, and writes only what changed.

use crate::api::{
    ConditionStatus, ConditionType, CustomerPricing, CustomerPricingStatus, DesiredCondition,
    PricingFailure, Reason, only,
};
use crate::bss::port::{PricingOutcome, SourceId};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::controller::context::Scope;
use crate::upgrade::{Known, Now, ValidUpgrade};

/// Failures that a status names.
const MAX_FAILURES: usize = 10;

/// Writes the status of every pricing object of the upgrade.
pub(in crate::controller) async fn pricing<C: Cluster, B>(
    cluster: &C,
    scope: &Scope<'_, B>,
    now: Now,
) -> ClusterResult<()> {
    let known = PricingFacts {
        valid: scope.valid,
        known: &scope.entry.known,
    };
    for object in &scope.fetched.references.pricing {
        let before = status_of(object);
        let closed = Reason::Closed.as_str();
        let already_closed = before.conditions.iter().any(|c| c.reason == closed);
        let generation = object.metadata.generation.unwrap_or_default();
        if already_closed && before.observed_generation == Some(generation) {
            continue;
        }
        let status = known.status(object, now);
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

/// What became of the options of one customer.
enum Fate {
    Applied,
    Open,
    Failed(String),
}

/// What is known of the options that an upgrade declares.
struct PricingFacts<'a> {
    valid: &'a ValidUpgrade,
    known: &'a Known,
}

impl PricingFacts<'_> {
    fn status(&self, object: &CustomerPricing, now: Now) -> CustomerPricingStatus {
        let generation = object.metadata.generation.unwrap_or_default();
        let mut status = CustomerPricingStatus {
            observed_generation: Some(generation),
            conditions: status_of(object).conditions,
            declared: i64::try_from(object.spec.customers.len()).unwrap_or(i64::MAX),
            ..CustomerPricingStatus::default()
        };
        let mut open = 0_i64;
        for customer in &object.spec.customers {
            let id = SourceId(customer.account_id.trim().to_owned());
            match self.fate(&id) {
                Fate::Applied => status.applied = status.applied.saturating_add(1),
                Fate::Open => open = open.saturating_add(1),
                Fate::Failed(detail) => {
                    status.failed = status.failed.saturating_add(1);
                    if status.failures.len() < MAX_FAILURES {
                        let account_id = customer.account_id.clone();
                        status.failures.push(PricingFailure { account_id, detail });
                    }
                }
            }
        }
        let ready = self.ready(status.failed, open);
        ready.set(&mut status.conditions, generation, now.wall);
        status
    }

    fn ready(&self, failed: i64, open: i64) -> DesiredCondition {
        use ConditionStatus::{False, True};
        let (status, reason, message) = if self.known.reached(ConditionType::SubscriptionsCopied) {
            (
                True,
                Reason::Closed,
                "The subscriptions were copied: later changes are made in the reseller's BSS.",
            )
        } else if failed > 0 {
            (
                False,
                Reason::ItemsFailed,
                "Some options could not be applied; status.failures names the first of them.",
            )
        } else if open > 0 {
            (False, Reason::Pending, "Not applied yet.")
        } else {
            (True, Reason::Ready, "Applied.")
        };
        DesiredCondition {
            type_: ConditionType::Ready,
            status,
            reason,
            message: message.to_owned(),
        }
    }

    fn fate(&self, customer: &SourceId) -> Fate {
        if let Some(objects) = self.valid.declared_twice.get(customer) {
            return Fate::Failed(format!(
                "Declared by {}: none of them is applied. Leave the customer in one of them.",
                objects.join(" and ")
            ));
        }
        let declared = self.valid.declared.get(customer);
        match self.known.pricing.applied.get(customer) {
            Some((options, outcome)) if declared.is_some_and(|d| d.options == *options) => {
                match outcome {
                    PricingOutcome::Written | PricingOutcome::Unchanged => Fate::Applied,
                    PricingOutcome::Differs(fields) => Fate::Failed(format!(
                        "Other options are set in the reseller's BSS and stand ({}). Change the \
                     object to them, or change them there.",
                        fields.join(", ")
                    )),
                    PricingOutcome::Failed(_) if self.is_unlisted(customer) => self.stranger(),
                    PricingOutcome::Failed(why) => Fate::Failed(why.clone()),
                    PricingOutcome::Unknown => Fate::Open,
                }
            }
            Some(_) | None if self.is_unlisted(customer) => self.stranger(),
            Some(_) | None => Fate::Open,
        }
    }

    /// Whether the last whole look at the reseller's customers searched for this one in vain.
    fn is_unlisted(&self, customer: &SourceId) -> bool {
        self.known.sweeps.customers.unlisted.contains(customer)
    }

    /// To the BSS it is a customer without a copy. Most often its id is mistyped.
    fn stranger(&self) -> Fate {
        Fate::Failed(format!(
            "No customer of the reseller {} has this account id in the distributor's BSS. Correct \
             accountId; if the customer is still to come, the operator goes on by itself.",
            self.valid.account
        ))
    }
}
