//! The gate: how many upgrades this process works on at a time, and whose they are.
//!
//! A reconcile whose calls hang lends its place: when nothing came of its calls for some seconds, another one may
//! have it, of another connection if its own has as many lent as there are places. But before that it keeps it. So no
//! namespace may have so many places that the others wait for it, and no connection so many that the others
//! of its namespace do:
//!
//! - a namespace that has no place gets one at once, whatever the others have;
//! - otherwise a namespace gets another place only while it has fewer than are free: alone it has half
//!   of all, and with *n* greedy ones beside it there is always about one part in *n* + 2 free;
//! - a connection gets another place only while it has fewer than twice of what its namespace could
//!   still take: alone it has a third of all.
//!
//! Those that wait are served in turn, namespace by namespace, and within one connection by
//! connection; the upgrades of one connection first come, first served. The more of them wait, the sooner
//! those that work make room: where 100 wait for 20 places, each works for a sixth of its time slice.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Calls of which nothing came for so long hang.
const HANGS: Duration = Duration::from_secs(2);

/// Each works for so long at least, however many wait: a turn costs reads and writes of its own.
const SHORTEST_SLICE: Duration = Duration::from_millis(250);

/// It works for so many slices where nobody waits.
const SLICES_ALONE: u32 = 3;

/// One namespace has at most so many times all places lent.
const LENT_OF_NAMESPACE: usize = 4;

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
    /// Places whose owners' calls hang: others may have them.
    lent: BTreeMap<Party, usize>,
    /// Those that wait. The party that was served last is the last.
    waiting: VecDeque<(Party, VecDeque<Ticket>)>,
}

impl Places {
    fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            taken: BTreeMap::new(),
            lent: BTreeMap::new(),
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

    fn taken_by_party(&self, party: &Party) -> usize {
        let own = self.taken.get(&party.namespace);
        let own = own.and_then(|connections| connections.get(&party.connection));
        own.copied().unwrap_or_default()
    }

    fn lent_by(&self, party: &Party) -> usize {
        self.lent.get(party).copied().unwrap_or_default()
    }

    fn may_enter(&self, party: &Party) -> bool {
        let (own, lent) = (self.taken_by_party(party), self.lent_by(party));
        if lent > 0 && own.saturating_add(lent) >= self.at_once {
            return false;
        }
        let of_namespace = self.taken_by(&party.namespace);
        if of_namespace == 0 {
            return true;
        }
        // So many more could the namespace take.
        let room = self.free().saturating_sub(of_namespace).div_ceil(2);
        room > 0 && own < room.saturating_mul(2)
    }

    /// Whether its place may go to another one. Otherwise it keeps it: what hangs takes memory too.
    fn lend(&mut self, party: &Party) -> bool {
        let of_namespace = self
            .lent
            .iter()
            .filter(|(lender, _)| lender.namespace == party.namespace);
        let of_namespace: usize = of_namespace.map(|(_, lent)| lent).sum();
        let most = self.at_once.saturating_mul(LENT_OF_NAMESPACE);
        if self.lent_by(party) >= self.at_once || of_namespace >= most {
            return false;
        }
        self.give_back(party);
        let lent = self.lent.entry(party.clone()).or_default();
        *lent = lent.saturating_add(1);
        true
    }

    /// It goes on, even if another one has its place by now.
    fn take_back(&mut self, party: &Party) {
        if let Some(lent) = self.lent.get_mut(party) {
            *lent = lent.saturating_sub(1);
        }
        self.lent.retain(|_, lent| *lent > 0);
        self.take(party);
    }

    /// The part of a time slice that it has where others wait for its place, and more than one where nobody
    /// does: each end of a slice awaits the calls under way.
    fn slice(&self, party: &Party, whole: Duration) -> Duration {
        if self.waiting.is_empty() {
            return whole.saturating_mul(SLICES_ALONE);
        }
        let tickets = |waiting: &(Party, VecDeque<Ticket>)| waiting.1.len();
        let own = self.waiting.iter().find(|(other, _)| other == party);
        let of_party = part(whole, self.taken_by_party(party), own.map_or(0, tickets));
        let working = self.at_once.saturating_sub(self.free());
        let of_all = part(whole, working, self.waiting.iter().map(tickets).sum());
        of_party.min(of_all).max(SHORTEST_SLICE.min(whole))
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

/// Those that work have as much of it as there are places for all.
fn part(whole: Duration, working: usize, waiting: usize) -> Duration {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let all = number(working.saturating_add(waiting));
    let working = whole.saturating_mul(number(working.max(1)));
    working.checked_div(all.max(1)).unwrap_or(whole).min(whole)
}

/// The places of a process.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    /// Calls of which nothing came for so long hang.
    hangs: Duration,
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
            hangs: HANGS,
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

impl Permit<'_> {
    /// The part of a time slice that is left where others wait.
    pub(super) fn slice(&self, whole: Duration) -> Duration {
        let party = self.party.as_ref();
        party.map_or(whole, |party| self.gate.lock().places.slice(party, whole))
    }

    /// Makes calls, and lends the place for as long as they hang.
    pub(super) async fn lending<T>(&self, calls: impl Future<Output = T>) -> T {
        // Without a runtime there are no timers: the simulator's own executor decides what hangs.
        let (Some(party), Ok(_)) = (&self.party, Handle::try_current()) else {
            return calls.await;
        };
        let (mut calls, mut still) = (pin!(calls), pin!(sleep(self.gate.hangs)));
        let mut lent = Lent {
            gate: self.gate,
            party,
            is_out: false,
        };
        let mut hangs = false;
        std::future::poll_fn(|context| {
            if !hangs && still.as_mut().poll(context).is_ready() {
                hangs = true;
                lent.lend();
            } else {
                // Something came of the calls.
                hangs = false;
                lent.take_back();
                still.as_mut().reset(later(self.gate.hangs));
                // A timer wakes only what has asked it.
                let _pending = still.as_mut().poll(context);
            }
            calls.as_mut().poll(context)
        })
        .await
    }
}

fn later(than: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(than).unwrap_or(now)
}

/// A place that was lent is taken back, however the calls end.
struct Lent<'a> {
    gate: &'a Gate,
    party: &'a Party,
    is_out: bool,
}

impl Lent<'_> {
    fn lend(&mut self) {
        let mut state = self.gate.lock();
        self.is_out = state.places.lend(self.party);
        state.let_in();
    }

    fn take_back(&mut self) {
        if std::mem::take(&mut self.is_out) {
            self.gate.lock().places.take_back(self.party);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.take_back();
    }
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
