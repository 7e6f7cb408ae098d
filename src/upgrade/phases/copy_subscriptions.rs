//! Phase 3: a check sweep runs every pre-check over everything; if nothing is in the way, what is missing
//! is copied, and everything is checked again.

use crate::api::{ConditionType, Reason};
use crate::bss::port::{ItemKind, Strength, WriteOperation};
use crate::upgrade::known::Telling;
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::strategy::SnapshotProof;
use crate::upgrade::sweep::tally::Tally;

impl Observe<'_> {
    pub(super) fn check_over(&mut self, tally: &Tally) {
        if tally.unsettled == 0 && !self.passes_the_gate(tally) {
            return;
        }
        self.publish(tally);
        if tally.unsettled > 0 {
            self.look_again(Stage::CheckCustomers, &tally.unsettled_items);
        } else if tally.missing > 0
            && tally.unpriced.is_empty()
            && self.only_copies_in_doubt(tally)
            && !self.copies_with_the_switch()
        {
            // No pre-check failed (I-7): what is clean is copied. The doubt holds the switch (I-12).
            self.copies_under(tally);
        } else if let Some(blocked) = messages::of_blockers(&self.known.findings.blockers) {
            self.known.enter(Stage::CheckCustomers);
            self.watch(blocked);
        } else if !tally.unpriced.is_empty() {
            self.known.enter(Stage::Customers);
            self.lacks_pricing(&tally.unpriced);
            let wait = self.awaiting_pricing(&tally.unpriced);
            self.stall(wait);
        } else if let Some(ask) = self.unconfirmed_pricing(&tally.unseen_pricing) {
            self.known.enter(Stage::Customers);
            self.stall(ask);
        } else if self.copies_with_the_switch() {
            self.ready_for_the_switch();
        } else if tally.missing > 0 {
            self.clear_ready_state_but(&[Reason::AwaitingManualStep]);
            self.copies_under(tally);
        } else {
            self.subscriptions_copied();
        }
    }

    /// Copies under the options that were checked (I-10).
    fn copies_under(&mut self, checked: &Tally) {
        self.known.sweeps.options = checked.options.clone();
        self.go(Stage::Copy);
    }

    /// Everything is checked, and the act that activates back ordering copies it: nothing is copied before.
    /// Every gate of phase 4 comes before a person is told to do that act.
    fn ready_for_the_switch(&mut self) {
        self.known
            .milestones
            .entry(ConditionType::PricingReady)
            .or_insert(0);
        self.comes_to_the_orders();
    }

    /// Whether something is in the way, and nothing but copies of subscriptions and assets that exist
    /// already.
    fn only_copies_in_doubt(&self, tally: &Tally) -> bool {
        let all = self.known.findings.blockers.total();
        all > 0 && all == tally.copies_in_doubt
    }

    fn subscriptions_copied(&mut self) {
        self.known
            .milestones
            .entry(ConditionType::PricingReady)
            .or_insert(0);
        self.seen_copied();
        self.comes_to_the_orders();
    }

    fn comes_to_the_orders(&mut self) {
        // What a person is told to do stands until the last look has seen it anew.
        if self.known.activation.telling != Telling::Yes {
            self.no_hands_are_needed();
        }
        // These waits stand until what they wait for was looked at again.
        self.clear_ready_state_but(&[
            Reason::AwaitingOrders,
            Reason::AwaitingManualStep,
            Reason::Settling,
        ]);
        self.known.activation.final_before = None;
        self.comes_to(Stage::Orders);
        self.known.enter(Stage::Orders);
    }

    pub(super) fn copy_over(&mut self, tally: &Tally) {
        if tally.created > 0 {
            self.progressed();
        }
        self.publish(tally);
        if tally.unsettled > 0 {
            self.look_again(Stage::CheckCustomers, &tally.unsettled_items);
        } else if tally.by_hand.total() > 0
            && (self.known.findings.blockers.total() == 0 || self.only_copies_in_doubt(tally))
        {
            // A doubtful copy is in the report; what people have to do holds up more.
            let by_hand = tally.by_hand.clone();
            self.awaits_hands(
                Stage::CheckCustomers,
                WriteOperation::CopySubscriptions,
                by_hand,
            );
        } else if let Some(blocked) = messages::of_blockers(&self.known.findings.blockers) {
            self.known.enter(Stage::CheckCustomers);
            self.watch(blocked);
        } else if tally.missing > 0 {
            // Pricing options went away under our hands: the gate looks again.
            self.again(Stage::CheckCustomers);
        } else if self.known.sweeps.copies_before > 0
            || self.known.reached(ConditionType::SubscriptionsCopied)
        {
            self.subscriptions_copied();
        } else {
            // Copying took its time: look once more at what was cancelled, changed or bought in
            // the meantime.
            self.known.sweeps.copies_before = self.known.sweeps.copies_before.saturating_add(1);
            if self.final_sweep_tells() {
                self.comes_to_the_orders();
            } else {
                self.known.enter(Stage::CheckCustomers);
            }
        }
    }

    /// Whether the last sweep before the switch can follow the copying at once. It proves all that another
    /// check would, and more: that everything is copied is said when it was clean. Where it has to wait for
    /// something, or asks for a freeze, a check comes before, so that people see the copying done.
    fn final_sweep_tells(&self) -> bool {
        let strategy = self.known.bss.strategy.as_ref();
        strategy.is_some_and(|strategy| {
            strategy.snapshot_proof == SnapshotProof::OneRevision
                && strategy.off_guard == Strength::Strong
                && !strategy.freezes()
        })
    }

    /// Both sides were seen equal, and nothing is in the way.
    pub(super) fn seen_copied(&mut self) {
        let items = [ItemKind::Subscription, ItemKind::Asset]
            .iter()
            .filter_map(|kind| self.known.findings.counts.get(kind))
            .map(|counts| counts.copied)
            .sum();
        self.known
            .milestones
            .entry(ConditionType::SubscriptionsCopied)
            .or_insert(items);
    }
}
