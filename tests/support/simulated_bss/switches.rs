//! Every promise of the port as a switch, and the weaknesses that no capability names: the same as
//! the sandbox's. The strong form of each is the default.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenant_reseller_operator::bss::port::{
    Keys, Mode, Promises, SourceId, Strength, TenantAccess, Unseen, WriteOperation,
};

/// What the screens of the BSS let people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screens {
    /// The same rules as the contract.
    Guarded,
    /// They take whatever is typed.
    Careless,
}

/// Whether a BSS tells for which attempt an epoch was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempts {
    /// It does.
    Known,
    /// It does not.
    Forgotten,
}

/// When a copied account gets its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Marks {
    /// In the same step as its copy.
    WithCopy,
    /// In a second step: by the next copy request for it, or by itself after a while.
    Later(Option<Duration>),
}

/// The switches of a simulated BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Switches {
    /// The promises of the port.
    pub promises: Promises,
    /// How each write is carried out.
    pub modes: BTreeMap<WriteOperation, Mode>,
    /// Who may call the tenant's side.
    pub tenant_access: TenantAccess,
    /// The facts that it does not show.
    pub unseen: BTreeSet<Unseen>,
    /// Sources whose copies it shows as ones that may belong to another source.
    pub unclear: BTreeSet<SourceId>,
    /// A refusal is kept under its request key, and given again for an equal request.
    pub replayed_refusals: bool,
    /// How long a request key is known; for ever if none.
    pub request_key_life: Option<Duration>,
    /// How long a new tenant or copy cannot be seen yet. Needs a weak `revision`.
    pub lag: Duration,
    /// How long a new copy is missing from listings, and from what its source tells, although a
    /// look-up by its key finds it. Needs a weak `revision`.
    pub listing_lag: Duration,
    /// When a copied account gets its mark.
    pub marks: Marks,
    /// Cursors are offsets, so that a listing skips and repeats. Needs a weak `revision`.
    pub offset_paging: bool,
    /// What is known of an epoch that was issued.
    pub attempts: Attempts,
    /// A listing of customers also names accounts for which another reseller pays.
    pub lists_others: bool,
    /// What the screens let people do.
    pub screens: Screens,
    /// How long a tenant is queued.
    pub tenant_queue: Duration,
    /// How long an order of the Storefront is pending.
    pub order_pending: Duration,
    /// Most items of a batch.
    pub largest_batch: u16,
    /// Most items of a page.
    pub page_size: u16,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            promises: Promises {
                keys: Keys::Unique,
                epochs: Strength::Strong,
                revision: Strength::Strong,
                compares: Strength::Strong,
                orders: Strength::Strong,
                off_guard: Strength::Strong,
                items: Strength::Strong,
            },
            modes: WriteOperation::ALL
                .into_iter()
                .map(|operation| (operation, Mode::Automatic))
                .collect(),
            tenant_access: TenantAccess::Shared,
            unseen: BTreeSet::new(),
            unclear: BTreeSet::new(),
            replayed_refusals: false,
            request_key_life: None,
            lag: Duration::ZERO,
            listing_lag: Duration::ZERO,
            marks: Marks::WithCopy,
            offset_paging: false,
            attempts: Attempts::Known,
            lists_others: false,
            screens: Screens::Guarded,
            tenant_queue: Duration::from_secs(8),
            order_pending: Duration::from_secs(30),
            largest_batch: 3,
            page_size: 4,
        }
    }
}

impl Switches {
    /// Whether a second record of a key or of a source is refused.
    pub(super) fn unique(&self) -> bool {
        self.promises.keys == Keys::Unique
    }

    /// Whether epochs are issued and compared.
    pub(super) fn fenced(&self) -> bool {
        self.promises.epochs == Strength::Strong
    }

    /// A false promise would be a defect of the simulation, not a weak BSS.
    pub(super) fn honest(&self) {
        let lags = self.lag.max(self.listing_lag) > Duration::ZERO;
        let moves = self.offset_paging || lags;
        assert!(
            !moves || self.promises.revision == Strength::Weak,
            "offset paging and lag need a weak revision"
        );
    }
}
