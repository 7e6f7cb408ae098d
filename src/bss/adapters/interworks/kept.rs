//! What outlives an adapter. Adapters come and go with each reading of a Secret; a look that takes an hour, and
//! what was learnt of the installation, stay.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::checks::Catalogue;
use super::client::Memory;
use super::look::{Found, Look, Marks};
use super::options::Options;
use super::reader::Want;
use super::words::Discriminator;
use crate::bss::port::AccountId;

/// A catalogue is read again after this long, so that what was added to it is seen soon.
const CATALOGUE_LIFE: Duration = Duration::from_secs(60);
/// What tells resellers apart is learnt again after this long.
pub(super) const LEARNT_LIFE: Duration = Duration::from_mins(10);

/// The look of one reseller of one kind; none before the first.
pub(super) type Place = Arc<tokio::sync::Mutex<Option<Look>>>;

/// What is known of an installation.
#[derive(Debug)]
pub(super) struct Learnt {
    pub(super) discriminator: Discriminator,
    pub(super) marks: Marks,
}

/// Something that was read, and when.
pub(super) type Aged<T> = tokio::sync::Mutex<Option<(Instant, Arc<T>)>>;

/// What the adapters of the same connections share.
#[derive(Debug, Default)]
pub struct Kept {
    distributor: OnceLock<Arc<Memory>>,
    tenant: OnceLock<Arc<Memory>>,
    looks: Mutex<BTreeMap<(AccountId, Want), Place>>,
    found: Mutex<BTreeMap<(AccountId, Want), Arc<Found>>>,
    /// Whether checks found something that the catalogue, as it was read last, does not permit.
    blocked: AtomicBool,
    pub(super) learnt: Aged<Learnt>,
    pub(super) of_the_tenant: Aged<Catalogue>,
    pub(super) of_price_lists: tokio::sync::Mutex<BTreeMap<String, (Instant, Arc<Catalogue>)>>,
}

impl Kept {
    pub(super) fn of_distributor(&self, options: &Options) -> Arc<Memory> {
        Arc::clone(
            self.distributor
                .get_or_init(|| Arc::new(Memory::new(options))),
        )
    }

    pub(super) fn of_tenant(&self, options: &Options) -> Arc<Memory> {
        Arc::clone(self.tenant.get_or_init(|| Arc::new(Memory::new(options))))
    }

    /// Whether a catalogue that was read at this time serves the checks of a look that began at that time.
    /// Where it blocked something, people mend it: the next look has to see what they did.
    pub(super) fn catalogue_serves(&self, read: Instant, look: Option<Instant>) -> bool {
        let of_this_look = look.is_some_and(|began| read >= began);
        read.elapsed() < CATALOGUE_LIFE && (of_this_look || !self.blocked.load(Ordering::Relaxed))
    }

    /// Checks found something that the catalogue does not permit.
    pub(super) fn catalogue_blocks(&self) {
        self.blocked.store(true, Ordering::Relaxed);
    }

    /// The catalogue was read again.
    pub(super) fn catalogue_is_new(&self) {
        self.blocked.store(false, Ordering::Relaxed);
    }

    pub(super) fn look(&self, account: &AccountId, want: Want) -> Place {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(looks.entry((account.clone(), want)).or_default())
    }

    pub(super) fn keep(&self, account: &AccountId, want: Want, found: &Arc<Found>) {
        let mut all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((account.clone(), want), Arc::clone(found));
    }

    pub(super) fn found(&self, account: &AccountId, want: Want) -> Option<Arc<Found>> {
        let all = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(account.clone(), want)).cloned()
    }
}
