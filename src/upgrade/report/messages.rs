//! Verdicts in words: what people read, and what they are asked to do.
//!
//! Messages carry no counters and no personal data, because they are conditions and events;
//! counts and names go into the next action, which only status shows.

use super::ReadyState;
use crate::api::Reason;
use crate::bss::error::{BlockerTally, BssError, FieldError};
use crate::bss::port::{
    AccountId, BlockerReason, SourceId, Tenant, TenantId, TenantSettings, WriteOperation,
};
use crate::upgrade::strategy::{Orders, Switch, Ways};
use crate::upgrade::sweep::tally::Findings;
use crate::upgrade::validated::ValidUpgrade;
use std::collections::BTreeMap;

pub(in crate::upgrade) fn verdict(
    reason: Reason,
    message: impl Into<String>,
    next_action: impl Into<String>,
) -> ReadyState {
    ReadyState {
        reason,
        message: message.into(),
        next_action: next_action.into(),
    }
}

/// As a sentence: what people read begins with a capital and ends with a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// What an error means that no step has a special meaning for.
pub(in crate::upgrade) fn of_error(error: &BssError) -> ReadyState {
    let message = sentence(&error.to_string());
    let itself = "Nothing: the operator tries again by itself.";
    match error {
        BssError::Throttled { .. } => verdict(Reason::Throttled, message, itself),
        BssError::Unavailable { .. } => verdict(
            Reason::BssUnavailable,
            message,
            "The operator tries again by itself; see that the BSS can be reached from the cluster.",
        ),
        BssError::Withdrawn
        | BssError::OutcomeUnknown { .. }
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
        BssError::NoToken { .. } => verdict(
            Reason::ContractViolated,
            message,
            "See that the connection's auth.oauth2ClientCredentials.tokenUrl names a token endpoint \
             that issues bearer tokens to clients (RFC 6749, 4.4).",
        ),
        BssError::ManualStepNeeded { .. } | BssError::Unsupported { .. } => verdict(
            Reason::ContractViolated,
            message,
            "The BSS said that it does this itself when asked: its capabilities and its replies \
             have to agree.",
        ),
        BssError::Refused { .. } => verdict(
            Reason::ConnectionForbidden,
            message,
            "Correct the connection's URL or CA, the Secret's allowed hosts, or the operator's allowed address ranges.",
        ),
    }
}

/// The BSS does not take the settings: every field that it names, as the spec calls it.
pub(in crate::upgrade) fn invalid_settings(fields: &[FieldError]) -> ReadyState {
    let named: Vec<String> = fields
        .iter()
        .map(|wrong| {
            let name = wrong.field.strip_prefix("settings.");
            let name =
                name.map_or_else(|| wrong.field.clone(), |name| format!("spec.tenant.{name}"));
            if wrong.allowed.is_empty() {
                format!("{name} {}", wrong.detail)
            } else {
                format!(
                    "{name} {} (allowed: {})",
                    wrong.detail,
                    wrong.allowed.join(", ")
                )
            }
        })
        .collect();
    verdict(
        Reason::InvalidSpec,
        format!("The BSS cannot create such a tenant: {}.", named.join("; ")),
        "Correct the fields that the message names. No tenant was created.",
    )
}

/// The BSS may not create a tenant for this reseller as things are.
pub(in crate::upgrade) fn creation_blocked(tallies: &[BlockerTally]) -> ReadyState {
    let names: Vec<&str> = tallies.iter().map(|tally| tally.reason.as_str()).collect();
    let counted: Vec<(&str, String)> = names.iter().map(|name| (*name, (*name).into())).collect();
    verdict(
        Reason::PrecheckFailed,
        format!(
            "The BSS refuses to create the tenant: {}.",
            names.join(", ")
        ),
        format!(
            "{} No tenant was created; the operator looks again by itself.",
            remedies(&counted, remedy)
        ),
    )
}

/// A person has to create the tenant.
pub(in crate::upgrade) fn create_by_hand(
    instruction: Option<&str>,
    settings: &TenantSettings,
) -> ReadyState {
    let TenantSettings {
        price_list,
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    } = settings;
    let how = instruction.unwrap_or(
        "Create the tenant in the distributor's BSS: it keeps no keys, so the operator must not.",
    );
    let invoicing = invoicing.as_str();
    let values = [
        price_list.as_str(),
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    ];
    // The BSS's own words may name them already.
    let values = if values.iter().all(|value| how.contains(value)) {
        String::new()
    } else {
        format!(
            " Values: price list {price_list}, edition {edition}, language {language}, time zone \
             {time_zone}, date format {date_format}, invoicing {invoicing}."
        )
    };
    verdict(
        Reason::AwaitingManualStep,
        "A person has to create the tenant in the distributor's BSS.",
        format!("{how}{values} The operator sees it and goes on by itself."),
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

/// Pricing options that the operator cannot set.
pub(in crate::upgrade) fn price_by_hand(instruction: Option<&str>, wait: &ReadyState) -> String {
    let how = instruction.unwrap_or("This BSS lets only people set pricing options.");
    let wanted = wait.next_action.replace(
        " in the reseller's BSS, or apply a CustomerPricing that",
        " for",
    );
    format!("{how} {wanted}")
}

/// A person has to press the switch; every gate was passed at the last look.
pub(in crate::upgrade) fn press_the_switch(
    instruction: Option<&str>,
    tenant: Option<&TenantId>,
) -> ReadyState {
    let how = instruction.unwrap_or("Activate back ordering in the distributor's BSS.");
    let tenant = tenant.filter(|tenant| !how.contains(tenant.as_str()));
    let tenant = tenant.map_or_else(String::new, |tenant| format!(" Tenant: {tenant}."));
    verdict(
        Reason::AwaitingManualStep,
        "Everything is copied and every gate is passed; a person has to activate back ordering.",
        format!(
            "{how}{tenant} This cannot be undone. Press it only while this message stands: the \
             operator goes on looking, and takes it back if something moves."
        ),
    )
}

/// A person has to keep the world still until the switch.
pub(in crate::upgrade) fn freeze(ways: &Ways, account: Option<&AccountId>) -> ReadyState {
    let account = account.map_or_else(String::new, |account| format!(" {account}"));
    let (why, risk) = match (ways.switch, ways.orders) {
        (Switch::Frozen, Orders::Listed | Orders::Unseen) => {
            ("nothing is compared at the switch", "UnguardedSwitch")
        }
        (Switch::Frozen, Orders::QuietTime) => (
            "nothing is compared at the switch and no open orders are listed",
            "UnguardedSwitch and UnseenOrders",
        ),
        (Switch::Compared | Switch::Unguarded, _) => ("no open orders are listed", "UnseenOrders"),
    };
    verdict(
        Reason::AwaitingManualStep,
        format!("Ordering has to rest until the switch, because {why}."),
        format!(
            "Disable ordering for the account{account} in the distributor's BSS; the operator sees it \
             and goes on by itself. Or accept the risk {risk} in the connection's \
             spec.acceptedRisks."
        ),
    )
}

/// A quiet time before the last sweep.
pub(in crate::upgrade) fn settling(what: &str) -> ReadyState {
    verdict(
        Reason::Settling,
        format!(
            "A quiet time runs before the last sweep, until nothing of {what} can be under way."
        ),
        "Nothing: the operator goes on by itself. The times are limits.settleSeconds and \
         limits.orderSettleSeconds of the connection.",
    )
}

/// Orders that are not final.
pub(in crate::upgrade) fn open_orders(open: &[String], and_more: bool) -> ReadyState {
    let first: Vec<&str> = open.iter().take(5).map(String::as_str).collect();
    let more = if and_more || open.len() > first.len() {
        ", ..."
    } else {
        ""
    };
    verdict(
        Reason::AwaitingOrders,
        "Orders of the reseller are not final.",
        format!(
            "The operator waits until these orders are completed or cancelled: {}{more}.",
            first.join(", ")
        ),
    )
}

/// A page without a row that says that there is another.
pub(in crate::upgrade) fn empty_page() -> ReadyState {
    verdict(
        Reason::ContractViolated,
        "The listing of open orders gave an empty page that is not the last.",
        "Mend the listing: a page with a nextCursor holds at least one row.",
    )
}

/// What the comparison after the switch found, if anything.
pub(in crate::upgrade) fn of_differences(differences: &Findings) -> Option<ReadyState> {
    if differences.total() == 0 {
        return None;
    }
    let names: Vec<&str> = differences.counts.keys().copied().collect();
    Some(verdict(
        Reason::VerificationFailed,
        format!(
            "Back ordering is on, and the two sides differ: {}. The report Verification lists every \
             item.",
            names.join(", ")
        ),
        format!(
            "{} The operator compares again by itself and changes nothing.",
            remedies(&counted(differences), difference_remedy)
        ),
    ))
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

/// Every setting in which a tenant differs from the spec.
pub(in crate::upgrade) fn settings_differ(
    tenant: &Tenant,
    wanted: &TenantSettings,
) -> Option<ReadyState> {
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

/// The BSS refuses to make a tenant under this upgrade's keys, again and again.
pub(in crate::upgrade) fn tenant_refused(detail: &str) -> ReadyState {
    verdict(
        Reason::TenantMissing,
        format!("There is no tenant, and the BSS does not make it: {detail}."),
        "Restore the tenant in the distributor's BSS, or create it there by hand with the values of \
         spec.tenant. The operator adopts it, and makes no second one.",
    )
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

/// What to do about each reason, those with one remedy together: `AddonMissing 1, ProductMissing 2: ...`.
/// The pairs are a reason's name and what is said of it.
fn remedies(counted: &[(&str, String)], remedy: fn(&str) -> &'static str) -> String {
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
fn counted(findings: &Findings) -> Vec<(&'static str, String)> {
    let counts = findings.counts.iter();
    counts
        .map(|(name, count)| (*name, format!("{name} {count}")))
        .collect()
}

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
