//! What a connection says of its installation of interworks.cloud. Every installation has words and habits of
//! its own, which no public text tells: the people who run it know them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bss::port::{AccountId, TenantId};

/// What a connection says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The version of the API that is asked for in each request.
    pub api_version: String,
    /// Whose BSS it is.
    pub role: Role,
    /// What its words mean.
    pub words: Words,
    /// How its listings are read.
    pub reading: Reading,
    /// Which button switches back ordering on.
    pub switch: Switch,
    /// Whether bundles are looked for.
    pub bundles: Bundles,
    /// The field of an account that holds its price list, if it is known.
    pub price_list_field: Option<String>,
}

/// Whose BSS a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The distributor's.
    Distributor(Calibration),
    /// That of a tenant.
    Tenant(TenantDeclaration),
}

/// Two accounts by which a Basic reseller is told from a tenant reseller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// A reseller that is known to be Basic.
    pub basic: AccountId,
    /// A reseller that is known to be a tenant reseller with back ordering on.
    pub tenant: AccountId,
}

/// What a tenant's connection says of its tenant, because the API has no call that tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantDeclaration {
    /// What the tenant is called for good.
    pub id: TenantId,
    /// The account of its reseller in the distributor's BSS.
    pub reseller: AccountId,
    /// Where people reach it.
    pub url: Option<String>,
}

/// How listings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The rows of a page that are asked for.
    pub page_size: u16,
    /// How long a page may take.
    pub list_timeout: Duration,
    /// How long a single record may take.
    pub record_timeout: Duration,
    /// The most rows of a listing that are looked at.
    pub max_scanned: u32,
    /// How the installation pages.
    pub paging: Paging,
}

/// How an installation pages its listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// By links to the next page or by numbers.
    Pages,
    /// Not at all: one reply holds everything.
    Whole,
}

/// Which button switches back ordering on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// The one that transfers the subscriptions.
    WithTransfer,
    /// One of its own.
    Separate,
}

/// Whether bundles are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bundles {
    /// They are.
    Read,
    /// The owner says that no customer has one.
    None,
}

/// What the words of an installation mean. They are compared without regard to case and to white space
/// around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Words for the states of subscriptions and assets, beside those that need no explanation.
    pub states: BTreeMap<String, crate::bss::port::PurchaseState>,
    /// Words for an account whose provisioning sync is in order.
    pub synced: Vec<String>,
    /// Words for one whose sync is not in order.
    pub not_synced: Vec<String>,
    /// Words for orders that are final; none if the owner has not named them.
    pub final_orders: Vec<String>,
}
