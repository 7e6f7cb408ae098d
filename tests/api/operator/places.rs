//! One upgrade, through a commit, seen in five places: the status, `kubectl get`, the plugin, a real Prometheus,
//! and the dashboard. In every state they say the same.

use serde_json::{Value, json};
use tenant_reseller_operator::api::Reason;

use super::alerts::{dashboard, watched};
use super::bss::Data;
use super::gitops::Git;
use super::prometheus::Prometheus;
use super::world::{NAME, World, options, until};

/// The figures of the dashboard at its top, and the classes of the state table that each of them counts.
const FIGURES: [(&str, &[&str]); 6] = [
    ("At work", &["Working", "WaitsByItself"]),
    ("Wait for people", &["WaitsForPeople"]),
    ("To be mended", &["MustFix"]),
    ("Suspended", &["Suspended"]),
    ("Done", &["Done"]),
    ("Done with differences", &["DoneWithDifferences"]),
];

/// What one place says: phase, reason and class, as far as it says them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    phase: String,
    reason: String,
    class: String,
}

/// What a test expects of a moment.
struct Moment {
    reason: Reason,
    phase: &'static str,
    /// The exit code of the plugin.
    exit: i32,
}

impl Moment {
    fn said(&self) -> Said {
        Said {
            phase: self.phase.to_owned(),
            reason: self.reason.as_str().to_owned(),
            class: format!("{:?}", self.reason.class().unwrap()),
        }
    }
}

fn label(series: &Value, name: &str) -> String {
    let label = series["metric"][name].as_str();
    label.unwrap_or_default().to_owned()
}

fn figure(series: &Value) -> f64 {
    series["value"][1].as_str().unwrap().parse().unwrap()
}

/// The series of a query that count something.
async fn counted(prometheus: &Prometheus, query: &str) -> Vec<Value> {
    let mut found = prometheus.query(query).await;
    found.retain(|series| figure(series) > 0.0);
    found
}

/// What the table of `kubectl get` shows in these columns.
async fn table(world: &World, wanted: [&str; 3]) -> [String; 3] {
    let shown = world.kubectl(&["get", "tru", NAME, "-o", "wide"]).await;
    let (head, row) = shown.split_once('\n').unwrap();
    wanted.map(|name| {
        let from = head.find(name).unwrap_or_else(|| panic!("{shown}"));
        let cell = row.get(from..).unwrap_or_default();
        // An empty cell is blank where its heading stands.
        let cell = cell.split("  ").next().unwrap_or_default();
        cell.trim().to_owned()
    })
}

async fn by_kubectl(world: &World, moment: &Moment) {
    let [ready, phase, waiting] = table(world, ["READY", "PHASE", "WAITING-FOR"]).await;
    let expected = moment.said();
    let (is_ready, waits) = match expected.class.as_str() {
        "Done" => ("True", false),
        "Working" => ("Unknown", false),
        _ => ("False", true),
    };
    assert_eq!((ready.as_str(), phase), (is_ready, expected.phase));
    let waits_for = if waits {
        expected.reason
    } else {
        String::new()
    };
    assert_eq!(waiting, waits_for);
}

async fn by_plugin(world: &World, moment: &Moment) {
    let expected = moment.said();
    let shown = world.tru(&["status", NAME, "-o", "json"]).await;
    assert_eq!(shown.code, moment.exit, "{shown:?}");
    let view = shown.json();
    assert_eq!(view["reason"], json!(expected.reason), "{view}");
    let list = world.tru(&["list", "--no-headers"]).await;
    let cells: Vec<&str> = list.out.split_whitespace().collect();
    assert_eq!(cells[2..4], [expected.reason, expected.phase], "{list:?}");
    let needed = world.tru(&["list", "--needs-action", "-o", "name"]).await;
    assert_eq!(needed.out.contains(NAME), moment.exit == 3, "{needed:?}");
}

/// What Prometheus says of the one upgrade that there is; nothing where it does not say one thing.
async fn by_prometheus(prometheus: &Prometheus) -> Option<Said> {
    let phases = counted(prometheus, "tenant_reseller_operator_upgrades").await;
    let reasons = counted(prometheus, "tenant_reseller_operator_upgrades_by_reason").await;
    let ([phase], [reason]) = (phases.as_slice(), reasons.as_slice()) else {
        return None;
    };
    let class = label(phase, "class");
    (class == label(reason, "class") && figure(phase) + figure(reason) < 2.5).then(|| Said {
        phase: label(phase, "phase"),
        reason: label(reason, "reason"),
        class,
    })
}

/// The same by the panels that a person looks at, with the queries that Grafana sends.
async fn by_dashboard(prometheus: &Prometheus, expected: &Said) {
    let dashboard = dashboard();
    let queries = |title: &str| -> String {
        let mut panels = dashboard["panels"].as_array().unwrap().iter();
        let panel = panels.find(|panel| panel["title"] == title);
        let panel = panel.unwrap_or_else(|| panic!("no panel {title}"));
        let query = panel["targets"][0]["expr"].as_str().unwrap();
        query.replace("$job", ".*")
    };
    for (title, classes) in FIGURES {
        let shown = figure(&prometheus.query(&queries(title)).await[0]);
        let wanted = f64::from(u8::from(classes.contains(&expected.class.as_str())));
        assert!((shown - wanted).abs() < f64::EPSILON, "{title}: {shown}");
    }
    let phases = counted(prometheus, &queries("Upgrades by phase")).await;
    let phases: Vec<String> = phases.iter().map(|it| label(it, "phase")).collect();
    assert_eq!(phases, [expected.phase.as_str()]);
    let reasons = counted(prometheus, &queries("Upgrades by reason")).await;
    let reasons: Vec<String> = reasons.iter().map(|it| label(it, "reason")).collect();
    assert_eq!(reasons, [expected.reason.as_str()]);
}

/// Waits until the status says so, then asks every other place.
async fn agree(world: &World, prometheus: &Prometheus, moment: &Moment) {
    let expected = moment.said();
    let view = world
        .until(&expected.reason, |view| {
            view.reason() == expected.reason && view.text("/status/phase") == expected.phase
        })
        .await;
    by_kubectl(world, moment).await;
    by_plugin(world, moment).await;
    until("Prometheus says the same", || async {
        let said = by_prometheus(prometheus).await;
        (said.as_ref() == Some(&expected), format!("{said:?}"))
    })
    .await;
    by_dashboard(prometheus, &expected).await;
    // It was the same moment all along.
    let after = world.view().await;
    assert_eq!(after.reason(), view.reason(), "{}", after.summary());
    println!(
        "| {} | {} | {} |",
        expected.reason, expected.phase, moment.exit
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_says_the_same_in_every_state() {
    let data = Data {
        defects: "demo",
        more: vec!["--largest-batch=10".to_owned()],
        ..Data::default()
    };
    let world = World::of("places", data).await;
    let Some(prometheus) = watched(&world).await else {
        return;
    };
    let git = Git::with_upgrade(&world, &world.waiting_upgrade());
    git.hold(true);
    world.synchronised(&git).await;
    let moment = |reason, phase, exit| Moment {
        reason,
        phase,
        exit,
    };
    agree(
        &world,
        &prometheus,
        &moment(Reason::Suspended, "Pending", 3),
    )
    .await;

    // Released by a commit, while the BSS is away.
    let away = json!([{ "operation": "*", "kind": "Unavailable503" }]);
    world.bss.faults(away).await;
    git.hold(false);
    world.synchronised(&git).await;
    agree(
        &world,
        &prometheus,
        &moment(Reason::BssUnavailable, "Pending", 4),
    )
    .await;
    world.bss.faults(json!([])).await;
    let waits = moment(Reason::AwaitingPricing, "PricingGate", 3);
    agree(&world, &prometheus, &waits).await;

    world.bss.act("reseller-staff/pricing", options()).await;
    let failed = moment(Reason::PrecheckFailed, "SubscriptionCopy", 3);
    agree(&world, &prometheus, &failed).await;

    // Copying, one batch after another, slowly enough to be looked at.
    let one = r#"{"spec":{"limits":{"concurrency":1}}}"#;
    world
        .kubectl(&["patch", "bssc", "distributor", "--type=merge", "-p", one])
        .await;
    let slow =
        json!([{ "operation": "copySubscriptions", "kind": { "Latency": { "ms": 20000 } } }]);
    world.bss.faults(slow).await;
    world.bss.act("fix-defects", json!({})).await;
    let copies = moment(Reason::Progressing, "SubscriptionCopy", 4);
    agree(&world, &prometheus, &copies).await;
    world.bss.faults(json!([])).await;
    agree(&world, &prometheus, &moment(Reason::Succeeded, "Done", 0)).await;
    world.ends_well().await;
}
