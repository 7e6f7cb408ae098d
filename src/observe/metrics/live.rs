//! What is asked for at a scrape. Everything is a plain value here: this module knows nobody whom it
//! observes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::{ClassLabel, OperationLabels, OutcomeLabel};

/// Nothing here carries an exemplar.
type NoExemplar = Exemplar<Vec<(String, String)>, f64>;
type Written = Result<(), fmt::Error>;

/// Times of one kind, counted by ranges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// All together.
    pub sum: Duration,
    /// The upper bound of each range in seconds, and how many fell into it; the last bound is infinite.
    pub ranges: Vec<(f64, u64)>,
}

/// The reconciles of this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciles {
    /// Under way, those that wait included.
    pub running: usize,
    /// Waiting for a place at the gate.
    pub waiting: usize,
}

/// The slots of this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// In use.
    pub in_use: usize,
    /// Upgrades that are queued for one.
    pub queued: usize,
}

/// Upgrades of one phase, class and connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct InPhase {
    /// The phase.
    pub phase: &'static str,
    /// The class of the reason of `Ready`.
    pub class: &'static str,
    /// Namespace and name of the connection.
    pub connection: String,
}

/// Upgrades of one reason and connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfReason {
    /// The reason of `Ready`.
    pub reason: &'static str,
    /// Its class.
    pub class: &'static str,
    /// Namespace and name of the connection.
    pub connection: String,
}

/// The upgrades of this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrades {
    /// How many of each.
    pub in_phase: Vec<(InPhase, u64)>,
    /// How many of each, and for how many seconds the longest of them is unchanged.
    pub of_reason: Vec<(OfReason, u64, u64)>,
}

/// What was asked of every BSS so far, and what is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bss {
    /// Requests, by operation and outcome class.
    pub calls: BTreeMap<(&'static str, &'static str), Times>,
    /// Requests for tokens, by outcome class.
    pub tokens: BTreeMap<&'static str, Times>,
    /// Waits for a turn.
    pub waits: Times,
    /// Time in which nothing was sent, by the reason.
    pub paused: Vec<(&'static str, Duration)>,
    /// Requests that came back unsent.
    pub deferred: u64,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Requests under way.
    pub in_flight: usize,
    /// Limiters, by what they let through.
    pub limiters: Vec<(&'static str, usize)>,
}

/// Requests to the API server of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// The method of HTTP.
    pub method: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// The status code; none where there was no answer.
    pub code: Option<u16>,
    /// How many there were.
    pub count: u64,
}

/// Where the values come from.
pub struct Live {
    /// Whether this process leads.
    pub leads: Box<dyn Fn() -> bool + Send + Sync>,
    /// The reconciles.
    pub reconciles: Box<dyn Fn() -> Reconciles + Send + Sync>,
    /// The slots.
    pub slots: Box<dyn Fn() -> Slots + Send + Sync>,
    /// The upgrades. Only the process that leads tells of them, so that a sum over processes is right.
    pub upgrades: Box<dyn Fn() -> Upgrades + Send + Sync>,
    /// What was asked of every BSS.
    pub bss: Box<dyn Fn() -> Bss + Send + Sync>,
    /// What was asked of the API server.
    pub api: Box<dyn Fn() -> Vec<ApiRequest> + Send + Sync>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// Registers it.
    pub fn register(self, registry: &mut Registry) {
        registry.register_collector(Box::new(self));
    }
}

impl Collector for Live {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Written {
        let mut to = Encoder(encoder);
        let leads = (self.leads)();
        let reconciles = (self.reconciles)();
        let slots = (self.slots)();
        for (name, help, value) in [
            (
                "leader",
                "1 while this process holds the lease and works, 0 while it stands by.",
                usize::from(leads),
            ),
            (
                "reconciles_running",
                "Reconciles that run at this moment, those that wait for a place included.",
                reconciles.running,
            ),
            (
                "reconciles_waiting",
                "Reconciles that wait for a place: more upgrades want to be worked on than \
                 --working-at-once allows.",
                reconciles.waiting,
            ),
            (
                "slots_in_use",
                "Slots in use: upgrades that may write to their BSS at this moment.",
                slots.in_use,
            ),
            (
                "slots_queued",
                "Upgrades that are queued for a slot (spec.limits.activeUpgrades of a connection).",
                slots.queued,
            ),
        ] {
            to.gauge(name, help, value)?;
        }
        // It is asked for in any case: what an upgrade looked like is remembered by the stand-by too.
        let upgrades = (self.upgrades)();
        to.upgrades(&if leads { upgrades } else { Upgrades::default() })?;
        to.bss(&(self.bss)())?;
        to.api(&(self.api)())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabels {
    method: &'static str,
    resource: &'static str,
    code: String,
}

struct Encoder<'a>(DescriptorEncoder<'a>);

impl Encoder<'_> {
    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        let (name, unit) = match name.strip_suffix("_seconds") {
            Some(name) => (name, Some(&Unit::Seconds)),
            None => (name, None),
        };
        self.0.encode_descriptor(name, help, unit, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: usize) -> Written {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        family.encode_gauge(&whole(value))
    }

    fn upgrades(&mut self, upgrades: &Upgrades) -> Written {
        let help = "Upgrades, by phase, class of the reason of Ready, and connection. The first 50 \
                    connections have series of their own, the rest is `others`. Told by the leader only.";
        let mut family = self.family("upgrades", help, MetricType::Gauge)?;
        for (labels, count) in &upgrades.in_phase {
            family.encode_family(labels)?.encode_gauge(&whole(*count))?;
        }
        let help = "Upgrades, by reason of Ready and connection. Told by the leader only.";
        let mut family = self.family("upgrades_by_reason", help, MetricType::Gauge)?;
        for (labels, count, _) in &upgrades.of_reason {
            family.encode_family(labels)?.encode_gauge(&whole(*count))?;
        }
        let help = "The longest time in which an upgrade of this reason and connection has shown neither \
                    another phase or reason nor progress. Told by the leader only.";
        let mut family = self.family("upgrades_unchanged_seconds", help, MetricType::Gauge)?;
        for (labels, _, unchanged) in &upgrades.of_reason {
            family
                .encode_family(labels)?
                .encode_gauge(&whole(*unchanged))?;
        }
        Ok(())
    }

    fn bss(&mut self, bss: &Bss) -> Written {
        let help = "How long requests to a BSS took, by operation and outcome: Ok, or the class of the \
                    error. The wait for their turn is not in it.";
        let mut family = self.family("bss_call_duration_seconds", help, MetricType::Histogram)?;
        for (&(operation, outcome), times) in &bss.calls {
            let labels = OperationLabels { operation, outcome };
            histogram(&mut family.encode_family(&labels)?, times)?;
        }
        let help = "How long requests for a token took, by outcome: Ok, or the class of the error.";
        let name = "bss_token_request_duration_seconds";
        let mut family = self.family(name, help, MetricType::Histogram)?;
        for (&outcome, times) in &bss.tokens {
            let labels = OutcomeLabel { outcome };
            histogram(&mut family.encode_family(&labels)?, times)?;
        }
        let help =
            "How long requests waited for their turn, as the limits of their connections ask for.";
        let mut family = self.family("bss_limiter_wait_seconds", help, MetricType::Histogram)?;
        histogram(&mut family, &bss.waits)?;
        let help =
            "Time in which nothing was sent to a BSS, by the reason: Throttled, or Unavailable.";
        let mut family = self.family("bss_paused_seconds", help, MetricType::Counter)?;
        for &(reason, time) in &bss.paused {
            family
                .encode_family(&ReasonLabel { reason })?
                .encode_counter(&time.as_secs_f64(), None::<&NoExemplar>)?;
        }
        let help = "Requests that were not sent because a BSS wants to be left alone for longer than a \
                    request waits.";
        let mut family = self.family("bss_calls_deferred", help, MetricType::Counter)?;
        family.encode_counter(&bss.deferred, None::<&NoExemplar>)?;
        let help = "Requests to BSSs that wait for their turn at this moment.";
        self.gauge("bss_limiter_queue", help, bss.waiting)?;
        let help = "Requests to BSSs under way at this moment.";
        self.gauge("bss_calls_in_flight", help, bss.in_flight)?;
        let help = "Limiters, one for each namespace, BSS and address, by the state of their breaker: \
                    closed lets requests through, probing one of them, throttled and unavailable none.";
        let mut family = self.family("bss_limiters", help, MetricType::Gauge)?;
        for &(state, count) in &bss.limiters {
            family
                .encode_family(&StateLabel { state })?
                .encode_gauge(&whole(count))?;
        }
        Ok(())
    }

    fn api(&mut self, requests: &[ApiRequest]) -> Written {
        let help = "Requests to the API server, by method, resource and status code; error where there was \
                    no answer.";
        let mut family = self.family("apiserver_requests", help, MetricType::Counter)?;
        for request in requests {
            let code = request
                .code
                .map_or_else(|| "error".to_owned(), |code| code.to_string());
            let labels = ApiLabels {
                method: request.method,
                resource: request.resource,
                code,
            };
            family
                .encode_family(&labels)?
                .encode_counter(&request.count, None::<&NoExemplar>)?;
        }
        Ok(())
    }
}

fn histogram(series: &mut MetricEncoder<'_>, times: &Times) -> Written {
    let sum = times.sum.as_secs_f64();
    series.encode_histogram::<ClassLabel>(sum, times.count, &times.ranges, None)
}

fn whole(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use prometheus_client::encoding::text::encode;

    use super::super::PREFIX;
    use super::*;

    fn times() -> Times {
        Times {
            count: 2,
            sum: Duration::from_millis(1520),
            ranges: vec![(0.025, 1), (f64::INFINITY, 1)],
        }
    }

    fn upgrades() -> Upgrades {
        let connection = "resellers/distributor".to_owned();
        let in_phase = InPhase {
            phase: "PricingGate",
            class: "WaitsForPeople",
            connection: connection.clone(),
        };
        let of_reason = OfReason {
            reason: "AwaitingPricing",
            class: "WaitsForPeople",
            connection,
        };
        Upgrades {
            in_phase: vec![(in_phase, 3)],
            of_reason: vec![(of_reason, 3, 7200)],
        }
    }

    fn bss() -> Bss {
        Bss {
            calls: BTreeMap::from([(("listCustomers", "Throttled"), times())]),
            tokens: BTreeMap::from([("Ok", times())]),
            waits: times(),
            paused: vec![("Throttled", Duration::from_millis(1500))],
            deferred: 4,
            waiting: 5,
            in_flight: 6,
            limiters: vec![("closed", 1), ("unavailable", 2)],
        }
    }

    #[test]
    fn everything_that_is_so_is_told_and_of_upgrades_the_leader_alone() {
        let mut registry = Registry::with_prefix(PREFIX);
        let leads = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&leads);
        let request = |code| ApiRequest {
            method: "PATCH",
            resource: "tenantresellerupgrades/status",
            code,
            count: 9,
        };
        Live {
            leads: Box::new(move || asked.load(Ordering::Relaxed)),
            reconciles: Box::new(|| Reconciles {
                running: 2,
                waiting: 1,
            }),
            slots: Box::new(|| Slots {
                in_use: 3,
                queued: 8,
            }),
            upgrades: Box::new(upgrades),
            bss: Box::new(bss),
            api: Box::new(move || vec![request(Some(409)), request(None)]),
        }
        .register(&mut registry);
        let told = |registry: &Registry| {
            let mut text = String::new();
            encode(&mut text, registry).expect("metrics are text");
            text.replace("tenant_reseller_operator_", "")
        };
        let text = told(&registry);
        for line in [
            "leader 1",
            "reconciles_running 2",
            "reconciles_waiting 1",
            "slots_in_use 3",
            "slots_queued 8",
            r#"upgrades{phase="PricingGate",class="WaitsForPeople",connection="resellers/distributor"} 3"#,
            r#"upgrades_by_reason{reason="AwaitingPricing",class="WaitsForPeople",connection="resellers/distributor"} 3"#,
            r#"upgrades_unchanged_seconds{reason="AwaitingPricing",class="WaitsForPeople",connection="resellers/distributor"} 7200"#,
            r#"bss_call_duration_seconds_count{operation="listCustomers",outcome="Throttled"} 2"#,
            r#"bss_call_duration_seconds_bucket{le="0.025",operation="listCustomers",outcome="Throttled"} 1"#,
            r#"bss_call_duration_seconds_bucket{le="+Inf",operation="listCustomers",outcome="Throttled"} 2"#,
            r#"bss_token_request_duration_seconds_sum{outcome="Ok"} 1.52"#,
            "bss_limiter_wait_seconds_count 2",
            r#"bss_paused_seconds_total{reason="Throttled"} 1.5"#,
            "bss_calls_deferred_total 4",
            "bss_limiter_queue 5",
            "bss_calls_in_flight 6",
            r#"bss_limiters{state="unavailable"} 2"#,
            r#"apiserver_requests_total{method="PATCH",resource="tenantresellerupgrades/status",code="409"} 9"#,
            r#"apiserver_requests_total{method="PATCH",resource="tenantresellerupgrades/status",code="error"} 9"#,
        ] {
            assert!(
                text.contains(&format!("{line}\n")),
                "{line} is missing in\n{text}"
            );
        }
        leads.store(false, Ordering::Relaxed);
        let text = told(&registry);
        assert!(text.contains("leader 0\n"));
        assert!(
            !text.contains("upgrades{") && !text.contains("AwaitingPricing"),
            "{text}"
        );
    }
}
