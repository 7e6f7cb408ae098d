//! TLS and the way out over real sockets: which certificates are trusted, what is said of those that
//! are not, client certificates, bundles as people have them, and a proxy.

use super::certificates::{
    Authority, Pair, Proxy, TlsServer, self_signed, server_config, versions,
};
use super::{TOKEN, adapter, limiter, settings};
use jiff::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use secrecy::SecretSlice;
use std::collections::BTreeMap;
use std::time::Duration;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::port::Bss;
use tenant_reseller_operator::bss::transport::{
    AllowedHosts, AllowedRanges, CaBundle, Cleartext, ClientAuthentication, ClientCertificate,
    Credentials, Grant, MachineRoots, PairFault, Part, Proxies, Settings, Timeouts, Tls,
    TokenSettings, TokenSource,
};

const IDENTITY: &str = r#"{"identity":"acme"}"#;

fn trusting(ca: CaBundle) -> Tls {
    Tls {
        ca: Some(ca),
        ..Tls::default()
    }
}

fn at(port: u16, tls: Tls) -> Settings {
    let mut settings = settings(&format!("https://127.0.0.1:{port}/v1"), TOKEN);
    settings.tls = tls;
    settings
}

async fn says(port: u16, tls: &Tls) -> String {
    let bss = adapter(at(port, tls.clone()));
    let error = bss.get_identity().await.unwrap_err();
    assert_eq!(error.class(), "Refused", "{error}");
    let said = error.to_string();
    for debug in ["Context", "Other(", "UnixTime", "DnsName", "{", "Err("] {
        assert!(!said.contains(debug), "a debug value: {said}");
    }
    said
}

fn fault(said: &str, port: u16) -> String {
    let begin = format!("the connection is refused here: the certificate of 127.0.0.1:{port} ");
    said.strip_prefix(&begin).unwrap_or(said).to_owned()
}

#[tokio::test]
async fn every_certificate_that_is_not_trusted_has_its_own_sentence() {
    let authority = Authority::new("The Authority");
    let other = Authority::new("Another Authority");
    let host = &["127.0.0.1"][..];
    let cases: [(&str, Pair, &str); 9] = [
        (
            "expired",
            authority.issue(host, |params| params.not_after = date_time_ymd(2021, 3, 4)),
            "expired on 2021-03-04 00:00 UTC: install one on the server that is valid now",
        ),
        (
            "not yet",
            authority.issue(host, |params| params.not_before = date_time_ymd(2095, 3, 4)),
            "is not valid before 2095-03-04 00:00 UTC: install one on the server that is valid now",
        ),
        (
            "another host",
            authority.issue(&["bss.example.com", "*.example.org", "10.1.2.3"], |_| {}),
            "names bss.example.com, *.example.org, 10.1.2.3 and not 127.0.0.1: correct the host of \
             the URL, or have one issued that names 127.0.0.1",
        ),
        (
            "no alternative name",
            authority.issue(&[], |_| {}),
            "has no subject alternative name; its common name, \"the server\", is not read (RFC \
             9525): have one issued that names 127.0.0.1 as a subject alternative name",
        ),
        (
            "an authority's own",
            authority.own_pair(),
            "is that of a certificate authority, \"The Authority\", and not one of a server: have \
             the authority issue a certificate for 127.0.0.1, and install that one on the server",
        ),
        (
            "unknown issuer",
            other.issue(host, |_| {}),
            "is issued by \"Another Authority\", which does not lead to what is trusted: \"The \
             Authority\", the content of ca.crt. Put the authority's certificate into the key ca.crt \
             of the Secret that tls.caSecretRef names; if \"Another Authority\" is an intermediate \
             authority, the server must send its certificate too",
        ),
        (
            "self-signed",
            self_signed(host),
            "is self-signed, by \"itself\", and trusted are \"The Authority\", the content of \
             ca.crt: put this certificate into the key ca.crt of the Secret that tls.caSecretRef \
             names, or install one of an authority",
        ),
        (
            "for clients only",
            authority.issue(host, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "is not meant for servers: its extended key usage lacks server authentication",
        ),
        (
            "of the same name",
            Authority::new("The Authority").issue(host, |_| {}),
            "bears a signature that is not that of \"The Authority\", its issuer: the key ca.crt \
             may hold an older or newer authority of the same name",
        ),
    ];
    for (name, pair, expected) in cases {
        let server = TlsServer::start(server_config(&pair, None), IDENTITY);
        let said = says(server.port, &trusting(authority.bundle())).await;
        assert_eq!(fault(&said, server.port), expected, "{name}");
        assert_eq!(server.count(), 0, "{name}: nothing was sent");
    }
}

/// The same adapter, as an upgrade keeps it for a minute.
#[tokio::test]
async fn a_certificate_that_was_mended_is_seen_at_the_next_call() {
    let authority = Authority::new("The Authority");
    let expired = authority.issue(&["127.0.0.1"], |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let server = TlsServer::start(server_config(&expired, None), IDENTITY);
    let bss = adapter(at(server.port, trusting(authority.bundle())));
    assert_eq!(bss.get_identity().await.unwrap_err().class(), "Refused");
    server.change(server_config(
        &authority.issue(&["127.0.0.1"], |_| {}),
        None,
    ));
    assert_eq!(bss.get_identity().await, Ok(Some("acme".to_owned())));
}

#[tokio::test]
async fn trust_is_per_host() {
    let (of_bss, of_tokens) = (Authority::new("A"), Authority::new("B"));
    let host = &["127.0.0.1"][..];
    let token = r#"{"access_token":"the-t0ken"}"#;
    let server = TlsServer::start(server_config(&of_bss.issue(host, |_| {}), None), IDENTITY);
    let login = TlsServer::start(server_config(&of_tokens.issue(host, |_| {}), None), token);
    let with = |ca: &Authority| {
        let url = format!("https://127.0.0.1:{}/o/token/", login.port);
        let tokens = TokenSettings {
            scopes: Vec::new(),
            client_id: "the-client".to_owned().into(),
            client_secret: "s3cr3t-s3cr3t".to_owned().into(),
            authentication: ClientAuthentication::Basic,
            parameters: BTreeMap::new(),
            tls: trusting(ca.bundle()),
            proxies: Proxies::default(),
            allowed_hosts: AllowedHosts::entry_for(&url),
            allowed_ranges: AllowedRanges::parse(["127.0.0.0/8"]).unwrap(),
            cleartext: Cleartext::Refused,
            timeouts: Timeouts::within(Duration::from_secs(20)),
            token_url: url,
            grant: Grant::ClientCredentials,
        };
        let mut settings = at(server.port, trusting(of_bss.bundle()));
        settings.credentials = Credentials::OAuth(TokenSource::new(tokens).unwrap());
        adapter(settings)
    };
    assert_eq!(
        with(&of_tokens).get_identity().await,
        Ok(Some("acme".to_owned()))
    );
    let asked = login.requests.lock().unwrap()[0].clone();
    assert!(
        asked.starts_with("POST /o/token/ HTTP/1.1\r\n"),
        "as written: {asked}"
    );
    let said = with(&of_bss).get_identity().await.unwrap_err().to_string();
    let named = format!(
        "the certificate of 127.0.0.1:{} is issued by \"B\"",
        login.port
    );
    assert!(
        said.contains("token endpoint") && said.contains(&named),
        "{said}"
    );
    // The machine's own authorities beside an own one take nothing away from it.
    let mut both = trusting(of_bss.bundle());
    both.machine_roots = MachineRoots::Included;
    let bss = adapter(at(server.port, both));
    assert_eq!(bss.get_identity().await, Ok(Some("acme".to_owned())));
}

fn secret(text: &str) -> SecretSlice<u8> {
    text.as_bytes().to_vec().into()
}

fn pair(pair: &Pair) -> Result<ClientCertificate, PairFault> {
    ClientCertificate::read(
        &secret(&pair.certificate),
        &secret(&pair.key),
        Timestamp::now(),
    )
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
    let own = servers.issue(&["127.0.0.1"], |_| {});
    let good = clients.issue(&["the client"], |_| {});
    let stranger = Authority::new("Strangers").issue(&["a stranger"], |_| {});
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = versions(&own, Some(&clients), &[version]);
        let server = TlsServer::start(config, IDENTITY);
        let with = |shown: Option<&Pair>| {
            let mut tls = trusting(servers.bundle());
            tls.client_certificate = shown.map(|shown| pair(shown).unwrap());
            adapter(at(server.port, tls))
        };
        let answer = with(Some(&good)).get_identity().await;
        assert_eq!(answer, Ok(Some("acme".to_owned())), "{version:?}");
        assert_eq!(server.count(), 1);
        for shown in [None, Some(&stranger)] {
            let said = with(shown).get_identity().await.unwrap_err().to_string();
            assert!(said.contains("client certificate"), "{version:?}: {said}");
            assert!(said.contains("tls.clientCertificateSecretRef"), "{said}");
            assert_eq!(said.contains("name a Secret"), shown.is_none(), "{said}");
        }
        assert_eq!(server.count(), 1, "{version:?}: no request came through");
    }
}

#[test]
fn a_pair_that_cannot_be_used_is_named_by_its_part_and_its_fault() {
    let authority = Authority::new("Clients");
    let good = authority.issue(&["the client"], |_| {});
    let other = authority.issue(&["the client"], |_| {});
    let expired = authority.issue(&[], |params| params.not_after = date_time_ymd(2021, 3, 4));
    let early = authority.issue(&[], |params| params.not_before = date_time_ymd(2095, 3, 4));
    let with = |certificate: &str, key: &str| Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let (certificate, key) = (good.certificate.as_str(), good.key.as_str());
    let half_key = &key[..key.len() - 30];
    let half = &certificate[..certificate.len() - 30];
    for (given, part, says) in [
        (with("", key), Part::Certificate, "is empty"),
        (
            with("nothing", key),
            Part::Certificate,
            "holds no certificate",
        ),
        (with(half, key), Part::Certificate, "cannot be read as PEM"),
        (with(key, key), Part::Certificate, "holds no certificate"),
        (with(certificate, " \n"), Part::Key, "is empty"),
        (
            with(certificate, certificate),
            Part::Key,
            "holds no private key",
        ),
        (with(certificate, half_key), Part::Key, "cut or damaged"),
        (
            with(certificate, encrypted),
            Part::Key,
            "encrypted private key",
        ),
        (
            with(certificate, &other.key),
            Part::Key,
            "is not the key of the first certificate in tls.crt",
        ),
        (
            expired,
            Part::Certificate,
            "\"the server\", which expired on 2021-03-04 00:00 UTC",
        ),
        (
            early,
            Part::Certificate,
            "which is not valid before 2095-03-04 00:00 UTC",
        ),
    ] {
        let fault = pair(&given).unwrap_err();
        assert_eq!(fault.part, part, "{}", fault.fault);
        assert!(fault.fault.contains(says), "{}", fault.fault);
    }
    // With the chain behind it, with comments, and with line ends of another system.
    let whole = format!("{certificate}# the authority\n{}", authority.pem()).replace('\n', "\r\n");
    assert!(pair(&with(&whole, &format!("\u{feff}{key}"))).is_ok());
}

#[tokio::test]
async fn bundles_are_read_as_people_have_them() {
    let authority = Authority::new("The Authority");
    let other = Authority::new("Another Authority");
    let pem = authority.pem();
    let own = authority.issue(&["127.0.0.1"], |_| {});
    let server = TlsServer::start(server_config(&own, None), IDENTITY);
    let latin1 = [
        &b"# Zertifizierungsstelle f\xfcr B\xfcro\n"[..],
        pem.as_bytes(),
    ]
    .concat();
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        let text = pem.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(text).collect::<Vec<u8>>()
    };
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA!\n-----END CERTIFICATE-----\n";
    let nothing = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (name, bytes) in [
        ("as it is", pem.clone().into_bytes()),
        ("comments in Latin-1", latin1),
        ("a byte order mark", format!("\u{feff}{pem}").into_bytes()),
        (
            "UTF-16, little end first",
            utf16([0xff, 0xfe], u16::to_le_bytes),
        ),
        (
            "UTF-16, big end first",
            utf16([0xfe, 0xff], u16::to_be_bytes),
        ),
        ("CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("CR", pem.replace('\n', "\r").into_bytes()),
        ("indented", pem.replace('\n', "\n    ").into_bytes()),
        (
            "without the last line break",
            pem.trim_end().as_bytes().to_vec(),
        ),
        ("all on one line", pem.replace('\n', " ").into_bytes()),
        (
            "line breaks written out",
            pem.replace('\n', "\\n").into_bytes(),
        ),
        (
            "line breaks of Windows written out",
            pem.replace('\n', "\\r\\n").into_bytes(),
        ),
        (
            "the former label",
            pem.replace(" CERTIFICATE-----", " X509 CERTIFICATE-----")
                .into_bytes(),
        ),
        (
            "blanks at the ends of lines",
            pem.replace('\n', "  \t\n").into_bytes(),
        ),
        (
            "two on one line",
            format!("{}{pem}", other.pem())
                .replace('\n', " ")
                .into_bytes(),
        ),
        ("DER", authority.der()),
        ("a key beside it", format!("{}{pem}", own.key).into_bytes()),
        (
            "another one before it",
            format!("{}{pem}", other.pem()).into_bytes(),
        ),
        (
            "a damaged one before it",
            format!("{damaged}{pem}").into_bytes(),
        ),
        (
            "one of no use before it",
            format!("{nothing}{pem}").into_bytes(),
        ),
        (
            "text around it",
            format!("subject=CN\n\n{pem}\nissuer=CN\n").into_bytes(),
        ),
        (
            "an open section before it",
            format!("-----BEGIN CERTIFICATE-----\nAAAA\n{pem}").into_bytes(),
        ),
    ] {
        let ca = CaBundle::read(&bytes).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let bss = adapter(at(server.port, trusting(ca)));
        assert_eq!(
            bss.get_identity().await,
            Ok(Some("acme".to_owned())),
            "{name}"
        );
    }
    // What was left out is told where it may be the reason.
    let partly = CaBundle::read(format!("{nothing}{}", other.pem()).as_bytes()).unwrap();
    let said = says(server.port, &trusting(partly)).await;
    assert!(
        said.contains("certificate 1 is no X.509 certificate that can be used"),
        "{said}"
    );
}

#[test]
fn a_bundle_that_cannot_be_used_is_named_by_its_fault() {
    let own = self_signed(&["127.0.0.1"]);
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA!\n-----END CERTIFICATE-----\n";
    let nothing = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (bytes, says) in [
        (&b""[..], "is empty"),
        (b" \r\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (own.key.as_bytes(), "holds a private key and no certificate"),
        (damaged.as_bytes(), "whose text is cut or damaged"),
        (
            nothing.as_bytes(),
            "is no X.509 certificate that can be used",
        ),
        (b"hello", "holds no certificate: it must be PEM"),
        (b"\x30\x82\x09\x10\x02\x01\x03\x30\x82", "is PKCS #12"),
        (
            b"\xfe\xed\xfe\xed\x00\x00\x00\x02",
            "is a key store of Java",
        ),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
            "holds a request for a certificate",
        ),
        (
            b"-----BEGIN CERTIFICATE-----",
            "whose text is cut or damaged",
        ),
        (
            b"-----BEGIN CERTIFICATE----- MIIB",
            "whose text is cut or damaged",
        ),
        (
            b"\x30\x82\x00\x01x",
            "is no X.509 certificate that can be used",
        ),
        (
            b"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
            "encoded in base64 twice",
        ),
        (
            b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n",
            "openssl pkcs7 -print_certs",
        ),
        (
            b"-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
            "the form of OpenSSL",
        ),
    ] {
        let fault = CaBundle::read(bytes).unwrap_err();
        assert!(fault.contains(says), "{fault}");
    }
}

#[tokio::test]
async fn a_proxy_is_the_only_way_out() {
    let authority = Authority::new("The Authority");
    let own = authority.issue(&["bss.example.test"], |_| {});
    let server = TlsServer::start(server_config(&own, None), IDENTITY);
    let url = "https://bss.example.test/v1";
    let with = |proxy: &str, without: &[&str]| {
        let without: Vec<String> = without.iter().map(|one| (*one).to_owned()).collect();
        let mut settings = settings(url, TOKEN);
        settings.tls = trusting(authority.bundle());
        settings.proxies = Proxies::read(Some(proxy), &without).unwrap();
        settings.timeouts = Timeouts::within(Duration::from_secs(5));
        adapter(settings)
    };
    let proxy = Proxy::start(Ok(server.port));
    let address = format!("http://user:pa%20ss@127.0.0.1:{}", proxy.port);
    let answer = with(&address, &["elsewhere.example"]).get_identity().await;
    assert_eq!(answer, Ok(Some("acme".to_owned())));
    let asked = proxy.asked.lock().unwrap()[0].clone();
    assert!(
        asked.starts_with("CONNECT bss.example.test:443 HTTP/1.1\r\n"),
        "{asked}"
    );
    // user:pa ss
    assert!(asked.contains("Basic dXNlcjpwYSBzcw=="), "{asked}");
    assert!(!asked.contains(TOKEN), "the token goes to the BSS alone");
    let direct = with(&address, &[".example.test"]).get_identity().await;
    assert_eq!(
        direct.unwrap_err().class(),
        "Unavailable",
        "the name is of no use here"
    );
    assert_eq!(proxy.asked.lock().unwrap().len(), 1);
    for (status, says) in [
        (
            "407 Proxy Authentication Required",
            "asks for a user and a password",
        ),
        (
            "403 Forbidden",
            "does not open a way to bss.example.test:443",
        ),
        (
            "502 Bad Gateway",
            "does not open a way to bss.example.test:443",
        ),
    ] {
        let refusing = Proxy::start(Err(status));
        let address = format!("127.0.0.1:{}", refusing.port);
        let error = with(&address, &[]).get_identity().await.unwrap_err();
        assert_eq!(error.class(), "Unavailable", "{error}");
        let said = error.to_string();
        assert!(said.contains(says) && said.contains(&address), "{said}");
    }
    let away = with("127.0.0.1:9", &[]).get_identity().await.unwrap_err();
    assert!(
        away.to_string()
            .contains("the proxy 127.0.0.1:9 cannot be reached"),
        "{away}"
    );
}

#[test]
fn through_a_proxy_the_guard_refuses_what_a_url_shows_to_be_internal() {
    let proxies =
        |without: &str| Proxies::read(Some("proxy.example:3128"), &[without.to_owned()]).unwrap();
    let made = |url: &str, without: &str| {
        let mut settings = settings(url, TOKEN);
        settings.tls = trusting(Authority::new("A").bundle());
        settings.allowed_ranges = AllowedRanges::parse(["10.2.0.0/16"]).unwrap();
        settings.proxies = proxies(without);
        ReferenceBss::new(settings, limiter()).map(drop)
    };
    for url in [
        "https://169.254.169.254/",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://bss.localhost./",
        "https://kubernetes.default/",
        "https://kubernetes.default.svc/",
        "https://api.other.svc.cluster.local:8443/",
        "https://metadata.google.internal/",
    ] {
        assert_eq!(made(url, "").unwrap_err().class(), "Refused", "{url}");
    }
    for url in [
        "https://bss.example/",
        "https://10.2.3.4/",
        "https://bss.corp.local/",
    ] {
        assert_eq!(made(url, ""), Ok(()), "{url}");
    }
    // Without the proxy the address decides, when the name is looked up.
    assert_eq!(made("https://api.other.svc/", "svc"), Ok(()));
    for wrong in [
        "https://proxy.example:3128",
        "socks5://proxy.example",
        "http://",
        "::",
    ] {
        let said = Proxies::read(Some(wrong), &[]).unwrap_err();
        assert!(said.contains("http://proxy.example.com:3128"), "{said}");
    }
    let hidden = Proxies::read(Some("http://user:s3cr3t@proxy.example:3128"), &[]).unwrap();
    assert_eq!(hidden.authority(), Some("proxy.example:3128"));
    assert!(!format!("{hidden:?}").contains("s3cr3t"));
}

/// A person who sets the usual variable expects it to be used.
#[test]
fn a_proxy_in_the_usual_variable_is_not_used_and_the_log_says_so() {
    let log = |variable: (&str, &str)| {
        let operator = env!("CARGO_BIN_EXE_tenant-reseller-operator");
        let ended = std::process::Command::new(operator)
            .args(["run", "--namespace", "n"])
            .env_clear()
            .env("KUBECONFIG", "/nowhere/at/all")
            .env(variable.0, variable.1)
            .output()
            .unwrap();
        assert!(!ended.status.success(), "there is no cluster");
        let all = [ended.stdout, ended.stderr].concat();
        String::from_utf8(all).unwrap()
    };
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let said = log((variable, "http://user:s3cr3t@proxy.example:3128"));
        assert!(
            said.contains(variable) && said.contains("--https-proxy"),
            "{said}"
        );
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    let used = log(("BSS_HTTPS_PROXY", "http://user:s3cr3t@proxy.example:3128"));
    assert!(
        used.contains("through a proxy") && used.contains("proxy.example:3128"),
        "{used}"
    );
    assert!(!used.contains("s3cr3t"), "{used}");
    let wrong = log(("BSS_HTTPS_PROXY", "https://user:s3cr3t@proxy.example"));
    assert!(
        wrong.contains("--https-proxy: it must be the URL"),
        "{wrong}"
    );
    assert!(!wrong.contains("s3cr3t"), "{wrong}");
    let none = log(("HTTPS_PROXY", ""));
    assert!(!none.contains("--https-proxy"), "{none}");
}
