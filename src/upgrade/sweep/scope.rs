//! What a sweep is about, what it may do, and who copies.

use std::collections::{BTreeMap, BTreeSet};

use crate::bss::port::{AccountId, CopyId, Freshness, SourceId, Strength, TenantId, Unseen};
use crate::upgrade::keys::Keys;

/// So many batches of items are held at hand. Where owners lack options, an item waits for three calls one after the
/// other, and pages come meanwhile.
const BATCHES_AT_HAND: usize = 64;
/// So many items are held at hand for batches, however large these are: about 3 MB.
const MOST_AT_HAND: usize = 6_400;
/// So many rows of one side are read ahead, however large its pages are: about 1 MB.
const MOST_ROWS_AHEAD: usize = 2_500;

/// What a sweep may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SweepMode {
    /// Copy what is missing.
    Copy,
    /// Look whether the customers that own something to copy have their pricing options.
    Pricing,
    /// Look, with every pre-check.
    Check,
    /// Look, and see that nothing moves: the last one before the switch. Also finds the owners of
    /// what is to be copied.
    Final,
    /// The same where the act that switches also copies: look, with every pre-check of what is missing and
    /// the pricing options of every owner.
    Last,
    /// Look whether both sides agree, after the switch.
    Verify,
}

impl SweepMode {
    /// Whether its pages may come from what an adapter remembers: not where the switch rests on them, or
    /// what is said of it afterwards.
    pub(super) fn freshness(self) -> Freshness {
        match self {
            Self::Copy | Self::Pricing | Self::Check => Freshness::Remembered,
            Self::Final | Self::Last | Self::Verify => Freshness::Fresh,
        }
    }
}

/// Who copies, and what happens before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyMethod {
    /// The BSS, which refuses a second copy.
    Bss,
    /// The BSS, which would make a second copy: each item is looked up first.
    BssAfterLookUp,
    /// Perhaps a person: the BSS is asked with one item after another, until it answers how a person
    /// does it.
    Asked,
    /// A person: what is missing is listed.
    Person,
}

/// What a sweep is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The reseller.
    pub reseller: AccountId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its keys.
    pub keys: Keys,
    /// Copies that a person confirmed, by source.
    pub confirmed: BTreeMap<SourceId, CopyId>,
    /// The facts that the BSS does not show.
    pub unseen: BTreeSet<Unseen>,
    /// Whether a write of an item compares its copy: without it no copy that exists is written.
    pub items: Strength,
    /// Most items of a page.
    pub page_size: u16,
    /// Most items of a batch.
    pub batch: u16,
    /// Most calls that are under way at a time.
    pub at_once: usize,
}

/// What becomes of the items that fill no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// They go as they are: no others will come.
    Goes,
    /// They wait for others.
    Waits,
}

impl Rest {
    pub(super) fn goes_if(no_others_come: bool) -> Self {
        if no_others_come {
            Self::Goes
        } else {
            Self::Waits
        }
    }
}

impl Scope {
    /// Cuts what is asked for or sent into batches. It is cut when the batch is taken, so that no more is
    /// copied than goes out.
    pub(super) fn batches<T>(
        &self,
        all: impl IntoIterator<Item = T>,
        rest: Rest,
    ) -> impl Iterator<Item = Vec<T>> {
        let most = usize::from(self.batch.max(1));
        let mut all = all.into_iter();
        std::iter::from_fn(move || {
            let batch: Vec<T> = all.by_ref().take(most).collect();
            let goes = batch.len() == most || (rest == Rest::Goes && !batch.is_empty());
            goes.then_some(batch)
        })
    }

    /// So many pages of one side are read side by side, where it is known where they begin: both sides
    /// together take the calls that may be under way.
    pub(super) fn pages_ahead(&self) -> usize {
        let rows = usize::from(self.page_size.max(1));
        let most = MOST_ROWS_AHEAD.checked_div(rows).unwrap_or(1);
        self.at_once.div_ceil(2).min(most).max(1)
    }

    /// So many items may wait for an answer or a copy before another page is read: two pages, or enough
    /// for the calls under way and as many again.
    pub(super) fn room(&self) -> usize {
        let pages = usize::from(self.page_size.max(1)).saturating_mul(2);
        let calls = usize::from(self.batch.max(1)).saturating_mul(BATCHES_AT_HAND);
        pages.max(calls.min(MOST_AT_HAND))
    }
}
