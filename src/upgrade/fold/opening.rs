//! The opening: identity, reseller, claim, and the tenant up to the moment it is Active.

use super::{Fold, MANY_ROUNDS};
use crate::api::{CONFIRM_ANNOTATION, ConditionType, Reason, ResellerClaimSpec};
use crate::bss::port::{
    BackOrdering, OperationState, Reseller, ResellerKind, Tenant, TenantCreation, TenantStatus,
    WriteOperation,
};
use crate::mutants::{Mutant, on};
use crate::upgrade::claim::{Holding, knows_attempt};
use crate::upgrade::effect::ClaimEdit;
use crate::upgrade::foresight::Foreseeing;
use crate::upgrade::keys::{intent_id, settings_digest};
use crate::upgrade::observed::{RecordAge, Stage, Telling, Verdict};
use crate::upgrade::verdict::{self, verdict};
use crate::upgrade::ways::Copying;

/// Whether the record, as it was known before, told a person something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WasTold {
    Yes,
    NotKnown,
}

impl Fold<'_> {
    pub(super) fn identity(&mut self, told: Option<String>) {
        match told {
            Some(told) if told != self.upgrade.identity => self.stall(verdict(
                Reason::IdentityMismatch,
                format!(
                    "The BSS calls itself {told}, the connection says {}.",
                    self.upgrade.identity
                ),
                "Correct the connection's URL; or make a connection with the BSS's identity.",
            )),
            Some(_) | None => {
                self.lift(&[Reason::IdentityMismatch]);
                self.seen.identity_agrees = true;
            }
        }
    }

    pub(super) fn reseller(&mut self, reseller: Reseller) {
        let other_account = self
            .upgrade
            .pinned_account
            .as_ref()
            .filter(|pinned| **pinned != reseller.account);
        if let Some(pinned) = other_account {
            self.stall(verdict(
                Reason::ResellerMismatch,
                format!(
                    "The BSS now calls this account {}; work has begun on {pinned}.",
                    reseller.account
                ),
                "Have the account's canonical id restored in the BSS: every key was made with it.",
            ));
            return;
        }
        let other_name = self
            .upgrade
            .expected_name
            .as_ref()
            .filter(|expected| **expected != reseller.name);
        if let Some(expected) = other_name {
            self.stall(verdict(
                Reason::ResellerMismatch,
                format!(
                    "Account {} has another name in the BSS than spec.reseller.expectedName, {expected}.",
                    reseller.account
                ),
                "Correct spec.reseller: the account id or the expected name.",
            ));
            return;
        }
        match (reseller.back_ordering, reseller.kind) {
            (BackOrdering::Unknown, _) => self.poll(verdict(
                Reason::ProgressingWithRetry,
                "The BSS cannot tell at the moment whether back ordering is on.",
                "Nothing: the operator looks again by itself.",
            )),
            (BackOrdering::Off, ResellerKind::Standard | ResellerKind::Tenant) => {
                self.stall(verdict(
                    Reason::ResellerNotBasic,
                    "Only a Basic reseller can be upgraded; this one is on another plan.",
                    "Return the reseller to Basic in the distributor's BSS, or delete this upgrade.",
                ));
            }
            (BackOrdering::On, _) | (BackOrdering::Off, ResellerKind::Basic) => {
                self.lift(&[
                    Reason::ResellerNotFound,
                    Reason::ResellerMismatch,
                    Reason::ResellerNotBasic,
                    Reason::ProgressingWithRetry,
                ]);
                if reseller.ordering_enabled {
                    self.seen.frozen = None;
                } else {
                    self.seen.frozen.get_or_insert(self.now.monotonic);
                }
                self.seen.reseller = Some(reseller);
                self.seen.reseller_read = Some(self.now.monotonic);
                self.settle_on();
                self.still_frozen();
            }
        }
    }

    pub(super) fn claim(&mut self, holding: Holding) {
        let before = self
            .seen
            .claim
            .as_ref()
            .and_then(|claim| claim.told.as_ref());
        let was_told = if before.is_some() {
            WasTold::Yes
        } else {
            WasTold::NotKnown
        };
        if let Some(other) = self.seen.hold(holding) {
            self.stall(verdict(
                Reason::ResellerClaimed,
                format!(
                    "The upgrade {}/{} works on this reseller.",
                    other.namespace, other.name
                ),
                "Delete one of the two upgrades.",
            ));
            return;
        }
        self.lift(&[Reason::ResellerClaimed]);
        // A write of the record may have taken its time: right before the switch it is looked again.
        self.seen.still_frozen = false;
        let spec = self.seen.claim.clone();
        let spec = spec.as_ref();
        let epoch = spec
            .and_then(|spec| spec.epoch)
            .and_then(|epoch| u64::try_from(epoch).ok());
        let copies = spec.is_some_and(|spec| spec.intents.copies.is_some());
        let ours = spec.is_some_and(|spec| knows_attempt(spec, &self.seen.acquisition));
        let issued = self.seen.issued.as_ref().map(|issued| issued.epoch);
        let other = match (issued, self.seen.epoch) {
            (Some(issued), _) if epoch == Some(issued.0) && ours => {
                self.seen.epoch = Some(issued);
                self.seen.next_acquisition();
                false
            }
            // Somebody has recorded a later one, or the attempt is not on record any more.
            (Some(issued), _) => epoch >= Some(issued.0) || !ours,
            (None, Some(held)) => epoch != Some(held.0) || self.seen.record_age == RecordAge::Older,
            (None, None) => false,
        };
        if other {
            // Not the record that this life knew: somebody acquired after us, or the cluster's state
            // went back. It is not written over before the lease was asked and an epoch acquired
            // anew, which also tells how far it went back.
            self.seen.epoch = None;
            self.seen.next_acquisition();
            self.seen.copies_were_open = Some(copies);
            self.looks_are_old();
        }
        let intent = spec.and_then(|spec| spec.intents.create_tenant.as_ref());
        let stands = match (&self.seen.refused, spec) {
            (Some(ClaimEdit::DropTenantIntent), Some(_)) => intent.is_some(),
            (Some(ClaimEdit::ForgetOperation), Some(_)) => {
                intent.is_some_and(|intent| intent.operation_id.is_some())
            }
            (Some(ClaimEdit::EndAcquire(id)), Some(spec)) => knows_attempt(spec, id),
            (Some(ClaimEdit::DropActivationIntent), Some(spec)) => spec.intents.activate.is_some(),
            (Some(_) | None, _) => false,
        };
        // An operation belongs to an open request. Where another process has closed it meanwhile, or
        // the record of it is gone, there is nothing to put on record any more.
        if intent.is_none_or(|intent| intent.operation_id.is_some()) {
            self.seen.started = None;
        }
        if !stands {
            self.seen.refused = None;
        }
        self.told(was_told, spec);
        self.settle_on();
    }

    /// What a person is told follows the record.
    fn told(&mut self, was_told: WasTold, spec: Option<&ResellerClaimSpec>) {
        let told = spec.and_then(|spec| spec.told.as_ref());
        let Some(told) = told else {
            if was_told == WasTold::Yes || self.seen.telling != Telling::No {
                self.lift(&[Reason::AwaitingManualStep]);
            }
            self.seen.telling = Telling::No;
            return;
        };
        let clean = self.seen.clean.as_ref();
        let swept = clean.is_some_and(|clean| clean.digest() == told.inventory_digest);
        if self.seen.stage == Stage::Activate
            && swept
            && self.by_hand(WriteOperation::ActivateBackOrdering)
        {
            self.awaits_the_switch();
        }
    }

    pub(super) fn tenant(&mut self, tenant: Option<Tenant>) {
        let pinned = self
            .seen
            .claim
            .as_ref()
            .and_then(|claim| claim.tenant_id.clone());
        let alive = tenant.filter(|tenant| tenant.status != TenantStatus::MarkedAsDeleted);
        let Some(tenant) = alive else {
            if pinned.is_some() {
                self.stall(verdict(
                    Reason::TenantMissing,
                    "The tenant that this upgrade worked on is gone.",
                    "Restore the tenant in the distributor's BSS. The operator makes no second one.",
                ));
            } else if let Some(verdict) = self.no_tenant_now() {
                // The next look reads reseller and tenant again.
                self.seen.reseller = None;
                self.stall(verdict);
            } else {
                self.lift(&[
                    Reason::AwaitingConfirmation,
                    Reason::PrecheckFailed,
                    Reason::TenantSettingsDiffer,
                    Reason::AwaitingManualStep,
                ]);
                self.seen.tenant = Some(None);
            }
            return;
        };
        if matches!(
            self.seen.stage,
            Stage::VerifyCustomers | Stage::VerifyPurchases
        ) {
            // The switch is past: settings are the reseller's own affair, and nothing is written.
            self.seen.tenant = Some(Some(tenant));
            self.begin_sweep();
            return;
        }
        if pinned.is_some_and(|pinned| pinned != tenant.id.as_str())
            && !on(Mutant::ReplacementUnnoticed)
        {
            self.stall(verdict(
                Reason::TenantReplaced,
                "The reseller's tenant is another one than this upgrade worked on.",
                "Restore the former tenant in the distributor's BSS. Nothing is copied into the new one.",
            ));
            return;
        }
        let currency = self
            .seen
            .claim
            .as_ref()
            .and_then(|claim| claim.tenant_currency.clone());
        if let Some(currency) = currency.filter(|currency| *currency != tenant.currency) {
            self.stall(verdict(
                Reason::TenantSettingsDiffer,
                format!(
                    "The currency of the tenant's price list is {}; it was {currency} when the \
                     upgrade began.",
                    tenant.currency
                ),
                "Change it back in the distributor's BSS.",
            ));
            return;
        }
        if let Some(differ) = verdict::settings_differ(&tenant, &self.upgrade.tenant) {
            self.stall(differ);
            return;
        }
        match tenant.status {
            TenantStatus::InProgress => self.queued("The tenant is being created."),
            TenantStatus::Suspended => self.watch(verdict(
                Reason::TenantSuspended,
                "The tenant is suspended.",
                "Reactivate the tenant in the distributor's BSS; the operator goes on by itself.",
            )),
            TenantStatus::Active | TenantStatus::MarkedAsDeleted => self.tenant_active(tenant),
        }
    }

    /// The BSS works on the tenant. Meanwhile everything that the price list would not permit is
    /// found and told, so that people can mend it in time.
    fn queued(&mut self, how: &str) {
        let told = self.seen.foreseen.total() > 0;
        let mut message = how.to_owned();
        if told {
            message.push_str(
                " Some subscriptions or assets cannot be copied as they are; status.failures names \
                 them.",
            );
        }
        self.foresees();
        if let Some(trouble) = self.seen.foresight.trouble() {
            message.push(' ');
            message.push_str(&trouble);
        }
        let verdict = verdict(
            Reason::Progressing,
            message,
            "Nothing: the BSS works on it.",
        );
        self.poll(verdict);
    }

    /// Why a tenant must not be requested as things are.
    fn no_tenant_now(&mut self) -> Option<Verdict> {
        if self.by_hand(WriteOperation::CreateTenant) {
            let instruction = self.seen.instructions.get(&WriteOperation::CreateTenant);
            let settings = &self.upgrade.tenant;
            return Some(verdict::create_by_hand(
                instruction.map(String::as_str),
                settings,
            ));
        }
        if let Some(ask) = self.unknown_creation() {
            return Some(ask);
        }
        let claim = self.seen.claim.as_ref()?;
        let digest = settings_digest(&self.upgrade.tenant);
        match &claim.intents.create_tenant {
            Some(intent) if intent.operation_id.is_none() && intent.settings_digest != digest => {
                Some(verdict(
                    Reason::TenantSettingsDiffer,
                    "A tenant was requested with other settings than spec.tenant has now, and \
                     whether that request took effect is not known.",
                    "Set spec.tenant back to what it was.",
                ))
            }
            // What the BSS works on goes on; a request would be sent once more.
            Some(intent) if intent.operation_id.is_some() => None,
            Some(_) => self.unconfirmed(),
            None => self.unconfirmed().or_else(|| {
                let enabled = self
                    .seen
                    .reseller
                    .as_ref()
                    .is_none_or(|r| r.ordering_enabled);
                (!enabled).then(|| {
                    verdict(
                        Reason::PrecheckFailed,
                        "In the way: OrderingDisabled. A tenant can only be created for an \
                         account that may order.",
                        "Enable ordering for the account in the distributor's BSS.",
                    )
                })
            }),
        }
    }

    /// Whether the BSS makes nothing twice under one key.
    fn guarded(&self) -> bool {
        let ways = self.seen.ways.as_ref();
        ways.is_some_and(|ways| ways.copying == Copying::Guarded)
    }

    /// A tenant was requested from a BSS that might make a second one, and nobody knows what came of
    /// it: a person looks there and says so.
    fn unknown_creation(&mut self) -> Option<Verdict> {
        let guarded = self.guarded();
        let intent = self.seen.claim.as_ref()?.intents.create_tenant.as_ref()?;
        if guarded || intent.operation_id.is_some() || self.seen.creation_unknown != Some(true) {
            return None;
        }
        let id = intent_id(&intent.recorded_time, &intent.settings_digest);
        if self.upgrade.confirms(&id) {
            self.seen.creation_unknown = Some(false);
            self.seen.refused = Some(ClaimEdit::DropTenantIntent);
            return None;
        }
        Some(verdict(
            Reason::AwaitingConfirmation,
            "A tenant was requested, the reply was lost, and no tenant is to be seen. This BSS might \
             make a second one.",
            format!(
                "Look in the distributor's BSS. If a tenant is on its way, wait: it is adopted. If \
                 there is none and none will come, have it requested again: kubectl annotate tru {} \
                 -n {} --overwrite {CONFIRM_ANNOTATION}={id}",
                self.upgrade.name, self.upgrade.namespace
            ),
        ))
    }

    /// The cluster's state went back: nothing irreversible until a person confirms.
    pub(super) fn unconfirmed(&self) -> Option<Verdict> {
        let epoch = self.seen.claim.as_ref()?.unconfirmed_epoch?;
        let confirmed = self.upgrade.confirms(&epoch.to_string());
        (!confirmed && !on(Mutant::RestoreUnconfirmed)).then(|| {
            verdict(
                Reason::AwaitingConfirmation,
                "The BSS knows a later epoch than the record in this cluster: the cluster's state \
                 went back, or another operator worked on this reseller; a suspension may be lost.",
                format!(
                    "See that spec and suspension are as they should be, then confirm: kubectl \
                     annotate tru {} -n {} {}={epoch}",
                    self.upgrade.name, self.upgrade.namespace, CONFIRM_ANNOTATION
                ),
            )
        })
    }

    pub(super) fn tenant_active(&mut self, tenant: Tenant) {
        self.seen.tenant = Some(Some(tenant));
        self.seen
            .milestones
            .entry(ConditionType::TenantCreated)
            .or_insert(1);
        self.lift(&[
            Reason::Progressing,
            Reason::TenantSuspended,
            Reason::TenantMissing,
            Reason::TenantReplaced,
            Reason::TenantSettingsDiffer,
            Reason::TenantCreationFailed,
            Reason::InvalidSpec,
        ]);
        self.seen.foresight = Foreseeing::Over;
        if self.seen.stage == Stage::Opening {
            self.progressed();
            self.seen.stage = Stage::Customers;
        }
        self.begin_sweep();
        match self.seen.stage {
            Stage::Orders => self.before_the_final_sweep(),
            // Whoever looks at the tenant on the way to the switch has a doubt: the gates again.
            Stage::Activate => self.seen.enter(Stage::Orders),
            Stage::Opening
            | Stage::Customers
            | Stage::Owners
            | Stage::Pricing
            | Stage::CheckCustomers
            | Stage::Check
            | Stage::Copy
            | Stage::FinalCustomers
            | Stage::FinalPurchases
            | Stage::VerifyCustomers
            | Stage::VerifyPurchases
            | Stage::Done => {}
        }
    }

    pub(super) fn tenant_requested(&mut self, creation: TenantCreation) {
        match creation {
            TenantCreation::Started(operation) => self.seen.started = Some(operation),
            // Read it like any other tenant: settings and status are judged in one place. It may not
            // be listed at once.
            TenantCreation::Done(_) => {
                self.seen.tenant = None;
                if !self.guarded() {
                    self.seen.creation_unknown = Some(true);
                }
                self.poll(verdict(
                    Reason::Progressing,
                    "The tenant was created; looking for it.",
                    "Nothing: the operator looks by itself.",
                ));
            }
        }
    }

    pub(super) fn operation(&mut self, state: OperationState) {
        match state {
            OperationState::Running => {
                self.seen.tenant = None;
                self.queued("The tenant is in the BSS's queue.");
            }
            OperationState::Succeeded | OperationState::Gone => {
                self.seen.tenant = None;
                // An operation that nobody knows while the tenant is not listed would be asked for
                // ever: without it the same request goes out again, under the same keys.
                if state == OperationState::Gone {
                    self.seen.refused = Some(ClaimEdit::DropTenantIntent);
                    // Where the BSS might make a second one, a person says whether it is asked again.
                    if !self.guarded() {
                        self.seen.creation_unknown = Some(true);
                        self.seen.refused = Some(ClaimEdit::ForgetOperation);
                    }
                }
                self.seen.rounds = self.seen.rounds.saturating_add(1);
                if state == OperationState::Succeeded && self.seen.rounds > MANY_ROUNDS {
                    self.stall(verdict(
                        Reason::TenantMissing,
                        "The BSS says that the tenant was created, and shows none.",
                        "Look what became of it: restore it in the distributor's BSS, or create it \
                         there by hand with the values of spec.tenant. The operator adopts it, and \
                         makes no second one.",
                    ));
                    return;
                }
                self.poll(verdict(
                    Reason::Progressing,
                    "The tenant's creation has ended; looking for the tenant.",
                    "Nothing: the operator looks by itself.",
                ));
            }
            OperationState::Failed { detail } => {
                self.seen.refused = Some(ClaimEdit::DropTenantIntent);
                self.seen.tenant = None;
                self.stall(verdict(
                    Reason::TenantCreationFailed,
                    verdict::sentence(&format!("The BSS gave up creating the tenant: {detail}")),
                    "See the BSS's reason; the operator asks again by itself, spec.tenant may be changed.",
                ));
            }
        }
    }
}
