//! "The sandbox's people fix them": every remedy that the check's reasons ask for, in one call.

use serde_json::{Value, json};

use super::{live_tenant, staff, told};
use crate::sandbox::contract::eligible_sql;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::Tx;
use crate::sandbox::world::catalogue;
use crate::sandbox::world::purchases;

/// The price list that a reseller's tenant has, or will have.
pub(super) fn price_list_of(tx: &Tx<'_>, account: &str) -> Result<String, Refusal> {
    tx.one(
        "SELECT json_extract(settings, '$.priceList') FROM tenants
         WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted'
         UNION ALL SELECT price_list FROM resellers WHERE id = ?1 LIMIT 1",
        [account],
        |row| row.get(0),
    )?
    .ok_or_else(|| Refusal::not_found("there is no such reseller"))
}

/// Repairs every eligible purchase of a reseller that fails a check, and every account that is not
/// in sync.
pub(super) fn fix_defects(tx: &Tx<'_>, account: &str) -> Result<Value, Refusal> {
    let list = price_list_of(tx, account)?;
    let currency: String = tx
        .one(
            "SELECT currency FROM price_lists WHERE id = ?1",
            [&list],
            |row| row.get(0),
        )?
        .unwrap_or_default();
    let ids: Vec<String> = tx.all(eligible_sql(), [account], |row| row.get(0))?;
    let (mut currencies, mut addons, mut cycles) = (0_u32, 0_u32, 0_u32);
    for id in ids {
        let Some(mut found) = purchases::find(tx, &id)? else {
            continue;
        };
        if found.fields.currency != currency {
            found.fields.currency.clone_from(&currency);
            purchases::set_fields(tx, &found.id, &found.fields)?;
            told(tx, "Staff", ("redenominate", &found.id), &currency)?;
            currencies = currencies.saturating_add(1);
        }
        let fields = &found.fields;
        if !tx.exists(
            "SELECT 1 FROM price_list_products WHERE price_list = ?1 AND product = ?2 AND cycle = ?3",
            [&list, &fields.product, &fields.billing_cycle],
        )? {
            let item = (fields.product.as_str(), fields.billing_cycle.as_str());
            catalogue::add_product(tx, &list, item, fields.cost)?;
            told(tx, "Staff", ("extendPriceList", &list), &format!("{} {}", item.0, item.1))?;
            cycles = cycles.saturating_add(1);
        }
        for addon in &fields.addons {
            if !tx.exists(
                "SELECT 1 FROM price_list_addons WHERE price_list = ?1 AND addon = ?2",
                [&list, addon],
            )? {
                catalogue::add_addon(tx, &list, addon)?;
                told(tx, "Staff", ("extendPriceList", &list), addon)?;
                addons = addons.saturating_add(1);
            }
        }
    }
    let synced = tx.run(
        "UPDATE customers SET sync = 'Synced' WHERE bill_to = ?1 AND sync <> 'Synced'",
        [account],
    )?;
    let updated = live_tenant(tx, account).is_ok();
    if updated {
        staff::update_tenant(tx, account)?;
    }
    Ok(json!({
        "currencies": currencies,
        "productsAndCycles": cycles,
        "addons": addons,
        "accounts": synced,
        "tenantUpdated": updated,
    }))
}
