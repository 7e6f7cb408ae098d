//! Pricing options: what was sent, and who lacks them.

use std::collections::BTreeMap;

use crate::bss::port::{PricingOptions, PricingOutcome, SourceId};

/// Pricing options that were sent or are to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownPricing {
    /// What became of the declared options that this process sent.
    pub applied: BTreeMap<SourceId, (PricingOptions, PricingOutcome)>,
    /// Options that were sent since the gate was entered: a failure is not repeated before people
    /// had time to act.
    pub tried_now: BTreeMap<SourceId, PricingOptions>,
    /// What a person confirmed of options that the BSS does not show, and is not on record yet.
    pub confirmed: Option<String>,
    /// Customers that lack pricing options, as many as one call takes.
    pub unpriced: Vec<SourceId>,
}
