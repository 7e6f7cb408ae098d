//! Simulated BSSs whose limits are not declared: one that answers so many calls side by side and lets the others
//! wait, and one that takes so many a second and answers the others with 429.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use proptest::prelude::*;

use super::super::core::{Core, Feedback};
use super::super::settings::Declared;
use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A BSS, and callers that always have something to ask.
struct Bss {
    /// When each worker is free again.
    workers: Vec<Duration>,
    /// How long a call of either kind takes.
    takes: [Duration; 2],
    /// Calls a second, if there is a limit.
    rate: Option<u64>,
    /// When the allowance of the rate is whole again.
    allowance: Duration,
    now: Duration,
    under_way: Vec<(Duration, Duration, Kind, Feedback)>,
    asked: u64,
}

/// What was seen in a while.
#[derive(Debug, Default)]
struct Seen {
    answered: u64,
    refused: u64,
    /// Sum over the answers.
    at_once: u64,
}

impl Bss {
    fn new(workers: usize, takes: [u64; 2], rate: Option<u64>) -> Self {
        Self {
            workers: vec![Duration::ZERO; workers],
            takes: takes.map(ms),
            rate,
            allowance: Duration::ZERO,
            now: Duration::ZERO,
            under_way: Vec::new(),
            asked: 0,
        }
    }

    fn takes(&mut self, granted: Duration) {
        self.asked += 1;
        let kind = usize::from(self.asked.is_multiple_of(5));
        let id = Kind(u64::try_from(kind).unwrap());
        if let Some(rate) = self.rate {
            let each = Duration::from_secs(1) / u32::try_from(rate).unwrap();
            self.allowance = self.allowance.max(granted) + each;
            if self.allowance > granted + ms(200) {
                self.allowance -= each;
                let answer = (
                    granted,
                    granted + ms(2),
                    id,
                    Feedback::Throttled { after: None },
                );
                self.under_way.push(answer);
                return;
            }
        }
        let worker = self.workers.iter_mut().min().unwrap();
        *worker = (*worker).max(granted) + self.takes[kind];
        self.under_way
            .push((granted, *worker, id, Feedback::Answered));
    }

    fn run(&mut self, core: &mut Core, seconds: u64) -> Seen {
        let end = self.now + Duration::from_secs(seconds);
        let mut seen = Seen::default();
        while self.now < end {
            while core.waiting() < 100 {
                core.enqueue(0);
            }
            while core.grant(self.now).is_some() {
                self.takes(self.now);
            }
            let first = self.under_way.iter().enumerate();
            let first = first
                .min_by_key(|(_, call)| call.1)
                .map(|(n, call)| (n, call.1));
            let wake = core.wake(self.now);
            if let Some((n, ended)) = first.filter(|(_, at)| wake.is_none_or(|wake| *at <= wake)) {
                self.now = ended;
                let (granted, _, kind, feedback) = self.under_way.swap_remove(n);
                if feedback == Feedback::Answered {
                    core.learn(ended, granted, kind);
                    seen.answered += 1;
                } else {
                    seen.refused += 1;
                }
                seen.at_once += u64::from(core.concurrency());
                core.finish(ended, granted, feedback);
            } else {
                self.now = wake.unwrap();
            }
        }
        seen
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_knee_is_found_and_found_again_when_it_moves(
        before in 1_usize..16,
        after in 1_usize..16,
        takes in (20_u64..200, 20_u64..200),
    ) {
        let mut core = Core::new(Declared::default());
        let takes = [takes.0, takes.1];
        let mut bss = Bss::new(before, takes, None);
        for workers in [before, after] {
            bss.workers.resize(workers, bss.now);
            bss.run(&mut core, 150);
            let seen = bss.run(&mut core, 60);
            let each = (takes[0] * 4 + takes[1]) / 5;
            let knee = u64::try_from(workers).unwrap();
            let most = 60_000 * knee / each;
            prop_assert!(seen.answered * 100 >= most * 85, "{:?} of {}", seen, most);
            let average = seen.at_once / seen.answered;
            prop_assert!(average <= knee * 3 + 3, "{} at once, knee at {}", average, knee);
        }
    }

    #[test]
    fn a_rate_is_found_and_seldom_exceeded(rate in 5_u64..200) {
        let mut core = Core::new(Declared::default());
        let mut bss = Bss::new(64, [30, 30], Some(rate));
        bss.run(&mut core, 120);
        let seen = bss.run(&mut core, 60);
        prop_assert!(seen.answered * 100 >= rate * 60 * 60, "{:?} at {}", seen, rate);
        prop_assert!(seen.refused * 50 <= seen.answered.max(300), "{:?} at {}", seen, rate);
    }
}

#[test]
fn what_is_declared_is_not_learnt() {
    let declared = Declared {
        per_second: None,
        concurrency: std::num::NonZeroU16::new(3),
    };
    let mut core = Core::new(declared);
    let mut bss = Bss::new(64, [20, 20], None);
    bss.run(&mut core, 60);
    assert_eq!(core.concurrency(), 3);
    core.set(Declared::default());
    bss.run(&mut core, 60);
    assert!(core.concurrency() > 8, "{}", core.concurrency());
    core.set(declared);
    assert_eq!(core.concurrency(), 3);
}
