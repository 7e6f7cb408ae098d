//! Phase 2: copy the customers. It is complete after a whole sweep in which every customer that owns
//! something to copy has its copy and its mark.

use crate::api::{ConditionType, Reason};
use crate::bss::port::{ItemKind, WriteOperation};
use crate::upgrade::observe::{Fold, MANY_ROUNDS};
use crate::upgrade::observed::BlockersTold;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Tally;

impl Fold<'_> {
    pub(super) fn customers_over(&mut self, tally: Tally, with_failures: Stage, without: Stage) {
        let stage = self.seen.stage;
        if tally.created > 0 {
            self.progressed();
        }
        let unsettled = tally.unsettled > 0;
        let written = tally.written > 0;
        // In phase 3 the check names everything in one go, customers and purchases together.
        let blocked = messages::of_blockers(&tally.blockers).filter(|_| stage == Stage::Customers);
        let failures = !tally.failed_customers.is_empty();
        self.count(&tally);
        self.seen.customers = tally;
        if unsettled {
            let unsettled = self.seen.customers.unsettled_items.clone();
            self.look_again(stage, &unsettled);
        } else if let Some(blocked) = blocked {
            let blockers = self.seen.customers.blockers.clone();
            self.tell_blockers(&blockers);
            self.seen.enter(stage);
            self.watch(blocked);
        } else if self.seen.customers.by_hand.total() > 0 {
            let by_hand = self.seen.customers.by_hand.clone();
            self.awaits_hands(stage, WriteOperation::CopyCustomers, by_hand);
        } else if written && stage == Stage::Customers && self.seen.customer_copies < MANY_ROUNDS {
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
        let before = self.seen.customer_copies;
        self.seen.customer_copies = before.saturating_add(1);
        if before == 0 {
            self.seen.enter(Stage::Customers);
        } else {
            self.again(Stage::Customers);
        }
    }

    fn customers_copied(&mut self) {
        self.seen.customer_copies = 0;
        let items = self
            .seen
            .counts
            .get(&ItemKind::Customer)
            .map_or(0, |c| c.copied);
        self.seen
            .milestones
            .entry(ConditionType::CustomersCopied)
            .or_insert(items);
        self.seen.manual = Findings::default();
        self.nothing_of_customers();
        // The wait for pricing options stands until the gate itself was looked at again.
        self.clear_verdict_but(&[Reason::AwaitingPricing]);
    }

    /// Nothing of the customers is in the way any more.
    fn nothing_of_customers(&mut self) {
        if self.seen.told == BlockersTold::OfCustomers {
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
        self.seen.looked_at_purchases = true;
        let mut exclusions = self.seen.customers.exclusions.clone();
        exclusions.merge(&tally.exclusions);
        self.seen.exclusions = exclusions;
        self.count(tally);
        if let Some(blocked) = messages::of_blockers(&in_the_way) {
            self.tell_blockers(&in_the_way);
            self.seen.enter(Stage::Customers);
            self.watch(blocked);
        } else {
            self.customers_copied();
            self.go(Stage::Pricing);
        }
    }
}
