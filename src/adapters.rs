//! From the adapter that a connection's spec names to what the BSS side needs of it. It sees custom resources
//! and adapters, and is the only place that does. It must not touch the cluster or a BSS.

use std::time::Duration;

use crate::api::{
    BssConnectionSpec, InterworksAdapter, InterworksBundles, InterworksPaging, InterworksSwitch,
    InterworksWords,
};
use crate::bss::connect::AdapterSettings;
use crate::bss::interworks::{
    Bundles, Calibration, Options, Paging, Reading, Role, Switch, TenantDeclaration, Words,
};
use crate::bss::port::PurchaseState;

/// What the adapter of a connection needs; none unless the spec names exactly one adapter that is known
/// here, whole.
#[must_use]
pub fn settings(spec: &BssConnectionSpec) -> Option<AdapterSettings> {
    match (&spec.reference, &spec.interworks) {
        (Some(_), None) => Some(AdapterSettings::Reference),
        (None, Some(adapter)) => {
            let record = seconds(spec.limits.request_timeout_seconds);
            interworks(adapter, record)
                .map(|options| AdapterSettings::Interworks(Box::new(options)))
        }
        (Some(_), Some(_)) | (None, None) => None,
    }
}

fn interworks(adapter: &InterworksAdapter, record_timeout: Duration) -> Option<Options> {
    let role = match (&adapter.calibration, &adapter.tenant) {
        (Some(calibration), None) => Role::Distributor(Calibration {
            basic: calibration.basic_account_id.as_str().into(),
            tenant: calibration.tenant_account_id.as_str().into(),
        }),
        (None, Some(tenant)) => Role::Tenant(TenantDeclaration {
            id: tenant.id.as_str().into(),
            reseller: tenant.reseller_account_id.as_str().into(),
            url: tenant.url.clone(),
        }),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let reading = adapter.reading.clone().unwrap_or_default();
    Some(Options {
        api_version: adapter.api_version.clone(),
        role,
        words: words(adapter.words.as_ref(), &adapter.final_order_statuses),
        reading: Reading {
            page_size: u16::try_from(reading.page_size).unwrap_or(1).max(1),
            list_timeout: seconds(reading.list_timeout_seconds),
            record_timeout,
            max_scanned: u32::try_from(reading.max_scanned).unwrap_or(1).max(1),
            paging: match reading.paging {
                None | Some(InterworksPaging::Pages) => Paging::Pages,
                Some(InterworksPaging::Whole) => Paging::Whole,
            },
        },
        switch: match adapter.switch {
            None | Some(InterworksSwitch::WithTransfer) => Switch::WithTransfer,
            Some(InterworksSwitch::Separate) => Switch::Separate,
        },
        bundles: match adapter.bundles {
            None | Some(InterworksBundles::Read) => Bundles::Read,
            Some(InterworksBundles::None) => Bundles::None,
        },
        price_list_field: adapter.price_list_field.clone(),
    })
}

fn words(words: Option<&InterworksWords>, final_orders: &[String]) -> Words {
    let Some(words) = words else {
        return Words {
            final_orders: final_orders.to_vec(),
            ..Words::default()
        };
    };
    let states = [
        (&words.active, PurchaseState::Active),
        (&words.suspended, PurchaseState::Suspended),
        (&words.ended, PurchaseState::Cancelled),
        (&words.trial, PurchaseState::Trial),
        (&words.future_dated, PurchaseState::FutureDated),
    ];
    let states = states
        .into_iter()
        .flat_map(|(words, state)| words.iter().map(move |word| (word.clone(), state.clone())));
    Words {
        states: states.collect(),
        synced: words.synced.clone(),
        not_synced: words.not_synced.clone(),
        final_orders: final_orders.to_vec(),
    }
}

fn seconds(number: i32) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(1).max(1))
}
