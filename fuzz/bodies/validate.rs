//! A spec and what it refers to, from any JSON: what comes out valid can be worked with, and what
//! does not says what is wrong.

use serde::Deserialize;
use std::collections::BTreeSet;
use tenant_reseller_operator::api::{CustomerPricing, Risk, TenantResellerUpgrade, WhenMissing};
use tenant_reseller_operator::bss::port::{BillingDay, PricingOptions};
use tenant_reseller_operator::upgrade::{
    Pace, References, Suspension, TenantConnection, Terms, ValidUpgrade, validate,
};

#[derive(Deserialize)]
struct Input {
    upgrade: TenantResellerUpgrade,
    #[serde(default)]
    pricing: Vec<CustomerPricing>,
    #[serde(default)]
    identity: String,
    #[serde(default)]
    accepted: BTreeSet<Risk>,
}

pub(super) fn run(data: &[u8]) {
    let Ok(input) = serde_json::from_slice::<Input>(data) else {
        return;
    };
    let Input {
        upgrade,
        pricing,
        identity,
        accepted,
    } = input;
    let references = References {
        identity,
        pricing,
        pace: Pace::default(),
        terms: Terms {
            accepted,
            ..Terms::default()
        },
        credential_doubt: None,
        tenant_connection: TenantConnection::NotNamed,
    };
    let result = validate(&upgrade, &references);
    assert_eq!(result, validate(&upgrade, &references));
    match result {
        Ok(valid) => judge(&valid, &upgrade, &references),
        Err(wrong) => {
            assert!(!wrong.is_empty());
            for one in &wrong {
                assert!(one.field.starts_with("spec."), "{one:?}");
                assert!(!one.detail.trim().is_empty(), "{one:?}");
            }
            let fields: BTreeSet<_> = wrong.iter().map(|one| one.field).collect();
            assert_eq!(fields.len(), wrong.len(), "a field is named twice");
        }
    }
}

fn judge(valid: &ValidUpgrade, upgrade: &TenantResellerUpgrade, references: &References) {
    let account = valid.account.as_str();
    assert!(!account.is_empty() && account == account.trim());
    assert_eq!(account, upgrade.spec.reseller.account_id.trim());
    assert_eq!(valid.identity, references.identity);
    let defaults = upgrade.spec.pricing.when_missing == WhenMissing::UseDefault;
    assert_eq!(valid.default_pricing.is_some(), defaults);
    let declared = valid.declared.values().map(|declared| &declared.options);
    declared
        .chain(&valid.default_pricing)
        .for_each(judge_options);
    if upgrade.spec.suspend {
        assert_eq!(valid.suspended, Suspension::Suspended);
    }
    // A customer is declared once or twice; nothing is lost, nothing is made up.
    let customers: Vec<&str> = references
        .pricing
        .iter()
        .flat_map(|object| &object.spec.customers)
        .map(|customer| customer.account_id.trim())
        .collect();
    for customer in valid.declared.keys() {
        assert!(!valid.declared_twice.contains_key(customer));
        assert!(customers.contains(&customer.as_str()));
        assert!(!customer.as_str().is_empty(), "options without a customer");
    }
    for (customer, objects) in &valid.declared_twice {
        assert!(objects.len() > 1);
        let times = customers
            .iter()
            .filter(|id| **id == customer.as_str())
            .count();
        assert!(objects.len() <= times);
    }
    let keys = valid.keys(&valid.account);
    assert!(keys.tenant().as_str().starts_with("tru/"));
    assert!(!keys.tenant().as_str().chars().any(char::is_control));
    assert_eq!(
        keys.tenant().as_str().split('/').count(),
        4,
        "a part that is two"
    );
}

fn judge_options(options: &PricingOptions) {
    match options.billing {
        BillingDay::Day(day) => assert!((1..=28).contains(&day), "{day}"),
        BillingDay::LastDayOfMonth => {}
    }
}
