//! The pricing options of customers in the reseller BSS.

#![expect(
    missing_docs,
    reason = "most fields and variants say by their name what they are"
)]

use super::ids::{Digest, PriceListId};
use super::reseller::Invoicing;

/// The pricing options of one customer, as the reseller BSS has stored them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PricingState {
    /// The options are complete.
    Set(Digest),
    /// The options are not complete.
    Missing {
        /// What people call the customer, where the BSS tells.
        name: Option<String>,
        /// The options that are missing.
        options: Vec<String>,
    },
    /// The BSS does not show them.
    Unseen {
        /// What people call the customer, where the BSS tells.
        name: Option<String>,
    },
}

/// When a customer is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BillingDay {
    /// A day of the month, 1 to 28.
    Day(u8),
    LastDayOfMonth,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PricingOptions {
    /// A price list of the reseller BSS.
    pub price_list: PriceListId,
    pub billing: BillingDay,
    pub payment_method: String,
    pub invoicing: Invoicing,
    /// A decimal string, in the currency of the price list.
    pub credit_limit: Option<String>,
}

/// What became of setting one customer's options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PricingOutcome {
    Written,
    /// Exactly these options were there.
    Unchanged,
    /// Other options are there, and stand. The fields that differ are named.
    Differs(Vec<String>),
    /// The options could not be stored. The reason is for people.
    Failed(String),
    /// The reply lacked the customer.
    Unknown,
}
