//! Mistakes of the operator, and what is to find each.

use tenant_reseller_operator::mutants::Mutant;

use crate::cases;
use crate::harness::{Armed, Case, Proof};
use crate::proofs::{model_check, simulation, test};
use crate::tables;

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

fn proofs(mutant: Mutant) -> Vec<Proof> {
    use Mutant as M;
    let first: Vec<Proof> = match mutant {
        M::OrdersGateDropped => vec![simulation("an order is pending", cases::frozen)],
        M::PricingGateDropped => vec![simulation("no pricing", cases::unpriced)],
        M::CustomersGateDropped => vec![simulation("calm", cases::priced)],
        M::CheckSweepDropped => vec![
            simulation("defects", cases::defects),
            model_check("defects come and are repaired"),
        ],
        M::LookUpSkipped => vec![
            simulation("listings skip", cases::skipping),
            model_check("keys are only findable: a crash and a lost reply"),
        ],
        M::KeyWithoutTenant => vec![test("table of keys", tables::keys_name_the_tenant)],
        M::TenantBeforeRecord => vec![
            simulation("calm", cases::priced),
            model_check("nothing goes wrong"),
        ],
        M::CopiesBeforeRecord => vec![
            model_check("keys are only findable: a crash and a lost reply"),
        ],
        M::AmendmentOverwritten => vec![
            simulation("copies are amended", cases::amended),
            model_check("the reseller amends and ends copies while their sources change"),
        ],
        M::ReverseSweepLeftOut => vec![simulation("copies are orphaned", cases::orphaned)],
        M::DuplicateOverlooked => vec![simulation("people copy twice", cases::duplicated)],
        M::CopiesAfterOn => vec![simulation("calm", cases::priced)],
        M::QuietTimeSkipped => vec![simulation("late requests, keys findable", cases::findable_and_late)],
        M::LeaseNotAsked => vec![simulation("the lease is lost, no epochs", cases::deposed)],
        M::MarkedUncopiedAccepted => vec![simulation("marked by hand", cases::marked_by_hand)],
        M::CopiedUnmarkedAccepted => vec![simulation("marks come later", cases::marked_later)],
        M::SuspendedCopied | M::OthersAccountsCopied | M::OwnPurchasesCopied => vec![
            simulation("decoys", cases::decoys),
            simulation("customers move away", cases::moved_away),
        ],
        M::FinalSweepDropped => vec![simulation("late changes", cases::late_changes)],
        M::OneFinalSweepIsEnough => vec![
            simulation("no revision", cases::without_revision),
            model_check("no revision: people disable ordering, and the Storefront acts"),
            model_check("no revision, at the accepted risk of a switch that nobody guards"),
        ],
        M::RevisionsMayDiffer | M::ExpectedRevisionDropped => vec![
            simulation("the Storefront is busy", cases::busy_and_priced),
            model_check("the Storefront acts twice"),
        ],
        M::EpochDropped => vec![simulation("calm", cases::priced)],
        M::OrderingNotFrozen => vec![simulation("the switch compares nothing", cases::frozen)],
        M::ReplacementUnnoticed => vec![model_check("the tenant fails, is suspended, deleted, replaced")],
        M::SuspensionIgnored => vec![simulation("suspended", cases::suspended)],
        M::RestoreUnconfirmed => vec![simulation("the cluster goes back", cases::restored)],
        M::ClaimTaken => vec![test("table of claims", tables::a_live_holder_keeps_its_claim)],
        M::SwitchWithoutLiveRead => vec![simulation("suspended, unseen", cases::suspended_unseen)],
        M::UnknownCreationRepeated => vec![simulation("late requests, keys findable", cases::late)],
        M::VerificationSkipped => vec![simulation("the switch spoils", cases::spoilt)],
        M::LostCopyTakenForMade | M::LostSwitchTakenForDone => vec![simulation("lost requests", cases::lossy)],
    };
    first
}
