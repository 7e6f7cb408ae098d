//! Two listings, paged in any way at all: every id once and in order, with all its copies, or the
//! word that the order is broken; and never a listing without an end.
//!
//! A line is a page: `s` or `c` for its side, its rows, and after a `>` the number of the page that
//! its cursor leads to. A row of sources is an id, one of copies `source.copy`. The first page of a
//! side is its page 0; a cursor that leads nowhere leads to an empty last page.

use std::collections::BTreeMap;
use tenant_reseller_operator::bss::port::{
    AccountId, CopyId, CopyRecord, CopyState, Cursor, Customer, Digest, Link, Mark, Page,
    PageRequest, SourceId, Sync,
};
use tenant_reseller_operator::fuzzing::merge;

/// Most pages of a side.
const PAGES: usize = 24;
/// Enough for both sides of any listing without a cycle, and for noticing one.
const ROUNDS: usize = 8 * PAGES;

/// A source's id, and that of its copy.
type Row = (String, String);

#[derive(Clone, Debug, Default)]
struct Leaf {
    rows: Vec<Row>,
    next: Option<usize>,
}

pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut sources, mut copies) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (side, rest) = match (line.strip_prefix('s'), line.strip_prefix('c')) {
            (Some(rest), _) => (&mut sources, rest),
            (_, Some(rest)) => (&mut copies, rest),
            (None, None) => continue,
        };
        if side.len() < PAGES {
            side.push(leaf(rest));
        }
    }
    judge(&sources, &copies);
}

fn leaf(text: &str) -> Leaf {
    let (rows, next) = match text.split_once('>') {
        Some((rows, next)) => (rows, next.trim().parse().ok()),
        None => (text, None),
    };
    let row = |text: &str| match text.split_once('.') {
        Some((source, copy)) => (source.to_owned(), copy.to_owned()),
        None => (text.to_owned(), String::new()),
    };
    Leaf {
        rows: rows.split_whitespace().map(row).collect(),
        next,
    }
}

fn judge(sources: &[Leaf], copies: &[Leaf]) {
    let page = |request: PageRequest| serve(sources, &request, customer);
    let of_copies = |request: PageRequest| serve(copies, &request, copy);
    let merged = merge(page, of_copies, ROUNDS);
    assert_eq!(merged, merge(page, of_copies, ROUNDS));

    let (listed, found) = (
        whole(sources, |a, b| a.0 < b.0),
        whole(copies, |a, b| a < b),
    );
    assert_eq!(
        merged.ordered,
        listed.is_some() && found.is_some(),
        "{sources:?} {copies:?}"
    );
    assert_eq!(merged.finished, merged.ordered, "{sources:?} {copies:?}");
    assert!(
        merged
            .pairs
            .is_sorted_by(|before, after| before.0 < after.0)
    );

    let (Some(listed), Some(found)) = (listed, found) else {
        return;
    };
    let mut joined: BTreeMap<String, (bool, Vec<String>)> = BTreeMap::new();
    for (id, _) in listed {
        joined.entry(id).or_default().0 = true;
    }
    for (source, copy) in found {
        joined.entry(source).or_default().1.push(copy);
    }
    let told = merged.pairs.into_iter().map(|(id, is_listed, copies)| {
        assert!(copies.iter().all(|copy| copy.source == id));
        let copies: Vec<String> = copies.into_iter().map(|copy| copy.id.0).collect();
        (id.0, (is_listed, copies))
    });
    assert!(told.eq(joined), "{sources:?} {copies:?}");
}

/// What a listing lists, or `None` if it breaks its order or leads in a circle.
fn whole(pages: &[Leaf], follows: fn(&Row, &Row) -> bool) -> Option<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut at = Some(0);
    for _ in 0..=pages.len() {
        let Some(page) = at.and_then(|at: usize| pages.get(at)) else {
            return Some(rows);
        };
        rows.extend_from_slice(&page.rows);
        if !rows.is_sorted_by(follows) {
            return None;
        }
        at = page.next;
    }
    None
}

fn serve<T>(pages: &[Leaf], request: &PageRequest, row: fn(Row) -> T) -> Page<T> {
    let asked = request.cursor.as_ref().map_or("0", Cursor::as_str);
    let page = asked.parse().ok().and_then(|at: usize| pages.get(at));
    let page = page.cloned().unwrap_or_default();
    Page {
        items: page.rows.into_iter().map(row).collect(),
        next: page.next.map(|next| Cursor(next.to_string())),
        revision: None,
    }
}

fn customer((id, _): Row) -> Customer {
    Customer {
        id: SourceId(id),
        bill_to: AccountId::from("R-1"),
        sync: Sync::Synced,
        mark: Mark::Unmarked,
        link: None,
        digest: Digest::from("d"),
    }
}

fn copy((source, copy): Row) -> CopyRecord {
    CopyRecord {
        id: CopyId(copy),
        kind: None,
        link: Link::Stored,
        business_key: None,
        source: SourceId(source),
        source_digest: None,
        digest: Digest::from("d"),
        state: CopyState::Live,
    }
}
