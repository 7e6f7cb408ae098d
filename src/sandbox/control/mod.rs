//! The control API, `/control/v1`: it plays people, plants defects, sets faults, runs billing
//! cycles on, and judges.
//!
//! Each path names its actor, and an actor can only do what the business lets it do at the time:
//! the locks are here as strict as in the contract. Bodies and replies are JSON with camelCase
//! members; a refusal is the contract's problem document, of the class `Blocked` where a lock holds.
//!
//! | actor | paths (all POST) |
//! | --- | --- |
//! | the reseller in the Storefront | `storefront/buy`, `cancel`, `suspend`, `resume`, `quantity` |
//! | the distributor's staff | `staff/order`, `finish-order`, `cancel-order`, `extend-price-list`, `update-tenant`, `redenominate`, `cancel`, `sync`, `tenant`, `ordering`, `bill-to`, `price-list`, `reseller-kind`; on screen, without keys: `copy-customers`, `copy-subscriptions`, `activate-back-ordering`, `copy-and-switch`, `adoption` |
//! | the same people on the vendor's screens | `screens/create-tenant`, `transfer-accounts`, `transfer-subscriptions`, `log-in`, `bundle`, `end-bundle` |
//! | the reseller's staff, trying its BSS out | `screens/test-record` |
//! | the reseller's staff, in its own BSS | `reseller-staff/pricing`, `remove-pricing`, `amend`, `end-copy`, `order`, `corrupt` |
//! | tests alone: defects | `plant` |
//! | all of them together | `fix-defects`, `run-billing-cycles` |
//!
//! Where an action or a look is about a reseller, the query's `accountId` says which; without it, it is
//! the first one, for the audit list and for billing cycles all of them. What names a record is about the
//! record's own reseller.
//!
//! To look: GET `state`, `judge`, `judge/all`, `resellers`, `audit`, `faults`, `promises`, `corrupt-at-switch`;
//! `calls` (requests that named a reseller, with the last moment; only those `after` a moment in milliseconds
//! since 1970); PUT `faults`, each for one reseller with an `accountId` of its own;
//! PUT `promises` with the switches that change (all others stay); PUT `corrupt-at-switch` with what the
//! next switch corrupts, DELETE to corrupt nothing; POST `oauth/revoke` ends every issued token; GET
//! `interworks/calls` tells which methods came to which paths of the vendor's face, DELETE forgets them.

mod billing;
mod by_hand;
mod judge;
mod plant;
mod repair;
mod reseller_staff;
mod screens;
mod staff;
mod state;
mod storefront;

use rusqlite::params;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::contract::canonical_account;
use super::corruptions::{self, Corruption};
use super::faults::Rule;
use super::http::App;
use super::interworks;
use super::oauth;
use super::problem::Refusal;
use super::store::{Audit, Tx};
use super::world::purchases::{self, Purchase};
use crate::bss::adapters::reference::contract::{ErrorClass, TenantAccess};

/// A request to the control API.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The account that is meant where none is named.
    pub(crate) reseller: String,
    pub(crate) method: String,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn account(&self) -> String {
        canonical_account(self.parameter("accountId").unwrap_or(&self.reseller)).to_owned()
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let body: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            &self.body
        };
        serde_json::from_slice(body)
            .map_err(|error| Refusal::invalid_field("body", error.to_string()))
    }
}

/// Carries out a request to the control API.
pub(crate) fn execute(app: &App, request: &Request) -> Result<Value, Refusal> {
    let words: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (request.method.as_str(), words.as_slice()) {
        ("GET", ["faults"]) => Ok(json!({ "rules": app.faults.standing() })),
        ("PUT", ["faults"]) => {
            let body: RuleList = request.read()?;
            app.faults.replace(&app.store, body.rules)?;
            Ok(json!({ "rules": app.faults.standing() }))
        }
        ("GET", ["promises"]) => Ok(json!(app.store.switches())),
        ("PUT", ["promises"]) => {
            let changes: Value = request.read()?;
            let switches = app.store.switch(|switches| {
                let switches = switches
                    .with(&changes)
                    .map_err(|wrong| Refusal::invalid_field("body", wrong))?;
                if switches.tenant_access != TenantAccess::Shared && !app.opens_tenants() {
                    let wrong = "tenantAccess needs a token or a client for tenants";
                    return Err(Refusal::invalid_field("body", wrong));
                }
                Ok(switches)
            })?;
            Ok(json!(switches))
        }
        ("POST", ["oauth", "revoke"]) => app.store.transact(oauth::revoke),
        ("GET", ["corrupt-at-switch"]) => app
            .store
            .transact(|tx| Ok(json!({ "planned": corruptions::planned(tx)? }))),
        ("PUT", ["corrupt-at-switch"]) => {
            let corruption: Corruption = request.read()?;
            app.store
                .transact(|tx| Ok(corruptions::plan(tx, Some(&corruption))?))?;
            Ok(json!({ "planned": corruption }))
        }
        ("DELETE", ["corrupt-at-switch"]) => {
            app.store.transact(|tx| Ok(corruptions::plan(tx, None)?))?;
            Ok(json!({ "planned": null }))
        }
        ("GET", ["state"]) => app.store.transact(|tx| state::overview(tx, request)),
        ("GET", ["audit"]) => app.store.transact(|tx| state::audit(tx, request)),
        ("GET", ["judge"]) => app
            .store
            .transact(|tx| judge::judge(tx, &request.account())),
        ("GET", ["judge", "all"]) => app.store.transact(judge::all),
        ("GET", ["calls"]) => {
            let after = request.parameter("after").map(str::parse);
            let after = after.transpose().map_err(|_| {
                Refusal::invalid_field("after", "is no moment in milliseconds since 1970")
            })?;
            Ok(app.seen.after(after.unwrap_or(0)))
        }
        ("GET", ["resellers"]) => app.store.transact(state::resellers),
        ("POST", ["storefront", action]) => app
            .store
            .transact(|tx| storefront::act(tx, action, request)),
        ("POST", ["staff", action]) => app.store.transact(|tx| staff::act(tx, action, request)),
        ("POST", ["screens", action]) => app.store.transact(|tx| screens::act(tx, action, request)),
        ("GET", ["interworks", "calls"]) => app.store.transact(interworks::counted),
        ("DELETE", ["interworks", "calls"]) => app.store.transact(interworks::forget_calls),
        ("POST", ["reseller-staff", action]) => app
            .store
            .transact(|tx| reseller_staff::act(tx, action, request)),
        ("POST", ["plant"]) => app
            .store
            .transact(|tx| plant::plant(tx, &request.account(), &request.read()?)),
        ("POST", ["fix-defects"]) => app
            .store
            .transact(|tx| repair::fix_defects(tx, &request.account())),
        ("POST", ["run-billing-cycles"]) => {
            let named = request.parameter("accountId").map(canonical_account);
            app.store
                .transact(|tx| billing::run(tx, named, &request.read()?))
        }
        _ => Err(Refusal::not_found("the control API has no such path")),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleList {
    rules: Vec<Rule>,
}

/// A lock holds.
fn locked(reason: &str) -> Refusal {
    Refusal::of(ErrorClass::Blocked, reason)
}

/// The purchase with this id.
fn purchase(tx: &Tx<'_>, id: &str) -> Result<Purchase, Refusal> {
    purchases::find(tx, id)?.ok_or_else(|| Refusal::not_found("there is no such purchase"))
}

/// The account that is invoiced for a customer; a reseller is invoiced for itself.
fn payer(tx: &Tx<'_>, customer: &str) -> Result<String, Refusal> {
    tx.one(
        "SELECT bill_to FROM customers WHERE id = ?1 UNION ALL SELECT id FROM resellers WHERE id = ?1",
        [customer],
        |row| row.get(0),
    )?
    .ok_or_else(|| Refusal::not_found("there is no such account"))
}

/// Whether back ordering is on for a reseller.
fn is_on(tx: &Tx<'_>, reseller: &str) -> rusqlite::Result<bool> {
    tx.exists(
        "SELECT 1 FROM resellers WHERE id = ?1 AND back_ordering = 'On'",
        [reseller],
    )
}

/// The reseller's tenant that is not marked as deleted.
fn live_tenant(tx: &Tx<'_>, reseller: &str) -> Result<String, Refusal> {
    tx.one(
        "SELECT id FROM tenants WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted'",
        [reseller],
        |row| row.get(0),
    )?
    .ok_or_else(|| Refusal::not_found("the reseller has no tenant"))
}

/// The copy of a source that is in use, else the ended one.
fn copy_of(tx: &Tx<'_>, source: &str) -> Result<String, Refusal> {
    tx.one(
        "SELECT copies.id FROM copies JOIN tenants ON tenants.id = tenant_id
         WHERE source_id = ?1 AND status <> 'MarkedAsDeleted'
         ORDER BY copies.state = 'Ended', copies.unguarded, copies.id LIMIT 1",
        params![source],
        |row| row.get(0),
    )?
    .ok_or_else(|| Refusal::not_found("the source has no copy"))
}

/// Tells the audit list what a person did.
fn told(
    tx: &Tx<'_>,
    actor: &str,
    (operation, source): (&str, &str),
    detail: &str,
) -> rusqlite::Result<()> {
    tx.audit(&Audit {
        actor,
        operation,
        source_id: Some(source),
        outcome: "Done",
        detail: Some(detail),
        ..Audit::default()
    })
}
