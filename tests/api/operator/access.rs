//! What the operator is allowed to, and what it waits for until it is given.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bss::Data;
use super::world::{NAME, Options, World, own_plane, until};

/// The service account of the chart can do what the operator needs, and cannot look around.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_account_cannot_look_around_nor_delete() {
    let world = World::start("rbac").await;
    let operator = world
        .plane
        .kubectl()
        .unwrap()
        .with_kubeconfig(&world.operator_kubeconfig);
    let can = |verb: &'static str, what: &'static str, namespace: &str| {
        let (operator, namespace) = (operator.clone(), namespace.to_owned());
        async move {
            let asked = ["auth", "can-i", verb, what, "-n", &namespace];
            let answer = operator.output(asked, "").await.unwrap();
            match answer.stdout.trim() {
                "yes" => true,
                "no" => false,
                other => panic!("{verb} {what}: {other} {}", answer.stderr),
            }
        }
    };
    for (verb, what) in [
        ("list", "secrets"),
        ("watch", "secrets"),
        ("create", "secrets"),
        ("update", "secrets"),
        ("delete", "tenantresellerupgrades"),
        ("create", "tenantresellerupgrades"),
        ("update", "tenantresellerupgrades"),
        ("delete", "resellerclaims"),
        ("patch", "bssconnections"),
        ("patch", "customerpricings"),
        ("get", "configmaps"),
        ("create", "pods"),
        ("impersonate", "users"),
        ("create", "serviceaccounts/token"),
    ] {
        assert!(
            !can(verb, what, &world.namespace).await,
            "may {verb} {what}"
        );
        assert!(!can(verb, what, &world.system).await, "may {verb} {what}");
    }
    assert!(!can("get", "resellerclaims", &world.namespace).await);
    assert!(can("get", "resellerclaims", &world.system).await);
    assert!(can("get", "secrets", &world.namespace).await);
    let refused = operator
        .output(["get", "secrets", "-n", &world.namespace], "")
        .await
        .unwrap();
    assert!(
        !refused.success && refused.stderr.contains("orbidden"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_awaited_and_what_appears_is_used() {
    let world = World::start("dependencies").await;
    let token = world.bss.token.clone();
    world.apply(&[world.upgrade()]).await;
    let view = world.until_reason("DependencyNotReady").await;
    assert!(view.message().contains("distributor"), "{}", view.summary());
    assert!(
        view.is("Reconciling") && !view.is("Stalled"),
        "{:#}",
        view.0
    );

    world.apply(&[world.connection()]).await;
    let view = world
        .until("the Secret is named", |view| {
            view.message().contains("credentials")
        })
        .await;
    assert_eq!(view.reason(), "DependencyNotReady");

    world.apply(&[world.credentials(&token)]).await;
    let view = world
        .until("the other Secret is named", |view| {
            view.message().contains("authority")
        })
        .await;
    assert_eq!(view.reason(), "DependencyNotReady");
    assert_eq!(
        world.bss.count("/epoch").await,
        0,
        "nothing was asked of the BSS"
    );

    world.apply(&[world.authority()]).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_named_and_a_right_one_is_used() {
    let world = World::start("token").await;
    let wrong = "contract-secret-of-nobody";
    world
        .apply(&[
            world.credentials(wrong),
            world.authority(),
            world.connection(),
            world.upgrade(),
        ])
        .await;
    let view = world.until_reason("CredentialsRejected").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert!(view.next_action().contains("Secret"), "{}", view.summary());
    until("the connection says so too", || async {
        let ready = connection_condition(&world, "Authenticated").await;
        (ready["status"] == "False", ready.to_string())
    })
    .await;
    let token = world.bss.token.clone();
    let mended = Instant::now();
    world.apply(&[world.credentials(&token)]).await;
    world
        .until("it is accepted", |view| view.is("TenantCreated"))
        .await;
    let took = mended.elapsed();
    assert!(
        took < Duration::from_secs(30),
        "a refused Secret is not kept for its minute: {took:?}"
    );
    world.ends_well().await;
    assert_eq!(
        connection_condition(&world, "Authenticated").await["status"],
        "True"
    );
}

/// Taken away in the middle, and given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_changed_in_the_middle() {
    let world = World::start("rotated").await;
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;
    world
        .apply(&[world.credentials("contract-secret-of-nobody")])
        .await;
    // The Secret is read again on request, not only when its minute is over.
    world
        .annotate("tenantreseller.io/requestedAt", Some("first"))
        .await;
    let view = world.until_reason("CredentialsRejected").await;
    assert!(view.is("CustomersCopied"), "{:#}", view.0);
    assert_eq!(view.text("/status/lastHandledReconcileAt"), "first");
    let token = world.bss.token.clone();
    world.apply(&[world.credentials(&token)]).await;
    world.until_reason("AwaitingPricing").await;
    let options = json!({
        "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined",
    });
    world.bss.act("reseller-staff/pricing", options).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_only_where_it_allows() {
    let world = World::start("hosts").await;
    let token = world.bss.token.clone();
    let mut elsewhere = world.credentials(&token);
    elsewhere["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] =
        json!("bss.example.com");
    let mut nowhere = world.credentials(&token);
    nowhere["metadata"]["annotations"] = json!({});
    world
        .apply(&[
            nowhere,
            world.authority(),
            world.connection(),
            world.upgrade(),
        ])
        .await;
    let view = world.until_reason("DependencyNotReady").await;
    let (message, next) = (view.message().to_owned(), view.next_action().to_owned());
    let entry = world.bss.authority_of_url();
    assert!(message.contains("allowed-hosts"), "{message}");
    let command = format!("'tenantreseller.io/allowed-hosts={entry}'");
    assert!(next.contains(&command), "{next}");
    // Who may not read Secrets learns nothing of them: the same words for one that names other
    // hosts, one that names only another port, and one that is not there.
    world.apply(&[elsewhere]).await;
    world.heartbeats(3).await;
    assert_eq!(
        world.until_reason("DependencyNotReady").await.message(),
        message
    );
    let mut port = world.credentials(&token);
    port["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] = json!("127.0.0.1");
    world.apply(&[port]).await;
    world.heartbeats(3).await;
    assert_eq!(
        world.until_reason("DependencyNotReady").await.message(),
        message
    );
    world.kubectl(&["delete", "secret", "credentials"]).await;
    world.heartbeats(3).await;
    assert_eq!(
        world.until_reason("DependencyNotReady").await.message(),
        message
    );
    assert_eq!(world.bss.count("/epoch").await, 0, "nothing was sent");
    assert_eq!(
        connection_condition(&world, "Ready").await["reason"],
        "DependencyNotReady"
    );
    world.apply(&[world.credentials(&token)]).await;
    world.ends_well().await;
    assert_eq!(world.view().await.text("/metadata/name"), NAME);
}

pub(super) async fn connection_condition(world: &World, type_: &str) -> Value {
    let connection = world
        .kubectl(&["get", "bssc", "distributor", "-o", "json"])
        .await;
    let connection: Value = serde_json::from_str(&connection).unwrap();
    let conditions = connection["status"]["conditions"].as_array();
    conditions
        .and_then(|all| all.iter().find(|c| c["type"] == type_))
        .cloned()
        .unwrap_or(Value::Null)
}

/// A verb on a resource of a group.
type Permission = (String, String, String);

/// What the rules of the chart allow, each verb by itself: those of every role that is bound to the
/// operator's account, wherever it is.
async fn allowed(world: &World) -> BTreeSet<Permission> {
    let kubectl = world.plane.kubectl().unwrap();
    let get = |what: &'static str| {
        let kubectl = kubectl.clone();
        async move {
            let all = ["get", what, "--all-namespaces", "--output=json"];
            let all: Value = serde_json::from_str(&kubectl.run(all).await.unwrap()).unwrap();
            all["items"].as_array().unwrap().clone()
        }
    };
    let roles = [get("clusterroles").await, get("roles").await].concat();
    let bindings = [get("clusterrolebindings").await, get("rolebindings").await].concat();
    let bound = bindings.iter().filter(|binding| {
        let mut subjects = binding["subjects"].as_array().into_iter().flatten();
        subjects.any(|subject| {
            subject["namespace"] == world.system.as_str()
                && subject["name"] == "tenant-reseller-operator"
        })
    });
    let bound: Vec<Value> = bound
        .map(|binding| {
            let found = roles.iter().find(|role| {
                let home = &role["metadata"]["namespace"];
                role["kind"] == binding["roleRef"]["kind"]
                    && role["metadata"]["name"] == binding["roleRef"]["name"]
                    && (home.is_null() || *home == binding["metadata"]["namespace"])
            });
            found.expect("a binding has its role").clone()
        })
        .collect();
    assert!(bound.len() >= 2, "{bound:#?}");
    let mut all = BTreeSet::new();
    for role in bound {
        for rule in role["rules"].as_array().unwrap() {
            let words = |member: &str| -> Vec<String> {
                let words = rule[member].as_array().unwrap().iter();
                words
                    .map(|word| word.as_str().unwrap().to_owned())
                    .collect()
            };
            for group in words("apiGroups") {
                for resource in words("resources") {
                    for verb in words("verbs") {
                        all.insert((group.clone(), resource.clone(), verb));
                    }
                }
            }
        }
    }
    all
}

/// What the operator did by the API server's own audit log. Nothing of it was refused.
fn used(audit: &str, world: &World) -> BTreeSet<Permission> {
    let account = format!("system:serviceaccount:{}:", world.system);
    let mut all = BTreeSet::new();
    for line in audit.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if !event["user"]["username"]
            .as_str()
            .unwrap()
            .starts_with(&account)
        {
            continue;
        }
        let Some(object) = event.get("objectRef").filter(|o| o["resource"].is_string()) else {
            continue;
        };
        assert_ne!(event["responseStatus"]["code"], 403, "{event:#}");
        let text = |member: &str| object[member].as_str().unwrap_or_default().to_owned();
        let resource = match text("subresource") {
            sub if sub.is_empty() => text("resource"),
            sub => format!("{}/{sub}", text("resource")),
        };
        let verb = event["verb"].as_str().unwrap().to_owned();
        // To apply what is not there yet needs leave to create, which the log does not show.
        if verb == "patch" && event["responseStatus"]["code"] == 201 {
            all.insert((text("apiGroup"), resource.clone(), "create".to_owned()));
        }
        all.insert((text("apiGroup"), resource, verb));
    }
    all
}

/// A run that meets everything uses every rule of the chart, and asks for nothing beside them.
#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_used_and_nothing_is_refused() {
    let options = Options {
        watches_all: true,
        ..Options::default()
    };
    audited("audited", options).await;
}

/// The same with Roles in the namespaces that are watched, and with metrics for those who may read
/// them.
#[tokio::test(flavor = "multi_thread")]
async fn in_watched_namespaces_every_rule_is_used_and_nothing_is_refused() {
    let options = Options {
        values: vec![
            "watchNamespaces={audited-too}".to_owned(),
            "metrics.auth=token-review".to_owned(),
        ],
        arguments: vec!["--metrics-auth=token-review".to_owned()],
        ..Options::default()
    };
    let world = audited("audited-too", options).await;
    let operator = world
        .plane
        .kubectl()
        .unwrap()
        .with_kubeconfig(&world.operator_kubeconfig);
    for (verb, what, namespace, may) in [
        ("get", "secrets", "audited-too", "yes"),
        ("get", "secrets", "default", "no"),
        ("get", "secrets", world.system.as_str(), "no"),
        ("list", "tenantresellerupgrades", "audited-too", "yes"),
        ("list", "tenantresellerupgrades", "default", "no"),
        ("get", "namespaces", "default", "no"),
    ] {
        let asked = ["auth", "can-i", verb, what, "-n", namespace];
        let answer = operator.output(asked, "").await.unwrap();
        assert_eq!(answer.stdout.trim(), may, "{verb} {what} in {namespace}");
    }
}

/// Lets an operator under these options meet everything, and compares what it asked the API server
/// for with what it may.
async fn audited(label: &str, options: Options) -> World {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let log = folder.path().join("audit.log");
    let rules = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "Metadata", "userGroups": ["system:serviceaccounts"] },
            { "level": "None" },
        ],
    });
    std::fs::write(&policy, rules.to_string()).unwrap();
    let plane = own_plane(vec![
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", log.display()),
    ])
    .await;
    let guarded = !options.arguments.is_empty();
    let options = Options {
        data: Data {
            defects: "demo",
            ..Data::default()
        },
        ..options
    };
    let mut world = World::on(plane, label, options).await;
    if guarded {
        metrics_are_for_accounts_that_may_read_them(&world).await;
    }
    world.connect().await;
    world.apply(&[world.waiting_upgrade()]).await;
    world.until_reason("AwaitingPricing").await;
    // Twice, so that an event becomes a series.
    for _ in 0..2 {
        world.patch(json!({ "spec": { "suspend": true } })).await;
        world.until_reason("Suspended").await;
        world.patch(json!({ "spec": { "suspend": false } })).await;
        world.until_reason("AwaitingPricing").await;
    }
    world.kill().await;
    let customers = world.bss.created("copyCustomers").await;
    let rows: Vec<Value> = customers
        .iter()
        .map(|customer| {
            json!({
                "accountId": customer, "priceList": "PL-RETAIL", "billing": { "day": 1 },
                "paymentMethod": "Invoice", "invoicing": "Combined",
            })
        })
        .collect();
    let pricing = json!({
        "apiVersion": "tenantreseller.io/v1alpha1", "kind": "CustomerPricing",
        "metadata": { "name": "all", "namespace": world.namespace },
        "spec": { "upgradeRef": { "name": NAME }, "customers": rows },
    });
    world.apply(&[pricing]).await;
    world.until_reason("PrecheckFailed").await;
    world.bss.act("fix-defects", json!({})).await;
    world.ends_well().await;
    let allowed = allowed(&world).await;
    assert!(allowed.len() > 15, "{allowed:?}");
    until("every rule is used", || async {
        let used = used(&std::fs::read_to_string(&log).unwrap(), &world);
        let unused: Vec<&Permission> = allowed.difference(&used).collect();
        (unused.is_empty(), format!("never used: {unused:?}"))
    })
    .await;
    let used = used(&std::fs::read_to_string(&log).unwrap(), &world);
    let beside: Vec<&Permission> = used.difference(&allowed).collect();
    assert!(beside.is_empty(), "beside the rules: {beside:?}");
    world
}

async fn metrics_are_for_accounts_that_may_read_them(world: &World) {
    let kubectl = world.plane.kubectl().unwrap();
    let system = format!("--namespace={}", world.system);
    for account in ["scraper", "stranger"] {
        kubectl
            .run(["create", "serviceaccount", account, &system])
            .await
            .unwrap();
    }
    let role = format!(
        "--clusterrole={}:tenant-reseller-operator:metrics-reader",
        world.system
    );
    let account = format!("--serviceaccount={}:scraper", world.system);
    let bind = ["create", "clusterrolebinding", "scraper", &role, &account];
    kubectl.run(bind).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |token: Option<String>| {
        let mut asked = http.get(format!("{}/metrics", world.health));
        if let Some(token) = token {
            asked = asked.bearer_auth(token);
        }
        async move { asked.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(ask(None).await, 401);
    assert_eq!(ask(Some("made-up".into())).await, 401);
    let token = |account: &'static str| world.plane.token_for(&world.system, account);
    assert_eq!(ask(Some(token("stranger").await.unwrap())).await, 403);
    assert_eq!(ask(Some(token("scraper").await.unwrap())).await, 200);
    // Probes need no token.
    let probe = http
        .get(format!("{}/readyz", world.health))
        .send()
        .await
        .unwrap();
    assert_eq!(probe.status(), 200);
    assert!(!world.log().contains("made-up"));
}
