//! How the operator logs in: OAuth 2, and tenants with an access of their own.

use serde_json::{Value, json};

use super::access::connection_condition;
use super::bss::Data;
use super::world::{Options, World, until};

/// Never to be seen anywhere; `World::holds` looks for its beginning.
pub(super) fn oauth_secret(label: &str) -> String {
    format!("contract-secret-of-{label}'s client: %+")
}

/// A sandbox that issues tokens, for both sides.
pub(super) fn issuing(label: &str, more: &[&str]) -> Options {
    let secret = oauth_secret(label);
    let mut options = vec![
        format!("--oauth-client=distributor:{secret}"),
        format!("--oauth-tenant-client=tenant:{secret}"),
        format!("--tenant-token=contract-secret-of-{label}-tenant"),
    ];
    options.extend(more.iter().map(ToString::to_string));
    Options {
        data: Data {
            more: options,
            ..Data::default()
        },
        ..Options::default()
    }
}

/// A Secret with the client's credentials.
pub(super) fn client(world: &World, name: &str, id: &str, secret: &str) -> Value {
    let mut credentials = world.credentials("");
    credentials["metadata"]["name"] = json!(name);
    credentials["stringData"] = json!({ "clientId": id, "clientSecret": secret });
    credentials
}

/// A connection that logs in by OAuth.
pub(super) fn by_oauth(world: &World, name: &str, secret: &str) -> Value {
    let mut connection = world.connection();
    connection["metadata"]["name"] = json!(name);
    connection["spec"]["auth"] = json!({ "oauth2ClientCredentials": {
        "tokenUrl": format!("{}/oauth2/token", world.bss.url),
        "scopes": ["upgrade"],
        "secretRef": { "name": secret },
        // The trust of the BSS is not that of the token endpoint.
        "tls": { "caSecretRef": { "name": "authority" } },
    } });
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upgrade_with_tokens_that_run_out_and_are_revoked() {
    let label = "oauth";
    let world = World::with(label, issuing(label, &["--weak=tokenSeconds=2"])).await;
    let wrong = "contract-secret-of-nobody";
    world
        .apply(&[
            client(&world, "credentials", "distributor", wrong),
            world.authority(),
            by_oauth(&world, "distributor", "credentials"),
            world.waiting_upgrade(),
        ])
        .await;
    let view = world.until_reason("CredentialsRejected").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    assert_eq!(world.bss.count("/oauth/issued").await, 0);
    assert_eq!(
        world.bss.count("/epoch").await,
        0,
        "nothing was asked of the BSS"
    );

    let right = client(&world, "credentials", "distributor", &oauth_secret(label));
    world.apply(&[right]).await;
    world.until_reason("AwaitingPricing").await;
    let issued = world.bss.count("/oauth/issued").await;
    until("tokens run out and are replaced", || async {
        let now = world.bss.count("/oauth/issued").await;
        (now > issued, format!("{now}"))
    })
    .await;
    world.bss.act("oauth/revoke", json!({})).await;

    // The endpoint is away for a while: the wait is named, nothing is in doubt.
    let away = json!({ "operation": "requestToken", "kind": "Unavailable503" });
    world.bss.faults(json!([away])).await;
    // What people are waited for goes on being shown; the connection says what is away.
    until("the connection names the endpoint", || async {
        let ready = connection_condition(&world, "Ready").await;
        let message = ready["message"].as_str().unwrap_or_default();
        let named = message.contains("token endpoint");
        (
            named && ready["reason"] == "BssUnavailable",
            ready.to_string(),
        )
    })
    .await;
    world.bss.faults(json!([])).await;

    let options = json!({
        "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined",
    });
    world.bss.act("reseller-staff/pricing", options).await;
    world.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_serves_all_calls_while_it_lasts() {
    let label = "oauthonce";
    let world = World::with(label, issuing(label, &[])).await;
    world
        .apply(&[
            client(&world, "credentials", "distributor", &oauth_secret(label)),
            world.authority(),
            by_oauth(&world, "distributor", "credentials"),
            world.upgrade(),
        ])
        .await;
    world.ends_well().await;
    let tokens = world.bss.state().await["oauth"].clone();
    assert_eq!(tokens, json!({ "requests": 1, "issued": 1, "refused": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_access_is_awaited_and_used_as_soon_as_it_is_named() {
    let label = "ownaccess";
    let world = World::with(label, issuing(label, &["--weak=tenantAccess=Own"])).await;
    world.begin().await;
    let view = world.until_reason("AwaitingTenantConnection").await;
    assert!(view.is("TenantCreated"), "{:#}", view.0);
    assert!(
        !view.is("Stalled") && !view.is("Reconciling"),
        "{:#}",
        view.0
    );
    assert!(
        view.next_action().contains("spec.tenantConnectionRef"),
        "{}",
        view.summary()
    );
    assert_eq!(world.bss.audit("copyCustomers").await, Vec::<Value>::new());

    // Named before it is there.
    let reference = json!({ "kind": "BssConnection", "name": "contoso-tenant" });
    world
        .patch(json!({ "spec": { "tenantConnectionRef": reference } }))
        .await;
    let view = world.until_reason("DependencyNotReady").await;
    assert!(
        view.message().contains("contoso-tenant"),
        "{}",
        view.summary()
    );

    // There, but of another BSS.
    let secret = client(
        &world,
        "tenants-credentials",
        "tenant",
        &oauth_secret(label),
    );
    let mut elsewhere = by_oauth(&world, "contoso-tenant", "tenants-credentials");
    elsewhere["spec"]["identity"] = json!("another-bss");
    world.apply(&[secret, elsewhere]).await;
    let view = world.until_reason("InvalidSpec").await;
    assert!(view.is("Stalled"), "{:#}", view.0);
    for word in ["tenantConnectionRef", "contoso-tenant", "another-bss"] {
        assert!(view.message().contains(word), "{}", view.summary());
    }
    assert!(
        view.next_action().contains(&world.bss.identity),
        "{}",
        view.summary()
    );
    world.kubectl(&["delete", "bssc", "contoso-tenant"]).await;

    world
        .apply(&[by_oauth(&world, "contoso-tenant", "tenants-credentials")])
        .await;
    world.ends_well().await;
    let tokens = world.bss.state().await["oauth"].clone();
    assert_eq!(tokens, json!({ "requests": 1, "issued": 1, "refused": 0 }));
}
