//! The password grant, whose BSS a login opens, rights, limits, and what is counted.

use reqwest::Method;
use serde_json::json;

use super::{Side, encoded, grant, press, seen, switch, world};
use crate::support::World;

#[tokio::test]
async fn a_password_is_exchanged_for_a_token() {
    let world = world(|_| {}).await;
    let body = seen(grant(&world, "distributor")).await.ok();
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("bearer"), &json!(3600))
    );
    let side = Side::of(&world, "distributor").await;
    let own = side.get("accounts/10423", &[]).await.ok();
    assert_eq!(own["name"], "Contoso Ltd");
}

#[tokio::test]
async fn the_grant_is_refused_as_the_rfc_says() {
    let world = world(|_| {}).await;
    let url = format!("{}/oauth/token", world.url);
    let right = [
        ("grant_type", "password"),
        ("username", "distributor-user"),
        ("password", "distributor pass&word"),
    ];
    let with = |form: &[(&str, &str)]| {
        let request = world.client.post(&url).body(encoded(form));
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let pair = |request: reqwest::RequestBuilder| {
        request.basic_auth("distributor-client", Some("distributor-secret"))
    };
    pair(with(&right))
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let in_body = [
        ("client_id", "distributor-client"),
        ("client_secret", "distributor-secret"),
    ];
    let both = [&right[..], &in_body[..]].concat();
    let other = |name: &str, value: &'static str| {
        right.map(|(known, kept)| {
            if known == name {
                (known, value)
            } else {
                (known, kept)
            }
        })
    };
    let without = |name: &str| -> Vec<(&str, &str)> {
        right
            .into_iter()
            .filter(|(known, _)| *known != name)
            .collect()
    };
    for (request, status, error) in [
        // The client's secret belongs into the header alone.
        (with(&both), 401, "invalid_client"),
        (pair(with(&both)), 401, "invalid_client"),
        (with(&right), 401, "invalid_client"),
        (
            with(&right).basic_auth("distributor-client", Some("no")),
            401,
            "invalid_client",
        ),
        (
            with(&right).basic_auth("tenant-client", Some("tenant-secret")),
            400,
            "invalid_grant",
        ),
        (
            pair(with(&other("password", "wrong"))),
            400,
            "invalid_grant",
        ),
        (
            pair(with(&other("grant_type", "client_credentials"))),
            400,
            "unsupported_grant_type",
        ),
        (pair(with(&without("grant_type"))), 400, "invalid_request"),
        (pair(with(&without("username"))), 400, "invalid_request"),
        (
            pair(with(&[&right[..], &right[1..2]].concat())),
            400,
            "invalid_request",
        ),
        (
            pair(world.client.post(&url).json(&json!({}))),
            400,
            "invalid_request",
        ),
        (pair(world.client.get(&url)), 405, "invalid_request"),
    ] {
        let refused = seen(request).await;
        assert_eq!(
            (refused.status, &refused.body["error"]),
            (status, &json!(error))
        );
    }
}

#[tokio::test]
async fn a_tenant_opens_when_it_is_there() {
    let world = world(|_| {}).await;
    assert_eq!(
        seen(grant(&world, "tenant")).await.body["error"],
        "invalid_grant"
    );
    press(&world, "create-tenant", json!({})).await;
    let side = Side::of(&world, "tenant").await;
    assert_eq!(side.all("accounts", "").await.len(), 0);
    let tenant = |action: &str| world.control("staff/tenant", json!({ "action": action }));
    tenant("Suspend").await.ok();
    assert_eq!(side.get("accounts", &[]).await.status, 403);
    tenant("Resume").await.ok();
    side.get("accounts", &[]).await.ok();
    tenant("Delete").await.ok();
    assert_eq!(side.get("accounts", &[]).await.status, 401);
}

#[tokio::test]
async fn a_queued_tenant_opens_later() {
    let world = world(|config| config.tenant_queue = std::time::Duration::from_millis(300)).await;
    press(&world, "create-tenant", json!({})).await;
    assert_eq!(
        seen(grant(&world, "tenant")).await.body["error"],
        "invalid_grant"
    );
    let opened = async || seen(grant(&world, "tenant")).await.status == 200;
    crate::support::until("the tenant opens", opened).await;
}

#[tokio::test]
async fn tokens_expire_and_a_person_ends_them() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let ended = press(&world, "log-in", json!({ "user": "another-user" })).await;
    assert_eq!(ended["ended"], 0);
    side.get("accounts", &[]).await.ok();
    press(&world, "log-in", json!({ "user": "distributor-user" })).await;
    assert_eq!(side.get("accounts", &[]).await.status, 401);
    switch(&world, json!({ "tokenSeconds": 0 })).await;
    let side = Side::of(&world, "distributor").await;
    assert_eq!(side.get("accounts", &[]).await.status, 401);
    let stranger = Side {
        world: &world,
        token: "none".to_owned(),
    };
    assert_eq!(stranger.get("accounts", &[]).await.status, 401);
}

#[tokio::test]
async fn without_a_login_the_face_is_not_there() {
    let world = World::new().await;
    for path in ["api/accounts", "oauth/token"] {
        let url = format!("{}/{path}", world.url);
        assert_eq!(
            world.client.get(url).send().await.unwrap().status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn too_many_requests_and_a_missing_right_look_alike() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    switch(&world, json!({ "forbidden": ["orders"] })).await;
    assert_eq!(side.get("orders", &[]).await.status, 403);
    side.get("accounts", &[]).await.ok();
    switch(&world, json!({ "forbidden": [], "requestsPerMinute": 3 })).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let reply = side
            .request(Method::GET, "orders", &[])
            .send()
            .await
            .unwrap();
        assert!(!reply.headers().contains_key("retry-after"));
        statuses.push(reply.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 403, 403]);
}

#[tokio::test]
async fn calls_are_counted_by_method_and_path_and_writes_do_nothing() {
    let world = world(|_| {}).await;
    let side = Side::of(&world, "distributor").await;
    let before = side.get("accounts/20001", &[]).await.ok();
    side.get("Accounts/20001/SyncOptions", &[]).await.ok();
    side.get("nothing/there", &[]).await;
    for method in [Method::PATCH, Method::PUT, Method::DELETE, Method::POST] {
        let body = json!([{ "op": "replace", "path": "/name", "value": "Other" }]);
        let request = side.request(method, "accounts/20001", &[]).json(&body);
        assert_eq!(seen(request).await.status, 405);
    }
    assert_eq!(side.get("accounts/20001", &[]).await.ok(), before);
    let counted = world.look("interworks/calls").await;
    let line = |method: &str, path: &str, calls: u32| json!({ "method": method, "path": path, "calls": calls });
    let one = "/api/accounts/{id}";
    let expected = json!([
        line("GET", "/api, no such path", 1),
        line("DELETE", one, 1),
        line("GET", one, 2),
        line("PATCH", one, 1),
        line("POST", one, 1),
        line("PUT", one, 1),
        line("GET", "/api/accounts/{id}/syncoptions", 1),
        line("POST", "/oauth/token", 1),
    ]);
    assert_eq!(counted["calls"], expected);
    world
        .control_request(Method::DELETE, "interworks/calls")
        .send()
        .await
        .unwrap();
    assert_eq!(world.look("interworks/calls").await["calls"], json!([]));
}
