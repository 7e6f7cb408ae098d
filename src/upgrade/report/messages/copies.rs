//! Copies and pricing options: what is in their way, and what is left to people.

use std::collections::BTreeMap;

use super::ready_state;
use super::remedies::{Told, blocker_remedy, counted, names, remedies};
use crate::api::{CONFIRM_ANNOTATION, Reason};
use crate::bss::error::BlockerTally;
use crate::bss::port::{About, BlockerReason, SourceId, TenantId, WriteOperation};
use crate::upgrade::annotations::not_as_asked;
use crate::upgrade::report::ReadyState;
use crate::upgrade::sweep::findings::{FindingReason, Findings, ManualStep};
use crate::upgrade::validated::ValidUpgrade;

/// What a look at all items found in the way, if anything.
pub(in crate::upgrade) fn of_blockers(blockers: &Findings) -> Option<ReadyState> {
    if blockers.total() == 0 {
        return None;
    }
    let reasons: Vec<Reason> = blockers.counts.keys().copied().map(shown_as).collect();
    // The first of these is shown: what only a pre-check tells comes before what has a name of its own.
    let first = [
        Reason::PrecheckFailed,
        Reason::DuplicateCopy,
        Reason::OrphanedCopy,
        Reason::SourceChanged,
        Reason::CopyUnclear,
    ];
    let reason = first.into_iter().find(|reason| reasons.contains(reason));
    let reason = reason.unwrap_or(Reason::ItemsFailed);
    Some(ready_state(
        reason,
        format!(
            "In the way: {}. Status lists them by reason, the report Blockers item by item.",
            names(blockers)
        ),
        format!(
            "{} The operator looks again by itself.",
            remedies(counted(blockers))
        ),
    ))
}

/// The reason of `Ready` for one that was found.
fn shown_as(found: FindingReason) -> Reason {
    match found {
        FindingReason::Blocked(reason) => of_a_copy(reason).unwrap_or(Reason::PrecheckFailed),
        FindingReason::ItemsFailed => Reason::ItemsFailed,
        FindingReason::Excluded(_) | FindingReason::Differs(_) | FindingReason::ByHand(_) => {
            Reason::PrecheckFailed
        }
    }
}

/// The reason of `Ready` for what is wrong with a copy that exists: it has the same word.
fn of_a_copy(reason: BlockerReason) -> Option<Reason> {
    let of_a_copy = reason.about() == About::ItsCopy;
    let mut all = Reason::ALL.into_iter().filter(|_| of_a_copy);
    all.find(|shown| shown.as_str() == reason.as_str())
}

/// The reason of `Ready` for what the BSS names as in the way. A state of the reseller or of its tenant has
/// a reason of its own, which is shown wherever the operator comes across it; it goes before what is
/// wrong with single items, since these cannot be mended meanwhile.
pub(super) fn reason_of(tallies: &[BlockerTally]) -> Reason {
    let named = |reason: BlockerReason| tallies.iter().any(|tally| tally.reason == reason);
    if named(BlockerReason::ResellerNotBasic) {
        return Reason::ResellerNotBasic;
    }
    if named(BlockerReason::TenantSuspended) {
        return Reason::TenantSuspended;
    }
    let alone = match tallies {
        [only] if only.reason == BlockerReason::OrderNotFinal => Some(Reason::AwaitingOrders),
        [only] => of_a_copy(only.reason),
        [] | [_, _, ..] => None,
    };
    alone.unwrap_or(Reason::PrecheckFailed)
}

/// What the BSS names as in the way of something: `Activating back ordering`.
pub(in crate::upgrade) fn of_refusal(what: &str, tallies: &[BlockerTally]) -> ReadyState {
    let names: Vec<&str> = tallies.iter().map(|tally| tally.reason.as_str()).collect();
    let told = tallies.iter().map(|tally| {
        let name = tally.reason.as_str();
        let examples: Vec<&str> = tally.examples.iter().take(5).map(String::as_str).collect();
        Told {
            said: format!("{name} {} ({})", tally.count, examples.join(", ")),
            remedy: blocker_remedy(tally.reason),
        }
    });
    ready_state(
        reason_of(tallies),
        format!("{what} is refused by the BSS: {}.", names.join(", ")),
        format!(
            "{} The operator looks again by itself.",
            remedies(told.collect())
        ),
    )
}

/// A person has to copy records.
pub(in crate::upgrade) fn copy_by_hand(
    operation: WriteOperation,
    instruction: Option<&str>,
    tenant: Option<&TenantId>,
    by_hand: &Findings,
) -> ReadyState {
    let what = if operation == WriteOperation::CopyCustomers {
        "customers"
    } else {
        "subscriptions and assets"
    };
    let copies = by_hand.counts.contains_key(&ManualStep::Copy.into());
    let how = instruction.map_or_else(
        || {
            if !copies {
                return format!(
                    "Do it for these {what} in the BSS: it does not compare a copy with what was seen \
                     of it, so the operator changes none that exists."
                );
            }
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
        (ManualStep::Copy, format!("To copy{tenant}")),
        (ManualStep::Update, "To bring up to the source".to_owned()),
        (
            ManualStep::Mark,
            "To mark, since the copy is there".to_owned(),
        ),
    ]
    .into_iter()
    .filter_map(|(step, words)| Some(format!("{words}: {}.", first_of(by_hand, step)?)))
    .collect();
    ready_state(
        Reason::AwaitingManualStep,
        if copies {
            format!("A person has to copy {what}{tenant}. The report ManualSteps lists them.")
        } else {
            format!(
                "A person has to bring copies of {what} up to their sources. The report ManualSteps \
                 lists them."
            )
        },
        format!(
            "{how} {} The operator sees each copy and goes on by itself.",
            to_do.join(" ")
        ),
    )
}

/// The first few items of a step; none if there is no such item.
fn first_of(findings: &Findings, step: ManualStep) -> Option<String> {
    let reason = FindingReason::from(step);
    let count = *findings.counts.get(&reason)?;
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
    let Unpriced { customers, first } = Unpriced::of(unpriced);
    let name = &upgrade.name;
    without_pricing(format!(
        "Set pricing options for {customers} in the reseller's BSS, or apply a CustomerPricing that \
         names the upgrade {name}: {first}."
    ))
}

/// The same wait, where the operator cannot set pricing options.
pub(in crate::upgrade) fn price_by_hand(
    instruction: Option<&str>,
    upgrade: &ValidUpgrade,
    unpriced: &BTreeMap<SourceId, Option<String>>,
) -> ReadyState {
    let how = instruction.unwrap_or("This BSS lets only people set pricing options.");
    let Unpriced { customers, first } = Unpriced::of(unpriced);
    let name = &upgrade.name;
    without_pricing(format!(
        "{how} Set pricing options for {customers} of the upgrade {name}: {first}."
    ))
}

/// The BSS does not show pricing options: a person says that they are set.
pub(in crate::upgrade) fn confirm_pricing(
    upgrade: &ValidUpgrade,
    unseen: &BTreeMap<SourceId, Option<String>>,
    token: &str,
) -> ReadyState {
    let Unpriced { customers, first } = Unpriced::of(unseen);
    let other = not_as_asked(upgrade, token);
    ready_state(
        Reason::AwaitingConfirmation,
        "The BSS does not show the pricing options of customers that own subscriptions to copy.",
        format!(
            "{other}See in the reseller's BSS that {customers} have their pricing options: {first}. Then \
             confirm: kubectl annotate tru {} -n {} --overwrite {CONFIRM_ANNOTATION}={token}",
            upgrade.name, upgrade.namespace
        ),
    )
}

fn without_pricing(next_action: String) -> ReadyState {
    ready_state(
        Reason::AwaitingPricing,
        "Customers that own subscriptions to copy have no pricing options yet.",
        next_action,
    )
}

/// Customers without pricing options, in words.
struct Unpriced {
    /// How many: `3 customers`.
    customers: String,
    /// The first of them, and how many more there are.
    first: String,
}

impl Unpriced {
    fn of(unpriced: &BTreeMap<SourceId, Option<String>>) -> Self {
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
        let customers = match unpriced.len() {
            1 => "1 customer".to_owned(),
            many => format!("{many} customers"),
        };
        Self {
            customers,
            first: format!("{}{more}", first.join(", ")),
        }
    }
}
