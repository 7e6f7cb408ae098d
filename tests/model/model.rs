//! What may happen in a state, and what is then.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::api::StateClass;
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{Epoch, TenantId};
use tenant_reseller_operator::upgrade::{
    ClaimEdit, Decision, Effect, Next, Outcome, Stage, ValidUpgrade,
};

use crate::bss;
use crate::explore::{Expansion, Model, Standing, Successor};
use crate::guards::Guards;
use crate::judge::{self, AcceptedRisks};
use crate::keyed::Keyed;
use crate::operator::{Operator, TICK, Version, Written, edit, unseen};
use crate::people::Act;
use crate::state::{Late, State};
use support::calls::{self, Call, UnderWay};
use support::driver::Driven;

/// Steps that nobody else can tell, in one go. More would be an operator that spins.
const MOST_UNSEEN: usize = 20;

/// A small world with an operator in it.
pub(crate) struct Small {
    pub(crate) upgrade: ValidUpgrade,
    pub(crate) first: State,
    /// What somebody else answers for.
    pub(crate) accepted_risks: AcceptedRisks,
    /// Whether there is one process only, from beginning to end.
    pub(crate) alone: bool,
    /// An old leader learns of it before the new one gets beyond this stage.
    pub(crate) horizon: Stage,
    /// Whether a request lives no longer than the quiet time.
    pub(crate) mortal: bool,
    pub(crate) guards: Guards,
}

/// How a call goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Well,
    /// Another call of a sweep is answered first.
    Turned,
    /// Its reply is lost; it takes effect at some later moment.
    Lost,
    /// Its sender dies; it takes effect at some later moment.
    Crash,
    /// The same, with everything that the effect has not sent yet.
    CrashOfAll,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Well => "",
            Self::Turned => ", before those sent earlier",
            Self::Lost => "; the reply is lost",
            Self::Crash => "; its sender dies",
            Self::CrashOfAll => " and all that follows; their sender dies",
        }
    }
}

impl Small {
    /// An operator edits the record.
    fn records(&mut self, mut next: State, nth: usize, edit: &ClaimEdit) -> Successor<State> {
        let label = format!("operator {nth}: record {edit:?}");
        let held = next.operators[nth].known.fencing.epoch;
        self.edit(&mut next, nth, edit);
        // Outrun, by what is on record: it asks the lease before it acquires anew, and sees.
        let issued = matches!(edit, ClaimEdit::RecordEpoch { .. });
        let outrun =
            (held.is_some() || issued) && next.operators[nth].known.fencing.epoch.is_none();
        if outrun && nth + 1 < next.operators.len() {
            next.operators.remove(nth);
        }
        Successor {
            label: label.chars().take(90).collect(),
            state: next,
            wrong: Vec::new(),
        }
    }

    /// One step of an operator: an edit of the record, or one call and its reply.
    fn step(
        &mut self,
        state: &State,
        nth: usize,
        (decision, how): (&Decision, How),
    ) -> Option<Successor<State>> {
        let (mut next, mut wrong) = (state.clone(), Vec::new());
        let operator = &mut next.operators[nth];
        let epoch = operator.known.fencing.epoch;
        if operator.under_way.is_none() {
            let effect = decision.effect.clone()?;
            if let Effect::Claim(edit) = &effect {
                return Some(self.records(next, nth, edit));
            }
            // Before what cannot be undone the record is read live.
            let irreversible = matches!(effect, Effect::CreateTenant(_) | Effect::Activate(_));
            if irreversible && operator.version == Version::Old {
                operator.finds_another_record();
                self.unseen(&mut next, nth, &mut wrong);
                return Some(Successor {
                    label: format!("operator {nth}: the record is another one"),
                    state: next,
                    wrong,
                });
            }
            let tenant = operator.known.tenant.seen.clone().flatten().map(|t| t.id);
            operator.begins(&effect);
            let under_way = UnderWay::begin(effect, tenant).as_a_pipeline();
            operator.under_way = Some(Box::new(under_way));
        }
        let mut under_way = operator.under_way.take()?;
        if how == How::Turned {
            under_way.turn();
        }
        let call = under_way.due()?.clone();
        let tenant = under_way.tenant.clone();
        let label = format!("operator {nth}: {}{}", call.name(), how.name());
        if call.writes() {
            wrong.extend(wrongly_sent(&next, nth, &call));
        }
        let left = self.mortal.then_some(self.upgrade.terms.settle);
        match how {
            How::Well | How::Turned => {
                let reply = self.effect(&mut next, &call, (epoch, tenant.as_ref()), &mut wrong);
                next.operators[nth].answered(&self.upgrade, &mut under_way, reply);
            }
            How::Lost => {
                next.budget.lost -= 1;
                if call.writes() {
                    next.late.push(Late {
                        call,
                        epoch,
                        tenant,
                        left,
                    });
                    under_way.answered(calls::lost());
                } else {
                    under_way.answered(calls::unavailable());
                }
                let none = under_way.taken_in();
                assert!(none.is_none(), "a lost reply is taken in at the end");
            }
            How::Crash | How::CrashOfAll => {
                next.budget.crashes -= 1;
                let mut calls = under_way.unsent();
                if how == How::Crash {
                    calls = vec![call];
                }
                next.late.extend(calls.into_iter().map(|call| Late {
                    call,
                    epoch,
                    tenant: tenant.clone(),
                    left,
                }));
                next.operators[nth] = Operator::new(next.record.as_deref());
                self.unseen(&mut next, nth, &mut wrong);
                return Some(Successor {
                    label,
                    state: next,
                    wrong,
                });
            }
        }
        if under_way.due().is_some() {
            next.operators[nth].under_way = Some(under_way);
        } else {
            let outcomes = under_way.outcomes();
            // Refused as an old one, it asks the lease before anything else is sent, and sees.
            let old = nth + 1 < next.operators.len();
            if old && outcomes.iter().any(is_stale) {
                next.operators.remove(nth);
            } else {
                next.operators[nth].observe(&self.upgrade, outcomes);
                self.unseen(&mut next, nth, &mut wrong);
            }
        }
        Some(Successor {
            label,
            state: next,
            wrong,
        })
    }

    /// A call takes effect at the BSS.
    fn effect(
        &mut self,
        state: &mut State,
        call: &Call,
        under: (Option<Epoch>, Option<&TenantId>),
        wrong: &mut Vec<String>,
    ) -> calls::Reply {
        if !call.writes() {
            let mut world = (*state.world).clone();
            let reply = calls::carried(&mut world, call, under);
            self.guards.replied(call, &reply);
            return reply;
        }
        let before = state.world.key();
        let reply = state.world.edit(|world| calls::carried(world, call, under));
        if state.world.key() != before {
            wrong.extend(judge::of_the_world(&state.world, self.accepted_risks));
        }
        self.guards.replied(call, &reply);
        reply
    }

    fn edit(&mut self, state: &mut State, nth: usize, what: &ClaimEdit) {
        let operator = &mut state.operators[nth];
        let written = edit(
            &self.upgrade,
            operator,
            &mut state.record,
            &mut state.intents,
            what,
        );
        self.guards.wrote(written);
        if written == Written::Yes {
            for (other, operator) in state.operators.iter_mut().enumerate() {
                if other != nth {
                    operator.version = crate::operator::Version::Old;
                }
            }
        }
    }

    /// Does at once what nobody else can tell.
    fn unseen(&mut self, state: &mut State, nth: usize, wrong: &mut Vec<String>) {
        for _ in 0..MOST_UNSEEN {
            let decision = state.operators[nth].decide(&self.upgrade);
            wrong.extend(judge::told(&decision, state, &state.operators[nth].known));
            let Some(effect) = decision.effect else {
                return;
            };
            if !unseen(&effect, self.alone) {
                return;
            }
            if let Effect::Claim(what) = &effect {
                self.edit(state, nth, what);
                continue;
            }
            let mut under_way = UnderWay::begin(effect, None);
            while let Some(call) = under_way.due().cloned() {
                let reply = self.effect(state, &call, (None, None), wrong);
                under_way.answered(reply);
            }
            state.operators[nth].observe(&self.upgrade, under_way.outcomes());
        }
        wrong.push("goes on and on without asking the BSS anything".to_owned());
    }

    /// Time passes: until a wait ends or the oldest request has lived its time.
    fn later(&mut self, state: &State, wait: Duration, wrong: &mut Vec<String>) -> Option<State> {
        let oldest = state.late.iter().filter_map(|late| late.left).min();
        let by = oldest.map_or(wait, |left| wait.min(left));
        if by.is_zero() {
            return None;
        }
        let mut next = state.clone();
        for late in &mut next.late {
            if let Some(left) = &mut late.left {
                *left -= by;
            }
        }
        let pending = next.world.orders.len();
        next.world.edit(|world| bss::later(world, by));
        let fulfilled = next.world.orders.len() < pending;
        next.overtaken |= fulfilled && next.world.on && self.accepted_risks.unguarded;
        for nth in 0..next.operators.len() {
            next.operators[nth].later(by);
            next.operators[nth].settle(&self.upgrade);
            if next.operators[nth].under_way.is_none() {
                self.unseen(&mut next, nth, wrong);
            }
        }
        Some(next)
    }

    fn by_operator(&mut self, state: &State, nth: usize, ways: &mut Ways) {
        let operator = &state.operators[nth];
        let decision = operator.decide(&self.upgrade);
        self.guards.decided(decision.state.reason);
        let leads = nth + 1 == state.operators.len();
        if leads {
            ways.standing = standing(&decision, state, nth);
        }
        let half_done = operator.under_way.is_some();
        if half_done || decision.effect.is_some() {
            let due = due(operator, &decision);
            let writes = due.as_ref().is_some_and(Call::writes);
            let mut hows = vec![How::Well];
            if in_any_order(operator, &decision) {
                hows.push(How::Turned);
            }
            if due.is_some() && state.budget.lost > 0 {
                hows.push(How::Lost);
            }
            if writes && state.budget.crashes > 0 {
                hows.push(How::Crash);
                if many(operator, &decision) {
                    hows.push(How::CrashOfAll);
                }
            }
            for how in hows {
                let successor = self.step(state, nth, (&decision, how));
                if leads && how == How::Well {
                    ways.offer(2, successor.is_some());
                }
                ways.successors.extend(successor);
            }
        } else if let Next::After(wait) = decision.next {
            let mut wrong = Vec::new();
            if wait < TICK && !wait.is_zero() {
                wrong.push(format!("waits for {wait:?}: the clock has whole ticks"));
            }
            if let Some(next) = self.later(state, wait, &mut wrong) {
                if leads {
                    ways.offer(4, true);
                }
                ways.successors.push(Successor {
                    label: format!(
                        "operator {nth} has waited [{}]",
                        decision.state.reason.as_str()
                    ),
                    state: next,
                    wrong,
                });
            }
        }
        if state.budget.crashes > 0 {
            let fresh = Operator::new(state.record.as_deref());
            let mut next = state.clone();
            next.budget.crashes -= 1;
            next.operators[nth] = fresh;
            let mut wrong = Vec::new();
            self.unseen(&mut next, nth, &mut wrong);
            ways.successors.push(Successor {
                label: format!("operator {nth} dies, another process begins"),
                state: next,
                wrong,
            });
        }
    }

    fn by_leases(&mut self, state: &State, ways: &mut Ways) {
        if state.operators.len() > 1 {
            let mut next = state.clone();
            next.operators.remove(0);
            ways.offer(1, true);
            ways.successors.push(Successor {
                label: "the old leader sees that it lost the lease".to_owned(),
                state: next,
                wrong: Vec::new(),
            });
        } else if state.budget.leaders > 0 {
            let mut next = state.clone();
            next.budget.leaders -= 1;
            next.operators.push(Operator::new(state.record.as_deref()));
            let mut wrong = Vec::new();
            self.unseen(&mut next, 1, &mut wrong);
            ways.successors.push(Successor {
                label: "the lease passes on; the old leader does not know it yet".to_owned(),
                state: next,
                wrong,
            });
        }
    }

    fn by_network(&mut self, state: &State, ways: &mut Ways) {
        let mut before = BTreeSet::new();
        for nth in 0..state.late.len() {
            if !before.insert(crate::keyed::key_of(&state.late[nth])) {
                continue;
            }
            let mut next = state.clone();
            let late = next.late.remove(nth);
            let mut wrong = Vec::new();
            let _nobody_hears = self.effect(
                &mut next,
                &late.call,
                (late.epoch, late.tenant.as_ref()),
                &mut wrong,
            );
            ways.offer(0, true);
            ways.successors.push(Successor {
                label: format!("a request arrives late: {}", late.call.name()),
                state: next,
                wrong,
            });
            // One that may live for ever may also be lost at any moment; one that is owed an end
            // within its time may still arrive until then.
            if late.left.is_none_or(|left| left.is_zero()) {
                let mut next = state.clone();
                next.late.remove(nth);
                ways.successors.push(Successor {
                    label: format!("a request is lost for good: {}", late.call.name()),
                    state: next,
                    wrong: Vec::new(),
                });
            }
        }
    }

    fn by_people(&mut self, state: &State, ways: &mut Ways) {
        let budgeted = |act: &Act| {
            let left = state.budget.acts.iter().find(|(kind, _)| kind == act);
            left.is_some_and(|(_, left)| *left > 0) && state.budget.acts_in_all > 0
        };
        let acts = state.budget.acts.iter().map(|(act, _)| *act);
        // An order that was accepted is fulfilled some time, whatever happens.
        let acts = acts.filter(budgeted).chain([Act::Fulfil]);
        for act in acts {
            if act == Act::Fulfil && state.world.orders.is_empty() {
                continue;
            }
            let mut next = state.clone();
            let done = next.world.edit(|world| act.done(world));
            if !done || next.world.key() == state.world.key() {
                continue;
            }
            let wrong = judge::of_the_world(&next.world, self.accepted_risks);
            if act == Act::Fulfil {
                next.overtaken |= next.world.on && self.accepted_risks.unguarded;
                ways.offer(3, true);
            } else {
                next.budget.acts_in_all -= 1;
                for (kind, left) in &mut next.budget.acts {
                    if *kind == act {
                        *left -= 1;
                    }
                }
            }
            ways.successors.push(Successor {
                label: format!("people: {act:?}"),
                state: next,
                wrong,
            });
        }
    }
}

/// The ways on, with the calmest.
struct Ways {
    successors: Vec<Successor<State>>,
    calm: Option<(u8, usize)>,
    standing: Standing,
}

impl Ways {
    fn all(mut self) -> Expansion<State> {
        for successor in &mut self.successors {
            crate::attempts::name(&mut successor.state);
        }
        Expansion {
            calm: self.calm.map(|(_, nth)| nth),
            standing: self.standing,
            successors: self.successors,
        }
    }

    /// The next one to be pushed comes when nothing goes wrong, if nothing of a lower rank does.
    fn offer(&mut self, rank: u8, really: bool) {
        let better = self.calm.is_none_or(|(best, _)| rank < best);
        if really && better {
            self.calm = Some((rank, self.successors.len()));
        }
    }
}

fn is_stale(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed {
            error: BssError::StaleEpoch { .. },
            ..
        }
    )
}

/// What is wrong with a write that an operator sends now.
fn wrongly_sent(next: &State, nth: usize, call: &Call) -> Vec<String> {
    let (mut wrong, operator) = (Vec::new(), &next.operators[nth]);
    let epoch = operator.known.fencing.epoch;
    // Whose epoch is an old one can only be asked what it knows: the BSS refuses it.
    let refused = epoch.is_some_and(|epoch| epoch.0 < next.world.epoch);
    // Who was there before the cluster went back knows what was on record then. What cannot be
    // undone is sent on the present record alone.
    let before_that = next.went_back && operator.version == Version::Old;
    let record = if refused || before_that {
        operator.known.fencing.claim.as_ref()
    } else {
        next.record.as_deref()
    };
    let before = judge::before_sending(call, &operator.known, record);
    let irreversible = matches!(call, Call::CreateTenant(_) | Call::Activate(_));
    if next.unconfirmed && irreversible && !refused {
        wrong.push(format!("{} before a restore is confirmed", call.name()));
    }
    // What is done already cannot be done once more.
    let over = next.world.on && matches!(call, Call::Activate(_));
    wrong.extend(before.into_iter().filter(|_| !over));
    wrong
}

/// The call that an operator sends next.
fn due(operator: &Operator, decision: &Decision) -> Option<Call> {
    if let Some(under_way) = &operator.under_way {
        return under_way.due().cloned();
    }
    let effect = decision.effect.clone()?;
    let tenant = operator.known.tenant.seen.clone().flatten().map(|t| t.id);
    UnderWay::begin(effect, tenant).due().cloned()
}

fn many(operator: &Operator, decision: &Decision) -> bool {
    let tenant = operator.known.tenant.seen.clone().flatten().map(|t| t.id);
    let under_way = match (&operator.under_way, &decision.effect) {
        (Some(under_way), _) => (**under_way).clone(),
        (None, Some(effect)) => UnderWay::begin(effect.clone(), tenant),
        (None, None) => return false,
    };
    under_way.unsent().len() > 1
}

fn in_any_order(operator: &Operator, decision: &Decision) -> bool {
    match (&operator.under_way, &decision.effect) {
        (Some(under_way), _) => under_way.has_orders(),
        (None, effect) => matches!(effect, Some(Effect::Sweep(calls)) if calls.len() > 1),
    }
}

fn standing(decision: &Decision, state: &State, nth: usize) -> Standing {
    let reason = decision.state.reason;
    match reason.class() {
        Some(StateClass::Done) => Standing::Done,
        Some(
            StateClass::WaitsForPeople | StateClass::MustFix | StateClass::DoneWithDifferences,
        ) if judge::is_so(reason, state, &state.operators[nth].known) => Standing::People,
        _ => Standing::Working,
    }
}

impl Model for Small {
    type State = State;

    fn initial(&self) -> State {
        self.first.clone()
    }

    fn key(&self, state: &State) -> u128 {
        state.key()
    }

    fn expand(&mut self, state: &State) -> Expansion<State> {
        let mut ways = Ways {
            successors: Vec::new(),
            calm: None,
            standing: Standing::Working,
        };
        self.by_network(state, &mut ways);
        // A request that has lived its time arrives before anything else happens, or never.
        if state
            .late
            .iter()
            .any(|late| late.left == Some(Duration::ZERO))
        {
            return ways.all();
        }
        self.by_leases(state, &mut ways);
        let beyond = state
            .operators
            .last()
            .is_some_and(|leader| state.operators.len() > 1 && leader.known.stage > self.horizon);
        for nth in 0..state.operators.len() {
            if !beyond {
                self.by_operator(state, nth, &mut ways);
            }
        }
        self.by_people(state, &mut ways);
        // The cluster goes back only up to the horizon of the world: beyond it there are too many states.
        if state
            .operators
            .iter()
            .all(|operator| operator.known.stage <= self.horizon)
        {
            by_backup(state, &mut ways);
        }
        ways.all()
    }
}

/// A snapshot of the cluster's state is taken, and the cluster goes back to it.
fn by_backup(state: &State, ways: &mut Ways) {
    if state.budget.restores == 0 {
        return;
    }
    let Some(snapshot) = &state.snapshot else {
        let mut next = state.clone();
        next.snapshot.clone_from(&state.record);
        if next.snapshot.is_some() {
            ways.successors.push(Successor {
                label: "a snapshot is taken".to_owned(),
                state: next,
                wrong: Vec::new(),
            });
        }
        return;
    };
    if Some(snapshot.key()) == state.record.as_ref().map(Keyed::key) {
        return;
    }
    let mut next = state.clone();
    next.budget.restores -= 1;
    next.snapshot = None;
    next.went_back = true;
    next.record = Some(snapshot.clone());
    for operator in &mut next.operators {
        operator.version = crate::operator::Version::Old;
    }
    let known = snapshot
        .epoch
        .and_then(|e| u64::try_from(e).ok())
        .unwrap_or(0);
    next.unconfirmed = state.world.issued.iter().any(|one| {
        let id = one.acquisition.as_ref().map_or("", |id| id.as_str());
        one.epoch.0 > known && !snapshot.acquisitions.iter().any(|a| a.id == id)
    });
    ways.successors.push(Successor {
        label: "the cluster goes back".to_owned(),
        state: next,
        wrong: Vec::new(),
    });
}
