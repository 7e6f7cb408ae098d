//! A sweep as a pipeline, in front of a service that answers in whatever order: it comes to the same, asks
//! for each thing once, keeps to its bounds, and never stands still.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "small numbers that the tests made"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::bss::port::{
    AccountId, BillingDay, Blocker, BlockerReason, CopyId, CopyRecord, CopyState, Cursor, Digest,
    Invoicing, ItemKind, ItemOutcome, Link, Mark, Page, PageRequest, PriceListId, PricingOptions,
    PricingState, Purchase, PurchaseState, Revision, SourceId, Strength, TenantId,
};
use crate::upgrade::effect::Answered;
use crate::upgrade::keys::Keys;
use crate::upgrade::sweep::defaults::Defaults;
use crate::upgrade::sweep::reading::Order;

/// What the service holds, and the sizes of the pages and batches.
#[derive(Clone, Debug)]
struct Service {
    /// For each source its owner, whether it is copied, and whether a check fails.
    items: Vec<(u8, bool, bool)>,
    page: u16,
    batch: u16,
    at_once: usize,
    mode: SweepMode,
    method: CopyMethod,
    /// Whether an earlier sweep has learnt where the pages begin.
    expected: bool,
    /// Whether owners without options get default ones.
    defaults: bool,
    /// The owners whose options were set.
    set: RefCell<BTreeSet<SourceId>>,
    /// What was copied.
    made: RefCell<BTreeSet<SourceId>>,
}

fn service() -> impl Strategy<Value = Service> {
    let items = proptest::collection::vec((0_u8..6, any::<bool>(), any::<bool>()), 0..60);
    let sizes = (1_u16..12, 1_u16..9, 1_usize..9);
    let modes = prop_oneof![
        Just((SweepMode::Check, CopyMethod::Bss)),
        Just((SweepMode::Copy, CopyMethod::Bss)),
        Just((SweepMode::Copy, CopyMethod::BssAfterLookUp)),
        Just((SweepMode::Copy, CopyMethod::Asked)),
        Just((SweepMode::Pricing, CopyMethod::Bss)),
        Just((SweepMode::Final, CopyMethod::Bss)),
    ];
    let all = (items, sizes, modes, any::<bool>(), any::<bool>());
    all.prop_map(
        |(items, (page, batch, at_once), (mode, method), expected, defaults)| Service {
            items,
            page,
            batch,
            at_once,
            mode,
            method,
            expected,
            defaults: defaults && mode == SweepMode::Check,
            set: RefCell::default(),
            made: RefCell::default(),
        },
    )
}

fn source(n: usize) -> SourceId {
    SourceId(format!("s{n:03}"))
}

fn owner(n: u8) -> SourceId {
    SourceId(format!("c{n}"))
}

impl Service {
    /// It copies, and refuses a second copy.
    fn plain() -> Self {
        Self {
            items: Vec::new(),
            page: 10,
            batch: 3,
            at_once: 4,
            mode: SweepMode::Copy,
            method: CopyMethod::Bss,
            expected: false,
            defaults: false,
            set: RefCell::default(),
            made: RefCell::default(),
        }
    }

    fn sweep(&self) -> Sweep {
        let options = PricingOptions {
            price_list: PriceListId::from("p"),
            billing: BillingDay::Day(1),
            payment_method: "Invoice".to_owned(),
            invoicing: Invoicing::Combined,
            credit_limit: None,
        };
        let defaults = Defaults {
            options,
            but_for: BTreeSet::new(),
        };
        let sweep = self.first_sweep();
        let sweep = sweep.setting(self.defaults.then_some(defaults));
        if !self.expected {
            return sweep;
        }
        sweep.expecting(Some(&self.one_by_one()))
    }

    /// Where the pages begin in a look that reads them one by one.
    fn one_by_one(&self) -> (Trail, Trail) {
        let looks = Self {
            mode: SweepMode::Final,
            at_once: 1,
            ..self.clone()
        };
        let mut look = looks.first_sweep();
        loop {
            let calls = look.wanted().unwrap_or_default();
            if calls.is_empty() {
                return look.trails();
            }
            look.begins(&calls);
            for call in calls {
                looks.answers(&mut look, call);
            }
        }
    }

    fn first_sweep(&self) -> Sweep {
        let scope = Scope {
            reseller: AccountId::from("r"),
            tenant: TenantId::from("t"),
            keys: Keys::new("bss", &AccountId::from("r")),
            confirmed: BTreeMap::new(),
            unseen: BTreeSet::new(),
            items: Strength::Strong,
            page_size: self.page,
            batch: self.batch,
            at_once: self.at_once,
        };
        let sweep = Sweep::purchases(self.mode, scope, &Tally::default()).by(self.method);
        sweep.learning()
    }

    fn purchases(&self) -> Vec<Purchase> {
        let items = self.items.iter().enumerate();
        items
            .map(|(n, (of, copied, _))| Purchase {
                id: source(n),
                kind: ItemKind::Subscription,
                customer: owner(*of),
                state: PurchaseState::Active,
                mark: Mark::Unmarked,
                link: copied.then(|| (TenantId::from("t"), CopyId(format!("k{n:03}")))),
                digest: Digest::from("d"),
            })
            .collect()
    }

    fn copies(&self) -> Vec<CopyRecord> {
        let made = self.made.borrow();
        let copied = |(n, item): &(usize, &(u8, bool, bool))| item.1 || made.contains(&source(*n));
        let items = self.items.iter().enumerate().filter(copied);
        items
            .map(|(n, _)| CopyRecord {
                id: CopyId(format!("k{n:03}")),
                kind: Some(ItemKind::Subscription),
                business_key: None,
                source: source(n),
                link: Link::Stored,
                source_digest: Some(Digest::from("d")),
                digest: Digest::from("d"),
                state: CopyState::Live,
            })
            .collect()
    }

    /// The page after the row that its cursor names: what comes into the listing moves no page before it.
    fn page<T: Clone>(rows: &[T], request: &PageRequest, id: impl Fn(&T) -> &SourceId) -> Page<T> {
        let after = |row: &&T| match &request.cursor {
            Some(cursor) => id(row).as_str() > cursor.as_str(),
            None => true,
        };
        let mut left: Vec<T> = rows.iter().filter(after).cloned().collect();
        let more = left.len() > usize::from(request.limit);
        left.truncate(usize::from(request.limit));
        let last = left.last().map(|row| Cursor::from(id(row).as_str()));
        Page {
            next: last.filter(|_| more),
            items: left,
            revision: Some(Revision(7)),
        }
    }

    fn nth(&self, id: &SourceId) -> &(u8, bool, bool) {
        &self.items[id.as_str()[1..].parse::<usize>().unwrap()]
    }

    /// Answers one call.
    fn answers(&self, sweep: &mut Sweep, call: SweepCall) {
        match call {
            SweepCall::Sources(_, asked) => {
                let page = Self::page(&self.purchases(), &asked, |row| &row.id);
                sweep.took_page(asked.cursor, Listed::Purchases(page));
            }
            SweepCall::Copies(listing, asked) => {
                let page = Self::page(&self.copies(), &asked, |row| &row.source);
                sweep.took_page(asked.cursor, Listed::Copies(listing, page));
            }
            SweepCall::Pricing(asked) => {
                let state = |id: &SourceId| {
                    // One owner lacks options, and the reply leaves another one out.
                    let state = match id.as_str() {
                        "c0" if !self.set.borrow().contains(id) => PricingState::Missing {
                            name: None,
                            options: Vec::new(),
                        },
                        "c1" => return None,
                        _ => PricingState::Set(Digest::from("o")),
                    };
                    Some((id.clone(), state))
                };
                let answers = asked.iter().filter_map(state).collect();
                sweep.took_pricing(Answered { asked, answers });
            }
            SweepCall::SetPricing(batch) => {
                self.set.borrow_mut().extend(batch.keys().cloned());
                sweep.took_set(batch.keys());
            }
            SweepCall::Check(_, asked) => {
                if self.defaults {
                    let set = self.set.borrow();
                    let lacks = |id: &&SourceId| self.nth(id).0 == 0 && !set.contains(&owner(0));
                    assert_eq!(asked.iter().find(lacks), None, "checked without options");
                }
                let blockers = |id: &SourceId| {
                    let failed = self.nth(id).2.then_some(Blocker {
                        reason: BlockerReason::ProductMissing,
                        detail: None,
                    });
                    (id.clone(), failed.into_iter().collect())
                };
                let answers = asked.iter().map(blockers).collect();
                sweep.took_checks(Answered { asked, answers });
            }
            SweepCall::Find(asked) => {
                let found = asked
                    .iter()
                    .cloned()
                    .map(|key| (key, crate::bss::port::Found::None));
                let found = found.collect();
                sweep.took_found(asked, found);
            }
            SweepCall::Copy(_, items) => {
                let sources = items.iter().map(|item| item.source.clone());
                self.made.borrow_mut().extend(sources);
                let copied = items
                    .into_iter()
                    .map(|item| (item.source, ItemOutcome::Created));
                sweep.took_copies(copied.collect());
            }
        }
    }

    /// Runs a sweep to its end. `next` says which of the calls under way is answered, and `fails` whether
    /// it fails: then nothing joins those under way until all of them came back.
    fn run(&self, mut next: impl FnMut(usize) -> usize, mut fails: impl FnMut() -> bool) -> Ended {
        let mut sweep = self.sweep();
        let mut ended = Ended::default();
        let mut under_way: Vec<SweepCall> = Vec::new();
        let mut drains = false;
        for _ in 0..4_000 {
            if under_way.is_empty() {
                sweep.nothing_under_way();
                drains = false;
            }
            if !drains {
                let Some(calls) = sweep.wanted() else {
                    let following = sweep.following.as_ref();
                    ended.learnt = following.map(|f| f.trail().clone()).unwrap_or_default();
                    ended.tally = sweep.into_tally();
                    return ended;
                };
                assert!(
                    !(calls.is_empty() && under_way.is_empty()),
                    "it stands still: {sweep:?}"
                );
                sweep.begins(&calls);
                under_way.extend(calls);
                assert!(under_way.len() <= self.at_once.max(1), "too many calls");
                let ahead = sweep.scope.pages_ahead() + 1;
                let most = sweep.scope.room() + ahead * usize::from(self.page);
                assert!(
                    sweep.candidates.len() + sweep.copies.len() <= most,
                    "too much at hand"
                );
            }
            let call = under_way.remove(next(under_way.len()));
            if fails() {
                drains = true;
                continue;
            }
            ended.asked(&call);
            self.answers(&mut sweep, call);
            assert_eq!(sweep.order, Order::Kept);
        }
        panic!("it never ends: {sweep:?}");
    }
}

/// What a run came to.
#[derive(Debug, Default)]
struct Ended {
    tally: Tally,
    /// Where the pages of copies begin, as it has learnt.
    learnt: Trail,
    /// How often each source was checked and sent, and each owner asked for.
    checked: BTreeMap<SourceId, usize>,
    sent: BTreeMap<SourceId, usize>,
    priced: BTreeMap<SourceId, usize>,
}

impl Ended {
    fn asked(&mut self, call: &SweepCall) {
        match call {
            SweepCall::Pricing(ids) => count(&mut self.priced, ids.iter()),
            SweepCall::Check(_, ids) => count(&mut self.checked, ids.iter()),
            SweepCall::Copy(_, items) => {
                count(&mut self.sent, items.iter().map(|item| &item.source));
            }
            SweepCall::Sources(..)
            | SweepCall::Copies(..)
            | SweepCall::SetPricing(_)
            | SweepCall::Find(_) => {}
        }
    }
}

fn count<'a>(all: &mut BTreeMap<SourceId, usize>, ids: impl Iterator<Item = &'a SourceId>) {
    for id in ids {
        *all.entry(id.clone()).or_default() += 1;
    }
}

/// The sweeps after the copying read what it has learnt side by side.
#[test]
fn most_pages_of_copies_are_learnt_while_they_are_made() {
    let service = Service {
        items: vec![(2, false, false); 400],
        page: 20,
        batch: 5,
        at_once: 4,
        expected: true,
        ..Service::plain()
    };
    let ended = service.run(|_| 0, || false);
    assert_eq!(ended.tally.created, 400);
    let learnt = ended.learnt.cursors().count();
    assert!((16..=19).contains(&learnt), "{learnt} of 19 pages");
}

proptest! {
    /// What is learnt behind the copying is where the pages begin afterwards, whatever was answered when.
    #[test]
    fn what_is_learnt_behind_the_copying_is_so(
        service in service(),
        order in proptest::collection::vec(any::<u16>(), 400),
        failing in proptest::collection::vec(0_u8..10, 400),
    ) {
        let service = Service { mode: SweepMode::Copy, defaults: false, ..service };
        let mut order = order.iter().cycle();
        let mut failing = failing.iter().cycle();
        let mut calls = 0;
        let ended = service.run(
            |under_way| order.next().map_or(0, |n| usize::from(*n) % under_way),
            || {
                calls += 1;
                calls < 400 && failing.next() == Some(&0)
            },
        );
        let (_, copies) = service.one_by_one();
        let begins: Vec<&Cursor> = copies.cursors().collect();
        let learnt: Vec<&Cursor> = ended.learnt.cursors().collect();
        prop_assert!(begins.starts_with(&learnt), "{begins:?} {learnt:?}");
    }

    /// The order of the answers, and calls that fail, change nothing of what a sweep comes to.
    #[test]
    fn every_order_of_answers_comes_to_the_same(
        service in service(),
        order in proptest::collection::vec(any::<u16>(), 400),
        failing in proptest::collection::vec(0_u8..10, 400),
    ) {
        let one_by_one = Service { at_once: 1, ..service.clone() }.run(|_| 0, || false);
        let mut order = order.iter().cycle();
        let mut failing = failing.iter().cycle();
        // A call that fails each time would never end: after 400 calls none fails.
        let mut calls = 0;
        let ended = service.run(
            |under_way| usize::from(*order.next().unwrap()) % under_way,
            || { calls += 1; calls < 400 && *failing.next().unwrap() == 0 },
        );
        prop_assert_eq!(&ended.tally, &one_by_one.tally);
        prop_assert!(ended.checked.values().all(|times| *times == 1), "{:?}", ended.checked);
        prop_assert!(ended.sent.values().all(|times| *times == 1), "{:?}", ended.sent);
        // An owner that the reply left out is asked for again with its next item.
        let once = |(id, times): (&SourceId, &usize)| match id.as_str() {
            "c0" if service.defaults => *times == 2,
            "c1" => true,
            _ => *times == 1,
        };
        prop_assert!(ended.priced.iter().all(once), "{:?}", ended.priced);
        if service.defaults {
            prop_assert_eq!(ended.tally.unpriced, BTreeMap::new());
        }
    }

    /// Batches are full, but for the last ones.
    #[test]
    fn batches_are_full(service in service(), order in proptest::collection::vec(any::<u16>(), 400)) {
        prop_assume!(service.method == CopyMethod::Bss);
        let mut order = order.iter().cycle();
        let mut sent = Vec::new();
        let (mut sweep, mut under_way) = (service.sweep(), Vec::new());
        while let Some(calls) = sweep.wanted() {
            sweep.begins(&calls);
            under_way.extend(calls);
            let call = under_way.remove(usize::from(*order.next().unwrap()) % under_way.len());
            if let SweepCall::Copy(_, items) = &call {
                sent.push(items.len());
            }
            service.answers(&mut sweep, call);
        }
        let partial = sent.iter().filter(|size| **size < usize::from(service.batch)).count();
        prop_assert!(partial <= 1, "{sent:?}");
    }
}

/// Where the BSS would make a second copy, copies go out when nothing else is under way.
#[test]
fn a_careful_sweep_goes_step_by_step() {
    let service = Service {
        items: (0..40).map(|n| (2 + n % 3, false, false)).collect(),
        page: 10,
        batch: 3,
        at_once: 4,
        method: CopyMethod::BssAfterLookUp,
        ..Service::plain()
    };
    let mut sweep = service.sweep();
    let mut under_way: Vec<SweepCall> = Vec::new();
    let mut most = 0;
    while let Some(calls) = sweep.wanted() {
        sweep.begins(&calls);
        under_way.extend(calls);
        let kinds: BTreeSet<bool> = under_way.iter().map(SweepCall::writes).collect();
        assert_eq!(
            kinds.len(),
            1,
            "copies beside something else: {under_way:?}"
        );
        most = most.max(under_way.len());
        let call = under_way.remove(0);
        service.answers(&mut sweep, call);
    }
    assert_eq!(most, 4, "calls of one step run side by side");
    assert_eq!(sweep.tally.created, 40);
}

/// A service that may be a person's is asked with one item at a time.
#[test]
fn a_sweep_that_asks_sends_one_item_at_a_time() {
    let service = Service {
        items: vec![(2, false, false); 6],
        page: 10,
        batch: 3,
        at_once: 4,
        method: CopyMethod::Asked,
        ..Service::plain()
    };
    let ended = service.run(|_| 0, || false);
    assert_eq!(ended.sent.len(), 6);
    service.made.borrow_mut().clear();
    let mut sweep = service.sweep();
    loop {
        let calls = sweep.wanted().unwrap();
        sweep.begins(&calls);
        if let Some(SweepCall::Copy(_, items)) = calls.first() {
            assert_eq!((calls.len(), items.len()), (1, 1));
            assert_eq!(sweep.wanted(), Some(Vec::new()), "and waits for the answer");
            return;
        }
        for call in calls {
            service.answers(&mut sweep, call);
        }
    }
}

/// Reading goes on while copies are under way.
#[test]
fn pages_are_read_beside_copies() {
    let service = Service {
        items: (0..60).map(|n| (2 + n % 3, false, false)).collect(),
        page: 5,
        batch: 2,
        at_once: 6,
        ..Service::plain()
    };
    let mut sweep = service.sweep();
    let mut under_way: Vec<SweepCall> = Vec::new();
    let mut beside = 0;
    while let Some(calls) = sweep.wanted() {
        sweep.begins(&calls);
        under_way.extend(calls);
        let page = |call: &SweepCall| matches!(call, SweepCall::Sources(..));
        let both = under_way.iter().any(page) && under_way.iter().any(SweepCall::writes);
        beside += usize::from(both);
        let call = under_way.remove(0);
        service.answers(&mut sweep, call);
    }
    assert!(beside > 5, "{beside}");
}

/// Copies go out under the options that the check has seen, and its owners are not asked again; where the
/// BSS does not compare them with each copy, they are.
#[test]
fn a_copy_is_made_under_the_options_that_were_checked() {
    let service = Service {
        items: (0..20).map(|n| (2 + n % 3, false, false)).collect(),
        page: 10,
        batch: 5,
        at_once: 4,
        ..Service::plain()
    };
    let run = |items: Strength| {
        service.made.borrow_mut().clear();
        let mut sweep = service.first_sweep();
        sweep.scope.items = items;
        let seen = (2..5).map(|n| (owner(n), PricingState::Set(Digest::from("seen"))));
        let mut sweep = sweep.under(seen.collect());
        let (mut asked, mut under) = (0, BTreeSet::new());
        while let Some(calls) = sweep.wanted() {
            sweep.begins(&calls);
            for call in calls {
                asked += usize::from(matches!(call, SweepCall::Pricing(_)));
                if let SweepCall::Copy(_, items) = &call {
                    under.extend(items.iter().filter_map(|item| item.pricing.clone()));
                }
                service.answers(&mut sweep, call);
            }
        }
        assert_eq!(sweep.tally.created, 20);
        (asked > 0, under)
    };
    assert_eq!(
        run(Strength::Strong),
        (false, [Digest::from("seen")].into())
    );
    assert_eq!(run(Strength::Weak), (true, [Digest::from("o")].into()));
}
