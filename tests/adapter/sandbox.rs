//! The suite and TLS against the sandbox, in this process.

use super::suite::{Action, World, run};
use super::{TOKEN, adapter, asked, settings};
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::port::{
    AccountId, BillingDay, Bss, CopyListing, Freshness, Invoicing, PageRequest, PricingOptions,
    TenantSettings,
};
use tenant_reseller_operator::bss::transport::{
    CaBundle, ClientAuthentication, Credentials, Grant, Proxies, Settings, Tls, TokenSettings,
    TokenSource,
};
use tenant_reseller_operator::sandbox::{Config, OAuthClient, Server, Transport};

/// A sandbox whose tenants have an access of their own, each side with a client of its own.
struct TwoSides(Sandbox);

const OAUTH_SECRET: &str = "s:e%c r+et";

impl TwoSides {
    async fn start() -> Self {
        let sandbox = Sandbox::configured(|config, _| {
            let client = |id: &str, tenant| OAuthClient {
                id: id.to_owned(),
                secret: OAUTH_SECRET.to_owned(),
                scopes: vec!["upgrade".to_owned()],
                tenant,
            };
            config.oauth_clients = vec![client("distributor", false), client("tenant", true)];
            let own = config.switches.with_texts(&["tenantAccess=Own"]);
            config.switches = own.unwrap();
        });
        Self(sandbox.await)
    }

    fn logged_in(&self, id: &str) -> Settings {
        let mut settings = self.0.settings();
        let tokens = TokenSettings {
            authentication: ClientAuthentication::Basic,
            parameters: BTreeMap::new(),
            tls: Tls::default(),
            proxies: Proxies::default(),
            token_url: format!("{}/oauth2/token", self.0.server.url()),
            grant: Grant::ClientCredentials,
            scopes: vec!["upgrade".to_owned()],
            client_id: id.to_owned().into(),
            client_secret: OAUTH_SECRET.to_owned().into(),
            allowed_hosts: settings.allowed_hosts.clone(),
            allowed_ranges: settings.allowed_ranges.clone(),
            cleartext: settings.cleartext,
            timeouts: settings.timeouts,
        };
        settings.credentials = Credentials::OAuth(TokenSource::new(tokens).unwrap());
        settings
    }

    async fn tokens(&self) -> serde_json::Value {
        let url = format!("{}/control/v1/state", self.0.server.url());
        let request = self.0.control.get(url).bearer_auth(CONTROL_TOKEN);
        let state: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        state["oauth"].clone()
    }
}

impl World for TwoSides {
    fn settings(&self) -> Settings {
        self.logged_in("distributor")
    }

    fn bss(&self) -> ReferenceBss {
        let bss = adapter(self.settings());
        bss.with_tenant(self.logged_in("tenant")).unwrap()
    }

    fn reseller(&self) -> AccountId {
        self.0.reseller()
    }

    fn tenant_settings(&self) -> TenantSettings {
        self.0.tenant_settings()
    }

    fn pricing(&self) -> PricingOptions {
        self.0.pricing()
    }

    async fn action(&self, action: Action) {
        self.0.action(action).await;
    }
}

/// Every operation goes to the side that may do it, with one token each.
#[tokio::test]
async fn a_whole_upgrade_with_two_clients() {
    let world = TwoSides::start().await;
    run(&world).await;
    assert_eq!(
        world.tokens().await,
        serde_json::json!({ "requests": 2, "issued": 2, "refused": 0 })
    );
}

#[tokio::test]
async fn each_side_is_forbidden_the_others_operations() {
    let world = TwoSides::start().await;
    let page = PageRequest {
        cursor: None,
        limit: 10,
        freshness: Freshness::Fresh,
    };
    let copies = async |bss: &ReferenceBss| {
        let listing = bss
            .list_copies(&"T".into(), CopyListing::Customers, &page)
            .await;
        listing.unwrap_err().class()
    };
    let alone = adapter(world.settings());
    assert_eq!(copies(&alone).await, "Forbidden");
    assert_eq!(
        copies(&world.bss()).await,
        "NotFound",
        "there is no tenant yet"
    );
    let swapped = adapter(world.logged_in("tenant"));
    let swapped = swapped.with_tenant(world.settings()).unwrap();
    assert_eq!(copies(&swapped).await, "Forbidden");
    let error = swapped.get_reseller(&world.reseller()).await.unwrap_err();
    assert_eq!(error.class(), "Forbidden");
    let limiter = swapped.limiter().figures().snapshot();
    let calls: Vec<_> = limiter.calls.keys().copied().collect();
    assert_eq!(
        calls,
        [
            ("getReseller", "Forbidden"),
            ("listCopies", "Forbidden"),
            ("requestToken", "Ok"),
        ],
        "one limiter for both"
    );
}

pub(crate) struct Sandbox {
    pub(crate) server: Server,
    pub(crate) control: reqwest::Client,
    folder: TempDir,
}

pub(crate) const CONTROL_TOKEN: &str = "test-control-token";

impl Sandbox {
    async fn start(transport: impl FnOnce(&TempDir) -> Transport) -> Self {
        Self::configured(|config, folder| config.transport = transport(folder)).await
    }

    pub(crate) async fn configured(change: impl FnOnce(&mut Config, &TempDir)) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let folder = TempDir::new().unwrap();
        let mut config = Config::for_tests(folder.path().join("sandbox.sqlite"));
        TOKEN.clone_into(&mut config.token);
        CONTROL_TOKEN.clone_into(&mut config.control_token);
        config.tenant_queue = Duration::from_millis(100);
        change(&mut config, &folder);
        let server = Server::start(config).await.unwrap();
        Self {
            server,
            control: reqwest::Client::new(),
            folder,
        }
    }

    fn ca(&self) -> CaBundle {
        CaBundle::read(&std::fs::read(self.folder.path().join("tls/ca.crt")).unwrap()).unwrap()
    }
}

fn tls(folder: &TempDir) -> Transport {
    let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    Transport::SelfSigned {
        folder: folder.path().join("tls"),
        hosts,
    }
}

impl World for Sandbox {
    fn settings(&self) -> Settings {
        settings(&format!("{}/tenant-reseller/v1", self.server.url()), TOKEN)
    }

    fn reseller(&self) -> AccountId {
        // Written in another way than the BSS does.
        "0010423".into()
    }

    fn tenant_settings(&self) -> TenantSettings {
        TenantSettings {
            price_list: "PL-RESELLER-EUR".into(),
            edition: "Premium".to_owned(),
            language: "en-GB".to_owned(),
            time_zone: "Europe/Athens".to_owned(),
            date_format: "dd/MM/yyyy".to_owned(),
            invoicing: Invoicing::Combined,
        }
    }

    fn pricing(&self) -> PricingOptions {
        PricingOptions {
            price_list: "PL-RETAIL".into(),
            billing: BillingDay::Day(1),
            payment_method: "Invoice".to_owned(),
            invoicing: Invoicing::Combined,
            credit_limit: None,
        }
    }

    async fn action(&self, action: Action) {
        let (path, body) = match action {
            Action::OrderPending => ("storefront/buy", r#"{"hold":true}"#),
            Action::CancelOrders => ("staff/cancel-order", "{}"),
        };
        let url = format!("{}/control/v1/{path}", self.server.url());
        let request = self.control.post(url).bearer_auth(CONTROL_TOKEN);
        let reply = request
            .header("content-type", "application/json")
            .body(body);
        let reply = reply.send().await.unwrap();
        assert!(
            reply.status().is_success(),
            "{path}: {}",
            reply.text().await.unwrap()
        );
    }
}

#[tokio::test]
async fn a_whole_upgrade() {
    let sandbox = Sandbox::start(|_| Transport::InsecureHttp).await;
    run(&sandbox).await;
}

#[tokio::test]
async fn trust_goes_to_the_connections_own_ca_only() {
    let sandbox = Sandbox::start(tls).await;
    let other = Sandbox::start(tls).await;
    for host in ["localhost", "127.0.0.1"] {
        let url = sandbox.settings().url.replace("127.0.0.1", host);
        let with = |ca: Option<CaBundle>| {
            let mut settings = settings(&url, TOKEN);
            settings.tls.ca = ca;
            settings
        };
        adapter(with(Some(sandbox.ca())))
            .get_capabilities()
            .await
            .unwrap();
        let wrong = adapter(with(Some(other.ca())))
            .get_capabilities()
            .await
            .unwrap_err();
        assert_eq!(wrong.class(), "Refused");
        let said = wrong.to_string();
        assert!(said.contains("ca.crt") && !said.contains(TOKEN), "{said}");
        // Without a CA: not trusted either, or no roots on this machine at all.
        match tenant_reseller_operator::bss::adapters::reference::ReferenceBss::new(
            with(None),
            super::limiter(),
        ) {
            Ok(bss) => assert_eq!(bss.get_capabilities().await.unwrap_err().class(), "Refused"),
            Err(error) => assert_eq!(error.class(), "Refused"),
        }
    }
}

#[tokio::test]
async fn a_handshake_that_fails_sent_nothing() {
    let cleartext = Sandbox::start(|_| Transport::InsecureHttp).await;
    let with_tls = Sandbox::start(tls).await;
    let mut settings = settings(&cleartext.settings().url.replace("http:", "https:"), TOKEN);
    settings.tls.ca = Some(with_tls.ca());
    let error = adapter(settings)
        .acquire_epoch(&"10423".into(), asked("h", None))
        .await
        .unwrap_err();
    assert_eq!(error.class(), "Unavailable", "{error}");
}
