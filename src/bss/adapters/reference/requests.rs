//! From the port to the wire.

use super::contract as wire;
use crate::bss::error::{BssError, FieldError};
use crate::bss::port;
use std::collections::BTreeMap;

pub(super) fn create_tenant(
    key: &port::BusinessKey,
    settings: &port::TenantSettings,
) -> wire::CreateTenant {
    wire::CreateTenant {
        business_key: key.0.clone(),
        settings: tenant_settings(settings),
    }
}

pub(super) fn tenant_settings(settings: &port::TenantSettings) -> wire::TenantSettings {
    let port::TenantSettings {
        price_list,
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    } = settings.clone();
    wire::TenantSettings {
        price_list: price_list.0,
        edition,
        language,
        time_zone,
        date_format,
        invoicing: self::invoicing(invoicing),
    }
}

fn invoicing(invoicing: port::Invoicing) -> wire::Invoicing {
    match invoicing {
        port::Invoicing::Combined => wire::Invoicing::Combined,
        port::Invoicing::Separate => wire::Invoicing::Separate,
    }
}

pub(super) fn copy_kind(listing: port::CopyListing) -> &'static str {
    match listing {
        port::CopyListing::Customers => "Customers",
        port::CopyListing::Subscriptions => "Subscriptions",
    }
}

pub(super) fn copy_customers(
    items: &[port::CopyItem],
) -> Result<wire::Batch<wire::CopyCustomer>, BssError> {
    let items = items.iter().map(copy_customer).collect::<Result<_, _>>()?;
    Ok(wire::Batch { items })
}

fn copy_customer(item: &port::CopyItem) -> Result<wire::CopyCustomer, BssError> {
    let port::CopyItem {
        source,
        kind,
        key,
        expected_source,
        expected_copy,
        pricing: _,
    } = item.clone();
    match kind {
        port::ItemKind::Customer => Ok(wire::CopyCustomer {
            source_id: source.0,
            business_key: key.0,
            expected_source: expected_source.0,
            expected_copy: expected_copy.map(|digest| digest.0),
        }),
        port::ItemKind::Subscription | port::ItemKind::Asset => Err(wrong_kind(&source)),
    }
}

pub(super) fn copy_subscriptions(
    items: &[port::CopyItem],
) -> Result<wire::Batch<wire::CopySubscription>, BssError> {
    let items = items
        .iter()
        .map(copy_subscription)
        .collect::<Result<_, _>>()?;
    Ok(wire::Batch { items })
}

fn copy_subscription(item: &port::CopyItem) -> Result<wire::CopySubscription, BssError> {
    let port::CopyItem {
        source,
        kind,
        key,
        expected_source,
        expected_copy,
        pricing,
    } = item.clone();
    let kind = match kind {
        port::ItemKind::Subscription => wire::PurchaseKind::Subscription,
        port::ItemKind::Asset => wire::PurchaseKind::Asset,
        port::ItemKind::Customer => return Err(wrong_kind(&source)),
    };
    let Some(pricing) = pricing else {
        return Err(invalid(&source, "no digest of pricing options"));
    };
    Ok(wire::CopySubscription {
        source_id: source.0,
        kind,
        business_key: key.0,
        expected_source: expected_source.0,
        expected_copy: expected_copy.map(|digest| digest.0),
        pricing_digest: pricing.0,
    })
}

fn wrong_kind(source: &port::SourceId) -> BssError {
    invalid(source, "of another kind than this operation copies")
}

fn invalid(source: &port::SourceId, detail: &str) -> BssError {
    BssError::Invalid(vec![FieldError {
        field: source.0.clone(),
        detail: detail.to_owned(),
        allowed: Vec::new(),
    }])
}

pub(super) fn set_pricing(
    options: &BTreeMap<port::SourceId, port::PricingOptions>,
) -> wire::Batch<wire::SetPricing> {
    let items = options.iter().map(|(customer, options)| wire::SetPricing {
        customer_id: customer.0.clone(),
        options: pricing_options(options),
    });
    wire::Batch {
        items: items.collect(),
    }
}

fn pricing_options(options: &port::PricingOptions) -> wire::PricingOptions {
    let port::PricingOptions {
        price_list,
        billing,
        payment_method,
        invoicing,
        credit_limit,
    } = options.clone();
    let billing = match billing {
        port::BillingDay::Day(day) => wire::Billing {
            day: Some(day),
            anchor: None,
        },
        port::BillingDay::LastDayOfMonth => wire::Billing {
            day: None,
            anchor: Some(wire::BillingAnchor::LastDayOfMonth),
        },
    };
    wire::PricingOptions {
        price_list: price_list.0,
        billing,
        payment_method,
        invoicing: self::invoicing(invoicing),
        credit_limit,
    }
}

pub(super) fn check(target: &port::CheckTarget, items: &[port::SourceId]) -> wire::Check {
    let target = match target {
        port::CheckTarget::Tenant(id) => wire::CheckTarget {
            tenant_id: Some(id.0.clone()),
            price_list: None,
        },
        port::CheckTarget::PriceList(id) => wire::CheckTarget {
            tenant_id: None,
            price_list: Some(id.0.clone()),
        },
    };
    wire::Check {
        target,
        source_ids: items.iter().map(|item| item.0.clone()).collect(),
    }
}
