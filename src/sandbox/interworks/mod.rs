//! The vendor's face of the sandbox: the same data and rules behind `/api` as interworks.cloud's
//! public REST API shows them, to the distributor and to each tenant's own organisation.
//!
//! It knows no more than the vendor shows: no source of a copy, no link, no digest, no order by id, no
//! total unless it is switched on. Each field is listed in `docs/adapters/interworks.md`. It only
//! reads; what people do on the vendor's screens is in the control API. It must not know of the
//! reference contract's operations.

mod accounts;
mod calls;
mod catalogue;
mod ids;
mod login;
mod odata;
mod orders;
mod organisation;
mod page;
mod purchases;
mod routes;
mod rows;
mod switches;
mod systems;
mod web;

use serde_json::{Value, json};

pub(super) use self::calls::{counted, forget as forget_calls};
pub(super) use self::login::end_sessions;
use self::organisation::Organisation;
use self::page::{NoPage, Query};
use self::routes::{Collection, Route};
use self::rows::Version;
pub use self::switches::{
    Envelope, ExternalIds, Filters, InterworksSwitches, NetworkReseller, Trap, Versions,
};
pub(super) use self::web::serve;
use super::config::InterworksLogin;
use super::problem::Refusal;
use super::store::{Store, Tx};
use crate::bss::adapters::reference::contract::PurchaseKind;

/// Who may log in, and what is not in the file.
pub(super) struct Face {
    pub(super) logins: Vec<InterworksLogin>,
    /// `http` or `https`: links begin with it.
    pub(super) scheme: &'static str,
    pace: calls::Pace,
}

impl Face {
    pub(super) fn new(logins: Vec<InterworksLogin>, scheme: &'static str) -> Self {
        Self {
            logins,
            scheme,
            pace: calls::Pace::default(),
        }
    }
}

/// A call below `/api`.
#[derive(Clone, Debug)]
struct Call {
    method: String,
    /// The segments below `/api`.
    path: Vec<String>,
    query: Vec<(String, String)>,
    token: Option<String>,
    version: Option<String>,
    /// Scheme, host, port and path.
    address: String,
}

/// A status and a body.
struct Reply {
    status: u16,
    body: Value,
}

fn ok(body: Value) -> Reply {
    Reply { status: 200, body }
}

/// An error as this BSS tells it.
fn error(status: u16, kind: &str, message: impl Into<String>) -> Reply {
    Reply {
        status,
        body: json!({ "error": { "type": kind, "message": message.into() } }),
    }
}

fn not_found() -> Reply {
    error(404, "NotFound", "The resource was not found.")
}

/// Answers a call.
fn answer(store: &Store, face: &Face, call: &Call) -> Result<Reply, Refusal> {
    let route = routes::of(&call.path);
    let path = routes::shown(route.as_ref());
    store.transact(|tx| {
        // Before anything is looked at: what is refused was sent as well.
        calls::count(tx, &call.method, &path)?;
        calls::keep_parameters(tx, &path, &call.query)?;
        let login = match &call.token {
            None => None,
            Some(token) => organisation::login_of(tx, &face.logins, token)?,
        };
        let organisation = match login {
            None => None,
            Some(login) => organisation::of(tx, login)?,
        };
        let Some(organisation) = organisation else {
            let denied = "Authorization has been denied for this request.";
            return Ok(error(401, "Unauthorized", denied));
        };
        let limit = tx.switches.interworks.requests_per_minute;
        if !face.pace.allows(tx.now, limit) {
            return Ok(error(403, "Forbidden", "The request limit was exceeded."));
        }
        let Some(route) = route else {
            return Ok(not_found());
        };
        if let Some(refused) = refused(tx, &organisation, &route) {
            return Ok(refused);
        }
        if call.method != "GET" {
            return Ok(unsupported(&call.method));
        }
        read(tx, &organisation, (call, &route))
    })
}

fn unsupported(method: &str) -> Reply {
    let told = format!("The requested resource does not support http method '{method}'.");
    error(405, "MethodNotAllowed", told)
}

/// A right that the user lacks, or an organisation that is closed. The same status as too many
/// requests have.
fn refused(tx: &Tx<'_>, organisation: &Organisation, route: &Route) -> Option<Reply> {
    let name = route.collection().name();
    let forbidden = &tx.switches.interworks.forbidden;
    let closed = matches!(
        organisation,
        Organisation::Tenant {
            suspended: true,
            ..
        }
    );
    if closed || forbidden.iter().any(|each| each == name) {
        return Some(error(403, "Forbidden", "Access is denied."));
    }
    None
}

fn read(
    tx: &Tx<'_>,
    organisation: &Organisation,
    (call, route): (&Call, &Route),
) -> Result<Reply, Refusal> {
    let switches = &tx.switches.interworks;
    let asked = call.version.as_deref().and_then(|text| text.parse().ok());
    let third = asked.is_some_and(|version: f64| version >= 3.0);
    let version = if third && switches.versions == Versions::Honoured {
        Version::Third
    } else {
        Version::First
    };
    if version == Version::First && route.collection().is_later() {
        return Ok(unsupported("GET"));
    }
    let rows = match route {
        Route::List(Collection::Accounts) => accounts::rows(tx, organisation, (version, None))?,
        Route::List(Collection::Subscriptions) => {
            purchases::rows(tx, organisation, (PurchaseKind::Subscription, None))?
        }
        Route::List(Collection::Assets) => {
            purchases::rows(tx, organisation, (PurchaseKind::Asset, None))?
        }
        Route::List(Collection::Bundles) => orders::bundles(tx, organisation)?,
        Route::List(Collection::Orders) => orders::rows(tx, organisation)?,
        Route::List(Collection::Products) => catalogue::products(tx, organisation)?,
        Route::List(Collection::PriceLists) => catalogue::price_lists(tx, organisation)?,
        Route::Account(id) => {
            let found = accounts::rows(tx, organisation, (version, Some(*id)))?;
            return Ok(one(tx, found));
        }
        Route::Subscription(id) => {
            let chosen = (PurchaseKind::Subscription, Some(id.as_str()));
            return Ok(one(tx, purchases::rows(tx, organisation, chosen)?));
        }
        Route::SyncOptions(id) => match accounts::sync_options(tx, organisation, *id)? {
            Some(rows) => rows,
            None => return Ok(not_found()),
        },
        Route::Addons(id) => match purchases::addons(tx, organisation, id)? {
            Some(rows) => rows,
            None => return Ok(not_found()),
        },
        Route::Items(id) => match catalogue::items(tx, organisation, *id)? {
            Some(rows) => rows,
            None => return Ok(not_found()),
        },
    };
    let (filters, orders) = route.fields();
    let query = Query {
        parameters: &call.query,
        filters,
        orders,
        address: &call.address,
        now: tx.now,
    };
    // Lists of the first version were bare.
    let wrapping = (switches, version == Version::First);
    Ok(match page::page(rows, &query, wrapping) {
        Ok(body) => ok(body),
        Err(NoPage::Wrong(wrong)) => error(400, "BadRequest", wrong.to_string()),
        Err(NoPage::TooLarge) => error(500, "InternalServerError", NoPage::TooLarge.to_string()),
    })
}

fn one(tx: &Tx<'_>, found: Vec<serde_json::Map<String, Value>>) -> Reply {
    let Some(mut row) = found.into_iter().next() else {
        return not_found();
    };
    for member in &tx.switches.interworks.missing_fields {
        page::forget(&mut row, member);
    }
    ok(Value::Object(row))
}
