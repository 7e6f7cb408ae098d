//! At which origins a namespace reaches a BSS of one identity.
//!
//! Whether two origins really are one BSS only the BSS can tell. Here is kept which of them was there
//! first, so that the second one has to tell its identity. Each namespace is looked at by itself: a
//! connection in one namespace asks nothing more of a connection in another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An identity, as the connections of one namespace know it.
type Key = (String, String);

/// The origins of every identity.
#[derive(Debug, Default)]
pub struct Identities {
    known: Mutex<BTreeMap<Key, Origins>>,
}

#[derive(Debug, Default)]
struct Origins {
    places: BTreeMap<u64, Reached>,
    next: u64,
}

#[derive(Debug)]
struct Reached {
    /// Scheme, host and port.
    origin: String,
    /// The first place at this origin, as long as there always was one.
    since: u64,
}

impl Origins {
    fn enter(&mut self, origin: &str) -> u64 {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let mut all = self.places.values();
        let known = all.find(|place| place.origin == origin);
        let since = known.map_or(id, |known| known.since);
        let origin = origin.to_owned();
        self.places.insert(id, Reached { origin, since });
        id
    }

    fn is_second(&self, id: u64) -> bool {
        self.places.get(&id).is_some_and(|own| {
            let mut all = self.places.values();
            all.any(|other| other.since < own.since)
        })
    }
}

impl Identities {
    /// None is known.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A connection of this namespace reaches the identity at this origin (scheme, host and port), for
    /// as long as the place lives.
    #[must_use]
    pub fn enter(self: &Arc<Self>, namespace: &str, identity: &str, origin: &str) -> Place {
        let key = (namespace.to_owned(), identity.to_owned());
        let id = self.lock().entry(key.clone()).or_default().enter(origin);
        Place {
            identities: Arc::clone(self),
            key,
            id,
        }
    }

    fn leave(&self, key: &Key, id: u64) {
        let mut known = self.lock();
        if let Some(origins) = known.get_mut(key) {
            origins.places.remove(&id);
            if origins.places.is_empty() {
                known.remove(key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Origins>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a connection reaches an identity at an origin.
#[derive(Debug)]
pub struct Place {
    identities: Arc<Identities>,
    key: Key,
    id: u64,
}

impl Place {
    /// Whether the namespace reached the same identity at another origin before.
    #[must_use]
    pub fn is_second_origin(&self) -> bool {
        let known = self.identities.lock();
        known
            .get(&self.key)
            .is_some_and(|origins| origins.is_second(self.id))
    }

    /// Keeps the origin known beyond the end of this place.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        let mut known = self.identities.lock();
        let origins = known.get_mut(&self.key)?;
        let origin = origins.places.get(&self.id)?.origin.clone();
        let id = origins.enter(&origin);
        drop(known);
        Some(Seat {
            _place: Self {
                identities: Arc::clone(&self.identities),
                key: self.key.clone(),
                id,
            },
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.identities.leave(&self.key, self.id);
    }
}

/// Keeps an origin known while nothing is asked there: the connection that was there first stays the
/// first, though its Secret is away for a while and with it all that could be asked with. It holds no
/// credentials.
#[derive(Debug)]
pub struct Seat {
    _place: Place,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_stays_second_however_often_the_first_comes_anew() {
        let identities = Identities::new();
        let enter = |identity, origin| identities.enter("ns", identity, origin);
        let first = enter("acme", "https://a");
        let second = enter("acme", "https://b");
        let elsewhere = enter("other", "https://b");
        let anew = enter("acme", "https://a");
        drop(first);
        let seconds = [&second, &anew, &elsewhere].map(Place::is_second_origin);
        assert_eq!(seconds, [true, false, false]);
        drop(anew);
        assert!(!second.is_second_origin(), "no other is left");
        assert!(enter("acme", "https://a").is_second_origin());
    }

    #[test]
    fn a_seat_keeps_the_first_the_first() {
        let identities = Identities::new();
        let enter = |origin| identities.enter("ns", "acme", origin);
        let first = enter("https://a");
        let seat = first.seat().unwrap();
        drop(first);
        let second = enter("https://b");
        assert!(second.is_second_origin(), "the first only rests");
        let anew = enter("https://a");
        assert!(!anew.is_second_origin());
        drop((anew, seat));
        assert!(!second.is_second_origin(), "the first is gone");
        drop(second);
        assert!(identities.lock().is_empty());
    }

    #[test]
    fn a_namespace_makes_no_other_one_prove_anything() {
        let identities = Identities::new();
        let _evil = identities.enter("evil", "acme", "https://evil.example");
        let victim = identities.enter("resellers", "acme", "https://bss.example");
        assert!(!victim.is_second_origin());
    }
}
