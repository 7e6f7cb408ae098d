//! What people do about each reason.

use crate::bss::port::BlockerReason;
use crate::upgrade::sweep::compare::Difference;
use crate::upgrade::sweep::findings::{FindingReason, Findings, ManualStep};

/// For what has no remedy of its own.
const SEE_THE_DETAIL: &str = "See the detail, and correct it in the BSS.";

/// What people do about a finding.
pub(in crate::upgrade) fn remedy(reason: FindingReason) -> &'static str {
    match reason {
        FindingReason::Blocked(reason) => blocker_remedy(reason),
        FindingReason::Excluded(why) => why.remedy(),
        FindingReason::Differs(how) => difference_remedy(how),
        FindingReason::ByHand(ManualStep::Copy) => "Copy it one to one, linked to its source.",
        FindingReason::ByHand(ManualStep::Update) => {
            "Bring the copy up to its source, or complete it."
        }
        FindingReason::ByHand(ManualStep::Mark) => {
            "Its copy is there: mark the account and its orders as back-ordering records."
        }
        FindingReason::ItemsFailed => SEE_THE_DETAIL,
    }
}

/// What people do about something that is in the way.
pub(super) fn blocker_remedy(reason: BlockerReason) -> &'static str {
    match reason {
        BlockerReason::CurrencyMismatch => {
            "Cancel the subscription in the distributor's BSS or sell it again in the price list's currency."
        }
        BlockerReason::ProductMissing
        | BlockerReason::AddonMissing
        | BlockerReason::BillingCycleMissing => {
            "Extend the tenant's price list in the distributor's BSS and run Update Tenant."
        }
        BlockerReason::AccountNotSynced => {
            "Repair the account's provisioning sync in the distributor's BSS."
        }
        BlockerReason::PricingIncomplete => {
            "Add the product to the customer's price list in the reseller's BSS."
        }
        BlockerReason::DuplicateCopy => "End all but one of the copies in the reseller's BSS.",
        BlockerReason::OrphanedCopy => {
            "End the copy in the reseller's BSS, or reactivate its source in the distributor's BSS."
        }
        BlockerReason::SourceChanged => {
            "Make product, add-ons, cycle, quantity, start, currency and cost price of copy and source \
             equal, on the side that is wrong. If they are equal, the BSS computes their digests in \
             two ways: have that mended. Do not end the copy: what is ended is not made again."
        }
        BlockerReason::HalfMarked => {
            "Mark the account as a back-ordering record in the distributor's BSS."
        }
        BlockerReason::OrderingDisabled => {
            "Enable ordering for the account in the distributor's BSS."
        }
        BlockerReason::PriceListInactive => {
            "Activate the price list in the distributor's BSS; or, while no tenant is requested, name \
             another in spec.tenant."
        }
        BlockerReason::ResellerNotBasic => "Only a Basic reseller gets a tenant.",
        BlockerReason::OrderNotFinal => "Complete or cancel the order.",
        BlockerReason::CustomerNotCopied => "See why its customer could not be copied.",
        BlockerReason::TenantSuspended => "Reactivate the tenant.",
        BlockerReason::CopyUnclear => {
            "See which record is the copy of which source, and say so in spec.confirmedCopies; or end \
             the record in the reseller's BSS if it is the copy of none."
        }
        BlockerReason::StateUnclear => {
            "Have the adapter told what the state means, or give the record a state that it knows."
        }
        BlockerReason::NotCopied | BlockerReason::BackOrderingActive => SEE_THE_DETAIL,
    }
}

/// What people do about a difference after the switch.
fn difference_remedy(how: Difference) -> &'static str {
    match how {
        Difference::Field => {
            "Product, add-ons, cycle, quantity, dates, currency or cost price of copy and source \
             differ: correct the copy in the reseller's BSS, unless the reseller amended it since the \
             switch."
        }
        Difference::NotCopied => {
            "Billed to the reseller without a copy: enter it in the reseller's BSS as a record without \
             provisioning, unless it was bought since the switch."
        }
        Difference::Duplicate => "The customer would be billed twice: end all copies but one.",
        Difference::Orphaned => {
            "The customer would be billed for what is not active: end the copy."
        }
        Difference::Incomplete => "Complete the copy's contacts in the reseller's BSS.",
        Difference::Unmarked => {
            "Mark the record as a back-ordering record in the distributor's BSS."
        }
        Difference::Unclear => {
            "See which record is the copy of which source, and say so in spec.confirmedCopies; have the \
             adapter told what a state means that it does not know."
        }
        Difference::NotLinked => "Have the link between source and copy corrected in the BSS.",
    }
}

/// What is said of a reason, and what people do about it.
pub(super) struct Told {
    pub(super) said: String,
    pub(super) remedy: &'static str,
}

/// How often each reason was found, and what people do about it.
pub(super) fn counted(findings: &Findings) -> Vec<Told> {
    let counts = findings.by_name().into_iter();
    counts
        .map(|(reason, count)| Told {
            said: format!("{} {count}", reason.as_str()),
            remedy: remedy(reason),
        })
        .collect()
}

/// The names of what was found.
pub(super) fn names(findings: &Findings) -> String {
    let names = findings.by_name().into_iter();
    let names: Vec<&str> = names.map(|(reason, _)| reason.as_str()).collect();
    names.join(", ")
}

/// What to do about each reason, those with one remedy together: `AddonMissing 1, ProductMissing 2: ...`.
pub(super) fn remedies(all: Vec<Told>) -> String {
    let mut together: Vec<(&str, Vec<String>)> = Vec::new();
    for Told { said, remedy } in all {
        match together.iter_mut().find(|(known, _)| *known == remedy) {
            Some((_, those)) => those.push(said),
            None => together.push((remedy, vec![said])),
        }
    }
    let told: Vec<String> = together
        .into_iter()
        .map(|(remedy, those)| format!("{}: {remedy}", those.join(", ")))
        .collect();
    told.join(" ")
}
