use super::super::access::Reach;
use super::super::core::PauseReason;
use super::super::learned::Kind;
use super::*;
use std::time::Duration;

const BSS: &str = "https://bss.example:443";

fn settings(per_second: u32, concurrency: u16) -> Settings {
    Settings {
        per_second: NonZeroU32::new(per_second).unwrap(),
        concurrency: NonZeroU16::new(concurrency).unwrap(),
    }
}

fn party<'a>(namespace: &'a str, origin: &'a str, token: u8) -> Party<'a> {
    Party {
        namespace,
        identity: "acme",
        origin,
        credentials: [token; 32],
    }
}

fn limits(member: &Membership) -> Settings {
    member.access().limiter().settings()
}

/// One call that the origin answers so.
async fn call(member: &Membership, feedback: Feedback, reach: Reach) {
    let turn = member.access().acquire().await.unwrap();
    turn.finish((Kind::default(), feedback), reach);
}

fn wait(minutes: u64) -> Feedback {
    let after = Some(Duration::from_mins(minutes));
    Feedback::Throttled { after }
}

fn paused(member: &Membership) -> Option<Duration> {
    let paused = member.access().limiter().paused();
    paused.map(|deferred| deferred.after)
}

#[test]
fn the_strictest_member_counts_while_it_is_one_and_only_in_its_namespace() {
    let registry = LimiterRegistry::new();
    let one = registry.join(&party("resellers", BSS, 1), settings(20, 2));
    let two = registry.join(&party("resellers", BSS, 2), settings(5, 8));
    let evil = registry.join(&party("evil", BSS, 3), settings(1, 1));
    assert!(Arc::ptr_eq(one.access().limiter(), two.access().limiter()));
    assert_eq!(
        (limits(&one), limits(&evil)),
        (settings(5, 2), settings(1, 1))
    );
    drop(two);
    assert_eq!(limits(&one), settings(20, 2));
}

#[test]
fn an_origin_has_limits_of_its_own() {
    let registry = LimiterRegistry::new();
    let distributor = registry.join(&party("resellers", BSS, 1), settings(20, 2));
    let tenant = registry.join(&party("resellers", "https://t.example", 1), settings(1, 1));
    assert_eq!(
        (limits(&distributor), limits(&tenant)),
        (settings(20, 2), settings(1, 1))
    );
}

#[tokio::test]
async fn leaving_and_joining_again_is_no_way_round_a_pause() {
    let registry = LimiterRegistry::new();
    let join = || registry.join(&party("resellers", BSS, 1), settings(20, 2));
    // Neither for one that was accepted nor for one that was not.
    for accepted in [false, true] {
        let member = join();
        if accepted {
            member.access().accepted();
        }
        call(&member, wait(1), Reach::Connection).await;
        drop(member);
        drop(registry.join(&party("other", BSS, 1), settings(1, 1)));
        assert!(join().access().acquire().await.is_err());
        *registry.lock() = State::default();
    }
}

#[tokio::test]
async fn what_an_origin_says_to_a_stranger_concerns_the_stranger() {
    let registry = LimiterRegistry::new();
    let victim = registry.join(&party("resellers", BSS, 1), settings(20, 2));
    victim.access().accepted();
    let wrong_token = registry.join(&party("evil", BSS, 2), settings(1, 1));
    let own_server = registry.join(&party("evil", "https://evil.example", 2), settings(1, 1));
    own_server.access().accepted();
    let beside = registry.join(&party("resellers", BSS, 3), settings(20, 2));
    for stranger in [&wrong_token, &own_server, &beside] {
        call(stranger, wait(15), Reach::Origin).await;
    }
    assert_eq!(paused(&victim), None);
    call(&victim, Feedback::Answered, Reach::Connection).await;
    assert!(wrong_token.access().acquire().await.is_err());
    assert!(own_server.access().acquire().await.is_err());
}

#[tokio::test]
async fn what_an_origin_says_concerns_those_that_it_has_accepted() {
    let registry = LimiterRegistry::new();
    let join = |namespace, token| registry.join(&party(namespace, BSS, token), settings(20, 2));
    let mut other = party("resellers", BSS, 2);
    other.identity = "beta";
    let beside = registry.join(&other, settings(20, 2));
    let (one, two, stranger) = (join("resellers", 1), join("partners", 1), join("evil", 1));
    for accepted in [&one, &two, &beside] {
        accepted.access().accepted();
    }
    // What rests on the connection's own declarations goes no further.
    call(&one, wait(2), Reach::Connection).await;
    assert_eq!((paused(&two), paused(&beside)), (None, None));
    call(&two, wait(2), Reach::Origin).await;
    assert!(
        paused(&beside).unwrap() <= Duration::from_mins(1),
        "bounded"
    );
    assert!(paused(&stranger).is_none());
    assert_eq!(
        one.access().limiter().paused().unwrap().reason,
        PauseReason::Throttled
    );
}

#[tokio::test]
async fn in_one_namespace_the_whole_pause_is_shared() {
    let registry = LimiterRegistry::new();
    let mut other = party("resellers", BSS, 2);
    other.identity = "beta";
    let beside = registry.join(&other, settings(20, 2));
    let one = registry.join(&party("resellers", BSS, 1), settings(20, 2));
    beside.access().accepted();
    one.access().accepted();
    call(&beside, Feedback::Answered, Reach::Connection).await;
    call(&one, wait(10), Reach::Origin).await;
    assert!(paused(&beside).unwrap() > Duration::from_mins(9));
}

#[tokio::test]
async fn an_accepted_neighbour_cannot_stop_one_that_is_answered() {
    let registry = LimiterRegistry::new();
    let join = |namespace| registry.join(&party(namespace, BSS, 1), settings(1000, 2));
    let (victim, evil) = (join("resellers"), join("evil"));
    victim.access().accepted();
    evil.access().accepted();
    call(&victim, Feedback::Answered, Reach::Connection).await;
    call(&evil, wait(15), Reach::Origin).await;
    assert_eq!(paused(&victim), None);
    assert_eq!(victim.access().limiter().load(), (0, 0));
}

#[tokio::test]
async fn strangers_have_few_calls_and_leave_the_queue_when_they_are_accepted() {
    let registry = LimiterRegistry::new();
    let mut members = Vec::new();
    for _ in 0..20 {
        members.push(registry.join(&party("resellers", BSS, 1), settings(1000, 100)));
    }
    let first = members[0].access().acquire().await.unwrap();
    let rest: Vec<_> = members
        .iter()
        .skip(1)
        .map(|m| m.access().acquire())
        .collect();
    let mut rest = Box::pin(futures::future::join_all(rest));
    assert!(futures::poll!(&mut rest).is_pending(), "a small limiter");
    members[0].access().accepted();
    first.finish((Kind::default(), Feedback::Answered), Reach::Connection);
    let began = Instant::now();
    for turn in rest.await {
        turn.unwrap()
            .finish((Kind::default(), Feedback::Answered), Reach::Connection);
    }
    // Twenty calls at five a second would take four seconds.
    assert!(began.elapsed() < Duration::from_secs(2));
    members[0].access().refused();
    assert!(!members[7].standing.account.is_accepted(), "one account");
}

#[test]
fn nothing_stays_of_those_that_left() {
    let registry = LimiterRegistry::new();
    for namespace in ["a", "b", "c"] {
        drop(registry.join(&party(namespace, BSS, 1), settings(20, 2)));
    }
    let _last = registry.join(&party("d", BSS, 1), settings(20, 2));
    let state = registry.lock();
    let left = (
        state.groups.len(),
        state.newcomers.len(),
        state.accounts.len(),
    );
    assert_eq!(left, (1, 1, 1));
}
