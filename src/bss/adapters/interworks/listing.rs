//! When a listing is complete. Pages come from a server of which little is known, so that completeness is
//! proven and not taken for granted. Pure.
//!
//! Accepted are: a total that equals the number of different ids; or the end of the pages (the last link, an
//! empty page) and a second pass with the same ids. A record that comes twice, a total that moves, a link that
//! comes again: the listing begins again, three times; then it is refused.

use std::collections::BTreeSet;

use super::envelope::{Next, Rows};
use super::options::Paging;
use super::wire::Identified;

/// How often a listing begins again before it is refused.
const MOST_RESTARTS: u8 = 3;

/// Which page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    First,
    /// The page of this number; the first is 1.
    Page(u32),
    /// The page that a link leads to.
    Link(String),
}

/// Which pass over a listing it is. The second asks for pages of another size, so that what falls between two
/// pages in the one does not fall there in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    First,
    Second,
}

/// Why a listing is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It began again too often. Says what was wrong the last time.
    NeverTheSame(&'static str),
    /// It has more rows than may be looked at.
    TooMany(u32),
}

/// What a pass has seen so far.
#[derive(Debug)]
struct Pass<R> {
    kept: Vec<R>,
    ids: BTreeSet<String>,
    total: Option<u64>,
    links: BTreeSet<String>,
    ask: Ask,
}

impl<R> Pass<R> {
    fn new() -> Self {
        Self {
            kept: Vec::new(),
            ids: BTreeSet::new(),
            total: None,
            links: BTreeSet::new(),
            ask: Ask::First,
        }
    }
}

/// A listing that is being collected.
#[derive(Debug)]
pub(super) struct Collector<R> {
    paging: Paging,
    max_scanned: u32,
    pass: Pass<R>,
    /// The ids of the pass before, which this one has to repeat.
    former: Option<BTreeSet<String>>,
    restarts: u8,
    complete: bool,
}

impl<R: Identified> Collector<R> {
    pub(super) fn new(paging: Paging, max_scanned: u32) -> Self {
        Self {
            paging,
            max_scanned,
            pass: Pass::new(),
            former: None,
            restarts: 0,
            complete: false,
        }
    }

    /// The page that is needed next; none if the listing is complete.
    pub(super) fn wanted(&self) -> Option<&Ask> {
        (!self.complete).then_some(&self.pass.ask)
    }

    /// Which pass it is.
    pub(super) fn which(&self) -> Which {
        match self.former {
            None => Which::First,
            Some(_) => Which::Second,
        }
    }

    /// Begins again with other pages. It does not count: nothing was wrong with the listing.
    pub(super) fn page_otherwise(&mut self) {
        self.pass = Pass::new();
    }

    /// Takes the page that was wanted. Rows that are not kept are counted and forgotten.
    pub(super) fn take(&mut self, page: Rows<R>, keep: impl Fn(&R) -> bool) -> Result<(), Refused> {
        let empty = page.all.is_empty();
        if let (Some(before), Some(now)) = (self.pass.total, page.total)
            && before != now
        {
            return self.again("the total of its records changes from page to page");
        }
        self.pass.total = self.pass.total.or(page.total);
        for row in page.all {
            if !self.pass.ids.insert(row.id().to_owned()) {
                return self.again("the same record comes twice");
            }
            if keep(&row) {
                self.pass.kept.push(row);
            }
        }
        if self.scanned() > u64::from(self.max_scanned) {
            return Err(Refused::TooMany(self.max_scanned));
        }
        match (self.paging, page.next) {
            (Paging::Whole, _) | (Paging::Pages, Next::End) => self.ends(),
            (Paging::Pages, Next::Link(link)) => {
                if !self.pass.links.insert(link.clone()) {
                    return self.again("a link to the next page leads back to an earlier one");
                }
                self.pass.ask = Ask::Link(link);
                Ok(())
            }
            (Paging::Pages, Next::Untold) => {
                let whole = self.pass.total.is_some_and(|total| self.scanned() >= total);
                if empty || whole {
                    return self.ends();
                }
                let number = match self.pass.ask {
                    Ask::First | Ask::Link(_) => 2,
                    Ask::Page(number) => number.saturating_add(1),
                };
                self.pass.ask = Ask::Page(number);
                Ok(())
            }
        }
    }

    /// How many different rows this pass has seen.
    pub(super) fn scanned(&self) -> u64 {
        u64::try_from(self.pass.ids.len()).unwrap_or(u64::MAX)
    }

    /// What was kept, once the listing is complete.
    pub(super) fn into_kept(self) -> Option<Vec<R>> {
        self.complete.then_some(self.pass.kept)
    }

    fn ends(&mut self) -> Result<(), Refused> {
        match (self.pass.total, &self.former) {
            (Some(total), _) if total == self.scanned() => {}
            (Some(_), _) => return self.again("it has fewer or more records than its total says"),
            (None, Some(former)) if *former == self.pass.ids => {}
            (None, Some(_)) => {
                return self.again("two passes over it do not show the same records");
            }
            (None, None) => {
                let pass = std::mem::replace(&mut self.pass, Pass::new());
                self.former = Some(pass.ids);
                return Ok(());
            }
        }
        self.complete = true;
        Ok(())
    }

    fn again(&mut self, why: &'static str) -> Result<(), Refused> {
        if self.restarts >= MOST_RESTARTS {
            return Err(Refused::NeverTheSame(why));
        }
        self.restarts = self.restarts.saturating_add(1);
        self.former = None;
        self.pass = Pass::new();
        Ok(())
    }
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
