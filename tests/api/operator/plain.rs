//! The plain run, and all that people and tools see of it.

use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::view::MILESTONES;
use super::world::{NAME, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_reseller_goes_through_all_four_phases() {
    let world = World::start("plain").await;
    world.begin().await;
    // What a script does.
    let wait = world
        .kubectl(&[
            "wait",
            "tru",
            NAME,
            "--for=condition=Succeeded",
            "--timeout=90s",
        ])
        .await;
    assert!(wait.contains("condition met"), "{wait}");
    let view = world.ends_well().await;

    for type_ in ["Accepted", "Ready", "Succeeded"].iter().chain(&MILESTONES) {
        assert!(view.is(type_), "{type_}: {:#}", view.0);
    }
    assert_eq!(view.condition("Suspended").unwrap()["status"], "False");
    assert!(view.condition("Reconciling").is_none());
    assert!(view.condition("Stalled").is_none());
    assert_eq!(view.text("/status/phase"), "Done");
    assert_eq!(view.text("/status/bssIdentity"), "acme-plain");
    assert_eq!(view.text("/status/resellerAccountId"), "10423");
    assert!(view.0.pointer("/status/waitingFor").is_none());
    assert!(view.0.pointer("/status/failures").is_none());
    // It goes right after the end was written.
    let view = world
        .until("no finalizer", |view| {
            view.0.pointer("/metadata/finalizers").is_none()
        })
        .await;
    figures(&world, &view.0["status"]).await;
    timeline(&view.0["status"]["timeline"]);
    record(&world, &view.0).await;
    seen_by_kubectl(&world).await;
    phases_in_order(&world);
    exclusions(&world).await;
}

async fn figures(world: &World, status: &Value) {
    let state = world.bss.state().await;
    let progress = &status["progress"];
    assert_eq!(progress["customers"]["copied"], 12, "{progress:#}");
    assert_eq!(progress["customers"]["eligible"], 12, "{progress:#}");
    let copied = |kind: &str| progress[kind]["copied"].as_i64().unwrap();
    assert_eq!(copied("subscriptions") + copied("assets"), 40);
    assert_eq!(progress["failed"], 0);
    let excluded = &progress["subscriptions"]["excluded"];
    assert!(!excluded.as_object().unwrap().is_empty(), "{progress:#}");
    assert_eq!(state["subscriptions"]["eligible"], 40);
    let inventory = &status["inventory"];
    assert_eq!(inventory["customers"], 12, "{inventory:#}");
    assert_eq!(inventory["subscriptions"], copied("subscriptions"));
    assert_eq!(inventory["assets"], copied("assets"));
    assert_eq!(status["tenant"]["id"], state["tenant"]["id"]);
    assert!(status["tenant"]["requestedTime"].is_string(), "{status:#}");
}

fn timeline(timeline: &Value) {
    let entries = timeline.as_array().unwrap();
    let milestones: Vec<&str> = entries
        .iter()
        .map(|entry| entry["milestone"].as_str().unwrap())
        .collect();
    assert_eq!(milestones, MILESTONES);
    for entry in entries {
        let completed = entry["completedTime"].as_str().unwrap();
        if let Some(started) = entry["startedTime"].as_str() {
            assert!(started <= completed, "{entry}");
        }
    }
    let items = |n: usize| entries[n]["items"].as_i64().unwrap();
    assert_eq!((items(0), items(1), items(3)), (1, 12, 40), "{timeline:#}");
}

async fn record(world: &World, upgrade: &Value) {
    let claim = world.claim().await.spec;
    let state = world.bss.state().await;
    assert_eq!(claim.bss_identity, "acme-plain");
    assert_eq!(claim.reseller_account_id, "10423");
    assert_eq!(claim.holder.namespace, world.namespace);
    assert_eq!(claim.holder.name, NAME);
    assert_eq!(upgrade["metadata"]["uid"], claim.holder.uid);
    assert_eq!(json!(claim.epoch), state["epoch"]);
    assert!(!claim.acquisition_pending);
    assert_eq!(claim.unconfirmed_epoch, None);
    assert_eq!(json!(claim.tenant_id), state["tenant"]["id"]);
    assert!(claim.intents.create_tenant.is_none(), "{:?}", claim.intents);
    assert!(claim.intents.activate.is_none(), "{:?}", claim.intents);
    assert!(claim.activation_time.is_some());
    assert_eq!(
        json!(claim.inventory_digest),
        upgrade["status"]["inventory"]["digest"]
    );
    assert_eq!(claim.approval.as_deref(), Some("Automatic"));
    assert_eq!(claim.timeline.len(), MILESTONES.len());
    let holder = world.system.clone();
    let namespace: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(world.client.clone());
    let uid = namespace.get(&holder).await.unwrap().metadata.uid;
    assert_eq!(
        state["holder"],
        json!(format!("{}.{}", uid.unwrap(), world.namespace)),
        "the BSS knows us by our own namespace and that of the upgrade"
    );
}

async fn seen_by_kubectl(world: &World) {
    let wide = world.kubectl(&["get", "tru", "-o", "wide"]).await;
    let mut lines = wide.lines();
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    for column in [
        "READY",
        "PHASE",
        "PROGRESS",
        "FAILED",
        "AGE",
        "RESELLER",
        "CONNECTION",
        "TENANT",
        "MESSAGE",
    ] {
        assert!(columns.contains(&column), "no {column} in {wide}");
    }
    let row = lines.next().unwrap();
    for cell in ["contoso", "True", "Done", "40/40", "10423", "distributor"] {
        assert!(row.contains(cell), "no {cell} in {wide}");
    }
    let chosen = world
        .kubectl(&[
            "get",
            "tru",
            "--field-selector=status.phase=Done",
            "-o",
            "name",
        ])
        .await;
    assert!(chosen.contains(NAME), "{chosen}");
    let described = world.kubectl(&["describe", "tru", NAME]).await;
    let events: Vec<&str> = described
        .lines()
        .skip_while(|l| !l.starts_with("Events:"))
        .collect();
    assert!(events.len() > 5, "{described}");
    for milestone in MILESTONES {
        assert!(
            events.iter().any(|line| line.contains(milestone)),
            "no event of {milestone}: {events:#?}"
        );
    }
    assert!(
        events.iter().any(|line| line.contains("Succeeded")),
        "{events:#?}"
    );
    let connection = world
        .kubectl(&["get", "bssc", "distributor", "-o", "json"])
        .await;
    let connection: Value = serde_json::from_str(&connection).unwrap();
    for condition in connection["status"]["conditions"].as_array().unwrap() {
        assert_eq!(condition["status"], "True", "{condition:#}");
    }
    assert_eq!(connection["status"]["identity"], "acme-plain");
}

/// The phases came in their order, and each before the next was seen.
fn phases_in_order(world: &World) {
    let mut phases: Vec<String> = Vec::new();
    for object in world.history.all() {
        if let Some(phase) = object.pointer("/status/phase").and_then(Value::as_str)
            && phases.last().is_none_or(|last| last != phase)
        {
            phases.push(phase.to_owned());
        }
    }
    let order = [
        "Pending",
        "TenantCreation",
        "CustomerCopy",
        "PricingGate",
        "SubscriptionCopy",
        "Activation",
        "Verification",
        "Done",
    ];
    let places: Vec<usize> = phases
        .iter()
        .map(|phase| order.iter().position(|known| known == phase).unwrap())
        .collect();
    assert!(places.is_sorted(), "{phases:?}");
    assert!(places.len() >= 5, "{phases:?}");
}

async fn exclusions(world: &World) {
    let rows = world.rows("Exclusions").await;
    let mut reasons: Vec<&str> = rows
        .iter()
        .map(|row| row["reason"].as_str().unwrap())
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in ["Suspended", "Trial", "FutureDated"] {
        assert!(reasons.contains(&reason), "{reasons:?}");
    }
    assert!(world.rows("Blockers").await.is_empty());
    let reports = world
        .api("UpgradeReport")
        .list(&ListParams::default())
        .await
        .unwrap();
    for report in reports {
        let owner = &report.metadata.owner_references.unwrap()[0];
        assert_eq!(owner.name, NAME);
    }
}
