//! The reference contract, served: one module per group of operations.
//!
//! It may use the contract's types, the store and the sandbox's data; it must not know of sockets, faults or
//! the control API. Each operation is one transaction, and what it refuses leaves no trace but a
//! line in the audit list.

mod activation;
mod blockers;
mod checks;
mod copying;
mod customers;
mod fencing;
mod listings;
mod manual;
mod pricing;
mod refusals;
mod reseller;
mod strict;
mod subscriptions;
mod tenant;
mod unseen;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::activation::{press, switch_after_transfer};
pub(crate) use self::blockers::{count as count_blockers, eligible_sql};
pub(crate) use self::copying::ByHand;
pub(crate) use self::customers::by_hand as copy_customer;
pub(crate) use self::fencing::canonical_account;
pub(crate) use self::listings::BEGINNING;
pub(crate) use self::pricing::Stored as StoredPricing;
pub(crate) use self::strict::Schemas;
pub(crate) use self::subscriptions::{
    by_hand as copy_subscription, transfer as transfer_subscription,
};
use super::oauth::Side;
use super::problem::{Refusal, field_problem};
use super::store::{Audit, Store, Tx};
use super::switches::Switches;
use crate::bss::adapters::reference::contract::{
    EpochPromise, FENCING_EPOCH, FieldProblem, IDEMPOTENCY_KEY, OffGuardPromise, Operation, Problem,
};

/// Where the contract is served.
pub(crate) const BASE: &str = "/tenant-reseller/v1";
/// The most items of a page.
pub(crate) const PAGE_SIZE: u16 = 500;

/// Whether any record has the business key `?1`: a key names one record, of whatever kind.
const KEY_IS_TAKEN: &str = "
    SELECT 1 FROM copies WHERE business_key = ?1
    UNION ALL SELECT 1 FROM tenants WHERE business_key = ?1
    UNION ALL SELECT 1 FROM activations WHERE business_key = ?1";

/// The operation behind a method and the segments below [`BASE`], with the id in the path.
pub(crate) fn route(method: &str, path: &[String]) -> Option<(Operation, String)> {
    use Operation as O;
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let (operation, id) = match (method, words.as_slice()) {
        ("GET", ["identity"]) => (O::GetIdentity, ""),
        ("GET", ["capabilities"]) => (O::GetCapabilities, ""),
        ("GET", ["resellers", id]) => (O::GetReseller, *id),
        ("POST", ["resellers", id, "epoch"]) => (O::AcquireEpoch, *id),
        ("GET", ["resellers", id, "tenant"]) => (O::GetTenant, *id),
        ("POST", ["resellers", id, "tenant"]) => (O::CreateTenant, *id),
        ("GET", ["resellers", id, "customers"]) => (O::ListCustomers, *id),
        ("GET", ["resellers", id, "subscriptions"]) => (O::ListSubscriptions, *id),
        ("GET", ["resellers", id, "open-orders"]) => (O::ListOpenOrders, *id),
        ("POST", ["resellers", id, "checks"]) => (O::CheckPurchases, *id),
        ("GET", ["operations", id]) => (O::GetOperation, *id),
        ("GET", ["tenants", id, "copies"]) => (O::ListCopies, *id),
        ("POST", ["tenants", id, "copies", "find"]) => (O::FindCopies, *id),
        ("POST", ["tenants", id, "customers", "copy"]) => (O::CopyCustomers, *id),
        ("POST", ["tenants", id, "subscriptions", "copy"]) => (O::CopySubscriptions, *id),
        ("POST", ["tenants", id, "pricing", "lookup"]) => (O::GetPricing, *id),
        ("POST", ["tenants", id, "pricing"]) => (O::SetPricing, *id),
        ("POST", ["tenants", id, "activation"]) => (O::ActivateBackOrdering, *id),
        _ => return None,
    };
    Some((operation, id.to_owned()))
}

/// The reseller that a request names in its path, if it names one.
pub(crate) fn account_in_path(operation: Operation, id: &str) -> Option<&str> {
    use Operation as O;
    match operation {
        O::GetReseller
        | O::AcquireEpoch
        | O::GetTenant
        | O::CreateTenant
        | O::ListCustomers
        | O::ListSubscriptions
        | O::ListOpenOrders
        | O::CheckPurchases => Some(canonical_account(id)),
        O::GetIdentity
        | O::GetCapabilities
        | O::GetOperation
        | O::ListCopies
        | O::FindCopies
        | O::CopyCustomers
        | O::CopySubscriptions
        | O::GetPricing
        | O::SetPricing
        | O::ActivateBackOrdering => None,
    }
}

/// The reseller that a request is about, if it is about one: named itself, or by its tenant.
pub(crate) fn account(
    store: &Store,
    operation: Operation,
    id: &str,
) -> Result<Option<String>, Refusal> {
    if let Some(account) = account_in_path(operation, id) {
        return Ok(Some(account.to_owned()));
    }
    store.transact(|tx| {
        Ok(tx.one(
            "SELECT reseller_id FROM tenants WHERE id = ?1 OR operation_id = ?1",
            [id],
            |row| row.get(0),
        )?)
    })
}

/// A request of the contract.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    /// The id in the path, decoded.
    pub(crate) id: String,
    /// The query, decoded; a name that came twice is kept twice.
    pub(crate) query: Vec<(String, String)>,
    /// Whose credentials it came with.
    pub(crate) side: Side,
    pub(crate) fencing_epoch: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// A success.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn ok<T: Serialize>(body: &T) -> Result<Self, Refusal> {
        Self::with(200, body)
    }

    fn with<T: Serialize>(status: u16, body: &T) -> Result<Self, Refusal> {
        let body = serde_json::to_vec(body)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self {
            status,
            location: None,
            body,
        })
    }
}

/// Carries out a request.
pub(crate) fn execute(
    store: &Store,
    schemas: &Schemas,
    call: &Call,
) -> Result<Reply, Box<Problem>> {
    let switches = store.switches();
    let answer = refusals::replayed(store, &switches, call)
        .and_then(|()| serve(store, schemas, (call, &switches)))
        .map_err(Refusal::into_problem);
    if let Err(problem) = &answer
        && call.operation.writes()
    {
        // The refusal rolled its transaction back, so it is told in one of its own.
        let told = store.transact(|tx| {
            tx.audit(&Audit {
                actor: "Operator",
                operation: call.operation.as_str(),
                account_id: Some(call.id.trim()),
                epoch: call
                    .fencing_epoch
                    .as_deref()
                    .and_then(|text| text.parse().ok()),
                outcome: &crate::sandbox::store::word(&problem.class),
                detail: problem.detail.as_deref(),
                ..Audit::default()
            })?;
            refusals::keep(tx, call, problem)?;
            Ok(())
        });
        if let Err(refusal) = told {
            return Err(refusal.into_problem());
        }
    }
    answer
}

fn serve(
    store: &Store,
    schemas: &Schemas,
    (call, switches): (&Call, &Switches),
) -> Result<Reply, Refusal> {
    manual::refuse(store, switches, call)?;
    let request = Request {
        call,
        schemas,
        fenced: switches.epochs == EpochPromise::Issued,
    };
    match call.operation {
        Operation::GetIdentity => store.transact(|tx| reseller::identity(tx, &request)),
        Operation::GetCapabilities => reseller::capabilities(store, &request),
        Operation::GetReseller => store.transact(|tx| reseller::get(tx, &request)),
        Operation::AcquireEpoch => reseller::acquire(store, &request),
        Operation::GetTenant => store.transact(|tx| tenant::look_up(tx, &request)),
        Operation::CreateTenant => tenant::create(store, &request),
        Operation::GetOperation => store.transact(|tx| tenant::operation(tx, &request)),
        Operation::ListCustomers => store.transact(|tx| listings::customers(tx, &request)),
        Operation::ListSubscriptions => store.transact(|tx| listings::subscriptions(tx, &request)),
        Operation::ListOpenOrders => store.transact(|tx| listings::open_orders(tx, &request)),
        Operation::ListCopies => store.transact(|tx| listings::copies(tx, &request)),
        Operation::FindCopies => listings::find(store, &request),
        Operation::CopyCustomers => customers::copy(store, &request),
        Operation::CopySubscriptions => subscriptions::copy(store, &request),
        Operation::GetPricing => pricing::look_up(store, &request),
        Operation::SetPricing => pricing::set(store, &request),
        Operation::CheckPurchases => checks::check(store, &request),
        Operation::ActivateBackOrdering => activation::activate(store, &request),
    }
}

/// A call with what is needed to read it.
struct Request<'a> {
    call: &'a Call,
    schemas: &'a Schemas,
    /// Whether epochs are looked at.
    fenced: bool,
}

/// What a writing operation needs in its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Epoch,
    EpochAndKey,
}

impl Request<'_> {
    /// Reads body and headers, and names everything that is wrong with both.
    fn read<T>(&self, needs: Needs) -> Result<T, Refusal>
    where
        T: DeserializeOwned + JsonSchema + 'static,
    {
        self.read_checked(needs, |_| Vec::new())
    }

    /// The same, with rules that the schema cannot express.
    fn read_checked<T>(
        &self,
        needs: Needs,
        rules: impl FnOnce(&T) -> Vec<FieldProblem>,
    ) -> Result<T, Refusal>
    where
        T: DeserializeOwned + JsonSchema + 'static,
    {
        let mut wrong = self.unknown_parameters(&[]);
        if needs != Needs::Nothing && self.fenced {
            wrong.extend(self.wrong_epoch());
        }
        if needs == Needs::EpochAndKey {
            wrong.extend(self.wrong_key());
        }
        match self.schemas.read::<T>(&self.call.body) {
            Ok(body) => {
                wrong.extend(rules(&body));
                if wrong.is_empty() {
                    Ok(body)
                } else {
                    Err(Refusal::invalid(wrong))
                }
            }
            Err(more) => {
                wrong.extend(more);
                Err(Refusal::invalid(wrong))
            }
        }
    }

    fn wrong_epoch(&self) -> Option<FieldProblem> {
        match self.call.fencing_epoch.as_deref() {
            None => Some(field_problem(FENCING_EPOCH, "the header is missing")),
            Some(_) if self.epoch() == 0 => Some(field_problem(
                FENCING_EPOCH,
                "is not an epoch that was issued",
            )),
            Some(_) => None,
        }
    }

    fn wrong_key(&self) -> Option<FieldProblem> {
        match self.call.idempotency_key.as_deref() {
            None | Some("") => Some(field_problem(IDEMPOTENCY_KEY, "the header is missing")),
            Some(key) if !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) => {
                Some(field_problem(
                    IDEMPOTENCY_KEY,
                    "is given more than once, or does not consist of printable ASCII characters",
                ))
            }
            Some(key) if key.len() > 1280 => Some(field_problem(
                IDEMPOTENCY_KEY,
                "is longer than 1280 characters",
            )),
            Some(_) => None,
        }
    }

    /// The epoch in the header; 0 if there is none that could have been issued.
    fn epoch(&self) -> u64 {
        let text = self.call.fencing_epoch.as_deref().unwrap_or_default();
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().unwrap_or(0)
        } else {
            0
        }
    }

    fn unknown_parameters(&self, known: &[&str]) -> Vec<FieldProblem> {
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, _) in &self.call.query {
            let count = times.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        times
            .into_iter()
            .filter_map(|(name, count)| {
                if !known.contains(&name) {
                    Some(field_problem(name, "is not a parameter of this operation"))
                } else if count > 1 {
                    Some(field_problem(name, "is given more than once"))
                } else {
                    None
                }
            })
            .collect()
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.call
            .query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Faults of a list of items: too many of them, or one of them twice.
fn list_problems<'a>(
    largest: u16,
    member: &str,
    ids: impl Iterator<Item = &'a str>,
) -> Vec<FieldProblem> {
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut count: u64 = 0;
    for id in ids {
        count = count.saturating_add(1);
        if !seen.insert(id) {
            wrong.push(field_problem(member, format!("{id} comes more than once")));
        }
    }
    if count > u64::from(largest) {
        wrong.push(field_problem(
            member,
            format!("has more than {largest} items"),
        ));
    }
    wrong
}

/// A tenant as the copying operations see it.
struct Place {
    tenant_id: String,
    reseller_id: String,
    active: bool,
    /// Nothing may be copied any more. Without a guard this is not checked.
    closed: bool,
    on: bool,
    currency: String,
}

/// The tenant with this id, unless it is marked as deleted.
fn place(tx: &Tx<'_>, tenant: &str) -> Result<Place, Refusal> {
    tx.one(
        "SELECT tenants.id, reseller_id, status = 'Active', back_ordering = 'On', tenants.currency
         FROM tenants JOIN resellers ON resellers.id = tenants.reseller_id
         WHERE tenants.id = ?1 AND status <> 'MarkedAsDeleted'",
        [tenant],
        |row| {
            let on = row.get(3)?;
            Ok(Place {
                tenant_id: row.get(0)?,
                reseller_id: row.get(1)?,
                active: row.get(2)?,
                closed: on && tx.switches.off_guard == OffGuardPromise::Atomic,
                on,
                currency: row.get(4)?,
            })
        },
    )?
    .ok_or_else(|| Refusal::not_found("there is no such tenant"))
}
