//! Metrics in the `OpenMetrics` format.
//!
//! Counted where it happens, or asked for at a scrape: gauges come from functions, so that
//! none can go stale. Labels are words of a closed vocabulary; names of objects would make as many
//! series as there are objects.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

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

/// Counters here carry no exemplar.
type NoExemplar = Exemplar<Vec<(String, String)>, f64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpgradeLabels {
    phase: String,
    reason: String,
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
    cluster_errors: Family<ClassLabel, Counter>,
}

/// From a millisecond to a minute.
fn seconds() -> Histogram {
    Histogram::new([
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    ])
}

impl Metrics {
    /// Registers everything, this build's version included.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            reconcile_seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            effects: Family::default(),
            effect_items: Family::default(),
            cluster_errors: Family::default(),
        };
        registry.register(
            "passes",
            "Reconciles of upgrades, by how they ended",
            metrics.reconciles.clone(),
        );
        registry.register_with_unit(
            "pass_duration",
            "How long reconciles took",
            Unit::Seconds,
            metrics.reconcile_seconds.clone(),
        );
        registry.register(
            "effects",
            "Writes to a BSS, by operation and outcome class",
            metrics.effects.clone(),
        );
        registry.register(
            "effect_items",
            "Items in batches that were written to a BSS, by operation and outcome",
            metrics.effect_items.clone(),
        );
        registry.register(
            "cluster_errors",
            "Reconciles that did not come to their end because of the API server, by class: Forbidden is a \
             missing right, Invalid a refused object",
            metrics.cluster_errors.clone(),
        );
        registry.register(
            "build",
            "The version that runs",
            Info::new(BuildLabels {
                version: env!("CARGO_PKG_VERSION"),
            }),
        );
        metrics
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

/// Requests to every BSS so far.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// By operation and outcome class: how many, and how long they took together.
    pub calls: BTreeMap<(&'static str, &'static str), (u64, Duration)>,
    /// Time in which nothing was sent because a BSS throttled.
    pub throttled: Duration,
    /// Time that calls waited for their turn.
    pub waited: Duration,
}

/// Where gauges come from at a scrape.
pub struct Live {
    /// Whether this process leads.
    pub leads: Box<dyn Fn() -> bool + Send + Sync>,
    /// How many reconciles run.
    pub running_reconciles: Box<dyn Fn() -> usize + Send + Sync>,
    /// How many upgrades there are, by phase and reason of `Ready`.
    pub upgrades: Box<dyn Fn() -> BTreeMap<(String, String), i64> + Send + Sync>,
    /// Requests to every BSS.
    pub calls: Box<dyn Fn() -> Calls + Send + Sync>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// Registers the gauges.
    pub fn register(self, registry: &mut Registry) {
        registry.register_collector(Box::new(self));
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        encoder
            .encode_descriptor(
                "lease_held",
                "1 while this process leads",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::from((self.leads)()))?;
        encoder
            .encode_descriptor(
                "passes_running",
                "Reconciles that run at this moment",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::try_from((self.running_reconciles)()).unwrap_or(i64::MAX))?;
        let mut upgrades = encoder.encode_descriptor(
            "upgrades",
            "Upgrades, by phase and reason of Ready",
            None,
            MetricType::Gauge,
        )?;
        for ((phase, reason), count) in (self.upgrades)() {
            upgrades
                .encode_family(&UpgradeLabels { phase, reason })?
                .encode_gauge(&count)?;
        }
        encode_calls(&mut encoder, &(self.calls)())
    }
}

fn encode_calls(encoder: &mut DescriptorEncoder<'_>, calls: &Calls) -> Result<(), fmt::Error> {
    let none = None::<&NoExemplar>;
    let help = "Requests to a BSS and for its tokens, by operation and outcome class";
    let mut family = encoder.encode_descriptor("bss_calls", help, None, MetricType::Counter)?;
    for (&(operation, outcome), (count, _)) in &calls.calls {
        family
            .encode_family(&OperationLabels { operation, outcome })?
            .encode_counter(count, none)?;
    }
    let help = "Time that requests to a BSS took, the wait for their turn included";
    let unit = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("bss_call", help, unit, MetricType::Counter)?;
    for (&(operation, outcome), (_, took)) in &calls.calls {
        family
            .encode_family(&OperationLabels { operation, outcome })?
            .encode_counter(&took.as_secs_f64(), none)?;
    }
    for (name, help, time) in [
        (
            "bss_throttled",
            "Time in which nothing was sent because a BSS throttled",
            calls.throttled,
        ),
        (
            "bss_waited",
            "Time that requests waited for their turn",
            calls.waited,
        ),
    ] {
        encoder
            .encode_descriptor(name, help, unit, MetricType::Counter)?
            .encode_counter(&time.as_secs_f64(), none)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn everything_is_told() {
        let mut registry = Registry::with_prefix(PREFIX);
        let metrics = Metrics::new(&mut registry);
        Live {
            leads: Box::new(|| true),
            running_reconciles: Box::new(|| 2),
            upgrades: Box::new(|| {
                BTreeMap::from([(("PricingGate".into(), "AwaitingPricing".into()), 3)])
            }),
            calls: Box::new(|| Calls {
                calls: BTreeMap::from([(
                    ("listCustomers", "Throttled"),
                    (1, Duration::from_millis(20)),
                )]),
                throttled: Duration::from_millis(1500),
                waited: Duration::ZERO,
            }),
        }
        .register(&mut registry);
        metrics.reconcile().end(ReconcileOutcome::Worked);
        drop(metrics.reconcile());
        metrics.effect("copyCustomers", "ok");
        metrics.cluster_error("Forbidden");
        metrics.effect_items("copyCustomers", "created", 7);
        let mut text = String::new();
        encode(&mut text, &registry).expect("metrics are text");
        for line in [
            r#"tenant_reseller_operator_passes_total{outcome="worked"} 1"#,
            r#"tenant_reseller_operator_passes_total{outcome="abandoned"} 1"#,
            r#"tenant_reseller_operator_pass_duration_seconds_count{outcome="worked"} 1"#,
            r#"tenant_reseller_operator_effects_total{operation="copyCustomers",outcome="ok"} 1"#,
            r#"tenant_reseller_operator_cluster_errors_total{class="Forbidden"} 1"#,
            r#"tenant_reseller_operator_effect_items_total{operation="copyCustomers",outcome="created"} 7"#,
            r#"tenant_reseller_operator_bss_calls_total{operation="listCustomers",outcome="Throttled"} 1"#,
            r#"tenant_reseller_operator_bss_call_seconds_total{operation="listCustomers",outcome="Throttled"} 0.02"#,
            "tenant_reseller_operator_bss_throttled_seconds_total 1.5",
            "tenant_reseller_operator_lease_held 1",
            "tenant_reseller_operator_passes_running 2",
            r#"tenant_reseller_operator_upgrades{phase="PricingGate",reason="AwaitingPricing"} 3"#,
            r#"tenant_reseller_operator_build_info{version=""#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
