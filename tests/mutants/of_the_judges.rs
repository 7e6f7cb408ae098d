//! Judges that do not look, and the tests of the judges.

use crate::harness::{Armed, Case, Proof};
use crate::judges;
use crate::proofs::test;
use crate::seeded;
use crate::simulated_bss::Blind;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let all = Blind::ALL.iter().map(|&blind| Case {
        of: "judge",
        name: blind.name(),
        about: blind.about().trim().to_owned(),
        armed: Armed {
            blind: Some(blind),
            ..Armed::default()
        },
        proofs: proofs(blind),
    });
    all.collect()
}

fn proofs(blind: Blind) -> Vec<Proof> {
    use Blind as B;
    let (name, body): (&'static str, fn()) = match blind {
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
