//! The tenant: how it is made, by whom, and what is wrong with it.

use super::ready_state;
use super::remedies::{Told, blocker_remedy, remedies};
use crate::api::Reason;
use crate::bss::error::{BlockerTally, FieldError};
use crate::bss::port::{Tenant, TenantSettings};
use crate::upgrade::report::ReadyState;

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
    ready_state(
        Reason::InvalidSpec,
        format!("The BSS cannot create such a tenant: {}.", named.join("; ")),
        "Correct the fields that the message names. No tenant was created.",
    )
}

/// The BSS may not create a tenant for this reseller as things are.
pub(in crate::upgrade) fn creation_blocked(tallies: &[BlockerTally]) -> ReadyState {
    let names: Vec<&str> = tallies.iter().map(|tally| tally.reason.as_str()).collect();
    let told = tallies.iter().map(|tally| Told {
        said: tally.reason.as_str().to_owned(),
        remedy: blocker_remedy(tally.reason),
    });
    ready_state(
        Reason::PrecheckFailed,
        format!(
            "The BSS refuses to create the tenant: {}.",
            names.join(", ")
        ),
        format!(
            "{} No tenant was created; the operator looks again by itself.",
            remedies(told.collect())
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
    ready_state(
        Reason::AwaitingManualStep,
        "A person has to create the tenant in the distributor's BSS.",
        format!("{how}{values} The operator sees it and goes on by itself."),
    )
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
        ready_state(
            Reason::TenantSettingsDiffer,
            format!(
                "The reseller's tenant differs from the spec: {}.",
                differences.join("; ")
            ),
            "Change the spec to what the tenant is, or have the tenant changed in the BSS.",
        )
    })
}

/// The BSS refuses to make a tenant under this upgrade's keys, again and again.
pub(in crate::upgrade) fn tenant_refused(detail: &str) -> ReadyState {
    ready_state(
        Reason::TenantMissing,
        format!("There is no tenant, and the BSS does not make it: {detail}."),
        "Restore the tenant in the distributor's BSS, or create it there by hand with the values of \
         spec.tenant. The operator adopts it, and makes no second one.",
    )
}
