//! Connections as servers and balancers end them: idle ones at any moment, HTTP/2 by GOAWAY and by refused
//! streams. What was certainly not done is sent again at once, and nothing is told of it; what may have
//! been done is unknown, and is not sent again by the transport.

use super::{TOKEN, adapter, asked, settings};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::port::{Bss, IssuedEpoch};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const BODY: &str = r#"{"identity":"acme"}"#;
const EPOCH: &str = r#"{"epoch":4,"previousEpoch":3,"holder":"h"}"#;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// It is answered, and the connection stays open.
    Answer,
    /// It is answered, and the connection is closed at once, without a word.
    AnswerAndClose,
    /// The connection is closed instead of a reply.
    Close,
    /// RST_STREAM with this code.
    Reset(u8),
    /// GOAWAY with this code; the last stream that the server works on is the one before. Then it closes.
    GoAwayBefore(u8),
    /// GOAWAY that includes this stream; then it closes without its reply.
    GoAwayAfter(u8),
}

#[derive(Default)]
struct Script {
    acts: VecDeque<Act>,
    requests: usize,
    connections: usize,
}

/// A server that does to each request in turn what it is told, and then answers.
struct Server {
    url: String,
    ca: Option<String>,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn http1(acts: &[Act]) -> Self {
        Self::start(acts, None).await
    }

    async fn http2(acts: &[Act]) -> Self {
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let tls = TlsAcceptor::from(Arc::new(config));
        Self::start(acts, Some((tls, certificate.pem()))).await
    }

    async fn start(acts: &[Act], tls: Option<(TlsAcceptor, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}/v1", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script {
            acts: acts.iter().copied().collect(),
            ..Script::default()
        }));
        let shared = Arc::clone(&script);
        let acceptor = tls.as_ref().map(|(acceptor, _)| acceptor.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, acceptor) = (Arc::clone(&shared), acceptor.clone());
                script.lock().unwrap().connections += 1;
                tokio::spawn(async move {
                    match acceptor {
                        None => serve_http1(stream, &script).await,
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(secured) => serve_http2(secured, &script).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self {
            url,
            ca: tls.map(|(_, ca)| ca),
            script,
            task,
        }
    }

    fn adapter(&self) -> ReferenceBss {
        let mut settings = settings(&self.url, TOKEN);
        if let Some(ca) = &self.ca {
            settings.tls.ca = Some(
                tenant_reseller_operator::bss::transport::CaBundle::read(ca.as_bytes()).unwrap(),
            );
        }
        adapter(settings)
    }

    fn seen(&self) -> (usize, usize) {
        let script = self.script.lock().unwrap();
        (script.requests, script.connections)
    }
}

fn next(script: &Mutex<Script>) -> Act {
    let mut script = script.lock().unwrap();
    script.requests += 1;
    script.acts.pop_front().unwrap_or(Act::Answer)
}

fn body_for(request: &str) -> &'static str {
    if request.contains("epoch") {
        EPOCH
    } else {
        BODY
    }
}

async fn serve_http1(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Mutex<Script>,
) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length:")?
                    .trim()
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        if body.len() < length {
            stream.read_buf(&mut bytes).await.ok()?;
            continue;
        }
        bytes.clear();
        let act = next(script);
        if act == Act::Close {
            return None;
        }
        let body = body_for(head);
        let reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(reply.as_bytes()).await.ok()?;
        if act == Act::AnswerAndClose {
            return stream.shutdown().await.ok();
        }
    }
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

async fn serve_http2(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Mutex<Script>,
) -> Option<()> {
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.ok()?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let ends = head[4] & 1 == 1;
        match head[3] {
            SETTINGS if !ends => stream.write_all(&frame(SETTINGS, 1, 0, &[])).await.ok()?,
            HEADERS | DATA if ends => {
                // The body of the only write is what tells the two apart.
                let write = head[3] == DATA;
                act_http2(&mut stream, next(script), (id, write)).await?;
            }
            _ => {}
        }
    }
}

async fn act_http2(
    stream: &mut (impl AsyncWrite + Unpin),
    act: Act,
    (id, write): (u32, bool),
) -> Option<()> {
    let go_away = |last: u32, code: u8| {
        let mut payload = last.to_be_bytes().to_vec();
        payload.extend(u32::from(code).to_be_bytes());
        frame(GOAWAY, 0, 0, &payload)
    };
    let (bytes, closes) = match act {
        Act::Answer | Act::AnswerAndClose => {
            // :status 200, and content-type as a literal with an indexed name (RFC 7541).
            let media = b"application/json";
            let mut headers = vec![0x88, 0x0f, 0x10, u8::try_from(media.len()).unwrap()];
            headers.extend(media);
            let body = if write { EPOCH } else { BODY };
            let mut bytes = frame(HEADERS, 4, id, &headers);
            bytes.extend(frame(DATA, 1, id, body.as_bytes()));
            (bytes, act == Act::AnswerAndClose)
        }
        Act::Close => (Vec::new(), true),
        Act::Reset(code) => (
            frame(RST_STREAM, 0, id, &u32::from(code).to_be_bytes()),
            false,
        ),
        Act::GoAwayBefore(code) => (go_away(id.saturating_sub(2), code), true),
        Act::GoAwayAfter(code) => (go_away(id, code), true),
    };
    stream.write_all(&bytes).await.ok()?;
    stream.flush().await.ok()?;
    if closes {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.shutdown().await.ok()?;
        return None;
    }
    Some(())
}

async fn read(bss: &ReferenceBss) -> Result<Option<String>, BssError> {
    bss.get_identity().await
}

async fn write(bss: &ReferenceBss) -> Result<IssuedEpoch, BssError> {
    bss.acquire_epoch(&"R-1".into(), asked("h", None)).await
}

const NO_ERROR: u8 = 0;
const INTERNAL_ERROR: u8 = 2;
const REFUSED_STREAM: u8 = 7;
const ENHANCE_YOUR_CALM: u8 = 11;

/// A server that ends its connections when they are idle, in whichever moment, is no trouble at all.
#[tokio::test]
async fn idle_connections_that_end_are_no_trouble() {
    for pause in [0, 1, 5, 30] {
        let server = Server::http1(&[Act::AnswerAndClose; 40]).await;
        let bss = server.adapter();
        for _ in 0..10 {
            assert_eq!(read(&bss).await.unwrap().as_deref(), Some("acme"));
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
    // A write that comes when the end of the connection has arrived is sent on another one.
    let server = Server::http1(&[Act::AnswerAndClose; 40]).await;
    let bss = server.adapter();
    for _ in 0..5 {
        write(&bss).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.seen(), (5, 5));
}

/// Servers keep idle connections for as little as 2 s. The operator's are older only while they are used.
#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_not_used_for_a_write() {
    let server = Server::http1(&[]).await;
    let bss = server.adapter();
    write(&bss).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    write(&bss).await.unwrap();
    assert_eq!(server.seen(), (2, 1), "one that is warm is used again");
    tokio::time::sleep(Duration::from_millis(1900)).await;
    write(&bss).await.unwrap();
    assert_eq!(server.seen(), (3, 2));
}

/// The connection ends when the request is out: a look is taken again, and of a write it is not known.
#[tokio::test]
async fn a_connection_that_ends_in_place_of_a_reply() {
    let server = Server::http1(&[Act::Answer, Act::Close]).await;
    let bss = server.adapter();
    read(&bss).await.unwrap();
    read(&bss).await.unwrap();
    assert_eq!(server.seen().0, 3);

    for server in [
        Server::http1(&[Act::Answer, Act::Close]).await,
        Server::http2(&[Act::Answer, Act::Close]).await,
    ] {
        let bss = server.adapter();
        write(&bss).await.unwrap();
        assert_eq!(write(&bss).await.unwrap_err().class(), "OutcomeUnknown");
        assert_eq!(server.seen().0, 2, "it is not sent again");
        write(&bss).await.unwrap();
    }
}

/// A stream that the server refused, or that it names as beyond the last one it works on, was not done.
#[tokio::test]
async fn what_an_http2_server_has_not_begun_on_is_sent_again() {
    for act in [
        Act::Reset(REFUSED_STREAM),
        Act::GoAwayBefore(NO_ERROR),
        Act::GoAwayBefore(INTERNAL_ERROR),
        Act::GoAwayBefore(ENHANCE_YOUR_CALM),
    ] {
        let server = Server::http2(&[Act::Answer, act, Act::Answer, act, act]).await;
        let bss = server.adapter();
        read(&bss).await.unwrap();
        assert_eq!(write(&bss).await.unwrap().epoch.0, 4, "{act:?}");
        assert_eq!(server.seen().0, 3, "{act:?}");
        assert_eq!(
            read(&bss).await.unwrap().as_deref(),
            Some("acme"),
            "{act:?}"
        );
        // Nothing was slowed down or held back by it.
        assert!(bss.limiter().paused().is_none(), "{act:?}");
    }
}

#[tokio::test]
async fn what_an_http2_server_may_have_begun_on_is_unknown() {
    for act in [
        Act::Reset(INTERNAL_ERROR),
        Act::Reset(ENHANCE_YOUR_CALM),
        Act::GoAwayAfter(NO_ERROR),
        Act::GoAwayAfter(INTERNAL_ERROR),
    ] {
        let server = Server::http2(&[Act::Answer, act]).await;
        let bss = server.adapter();
        read(&bss).await.unwrap();
        assert_eq!(
            write(&bss).await.unwrap_err().class(),
            "OutcomeUnknown",
            "{act:?}"
        );
        assert_eq!(server.seen().0, 2, "{act:?}: it is not sent again");
    }
}

/// A server that never takes a request is not available, and the outcome is known: nothing was done.
#[tokio::test]
async fn a_server_that_refuses_every_stream_is_not_available() {
    let server = Server::http2(&[Act::Reset(REFUSED_STREAM); 3]).await;
    let bss = server.adapter();
    assert_eq!(write(&bss).await.unwrap_err().class(), "Unavailable");
    assert_eq!(server.seen().0, 3);
}
