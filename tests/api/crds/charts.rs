//! The charts and the examples on a real API server.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tenant_reseller_operator::api;

use super::{DEFINITIONS, OPERATOR, Objects as _, SYSTEM, namespace, upgrade};

/// In one test, because there is one release of each chart.
#[tokio::test(flavor = "multi_thread")]
async fn releases_come_and_go() {
    both_charts_are_there_and_upgrade_without_a_change().await;
    removing_a_release_removes_no_upgrade().await;
}

async fn both_charts_are_there_and_upgrade_without_a_change() {
    let namespace = namespace("releases").await;
    let helm = namespace.plane.helm().unwrap();
    let listed = helm
        .run(["list", "--namespace", SYSTEM, "--output=json"])
        .await
        .unwrap();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let mut releases: Vec<(&str, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|release| {
            (
                release["name"].as_str().unwrap(),
                release["status"].as_str().unwrap(),
            )
        })
        .collect();
    releases.sort_unstable();
    assert_eq!(
        releases,
        [(DEFINITIONS, "deployed"), (OPERATOR, "deployed")]
    );

    let deployments: Api<Deployment> = Api::namespaced(namespace.client.clone(), SYSTEM);
    let before = deployments.get(OPERATOR).await.unwrap().metadata.generation;
    let chart = "charts/tenant-reseller-operator";
    let in_system = format!("--namespace={SYSTEM}");
    helm.run(["upgrade", OPERATOR, chart, &in_system])
        .await
        .unwrap();
    let after = deployments.get(OPERATOR).await.unwrap().metadata.generation;
    assert_eq!(before, after);
    let notes = helm
        .run(["get", "notes", OPERATOR, &in_system])
        .await
        .unwrap();
    assert!(
        notes.contains("kubectl explain tenantresellerupgrade.spec"),
        "{notes}"
    );
}

/// `helm uninstall` of both releases keeps the objects.
async fn removing_a_release_removes_no_upgrade() {
    let namespace = namespace("removed").await;
    let helm = namespace.plane.helm().unwrap();
    namespace.create(&upgrade("contoso")).await.unwrap();
    let there = format!("--namespace={}", namespace.name);
    helm.run([
        "install",
        "second",
        "charts/tenant-reseller-operator",
        &there,
    ])
    .await
    .unwrap();
    helm.run(["uninstall", "second", &there]).await.unwrap();

    let in_system = format!("--namespace={SYSTEM}");
    let said = helm
        .run(["uninstall", DEFINITIONS, &in_system])
        .await
        .unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(namespace.client.clone());
    let left = definitions
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    let ours = left.iter().filter(|crd| crd.spec.group == api::GROUP);
    assert_eq!(ours.count(), api::crds().len(), "{said}");
    assert!(
        left.iter()
            .all(|crd| crd.metadata.deletion_timestamp.is_none())
    );
    assert!(
        namespace
            .of("TenantResellerUpgrade")
            .get("contoso")
            .await
            .is_ok()
    );

    let chart = "charts/tenant-reseller-operator-crds";
    helm.run(["install", DEFINITIONS, chart, &in_system])
        .await
        .unwrap();
}

/// The definitions are stored as they were written: nothing in them was pruned or defaulted away.
#[tokio::test(flavor = "multi_thread")]
async fn definitions_are_stored_as_written() {
    let namespace = namespace("stored").await;
    let definitions: Api<CustomResourceDefinition> = Api::all(namespace.client.clone());
    for wanted in api::crds() {
        let name = wanted.metadata.name.as_deref().unwrap();
        let stored = definitions.get(name).await.unwrap();
        let conditions = stored
            .status
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let complaint = conditions.iter().find(|c| {
            c.type_ == "NonStructuralSchema" || c.type_ == "NamesAccepted" && c.status != "True"
        });
        assert!(complaint.is_none(), "{complaint:?}");
        let schema = |crd: &CustomResourceDefinition| crd.spec.versions[0].schema.clone();
        let stored = CustomResourceDefinition {
            status: None,
            ..definitions.get(name).await.unwrap()
        };
        assert!(
            schema(&stored) == schema(&wanted),
            "{name} is not stored as it was written (or the chart is not generated anew)"
        );
    }
}

/// The chart as shipped, and with every value on, also in its form for some namespaces, where the
/// restricted profile is enforced: every object is accepted by a dry run of the server, and so is the
/// pod that the Deployment makes.
#[tokio::test(flavor = "multi_thread")]
async fn the_chart_is_taken_where_only_restricted_pods_are_whatever_the_values() {
    let namespace = namespace("restricted").await;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    namespace
        .kubectl(&["label", "namespace", &namespace.name, label])
        .await
        .unwrap();
    foreign_kinds(&namespace).await;
    let all = "--values=tests/support/all-values.yaml";
    let watched = format!("--set=watchNamespaces={{{}}}", namespace.name);
    for values in [vec![], vec![all], vec![all, &watched]] {
        let (kubectl, helm) = (
            namespace.plane.kubectl().unwrap(),
            namespace.plane.helm().unwrap(),
        );
        let place = format!("--namespace={}", namespace.name);
        let chart = [
            "template",
            "restricted",
            "charts/tenant-reseller-operator",
            &place,
        ];
        let rendered = helm.run([&chart[..], &values].concat()).await.unwrap();
        let dry = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
        kubectl.run_with_input(dry, &rendered).await.unwrap();

        let objects: Vec<Value> = serde_yaml::from_multiple(&rendered).unwrap();
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "operator" },
            "spec": deployment.unwrap()["spec"]["template"]["spec"],
        });
        // Admission of service accounts is off here, which would otherwise ask for this one.
        pod["spec"]["serviceAccountName"] = json!("default");
        let dry = ["create", "--dry-run=server", &place, "-f", "-"];
        kubectl.run_with_input(dry, &pod.to_string()).await.unwrap();

        // And the profile is in force at all.
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let said = kubectl
            .run_with_input(dry, &pod.to_string())
            .await
            .unwrap_err()
            .chain();
        assert!(said.contains("violates PodSecurity"), "{said}");

        // Helm itself, with what it asks the server.
        let install = [
            "install",
            "restricted",
            "charts/tenant-reseller-operator",
            &place,
        ];
        let install = [&install[..], &values, &["--dry-run=server"]].concat();
        helm.run(install).await.unwrap();
    }
    // Not only tried.
    let helm = namespace.plane.helm().unwrap();
    let place = format!("--namespace={}", namespace.name);
    let install = [
        "install",
        "restricted",
        "charts/tenant-reseller-operator",
        &place,
        all,
    ];
    helm.run(install).await.unwrap();
    helm.run(["uninstall", "restricted", &place]).await.unwrap();
}

/// What the values name and this cluster lacks: the Prometheus operator's kinds, and a runtime class.
async fn foreign_kinds(namespace: &support::control_plane::TestNamespace) {
    let kind = |name: &str, plural: &str| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.monitoring.coreos.com") },
            "spec": {
                "group": "monitoring.coreos.com", "scope": "Namespaced",
                "names": { "kind": name, "plural": plural, "singular": name.to_lowercase() },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    } },
                }],
            },
        })
    };
    let runtime = json!({
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
        "metadata": { "name": "gvisor" }, "handler": "runsc",
    });
    let items = [
        kind("PodMonitor", "podmonitors"),
        kind("ServiceMonitor", "servicemonitors"),
        kind("PrometheusRule", "prometheusrules"),
        runtime,
    ];
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let kubectl = namespace.plane.kubectl().unwrap();
    kubectl
        .run_with_input(["apply", "-f", "-"], &list.to_string())
        .await
        .unwrap();
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd/podmonitors.monitoring.coreos.com",
        "crd/servicemonitors.monitoring.coreos.com",
        "crd/prometheusrules.monitoring.coreos.com",
    ];
    kubectl.run(wait).await.unwrap();
}

/// Who may view or edit a namespace sees and writes what people see and write.
#[tokio::test(flavor = "multi_thread")]
async fn people_with_the_clusters_roles_get_the_custom_resources() {
    let namespace = namespace("people").await;
    let kubectl = namespace.plane.kubectl().unwrap();
    for role in ["view", "edit"] {
        let bind = [
            "create",
            "rolebinding",
            role,
            "--clusterrole",
            role,
            "--user",
            role,
        ];
        namespace.kubectl(&bind).await.unwrap();
    }
    // The controller that aggregates does not run here; what it would do is done by the labels.
    let aggregated = |role: &'static str| {
        let kubectl = kubectl.clone();
        async move {
            let label = format!("--selector=rbac.authorization.k8s.io/aggregate-to-{role}=true");
            let all = ["get", "clusterroles", "--output=json", &label];
            let all: Value = serde_json::from_str(&kubectl.run(all).await.unwrap()).unwrap();
            // The roles that aggregate have none of their own.
            let roles = all["items"].as_array().unwrap().iter();
            let lists = roles.filter_map(|role| role["rules"].as_array());
            lists
                .map(|rules| Value::from(rules.clone()).to_string())
                .collect::<String>()
        }
    };
    let view = aggregated("view").await;
    assert!(
        view.contains("resellerclaims") && view.contains("upgradereports"),
        "{view}"
    );
    for (user, rules) in [("view", view), ("edit", aggregated("edit").await)] {
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": user, "namespace": namespace.name },
            "rules": flattened(&rules),
        });
        let make = ["apply", "-f", "-"];
        kubectl
            .run_with_input(make, &role.to_string())
            .await
            .unwrap();
        let name = format!("{user}-aggregated");
        let bind = [
            "create",
            "rolebinding",
            &name,
            "--role",
            user,
            "--user",
            user,
        ];
        namespace.kubectl(&bind).await.unwrap();
    }
    for (user, verb, kind, may) in [
        ("view", "list", "tenantresellerupgrades", "yes"),
        ("view", "watch", "resellerclaims", "yes"),
        ("view", "create", "tenantresellerupgrades", "no"),
        ("edit", "create", "tenantresellerupgrades", "yes"),
        ("edit", "patch", "bssconnections", "yes"),
        ("edit", "get", "upgradereports", "yes"),
        ("edit", "get", "resellerclaims", "yes"),
        ("edit", "delete", "resellerclaims", "no"),
        ("edit", "patch", "resellerclaims", "no"),
        ("edit", "create", "upgradereports", "no"),
    ] {
        let kind = format!("{kind}.tenantreseller.io");
        let asked = [
            "auth",
            "can-i",
            verb,
            &kind,
            "--as",
            user,
            "-n",
            &namespace.name,
        ];
        let said = kubectl.output(asked, "").await.unwrap();
        assert_eq!(
            said.stdout.trim(),
            may,
            "{user} {verb} {kind}: {}",
            said.stderr
        );
    }
}

/// The rules of our own group in texts of rules that follow each other.
fn flattened(rules: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(rules)
        .into_iter::<Vec<Value>>()
        .flat_map(Result::unwrap)
        .filter(|rule| rule["apiGroups"][0] == api::GROUP)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_account_may_what_it_needs_and_no_more() {
    let namespace = namespace("rights").await;
    let account = format!("--as=system:serviceaccount:{SYSTEM}:{OPERATOR}");
    let kubectl = namespace.plane.kubectl().unwrap();
    for (place, verb, resource, want) in [
        (
            namespace.name.as_str(),
            "watch",
            "tenantresellerupgrades.tenantreseller.io",
            true,
        ),
        (
            &namespace.name,
            "patch",
            "tenantresellerupgrades.tenantreseller.io/status",
            true,
        ),
        (
            &namespace.name,
            "create",
            "tenantresellerupgrades.tenantreseller.io",
            false,
        ),
        (
            &namespace.name,
            "delete",
            "tenantresellerupgrades.tenantreseller.io",
            false,
        ),
        (
            &namespace.name,
            "patch",
            "bssconnections.tenantreseller.io",
            false,
        ),
        (&namespace.name, "get", "secrets", true),
        (&namespace.name, "list", "secrets", false),
        (&namespace.name, "watch", "secrets", false),
        (&namespace.name, "create", "events.events.k8s.io", true),
        (&namespace.name, "get", "leases.coordination.k8s.io", false),
        (
            &namespace.name,
            "create",
            "resellerclaims.tenantreseller.io",
            false,
        ),
        (SYSTEM, "create", "resellerclaims.tenantreseller.io", true),
        (SYSTEM, "delete", "resellerclaims.tenantreseller.io", false),
        (SYSTEM, "create", "leases.coordination.k8s.io", true),
        (SYSTEM, "update", "leases.coordination.k8s.io", false),
    ] {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let subresource = format!("--subresource={subresource}");
        let asked = [
            "auth",
            "can-i",
            verb,
            resource,
            &subresource,
            "--namespace",
            place,
            &account,
        ];
        let said = kubectl.output(asked, "").await.unwrap();
        assert_eq!(
            said.stdout.trim(),
            if want { "yes" } else { "no" },
            "{verb} {resource} in {place}: {}",
            said.stderr
        );
    }
    for (object, place, verb, want) in [
        (format!("namespaces/{SYSTEM}"), SYSTEM, "get", "yes"),
        ("namespaces/default".to_owned(), "default", "get", "no"),
        (
            format!("leases.coordination.k8s.io/{OPERATOR}"),
            SYSTEM,
            "update",
            "yes",
        ),
    ] {
        let asked = [
            "auth",
            "can-i",
            verb,
            &object,
            "--namespace",
            place,
            &account,
        ];
        let said = kubectl.output(asked, "").await.unwrap();
        assert_eq!(said.stdout.trim(), want, "{verb} {object}: {}", said.stderr);
    }
}

/// The examples as they are: one apply takes them all; applied twice, nothing changes, and kubectl sees no difference; by
/// server-side apply neither.
#[tokio::test(flavor = "multi_thread")]
async fn examples_apply_and_apply_again() {
    let namespace = namespace("examples").await;
    let kubectl = namespace.plane.kubectl().unwrap();
    // The folder at once, as the first command in a cluster that has the definitions alone: the
    // namespace is in the file that comes first by name.
    let with = |words: &[&'static str]| [words, &["--filename=examples/"]].concat();
    let versions = || async {
        let all = [
            "get",
            "tenantreseller,secrets",
            "--namespace=resellers",
            "--output=jsonpath={range .items[*]}{.kind} {.metadata.generation} {.metadata.resourceVersion}{\"\\n\"}{end}",
        ];
        kubectl.run(all).await.unwrap()
    };
    kubectl
        .run(with(&["apply", "--validate=strict"]))
        .await
        .expect("one apply is enough");
    let first = versions().await;
    assert_eq!(first.lines().count(), 18, "{first}");
    let said = kubectl.run(with(&["apply"])).await.unwrap();
    assert!(
        said.lines()
            .filter(|line| !line.starts_with("secret/"))
            .all(|line| line.ends_with(" unchanged")),
        "{said}"
    );
    assert_eq!(versions().await, first);
    let diff = kubectl.output(with(&["diff"]), "").await.unwrap();
    assert!(diff.success, "{}{}", diff.stdout, diff.stderr);

    let by_server = with(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
    ]);
    kubectl.run(by_server.clone()).await.unwrap();
    let second = versions().await;
    kubectl.run(by_server).await.unwrap();
    assert_eq!(versions().await, second);
    let generations = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.rsplit_once(' ').map(|(head, _)| head.to_owned()))
            .collect()
    };
    assert_eq!(generations(&second), generations(&first));
    super::pages::are_true(&namespace).await;
}
