//! The judge: silent over a clean run, and tripped by each seeded violation.

use serde_json::{Value, json};

use crate::support::{World, text};

const CLEAN: &[&str] = &[
    "duplicated",
    "lost",
    "doubleCharges",
    "missingCharges",
    "chargesAfterCancellation",
    "differingCharges",
    "vendorProvisionings",
    "orders",
    "mails",
    "halfMarked",
];

/// A world whose whole life was in order, two billing cycles past the switch.
async fn judged() -> (World, Value) {
    let world = World::new().await.complete().await;
    world
        .control("run-billing-cycles", json!({ "count": 1 }))
        .await
        .ok();
    world.activate("a").await.ok();
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    let judged = world.judge().await;
    (world, judged)
}

#[tokio::test]
async fn a_clean_run_has_nothing_to_answer_for() {
    let (_world, judged) = judged().await;
    for figure in CLEAN {
        assert_eq!(judged[*figure], 0, "{figure}");
    }
    for (figure, count) in [
        ("eligible", 12),
        ("copied", 12),
        ("activations", 1),
        ("marked", 6),
        ("periods", 3),
        ("periodsAfterActivation", 2),
    ] {
        assert_eq!(judged[figure], count, "{figure}");
    }
}

#[tokio::test]
async fn each_violation_trips_its_judge_and_no_other() {
    let (world, _) = judged().await;
    let sources: Vec<Value> = world
        .eligible()
        .await
        .into_iter()
        .filter(|each| each["kind"] == "Subscription")
        .map(|each| each["id"].clone())
        .collect();
    let suspended = world.subscriptions().await;
    let suspended = suspended
        .iter()
        .find(|each| each["state"] == "Cancelled")
        .unwrap();
    let source = &sources[0];
    let on = |side: &str| json!({ "sourceId": source, "side": side });
    let mut expected = world.judge().await;
    for (figure, by, defect) in [
        (
            "doubleCharges",
            1,
            json!({ "DoubleCharge": on("Distributor") }),
        ),
        (
            "doubleCharges",
            1,
            json!({ "DoubleCharge": on("Reseller") }),
        ),
        (
            "differingCharges",
            3,
            json!({ "DifferingCharge":
            { "sourceId": sources[1], "side": "Distributor" } }),
        ),
        (
            "missingCharges",
            3,
            json!({ "MissingCharge":
            { "sourceId": sources[2], "side": "Distributor" } }),
        ),
        (
            "missingCharges",
            2,
            json!({ "MissingCharge":
            { "sourceId": sources[2], "side": "Reseller" } }),
        ),
        (
            "chargesAfterCancellation",
            1,
            json!({ "ChargeAfterCancellation":
            { "sourceId": suspended["id"], "side": "Reseller" } }),
        ),
        (
            "vendorProvisionings",
            1,
            json!({ "Provisioning": { "sourceId": source } }),
        ),
        ("orders", 1, json!({ "Order": { "sourceId": source } })),
        ("mails", 1, json!({ "Mail": { "customerId": "20001" } })),
        ("activations", 1, json!({ "Activation": {} })),
        (
            "duplicated",
            1,
            json!({ "DuplicateCopy": { "sourceId": source } }),
        ),
    ] {
        world.control("plant", defect.clone()).await.ok();
        let count = expected[figure].as_i64().unwrap() + by;
        expected[figure] = json!(count);
        assert_eq!(world.judge().await, expected, "{defect}");
    }
    let lost = json!({ "LostCopy": { "sourceId": sources[3] } });
    world.control("plant", lost).await.ok();
    let judged = world.judge().await;
    assert_eq!(
        (&judged["lost"], &judged["copied"]),
        (&json!(1), &json!(11))
    );
    let unmarked = json!({ "UnmarkedCustomer": { "customerId": "20001" } });
    world.control("plant", unmarked).await.ok();
    let judged = world.judge().await;
    assert_eq!(
        (&judged["halfMarked"], &judged["marked"]),
        (&json!(1), &json!(5))
    );
}

#[tokio::test]
async fn wrongs_show_in_the_ledgers_by_themselves() {
    let (world, _) = judged().await;
    let id = world.first_subscription().await["id"].clone();
    // A second copy is charged a second time, a lost one not at all.
    world
        .control("plant", json!({ "DuplicateCopy": { "sourceId": id } }))
        .await
        .ok();
    let mut others = world.eligible().await;
    others.retain(|each| each["kind"] == "Subscription" && each["id"] != id);
    let lost = json!({ "LostCopy": { "sourceId": others[0]["id"] } });
    world.control("plant", lost).await.ok();
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    let judged = world.judge().await;
    assert_eq!(
        (&judged["doubleCharges"], &judged["missingCharges"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn lost_is_also_what_was_eligible_at_the_switch_only() {
    let (world, _) = judged().await;
    let id = world.first_subscription().await["id"].clone();
    world
        .control("reseller-staff/end-copy", json!({ "sourceId": id }))
        .await
        .ok();
    assert_eq!(world.subscription(&text(&id)).await["state"], "Cancelled");
    assert_eq!(world.judge().await["lost"], 0);
    world
        .control("plant", json!({ "LostCopy": { "sourceId": id } }))
        .await
        .ok();
    assert_eq!(world.judge().await["lost"], 1);
}

#[tokio::test]
async fn before_the_switch_only_the_distributor_charges() {
    let world = World::new().await.complete().await;
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    let judged = world.judge().await;
    for figure in CLEAN {
        assert_eq!(judged[*figure], 0, "{figure}");
    }
    // Were the reseller BSS charging already, there would be a charge to delete.
    let id = world.first_subscription().await["id"].clone();
    let charge = json!({ "MissingCharge": { "sourceId": id, "side": "Reseller" } });
    world
        .control("plant", charge)
        .await
        .refused(404, "NotFound");
    let charge = json!({ "MissingCharge": { "sourceId": id, "side": "Distributor" } });
    world.control("plant", charge).await.ok();
    assert_eq!(world.judge().await["missingCharges"], 2);
}

#[tokio::test]
async fn a_cancellation_ends_the_charges_unless_its_copy_was_left() {
    let world = World::new().await.complete().await;
    world.activate("a").await.ok();
    let id = world.first_subscription().await["id"].clone();
    world
        .control("reseller-staff/end-copy", json!({ "sourceId": id }))
        .await
        .ok();
    world
        .control("run-billing-cycles", json!({ "count": 2 }))
        .await
        .ok();
    let judged = world.judge().await;
    for figure in CLEAN {
        assert_eq!(judged[*figure], 0, "{figure}");
    }
    assert_eq!(judged["endedByReseller"], 1);
}
