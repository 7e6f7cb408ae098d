//! The driver of `decide` and `observe`, one call of the BSS at a time: the tables and the model check go on with it.
//! The simulator needs none, because it runs the controller itself.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tenant_reseller_operator::api::ResellerClaimSpec;
use tenant_reseller_operator::upgrade::{
    ClaimEdit, Decision, Effect, Holding, Known, Now, Outcome, SweepCall, ValidUpgrade,
    apply_claim_edit, decide, observe_all, observe_one_of_many,
};

use crate::calls::{Reply, UnderWay};
use crate::lies::decision_core;

/// What changed what an operator knows.
#[derive(Clone, Debug)]
pub enum Change {
    /// All outcomes of an effect.
    All(Vec<Outcome>),
    /// The answer of one call of a sweep, while others are under way.
    One(Box<Outcome>),
    /// Calls of a sweep are under way from now on.
    Begins(Vec<SweepCall>),
}

/// An operator of one upgrade.
pub trait Driven {
    /// What it knows.
    fn known(&self) -> &Known;

    /// The present moment.
    fn now(&self) -> Now;

    /// Changes what it knows.
    fn edit(&mut self, change: impl FnOnce(&mut Known));

    /// What is done with what it knows after each change.
    fn normal(_upgrade: &ValidUpgrade, _known: &mut Known) {}

    /// Whether it is told of each change.
    fn is_told(&self) -> bool {
        false
    }

    /// It is told of a change, and what it decides since.
    fn told(&mut self, _change: Change, _decision: Option<Decision>) {}

    /// What it decides now.
    fn decide(&self, upgrade: &ValidUpgrade) -> Decision {
        let upgrade = decision_core::upgrade(upgrade, self.known());
        decide(&upgrade, self.known(), self.now())
    }

    /// An effect is under way from now on.
    fn begins(&mut self, effect: &Effect) {
        if let Effect::Sweep(calls) = effect {
            self.edit(|known| known.sweeps.begins(calls));
            if self.is_told() {
                self.told(Change::Begins(calls.clone()), None);
            }
        }
    }

    /// Takes in all that an effect came to.
    fn observe(&mut self, upgrade: &ValidUpgrade, outcomes: Vec<Outcome>) {
        let upgrade = &*decision_core::upgrade(upgrade, self.known());
        let outcomes = decision_core::outcomes(upgrade, self.known(), outcomes);
        let kept = self.is_told().then(|| outcomes.clone());
        let now = self.now();
        self.edit(|known| {
            observe_all(upgrade, known, outcomes, now);
            Self::normal(upgrade, known);
        });
        if let Some(outcomes) = kept {
            let decision = decide(upgrade, self.known(), now);
            self.told(Change::All(outcomes), Some(decision));
        }
    }

    /// Takes in the answer of one call of a sweep, while others are under way.
    fn observe_one(&mut self, upgrade: &ValidUpgrade, answer: Outcome) {
        let upgrade = &*decision_core::upgrade(upgrade, self.known());
        let now = self.now();
        for answer in decision_core::outcomes(upgrade, self.known(), vec![answer]) {
            let kept = self.is_told().then(|| answer.clone());
            self.edit(|known| {
                observe_one_of_many(upgrade, known, answer, now);
                Self::normal(upgrade, known);
            });
            if let Some(answer) = kept {
                let decision = decide(upgrade, self.known(), now);
                self.told(Change::One(Box::new(answer)), Some(decision));
            }
        }
    }

    /// The call that is due is answered. In a pipeline the answer is taken in at once, and what follows is sent.
    fn answered(&mut self, upgrade: &ValidUpgrade, under_way: &mut UnderWay, reply: Reply) {
        under_way.answered(reply);
        let Some(answer) = under_way.taken_in() else {
            return;
        };
        self.observe_one(upgrade, answer);
        let effect = self.decide(upgrade).effect;
        if let Some(effect) = &effect {
            self.begins(effect);
        }
        under_way.goes_on(effect.as_ref());
    }
}

/// The record before the first edit.
pub fn first_record(upgrade: &ValidUpgrade) -> ResellerClaimSpec {
    let (identity, account) = (upgrade.identity.clone(), upgrade.account.0.clone());
    ResellerClaimSpec::new(identity, account, upgrade.holder())
}

/// Edits the record where no other process writes it, and says what the operator holds.
pub fn edit_record(
    upgrade: &ValidUpgrade,
    record: &mut Option<ResellerClaimSpec>,
    edit: &ClaimEdit,
    now: Now,
) -> Outcome {
    let before = record.take().unwrap_or_else(|| first_record(upgrade));
    let next = apply_claim_edit(edit, &before, now.wall);
    *record = Some(next.clone());
    Outcome::Claim(Holding::Ours(Box::new(next)))
}

/// The moment at which so much time has passed.
pub fn at(clock: Duration) -> Now {
    let wall = Timestamp::from_second(1_800_000_000).unwrap();
    let since = SignedDuration::try_from(clock).unwrap();
    Now {
        wall: wall.checked_add(since).unwrap(),
        monotonic: clock,
    }
}
