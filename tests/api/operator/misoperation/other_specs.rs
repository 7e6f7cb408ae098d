//! Other specs as a whole: what takes more than one property to write.

use serde_json::{Value, json};

use super::super::world::World;
use super::stages::Stage;

/// A patch, and what it makes.
type Other = (&'static str, Value);

/// Other specs, as this stage allows them: what would let the stage go on is none of them.
pub(super) async fn others(stage: Stage, world: &World, kind: &str) -> Vec<Other> {
    match kind {
        "TenantResellerUpgrade" => of_upgrade(stage),
        "BssConnection" => of_connection(&world.bss.url),
        _ => of_pricing(stage, world).await,
    }
}

fn of_upgrade(stage: Stage) -> Vec<Other> {
    let mut others = vec![
        (
            "the same connection for the tenant's side",
            json!({ "tenantConnectionRef": { "kind": "BssConnection", "name": "distributor" } }),
        ),
        (
            "a connection for the tenant's side that is not there",
            json!({ "tenantConnectionRef": { "kind": "BssConnection", "name": "nowhere" } }),
        ),
        (
            "another name of the reseller, and suspended",
            json!({ "reseller": { "expectedName": "Fabrikam" }, "suspend": true }),
        ),
    ];
    if stage != Stage::PricingGate {
        others.push((
            "no default any more",
            json!({ "pricing": { "whenMissing": "Wait", "default": null } }),
        ));
        let other = json!({ "priceList": "PL-NONE", "billing": { "day": null, "anchor": "LastDayOfMonth" } });
        others.push((
            "another default",
            json!({ "pricing": { "default": other } }),
        ));
    }
    others
}

fn of_connection(url: &str) -> Vec<Other> {
    let nowhere = json!({ "secretRef": { "name": "nowhere" } });
    let login = json!({ "tokenUrl": format!("{url}/token"), "secretRef": { "name": "nowhere" } });
    vec![
        (
            "a login that is not set up",
            json!({ "auth": { "bearer": null, "oauth2ClientCredentials": login } }),
        ),
        (
            "two logins",
            json!({ "auth": { "oauth2ClientCredentials": login } }),
        ),
        (
            "a Secret that is not there",
            json!({ "auth": { "bearer": nowhere } }),
        ),
        (
            "a host that the Secret does not allow",
            json!({ "reference": { "url": "https://127.0.0.1:1/tenant-reseller/v1" } }),
        ),
        (
            "another path",
            json!({ "reference": { "url": format!("{url}/elsewhere/v1") } }),
        ),
        (
            "a slash more",
            json!({ "reference": { "url": format!("{url}/tenant-reseller/v1/") } }),
        ),
        (
            "the machine's authorities beside the own one",
            json!({ "tls": { "systemRoots": "Included" } }),
        ),
        (
            "a client certificate that is not there",
            json!({ "tls": { "clientCertificateSecretRef": { "name": "nowhere" } } }),
        ),
        (
            "as little as can be",
            json!({ "limits": { "requestsPerSecond": 1, "concurrency": 1, "activeUpgrades": 1 } }),
        ),
        (
            "other codes that throttle",
            json!({ "limits": { "throttleStatusCodes": [403, 422] } }),
        ),
    ]
}

async fn of_pricing(stage: Stage, world: &World) -> Vec<Other> {
    let row = |customer: &str, billing: Value| {
        json!({ "accountId": customer, "priceList": "PL-RETAIL", "billing": billing,
                        "paymentMethod": "Invoice", "invoicing": "Separate" })
    };
    let rows = |rows: Vec<Value>| json!({ "customers": rows });
    let last = json!({ "anchor": "LastDayOfMonth" });
    let mut others = vec![
        (
            "the end of the month",
            rows(vec![row("no-such-customer", last.clone())]),
        ),
        (
            "a customer twice",
            rows(vec![row("x", last.clone()), row("x", last.clone())]),
        ),
        (
            "as many as can be",
            rows(
                (0..500)
                    .map(|n| row(&format!("x-{n}"), last.clone()))
                    .collect(),
            ),
        ),
    ];
    if stage.has_pricing() {
        let copied = world.bss.created("copyCustomers").await;
        let other = row(&copied[0], json!({ "day": 17 }));
        others.push(("other options than a customer has", rows(vec![other])));
    }
    others
}
