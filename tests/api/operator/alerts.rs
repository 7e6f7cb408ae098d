//! Every alert of the chart, fired from its real fault: a real Prometheus scrapes the real operator. The
//! queries of the dashboard are asked there too. The short run fires three; `make alerts` all of them.

use serde_json::{Value, json};

use super::bss::Data;
use super::prometheus::Prometheus;
use super::world::{NAME, Options, World, own_plane, until};

/// Starts the Prometheus of a world.
pub(super) async fn watched(world: &World) -> Option<Prometheus> {
    Prometheus::start(world.plane, &world.namespace, &[&world.health]).await
}

fn told(alert: &str, fault: &str, labels: &Value) {
    println!("| {alert} | {fault} | {labels} |");
}

fn about(labels: &Value, world: &World) {
    let connection = format!("{}/distributor", world.namespace);
    assert_eq!(labels["connection"], json!(connection), "{labels}");
}

pub(super) fn dashboard() -> Value {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/charts/tenant-reseller-operator/files/dashboard.json"
    );
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Every query of the dashboard, as Grafana asks it.
fn queries() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let queries = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let queries = queries.map(|query| {
        query
            .replace("$job", ".*")
            .replace("$__rate_interval", "2m")
    });
    queries.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_alerts_fire_from_their_faults_and_every_query_of_the_dashboard_answers() {
    let mut world = World::start("alerts").await;
    let Some(prometheus) = watched(&world).await else {
        return;
    };
    let away = json!({ "operation": "*", "kind": "Unavailable503" });
    world.bss.faults(json!([away])).await;
    world.begin().await;
    let labels = prometheus.fires("TenantResellerBssAway").await;
    about(&labels, &world);
    told(
        "TenantResellerBssAway",
        "the BSS answers 503 to everything",
        &labels,
    );

    // The BSS comes back and takes another token only.
    world.bss.rotate("contract-secret-of-tomorrow").await;
    let labels = prometheus.fires("TenantResellerCredentialsRejected").await;
    about(&labels, &world);
    told(
        "TenantResellerCredentialsRejected",
        "the BSS does not take the token any more",
        &labels,
    );
    prometheus.calms("TenantResellerBssAway").await;
    world.bss.faults(json!([])).await;
    let token = world.bss.token.clone();
    world.apply(&[world.credentials(&token)]).await;
    world.ends_well().await;
    prometheus.calms("TenantResellerCredentialsRejected").await;
    assert_eq!(
        prometheus.firing().await,
        Vec::<Value>::new(),
        "after a good end"
    );

    let queries = queries();
    assert!(queries.len() > 30, "{} queries", queries.len());
    for query in queries {
        // A rate needs two samples of a series: one that began a moment ago has none yet.
        until("a series", || async {
            let series = prometheus.query(&query).await;
            (!series.is_empty(), query.clone())
        })
        .await;
    }
    what_prometheus_says_is_so(&world, &prometheus).await;

    world.operator.kill().unwrap();
    let labels = prometheus.fires("TenantResellerOperatorNoLeader").await;
    told(
        "TenantResellerOperatorNoLeader",
        "the operator was ended by SIGKILL",
        &labels,
    );
    world.operator.start_again().unwrap();
    prometheus.calms("TenantResellerOperatorNoLeader").await;
}

/// The figures agree with the API server and with the ledgers of the BSS.
async fn what_prometheus_says_is_so(world: &World, prometheus: &Prometheus) {
    let value =
        |series: &[Value]| -> f64 { series[0]["value"][1].as_str().unwrap().parse().unwrap() };
    let done = r#"sum(tenant_reseller_operator_upgrades{phase="Done",class="Done"})"#;
    assert!((value(&prometheus.query(done).await) - 1.0).abs() < f64::EPSILON);
    for operation in ["copyCustomers", "copySubscriptions"] {
        let query = format!(
            r#"sum(tenant_reseller_operator_effect_items_total{{operation="{operation}",outcome="Created"}})"#
        );
        let created = world.bss.created(operation).await.len();
        let told = value(&prometheus.query(&query).await);
        assert!(
            (told - f64::from(u32::try_from(created).unwrap())).abs() < f64::EPSILON,
            "{operation}: {told}"
        );
    }
    let other = prometheus
        .query(r#"{connection!="",connection!="alerts/distributor"}"#)
        .await;
    assert!(other.is_empty(), "{other:?}");
}

/// The story of the demo with a Prometheus beside it: pricing options that are missing, a BSS that throttles
/// and goes away, a person who sets the options, and the end.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute: draws docs/dashboard.svg (make dashboard)"]
async fn a_picture_of_the_dashboard() {
    let data = Data {
        customers: 120,
        subscriptions: 1200,
        order_ms: 2000,
        ..Data::default()
    };
    let world = World::of("demo", data).await;
    let Some(prometheus) = watched(&world).await else {
        return;
    };
    let now = || {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        since.as_secs_f64()
    };
    let began = now();
    let slow = json!({ "operation": "*", "kind": { "Latency": { "ms": 120 } } });
    let throttles = json!({ "operation": "*", "kind": { "Throttle": { "retryAfterSeconds": 2 } }, "probability": 0.02, "seed": 5 });
    let lost =
        json!({ "operation": "copySubscriptions", "kind": "LoseReplyAfterEffect", "times": 3 });
    world.bss.faults(json!([lost, throttles, slow])).await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;
    let default = json!({ "whenMissing": "UseDefault", "default": super::world::options() });
    world.patch(json!({ "spec": { "pricing": default } })).await;
    world.until_succeeded().await;
    // What happened last is scraped.
    world.heartbeats(3).await;
    let picture = super::picture::draw(&prometheus, &dashboard(), (began, now())).await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dashboard.svg");
    std::fs::write(file, picture).unwrap();
}

/// A small world of the long run.
async fn small(label: &str, options: Options) -> Option<(World, Prometheus)> {
    let world = World::with(label, options).await;
    let prometheus = watched(&world).await?;
    Some((world, prometheus))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn an_upgrade_that_does_not_move() {
    let Some((world, prometheus)) = small("alertstuck", Options::default()).await else {
        return;
    };
    world.apply(&[world.upgrade()]).await;
    let labels = prometheus.fires("TenantResellerUpgradeStuck").await;
    about(&labels, &world);
    told(
        "TenantResellerUpgradeStuck",
        "the connection that the upgrade names was never made",
        &labels,
    );
    world.connect().await;
    world.ends_well().await;
    prometheus.calms("TenantResellerUpgradeStuck").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn a_person_who_is_waited_for() {
    let Some((world, prometheus)) = small("alertpeople", Options::default()).await else {
        return;
    };
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    let labels = prometheus.fires("TenantResellerWaitsForPeople").await;
    about(&labels, &world);
    assert_eq!(labels["reason"], "AwaitingPricing");
    told(
        "TenantResellerWaitsForPeople",
        "the customers have no pricing options",
        &labels,
    );
    world.patch(json!({ "spec": { "suspend": true } })).await;
    prometheus.calms("TenantResellerWaitsForPeople").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn a_bss_that_throttles_hard() {
    let data = Data {
        subscriptions: 200,
        ..Data::default()
    };
    let options = Options {
        data,
        ..Options::default()
    };
    let Some((world, prometheus)) = small("alertthrottled", options).await else {
        return;
    };
    let throttles = json!({ "operation": "*", "kind": { "Throttle": { "retryAfterSeconds": 5 } }, "probability": 0.9, "seed": 1 });
    world.bss.faults(json!([throttles])).await;
    world.begin().await;
    let labels = prometheus.fires("TenantResellerBssThrottledHard").await;
    told(
        "TenantResellerBssThrottledHard",
        "the BSS answers 429 to nine calls of ten",
        &labels,
    );
    world.bss.faults(json!([])).await;
    world.ends_well().await;
    prometheus.calms("TenantResellerBssThrottledHard").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn differences_after_the_switch() {
    let Some((world, prometheus)) = small("alertverify", Options::default()).await else {
        return;
    };
    world
        .bss
        .put("corrupt-at-switch", json!({ "kind": "SecondCopy" }))
        .await;
    world.begin().await;
    let labels = prometheus.fires("TenantResellerVerificationFailed").await;
    about(&labels, &world);
    told(
        "TenantResellerVerificationFailed",
        "a second copy was made in the moment of the switch",
        &labels,
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn a_right_that_was_taken_away() {
    let Some((world, prometheus)) = small("alertwrite", Options::default()).await else {
        return;
    };
    // A person takes a right away.
    let role = format!("{}:tenant-reseller-operator", world.system);
    let kubectl = world.plane.kubectl().unwrap();
    let rights = kubectl
        .run(["get", "clusterrole", &role, "-o", "json"])
        .await
        .unwrap();
    let mut with: Value = serde_json::from_str(&rights).unwrap();
    with["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let mut without = with.clone();
    for rule in without["rules"].as_array_mut().unwrap() {
        let resources = rule["resources"].as_array_mut().unwrap();
        resources.retain(|resource| resource != "tenantresellerupgrades/status");
    }
    assert_ne!(without, with, "nothing was taken away");
    let replace = ["replace", "-f", "-"];
    kubectl
        .run_with_input(replace, &without.to_string())
        .await
        .unwrap();
    world.begin().await;
    let labels = prometheus.fires("TenantResellerOperatorCannotWrite").await;
    assert_eq!(labels["class"], "Forbidden", "{labels}");
    told(
        "TenantResellerOperatorCannotWrite",
        "the right to write the status was taken away",
        &labels,
    );
    kubectl
        .run_with_input(replace, &with.to_string())
        .await
        .unwrap();
    world.until_succeeded().await;
    prometheus.calms("TenantResellerOperatorCannotWrite").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn a_cluster_that_went_back() {
    let plane = own_plane(Vec::new()).await;
    let mut world = World::on(plane, "alertrestored", Options::default()).await;
    let Some(prometheus) = watched(&world).await else {
        return;
    };
    super::restore::gone_back(&mut world).await;
    let labels = prometheus.fires("TenantResellerAwaitsConfirmation").await;
    about(&labels, &world);
    told(
        "TenantResellerAwaitsConfirmation",
        "etcd was restored from an older snapshot",
        &labels,
    );
    let view = world.view_of(NAME).await;
    world.confirmed(&view).await;
    world.until_succeeded().await;
    prometheus.calms("TenantResellerAwaitsConfirmation").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make alerts"]
async fn an_api_server_that_does_not_answer() {
    let plane = own_plane(Vec::new()).await;
    let world = World::on(plane, "alertaway", Options::default()).await;
    let Some(prometheus) = watched(&world).await else {
        return;
    };
    plane.pause_api_server().await.unwrap();
    let labels = prometheus.fires("TenantResellerOperatorNoLeader").await;
    told(
        "TenantResellerOperatorNoLeader",
        "the API server does not answer",
        &labels,
    );
    plane.resume_api_server().await.unwrap();
    prometheus.calms("TenantResellerOperatorNoLeader").await;
}
