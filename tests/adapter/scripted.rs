//! A server that does to each connection exactly what it is told, byte by byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// These bytes, then the connection is closed.
    Send(Vec<u8>),
    /// The connection is closed without a byte.
    Close,
    /// The first bytes at once, then one of the others each `every`.
    Drip {
        first: Vec<u8>,
        rest: Vec<u8>,
        every: Duration,
    },
    /// The head, then zeros until the client hangs up.
    Flood(Vec<u8>),
    /// Nothing at all, the connection stays open.
    Hang,
}

/// What the server saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests, head and body.
    pub requests: Vec<String>,
    /// Bytes that were written.
    pub sent: u64,
}

/// A running server.
pub struct Scripted {
    /// Its base URL.
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    /// Does the acts in turn, and the last one for ever.
    pub async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut turn = 0;
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let act = acts[turn.min(acts.len() - 1)].clone();
                turn += 1;
                tokio::spawn(serve(stream, act, Arc::clone(&shared)));
            }
        });
        Self { url, seen, task }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// The bytes sent so far.
    pub fn sent(&self) -> u64 {
        self.seen.lock().unwrap().sent
    }
}

async fn serve(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Seen>>) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    seen.lock().unwrap().requests.push(request);
    match act {
        Act::Close => {}
        Act::Hang => {
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
        }
        Act::Send(bytes) => write(&mut stream, &bytes, &seen).await,
        Act::Drip { first, rest, every } => {
            write(&mut stream, &first, &seen).await;
            for byte in rest {
                tokio::time::sleep(every).await;
                write(&mut stream, &[byte], &seen).await;
            }
        }
        Act::Flood(head) => {
            write(&mut stream, &head, &seen).await;
            let chunk = vec![b' '; 64 * 1024];
            while stream.write_all(&chunk).await.is_ok() {
                seen.lock().unwrap().sent += chunk.len() as u64;
            }
        }
    }
    drop(stream.shutdown().await);
}

async fn write(stream: &mut TcpStream, bytes: &[u8], seen: &Mutex<Seen>) {
    if stream.write_all(bytes).await.is_ok() {
        seen.lock().unwrap().sent += bytes.len() as u64;
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A reply with a body, whole.
pub fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

/// A success with JSON.
pub fn json(body: &str) -> Vec<u8> {
    reply(200, "Content-Type: application/json\r\n", body)
}

/// A problem of a class, with further members.
pub fn problem(status: u16, class: &str, more: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"title":"refused","status":{status},"class":"{class}","detail":"because"{more}}}"#
    );
    reply(status, "Content-Type: application/problem+json\r\n", &body)
}
