//! The limiters of one process, and which connections an origin has accepted.

use super::access::{Access, Standing};
use super::budget::{Purse, ReplyBudget};
use super::core::{Feedback, Neighbour, PauseReason};
use super::figures::{Figures, Snapshot};
use super::limiter::{Breaker, Limiter};
use super::settings::{Declared, Settings};
use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;
use tokio::time::Instant;

/// The limits of the connections of a namespace that an origin has not accepted yet. Few, because
/// every one of these calls may be a wrong login, which an origin may count against the right ones.
const NEWCOMERS: Settings = Settings {
    per_second: NonZeroU32::MIN.saturating_add(4),
    concurrency: NonZeroU16::MIN.saturating_add(3),
};

/// The connections that share declared limits. The strictest of them counts. Of two origins each has
/// limits of its own, though both be one BSS: calls that hang at one of them hold no place at the
/// other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    namespace: String,
    identity: String,
    /// Scheme, host and port.
    origin: String,
}

/// What tells one connection's credentials from another's, and from which they cannot be found out.
pub type Fingerprint = [u8; 32];

/// A connection that wants to call.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// The identity that it declares.
    pub identity: &'a str,
    /// Scheme, host and port.
    pub origin: &'a str,
    /// What it logs in with.
    pub credentials: Fingerprint,
}

impl Party<'_> {
    fn group(&self) -> Group {
        Group {
            namespace: self.namespace.to_owned(),
            identity: self.identity.to_owned(),
            origin: self.origin.to_owned(),
        }
    }

    fn account(&self) -> AccountKey {
        let (namespace, origin) = (self.namespace.to_owned(), self.origin.to_owned());
        (namespace, origin, self.credentials)
    }
}

/// Whether an origin has accepted the credentials of a connection.
#[derive(Debug)]
pub(super) struct Account {
    accepted: watch::Sender<bool>,
}

impl Account {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            accepted: watch::Sender::new(false),
        })
    }

    pub(super) fn is_accepted(&self) -> bool {
        *self.accepted.borrow()
    }

    pub(super) fn changes(&self) -> watch::Receiver<bool> {
        self.accepted.subscribe()
    }

    pub(super) fn set(&self, accepted: bool) {
        self.accepted
            .send_if_modified(|present| std::mem::replace(present, accepted) != accepted);
    }
}

/// Namespace, origin and credentials.
type AccountKey = (String, String, Fingerprint);

/// The limiters of one process.
#[derive(Debug, Default)]
pub struct LimiterRegistry {
    state: Mutex<State>,
    budget: Arc<ReplyBudget>,
    /// Of all limiters together: an idle one is dropped, and what it counted must not go with it.
    figures: Arc<Figures>,
}

/// What the limiters do at one moment, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// Calls under way.
    pub in_flight: usize,
    /// Limiters that let calls through.
    pub closed: usize,
    /// Limiters that let one call through, and the others wait for its outcome.
    pub probing: usize,
    /// Limiters that send nothing because the BSS throttles.
    pub throttled: usize,
    /// Limiters that send nothing because the BSS is not available.
    pub unavailable: usize,
}

impl Load {
    fn take(&mut self, limiter: &Limiter) {
        let (waiting, in_flight) = limiter.load();
        self.waiting = self.waiting.saturating_add(waiting);
        let in_flight = usize::try_from(in_flight).unwrap_or(usize::MAX);
        self.in_flight = self.in_flight.saturating_add(in_flight);
        let state = match limiter.breaker() {
            Breaker::Closed => &mut self.closed,
            Breaker::Probing => &mut self.probing,
            Breaker::Open(PauseReason::Throttled) => &mut self.throttled,
            Breaker::Open(PauseReason::Unavailable) => &mut self.unavailable,
        };
        *state = state.saturating_add(1);
    }
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeMap<Group, Entry>,
    /// By namespace and origin.
    newcomers: BTreeMap<(String, String), Entry>,
    accounts: BTreeMap<AccountKey, Weak<Account>>,
    next_member: u64,
}

/// A limiter and the connections that call through it.
#[derive(Debug)]
struct Entry {
    limiter: Arc<Limiter>,
    /// What no member's limits exceed.
    bound: Option<Declared>,
    members: BTreeMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    limits: Declared,
    account: Arc<Account>,
}

impl Entry {
    fn new(limits: Declared, bound: Option<Declared>, figures: &Arc<Figures>) -> Self {
        Self {
            limiter: Limiter::counting_in(limits, Arc::clone(figures)),
            bound,
            members: BTreeMap::new(),
        }
    }

    fn apply(&self) {
        let limits = self.members.values().map(|member| member.limits);
        if let Some(strictest) = limits.chain(self.bound).reduce(Declared::strictest)
            && !self.members.is_empty()
        {
            self.limiter.set(strictest);
        }
    }

    /// A limiter without members is kept while it remembers a pause, so that dropping and joining
    /// again is no way round it.
    fn is_needed(&self) -> bool {
        !self.members.is_empty() || !self.limiter.at_rest()
    }

    fn has_accepted(&self) -> bool {
        let mut members = self.members.values();
        members.any(|member| member.account.is_accepted())
    }
}

impl LimiterRegistry {
    /// An empty one.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Takes part in the limits, for as long as the membership lives. A connection whose limits
    /// changed joins anew and drops the old membership.
    #[must_use]
    pub fn join(self: &Arc<Self>, party: &Party<'_>, limits: impl Into<Declared>) -> Membership {
        let limits = limits.into();
        let group = party.group();
        let at = (group.namespace.clone(), group.origin.clone());
        let mut state = self.lock();
        let State {
            groups,
            newcomers,
            accounts,
            next_member,
        } = &mut *state;
        groups.retain(|other, entry| *other == group || entry.is_needed());
        newcomers.retain(|other, entry| *other == at || entry.is_needed());
        accounts.retain(|_, account| account.strong_count() > 0);
        let known = accounts.get(&party.account()).and_then(Weak::upgrade);
        let account = known.unwrap_or_else(Account::new);
        accounts.insert(party.account(), Arc::downgrade(&account));
        let id = *next_member;
        *next_member = next_member.wrapping_add(1);
        let own = groups
            .entry(group.clone())
            .or_insert_with(|| Entry::new(limits, None, &self.figures));
        let small = newcomers
            .entry(at)
            .or_insert_with(|| Entry::new(NEWCOMERS.into(), Some(NEWCOMERS.into()), &self.figures));
        for entry in [&mut *own, &mut *small] {
            let account = Arc::clone(&account);
            entry.members.insert(id, Member { limits, account });
            entry.apply();
        }
        let purse = Purse::new(&self.budget, party.namespace, party.origin);
        let standing = Standing {
            registry: Arc::clone(self),
            group,
            account,
            newcomers: Arc::clone(&small.limiter),
        };
        Membership {
            access: Access::new(Arc::clone(&own.limiter), standing.clone(), purse),
            standing,
            id,
        }
    }

    /// The bytes of large replies.
    #[must_use]
    pub fn budget(&self) -> &ReplyBudget {
        &self.budget
    }

    /// The figures of all limiters that there are or were, together.
    #[must_use]
    pub fn figures(&self) -> Snapshot {
        self.figures.snapshot()
    }

    /// What the limiters do now. A limiter of connections that are not accepted yet counts as any other.
    #[must_use]
    pub fn load(&self) -> Load {
        let state = self.lock();
        let entries = state.groups.values().chain(state.newcomers.values());
        let mut load = Load::default();
        entries.for_each(|entry| load.take(&entry.limiter));
        load
    }

    /// Lets the other connections that the origin has accepted know what it said to one of them.
    pub(super) fn tell(&self, teller: &Group, sent: Instant, feedback: Feedback) {
        match feedback {
            Feedback::Throttled { .. } | Feedback::Unavailable { .. } => {}
            Feedback::Answered | Feedback::Lost | Feedback::Nothing => return,
        }
        let state = self.lock();
        for (group, entry) in &state.groups {
            if group.origin != teller.origin || group == teller || !entry.has_accepted() {
                continue;
            }
            let neighbour = if group.namespace == teller.namespace {
                Neighbour::SameNamespace
            } else {
                Neighbour::OtherNamespace
            };
            entry.limiter.hear(sent, (feedback, neighbour));
        }
    }

    fn leave(&self, group: &Group, id: u64) {
        let at = (group.namespace.clone(), group.origin.clone());
        let mut state = self.lock();
        let State {
            groups, newcomers, ..
        } = &mut *state;
        let left = groups
            .get_mut(group)
            .into_iter()
            .chain(newcomers.get_mut(&at));
        for entry in left {
            entry.members.remove(&id);
            entry.apply();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's part in the limits.
#[derive(Debug)]
pub struct Membership {
    access: Access,
    standing: Standing,
    id: u64,
}

impl Membership {
    /// What to call through.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.standing.registry.leave(&self.standing.group, self.id);
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
