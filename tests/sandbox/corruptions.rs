//! Corrupted records, at the switch and at any other time: each shows in the listings, each trips the
//! judge.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{World, read, text};

/// Each corruption with the figures of the judge that it changes after the switch.
fn corruptions() -> Vec<(&'static str, Value)> {
    let differs = || json!({ "differing": 1 });
    vec![
        ("Product", differs()),
        ("Addon", differs()),
        ("Cycle", differs()),
        ("Quantity", differs()),
        ("CostPrice", differs()),
        ("Currency", differs()),
        ("Start", differs()),
        ("Anchor", differs()),
        ("CustomerCurrency", differs()),
        ("CustomerBillTo", differs()),
        ("CopyDeleted", json!({ "lost": 1, "copied": -1 })),
        ("SecondCopy", json!({ "duplicated": 1 })),
        ("CopyEnded", json!({ "endedByReseller": 1 })),
        (
            "OtherSource",
            json!({ "lost": 1, "copied": -1, "duplicated": 1, "differing": 1 }),
        ),
        ("SubscriptionUnmarked", json!({ "unmarked": 1 })),
        ("AccountUnmarked", json!({ "halfMarked": 1, "marked": -1 })),
    ]
}

fn changes(before: &Value, after: &Value) -> Value {
    let before = before.as_object().unwrap();
    let changed = before.iter().filter_map(|(figure, count)| {
        let by = after[figure].as_i64().unwrap() - count.as_i64().unwrap();
        (by != 0).then(|| (figure.clone(), json!(by)))
    });
    Value::Object(changed.collect())
}

#[tokio::test]
async fn each_corruption_happens_in_the_switch_itself_and_trips_the_judge() {
    for (kind, expected) in corruptions() {
        let world = World::new().await.complete().await;
        let plan = json!({ "kind": kind });
        world.put("corrupt-at-switch", &plan).await.ok();
        assert_eq!(world.look("corrupt-at-switch").await["planned"], plan);
        let mut before = world.judge().await;
        assert_eq!(world.look("state").await["blockers"], json!([]));
        world.activate("a").await.ok();
        before["activations"] = json!(1);
        let after = world.judge().await;
        assert_eq!(changes(&before, &after), expected, "{kind}");
        assert_eq!(
            world.look("corrupt-at-switch").await["planned"],
            Value::Null
        );
        let audit = world.look("audit?operation=corrupt").await;
        assert_eq!(audit["entries"].as_array().unwrap().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_corrupted_field_shows_in_the_digest_and_in_nothing_else() {
    let world = World::new().await.complete().await;
    let source = world.first_subscription().await;
    let mut seen = vec![world.copy_of(&text(&source["id"])).await];
    for (kind, _) in &corruptions()[..8] {
        let corruption = json!({ "kind": kind, "sourceId": source["id"] });
        let revision = world.revision().await;
        world
            .control("reseller-staff/corrupt", corruption)
            .await
            .ok();
        assert!(world.revision().await > revision, "{kind}");
        let copy = world.copy_of(&text(&source["id"])).await;
        let mut as_before = copy.clone();
        as_before["digest"] = seen[0]["digest"].clone();
        assert_eq!(as_before, seen[0], "{kind}");
        let known = seen
            .iter()
            .any(|earlier| earlier["digest"] == copy["digest"]);
        assert!(!known, "{kind}");
        seen.push(copy);
    }
    assert_eq!(world.subscription(&text(&source["id"])).await, source);
    // What is wrong before the switch is refused by it.
    assert_eq!(world.activate("a").await.blocked(), ["SourceChanged"]);
}

#[tokio::test]
async fn a_named_source_is_the_one_and_a_plan_can_be_dropped() {
    let mut world = World::new().await.complete().await;
    let named = world.eligible().await[5]["id"].clone();
    let plan = json!({ "kind": "CopyDeleted", "sourceId": named });
    world.put("corrupt-at-switch", &plan).await.ok();
    world.restart().await;
    assert_eq!(world.look("corrupt-at-switch").await["planned"], plan);
    let request = world.control_request(Method::DELETE, "corrupt-at-switch");
    read(request.send().await.unwrap()).await.ok();
    assert_eq!(
        world.look("corrupt-at-switch").await["planned"],
        Value::Null
    );
    world.put("corrupt-at-switch", &plan).await.ok();
    world.activate("a").await.ok();
    assert_eq!(world.copy_of(&text(&named)).await, Value::Null);
    assert_eq!(world.judge().await["lost"], 1);
}

#[tokio::test]
async fn a_corruption_without_a_copy_to_corrupt_fails_the_switch() {
    let world = World::new().await.complete().await;
    let plan = json!({ "kind": "Product", "sourceId": "nothing" });
    world.put("corrupt-at-switch", &plan).await.ok();
    world.activate("a").await.refused(404, "NotFound");
    assert_eq!(world.judge().await["activations"], 0);
    let wrong = world
        .put("corrupt-at-switch", &json!({ "kind": "All" }))
        .await;
    assert_eq!(wrong.invalid(), ["body"]);
}
