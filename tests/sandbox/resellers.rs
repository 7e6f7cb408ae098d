//! Many resellers in one sandbox: each has data, people, faults, ledgers and a judge of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::Size;

use crate::support::{ACCOUNT, World, text};

const SECOND: &str = "100001";
const THIRD: &str = "100002";

async fn three_resellers() -> World {
    World::with(|config| {
        config.resellers = 3;
        config.others = Some(Size {
            customers: 3,
            subscriptions: 5,
        });
    })
    .await
}

/// The second reseller's whole way by people's hands, and one billing cycle of its own after it.
async fn second_is_upgraded(world: &World) {
    let of = |path: &str| format!("{path}?accountId={SECOND}");
    let people = json!({ "customers": 3 });
    world.control(&of("staff/adoption"), people).await.ok();
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    for (path, body) in [
        ("reseller-staff/pricing", options),
        ("staff/copy-subscriptions", json!({})),
        ("staff/activate-back-ordering", json!({})),
        ("run-billing-cycles", json!({ "count": 1 })),
    ] {
        world.control(&of(path), body).await.ok();
    }
}

#[tokio::test]
async fn each_reseller_has_data_of_its_own() {
    let (alone, world) = (World::new().await, three_resellers().await);
    let mut seen = BTreeSet::new();
    for account in ["10423", SECOND, THIRD] {
        for listing in ["customers", "subscriptions"] {
            let rows = world.list(&format!("/resellers/{account}/{listing}")).await;
            assert!(!rows.is_empty(), "{account} {listing}");
            for row in &rows {
                assert!(seen.insert(text(&row["id"])), "{row} comes twice");
                let payer = row.get("billTo");
                assert!(payer.is_none_or(|payer| payer == account), "{row}");
            }
        }
    }
    // Others beside it change nothing for the first.
    for listing in ["customers", "subscriptions"] {
        let path = format!("{ACCOUNT}/{listing}");
        assert_eq!(alone.list(&path).await, world.list(&path).await);
    }
    let listed = world.look("resellers").await;
    let rows = listed["resellers"].as_array().unwrap();
    let of = |account: &str| rows.iter().find(|row| row["accountId"] == account).unwrap();
    let expected = |account: &str| {
        json!({ "accountId": account, "name": format!("Reseller {account}"), "kind": "Basic",
            "backOrdering": "Off", "epoch": 0, "customers": 3, "eligible": 5 })
    };
    assert_eq!(of(SECOND), &expected(SECOND));
    assert_eq!(of(THIRD), &expected(THIRD));
    assert_eq!(of("10423")["customers"], 6);
    assert_eq!(of("10423")["eligible"], 12);
}

#[tokio::test]
async fn people_ledgers_and_the_judge_are_those_of_the_reseller_that_is_named() {
    let world = three_resellers().await;
    second_is_upgraded(&world).await;
    let verdict = async |account: &str| world.look(&format!("judge?accountId={account}")).await;
    let second = verdict(SECOND).await;
    for (figure, count) in [
        ("eligible", 5),
        ("copied", 5),
        ("activations", 1),
        ("periods", 1),
        ("periodsAfterActivation", 1),
        ("lost", 0),
        ("missingCharges", 0),
    ] {
        assert_eq!(second[figure], count, "{figure}");
    }
    for account in ["10423", THIRD] {
        let other = verdict(account).await;
        for figure in ["copied", "activations", "periods", "marked"] {
            assert_eq!(other[figure], 0, "{figure} of {account}");
        }
    }
    // A violation in the ledgers of one trips the judge of that one alone.
    let charged = world
        .list(&format!("/resellers/{SECOND}/subscriptions"))
        .await
        .into_iter()
        .find(|row| row["state"] == "Active" && row["kind"] == "Subscription")
        .unwrap();
    let defect = json!({ "DoubleCharge": { "sourceId": charged["id"], "side": "Distributor" } });
    world.control("plant", defect).await.ok();
    let path = format!("plant?accountId={THIRD}");
    world.control(&path, json!({ "Activation": {} })).await.ok();
    let all = world.look("judge/all").await;
    for (account, charges, activations) in [("10423", 0, 0), (SECOND, 1, 1), (THIRD, 0, 1)] {
        let found = &all["resellers"][account];
        assert_eq!(found, &verdict(account).await);
        assert_eq!(found["doubleCharges"], charges, "{account}");
        assert_eq!(found["activations"], activations, "{account}");
    }
    assert_eq!(all["all"]["doubleCharges"], 1);
    assert_eq!(all["all"]["copied"], 5);
}

#[tokio::test]
async fn a_billing_cycle_without_a_name_is_everyones() {
    let world = three_resellers().await;
    let cycle = json!({ "count": 1 });
    world.control("run-billing-cycles", cycle).await.ok();
    second_is_upgraded(&world).await;
    for (account, periods) in [("10423", 1), (SECOND, 2), (THIRD, 1)] {
        let verdict = world.look(&format!("judge?accountId={account}")).await;
        assert_eq!(verdict["periods"], periods, "{account}");
        assert_eq!(verdict["missingCharges"], 0, "{account}");
    }
}

#[tokio::test]
async fn the_audit_list_of_a_reseller_holds_its_lines_alone() {
    let world = three_resellers().await;
    second_is_upgraded(&world).await;
    let lines = async |account: &str| -> Vec<Value> {
        let page = world.look(&format!("audit?accountId={account}")).await;
        page["entries"].as_array().unwrap().clone()
    };
    assert_eq!(lines(THIRD).await, Vec::<Value>::new());
    assert_eq!(lines("10423").await, Vec::<Value>::new());
    let second = lines(SECOND).await;
    let copies = |line: &&Value| line["operation"] == "copySubscriptions";
    assert_eq!(second.iter().filter(copies).count(), 5);
}

#[tokio::test]
async fn a_fault_of_one_reseller_is_no_other_ones() {
    let world = three_resellers().await.with_tenant().await;
    let path = format!("staff/adoption?accountId={SECOND}");
    let tenant = text(&world.control(&path, json!({})).await.ok()["tenantId"]);
    let rule = json!({ "operation": "*", "kind": "Unavailable503", "accountId": SECOND });
    world.set_faults(json!([rule])).await.ok();
    for path in [
        format!("/resellers/{SECOND}"),
        // The same account, written in another way.
        format!("/resellers/00{SECOND}/customers"),
        format!("/tenants/{tenant}/copies?kind=Customers"),
    ] {
        world.get(&path).await.refused(503, "Unavailable");
    }
    for path in [
        ACCOUNT.to_owned(),
        format!("/resellers/{THIRD}"),
        "/tenants/tenant-1/copies?kind=Customers".to_owned(),
        "/capabilities".to_owned(),
    ] {
        world.get(&path).await.ok();
    }
}

#[tokio::test]
async fn it_is_told_which_resellers_were_asked_about() {
    let world = three_resellers().await;
    for path in [
        format!("/resellers/{SECOND}"),
        format!("/resellers/00{SECOND}/customers"),
        ACCOUNT.to_owned(),
    ] {
        world.get(&path).await.ok();
    }
    let told = world.look("calls").await;
    let calls = |account: &str| told["resellers"][account]["calls"].as_u64();
    assert_eq!(
        (calls("10423"), calls(SECOND), calls(THIRD)),
        (Some(1), Some(2), None)
    );
    let last: jiff::Timestamp = text(&told["resellers"]["10423"]["last"]).parse().unwrap();
    let since = world
        .look(&format!("calls?after={}", last.as_millisecond()))
        .await;
    assert_eq!(since["resellers"], json!({}));
}
