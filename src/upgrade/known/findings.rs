//! What people are told of items: counts, what is in the way, what was left out, what differs.

use std::collections::BTreeMap;

use crate::bss::port::ItemKind;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::{Counts, Tally};

/// What the looks at items found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownFindings {
    /// Counts as the last whole sweeps saw them.
    pub counts: BTreeMap<ItemKind, Counts>,
    /// Whether a whole look at subscriptions and assets was taken by this process.
    pub looked_at_purchases: bool,
    /// What the blockers are about that this process tells.
    pub told: BlockersTold,
    /// What the look before the tenant existed found in the way of subscriptions and assets. It is
    /// told until a whole look at them was taken.
    pub preflight: Findings,
    /// What is in the way, as the last whole look saw it.
    pub blockers: Findings,
    /// What was left out, as the last whole look saw it.
    pub exclusions: Findings,
    /// The records of the step that a person has to do.
    pub manual: Findings,
    /// The differences that the comparison after the switch found.
    pub differences: Findings,
}

impl KnownFindings {
    /// Tells what is in the way before subscriptions and assets were looked at as a whole: of customers,
    /// and what the preflight found.
    pub(in crate::upgrade) fn tell_of_customers(&mut self, of_customers: &Findings) {
        let mut all = of_customers.clone();
        all.merge(&self.preflight);
        self.blockers = all;
        self.told = BlockersTold::OfCustomers;
    }

    /// Takes over what a whole look found: what is in the way and what was left out, of customers and
    /// purchases together.
    pub(in crate::upgrade) fn tell_of_all(&mut self, customers: &Tally, purchases: &Tally) {
        self.looked_at_purchases = true;
        self.told = BlockersTold::OfAll;
        self.preflight = Findings::default();
        self.counts.extend(purchases.counts.clone());
        self.blockers = customers.blockers.clone();
        self.blockers.merge(&purchases.blockers);
        self.exclude(customers, purchases);
    }

    /// Takes over what was left out.
    pub(in crate::upgrade) fn exclude(&mut self, customers: &Tally, purchases: &Tally) {
        self.exclusions = customers.exclusions.clone();
        self.exclusions.merge(&purchases.exclusions);
    }
}

/// What the blockers are about that a process tells. What another one told stands until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BlockersTold {
    /// It has told none.
    #[default]
    Nothing,
    /// Customers, and what the preflight found of their subscriptions and assets.
    OfCustomers,
    /// Everything.
    OfAll,
}
