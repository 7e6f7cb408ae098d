//! Admission: which upgrades may work now. A process works on a bounded number of upgrades at a time
//! (the gates), and each namespace has slots for the upgrades that may write to a BSS (the queues): no
//! namespace can take the slots of another.
//!
//! There are two lanes. In the first one a reconcile looks at the cluster and tells what it sees there, which takes
//! milliseconds. It leaves it before it calls a BSS, which may take minutes, and enters the second one. So a call
//! that hangs keeps no upgrade from showing its status. Each lane has a gate, and the first has one more for
//! upgrades of which nothing is told yet: those that are looked at again do not stand before them.
//!
//! Here stand the rules when an upgrade needs a slot, keeps it and gives it back, and [`Admission`],
//! which all reconciles of a process share. Nothing here touches the cluster or the BSS.

mod gate;
mod queue;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::cache::{Admitted, CacheEntry};
use super::context::Scope;
use super::object;
use crate::api::{Reason, StateClass, TenantResellerUpgrade};
use crate::upgrade::{ClaimEdit, Effect, Pace, ReadyState, Suspension, pinned_account, suspension};
use gate::{Gate, Permit};
use queue::SlotQueues;

pub(super) use queue::Slot;

/// A slot is given back before any wait that is longer, even if polls are rarer.
const LONGEST_HELD_WAIT: Duration = Duration::from_secs(3);

/// About so many upgrades look at the cluster at a time: what an API server answers side by side.
const LOOKING_AT_ONCE: usize = 64;

/// About so many upgrades are told something for the first time at a time. It is one write each.
const TELLING_AT_ONCE: usize = 256;

/// Asks for a reconcile of the upgrade of this namespace and name.
pub type Wake = Box<dyn Fn(&str, &str) + Send + Sync>;

/// Whether an upgrade does this only with a slot. Reading, and recording what was read, needs none
/// once the upgrade was admitted. An intent needs one, so that its call can follow at once.
pub(super) fn needs_slot(effect: &Effect) -> bool {
    match effect {
        Effect::Claim(edit) => matches!(
            edit,
            ClaimEdit::IntendCopies { .. }
                | ClaimEdit::IntendTenant { .. }
                | ClaimEdit::IntendActivation(_)
        ),
        Effect::Sweep(_)
        | Effect::SetPricing(_)
        | Effect::CreateTenant(_)
        | Effect::Activate(_)
        | Effect::Read(_)
        | Effect::Acquire { .. } => effect.changes_the_bss(),
    }
}

/// Whether an effect calls the BSS.
pub(super) fn calls_the_bss(effect: &Effect) -> bool {
    match effect {
        Effect::Read(_)
        | Effect::Acquire { .. }
        | Effect::Sweep(_)
        | Effect::SetPricing(_)
        | Effect::CreateTenant(_)
        | Effect::Activate(_) => true,
        Effect::Claim(_) => false,
    }
}

/// The slot of an upgrade whose reconcile begins. An upgrade that may only read needs none before it
/// has something to write; every other one requests a slot at once.
pub(super) fn admit<B>(admission: &Admission, scope: &mut Scope<'_, B>) -> Slot {
    let uid = &scope.valid.uid;
    let limits = &scope.fetched.connection.spec.limits;
    let mut slot = admission.register(&Candidate {
        uid,
        key: object::key(&scope.upgrade),
        identity: &scope.valid.identity,
        slots: usize::try_from(limits.active_upgrades).unwrap_or(1),
    });
    if scope.valid.suspended == Suspension::Suspended {
        admission.release(uid);
        return Slot::NotRequested;
    }
    let may_read = scope.entry.admitted == Admitted::Yes || waits_for_people(&scope.upgrade);
    if slot == Slot::NotRequested && !may_read {
        slot = admission.request(uid);
    }
    if slot == Slot::Held {
        scope.entry.admitted = Admitted::Yes;
    }
    slot
}

/// Whether the status says that the present spec waits for people. After a restart too such an
/// upgrade may look whether they have done their part, and does not show that it waits for a slot.
fn waits_for_people(upgrade: &TenantResellerUpgrade) -> bool {
    object::is_observed(upgrade)
        && object::ready_reason(upgrade).is_some_and(|reason| match reason.class() {
            Some(StateClass::WaitsForPeople) => true,
            // An upgrade has these two reasons before it has asked the BSS anything.
            Some(StateClass::MustFix) => {
                !matches!(reason, Reason::InvalidSpec | Reason::ConnectionForbidden)
            }
            _ => false,
        })
}

/// Whether an upgrade that waits like this gives its slot back. No upgrade may starve because another
/// one waits for people, for a tenant in the BSS's queue, for orders, or for calls that fail again
/// and again. So a slot is given back before every wait that is about as long as a poll, with two
/// exceptions that end by themselves: a quiet time; and a request to create the tenant or to switch
/// that is on record without an outcome, which must not wait for a slot. While a BSS does not answer
/// that request, it answers no other upgrade either.
pub(super) fn gives_slot_back<B>(
    state: &ReadyState,
    entry: &CacheEntry<B>,
    wait: Option<Duration>,
    pace: Pace,
) -> bool {
    let Some(wait) = wait else { return true };
    match state.reason.class() {
        Some(StateClass::Working | StateClass::WaitsByItself) => {
            // Twice, because a part of the poll may be over by now.
            let short = wait.saturating_mul(2) < pace.poll.min(LONGEST_HELD_WAIT);
            !short && state.reason != Reason::Settling && !awaits_outcome(entry)
        }
        _ => true,
    }
}

/// Whether a request to create the tenant or to switch is on record without an outcome.
fn awaits_outcome<B>(entry: &CacheEntry<B>) -> bool {
    entry.known.fencing.claim.as_ref().is_some_and(|claim| {
        let creating = claim.intents.create_tenant.as_ref();
        let creating = creating.is_some_and(|intent| intent.operation_id.is_none());
        let failed = entry.known.waiting.failures.is_some();
        (creating && claim.tenant_id.is_none()) || (claim.intents.activate.is_some() && failed)
    })
}

/// An upgrade that may need a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) uid: &'a str,
    pub(super) key: object::Key<'a>,
    /// The identity of the BSS.
    pub(super) identity: &'a str,
    /// How many slots the connection gives its namespace at the BSS.
    pub(super) slots: usize,
}

/// What a reconcile may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Look at the cluster, and write there.
    Cluster,
    /// Call the BSS too.
    Bss,
}

/// A place in a lane. A suspended upgrade on which work has begun needs none.
pub(super) struct Turn<'a> {
    pub(super) lane: Lane,
    permit: Option<Permit<'a>>,
}

impl Turn<'_> {
    /// What is left of a time slice where others wait for a place.
    pub(super) fn slice(&self, whole: Duration) -> Duration {
        let permit = self.permit.as_ref();
        permit.map_or(whole, |permit| permit.slice(whole))
    }

    /// Makes calls. While they hang, others have the place.
    pub(super) async fn lending<T>(&self, calls: impl Future<Output = T>) -> T {
        match &self.permit {
            None => calls.await,
            Some(permit) => permit.lending(calls).await,
        }
    }
}

/// The gates and the slots of a process.
pub(super) struct Admission {
    telling: Gate,
    looking: Gate,
    working: Gate,
    state: Mutex<Shared>,
    wake: Wake,
}

#[derive(Debug, Default)]
struct Shared {
    queues: SlotQueues,
    /// Namespace and name, by uid.
    keys: HashMap<String, (String, String)>,
}

impl Admission {
    /// Up to `at_once` upgrades are worked on at a time.
    pub(super) fn new(at_once: usize, wake: Wake) -> Self {
        Self {
            telling: Gate::new(TELLING_AT_ONCE),
            looking: Gate::new(LOOKING_AT_ONCE),
            working: Gate::new(at_once),
            state: Mutex::default(),
            wake,
        }
    }

    /// Waits for a place in a lane. A suspended upgrade on which work has begun has them all: what was sent is
    /// looked up at once. One that has not begun may look at much, and waits like the others.
    pub(super) async fn turn(&self, upgrade: &TenantResellerUpgrade, lane: Lane) -> Turn<'_> {
        if suspension(upgrade) == Suspension::Suspended && pinned_account(upgrade).is_some() {
            return Turn {
                lane: Lane::Bss,
                permit: None,
            };
        }
        let gate = match lane {
            Lane::Cluster if object::ready(upgrade).is_none() => &self.telling,
            Lane::Cluster => &self.looking,
            Lane::Bss => &self.working,
        };
        Turn {
            lane,
            permit: Some(gate.enter(party(upgrade)).await),
        }
    }

    /// Makes an upgrade known and answers what it has. It takes a slot that was reserved for it, and
    /// requests none.
    pub(super) fn register(&self, candidate: &Candidate<'_>) -> Slot {
        let mut state = self.lock();
        let Candidate { uid, key, .. } = *candidate;
        // Neither a namespace nor an identity holds a slash.
        let of_namespace = format!("{}/{}", key.namespace, candidate.identity);
        let key = (key.namespace.to_owned(), key.name.to_owned());
        state.keys.insert(uid.to_owned(), key);
        let registered = state.queues.register(uid, &of_namespace, candidate.slots);
        self.wake_all(&state, &registered.reserved);
        registered.slot
    }

    /// Requests a slot: `Held` or `Queued`.
    pub(super) fn request(&self, uid: &str) -> Slot {
        self.lock().queues.request(uid)
    }

    /// Gives the slot back, or withdraws the request for one.
    pub(super) fn release(&self, uid: &str) {
        let mut state = self.lock();
        let reserved = state.queues.release(uid);
        self.wake_all(&state, &reserved);
    }

    /// Gives a slot back that is held; a request for one stands.
    pub(super) fn release_held(&self, uid: &str) {
        let mut state = self.lock();
        let reserved = state.queues.release_held(uid);
        self.wake_all(&state, &reserved);
    }

    /// The upgrade is finished or gone.
    pub(super) fn forget(&self, uid: &str) {
        let mut state = self.lock();
        let reserved = state.queues.forget(uid);
        state.keys.remove(uid);
        self.wake_all(&state, &reserved);
    }

    /// How many slots are in use, and how many upgrades are queued for one.
    pub(super) fn slots(&self) -> (usize, usize) {
        self.lock().queues.slots()
    }

    /// This process lost the lease, so no upgrade works here any more. None needs to be woken: a
    /// process that begins to lead reconciles every upgrade.
    pub(super) fn forget_all(&self) {
        *self.lock() = Shared::default();
    }

    /// Gives the slot back if the reconcile panics: the next reconcile may come only after minutes.
    pub(super) fn release_on_panic<'a>(&'a self, uid: &'a str) -> ReleaseOnPanic<'a> {
        ReleaseOnPanic {
            admission: self,
            uid,
        }
    }

    fn wake_all(&self, state: &Shared, reserved: &[String]) {
        for (namespace, name) in reserved.iter().filter_map(|uid| state.keys.get(uid)) {
            (self.wake)(namespace, name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose upgrade it is. A tenant with an access of its own may be away while the distributor is there.
fn party(upgrade: &TenantResellerUpgrade) -> gate::Party {
    let mut connection = upgrade.spec.connection_ref.name.clone();
    if let Some(tenant) = &upgrade.spec.tenant_connection_ref {
        connection.push(' ');
        connection.push_str(&tenant.name);
    }
    gate::Party {
        namespace: object::key(upgrade).namespace.to_owned(),
        connection,
    }
}

/// See [`Admission::release_on_panic`].
pub(super) struct ReleaseOnPanic<'a> {
    admission: &'a Admission,
    uid: &'a str,
}

impl Drop for ReleaseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.admission.release_held(self.uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn upgrade(name: &str, conditions: &serde_json::Value) -> TenantResellerUpgrade {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
            "metadata": { "name": name, "namespace": "n" },
            "spec": {
                "connectionRef": { "kind": "BssConnection", "name": "distributor" },
                "reseller": { "accountId": "10423" },
                "tenant": { "priceList": "PL", "edition": "Premium", "language": "en-GB",
                    "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined" },
            },
            "status": { "conditions": conditions },
        }))
        .unwrap()
    }

    /// However many are looked at again, one that was just created is told something.
    #[test]
    fn an_upgrade_of_which_nothing_is_told_waits_for_no_other() {
        use futures::FutureExt as _;

        let admission = Admission::new(1, Box::new(|_, _| {}));
        let ready = serde_json::json!([{ "type": "Ready", "status": "False",
            "reason": "Progressing", "message": "m",
            "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 1 }]);
        let (again, new) = (
            upgrade("again", &ready),
            upgrade("new", &serde_json::json!([])),
        );
        let turn = |upgrade| admission.turn(upgrade, Lane::Cluster).now_or_never();
        let taken: Vec<_> = std::iter::from_fn(|| turn(&again)).collect();
        assert!(taken.len() < LOOKING_AT_ONCE, "one connection has a part");
        assert!(turn(&again).is_none());
        assert!(turn(&new).is_some());
        assert!(admission.turn(&new, Lane::Bss).now_or_never().is_some());
    }

    #[test]
    fn a_namespace_takes_no_slot_of_another_and_allows_it_no_fewer() {
        let admission = Admission::new(1, Box::new(|_, _| {}));
        let join = |namespace, uid, slots| {
            admission.register(&Candidate {
                uid,
                key: object::Key {
                    namespace,
                    name: uid,
                },
                identity: "acme",
                slots,
            });
            admission.request(uid)
        };
        assert_eq!(join("evil", "e1", 1), Slot::Held);
        assert_eq!(join("evil", "e2", 1), Slot::Queued);
        let victims = ["1", "2", "3", "4", "5", "6"].map(|uid| join("resellers", uid, 5));
        assert_eq!(victims[..5], [Slot::Held; 5]);
        assert_eq!(victims[5], Slot::Queued);
    }

    #[test]
    fn an_upgrade_is_woken_for_its_slot_and_a_panic_gives_the_slot_back() {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&woken);
        let wake = move |namespace: &str, name: &str| {
            heard.lock().unwrap().push(format!("{namespace}/{name}"));
        };
        let admission = Admission::new(1, Box::new(wake));
        for uid in ["1", "2", "3"] {
            admission.register(&Candidate {
                uid,
                key: object::Key {
                    namespace: "ns",
                    name: uid,
                },
                identity: "acme",
                slots: 1,
            });
            admission.request(uid);
        }
        let reconcile = std::panic::AssertUnwindSafe(|| {
            let _guard = admission.release_on_panic("1");
            panic!("a defect");
        });
        std::panic::catch_unwind(reconcile).unwrap_err();
        drop(admission.release_on_panic("2"));
        assert_eq!(*woken.lock().unwrap(), ["ns/2"]);
        admission.forget("2");
        admission.forget_all();
        admission.forget("3");
        assert_eq!(*woken.lock().unwrap(), ["ns/2", "ns/3"]);
    }
}
