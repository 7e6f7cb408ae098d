//! One limiter per BSS identity.

use super::core::Settings;
use super::figures::Snapshot;
use super::limiter::Limiter;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The limiters of one process. Two connections with one identity are one BSS: they share a
/// limiter, under the stricter limit of each kind.
#[derive(Debug, Default)]
pub struct LimiterRegistry {
    entries: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    limiter: Arc<Limiter>,
    members: BTreeMap<u64, Settings>,
    next_member: u64,
}

impl Entry {
    fn apply(&self) {
        if let Some(strictest) = self.members.values().copied().reduce(Settings::strictest) {
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

    /// Takes part in the limits of a BSS, for as long as the membership lives. A connection whose
    /// limits changed joins anew and drops the old membership.
    #[must_use]
    pub fn join(self: &Arc<Self>, identity: &str, settings: Settings) -> Membership {
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
        let member = entry.next_member;
        entry.next_member = entry.next_member.wrapping_add(1);
        entry.members.insert(member, settings);
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
        let one = registry.join("acme", settings(20, 2));
        let two = registry.join("acme", settings(5, 8));
        let other = registry.join("other", settings(50, 50));
        assert!(Arc::ptr_eq(one.limiter(), two.limiter()));
        assert_eq!(one.limiter().settings(), settings(5, 2));
        assert_eq!(other.limiter().settings(), settings(50, 50));
        drop(two);
        assert_eq!(one.limiter().settings(), settings(20, 2));
    }

    #[tokio::test]
    async fn leaving_and_joining_again_is_no_way_round_a_pause() {
        let registry = LimiterRegistry::new();
        let member = registry.join("acme", settings(20, 2));
        let permit = member.limiter().acquire().await.unwrap();
        let after = Some(std::time::Duration::from_mins(1));
        permit.finish(super::super::Feedback::Throttled { after });
        drop(member);
        drop(registry.join("other", settings(1, 1)));
        let member = registry.join("acme", settings(20, 2));
        assert!(member.limiter().acquire().await.is_err());
    }
}
