//! The values of the operator's chart: what each makes of the objects, as others install it: in
//! parent charts, under other names and versions, in some namespaces only.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::chart::{AT_HOME, CRDS, OPERATOR, WHERE_UPGRADES_ARE, helm, of_kind, rendered, rules};
use super::{project, read};

fn template(arguments: &[&str]) -> Result<Vec<Value>, String> {
    let output = helm(&[&["template"], arguments].concat());
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let all: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
    Ok(all.into_iter().filter(|object| !object.is_null()).collect())
}

fn pod(objects: &[Value]) -> &Value {
    &of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]
}

/// Every value that is off as shipped, on at once. tests/api installs this on a real API server.
pub(super) fn everything() -> String {
    project("tests/support/all-values.yaml")
        .display()
        .to_string()
}

#[test]
fn health_is_served_where_the_values_say_and_the_probes_follow() {
    let objects = rendered(&["--set=health.port=9443,health.address=[fd00::1]"]);
    let container = &pod(&objects)["containers"][0];
    let arguments = container["args"].as_array().unwrap();
    assert!(
        arguments.contains(&json!("--health-listen=[fd00::1]:9443")),
        "{arguments:?}"
    );
    assert_eq!(
        container["ports"],
        json!([{ "name": "health", "containerPort": 9443 }])
    );
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "health");
    }
    let objects = rendered(&["--set=health.address=0.0.0.0"]);
    let arguments = pod(&objects)["containers"][0]["args"].to_string();
    assert!(
        arguments.contains("--health-listen=0.0.0.0:8080"),
        "{arguments}"
    );
}

#[test]
fn null_takes_a_field_out_and_the_rest_stays() {
    let objects = rendered(&[
        "--set=podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null",
        "--set=securityContext.readOnlyRootFilesystem=null,securityContext.runAsUser=1000",
    ]);
    let pod_spec = pod(&objects);
    assert_eq!(
        pod_spec["securityContext"],
        json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } })
    );
    assert_eq!(
        pod_spec["containers"][0]["securityContext"],
        json!({ "allowPrivilegeEscalation": false, "runAsUser": 1000,
                "capabilities": { "drop": ["ALL"] } })
    );
    let objects = rendered(&["--set=podSecurityContext=null,securityContext=null"]);
    let pod_spec = pod(&objects);
    assert!(pod_spec["securityContext"].is_null());
    assert!(pod_spec["containers"][0]["securityContext"].is_null());
    // The same for whatever else people take out.
    for value in [
        "resources",
        "topologySpreadConstraints",
        "updateStrategy",
        "revisionHistoryLimit",
        "podLabels",
        "podAnnotations",
        "nodeSelector",
        "tolerations",
        "affinity",
        "env",
        "envFrom",
        "commonLabels",
        "imagePullSecrets",
        "allowedAddressRanges",
        "watchNamespaces",
        "extraArgs",
        "extraVolumes",
        "extraVolumeMounts",
        "hostAliases",
        "dnsConfig",
    ] {
        rendered(&[&format!("--set={value}=null")]);
    }
}

#[test]
fn what_the_pod_may_be_given_it_gets() {
    let objects = rendered(&["--values", &everything()]);
    let deployment = &of_kind(&objects, "Deployment")[0]["spec"];
    assert_eq!(deployment["strategy"], json!({ "type": "Recreate" }));
    assert_eq!(deployment["revisionHistoryLimit"], 3);
    let pod_spec = pod(&objects);
    let container = &pod_spec["containers"][0];
    let variables: Vec<&str> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["POD_NAMESPACE", "POD_NAME", "LOG_FILTER"]);
    for (place, member) in [
        (container, "envFrom"),
        (container, "volumeMounts"),
        (pod_spec, "volumes"),
        (pod_spec, "hostAliases"),
        (pod_spec, "dnsConfig"),
        (pod_spec, "dnsPolicy"),
        (pod_spec, "priorityClassName"),
        (pod_spec, "runtimeClassName"),
        (pod_spec, "nodeSelector"),
        (pod_spec, "tolerations"),
        (pod_spec, "affinity"),
        (pod_spec, "imagePullSecrets"),
    ] {
        assert!(!place[member].is_null(), "{member}");
    }
    // A constraint without a selector gets the pods'; one with a selector keeps it.
    let constraints = pod_spec["topologySpreadConstraints"].as_array().unwrap();
    let selector = &deployment["selector"];
    assert_eq!(constraints[0]["labelSelector"], *selector);
    assert_eq!(
        constraints[1]["labelSelector"],
        json!({ "matchLabels": { "mine": "too" } })
    );
}

#[test]
fn common_labels_are_everywhere_but_in_selectors() {
    let objects = rendered(&["--values", &everything()]);
    assert!(objects.len() > 12, "{}", objects.len());
    for object in &objects {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["team"], "billing", "{}", object["kind"]);
        assert_eq!(labels["app.kubernetes.io/name"], "tenant-reseller-operator");
        assert_eq!(
            object["metadata"]["annotations"]["cost"], "42",
            "{}",
            object["kind"]
        );
    }
    let deployment = &of_kind(&objects, "Deployment")[0]["spec"];
    assert_eq!(
        deployment["template"]["metadata"]["labels"]["team"],
        "billing"
    );
    assert!(deployment["selector"]["matchLabels"]["team"].is_null());
}

#[test]
fn watched_namespaces_get_roles_and_the_cluster_none() {
    let objects = rendered(&["--set=watchNamespaces={a,b}"]);
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert!(of_kind(&objects, kind).is_empty(), "{kind}");
    }
    for namespace in ["a", "b"] {
        let there: Vec<&Value> = objects
            .iter()
            .filter(|object| object["metadata"]["namespace"] == namespace)
            .collect();
        let exists = format!("namespaces {namespace}: get");
        let mut wanted: Vec<&str> = WHERE_UPGRADES_ARE
            .into_iter()
            .chain([exists.as_str()])
            .collect();
        wanted.sort_unstable();
        assert_eq!(rules(there.iter().copied(), "Role"), wanted);
        let bindings: Vec<&&Value> = there
            .iter()
            .filter(|o| o["kind"] == "RoleBinding")
            .collect();
        assert_eq!(bindings.len(), 1);
        assert_eq!(bindings[0]["subjects"][0]["namespace"], "system");
    }
    let home: Vec<&Value> = objects
        .iter()
        .filter(|object| object["metadata"]["namespace"] == "system")
        .collect();
    assert_eq!(rules(home.iter().copied(), "Role"), AT_HOME);
    let arguments = pod(&objects)["containers"][0]["args"].to_string();
    assert!(
        arguments.contains("\"--watch-namespace=a\",\"--watch-namespace=b\""),
        "{arguments}"
    );
    // The operator's own namespace may be among them.
    let objects = rendered(&["--set=watchNamespaces={system}"]);
    let roles = of_kind(&objects, "Role");
    assert_eq!(roles.len(), 2);
    assert_ne!(roles[0]["metadata"]["name"], roles[1]["metadata"]["name"]);
}

#[test]
fn people_get_what_people_write_and_see_the_rest() {
    let objects = rendered(&[]);
    let of = |label: &str| {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{label}");
        let roles = objects
            .iter()
            .filter(|o| o["metadata"]["labels"][&label] == "true");
        rules(roles, "ClusterRole").join("; ")
    };
    let (view, edit) = (of("view"), of("edit"));
    for kind in [
        "tenantresellerupgrades",
        "bssconnections",
        "customerpricings",
        "upgradereports",
        "resellerclaims",
    ] {
        assert!(view.contains(&format!("{kind}: get,list,watch")), "{view}");
    }
    assert!(
        !view.contains("create") && !view.contains("secrets"),
        "{view}"
    );
    assert!(
        edit.contains("tenantresellerupgrades: create,update,patch,delete"),
        "{edit}"
    );
    for kind in ["resellerclaims", "upgradereports"] {
        assert!(!edit.contains(&format!("{kind}: create")), "{edit}");
    }
    assert_eq!(edit, of("admin"));
    let count = |values: &[&str]| of_kind(&rendered(values), "ClusterRole").len();
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["--set=aggregatedRoles=never"]), 1);
    assert_eq!(
        count(&["--set=aggregatedRoles=always,watchNamespaces={a}"]),
        2
    );
}

#[test]
fn rights_to_ask_who_reads_the_metrics_are_there_only_when_asked_for() {
    let asks = |objects: &[Value]| {
        rules(objects, "ClusterRole")
            .join("; ")
            .contains("tokenreviews: create")
    };
    assert!(!asks(&rendered(&["--set=aggregatedRoles=never"])));
    let objects = template(&[
        "operator",
        OPERATOR,
        "--namespace=system",
        "--set=metrics.auth=token-review,aggregatedRoles=never,watchNamespaces={a}",
    ])
    .unwrap();
    let auth: Vec<&Value> = of_kind(&objects, "ClusterRole")
        .into_iter()
        .filter(|role| {
            role["metadata"]["name"]
                .as_str()
                .unwrap()
                .ends_with(":metrics-auth")
        })
        .collect();
    assert_eq!(
        rules(auth.iter().copied(), "ClusterRole"),
        ["subjectaccessreviews: create", "tokenreviews: create"]
    );
    let arguments = pod(&objects)["containers"][0]["args"].to_string();
    assert!(
        arguments.contains("--metrics-auth=token-review"),
        "{arguments}"
    );
}

#[test]
fn monitors_and_service_reach_the_pods() {
    for off in ["Service", "PodMonitor", "ServiceMonitor", "NetworkPolicy"] {
        assert!(of_kind(&rendered(&[]), off).is_empty(), "{off}");
    }
    let objects = rendered(&[
        "--set=metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.interval=15s,health.port=9000",
    ]);
    let service = of_kind(&objects, "Service")[0];
    assert_eq!(
        service["spec"]["ports"],
        json!([{ "name": "health", "port": 9000, "targetPort": "health" }])
    );
    let monitor = of_kind(&objects, "ServiceMonitor")[0];
    assert_eq!(
        monitor["spec"]["endpoints"],
        json!([{ "port": "health", "path": "/metrics", "interval": "15s" }])
    );
    let wanted = monitor["spec"]["selector"]["matchLabels"]
        .as_object()
        .unwrap();
    for (name, value) in wanted {
        assert_eq!(service["metadata"]["labels"][name], *value);
    }
    let objects = rendered(&["--values", &everything()]);
    let monitor = of_kind(&objects, "PodMonitor")[0];
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(
        monitor["spec"]["podMetricsEndpoints"][0]["authorization"],
        json!({ "credentials": { "name": "scraper", "key": "token" } })
    );
    let deployment = of_kind(&objects, "Deployment")[0];
    assert_eq!(monitor["spec"]["selector"], deployment["spec"]["selector"]);
}

#[test]
fn the_network_policy_names_what_is_declared() {
    let objects = rendered(&[
        "--set=networkPolicy.enabled=true,networkPolicy.bss[0].cidr=203.0.113.0/24,networkPolicy.bss[0].ports={443,8443}",
        "--set=networkPolicy.apiServer.cidrs={10.0.0.1/32}",
    ]);
    let policy = &of_kind(&objects, "NetworkPolicy")[0]["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let egress = policy["egress"].as_array().unwrap();
    assert_eq!(egress.len(), 3);
    assert_eq!(
        egress[1]["to"],
        json!([{ "ipBlock": { "cidr": "10.0.0.1/32" } }])
    );
    assert_eq!(
        egress[2],
        json!({ "to": [{ "ipBlock": { "cidr": "203.0.113.0/24" } }],
                "ports": [{ "protocol": "TCP", "port": 443 }, { "protocol": "TCP", "port": 8443 }] })
    );
    let ingress = policy["ingress"].as_array().unwrap();
    assert_eq!(
        ingress[0]["ports"],
        json!([{ "protocol": "TCP", "port": "health" }])
    );
}

/// A folder with a copy of a chart under another version.
fn copy_of(chart: &str, into: &Path, version: &str) {
    fs::create_dir_all(into.join("templates")).unwrap();
    for folder in ["", "templates"] {
        for entry in fs::read_dir(project(chart).join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), into.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    let file = into.join("Chart.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let text: String = text
        .lines()
        .map(|line| match line.split_once(':') {
            Some(("version", _)) => format!("version: {version}\n"),
            Some(("appVersion", _)) => format!("appVersion: {version:?}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(file, text).unwrap();
}

fn is_label_value(value: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    value.len() <= 63
        && value.chars().all(|c| end(c) || "-_.".contains(c))
        && value.starts_with(end)
        && value.ends_with(end)
}

#[test]
fn any_version_makes_labels_and_a_tag() {
    let long = format!("1.2.3-{}", "alpha.".repeat(12));
    for version in [
        "1.2.3+build.5",
        "0.0.0-dev.20261128.g1234567890abcdef1234567890abcdef12345678+dirty",
        // Cut in the middle, the label of chart and version would end in a dot.
        "1.2.3-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
        "1.2.3-rc.1+a-b",
        long.trim_end_matches('.'),
    ] {
        let folder = tempfile::tempdir().unwrap();
        copy_of(OPERATOR, folder.path(), version);
        let objects = template(&["operator", folder.path().to_str().unwrap()]).unwrap();
        assert!(objects.len() > 5);
        for object in &objects {
            let labels = object["metadata"]["labels"].as_object().unwrap();
            for (name, value) in labels {
                let value = value.as_str().unwrap();
                assert!(is_label_value(value), "{version}: {name}: {value}");
            }
        }
        let image = pod(&objects)["containers"][0]["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        assert!(tag.len() <= 128 && !tag.contains('+'), "{image}");
    }
}

#[test]
fn names_can_be_chosen() {
    let names = |values: &[&str]| {
        let objects =
            template(&[&["shop", OPERATOR, "--namespace=system"], values].concat()).unwrap();
        let deployment = of_kind(&objects, "Deployment")[0];
        let name = deployment["metadata"]["name"].as_str().unwrap().to_owned();
        let label = deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"].clone();
        (name, label.as_str().unwrap().to_owned())
    };
    assert_eq!(
        names(&[]),
        (
            "shop-tenant-reseller-operator".into(),
            "tenant-reseller-operator".into()
        )
    );
    assert_eq!(
        names(&["--set=nameOverride=tru"]),
        ("shop-tru".into(), "tru".into())
    );
    assert_eq!(
        names(&["--set=fullnameOverride=tru"]),
        ("tru".into(), "tenant-reseller-operator".into())
    );
}

/// An older API server is refused by name, and the versions of providers are taken.
#[test]
fn the_charts_say_which_kubernetes_they_need() {
    for chart in [OPERATOR, CRDS] {
        let on = |version: &str| template(&["any", chart, &format!("--kube-version={version}")]);
        for version in [
            "1.31.0",
            "1.32.1",
            "v1.33.2-eks-1a2b3c",
            "v1.31.4-gke.100",
            "1.37.2",
            // An API server that was built from source without a version.
            "v0.0.0-master+local",
        ] {
            on(version).unwrap_or_else(|said| panic!("{chart} on {version}: {said}"));
        }
        for version in ["1.30.9", "1.25.0", "1.20.0-rc.1", "0.1.0"] {
            let said = on(version).unwrap_err();
            assert!(said.contains("kubeVersion: >=1.31.0-0 ||"), "{said}");
        }
    }
    // Nothing in the definitions is younger than the version that the charts ask for.
    let young = [
        "optionalOldSelf: true",
        "format.named",
        "ip(",
        "cidr(",
        "semver(",
    ];
    for file in [
        "bssconnections",
        "customerpricings",
        "resellerclaims",
        "tenantresellerupgrades",
        "upgradereports",
    ] {
        let text = read(&format!("crds/{file}.yaml"));
        assert!(young.iter().all(|word| !text.contains(word)), "{file}");
    }
    // The version that the tests run on is the one that the pages name as tried.
    let pins = read("hack/control-plane/kubernetes/go.mod");
    let (_, after) = pins.split_once("k8s.io/kubernetes v").unwrap();
    let tried = after.split_whitespace().next().unwrap();
    for page in [
        "docs/howto/install.md",
        "charts/tenant-reseller-operator/README.md",
    ] {
        assert!(
            read(page).contains(tried),
            "{page} does not name Kubernetes {tried}"
        );
    }
}

/// A parent chart with both charts as dependencies.
fn parent(folder: &Path) {
    let charts = [project(OPERATOR), project(CRDS)];
    let chart = json!({
        "apiVersion": "v2", "name": "shop", "version": "1.0.0",
        "dependencies": [
            { "name": "tenant-reseller-operator", "version": "0.1.0", "condition": "tenant-reseller-operator.enabled" },
            { "name": "tenant-reseller-operator-crds", "version": "0.1.0", "alias": "definitions", "condition": "definitions.enabled" },
        ],
    });
    fs::write(
        folder.join("Chart.yaml"),
        serde_yaml::to_string(&chart).unwrap(),
    )
    .unwrap();
    let values = json!({
        "global": { "imageRegistry": "registry.example.com", "team": "billing" },
        "tenant-reseller-operator": {
            "enabled": true, "fullnameOverride": "tru", "nameOverride": "reseller",
            "global": { "more": 1 },
            "podSecurityContext": { "runAsUser": "", "runAsGroup": "" },
        },
        "definitions": { "enabled": true },
    });
    fs::write(
        folder.join("values.yaml"),
        serde_yaml::to_string(&values).unwrap(),
    )
    .unwrap();
    for (chart, name) in charts
        .iter()
        .zip(["tenant-reseller-operator", "tenant-reseller-operator-crds"])
    {
        let into = folder.join("charts").join(name);
        fs::create_dir_all(into.parent().unwrap()).unwrap();
        copy_of(
            chart.strip_prefix(project("")).unwrap().to_str().unwrap(),
            &into,
            "0.1.0",
        );
    }
}

#[test]
fn a_parent_chart_takes_both_charts_and_leaves_them_out() {
    let folder = tempfile::tempdir().unwrap();
    parent(folder.path());
    let chart = folder.path().to_str().unwrap();
    // helm finds a chart without templates worth a warning.
    fs::create_dir(folder.path().join("templates")).unwrap();
    let lint = helm(&["lint", "--strict", "--with-subcharts", chart]);
    assert!(
        lint.status.success(),
        "{}",
        String::from_utf8_lossy(&lint.stdout)
    );
    let objects = template(&["release", chart, "--namespace=system"]).unwrap();
    assert_eq!(of_kind(&objects, "CustomResourceDefinition").len(), 5);
    let deployment = of_kind(&objects, "Deployment")[0];
    assert_eq!(deployment["metadata"]["name"], "tru");
    assert_eq!(
        deployment["spec"]["template"]["spec"]["securityContext"],
        json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } }),
        "an empty text of a parent chart takes a field out, where Helm ignores null"
    );
    let container = "tenant-reseller-operator.securityContext";
    let by_hand = template(&[
        "release",
        chart,
        &format!("--set={container}.readOnlyRootFilesystem=null"),
    ])
    .unwrap();
    let context = &pod(&by_hand)["containers"][0]["securityContext"];
    assert!(context["readOnlyRootFilesystem"].is_null(), "{context}");
    let without = |value: &str| template(&["release", chart, value]).unwrap();
    let objects = without("--set=tenant-reseller-operator.enabled=false");
    assert!(of_kind(&objects, "Deployment").is_empty());
    assert_eq!(of_kind(&objects, "CustomResourceDefinition").len(), 5);
    let objects = without("--set=definitions.enabled=false");
    assert!(of_kind(&objects, "CustomResourceDefinition").is_empty());
    assert_eq!(of_kind(&objects, "Deployment").len(), 1);
}
