//! A real Prometheus that scrapes the operators of a world, with the alerts of the chart. Times are
//! shorter than as shipped, and nothing else is.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tenant_reseller_operator::local::{ControlPlane, Process, ProcessSpec, Rank, ports};

use super::world::until;

/// The folder of the program, or nothing where it cannot be had: only a developer's machine may lack it.
fn folder() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/hack/prometheus");
    let found = std::process::Command::new(script)
        .arg("--cached")
        .output()
        .unwrap();
    if found.status.success() {
        let folder = String::from_utf8(found.stdout).unwrap();
        return Some(PathBuf::from(folder.trim()));
    }
    let said = String::from_utf8_lossy(&found.stderr).into_owned();
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{said}");
    println!("{said}");
    None
}

/// A running Prometheus. Dropped, it ends.
pub(super) struct Prometheus {
    pub(super) process: Process,
    http: Client,
    url: String,
}

impl Prometheus {
    /// Scrapes these operators, by their health addresses, every second. `None` where there is no Prometheus
    /// on this machine.
    pub(super) async fn start(plane: &ControlPlane, label: &str, health: &[&str]) -> Option<Self> {
        let program = folder()?.join("prometheus");
        let name = format!("prometheus-{label}");
        let folder = plane.supervisor().subfolder(&name).unwrap();
        let rules = rules(plane).await;
        std::fs::write(folder.join("rules.yml"), rules.to_string()).unwrap();
        let targets: Vec<&str> = health
            .iter()
            .map(|url| url.trim_start_matches("http://"))
            .collect();
        let config = json!({
            "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
            "rule_files": ["rules.yml"],
            "scrape_configs": [{
                "job_name": "operator",
                "static_configs": [{ "targets": targets, "labels": { "namespace": "system" } }],
            }],
        });
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let [port] = ports::free().unwrap();
        let spec = ProcessSpec::new(&name, program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .rank(Rank::Client)
            .grace(Duration::from_secs(10));
        let process = plane.supervisor().start(spec).unwrap();
        let prometheus = Self {
            process,
            http: Client::builder().no_proxy().build().unwrap(),
            url: format!("http://127.0.0.1:{port}"),
        };
        until("Prometheus is ready", || async {
            let url = format!("{}/-/ready", prometheus.url);
            let reply = prometheus.http.get(url).send().await;
            let ready = reply
                .as_ref()
                .is_ok_and(|reply| reply.status().is_success());
            (ready, format!("{reply:?}; {}", prometheus.process.tail()))
        })
        .await;
        Some(prometheus)
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1/{path}", self.url)).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        let reply = self.http.get(url).send().await.unwrap();
        reply.json().await.unwrap()
    }

    /// The series that a query finds now.
    pub(super) async fn query(&self, query: &str) -> Vec<Value> {
        let reply = self.get("query", &[("query", query)]).await;
        assert_eq!(reply["status"], "success", "{query}: {reply}");
        let result = &reply["data"]["result"];
        assert!(result.is_array(), "{query}: {reply}");
        result.as_array().unwrap().clone()
    }

    /// The series that a query finds from one moment to another, in about 150 steps.
    pub(super) async fn range(&self, query: &str, (from, to): (f64, f64)) -> Vec<Value> {
        let [from_text, to_text] = [from, to].map(|moment| format!("{moment:.0}"));
        let step = format!("{:.0}", ((to - from) / 150.0).ceil().max(1.0));
        let asked = [
            ("query", query),
            ("start", &from_text),
            ("end", &to_text),
            ("step", &step),
        ];
        let reply = self.get("query_range", &asked).await;
        assert_eq!(reply["status"], "success", "{query}: {reply}");
        reply["data"]["result"].as_array().unwrap().clone()
    }

    /// The alerts that fire now, by their labels.
    pub(super) async fn firing(&self) -> Vec<Value> {
        let reply = self.get("alerts", &[]).await;
        let alerts = reply["data"]["alerts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let firing = alerts
            .into_iter()
            .filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"].clone()).collect()
    }

    /// Waits until an alert fires; answers its labels.
    pub(super) async fn fires(&self, alert: &str) -> Value {
        let mut found = Value::Null;
        until(alert, || async {
            let firing = self.firing().await;
            let fires = firing.iter().any(|labels| labels["alertname"] == alert);
            (fires, format!("{firing:?}"))
        })
        .await;
        for labels in self.firing().await {
            if labels["alertname"] == alert {
                found = labels;
            }
        }
        found
    }

    /// Waits until an alert does not fire.
    pub(super) async fn calms(&self, alert: &str) {
        until(&format!("{alert} ends"), || async {
            let firing = self.firing().await;
            let fires = firing.iter().any(|labels| labels["alertname"] == alert);
            (!fires, format!("{firing:?}"))
        })
        .await;
    }
}

/// The rules of the chart with short times.
async fn rules(plane: &ControlPlane) -> Value {
    let short = [
        "alerts.enabled=true",
        "alerts.upgradeStuck.afterSeconds=8",
        "alerts.waitsForPeople.afterSeconds=4",
        "alerts.bssAway.for=1s",
        "alerts.throttledHard.for=1s",
        "alerts.throttledHard.window=20s",
        "alerts.credentialsRejected.for=1s",
        "alerts.noLeader.for=3s",
        "alerts.cannotWrite.window=30s",
    ];
    let mut arguments = vec![
        "template".to_owned(),
        "operator".to_owned(),
        "charts/tenant-reseller-operator".to_owned(),
        "--show-only=templates/alerts.yaml".to_owned(),
    ];
    arguments.extend(short.map(|value| format!("--set={value}")));
    let text = plane.helm().unwrap().run(arguments).await.unwrap();
    let rule: Value = serde_yaml::from_str(&text).unwrap();
    rule["spec"].clone()
}
