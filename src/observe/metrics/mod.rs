//! Metrics in the `OpenMetrics` format. [docs/metrics.md] names each of them.
//!
//! Here is what is counted where it happens; `live` is what is asked for at a scrape, so that none of it
//! can go stale. Labels are words of a closed vocabulary and the names of a bounded number of connections;
//! names of upgrades and accounts would make as many series as there are objects. A counter never falls
//! while the process lives, and those that an alert looks at begin at zero, so that the first increase
//! shows.
//!
//! [docs/metrics.md]: ../../../docs/metrics.md

mod live;

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

pub use live::{ApiRequest, Bss, InPhase, Live, OfReason, Reconciles, Slots, Times, Upgrades};

/// What every name begins with.
pub const PREFIX: &str = "tenant_reseller_operator";

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconcileOutcome {
    /// It did some work.
    Worked,
    /// It found that it has to wait.
    Waited,
    /// A conflict with another writer: the reconcile will be done again.
    Conflict,
    /// It failed.
    Failed,
    /// It did not come to its end: the process stops, or it panicked.
    Abandoned,
}

impl ReconcileOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [
        Self::Worked,
        Self::Waited,
        Self::Conflict,
        Self::Failed,
        Self::Abandoned,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Waited => "waited",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabel {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SweepLabel {
    sweep: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SweepItemsLabels {
    sweep: &'static str,
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

/// What is counted where it happens. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<OutcomeLabel, Counter>,
    reconcile_seconds: Family<OutcomeLabel, Histogram>,
    effects: Family<OperationLabels, Counter>,
    effect_items: Family<OperationLabels, Counter>,
    sweep_seconds: Family<SweepLabel, Histogram>,
    sweep_items: Family<SweepItemsLabels, Counter>,
    cluster_errors: Family<ClassLabel, Counter>,
}

/// From a millisecond to a minute.
fn seconds() -> Histogram {
    Histogram::new([
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    ])
}

/// From a tenth of a second to four hours.
fn hours() -> Histogram {
    Histogram::new([
        0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0,
    ])
}

impl Metrics {
    /// Registers everything, this build's version included. `error_classes` are those of
    /// [`Metrics::cluster_error`].
    pub fn new(registry: &mut Registry, error_classes: &[&'static str]) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            reconcile_seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            effects: Family::default(),
            effect_items: Family::default(),
            sweep_seconds: Family::new_with_constructor(hours as fn() -> Histogram),
            sweep_items: Family::default(),
            cluster_errors: Family::default(),
        };
        for outcome in ReconcileOutcome::ALL {
            let outcome = outcome.as_str();
            drop(metrics.reconciles.get_or_create(&OutcomeLabel { outcome }));
        }
        for class in error_classes {
            drop(metrics.cluster_errors.get_or_create(&ClassLabel { class }));
        }
        metrics.register(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "reconciles",
            "Reconciles of upgrades, by how they ended",
            self.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "How long reconciles took, by how they ended",
            Unit::Seconds,
            self.reconcile_seconds.clone(),
        );
        registry.register(
            "effects",
            "Writes to a BSS other than batches (ok), and writes that failed, by operation and the class of the error",
            self.effects.clone(),
        );
        registry.register(
            "effect_items",
            "Items in batches that were written to a BSS, by operation and the outcome of the item",
            self.effect_items.clone(),
        );
        registry.register_with_unit(
            "sweep_duration",
            "How long whole sweeps over both sides took, by what they were for; the waits for the BSS and \
             for a turn included",
            Unit::Seconds,
            self.sweep_seconds.clone(),
        );
        registry.register(
            "sweep_items",
            "Items that whole sweeps saw, by what the sweep was for, the kind of item, and what it found: \
             copied has its copy, failed cannot be copied as it is, excluded is left out",
            self.sweep_items.clone(),
        );
        registry.register(
            "cluster_errors",
            "Reconciles that did not come to their end because of the API server, and refusals of what the \
             operator publishes, by class: Forbidden is a missing right, Invalid a refused object",
            self.cluster_errors.clone(),
        );
        registry.register(
            "build",
            "The version that runs",
            Info::new(BuildLabels {
                version: env!("CARGO_PKG_VERSION"),
            }),
        );
    }

    /// Begins a reconcile.
    #[must_use]
    pub fn reconcile(&self) -> ReconcileTimer {
        ReconcileTimer {
            metrics: self.clone(),
            began: Instant::now(),
            outcome: ReconcileOutcome::Abandoned,
        }
    }

    /// Counts a reconcile that the API server kept from its end.
    pub fn cluster_error(&self, class: &'static str) {
        self.cluster_errors
            .get_or_create(&ClassLabel { class })
            .inc();
    }

    /// Counts a write to a BSS.
    pub fn effect(&self, operation: &'static str, outcome: &'static str) {
        self.effects
            .get_or_create(&OperationLabels { operation, outcome })
            .inc();
    }

    /// Counts items of a batch that was written to a BSS.
    pub fn effect_items(&self, operation: &'static str, outcome: &'static str, items: u64) {
        self.effect_items
            .get_or_create(&OperationLabels { operation, outcome })
            .inc_by(items);
    }

    /// Counts a whole sweep.
    pub fn sweep(&self, sweep: &'static str, took: Duration) {
        self.sweep_seconds
            .get_or_create(&SweepLabel { sweep })
            .observe(took.as_secs_f64());
    }

    /// Counts items of one kind that a whole sweep found in one state.
    pub fn sweep_items(
        &self,
        sweep: &'static str,
        (kind, state): (&'static str, &'static str),
        items: u64,
    ) {
        self.sweep_items
            .get_or_create(&SweepItemsLabels { sweep, kind, state })
            .inc_by(items);
    }
}

/// Counts one reconcile when it is dropped: as abandoned, unless it was ended before.
#[derive(Debug)]
pub struct ReconcileTimer {
    metrics: Metrics,
    began: Instant,
    outcome: ReconcileOutcome,
}

impl ReconcileTimer {
    /// Ends the reconcile.
    pub fn end(mut self, outcome: ReconcileOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for ReconcileTimer {
    fn drop(&mut self) {
        let label = OutcomeLabel {
            outcome: self.outcome.as_str(),
        };
        self.metrics.reconciles.get_or_create(&label).inc();
        self.metrics
            .reconcile_seconds
            .get_or_create(&label)
            .observe(self.began.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).expect("metrics are text");
        text
    }

    #[test]
    fn everything_that_happens_is_told_and_what_alerts_look_at_begins_at_zero() {
        let mut registry = Registry::with_prefix(PREFIX);
        let metrics = Metrics::new(&mut registry, &["Forbidden", "Invalid"]);
        let before = text(&registry);
        for line in [
            r#"tenant_reseller_operator_reconciles_total{outcome="failed"} 0"#,
            r#"tenant_reseller_operator_cluster_errors_total{class="Invalid"} 0"#,
        ] {
            assert!(before.contains(line), "{line} is missing in\n{before}");
        }
        metrics.reconcile().end(ReconcileOutcome::Worked);
        drop(metrics.reconcile());
        metrics.effect("copyCustomers", "ok");
        metrics.cluster_error("Forbidden");
        metrics.effect_items("copyCustomers", "created", 7);
        metrics.sweep("copy", Duration::from_secs(90));
        metrics.sweep_items("copy", ("customer", "copied"), 12);
        let text = text(&registry);
        for line in [
            r#"tenant_reseller_operator_reconciles_total{outcome="worked"} 1"#,
            r#"tenant_reseller_operator_reconciles_total{outcome="abandoned"} 1"#,
            r#"tenant_reseller_operator_reconcile_duration_seconds_count{outcome="worked"} 1"#,
            r#"tenant_reseller_operator_effects_total{operation="copyCustomers",outcome="ok"} 1"#,
            r#"tenant_reseller_operator_cluster_errors_total{class="Forbidden"} 1"#,
            r#"tenant_reseller_operator_effect_items_total{operation="copyCustomers",outcome="created"} 7"#,
            r#"tenant_reseller_operator_sweep_duration_seconds_bucket{le="60.0",sweep="copy"} 0"#,
            r#"tenant_reseller_operator_sweep_duration_seconds_bucket{le="300.0",sweep="copy"} 1"#,
            r#"tenant_reseller_operator_sweep_items_total{sweep="copy",kind="customer",state="copied"} 12"#,
            r#"tenant_reseller_operator_build_info{version=""#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
