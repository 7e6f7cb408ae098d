//! The pre-checks: can this be copied into that catalogue? All reasons at once, nothing written.

use super::copying::blocker;
use super::{Needs, Reply, Request, fencing, list_problems, unseen};
use crate::bss::adapters::reference::contract::{
    Blocker, BlockerReason, Check, CheckResult, CheckTarget, Results,
};
use crate::sandbox::problem::{Refusal, field_problem};
use crate::sandbox::store::{Store, Tx};
use crate::sandbox::world::purchases::{self, Purchase};

/// What is checked against.
pub(super) enum Catalogue<'a> {
    /// A tenant's catalogue, with the prices of its customers' price lists.
    Tenant { id: &'a str, currency: &'a str },
    /// A price list of the distributor.
    PriceList { id: &'a str, currency: &'a str },
}

pub(super) fn check(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.read_checked(Needs::Nothing, |body: &Check| {
        let mut wrong = list_problems(
            store.largest_batch(),
            "sourceIds",
            body.source_ids.iter().map(String::as_str),
        );
        if body.target.tenant_id.is_some() == body.target.price_list.is_some() {
            wrong.push(field_problem(
                "target",
                "exactly one of tenantId and priceList is needed",
            ));
        }
        wrong
    })?;
    store.transact(|tx| {
        let reseller = fencing::reseller(tx, &request.call.id)?;
        let currency = currency(tx, &reseller, &body.target)?;
        let catalogue = match (&body.target.tenant_id, &body.target.price_list) {
            (Some(id), _) => Catalogue::Tenant {
                id,
                currency: &currency,
            },
            (None, Some(id)) => Catalogue::PriceList {
                id,
                currency: &currency,
            },
            (None, None) => return Err(Refusal::invalid_field("target", "is empty")),
        };
        let mut results = Vec::with_capacity(body.source_ids.len());
        for id in &body.source_ids {
            // What this reseller does not have (any more) gets no result: its fate is not known
            // here, the listings tell it.
            let found = purchases::find(tx, id)?
                .filter(|found| found.reseller_id == reseller && !found.is_own());
            if let Some(purchase) = found {
                let reasons = unseen::checked(tx, reasons(tx, &catalogue, &purchase)?);
                results.push(CheckResult {
                    source_id: id.clone(),
                    reasons,
                });
            }
        }
        Reply::ok(&Results { results })
    })
}

fn currency(tx: &Tx<'_>, reseller: &str, target: &CheckTarget) -> Result<String, Refusal> {
    if let Some(tenant) = &target.tenant_id {
        return tx
            .one(
                "SELECT currency FROM tenants WHERE id = ?1 AND reseller_id = ?2
                     AND status <> 'MarkedAsDeleted'",
                [tenant.as_str(), reseller],
                |row| row.get(0),
            )?
            .ok_or_else(|| Refusal::not_found("the reseller has no such tenant"));
    }
    let list = target.price_list.as_deref().unwrap_or_default();
    let found: Option<(String, bool)> = tx.one(
        "SELECT currency, active FROM price_lists WHERE id = ?1",
        [list],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match found {
        Some((currency, true)) => Ok(currency),
        Some((_, false)) => Err(Refusal::invalid_field("target.priceList", "is not active")),
        None => Err(Refusal::invalid_field(
            "target.priceList",
            "there is no such price list",
        )),
    }
}

/// Every reason why a purchase does not fit a catalogue.
pub(super) fn reasons(
    tx: &Tx<'_>,
    catalogue: &Catalogue<'_>,
    purchase: &Purchase,
) -> rusqlite::Result<Vec<Blocker>> {
    let (id, currency, products, addons) = match catalogue {
        Catalogue::Tenant { id, currency } => (
            *id,
            *currency,
            "SELECT cycle FROM tenant_products WHERE tenant_id = ?1 AND product = ?2",
            "SELECT 1 FROM tenant_addons WHERE tenant_id = ?1 AND addon = ?2",
        ),
        Catalogue::PriceList { id, currency } => (
            *id,
            *currency,
            "SELECT cycle FROM price_list_products WHERE price_list = ?1 AND product = ?2",
            "SELECT 1 FROM price_list_addons WHERE price_list = ?1 AND addon = ?2",
        ),
    };
    let fields = &purchase.fields;
    let mut found = Vec::new();
    if fields.currency != currency {
        let detail = format!("{} instead of {currency}", fields.currency);
        found.push(blocker(BlockerReason::CurrencyMismatch, Some(&detail)));
    }
    let cycles: Vec<String> = tx.all(products, [id, &fields.product], |row| row.get(0))?;
    if cycles.is_empty() {
        found.push(blocker(
            BlockerReason::ProductMissing,
            Some(&fields.product),
        ));
    } else if !cycles.contains(&fields.billing_cycle) {
        let detail = format!("{} {}", fields.product, fields.billing_cycle);
        found.push(blocker(BlockerReason::BillingCycleMissing, Some(&detail)));
    }
    for addon in &fields.addons {
        if !tx.exists(addons, [id, addon])? {
            found.push(blocker(BlockerReason::AddonMissing, Some(addon)));
        }
    }
    if let Catalogue::Tenant { id, .. } = catalogue {
        found.extend(missing_price(tx, id, purchase)?);
    }
    Ok(found)
}

/// The customer has a price list, and it has no price for the product.
fn missing_price(
    tx: &Tx<'_>,
    tenant: &str,
    purchase: &Purchase,
) -> rusqlite::Result<Option<Blocker>> {
    let list: Option<String> = tx
        .one(
            "SELECT price_list FROM pricing WHERE tenant_id = ?1 AND customer_id = ?2",
            [tenant, &purchase.customer_id],
            |row| row.get(0),
        )?
        .flatten();
    let Some(list) = list else { return Ok(None) };
    let product = &purchase.fields.product;
    let priced = tx.exists(
        "SELECT 1 FROM resale_prices WHERE price_list = ?1 AND product = ?2",
        [&list, product],
    )?;
    let detail = format!("{list} has no price for {product}");
    Ok((!priced).then(|| blocker(BlockerReason::PricingIncomplete, Some(&detail))))
}
