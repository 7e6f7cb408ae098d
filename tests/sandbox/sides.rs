//! Who may call what: the distributor's side, a tenant's own side, tokens that expire.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::{Config, OAuthClient, Server, ServerError};

use crate::support::{ACCOUNT, Answer, World, read, until};

async fn get_with(world: &World, token: &str, path: &str) -> Answer {
    let url = format!("{}/tenant-reseller/v1{path}", world.url);
    let request = world.client.get(url).bearer_auth(token);
    read(request.send().await.unwrap()).await
}

const DISTRIBUTORS: &[&str] = &[
    "/resellers/10423",
    "/resellers/10423/tenant",
    "/resellers/10423/customers",
    "/operations/op-1",
];
const TENANTS: &[&str] = &[
    "/tenants/tenant-1/copies?kind=Customers",
    "/tenants/tenant-1/copies?kind=Subscriptions",
];
const BOTH: &[&str] = &["/identity", "/capabilities"];

#[tokio::test]
async fn each_side_has_its_own_paths_where_tenants_have_their_own_access() {
    let world = World::new().await.with_tenant().await;
    let own = world.config.tenant_token.clone().unwrap();
    let distributor = world.config.token.clone();
    let told = world.get("/capabilities").await.ok();
    assert_eq!(told.get("tenantAccess"), None, "left out means Shared");
    for path in DISTRIBUTORS.iter().chain(TENANTS).chain(BOTH) {
        get_with(&world, &distributor, path).await.ok();
    }
    world.switch(json!({ "tenantAccess": "Own" })).await;
    let told = world.get("/capabilities").await.ok();
    assert_eq!(told["tenantAccess"], "Own");
    for path in BOTH {
        get_with(&world, &distributor, path).await.ok();
        get_with(&world, &own, path).await.ok();
        let stranger = get_with(&world, "stranger", path).await;
        stranger.refused(401, "AuthRejected");
    }
    for path in DISTRIBUTORS {
        get_with(&world, &distributor, path).await.ok();
        get_with(&world, &own, path).await.refused(403, "Forbidden");
    }
    for path in TENANTS {
        get_with(&world, &own, path).await.ok();
        let refused = get_with(&world, &distributor, path).await;
        refused.refused(403, "Forbidden");
    }
    let body = json!({ "items": [] });
    for path in [
        "customers/copy",
        "subscriptions/copy",
        "pricing",
        "activation",
    ] {
        let refused = world
            .write((1, "a"), &format!("/tenants/tenant-1/{path}"), &body)
            .await;
        refused.refused(403, "Forbidden");
    }
}

#[tokio::test]
async fn own_access_without_credentials_for_it_is_refused() {
    let world = World::with(|config| config.tenant_token = None).await;
    let own = json!({ "tenantAccess": "Own" });
    assert_eq!(world.put("promises", &own).await.invalid(), ["body"]);
    // Nor does a sandbox start so, on a new file or on one that was switched before.
    let mut config = Config::for_tests(world.config.database.with_extension("other"));
    config.tenant_token = None;
    config.switches = config.switches.with_texts(&["tenantAccess=Own"]).unwrap();
    for _ in 0..2 {
        let started = Server::start(config.clone()).await;
        assert!(matches!(started, Err(ServerError::TenantAccess)));
    }
}

async fn with_clients() -> World {
    World::with(|config| {
        let client = |id: &str, tenant| OAuthClient {
            id: id.to_owned(),
            secret: "s:e%c r".to_owned(),
            scopes: vec!["upgrade".to_owned(), "read".to_owned()],
            tenant,
        };
        config.oauth_clients = vec![client("distributor", false), client("tenant", true)];
    })
    .await
}

fn form(pairs: &[(&str, &str)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(pairs).finish()
}

/// Asks for a token with these form members, and HTTP Basic if given.
async fn ask(world: &World, basic: Option<(&str, &str)>, pairs: &[(&str, &str)]) -> (u16, Value) {
    let mut request = world
        .client
        .post(format!("{}/oauth2/token", world.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(pairs));
    if let Some((id, secret)) = basic {
        request = request.basic_auth(id, Some(secret));
    }
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    if status < 500 {
        assert_eq!(reply.headers()["content-type"], "application/json");
    }
    (status, reply.json().await.unwrap())
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn a_token_is_issued_to_clients_and_opens_their_side() {
    let world = with_clients().await.with_tenant().await;
    let encoded = "s%3Ae%25c+r";
    let (status, issued) = ask(&world, Some(("distributor", encoded)), &[GRANT]).await;
    assert_eq!(status, 200, "{issued}");
    let token = issued["access_token"].as_str().unwrap();
    assert_eq!(
        issued,
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600,
            "scope": "upgrade read" })
    );
    get_with(&world, token, ACCOUNT).await.ok();
    get_with(&world, &world.config.token, ACCOUNT).await.ok();
    world.switch(json!({ "tenantAccess": "Own" })).await;
    let refused = get_with(&world, token, TENANTS[0]).await;
    refused.refused(403, "Forbidden");
    let (status, own) = ask(
        &world,
        None,
        &[
            GRANT,
            ("client_id", "tenant"),
            ("client_secret", "s:e%c r"),
            ("scope", "read"),
        ],
    )
    .await;
    assert_eq!((status, &own["scope"]), (200, &json!("read")));
    let own = own["access_token"].as_str().unwrap();
    get_with(&world, own, TENANTS[0]).await.ok();
    get_with(&world, own, ACCOUNT)
        .await
        .refused(403, "Forbidden");
    assert_eq!(
        world.look("state").await["oauth"],
        json!({ "requests": 2, "issued": 2, "refused": 0 })
    );
}

#[tokio::test]
async fn wrong_requests_for_tokens_are_refused_in_the_rfcs_words() {
    let world = with_clients().await;
    let good = Some(("distributor", "s%3Ae%25c+r"));
    let id = ("client_id", "distributor");
    let secret = ("client_secret", "s:e%c r");
    for (basic, pairs, status, error) in [
        (None, vec![GRANT], 401, "invalid_client"),
        (
            Some(("distributor", "other")),
            vec![GRANT],
            401,
            "invalid_client",
        ),
        (None, vec![GRANT, id], 401, "invalid_client"),
        (good, vec![GRANT, id, secret], 401, "invalid_client"),
        (None, vec![GRANT, id, id, secret], 401, "invalid_client"),
        (good, vec![], 400, "invalid_request"),
        (
            good,
            vec![("grant_type", "password")],
            400,
            "unsupported_grant_type",
        ),
        (
            good,
            vec![GRANT, ("scope", "upgrade all")],
            400,
            "invalid_scope",
        ),
    ] {
        let answer = ask(&world, basic, &pairs).await;
        assert_eq!(answer, (status, json!({ "error": error })), "{pairs:?}");
    }
    assert_eq!(
        world.look("state").await["oauth"],
        json!({ "requests": 8, "issued": 0, "refused": 8 })
    );
    let without = World::new().await;
    let request = without.client.post(format!("{}/oauth2/token", without.url));
    read(request.send().await.unwrap())
        .await
        .refused(404, "NotFound");
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_revoked_and_outlives_a_restart() {
    let mut world = with_clients().await;
    let good = Some(("distributor", "s%3Ae%25c+r"));
    let token = async |world: &World| {
        let (_, issued) = ask(world, good, &[GRANT]).await;
        issued["access_token"].as_str().unwrap().to_owned()
    };
    let lasting = token(&world).await;
    world.switch(json!({ "tokenSeconds": 1 })).await;
    let short = token(&world).await;
    get_with(&world, &short, ACCOUNT).await.ok();
    until("the token expires", async || {
        get_with(&world, &short, ACCOUNT).await.status == 401
    })
    .await;
    world.restart().await;
    get_with(&world, &lasting, ACCOUNT).await.ok();
    let revoked = world.control("oauth/revoke", json!({})).await.ok();
    assert_eq!(revoked, json!({ "revoked": 1 }));
    let refused = get_with(&world, &lasting, ACCOUNT).await;
    refused.refused(401, "AuthRejected");
}

#[tokio::test]
async fn faults_strike_the_token_endpoint_when_it_is_named() {
    let world = with_clients().await;
    let good = Some(("distributor", "s%3Ae%25c+r"));
    let rule = |operation: &str, kind: Value| json!([{ "operation": operation, "kind": kind, "times": 1 }]);
    world
        .set_faults(rule("*", json!("Unavailable503")))
        .await
        .ok();
    assert_eq!(ask(&world, good, &[GRANT]).await.0, 200);
    for (kind, status, body) in [
        (json!({ "Error500": {} }), 500, None),
        (
            json!("Unauthorized401"),
            401,
            Some(json!({ "error": "invalid_client" })),
        ),
        (json!("WrongJson"), 200, Some(json!({ "unexpected": true }))),
        (json!({ "Latency": { "ms": 1 } }), 200, None),
    ] {
        world
            .set_faults(rule("requestToken", kind.clone()))
            .await
            .ok();
        let answer = ask(&world, good, &[GRANT]).await;
        assert_eq!(answer.0, status, "{kind}");
        if let Some(body) = body {
            assert_eq!(answer.1, body, "{kind}");
        }
        assert_eq!(world.look("faults").await["rules"][0]["fired"], 1, "{kind}");
    }
    assert_eq!(world.look("state").await["oauth"]["requests"], 5);
    // A token that is refused on the contract's own paths.
    world
        .set_faults(rule("getReseller", json!("Unauthorized401")))
        .await
        .ok();
    world.get(ACCOUNT).await.refused(401, "AuthRejected");
    world.get(ACCOUNT).await.ok();
}

#[tokio::test]
async fn every_request_of_the_contract_waits_and_no_other() {
    let world = World::with(|config| config.latency = Duration::from_secs(1)).await;
    let took = async |control: bool| {
        let began = std::time::Instant::now();
        let request = if control {
            world.control_request(Method::GET, "promises")
        } else {
            world.request(Method::GET, ACCOUNT)
        };
        read(request.send().await.unwrap()).await.ok();
        began.elapsed()
    };
    assert!(took(false).await >= Duration::from_secs(1));
    assert!(took(true).await < Duration::from_secs(1));
}
