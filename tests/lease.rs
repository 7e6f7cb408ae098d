//! The election under every delay, loss, pause, death and drift: never two candidates that believe to lead
//! at the same true moment, and one leader in the end.
//!
//! The world is simulated with a true time that no candidate sees. Requests and replies take as
//! long as they like, get lost, or take effect after their sender gave up or died; candidates
//! freeze at any point; each clock runs at a rate of its own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that meets what it does not expect fails"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use proptest::prelude::*;
use tenant_reseller_operator::cluster::lease::{Action, Election, Heard, Record, Timings};

/// True time in milliseconds.
type True = u64;

/// What becomes of one call.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    /// The candidate freezes between its decision and the sending.
    freeze_before: True,
    /// Until the request takes effect; `None` if it never arrives.
    there: Option<True>,
    /// Until the reply is back; `None` if it never is.
    back: Option<True>,
    /// The candidate freezes between the reply and its next step.
    freeze_after: True,
}

const HEALTHY: Fate = Fate {
    freeze_before: 0,
    there: Some(5),
    back: Some(5),
    freeze_after: 0,
};

/// How a candidate ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Never,
    /// Dies; what it has sent goes on.
    Killed(True),
    /// Stops believing, then releases the lease after so long.
    Leaves(True, True),
}

#[derive(Clone, Debug)]
struct Script {
    begins: True,
    end: End,
    /// Clock rate in thousandths, and what the clock shows at true time 0.
    rate: u64,
    offset: u64,
    /// The fates of its first calls; all later ones are healthy.
    fates: Vec<Fate>,
}

/// From when a leader counts: the protocol, and a mistake that the judge must catch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    FromSending,
    FromHearing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Read,
    Create,
    Write { version: u64, transitions: i32 },
}

#[derive(Debug)]
enum Happens {
    Step(usize, Heard),
    Arrives {
        of: usize,
        call: u64,
        what: Request,
        back: Option<True>,
    },
    Reply {
        of: usize,
        call: u64,
        heard: Heard,
    },
    GivesUp {
        of: usize,
        call: u64,
    },
    Ends(usize),
    Release(usize),
}

struct Candidate {
    election: Election,
    script: Script,
    used: usize,
    alive: bool,
    call: u64,
    version: u64,
    believes_until: Option<u64>,
}

impl Candidate {
    /// What its clock shows.
    fn clock(&self, now: True) -> u64 {
        self.script.offset + now * self.script.rate / 1000
    }

    /// How long a time on its clock truly is.
    fn truly(&self, local: Duration) -> True {
        let local = u64::try_from(local.as_millis()).expect("a short time");
        (local * 1000).div_ceil(self.script.rate)
    }

    fn believes(&self, now: True) -> bool {
        self.alive
            && self
                .believes_until
                .is_some_and(|until| self.clock(now) < until)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// The first moment at which two believed.
    overlap: Option<True>,
    /// A candidate believed to lead at the end.
    led_at_the_end: bool,
    /// How many ever believed.
    leaders: usize,
}

struct World {
    timings: Timings,
    counting: Counting,
    candidates: Vec<Candidate>,
    lease: Option<Record>,
    version: u64,
    queue: BinaryHeap<Reverse<(True, u64)>>,
    happenings: HashMap<u64, Happens>,
    order: u64,
    led: Vec<bool>,
}

impl World {
    fn new(timings: Timings, counting: Counting, scripts: Vec<Script>) -> Self {
        let mut world = Self {
            timings,
            counting,
            led: vec![false; scripts.len()],
            candidates: Vec::new(),
            lease: None,
            version: 0,
            queue: BinaryHeap::new(),
            happenings: HashMap::new(),
            order: 0,
        };
        for (of, script) in scripts.into_iter().enumerate() {
            world.at(script.begins, Happens::Step(of, Heard::Nothing));
            match script.end {
                End::Never => {}
                End::Killed(when) | End::Leaves(when, _) => {
                    world.at(script.begins + when, Happens::Ends(of));
                }
            }
            world.candidates.push(Candidate {
                election: Election::new(format!("candidate-{of}"), timings),
                script,
                used: 0,
                alive: true,
                call: 0,
                version: 0,
                believes_until: None,
            });
        }
        world
    }

    fn at(&mut self, when: True, what: Happens) {
        self.order += 1;
        self.queue.push(Reverse((when, self.order)));
        self.happenings.insert(self.order, what);
    }

    fn run(mut self, until: True) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some(Reverse((now, order))) = self.queue.pop() {
            if now > until {
                break;
            }
            let what = self.happenings.remove(&order).expect("queued with it");
            self.happens(now, what);
            let believers = self.candidates.iter().filter(|c| c.believes(now)).count();
            if believers > 1 && outcome.overlap.is_none() {
                outcome.overlap = Some(now);
            }
            for (led, candidate) in self.led.iter_mut().zip(&self.candidates) {
                *led |= candidate.believes(now);
            }
        }
        outcome.led_at_the_end = self.candidates.iter().any(|c| c.believes(until));
        outcome.leaders = self.led.iter().filter(|led| **led).count();
        outcome
    }

    fn happens(&mut self, now: True, what: Happens) {
        match what {
            Happens::Step(of, heard) if self.candidates[of].alive => self.step(of, heard, now),
            Happens::Arrives {
                of,
                call,
                what,
                back,
            } => {
                let heard = self.serve(of, what);
                if let Some(back) = back {
                    self.at(now + back, Happens::Reply { of, call, heard });
                }
            }
            Happens::Reply { of, call, heard } if self.candidates[of].call == call => {
                self.answered(of, heard, now);
            }
            Happens::GivesUp { of, call } if self.candidates[of].call == call => {
                self.answered(of, Heard::Failed, now);
            }
            Happens::Ends(of) => {
                self.candidates[of].alive = false;
                self.candidates[of].election.resign();
                if let End::Leaves(_, after) = self.candidates[of].script.end {
                    self.at(now + after, Happens::Release(of));
                }
            }
            Happens::Release(of) => {
                let mine = format!("candidate-{of}");
                if let Some(lease) = &mut self.lease
                    && lease.holder.as_ref() == Some(&mine)
                {
                    self.version += 1;
                    lease.version = self.version.to_string();
                    lease.holder = None;
                }
            }
            Happens::Step(..) | Happens::Reply { .. } | Happens::GivesUp { .. } => {}
        }
    }

    /// The call is over; the next step follows when the candidate is not frozen.
    fn answered(&mut self, of: usize, heard: Heard, now: True) {
        let candidate = &mut self.candidates[of];
        candidate.call += 1;
        let fate = candidate.script.fates.get(candidate.used - 1);
        let freeze = fate.map_or(0, |fate| fate.freeze_after);
        self.at(now + freeze, Happens::Step(of, heard));
    }

    fn step(&mut self, of: usize, heard: Heard, now: True) {
        let candidate = &mut self.candidates[of];
        if let Heard::Lease(record) | Heard::Written(record) = &heard {
            candidate.version = record.version.parse().expect("a number");
        }
        let written = matches!(heard, Heard::Written(_));
        let local = Duration::from_millis(candidate.clock(now));
        let action = candidate.election.step(heard, local);
        let until = candidate.election.valid_until();
        let millis = |moment: Duration| u64::try_from(moment.as_millis()).expect("short");
        match self.counting {
            Counting::FromSending => candidate.believes_until = until.map(millis),
            Counting::FromHearing if written => {
                candidate.believes_until = Some(millis(local + self.timings.renew_deadline));
            }
            Counting::FromHearing => {}
        }
        let version = candidate.version;
        let what = match action {
            Action::Sleep(rest) => {
                let wakes = now + candidate.truly(rest).max(1);
                self.at(wakes, Happens::Step(of, Heard::Nothing));
                return;
            }
            Action::Read => Request::Read,
            Action::Create => Request::Create,
            Action::Take { transitions } => Request::Write {
                version,
                transitions,
            },
            Action::Renew => Request::Write {
                version,
                transitions: 0,
            },
        };
        let fate = *candidate
            .script
            .fates
            .get(candidate.used)
            .unwrap_or(&HEALTHY);
        candidate.used += 1;
        let call = candidate.call;
        let sent = now + fate.freeze_before;
        let bound = candidate.truly(self.timings.renew_deadline / 2);
        if let Some(there) = fate.there {
            let back = fate.back;
            self.at(
                sent + there,
                Happens::Arrives {
                    of,
                    call,
                    what,
                    back,
                },
            );
        }
        self.at(sent + bound, Happens::GivesUp { of, call });
    }

    /// The API server: creates only what is not there, writes only over the version that was read.
    fn serve(&mut self, of: usize, what: Request) -> Heard {
        match (what, &self.lease) {
            (Request::Read, None) => return Heard::Absent,
            (Request::Read, Some(lease)) => return Heard::Lease(lease.clone()),
            (Request::Create, None) => {}
            (Request::Write { version, .. }, Some(lease))
                if lease.version == version.to_string() => {}
            (Request::Create | Request::Write { .. }, _) => return Heard::Refused,
        }
        self.version += 1;
        let transitions = match what {
            Request::Write { transitions, .. } => transitions,
            Request::Read | Request::Create => 0,
        };
        let written = Record {
            version: self.version.to_string(),
            holder: Some(format!("candidate-{of}")),
            duration: Some(self.timings.duration),
            transitions,
        };
        self.lease = Some(written.clone());
        Heard::Written(written)
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    let travel = prop_oneof![
        6 => (1..50_u64).prop_map(Some),
        3 => (1..9_000_u64).prop_map(Some),
        1 => Just(None),
    ];
    let freeze = prop_oneof![6 => Just(0), 1 => 1..30_000_u64];
    (freeze.clone(), travel.clone(), travel, freeze).prop_map(
        |(freeze_before, there, back, freeze_after)| Fate {
            freeze_before,
            there,
            back,
            freeze_after,
        },
    )
}

fn script(rates: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Script> {
    let end = prop_oneof![
        2 => Just(End::Never),
        1 => (0..120_000_u64).prop_map(End::Killed),
        1 => (0..120_000_u64, 0..9_000_u64).prop_map(|(when, after)| End::Leaves(when, after)),
    ];
    let fates = prop::collection::vec(fate(), 0..25);
    (0..60_000_u64, end, rates, 0..1_000_000_u64, fates).prop_map(
        |(begins, end, rate, offset, fates)| Script {
            begins,
            end,
            rate,
            offset,
            fates,
        },
    )
}

/// Timings with the rates at which they are safe: the closer belief and patience are, the better
/// the clocks must be.
fn sound() -> impl Strategy<Value = (Timings, Vec<Script>)> {
    let with = |duration, renew_deadline, retry_period, rates| {
        let timings = Timings {
            duration: Duration::from_millis(duration),
            renew_deadline: Duration::from_millis(renew_deadline),
            retry_period: Duration::from_millis(retry_period),
        };
        assert_eq!(timings.checked(), Ok(timings));
        (Just(timings), prop::collection::vec(script(rates), 2..=3))
    };
    prop_oneof![
        with(15_000, 10_000, 2_000, 850..=1150),
        with(6_000, 5_000, 1_000, 950..=1050),
        with(3_000, 2_000, 300, 850..=1150),
    ]
}

/// Even if every fate is the worst, all of them are over by then.
const END: True = 2_000_000;

proptest! {
    #[test]
    fn never_two_believe_and_one_leads_in_the_end((timings, scripts) in sound()) {
        let survivors = scripts.iter().any(|script| matches!(script.end, End::Never));
        let outcome = World::new(timings, Counting::FromSending, scripts).run(END);
        prop_assert_eq!(outcome.overlap, None);
        prop_assert_eq!(outcome.led_at_the_end, survivors);
    }
}

fn healthy(begins: True) -> Script {
    Script {
        begins,
        end: End::Never,
        rate: 1000,
        offset: 0,
        fates: Vec::new(),
    }
}

/// The world is not so hostile that the property would hold for want of leaders.
#[test]
fn leadership_moves_on_when_a_leader_dies_or_leaves() {
    let scripts = vec![
        Script {
            end: End::Killed(30_000),
            ..healthy(0)
        },
        Script {
            end: End::Leaves(60_000, 100),
            ..healthy(1_000)
        },
        healthy(70_000),
    ];
    let outcome = World::new(Timings::default(), Counting::FromSending, scripts).run(END);
    assert_eq!(
        outcome,
        Outcome {
            overlap: None,
            led_at_the_end: true,
            leaders: 3
        }
    );
}

/// A leader whose calls get lost after a while.
fn falls_silent(after: usize, there: Option<True>, back: Option<True>) -> Script {
    let slow = Fate {
        there,
        back,
        ..HEALTHY
    };
    let lost = Fate {
        there: None,
        back: None,
        ..HEALTHY
    };
    let mut fates = vec![slow; after];
    fates.extend(vec![lost; 20]);
    Script {
        fates,
        ..healthy(0)
    }
}

/// The judge catches a leader that believes for longer than the others wait.
#[test]
fn the_judge_sees_timings_that_are_not_sound() {
    let timings = Timings {
        duration: Duration::from_secs(10),
        renew_deadline: Duration::from_secs(15),
        retry_period: Duration::from_secs(2),
    };
    assert!(timings.checked().is_err());
    let scripts = vec![falls_silent(4, Some(5), Some(5)), healthy(1_000)];
    let outcome = World::new(timings, Counting::FromSending, scripts).run(END);
    assert!(outcome.overlap.is_some());
}

/// The judge catches a leader that counts from when it heard of its renewal.
#[test]
fn the_judge_sees_a_leader_that_counts_from_the_reply() {
    let timings = Timings {
        duration: Duration::from_secs(6),
        renew_deadline: Duration::from_secs(5),
        retry_period: Duration::from_secs(1),
    };
    let scripts = || vec![falls_silent(4, Some(5), Some(2_400)), healthy(5_000)];
    let wrong = World::new(timings, Counting::FromHearing, scripts()).run(END);
    assert!(wrong.overlap.is_some());
    let right = World::new(timings, Counting::FromSending, scripts()).run(END);
    assert_eq!(right.overlap, None);
    assert_eq!(right.leaders, 2);
}
