//! The steps that the distributor's staff does on screen where the BSS offers no operation: copy
//! customers, copy subscriptions, press the switch. On screen there is no business key, and how much
//! the screen examines is a switch.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Request, live_tenant, staff, told};
use crate::bss::adapters::reference::contract::{Operation, TenantSettings};
use crate::sandbox::contract::{ByHand, copy_customer, copy_subscription, eligible_sql, press};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::Tx;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Choice {
    /// All of the reseller's if left out.
    customer_ids: Option<Vec<String>>,
    /// All active ones of the reseller's customers if left out.
    source_ids: Option<Vec<String>>,
    /// Only the first so many.
    limit: Option<usize>,
    /// Another tenant than the reseller's own.
    tenant_id: Option<String>,
}

fn customers_of(tx: &Tx<'_>, account: &str) -> rusqlite::Result<Vec<String>> {
    tx.all(
        "SELECT id FROM customers WHERE bill_to = ?1 ORDER BY id",
        [account],
        |row| row.get(0),
    )
}

fn subscriptions_of(tx: &Tx<'_>, account: &str) -> rusqlite::Result<Vec<String>> {
    let sql = format!("{} ORDER BY id", eligible_sql());
    tx.all(&sql, [account], |row| row.get(0))
}

/// The button "Copy Customers".
pub(super) fn customers(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Choice = request.read()?;
    if body.source_ids.is_some() {
        return Err(Refusal::invalid_field("sourceIds", "are not customers"));
    }
    let account = request.account();
    let tenant = body.tenant(tx, &account)?;
    let ids = match body.customer_ids {
        Some(ids) => ids,
        None => customers_of(tx, &account)?,
    };
    let limit = body.limit.unwrap_or(usize::MAX);
    each(&ids, limit, |id| copy_customer(tx, &tenant, id))
}

/// The button "Copy Subscriptions".
pub(super) fn subscriptions(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Choice = request.read()?;
    if body.customer_ids.is_some() {
        return Err(Refusal::invalid_field(
            "customerIds",
            "are not subscriptions",
        ));
    }
    let account = request.account();
    let tenant = body.tenant(tx, &account)?;
    let ids = match body.source_ids {
        Some(ids) => ids,
        None => subscriptions_of(tx, &account)?,
    };
    let limit = body.limit.unwrap_or(usize::MAX);
    each(&ids, limit, |id| copy_subscription(tx, &tenant, id))
}

impl Choice {
    fn tenant(&self, tx: &Tx<'_>, account: &str) -> Result<String, Refusal> {
        self.tenant_id
            .clone()
            .map_or_else(|| live_tenant(tx, account), Ok)
    }
}

fn each(
    ids: &[String],
    limit: usize,
    mut copy: impl FnMut(&str) -> Result<ByHand, Refusal>,
) -> Result<Value, Refusal> {
    let (mut copied, mut refused) = (Vec::new(), Vec::new());
    for id in ids.iter().take(limit) {
        match copy(id)? {
            ByHand::Copied(copy) => copied.push(json!({ "sourceId": id, "copyId": copy })),
            ByHand::Refused(reasons) => {
                refused.push(json!({ "sourceId": id, "reasons": reasons }));
            }
        }
    }
    Ok(json!({ "copied": copied, "refused": refused }))
}

/// The button "Activate Back Ordering".
pub(super) fn activate(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let account = request.account();
    let tenant = live_tenant(tx, &account)?;
    let outcome = press(tx, &tenant)?;
    told(
        tx,
        "Staff",
        (Operation::ActivateBackOrdering.as_str(), &account),
        &tenant,
    )?;
    Ok(json!({ "outcome": outcome, "tenantId": tenant }))
}

/// The button "Copy and Activate": it copies what is chosen and then activates back ordering. A `limit`
/// is a run that stops half way: some are copied, nothing is switched. The screen examines before it
/// switches as much as it does at the button that only switches; what it copied stays.
pub(super) fn copy_and_switch(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Choice = request.read()?;
    if body.customer_ids.is_some() {
        let wrong = "are not subscriptions";
        return Err(Refusal::invalid_field("customerIds", wrong));
    }
    let account = request.account();
    let tenant = body.tenant(tx, &account)?;
    let ids = match body.source_ids {
        Some(ids) => ids,
        None => subscriptions_of(tx, &account)?,
    };
    let limit = body.limit.unwrap_or(usize::MAX);
    let mut done = each(&ids, limit, |id| copy_subscription(tx, &tenant, id))?;
    let outcome = if limit < ids.len() {
        json!({ "outcome": "Interrupted" })
    } else {
        match press(tx, &tenant) {
            Ok(outcome) => json!({ "outcome": outcome }),
            Err(Refusal::Problem(problem)) => {
                json!({ "outcome": "Refused", "blockers": problem.blockers })
            }
            Err(Refusal::Store(error)) => return Err(error.into()),
        }
    };
    told(
        tx,
        "Staff",
        (Operation::ActivateBackOrdering.as_str(), &account),
        &outcome.to_string(),
    )?;
    if let (Value::Object(done), Value::Object(outcome)) = (&mut done, outcome) {
        done.extend(outcome);
    }
    Ok(done)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adoption {
    settings: Option<TenantSettings>,
    /// How many customers people copied; none if left out.
    #[serde(default)]
    customers: usize,
    /// How many subscriptions and assets; none if left out. The screen's own rules hold.
    #[serde(default)]
    subscriptions: usize,
}

/// A tenant that people made and began to fill before an operator was installed: linked and
/// marked, without any business key.
pub(super) fn adoption(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Adoption = request.read()?;
    let account = request.account();
    let tenant = staff::make_tenant(tx, &account, body.settings)?;
    told(tx, "Staff", ("tenant", &tenant), "Create")?;
    let ids = customers_of(tx, &account)?;
    let customers = each(&ids, body.customers, |id| copy_customer(tx, &tenant, id))?;
    let ids = subscriptions_of(tx, &account)?;
    let subscriptions = each(&ids, body.subscriptions, |id| {
        copy_subscription(tx, &tenant, id)
    })?;
    Ok(json!({ "tenantId": tenant, "customers": customers, "subscriptions": subscriptions }))
}
