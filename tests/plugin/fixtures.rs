//! Upgrades in every state, composed as the operator composes them.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use serde_json::{Value, json};
use tenant_reseller_operator::api::{
    ConditionStatus, ConditionType, DesiredCondition, Reason, ResellerClaimSpec, StateClass,
    TenantResellerUpgrade, TenantResellerUpgradeStatus, UpgradeReport,
};
use tenant_reseller_operator::upgrade::{Draft, Now, ReadyState, compose};

/// Items of each milestone.
const ITEMS: [i64; 6] = [1, 1_200, 87, 3_200, 1, 4_400];

/// When everything began.
pub(crate) fn at(second: i64) -> Timestamp {
    "2026-12-05T20:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(second)
}

/// When it is looked at.
pub(crate) fn now() -> Timestamp {
    at(600)
}

fn wall(second: i64) -> Now {
    Now {
        wall: at(second),
        monotonic: Duration::ZERO,
    }
}

/// Every reason of the state table.
pub(crate) fn reasons() -> impl Iterator<Item = Reason> {
    Reason::ALL
        .into_iter()
        .filter(|reason| reason.class().is_some())
}

/// How many milestones are behind an upgrade that has this reason.
fn behind(reason: Reason) -> usize {
    use Reason as R;
    match reason {
        R::Succeeded => 6,
        R::VerificationFailed => 5,
        R::AwaitingOrders | R::Settling => 4,
        R::Progressing
        | R::ProgressingWithRetry
        | R::Throttled
        | R::PrecheckFailed
        | R::ItemsFailed
        | R::DuplicateCopy
        | R::OrphanedCopy
        | R::SourceChanged
        | R::Suspended
        | R::Suspending
        | R::Deleting => 3,
        R::AwaitingPricing => 2,
        R::TenantSuspended | R::AwaitingTenantConnection | R::TenantReplaced => 1,
        _ => 0,
    }
}

/// What the operator would ask for.
fn next_action(reason: Reason) -> String {
    match reason {
        Reason::AwaitingConfirmation => {
            "See that spec and suspension are as they should be, then confirm: kubectl annotate tru \
             contoso -n resellers --overwrite tenantreseller.io/confirm=7"
        }
        Reason::ResellerClaimed => {
            "Make sure that the other operator has stopped for good, then take over: kubectl annotate \
             tru contoso -n resellers --overwrite tenantreseller.io/take-over='8f2a-77/resellers'"
        }
        Reason::PrecheckFailed => {
            "AddonMissing 4: Extend the price list and run Update Tenant. CurrencyMismatch 8: Cancel \
             the subscription or sell it again in the price list's currency. The operator looks again \
             by itself."
        }
        _ => "Do what is to be done, in words that are as long as those of the operator usually are.",
    }
    .to_owned()
}

/// An upgrade whose `Ready` has this reason.
pub(crate) fn upgrade(reason: Reason) -> TenantResellerUpgrade {
    let mut upgrade: TenantResellerUpgrade = serde_json::from_value(json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
        "metadata": { "name": "contoso", "namespace": "resellers", "generation": 2, "uid": "u-1",
            "creationTimestamp": at(0).to_string() },
        "spec": {
            "connectionRef": { "name": "distributor" },
            "reseller": { "accountId": "10423", "expectedName": "Contoso Ltd" },
            "tenant": { "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
                "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined" }
        }
    }))
    .unwrap();
    upgrade.status = Some(status(reason));
    if reason.class() == Some(StateClass::Deleting) {
        let deleted = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(590));
        upgrade.metadata.deletion_timestamp = Some(deleted);
    }
    upgrade
}

fn status(reason: Reason) -> TenantResellerUpgradeStatus {
    let reached = behind(reason);
    let mut before = TenantResellerUpgradeStatus::default();
    let mut timeline = Vec::new();
    for (place, milestone) in ConditionType::MILESTONES
        .into_iter()
        .take(reached)
        .enumerate()
    {
        let done = DesiredCondition {
            type_: milestone,
            status: ConditionStatus::True,
            reason: Reason::Completed,
            message: String::new(),
        };
        done.set(&mut before.conditions, 2, at(0));
        let place = i64::try_from(place).unwrap();
        timeline.push(json!({
            "milestone": milestone.as_str(), "items": ITEMS[timeline.len()],
            "startedTime": at(10 + 60 * place).to_string(),
            "completedTime": at(70 + 60 * place).to_string(),
        }));
    }
    if reached > 0 {
        before.tenant = serde_json::from_value(json!({ "id": "t-7001",
            "url": "https://contoso.bss.example.com", "requestedTime": at(10).to_string() }))
        .unwrap();
        before.progress = serde_json::from_value(progress(reached)).unwrap();
    }
    if matches!(reason, Reason::PrecheckFailed | Reason::VerificationFailed) {
        before.failures = serde_json::from_value(json!([
            { "reason": "CurrencyMismatch", "count": 8, "examples": [
                // What a BSS writes may hold anything.
                { "kind": "subscription", "id": "S-\u{202e}00042", "detail": "USD\u{1b}[31m instead of EUR\nnow" },
                { "kind": "subscription", "id": "S-00043", "detail": "USD instead of EUR" } ] },
            { "reason": "AddonMissing", "count": 4, "examples": [
                { "kind": "asset", "id": "A-7" } ] },
        ]))
        .unwrap();
    }
    let mut claim: ResellerClaimSpec = serde_json::from_value(json!({
        "bssIdentity": "acme-distribution", "resellerAccountId": "10423",
        "holder": { "namespace": "resellers", "name": "contoso", "uid": "u-1" },
        "timeline": timeline,
    }))
    .unwrap();
    claim.tenant_id = before.tenant.as_ref().and_then(|tenant| tenant.id.clone());
    let state = ReadyState {
        reason,
        message: format!("What the operator says while {} stands.", reason.as_str()),
        next_action: next_action(reason),
    };
    let draft = Draft {
        generation: 2,
        known: None,
        claim: (reached > 0).then_some(&claim),
        state: &state,
        next_attempt: Some(Duration::from_secs(400)),
        handled: None,
        identity: Some("acme-distribution"),
    };
    compose(&before, draft, wall(480))
}

fn progress(reached: usize) -> Value {
    let all = reached > 3;
    json!({
        "customers": { "eligible": 1200, "copied": if reached > 1 { 1200 } else { 340 } },
        "subscriptions": { "eligible": 3000, "copied": if all { 3000 } else { 1204 }, "failed": 12,
            "excluded": { "Suspended": 4, "Trial": 2 } },
        "assets": { "eligible": 200, "copied": if all { 200 } else { 0 } },
        "failed": 12, "display": "1,204/3,200",
    })
}

/// Two events, one of them a series.
pub(crate) fn events() -> Vec<Event> {
    serde_json::from_value(json!([
        { "metadata": { "name": "b" }, "eventTime": "2026-12-05T20:09:00.000000Z", "type": "Warning",
          "reason": "PrecheckFailed", "note": "In the way: CurrencyMismatch.", "action": "Upgrade",
          "series": { "count": 3, "lastObservedTime": "2026-12-05T20:09:30.000000Z" } },
        { "metadata": { "name": "a" }, "eventTime": "2026-12-05T20:01:10.000000Z", "type": "Normal",
          "reason": "Progressing", "note": "The tenant\u{7} is active.", "action": "Upgrade" },
    ]))
    .unwrap()
}

/// A page of blockers.
pub(crate) fn reports() -> Vec<UpgradeReport> {
    let row = |id: &str, reason: &str, remedy: &str| {
        json!({ "item": "subscription", "id": id, "verdict": "Blocked", "reason": reason,
            "remedy": remedy })
    };
    let sell = "Cancel the subscription in the distributor's BSS. Or sell it again in EUR.";
    let report = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "UpgradeReport",
        "metadata": { "name": "contoso-blockers-1" },
        "spec": { "kind": "Blockers", "page": 1, "count": 3, "truncated": 9, "rows": [
            row("S-00042", "CurrencyMismatch", &format!("USD instead of EUR. {sell}")),
            row("S-00043", "CurrencyMismatch", &format!("GBP instead of EUR. {sell}")),
            row("A-7", "AddonMissing", "Backup. Extend the price list and run Update Tenant."),
        ] },
    });
    vec![serde_json::from_value(report).unwrap()]
}
