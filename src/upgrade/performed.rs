//! What is pure of recording and performing an effect: whether its intent is on record, and what the
//! answers of its calls come to. The calls themselves are made elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::effect::{Activate, Attempted, CreateTenant, Listed, Outcome, Read, SweepCall};
use super::phases::activate::intends;
use super::strategy::{Copying, Executor, Strategy};
use super::validated::ValidUpgrade;
use crate::api::{ClaimHolder, ResellerClaimSpec};
use crate::bss::error::BssError;
use crate::bss::port::{ByItem, ItemOutcome, PageRequest, SourceId};

impl ValidUpgrade {
    /// The upgrade as it stands in a claim that it holds.
    #[must_use]
    pub fn holder(&self) -> ClaimHolder {
        ClaimHolder {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
        }
    }
}

impl Read {
    /// What a failure of this read is a failure of.
    #[must_use]
    pub fn attempted(&self) -> Attempted {
        match self {
            Self::Reseller => Attempted::Reseller,
            Self::Preflight(_) => Attempted::Preflight,
            Self::Watch(_) => Attempted::Watch,
            Self::Identity
            | Self::Capabilities
            | Self::Tenant
            | Self::Operation(_)
            | Self::OpenOrders(_) => Attempted::Read,
        }
    }
}

impl CreateTenant {
    /// Whether a record carries the intent of this creation.
    #[must_use]
    pub fn is_recorded(&self, record: &ResellerClaimSpec) -> bool {
        let intent = record.intents.create_tenant.as_ref();
        intent.is_some_and(|intent| intent.settings_digest == self.digest)
    }
}

impl Activate {
    /// Whether a record carries the intent of this activation.
    #[must_use]
    pub fn is_recorded(&self, record: &ResellerClaimSpec) -> bool {
        let intent = record.intents.activate.as_ref();
        intent.is_some_and(|intent| intends(intent, self.sweep()))
    }
}

impl SweepCall {
    /// Whether a record carries what this call needs. Copies under unique keys may be repeated and need
    /// no record. For a BSS that would make a second copy, the record names them one by one.
    #[must_use]
    pub fn is_recorded(&self, strategy: &Strategy, record: &ResellerClaimSpec) -> bool {
        let Self::Copy(listing, items) = self else {
            return true;
        };
        // A BSS that leaves copying to people is only asked for the manual step.
        let executor = strategy.executor(listing.copied_by());
        if strategy.copying == Copying::Guarded || executor != Executor::Bss {
            return true;
        }
        let Some(copies) = &record.intents.copies else {
            return false;
        };
        items
            .iter()
            .all(|item| copies.source_ids.contains(&item.source.0))
    }
}

impl Outcome {
    /// What one call came to.
    #[must_use]
    pub fn of(answer: Result<Self, BssError>, attempted: Attempted) -> Self {
        answer.unwrap_or_else(|error| Self::Failed { attempted, error })
    }

    /// A page that was asked for.
    #[must_use]
    pub fn page(asked: PageRequest, page: Listed) -> Self {
        let from = asked.cursor;
        Self::Page { from, page }
    }

    /// What one batch of copies came to.
    #[must_use]
    pub fn of_copies(
        sources: Vec<SourceId>,
        answer: Result<ByItem<ItemOutcome>, BssError>,
    ) -> Self {
        match answer {
            Ok(items) => Self::Copied(items),
            Err(error) if error.effect_unknown() => Self::CopyOutcomeUnknown { sources, error },
            Err(error) => Self::Failed {
                attempted: Attempted::Write,
                error,
            },
        }
    }

    /// What a cheap look came to, as a hash of what it answered: if the answer changes, so does the
    /// hash. Revisions are left out, because they change with everything in the BSS.
    #[must_use]
    pub fn of_watch(answer: Self) -> Self {
        let mut hasher = DefaultHasher::new();
        if let Self::Page { page, .. } = answer {
            page.without_revision().hash(&mut hasher);
        } else if let Self::Failed { error, .. } = answer {
            // That something does not exist is an answer too.
            if !matches!(error, BssError::NotFound { .. }) {
                return Self::Failed {
                    attempted: Attempted::Watch,
                    error,
                };
            }
        } else {
            answer.hash(&mut hasher);
        }
        Self::Watched(hasher.finish())
    }
}
