//! What can be known before the tenant exists: which subscriptions and assets the price list of
//! the tenant-to-be would not permit. People are told while the tenant is queued, or has to be created by one
//! of them, so that they can correct the price list meanwhile. The preflight is a courtesy: it runs while the upgrade waits for the tenant,
//! it holds nothing back, and its failures do not count as failures of the upgrade. The check sweep of
//! phase 3 examines everything again.

use super::findings::{Finding, Findings};
use crate::bss::port::{
    AccountId, Blocker, Cursor, Freshness, ItemKind, Page, PageRequest, PriceListId, Purchase,
    PurchaseState, SourceId,
};
use crate::upgrade::effect::{Answered, PreflightRequest};

/// So many batches of checks go out at a time: between them the tenant is looked at.
const MOST_BATCHES: usize = 16;
/// After so many failures in a row the look is given up: phase 3 makes it anyway.
const MANY_FAILURES: u32 = 6;
/// So many pages without a row are read: the listing is given up then.
const MOST_EMPTY_PAGES: u32 = 10_000;
/// So many looks at the tenant pass at most before a failed call is tried again.
const MOST_LOOKS: u32 = 16;

/// How much goes into one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) struct Sizes {
    /// Most items of a page.
    pub(in crate::upgrade) page: u16,
    /// Most items of a batch.
    pub(in crate::upgrade) batch: u16,
}

/// One look over the sources, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Preflight {
    reseller: AccountId,
    price_list: PriceListId,
    sizes: Sizes,
    cursor: Option<Cursor>,
    more: bool,
    last: Option<SourceId>,
    /// Pages without a row so far.
    empty_pages: u32,
    window: Vec<(ItemKind, SourceId)>,
    found: Findings,
    failures: Option<PreflightFailures>,
}

/// Failures of this look in a row. It waits in looks at the tenant, so that it never asks more often
/// than the work that it accompanies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PreflightFailures {
    attempts: u32,
    looks_left: u32,
    how: String,
}

/// Whether a call that failed is worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Worth {
    AnotherTry,
    Nothing,
}

/// How far the preflight is. A process of the operator takes it once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum PreflightState {
    /// Not taken yet.
    #[default]
    NotYet,
    /// Under way.
    Looking(Box<Preflight>),
    /// Given up: the BSS did not answer it.
    GivenUp {
        /// How its last call failed, as a sentence.
        how: String,
    },
    /// Taken, or of no use any more.
    Over,
}

impl PreflightState {
    /// The look under way.
    #[must_use]
    pub fn looking(&self) -> Option<&Preflight> {
        match self {
            Self::Looking(look) => Some(look),
            Self::NotYet | Self::GivenUp { .. } | Self::Over => None,
        }
    }

    /// What people are told when its calls fail.
    pub(in crate::upgrade) fn failure_message(&self) -> Option<String> {
        match self {
            Self::Looking(look) => look.failures.as_ref().map(|failures| {
                format!(
                    "The checks that are possible before the tenant exists could not be made yet: {}",
                    failures.how
                )
            }),
            Self::GivenUp { how } => Some(format!(
                "The checks that are possible before the tenant exists could not be made; phase 3 \
                 makes them. {how}"
            )),
            Self::NotYet | Self::Over => None,
        }
    }
}

impl Preflight {
    pub(in crate::upgrade) fn new(
        reseller: &AccountId,
        price_list: &PriceListId,
        sizes: Sizes,
    ) -> Self {
        Self {
            reseller: reseller.clone(),
            price_list: price_list.clone(),
            sizes,
            cursor: None,
            more: true,
            last: None,
            empty_pages: 0,
            window: Vec::new(),
            found: Findings::default(),
            failures: None,
        }
    }

    /// What it needs next; nothing when it is over.
    pub(in crate::upgrade) fn wanted(&self) -> Option<PreflightRequest> {
        if !self.window.is_empty() {
            let ids: Vec<SourceId> = self.window.iter().map(|(_, id)| id.clone()).collect();
            return Some(PreflightRequest::Checks {
                price_list: self.price_list.clone(),
                batches: ids
                    .chunks(usize::from(self.sizes.batch.max(1)))
                    .take(MOST_BATCHES)
                    .map(<[SourceId]>::to_vec)
                    .collect(),
            });
        }
        self.more.then(|| {
            PreflightRequest::Page(PageRequest {
                cursor: self.cursor.clone(),
                limit: self.sizes.page,
                freshness: Freshness::Remembered,
            })
        })
    }

    /// Whether it needs nothing any more.
    pub(in crate::upgrade) fn is_finished(&self) -> bool {
        self.window.is_empty() && !self.more
    }

    /// Whether it rests after failures.
    pub(in crate::upgrade) fn rests(&self) -> bool {
        let failures = self.failures.as_ref();
        failures.is_some_and(|failures| failures.looks_left > 0)
    }

    /// The tenant was looked at, and is not there yet.
    pub(in crate::upgrade) fn tenant_looked_at(&mut self) {
        if let Some(failures) = &mut self.failures {
            failures.looks_left = failures.looks_left.saturating_sub(1);
        }
    }

    pub(in crate::upgrade) fn took_page(&mut self, page: Page<Purchase>) {
        self.failures = None;
        // The sweeps complain about a listing whose cursor does not advance; the preflight ends here.
        let last = page.items.last().map(|purchase| purchase.id.clone());
        self.more = match (&page.next, &last) {
            (None, _) => false,
            // A BSS that needs long for its first rows says with an empty page that it is not done yet.
            (Some(next), None) => self.empty_page_before(next),
            (Some(_), Some(_)) => last > self.last,
        };
        self.last = last.or(self.last.take());
        self.cursor = page.next;
        self.window = page
            .items
            .into_iter()
            .filter(|purchase| self.copied_later(purchase))
            .map(|purchase| (purchase.kind, purchase.id))
            .collect();
    }

    /// Whether a listing that goes on behind an empty page is read on: as long as its cursors differ, and
    /// not for ever.
    fn empty_page_before(&mut self, next: &Cursor) -> bool {
        self.empty_pages = self.empty_pages.saturating_add(1);
        self.cursor.as_ref() != Some(next) && self.empty_pages <= MOST_EMPTY_PAGES
    }

    fn copied_later(&self, purchase: &Purchase) -> bool {
        purchase.state == PurchaseState::Active
            && purchase.customer.as_str() != self.reseller.as_str()
    }

    /// Takes one batch in; those of calls that failed stay in the window. What the reply left out is
    /// gone: nothing is to be told of it.
    pub(in crate::upgrade) fn took_checks(&mut self, mut batch: Answered<Vec<Blocker>>) {
        self.failures = None;
        let asked: std::collections::BTreeSet<&SourceId> = batch.asked.iter().collect();
        self.window.retain(|(kind, source)| {
            let answered = asked.contains(source);
            if answered {
                for Blocker { reason, detail } in batch.answers.remove(source).into_iter().flatten()
                {
                    let finding = Finding::new(reason, *kind, source.clone());
                    self.found.add(Finding { detail, ..finding });
                }
            }
            !answered
        });
    }

    /// One of its effects failed, with whatever number of calls. What failed after an answer is asked
    /// again at once; then it rests, longer each time.
    pub(in crate::upgrade) fn failed(&mut self, how: String) -> Worth {
        let before = self
            .failures
            .as_ref()
            .map_or(0, |failures| failures.attempts);
        let attempts = before.saturating_add(1);
        let looks_left = match attempts {
            0 | 1 => 0,
            more => (1_u32 << more.saturating_sub(2).min(16)).min(MOST_LOOKS),
        };
        self.failures = Some(PreflightFailures {
            attempts,
            looks_left,
            how,
        });
        if attempts > MANY_FAILURES {
            Worth::Nothing
        } else {
            Worth::AnotherTry
        }
    }

    pub(in crate::upgrade) fn found(self) -> Findings {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::port::{BlockerReason, Digest, Mark};

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

    fn page(items: Vec<Purchase>, next: Option<&str>) -> Page<Purchase> {
        Page {
            items,
            next: next.map(Cursor::from),
            revision: None,
        }
    }

    #[test]
    fn checks_what_is_active_and_ends() {
        let reseller = AccountId::from("r");
        let list = PriceListId::from("PL");
        let mut look = Preflight::new(&reseller, &list, Sizes { page: 2, batch: 1 });
        assert!(matches!(look.wanted(), Some(PreflightRequest::Page(_))));
        look.took_page(page(
            vec![
                purchase("a", "c", PurchaseState::Active),
                purchase("b", "r", PurchaseState::Active),
                purchase("c", "c", PurchaseState::Trial),
                purchase("d", "c", PurchaseState::Active),
            ],
            Some("d"),
        ));
        let one = |id: &str| vec![SourceId::from(id)];
        assert_eq!(
            look.wanted(),
            Some(PreflightRequest::Checks {
                price_list: list.clone(),
                batches: vec![one("a"), one("d")],
            })
        );
        let reason = BlockerReason::CurrencyMismatch;
        let blocked = vec![Blocker {
            reason,
            detail: None,
        }];
        look.took_checks(Answered {
            asked: one("d"),
            answers: [(SourceId::from("d"), blocked)].into(),
        });
        assert_eq!(
            look.wanted(),
            Some(PreflightRequest::Checks {
                price_list: list,
                batches: vec![one("a")],
            }),
            "what was answered is not asked again"
        );
        look.took_checks(Answered {
            asked: one("a"),
            answers: [].into(),
        });
        assert!(matches!(look.wanted(), Some(PreflightRequest::Page(_))));
        look.took_page(page(Vec::new(), Some("d")));
        assert_eq!(look.wanted(), None, "the cursor does not get on");
        assert_eq!(look.found().counts, [(reason.into(), 1)].into());
    }

    #[test]
    fn a_listing_that_is_not_done_yet_is_read_on_and_not_for_ever() {
        let new = || {
            let sizes = Sizes { page: 2, batch: 1 };
            Preflight::new(&AccountId::from("r"), &PriceListId::from("PL"), sizes)
        };
        let mut look = new();
        for cursor in ["w1", "w2", "w3"] {
            look.took_page(page(Vec::new(), Some(cursor)));
            let Some(PreflightRequest::Page(asked)) = look.wanted() else {
                panic!("it ended at {cursor}");
            };
            assert_eq!(asked.cursor, Some(Cursor::from(cursor)));
        }
        look.took_page(page(vec![purchase("a", "c", PurchaseState::Active)], None));
        assert!(matches!(
            look.wanted(),
            Some(PreflightRequest::Checks { .. })
        ));
        let mut look = new();
        let read = (0..u32::MAX).take_while(|number| {
            let more = look.wanted().is_some();
            if more {
                look.took_page(page(Vec::new(), Some(&format!("w{number}"))));
            }
            more
        });
        let most = usize::try_from(MOST_EMPTY_PAGES).unwrap();
        assert_eq!(read.count(), most.saturating_add(1));
    }

    #[test]
    fn a_circle_of_cursors_ends() {
        let mut look = Preflight::new(
            &AccountId::from("r"),
            &PriceListId::from("PL"),
            Sizes { page: 2, batch: 1 },
        );
        for (id, next) in [("a", "1"), ("b", "0")] {
            look.took_page(page(
                vec![purchase(id, "r", PurchaseState::Active)],
                Some(next),
            ));
            assert!(matches!(look.wanted(), Some(PreflightRequest::Page(_))));
        }
        let again = vec![purchase("a", "r", PurchaseState::Active)];
        look.took_page(page(again, Some("1")));
        assert_eq!(look.wanted(), None);
    }
}
