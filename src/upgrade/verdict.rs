//! Verdicts in words: what people read, and what they are asked to do.
//!
//! Messages carry no counters and no personal data, because they are conditions and events;
//! counts and names go into the next action, which only status shows.

use super::observed::Verdict;
use super::tally::Findings;
use super::valid::ValidUpgrade;
use crate::api::Reason;
use crate::bss::error::{BlockerTally, BssError};
use crate::bss::port::{
    BlockerReason, Capabilities, Keys, Mode, SourceId, Strength, Tenant, TenantSettings,
    WriteOperation,
};
use std::collections::BTreeMap;

pub(super) fn verdict(
    reason: Reason,
    message: impl Into<String>,
    next_action: impl Into<String>,
) -> Verdict {
    Verdict {
        reason,
        message: message.into(),
        next_action: next_action.into(),
    }
}

/// What an error means that no step has a special meaning for.
pub(super) fn of_error(error: &BssError) -> Verdict {
    let message = error.to_string();
    let itself = "Nothing: the operator tries again by itself.";
    match error {
        BssError::Throttled { .. } => verdict(Reason::Throttled, message, itself),
        BssError::Unavailable { .. } => verdict(
            Reason::BssUnavailable,
            message,
            "The operator tries again by itself; see that the BSS can be reached from the cluster.",
        ),
        BssError::OutcomeUnknown { .. }
        | BssError::Conflict { .. }
        | BssError::StaleEpoch { .. }
        | BssError::NotFound { .. }
        | BssError::Blocked(_) => verdict(Reason::ProgressingWithRetry, message, itself),
        BssError::AuthRejected | BssError::Forbidden { .. } => verdict(
            Reason::CredentialsRejected,
            message,
            "Put a valid token with all needed rights into the connection's Secret.",
        ),
        BssError::HeldByAnother { holder } => verdict(
            Reason::ResellerClaimed,
            format!("The BSS says that another operator, {holder}, works on this reseller."),
            format!(
                "Make sure that the other operator has stopped for good, then take over: kubectl \
                 annotate tru NAME {}={holder}",
                crate::api::TAKE_OVER_ANNOTATION
            ),
        ),
        BssError::Invalid(_) | BssError::Malformed { .. } => verdict(
            Reason::ContractViolated,
            message,
            "Mend the service in front of the BSS; docs/reference-contract.yaml says what is expected.",
        ),
        BssError::ManualStepNeeded { .. } | BssError::Unsupported { .. } => verdict(
            Reason::RiskNotAccepted,
            message,
            "This operator needs every step to be automatic so far.",
        ),
        BssError::Refused { .. } => verdict(
            Reason::ConnectionForbidden,
            message,
            "Correct the connection's URL or CA, the Secret's allowed hosts, or the operator's allowed address ranges.",
        ),
    }
}

/// What stands in the way of working with this BSS at all, if anything does.
pub(super) fn weak(capabilities: &Capabilities) -> Option<Verdict> {
    let mut weak: Vec<String> = Vec::new();
    for operation in [
        WriteOperation::CreateTenant,
        WriteOperation::CopyCustomers,
        WriteOperation::SetPricing,
        WriteOperation::CopySubscriptions,
        WriteOperation::ActivateBackOrdering,
    ] {
        match capabilities.operations.get(&operation) {
            Some(Mode::Automatic) => {}
            Some(Mode::ManualStep) => weak.push(format!("{} is a manual step", operation.as_str())),
            Some(Mode::Unsupported) | None => {
                weak.push(format!("{} is not supported", operation.as_str()));
            }
        }
    }
    let promises = &capabilities.promises;
    if promises.keys != Keys::Unique {
        weak.push("keys are not unique".to_owned());
    }
    for (name, strength) in [
        ("epochs are not enforced", promises.epochs),
        ("listings carry no revision", promises.revision),
        (
            "activation does not compare the revision",
            promises.compares,
        ),
        ("open orders are not listed", promises.orders),
        (
            "copies are not refused after activation",
            promises.off_guard,
        ),
    ] {
        if strength == Strength::Weak {
            weak.push(name.to_owned());
        }
    }
    (!weak.is_empty()).then(|| {
        verdict(
            Reason::RiskNotAccepted,
            format!(
                "The BSS gives weaker promises than the operator works with: {}.",
                weak.join("; ")
            ),
            "Nothing was written. Strengthen the BSS or the service in front of it.",
        )
    })
}

/// Every setting in which a tenant differs from the spec.
pub(super) fn settings_differ(tenant: &Tenant, wanted: &TenantSettings) -> Option<Verdict> {
    let has = &tenant.settings;
    let mut differences = Vec::new();
    for (field, has, wants) in [
        (
            "priceList",
            has.price_list.as_str(),
            wanted.price_list.as_str(),
        ),
        ("edition", has.edition.as_str(), wanted.edition.as_str()),
        ("language", has.language.as_str(), wanted.language.as_str()),
        (
            "timeZone",
            has.time_zone.as_str(),
            wanted.time_zone.as_str(),
        ),
        (
            "dateFormat",
            has.date_format.as_str(),
            wanted.date_format.as_str(),
        ),
        (
            "invoicing",
            has.invoicing.as_str(),
            wanted.invoicing.as_str(),
        ),
    ] {
        if has != wants {
            differences.push(format!("{field} is {has}, spec.tenant.{field} is {wants}"));
        }
    }
    (!differences.is_empty()).then(|| {
        verdict(
            Reason::TenantSettingsDiffer,
            format!(
                "The reseller's tenant differs from the spec: {}.",
                differences.join("; ")
            ),
            "Change the spec to what the tenant is, or have the tenant changed in the BSS.",
        )
    })
}

/// What a look at all items found in the way, if anything.
pub(super) fn of_blockers(blockers: &Findings) -> Option<Verdict> {
    if blockers.total() == 0 {
        return None;
    }
    let only = |reason: BlockerReason| blockers.has(reason);
    let special = [
        BlockerReason::DuplicateCopy,
        BlockerReason::OrphanedCopy,
        BlockerReason::SourceChanged,
    ];
    let others = blockers
        .counts
        .keys()
        .any(|name| *name != "ItemsFailed" && special.iter().all(|s| s.as_str() != *name));
    let reason = if others {
        Reason::PrecheckFailed
    } else if only(BlockerReason::DuplicateCopy) {
        Reason::DuplicateCopy
    } else if only(BlockerReason::OrphanedCopy) {
        Reason::OrphanedCopy
    } else if only(BlockerReason::SourceChanged) {
        Reason::SourceChanged
    } else {
        Reason::ItemsFailed
    };
    let names: Vec<&str> = blockers.counts.keys().copied().collect();
    let counted: Vec<String> = blockers
        .counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    Some(verdict(
        reason,
        format!(
            "In the way: {}. Status lists them by reason, the report item by item.",
            names.join(", ")
        ),
        format!(
            "{}: {} The operator looks again by itself.",
            counted.join(", "),
            remedies(&names)
        ),
    ))
}

/// What the BSS names as in the way of the switch.
pub(super) fn of_refusal(tallies: &[BlockerTally]) -> Verdict {
    let names: Vec<&str> = tallies.iter().map(|tally| tally.reason.as_str()).collect();
    let counted: Vec<String> = tallies
        .iter()
        .map(|tally| {
            let name = tally.reason.as_str();
            let examples = tally
                .examples
                .iter()
                .take(5)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            format!("{name} {} ({examples})", tally.count)
        })
        .collect();
    verdict(
        match names.as_slice() {
            ["OrphanedCopy"] => Reason::OrphanedCopy,
            ["DuplicateCopy"] => Reason::DuplicateCopy,
            ["SourceChanged"] => Reason::SourceChanged,
            _ => Reason::PrecheckFailed,
        },
        format!(
            "The BSS refuses to activate back ordering: {}.",
            names.join(", ")
        ),
        format!(
            "{}: {} The operator looks again by itself.",
            counted.join(", "),
            remedies(&names)
        ),
    )
}

fn remedies(names: &[&str]) -> String {
    let texts: Vec<&str> = names.iter().map(|name| remedy(name)).collect();
    texts.join(" ")
}

/// What people do about a reason.
pub(super) fn remedy(reason: &str) -> &'static str {
    match reason {
        "CurrencyMismatch" => {
            "Cancel the subscription in the distributor's BSS or sell it again in the price list's currency."
        }
        "ProductMissing" | "AddonMissing" | "BillingCycleMissing" => {
            "Extend the tenant's price list in the distributor's BSS and run Update Tenant."
        }
        "AccountNotSynced" => "Repair the account's provisioning sync in the distributor's BSS.",
        "PricingIncomplete" => {
            "Add the product to the customer's price list in the reseller's BSS."
        }
        "DuplicateCopy" => "End all but one of the copies in the reseller's BSS.",
        "OrphanedCopy" => {
            "End the copy in the reseller's BSS, or reactivate its source in the distributor's BSS."
        }
        "SourceChanged" => {
            "Bring the copy's source-owned fields and the source together, or end the copy."
        }
        "HalfMarked" => "Mark the account as a back-ordering record in the distributor's BSS.",
        "OrderNotFinal" => "Complete or cancel the order.",
        "CustomerNotCopied" => "See why its customer could not be copied.",
        "TenantSuspended" => "Reactivate the tenant.",
        _ => "See the detail, and correct it in the BSS.",
    }
}

/// The wait for pricing options, with the count and the first names.
pub(super) fn awaiting_pricing(
    upgrade: &ValidUpgrade,
    unpriced: &BTreeMap<SourceId, Option<String>>,
) -> Verdict {
    let first: Vec<String> = unpriced
        .iter()
        .take(5)
        .map(|(id, name)| match name {
            Some(name) => format!("{} ({id})", name.chars().take(60).collect::<String>()),
            None => id.to_string(),
        })
        .collect();
    let more = match unpriced.len().saturating_sub(first.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let customers = if unpriced.len() == 1 {
        "customer"
    } else {
        "customers"
    };
    verdict(
        Reason::AwaitingPricing,
        "Customers that own subscriptions to copy have no pricing options yet.",
        format!(
            "Set pricing options for {} {customers} in the reseller's BSS, or apply a \
             CustomerPricing that names the upgrade {}: {}{more}.",
            unpriced.len(),
            upgrade.name,
            first.join(", "),
        ),
    )
}
