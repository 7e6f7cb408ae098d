//! The upgrade that tests work on: a spec that is in order, and what it refers to.

use tenant_reseller_operator::api::{
    ConnectionKind, ConnectionRef, Invoicing, PricingPolicy, ResellerRef, TenantResellerUpgrade,
    TenantResellerUpgradeSpec, TenantSpec,
};
use tenant_reseller_operator::upgrade::{Pace, References, TenantConnection, Terms};

use crate::simulated_bss::RESELLER;

/// An upgrade as a person applies it.
pub fn applied() -> TenantResellerUpgrade {
    let mut upgrade = TenantResellerUpgrade::new(
        "contoso",
        TenantResellerUpgradeSpec {
            connection_ref: ConnectionRef {
                kind: ConnectionKind::BssConnection,
                name: "distributor".to_owned(),
            },
            reseller: ResellerRef {
                account_id: RESELLER.to_owned(),
                expected_name: None,
            },
            tenant: TenantSpec {
                price_list: "PL".to_owned(),
                edition: "Premium".to_owned(),
                language: "en-GB".to_owned(),
                time_zone: "Europe/Athens".to_owned(),
                date_format: "dd/MM/yyyy".to_owned(),
                invoicing: Invoicing::Combined,
            },
            tenant_connection_ref: None,
            pricing: PricingPolicy::default(),
            suspend: false,
            confirmed_copies: Vec::new(),
        },
    );
    upgrade.metadata.namespace = Some("resellers".to_owned());
    upgrade
}

/// The same as the API server has it.
pub fn stored() -> TenantResellerUpgrade {
    let mut upgrade = applied();
    upgrade.metadata.uid = Some("uid-1".to_owned());
    upgrade.metadata.generation = Some(1);
    upgrade
}

/// What it refers to, without declared pricing options.
pub fn references(pace: Pace, terms: Terms) -> References {
    References {
        identity: "acme".to_owned(),
        pricing: Vec::new(),
        pace,
        terms,
        tenant_connection: TenantConnection::NotNamed,
        credential_doubt: None,
    }
}
