//! Every lie, at the plain values of the ports: a question on its way, or an answer on its way back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tenant_reseller_operator::api::{
    BssConnection, ResellerClaimSpec, SUSPEND_ANNOTATION, TenantResellerUpgrade,
};
use tenant_reseller_operator::bss::port::{
    AccountId, AcquisitionId, Activation, BackOrdering, Blocker, BusinessKey, ByItem, Capabilities,
    CopyId, CopyListing, CopyRecord, CopyState, Customer, Digest, Epoch, Found, IssuedEpoch,
    ItemOutcome, Mark, OpenOrder, Page, PageRequest, PricingState, Purchase, PurchaseState,
    Reseller, ResellerKind, Revision, SourceId, Strength, Sync, Tenant, TenantCreation, TenantId,
};
use tenant_reseller_operator::bss::{BssError, BssResult};

use super::{Liar, Lie};

/// What a liar remembers of what its process was answered, where one answer does not tell enough.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The tenant that was answered first, and the one that was answered last.
    tenants: Option<(TenantId, TenantId)>,
    /// Back ordering was answered to be on.
    is_on: bool,
    /// Copies were sent.
    has_copied: bool,
    /// Items that were called copied and were not sent, and how often.
    held_back: BTreeMap<SourceId, u32>,
    /// Items whose copy was lost and called made.
    lost: BTreeSet<SourceId>,
    /// A customer of the reseller.
    customer: Option<SourceId>,
    /// What was listed as active, by the listing that runs and by the last whole one.
    active: (BTreeSet<SourceId>, Option<BTreeSet<SourceId>>),
    /// The copy of each source that was listed first.
    first: BTreeMap<SourceId, CopyId>,
    /// The revision that is shown since open orders were listed, and whether there were others.
    revision: Option<Revision>,
    revision_moved: bool,
}

/// So often an item is called copied without being sent: longer than phase 2 sweeps for it.
const HELD_BACK: u32 = 8;

impl Memory {
    /// Holds a batch back once more, if not every item of it was held back for long enough.
    fn holds(&mut self, sources: &[SourceId]) -> bool {
        let mut any = false;
        for source in sources {
            let times = self.held_back.entry(source.clone()).or_default();
            any |= *times < HELD_BACK;
            *times += 1;
        }
        any
    }
}

/// The revision of a BSS that has none.
const MADE_UP: Revision = Revision(1);

impl Liar {
    fn remember<T>(&self, what: impl FnOnce(&mut Memory) -> T) -> T {
        what(&mut self.memory.lock().unwrap())
    }

    pub(super) fn capabilities(&self, mut can: Capabilities) -> Capabilities {
        if self.tells(Lie::OneFinalSweepIsEnough) {
            can.promises.revision = Strength::Strong;
        }
        can
    }

    pub(super) fn reseller(&self, mut reseller: Reseller) -> Reseller {
        let on = reseller.back_ordering == BackOrdering::On;
        let has_tenant = self.remember(|memory| {
            memory.is_on |= on;
            memory.tenants.is_some()
        });
        if on && self.tells(Lie::CopiesAfterOn) {
            reseller.back_ordering = BackOrdering::Off;
            reseller.kind = ResellerKind::Basic;
        }
        // A tenant is made for an account alone that may order.
        if has_tenant && self.tells(Lie::OrderingNotFrozen) {
            reseller.ordering_enabled = false;
        }
        reseller
    }

    pub(super) fn issued(&self, mut issued: IssuedEpoch, asked: &AcquisitionId) -> IssuedEpoch {
        if self.tells(Lie::AcquisitionNotCompared) {
            for earlier in &mut issued.earlier {
                earlier.acquisition = Some(asked.clone());
            }
        }
        issued
    }

    pub(super) fn tenant(&self, tenant: Option<Tenant>) -> Option<Tenant> {
        let mut tenant = tenant?;
        let first = self.remember(|memory| {
            let now = tenant.id.clone();
            let tenants = memory.tenants.get_or_insert((now.clone(), now.clone()));
            tenants.1 = now;
            tenants.0.clone()
        });
        if self.tells(Lie::ReplacementUnnoticed) {
            tenant.id = first;
        }
        Some(tenant)
    }

    /// The tenant that a call is about.
    pub(super) fn meant(&self, tenant: &TenantId) -> TenantId {
        let tenants = self.remember(|memory| memory.tenants.clone());
        match tenants {
            Some((first, now)) if self.tells(Lie::ReplacementUnnoticed) && first == *tenant => now,
            _ => tenant.clone(),
        }
    }

    pub(super) fn created(&self, creation: BssResult<TenantCreation>) -> BssResult<TenantCreation> {
        creation.map_err(|error| self.creation_failed(error))
    }

    pub(super) fn creation_failed(&self, error: BssError) -> BssError {
        if error.effect_unknown() && self.tells(Lie::UnknownCreationRepeated) {
            return BssError::Unavailable {
                detail: "nothing was done".to_owned(),
            };
        }
        error
    }

    pub(super) fn customers(&self, account: &AccountId, page: Page<Customer>) -> Page<Customer> {
        let mut page = self.page(page);
        let own = page
            .items
            .iter()
            .find(|customer| customer.bill_to == *account && customer.id.0 != account.0);
        let own = own.map(|customer| customer.id.clone());
        self.remember(|memory| memory.customer = memory.customer.take().or(own));
        match self.lie {
            Some(Lie::OthersAccountsCopied) => {
                for customer in &mut page.items {
                    customer.bill_to = account.clone();
                }
            }
            // It is checked here, too.
            Some(Lie::CheckSweepDropped) => {
                for customer in &mut page.items {
                    customer.sync = Sync::Synced;
                }
            }
            Some(Lie::MarkedUncopiedAccepted) => page
                .items
                .retain(|customer| customer.mark == Mark::Unmarked || customer.link.is_some()),
            Some(Lie::CopiedUnmarkedAccepted) => {
                for customer in page.items.iter_mut().filter(|c| c.link.is_some()) {
                    customer.mark = Mark::Marked;
                }
            }
            _ => {}
        }
        page
    }

    pub(super) fn subscriptions(
        &self,
        (account, asked): (&AccountId, &PageRequest),
        page: Page<Purchase>,
    ) -> Page<Purchase> {
        let mut page = self.page(page);
        let customer = self.remember(|memory| {
            if asked.cursor.is_none() {
                memory.active.0.clear();
            }
            let active = page.items.iter();
            let active = active.filter(|item| item.state == PurchaseState::Active);
            memory.active.0.extend(active.map(|item| item.id.clone()));
            if page.next.is_none() {
                memory.active.1 = Some(memory.active.0.clone());
            }
            memory.customer.clone()
        });
        match (self.lie, customer) {
            (Some(Lie::SuspendedCopied), _) => {
                for item in &mut page.items {
                    if item.state == PurchaseState::Suspended {
                        item.state = PurchaseState::Active;
                    }
                }
            }
            (Some(Lie::OwnPurchasesCopied), Some(customer)) => {
                for item in &mut page.items {
                    if item.customer.0 == account.0 {
                        item.customer = customer.clone();
                    }
                }
            }
            _ => {}
        }
        page
    }

    pub(super) fn open_orders(&self, page: Page<OpenOrder>) -> Page<OpenOrder> {
        self.remember(|memory| {
            memory.revision = None;
            memory.revision_moved = false;
        });
        let mut page = self.page(page);
        if self.tells(Lie::OrdersGateDropped) {
            page.items.clear();
            page.next = None;
        }
        page
    }

    pub(super) fn copies(&self, listing: CopyListing, page: Page<CopyRecord>) -> Page<CopyRecord> {
        let mut page = self.page(page);
        match self.lie {
            Some(Lie::AmendmentOverwritten) => {
                for copy in &mut page.items {
                    copy.source_digest = Some(copy.digest.clone());
                }
            }
            Some(Lie::ReverseSweepLeftOut) if listing == CopyListing::Subscriptions => {
                self.remember(|memory| {
                    let (running, whole) = &memory.active;
                    page.items.retain(|copy| {
                        let has_source = |active: &BTreeSet<_>| active.contains(&copy.source);
                        has_source(running) || whole.as_ref().is_none_or(has_source)
                    });
                });
            }
            Some(Lie::DuplicateOverlooked) => self.remember(|memory| {
                page.items.retain(|copy| {
                    let first = memory.first.entry(copy.source.clone());
                    copy.state == CopyState::Ended
                        || *first.or_insert_with(|| copy.id.clone()) == copy.id
                });
            }),
            _ => {}
        }
        page
    }

    /// What is told of any page.
    fn page<T>(&self, mut page: Page<T>) -> Page<T> {
        let hidden = self.remember(|memory| {
            let shown = memory.revision.or(page.revision);
            memory.revision_moved |= shown != page.revision;
            memory.revision = shown;
            memory.is_on
        });
        match self.lie {
            Some(Lie::VerificationSkipped) if hidden => {
                page.items.clear();
                page.next = None;
            }
            Some(Lie::RevisionsMayDiffer) => {
                page.revision = self.remember(|memory| memory.revision);
            }
            Some(Lie::OneFinalSweepIsEnough) => page.revision = Some(MADE_UP),
            _ => {}
        }
        page
    }

    pub(super) fn found(
        &self,
        mut found: BTreeMap<BusinessKey, Found>,
    ) -> BTreeMap<BusinessKey, Found> {
        if self.tells(Lie::LookUpSkipped) {
            for what in found.values_mut() {
                *what = Found::None;
            }
        }
        found
    }

    /// Whether a batch of customers is called copied, and not sent: as long as the operator sweeps for it
    /// in phase 2.
    pub(super) fn holds_back(&self, sources: &[SourceId]) -> Option<ByItem<ItemOutcome>> {
        if !self.tells(Lie::CustomersGateDropped) {
            return self.holds_lost(sources);
        }
        let held = self.remember(|memory| memory.holds(sources));
        held.then(|| all(sources, &ItemOutcome::Created))
    }

    /// Whether a batch whose copies were lost and called made is not sent, since they are made.
    pub(super) fn holds_lost(&self, sources: &[SourceId]) -> Option<ByItem<ItemOutcome>> {
        if !self.tells(Lie::LostCopyTakenForMade) {
            return None;
        }
        let held = self.remember(|memory| {
            let lost = sources.iter().any(|source| memory.lost.contains(source));
            lost && memory.holds(sources)
        });
        held.then(|| all(sources, &ItemOutcome::Unchanged))
    }

    pub(super) fn copied(
        &self,
        sources: &[SourceId],
        outcome: BssResult<ByItem<ItemOutcome>>,
    ) -> BssResult<ByItem<ItemOutcome>> {
        self.remember(|memory| memory.has_copied = true);
        match outcome {
            Err(error) if error.effect_unknown() && self.tells(Lie::LostCopyTakenForMade) => {
                self.remember(|memory| memory.lost.extend(sources.iter().cloned()));
                Ok(all(sources, &ItemOutcome::Unchanged))
            }
            outcome => outcome,
        }
    }

    pub(super) fn pricing(&self, mut states: ByItem<PricingState>) -> ByItem<PricingState> {
        if self.tells(Lie::PricingGateDropped) {
            for state in states.values_mut() {
                if let PricingState::Missing { .. } = state {
                    *state = PricingState::Set(Digest::from("made up"));
                }
            }
        }
        states
    }

    pub(super) fn checked(&self, mut blockers: ByItem<Vec<Blocker>>) -> ByItem<Vec<Blocker>> {
        if self.tells(Lie::CheckSweepDropped) {
            for blockers in blockers.values_mut() {
                blockers.clear();
            }
        }
        blockers
    }

    /// The epoch that a write carries.
    pub(super) fn epoch(&self, epoch: Option<Epoch>) -> Option<Epoch> {
        epoch.filter(|_| !self.tells(Lie::EpochDropped))
    }

    /// The revision that the switch expects.
    pub(super) fn expected(&self, revision: Option<Revision>) -> Option<Revision> {
        let dropped = match self.lie {
            Some(Lie::ExpectedRevisionDropped | Lie::OneFinalSweepIsEnough) => true,
            Some(Lie::RevisionsMayDiffer) => self.remember(|memory| memory.revision_moved),
            _ => false,
        };
        revision.filter(|_| !dropped)
    }

    pub(super) fn switched(&self, outcome: BssResult<Activation>) -> BssResult<Activation> {
        let outcome = match outcome {
            Err(error) if error.effect_unknown() && self.tells(Lie::LostSwitchTakenForDone) => {
                Ok(Activation::Activated)
            }
            outcome => outcome,
        };
        self.remember(|memory| memory.is_on |= outcome.is_ok());
        outcome
    }

    /// An upgrade as a watch shows it to the process.
    pub fn watched(&self, upgrade: Arc<TenantResellerUpgrade>) -> Arc<TenantResellerUpgrade> {
        if self.tells(Lie::SuspensionIgnored) {
            return Arc::new(self.upgrade(Arc::unwrap_or_clone(upgrade)));
        }
        upgrade
    }

    /// An upgrade as the process sees it.
    pub(super) fn upgrade(&self, mut upgrade: TenantResellerUpgrade) -> TenantResellerUpgrade {
        if self.tells(Lie::SuspensionIgnored) {
            upgrade.spec.suspend = false;
            if let Some(annotations) = &mut upgrade.metadata.annotations {
                annotations.remove(SUSPEND_ANNOTATION);
            }
        }
        upgrade
    }

    /// An upgrade that is read live, by name.
    pub(super) fn live(
        &self,
        live: Option<TenantResellerUpgrade>,
        cached: Option<Arc<TenantResellerUpgrade>>,
    ) -> Option<TenantResellerUpgrade> {
        let shown = match (self.lie, cached) {
            (Some(Lie::SwitchWithoutLiveRead), Some(cached)) => Some(Arc::unwrap_or_clone(cached)),
            // The holder of a claim is read live too. Before the switch the upgrade itself is, and
            // without it there is none.
            (Some(Lie::ClaimTaken), _) => None,
            _ => live,
        };
        shown.map(|upgrade| self.upgrade(upgrade))
    }

    pub(super) fn connection(&self, mut connection: BssConnection) -> BssConnection {
        let limits = &mut connection.spec.limits;
        let copies_alone = self.tells(Lie::CopiesBeforeRecord);
        if self.tells(Lie::QuietTimeSkipped) {
            limits.order_settle_seconds = 0;
            limits.settle_seconds = 0;
        } else if copies_alone && !self.remember(|memory| memory.has_copied) {
            limits.settle_seconds = 0;
        }
        connection
    }

    /// A record as the process reads it.
    pub(super) fn record(&self, mut record: ResellerClaimSpec) -> ResellerClaimSpec {
        if self.tells(Lie::RestoreUnconfirmed) {
            record.unconfirmed_epoch = None;
        }
        record
    }

    /// What is really kept of a record that the process writes.
    pub(super) fn kept(&self, mut record: ResellerClaimSpec) -> ResellerClaimSpec {
        let intents = &mut record.intents;
        match self.lie {
            // Once its request was answered, there is something to be on record.
            Some(Lie::TenantBeforeRecord) => {
                let intent = intents.create_tenant.take();
                intents.create_tenant = intent.filter(|intent| intent.operation_id.is_some());
            }
            Some(Lie::CopiesBeforeRecord) => intents.copies = None,
            _ => {}
        }
        record
    }

    pub(super) fn leads(&self, leads: bool) -> bool {
        leads || self.tells(Lie::LeaseNotAsked)
    }
}

fn all(sources: &[SourceId], outcome: &ItemOutcome) -> ByItem<ItemOutcome> {
    let sources = sources.iter().cloned();
    sources.map(|source| (source, outcome.clone())).collect()
}
