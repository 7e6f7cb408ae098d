//! The sweep under way, and what the sweeps before it leave to it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ended::EndedSweeps;
use crate::bss::port::{PricingState, SourceId};
use crate::upgrade::effect::SweepCall;
use crate::upgrade::sweep::tally::Tally;
use crate::upgrade::sweep::{Sweep, Trails};

/// The sweeps of this process over one upgrade.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownSweeps {
    /// The sweep under way.
    pub current: Option<Sweep>,
    /// The last sweep over customers.
    pub customers: Tally,
    /// Sweeps of phase 2 in a row that sent customers to be copied or marked. The phase is over after one
    /// that found everything copied and marked; after many, what is left is left to the later sweeps.
    pub customer_copies: u32,
    /// Whole copies of subscriptions before the present one. After the first, everything is looked
    /// at once more; after another, what came since is left to the later sweeps, so that a steady
    /// buyer holds nothing up.
    pub copies_before: u32,
    /// When this process sent copies last.
    pub sent: Option<Duration>,
    /// When this process last saw that it asks people to copy. They may copy twice, and a listing that is
    /// behind shows the second copy late.
    pub asked: Option<Duration>,
    /// Where the pages of the listings began in the last sweep over each.
    pub(in crate::upgrade) trails: Trails,
    /// The pricing options that the check has seen, for the copying that follows it.
    pub options: BTreeMap<SourceId, PricingState>,
    /// Whole sweeps that ended, for the metrics.
    pub ended: EndedSweeps,
}

impl KnownSweeps {
    /// These calls of the present sweep are under way from now on.
    pub fn begins(&mut self, calls: &[SweepCall]) {
        if let Some(sweep) = &mut self.current {
            sweep.begins(calls);
        }
    }

    /// No call is under way any more.
    pub(in crate::upgrade) fn nothing_under_way(&mut self) {
        if let Some(sweep) = &mut self.current {
            sweep.nothing_under_way();
        }
    }
}
