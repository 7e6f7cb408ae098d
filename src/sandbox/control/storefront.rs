//! The reseller in the distributor's Storefront. It goes on buying, cancelling and changing until
//! back ordering is activated; from then on it orders in its own BSS.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Request, is_on, locked, payer, purchase, told};
use crate::bss::adapters::reference::contract::{PurchaseKind, PurchaseState};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Tx, word};
use crate::sandbox::world::purchases::{self, Buyer, Wish};

const ACTOR: &str = "Storefront";

/// What to buy, for whom; everything has a default that can be copied into any tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Buy {
    pub(super) customer_id: Option<String>,
    #[serde(default = "subscription")]
    pub(super) kind: PurchaseKind,
    pub(super) product: Option<String>,
    #[serde(default)]
    pub(super) addons: Vec<String>,
    pub(super) billing_cycle: Option<String>,
    pub(super) quantity: Option<u32>,
    /// How long the order is pending; the sandbox's own time if left out.
    pub(super) pending_ms: Option<i64>,
    /// The order stays pending until the staff finishes or cancels it.
    #[serde(default)]
    pub(super) hold: bool,
}

fn subscription() -> PurchaseKind {
    PurchaseKind::Subscription
}

impl Buy {
    pub(super) fn wish(&self) -> Wish {
        let (product, cycle) = match self.kind {
            PurchaseKind::Subscription => ("OFFICE-BASIC", "Monthly"),
            PurchaseKind::Asset => ("ROUTER-R1", "OneOff"),
        };
        Wish {
            kind: self.kind,
            product: self.product.clone().unwrap_or_else(|| product.to_owned()),
            addons: self.addons.clone(),
            billing_cycle: self
                .billing_cycle
                .clone()
                .unwrap_or_else(|| cycle.to_owned()),
            quantity: self.quantity.unwrap_or(1),
        }
    }

    /// The customer, or the reseller's first one.
    pub(super) fn customer(&self, tx: &Tx<'_>, reseller: &str) -> Result<String, Refusal> {
        if let Some(id) = &self.customer_id {
            return Ok(id.clone());
        }
        tx.one(
            "SELECT MIN(id) FROM customers WHERE bill_to = ?1",
            [reseller],
            |row| row.get(0),
        )?
        .flatten()
        .ok_or_else(|| Refusal::not_found("the reseller has no customer"))
    }
}

/// Which purchase to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Pick {
    /// An active subscription that has a copy in use.
    Copied,
    /// An active subscription that has none.
    Uncopied,
    /// A suspended subscription.
    Suspended,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    source_id: Option<String>,
    pick: Option<Pick>,
    quantity: Option<u32>,
}

pub(super) fn act(tx: &Tx<'_>, action: &str, request: &Request) -> Result<Value, Refusal> {
    match action {
        "buy" => buy(tx, request),
        "cancel" => change_state(tx, request, action, PurchaseState::Cancelled),
        "suspend" => change_state(tx, request, action, PurchaseState::Suspended),
        "resume" => change_state(tx, request, action, PurchaseState::Active),
        "quantity" => quantity(tx, request),
        _ => Err(Refusal::not_found("the Storefront has no such action")),
    }
}

/// Ordering that is disabled covers buying, cancelling and every other change.
fn refuse_locked(tx: &Tx<'_>, reseller: &str) -> Result<(), Refusal> {
    if is_on(tx, reseller)? {
        return Err(locked(
            "a tenant reseller manages its customers in its own BSS",
        ));
    }
    if !tx.exists(
        "SELECT 1 FROM resellers WHERE id = ?1 AND ordering_enabled = 1",
        [reseller],
    )? {
        return Err(locked("ordering is disabled for this account"));
    }
    Ok(())
}

fn buy(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let body: Buy = request.read()?;
    let customer = body.customer(tx, &request.account())?;
    let reseller = payer(tx, &customer)?;
    refuse_locked(tx, &reseller)?;
    let wait = body
        .pending_ms
        .unwrap_or_else(|| i64::try_from(tx.timing.order.as_millis()).unwrap_or(i64::MAX));
    let ready = (!body.hold).then(|| tx.now.saturating_add(wait.max(0)));
    let buyer = Buyer {
        reseller_id: &reseller,
        customer_id: &customer,
        channel: ACTOR,
    };
    let order = purchases::place_order(tx, buyer, &body.wish(), ready)?;
    told(tx, ACTOR, ("buy", &customer), &order)?;
    Ok(json!({ "orderId": order, "customerId": customer }))
}

fn target(tx: &Tx<'_>, request: &Request, change: &Change) -> Result<purchases::Purchase, Refusal> {
    if let Some(id) = &change.source_id {
        return purchase(tx, id);
    }
    let linked = "SELECT 1 FROM copies JOIN tenants ON tenants.id = copies.tenant_id
        WHERE copies.source_id = purchases.id AND copies.state = 'Live'
          AND tenants.status <> 'MarkedAsDeleted'";
    let rule = match change.pick {
        Some(Pick::Copied) => format!("state = 'Active' AND EXISTS ({linked})"),
        Some(Pick::Uncopied) => format!("state = 'Active' AND NOT EXISTS ({linked})"),
        Some(Pick::Suspended) => "state = 'Suspended'".to_owned(),
        None => {
            return Err(Refusal::invalid_field(
                "sourceId",
                "sourceId or pick is needed",
            ));
        }
    };
    let id: Option<String> = tx.one(
        &format!(
            "SELECT id FROM purchases WHERE reseller_id = ?1 AND customer_id <> ?1
                 AND kind = 'Subscription' AND {rule} ORDER BY id LIMIT 1"
        ),
        [request.account()],
        |row| row.get(0),
    )?;
    purchase(
        tx,
        &id.ok_or_else(|| Refusal::not_found("there is no such purchase"))?,
    )
}

fn change_state(
    tx: &Tx<'_>,
    request: &Request,
    action: &str,
    state: PurchaseState,
) -> Result<Value, Refusal> {
    let change: Change = request.read()?;
    let found = target(tx, request, &change)?;
    refuse_locked(tx, &found.reseller_id)?;
    let allowed = match state {
        PurchaseState::Active => matches!(
            found.state,
            PurchaseState::Suspended | PurchaseState::Trial | PurchaseState::FutureDated
        ),
        PurchaseState::Suspended => found.state == PurchaseState::Active,
        PurchaseState::Cancelled
        | PurchaseState::FutureDated
        | PurchaseState::Trial
        | PurchaseState::Unclear
        | PurchaseState::Expired => !matches!(
            found.state,
            PurchaseState::Cancelled | PurchaseState::Expired
        ),
    };
    if !allowed {
        return Err(Refusal::conflict(format!(
            "the purchase is {}",
            word(&found.state)
        )));
    }
    purchases::set_state(tx, &found.id, state)?;
    told(tx, ACTOR, (action, &found.id), &word(&state))?;
    Ok(json!({ "sourceId": found.id, "customerId": found.customer_id, "state": state }))
}

fn quantity(tx: &Tx<'_>, request: &Request) -> Result<Value, Refusal> {
    let change: Change = request.read()?;
    let mut found = target(tx, request, &change)?;
    refuse_locked(tx, &found.reseller_id)?;
    found.fields.quantity = change
        .quantity
        .unwrap_or_else(|| found.fields.quantity.saturating_add(1));
    purchases::set_fields(tx, &found.id, &found.fields)?;
    told(
        tx,
        ACTOR,
        ("quantity", &found.id),
        &found.fields.quantity.to_string(),
    )?;
    Ok(json!({ "sourceId": found.id, "quantity": found.fields.quantity }))
}
