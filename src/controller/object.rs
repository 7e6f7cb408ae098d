//! What the operator reads off an upgrade object: its name, its finalizer and what its status says.
//!
//! Pure functions of the object; they touch nothing and decide nothing.

use crate::api::{
    Condition, ConditionList as _, ConditionType, FINALIZER, REQUESTED_AT_ANNOTATION, Reason,
    TenantResellerUpgrade,
};

/// The uid; empty only for an object that the API server never saw.
pub(super) fn uid(upgrade: &TenantResellerUpgrade) -> &str {
    upgrade.metadata.uid.as_deref().unwrap_or_default()
}

/// Where an object is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

pub(super) fn key(upgrade: &TenantResellerUpgrade) -> Key<'_> {
    Key {
        namespace: upgrade.metadata.namespace.as_deref().unwrap_or_default(),
        name: upgrade.metadata.name.as_deref().unwrap_or_default(),
    }
}

pub(super) fn is_being_deleted(upgrade: &TenantResellerUpgrade) -> bool {
    upgrade.metadata.deletion_timestamp.is_some()
}

pub(super) fn has_finalizer(upgrade: &TenantResellerUpgrade) -> bool {
    let mut finalizers = upgrade.metadata.finalizers.iter().flatten();
    finalizers.any(|name| name == FINALIZER)
}

/// Whether the status is about the present spec.
pub(super) fn is_observed(upgrade: &TenantResellerUpgrade) -> bool {
    let known = upgrade.status.as_ref().and_then(|s| s.observed_generation);
    known == upgrade.metadata.generation
}

/// Whether the upgrade has succeeded, which it does once and for good.
pub(super) fn has_succeeded(upgrade: &TenantResellerUpgrade) -> bool {
    upgrade
        .status
        .as_ref()
        .is_some_and(|status| status.conditions.holds(ConditionType::Succeeded))
}

/// The condition `Ready`.
pub(super) fn ready(upgrade: &TenantResellerUpgrade) -> Option<&Condition> {
    upgrade
        .status
        .as_ref()?
        .conditions
        .condition(ConditionType::Ready)
}

/// The reason of `Ready`.
pub(super) fn ready_reason(upgrade: &TenantResellerUpgrade) -> Option<Reason> {
    let ready = ready(upgrade)?;
    Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == ready.reason)
}

/// The milestones that the status shows as reached.
pub(super) fn milestones(upgrade: &TenantResellerUpgrade) -> Vec<ConditionType> {
    let Some(status) = &upgrade.status else {
        return Vec::new();
    };
    ConditionType::MILESTONES
        .into_iter()
        .filter(|milestone| status.conditions.holds(*milestone))
        .collect()
}

/// The last look that a person asked for.
pub(super) fn requested_at(upgrade: &TenantResellerUpgrade) -> Option<String> {
    let annotations = upgrade.metadata.annotations.as_ref()?;
    annotations.get(REQUESTED_AT_ANNOTATION).cloned()
}

/// A copy without the status, which is the largest part of the object.
pub(super) fn without_status(upgrade: &TenantResellerUpgrade) -> TenantResellerUpgrade {
    TenantResellerUpgrade {
        metadata: upgrade.metadata.clone(),
        spec: upgrade.spec.clone(),
        status: None,
    }
}
