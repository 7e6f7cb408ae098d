//! Who the BSS is, what it can do, a reseller account and the epochs issued for it.

use rusqlite::params;

use super::{Needs, PAGE_SIZE, Reply, Request, fencing};
use crate::bss::adapters::reference::contract::{
    AcquireEpoch, Capabilities, EarlierEpoch, Epoch, Identity, Operation, Reseller,
};
use crate::sandbox::problem::Refusal;
use crate::sandbox::store::{Audit, Store, Tx, from_word};

pub(super) fn identity(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    no_parameters(request)?;
    let identity = if tx.switches.nameless {
        None
    } else {
        Some(tx.meta("identity")?)
    };
    Reply::ok(&Identity { identity })
}

pub(super) fn capabilities(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    no_parameters(request)?;
    let switches = store.switches();
    Reply::ok(&Capabilities {
        promises: switches.promises(),
        operations: switches.operations,
        tenant_access: switches.tenant_access,
        unseen: switches.unseen.into_iter().collect(),
        detail_calls: switches.detail_calls,
        largest_batch: store.largest_batch(),
        page_size: PAGE_SIZE,
    })
}

pub(super) fn no_parameters(request: &Request<'_>) -> Result<(), Refusal> {
    let wrong = request.unknown_parameters(&[]);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(wrong))
    }
}

pub(super) fn get(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    no_parameters(request)?;
    let id = fencing::reseller(tx, &request.call.id)?;
    let knows = super::tenant::is_known(tx, request.call.side);
    let reseller = tx
        .one(
            "SELECT id, name, kind, ordering_enabled, currency, price_list, back_ordering,
                (SELECT tenants.id FROM tenants WHERE reseller_id = resellers.id
                    AND status <> 'MarkedAsDeleted' AND made_ms <= ?2)
             FROM resellers WHERE id = ?1",
            params![id, tx.seen_until()],
            |row| {
                Ok(Reseller {
                    account_id: row.get(0)?,
                    name: row.get(1)?,
                    kind: from_word(row.get(2)?)?,
                    ordering_enabled: row.get(3)?,
                    currency: row.get(4)?,
                    price_list: row.get(5)?,
                    back_ordering: from_word(row.get(6)?)?,
                    tenant_id: row.get::<_, Option<String>>(7)?.filter(|_| knows),
                })
            },
        )?
        .ok_or_else(|| Refusal::not_found("there is no such reseller"))?;
    Reply::ok(&reseller)
}

pub(super) fn acquire(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body: AcquireEpoch = request.read(Needs::Nothing)?;
    store.transact(|tx| {
        let id = fencing::reseller(tx, &request.call.id)?;
        let present: Option<String> = tx
            .one("SELECT holder FROM resellers WHERE id = ?1", [&id], |row| {
                row.get(0)
            })?
            .flatten();
        if let Some(present) = &present
            && *present != body.holder
            && body.take_over.as_ref() != Some(present)
        {
            return Err(Refusal::held_by(present));
        }
        tx.run(
            "UPDATE resellers SET epoch = epoch + 1, holder = ?2 WHERE id = ?1",
            params![id, body.holder],
        )?;
        let epoch = tx.number("SELECT epoch FROM resellers WHERE id = ?1", [&id])?;
        let epoch = u64::try_from(epoch).unwrap_or(0);
        let earlier = tx.all(
            "SELECT epoch, acquisition_id FROM acquisitions WHERE reseller_id = ?1
             ORDER BY epoch DESC LIMIT 16",
            [&id],
            |row| {
                Ok(EarlierEpoch {
                    epoch: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                    acquisition_id: row.get(1)?,
                })
            },
        )?;
        tx.run(
            "INSERT INTO acquisitions SELECT id, epoch, ?2 FROM resellers WHERE id = ?1",
            params![id, body.acquisition_id],
        )?;
        tx.audit(&Audit {
            actor: "Operator",
            operation: Operation::AcquireEpoch.as_str(),
            account_id: Some(&id),
            epoch: Some(epoch),
            outcome: "Issued",
            detail: Some(&body.holder),
            ..Audit::default()
        })?;
        Reply::ok(&Epoch {
            epoch,
            previous_epoch: epoch.saturating_sub(1),
            holder: body.holder,
            earlier,
        })
    })
}
