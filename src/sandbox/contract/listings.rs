//! Listings, ordered by immutable id, each page with the revision of the same snapshot; and the
//! look-up of copies by key.

use std::fmt::Write;

use rusqlite::{Row, params};

use super::unseen::Doubts;
use super::{Needs, PAGE_SIZE, Reply, Request, fencing, list_problems, place, unseen};
use crate::bss::adapters::reference::contract::{
    CopiedKind, Copy, CopyKind, CopyLink, Customer, Find, Found, LinkKind, OpenOrder, Page,
    PurchaseKind, Results, RevisionPromise, Subscription,
};
use crate::sandbox::problem::{Refusal, field_problem};
use crate::sandbox::store::{Store, Tx, from_word, rfc3339, word};
use crate::sandbox::world::purchases::{self, Purchase, money};

/// Where a listing goes on, and for how long.
struct Window {
    after: Vec<String>,
    /// How many to skip: 0 unless cursors are offsets.
    offset: i64,
    limit: usize,
}

impl Window {
    fn read(
        tx: &Tx<'_>,
        request: &Request<'_>,
        known: &[&str],
        keys: usize,
    ) -> Result<Self, Refusal> {
        let mut wrong = request.unknown_parameters(known);
        let limit = match request.parameter("limit").map(str::parse::<u16>) {
            None => PAGE_SIZE,
            Some(Ok(limit)) if (1..=PAGE_SIZE).contains(&limit) => limit,
            Some(_) => {
                wrong.push(field_problem(
                    "limit",
                    format!("is not a number from 1 to {PAGE_SIZE}"),
                ));
                PAGE_SIZE
            }
        };
        let start = || (vec![String::new(); keys], 0);
        let cursor = request.parameter("cursor");
        let begin = match cursor.map(|cursor| (cursor, cursor.strip_prefix(OFFSET))) {
            None => Some(start()),
            Some((_, Some(offset))) => {
                let offset = offset.parse::<u32>().ok();
                let offset = offset.filter(|_| tx.switches.offset_paging);
                offset.map(|offset| (start().0, i64::from(offset)))
            }
            Some((cursor, None)) => decode(cursor, keys).map(|after| (after, 0)),
        };
        let (after, offset) = begin.unwrap_or_else(|| {
            wrong.push(field_problem("cursor", "is not a cursor of this listing"));
            start()
        });
        if wrong.is_empty() {
            Ok(Self {
                after,
                offset,
                limit: usize::from(limit),
            })
        } else {
            Err(Refusal::invalid(wrong))
        }
    }

    fn after(&self, index: usize) -> &str {
        self.after.get(index).map_or("", String::as_str)
    }

    /// One more than asked for, which tells whether there is another page.
    fn fetch(&self) -> i64 {
        i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX)
    }

    fn page<T>(
        &self,
        tx: &Tx<'_>,
        (mut items, reseller): (Vec<T>, &str),
        key: impl FnOnce(&T) -> Vec<String>,
    ) -> rusqlite::Result<Page<T>> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next_cursor = items.last().filter(|_| more).map(|last| {
            if tx.switches.offset_paging {
                let shown = i64::try_from(self.limit).unwrap_or(i64::MAX);
                format!("{OFFSET}{}", self.offset.saturating_add(shown))
            } else {
                encode(&key(last))
            }
        });
        let inventory_revision = match tx.switches.revision {
            RevisionPromise::Carried => Some(revision(tx, reseller)?),
            RevisionPromise::None => None,
        };
        Ok(Page {
            items,
            next_cursor,
            inventory_revision,
        })
    }
}

/// The cursor of the very beginning, which a listing itself never hands out.
pub(crate) const BEGINNING: &str = "v1";

/// What a cursor that is an offset begins with.
const OFFSET: &str = "o";

fn encode(keys: &[String]) -> String {
    keys.iter().fold(BEGINNING.to_owned(), |mut cursor, key| {
        cursor.push('.');
        for byte in key.bytes() {
            // Writing to a String cannot fail.
            if write!(cursor, "{byte:02x}").is_err() {
                break;
            }
        }
        cursor
    })
}

fn decode(cursor: &str, keys: usize) -> Option<Vec<String>> {
    if cursor == BEGINNING {
        return Some(vec![String::new(); keys]);
    }
    let parts: Option<Vec<String>> = cursor
        .strip_prefix(BEGINNING)?
        .strip_prefix('.')?
        .split('.')
        .map(from_hex)
        .collect();
    parts.filter(|parts| parts.len() == keys)
}

fn from_hex(text: &str) -> Option<String> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes: Option<Vec<u8>> = digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high.checked_mul(16)?.checked_add(*low)?).ok(),
            _ => None,
        })
        .collect();
    String::from_utf8(bytes?).ok()
}

fn revision(tx: &Tx<'_>, reseller: &str) -> rusqlite::Result<u64> {
    let revision = tx.number("SELECT revision FROM resellers WHERE id = ?1", [reseller])?;
    Ok(u64::try_from(revision).unwrap_or(0))
}

fn present_tenant(tx: &Tx<'_>, reseller: &str) -> rusqlite::Result<String> {
    let tenant = tx.one(
        "SELECT id FROM tenants WHERE reseller_id = ?1 AND status <> 'MarkedAsDeleted' AND made_ms <= ?2",
        params![reseller, tx.seen_until()],
        |row| row.get(0),
    )?;
    Ok(tenant.unwrap_or_default())
}

fn link(tenant: &str, copy: Option<String>) -> Option<CopyLink> {
    copy.map(|copy_id| CopyLink {
        tenant_id: tenant.to_owned(),
        copy_id,
    })
}

pub(super) fn customers(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let window = Window::read(tx, request, &["limit", "cursor"], 1)?;
    let reseller = fencing::reseller(tx, &request.call.id)?;
    let tenant = present_tenant(tx, &reseller)?;
    let items = tx.all(
        "SELECT id, bill_to, currency, sync, marked, digest,
            (SELECT copies.id FROM copies WHERE tenant_id = ?3 AND copies.kind = 'Customers'
                AND source_id = customers.id AND made_ms <= ?5
             ORDER BY state = 'Ended', unguarded, copies.id LIMIT 1)
         FROM customers WHERE bill_to = ?1 AND id > ?2 ORDER BY id LIMIT ?4 OFFSET ?6",
        params![
            reseller,
            window.after(0),
            tenant,
            window.fetch(),
            tx.seen_until(),
            window.offset,
        ],
        |row| {
            Ok(Customer {
                id: row.get(0)?,
                bill_to: row.get(1)?,
                currency: row.get(2)?,
                sync: from_word(row.get(3)?)?,
                marked: row.get(4)?,
                digest: row.get(5)?,
                copy: link(&tenant, row.get(6)?),
            })
        },
    )?;
    let items: Vec<Customer> = items
        .into_iter()
        .map(|item| unseen::customer(tx, item))
        .collect();
    Reply::ok(&window.page(tx, (items, &reseller), |last| vec![last.id.clone()])?)
}

pub(super) fn subscriptions(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let window = Window::read(tx, request, &["limit", "cursor"], 1)?;
    let reseller = fencing::reseller(tx, &request.call.id)?;
    let tenant = present_tenant(tx, &reseller)?;
    let items = tx.all(
        &format!(
            "SELECT {}, (SELECT copies.id FROM copies WHERE tenant_id = ?3
                    AND copies.kind = 'Subscriptions' AND source_id = purchases.id
                    AND made_ms <= ?5
                 ORDER BY copies.state = 'Ended', unguarded, copies.id LIMIT 1)
             FROM purchases WHERE reseller_id = ?1 AND id > ?2 ORDER BY id LIMIT ?4
             OFFSET ?6",
            purchases::COLUMNS
        ),
        params![
            reseller,
            window.after(0),
            tenant,
            window.fetch(),
            tx.seen_until(),
            window.offset,
        ],
        |row| {
            Ok(subscription(
                Purchase::read(row)?,
                link(&tenant, row.get(15)?),
            ))
        },
    )?;
    let doubts = Doubts::of(tx)?;
    let items: Vec<Subscription> = items
        .into_iter()
        .map(|item| unseen::purchase(tx, &doubts, item))
        .collect();
    Reply::ok(&window.page(tx, (items, &reseller), |last| vec![last.id.clone()])?)
}

fn subscription(purchase: Purchase, copy: Option<CopyLink>) -> Subscription {
    let fields = purchase.fields;
    Subscription {
        id: purchase.id,
        kind: purchase.kind,
        customer_id: purchase.customer_id,
        product: fields.product,
        addons: fields.addons,
        billing_cycle: fields.billing_cycle,
        quantity: fields.quantity,
        cost_price: money(fields.cost),
        currency: fields.currency,
        start_date: fields.start_date,
        billing_anchor: fields.billing_anchor,
        state: purchase.state,
        state_word: None,
        marked: Some(purchase.marked),
        copy,
        digest: purchase.digest,
    }
}

pub(super) fn open_orders(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let window = Window::read(tx, request, &["limit", "cursor"], 1)?;
    let reseller = fencing::reseller(tx, &request.call.id)?;
    let items = tx.all(
        "SELECT id, customer_id, placed_ms FROM orders
         WHERE reseller_id = ?1 AND state = 'Pending' AND id > ?2 ORDER BY id LIMIT ?3
         OFFSET ?4",
        params![reseller, window.after(0), window.fetch(), window.offset],
        |row| {
            Ok(OpenOrder {
                id: row.get(0)?,
                customer_id: row.get(1)?,
                placed_time: rfc3339(row.get(2)?),
            })
        },
    )?;
    Reply::ok(&window.page(tx, (items, &reseller), |last| vec![last.id.clone()])?)
}

const COPY_COLUMNS: &str =
    "id, business_key, source_id, source_digest, digest, state, kind, purchase_kind";

/// The copies, each under every source that it may belong to. Where it is certain of all, the table alone has
/// the index by which a page is found.
fn listed_copies(tx: &Tx<'_>) -> rusqlite::Result<&'static str> {
    let shared = tx.exists("SELECT 1 FROM shared_copies", [])?;
    Ok(if shared {
        "(SELECT * FROM copies UNION ALL
          SELECT copies.id, tenant_id, kind, business_key, shared_copies.source_id, source_digest, digest,
              fields, state, unguarded, purchase_kind, quantity, sell_price, made_ms
          FROM copies JOIN shared_copies ON copy_id = copies.id)"
    } else {
        "copies"
    })
}

fn read_copy(row: &Row<'_>) -> rusqlite::Result<Copy> {
    Ok(Copy {
        id: row.get(0)?,
        kind: copied_kind(row)?,
        business_key: row.get(1)?,
        source_id: row.get(2)?,
        link: LinkKind::Stored,
        source_digest: row.get(3)?,
        digest: row.get(4)?,
        state: from_word(row.get(5)?)?,
        unclear: None,
    })
}

fn copied_kind(row: &Row<'_>) -> rusqlite::Result<Option<CopiedKind>> {
    let purchase: Option<String> = row.get(7)?;
    Ok(Some(match (from_word(row.get(6)?)?, purchase) {
        (CopyKind::Customers, _) => CopiedKind::Customer,
        (CopyKind::Subscriptions, Some(kind)) if kind == word(&PurchaseKind::Asset) => {
            CopiedKind::Asset
        }
        (CopyKind::Subscriptions, _) => CopiedKind::Subscription,
    }))
}

fn shown(tx: &Tx<'_>, doubts: &Doubts, copies: Vec<Copy>) -> Vec<Copy> {
    copies
        .into_iter()
        .map(|copy| unseen::copy(tx, doubts, copy))
        .collect()
}

pub(super) fn copies(tx: &Tx<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let window = Window::read(tx, request, &["kind", "limit", "cursor"], 2);
    let kind: Option<CopyKind> = request
        .parameter("kind")
        .and_then(|text| from_word(text.to_owned()).ok());
    let (window, kind) = match (window, kind) {
        (Ok(window), Some(kind)) => (window, kind),
        (Err(refusal), Some(_)) => return Err(refusal),
        (window, None) => {
            let mut problem = field_problem("kind", "is not one of the two listings");
            problem.allowed = vec![word(&CopyKind::Customers), word(&CopyKind::Subscriptions)];
            let mut wrong = vec![problem];
            if let Err(refusal) = window {
                wrong.extend(refusal.into_problem().fields);
            }
            return Err(Refusal::invalid(wrong));
        }
    };
    let place = place(tx, &request.call.id)?;
    let listed = listed_copies(tx)?;
    let items = tx.all(
        &format!(
            "SELECT {COPY_COLUMNS} FROM {listed} WHERE tenant_id = ?1 AND kind = ?2
                 AND (source_id, id) > (?3, ?4) AND made_ms <= ?6
             ORDER BY source_id, id LIMIT ?5 OFFSET ?7"
        ),
        params![
            place.tenant_id,
            word(&kind),
            window.after(0),
            window.after(1),
            window.fetch(),
            tx.seen_until(),
            window.offset,
        ],
        read_copy,
    )?;
    let items = shown(tx, &Doubts::of(tx)?, items);
    Reply::ok(&window.page(tx, (items, &place.reseller_id), |last| {
        vec![last.source_id.clone().unwrap_or_default(), last.id.clone()]
    })?)
}

pub(super) fn find(store: &Store, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body: Find = request.read_checked(Needs::Nothing, |body: &Find| {
        list_problems(
            store.largest_batch(),
            "businessKeys",
            body.business_keys.iter().map(String::as_str),
        )
    })?;
    store.transact(|tx| {
        let place = place(tx, &request.call.id)?;
        let doubts = Doubts::of(tx)?;
        let mut results = Vec::with_capacity(body.business_keys.len());
        for business_key in &body.business_keys {
            let copies = tx.all(
                &format!(
                    "SELECT {COPY_COLUMNS} FROM copies WHERE business_key = ?1 AND tenant_id = ?2
                         AND made_ms <= ?3 ORDER BY id LIMIT 100"
                ),
                params![business_key, place.tenant_id, tx.seen_until()],
                read_copy,
            )?;
            results.push(Found {
                business_key: business_key.clone(),
                copies: shown(tx, &doubts, copies),
            });
        }
        Reply::ok(&Results { results })
    })
}
