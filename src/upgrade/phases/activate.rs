//! Phase 4: no open orders, quiet times, the final sweep, and then the switch, by the operator or by a
//! person's hand. It cannot be undone.

use crate::api::{ActivationIntent, ConditionType, Reason, ResellerClaimSpec};
use crate::bss::error::{BlockerTally, BssError};
use crate::bss::port::{
    Activation, BackOrdering, BlockerReason, OpenOrder, Page, Reseller, Strength, TenantId,
    WriteOperation,
};
use crate::upgrade::claim::FOUND_ACTIVE;
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{Activate, ClaimEdit, Effect, Pages, Read};
use crate::upgrade::observe::{Fold, MANY_ROUNDS};
use crate::upgrade::observed::{Approval, CleanFinalSweep, Judged, Telling};
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::strategy::{Orders, Stillness, Ways};
use crate::upgrade::sweep::tally::{RevisionSeen, Tally};

impl Decide<'_> {
    pub(in crate::upgrade) fn is_told(&self) -> bool {
        let claim = self.seen.claim.as_ref();
        claim.is_some_and(|claim| claim.told.is_some() && claim.activation_time.is_none())
    }

    pub(in crate::upgrade) fn told_and_moved(&self) -> bool {
        self.is_told() && self.seen.telling == Telling::Moved
    }

    pub(in crate::upgrade) fn told_and_doubted(&self) -> bool {
        self.is_told() && self.seen.telling == Telling::Doubted
    }

    pub(super) fn activate(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
        tenant: &TenantId,
        clean: &CleanFinalSweep,
    ) -> Decision {
        if self.seen.sweep_is_old(self.now.monotonic)
            || self.unconfirmed(claim)
            || reseller.back_ordering != BackOrdering::Off
        {
            return self.look_afresh();
        }
        if self.by_hand(WriteOperation::ActivateBackOrdering) {
            return self.act(Effect::Claim(ClaimEdit::Tell {
                digest: clean.digest().to_owned(),
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
        let freezes = self.seen.ways.as_ref().is_none_or(Ways::freezes);
        if freezes && !self.seen.still_frozen {
            return self.act(Effect::Read(Read::Reseller));
        }
        let keys = self.upgrade.keys(&reseller.account);
        self.act(Effect::Activate(Activate::new(
            &keys,
            tenant,
            (clean.clone(), &intent.recorded_time),
        )))
    }
}

/// Whether the record, as it was known before, told a person something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasTold {
    Yes,
    NotKnown,
}

impl Fold<'_> {
    /// Back ordering is on, under our claim. If this record brought it about, both sides are
    /// compared; otherwise there is nothing to compare with: adopt and end, without one effect.
    pub(super) fn settle_on(&mut self) {
        let on = self
            .seen
            .reseller
            .as_ref()
            .is_some_and(|reseller| reseller.back_ordering == BackOrdering::On);
        let past = matches!(
            self.seen.stage,
            Stage::VerifyCustomers | Stage::VerifyPurchases | Stage::Done
        );
        let Some(claim) = self.seen.claim.as_ref().filter(|_| on && !past) else {
            return;
        };
        let by_hand = self
            .seen
            .instructions
            .contains_key(&WriteOperation::ActivateBackOrdering);
        let on_record =
            claim.activation_time.is_some() && claim.approval.as_deref() != Some(FOUND_ACTIVE);
        let ours = on_record
            || by_hand
            || claim.told.is_some()
            || claim.intents.activate.is_some()
            || self.seen.approval.is_some()
            // Work on this tenant has begun: what is not copied yet must be named.
            || claim.tenant_id.is_some();
        let verified = claim
            .timeline
            .iter()
            .any(|entry| entry.milestone == ConditionType::Verified.as_str());
        if verified {
            self.seen
                .milestones
                .entry(ConditionType::Verified)
                .or_insert(0);
        }
        if by_hand || claim.told.is_some() {
            self.seen.approval = Some(Approval::ManualStep);
        }
        self.reached_the_switch();
        self.seen.verdict = None;
        self.progressed();
        if ours && !self.seen.reached(ConditionType::Verified) {
            self.seen.enter(Stage::VerifyCustomers);
        } else {
            self.seen.enter(Stage::Done);
        }
    }

    /// The reseller was read right before the switch, because nobody but a person keeps the world
    /// still.
    pub(super) fn still_frozen(&mut self) {
        if self.seen.stage != Stage::Activate {
            return;
        }
        if self.seen.frozen.is_some() {
            self.seen.still_frozen = true;
        } else {
            self.seen.final_before = None;
            self.seen.enter(Stage::Orders);
        }
    }

    /// What has to rest before the last sweep begins.
    pub(super) fn before_the_final_sweep(&mut self) {
        let Some(ways) = self.seen.ways.clone() else {
            return;
        };
        let now = self.now.monotonic;
        let terms = &self.upgrade.terms;
        let account = self.seen.reseller.as_ref().map(|r| r.account.clone());
        if ways.freezes() && self.seen.frozen.is_none() {
            let freeze = messages::freeze(&ways, account.as_ref());
            self.seen.final_before = None;
            self.seen.enter(Stage::CheckCustomers);
            self.watch(freeze);
            return;
        }
        let orders = self
            .seen
            .frozen
            .filter(|_| ways.orders == Orders::QuietTime)
            .map(|since| {
                (
                    since.saturating_add(terms.order_settle),
                    "orders that were accepted before ordering was disabled",
                )
            });
        let copies = (ways.off_guard == Strength::Weak)
            .then(|| self.seen.sent.max(self.seen.begun))
            .flatten()
            .map(|since| (since.saturating_add(terms.settle), "copies"));
        let quiet = [orders, copies]
            .into_iter()
            .flatten()
            .max_by_key(|(until, _)| *until)
            .filter(|(until, _)| *until > now);
        if let Some((until, what)) = quiet {
            self.seen.enter(Stage::Orders);
            let look = now.saturating_add(self.upgrade.pace.recheck);
            self.seen.wait(messages::settling(what), until.min(look));
            return;
        }
        self.lift(&[Reason::Settling]);
        if !self.by_hand(WriteOperation::ActivateBackOrdering) {
            self.lift(&[Reason::AwaitingManualStep]);
        }
        match ways.orders {
            Orders::Listed => {}
            Orders::QuietTime | Orders::Unseen => self.go(Stage::FinalCustomers),
        }
    }

    /// The first page tells all that is needed: one open order holds the switch.
    pub(in crate::upgrade) fn orders(&mut self, page: Page<OpenOrder>) {
        self.seen.orders_revision = RevisionSeen::None.page(page.revision);
        if page.items.is_empty() {
            if page.next.is_some() {
                self.seen.enter(Stage::CheckCustomers);
                self.stall(messages::empty_page());
                return;
            }
            self.lift(&[Reason::AwaitingOrders]);
            self.go(Stage::FinalCustomers);
            return;
        }
        let open: Vec<String> = page.items.into_iter().map(|order| order.id).collect();
        let wait = messages::open_orders(&open, page.next.is_some());
        // What an order becomes is copied before the switch: begin with the check again.
        self.seen.final_before = None;
        self.seen.enter(Stage::CheckCustomers);
        self.poll(wait);
    }

    pub(super) fn final_over(&mut self, tally: &Tally) {
        self.publish(tally);
        let stillness = self
            .seen
            .ways
            .as_ref()
            .map_or(Stillness::OneRevision, |ways| ways.stillness);
        let judged = CleanFinalSweep::judge(
            stillness,
            self.seen.orders_revision,
            (&self.seen.customers, tally),
            self.seen.final_before.as_ref(),
        );
        match judged {
            Judged::Clean(clean) => self.cleanly(clean),
            Judged::Once(seen) => {
                if self.seen.final_before.is_some() {
                    // Two in a row that do not agree.
                    self.again(Stage::Orders);
                } else {
                    self.seen.enter(Stage::Orders);
                }
                self.seen.final_before = Some(seen);
            }
            Judged::Moved => {
                self.seen.final_before = None;
                self.seen.moved();
                self.not_clean(tally);
            }
        }
    }

    fn cleanly(&mut self, clean: CleanFinalSweep) {
        if let Some(unconfirmed) = self.unconfirmed() {
            // Looks at everything again meanwhile.
            self.seen.enter(Stage::CheckCustomers);
            self.stall(unconfirmed);
            return;
        }
        if !self.by_hand(WriteOperation::ActivateBackOrdering) {
            self.seen.verdict = None;
        }
        self.seen.clean = Some(clean);
        self.seen.clean_since = Some(self.now.monotonic);
        self.comes_to(Stage::Activate);
        self.seen.stage = Stage::Activate;
        self.seen.sweep = None;
    }

    /// Every gate is passed and it is on record that a person is told so; the person presses the
    /// switch. Everything is looked at again meanwhile.
    fn awaits_the_switch(&mut self) {
        let instruction = self
            .seen
            .instructions
            .get(&WriteOperation::ActivateBackOrdering)
            .cloned();
        let tenant = self.seen.tenant.clone().flatten().map(|tenant| tenant.id);
        let step = messages::press_the_switch(instruction.as_deref(), tenant.as_ref());
        self.seen.enter(Stage::CheckCustomers);
        self.watch(step);
        self.seen.telling = Telling::Yes;
        self.seen.told_revision = self.seen.clean.as_ref().and_then(CleanFinalSweep::revision);
    }

    /// The reseller was looked at, or the look failed: what a person was told stands only if the person
    /// has pressed the switch.
    pub(super) fn settle_doubt(&mut self, back_ordering: Option<BackOrdering>) {
        if self.seen.telling == Telling::Doubted {
            self.seen.telling = match back_ordering {
                Some(BackOrdering::On) => Telling::Yes,
                Some(BackOrdering::Off | BackOrdering::Unknown) | None => Telling::Moved,
            };
        }
    }

    /// A page of another revision is the first sign that something moved since the final sweep on which
    /// a person is told to press the switch: it is taken back at once, and not when the look that the
    /// page belongs to is over, which may take long.
    pub(in crate::upgrade) fn compares_with_what_is_told(&mut self, pages: &Pages) {
        let told = self.seen.told_revision;
        if self.seen.telling != Telling::Yes || told.is_none() {
            return;
        }
        let mut seen = pages.revisions();
        if seen.any(|revision| revision != told) {
            self.seen.moved();
        }
    }

    /// What a person is told follows the record.
    pub(super) fn told(&mut self, was_told: WasTold, spec: Option<&ResellerClaimSpec>) {
        let told = spec.and_then(|spec| spec.told.as_ref());
        let Some(told) = told else {
            if was_told == WasTold::Yes || self.seen.telling != Telling::No {
                self.lift(&[Reason::AwaitingManualStep]);
            }
            self.seen.telling = Telling::No;
            return;
        };
        let clean = self.seen.clean.as_ref();
        let swept = clean.is_some_and(|clean| clean.digest() == told.inventory_digest);
        if self.seen.stage == Stage::Activate
            && swept
            && self.by_hand(WriteOperation::ActivateBackOrdering)
        {
            self.awaits_the_switch();
        }
    }

    fn not_clean(&mut self, tally: &Tally) {
        let half_marked = self.seen.blockers.has(BlockerReason::HalfMarked);
        let blocked = messages::of_blockers(&self.seen.blockers);
        match blocked {
            // A half-marked account is repaired by the next copy of the customers.
            Some(blocked) if !half_marked || self.seen.rounds >= MANY_ROUNDS => {
                self.seen.enter(Stage::CheckCustomers);
                self.watch(blocked);
            }
            Some(_) | None if tally.missing > 0 || half_marked => self.again(Stage::CheckCustomers),
            Some(_) | None => self.again(Stage::Orders),
        }
    }

    pub(super) fn activation_failed(&mut self, error: &BssError) {
        let unknown = error.effect_unknown();
        if let BssError::Conflict { .. } = error {
            self.seen.refused = Some(ClaimEdit::DropActivationIntent);
            self.again(Stage::Orders);
        } else if let BssError::Blocked(tallies) = error {
            self.seen.refused = Some(ClaimEdit::DropActivationIntent);
            self.refused_activation(tallies);
        } else {
            if unknown {
                // It may still take effect: nothing is copied before that is known.
                self.seen.sent = Some(self.now.monotonic);
            }
            // The reseller's state tells, and a new final sweep precedes any other try.
            self.retreat(Stage::Orders);
            self.trouble(error);
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
        if self.seen.rounds < MANY_ROUNDS && tallies.iter().all(|tally| passes(tally.reason)) {
            self.again(Stage::CheckCustomers);
            return;
        }
        let found = messages::of_refusal("Activating back ordering", tallies);
        self.seen.enter(Stage::CheckCustomers);
        self.stall(found);
    }

    pub(in crate::upgrade) fn activated(&mut self, how: Activation) {
        self.reached_the_switch();
        if how == Activation::Activated {
            self.seen.approval = Some(Approval::Automatic);
        }
        self.seen.verdict = None;
        self.progressed();
        self.seen.enter(Stage::VerifyCustomers);
    }

    /// Back ordering is on: whatever came before it is past.
    fn reached_the_switch(&mut self) {
        for milestone in ConditionType::MILESTONES {
            if milestone != ConditionType::Verified {
                self.seen.milestones.entry(milestone).or_insert(0);
            }
        }
    }
}

/// Whether an intent is that of a final sweep.
#[must_use]
pub fn intends(intent: &ActivationIntent, sweep: &CleanFinalSweep) -> bool {
    let revision = intent.revision.and_then(|r| u64::try_from(r).ok());
    revision == sweep.revision().map(|r| r.0) && intent.inventory_digest == sweep.digest()
}
