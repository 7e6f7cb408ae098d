//! OAuth 2 client credentials over real sockets: when tokens are asked for, what becomes of an
//! endpoint that does not issue them, and that nothing secret is ever said.

use super::scripted::{Act, Scripted, json, problem, reply};
use super::{limiter, settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::port::{
    Bss, CopyItem, Epoch, Fence, Freshness, ItemKind, OperationState, PageRequest,
};
use tenant_reseller_operator::bss::transport::{
    AllowedHosts, AllowedRanges, Cleartext, ClientAuthentication, Clock, Credentials, Grant,
    Proxies, Timeouts, Tls, TokenSettings, TokenSource,
};

const ID: &str = "the:client";
const SECRET: &str = "s3cr3t of %the client";
/// User and password of the two, form-encoded, in base64.
const BASIC: &str = "Basic dGhlJTNBY2xpZW50OnMzY3IzdCtvZislMjV0aGUrY2xpZW50";

fn token_settings(url: &str) -> TokenSettings {
    TokenSettings {
        token_url: url.to_owned(),
        grant: Grant::ClientCredentials,
        scopes: vec!["upgrade".to_owned(), "read".to_owned()],
        client_id: ID.to_owned().into(),
        client_secret: SECRET.to_owned().into(),
        authentication: ClientAuthentication::Basic,
        parameters: BTreeMap::new(),
        tls: Tls::default(),
        proxies: Proxies::default(),
        allowed_hosts: AllowedHosts::entry_for(url),
        allowed_ranges: AllowedRanges::parse(["127.0.0.0/8"]).unwrap(),
        cleartext: Cleartext::OnLoopback,
        timeouts: Timeouts::within(Duration::from_secs(20)),
    }
}

fn bss(server: &Scripted, tokens: TokenSettings) -> ReferenceBss {
    let mut settings = settings(&server.url, "");
    settings.credentials = Credentials::OAuth(TokenSource::new(tokens).unwrap());
    ReferenceBss::new(settings, limiter()).unwrap()
}

/// Time that passes when a test says so.
#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn passes(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::new(move || Duration::from_millis(now.load(Ordering::Relaxed)))
    }

    fn bss(&self, server: &Scripted, tokens: TokenSettings) -> ReferenceBss {
        let mut settings = settings(&server.url, "");
        let source = TokenSource::with_clock(tokens, self.clock()).unwrap();
        settings.credentials = Credentials::OAuth(source);
        ReferenceBss::new(settings, limiter()).unwrap()
    }
}

fn issued(token: &str, seconds: u64) -> Act {
    Act::Send(json(&format!(
        r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{seconds}}}"#
    )))
}

fn identity() -> Act {
    Act::Send(json(r#"{"identity":"acme"}"#))
}

fn refused(status: u16) -> Act {
    Act::Send(reply(status, "", ""))
}

async fn write(bss: &ReferenceBss) -> BssError {
    let fence = Fence {
        reseller: &"R".into(),
        epoch: Some(Epoch(3)),
    };
    let item = CopyItem {
        source: "1".into(),
        kind: ItemKind::Customer,
        key: "key/1".into(),
        expected_source: "d".into(),
        expected_copy: None,
        pricing: None,
    };
    bss.copy_customers(fence, &"T".into(), &[item])
        .await
        .unwrap_err()
}

/// What was logged in with, request by request.
fn logins(server: &Scripted) -> Vec<String> {
    let requests = server.requests();
    let login = |request: &String| {
        let mut lines = request.lines();
        let line = lines.find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
        line.unwrap()["authorization:".len()..].trim().to_owned()
    };
    requests.iter().map(login).collect()
}

#[tokio::test]
async fn one_request_for_a_token_serves_all_who_wait_and_those_after_them() {
    let endpoint = Scripted::start(vec![issued("the-t0ken", 3600), refused(500)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let bss = bss(&server, token_settings(&endpoint.url));
    let calls = (0..20).map(|_| bss.get_identity());
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer, Ok(Some("acme".to_owned())));
    }
    assert_eq!(logins(&server), vec!["Bearer the-t0ken"; 20]);
    assert_eq!(logins(&endpoint), [BASIC]);
    let asked = endpoint.requests().remove(0);
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1 HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{head}"
    );
    assert_eq!(body, "grant_type=client_credentials&scope=upgrade+read");
}

/// RFC 6749, 3.2: the URI of the endpoint may have a query, which is kept as it is.
#[tokio::test]
async fn the_query_of_the_endpoint_is_sent_and_never_shown() {
    const QUERY: &str = "api-version=2&code=q%2Fu3ry-s3cr3t";
    let endpoint = Scripted::start(vec![issued("token-one", 60), refused(401)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let tokens = token_settings(&format!("{}?{QUERY}", endpoint.url));
    let bss = bss(&server, tokens.clone());
    bss.get_identity().await.unwrap();
    let asked = endpoint.requests().remove(0);
    let first = format!("POST /v1?{QUERY} HTTP/1.1\r\n");
    assert!(asked.starts_with(&first), "{asked}");
    let again = self::bss(&server, tokens.clone());
    let refused = again.get_identity().await.unwrap_err();
    assert_eq!(refused.class(), "AuthRejected");
    let said = format!("{refused} {refused:?} {tokens:?} {bss:?}");
    assert!(!said.contains("u3ry"), "{said}");
}

#[tokio::test]
async fn without_scopes_none_are_asked_for() {
    let endpoint = Scripted::start(vec![issued("token-one", 60)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let mut tokens = token_settings(&endpoint.url);
    tokens.scopes.clear();
    bss(&server, tokens).get_identity().await.unwrap();
    let asked = endpoint.requests().remove(0);
    assert!(asked.ends_with("\r\n\r\ngrant_type=client_credentials"));
}

#[tokio::test]
async fn a_token_that_has_run_out_is_replaced() {
    let endpoint = Scripted::start(vec![issued("token-one", 0), issued("token-two", 0)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let time = Time::default();
    let bss = time.bss(&server, token_settings(&endpoint.url));
    for _ in 0..2 {
        bss.get_identity().await.unwrap();
    }
    // A token that is told to live no time at all is used for 5 s, so that not each call asks for one.
    time.passes(Duration::from_millis(5_100));
    bss.get_identity().await.unwrap();
    let used = ["Bearer token-one", "Bearer token-one", "Bearer token-two"];
    assert_eq!(logins(&server), used);
}

#[tokio::test]
async fn a_token_that_the_bss_does_not_take_is_replaced_once_and_the_request_repeated() {
    let endpoint =
        Scripted::start(vec![issued("token-one", 3600), issued("token-two", 3600)]).await;
    let results = Act::Send(json(r#"{"results":[]}"#));
    let server = Scripted::start(vec![refused(401), results]).await;
    let bss_ = bss(&server, token_settings(&endpoint.url));
    let page = PageRequest {
        cursor: None,
        limit: 10,
        freshness: Freshness::Fresh,
    };
    drop(bss_.list_customers(&"R".into(), &page).await);
    let requests = server.requests();
    assert_eq!(logins(&server), ["Bearer token-one", "Bearer token-two"]);
    let line = |request: &str| request.lines().next().unwrap().to_owned();
    assert_eq!(line(&requests[0]), line(&requests[1]));

    // For ever refused: twice, and not a third time; nothing was done.
    let endpoint =
        Scripted::start(vec![issued("token-one", 3600), issued("token-two", 3600)]).await;
    let server = Scripted::start(vec![refused(401)]).await;
    let bss = bss(&server, token_settings(&endpoint.url));
    let error = write(&bss).await;
    assert_eq!(error, BssError::AuthRejected);
    assert!(!error.effect_unknown());
    assert_eq!(logins(&server), ["Bearer token-one", "Bearer token-two"]);
    assert_eq!(endpoint.requests().len(), 2);
}

#[tokio::test]
async fn one_request_replaces_a_token_that_many_calls_come_back_with() {
    let endpoint =
        Scripted::start(vec![issued("token-one", 3600), issued("token-two", 3600)]).await;
    let mut acts = vec![refused(401); 8];
    acts.push(identity());
    let server = Scripted::start(acts).await;
    let bss = bss(&server, token_settings(&endpoint.url));
    let calls = futures::future::join_all((0..8).map(|_| bss.get_identity()));
    for answer in calls.await {
        // The server refuses by number, not by token: who came late may have met a refusal.
        assert!(matches!(answer, Ok(Some(_)) | Err(BssError::AuthRejected)));
    }
    let issued = endpoint.requests().len();
    assert!(issued <= 3, "{issued} tokens for 8 calls");
}

#[tokio::test]
async fn a_bearer_token_that_lasts_is_sent_once() {
    let server = Scripted::start(vec![refused(401)]).await;
    let bss = super::adapter(settings(&server.url, super::TOKEN));
    assert_eq!(bss.get_identity().await, Err(BssError::AuthRejected));
    assert_eq!(server.requests().len(), 1);
}

/// Whatever the endpoint does, the BSS hears nothing of it, and no doubt is left.
#[tokio::test]
async fn an_endpoint_that_issues_nothing() {
    let code = |status, code: &str| {
        let body = format!(r#"{{"error":"{code}","error_description":"{SECRET}"}}"#);
        Act::Send(reply(status, "Content-Type: application/json\r\n", &body))
    };
    let json_type = "Content-Type: application/json\r\n";
    let huge = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
    let redirect = "Location: https://elsewhere.example/\r\n";
    for (name, act, class, says) in [
        (
            "invalid_client",
            code(401, "invalid_client"),
            "AuthRejected",
            "",
        ),
        (
            "a wrong client, said with 400",
            code(400, "invalid_client"),
            "AuthRejected",
            "",
        ),
        (
            "a wrong scope",
            code(400, "invalid_scope"),
            "AuthRejected",
            "",
        ),
        (
            "another grant",
            code(400, "unsupported_grant_type"),
            "Malformed",
            "unsupported_grant_type",
        ),
        ("away", Act::Close, "Unavailable", "127.0.0.1"),
        ("silent", Act::Hang, "Unavailable", "127.0.0.1"),
        ("broken", refused(500), "Unavailable", "500"),
        ("busy", refused(429), "Unavailable", "throttles"),
        (
            "redirecting",
            Act::Send(reply(302, redirect, "")),
            "Malformed",
            "302",
        ),
        (
            "no token",
            Act::Send(reply(200, json_type, r#"{"unexpected":true}"#)),
            "Malformed",
            "without a token",
        ),
        (
            "a page",
            Act::Send(reply(200, "Content-Type: text/html\r\n", "<html>")),
            "Malformed",
            "JSON",
        ),
        ("endless", Act::Flood(huge.into()), "Malformed", "bytes"),
    ] {
        let endpoint = Scripted::start(vec![act]).await;
        let server = Scripted::start(vec![identity()]).await;
        let mut tokens = token_settings(&endpoint.url);
        tokens.timeouts = Timeouts::within(Duration::from_millis(400));
        let limits = limiter();
        let mut settings = settings(&server.url, "");
        settings.credentials = Credentials::OAuth(TokenSource::new(tokens).unwrap());
        let bss = ReferenceBss::new(settings, limits.clone()).unwrap();
        let errors = futures::join!(bss.get_identity(), write(&bss));
        for error in [errors.0.unwrap_err(), errors.1] {
            assert_eq!(error.class(), class, "{name}: {error}");
            assert!(!error.effect_unknown(), "{name}: {error}");
            let said = format!("{error} {error:?} {bss:?}");
            assert!(said.contains(says), "{name}: {said}");
            assert!(!said.contains(SECRET) && !said.contains(ID), "{said}");
        }
        assert_eq!(
            endpoint.requests().len(),
            1,
            "{name}: one for both who waited"
        );
        assert_eq!(server.requests(), Vec::<String>::new(), "{name}");
        let calls = limits.figures().snapshot().calls;
        let calls: Vec<_> = calls
            .iter()
            .map(|(key, tally)| (*key, tally.count))
            .collect();
        assert_eq!(calls, [(("requestToken", class), 1)], "{name}");
        assert_eq!(limits.paused(), None, "{name}: no trouble of the BSS");
        if name == "endless" {
            assert!(endpoint.sent() < 16 * 1024 * 1024);
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_comes_back_is_asked_again() {
    let endpoint = Scripted::start(vec![refused(503), issued("token-one", 60)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let time = Time::default();
    let bss = time.bss(&server, token_settings(&endpoint.url));
    assert_eq!(bss.get_identity().await.unwrap_err().class(), "Unavailable");
    time.passes(Duration::from_millis(1100));
    assert_eq!(bss.get_identity().await, Ok(Some("acme".to_owned())));
}

#[tokio::test]
async fn giving_up_a_request_for_a_token_leaves_the_way_free() {
    let endpoint = Scripted::start(vec![Act::Hang, issued("token-one", 60)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let bss = bss(&server, token_settings(&endpoint.url));
    let given_up = tokio::time::timeout(Duration::from_millis(100), bss.get_identity());
    assert!(given_up.await.is_err());
    assert_eq!(bss.get_identity().await, Ok(Some("acme".to_owned())));
}

#[tokio::test]
async fn tokens_are_hidden_where_the_bss_repeats_them() {
    let endpoint = Scripted::start(vec![issued("t0ken-0ne", 3600)]).await;
    let said = format!(r#"{{"id":"o","state":"Failed","detail":"t0ken-0ne and {SECRET}"}}"#);
    let server = Scripted::start(vec![Act::Send(json(&said))]).await;
    let bss = bss(&server, token_settings(&endpoint.url));
    let state = bss.get_operation(&"o".into()).await;
    let Ok(OperationState::Failed { detail }) = &state else {
        panic!("{state:?}")
    };
    assert_eq!(detail, "[hidden] and [hidden]");
}

/// What the refusal names, and what is wrong.
type Change<'a> = (&'a str, &'a dyn Fn(&mut TokenSettings));

#[tokio::test]
async fn an_endpoint_that_may_not_be_asked() {
    let url = "http://127.0.0.1:9/token";
    let with = |change: &dyn Fn(&mut TokenSettings)| {
        let mut tokens = token_settings(url);
        change(&mut tokens);
        TokenSource::new(tokens).map(drop)
    };
    assert_eq!(with(&|_| {}), Ok(()));
    let changes: [Change<'_>; 10] = [
        ("does not allow 127.0.0.1:9", &|tokens| {
            "bss.example".clone_into(&mut tokens.allowed_hosts);
        }),
        ("loopback", &|tokens| {
            tokens.allowed_ranges = AllowedRanges::none();
        }),
        ("https", &|tokens| tokens.cleartext = Cleartext::Refused),
        ("credentials", &|tokens| {
            "https://a:b@127.0.0.1:9/".clone_into(&mut tokens.token_url);
        }),
        ("fragment", &|tokens| tokens.token_url.push_str("?a=b#c")),
        ("must not set client_secret", &|tokens| {
            tokens.token_url.push_str("?a=b&client%5Fsecret=c");
        }),
        ("clientId", &|tokens| {
            tokens.client_id = String::new().into();
        }),
        ("clientSecret", &|tokens| {
            tokens.client_secret = String::new().into();
        }),
        ("must not set scope", &|tokens| {
            let own = ("scope".to_owned(), "all".to_owned());
            tokens.parameters.extend([own]);
        }),
        ("colon", &|tokens| {
            tokens.authentication = ClientAuthentication::BasicUnencoded;
        }),
    ];
    for (named, change) in changes {
        let Err(BssError::Refused { detail }) = with(change) else {
            panic!("{named}")
        };
        assert!(detail.contains(named), "{named}: {detail}");
    }
    // A name that leads inside is refused when it is asked, and nothing is sent anywhere.
    let server = Scripted::start(vec![identity()]).await;
    let mut tokens = token_settings("https://localhost:9/token");
    tokens.allowed_ranges = AllowedRanges::none();
    if let Ok(source) = TokenSource::new(tokens) {
        let mut settings = settings(&server.url, "");
        settings.credentials = Credentials::OAuth(source);
        let bss = ReferenceBss::new(settings, limiter()).unwrap();
        let error = write(&bss).await;
        assert_eq!(error.class(), "Refused", "{error}");
        assert!(error.to_string().contains("token endpoint"), "{error}");
        assert_eq!(server.requests(), Vec::<String>::new());
    }
}

/// All upgrades of a connection have one source of tokens, each an adapter of its own.
fn many(server: &Scripted, tokens: TokenSettings, time: &Time) -> Vec<ReferenceBss> {
    let source = TokenSource::with_clock(tokens, time.clock()).unwrap();
    let made = (0..50).map(|_| {
        let mut settings = settings(&server.url, "");
        settings.credentials = Credentials::OAuth(source.clone());
        ReferenceBss::new(settings, limiter()).unwrap()
    });
    made.collect()
}

/// Fifty upgrades that need a token again and again, for three seconds.
async fn three_seconds(server: &Scripted, tokens: TokenSettings) -> BssError {
    let time = Time::default();
    let upgrades = many(server, tokens, &time);
    let mut last = None;
    for _ in 0..30 {
        let calls = upgrades.iter().map(Bss::get_identity);
        for answer in futures::future::join_all(calls).await {
            last = Some(answer.unwrap_err());
        }
        time.passes(Duration::from_millis(100));
    }
    last.unwrap()
}

#[tokio::test]
async fn fifty_upgrades_ask_an_endpoint_that_fails_once_and_not_each() {
    let in_two_minutes = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(120);
    let date = in_two_minutes.strftime("Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n");
    for (name, status, headers) in [
        ("a wrong secret", 401, String::new()),
        ("busy", 429, "Retry-After: 120\r\n".to_owned()),
        ("busy until a date", 429, date.to_string()),
        ("away for a while", 503, "Retry-After: 120\r\n".to_owned()),
    ] {
        let endpoint = Scripted::start(vec![Act::Send(reply(status, &headers, ""))]).await;
        let server = Scripted::start(vec![identity()]).await;
        let error = three_seconds(&server, token_settings(&endpoint.url)).await;
        let class = if status == 401 {
            "AuthRejected"
        } else {
            "Unavailable"
        };
        assert_eq!(error.class(), class, "{name}: {error}");
        assert_eq!(endpoint.requests().len(), 1, "{name}: of 1,500 calls");
        assert_eq!(server.requests().len(), 0, "{name}");
    }
    // Away without a word: after one second, then two.
    let endpoint = Scripted::start(vec![refused(500)]).await;
    let server = Scripted::start(vec![identity()]).await;
    three_seconds(&server, token_settings(&endpoint.url)).await;
    let asked = endpoint.requests().len();
    assert!((2..=3).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_bss_that_refuses_every_token_does_not_make_the_endpoint_issue_one_for_each_call() {
    let acts = (0..9).map(|nth| issued(&format!("token-no-{nth}"), 3600));
    let endpoint = Scripted::start(acts.collect()).await;
    let server = Scripted::start(vec![refused(401)]).await;
    let error = three_seconds(&server, token_settings(&endpoint.url)).await;
    assert_eq!(error, BssError::AuthRejected);
    let asked = endpoint.requests().len();
    assert!(asked <= 3, "{asked} tokens");
}

#[tokio::test]
async fn a_token_is_renewed_in_whichever_way_the_bss_refuses_it() {
    let json_type = "Content-Type: application/json\r\n";
    let challenge = "WWW-Authenticate: Bearer realm=\"bss\", error=\"invalid_token\"\r\n";
    let expired = r#"{"error":"invalid_token","error_description":"expired"}"#;
    for (name, refusal, renewed) in [
        ("401 and nothing else", refused(401), true),
        (
            "401 with a problem",
            Act::Send(problem(401, "AuthRejected", "")),
            true,
        ),
        (
            "401 with a page",
            Act::Send(reply(401, "Content-Type: text/html\r\n", "<html>")),
            true,
        ),
        (
            "403 with a challenge",
            Act::Send(reply(403, challenge, "")),
            true,
        ),
        (
            "403 with a code",
            Act::Send(reply(403, json_type, expired)),
            true,
        ),
        (
            "400 with a challenge",
            Act::Send(reply(400, challenge, "")),
            true,
        ),
        (
            "a gateway's own 403",
            Act::Send(reply(
                403,
                json_type,
                r#"{"message":"The token has expired"}"#,
            )),
            true,
        ),
        (
            "forbidden by the contract",
            Act::Send(problem(403, "Forbidden", "")),
            false,
        ),
        ("not found", Act::Send(problem(404, "NotFound", "")), false),
    ] {
        let endpoint =
            Scripted::start(vec![issued("token-one", 3600), issued("token-two", 3600)]).await;
        let server = Scripted::start(vec![refusal, identity()]).await;
        let answer = bss(&server, token_settings(&endpoint.url))
            .get_identity()
            .await;
        assert_eq!(answer.is_ok(), renewed, "{name}: {answer:?}");
        assert_eq!(
            endpoint.requests().len(),
            1 + usize::from(renewed),
            "{name}"
        );
    }
}

#[tokio::test]
async fn replies_and_forms_of_many_providers() {
    for reply in [
        r#"{"access_token":"the-t0ken","expires_in":3600.0}"#,
        r#"{"access_token":"the-t0ken","expires_in":"3600","token_type":"bearer"}"#,
        r#"{"access_token":"the-t0ken","token_type":null}"#,
    ] {
        let endpoint = Scripted::start(vec![Act::Send(json(reply))]).await;
        let server = Scripted::start(vec![identity()]).await;
        let answer = bss(&server, token_settings(&endpoint.url))
            .get_identity()
            .await;
        assert_eq!(answer, Ok(Some("acme".to_owned())), "{reply}");
        assert_eq!(logins(&server), ["Bearer the-t0ken"]);
    }
    let endpoint = Scripted::start(vec![issued("the-t0ken", 60)]).await;
    let server = Scripted::start(vec![identity()]).await;
    let mut tokens = token_settings(&endpoint.url);
    tokens.authentication = ClientAuthentication::Body;
    let audience = ("audience".to_owned(), "https://bss.example/".to_owned());
    tokens.parameters.extend([audience]);
    bss(&server, tokens).get_identity().await.unwrap();
    let asked = endpoint.requests().remove(0);
    assert!(
        !asked.to_ascii_lowercase().contains("authorization"),
        "{asked}"
    );
    let body = "grant_type=client_credentials&scope=upgrade+read\
                &audience=https%3A%2F%2Fbss.example%2F&client_id=the%3Aclient\
                &client_secret=s3cr3t+of+%25the+client";
    assert!(asked.ends_with(body), "{asked}");
    // A refusal says who refused, with which code, and in which form it was asked.
    for (authentication, form) in [
        (ClientAuthentication::Basic, "clientAuthentication: Basic)"),
        (ClientAuthentication::Body, "clientAuthentication: Body)"),
    ] {
        let body = r#"{"error":"invalid_client"}"#;
        let refusal = reply(401, "Content-Type: application/json\r\n", body);
        let endpoint = Scripted::start(vec![Act::Send(refusal)]).await;
        let server = Scripted::start(vec![identity()]).await;
        let mut tokens = token_settings(&endpoint.url);
        tokens.authentication = authentication;
        let error = bss(&server, tokens).get_identity().await.unwrap_err();
        let said = error.to_string();
        for part in [
            "the token endpoint 127.0.0.1:",
            "invalid_client",
            "401",
            form,
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
}
