//! Phase 4 and what follows: what has to rest before the last sweep, the sweep's verdict, and the
//! comparison after the switch.

use super::{Fold, MANY_ROUNDS};
use crate::api::{ConditionType, Reason};
use crate::bss::port::{
    BackOrdering, BlockerReason, ItemKind, OpenOrder, Page, Strength, WriteOperation,
};
use crate::mutants::{Mutant, on};
use crate::upgrade::claim::FOUND_ACTIVE;
use crate::upgrade::observed::{Approval, CleanFinalSweep, Judged, Stage, Telling};
use crate::upgrade::tally::{Findings, RevisionSeen, Tally};
use crate::upgrade::verdict;
use crate::upgrade::ways::{Orders, Stillness};

impl Fold<'_> {
    /// Back ordering is on, under our claim. If this record brought it about, both sides are
    /// compared; otherwise there is nothing to compare with: adopt and end, without one effect.
    pub(super) fn settle_on(&mut self) {
        let on = self
            .seen
            .reseller
            .as_ref()
            .is_some_and(|reseller| reseller.back_ordering == BackOrdering::On)
            && !on(Mutant::CopiesAfterOn);
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
        if ways.freezes() && self.seen.frozen.is_none() && !on(Mutant::OrderingNotFrozen) {
            let freeze = verdict::freeze(&ways, account.as_ref());
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
            .filter(|(until, _)| *until > now && !on(Mutant::QuietTimeSkipped));
        if let Some((until, what)) = quiet {
            self.seen.enter(Stage::Orders);
            let look = now.saturating_add(self.upgrade.pace.recheck);
            self.seen.wait(verdict::settling(what), until.min(look));
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
    pub(super) fn orders(&mut self, page: Page<OpenOrder>) {
        self.seen.orders_revision = RevisionSeen::None.page(page.revision);
        if page.items.is_empty() || on(Mutant::OrdersGateDropped) {
            if page.next.is_some() && !on(Mutant::OrdersGateDropped) {
                self.seen.enter(Stage::CheckCustomers);
                self.stall(verdict::empty_page());
                return;
            }
            self.lift(&[Reason::AwaitingOrders]);
            self.go(Stage::FinalCustomers);
            return;
        }
        let open: Vec<String> = page.items.into_iter().map(|order| order.id).collect();
        let wait = verdict::open_orders(&open, page.next.is_some());
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
    pub(super) fn awaits_the_switch(&mut self) {
        let instruction = self
            .seen
            .instructions
            .get(&WriteOperation::ActivateBackOrdering)
            .cloned();
        let tenant = self.seen.tenant.clone().flatten().map(|tenant| tenant.id);
        let step = verdict::press_the_switch(instruction.as_deref(), tenant.as_ref());
        self.seen.enter(Stage::CheckCustomers);
        self.watch(step);
        self.seen.telling = Telling::Yes;
    }

    fn not_clean(&mut self, tally: &Tally) {
        let half_marked = self.seen.blockers.has(BlockerReason::HalfMarked);
        let blocked = verdict::of_blockers(&self.seen.blockers);
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

    pub(super) fn verified_customers(&mut self, tally: Tally) {
        self.seen.customers = tally;
        self.go(Stage::VerifyPurchases);
    }

    /// Both sides were compared. What differs is looked at twice before people are called: two
    /// pages of a moving world may disagree for a moment.
    pub(super) fn verified_purchases(&mut self, tally: &Tally) {
        let mut differences: Findings = self.seen.customers.blockers.clone();
        differences.merge(&tally.blockers);
        if on(Mutant::VerificationSkipped) {
            differences = Findings::default();
        }
        if differences.total() > 0 && self.seen.rounds == 0 && self.seen.differences.total() == 0 {
            self.again(Stage::VerifyCustomers);
            return;
        }
        let found = verdict::of_differences(&differences);
        self.seen.differences = differences;
        if let Some(found) = found {
            self.seen.enter(Stage::VerifyCustomers);
            self.stall(found);
            return;
        }
        let agreeing = [ItemKind::Customer, ItemKind::Subscription, ItemKind::Asset]
            .iter()
            .filter_map(|kind| {
                tally
                    .counts
                    .get(kind)
                    .or(self.seen.customers.counts.get(kind))
            })
            .map(|counts| counts.copied)
            .sum();
        self.seen
            .milestones
            .entry(ConditionType::Verified)
            .or_insert(agreeing);
        self.seen.verdict = None;
        self.progressed();
        self.seen.stage = Stage::Done;
        self.seen.sweep = None;
    }
}
