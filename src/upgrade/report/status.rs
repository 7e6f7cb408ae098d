//! Status: what people and tools read, composed from what is known. Status is a view; no decision rests on
//! it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ReadyState, cut, line};
use crate::api::{
    Condition, ConditionStatus, ConditionType, DesiredCondition, FailureExample, FailureGroup,
    Inventory, KindProgress, Phase, Progress, Reason, ResellerClaimSpec, StateClass,
    TenantResellerUpgradeStatus, TenantView, WaitingFor,
};
use crate::bss::port::ItemKind;
use crate::legible::is_legible;
use crate::upgrade::Now;
use crate::upgrade::claim::finished;
use crate::upgrade::known::{BlockersTold, Known};
use crate::upgrade::phases::Stage;
use crate::upgrade::sweep::findings::Findings;
use crate::upgrade::sweep::tally::Counts;

/// Examples over all groups of failures.
const MAX_EXAMPLES: usize = 10;
/// A longer URL of a tenant is not shown: half a URL is of no use.
const LONGEST_URL: usize = 512;
/// Messages stand in up to four conditions at a time.
const LONGEST_MESSAGE: usize = 700;
/// A longer value of `requestedAt` is shown in part.
const LONGEST_REQUEST: usize = 128;
/// Entries of the timeline: one for each milestone, and room for more.
const LONGEST_TIMELINE: usize = 10;
/// A next attempt nearer than this is not worth a status write.
const SHOWN_FROM: Duration = Duration::from_secs(30);
/// A next attempt that moved forward by no more than this is not worth one either.
const SAME_ATTEMPT: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// What a status is composed from.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The generation of the spec.
    pub generation: i64,
    /// What is known, if the work got that far.
    pub known: Option<&'a Known>,
    /// The record.
    pub claim: Option<&'a ResellerClaimSpec>,
    /// What people read.
    pub state: &'a ReadyState,
    /// When the operator looks again by itself.
    pub next_attempt: Option<Duration>,
    /// The value of `requestedAt` that was obeyed last.
    pub handled: Option<&'a str>,
    /// The BSS's name.
    pub identity: Option<&'a str>,
}

/// The status after this reconcile.
#[must_use]
pub fn compose(
    previous: &TenantResellerUpgradeStatus,
    draft: Draft<'_>,
    now: Now,
) -> TenantResellerUpgradeStatus {
    let mut status = previous.clone();
    status.observed_generation = Some(draft.generation);
    if let Some(known) = draft.known {
        seen(&mut status, known);
    }
    milestones(&mut status, draft, now);
    accepted(&mut status, draft, now);
    let message = line(&draft.state.message, LONGEST_MESSAGE);
    let summary = crate::api::summary(draft.state.reason, &message);
    summary.apply(&mut status.conditions, draft.generation, now.wall);
    for condition in &mut status.conditions {
        condition.observed_generation = draft.generation;
    }
    status.waiting_for = waiting_for(previous, draft, now);
    status.last_handled_reconcile_at = draft
        .handled
        .map(|handled| cut(handled, LONGEST_REQUEST))
        .or_else(|| previous.last_handled_reconcile_at.clone());
    if let Some(identity) = draft.identity {
        status.bss_identity = Some(identity.to_owned());
    }
    if let Some(claim) = draft.claim {
        let entries = claim.timeline.iter().take(LONGEST_TIMELINE);
        status.timeline = entries.cloned().collect();
        status.reseller_account_id = Some(claim.reseller_account_id.clone());
    }
    tenant(&mut status, draft);
    status.phase = Some(phase(&status, draft));
    status
}

fn milestones(status: &mut TenantResellerUpgradeStatus, draft: Draft<'_>, now: Now) {
    for milestone in ConditionType::MILESTONES {
        let before = holds(&status.conditions, milestone);
        let reached = before || draft.known.is_some_and(|seen| seen.reached(milestone));
        let (condition, reason, message) = if reached {
            (
                ConditionStatus::True,
                Reason::Completed,
                done_message(milestone, status),
            )
        } else if milestone == ConditionType::Verified {
            let (reason, message) = unverified(status, draft);
            (ConditionStatus::False, reason, message)
        } else {
            (
                ConditionStatus::False,
                Reason::Pending,
                pending_message(milestone),
            )
        };
        let wanted = DesiredCondition {
            type_: milestone,
            status: condition,
            reason,
            message: message.to_owned(),
        };
        wanted.set(&mut status.conditions, draft.generation, now.wall);
    }
}

/// Why both sides were not found equal.
fn unverified(status: &TenantResellerUpgradeStatus, draft: Draft<'_>) -> (Reason, &'static str) {
    let differs = draft
        .known
        .is_some_and(|seen| seen.findings.differences.total() > 0);
    let before = status
        .conditions
        .iter()
        .find(|c| c.type_ == ConditionType::Verified.as_str())
        .map(|c| c.reason.as_str());
    let was = |reason: Reason| before == Some(reason.as_str());
    if differs || was(Reason::VerificationFailed) {
        (
            Reason::VerificationFailed,
            "Source and copy of some items differ; the report Verification lists them.",
        )
    } else if draft.state.reason == Reason::Succeeded || was(Reason::NotCompared) {
        (
            Reason::NotCompared,
            "Back ordering was on before this operator looked: there is nothing to compare with.",
        )
    } else {
        (Reason::Pending, pending_message(ConditionType::Verified))
    }
}

/// Accepted once spec, references, connection and claim were all good; stays so for a generation.
fn accepted(status: &mut TenantResellerUpgradeStatus, draft: Draft<'_>, now: Now) {
    let latched = status.conditions.iter().any(|c| {
        c.type_ == ConditionType::Accepted.as_str()
            && c.status == ConditionStatus::True
            && c.observed_generation == draft.generation
    });
    let now_true = draft.known.is_some_and(|seen| {
        (seen.may_write() && seen.fencing.claim.is_some()) || seen.stage.is_past_the_switch()
    }) || draft.state.reason == Reason::Succeeded;
    let (condition, reason, message) = if latched || now_true {
        (
            ConditionStatus::True,
            Reason::Accepted,
            "Spec valid, references resolved, connection probed, reseller claimed.".to_owned(),
        )
    } else if draft.state.reason.class() == Some(StateClass::MustFix) {
        (
            ConditionStatus::False,
            draft.state.reason,
            line(&draft.state.message, LONGEST_MESSAGE),
        )
    } else {
        (
            ConditionStatus::Unknown,
            draft.state.reason,
            line(&draft.state.message, LONGEST_MESSAGE),
        )
    };
    let wanted = DesiredCondition {
        type_: ConditionType::Accepted,
        status: condition,
        reason,
        message,
    };
    wanted.set(&mut status.conditions, draft.generation, now.wall);
}

fn waiting_for(
    previous: &TenantResellerUpgradeStatus,
    draft: Draft<'_>,
    now: Now,
) -> Option<WaitingFor> {
    let waits = match draft.state.reason.class()? {
        StateClass::WaitsByItself
        | StateClass::WaitsForPeople
        | StateClass::Suspended
        | StateClass::MustFix
        | StateClass::DoneWithDifferences => true,
        StateClass::Working | StateClass::Done | StateClass::Deleting => false,
    };
    if !waits {
        return None;
    }
    let reason = draft.state.reason.as_str();
    let before = previous
        .waiting_for
        .as_ref()
        .filter(|waiting| waiting.reason == reason);
    let since = before.map_or_else(|| instant(now.wall), |waiting| waiting.since.clone());
    // A time that moves with every look would be a status write with every look: one that stands
    // stays until it is past, unless the next attempt comes clearly earlier.
    let stands = before
        .and_then(|waiting| waiting.next_attempt_time.as_ref()?.parse().ok())
        .filter(|stands: &jiff::Timestamp| *stands > now.wall);
    let next_attempt_time = draft
        .next_attempt
        .filter(|wait| *wait >= SHOWN_FROM)
        .and_then(|wait| jiff::SignedDuration::try_from(wait).ok())
        .and_then(|wait| now.wall.checked_add(wait).ok())
        .map(|next| match stands {
            Some(stands) if stands.duration_since(next) <= SAME_ATTEMPT => stands,
            Some(_) | None => next,
        })
        .map(instant);
    Some(WaitingFor {
        reason: reason.to_owned(),
        next_action: line(&draft.state.next_action, 1024),
        since,
        next_attempt_time,
    })
}

/// An instant as people read it: in whole seconds, as everywhere in Kubernetes.
fn instant(time: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

fn tenant(status: &mut TenantResellerUpgradeStatus, draft: Draft<'_>) {
    let Some(claim) = draft.claim else { return };
    let before = status.tenant.take().unwrap_or_default();
    let intent = claim.intents.create_tenant.as_ref();
    let seen = draft
        .known
        .and_then(|seen| seen.tenant.seen.clone())
        .flatten();
    let id = claim.tenant_id.clone();
    let view = TenantView {
        // Frozen from the intent on, and for good once the tenant is there.
        requested_time: intent
            .map(|intent| intent.recorded_time.clone())
            .or_else(|| before.requested_time.filter(|_| id.is_some())),
        url: seen
            .and_then(|tenant| tenant.url)
            .filter(|url| url.len() <= LONGEST_URL && is_legible(url))
            .or(before.url),
        id,
    };
    status.tenant = (view != TenantView::default()).then_some(view);
}

fn seen(status: &mut TenantResellerUpgradeStatus, known: &Known) {
    if let Some(clean) = &known.activation.clean {
        status.inventory = Some(Inventory {
            digest: clean.digest().to_owned(),
            customers: clean.count(ItemKind::Customer),
            subscriptions: clean.count(ItemKind::Subscription),
            assets: clean.count(ItemKind::Asset),
        });
    }
    if known.findings.looked_at_purchases || known.findings.told != BlockersTold::Nothing {
        status.failures = failures(&known.findings.blockers);
    }
    let counts = counts(known);
    if counts.is_empty() {
        return;
    }
    // What this process has not looked at yet stands as it was shown before.
    let before = status.progress.take().unwrap_or_default();
    let of = |kind, before| counts.get(&kind).map_or(before, kind_progress);
    let mut progress = Progress {
        customers: of(ItemKind::Customer, before.customers),
        subscriptions: of(ItemKind::Subscription, before.subscriptions),
        assets: of(ItemKind::Asset, before.assets),
        ..Progress::default()
    };
    progress.failed = progress
        .customers
        .failed
        .saturating_add(progress.subscriptions.failed)
        .saturating_add(progress.assets.failed);
    progress.display = display(&progress, known.stage);
    status.progress = Some(progress);
}

/// The counts of the last whole sweeps. A copying sweep under way shows what it has done; both figures
/// of a kind are those of one sweep, as far as it has come: apart they could show more than all.
fn counts(known: &Known) -> BTreeMap<ItemKind, Counts> {
    let mut counts = known.findings.counts.clone();
    let Some(sweep) = known
        .sweeps
        .current
        .as_ref()
        .filter(|s| s.mode == crate::upgrade::SweepMode::Copy)
    else {
        return counts;
    };
    for (kind, live) in &sweep.tally.counts {
        let known = counts.entry(*kind).or_default();
        if live.eligible >= known.eligible {
            known.eligible = live.eligible;
            known.copied = live.copied;
        } else {
            // It has not come to the end: what lies before it is as the last sweep saw it.
            known.copied = known.copied.max(live.copied).min(known.eligible);
        }
    }
    counts
}

fn kind_progress(counts: &Counts) -> KindProgress {
    let Counts {
        eligible,
        copied,
        failed,
        excluded,
    } = counts;
    KindProgress {
        eligible: *eligible,
        copied: *copied,
        failed: *failed,
        excluded: excluded
            .iter()
            .map(|(why, count)| (why.as_str().to_owned(), *count))
            .collect(),
    }
}

fn display(progress: &Progress, stage: Stage) -> String {
    let customers = matches!(stage, Stage::Opening | Stage::Customers | Stage::Owners);
    let (copied, eligible) = if customers && progress.subscriptions.eligible == 0 {
        (progress.customers.copied, progress.customers.eligible)
    } else {
        (
            progress
                .subscriptions
                .copied
                .saturating_add(progress.assets.copied),
            progress
                .subscriptions
                .eligible
                .saturating_add(progress.assets.eligible),
        )
    };
    format!("{}/{}", thousands(copied), thousands(eligible))
}

fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(i);
        if i > 0 && left.is_multiple_of(3) && digit != '-' {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn failures(blockers: &Findings) -> Vec<FailureGroup> {
    let reasons = blockers.counts.len().max(1);
    let each = (MAX_EXAMPLES.checked_div(reasons).unwrap_or(1)).max(1);
    let mut left = MAX_EXAMPLES;
    blockers
        .by_name()
        .into_iter()
        .take(20)
        .map(|(reason, count)| {
            let examples: Vec<FailureExample> = blockers
                .rows
                .iter()
                .filter(|finding| finding.reason == reason)
                .take(each.min(left))
                .map(|finding| FailureExample {
                    kind: finding.kind.as_str().to_owned(),
                    id: finding.source.0.clone(),
                    detail: finding.detail.as_deref().map(|detail| line(detail, 256)),
                })
                .collect();
            left = left.saturating_sub(examples.len());
            FailureGroup {
                reason: reason.as_str().to_owned(),
                count,
                examples,
            }
        })
        .collect()
}

fn phase(status: &TenantResellerUpgradeStatus, draft: Draft<'_>) -> Phase {
    let conditions = &status.conditions;
    let after = [
        (ConditionType::BackOrderingActivated, Phase::Verification),
        (ConditionType::SubscriptionsCopied, Phase::Activation),
        (ConditionType::PricingReady, Phase::SubscriptionCopy),
        (ConditionType::CustomersCopied, Phase::PricingGate),
        (ConditionType::TenantCreated, Phase::CustomerCopy),
        (ConditionType::Accepted, Phase::TenantCreation),
    ];
    if finished(status) || draft.state.reason == Reason::Succeeded {
        return Phase::Done;
    }
    after
        .into_iter()
        .find(|(milestone, _)| holds(conditions, *milestone))
        .map_or(Phase::Pending, |(_, phase)| phase)
}

fn holds(conditions: &[Condition], type_: ConditionType) -> bool {
    conditions
        .iter()
        .any(|c| c.type_ == type_.as_str() && c.status == ConditionStatus::True)
}

fn done_message(milestone: ConditionType, status: &TenantResellerUpgradeStatus) -> &'static str {
    let progress = status.progress.as_ref();
    let all = progress.is_none_or(|progress| progress.customers.failed == 0);
    match milestone {
        ConditionType::TenantCreated => "The tenant is active.",
        ConditionType::CustomersCopied if all => "Every customer was copied and marked.",
        // What is wrong with the others holds nothing back.
        ConditionType::CustomersCopied => {
            "Every customer that owns something to copy was copied and marked; the reports name the \
             others."
        }
        ConditionType::PricingReady => {
            "Every customer that owns a subscription to copy had its pricing options."
        }
        ConditionType::SubscriptionsCopied => "Every active subscription and asset was copied.",
        ConditionType::BackOrderingActivated => "Back ordering is on. This cannot be undone.",
        ConditionType::Verified => {
            "Source and copy of every item were compared after the switch, and agree."
        }
        ConditionType::Accepted
        | ConditionType::Ready
        | ConditionType::Succeeded
        | ConditionType::Suspended
        | ConditionType::Reconciling
        | ConditionType::Stalled => "",
    }
}

fn pending_message(milestone: ConditionType) -> &'static str {
    match milestone {
        ConditionType::TenantCreated => "The tenant is not active yet.",
        ConditionType::CustomersCopied => "Not every customer was copied yet.",
        ConditionType::PricingReady => "Not passed yet.",
        ConditionType::SubscriptionsCopied => "Not every subscription and asset was copied yet.",
        ConditionType::BackOrderingActivated => "Back ordering is off.",
        ConditionType::Verified => "Both sides were not compared yet.",
        ConditionType::Accepted
        | ConditionType::Ready
        | ConditionType::Succeeded
        | ConditionType::Suspended
        | ConditionType::Reconciling
        | ConditionType::Stalled => "",
    }
}
