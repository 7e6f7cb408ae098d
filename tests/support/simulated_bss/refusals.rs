//! What every operation refuses in the same way: manual steps, wrong epochs, lists that are too
//! long; and what is remembered under a request key.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::error::{BlockerTally, BssError, FieldError};
use tenant_reseller_operator::bss::port::{
    AccountId, BlockerReason, Epoch, Mode, OperationId, RequestKey, TenantId, TenantStatus,
    WriteOperation,
};

use super::world::World;
use super::wrong::Wrong;

/// A success that is known under its request key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub(super) operation: WriteOperation,
    pub(super) fingerprint: String,
    /// The operation that it began, of a tenant's creation.
    pub(super) began: Option<OperationId>,
    /// When it was used, if it can be forgotten.
    pub(super) since: Duration,
}

pub(super) fn invalid(field: &str, detail: &str) -> BssError {
    BssError::Invalid(vec![problem(field, detail)])
}

pub(super) fn problem(field: &str, detail: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        detail: detail.to_owned(),
        allowed: Vec::new(),
    }
}

pub(super) fn not_found(what: &str) -> BssError {
    BssError::NotFound {
        what: what.to_owned(),
    }
}

pub(super) fn conflict(detail: &str) -> BssError {
    BssError::Conflict {
        detail: detail.to_owned(),
    }
}

pub(super) fn blocked_by(reason: BlockerReason, example: &str) -> BssError {
    BssError::Blocked(vec![BlockerTally {
        reason,
        count: 1,
        examples: vec![example.to_owned()],
    }])
}

/// The canonical form of an account id: without blanks around it and without leading zeros.
pub(super) fn canonical(text: &str) -> &str {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let stripped = text.trim_start_matches('0');
        if stripped.is_empty() { text } else { stripped }
    } else {
        text
    }
}

/// A tenant as the operations below it see it.
pub(super) struct Place {
    pub(super) tenant: TenantId,
    pub(super) active: bool,
    /// Nothing may be copied any more. Without the promise `offGuard` this is not checked.
    pub(super) closed: bool,
    pub(super) currency: String,
}

impl World {
    /// The reseller, however its id is written.
    pub(super) fn known(&self, account: &AccountId) -> BssResult<()> {
        if canonical(account.as_str()) == self.reseller.as_str() {
            Ok(())
        } else {
            Err(not_found("there is no such reseller"))
        }
    }

    /// The tenant with this id, unless it is marked as deleted.
    pub(super) fn place(&self, tenant: &TenantId) -> BssResult<Place> {
        let found = self
            .tenants
            .get(tenant)
            .filter(|row| row.tenant.status != TenantStatus::MarkedAsDeleted)
            .ok_or_else(|| not_found("there is no such tenant"))?;
        let guarded = self.switches.promises.off_guard
            == tenant_reseller_operator::bss::port::Strength::Strong;
        Ok(Place {
            tenant: tenant.clone(),
            active: found.tenant.status == TenantStatus::Active
                || self.does(Wrong::CopiesIntoSuspended),
            closed: self.on && guarded && !self.does(Wrong::CopiesAfterSwitch),
            currency: found.currency().to_owned(),
        })
    }

    /// Refuses what this BSS does not do when asked. It comes before any look at the request.
    pub(super) fn automatic(&self, operation: WriteOperation, what: &str) -> BssResult<()> {
        match self.switches.modes.get(&operation) {
            Some(Mode::ManualStep | Mode::WithSwitch) => Err(BssError::ManualStepNeeded {
                instruction: format!(
                    "Distributor BSS, page Accounts > {} > Reseller, button {}: {what}.",
                    self.reseller,
                    operation.as_str()
                ),
            }),
            Some(Mode::Automatic) => Ok(()),
            Some(Mode::Unsupported) | None => Err(BssError::Unsupported {
                operation: operation.operation(),
            }),
        }
    }

    /// A write carries an epoch that could have been issued, where epochs are issued.
    pub(super) fn carried(&self, epoch: Option<Epoch>) -> BssResult<()> {
        match epoch {
            _ if !self.switches.fenced() => Ok(()),
            None => Err(invalid("Fencing-Epoch", "the header is missing")),
            Some(Epoch(0)) => Err(invalid("Fencing-Epoch", "is not an epoch that was issued")),
            Some(_) => Ok(()),
        }
    }

    /// Refuses an epoch that is not the highest issued.
    pub(super) fn guard(&self, epoch: Option<Epoch>) -> BssResult<()> {
        let Some(epoch) = epoch.filter(|_| self.switches.fenced()) else {
            return Ok(());
        };
        if epoch.0 < self.epoch && !self.does(Wrong::TakesStaleEpochs) {
            return Err(BssError::StaleEpoch {
                highest: self.epoch,
            });
        }
        if epoch.0 > self.epoch {
            return Err(invalid(
                "Fencing-Epoch",
                "is higher than any epoch that was issued",
            ));
        }
        Ok(())
    }

    /// A list is neither empty nor too long, and names nothing twice.
    pub(super) fn list<T: Ord>(&self, items: impl Iterator<Item = T>) -> BssResult<()> {
        let mut seen = BTreeSet::new();
        let mut count = 0_usize;
        let mut twice = false;
        for item in items {
            count += 1;
            twice |= !seen.insert(item);
        }
        if twice {
            return Err(invalid("items", "comes more than once"));
        }
        if count == 0 || count > usize::from(self.switches.largest_batch) {
            return Err(invalid("items", "has too many items, or none"));
        }
        Ok(())
    }

    /// A call under a request key: a kept refusal is given again, where the BSS is switched so.
    pub(super) fn keyed<T>(
        &mut self,
        key: &RequestKey,
        request: String,
        call: impl FnOnce(&mut Self) -> BssResult<T>,
    ) -> BssResult<T> {
        if !self.switches.replayed_refusals {
            return call(self);
        }
        let place = (key.clone(), request);
        if let Some((refusal, _)) = self.refusals.get(&place) {
            return Err(refusal.clone());
        }
        let answer = call(self);
        if let Err(
            refusal @ (BssError::Blocked(_) | BssError::Conflict { .. } | BssError::Invalid(_)),
        ) = &answer
        {
            let since = self.known_since();
            self.refusals.insert(place, (refusal.clone(), since));
        }
        answer
    }
}
