//! Violations on purpose, which the judges of the simulator have to tell, and runs that must not end.

use std::sync::Arc;

use serde_json::json;
use tenant_reseller_operator::api::Reason;

use crate::cases;
use crate::simulation::run::{Record, run};
use crate::simulation::scenario::Scenario;
use support::lies::{Lie, arm};
use support::simulated_bss::{Action, TenantVerb};

/// An operator that makes this mistake is caught with these words in one of so many seeds: about twice
/// as many as it takes, as a judge that is blind for it goes through them all.
fn is_caught(lie: Lie, seeds: u64, build: fn(u64) -> Scenario, words: &str) {
    let says = |record: &Record| record.violations.iter().any(|v| v.contains(words));
    arm(Some(lie));
    let caught = (1..=seeds).any(|seed| says(&run(&build(seed), &[], false)));
    arm(None);
    assert!(caught, "nobody says {words:?}");
}

/// Status that says what is not so.
pub(crate) fn lies() {
    let words = "status does not tell the truth";
    is_caught(Lie::PricingGateDropped, 2, cases::unpriced, words);
}

/// A run that never ends.
pub(crate) fn endlessness() {
    arm(Some(Lie::EpochDropped));
    let record = run(&cases::priced(1), &[], false);
    arm(None);
    let told = record.violations.iter();
    assert_eq!(told.filter(|v| v.contains("it does not end")).count(), 1);
}

/// What is sent before a person confirmed that the cluster went back.
pub(crate) fn confirmation() {
    let words = "before anybody confirmed";
    is_caught(Lie::RestoreUnconfirmed, 25, cases::restored, words);
}

/// What is sent while the upgrade is suspended.
pub(crate) fn suspensions() {
    let words = "while the upgrade is suspended";
    is_caught(Lie::SuspensionIgnored, 5, cases::suspended, words);
}

/// What a process sends that does not lead.
pub(crate) fn leases() {
    let words = "by a process that does not lead";
    is_caught(Lie::LeaseNotAsked, 10, cases::deposed, words);
}

/// A switch that is asked for without the revision.
pub(crate) fn expectations() {
    let words = "SwitchWithoutRevision";
    is_caught(Lie::ExpectedRevisionDropped, 2, cases::priced, words);
}

/// A status that no tool can read.
pub(crate) fn status_rules() {
    let mut core = cases::priced(1).begin(false);
    let upgrades = &mut core.clusters[0].etcd.upgrades;
    let (key, upgrade) = upgrades.iter_mut().next().unwrap();
    let key = key.clone();
    let status = json!({
        "observedGeneration": 1,
        "conditions": [{
            "type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    });
    Arc::make_mut(upgrade).status = Some(serde_json::from_value(status).unwrap());
    core.shown(0, &key, None);
    let told = core.violations.iter();
    let told: Vec<&String> = told
        .filter(|v| v.contains("status against its rules"))
        .collect();
    assert_eq!(
        told.len(),
        1,
        "Ready is Unknown, and nothing reconciles: {:?}",
        core.violations
    );
}

/// A tenant that was replaced in the middle stops everything until people decide.
pub(crate) fn a_replaced_tenant_stops_everything() {
    let mut scenario = cases::one_world();
    scenario.script = vec![(40, Action::Tenant(TenantVerb::Replace))];
    let record = run(&scenario, &[], false);
    assert!(
        record.actions.contains_key("Tenant replaced"),
        "it was not replaced"
    );
    assert!(
        record.reasons.contains(&Reason::TenantReplaced),
        "nobody is told: {:?}",
        record.reasons
    );
    assert!(!record.effects.contains_key("activate"), "it goes on");
}

/// Of two upgrades of one reseller one waits until the other has finished.
pub(crate) fn a_reseller_is_held_by_one_upgrade() {
    let mut scenario = cases::one_world();
    scenario.rival = Some("contoso-again");
    let record = run(&scenario, &[], false);
    assert!(
        record.reasons.contains(&Reason::ResellerClaimed),
        "both went to work: {:?}",
        record.reasons
    );
    assert_eq!(record.violations, Vec::<String>::new());
}

/// What the switch itself corrupts is told after it.
pub(crate) fn what_the_switch_corrupts_is_found() {
    let record = run(&cases::corrupted(1), &[], false);
    assert!(
        record.actions.contains_key("CorruptAtSwitch"),
        "nothing was corrupted"
    );
    assert!(
        record.reasons.contains(&Reason::VerificationFailed),
        "nobody is told: {:?}",
        record.reasons
    );
}
