//! The resellers beside the first: each has an account, customers and purchases of its own, and shares
//! nothing with the others but the distributor's price lists.

use rusqlite::params;

use super::catalogue::PRICE_LIST;
use super::{Config, Seeding, Size};

/// The account of the reseller with this number; the first one, number 0, is [`super::RESELLER`].
/// Accounts have six digits, which no customer's id has.
fn account(number: u32) -> String {
    number.saturating_add(100_000).to_string()
}

/// How much each of the others has.
fn size(config: &Config) -> Size {
    config.others.unwrap_or(Size {
        customers: config.customers,
        subscriptions: config.subscriptions,
    })
}

/// The number that all ids of customers lie above: one width for all of them, so that their order as text
/// is their order as numbers.
pub(super) fn first_customer_id(config: &Config) -> i64 {
    let others = config.resellers.saturating_sub(1);
    let theirs = size(config).customers.max(1).saturating_mul(others);
    if config.customers.saturating_add(theirs) > 70_000 {
        2_000_000
    } else {
        20_000
    }
}

/// Fills the store with all resellers but the first.
pub(super) fn seed_others(seeding: &mut Seeding<'_>, config: &Config) -> rusqlite::Result<()> {
    for number in 1..config.resellers {
        let id = seeding.tx.id(&account(number));
        seeding.tx.run(
            "INSERT INTO resellers (id, name, kind, ordering_enabled, currency, price_list,
                back_ordering) VALUES (?1, ?2, 'Basic', 1, 'EUR', ?3, 'Off')",
            params![id, format!("Reseller {id}"), PRICE_LIST],
        )?;
        seeding.reseller(&id, size(config))?;
    }
    Ok(())
}
