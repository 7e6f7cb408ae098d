use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};

fn settings(per_second: u32, concurrency: u16) -> Settings {
    Settings {
        per_second: NonZeroU32::new(per_second).unwrap(),
        concurrency: NonZeroU16::new(concurrency).unwrap(),
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn rate_then_concurrency_hold_the_head_back() {
    let mut core = Core::new(settings(10, 2));
    let tickets = [core.enqueue(0), core.enqueue(0), core.enqueue(0)];
    assert_eq!(core.grant(ms(0)), Some(tickets[0]));
    assert_eq!(core.grant(ms(0)), None);
    assert_eq!(core.wake(ms(0)), Some(ms(100)));
    assert_eq!(core.grant(ms(100)), Some(tickets[1]));
    assert_eq!((core.grant(ms(900)), core.wake(ms(900))), (None, None));
    core.finish(ms(900), ms(0), Feedback::Answered);
    assert_eq!(core.grant(ms(900)), Some(tickets[2]));
}

#[test]
fn retry_after_is_obeyed_and_bounded() {
    let mut core = Core::new(settings(10, 8));
    core.enqueue(0);
    core.grant(ms(0)).unwrap();
    core.enqueue(0);
    let asked = Some(Duration::from_secs(7));
    core.finish(ms(1), ms(0), Feedback::Throttled { after: asked });
    assert_eq!(core.wake(ms(500)), Some(ms(7001)));
    assert_eq!(core.grant(ms(7000)), None);
    core.grant(ms(7001)).unwrap();
    let asked = Some(Duration::from_secs(u64::MAX));
    core.finish(ms(7002), ms(7001), Feedback::Throttled { after: asked });
    let pause = core.pause(ms(7002)).unwrap();
    assert_eq!(pause.until, ms(7002) + LONGEST_RETRY_AFTER);
    assert_eq!(pause.reason, PauseReason::Throttled);
}

#[test]
fn a_window_of_429s_is_one_setback_and_one_probe_follows() {
    let mut core = Core::new(settings(100, 8));
    for _ in 0..8 {
        core.enqueue(0);
    }
    let granted: Vec<Ticket> = std::iter::from_fn(|| core.grant(ms(0))).collect();
    assert_eq!(granted.len(), 8);
    for _ in 0..8 {
        core.finish(ms(5), ms(0), Feedback::Throttled { after: None });
    }
    assert_eq!((core.share, core.setbacks), (500, 1));
    assert_eq!(core.pause(ms(5)).unwrap().until, ms(505));
    core.enqueue(0);
    core.enqueue(0);
    core.grant(ms(505)).unwrap();
    assert_eq!((core.grant(ms(600)), core.wake(ms(600))), (None, None));
    core.finish(ms(600), ms(505), Feedback::Answered);
    assert_eq!(core.concurrency(), 5, "half of 8, and a little grown");
    core.grant(ms(600)).unwrap();
}

#[test]
fn pauses_double_up_to_a_bound_and_success_ends_the_row() {
    let mut core = Core::new(settings(100, 1));
    let mut now = ms(0);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        core.enqueue(0);
        now = core.wake(now).unwrap().max(now) + ms(1);
        core.grant(now).unwrap();
        core.finish(now + ms(1), now, Feedback::Unavailable { after: None });
        pauses.push(core.pause(now + ms(1)).unwrap().until - now - ms(1));
        now = core.pause(now + ms(1)).unwrap().until;
    }
    assert_eq!(pauses[..4], [ms(500), ms(1000), ms(2000), ms(4000)]);
    assert_eq!(pauses[11], LONGEST_PAUSE);
    assert_eq!(core.share, LEAST);
    core.enqueue(0);
    now = core.wake(now).unwrap().max(now) + ms(1);
    core.grant(now).unwrap();
    core.finish(now + ms(1), now, Feedback::Answered);
    assert_eq!(core.setbacks, 0);
}

#[test]
fn success_brings_the_full_limits_back() {
    let mut core = Core::new(settings(20, 4));
    core.share = LEAST;
    let mut now = ms(0);
    for _ in 0..400 {
        core.enqueue(0);
        now = core.wake(now).unwrap().max(now);
        core.grant(now).unwrap();
        core.finish(now, now, Feedback::Answered);
    }
    assert_eq!(core.share, FULL);
    assert!(core.at_rest(now));
}

/// Sends one call as soon as it may go; when it was granted and ended.
fn call(core: &mut Core, now: Duration, feedback: Feedback) -> Duration {
    core.enqueue(0);
    let granted = core.wake(now).unwrap().max(now) + ms(1);
    core.grant(granted).unwrap();
    core.finish(granted + ms(1), granted, feedback);
    granted + ms(1)
}

#[test]
fn several_lost_replies_in_a_row_open_the_breaker_and_one_answer_closes_it() {
    let mut core = Core::new(settings(1000, 8));
    let mut now = ms(0);
    for _ in 1..LOST_IN_A_ROW {
        now = call(&mut core, now, Feedback::Lost);
    }
    now = call(&mut core, now, Feedback::Answered);
    for _ in 1..LOST_IN_A_ROW {
        now = call(&mut core, now, Feedback::Lost);
    }
    now = call(&mut core, now, Feedback::Nothing);
    assert_eq!((core.pause(now), core.concurrency()), (None, 8));
    let mut open = Vec::new();
    for _ in 0..10 {
        now = call(&mut core, now, Feedback::Lost);
        let pause = core.pause(now).unwrap();
        assert_eq!(pause.reason, PauseReason::Unavailable);
        open.push(pause.until - now);
    }
    assert_eq!(open[..3], [ms(500), ms(1000), ms(2000)]);
    assert_eq!(open[9], LONGEST_PAUSE);
    // Half open: one probe, the others stay behind it, and are told how long.
    core.enqueue(0);
    core.enqueue(0);
    now = core.pause(now).unwrap().until;
    assert_eq!(core.probing(now), None);
    core.grant(now).unwrap();
    assert_eq!((core.grant(now), core.wake(now)), (None, None));
    let behind = core.probing(now).unwrap();
    assert_eq!(
        (behind.until - now, behind.reason),
        (LONGEST_PAUSE, PauseReason::Unavailable)
    );
    core.finish(now + ms(1), now, Feedback::Answered);
    assert_eq!(
        (core.pause(now + ms(1)), core.probing(now + ms(1))),
        (None, None)
    );
    // The row begins anew.
    assert_eq!(core.lost, 0);
    core.grant(now + ms(100)).unwrap();
    core.finish(now + ms(101), now + ms(100), Feedback::Lost);
    assert_eq!(core.pause(now + ms(101)), None);
}

#[test]
fn a_window_of_lost_replies_is_one_setback() {
    let mut core = Core::new(settings(1000, 8));
    for _ in 0..8 {
        core.enqueue(0);
    }
    for _ in 0..8 {
        core.grant(ms(0)).unwrap();
    }
    for _ in 0..8 {
        core.finish(ms(5), ms(0), Feedback::Lost);
    }
    assert_eq!((core.setbacks, core.share), (1, 500));
    assert_eq!(core.pause(ms(5)).unwrap().until, ms(505));
}

#[derive(Clone, Debug)]
enum Step {
    Enqueue,
    Leave(usize),
    Advance(u64),
    Finish(usize, Feedback),
    Set(u32, u16),
}

fn feedback() -> impl Strategy<Value = Feedback> {
    let after = || proptest::option::of((0_u64..5000).prop_map(ms));
    prop_oneof![
        4 => Just(Feedback::Answered),
        1 => after().prop_map(|after| Feedback::Throttled { after }),
        1 => after().prop_map(|after| Feedback::Unavailable { after }),
        1 => Just(Feedback::Lost),
        1 => Just(Feedback::Nothing),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Enqueue),
        1 => any::<usize>().prop_map(Step::Leave),
        6 => (0_u64..400).prop_map(Step::Advance),
        5 => (any::<usize>(), feedback()).prop_map(|(i, f)| Step::Finish(i, f)),
        1 => (1_u32..60, 1_u16..6).prop_map(|(r, c)| Step::Set(r, c)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_rule_is_ever_broken(
        first in (1_u32..60, 1_u16..6),
        steps in proptest::collection::vec(step(), 1..250),
    ) {
        let mut core = Core::new(settings(first.0, first.1));
        let (mut rate, mut slots) = first;
        let mut now = Duration::ZERO;
        let mut expected: VecDeque<Ticket> = VecDeque::new();
        let mut running: Vec<Duration> = Vec::new();
        let mut grants: Vec<Duration> = Vec::new();
        let mut forbidden_until = Duration::ZERO;
        for step in steps {
            match step {
                Step::Enqueue => expected.push_back(core.enqueue(0)),
                Step::Leave(i) if !expected.is_empty() => {
                    let ticket = expected.remove(i % expected.len()).unwrap();
                    core.leave(ticket);
                }
                Step::Advance(millis) => now += ms(millis),
                Step::Finish(i, feedback) if !running.is_empty() => {
                    let granted = running.remove(i % running.len());
                    core.finish(now, granted, feedback);
                    if let Feedback::Throttled { after: Some(after) }
                    | Feedback::Unavailable { after: Some(after) } = feedback
                    {
                        forbidden_until = forbidden_until.max(now + after);
                    }
                }
                Step::Leave(_) | Step::Finish(..) => {}
                Step::Set(r, c) => {
                    // The law of the rate is checked within one setting.
                    (rate, slots) = (r, c);
                    core.set(settings(r, c));
                    grants.clear();
                    core.scheduled = core.scheduled.max(now);
                }
            }
            let wake = core.wake(now);
            let before = running.len();
            while let Some(ticket) = core.grant(now) {
                prop_assert_eq!(Some(ticket), expected.pop_front(), "first come, first served");
                prop_assert!(now >= forbidden_until, "granted during a pause");
                running.push(now);
                grants.push(now);
                prop_assert!(running.len() <= usize::from(slots));
            }
            if running.len() > before {
                prop_assert!(wake.is_some_and(|wake| wake <= now), "woken too late");
            } else if let Some(wake) = core.wake(now) {
                prop_assert!(wake > now, "the head may go, but did not");
            }
            let burst = f64::from(settings(rate, 1).burst());
            for (i, from) in grants.iter().enumerate() {
                let seconds = (now - *from).as_secs_f64();
                let most = f64::from(rate) * seconds + burst + 1e-6;
                prop_assert!((grants.len() - i) as f64 <= most, "more than the rate allows");
            }
        }
    }

    /// One call after the other, against a model of the breaker.
    #[test]
    fn the_breaker_opens_for_a_reason_and_closes_with_an_answer(
        feedbacks in proptest::collection::vec(
            prop_oneof![
                2 => Just(Feedback::Answered),
                6 => Just(Feedback::Lost),
                1 => Just(Feedback::Unavailable { after: None }),
                1 => Just(Feedback::Nothing),
            ],
            1..120,
        ),
    ) {
        let mut core = Core::new(settings(1000, 4));
        let mut now = Duration::ZERO;
        let (mut lost, mut open) = (0, 0_u32);
        for feedback in feedbacks {
            let slots = core.concurrency();
            prop_assert_eq!(slots == 1, open > 0 || core.share <= 250, "one probe at a time");
            now = call(&mut core, now, feedback);
            match feedback {
                Feedback::Answered => (lost, open) = (0, 0),
                Feedback::Nothing => {}
                Feedback::Unavailable { .. } => open += 1,
                Feedback::Lost | Feedback::Throttled { .. } => {
                    lost += 1;
                    if lost >= LOST_IN_A_ROW || open > 0 {
                        open += 1;
                    }
                }
            }
            let opened = !matches!(feedback, Feedback::Answered | Feedback::Nothing) && open > 0;
            let expected = opened.then(|| {
                let doubled = FIRST_PAUSE * 2_u32.pow((open - 1).min(16));
                Pause {
                    until: now + doubled.min(LONGEST_PAUSE),
                    reason: PauseReason::Unavailable,
                }
            });
            prop_assert_eq!(core.pause(now), expected);
        }
    }

    /// A rate that is shared: a caller with one call at a time, beside others that always have some in the queue.
    #[test]
    fn a_caller_with_few_calls_waits_for_one_of_each_other_caller(
        others in proptest::collection::vec(1_usize..40, 1..6),
    ) {
        let mut core = Core::new(settings(10, 64));
        let mut now = ms(0);
        let mut callers: BTreeMap<Ticket, u64> = BTreeMap::new();
        for (caller, calls) in (1..).zip(&others) {
            for _ in 0..*calls {
                callers.insert(core.enqueue(caller), caller);
            }
        }
        for _ in 0..10 {
            let own = core.enqueue(0);
            let mut served = Vec::new();
            loop {
                now = core.wake(now).unwrap().max(now);
                let granted = core.grant(now).unwrap();
                core.finish(now, now, Feedback::Answered);
                if granted == own {
                    break;
                }
                let caller = callers[&granted];
                callers.insert(core.enqueue(caller), caller);
                served.push(caller);
            }
            served.sort_unstable();
            let before = served.len();
            served.dedup();
            prop_assert_eq!(served.len(), before, "one of each at most");
        }
    }

    #[test]
    fn whoever_waits_goes_in_the_end(
        feedbacks in proptest::collection::vec(feedback(), 1..60),
    ) {
        let mut core = Core::new(settings(5, 2));
        let mut now = Duration::ZERO;
        for feedback in feedbacks {
            core.enqueue(0);
            now = core.wake(now).unwrap().max(now);
            prop_assert!(core.grant(now).is_some());
            now += ms(1);
            core.finish(now, now - ms(1), feedback);
        }
        prop_assert!(core.waiting() == 0 && core.in_flight() == 0);
    }
}
