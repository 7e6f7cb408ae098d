//! Phase 2: copy the customers. It is complete after a whole sweep in which every customer that owns
//! something to copy was seen with its copy and its mark; after many such sweeps it ends all the same.

use crate::api::{ConditionType, Reason};
use crate::bss::port::{ItemKind, Strength, WriteOperation};
use crate::upgrade::known::BlockersTold;
use crate::upgrade::observe::{MANY_ROUNDS, Observe};
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::strategy::Copying;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Tally;

impl Observe<'_> {
    /// The sweep of phase 2 is over.
    pub(super) fn customers_copied_or_not(&mut self, tally: Tally) {
        let next = self.after_the_customers();
        self.customers_over(tally, Stage::Owners, next);
    }

    /// The sweep for stragglers before the check is over.
    pub(super) fn stragglers_copied_or_not(&mut self, tally: Tally) {
        let next = if self.declared_is_news() {
            Stage::Pricing
        } else {
            Stage::Check
        };
        self.customers_over(tally, next, next);
    }

    fn customers_over(&mut self, tally: Tally, with_failures: Stage, without: Stage) {
        let stage = self.known.stage;
        if tally.created > 0 {
            self.progressed();
        }
        let unsettled = tally.unsettled > 0;
        let written = tally.written > 0;
        if !written {
            self.known.sweeps.customer_copies = 0;
        }
        // In phase 3 the check names everything in one go, customers and purchases together.
        let blocked = messages::of_blockers(&tally.blockers).filter(|_| stage == Stage::Customers);
        let failures = !tally.failed_customers.is_empty();
        self.count(&tally);
        self.known.sweeps.customers = tally;
        if unsettled {
            let unsettled = self.known.sweeps.customers.unsettled_items.clone();
            self.look_again(stage, &unsettled);
        } else if let Some(blocked) = blocked {
            let blockers = self.known.sweeps.customers.blockers.clone();
            self.tell_blockers(&blockers);
            self.known.enter(stage);
            self.watch(blocked);
        } else if self.known.sweeps.customers.by_hand.total() > 0 {
            let by_hand = self.known.sweeps.customers.by_hand.clone();
            self.awaits_hands(stage, WriteOperation::CopyCustomers, by_hand);
        } else if written
            && stage == Stage::Customers
            && self.known.sweeps.customer_copies < MANY_ROUNDS
        {
            self.sweeps_once_more();
        } else if failures && stage == Stage::Customers {
            self.go(with_failures);
        } else {
            if stage == Stage::Customers {
                self.customers_copied();
            }
            self.go(without);
        }
    }

    /// An account is marked with its copy or, by some BSSs, after it. Phase 2 is over when a sweep has seen
    /// every copy with its mark (I-4), not when the copies were sent.
    fn sweeps_once_more(&mut self) {
        let before = self.known.sweeps.customer_copies;
        self.known.sweeps.customer_copies = before.saturating_add(1);
        let strategy = self.known.bss.strategy.as_ref();
        let refuses = strategy.is_some_and(|strategy| {
            strategy.copying == Copying::Guarded && strategy.off_guard == Strength::Strong
        });
        if before == 0 && refuses {
            // Whatever has changed of reseller and tenant since the last look, the BSS refuses copies that
            // are not right any more.
            self.begin_sweep();
        } else if before == 0 {
            self.known.enter(Stage::Customers);
        } else {
            self.again(Stage::Customers);
        }
    }

    /// Phase 2 is complete.
    fn customers_copied(&mut self) {
        self.known.sweeps.customer_copies = 0;
        let items = self
            .known
            .findings
            .counts
            .get(&ItemKind::Customer)
            .map_or(0, |c| c.copied);
        self.known
            .milestones
            .entry(ConditionType::CustomersCopied)
            .or_insert(items);
        self.no_hands_are_needed();
        self.nothing_of_customers();
        // The wait for pricing options stands until the gate itself was looked at again.
        self.clear_ready_state_but(&[Reason::AwaitingPricing]);
    }

    /// Nothing of the customers is in the way any more.
    fn nothing_of_customers(&mut self) {
        if self.known.findings.told == BlockersTold::OfCustomers {
            self.tell_blockers(&Findings::default());
        }
    }

    /// Customers failed: only those that own something to copy are in the way (I-13).
    pub(super) fn owners_over(&mut self, tally: &Tally) {
        let mut in_the_way = Findings::default();
        for finding in tally
            .blockers
            .rows
            .iter()
            .filter(|f| f.kind.kind() == Some(ItemKind::Customer))
        {
            in_the_way.add(finding.clone());
        }
        // This was a look at everything: what the others lack is told before the gate.
        self.known.findings.looked_at_purchases = true;
        let customers = &self.known.sweeps.customers;
        self.known.findings.exclude(customers, tally);
        self.count(tally);
        if let Some(blocked) = messages::of_blockers(&in_the_way) {
            self.tell_blockers(&in_the_way);
            self.known.enter(Stage::Customers);
            self.watch(blocked);
        } else {
            self.customers_copied();
            let next = self.after_the_customers();
            self.go(next);
        }
    }
}
