//! What people do about each reason.

use crate::upgrade::sweep::tally::Findings;

/// What people do about a reason.
pub(in crate::upgrade) fn remedy(reason: &str) -> &'static str {
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
            "Make product, add-ons, cycle, quantity, start, currency and cost price of copy and source \
             equal, on the side that is wrong. If they are equal, the BSS computes their digests in \
             two ways: have that mended. Do not end the copy: what is ended is not made again."
        }
        "HalfMarked" => "Mark the account as a back-ordering record in the distributor's BSS.",
        "OrderingDisabled" => "Enable ordering for the account in the distributor's BSS.",
        "PriceListInactive" => "Activate the price list, or name another in spec.tenant.",
        "ResellerNotBasic" => "Only a Basic reseller gets a tenant.",
        "OrderNotFinal" => "Complete or cancel the order.",
        "CustomerNotCopied" => "See why its customer could not be copied.",
        "TenantSuspended" => "Reactivate the tenant.",
        _ => "See the detail, and correct it in the BSS.",
    }
}

/// What people do about a difference after the switch.
pub(in crate::upgrade) fn difference_remedy(reason: &str) -> &'static str {
    match reason {
        "FieldsDiffer" => {
            "Product, add-ons, cycle, quantity, dates, currency or cost price of copy and source \
             differ: correct the copy in the reseller's BSS, unless the reseller amended it since the \
             switch."
        }
        "NotCopied" => {
            "Billed to the reseller without a copy: enter it in the reseller's BSS as a record without \
             provisioning, unless it was bought since the switch."
        }
        "DuplicateCopy" => "The customer would be billed twice: end all copies but one.",
        "OrphanedCopy" => "The customer would be billed for what is not active: end the copy.",
        "IncompleteCopy" => "Complete the copy's contacts in the reseller's BSS.",
        "NotMarked" => "Mark the record as a back-ordering record in the distributor's BSS.",
        "NotLinked" => "Have the link between source and copy corrected in the BSS.",
        _ => "See the two records, and correct the copy.",
    }
}

/// What to do about each reason, those with one remedy together: `AddonMissing 1, ProductMissing 2: ...`.
/// The pairs are a reason's name and what is said of it.
pub(super) fn remedies(counted: &[(&str, String)], remedy: fn(&str) -> &'static str) -> String {
    let mut together: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, count) in counted {
        let text = remedy(name);
        match together.iter_mut().find(|(known, _)| *known == text) {
            Some((_, counts)) => counts.push(count),
            None => together.push((text, vec![count])),
        }
    }
    let told: Vec<String> = together
        .into_iter()
        .map(|(text, counts)| format!("{}: {text}", counts.join(", ")))
        .collect();
    told.join(" ")
}

/// How often each reason was found.
pub(super) fn counted(findings: &Findings) -> Vec<(&'static str, String)> {
    let counts = findings.counts.iter();
    counts
        .map(|(name, count)| (*name, format!("{name} {count}")))
        .collect()
}
