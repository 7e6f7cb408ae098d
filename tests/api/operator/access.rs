//! What the operator is allowed to, and what it waits for until it is given.

use serde_json::{Value, json};

use super::world::{NAME, World, until};

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
        assert!(!can(verb, what, &world.namespace).await, "may {verb} {what}");
        assert!(!can(verb, what, &world.system).await, "may {verb} {what}");
    }
    assert!(!can("get", "resellerclaims", &world.namespace).await);
    assert!(can("get", "resellerclaims", &world.system).await);
    assert!(can("get", "secrets", &world.namespace).await);
    let refused = operator
        .output(["get", "secrets", "-n", &world.namespace], "")
        .await
        .unwrap();
    assert!(!refused.success && refused.stderr.contains("orbidden"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_awaited_and_what_appears_is_used() {
    let world = World::start("dependencies").await;
    let token = world.bss.token.clone();
    world.apply(&[world.upgrade()]).await;
    let view = world.until_reason("DependencyNotReady").await;
    assert!(view.message().contains("distributor"), "{}", view.summary());
    assert!(view.is("Reconciling") && !view.is("Stalled"), "{:#}", view.0);

    world.apply(&[world.connection()]).await;
    let view = world
        .until("the Secret is named", |view| view.message().contains("credentials"))
        .await;
    assert_eq!(view.reason(), "DependencyNotReady");

    world.apply(&[world.credentials(&token)]).await;
    let view = world
        .until("the other Secret is named", |view| view.message().contains("authority"))
        .await;
    assert_eq!(view.reason(), "DependencyNotReady");
    assert_eq!(world.bss.count("/epoch").await, 0, "nothing was asked of the BSS");

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
    world.apply(&[world.credentials(&token)]).await;
    world.ends_well().await;
    assert_eq!(connection_condition(&world, "Authenticated").await["status"], "True");
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
        .apply(&[nowhere, world.authority(), world.connection(), world.upgrade()])
        .await;
    let view = world.until_reason("ConnectionForbidden").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert!(
        format!("{} {}", view.message(), view.next_action()).contains("allowed-hosts"),
        "{}",
        view.summary()
    );
    world.apply(&[elsewhere]).await;
    world.heartbeats(3).await;
    world.until_reason("ConnectionForbidden").await;
    assert_eq!(world.bss.count("/epoch").await, 0, "nothing was sent");
    assert_eq!(connection_condition(&world, "Ready").await["reason"], "ConnectionForbidden");
    world.apply(&[world.credentials(&token)]).await;
    world.ends_well().await;
    assert_eq!(world.view().await.text("/metadata/name"), NAME);
}

async fn connection_condition(world: &World, type_: &str) -> Value {
    let connection = world.kubectl(&["get", "bssc", "distributor", "-o", "json"]).await;
    let connection: Value = serde_json::from_str(&connection).unwrap();
    let conditions = connection["status"]["conditions"].as_array();
    conditions
        .and_then(|all| all.iter().find(|c| c["type"] == type_))
        .cloned()
        .unwrap_or(Value::Null)
}
