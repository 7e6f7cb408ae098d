//! The status of the pricing objects of an upgrade: how many of the declared options were applied, and
//! why the others were not. Touches the cluster, and writes only what changed.

use crate::api::{
    ConditionStatus, ConditionType, CustomerPricing, CustomerPricingStatus, DesiredCondition,
    PricingFailure, Reason, only,
};
use crate::bss::port::{PricingOutcome, SourceId};
use crate::cluster::port::{Cluster, ClusterResult};
use crate::controller::cache::CacheEntry;
use crate::controller::context::Scope;
use crate::upgrade::{Known, Now, ValidUpgrade, cut};

/// Failures that a status names.
const MAX_FAILURES: usize = 10;
/// A longer detail is cut.
const LONGEST_DETAIL: usize = 512;

/// Writes the status of every pricing object of the upgrade.
pub(in crate::controller) async fn pricing<C: Cluster, B>(
    cluster: &C,
    scope: &mut Scope<'_, B>,
    now: Now,
) -> ClusterResult<()> {
    let CacheEntry {
        known, refusals, ..
    } = &mut *scope.entry;
    let known = PricingFacts {
        valid: scope.valid,
        known,
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
            let name = object.metadata.name.as_deref().unwrap_or_default();
            let written = cluster.apply_pricing_status(object, &status).await;
            refusals.take(&format!("CustomerPricing {name}"), written)?;
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
                        let detail = cut(&detail, LONGEST_DETAIL);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::bss::port::AcquisitionId;
    use crate::upgrade::{References, TenantConnection, Terms, validate};

    /// A BSS may say as much as the contract allows, in letters of four bytes, and the operator adds to it.
    #[test]
    fn the_detail_of_a_failure_fits_whatever_a_bss_says() {
        let upgrade = serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
            "metadata": { "name": "contoso", "namespace": "n", "uid": "u-1" },
            "spec": {
                "connectionRef": { "name": "distributor" }, "reseller": { "accountId": "10423" },
                "tenant": { "priceList": "PL", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined" },
            },
        }));
        let object: CustomerPricing = serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
            "metadata": { "name": "a", "namespace": "n", "uid": "p-1", "generation": 1 },
            "spec": { "upgradeRef": { "name": "contoso" }, "customers": [{
                "accountId": "C-1", "priceList": "PL", "billing": { "day": 1 },
                "paymentMethod": "Invoice", "invoicing": "Combined",
            }] },
        }))
        .unwrap();
        let references = References {
            identity: "acme".to_owned(),
            pricing: vec![object.clone()],
            pace: crate::upgrade::Pace::default(),
            terms: Terms::default(),
            credential_doubt: None,
            tenant_connection: TenantConnection::NotNamed,
        };
        let valid = validate(&upgrade.unwrap(), &references).unwrap();
        let customer = SourceId("C-1".to_owned());
        let options = valid.declared[&customer].options.clone();
        let long = "\u{1f4b6}".repeat(500);
        for outcome in [
            PricingOutcome::Failed(long.clone()),
            PricingOutcome::Differs(vec![long.clone(), long]),
        ] {
            let mut known = Known::new([], AcquisitionId("first.0".to_owned()));
            known.pricing.applied =
                BTreeMap::from([(customer.clone(), (options.clone(), outcome))]);
            let facts = PricingFacts {
                valid: &valid,
                known: &known,
            };
            let now = Now {
                wall: jiff::Timestamp::UNIX_EPOCH,
                monotonic: std::time::Duration::ZERO,
            };
            let status = facts.status(&object, now);
            assert_eq!(status.failed, 1);
            let detail = &status.failures[0].detail;
            assert!(
                (400..=LONGEST_DETAIL).contains(&detail.len()),
                "{}",
                detail.len()
            );
        }
    }
}
