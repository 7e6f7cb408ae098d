//! What this BSS may be like, and how it may mislead its reader.
//!
//! What public text leaves open is a switch, so that a reader is tried against each answer; each
//! trap is one as well. The default is the least that the vendor shows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How a list is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Envelope {
    /// An object with the rows under `data`.
    Data,
    /// The rows alone.
    Bare,
}

/// What becomes of `$filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filters {
    /// It is read, and applied.
    Applied,
    /// It is taken for something unknown and left aside: every row comes.
    Ignored,
    /// It matches no row at all, and the reply is a success.
    AnswersNothing,
}

/// What becomes of `X-Api-Version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versions {
    /// The reply is of the version that is asked for.
    Honoured,
    /// An old organisation: every reply is of the first version.
    Ignored,
}

/// Which records have an id of the provisioning system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExternalIds {
    /// All.
    All,
    /// Every second one.
    Half,
    /// None.
    None,
}

/// When the reseller's account begins to say that it is a tenant reseller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkReseller {
    /// With the switch.
    AtSwitch,
    /// `isNetworkReseller` as soon as there is a tenant, `resellerType` with the switch.
    AtTenant,
}

/// A way to mislead the reader of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trap {
    /// Every page after the first is the first one again.
    RepeatedPage,
    /// The total is another one on every page.
    MovingTotal,
    /// One row falls through between the first page and the second.
    SkippedRow,
    /// The rows come in another order at each request.
    UnstableOrder,
    /// State words of subscriptions and assets are others than the vendor's own.
    UnknownStates,
}

/// The switches of the vendor's face. Durations are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct InterworksSwitches {
    /// How lists are wrapped.
    pub envelope: Envelope,
    /// Whether lists tell how many rows there are.
    pub totals: bool,
    /// Whether lists tell where they go on.
    pub links: bool,
    /// The most rows of a page, whatever is asked for.
    pub largest_page: u32,
    /// Lists of more rows than this fail with 500.
    pub fails_above: Option<u32>,
    /// How long a list takes at least.
    pub slow_list_ms: u32,
    /// How much longer it takes for each row that a page may have.
    pub slow_row_ms: u32,
    /// What becomes of filters.
    pub filters: Filters,
    /// The traps that are set.
    pub traps: BTreeSet<Trap>,
    /// Members that no reply has, by their names.
    pub missing_fields: Vec<String>,
    /// What becomes of `X-Api-Version`.
    pub versions: Versions,
    /// Which records have an id of the provisioning system.
    pub external_ids: ExternalIds,
    /// Accounts have a code and a registration number.
    pub account_codes: bool,
    /// When the reseller's account tells of the change.
    pub network_reseller: NetworkReseller,
    /// The word for an order that waits, as an administrator named it.
    pub order_pending: String,
    /// The word for an order that was carried out.
    pub order_done: String,
    /// The word for an order that was cancelled.
    pub order_cancelled: String,
    /// More requests than this within a minute are answered with 403.
    pub requests_per_minute: Option<u32>,
    /// Collections that the user has no right to: 403.
    pub forbidden: Vec<String>,
    /// How long a token is good, in seconds.
    pub token_seconds: u32,
}

impl Default for InterworksSwitches {
    fn default() -> Self {
        Self {
            envelope: Envelope::Data,
            totals: false,
            links: false,
            largest_page: 100,
            fails_above: None,
            slow_list_ms: 0,
            slow_row_ms: 0,
            filters: Filters::Applied,
            traps: BTreeSet::new(),
            missing_fields: Vec::new(),
            versions: Versions::Honoured,
            external_ids: ExternalIds::All,
            account_codes: true,
            network_reseller: NetworkReseller::AtSwitch,
            order_pending: "Awaiting execution".to_owned(),
            order_done: "Executed".to_owned(),
            order_cancelled: "Cancelled".to_owned(),
            requests_per_minute: None,
            forbidden: Vec::new(),
            token_seconds: 3600,
        }
    }
}

impl InterworksSwitches {
    pub(super) fn has(&self, trap: Trap) -> bool {
        self.traps.contains(&trap)
    }
}
