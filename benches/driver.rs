//! One upgrade from its beginning to the switch, by the decision core alone: decide, perform at the simulated
//! BSS, observe. It has a loop of its own because nothing but the core's functions is counted.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a program that measures: a panic is how it fails"
)]

use std::time::Duration;

use support::calls::{UnderWay, carried};
use support::driver::{at, edit_record};
use support::sample;
use support::simulated_bss::World;
use tenant_reseller_operator::api::ResellerClaimSpec;
use tenant_reseller_operator::upgrade::{
    Decision, Effect, Known, Next, Outcome, Pace, Terms, ValidUpgrade, decide, observe_all,
    validate,
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// `decide`, in a whole upgrade.
    Decide,
    /// `observe`, in a whole upgrade.
    Observe,
    /// Both, in a process that starts when everything is copied, up to the switch.
    Sweep,
}

impl Half {
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "decide" => Some(Self::Decide),
            "observe" => Some(Self::Observe),
            "sweep" => Some(Self::Sweep),
            _ => None,
        }
    }
}

/// What was counted, and what was asked meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) decisions: u32,
    pub(crate) outcomes: u32,
    pub(crate) calls: u32,
    pub(crate) copies: usize,
    pub(crate) switched: bool,
}

/// Valgrind collects while this function runs.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    std::hint::black_box(work())
}

/// Customers are a twentieth of the items, as in the other parts.
fn customers(items: u32) -> u32 {
    (items / 20).max(1)
}

/// Runs it.
pub(crate) fn run(half: Half, items: u32) -> Done {
    let mut world = World::new(customers(items), items);
    // The reseller's staff prices each customer as soon as it has its copy.
    world.eager_pricing = true;
    let mut first = Driver::new("first");
    if half == Half::Sweep {
        // A life that is not counted comes as far as the switch; the next one finds everything copied.
        first.steps(&mut world, Until::Switch, None);
        let mut second = Driver::new("second");
        second.claim = first.claim;
        second.clock = first.clock;
        second.steps(&mut world, Until::Switch, Some(half));
        second.done.copies = world.copy_records().len();
        return second.done;
    }
    first.steps(&mut world, Until::End, Some(half));
    first.done.copies = world.copy_records().len();
    first.done.switched = world.on;
    first.done
}

/// How far a life goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Switch,
    End,
}

struct Driver {
    valid: ValidUpgrade,
    known: Known,
    claim: Option<ResellerClaimSpec>,
    clock: Duration,
    done: Done,
}

impl Driver {
    fn new(life: &str) -> Self {
        Self {
            valid: valid(),
            known: Known::new([], format!("{life}.0").into()),
            claim: None,
            clock: Duration::ZERO,
            done: Done::default(),
        }
    }

    /// Decides and performs until the switch is next, or until nothing is left to do.
    fn steps(&mut self, world: &mut World, until: Until, counts: Option<Half>) {
        for _ in 0..2_000_000 {
            world.now = self.clock;
            let decision = self.decide(counts);
            let there = match until {
                Until::Switch => matches!(decision.effect, Some(Effect::Activate(_))),
                Until::End => decision.effect.is_none() && decision.next == Next::OnChange,
            };
            if there {
                return;
            }
            match (decision.effect, decision.next) {
                (Some(effect), _) => {
                    self.clock += Duration::from_millis(10);
                    let outcomes = self.perform(world, effect);
                    self.observe(outcomes, counts);
                }
                (None, Next::After(wait) | Next::Watch { again: wait, .. }) => self.clock += wait,
                (None, Next::OnChange | Next::AfterEffect) => {
                    panic!("nothing is left to do: {:?}", decision.state)
                }
            }
        }
        panic!("it never ends");
    }

    fn decide(&mut self, counts: Option<Half>) -> Decision {
        let now = at(self.clock);
        self.done.decisions += 1;
        match counts {
            Some(Half::Decide | Half::Sweep) => counted(|| decide(&self.valid, &self.known, now)),
            Some(Half::Observe) | None => decide(&self.valid, &self.known, now),
        }
    }

    fn observe(&mut self, outcomes: Vec<Outcome>, counts: Option<Half>) {
        let now = at(self.clock);
        self.done.outcomes += u32::try_from(outcomes.len()).unwrap();
        match counts {
            Some(Half::Observe | Half::Sweep) => {
                counted(|| observe_all(&self.valid, &mut self.known, outcomes, now));
            }
            Some(Half::Decide) | None => {
                observe_all(&self.valid, &mut self.known, outcomes, now);
            }
        }
    }

    fn perform(&mut self, world: &mut World, effect: Effect) -> Vec<Outcome> {
        if let Effect::Claim(edit) = &effect {
            let now = at(self.clock);
            return vec![edit_record(&self.valid, &mut self.claim, edit, now)];
        }
        let tenant = world.live_tenant_id();
        let at = (self.known.fencing.epoch, tenant.as_ref());
        let mut under_way = UnderWay::begin(effect, tenant.clone());
        while let Some(call) = under_way.due() {
            self.done.calls += 1;
            let reply = carried(world, call, at);
            under_way.answered(reply);
        }
        under_way.outcomes()
    }
}

fn valid() -> ValidUpgrade {
    let minute = Duration::from_mins(1);
    let pace = Pace {
        poll: Duration::from_secs(5),
        recheck: minute,
        watch: minute,
    };
    let references = sample::references(pace, Terms::default());
    validate(&sample::stored(), &references).unwrap()
}
