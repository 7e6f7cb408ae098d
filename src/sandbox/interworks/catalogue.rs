//! `/api/products`, `/api/pricelists` and the items of a price list.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::odata::{Field, Kind};
use super::organisation::Organisation;
use super::rows::record;
use crate::sandbox::store::Tx;
use crate::sandbox::world::purchases::digest;

pub(super) const FILTERS: &[Field] = &[
    Field::new("id", Kind::Number),
    Field::new("name", Kind::Text),
    Field::new("code", Kind::Text),
    Field::new("currency", Kind::Text),
];

/// A whole number for a code, the same in every organisation.
fn id(code: &str) -> u64 {
    let digest = digest(code);
    u64::from_str_radix(digest.get(..7).unwrap_or_default(), 16).unwrap_or(0)
}

/// Products and add-ons alike: an add-on is a product.
pub(super) fn products(
    tx: &Tx<'_>,
    organisation: &Organisation,
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    let codes: Vec<String> = match organisation {
        Organisation::Distributor => tx.all(
            "SELECT product FROM price_list_products UNION SELECT addon FROM price_list_addons",
            [],
            |row| row.get(0),
        )?,
        Organisation::Tenant { id, .. } => tx.all(
            "SELECT product FROM tenant_products WHERE tenant_id = ?1
             UNION SELECT addon FROM tenant_addons WHERE tenant_id = ?1",
            [id],
            |row| row.get(0),
        )?,
    };
    let shown = |code: String| record(json!({ "id": id(&code), "name": code, "code": code }));
    Ok(codes.into_iter().map(shown).collect())
}

/// The price lists of an organisation.
pub(super) fn price_lists(
    tx: &Tx<'_>,
    organisation: &Organisation,
) -> rusqlite::Result<Vec<Map<String, Value>>> {
    let lists = names(tx, organisation)?.into_iter();
    Ok(lists
        .map(|(name, currency)| {
            record(json!({ "id": id(&name), "name": name, "currency": currency }))
        })
        .collect())
}

fn names(tx: &Tx<'_>, organisation: &Organisation) -> rusqlite::Result<Vec<(String, String)>> {
    match organisation {
        Organisation::Distributor => tx.all(
            "SELECT id, currency FROM price_lists ORDER BY id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        ),
        Organisation::Tenant { id, .. } => tx.all(
            "SELECT DISTINCT price_list, tenants.currency FROM resale_prices, tenants
             WHERE tenants.id = ?1 ORDER BY price_list",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        ),
    }
}

/// `/api/pricelists/{id}/items`: what a price list has a price for; none if there is no such list.
pub(super) fn items(
    tx: &Tx<'_>,
    organisation: &Organisation,
    list: u64,
) -> rusqlite::Result<Option<Vec<Map<String, Value>>>> {
    let lists = names(tx, organisation)?.into_iter();
    let Some((name, _)) = lists.into_iter().find(|(name, _)| id(name) == list) else {
        return Ok(None);
    };
    let (products, addons) = match organisation {
        Organisation::Distributor => (
            "SELECT product, cycle FROM price_list_products WHERE price_list = ?1 AND ?2 = ''",
            "SELECT addon FROM price_list_addons WHERE price_list = ?1 AND ?2 = ''",
        ),
        Organisation::Tenant { .. } => (
            "SELECT tenant_products.product, cycle FROM tenant_products
             JOIN resale_prices ON resale_prices.product = tenant_products.product
             WHERE resale_prices.price_list = ?1 AND tenant_id = ?2",
            "SELECT addon FROM tenant_addons WHERE ?1 <> '' AND tenant_id = ?2",
        ),
    };
    let tenant = match organisation {
        Organisation::Distributor => "",
        Organisation::Tenant { id, .. } => id,
    };
    let mut items: Vec<(String, String)> = tx.all(products, [name.as_str(), tenant], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    // An add-on is billed with the product that it is added to, in each cycle that there is.
    let cycles: BTreeSet<String> = items.iter().map(|(_, cycle)| cycle.clone()).collect();
    let addons: Vec<String> = tx.all(addons, [name.as_str(), tenant], |row| row.get(0))?;
    for addon in addons {
        let each = cycles.iter().map(|cycle| (addon.clone(), cycle.clone()));
        items.extend(each);
    }
    let shown = items.into_iter().map(|(product, cycle)| {
        record(json!({
            "id": id(&format!("{name} {product} {cycle}")),
            "name": format!("{product} {cycle}"),
            "product": { "code": product },
            "billingCycle": cycle,
        }))
    });
    Ok(Some(shown.collect()))
}
