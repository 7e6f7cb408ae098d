//! One limiter per BSS identity.

use super::core::Settings;
use super::figures::Snapshot;
use super::limiter::Limiter;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The limiters of one process. Two connections with one identity are one BSS: they share a
/// limiter, under the stricter limit of each kind. Whether two origins really are one BSS
/// cannot be told here; a member knows whether another origin was there before its own.
#[derive(Debug, Default)]
pub struct LimiterRegistry {
    entries: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    limiter: Arc<Limiter>,
    members: BTreeMap<u64, Member>,
    next_member: u64,
}

#[derive(Debug)]
struct Member {
    /// What it allows; a seat has no say in it.
    settings: Option<Settings>,
    /// Scheme, host and port.
    origin: String,
    /// The first member of this origin, as long as there always was one.
    origin_since: u64,
}

impl Entry {
    fn enter(&mut self, origin: &str, settings: Option<Settings>) -> u64 {
        let member = self.next_member;
        self.next_member = self.next_member.wrapping_add(1);
        let mut all = self.members.values();
        let known = all.find(|member| member.origin == origin);
        let origin_since = known.map_or(member, |known| known.origin_since);
        let joined = Member {
            settings,
            origin: origin.to_owned(),
            origin_since,
        };
        self.members.insert(member, joined);
        member
    }

    fn apply(&self) {
        let settings = self.members.values().filter_map(|member| member.settings);
        if let Some(strictest) = settings.reduce(Settings::strictest) {
            self.limiter.set(strictest);
        }
    }
}

impl LimiterRegistry {
    /// An empty one.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Takes part in the limits of a BSS that is reached at this origin (scheme, host and port), for
    /// as long as the membership lives. A connection whose limits changed joins anew and drops the
    /// old membership.
    #[must_use]
    pub fn join(self: &Arc<Self>, identity: &str, origin: &str, settings: Settings) -> Membership {
        let mut entries = self.lock();
        // A limiter without members is kept while it remembers a pause, so that dropping and
        // joining again is no way round it.
        entries.retain(|name, entry| {
            name == identity || !entry.members.is_empty() || !entry.limiter.at_rest()
        });
        let entry = entries.entry(identity.to_owned()).or_insert_with(|| Entry {
            limiter: Limiter::new(settings),
            members: BTreeMap::new(),
            next_member: 0,
        });
        let member = entry.enter(origin, Some(settings));
        entry.apply();
        Membership {
            registry: Arc::clone(self),
            identity: identity.to_owned(),
            member,
            limiter: Arc::clone(&entry.limiter),
        }
    }

    /// The figures of every BSS, by identity.
    #[must_use]
    pub fn figures(&self) -> Vec<(String, Snapshot)> {
        let entries = self.lock();
        entries
            .iter()
            .map(|(name, entry)| (name.clone(), entry.limiter.figures().snapshot()))
            .collect()
    }

    fn is_second_origin(&self, identity: &str, member: u64) -> bool {
        let entries = self.lock();
        let members = entries.get(identity).map(|entry| &entry.members);
        members.is_some_and(|members| {
            members.get(&member).is_some_and(|own| {
                let mut all = members.values();
                all.any(|other| other.origin_since < own.origin_since)
            })
        })
    }

    /// A seat beside a member, at its origin.
    fn sit(self: &Arc<Self>, identity: &str, beside: u64) -> Option<Seat> {
        let mut entries = self.lock();
        let entry = entries.get_mut(identity)?;
        let origin = entry.members.get(&beside)?.origin.clone();
        Some(Seat {
            registry: Arc::clone(self),
            identity: identity.to_owned(),
            member: entry.enter(&origin, None),
        })
    }

    fn leave(&self, identity: &str, member: u64) {
        if let Some(entry) = self.lock().get_mut(identity) {
            entry.members.remove(&member);
            entry.apply();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's part in the limits of its BSS.
#[derive(Debug)]
pub struct Membership {
    registry: Arc<LimiterRegistry>,
    identity: String,
    member: u64,
    limiter: Arc<Limiter>,
}

impl Membership {
    /// The limiter to call through.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Keeps its origin known beyond its own end.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        self.registry.sit(&self.identity, self.member)
    }

    /// Whether the same identity was reached at another origin before.
    #[must_use]
    pub fn is_second_origin(&self) -> bool {
        self.registry.is_second_origin(&self.identity, self.member)
    }
}

/// Keeps an origin known while nothing is asked there: the first origin stays the first,
/// though its Secret is away for a while and with it all that could be asked with. It has no say in
/// the limits, and holds no credentials.
#[derive(Debug)]
pub struct Seat {
    registry: Arc<LimiterRegistry>,
    identity: String,
    member: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.leave(&self.identity, self.member);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.registry.leave(&self.identity, self.member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::{NonZeroU16, NonZeroU32};

    fn settings(per_second: u32, concurrency: u16) -> Settings {
        Settings {
            per_second: NonZeroU32::new(per_second).unwrap(),
            concurrency: NonZeroU16::new(concurrency).unwrap(),
        }
    }

    #[test]
    fn the_strictest_member_counts_while_it_is_one() {
        let registry = LimiterRegistry::new();
        let one = registry.join("acme", "https://a", settings(20, 2));
        let two = registry.join("acme", "https://a", settings(5, 8));
        let other = registry.join("other", "https://a", settings(50, 50));
        assert!(Arc::ptr_eq(one.limiter(), two.limiter()));
        assert_eq!(one.limiter().settings(), settings(5, 2));
        assert_eq!(other.limiter().settings(), settings(50, 50));
        drop(two);
        assert_eq!(one.limiter().settings(), settings(20, 2));
    }

    #[test]
    fn who_came_second_stays_second_however_often_the_first_joins_anew() {
        let registry = LimiterRegistry::new();
        let first = registry.join("acme", "https://a", settings(1, 1));
        let second = registry.join("acme", "https://b", settings(1, 1));
        let elsewhere = registry.join("other", "https://b", settings(1, 1));
        let anew = registry.join("acme", "https://a", settings(1, 1));
        drop(first);
        let seconds = [&second, &anew, &elsewhere].map(Membership::is_second_origin);
        assert_eq!(seconds, [true, false, false]);
        drop(anew);
        assert!(!second.is_second_origin(), "no other origin is left");
        let anew = registry.join("acme", "https://a", settings(1, 1));
        assert!(anew.is_second_origin());
    }

    #[test]
    fn a_seat_keeps_the_first_the_first_and_limits_nothing() {
        let registry = LimiterRegistry::new();
        let first = registry.join("acme", "https://a", settings(1, 1));
        let seat = first.seat().unwrap();
        drop(first);
        let second = registry.join("acme", "https://b", settings(20, 2));
        assert!(second.is_second_origin(), "the first only rests");
        assert_eq!(second.limiter().settings(), settings(20, 2));
        let anew = registry.join("acme", "https://a", settings(1, 1));
        assert!(!anew.is_second_origin());
        drop((anew, seat));
        assert!(!second.is_second_origin(), "the first is gone");
    }

    #[tokio::test]
    async fn leaving_and_joining_again_is_no_way_round_a_pause() {
        let registry = LimiterRegistry::new();
        let member = registry.join("acme", "https://a", settings(20, 2));
        let permit = member.limiter().acquire().await.unwrap();
        let after = Some(std::time::Duration::from_mins(1));
        permit.finish(super::super::Feedback::Throttled { after });
        drop(member);
        drop(registry.join("other", "https://a", settings(1, 1)));
        let member = registry.join("acme", "https://a", settings(20, 2));
        assert!(member.limiter().acquire().await.is_err());
    }
}
