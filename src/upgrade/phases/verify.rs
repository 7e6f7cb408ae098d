//! After the switch: both sides are compared item by item, and the record is completed before the upgrade
//! is called done.

use crate::api::{ConditionType, Reason, ResellerClaimSpec};
use crate::bss::port::{ItemKind, Reseller};
use crate::upgrade::decide::{Decide, Decision, Next};
use crate::upgrade::effect::{ClaimEdit, Effect};
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::{ReadyState, messages};
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Tally;

/// So often both sides are looked at before people are called, where the switch copies too.
const LOOKS_BEHIND_A_COPYING_SWITCH: u32 = 2;

impl Decide<'_> {
    pub(in crate::upgrade) fn done(&self) -> Decision {
        if self.known.fencing.claim.is_none() {
            // A write of the record failed: it is read again before anything is called done.
            return self.act(Effect::Claim(ClaimEdit::Take));
        }
        let edit = self
            .known
            .fencing
            .claim
            .as_ref()
            .and_then(|claim| self.record_of_end(claim));
        if let Some(edit) = edit {
            return self.act(Effect::Claim(edit));
        }
        let state = ReadyState {
            reason: Reason::Succeeded,
            message: self.success(),
            next_action: String::new(),
        };
        Decision {
            effect: None,
            state,
            next: Next::OnChange,
        }
    }

    /// What people read at the end. Where a person's act copied, the pricing options are compared with those
    /// that the last look before it saw.
    fn success(&self) -> String {
        let mut message = success(self.known.bss.reseller.as_ref()).to_owned();
        let claim = self.known.fencing.claim.as_ref();
        let told = claim.and_then(|claim| claim.pricing_digest.as_ref());
        let after = self.known.activation.pricing_after.as_ref();
        if let Some((told, after)) = told.zip(after)
            && told != after
        {
            message.push_str(
                " Pricing options of customers are not those that were seen before the step: see that \
                 the copies have the prices that were meant.",
            );
        }
        message
    }

    /// The record is complete before the upgrade is called done.
    fn record_of_end(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        self.unrecorded_milestone(claim).or_else(|| {
            claim
                .activation_time
                .is_none()
                .then_some(ClaimEdit::Activated {
                    approval: self.known.activation.approval,
                })
        })
    }

    /// Back ordering is on: the switch goes on record, then both sides are compared. Nothing is
    /// written to the BSS any more, so nothing of what writers need is asked for.
    pub(in crate::upgrade) fn verify(&self, claim: &ResellerClaimSpec) -> Decision {
        if let Some(edit) = self.record_of_end(claim) {
            return self.act(Effect::Claim(edit));
        }
        match (&self.known.tenant.seen, &self.known.sweeps.current) {
            (Some(Some(_)), Some(sweep)) => match sweep.wanted() {
                Some(calls) => self.act(Effect::Sweep(calls)),
                None => self.look_afresh(),
            },
            (Some(_) | None, _) => self.look_afresh(),
        }
    }
}

impl Observe<'_> {
    pub(super) fn verified_customers(&mut self, tally: Tally) {
        self.known.sweeps.customers = tally;
        self.go(Stage::VerifyPurchases);
    }

    /// Both sides were compared. What differs is looked at twice before people are called: two
    /// pages of a moving world may disagree for a moment.
    pub(super) fn verified_purchases(&mut self, tally: &Tally) {
        let mut differences: Findings = self.known.sweeps.customers.blockers.clone();
        differences.merge(&tally.blockers);
        if differences.total() > 0 && self.known.findings.differences.total() == 0 {
            // Where the switch copies too, copies may still land behind it.
            if self.copies_with_the_switch()
                && self.known.waiting.rounds < LOOKS_BEHIND_A_COPYING_SWITCH
            {
                let settled = self.now.monotonic.saturating_add(self.upgrade.terms.settle);
                self.again(Stage::VerifyCustomers);
                self.known.waiting.not_before(settled);
                return;
            }
            if self.known.waiting.rounds == 0 {
                self.again(Stage::VerifyCustomers);
                return;
            }
        }
        let found = messages::of_differences(&differences);
        self.known.findings.differences = differences;
        if let Some(found) = found {
            self.known.enter(Stage::VerifyCustomers);
            self.stall(found);
            return;
        }
        if self.copies_with_the_switch() {
            let purchases = [ItemKind::Subscription, ItemKind::Asset].iter();
            let purchases = purchases.filter_map(|kind| tally.counts.get(kind));
            let copied = purchases.map(|counts| counts.copied).sum();
            self.known
                .milestones
                .entry(ConditionType::SubscriptionsCopied)
                .or_insert(copied);
            self.known.activation.pricing_after = Some(tally.pricing_digest.text());
        }
        let agreeing = [ItemKind::Customer, ItemKind::Subscription, ItemKind::Asset]
            .iter()
            .filter_map(|kind| {
                tally
                    .counts
                    .get(kind)
                    .or(self.known.sweeps.customers.counts.get(kind))
            })
            .map(|counts| counts.copied)
            .sum();
        self.known
            .milestones
            .entry(ConditionType::Verified)
            .or_insert(agreeing);
        self.known.waiting.ready_state = None;
        self.progressed();
        self.known.stage = Stage::Done;
        self.known.sweeps.current = None;
    }
}

/// What people read at the end.
#[must_use]
pub fn success(reseller: Option<&Reseller>) -> &'static str {
    if reseller.is_some_and(|reseller| !reseller.ordering_enabled) {
        "The reseller is a tenant reseller; back ordering is on. Ordering is still disabled for its \
         account in the distributor's BSS."
    } else {
        "The reseller is a tenant reseller; back ordering is on."
    }
}
