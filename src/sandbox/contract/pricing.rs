//! Pricing options in the reseller BSS: looked up, and written only where a customer has none.

use rusqlite::{Row, params};
use serde::Serialize;

use super::{Needs, Place, Reply, Request, fencing, list_problems, place, unseen};
use crate::bss::adapters::reference::contract::{
    Batch, Billing, BlockerReason, ErrorClass, Operation, PricingLookup, PricingOptions,
    PricingOutcome, PricingResult, PricingState, Results, SetPricing,
};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Audit, Store, Tx, to_json, word};
use crate::sandbox::world::catalogue::PAYMENT_METHODS;
use crate::sandbox::world::purchases;

/// The stored options of one customer; what is not set is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Stored {
    pub(crate) price_list: Option<String>,
    /// As JSON.
    pub(crate) billing: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) invoicing: Option<String>,
    pub(crate) credit_limit: Option<String>,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            price_list: row.get(0)?,
            billing: row.get(1)?,
            payment_method: row.get(2)?,
            invoicing: row.get(3)?,
            credit_limit: row.get(4)?,
        })
    }

    fn of(options: &PricingOptions) -> rusqlite::Result<Self> {
        Ok(Self {
            price_list: Some(options.price_list.clone()),
            billing: Some(to_json(&options.billing)?),
            payment_method: Some(options.payment_method.clone()),
            invoicing: Some(word(&options.invoicing)),
            credit_limit: options.credit_limit.clone(),
        })
    }

    fn find(tx: &Tx<'_>, tenant: &str, customer: &str) -> rusqlite::Result<Option<Self>> {
        tx.one(
            "SELECT price_list, billing, payment_method, invoicing, credit_limit FROM pricing
             WHERE tenant_id = ?1 AND customer_id = ?2",
            [tenant, customer],
            Self::read,
        )
    }

    /// Names of the options that are needed and not set.
    fn missing(&self) -> Vec<String> {
        [
            ("priceList", &self.price_list),
            ("billing", &self.billing),
            ("paymentMethod", &self.payment_method),
            ("invoicing", &self.invoicing),
        ]
        .into_iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name.to_owned())
        .collect()
    }

    fn differences(&self, other: &Self) -> Vec<String> {
        [
            ("priceList", &self.price_list, &other.price_list),
            ("billing", &self.billing, &other.billing),
            ("paymentMethod", &self.payment_method, &other.payment_method),
            ("invoicing", &self.invoicing, &other.invoicing),
            ("creditLimit", &self.credit_limit, &other.credit_limit),
        ]
        .into_iter()
        .filter(|(_, here, there)| here != there)
        .map(|(name, _, _)| name.to_owned())
        .collect()
    }

    /// Stores these options; complete ones get a digest.
    pub(crate) fn store(&self, tx: &Tx<'_>, tenant: &str, customer: &str) -> rusqlite::Result<()> {
        let digest = if self.missing().is_empty() {
            Some(purchases::digest(&to_json(self)?))
        } else {
            None
        };
        tx.run(
            "INSERT OR REPLACE INTO pricing VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                tenant,
                customer,
                self.price_list,
                self.billing,
                self.payment_method,
                self.invoicing,
                self.credit_limit,
                digest,
            ],
        )?;
        Ok(())
    }
}

pub(super) fn look_up(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = request.read_checked(Needs::Nothing, |body: &PricingLookup| {
        list_problems(
            store.largest_batch(),
            "customerIds",
            body.customer_ids.iter().map(String::as_str),
        )
    })?;
    store.transact(|tx| {
        let place = place(tx, &request.call.id)?;
        let mut results = Vec::with_capacity(body.customer_ids.len());
        for customer in &body.customer_ids {
            results.push(unseen::pricing(tx, state(tx, &place, customer)?));
        }
        Reply::ok(&Results { results })
    })
}

fn state(tx: &Tx<'_>, place: &Place, customer: &str) -> rusqlite::Result<PricingState> {
    let stored = Stored::find(tx, &place.tenant_id, customer)?.unwrap_or_default();
    let mut missing = stored.missing();
    if !is_copied(tx, place, customer)? {
        missing.insert(0, "copy".to_owned());
    }
    let digest = if missing.is_empty() {
        tx.one(
            "SELECT digest FROM pricing WHERE tenant_id = ?1 AND customer_id = ?2",
            [place.tenant_id.as_str(), customer],
            |row| row.get(0),
        )?
    } else {
        None
    };
    Ok(PricingState {
        customer_id: customer.to_owned(),
        display_name: tx.one(
            "SELECT name FROM customers WHERE id = ?1 AND bill_to = ?2",
            [customer, &place.reseller_id],
            |row| row.get(0),
        )?,
        digest,
        missing,
        unseen: false,
    })
}

fn is_copied(tx: &Tx<'_>, place: &Place, customer: &str) -> rusqlite::Result<bool> {
    tx.exists(
        "SELECT 1 FROM copies WHERE tenant_id = ?1 AND kind = 'Customers' AND source_id = ?2",
        [place.tenant_id.as_str(), customer],
    )
}

pub(super) fn set(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let batch = request.read_checked(Needs::Epoch, |batch: &Batch<SetPricing>| {
        list_problems(
            store.largest_batch(),
            "items",
            batch.items.iter().map(|item| item.customer_id.as_str()),
        )
    })?;
    store.transact(|tx| {
        let place = place(tx, &request.call.id)?;
        fencing::guard(tx, &place.reseller_id, request.epoch())?;
        if !place.active {
            return Err(Refusal::blocked_by(
                BlockerReason::TenantSuspended,
                &place.tenant_id,
            ));
        }
        let mut results = Vec::with_capacity(batch.items.len());
        for item in &batch.items {
            let result = set_one(tx, &place, item)?;
            tx.audit(&Audit {
                actor: "Operator",
                operation: Operation::SetPricing.as_str(),
                account_id: Some(&place.reseller_id),
                source_id: Some(&item.customer_id),
                epoch: Some(request.epoch()),
                outcome: &word(&result.outcome),
                detail: result.detail.as_deref(),
                ..Audit::default()
            })?;
            results.push(result);
        }
        Reply::ok(&Results { results })
    })
}

fn set_one(tx: &Tx<'_>, place: &Place, item: &SetPricing) -> Result<PricingResult, Refusal> {
    let result = |outcome, fields| PricingResult {
        customer_id: item.customer_id.clone(),
        outcome,
        fields,
        class: None,
        detail: None,
    };
    let failed = |class, fields, detail: &str| PricingResult {
        class: Some(class),
        detail: Some(detail.to_owned()),
        ..result(PricingOutcome::Failed, fields)
    };
    if !is_copied(tx, place, &item.customer_id)? {
        let fields = vec!["copy".to_owned()];
        return Ok(failed(
            ErrorClass::NotFound,
            fields,
            "the customer has no copy",
        ));
    }
    let wrong = wrong_options(tx, &item.options)?;
    if !wrong.is_empty() {
        return Ok(failed(
            ErrorClass::Invalid,
            wrong,
            "these options are not offered",
        ));
    }
    let wanted = Stored::of(&item.options)?;
    match Stored::find(tx, &place.tenant_id, &item.customer_id)? {
        None => {
            wanted.store(tx, &place.tenant_id, &item.customer_id)?;
            Ok(result(PricingOutcome::Written, vec![]))
        }
        Some(stored) => Ok(match stored.differences(&wanted) {
            same if same.is_empty() => result(PricingOutcome::Unchanged, vec![]),
            // Also where a person set only some of them: they are not finished, or they meant it.
            differences => result(PricingOutcome::Differs, differences),
        }),
    }
}

/// Names of the options that this reseller BSS does not offer.
pub(crate) fn wrong_options(
    tx: &Tx<'_>,
    options: &PricingOptions,
) -> rusqlite::Result<Vec<String>> {
    let mut wrong = Vec::new();
    if !tx.exists(
        "SELECT 1 FROM resale_prices WHERE price_list = ?1",
        [&options.price_list],
    )? {
        wrong.push("priceList".to_owned());
    }
    let Billing { day, anchor } = &options.billing;
    if day.is_some() == anchor.is_some() {
        wrong.push("billing".to_owned());
    }
    if !PAYMENT_METHODS.contains(&options.payment_method.as_str()) {
        wrong.push("paymentMethod".to_owned());
    }
    Ok(wrong)
}
