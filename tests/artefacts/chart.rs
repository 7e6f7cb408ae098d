//! The charts without an API server: they lint, refuse what they do not know, and render what a
//! restricted cluster takes. tests/api installs them.

use std::collections::BTreeSet;
use std::process::{self, Output};

use clap::Parser as _;
use serde_json::{Value, json};
use tenant_reseller_operator::bss::bindings::{Bindings, Bound, Unbound};
use tenant_reseller_operator::cli::{Cli, Command, Format};

use super::{project, read};

pub(super) const OPERATOR: &str = "charts/tenant-reseller-operator";
pub(super) const CRDS: &str = "charts/tenant-reseller-operator-crds";

pub(super) fn helm(arguments: &[&str]) -> Output {
    super::generated::written();
    let folder = process::Command::new(project("hack/control-plane/build"))
        .arg("--cached")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&folder.stderr).into_owned();
    assert!(folder.status.success(), "no helm: {said}");
    let folder = String::from_utf8(folder.stdout).unwrap();
    process::Command::new(format!("{}/helm", folder.trim()))
        .args(arguments)
        .current_dir(project(""))
        .output()
        .unwrap()
}

pub(super) fn rendered(values: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["template", "operator", OPERATOR, "--namespace=system"];
    arguments.extend(values);
    let output = helm(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_yaml::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

pub(super) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

#[test]
fn the_charts_lint() {
    for chart in [OPERATOR, CRDS] {
        let output = helm(&["lint", "--strict", chart]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

#[test]
fn a_value_that_the_chart_does_not_know_is_refused() {
    for (value, named) in [
        ("--set=replica=3", "replica"),
        ("--set=image.registry=x", "registry"),
        ("--set=logFormat=xml", "logFormat"),
        ("--set=recheckSeconds=0", "recheckSeconds"),
        (
            "--set=allowedAddressRanges[0]=everything",
            "allowedAddressRanges",
        ),
        ("--set=serviceAccount.create=false", "serviceAccount.name"),
        ("--set=enabled=false", "enabled"),
        ("--set=health.port=0", "port"),
        ("--set=health.address=everywhere", "address"),
        ("--set=metrics.auth=basic", "auth"),
        ("--set=watchNamespaces={Resellers}", "watchNamespaces"),
        ("--set=watchNamespaces={a,a}", "watchNamespaces"),
        ("--set=env[0].name=POD_NAMESPACE", "env"),
        ("--set=fullnameOverride=Not_A_Name", "fullnameOverride"),
        ("--set=networkPolicy.enabled=true", "networkPolicy.bss"),
        ("--set=aggregatedRoles=yes", "aggregatedRoles"),
    ] {
        let output = helm(&["template", "operator", OPERATOR, value]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{value} was accepted");
        assert!(said.contains(named), "{value}: {said}");
    }
}

/// The paths of what the schema names, down to what it leaves to Kubernetes.
fn known(schema: &Value, path: &str, into: &mut BTreeSet<String>) {
    let members = schema["properties"].as_object();
    for (name, member) in members.into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        into.insert(path.clone());
        if member["type"] == "object" {
            known(member, &path, into);
        }
    }
}

/// Every value is in the schema, and the other way round, also inside.
#[test]
fn the_schema_knows_every_value() {
    for chart in [OPERATOR, CRDS] {
        let schema: Value =
            serde_json::from_str(&read(&format!("{chart}/values.schema.json"))).unwrap();
        let values: Value = serde_yaml::from_str(&read(&format!("{chart}/values.yaml"))).unwrap();
        let mut paths = BTreeSet::new();
        known(&schema, "", &mut paths);
        for path in paths.iter().filter(|path| *path != "global") {
            let pointer = format!("/{}", path.replace('.', "/"));
            assert!(
                values.pointer(&pointer).is_some(),
                "{chart}: no value {path}"
            );
        }
    }
    assert_top_levels_agree();
}

fn assert_top_levels_agree() {
    for chart in [OPERATOR, CRDS] {
        let schema: Value =
            serde_json::from_str(&read(&format!("{chart}/values.schema.json"))).unwrap();
        let values: Value = serde_yaml::from_str(&read(&format!("{chart}/values.yaml"))).unwrap();
        let mut known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        known.retain(|name| *name != "global");
        let written: Vec<&String> = values
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
            .collect();
        let sorted = |mut names: Vec<&String>| {
            names.sort();
            names.into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(sorted(known), sorted(written), "{chart}");
        assert_eq!(schema["additionalProperties"], json!(false));
    }
}

#[test]
fn the_pod_is_restricted_and_asked_after() {
    let objects = rendered(&[
        "--set=allowedAddressRanges={10.0.0.0/8,fd00::/8}",
        "--set=extraArgs={--x=y z}",
    ]);
    let deployments = of_kind(&objects, "Deployment");
    assert_eq!(deployments.len(), 1);
    let spec = &deployments[0]["spec"];
    assert_eq!(spec["replicas"], 2);
    let pod = &spec["template"]["spec"];
    assert_eq!(
        pod["securityContext"],
        json!({ "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" } })
    );
    let containers = pod["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    let container = &containers[0];
    assert_eq!(
        container["securityContext"],
        json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] } })
    );
    assert_eq!(
        container["args"],
        json!([
            "run",
            "--health-listen=[::]:8080",
            "--recheck-seconds=300",
            "--log-format=json",
            "--allow-address=10.0.0.0/8",
            "--allow-address=fd00::/8",
            "--x=y z"
        ])
    );
    let names: Vec<&str> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["POD_NAMESPACE", "POD_NAME"]);
    assert_eq!(
        container["ports"],
        json!([{ "name": "health", "containerPort": 8080 }])
    );
    assert_eq!(
        container["livenessProbe"]["httpGet"],
        json!({ "path": "/livez", "port": "health" })
    );
    assert_eq!(
        container["readinessProbe"]["httpGet"],
        json!({ "path": "/readyz", "port": "health" })
    );
    assert!(container["resources"]["limits"]["memory"].is_string());
    assert!(
        pod["volumes"].is_null(),
        "nothing to write to, nothing to read from"
    );
}

/// What the chart passes is what the program takes.
#[test]
fn the_program_takes_the_arguments() {
    let values = [
        "--set=allowedAddressRanges={10.0.0.0/8,fd00::/8}",
        "--set=logFormat=text,recheckSeconds=60,extraArgs={--log-filter=debug}",
        "--set=allowedAddressRanges[2]=10.30.0.0/16@resellers",
        "--set=deniedAddressRanges={203.0.113.0/24}",
        "--set=boundIdentities[0].identity=acme-distribution",
        "--set=boundIdentities[0].origins={https://bss.example.com,https://b.example.com:8443}",
        "--set=boundIdentities[0].namespaces={resellers,partners}",
    ];
    let objects = rendered(&values);
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    let line = ["tenant-reseller-operator"]
        .into_iter()
        .chain(arguments.iter().map(|argument| argument.as_str().unwrap()))
        .chain(["--namespace=the-one-in-POD_NAMESPACE"]);
    let Command::Run(settings) = Cli::try_parse_from(line).unwrap().command else {
        panic!("the pod runs something else: {arguments:?}");
    };
    let allowed = ["10.0.0.0/8", "fd00::/8", "10.30.0.0/16@resellers"];
    assert_eq!(settings.allow_address, allowed);
    assert_eq!(settings.deny_address, ["203.0.113.0/24"]);
    let bound = settings.bind_identity.iter().map(String::as_str);
    let bindings = Bindings::parse(bound).unwrap();
    let check = |namespace| {
        bindings.check(
            "acme-distribution",
            namespace,
            "https://b.example.com:8443/v1",
        )
    };
    assert_eq!(check("partners"), Ok(Bound::Yes));
    assert_eq!(check("evil"), Err(Unbound::Namespace));
    assert_eq!(settings.recheck_seconds, 60);
    assert_eq!(settings.health_listen.port(), 8080);
    assert!(settings.health_listen.ip().is_unspecified());
    assert!(matches!(settings.log_format, Format::Text));
    assert_eq!(settings.log_filter, "debug");
}

/// The longest request that a connection may allow is awaited when a pod ends.
#[test]
fn a_pod_ends_no_earlier_than_its_longest_request() {
    let crd: Value = serde_yaml::from_str(&read("crds/bssconnections.yaml")).unwrap();
    let longest = crd
        .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/limits/properties/requestTimeoutSeconds/maximum")
        .and_then(Value::as_i64)
        .unwrap();
    let objects = rendered(&[]);
    let deployment = of_kind(&objects, "Deployment")[0];
    let grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_i64();
    assert!(grace.unwrap() > longest);
}

#[test]
fn one_pod_has_no_budget_and_two_have() {
    assert_eq!(of_kind(&rendered(&[]), "PodDisruptionBudget").len(), 1);
    assert_eq!(
        of_kind(&rendered(&["--set=replicas=1"]), "PodDisruptionBudget").len(),
        0
    );
}

#[test]
fn another_service_account_gets_the_roles() {
    let objects = rendered(&["--set=serviceAccount.create=false,serviceAccount.name=theirs"]);
    assert!(of_kind(&objects, "ServiceAccount").is_empty());
    for kind in ["RoleBinding", "ClusterRoleBinding"] {
        for binding in of_kind(&objects, kind) {
            assert_eq!(
                binding["subjects"],
                json!([{ "kind": "ServiceAccount", "name": "theirs", "namespace": "system" }])
            );
        }
    }
}

/// The whole of what the operator may do. A new line here needs a reason, and the chart says it.
#[test]
fn rights_are_these_and_no_others() {
    let objects = rendered(&["--set=aggregatedRoles=never"]);
    assert_eq!(rules(&objects, "ClusterRole"), WHERE_UPGRADES_ARE);
    assert_eq!(rules(&objects, "Role"), AT_HOME);
    for file in [
        "_helpers.tpl",
        "role.yaml",
        "watchedrole.yaml",
        "metricsauth.yaml",
    ] {
        let text = read(&format!("{OPERATOR}/templates/{file}"));
        let mut previous = "";
        for line in text.lines() {
            if line.trim_start().starts_with("- apiGroups") {
                assert!(
                    previous.trim_start().starts_with('#'),
                    "{file}: no reason above {line}"
                );
            }
            previous = line;
        }
    }
}

/// The rules where upgrades are.
pub(super) const WHERE_UPGRADES_ARE: [&str; 10] = [
    "bssconnections/status: patch",
    "bssconnections: list,watch",
    "customerpricings/status: patch",
    "customerpricings: list,watch",
    "events: create,patch",
    "secrets: get",
    "tenantresellerupgrades/status: patch",
    "tenantresellerupgrades: get,list,watch",
    "tenantresellerupgrades: patch",
    "upgradereports: list,create,patch,delete",
];

/// The rules in the operator's own namespace.
pub(super) const AT_HOME: [&str; 4] = [
    "leases tenant-reseller-operator: get,update",
    "leases: create",
    "namespaces system: get",
    "resellerclaims: get,create,update",
];

/// The rules of all roles of a kind, one line for each resource.
pub(super) fn rules<'a>(objects: impl IntoIterator<Item = &'a Value>, kind: &str) -> Vec<String> {
    let mut lines: Vec<String> = objects
        .into_iter()
        .filter(|object| object["kind"] == kind)
        .flat_map(|role| role["rules"].as_array().unwrap())
        .flat_map(|rule| {
            let words = |member: &str| -> String {
                rule[member]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|word| word.as_str().unwrap())
                    .collect::<Vec<_>>()
                    .join(",")
            };
            let verbs = words("verbs");
            let only = rule["resourceNames"]
                .as_array()
                .map_or_else(String::new, |names| {
                    format!(" {}", names[0].as_str().unwrap())
                });
            words("resources")
                .split(',')
                .map(|resource| format!("{resource}{only}: {verbs}"))
                .collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_chart_of_definitions_keeps_them() {
    let output = helm(&["template", "crds", CRDS]);
    let objects: Vec<Value> =
        serde_yaml::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(objects.len(), tenant_reseller_operator::api::crds().len());
    for object in objects {
        assert_eq!(object["kind"], "CustomResourceDefinition");
        assert_eq!(
            object["metadata"]["annotations"],
            json!({ "helm.sh/resource-policy": "keep" })
        );
    }
}
