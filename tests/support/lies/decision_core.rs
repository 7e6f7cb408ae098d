//! The same lies for a proof that calls `decide` and `observe` itself: outcomes before `observe` takes them
//! in, the valid upgrade before `decide` sees it, and what becomes of the record. A proof that goes
//! through every state keeps no memory besides the state, so a lie that needs one tells less here.

use std::borrow::Cow;
use std::time::Duration;

use tenant_reseller_operator::api::ResellerClaimSpec;
use tenant_reseller_operator::upgrade::{
    Answered, Attempted, Holding, Known, Listed, Outcome, Suspension, ValidUpgrade,
};

use super::{Liar, Lie, armed};

/// The upgrade as `decide` sees it.
pub fn upgrade<'a>(upgrade: &'a ValidUpgrade, seen: &Known) -> Cow<'a, ValidUpgrade> {
    let mut lied = Cow::Borrowed(upgrade);
    match armed() {
        Some(Lie::SuspensionIgnored) => lied.to_mut().suspended = Suspension::Running,
        Some(Lie::QuietTimeSkipped) => {
            let terms = &mut lied.to_mut().terms;
            terms.settle = Duration::ZERO;
            terms.order_settle = Duration::ZERO;
        }
        Some(Lie::CopiesBeforeRecord) if seen.sweeps.sent.is_none() => {
            lied.to_mut().terms.settle = Duration::ZERO;
        }
        _ => {}
    }
    lied
}

/// What is kept of a record that is written.
pub fn kept(record: &ResellerClaimSpec) -> Cow<'_, ResellerClaimSpec> {
    match armed() {
        None => Cow::Borrowed(record),
        Some(_) => Cow::Owned(Liar::armed().kept(record.clone())),
    }
}

/// What an effect came to, as `observe` is told it.
pub fn outcomes(upgrade: &ValidUpgrade, seen: &Known, outcomes: Vec<Outcome>) -> Vec<Outcome> {
    if armed().is_none() {
        return outcomes;
    }
    let liar = Liar::armed();
    let lied = outcomes.into_iter();
    lied.map(|outcome| outcome_of(&liar, (upgrade, seen), outcome))
        .collect()
}

fn outcome_of(liar: &Liar, (upgrade, seen): (&ValidUpgrade, &Known), told: Outcome) -> Outcome {
    let account = &upgrade.account;
    match told {
        Outcome::Capabilities(can) => Outcome::Capabilities(liar.capabilities(can)),
        Outcome::Reseller(reseller) => Outcome::Reseller(liar.reseller(reseller)),
        Outcome::OpenOrders(page) => Outcome::OpenOrders(liar.open_orders(page)),
        Outcome::Page {
            from,
            page: Listed::Customers(page),
        } => {
            let page = Listed::Customers(liar.customers(account, page));
            Outcome::Page { from, page }
        }
        Outcome::Priced(Answered { asked, answers }) => Outcome::Priced(Answered {
            asked,
            answers: liar.pricing(answers),
        }),
        Outcome::Checked(Answered { asked, answers }) => Outcome::Checked(Answered {
            asked,
            answers: liar.checked(answers),
        }),
        Outcome::Found { asked, found } => Outcome::Found {
            asked,
            found: liar.found(found),
        },
        Outcome::CopyOutcomeUnknown { sources, error } => match liar.copied(&sources, Err(error)) {
            Ok(copied) => Outcome::Copied(copied),
            Err(error) => Outcome::CopyOutcomeUnknown { sources, error },
        },
        Outcome::Acquired(issued) => {
            Outcome::Acquired(liar.issued(issued, &seen.fencing.acquisition))
        }
        Outcome::Claim(Holding::Ours(record)) => {
            Outcome::Claim(Holding::Ours(Box::new(liar.record(*record))))
        }
        Outcome::Failed {
            attempted: Attempted::CreateTenant,
            error,
        } => Outcome::Failed {
            attempted: Attempted::CreateTenant,
            error: liar.creation_failed(error),
        },
        Outcome::Failed {
            attempted: Attempted::Activate,
            error,
        } => match liar.switched(Err(error)) {
            Ok(how) => Outcome::Activation(how),
            Err(error) => Outcome::Failed {
                attempted: Attempted::Activate,
                error,
            },
        },
        told => told,
    }
}
