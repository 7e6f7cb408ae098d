//! Every way to misbehave, and what the adapter makes of it: for a read and for a write, never with
//! the credentials in what it says.

use super::scripted::{Act, Scripted, json, problem, reply};
use super::{TOKEN, adapter, limiter, settings};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::cancellation::Cancellation;
use tenant_reseller_operator::bss::limits::{Limiter, PauseReason, Settings as Limits};
use tenant_reseller_operator::bss::port::{
    Bss, CopyItem, CopyListing, Epoch, Fence, Freshness, ItemKind, ItemOutcome, PageRequest,
    SourceId,
};
use tenant_reseller_operator::bss::transport::{AllowedRanges, Credentials, Settings, Timeouts};

fn item(source: &str) -> CopyItem {
    CopyItem {
        source: source.into(),
        kind: ItemKind::Customer,
        key: format!("key/{source}").into(),
        expected_source: "d".into(),
        expected_copy: None,
        pricing: None,
    }
}

async fn read(bss: &ReferenceBss) -> BssError {
    bss.get_identity().await.unwrap_err()
}

async fn write(bss: &ReferenceBss) -> BssError {
    let fence = Fence {
        reseller: &"R".into(),
        epoch: Some(Epoch(3)),
    };
    bss.copy_customers(fence, &"T".into(), &[item("1"), item("2")])
        .await
        .unwrap_err()
}

/// The classes of a read and of a write that meet this act; nothing said holds the token.
async fn classes(act: Act, change: impl Fn(&mut Settings)) -> (&'static str, &'static str) {
    let server = Scripted::start(vec![act]).await;
    let mut settings = settings(&server.url, TOKEN);
    change(&mut settings);
    let errors = [
        read(&adapter(settings.clone())).await,
        write(&adapter(settings.clone())).await,
    ];
    for error in &errors {
        let said = format!("{error} {error:?} {:?}", adapter(settings.clone()));
        assert!(!said.contains(TOKEN), "{said}");
        assert!(said.len() < 2000, "{said}");
    }
    (errors[0].class(), errors[1].class())
}

fn as_is(_: &mut Settings) {}

#[tokio::test]
async fn refusals_of_every_class() {
    let stale = r#","highestEpoch":9"#;
    let blocked = r#","blockers":[{"reason":"NotCopied","count":3,"examples":["S-1"]}]"#;
    let invalid = r#","fields":[{"field":"a","detail":"b","allowed":["c"]}]"#;
    for (status, class, more, expected) in [
        (401, "AuthRejected", "", ["AuthRejected"; 2]),
        (403, "Forbidden", "", ["Forbidden"; 2]),
        (404, "NotFound", "", ["NotFound"; 2]),
        (409, "Conflict", "", ["Conflict"; 2]),
        (409, "StaleEpoch", stale, ["StaleEpoch"; 2]),
        (409, "StaleEpoch", "", ["Malformed"; 2]),
        (
            409,
            "HeldByAnother",
            r#","holder":"them""#,
            ["HeldByAnother"; 2],
        ),
        (409, "Blocked", blocked, ["Blocked"; 2]),
        (422, "Invalid", invalid, ["Invalid"; 2]),
        (429, "Throttled", "", ["Throttled"; 2]),
        (
            501,
            "ManualStepNeeded",
            r#","instruction":"press""#,
            ["ManualStepNeeded"; 2],
        ),
        (501, "Unsupported", "", ["Unsupported"; 2]),
        (503, "Unavailable", "", ["Unavailable"; 2]),
        (503, "Internal", "", ["Unavailable", "OutcomeUnknown"]),
        (500, "Internal", "", ["Unavailable", "OutcomeUnknown"]),
        (404, "Conflict", "", ["Malformed"; 2]),
        (418, "Invalid", invalid, ["Malformed"; 2]),
    ] {
        let (read, write) = classes(Act::Send(problem(status, class, more)), as_is).await;
        assert_eq!([read, write], expected, "{status} {class}");
    }
}

#[tokio::test]
async fn statuses_without_problem_details() {
    for (status, expected) in [
        (401, ["AuthRejected"; 2]),
        (403, ["Forbidden"; 2]),
        (429, ["Throttled"; 2]),
        (404, ["Malformed"; 2]),
        (409, ["Malformed"; 2]),
        (502, ["Unavailable", "OutcomeUnknown"]),
        (503, ["Unavailable", "OutcomeUnknown"]),
        (504, ["Unavailable", "OutcomeUnknown"]),
        (204, ["Malformed"; 2]),
        (201, ["Malformed"; 2]),
    ] {
        let page = reply(status, "Content-Type: text/html\r\n", "<html>no</html>");
        let (read, write) = classes(Act::Send(page), as_is).await;
        assert_eq!([read, write], expected, "{status}");
    }
}

#[tokio::test]
async fn broken_replies() {
    let lost = ("Unavailable", "OutcomeUnknown");
    let malformed = ("Malformed", "Malformed");
    let mut cut = json(r#"{"results":[],"identity":"acme"}"#);
    cut.truncate(cut.len() - 5);
    let html = reply(200, "Content-Type: text/html\r\n", "{}");
    let no_type = reply(200, "", "{}");
    let text = reply(200, "Content-Type: application/json\r\n", "not JSON");
    let half_head = b"HTTP/1.1 200 OK\r\nContent-Ty".to_vec();
    for (name, act, expected) in [
        ("closed after the request", Act::Close, lost),
        ("cut in the head", Act::Send(half_head), lost),
        ("cut in the body", Act::Send(cut), lost),
        ("not HTTP", Act::Send(b"SSH-2.0-x\r\n\r\n".to_vec()), lost),
        ("another media type", Act::Send(html), malformed),
        ("no media type", Act::Send(no_type), malformed),
        ("not JSON", Act::Send(text), malformed),
        ("of another type", Act::Send(json("[1,2]")), malformed),
        (
            "wrong member",
            Act::Send(json(r#"{"identity":7,"results":7}"#)),
            malformed,
        ),
    ] {
        assert_eq!(classes(act, as_is).await, expected, "{name}");
    }
}

#[tokio::test]
async fn slow_replies_end_in_time() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";
    let drip = Act::Drip {
        first: head.to_vec(),
        rest: vec![b' '; 500],
        every: Duration::from_millis(20),
    };
    let quick = |settings: &mut Settings| {
        settings.timeouts = Timeouts::within(Duration::from_millis(300));
    };
    let start = Instant::now();
    assert_eq!(
        classes(drip, quick).await,
        ("Unavailable", "OutcomeUnknown")
    );
    assert_eq!(
        classes(Act::Hang, quick).await,
        ("Unavailable", "OutcomeUnknown")
    );
    // Four calls of at most 0.3 s, where the server would have taken 10 s for each.
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_reply_of_100_mb_is_not_read() {
    const HUNDRED: u64 = 100_000_000;
    let announced = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {HUNDRED}\r\n\r\n"
    );
    let unannounced = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_owned();
    for head in [announced, unannounced] {
        let server = Scripted::start(vec![Act::Flood(head.into_bytes())]).await;
        let mut settings = settings(&server.url, TOKEN);
        settings.reply_limit = 1_000_000;
        let bss = adapter(settings);
        assert_eq!(read(&bss).await.class(), "Malformed");
        assert_eq!(write(&bss).await.class(), "Malformed");
        // What lies in the sockets' buffers counts as sent.
        assert!(
            server.sent() < HUNDRED / 2,
            "{} bytes were sent",
            server.sent()
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed_and_credentials_stay() {
    let other = Scripted::start(vec![Act::Send(json("{}"))]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}/identity\r\n", other.url);
        let act = Act::Send(reply(status, &location, ""));
        assert_eq!(
            classes(act, as_is).await,
            ("Malformed", "Malformed"),
            "{status}"
        );
    }
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let bss = || adapter(settings(&format!("http://127.0.0.1:{port}"), TOKEN));
    // Of a write, too, nothing was done: there was no connection.
    assert_eq!(read(&bss()).await.class(), "Unavailable");
    assert_eq!(write(&bss()).await.class(), "Unavailable");
}

#[tokio::test]
async fn a_bss_that_repeats_the_token_does_not_get_it_into_texts() {
    let echo = format!(r#","detail":"{TOKEN}","instruction":"say {TOKEN}","holder":"{TOKEN}""#);
    let fields = format!(r#","fields":[{{"field":"{TOKEN}","detail":"{TOKEN}"}}]"#);
    let class = |status, class, more: &str| {
        let body = format!(r#"{{"title":"{TOKEN}","status":{status},"class":"{class}"{more}}}"#);
        Act::Send(reply(
            status,
            "Content-Type: application/problem+json\r\n",
            &body,
        ))
    };
    for (act, expected) in [
        (class(409, "Conflict", &echo), "Conflict"),
        (class(409, "HeldByAnother", &echo), "HeldByAnother"),
        (class(501, "ManualStepNeeded", &echo), "ManualStepNeeded"),
        (class(422, "Invalid", &fields), "Invalid"),
        (class(503, "Unavailable", &echo), "Unavailable"),
        (class(500, "Internal", &echo), "OutcomeUnknown"),
        (
            Act::Send(json(&format!(
                r#"{{"results":"{TOKEN}","identity":["{TOKEN}"]}}"#
            ))),
            "Malformed",
        ),
    ] {
        assert_eq!(classes(act, as_is).await.1, expected);
    }
    let results = format!(
        r#"{{"results":[{{"sourceId":"1","outcome":"Conflict","detail":"{TOKEN}"}},
        {{"sourceId":"2","outcome":"Failed","class":"Invalid","detail":"{TOKEN}\n"}}]}}"#
    );
    let server = Scripted::start(vec![Act::Send(json(&results))]).await;
    let fence = Fence {
        reseller: &"R".into(),
        epoch: Some(Epoch(3)),
    };
    let bss = adapter(settings(&server.url, TOKEN));
    let outcomes = bss
        .copy_customers(fence, &"T".into(), &[item("1"), item("2")])
        .await
        .unwrap();
    assert!(!format!("{outcomes:?}").contains(TOKEN), "{outcomes:?}");
}

#[tokio::test]
async fn batches_with_missing_alien_and_double_items() {
    let result = |id: &str| format!(r#"{{"sourceId":"{id}","outcome":"Created"}}"#);
    let of = |ids: &[&str]| {
        let all: Vec<String> = ids.iter().map(|id| result(id)).collect();
        Act::Send(json(&format!(r#"{{"results":[{}]}}"#, all.join(","))))
    };
    let server = Scripted::start(vec![of(&["2"]), of(&["1", "2", "9"]), of(&["1", "1"])]).await;
    let bss = adapter(settings(&server.url, TOKEN));
    let fence = Fence {
        reseller: &"R".into(),
        epoch: Some(Epoch(3)),
    };
    let outcomes = bss
        .copy_customers(fence, &"T".into(), &[item("1"), item("2")])
        .await
        .unwrap();
    let expected = [("1", ItemOutcome::Unknown), ("2", ItemOutcome::Created)];
    assert_eq!(
        outcomes,
        expected
            .map(|(id, outcome)| (SourceId::from(id), outcome))
            .into()
    );
    let alien = write(&bss).await;
    assert!(
        matches!(&alien, BssError::Malformed { detail } if detail.contains('9')),
        "{alien}"
    );
    assert!(alien.effect_unknown());
    assert_eq!(write(&bss).await.class(), "Malformed");
}

#[tokio::test]
async fn a_read_that_lacks_an_item_is_no_answer() {
    let server = Scripted::start(vec![Act::Send(json(r#"{"results":[]}"#))]).await;
    let bss = adapter(settings(&server.url, TOKEN));
    let tenant = "T".into();
    let found = bss.find_copies(&tenant, &["k".into()]).await.unwrap_err();
    let pricing = bss.get_pricing(&tenant, &["1".into()]).await.unwrap_err();
    let target = tenant_reseller_operator::bss::port::CheckTarget::Tenant(tenant);
    let checked = bss
        .check_purchases(&"R".into(), &target, &["1".into()])
        .await;
    assert_eq!([found.class(), pricing.class()], ["Malformed"; 2]);
    // The contract leaves out what the BSS does not know (any more).
    assert_eq!(checked, Ok(std::collections::BTreeMap::new()));
    assert_eq!(
        pricing.to_string(),
        r#"the reply broke the contract: getPricing of "tenants/T/pricing/lookup": no result for "1""#
    );
}

#[tokio::test]
async fn listings_that_turn_in_circles_or_fall_back() {
    let copy = |source: &str, id: &str| {
        format!(r#"{{"id":"{id}","sourceId":"{source}","digest":"d","state":"Live"}}"#)
    };
    let page = |items: &[String], next: &str| {
        Act::Send(json(&format!(
            r#"{{"items":[{}],"nextCursor":"{next}"}}"#,
            items.join(",")
        )))
    };
    let good = [copy("1", "a"), copy("1", "b")];
    let fallen = [copy("2", "a"), copy("1", "b")];
    let acts = vec![
        page(&good, "onwards"),
        page(&good, "here"),
        page(&fallen, "onwards"),
        page(&[], "onwards"),
    ];
    let server = Scripted::start(acts).await;
    let bss = adapter(settings(&server.url, TOKEN));
    let request = PageRequest {
        cursor: Some("here".into()),
        limit: 10,
        freshness: Freshness::Fresh,
    };
    let tenant = "T".into();
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        let page = bss
            .list_copies(&tenant, CopyListing::Customers, &request)
            .await;
        outcomes.push(page.map_or_else(|error| error.class(), |_| "Ok"));
    }
    assert_eq!(outcomes, ["Ok", "Malformed", "Malformed", "Malformed"]);
    let asked = &server.requests()[0];
    assert!(asked.starts_with("GET /v1/tenants/T/copies?limit=10&cursor=here&kind=Customers "));
}

#[tokio::test]
async fn what_is_sent_is_what_the_contract_says() {
    let server = Scripted::start(vec![Act::Send(json(r#"{"results":[]}"#))]).await;
    let bss = adapter(settings(&server.url, TOKEN));
    let fence = Fence {
        reseller: &"R".into(),
        epoch: Some(Epoch(3)),
    };
    drop(
        bss.copy_customers(fence, &"T/1".into(), &[item("1")])
            .await
            .unwrap(),
    );
    drop(bss.get_identity().await);
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /v1/tenants/T%2F1/customers/copy HTTP/1.1\r\n"),
        "{head}"
    );
    let header = |head: &str, name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.to_owned())
    };
    assert_eq!(
        header(head, "authorization").unwrap(),
        format!("Bearer {TOKEN}")
    );
    assert_eq!(header(head, "fencing-epoch").unwrap(), "3");
    assert_eq!(header(head, "idempotency-key"), None);
    assert_eq!(header(head, "content-type").unwrap(), "application/json");
    assert!(
        header(head, "user-agent")
            .unwrap()
            .starts_with("tenant-reseller-operator/")
    );
    assert_eq!(
        body,
        r#"{"items":[{"sourceId":"1","businessKey":"key/1","expectedSource":"d"}]}"#
    );
    let traces: Vec<_> = requests
        .iter()
        .map(|request| header(request, "traceparent").unwrap())
        .collect();
    assert_eq!(traces.iter().map(String::len).collect::<Vec<_>>(), [55, 55]);
    assert_ne!(traces[0], traces[1]);
    assert_eq!(header(&requests[1], "fencing-epoch"), None);
}

#[tokio::test]
async fn throttling_slows_everybody_down() {
    for (headers, longest) in [
        ("Retry-After: 30\r\n", 30),
        ("Retry-After: 100000\r\n", 900),
    ] {
        let server = Scripted::start(vec![Act::Send(reply(429, headers, ""))]).await;
        let limiter = limiter();
        let one = ReferenceBss::new(settings(&server.url, TOKEN), limiter.clone()).unwrap();
        let two = ReferenceBss::new(settings(&server.url, TOKEN), limiter.clone()).unwrap();
        let longest = Duration::from_secs(longest);
        let asked = Some(longest);
        assert_eq!(read(&one).await, BssError::Throttled { after: asked });
        // The other one is not even sent.
        let BssError::Throttled { after: Some(after) } = write(&two).await else {
            panic!()
        };
        assert!(after > longest - Duration::from_secs(10) && after <= longest);
        assert_eq!(server.requests().len(), 1);
        assert_eq!(limiter.paused().unwrap().reason, PauseReason::Throttled);
        let figures = limiter.figures().snapshot();
        let calls: Vec<_> = figures
            .calls
            .iter()
            .map(|(key, tally)| (*key, tally.count))
            .collect();
        assert_eq!(calls, [(("getIdentity", "Throttled"), 1)]);
        assert_eq!((figures.throttled, figures.deferred), (longest, 1));
    }
    let unavailable = problem(503, "Unavailable", "");
    let server = Scripted::start(vec![Act::Send(unavailable), Act::Send(json("{}"))]).await;
    let bss = adapter(settings(&server.url, TOKEN));
    let start = Instant::now();
    assert_eq!(read(&bss).await.class(), "Unavailable");
    assert_eq!(
        bss.get_identity().await,
        Ok(None),
        "waited for, because the pause is short"
    );
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn giving_up_leaves_no_place_taken() {
    let server = Scripted::start(vec![Act::Hang]).await;
    let limiter = limiter();
    let bss = ReferenceBss::new(settings(&server.url, TOKEN), limiter.clone()).unwrap();
    let call = tokio::time::timeout(Duration::from_millis(50), bss.get_identity());
    assert!(call.await.is_err());
    assert_eq!(limiter.load(), (0, 0));
}

#[test]
fn connections_that_may_not_be_used() {
    let refused = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings("http://127.0.0.1:9", TOKEN);
        change(&mut settings);
        let error = ReferenceBss::new(settings, limiter()).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(TOKEN), "{said}");
        assert_eq!(error.class(), "Refused");
        said
    };
    refused(&|s| s.allowed_hosts = String::new());
    refused(&|s| s.allowed_hosts = "bss.example".to_owned());
    refused(&|s| s.allowed_hosts = "127.0.0.1:10".to_owned());
    refused(&|s| s.url = "http://bss.example".to_owned());
    refused(&|s| s.url = format!("http://user:{TOKEN}@127.0.0.1:9"));
    refused(&|s| s.credentials = Credentials::Bearer(format!("{TOKEN}\n").into()));
    refused(&|s| s.credentials = Credentials::Bearer(String::new().into()));
    refused(&|s| s.allowed_hosts = "127.0.0.1".to_owned());
    assert!(refused(&|s| s.allowed_ranges = AllowedRanges::none()).contains("loopback"));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let mut settings = settings("https://localhost:9", TOKEN);
    settings.allowed_ranges = AllowedRanges::none();
    let bss = adapter(settings);
    for error in [read(&bss).await, write(&bss).await] {
        let BssError::Refused { detail } = &error else {
            panic!("{error}")
        };
        assert!(detail.contains("loopback"), "{detail}");
    }
}

#[tokio::test]
async fn ids_that_would_lead_elsewhere_are_not_sent() {
    let server = Scripted::start(vec![Act::Send(json("{}"))]).await;
    let bss = adapter(settings(&server.url, TOKEN));
    for id in ["", ".", ".."] {
        assert_eq!(
            bss.get_tenant(&id.into()).await.unwrap_err().class(),
            "Invalid"
        );
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_taken_back_while_it_waited_is_never_sent() {
    let whole = json(r#"{"identity":"acme"}"#);
    let (first, rest) = whole.split_at(whole.len() - 8);
    let slow = Act::Drip {
        first: first.to_vec(),
        rest: rest.to_vec(),
        every: Duration::from_millis(60),
    };
    let server = Scripted::start(vec![slow, Act::Send(json(r#"{"results":[]}"#))]).await;
    let limiter = Limiter::new(Limits {
        per_second: NonZeroU32::new(1000).unwrap(),
        concurrency: NonZeroU16::MIN,
    });
    let bss = ReferenceBss::new(settings(&server.url, TOKEN), limiter.clone()).unwrap();
    let wanted = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&wanted);
    let cancellation = Cancellation::unless(move || asked.load(Ordering::SeqCst));
    let writes = cancellation.over(async { tokio::join!(write(&bss), write(&bss)) });
    let change_of_mind = async {
        while limiter.load() != (2, 1) {
            tokio::task::yield_now().await;
        }
        wanted.store(false, Ordering::SeqCst);
    };
    let (first, taken_back, ()) = tokio::join!(bss.get_identity(), writes, change_of_mind);
    assert_eq!(first, Ok(Some("acme".to_owned())));
    assert_eq!(taken_back, (BssError::Cancelled, BssError::Cancelled));
    assert!(!BssError::Cancelled.effect_unknown());
    assert_eq!(server.requests().len(), 1);
    // A call that was cancelled slows the BSS's limiter down in no way, and its places are free again.
    assert_eq!(limiter.paused(), None);
    assert_eq!(limiter.load(), (0, 0));
    let calls = limiter.figures().snapshot().calls;
    let names: Vec<_> = calls.keys().copied().collect();
    assert_eq!(names, [("getIdentity", "Ok")]);
    // Without a cancellation over it, a call goes.
    let fence = Fence {
        reseller: &"R".into(),
        epoch: Some(Epoch(3)),
    };
    bss.copy_customers(fence, &"T".into(), &[item("1")])
        .await
        .unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn other_statuses_may_mean_too_many_requests() {
    let page = |status| {
        reply(
            status,
            "Content-Type: text/html\r\nRetry-After: 7\r\n",
            "<html>",
        )
    };
    let classed = |status, class: &str| {
        let body = format!(r#"{{"class":"{class}"}}"#);
        reply(status, "Content-Type: application/json\r\n", &body)
    };
    let whole = problem;
    for (bytes, with_403, without) in [
        (page(403), "Throttled", "Forbidden"),
        (classed(403, "Throttled"), "Throttled", "Forbidden"),
        (whole(403, "Throttled", ""), "Throttled", "Forbidden"),
        (classed(403, "Forbidden"), "Forbidden", "Forbidden"),
        (whole(403, "Forbidden", ""), "Forbidden", "Forbidden"),
        (classed(403, "AccessDenied"), "Forbidden", "Forbidden"),
        (page(401), "AuthRejected", "AuthRejected"),
        (page(429), "Throttled", "Throttled"),
        (whole(429, "Forbidden", ""), "Throttled", "Throttled"),
    ] {
        for (statuses, expected) in [(vec![403], with_403), (vec![429], without)] {
            let seen = classes(Act::Send(bytes.clone()), |settings| {
                settings.throttle_statuses.clone_from(&statuses);
            });
            let said = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(seen.await, (expected, expected), "{statuses:?} {said}");
        }
    }
    // It slows down like a 429, and tells for how long.
    let server = Scripted::start(vec![Act::Send(page(403))]).await;
    let limiter = limiter();
    let mut settings = settings(&server.url, TOKEN);
    settings.throttle_statuses = vec![403];
    let bss = ReferenceBss::new(settings, limiter.clone()).unwrap();
    let asked = Some(Duration::from_secs(7));
    assert_eq!(read(&bss).await, BssError::Throttled { after: asked });
    assert_eq!(limiter.paused().unwrap().reason, PauseReason::Throttled);
    assert_eq!(write(&bss).await.class(), "Throttled");
    assert_eq!(server.requests().len(), 1, "held back");
}
