//! Servers that send large replies and stall.

use std::sync::Arc;
use std::time::Duration;

use tenant_reseller_operator::bss::Bss as _;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::limits::{
    LimiterRegistry, Membership, Party, Settings as Limits,
};
use tenant_reseller_operator::bss::port::{AccountId, Fence, Freshness, PageRequest, TenantId};

use super::scripted::{Act, Scripted};
use super::{TOKEN, settings};

const MIB: usize = 1024 * 1024;

fn join(registry: &Arc<LimiterRegistry>, namespace: &str, origin: &str) -> Membership {
    let limits = Limits {
        per_second: 1000.try_into().unwrap(),
        concurrency: 256.try_into().unwrap(),
    };
    let party = Party {
        namespace,
        identity: "acme",
        origin,
        credentials: [7; 32],
    };
    let member = registry.join(&party, limits);
    member.access().accepted();
    member
}

async fn list(bss: &ReferenceBss) -> Result<(), String> {
    let page = PageRequest {
        cursor: None,
        limit: 100,
        freshness: Freshness::Fresh,
    };
    let listed = bss.list_customers(&"10423".into(), &page).await;
    listed.map(drop).map_err(|error| error.class().to_owned())
}

fn head(length: Option<usize>) -> Vec<u8> {
    let length = length.map(|length| format!("Content-Length: {length}\r\n"));
    let length = length.unwrap_or_default();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}Connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// 7 MiB, and then nothing for a minute.
async fn stalling(length: Option<usize>) -> Scripted {
    let mut first = head(length);
    first.resize(first.len() + 7 * MIB, b' ');
    let act = Act::Drip {
        first,
        rest: b"  ".to_vec(),
        every: Duration::from_mins(1),
    };
    Scripted::start(vec![act]).await
}

/// Twenty upgrades of each of four hostile namespaces, and one honest page beside them.
#[tokio::test(flavor = "multi_thread")]
async fn replies_that_stall_take_a_share_and_leave_room_for_others() {
    for length in [None, Some(8 * MIB)] {
        let registry = LimiterRegistry::new();
        let server = stalling(length).await;
        let mut stalled = Vec::new();
        let mut members = Vec::new();
        for namespace in ["evil-1", "evil-2", "evil-3", "evil-4"] {
            let member = join(&registry, namespace, &server.url);
            for _ in 0..20 {
                let access = member.access().clone();
                let bss = ReferenceBss::new(settings(&server.url, TOKEN), access).unwrap();
                stalled.push(tokio::spawn(async move { list(&bss).await }));
            }
            members.push(member);
        }
        // All of them are being read.
        while server.requests().len() < 80 || registry.budget().taken() < 16 * MIB {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut body = br#"{"items": []}"#.to_vec();
        body.resize(2 * MIB, b' ');
        let honest = [head(Some(body.len())), body].concat();
        let honest = Scripted::start(vec![Act::Send(honest)]).await;
        let member = join(&registry, "resellers", &honest.url);
        let access = member.access().clone();
        let bss = ReferenceBss::new(settings(&honest.url, TOKEN), access).unwrap();
        let began = std::time::Instant::now();
        assert_eq!(list(&bss).await, Ok(()));
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it waited for no time-out"
        );
        assert!(registry.budget().taken() <= 96 * MIB);
        assert!(
            stalled.iter().all(|call| !call.is_finished()),
            "they still hang"
        );
        for call in &stalled {
            call.abort();
        }
        for call in stalled {
            assert!(call.await.unwrap_err().is_cancelled());
        }
        assert_eq!(registry.budget().taken(), 0, "all given back");
    }
}

/// A reply that waits for room until its time-out is lost, as a write whose outcome is not known.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_room_is_an_unknown_outcome_and_no_fault_of_the_server() {
    let registry = LimiterRegistry::new();
    let server = stalling(Some(8 * MIB)).await;
    let member = join(&registry, "evil", &server.url);
    let mut settings = settings(&server.url, TOKEN);
    settings.timeouts.whole = Duration::from_secs(2);
    let calls = (0..12).map(|_| {
        let access = member.access().clone();
        let bss = ReferenceBss::new(settings.clone(), access).unwrap();
        async move {
            let reseller = AccountId::from("10423");
            let fence = Fence {
                reseller: &reseller,
                epoch: None,
            };
            let copied = bss.copy_customers(fence, &TenantId::from("t"), &[]).await;
            copied.map(drop).map_err(|error| error.to_string())
        }
    });
    let results = futures::future::join_all(calls).await;
    let without = |said: &Result<(), String>| {
        said.as_ref()
            .is_err_and(|said| said.contains("took the memory"))
    };
    assert!(
        results.iter().filter(|said| without(said)).count() >= 4,
        "{results:?}"
    );
    assert!(results.iter().all(Result::is_err), "{results:?}");
}

/// A refusal is small; what is larger is not read, and its status says what it is.
#[tokio::test]
async fn a_large_refusal_is_not_read() {
    for (status, class) in [(503, "Unavailable"), (404, "NotFound"), (429, "Throttled")] {
        let body = " ".repeat(MIB);
        let refusal = super::scripted::reply(status, "Content-Type: text/html\r\n", &body);
        let server = Scripted::start(vec![Act::Send(refusal)]).await;
        let bss = super::adapter(settings(&server.url, TOKEN));
        let said = list(&bss).await.unwrap_err();
        let small = super::scripted::reply(status, "Content-Type: text/html\r\n", "x");
        let server = Scripted::start(vec![Act::Send(small)]).await;
        let bss = super::adapter(settings(&server.url, TOKEN));
        assert_eq!(
            list(&bss).await.unwrap_err(),
            said,
            "as a small one: {class}"
        );
    }
}

/// What tells of one thing is small.
#[tokio::test]
async fn a_large_reply_about_one_thing_is_refused() {
    let mut body = br#"{"identity": "acme"}"#.to_vec();
    body.resize(MIB, b' ');
    let server = Scripted::start(vec![Act::Send([head(None), body].concat())]).await;
    let bss = super::adapter(settings(&server.url, TOKEN));
    let refused = bss.get_identity().await.unwrap_err().to_string();
    assert!(refused.contains("more than 262144 bytes"), "{refused}");
}
