//! What is not done over HTTP: writes that a person does on screen, and what this BSS has not got
//! at all. The instruction names page, button and every value, so that its reader needs
//! nothing else.

use serde_json::Value;

use super::Call;
use crate::bss::adapters::reference::contract::{
    EpochPromise, ErrorClass, Operation, OperationMode, OrderPromise,
};
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
        Operation::GetIdentity
        | Operation::GetCapabilities
        | Operation::GetReseller
        | Operation::GetTenant
        | Operation::GetOperation
        | Operation::ListCustomers
        | Operation::ListSubscriptions
        | Operation::ListCopies
        | Operation::FindCopies
        | Operation::GetPricing
        | Operation::CheckPurchases => OperationMode::Automatic,
    };
    match mode {
        OperationMode::Automatic => Ok(()),
        OperationMode::Unsupported => Err(Refusal::of(
            ErrorClass::Unsupported,
            format!("this BSS has no {}", call.operation.as_str()),
        )),
        OperationMode::ManualStep | OperationMode::WithSwitch => {
            let one_button = modes.copy_subscriptions == OperationMode::WithSwitch;
            let instruction = store.transact(|tx| Ok(instruction(tx, call, one_button)?))?;
            Err(Refusal::manual_step(&instruction))
        }
    }
}

/// With `one_button` the screen that copies subscriptions also switches, and has no other button.
fn instruction(tx: &Tx<'_>, call: &Call, one_button: bool) -> rusqlite::Result<String> {
    // The request need not be right to be told who does such things.
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    if call.operation == Operation::CreateTenant {
        return Ok(create_tenant(super::canonical_account(&call.id), &body));
    }
    let tenant = &call.id;
    let reseller: Option<String> = tx.one(
        "SELECT reseller_id FROM tenants WHERE id = ?1",
        [tenant],
        |row| row.get(0),
    )?;
    let page = format!(
        "Distributor BSS, page Accounts > {} > Reseller",
        reseller.unwrap_or_default()
    );
    let sources = || listed(&body, "sourceId");
    let both = [
        Operation::CopySubscriptions,
        Operation::ActivateBackOrdering,
    ];
    if one_button && both.contains(&call.operation) {
        return Ok(format!(
            "{page}, button Copy and Activate: target {tenant}. It copies every active subscription \
             and asset and activates back ordering. It cannot be undone."
        ));
    }
    let steps = [
        (
            Operation::CopyCustomers,
            format!(
                "{page}, button Copy Customers: target {tenant}, customers {}.",
                sources()
            ),
        ),
        (
            Operation::CopySubscriptions,
            format!(
                "{page}, button Copy Subscriptions: target {tenant}, subscriptions and assets {}.",
                sources()
            ),
        ),
        (Operation::SetPricing, set_pricing(tenant, &body)),
        (
            Operation::ActivateBackOrdering,
            format!("{page}, button Activate Back Ordering: tenant {tenant}. It cannot be undone."),
        ),
    ];
    let step = steps
        .into_iter()
        .find(|(operation, _)| *operation == call.operation);
    Ok(step.map(|(_, text)| text).unwrap_or_default())
}

fn create_tenant(account: &str, body: &Value) -> String {
    let setting = |name: &str| text(body, &["settings", name]);
    format!(
        "Distributor BSS, page Accounts > {account} > Reseller, button Create Tenant: price list {}, \
         edition {}, language {}, time zone {}, date format {}, invoicing {}.",
        setting("priceList"),
        setting("edition"),
        setting("language"),
        setting("timeZone"),
        setting("dateFormat"),
        setting("invoicing"),
    )
}

fn set_pricing(tenant: &str, body: &Value) -> String {
    format!(
        "Reseller BSS {tenant}, page Customers > Pricing Options, button Save: price list {}, \
         billing {}, payment method {}, invoicing {}, for the customers {}.",
        first_option(body, "priceList"),
        first_option(body, "billing"),
        first_option(body, "paymentMethod"),
        first_option(body, "invoicing"),
        listed(body, "customerId")
    )
}

fn text(body: &Value, path: &[&str]) -> String {
    let found = path
        .iter()
        .try_fold(body, |inner, name| inner.get(name))
        .unwrap_or(&Value::Null);
    match found.as_str() {
        Some(text) => text.to_owned(),
        None if found.is_null() => "as agreed".to_owned(),
        None => found.to_string(),
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
