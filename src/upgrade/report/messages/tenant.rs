//! The tenant: how it is made, by whom, and what is wrong with it.

use super::copies::reason_of;
use super::ready_state;
use super::remedies::{Told, blocker_remedy, remedies};
use crate::api::{Reason, ResellerClaimSpec};
use crate::bss::error::{BlockerTally, FieldError};
use crate::bss::port::{Invoicing, PriceListId, SeenSettings, Tenant, TenantSettings};
use crate::upgrade::alike;
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
        reason_of(tallies),
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

/// Whether `spec.tenant` can still be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum SpecTenant {
    /// It can.
    Open,
    /// A tenant was requested with it, or is being worked on: the API server refuses a change.
    Frozen,
}

impl SpecTenant {
    /// What the record says.
    pub(in crate::upgrade) fn of(claim: Option<&ResellerClaimSpec>) -> Self {
        let frozen = claim.is_some_and(|claim| {
            claim.intents.create_tenant.is_some() || claim.tenant_id.is_some()
        });
        if frozen { Self::Frozen } else { Self::Open }
    }
}

/// Whether two values of a setting mean the same.
type Same = fn(&str, &str) -> bool;

/// Each setting: its field, what counts as the same, what the tenant has, and what the spec wants.
fn settings_side_by_side<'a>(
    seen: &'a SeenSettings,
    wanted: &'a TenantSettings,
) -> [(&'static str, Same, Option<&'a str>, &'a str); 6] {
    let exactly: Same = |one, other| one == other;
    let SeenSettings {
        price_list,
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    } = seen;
    [
        (
            "priceList",
            exactly,
            price_list.as_ref().map(PriceListId::as_str),
            wanted.price_list.as_str(),
        ),
        ("edition", alike::texts, edition.as_deref(), &wanted.edition),
        (
            "language",
            alike::languages,
            language.as_deref(),
            &wanted.language,
        ),
        (
            "timeZone",
            alike::time_zones,
            time_zone.as_deref(),
            &wanted.time_zone,
        ),
        (
            "dateFormat",
            alike::texts,
            date_format.as_deref(),
            &wanted.date_format,
        ),
        (
            "invoicing",
            exactly,
            invoicing.map(Invoicing::as_str),
            wanted.invoicing.as_str(),
        ),
    ]
}

/// Every setting in which a tenant differs from the spec. Another spelling of the same zone, language or
/// word is no difference: a BSS stores its own.
pub(in crate::upgrade) fn settings_differ(
    tenant: &Tenant,
    wanted: &TenantSettings,
    spec: SpecTenant,
) -> Option<ReadyState> {
    // What the BSS does not show is not compared.
    let differences: Vec<String> = settings_side_by_side(&tenant.settings, wanted)
        .into_iter()
        .filter_map(|(field, same, has, wants)| Some((field, same, has?, wants)))
        .filter(|(_, same, has, wants)| !same(has, wants))
        .map(|(field, _, has, wants)| {
            let (has, wants) = alike::side_by_side(has, wants);
            format!("{field} is {has}, spec.tenant.{field} is {wants}")
        })
        .collect();
    let next_action = match spec {
        SpecTenant::Open => {
            "Change spec.tenant to what the tenant is, or have the tenant changed in the BSS."
        }
        SpecTenant::Frozen => {
            "Have the tenant changed in the distributor's BSS to what spec.tenant says; spec.tenant \
             itself is frozen."
        }
    };
    (!differences.is_empty()).then(|| {
        ready_state(
            Reason::TenantSettingsDiffer,
            format!(
                "The reseller's tenant differs from the spec: {}.",
                differences.join("; ")
            ),
            next_action,
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
