//! The view of one upgrade: what a person wants to know of it, computed from what the API server has.
//!
//! One pure function of the objects and the time; no I/O, no colour, no width. All text of others is made
//! legible here, once, for every way in which it is shown.

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use serde::Serialize;

use super::phases::{PhaseView, phases};
use super::words::{Standing, class_words, reason_named};
use crate::api::{
    ConditionList as _, ConditionType, FailureGroup, ReportKind, TenantResellerUpgrade,
    TenantResellerUpgradeStatus, UpgradeReport,
};
use crate::legible::legible;

/// Events that are shown, the latest last.
const EVENTS: usize = 5;

/// What a person wants to know of one upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The account of the reseller.
    pub reseller: String,
    /// The name that the account is expected to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reseller_name: Option<String>,
    /// The connection.
    pub connection: String,
    /// The tenant, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Where the tenant is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_url: Option<String>,
    /// How it stands, for a script.
    pub standing: Standing,
    /// The reason of `Ready`, or `NotSeen`.
    pub reason: String,
    /// What that means in general.
    pub meaning: String,
    /// What the operator says.
    pub message: String,
    /// Whether the operator has looked at the present spec.
    pub seen: Seen,
    /// Its age in seconds.
    pub age_seconds: i64,
    /// The phases, in order.
    pub phases: Vec<PhaseView>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// What is in the way, by reason.
    pub blockers: Vec<Blocker>,
    /// The reports that there are, and how many rows each has.
    pub reports: Vec<Reported>,
    /// The last events.
    pub events: Vec<EventView>,
}

/// Whether the operator has looked at the present spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Seen {
    /// It never looked at this upgrade.
    Never,
    /// It looked at an earlier spec.
    Earlier,
    /// It looked at this one.
    Present,
}

/// What an upgrade waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Who has to do what.
    pub next_action: String,
    /// For how long it has waited, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// In how many seconds the operator looks again by itself; none if that is soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_seconds: Option<i64>,
}

/// Items that are in the way for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The reason.
    pub reason: String,
    /// How many items.
    pub count: i64,
    /// A few of them.
    pub examples: Vec<Example>,
    /// What people do about it, as far as the report tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<String>,
}

/// One item that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What it is and its id: `subscription S-00042`.
    pub item: String,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A kind of report with rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reported {
    /// The kind.
    pub kind: ReportKind,
    /// Rows on all pages.
    pub rows: i64,
    /// Rows that did not fit.
    pub truncated: i64,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// How many seconds ago it was seen last.
    pub seconds_ago: i64,
    /// Whether it is a warning.
    pub warning: bool,
    /// Its reason.
    pub reason: String,
    /// What it says.
    pub note: String,
    /// How often it was seen.
    pub count: i32,
}

/// The view of an upgrade at a moment.
#[must_use]
pub fn view(
    upgrade: &TenantResellerUpgrade,
    events: &[Event],
    reports: &[UpgradeReport],
    now: Timestamp,
) -> View {
    let unseen = TenantResellerUpgradeStatus::default();
    let status = upgrade.status.as_ref().unwrap_or(&unseen);
    let ready = status.conditions.condition(ConditionType::Ready);
    let reason = ready.map(|ready| text(&ready.reason));
    let seen = seen(upgrade, status);
    let standing = standing(upgrade);
    let class = reason
        .as_deref()
        .and_then(reason_named)
        .and_then(crate::api::Reason::class);
    let created = upgrade
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0);
    let expected = upgrade.spec.reseller.expected_name.as_deref();
    let tenant = status.tenant.as_ref();
    View {
        namespace: upgrade.namespace().unwrap_or_default(),
        name: upgrade.name_any(),
        reseller: text(&upgrade.spec.reseller.account_id),
        reseller_name: expected.map(text),
        connection: text(&upgrade.spec.connection_ref.name),
        tenant: tenant.and_then(|tenant| tenant.id.as_deref()).map(text),
        tenant_url: tenant.and_then(|tenant| tenant.url.as_deref()).map(text),
        standing,
        meaning: match (class, &reason) {
            (Some(class), _) => class_words(class).to_owned(),
            (None, Some(_)) => "a reason that this version of the plugin does not know".to_owned(),
            (None, None) => "the operator has not looked at it yet".to_owned(),
        },
        reason: reason.unwrap_or_else(|| "NotSeen".to_owned()),
        message: ready.map(|ready| text(&ready.message)).unwrap_or_default(),
        seen,
        age_seconds: created.map_or(0, |created| seconds(created, now)),
        phases: phases(upgrade, status, class, now),
        waiting: waiting(status, now),
        blockers: blockers(status, reports),
        reports: reported(reports),
        events: last_events(events, now),
    }
}

/// How an upgrade stands. A status of an earlier spec, or of an object that is being deleted, says
/// nothing that a script may act on, unless it is done: a finished upgrade stays finished.
#[must_use]
pub fn standing(upgrade: &TenantResellerUpgrade) -> Standing {
    let Some(status) = &upgrade.status else {
        return Standing::Working;
    };
    let ready = status.conditions.condition(ConditionType::Ready);
    let standing = Standing::of(ready.map(|ready| ready.reason.as_str()));
    let current = seen(upgrade, status) == Seen::Present;
    let deleted = upgrade.metadata.deletion_timestamp.is_some();
    match standing {
        Standing::Done | Standing::Failed => standing,
        Standing::PersonMustAct if current && !deleted => standing,
        Standing::PersonMustAct | Standing::Working => Standing::Working,
    }
}

fn seen(upgrade: &TenantResellerUpgrade, status: &TenantResellerUpgradeStatus) -> Seen {
    match status.observed_generation {
        None | Some(..0) => Seen::Never,
        Some(observed) if Some(observed) == upgrade.metadata.generation => Seen::Present,
        Some(_) => Seen::Earlier,
    }
}

fn waiting(status: &TenantResellerUpgradeStatus, now: Timestamp) -> Option<Waiting> {
    let waiting = status.waiting_for.as_ref()?;
    let next = waiting.next_attempt_time.as_deref().and_then(instant);
    Some(Waiting {
        next_action: text(&waiting.next_action),
        seconds: instant(&waiting.since).map(|since| seconds(since, now)),
        next_attempt_seconds: next.map(|next| seconds(now, next)),
    })
}

fn blockers(status: &TenantResellerUpgradeStatus, reports: &[UpgradeReport]) -> Vec<Blocker> {
    let groups = status.failures.iter();
    groups
        .map(|group| Blocker {
            reason: text(&group.reason),
            count: group.count,
            examples: group
                .examples
                .iter()
                .map(|example| Example {
                    item: text(&format!("{} {}", example.kind, example.id)),
                    detail: example.detail.as_deref().map(text),
                })
                .collect(),
            remedies: remedies(group, reports),
        })
        .collect()
}

/// What the rows of one reason say in common, sentence by sentence from the end: the remedy. What comes
/// before it concerns single items. Where the rows agree in nothing, each text once.
fn remedies(group: &FailureGroup, reports: &[UpgradeReport]) -> Vec<String> {
    let mut texts: Vec<String> = reports
        .iter()
        .filter(|report| {
            matches!(
                report.spec.kind,
                ReportKind::Blockers | ReportKind::Verification
            )
        })
        .flat_map(|report| &report.spec.rows)
        .filter(|row| row.reason == group.reason)
        .map(|row| text(&row.remedy))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    let common = common_end(&texts);
    if common.is_empty() {
        texts.truncate(5);
        return texts;
    }
    // What all rows have in common may begin with what is wrong, which stands with the examples.
    let details = group
        .examples
        .iter()
        .filter_map(|one| one.detail.as_deref());
    let remedy = details.map(text).find_map(|detail| {
        common
            .strip_prefix(&detail)?
            .strip_prefix(". ")
            .map(str::to_owned)
    });
    vec![remedy.unwrap_or(common)]
}

/// The sentences that all texts end with.
fn common_end(texts: &[String]) -> String {
    let Some((first, others)) = texts.split_first() else {
        return String::new();
    };
    let sentences: Vec<&str> = first.split(". ").collect();
    (0..sentences.len())
        .map(|from| sentences.get(from..).unwrap_or_default().join(". "))
        .find(|tail| {
            let ends = |other: &String| other == tail || other.ends_with(&format!(". {tail}"));
            others.iter().all(ends)
        })
        .unwrap_or_default()
}

fn reported(reports: &[UpgradeReport]) -> Vec<Reported> {
    ReportKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let pages = || reports.iter().filter(|report| report.spec.kind == kind);
            let rows: usize = pages().map(|page| page.spec.rows.len()).sum();
            let truncated: i64 = pages().map(|page| page.spec.truncated).sum();
            (rows > 0 || truncated > 0).then(|| Reported {
                kind,
                rows: i64::try_from(rows).unwrap_or(i64::MAX),
                truncated,
            })
        })
        .collect()
}

fn last_events(events: &[Event], now: Timestamp) -> Vec<EventView> {
    let mut all: Vec<(Timestamp, &Event)> = events
        .iter()
        .map(|event| (last_seen(event).unwrap_or(now), event))
        .collect();
    all.sort_by_key(|(time, event)| (*time, event.metadata.name.clone()));
    let skipped = all.len().saturating_sub(EVENTS);
    all.into_iter()
        .skip(skipped)
        .map(|(time, event)| EventView {
            seconds_ago: seconds(time, now),
            warning: event.type_.as_deref() == Some("Warning"),
            reason: event.reason.as_deref().map(text).unwrap_or_default(),
            note: event.note.as_deref().map(text).unwrap_or_default(),
            count: event.series.as_ref().map_or(1, |series| series.count),
        })
        .collect()
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .map(|series| series.last_observed_time.0);
    let time = event.event_time.as_ref().map(|time| time.0);
    let created = event
        .metadata
        .creation_timestamp
        .as_ref()
        .map(|time| time.0);
    series.or(time).or(created)
}

/// The text of others in one line of visible characters.
pub(super) fn text(text: &str) -> String {
    legible(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A moment as the API has it.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Whole seconds from one moment to another, never less than none.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second()).max(0)
}
