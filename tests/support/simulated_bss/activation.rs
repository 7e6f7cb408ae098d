//! The switch: one call decides and does it; there is no way back. And what stands against it.

use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::error::{BlockerTally, BssError};
use tenant_reseller_operator::bss::port::{
    AccountId, Activation, ActivationTarget, BlockerReason, BusinessKey, CopyListing, CopyState,
    Epoch, Mark, PurchaseState, RequestKey, ResellerKind, Revision, SourceId, Strength, TenantId,
    TenantStatus, WriteOperation,
};

use super::records::Owned;
use super::refusals::{Known, conflict, invalid};
use super::world::World;
use super::wrong::Wrong;

impl World {
    /// Activates back ordering. It cannot be undone.
    pub fn activate_back_ordering(
        &mut self,
        account: &AccountId,
        epoch: Option<Epoch>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> BssResult<Activation> {
        self.settle();
        let fingerprint = format!("activate {key} {} {:?}", target.tenant, target.expected);
        self.keyed(request, fingerprint.clone(), |world| {
            let what = format!("tenant {}. It cannot be undone", target.tenant);
            world.automatic(WriteOperation::ActivateBackOrdering, &what)?;
            world.carried(epoch)?;
            world.known(account)?;
            let place = world.place(target.tenant)?;
            world.guard(epoch)?;
            if let Some(known) = world.request_keys.get(request) {
                let same = known.operation == WriteOperation::ActivateBackOrdering
                    && known.fingerprint == fingerprint;
                return if same {
                    Ok(Activation::Activated)
                } else {
                    Err(conflict("the request key was used for another request"))
                };
            }
            if world.on && world.does(Wrong::SwitchesTwice) {
                world.switch();
            }
            if world.on {
                return Ok(Activation::AlreadyActive);
            }
            if world.key_is_taken(key) {
                return Err(conflict("the business key belongs to another record"));
            }
            world.judge_expectation(target.expected);
            let blind = world.does(Wrong::SwitchesBlindly);
            if world.switches.promises.compares == Strength::Strong && !blind {
                world.compare_revision(target.expected)?;
                world.examine(&place.tenant)?;
            }
            world.judge_effect("activateBackOrdering", epoch);
            world.judge_switch(&place.tenant);
            world.switch();
            let known = Known {
                operation: WriteOperation::ActivateBackOrdering,
                fingerprint,
                began: None,
                since: world.known_since(),
            };
            world.request_keys.insert(request.clone(), known);
            Ok(Activation::Activated)
        })
    }

    fn compare_revision(&self, expected: Option<Revision>) -> BssResult<()> {
        match expected {
            // Who was never told a revision cannot expect one.
            None if self.switches.promises.revision == Strength::Weak => Ok(()),
            None => Err(invalid("expectedRevision", "is missing")),
            Some(expected) if expected.0 == self.revision => Ok(()),
            Some(expected) => Err(conflict(&format!(
                "the inventory is at revision {}, not at {}",
                self.revision, expected.0
            ))),
        }
    }

    fn examine(&self, tenant: &TenantId) -> BssResult<()> {
        let mut tallies = self.blockers(tenant);
        // Where open orders cannot be seen, the switch does not see them either.
        tallies.retain(|tally| {
            self.switches.promises.orders == Strength::Strong
                || tally.reason != BlockerReason::OrderNotFinal
        });
        if tallies.is_empty() {
            Ok(())
        } else {
            Err(BssError::Blocked(tallies))
        }
    }

    /// The button on the screen: no key, no expected revision, and as much examination as this
    /// BSS has.
    pub(super) fn press(&mut self) -> BssResult<Activation> {
        let tenant = self.some_tenant()?.tenant.id.clone();
        if self.on {
            return Ok(Activation::AlreadyActive);
        }
        if self.switches.promises.compares == Strength::Strong {
            self.examine(&tenant)?;
        }
        self.judge_press(&tenant);
        self.switch();
        Ok(Activation::Activated)
    }

    fn switch(&mut self) {
        self.on = true;
        self.kind = ResellerKind::Tenant;
        self.activations += 1;
        self.moved();
        let ids: Vec<SourceId> = self
            .purchases
            .iter()
            .filter(|(_, row)| self.is_resellers(row) && !self.is_own(row))
            .map(|(id, _)| id.clone())
            .collect();
        let marks = !self.does(Wrong::SwitchMarksNothing);
        for id in ids.into_iter().filter(|_| marks) {
            let row = self.purchases.get_mut(&id).unwrap();
            row.mark = Mark::Marked;
            row.was_marked = true;
        }
        if let Some(corruption) = self.corruption.take() {
            let _nothing_to_corrupt = self.corrupt_now(&corruption);
        }
    }

    /// What stands against the switch: every reason, counted, from the records themselves.
    pub fn blockers(&self, tenant: &TenantId) -> Vec<BlockerTally> {
        let mut tallies = Vec::new();
        let mut tally = |reason, mut ids: Vec<String>| {
            if !ids.is_empty() {
                let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                ids.sort();
                ids.truncate(10);
                tallies.push(BlockerTally {
                    reason,
                    count,
                    examples: ids,
                });
            }
        };
        tally(BlockerReason::NotCopied, self.not_copied(tenant));
        tally(BlockerReason::DuplicateCopy, self.duplicates(tenant));
        tally(BlockerReason::OrphanedCopy, self.orphans(tenant));
        tally(BlockerReason::SourceChanged, self.changed(tenant));
        tally(BlockerReason::HalfMarked, self.half_marked(tenant));
        let open = self
            .orders
            .iter()
            .filter(|(_, order)| self.is_open(&order.customer));
        tally(
            BlockerReason::OrderNotFinal,
            open.map(|(id, _)| id.clone()).collect(),
        );
        if self.tenants[tenant].tenant.status != TenantStatus::Active {
            tally(BlockerReason::TenantSuspended, vec![tenant.0.clone()]);
        }
        if self.kind != ResellerKind::Basic {
            tally(
                BlockerReason::ResellerNotBasic,
                vec![self.reseller.0.clone()],
            );
        }
        tallies
    }

    fn not_copied(&self, tenant: &TenantId) -> Vec<String> {
        let mut missing = Vec::new();
        let mut owners = std::collections::BTreeSet::new();
        for (id, row) in self.eligible() {
            if self
                .copies_of(tenant, CopyListing::Subscriptions, id)
                .is_empty()
            {
                missing.push(id.0.clone());
            }
            owners.insert(&row.customer);
        }
        for owner in owners {
            let copies = self.copies_of(tenant, CopyListing::Customers, owner);
            if !copies
                .iter()
                .any(|(_, copy)| copy.state != CopyState::Incomplete)
            {
                missing.push(owner.0.clone());
            }
        }
        missing
    }

    /// Sources with two records in use: ending one is the remedy.
    pub(super) fn duplicates(&self, tenant: &TenantId) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut last = None;
        for ((of, listing, source, _), row) in &self.copies {
            if of != tenant || row.state == CopyState::Ended {
                continue;
            }
            if last == Some((listing, source)) && found.last() != Some(&source.0) {
                found.push(source.0.clone());
            }
            last = Some((listing, source));
        }
        found
    }

    /// Whether a customer owns something that is to be copied, whichever account pays for it.
    pub(super) fn owns_active(&self, customer: &SourceId) -> bool {
        let active = |row: &super::PurchaseRow| {
            row.customer == *customer && row.state == PurchaseState::Active
        };
        self.purchases.values().any(active)
    }

    pub(super) fn orphans(&self, tenant: &TenantId) -> Vec<String> {
        let mut found = Vec::new();
        for ((of, listing, source, _), row) in &self.copies {
            if of != tenant || row.state == CopyState::Ended {
                continue;
            }
            let orphaned = match listing {
                CopyListing::Subscriptions => !self.purchases.get(source).is_some_and(|row| {
                    row.state == PurchaseState::Active
                        && self.is_resellers(row)
                        && !self.is_own(row)
                }),
                // A customer that left has nothing copyable here: its own record never counts (I-13).
                CopyListing::Customers => false,
            };
            if orphaned {
                found.push(source.0.clone());
            }
        }
        found
    }

    pub(super) fn changed(&self, tenant: &TenantId) -> Vec<String> {
        let mut found = Vec::new();
        for ((of, _, source, _), row) in &self.copies {
            if of != tenant || row.state == CopyState::Ended {
                continue;
            }
            let changed = match &row.fields {
                Owned::Purchase(fields) => self.purchases.get(source).is_some_and(|now| {
                    now.state == PurchaseState::Active
                        && self.is_resellers(now)
                        && now.fields != *fields
                }),
                Owned::Customer(fields) => self.customers.get(source).is_some_and(|now| {
                    now.fields.bill_to == self.reseller
                        && now.fields != *fields
                        && self.owns_active(source)
                }),
            };
            if changed {
                found.push(source.0.clone());
            }
        }
        found
    }

    pub(super) fn half_marked(&self, tenant: &TenantId) -> Vec<String> {
        let half = self.customers.iter().filter(|(id, row)| {
            row.fields.bill_to == self.reseller
                && (row.mark == Mark::Marked) != self.is_copied(tenant, id)
        });
        half.map(|(id, _)| id.0.clone()).collect()
    }
}
