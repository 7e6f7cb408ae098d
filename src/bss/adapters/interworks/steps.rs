//! What people are told to do on the vendor's screens: page, menu, button, values, what follows. Pure.
//!
//! The numbers are those of the vendor's own pages, so that a reader can see when the vendor changed one.

use crate::bss::port::{AccountId, Invoicing, TenantSettings};

use super::options::Switch;

/// Where every one of the steps begins.
fn page(account: &AccountId) -> String {
    format!(
        "In the distributor's BSS open the details page of the reseller's account {account} and its \
         shortcuts menu"
    )
}

/// Phase 1.
pub(super) fn create_tenant(account: &AccountId, settings: &TenantSettings) -> String {
    let TenantSettings {
        price_list,
        edition,
        language,
        time_zone,
        date_format,
        invoicing,
    } = settings;
    let separate = match invoicing {
        Invoicing::Separate => "on",
        Invoicing::Combined => "off",
    };
    let invoicing = invoicing.as_str();
    format!(
        "{}. Press \"Create Tenant\" (vendor's page 4663306) with price list {price_list}, edition \
         {edition}, language {language}, time zone {time_zone}, date format {date_format}, invoicing \
         {invoicing} (separate invoices {separate}). The creation waits in a queue; you may log out meanwhile. When the tenant \
         is there, make a user and API credentials in it and name its BssConnection in \
         spec.tenantConnectionRef.",
        page(account)
    )
}

/// Phase 2.
pub(super) fn transfer_accounts(account: &AccountId) -> String {
    format!(
        "{}. Press \"Transfer Accounts\" (vendor's page 4663978) and choose the accounts that the \
         UpgradeReport ManualSteps lists, and no others. Accounts and contacts are copied; from then on \
         the distributor's staff cannot order for these accounts, while the reseller still can through \
         the distributor's Storefront. It cannot be undone.",
        page(account)
    )
}

/// The gate between phases 2 and 3.
pub(super) fn set_pricing() -> String {
    "The reseller's staff sets the pricing options in the reseller's BSS: open each account that the \
     UpgradeReport ManualSteps lists, and set its price list, payment method, billing day, credit limit \
     and invoicing."
        .to_owned()
}

/// Phase 3.
pub(super) fn transfer_subscriptions(account: &AccountId, switch: Switch) -> String {
    let follows = match switch {
        Switch::WithTransfer => {
            "The vendor runs its own checks, copies all active subscriptions, then the assets, and at \
             the end activates back ordering. It stops at the first kind of item that its checks refuse. \
             It cannot be undone."
        }
        Switch::Separate => {
            "The vendor runs its own checks and copies all active subscriptions, then the assets. It \
             stops at the first kind of item that its checks refuse."
        }
    };
    format!(
        "{}. Press \"Transfer Subscriptions\" (vendor's page 4664000). {follows}",
        page(account)
    )
}

/// Phase 4.
pub(super) fn activate(account: &AccountId, switch: Switch) -> String {
    match switch {
        Switch::WithTransfer => transfer_subscriptions(account, switch),
        Switch::Separate => format!(
            "{}. Press \"Activate Back Ordering\" (vendor's page 4663995). The vendor copies accounts \
             that have no subscription and were not copied before, and makes the switch. It cannot be \
             undone.",
            page(account)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_names_its_page_its_button_and_what_cannot_be_undone() {
        let account = AccountId::from("1340");
        let settings = TenantSettings {
            price_list: "PL-1".into(),
            edition: "Premium".to_owned(),
            language: "en-GB".to_owned(),
            time_zone: "Europe/Athens".to_owned(),
            date_format: "dd/MM/yyyy".to_owned(),
            invoicing: Invoicing::Separate,
        };
        let create = create_tenant(&account, &settings);
        let values = [
            "1340",
            "\"Create Tenant\"",
            "PL-1",
            "Premium",
            "en-GB",
            "Europe/Athens",
            "dd/MM/yyyy",
            "invoicing Separate (separate invoices on)",
            "tenantConnectionRef",
        ];
        for value in values {
            assert!(create.contains(value), "{value}: {create}");
        }
        for text in [
            transfer_accounts(&account),
            transfer_subscriptions(&account, Switch::WithTransfer),
            activate(&account, Switch::WithTransfer),
            activate(&account, Switch::Separate),
        ] {
            assert!(text.contains("shortcuts menu"), "{text}");
            assert!(text.contains("It cannot be undone."), "{text}");
        }
        let both = transfer_subscriptions(&account, Switch::WithTransfer);
        assert_eq!(activate(&account, Switch::WithTransfer), both);
        assert!(both.contains("activates back ordering"), "{both}");
        let alone = transfer_subscriptions(&account, Switch::Separate);
        assert!(!alone.contains("activates"), "{alone}");
    }
}
