//! The operator's half: the real `decide` and `observe`, the record in the cluster, and requests.
//!
//! What a reconcile does around the decision core is done here in the same order, one call at a time:
//! decide, record, send, take effect, observe. It knows nothing of people; of the BSS only its answers.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use tenant_reseller_operator::api::{ConditionType, ResellerClaimSpec};
use tenant_reseller_operator::bss::port::AcquisitionId;
use tenant_reseller_operator::upgrade::{
    BlockersTold, ClaimEdit, Copying, Decision, Effect, Fencing, Findings, Holding, Known, Next,
    Now, Outcome, Read, RevisionSeen, Stage, Tally, ValidUpgrade, apply_claim_edit, decide,
    observe_all, observe_one_of_many,
};

use crate::attempts::Names;
use crate::keyed::Keyed;
use support::calls::UnderWay;
use support::driver::{Change, Driven, first_record};
use support::lies::decision_core;

/// The present moment, always: what lies behind is told by its distance.
pub(crate) const NOW: Duration = Duration::from_secs(1_000_000);
/// The clock's step.
pub(crate) const TICK: Duration = Duration::from_secs(60);

/// Whether an operator's copy of the record is what the cluster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Version {
    /// It is, and a write succeeds.
    Present,
    /// Somebody wrote since: a write meets a conflict.
    Old,
}

/// One process of the operator, as far as it concerns this upgrade.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) known: Keyed<Known>,
    pub(crate) version: Version,
    /// Calls of one effect that are half done.
    pub(crate) under_way: Option<Box<UnderWay>>,
    /// All that it was told, where a test wants to know.
    pub(crate) told: Option<Vec<Told>>,
}

/// Something that changed what an operator knows, and what it decided then.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Change(Change, Option<Box<Decision>>),
    Time(Duration),
    Conflict,
    Names(Names),
}

impl Hash for Operator {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.known.hash(to);
        self.version.hash(to);
        self.under_way.hash(to);
    }
}

impl Operator {
    /// A process that begins, with what status shows.
    pub(crate) fn new(record: Option<&ResellerClaimSpec>) -> Self {
        let shown = ConditionType::MILESTONES.into_iter().filter(|milestone| {
            record.is_some_and(|record| {
                let mut timeline = record.timeline.iter();
                timeline.any(|entry| entry.milestone == milestone.as_str())
            })
        });
        Self {
            known: Keyed::new(Known::new(shown, AcquisitionId::default())),
            version: Version::Old,
            under_way: None,
            told: None,
        }
    }

    /// The record is not the one that it knew: it is read again before anything else.
    pub(crate) fn finds_another_record(&mut self) {
        self.known.edit(|seen| seen.fencing.claim = None);
        if let Some(told) = &mut self.told {
            told.push(Told::Conflict);
        }
    }

    /// Time passes.
    pub(crate) fn later(&mut self, by: Duration) {
        let back = |at: &mut Option<Duration>| {
            if let Some(at) = at {
                *at = at.saturating_sub(by);
            }
        };
        self.known.edit(|seen| {
            back(&mut seen.began);
            back(&mut seen.sweeps.sent);
            back(&mut seen.activation.frozen);
            back(&mut seen.fencing.followed);
            back(&mut seen.bss.reseller_read);
            back(&mut seen.waiting.not_before);
            back(&mut seen.activation.clean_since);
        });
        if let Some(told) = &mut self.told {
            told.push(Told::Time(by));
        }
    }

    /// Its own waits and marks, brought to their normal form after time has passed.
    pub(crate) fn settle(&mut self, upgrade: &ValidUpgrade) {
        self.known.edit(|seen| normal(upgrade, seen));
    }
}

impl Driven for Operator {
    fn known(&self) -> &Known {
        &self.known
    }

    fn now(&self) -> Now {
        now(0)
    }

    fn edit(&mut self, change: impl FnOnce(&mut Known)) {
        self.known.edit(change);
    }

    fn normal(upgrade: &ValidUpgrade, known: &mut Known) {
        normal(upgrade, known);
    }

    fn is_told(&self) -> bool {
        self.told.is_some()
    }

    fn told(&mut self, change: Change, decision: Option<Decision>) {
        if let Some(told) = &mut self.told {
            told.push(Told::Change(change, decision.map(Box::new)));
        }
    }
}

/// The present moment; intents are told apart by their number.
fn now(intents: i64) -> Now {
    Now {
        wall: Timestamp::from_second(1_800_000_000 + intents).unwrap(),
        monotonic: NOW,
    }
}

/// A final sweep that is so old is taken again.
const OLD_SWEEP: Duration = Duration::from_secs(180);

/// What a write of the record came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Yes,
    Unchanged,
    Conflict,
}

/// Edits the record, or takes it: what a reconcile does with the cluster. The name is the lock, and a
/// write carries the version that was read.
pub(crate) fn edit(
    upgrade: &ValidUpgrade,
    operator: &mut Operator,
    record: &mut Option<Keyed<ResellerClaimSpec>>,
    intents: &mut i64,
    edit: &ClaimEdit,
) -> Written {
    let known = operator.known.fencing.claim.clone();
    let (base, fresh) = match (edit, known) {
        (ClaimEdit::Take, _) | (_, None) => {
            operator.version = Version::Present;
            let there = record.as_deref().cloned();
            (
                there.clone().unwrap_or_else(|| first_record(upgrade)),
                there.is_none(),
            )
        }
        (_, Some(known)) => (known, false),
    };
    if matches!(
        edit,
        ClaimEdit::IntendTenant { .. } | ClaimEdit::IntendActivation(_)
    ) {
        // Refused intents leave nothing behind, so that a few numbers are enough to tell an intent
        // from those whose requests are still known or under way.
        *intents = (*intents + 1) % 8;
    }
    let mut next = apply_claim_edit(edit, &base, now(*intents).wall);
    timeless(&mut next);
    let written = if next == base && !fresh {
        Written::Unchanged
    } else if operator.version == Version::Old {
        Written::Conflict
    } else {
        Written::Yes
    };
    match written {
        Written::Conflict => {
            operator.finds_another_record();
            return written;
        }
        Written::Yes => *record = Some(Keyed::new(decision_core::kept(&next).into_owned())),
        Written::Unchanged => {}
    }
    let holding = Holding::Ours(Box::new(next));
    operator.observe(upgrade, vec![Outcome::Claim(holding)]);
    written
}

/// Times and figures of the record that nothing is decided by. The times of the two intents that
/// make request keys stay.
fn timeless(record: &mut ResellerClaimSpec) {
    for entry in &mut record.timeline {
        entry.started_time = None;
        entry.completed_time = Some("then".to_owned());
        entry.items = 0;
    }
    if let Some(copies) = &mut record.intents.copies {
        "then".clone_into(&mut copies.recorded_time);
    }
    if let Some(told) = &mut record.told {
        "then".clone_into(&mut told.recorded_time);
    }
    if let Some(time) = &mut record.activation_time {
        "then".clone_into(time);
    }
}

/// Brings what is known to a form in which equal situations are equal. Each line changes only what
/// no later decision can tell; `the_normal_form_changes_no_decision` runs
/// both side by side.
fn normal(upgrade: &ValidUpgrade, seen: &mut Known) {
    // Words are read by people. Whether there are any is kept.
    let mute = |text: &mut String| {
        if !text.is_empty() {
            "-".clone_into(text);
        }
    };
    if let Some(ready_state) = &mut seen.waiting.ready_state {
        mute(&mut ready_state.message);
        mute(&mut ready_state.next_action);
    }
    if let Some(failures) = &mut seen.waiting.failures {
        mute(&mut failures.ready_state.message);
        mute(&mut failures.ready_state.next_action);
        // Patience ends at three; beyond, only the length of the wait differs.
        failures.attempts = failures.attempts.min(3);
        if let Some(alike) = &mut failures.alike {
            alike.before = alike.before.min(3);
            alike.at = Duration::ZERO;
        }
    }
    // Six rounds are many; beyond, only the length of the wait differs.
    seen.waiting.rounds = seen.waiting.rounds.min(6);
    seen.waiting.stumbles = seen.waiting.stumbles.min(6);
    // Only whether there was one is asked.
    seen.sweeps.copies_before = seen.sweeps.copies_before.min(1);
    clocks(upgrade, seen);
    figures(seen);
}

/// Clocks: what is past is no wait, and what is long past is just that. Waits end on whole ticks.
fn clocks(upgrade: &ValidUpgrade, seen: &mut Known) {
    let (timed, orders) = match &seen.bss.strategy {
        None => (true, true),
        Some(strategy) => (
            strategy.fencing == Fencing::SingleOperator
                || strategy.copying == Copying::LookUpFirst
                || strategy.off_guard == tenant_reseller_operator::bss::port::Strength::Weak,
            strategy.freezes(),
        ),
    };
    if let Some(until) = &mut seen.waiting.not_before {
        if *until > NOW {
            let ticks = (*until - NOW).as_millis().div_ceil(TICK.as_millis());
            // Where no quiet time runs, a wait is a wait: its length decides nothing.
            let ticks = if timed || orders { ticks } else { 1 };
            *until = NOW + TICK * u32::try_from(ticks).unwrap();
        } else {
            seen.waiting.not_before = None;
        }
    }
    // It counts only against the end of the settling time.
    let settled = seen.began.map(|begun| begun + upgrade.terms.settle);
    seen.bss.reseller_read = seen.bss.reseller_read.zip(settled).map(|(read, settled)| {
        if timed && read >= settled {
            NOW
        } else {
            NOW.checked_sub(upgrade.terms.settle).unwrap()
        }
    });
    let long_ago = |at: &mut Option<Duration>, quiet: Duration, counts: bool| {
        if let Some(at) = at {
            let oldest = NOW.checked_sub(quiet).unwrap();
            *at = if counts { (*at).max(oldest) } else { oldest };
        }
    };
    long_ago(&mut seen.activation.clean_since, OLD_SWEEP, true);
    long_ago(&mut seen.began, upgrade.terms.settle, timed);
    long_ago(&mut seen.sweeps.sent, upgrade.terms.settle, timed);
    long_ago(
        &mut seen.activation.frozen,
        upgrade.terms.order_settle,
        orders,
    );
    long_ago(&mut seen.fencing.followed, upgrade.terms.settle, timed);
}

/// What only status and reports are made of, and what the next look overwrites before anybody asks.
fn figures(seen: &mut Known) {
    seen.findings.counts.clear();
    seen.findings.exclusions = Findings::default();
    seen.findings.manual = Findings::default();
    // Every sweep publishes its own before they are judged.
    seen.findings.blockers = Findings::default();
    seen.findings.looked_at_purchases = false;
    seen.findings.told = BlockersTold::Nothing;
    seen.findings.preflight = Findings::default();
    for items in seen.milestones.values_mut() {
        *items = 0;
    }
    if let Some(claim) = &mut seen.fencing.claim {
        timeless(claim);
    }
    match seen.stage {
        // The sweep over customers that runs or comes replaces it.
        Stage::Opening
        | Stage::Customers
        | Stage::CheckCustomers
        | Stage::Orders
        | Stage::FinalCustomers
        | Stage::Activate
        | Stage::VerifyCustomers
        | Stage::Done => seen.sweeps.customers = Tally::default(),
        Stage::Owners
        | Stage::Pricing
        | Stage::Check
        | Stage::Copy
        | Stage::FinalPurchases
        | Stage::VerifyPurchases => {}
    }
    if seen.stage != Stage::Activate {
        // The way there leads through the orders, which forget it.
        seen.activation.clean = None;
        seen.activation.clean_since = None;
    }
    if !matches!(
        seen.stage,
        Stage::Orders | Stage::FinalCustomers | Stage::FinalPurchases
    ) {
        seen.activation.orders_revision = RevisionSeen::None;
    }
}

/// Whether an effect can be told by nobody but the operator itself, so that nothing is lost if it
/// is done in one go with what comes next: what everything else does before it, it could do after.
///
/// With a second process at work an edit of the record is seen by that one. A crash before an edit
/// leaves the same as a crash before the call that led to it (or as that call taking effect after
/// the crash), and that one is explored.
pub(crate) fn unseen(effect: &Effect, alone: bool) -> bool {
    match effect {
        Effect::Read(Read::Identity | Read::Capabilities) => true,
        Effect::Claim(_) => alone,
        Effect::Read(_)
        | Effect::Acquire { .. }
        | Effect::Sweep(_)
        | Effect::SetPricing(_)
        | Effect::CreateTenant(_)
        | Effect::Activate(_) => false,
    }
}

/// Tells an operator that keeps everything what another was told, and compares what they decide.
/// Answers how many decisions were compared.
pub(crate) fn decides_the_same(upgrade: &ValidUpgrade, from: &Known, told: Vec<Told>) -> usize {
    let mut whole = from.clone();
    let mut at = NOW;
    let moment = |at| Now {
        wall: now(0).wall,
        monotonic: at,
    };
    let mut compared = 0;
    for one in told {
        match one {
            Told::Conflict => whole.fencing.claim = None,
            Told::Names(names) => names.apply(&mut whole),
            // Its own waits may be longer: back-off grows without the bounds of the normal form.
            Told::Time(by) => at = (at + by).max(whole.waiting.not_before.unwrap_or(at)),
            Told::Change(Change::Begins(calls), _) => whole.sweeps.begins(&calls),
            Told::Change(change, expected) => {
                let (kept, expected) = (format!("{change:?}"), expected.unwrap());
                match change {
                    Change::One(answer) => {
                        observe_one_of_many(upgrade, &mut whole, *answer, moment(at));
                    }
                    Change::All(outcomes) => {
                        observe_all(upgrade, &mut whole, outcomes, moment(at));
                    }
                    Change::Begins(_) => continue,
                }
                let decision = decide(upgrade, &whole, moment(at));
                assert_eq!(decision.state.reason, expected.state.reason, "{kept}");
                let kind = |next| std::mem::discriminant::<Next>(next);
                assert_eq!(
                    kind(&decision.next),
                    kind(&expected.next),
                    "{kept}: {decision:?}, {expected:?}, at {at:?}, {:?}",
                    whole.waiting.not_before
                );
                assert_eq!(
                    figureless(decision.effect),
                    figureless(expected.effect.clone()),
                    "{kept}"
                );
                compared += 1;
            }
        }
    }
    compared
}

/// An effect without the figures that only people read.
fn figureless(effect: Option<Effect>) -> Option<Effect> {
    match effect {
        Some(Effect::Claim(ClaimEdit::Milestone { milestone, .. })) => {
            Some(Effect::Claim(ClaimEdit::Milestone {
                milestone,
                items: 0,
            }))
        }
        other => other,
    }
}
