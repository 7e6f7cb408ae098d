use std::time::Duration;

use super::*;
use crate::bss::adapters::AdapterSettings;
use crate::bss::transport::{Grant, Tls};

fn settings(url: &str, requests_per_second: u32) -> ConnectionSettings {
    ConnectionSettings {
        connection: "ns/name".to_owned(),
        identity: "acme".to_owned(),
        adapter: AdapterSettings::Reference,
        url: url.to_owned(),
        login: Login::Bearer("token-of-the-test".to_owned().into()),
        throttle_statuses: vec![429],
        allowed_hosts: "127.0.0.1:1,127.0.0.1:2".to_owned(),
        tls: Tls::default(),
        requests_per_second: Some(requests_per_second),
        concurrency: Some(2),
        timeout: Duration::from_secs(1),
    }
}

#[test]
fn another_origin_must_tell_its_identity_as_long_as_the_first_is_used() {
    let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
    let connect = |url, rate| connector.connect(settings(url, rate), None).unwrap();
    let first = connect("https://127.0.0.1:1/v1", 20);
    let same = connect("HTTPS://127.0.0.1:1/v2", 20);
    let second = connect("https://127.0.0.1:2/v1", 5);
    let asked = [&first, &same, &second].map(|bss| connector.must_tell_its_identity(bss));
    assert_eq!(asked, [false, false, true]);
    assert!(Arc::ptr_eq(first.limiter(), same.limiter()));
    let rate = |bss: &Arc<Adapter>| bss.limiter().settings().per_second.get();
    assert_eq!(
        (rate(&first), rate(&second)),
        (20, 5),
        "each origin its own"
    );
    drop((first, same));
    assert!(!connector.must_tell_its_identity(&second));
}

#[test]
fn a_namespace_declares_nothing_for_another() {
    let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
    let of = |connection: &str, url| ConnectionSettings {
        connection: connection.to_owned(),
        ..settings(
            url,
            if connection.starts_with("evil") {
                1
            } else {
                20
            },
        )
    };
    let connect = |connection, url| connector.connect(of(connection, url), None).unwrap();
    // The attacker is there first, with the victim's identity, at its own origin and at the
    // victim's.
    let _own = connect("evil/a", "https://127.0.0.1:2");
    let _same = connect("evil/b", "https://127.0.0.1:1");
    let victim = connect("resellers/a", "https://127.0.0.1:1");
    assert_eq!(victim.limiter().settings().per_second.get(), 20);
    assert!(!connector.must_tell_its_identity(&victim));
}

#[test]
fn a_range_is_allowed_to_the_namespace_that_it_is_bound_to() {
    let ranges = ["127.0.0.0/8@resellers", "10.0.0.0/8"].map(str::to_owned);
    let connector = AdapterConnector::new(&ranges).unwrap();
    let connect = |connector: &AdapterConnector, namespace: &str, url| {
        let connection = format!("{namespace}/a");
        let allowed_hosts = "127.0.0.1:1,10.1.1.1".to_owned();
        let connection = ConnectionSettings {
            connection,
            allowed_hosts,
            ..settings(url, 5)
        };
        connector.connect(connection, None).map(drop)
    };
    let refused = |result: Result<(), BssError>| result.unwrap_err().to_string();
    let loopback = "https://127.0.0.1:1";
    assert_eq!(connect(&connector, "resellers", loopback), Ok(()));
    let said = refused(connect(&connector, "evil", loopback));
    assert!(said.contains("loopback"), "{said}");
    assert_eq!(connect(&connector, "evil", "https://10.1.1.1"), Ok(()));
    let denying = connector.denying(&["127.0.0.0/8".to_owned()]).unwrap();
    let said = refused(connect(&denying, "resellers", loopback));
    assert!(said.contains("denies"), "{said}");
    for wrong in ["10.0.0.0/8@", "10.0.0.0/8@A", "10.0.0.0/8@a@b", "x@a", "@a"] {
        let error = AdapterConnector::new(&[wrong.to_owned()]).unwrap_err();
        assert!(error.contains("is no"), "{error}");
    }
}

fn with_client(connection: &str, secret: &str) -> ConnectionSettings {
    ConnectionSettings {
        connection: connection.to_owned(),
        login: Login::OAuth2 {
            token_url: "https://127.0.0.1:9/token".to_owned(),
            grant: Grant::ClientCredentials,
            scopes: Vec::new(),
            id: "id".to_owned().into(),
            secret: secret.to_owned().into(),
            endpoint: Box::new(TokenEndpoint {
                allowed_hosts: "127.0.0.1:9".to_owned(),
                ..TokenEndpoint::default()
            }),
        },
        ..settings("https://127.0.0.1:1", 5)
    }
}

#[test]
fn tokens_are_kept_from_adapter_to_adapter_and_forgotten_with_their_connection() {
    let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
    let connect = |login| connector.connect(login, None).unwrap();
    let held = || -> Vec<String> { connector.tokens.lock().unwrap().keys().cloned().collect() };
    let source = |name: &str| Arc::as_ptr(&connector.tokens.lock().unwrap()[name]);
    let first = connect(with_client("ns/a", "client-secret"));
    let before = source("ns/a");
    drop(first);
    let first = connect(with_client("ns/a", "client-secret"));
    assert_eq!(before, source("ns/a"), "given up and made again: one token");
    let second = connect(with_client("ns/b", "client-secret"));
    assert_eq!(held(), ["ns/a", "ns/b"]);
    drop(first);
    let third = connect(settings("https://127.0.0.1:1", 5));
    assert_eq!(held(), ["ns/b"]);
    drop((second, third));
    connect(settings("https://127.0.0.1:1", 5));
    assert_eq!(held(), Vec::<String>::new());
}

#[test]
fn limits_of_an_adapter_that_is_used_no_more_are_forgotten() {
    let connector = AdapterConnector::new(&["127.0.0.0/8".to_owned()]).unwrap();
    let strict = connector
        .connect(settings("https://127.0.0.1:1", 5), None)
        .unwrap();
    drop(strict);
    let bss = connector
        .connect(settings("https://127.0.0.1:1", 20), None)
        .unwrap();
    assert_eq!(bss.limiter().settings().per_second.get(), 20);
    assert_eq!(connector.parts().len(), 1);
}
