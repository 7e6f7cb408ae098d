//! Sweeps: which one a stage begins, what it needs next, and which phase takes over when it is over.

use crate::api::{Reason, ResellerClaimSpec};
use crate::bss::port::{Cursors, Freshness, PageRequest, Reseller, TenantId};
use crate::upgrade::decide::{Decide, Decision};
use crate::upgrade::effect::{Effect, Read};
use crate::upgrade::observe::{MANY_ROUNDS, Observe};
use crate::upgrade::phases::Stage;
use crate::upgrade::report::messages;
use crate::upgrade::report::messages::ready_state;
use crate::upgrade::sweep::Sweep;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Tally;

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
        if self.known.stage == Stage::Pricing
            && let Some(write) = self.pricing_to_set()
        {
            return self.act(Effect::SetPricing(write));
        }
        if let Some(sweep) = &self.known.sweeps.current {
            if !sweep.begun()
                && let Some(decision) = self.settles_after_copies(claim)
            {
                return decision;
            }
            return match sweep.wanted() {
                Some(calls) => self.copy(claim, sweep, calls),
                None => self.look_afresh(),
            };
        }
        if self.known.stage == Stage::Orders {
            let limit = self
                .known
                .bss
                .capabilities
                .as_ref()
                .map_or(1, |c| c.page_size);
            self.act(Effect::Read(Read::OpenOrders(PageRequest {
                cursor: None,
                limit,
                freshness: Freshness::Fresh,
            })))
        } else if self.known.stage == Stage::Activate
            && let Some(clean) = &self.known.activation.clean
        {
            self.activate(claim, reseller, tenant, clean)
        } else {
            self.look_afresh()
        }
    }

    /// A stage without its sweep: reading the tenant begins it.
    pub(super) fn look_afresh(&self) -> Decision {
        self.act(Effect::Read(Read::Tenant))
    }
}

impl Observe<'_> {
    /// Makes the sweep of the present stage, once everything that it rests on is known.
    pub(super) fn begin_sweep(&mut self) {
        if self.known.sweeps.current.is_some() {
            return;
        }
        let Some(scope) = self.known.scope(self.upgrade) else {
            return;
        };
        let stage = self.known.stage;
        let declared = self.upgrade.declared.keys().cloned().collect();
        let sweep = stage.sweep(scope, &self.known.sweeps.customers);
        let mut sweep = sweep.map(|sweep| sweep.looking_for(declared));
        if self.copies_with_the_switch() {
            sweep = sweep.map(Sweep::before_a_switch_that_copies);
        }
        let capabilities = self.known.bss.capabilities.as_ref();
        if capabilities.is_some_and(|can| can.cursors == Cursors::Lasting) {
            let trails = &self.known.sweeps.trails;
            sweep = sweep.map(|sweep| {
                let listing = sweep.listing();
                let expected = sweep.expecting(trails.of(listing));
                if trails.are_kept() {
                    expected.learning()
                } else {
                    expected
                }
            });
        }
        if stage == Stage::Check {
            let defaults = self.defaults();
            sweep = sweep.map(|sweep| sweep.setting(defaults));
        }
        if stage == Stage::Copy {
            let options = std::mem::take(&mut self.known.sweeps.options);
            sweep = sweep.map(|sweep| sweep.under(options));
        }
        self.known.sweeps.ended.begun(self.now.monotonic);
        self.known.sweeps.current = match stage.copies() {
            Some(operation) => sweep.map(|sweep| sweep.by(self.copy_method(operation))),
            None => sweep,
        };
    }

    pub(in crate::upgrade) fn with_sweep(&mut self, act: impl FnOnce(&mut Sweep)) {
        let Some(mut sweep) = self.known.sweeps.current.take() else {
            return;
        };
        act(&mut sweep);
        if let Some(refused) = sweep.refused_as_a_whole() {
            // What it rests on changed under our hands: a look at reseller and tenant tells how.
            self.write_refused(&[refused]);
            return;
        }
        if sweep.disordered() {
            let begin = self.known.stage.restart();
            self.known.enter(begin);
            self.stall(ready_state(
                Reason::ContractViolated,
                "A listing repeated rows or lost its order between two pages.",
                "Mend the listing's paging: ascending by the bytes of the id, each item once.",
            ));
            return;
        }
        let over = sweep.is_finished();
        if over {
            self.known.sweeps.ended.ended(&sweep, self.now.monotonic);
            let trails = &mut self.known.sweeps.trails;
            trails.keep(sweep.listing(), sweep.trails());
            self.sweep_over(sweep.into_tally());
        } else {
            self.known.sweeps.current = Some(sweep);
        }
    }

    /// No call is under way any more: a sweep that only waited for pages which it does not need is over.
    pub(in crate::upgrade) fn ends_the_sweep(&mut self) {
        let current = self.known.sweeps.current.as_ref();
        if current.is_some_and(|sweep| sweep.begun() && sweep.is_finished()) {
            self.with_sweep(|_| {});
        }
    }

    /// Goes to a stage that rests on the same look at reseller and tenant.
    pub(super) fn go(&mut self, stage: Stage) {
        self.comes_to(stage);
        self.known.enter(stage);
        self.begin_sweep();
    }

    pub(super) fn count(&mut self, tally: &Tally) {
        self.known.findings.counts.extend(tally.counts.clone());
    }

    /// Looks again at items that could not be settled; after many rounds people are told which.
    pub(super) fn look_again(&mut self, stage: Stage, unsettled: &Findings) {
        if self.known.waiting.rounds < MANY_ROUNDS {
            self.again(stage);
            return;
        }
        let found = messages::of_blockers(unsettled);
        self.tell_blockers(unsettled);
        match found {
            Some(found) => {
                self.known.enter(stage);
                self.stall(found);
            }
            None => self.again(stage),
        }
    }

    /// Takes over what is in the way and what was left out, of customers and purchases together.
    pub(super) fn publish(&mut self, purchases: &Tally) {
        let customers = &self.known.sweeps.customers;
        self.known.findings.tell_of_all(customers, purchases);
    }

    /// Tells what is in the way before subscriptions and assets were looked at as a whole: of customers,
    /// and what the preflight found.
    pub(super) fn tell_blockers(&mut self, of_customers: &Findings) {
        self.known.findings.tell_of_customers(of_customers);
    }
}
