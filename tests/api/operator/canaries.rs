//! Canaries in what `observed.rs` does not reach: the key of a client certificate in real handshakes, and the
//! password grant with the accounts of the vendor's API, while everything is logged and traced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::bss::{Bss, Data};
use super::collector::Collector;
use super::observed::{assert_untold, everything_told, plant};
use super::world::{NAME, Options, World, until};

/// A text as a program that prints its bytes would show it.
fn as_bytes(bytes: &[u8]) -> [String; 2] {
    let hexadecimal = super::collector::hex(bytes);
    let decimal = format!("{bytes:?}");
    [hexadecimal, decimal.trim_matches(['[', ']']).to_owned()]
}

/// Everything that a secret text could be told as.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), encoded];
    forms.extend(as_bytes(secret.as_bytes()));
    forms
}

/// The same of a private key: a line of its PEM, and bytes in its middle.
fn forms_of_key(pem: &str) -> Vec<String> {
    let lines: Vec<&str> = pem
        .lines()
        .filter(|line| line.len() > 40 && !line.starts_with('-'))
        .collect();
    assert!(!lines.is_empty(), "no key");
    let mut forms: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let bytes = key.secret_der();
    let middle = bytes.len() / 2;
    forms.extend(as_bytes(&bytes[middle..middle + 12]));
    forms
}

/// None of these texts is in anything that the operator tells.
async fn assert_told_nowhere(world: &mut World, collector: &Collector, canaries: &[String]) {
    assert!(canaries.len() > 3);
    let places = everything_told(world).await;
    for canary in canaries {
        assert_untold(&places, collector, canary);
    }
}

/// An authority with certificates of two sides.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "door");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, host: &str) -> Pair {
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        Pair {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    roots
}

/// A door in front of a BSS that lets nobody in without a certificate of its authority.
struct Door {
    /// Host and port.
    address: String,
    /// How many connections came through.
    passed: Arc<AtomicUsize>,
}

impl Door {
    async fn before(bss: &Bss, authority: &Authority) -> Self {
        let own = authority.issue("127.0.0.1");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let trusted = Arc::new(roots(&authority.0.pem()));
        let verifier = WebPkiClientVerifier::builder_with_provider(trusted, provider.clone());
        let mut inside = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
            )
            .unwrap();
        inside.alpn_protocols = vec![b"http/1.1".to_vec()];
        let outside = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots(&bss.authority))
            .with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(inside));
        let connector = TlsConnector::from(Arc::new(outside));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let passed = Arc::new(AtomicUsize::new(0));
        let (count, to) = (Arc::clone(&passed), bss.authority_of_url().to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let (count, to) = (Arc::clone(&count), to.clone());
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(stream).await else {
                        return;
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    let server = TcpStream::connect(to).await.unwrap();
                    let name = ServerName::try_from("127.0.0.1").unwrap();
                    let mut server = connector.connect(name, server).await.unwrap();
                    let _closed = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { address, passed }
    }
}

/// A whole upgrade in which every connection shows a client certificate: the log of every library tells of
/// the handshakes, and nothing tells the key.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_client_certificate_is_told_nowhere() {
    let (collector, url) = Collector::start().await;
    let options = Options {
        arguments: vec![
            "--log-filter=trace".to_owned(),
            format!("--otlp-endpoint={url}"),
        ],
        ..Options::default()
    };
    let mut world = World::with("clientkey", options).await;
    plant(&world);
    let authority = Authority::new();
    let door = Door::before(&world.bss, &authority).await;
    let client = authority.issue("the operator");
    let mut credentials = world.credentials(&world.bss.token);
    credentials["metadata"]["annotations"]["tenantreseller.io/allowed-hosts"] = json!(door.address);
    let own = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {
            "name": "own", "namespace": world.namespace,
            "annotations": { "tenantreseller.io/allowed-hosts": door.address },
        },
        "stringData": { "tls.crt": client.certificate, "tls.key": client.key },
    });
    let trusted = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "door", "namespace": world.namespace },
        "stringData": { "ca.crt": authority.0.pem() },
    });
    let mut connection = world.connection();
    connection["spec"]["reference"]["url"] =
        json!(format!("https://{}/tenant-reseller/v1", door.address));
    connection["spec"]["tls"] = json!({
        "caSecretRef": { "name": "door" }, "clientCertificateSecretRef": { "name": "own" },
    });
    world
        .apply(&[credentials, own, trusted, connection, world.upgrade()])
        .await;
    // The log of libraries has words that `ends_well` looks for.
    world.until_succeeded().await;
    world.bss.judged_clean().await;
    assert!(
        door.passed.load(Ordering::Relaxed) > 0,
        "no one came through"
    );
    assert!(
        world.log().contains("Attempting client auth"),
        "the log does not tell of the handshakes: nothing is shown"
    );
    let mut canaries = forms_of_key(&client.key);
    canaries.extend(forms(&world.bss.token));
    assert_told_nowhere(&mut world, &collector, &canaries).await;
}

/// The user, password and client of a side, as its Secret holds them.
fn login(side: &str) -> [String; 4] {
    [
        // Twelve letters, so that base64 shows them whole.
        "canaryclient".to_owned(),
        format!("contract-secret-of-{side} client%&+"),
        format!("canary-user-{side}"),
        format!("contract-secret-of-{side} password%&+"),
    ]
}

fn secret(world: &World, name: &str, login: &[String; 4]) -> Value {
    let [client, client_secret, user, password] = login;
    let mut secret = world.credentials("");
    secret["metadata"]["name"] = json!(name);
    secret["stringData"] = json!({
        "clientId": client, "clientSecret": client_secret, "username": user, "password": password,
    });
    secret
}

fn by_password(world: &World, name: &str, interworks: &Value) -> Value {
    let mut connection = world.connection();
    connection["metadata"]["name"] = json!(name);
    let spec = connection["spec"].as_object_mut().unwrap();
    spec.remove("reference");
    spec.insert("interworks".to_owned(), interworks.clone());
    spec.insert(
        "auth".to_owned(),
        json!({ "oauth2Password": {
            "tokenUrl": format!("{}/oauth/token", world.bss.url),
            "userSecretRef": { "name": name },
            "clientSecretRef": { "name": name },
            "tls": { "caSecretRef": { "name": "authority" } },
        } }),
    );
    connection
}

/// The vendor's API by the password grant, of both sides, until the reseller has to set pricing options: the
/// accounts of all customers were read on both sides by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_grant_and_accounts_are_told_nowhere() {
    let sides = ["distributor", "tenant"].map(login);
    let (collector, url) = Collector::start().await;
    let options = Options {
        data: Data {
            more: vec![
                format!("--interworks-login={}", sides[0].join(":")),
                format!("--interworks-tenant-login={}:10423", sides[1].join(":")),
            ],
            ..Data::default()
        },
        arguments: vec![
            "--log-filter=trace".to_owned(),
            format!("--otlp-endpoint={url}"),
        ],
        ..Options::default()
    };
    let mut world = World::with("passwordgrant", options).await;
    plant(&world);
    let words = json!({
        "futureDated": ["In-Active"], "synced": ["Synchronized"], "notSynced": ["Failed"],
    });
    let distributor = json!({
        "url": world.bss.url, "words": words, "priceListField": "priceList",
        "calibration": { "basicAccountId": "10777", "tenantAccountId": "10900" },
        "finalOrderStatuses": ["Executed", "Cancelled"],
    });
    let upgrade = world.waiting_upgrade();
    world
        .apply(&[
            secret(&world, "distributor", &sides[0]),
            world.authority(),
            by_password(&world, "distributor", &distributor),
            upgrade.clone(),
        ])
        .await;
    let pressed =
        |button: &'static str| move |view: &super::view::View| view.next_action().contains(button);
    world.until("Create Tenant", pressed("Create Tenant")).await;
    let settings = json!({ "settings": upgrade["spec"]["tenant"] });
    world.bss.act("screens/create-tenant", settings).await;
    until("the tenant", || async {
        let state = world.bss.state().await;
        (state["tenant"]["status"] == "Active", state.to_string())
    })
    .await;
    let tenant = json!({
        "url": world.bss.url, "words": words, "priceListField": "priceList",
        "tenant": { "id": NAME, "resellerAccountId": "10423" },
    });
    world
        .apply(&[
            secret(&world, "contoso-tenant", &sides[1]),
            by_password(&world, "contoso-tenant", &tenant),
        ])
        .await;
    let reference = json!({ "kind": "BssConnection", "name": "contoso-tenant" });
    world
        .patch(json!({ "spec": { "tenantConnectionRef": reference } }))
        .await;
    world
        .until("Transfer Accounts", pressed("Transfer Accounts"))
        .await;
    let rows = world.rows("ManualSteps").await;
    let ids: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
    let accounts = json!({ "accountIds": ids });
    world.bss.act("screens/transfer-accounts", accounts).await;
    world.until_reason("AwaitingPricing").await;

    let mut canaries = vec!["Y2FuYXJ5Y2xpZW50".to_owned(), "access_token".to_owned()];
    for [_, client_secret, user, password] in &sides {
        for text in [client_secret, user, password] {
            canaries.extend(forms(text));
        }
    }
    assert_told_nowhere(&mut world, &collector, &canaries).await;
    assert!(
        world.log().contains("asked for a token"),
        "no token was asked for"
    );
}
