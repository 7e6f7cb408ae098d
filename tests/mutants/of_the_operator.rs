//! Mistakes of the operator, and what is to find each.

use tenant_reseller_operator::mutants::Mutant;

use crate::harness::{Armed, Case, Proof};
use crate::proofs::{directed, model_check, simulation, test};
use crate::{cases, directed};
use crate::{seeded, tables};

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let all = Mutant::ALL.iter().map(|&mutant| Case {
        of: "operator",
        name: mutant.name(),
        about: mutant.about().trim().to_owned(),
        armed: Armed {
            mutant: Some(mutant),
            blind: None,
        },
        proofs: proofs(mutant),
    });
    all.collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each mistake, which belong side by side"
)]
fn proofs(mutant: Mutant) -> Vec<Proof> {
    use Mutant as M;
    let first: Vec<Proof> = match mutant {
        M::OrdersGateDropped => vec![simulation("an order is pending", cases::frozen)],
        M::PricingGateDropped => vec![simulation("no pricing", cases::unpriced)],
        M::CustomersGateDropped => vec![
            simulation("lost requests", cases::lossy),
            simulation("any", cases::any),
        ],
        M::CheckSweepDropped => vec![simulation(
            "defects, and a BSS that takes them",
            cases::unfit_and_taken,
        )],
        M::LookUpSkipped => vec![
            directed("listings lag", 1, directed::listed_late, |_| {}),
            simulation("listings skip", cases::skipping),
            model_check("keys are only findable: a crash and a lost reply"),
        ],
        M::KeyWithoutTenant => vec![test("table of keys", tables::keys_name_the_tenant)],
        M::TenantBeforeRecord => vec![
            simulation("calm", cases::priced),
            model_check("nothing goes wrong"),
        ],
        M::CopiesBeforeRecord => vec![
            directed(
                "killed while copying",
                20,
                directed::killed_while_copying,
                |_| {},
            ),
            simulation("killed, the copy comes late", cases::killed_late),
            model_check("keys are only findable: a crash and a lost reply"),
        ],
        M::AmendmentOverwritten => vec![simulation(
            "amendments, and a BSS that overwrites them",
            cases::amended_and_taken,
        )],
        M::ReverseSweepLeftOut => vec![
            simulation("copies are orphaned", cases::orphaned),
            simulation("the switch compares nothing", cases::frozen),
        ],
        M::DuplicateOverlooked => vec![simulation("people copy twice", cases::duplicated)],
        M::CopiesAfterOn => vec![
            simulation("renamed, deleted, moved", cases::moved),
            simulation("any", cases::any),
        ],
        M::QuietTimeSkipped => vec![simulation(
            "late requests, keys findable",
            cases::findable_and_late,
        )],
        M::LeaseNotAsked => vec![simulation("the lease is lost, no epochs", cases::deposed)],
        M::MarkedUncopiedAccepted => vec![simulation("marked by hand", cases::marked_by_hand)],
        M::CopiedUnmarkedAccepted => vec![simulation("marks come later", cases::marked_later)],
        M::SuspendedCopied | M::OthersAccountsCopied | M::OwnPurchasesCopied => vec![
            simulation("decoys", cases::decoys),
            simulation("others are listed", cases::others_listed),
        ],
        M::FinalSweepDropped => vec![
            simulation("cancelled at the end", cases::cancelled_at_the_end),
            simulation("late changes", cases::late_changes),
        ],
        M::OneFinalSweepIsEnough => vec![simulation(
            "cancelled between sweeps",
            cases::cancelled_between_sweeps,
        )],
        M::RevisionsMayDiffer | M::ExpectedRevisionDropped => vec![
            simulation("the Storefront is busy", cases::busy_and_priced),
            simulation("the Storefront is restless", cases::restless),
        ],
        M::EpochDropped => vec![simulation("calm", cases::priced)],
        M::OrderingNotFrozen => vec![simulation(
            "the Storefront is never still",
            cases::never_still,
        )],
        M::ReplacementUnnoticed => vec![test(
            "a replaced tenant stops everything",
            seeded::a_replaced_tenant_stops_everything,
        )],
        M::SuspensionIgnored => vec![simulation("suspended", cases::suspended)],
        M::RestoreUnconfirmed => vec![simulation("the cluster goes back", cases::restored)],
        M::AcquisitionNotCompared => vec![
            model_check("the cluster goes back, and a crash"),
            simulation("the cluster goes back", cases::restored),
        ],
        M::ClaimTaken => vec![test(
            "table of claims",
            tables::a_live_holder_keeps_its_claim,
        )],
        M::SwitchWithoutLiveRead => {
            vec![
                directed(
                    "suspended before the switch, and no watch shows it",
                    4,
                    directed::suspended_before_the_switch,
                    |_| {},
                ),
                simulation("suspended, and nobody sees it", cases::unseen),
            ]
        }
        M::UnknownCreationRepeated => vec![
            directed(
                "the creation comes late, its key is forgotten",
                1,
                directed::creation_comes_late,
                |_| {},
            ),
            simulation(
                "creations come late, and a BSS that makes two",
                cases::tenants_twice,
            ),
        ],
        M::VerificationSkipped => vec![test(
            "what the switch spoils is found",
            seeded::what_the_switch_spoils_is_found,
        )],
        M::LostCopyTakenForMade => vec![simulation("lost requests", cases::lossy)],
        M::LostSwitchTakenForDone => vec![directed(
            "the switch is lost",
            1,
            directed::switch_is_lost,
            |_| {},
        )],
    };
    first
}
