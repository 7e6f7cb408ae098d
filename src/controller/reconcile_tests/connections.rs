//! Connections and their Secrets, and what the status of a connection shows.

use super::*;

/// The guard of an identity against a second origin: whether a BSS at another address would have to
/// prove that it is the same one.
fn guarded(bench: &Bench) -> bool {
    let settings = ConnectionSettings {
        connection: "n/other".to_owned(),
        identity: "acme".to_owned(),
        adapter: crate::bss::adapters::AdapterSettings::Reference,
        url: "https://127.0.0.1:2/v1".to_owned(),
        login: Login::Bearer(TOKEN.to_owned().into()),
        throttle_statuses: Vec::new(),
        allowed_hosts: "127.0.0.1:2".to_owned(),
        tls: Tls::default(),
        requests_per_second: Some(1),
        concurrency: Some(1),
        timeout: Duration::from_secs(1),
    };
    let connector = &bench.controller.connector;
    let other = connector.connect(settings, None).unwrap();
    connector.must_tell_its_identity(&other)
}

#[tokio::test]
async fn nothing_that_makes_an_upgrade_wait_lifts_the_guard_of_an_identity() {
    let bench = bench();
    assert!(!guarded(&bench), "no connection yet");
    bench.reconcile().await;
    assert!(guarded(&bench), "it was the first");

    // The Secret is read again after a minute, and is away.
    *bench.cluster.token.lock().unwrap() = None;
    bench.clock.at(120);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "DependencyNotReady");
    assert!(guarded(&bench), "it only waits");

    // It is wrong, and the connection may not be used.
    *bench.cluster.token.lock().unwrap() = Some("short".to_owned());
    bench.clock.at(240);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "ConnectionForbidden");
    assert!(guarded(&bench), "it only waits");

    // The connection leads elsewhere now: a connection to the former address is the first there.
    *bench.cluster.url.lock().unwrap() = "https://127.0.0.1:3/v1".to_owned();
    bench.clock.at(360);
    bench.reconcile().await;
    assert!(
        !guarded(&bench),
        "the connection does not lead there any more"
    );

    *bench.cluster.token.lock().unwrap() = Some(TOKEN.to_owned());
    bench.clock.at(480);
    bench.reconcile().await;
    assert!(guarded(&bench), "it is there again");
    bench.controller.forget("u-1");
    assert!(!guarded(&bench), "the upgrade is gone");
}

#[tokio::test]
async fn a_token_that_is_too_short_is_refused_and_not_repeated() {
    let bench = bench();
    *bench.cluster.token.lock().unwrap() = Some("hunter2".to_owned());
    bench.reconcile().await;
    let (reason, message, next) = bench.shown();
    assert_eq!(reason, "ConnectionForbidden");
    assert_eq!(
        message,
        "The key token of the Secret credentials holds fewer than 8 characters, too few to be kept \
         out of logs and messages."
    );
    assert!(
        next.contains("the key token of the Secret credentials"),
        "{next}"
    );
    let status = bench.cluster.status.lock().unwrap().clone();
    assert!(!format!("{status:?}").contains("hunter2"));
}

/// An object that another version of the operator was made for. No adapter is taken for granted, and
/// no Secret is read for one.
#[tokio::test]
async fn a_connection_without_a_known_adapter_is_refused_by_its_name() {
    let bench = bench();
    bench.cluster.other_adapter.store(true, Ordering::Relaxed);
    assert_eq!(bench.waits().await, Duration::from_secs(60));
    let (reason, message, next) = bench.shown();
    assert_eq!(reason, "ConnectionForbidden");
    assert_eq!(
        message,
        "The spec of the BssConnection distributor does not have exactly one adapter that this \
         version of the operator knows."
    );
    let known = crate::api::BssConnectionSpec::ADAPTERS.join(", ");
    let expected =
        format!("Give the spec of the BssConnection distributor exactly one adapter: {known}.");
    assert!(next.starts_with(&expected), "{next}");
    assert!(!bench.cluster.calls().contains(&"get secret"));
    let shown = bench.cluster.connection_status.lock().unwrap().clone();
    let shown = shown.unwrap();
    assert_eq!(shown.adapter, None);
    let ready = shown.conditions.iter().find(|c| c.type_ == "Ready");
    let ready = ready.unwrap();
    assert_eq!(
        (ready.status, &ready.message),
        (ConditionStatus::False, &message)
    );

    bench.cluster.other_adapter.store(false, Ordering::Relaxed);
    bench.clock.at(600);
    bench.reconcile().await;
    assert_eq!(bench.shown().0, "BssUnavailable", "it goes on by itself");
}

#[tokio::test]
async fn the_connection_shows_the_name_that_the_bss_tells_and_no_other() {
    let bench = bench();
    let entry = bench.controller.cache.entry("u-1");
    let mut entry = entry.lock().await;
    let shows = async |entry: &mut CacheEntry<Adapter>, before: Option<&str>| {
        let mut connection = bench.cluster.connection();
        connection.status = before.map(|name| BssConnectionStatus {
            identity: Some(name.to_owned()),
            ..BssConnectionStatus::default()
        });
        let state = ReadyState {
            reason: Reason::BssUnavailable,
            message: "Away.".to_owned(),
            next_action: String::new(),
        };
        let known = ConnectionFacts {
            connection: &connection,
            side: publish::Side::Distributor,
            entry,
            unusable: Some(&state),
        };
        let now = bench.clock.now();
        publish::connection(&*bench.cluster, known, now)
            .await
            .unwrap();
        let written = bench.cluster.connection_status.lock().unwrap().clone();
        written.unwrap().identity
    };
    entry.known.bss.identity_agrees = true;
    assert_eq!(shows(&mut entry, None).await, None, "it was not asked yet");
    assert_eq!(
        shows(&mut entry, Some("acme")).await.as_deref(),
        Some("acme")
    );
    entry.told_identity = ToldIdentity::Told(None);
    assert_eq!(shows(&mut entry, Some("acme")).await, None, "it tells none");
    entry.told_identity = ToldIdentity::Told(Some("acme".to_owned()));
    assert_eq!(shows(&mut entry, None).await.as_deref(), Some("acme"));
}

fn condition<'a>(status: &'a BssConnectionStatus, type_: &str) -> &'a Condition {
    let found = status.conditions.iter().find(|c| c.type_ == type_);
    found.unwrap()
}

/// What is wrong with the tenant's own access stands at the tenant's own connection, and not at that of
/// the distributor.
#[tokio::test]
async fn the_tenants_connection_shows_the_fault_of_its_own_secret() {
    const TENANT_TOKEN: &str = "t3nant-t0ken";
    let keys = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let here = "127.0.0.1:1";
    let faults: [(TenantSecret, &str, &str); 5] = [
        (
            None,
            "DependencyNotReady",
            "The Secret tenant-login is not there for 127.0.0.1:1",
        ),
        (
            Some((keys("token", TENANT_TOKEN), "other.example")),
            "DependencyNotReady",
            "The Secret tenant-login is not there for 127.0.0.1:1",
        ),
        (
            Some((keys("tokn", TENANT_TOKEN), here)),
            "DependencyNotReady",
            "The Secret tenant-login has no key token.",
        ),
        (
            Some((keys("token", "Bearer  \n"), here)),
            "ConnectionForbidden",
            "The key token of the Secret tenant-login holds the word Bearer and no token.",
        ),
        (
            Some((keys("token", "short"), here)),
            "ConnectionForbidden",
            "The key token of the Secret tenant-login holds fewer than 8 characters",
        ),
    ];
    for (secret, reason, said) in faults {
        let bench = bench();
        *bench.cluster.tenant_secret.lock().unwrap() = Some(secret);
        bench.reconcile().await;
        assert_eq!(bench.shown().0, reason, "{said}");
        let shown = bench.cluster.tenant_status.lock().unwrap().clone();
        let shown = shown.expect(said);
        for type_ in ["Ready", "Reachable"] {
            let condition = condition(&shown, type_);
            assert_eq!(condition.status, ConditionStatus::False);
            assert_eq!(condition.reason, reason);
            assert!(condition.message.starts_with(said), "{}", condition.message);
        }
        let distributor = bench.cluster.connection_status.lock().unwrap().clone();
        assert_eq!(distributor, None, "{said}");

        // Once it is in order, the status does not go on blaming it.
        *bench.cluster.tenant_secret.lock().unwrap() =
            Some(Some((keys("token", TENANT_TOKEN), here)));
        bench.clock.at(600);
        bench.reconcile().await;
        let shown = bench.cluster.tenant_status.lock().unwrap().clone().unwrap();
        let ready = condition(&shown, "Ready");
        assert_eq!(ready.status, ConditionStatus::Unknown, "{said}");
        assert_eq!((shown.identity, shown.capabilities), (None, Vec::new()));
    }
}

/// An identity that the administrator bound elsewhere: nothing is called, no Secret is read, and both the
/// upgrade and the connection say so.
#[tokio::test]
async fn an_identity_that_is_bound_elsewhere_is_refused_before_anything_is_read() {
    for (binding, elsewhere) in [
        ("acme=https://127.0.0.1:1@other", "namespaces"),
        ("acme=https://bss.example.com@n", "addresses"),
    ] {
        let bench = bench();
        let Bench {
            cluster,
            clock,
            controller,
            metrics,
        } = bench;
        let controller = controller.with_bindings(Bindings::parse([binding]).unwrap());
        let bench = Bench {
            cluster,
            clock,
            controller,
            metrics,
        };
        assert_eq!(bench.waits().await, Duration::from_secs(60));
        let (reason, message, next) = bench.shown();
        assert_eq!(reason, "ConnectionForbidden");
        assert!(
            message.starts_with(
                "The BssConnection distributor declares the identity acme, which the administrator of \
                 the operator bound to"
            ) && message.contains(elsewhere),
            "{message}"
        );
        assert!(!message.contains("bss.example.com"), "{message}");
        assert!(next.contains("boundIdentities"), "{next}");
        let calls = bench.cluster.calls();
        assert!(!calls.contains(&"get secret"), "{calls:?}");
        assert!(!calls.contains(&"get claim"), "{calls:?}");
        assert!(!guarded(&bench), "no adapter was made");
        let events = bench.cluster.events.lock().unwrap().clone();
        let told = events
            .iter()
            .filter(|e| e.reason == Reason::ConnectionForbidden);
        assert_eq!(told.count(), 1, "{events:?}");
        let shown = bench.cluster.connection_status.lock().unwrap().clone();
        let shown = shown.unwrap();
        let ready = condition(&shown, "Ready");
        assert_eq!(
            (ready.status, &ready.message),
            (ConditionStatus::False, &message)
        );
        // Another look tells nothing again.
        bench.clock.at(600);
        bench.reconcile().await;
        assert_eq!(bench.cluster.events.lock().unwrap().len(), events.len());
    }
}

/// A value that can be sent, and is refused: it may have been encoded twice.
#[tokio::test]
async fn a_token_that_looks_like_base64_of_a_text_is_remembered_for_its_refusal() {
    for (token, doubted) in [("czNjcjN0LXQwa2VuLTE=", true), (TOKEN, false)] {
        let bench = bench();
        *bench.cluster.token.lock().unwrap() = Some(token.to_owned());
        for at in [0, 15] {
            // Also where the adapter is at hand already.
            bench.clock.at(at);
            bench.reconcile().await;
        }
        assert_eq!(bench.shown().0, "BssUnavailable", "it is sent");
        let entry = bench.controller.cache.entry("u-1");
        let entry = entry.lock().await;
        let used = entry.used.as_ref().unwrap();
        let doubt = used
            .connection
            .at_hand(Duration::from_secs(15))
            .unwrap()
            .doubt;
        assert_eq!(doubt.is_some(), doubted);
        if let Some(doubt) = doubt {
            assert!(
                doubt.starts_with("The key token of the Secret credentials looks like the base64"),
                "{doubt}"
            );
            assert!(!doubt.contains(token), "{doubt}");
        }
    }
}
