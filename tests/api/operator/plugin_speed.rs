//! How long `kubectl tru` takes beside ten thousand upgrades. It prints; only the bar of an answer about one
//! upgrade is asserted, and that with room for a busy machine.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tenant_reseller_operator::api::TenantResellerUpgrade;
use tenant_reseller_operator::local::ControlPlane;

use super::world::own_plane;

const UPGRADES: usize = 10_000;
const NAMESPACES: usize = 20;
const ROUNDS: usize = 21;

/// The times of one command: until its first line, and until its end.
struct Times {
    first: Vec<Duration>,
    whole: Vec<Duration>,
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn millis(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1000.0)
}

/// Runs two commands in turn, so that a machine that gets busier slows both.
fn in_turn(plane: &ControlPlane, rounds: usize, commands: [&[&str]; 2]) -> [Times; 2] {
    let none = || Times {
        first: Vec::new(),
        whole: Vec::new(),
    };
    let mut times = [none(), none()];
    for round in 0..=rounds {
        for (times, words) in times.iter_mut().zip(commands) {
            let began = Instant::now();
            let mut child = Command::new(words[0])
                .args(&words[1..])
                .env("KUBECONFIG", plane.kubeconfig())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap());
            let mut text = String::new();
            lines.read_line(&mut text).unwrap();
            let first = began.elapsed();
            lines.read_to_string(&mut text).unwrap();
            child.wait().unwrap();
            assert!(!text.is_empty(), "{words:?}");
            // The first round fills caches of files.
            if round > 0 {
                times.first.push(first);
                times.whole.push(began.elapsed());
            }
        }
    }
    times
}

fn upgrade(number: usize) -> (String, TenantResellerUpgrade) {
    let namespace = format!("team-{}", number % NAMESPACES);
    let object = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "TenantResellerUpgrade",
        "metadata": { "name": format!("reseller-{number}"), "namespace": namespace },
        "spec": {
            "connectionRef": { "kind": "BssConnection", "name": "distributor" },
            "reseller": { "accountId": number.to_string() },
            "tenant": {
                "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
                "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined",
            },
        },
    });
    (namespace, serde_json::from_value(object).unwrap())
}

/// As an upgrade that waits for its reseller shows itself.
fn status() -> Value {
    let time = "2026-11-28T10:00:00Z";
    let condition = |type_: &str, status: &str, reason: &str, message: &str| {
        json!({ "type": type_, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": time, "observedGeneration": 1 })
    };
    let waits = "Customers that own subscriptions to copy have no pricing options yet.";
    json!({ "status": {
        "observedGeneration": 1, "phase": "PricingGate",
        "conditions": [
            condition("Ready", "False", "AwaitingPricing", waits),
            condition("TenantCreated", "True", "Completed", "The tenant is Active."),
            condition("CustomersCopied", "True", "Completed", "Every customer was copied and marked."),
        ],
        "waitingFor": {
            "reason": "AwaitingPricing", "since": time, "nextAction": "Set pricing options for 85 customers.",
        },
    } })
}

async fn filled(plane: &ControlPlane) {
    let client = plane.client().await.unwrap();
    for number in 0..NAMESPACES {
        let name = format!("team-{number}");
        let kubectl = plane.kubectl().unwrap();
        kubectl.run(["create", "namespace", &name]).await.unwrap();
    }
    let status = status();
    stream::iter(0..UPGRADES)
        .map(|number| {
            let (client, status) = (client.clone(), &status);
            async move {
                let (namespace, upgrade) = upgrade(number);
                let api: Api<TenantResellerUpgrade> = Api::namespaced(client, &namespace);
                let made = api.create(&PostParams::default(), &upgrade).await.unwrap();
                let name = made.metadata.name.unwrap();
                let patch = Patch::Merge(status);
                let params = PatchParams::default();
                api.patch_status(&name, &params, &patch).await.unwrap();
            }
        })
        .buffer_unordered(64)
        .collect::<Vec<()>>()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some minutes: measures the plugin beside ten thousand upgrades (PROGRAM= another build of it)"]
async fn the_plugin_answers_beside_ten_thousand_upgrades() {
    let plane = own_plane(Vec::new()).await;
    filled(plane).await;
    let built = env!("CARGO_BIN_EXE_kubectl-tru").to_owned();
    let program = std::env::var("PROGRAM").unwrap_or(built);
    let kubectl = std::env::var("KUBEBUILDER_ASSETS").unwrap() + "/kubectl";
    let of = ["-n", "team-7"];
    let one = "reseller-7";
    let [tru, kubectl] = [program.as_str(), kubectl.as_str()];
    println!("| the plugin | first line, ms | whole, ms | worst, ms | kubectl | whole, ms |");
    for (rounds, ours, theirs) in [
        (ROUNDS, vec!["status", one], vec!["get", "tru", one]),
        (ROUNDS, vec!["explain", one], vec!["describe", "tru", one]),
        (ROUNDS, vec!["list"], vec!["get", "tru"]),
        (5, vec!["list", "-A"], vec!["get", "tru", "-A"]),
    ] {
        let words = |program, words: &[&'static str]| {
            let mut all: Vec<&str> = vec![program];
            all.extend(words);
            if !words.contains(&"-A") {
                all.extend(of);
            }
            all
        };
        let (a, b) = (words(tru, &ours), words(kubectl, &theirs));
        let [ours_took, theirs_took] = in_turn(plane, rounds, [&a, &b]);
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            ours.join(" "),
            millis(median(&ours_took.first)),
            millis(median(&ours_took.whole)),
            millis(ours_took.whole.iter().max().copied().unwrap()),
            theirs.join(" "),
            millis(median(&theirs_took.whole)),
        );
        if ours[0] == "status" {
            assert!(median(&ours_took.whole) < Duration::from_secs(1));
        }
    }
}
