//! Logs, events, traces and metrics tell one story, and none of them tells a secret or who a customer is.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::trace::v1::Span;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::bss::Data;
use super::collector::{Collector, attribute, hex};
use super::logins::{by_oauth, client, issuing, oauth_secret};
use super::world::{NAME, Options, World, options, until};

/// Names of people and addresses of customers, which the BSS has and the operator need not.
const PEOPLE: [&str; 3] = ["canary-name-", "canary-contact-", "canary-mail-"];
/// The BSS's word for the state of a customer's fields, which the operator compares and tells nobody.
const DIGEST: &str = "canary-digest-";
/// What a customer may owe, as its pricing options say it.
const CREDIT: &str = "7654321.98";

/// Puts a canary into every field of a customer that is a text of its own.
pub(super) fn plant(world: &World) {
    let folder = format!("bss-{}", world.namespace);
    let folder = world.plane.supervisor().folder().join(folder);
    let file = Connection::open(folder.join("bss.sqlite")).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(20))
        .unwrap();
    for (table, statement) in [
        (
            "customers",
            "UPDATE customers SET name = 'canary-name-' || id, digest = 'canary-digest-' || id",
        ),
        (
            "contacts",
            "UPDATE contacts SET name = 'canary-contact-' || customer_id, \
             email = 'canary-mail-' || customer_id || '@example.com'",
        ),
    ] {
        let planted = file.execute(statement, []).unwrap();
        assert!(planted > 0, "no {table}");
    }
}

/// A world whose operator logs everything and exports traces, with a canary in its token and its customers.
async fn told(label: &str) -> (World, Collector) {
    let (collector, url) = Collector::start().await;
    let world = World::with(
        label,
        Options {
            data: Data {
                subscriptions: 60,
                ..Data::default()
            },
            arguments: vec![
                "--log-filter=trace".to_owned(),
                format!("--otlp-endpoint={url}"),
            ],
            ..Options::default()
        },
    )
    .await;
    plant(&world);
    (world, collector)
}

/// Goes through waits, failures and retries to its end: every part of the operator has spoken.
async fn through_everything(world: &World) {
    let lost = |operation: &str| json!({ "operation": operation, "kind": "LoseReplyAfterEffect", "times": 1 });
    let mangled =
        |operation: &str, kind: &str| json!({ "operation": operation, "kind": kind, "times": 1 });
    world
        .bss
        .faults(json!([
            lost("copyCustomers"),
            mangled("listCustomers", "CutBody"),
            mangled("getPricing", "WrongContentType"),
            mangled("listSubscriptions", "Unavailable503"),
            { "operation": "copySubscriptions", "kind": { "Throttle": { "retryAfterSeconds": 1 } }, "times": 1 },
        ]))
        .await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    let view = world.until_reason("AwaitingPricing").await;
    // Those who must set the options are told of whom, while it lasts, and in this one place.
    assert!(
        view.next_action().contains("canary-name-"),
        "{}",
        view.summary()
    );
    assert!(!view.message().contains("canary-"), "{}", view.summary());
    what_customers_may_owe(world).await;
    let default = json!({ "whenMissing": "UseDefault", "default": options() });
    world.patch(json!({ "spec": { "pricing": default } })).await;
    world.until_succeeded().await;
    assert_eq!(world.bss.fired().await, [1, 1, 1, 1, 1]);
}

/// The reseller's staff sets it for some customers in the BSS, and a manifest for others.
async fn what_customers_may_owe(world: &World) {
    let mut by_staff = options();
    by_staff["creditLimit"] = json!(CREDIT);
    let mut of_one = by_staff.clone();
    by_staff["customerIds"] = json!(["20001", "20002"]);
    world.bss.act("reseller-staff/pricing", by_staff).await;
    of_one["accountId"] = json!("20003");
    let declared = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": "some", "namespace": world.namespace },
        "spec": {
            "upgradeRef": { "name": NAME },
            "customers": [of_one],
        },
    });
    world.apply(&[declared]).await;
}

fn lines(world: &World) -> Vec<Value> {
    let log = world.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_story_and_no_secret_in_it() {
    let (mut world, collector) = told("observed").await;
    through_everything(&world).await;
    let places = everything_told(&mut world).await;
    let lines = lines(&world);
    a_failed_call_is_found_from_its_line(&lines, &collector);
    an_event_is_a_line(&places[0].1, &lines);
    a_trace_is_a_reconcile(&collector);
    let kubeconfig = std::fs::read_to_string(&world.operator_kubeconfig).unwrap();
    let kubeconfig: Value = serde_yaml::from_str(&kubeconfig).unwrap();
    let own = kubeconfig["users"][0]["user"]["token"].as_str().unwrap();
    let secrets = ["-secret-of-", own, "PRIVATE KEY"];
    let customers = PEOPLE.into_iter().chain([DIGEST, CREDIT]);
    for canary in customers.chain(secrets) {
        assert_untold(&places, &collector, canary);
    }
    world.history.assert_conventions(&secrets);
}

/// Everything that the operator has told by its end, and where; events first. Ends it, so that the last spans
/// were sent.
pub(super) async fn everything_told(world: &mut World) -> Vec<(&'static str, String)> {
    let metrics = metrics(world).await;
    let events = world.kubectl(&["get", "events", "-o", "json"]).await;
    world.operator.terminate().await.unwrap();
    let log = world.log();
    assert!(
        log.contains(r#""level":"TRACE""#),
        "not everything was logged"
    );
    vec![
        ("an event", events),
        ("the log", log),
        ("a metric", metrics),
        ("an object", objects(world).await),
    ]
}

/// A text is nowhere in what was told.
pub(super) fn assert_untold(places: &[(&str, String)], collector: &Collector, canary: &str) {
    for (place, text) in places {
        if let Some(at) = text.find(canary) {
            let around: String = text[..at].chars().rev().take(300).collect();
            let around: String = around.chars().rev().collect();
            panic!("{canary} in {place}, after {around}");
        }
    }
    assert!(!collector.holds(canary), "{canary} in a trace");
}

async fn metrics(world: &World) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = http.get(format!("{}/metrics", world.health)).send().await;
    reply.unwrap().text().await.unwrap()
}

/// All objects of the operator's kinds, without what people applied.
async fn objects(world: &World) -> String {
    let all = ["get", "tru,bssc,cpr,trur", "-o", "json"];
    let mut list: Value = serde_json::from_str(&world.kubectl(&all).await).unwrap();
    for object in list["items"].as_array_mut().unwrap() {
        object["metadata"]["annotations"] = Value::Null;
        if object["kind"] == "CustomerPricing" {
            object["spec"] = Value::Null;
        }
    }
    list.to_string()
}

/// The span of the reconcile that a line stands in; at this level of the log those of libraries are around it.
fn reconcile_of(line: &Value) -> Value {
    let mut spans = line["spans"].as_array().into_iter().flatten();
    let found = spans.find(|span| span["name"] == "reconcile");
    found.cloned().unwrap_or_default()
}

/// From the line to the object, the item, and the call in the trace.
fn a_failed_call_is_found_from_its_line(lines: &[Value], collector: &Collector) {
    let failed: Vec<&Value> = lines
        .iter()
        .filter(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.starts_with("a call to the BSS failed")
        })
        .collect();
    let operations: BTreeSet<&str> = failed
        .iter()
        .map(|line| line["operation"].as_str().unwrap())
        .collect();
    for operation in [
        "copyCustomers",
        "listCustomers",
        "getPricing",
        "listSubscriptions",
    ] {
        assert!(
            operations.contains(operation),
            "{operation} is not among {operations:?}"
        );
    }
    let spans = collector.spans();
    for line in failed {
        let about = reconcile_of(line);
        assert_eq!(about["upgrade"], "contoso", "{line}");
        assert_eq!(about["namespace"], "observed", "{line}");
        assert!(!line["subject"].as_str().unwrap().is_empty(), "{line}");
        let parts: Vec<&str> = line["traceparent"].as_str().unwrap().split('-').collect();
        assert_eq!(about["trace_id"], parts[1], "{line}");
        let span = spans.iter().find(|span| hex(&span.span_id) == parts[2]);
        let span = span.unwrap_or_else(|| panic!("no span of {line}"));
        assert_eq!(hex(&span.trace_id), parts[1], "{line}");
        assert_eq!(span.name, line["operation"], "{line}");
        assert_ne!(
            attribute(span, "outcome").as_deref(),
            Some("Ok"),
            "{span:?}"
        );
    }
}

/// What an event says, a line of the log says, about the same object.
fn an_event_is_a_line(events: &str, lines: &[Value]) {
    let events: Value = serde_json::from_str(events).unwrap();
    let events = events["items"].as_array().unwrap();
    let about = |event: &&Value| {
        event["regarding"]["kind"] == "TenantResellerUpgrade"
            || event["involvedObject"]["kind"] == "TenantResellerUpgrade"
    };
    let events: Vec<&Value> = events.iter().filter(about).collect();
    assert!(events.len() > 6, "{} events", events.len());
    for event in events {
        let said = event["message"]
            .as_str()
            .or(event["note"].as_str())
            .unwrap();
        let told = lines.iter().any(|line| {
            line["reason"] == event["reason"]
                && line["message"]
                    .as_str()
                    .is_some_and(|message| message.starts_with(said))
                && reconcile_of(line)["upgrade"] == "contoso"
        });
        assert!(told, "no line says {said}");
    }
}

/// One trace for each reconcile, and in it a span for each call, with its operation, outcome and wait.
fn a_trace_is_a_reconcile(collector: &Collector) {
    let spans = collector.spans();
    let mut traces: BTreeMap<String, Vec<&Span>> = BTreeMap::new();
    for span in &spans {
        traces.entry(hex(&span.trace_id)).or_default().push(span);
    }
    let mut operations = BTreeSet::new();
    for (trace, spans) in &traces {
        let (roots, calls): (Vec<&Span>, Vec<&Span>) = spans
            .iter()
            .copied()
            .partition(|span| span.parent_span_id.is_empty());
        assert_eq!(roots.len(), 1, "{trace}: {roots:?}");
        assert_eq!(roots[0].name, "reconcile", "{trace}");
        assert_eq!(attribute(roots[0], "upgrade").as_deref(), Some("contoso"));
        for call in calls {
            let operation = attribute(call, "operation").unwrap();
            assert_eq!(call.name, operation);
            assert_eq!(call.parent_span_id, roots[0].span_id, "{call:?}");
            let outcome = attribute(call, "outcome").unwrap_or_else(|| panic!("{call:?}"));
            let waited: f64 = attribute(call, "waited_seconds").unwrap().parse().unwrap();
            assert!((0.0..90.0).contains(&waited), "{call:?}");
            assert!(
                call.events.is_empty(),
                "lines of the log are no part of a trace: {call:?}"
            );
            operations.insert((operation, outcome));
        }
    }
    assert!(traces.len() > 5, "{} traces", traces.len());
    for (operation, outcome) in [
        ("getIdentity", "Ok"),
        ("listCustomers", "Unavailable"),
        ("getPricing", "Malformed"),
        ("listSubscriptions", "Unavailable"),
        ("copyCustomers", "OutcomeUnknown"),
        ("copySubscriptions", "Throttled"),
        ("activateBackOrdering", "Ok"),
    ] {
        let there = operations.contains(&(operation.to_owned(), outcome.to_owned()));
        assert!(there, "{operation} {outcome}: {operations:?}");
    }
}

/// The same of OAuth: the client's secret, and the tokens that it brings.
#[tokio::test(flavor = "multi_thread")]
async fn no_level_of_the_log_tells_a_login() {
    let label = "observedlogin";
    let (collector, url) = Collector::start().await;
    let mut options = issuing(label, &["--weak=tokenSeconds=2"]);
    options.arguments = vec![
        "--log-filter=trace".to_owned(),
        format!("--otlp-endpoint={url}"),
    ];
    let world = World::with(label, options).await;
    let secret = oauth_secret(label);
    world
        .apply(&[
            client(&world, "credentials", "distributor", &secret),
            world.authority(),
            by_oauth(&world, "distributor", "credentials"),
            world.upgrade(),
        ])
        .await;
    world.until_succeeded().await;
    world.bss.judged_clean().await;
    let log = world.log();
    assert!(log.contains("asked for a token"), "no token was asked for");
    let encoded = "contract-secret-of-observedlogin%27s+client";
    let secrets = [
        "-secret-of-",
        encoded,
        "access_token",
        "Basic ZGlzdHJpYnV0b3I",
    ];
    for canary in secrets {
        let at = log.find(canary);
        let around = at.map(|at| log[at.saturating_sub(200)..at].to_owned());
        assert!(at.is_none(), "{canary} in the log, after {around:?}");
    }
    assert!(!collector.holds("-secret-of-"), "a secret in a trace");
    // Spans are sent in batches, some seconds later.
    until("the span of a token's request", || async {
        let asked = collector.spans();
        let there = asked.iter().any(|span| span.name == "requestToken");
        (there, format!("{} spans", asked.len()))
    })
    .await;
    assert!(!collector.holds("-secret-of-"), "a secret in a trace");
}

/// A collector that is away costs the operator nothing: the upgrade ends, and one line says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nothing_up() {
    let world = World::with(
        "nocollector",
        Options {
            arguments: vec!["--otlp-endpoint=http://127.0.0.1:9".to_owned()],
            ..Options::default()
        },
    )
    .await;
    world.begin().await;
    world.ends_well().await;
    until("the log says so", || async {
        let log = world.log();
        let told = log
            .matches("the collector of traces does not take spans")
            .count();
        (told == 1, format!("told {told} times"))
    })
    .await;
}

/// What a call costs more, that is observed and whose span nothing exports: with the operator's log as
/// shipped, over a bare call. It prints; nothing is asserted of times.
#[tokio::test]
#[ignore = "measures: cargo test --profile bench-local --all-features --test api -- --ignored --nocapture what_an_unexported_span_costs"]
async fn what_an_unexported_span_costs() {
    use std::hint::black_box;
    use std::time::Instant;
    use tenant_reseller_operator::bss::transport::{call_span, clocked, ended};
    use tracing_subscriber::layer::SubscriberExt as _;

    const CALLS: u32 = 200_000;
    let log = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::sink);
    let log = tracing_subscriber::registry()
        .with(tracing_subscriber::EnvFilter::new("info"))
        .with(log);
    let _logged = tracing::subscriber::set_default(log);
    for round in 0..3 {
        let began = Instant::now();
        for call in 0..CALLS {
            black_box(async { black_box(call) }.await);
        }
        let bare = began.elapsed();
        let began = Instant::now();
        for call in 0..CALLS {
            let span = call_span("getTenant");
            let (answer, times) = clocked(&span, async { black_box(call) }).await;
            ended(&span, "Ok", times);
            black_box(answer);
        }
        let observed = began.elapsed();
        let nanos = |time: std::time::Duration| time.as_nanos() / u128::from(CALLS);
        println!(
            "round {round}: bare {} ns, observed {} ns a call",
            nanos(bare),
            nanos(observed)
        );
    }
}
