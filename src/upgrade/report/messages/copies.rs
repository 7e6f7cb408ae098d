//! Copies and pricing options: what is in their way, and what is left to people.

use std::collections::BTreeMap;

use super::remedies::{counted, remedies, remedy};
use super::verdict;
use crate::api::Reason;
use crate::bss::error::BlockerTally;
use crate::bss::port::{BlockerReason, SourceId, TenantId, WriteOperation};
use crate::upgrade::report::ReadyState;
use crate::upgrade::sweep::tally::Findings;
use crate::upgrade::validated::ValidUpgrade;

/// What a look at all items found in the way, if anything.
pub(in crate::upgrade) fn of_blockers(blockers: &Findings) -> Option<ReadyState> {
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
    Some(verdict(
        reason,
        format!(
            "In the way: {}. Status lists them by reason, the report Blockers item by item.",
            names.join(", ")
        ),
        format!(
            "{} The operator looks again by itself.",
            remedies(&counted(blockers), remedy)
        ),
    ))
}

/// What the BSS names as in the way of something: `Activating back ordering`.
pub(in crate::upgrade) fn of_refusal(what: &str, tallies: &[BlockerTally]) -> ReadyState {
    let names: Vec<&str> = tallies.iter().map(|tally| tally.reason.as_str()).collect();
    let counted: Vec<(&str, String)> = tallies
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
            (name, format!("{name} {} ({examples})", tally.count))
        })
        .collect();
    verdict(
        match names.as_slice() {
            ["OrphanedCopy"] => Reason::OrphanedCopy,
            ["DuplicateCopy"] => Reason::DuplicateCopy,
            ["SourceChanged"] => Reason::SourceChanged,
            ["TenantSuspended"] => Reason::TenantSuspended,
            _ => Reason::PrecheckFailed,
        },
        format!("{what} is refused by the BSS: {}.", names.join(", ")),
        format!(
            "{} The operator looks again by itself.",
            remedies(&counted, remedy)
        ),
    )
}

/// A person has to copy records.
pub(in crate::upgrade) fn copy_by_hand(
    operation: WriteOperation,
    (instruction, tenant): (Option<&str>, Option<&TenantId>),
    by_hand: &Findings,
) -> ReadyState {
    let what = if operation == WriteOperation::CopyCustomers {
        "customers"
    } else {
        "subscriptions and assets"
    };
    let how = instruction.map_or_else(
        || {
            format!(
                "Copy them one to one in the BSS: it keeps no keys, so the operator must not. \
                 Each copy has to be linked to its source{}.",
                if operation == WriteOperation::CopyCustomers {
                    ", with its contacts, and the account marked as a back-ordering record"
                } else {
                    ", without provisioning and without an order"
                }
            )
        },
        str::to_owned,
    );
    let tenant = tenant.map_or_else(String::new, |tenant| format!(" into tenant {tenant}"));
    let to_do: Vec<String> = [
        ("CopyByHand", format!("To copy{tenant}")),
        ("UpdateByHand", "To bring up to the source".to_owned()),
        ("MarkByHand", "To mark, since the copy is there".to_owned()),
    ]
    .into_iter()
    .filter_map(|(reason, words)| Some(format!("{words}: {}.", first_of(by_hand, reason)?)))
    .collect();
    verdict(
        Reason::AwaitingManualStep,
        format!("A person has to copy {what}{tenant}. The report ManualSteps lists them."),
        format!(
            "{how} {} The operator sees each copy and goes on by itself.",
            to_do.join(" ")
        ),
    )
}

/// The first few items of a reason; none if there is no such item.
fn first_of(findings: &Findings, reason: &str) -> Option<String> {
    let count = *findings.counts.get(reason)?;
    let rows = findings
        .rows
        .iter()
        .filter(|finding| finding.reason == reason);
    let first: Vec<&str> = rows
        .take(5)
        .map(|finding| finding.source.as_str())
        .collect();
    let more = count.saturating_sub(i64::try_from(first.len()).unwrap_or(i64::MAX));
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Some(format!("{}{more}", first.join(", ")))
}

/// The wait for pricing options, with the count and the first names.
pub(in crate::upgrade) fn awaiting_pricing(
    upgrade: &ValidUpgrade,
    unpriced: &BTreeMap<SourceId, Option<String>>,
) -> ReadyState {
    let first: Vec<String> = unpriced
        .iter()
        .take(5)
        .map(|(id, name)| match name {
            Some(name) => format!("{name} ({id})"),
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

/// Pricing options that the operator cannot set.
pub(in crate::upgrade) fn price_by_hand(instruction: Option<&str>, wait: &ReadyState) -> String {
    let how = instruction.unwrap_or("This BSS lets only people set pricing options.");
    let wanted = wait.next_action.replace(
        " in the reseller's BSS, or apply a CustomerPricing that",
        " for",
    );
    format!("{how} {wanted}")
}
