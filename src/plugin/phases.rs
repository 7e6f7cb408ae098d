//! The phases of an upgrade as people see them: which are behind, where it is, how fast, and for how long
//! still.

use jiff::Timestamp;
use serde::Serialize;

use super::view::{instant, seconds, text};
use crate::api::{
    ConditionList as _, ConditionType, KindProgress, Reason, StateClass, TenantResellerUpgrade,
    TenantResellerUpgradeStatus, TimelineEntry,
};

/// A rate over less than this is chance.
const SHORTEST: i64 = 3;
/// An estimate beyond this is no estimate.
const LONGEST: i64 = 30 * 24 * 3600;

/// One phase or gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseView {
    /// The condition that it ends with.
    pub milestone: String,
    /// What it does, in words.
    pub title: String,
    /// How it stands.
    pub mark: Mark,
    /// How long it took, or has taken so far, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// How many items it covered, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<i64>,
    /// Items a second and a tenth, over the whole phase, in tenths: 125 is 12.5 a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenths_per_second: Option<i64>,
    /// How far it is, kind by kind, while it is under way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bars: Vec<Bar>,
}

/// How a phase stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Mark {
    /// It is complete.
    Done,
    /// It is under way.
    Now,
    /// It is under way and waits, and goes on by itself.
    Waits,
    /// It waits for people, or was suspended.
    People,
    /// A person must fix something.
    Stopped,
    /// It is complete with differences.
    Differs,
    /// There is nothing to do.
    Nothing,
    /// It is ahead.
    Ahead,
}

/// How far one kind of item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bar {
    /// The kind of item.
    pub what: String,
    /// Items that have their copy.
    pub copied: i64,
    /// Items to copy.
    pub eligible: i64,
    /// Items that cannot be copied as they are.
    pub failed: i64,
    /// Items that are left out, by reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<(String, i64)>,
    /// Items a second since the phase began, in tenths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenths_per_second: Option<i64>,
    /// How many seconds are left at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<i64>,
}

/// The milestones with their titles, after the acceptance that comes before them.
const TITLES: [(ConditionType, &str); 7] = [
    (
        ConditionType::Accepted,
        "Accepted: spec, connection, reseller",
    ),
    (ConditionType::TenantCreated, "1 Tenant"),
    (ConditionType::CustomersCopied, "2 Customers"),
    (ConditionType::PricingReady, "  Pricing options"),
    (
        ConditionType::SubscriptionsCopied,
        "3 Subscriptions and assets",
    ),
    (ConditionType::BackOrderingActivated, "4 Back ordering"),
    (ConditionType::Verified, "  Comparison of both sides"),
];

/// The phases in order.
pub(super) fn phases(
    upgrade: &TenantResellerUpgrade,
    status: &TenantResellerUpgradeStatus,
    class: Option<StateClass>,
    now: Timestamp,
) -> Vec<PhaseView> {
    let conditions = &status.conditions;
    // A new spec that is not accepted yet is no step back: what was reached stands.
    let any = ConditionType::MILESTONES
        .iter()
        .any(|type_| conditions.holds(*type_));
    let reached = |type_| conditions.holds(type_) || type_ == ConditionType::Accepted && any;
    let current = TITLES
        .into_iter()
        .map(|(type_, _)| type_)
        .find(|type_| !reached(*type_));
    let mut began = upgrade
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0);
    TITLES
        .into_iter()
        .map(|(type_, title)| {
            let entry = entry(status, type_);
            let mark = if reached(type_) {
                Mark::Done
            } else if current == Some(type_) {
                mark(status, type_, class)
            } else {
                Mark::Ahead
            };
            let ended = entry.and_then(|entry| instant(entry.completed_time.as_deref()?));
            let started = entry
                .and_then(|entry| instant(entry.started_time.as_deref()?))
                .or(began);
            let took = match mark {
                Mark::Done | Mark::Differs => {
                    started.zip(ended).map(|(from, to)| seconds(from, to))
                }
                Mark::Now | Mark::Waits | Mark::People | Mark::Stopped => {
                    started.map(|from| seconds(from, now))
                }
                Mark::Nothing | Mark::Ahead => None,
            };
            if let Some(ended) = ended {
                began = Some(ended);
            }
            let items = entry.map(|entry| entry.items).filter(|items| *items > 1);
            let shown = !matches!(mark, Mark::Done | Mark::Ahead | Mark::Nothing);
            let bars = if shown {
                bars(status, type_, mark, took)
            } else {
                Vec::new()
            };
            PhaseView {
                milestone: type_.as_str().to_owned(),
                title: title.to_owned(),
                mark,
                seconds: took,
                items,
                tenths_per_second: items
                    .zip(took)
                    .filter(|_| type_ != ConditionType::PricingReady)
                    .and_then(|(items, took)| rate(items, took)),
                bars,
            }
        })
        .collect()
}

fn entry(status: &TenantResellerUpgradeStatus, type_: ConditionType) -> Option<&TimelineEntry> {
    let mut entries = status.timeline.iter();
    entries.find(|entry| entry.milestone == type_.as_str())
}

/// How the phase stands that is under way.
fn mark(
    status: &TenantResellerUpgradeStatus,
    type_: ConditionType,
    class: Option<StateClass>,
) -> Mark {
    let not_compared = status
        .conditions
        .condition(type_)
        .is_some_and(|condition| condition.reason == Reason::NotCompared.as_str());
    match class {
        Some(StateClass::Working) => Mark::Now,
        Some(StateClass::WaitsByItself | StateClass::Deleting) => Mark::Waits,
        Some(StateClass::WaitsForPeople | StateClass::Suspended) => Mark::People,
        Some(StateClass::MustFix) => Mark::Stopped,
        Some(StateClass::Done) if not_compared => Mark::Nothing,
        Some(StateClass::Done) => Mark::Done,
        Some(StateClass::DoneWithDifferences) => Mark::Differs,
        None => Mark::Ahead,
    }
}

fn bars(
    status: &TenantResellerUpgradeStatus,
    type_: ConditionType,
    mark: Mark,
    took: Option<i64>,
) -> Vec<Bar> {
    let Some(progress) = &status.progress else {
        return Vec::new();
    };
    let kinds: &[(&str, &KindProgress)] = match type_ {
        ConditionType::CustomersCopied => &[("customers", &progress.customers)],
        ConditionType::SubscriptionsCopied => &[
            ("subscriptions", &progress.subscriptions),
            ("assets", &progress.assets),
        ],
        ConditionType::Accepted
        | ConditionType::TenantCreated
        | ConditionType::PricingReady
        | ConditionType::BackOrderingActivated
        | ConditionType::Verified
        | ConditionType::Ready
        | ConditionType::Succeeded
        | ConditionType::Suspended
        | ConditionType::Reconciling
        | ConditionType::Stalled => &[],
    };
    // An upgrade that waits has no rate: an estimate would promise what people have to do first.
    let took = took.filter(|_| mark == Mark::Now);
    kinds
        .iter()
        .filter(|(_, of)| of.eligible > 0 || of.failed > 0 || !of.excluded.is_empty())
        .map(|(what, of)| {
            let tenths = took.and_then(|took| rate(of.copied, took));
            let left = of.eligible.saturating_sub(of.copied).max(0);
            Bar {
                what: (*what).to_owned(),
                copied: of.copied,
                eligible: of.eligible,
                failed: of.failed,
                excluded: of
                    .excluded
                    .iter()
                    .map(|(why, count)| (text(why), *count))
                    .collect(),
                tenths_per_second: tenths,
                seconds_left: tenths
                    .and_then(|tenths| left.saturating_mul(10).checked_div(tenths))
                    .filter(|left| (1..=LONGEST).contains(left)),
            }
        })
        .collect()
}

/// Items a second in tenths; none where it would be chance or nothing.
fn rate(items: i64, seconds: i64) -> Option<i64> {
    let tenths = items.saturating_mul(10).checked_div(seconds)?;
    (seconds >= SHORTEST && tenths > 0).then_some(tenths)
}
