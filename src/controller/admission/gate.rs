//! The gate: how many upgrades this process works on at a time, and whose they are.
//!
//! A reconcile whose calls hang keeps its place until they time out. So no namespace may have so many
//! places that the others wait for it, and no connection so many that the others of its namespace do:
//!
//! - a namespace that has no place gets one at once, whatever the others have;
//! - otherwise a namespace gets another place only while it has fewer than are free: alone it has half
//!   of all, and with *n* greedy ones beside it there is always about one part in *n* + 2 free;
//! - a connection gets another place only while it has fewer than twice of what its namespace could
//!   still take: alone it has a third of all.
//!
//! Those that wait are served in turn, namespace by namespace, and within one connection by
//! connection; the upgrades of one connection first come, first served.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Whose upgrade it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Party {
    pub(super) namespace: String,
    /// The connections that it names, the tenant's included.
    pub(super) connection: String,
}

type Ticket = u64;

/// The places and those that wait for one. Pure.
#[derive(Debug)]
struct Places {
    at_once: usize,
    /// Taken places, by namespace and connection.
    taken: BTreeMap<String, BTreeMap<String, usize>>,
    /// Those that wait. The party that was served last is the last.
    waiting: VecDeque<(Party, VecDeque<Ticket>)>,
}

impl Places {
    fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            taken: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    fn taken_by(&self, namespace: &str) -> usize {
        let own = self.taken.get(namespace);
        own.map_or(0, |connections| connections.values().sum())
    }

    fn free(&self) -> usize {
        let all = self.taken.values().flat_map(BTreeMap::values);
        self.at_once.saturating_sub(all.sum())
    }

    fn may_enter(&self, party: &Party) -> bool {
        let of_namespace = self.taken_by(&party.namespace);
        if of_namespace == 0 {
            return true;
        }
        // So many more could the namespace take.
        let room = self.free().saturating_sub(of_namespace).div_ceil(2);
        let own = self.taken.get(&party.namespace);
        let own = own.and_then(|connections| connections.get(&party.connection));
        room > 0 && own.is_none_or(|own| *own < room.saturating_mul(2))
    }

    fn take(&mut self, party: &Party) {
        let connections = self.taken.entry(party.namespace.clone()).or_default();
        let own = connections.entry(party.connection.clone()).or_default();
        *own = own.saturating_add(1);
    }

    fn give_back(&mut self, party: &Party) {
        let Some(connections) = self.taken.get_mut(&party.namespace) else {
            return;
        };
        if let Some(own) = connections.get_mut(&party.connection) {
            *own = own.saturating_sub(1);
        }
        connections.retain(|_, own| *own > 0);
        if connections.is_empty() {
            self.taken.remove(&party.namespace);
        }
    }

    fn wait(&mut self, party: &Party, ticket: Ticket) {
        match self.waiting.iter_mut().find(|(other, _)| other == party) {
            Some((_, tickets)) => tickets.push_back(ticket),
            None => self.waiting.push_back((party.clone(), [ticket].into())),
        }
    }

    /// Whether it still waited.
    fn leave(&mut self, party: &Party, ticket: Ticket) -> bool {
        let Some((_, tickets)) = self.waiting.iter_mut().find(|(other, _)| other == party) else {
            return false;
        };
        let before = tickets.len();
        tickets.retain(|other| *other != ticket);
        let left = tickets.len() < before;
        self.waiting.retain(|(_, tickets)| !tickets.is_empty());
        left
    }

    /// Lets the next one in that may enter: of the namespaces that wait, the one with the fewest places
    /// first, and then the party that was served longest ago.
    fn admit_next(&mut self) -> Option<Ticket> {
        let may = self.waiting.iter().enumerate();
        let may = may.filter(|(_, (party, _))| self.may_enter(party));
        let next = may.min_by_key(|(_, (party, _))| self.taken_by(&party.namespace));
        let (party, mut tickets) = next
            .map(|(index, _)| index)
            .and_then(|index| self.waiting.remove(index))?;
        let ticket = tickets.pop_front();
        self.take(&party);
        if !tickets.is_empty() {
            self.waiting.push_back((party, tickets));
        }
        ticket
    }
}

/// The places of a process.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    places: Places,
    asleep: BTreeMap<Ticket, Arc<Notify>>,
    /// Those that were let in and have not noticed yet.
    let_in: HashSet<Ticket>,
    next_ticket: Ticket,
}

impl State {
    fn let_in(&mut self) {
        while let Some(ticket) = self.places.admit_next() {
            self.let_in.insert(ticket);
            if let Some(signal) = self.asleep.get(&ticket) {
                signal.notify_one();
            }
        }
    }
}

impl Gate {
    /// About so many upgrades are worked on at a time: one more for each namespace that had none.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            state: Mutex::new(State {
                places: Places::new(at_once),
                asleep: BTreeMap::new(),
                let_in: HashSet::new(),
                next_ticket: 0,
            }),
        }
    }

    /// Waits for a place. Dropping the future gives it up.
    pub(super) async fn enter(&self, party: Party) -> Permit<'_> {
        let (waiting, signal) = self.wait(party);
        loop {
            if self.lock().let_in.contains(&waiting.ticket) {
                return waiting.into_permit();
            }
            signal.notified().await;
        }
    }

    fn wait(&self, party: Party) -> (Waiting<'_>, Arc<Notify>) {
        let signal = Arc::new(Notify::new());
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket = ticket.wrapping_add(1);
        state.asleep.insert(ticket, Arc::clone(&signal));
        state.places.wait(&party, ticket);
        state.let_in();
        drop(state);
        let waiting = Waiting {
            gate: self,
            party: Some(party),
            ticket,
        };
        (waiting, signal)
    }

    fn give_back(&self, party: &Party) {
        let mut state = self.lock();
        state.places.give_back(party);
        state.let_in();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up when dropped.
struct Waiting<'a> {
    gate: &'a Gate,
    /// None once it has become a permit.
    party: Option<Party>,
    ticket: Ticket,
}

impl<'a> Waiting<'a> {
    fn into_permit(mut self) -> Permit<'a> {
        let gate = self.gate;
        let mut state = gate.lock();
        state.let_in.remove(&self.ticket);
        state.asleep.remove(&self.ticket);
        drop(state);
        Permit {
            gate,
            party: self.party.take(),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(party) = self.party.take() else {
            return;
        };
        let mut state = self.gate.lock();
        state.asleep.remove(&self.ticket);
        state.places.leave(&party, self.ticket);
        if state.let_in.remove(&self.ticket) {
            state.places.give_back(&party);
            state.let_in();
        }
    }
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(in crate::controller) struct Permit<'a> {
    gate: &'a Gate,
    party: Option<Party>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(party) = self.party.take() {
            self.gate.give_back(&party);
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
