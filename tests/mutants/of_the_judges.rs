//! Judges that do not look, and the tests of the judges.

use crate::harness::{Armed, Case, Proof};
use crate::judges;
use crate::proofs::test;
use crate::seeded;
use support::simulated_bss::DisabledRule;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let all = DisabledRule::ALL.iter().map(|&disabled_rule| Case {
        of: "judge",
        name: disabled_rule.name(),
        about: disabled_rule.about().trim().to_owned(),
        armed: Armed {
            disabled_rule: Some(disabled_rule),
            ..Armed::default()
        },
        proofs: proofs(disabled_rule),
    });
    all.collect()
}

fn proofs(disabled_rule: DisabledRule) -> Vec<Proof> {
    use DisabledRule as B;
    let (name, body): (&'static str, fn()) = match disabled_rule {
        B::Lies => ("lies", seeded::lies),
        B::StatusRules => ("status_rules", seeded::status_rules),
        B::Endlessness => ("endlessness", seeded::endlessness),
        B::Suspensions => ("suspensions", seeded::suspensions),
        B::Leases => ("leases", seeded::leases),
        B::Expectations => ("expectations", seeded::expectations),
        B::Confirmation => ("confirmation", seeded::confirmation),
        B::StaleEpochs | B::SecondTenants => (
            "who_is_stale_and_who_is_second",
            judges::who_is_stale_and_who_is_second,
        ),
        B::Aliens | B::InactiveSources => {
            ("what_must_not_be_copied", judges::what_must_not_be_copied)
        }
        B::Orders | B::Provisionings => (
            "copies_under_wrong_circumstances",
            judges::copies_under_wrong_circumstances,
        ),
        B::Duplicates | B::Mails => (
            "copies_that_are_wrong_themselves",
            judges::copies_that_are_wrong_themselves,
        ),
        B::Marks | B::Amendments => ("updates_that_overwrite", judges::updates_that_overwrite),
        B::Moment | B::SecondSwitch => (
            "the_switch_at_the_wrong_moment",
            judges::the_switch_at_the_wrong_moment,
        ),
        B::SecondPeriod
        | B::LostItems
        | B::UnchargedCustomers
        | B::Orphans
        | B::Quantities
        | B::Cancellations => (
            "both_ledgers_over_two_cycles",
            judges::both_ledgers_over_two_cycles,
        ),
    };
    vec![test(name, body)]
}
