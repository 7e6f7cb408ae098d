//! An operator that watches some namespaces by name.

use super::world::{Options, World, until};

/// What `/readyz` says.
async fn readyz(world: &World) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .get(format!("{}/readyz", world.health))
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

async fn until_readyz(world: &World, words: &str) {
    until(words, || async {
        let said = readyz(world).await;
        (said.contains(words), said)
    })
    .await;
}

/// Two namespaces by Roles. One goes away in the middle: it is named, and the upgrade in the other
/// goes on to its end. It comes back with an upgrade, and that is worked on.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_goes_is_named_and_the_other_goes_on() {
    let plane = crate::crds::plane().await;
    let kubectl = plane.kubectl().unwrap();
    kubectl
        .run(["create", "namespace", "spaces-b"])
        .await
        .unwrap();
    let options = Options {
        values: vec!["watchNamespaces={spaces,spaces-b}".to_owned()],
        arguments: vec!["--watch-namespace=spaces-b".to_owned()],
        ..Options::default()
    };
    let world = World::on(plane, "spaces", options).await;
    kubectl
        .run(["delete", "namespace", "spaces-b"])
        .await
        .unwrap();
    until_readyz(&world, "namespace spaces-b").await;
    world.begin().await;
    world.until_succeeded().await;
    world.bss.judged_clean().await;
    let said = readyz(&world).await;
    assert!(said.contains("namespace spaces-b"), "{said}");
    assert!(!said.contains("namespace spaces:"), "{said}");

    kubectl
        .run(["create", "namespace", "spaces-b"])
        .await
        .unwrap();
    let upgrade = [
        "upgrade",
        "tenant-reseller-operator",
        "charts/tenant-reseller-operator",
        "--namespace=spaces-system",
        "--set=watchNamespaces={spaces,spaces-b}",
    ];
    plane.helm().unwrap().run(upgrade).await.unwrap();
    until_readyz(&world, "ok").await;
    let mut other = world.upgrade();
    other["metadata"]["namespace"] = "spaces-b".into();
    world.apply(&[other]).await;
    until("the upgrade there is looked at", || async {
        let reason = "--output=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
        let get = ["get", "tru", "contoso", "--namespace=spaces-b", reason];
        let said = kubectl.run(get).await.unwrap();
        // The connection that it names is in the other namespace, and is not used from here.
        (said == "DependencyNotReady", said)
    })
    .await;
}

/// With rights over the whole cluster a list in a namespace that does not exist is empty and no error.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_does_not_exist_is_named_whatever_the_rights() {
    let mut world = World::start("misspelt").await;
    let health = world.health.rsplit(':').next().unwrap().parse().unwrap();
    let spec = world.run.spec("operator-misspelt-2", "operator-1", health);
    world.operator.terminate().await.unwrap();
    let spec = spec.arg("--watch-namespace=misspellt");
    world.operator = world.plane.supervisor().start(spec).unwrap();
    until("the namespace is named", || async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let said = match http.get(format!("{}/readyz", world.health)).send().await {
            Ok(answer) => answer.text().await.unwrap(),
            Err(error) => error.to_string(),
        };
        let named = said.contains("namespace misspellt does not exist");
        (named, format!("{said}; {}", world.operator.tail()))
    })
    .await;
    // The other is worked on all the same.
    world.begin().await;
    world.until_succeeded().await;
}
