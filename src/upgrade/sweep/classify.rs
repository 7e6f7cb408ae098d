//! What a source and its copies mean for the upgrade: pure rules of the business, item by item.

use super::findings::Subject;
use super::merge::{Keyed, Pair};
use crate::bss::port::{
    AccountId, CopyRecord, CopyState, Customer, Digest, ItemKind, Link, Mark, Purchase,
    PurchaseState, SourceId,
};

impl Keyed for Customer {
    fn source_id(&self) -> &SourceId {
        &self.id
    }

    fn into_source_id(self) -> SourceId {
        self.id
    }
}

impl Keyed for Purchase {
    fn source_id(&self) -> &SourceId {
        &self.id
    }

    fn into_source_id(self) -> SourceId {
        self.id
    }
}

/// Why an item is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exclusion {
    /// Another account is invoiced for it.
    NotBilledToReseller,
    /// The reseller's own purchase.
    ResellersOwn,
    /// Suspended: may be resumed.
    Suspended,
    /// Starts in the future.
    FutureDated,
    /// A trial: may turn paid.
    Trial,
    /// Cancelled.
    Cancelled,
    /// Expired.
    Expired,
}

impl Exclusion {
    /// The word of status and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotBilledToReseller => "NotBilledToReseller",
            Self::ResellersOwn => "ResellersOwn",
            Self::Suspended => "Suspended",
            Self::FutureDated => "FutureDated",
            Self::Trial => "Trial",
            Self::Cancelled => "Cancelled",
            Self::Expired => "Expired",
        }
    }

    /// What people should know about it.
    pub(in crate::upgrade) fn remedy(self) -> &'static str {
        match self {
            Self::NotBilledToReseller => "Its Bill To is another account; it stays where it is.",
            Self::ResellersOwn => "The reseller's own purchase; it stays where it is.",
            Self::Suspended => {
                "Not copied. If it is resumed after activation it is billed upward without a \
                 copy: resume or cancel it before."
            }
            Self::FutureDated => {
                "Not copied. If it starts after activation it is billed upward without a copy."
            }
            Self::Trial => {
                "Not copied. If it turns paid after activation it is billed upward without a copy."
            }
            Self::Cancelled => "Cancelled; never copied.",
            Self::Expired => "Expired; never copied.",
        }
    }
}

/// What one item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Class {
    /// Left out.
    Excluded(Exclusion),
    /// Has its copy, equal in the source-owned fields.
    Linked,
    /// Eligible and without a copy that is complete and up to its source; the copy that is there.
    Missing {
        /// A copy that is incomplete, unmarked, or behind its source; `None` is *absent*.
        copy: Option<Present>,
        /// Whether the mark and the copy disagree.
        half_marked: HalfMarked,
    },
    /// Two copies that are not ended.
    Duplicate,
    /// The copy differs from its source, and the operator must not overwrite either: people say which of
    /// the two counts.
    Changed(Change),
    /// A copy that is not ended, without an active source.
    Orphaned,
    /// It cannot be told whether it has its copy. It counts neither as copied nor as missing.
    CopyUnclear {
        /// The candidates, or the word that is not known.
        why: String,
        /// Whether the source is to be copied.
        source: Eligible,
    },
    /// The source is in a state that the adapter does not know.
    StateUnclear(String),
    /// The two listings disagree, because something moved between their pages: look again.
    Unsettled,
    /// Nothing: an ended copy of something that is gone.
    Nothing,
}

impl Class {
    /// Whether an active source of the reseller's is behind it, which is or will be copied.
    pub(in crate::upgrade) fn is_eligible(&self) -> bool {
        match self {
            Self::Linked
            | Self::Missing { .. }
            | Self::Duplicate
            | Self::Changed(_)
            | Self::Unsettled => true,
            Self::CopyUnclear { source, .. } => *source == Eligible::Yes,
            Self::Excluded(_) | Self::Orphaned | Self::StateUnclear(_) | Self::Nothing => false,
        }
    }
}

/// A copy that is there and has to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::upgrade) struct Present {
    /// Its digest.
    pub(in crate::upgrade) digest: Digest,
    /// How it is known that it belongs to its source.
    pub(in crate::upgrade) link: Link,
}

impl Present {
    fn of(copy: &CopyRecord) -> Self {
        Self {
            digest: copy.digest.clone(),
            link: copy.link,
        }
    }
}

/// Whether a source is one that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Eligible {
    /// It is active and the reseller's to sell.
    Yes,
    /// It is not, or it is gone.
    No,
}

/// What changed after a copy was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upgrade) enum Change {
    /// The copy alone.
    Copy,
    /// The copy and its source.
    Both,
    /// The operator cannot tell: the copy does not say what its source was when it was made.
    NotRecorded,
}

impl Change {
    /// In words.
    pub(in crate::upgrade) fn told(self) -> &'static str {
        match self {
            Self::Copy => "the source is as it was copied; the copy was changed",
            Self::Both => "copy and source both changed since the copy was made",
            Self::NotRecorded => {
                "copy and source differ, and the copy does not say what it was copied from"
            }
        }
    }
}

/// Whether an account's mark and its copy disagree (I-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::upgrade) enum HalfMarked {
    /// They disagree.
    Yes,
    /// They agree.
    No,
}

/// Classifies a customer of the reseller.
pub(in crate::upgrade) fn customer(pair: &Pair<Customer>, reseller: &AccountId) -> Class {
    let live = not_ended(&pair.copies);
    let unclear = |source| unclear_copy(&pair.copies, source);
    let Some(source) = &pair.source else {
        if let Some(unclear) = unclear(Eligible::No) {
            return unclear;
        }
        // A customer that was moved or deleted: its subscriptions' copies are what counts (I-13).
        return if live.is_empty() {
            Class::Nothing
        } else {
            Class::Orphaned
        };
    };
    if source.id.as_str() == reseller.as_str() {
        return Class::Excluded(Exclusion::ResellersOwn);
    }
    if source.bill_to != *reseller {
        return Class::Excluded(Exclusion::NotBilledToReseller);
    }
    if let Some(unclear) = unclear(Eligible::Yes) {
        return unclear;
    }
    match live.as_slice() {
        [] if pair.copies.is_empty() => match (&source.link, source.mark) {
            (Some(_), _) => Class::Unsettled,
            (None, Mark::Marked) => Class::Missing {
                copy: None,
                half_marked: HalfMarked::Yes,
            },
            (None, Mark::Unmarked | Mark::Unseen) => Class::Missing {
                copy: None,
                half_marked: HalfMarked::No,
            },
        },
        [] => Class::Linked,
        [copy] if source.mark == Mark::Unmarked => Class::Missing {
            copy: Some(Present::of(copy)),
            half_marked: HalfMarked::Yes,
        },
        [copy] => one_copy(copy, &source.digest),
        [_, _, ..] => Class::Duplicate,
    }
}

/// Classifies a subscription or an asset.
pub(in crate::upgrade) fn purchase(pair: &Pair<Purchase>, reseller: &AccountId) -> Class {
    let live = not_ended(&pair.copies);
    let unclear = |source| unclear_copy(&pair.copies, source);
    let Some(source) = &pair.source else {
        return match unclear(Eligible::No) {
            Some(unclear) => unclear,
            None if live.is_empty() => Class::Nothing,
            None => Class::Orphaned,
        };
    };
    let excluded = match &source.state {
        _ if source.customer.as_str() == reseller.as_str() => Some(Exclusion::ResellersOwn),
        PurchaseState::Active => None,
        PurchaseState::Suspended => Some(Exclusion::Suspended),
        PurchaseState::FutureDated => Some(Exclusion::FutureDated),
        PurchaseState::Trial => Some(Exclusion::Trial),
        PurchaseState::Cancelled => Some(Exclusion::Cancelled),
        PurchaseState::Expired => Some(Exclusion::Expired),
        PurchaseState::Unclear(word) => return Class::StateUnclear(word.clone()),
    };
    if let Some(exclusion) = excluded {
        return match unclear(Eligible::No) {
            Some(unclear) => unclear,
            None if live.is_empty() => Class::Excluded(exclusion),
            None => Class::Orphaned,
        };
    }
    if let Some(unclear) = unclear(Eligible::Yes) {
        return unclear;
    }
    match live.as_slice() {
        [] if pair.copies.is_empty() && source.link.is_some() => Class::Unsettled,
        [] if pair.copies.is_empty() => Class::Missing {
            copy: None,
            half_marked: HalfMarked::No,
        },
        // The reseller ended the copy: its right (the copy's end is a field of its own).
        [] => Class::Linked,
        [copy] => one_copy(copy, &source.digest),
        [_, _, ..] => Class::Duplicate,
    }
}

/// A copy of which it cannot be told whose it is, if there is one among these.
fn unclear_copy(copies: &[CopyRecord], source: Eligible) -> Option<Class> {
    let mut reasons = copies.iter().filter_map(|copy| match &copy.state {
        CopyState::Unclear(why) => Some(format!("record \"{}\": {why}", copy.id)),
        CopyState::Live | CopyState::Incomplete | CopyState::Ended => None,
    });
    let first = reasons.next()?;
    let why = match reasons.count() {
        0 => first,
        more => format!("{first}; and {more} more"),
    };
    Some(Class::CopyUnclear { why, source })
}

/// What a pair is about. Where the source no longer tells it, its copy does.
pub(in crate::upgrade) fn subject_of_purchase(pair: &Pair<Purchase>) -> Subject {
    if let Some(source) = &pair.source {
        return source.kind.into();
    }
    let kinds = pair.copies.iter().filter_map(|copy| copy.kind);
    kinds
        .filter(|kind| *kind != ItemKind::Customer)
        .map(Subject::Item)
        .next()
        .unwrap_or(Subject::Purchase)
}

fn one_copy(copy: &CopyRecord, source: &Digest) -> Class {
    let write = || Class::Missing {
        copy: Some(Present::of(copy)),
        half_marked: HalfMarked::No,
    };
    match &copy.state {
        CopyState::Incomplete => write(),
        CopyState::Live | CopyState::Ended if copy.digest == *source => Class::Linked,
        // The copy is as it was made: it follows its source.
        CopyState::Live if copy.source_digest.as_ref() == Some(&copy.digest) => write(),
        CopyState::Live | CopyState::Ended => Class::Changed(match &copy.source_digest {
            None => Change::NotRecorded,
            Some(copied) if copied == source => Change::Copy,
            Some(_) => Change::Both,
        }),
        CopyState::Unclear(why) => Class::CopyUnclear {
            why: why.clone(),
            source: Eligible::Yes,
        },
    }
}

pub(in crate::upgrade) fn not_ended(copies: &[CopyRecord]) -> Vec<&CopyRecord> {
    copies
        .iter()
        .filter(|copy| copy.state != CopyState::Ended)
        .collect()
}
