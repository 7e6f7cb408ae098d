//! Lists: filtered, ordered, cut into pages, wrapped; and the ways in which a list may mislead.

use serde_json::{Map, Value, json};

use super::odata::{Field, Filter, Order, Wrong};
use super::switches::{Envelope, Filters, InterworksSwitches, Trap};
use crate::sandbox::store::{Millis, rfc3339};
use crate::sandbox::world::purchases::digest;

/// The rows of a page where nothing is said.
pub(super) const USUAL: u32 = 25;

/// What was asked for, and how the collection may be asked.
pub(super) struct Query<'q> {
    pub(super) parameters: &'q [(String, String)],
    pub(super) filters: &'q [Field],
    pub(super) orders: &'q [Field],
    /// Scheme, host, port and path of the request, for the link to the next page.
    pub(super) address: &'q str,
    pub(super) now: Millis,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPage {
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// The list is too large for this server.
    #[error("the request took too long")]
    TooLarge,
}

impl Query<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, usual: u32) -> Result<u32, Wrong> {
        match self.parameter(name).map(str::parse) {
            None => Ok(usual),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => Err(Wrong(format!("{name} is not a number from 1"))),
        }
    }
}

/// The page of `rows` that was asked for.
pub(super) fn page(
    mut rows: Vec<Map<String, Value>>,
    query: &Query<'_>,
    (switches, bare): (&InterworksSwitches, bool),
) -> Result<Value, NoPage> {
    if let Some(filter) = query.parameter("$filter") {
        match switches.filters {
            Filters::Applied => {
                let filter = Filter::read(filter, query.filters)?;
                rows.retain(|row| filter.accepts(row));
            }
            Filters::Ignored => {}
            Filters::AnswersNothing => rows.clear(),
        }
    }
    order(&mut rows, query, switches)?;
    let number = query.number("page", 1)?;
    let size = query
        .number("pageSize", USUAL)?
        .min(switches.largest_page.max(1));
    if switches.fails_above.is_some_and(|most| size > most) {
        return Err(NoPage::TooLarge);
    }
    let total = rows.len();
    let at = if switches.has(Trap::RepeatedPage) {
        1
    } else {
        number
    };
    let mut from = as_usize(at.saturating_sub(1)).saturating_mul(as_usize(size));
    if switches.has(Trap::SkippedRow) && at > 1 {
        from = from.saturating_add(1);
    }
    let more = from.saturating_add(as_usize(size)) < total;
    let mut shown: Vec<Map<String, Value>> =
        rows.into_iter().skip(from).take(as_usize(size)).collect();
    for row in &mut shown {
        for member in &switches.missing_fields {
            forget(row, member);
        }
    }
    if bare || switches.envelope == Envelope::Bare {
        return Ok(json!(shown));
    }
    let mut body = super::rows::record(json!({ "data": shown }));
    if switches.totals {
        let moved = if switches.has(Trap::MovingTotal) {
            number
        } else {
            0
        };
        let told = total.saturating_add(as_usize(moved));
        body.insert("paging".to_owned(), json!({ "totalRecords": told }));
    }
    if switches.links {
        let next = more.then(|| link(query, number.saturating_add(1), size));
        body.insert("links".to_owned(), json!({ "next": next }));
    }
    Ok(Value::Object(body))
}

/// Without `$orderby` rows come in an order of the server's own, which is not that of the ids.
fn order(
    rows: &mut [Map<String, Value>],
    query: &Query<'_>,
    switches: &InterworksSwitches,
) -> Result<(), Wrong> {
    let salt = if switches.has(Trap::UnstableOrder) {
        rfc3339(query.now)
    } else {
        String::new()
    };
    rows.sort_by_cached_key(|row| {
        let id = row.get("id").map(Value::to_string).unwrap_or_default();
        digest(&format!("{salt}{id}"))
    });
    if let Some(wanted) = query.parameter("$orderby") {
        let order = Order::read(wanted, query.orders)?;
        rows.sort_by(|left, right| order.compare(left, right));
    }
    Ok(())
}

/// Takes a member away: `updatedAt`, or `product.code` within an object.
pub(super) fn forget(row: &mut Map<String, Value>, member: &str) {
    match member.split_once('.') {
        None => {
            row.remove(member);
        }
        Some((outer, inner)) => {
            if let Some(Value::Object(members)) = row.get_mut(outer) {
                forget(members, inner);
            }
        }
    }
}

fn link(query: &Query<'_>, page: u32, size: u32) -> String {
    let kept = query.parameters.iter().filter(|(name, _)| {
        !name.eq_ignore_ascii_case("page") && !name.eq_ignore_ascii_case("pageSize")
    });
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in kept {
        text.append_pair(name, value);
    }
    text.append_pair("page", &page.to_string());
    text.append_pair("pageSize", &size.to_string());
    format!("{}?{}", query.address, text.finish())
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
