//! Rates, estimates and remedies.

use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::plugin::phases::Mark;
use tenant_reseller_operator::plugin::view::view;

use crate::fixtures::{events, now, reports, upgrade};

/// Phase 3 began 250 s in and is looked at after 600 s: 1,204 items in 350 s, 1,796 left.
#[test]
fn a_phase_that_runs_has_a_rate_and_an_estimate_and_one_that_waits_has_none() {
    let running = view(&upgrade(Reason::Progressing), &[], &[], now());
    let phase = running
        .phases
        .iter()
        .find(|phase| phase.mark == Mark::Now)
        .unwrap();
    assert_eq!(phase.milestone, "SubscriptionsCopied");
    let bar = &phase.bars[0];
    let began = 70 + 60 * 2;
    let tenths = 1204 * 10 / (600 - began);
    assert_eq!(bar.tenths_per_second, Some(tenths));
    assert_eq!(bar.seconds_left, Some((3000 - 1204) * 10 / tenths));
    // Nothing of it is copied yet: no rate, no promise.
    assert_eq!(phase.bars[1].tenths_per_second, None);
    let stopped = view(&upgrade(Reason::PrecheckFailed), &[], &[], now());
    let phase = stopped
        .phases
        .iter()
        .find(|phase| phase.mark == Mark::Stopped)
        .unwrap();
    assert_eq!(phase.bars[0].seconds_left, None);
    // What is behind: 1,200 customers in a minute.
    let customers = &running.phases[2];
    assert_eq!((customers.items, customers.seconds), (Some(1200), Some(60)));
    assert_eq!(customers.tenths_per_second, Some(200));
}

#[test]
fn a_remedy_is_what_all_rows_of_a_reason_say() {
    let view = view(
        &upgrade(Reason::PrecheckFailed),
        &events(),
        &reports(),
        now(),
    );
    let remedies: Vec<&[String]> = view
        .blockers
        .iter()
        .map(|group| group.remedies.as_slice())
        .collect();
    assert_eq!(
        remedies,
        [
            [
                "Cancel the subscription in the distributor's BSS. Or sell it again in EUR."
                    .to_owned()
            ],
            ["Backup. Extend the price list and run Update Tenant.".to_owned()],
        ]
    );
    assert_eq!((view.reports[0].rows, view.reports[0].truncated), (3, 9));
    // The latest is the last, and a series counts as when it was seen last.
    let events: Vec<(&str, i32)> = view
        .events
        .iter()
        .map(|event| (event.reason.as_str(), event.count))
        .collect();
    assert_eq!(events, [("Progressing", 1), ("PrecheckFailed", 3)]);
}
