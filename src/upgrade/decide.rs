//! `decide`: total and pure. What is known goes in; one effect at most, what people read, and
//! when to look again come out. Waiting, blocked and gated are decisions, not errors.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Now;
use super::effect::{Activate, ClaimEdit, CreateTenant, Effect, Read, WentBack, Work};
use super::keys::settings_digest;
use super::observed::{Approval, CleanFinalSweep, Observed, Stage, Verdict};
use super::sweep::Wanted;
use super::valid::{Suspension, ValidUpgrade};
use super::verdict::verdict;
use crate::api::{ConditionType, CreateTenantIntent, Reason, ResellerClaimSpec, StateClass};
use crate::bss::port::{
    BackOrdering, CopyListing, Epoch, OperationId, PageRequest, PricingOptions, PricingOutcome,
    Reseller, SourceId, TenantId,
};

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The effect, if there is one.
    pub effect: Option<Effect>,
    /// What people read.
    pub state: State,
    /// When to decide again.
    pub next: Next,
}

/// What people read: the reason of `Ready`, its message, and who must do what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Why the upgrade is as it is.
    pub reason: Reason,
    /// In a sentence.
    pub message: String,
    /// Who must do what; empty while work goes on.
    pub next_action: String,
}

/// When to decide again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the effect.
    AfterEffect,
    /// After a while, and at once if something changed.
    After(Duration),
    /// Only if something changed.
    OnChange,
}

/// Decides what to do next.
#[must_use]
pub fn decide(upgrade: &ValidUpgrade, observed: &Observed, now: Now) -> Decision {
    let decide = Decide {
        upgrade,
        seen: observed,
    };
    if observed.stage == Stage::Done {
        return decide.done(now);
    }
    if upgrade.suspended == Suspension::Suspended {
        return decide.suspended();
    }
    if let Some(edit) = decide.refusal_to_record() {
        return decide.act(Effect::Claim(edit));
    }
    decide.held_back(now).unwrap_or_else(|| decide.work())
}

struct Decide<'a> {
    upgrade: &'a ValidUpgrade,
    seen: &'a Observed,
}

impl Decide<'_> {
    /// Something asked for a wait that is not over.
    fn held_back(&self, now: Now) -> Option<Decision> {
        let until = self.seen.not_before?;
        let wait = until.checked_sub(now.monotonic)?;
        (!wait.is_zero()).then(|| Decision {
            effect: None,
            state: self.state(),
            next: Next::After(wait),
        })
    }

    /// Succeeded is said last: whoever is called done is not looked at again, so that a process that
    /// ends in between would leave the record open for good.
    fn done(&self, now: Now) -> Decision {
        let edit = match &self.seen.claim {
            // A write of it met a conflict: it is read again before it is completed.
            None => match self.held_back(now) {
                Some(held_back) => return held_back,
                None => Some(ClaimEdit::Take),
            },
            Some(claim) => self.record_of_end(claim),
        };
        match edit {
            Some(edit) => self.act(Effect::Claim(edit)),
            None => Decision {
                effect: None,
                state: State {
                    reason: Reason::Succeeded,
                    message: "The reseller is a tenant reseller; back ordering is on.".to_owned(),
                    next_action: String::new(),
                },
                next: Next::OnChange,
            },
        }
    }

    /// The record is complete before the upgrade is called done.
    fn record_of_end(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        self.unrecorded_milestone(claim).or_else(|| {
            claim
                .activation_time
                .is_none()
                .then_some(ClaimEdit::Activated {
                    approval: self.seen.approval,
                })
        })
    }

    /// Suspended: nothing is begun. A call that was sent and has no outcome yet is looked up.
    fn suspended(&self) -> Decision {
        let open = self.seen.trouble.is_some()
            && self.seen.claim.as_ref().is_some_and(|claim| {
                claim
                    .intents
                    .create_tenant
                    .as_ref()
                    .is_some_and(|i| i.operation_id.is_none())
                    || claim.intents.activate.is_some()
            });
        let (reason, message) = if open {
            (
                Reason::Suspending,
                "A call that was sent has no outcome yet; nothing new is begun.",
            )
        } else {
            (Reason::Suspended, "All work on this upgrade rests.")
        };
        let state = State {
            reason,
            message: message.to_owned(),
            next_action: "Set spec.suspend to false and remove the annotation \
                          tenantreseller.io/suspend to go on."
                .to_owned(),
        };
        let effect = open.then(|| {
            let activating = self
                .seen
                .claim
                .as_ref()
                .is_some_and(|claim| claim.intents.activate.is_some());
            Effect::Read(if activating {
                Read::Reseller
            } else {
                Read::Tenant
            })
        });
        let next = if effect.is_some() {
            Next::AfterEffect
        } else {
            Next::OnChange
        };
        Decision {
            effect,
            state,
            next,
        }
    }

    fn act(&self, effect: Effect) -> Decision {
        Decision {
            effect: Some(effect),
            state: self.state(),
            next: Next::AfterEffect,
        }
    }

    fn wait(verdict: Verdict, wait: Duration) -> Decision {
        let Verdict {
            reason,
            message,
            next_action,
        } = verdict;
        Decision {
            effect: None,
            state: State {
                reason,
                message,
                next_action,
            },
            next: Next::After(wait),
        }
    }

    /// What people read while work goes on: the verdict that stands, else the trouble, else what
    /// is being done. What a person must fix comes first.
    fn state(&self) -> State {
        let trouble = self.seen.trouble.as_ref().map(|trouble| &trouble.verdict);
        let must_fix = |v: &&Verdict| v.reason.class() == Some(StateClass::MustFix);
        let shown = trouble
            .filter(must_fix)
            .or(self.seen.verdict.as_ref())
            .or(trouble);
        match shown {
            Some(Verdict {
                reason,
                message,
                next_action,
            }) => State {
                reason: *reason,
                message: message.clone(),
                next_action: next_action.clone(),
            },
            None => State {
                reason: Reason::Progressing,
                message: doing(self.seen.stage).to_owned(),
                next_action: String::new(),
            },
        }
    }

    fn work(&self) -> Decision {
        if !self.seen.identity_agrees {
            return self.act(Effect::Read(Read::Identity));
        }
        if self.seen.capabilities.is_none() {
            return self.act(Effect::Read(Read::Capabilities));
        }
        let Some(reseller) = &self.seen.reseller else {
            return self.act(Effect::Read(Read::Reseller));
        };
        let Some(claim) = &self.seen.claim else {
            return self.act(Effect::Claim(ClaimEdit::Take));
        };
        if let Some(decision) = self.epoch(claim) {
            return decision;
        }
        if let Some(edit) = self.open_records(claim) {
            return self.act(Effect::Claim(edit));
        }
        match &self.seen.tenant {
            None => self.act(Effect::Read(Read::Tenant)),
            Some(None) => self.create_tenant(claim, reseller),
            Some(Some(tenant)) => {
                if claim.tenant_id.is_none() {
                    return self.act(Effect::Claim(ClaimEdit::PinTenant(tenant.id.clone())));
                }
                if let Some(edit) = self.unrecorded_milestone(claim) {
                    return self.act(Effect::Claim(edit));
                }
                self.stage(claim, reseller, &tenant.id)
            }
        }
    }

    /// An epoch, issued and on record, before anything is written.
    fn epoch(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        if self.seen.epoch.is_some() {
            return None;
        }
        if let Some(issued) = self.seen.issued {
            let known = claim
                .epoch
                .and_then(|epoch| u64::try_from(epoch).ok())
                .unwrap_or(0);
            let lost = issued.previous > Epoch(known) && self.seen.acquire_was_open == Some(false);
            let went_back = if lost { WentBack::Yes } else { WentBack::No };
            return Some(self.act(Effect::Claim(ClaimEdit::RecordEpoch {
                epoch: issued.epoch.0,
                went_back,
            })));
        }
        if !claim.acquiring {
            return Some(self.act(Effect::Claim(ClaimEdit::BeginAcquire)));
        }
        Some(self.act(Effect::Acquire {
            take_over: self.upgrade.take_over.clone(),
        }))
    }

    /// A definite refusal goes on record at once, not after the wait: it unfreezes `spec.tenant`,
    /// which a person has to correct now.
    fn refusal_to_record(&self) -> Option<ClaimEdit> {
        let claim = self
            .seen
            .claim
            .as_ref()
            .filter(|_| self.seen.epoch.is_some())?;
        (self.seen.drop_intent && claim.intents.create_tenant.is_some())
            .then_some(ClaimEdit::DropTenantIntent)
    }

    /// What happened and is not on record yet.
    fn open_records(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        if claim.unconfirmed_epoch.is_some() && claim.unconfirmed_epoch == self.upgrade.confirmed {
            return Some(ClaimEdit::Confirm);
        }
        let operation = self.seen.started.clone()?;
        Some(ClaimEdit::TenantStarted { operation })
    }

    fn unrecorded_milestone(&self, claim: &ResellerClaimSpec) -> Option<ClaimEdit> {
        ConditionType::MILESTONES.into_iter().find_map(|milestone| {
            let items = *self.seen.milestones.get(&milestone)?;
            let there = claim
                .timeline
                .iter()
                .any(|entry| entry.milestone == milestone.as_str());
            (!there).then_some(ClaimEdit::Milestone { milestone, items })
        })
    }

    fn create_tenant(&self, claim: &ResellerClaimSpec, reseller: &Reseller) -> Decision {
        let digest = settings_digest(&self.upgrade.tenant);
        match &claim.intents.create_tenant {
            Some(CreateTenantIntent {
                operation_id: Some(id),
                ..
            }) => self.act(Effect::Read(Read::Operation(OperationId(id.clone())))),
            Some(intent) if intent.settings_digest != digest => Self::wait(
                verdict(
                    Reason::TenantSettingsDiffer,
                    "A tenant was requested with other settings than spec.tenant has now, and \
                     whether that request took effect is not known.",
                    "Set spec.tenant back to what it was.",
                ),
                self.upgrade.pace.recheck,
            ),
            Some(_) => {
                let keys = self.upgrade.keys(&reseller.account);
                self.act(Effect::CreateTenant(CreateTenant {
                    key: keys.tenant(),
                    request: keys.tenant_request(&self.upgrade.tenant),
                    settings: self.upgrade.tenant.clone(),
                    digest,
                }))
            }
            None => {
                if let Some(decision) = self.unconfirmed(claim) {
                    return decision;
                }
                if !reseller.ordering_enabled {
                    return Self::wait(
                        verdict(
                            Reason::PrecheckFailed,
                            "In the way: OrderingDisabled. A tenant can only be created for an \
                             account that may order.",
                            "Enable ordering for the account in the distributor's BSS.",
                        ),
                        self.upgrade.pace.recheck,
                    );
                }
                self.act(Effect::Claim(ClaimEdit::IntendTenant { digest }))
            }
        }
    }

    /// The cluster's state went back: nothing irreversible until a person confirms.
    fn unconfirmed(&self, claim: &ResellerClaimSpec) -> Option<Decision> {
        let epoch = claim.unconfirmed_epoch?;
        Some(Self::wait(
            verdict(
                Reason::AwaitingConfirmation,
                "The BSS knows a later epoch than the record in the cluster: the cluster's state \
                 went back, and with it perhaps a suspension.",
                format!(
                    "See that spec and suspension are as they should be, then confirm: kubectl \
                     annotate tru {} -n {} {}={epoch}",
                    self.upgrade.name,
                    self.upgrade.namespace,
                    crate::api::CONFIRM_ANNOTATION
                ),
            ),
            self.upgrade.pace.recheck,
        ))
    }

    fn stage(&self, claim: &ResellerClaimSpec, reseller: &Reseller, tenant: &TenantId) -> Decision {
        if self.seen.stage == Stage::Pricing
            && let Some(work) = self.pricing_to_set()
        {
            return self.act(Effect::Work(work));
        }
        if let Some(sweep) = &self.seen.sweep {
            return match sweep.wanted() {
                Wanted::Pages(pages) => self.act(Effect::Read(Read::Pages(pages))),
                Wanted::Inspect(calls) => self.act(Effect::Read(Read::Inspect(calls))),
                Wanted::Find(keys) => self.act(Effect::Read(Read::Find(keys))),
                Wanted::Copy(batches) => self.act(Effect::Work(match sweep.listing() {
                    CopyListing::Customers => Work::CopyCustomers(batches),
                    CopyListing::Subscriptions => Work::CopySubscriptions(batches),
                })),
                Wanted::Nothing => self.look_afresh(),
            };
        }
        match (self.seen.stage, &self.seen.clean) {
            (Stage::Orders, _) => {
                let limit = self.seen.capabilities.as_ref().map_or(1, |c| c.page_size);
                let cursor = self.seen.orders_cursor.clone();
                self.act(Effect::Read(Read::OpenOrders(PageRequest {
                    cursor,
                    limit,
                })))
            }
            (Stage::Activate, Some(clean)) => self.activate(claim, reseller, tenant, clean),
            (
                Stage::Opening
                | Stage::Customers
                | Stage::Owners
                | Stage::Pricing
                | Stage::CheckCustomers
                | Stage::Check
                | Stage::Copy
                | Stage::FinalCustomers
                | Stage::FinalPurchases
                | Stage::Activate
                | Stage::Done,
                _,
            ) => self.look_afresh(),
        }
    }

    /// A stage without its sweep: reading the tenant begins it.
    fn look_afresh(&self) -> Decision {
        self.act(Effect::Read(Read::Tenant))
    }

    /// Declared options that were not sent in this life, then defaults.
    fn pricing_to_set(&self) -> Option<Work> {
        let batch = self
            .seen
            .capabilities
            .as_ref()
            .map_or(1, |c| usize::from(c.largest_batch));
        let mut wanted: BTreeMap<SourceId, PricingOptions> = self
            .upgrade
            .declared
            .iter()
            .filter(|(customer, declared)| {
                !self
                    .seen
                    .applied
                    .get(customer)
                    .is_some_and(|(options, outcome)| {
                        *options == declared.options && settled(outcome)
                    })
            })
            .map(|(customer, declared)| (customer.clone(), declared.options.clone()))
            .collect();
        if wanted.is_empty()
            && let Some(default) = &self.upgrade.default_pricing
        {
            wanted = self
                .seen
                .to_default
                .iter()
                .map(|id| (id.clone(), default.clone()))
                .collect();
        }
        // A customer whose options failed is tried again with the next look, not in this one.
        if self.seen.sweep.as_ref().is_some_and(super::Sweep::begun) {
            return None;
        }
        wanted.retain(|customer, options| {
            !self
                .seen
                .tried_now
                .get(customer)
                .is_some_and(|tried| tried == options)
        });
        if wanted.is_empty() {
            return None;
        }
        let all: Vec<(SourceId, PricingOptions)> = wanted.into_iter().collect();
        let batches = all
            .chunks(batch.max(1))
            .map(|c| c.iter().cloned().collect())
            .collect();
        Some(Work::SetPricing(batches))
    }

    fn activate(
        &self,
        claim: &ResellerClaimSpec,
        reseller: &Reseller,
        tenant: &TenantId,
        clean: &CleanFinalSweep,
    ) -> Decision {
        if let Some(decision) = self.unconfirmed(claim) {
            return decision;
        }
        if reseller.back_ordering != BackOrdering::Off {
            return self.look_afresh();
        }
        let intended = claim.intents.activate.as_ref().is_some_and(|intent| {
            u64::try_from(intent.revision) == Ok(clean.revision().0)
                && intent.inventory_digest == clean.digest()
        });
        if !intended {
            return self.act(Effect::Claim(ClaimEdit::IntendActivation(clean.clone())));
        }
        let keys = self.upgrade.keys(&reseller.account);
        self.act(Effect::Activate(Activate::new(
            &keys,
            tenant,
            Approval::Automatic,
            clean.clone(),
        )))
    }
}

/// Whether declared options need not be sent again.
fn settled(outcome: &PricingOutcome) -> bool {
    match outcome {
        PricingOutcome::Written | PricingOutcome::Unchanged => true,
        PricingOutcome::Differs(_) | PricingOutcome::Failed(_) | PricingOutcome::Unknown => false,
    }
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "Looking at the reseller and its tenant.",
        Stage::Customers | Stage::Owners => "Copying customers.",
        Stage::Pricing => "Looking at the customers' pricing options.",
        Stage::CheckCustomers | Stage::Check => "Checking every subscription and asset.",
        Stage::Copy => "Copying subscriptions and assets.",
        Stage::Orders | Stage::FinalCustomers | Stage::FinalPurchases => {
            "Looking at everything once more before the switch."
        }
        Stage::Activate => "Activating back ordering.",
        Stage::Done => "Back ordering is on; the record is being completed.",
    }
}
