//! The vendor's face of the sandbox, and adapters for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::adapters::interworks::{
    Bundles, Calibration, InterworksBss, Kept, Options, Paging, Reading, Role, Switch,
    TenantDeclaration, Words,
};
use tenant_reseller_operator::bss::port::{
    AccountId, Bss, CopyListing, CopyRecord, Cursor, Customer, Freshness, Page, PageRequest,
    Purchase, PurchaseState, TenantId,
};
use tenant_reseller_operator::bss::transport::{
    AllowedHosts, ClientAuthentication, Credentials, Grant, Settings, TokenSettings, TokenSource,
};
use tenant_reseller_operator::sandbox::{Config, InterworksLogin, Server};

use crate::{limiter, settings};

pub(super) const RESELLER: &str = "10423";

pub(super) struct World {
    pub(super) server: Server,
    pub(super) config: Config,
    pub(super) client: Client,
    _folder: TempDir,
}

impl World {
    pub(super) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config::for_tests(folder.path().join("world.db"));
        let login = |name: &str, reseller: Option<&str>| InterworksLogin {
            client_id: format!("{name}-client"),
            client_secret: format!("{name}-secret"),
            user: format!("{name}-user"),
            password: format!("{name} pass&word"),
            reseller: reseller.map(ToOwned::to_owned),
        };
        config.interworks_logins =
            vec![login("distributor", None), login("tenant", Some(RESELLER))];
        change(&mut config);
        let server = Server::start(config.clone()).await.unwrap();
        Self {
            server,
            config,
            client: Client::new(),
            _folder: folder,
        }
    }

    pub(super) async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/control/v1/{path}", self.server.url());
        let request = self
            .client
            .post(url)
            .bearer_auth(&self.config.control_token);
        let response = request.json(&body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(super) async fn press(&self, button: &str) -> Value {
        self.control(&format!("screens/{button}"), json!({})).await
    }

    pub(super) async fn switch(&self, changes: Value) {
        let url = format!("{}/control/v1/promises", self.server.url());
        let request = self.client.put(url).bearer_auth(&self.config.control_token);
        let body = json!({ "interworks": changes });
        let response = request.json(&body).send().await.unwrap();
        let status = response.status();
        assert!(
            status.is_success(),
            "{status} {}",
            response.text().await.unwrap()
        );
    }

    pub(super) fn options(role: Role) -> Options {
        Options {
            api_version: "3.0".to_owned(),
            role,
            words: Words {
                states: BTreeMap::from([("In-Active".to_owned(), PurchaseState::FutureDated)]),
                synced: vec!["Synchronized".to_owned(), "Synced".to_owned()],
                not_synced: vec!["Failed".to_owned(), "NotSynced".to_owned()],
                final_orders: vec!["Completed".to_owned(), "Cancelled".to_owned()],
            },
            reading: Reading {
                page_size: 5,
                list_timeout: Duration::from_secs(10),
                record_timeout: Duration::from_secs(10),
                max_scanned: 10_000,
                paging: Paging::Pages,
            },
            switch: Switch::WithTransfer,
            bundles: Bundles::Read,
            price_list_field: Some("priceList".to_owned()),
        }
    }

    pub(super) fn login(&self, who: &str) -> Settings {
        let url = self.server.url();
        let token_url = format!("{url}/oauth/token");
        let plain = settings(url, "unused-token");
        let tokens = TokenSettings {
            token_url: token_url.clone(),
            grant: Grant::Password {
                user: format!("{who}-user").into(),
                password: format!("{who} pass&word").into(),
            },
            scopes: Vec::new(),
            client_id: format!("{who}-client").into(),
            client_secret: format!("{who}-secret").into(),
            authentication: ClientAuthentication::Basic,
            parameters: BTreeMap::new(),
            tls: plain.tls.clone(),
            proxies: plain.proxies.clone(),
            allowed_hosts: AllowedHosts::entry_for(&token_url),
            allowed_ranges: plain.allowed_ranges.clone(),
            cleartext: plain.cleartext,
            timeouts: plain.timeouts,
        };
        Settings {
            credentials: Credentials::OAuth(TokenSource::new(tokens).unwrap()),
            ..plain
        }
    }

    pub(super) fn distributor(&self, change: impl FnOnce(&mut Options)) -> InterworksBss {
        let mut options = Self::options(Role::Distributor(Calibration {
            basic: BASIC.into(),
            tenant: TENANT.into(),
        }));
        change(&mut options);
        let kept = Arc::<Kept>::default();
        InterworksBss::new(options, self.login("distributor"), limiter().into(), kept).unwrap()
    }

    pub(super) fn both(&self) -> InterworksBss {
        self.both_of(RESELLER)
    }

    /// Both sides, whose connections say the same of their listings.
    pub(super) fn both_reading(&self, change: impl Fn(&mut Options)) -> InterworksBss {
        let mut of_tenant = Self::options(Role::Tenant(TenantDeclaration {
            id: "alpha".into(),
            reseller: RESELLER.into(),
            url: None,
        }));
        change(&mut of_tenant);
        let bss = self.distributor(change);
        bss.with_tenant(of_tenant, self.login("tenant"), limiter().into())
            .unwrap()
    }

    /// What the face was asked.
    pub(super) async fn asked(&self) -> Value {
        self.look("interworks/calls").await
    }

    /// What a path of the control API shows.
    pub(super) async fn look(&self, path: &str) -> Value {
        let url = format!("{}/control/v1/{path}", self.server.url());
        let request = self.client.get(url).bearer_auth(&self.config.control_token);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Rows of a collection, as the distributor's user reads them.
    pub(super) async fn rows(&self, collection: &str) -> Vec<Value> {
        let url = self.server.url();
        let request = self.client.post(format!("{url}/oauth/token"));
        let request = request
            .basic_auth("distributor-client", Some("distributor-secret"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("grant_type=password&username=distributor-user&password=distributor+pass%26word");
        let token: Value = request.send().await.unwrap().json().await.unwrap();
        let request = self.client.get(format!("{url}/api/{collection}"));
        let request = request.bearer_auth(token["access_token"].as_str().unwrap());
        let reply = request.header("X-Api-Version", "3.0").send().await.unwrap();
        let list: Value = reply.json().await.unwrap();
        list["data"].as_array().unwrap().clone()
    }

    /// The sandbox's own id of a subscription that has a copy: the face shows another one.
    pub(super) async fn a_subscription(&self) -> Value {
        let path = format!("tenant-reseller/v1/resellers/{RESELLER}/subscriptions?limit=200");
        let url = format!("{}/{path}", self.server.url());
        let request = self.client.get(url).bearer_auth(&self.config.token);
        let list: Value = request.send().await.unwrap().json().await.unwrap();
        let all = list["items"].as_array().unwrap();
        let copied = |one: &&Value| one["kind"] == "Subscription" && one["copy"].is_object();
        all.iter().find(copied).unwrap()["id"].clone()
    }

    /// Forgets what the face was asked.
    pub(super) async fn forget_asked(&self) {
        let url = format!("{}/control/v1/interworks/calls", self.server.url());
        let request = self.client.delete(url);
        let request = request.bearer_auth(&self.config.control_token);
        let status = request.send().await.unwrap().status();
        assert!(status.is_success(), "{status}");
    }

    pub(super) fn both_of(&self, reseller: &str) -> InterworksBss {
        let declared = Role::Tenant(TenantDeclaration {
            id: "alpha".into(),
            reseller: reseller.into(),
            url: None,
        });
        let bss = self.distributor(|_| {});
        let options = Self::options(declared);
        bss.with_tenant(options, self.login("tenant"), limiter().into())
            .unwrap()
    }
}

/// Accounts of the sandbox that are known to be of the two kinds.
pub(super) const BASIC: &str = "10777";
pub(super) const TENANT: &str = "10900";

pub(super) fn reseller() -> AccountId {
    RESELLER.into()
}

pub(super) fn tenant() -> TenantId {
    "alpha".into()
}

pub(super) fn request(cursor: Option<Cursor>) -> PageRequest {
    PageRequest {
        cursor,
        limit: 7,
        freshness: Freshness::Fresh,
    }
}

/// Reads a listing to its end.
pub(super) async fn all<T, F>(page: impl FnMut(PageRequest) -> F) -> Result<Vec<T>, BssError>
where
    F: Future<Output = Result<Page<T>, BssError>>,
{
    read(request(None), page).await
}

/// The same, of pages like the first.
pub(super) async fn read<T, F>(
    mut first: PageRequest,
    mut page: impl FnMut(PageRequest) -> F,
) -> Result<Vec<T>, BssError>
where
    F: Future<Output = Result<Page<T>, BssError>>,
{
    let mut rows = Vec::new();
    for _ in 0..5_000 {
        let next = page(first.clone()).await?;
        rows.extend(next.items);
        match next.next {
            Some(next) => first.cursor = Some(next),
            None => return Ok(rows),
        }
    }
    panic!("the listing has no end");
}

pub(super) async fn customers(bss: &InterworksBss) -> Result<Vec<Customer>, BssError> {
    let account = reseller();
    all(|page| {
        let account = account.clone();
        async move { bss.list_customers(&account, &page).await }
    })
    .await
}

pub(super) async fn purchases(bss: &InterworksBss) -> Result<Vec<Purchase>, BssError> {
    let account = reseller();
    all(|page| {
        let account = account.clone();
        async move { bss.list_subscriptions(&account, &page).await }
    })
    .await
}

pub(super) async fn copies(
    bss: &InterworksBss,
    listing: CopyListing,
) -> Result<Vec<CopyRecord>, BssError> {
    all(|page| async move { bss.list_copies(&tenant(), listing, &page).await }).await
}
