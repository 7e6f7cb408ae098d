//! Phase 4: no open orders, quiet times, the final sweep, and then the switch, by the operator or by a
//! person's hand. It cannot be undone.

use std::time::Duration;

use crate::api::{ActivationIntent, ConditionType, Reason, ResellerClaimSpec};
use crate::bss::error::{BlockerTally, BssError};
use crate::bss::port::{
    Activation, BackOrdering, BlockerReason, ItemKind, OpenOrder, Page, Reseller, Revision,
    Strength, TenantId, WriteOperation,
};
use crate::upgrade::claim::FOUND_ACTIVE;
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{Activate, ClaimEdit, Effect, Read};
use crate::upgrade::known::{
    Approval, CleanFinalSweep, FinalSweepResult, FinalSweeps, Telling, Uncopied,
};
use crate::upgrade::observe::{MANY_ROUNDS, Observe};
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages::{self, SwitchStep};
use crate::upgrade::strategy::{Orders, SnapshotProof, Strategy};
use crate::upgrade::sweep::tally::{RevisionSeen, Tally};

impl Decide<'_> {
    pub(in crate::upgrade) fn is_told(&self) -> bool {
        let claim = self.known.fencing.claim.as_ref();
        claim.is_some_and(|claim| claim.told.is_some() && claim.activation_time.is_none())
    }

    pub(in crate::upgrade) fn told_and_moved(&self) -> bool {
        self.is_told() && self.known.activation.telling == Telling::Moved
    }

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

/// Whether the record, as it was known before, told a person something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasTold {
    Yes,
    NotKnown,
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

    /// What has to rest before the last sweep begins.
    pub(super) fn before_the_final_sweep(&mut self) {
        let Some(strategy) = self.known.bss.strategy.clone() else {
            return;
        };
        let now = self.now.monotonic;
        let terms = &self.upgrade.terms;
        let account = self.known.bss.reseller.as_ref().map(|r| r.account.clone());
        if strategy.freezes() && self.known.activation.frozen.is_none() {
            let freeze = messages::freeze(&strategy, account.as_ref(), self.last_looks(&strategy));
            self.known.activation.final_before = None;
            self.known.enter(Stage::CheckCustomers);
            self.watch(freeze);
            return;
        }
        let orders = self
            .known
            .activation
            .frozen
            .filter(|_| strategy.orders == Orders::QuietTime)
            .map(|since| {
                (
                    since.saturating_add(terms.order_settle),
                    "orders that were accepted before ordering was disabled",
                )
            });
        let copies = self
            .copies_rest_since(&strategy)
            .map(|since| (since.saturating_add(terms.settle), "copies"));
        let quiet = [orders, copies]
            .into_iter()
            .flatten()
            .max_by_key(|(until, _)| *until)
            .filter(|(until, _)| *until > now);
        if let Some((until, what)) = quiet {
            self.known.enter(Stage::Orders);
            let look = now.saturating_add(self.upgrade.pace.recheck);
            self.known.wait(messages::settling(what), until.min(look));
            return;
        }
        self.lift(&[Reason::Settling]);
        if !self.by_hand(WriteOperation::ActivateBackOrdering) {
            self.lift(&[Reason::AwaitingManualStep]);
        }
        match strategy.orders {
            Orders::Listed => {}
            Orders::QuietTime | Orders::Unseen => self.go(Stage::FinalCustomers),
        }
    }

    /// The moment from which copies have to rest until the last sweep, where that sweep could miss one: a copy
    /// that lands late, or a second one that a person made and no listing shows yet. What an earlier process
    /// sent or asked for counts from the start of this one.
    fn copies_rest_since(&self, strategy: &Strategy) -> Option<Duration> {
        let land_late = strategy.off_guard == Strength::Weak;
        let people_copy = [
            WriteOperation::CopyCustomers,
            WriteOperation::CopySubscriptions,
        ]
        .into_iter()
        .any(|operation| self.by_hand(operation));
        let shown_late = people_copy && strategy.snapshot_proof == SnapshotProof::TwoEqualSweeps;
        let sweeps = &self.known.sweeps;
        (land_late || shown_late)
            .then(|| sweeps.sent.max(sweeps.asked).max(self.known.began))
            .flatten()
    }

    /// How long the last looks take, where the details of each record come one by one: so long ordering rests
    /// at least. Nothing where they come with the pages.
    fn last_looks(&self, strategy: &Strategy) -> Option<Duration> {
        let calls = self.known.bss.capabilities.as_ref()?.detail_calls;
        let counts = |kinds: &[ItemKind]| -> u64 {
            let counts = kinds
                .iter()
                .filter_map(|kind| self.known.findings.counts.get(kind));
            let eligible: i64 = counts.map(|counts| counts.eligible).sum();
            u64::try_from(eligible).unwrap_or(0)
        };
        let of_customers =
            counts(&[ItemKind::Customer]).saturating_mul(u64::from(calls.per_customer));
        let of_purchases = counts(&[ItemKind::Subscription, ItemKind::Asset])
            .saturating_mul(u64::from(calls.per_purchase));
        let looks = match strategy.snapshot_proof {
            SnapshotProof::OneRevision => 1,
            SnapshotProof::TwoEqualSweeps => 2,
        };
        let all = of_customers
            .saturating_add(of_purchases)
            .saturating_mul(looks);
        let seconds = all.div_ceil(u64::from(self.upgrade.terms.rate.max(1)));
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// The first page tells all that is needed: one open order holds the switch.
    pub(in crate::upgrade) fn orders(&mut self, page: Page<OpenOrder>) {
        self.known.activation.orders_revision = RevisionSeen::None.page(page.revision);
        if page.items.is_empty() {
            if page.next.is_some() {
                self.known.enter(Stage::CheckCustomers);
                self.stall(messages::empty_page());
                return;
            }
            self.lift(&[Reason::AwaitingOrders]);
            self.go(Stage::FinalCustomers);
            return;
        }
        if self.copying_is_not_seen_yet() {
            // People see the copying done, and then what it waits for.
            self.known.enter(Stage::CheckCustomers);
            return;
        }
        let open: Vec<String> = page.items.into_iter().map(|order| order.id).collect();
        let wait = messages::open_orders(&open, page.next.is_some());
        // What an order becomes is copied before the switch: begin with the check again.
        self.known.activation.final_before = None;
        self.known.enter(Stage::CheckCustomers);
        // The next look is a sweep over both sides, which is never taken more often than at the interval.
        let until = self.now.monotonic.saturating_add(self.upgrade.pace.poll);
        self.known.wait(wait, until);
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

    /// Every gate is passed and it is on record that a person is told so; the person presses the
    /// switch. Everything is looked at again meanwhile.
    fn awaits_the_switch(&mut self) {
        let instruction = self
            .known
            .bss
            .instructions
            .get(&WriteOperation::ActivateBackOrdering)
            .cloned();
        let tenant = self
            .known
            .tenant
            .seen
            .clone()
            .flatten()
            .map(|tenant| tenant.id);
        let capabilities = self.known.bss.capabilities.as_ref();
        let unseen = capabilities.map(|capabilities| &capabilities.unseen);
        let clean = self.known.activation.clean.as_ref();
        let step = messages::press_the_switch(&SwitchStep {
            instruction: instruction.as_deref(),
            tenant: tenant.as_ref(),
            copies: clean.and_then(CleanFinalSweep::with_the_switch),
            unseen,
        });
        self.known.enter(Stage::CheckCustomers);
        self.watch(step);
        self.known.activation.telling = Telling::Yes;
        self.known.activation.told_revision = self
            .known
            .activation
            .clean
            .as_ref()
            .and_then(CleanFinalSweep::revision);
    }

    /// The reseller was looked at: what a person was told stands only if the person has pressed the switch.
    pub(super) fn settle_doubt(&mut self, back_ordering: BackOrdering) {
        if self.known.activation.telling == Telling::Doubted {
            self.known.activation.telling = match back_ordering {
                BackOrdering::On => Telling::Yes,
                BackOrdering::Off | BackOrdering::Unknown => Telling::Moved,
            };
        }
    }

    /// A page of another revision is the first sign that something moved since the final sweep on which
    /// a person is told to press the switch. The person is not told any more from now on, and not from
    /// the end of the look that the page belongs to, which may be far. The press itself moves the
    /// revision: the record of what was told stands until a look at the reseller says that it was not.
    pub(in crate::upgrade) fn compares_with_what_is_told(&mut self, seen: Option<Revision>) {
        let told = self.known.activation.told_revision;
        if self.known.activation.telling != Telling::Yes || told.is_none() {
            return;
        }
        if seen != told {
            self.known.activation.telling = Telling::Doubted;
            self.lift(&[Reason::AwaitingManualStep]);
            self.looks_are_old();
        }
    }

    /// What a person is told follows the record.
    pub(super) fn told(&mut self, was_told: WasTold, spec: Option<&ResellerClaimSpec>) {
        let told = spec.and_then(|spec| spec.told.as_ref());
        let Some(told) = told else {
            if was_told == WasTold::Yes || self.known.activation.telling != Telling::No {
                self.lift(&[Reason::AwaitingManualStep]);
            }
            self.known.activation.telling = Telling::No;
            return;
        };
        let clean = self.known.activation.clean.as_ref();
        let swept = clean.is_some_and(|clean| {
            clean.digest() == told.inventory_digest
                && clean.pricing() == told.pricing_digest.as_deref()
        });
        if self.known.stage == Stage::Activate
            && swept
            && self.by_hand(WriteOperation::ActivateBackOrdering)
        {
            self.awaits_the_switch();
        }
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
    fn copying_is_not_seen_yet(&self) -> bool {
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
