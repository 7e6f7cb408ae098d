//! A small HTTP server that no client can hold up.
//!
//! Everything in the cluster may reach the port of health and metrics, and the probes of the kubelet
//! decide by it whether the process lives. So a client that sends its header slowly, takes its answer
//! slowly or opens many connections costs little and stands in no probe's way: headers, connections
//! and their life are bounded, and of too many connections the oldest is closed. No route reads a
//! body; what is left of one ends with its connection.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

/// How long a client may take for the header of a request; an idle connection ends by it too.
const HEADER: Duration = Duration::from_secs(5);
/// How long a connection lives; a scraper then opens another.
const LIFE: Duration = Duration::from_secs(60);
/// How long an answer that is under way may take beyond that, and at the end of the process.
const GRACE: Duration = Duration::from_secs(5);
/// How many connections there are at most.
const CONNECTIONS: usize = 64;
/// How large a header may be. It holds a bearer token at most.
const HEADER_BYTES: usize = 16 * 1024;
/// How long accepting rests when the system has no means for another connection.
const REST: Duration = Duration::from_millis(100);

/// Listens at an address. `[::]` takes IPv4 as well, whatever the system's default is; if it cannot
/// be used because there is no IPv6, `0.0.0.0` is used instead.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    listen_by(address, bound)
}

fn listen_by<T>(address: SocketAddr, bound: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    bound(address).or_else(|error| {
        let taken = matches!(
            error.kind(),
            io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
        );
        if taken || !(address.is_ipv6() && address.ip().is_unspecified()) {
            return Err(error);
        }
        let instead = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
        let listener = bound(instead)?;
        tracing::info!(%error, "there is no IPv6 here: IPv4 alone is served");
        Ok(listener)
    })
}

fn bound(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // As tokio does it: a port whose former connections still linger can be bound again.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

/// Serves until `stop`; requests that are under way are then answered, within a bound.
pub(super) async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) {
    let mut connections = Connections::default();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = connections.tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => connections.add(stream, routes.clone(), stop.clone()),
            // The client has gone already, or there are no file descriptors left.
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    let rest = async { while connections.tasks.join_next().await.is_some() {} };
    // What is not answered by then is cut off when the tasks are dropped.
    let _elapsed = tokio::time::timeout(GRACE, rest).await;
}

/// The connections that are open.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// The oldest first.
    handles: VecDeque<AbortHandle>,
}

impl Connections {
    /// Takes one more; of too many the oldest goes. An honest client's request takes a moment, so
    /// it is never the oldest of many.
    fn add(&mut self, stream: TcpStream, routes: Router, stop: CancellationToken) {
        self.handles.retain(|handle| !handle.is_finished());
        while self.handles.len() >= CONNECTIONS {
            if let Some(oldest) = self.handles.pop_front() {
                oldest.abort();
            }
        }
        let task = self.tasks.spawn(converse(stream, routes, stop));
        self.handles.push_back(task);
    }
}

/// One connection, from its first byte to its end.
async fn converse(stream: TcpStream, routes: Router, stop: CancellationToken) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut routes = routes.clone();
        // A router is always ready, and never fails.
        async move { routes.call(request.map(Body::new)).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // How a client's connection ended is of no interest.
        _ended = connection.as_mut() => return,
        () = tokio::time::sleep(LIFE) => {}
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _elapsed = tokio::time::timeout(GRACE, connection).await;
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    fn served(address: &str) -> Served {
        let listener = listen(address.parse().expect("an address")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new()
            .route("/livez", get(|| async { "ok" }))
            .route("/large", get(|| async { "x".repeat(16 * 1024 * 1024) }));
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, routes, stop.clone()));
        Served {
            address,
            stop,
            task,
        }
    }

    async fn livez(address: SocketAddr) -> String {
        let answer = reqwest::get(format!("http://{address}/livez")).await;
        let answer = answer.expect("an answer");
        answer.text().await.expect("text")
    }

    /// Reads until the server closes the connection.
    async fn until_closed(stream: &mut TcpStream, within: Duration) -> Vec<u8> {
        let mut seen = Vec::new();
        let read = async {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut some).await {
                seen.extend_from_slice(&some[..count]);
            }
        };
        let ended = tokio::time::timeout(within, read).await;
        ended.expect("the server closes the connection");
        seen
    }

    #[tokio::test]
    async fn both_kinds_of_addresses_are_served() {
        let served = served("[::]:0");
        let port = served.address.port();
        assert_eq!(livez(([127, 0, 0, 1], port).into()).await, "ok");
        // A machine without IPv6 has served IPv4 alone, by the same words.
        if served.address.is_ipv6() && std::net::UdpSocket::bind("[::1]:0").is_ok() {
            assert_eq!(
                livez(format!("[::1]:{port}").parse().expect("v6")).await,
                "ok"
            );
        }
        served.stop.cancel();
    }

    #[test]
    fn without_ipv6_the_same_port_of_ipv4_is_served() {
        let any: SocketAddr = "[::]:8080".parse().expect("an address");
        let none = |kind: io::ErrorKind| {
            move |address: SocketAddr| {
                if address.is_ipv6() {
                    return Err(io::Error::from(kind));
                }
                Ok(address)
            }
        };
        // What Linux says with ipv6.disable=1 (EAFNOSUPPORT) has no stable kind of its own.
        for kind in [io::ErrorKind::Other, io::ErrorKind::AddrNotAvailable] {
            let bound = listen_by(any, none(kind)).expect("IPv4");
            assert_eq!(bound.to_string(), "0.0.0.0:8080");
        }
        // Anything else is told: a port that is taken, and an address that was chosen.
        assert!(listen_by(any, none(io::ErrorKind::AddrInUse)).is_err());
        let chosen: SocketAddr = "[::1]:8080".parse().expect("an address");
        assert!(listen_by(chosen, none(io::ErrorKind::AddrNotAvailable)).is_err());
    }

    #[tokio::test]
    async fn a_header_that_does_not_come_ends_the_connection() {
        let served = served("127.0.0.1:0");
        let began = Instant::now();
        let mut slow = TcpStream::connect(served.address).await.expect("connected");
        slow.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n")
            .await
            .expect("sent");
        let mut silent = TcpStream::connect(served.address).await.expect("connected");
        until_closed(&mut slow, HEADER * 2).await;
        until_closed(&mut silent, HEADER * 2).await;
        assert!(began.elapsed() >= HEADER / 2, "{:?}", began.elapsed());
        served.stop.cancel();
    }

    #[tokio::test]
    async fn a_header_that_is_too_large_is_refused() {
        let served = served("127.0.0.1:0");
        let mut large = TcpStream::connect(served.address).await.expect("connected");
        let line = format!("x: {}\r\n", "y".repeat(HEADER_BYTES * 2));
        // The server may close before all was sent.
        let _sent = large
            .write_all(format!("GET /livez HTTP/1.1\r\n{line}").as_bytes())
            .await;
        let answer = until_closed(&mut large, HEADER).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.contains(" 431 "), "{answer}");
        served.stop.cancel();
    }

    #[tokio::test]
    async fn many_connections_stand_in_no_probes_way() {
        let served = served("127.0.0.1:0");
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS * 3 {
            let mut stream = TcpStream::connect(served.address).await.expect("connected");
            stream
                .write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .expect("sent");
            held.push(stream);
        }
        let began = Instant::now();
        assert_eq!(livez(served.address).await, "ok");
        assert!(began.elapsed() < HEADER, "{:?}", began.elapsed());
        // The first have been closed, though their answers were not taken.
        until_closed(&mut held[0], HEADER).await;
        served.stop.cancel();
        let ended = tokio::time::timeout(GRACE * 2, served.task).await;
        ended
            .expect("answers that no client takes do not hold up the end")
            .expect("no panic");
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_is_not_read() {
        let served = served("127.0.0.1:0");
        let mut stream = TcpStream::connect(served.address).await.expect("connected");
        let head = b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000000\r\n\r\n";
        stream.write_all(head).await.expect("sent");
        let chunk = vec![0; 1024 * 1024];
        let mut sent = 0_u64;
        // More than every buffer on the way can hold.
        while sent < 256 && stream.write_all(&chunk).await.is_ok() {
            sent += 1;
        }
        assert!(sent < 256, "the body was read");
        assert_eq!(livez(served.address).await, "ok");
        served.stop.cancel();
    }
}
