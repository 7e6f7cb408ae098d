//! Hostile namespaces beside an honest one, in one cluster under one operator.
//!
//! The attacker has no rights but in namespaces of its own. It declares the victim's identity with limits of
//! 1, knocks at the victim's BSS with a wrong token, and has servers of its own: one that lets it hold
//! and switch the victim's reseller at once, one that answers 429 with `Retry-After: 900`, one that
//! swallows every call, one whose replies never end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tenant_reseller_operator::api::ResellerClaim;

use super::bss::{Bss, Data};
use super::world::{NAME, Options, World, own_plane, until};

/// The namespace of an attacker.
fn evil(name: &str) -> String {
    format!("evil-{name}")
}

/// How the victim fared.
struct Fared {
    took: Duration,
    /// Requests that its BSS got from it.
    calls: u64,
    reasons: Vec<String>,
}

/// Whether there is an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    Attacker,
}

fn many() -> Data {
    Data {
        customers: 300,
        subscriptions: 800,
        ..Data::default()
    }
}

/// So many that the beginning and the end of a run do not count.
fn more() -> Data {
    Data {
        customers: 500,
        subscriptions: 4_000,
        more: vec!["--largest-batch=20".to_owned()],
        ..Data::default()
    }
}

fn placed(mut object: Value, of: &str, name: &str) -> Value {
    object["metadata"]["namespace"] = json!(evil(of));
    object["metadata"]["name"] = json!(name);
    object
}

/// A connection of the attacker to this address, with the victim's identity, and as strict as can be.
fn connection(world: &World, name: &str, url: &str) -> Value {
    let mut connection = placed(world.connection(), name, name);
    let spec = &mut connection["spec"];
    spec["reference"]["url"] = json!(format!("{url}/tenant-reseller/v1"));
    spec["auth"]["bearer"]["secretRef"]["name"] = json!(format!("{name}-credentials"));
    spec["tls"]["caSecretRef"]["name"] = json!(format!("{name}-authority"));
    spec["limits"] = json!({ "requestsPerSecond": 1, "concurrency": 1, "activeUpgrades": 1,
                             "requestTimeoutSeconds": 60 });
    connection
}

/// The connection with its Secrets.
fn connected(world: &World, name: &str, (url, token, ca): (&str, &str, &str)) -> Vec<Value> {
    let mut authority = placed(world.authority(), name, &format!("{name}-authority"));
    authority["stringData"]["ca.crt"] = json!(ca);
    let mut credentials = placed(
        world.credentials(token),
        name,
        &format!("{name}-credentials"),
    );
    let host = url.trim_start_matches("https://");
    credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] = json!(host);
    vec![credentials, authority, connection(world, name, url)]
}

fn upgrade(world: &World, name: &str, connection: &str) -> Value {
    let mut upgrade = placed(world.upgrade(), connection, name);
    upgrade["spec"]["connectionRef"]["name"] = json!(connection);
    upgrade
}

/// Claims of the attacker's namespace.
async fn claims_of(world: &World, namespace: &str) -> Vec<ResellerClaim> {
    let api: Api<ResellerClaim> = Api::namespaced(world.client.clone(), &world.system);
    let mut all = api.list(&ListParams::default()).await;
    for _ in 0..20 {
        // Right after a definition was installed an API server may ask for a pause.
        match all {
            Err(kube::Error::Api(status)) if status.code == 429 => {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                all = api.list(&ListParams::default()).await;
            }
            answer => {
                all = answer;
                break;
            }
        }
    }
    let all = all.unwrap().items;
    let own = |claim: &ResellerClaim| claim.spec.holder.namespace == namespace;
    all.into_iter().filter(own).collect()
}

/// Sets the attacker up, and waits until it holds the victim's reseller and its servers have struck.
async fn attack(world: &World) -> Vec<Bss> {
    let namespace = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": evil(name) } });
    let data = Data {
        weak: &["nameless=true"],
        ..Data::default()
    };
    let mut servers = Vec::new();
    let kinds = [
        ("squat", None),
        (
            "throttle",
            Some(json!({ "Throttle": { "retryAfterSeconds": 900 } })),
        ),
        ("swallow", Some(json!({ "Latency": { "ms": 50_000 } }))),
        ("endless", Some(json!({ "SlowBytes": { "delayMs": 1000 } }))),
    ];
    for (name, fault) in kinds {
        let server = Bss::start(world.plane, &format!("{}-{name}", world.namespace), &data).await;
        if let Some(kind) = fault {
            let rule = json!({ "operation": "*", "kind": kind });
            server.faults(json!([rule])).await;
        }
        let reached = (
            server.url.as_str(),
            server.token.as_str(),
            server.authority.as_str(),
        );
        let mut objects = vec![namespace(name)];
        objects.extend(connected(world, name, reached));
        let upgrades = if name == "squat" { 1 } else { 10 };
        let numbered = |number| upgrade(world, &format!("{name}-{number}"), name);
        objects.extend((0..upgrades).map(numbered));
        world.apply(&objects).await;
        servers.push(server);
    }
    let wrong = (
        world.bss.url.as_str(),
        "a-token-of-the-attacker",
        world.bss.authority.as_str(),
    );
    let mut objects = vec![namespace("knock")];
    objects.extend(connected(world, "knock", wrong));
    objects.extend((0..10).map(|number| upgrade(world, &format!("knock-{number}"), "knock")));
    world.apply(&objects).await;
    until("the attacker holds the reseller", || async {
        let claims = claims_of(world, &evil("squat")).await;
        (claims.len() == 1, format!("{claims:?}"))
    })
    .await;
    for server in &servers[1..] {
        server.struck(0, 1).await;
    }
    servers
}

/// Right after a definition was installed an API server may ask for pauses, which would slow the first
/// upgrade. So every measure begins at this age of its control plane, with or without an attacker.
const WARM: Duration = Duration::from_secs(45);

async fn fares(label: &str, beside: Beside, data: Data, warm: Duration) -> Fared {
    let options = Options {
        watches_all: true,
        data,
        ..Options::default()
    };
    let started = Instant::now();
    let world = World::on(own_plane(Vec::new()).await, label, options).await;
    let servers = match beside {
        Beside::Nothing => Vec::new(),
        Beside::Attacker => attack(&world).await,
    };
    // It never strikes, and counts all requests that had the right token.
    let counts = json!({ "operation": "*", "kind": "Unavailable503", "probability": 0.0 });
    world.bss.faults(json!([counts])).await;
    tokio::time::sleep(warm.saturating_sub(started.elapsed())).await;
    let began = Instant::now();
    world.begin().await;
    world.until_succeeded().await;
    let took = began.elapsed();
    let calls = world.bss.get("faults").await["rules"][0]["matched"]
        .as_u64()
        .unwrap();
    world.bss.judged_clean().await;
    let own = claims_of(&world, label).await;
    assert_eq!(own.len(), 1, "{own:?}");
    assert!(own[0].spec.activation_time.is_some(), "{own:?}");
    let reasons = world.history.reasons(NAME);
    world.holds().await;
    drop(servers);
    Fared {
        took,
        calls,
        reasons,
    }
}

/// Without a clock: the victim is never held back, refused or mistaken for another.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_namespace_holds_no_other_back() {
    let fared = fares("victim", Beside::Attacker, many(), Duration::ZERO).await;
    let held_back = [
        "Throttled",
        "BssUnavailable",
        "AwaitingTurn",
        "ResellerClaimed",
        "IdentityMismatch",
        "CredentialsRejected",
        "ConnectionForbidden",
        "ProgressingWithRetry",
        "AwaitingConfirmation",
    ];
    for reason in &fared.reasons {
        assert!(!held_back.contains(&reason.as_str()), "{:?}", fared.reasons);
    }
}

/// The measure: the victim's calls per second and time to the end, alone and beside the attacker.
///
/// Rounds of four, in the order without, with, with, without: what else the machine does, and its slow
/// change, falls on both alike, and the spread within one kind tells what is noise.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measure of minutes; run it alone, by `make attack`"]
async fn measured_with_and_without_an_attacker() {
    let rounds = std::env::var("ROUNDS").ok();
    let rounds: usize = rounds.and_then(|text| text.parse().ok()).unwrap_or(3);
    let mut runs = Vec::new();
    for round in 0..rounds {
        let order = [
            Beside::Nothing,
            Beside::Attacker,
            Beside::Attacker,
            Beside::Nothing,
        ];
        for (place, beside) in order.into_iter().enumerate() {
            let label = format!("measured-{round}-{place}");
            let fared = fares(&label, beside, more(), WARM).await;
            println!("{beside:?}: {} calls, {:?}", fared.calls, fared.took);
            runs.push((beside, fared));
        }
    }
    let told = told(&runs);
    print!("{told}");
    if let Ok(file) = std::env::var("PAGE") {
        std::fs::write(file, page(&told)).unwrap();
    }
}

/// Smallest, middle and largest of some figures.
fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let median = if figures.len().is_multiple_of(2) {
        f64::midpoint(figures[middle - 1], figures[middle])
    } else {
        figures[middle]
    };
    [figures[0], median, figures[figures.len() - 1]]
}

type Figure<'a> = &'a dyn Fn(&Fared) -> f64;

/// Every run in its order, and what both kinds have in common.
fn told(runs: &[(Beside, Fared)]) -> String {
    let mut text =
        "| beside the upgrade | calls | seconds | calls a second |\n| --- | ---: | ---: | ---: |\n"
            .to_owned();
    let rate =
        |fared: &Fared| f64::from(u32::try_from(fared.calls).unwrap()) / fared.took.as_secs_f64();
    let name = |beside: Beside| match beside {
        Beside::Nothing => "nothing",
        Beside::Attacker => "the attacker",
    };
    for (beside, fared) in runs {
        let (calls, seconds) = (fared.calls, fared.took.as_secs_f64());
        let rate = rate(fared);
        writeln!(
            text,
            "| {} | {calls} | {seconds:.1} | {rate:.1} |",
            name(*beside)
        )
        .unwrap();
    }
    let of = |kind: Beside, figure: Figure<'_>| {
        let alike = runs.iter().filter(|(beside, _)| *beside == kind);
        spread(alike.map(|(_, fared)| figure(fared)).collect())
    };
    text.push_str("\n| figure | alone: least, median, most | beside the attacker | ratio of the medians |\n| --- | ---: | ---: | ---: |\n");
    let seconds = |fared: &Fared| fared.took.as_secs_f64();
    let figures: [(&str, Figure<'_>); 2] =
        [("seconds to the end", &seconds), ("calls a second", &rate)];
    for (label, figure) in figures {
        let alone = of(Beside::Nothing, figure);
        let beside = of(Beside::Attacker, figure);
        let three = |[least, median, most]: [f64; 3]| format!("{least:.1}, {median:.1}, {most:.1}");
        let ratio = beside[1] / alone[1];
        writeln!(
            text,
            "| {label} | {} | {} | {ratio:.2} |",
            three(alone),
            three(beside)
        )
        .unwrap();
    }
    text
}

fn page(told: &str) -> String {
    format!(
        "<!-- Written by `make attack`. -->\n\n# Hostile namespaces beside an upgrade\n\n\
An upgrade of 500 customers and 4,000 subscriptions, 20 a request, alone, and beside an attacker in namespaces of its own\n\
under the same operator. The attacker declares the victim's identity with limits of 1, knocks at the victim's\n\
BSS with a wrong token from ten upgrades, holds and switches the victim's reseller at a server of its own, and\n\
has ten upgrades each at a server that answers 429 with `Retry-After: 900`, at one that swallows every call,\n\
and at one whose replies never end (`tests/api/operator/hostile.rs`).\n\n\
Each run has a control plane of its own, and begins when that is 45 seconds old. Rounds of four go without,\n\
with, with and without the attacker, so that what else the machine does falls on both alike: only the ratio\n\
counts, and it is to be read beside the spread within one kind. The attacker's servers and upgrades cost the machine something too, and share its\n\
processors with the victim.\n\n\
Commit {}, {}.\n\n{told}",
        super::misoperation::commit(),
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
    )
}

#[test]
fn the_middle_is_the_middle() {
    let near = |found: [f64; 3], wanted: [f64; 3]| {
        let apart = found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
        assert!(apart.sum::<f64>() < 1e-9, "{found:?}");
    };
    near(spread(vec![3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
    near(spread(vec![4.0, 1.0, 3.0, 2.0]), [1.0, 2.5, 4.0]);
}
