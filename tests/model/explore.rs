//! Breadth-first search over all states that a model can reach, with the shortest way to each.
//!
//! It knows nothing of what it explores: a model gives successors, names what is wrong in a state,
//! and says which successor comes when nothing goes wrong any more. States are told apart by a
//! 128-bit hash; only the present level is kept whole, the rest as a number and a way back.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// One way on from a state.
pub(crate) struct Successor<S> {
    /// What happens, for people.
    pub(crate) label: String,
    /// What is then.
    pub(crate) state: S,
    /// What broke the rules on the way.
    pub(crate) wrong: Vec<String>,
}

/// All ways on from a state.
pub(crate) struct Expansion<S> {
    /// In an order that is always the same.
    pub(crate) successors: Vec<Successor<S>>,
    /// Which of them comes when no fault happens any more and nobody but the operator acts; none
    /// where everything rests.
    pub(crate) calm: Option<usize>,
    /// How the state stands.
    pub(crate) standing: Standing,
}

/// How a state stands: what a run may end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// Work goes on, or a wait that ends by itself.
    Working,
    /// A person must act, status says so and it is true.
    People,
    /// Done, or done with differences that status names.
    Done,
}

/// What is explored.
pub(crate) trait Model {
    /// A state, in a form in which equal situations are equal.
    type State: Clone;
    /// Where it begins.
    fn initial(&self) -> Self::State;
    /// What tells it from every other state.
    fn key(&self, state: &Self::State) -> u128;
    /// All ways on.
    fn expand(&mut self, state: &Self::State) -> Expansion<Self::State>;
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    /// States.
    pub(crate) states: usize,
    /// Transitions.
    pub(crate) transitions: usize,
    /// The longest of the shortest ways.
    pub(crate) depth: usize,
    /// States without a way on.
    pub(crate) ends: usize,
}

/// Something that must not be, with the shortest way there.
#[derive(Debug)]
pub(crate) struct Counterexample {
    /// What.
    pub(crate) wrong: Vec<String>,
    /// The labels from the beginning.
    pub(crate) way: Vec<String>,
}

impl std::fmt::Display for Counterexample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.wrong.join("; "))?;
        for (n, label) in self.way.iter().enumerate() {
            writeln!(f, "  {:>3}. {label}", n + 1)?;
        }
        Ok(())
    }
}

struct Node {
    parent: u32,
    nth: u16,
    standing: Standing,
    calm: u32,
}

/// The keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only u128 keys")
    }
    fn write_u128(&mut self, key: u128) {
        self.0 = u64::try_from(key >> 64).unwrap();
    }
}

const NONE: u32 = u32::MAX;

/// Explores everything, or stops at the first thing that is wrong.
pub(crate) fn explore<M: Model>(model: &mut M, most: usize) -> Result<Explored, Counterexample> {
    let mut index: HashMap<u128, u32, BuildHasherDefault<AsIs>> = HashMap::default();
    let mut nodes = vec![Node {
        parent: NONE,
        nth: 0,
        standing: Standing::Working,
        calm: NONE,
    }];
    let first = model.initial();
    index.insert(model.key(&first), 0);
    let mut level = vec![(0_u32, first)];
    let mut found = Explored::default();
    while !level.is_empty() {
        let mut next = Vec::new();
        for (id, state) in level.drain(..) {
            let expansion = model.expand(&state);
            let at = usize::try_from(id).unwrap();
            nodes[at].standing = expansion.standing;
            if expansion.successors.is_empty() {
                found.ends += 1;
            }
            if expansion.calm.is_none() {
                nodes[at].calm = id;
            }
            for (nth, successor) in expansion.successors.into_iter().enumerate() {
                found.transitions += 1;
                if !successor.wrong.is_empty() {
                    let mut way = way(model, &nodes, id);
                    way.push(successor.label);
                    return Err(Counterexample {
                        wrong: successor.wrong,
                        way,
                    });
                }
                let fresh = u32::try_from(nodes.len()).unwrap();
                let key = model.key(&successor.state);
                let to = *index.entry(key).or_insert(fresh);
                if to == fresh {
                    nodes.push(Node {
                        parent: id,
                        nth: u16::try_from(nth).unwrap(),
                        standing: Standing::Working,
                        calm: NONE,
                    });
                    next.push((fresh, successor.state));
                }
                if expansion.calm == Some(nth) {
                    nodes[at].calm = to;
                }
            }
            if nodes.len() > most {
                return Err(Counterexample {
                    wrong: vec![format!(
                        "more than {most} states: something grows without bound, or the world is \
                         too large"
                    )],
                    way: way(model, &nodes, u32::try_from(nodes.len() - 1).unwrap()),
                });
            }
        }
        level = next;
        if std::env::var_os("MODEL_PROGRESS").is_some() {
            println!(
                "depth {} states {} front {}",
                found.depth,
                nodes.len(),
                level.len()
            );
        }
        found.depth += usize::from(!level.is_empty());
    }
    found.states = nodes.len();
    ends_well(model, &nodes)?;
    Ok(found)
}

/// The labels on the shortest way to a state.
fn way<M: Model>(model: &mut M, nodes: &[Node], to: u32) -> Vec<String> {
    let mut steps = Vec::new();
    let mut at = to;
    while at != 0 {
        let node = &nodes[usize::try_from(at).unwrap()];
        steps.push(usize::from(node.nth));
        at = node.parent;
    }
    let mut state = model.initial();
    let mut labels = Vec::new();
    for nth in steps.into_iter().rev() {
        let mut successors = model.expand(&state).successors;
        let taken = successors.swap_remove(nth);
        labels.push(taken.label);
        state = taken.state;
    }
    labels
}

/// From every state the calm way on leads to a state that is done or rests on people who were
/// told. It is a function of the state, so every state is looked at once.
fn ends_well<M: Model>(model: &mut M, nodes: &[Node]) -> Result<(), Counterexample> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnTheWay,
        Well,
    }
    let mut marks = vec![Mark::New; nodes.len()];
    for start in 0..nodes.len() {
        let mut walked = Vec::new();
        let mut at = start;
        while marks[at] == Mark::New {
            marks[at] = Mark::OnTheWay;
            walked.push(at);
            at = usize::try_from(nodes[at].calm).unwrap();
        }
        if marks[at] == Mark::OnTheWay {
            // A circle: it is well if people were told in it, or if it is the end.
            let begin = walked.iter().position(|n| *n == at).unwrap();
            let circle = &walked[begin..];
            let well = circle
                .iter()
                .any(|n| nodes[*n].standing != Standing::Working);
            if !well {
                let shortest = walked.iter().copied().min().unwrap();
                let mut way = way(model, nodes, u32::try_from(shortest).unwrap());
                way.push("-- from here on nothing goes wrong any more:".to_owned());
                let mut on = shortest;
                let mut left = walked.len() + circle.len();
                let mut seen_circle = 0;
                while left > 0 {
                    left -= 1;
                    let to = nodes[on].calm;
                    way.push(label_between(model, nodes, on, to));
                    on = usize::try_from(to).unwrap();
                    seen_circle += usize::from(on == at);
                    if seen_circle == 2 {
                        break;
                    }
                }
                return Err(Counterexample {
                    wrong: vec![format!(
                        "goes round without end ({} states) and nobody is told",
                        circle.len()
                    )],
                    way,
                });
            }
        }
        for n in walked {
            marks[n] = Mark::Well;
        }
    }
    Ok(())
}

fn label_between<M: Model>(model: &mut M, nodes: &[Node], from: usize, to: u32) -> String {
    let mut steps = Vec::new();
    let mut at = from;
    while at != 0 {
        steps.push(usize::from(nodes[at].nth));
        at = usize::try_from(nodes[at].parent).unwrap();
    }
    let mut state = model.initial();
    for nth in steps.into_iter().rev() {
        state = model.expand(&state).successors.swap_remove(nth).state;
    }
    let expansion = model.expand(&state);
    let calm = expansion.calm.and_then(|nth| {
        expansion
            .successors
            .into_iter()
            .nth(nth)
            .map(|successor| successor.label)
    });
    calm.unwrap_or_else(|| format!("state {to}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts to a bound; may fall back to zero; is wrong at one number.
    struct Counter {
        bound: u32,
        wrong_at: Option<u32>,
        ends: Standing,
    }

    impl Model for Counter {
        type State = u32;
        fn initial(&self) -> u32 {
            0
        }
        fn key(&self, state: &u32) -> u128 {
            u128::from(*state) << 64
        }
        fn expand(&mut self, state: &u32) -> Expansion<u32> {
            let mut successors = Vec::new();
            for (label, to) in [("up", *state + 1), ("back", 0)] {
                if to <= self.bound {
                    let wrong = (Some(to) == self.wrong_at).then(|| "wrong".to_owned());
                    successors.push(Successor {
                        label: label.to_owned(),
                        state: to,
                        wrong: wrong.into_iter().collect(),
                    });
                }
            }
            let end = *state == self.bound;
            Expansion {
                successors,
                calm: Some(0),
                standing: if end { self.ends } else { Standing::Working },
            }
        }
    }

    #[test]
    fn counts_every_state_once() {
        let mut model = Counter {
            bound: 9,
            wrong_at: None,
            ends: Standing::Done,
        };
        let found = explore(&mut model, 100).unwrap();
        assert_eq!((found.states, found.transitions, found.depth), (10, 19, 9));
    }

    #[test]
    fn finds_what_is_wrong_by_the_shortest_way() {
        let mut model = Counter {
            bound: 9,
            wrong_at: Some(3),
            ends: Standing::Done,
        };
        let found = explore(&mut model, 100).unwrap_err();
        assert_eq!(found.way, ["up", "up", "up"]);
    }

    #[test]
    fn finds_a_circle_in_which_nobody_is_told() {
        let mut model = Counter {
            bound: 3,
            wrong_at: None,
            ends: Standing::Working,
        };
        let found = explore(&mut model, 100).unwrap_err();
        assert!(found.wrong[0].contains("goes round"), "{found}");
    }
}
