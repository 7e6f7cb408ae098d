//! Mistakes of the BSS: a promise that it gives and breaks.

use crate::directed::Directed;
use crate::harness::{Armed, Case, Proof};
use crate::judges;
use crate::proofs::{client, directed, simulation_but};
use crate::simulation::scenario::Scenario;
use crate::{cases, directed};
use support::simulated_bss::Wrong;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let all = Wrong::ALL.iter().map(|&wrong| Case {
        of: "BSS",
        name: wrong.name(),
        about: wrong.about().trim().to_owned(),
        armed: Armed::default(),
        proofs: proofs(wrong),
    });
    all.collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each mistake, which belong side by side"
)]
fn proofs(wrong: Wrong) -> Vec<Proof> {
    use Wrong as W;
    let runs = |kind, build: fn(u64) -> Scenario| {
        simulation_but(kind, build, move |scenario| {
            scenario.world.wrong = Some(wrong);
        })
    };
    let directed = |kind, build: fn(u64) -> Directed| {
        directed(kind, 3, build, move |scenario| {
            scenario.world.wrong = Some(wrong);
        })
    };
    match wrong {
        W::TakesStaleEpochs => vec![
            runs("two leaders", cases::two_leaders),
            runs("any", cases::any),
        ],
        W::MakesSecondTenant => vec![
            directed("the creation comes twice", directed::creation_comes_twice),
            client(
                "who_is_stale_and_who_is_second",
                judges::who_is_stale_and_who_is_second,
            ),
        ],
        W::CopiesAliens => vec![directed(
            "customers leave while their copies are on their way",
            directed::moved_on_the_way,
        )],
        W::CopiesBeforeCustomer => vec![
            directed("the owner's copy vanishes", directed::owner_vanishes),
            client("what_must_not_be_copied", judges::what_must_not_be_copied),
        ],
        W::IgnoresPricing | W::IgnoresCatalogue => vec![
            runs("prices shift meanwhile", cases::shifting),
            client(
                "copies_under_wrong_circumstances",
                judges::copies_under_wrong_circumstances,
            ),
        ],
        W::CopiesAfterSwitch => vec![
            directed(
                "a copy comes after the switch",
                directed::copy_comes_after_the_switch,
            ),
            client(
                "copies_under_wrong_circumstances",
                judges::copies_under_wrong_circumstances,
            ),
        ],
        W::CopiesInactive => vec![directed(
            "suspended while the copies are on their way",
            directed::suspended_on_the_way,
        )],
        W::CopiesIntoSuspended => vec![runs("the Storefront is busy", cases::busy)],
        W::CopiesTwice => vec![runs("any", cases::any)],
        W::CopiesAgain => vec![
            directed("an ended copy comes again", directed::copy_comes_again),
            client(
                "copies_that_are_wrong_themselves",
                judges::copies_that_are_wrong_themselves,
            ),
        ],
        W::UpdatesEnded => vec![
            directed(
                "an ended copy's update comes late",
                directed::update_of_an_ended_copy,
            ),
            client("updates_that_overwrite", judges::updates_that_overwrite),
        ],
        W::OverwritesPricing => vec![
            directed("priced by two at once", directed::priced_by_two),
            client("updates_that_overwrite", judges::updates_that_overwrite),
        ],
        W::OverwritesAmendments => vec![
            directed(
                "an amended copy's update comes late",
                directed::update_of_an_amended_copy,
            ),
            client("updates_that_overwrite", judges::updates_that_overwrite),
        ],
        W::RewritesSellPrice => vec![
            runs("copies are repriced", cases::repriced_copies),
            client("updates_that_overwrite", judges::updates_that_overwrite),
        ],
        W::SwitchesBlindly => vec![
            runs("the Storefront is restless", cases::restless),
            client(
                "the_switch_at_the_wrong_moment",
                judges::the_switch_at_the_wrong_moment,
            ),
        ],
        W::SwitchesTwice => vec![
            directed("the switch comes twice", directed::switch_comes_twice),
            client(
                "the_switch_at_the_wrong_moment",
                judges::the_switch_at_the_wrong_moment,
            ),
        ],
        W::SwitchMarksNothing => vec![
            runs("calm", cases::priced),
            runs("the Storefront is busy", cases::busy),
            client(
                "both_ledgers_over_two_cycles",
                judges::both_ledgers_over_two_cycles,
            ),
        ],
        W::ForgetsMarks => vec![
            runs("sources change", cases::repriced_copies),
            client("updates_that_overwrite", judges::updates_that_overwrite),
        ],
        W::CopiesWrongly | W::SendsMail | W::PlacesOrders | W::Provisions => {
            vec![runs("calm", cases::priced)]
        }
    }
}
