//! How many bytes of replies this process holds at a time, and whose they are.
//!
//! A server may send a large reply and then stall, in as many calls as there are. So the bytes of large
//! replies come out of one budget, and no namespace and no origin may have so much of it that the
//! others wait for them: a namespace has at most what is still free when it has taken it, half of all if
//! it is alone, and an origin at most what its namespace could still take. A reply that fits into
//! [`FREE`] takes nothing: of those there are no more than calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A reply of so many bytes takes nothing out of the budget.
pub const FREE: usize = 64 * 1024;
/// The budget of a process: a third of the memory that the chart gives it.
const WHOLE: usize = 96 * 1024 * 1024;

/// What is taken. Pure.
#[derive(Debug)]
struct Ledger {
    whole: usize,
    /// Bytes by namespace and origin.
    taken: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Ledger {
    fn free(&self) -> usize {
        let all = self.taken.values().flat_map(BTreeMap::values);
        self.whole.saturating_sub(all.sum())
    }

    fn may_take(&self, (namespace, origin): (&str, &str), bytes: usize) -> bool {
        let free = self.free();
        let origins = self.taken.get(namespace);
        let of_namespace: usize = origins.map_or(0, |origins| origins.values().sum());
        let of_origin = origins.and_then(|origins| origins.get(origin)).copied();
        let left = free.checked_sub(bytes);
        let Some(left) = left.filter(|left| of_namespace.saturating_add(bytes) <= *left) else {
            return false;
        };
        // So much could the namespace still take beside it.
        let room = left.saturating_sub(of_namespace.saturating_add(bytes)) / 2;
        of_origin.is_none_or(|own| own.saturating_add(bytes) <= room)
    }

    fn take(&mut self, (namespace, origin): (&str, &str), bytes: usize) {
        let origins = self.taken.entry(namespace.to_owned()).or_default();
        let own = origins.entry(origin.to_owned()).or_default();
        *own = own.saturating_add(bytes);
    }

    fn give_back(&mut self, (namespace, origin): (&str, &str), bytes: usize) {
        let Some(origins) = self.taken.get_mut(namespace) else {
            return;
        };
        if let Some(own) = origins.get_mut(origin) {
            *own = own.saturating_sub(bytes);
        }
        origins.retain(|_, own| *own > 0);
        if origins.is_empty() {
            self.taken.remove(namespace);
        }
    }
}

/// The budget of a process.
#[derive(Debug)]
pub struct ReplyBudget {
    ledger: Mutex<Ledger>,
    freed: Notify,
}

impl Default for ReplyBudget {
    fn default() -> Self {
        Self {
            ledger: Mutex::new(Ledger {
                whole: WHOLE,
                taken: BTreeMap::new(),
            }),
            freed: Notify::new(),
        }
    }
}

impl ReplyBudget {
    /// The bytes that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        let ledger = self.lock();
        ledger.whole.saturating_sub(ledger.free())
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's way to the budget.
#[derive(Clone, Debug)]
pub struct Purse {
    budget: Arc<ReplyBudget>,
    namespace: String,
    origin: String,
}

impl Purse {
    pub(super) fn new(budget: &Arc<ReplyBudget>, namespace: &str, origin: &str) -> Self {
        Self {
            budget: Arc::clone(budget),
            namespace: namespace.to_owned(),
            origin: origin.to_owned(),
        }
    }

    /// Nothing is taken yet.
    #[must_use]
    pub fn open(&self) -> Reservation<'_> {
        Reservation {
            purse: self,
            bytes: 0,
        }
    }

    fn owner(&self) -> (&str, &str) {
        (&self.namespace, &self.origin)
    }
}

/// Bytes that were taken, given back when dropped.
#[derive(Debug)]
pub struct Reservation<'a> {
    purse: &'a Purse,
    bytes: usize,
}

impl Reservation<'_> {
    /// How many.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Waits until so many bytes are taken in all.
    pub async fn raise(&mut self, bytes: usize) {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return;
        }
        let budget = &self.purse.budget;
        loop {
            let mut freed = std::pin::pin!(budget.freed.notified());
            // What is given back from here on is heard.
            freed.as_mut().enable();
            if self.take(more) {
                return;
            }
            freed.await;
        }
    }

    fn take(&mut self, more: usize) -> bool {
        let owner = self.purse.owner();
        let mut ledger = self.purse.budget.lock();
        let may = ledger.may_take(owner, more);
        if may {
            ledger.take(owner, more);
            self.bytes = self.bytes.saturating_add(more);
        }
        may
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let owner = self.purse.owner();
            self.purse.budget.lock().give_back(owner, self.bytes);
            self.purse.budget.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    const MIB: usize = 1024 * 1024;

    /// Takes as many replies of this size as there is room for now.
    fn fill(purse: &Purse, bytes: usize) -> Vec<Reservation<'_>> {
        let one = || {
            let mut held = purse.open();
            held.raise(bytes).now_or_never().map(|()| held)
        };
        std::iter::from_fn(one).take(10_000).collect()
    }

    #[test]
    fn no_origin_and_no_namespace_takes_it_all() {
        let budget = Arc::new(ReplyBudget::default());
        let purse = |namespace: &str, origin: &str| Purse::new(&budget, namespace, origin);
        let (evil, beside) = (purse("evil", "https://a"), purse("evil", "https://b"));
        let victim = purse("resellers", "https://bss.example");
        let stalled = fill(&evil, 8 * MIB);
        assert_eq!(stalled.len(), 3);
        assert_eq!(fill(&beside, 8 * MIB).len(), 1);
        // Whatever hostile origins and namespaces there are: there is room for another one.
        let more: Vec<Purse> = (0..20)
            .flat_map(|n| (0..5).map(move |m| (n, m)))
            .map(|(n, m)| purse(&format!("evil-{n}"), &format!("https://{m}")))
            .collect();
        let _held: Vec<_> = more.iter().flat_map(|purse| fill(purse, 8 * MIB)).collect();
        assert!(budget.taken() <= WHOLE);
        assert!(!fill(&victim, MIB).is_empty());
        drop(stalled);
        assert!(!fill(&victim, 4 * MIB).is_empty());
    }

    #[test]
    fn ordinary_replies_have_plenty_of_room() {
        let budget = Arc::new(ReplyBudget::default());
        let purse = Purse::new(&budget, "resellers", "https://bss.example");
        assert!(fill(&purse, MIB / 2).len() >= 32);
        assert_eq!(budget.taken(), 0, "all given back");
        assert!(budget.lock().taken.is_empty());
    }

    #[tokio::test]
    async fn a_reply_that_waits_goes_on_when_another_ends() {
        let budget = Arc::new(ReplyBudget::default());
        let purse = Purse::new(&budget, "resellers", "https://bss.example");
        let mut held = fill(&purse, 8 * MIB);
        let mut next = purse.open();
        let mut waiting = Box::pin(next.raise(8 * MIB));
        assert!(waiting.as_mut().now_or_never().is_none());
        held.pop();
        assert!(waiting.as_mut().now_or_never().is_some());
    }
}
