//! The alerts and the dashboard of the chart: they ask for metrics and labels that exist, can be turned off
//! one by one, have a runbook each, and do what the tests of `promtool` say. tests/api fires them from
//! their faults.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::chart::{of_kind, rendered};
use super::metrics_page::metrics;
use super::{project, read};

const RUNBOOKS: &str = "docs/runbooks.md";
const PREFIX: &str = "tenant_reseller_operator_";

fn rules(values: &[&str]) -> Vec<Value> {
    let all = rendered(&[&["--set=alerts.enabled=true"], values].concat());
    let groups = &of_kind(&all, "PrometheusRule")[0]["spec"]["groups"];
    groups[0]["rules"].as_array().cloned().unwrap_or_default()
}

/// The rules with the times as shipped, rendered once.
fn as_shipped() -> Vec<Value> {
    static RULES: LazyLock<Vec<Value>> = LazyLock::new(|| rules(&[]));
    RULES.clone()
}

fn name(rule: &Value) -> &str {
    rule["alert"].as_str().unwrap()
}

/// The folder of promtool, or nothing where it cannot be had: only a developer's machine may lack it.
fn promtool() -> Option<PathBuf> {
    let found = Command::new(project("hack/prometheus"))
        .arg("--cached")
        .output()
        .unwrap();
    if found.status.success() {
        let folder = String::from_utf8(found.stdout).unwrap();
        return Some(PathBuf::from(folder.trim()).join("promtool"));
    }
    let said = String::from_utf8_lossy(&found.stderr).into_owned();
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{said}");
    println!("{said}");
    None
}

/// Metrics and labels that a query asks for, by the series' name.
fn asked(query: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rest = query;
    while let Some(at) = rest.find(PREFIX) {
        rest = &rest[at..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (series, after) = rest.split_at(end);
        let labels = found.entry(series.to_owned()).or_default();
        if let Some(matchers) = after.strip_prefix('{') {
            let (matchers, _) = matchers.split_once('}').unwrap();
            for matcher in matchers.split("\",").filter(|matcher| !matcher.is_empty()) {
                let end = matcher.find(['=', '!']).unwrap();
                labels.insert(matcher[..end].trim().to_owned());
            }
        }
        rest = after;
    }
    found
}

/// The labels by which a query groups.
fn grouped(query: &str) -> BTreeSet<String> {
    let parts = query.split(" by (").skip(1);
    let labels = parts.flat_map(|part| part.split(')').next().unwrap().split(','));
    labels.map(|label| label.trim().to_owned()).collect()
}

/// A query asks for what the program tells, by labels that it has. `target` are those that Prometheus adds.
fn asks_for_what_exists(query: &str) {
    let metrics = metrics();
    let target = ["job", "namespace", "instance", "pod", "le"];
    let asked = asked(query);
    assert!(
        !asked.is_empty(),
        "{query} asks for nothing of the operator"
    );
    let mut there: BTreeSet<String> = target.map(str::to_owned).into();
    for (series, labels) in asked {
        let metric = metrics
            .values()
            .find(|metric| metric.series.contains(&series));
        let metric = metric.unwrap_or_else(|| panic!("{series} does not exist: {query}"));
        for label in labels {
            let known = metric.labels.contains(&label) || target.contains(&label.as_str());
            assert!(known, "{series} has no label {label}: {query}");
        }
        there.extend(metric.labels.iter().cloned());
    }
    let strange: Vec<_> = grouped(query)
        .into_iter()
        .filter(|label| !there.contains(label))
        .collect();
    assert!(strange.is_empty(), "grouped by {strange:?}: {query}");
}

#[test]
fn a_query_for_what_does_not_exist_is_found() {
    for wrong in [
        "sum(tenant_reseller_operator_passes_total)",
        r#"sum(tenant_reseller_operator_upgrades{account="1"})"#,
        "sum by (account) (tenant_reseller_operator_upgrades)",
        "vector(1)",
    ] {
        let refused = std::panic::catch_unwind(|| asks_for_what_exists(wrong));
        assert!(refused.is_err(), "{wrong}");
    }
}

#[test]
fn every_alert_asks_for_what_exists_and_can_be_turned_off() {
    let all = as_shipped();
    assert_eq!(all.len(), 9);
    for rule in &all {
        asks_for_what_exists(rule["expr"].as_str().unwrap());
    }
    let values: Value =
        serde_yaml::from_str(&read("charts/tenant-reseller-operator/values.yaml")).unwrap();
    let switches = values["alerts"].as_object().unwrap().iter();
    let switches = switches.filter(|(_, value)| value["enabled"] == true);
    let switches: Vec<&String> = switches.map(|(key, _)| key).collect();
    assert_eq!(switches.len(), all.len(), "{switches:?}");
    let mut gone = BTreeSet::new();
    for switch in switches {
        let fewer = rules(&[&format!("--set=alerts.{switch}.enabled=false")]);
        let there: Vec<&str> = fewer.iter().map(name).collect();
        let missing: Vec<&str> = all
            .iter()
            .map(name)
            .filter(|name| !there.contains(name))
            .collect();
        assert_eq!(missing.len(), 1, "{switch} turns off {missing:?}");
        gone.insert(missing[0].to_owned());
    }
    assert_eq!(
        gone.len(),
        all.len(),
        "two switches turn the same alert off"
    );
    assert!(of_kind(&rendered(&[]), "PrometheusRule").is_empty());
}

#[test]
fn times_labels_and_runbooks_are_those_of_the_values() {
    let all = rules(&[
        "--set=alerts.upgradeStuck.afterSeconds=90,alerts.bssAway.for=3m,alerts.ruleLabels.severity=page",
        "--set=alerts.throttledHard.window=7m",
        "--set-json=alerts.throttledHard.share=0.25",
        "--set=alerts.runbooks=https://docs.example.com/r.html",
    ]);
    let of = |alert: &str| all.iter().find(|rule| name(rule) == alert).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert!(text(&of("TenantResellerUpgradeStuck")["expr"]).ends_with("> 90"));
    assert_eq!(of("TenantResellerBssAway")["for"], "3m");
    let hard = text(&of("TenantResellerBssThrottledHard")["expr"]);
    assert!(hard.contains("[7m]") && hard.ends_with("> 0.25"), "{hard}");
    for rule in &all {
        assert_eq!(rule["labels"], json!({ "severity": "page" }));
        let section = name(rule).to_lowercase();
        assert_eq!(
            rule["annotations"]["runbook_url"],
            json!(format!("https://docs.example.com/r.html#{section}"))
        );
    }
}

#[test]
fn every_alert_has_its_runbook_and_no_runbook_is_without_an_alert() {
    let page = read(RUNBOOKS);
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut last = "";
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            last = heading;
            sections.insert(heading, Vec::new());
        } else if let Some(part) = line.strip_prefix("- **")
            && let Some(parts) = sections.get_mut(last)
        {
            parts.push(part.split(":**").next().unwrap());
        }
    }
    let all = as_shipped();
    let alerts: BTreeSet<&str> = all.iter().map(name).collect();
    assert_eq!(sections.keys().copied().collect::<BTreeSet<_>>(), alerts);
    for (alert, parts) in sections {
        assert_eq!(parts, ["Means", "Look", "You", "If you wait"], "{alert}");
    }
}

#[test]
fn promtool_agrees() {
    let Some(promtool) = promtool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let rules =
        json!({ "groups": [{ "name": "tenant-reseller-operator", "rules": as_shipped() }] });
    fs::write(folder.path().join("rules.yaml"), rules.to_string()).unwrap();
    let tests = folder.path().join("alerts.yaml");
    fs::write(&tests, read("tests/observability/alerts.yaml")).unwrap();
    for arguments in [
        ["check", "rules", "rules.yaml"],
        ["test", "rules", "alerts.yaml"],
    ] {
        let said = Command::new(&promtool)
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = [said.stdout, said.stderr].concat();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&text));
    }
    // Every alert fires there at least once.
    let tests: Value = serde_yaml::from_str(&read("tests/observability/alerts.yaml")).unwrap();
    let cases = tests["tests"].as_array().unwrap().iter();
    let cases = cases.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    let fired = cases.filter(|case| !case["exp_alerts"].as_array().unwrap().is_empty());
    let fired: BTreeSet<&str> = fired
        .map(|case| case["alertname"].as_str().unwrap())
        .collect();
    let all = as_shipped();
    assert_eq!(fired, all.iter().map(name).collect::<BTreeSet<_>>());
}

/// The dashboard, as Grafana's sidecar gets it.
fn dashboard() -> Value {
    let all = rendered(&["--set=dashboard.enabled=true"]);
    let maps = of_kind(&all, "ConfigMap");
    assert_eq!(maps[0]["metadata"]["labels"]["grafana_dashboard"], "1");
    let text = maps[0]["data"]["tenant-reseller-operator.json"]
        .as_str()
        .unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_query_of_the_dashboard_asks_for_what_exists_and_every_metric_is_asked_for() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let panels = panels.iter().filter(|panel| panel["type"] != "row");
    let mut shown = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.len() > 10),
            "{title}"
        );
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            asks_for_what_exists(query);
            assert!(
                query.contains(r#"job=~"$job""#),
                "{title} shows every installation: {query}"
            );
            shown.extend(asked(query).into_keys());
        }
    }
    for (name, metric) in metrics() {
        let any = metric.series.iter().any(|series| shown.contains(series));
        assert!(any, "{name} is in no panel");
    }
    assert!(of_kind(&rendered(&[]), "ConfigMap").is_empty());
}
