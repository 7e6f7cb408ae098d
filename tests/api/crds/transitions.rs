//! What may change, and what never again.

use serde_json::{Value, json};
use tenant_reseller_operator::api::{self, ConditionList as _, ConditionType, Reason};

use super::{Objects as _, claim, connection, customer, namespace, pricing, upgrade};
use support::kstatus::assert_conventions;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_immutable() {
    let namespace = namespace("immutable").await;
    for (object, patch, says) in [
        (
            upgrade("u"),
            json!({ "spec": { "connectionRef": { "name": "other" } } }),
            "connectionRef is immutable",
        ),
        (
            upgrade("u"),
            json!({ "spec": { "reseller": { "accountId": "10424" } } }),
            "reseller.accountId is immutable",
        ),
        (
            connection("c"),
            json!({ "spec": { "identity": "acme" } }),
            "identity is immutable",
        ),
        (
            pricing("p", &[customer("20001")]),
            json!({ "spec": { "upgradeRef": { "name": "fabrikam" } } }),
            "upgradeRef is immutable",
        ),
        (
            claim("l"),
            json!({ "spec": { "bssIdentity": "acme" } }),
            "bssIdentity is immutable",
        ),
        (
            claim("l"),
            json!({ "spec": { "resellerAccountId": "1" } }),
            "resellerAccountId is immutable",
        ),
    ] {
        if namespace
            .create(&object)
            .await
            .is_err_and(|said| !said.contains("already exists"))
        {
            panic!("{object} is refused");
        }
        let said = namespace.try_merge(&object, patch).await.unwrap_err();
        let says = format!("{says}: delete the object and create it anew");
        assert!(said.contains(&says), "wanted {says:?}, got {said}");
        let field = says.split(' ').next().unwrap();
        assert!(said.contains(&format!("spec.{field}: ")), "{said}");
    }
    for (object, patch) in [
        (upgrade("u"), json!({ "spec": { "suspend": true } })),
        (
            upgrade("u"),
            json!({ "spec": { "reseller": { "expectedName": "Contoso SA" } } }),
        ),
        (
            connection("c"),
            json!({ "spec": { "reference": { "url": "https://new.example.com" } } }),
        ),
        (
            pricing("p", &[]),
            json!({ "spec": { "customers": [customer("20002")] } }),
        ),
        (
            claim("l"),
            json!({ "spec": { "epoch": 8, "acquisitionPending": true } }),
        ),
    ] {
        namespace.try_merge(&object, patch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_is_frozen_while_it_is_requested() {
    let namespace = namespace("frozen").await;
    let object = upgrade("u");
    let edition = |edition: &str| json!({ "spec": { "tenant": { "edition": edition } } });
    let requested = |time: Value| json!({ "tenant": { "requestedTime": time } });
    namespace.create(&object).await.unwrap();
    namespace
        .merge(&object, edition("Enterprise"))
        .await
        .unwrap();

    namespace
        .merge_status(&object, requested(json!("2026-12-05T20:00:00Z")))
        .await
        .unwrap();
    for (field, value) in [
        ("priceList", "PL-OTHER"),
        ("edition", "Essential"),
        ("language", "el-GR"),
        ("timeZone", "UTC"),
        ("dateFormat", "yyyy-MM-dd"),
        ("invoicing", "Separate"),
    ] {
        let patch = json!({ "spec": { "tenant": { field: value } } });
        let said = namespace.try_merge(&object, patch).await.unwrap_err();
        assert!(
            said.contains(
                "spec.tenant is frozen: the tenant was requested with these settings, and they may \
                 change only if the BSS refuses them"
            ),
            "{field}: {said}"
        );
    }
    // Anything else may still change.
    namespace
        .merge(&object, json!({ "spec": { "suspend": true } }))
        .await
        .unwrap();

    namespace
        .merge_status(&object, requested(Value::Null))
        .await
        .unwrap();
    namespace
        .merge(&object, edition("Essential"))
        .await
        .unwrap();
}

fn condition(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": "R", "message": "",
            "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 1 })
}

#[tokio::test(flavor = "multi_thread")]
async fn milestones_never_go_back() {
    let namespace = namespace("milestones").await;
    for milestone in ConditionType::MILESTONES {
        let milestone = milestone.as_str();
        let object = upgrade(&milestone.to_lowercase());
        namespace.create(&object).await.unwrap();
        let conditions = |list: &[Value]| json!({ "conditions": list });
        let ready = condition("Ready", "False");
        for list in [
            vec![condition(milestone, "Unknown")],
            vec![condition(milestone, "False"), ready.clone()],
            vec![ready.clone(), condition(milestone, "True")],
            vec![condition(milestone, "True")],
        ] {
            namespace
                .merge_status(&object, conditions(&list))
                .await
                .unwrap();
        }
        for patch in [
            conditions(&[condition(milestone, "False")]),
            conditions(&[condition(milestone, "Unknown"), ready.clone()]),
            conditions(std::slice::from_ref(&ready)),
            conditions(&[]),
            json!({ "conditions": Value::Null }),
            Value::Null,
        ] {
            let said = namespace
                .merge_status(&object, patch.clone())
                .await
                .unwrap_err();
            assert!(
                said.contains("a milestone that is True must stay True"),
                "{patch}: {said}"
            );
        }
        // A summary condition comes and goes.
        let stalled = [condition(milestone, "True"), condition("Stalled", "True")];
        namespace
            .merge_status(&object, conditions(&stalled))
            .await
            .unwrap();
        let gone = [condition(milestone, "True")];
        namespace
            .merge_status(&object, conditions(&gone))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_conditions_of_one_type_are_refused() {
    let namespace = namespace("twice").await;
    let object = upgrade("u");
    namespace.create(&object).await.unwrap();
    let twice = json!({ "conditions": [condition("Ready", "False"), condition("Ready", "True")] });
    let said = namespace.merge_status(&object, twice).await.unwrap_err();
    assert!(
        said.contains("status.conditions[1]: Duplicate value"),
        "{said}"
    );
}

/// Every state that can be written is taken by the API server as it is, and read back by
/// kubectl, Flux and Argo CD as the table says.
#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_stored_as_it_is() {
    let namespace = namespace("states").await;
    let object = upgrade("u");
    let mut stored = namespace.create(&object).await.unwrap();
    let mut list: Vec<api::Condition> = Vec::new();
    for (second, reason) in (0..).zip(Reason::ALL) {
        if reason.class().is_none() || reason == Reason::Deleting {
            continue;
        }
        let generation = stored["metadata"]["generation"].as_i64().unwrap();
        let now = jiff::Timestamp::from_second(1_700_000_000 + second).unwrap();
        api::summary(reason, "Why.").apply(&mut list, generation, now);
        let status = json!({ "observedGeneration": generation, "conditions": list });
        stored = namespace.merge_status(&object, status).await.unwrap();
        assert_eq!(
            stored["status"]["conditions"],
            serde_json::to_value(&list).unwrap()
        );
        let _says = assert_conventions(&stored);
    }
    assert_eq!(
        list.condition(ConditionType::Ready)
            .unwrap()
            .observed_generation,
        1
    );
}
