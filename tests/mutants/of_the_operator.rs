//! Mistakes of the operator that it makes when it is lied to, and what is to find each.

use crate::harness::{Armed, Case, Proof};
use crate::proofs::{directed, model_check, simulation, test};
use crate::{cases, directed, seeded};
use support::lies::Lie;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    let all = Lie::ALL.iter().map(|&lie| Case {
        of: "operator",
        name: lie.name(),
        about: lie.about().trim().to_owned(),
        armed: Armed {
            lie: Some(lie),
            ..Armed::default()
        },
        proofs: proofs(lie),
    });
    all.collect()
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each mistake, which belong side by side"
)]
fn proofs(lie: Lie) -> Vec<Proof> {
    use Lie as L;
    let first: Vec<Proof> = match lie {
        L::OrdersGateDropped => vec![simulation("an order is pending", cases::frozen)],
        L::PricingGateDropped => vec![simulation("no pricing", cases::unpriced)],
        L::CustomersGateDropped => vec![
            simulation("lost requests", cases::lossy),
            simulation("any", cases::any),
        ],
        L::CheckSweepDropped => vec![simulation(
            "defects, and a BSS that takes them",
            cases::unfit_and_taken,
        )],
        L::LookUpSkipped => vec![
            directed("listings lag", 1, directed::listed_late, |_| {}),
            simulation("listings skip", cases::skipping),
            model_check("keys are only findable: a crash and a lost reply"),
        ],
        L::TenantBeforeRecord => vec![model_check("nothing goes wrong")],
        L::CopiesBeforeRecord => vec![
            directed(
                "killed while copying",
                20,
                directed::killed_while_copying,
                |_| {},
            ),
            simulation("killed, the copy comes late", cases::killed_late),
            model_check("keys are only findable: a crash and a lost reply"),
        ],
        L::AmendmentOverwritten => vec![simulation(
            "amendments, and a BSS that overwrites them",
            cases::amended_and_taken,
        )],
        L::ReverseSweepLeftOut => vec![
            simulation("copies are orphaned", cases::orphaned),
            simulation("the switch compares nothing", cases::frozen),
        ],
        L::DuplicateOverlooked => vec![simulation("people copy twice", cases::duplicated)],
        L::CopiesAfterOn => vec![
            simulation("renamed, deleted, moved", cases::moved),
            simulation("any", cases::any),
        ],
        L::QuietTimeSkipped => vec![simulation(
            "late requests, keys findable",
            cases::findable_and_late,
        )],
        L::LeaseNotAsked => vec![simulation("the lease is lost, no epochs", cases::deposed)],
        L::MarkedUncopiedAccepted => vec![simulation("marked by hand", cases::marked_by_hand)],
        L::CopiedUnmarkedAccepted => vec![simulation("marks come later", cases::marked_later)],
        L::SuspendedCopied | L::OthersAccountsCopied | L::OwnPurchasesCopied => vec![
            simulation("decoys", cases::decoys),
            simulation("others are listed", cases::others_listed),
        ],
        L::OneFinalSweepIsEnough => vec![simulation(
            "cancelled between sweeps",
            cases::cancelled_between_sweeps,
        )],
        L::RevisionsMayDiffer | L::ExpectedRevisionDropped => vec![
            simulation("the Storefront is busy", cases::busy_and_priced),
            simulation("the Storefront is restless", cases::restless),
        ],
        L::EpochDropped => vec![simulation("calm", cases::priced)],
        L::OrderingNotFrozen => vec![simulation(
            "the Storefront is never still",
            cases::never_still,
        )],
        L::ReplacementUnnoticed => vec![test(
            "a replaced tenant stops everything",
            seeded::a_replaced_tenant_stops_everything,
        )],
        L::SuspensionIgnored => vec![simulation("suspended", cases::suspended)],
        L::RestoreUnconfirmed => vec![simulation("the cluster goes back", cases::restored)],
        L::AcquisitionNotCompared => vec![
            model_check("the cluster goes back, and a crash"),
            simulation("the cluster goes back", cases::restored),
        ],
        L::ClaimTaken => vec![test(
            "a reseller is held by one upgrade",
            seeded::a_reseller_is_held_by_one_upgrade,
        )],
        L::SwitchWithoutLiveRead => {
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
        L::UnknownCreationRepeated => vec![
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
        L::VerificationSkipped => vec![test(
            "what the switch corrupts is found",
            seeded::what_the_switch_corrupts_is_found,
        )],
        L::LostCopyTakenForMade => vec![simulation("lost requests", cases::lossy)],
        L::LostSwitchTakenForDone => vec![directed(
            "the switch is lost",
            1,
            directed::switch_is_lost,
            |_| {},
        )],
    };
    first
}
