//! Whose turn it is: at most so many upgrades of one BSS are at work at one time.
//!
//! `Lines` is pure: per BSS identity the upgrades that hold a place, those that wait for one, first
//! come, first served, and the number of places, the smallest that any connection of the upgrades
//! in it allows. A place that becomes free is *offered* to whoever waits longest, and counts as
//! taken from that moment: nobody overtakes between the offer and the pass that takes it. `Turns`
//! shares the lines and wakes whoever was offered a place.
//!
//! Nothing here knows what an upgrade does with its place, nor when it gives it up.

use std::collections::{BTreeMap, VecDeque};

/// What an upgrade has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) enum Standing {
    /// Neither a place nor a wish for one.
    Away,
    /// It waits for a place.
    Waits,
    /// A place is kept for it; it does not know yet.
    Offered,
    /// It has a place.
    Holds,
}

#[derive(Debug)]
struct Member {
    /// The places that its connection allows.
    places: usize,
    standing: Standing,
}

/// The upgrades of one BSS, by uid.
#[derive(Debug, Default)]
struct Line {
    members: BTreeMap<String, Member>,
    /// Those that wait.
    queue: VecDeque<String>,
}

impl Line {
    fn places(&self) -> usize {
        let allowed = self.members.values().map(|member| member.places);
        allowed.min().unwrap_or(1).max(1)
    }

    fn taken(&self) -> usize {
        let taken =
            |member: &&Member| matches!(member.standing, Standing::Offered | Standing::Holds);
        self.members.values().filter(taken).count()
    }

    fn put(&mut self, uid: &str, standing: Standing) {
        self.queue.retain(|waiting| waiting != uid);
        if let Some(member) = self.members.get_mut(uid) {
            member.standing = standing;
            if standing == Standing::Waits {
                self.queue.push_back(uid.to_owned());
            }
        }
    }

    fn standing(&self, uid: &str) -> Standing {
        let member = self.members.get(uid);
        member.map_or(Standing::Away, |member| member.standing)
    }

    /// Offers every free place.
    fn offer(&mut self, offered: &mut Vec<String>) {
        let free = self.places().saturating_sub(self.taken());
        for uid in self.queue.drain(..free.min(self.queue.len())) {
            if let Some(member) = self.members.get_mut(&uid) {
                member.standing = Standing::Offered;
            }
            offered.push(uid);
        }
    }
}

/// Every line, by BSS identity. What answers a list of uids has offered them a place: they have to
/// be woken.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<String, Line>,
}

impl Lines {
    /// An upgrade is there, with so many places allowed by its connection. It takes a place that
    /// was offered to it, and asks for none.
    pub(super) fn arrive(
        &mut self,
        uid: &str,
        identity: &str,
        places: usize,
    ) -> (Standing, Vec<String>) {
        let mut offered = Vec::new();
        // Its connection was made anew, for another BSS.
        let elsewhere = |line: &Line| line.members.contains_key(uid);
        let elsewhere = self
            .lines
            .iter()
            .find(|(name, line)| *name != identity && elsewhere(line));
        if elsewhere.is_some() {
            offered.extend(self.forget(uid));
        }
        let line = self.lines.entry(identity.to_owned()).or_default();
        line.members
            .entry(uid.to_owned())
            .and_modify(|member| member.places = places)
            .or_insert(Member {
                places,
                standing: Standing::Away,
            });
        if line.standing(uid) == Standing::Offered {
            line.put(uid, Standing::Holds);
        }
        line.offer(&mut offered);
        // More places than before may just have been enough for itself: it is awake.
        if line.standing(uid) == Standing::Offered {
            line.put(uid, Standing::Holds);
            offered.retain(|other| other != uid);
        }
        (line.standing(uid), offered)
    }

    /// Asks for a place; whoever must wait keeps its position however often it asks.
    pub(super) fn ask(&mut self, uid: &str) -> Standing {
        let Some(line) = self.line_of(uid) else {
            return Standing::Away;
        };
        match line.standing(uid) {
            Standing::Offered => line.put(uid, Standing::Holds),
            // Nobody waits while a place is free, so nobody is overtaken.
            Standing::Away if line.queue.is_empty() && line.taken() < line.places() => {
                line.put(uid, Standing::Holds);
            }
            Standing::Away => line.put(uid, Standing::Waits),
            Standing::Waits | Standing::Holds => {}
        }
        line.standing(uid)
    }

    /// Gives up the place, or the wish for one.
    pub(super) fn leave(&mut self, uid: &str) -> Vec<String> {
        let mut offered = Vec::new();
        if let Some(line) = self.line_of(uid) {
            line.put(uid, Standing::Away);
            line.offer(&mut offered);
        }
        offered
    }

    /// Gives up a place that is held; whoever waits, or was offered one meanwhile, keeps that.
    pub(super) fn rest(&mut self, uid: &str) -> Vec<String> {
        let holds = self.line_of(uid).map(|line| line.standing(uid)) == Some(Standing::Holds);
        if holds { self.leave(uid) } else { Vec::new() }
    }

    /// The upgrade is finished or gone.
    pub(super) fn forget(&mut self, uid: &str) -> Vec<String> {
        let mut offered = Vec::new();
        self.lines.retain(|_, line| {
            if line.members.remove(uid).is_some() {
                line.queue.retain(|waiting| waiting != uid);
                line.offer(&mut offered);
            }
            !line.members.is_empty()
        });
        offered
    }

    fn line_of(&mut self, uid: &str) -> Option<&mut Line> {
        let mut lines = self.lines.values_mut();
        lines.find(|line| line.members.contains_key(uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_second_waits_until_the_first_is_through() {
        let mut lines = Lines::default();
        for uid in ["a", "b", "c"] {
            assert_eq!(lines.arrive(uid, "acme", 1), (Standing::Away, vec![]));
        }
        assert_eq!(lines.ask("a"), Standing::Holds);
        assert_eq!(lines.ask("b"), Standing::Waits);
        assert_eq!(lines.ask("c"), Standing::Waits);
        assert_eq!(
            lines.ask("b"),
            Standing::Waits,
            "and loses nothing by asking again"
        );
        assert_eq!(lines.leave("a"), ["b"]);
        assert_eq!(lines.ask("a"), Standing::Waits, "the place is b's already");
        assert_eq!(lines.arrive("b", "acme", 1), (Standing::Holds, vec![]));
        assert_eq!(lines.forget("b"), ["c"]);
        assert_eq!(lines.rest("c"), Vec::<String>::new(), "offered, not held");
        assert_eq!(lines.forget("c"), ["a"]);
    }

    #[test]
    fn the_strictest_connection_counts_as_long_as_an_upgrade_uses_it() {
        let mut lines = Lines::default();
        for (uid, places) in [("a", 3), ("b", 3), ("c", 3), ("strict", 1)] {
            lines.arrive(uid, "acme", places);
        }
        lines.arrive("other", "another BSS", 1);
        assert_eq!(lines.ask("other"), Standing::Holds);
        assert_eq!(lines.ask("a"), Standing::Holds);
        assert_eq!(
            (lines.ask("b"), lines.ask("c")),
            (Standing::Waits, Standing::Waits)
        );
        assert_eq!(lines.forget("strict"), ["b", "c"]);
        // A person may also change the connection; who is at work stays at work.
        assert_eq!(lines.arrive("a", "acme", 1), (Standing::Holds, vec![]));
        assert_eq!(lines.arrive("b", "acme", 1), (Standing::Holds, vec![]));
    }

    #[test]
    fn more_places_are_taken_at_once_also_by_whom_the_news_reaches_first() {
        let mut lines = Lines::default();
        for uid in ["a", "b", "c"] {
            lines.arrive(uid, "acme", 1);
            lines.ask(uid);
        }
        lines.arrive("a", "acme", 3);
        lines.arrive("c", "acme", 3);
        assert_eq!(
            lines.arrive("b", "acme", 3),
            (Standing::Holds, vec!["c".to_owned()])
        );
    }

    #[test]
    fn a_connection_for_another_bss_takes_the_place_along_to_nobody() {
        let mut lines = Lines::default();
        for uid in ["a", "b"] {
            lines.arrive(uid, "acme", 1);
            lines.ask(uid);
        }
        assert_eq!(
            lines.arrive("a", "other", 1),
            (Standing::Away, vec!["b".to_owned()])
        );
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arrive(usize, usize),
        Ask(usize),
        Leave(usize),
        Rest(usize),
        Forget(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = || 0_usize..8;
        prop_oneof![
            3 => (who(), 1_usize..5).prop_map(|(who, places)| Step::Arrive(who, places)),
            6 => who().prop_map(Step::Ask),
            2 => who().prop_map(Step::Leave),
            2 => who().prop_map(Step::Rest),
            1 => who().prop_map(Step::Forget),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// The model: who came when, and whom a pass was promised to.
        #[test]
        fn never_too_many_in_order_and_nobody_is_forgotten(
            steps in proptest::collection::vec(step(), 1..200),
        ) {
            let mut lines = Lines::default();
            let mut allowed: BTreeMap<usize, usize> = BTreeMap::new();
            let mut waiting: VecDeque<usize> = VecDeque::new();
            let mut inside: Vec<usize> = Vec::new();
            let mut woken: Vec<usize> = Vec::new();
            for step in steps {
                let before = inside.len();
                let (offered, gained) = match step {
                    Step::Arrive(who, places) => {
                        allowed.insert(who, places);
                        let (standing, offered) = lines.arrive(&who.to_string(), "acme", places);
                        woken.retain(|other| *other != who);
                        let gained = standing == Standing::Holds && !inside.contains(&who);
                        prop_assert_ne!(standing, Standing::Offered, "it knows now");
                        (offered, gained.then_some(who))
                    }
                    Step::Ask(who) if allowed.contains_key(&who) => {
                        let standing = lines.ask(&who.to_string());
                        let known = inside.contains(&who) || waiting.contains(&who);
                        woken.retain(|other| *other != who);
                        if !known {
                            let places = *allowed.values().min().unwrap();
                            let free = waiting.is_empty() && inside.len() < places;
                            prop_assert_eq!(standing == Standing::Holds, free);
                            if free { inside.push(who) } else { waiting.push_back(who) }
                        }
                        prop_assert_eq!(standing == Standing::Holds, inside.contains(&who));
                        (Vec::new(), None)
                    }
                    Step::Ask(who) => {
                        prop_assert_eq!(lines.ask(&who.to_string()), Standing::Away);
                        (Vec::new(), None)
                    }
                    Step::Rest(who) => {
                        if !woken.contains(&who) {
                            inside.retain(|other| *other != who);
                        }
                        (lines.rest(&who.to_string()), None)
                    }
                    Step::Leave(who) | Step::Forget(who) => {
                        inside.retain(|other| *other != who);
                        waiting.retain(|other| *other != who);
                        woken.retain(|other| *other != who);
                        if let Step::Forget(_) = step {
                            allowed.remove(&who);
                            (lines.forget(&who.to_string()), None)
                        } else {
                            (lines.leave(&who.to_string()), None)
                        }
                    }
                };
                let offered: Vec<usize> = offered.iter().map(|uid| uid.parse().unwrap()).collect();
                // Whoever the news reached first has taken its place itself, in its order.
                let mut let_in: Vec<usize> = offered.clone();
                let_in.extend(gained);
                let_in.sort_by_key(|who| waiting.iter().position(|other| other == who));
                for who in let_in {
                    prop_assert_eq!(waiting.pop_front(), Some(who), "first come, first served");
                    inside.push(who);
                }
                woken.extend(offered);
                let places = allowed.values().min().copied().unwrap_or(1);
                prop_assert!(inside.len() <= places.max(before), "too many");
                let idle = !waiting.is_empty() && inside.len() < places;
                prop_assert!(!idle, "somebody waits while a place is free");
                let line = lines.lines.get("acme");
                let standing = |who: usize| line.map_or(Standing::Away, |l| l.standing(&who.to_string()));
                for who in 0..8 {
                    let expected = if woken.contains(&who) {
                        Standing::Offered
                    } else if inside.contains(&who) {
                        Standing::Holds
                    } else if waiting.contains(&who) {
                        Standing::Waits
                    } else {
                        Standing::Away
                    };
                    prop_assert_eq!(standing(who), expected, "{}", who);
                }
            }
        }
    }
}
