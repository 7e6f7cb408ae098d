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
            mutant: None,
            blind: Some(blind),
        },
        proofs: proofs(),
    });
    all.collect()
}

fn proofs() -> Vec<Proof> {
    let tests: [(&'static str, fn()); 14] = [
        (
            "who_is_stale_and_who_is_second",
            judges::who_is_stale_and_who_is_second,
        ),
        ("what_must_not_be_copied", judges::what_must_not_be_copied),
        (
            "copies_under_wrong_circumstances",
            judges::copies_under_wrong_circumstances,
        ),
        (
            "copies_that_are_wrong_themselves",
            judges::copies_that_are_wrong_themselves,
        ),
        ("updates_that_overwrite", judges::updates_that_overwrite),
        (
            "the_switch_at_the_wrong_moment",
            judges::the_switch_at_the_wrong_moment,
        ),
        (
            "both_ledgers_over_two_cycles",
            judges::both_ledgers_over_two_cycles,
        ),
        ("status_rules", seeded::status_rules),
        ("lies", seeded::lies),
        ("expectations", seeded::expectations),
        ("suspensions", seeded::suspensions),
        ("leases", seeded::leases),
        ("confirmation", seeded::confirmation),
        ("endlessness", seeded::endlessness),
    ];
    let proofs = tests.into_iter().map(|(name, body)| test(name, body));
    proofs.collect()
}
