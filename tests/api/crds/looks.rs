//! What people see of the custom resources, through kubectl.

use serde_json::json;

use super::{Objects as _, claim, connection, customer, namespace, pricing, report, upgrade};
use support::kstatus::{Health, KStatus, argo_health, kstatus};

#[tokio::test(flavor = "multi_thread")]
async fn an_unseen_object_looks_in_progress() {
    let namespace = namespace("unseen").await;
    for object in [
        upgrade("u"),
        connection("c"),
        pricing("p", &[customer("20001")]),
    ] {
        let stored = namespace.create(&object).await.unwrap();
        assert_eq!(stored["status"], json!({ "observedGeneration": -1 }));
        assert_eq!(kstatus(&stored), KStatus::InProgress);
        if stored["kind"] == "TenantResellerUpgrade" {
            assert_eq!(argo_health(&stored), Health::Progressing);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_explain_themselves() {
    let namespace = namespace("explain").await;
    let said = namespace
        .kubectl(&["explain", "tru.spec.tenant.timeZone"])
        .await
        .unwrap();
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "KIND: TenantResellerUpgrade",
        "FIELD: timeZone <string>",
        "The tenant's time zone, by its name in the IANA time zone database",
        "Limits: 1 to 64 characters.",
        "Example: Europe/Athens",
    ] {
        assert!(flat.contains(part), "{part}\n{said}");
    }
    for (kind, part) in [
        (
            "bssc.spec.reference.url",
            "Example: https://bss.example.com/tenant-reseller/v1",
        ),
        ("cpr.spec.customers.billing.anchor", "one of LastDayOfMonth"),
        ("trur.spec.rows.remedy", "what people do about it"),
        (
            "trc.spec.activationTime",
            "When back ordering was activated",
        ),
        ("tru.status.waitingFor.nextAction", "Who has to do what"),
    ] {
        let said = namespace.kubectl(&["explain", kind]).await.unwrap();
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(part), "{kind}: {part}\n{said}");
    }
}

/// The columns of a table of kubectl: a row as words. No value here has a blank in it.
async fn row(at: &support::control_plane::TestNamespace, arguments: &[&str]) -> (String, String) {
    let table = at.kubectl(arguments).await.unwrap();
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default();
    let first = lines.next().unwrap_or_default();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    (words(header), words(first))
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_show_what_matters() {
    let namespace = namespace("columns").await;
    let object = upgrade("contoso");
    namespace.create(&object).await.unwrap();
    let ready = json!({ "type": "Ready", "status": "False", "reason": "AwaitingPricing",
        "message": "Waits.", "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 1 });
    namespace
        .merge_status(
            &object,
            json!({
                "observedGeneration": 1, "phase": "PricingGate", "conditions": [ready],
                "tenant": { "id": "t-7001" },
                "progress": { "failed": 3, "display": "1,204/3,000" },
                "waitingFor": { "reason": "AwaitingPricing", "nextAction": "Set them.",
                    "since": "2026-12-05T20:00:00Z", "nextAttemptTime": "2026-12-05T20:05:00Z" },
            }),
        )
        .await
        .unwrap();
    let (header, line) = row(&namespace, &["get", "tru"]).await;
    assert_eq!(header, "NAME READY PHASE PROGRESS FAILED WAITING-FOR AGE");
    assert!(
        line.starts_with("contoso False PricingGate 1,204/3,000 3 AwaitingPricing "),
        "{line}"
    );
    let (header, line) = row(&namespace, &["get", "tru", "-o", "wide"]).await;
    assert_eq!(
        header,
        "NAME READY PHASE PROGRESS FAILED WAITING-FOR RESELLER CONNECTION TENANT NEXT-ATTEMPT MESSAGE AGE"
    );
    assert!(
        line.contains(" AwaitingPricing 10423 distributor t-7001 2026-12-05T20:05:00Z Waits. "),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_the_other_kinds() {
    let namespace = namespace("others").await;
    let (bss, prices) = (
        connection("distributor"),
        pricing("prices", &[customer("20001")]),
    );
    for object in [&bss, &prices, &report("contoso-blockers-1"), &claim("c-1")] {
        namespace.create(object).await.unwrap();
    }
    let ready = json!({ "type": "Ready", "status": "True", "reason": "Ready", "message": "Well.",
        "lastTransitionTime": "2026-12-05T20:00:00Z", "observedGeneration": 1 });
    let status = json!({ "conditions": [ready], "adapter": "reference" });
    namespace.merge_status(&bss, status).await.unwrap();
    let status = json!({ "conditions": [ready], "declared": 1, "applied": 1, "failed": 0 });
    namespace.merge_status(&prices, status).await.unwrap();
    for (kind, header, line) in [
        (
            "bssc",
            "NAME READY ADAPTER URL IDENTITY AGE",
            "distributor True reference https://bss.example.com/tenant-reseller/v1 acme-distribution ",
        ),
        (
            "cpr",
            "NAME DECLARED APPLIED FAILED READY AGE",
            "prices 1 1 0 True ",
        ),
        (
            "trur",
            "NAME KIND PAGE ROWS TRUNCATED AGE",
            "contoso-blockers-1 Blockers 1 1 0 ",
        ),
        (
            "trc",
            "NAME IDENTITY RESELLER HOLDER EPOCH TENANT ACTIVATED AGE",
            "c-1 acme-distribution 10423 contoso 7 t-7001 2026-12-05T21:14:03Z ",
        ),
    ] {
        let seen = row(&namespace, &["get", kind]).await;
        assert_eq!(seen.0, header);
        assert!(seen.1.starts_with(line), "{}", seen.1);
    }
    let all = namespace
        .kubectl(&["get", "tenantreseller", "-o", "name"])
        .await
        .unwrap();
    assert_eq!(
        all.lines().count(),
        4,
        "the category shows all of ours: {all}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_are_found_by_phase_reseller_and_connection() {
    let namespace = namespace("select").await;
    for (name, account, phase) in [
        ("contoso", "10423", "PricingGate"),
        ("fabrikam", "10777", "Done"),
        ("tailspin", "10888", "Done"),
    ] {
        let mut object = upgrade(name);
        object["spec"]["reseller"]["accountId"] = json!(account);
        object["spec"]["connectionRef"]["name"] = json!(format!("bss-of-{name}"));
        namespace.create(&object).await.unwrap();
        namespace
            .merge_status(&object, json!({ "phase": phase }))
            .await
            .unwrap();
    }
    for (selector, names) in [
        ("status.phase=Done", "fabrikam tailspin"),
        ("status.phase=PricingGate", "contoso"),
        ("status.phase=Activation", ""),
        ("spec.reseller.accountId=10777", "fabrikam"),
        ("spec.connectionRef.name=bss-of-tailspin", "tailspin"),
        (
            "status.phase=Done,spec.reseller.accountId=10888",
            "tailspin",
        ),
    ] {
        let found = namespace
            .kubectl(&[
                "get",
                "tru",
                "--field-selector",
                selector,
                "-o",
                "jsonpath={.items[*].metadata.name}",
            ])
            .await
            .unwrap();
        assert_eq!(found, names, "{selector}");
    }
}
