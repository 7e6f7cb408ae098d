//! After the switch both sides are compared: every kind of corruption is found and named.

use serde_json::{Value, json};

use super::world::{World, until};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_corruption_is_found_and_named() {
    let world = World::start("corruptions").await;
    world
        .bss
        .put("corrupt-at-switch", json!({ "kind": "Quantity" }))
        .await;
    world.begin().await;
    let view = world.until_reason("VerificationFailed").await;
    assert!(view.is("BackOrderingActivated"), "{:#}", view.0);
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(view.text("/status/phase"), "Verification");
    let status = |type_: &str| view.condition(type_).unwrap()["status"].clone();
    assert_eq!(status("Succeeded"), "False");
    assert_eq!(status("Verified"), "False");
    let claim = world.claim().await;
    assert!(
        claim.spec.activation_time.is_some(),
        "the switch is on record"
    );
    let corrupted = named(&world, "FieldsDiffer", 1).await;

    // More and more, at any time after the switch.
    let mut fields = corrupted.len();
    for (kind, name) in [
        ("Product", "FieldsDiffer"),
        ("Addon", "FieldsDiffer"),
        ("Cycle", "FieldsDiffer"),
        ("CostPrice", "FieldsDiffer"),
        ("Currency", "FieldsDiffer"),
        ("Start", "FieldsDiffer"),
        ("Anchor", "FieldsDiffer"),
        ("CustomerCurrency", "FieldsDiffer"),
        ("CustomerBillTo", "FieldsDiffer"),
        ("CopyDeleted", "NotCopied"),
        ("SecondCopy", "DuplicateCopy"),
        ("SubscriptionUnmarked", "NotMarked"),
    ] {
        let source = if name == "FieldsDiffer" && !kind.starts_with("Customer") {
            fields += 1;
            json!(fresh(&world, fields).await)
        } else if kind.starts_with("Customer") {
            json!(world.bss.created("copyCustomers").await[fields % 12])
        } else {
            fields += 1;
            json!(fresh(&world, fields).await)
        };
        let corruption = json!({ "kind": kind, "sourceId": source });
        world.bss.act("reseller-staff/corrupt", corruption).await;
        until(&format!("{kind} is named"), || async {
            let rows = world.rows("Verification").await;
            let found = rows
                .iter()
                .any(|row| row["reason"] == name && row["id"] == source);
            (found, format!("{rows:#?}"))
        })
        .await;
    }
    let view = world.view().await;
    assert_eq!(view.reason(), "VerificationFailed");
    assert!(
        !view.is("Succeeded") && !view.is("Verified"),
        "{:#}",
        view.0
    );
    world.holds().await;
}

/// A source id that is not among those corrupted before.
async fn fresh(world: &World, at: usize) -> String {
    let created = world.bss.created("copySubscriptions").await;
    let rows = world.rows("Verification").await;
    let corrupted = |id: &String| rows.iter().any(|row| row["id"] == id.as_str());
    let left: Vec<String> = created.into_iter().filter(|id| !corrupted(id)).collect();
    left[at % left.len()].clone()
}

async fn named(world: &World, reason: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    until(reason, || {
        let rows = world.rows("Verification");
        async move {
            let rows = rows.await;
            let named = rows.iter().filter(|row| row["reason"] == reason).count();
            (named == count, format!("{rows:#?}"))
        }
    })
    .await;
    found.extend(world.rows("Verification").await);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_that_people_mend_ends_well() {
    let world = World::start("mended").await;
    world
        .bss
        .put("corrupt-at-switch", json!({ "kind": "SecondCopy" }))
        .await;
    world.begin().await;
    world.until_reason("VerificationFailed").await;
    let row = named(&world, "DuplicateCopy", 1).await.remove(0);
    assert!(!row["remedy"].as_str().unwrap().is_empty(), "{row}");
    let ended = json!({ "sourceId": row["id"] });
    world
        .bss
        .act("reseller-staff/end-copy", ended.clone())
        .await;
    // Back ordering is on: the end went up to the source, and its other copy has none any more.
    named(&world, "OrphanedCopy", 1).await;
    world.bss.act("reseller-staff/end-copy", ended).await;
    let view = world.until_succeeded().await;
    assert!(view.is("Verified"), "{:#}", view.0);
    until("the report goes", || async {
        let rows = world.rows("Verification").await;
        (rows.is_empty(), format!("{rows:#?}"))
    })
    .await;
    world.holds().await;
}
