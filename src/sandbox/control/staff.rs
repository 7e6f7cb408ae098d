//! The distributor's staff. It repairs, presses buttons, and is locked out of copied accounts.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::storefront::Buy;
use super::{Request, by_hand, is_on, live_tenant, locked, payer, purchase, repair, told};
use crate::bss::adapters::reference::contract::{
    Invoicing, PurchaseState, ResellerKind, SyncState, TenantSettings,
};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Tx, to_json, word};
use crate::sandbox::world::catalogue;
use crate::sandbox::world::purchases::{self, Buyer, CustomerFields};

const ACTOR: &str = "Staff";

pub(super) fn act(tx: &Tx<'_>, action: &str, request: &Request) -> Result<Value, Refusal> {
    match action {
        "order" => order(tx, request),
        "finish-order" => finish(tx, request),
        "cancel-order" => cancel_order(tx, request),
        "extend-price-list" => extend(tx, request),
        "update-tenant" => update_tenant(tx, &request.account()),
        "redenominate" => redenominate(tx, &request.read()?),
        "cancel" => cancel(tx, &request.read()?),
        "sync" => sync(tx, &request.read()?),
        "tenant" => tenant(tx, request),
        "ordering" => ordering(tx, request),
        "bill-to" => bill_to(tx, &request.read()?),
        "price-list" => price_list(tx, &request.read()?),
        "reseller-kind" => reseller_kind(tx, request),
        "copy-customers" => by_hand::customers(tx, request),
        "copy-subscriptions" => by_hand::subscriptions(tx, request),
        "activate-back-ordering" => by_hand::activate(tx, request),
        "copy-and-switch" => by_hand::copy_and_switch(tx, request),
        "adoption" => by_hand::adoption(tx, request),
        _ => Err(Refusal::not_found("the staff has no such action")),
    }
}

/// The partial lock: nothing new for an account that is managed from the reseller BSS.
fn order(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Buy = request.read()?;
    let customer = body.customer(tx, &request.account())?;
    let reseller = payer(tx, &customer)?;
    if tx.exists(
        "SELECT 1 FROM customers WHERE id = ?1 AND marked = 1",
        [&customer],
    )? {
        return Err(locked(
            "the account is a back-ordering record: its orders come from its reseller",
        ));
    }
    if is_on(tx, &reseller)? && customer != reseller {
        return Err(locked(
            "the reseller is a tenant reseller: orders come from its own BSS",
        ));
    }
    let buyer = Buyer {
        reseller_id: &reseller,
        customer_id: &customer,
        channel: ACTOR,
    };
    let ready = (!body.hold).then_some(tx.now);
    let order = purchases::place_order(tx, buyer, &body.wish(), ready)?;
    let source = if body.hold {
        None
    } else {
        purchases::complete_order(tx, &order)?
    };
    told(tx, ACTOR, ("order", &customer), &order)?;
    Ok(json!({ "orderId": order, "customerId": customer, "sourceId": source }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Orders {
    /// One order; all pending ones of the reseller if left out.
    order_id: Option<String>,
}

fn pending(tx: &Tx<'_>, request: &Request) -> Result<Vec<String>, Refusal> {
    let body: Orders = request.read()?;
    let orders: Vec<String> = tx.all(
        "SELECT id FROM orders WHERE state = 'Pending'
             AND CASE WHEN ?2 IS NULL THEN reseller_id = ?1 ELSE id = ?2 END ORDER BY id",
        params![request.account(), body.order_id],
        |row| row.get(0),
    )?;
    if orders.is_empty() && body.order_id.is_some() {
        return Err(Refusal::not_found("there is no such pending order"));
    }
    Ok(orders)
}

fn finish(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let mut sources = Vec::new();
    for order in pending(tx, request)? {
        sources.extend(purchases::complete_order(tx, &order)?);
    }
    Ok(json!({ "sourceIds": sources }))
}

fn cancel_order(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let orders = pending(tx, request)?;
    for order in &orders {
        tx.run(
            "UPDATE orders SET state = 'Cancelled', ready_ms = NULL WHERE id = ?1",
            [order],
        )?;
        told(tx, ACTOR, ("cancelOrder", order), "Cancelled")?;
    }
    Ok(json!({ "orderIds": orders }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Extension {
    price_list: Option<String>,
    #[serde(default)]
    products: Vec<ExtensionProduct>,
    #[serde(default)]
    addons: Vec<String>,
    /// Runs "Update Tenant" at once.
    #[serde(default)]
    update_tenant: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExtensionProduct {
    product: String,
    billing_cycle: String,
    /// In hundredths.
    #[serde(default = "ten")]
    cost: i64,
}

fn ten() -> i64 {
    1000
}

fn extend(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Extension = request.read()?;
    let list = body.price_list.as_deref().unwrap_or(catalogue::PRICE_LIST);
    if !tx.exists("SELECT 1 FROM price_lists WHERE id = ?1", [list])? {
        return Err(Refusal::not_found("there is no such price list"));
    }
    for item in &body.products {
        catalogue::add_product(tx, list, (&item.product, &item.billing_cycle), item.cost)?;
    }
    for addon in &body.addons {
        catalogue::add_addon(tx, list, addon)?;
    }
    told(tx, ACTOR, ("extendPriceList", list), "extended")?;
    if body.update_tenant {
        update_tenant(tx, &request.account())?;
    }
    Ok(json!({ "priceList": list }))
}

/// The button "Update Tenant".
pub(super) fn update_tenant(tx: &Tx<'_>, account: &str) -> Result<Value, Refusal> {
    let tenant = live_tenant(tx, account)?;
    let list = repair::price_list_of(tx, account)?;
    catalogue::update_tenant(tx, &tenant, &list)?;
    told(tx, ACTOR, ("updateTenant", &tenant), &list)?;
    Ok(json!({ "tenantId": tenant, "priceList": list }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Redenomination {
    source_id: String,
    currency: String,
}

fn redenominate(tx: &Tx<'_>, body: &Redenomination) -> Result<Value, Refusal> {
    let mut found = purchase(tx, &body.source_id)?;
    refuse_after_switch(tx, &found)?;
    found.fields.currency.clone_from(&body.currency);
    purchases::set_fields(tx, &found.id, &found.fields)?;
    told(tx, ACTOR, ("redenominate", &found.id), &body.currency)?;
    Ok(json!({ "sourceId": found.id, "currency": body.currency }))
}

fn refuse_after_switch(tx: &Tx<'_>, found: &purchases::Purchase) -> Result<(), Refusal> {
    if !found.is_own() && is_on(tx, &found.reseller_id)? {
        return Err(locked(
            "the record is a back-ordering record: its reseller manages it",
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cancellation {
    source_id: String,
}

fn cancel(tx: &Tx<'_>, body: &Cancellation) -> Result<Value, Refusal> {
    let found = purchase(tx, &body.source_id)?;
    refuse_after_switch(tx, &found)?;
    purchases::set_state(tx, &found.id, PurchaseState::Cancelled)?;
    told(tx, ACTOR, ("cancel", &found.id), "Cancelled")?;
    Ok(json!({ "sourceId": found.id }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SyncChange {
    customer_id: String,
    state: SyncState,
}

fn sync(tx: &Tx<'_>, body: &SyncChange) -> Result<Value, Refusal> {
    payer(tx, &body.customer_id)?;
    tx.run(
        "UPDATE customers SET sync = ?2 WHERE id = ?1",
        params![body.customer_id, word(&body.state)],
    )?;
    told(tx, ACTOR, ("sync", &body.customer_id), &word(&body.state))?;
    Ok(json!({ "customerId": body.customer_id, "state": body.state }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantAction {
    action: TenantVerb,
    detail: Option<String>,
    settings: Option<TenantSettings>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum TenantVerb {
    /// Suspends the tenant.
    Suspend,
    /// Makes a suspended tenant Active again.
    Resume,
    /// Marks it as deleted.
    Delete,
    /// Deletes it and makes another by hand.
    Replace,
    /// Makes one by hand.
    Create,
    /// The queued creation ends now.
    FinishCreation,
    /// The queued creation fails for good; `detail` says why.
    FailCreation,
    /// Changes its settings to `settings`.
    Change,
}

fn tenant(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: TenantAction = request.read()?;
    let account = request.account();
    let id = match body.action {
        TenantVerb::Create => make_tenant(tx, &account, body.settings)?,
        TenantVerb::Replace => {
            let old = live_tenant(tx, &account)?;
            let settings: String = tx
                .one(
                    "SELECT settings FROM tenants WHERE id = ?1",
                    [&old],
                    |row| row.get(0),
                )?
                .unwrap_or_default();
            set_status(tx, &old, "MarkedAsDeleted")?;
            let settings = body
                .settings
                .or_else(|| serde_json::from_str(&settings).ok());
            make_tenant(tx, &account, settings)?
        }
        TenantVerb::Suspend => status(tx, &account, ("Active", "Suspended"))?,
        TenantVerb::Resume => status(tx, &account, ("Suspended", "Active"))?,
        TenantVerb::Delete => {
            let id = live_tenant(tx, &account)?;
            set_status(tx, &id, "MarkedAsDeleted")?;
            id
        }
        TenantVerb::FinishCreation => finish_creation(tx, &account)?,
        TenantVerb::FailCreation => fail_creation(tx, &account, body.detail)?,
        TenantVerb::Change => change(tx, &account, body.settings)?,
    };
    told(tx, ACTOR, ("tenant", &id), &format!("{:?}", body.action))?;
    Ok(json!({ "tenantId": id }))
}

fn set_status(tx: &Tx<'_>, tenant: &str, status: &str) -> rusqlite::Result<()> {
    tx.run(
        "UPDATE tenants SET status = ?2, ready_ms = NULL WHERE id = ?1",
        [tenant, status],
    )?;
    Ok(())
}

fn status(tx: &Tx<'_>, account: &str, (from, to): (&str, &str)) -> Result<String, Refusal> {
    let id = live_tenant(tx, account)?;
    if !tx.exists(
        "SELECT 1 FROM tenants WHERE id = ?1 AND status = ?2",
        [id.as_str(), from],
    )? {
        return Err(Refusal::conflict(format!("the tenant is not {from}")));
    }
    set_status(tx, &id, to)?;
    Ok(id)
}

pub(super) fn make_tenant(
    tx: &Tx<'_>,
    account: &str,
    settings: Option<TenantSettings>,
) -> Result<String, Refusal> {
    if live_tenant(tx, account).is_ok() {
        return Err(Refusal::conflict("the reseller has a tenant"));
    }
    let settings = settings.unwrap_or_else(|| TenantSettings {
        price_list: catalogue::PRICE_LIST.to_owned(),
        edition: "Premium".to_owned(),
        language: "en-GB".to_owned(),
        time_zone: "Europe/Athens".to_owned(),
        date_format: "dd/MM/yyyy".to_owned(),
        invoicing: Invoicing::Combined,
    });
    let currency: String = tx
        .one(
            "SELECT currency FROM price_lists WHERE id = ?1",
            [&settings.price_list],
            |row| row.get(0),
        )?
        .ok_or_else(|| Refusal::not_found("there is no such price list"))?;
    let id = tx.new_id("tenant", "tenant", 1)?;
    tx.run(
        "INSERT INTO tenants VALUES (?1, ?2, NULL, ?3, ?4, 'Active', NULL, NULL, ?5, ?6)",
        params![
            id,
            account,
            to_json(&settings)?,
            currency,
            !tx.switches.unique(),
            tx.now
        ],
    )?;
    catalogue::update_tenant(tx, &id, &settings.price_list)?;
    Ok(id)
}

/// A failed creation leaves nothing behind, so that its keys are free again.
/// Its time in the queue is over: it is Active with the next request.
fn finish_creation(tx: &Tx<'_>, account: &str) -> Result<String, Refusal> {
    let id = live_tenant(tx, account)?;
    let queued = tx.run(
        "UPDATE tenants SET ready_ms = ?2 WHERE id = ?1 AND status = 'InProgress'",
        params![id, tx.now],
    )?;
    if queued == 0 {
        return Err(Refusal::conflict("no creation is under way"));
    }
    Ok(id)
}

fn fail_creation(tx: &Tx<'_>, account: &str, detail: Option<String>) -> Result<String, Refusal> {
    let id = live_tenant(tx, account)?;
    let operation: String = tx
        .one(
            "SELECT operation_id FROM tenants WHERE id = ?1 AND status = 'InProgress'",
            [&id],
            |row| row.get(0),
        )?
        .ok_or_else(|| Refusal::conflict("no creation is under way"))?;
    tx.run(
        "UPDATE operations SET state = 'Failed', detail = ?2 WHERE id = ?1",
        params![
            operation,
            detail.unwrap_or_else(|| "the queue gave up".to_owned())
        ],
    )?;
    tx.run("DELETE FROM request_keys WHERE reply = ?1", [&operation])?;
    tx.run("DELETE FROM tenant_products WHERE tenant_id = ?1", [&id])?;
    tx.run("DELETE FROM tenant_addons WHERE tenant_id = ?1", [&id])?;
    tx.run("DELETE FROM tenants WHERE id = ?1", [&id])?;
    Ok(id)
}

fn change(tx: &Tx<'_>, account: &str, settings: Option<TenantSettings>) -> Result<String, Refusal> {
    let id = live_tenant(tx, account)?;
    let settings =
        settings.ok_or_else(|| Refusal::invalid_field("settings", "settings are needed"))?;
    tx.run(
        "UPDATE tenants SET settings = ?2, currency = COALESCE(
            (SELECT price_lists.currency FROM price_lists WHERE price_lists.id = ?3), currency)
         WHERE id = ?1",
        params![id, to_json(&settings)?, settings.price_list],
    )?;
    Ok(id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordering {
    enabled: bool,
}

fn ordering(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Ordering = request.read()?;
    tx.run(
        "UPDATE resellers SET ordering_enabled = ?2 WHERE id = ?1",
        params![request.account(), body.enabled],
    )?;
    told(
        tx,
        ACTOR,
        ("ordering", &request.account()),
        &body.enabled.to_string(),
    )?;
    Ok(json!({ "enabled": body.enabled }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BillTo {
    customer_id: String,
    bill_to: String,
}

fn bill_to(tx: &Tx<'_>, body: &BillTo) -> Result<Value, Refusal> {
    let currency: String = tx
        .one(
            "SELECT currency FROM customers WHERE id = ?1",
            [&body.customer_id],
            |row| row.get(0),
        )?
        .ok_or_else(|| Refusal::not_found("there is no such customer"))?;
    let digest = CustomerFields {
        bill_to: body.bill_to.clone(),
        currency,
    }
    .digest()?;
    tx.run(
        "UPDATE customers SET bill_to = ?2, digest = ?3 WHERE id = ?1",
        params![body.customer_id, body.bill_to, digest],
    )?;
    for table in ["purchases", "orders"] {
        tx.run(
            &format!("UPDATE {table} SET reseller_id = ?2 WHERE customer_id = ?1"),
            [&body.customer_id, &body.bill_to],
        )?;
    }
    told(tx, ACTOR, ("billTo", &body.customer_id), &body.bill_to)?;
    Ok(json!({ "customerId": body.customer_id, "billTo": body.bill_to }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PriceList {
    price_list: String,
    active: bool,
}

fn price_list(tx: &Tx<'_>, body: &PriceList) -> Result<Value, Refusal> {
    let changed = tx.run(
        "UPDATE price_lists SET active = ?2 WHERE id = ?1",
        params![body.price_list, body.active],
    )?;
    if changed == 0 {
        return Err(Refusal::not_found("there is no such price list"));
    }
    told(
        tx,
        ACTOR,
        ("priceList", &body.price_list),
        &body.active.to_string(),
    )?;
    Ok(json!({ "priceList": body.price_list, "active": body.active }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    kind: ResellerKind,
}

fn reseller_kind(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Kind = request.read()?;
    if body.kind == ResellerKind::Tenant || is_on(tx, &request.account())? {
        return Err(locked(
            "a reseller becomes a tenant reseller by activation only, for good",
        ));
    }
    tx.run(
        "UPDATE resellers SET kind = ?2 WHERE id = ?1",
        params![request.account(), word(&body.kind)],
    )?;
    told(
        tx,
        ACTOR,
        ("resellerKind", &request.account()),
        &word(&body.kind),
    )?;
    Ok(json!({ "kind": body.kind }))
}
