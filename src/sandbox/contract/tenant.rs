//! The tenant: looked up, requested once, observed while it is queued.

use rusqlite::{Row, params};

use super::{BASE, KEY_IS_TAKEN, Needs, Reply, Request, fencing, reseller, unseen};
use crate::bss::adapters::reference::contract::{
    BlockerCount, BlockerReason, CreateTenant, FieldProblem, LongRunning, Operation,
    OperationState, Tenant, TenantAccess, TenantLookup, TenantSettings, TenantStatus,
};
use crate::sandbox::oauth::Side;
use crate::sandbox::problem::{Refusal, field_problem};
use crate::sandbox::store::{Audit, Millis, Store, Tx, from_json, from_word, to_json};
use crate::sandbox::world::{catalogue, purchases};

const COLUMNS: &str = "id, settings, currency, business_key, status, operation_id, reseller_id";

struct Found {
    tenant: Tenant,
    operation_id: Option<String>,
    reseller_id: String,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Found> {
    let id: String = row.get(0)?;
    Ok(Found {
        tenant: Tenant {
            url: Some(format!("https://{id}.tenants.example")),
            id,
            settings: from_json(&row.get::<_, String>(1)?)?,
            currency: row.get(2)?,
            business_key: row.get(3)?,
            status: from_word(row.get(4)?)?,
        },
        operation_id: row.get(5)?,
        reseller_id: row.get(6)?,
    })
}

fn live(tx: &Tx<'_>, reseller: &str, until: Millis) -> rusqlite::Result<Option<Found>> {
    tx.one(
        &format!(
            "SELECT {COLUMNS} FROM tenants WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted'
                 AND made_ms <= ?2"
        ),
        params![reseller, until],
        read,
    )
}

pub(super) fn look_up(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    reseller::no_parameters(request)?;
    let id = fencing::reseller(tx, &request.call.id)?;
    let found = if is_known(tx, request.call.side) {
        live(tx, &id, tx.seen_until())?
    } else {
        None
    };
    Reply::ok(&TenantLookup {
        tenant: found.map(|found| unseen::tenant(tx, found.tenant)),
    })
}

/// Whether a side knows of a reseller's tenant: where only the tenant can tell, the distributor does not.
pub(super) fn is_known(tx: &Tx<'_>, side: Side) -> bool {
    match side {
        Side::Tenant => true,
        Side::Distributor => tx.switches.tenant_access != TenantAccess::OwnAndOnly,
    }
}

pub(super) fn operation(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    reseller::no_parameters(request)?;
    Reply::ok(&find_operation(tx, &request.call.id)?)
}

fn find_operation(tx: &Tx<'_>, id: &str) -> Result<LongRunning, Refusal> {
    tx.one(
        "SELECT id, state, detail FROM operations WHERE id = ?1",
        [id],
        |row| {
            Ok(LongRunning {
                id: row.get(0)?,
                state: from_word(row.get(1)?)?,
                detail: row.get(2)?,
            })
        },
    )?
    .ok_or_else(|| Refusal::not_found("there is no such operation"))
}

pub(super) fn create(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body: CreateTenant = request.read(Needs::EpochAndKey)?;
    store.transact(|tx| {
        let reseller = fencing::reseller(tx, &request.call.id)?;
        fencing::guard(tx, &reseller, request.epoch())?;
        let fingerprint = purchases::digest(&format!("{reseller} {}", to_json(&body)?));
        refuse_reused_key(tx, request, &fingerprint)?;
        if !tx.switches.unique()
            && let Some(reply) = known_request(tx, request)?
        {
            return Ok(reply);
        }
        if let Some(reply) = repeat(tx, &reseller, &body)? {
            return Ok(reply);
        }
        refuse_wrong_settings(tx, &body.settings)?;
        refuse_blocked(tx, &reseller)?;
        queue(tx, request, (&reseller, &fingerprint), &body)
    })
}

/// A request key names one request; under another body it is a mistake of the client's.
fn refuse_reused_key(tx: &Tx<'_>, request: &Request<'_>, fingerprint: &str) -> Result<(), Refusal> {
    let key = request.call.idempotency_key.as_deref().unwrap_or_default();
    let other = tx.exists(
        "SELECT 1 FROM request_keys WHERE key = ?1
             AND (fingerprint <> ?2 OR operation <> 'createTenant') AND time_ms >= ?3",
        params![key, fingerprint, tx.keys_known_from()],
    )?;
    if other {
        return Err(Refusal::conflict(
            "the request key was used for another request",
        ));
    }
    Ok(())
}

/// Where the business key finds nothing, the request key does, as long as it is known.
fn known_request(tx: &Tx<'_>, request: &Request<'_>) -> Result<Option<Reply>, Refusal> {
    let key = request.call.idempotency_key.as_deref().unwrap_or_default();
    let found = tx.one(
        &format!(
            "SELECT {COLUMNS} FROM tenants WHERE status <> 'MarkedAsDeleted' AND operation_id =
                (SELECT reply FROM request_keys WHERE key = ?1 AND time_ms >= ?2)"
        ),
        params![key, tx.keys_known_from()],
        read,
    )?;
    found.as_ref().map(|found| present(tx, found)).transpose()
}

fn present(tx: &Tx<'_>, found: &Found) -> Result<Reply, Refusal> {
    match (found.tenant.status, &found.operation_id) {
        (TenantStatus::InProgress, Some(id)) => accepted(&LongRunning {
            id: id.clone(),
            state: OperationState::Running,
            detail: None,
        }),
        (
            TenantStatus::InProgress
            | TenantStatus::Active
            | TenantStatus::Suspended
            | TenantStatus::MarkedAsDeleted,
            _,
        ) => Reply::ok(&unseen::tenant(tx, found.tenant.clone())),
    }
}

/// What is there already: the answer to a repeated request, or the reason against a new one.
fn repeat(tx: &Tx<'_>, reseller: &str, body: &CreateTenant) -> Result<Option<Reply>, Refusal> {
    // A BSS that only stores its keys does not look at them when it creates.
    let keyed = if tx.switches.unique() {
        tx.one(
            &format!("SELECT {COLUMNS} FROM tenants WHERE business_key = ?1"),
            [&body.business_key],
            read,
        )?
    } else {
        None
    };
    if let Some(found) = keyed {
        if found.reseller_id != reseller {
            return Err(Refusal::conflict(
                "the business key belongs to another reseller's tenant",
            ));
        }
        if found.tenant.settings != body.settings.clone().into() {
            return Err(Refusal::conflict(
                "a tenant with this key and other settings exists",
            ));
        }
        if found.tenant.status == TenantStatus::MarkedAsDeleted {
            return Err(Refusal::conflict(
                "the tenant that was made under this key was deleted",
            ));
        }
        return present(tx, &found).map(Some);
    }
    if live(tx, reseller, Millis::MAX)?.is_some() {
        return Err(Refusal::conflict("the reseller has another tenant"));
    }
    if tx.switches.unique() && tx.exists(KEY_IS_TAKEN, [&body.business_key])? {
        return Err(Refusal::conflict(
            "the business key belongs to another record",
        ));
    }
    Ok(None)
}

fn accepted(operation: &LongRunning) -> Result<Reply, Refusal> {
    let mut reply = Reply::with(202, operation)?;
    // A header is ASCII. An id of the sandbox has no blank, which this would write as `+`.
    let id: String = url::form_urlencoded::byte_serialize(operation.id.as_bytes()).collect();
    reply.location = Some(format!("{BASE}/operations/{id}"));
    Ok(reply)
}

fn refuse_wrong_settings(tx: &Tx<'_>, settings: &TenantSettings) -> Result<(), Refusal> {
    let mut wrong: Vec<FieldProblem> = Vec::new();
    let active = tx.one(
        "SELECT active FROM price_lists WHERE id = ?1",
        [&settings.price_list],
        |row| row.get::<_, bool>(0),
    )?;
    if active != Some(true) {
        let detail = if active.is_none() {
            "there is no such price list"
        } else {
            "is not active"
        };
        let mut problem = field_problem("settings.priceList", detail);
        problem.allowed = tx.all(
            "SELECT id FROM price_lists WHERE active ORDER BY id",
            [],
            |row| row.get(0),
        )?;
        wrong.push(problem);
    }
    for (field, value, allowed) in [
        ("settings.edition", &settings.edition, catalogue::EDITIONS),
        (
            "settings.language",
            &settings.language,
            catalogue::LANGUAGES,
        ),
        (
            "settings.timeZone",
            &settings.time_zone,
            catalogue::TIME_ZONES,
        ),
        (
            "settings.dateFormat",
            &settings.date_format,
            catalogue::DATE_FORMATS,
        ),
    ] {
        if !allowed.contains(&value.as_str()) {
            let mut problem = field_problem(field, "is not offered");
            problem.allowed = allowed.iter().map(|word| (*word).to_owned()).collect();
            wrong.push(problem);
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(wrong))
    }
}

fn refuse_blocked(tx: &Tx<'_>, reseller: &str) -> Result<(), Refusal> {
    let mut reasons = Vec::new();
    if !tx.exists(
        "SELECT 1 FROM resellers WHERE id = ?1 AND kind = 'Basic'",
        [reseller],
    )? {
        reasons.push(BlockerReason::ResellerNotBasic);
    }
    if !tx.exists(
        "SELECT 1 FROM resellers WHERE id = ?1 AND ordering_enabled = 1",
        [reseller],
    )? {
        reasons.push(BlockerReason::OrderingDisabled);
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let counts = reasons
        .into_iter()
        .map(|reason| BlockerCount {
            reason,
            count: 1,
            examples: vec![reseller.to_owned()],
        })
        .collect();
    Err(Refusal::blocked(
        counts,
        "a tenant cannot be created for this reseller",
    ))
}

fn queue(
    tx: &Tx<'_>,
    request: &Request<'_>,
    (reseller, fingerprint): (&str, &str),
    body: &CreateTenant,
) -> Result<Reply, Refusal> {
    let tenant = tx.new_id("tenant", "tenant", 1)?;
    let operation = LongRunning {
        id: tx.new_id("op", "operation", 1)?,
        state: OperationState::Running,
        detail: None,
    };
    let list = &body.settings.price_list;
    let currency: String = tx
        .one(
            "SELECT currency FROM price_lists WHERE id = ?1",
            [list],
            |row| row.get(0),
        )?
        .unwrap_or_default();
    let wait = i64::try_from(tx.timing.tenant_queue.as_millis()).unwrap_or(i64::MAX);
    tx.run(
        "INSERT INTO tenants VALUES (?1, ?2, ?3, ?4, ?5, 'InProgress', ?6, ?7, ?8, ?9)",
        params![
            tenant,
            reseller,
            tx.switches.stored_key(&body.business_key),
            to_json(&body.settings)?,
            currency,
            operation.id,
            tx.now.saturating_add(wait),
            !tx.switches.unique(),
            tx.now,
        ],
    )?;
    tx.run(
        "INSERT INTO operations VALUES (?1, ?2, 'Running', NULL)",
        [&operation.id, &tenant],
    )?;
    tx.run(
        "INSERT OR REPLACE INTO request_keys VALUES (?1, 'createTenant', ?2, ?3, ?4)",
        params![
            request.call.idempotency_key,
            fingerprint,
            operation.id,
            tx.now
        ],
    )?;
    catalogue::update_tenant(tx, &tenant, list)?;
    tx.audit(&Audit {
        actor: "Operator",
        operation: Operation::CreateTenant.as_str(),
        account_id: Some(reseller),
        business_key: Some(&body.business_key),
        epoch: Some(request.epoch()),
        outcome: "Accepted",
        detail: Some(&tenant),
        ..Audit::default()
    })?;
    accepted(&operation)
}
