//! What can be known before the tenant exists: which subscriptions and assets the price list of
//! the tenant-to-be would not permit. It is told while the tenant is queued, so that people can mend
//! it meanwhile; it stops nothing. The check sweep of phase 3 examines everything again.

use super::effect::{InspectCalls, Pages, PagesRequest};
use super::tally::{Finding, Findings};
use crate::bss::port::{
    AccountId, Blocker, ByItem, CheckTarget, CopyListing, Cursor, ItemKind, PageRequest,
    PriceListId, Purchase, PurchaseState, SourceId,
};

/// One look over the sources, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Foresight {
    reseller: AccountId,
    price_list: PriceListId,
    page_size: u16,
    batch: u16,
    cursor: Option<Cursor>,
    more: bool,
    last: Option<SourceId>,
    window: Vec<(ItemKind, SourceId)>,
    found: Findings,
}

/// Where that look is, in one life of the operator: it is taken once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Foreseeing {
    /// Not taken yet.
    #[default]
    NotYet,
    /// Under way.
    Looking(Box<Foresight>),
    /// Taken, or of no use any more.
    Over,
}

impl Foreseeing {
    /// The look under way.
    #[must_use]
    pub fn looking(&self) -> Option<&Foresight> {
        match self {
            Self::Looking(look) => Some(look),
            Self::NotYet | Self::Over => None,
        }
    }
}

/// What it needs next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    Page(PagesRequest),
    Checks(InspectCalls),
    Nothing,
}

impl Foresight {
    pub(super) fn new(
        reseller: &AccountId,
        price_list: &PriceListId,
        (page_size, batch): (u16, u16),
    ) -> Self {
        Self {
            reseller: reseller.clone(),
            price_list: price_list.clone(),
            page_size,
            batch,
            cursor: None,
            more: true,
            last: None,
            window: Vec::new(),
            found: Findings::default(),
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        if !self.window.is_empty() {
            let ids: Vec<SourceId> = self.window.iter().map(|(_, id)| id.clone()).collect();
            return Wanted::Checks(InspectCalls {
                target: CheckTarget::PriceList(self.price_list.clone()),
                pricing: Vec::new(),
                checks: ids
                    .chunks(usize::from(self.batch.max(1)))
                    .map(<[SourceId]>::to_vec)
                    .collect(),
            });
        }
        if self.more {
            return Wanted::Page(PagesRequest {
                listing: CopyListing::Subscriptions,
                source: Some(PageRequest {
                    cursor: self.cursor.clone(),
                    limit: self.page_size,
                }),
                copies: None,
            });
        }
        Wanted::Nothing
    }

    pub(super) fn took_pages(&mut self, pages: Pages) {
        let Pages::Purchases {
            source: Some(page), ..
        } = pages
        else {
            return;
        };
        // A listing that does not get on is the sweeps' to complain about; here its circle ends.
        let last = page.items.last().map(|purchase| purchase.id.clone());
        self.more = page.next.is_some() && last > self.last;
        self.last = last;
        self.cursor = page.next;
        self.window = page
            .items
            .into_iter()
            .filter(|purchase| self.copied_later(purchase))
            .map(|purchase| (purchase.kind, purchase.id))
            .collect();
    }

    fn copied_later(&self, purchase: &Purchase) -> bool {
        purchase.state == PurchaseState::Active
            && purchase.customer.as_str() != self.reseller.as_str()
    }

    pub(super) fn took_checks(&mut self, checks: &ByItem<Vec<Blocker>>) {
        for (kind, source) in std::mem::take(&mut self.window) {
            for blocker in checks.get(&source).into_iter().flatten() {
                self.found.add(Finding {
                    reason: blocker.reason.as_str(),
                    kind,
                    source: source.clone(),
                    detail: blocker.detail.clone(),
                });
            }
        }
    }

    pub(super) fn found(self) -> Findings {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::port::{BlockerReason, Digest, Mark, Page};

    fn purchase(id: &str, customer: &str, state: PurchaseState) -> Purchase {
        Purchase {
            id: SourceId::from(id),
            kind: ItemKind::Subscription,
            customer: SourceId::from(customer),
            state,
            mark: Mark::Unmarked,
            link: None,
            digest: Digest::from("d"),
        }
    }

    fn page(items: Vec<Purchase>, next: Option<&str>) -> Pages {
        Pages::Purchases {
            source: Some(Page {
                items,
                next: next.map(Cursor::from),
                revision: None,
            }),
            copies: None,
        }
    }

    #[test]
    fn checks_what_is_active_and_ends() {
        let reseller = AccountId::from("r");
        let list = PriceListId::from("PL");
        let mut look = Foresight::new(&reseller, &list, (2, 1));
        assert!(matches!(look.wanted(), Wanted::Page(_)));
        look.took_pages(page(
            vec![
                purchase("a", "c", PurchaseState::Active),
                purchase("b", "r", PurchaseState::Active),
                purchase("c", "c", PurchaseState::Trial),
                purchase("d", "c", PurchaseState::Active),
            ],
            Some("d"),
        ));
        let Wanted::Checks(calls) = look.wanted() else {
            panic!("checks are due");
        };
        assert_eq!(calls.target, CheckTarget::PriceList(list));
        assert_eq!(
            calls.checks,
            [vec![SourceId::from("a")], vec![SourceId::from("d")]]
        );
        let reason = BlockerReason::CurrencyMismatch;
        let blocked = vec![Blocker {
            reason,
            detail: None,
        }];
        look.took_checks(&[(SourceId::from("d"), blocked)].into());
        assert!(matches!(look.wanted(), Wanted::Page(_)));
        look.took_pages(page(Vec::new(), Some("d")));
        assert_eq!(look.wanted(), Wanted::Nothing, "the cursor does not get on");
        assert_eq!(look.found().counts, [("CurrencyMismatch", 1)].into());
    }

    #[test]
    fn a_circle_of_cursors_ends() {
        let mut look = Foresight::new(&AccountId::from("r"), &PriceListId::from("PL"), (2, 1));
        for (id, next) in [("a", "1"), ("b", "0")] {
            look.took_pages(page(
                vec![purchase(id, "r", PurchaseState::Active)],
                Some(next),
            ));
            assert!(matches!(look.wanted(), Wanted::Page(_)));
        }
        let again = vec![purchase("a", "r", PurchaseState::Active)];
        look.took_pages(page(again, Some("1")));
        assert_eq!(look.wanted(), Wanted::Nothing);
    }
}
