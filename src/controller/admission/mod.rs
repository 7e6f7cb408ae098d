//! Whose turn it is: shares the lines of all upgrades of a process, and wakes whoever was offered a
//! place.
//!
//! Nothing here knows what an upgrade does with its place, nor when it gives it up.

mod queue;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use queue::Lines;

pub(super) use queue::Standing;

/// Asks for a pass of the upgrade of this namespace and name.
pub type Wake = Box<dyn Fn(&str, &str) + Send + Sync>;

/// The turns of all upgrades of a process.
pub(super) struct Turns {
    state: Mutex<State>,
    wake: Wake,
}

#[derive(Debug, Default)]
struct State {
    lines: Lines,
    /// Namespace and name, by uid.
    names: HashMap<String, (String, String)>,
}

impl Turns {
    pub(super) fn new(wake: Wake) -> Self {
        Self {
            state: Mutex::default(),
            wake,
        }
    }

    /// An upgrade is there; what it has.
    pub(super) fn arrive(
        &self,
        uid: &str,
        (namespace, name): (&str, &str),
        (identity, places): (&str, usize),
    ) -> Standing {
        let mut state = self.lock();
        let names = (namespace.to_owned(), name.to_owned());
        state.names.insert(uid.to_owned(), names);
        let (standing, offered) = state.lines.arrive(uid, identity, places);
        self.tell(&state, &offered);
        standing
    }

    /// Asks for a place: `Holds` or `Waits`.
    pub(super) fn ask(&self, uid: &str) -> Standing {
        self.lock().lines.ask(uid)
    }

    /// Gives up the place, or the wish for one.
    pub(super) fn leave(&self, uid: &str) {
        let mut state = self.lock();
        let offered = state.lines.leave(uid);
        self.tell(&state, &offered);
    }

    /// Gives up a place that is held.
    pub(super) fn rest(&self, uid: &str) {
        let mut state = self.lock();
        let offered = state.lines.rest(uid);
        self.tell(&state, &offered);
    }

    /// The upgrade is finished or gone.
    pub(super) fn forget(&self, uid: &str) {
        let mut state = self.lock();
        let offered = state.lines.forget(uid);
        state.names.remove(uid);
        self.tell(&state, &offered);
    }

    /// This process stopped to lead: nobody is at work here any more. Nobody needs to be woken,
    /// whoever begins to lead looks at every upgrade.
    pub(super) fn forget_all(&self) {
        *self.lock() = State::default();
    }

    fn tell(&self, state: &State, offered: &[String]) {
        for (namespace, name) in offered.iter().filter_map(|uid| state.names.get(uid)) {
            (self.wake)(namespace, name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the place up if the pass panics: the next one may come only after minutes.
pub(super) struct Panicked<'a>(pub(super) &'a Turns, pub(super) &'a str);

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.rest(self.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn whoever_is_offered_a_place_is_woken_and_a_panic_keeps_none() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&woken);
        let turns = Turns::new(Box::new(move |namespace, name| {
            heard.lock().unwrap().push(format!("{namespace}/{name}"));
        }));
        for uid in ["1", "2", "3"] {
            turns.arrive(uid, ("ns", uid), ("acme", 1));
            turns.ask(uid);
        }
        let pass = std::panic::AssertUnwindSafe(|| {
            let _guard = Panicked(&turns, "1");
            panic!("a defect");
        });
        std::panic::catch_unwind(pass).unwrap_err();
        drop(Panicked(&turns, "2"));
        assert_eq!(*woken.lock().unwrap(), ["ns/2"]);
        turns.forget("2");
        turns.forget_all();
        turns.forget("3");
        assert_eq!(*woken.lock().unwrap(), ["ns/2", "ns/3"]);
    }
}
