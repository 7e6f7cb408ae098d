//! The suite and TLS against the sandbox, in this process.

use super::suite::{Deed, World, run};
use super::{TOKEN, adapter, settings};
use std::time::Duration;
use tempfile::TempDir;
use tenant_reseller_operator::bss::port::{
    AccountId, BillingDay, Bss, Invoicing, PricingOptions, TenantSettings,
};
use tenant_reseller_operator::bss::transport::Settings;
use tenant_reseller_operator::sandbox::{Config, Server, Transport};

struct Sandbox {
    server: Server,
    control: reqwest::Client,
    folder: TempDir,
}

const CONTROL_TOKEN: &str = "test-control-token";

impl Sandbox {
    async fn start(transport: impl FnOnce(&TempDir) -> Transport) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let folder = TempDir::new().unwrap();
        let mut config = Config::for_tests(folder.path().join("sandbox.sqlite"));
        config.token = TOKEN.to_owned();
        config.control_token = CONTROL_TOKEN.to_owned();
        config.tenant_queue = Duration::from_millis(100);
        config.transport = transport(&folder);
        let server = Server::start(config).await.unwrap();
        Self {
            server,
            control: reqwest::Client::new(),
            folder,
        }
    }

    fn ca(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("tls/ca.crt")).unwrap()
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

    async fn deed(&self, deed: Deed) {
        let (path, body) = match deed {
            Deed::OrderPending => ("storefront/buy", r#"{"hold":true}"#),
            Deed::CancelOrders => ("staff/cancel-order", "{}"),
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
        let with = |ca: Option<String>| {
            let mut settings = settings(&url, TOKEN);
            settings.ca_pem = ca;
            settings
        };
        adapter(with(Some(sandbox.ca())))
            .capabilities()
            .await
            .unwrap();
        let wrong = adapter(with(Some(other.ca())))
            .capabilities()
            .await
            .unwrap_err();
        assert_eq!(wrong.class(), "Refused");
        let said = wrong.to_string();
        assert!(said.contains("CA") && !said.contains(TOKEN), "{said}");
        // Without a CA: not trusted either, or no roots on this machine at all.
        match tenant_reseller_operator::bss::reference::ReferenceBss::new(
            with(None),
            super::limiter(),
        ) {
            Ok(bss) => assert_eq!(bss.capabilities().await.unwrap_err().class(), "Refused"),
            Err(error) => assert_eq!(error.class(), "Refused"),
        }
    }
}

#[tokio::test]
async fn a_handshake_that_fails_sent_nothing() {
    let cleartext = Sandbox::start(|_| Transport::InsecureHttp).await;
    let with_tls = Sandbox::start(tls).await;
    let mut settings = settings(&cleartext.settings().url.replace("http:", "https:"), TOKEN);
    settings.ca_pem = Some(with_tls.ca());
    let error = adapter(settings)
        .acquire(&"10423".into(), "h", None)
        .await
        .unwrap_err();
    assert_eq!(error.class(), "Unavailable", "{error}");
}
