//! What is pure of recording and performing an effect: whether its intent is on record, and what the
//! answers of its calls come to. The calls themselves are made elsewhere.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::effect::{Activate, Attempted, CreateTenant, Outcome, Pages, Read, Write};
use super::phases::activate::intends;
use super::strategy::{Copying, Executor, Strategy};
use super::validated::ValidUpgrade;
use crate::api::{ClaimHolder, ResellerClaimSpec};
use crate::bss::error::BssError;
use crate::bss::port::{
    ByItem, CopyRecord, Customer, ItemOutcome, Page, Purchase, SourceId, WriteOperation,
};

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
            | Self::OpenOrders(_)
            | Self::Pages(_)
            | Self::Inspect(_)
            | Self::Find(_) => Attempted::Read,
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

impl Write {
    /// Whether a record carries what this write needs. Copies under unique keys may be repeated and need
    /// no record. For a BSS that would make a second copy, the record names them one by one.
    #[must_use]
    pub fn is_recorded(&self, strategy: &Strategy, record: &ResellerClaimSpec) -> bool {
        let (operation, batches) = match self {
            Self::SetPricing(_) => return true,
            Self::CopyCustomers(batches) => (WriteOperation::CopyCustomers, batches),
            Self::CopySubscriptions(batches) => (WriteOperation::CopySubscriptions, batches),
        };
        // A BSS that leaves copying to people is only asked for the manual step.
        if strategy.copying == Copying::Guarded || strategy.executor(operation) != Executor::Bss {
            return true;
        }
        let Some(copies) = &record.intents.copies else {
            return false;
        };
        batches
            .iter()
            .flatten()
            .all(|item| copies.source_ids.contains(&item.source.0))
    }
}

impl Outcome {
    /// What one call came to.
    #[must_use]
    pub fn of(answer: Result<Self, BssError>, attempted: Attempted) -> Self {
        answer.unwrap_or_else(|error| Self::Failed { attempted, error })
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

    /// What reading pages of customers and their copies came to.
    #[must_use]
    pub fn of_customers(
        source: Result<Option<Page<Customer>>, BssError>,
        copies: Result<Option<Page<CopyRecord>>, BssError>,
    ) -> Vec<Self> {
        of_pages(source, copies, |source, copies| Pages::Customers {
            source,
            copies,
        })
    }

    /// What reading pages of subscriptions and assets and their copies came to.
    #[must_use]
    pub fn of_purchases(
        source: Result<Option<Page<Purchase>>, BssError>,
        copies: Result<Option<Page<CopyRecord>>, BssError>,
    ) -> Vec<Self> {
        of_pages(source, copies, |source, copies| Pages::Purchases {
            source,
            copies,
        })
    }

    /// What a cheap look came to, as a hash of what it answered: if the answer changes, so does the
    /// hash. Revisions are left out, because they change with everything in the BSS.
    #[must_use]
    pub fn of_watch(answers: Vec<Self>) -> Self {
        let mut hasher = DefaultHasher::new();
        for answer in answers {
            let answer = if let Self::Pages(pages) = answer {
                Self::Pages(match pages {
                    Pages::Customers { source, copies } => Pages::Customers {
                        source: source.map(without_revision),
                        copies: copies.map(without_revision),
                    },
                    Pages::Purchases { source, copies } => Pages::Purchases {
                        source: source.map(without_revision),
                        copies: copies.map(without_revision),
                    },
                })
            } else if let Self::Failed { error, .. } = answer {
                // That something does not exist is an answer too.
                if matches!(error, BssError::NotFound { .. }) {
                    continue;
                }
                return Self::Failed {
                    attempted: Attempted::Watch,
                    error,
                };
            } else {
                answer
            };
            answer.hash(&mut hasher);
        }
        Self::Watched(hasher.finish())
    }
}

fn without_revision<T>(page: Page<T>) -> Page<T> {
    Page {
        revision: None,
        ..page
    }
}

/// One outcome for each side that failed, and one with what was answered.
fn of_pages<T>(
    source: Result<Option<T>, BssError>,
    copies: Result<Option<Page<CopyRecord>>, BssError>,
    pages: impl FnOnce(Option<T>, Option<Page<CopyRecord>>) -> Pages,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut failed = |error| {
        let attempted = Attempted::Read;
        outcomes.push(Outcome::Failed { attempted, error });
    };
    let source = source.map_err(&mut failed).ok().flatten();
    let copies = copies.map_err(&mut failed).ok().flatten();
    if source.is_some() || copies.is_some() {
        outcomes.push(Outcome::Pages(pages(source, copies)));
    }
    outcomes
}
