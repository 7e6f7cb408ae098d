//! Certificates that are made for the tests, and a server and a proxy on loopback that use them.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use tenant_reseller_operator::bss::transport::CaBundle;

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

pub fn named(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

impl Authority {
    pub fn new(common: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = named(common);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    pub fn bundle(&self) -> CaBundle {
        CaBundle::read(self.pem().as_bytes()).unwrap()
    }

    /// The authority's own certificate, as if it were that of a server.
    pub fn own_pair(&self) -> Pair {
        Pair {
            certificate: self.pem(),
            key: self.0.key().serialize_pem(),
        }
    }

    /// A certificate for these hosts.
    pub fn issue(&self, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = named("the server");
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate that no authority issued.
pub fn self_signed(hosts: &[&str]) -> Pair {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = named("itself");
    let key = KeyPair::generate().unwrap();
    Pair {
        certificate: params.self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

/// Settings of a server. With an authority it asks for certificates that this one issued.
pub fn server_config(pair: &Pair, clients: Option<&Authority>) -> ServerConfig {
    versions(pair, clients, rustls::DEFAULT_VERSIONS)
}

pub fn versions(
    pair: &Pair,
    clients: Option<&Authority>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    use rustls::pki_types::pem::PemObject;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain: Vec<_> =
        rustls::pki_types::CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
            .map(Result::unwrap)
            .collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.0.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    builder.with_single_cert(chain, key).unwrap()
}

/// A server that answers every request in the same way. Its settings can be changed while it runs.
pub struct TlsServer {
    pub port: u16,
    pub config: Arc<Mutex<Arc<ServerConfig>>>,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl TlsServer {
    pub fn start(config: ServerConfig, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(Mutex::new(Arc::new(config)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Self {
            port,
            config: Arc::clone(&config),
            requests: Arc::clone(&requests),
        };
        let reply = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // It ends with the process of the tests: nothing else waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let config = config.lock().unwrap().clone();
                serve(stream, config, (&reply, &requests));
            }
        });
        server
    }

    pub fn change(&self, config: ServerConfig) {
        *self.config.lock().unwrap() = Arc::new(config);
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    (reply, requests): (&str, &Mutex<Vec<String>>),
) {
    let limit = Some(std::time::Duration::from_secs(5));
    stream.set_read_timeout(limit).unwrap();
    let connection = ServerConnection::new(config).unwrap();
    let mut tls = StreamOwned::new(connection, stream);
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                requests.lock().unwrap().push(text);
                break;
            }
        }
        match tls.read(&mut buffer) {
            Ok(0) | Err(_) => {
                // The alert, if there is one, and the end.
                drop(tls.flush());
                return;
            }
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
    }
    drop(tls.write_all(reply.as_bytes()));
    tls.conn.send_close_notify();
    drop(tls.flush());
}

/// A proxy that opens every way to one port of this machine, or answers with a status.
pub struct Proxy {
    pub port: u16,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start(to: Result<u16, &'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    if !matches!(stream.read(&mut byte), Ok(1)) {
                        break;
                    }
                    head.push(byte[0]);
                }
                shared
                    .lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&head).into_owned());
                match to {
                    Ok(port) => tunnel(stream, port),
                    Err(status) => {
                        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                        drop(stream.write_all(reply.as_bytes()));
                    }
                }
            }
        });
        Self { port, asked }
    }
}

fn tunnel(mut stream: TcpStream, port: u16) {
    let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Write));
    });
    let (mut from, mut to) = (server, stream);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Write));
    });
}
