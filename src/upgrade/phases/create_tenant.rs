//! Phase 1: the tenant is requested once, under its key, and looked at until it is active. A tenant that
//! exists already is adopted.

use crate::api::{
    CONFIRM_ANNOTATION, ConditionType, CreateTenantIntent, Reason, ResellerClaimSpec,
};
use crate::bss::error::BssError;
use crate::bss::port::{
    OperationId, OperationState, Reseller, Tenant, TenantAccess, TenantCreation, TenantId,
    TenantStatus, WriteOperation,
};
use crate::upgrade::annotations::not_as_asked;
use crate::upgrade::decide::{Decide, Decision, Next};
use crate::upgrade::effect::{ClaimEdit, CreateTenant, Effect, Read};
use crate::upgrade::keys::{intent_id, settings_digest};
use crate::upgrade::observe::{MANY_ROUNDS, Observe};
use crate::upgrade::phases::{Part, Stage};
use crate::upgrade::report::ReadyState;
use crate::upgrade::report::messages;
use crate::upgrade::report::messages::{SpecTenant, ready_state};
use crate::upgrade::strategy::Copying;
use crate::upgrade::sweep::preflight::PreflightState;
use crate::upgrade::validated::TenantConnection;

const CREATION_ENDED: &str = "The tenant's creation has ended; looking for the tenant.";

impl Decide<'_> {
    /// There is no tenant, and nothing speaks against requesting one: `no_tenant_now` has checked that.
    pub(in crate::upgrade) fn create_tenant(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
    ) -> Decision {
        let digest = settings_digest(&self.upgrade.tenant);
        match &claim.intents.create_tenant {
            Some(CreateTenantIntent {
                operation_id: Some(id),
                ..
            }) => self.act(Effect::Read(Read::Operation(OperationId(id.clone())))),
            Some(intent) if intent.settings_digest == digest => {
                if self.asks_about_creation() {
                    return self.look_afresh();
                }
                let keys = self.upgrade.keys(&reseller.account);
                self.act(Effect::CreateTenant(CreateTenant {
                    key: keys.tenant(),
                    request: keys.tenant_request(&self.upgrade.tenant, &intent.recorded_time),
                    settings: self.upgrade.tenant.clone(),
                    digest,
                }))
            }
            Some(_) => self.look_afresh(),
            None if self.unconfirmed(claim) => self.look_afresh(),
            None => self.act(Effect::Claim(ClaimEdit::IntendTenant { digest })),
        }
    }

    /// Whether a person has to say what came of a creation whose outcome is unknown.
    fn asks_about_creation(&self) -> bool {
        self.known.tenant.creation_unknown == Some(true)
            && self
                .known
                .bss
                .strategy
                .as_ref()
                .is_none_or(|strategy| strategy.copying == Copying::LookUpFirst)
    }

    /// The tenant wants an access of its own, and the spec names none yet.
    pub(super) fn awaits_tenant_connection(&self, tenant: &TenantId) -> Option<Decision> {
        let own = self.known.bss.strategy.as_ref()?.tenant_access == TenantAccess::Own;
        let missing = self.upgrade.tenant_connection == TenantConnection::NotNamed;
        (own && missing).then(|| Decision {
            effect: None,
            state: ReadyState {
                reason: Reason::AwaitingTenantConnection,
                message: "The tenant has an access of its own; the distributor's is not enough."
                    .to_owned(),
                next_action: format!(
                    "Create a BssConnection with the access of tenant {tenant} and name it in \
                     spec.tenantConnectionRef; the operator goes on by itself."
                ),
            },
            next: Next::After(self.upgrade.pace.recheck),
        })
    }
}

impl Observe<'_> {
    pub(in crate::upgrade) fn tenant(&mut self, tenant: Option<Tenant>) {
        let alive = tenant.filter(|tenant| tenant.status != TenantStatus::MarkedAsDeleted);
        let Some(tenant) = alive else {
            self.no_tenant();
            return;
        };
        if self.known.stage.part() == Part::Comparing {
            // The switch is past: settings are the reseller's own affair, and nothing is written.
            self.known.tenant.seen = Some(Some(tenant));
            self.begin_sweep();
            return;
        }
        if let Some(unfit) = self.unfit(&tenant) {
            self.stall(unfit);
            return;
        }
        match tenant.status {
            TenantStatus::InProgress => self.queued("The tenant is being created."),
            TenantStatus::Suspended => self.watch(ready_state(
                Reason::TenantSuspended,
                "The tenant is suspended.",
                "Reactivate the tenant in the distributor's BSS; the operator goes on by itself.",
            )),
            TenantStatus::Active | TenantStatus::MarkedAsDeleted => self.tenant_active(tenant),
        }
    }

    /// The BSS shows no tenant. It may be requested, unless one was worked on already or something
    /// speaks against it now.
    fn no_tenant(&mut self) {
        let claim = self.known.fencing.claim.as_ref();
        if claim.is_some_and(|claim| claim.tenant_id.is_some()) {
            self.stall(ready_state(
                Reason::TenantMissing,
                "The tenant that this upgrade worked on is gone.",
                "Restore the tenant in the distributor's BSS. The operator makes no second one.",
            ));
        } else if let Some(ready_state) = self.no_tenant_now() {
            // The next look reads reseller and tenant again.
            self.known.bss.reseller = None;
            self.stall(ready_state);
        } else {
            self.lift(&[
                Reason::AwaitingConfirmation,
                Reason::PrecheckFailed,
                Reason::TenantSettingsDiffer,
                Reason::AwaitingManualStep,
            ]);
            self.known.tenant.seen = Some(None);
        }
    }

    /// Why this upgrade cannot work on this tenant: it is another one than before, or differs from the
    /// spec.
    fn unfit(&self, tenant: &Tenant) -> Option<ReadyState> {
        let claim = self.known.fencing.claim.as_ref();
        let pinned = claim.and_then(|claim| claim.tenant_id.as_ref());
        if pinned.is_some_and(|pinned| pinned != tenant.id.as_str()) {
            return Some(ready_state(
                Reason::TenantReplaced,
                "The reseller's tenant is another one than this upgrade worked on.",
                "Restore the former tenant in the distributor's BSS. Nothing is copied into the new one.",
            ));
        }
        let began = claim.and_then(|claim| claim.tenant_currency.as_ref());
        if let Some((began, now)) = began.zip(tenant.currency.as_ref())
            && began != now
        {
            return Some(ready_state(
                Reason::TenantSettingsDiffer,
                format!(
                    "The currency of the tenant's price list is {now}; it was {began} when the \
                     upgrade began."
                ),
                "Change it back in the distributor's BSS.",
            ));
        }
        messages::settings_differ(tenant, &self.upgrade.tenant, SpecTenant::of(claim))
    }

    /// The BSS works on the tenant. Meanwhile everything that the price list would not permit is
    /// found and told, so that people can mend it in time.
    fn queued(&mut self, how: &str) {
        let ready_state = ready_state(Reason::Progressing, how, "Nothing: the BSS works on it.");
        let ready_state = self.with_preparation(ready_state);
        self.poll(ready_state);
    }

    /// Why a tenant must not be requested as things are.
    fn no_tenant_now(&mut self) -> Option<ReadyState> {
        if self.by_hand(WriteOperation::CreateTenant) {
            let instruction = self
                .known
                .bss
                .instructions
                .get(&WriteOperation::CreateTenant);
            let settings = &self.upgrade.tenant;
            let told = messages::create_by_hand(instruction.map(String::as_str), settings);
            // A person may take days for it, and can mend meanwhile what the price list would not permit.
            return Some(self.with_preparation(told));
        }
        if let Some(ask) = self.unknown_creation() {
            return Some(ask);
        }
        let claim = self.known.fencing.claim.as_ref()?;
        let digest = settings_digest(&self.upgrade.tenant);
        match &claim.intents.create_tenant {
            Some(intent) if intent.operation_id.is_none() && intent.settings_digest != digest => {
                Some(ready_state(
                    Reason::TenantSettingsDiffer,
                    "A tenant was requested with other settings than spec.tenant has now, and \
                     whether that request took effect is not known.",
                    "Set spec.tenant back to what it was. If it is frozen by now, delete this upgrade \
                     and create it again with the former settings: the record of the request stays.",
                ))
            }
            // What the BSS works on goes on; a request would be sent once more.
            Some(intent) if intent.operation_id.is_some() => None,
            Some(_) => self.unconfirmed(),
            None => self.unconfirmed().or_else(|| {
                let enabled = self
                    .known
                    .bss
                    .reseller
                    .as_ref()
                    .is_none_or(|r| r.ordering_enabled);
                (!enabled).then(|| {
                    ready_state(
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
        let strategy = self.known.bss.strategy.as_ref();
        strategy.is_some_and(|strategy| strategy.copying == Copying::Guarded)
    }

    /// A tenant was requested from a BSS that might make a second one, and it is not known what came of
    /// it: a person looks there and says so.
    fn unknown_creation(&mut self) -> Option<ReadyState> {
        let guarded = self.guarded();
        let intent = self
            .known
            .fencing
            .claim
            .as_ref()?
            .intents
            .create_tenant
            .as_ref()?;
        if guarded
            || intent.operation_id.is_some()
            || self.known.tenant.creation_unknown != Some(true)
        {
            return None;
        }
        let id = intent_id(&intent.recorded_time, &intent.settings_digest);
        if self.upgrade.confirms(&id) {
            self.known.tenant.creation_unknown = Some(false);
            self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
            return None;
        }
        let other = not_as_asked(self.upgrade, &id);
        Some(ready_state(
            Reason::AwaitingConfirmation,
            "A tenant was requested, the reply was lost, and no tenant is to be seen. This BSS might \
             make a second one.",
            format!(
                "{other}Look in the distributor's BSS. If a tenant is on its way, wait: it is adopted. If \
                 there is none and none will come, have it requested again: kubectl annotate tru {} \
                 -n {} --overwrite {CONFIRM_ANNOTATION}={id}",
                self.upgrade.name, self.upgrade.namespace
            ),
        ))
    }

    fn tenant_active(&mut self, tenant: Tenant) {
        self.known.tenant.seen = Some(Some(tenant));
        self.known
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
        self.known.tenant.preflight = PreflightState::Over;
        if self.known.stage == Stage::Opening {
            self.progressed();
            self.known.stage = Stage::Customers;
        }
        self.begin_sweep();
        self.tenant_seen();
    }

    pub(in crate::upgrade) fn tenant_requested(&mut self, creation: TenantCreation) {
        match creation {
            TenantCreation::Started(operation) => self.known.tenant.started = Some(operation),
            // Read it like any other tenant: settings and status are judged in one place. It may not
            // be listed at once.
            TenantCreation::Done(_) => {
                self.known.tenant.seen = None;
                if !self.guarded() {
                    self.known.tenant.creation_unknown = Some(true);
                }
                self.poll(ready_state(
                    Reason::Progressing,
                    "The tenant was created; looking for it.",
                    "Nothing: the operator looks by itself.",
                ));
            }
        }
    }

    pub(in crate::upgrade) fn operation(&mut self, state: OperationState) {
        match state {
            OperationState::Running => {
                self.known.tenant.seen = None;
                self.queued("The tenant is in the BSS's queue.");
            }
            OperationState::Succeeded | OperationState::Gone => {
                self.known.tenant.seen = None;
                // An operation that the BSS does not know, while the tenant is not listed, would be asked for
                // ever: without it the same request goes out again, under the same keys.
                if state == OperationState::Gone {
                    self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
                    // Where the BSS might make a second one, a person says whether it is asked again.
                    if !self.guarded() {
                        self.known.tenant.creation_unknown = Some(true);
                        self.known.fencing.refused = Some(ClaimEdit::ForgetOperation);
                    }
                }
                let first = self.looks_for_the_tenant();
                if state == OperationState::Succeeded && self.known.waiting.rounds > MANY_ROUNDS {
                    self.stall(ready_state(
                        Reason::TenantMissing,
                        "The BSS says that the tenant was created, and shows none.",
                        "Look what became of it: restore it in the distributor's BSS, or create it \
                         there by hand with the values of spec.tenant. The operator adopts it, and \
                         makes no second one.",
                    ));
                    return;
                }
                let ended = ready_state(
                    Reason::Progressing,
                    CREATION_ENDED,
                    "Nothing: the operator looks by itself.",
                );
                if first {
                    // Most BSSs list it by now.
                    self.known.wait(ended, self.now.monotonic);
                } else {
                    self.poll(ended);
                }
            }
            OperationState::Failed { detail } => {
                self.known.fencing.refused = Some(ClaimEdit::DropTenantIntent);
                self.known.tenant.seen = None;
                self.stall(ready_state(
                    Reason::TenantCreationFailed,
                    messages::sentence(&format!("The BSS gave up creating the tenant: {detail}")),
                    "See the BSS's reason; the operator asks again by itself, spec.tenant may be changed.",
                ));
            }
        }
    }

    /// The creation has ended, and the tenant may be listed in a moment: the looks are close together again. Only
    /// those that are not count as rounds, after which people are told that there is no tenant. Answers whether
    /// it is the first look.
    fn looks_for_the_tenant(&mut self) -> bool {
        let waiting = &mut self.known.waiting;
        let shown = waiting.ready_state.as_ref();
        let first = shown.is_none_or(|shown| shown.message != CREATION_ENDED);
        if first {
            waiting.polls = 0;
        } else if waiting.polls_slowly(self.upgrade.pace.poll) {
            waiting.rounds = waiting.rounds.saturating_add(1);
        }
        first
    }

    /// The request failed, or its reply was lost: then it is not known whether a tenant is made, and the tenant
    /// is looked for before anything is sent again.
    pub(super) fn creation_failed(&mut self, error: &BssError) {
        if error.effect_unknown() {
            self.known.tenant.creation_unknown = Some(true);
        }
        self.known.tenant.seen = None;
        self.call_failed(error);
        self.later_each_time();
        // The tenant that was made under our keys is gone, for example.
        if let BssError::Conflict { detail } = error
            && self.known.waiting.stumbles > MANY_ROUNDS
        {
            self.stall(messages::tenant_refused(detail));
        }
    }
}
