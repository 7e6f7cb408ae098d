//! What is not done over HTTP: writes that a person does on screen, and what this BSS has not got
//! at all. The instruction names page, button and every value, so that whoever reads it needs
//! nothing else.

use serde_json::Value;

use super::{Call, Operation};
use crate::bss::reference::contract::{EpochPromise, ErrorClass, OperationMode, OrderPromise};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Store, Tx};
use crate::sandbox::switches::Switches;

/// How many ids an instruction lists. All of them would be no instruction any more.
const LISTED: usize = 20;

/// Refuses what this BSS does not do when asked. It comes before any look at the request.
pub(super) fn refuse(store: &Store, switches: &Switches, call: &Call) -> Result<(), Refusal> {
    let modes = &switches.operations;
    let automatic = |automatic: bool| {
        if automatic {
            OperationMode::Automatic
        } else {
            OperationMode::Unsupported
        }
    };
    let mode = match call.operation {
        Operation::AcquireEpoch => automatic(switches.epochs == EpochPromise::Issued),
        Operation::ListOpenOrders => automatic(switches.orders == OrderPromise::Listed),
        Operation::CreateTenant => modes.create_tenant,
        Operation::CopyCustomers => modes.copy_customers,
        Operation::SetPricing => modes.set_pricing,
        Operation::CopySubscriptions => modes.copy_subscriptions,
        Operation::ActivateBackOrdering => modes.activate_back_ordering,
        Operation::Identity
        | Operation::Capabilities
        | Operation::GetReseller
        | Operation::GetTenant
        | Operation::GetOperation
        | Operation::ListCustomers
        | Operation::ListSubscriptions
        | Operation::ListCopies
        | Operation::Find
        | Operation::LookUpPricing
        | Operation::Check => OperationMode::Automatic,
    };
    match mode {
        OperationMode::Automatic => Ok(()),
        OperationMode::Unsupported => Err(Refusal::of(
            ErrorClass::Unsupported,
            format!("this BSS has no {}", call.operation.name()),
        )),
        OperationMode::ManualStep => {
            let instruction = store.transact(|tx| Ok(instruction(tx, call)?))?;
            Err(Refusal::manual_step(&instruction))
        }
    }
}

fn instruction(tx: &Tx<'_>, call: &Call) -> rusqlite::Result<String> {
    // The request need not be right to be told who does such things.
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let account = super::canonical_account(&call.id);
    let reseller = match call.operation {
        Operation::CreateTenant => account.to_owned(),
        _ => tx
            .one(
                "SELECT reseller_id FROM tenants WHERE id = ?1",
                [&call.id],
                |row| row.get(0),
            )?
            .unwrap_or_default(),
    };
    let tenant = &call.id;
    Ok(match call.operation {
        Operation::CreateTenant => {
            let setting = |name: &str| text(&body, &["settings", name]);
            format!(
                "Distributor BSS, page Accounts > {reseller} > Reseller, button Create Tenant: price \
                 list {}, edition {}, language {}, time zone {}, date format {}, invoicing {}.",
                setting("priceList"),
                setting("edition"),
                setting("language"),
                setting("timeZone"),
                setting("dateFormat"),
                setting("invoicing"),
            )
        }
        Operation::CopyCustomers => format!(
            "Distributor BSS, page Accounts > {reseller} > Reseller, button Copy Customers: target \
             {tenant}, customers {}.",
            listed(&body, "sourceId")
        ),
        Operation::CopySubscriptions => format!(
            "Distributor BSS, page Accounts > {reseller} > Reseller, button Copy Subscriptions: \
             target {tenant}, subscriptions and assets {}.",
            listed(&body, "sourceId")
        ),
        Operation::SetPricing => format!(
            "Reseller BSS {tenant}, page Customers > Pricing Options, button Save: price list {}, \
             billing {}, payment method {}, invoicing {}, for the customers {}.",
            first_option(&body, "priceList"),
            first_option(&body, "billing"),
            first_option(&body, "paymentMethod"),
            first_option(&body, "invoicing"),
            listed(&body, "customerId")
        ),
        _ => format!(
            "Distributor BSS, page Accounts > {reseller} > Reseller, button Activate Back Ordering: \
             tenant {tenant}. It cannot be undone."
        ),
    })
}

fn text(body: &Value, path: &[&str]) -> String {
    let found = path
        .iter()
        .try_fold(body, |inner, name| inner.get(name))
        .unwrap_or(&Value::Null);
    match found {
        Value::String(text) => text.clone(),
        Value::Null => "as agreed".to_owned(),
        other => other.to_string(),
    }
}

fn items(body: &Value) -> &[Value] {
    body.get("items")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn first_option(body: &Value, name: &str) -> String {
    let first = items(body).first().unwrap_or(&Value::Null);
    text(first, &["options", name])
}

fn listed(body: &Value, member: &str) -> String {
    let items = items(body);
    let ids: Vec<&str> = items
        .iter()
        .filter_map(|item| item.get(member)?.as_str())
        .take(LISTED)
        .collect();
    let more = items.len().saturating_sub(ids.len());
    let ids = ids.join(", ");
    if more == 0 {
        ids
    } else {
        format!("{ids} and {more} more")
    }
}
