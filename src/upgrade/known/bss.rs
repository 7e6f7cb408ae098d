//! What the BSS told of itself and of the reseller.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bss::port::{Capabilities, Reseller, WriteOperation};
use crate::upgrade::strategy::Strategy;

/// What the BSS is, how the operator works with it, and the reseller as it shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KnownBss {
    /// The BSS's own name agrees with the declared one (or it has none).
    pub identity_agrees: bool,
    /// The BSS's capabilities.
    pub capabilities: Option<Capabilities>,
    /// How to work with it.
    pub strategy: Option<Strategy>,
    /// How people do what the BSS leaves to them, in its own words.
    pub instructions: BTreeMap<WriteOperation, String>,
    /// The reseller, if it was looked at in this stage.
    pub reseller: Option<Reseller>,
    /// When it was looked at last.
    pub reseller_read: Option<Duration>,
}
