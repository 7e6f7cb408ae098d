//! The paths below `/api`. As in the vendor's own examples, upper and lower case are one.

use super::odata::Field;
use super::{accounts, catalogue, orders, purchases};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Accounts,
    Subscriptions,
    Assets,
    Bundles,
    Orders,
    Products,
    PriceLists,
}

impl Collection {
    const ALL: [Self; 7] = [
        Self::Accounts,
        Self::Subscriptions,
        Self::Assets,
        Self::Bundles,
        Self::Orders,
        Self::Products,
        Self::PriceLists,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Subscriptions => "subscriptions",
            Self::Assets => "assets",
            Self::Bundles => "bundles",
            Self::Orders => "orders",
            Self::Products => "products",
            Self::PriceLists => "pricelists",
        }
    }

    /// Whether it came with version 3.0.
    pub(super) fn is_later(self) -> bool {
        matches!(self, Self::Subscriptions | Self::Assets | Self::Bundles)
    }
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    List(Collection),
    Account(u64),
    Subscription(String),
    SyncOptions(u64),
    Addons(String),
    Items(u64),
}

impl Route {
    pub(super) fn collection(&self) -> Collection {
        match self {
            Self::List(collection) => *collection,
            Self::Account(_) | Self::SyncOptions(_) => Collection::Accounts,
            Self::Subscription(_) | Self::Addons(_) => Collection::Subscriptions,
            Self::Items(_) => Collection::PriceLists,
        }
    }

    /// Whether the answer is a list.
    pub(super) fn is_list(&self) -> bool {
        !matches!(self, Self::Account(_) | Self::Subscription(_))
    }

    /// What the list may be filtered and ordered by.
    pub(super) fn fields(&self) -> (&'static [Field], &'static [Field]) {
        match self {
            Self::List(Collection::Accounts) => (accounts::FILTERS, accounts::ORDERS),
            Self::List(Collection::Subscriptions) => (purchases::FILTERS, &[]),
            Self::List(Collection::Assets) => (purchases::FILTERS, purchases::ASSET_ORDERS),
            Self::List(Collection::Bundles | Collection::Orders) => (orders::FILTERS, &[]),
            Self::List(Collection::Products | Collection::PriceLists) => (catalogue::FILTERS, &[]),
            Self::Account(_)
            | Self::Subscription(_)
            | Self::SyncOptions(_)
            | Self::Addons(_)
            | Self::Items(_) => (&[], &[]),
        }
    }
}

/// The route of a path.
pub(super) fn of(path: &[String]) -> Option<Route> {
    let words: Vec<String> = path.iter().map(|word| word.to_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (first, rest) = words.split_first()?;
    let collection = Collection::ALL
        .into_iter()
        .find(|collection| collection.name() == *first)?;
    match (collection, rest) {
        (collection, []) => Some(Route::List(collection)),
        (Collection::Accounts, [id]) => id.parse().ok().map(Route::Account),
        (Collection::Accounts, [id, "syncoptions"]) => id.parse().ok().map(Route::SyncOptions),
        (Collection::Subscriptions, [id]) => Some(Route::Subscription((*id).to_owned())),
        (Collection::Subscriptions, [id, "addons"]) => Some(Route::Addons((*id).to_owned())),
        (Collection::PriceLists, [id, "items"]) => id.parse().ok().map(Route::Items),
        _ => None,
    }
}

/// A route as it is counted.
pub(super) fn shown(route: Option<&Route>) -> String {
    match route {
        Some(Route::List(collection)) => format!("/api/{}", collection.name()),
        Some(Route::Account(_)) => "/api/accounts/{id}".to_owned(),
        Some(Route::Subscription(_)) => "/api/subscriptions/{id}".to_owned(),
        Some(Route::SyncOptions(_)) => "/api/accounts/{id}/syncoptions".to_owned(),
        Some(Route::Addons(_)) => "/api/subscriptions/{id}/addons".to_owned(),
        Some(Route::Items(_)) => "/api/pricelists/{id}/items".to_owned(),
        None => "/api, no such path".to_owned(),
    }
}
