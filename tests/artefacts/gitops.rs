//! The examples for GitOps tools, and what the engines of those tools make of every status: kstatus and
//! health check expressions by Flux's own packages, the health scripts in the Lua that Argo CD embeds
//! (`hack/gitops-engines`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::{Value, json};
use support::kstatus::{Health, KStatus, argo_health, assert_conventions, by_the_table, kstatus};
use tenant_reseller_operator::api::{
    self, ALLOWED_HOSTS_ANNOTATION, BssConnection, StateClass, TenantResellerUpgrade,
    TenantResellerUpgradeStatus,
};

use super::examples::reads_as;
use super::states::{composed, ready_reasons};
use super::{project, read};

/// What the engines say of one object.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
struct Said {
    kstatus: String,
    #[serde(default)]
    argo: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    flux: String,
}

fn documents(path: &str) -> Vec<Value> {
    let parsed: Vec<Value> = serde_yaml::from_multiple(&read(path)).unwrap();
    assert!(!parsed.is_empty(), "{path}");
    parsed
}

/// The health scripts, by kind.
fn scripts() -> BTreeMap<String, String> {
    let data = documents("examples/gitops/argocd/health.yaml")[0]["data"].clone();
    let data = data.as_object().unwrap().clone();
    let prefix = format!("resource.customizations.health.{}_", api::GROUP);
    data.into_iter()
        .map(|(key, script)| {
            let kind = key.strip_prefix(&prefix).unwrap_or_else(|| panic!("{key}"));
            (kind.to_owned(), script.as_str().unwrap().to_owned())
        })
        .collect()
}

/// The expressions of the Kustomization that waits for acceptance, by kind.
fn expressions() -> BTreeMap<String, Value> {
    let all = documents("examples/gitops/flux/kustomizations.yaml");
    let upgrades = all
        .iter()
        .find(|document| document["metadata"]["name"] == "reseller-upgrades");
    let list = upgrades.unwrap()["spec"]["healthCheckExprs"].clone();
    let list = list.as_array().unwrap().clone();
    list.into_iter()
        .map(|one| (one["kind"].as_str().unwrap().to_owned(), one))
        .collect()
}

/// Runs the engines over objects. Where there is no Go to build them with, this says so and answers none;
/// on a machine of CI that is a failure.
fn engines(objects: &[Value]) -> Option<Vec<Said>> {
    let built = Command::new(project("hack/gitops-engines/build"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    if built.status.code() == Some(3) {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "Go is missing"
        );
        println!("not examined: there is no Go on this machine to build the engines with");
        return None;
    }
    assert!(built.status.success(), "the engines were not built");
    let program = String::from_utf8(built.stdout).unwrap();
    let input = json!({ "objects": objects, "lua": scripts(), "flux": expressions() }).to_string();
    let mut running = Command::new(program.trim())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = running.stdin.take().unwrap();
    let written = std::thread::spawn(move || to.write_all(input.as_bytes()));
    let output = running.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    written.join().unwrap().unwrap();
    let said: Vec<Said> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said.len(), objects.len());
    Some(said)
}

fn object(kind: &str, generation: i64, status: &Value) -> Value {
    json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION), "kind": kind,
        "metadata": { "name": "contoso", "namespace": "resellers", "generation": generation },
        "status": status,
    })
}

/// An object, and what the engines have to say of it.
struct Row {
    object: Value,
    health: (KStatus, Health),
    /// Of an object that is being deleted, the expressions say nothing.
    flux: &'static str,
}

/// What the engines say of each row, which is what the row says; none where they cannot be built.
fn judged(rows: &[Row]) -> Option<Vec<Said>> {
    let objects: Vec<Value> = rows.iter().map(|row| row.object.clone()).collect();
    let said = engines(&objects)?;
    for (said, row) in said.iter().zip(rows) {
        let (kstatus, argo) = row.health;
        let wanted = (format!("{kstatus:?}"), format!("{argo:?}"), row.flux);
        let read = (said.kstatus.clone(), said.argo.clone(), &*said.flux);
        assert_eq!(read, wanted, "{:#}", row.object);
    }
    Some(said)
}

/// The object is being deleted.
fn deleted(mut object: Value) -> Value {
    object["metadata"]["deletionTimestamp"] = json!("2026-12-05T20:00:00Z");
    object
}

/// Every status that the operator composes, of every state after every other.
#[test]
fn the_engines_read_every_state_as_the_table_says() {
    let mut rows = Vec::new();
    let mut begins = Vec::new();
    for (before, _) in ready_reasons() {
        for (reason, class) in ready_reasons() {
            let first = composed(&TenantResellerUpgradeStatus::default(), before, 1, 0);
            let status = serde_json::to_value(composed(&first, reason, 2, 1)).unwrap();
            let mut object = object("TenantResellerUpgrade", 2, &status);
            if class == StateClass::Deleting {
                object = deleted(object);
            } else {
                begins.push((rows.len(), format!("{}: Why.", reason.as_str())));
            }
            // Accepted is not composed here: the expressions see suspension, success and what is stalled.
            let flux = match class {
                StateClass::Deleting => "",
                StateClass::MustFix | StateClass::DoneWithDifferences => "Failed",
                StateClass::Done => "Current",
                StateClass::Suspended if reason.as_str() == "Suspended" => "Current",
                StateClass::Suspended
                | StateClass::Working
                | StateClass::WaitsByItself
                | StateClass::WaitsForPeople => "InProgress",
            };
            let health = by_the_table(class);
            rows.push(Row {
                object,
                health,
                flux,
            });
        }
    }
    let Some(said) = judged(&rows) else { return };
    for (row, begins) in begins {
        assert!(said[row].message.starts_with(&begins), "{:?}", said[row]);
    }
}

/// Every combination of what the rules read, whether the operator writes it or not: the rules in
/// `tests/support/kstatus.rs`, by which every status of the simulation and of the tests on an API server is
/// judged, are those of the engines.
#[test]
fn the_rules_that_other_tests_judge_by_are_those_of_the_engines() {
    let none_or = [None, Some("True"), Some("False"), Some("Unknown")];
    let mut rows = Vec::new();
    for ready in none_or {
        for reconciling in none_or {
            for stalled in none_or {
                for accepted in none_or {
                    for seen in [None, Some(-1), Some(1), Some(2)] {
                        let all = [
                            ("Accepted", accepted),
                            ("Ready", ready),
                            ("Reconciling", reconciling),
                            ("Stalled", stalled),
                        ];
                        let one = object("TenantResellerUpgrade", 2, &conditions(all, seen));
                        let flux = match seen.is_none_or(|seen| seen == 2) {
                            true if stalled == Some("True") => "Failed",
                            true if accepted == Some("True") => "Current",
                            _ => "InProgress",
                        };
                        for (object, flux) in [(one.clone(), flux), (deleted(one), "")] {
                            let health = (kstatus(&object), argo_health(&object));
                            rows.push(Row {
                                object,
                                health,
                                flux,
                            });
                        }
                    }
                }
            }
        }
    }
    judged(&rows);
}

/// A status with these conditions, as far as they are there, observed at a generation. Where the status says none, its
/// conditions are of the present one.
fn conditions(all: [(&str, Option<&str>); 4], seen: Option<i64>) -> Value {
    let conditions: Vec<Value> = all
        .into_iter()
        .filter_map(|(type_, status)| {
            status.map(|status| {
                json!({ "type": type_, "status": status, "reason": "R", "message": "M",
                        "observedGeneration": seen.unwrap_or(2) })
            })
        })
        .collect();
    let mut status = json!({ "conditions": conditions });
    if let Some(seen) = seen {
        status["observedGeneration"] = json!(seen);
    }
    status
}

/// The other kinds: health of each state of a connection and of declared pricing.
#[test]
fn the_engines_read_connections_and_pricing() {
    use Health::{Degraded, Healthy, Progressing, Suspended};
    use KStatus::{Current, InProgress};

    let ready = |status: &str, reason: &str, seen: i64| {
        json!({ "observedGeneration": seen, "conditions": [{ "type": "Ready", "status": status,
            "reason": reason, "message": "Why.", "observedGeneration": seen,
            "lastTransitionTime": "2026-12-05T20:00:00Z" }] })
    };
    let unseen = || json!({ "observedGeneration": -1 });
    let rows = |kind: &'static str, all: Vec<(Value, KStatus, Health, &'static str)>| {
        all.into_iter()
            .map(move |(status, kstatus, argo, flux)| Row {
                object: object(kind, 2, &status),
                health: (kstatus, argo),
                flux,
            })
    };
    #[rustfmt::skip]
    let connections = vec![
        (unseen(), InProgress, Healthy, ""),
        (ready("True", "Ready", 2), Current, Healthy, ""),
        (ready("True", "Ready", 1), InProgress, Healthy, ""),
        (ready("Unknown", "Pending", 2), InProgress, Progressing, ""),
        (ready("False", "CredentialsRejected", 2), InProgress, Degraded, ""),
    ];
    #[rustfmt::skip]
    let pricing = vec![
        (unseen(), InProgress, Suspended, "InProgress"),
        (ready("False", "Pending", 2), InProgress, Suspended, "Current"),
        (ready("False", "ItemsFailed", 2), InProgress, Degraded, "Failed"),
        (ready("False", "ItemsFailed", 1), InProgress, Suspended, "InProgress"),
        (ready("True", "Ready", 2), Current, Healthy, "Current"),
        (ready("True", "Closed", 2), Current, Healthy, "Current"),
    ];
    let all = rows("BssConnection", connections).chain(rows("CustomerPricing", pricing));
    judged(&all.collect::<Vec<_>>());
}

/// Statuses that an operator wrote while it worked, of every recorded version: what is stored in a cluster is
/// read by the scripts and expressions of today.
#[test]
fn the_engines_read_what_a_recorded_version_left_behind() {
    let mut rows = Vec::new();
    for version in std::fs::read_dir(project("tests/fixtures")).unwrap() {
        let running = version.unwrap().path().join("running");
        for file in std::fs::read_dir(running).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let recording: Value = serde_json::from_str(&text).unwrap();
            let object = recording["upgrade"].clone();
            let health = assert_conventions(&object);
            // Each of them was accepted, and none needs a person to mend something.
            let flux = "Current";
            rows.push(Row {
                object,
                health,
                flux,
            });
        }
    }
    assert!(rows.len() >= 7);
    let Some(said) = judged(&rows) else { return };
    let healths: BTreeSet<String> = said.into_iter().map(|said| said.argo).collect();
    let all = ["Healthy", "Progressing", "Suspended"];
    assert_eq!(healths.into_iter().collect::<Vec<_>>(), all);
}

/// A kind with a status is one that people apply, and has its script.
#[test]
fn every_kind_with_a_status_has_a_health_script() {
    let kinds: BTreeSet<String> = api::crds()
        .into_iter()
        .filter(|crd| {
            let subresources = crd.spec.versions[0].subresources.as_ref();
            subresources.is_some_and(|subresources| subresources.status.is_some())
        })
        .map(|crd| crd.spec.names.kind)
        .collect();
    assert_eq!(scripts().into_keys().collect::<BTreeSet<_>>(), kinds);
}

fn references(at: &str, schema: &JSONSchemaProps, found: &mut BTreeSet<String>) {
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{at}/{name}");
        if name.to_lowercase().ends_with("ref") {
            found.insert(format!("{path}/name"));
        }
        references(&path, property, found);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        references(at, items, found);
    }
}

/// kustomize follows every reference that a spec can hold.
#[test]
fn kustomize_knows_every_reference() {
    let config = &documents("examples/gitops/kustomize/names.yaml")[0];
    let told: BTreeSet<String> = config["nameReference"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|to| {
            let to_kind = to["kind"].as_str().unwrap();
            let fields = to["fieldSpecs"].as_array().unwrap().iter();
            fields.map(move |field| {
                let (kind, path) = (field["kind"].as_str(), field["path"].as_str());
                format!("{} {} -> {to_kind}", kind.unwrap(), path.unwrap())
            })
        })
        .collect();
    let mut wanted = BTreeSet::new();
    for crd in api::crds() {
        let version = &crd.spec.versions[0];
        let schema = version.schema.as_ref().unwrap();
        let root = schema.open_api_v3_schema.as_ref().unwrap();
        let Some(spec) = root.properties.as_ref().and_then(|all| all.get("spec")) else {
            continue;
        };
        let mut found = BTreeSet::new();
        references("spec", spec, &mut found);
        for path in found {
            let to = match &*path {
                "spec/upgradeRef/name" => "TenantResellerUpgrade",
                "spec/connectionRef/name" | "spec/tenantConnectionRef/name" => "BssConnection",
                _ => "Secret",
            };
            wanted.insert(format!("{} {path} -> {to}", crd.spec.names.kind));
        }
    }
    assert!(wanted.len() > 10, "the walk lost its way: {wanted:?}");
    assert_eq!(told, wanted);
}

/// What is in Git is what the script writes; and one wave is released, the others are held.
#[test]
fn the_roll_out_is_as_its_script_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["generate", "resellers.csv"] {
        let from = project("examples/gitops/rollout").join(file);
        std::fs::copy(from, folder.path().join(file)).unwrap();
    }
    let wrote = Command::new("bash")
        .arg(folder.path().join("generate"))
        .status();
    assert!(wrote.unwrap().success());
    let mut accounts = BTreeSet::new();
    let mut held = 0;
    for wave in 1..=10 {
        let place = format!("waves/{wave:02}");
        let mut count = 0;
        for file in std::fs::read_dir(folder.path().join(&place)).unwrap() {
            let name = file.unwrap().file_name().to_string_lossy().into_owned();
            let path = format!("{place}/{name}");
            let written = std::fs::read_to_string(folder.path().join(&path)).unwrap();
            let path = format!("examples/gitops/rollout/{path}");
            let there = read(&path);
            if name == "kustomization.yaml" {
                let is_held = there == written;
                assert!(is_held || !there.contains("components"), "{path}: {there}");
                held += i32::from(is_held);
                continue;
            }
            assert_eq!(
                there, written,
                "{path}: run examples/gitops/rollout/generate"
            );
            let document: Value = serde_yaml::from_str(&there).unwrap();
            let upgrade = reads_as::<TenantResellerUpgrade>(&path, &document);
            assert!(accounts.insert(upgrade.spec.reseller.account_id), "{path}");
            count += 1;
        }
        assert_eq!(count, 5, "{place}");
    }
    assert_eq!((accounts.len(), held), (50, 9));
    let top = std::fs::read_to_string(folder.path().join("kustomization.yaml")).unwrap();
    assert_eq!(read("examples/gitops/rollout/kustomization.yaml"), top);
}

/// The annotation stands where the tool that makes the Secret takes it from.
#[test]
fn secrets_that_tools_make_name_their_hosts() {
    let connection = &documents("examples/gitops/kustomize/connection.yaml")[0];
    let connection = reads_as::<BssConnection>("connection.yaml", connection);
    let url = url::Url::parse(connection.spec.adapter().unwrap().url).unwrap();
    for (file, template) in [
        ("external-secret", "/spec/target/template"),
        ("sealed-secret", "/spec/template"),
    ] {
        let made = &documents(&format!("examples/gitops/secrets/{file}.yaml"))[0];
        let annotations = &made.pointer(template).unwrap()["metadata"]["annotations"];
        let hosts = annotations[ALLOWED_HOSTS_ANNOTATION].as_str();
        assert_eq!(hosts, url.host_str(), "{file}");
        assert_eq!(
            made["metadata"]["name"], "distributor-credentials",
            "{file}"
        );
    }
}

/// What the examples say of themselves.
#[test]
fn applications_and_kustomizations_ignore_no_difference() {
    let applications = documents("examples/gitops/argocd/applications.yaml");
    let kustomizations = documents("examples/gitops/flux/kustomizations.yaml");
    for document in applications.iter().chain(&kustomizations) {
        let spec = &document["spec"];
        assert!(spec.get("ignoreDifferences").is_none(), "{document:#}");
        let path = spec.pointer("/source/path").or_else(|| spec.get("path"));
        let path = path.and_then(Value::as_str).unwrap();
        assert!(project(path).join("kustomization.yaml").is_file(), "{path}");
    }
    assert_eq!((applications.len(), kustomizations.len()), (2, 3));
}
