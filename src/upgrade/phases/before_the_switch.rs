//! What holds the switch before the last sweep begins: open orders, ordering that is not frozen where nothing is
//! compared at the switch, and quiet times for orders and copies.

use std::time::Duration;

use crate::api::Reason;
use crate::bss::port::{ItemKind, OpenOrder, Page, Strength, WriteOperation};
use crate::upgrade::observe::Observe;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::strategy::{Executor, Orders, SnapshotProof, Strategy};
use crate::upgrade::sweep::tally::RevisionSeen;

impl Observe<'_> {
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
        .any(|operation| {
            // Asked of the strategy, because a process that has just begun was told of no step yet.
            matches!(
                strategy.executor(operation),
                Executor::Person | Executor::PersonByInstruction
            ) || self.by_hand(operation)
        });
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
}
