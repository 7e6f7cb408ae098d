//! Phase 4: the final sweep, and then the switch, by the operator or by a person's hand. It cannot be undone. What
//! holds it before (open orders, quiet times) is in `before_the_switch.rs`, what a person is told of it in
//! `telling.rs`.

use crate::api::{ActivationIntent, ConditionType, ResellerClaimSpec};
use crate::bss::error::{BlockerTally, BssError};
use crate::bss::port::{
    Activation, BackOrdering, BlockerReason, Reseller, TenantId, WriteOperation,
};
use crate::upgrade::claim::FOUND_ACTIVE;
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{Activate, ClaimEdit, Effect, Read};
use crate::upgrade::known::{Approval, CleanFinalSweep, FinalSweepResult, FinalSweeps, Uncopied};
use crate::upgrade::observe::{MANY_ROUNDS, Observe};
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::strategy::{SnapshotProof, Strategy};
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Tally;

impl Decide<'_> {
    pub(super) fn activate(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
        tenant: &TenantId,
        clean: &CleanFinalSweep,
    ) -> Decision {
        if self.known.activation.sweep_is_old(self.now.monotonic)
            || self.unconfirmed(claim)
            || reseller.back_ordering != BackOrdering::Off
        {
            return self.look_afresh();
        }
        if self.by_hand(WriteOperation::ActivateBackOrdering) {
            return self.act(Effect::Claim(ClaimEdit::Tell {
                digest: clean.digest().to_owned(),
                pricing: clean.pricing().map(str::to_owned),
            }));
        }
        let intent = claim
            .intents
            .activate
            .as_ref()
            .filter(|intent| intends(intent, clean));
        let Some(intent) = intent else {
            return self.act(Effect::Claim(ClaimEdit::IntendActivation(clean.clone())));
        };
        let freezes = self
            .known
            .bss
            .strategy
            .as_ref()
            .is_none_or(Strategy::freezes);
        if freezes && !self.known.activation.still_frozen {
            return self.act(Effect::Read(Read::Reseller));
        }
        let keys = self.upgrade.keys(&reseller.account);
        self.act(Effect::Activate(Activate::new(
            &keys,
            tenant,
            clean.clone(),
            &intent.recorded_time,
        )))
    }
}

impl Observe<'_> {
    /// Back ordering is on, under our claim. If this record brought it about, both sides are
    /// compared; otherwise there is nothing to compare with: adopt and end, without one effect.
    pub(super) fn settle_on(&mut self) {
        let on = self
            .known
            .bss
            .reseller
            .as_ref()
            .is_some_and(|reseller| reseller.back_ordering == BackOrdering::On);
        let past = self.known.stage.is_past_the_switch();
        let Some(claim) = self.known.fencing.claim.as_ref().filter(|_| on && !past) else {
            return;
        };
        let by_hand = self
            .known
            .bss
            .instructions
            .contains_key(&WriteOperation::ActivateBackOrdering);
        let on_record =
            claim.activation_time.is_some() && claim.approval.as_deref() != Some(FOUND_ACTIVE);
        let ours = on_record
            || by_hand
            || claim.told.is_some()
            || claim.intents.activate.is_some()
            || self.known.activation.approval.is_some()
            // Work on this tenant has begun: what is not copied yet must be named.
            || claim.tenant_id.is_some();
        let verified = claim
            .timeline
            .iter()
            .any(|entry| entry.milestone == ConditionType::Verified.as_str());
        if verified {
            self.known
                .milestones
                .entry(ConditionType::Verified)
                .or_insert(0);
        }
        if by_hand || claim.told.is_some() {
            self.known.activation.approval = Some(Approval::ManualStep);
        }
        let compares = ours && !self.known.reached(ConditionType::Verified);
        self.reached_the_switch(compares);
        self.known.waiting.ready_state = None;
        self.progressed();
        if compares {
            self.known.enter(Stage::VerifyCustomers);
        } else {
            self.known.enter(Stage::Done);
        }
    }

    /// The reseller was read right before the switch, because only a person keeps the inventory
    /// still.
    pub(super) fn still_frozen(&mut self) {
        if self.known.stage != Stage::Activate {
            return;
        }
        if self.known.activation.frozen.is_some() {
            self.known.activation.still_frozen = true;
        } else {
            self.known.activation.final_before = None;
            self.known.enter(Stage::Orders);
        }
    }

    pub(super) fn final_customers_over(&mut self, tally: Tally) {
        self.count(&tally);
        self.known.sweeps.customers = tally;
        self.go(Stage::FinalPurchases);
    }

    pub(super) fn final_over(&mut self, tally: &Tally) {
        self.publish(tally);
        let snapshot_proof = self
            .known
            .bss
            .strategy
            .as_ref()
            .map_or(SnapshotProof::OneRevision, |strategy| {
                strategy.snapshot_proof
            });
        let result = CleanFinalSweep::judge(
            snapshot_proof,
            if self.copies_with_the_switch() {
                Uncopied::WithTheSwitch
            } else {
                Uncopied::MustBeNone
            },
            &FinalSweeps {
                orders: self.known.activation.orders_revision,
                customers: &self.known.sweeps.customers,
                purchases: tally,
            },
            self.known.activation.final_before.as_ref(),
        );
        let result = match result {
            FinalSweepResult::Clean(_) | FinalSweepResult::Once(_)
                if self.unconfirmed_pricing(&tally.unseen_pricing).is_some() =>
            {
                // Other customers than a person has confirmed: the gate asks.
                FinalSweepResult::Moved
            }
            result @ (FinalSweepResult::Moved
            | FinalSweepResult::Once(_)
            | FinalSweepResult::Clean(_)) => result,
        };
        match result {
            FinalSweepResult::Clean(clean) => {
                if !self.copies_with_the_switch() {
                    self.seen_copied();
                }
                self.known.findings.manual = tally.with_the_switch.clone();
                self.cleanly(clean);
            }
            FinalSweepResult::Once(seen) => {
                if self.known.activation.final_before.is_some() {
                    // Two in a row that do not agree.
                    self.again(Stage::Orders);
                } else {
                    self.known.enter(Stage::Orders);
                }
                self.known.activation.final_before = Some(seen);
            }
            FinalSweepResult::Moved => {
                self.known.activation.final_before = None;
                self.known.moved();
                self.not_clean(tally);
            }
        }
    }

    fn cleanly(&mut self, clean: CleanFinalSweep) {
        if let Some(unconfirmed) = self.unconfirmed() {
            // Looks at everything again meanwhile.
            self.known.enter(Stage::CheckCustomers);
            self.stall(unconfirmed);
            return;
        }
        if !self.by_hand(WriteOperation::ActivateBackOrdering) {
            self.known.waiting.ready_state = None;
        }
        self.known.activation.clean = Some(clean);
        self.known.activation.clean_since = Some(self.now.monotonic);
        self.comes_to(Stage::Activate);
        self.known.stage = Stage::Activate;
        self.known.sweeps.current = None;
    }

    fn not_clean(&mut self, tally: &Tally) {
        let half_marked = self.known.findings.blockers.has(BlockerReason::HalfMarked);
        let blocked = messages::of_blockers(&self.known.findings.blockers);
        match blocked {
            // A half-marked account is repaired by the next copy of the customers.
            Some(blocked) if !half_marked || self.known.waiting.rounds >= MANY_ROUNDS => {
                self.known.enter(Stage::CheckCustomers);
                self.watch(blocked);
            }
            Some(_) | None if tally.missing > 0 || half_marked => self.again(Stage::CheckCustomers),
            // Something moves. The check needs no moment in which nothing does.
            Some(_) | None if self.copying_is_not_seen_yet() => self.again(Stage::CheckCustomers),
            Some(_) | None => self.again(Stage::Orders),
        }
    }

    /// Whether everything was copied and not seen as a whole since.
    pub(super) fn copying_is_not_seen_yet(&self) -> bool {
        !self.copies_with_the_switch() && !self.known.reached(ConditionType::SubscriptionsCopied)
    }

    pub(super) fn activation_failed(&mut self, error: &BssError) {
        let unknown = error.effect_unknown();
        if let BssError::Conflict { .. } = error {
            self.known.fencing.refused = Some(ClaimEdit::DropActivationIntent);
            self.again(Stage::Orders);
        } else if let BssError::Blocked(tallies) = error {
            self.known.fencing.refused = Some(ClaimEdit::DropActivationIntent);
            self.refused_activation(tallies);
        } else {
            if unknown {
                // It may still take effect: nothing is copied before that is known.
                self.known.sweeps.sent = Some(self.now.monotonic);
            }
            // The reseller's state tells, and a new final sweep precedes any other try.
            self.retreat(Stage::Orders);
            self.call_failed(error);
            self.later_each_time();
        }
    }

    /// The BSS refuses the switch for reasons that the last sweep did not see. What passes by
    /// itself is looked at again; the rest is for people.
    fn refused_activation(&mut self, tallies: &[BlockerTally]) {
        let passes = |reason| {
            matches!(
                reason,
                BlockerReason::NotCopied | BlockerReason::OrderNotFinal | BlockerReason::HalfMarked
            )
        };
        if self.known.waiting.rounds < MANY_ROUNDS
            && tallies.iter().all(|tally| passes(tally.reason))
        {
            self.again(Stage::CheckCustomers);
            return;
        }
        let found = messages::of_refusal("Activating back ordering", tallies);
        self.known.enter(Stage::CheckCustomers);
        self.stall(found);
    }

    pub(in crate::upgrade) fn activated(&mut self, how: Activation) {
        self.reached_the_switch(true);
        if how == Activation::Activated {
            self.known.activation.approval = Some(Approval::Automatic);
        }
        self.known.waiting.ready_state = None;
        self.progressed();
        self.known.enter(Stage::VerifyCustomers);
    }

    /// Back ordering is on: whatever came before it is past. How much the switch itself has copied, the
    /// comparison tells.
    fn reached_the_switch(&mut self, compares: bool) {
        // A list that stayed would ask people to copy once more.
        self.known.findings.manual = Findings::default();
        let copied_with_it = compares && self.copies_with_the_switch();
        for milestone in ConditionType::MILESTONES {
            let later = milestone == ConditionType::Verified
                || (copied_with_it && milestone == ConditionType::SubscriptionsCopied);
            if !later {
                self.known.milestones.entry(milestone).or_insert(0);
            }
        }
    }
}

/// Whether an intent is that of a final sweep.
#[must_use]
pub(in crate::upgrade) fn intends(intent: &ActivationIntent, sweep: &CleanFinalSweep) -> bool {
    let revision = intent.revision.and_then(|r| u64::try_from(r).ok());
    revision == sweep.revision().map(|r| r.0) && intent.inventory_digest == sweep.digest()
}
