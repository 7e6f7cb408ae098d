//! Sweeps: which one a stage begins, what it needs next, and which phase takes over when it is over.

use crate::api::{Reason, ResellerClaimSpec};
use crate::bss::port::{CopyListing, PageRequest, Reseller, TenantId};
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{Effect, Read};
use crate::upgrade::observe::{Fold, MANY_ROUNDS};
use crate::upgrade::observed::BlockersTold;
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::report::messages::verdict;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Tally;
use crate::upgrade::sweep::{Sweep, SweepMode, Wanted};

impl Decide<'_> {
    pub(in crate::upgrade) fn stage(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
        tenant: &TenantId,
    ) -> Decision {
        if let Some(decision) = self.awaits_tenant_connection(tenant) {
            return decision;
        }
        if self.seen.stage == Stage::Pricing
            && let Some(work) = self.pricing_to_set()
        {
            return self.act(Effect::Work(work));
        }
        if let Some(sweep) = &self.seen.sweep {
            if !sweep.begun()
                && let Some(decision) = self.settles_after_copies(claim)
            {
                return decision;
            }
            return match sweep.wanted() {
                Wanted::Pages(pages) => self.act(Effect::Read(Read::Pages(pages))),
                Wanted::Inspect(calls) => self.act(Effect::Read(Read::Inspect(calls))),
                Wanted::Find(keys) => self.act(Effect::Read(Read::Find(keys))),
                Wanted::Copy(batches) => self.copy(claim, sweep.listing(), batches),
                Wanted::Nothing => self.look_afresh(),
            };
        }
        match (self.seen.stage, &self.seen.clean) {
            (Stage::Orders, _) => {
                let limit = self.seen.capabilities.as_ref().map_or(1, |c| c.page_size);
                self.act(Effect::Read(Read::OpenOrders(PageRequest {
                    cursor: None,
                    limit,
                })))
            }
            (Stage::Activate, Some(clean)) => self.activate(claim, reseller, tenant, clean),
            (
                Stage::Opening
                | Stage::Customers
                | Stage::Owners
                | Stage::Pricing
                | Stage::CheckCustomers
                | Stage::Check
                | Stage::Copy
                | Stage::FinalCustomers
                | Stage::FinalPurchases
                | Stage::Activate
                | Stage::VerifyCustomers
                | Stage::VerifyPurchases
                | Stage::Done,
                _,
            ) => self.look_afresh(),
        }
    }

    /// A stage without its sweep: reading the tenant begins it.
    pub(super) fn look_afresh(&self) -> Decision {
        self.act(Effect::Read(Read::Tenant))
    }
}

impl Fold<'_> {
    /// Makes the sweep of the present stage, once everything that it rests on is known.
    pub(super) fn begin_sweep(&mut self) {
        if self.seen.sweep.is_some() {
            return;
        }
        let Some(scope) = self.seen.scope(self.upgrade) else {
            return;
        };
        let customers = &self.seen.customers;
        self.seen.sweep = match self.seen.stage {
            Stage::Customers | Stage::CheckCustomers => {
                Some(Sweep::customers(SweepMode::Copy, scope).by(self.hand(CopyListing::Customers)))
            }
            Stage::Owners | Stage::FinalPurchases => {
                Some(Sweep::purchases(SweepMode::Final, scope, customers))
            }
            Stage::Pricing => Some(Sweep::purchases(SweepMode::Pricing, scope, customers)),
            Stage::Check => Some(Sweep::purchases(SweepMode::Check, scope, customers)),
            Stage::Copy => Some(
                Sweep::purchases(SweepMode::Copy, scope, customers)
                    .by(self.hand(CopyListing::Subscriptions)),
            ),
            Stage::VerifyCustomers => Some(Sweep::customers(SweepMode::Verify, scope)),
            Stage::VerifyPurchases => Some(Sweep::purchases(SweepMode::Verify, scope, customers)),
            Stage::FinalCustomers => {
                Some(Sweep::customers(SweepMode::Final, scope).knowing(customers))
            }
            Stage::Opening | Stage::Orders | Stage::Activate | Stage::Done => None,
        };
    }

    pub(in crate::upgrade) fn with_sweep(&mut self, act: impl FnOnce(&mut Sweep)) {
        let Some(mut sweep) = self.seen.sweep.take() else {
            return;
        };
        act(&mut sweep);
        if let Some(refused) = sweep.refused_as_a_whole() {
            // What it rests on changed under our hands: a look at reseller and tenant tells how.
            self.write_refused(&[refused]);
            return;
        }
        if sweep.disordered() {
            let begin = self.seen.stage.begin();
            self.seen.enter(begin);
            self.stall(verdict(
                Reason::ContractViolated,
                "A listing repeated rows or lost its order between two pages.",
                "Mend the listing's paging: ascending by the bytes of the id, each item once.",
            ));
            return;
        }
        let over = sweep.is_finished();
        if over {
            self.sweep_over(sweep.into_tally());
        } else {
            self.seen.sweep = Some(sweep);
        }
    }

    fn sweep_over(&mut self, tally: Tally) {
        match self.seen.stage {
            Stage::Customers => self.customers_over(tally, Stage::Owners, Stage::Pricing),
            Stage::CheckCustomers => {
                let next = if self.declared_is_news() {
                    Stage::Pricing
                } else {
                    Stage::Check
                };
                self.customers_over(tally, next, next);
            }
            Stage::Owners => self.owners_over(&tally),
            Stage::Pricing => self.pricing_over(tally),
            Stage::Check => self.check_over(&tally),
            Stage::Copy => self.copy_over(&tally),
            Stage::FinalCustomers => {
                self.count(&tally);
                self.seen.customers = tally;
                self.go(Stage::FinalPurchases);
            }
            Stage::FinalPurchases => self.final_over(&tally),
            Stage::VerifyCustomers => self.verified_customers(tally),
            Stage::VerifyPurchases => self.verified_purchases(&tally),
            Stage::Opening | Stage::Orders | Stage::Activate | Stage::Done => {}
        }
    }

    /// Goes to a stage that rests on the same look at reseller and tenant.
    pub(super) fn go(&mut self, stage: Stage) {
        self.comes_to(stage);
        self.seen.enter(stage);
        self.begin_sweep();
    }

    pub(super) fn count(&mut self, tally: &Tally) {
        self.seen.counts.extend(tally.counts.clone());
    }

    /// Looks again at items that could not be settled; after many rounds people are told which.
    pub(super) fn look_again(&mut self, stage: Stage, unsettled: &Findings) {
        if self.seen.rounds < MANY_ROUNDS {
            self.again(stage);
            return;
        }
        let found = messages::of_blockers(unsettled);
        self.tell_blockers(unsettled);
        match found {
            Some(found) => {
                self.seen.enter(stage);
                self.stall(found);
            }
            None => self.again(stage),
        }
    }

    /// Takes over what is in the way and what was left out, of customers and purchases together.
    pub(super) fn publish(&mut self, purchases: &Tally) {
        self.seen.looked_at_purchases = true;
        self.seen.told = BlockersTold::OfAll;
        self.seen.foreseen = Findings::default();
        self.count(purchases);
        let mut blockers = self.seen.customers.blockers.clone();
        blockers.merge(&purchases.blockers);
        self.seen.blockers = blockers;
        let mut exclusions = self.seen.customers.exclusions.clone();
        exclusions.merge(&purchases.exclusions);
        self.seen.exclusions = exclusions;
    }

    /// Tells what is in the way before subscriptions and assets were looked at as a whole: of customers,
    /// and what was foreseen.
    pub(super) fn tell_blockers(&mut self, of_customers: &Findings) {
        let mut all = of_customers.clone();
        all.merge(&self.seen.foreseen);
        self.seen.blockers = all;
        self.seen.told = BlockersTold::OfCustomers;
    }
}
