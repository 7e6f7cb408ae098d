//! Step 6: show what happened: status, one event per transition, figures. Touches the cluster.
//!
//! Transitions are written at once, figures at most every fifteen seconds, and nothing that is
//! there already: every status write wakes the controller.

use std::time::Duration;

use super::super::cache::Life;
use super::super::dereference::Connector;
use super::super::reconcile::{Controller, Interrupted, Scene, Time, annotation};
use crate::api::{
    Condition, ConditionStatus, ConditionType, REQUESTED_AT_ANNOTATION, Reason, StateClass,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, only,
};
use crate::cluster::port::{Cluster, ClusterResult, Event, EventKind};
use crate::upgrade::{Draft, Outcome, State, Tried, compose};

/// Figures in status move at most so often.
const FIGURES_EVERY: Duration = Duration::from_secs(15);

impl<C: Cluster, K: Connector, T: Time> Controller<C, K, T> {
    /// Counts what came of a write.
    pub(in crate::controller) fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Copied(items) => {
                for item in items.values() {
                    self.metrics.effect_items("copy", item.word(), 1);
                }
            }
            Outcome::PricingSet(items) => {
                let items = u64::try_from(items.len()).unwrap_or(u64::MAX);
                self.metrics.effect_items("setPricing", "answered", items);
            }
            Outcome::TenantRequested(_) => self.metrics.effect("createTenant", "ok"),
            Outcome::Activation(_) => self.metrics.effect("activateBackOrdering", "ok"),
            Outcome::Acquired(_) => self.metrics.effect("acquireEpoch", "ok"),
            Outcome::CopiesLost { error, .. } => self.metrics.effect("copy", error.class()),
            Outcome::Failed { tried, error } => {
                let operation = match tried {
                    Tried::Acquire => "acquireEpoch",
                    Tried::Work => "work",
                    Tried::CreateTenant => "createTenant",
                    Tried::Activate => "activateBackOrdering",
                    Tried::Read | Tried::Watch | Tried::Reseller | Tried::Foresee => return,
                };
                self.metrics.effect(operation, error.class());
            }
            Outcome::Identity(_)
            | Outcome::Capabilities(_)
            | Outcome::Reseller(_)
            | Outcome::Tenant(_)
            | Outcome::Operation(_)
            | Outcome::OpenOrders(_)
            | Outcome::Pages(_)
            | Outcome::Priced(_)
            | Outcome::Checked(_)
            | Outcome::Found { .. }
            | Outcome::ForeseenPage(_)
            | Outcome::ForeseenChecks(_)
            | Outcome::Watched(_)
            | Outcome::Claim(_) => {}
        }
    }

    /// Writes status if it changed; answers when figures that were held back may be written.
    pub(in crate::controller) async fn show(
        &self,
        scene: &mut Scene<'_, K::Bss>,
        life: &mut Life<K::Bss>,
        state: &State,
        wait: Option<Duration>,
    ) -> Result<Option<Duration>, Interrupted> {
        let identity = Some(scene.valid.identity.clone());
        Ok(self
            .write(&mut scene.upgrade, life, (state, wait), identity.as_deref())
            .await?)
    }

    pub(in crate::controller) async fn show_bare(
        &self,
        upgrade: &mut TenantResellerUpgrade,
        life: &mut Life<K::Bss>,
        state: &State,
        wait: Option<Duration>,
    ) -> Result<(), Interrupted> {
        self.write(upgrade, life, (state, wait), None).await?;
        Ok(())
    }

    async fn write(
        &self,
        upgrade: &mut TenantResellerUpgrade,
        life: &mut Life<K::Bss>,
        (state, next_attempt): (&State, Option<Duration>),
        identity: Option<&str>,
    ) -> ClusterResult<Option<Duration>> {
        let now = self.time.now();
        let mut before = upgrade.status.clone().unwrap_or_default();
        only(
            &mut before.conditions,
            &ConditionType::ALL.map(ConditionType::as_str),
        );
        let handled = annotation(upgrade, REQUESTED_AT_ANNOTATION);
        let draft = Draft {
            generation: upgrade.metadata.generation.unwrap_or_default(),
            observed: Some(&life.observed),
            claim: life.observed.claim.as_ref(),
            state,
            next_attempt,
            handled: handled.as_deref(),
            identity,
        };
        let status = compose(&before, draft, now);
        if status == before {
            return Ok(None);
        }
        if same_but_figures(&before, &status) {
            let since = life
                .figures_written
                .map(|then| now.monotonic.saturating_sub(then));
            if let Some(left) = since.and_then(|since| FIGURES_EVERY.checked_sub(since))
                && !left.is_zero()
            {
                return Ok(Some(left));
            }
        }
        *upgrade = self.cluster.apply_status(upgrade, &status).await?;
        self.memory
            .served(upgrade.metadata.uid.as_deref().unwrap_or_default());
        life.figures_written = Some(now.monotonic);
        for event in news(&before, &status) {
            tracing::info!(reason = event.reason.as_str(), "{}", event.note);
            self.cluster.publish(upgrade, event).await;
        }
        Ok(None)
    }
}

/// The events of a change of status: one per transition.
fn news(before: &TenantResellerUpgradeStatus, after: &TenantResellerUpgradeStatus) -> Vec<Event> {
    let find = |status: &TenantResellerUpgradeStatus, type_: ConditionType| -> Option<Condition> {
        status
            .conditions
            .iter()
            .find(|c| c.type_ == type_.as_str())
            .cloned()
    };
    let mut events = Vec::new();
    for milestone in ConditionType::MILESTONES {
        let reached =
            |status| find(status, milestone).is_some_and(|c| c.status == ConditionStatus::True);
        if reached(after) && !reached(before) {
            let note = find(after, milestone)
                .map(|c| c.message)
                .unwrap_or_default();
            let note = format!("{}: {note}", milestone.as_str());
            events.push(Event {
                kind: EventKind::Normal,
                reason: Reason::Completed,
                note,
            });
        }
    }
    let reason = |status| find(status, ConditionType::Ready).map(|c| c.reason);
    if reason(after) != reason(before)
        && let Some(ready) = find(after, ConditionType::Ready)
        && let Some(reason) = Reason::ALL.into_iter().find(|r| r.as_str() == ready.reason)
    {
        let kind = match reason.class() {
            Some(StateClass::MustFix | StateClass::DoneWithDifferences) => EventKind::Warning,
            _ => EventKind::Normal,
        };
        events.push(Event {
            kind,
            reason,
            note: ready.message,
        });
    }
    events
}

/// Whether two statuses differ in nothing but counts and what is made of them.
fn same_but_figures(
    before: &TenantResellerUpgradeStatus,
    after: &TenantResellerUpgradeStatus,
) -> bool {
    let bare = |status: &TenantResellerUpgradeStatus| {
        let mut bare = status.clone();
        bare.progress = None;
        bare.failures.clear();
        bare.inventory = None;
        if let Some(waiting) = &mut bare.waiting_for {
            waiting.next_action.clear();
            waiting.next_attempt_time = None;
        }
        bare
    };
    bare(before) == bare(after)
}
