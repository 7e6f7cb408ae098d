//! `docs/metrics.md` is made of what the program registers: names, types, labels and help. What a label
//! holds, and that it holds only so many words, stands here. `UPDATE_GENERATED=1` writes the page anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tenant_reseller_operator::api::Reason;
use tenant_reseller_operator::bss::operation::Operation;
use tenant_reseller_operator::cluster::census::MOST_CONNECTIONS;
use tenant_reseller_operator::cluster::port::ClusterError;
use tenant_reseller_operator::observe::metrics::{
    ApiRequest, Bss, InPhase, Live, Metrics, OfReason, PREFIX, ReconcileOutcome, Reconciles, Slots,
    Times, Upgrades,
};

use super::{project, read};

const PAGE: &str = "docs/metrics.md";
const HEAD: &str = "\
# Metrics

<!-- Made by the tests from what the program registers: edit src/observe/metrics, then run `make generate`. -->

Each process serves its metrics at `/metrics` (port 8080), in the OpenMetrics format. The chart brings a
Service, a PodMonitor and a ServiceMonitor (`metrics.*`), alerts (`alerts.*`, [runbooks.md](runbooks.md)) and a
dashboard for Grafana (`dashboard.*`).

- Labels are words of a closed vocabulary and, of connections, namespace and name of the first 50. No label
  holds an account, the name of an upgrade, or a text of a BSS.
- A counter never falls while its process lives. A metric that has counted nothing yet may have no series;
  `reconciles_total` and `cluster_errors_total` begin at zero.
- Upgrades are told by the process that leads and by no other, so that a sum over all processes is right.
- The duration of a request to a BSS holds the connection, the login and the reply. The wait for its turn
  is counted apart (`bss_limiter_wait_seconds`).

Every name begins with `tenant_reseller_operator_`.

[The dashboard](dashboard.svg), with what a real Prometheus answered to its queries in a run of one upgrade.
It is a drawing of the project's own (`make dashboard`); Grafana draws more finely.
";

/// A metric, as the program tells it.
#[derive(Debug, Default)]
pub(super) struct Metric {
    kind: String,
    help: String,
    /// Without `le`.
    pub(super) labels: BTreeSet<String>,
    /// The names of its series.
    pub(super) series: BTreeSet<String>,
}

fn times() -> Times {
    Times {
        count: 1,
        sum: Duration::from_secs(1),
        ranges: vec![(1.0, 1), (f64::INFINITY, 0)],
    }
}

fn live() -> Live {
    let connection = || "resellers/distributor".to_owned();
    Live {
        leads: Box::new(|| true),
        reconciles: Box::new(Reconciles::default),
        slots: Box::new(Slots::default),
        upgrades: Box::new(move || Upgrades {
            in_phase: vec![(
                InPhase {
                    phase: "Done",
                    class: "Done",
                    connection: connection(),
                },
                1,
            )],
            of_reason: vec![(
                OfReason {
                    reason: "Succeeded",
                    class: "Done",
                    connection: connection(),
                },
                1,
                1,
            )],
        }),
        bss: Box::new(|| Bss {
            calls: BTreeMap::from([(("getIdentity", "Ok"), times())]),
            tokens: BTreeMap::from([("Ok", times())]),
            waits: times(),
            paused: vec![("Throttled", Duration::ZERO)],
            limiters: vec![("closed", 1)],
            ..Bss::default()
        }),
        api: Box::new(|| {
            vec![ApiRequest {
                method: "GET",
                resource: "secrets",
                code: Some(200),
                count: 1,
            }]
        }),
    }
}

/// Every metric of the program, with a series of each.
pub(super) fn metrics() -> BTreeMap<String, Metric> {
    let mut registry = Registry::with_prefix(PREFIX);
    let counted = Metrics::new(&mut registry, &ClusterError::CLASSES);
    live().register(&mut registry);
    counted.reconcile().end(ReconcileOutcome::Worked);
    counted.effect("createTenant", "ok");
    counted.effect_items("copyCustomers", "Created", 1);
    counted.sweep("copy", Duration::from_secs(1));
    counted.sweep_items("copy", ("customer", "copied"), 1);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", "HELP", name, help] => {
                (*name).clone_into(&mut last);
                let metric = metrics.entry(last.clone()).or_default();
                help.trim_end_matches('.').clone_into(&mut metric.help);
            }
            ["#", "TYPE", _, kind] => (*kind).clone_into(&mut metrics.get_mut(&last).unwrap().kind),
            ["#", "UNIT", ..] => {}
            _ => {
                let (series, _) = line.rsplit_once(' ').unwrap();
                let (name, labels) = series.split_once('{').unwrap_or((series, ""));
                let metric = metrics.get_mut(&last).unwrap();
                metric.series.insert(name.to_owned());
                let labels = labels.trim_end_matches('}').split(',');
                let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
                metric.labels.extend(labels.filter(|label| label != "le"));
            }
        }
    }
    metrics
}

/// What a label of a metric holds, and at most how many values it has.
fn label(metric: &str, label: &str) -> (&'static str, usize) {
    let reasons = Reason::ALL.iter().filter(|reason| reason.class().is_some());
    match (metric, label) {
        ("reconciles" | "reconcile_duration_seconds", "outcome") => (
            "worked, waited, conflict, failed, or abandoned: it did not come to its end",
            5,
        ),
        ("effect_items", "outcome") => (
            "what became of the item: Created, Unchanged, Updated, Blocked, Conflict, Failed, Unknown, or answered",
            8,
        ),
        (_, "outcome") => ("Ok (of writes ok), or the class of the error", 18),
        (_, "operation") => ("the operation of the contract", Operation::ALL.len()),
        ("cluster_errors", "class") => ("the class of the error", ClusterError::CLASSES.len()),
        (_, "class") => (
            "Working, WaitsByItself, WaitsForPeople, Suspended, MustFix, Done, DoneWithDifferences, \
             Deleting; Unseen, Unknown or Unreadable where the status has none of these",
            11,
        ),
        (_, "phase") => ("`status.phase`, or Unreadable", 9),
        ("bss_paused_seconds", "reason") => ("Throttled or Unavailable", 2),
        (_, "reason") => (
            "the reason of `Ready`, see [reasons.md](reasons.md); Unseen, Unknown or Unreadable",
            reasons.count() + 3,
        ),
        (_, "connection") => (
            "namespace and name of the BssConnection, or others",
            MOST_CONNECTIONS + 1,
        ),
        (_, "state") if metric == "bss_limiters" => ("closed, probing, throttled, unavailable", 4),
        (_, "state") => ("copied, failed, excluded", 3),
        (_, "kind") => ("customer, subscription, asset", 3),
        (_, "sweep") => ("copy, pricing, check, final, verify", 5),
        (_, "method") => ("the method of HTTP, or other", 6),
        (_, "resource") => ("the resource, with /status where it is that; or other", 25),
        (_, "code") => ("the status code, or error where there was no answer", 20),
        (_, "version") => ("the version of the program", 1),
        _ => panic!("nothing is said of the label {label} of {metric}"),
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let _always = write!(
        page,
        "\n| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n"
    );
    let mut labels: BTreeMap<(String, &str), Vec<String>> = BTreeMap::new();
    for (name, metric) in metrics() {
        let short = name.strip_prefix("tenant_reseller_operator_").unwrap();
        let shown = match metric.kind.as_str() {
            "counter" => format!("{short}_total"),
            "info" => format!("{short}_info"),
            _ => short.to_owned(),
        };
        let of_metric: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let _always = writeln!(
            page,
            "| `{shown}` | {} | {} | {} |",
            metric.kind,
            of_metric.join(", "),
            metric.help
        );
        for name in metric.labels {
            let (holds, _) = label(short, &name);
            labels
                .entry((name, holds))
                .or_default()
                .push(format!("`{shown}`"));
        }
    }
    page.push_str("\n## Labels\n\n| label | of | holds |\n| --- | --- | --- |\n");
    for ((name, holds), of) in labels {
        let _always = writeln!(page, "| `{name}` | {} | {holds} |", of.join(", "));
    }
    page
}

/// Writes the page anew.
pub(super) fn write() {
    fs::write(project(PAGE), page()).unwrap();
}

#[test]
fn the_page_is_what_the_program_registers() {
    assert!(
        read(PAGE) == page(),
        "{PAGE} is not what the program registers: run `make generate` and look at the difference"
    );
}

/// The conventions of Prometheus: base units, no type in a name, no label in a name.
#[test]
fn names_follow_the_conventions() {
    for (
        name,
        Metric {
            kind,
            help,
            labels,
            series,
        },
    ) in metrics()
    {
        assert!(!series.is_empty(), "{name} has no series here");
        assert!(help.len() > 15, "{name}: {help}");
        for wrong in [
            "_ms",
            "_milliseconds",
            "_count",
            "_sum",
            "_bucket",
            "_gauge",
            "_total",
        ] {
            assert!(!name.ends_with(wrong), "{name}");
        }
        if name.contains("duration") || name.contains("wait") && kind == "histogram" {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        for label in &labels {
            assert!(
                !name.contains(&format!("_by_{label}_")),
                "{name} names its label {label}"
            );
        }
    }
}

/// Whatever the cluster holds: what one process may tell of is bounded by the words of the labels.
#[test]
fn every_metric_has_a_bounded_number_of_series() {
    for (name, metric) in metrics() {
        let short = name.strip_prefix("tenant_reseller_operator_").unwrap();
        let by_reason = metric.labels.contains("reason");
        // A reason has one class.
        let labels = metric
            .labels
            .iter()
            .filter(|name| *name != "class" || !by_reason);
        let most: usize = labels.map(|name| label(short, name).1).product();
        assert!(most <= 6000, "{name}: {most}");
    }
}
