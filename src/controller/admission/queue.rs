//! The slots of a namespace at each BSS and the queue for them.
//!
//! Pure: per namespace and BSS identity the upgrades that hold a slot and those that are queued for
//! one, first come, first served. There are as many slots as the strictest connection among the
//! upgrades allows.
//! A slot that becomes free is *reserved* for the upgrade that waited longest and counts as in use
//! from that moment, so that no other upgrade takes it before that one is reconciled.

use std::collections::{BTreeMap, VecDeque};

/// What an upgrade has of the slots of its BSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::controller) enum Slot {
    /// It has none and has requested none.
    NotRequested,
    /// It waits for one.
    Queued,
    /// One is kept for it; it was not reconciled since.
    Reserved,
    /// It has one.
    Held,
}

/// What an upgrade has, and the upgrades for which a slot was reserved meanwhile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Registered {
    pub(super) slot: Slot,
    /// They have to be woken.
    pub(super) reserved: Vec<String>,
}

#[derive(Debug)]
struct Member {
    /// The slots that its connection allows.
    slots: usize,
    slot: Slot,
}

/// The upgrades of one namespace and BSS, by uid.
#[derive(Debug, Default)]
struct SlotQueue {
    members: BTreeMap<String, Member>,
    /// The uids of those that are queued.
    queued: VecDeque<String>,
}

impl SlotQueue {
    fn slots(&self) -> usize {
        let allowed = self.members.values().map(|member| member.slots);
        allowed.min().unwrap_or(1).max(1)
    }

    fn in_use(&self) -> usize {
        let in_use = |member: &&Member| matches!(member.slot, Slot::Reserved | Slot::Held);
        self.members.values().filter(in_use).count()
    }

    fn set(&mut self, uid: &str, slot: Slot) {
        self.queued.retain(|queued| queued != uid);
        if let Some(member) = self.members.get_mut(uid) {
            member.slot = slot;
            if slot == Slot::Queued {
                self.queued.push_back(uid.to_owned());
            }
        }
    }

    fn slot(&self, uid: &str) -> Slot {
        let member = self.members.get(uid);
        member.map_or(Slot::NotRequested, |member| member.slot)
    }

    /// Reserves every free slot for those that waited longest.
    fn reserve(&mut self, reserved: &mut Vec<String>) {
        let free = self.slots().saturating_sub(self.in_use());
        for uid in self.queued.drain(..free.min(self.queued.len())) {
            if let Some(member) = self.members.get_mut(&uid) {
                member.slot = Slot::Reserved;
            }
            reserved.push(uid);
        }
    }
}

/// Every queue, by namespace and BSS identity in one word. A function that answers uids has reserved a slot for each of them:
/// they have to be woken.
#[derive(Debug, Default)]
pub(super) struct SlotQueues {
    queues: BTreeMap<String, SlotQueue>,
}

impl SlotQueues {
    /// How many slots are in use, and how many upgrades are queued for one.
    pub(super) fn slots(&self) -> (usize, usize) {
        let in_use = self.queues.values().map(SlotQueue::in_use).sum();
        let queued = self.queues.values().map(|queue| queue.queued.len()).sum();
        (in_use, queued)
    }

    /// Makes an upgrade known, with so many slots allowed by its connection. It takes a slot that was
    /// reserved for it, and requests none.
    pub(super) fn register(&mut self, uid: &str, at: &str, slots: usize) -> Registered {
        let mut reserved = Vec::new();
        // Its connection may have been made anew, for another BSS.
        let known = |queue: &SlotQueue| queue.members.contains_key(uid);
        let mut queues = self.queues.iter();
        if queues.any(|(name, queue)| name != at && known(queue)) {
            reserved.extend(self.forget(uid));
        }
        let queue = self.queues.entry(at.to_owned()).or_default();
        queue
            .members
            .entry(uid.to_owned())
            .and_modify(|member| member.slots = slots)
            .or_insert(Member {
                slots,
                slot: Slot::NotRequested,
            });
        if queue.slot(uid) == Slot::Reserved {
            queue.set(uid, Slot::Held);
        }
        queue.reserve(&mut reserved);
        // If the connection allows more slots than before, one may just have been reserved for this
        // upgrade, which is awake.
        if queue.slot(uid) == Slot::Reserved {
            queue.set(uid, Slot::Held);
            reserved.retain(|other| other != uid);
        }
        Registered {
            slot: queue.slot(uid),
            reserved,
        }
    }

    /// Requests a slot. An upgrade that is queued keeps its position however often it requests one.
    pub(super) fn request(&mut self, uid: &str) -> Slot {
        let Some(queue) = self.queue_of(uid) else {
            return Slot::NotRequested;
        };
        match queue.slot(uid) {
            Slot::Reserved => queue.set(uid, Slot::Held),
            // No upgrade is queued while a slot is free, so none is overtaken.
            Slot::NotRequested if queue.queued.is_empty() && queue.in_use() < queue.slots() => {
                queue.set(uid, Slot::Held);
            }
            Slot::NotRequested => queue.set(uid, Slot::Queued),
            Slot::Queued | Slot::Held => {}
        }
        queue.slot(uid)
    }

    /// Gives the slot back, or withdraws the request for one.
    pub(super) fn release(&mut self, uid: &str) -> Vec<String> {
        let mut reserved = Vec::new();
        if let Some(queue) = self.queue_of(uid) {
            queue.set(uid, Slot::NotRequested);
            queue.reserve(&mut reserved);
        }
        reserved
    }

    /// Gives a slot back that is held. A request stands, and so does a slot that was reserved
    /// meanwhile.
    pub(super) fn release_held(&mut self, uid: &str) -> Vec<String> {
        let held = self.queue_of(uid).map(|queue| queue.slot(uid)) == Some(Slot::Held);
        if held { self.release(uid) } else { Vec::new() }
    }

    /// The upgrade is finished or gone.
    pub(super) fn forget(&mut self, uid: &str) -> Vec<String> {
        let mut reserved = Vec::new();
        self.queues.retain(|_, queue| {
            if queue.members.remove(uid).is_some() {
                queue.queued.retain(|queued| queued != uid);
                queue.reserve(&mut reserved);
            }
            !queue.members.is_empty()
        });
        reserved
    }

    fn queue_of(&mut self, uid: &str) -> Option<&mut SlotQueue> {
        let mut queues = self.queues.values_mut();
        queues.find(|queue| queue.members.contains_key(uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn registered(slot: Slot, reserved: &[&str]) -> Registered {
        Registered {
            slot,
            reserved: reserved.iter().map(|uid| (*uid).to_owned()).collect(),
        }
    }

    #[test]
    fn the_second_waits_until_the_first_is_through() {
        let mut queues = SlotQueues::default();
        for uid in ["a", "b", "c"] {
            assert_eq!(
                queues.register(uid, "acme", 1),
                registered(Slot::NotRequested, &[])
            );
        }
        assert_eq!(queues.request("a"), Slot::Held);
        assert_eq!(queues.request("b"), Slot::Queued);
        assert_eq!(queues.request("c"), Slot::Queued);
        assert_eq!(queues.request("b"), Slot::Queued, "and keeps its position");
        assert_eq!(queues.release("a"), ["b"]);
        assert_eq!(
            queues.request("a"),
            Slot::Queued,
            "the slot is reserved for b"
        );
        assert_eq!(queues.register("b", "acme", 1), registered(Slot::Held, &[]));
        assert_eq!(queues.forget("b"), ["c"]);
        assert_eq!(
            queues.release_held("c"),
            Vec::<String>::new(),
            "reserved, not held"
        );
        assert_eq!(queues.forget("c"), ["a"]);
    }

    #[test]
    fn the_strictest_connection_counts_as_long_as_an_upgrade_uses_it() {
        let mut queues = SlotQueues::default();
        for (uid, slots) in [("a", 3), ("b", 3), ("c", 3), ("strict", 1)] {
            queues.register(uid, "acme", slots);
        }
        queues.register("other", "another BSS", 1);
        assert_eq!(queues.request("other"), Slot::Held);
        assert_eq!(queues.request("a"), Slot::Held);
        assert_eq!(
            (queues.request("b"), queues.request("c")),
            (Slot::Queued, Slot::Queued)
        );
        assert_eq!(queues.forget("strict"), ["b", "c"]);
        // A person may also change the connection; an upgrade that holds a slot keeps it.
        assert_eq!(queues.register("a", "acme", 1), registered(Slot::Held, &[]));
        assert_eq!(queues.register("b", "acme", 1), registered(Slot::Held, &[]));
    }

    #[test]
    fn more_slots_are_taken_at_once_also_by_the_upgrade_that_brings_the_news() {
        let mut queues = SlotQueues::default();
        for uid in ["a", "b", "c"] {
            queues.register(uid, "acme", 1);
            queues.request(uid);
        }
        assert_eq!(queues.slots(), (1, 2));
        queues.register("a", "acme", 3);
        queues.register("c", "acme", 3);
        assert_eq!(
            queues.register("b", "acme", 3),
            registered(Slot::Held, &["c"])
        );
    }

    #[test]
    fn a_connection_for_another_bss_frees_the_slot() {
        let mut queues = SlotQueues::default();
        for uid in ["a", "b"] {
            queues.register(uid, "acme", 1);
            queues.request(uid);
        }
        assert_eq!(
            queues.register("a", "other", 1),
            registered(Slot::NotRequested, &["b"])
        );
    }

    #[derive(Clone, Debug)]
    enum Step {
        Register(usize, usize),
        Request(usize),
        Release(usize),
        ReleaseHeld(usize),
        Forget(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = || 0_usize..8;
        prop_oneof![
            3 => (who(), 1_usize..5).prop_map(|(who, slots)| Step::Register(who, slots)),
            6 => who().prop_map(Step::Request),
            2 => who().prop_map(Step::Release),
            2 => who().prop_map(Step::ReleaseHeld),
            1 => who().prop_map(Step::Forget),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// The model: the upgrades in the order of their requests, and those that were woken.
        #[test]
        fn never_too_many_in_order_and_none_is_forgotten(
            steps in proptest::collection::vec(step(), 1..200),
        ) {
            let mut queues = SlotQueues::default();
            let mut allowed: BTreeMap<usize, usize> = BTreeMap::new();
            let mut waiting: VecDeque<usize> = VecDeque::new();
            let mut inside: Vec<usize> = Vec::new();
            let mut woken: Vec<usize> = Vec::new();
            for step in steps {
                let before = inside.len();
                let (reserved, gained) = match step {
                    Step::Register(who, slots) => {
                        allowed.insert(who, slots);
                        let Registered { slot, reserved } =
                            queues.register(&who.to_string(), "acme", slots);
                        woken.retain(|other| *other != who);
                        let gained = slot == Slot::Held && !inside.contains(&who);
                        prop_assert_ne!(slot, Slot::Reserved, "it knows now");
                        (reserved, gained.then_some(who))
                    }
                    Step::Request(who) if allowed.contains_key(&who) => {
                        let slot = queues.request(&who.to_string());
                        let known = inside.contains(&who) || waiting.contains(&who);
                        woken.retain(|other| *other != who);
                        if !known {
                            let slots = *allowed.values().min().unwrap();
                            let free = waiting.is_empty() && inside.len() < slots;
                            prop_assert_eq!(slot == Slot::Held, free);
                            if free { inside.push(who) } else { waiting.push_back(who) }
                        }
                        prop_assert_eq!(slot == Slot::Held, inside.contains(&who));
                        (Vec::new(), None)
                    }
                    Step::Request(who) => {
                        prop_assert_eq!(queues.request(&who.to_string()), Slot::NotRequested);
                        (Vec::new(), None)
                    }
                    Step::ReleaseHeld(who) => {
                        if !woken.contains(&who) {
                            inside.retain(|other| *other != who);
                        }
                        (queues.release_held(&who.to_string()), None)
                    }
                    Step::Release(who) | Step::Forget(who) => {
                        inside.retain(|other| *other != who);
                        waiting.retain(|other| *other != who);
                        woken.retain(|other| *other != who);
                        if let Step::Forget(_) = step {
                            allowed.remove(&who);
                            (queues.forget(&who.to_string()), None)
                        } else {
                            (queues.release(&who.to_string()), None)
                        }
                    }
                };
                let reserved: Vec<usize> = reserved.iter().map(|uid| uid.parse().unwrap()).collect();
                // An upgrade that brought the news has taken its slot itself, in its order.
                let mut let_in: Vec<usize> = reserved.clone();
                let_in.extend(gained);
                let_in.sort_by_key(|who| waiting.iter().position(|other| other == who));
                for who in let_in {
                    prop_assert_eq!(waiting.pop_front(), Some(who), "first come, first served");
                    inside.push(who);
                }
                woken.extend(reserved);
                let slots = allowed.values().min().copied().unwrap_or(1);
                prop_assert!(inside.len() <= slots.max(before), "too many");
                let idle = !waiting.is_empty() && inside.len() < slots;
                prop_assert!(!idle, "one is queued while a slot is free");
                let queue = queues.queues.get("acme");
                let slot = |who: usize| queue.map_or(Slot::NotRequested, |queue| queue.slot(&who.to_string()));
                for who in 0..8 {
                    let expected = if woken.contains(&who) {
                        Slot::Reserved
                    } else if inside.contains(&who) {
                        Slot::Held
                    } else if waiting.contains(&who) {
                        Slot::Queued
                    } else {
                        Slot::NotRequested
                    };
                    prop_assert_eq!(slot(who), expected, "{}", who);
                }
            }
        }
    }
}
