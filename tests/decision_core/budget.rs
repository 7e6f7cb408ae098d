//! Status stays within 16 KiB whatever the size of the reseller and of what a BSS says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tenant_reseller_operator::api::{
    ConditionType, Reason, StateClass, TenantResellerUpgradeStatus, TimelineEntry,
};
use tenant_reseller_operator::bss::port::{
    BlockerReason, ItemKind, SourceId, Tenant, TenantId, TenantStatus,
};
use tenant_reseller_operator::upgrade::{Draft, Exclusion, Finding, Known, ReadyState, compose};

use crate::drive::Driver;
use support::schema::over_bounds;

const REASONS: [BlockerReason; 18] = [
    BlockerReason::CurrencyMismatch,
    BlockerReason::ProductMissing,
    BlockerReason::AddonMissing,
    BlockerReason::BillingCycleMissing,
    BlockerReason::AccountNotSynced,
    BlockerReason::PricingIncomplete,
    BlockerReason::OrderNotFinal,
    BlockerReason::DuplicateCopy,
    BlockerReason::OrphanedCopy,
    BlockerReason::SourceChanged,
    BlockerReason::NotCopied,
    BlockerReason::HalfMarked,
    BlockerReason::CustomerNotCopied,
    BlockerReason::ResellerNotBasic,
    BlockerReason::TenantSuspended,
    BlockerReason::OrderingDisabled,
    BlockerReason::PriceListInactive,
    BlockerReason::BackOrderingActive,
];

/// Texts as people and a BSS may write them: plain ones, and letters that are long in bytes, cannot be
/// seen, turn the direction of reading or end a line.
fn text(longest: usize) -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '\u{10ffff}',
        '\u{202e}',
        '\u{200b}',
        '\0',
        '\n',
        'é',
        '"',
    ]);
    prop_oneof![
        prop::collection::vec(odd, 0..longest).prop_map(String::from_iter),
        prop::string::string_regex(&format!("\\PC{{0,{longest}}}")).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn status_keeps_its_budget(
        reason in 0_usize..Reason::ALL.len(),
        message in text(3000),
        action in text(3000),
        detail in text(600),
        id in "[A-Z0-9-]{1,128}",
        rows in 0_usize..200,
        url in "[a-z/]{0,4000}",
    ) {
        let reason = Reason::ALL[reason];
        prop_assume!(reason.class().is_some_and(|class| class != StateClass::Deleting));
        let mut known = Known::new(ConditionType::MILESTONES, "first.0".into());
        known.findings.looked_at_purchases = true;
        let counts = tenant_reseller_operator::upgrade::Counts {
            eligible: i64::MAX, copied: i64::MAX, failed: i64::MAX / 4,
            excluded: [
                Exclusion::Suspended, Exclusion::FutureDated, Exclusion::Trial, Exclusion::Cancelled,
                Exclusion::Expired, Exclusion::ResellersOwn,
            ].into_iter().map(|why| (why, i64::MAX)).collect(),
        };
        known.findings.counts = BTreeMap::from([
            (ItemKind::Customer, counts.clone()),
            (ItemKind::Subscription, counts.clone()),
            (ItemKind::Asset, counts),
        ]);
        for n in 0..rows {
            let why = REASONS[n % REASONS.len()].into();
            *known.findings.blockers.counts.entry(why).or_default() += i64::MAX / 400;
            known.findings.blockers.rows.push(Finding {
                reason: why,
                kind: ItemKind::Subscription.into(),
                source: SourceId(id.clone()),
                detail: Some(detail.clone()),
            });
        }
        let mut driver = Driver::new();
        driver.upgrade_claim();
        let mut claim = driver.claim.clone().unwrap();
        claim.tenant_id = Some(id.clone());
        claim.timeline = (0..16).map(|_| TimelineEntry {
            milestone: "BackOrderingActivated".to_owned(),
            started_time: Some(driver.now().wall.to_string()),
            completed_time: Some(driver.now().wall.to_string()),
            items: i64::MAX,
        }).collect();
        known.tenant.seen = Some(Some(Tenant {
            id: TenantId(id),
            url: Some(url),
            settings: driver.valid.tenant.clone().into(),
            currency: Some("EUR".to_owned()),
            business_key: None,
            status: TenantStatus::Active,
        }));
        let state = ReadyState { reason, message, next_action: action };
        let draft = Draft {
            generation: i64::MAX,
            known: Some(&known),
            claim: Some(&claim),
            state: &state,
            next_attempt: Some(std::time::Duration::from_secs(300)),
            handled: Some(&detail),
            identity: Some("acme"),
        };
        let status = compose(&TenantResellerUpgradeStatus::default(), draft, driver.now());
        let bytes = serde_json::to_vec(&status).unwrap().len();
        prop_assert!(bytes <= 16 * 1024, "{bytes} bytes");
        let over = over_bounds("TenantResellerUpgrade", "status", &serde_json::to_value(&status).unwrap());
        prop_assert_eq!(over, Vec::<String>::new());
        let again = compose(&status, draft, driver.now());
        prop_assert_eq!(status, again, "the same twice is no write");
    }
}
