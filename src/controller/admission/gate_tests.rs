use super::*;
use futures::FutureExt as _;
use proptest::prelude::*;

fn party(namespace: &str, connection: &str) -> Party {
    Party {
        namespace: namespace.to_owned(),
        connection: connection.to_owned(),
    }
}

/// Takes places for this party as long as there is one at once.
fn fill<'a>(gate: &'a Gate, party: &Party) -> Vec<Permit<'a>> {
    std::iter::from_fn(|| gate.enter(party.clone()).now_or_never())
        .take(1000)
        .collect()
}

/// A BSS that swallows every call keeps every place that it can get until the time-out.
#[test]
fn a_connection_whose_calls_hang_leaves_places_to_the_one_beside_it() {
    let gate = Gate::new(64);
    let hanging = fill(&gate, &party("resellers", "black-hole"));
    assert_eq!(hanging.len(), 22, "a third");
    let healthy = fill(&gate, &party("resellers", "healthy"));
    assert_eq!(healthy.len(), 7);
    let other = fill(&gate, &party("partners", "healthy"));
    assert_eq!(other.len(), 12);
    drop(hanging);
    let more = fill(&gate, &party("resellers", "healthy"));
    assert_eq!(healthy.len() + more.len(), 18);
}

#[test]
fn a_namespace_with_many_connections_leaves_half_and_every_namespace_gets_a_place() {
    let gate = Gate::new(64);
    let evil: Vec<_> = (0..500)
        .flat_map(|number| fill(&gate, &party("evil", &number.to_string())))
        .collect();
    assert_eq!(evil.len(), 32);
    assert_eq!(fill(&gate, &party("resellers", "healthy")).len(), 11);
    // Sixty more hostile namespaces.
    let more: Vec<_> = (0..60)
        .flat_map(|n| (0..64).map(move |c| party(&format!("evil-{n}"), &c.to_string())))
        .flat_map(|party| fill(&gate, &party))
        .collect();
    assert!(evil.len() + more.len() <= 64 + 60);
    assert_eq!(fill(&gate, &party("resellers", "healthy")).len(), 1);
}

#[test]
fn those_that_wait_are_served_in_turn() {
    let gate = Gate::new(1);
    let first = gate.enter(party("a", "x")).now_or_never().unwrap();
    let mut order = Vec::new();
    let queue = [("a", "x", 1), ("a", "x", 2), ("a", "y", 3), ("a", "x", 4)];
    let mut waiting: Vec<_> = queue
        .iter()
        .map(|(namespace, connection, id)| {
            (*id, Box::pin(gate.enter(party(namespace, connection))))
        })
        .collect();
    for (_, future) in &mut waiting {
        assert!(future.as_mut().now_or_never().is_none());
    }
    let mut held = first;
    while !waiting.is_empty() {
        drop(held);
        let ready = waiting
            .iter_mut()
            .enumerate()
            .find_map(|(index, (_, future))| Some((index, future.as_mut().now_or_never()?)));
        let (index, permit) = ready.unwrap();
        order.push(waiting.remove(index).0);
        held = permit;
    }
    assert_eq!(order, [1, 3, 2, 4]);
}

#[test]
fn a_place_that_is_given_up_while_waiting_blocks_none() {
    let gate = Gate::new(1);
    let first = gate.enter(party("a", "x")).now_or_never().unwrap();
    let mut gone = Box::pin(gate.enter(party("a", "x")));
    let mut next = Box::pin(gate.enter(party("a", "x")));
    assert!(gone.as_mut().now_or_never().is_none());
    assert!(next.as_mut().now_or_never().is_none());
    drop(first);
    drop(gone);
    let held = next.as_mut().now_or_never();
    assert!(held.is_some(), "let in, though the one before had been");
    drop(held);
    let state = gate.lock();
    assert!(state.asleep.is_empty() && state.let_in.is_empty());
    assert!(state.places.taken.is_empty() && state.places.waiting.is_empty());
}

/// One place, which is lent after a moment.
fn lends_soon() -> Gate {
    Gate {
        hangs: Duration::from_millis(100),
        ..Gate::new(1)
    }
}

/// With one place, the only one is held by a call that hangs.
#[tokio::test]
async fn a_call_that_hangs_lends_its_place_to_another_connection() {
    let gate = lends_soon();
    let (hole, well) = (party("a", "black-hole"), party("a", "healthy"));
    let hanging = gate.enter(hole.clone()).await;
    {
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let mut calls = std::pin::pin!(hanging.lending(answered));
        // In this order: calls that are looked at once more count as answered, and take the place back.
        let permit = tokio::select! {
            biased;
            permit = gate.enter(well.clone()) => permit,
            _ = &mut calls => unreachable!("it hangs"),
        };
        // The others of its own connection would hang as well.
        drop(permit);
        assert!(gate.enter(hole).now_or_never().is_none());
        let _permit = gate.enter(well).await;
        // It goes on when it is answered.
        answer.send(()).unwrap();
        calls.await.unwrap();
        assert_eq!(gate.lock().places.taken_by("a"), 2);
    }
    drop(hanging);
    let state = gate.lock();
    assert!(state.places.taken.is_empty() && state.places.lent.is_empty());
}

#[tokio::test]
async fn calls_that_are_answered_one_after_the_other_lend_nothing() {
    // Each answer comes long before that, however busy the machine is; all of them together come after it.
    let gate = Gate {
        hangs: Duration::from_secs(2),
        ..Gate::new(1)
    };
    let permit = gate.enter(party("a", "x")).await;
    let calls = async {
        for _ in 0..120 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut other = std::pin::pin!(gate.enter(party("a", "y")));
    tokio::select! {
        () = permit.lending(calls) => {}
        _ = &mut other => unreachable!("the place is in use"),
    }
}

/// Many hanging connections of one namespace: from some on each keeps its place, as if none were lent.
#[test]
fn what_hangs_is_bounded() {
    let gate = Gate::new(2);
    let mut lent = 0;
    for connection in 0..100 {
        let party = party("evil", &connection.to_string());
        let mut state = gate.lock();
        state.places.take(&party);
        lent += usize::from(state.places.lend(&party));
        assert!(state.places.lent_by(&party) <= 2);
    }
    assert_eq!(lent, 8);
    assert!(fill(&gate, &party("partners", "healthy")).len() == 1);
}

#[test]
fn a_time_slice_is_shared_with_those_that_wait() {
    let gate = Gate::new(6);
    let whole = Duration::from_secs(6);
    let working = fill(&gate, &party("a", "x"));
    assert_eq!(working.len(), 2);
    assert_eq!(working[0].slice(whole), whole * 3, "nobody waits");
    let mut waiting: Vec<_> = (0..4)
        .map(|_| Box::pin(gate.enter(party("a", "x"))))
        .collect();
    for future in &mut waiting {
        assert!(future.as_mut().now_or_never().is_none());
    }
    assert_eq!(working[0].slice(whole), whole / 3, "two of six");
    // Of another connection: four wait for all places, of which three are taken.
    let other = gate.enter(party("b", "x")).now_or_never().unwrap();
    assert_eq!(other.slice(whole), whole * 3 / 7);
    let many: Vec<_> = (0..200)
        .map(|_| Box::pin(gate.enter(party("a", "x"))))
        .collect();
    let mut many = many;
    for future in &mut many {
        assert!(future.as_mut().now_or_never().is_none());
    }
    assert_eq!(working[0].slice(whole), SHORTEST_SLICE);
    let short = Duration::from_millis(10);
    assert_eq!(working[0].slice(short), short, "not longer than it is");
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u8, u8),
    GiveBack(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..5, 0_u8..4).prop_map(|(namespace, connection)| Step::Wait(namespace, connection)),
        2 => any::<usize>().prop_map(Step::GiveBack),
        1 => any::<usize>().prop_map(Step::Leave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn never_too_many_and_none_waits_that_may_enter(
        at_once in 1_usize..20,
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut places = Places::new(at_once);
        let mut tickets: BTreeMap<Ticket, Party> = BTreeMap::new();
        let mut inside: Vec<Party> = Vec::new();
        for (ticket, step) in (0..).zip(steps) {
            match step {
                Step::Wait(namespace, connection) => {
                    let party = party(&namespace.to_string(), &connection.to_string());
                    places.wait(&party, ticket);
                    tickets.insert(ticket, party);
                }
                Step::GiveBack(i) if !inside.is_empty() => {
                    let party = inside.remove(i.checked_rem(inside.len()).unwrap());
                    places.give_back(&party);
                }
                Step::Leave(i) if !tickets.is_empty() => {
                    let ticket = *tickets.keys().nth(i.checked_rem(tickets.len()).unwrap()).unwrap();
                    let party = tickets.remove(&ticket).unwrap();
                    prop_assert!(places.leave(&party, ticket));
                }
                Step::GiveBack(_) | Step::Leave(_) => {}
            }
            while let Some(ticket) = places.admit_next() {
                inside.push(tickets.remove(&ticket).unwrap());
            }
            for party in tickets.values() {
                prop_assert!(!places.may_enter(party), "it waits and may enter");
                prop_assert!(inside.iter().any(|p| p.namespace == party.namespace));
            }
            let namespaces: HashSet<_> = inside.iter().map(|party| &party.namespace).collect();
            prop_assert!(inside.len() <= at_once.max(namespaces.len()).saturating_add(namespaces.len()));
            for namespace in namespaces {
                let own = inside.iter().filter(|party| party.namespace == *namespace).count();
                prop_assert!(own == 1 || own <= at_once.div_ceil(2), "half of all, or the one");
            }
        }
    }
}
