//! Mistakes of the operator, and what is to find each.

use tenant_reseller_operator::mutants::Mutant;

use crate::cases;
use crate::harness::{Armed, Case, Proof};
use crate::proofs::{kill_matrix, model_check, simulation};

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

fn proofs(_mutant: Mutant) -> Vec<Proof> {
    vec![
        simulation("any", cases::any),
        simulation("busy", cases::busy),
        simulation("busy_and_priced", cases::busy_and_priced),
        simulation("decoys", cases::decoys),
        simulation("findable", cases::findable),
        simulation("findable_and_late", cases::findable_and_late),
        simulation("frozen", cases::frozen),
        simulation("frozen_and_unseen", cases::frozen_and_unseen),
        simulation("without_revision", cases::without_revision),
        simulation("unguarded", cases::unguarded),
        simulation("two_leaders", cases::two_leaders),
        simulation("restored", cases::restored),
        simulation("suspended", cases::suspended),
        simulation("moved", cases::moved),
        simulation("marked_later", cases::marked_later),
        simulation("marked_by_hand", cases::marked_by_hand),
        simulation("by_hand", cases::by_hand),
        simulation("pressed", cases::pressed),
        simulation("defects", cases::defects),
        simulation("amended", cases::amended),
        kill_matrix(),
        model_check("the tenant is replaced, a crash and a lost reply"),
    ]
}
