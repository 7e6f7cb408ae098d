//! The reseller's staff, in the reseller BSS.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::storefront::Buy;
use super::{Request, copy_of, is_on, live_tenant, locked, payer, told};
use crate::bss::adapters::reference::contract::{Billing, Invoicing, PurchaseKind, PurchaseState};
use crate::sandbox::contract::StoredPricing;
use crate::sandbox::corruptions;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Tx, from_json, to_json, word};
use crate::sandbox::world::purchases::{self, Buyer, SourceFields};

const ACTOR: &str = "ResellerStaff";

pub(super) fn act(tx: &Tx<'_>, action: &str, request: &Request) -> Result<Value, Refusal> {
    match action {
        "pricing" => pricing(tx, request),
        "remove-pricing" => remove_pricing(tx, request),
        "amend" => amend(tx, &request.read()?),
        "end-copy" => end_copy(tx, &request.read()?),
        "order" => order(tx, request),
        "corrupt" => corruptions::corrupt(tx, &request.account(), &request.read()?),
        _ => Err(Refusal::not_found(
            "the reseller's staff has no such action",
        )),
    }
}

/// Options for customers; whatever is left out is not set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pricing {
    /// All copied customers if left out.
    customer_ids: Option<Vec<String>>,
    price_list: Option<String>,
    billing: Option<Billing>,
    payment_method: Option<String>,
    invoicing: Option<Invoicing>,
    credit_limit: Option<String>,
}

fn copied(tx: &Tx<'_>, tenant: &str, wanted: Option<Vec<String>>) -> Result<Vec<String>, Refusal> {
    let all: Vec<String> = tx.all(
        "SELECT DISTINCT source_id FROM copies WHERE tenant_id = ?1 AND kind = 'Customers'
         ORDER BY source_id",
        [tenant],
        |row| row.get(0),
    )?;
    match wanted {
        None => Ok(all),
        Some(wanted) if wanted.iter().all(|id| all.contains(id)) => Ok(wanted),
        Some(_) => Err(Refusal::not_found("a customer is not in the reseller BSS")),
    }
}

fn pricing(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Pricing = request.read()?;
    let tenant = live_tenant(tx, &request.account())?;
    let options = StoredPricing {
        price_list: body.price_list,
        billing: body.billing.as_ref().map(to_json).transpose()?,
        payment_method: body.payment_method,
        invoicing: body.invoicing.as_ref().map(word),
        credit_limit: body.credit_limit,
    };
    let customers = copied(tx, &tenant, body.customer_ids)?;
    for customer in &customers {
        options.store(tx, &tenant, customer)?;
        told(tx, ACTOR, ("pricing", customer), "set")?;
    }
    Ok(json!({ "customerIds": customers }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Removal {
    customer_ids: Option<Vec<String>>,
}

fn remove_pricing(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Removal = request.read()?;
    let tenant = live_tenant(tx, &request.account())?;
    let customers = copied(tx, &tenant, body.customer_ids)?;
    for customer in &customers {
        tx.run(
            "DELETE FROM pricing WHERE tenant_id = ?1 AND customer_id = ?2",
            [&tenant, customer],
        )?;
        told(tx, ACTOR, ("removePricing", customer), "removed")?;
    }
    Ok(json!({ "customerIds": customers }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Amendment {
    source_id: String,
    /// In hundredths; the reseller's own.
    sell_price: Option<i64>,
    /// Owned by the source: amended here, copy and source differ.
    quantity: Option<u32>,
}

fn amend(tx: &Tx<'_>, body: &Amendment) -> Result<Value, Refusal> {
    let copy = copy_of(tx, &body.source_id)?;
    if let Some(price) = body.sell_price {
        tx.run(
            "UPDATE copies SET sell_price = ?2 WHERE id = ?1",
            params![copy, price],
        )?;
    }
    if let Some(quantity) = body.quantity {
        let fields: String = tx
            .one(
                "SELECT fields FROM copies WHERE id = ?1 AND kind = 'Subscriptions'",
                [&copy],
                |row| row.get(0),
            )?
            .ok_or_else(|| Refusal::not_found("it is no copy of a subscription"))?;
        let mut fields: SourceFields = from_json(&fields)?;
        fields.quantity = quantity;
        tx.run(
            "UPDATE copies SET fields = ?2, digest = ?3, quantity = ?4 WHERE id = ?1",
            params![copy, to_json(&fields)?, fields.digest()?, quantity],
        )?;
        flow_up(tx, &body.source_id, |found| {
            found.fields.quantity = quantity;
            purchases::set_fields(tx, &found.id, &found.fields)
        })?;
    }
    told(tx, ACTOR, ("amend", &body.source_id), &copy)?;
    Ok(json!({ "copyId": copy }))
}

/// Back ordering: once it is on, what is done in the reseller BSS happens at the distributor too.
fn flow_up(
    tx: &Tx<'_>,
    source: &str,
    change: impl FnOnce(&mut purchases::Purchase) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    if let Some(mut found) = purchases::find(tx, source)?
        && is_on(tx, &found.reseller_id)?
    {
        change(&mut found)?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct End {
    source_id: Option<String>,
    copy_id: Option<String>,
}

fn end_copy(tx: &Tx<'_>, body: &End) -> Result<Value, Refusal> {
    let copy = match (&body.copy_id, &body.source_id) {
        (Some(copy), _) => copy.clone(),
        (None, Some(source)) => copy_of(tx, source)?,
        (None, None) => return Err(Refusal::invalid_field("sourceId", "sourceId or copyId")),
    };
    let source: String = tx
        .one(
            "SELECT source_id FROM copies WHERE id = ?1",
            [&copy],
            |row| row.get(0),
        )?
        .ok_or_else(|| Refusal::not_found("there is no such copy"))?;
    tx.run("UPDATE copies SET state = 'Ended' WHERE id = ?1", [&copy])?;
    flow_up(tx, &source, |found| {
        purchases::set_state(tx, &found.id, PurchaseState::Cancelled)
    })?;
    told(tx, ACTOR, ("endCopy", &source), &copy)?;
    Ok(json!({ "copyId": copy, "sourceId": source }))
}

/// An order in the reseller BSS: refused before the switch, a sale that flows up after it.
fn order(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Buy = request.read()?;
    let account = request.account();
    let tenant = live_tenant(tx, &account)?;
    let customer = body.customer(tx, &account)?;
    let reseller = payer(tx, &customer)?;
    if !is_on(tx, &reseller)? {
        return Err(locked(
            "back ordering is not active: copied customers cannot order here yet",
        ));
    }
    let buyer = Buyer {
        reseller_id: &reseller,
        customer_id: &customer,
        channel: "ResellerBss",
    };
    let order = purchases::place_order(tx, buyer, &body.wish(), Some(tx.now))?;
    let source = purchases::complete_order(tx, &order)?
        .ok_or_else(|| Refusal::conflict("the order did not complete"))?;
    let Some(found) = purchases::find(tx, &source)? else {
        return Err(Refusal::not_found("the order made nothing"));
    };
    let copy = tx.new_id("SC", "copy", 7)?;
    tx.run(
        "INSERT INTO copies VALUES
            (?1, ?2, 'Subscriptions', NULL, ?3, ?4, ?4, ?5, 'Live', 0, ?6, ?7, ?8, ?9)",
        params![
            copy,
            tenant,
            source,
            found.digest,
            to_json(&found.fields)?,
            word(&PurchaseKind::Subscription),
            found.fields.quantity,
            found.fields.cost,
            tx.now,
        ],
    )?;
    told(tx, ACTOR, ("order", &source), &order)?;
    Ok(json!({ "orderId": order, "sourceId": source, "copyId": copy }))
}
