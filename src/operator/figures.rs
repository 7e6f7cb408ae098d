//! What the parts of the operator count, in the words of the metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::bss::limits::{BOUNDS, Load, Snapshot};
use crate::cluster::census::Census;
use crate::cluster::{Reconciles, Requests, Stores};
use crate::observe::metrics::{self, ApiRequest, Bss, InPhase, OfReason, Slots, Upgrades};

/// What a request for a token is counted as, among the operations of the BSS.
const TOKEN: &str = "requestToken";

/// The slots in use and the upgrades that are queued for one.
type CountSlots = Box<dyn Fn() -> (usize, usize) + Send + Sync>;

/// The slots of a controller that comes later: the metrics are served before it begins.
#[derive(Clone, Default)]
pub(super) struct LateSlots(Arc<OnceLock<CountSlots>>);

impl LateSlots {
    /// The controller is there.
    pub(super) fn come_from(&self, slots: impl Fn() -> (usize, usize) + Send + Sync + 'static) {
        // It is set once.
        let _before = self.0.set(Box::new(slots));
    }

    /// As the metrics have them.
    pub(super) fn now(&self) -> Slots {
        let (in_use, queued) = self.0.get().map_or((0, 0), |slots| slots());
        Slots { in_use, queued }
    }
}

/// The reconciles of this moment.
pub(super) fn reconciles(reconciles: &Reconciles) -> metrics::Reconciles {
    metrics::Reconciles {
        running: reconciles.count(),
        waiting: reconciles.waiting(),
    }
}

/// Counts the upgrades at each scrape.
pub(super) fn upgrades(stores: Stores) -> impl Fn() -> Upgrades + Send + Sync {
    let census = Mutex::new(Census::default());
    move || {
        let mut census = census.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = stores.count(&mut census, Timestamp::now());
        let in_phase = counts.in_phase.into_iter().map(|(key, count)| {
            let key = InPhase {
                phase: key.phase,
                class: key.class,
                connection: key.connection,
            };
            (key, count)
        });
        let of_reason = counts.of_reason.into_iter().map(|(key, count)| {
            let key = OfReason {
                reason: key.reason,
                class: key.class,
                connection: key.connection,
            };
            (key, count.upgrades, count.unchanged)
        });
        Upgrades {
            in_phase: in_phase.collect(),
            of_reason: of_reason.collect(),
        }
    }
}

/// What was asked of every BSS.
pub(super) fn bss((figures, load): (Snapshot, Load)) -> Bss {
    let mut calls = BTreeMap::new();
    let mut tokens = BTreeMap::new();
    for ((operation, outcome), tally) in &figures.calls {
        if *operation == TOKEN {
            tokens.insert(*outcome, times(tally));
        } else {
            calls.insert((*operation, *outcome), times(tally));
        }
    }
    Bss {
        calls,
        tokens,
        waits: times(&figures.waits),
        paused: vec![
            ("Throttled", figures.throttled),
            ("Unavailable", figures.unavailable),
        ],
        deferred: figures.deferred,
        waiting: load.waiting,
        in_flight: load.in_flight,
        limiters: vec![
            ("closed", load.closed),
            ("probing", load.probing),
            ("throttled", load.throttled),
            ("unavailable", load.unavailable),
        ],
    }
}

fn times(tally: &crate::bss::limits::Times) -> metrics::Times {
    let bounds = BOUNDS.iter().map(Duration::as_secs_f64);
    let mut ranges: Vec<(f64, u64)> = bounds.zip(tally.within).collect();
    let beyond = tally.count.saturating_sub(tally.within.iter().sum());
    ranges.push((f64::INFINITY, beyond));
    metrics::Times {
        count: tally.count,
        sum: tally.elapsed,
        ranges,
    }
}

/// What was asked of the API server.
pub(super) fn api(requests: &Requests) -> Vec<ApiRequest> {
    let counts = requests.counts().into_iter();
    let counts = counts.map(|((asked, code), count)| ApiRequest {
        method: asked.method,
        resource: asked.resource,
        code,
        count,
    });
    counts.collect()
}
