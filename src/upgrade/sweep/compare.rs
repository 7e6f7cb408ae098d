//! The comparison after the switch: whether source and copy of one item agree. Pure; it decides nothing.

use super::classify::not_ended;
use super::merge::Pair;
use crate::bss::port::{
    AccountId, CopyId, CopyRecord, CopyState, Customer, Digest, Mark, Purchase, PurchaseState,
    TenantId,
};

/// What the comparison after the switch says of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// There is nothing to compare.
    Nothing,
    /// Source and copy agree.
    Agrees,
    /// They do not.
    Differs(Difference),
}

/// How source and copy differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// A source-owned field.
    Field,
    /// There is no copy.
    NotCopied,
    /// There is more than one.
    Duplicate,
    /// The copy has no active source.
    Orphaned,
    /// The copy lacks its contacts.
    Incomplete,
    /// The source is not marked.
    Unmarked,
    /// The source is linked to another copy.
    NotLinked,
    /// It cannot be told whether it has its copy, or in which state one of the two is.
    Unclear,
}

impl Difference {
    /// The word of reports and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Field => "FieldsDiffer",
            Self::NotCopied => "NotCopied",
            Self::Duplicate => "DuplicateCopy",
            Self::Orphaned => "OrphanedCopy",
            Self::Incomplete => "IncompleteCopy",
            Self::Unmarked => "NotMarked",
            Self::NotLinked => "NotLinked",
            Self::Unclear => "Unclear",
        }
    }
}

/// Compares a customer with its copy. A customer without a copy holds nothing up (I-13): if it
/// owns something active, the comparison of purchases names that.
pub(super) fn compare_customer(pair: &Pair<Customer>, reseller: &AccountId) -> Compared {
    let live = not_ended(&pair.copies);
    let Some(source) = &pair.source else {
        return Compared::Nothing;
    };
    if source.id.as_str() == reseller.as_str() || source.bill_to != *reseller {
        return Compared::Nothing;
    }
    if live.iter().any(|copy| is_unclear(copy)) {
        return Compared::Differs(Difference::Unclear);
    }
    match live.as_slice() {
        [] => Compared::Nothing,
        [copy] => compare_one(copy, &source.digest, source.mark, source.link.as_ref()),
        [_, _, ..] => Compared::Differs(Difference::Duplicate),
    }
}

/// Compares a subscription or an asset with its copy.
pub(super) fn compare_purchase(pair: &Pair<Purchase>, reseller: &AccountId) -> Compared {
    let live = not_ended(&pair.copies);
    let state = pair.source.as_ref().map(|source| &source.state);
    if live.iter().any(|copy| is_unclear(copy)) || matches!(state, Some(PurchaseState::Unclear(_)))
    {
        return Compared::Differs(Difference::Unclear);
    }
    let active = pair.source.as_ref().filter(|source| {
        source.state == PurchaseState::Active && source.customer.as_str() != reseller.as_str()
    });
    match (active, live.as_slice()) {
        (None, []) => Compared::Nothing,
        (None, [_, ..]) => Compared::Differs(Difference::Orphaned),
        (Some(_), []) if pair.copies.is_empty() => Compared::Differs(Difference::NotCopied),
        // The reseller ended it: its right.
        (Some(_), []) => Compared::Agrees,
        (Some(source), [copy]) => {
            compare_one(copy, &source.digest, source.mark, source.link.as_ref())
        }
        (Some(_), [_, _, ..]) => Compared::Differs(Difference::Duplicate),
    }
}

fn is_unclear(copy: &CopyRecord) -> bool {
    matches!(copy.state, CopyState::Unclear(_))
}

fn compare_one(
    copy: &CopyRecord,
    source: &Digest,
    mark: Mark,
    link: Option<&(TenantId, CopyId)>,
) -> Compared {
    if copy.digest != *source {
        return Compared::Differs(Difference::Field);
    }
    if copy.state == CopyState::Incomplete {
        return Compared::Differs(Difference::Incomplete);
    }
    if mark == Mark::Unmarked {
        return Compared::Differs(Difference::Unmarked);
    }
    if link.is_some_and(|(_, linked)| *linked != copy.id) {
        return Compared::Differs(Difference::NotLinked);
    }
    Compared::Agrees
}
