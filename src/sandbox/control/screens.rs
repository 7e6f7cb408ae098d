//! People at the vendor's screens. They know what the vendor's pages tell them, and each button does
//! what its page says, no more: it does not wait for open orders, it does not ask for pricing options,
//! and it cannot be taken back.

use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Request, is_on, live_tenant, locked, staff, told};
use crate::bss::adapters::reference::contract::TenantSettings;
use crate::sandbox::contract::{
    ByHand, copy_customer, eligible_sql, switch_after_transfer, transfer_subscription,
};
use crate::sandbox::interworks;
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Tx, to_json};
use crate::sandbox::world::catalogue::PRODUCTS;
use crate::sandbox::world::purchases::SourceFields;

const ACTOR: &str = "Staff";

pub(super) fn act(tx: &Tx<'_>, action: &str, request: &Request) -> Result<Value, Refusal> {
    match action {
        "create-tenant" => create_tenant(tx, request),
        "transfer-accounts" => transfer_accounts(tx, request),
        "transfer-subscriptions" => transfer_subscriptions(tx, request),
        "log-in" => log_in(tx, &request.read()?),
        "bundle" => bundle(tx, request),
        "end-bundle" => end_bundle(tx, &request.read()?),
        "test-record" => test_record(tx, request),
        _ => Err(Refusal::not_found("there is no such screen")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Creation {
    settings: Option<TenantSettings>,
}

/// "Create Tenant": queued, and looked at later.
fn create_tenant(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Creation = request.read()?;
    let account = request.account();
    let fit = tx.exists(
        "SELECT 1 FROM resellers WHERE id = ?1 AND kind = 'Basic' AND ordering_enabled = 1",
        [&account],
    )?;
    if !fit {
        return Err(locked(
            "the account is no Basic reseller with ordering enabled",
        ));
    }
    let tenant = staff::make_tenant(tx, &account, body.settings)?;
    let wait = i64::try_from(tx.timing.tenant_queue.as_millis()).unwrap_or(i64::MAX);
    if wait > 0 {
        let operation = tx.new_id("op", "operation", 1)?;
        tx.run(
            "INSERT INTO operations VALUES (?1, ?2, 'Running', NULL)",
            [&operation, &tenant],
        )?;
        tx.run(
            "UPDATE tenants SET status = 'InProgress', ready_ms = ?2, operation_id = ?3
             WHERE id = ?1",
            params![tenant, tx.now.saturating_add(wait), operation],
        )?;
    }
    told(tx, ACTOR, ("createTenant", &account), &tenant)?;
    Ok(json!({ "tenantId": tenant }))
}

/// The tenant, if it is one that something can be transferred into.
fn open_tenant(tx: &Tx<'_>, account: &str) -> Result<String, Refusal> {
    let tenant = live_tenant(tx, account)?;
    if !tx.exists(
        "SELECT 1 FROM tenants WHERE id = ?1 AND status = 'Active'",
        [&tenant],
    )? {
        return Err(locked("the tenant is not active"));
    }
    if is_on(tx, account)? {
        return Err(locked("back ordering is active already"));
    }
    Ok(tenant)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Accounts {
    /// All that the page offers if left out.
    account_ids: Option<Vec<String>>,
}

/// "Transfer Accounts". The page offers accounts whose Bill To is this reseller and which are not
/// transferred yet; what else was on the person's list is not there to be chosen.
fn transfer_accounts(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Accounts = request.read()?;
    let account = request.account();
    let tenant = open_tenant(tx, &account)?;
    let offered: Vec<String> = tx.all(
        "SELECT id FROM customers WHERE bill_to = ?1 AND NOT EXISTS (SELECT 1 FROM copies
             WHERE tenant_id = ?2 AND kind = 'Customers' AND source_id = customers.id)
         ORDER BY id",
        [&account, &tenant],
        |row| row.get(0),
    )?;
    let (mut transferred, mut not_offered) = (Vec::new(), Vec::new());
    for id in body.account_ids.unwrap_or_else(|| offered.clone()) {
        if !offered.contains(&id) {
            not_offered.push(id);
        } else if let ByHand::Copied(_) = copy_customer(tx, &tenant, &id)? {
            transferred.push(id);
        }
    }
    told(tx, ACTOR, ("transferAccounts", &account), &tenant)?;
    Ok(json!({ "transferred": transferred, "notOffered": not_offered }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Transfer {
    /// The run ends after so many copies, before it switches.
    stop_after: Option<usize>,
}

/// What a check of the run found, and on which subscriptions.
struct Found {
    check: &'static str,
    ids: Vec<String>,
}

/// "Transfer Subscriptions": checks everything, copies everything, and, as this reseller was a Basic
/// one before, activates back ordering.
fn transfer_subscriptions(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Transfer = request.read()?;
    let account = request.account();
    let tenant = open_tenant(tx, &account)?;
    told(tx, ACTOR, ("transferSubscriptions", &account), &tenant)?;
    if let Some(found) = first_failure(tx, &account, &tenant)? {
        return Ok(json!({
            "copied": 0, "switched": false, "stoppedBy": found.check, "sourceIds": found.ids,
        }));
    }
    let mut copied = 0_usize;
    for id in uncopied(tx, &account, &tenant)? {
        if body.stop_after.is_some_and(|most| copied >= most) {
            return Ok(json!({
                "copied": copied, "switched": false, "stoppedBy": "interrupted", "sourceIds": [],
            }));
        }
        // The owner is not in the tenant: the run leaves its subscriptions out.
        if has_owner(tx, &tenant, &id)? && transfer_subscription(tx, &tenant, &id)?.is_some() {
            copied = copied.saturating_add(1);
        }
    }
    let left = uncopied(tx, &account, &tenant)?;
    if body.stop_after == Some(copied) || !left.is_empty() {
        let why = if left.is_empty() {
            "interrupted"
        } else {
            "notTransferred"
        };
        return Ok(json!({
            "copied": copied, "switched": false, "stoppedBy": why, "sourceIds": left,
        }));
    }
    switch(tx, &account, &tenant)?;
    Ok(json!({ "copied": copied, "switched": true, "stoppedBy": null, "sourceIds": [] }))
}

/// Accounts without subscriptions that are not transferred yet are, before the switch.
fn switch(tx: &Tx<'_>, account: &str, tenant: &str) -> Result<(), Refusal> {
    let accounts: Vec<String> = tx.all(
        "SELECT id FROM customers WHERE bill_to = ?1 AND NOT EXISTS (SELECT 1 FROM copies
             WHERE tenant_id = ?2 AND kind = 'Customers' AND source_id = customers.id)
         ORDER BY id",
        [account, tenant],
        |row| row.get(0),
    )?;
    for id in accounts {
        copy_customer(tx, tenant, &id)?;
    }
    switch_after_transfer(tx, tenant)?;
    told(tx, ACTOR, ("activateBackOrdering", account), tenant)?;
    Ok(())
}

fn uncopied(tx: &Tx<'_>, account: &str, tenant: &str) -> rusqlite::Result<Vec<String>> {
    // Subscriptions come first, then assets.
    tx.all(
        &format!(
            "SELECT id FROM purchases WHERE id IN ({}) AND NOT EXISTS (SELECT 1 FROM copies
                 WHERE tenant_id = ?2 AND copies.kind = 'Subscriptions'
                   AND source_id = purchases.id)
             ORDER BY kind DESC, id",
            eligible_sql()
        ),
        [account, tenant],
        |row| row.get(0),
    )
}

fn has_owner(tx: &Tx<'_>, tenant: &str, purchase: &str) -> rusqlite::Result<bool> {
    tx.exists(
        "SELECT 1 FROM copies JOIN purchases ON purchases.customer_id = source_id
         WHERE tenant_id = ?1 AND copies.kind = 'Customers' AND copies.state <> 'Ended'
           AND purchases.id = ?2",
        [tenant, purchase],
    )
}

/// The checks in their order. The run stops at the first kind that fails, and names what fails it.
fn first_failure(tx: &Tx<'_>, account: &str, tenant: &str) -> rusqlite::Result<Option<Found>> {
    for (check, rule) in [
        (
            "currency",
            "currency <> (SELECT currency FROM tenants WHERE id = ?2)",
        ),
        (
            "products",
            "NOT EXISTS (SELECT 1 FROM tenant_products WHERE tenant_id = ?2
                 AND tenant_products.product = purchases.product
                 AND tenant_products.cycle = purchases.cycle)
             OR EXISTS (SELECT 1 FROM json_each(addons) WHERE value NOT IN
                 (SELECT addon FROM tenant_addons WHERE tenant_id = ?2))",
        ),
        (
            "synchronization",
            "?2 = ?2 AND EXISTS (SELECT 1 FROM customers WHERE customers.id = customer_id
                 AND sync <> 'Synced')",
        ),
    ] {
        let ids: Vec<String> = tx.all(
            &format!(
                "SELECT id FROM purchases WHERE id IN ({}) AND ({rule}) ORDER BY id",
                eligible_sql()
            ),
            [account, tenant],
            |row| row.get(0),
        )?;
        if !ids.is_empty() {
            return Ok(Some(Found { check, ids }));
        }
    }
    Ok(None)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    /// Every user if left out.
    user: Option<String>,
}

/// A person logs in with a user of the API, which ends that user's sessions.
fn log_in(tx: &Tx<'_>, body: &User) -> Result<Value, Refusal> {
    interworks::end_sessions(tx, body.user.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Bundle {
    source_ids: Vec<String>,
}

/// Subscriptions of one customer are sold as a bundle.
fn bundle(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Bundle = request.read()?;
    let first = body
        .source_ids
        .first()
        .ok_or_else(|| Refusal::invalid_field("sourceIds", "are needed"))?;
    let owner = super::purchase(tx, first)?;
    let id = tx.next("bundle")?.saturating_add(700);
    tx.run(
        "INSERT INTO bundles VALUES (?1, ?2, ?3, ?4, 0)",
        params![
            id,
            format!("Bundle {id}"),
            owner.customer_id,
            owner.reseller_id
        ],
    )?;
    for source in &body.source_ids {
        tx.run(
            "INSERT OR REPLACE INTO bundle_children VALUES (?1, ?2)",
            params![source, id],
        )?;
    }
    told(tx, ACTOR, ("bundle", first), &id.to_string())?;
    Ok(json!({ "bundleId": id }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BundleEnd {
    bundle_id: i64,
}

fn end_bundle(tx: &Tx<'_>, body: &BundleEnd) -> Result<Value, Refusal> {
    tx.run(
        "UPDATE bundles SET ended = 1 WHERE id = ?1",
        [body.bundle_id],
    )?;
    tx.run(
        "DELETE FROM bundle_children WHERE bundle = ?1",
        [body.bundle_id],
    )?;
    Ok(json!({ "bundleId": body.bundle_id }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestRecords {
    count: u32,
}

/// The reseller tries its BSS out: accounts with a subscription each, which have no source.
fn test_record(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: TestRecords = request.read()?;
    let tenant = live_tenant(tx, &request.account())?;
    for number in 1..=body.count {
        let product = PRODUCTS
            .iter()
            .cycle()
            .nth(usize::try_from(number).unwrap_or(0))
            .map_or("OFFICE-BASIC", |(product, _)| product);
        let fields = SourceFields {
            product: product.to_owned(),
            addons: vec![],
            billing_cycle: "Monthly".to_owned(),
            quantity: number,
            start_date: "2024-05-01".to_owned(),
            billing_anchor: "01".to_owned(),
            currency: "EUR".to_owned(),
            cost: 100,
        };
        tx.run(
            "INSERT INTO test_records (tenant_id, name, fields) VALUES (?1, ?2, ?3)",
            params![tenant, format!("Try-out {number}"), to_json(&fields)?],
        )?;
    }
    Ok(json!({ "tenantId": tenant, "count": body.count }))
}
